//! Where cash comes from and goes to: told directly and indirectly it is the same change, and cash at the end is what its
//! accounts say.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, post};
use crate::walls::furnished::change;

const STATEMENT: &str =
    "query($from: Date!, $to: Date!, $method: CashFlowMethod, $compareFrom: Date, $compareTo: Date) {
    cashFlowStatement(from: $from, to: $to, method: $method, compareFrom: $compareFrom, compareTo: $compareTo) {
      openingCash { amount } change { amount } closingCash { amount }
      sections { section total { amount } previous { amount } rows { code name amount { amount } previous { amount }
        lines(first: 100) { nodes { amount { amount } } } } } } }";

async fn told(client: &Client, variables: Value) -> Value {
    let found = client.ask(STATEMENT, variables).await["cashFlowStatement"].clone();
    let cents = |value: &Value| value["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    // Every section sums its rows, every row its lines, the change all of them.
    let mut change = 0;
    for section in found["sections"].as_array().unwrap() {
        let mut total = 0;
        for row in section["rows"].as_array().unwrap() {
            let lines = row["lines"]["nodes"].as_array().unwrap();
            let brought: i64 = lines.iter().map(|line| -cents(&line["amount"])).sum();
            assert_eq!(brought, cents(&row["amount"]), "{row}");
            total += brought;
        }
        assert_eq!(total, cents(&section["total"]), "{section}");
        change += total;
    }
    assert_eq!(change, cents(&found["change"]));
    assert_eq!(cents(&found["openingCash"]) + change, cents(&found["closingCash"]));
    found
}

/// The rows of a statement: section, account number, amount.
fn rows(found: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let sections = found["sections"].as_array().unwrap().iter();
    sections
        .flat_map(|section| {
            let rows = section["rows"].as_array().unwrap().iter();
            rows.map(|row| (text(&section["section"]), text(&row["code"]), text(&row["amount"]["amount"])))
        })
        .collect()
}

fn expected(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    rows.iter()
        .map(|(section, code, amount)| ((*section).to_owned(), (*code).to_owned(), (*amount).to_owned()))
        .collect()
}

async fn place(client: &Client, code: &str, section: &str) {
    let input = json!({ "account": client.account(code).await, "section": section });
    let set = change(client, "accountCashFlowSet", input, "account { cashFlowSection }").await;
    assert_eq!(set["account"]["cashFlowSection"], section);
}

#[tokio::test]
async fn cash_is_told_both_ways() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    for (code, section) in [("1600", "CASH"), ("3150", "FINANCING"), ("0520", "OPERATING"), ("0520", "INVESTING")] {
        place(client, code, section).await;
    }
    let wrong =
        "mutation($input: AccountCashFlowSetInput!) { accountCashFlowSet(input: $input) { userErrors { field } } }";
    for (code, section, field) in [("4400", "CASH", "section"), ("4", "OPERATING", "account")] {
        let input = json!({ "account": client.account(code).await, "section": section });
        assert_eq!(client.refused(wrong, json!({ "input": input })).await[0]["field"][1], field);
    }
    let balance = |code: &'static str, day: &'static str| async move {
        let query = "query($day: Date!) { trialBalance(asOf: $day) { rows { code balance { amount } } } }";
        let found = client.ask(query, json!({ "day": day })).await["trialBalance"]["rows"].clone();
        let row = found.as_array().unwrap().iter().find(|row| row["code"] == code).cloned();
        row.map_or(0, |row| row["balance"]["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap())
    };
    post(client, "2026-02-03", ("1800", "1000.00"), ("4400", "1000.00")).await;
    post(client, "2026-02-05", ("6310", "300.00"), ("1800", "300.00")).await;
    post(client, "2026-02-10", ("1800", "5000.00"), ("3150", "5000.00")).await;
    post(client, "2026-02-12", ("0520", "2000.00"), ("1800", "2000.00")).await;
    post(client, "2026-02-13", ("1600", "200.00"), ("1800", "200.00")).await;
    let draft = nordwind::draft(client).await;
    client.ask(nordwind::ISSUE, json!({ "input": { "id": draft, "issueDate": "2026-02-15" } })).await;
    // An invoice brings no cash: it stands in the result, and is taken back by what is owed for it.
    let february = json!({ "from": "2026-02-01", "to": "2026-02-28", "method": "DIRECT" });
    let direct = told(client, february.clone()).await;
    assert_eq!(
        rows(&direct),
        expected(&[
            ("OPERATING", "4400", "1000.00"),
            ("OPERATING", "6310", "-300.00"),
            ("INVESTING", "0520", "-2000.00"),
            ("FINANCING", "3150", "5000.00"),
        ])
    );
    let mut indirect = february.clone();
    indirect["method"] = json!("INDIRECT");
    let found = told(client, indirect).await;
    assert_eq!(
        rows(&found),
        expected(&[
            ("OPERATING", "", "1700.00"),
            ("OPERATING", "1200", "-1190.00"),
            ("OPERATING", "3806", "190.00"),
            ("INVESTING", "0520", "-2000.00"),
            ("FINANCING", "3150", "5000.00"),
        ])
    );
    assert_eq!((&direct["change"]["amount"], &found["change"]), (&json!("3700.00"), &direct["change"]));
    let cash = balance("1800", "2026-02-28").await + balance("1600", "2026-02-28").await;
    assert_eq!(found["closingCash"]["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap(), cash);

    // What the books opened with has not come in; the year is held against its February; closing it changes nothing.
    let year =
        json!({ "from": "2026-01-01", "to": "2026-12-31", "compareFrom": "2026-01-01", "compareTo": "2026-01-31" });
    let whole = told(client, year.clone()).await;
    assert_eq!(
        (&whole["openingCash"], &whole["change"], &whole["sections"][0]["previous"]["amount"]),
        (&found["openingCash"], &found["change"], &json!("0.00"))
    );
    assert_eq!(rows(&whole), rows(&found));
    let years = client.ask("{ fiscalYears { nodes { id startsOn } } }", json!({})).await;
    let first = crate::harness::id_of(&years["fiscalYears"]["nodes"], "startsOn", "2026-01-01");
    change(client, "fiscalYearClose", json!({ "id": first }), "").await;
    assert_eq!(told(client, year).await, whole);
    let later = json!({ "from": "2026-03-01", "to": "2026-03-31", "compareFrom": "2026-02-01", "compareTo": "2026-02-28", "method": "DIRECT" });
    let later = told(client, later).await;
    assert_eq!(
        (&later["sections"][1]["rows"][0]["amount"]["amount"], &later["sections"][1]["rows"][0]["previous"]["amount"]),
        (&json!("0.00"), &json!("-2000.00"))
    );
    for bad in [
        json!({ "from": "2026-03-01", "to": "2026-02-28" }),
        json!({ "from": "2026-03-01", "to": "2026-03-02", "compareTo": "2026-02-28" }),
    ] {
        assert_eq!(client.send(STATEMENT, bad).await.code(), "BAD_USER_INPUT");
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
