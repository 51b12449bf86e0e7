//! What the books do not take, said in a sentence, with nothing half done; and who wins when two want the same.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, BILL, ISSUE, MATCH};

const LOCK: &str = "mutation($input: PeriodLockInput!) { periodLock(input: $input) { ledger { softLockOn hardLockOn } userErrors { code field message } } }";
const UNLOCK: &str = "mutation($input: PeriodUnlockInput!) { periodUnlock(input: $input) { ledger { softLockOn } userErrors { code field message } } }";
const REVERSE: &str = "mutation($entry: ID!) { journalEntryReverse(input: { entry: $entry, date: \"2026-01-31\" }) {
    journalEntry { id number } userErrors { code field message } } }";

/// The code and the sentence of the one refusal of a payload; the sentence speaks of no table, constraint or code.
fn refusal(payload: &Value) -> (&str, &str) {
    let reason = &payload["userErrors"][0];
    let (code, message) = (reason["code"].as_str(), reason["message"].as_str());
    let (Some(code), Some(message)) = (code, message) else { panic!("not refused: {payload}") };
    for inner in ["finance.", "_key", "_check", "BO0", "SQL", "constraint", "violat"] {
        assert!(!message.contains(inner), "{message}");
    }
    assert!(message.ends_with('.'), "{message}");
    (code, message)
}

async fn mutate(client: &Client, query: &str, variables: Value) -> Value {
    let reply = client.send(query, variables).await;
    assert!(reply.body["errors"].is_null(), "{}", reply.text);
    reply.body["data"].as_object().unwrap().values().next().unwrap().clone()
}

async fn hand(client: &Client, date: &str, debit: &str, credit: &str) -> Value {
    nordwind::post(client, date, ("6815", debit), ("1600", credit)).await
}

