//! The main job from end to end: a provider takes on two client companies, loads their files, keeps their books through
//! the API alone, and shows each of them only its own. Every figure is compared with the same books kept on paper.

mod paper;

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::{Value, json};

use self::paper::{Cents, Paper, cents, written};
use crate::harness::{App, Client, PASSWORD, id_of};

const CHART: &str = include_str!("../../demo/nordwind/chart.csv");
const OPENING: &str = include_str!("../../demo/nordwind/opening-balances.csv");
const CUSTOMERS: &str = include_str!("../../demo/nordwind/customers.csv");
const VENDORS: &str = include_str!("../../demo/nordwind/vendors.csv");
const STATEMENT: &str = include_str!("../../demo/nordwind/bank-2026-01.xml");
const HARBOR_CHART: &str = include_str!("../../demo/harbor/chart.csv");
const HARBOR_OPENING: &str = include_str!("../../demo/harbor/opening-balances.csv");
const HARBOR_CUSTOMERS: &str = include_str!("../../demo/harbor/customers.csv");
const HARBOR_VENDORS: &str = include_str!("../../demo/harbor/vendors.csv");
const HARBOR_STATEMENT: &str = include_str!("../../demo/harbor/bank-2026-01.csv");

const IMPORTED: &str =
    "{ import { id created unchanged lines } fileErrors { line column message } userErrors { code message } }";

async fn import(client: &Client, field: &str, name: &str, text: &str) -> Value {
    let query = format!("mutation($input: ImportInput!) {{ {field}(input: $input) {IMPORTED} }}");
    client.ask(&query, json!({ "input": { "file": { "name": name, "text": text } } })).await[field]["import"].clone()
}

async fn import_opening(client: &Client, text: &str) -> Value {
    let query =
        format!("mutation($input: OpeningBalancesImportInput!) {{ openingBalancesImport(input: $input) {IMPORTED} }}");
    let input = json!({ "input": { "file": { "name": "opening.csv", "text": text }, "date": "2026-01-01" } });
    client.ask(&query, input).await["openingBalancesImport"]["import"].clone()
}

async fn import_statement(client: &Client, input: &Value) -> Value {
    let query =
        format!("mutation($input: BankStatementImportInput!) {{ bankStatementImport(input: $input) {IMPORTED} }}");
    client.ask(&query, json!({ "input": input })).await["bankStatementImport"]["import"].clone()
}

async fn bank_account(client: &Client, name: &str, code: &str, iban: Option<&str>, number: Option<&str>) -> String {
    let input =
        json!({ "input": { "name": name, "iban": iban, "number": number, "account": client.account(code).await } });
    let query = "mutation($input: BankAccountCreateInput!) { bankAccountCreate(input: $input) { bankAccount { id } userErrors { message } } }";
    client.ask(query, input).await["bankAccountCreate"]["bankAccount"]["id"].as_str().unwrap().to_owned()
}

async fn tax_code(client: &Client, code: &str, direction: &str, percent: &str, account: &str) -> String {
    let input = json!({ "input": { "code": code, "name": code, "direction": direction, "percent": percent,
                                   "account": client.account(account).await, "validFrom": "2025-01-01" } });
    let query = "mutation($input: TaxCodeCreateInput!) { taxCodeCreate(input: $input) { taxCode { id } userErrors { message } } }";
    client.ask(query, input).await["taxCodeCreate"]["taxCode"]["id"].as_str().unwrap().to_owned()
}

async fn party(client: &Client, list: &str, number: &str) -> String {
    let query =
        format!("query($n: String!) {{ {list}(first: 1, filter: {{ number: {{ eq: $n }} }}) {{ nodes {{ id }} }} }}");
    client.ask(&query, json!({ "n": number })).await[list]["nodes"][0]["id"].as_str().unwrap().to_owned()
}

