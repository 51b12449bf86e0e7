//! People claim what they have spent for the client: by receipts, days and kilometres, within limits. What somebody else
//! accepts of it is a bill of theirs, with its tax, less what they got ahead.

use serde_json::{Value, json};

use crate::data_goes_out_and_comes_in::upload;
use crate::harness::{App, Books, Client};
use crate::nordwind::{self, balance, payload, refusal};
use crate::walls::furnished::{change, made};

const CLAIM: &str = "expenseClaim { id number state version claimed { amount } accepted { amount } submittedByName decidedByName reason
    bill { id number status net { amount } tax { amount } gross { amount } openAmount { amount } billDate lines { description net { amount } } }
    lines { lineNo quantity unitAmount claimed most accepted reason expenseType { code } file { name } } }";

/// A company with a traveller and two who keep its books: one enters claims, the other decides.
struct Office {
    app: App,
    books: Books,
    other: Client,
    ada: String,
}

async fn act(client: &Client, field: &str, input: Value) -> Value {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    let query = format!(
        "mutation($input: {kind}!) {{ {field}(input: $input) {{ {CLAIM} userErrors {{ code field message }} }} }}"
    );
    payload(client, &query, input).await
}

impl Office {
    async fn open() -> Self {
        let (app, books) = nordwind::stocked().await;
        let id = books.administrator.staff("nina@firm.example", "Nina").await;
        books.administrator.enter(&books.client).await.grant(&id, "Accountant", "2026-01-01", None).await;
        let other = app.sign_in("nina@firm.example").await.enter(&books.client).await;
        let ada = json!({ "number": "E-1", "name": "Ada Reise", "country": "DE", "iban": "DE89370400440532013000" });
        let ada = made(&books.accountant, "vendorCreate", ada, "vendor").await;
        Self { app, books, other, ada }
    }

    async fn kind(&self, code: &str, kind: &str, tax: Option<&str>, rate: Value) -> String {
        let client = &self.books.accountant;
        let tax = match tax {
            Some(code) => json!(nordwind::tax_code(client, code).await),
            None => Value::Null,
        };
        let input = json!({ "code": code, "name": code, "kind": kind, "account": client.account("6815").await, "taxCode": tax, "rate": rate });
        made(client, "expenseTypeCreate", input, "expenseType").await
    }

    async fn claim(&self, lines: Value, more: Value) -> Value {
        let mut input = json!({ "claimant": self.ada, "purpose": "Fair in Kiel", "lines": lines });
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        act(&self.books.accountant, "expenseClaimCreate", input).await
    }

    /// Drafted and submitted; gives the claim.
    async fn submitted(&self, lines: Value, more: Value) -> Value {
        let made = self.claim(lines, more).await;
        let sent = act(&self.books.accountant, "expenseClaimSubmit", json!({ "id": made["expenseClaim"]["id"] })).await;
        assert_eq!(sent["userErrors"], json!([]), "{made} {sent}");
        sent["expenseClaim"].clone()
    }
}

fn from() -> Value {
    json!({ "validFrom": "2025-01-01" })
}

