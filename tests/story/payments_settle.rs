//! Money comes and goes: one payment settles many documents and back, what is too much is an advance that is used once, and
//! what is undone is as it was.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, balance, invoice_with, payload, refusal, sale};

const FIELDS: &str = "payment { id number amount { amount } free { amount } side reference customer { number } vendor { number } bankLine { id matched }
    allocations { id amount { amount } undone allocatedOn openItem { document openAmount { amount } settled } }
    openItem { openAmount { amount } payment { number } } entry { source documentId } } userErrors { code field message }";

async fn pay(client: &Client, field: &str, input: Value) -> Value {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    payload(client, &format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ {FIELDS} }} }}"), input).await
}

/// Accounts for advances, which the chart of the demo does not have.
async fn advances(client: &Client) {
    for (code, kind, control) in [("3272", "LIABILITY", "CUSTOMER_ADVANCE"), ("1180", "ASSET", "VENDOR_ADVANCE")] {
        let input = json!({ "code": code, "name": "Advances", "kind": kind, "control": control, "isGroup": false });
        let query = "mutation($input: AccountCreateInput!) { accountCreate(input: $input) { account { id } userErrors { code field message } } }";
        assert_eq!(payload(client, query, input).await["userErrors"], json!([]));
    }
}

async fn customer(client: &Client) -> String {
    nordwind::id(client, "customers", "number", "10006").await
}

async fn invoice(client: &Client, price: &str, more: Value) -> Value {
    invoice_with(client, "2026-01-12", vec![sale(client, "1", price, None).await], more).await
}

