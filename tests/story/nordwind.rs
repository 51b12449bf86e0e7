//! A client with a chart, customers, vendors, opening balances, tax codes and a bank account: the demo's German company,
//! taken in from its own files.

use serde_json::{Value, json};

use crate::harness::{App, Books, Client};

pub const CHART: &str = include_str!("../../demo/nordwind/chart.csv");
pub const OPENING: &str = include_str!("../../demo/nordwind/opening-balances.csv");
pub const CUSTOMERS: &str = include_str!("../../demo/nordwind/customers.csv");
pub const VENDORS: &str = include_str!("../../demo/nordwind/vendors.csv");
pub const STATEMENT: &str = include_str!("../../demo/nordwind/bank-2026-01.xml");

/// The fields that take a file in, with the types of their inputs.
pub const CHART_IMPORT: (&str, &str) = ("chartOfAccountsImport", "ImportInput");
pub const OPENING_IMPORT: (&str, &str) = ("openingBalancesImport", "OpeningBalancesImportInput");
pub const CUSTOMERS_IMPORT: (&str, &str) = ("customersImport", "ImportInput");
pub const VENDORS_IMPORT: (&str, &str) = ("vendorsImport", "ImportInput");
pub const STATEMENT_IMPORT: (&str, &str) = ("bankStatementImport", "BankStatementImportInput");

/// What an import answers, whether it was taken in or not.
pub async fn import(client: &Client, (field, input): (&str, &str), variables: Value) -> Value {
    let query = format!(
        "mutation($input: {input}!) {{ {field}(input: $input) {{ import {{ lines created unchanged }}
            fileErrors {{ line column code message }} moreFileErrors userErrors {{ code field message }} }} }}"
    );
    let reply = client.send(&query, json!({ "input": variables })).await;
    assert!(reply.body["errors"].is_null(), "{}", reply.text);
    reply.body["data"][field].clone()
}

/// The input of a file that is text.
pub fn file(text: &str) -> Value {
    json!({ "file": { "name": "file.csv", "text": text } })
}

pub fn opening(text: &str) -> Value {
    json!({ "file": { "name": "opening.csv", "text": text }, "date": "2026-01-01" })
}

/// An application with that company, empty.
pub async fn found() -> (App, Books) {
    let app = App::start();
    let administrator = app.administrator().await;
    let client = administrator.onboard("Nordwind Handels GmbH", "DE", "EUR", "Europe/Berlin", "NONE").await;
    let accountant_id = administrator.staff("konrad@firm.example", "Konrad Konto").await;
    administrator.enter(&client).await.grant(&accountant_id, "Accountant", "2026-01-01", None).await;
    let accountant = app.sign_in("konrad@firm.example").await.enter(&client).await;
    (app, Books { administrator, client, accountant, accountant_id })
}

/// An application with that company and all its master data; nothing of January yet.
pub async fn stocked() -> (App, Books) {
    let (app, books) = found().await;
    let accountant = &books.accountant;
    for (what, input) in [
        (CHART_IMPORT, file(CHART)),
        (CUSTOMERS_IMPORT, file(CUSTOMERS)),
        (VENDORS_IMPORT, file(VENDORS)),
        (OPENING_IMPORT, opening(OPENING)),
    ] {
        let taken = import(accountant, what, input).await;
        assert_eq!(taken["userErrors"], json!([]), "{what:?}: {taken}");
    }
    for (code, direction, percent, account) in
        [("U19", "OUTPUT", "19", "3806"), ("U7", "OUTPUT", "7", "3801"), ("V19", "INPUT", "19", "1406")]
    {
        let account = accountant.account(account).await;
        accountant
            .ask(
                "mutation($input: TaxCodeCreateInput!) { taxCodeCreate(input: $input) { taxCode { id } userErrors { message } } }",
                json!({ "input": { "code": code, "name": code, "direction": direction, "account": account, "percent": percent,
                                   "validFrom": "2025-01-01" } }),
            )
            .await;
    }
    bank_account(accountant).await;
    (app, books)
}

