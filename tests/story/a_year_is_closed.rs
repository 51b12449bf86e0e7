//! A fiscal year is closed: its result goes to equity, its statement stays as it was, and until the hard lock it can be
//! opened again.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind;

const CLOSE: &str = "mutation($id: ID!) { fiscalYearClose(input: { id: $id }) {
    fiscalYear { name closing { result { amount currency } closedByName entry { id number date source documentId
        lines { account { code } debit { amount } credit { amount } } } } } userErrors { code field message } } }";
const REOPEN: &str = "mutation($id: ID!, $reason: String!) { fiscalYearReopen(input: { id: $id, reason: $reason }) {
    fiscalYear { closing { closedAt } } userErrors { code field message } } }";
const YEARS: &str = "{ fiscalYears { nodes { id name startsOn closing { closedByName } } } }";

async fn year(client: &Client, name: &str) -> String {
    crate::harness::id_of(&client.ask(YEARS, json!({})).await["fiscalYears"]["nodes"], "name", name)
}

async fn posted(client: &Client, date: &str, debit: &str, credit: &str, amount: &str) {
    let made = nordwind::post(client, date, (debit, amount), (credit, amount)).await;
    assert!(made["journalEntry"]["id"].is_string(), "{made}");
}

async fn income(client: &Client, from: &str, to: &str) -> Value {
    let query = "query($from: Date!, $to: Date!) { incomeStatement(from: $from, to: $to) {
        totalIncome { amount } totalExpenses { amount } result { amount }
        income { code amount { amount } lineCount lines(first: 100) { nodes { amount { amount } } totalCount } } } }";
    client.ask(query, json!({ "from": from, "to": to })).await["incomeStatement"].clone()
}

/// Retained earnings, the results beside it, and what both sides of the balance sheet come to.
async fn equity(client: &Client, as_of: &str, known_at: Option<&str>) -> Value {
    let query = "query($asOf: Date!, $knownAt: DateTime) { balanceSheet(asOf: $asOf, knownAt: $knownAt) {
        equity { row code amount { amount } } totalAssets { amount } totalLiabilitiesAndEquity { amount } } }";
    let sheet = client.ask(query, json!({ "asOf": as_of, "knownAt": known_at })).await["balanceSheet"].clone();
    assert_eq!(sheet["totalAssets"]["amount"], sheet["totalLiabilitiesAndEquity"]["amount"], "{sheet}");
    let rows = sheet["equity"].as_array().unwrap();
    let of = |what: &str, key: &str| {
        let row = rows.iter().find(|row| row[key] == what);
        row.map_or(Value::Null, |row| row["amount"]["amount"].clone())
    };
    json!([of("2970", "code"), of("RESULT_OF_YEAR", "row"), of("RESULT_OF_EARLIER_YEARS", "row")])
}

