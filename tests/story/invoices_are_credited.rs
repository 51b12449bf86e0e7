//! What was invoiced is taken back by credit notes: line by line, in part or in full, never more than was invoiced, and to
//! the last cent.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, balance, invoice_with, output_tax, payload, refusal, sale};

const CREDIT: &str = "mutation($input: CreditNoteIssueInput!) { creditNoteIssue(input: $input) {
    creditNote { id number net { amount } tax { amount } gross { amount currency } lines { lineNo invoiceLineNo quantity net { amount } tax { amount } }
        taxes { percent base { amount } tax { amount } } invoice { id openAmount { amount } paymentState }
        openItem { id amount { amount } openAmount { amount } customer { number } creditNote { number } }
        allocations { amount { amount } } entry { source documentId lines { account { code } amount { amount } amountDocument { amount } } } }
    userErrors { code field message } } }";

async fn credit(client: &Client, invoice: &Value, lines: Value) -> Value {
    let mut input = json!({ "invoice": invoice["id"], "issueDate": "2026-01-20", "reason": "Goods came back" });
    if !lines.is_null() {
        input["lines"] = lines;
    }
    payload(client, CREDIT, input).await
}

#[tokio::test]
async fn the_last_of_four_notes_absorbs_the_rounding() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let before = (balance(client, "4400").await, balance(client, "3806").await, balance(client, "1200").await);
    let tax = output_tax(client, "U20", "20").await;
    let mut lines = Vec::new();
    for price in ["68.33", "68.33", "57.50", "85.00"] {
        lines.push(sale(client, "1", price, Some(&tax)).await);
    }
    let invoice = invoice_with(client, "2026-01-15", lines, json!({})).await;
    assert_eq!(invoice["gross"]["amount"], "334.99");

    // Tried only: no number is taken.
    let whole = json!({ "invoice": invoice["id"], "issueDate": "2026-01-20", "reason": "All of it" });
    let tried = payload(&client.dry(), CREDIT, whole).await;
    assert_eq!(
        (&tried["creditNote"]["number"], &tried["creditNote"]["gross"]["amount"]),
        (&json!("CN-00001"), &json!("334.99"))
    );

    let mut open = Vec::new();
    for (number, (line, gross)) in [(1, "82.00"), (3, "69.00"), (4, "102.00"), (2, "81.99")].into_iter().enumerate() {
        let note = credit(client, &invoice, json!([{ "line": line }])).await;
        let note = &note["creditNote"];
        assert_eq!(note["number"], format!("CN-{:05}", number + 1), "{note}");
        assert_eq!(note["gross"], json!({ "amount": gross, "currency": "EUR" }), "{note}");
        assert_eq!((&note["lines"][0]["invoiceLineNo"], &note["lines"][0]["quantity"]), (&json!(line), &json!("1")));
        assert_eq!(note["taxes"][0]["percent"], "20");
        assert_eq!((&note["openItem"], &note["allocations"][0]["amount"]["amount"]), (&json!(null), &json!(gross)));
        assert_eq!((&note["entry"]["source"], &note["entry"]["documentId"]), (&json!("CREDIT_NOTE"), &note["id"]));
        open.push(note["invoice"]["openAmount"]["amount"].as_str().unwrap().to_owned());
    }
    assert_eq!(open, ["252.99", "183.99", "81.99", "0.00"]);
    // Everything is as if nothing had been sold.
    assert_eq!((balance(client, "4400").await, balance(client, "3806").await, balance(client, "1200").await), before);

    // Nothing is left, whoever asks for it and however.
    for lines in [
        json!(null),
        json!([{ "line": 2 }]),
        json!([{ "line": 1, "quantity": "1" }]),
        json!([{ "line": 4, "amount": "0.01" }]),
    ] {
        assert_eq!(refusal(&credit(client, &invoice, lines).await).0, "OVER_ALLOCATED");
    }
    let about = "query($id: ID!) { invoice(id: $id) { paymentState creditNotes { number } allocations { amount { amount } } }
        creditNotes(first: 3, orderBy: ISSUE_DATE, filter: { invoice: { eq: $id } }) { totalCount nodes { number } pageInfo { hasNextPage endCursor } } }";
    let found = client.ask(about, json!({ "id": invoice["id"] })).await;
    assert_eq!(found["invoice"]["paymentState"], "PAID");
    let numbers = ["CN-00001", "CN-00002", "CN-00003", "CN-00004"].map(|number| json!({ "number": number }));
    assert_eq!(found["invoice"]["creditNotes"], json!(numbers));
    assert_eq!(found["creditNotes"]["totalCount"], 4);
    let mut listed = found["creditNotes"]["nodes"].as_array().unwrap().clone();
    let rest = client
        .ask(
            "query($after: String) { creditNotes(first: 3, orderBy: ISSUE_DATE, after: $after) { nodes { number } pageInfo { hasNextPage } } }",
            json!({ "after": found["creditNotes"]["pageInfo"]["endCursor"] }),
        )
        .await;
    listed.extend(rest["creditNotes"]["nodes"].as_array().unwrap().clone());
    listed.reverse();
    assert_eq!(json!(listed), json!(numbers));
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_part_comes_back_and_an_allowance_is_given() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let (high, low) = (nordwind::tax_code(client, "U19").await, nordwind::tax_code(client, "U7").await);
    let lines = vec![
        sale(client, "3", "33.33", Some(&high)).await,
        sale(client, "10", "4.15", Some(&low)).await,
        sale(client, "1", "12.00", None).await,
    ];
    let invoice = invoice_with(client, "2026-01-15", lines, json!({ "rounding": "BY_LINE" })).await;
    // 99.99 and 19.00, 41.50 and 2.91 (2.905), 12.00
    assert_eq!(invoice["gross"]["amount"], "175.40");
    let note = credit(client, &invoice, json!([{ "line": 2, "quantity": "3" }, { "line": 1, "quantity": "1" }])).await;
    let note = &note["creditNote"];
    // 12.45 and 0.87, 33.33 and 6.33
    assert_eq!(note["gross"]["amount"], "52.98");
    assert_eq!(
        note["lines"],
        json!([{ "lineNo": 1, "invoiceLineNo": 2, "quantity": "3", "net": { "amount": "12.45" }, "tax": { "amount": "0.87" } },
               { "lineNo": 2, "invoiceLineNo": 1, "quantity": "1", "net": { "amount": "33.33" }, "tax": { "amount": "6.33" } }])
    );
    let allowance = credit(client, &invoice, json!([{ "line": 3, "amount": "2.00" }])).await;
    assert_eq!(allowance["creditNote"]["gross"]["amount"], "2.00");
    assert!(allowance["creditNote"]["lines"][0]["quantity"].is_null());
    // What is left of it all: 66.66 and 12.67, 29.05 and 2.04, 10.00.
    let rest = credit(client, &invoice, json!(null)).await;
    assert_eq!(rest["creditNote"]["gross"]["amount"], "120.42");
    assert_eq!(rest["creditNote"]["invoice"]["paymentState"], "PAID");

    // What is wrong is said at its field.
    let other =
        invoice_with(client, "2026-01-15", vec![sale(client, "2", "50.00", Some(&high)).await], json!({})).await;
    for (lines, code, field) in [
        (json!([]), "REQUIRED", "input.lines"),
        (json!([{ "line": 2 }]), "NOT_FOUND", "input.lines.0.line"),
        (json!([{ "line": 0 }]), "NOT_FOUND", "input.lines.0.line"),
        (json!([{ "line": -1 }]), "NOT_FOUND", "input.lines.0.line"),
        (json!([{ "line": 1 }, { "line": 1 }]), "DUPLICATE", "input.lines.1.line"),
        (json!([{ "line": 1, "quantity": "1", "amount": "1.00" }]), "INVALID", "input.lines.0.amount"),
        (json!([{ "line": 1, "quantity": "2.0001" }]), "OVER_ALLOCATED", "input.lines.0.quantity"),
        (json!([{ "line": 1, "quantity": "0" }]), "INVALID", "input.lines.0.quantity"),
        (json!([{ "line": 1, "quantity": "-1" }]), "INVALID", "input.lines.0.quantity"),
        (json!([{ "line": 1, "quantity": "0.00001" }]), "INVALID", "input.lines.0.quantity"),
        (json!([{ "line": 1, "amount": "100.01" }]), "OVER_ALLOCATED", "input.lines.0.amount"),
        (json!([{ "line": 1, "amount": "-5.00" }]), "INVALID", "input.lines.0.amount"),
        (json!([{ "line": 1, "amount": "5.001" }]), "INVALID", "input.lines.0.amount"),
    ] {
        let refused = refusal(&credit(client, &other, lines.clone()).await);
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, field), "{lines}: {}", refused.2);
    }
    let early = json!({ "invoice": other["id"], "issueDate": "2026-01-14", "reason": "Too early" });
    assert_eq!(refusal(&payload(client, CREDIT, early).await).1, "input.issueDate");
    let blank = json!({ "invoice": other["id"], "issueDate": "2026-01-16", "reason": " " });
    assert_eq!(refusal(&payload(client, CREDIT, blank).await).1, "input.reason");
    let unlocked = json!({ "invoice": other["id"], "issueDate": "2031-01-16", "reason": "No such year" });
    let refused = refusal(&payload(client, CREDIT, unlocked).await);
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("PERIOD_LOCKED", "input.issueDate"));
    let draft = json!({ "invoice": nordwind::draft(client).await, "reason": "Not issued" });
    assert_eq!(refusal(&payload(client, CREDIT, draft).await).0, "STATE");
    assert_eq!(
        refusal(&credit(client, &json!({ "id": client.account("1200").await }), json!(null)).await).0,
        "NOT_FOUND"
    );
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_paid_already_is_the_customers_credit() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let lines = nordwind::january(client).await;
    let line = |amount: &str| lines.iter().find(|(of, _)| of == amount).unwrap().1.clone();
    // 1,190.00 of which 1,000.00 are paid.
    let tax = nordwind::tax_code(client, "U19").await;
    let invoice =
        invoice_with(client, "2026-01-02", vec![sale(client, "10", "100.00", Some(&tax)).await], json!({})).await;
    let part = json!({ "bankLine": line("4760.00"), "allocations": [
        { "openItem": invoice["openItem"]["id"], "amount": "1000.00" },
        { "openItem": nordwind::open_item(client, "RE-2025-118").await, "amount": "3760.00" }] });
    assert_eq!(payload(client, nordwind::MATCH, part).await["bankLine"]["matched"], true);
    let note = credit(client, &invoice, json!([{ "line": 1, "quantity": "4" }])).await;
    let note = &note["creditNote"];
    assert_eq!(
        (&note["gross"]["amount"], &note["allocations"][0]["amount"]["amount"]),
        (&json!("476.00"), &json!("190.00"))
    );
    let item = &note["openItem"];
    assert_eq!((&item["amount"]["amount"], &item["openAmount"]["amount"]), (&json!("-286.00"), &json!("-286.00")));
    assert_eq!((&item["customer"]["number"], &item["creditNote"]["number"]), (&json!("10006"), &note["number"]));
    // A second one finds nothing open: all of it is the customer's.
    let note = credit(client, &invoice, json!([{ "line": 1, "amount": "100.00" }])).await;
    assert_eq!(note["creditNote"]["allocations"], json!([]));
    assert_eq!(note["creditNote"]["openItem"]["amount"]["amount"], "-119.00");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_foreign_invoice_is_taken_back_at_its_own_rate() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let before = balance(client, "1200").await;
    let tax = nordwind::tax_code(client, "U19").await;
    let mut lines = Vec::new();
    for price in ["33.33", "33.33", "33.35"] {
        lines.push(sale(client, "1", price, Some(&tax)).await);
    }
    let more = json!({ "currency": "USD", "exchangeRate": "0.91234567" });
    let invoice = invoice_with(client, "2026-01-15", lines, more).await;
    assert_eq!(invoice["gross"]["amount"], "119.01");
    for line in 1..=3 {
        let note = credit(client, &invoice, json!([{ "line": line }])).await;
        assert_eq!(note["userErrors"], json!([]), "{note}");
        assert_eq!(note["creditNote"]["gross"]["currency"], "USD");
    }
    assert_eq!(balance(client, "1200").await, before);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn of_two_notes_at_once_one_wins() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let invoice = nordwind::issued(client).await;
    let at_once: Vec<_> = (0..8)
        .map(|_| {
            let (client, invoice) = (client.clone(), invoice.clone());
            tokio::spawn(async move { credit(&client, &invoice, json!([{ "line": 1, "amount": "600.00" }])).await })
        })
        .collect();
    let mut issued = 0;
    for one in at_once {
        let payload = one.await.unwrap();
        if payload["creditNote"].is_null() {
            assert_eq!(refusal(&payload).0, "OVER_ALLOCATED", "{payload}");
        } else {
            assert_eq!(payload["creditNote"]["number"], "CN-00001");
            issued += 1;
        }
    }
    assert_eq!(issued, 1);
    // Not even past the server.
    let tenant = app.database.lines("postgres", "SELECT id::text AS line FROM core.tenant").remove(0);
    for statement in [
        "INSERT INTO finance.credit_note SELECT tenant_id, gen_random_uuid(), invoice_id, customer_id, 'CN-00002', issue_date, reason, currency,
            customer_name, net, tax, gross, entry_id FROM finance.credit_note",
        "UPDATE finance.credit_note SET reason = 'Later'",
        "DELETE FROM finance.credit_note_line",
    ] {
        let refused = app.database.past_the_server("backoffice_owner", |connection| {
            let text = format!("BEGIN; SELECT core.set_tenant('{tenant}'); {statement}; COMMIT");
            diesel::connection::SimpleConnection::batch_execute(connection, &text).is_err()
        });
        assert!(refused, "{statement}");
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
