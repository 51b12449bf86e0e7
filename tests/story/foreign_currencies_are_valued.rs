//! Foreign currencies: rates by day and source, what a payment gains or loses by them, and what is open at the end of a day.

use serde_json::{Value, json};

use crate::harness::{App, Client, id_of};
use crate::walls::furnished::{change, made};

/// A client whose books are kept in rupees, with a customer abroad and two bank accounts; gives them and its accountant.
struct Books {
    app: App,
    client: Client,
    customer: String,
    dollars: String,
    rupees: String,
}

async fn books() -> Books {
    let app = App::start();
    let administrator = app.administrator().await;
    let id = administrator.onboard("Sona Exports", "IN", "INR", "Asia/Kolkata", "IFRS_SMALL").await;
    let inside = administrator.enter(&id).await;
    let staff = administrator.staff("asha@firm.example", "Asha").await;
    inside.grant(&staff, "Accountant", "2026-01-01", None).await;
    let client = app.sign_in("asha@firm.example").await.enter(&id).await;
    let customer = json!({ "number": "C1", "name": "Acme", "country": "US", "currency": "USD" });
    let customer = made(&client, "customerCreate", customer, "customer").await;
    let mut banks = Vec::new();
    for (code, currency) in [("1091", "USD"), ("1092", "INR")] {
        let account = json!({ "code": code, "name": format!("Bank {currency}"), "kind": "ASSET", "control": "BANK", "currency": currency });
        let account = made(&client, "accountCreate", account, "account").await;
        let bank = json!({ "name": currency, "number": code, "currency": currency, "account": account });
        banks.push(made(&client, "bankAccountCreate", bank, "bankAccount").await);
    }
    let rupees = banks.pop().unwrap();
    Books { app, client, customer, dollars: banks.pop().unwrap(), rupees }
}

async fn rate(client: &Client, currency: &str, date: &str, rate: &str) {
    let one = json!({ "currency": currency, "date": date, "rate": rate, "source": "Reserve bank" });
    change(client, "exchangeRatesAdd", json!({ "rates": [one] }), "").await;
}

/// Issues an invoice over dollars on a day; gives its open item.
async fn invoice(books: &Books, amount: &str, day: &str, rate: Option<&str>) -> String {
    let client = &books.client;
    let revenue = client.account("4010").await;
    let line = json!({ "description": "Tea", "quantity": "1", "unitPrice": amount, "account": revenue });
    let new = json!({ "customer": books.customer, "currency": "USD", "exchangeRate": rate, "lines": [line] });
    let draft = made(client, "invoiceCreate", new, "invoice").await;
    let issued =
        change(client, "invoiceIssue", json!({ "id": draft, "issueDate": day }), "invoice { openItem { id } }").await;
    issued["invoice"]["openItem"]["id"].as_str().unwrap().to_owned()
}

/// A line of a bank statement; gives its id.
async fn line(books: &Books, bank: &str, day: &str, amount: &str) -> String {
    let client = &books.client;
    let input = json!({ "bankAccount": bank, "format": "CSV", "openingBalance": "0.00", "closingBalance": amount,
        "file": { "name": "bank.csv", "text": format!("Booked,Text,Amount\n{day},Acme {day} {amount},{amount}\n") },
        "mapping": { "bookedOn": "Booked", "reference": "Text", "amount": "Amount" } });
    change(client, "bankStatementImport", input, "import { id }").await;
    let lines = client.ask("{ bankLines(first: 100) { nodes { id reference } } }", json!({})).await;
    id_of(&lines["bankLines"]["nodes"], "reference", &format!("Acme {day} {amount}"))
}

const MATCHED: &str =
    "bankLine { match { entry { lines { account { code } amount { amount } amountDocument { amount currency } } } } }";

/// The lines of a match: account, document amount, book amount.
async fn matched(client: &Client, input: Value) -> Vec<(String, String, String)> {
    let entry = change(client, "bankLineMatch", input, MATCHED).await["bankLine"]["match"]["entry"].clone();
    shown(&entry)
}

fn shown(entry: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{entry}")).to_owned();
    let lines = entry["lines"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let document =
                format!("{} {}", text(&line["amountDocument"]["amount"]), text(&line["amountDocument"]["currency"]));
            (text(&line["account"]["code"]), document, text(&line["amount"]["amount"]))
        })
        .collect()
}

