//! Recurring entries: each comes once for each of its days, however often it is looked for, and templates come by hand.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind;
use crate::walls::furnished::{change, made};

async fn rent(client: &Client, every: Option<i32>, from: Option<&str>, to: Option<&str>) -> Value {
    json!({ "description": "Rent", "everyMonths": every, "startsOn": from, "endsOn": to,
            "lines": [{ "account": client.account("6815").await, "debit": "850.00" }, { "account": client.account("1600").await, "credit": "850.00" }] })
}

async fn post(client: &Client, through: &str) -> i64 {
    let run =
        change(client, "recurringEntriesPost", json!({ "through": through }), "recurringEntryRun { posted more }")
            .await;
    assert_eq!(run["recurringEntryRun"]["more"], false);
    run["recurringEntryRun"]["posted"].as_i64().unwrap()
}

/// The days on which something of this source was posted, the earliest first.
async fn days(client: &Client) -> Vec<String> {
    let query = "{ journalEntries(first: 100, filter: { source: { eq: RECURRING } }) { nodes { date } } }";
    let found = client.ask(query, json!({})).await["journalEntries"]["nodes"].clone();
    found.as_array().unwrap().iter().rev().map(|entry| entry["date"].as_str().unwrap().to_owned()).collect()
}

async fn refused(client: &Client, field: &str, input: Value) -> String {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    let query =
        format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ code field message }} }} }}");
    let reason = client.refused(&query, json!({ "input": input })).await[0].clone();
    reason["field"].as_array().unwrap().iter().skip(1).map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join(".")
}

