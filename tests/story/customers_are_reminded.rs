//! Whoever does not pay is reminded: level by level, of what is overdue and neither paid nor in dispute, in letters whose costs
//! are booked.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, INVOICE, ISSUE, balance, payload, refusal, sale};

const PROPOSE: &str = "mutation($input: DunningRunProposeInput!) { dunningRunPropose(input: $input) { dunningRun { id runOn } userErrors { code field message } } }";
const SEND: &str = "mutation($input: DunningNoticesSendInput!) { dunningNoticesSend(input: $input) { dunningSending {
    notices { id level overdue { amount } fee { amount } interest { amount } total { amount } letterId state entry { source } }
    errors { index code } } userErrors { code field message } } }";
const DROP: &str = "mutation($input: DunningNoticeDropInput!) { dunningNoticeDrop(input: $input) { dunningNotice { state reason } userErrors { code field message } } }";
const LEVELS: &str = "mutation($input: DunningLevelsSetInput!) { dunningLevelsSet(input: $input) { levels { level daysOverdue fee { amount } interestPercent bookCharges } userErrors { code field message } } }";
const DISPUTE: &str = "mutation($input: OpenItemDisputeInput!) { openItemDispute(input: $input) { openItem { dispute { reason raisedByName } } userErrors { code field message } } }";
const DISPUTE_END: &str = "mutation($input: OpenItemDisputeEndInput!) { openItemDisputeEnd(input: $input) { openItem { dispute { reason } } userErrors { code field message } } }";

/// The accounts of reminders, which the chart of the demo does not have.
async fn accounts(client: &Client) {
    for (code, control) in [("4849", "DUNNING_FEE"), ("7119", "DUNNING_INTEREST")] {
        let input =
            json!({ "code": code, "name": "Reminders", "kind": "INCOME", "control": control, "isGroup": false });
        let query = "mutation($input: AccountCreateInput!) { accountCreate(input: $input) { account { id } userErrors { code field message } } }";
        assert_eq!(payload(client, query, input).await["userErrors"], json!([]));
    }
}

async fn customer(client: &Client, number: &str, city: Option<&str>) -> Value {
    let input = json!({ "number": number, "name": format!("Late {number}"), "country": "DE", "street": "Am Wall 1", "postalCode": "28195",
                        "city": city, "email": "late@customer.example" });
    let create = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } userErrors { message } } }";
    payload(client, create, input).await["customer"]["id"].clone()
}

async fn template(client: &Client) -> Value {
    let create = "mutation($input: LetterTemplateCreateInput!) { letterTemplateCreate(input: $input) { letterTemplate { id } userErrors { message } } }";
    let body = "{{ recipient.name }}: {{ fields.items }}; {{ fields.overdue }} + {{ fields.fee }} + {{ fields.interest }} = {{ fields.total }}, {{ fields.run_date }}";
    let input = json!({ "code": "reminder", "name": "Reminder", "texts": [{ "language": "en", "subject": "Reminder {{ fields.level }}", "body": body }] });
    payload(client, create, input).await["letterTemplate"]["id"].clone()
}

/// An invoice of so much, due on January 10; gives its open item.
async fn invoice(client: &Client, customer: &Value, price: &str, due: &str) -> Value {
    let input = json!({ "customer": customer, "lines": [sale(client, "1", price, None).await] });
    let draft = payload(client, INVOICE, input).await;
    let input = json!({ "id": draft["invoice"]["id"], "issueDate": "2026-01-05", "dueDate": due });
    payload(client, ISSUE, input).await["invoice"]["openItem"]["id"].clone()
}

/// A run of a day for a customer; what it proposes, and why it leaves out the rest.
async fn run(client: &Client, customer: &Value, day: &str) -> (Vec<Value>, Vec<String>) {
    let proposed = payload(client, PROPOSE, json!({ "date": day, "customers": [customer] })).await;
    assert_eq!(proposed["userErrors"], json!([]), "{proposed}");
    let query = "query($run: ID!) {
        dunningNotices(dunningRun: $run) { nodes { id level overdue { amount } fee { amount } interest { amount } total { amount } items { document daysOverdue } } }
        dunningItems(dunningRun: $run, state: LEFT_OUT) { nodes { leftOutFor } } }";
    let found = client.ask(query, json!({ "run": proposed["dunningRun"]["id"] })).await;
    let mut left: Vec<String> = found["dunningItems"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["leftOutFor"].as_str().unwrap().to_owned())
        .collect();
    left.sort();
    (found["dunningNotices"]["nodes"].as_array().unwrap().clone(), left)
}

async fn pay(client: &Client, customer: &Value, item: &Value, day: &str, amount: &str) {
    let input = json!({ "customer": customer, "paidOn": day, "amount": amount, "account": client.account("1600").await,
                        "allocations": [{ "openItem": item, "amount": amount }] });
    let pay = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id } userErrors { code field message } } }";
    assert_eq!(payload(client, pay, input).await["userErrors"], json!([]));
}

