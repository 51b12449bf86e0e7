//! What a document comes to: taxes rounded once or line by line, a discount on all of it, prices that include their taxes,
//! and two taxes of the same net amount. What stands on the document stays true to the cent.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, balance, invoice_with, output_tax, payload, refusal, sale};

const ABOUT: &str = "query($id: ID!) { invoice(id: $id) { discountPercent pricesIncludeTax net { amount } tax { amount } gross { amount }
    lines { net { amount } taxPercent secondTaxPercent taxCode { code } secondTaxCode { code } }
    taxes { percent base { amount } tax { amount } taxCode { code } }
    openItem { openAmount { amount } } entry { lines { account { code } taxCode { code } amount { amount } } } } }";

async fn about(client: &Client, invoice: &Value) -> Value {
    client.ask(ABOUT, json!({ "id": invoice["id"] })).await["invoice"].clone()
}

#[tokio::test]
async fn a_discount_on_all_of_it_and_two_ways_to_round() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let tax = output_tax(client, "U22", "22").await;
    for (rounding, gross, taxed) in [("BY_DOCUMENT", "6527.80", "1177.14"), ("BY_LINE", "6527.81", "1177.15")] {
        let line = sale(client, "16", "348.35", Some(&tax)).await;
        let more = json!({ "rounding": rounding, "discountPercent": "4" });
        let invoice = about(client, &invoice_with(client, "2026-01-15", vec![line.clone()], more).await).await;
        assert_eq!((&invoice["gross"]["amount"], &invoice["discountPercent"]), (&json!(gross), &json!("4")));
        assert_eq!(
            invoice["taxes"][0],
            json!({ "percent": "22", "base": { "amount": "5350.66" }, "tax": { "amount": taxed }, "taxCode": { "code": "U22" } })
        );
        assert_eq!(invoice["openItem"]["openAmount"]["amount"], gross);
        // The same discount on the line is the same amount.
        let mut discounted = line;
        discounted["discountPercent"] = json!("4");
        let on_line = invoice_with(client, "2026-01-15", vec![discounted], json!({ "rounding": rounding })).await;
        assert_eq!(on_line["gross"]["amount"], gross);
    }
    assert_eq!(balance(client, "4400").await, "-21402.64");

    // A draft can be given another one, and loses it again.
    let lines = vec![sale(client, "3", "33.35", Some(&tax)).await, sale(client, "1", "9.99", None).await];
    let draft = payload(
        client,
        INVOICE,
        json!({ "customer": nordwind::id(client, "customers", "number", "10006").await, "lines": lines }),
    )
    .await;
    let update = "mutation($input: InvoiceUpdateInput!) { invoiceUpdate(input: $input) { invoice { gross { amount } discountPercent pricesIncludeTax }
        userErrors { code field message } } }";
    let with = |key: &str, value: Value| json!({ "id": draft["invoice"]["id"], key: value });
    // 100.05 and 9.99 less 12.5 %: 87.54 (87.54375), 8.74 (8.74125), and 19.26 (19.259625)
    let changed = payload(client, update, with("discountPercent", json!("12.5"))).await;
    assert_eq!(
        changed["invoice"],
        json!({ "gross": { "amount": "115.54" }, "discountPercent": "12.5", "pricesIncludeTax": false })
    );
    let changed = payload(client, update, with("pricesIncludeTax", json!(true))).await;
    assert_eq!(changed["invoice"]["gross"]["amount"], "96.28");
    for (value, field) in
        [("100.0001", "input.discountPercent"), ("-1", "input.discountPercent"), ("0.00001", "input.discountPercent")]
    {
        let refused = refusal(&payload(client, update, with("discountPercent", json!(value))).await);
        assert_eq!((refused.0.as_str(), refused.1.as_str()), ("INVALID", field));
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn prices_that_include_two_taxes() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let (country, state) = (output_tax(client, "C14", "14").await, output_tax(client, "S14", "14").await);
    let mut line = sale(client, "1", "24900", Some(&country)).await;
    line["secondTaxCode"] = json!(state);
    let invoice = invoice_with(client, "2026-01-15", vec![line.clone()], json!({ "pricesIncludeTax": true })).await;
    let found = about(client, &invoice).await;
    let amounts = |found: &Value| ["net", "tax", "gross"].map(|key| found[key]["amount"].as_str().unwrap().to_owned());
    assert_eq!(amounts(&found), ["19453.12", "5446.88", "24900.00"]);
    let each = |code: &str| json!({ "percent": "14", "base": { "amount": "19453.12" }, "tax": { "amount": "2723.44" }, "taxCode": { "code": code } });
    let taxes = found["taxes"].as_array().unwrap();
    assert!(taxes.len() == 2 && taxes.contains(&each("C14")) && taxes.contains(&each("S14")), "{found}");
    let posted: Vec<(&str, &str)> = found["entry"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["account"]["code"].as_str().unwrap(), line["amount"]["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(posted, [("1200", "24900.00"), ("4400", "-19453.12"), ("3806", "-2723.44"), ("3806", "-2723.44")]);

    // Two pieces at 10.00, of which each comes back at 10.00.
    let mut pieces = sale(client, "2", "10.00", Some(&country)).await;
    pieces["secondTaxCode"] = json!(nordwind::tax_code(client, "U7").await);
    let invoice = invoice_with(client, "2026-01-15", vec![pieces], json!({ "pricesIncludeTax": true })).await;
    let credit = "mutation($input: CreditNoteIssueInput!) { creditNoteIssue(input: $input) { creditNote { gross { amount } taxes { percent }
        lines { secondTaxPercent secondTaxCode { code } } } userErrors { code field message } } }";
    for _ in 0..2 {
        let input = json!({ "invoice": invoice["id"], "issueDate": "2026-01-20", "reason": "One came back", "lines": [{ "line": 1, "quantity": "1" }] });
        let note = payload(client, credit, input).await;
        assert_eq!(note["creditNote"]["gross"]["amount"], "10.00", "{note}");
        assert_eq!(
            note["creditNote"]["lines"][0],
            json!({ "secondTaxPercent": "7", "secondTaxCode": { "code": "U7" } })
        );
        assert_eq!(note["creditNote"]["taxes"], json!([{ "percent": "14" }, { "percent": "7" }]));
    }
    // Nothing but the first invoice is left in the books.
    assert_eq!(
        (balance(client, "4400").await, balance(client, "3806").await),
        ("-19453.12".to_owned(), "-5446.88".to_owned())
    );

    // Net prices carry two taxes as well: 100.00, 14.00 and 14.00.
    line["unitPrice"] = json!("100.00");
    let net = invoice_with(client, "2026-01-15", vec![line.clone()], json!({})).await;
    assert_eq!(amounts(&about(client, &net).await), ["100.00", "28.00", "128.00"]);
    // A second tax is another one than the first, and one of sales.
    let customer = nordwind::id(client, "customers", "number", "10006").await;
    for (first, second) in [
        (json!(country), json!(country)),
        (json!(null), json!(state)),
        (json!(country), json!(nordwind::tax_code(client, "V19").await)),
    ] {
        (line["taxCode"], line["secondTaxCode"]) = (first, second);
        let refused =
            refusal(&payload(client, INVOICE, json!({ "customer": customer, "lines": [line.clone()] })).await);
        assert_eq!(
            (refused.0.as_str(), refused.1.as_str()),
            ("INVALID", "input.lines.0.secondTaxCode"),
            "{}",
            refused.2
        );
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bill_with_a_discount_and_prices_with_tax() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let mut input = nordwind::bill(client, "D-1").await["input"].clone();
    input["discountPercent"] = json!("3");
    input["pricesIncludeTax"] = json!(true);
    input["lines"][0]["unitPrice"] = json!("119.00");
    let bill = "mutation($input: BillCreateInput!) { billCreate(input: $input) { bill { id net { amount } tax { amount } gross { amount }
        discountPercent pricesIncludeTax taxes { base { amount } } } userErrors { code field message } } }";
    let made = payload(client, bill, input).await;
    let found = &made["bill"];
    // 119.00 less 3 %: 115.43, of which 18.43 is tax
    assert_eq!(
        (&found["net"]["amount"], &found["tax"]["amount"], &found["gross"]["amount"]),
        (&json!("97.00"), &json!("18.43"), &json!("115.43"))
    );
    assert_eq!(
        (&found["discountPercent"], &found["pricesIncludeTax"], &found["taxes"][0]["base"]["amount"]),
        (&json!("3"), &json!(true), &json!("97.00"))
    );
    let post = "mutation($input: BillPostInput!) { billPost(input: $input) { bill { openAmount { amount } } userErrors { message } } }";
    let posted = payload(client, post, json!({ "id": found["id"] })).await;
    assert_eq!(posted["bill"]["openAmount"]["amount"], "115.43", "{posted}");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