/// The unmatched bank line of that amount.
async fn bank_line(client: &Client, amount: &str) -> String {
    let query = "{ bankLines(first: 100, filter: { matched: { eq: false } }) { nodes { id amount { amount } } } }";
    let data = client.ask(query, json!({})).await;
    let nodes = data["bankLines"]["nodes"].as_array().unwrap();
    let found = nodes.iter().find(|node| node["amount"]["amount"] == amount);
    found.unwrap_or_else(|| panic!("no bank line of {amount}"))["id"].as_str().unwrap().to_owned()
}

async fn open_item(client: &Client, document: &str) -> Value {
    let query = "{ openItems(first: 100) { nodes { id document openAmount { amount } settled } } }";
    let data = client.ask(query, json!({})).await;
    let nodes = data["openItems"]["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["document"] == document).unwrap_or_else(|| panic!("no item {document}")).clone()
}

async fn match_line(client: &Client, input: Value) {
    let query = "mutation($input: BankLineMatchInput!) { bankLineMatch(input: $input) { bankLine { matched } userErrors { message } } }";
    let data = client.ask(query, json!({ "input": input })).await;
    assert_eq!(data["bankLineMatch"]["bankLine"]["matched"], true);
}

/// Balance by account code, in cents, of the accounts that have one.
async fn trial_balance(client: &Client, as_of: &str, known_at: Option<&str>) -> BTreeMap<String, Cents> {
    let query = "query($asOf: Date!, $knownAt: DateTime) { trialBalance(asOf: $asOf, knownAt: $knownAt) {
        debitBalance { amount } creditBalance { amount } rows { row code balance { amount currency } } } }";
    let data = client.ask(query, json!({ "asOf": as_of, "knownAt": known_at })).await["trialBalance"].clone();
    assert_eq!(data["debitBalance"], data["creditBalance"]);
    let rows = data["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["row"] == "ACCOUNT")
        .map(|row| (row["code"].as_str().unwrap().to_owned(), cents(row["balance"]["amount"].as_str().unwrap())))
        .filter(|(_, balance)| *balance != 0)
        .collect()
}

fn amount(value: &Value) -> Cents {
    cents(value["amount"].as_str().unwrap_or_else(|| panic!("no amount in {value}")))
}

