//! What was billed is given back by vendor credits: line by line, in part or in full, never more than was billed, under the
//! vendor's own number, and once.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, balance, payload, refusal};

const CREDIT: &str = "mutation($input: VendorCreditPostInput!) { vendorCreditPost(input: $input) {
    vendorCredit { id number net { amount } tax { amount } gross { amount currency } withheld { amount }
        lines { lineNo billLineNo quantity net { amount } tax { amount } } taxes { percent base { amount } tax { amount } }
        bill { id openAmount { amount } paymentState } openItem { amount { amount } vendor { number } vendorCredit { number } }
        allocations { amount { amount } } entry { source documentId date } }
    userErrors { code field message } } }";

/// A bill of 70004 with lines of these prices at 19 %, posted; gives what is known of it.
pub async fn billed(client: &Client, number: &str, prices: &[&str], more: Value) -> Value {
    let mut input = nordwind::bill(client, number).await["input"].clone();
    let line = input["lines"][0].clone();
    let lines = prices.iter().map(|price| {
        let mut one = line.clone();
        one["unitPrice"] = json!(price);
        one
    });
    input["lines"] = lines.collect();
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    let draft = payload(client, nordwind::BILL, input).await;
    assert_eq!(draft["userErrors"], json!([]), "{draft}");
    let post = "mutation($input: BillPostInput!) { billPost(input: $input) { bill { id number gross { amount } withheld { amount } openAmount { amount } openItem { id }
        entry { lines { account { code } amount { amount } } } } userErrors { code field message } } }";
    let posted = payload(client, post, json!({ "id": draft["bill"]["id"] })).await;
    assert_eq!(posted["userErrors"], json!([]), "{posted}");
    posted["bill"].clone()
}

pub async fn credit(client: &Client, bill: &Value, number: &str, more: Value) -> Value {
    let mut input = json!({ "bill": bill["id"], "number": number, "creditDate": "2026-01-22", "reason": "Went back" });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    payload(client, CREDIT, input).await
}

