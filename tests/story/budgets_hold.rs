//! Budgets: every cent is kept over the months, what is promised counts before it is booked, and what has become of it is told
//! with its sign.

use serde_json::{Value, json};

use crate::harness::Client;
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

async fn budget(client: &Client, name: &str, control: &str, measure: &str) -> String {
    let input = json!({ "name": name, "startsOn": "2026-01-15", "control": control, "measure": measure });
    made(client, "budgetCreate", input, "budget").await
}

async fn publish(client: &Client, budget: &str, lines: Value) {
    change(client, "budgetVersionPublish", json!({ "budget": budget, "reason": "Plan", "lines": lines }), "").await;
}

const REPORT: &str = "query($budget: ID!, $version: Int, $from: Date, $to: Date, $through: Date) {
    budgetReport(budget: $budget, version: $version, from: $from, to: $to, actualThrough: $through) { from to rows {
      account { code } dimensionValue { code } budget { amount } actual { amount } committed { amount } available { amount }
      variance { amount } variancePercent forecast { amount } months { month budget { amount } actual { amount } } } } }";

/// The row of an account and value: meant, booked, promised, left, variance and its percent, forecast.
async fn row(client: &Client, variables: Value, code: &str, value: Option<&str>) -> [String; 7] {
    let found = client.ask(REPORT, variables).await["budgetReport"]["rows"].clone();
    let rows = found.as_array().unwrap();
    let found =
        rows.iter().find(|row| row["account"]["code"] == code && row["dimensionValue"]["code"].as_str() == value);
    let found = found.unwrap_or_else(|| panic!("no {code} of {value:?}: {rows:?}"));
    let money = |name: &str| found[name]["amount"].as_str().unwrap().to_owned();
    [
        money("budget"),
        money("actual"),
        money("committed"),
        money("available"),
        money("variance"),
        found["variancePercent"].as_str().unwrap_or("none").to_owned(),
        money("forecast"),
    ]
}

fn seven(expected: [&str; 7]) -> [String; 7] {
    expected.map(str::to_owned)
}

async fn order(client: &Client, number: &str, account: &str, amount: &str) -> Value {
    json!({ "kind": "PURCHASE_ORDER", "reference": number, "account": client.account(account).await, "date": "2026-03-10", "amount": amount })
}

