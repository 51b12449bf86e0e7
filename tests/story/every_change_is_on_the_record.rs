//! The trail of every change, and what `backoffice check` says of changes that did not come through the server.

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::harness::{App, Books};
use crate::nordwind::{self, BILL, MATCH};

const TRAIL: &str = "query($node: ID!) { auditTrail(node: $node, first: 50) { nodes {
    occurredAt actor actorKind actorName requestId recordType action node before after } } }";

#[tokio::test]
async fn the_trail_says_who_when_in_which_request_before_and_after() {
    let (app, books) = nordwind::found().await;
    let client = &books.accountant;
    let created = client
        .ask(
            "mutation { customerCreate(input: { number: \"C1\", name: \"Before\", country: \"DE\" }) { customer { id } userErrors { message } } }",
            json!({}),
        )
        .await;
    let id = &created["customerCreate"]["customer"]["id"];
    let update = "mutation($id: ID!) { customerUpdate(input: { id: $id, name: \"After\" }) { customer { id } userErrors { message } } }";
    let reply = client.send(update, json!({ "id": id })).await;
    let request = reply.headers["x-request-id"].to_str().unwrap().to_owned();
    // What was refused, or only tried, leaves no trail.
    client.dry().ask(update, json!({ "id": id })).await;
    client.refused("mutation($id: ID!) { customerUpdate(input: { id: $id, name: \"\" }) { customer { id } userErrors { message } } }", json!({ "id": id })).await;

    let trail = client.ask(TRAIL, json!({ "node": id })).await["auditTrail"]["nodes"].clone();
    assert_eq!(trail.as_array().unwrap().len(), 2, "{trail}");
    let (updated, inserted) = (&trail[0], &trail[1]);
    assert_eq!((&updated["action"], &inserted["action"]), (&json!("UPDATE"), &json!("INSERT")));
    for entry in [updated, inserted] {
        assert_eq!(entry["actor"], json!(books.accountant_id));
        assert_eq!((&entry["actorKind"], &entry["actorName"]), (&json!("USER"), &json!("Konrad Konto")));
        assert_eq!((&entry["recordType"], &entry["node"]), (&json!("finance.customer"), id));
        assert!(entry["occurredAt"].as_str().is_some_and(|at| at.ends_with('Z')));
    }
    assert_eq!(updated["requestId"], json!(request));
    assert_ne!(updated["requestId"], inserted["requestId"]);
    assert_eq!(inserted["before"], Value::Null);
    assert_eq!(
        (&inserted["after"]["name"], &updated["before"]["name"], &updated["after"]["name"]),
        (&json!("Before"), &json!("Before"), &json!("After"))
    );
    assert_eq!(app.database.findings(), Vec::<String>::new());

    // Secrets are not in it, and who may not read it does not.
    let inside = books.administrator.enter(&books.client).await;
    let portal = inside.role("Portal").await;
    inside
        .ask(
            "mutation($input: UserInviteInput!) { userInvite(input: $input) { token userErrors { message } } }",
            json!({ "input": { "email": "carla@nordwind.example", "name": "Carla", "role": portal } }),
        )
        .await;
    let invited = client.ask("{ auditLog(first: 5) { nodes { recordType after } } }", json!({})).await;
    assert_eq!(invited["auditLog"]["nodes"][0]["recordType"], "identity.invitation");
    assert!(invited["auditLog"]["nodes"][0]["after"]["secret_hash"].is_null(), "{invited}");
    let bookkeeper = books.administrator.staff("ben@firm.example", "Ben").await;
    inside.grant(&bookkeeper, "Bookkeeper", "2026-01-01", None).await;
    let ben = app.sign_in("ben@firm.example").await.enter(&books.client).await;
    assert_eq!(ben.send(TRAIL, json!({ "node": id })).await.code(), "FORBIDDEN");
}

