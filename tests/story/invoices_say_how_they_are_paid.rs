//! An invoice says how it is paid: with a reference that can be checked, and as the text of a QR code.

use serde_json::{Value, json};

use crate::nordwind::{self, invoice_with, sale};

const DATA: &str =
    "query($invoice: ID!, $account: ID!) { invoicePaymentData(invoice: $invoice, bankAccount: $account) {
    amount { amount currency } creditor iban reference qrText } }";

#[tokio::test]
async fn a_reference_and_a_code() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let account =
        client.ask("{ bankAccounts { nodes { id } } }", json!({})).await["bankAccounts"]["nodes"][0]["id"].clone();
    let data = |invoice: &Value| {
        let variables = json!({ "invoice": invoice, "account": account });
        async move { client.ask(DATA, variables).await["invoicePaymentData"].clone() }
    };
    let invoice = invoice_with(client, "2026-01-12", vec![sale(client, "1", "42.10", None).await], json!({})).await;
    assert_eq!(
        data(&invoice["id"]).await,
        json!({
            "amount": { "amount": "42.10", "currency": "EUR" }, "creditor": "Nordwind Handels GmbH", "iban": "DE57900000010004711200",
            "reference": "RF25INV00001",
            "qrText": "BCD\n002\n1\nSCT\n\nNordwind Handels GmbH\nDE57900000010004711200\nEUR42.10\n\nRF25INV00001"
        })
    );
    // What is open, and nothing once nothing is.
    let pay = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id } userErrors { message } } }";
    for (amount, left) in [("40.00", "2.10"), ("2.10", "0.00")] {
        let input = json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "paidOn": "2026-01-12", "amount": amount,
                            "account": client.account("1600").await, "allocations": [{ "openItem": invoice["openItem"]["id"], "amount": amount }] });
        assert_eq!(nordwind::payload(client, pay, input).await["userErrors"], json!([]));
        let found = data(&invoice["id"]).await;
        assert_eq!((&found["amount"]["amount"], found["qrText"].is_null()), (&json!(left), left == "0.00"), "{found}");
    }
    // SEPA carries euros; a draft is not paid.
    let more = json!({ "currency": "USD", "exchangeRate": "0.9" });
    let abroad = invoice_with(client, "2026-01-12", vec![sale(client, "1", "7.00", None).await], more).await;
    let found = data(&abroad["id"]).await;
    assert_eq!((found["reference"].is_string(), &found["qrText"]), (true, &Value::Null), "{found}");
    assert_eq!(data(&json!(nordwind::draft(client).await)).await, Value::Null);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
