//! Documents grant a discount to whoever pays early: a payment in time settles all of it, and the taxes shrink with it; one
//! that is late, or less, settles what it is.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, ISSUE, balance, output_tax, payload, refusal, sale};

const PAY: &str = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id free { amount }
    allocations { id amount { amount } discount { amount } openItem { openAmount { amount } settled } } } userErrors { code field message } } }";

const UNDO: &str = "mutation($input: PaymentAllocationUndoInput!) { paymentAllocationUndo(input: $input) { payment { id } userErrors { code field message } } }";

const ITEM: &str =
    "query($id: ID!) { openItem(id: $id) { openAmount { amount } settled allocations { amount { amount } }
    earlyPayment { percent lastDay discount { amount } due { amount } } } }";

/// Accounts for discounts, which the chart of the demo does not have.
async fn discounts(client: &Client) {
    for (code, kind, control) in [("4738", "EXPENSE", "DISCOUNT_ALLOWED"), ("4739", "INCOME", "DISCOUNT_RECEIVED")] {
        let input = json!({ "code": code, "name": "Discounts", "kind": kind, "control": control, "isGroup": false });
        let query = "mutation($input: AccountCreateInput!) { accountCreate(input: $input) { account { id } userErrors { code field message } } }";
        assert_eq!(payload(client, query, input).await["userErrors"], json!([]));
    }
}

/// Drafts an invoice and issues it on January 12 with discounts; what comes of it, refused or not.
async fn issue(client: &Client, lines: Vec<Value>, more: Value, early: Value) -> Value {
    let mut input = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "lines": lines });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    let draft = payload(client, INVOICE, input).await;
    let input = json!({ "id": draft["invoice"]["id"], "issueDate": "2026-01-12", "earlyPayment": early });
    payload(client, ISSUE, input).await
}

async fn item(client: &Client, id: &Value) -> Value {
    client.ask(ITEM, json!({ "id": id })).await["openItem"].clone()
}

async fn pay(client: &Client, day: &str, amount: &str, item: &Value, more: Value) -> Value {
    let mut allocation = json!({ "openItem": item, "amount": amount });
    for (key, value) in more.as_object().unwrap() {
        allocation[key] = value.clone();
    }
    let input = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "paidOn": day, "amount": amount,
                        "account": client.account("1600").await, "allocations": [allocation] });
    payload(client, PAY, input).await
}

/// Receivables, cash, discounts, and the taxes of sales.
async fn books(client: &Client) -> [String; 4] {
    let mut found = Vec::new();
    for code in ["1200", "1600", "4738", "3806"] {
        found.push(balance(client, code).await);
    }
    found.try_into().unwrap()
}