fn figures(notice: &Value) -> [&str; 4] {
    ["overdue", "fee", "interest", "total"].map(|name| notice[name]["amount"].as_str().unwrap())
}

#[tokio::test]
async fn level_one_on_day_five_and_level_two_behind_it() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    accounts(client).await;
    let refused = refusal(&payload(client, PROPOSE, json!({ "date": "2026-01-15" })).await);
    assert_eq!(refused.0, "STATE", "{}", refused.2);
    for (levels, field) in [
        (json!([{ "daysOverdue": 0 }]), "input.levels.0.daysOverdue"),
        (json!([{ "daysOverdue": 5 }, { "daysOverdue": 5 }]), "input.levels.1.daysOverdue"),
        (json!([{ "daysOverdue": 5, "fee": "-1" }]), "input.levels.0.fee"),
        (json!([{ "daysOverdue": 5, "fee": "1.001" }]), "input.levels.0.fee"),
        (json!([{ "daysOverdue": 5, "interestPercent": "100.1" }]), "input.levels.0.interestPercent"),
    ] {
        assert_eq!(refusal(&payload(client, LEVELS, json!({ "levels": levels })).await).1, field);
    }
    let levels = json!([{ "daysOverdue": 5, "fee": "5.00", "bookCharges": true },
                        { "daysOverdue": 20, "fee": "10.00", "interestPercent": "9", "bookCharges": true }]);
    let set = payload(client, LEVELS, json!({ "levels": levels })).await;
    assert_eq!((&set["levels"][1]["level"], &set["levels"][1]["fee"]["amount"]), (&json!(2), &json!("10.00")), "{set}");
    assert_eq!(refusal(&payload(client, PROPOSE, json!({ "date": "2099-01-01" })).await).1, "input.date");

    let late = customer(client, "20001", Some("Bremen")).await;
    let owed = invoice(client, &late, "1000.00", "2026-01-10").await;
    assert_eq!(run(client, &late, "2026-01-10").await, (vec![], vec!["NOT_DUE".to_owned()]));
    assert_eq!(run(client, &late, "2026-01-14").await, (vec![], vec!["TOO_EARLY".to_owned()]));
    let (first, _) = run(client, &late, "2026-01-15").await;
    assert_eq!((&first[0]["level"], figures(&first[0])), (&json!(1), ["1000.00", "5.00", "0.00", "1005.00"]));
    assert_eq!(first[0]["items"][0]["daysOverdue"], 5);
    // Proposed and not sent: not once more, and level 2 does not come before it.
    assert_eq!(run(client, &late, "2026-01-30").await, (vec![], vec!["PROPOSED".to_owned()]));
    let dropped = payload(client, DROP, json!({ "id": first[0]["id"], "reason": "He has called" })).await;
    assert_eq!(dropped["dunningNotice"]["state"], "DROPPED", "{dropped}");
    let (again, _) = run(client, &late, "2026-01-30").await;
    assert_eq!(again[0]["level"], 1);

    let letters = template(client).await;
    let send = |notice: &Value, channel: &str| json!({ "notices": [notice["id"]], "template": letters, "language": "en", "channel": channel });
    assert_eq!(refusal(&payload(client, SEND, send(&first[0], "LETTER")).await).0, "STATE");
    assert_eq!(
        refusal(&payload(client, SEND, json!({ "notices": [], "template": letters, "language": "en" })).await).1,
        "input.notices"
    );
    let before = balance(client, "1200").await;
    let sent = payload(client, SEND, send(&again[0], "LETTER")).await;
    let notice = &sent["dunningSending"]["notices"][0];
    assert_eq!((&notice["state"], &notice["entry"]["source"]), (&json!("SENT"), &json!("DUNNING")), "{sent}");
    let letter = client
        .ask(
            "query($id: ID!) { node(id: $id) { ... on CorrespondenceEntry { subject text channel } } }",
            json!({ "id": notice["letterId"] }),
        )
        .await["node"]
        .clone();
    assert_eq!((&letter["subject"], &letter["channel"]), (&json!("Reminder 1"), &json!("LETTER")));
    let text = letter["text"].as_str().unwrap();
    assert!(text.contains("INV-00001: 1000.00 EUR; 1000.00 EUR + 5.00 EUR + 0.00 EUR = 1005.00 EUR"), "{text}");
    assert_eq!(balance(client, "4849").await, "-5.00");
    assert_eq!(number(&balance(client, "1200").await) - number(&before), number("5.00"));
    assert_eq!(refusal(&payload(client, SEND, send(&again[0], "LETTER")).await).0, "STATE");

    // Level 2, of which 400 are paid before it is sent: interest for 20 days on 600. The fee of before is no debt to remind of.
    let (second, left) = run(client, &late, "2026-01-30").await;
    assert_eq!((&second[0]["level"], figures(&second[0])), (&json!(2), ["1000.00", "10.00", "4.93", "1014.93"]));
    assert_eq!(left, ["CHARGE"]);
    pay(client, &late, &owed, "2026-02-01", "400.00").await;
    let sent = payload(client, SEND, send(&second[0], "MAIL")).await;
    let notice = &sent["dunningSending"]["notices"][0];
    assert_eq!(figures(notice), ["600.00", "10.00", "2.96", "612.96"], "{sent}");
    let mail = "query($id: ID!) { node(id: $id) { ... on CorrespondenceEntry { channel mail { state } } } }";
    let mail = client.ask(mail, json!({ "id": notice["letterId"] })).await["node"].clone();
    assert!(mail["channel"] == "MAIL" && !mail["mail"].is_null(), "{mail}");
    assert_eq!(
        (balance(client, "4849").await, balance(client, "7119").await),
        ("-15.00".to_owned(), "-2.96".to_owned())
    );
    assert_eq!(run(client, &late, "2026-03-30").await.1, ["CHARGE", "CHARGE", "LAST_LEVEL"]);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