#[tokio::test]
async fn three_hundred_are_claimed_and_two_hundred_and_eighteen_are_payable() {
    let office = Office::open().await;
    let client = &office.books.accountant;
    let account = client.account("1406").await;
    let nine = json!({ "code": "V9", "name": "V9", "direction": "INPUT", "account": account, "percent": "9", "validFrom": "2025-01-01" });
    made(client, "taxCodeCreate", nine, "taxCode").await;
    let hotel = office.kind("HOTEL", "RECEIPT", Some("V9"), from()).await;
    let line = |amount: &str| json!({ "expenseType": hotel, "spentOn": "2026-01-14", "description": "Hotel", "amount": amount });
    // What she got ahead: 50.00 in cash, and 400.00 of which the rest stays hers to use.
    for (day, amount) in [("2026-01-05", "50.00"), ("2026-01-06", "100.00")] {
        let ahead =
            json!({ "vendor": office.ada, "paidOn": day, "amount": amount, "account": client.account("1600").await });
        made(client, "paymentRecord", ahead, "payment").await;
    }
    let before = (balance(client, "6815").await, balance(client, "1406").await);
    let claim = office.submitted(json!([line("180.00"), line("120.00")]), json!({ "pricesIncludeTax": false })).await;
    assert_eq!(
        (&claim["number"], &claim["state"], &claim["claimed"]["amount"]),
        (&json!("EXP-00001"), &json!("SUBMITTED"), &json!("300.00"))
    );
    assert_eq!(claim["submittedByName"], "Konrad Konto");

    // Whoever has submitted it does not accept it, by a second account neither.
    let all = json!({ "id": claim["id"] });
    let own = act(client, "expenseClaimAccept", all.clone()).await;
    assert_eq!(
        (refusal(&own).0.as_str(), refusal(&own).2.as_str()),
        ("STATE", "Nobody accepts a claim that he has submitted, by another account neither.")
    );
    let part =
        json!({ "id": claim["id"], "lines": [{ "line": 1, "amount": "80.00", "reason": "A suite is not needed" }] });
    let accepted = act(&office.other, "expenseClaimAccept", part).await;
    assert_eq!(accepted["userErrors"], json!([]), "{accepted}");
    let accepted = &accepted["expenseClaim"];
    assert_eq!(
        (&accepted["state"], &accepted["accepted"]["amount"], &accepted["decidedByName"]),
        (&json!("ACCEPTED"), &json!("200.00"), &json!("Nina"))
    );
    let bill = &accepted["bill"];
    assert_eq!(
        (&bill["number"], &bill["status"], &bill["tax"]["amount"]),
        (&json!("EXP-00001"), &json!("DRAFT"), &json!("18.00"))
    );
    assert_eq!(bill["gross"]["amount"], "218.00");
    assert_eq!(accepted["lines"][0]["reason"], "A suite is not needed");
    // Its bill is what was accepted, and nothing else.
    let edit = "mutation($input: BillUpdateInput!) { billUpdate(input: $input) { bill { id } userErrors { code field message } } }";
    assert_eq!(refusal(&payload(client, edit, json!({ "id": bill["id"], "discountPercent": "50" })).await).0, "STATE");

    let posted = act(client, "expenseClaimPost", json!({ "id": claim["id"], "postingDate": "2026-01-20" })).await;
    assert_eq!(posted["userErrors"], json!([]), "{posted}");
    let bill = &posted["expenseClaim"]["bill"];
    // 150.00 had been paid ahead.
    assert_eq!((&bill["status"], &bill["openAmount"]["amount"]), (&json!("POSTED"), &json!("68.00")));
    let dec = |text: &str| text.parse::<f64>().unwrap();
    let after = (balance(client, "6815").await, balance(client, "1406").await);
    assert!(
        (dec(&after.0) - dec(&before.0) - 200.0).abs() < 1e-9 && (dec(&after.1) - dec(&before.1) - 18.0).abs() < 1e-9
    );
    assert_eq!(refusal(&act(client, "expenseClaimPost", json!({ "id": claim["id"] })).await).0, "STATE");
    assert_eq!(refusal(&act(&office.other, "expenseClaimAccept", all).await).0, "STATE");

    // She is paid as any vendor.
    let items = client.ask("query($v: ID!) { openItems(first: 10, filter: { vendor: { eq: $v } }) { nodes { document openAmount { amount } settled } } }", json!({ "v": office.ada })).await;
    let open: Vec<&Value> =
        items["openItems"]["nodes"].as_array().unwrap().iter().filter(|item| item["settled"] == false).collect();
    assert_eq!(open.len(), 1, "{items}");
    assert_eq!((&open[0]["document"], &open[0]["openAmount"]["amount"]), (&json!("EXP-00001"), &json!("68.00")));
    assert_eq!(office.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn days_kilometres_limits_and_receipts() {
    let office = Office::open().await;
    let client = &office.books.accountant;
    let diem = office.kind("DIEM", "PER_DIEM", None, json!({ "validFrom": "2025-01-01", "unitAmount": "28" })).await;
    let road = office
        .kind("ROAD", "MILEAGE", None, json!({ "validFrom": "2025-01-01", "unitAmount": "0.30", "most": "50" }))
        .await;
    let taxi = office
        .kind("TAXI", "RECEIPT", Some("V19"), json!({ "validFrom": "2025-01-01", "receiptAbove": "25", "most": "100" }))
        .await;
    change(
        client,
        "expenseRateAdd",
        json!({ "expenseType": diem, "rate": { "validFrom": "2026-01-15", "unitAmount": "32" } }),
        "expenseType { rates { validFrom unitAmount } }",
    )
    .await;
    let day = |kind: &str, day: &str, quantity: &str| json!({ "expenseType": kind, "spentOn": day, "description": "On the way", "quantity": quantity });
    let ride = |amount: &str, file: Value| json!({ "expenseType": taxi, "spentOn": "2026-01-14", "description": "To the fair", "amount": amount, "file": file });
    let receipt = upload(&office.app, client, "taxi.txt", b"a receipt").await;
    let lines = json!([
        day(&diem, "2026-01-14", "1"),
        day(&diem, "2026-01-15", "0.5"),
        day(&road, "2026-01-14", "333.3"),
        ride("119.00", json!(null))
    ]);
    let made = office.claim(lines, json!({})).await;
    let claim = &made["expenseClaim"];
    let told: Vec<(&str, &str)> = claim["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["claimed"].as_str().unwrap(), line["accepted"].as_str().unwrap()))
        .collect();
    let near = |text: &str, number: f64| (text.parse::<f64>().unwrap() - number).abs() < 1e-9;
    for ((claimed, accepted), (a, b)) in told.iter().zip([(28.0, 28.0), (16.0, 16.0), (99.99, 50.0), (119.0, 100.0)]) {
        assert!(near(claimed, a) && near(accepted, b), "{claim}");
    }
    // Above 25.00 the receipt is needed.
    let sent = act(client, "expenseClaimSubmit", json!({ "id": claim["id"] })).await;
    assert_eq!((refusal(&sent).0.as_str(), refusal(&sent).1.as_str()), ("REQUIRED", "input.lines.3.file"));
    let lines = json!([
        day(&diem, "2026-01-14", "1"),
        day(&diem, "2026-01-15", "0.5"),
        day(&road, "2026-01-14", "333.3"),
        ride("119.00", json!(receipt))
    ]);
    let changed = act(
        client,
        "expenseClaimUpdate",
        json!({ "id": claim["id"], "expectedVersion": claim["version"], "purpose": "Fair", "lines": lines }),
    )
    .await;
    assert_eq!(changed["expenseClaim"]["lines"][3]["file"]["name"], "taxi.txt", "{changed}");
    assert_eq!(
        refusal(
            &act(client, "expenseClaimUpdate", json!({ "id": claim["id"], "expectedVersion": 1, "purpose": "x" }))
                .await
        )
        .0,
        "CONFLICT"
    );
    let sent = act(client, "expenseClaimSubmit", json!({ "id": claim["id"] })).await;
    assert_eq!(sent["expenseClaim"]["state"], "SUBMITTED");
    assert_eq!(
        refusal(&act(client, "expenseClaimUpdate", json!({ "id": claim["id"], "purpose": "Later" })).await).0,
        "STATE"
    );
    // The limit is nobody's to pass, less needs a reason.
    for (line, code, field) in [
        (json!({ "line": 3, "amount": "50.01", "reason": "Far" }), "INVALID", "input.lines.0.amount"),
        (json!({ "line": 1, "amount": "10.00" }), "REQUIRED", "input.lines.0.reason"),
        (json!({ "line": 9, "amount": "10.00" }), "NOT_FOUND", "input.lines.0.line"),
    ] {
        let refused =
            refusal(&act(&office.other, "expenseClaimAccept", json!({ "id": claim["id"], "lines": [line] })).await);
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, field), "{}", refused.2);
    }
    let accepted = act(&office.other, "expenseClaimAccept", json!({ "id": claim["id"] })).await;
    // 28 + 16 + 50 + 100 with 15.97 of tax inside
    let bill = &accepted["expenseClaim"]["bill"];
    assert_eq!(
        (&bill["gross"]["amount"], &bill["tax"]["amount"], &bill["billDate"]),
        (&json!("194.00"), &json!("15.97"), &json!("2026-01-15")),
        "{accepted}"
    );
    // The receipt stays.
    let delete = "mutation($input: FileDeleteInput!) { fileDelete(input: $input) { file { id } userErrors { code field message } } }";
    assert_eq!(refusal(&payload(client, delete, json!({ "file": receipt })).await).0, "STATE");

    for (line, code, field) in [
        (day(&diem, "2024-12-31", "1"), "INVALID", "input.lines.0.spentOn"),
        (day(&diem, "2026-01-14", "0"), "INVALID", "input.lines.0.quantity"),
        (ride("0", json!(null)), "INVALID", "input.lines.0.amount"),
        (ride("10.001", json!(null)), "INVALID", "input.lines.0.amount"),
        (day(&taxi, "2026-01-14", "1"), "INVALID", "input.lines.0.quantity"),
        (
            json!({ "expenseType": diem, "spentOn": "2026-01-14", "description": "Day", "amount": "5" }),
            "INVALID",
            "input.lines.0.amount",
        ),
    ] {
        let refused = refusal(&office.claim(json!([line]), json!({})).await);
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, field), "{}", refused.2);
    }
    assert_eq!(refusal(&office.claim(json!([]), json!({})).await).1, "input.lines");
    let gone = office.submitted(json!([day(&diem, "2026-01-14", "1")]), json!({})).await;
    let none = json!({ "id": gone["id"], "lines": [{ "line": 1, "amount": "0", "reason": "No journey" }] });
    assert_eq!(refusal(&act(&office.other, "expenseClaimAccept", none).await).1, "input.lines");
    let rejected =
        act(&office.other, "expenseClaimReject", json!({ "id": gone["id"], "reason": "There was no fair" })).await;
    assert_eq!(
        (&rejected["expenseClaim"]["state"], &rejected["expenseClaim"]["reason"]),
        (&json!("REJECTED"), &json!("There was no fair"))
    );
    let listed = client.ask("{ expenseClaims(first: 5, filter: { state: { eq: REJECTED } }) { totalCount nodes { number } } expenseTypes(first: 2) { nodes { code } pageInfo { hasNextPage } } }", json!({})).await;
    assert_eq!(listed["expenseClaims"], json!({ "totalCount": 1, "nodes": [{ "number": "EXP-00002" }] }));
    assert_eq!(listed["expenseTypes"]["pageInfo"]["hasNextPage"], true);
    assert_eq!(office.app.database.findings(), Vec::<String>::new());
}
