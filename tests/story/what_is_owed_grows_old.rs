//! Instalments, and how old what is owed is: on any day, as it was known at any moment, from the total to the party to the item.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, ISSUE, payload, refusal, sale};

const AMOUNTS: &str = "current { amount } days1To30 { amount } days31To60 { amount } days61To90 { amount } over90 { amount } total { amount }";

/// The amounts of a row, from not due yet to more than 90 days, and their total.
fn amounts(row: &Value) -> Vec<&str> {
    ["current", "days1To30", "days31To60", "days61To90", "over90", "total"]
        .iter()
        .map(|key| row[key]["amount"].as_str().unwrap())
        .collect()
}

async fn totals(client: &Client, side: &str, day: &str, known_at: Option<&str>) -> Vec<String> {
    let query = format!(
        "query($side: OpenItemSide, $day: Date, $known: DateTime) {{ agingTotals(side: $side, asOf: $day, knownAt: $known) {{ {AMOUNTS} }} }}"
    );
    let found = client.ask(&query, json!({ "side": side, "day": day, "known": known_at })).await;
    amounts(&found["agingTotals"]).into_iter().map(str::to_owned).collect()
}

async fn draft(client: &Client, price: &str, more: Value) -> Value {
    let mut input = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "lines": [sale(client, "1", price, None).await] });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    payload(client, INVOICE, input).await["invoice"]["id"].clone()
}

async fn in_parts(client: &Client, invoice: &Value, parts: &[(&str, &str)]) -> Value {
    let parts: Vec<Value> = parts.iter().map(|(day, percent)| json!({ "dueDate": day, "percent": percent })).collect();
    payload(client, ISSUE, json!({ "id": invoice, "issueDate": "2026-01-10", "instalments": parts })).await
}

async fn pay(client: &Client, invoice: &Value, day: &str, amount: &str) {
    let item = client.ask("query($id: ID!) { invoice(id: $id) { openItem { id } } }", json!({ "id": invoice })).await;
    let input = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "paidOn": day, "amount": amount,
        "account": client.account("1460").await, "allocations": [{ "openItem": item["invoice"]["openItem"]["id"], "amount": amount }] });
    let query = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id } userErrors { code field message } } }";
    let paid = payload(client, query, input).await;
    assert_eq!(paid["userErrors"], json!([]), "{paid}");
}

