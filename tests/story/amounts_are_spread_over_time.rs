//! Deferrals and accruals: an amount belongs to the time that it is for, slice by slice, each posted once and never into what
//! is locked.

use serde_json::{Value, json};

use crate::harness::{App, Client};
use crate::nordwind;
use crate::walls::furnished::{change, made};

async fn input(client: &Client, amount: &str, from: &str, to: &str, method: &str) -> Value {
    json!({ "description": "Insurance", "debitAccount": client.account("6815").await, "creditAccount": client.account("1140").await,
            "amount": amount, "startsOn": from, "endsOn": to, "method": method })
}

const SLICES: &str = "query($id: ID!) { deferral(id: $id) { amount { amount currency } stoppedAt slices { number from to due amount { amount }
    entry { date source documentId description lines { account { code } amount { amount } dimensions { code } } } } } }";

/// The slices of a deferral: amount, whether it is due, and the day on which it was posted.
async fn slices(client: &Client, id: &str) -> Vec<(String, bool, String)> {
    let found = client.ask(SLICES, json!({ "id": id })).await["deferral"]["slices"].clone();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let slices = found.as_array().unwrap().iter();
    slices.map(|one| (text(&one["amount"]["amount"]), one["due"] == true, text(&one["entry"]["date"]))).collect()
}

fn rows(expected: &[(&str, bool, &str)]) -> Vec<(String, bool, String)> {
    expected.iter().map(|(amount, due, day)| ((*amount).to_owned(), *due, (*day).to_owned())).collect()
}

async fn post(client: &Client, through: &str) -> i64 {
    let run = change(client, "deferralsPost", json!({ "through": through }), "deferralRun { posted more }").await;
    assert_eq!(run["deferralRun"]["more"], false);
    run["deferralRun"]["posted"].as_i64().unwrap()
}

async fn refused(client: &Client, field: &str, input: Value) -> (String, String) {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    let query =
        format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ code field message }} }} }}");
    let reason = client.refused(&query, json!({ "input": input })).await[0].clone();
    (reason["field"][1].as_str().unwrap().to_owned(), reason["message"].as_str().unwrap().to_owned())
}

async fn lock(client: &Client, through: &str) {
    change(client, "periodLock", json!({ "through": through, "kind": "SOFT" }), "").await;
}