#[tokio::test]
async fn the_result_goes_to_equity_and_comes_back() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    // A year before the books: sales of 400, cost of 600.
    client.ask("mutation { fiscalYearCreate(input: { startsOn: \"2025-01-01\", endsOn: \"2025-12-31\" }) { fiscalYear { id } userErrors { message } } }", json!({})).await;
    let (old, new) = (year(client, "2025").await, year(client, "2026").await);
    posted(client, "2025-04-01", "1600", "4400", "400.00").await;
    posted(client, "2025-11-30", "6815", "1600", "600.00").await;
    let before = income(client, "2025-01-01", "2025-12-31").await;
    assert_eq!(
        (&before["totalIncome"]["amount"], &before["totalExpenses"]["amount"], &before["result"]["amount"]),
        (&json!("400.00"), &json!("600.00"), &json!("-200.00"))
    );
    let known = app
        .database
        .lines(
            "postgres",
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS line",
        )
        .remove(0);
    let opened = equity(client, "2025-12-31", None).await;
    assert_eq!(opened[1], "-200.00");

    // 2026 waits for 2025.
    let refused = client.refused(CLOSE, json!({ "id": new })).await;
    assert_eq!(refused[0]["message"], "Fiscal years are closed in their order: close 2025 first.");
    let closed = client.ask(CLOSE, json!({ "id": old })).await["fiscalYearClose"]["fiscalYear"]["closing"].clone();
    assert_eq!(closed["result"], json!({ "amount": "-200.00", "currency": "EUR" }));
    assert_eq!(closed["closedByName"], "Konrad Konto");
    assert_eq!((&closed["entry"]["date"], &closed["entry"]["source"]), (&json!("2025-12-31"), &json!("CLOSING")));
    assert_eq!(closed["entry"]["documentId"], old.as_str());
    let lines: Vec<(&str, &str, &str)> = closed["entry"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (
                line["account"]["code"].as_str().unwrap(),
                line["debit"]["amount"].as_str().unwrap(),
                line["credit"]["amount"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(lines, [("4400", "400.00", "0.00"), ("6815", "0.00", "600.00"), ("2970", "200.00", "0.00")]);

    // The statement is what it was, down to its lines; the balance sheet has the loss in equity, then and later.
    assert_eq!(income(client, "2025-01-01", "2025-12-31").await, before);
    assert_eq!(before["income"][0]["lines"]["totalCount"], before["income"][0]["lineCount"]);
    assert_eq!(equity(client, "2025-12-31", None).await, json!(["-200.00", "0.00", null]));
    assert_eq!(equity(client, "2025-12-31", Some(&known)).await, opened);
    assert_eq!(equity(client, "2025-12-30", None).await, json!([null, "-200.00", null]));
    let later = equity(client, "2026-01-31", None).await;
    assert_eq!(later[2], "0.00", "nothing of earlier years is left");
    let balance = "query($before: Boolean) { trialBalance(asOf: \"2025-12-31\", beforeClosing: $before) {
        rows { code balance { amount } lines(first: 100) { nodes { amount { amount } } totalCount } } debit { amount } credit { amount } } }";
    for (before, sales, sides) in [(None, "0.00", "1600.00"), (Some(true), "-400.00", "1000.00")] {
        let found = client.ask(balance, json!({ "before": before })).await["trialBalance"].clone();
        assert_eq!((&found["debit"]["amount"], &found["credit"]["amount"]), (&json!(sides), &json!(sides)));
        let row = found["rows"].as_array().unwrap().iter().find(|row| row["code"] == "4400").unwrap().clone();
        assert_eq!(row["balance"]["amount"], sales);
        let lines = row["lines"]["nodes"].as_array().unwrap();
        assert_eq!(json!(lines.len()), row["lines"]["totalCount"]);
        let sum: rust_decimal::Decimal = lines
            .iter()
            .map(|line| line["amount"]["amount"].as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap())
            .sum();
        assert_eq!(sum, sales.parse().unwrap());
    }

    // Nothing else comes into the closed year, and it is closed once.
    let late = nordwind::post(client, "2025-12-31", ("6815", "1.00"), ("1600", "1.00")).await;
    assert_eq!(late["userErrors"][0]["code"], "PERIOD_LOCKED");
    assert_eq!(late["userErrors"][0]["message"], "The fiscal year of this date is closed; reopen it first.");
    assert_eq!(late["userErrors"][0]["field"], json!(["input", "date"]));
    let again = client.refused(CLOSE, json!({ "id": old })).await;
    assert_eq!(again[0]["message"], "This fiscal year is closed already.");
    let entry = closed["entry"]["id"].as_str().unwrap();
    let by_hand = client
        .refused(
            "mutation($id: ID!) { journalEntryReverse(input: { entry: $id }) { userErrors { code field message } } }",
            json!({ "id": entry }),
        )
        .await;
    assert_eq!(by_hand[0]["code"], "STATE");

    // Opened again, something forgotten is posted, also on an account that is not used any more afterwards; then it is
    // closed anew with other figures.
    let refused = client.refused(REOPEN, json!({ "id": old, "reason": " " })).await;
    assert_eq!(refused[0]["code"], "REQUIRED");
    let reopened = client.ask(REOPEN, json!({ "id": old, "reason": "A bill was forgotten" })).await;
    assert_eq!(reopened["fiscalYearReopen"]["fiscalYear"]["closing"], Value::Null);
    assert_eq!(equity(client, "2025-12-31", None).await, json!(["0.00", "-200.00", null]));
    assert_eq!(income(client, "2025-01-01", "2025-12-31").await, before);
    let refused = client.refused(REOPEN, json!({ "id": old, "reason": "Once more" })).await;
    assert_eq!(refused[0]["message"], "This fiscal year is not closed.");
    posted(client, "2025-12-31", "6815", "1600", "33.33").await;
    let cost = client.account("6815").await;
    let rest = "mutation($id: ID!, $active: Boolean!) { accountUpdate(input: { id: $id, active: $active }) { account { active } userErrors { message } } }";
    client.ask(rest, json!({ "id": cost, "active": false })).await;
    let closed = client.ask(CLOSE, json!({ "id": old })).await["fiscalYearClose"]["fiscalYear"]["closing"].clone();
    assert_eq!(closed["result"]["amount"], "-233.33");
    client.ask(rest, json!({ "id": cost, "active": true })).await;

    // Of two that are closed the later one is opened first; behind the hard lock neither is.
    posted(client, "2026-02-01", "1600", "4400", "1000.00").await;
    client.ask(CLOSE, json!({ "id": new })).await;
    let refused = client.refused(REOPEN, json!({ "id": old, "reason": "Too early" })).await;
    assert_eq!(refused[0]["message"], "Only the last closed fiscal year is opened again: reopen 2026 first.");
    client.ask(REOPEN, json!({ "id": new, "reason": "The year runs on" })).await;
    client.ask("mutation { periodLock(input: { through: \"2025-12-31\", kind: HARD }) { ledger { hardLockOn } userErrors { message } } }", json!({})).await;
    let refused = client.refused(REOPEN, json!({ "id": old, "reason": "Too late" })).await;
    assert_eq!(refused[0]["code"], "PERIOD_LOCKED");
    assert_eq!(equity(client, "2025-12-31", None).await, json!(["-233.33", "0.00", null]));
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

/// A year of 37,000 entries is closed within seconds, and two who close it in the same moment close it once.
#[tokio::test]
async fn a_big_year_is_closed_at_once_and_once() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let id = year(client, "2026").await;
    posted(client, "2026-02-01", "1600", "4400", "12.34").await;
    app.database.lay(
        "SET LOCAL session_replication_role = replica;
         WITH seed AS (
           SELECT e.* FROM finance.journal_entry e JOIN finance.journal_line l ON l.tenant_id = e.tenant_id AND l.entry_id = e.id
            WHERE l.amount = 12.34),
         made AS (
           INSERT INTO finance.journal_entry (tenant_id, id, ledger_id, number, entry_date, recorded_at, description, currency, source, posted_by)
           SELECT s.tenant_id, gen_random_uuid(), s.ledger_id, 'X-' || n, s.entry_date, now(), 'Bulk ' || n, s.currency, 'manual', s.posted_by
             FROM seed s, generate_series(1, 37000) AS n RETURNING *)
         INSERT INTO finance.journal_line (tenant_id, id, entry_id, line_no, ledger_id, account_id, entry_date, recorded_at, description, currency, amount_document, amount)
         SELECT m.tenant_id, gen_random_uuid(), m.id, l.line_no, l.ledger_id, l.account_id, m.entry_date, m.recorded_at, '', l.currency, l.amount_document, l.amount
           FROM made m, seed s JOIN finance.journal_line l ON l.tenant_id = s.tenant_id AND l.entry_id = s.id",
    );
    let began = std::time::Instant::now();
    let (one, two) = tokio::join!(client.send(CLOSE, json!({ "id": id })), client.send(CLOSE, json!({ "id": id })));
    let took = began.elapsed();
    let answers = [one, two].map(|reply| reply.body["data"]["fiscalYearClose"].clone());
    let won: Vec<&Value> = answers.iter().filter(|answer| answer["fiscalYear"].is_object()).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    // 37,001 times 12.34
    assert_eq!(won[0]["fiscalYear"]["closing"]["result"]["amount"], "456592.34");
    // Five seconds on a machine of its own; stories share theirs.
    assert!(took < std::time::Duration::from_secs(20), "closing took {took:?}");
}
