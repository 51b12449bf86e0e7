//! A month is closed: its checklist stands in the work queue, what the books keep twice ties out or nobody signs, somebody
//! else than who prepared it does, and from then on the month is locked. The provider sees where all clients stand.

use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use serde_json::{Value, json};

use crate::harness::{Client, Office};
use crate::nordwind;
use crate::walls::furnished::{change, made};

async fn refused(client: &Client, field: &str, input: Value) -> (String, String) {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    let query =
        format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ code field message }} }} }}");
    let reason = client.refused(&query, json!({ "input": input })).await[0].clone();
    let field: Vec<&str> = reason["field"].as_array().unwrap()[1..].iter().filter_map(Value::as_str).collect();
    (field.join("."), reason["message"].as_str().unwrap().to_owned())
}

const TIES: &str = "query($id: ID!) { periodClose(id: $id) { tieOuts { kind account { id code } register { amount } balance { amount currency }
    difference { amount } blocks note { text byName } lines { nodes { account { code } amount { amount } entry { id } } } } } }";

/// The tie-outs of a close.
async fn ties(client: &Client, id: &str) -> Vec<Value> {
    let found = client.ask(TIES, json!({ "id": id })).await["periodClose"]["tieOuts"].clone();
    found.as_array().unwrap().clone()
}

/// One of them: register, balance and difference.
fn of(ties: &[Value], kind: &str, account: Option<&str>) -> (Value, [String; 3]) {
    let found = ties.iter().find(|one| one["kind"] == kind && one["account"]["code"].as_str() == account);
    let found = found.unwrap_or_else(|| panic!("no {kind} of {account:?}: {ties:?}")).clone();
    let figures = ["register", "balance", "difference"].map(|name| found[name]["amount"].as_str().unwrap().to_owned());
    (found, figures)
}

async fn about(client: &Client, id: &str) -> Value {
    let query =
        "query($id: ID!) { periodClose(id: $id) { state period startsOn endsOn preparedByName signedByName templateCode
        progress { items open overdue } steps { kind byName reason } } }";
    client.ask(query, json!({ "id": id })).await["periodClose"].clone()
}

