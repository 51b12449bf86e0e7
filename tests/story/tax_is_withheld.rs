//! Tax is withheld of what vendors are paid, once their bills of a year reach a threshold: the vendor is owed the rest, the
//! tax office what was withheld, and what a vendor gives back takes it back.

use serde_json::{Value, json};

use crate::bills_are_credited::{billed, credit};
use crate::harness::{App, Books, Client};
use crate::nordwind::{self, balance, payload, refusal};
use crate::walls::furnished::{change, made};

const CODE: &str = "mutation($input: WithholdingCodeCreateInput!) { withholdingCodeCreate(input: $input) {
    withholdingCode { id code scope rates { percent threshold } } userErrors { code field message } } }";

/// A client that withholds of the bills of vendor 70004 by that code.
async fn withholding(percent: &str, threshold: &str, scope: &str) -> (App, Books, String) {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let code = json!({ "code": "WT", "name": "Withheld", "scope": scope, "account": client.account("3730").await,
                       "percent": percent, "threshold": threshold, "validFrom": "2025-01-01" });
    let code = payload(client, CODE, code).await["withholdingCode"]["id"].as_str().unwrap().to_owned();
    let vendor = nordwind::id(client, "vendors", "number", "70004").await;
    change(client, "vendorWithholdingSet", json!({ "vendor": vendor, "withholdingCode": code }), "vendor { id }").await;
    (app, books, code)
}

/// A bill outside of any tax; gives what was withheld and what the vendor is owed.
async fn bill(client: &Client, number: &str, price: &str) -> (Value, String, String) {
    let line = json!({ "description": "Advice", "quantity": "1", "unitPrice": price, "account": client.account("6815").await });
    let bill = billed(client, number, &[], json!({ "lines": [line] })).await;
    let text = |name: &str| bill[name]["amount"].as_str().unwrap().to_owned();
    (bill.clone(), text("withheld"), text("openAmount"))
}

fn pair(bill: &(Value, String, String)) -> (&str, &str) {
    (&bill.1, &bill.2)
}