/// Some of everything: an invoice, a bill, entries by hand, bank lines matched and taken back.
async fn kept_books() -> (App, Books) {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    nordwind::issued(client).await;
    let bill = client.ask(BILL, nordwind::bill(client, "L-1").await).await;
    client
        .ask(
            "mutation($id: ID!) { billPost(input: { id: $id }) { bill { id } userErrors { message } } }",
            json!({ "id": bill["billCreate"]["bill"]["id"] }),
        )
        .await;
    nordwind::post(client, "2026-01-20", ("6815", "12.50"), ("1600", "12.50")).await;
    let lines = nordwind::january(client).await;
    for (amount, document) in [("4760.00", "RE-2025-118"), ("5000.00", "RE-2025-124"), ("1284.00", "RE-2025-121")] {
        let (_, line) = lines.iter().find(|(of, _)| of == amount).unwrap();
        let allocation = json!({ "openItem": nordwind::open_item(client, document).await, "amount": amount });
        client.ask(MATCH, json!({ "input": { "bankLine": line, "allocations": [allocation] } })).await;
    }
    let (_, undone) = lines.iter().find(|(of, _)| of == "1284.00").unwrap();
    client
        .ask("mutation($line: ID!) { bankLineUnmatch(input: { bankLine: $line }) { bankLine { id } userErrors { message } } }", json!({ "line": undone }))
        .await;
    (app, books)
}

#[tokio::test]
async fn what_the_chain_signs_is_the_text_that_it_always_signed() {
    let (app, books) = kept_books().await;
    let client = &books.accountant;
    client
        .ask(
            "mutation($name: String!) { customerCreate(input: { number: \"Q\", name: $name, country: \"DE\" }) { customer { id } userErrors { message } } }",
            json!({ "name": "Müller \"& Söhne\" \\ \u{1F600} KG" }),
        )
        .await;
    let entries = "SELECT count(*) || ' ' || count(*) FILTER (WHERE audit.canonical(e) = jsonb_build_array(e.tenant_id, e.id, e.change_id, \
                   e.occurred_at AT TIME ZONE 'UTC', e.actor_id, e.actor_kind, e.actor_name, e.request_id, e.table_name, e.record_id, \
                   e.action, e.before, e.after)::text) AS line FROM audit.entry e";
    let counted = app.database.lines("postgres", entries).concat();
    let (all, same) = counted.split_once(' ').unwrap();
    assert!(all.parse::<u32>().unwrap() > 100, "{counted}");
    assert_eq!(all, same);
}

/// Statements that write many rows, by whoever has a hand on the database.
/// Changes a row with the triggers off, as only a superuser can.
fn behind_the_triggers(app: &App, statement: &str) {
    app.database.lay(&format!("SET LOCAL session_replication_role = replica; {statement}"));
}