#[tokio::test]
async fn each_slice_is_posted_once_in_an_open_period() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    // 100 from January 10 to March 15: by day, and by month.
    let by_day =
        made(client, "deferralCreate", input(client, "100.00", "2026-01-10", "2026-03-15", "BY_DAY").await, "deferral")
            .await;
    let by_month = made(
        client,
        "deferralCreate",
        input(client, "100.00", "2026-01-10", "2026-03-15", "BY_MONTH").await,
        "deferral",
    )
    .await;
    assert_eq!(slices(client, &by_day).await, rows(&[("33.85", true, ""), ("43.08", true, ""), ("23.07", true, "")]));
    assert_eq!(slices(client, &by_month).await, rows(&[("33.33", true, ""), ("33.33", true, ""), ("33.34", true, "")]));
    let bad = |key: &'static str, value: Value| async move {
        let mut wrong = input(client, "100.00", "2026-01-10", "2026-03-15", "BY_DAY").await;
        wrong[key] = value;
        refused(client, "deferralCreate", wrong).await.0
    };
    assert_eq!(bad("amount", json!("0")).await, "amount");
    assert_eq!(bad("amount", json!("-5")).await, "amount");
    assert_eq!(bad("amount", json!("1.001")).await, "amount");
    assert_eq!(bad("endsOn", json!("2026-01-09")).await, "endsOn");
    assert_eq!(bad("endsOn", json!("2036-01-10")).await, "endsOn");
    assert_eq!(bad("description", json!("")).await, "description");
    assert_eq!(bad("creditAccount", json!(client.account("6815").await)).await, "creditAccount");
    assert_eq!(bad("debitAccount", json!(client.account("1200").await)).await, "debitAccount");
    assert_eq!(bad("debitAccount", json!(client.account("6").await)).await, "debitAccount");

    // Nothing is posted before its time; two who post together post each slice once.
    assert_eq!(refused(client, "deferralsPost", json!({ "through": "2031-01-01" })).await.0, "through");
    assert_eq!(post(client, "2026-01-30").await, 0);
    let ask = "mutation { deferralsPost(input: { through: \"2026-01-31\" }) { deferralRun { posted } userErrors { message } } }";
    let (one, two) = tokio::join!(client.ask(ask, json!({})), client.ask(ask, json!({})));
    let posted = |data: &Value| data["deferralsPost"]["deferralRun"]["posted"].as_i64().unwrap();
    assert_eq!(posted(&one) + posted(&two), 2);
    let entry = client.ask(SLICES, json!({ "id": by_day })).await["deferral"]["slices"][0]["entry"].clone();
    assert_eq!(
        entry,
        json!({ "date": "2026-01-31", "source": "DEFERRAL", "documentId": by_day, "description": "Insurance (1/3)",
                "lines": [{ "account": { "code": "6815" }, "amount": { "amount": "33.85" }, "dimensions": [] },
                          { "account": { "code": "1140" }, "amount": { "amount": "-33.85" }, "dimensions": [] }] })
    );

    // February is locked by the time: its slices come on the first open day. While that lies ahead they wait.
    lock(client, "2026-03-04").await;
    assert_eq!(post(client, "2026-03-04").await, 0);
    assert_eq!(post(client, "2026-03-10").await, 2);
    assert_eq!(
        slices(client, &by_day).await,
        rows(&[("33.85", false, "2026-01-31"), ("43.08", false, "2026-03-05"), ("23.07", true, "")])
    );
    // One is stopped; the other runs to its end, and all of it is there once.
    change(client, "deferralStop", json!({ "id": by_month, "reason": "Sold" }), "deferral { stoppedAt }").await;
    assert_eq!(refused(client, "deferralStop", json!({ "id": by_month, "reason": "Again" })).await.0, "id");
    assert_eq!(post(client, "2026-11-01").await, 1);
    assert_eq!(post(client, "2026-11-01").await, 0);
    assert_eq!(slices(client, &by_day).await[2], ("23.07".to_owned(), false, "2026-03-15".to_owned()));
    assert_eq!(slices(client, &by_month).await[2], ("33.34".to_owned(), false, String::new()));
    let year = "{ incomeStatement(from: \"2026-01-01\", to: \"2026-12-31\") { totalExpenses { amount } } }";
    assert_eq!(client.ask(year, json!({})).await["incomeStatement"]["totalExpenses"]["amount"], "166.66");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_schedule_posts_what_is_due() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    // A cost centre stands on the cost alone; cents that are fewer than months leave months without any.
    let centre = made(client, "dimensionCreate", json!({ "code": "centre", "name": "Centre" }), "dimension").await;
    let north = made(
        client,
        "dimensionValueCreate",
        json!({ "dimension": centre, "code": "north", "name": "North" }),
        "dimensionValue",
    )
    .await;
    let mut few = input(client, "0.02", "2026-01-01", "2026-04-30", "BY_MONTH").await;
    few["dimensions"] = json!([north]);
    let few = made(client, "deferralCreate", few, "deferral").await;
    let amounts: Vec<String> = slices(client, &few).await.into_iter().map(|slice| slice.0).collect();
    assert_eq!(amounts, ["0.01", "0.01", "0.00", "0.00"]);
    let schedule = json!({ "name": "Deferrals", "kind": "DUE_ENTRIES_POST", "cron": "0 5 * * *" });
    let schedule = change(client, "scheduleCreate", schedule, "schedule { id kind }").await["schedule"].clone();
    due(&app, &schedule["id"]);
    for _ in 0..600 {
        if slices(client, &few).await.iter().all(|slice| !slice.1) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        slices(client, &few).await,
        rows(&[("0.01", false, "2026-01-31"), ("0.01", false, "2026-02-28"), ("0.00", false, ""), ("0.00", false, "")])
    );
    let lines = client.ask(SLICES, json!({ "id": few })).await["deferral"]["slices"][1]["entry"]["lines"].clone();
    assert_eq!((&lines[0]["dimensions"], &lines[1]["dimensions"]), (&json!([{ "code": "north" }]), &json!([])));
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
}

/// Makes a schedule due now.
fn due(app: &App, id: &Value) {
    let id = id.as_str().unwrap_or_else(|| panic!("no schedule")).rsplit_once('_').unwrap().1;
    app.database.lay(&format!(
        "UPDATE core.schedule_queue SET due_at = now() - interval '1 minute' WHERE schedule_id = '{id}'"
    ));
}
