//! A line of the bank proposes what it may settle, and says why: the number in its text, the amount, the account it came
//! from, the name. Nothing is settled by that.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind;

const LINES: &str = "{ bankLines(first: 100) { nodes { bookedOn amount { amount } reference
    suggestions { amount { amount currency } exact reasons
                  openItem { document side party: partyName openAmount { amount } dueDate version } } } } }";

/// What is proposed for every line, as a person would read it.
async fn proposed(client: &Client) -> String {
    let answer = client.ask(LINES, json!({})).await;
    let mut said = String::new();
    for line in answer["bankLines"]["nodes"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        writeln!(
            said,
            "{} {:>10}  {}",
            text(&line["bookedOn"]),
            text(&line["amount"]["amount"]),
            text(&line["reference"])
        )
        .unwrap();
        for one in line["suggestions"].as_array().unwrap() {
            let item = &one["openItem"];
            let reasons: Vec<String> = one["reasons"].as_array().unwrap().iter().map(text).collect();
            writeln!(
                said,
                "             {:>10} of {} {} ({}){}: {}",
                text(&one["amount"]["amount"]),
                text(&item["openAmount"]["amount"]),
                text(&item["document"]),
                text(&item["party"]),
                if one["exact"] == true { ", exact" } else { "" },
                reasons.join(", ").to_lowercase(),
            )
            .unwrap();
        }
    }
    said
}

#[tokio::test]
async fn every_line_of_january_says_what_it_may_settle() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let lines = nordwind::january(client).await;
    insta::assert_snapshot!(proposed(client).await);

    // What is settled is not proposed again: neither by its own line nor for another one.
    let line = &lines.iter().find(|(amount, _)| amount == "4760.00").unwrap().1;
    let item = nordwind::open_item(client, "RE-2025-118").await;
    let settle = json!({ "bankLine": line, "allocations": [{ "openItem": item, "amount": "4760.00" }] });
    let matched = client
        .ask(
            "mutation($input: BankLineMatchInput!) { bankLineMatch(input: $input) { bankLine { matched suggestions { exact } } userErrors { message } } }",
            json!({ "input": settle }),
        )
        .await;
    assert_eq!(matched["bankLineMatch"]["bankLine"], json!({ "matched": true, "suggestions": [] }), "{matched}");
    assert!(!proposed(client).await.contains("of 4760.00 RE-2025-118"));
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