#[tokio::test]
async fn the_check_names_the_row_that_was_changed_by_hand() {
    let (app, books) = nordwind::found().await;
    let taken =
        nordwind::import(&books.accountant, nordwind::CUSTOMERS_IMPORT, nordwind::file(nordwind::CUSTOMERS)).await;
    assert_eq!(taken["import"]["created"], 7, "{taken}");
    assert_eq!(app.database.findings(), Vec::<String>::new());
    let row = |number: &str| {
        app.database
            .lines(
                "postgres",
                &format!("SELECT tenant_id || ' ' || id AS line FROM finance.customer WHERE number = '{number}'"),
            )
            .remove(0)
    };
    let named = |finding: &str| {
        let findings = app.database.findings();
        assert!(findings.iter().any(|line| line.contains(finding)), "{finding}\n{findings:#?}");
    };

    // The owner of the database, who has to pass the triggers: his change stands in the trail under his name.
    let owners = row("10001");
    let (tenant, id) = owners.split_once(' ').unwrap();
    app.database.past_the_server("backoffice_owner", |connection| {
        connection
            .batch_execute(&format!(
                "BEGIN; SELECT core.set_tenant('{tenant}'); UPDATE finance.customer SET iban = 'DE92900000020000815009' WHERE id = '{id}'; COMMIT"
            ))
            .unwrap();
    });
    named(&format!(
        "client {tenant}: nothing was changed past the server: finance.customer {id}: update by hand as database user backoffice_owner at "
    ));
    // A superuser with the triggers on, and one who turned them off: the row differs from its trail.
    let supers = row("10002");
    let (_, id) = supers.split_once(' ').unwrap();
    let rename = format!("UPDATE finance.customer SET name = 'Somebody else' WHERE id = '{id}'");
    let unnamed = app.database.past_the_server("postgres", |connection| connection.batch_execute(&rename).is_err());
    assert!(unnamed, "without naming the client nothing gets past the trail");
    app.database.lay(&format!("SELECT core.set_tenant('{tenant}'); {rename}"));
    named(&format!("finance.customer {id}: update by hand as database user postgres at "));
    let silent = row("10003");
    let (_, id) = silent.split_once(' ').unwrap();
    behind_the_triggers(&app, &format!("UPDATE finance.customer SET payment_terms_days = 90 WHERE id = '{id}'"));
    named(&format!("rows equal their trail: finance.customer {id}: the row differs from its trail"));
    let removed = row("10004");
    let (_, id) = removed.split_once(' ').unwrap();
    behind_the_triggers(&app, &format!("DELETE FROM finance.customer WHERE id = '{id}'"));
    named(&format!("rows equal their trail: finance.customer {id}: the row is gone, its trail says nothing of that"));
    behind_the_triggers(
        &app,
        &format!(
            "INSERT INTO finance.customer (tenant_id, id, number, name, country, currency, payment_terms_days)
             VALUES ('{tenant}', '01900000-0000-7000-8000-00000000abcd', 'GHOST', 'Ghost', 'DE', 'EUR', 30)"
        ),
    );
    named(
        "rows equal their trail: finance.customer 01900000-0000-7000-8000-00000000abcd: the row differs from its trail",
    );
    // Untouched rows are not named.
    let untouched = row("10005");
    assert!(app.database.findings().iter().all(|line| !line.contains(untouched.split_once(' ').unwrap().1)));
    // What the record says cannot be changed even by its owner.
    for statement in
        ["UPDATE audit.entry SET actor_name = 'Nobody'", "DELETE FROM audit.entry", "DELETE FROM audit.link"]
    {
        let refused = app.database.past_the_server("backoffice_owner", |connection| {
            connection
                .batch_execute(&format!("BEGIN; SELECT core.set_tenant('{tenant}'); {statement}; COMMIT"))
                .is_err()
        });
        assert!(refused, "{statement}");
    }
}

/// A change with the triggers off, how it is taken back, and what the check has to say of it.
struct Harm {
    harm: &'static str,
    heal: &'static str,
    named: &'static [&'static str],
}