async fn open(client: &Client, item: &Value) -> String {
    let query = "query($id: ID!) { openItem(id: $id) { openAmount { amount } } }";
    client.ask(query, json!({ "id": item })).await["openItem"]["openAmount"]["amount"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn three_thousand_for_two_invoices_of_a_thousand() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    advances(client).await;
    let cash = client.account("1600").await;
    let before = (balance(client, "1200").await, balance(client, "1600").await);
    // Paid ahead, before there is anything to pay.
    let paid = json!({ "customer": customer(client).await, "paidOn": "2026-01-10", "amount": "3000.00", "account": cash, "reference": "Order 4711" });
    let recorded = pay(client, "paymentRecord", paid).await;
    let payment = recorded["payment"].clone();
    assert_eq!(
        (&payment["number"], &payment["free"]["amount"]),
        (&json!("PAY-00001"), &json!("3000.00")),
        "{recorded}"
    );
    assert_eq!(
        (&payment["openItem"]["openAmount"]["amount"], &payment["openItem"]["payment"]["number"]),
        (&json!("-3000.00"), &json!("PAY-00001"))
    );
    assert_eq!((&payment["entry"]["source"], &payment["entry"]["documentId"]), (&json!("PAYMENT"), &payment["id"]));
    assert_eq!(
        (balance(client, "3272").await, balance(client, "1200").await),
        ("-3000.00".to_owned(), before.0.clone())
    );

    let (first, second) = (invoice(client, "1000.00", json!({})).await, invoice(client, "1000.00", json!({})).await);
    let item = |invoice: &Value| invoice["openItem"]["id"].clone();
    let use_it = |items: Value, date: &str| json!({ "payment": payment["id"], "date": date, "allocations": items });
    let both =
        json!([{ "openItem": item(&first), "amount": "1000.00" }, { "openItem": item(&second), "amount": "1000.00" }]);
    let tried = pay(&client.dry(), "paymentAllocate", use_it(both.clone(), "2026-01-12")).await;
    assert_eq!(tried["payment"]["free"]["amount"], "1000.00");
    let used = pay(client, "paymentAllocate", use_it(both, "2026-01-12")).await;
    assert_eq!(used["payment"]["free"]["amount"], "1000.00", "{used}");
    assert!(used["payment"]["allocations"].as_array().unwrap().iter().all(|one| one["openItem"]["settled"] == true));
    assert_eq!(
        (balance(client, "3272").await, balance(client, "1200").await),
        ("-1000.00".to_owned(), before.0.clone())
    );

    // What does not fit is refused, and nothing is used twice.
    let third = invoice(client, "1500.00", json!({})).await;
    let foreign = invoice(client, "10.00", json!({ "currency": "USD", "exchangeRate": "0.9" })).await;
    let others = nordwind::open_item(client, "RE-2025-118").await;
    for (items, code) in [
        (json!([{ "openItem": item(&first), "amount": "0.01" }]), "OVER_ALLOCATED"),
        (json!([{ "openItem": item(&third), "amount": "1000.01" }]), "OVER_ALLOCATED"),
        (
            json!([{ "openItem": item(&third), "amount": "1.00" }, { "openItem": item(&third), "amount": "1.00" }]),
            "DUPLICATE",
        ),
        (json!([{ "openItem": item(&third), "amount": "0" }]), "INVALID"),
        (json!([{ "openItem": item(&third), "amount": "-1.00" }]), "INVALID"),
        (json!([{ "openItem": item(&third), "amount": "0.001" }]), "INVALID"),
        (json!([{ "openItem": item(&foreign), "amount": "1.00" }]), "INVALID"),
        (json!([{ "openItem": others, "amount": "1.00" }]), "INVALID"),
        (json!([{ "openItem": client.account("1200").await, "amount": "1.00" }]), "NOT_FOUND"),
        (json!([]), "REQUIRED"),
    ] {
        let refused = refusal(&pay(client, "paymentAllocate", use_it(items.clone(), "2026-01-13")).await);
        assert_eq!(refused.0, code, "{items}: {}", refused.2);
    }
    let early = use_it(json!([{ "openItem": item(&third), "amount": "1.00" }]), "2026-01-09");
    assert_eq!(refusal(&pay(client, "paymentAllocate", early).await).1, "input.date");

    // One is undone: it is open again, the payment free again; the other stays settled.
    let ids: Vec<Value> =
        used["payment"]["allocations"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    let undone = pay(client, "paymentAllocationUndo", json!({ "id": ids[0] })).await;
    assert_eq!(undone["payment"]["free"]["amount"], "2000.00", "{undone}");
    assert_eq!(
        (open(client, &item(&first)).await, open(client, &item(&second)).await),
        ("1000.00".to_owned(), "0.00".to_owned())
    );
    assert_eq!(refusal(&pay(client, "paymentAllocationUndo", json!({ "id": ids[0] })).await).0, "STATE");
    assert_eq!(refusal(&pay(client, "paymentReverse", json!({ "id": payment["id"] })).await).0, "STATE");
    pay(client, "paymentAllocationUndo", json!({ "id": ids[1], "date": "2026-01-20" })).await;
    let reversed = pay(client, "paymentReverse", json!({ "id": payment["id"], "date": "2026-01-21" })).await;
    assert_eq!(reversed["payment"]["free"]["amount"], "0.00", "{reversed}");
    assert_eq!(refusal(&pay(client, "paymentReverse", json!({ "id": payment["id"] })).await).0, "STATE");
    assert_eq!((balance(client, "3272").await, balance(client, "1600").await), ("0.00".to_owned(), before.1));
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bank_line_is_a_payment() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let lines = nordwind::january(client).await;
    let line = |amount: &str| lines.iter().find(|(of, _)| of == amount).unwrap().1.clone();
    let full = nordwind::open_item(client, "RE-2025-118").await;
    let who = nordwind::id(client, "customers", "number", "10001").await;
    let before = (balance(client, "1200").await, balance(client, "1800").await);
    // The chart has no account for advances: too much stands as the customer's credit among the receivables.
    let recorded = pay(
        client,
        "paymentRecord",
        json!({ "customer": who, "bankLine": line("4760.00"), "allocations": [{ "openItem": full, "amount": "4000.00" }] }),
    )
    .await;
    let payment = &recorded["payment"];
    assert_eq!(
        (&payment["amount"]["amount"], &payment["free"]["amount"]),
        (&json!("4760.00"), &json!("760.00")),
        "{recorded}"
    );
    assert_eq!(payment["bankLine"]["matched"], true);
    assert_eq!(
        (balance(client, "1800").await, open(client, &json!(full)).await),
        ("47078.77".to_owned(), "760.00".to_owned())
    );
    let again = json!({ "customer": who, "bankLine": line("4760.00") });
    assert_eq!(refusal(&pay(client, "paymentRecord", again).await).0, "STATE");
    let unmatch = "mutation($input: BankLineUnmatchInput!) { bankLineUnmatch(input: $input) { bankLine { id } userErrors { code field message } } }";
    let refused = refusal(&payload(client, unmatch, json!({ "bankLine": line("4760.00") })).await);
    assert_eq!(refused.2, "This bank line is payment PAY-00001: reverse the payment.");
    pay(client, "paymentAllocationUndo", json!({ "id": payment["allocations"][0]["id"] })).await;
    let reversed = pay(client, "paymentReverse", json!({ "id": payment["id"] })).await;
    assert_eq!(reversed["payment"]["bankLine"]["matched"], false, "{reversed}");
    assert_eq!((balance(client, "1200").await, balance(client, "1800").await), before);
    assert_eq!(open(client, &json!(full)).await, "4760.00");

    // What is said twice or not at all.
    let day = |more: Value| {
        let mut input = json!({ "customer": who, "paidOn": "2026-01-10", "amount": "10.00" });
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        input
    };
    let cash = client.account("1600").await;
    for (input, field) in [
        (day(json!({})), "input.account"),
        (day(json!({ "account": cash, "paidOn": null })), "input.paidOn"),
        (day(json!({ "account": cash, "amount": null })), "input.amount"),
        (day(json!({ "account": cash, "amount": "0" })), "input.amount"),
        (day(json!({ "account": cash, "amount": "1.001" })), "input.amount"),
        (day(json!({ "account": cash, "customer": null })), "input.customer"),
        (
            day(json!({ "account": cash, "vendor": nordwind::id(client, "vendors", "number", "70004").await })),
            "input.customer",
        ),
        (day(json!({ "account": client.account("1200").await })), "input.account"),
        (day(json!({ "account": client.account("1").await })), "input.account"),
        (day(json!({ "account": cash, "bankLine": line("1284.00") })), "input.bankLine"),
        (day(json!({ "account": cash, "paidOn": "2031-01-01" })), "input.paidOn"),
        (day(json!({ "account": cash, "exchangeRate": "0" })), "input.exchangeRate"),
    ] {
        let refused = refusal(&pay(client, "paymentRecord", input.clone()).await);
        assert_eq!(refused.1, field, "{input}: {}", refused.2);
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn other_rates_and_a_refund() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    advances(client).await;
    let (cash, gains) = (client.account("1460").await, client.account("4830").await);
    let who = customer(client).await;
    // 100.00 dollars booked at 0.90 and paid at 0.95, with 20.00 ahead.
    let owed = invoice(client, "100.00", json!({ "currency": "USD", "exchangeRate": "0.9" })).await;
    let mut input = json!({ "customer": who, "paidOn": "2026-01-20", "amount": "120.00", "currency": "USD", "exchangeRate": "0.95",
                            "account": cash, "allocations": [{ "openItem": owed["openItem"]["id"], "amount": "100.00" }] });
    assert_eq!(refusal(&pay(client, "paymentRecord", input.clone()).await).1, "input.exchangeAccount");
    input["exchangeAccount"] = json!(gains);
    let paid = pay(client, "paymentRecord", input).await;
    assert_eq!(paid["payment"]["free"]["amount"], "20.00", "{paid}");
    let all =
        || async { (balance(client, "1460").await, balance(client, "3272").await, balance(client, "4830").await) };
    assert_eq!(all().await, ("114.00".to_owned(), "-19.00".to_owned(), "-5.00".to_owned()));
    // Undone, all of it is free at the rate of the payment; allocated again, the gain is there again.
    pay(client, "paymentAllocationUndo", json!({ "id": paid["payment"]["allocations"][0]["id"] })).await;
    assert_eq!(all().await, ("114.00".to_owned(), "-114.00".to_owned(), "0.00".to_owned()));
    let again = json!({ "payment": paid["payment"]["id"], "date": "2026-01-20", "exchangeAccount": gains,
                        "allocations": [{ "openItem": owed["openItem"]["id"], "amount": "40.00" }] });
    pay(client, "paymentAllocate", again).await;
    assert_eq!(all().await, ("114.00".to_owned(), "-76.00".to_owned(), "-2.00".to_owned()));
    assert_eq!(open(client, &owed["openItem"]["id"]).await, "60.00");

    // A credit that is paid out: an invoice that was paid and came back.
    let sold = invoice(client, "50.00", json!({})).await;
    let paid = json!({ "customer": who, "paidOn": "2026-01-13", "amount": "50.00", "account": client.account("1600").await,
                       "allocations": [{ "openItem": sold["openItem"]["id"], "amount": "50.00" }] });
    pay(client, "paymentRecord", paid).await;
    let credit = "mutation($input: CreditNoteIssueInput!) { creditNoteIssue(input: $input) { creditNote { openItem { id } } userErrors { code field message } } }";
    let note =
        payload(client, credit, json!({ "invoice": sold["id"], "issueDate": "2026-01-14", "reason": "Came back" }))
            .await;
    let item = &note["creditNote"]["openItem"]["id"];
    let refund = json!({ "customer": who, "paidOn": "2026-01-15", "amount": "-50.00", "account": client.account("1600").await,
                         "allocations": [{ "openItem": item, "amount": "-50.00" }] });
    let refunded = pay(client, "paymentRecord", refund).await;
    assert_eq!(
        (&refunded["payment"]["amount"]["amount"], &refunded["payment"]["free"]["amount"]),
        (&json!("-50.00"), &json!("0.00")),
        "{refunded}"
    );
    assert_eq!(open(client, item).await, "0.00");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_vendor_is_paid_and_an_advance_is_used_once_by_ten_at_a_time() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    advances(client).await;
    let vendor = nordwind::id(client, "vendors", "number", "70004").await;
    let bill = nordwind::open_item(client, "L-2025-960").await;
    let paid = json!({ "vendor": vendor, "paidOn": "2026-01-10", "amount": "150.00", "account": client.account("1600").await });
    let payment = pay(client, "paymentRecord", paid).await["payment"].clone();
    assert_eq!((&payment["side"], &payment["vendor"]["number"]), (&json!("PAYABLE"), &json!("70004")));
    assert_eq!(
        (balance(client, "1180").await, balance(client, "3300").await),
        ("150.00".to_owned(), "-12709.20".to_owned())
    );
    let at_once: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            let input = json!({ "payment": payment["id"], "date": "2026-01-11", "allocations": [{ "openItem": bill, "amount": "100.00" }] });
            tokio::spawn(async move { pay(&client, "paymentAllocate", input).await })
        })
        .collect();
    let mut used = 0;
    for one in at_once {
        let payload = one.await.unwrap();
        if payload["payment"].is_null() {
            assert_eq!(refusal(&payload).0, "OVER_ALLOCATED", "{payload}");
        } else {
            used += 1;
        }
    }
    assert_eq!(used, 1);
    assert_eq!(
        (balance(client, "1180").await, open(client, &json!(bill)).await),
        ("50.00".to_owned(), "138.00".to_owned())
    );
    let list = "query($filter: PaymentFilter) { payments(filter: $filter) { totalCount nodes { number free { amount } allocations { amount { amount } } } } }";
    let found = client.ask(list, json!({ "filter": { "vendor": { "eq": vendor } } })).await;
    assert_eq!(
        found["payments"],
        json!({ "totalCount": 1, "nodes": [{ "number": "PAY-00001", "free": { "amount": "50.00" }, "allocations": [{ "amount": { "amount": "100.00" } }] }] })
    );
    // By hand nothing is posted on advances, and no match of a bank line goes there.
    let by_hand = nordwind::post(client, "2026-01-12", ("1180", "1.00"), ("1600", "1.00")).await;
    assert_eq!(refusal(&by_hand).0, "INVALID");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
