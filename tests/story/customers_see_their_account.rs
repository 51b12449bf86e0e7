//! A customer's account over some days: what it owed, what came and went, what it owes; and as a letter that stands in the
//! register.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, ISSUE, payload, refusal, sale};

const ACCOUNT: &str = "query($who: ID!, $from: Date!, $through: Date!) {
    customerStatement(customer: $who, from: $from, through: $through) { currency opening { amount } charged { amount } credited { amount } closing { amount } } }";
const MOVEMENTS: &str = "query($who: ID!, $from: Date!, $through: Date!, $first: Int, $after: String) {
    customerMovements(customer: $who, currency: \"EUR\", from: $from, through: $through, first: $first, after: $after) {
        totalCount nodes { date amount { amount } balance { amount } } pageInfo { hasNextPage endCursor } } }";
const SEND: &str = "mutation($input: CustomerStatementSendInput!) { customerStatementSend(input: $input) { letter { id subject text channel mail { state } } userErrors { code field message } } }";

async fn customer(client: &Client) -> Value {
    let create = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } userErrors { message } } }";
    let input =
        json!({ "number": "40001", "name": "Account and Co", "country": "DE", "email": "account@customer.example" });
    payload(client, create, input).await["customer"]["id"].clone()
}

async fn invoice(client: &Client, who: &Value, day: &str, price: &str, more: Value) -> Value {
    let mut input = json!({ "customer": who, "lines": [sale(client, "1", price, None).await] });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    let draft = payload(client, INVOICE, input).await;
    payload(client, ISSUE, json!({ "id": draft["invoice"]["id"], "issueDate": day })).await["invoice"].clone()
}

fn sums(found: &Value) -> Vec<[String; 5]> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let [a, b, c, d] = ["opening", "charged", "credited", "closing"].map(|name| text(&one[name]["amount"]));
            [text(&one["currency"]), a, b, c, d]
        })
        .collect()
}

#[tokio::test]
async fn what_was_owed_and_what_is() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let who = customer(client).await;
    let first = invoice(client, &who, "2026-01-05", "100.00", json!({})).await;
    let second = invoice(client, &who, "2026-01-10", "250.00", json!({})).await;
    invoice(client, &who, "2026-01-11", "80.00", json!({ "currency": "USD", "exchangeRate": "0.9" })).await;
    let credit = "mutation($input: CreditNoteIssueInput!) { creditNoteIssue(input: $input) { creditNote { id } userErrors { message } } }";
    let note = json!({ "invoice": second["id"], "issueDate": "2026-01-12", "reason": "Scratched", "lines": [{ "line": 1, "amount": "50.00" }] });
    assert_eq!(payload(client, credit, note).await["userErrors"], json!([]));
    // One payment for both, with 30.00 ahead: one movement, whatever it settled.
    let pay = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id } userErrors { message } } }";
    let input = json!({ "customer": who, "paidOn": "2026-01-20", "amount": "330.00", "account": client.account("1600").await,
                        "allocations": [{ "openItem": first["openItem"]["id"], "amount": "100.00" },
                                        { "openItem": second["openItem"]["id"], "amount": "200.00" }] });
    assert_eq!(payload(client, pay, input).await["userErrors"], json!([]));

    let days = |from: &str, through: &str| json!({ "who": who, "from": from, "through": through });
    let found = client.ask(ACCOUNT, days("2026-01-06", "2026-01-31")).await["customerStatement"].clone();
    let row = |texts: [&str; 5]| texts.map(str::to_owned);
    assert_eq!(
        sums(&found),
        [row(["EUR", "100.00", "250.00", "380.00", "-30.00"]), row(["USD", "0.00", "80.00", "0.00", "80.00"])]
    );
    let found = client.ask(ACCOUNT, days("2026-01-13", "2026-01-19")).await["customerStatement"].clone();
    assert_eq!(sums(&found)[0], row(["EUR", "300.00", "0.00", "0.00", "300.00"]));
    // Page by page, with what was owed behind each.
    let mut variables = days("2026-01-06", "2026-01-31");
    variables["first"] = json!(2);
    let page = client.ask(MOVEMENTS, variables.clone()).await["customerMovements"].clone();
    let lines = |page: &Value| -> Vec<String> {
        let nodes = page["nodes"].as_array().unwrap().iter();
        nodes
            .map(|one| {
                format!("{} {} {}", one["date"], one["amount"]["amount"], one["balance"]["amount"]).replace('"', "")
            })
            .collect()
    };
    assert_eq!(
        (lines(&page), &page["totalCount"]),
        (vec!["2026-01-10 250.00 350.00".to_owned(), "2026-01-12 -50.00 300.00".to_owned()], &json!(3))
    );
    variables["after"] = page["pageInfo"]["endCursor"].clone();
    let page = client.ask(MOVEMENTS, variables).await["customerMovements"].clone();
    assert_eq!(
        (lines(&page), &page["pageInfo"]["hasNextPage"]),
        (vec!["2026-01-20 -330.00 -30.00".to_owned()], &json!(false))
    );

    // As a mail that stands in the register.
    let create = "mutation($input: LetterTemplateCreateInput!) { letterTemplateCreate(input: $input) { letterTemplate { id } userErrors { message } } }";
    let body = "{{ fields.opening }} + {{ fields.charged }} - {{ fields.credited }} = {{ fields.closing }}\n{{ fields.movements }}";
    let input = json!({ "code": "account", "name": "Account", "texts": [{ "language": "en", "subject": "Account {{ fields.from }} {{ fields.through }}", "body": body }] });
    let letters = payload(client, create, input).await["letterTemplate"]["id"].clone();
    let input = |more: Value| {
        let mut input = json!({ "customer": who, "from": "2026-01-06", "through": "2026-01-31", "template": letters, "language": "en" });
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        input
    };
    let sent = payload(client, SEND, input(json!({}))).await;
    let letter = &sent["letter"];
    assert_eq!(
        (&letter["subject"], &letter["channel"]),
        (&json!("Account 2026-01-06 2026-01-31"), &json!("MAIL")),
        "{sent}"
    );
    assert!(!letter["mail"].is_null());
    let text = letter["text"].as_str().unwrap();
    assert!(
        text.starts_with(
            "100.00 EUR + 250.00 EUR - 380.00 EUR = -30.00 EUR\n2026-01-10 INV-00002 Account and Co: 250.00 EUR"
        ),
        "{text}"
    );
    for (more, field) in [
        (json!({ "through": "2026-01-05" }), "input.through"),
        (json!({ "through": "2099-01-05" }), "input.through"),
        (json!({ "currency": "JPY" }), "input.currency"),
        // it has no whole postal address
        (json!({ "channel": "LETTER" }), "input.customer"),
    ] {
        assert_eq!(refusal(&payload(client, SEND, input(more.clone())).await).1, field, "{more}");
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