/// Opens the bank account that the statements are of; gives its id.
pub async fn bank_account(accountant: &Client) -> String {
    let account = accountant.account("1800").await;
    let made = accountant
        .ask(
            "mutation($input: BankAccountCreateInput!) { bankAccountCreate(input: $input) { bankAccount { id } userErrors { message } } }",
            json!({ "input": { "name": "Bank", "iban": "DE57900000010004711200", "currency": "EUR", "account": account } }),
        )
        .await;
    made["bankAccountCreate"]["bankAccount"]["id"].as_str().unwrap().to_owned()
}

/// The id of a row found by one field of its list's filter.
pub async fn id(client: &Client, list: &str, field: &str, value: &str) -> String {
    let query = format!(
        "query($value: String!) {{ {list}(first: 1, filter: {{ {field}: {{ eq: $value }} }}) {{ nodes {{ id }} }} }}"
    );
    let found = client.ask(&query, json!({ "value": value })).await;
    found[list]["nodes"][0]["id"].as_str().unwrap_or_else(|| panic!("no {value} in {list}")).to_owned()
}

/// The id of an open item by its document.
pub async fn open_item(client: &Client, document: &str) -> String {
    let found = client.ask("{ openItems(first: 100) { nodes { id document } } }", json!({})).await;
    crate::harness::id_of(&found["openItems"]["nodes"], "document", document)
}

/// The id of a tax code.
pub async fn tax_code(client: &Client, code: &str) -> String {
    let found = client.ask("{ taxCodes(first: 100) { nodes { id code } } }", json!({})).await;
    crate::harness::id_of(&found["taxCodes"]["nodes"], "code", code)
}

/// A draft of an invoice of 1,000.00 at 19 % to customer 10006; gives its id.
pub async fn draft(client: &Client) -> String {
    let line = json!({ "description": "Goods", "quantity": "1", "unitPrice": "1000.00", "account": client.account("4400").await,
                       "taxCode": tax_code(client, "U19").await });
    let made = client
        .ask(
            "mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) { invoice { id } userErrors { message } } }",
            json!({ "input": { "customer": id(client, "customers", "number", "10006").await, "lines": [line] } }),
        )
        .await;
    made["invoiceCreate"]["invoice"]["id"].as_str().unwrap().to_owned()
}

pub const ISSUE: &str = "mutation($input: InvoiceIssueInput!) { invoiceIssue(input: $input) {
    invoice { id number openItem { id } entry { id } } userErrors { code field message } } }";

/// Issues an invoice on January 15; gives what is known of it.
pub async fn issued(client: &Client) -> Value {
    let draft = draft(client).await;
    client.ask(ISSUE, json!({ "input": { "id": draft, "issueDate": "2026-01-15" } })).await["invoiceIssue"]["invoice"]
        .clone()
}

pub const BILL: &str = "mutation($input: BillCreateInput!) { billCreate(input: $input) { bill { id version } userErrors { code field message } } }";

/// The input of a bill of 100.00 at 19 % from vendor 70004.
pub async fn bill(client: &Client, number: &str) -> Value {
    let line = json!({ "description": "Paper", "quantity": "1", "unitPrice": "100.00", "account": client.account("6815").await,
                       "taxCode": tax_code(client, "V19").await });
    json!({ "input": { "vendor": id(client, "vendors", "number", "70004").await, "number": number, "billDate": "2026-01-19", "lines": [line] } })
}

/// Posts an entry between two accounts given by code; gives the payload, refused or not.
pub async fn post(client: &Client, date: &str, debit: (&str, &str), credit: (&str, &str)) -> Value {
    let lines = json!([
        { "account": client.account(debit.0).await, "debit": debit.1 },
        { "account": client.account(credit.0).await, "credit": credit.1 },
    ]);
    let input = json!({ "date": date, "description": "By hand", "lines": lines });
    post_as(client, input).await
}

pub async fn post_as(client: &Client, input: Value) -> Value {
    let reply = client
        .send(
            "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) {
                journalEntry { id number } userErrors { code field message } } }",
            json!({ "input": input }),
        )
        .await;
    assert!(reply.body["errors"].is_null(), "{}", reply.text);
    reply.body["data"]["journalEntryPost"].clone()
}

pub const MATCH: &str = "mutation($input: BankLineMatchInput!) { bankLineMatch(input: $input) {
    bankLine { id matched } userErrors { code field message } } }";

