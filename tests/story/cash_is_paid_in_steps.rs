//! Where the smallest coin is larger than the smallest unit, invoices are paid in steps: the difference goes to an account of
//! its own, and taxes stay as they are; credit notes take it back.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, balance, payload, refusal, sale};

const SET: &str = "mutation($input: CashRoundingSetInput!) { cashRoundingSet(input: $input) { cashRoundings { currency step } userErrors { code field message } } }";
const ISSUE: &str = "mutation($input: InvoiceIssueInput!) { invoiceIssue(input: $input) { invoice { id gross { amount } tax { amount } payable { amount }
    cashDifference { amount } openItem { id amount { amount } } } userErrors { code field message } } }";
const CREDIT: &str = "mutation($input: CreditNoteIssueInput!) { creditNoteIssue(input: $input) { creditNote { gross { amount } cashDifference { amount } } userErrors { code field message } } }";

async fn step(client: &Client, step: Option<&str>) -> Value {
    payload(client, SET, json!({ "currency": "EUR", "step": step })).await
}

async fn issue(client: &Client, lines: Vec<Value>, more: Value) -> Value {
    let input = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "lines": lines });
    let draft = payload(client, INVOICE, input).await;
    let mut input = json!({ "id": draft["invoice"]["id"], "issueDate": "2026-01-12" });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    let issued = payload(client, ISSUE, input).await;
    assert_eq!(issued["userErrors"], json!([]), "{issued}");
    issued["invoice"].clone()
}

async fn credit(client: &Client, invoice: &Value, lines: Value) -> Value {
    let input = json!({ "invoice": invoice["id"], "issueDate": "2026-01-14", "reason": "Came back", "lines": lines });
    let made = payload(client, CREDIT, input).await;
    assert_eq!(made["userErrors"], json!([]), "{made}");
    json!([made["creditNote"]["gross"]["amount"], made["creditNote"]["cashDifference"]["amount"]])
}

#[tokio::test]
async fn forty_two_and_six_cents() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    for wrong in ["0", "0.01", "-0.10", "0.105", "1.01"] {
        assert_eq!(refusal(&step(client, Some(wrong)).await).1, "input.step", "{wrong}");
    }
    assert_eq!(step(client, Some("0.10")).await["cashRoundings"], json!([{ "currency": "EUR", "step": "0.1" }]));
    let before = balance(client, "1200").await;
    let invoice = issue(client, vec![sale(client, "1", "42.06", None).await], json!({})).await;
    assert_eq!(
        (&invoice["gross"]["amount"], &invoice["payable"]["amount"], &invoice["cashDifference"]["amount"]),
        (&json!("42.06"), &json!("42.10"), &json!("0.04"))
    );
    assert_eq!(
        (&invoice["openItem"]["amount"]["amount"], balance(client, "6969").await),
        (&json!("42.10"), "-0.04".to_owned())
    );
    let pay = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { free { amount } } userErrors { code field message } } }";
    let input = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "paidOn": "2026-01-12", "amount": "42.10",
                        "account": client.account("1600").await, "allocations": [{ "openItem": invoice["openItem"]["id"], "amount": "42.10" }] });
    assert_eq!(payload(client, pay, input).await["payment"]["free"]["amount"], "0.00");
    assert_eq!(balance(client, "1200").await, before);
    // Taken back, all of it is taken back.
    assert_eq!(credit(client, &invoice, Value::Null).await, json!(["42.06", "0.04"]));
    assert_eq!(balance(client, "6969").await, "0.00");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn two_rates_and_two_notes() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    step(client, Some("0.05")).await;
    let (full, low) = (nordwind::tax_code(client, "U19").await, nordwind::tax_code(client, "U7").await);
    let goods = vec![sale(client, "1", "10.03", Some(&full)).await, sale(client, "1", "20.11", Some(&low)).await];
    let before = (balance(client, "1200").await, balance(client, "3806").await, balance(client, "3801").await);
    let invoice = issue(client, goods.clone(), json!({})).await;
    assert_eq!(
        (
            &invoice["gross"]["amount"],
            &invoice["tax"]["amount"],
            &invoice["payable"]["amount"],
            &invoice["cashDifference"]["amount"]
        ),
        (&json!("33.46"), &json!("3.32"), &json!("33.45"), &json!("-0.01"))
    );
    assert_eq!(balance(client, "6969").await, "0.01");
    // 11.94 are 11.95 in coins; the second note takes what is left, 21.50.
    assert_eq!(credit(client, &invoice, json!([{ "line": 1 }])).await, json!(["11.94", "0.01"]));
    assert_eq!(credit(client, &invoice, Value::Null).await, json!(["21.52", "-0.02"]));
    assert_eq!(balance(client, "6969").await, "0.00");
    let after = (balance(client, "1200").await, balance(client, "3806").await, balance(client, "3801").await);
    assert_eq!(after, before);
    // In instalments, which are what is paid.
    let parts = json!([{ "dueDate": "2026-02-01", "percent": "50" }, { "dueDate": "2026-03-01", "percent": "50" }]);
    let parted = issue(client, goods.clone(), json!({ "instalments": parts })).await;
    let query = "query($id: ID!) { openItem(id: $id) { instalments { amount { amount } } } }";
    let parts = client.ask(query, json!({ "id": parted["openItem"]["id"] })).await["openItem"]["instalments"].clone();
    assert_eq!(parts, json!([{ "amount": { "amount": "16.73" } }, { "amount": { "amount": "16.72" } }]));
    // By bank, to the cent; and not at all any more.
    assert_eq!(issue(client, goods.clone(), json!({ "cashRounding": false })).await["payable"]["amount"], "33.46");
    assert_eq!(step(client, None).await["cashRoundings"], json!([]));
    assert_eq!(issue(client, goods, json!({})).await["payable"]["amount"], "33.46");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