#[tokio::test]
async fn what_is_promised_counts_against_a_budget() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let (paper, phone, sales) =
        (client.account("6815").await, client.account("6805").await, client.account("4400").await);
    let year = budget(client, "Year 2026", "STOP", "WHOLE").await;
    let new = json!({ "name": "Other", "startsOn": "2026-01-01", "control": "STOP" });
    let bad = |key: &'static str, value: Value| {
        let mut wrong = new.clone();
        wrong[key] = value;
        async move { refused(client, "budgetCreate", wrong).await.0 }
    };
    assert_eq!(bad("months", json!(0)).await, "months");
    assert_eq!(bad("months", json!(61)).await, "months");
    assert_eq!(bad("name", json!("")).await, "name");
    assert_eq!(bad("name", json!("Year 2026")).await, "");
    let line = |account: &str, amount: &str| json!({ "account": account, "amount": amount });
    let wrong = |lines: Value| json!({ "budget": year, "reason": "Plan", "lines": lines });
    assert_eq!(refused(client, "budgetVersionPublish", wrong(json!([]))).await.0, "lines");
    let group = client.account("6").await;
    for (lines, field) in [
        (json!([line(&group, "1.00")]), "lines.0.account"),
        (json!([line(&paper, "1.00"), line(&paper, "2.00")]), "lines.1.account"),
        (json!([line(&paper, "1.001")]), "lines.0.amount"),
        (json!([{ "account": paper, "amount": "1.00", "weights": ["1"] }]), "lines.0.weights"),
        (json!([{ "account": paper, "amount": "1.00", "weights": vec!["0"; 12] }]), "lines.0.weights"),
    ] {
        assert_eq!(refused(client, "budgetVersionPublish", wrong(lines)).await.0, field);
    }

    // 100 over twelve months is 100.00; a limit of 1,000: orders of 600 and 401, the second is stopped.
    publish(client, &year, json!([line(&phone, "100.00"), line(&paper, "1000.00"), line(&sales, "12000.00")])).await;
    let found = client.ask(REPORT, json!({ "budget": year })).await["budgetReport"]["rows"].clone();
    let months =
        found.as_array().unwrap().iter().find(|row| row["account"]["code"] == "6805").unwrap()["months"].clone();
    let cents: i64 = months
        .as_array()
        .unwrap()
        .iter()
        .map(|month| month["budget"]["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap())
        .sum();
    assert_eq!((months.as_array().unwrap().len(), cents), (12, 10_000));
    let first = made(client, "commitmentRecord", order(client, "PO-1", "6815", "600.00").await, "commitment").await;
    let told = refused(client, "commitmentRecord", order(client, "PO-2", "6815", "401.00").await).await;
    let said = "Budget Year 2026, account 6815: of 1000.00 EUR meant from 2026-01-01 to 2026-12-31, 0.00 are booked and 600.00 promised; 400.00 are left.";
    assert_eq!(told, ("amount".to_owned(), said.to_owned()));
    made(client, "commitmentRecord", order(client, "PO-2", "6815", "400.00").await, "commitment").await;
    assert_eq!(refused(client, "commitmentRecord", order(client, "PO-3", "6815", "0.01").await).await.0, "amount");
    for (key, value) in
        [("amount", json!("0")), ("account", json!(sales)), ("account", json!(group)), ("reference", json!(""))]
    {
        let mut wrong = order(client, "PO-3", "6815", "1.00").await;
        wrong[key] = value;
        assert_eq!(refused(client, "commitmentRecord", wrong).await.0, key);
    }
    // What nobody has a budget for, nobody stops.
    made(client, "commitmentRecord", order(client, "PO-3", "6310", "5000.00").await, "commitment").await;

    // The bill comes: it is booked, and the order is released; twice releases nothing.
    assert_eq!(refused(client, "commitmentRelease", json!({ "id": first, "amount": "600.01" })).await.0, "amount");
    change(client, "commitmentRelease", json!({ "id": first, "amount": "250.00" }), "").await;
    change(client, "commitmentRelease", json!({ "id": first }), "").await;
    assert_eq!(refused(client, "commitmentRelease", json!({ "id": first })).await.0, "id");
    nordwind::post(client, "2026-03-20", ("6815", "550.00"), ("1300", "550.00")).await;
    nordwind::post(client, "2026-03-20", ("1300", "2500.00"), ("4400", "2500.00")).await;
    let all = json!({ "budget": year, "through": "2026-03-31" });
    // 550 in the months to March, and 83.33 in each of nine more: the first months take the cents.
    assert_eq!(
        row(client, all.clone(), "6815", None).await,
        seven(["1000.00", "550.00", "400.00", "50.00", "-450.00", "-45", "1299.98"])
    );
    // In January to March 2,500 of 3,000 were earned.
    let quarter = json!({ "budget": year, "from": "2026-01-01", "to": "2026-03-05", "through": "2026-03-31" });
    assert_eq!(
        row(client, quarter, "4400", None).await,
        seven(["3000.00", "2500.00", "0.00", "500.00", "-500.00", "-16.67", "2500.00"])
    );

    // A new version holds from now on; the first one says what it said.
    publish(client, &year, json!([line(&paper, "500.00")])).await;
    assert_eq!(
        row(client, all.clone(), "6815", None).await[..4],
        ["500.00", "550.00", "400.00", "-450.00"].map(str::to_owned)
    );
    assert_eq!(row(client, json!({ "budget": year, "version": 1 }), "6815", None).await[0], "1000.00");
    let versions = client
        .ask("query($id: ID!) { budget(id: $id) { versions { number reason madeByName } } }", json!({ "id": year }))
        .await;
    assert_eq!(versions["budget"]["versions"].as_array().unwrap().len(), 2);
    // Closing the year is no spending.
    let years = client.ask("{ fiscalYears { nodes { id startsOn } } }", json!({})).await;
    let first = crate::harness::id_of(&years["fiscalYears"]["nodes"], "startsOn", "2026-01-01");
    change(client, "fiscalYearClose", json!({ "id": first }), "").await;
    assert_eq!(row(client, all, "6815", None).await[1], "550.00");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn budgets_are_kept_by_value_and_month() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let centre = made(client, "dimensionCreate", json!({ "code": "centre", "name": "Centre" }), "dimension").await;
    let value = |code: &'static str| json!({ "dimension": centre, "code": code, "name": code });
    let north = made(client, "dimensionValueCreate", value("north"), "dimensionValue").await;
    let south = made(client, "dimensionValueCreate", value("south"), "dimensionValue").await;
    let paper = client.account("6815").await;
    // North may spend 240 in the first quarter alone, and 80 of that in March; South is only warned.
    let monthly = budget(client, "North", "STOP", "MONTH").await;
    let weights = json!(["1", "1", "1", "0", "0", "0", "0", "0", "0", "0", "0", "0"]);
    publish(
        client,
        &monthly,
        json!([{ "account": paper, "dimensionValue": north, "amount": "240.00", "weights": weights }]),
    )
    .await;
    let to_date = budget(client, "South", "WARN", "TO_DATE").await;
    publish(client, &to_date, json!([{ "account": paper, "dimensionValue": south, "amount": "120.00" }])).await;
    let of = |number: &str, value: &str, day: &str, amount: &str| json!({ "kind": "REQUEST", "reference": number, "account": paper, "dimensionValue": value, "date": day, "amount": amount });
    assert!(
        refused(client, "commitmentRecord", of("R-1", &north, "2026-03-31", "80.01"))
            .await
            .1
            .contains("80.00 are left")
    );
    assert!(
        refused(client, "commitmentRecord", of("R-1", &north, "2026-04-01", "0.01")).await.1.contains("0.00 are left")
    );
    made(client, "commitmentRecord", of("R-1", &north, "2026-03-31", "80.00"), "commitment").await;
    made(client, "commitmentRecord", of("R-2", &north, "2026-02-01", "79.99"), "commitment").await;
    // Two at once are added up: one of them is stopped.
    let ask = "mutation($input: CommitmentRecordInput!) { commitmentRecord(input: $input) { commitment { id warnings } userErrors { field } } }";
    let (one, two) = tokio::join!(
        nordwind::payload(client, ask, of("R-3", &north, "2026-01-05", "50.00")),
        nordwind::payload(client, ask, of("R-4", &north, "2026-01-06", "50.00")),
    );
    let stopped = [&one, &two].iter().filter(|payload| payload["userErrors"][0]["field"][1] == "amount").count();
    assert_eq!(stopped, 1, "{one} {two}");
    // To the end of March South has 30: what is above it is recorded with a warning.
    let told = nordwind::payload(client, ask, of("R-5", &south, "2026-03-15", "30.01")).await;
    assert!(told["commitment"]["warnings"][0].as_str().unwrap().contains("30.00 are left"), "{told}");
    // What is booked on a value counts for it alone.
    let lines = json!([{ "account": paper, "debit": "12.50", "dimensions": [south] }, { "account": client.account("1300").await, "credit": "12.50" }]);
    nordwind::post_as(client, json!({ "date": "2026-02-10", "description": "Paper", "lines": lines })).await;
    let report = json!({ "budget": to_date, "from": "2026-01-01", "to": "2026-03-31", "through": "2026-02-28" });
    assert_eq!(
        row(client, report, "6815", Some("south")).await,
        seven(["30.00", "12.50", "30.01", "-12.51", "-17.50", "-58.33", "22.50"])
    );
    let report = json!({ "budget": monthly, "through": "2026-01-31" });
    assert_eq!(row(client, report, "6815", Some("north")).await[1], "0.00");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