#[tokio::test]
async fn a_provider_takes_on_two_clients() {
    let app = App::start();

    // 2. An administrator takes on two clients, invites a client's user, and grants an accountant both.
    let administrator = app.administrator().await;
    let nordwind = administrator.onboard("Nordwind Handels GmbH", "DE", "EUR", "Europe/Berlin", "NONE").await;
    let harbor = administrator.onboard("Harbor Supply LLC", "US", "USD", "America/New_York", "NONE").await;
    let konrad = administrator.staff("konrad@firm.example", "Konrad Konto").await;
    let inside = administrator.enter(&nordwind).await;
    let konrads_grant = inside.grant(&konrad, "Accountant", "2026-01-01", Some("2099-12-31")).await;
    administrator.enter(&harbor).await.grant(&konrad, "Accountant", "2026-01-01", None).await;
    let invited = inside
        .ask(
            "mutation($input: UserInviteInput!) { userInvite(input: $input) { token userErrors { message } } }",
            json!({ "input": { "email": "nora@nordwind.example", "name": "Nora", "role": inside.role("Portal").await } }),
        )
        .await;

    // 3. The accountant takes a token for the client and loads its files: a dry run first, twice for real.
    let outside = app.sign_in("konrad@firm.example").await;
    let accountant = outside.enter(&nordwind).await;
    let dry = import(&accountant.dry(), "chartOfAccountsImport", "chart.csv", CHART).await;
    assert_eq!(dry["created"], CHART.lines().count() - 1);
    assert_eq!(
        accountant.ask("{ accounts(first: 1) { nodes { id } } }", json!({})).await["accounts"]["nodes"],
        json!([])
    );
    let spoilt = CHART.replacen(",asset,", ",assets,", 1);
    let refused = accountant
        .send(
            &format!("mutation($input: ImportInput!) {{ chartOfAccountsImport(input: $input) {IMPORTED} }}"),
            json!({ "input": { "file": { "name": "chart.csv", "text": spoilt } } }),
        )
        .await;
    let problem = &refused.body["data"]["chartOfAccountsImport"]["fileErrors"][0];
    assert_eq!((problem["line"].as_i64(), problem["column"].as_str()), (Some(2), Some("type")), "{}", refused.text);
    for (field, name, text) in [
        ("chartOfAccountsImport", "chart.csv", CHART),
        ("customersImport", "customers.csv", CUSTOMERS),
        ("vendorsImport", "vendors.csv", VENDORS),
    ] {
        let first = import(&accountant, field, name, text).await;
        assert_eq!(first["created"], text.lines().count() - 1, "{field}");
        let again = import(&accountant, field, name, text).await;
        assert_eq!(
            (again["created"].as_i64(), again["unchanged"].as_i64()),
            (Some(0), first["created"].as_i64()),
            "{field}"
        );
    }
    assert_ne!(import_opening(&accountant.dry(), OPENING).await["created"], 0);
    assert_ne!(import_opening(&accountant, OPENING).await["created"], 0);
    assert_eq!(import_opening(&accountant, OPENING).await["created"], 0);
    let mut books = Paper::open(CHART, OPENING, "2026-01-01");
    let after_opening = books.len();
    assert_eq!(trial_balance(&accountant, "2026-01-31", None).await, books.balances("2026-01-31", after_opening));
    let opened_at = app
        .database
        .lines(
            "postgres",
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS line",
        )
        .remove(0);

    let bank = bank_account(&accountant, "Geschäftskonto", "1800", Some("DE57900000010004711200"), None).await;
    let camt = json!({ "file": { "name": "bank.xml", "text": STATEMENT }, "format": "CAMT053", "bankAccount": bank });
    assert_eq!(import_statement(&accountant.dry(), &camt).await["created"], 13);
    let off = STATEMENT.replacen("4760.00", "5207.16", 2);
    let held = accountant
        .refused(
            &format!("mutation($input: BankStatementImportInput!) {{ bankStatementImport(input: $input) {IMPORTED} }}"),
            json!({ "input": { "file": { "name": "bank.xml", "text": off }, "format": "CAMT053", "bankAccount": bank } }),
        )
        .await;
    assert_eq!(held[0]["code"], "UNBALANCED", "{held}");
    assert!(held[0]["message"].as_str().unwrap().contains("447.16"), "{held}");
    assert_eq!(
        accountant.ask("{ bankLines(first: 1) { nodes { id } } }", json!({})).await["bankLines"]["nodes"],
        json!([])
    );
    assert_eq!(import_statement(&accountant, &camt).await["created"], 13);
    let again = import_statement(&accountant, &camt).await;
    assert_eq!((again["created"].as_i64(), again["unchanged"].as_i64()), (Some(0), Some(13)));

    // The second client, in another currency and with the bank's own CSV.
    let american = outside.enter(&harbor).await;
    import(&american, "chartOfAccountsImport", "chart.csv", HARBOR_CHART).await;
    import(&american, "customersImport", "customers.csv", HARBOR_CUSTOMERS).await;
    import(&american, "vendorsImport", "vendors.csv", HARBOR_VENDORS).await;
    import_opening(&american, HARBOR_OPENING).await;
    let checking = bank_account(&american, "Operating checking", "1110", None, Some("000471120")).await;
    let csv = json!({ "file": { "name": "bank.csv", "base64": base64::engine::general_purpose::STANDARD.encode(HARBOR_STATEMENT) },
        "format": "CSV", "bankAccount": checking, "openingBalance": "68450.25", "closingBalance": "48292.47",
        "mapping": { "bookedOn": "Posting Date", "valueOn": "Value Date", "debit": "Withdrawals", "credit": "Deposits",
                     "currency": "Currency", "counterparty": "Counterparty", "reference": "Description",
                     "bankReference": "Bank Reference", "balance": "Balance", "dateFormat": "MONTH_DAY_YEAR_SLASHES" } });
    assert_eq!(import_statement(&american, &csv).await["created"], 15);
    assert_eq!(import_statement(&american, &csv).await["created"], 0);
    let harbor_books = Paper::open(HARBOR_CHART, HARBOR_OPENING, "2026-01-01");
    assert_eq!(
        trial_balance(&american, "2026-12-31", None).await,
        harbor_books.balances("2026-12-31", harbor_books.len())
    );

    // 4. An invoice at two rates of VAT. 9. Its dry run tells the number that the real one then gets.
    let (u19, u7) = (
        tax_code(&accountant, "U19", "OUTPUT", "19", "3806").await,
        tax_code(&accountant, "U7", "OUTPUT", "7", "3801").await,
    );
    let v19 = tax_code(&accountant, "V19", "INPUT", "19", "1406").await;
    let (goods, print) = (accountant.account("4400").await, accountant.account("4300").await);
    let create = "mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) {
        invoice { id status net { amount } tax { amount } gross { amount currency } } userErrors { message field } } }";
    let draft = json!({ "input": { "customer": party(&accountant, "customers", "10006").await, "lines": [
        { "description": "Regale", "quantity": "4", "unitPrice": "250.00", "account": goods, "taxCode": u19 },
        { "description": "Bildbände", "quantity": "20", "unitPrice": "25.00", "account": print, "taxCode": u7 } ] } });
    let invoice = accountant.ask(create, draft.clone()).await["invoiceCreate"]["invoice"].clone();
    assert_eq!(
        (amount(&invoice["net"]), amount(&invoice["tax"]), amount(&invoice["gross"])),
        (150_000, 22_500, 172_500)
    );
    let issue = "mutation($input: InvoiceIssueInput!) { invoiceIssue(input: $input) {
        invoice { id number status dueDate openAmount { amount } taxes { percent base { amount } tax { amount } } entry { id } } userErrors { message } } }";
    let input = json!({ "input": { "id": invoice["id"], "issueDate": "2026-01-15" } });
    let rehearsed = accountant.dry().ask(issue, input.clone()).await["invoiceIssue"]["invoice"].clone();
    let before =
        accountant.ask("query($id: ID!) { invoice(id: $id) { status number } }", json!({ "id": invoice["id"] })).await;
    assert_eq!(before["invoice"], json!({ "status": "DRAFT", "number": null }));
    let issued = accountant.ask(issue, input).await["invoiceIssue"]["invoice"].clone();
    assert_eq!(rehearsed["number"], issued["number"]);
    assert_eq!(issued["status"], "ISSUED");
    assert_eq!(issued["dueDate"], "2026-01-29");
    books.write(
        "2026-01-15",
        &[("1200", 172_500), ("4400", -100_000), ("4300", -50_000), ("3806", -19_000), ("3801", -3_500)],
    );

    // A bill; the same number written otherwise is the same bill.
    let bill = |number: &str, vendor: &str, account: &str, code: &str| {
        json!({ "input": { "vendor": vendor, "number": number, "billDate": "2026-01-02",
            "lines": [{ "description": "Miete", "quantity": "1", "unitPrice": "2000.00", "account": account, "taxCode": code }] } })
    };
    let enter = "mutation($input: BillCreateInput!) { billCreate(input: $input) { bill { id gross { amount } } userErrors { code message } } }";
    let (landlord, rent) = (party(&accountant, "vendors", "70001").await, accountant.account("6310").await);
    let entered = accountant.ask(enter, bill("M 2026/01", &landlord, &rent, &v19)).await["billCreate"]["bill"].clone();
    assert_eq!(amount(&entered["gross"]), 238_000);
    let duplicate = accountant.refused(enter, bill("m-2026-01", &landlord, &rent, &v19)).await;
    assert_eq!(duplicate[0]["code"], "DUPLICATE");
    assert!(duplicate[0]["message"].as_str().unwrap().contains("M 2026/01"), "{duplicate}");
    let post_bill =
        "mutation($input: BillPostInput!) { billPost(input: $input) { bill { status } userErrors { message } } }";
    accountant.ask(post_bill, json!({ "input": { "id": entered["id"] } })).await;
    books.write("2026-01-02", &[("6310", 200_000), ("1406", 38_000), ("3300", -238_000)]);

    // A journal entry, posted and taken back.
    let post = "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { journalEntry { id number } userErrors { code field message } } }";
    let (cash, supplies) = (accountant.account("1600").await, accountant.account("6815").await);
    let wrong = |credit: &str| {
        json!({ "input": { "date": "2026-01-19", "description": "Büromaterial bar", "lines": [
            { "account": supplies, "debit": "100.01" }, { "account": cash, "credit": credit } ] } })
    };
    assert_eq!(accountant.refused(post, wrong("100.00")).await[0]["code"], "UNBALANCED");
    let entry = accountant.ask(post, wrong("100.01")).await["journalEntryPost"]["journalEntry"].clone();
    books.write("2026-01-19", &[("6815", 10_001), ("1600", -10_001)]);
    let reverse = "mutation($input: JournalEntryReverseInput!) { journalEntryReverse(input: $input) {
        journalEntry { id reverses { id reversedBy { id } } } userErrors { code message } } }";
    let reversal = accountant.ask(reverse, json!({ "input": { "entry": entry["id"], "date": "2026-01-20" } })).await
        ["journalEntryReverse"]["journalEntry"].clone();
    assert_eq!(reversal["reverses"]["id"], entry["id"]);
    assert_eq!(reversal["reverses"]["reversedBy"]["id"], reversal["id"]);
    books.write("2026-01-20", &[("6815", -10_001), ("1600", 10_001)]);
    accountant.refused(reverse, json!({ "input": { "entry": entry["id"], "date": "2026-01-21" } })).await;

    // The bank: the invoice in full, the bill in full, an old invoice in part, and the bank's fee.
    let number = issued["number"].as_str().unwrap();
    let item = open_item(&accountant, number).await["id"].clone();
    match_line(&accountant, json!({ "bankLine": bank_line(&accountant, "1725.00").await, "allocations": [{ "openItem": item, "amount": "1725.00" }] })).await;
    books.write("2026-01-26", &[("1800", 172_500), ("1200", -172_500)]);
    let item = open_item(&accountant, "M 2026/01").await["id"].clone();
    match_line(&accountant, json!({ "bankLine": bank_line(&accountant, "-2380.00").await, "allocations": [{ "openItem": item, "amount": "2380.00" }] })).await;
    books.write("2026-01-05", &[("3300", 238_000), ("1800", -238_000)]);
    let item = open_item(&accountant, "RE-2025-124").await["id"].clone();
    match_line(&accountant, json!({ "bankLine": bank_line(&accountant, "5000.00").await, "allocations": [{ "openItem": item, "amount": "5000.00" }] })).await;
    books.write("2026-01-09", &[("1800", 500_000), ("1200", -500_000)]);
    let left = open_item(&accountant, "RE-2025-124").await;
    assert_eq!((amount(&left["openAmount"]), left["settled"].as_bool()), (452_000, Some(false)));
    let fees = accountant.account("6855").await;
    match_line(&accountant, json!({ "bankLine": bank_line(&accountant, "-12.90").await, "postings": [{ "account": fees, "amount": "-12.90" }] })).await;
    books.write("2026-01-02", &[("6855", 1_290), ("1800", -1_290)]);

    // The month is closed softly; nothing goes below it any more.
    let lock = "mutation($input: PeriodLockInput!) { periodLock(input: $input) { ledger { softLockOn } userErrors { message } } }";
    accountant.ask(lock, json!({ "input": { "through": "2026-01-31", "kind": "SOFT" } })).await;
    assert_eq!(accountant.refused(post, wrong("100.01")).await[0]["code"], "PERIOD_LOCKED");

    // 5. The statements, at any date and as known at any moment, against the paper.
    let all = books.len();
    for day in [
        "2025-12-31",
        "2026-01-01",
        "2026-01-02",
        "2026-01-05",
        "2026-01-15",
        "2026-01-19",
        "2026-01-20",
        "2026-01-31",
        "2026-12-31",
    ] {
        assert_eq!(trial_balance(&accountant, day, None).await, books.balances(day, all), "as of {day}");
        assert_eq!(
            trial_balance(&accountant, day, Some(&opened_at)).await,
            books.balances(day, after_opening),
            "{day}, known then"
        );
        let sheet = accountant
            .ask("query($d: Date!) { balanceSheet(asOf: $d) { totalAssets { amount } totalLiabilities { amount } totalEquity { amount } totalLiabilitiesAndEquity { amount } } }", json!({ "d": day }))
            .await["balanceSheet"]
            .clone();
        assert_eq!(amount(&sheet["totalAssets"]), books.total("asset", day, all), "{day}");
        assert_eq!(amount(&sheet["totalLiabilities"]), -books.total("liability", day, all), "{day}");
        let result = -(books.total("income", day, all) + books.total("expense", day, all));
        assert_eq!(amount(&sheet["totalEquity"]), -books.total("equity", day, all) + result, "{day}");
        assert_eq!(sheet["totalAssets"], sheet["totalLiabilitiesAndEquity"], "{day}");
    }
    let income = accountant
        .ask("{ incomeStatement(from: \"2026-01-01\", to: \"2026-01-31\") { totalIncome { amount } totalExpenses { amount } result { amount } } }", json!({}))
        .await["incomeStatement"]
        .clone();
    assert_eq!(amount(&income["totalIncome"]), -books.total("income", "2026-01-31", all));
    assert_eq!(amount(&income["totalExpenses"]), books.total("expense", "2026-01-31", all));
    assert_eq!(amount(&income["result"]), 150_000 - 200_000 - 1_290);

    // From the figure to its lines to the document.
    let card = accountant
        .ask(
            "query($account: ID!) { generalLedger(account: $account, from: \"2026-01-01\", to: \"2026-01-31\") { closing { amount } debit { amount } credit { amount }
               lines(first: 100) { nodes { balance { amount } line { debit { amount } credit { amount } entry { number documentId } } } } } }",
            json!({ "account": accountant.account("1200").await }),
        )
        .await["generalLedger"]
        .clone();
    assert_eq!(amount(&card["closing"]), books.balance("1200", "2026-01-31", all));
    let lines = card["lines"]["nodes"].as_array().unwrap();
    assert_eq!(lines.iter().map(|line| amount(&line["line"]["debit"])).sum::<Cents>(), amount(&card["debit"]));
    assert_eq!(lines.iter().map(|line| amount(&line["line"]["credit"])).sum::<Cents>(), amount(&card["credit"]));
    assert_eq!(lines.last().unwrap()["balance"], card["closing"]);
    assert!(
        lines.iter().any(|line| line["line"]["entry"]["documentId"] == invoice["id"]),
        "no line leads to the invoice"
    );

    // 6. The portal user reads invoices and the balance of her own company and nothing else.
    let accepted = app
        .client()
        .ask(
            "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { accessToken userErrors { message } } }",
            json!({ "input": { "token": invited["userInvite"]["token"], "password": PASSWORD } }),
        )
        .await;
    let nora =
        app.client().with_token(accepted["invitationAccept"]["accessToken"].as_str().unwrap()).enter(&nordwind).await;
    let seen = nora.ask("{ invoices(first: 10) { nodes { number gross { amount } } } clientFigures { cash { amount } receivables { amount } } }", json!({})).await;
    assert_eq!(seen["invoices"]["nodes"][0]["number"], issued["number"]);
    assert_eq!(amount(&seen["clientFigures"]["cash"]), books.balance("1800", "2026-12-31", all));
    assert_eq!(amount(&seen["clientFigures"]["receivables"]), books.balance("1200", "2026-12-31", all));
    for forbidden in [
        "{ customers { nodes { id } } }",
        "{ trialBalance(asOf: \"2026-01-31\") { asOf } }",
        "{ journalEntries { nodes { id } } }",
        "{ bankLines { nodes { id } } }",
        "{ auditLog { nodes { action } } }",
        "{ grants { nodes { id } } }",
    ] {
        assert_eq!(nora.send(forbidden, json!({})).await.code(), "FORBIDDEN", "{forbidden}");
    }
    let foreign = party(&american, "customers", "C-1001").await;
    let known = "query($id: ID!) { customer(id: $id) { name } }";
    assert_eq!(accountant.ask(known, json!({ "id": foreign })).await["customer"], Value::Null);
    let refused = nora
        .send("mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { code } } }", json!({ "input": { "client": harbor } }))
        .await;
    assert_eq!(refused.body["data"]["clientTokenCreate"]["userErrors"][0]["code"], "NOT_FOUND");

    // 7. A service account posts the same invoice fifty times at once: one invoice, fifty equal answers.
    let made = inside
        .ask(
            "mutation($input: ServiceAccountCreateInput!) { serviceAccountCreate(input: $input) { clientId clientSecret userErrors { message } } }",
            json!({ "input": { "name": "Shop", "scopes": ["INVOICE_DRAFT", "INVOICE_READ"], "expiresAt": "2027-06-30T00:00:00Z" } }),
        )
        .await["serviceAccountCreate"]
        .clone();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", made["clientId"].as_str().unwrap()),
        ("client_secret", made["clientSecret"].as_str().unwrap()),
    ];
    let token: Value =
        crate::harness::http().post(app.url("/oauth/token")).form(&form).send().await.unwrap().json().await.unwrap();
    let shop =
        app.client().with_token(token["access_token"].as_str().unwrap()).with_header("Idempotency-Key", "order-4711");
    let answers = futures_util::future::join_all((0..50).map(|_| shop.send(create, draft.clone()))).await;
    assert!(answers.iter().all(|answer| answer.text == answers[0].text), "the answers differ");
    assert!(answers[0].body["data"]["invoiceCreate"]["invoice"]["id"].is_string(), "{}", answers[0].text);
    let count = accountant.ask("{ invoices(first: 1) { totalCount } }", json!({})).await;
    assert_eq!(count["invoices"]["totalCount"], 2);
    let mut other = draft.clone();
    other["input"]["reference"] = json!("another order");
    let refused = shop.send(create, other).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT", "{}", refused.text);

    // 8. The staff's token without a client lists the portfolio.
    let portfolio = outside
        .ask("{ clients(first: 10) { nodes { id name figures { cash { amount currency } overdueReceivables { amount } unmatchedBankLines } } } }", json!({}))
        .await["clients"]["nodes"]
        .clone();
    assert_eq!(portfolio.as_array().unwrap().len(), 2);
    let figures =
        |id: &str| portfolio.as_array().unwrap().iter().find(|client| client["id"] == id).unwrap()["figures"].clone();
    assert_eq!(amount(&figures(&nordwind)["cash"]), books.balance("1800", "2026-12-31", all));
    assert_eq!(figures(&nordwind)["unmatchedBankLines"], 9);
    assert_eq!(written(amount(&figures(&harbor)["cash"])), "68450.25");
    assert_eq!(figures(&harbor)["cash"]["currency"], "USD");
    assert_eq!(figures(&harbor)["unmatchedBankLines"], 15);
    // All open items of both companies were due in January or earlier.
    assert_eq!(amount(&figures(&nordwind)["overdueReceivables"]), books.balance("1200", "2026-12-31", all));
    assert_eq!(id_of(&portfolio, "name", "Harbor Supply LLC"), harbor);

    // 6. The grant ends; the accountant's next request finds nothing.
    inside
        .ask(
            "mutation($input: GrantEndInput!) { grantEnd(input: $input) { grant { id } userErrors { message } } }",
            json!({ "input": { "id": konrads_grant } }),
        )
        .await;
    let reply = accountant.send("{ invoices { nodes { id } } }", json!({})).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    assert_eq!(reply.body["data"], Value::Null);
    let left = outside.ask("{ clients(first: 10) { nodes { name } } }", json!({})).await;
    assert_eq!(left["clients"]["nodes"], json!([{ "name": "Harbor Supply LLC" }]));

    // And nothing that happened broke a promise.
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