/// Takes the statement of January in; gives the ids of its lines by amount.
pub async fn january(client: &Client) -> Vec<(String, String)> {
    let taken = import(
        client,
        STATEMENT_IMPORT,
        json!({ "file": { "name": "january.xml", "text": STATEMENT }, "format": "CAMT053" }),
    )
    .await;
    assert_eq!(taken["userErrors"], json!([]), "{taken}");
    let lines = client.ask("{ bankLines(first: 100) { nodes { id amount { amount } } } }", json!({})).await;
    let nodes = lines["bankLines"]["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|line| (line["amount"]["amount"].as_str().unwrap().to_owned(), line["id"].as_str().unwrap().to_owned()))
        .collect()
}

/// The one payload of a mutation, refused or not.
pub async fn payload(client: &Client, query: &str, input: Value) -> Value {
    let reply = client.send(query, json!({ "input": input })).await;
    assert!(reply.body["errors"].is_null(), "{}", reply.text);
    reply.body["data"].as_object().unwrap().values().next().unwrap().clone()
}

/// Code, field and sentence of the first refusal of a payload; the sentence speaks of nothing inside.
pub fn refusal(payload: &Value) -> (String, String, String) {
    let reason = &payload["userErrors"][0];
    let message = reason["message"].as_str().unwrap_or_else(|| panic!("not refused: {payload}")).to_owned();
    for inner in ["finance.", "_key", "_check", "BO0", "SQL", "constraint", "violat"] {
        assert!(!message.contains(inner), "{message}");
    }
    let field: Vec<&str> = reason["field"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    (reason["code"].as_str().unwrap().to_owned(), field.join("."), message)
}

/// A tax code of that rate in percent, on the account of the output tax; gives its id.
pub async fn output_tax(client: &Client, code: &str, percent: &str) -> String {
    let input = json!({ "code": code, "name": code, "direction": "OUTPUT", "account": client.account("3806").await,
                        "percent": percent, "validFrom": "2025-01-01" });
    let made = client
        .ask(
            "mutation($input: TaxCodeCreateInput!) { taxCodeCreate(input: $input) { taxCode { id } userErrors { message } } }",
            json!({ "input": input }),
        )
        .await;
    made["taxCodeCreate"]["taxCode"]["id"].as_str().unwrap().to_owned()
}

/// A line of revenue: how many, the price of one, and the id of its tax code.
pub async fn sale(client: &Client, quantity: &str, price: &str, tax: Option<&str>) -> Value {
    json!({ "description": format!("Goods at {price}"), "quantity": quantity, "unitPrice": price,
            "account": client.account("4400").await, "taxCode": tax })
}

pub const INVOICE: &str = "mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) {
    invoice { id net { amount } tax { amount } gross { amount } } userErrors { code field message } } }";

/// Issues an invoice on a day to customer 10006 with more said of the draft; gives what is known of it.
pub async fn invoice_with(client: &Client, day: &str, lines: Vec<Value>, more: Value) -> Value {
    let mut input = json!({ "customer": id(client, "customers", "number", "10006").await, "lines": lines });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    let draft = payload(client, INVOICE, input).await;
    assert_eq!(draft["userErrors"], json!([]), "{draft}");
    let issued = payload(client, ISSUE, json!({ "id": draft["invoice"]["id"], "issueDate": day })).await;
    assert_eq!(issued["userErrors"], json!([]), "{issued}");
    let about = "query($id: ID!) { invoice(id: $id) { id number net { amount } tax { amount } gross { amount }
        openAmount { amount } paymentState openItem { id version } entry { id } } }";
    client.ask(about, json!({ "id": issued["invoice"]["id"] })).await["invoice"].clone()
}

/// The balance of an account at the end of 2026, by its code; debit positive.
pub async fn balance(client: &Client, code: &str) -> String {
    let query = "{ trialBalance(asOf: \"2026-12-31\") { rows { code balance { amount } } } }";
    let found = client.ask(query, json!({})).await;
    let rows = found["trialBalance"]["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["code"] == code);
    row.map_or_else(|| "0.00".to_owned(), |row| row["balance"]["amount"].as_str().unwrap().to_owned())
}