#[tokio::test]
async fn ten_percent_of_236() {
    let (app, books_of) = nordwind::stocked().await;
    let client = &books_of.accountant;
    let tax = output_tax(client, "U18", "18").await;
    let goods = vec![sale(client, "1", "200.00", Some(&tax)).await];
    let ten = json!([{ "percent": "10", "days": 10 }]);
    // The chart has no account for it yet.
    let refused = refusal(&issue(client, goods.clone(), json!({}), ten.clone()).await);
    assert_eq!(refused.0, "STATE", "{}", refused.2);
    discounts(client).await;
    for (early, field) in [
        (json!([{ "percent": "0", "days": 10 }]), "input.earlyPayment.0.percent"),
        (json!([{ "percent": "100", "days": 10 }]), "input.earlyPayment.0.percent"),
        (json!([{ "percent": "2.00001", "days": 10 }]), "input.earlyPayment.0.percent"),
        (json!([{ "percent": "0.001", "days": 10 }]), "input.earlyPayment.0.percent"),
        (json!([{ "percent": "3", "days": -1 }]), "input.earlyPayment.0.days"),
        (json!([{ "percent": "3", "days": 10 }, { "percent": "2", "days": 10 }]), "input.earlyPayment.1.days"),
        (json!([{ "percent": "2", "days": 10 }, { "percent": "3", "days": 20 }]), "input.earlyPayment.1.percent"),
    ] {
        assert_eq!(refusal(&issue(client, goods.clone(), json!({}), early.clone()).await).1, field, "{early}");
    }
    let before = books(client).await;
    let issued = issue(client, goods.clone(), json!({}), ten.clone()).await;
    let owed = &issued["invoice"]["openItem"]["id"];
    assert_eq!(
        item(client, owed).await["earlyPayment"],
        json!([{ "percent": "10", "lastDay": "2026-01-22", "discount": { "amount": "23.60" }, "due": { "amount": "212.40" } }])
    );
    let after = books(client).await;

    // Insisted on, but not what is due then.
    let refused = refusal(&pay(client, "2026-01-22", "212.39", owed, json!({ "discount": true })).await);
    assert_eq!(
        (refused.0.as_str(), refused.1.as_str(), refused.2.contains("212.4")),
        ("INVALID", "input.allocations.0.discount", true)
    );
    // On the last day.
    let paid = pay(client, "2026-01-22", "212.40", owed, json!({})).await;
    let one = &paid["payment"]["allocations"][0];
    assert_eq!(
        (&one["amount"]["amount"], &one["discount"]["amount"], &one["openItem"]["settled"]),
        (&json!("212.40"), &json!("23.60"), &json!(true)),
        "{paid}"
    );
    let [receivable, cash, allowed, taxes] = books(client).await;
    assert_eq!((receivable, allowed), (before[0].clone(), "20.00".to_owned()));
    assert_eq!(number(&cash) - number(&before[1]), "212.40".parse::<rust_decimal::Decimal>().unwrap());
    assert_eq!(number(&taxes) - number(&before[3]), "-32.40".parse::<rust_decimal::Decimal>().unwrap());

    // Undone, all of it is open again, and the taxes are what they were; the money is free.
    let undone = payload(client, UNDO, json!({ "id": one["id"] })).await;
    assert_eq!(undone["userErrors"], json!([]));
    assert_eq!(item(client, owed).await["openAmount"]["amount"], "236.00");
    let again = books(client).await;
    assert_eq!((&again[2], &again[3]), (&after[2], &after[3]));
    // What is free was paid in time, whenever it is used.
    let used = "mutation($input: PaymentAllocateInput!) { paymentAllocate(input: $input) { payment { id free { amount } } userErrors { code field message } } }";
    let used = payload(
        client,
        used,
        json!({ "payment": paid["payment"]["id"], "date": "2026-02-20", "allocations": [{ "openItem": owed, "amount": "212.40" }] }),
    )
    .await;
    assert_eq!(used["payment"]["free"]["amount"], "0.00", "{used}");
    assert_eq!(item(client, owed).await["settled"], true);
    // What was taken off is not credited; what was paid can be.
    let credit = "mutation($input: CreditNoteIssueInput!) { creditNoteIssue(input: $input) { creditNote { gross { amount } } userErrors { code field message } } }";
    let whole = json!({ "invoice": issued["invoice"]["id"], "issueDate": "2026-02-21", "reason": "Came back" });
    assert_eq!(refusal(&payload(client, credit, whole.clone()).await).0, "OVER_ALLOCATED");
    let mut most = whole;
    most["lines"] = json!([{ "line": 1, "amount": "180.00" }]);
    assert_eq!(payload(client, credit, most).await["creditNote"]["gross"]["amount"], "212.40");

    // A day too late: it settles what it is.
    let issued = issue(client, goods.clone(), json!({}), ten.clone()).await;
    let owed = &issued["invoice"]["openItem"]["id"];
    let refused = refusal(&pay(client, "2026-01-23", "212.40", owed, json!({ "discount": true })).await);
    assert_eq!((refused.0.as_str(), refused.2.contains("until 2026-01-22")), ("STATE", true), "{}", refused.2);
    let late = pay(client, "2026-01-23", "212.40", owed, json!({})).await;
    assert_eq!(late["payment"]["allocations"][0]["discount"]["amount"], "0.00");
    assert_eq!(item(client, owed).await["openAmount"]["amount"], "23.60");
    // In time, but not wanted.
    let issued = issue(client, goods, json!({}), ten).await;
    let owed = &issued["invoice"]["openItem"]["id"];
    pay(client, "2026-01-14", "212.40", owed, json!({ "discount": false })).await;
    assert_eq!(item(client, owed).await["openAmount"]["amount"], "23.60");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

fn number(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

#[tokio::test]
async fn two_rates_two_terms_and_a_bank_line() {
    let (app, books_of) = nordwind::stocked().await;
    let client = &books_of.accountant;
    discounts(client).await;
    let (full, low) = (nordwind::tax_code(client, "U19").await, nordwind::tax_code(client, "U7").await);
    let goods = vec![sale(client, "1", "1000.00", Some(&full)).await, sale(client, "1", "500.00", Some(&low)).await];
    let terms = json!([{ "percent": "3", "days": 10 }, { "percent": "2", "days": 20 }]);
    let issued = issue(client, goods, json!({}), terms).await;
    let owed = &issued["invoice"]["openItem"]["id"];
    // 1,725.00, of which 119.00 are credited: the discount is of the rest.
    let credit = "mutation($input: CreditNoteIssueInput!) { creditNoteIssue(input: $input) { creditNote { id } userErrors { code field message } } }";
    let note = json!({ "invoice": issued["invoice"]["id"], "issueDate": "2026-01-14", "reason": "Scratched", "lines": [{ "line": 1, "amount": "100.00" }] });
    assert_eq!(payload(client, credit, note).await["userErrors"], json!([]));
    let terms = item(client, owed).await["earlyPayment"].clone();
    assert_eq!(
        (&terms[0]["due"]["amount"], &terms[1]["due"]["amount"], &terms[1]["lastDay"]),
        (&json!("1557.82"), &json!("1573.88"), &json!("2026-02-01"))
    );
    let before = (balance(client, "3806").await, balance(client, "3801").await, balance(client, "1200").await);

    let account =
        client.ask("{ bankAccounts { nodes { id } } }", json!({})).await["bankAccounts"]["nodes"][0]["id"].clone();
    let mut file = crate::walls::furnished::statement("Kern", "01");
    file["file"]["text"] = json!("Booked,Text,Amount\n2026-01-31,Kern,1573.88\n");
    file["openingBalance"] = json!("0.00");
    file["closingBalance"] = json!("1573.88");
    file["bankAccount"] = account;
    let taken = nordwind::import(client, nordwind::STATEMENT_IMPORT, file).await;
    assert_eq!(taken["userErrors"], json!([]), "{taken}");
    let lines = client.ask("{ bankLines { nodes { id } } }", json!({})).await;
    let line = &lines["bankLines"]["nodes"][0]["id"];
    let matched =
        json!({ "bankLine": line, "allocations": [{ "openItem": owed, "amount": "1573.88", "discount": true }] });
    let matched = payload(client, nordwind::MATCH, matched).await;
    assert_eq!(matched["userErrors"], json!([]), "{matched}");
    let found = item(client, owed).await;
    assert_eq!((&found["settled"], found["allocations"].as_array().unwrap().len()), (&json!(true), 3));
    assert_eq!(balance(client, "4738").await, "28.00");
    let off =
        |code: &'static str, before: String| async move { number(&balance(client, code).await) - number(&before) };
    assert_eq!(
        (off("3806", before.0.clone()).await, off("3801", before.1.clone()).await),
        (number("3.42"), number("0.70"))
    );
    let unmatch = "mutation($input: BankLineUnmatchInput!) { bankLineUnmatch(input: $input) { bankLine { id } userErrors { code field message } } }";
    assert_eq!(payload(client, unmatch, json!({ "bankLine": line })).await["userErrors"], json!([]));
    assert_eq!(item(client, owed).await["openAmount"]["amount"], "1606.00");
    assert_eq!(balance(client, "4738").await, "0.00");
    assert_eq!((balance(client, "3806").await, balance(client, "3801").await, balance(client, "1200").await), before);

    // Dollars: the discount keeps the rate of the invoice, the rest is a gain.
    let abroad = vec![sale(client, "1", "100.00", None).await];
    let five = json!([{ "percent": "5", "days": 10 }]);
    let issued = issue(client, abroad, json!({ "currency": "USD", "exchangeRate": "0.9" }), five).await;
    let paid = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "paidOn": "2026-01-20", "amount": "95.00",
                       "currency": "USD", "exchangeRate": "0.95", "account": client.account("1460").await,
                       "exchangeAccount": client.account("4830").await,
                       "allocations": [{ "openItem": issued["invoice"]["openItem"]["id"], "amount": "95.00" }] });
    let paid = payload(client, PAY, paid).await;
    assert_eq!(paid["payment"]["allocations"][0]["discount"]["amount"], "5.00", "{paid}");
    assert_eq!(
        (balance(client, "1460").await, balance(client, "4738").await, balance(client, "4830").await),
        ("90.25".to_owned(), "4.50".to_owned(), "-4.75".to_owned())
    );
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bill_paid_early() {
    let (app, books_of) = nordwind::stocked().await;
    let client = &books_of.accountant;
    let made =
        client.ask(nordwind::BILL, nordwind::bill(client, "L-77").await).await["billCreate"]["bill"]["id"].clone();
    let post = "mutation($input: BillPostInput!) { billPost(input: $input) { bill { openItem { id } } userErrors { code field message } } }";
    let input = json!({ "id": made, "earlyPayment": [{ "percent": "3", "days": 14 }] });
    assert_eq!(refusal(&payload(client, post, input.clone()).await).0, "STATE");
    discounts(client).await;
    let before = (number(&balance(client, "1406").await), balance(client, "3300").await);
    let posted = payload(client, post, input).await;
    let owed = &posted["bill"]["openItem"]["id"];
    assert_eq!(item(client, owed).await["earlyPayment"][0]["lastDay"], "2026-02-02", "{posted}");
    let vendor = nordwind::id(client, "vendors", "number", "70004").await;
    let paid = json!({ "vendor": vendor, "paidOn": "2026-02-02", "amount": "115.43", "account": client.account("1600").await,
                       "allocations": [{ "openItem": owed, "amount": "115.43" }] });
    let paid = payload(client, PAY, paid).await;
    let one = &paid["payment"]["allocations"][0];
    assert_eq!((&one["discount"]["amount"], &one["openItem"]["settled"]), (&json!("3.57"), &json!(true)), "{paid}");
    assert_eq!(balance(client, "4739").await, "-3.00");
    assert_eq!(number(&balance(client, "1406").await) - before.0, number("18.43"));
    assert_eq!(balance(client, "3300").await, before.1);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