#[tokio::test]
async fn an_entry_that_is_not_right_is_not_posted() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let (cost, cash, group) = (client.account("6815").await, client.account("1600").await, client.account("6").await);
    let state = || app.database.lines("postgres", "SELECT count(*) || ' ' || max(last_number) AS line FROM finance.journal_entry, core.number_series");
    let before = state();
    let entry = |debit: Value, credit: Value| json!({ "date": "2026-01-20", "description": "By hand", "lines": [debit, credit] });
    let good = |side: &str, amount: &str| json!({ "account": if side == "debit" { &cost } else { &cash }, side: amount });
    let with = |key: &str, value: Value| {
        let mut input = entry(good("debit", "10.00"), good("credit", "10.00"));
        input[key] = value;
        input
    };
    let cases = [
        ("a cent off", entry(good("debit", "10.00"), good("credit", "10.01")), "UNBALANCED"),
        ("a year that is not there", with("date", json!("2031-01-01")), "PERIOD_LOCKED"),
        ("before the books", with("date", json!("2025-12-31")), "PERIOD_LOCKED"),
        ("a group", entry(json!({ "account": group, "debit": "10.00" }), good("credit", "10.00")), "INVALID"),
        ("three decimals", entry(good("debit", "10.001"), good("credit", "10.001")), "INVALID"),
        ("nothing", entry(good("debit", "0"), good("credit", "0")), "INVALID"),
        ("less than nothing", entry(good("debit", "-10.00"), good("credit", "-10.00")), "INVALID"),
        ("both sides", entry(json!({ "account": cost, "debit": "1.00", "credit": "1.00" }), good("credit", "1.00")), "INVALID"),
        ("no side", entry(json!({ "account": cost }), good("credit", "1.00")), "REQUIRED"),
        ("receivables by hand", entry(json!({ "account": client.account("1200").await, "debit": "10.00" }), good("credit", "10.00")), "INVALID"),
        ("a foreign currency without a rate", with("currency", json!("USD")), "REQUIRED"),
        ("no description", with("description", json!("")), "REQUIRED"),
        ("one line", with("lines", json!([good("debit", "10.00")])), "UNBALANCED"),
        ("no line", with("lines", json!([])), "UNBALANCED"),
    ];
    let mut wrong = Vec::new();
    for (what, input, expected) in cases {
        let payload = nordwind::post_as(client, input).await;
        let (code, message) = refusal(&payload);
        if code != expected {
            wrong.push(format!("{what}: {expected} expected, {code}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is no value of its type never gets that far.
    let post = "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { journalEntry { id } userErrors { code message } } }";
    for input in [
        with("currency", json!("XXQ")), with("currency", json!("eur")), with("date", json!("2026-02-30")), with("date", json!("20.01.2026")),
        entry(good("debit", "99999999999999999999"), good("credit", "99999999999999999999")),
        entry(good("debit", "NaN"), good("credit", "NaN")), entry(good("debit", "1e30"), good("credit", "1e30")),
        entry(good("debit", "1.0000000000000000000000000000001"), good("credit", "1")), entry(json!({ "account": cost, "debit": 10.5 }), good("credit", "10.5")),
        entry(json!({ "account": books.client, "debit": "1.00" }), good("credit", "1.00")), entry(json!({ "account": "nonsense", "debit": "1.00" }), good("credit", "1.00")),
    ] {
        let reply = client.send(post, json!({ "input": input })).await;
        assert!(reply.body["data"]["journalEntryPost"]["journalEntry"].is_null(), "{input}: {}", reply.text);
        let refused = reply.body["data"]["journalEntryPost"]["userErrors"][0]["message"].is_string();
        assert!(refused || reply.code() == "BAD_USER_INPUT", "{input}: {}", reply.text);
    }
    assert_eq!(state(), before, "no number is lost");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_soft_lock_has_exceptions_by_name_and_a_hard_lock_has_none() {
    let (app, books) = nordwind::stocked().await;
    let konrad = &books.accountant;
    let inside = books.administrator.enter(&books.client).await;
    let ben_id = books.administrator.staff("ben@firm.example", "Ben").await;
    inside.grant(&ben_id, "Bookkeeper", "2026-01-01", None).await;
    let ben = app.sign_in("ben@firm.example").await.enter(&books.client).await;
    let soft = |day: &str| json!({ "input": { "through": day, "kind": "SOFT" } });
    let hard = |day: &str| json!({ "input": { "through": day, "kind": "HARD" } });

    let locked = konrad.ask(LOCK, soft("2026-01-31")).await;
    assert_eq!(locked["periodLock"]["ledger"]["softLockOn"], "2026-01-31");
    assert_eq!(refusal(&mutate(konrad, LOCK, soft("2026-01-31")).await), ("STATE", "The lock reaches that far already."));
    for client in [konrad, &ben] {
        assert_eq!(refusal(&hand(client, "2026-01-31", "1.00", "1.00").await), ("PERIOD_LOCKED", "The period of this date is locked."));
    }
    assert!(hand(&ben, "2026-02-01", "1.00", "1.00").await["journalEntry"]["number"].is_string());
    // Documents are refused as well, at the field that says the day.
    let draft = nordwind::draft(konrad).await;
    let issue = |day: &str| json!({ "input": { "id": draft, "issueDate": day } });
    let refused = konrad.refused(ISSUE, issue("2026-01-15")).await;
    assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("PERIOD_LOCKED"), &json!(["input", "issueDate"])));

    // An exception for Ben, by name, with a reason and an end; Konrad has none.
    let grant = "mutation($input: LockExceptionGrantInput!) { lockExceptionGrant(input: $input) { lockException { id } userErrors { code field message } } }";
    let expires = app.database.lines("postgres", "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS line").remove(0);
    let input = |account: &str, reason: &str, expires: &str| json!({ "input": { "account": account, "reason": reason, "expiresAt": expires } });
    assert_eq!(refusal(&mutate(konrad, grant, input(&books.accountant_id, "For me", &expires)).await), ("INVALID", "Nobody grants himself an exception."));
    assert_eq!(refusal(&mutate(konrad, grant, input(&ben_id, "Late bill", "2020-01-01T00:00:00Z")).await).0, "INVALID");
    refusal(&mutate(konrad, grant, input(&ben_id, " ", &expires)).await);
    assert_eq!(ben.send(grant, input(&books.accountant_id, "Late bill", &expires)).await.code(), "FORBIDDEN");
    konrad.ask(grant, input(&ben_id, "Late bill", &expires)).await;
    assert!(hand(&ben, "2026-01-31", "2.00", "2.00").await["journalEntry"]["number"].is_string());
    assert_eq!(refusal(&hand(konrad, "2026-01-31", "2.00", "2.00").await).0, "PERIOD_LOCKED");
    // It ends by itself.
    app.database.lay("SET LOCAL session_replication_role = replica; UPDATE finance.lock_exception SET expires_at = now() - interval '1 s'");
    assert_eq!(refusal(&hand(&ben, "2026-01-31", "3.00", "3.00").await).0, "PERIOD_LOCKED");
    // A second one is ended by hand, once.
    let second = konrad.ask(grant, input(&ben_id, "Another late bill", &expires)).await;
    assert!(hand(&ben, "2026-01-31", "4.00", "4.00").await["journalEntry"]["number"].is_string());
    let revoke = "mutation($id: ID!) { lockExceptionRevoke(input: { id: $id }) { lockException { revokedAt } userErrors { code field message } } }";
    let id = json!({ "id": second["lockExceptionGrant"]["lockException"]["id"] });
    konrad.ask(revoke, id.clone()).await;
    assert_eq!(refusal(&hand(&ben, "2026-01-31", "5.00", "5.00").await).0, "PERIOD_LOCKED");
    assert_eq!(refusal(&mutate(konrad, revoke, id).await).0, "STATE");

    // The soft lock moves back; the hard one never does, and no exception opens it.
    konrad.ask(UNLOCK, json!({ "input": { "through": "2026-01-10" } })).await;
    konrad.ask(ISSUE, issue("2026-01-15")).await;
    konrad.ask(grant, input(&ben_id, "Before the end", &expires)).await;
    let locked = konrad.ask(LOCK, hard("2026-01-31")).await;
    assert_eq!(locked["periodLock"]["ledger"]["hardLockOn"], "2026-01-31");
    assert_eq!(refusal(&hand(&ben, "2026-01-31", "6.00", "6.00").await), ("PERIOD_LOCKED", "The books are locked for good up to a later date."));
    for day in ["2026-01-30", "2026-01-31"] {
        assert_eq!(refusal(&mutate(konrad, LOCK, hard(day)).await).0, "STATE");
    }
    assert_eq!(refusal(&mutate(konrad, LOCK, hard("2026-12-31")).await), ("INVALID", "A hard lock reaches no further than today."));
    konrad.ask(UNLOCK, json!({ "input": {} })).await;
    assert_eq!(refusal(&hand(konrad, "2026-01-31", "7.00", "7.00").await).0, "PERIOD_LOCKED");
    assert_eq!(ben.send(LOCK, soft("2026-02-28")).await.code(), "FORBIDDEN");
    // Not even past the server.
    let tenant = app.database.lines("postgres", "SELECT id::text AS line FROM core.tenant").remove(0);
    let refused = app.database.past_the_server("postgres", |connection| {
        let text = format!("BEGIN; SELECT core.set_tenant('{tenant}'); UPDATE finance.ledger SET hard_lock_on = '2026-01-01'; COMMIT");
        diesel::connection::SimpleConnection::batch_execute(connection, &text).unwrap_err().to_string()
    });
    assert_eq!(refused, "the hard lock only moves forward");
}

#[tokio::test]
async fn an_entry_is_reversed_once_even_by_ten_at_a_time() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let posted = hand(client, "2026-01-20", "10.00", "10.00").await;
    let entry = json!({ "entry": posted["journalEntry"]["id"] });
    let at_once: Vec<_> = (0..10)
        .map(|_| {
            let (client, entry) = (client.clone(), entry.clone());
            tokio::spawn(async move { mutate(&client, REVERSE, entry).await })
        })
        .collect();
    let mut reversals = Vec::new();
    for one in at_once {
        let payload = one.await.unwrap();
        if payload["journalEntry"].is_null() {
            assert_eq!(refusal(&payload), ("STATE", "This entry is reversed already."));
        } else {
            reversals.push(payload["journalEntry"]["id"].clone());
        }
    }
    assert_eq!(reversals.len(), 1);
    assert_eq!(refusal(&mutate(client, REVERSE, entry).await).0, "STATE");
    // A reversal is not reversed, and what comes from a document is undone at the document.
    refusal(&mutate(client, REVERSE, json!({ "entry": reversals[0] })).await);
    let invoice = nordwind::issued(client).await;
    refusal(&mutate(client, REVERSE, json!({ "entry": invoice["entry"]["id"] })).await);
    assert_eq!(refusal(&mutate(client, REVERSE, json!({ "entry": client.account("1600").await })).await).0, "NOT_FOUND");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_posted_stays_as_it_is() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let invoice = nordwind::issued(client).await;
    let update = "mutation($id: ID!) { invoiceUpdate(input: { id: $id, reference: \"Later\" }) { invoice { id } userErrors { code field message } } }";
    assert_eq!(refusal(&mutate(client, update, json!({ "id": invoice["id"] })).await).0, "STATE");
    assert_eq!(refusal(&mutate(client, ISSUE, json!({ "input": { "id": invoice["id"] } })).await).0, "STATE");

    // The same bill with other blanks, signs and case is the same bill, and the first one is named.
    let bill = client.ask(BILL, nordwind::bill(client, "L-2026 014").await).await;
    for other in ["L 2026-014", "l2026014", " L-2026/014 "] {
        let payload = mutate(client, BILL, nordwind::bill(client, other).await).await;
        let (code, message) = refusal(&payload);
        assert_eq!((code, message), ("DUPLICATE", "This bill is entered already: number L-2026 014 of 2026-01-19."), "{other}");
    }
    assert_eq!(refusal(&mutate(client, BILL, nordwind::bill(client, " - ").await).await).0, "INVALID");
    let post = "mutation($id: ID!) { billPost(input: { id: $id }) { bill { id } userErrors { code field message } } }";
    let id = json!({ "id": bill["billCreate"]["bill"]["id"] });
    client.ask(post, id.clone()).await;
    assert_eq!(refusal(&mutate(client, post, id.clone()).await).0, "STATE");
    let change = "mutation($id: ID!) { billUpdate(input: { id: $id, number: \"X\" }) { bill { id } userErrors { code field message } } }";
    assert_eq!(refusal(&mutate(client, change, id).await).0, "STATE");

    // Nor can the server's own role, the owner or a superuser change it while the triggers are on.
    let tenant = app.database.lines("postgres", "SELECT id::text AS line FROM core.tenant").remove(0);
    for role in ["backoffice_app", "backoffice_owner", "postgres"] {
        for statement in [
            "UPDATE finance.invoice SET reference = 'Later' WHERE status = 'issued'",
            "UPDATE finance.bill SET net = net + 1, gross = gross + 1 WHERE status = 'posted'",
            "UPDATE finance.invoice_line SET unit_price = 0",
            "UPDATE finance.journal_entry SET description = 'Later'",
            "UPDATE finance.journal_line SET amount = -amount",
            "DELETE FROM finance.journal_line",
            "DELETE FROM finance.allocation; TRUNCATE finance.journal_line",
        ] {
            let refused = app.database.past_the_server(role, |connection| {
                let text = format!("BEGIN; SELECT core.set_tenant('{tenant}'); {statement}; COMMIT");
                diesel::connection::SimpleConnection::batch_execute(connection, &text).is_err()
            });
            assert!(refused, "{role}: {statement}");
        }
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_open_is_settled_once() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let lines = nordwind::january(client).await;
    let line = |amount: &str| lines.iter().find(|(of, _)| of == amount).unwrap().1.clone();
    let full = nordwind::open_item(client, "RE-2025-118").await;
    let part = nordwind::open_item(client, "RE-2025-121").await;
    let settle = |line: &str, item: &str, amount: &str| json!({ "input": { "bankLine": line, "allocations": [{ "openItem": item, "amount": amount }] } });

    // More than is open, less than the line, nothing, twice the same item, another currency's decimals.
    let over = mutate(client, MATCH, settle(&line("5000.00"), &full, "5000.00")).await;
    assert_eq!(refusal(&over).0, "OVER_ALLOCATED", "{over}");
    refusal(&mutate(client, MATCH, settle(&line("4760.00"), &full, "4759.99")).await);
    refusal(&mutate(client, MATCH, settle(&line("4760.00"), &full, "0")).await);
    refusal(&mutate(client, MATCH, settle(&line("4760.00"), &full, "-4760.00")).await);
    refusal(&mutate(client, MATCH, settle(&line("1284.00"), &part, "1284.001")).await);
    let twice = json!({ "input": { "bankLine": line("4760.00"), "allocations": [{ "openItem": full, "amount": "2380.00" }, { "openItem": full, "amount": "2380.00" }] } });
    refusal(&mutate(client, MATCH, twice).await);
    assert_eq!(app.database.count("SELECT count(*) FROM finance.allocation"), 0);

    // Two people settle the same item in the same moment: one wins, the other is told.
    let inside = books.administrator.enter(&books.client).await;
    let ben = books.administrator.staff("ben@firm.example", "Ben").await;
    inside.grant(&ben, "Bookkeeper", "2026-01-01", None).await;
    let ben = app.sign_in("ben@firm.example").await.enter(&books.client).await;
    let fees = client.account("6815").await;
    // Konrad by the payment itself; Ben by the larger one, with a rest elsewhere.
    let bens = json!({ "input": { "bankLine": line("5000.00"), "allocations": [{ "openItem": full, "amount": "4760.00" }],
                                  "postings": [{ "account": fees, "amount": "240.00" }] } });
    let konrads = settle(&line("4760.00"), &full, "4760.00");
    let (one, other) = tokio::join!(mutate(client, MATCH, konrads), mutate(&ben, MATCH, bens));
    let (won, lost) = if one["bankLine"].is_null() { (other, one) } else { (one, other) };
    assert_eq!(won["bankLine"]["matched"], true, "{won}");
    assert_eq!(refusal(&lost).0, "OVER_ALLOCATED", "{lost}");

    // The same line by ten at once, to the same item.
    let at_once: Vec<_> = (0..10)
        .map(|_| {
            let (client, input) = (client.clone(), settle(&line("1284.00"), &part, "1284.00"));
            tokio::spawn(async move { mutate(&client, MATCH, input).await })
        })
        .collect();
    let mut matched = 0;
    for one in at_once {
        let payload = one.await.unwrap();
        if payload["bankLine"].is_null() {
            assert_eq!(refusal(&payload), ("STATE", "This bank line is matched already."));
        } else {
            matched += 1;
        }
    }
    assert_eq!(matched, 1);
    assert_eq!(app.database.count("SELECT count(*) FROM finance.allocation"), 2);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn fifty_invoices_at_once_take_fifty_numbers_in_a_row() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let mut drafts = Vec::new();
    for _ in 0..50 {
        drafts.push(nordwind::draft(client).await);
    }
    // One that is refused, one that is only tried: neither takes a number.
    let locked = json!({ "input": { "id": drafts[0], "issueDate": "2031-01-15" } });
    assert_eq!(client.refused(ISSUE, locked).await[0]["code"], "PERIOD_LOCKED");
    let tried = client.dry().ask(ISSUE, json!({ "input": { "id": drafts[0], "issueDate": "2026-01-15" } })).await;
    assert_eq!(tried["invoiceIssue"]["invoice"]["number"], "INV-00001");
    let at_once: Vec<_> = drafts
        .into_iter()
        .map(|draft| {
            let client = client.clone();
            tokio::spawn(async move { client.ask(ISSUE, json!({ "input": { "id": draft, "issueDate": "2026-01-15" } })).await })
        })
        .collect();
    let mut numbers = Vec::new();
    for one in at_once {
        numbers.push(one.await.unwrap()["invoiceIssue"]["invoice"]["number"].as_str().unwrap().to_owned());
    }
    numbers.sort();
    assert_eq!(numbers, (1..=50).map(|number| format!("INV-{number:05}")).collect::<Vec<_>>());
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