const HARMS: &[Harm] = &[
    Harm {
        harm: "UPDATE finance.journal_line SET amount = amount + 0.01 WHERE description = '' AND amount = 12.50",
        heal: "UPDATE finance.journal_line SET amount = 12.50 WHERE amount = 12.51",
        named: &["entries balance: journal entry JE-", "debit and credit differ by 0.0100", "kept balances equal the journal: account ", "rows equal their trail: finance.journal_line "],
    },
    Harm {
        harm: "UPDATE finance.account_balance SET debit = debit + 0.01 WHERE debit = 12.50",
        heal: "UPDATE finance.account_balance SET debit = 12.50 WHERE debit = 12.51",
        named: &["kept balances equal the journal: account ", "kept months equal the kept days: account "],
    },
    Harm {
        harm: "UPDATE finance.account_month SET credit = credit + 7 WHERE credit = 12.50",
        heal: "UPDATE finance.account_month SET credit = 12.50 WHERE credit = 19.50",
        named: &["kept months equal the kept days: account "],
    },
    Harm {
        harm: "UPDATE finance.open_item SET open_amount = open_amount - 1, open_book = open_book - 1 WHERE document = 'RE-2025-124'",
        heal: "UPDATE finance.open_item SET open_amount = open_amount + 1, open_book = open_book + 1 WHERE document = 'RE-2025-124'",
        named: &["open items equal their allocations: open item RE-2025-124 (", "receivables equal their control accounts: receivables: open items "],
    },
    Harm {
        harm: "UPDATE finance.open_item SET open_amount = open_amount - 1, open_book = open_book - 1 WHERE document = 'TW-88123'",
        heal: "UPDATE finance.open_item SET open_amount = open_amount + 1, open_book = open_book + 1 WHERE document = 'TW-88123'",
        named: &["open items equal their allocations: open item TW-88123 (", "payables equal their control accounts: payables: open items "],
    },
    Harm {
        harm: "UPDATE core.number_series SET last_number = last_number + 1 WHERE series = 'invoice'",
        heal: "UPDATE core.number_series SET last_number = last_number - 1 WHERE series = 'invoice'",
        named: &["numbers are gapless: series invoice: number INV-00002 was given, no document carries it"],
    },
    // As many invoices as numbers, and still a gap.
    Harm {
        harm: "UPDATE finance.invoice SET number = 'INV-00007'",
        heal: "UPDATE finance.invoice SET number = 'INV-00001'",
        named: &[
            "numbers are gapless: series invoice: number INV-00001 was given, no document carries it",
            "numbers are gapless: series invoice: a document carries number INV-00007, which was never given",
        ],
    },
    Harm {
        harm: "CREATE TABLE public.kept AS SELECT * FROM core.number_series WHERE series = 'invoice'; DELETE FROM core.number_series WHERE series = 'invoice'",
        heal: "INSERT INTO core.number_series SELECT * FROM public.kept; DROP TABLE public.kept",
        named: &["numbers are gapless: series invoice: a document carries number INV-00001, which was never given"],
    },
    Harm {
        harm: "UPDATE finance.journal_entry SET number = 'X' || number WHERE number = 'JE-00002'",
        heal: "UPDATE finance.journal_entry SET number = 'JE-00002' WHERE number = 'XJE-00002'",
        named: &["numbers are gapless: series journal: number JE-00002 was given, no document carries it", "rows equal their trail: finance.journal_entry "],
    },
    Harm {
        harm: "CREATE TABLE public.kept AS SELECT * FROM finance.bank_match WHERE undone_by_id IS NULL LIMIT 1;
               DELETE FROM finance.bank_match m USING public.kept k WHERE m.id = k.id",
        heal: "INSERT INTO finance.bank_match SELECT * FROM public.kept; DROP TABLE public.kept",
        named: &["bank lines clear once: bank line ", "marked t, live matches 0"],
    },
    Harm {
        harm: "UPDATE finance.bank_line SET amount = 4760.01 WHERE amount = 4760",
        heal: "UPDATE finance.bank_line SET amount = 4760 WHERE amount = 4760.01",
        named: &["matched bank lines equal their entries: bank line ", "bank statements tie: bank statement "],
    },
    Harm {
        harm: "UPDATE finance.invoice SET net = net + 1, gross = gross + 1",
        heal: "UPDATE finance.invoice SET net = net - 1, gross = gross - 1",
        named: &["issued invoices equal their lines and open items: invoice INV-00001 (", "rows equal their trail: finance.invoice "],
    },
    Harm {
        harm: "UPDATE finance.bill SET net = net + 1, gross = gross + 1",
        heal: "UPDATE finance.bill SET net = net - 1, gross = gross - 1",
        named: &["posted bills equal their lines and open items: bill L-1 (", "rows equal their trail: finance.bill "],
    },
    Harm {
        harm: "UPDATE audit.entry SET actor_name = 'Somebody else' WHERE id = (SELECT id FROM audit.entry WHERE table_name = 'finance.invoice' ORDER BY id LIMIT 1)",
        heal: "UPDATE audit.entry SET actor_name = 'Konrad Konto' WHERE actor_name = 'Somebody else'",
        named: &["the audit chain holds: audit link ", "its entries or its place in the chain were changed"],
    },
    Harm {
        harm: "CREATE TABLE public.kept AS SELECT * FROM audit.entry WHERE table_name = 'finance.bill' ORDER BY id DESC LIMIT 1;
               DELETE FROM audit.entry e USING public.kept k WHERE e.id = k.id",
        heal: "INSERT INTO audit.entry OVERRIDING SYSTEM VALUE SELECT * FROM public.kept; DROP TABLE public.kept",
        named: &["the audit chain holds: audit link ", "rows equal their trail: finance.bill "],
    },
    Harm {
        harm: "CREATE TABLE public.kept AS SELECT * FROM audit.link WHERE seq = 3; DELETE FROM audit.link WHERE seq = 3",
        heal: "INSERT INTO audit.link SELECT * FROM public.kept; DROP TABLE public.kept",
        named: &["the audit chain holds: audit link 4: ", "stands outside the chain"],
    },
    // The newest links cut off with their entries: what is left fits together, but not with the chain's head.
    Harm {
        harm: "CREATE TABLE public.kept AS SELECT * FROM audit.link WHERE seq = (SELECT max(seq) FROM audit.link);
               CREATE TABLE public.entries AS SELECT e.* FROM audit.entry e JOIN public.kept k ON e.change_id = k.change_id AND e.id BETWEEN k.first_entry AND k.last_entry;
               DELETE FROM audit.link l USING public.kept k WHERE l.seq = k.seq;
               DELETE FROM audit.entry e USING public.entries k WHERE e.id = k.id",
        heal: "INSERT INTO audit.link SELECT * FROM public.kept; INSERT INTO audit.entry OVERRIDING SYSTEM VALUE SELECT * FROM public.entries;
               DROP TABLE public.kept; DROP TABLE public.entries",
        named: &["the audit chain holds: audit chain: the newest link is "],
    },
    Harm {
        harm: "INSERT INTO audit.entry (tenant_id, change_id, occurred_at, actor_kind, actor_name, table_name, record_id, action, after)
               SELECT tenant_id, gen_random_uuid(), now(), 'user', 'Forger', 'core.tenant', tenant_id, 'update', '{}' FROM audit.chain",
        heal: "DELETE FROM audit.entry WHERE actor_name = 'Forger'",
        named: &["the audit chain holds: audit entry ", "stands outside the chain"],
    },
];