async fn open(client: &Client, item: &str) -> String {
    let found = client.ask("{ openItems(first: 100) { nodes { id openAmount { amount } } } }", json!({})).await;
    let nodes = found["openItems"]["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["id"] == item).unwrap()["openAmount"]["amount"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_payment_realises_what_the_rate_has_become() {
    let books = books().await;
    let client = &books.client;
    // USD 100 at 50, paid at 55: gain 500, nothing open.
    let first = invoice(&books, "100.00", "2026-01-10", Some("50")).await;
    let paid = line(&books, &books.dollars, "2026-02-10", "100.00").await;
    let whole =
        json!({ "bankLine": paid, "exchangeRate": "55", "allocations": [{ "openItem": first, "amount": "100.00" }] });
    let lines = matched(client, whole.clone()).await;
    let gain = lines.iter().find(|(code, ..)| code == "4050").unwrap();
    assert_eq!((gain.1.as_str(), gain.2.as_str()), ("-500.00 INR", "-500.00"));
    assert_eq!((lines[0].0.as_str(), lines[0].1.as_str(), lines[0].2.as_str()), ("1091", "100.00 USD", "5500.00"));
    assert_eq!(open(client, &first).await, "0.00");
    // Taken back, all of it is open again; then the rate of the day is taken, which is another one.
    change(client, "bankLineUnmatch", json!({ "bankLine": paid }), "bankLine { matched }").await;
    assert_eq!(open(client, &first).await, "100.00");
    rate(client, "USD", "2026-02-09", "48.5").await;
    let lines =
        matched(client, json!({ "bankLine": paid, "allocations": [{ "openItem": first, "amount": "100.00" }] })).await;
    let loss = lines.iter().find(|(code, ..)| code == "5290").unwrap();
    assert_eq!(loss.2, "150.00");

    // USD 20 of 100 paid with 900 rupees: loss 100, open USD 80.
    let second = invoice(&books, "100.00", "2026-01-11", Some("50")).await;
    let paid = line(&books, &books.rupees, "2026-03-10", "900.00").await;
    let part = |paid_amount: Value| json!({ "bankLine": paid, "allocations": [{ "openItem": second, "amount": "20.00", "paid": paid_amount }] });
    let query =
        "mutation($input: BankLineMatchInput!) { bankLineMatch(input: $input) { userErrors { code field message } } }";
    for (amount, code, field) in [
        (Value::Null, "REQUIRED", "paid"),
        (json!("-900.00"), "INVALID", "paid"),
        (json!("0"), "INVALID", "paid"),
        (json!("900.001"), "INVALID", "paid"),
    ] {
        let refused = client.refused(query, json!({ "input": part(amount) })).await;
        assert_eq!((&refused[0]["code"], &refused[0]["field"][3]), (&json!(code), &json!(field)), "{refused}");
    }
    let short = client.refused(query, json!({ "input": part(json!("899.00")) })).await;
    assert_eq!(short[0]["code"], "UNBALANCED");
    let lines = matched(client, part(json!("900.00"))).await;
    assert_eq!(lines[0], ("1092".to_owned(), "900.00 INR".to_owned(), "900.00".to_owned()));
    assert_eq!((lines[1].1.as_str(), lines[1].2.as_str()), ("-20.00 USD", "-1000.00"));
    assert_eq!(lines[2], ("5290".to_owned(), "100.00 INR".to_owned(), "100.00".to_owned()));
    assert_eq!(open(client, &second).await, "80.00");
    assert_eq!(books.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_open_is_valued_at_the_end_of_a_day() {
    let books = books().await;
    let client = &books.client;
    // USD 100 booked at 80, with the rate of its day.
    let add = "mutation($input: ExchangeRatesAddInput!) { exchangeRatesAdd(input: $input) { exchangeRates { rate } userErrors { code field message } } }";
    let one = |currency: &str, rate: &str| json!({ "input": { "rates": [{ "currency": currency, "date": "2026-03-01", "rate": rate, "source": "Desk" }] } });
    for (currency, rate) in [("USD", "0"), ("USD", "-1"), ("INR", "1")] {
        let refused = client.refused(add, one(currency, rate)).await;
        assert_eq!(refused[0]["code"], "INVALID", "{currency} {rate}");
    }
    assert_eq!(client.ask(add, one("USD", "81")).await["exchangeRatesAdd"]["exchangeRates"], json!([{ "rate": "81" }]));
    assert_eq!(
        client.ask(add, one("USD", "81")).await["exchangeRatesAdd"]["exchangeRates"],
        json!([]),
        "it stands there already"
    );
    client.ask(add, one("USD", "80")).await;
    let on = client.ask("{ exchangeRateOn(currency: \"USD\", date: \"2026-03-20\") { rate source date } later: exchangeRateOn(currency: \"USD\", date: \"2026-04-02\") { rate } exchangeRates(first: 1, filter: { currency: { eq: \"USD\" } }) { nodes { rate } totalCount } }", json!({})).await;
    assert_eq!(on["exchangeRateOn"], json!({ "rate": "80", "source": "Desk", "date": "2026-03-01" }));
    assert_eq!(on["later"], Value::Null, "a rate that is long past is not taken");
    assert_eq!(on["exchangeRates"], json!({ "nodes": [{ "rate": "80" }], "totalCount": 2 }));
    let item = invoice(&books, "100.00", "2026-03-15", Some("80")).await;
    let half = invoice(&books, "33.33", "2026-03-16", Some("79.5")).await;
    let balance = |day: &'static str| async move {
        let query =
            "query($account: ID!, $day: Date!) { generalLedger(account: $account, to: $day) { closing { amount } } }";
        let accounts =
            client.ask("{ accounts(filter: { control: { eq: RECEIVABLE } }) { nodes { id } } }", json!({})).await;
        let found = client.ask(query, json!({ "account": accounts["accounts"]["nodes"][0]["id"], "day": day })).await;
        found["generalLedger"]["closing"]["amount"].as_str().unwrap().to_owned()
    };
    // 8,000 and 2,649.74 rounded: 33.33 at 79.5
    assert_eq!(balance("2026-04-30").await, "10649.74");

    let run = "mutation($date: Date!) { revaluationRun(input: { date: $date }) { revaluation { id date difference { amount }
        entry { date source documentId lines { account { code } amount { amount } amountDocument { amount currency } } }
        reversal { date reverses { date } } lines { nodes { openItem { id } amountDocument { amount } amountBook { amount } rate difference { amount } } totalCount } }
        userErrors { code field message } } }";
    let missing = client.refused(run, json!({ "date": "2026-04-30" })).await;
    assert_eq!(missing[0]["message"], "There is no rate of USD for 2026-04-30 or the 31 days before; enter it first.");
    rate(client, "USD", "2026-04-30", "85").await;
    let made = client.ask(run, json!({ "date": "2026-04-30" })).await["revaluationRun"]["revaluation"].clone();
    // 100 × 85 and 33.33 × 85 = 2,833.05: 500 and 183.31 more.
    assert_eq!(made["difference"]["amount"], "683.31");
    assert_eq!((&made["entry"]["source"], &made["entry"]["documentId"]), (&json!("REVALUATION"), &made["id"]));
    assert_eq!((&made["entry"]["date"], &made["reversal"]["date"]), (&json!("2026-04-30"), &json!("2026-05-01")));
    assert_eq!(made["reversal"]["reverses"]["date"], "2026-04-30");
    let lines = shown(&made["entry"]);
    assert_eq!((lines[0].1.as_str(), lines[0].2.as_str()), ("0.00 USD", "683.31"));
    assert_eq!(lines[1], ("4050".to_owned(), "-683.31 INR".to_owned(), "-683.31".to_owned()));
    let of = |id: &str| {
        made["lines"]["nodes"].as_array().unwrap().iter().find(|line| line["openItem"]["id"] == id).unwrap().clone()
    };
    assert_eq!(
        of(&item),
        json!({ "openItem": { "id": item }, "amountDocument": { "amount": "100.00" }, "amountBook": { "amount": "8000.00" }, "rate": "85", "difference": { "amount": "500.00" } })
    );
    assert_eq!(of(&half)["difference"]["amount"], "183.31");
    // 8,500 and 2,833.05 at the end of the day, what was before on the next one; the items keep their rate.
    assert_eq!(balance("2026-04-30").await, "11333.05");
    assert_eq!(balance("2026-05-01").await, "10649.74");
    assert_eq!(books.app.database.findings(), Vec::<String>::new());

    // Once for each day, whoever asks; taken back, the day is valued anew with what has become known.
    let (one, two) = tokio::join!(
        client.send(run, json!({ "date": "2026-04-30" })),
        client.send(run, json!({ "date": "2026-04-30" }))
    );
    for reply in [one, two] {
        assert_eq!(reply.body["data"]["revaluationRun"]["userErrors"][0]["code"], "DUPLICATE", "{}", reply.text);
    }
    let by_hand = client
        .ask("{ journalEntries(filter: { source: { eq: REVALUATION } }) { nodes { id } totalCount } }", json!({}))
        .await;
    assert_eq!(by_hand["journalEntries"]["totalCount"], 2);
    let reverse =
        "mutation($id: ID!) { journalEntryReverse(input: { entry: $id }) { userErrors { code field message } } }";
    let refused = client.refused(reverse, json!({ "id": by_hand["journalEntries"]["nodes"][0]["id"] })).await;
    assert_eq!(refused[0]["message"], "This entry belongs to a revaluation; that is taken back there.");
    change(client, "revaluationUndo", json!({ "id": made["id"], "reason": "Wrong rate" }), "revaluation { undoneAt }")
        .await;
    assert_eq!(
        (balance("2026-04-30").await, balance("2026-05-01").await),
        ("10649.74".to_owned(), "10649.74".to_owned())
    );
    let again = "mutation($input: RevaluationUndoInput!) { revaluationUndo(input: $input) { userErrors { code field message } } }";
    let refused = client.refused(again, json!({ "input": { "id": made["id"], "reason": "Once more" } })).await;
    assert_eq!(refused[0]["code"], "STATE");
    // Meanwhile a part is paid: only what is left counts, and the bank's dollars with it.
    let paid = line(&books, &books.dollars, "2026-04-20", "40.00").await;
    matched(
        client,
        json!({ "bankLine": paid, "exchangeRate": "82", "allocations": [{ "openItem": item, "amount": "40.00" }] }),
    )
    .await;
    rate(client, "USD", "2026-04-30", "79").await;
    let made = client.ask(run, json!({ "date": "2026-04-30" })).await["revaluationRun"]["revaluation"].clone();
    // 60 × 79 − 4,800 = −60; 33.33 × 79 − 2,649.74 = −16.67; the bank's 40 × 79 − 3,280 = −120.
    assert_eq!((&made["difference"]["amount"], &made["lines"]["totalCount"]), (&json!("-196.67"), &json!(3)));
    assert_eq!(
        shown(&made["entry"]).last().unwrap(),
        &("5290".to_owned(), "196.67 INR".to_owned(), "196.67".to_owned())
    );
    assert_eq!(books.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_dollar_account_is_held_against_its_bank_in_dollars() {
    let books = books().await;
    let client = &books.client;
    rate(client, "USD", "2026-03-01", "80").await;
    rate(client, "USD", "2026-04-30", "85").await;
    let item = invoice(&books, "100.00", "2026-03-15", Some("80")).await;
    let paid = line(&books, &books.dollars, "2026-03-20", "100.00").await;
    let settle =
        json!({ "bankLine": paid, "exchangeRate": "80", "allocations": [{ "openItem": item, "amount": "100.00" }] });
    matched(client, settle).await;
    let run = "mutation { revaluationRun(input: { date: \"2026-04-30\" }) { revaluation { difference { amount } } userErrors { message } } }";
    let valued = client.ask(run, json!({})).await["revaluationRun"].clone();
    assert_eq!(valued["revaluation"]["difference"]["amount"], "500.00", "{valued}");
    // The bank knows dollars only: what they are worth moves neither its side nor what it is held against.
    let held = "query($bank: ID!) { bankReconciliation(bankAccount: $bank, asOf: \"2026-04-30\") { ledgerBalance { amount currency }
        statementBalance { amount } difference { amount } bankLines { nodes { id } } journalLines { nodes { id } } } }";
    let held = client.ask(held, json!({ "bank": books.dollars })).await["bankReconciliation"].clone();
    assert_eq!(
        held,
        json!({ "ledgerBalance": { "amount": "100.00", "currency": "USD" }, "statementBalance": { "amount": "100.00" },
                "difference": { "amount": "0.00" }, "bankLines": { "nodes": [] }, "journalLines": { "nodes": [] } })
    );
    let position = "query($day: Date) { cashPosition(asOf: $day) { total { amount } currencies { balance { amount currency } balanceBook { amount } } } }";
    for (day, worth) in [("2026-04-30", "8500.00"), ("2026-05-01", "8000.00")] {
        let found = client.ask(position, json!({ "day": day })).await["cashPosition"].clone();
        let dollars =
            json!([{ "balance": { "amount": "100.00", "currency": "USD" }, "balanceBook": { "amount": worth } }]);
        assert_eq!((&found["total"]["amount"], &found["currencies"]), (&json!(worth), &dollars), "{day}");
    }
    assert_eq!(books.app.database.findings(), Vec::<String>::new());
}
