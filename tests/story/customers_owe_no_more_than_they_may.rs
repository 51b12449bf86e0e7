//! A customer owes no more than its limit: an invoice beyond that is issued only by somebody who may override it and says why.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, payload, refusal, sale};

const LIMIT: &str = "mutation($input: CustomerCreditLimitSetInput!) { customerCreditLimitSet(input: $input) { customerCredit { limit { amount } used { amount } free { amount } } userErrors { code field message } } }";
const ISSUE: &str = "mutation($input: InvoiceIssueInput!) { invoiceIssue(input: $input) { invoice { number creditOverride { reason overriddenByName limit { amount } used { amount } } } userErrors { code field message } } }";

async fn customer(client: &Client, number: &str) -> Value {
    let create = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } userErrors { message } } }";
    let input = json!({ "number": number, "name": format!("Limited {number}"), "country": "DE" });
    payload(client, create, input).await["customer"]["id"].clone()
}

async fn draft(client: &Client, customer: &Value, price: &str, more: Value) -> Value {
    let mut input = json!({ "customer": customer, "lines": [sale(client, "1", price, None).await] });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    payload(client, INVOICE, input).await["invoice"]["id"].clone()
}

async fn issue(client: &Client, draft: &Value, reason: Option<&str>) -> Value {
    payload(client, ISSUE, json!({ "id": draft, "issueDate": "2026-01-12", "creditOverrideReason": reason })).await
}

#[tokio::test]
async fn five_hundred_and_no_more() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let who = customer(client, "30001").await;
    for wrong in ["-1", "0.001"] {
        let refused = refusal(&payload(client, LIMIT, json!({ "customer": who, "limit": wrong })).await);
        assert_eq!(refused.1, "input.limit");
    }
    let set = payload(client, LIMIT, json!({ "customer": who, "limit": "500.00" })).await;
    assert_eq!(set["customerCredit"]["free"]["amount"], "500.00", "{set}");
    let first = draft(client, &who, "400.00", json!({})).await;
    assert_eq!(issue(client, &first, None).await["userErrors"], json!([]));
    let beyond = draft(client, &who, "100.01", json!({})).await;
    let refused = refusal(&issue(client, &beyond, None).await);
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("STATE", "input.creditOverrideReason"));
    assert!(
        refused.2.contains("400.00") && refused.2.contains("500.01") && refused.2.contains("0.01 more"),
        "{}",
        refused.2
    );
    // To the limit, in dollars at 0.80.
    let abroad = draft(client, &who, "125.00", json!({ "currency": "USD", "exchangeRate": "0.8" })).await;
    assert_eq!(issue(client, &abroad, None).await["userErrors"], json!([]));
    let credit = "query($who: ID!) { customerCredit(customer: $who) { used { amount } free { amount } } }";
    let found = client.ask(credit, json!({ "who": who })).await["customerCredit"].clone();
    assert_eq!(found, json!({ "used": { "amount": "500.00" }, "free": { "amount": "0.00" } }));

    // Whoever may not override it does not, whatever he says.
    let email = "berta@firm.example";
    let keeper = books.administrator.staff(email, "Berta Buch").await;
    books.administrator.enter(&books.client).await.grant(&keeper, "Bookkeeper", "2026-01-01", None).await;
    let keeper = app.sign_in(email).await.enter(&books.client).await;
    let input = json!({ "id": beyond, "issueDate": "2026-01-12", "creditOverrideReason": "I want to" });
    let reply = keeper.send(ISSUE, json!({ "input": input })).await;
    assert_eq!(reply.body["errors"][0]["extensions"]["code"], "FORBIDDEN", "{}", reply.text);
    assert_eq!(refusal(&issue(client, &beyond, Some(" ")).await).1, "input.creditOverrideReason");
    let issued = issue(client, &beyond, Some("He pays tomorrow")).await;
    assert_eq!(
        issued["invoice"]["creditOverride"],
        json!({ "reason": "He pays tomorrow", "overriddenByName": "Konrad Konto", "limit": { "amount": "500.00" }, "used": { "amount": "500.00" } }),
        "{issued}"
    );
    // What gives something back is never beyond a limit; without a limit nothing is.
    let back = draft(client, &who, "1.00", json!({ "discountPercent": "100" })).await;
    assert!(refusal(&issue(client, &back, None).await).2.contains("without any amount"));
    payload(client, LIMIT, json!({ "customer": who, "limit": null })).await;
    let free = draft(client, &who, "9999.00", json!({})).await;
    let issued = issue(client, &free, Some("Said for nothing")).await;
    assert_eq!((&issued["userErrors"], &issued["invoice"]["creditOverride"]), (&json!([]), &Value::Null));
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn of_two_at_once_one_is_issued() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let who = customer(client, "30002").await;
    payload(client, LIMIT, json!({ "customer": who, "limit": "1000.00" })).await;
    let mut drafts = Vec::new();
    for _ in 0..6 {
        drafts.push(draft(client, &who, "700.00", json!({})).await);
    }
    let at_once: Vec<_> = drafts
        .into_iter()
        .map(|one| {
            let client = client.clone();
            tokio::spawn(async move { issue(&client, &one, None).await })
        })
        .collect();
    let mut issued = Vec::new();
    for one in at_once {
        let payload = one.await.unwrap();
        if payload["invoice"].is_null() {
            assert_eq!(refusal(&payload).0, "STATE", "{payload}");
        } else {
            issued.push(payload["invoice"]["number"].clone());
        }
    }
    assert_eq!(issued, [json!("INV-00001")]);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