#[tokio::test]
async fn a_hundred_in_three_parts_of_which_forty_are_paid() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let before = totals(client, "RECEIVABLE", "2026-03-15", None).await;
    let invoice = draft(client, "100.00", json!({})).await;
    let parts = [("2026-02-09", "30"), ("2026-03-11", "50"), ("2026-04-10", "20")];
    // What does not make a whole, or goes back in time, is refused.
    for (wrong, field) in [
        (vec![("2026-02-09", "30"), ("2026-03-11", "50")], "input.instalments"),
        (vec![("2026-02-09", "30"), ("2026-01-11", "70")], "input.instalments.1.dueDate"),
        (vec![("2026-01-09", "100")], "input.instalments.0.dueDate"),
        (vec![("2026-02-09", "0"), ("2026-03-11", "100")], "input.instalments.0.percent"),
        (vec![("2026-02-09", "-5"), ("2026-03-11", "105")], "input.instalments.0.percent"),
    ] {
        let refused = refusal(&in_parts(client, &invoice, &wrong).await);
        assert_eq!((refused.0.as_str(), refused.1.as_str()), ("INVALID", field), "{wrong:?}: {}", refused.2);
    }
    assert_eq!(in_parts(client, &invoice, &parts).await["userErrors"], json!([]));
    pay(client, &invoice, "2026-02-20", "40.00").await;
    let about = "query($id: ID!) { invoice(id: $id) { dueDate overdue openItem { id instalments { instalmentNo dueDate amount { amount } settled { amount } open { amount } } } } }";
    let found = client.ask(about, json!({ "id": invoice })).await["invoice"].clone();
    let shown: Vec<(&str, &str, &str)> = found["openItem"]["instalments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["amount"]["amount"].as_str().unwrap(),
                one["settled"]["amount"].as_str().unwrap(),
                one["open"]["amount"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(shown, [("30.00", "30.00", "0.00"), ("50.00", "10.00", "40.00"), ("20.00", "0.00", "20.00")]);
    assert_eq!((&found["dueDate"], &found["overdue"]), (&json!("2026-04-10"), &json!(true)));

    // On March 15 the second part is four days late; its 40 lie beside what there was before.
    let plus = |before: &[String], at: usize, more: &str| -> String {
        let (a, b): (rust_decimal::Decimal, rust_decimal::Decimal) =
            (before[at].parse().unwrap(), more.parse().unwrap());
        (a + b).to_string()
    };
    let now = totals(client, "RECEIVABLE", "2026-03-15", None).await;
    assert_eq!(
        (now[0].clone(), now[1].clone(), now[5].clone()),
        (plus(&before, 0, "20.00"), plus(&before, 1, "40.00"), plus(&before, 5, "60.00"))
    );
    // Before the payment, all three parts were open.
    let who = nordwind::id(client, "customers", "number", "10006").await;
    let items = "query($day: Date, $who: ID, $bucket: AgingBucket, $first: Int, $after: String) {
        agingItems(asOf: $day, customer: $who, bucket: $bucket, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
          nodes { instalmentNo dueDate daysOverdue bucket open { amount } openBook { amount } openItem { document } } } }";
    let on = |day: &str, bucket: Value| json!({ "day": day, "who": who, "bucket": bucket });
    let found = client.ask(items, on("2026-02-19", json!(null))).await;
    let open: Vec<(i64, &str, i64)> = found["agingItems"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["instalmentNo"].as_i64().unwrap(),
                one["open"]["amount"].as_str().unwrap(),
                one["daysOverdue"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(open, [(1, "30.00", 10), (2, "50.00", -20), (3, "20.00", -50)]);
    let found = client.ask(items, on("2026-03-15", json!("DAYS_1_TO_30"))).await;
    assert_eq!(found["agingItems"]["totalCount"], 1);
    assert_eq!(found["agingItems"]["nodes"][0]["open"]["amount"], "40.00");
    // Page by page it is the same list.
    let first = client.ask(items, json!({ "day": "2026-02-19", "who": who, "first": 2 })).await;
    let after = &first["agingItems"]["pageInfo"];
    assert_eq!(after["hasNextPage"], true);
    let rest =
        client.ask(items, json!({ "day": "2026-02-19", "who": who, "first": 2, "after": after["endCursor"] })).await;
    assert_eq!(rest["agingItems"]["nodes"][0]["instalmentNo"], 3);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn every_bucket_on_every_day() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    // Due on January 9, 12, 20 and 28: 4,760.00, 1,284.00, 9,520.00 and 642.00.
    for (day, expected) in [
        ("2025-12-31", ["0.00", "0.00", "0.00", "0.00", "0.00", "0.00"]),
        ("2026-01-09", ["16206.00", "0.00", "0.00", "0.00", "0.00", "16206.00"]),
        ("2026-01-10", ["11446.00", "4760.00", "0.00", "0.00", "0.00", "16206.00"]),
        ("2026-02-08", ["0.00", "16206.00", "0.00", "0.00", "0.00", "16206.00"]),
        ("2026-02-09", ["0.00", "11446.00", "4760.00", "0.00", "0.00", "16206.00"]),
        ("2026-03-11", ["0.00", "0.00", "11446.00", "4760.00", "0.00", "16206.00"]),
        ("2026-04-10", ["0.00", "0.00", "0.00", "11446.00", "4760.00", "16206.00"]),
        ("2026-12-31", ["0.00", "0.00", "0.00", "0.00", "16206.00", "16206.00"]),
    ] {
        assert_eq!(totals(client, "RECEIVABLE", day, None).await, expected, "{day}");
    }
    assert_eq!(
        totals(client, "PAYABLE", "2026-01-15", None).await,
        ["12138.00", "571.20", "0.00", "0.00", "0.00", "12709.20"]
    );
    // The parties sum to the total, in the order of their names, page by page.
    let query = format!(
        "query($after: String) {{ agingParties(first: 3, asOf: \"2026-02-09\", after: $after) {{ totalCount pageInfo {{ hasNextPage endCursor }}
            nodes {{ name count amounts {{ {AMOUNTS} }} customer {{ number }} vendor {{ number }} }} }} }}"
    );
    let first = client.ask(&query, json!({})).await["agingParties"].clone();
    let rest = client.ask(&query, json!({ "after": first["pageInfo"]["endCursor"] })).await["agingParties"].clone();
    assert_eq!((&first["totalCount"], &rest["pageInfo"]["hasNextPage"]), (&json!(4), &json!(false)));
    let mut rows = first["nodes"].as_array().unwrap().clone();
    rows.extend(rest["nodes"].as_array().unwrap().clone());
    let mut found: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["customer"]["number"].as_str().unwrap(),
                row["amounts"]["days1To30"]["amount"].as_str().unwrap(),
                row["amounts"]["days31To60"]["amount"].as_str().unwrap(),
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("10001", "0.00", "4760.00"),
            ("10002", "1284.00", "0.00"),
            ("10003", "9520.00", "0.00"),
            ("10004", "642.00", "0.00")
        ]
    );

    // What was recorded later was not known then.
    let moment = app
        .database
        .lines(
            "postgres",
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS line",
        )
        .remove(0);
    let late = draft(client, "70.00", json!({ "currency": "USD", "exchangeRate": "0.9" })).await;
    let issued =
        payload(client, ISSUE, json!({ "id": late, "issueDate": "2026-01-10", "dueDate": "2026-01-12" })).await;
    assert_eq!(issued["userErrors"], json!([]));
    assert_eq!(totals(client, "RECEIVABLE", "2026-01-15", None).await[5], "16269.00");
    assert_eq!(totals(client, "RECEIVABLE", "2026-01-15", Some(&moment)).await[5], "16206.00");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn parts_in_another_currency_share_what_the_books_have() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let before: rust_decimal::Decimal = totals(client, "RECEIVABLE", "2026-06-30", None).await[5].parse().unwrap();
    let invoice = draft(client, "100.00", json!({ "currency": "USD", "exchangeRate": "0.91113" })).await;
    let thirds = [("2026-02-01", "33.33"), ("2026-03-01", "33.33"), ("2026-04-01", "33.34")];
    assert_eq!(in_parts(client, &invoice, &thirds).await["userErrors"], json!([]));
    let now: rust_decimal::Decimal = totals(client, "RECEIVABLE", "2026-06-30", None).await[5].parse().unwrap();
    assert_eq!((now - before).to_string(), "91.11");
    let who = nordwind::id(client, "customers", "number", "10006").await;
    let query = "query($who: ID) { agingItems(asOf: \"2026-06-30\", customer: $who) { nodes { open { amount currency } openBook { amount } bucket } } }";
    let found = client.ask(query, json!({ "who": who })).await;
    let parts: Vec<(&str, &str)> = found["agingItems"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["open"]["amount"].as_str().unwrap(), one["openBook"]["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(parts, [("33.33", "30.37"), ("33.33", "30.37"), ("33.34", "30.37")]);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