#[tokio::test]
async fn what_does_not_tie_out_is_not_signed_off() {
    let (app, books) = nordwind::stocked().await;
    let (client, administrator) = (&books.accountant, &books.administrator);
    let other = administrator.staff("zoe@firm.example", "Zoe Zweit").await;
    administrator.enter(&books.client).await.grant(&other, "Accountant", "2026-01-01", None).await;
    let signer = app.sign_in("zoe@firm.example").await.enter(&books.client).await;
    let steps = json!([
        { "title": "Reconcile the bank of {period}", "kind": "CLOSE_STEP", "dueWorkingDays": 3 },
        { "title": "Look at {period}", "kind": "CLOSE_STEP", "stage": 2, "dueDays": 10 },
    ]);
    change(
        administrator,
        "workTemplateCreate",
        json!({ "code": "month_end", "name": "Month's end", "steps": steps }),
        "",
    )
    .await;
    let opening = json!({ "month": "2026-01-20", "template": "month_end", "assignee": books.accountant_id });
    let bad = |key: &'static str, value: Value| {
        let mut wrong = opening.clone();
        wrong[key] = value;
        async move { refused(client, "periodCloseOpen", wrong).await.0 }
    };
    assert_eq!(bad("month", json!("1999-01-01")).await, "month");
    assert_eq!(bad("template", json!("nothing")).await, "template");
    let close = made(client, "periodCloseOpen", opening.clone(), "periodClose").await;
    assert_eq!(refused(client, "periodCloseOpen", opening.clone()).await.0, "month");

    // What nobody can place waits on an account that has to be empty.
    let waits = json!({ "code": "1390", "name": "Unclear", "kind": "ASSET", "isGroup": false, "control": "SUSPENSE" });
    let waits = made(client, "accountCreate", waits, "account").await;
    nordwind::post(client, "2026-01-12", ("1390", "50.00"), ("4830", "50.00")).await;
    let invoice = nordwind::issued(client).await;

    // The checklist is in the queue, about the close, due by the client's calendar.
    let query = "query($record: ID!) { workItems(filter: { record: $record }) { nodes { id title kind dueOn assignee { name } record { id } } } }";
    let items = client.ask(query, json!({ "record": close })).await["workItems"]["nodes"].clone();
    let items = items.as_array().unwrap();
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(
        items.iter().all(|item| item["record"]["id"] == close.as_str() && item["kind"] == "CLOSE_STEP"),
        "{items:?}"
    );
    assert!(items.iter().any(|item| item["title"] == "Reconcile the bank of 2026-01"), "{items:?}");
    let told = refused(client, "periodClosePrepare", json!({ "id": close })).await;
    assert_eq!(told, ("id".to_owned(), "Of the checklist 2 of 2 items are still to be done.".to_owned()));
    assert!(refused(&signer, "periodCloseSign", json!({ "id": close })).await.1.contains("not prepared"));
    for title in ["Reconcile the bank of 2026-01", "Look at 2026-01"] {
        let item = items.iter().find(|item| item["title"] == title).unwrap();
        change(client, "workItemComplete", json!({ "id": item["id"] }), "").await;
    }
    change(client, "periodClosePrepare", json!({ "id": close }), "").await;
    assert!(refused(client, "periodClosePrepare", json!({ "id": close })).await.1.contains("already"));
    assert!(refused(client, "periodCloseSign", json!({ "id": close })).await.1.contains("himself"));

    // What is there twice is equal; what a person or the bank does in between is off, and leads to its lines.
    let found = ties(client, &close).await;
    for kind in ["RECEIVABLES", "PAYABLES"] {
        assert_eq!(of(&found, kind, None).1[2], "0.00", "{found:?}");
    }
    let (waiting, figures) = of(&found, "SUSPENSE", Some("1390"));
    assert_eq!((figures, &waiting["blocks"]), (["0.00", "50.00", "50.00"].map(str::to_owned), &json!(true)));
    assert_eq!(waiting["lines"]["nodes"][0]["amount"]["amount"], "50.00");
    let told = refused(&signer, "periodCloseSign", json!({ "id": close })).await.1;
    assert!(told.contains("suspense, account 1390: the register says 0.00, the books 50.00 EUR, 50.00 more"), "{told}");

    // A note holds for the difference that it was written for, and for nothing that the books keep twice.
    let note = |kind: &str, account: &Value, text: &str| json!({ "id": close, "kind": kind, "account": account, "text": text });
    let receivable = json!(client.account("1200").await);
    assert_eq!(refused(client, "periodCloseNote", note("RECEIVABLES", &receivable, "It is so")).await.0, "kind");
    assert_eq!(refused(client, "periodCloseNote", note("SUSPENSE", &receivable, "It is so")).await.0, "account");
    assert_eq!(refused(client, "periodCloseNote", note("SUSPENSE", &json!(waits), "x")).await.0, "text");
    for one in &found {
        if one["blocks"] == true {
            change(
                client,
                "periodCloseNote",
                note(one["kind"].as_str().unwrap(), &one["account"]["id"], "The bank sends it later"),
                "",
            )
            .await;
        }
    }
    assert!(ties(client, &close).await.iter().all(|one| one["blocks"] == false));
    nordwind::post(client, "2026-01-13", ("1390", "1.00"), ("4830", "1.00")).await;
    assert!(of(&ties(client, &close).await, "SUSPENSE", Some("1390")).0["blocks"] == true);
    nordwind::post(client, "2026-01-13", ("4830", "51.00"), ("1390", "51.00")).await;
    let settled = of(&ties(client, &close).await, "SUSPENSE", Some("1390"));
    assert_eq!(
        (&settled.1[2], &settled.0["blocks"], &settled.0["note"]),
        (&"0.00".to_owned(), &json!(false), &Value::Null)
    );

    // An open item that is lost: 1,190.00 stand on the account that the sub-ledger knows nothing of.
    let item = invoice["openItem"]["id"].as_str().unwrap().rsplit_once('_').unwrap().1.to_owned();
    let entry = invoice["entry"]["id"].as_str().unwrap().rsplit_once('_').unwrap().1.to_owned();
    let lose = |entry: &str| {
        app.database.lay(&format!(
            "SET LOCAL session_replication_role = replica; UPDATE finance.open_item SET entry_id = '{entry}' WHERE id = '{item}'"
        ));
    };
    lose("00000000-0000-0000-0000-000000000001");
    let (lost, figures) = of(&ties(client, &close).await, "RECEIVABLES", None);
    assert_eq!((figures[2].as_str(), &lost["blocks"]), ("1190.00", &json!(true)));
    let lines = lost["lines"]["nodes"].as_array().unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["amount"]["amount"], &lines[0]["entry"]["id"]), (&json!("1190.00"), &invoice["entry"]["id"]));
    let told = refused(&signer, "periodCloseSign", json!({ "id": close })).await.1;
    assert!(told.contains("receivables: the register says") && told.contains("1190.00 more"), "{told}");
    lose(&entry);

    // Signed off by the other one, the month is locked; opened again for a reason, it is not.
    change(&signer, "periodCloseSign", json!({ "id": close }), "").await;
    let late = nordwind::post(client, "2026-01-30", ("6815", "5.00"), ("1300", "5.00")).await;
    assert_eq!(nordwind::refusal(&late).0, "PERIOD_LOCKED");
    assert!(refused(&signer, "periodCloseSign", json!({ "id": close })).await.1.contains("already"));
    assert_eq!(refused(client, "periodCloseNote", note("SUSPENSE", &json!(waits), "Too late")).await.0, "id");
    let february = made(client, "periodCloseOpen", json!({ "month": "2026-02-01" }), "periodClose").await;
    change(&signer, "periodClosePrepare", json!({ "id": february }), "").await;
    assert_eq!(refused(client, "periodCloseReopen", json!({ "id": close, "reason": "x" })).await.0, "reason");
    change(client, "periodCloseReopen", json!({ "id": close, "reason": "A bill came late" }), "").await;
    assert_eq!(refused(client, "periodCloseReopen", json!({ "id": close, "reason": "Again" })).await.0, "id");
    assert!(
        refused(client, "periodCloseSign", json!({ "id": february }))
            .await
            .1
            .contains("The close of 2026-01 comes first")
    );
    let told = about(client, &close).await;
    assert_eq!(
        told,
        json!({ "state": "OPEN", "period": "2026-01", "startsOn": "2026-01-01", "endsOn": "2026-01-31", "preparedByName": null,
                "signedByName": null, "templateCode": "month_end", "progress": { "items": 2, "open": 0, "overdue": 0 },
                "steps": [{ "kind": "PREPARED", "byName": "Konrad Konto", "reason": null }, { "kind": "SIGNED", "byName": "Zoe Zweit", "reason": null },
                          { "kind": "REOPENED", "byName": "Konrad Konto", "reason": "A bill came late" }] })
    );
    let late = nordwind::post(client, "2026-01-30", ("6815", "5.00"), ("1300", "5.00")).await;
    assert_eq!(late["userErrors"], json!([]));

    // The provider sees where its clients stand.
    let outside = app.sign_in("konrad@firm.example").await;
    let query = "query($month: Date!) { closeStatuses(month: $month) { nodes { clientName state preparedByName openItems overdueItems nextDueOn } } }";
    let states = outside.ask(query, json!({ "month": "2026-02-14" })).await["closeStatuses"]["nodes"].clone();
    assert_eq!(
        states,
        json!([{ "clientName": "Nordwind Handels GmbH", "state": "PREPARED", "preparedByName": "Zoe Zweit", "openItems": 0, "overdueItems": 0, "nextDueOn": null }])
    );
    let states = outside.ask(query, json!({ "month": "2026-07-01" })).await["closeStatuses"]["nodes"].clone();
    assert_eq!(states[0]["state"], "NOT_OPENED");
    let last = outside.ask("{ closeStatuses { nodes { state } } }", json!({})).await["closeStatuses"]["nodes"].clone();
    assert_eq!(last[0]["state"], "NOT_OPENED");
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn two_hundred_closes_are_seen_at_once() {
    let office = Office::open();
    let person = office.person("Petra Portfolio");
    office.app.database.lay(&format!(
        "SET LOCAL session_replication_role = replica;
         CREATE TEMP TABLE laid AS SELECT n, gen_random_uuid() AS tenant, gen_random_uuid() AS role, gen_random_uuid() AS closing FROM generate_series(1, 200) AS n;
         INSERT INTO core.tenant (id) SELECT tenant FROM laid;
         INSERT INTO practice.client (tenant_id, id, name, country, currency, time_zone, fiscal_year_start_month)
           SELECT tenant, tenant, 'Client ' || lpad(n::text, 3, '0'), 'DE', 'EUR', 'Europe/Berlin', 1 FROM laid;
         INSERT INTO identity.role (tenant_id, id, name, permissions) SELECT tenant, role, 'Everything', '{{{}}}' FROM laid;
         INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
           SELECT tenant, gen_random_uuid(), '{}', role, 'allow', current_date - 7 FROM laid;
         INSERT INTO finance.period_close (tenant_id, id, period, starts_on, ends_on, prepared_at, prepared_by, prepared_by_name)
           SELECT tenant, closing, '2026-01', '2026-01-01', '2026-01-31', CASE WHEN n % 4 = 0 THEN now() END, CASE WHEN n % 4 = 0 THEN role END,
                  CASE WHEN n % 4 = 0 THEN 'Somebody' END FROM laid WHERE n % 10 <> 0;
         INSERT INTO practice.work_item (tenant_id, id, kind, title, description, state, priority, due_on, record_prefix, record_id, created_by)
           SELECT tenant, gen_random_uuid(), 'close_step', 'Step ' || k, '', 'open', 'normal', current_date - k, 'pcl', closing, role
             FROM laid, generate_series(1, 10) AS k WHERE n % 10 <> 0;
         ANALYZE",
        Can::ALL.iter().map(|can| can.name()).collect::<Vec<_>>().join(","),
        person.account,
    ));
    office.app.database.lay(&format!(
        "INSERT INTO identity.provider_grant (account_id, role_id) VALUES ('{}', '00000000-0000-7000-8000-000000000002')",
        person.account
    ));
    let client = office.app.client().with_token(office.token(person, None));
    let query = "{ closeStatuses(month: \"2026-01-31\") { nodes { clientId clientName state openItems overdueItems nextDueOn } pageInfo { hasNextPage } } }";
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let begun = Instant::now();
        let found = client.ask(query, json!({})).await["closeStatuses"].clone();
        best = best.min(begun.elapsed());
        let nodes = found["nodes"].as_array().unwrap();
        let count = |state: &str| nodes.iter().filter(|node| node["state"] == state).count();
        assert_eq!((nodes.len(), count("NOT_OPENED"), count("PREPARED"), count("OPEN")), (200, 20, 40, 140));
        assert_eq!((&nodes[0]["openItems"], &nodes[0]["overdueItems"]), (&json!(10), &json!(10)));
    }
    assert!(best < Duration::from_millis(100), "200 clients took {best:?}");
    // Page by page they are the same.
    let page = "query($after: String) { closeStatuses(month: \"2026-01-31\", first: 100, after: $after) { nodes { clientName } pageInfo { endCursor hasNextPage } } }";
    let first = client.ask(page, json!({})).await["closeStatuses"].clone();
    let second = client.ask(page, json!({ "after": first["pageInfo"]["endCursor"] })).await["closeStatuses"].clone();
    assert_eq!((second["nodes"].as_array().unwrap().len(), &second["pageInfo"]["hasNextPage"]), (100, &json!(false)));
    assert_eq!(second["nodes"][0]["clientName"], "Client 101");
}
