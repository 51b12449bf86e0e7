//! Months and years stand side by side: every column is the statement of its days, every cell leads to the lines that it
//! sums, and what has changed from one column to the next is told in money and in percent.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, post};

const ROWS: &str = "rows { row code name kind depth cells { amount { amount currency } change { amount } changePercent
    row { amount { amount } lineCount lines(first: 100) { nodes { amount { amount } } } } } }";

async fn months(client: &Client, columns: &[(&str, &str)]) -> Value {
    let days: Vec<Value> = columns.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let query = format!(
        "query($columns: [StatementDays!]!) {{ incomeStatementComparison(columns: $columns) {{
            columns {{ from to totalIncome {{ amount }} totalExpenses {{ amount }} result {{ amount }}
                       income {{ code amount {{ amount }} }} expenses {{ code amount {{ amount }} }} }} {ROWS} }} }}"
    );
    client.ask(&query, json!({ "columns": days })).await["incomeStatementComparison"].clone()
}

async fn sheets(client: &Client, days: &[&str]) -> Value {
    let query = format!(
        "query($days: [Date!]!) {{ balanceSheetComparison(asOf: $days) {{
            columns {{ asOf totalAssets {{ amount }} totalLiabilitiesAndEquity {{ amount }} }} {ROWS} }} }}"
    );
    client.ask(&query, json!({ "days": days })).await["balanceSheetComparison"].clone()
}

fn cents(value: &Value) -> i64 {
    value["amount"].as_str().unwrap().replace('.', "").parse().unwrap()
}

/// The table as a person would read it. On the way, every cell of an account is checked against its lines, and every change
/// against the cells.
fn shown(found: &Value) -> String {
    let mut said = String::new();
    for row in found["rows"].as_array().unwrap() {
        let depth = usize::try_from(row["depth"].as_i64().unwrap()).unwrap();
        let name =
            format!("{}{} {}", "  ".repeat(depth), row["code"].as_str().unwrap_or("-"), row["name"].as_str().unwrap());
        write!(said, "{name:<60}").unwrap();
        let cells = row["cells"].as_array().unwrap();
        let by_debit = ["ASSET", "EXPENSE"].contains(&row["kind"].as_str().unwrap());
        for (at, cell) in cells.iter().enumerate() {
            let amount = cents(&cell["amount"]);
            if cell["row"].is_null() {
                assert_eq!(amount, 0, "{row}");
            } else {
                let lines = cell["row"]["lines"]["nodes"].as_array().unwrap();
                let sum: i64 = lines.iter().map(|line| cents(&line["amount"])).sum();
                assert_eq!(if by_debit { sum } else { -sum }, amount, "{row}");
            }
            match cells.get(at + 1) {
                Some(behind) => assert_eq!(amount - cents(&behind["amount"]), cents(&cell["change"]), "{row}"),
                None => assert_eq!((&cell["change"], &cell["changePercent"]), (&Value::Null, &Value::Null)),
            }
            let percent = cell["changePercent"].as_str().map_or(String::new(), |percent| format!(" ({percent} %)"));
            write!(said, "{:>24}", format!("{}{percent}", cell["amount"]["amount"].as_str().unwrap())).unwrap();
        }
        said.truncate(said.trim_end().len());
        said.push('\n');
    }
    said
}

#[tokio::test]
async fn months_and_days_stand_side_by_side() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    post(client, "2026-01-10", ("1800", "1000.00"), ("4400", "1000.00")).await;
    post(client, "2026-01-20", ("6310", "300.00"), ("1800", "300.00")).await;
    post(client, "2026-02-10", ("1800", "1500.00"), ("4400", "1500.00")).await;
    post(client, "2026-02-11", ("1800", "80.00"), ("4300", "80.00")).await;
    post(client, "2026-02-20", ("6310", "200.01"), ("1800", "200.01")).await;
    post(client, "2026-02-25", ("4400", "20.00"), ("1800", "20.00")).await;

    let (january, february) = (("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"));
    let found = months(client, &[february, january, ("2026-03-01", "2026-03-31")]).await;
    insta::assert_snapshot!("months", shown(&found));
    let totals: Vec<(&str, &str)> = found["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["from"].as_str().unwrap(), one["result"]["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(totals, [("2026-02-01", "1359.99"), ("2026-01-01", "700.00"), ("2026-03-01", "0.00")]);
    // A column is what the statement of its days says on its own.
    let alone = client
        .ask(
            "{ incomeStatement(from: \"2026-02-01\", to: \"2026-02-28\") { from to totalIncome { amount } totalExpenses { amount } result { amount }
               income { code amount { amount } } expenses { code amount { amount } } } }",
            json!({}),
        )
        .await;
    assert_eq!(found["columns"][0], alone["incomeStatement"]);

    let found = sheets(client, &["2026-02-28", "2026-01-31"]).await;
    insta::assert_snapshot!("days", shown(&found));
    for one in found["columns"].as_array().unwrap() {
        assert_eq!(one["totalAssets"], one["totalLiabilitiesAndEquity"]);
    }

    let year = |count: usize| vec![february; count];
    let query = "query($columns: [StatementDays!]!) { incomeStatementComparison(columns: $columns) { rows { code } } }";
    for (columns, code) in [(year(0), "BAD_USER_INPUT"), (year(13), "OK"), (year(14), "BAD_USER_INPUT")] {
        let days: Vec<Value> = columns.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        assert_eq!(client.send(query, json!({ "columns": days })).await.code(), code, "{} columns", columns.len());
    }
    let backwards = json!({ "columns": [{ "from": "2026-02-28", "to": "2026-02-01" }] });
    assert_eq!(client.send(query, backwards).await.code(), "BAD_USER_INPUT");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
