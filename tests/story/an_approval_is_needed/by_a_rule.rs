//! A rule asks for the approval as soon as there is something to approve; whoever has published it does not decide.

use serde_json::json;

use super::{Desk, decide, inbox, refusal};
use crate::harness::Client;
use crate::rules_fire::{armed, ran};
use crate::walls::furnished::made;

/// Somebody who writes rules, and decides on approvals as well.
async fn author(desk: &Desk) -> Client {
    let permissions = json!([
        "RULE_READ",
        "RULE_MANAGE",
        "RULE_ARM",
        "BILL_READ",
        "APPROVAL_READ",
        "APPROVAL_REQUEST",
        "APPROVAL_DECIDE"
    ]);
    made(&desk.inside, "roleCreate", json!({ "name": "Author", "permissions": permissions }), "role").await;
    let (ruth, id) = desk.person("Ruth", "Author").await;
    desk.inside.grant(&id, "Approver", "2026-01-01", None).await;
    ruth
}

#[tokio::test]
async fn a_rule_asks_for_the_approval_and_its_publisher_does_not_decide() {
    let desk = Desk::open().await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let (one, _) = desk.person("Anton", "Approver").await;
    let ruth = author(&desk).await;
    desk.policy(&chief, json!({})).await;
    let actions = json!([{ "requestApproval": { "note": "From {{ record.vendorName }}: {{ record.gross }} {{ record.currency }}" } }]);
    let rule = armed(&ruth, "Bills", json!(["BILL_CREATED"]), "record.gross > 1000", actions).await;

    let bill = desk.bill("R-1", "2026-03-02", "4900").await;
    let seen = ran(&ruth, &rule, 1).await;
    assert_eq!(seen[0]["outcome"], "DONE", "{seen:#?}");
    let effect = &seen[0]["effects"][0];
    assert_eq!((&effect["kind"], &effect["says"]), (&json!("ASKED_FOR_APPROVAL"), &json!("Asks for the approval.")));
    let request = json!({ "id": effect["record"] });
    let stands = desk.stands(&request).await;
    assert_eq!((&stands["state"], &stands["recordId"]), (&json!("PENDING"), &json!(bill)));
    assert_eq!((&stands["note"], &stands["requestedByName"]), (&json!("From Paper Mill: 4900.00 EUR"), &json!("Ruth")));

    // The one who has published the rule has asked for it; somebody else decides, and then the bill can be posted.
    assert!(desk.post(&bill).await["userErrors"][0]["message"].is_string());
    assert!(inbox(&ruth).await.is_empty());
    assert!(refusal(&decide(&ruth, &request, "APPROVE").await).contains("does not decide"));
    assert_eq!(decide(&one, &request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    assert_eq!(desk.post(&bill).await["bill"]["status"], "POSTED");

    // What needs none is no failure: not below the rule's own amount, and not where somebody was quicker.
    desk.bill("R-2", "2026-03-03", "10").await;
    desk.bill("R-3", "2026-03-04", "6000").await;
    let seen = ran(&ruth, &rule, 2).await;
    assert_eq!((&seen[0]["outcome"], seen[0]["effects"].as_array().unwrap().len()), (&json!("DONE"), 1));
    assert_eq!(desk.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_asked_for_already_is_no_failure_and_no_second_request() {
    let desk = Desk::open().await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let ruth = author(&desk).await;
    desk.policy(&chief, json!({})).await;
    let ask = json!([{ "requestApproval": {} }]);
    let first = armed(&ruth, "First", json!(["BILL_CREATED"]), "true", ask.clone()).await;
    let second = armed(&ruth, "Second", json!(["BILL_CREATED"]), "true", ask).await;
    let bill = desk.bill("R-1", "2026-03-02", "4900").await;
    let mut said: Vec<(String, String)> = Vec::new();
    for rule in [&first, &second] {
        let seen = ran(&ruth, rule, 1).await;
        assert_eq!(seen[0]["outcome"], "DONE", "{seen:#?}");
        let effect = &seen[0]["effects"][0];
        said.push((effect["says"].as_str().unwrap().to_owned(), effect["record"].as_str().unwrap().to_owned()));
    }
    said.sort();
    assert_eq!(said[0].0, "Asks for the approval.");
    assert_eq!(said[1], ("Its approval is asked for already.".to_owned(), bill));
    assert_eq!(desk.app.database.count("SELECT count(*) FROM practice.approval_request"), 1);
}