#[tokio::test]
async fn four_credits_are_the_bill_to_the_last_cent() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let before = (balance(client, "6815").await, balance(client, "1406").await, balance(client, "3300").await);
    let bill = billed(client, "B-1", &["68.33", "68.33", "57.50", "85.01"], json!({})).await;
    // 279.17 and 53.04
    assert_eq!(bill["gross"]["amount"], "332.21");
    let mut open = Vec::new();
    for (number, (line, gross)) in [(1, "81.31"), (3, "68.43"), (4, "101.16"), (2, "81.31")].into_iter().enumerate() {
        let given = credit(client, &bill, &format!("C-{number}"), json!({ "lines": [{ "line": line }] })).await;
        assert_eq!(given["userErrors"], json!([]), "{given}");
        let given = &given["vendorCredit"];
        assert_eq!(given["gross"], json!({ "amount": gross, "currency": "EUR" }), "{given}");
        assert_eq!((&given["openItem"], &given["allocations"][0]["amount"]["amount"]), (&json!(null), &json!(gross)));
        assert_eq!((&given["entry"]["source"], &given["entry"]["documentId"]), (&json!("VENDOR_CREDIT"), &given["id"]));
        open.push(given["bill"]["openAmount"]["amount"].as_str().unwrap().to_owned());
    }
    assert_eq!(open, ["250.90", "182.47", "81.31", "0.00"]);
    assert_eq!((balance(client, "6815").await, balance(client, "1406").await, balance(client, "3300").await), before);
    for lines in [json!({}), json!({ "lines": [{ "line": 2 }] }), json!({ "lines": [{ "line": 4, "amount": "0.01" }] })]
    {
        assert_eq!(refusal(&credit(client, &bill, "C-9", lines).await).0, "OVER_ALLOCATED");
    }
    let about = "query($id: ID!) { bill(id: $id) { paymentState vendorCredits { number } }
        vendorCredits(first: 3, orderBy: CREDIT_DATE, filter: { bill: { eq: $id } }) { totalCount nodes { number } pageInfo { hasNextPage endCursor } } }";
    let found = client.ask(about, json!({ "id": bill["id"] })).await;
    assert_eq!(found["bill"]["paymentState"], "PAID");
    assert_eq!(
        found["bill"]["vendorCredits"],
        json!([{ "number": "C-0" }, { "number": "C-1" }, { "number": "C-2" }, { "number": "C-3" }])
    );
    assert_eq!(
        (&found["vendorCredits"]["totalCount"], &found["vendorCredits"]["nodes"][0]),
        (&json!(4), &json!({ "number": "C-3" }))
    );
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_paid_already_is_owed_by_the_vendor() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let bill = billed(client, "B-2", &["100.00", "50.00"], json!({})).await;
    let vendor = nordwind::id(client, "vendors", "number", "70004").await;
    let pay = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id } userErrors { code field message } } }";
    let paid = json!({ "vendor": vendor, "paidOn": "2026-01-20", "amount": "150.00", "account": client.account("1600").await,
                       "allocations": [{ "openItem": bill["openItem"]["id"], "amount": "150.00" }] });
    assert_eq!(payload(client, pay, paid).await["userErrors"], json!([]));
    // 178.50 of which 150.00 are paid; 59.50 come back.
    let given = credit(client, &bill, "C-1", json!({ "lines": [{ "line": 2 }], "postingDate": "2026-01-31" })).await;
    let given = &given["vendorCredit"];
    assert_eq!(
        (&given["gross"]["amount"], &given["allocations"][0]["amount"]["amount"]),
        (&json!("59.50"), &json!("28.50"))
    );
    assert_eq!(
        given["openItem"],
        json!({ "amount": { "amount": "-31.00" }, "vendor": { "number": "70004" }, "vendorCredit": { "number": "C-1" } })
    );
    assert_eq!(given["entry"]["date"], "2026-01-31");

    // The same number written otherwise, another year's, and what is wrong said at its field.
    let again = credit(client, &bill, " c 1", json!({ "lines": [{ "line": 1, "amount": "5.00" }] })).await;
    assert_eq!(
        (refusal(&again).0.as_str(), refusal(&again).2.as_str()),
        ("DUPLICATE", "This credit is posted already: number C-1 of 2026-01-22.")
    );
    for (more, code, field) in [
        (json!({ "lines": [] }), "REQUIRED", "input.lines"),
        (json!({ "lines": [{ "line": 3 }] }), "NOT_FOUND", "input.lines.0.line"),
        (json!({ "lines": [{ "line": 1 }, { "line": 1 }] }), "DUPLICATE", "input.lines.1.line"),
        (json!({ "lines": [{ "line": 1, "quantity": "2" }] }), "OVER_ALLOCATED", "input.lines.0.quantity"),
        (json!({ "lines": [{ "line": 1, "quantity": "1", "amount": "1.00" }] }), "INVALID", "input.lines.0.amount"),
        (json!({ "creditDate": "2026-01-18" }), "INVALID", "input.creditDate"),
        (json!({ "reason": " " }), "INVALID", "input.reason"),
        (json!({ "postingDate": "2031-01-16" }), "PERIOD_LOCKED", "input.postingDate"),
    ] {
        let refused = refusal(&credit(client, &bill, "C-2", more.clone()).await);
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, field), "{more}: {}", refused.2);
    }
    assert_eq!(refusal(&credit(client, &bill, "--", json!({})).await).1, "input.number");
    let draft = payload(client, nordwind::BILL, nordwind::bill(client, "B-3").await["input"].clone()).await;
    assert_eq!(refusal(&credit(client, &draft["bill"], "C-2", json!({})).await).0, "STATE");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_foreign_bill_comes_back_at_its_own_rate_and_of_many_at_once_one_wins() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let before = balance(client, "3300").await;
    let more = json!({ "currency": "USD", "exchangeRate": "0.91234567" });
    let bill = billed(client, "B-4", &["33.33", "33.33", "33.35"], more).await;
    for line in 1..=3 {
        let given = credit(client, &bill, &format!("D-{line}"), json!({ "lines": [{ "line": line }] })).await;
        assert_eq!(given["userErrors"], json!([]), "{given}");
    }
    assert_eq!(balance(client, "3300").await, before);

    let bill = billed(client, "B-5", &["1000.00"], json!({})).await;
    let lines = json!({ "lines": [{ "line": 1, "amount": "600.00" }] });
    let tries: Vec<_> = (0..6).map(|at| (format!("E-{at}"), lines.clone())).collect();
    let told = futures_util::future::join_all(
        tries.iter().map(|(number, lines)| credit(client, &bill, number, lines.clone())),
    )
    .await;
    let won = told.iter().filter(|one| !one["vendorCredit"].is_null()).count();
    assert_eq!(won, 1, "{told:?}");
    assert!(told.iter().filter(|one| one["vendorCredit"].is_null()).all(|one| refusal(one).0 == "OVER_ALLOCATED"));
    // The same credit sent several times at once is one.
    let bill = billed(client, "B-6", &["1000.00"], json!({})).await;
    let lines = json!({ "lines": [{ "line": 1, "amount": "10.00" }] });
    let told = futures_util::future::join_all((0..4).map(|_| credit(client, &bill, "F-1", lines.clone()))).await;
    assert_eq!(told.iter().filter(|one| !one["vendorCredit"].is_null()).count(), 1, "{told:?}");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
