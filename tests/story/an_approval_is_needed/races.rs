//! Decisions in the same moment: one wins, and nothing is half done.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Desk, decide, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn two_who_decide_the_last_step_in_the_same_moment() {
    let desk = Desk::open().await;
    let mut approvers = Vec::new();
    for name in ["Ann", "Bea", "Cyd", "Dan"] {
        approvers.push(desk.person(name, "Approver").await.0);
    }
    let (chief, _) = desk.person("Carla", "Chief").await;
    desk.policy(&chief, json!({})).await;
    for round in 0..6 {
        let bill = desk.bill(&format!("R-{round}"), "2026-01-06", "6000.00").await;
        let request = desk.requested(&bill).await;
        // each twice, as impatient people do
        let answers: Vec<Value> =
            join_all(approvers.iter().chain(&approvers).map(|one| decide(one, &request, "APPROVE"))).await;
        let refused = answers.iter().filter(|answer| answer["userErrors"] != json!([])).count();
        assert_eq!(refused, 4, "two approve, twice each; two come too late, twice each: {answers:?}");
        let stands = desk.stands(&request).await;
        assert_eq!(stands["state"], "APPROVED");
        assert_eq!(stands["decisions"].as_array().unwrap().len(), 2);
        let ended = desk.app.database.count(&format!(
            "SELECT count(*) FROM core.event WHERE kind = 'approval_request.ended' AND node_id = '{}'",
            request["id"].as_str().unwrap().rsplit_once('_').unwrap().1
        ));
        assert_eq!(ended, 1, "told once");
    }
    assert_eq!(desk.app.database.findings(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn approved_while_the_maker_edits() {
    let desk = Desk::open().await;
    let (ann, _) = desk.person("Ann", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    desk.policy(&chief, json!({})).await;
    for round in 0..8 {
        let bill = desk.bill(&format!("R-{round}"), "2026-01-06", "100.00").await;
        let request = desk.requested(&bill).await;
        let changed = format!("{}.00", 200 + round);
        let (approved, edited, posted) =
            tokio::join!(decide(&ann, &request, "APPROVE"), desk.change(&bill, &changed), desk.post(&bill));
        let stands = desk.stands(&request).await;
        // Either it was posted as it was approved, or the edit made the approval void, whenever it was given.
        if posted["userErrors"] == json!([]) {
            assert_eq!(stands["state"], "APPROVED");
            assert!(!refusal(&edited).is_empty());
        } else {
            assert_eq!(edited["userErrors"], json!([]), "{edited}");
            assert_eq!(stands["state"], "VOID", "{approved}");
            assert_eq!(refusal(&desk.post(&bill).await), super::NEEDED);
        }
    }
    assert_eq!(desk.app.database.findings(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn bills_that_are_asked_for_in_the_same_moment_count_together() {
    let desk = Desk::open().await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    desk.policy(&chief, json!({ "splitDays": 7 })).await;
    let mut bills = Vec::new();
    for number in 0..6 {
        bills.push(desk.bill(&format!("R-{number}"), "2026-01-06", "1000.00").await);
    }
    let requests = join_all(bills.iter().map(|bill| desk.requested(bill))).await;
    let mut counted: Vec<&str> = requests.iter().map(|one| one["counted"]["amount"].as_str().unwrap()).collect();
    counted.sort_unstable();
    assert_eq!(counted, ["1000.00", "2000.00", "3000.00", "4000.00", "5000.00", "6000.00"], "one after the other");
}