fn number(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_is_disputed_or_paid_is_not_asked_for() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let letters = template(client).await;
    // Nothing is booked, so no accounts are needed.
    let levels = json!([{ "daysOverdue": 3, "fee": "2.50", "interestPercent": "12.5" }]);
    assert_eq!(payload(client, LEVELS, json!({ "levels": levels })).await["userErrors"], json!([]));
    let late = customer(client, "20002", Some("Kiel")).await;
    let (one, two) =
        (invoice(client, &late, "730.00", "2026-01-10").await, invoice(client, &late, "99.90", "2026-01-12").await);
    assert_eq!(refusal(&payload(client, DISPUTE, json!({ "openItem": two, "reason": " " })).await).1, "input.reason");
    let said = payload(client, DISPUTE, json!({ "openItem": two, "reason": "Broken on arrival" })).await;
    assert_eq!(
        said["openItem"]["dispute"],
        json!({ "reason": "Broken on arrival", "raisedByName": "Konrad Konto" }),
        "{said}"
    );
    assert_eq!(refusal(&payload(client, DISPUTE, json!({ "openItem": two, "reason": "Again" })).await).0, "STATE");
    let (proposed, left) = run(client, &late, "2026-01-20").await;
    // 730 at 12.5 percent for 10 days
    assert_eq!((figures(&proposed[0]), left), (["730.00", "2.50", "2.50", "735.00"], vec!["DISPUTED".to_owned()]));
    // What is paid before it is sent is not asked for: nothing is left, and nothing goes out.
    pay(client, &late, &one, "2026-01-22", "730.00").await;
    let send = |notice: &Value| json!({ "notices": [notice["id"]], "template": letters, "language": "en" });
    let sent = payload(client, SEND, send(&proposed[0])).await;
    assert_eq!(sent["dunningSending"], json!({ "notices": [], "errors": [] }), "{sent}");
    let query = "query($id: ID!) { dunningNotice(id: $id) { state reason items { state leftOutFor } } }";
    let found = client.ask(query, json!({ "id": proposed[0]["id"] })).await["dunningNotice"].clone();
    assert_eq!(
        found,
        json!({ "state": "DROPPED", "reason": "Nothing is left to ask for.", "items": [{ "state": "DROPPED", "leftOutFor": "SETTLED" }] })
    );
    // The dispute is over.
    assert_eq!(payload(client, DISPUTE_END, json!({ "openItem": two })).await["openItem"]["dispute"], Value::Null);
    assert_eq!(refusal(&payload(client, DISPUTE_END, json!({ "openItem": two })).await).0, "STATE");
    let (proposed, left) = run(client, &late, "2026-01-20").await;
    // 99.90 at 12.5 percent for 8 days
    assert_eq!((figures(&proposed[0]), left), (["99.90", "2.50", "0.27", "102.67"], vec![]));
    // Disputed again after it was proposed: it is not asked for either.
    payload(client, DISPUTE, json!({ "openItem": two, "reason": "Still broken" })).await;
    let sent = payload(client, SEND, send(&proposed[0])).await;
    assert_eq!(sent["dunningSending"]["notices"], json!([]), "{sent}");

    // Nobody writes to an address that is not whole: the reminder stays as it was.
    let nowhere = customer(client, "20003", None).await;
    invoice(client, &nowhere, "10.00", "2026-01-10").await;
    let (proposed, _) = run(client, &nowhere, "2026-01-20").await;
    let sent = payload(client, SEND, send(&proposed[0])).await;
    assert_eq!(
        sent["dunningSending"],
        json!({ "notices": [], "errors": [{ "index": 0, "code": "NO_ADDRESS" }] }),
        "{sent}"
    );
    let found = client.ask(query, json!({ "id": proposed[0]["id"] })).await["dunningNotice"].clone();
    assert_eq!(found["state"], "PROPOSED");
    // Nothing was booked.
    assert!(
        client.ask("{ openItems(first: 100) { nodes { document } } }", json!({})).await["openItems"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| !item["document"].as_str().unwrap().starts_with("Reminder"))
    );
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
