//! Where the cash is, and what it will be: what is held, what is due when, what comes again and what is posted for days ahead.

use chrono::{Datelike, Days, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, ISSUE, payload, post, sale};
use crate::walls::furnished::{change, made};

const FORECAST: &str = "query($through: Date!, $step: ForecastStep) { cashForecast(through: $through, step: $step) { from through currencies {
    currency opening { amount } closing { amount } lowest { amount }
    periods { from to opening { amount } receipts { amount } payments { amount } recurring { amount } posted { amount } closing { amount }
      items(first: 100) { nodes { dueDate instalmentNo amount { amount } openItem { document side } } }
      recurringEntries(first: 100) { nodes { on amount { amount } recurringEntry { description } } } } } } }";

fn cents(value: &Value) -> i64 {
    value["amount"].as_str().unwrap_or_else(|| panic!("{value}")).replace('.', "").parse().unwrap()
}

/// The forecast; every period is checked against the one before it and against what it sums.
async fn foreseen(client: &Client, through: NaiveDate, step: &str) -> Value {
    let said = client.ask(FORECAST, json!({ "through": through, "step": step })).await["cashForecast"].clone();
    for currency in said["currencies"].as_array().unwrap() {
        let mut there = cents(&currency["opening"]);
        let mut lowest = i64::MAX;
        for period in currency["periods"].as_array().unwrap() {
            let of = |field: &str| cents(&period[field]);
            let sum = |list: &str| -> i64 {
                period[list]["nodes"].as_array().unwrap().iter().map(|one| cents(&one["amount"])).sum()
            };
            assert_eq!(of("opening"), there, "{period}");
            assert_eq!(sum("items"), of("receipts") - of("payments"), "{period}");
            assert_eq!(sum("recurringEntries"), of("recurring"), "{period}");
            there += of("receipts") - of("payments") + of("recurring") + of("posted");
            lowest = lowest.min(there);
            assert_eq!(of("closing"), there, "{period}");
        }
        assert_eq!((cents(&currency["closing"]), cents(&currency["lowest"])), (there, lowest));
    }
    said
}

#[tokio::test]
async fn what_is_held_and_what_is_due() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    // The client's day may be another one than that of UTC.
    let asked = Utc::now().date_naive();
    let probe = client.ask(FORECAST, json!({ "through": asked + Days::new(3), "step": "DAY" })).await;
    let today: NaiveDate = probe["cashForecast"]["from"].as_str().unwrap().parse().unwrap();
    let day = |days: u64| today + Days::new(days);
    for year in 2027..=day(40).year() {
        let input = json!({ "startsOn": format!("{year}-01-01"), "endsOn": format!("{year}-12-31") });
        change(client, "fiscalYearCreate", input, "").await;
    }

    // A till is cash once somebody says so.
    let position =
        "query($day: Date) { cashPosition(asOf: $day) { total { amount } currencies { currency balance { amount } }
        holdings { account { code } bankAccount { name } balance { amount } balanceBook { amount } } } }";
    let held = client.ask(position, json!({})).await["cashPosition"].clone();
    assert_eq!(
        (&held["total"]["amount"], held["holdings"].as_array().unwrap().len()),
        (&json!("42318.77"), 1),
        "{held}"
    );
    let till = json!({ "account": client.account("1600").await, "section": "CASH" });
    change(client, "accountCashFlowSet", till, "").await;
    let held = client.ask(position, json!({})).await["cashPosition"].clone();
    let rows: Vec<(&str, &Value, &str)> = held["holdings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let amount = one["balance"]["amount"].as_str().unwrap();
            assert_eq!(one["balanceBook"]["amount"], amount);
            (one["account"]["code"].as_str().unwrap(), &one["bankAccount"]["name"], amount)
        })
        .collect();
    assert_eq!(rows, [("1600", &Value::Null, "312.45"), ("1800", &json!("Bank"), "42318.77")]);
    assert_eq!(held["currencies"], json!([{ "currency": "EUR", "balance": { "amount": "42631.22" } }]));
    assert_eq!(client.ask(position, json!({ "day": "2025-12-30" })).await["cashPosition"]["total"]["amount"], "0.00");

    // An invoice in two parts, a rent that comes again, a loan that is posted for a day ahead.
    let new = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "lines": [sale(client, "1", "100.00", None).await] });
    let invoice = payload(client, INVOICE, new).await["invoice"]["id"].clone();
    let parts = json!([{ "dueDate": day(2), "percent": "60" }, { "dueDate": day(10), "percent": "40" }]);
    let issued =
        payload(client, ISSUE, json!({ "id": invoice, "issueDate": "2026-01-10", "instalments": parts })).await;
    assert_eq!(issued["userErrors"], json!([]));
    let (rent, bank) = (client.account("6310").await, client.account("1800").await);
    let lines = json!([{ "account": rent, "debit": "500.00" }, { "account": bank, "credit": "500.00" }]);
    let rent = json!({ "description": "Rent", "everyMonths": 1, "startsOn": day(3), "lines": lines });
    made(client, "recurringEntryCreate", rent, "recurringEntry").await;
    post(client, &day(5).to_string(), ("1800", "1000.00"), ("3150", "1000.00")).await;

    let said = foreseen(client, day(20), "WEEK").await;
    let euros = &said["currencies"][0];
    let shown: Vec<[&str; 5]> = euros["periods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            ["receipts", "payments", "recurring", "posted", "closing"]
                .map(|field| one[field]["amount"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ["16266.00", "12709.20", "-500.00", "1000.00", "46688.02"],
            ["40.00", "0.00", "0.00", "0.00", "46728.02"],
            ["0.00", "0.00", "0.00", "0.00", "46728.02"],
        ]
    );
    assert_eq!((&euros["lowest"]["amount"], said["currencies"].as_array().unwrap().len()), (&json!("46688.02"), 1));
    // Whatever the steps, the end is the same; a rent more lies behind it.
    for step in ["DAY", "MONTH"] {
        assert_eq!(foreseen(client, day(20), step).await["currencies"][0]["closing"]["amount"], "46728.02", "{step}");
    }
    let longer = foreseen(client, day(40), "MONTH").await;
    assert_eq!(longer["currencies"][0]["closing"]["amount"], "46228.02");

    // Page by page the items are the same.
    let (mut after, mut documents) = (Value::Null, Vec::new());
    let page = "query($through: Date!, $after: String) { cashForecast(through: $through) { currencies { periods {
        items(first: 2, after: $after) { nodes { dueDate openItem { document } } pageInfo { hasNextPage endCursor } } } } } }";
    loop {
        let found = client.ask(page, json!({ "through": day(6), "after": after })).await;
        let items = found["cashForecast"]["currencies"][0]["periods"][0]["items"].clone();
        documents.extend(items["nodes"].as_array().unwrap().iter().map(|one| one["openItem"]["document"].clone()));
        if items["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = items["pageInfo"]["endCursor"].clone();
    }
    let all: Vec<Value> = euros["periods"][0]["items"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["openItem"]["document"].clone())
        .collect();
    assert_eq!(documents, all);

    for (through, step) in [(today - Days::new(1), "DAY"), (day(60), "DAY")] {
        let refused = client.send(FORECAST, json!({ "through": through, "step": step })).await;
        assert_eq!(refused.code(), "BAD_USER_INPUT", "{}", refused.text);
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