#[tokio::test]
async fn an_entry_comes_once_for_each_of_its_days() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let create = "recurringEntryCreate";
    assert_eq!(refused(client, create, rent(client, Some(0), Some("2026-01-31"), None).await).await, "everyMonths");
    assert_eq!(refused(client, create, rent(client, Some(61), Some("2026-01-31"), None).await).await, "everyMonths");
    assert_eq!(refused(client, create, rent(client, Some(1), None, None).await).await, "startsOn");
    assert_eq!(refused(client, create, rent(client, None, Some("2026-01-31"), None).await).await, "startsOn");
    assert_eq!(
        refused(client, create, rent(client, Some(1), Some("2026-01-31"), Some("2026-01-30")).await).await,
        "endsOn"
    );
    let mut uneven = rent(client, Some(1), Some("2026-01-31"), None).await;
    uneven["lines"][1]["credit"] = json!("849.99");
    assert_eq!(refused(client, create, uneven).await, "lines");

    // On the last day of each month, from January to April.
    let monthly =
        made(client, create, rent(client, Some(1), Some("2026-01-31"), Some("2026-04-30")).await, "recurringEntry")
            .await;
    assert_eq!(post(client, "2026-01-30").await, 0);
    // Run twice on the same day, and twice at the same time: one entry.
    let run = "mutation { recurringEntriesPost(input: { through: \"2026-01-31\" }) { recurringEntryRun { posted } userErrors { message } } }";
    let (one, two) = tokio::join!(client.ask(run, json!({})), client.ask(run, json!({})));
    let posted = |data: &Value| data["recurringEntriesPost"]["recurringEntryRun"]["posted"].as_i64().unwrap();
    assert_eq!(posted(&one) + posted(&two), 1);
    assert_eq!(post(client, "2026-01-31").await, 0);
    let shown = "query($id: ID!) { recurringEntry(id: $id) { amount { amount } everyMonths nextOn stoppedAt lines { amount { amount } } } }";
    let now = client.ask(shown, json!({ "id": monthly })).await["recurringEntry"].clone();
    assert_eq!((&now["nextOn"], &now["amount"]["amount"]), (&json!("2026-02-28"), &json!("850.00")));
    assert_eq!(now["lines"], json!([{ "amount": { "amount": "850.00" } }, { "amount": { "amount": "-850.00" } }]));
    // February was locked before anybody looked: it comes on the first open day, the others on theirs, and that is all.
    change(client, "periodLock", json!({ "through": "2026-03-04", "kind": "SOFT" }), "").await;
    assert_eq!(post(client, "2026-03-04").await, 0);
    assert_eq!(post(client, "2026-11-01").await, 3);
    assert_eq!(days(client).await, ["2026-01-31", "2026-03-05", "2026-03-31", "2026-04-30"]);
    assert_eq!(post(client, "2026-11-01").await, 0);
    assert_eq!(client.ask(shown, json!({ "id": monthly })).await["recurringEntry"]["nextOn"], Value::Null);
    assert_eq!(refused(client, "recurringEntriesPost", json!({ "through": "2031-01-01" })).await, "through");

    // A template comes when somebody posts it; one that is stopped does not, and a wrong entry is reversed like one by hand.
    let template = made(client, create, rent(client, None, None, None).await, "recurringEntry").await;
    assert_eq!(post(client, "2026-11-01").await, 0);
    let by_hand = json!({ "id": template, "date": "2026-05-07", "description": "Rent of the shed" });
    let entry =
        change(client, "recurringEntryPost", by_hand.clone(), "journalEntry { id description source documentId }")
            .await;
    let entry = entry["journalEntry"].clone();
    assert_eq!(
        (&entry["description"], &entry["source"], &entry["documentId"]),
        (&json!("Rent of the shed"), &json!("RECURRING"), &json!(template))
    );
    change(client, "journalEntryReverse", json!({ "entry": entry["id"], "date": "2026-05-07" }), "").await;
    let quarterly = made(client, create, rent(client, Some(3), Some("2026-06-15"), None).await, "recurringEntry").await;
    change(client, "recurringEntryStop", json!({ "id": quarterly }), "recurringEntry { stoppedAt }").await;
    assert_eq!(refused(client, "recurringEntryStop", json!({ "id": quarterly })).await, "id");
    assert_eq!(refused(client, "recurringEntryPost", json!({ "id": quarterly, "date": "2026-06-15" })).await, "id");
    assert_eq!(post(client, "2026-11-01").await, 0);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_needs_an_approval_does_not_come_by_itself() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let inside = books.administrator.enter(&books.client).await;
    let rights = json!(["APPROVAL_READ", "APPROVAL_POLICY_MANAGE"]);
    made(&inside, "roleCreate", json!({ "name": "Chief", "permissions": rights }), "role").await;
    let chief = books.administrator.staff("carla@firm.example", "Carla").await;
    inside.grant(&chief, "Chief", "2026-01-01", None).await;
    let chief = app.sign_in("carla@firm.example").await.enter(&books.client).await;
    let template = made(client, "recurringEntryCreate", rent(client, None, None, None).await, "recurringEntry").await;
    let monthly = rent(client, Some(1), Some("2026-01-31"), None).await;
    made(client, "recurringEntryCreate", monthly, "recurringEntry").await;
    let deferral = json!({ "description": "Insurance", "amount": "1700.00", "startsOn": "2026-01-01", "endsOn": "2026-02-28",
                           "method": "BY_MONTH", "debitAccount": client.account("6815").await, "creditAccount": client.account("1600").await });
    made(client, "deferralCreate", deferral, "deferral").await;
    // 850.00 is below 850.01 and above 849.99.
    let role = inside.role("Accountant").await;
    let bands = |above: &str| json!([{ "above": above, "steps": [{ "roles": [role] }] }]);
    let input = json!({ "subject": "JOURNAL_PROPOSAL", "name": "Entries", "bands": bands("849.99") });
    let id = made(&chief, "approvalPolicyCreate", input, "approvalPolicy").await;
    let by_hand = json!({ "id": template, "date": "2026-01-15" });
    assert_eq!(refused(client, "recurringEntryPost", by_hand.clone()).await, "lines");
    assert_eq!(refused(client, "recurringEntriesPost", json!({ "through": "2026-02-01" })).await, "through");
    assert_eq!(refused(client, "deferralsPost", json!({ "through": "2026-02-01" })).await, "through");
    assert_eq!(days(client).await, Vec::<String>::new());
    change(&chief, "approvalPolicyUpdate", json!({ "id": id, "bands": bands("850.00") }), "").await;
    change(client, "recurringEntryPost", by_hand, "").await;
    assert_eq!(post(client, "2026-02-01").await, 1);
    assert_eq!(days(client).await, ["2026-01-15", "2026-01-31"]);
}