#[tokio::test]
async fn three_thousand_are_withheld_on_the_third_bill() {
    let (app, books, _) = withholding("10", "30000", "WHOLE").await;
    let client = &books.accountant;
    let (owed, office) = (balance(client, "3300").await, balance(client, "3730").await);
    let first = bill(client, "W-1", "10000").await;
    let second = bill(client, "W-2", "10000").await;
    let third = bill(client, "W-3", "10000").await;
    assert_eq!(
        (pair(&first), pair(&second), pair(&third)),
        (("0.00", "10000.00"), ("0.00", "10000.00"), ("3000.00", "7000.00"))
    );
    let lines = third.0["entry"]["lines"].as_array().unwrap();
    let of =
        |code: &str| lines.iter().find(|line| line["account"]["code"] == code).unwrap()["amount"]["amount"].clone();
    assert_eq!((of("3300"), of("3730"), of("6815")), (json!("-7000.00"), json!("-3000.00"), json!("10000.00")));
    assert_eq!(pair(&bill(client, "W-4", "500").await), ("50.00", "450.00"));

    // By vendor and days, and what it consists of.
    let report =
        "query($after: String) { withholdingTotals(from: \"2026-01-01\", to: \"2026-12-31\", first: 1, after: $after) {
            nodes { vendor { number } withholdingCode { code } net base amount } pageInfo { hasNextPage } }
        withholdingEntries(first: 10, filter: { postedOn: { gte: \"2026-01-01\", lt: \"2027-01-01\" } }) {
            totalCount nodes { net base amount bill { number } vendor { number } percent yearStartsOn } } }";
    let told = client.ask(report, json!({})).await;
    let total = &told["withholdingTotals"]["nodes"][0];
    assert_eq!((&total["vendor"]["number"], &total["withholdingCode"]["code"]), (&json!("70004"), &json!("WT")));
    let sum = |name: &str| -> f64 {
        let nodes = told["withholdingEntries"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node[name].as_str().unwrap().parse::<f64>().unwrap()).sum()
    };
    for (name, expected) in [("net", 30500.0), ("base", 30500.0), ("amount", 3050.0)] {
        assert!((total[name].as_str().unwrap().parse::<f64>().unwrap() - expected).abs() < 1e-9, "{total}");
        assert!((sum(name) - expected).abs() < 1e-9, "{told}");
    }
    assert_eq!(told["withholdingEntries"]["totalCount"], 4);

    // The third bill goes back: as if it had never been, and the fourth gives back its part as well.
    let gone = credit(client, &third.0, "K-3", json!({})).await;
    assert_eq!(
        (&gone["vendorCredit"]["withheld"]["amount"], &gone["vendorCredit"]["gross"]["amount"]),
        (&json!("3050.00"), &json!("10000.00")),
        "{gone}"
    );
    let gone = credit(client, &first.0, "K-1", json!({})).await;
    assert_eq!(gone["vendorCredit"]["withheld"]["amount"], "0.00");
    let gone = credit(client, &second.0, "K-2", json!({ "lines": [{ "line": 1, "amount": "2500.00" }] })).await;
    assert_eq!(gone["vendorCredit"]["bill"]["openAmount"]["amount"], "7500.00");
    // Two of 10,000 reach it again: all of the year is made up for.
    let again = bill(client, "W-5", "22000").await;
    // 7,500 + 500 + 22,000
    assert_eq!(pair(&again), ("3000.00", "19000.00"));
    let dec = |text: String| text.parse::<f64>().unwrap();
    assert!((dec(balance(client, "3730").await) - dec(office) + 3000.0).abs() < 1e-9);
    let _ = owed;
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn of_two_bills_at_once_the_threshold_is_crossed_once() {
    let (app, books, _) = withholding("10", "30000", "WHOLE").await;
    let client = &books.accountant;
    bill(client, "W-1", "10000").await;
    let numbers = ["W-2", "W-3", "W-4", "W-5"];
    let made = futures_util::future::join_all(numbers.iter().map(|number| bill(client, number, "10000"))).await;
    let mut withheld: Vec<&str> = made.iter().map(|one| one.1.as_str()).collect();
    withheld.sort_unstable();
    assert_eq!(withheld, ["0.00", "1000.00", "1000.00", "3000.00"]);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn the_excess_alone_with_taxes_in_foreign_money_and_by_another_rate() {
    let (app, books, code) = withholding("5", "1000", "EXCESS").await;
    let client = &books.accountant;
    // Taxes are not counted: 800 net.
    let first = billed(client, "X-1", &["800"], json!({})).await;
    assert_eq!((&first["gross"]["amount"], &first["withheld"]["amount"]), (&json!("952.00"), &json!("0.00")));
    // 1,000 dollars at 0.90: 900 in the books, 700 of them above; 35.00 are 38.89 dollars.
    let second = billed(client, "X-2", &["1000"], json!({ "currency": "USD", "exchangeRate": "0.9" })).await;
    assert_eq!((&second["withheld"]["amount"], &second["openAmount"]["amount"]), (&json!("38.89"), &json!("1151.11")));
    let gone = credit(client, &second, "Y-2", json!({})).await;
    assert_eq!(gone["vendorCredit"]["withheld"]["amount"], "38.89");
    assert_eq!(
        (&gone["vendorCredit"]["bill"]["openAmount"]["amount"], &gone["vendorCredit"]["openItem"]),
        (&json!("0.00"), &json!(null))
    );
    // From a day on it is more; a bill of before keeps to its day.
    change(
        client,
        "withholdingRateAdd",
        json!({ "withholdingCode": code, "percent": "10", "threshold": "1000", "validFrom": "2026-01-21" }),
        "withholdingCode { id }",
    )
    .await;
    let old = billed(client, "X-3", &["400"], json!({})).await;
    assert_eq!(old["withheld"]["amount"], "10.00");
    let new = billed(client, "X-4", &["100"], json!({ "billDate": "2026-01-21" })).await;
    assert_eq!(new["withheld"]["amount"], "10.00");
    // Nothing of a bill that says so, and by the code of another vendor that says which.
    let none = billed(client, "X-5", &["100"], json!({ "withholdingCode": null })).await;
    assert_eq!(none["withheld"]["amount"], "0.00");
    let told = client
        .ask(
            "query($v: ID!) { vendorWithholding(vendor: $v) { code } }",
            json!({ "v": nordwind::id(client, "vendors", "number", "70004").await }),
        )
        .await;
    assert_eq!(told["vendorWithholding"]["code"], "WT");
    let other = nordwind::id(client, "vendors", "number", "70003").await;
    let other = billed(client, "X-6", &["3000"], json!({ "vendor": other, "withholdingCode": code })).await;
    assert_eq!(other["withheld"]["amount"], "100.00");

    for (field, bad) in [
        ("percent", json!("0")),
        ("percent", json!("100.01")),
        ("threshold", json!("-1")),
        ("name", json!("")),
        ("account", json!(client.account("3300").await)),
    ] {
        let mut input = json!({ "code": "WX", "name": "Withheld", "scope": "WHOLE", "account": client.account("3730").await,
                                "percent": "10", "threshold": "0", "validFrom": "2025-01-01" });
        input[field] = bad;
        assert_eq!(refusal(&payload(client, CODE, input).await).1, format!("input.{field}"));
    }
    let twice = "mutation($input: WithholdingRateAddInput!) { withholdingRateAdd(input: $input) { withholdingCode { id } userErrors { code field message } } }";
    let twice = payload(
        client,
        twice,
        json!({ "withholdingCode": code, "percent": "7", "threshold": "0", "validFrom": "2026-01-21" }),
    )
    .await;
    assert_eq!(refusal(&twice).1, "input.validFrom");
    // Before its first rate nothing is posted by it.
    let early = json!({ "code": "LATE", "name": "Late", "scope": "WHOLE", "account": client.account("3730").await, "percent": "10", "threshold": "0", "validFrom": "2027-01-01" });
    let late = made(client, "withholdingCodeCreate", early, "withholdingCode").await;
    let mut input = nordwind::bill(client, "X-7").await["input"].clone();
    input["withholdingCode"] = json!(late);
    let draft = payload(client, nordwind::BILL, input).await["bill"]["id"].clone();
    let post = "mutation($input: BillPostInput!) { billPost(input: $input) { bill { id } userErrors { code field message } } }";
    assert_eq!(refusal(&payload(client, post, json!({ "id": draft })).await).0, "INVALID");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