#[tokio::test]
async fn the_check_names_what_no_longer_fits() {
    let (app, _books) = kept_books().await;
    assert_eq!(app.database.findings(), Vec::<String>::new());
    let mut silent = Vec::new();
    for Harm { harm, heal, named } in HARMS {
        behind_the_triggers(&app, harm);
        let findings = app.database.findings();
        for expected in *named {
            if !findings.iter().any(|finding| finding.contains(expected)) {
                silent.push(format!("{harm}\n  not named: {expected}\n  found: {findings:#?}"));
            }
        }
        behind_the_triggers(&app, heal);
        assert_eq!(app.database.findings(), Vec::<String>::new(), "not healed: {harm}");
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[tokio::test]
async fn what_cannot_be_sealed_is_not_kept() {
    let (app, books) = nordwind::found().await;
    books.administrator.onboard("Harbor Supply", "DE", "EUR", "Europe/Berlin", "NONE").await;
    let clients = app.database.lines("postgres", "SELECT id::text AS line FROM core.tenant ORDER BY id");
    let (first, second) = (&clients[0], &clients[1]);
    let customer = |tenant: &str, number: &str| {
        format!(
            "SELECT core.set_tenant('{tenant}');
             INSERT INTO finance.customer (tenant_id, id, number, name, country, currency, payment_terms_days)
             VALUES ('{tenant}', gen_random_uuid(), '{number}', '{number}', 'DE', 'EUR', 30);"
        )
    };
    let kept = |statements: &str| {
        app.database.past_the_server("backoffice_app", |connection| {
            connection.batch_execute(&format!("BEGIN; {statements} COMMIT")).map_err(|error| error.to_string())
        })
    };
    // Another client is set before the entries of the first one are sealed: the walls hide them.
    let refused = kept(&format!("{}{}", customer(first, "A"), customer(second, "B"))).unwrap_err();
    assert!(refused.contains("cannot be sealed"), "{refused}");
    assert_eq!(app.database.lines("postgres", "SELECT number AS line FROM finance.customer"), Vec::<String>::new());

    // Sealed one after the other, and the first once more: each has its entries under its own chain.
    let sealed = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;";
    let three = [customer(first, "A"), customer(second, "B"), customer(first, "C")].join(sealed);
    kept(&three).unwrap();
    // What is taken back to a savepoint takes its wish to be sealed with it.
    let back = format!("SAVEPOINT s; {} ROLLBACK TO s; {}", customer(first, "D"), customer(first, "E"));
    kept(&back).unwrap();
    let unsealed = "SELECT e.record_id::text AS line FROM audit.entry e WHERE NOT EXISTS (SELECT 1 FROM audit.link l
        WHERE l.tenant_id = e.tenant_id AND l.change_id = e.change_id AND e.id BETWEEN l.first_entry AND l.last_entry)";
    assert_eq!(app.database.lines("postgres", unsealed), Vec::<String>::new());
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
    let numbers = app.database.lines("postgres", "SELECT number AS line FROM finance.customer ORDER BY number");
    assert_eq!(numbers, ["A", "B", "C", "E"]);
}
