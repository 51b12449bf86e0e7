//! The bank is held against the books at any day: what both say, and each line that only one of them knows. The difference is
//! explained to the cent.

use chrono::Utc;
use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, post};
use crate::walls::furnished::change;

const HELD: &str = "query($bank: ID!, $asOf: Date, $knownAt: DateTime) { bankReconciliation(bankAccount: $bank, asOf: $asOf, knownAt: $knownAt) {
    bankAccount { name } asOf lastStatementOn statementBalance { amount } ledgerBalance { amount } difference { amount }
    openingDifference { amount } onlyInBooks { amount } onlyAtBank { amount } missingStatements { amount }
    bankLines(first: 100) { nodes { id amount { amount } bookedOn } }
    journalLines(first: 100) { nodes { amount { amount } description entry { number } } } } }";

fn cents(value: &Value) -> i64 {
    value["amount"].as_str().unwrap_or_else(|| panic!("{value}")).replace('.', "").parse().unwrap()
}

/// What is said of an account; its explanation is checked against its lines on the way.
async fn held(client: &Client, bank: &str, as_of: &str, known_at: Option<&str>) -> Value {
    let variables = json!({ "bank": bank, "asOf": as_of, "knownAt": known_at });
    let said = client.ask(HELD, variables).await["bankReconciliation"].clone();
    let of = |field: &str| cents(&said[field]);
    let sum =
        |list: &str| -> i64 { said[list]["nodes"].as_array().unwrap().iter().map(|one| cents(&one["amount"])).sum() };
    assert_eq!(sum("bankLines"), of("onlyAtBank"), "{said}");
    assert_eq!(sum("journalLines"), of("onlyInBooks"), "{said}");
    assert_eq!(of("ledgerBalance") - of("statementBalance"), of("difference"), "{said}");
    let explained = of("openingDifference") + of("onlyInBooks") - of("onlyAtBank") - of("missingStatements");
    assert_eq!(explained, of("difference"), "{said}");
    said
}

/// Difference, and what it is made of.
fn parts(said: &Value) -> [i64; 5] {
    ["difference", "openingDifference", "onlyInBooks", "onlyAtBank", "missingStatements"]
        .map(|field| cents(&said[field]))
}

async fn statement(client: &Client, bank: &str, day: &str, opening: &str, closing: &str, amount: &str) {
    let input = json!({ "bankAccount": bank, "format": "CSV", "openingBalance": opening, "closingBalance": closing,
        "file": { "name": "bank.csv", "text": format!("Booked,Text,Amount\n{day},Transfer {day},{amount}\n") },
        "mapping": { "bookedOn": "Booked", "reference": "Text", "amount": "Amount" } });
    change(client, "bankStatementImport", input, "import { id }").await;
}

#[tokio::test]
async fn every_difference_is_explained() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let bank = nordwind::id(client, "bankAccounts", "name", "Bank").await;
    let opening = 4_231_877;
    // Before the first statement the bank says nothing: all that the books opened with is the difference.
    let said = held(client, &bank, "2026-01-31", None).await;
    assert_eq!((parts(&said), &said["lastStatementOn"]), ([opening, opening, 0, 0, 0], &Value::Null));

    let lines = nordwind::january(client).await;
    let amount = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    let moved: i64 = lines.iter().map(|(text, _)| amount(text)).sum();
    let said = held(client, &bank, "2026-01-31", None).await;
    assert_eq!(parts(&said), [-moved, 0, 0, moved, 0], "nothing of January is in the books yet");
    assert_eq!(cents(&said["statementBalance"]), opening + moved);
    assert_eq!(said["lastStatementOn"], "2026-01-31");
    // In the middle of the statement: what it had brought by then.
    let by = |day: &str, said: &Value| -> i64 {
        let nodes = said["bankLines"]["nodes"].as_array().unwrap().iter();
        nodes.filter(|line| line["bookedOn"].as_str().unwrap() <= day).map(|line| cents(&line["amount"])).sum()
    };
    let half = held(client, &bank, "2026-01-09", None).await;
    assert_eq!(cents(&half["statementBalance"]), opening + by("2026-01-09", &said));

    // One line is matched, and a cheque is written that the bank has not seen.
    let line = &lines.iter().find(|(text, _)| text == "4760.00").unwrap().1;
    let item = nordwind::open_item(client, "RE-2025-118").await;
    let before = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let settle = json!({ "bankLine": line, "allocations": [{ "openItem": item, "amount": "4760.00" }] });
    change(client, "bankLineMatch", settle, "").await;
    post(client, "2026-01-20", ("6310", "300.00"), ("1800", "300.00")).await;
    let said = held(client, &bank, "2026-01-31", None).await;
    let rest = moved - 476_000;
    assert_eq!(parts(&said), [-30_000 - rest, 0, -30_000, rest, 0]);
    assert!(!said["bankLines"]["nodes"].as_array().unwrap().iter().any(|one| one["id"] == *line));
    assert_eq!(said["journalLines"]["nodes"].as_array().unwrap().len(), 1);
    // What was known before both.
    assert_eq!(parts(&held(client, &bank, "2026-01-31", Some(&before)).await), [-moved, 0, 0, moved, 0]);
    // The day before the bank booked it, neither side has the line.
    let eve = held(client, &bank, "2026-01-07", None).await;
    assert_eq!((cents(&eve["onlyInBooks"]), cents(&eve["onlyAtBank"])), (0, by("2026-01-07", &said)));

    // Taken apart again, the line is the bank's alone, and the two entries stand in nobody's way.
    change(client, "bankLineUnmatch", json!({ "bankLine": line }), "").await;
    assert_eq!(parts(&held(client, &bank, "2026-12-31", None).await), [-30_000 - moved, 0, -30_000, moved, 0]);

    // February's statement is missing: March opens with 50.00 more than January left.
    let shown = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
    let january = opening + moved;
    statement(client, &bank, "2026-03-02", &shown(january + 5_000), &shown(january + 6_000), "10.00").await;
    let said = held(client, &bank, "2026-03-31", None).await;
    assert_eq!(parts(&said), [-30_000 - moved - 6_000, 0, -30_000, moved + 1_000, 5_000]);
    assert_eq!(parts(&held(client, &bank, "2026-02-28", None).await)[4], 0);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
