//! What is done to whole books at once: statements over a million lines, the ages of what is owed, the close of a year, a
//! payment run, a statement of a bank, and one series that everybody draws numbers from.

use std::time::Instant;

use serde_json::{Value, json};

use crate::database::{CHECKER, Database};
use crate::http::{Connection, render};
use crate::report::{Measure, median};
use crate::rows::{self, Kind, digits, prefix};
use crate::scale::Scale;
use crate::server::{Server, Session};

/// Rows of this file, as `bench.id` numbers their kinds.
const VENDOR: u64 = 41;
const BANK_ACCOUNT: u64 = 46;
/// The years before this one that the books hold.
const EARLIER_YEARS: usize = 2;
/// Issues of one series in the same moment.
const AT_ONCE: usize = 50;

/// How many of each.
struct Amounts {
    receivables: u64,
    bills: u64,
    bank_lines: u64,
}

impl Amounts {
    fn of(scale: &Scale) -> Self {
        let part = scale.entries as f64 / 200_000.0;
        let of = |full: f64| (full * part).max(20.0).round() as u64;
        Self { receivables: of(200_000.0), bills: of(5_000.0), bank_lines: of(10_000.0) }
    }
}

pub fn books(server: &Server, session: &Session, database: &Database, scale: &Scale) -> Vec<Measure> {
    let client = scale.large_client();
    let amounts = Amounts::of(scale);
    let mut desk = Desk { connection: server.connect(), token: session.token(client).to_owned() };
    let lines = scale.entries * 5;
    let mut measures = vec![balance_sheet(&mut desk, database, lines)];
    fill(database, client, &amounts);
    measures.push(aging(&mut desk, database, client, &amounts));
    measures.push(close(&mut desk, database, client));
    measures.push(payment_run(&mut desk, server, client, &amounts));
    measures.extend(statement(&mut desk, &amounts));
    measures.push(one_series(server, session, database));
    measures
}

/// One who keeps the books of the large client.
struct Desk {
    connection: Connection,
    token: String,
}

impl Desk {
    fn ask(&mut self, query: &str, variables: Value) -> Value {
        self.connection.ask(&self.token, query, &variables)
    }

    /// The median of thirty times, in milliseconds, and the answer.
    fn timed(&mut self, query: &str, variables: &Value) -> (f64, Value) {
        let request = render(&self.token, "", &json!({ "query": query, "variables": variables }).to_string());
        let (mut times, mut answer) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let asked = Instant::now();
            answer = self.connection.send(&request).expect("the server gave no answer").1;
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        (median(&times), answer["data"].clone())
    }

    /// What a mutation that has to work gives.
    fn done(&mut self, field: &str, kind: &str, input: Value, selection: &str) -> Value {
        let query = format!(
            "mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} userErrors {{ message }} }} }}"
        );
        let answer = self.ask(&query, json!({ "input": input }))[field].clone();
        assert_eq!(answer["userErrors"], json!([]), "{field}: {answer}");
        answer
    }
}

/// Vendors with bills that are due, open receivables, and the account that is paid from. The second person of the provider
/// gets the rights of the first.
fn fill(database: &Database, client: u64, amounts: &Amounts) {
    let Amounts { receivables, bills, .. } = amounts;
    database.execute(&format!(
        "INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
         SELECT bench.tenant({client}), bench.id(47, {client}, 1), a.id, bench.id(16, {client}, 1), 'allow', current_date - 1
           FROM identity.account a WHERE a.email = '{CHECKER}';
         INSERT INTO finance.bank_account (tenant_id, id, name, iban, currency, account_id)
         VALUES (bench.tenant({client}), bench.id({BANK_ACCOUNT}, {client}, 1), 'Bank', 'DE57900000010004711200', 'EUR', bench.id(13, {client}, 11));
         INSERT INTO finance.vendor (tenant_id, id, number, name, country, currency, payment_terms_days, iban)
         SELECT bench.tenant({client}), bench.id({VENDOR}, {client}, n), 'V' || n, 'Vendor ' || n, 'DE', 'EUR', 30, 'DE89370400440532013000'
           FROM generate_series(1, 500) AS n;
         INSERT INTO finance.bill (tenant_id, id, vendor_id, status, number, normalized_number, bill_date, bill_year, due_date, currency,
                                   exchange_rate, rounding, vendor_name, net, tax, gross, entry_id)
         SELECT bench.tenant({client}), bench.id(42, {client}, n), bench.id({VENDOR}, {client}, 1 + n % 500), 'posted', 'B' || n, 'B' || n,
                current_date - 40, extract(year FROM current_date - 40)::integer, current_date - 10, 'EUR', 1, 'by_document',
                'Vendor ' || 1 + n % 500, 100 + n % 900, 0, 100 + n % 900, bench.id(22, {client}, n)
           FROM generate_series(1, {bills}) AS n;
         INSERT INTO finance.open_item (tenant_id, id, side, vendor_id, bill_id, document, party_name, entry_id, account_id, item_date,
                                        due_date, currency, amount, amount_book, open_amount, open_book)
         SELECT b.tenant_id, bench.id(43, {client}, n), 'payable', b.vendor_id, b.id, b.number, b.vendor_name, b.entry_id,
                bench.id(13, {client}, 21), b.bill_date, b.due_date, 'EUR', b.gross, b.gross, b.gross, b.gross
           FROM generate_series(1, {bills}) AS n
           JOIN finance.bill b ON b.tenant_id = bench.tenant({client}) AND b.id = bench.id(42, {client}, n);
         INSERT INTO finance.open_item (tenant_id, id, side, customer_id, document, party_name, entry_id, account_id, item_date,
                                        due_date, currency, amount, amount_book, open_amount, open_book)
         SELECT bench.tenant({client}), bench.id(44, {client}, n), 'receivable', bench.customer({client}, n), 'INV-' || bench.number(n),
                bench.customer_name(n), bench.id(22, {client}, n), bench.id(13, {client}, 12), bench.day(n, {receivables}),
                bench.day(n, {receivables}) + 30, 'EUR', gross, gross, CASE WHEN n % 4 = 0 THEN gross ELSE 0 END, CASE WHEN n % 4 = 0 THEN gross ELSE 0 END
           FROM (SELECT n, 100 + n * 1.19 AS gross FROM generate_series(1, {receivables}) AS n) AS numbered;
         INSERT INTO finance.allocation (tenant_id, id, open_item_id, entry_id, allocated_on, amount, amount_book)
         SELECT i.tenant_id, bench.id(45, {client}, n), i.id, i.entry_id, i.item_date, i.amount, i.amount_book
           FROM generate_series(1, {receivables}) AS n
           JOIN finance.open_item i ON i.tenant_id = bench.tenant({client}) AND i.id = bench.id(44, {client}, n)
          WHERE n % 4 <> 0"
    ));
    database.run("ANALYZE finance.open_item, finance.allocation, finance.bill, finance.vendor");
}

fn balance_sheet(desk: &mut Desk, database: &Database, lines: u64) -> Measure {
    let today = database.text("SELECT current_date::text AS line");
    let query =
        "query($day: Date!) { balanceSheet(asOf: $day) { totalAssets { amount } totalLiabilitiesAndEquity { amount }
        assets { name amount { amount } } liabilities { name amount { amount } } equity { name amount { amount } } } }";
    let (time, answer) = desk.timed(query, &json!({ "day": today }));
    let sheet = &answer["balanceSheet"];
    let name = format!("balance sheet of a client with {lines} lines");
    let rows = sheet["assets"].as_array().map_or(0, Vec::len);
    let measure = Measure::at_most(&name, String::new(), format!("{rows} rows of assets"), time, 50.0, "ms");
    let equal = sheet["totalAssets"]["amount"].is_string()
        && sheet["totalAssets"]["amount"] == sheet["totalLiabilitiesAndEquity"]["amount"];
    if equal { measure } else { measure.wrong(format!("{name}: {answer}")) }
}

fn aging(desk: &mut Desk, database: &Database, client: u64, amounts: &Amounts) -> Measure {
    let owed = database.text(&format!(
        "SELECT sum(open_book)::numeric(20, 2)::text AS line FROM finance.open_item WHERE tenant_id = '{}' AND side = 'receivable'",
        rows::tenant(client)
    ));
    let query = "{ agingTotals { current { amount } days1To30 { amount } days31To60 { amount } days61To90 { amount }
        over90 { amount } total { amount } } }";
    let (time, answer) = desk.timed(query, &json!({}));
    let name = format!("ages of {} receivables, a quarter of them open", amounts.receivables);
    let measure = Measure::at_most(&name, String::new(), String::new(), time, 150.0, "ms");
    if answer["agingTotals"]["total"]["amount"] == json!(owed) {
        measure
    } else {
        measure.wrong(format!("{name}: {owed} expected, {answer}"))
    }
}

/// The years before this one in their order; what counts is the longest.
fn close(desk: &mut Desk, database: &Database, client: u64) -> Measure {
    let years = desk.ask("{ fiscalYears { nodes { id name startsOn } } }", json!({}))["fiscalYears"]["nodes"].clone();
    let mut years = years.as_array().cloned().unwrap_or_default();
    years.sort_by_key(|year| year["startsOn"].to_string());
    let (mut longest, mut entries, mut result) = (0.0_f64, String::new(), Value::Null);
    for year in years.iter().take(EARLIER_YEARS) {
        let asked = Instant::now();
        let closed = desk.done(
            "fiscalYearClose",
            "FiscalYearCloseInput",
            json!({ "id": year["id"] }),
            "fiscalYear { closing { result { amount } } }",
        );
        let took = asked.elapsed().as_secs_f64();
        if took > longest {
            longest = took;
            result = closed["fiscalYear"]["closing"]["result"]["amount"].clone();
            entries = database.text(&format!(
                "SELECT count(*)::text AS line FROM finance.journal_entry WHERE tenant_id = '{}' AND extract(year FROM entry_date)::text = '{}'",
                rows::tenant(client),
                year["name"].as_str().unwrap_or_default()
            ));
        }
    }
    let measure = Measure::at_most("close of a year", String::new(), format!("{entries} entries"), longest, 5.0, "s");
    if result.is_string() { measure } else { measure.wrong(format!("close of a year: {years:?}")) }
}

/// From the proposal to the bank's file, approved by somebody else.
fn payment_run(desk: &mut Desk, server: &Server, client: u64, amounts: &Amounts) -> Measure {
    let other = Session::of_person(server, CHECKER, &[client]);
    let mut checker = Desk { connection: server.connect(), token: other.token(client).to_owned() };
    let run = "paymentRun { id state payments file { id } }";
    let asked = Instant::now();
    let account = format!("ba_{}{}", prefix(BANK_ACCOUNT), digits(client, 1));
    let tomorrow = chrono::Utc::now().date_naive() + chrono::Days::new(1);
    let input = json!({ "bankAccount": account, "payOn": tomorrow });
    let proposed = desk.done("paymentRunPropose", "PaymentRunProposeInput", input, run)["paymentRun"].clone();
    let input = json!({ "id": proposed["id"] });
    checker.done("paymentRunApprove", "PaymentRunInput", input.clone(), run);
    let sent = desk.done("paymentRunSend", "PaymentRunInput", input, run)["paymentRun"].clone();
    let took = asked.elapsed().as_secs_f64();
    let found = format!("{} bills", amounts.bills);
    let measure = Measure::at_most("payment run, from proposal to file", String::new(), found, took, 10.0, "s");
    let all = sent["file"]["id"].is_string() && sent["payments"] == json!(amounts.bills);
    if all { measure } else { measure.wrong(format!("payment run: {sent}")) }
}

/// A statement whose lines each name an invoice that is open, and what is proposed for them, a hundred lines a page.
fn statement(desk: &mut Desk, amounts: &Amounts) -> Vec<Measure> {
    let today = chrono::Utc::now().date_naive();
    let mut text = "Booked,Text,Amount\n".to_owned();
    let mut closing = 0;
    for n in 1..=amounts.bank_lines {
        // Every fourth is open, and costs 100 + 1.19 of its number.
        let number = 4 * (1 + n % (amounts.receivables / 4));
        let cents = 10_000 + number * 119;
        closing += cents;
        text.push_str(&format!("{today},INV-{number:05} thank you {n},{}.{:02}\n", cents / 100, cents % 100));
    }
    let input = json!({
        "file": { "name": "bank.csv", "text": text }, "format": "CSV", "bankAccount": account_of_the_bank(desk),
        "openingBalance": "0.00", "closingBalance": format!("{}.{:02}", closing / 100, closing % 100),
        "mapping": { "bookedOn": "Booked", "reference": "Text", "amount": "Amount" },
    });
    let asked = Instant::now();
    let taken = desk.done("bankStatementImport", "BankStatementImportInput", input, "import { created }");
    let imported = asked.elapsed().as_secs_f64();
    let query = "query($after: String) { bankLines(first: 100, after: $after) {
        nodes { suggestions { exact } } pageInfo { endCursor hasNextPage } } }";
    let (mut after, mut exact, asked) = (Value::Null, 0, Instant::now());
    loop {
        let page = desk.ask(query, json!({ "after": after }))["bankLines"].clone();
        let lines = page["nodes"].as_array().cloned().unwrap_or_default();
        exact += lines.iter().filter(|line| line["suggestions"][0]["exact"] == json!(true)).count() as u64;
        if page["pageInfo"]["hasNextPage"] != json!(true) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let proposed = asked.elapsed().as_secs_f64();
    let of = format!("{} lines", amounts.bank_lines);
    let open = format!("against {} open items", amounts.receivables / 4 + amounts.bills);
    let import = Measure::at_most("import of a bank's statement", String::new(), of.clone(), imported, 5.0, "s");
    let matches =
        Measure::at_most("and what each line may settle, in pages of 100", open, of, imported + proposed, 5.0, "s");
    let import = if taken["import"]["created"] == json!(amounts.bank_lines) {
        import
    } else {
        import.wrong(format!("import of a bank's statement: {taken}"))
    };
    let all = exact == amounts.bank_lines;
    vec![
        import,
        if all {
            matches
        } else {
            matches.wrong(format!("{exact} of {} lines have an exact match", amounts.bank_lines))
        },
    ]
}

fn account_of_the_bank(desk: &mut Desk) -> Value {
    desk.ask("{ bankAccounts(first: 1) { nodes { id } } }", json!({}))["bankAccounts"]["nodes"][0]["id"].clone()
}

/// Drafts of one client, issued all at once, each on a connection of its own.
fn one_series(server: &Server, session: &Session, database: &Database) -> Measure {
    const ROUNDS: usize = 10;
    const BEHIND: u64 = 900_000;
    let client = 1;
    let count = AT_ONCE * ROUNDS;
    database.execute(&format!("CALL bench.drafts(1, {BEHIND}, {count})"));
    let before: u64 = last_number(database);
    let mut times: Vec<f64> = Vec::new();
    let mut wrong = Vec::new();
    for round in 0..ROUNDS {
        let answers: Vec<(f64, Value)> = std::thread::scope(|scope| {
            let issues: Vec<_> = (0..AT_ONCE)
                .map(|at| {
                    scope.spawn(move || {
                        let n = BEHIND + 1 + (round * AT_ONCE + at) as u64;
                        let mut connection = server.connect();
                        let id = format!("inv_{}", rows::id(Kind::Draft, client, n));
                        let query = "mutation($id: ID!) { invoiceIssue(input: { id: $id }) { invoice { number } userErrors { message } } }";
                        let asked = Instant::now();
                        let answer = connection.ask(session.token(client), query, &json!({ "id": id }));
                        (asked.elapsed().as_secs_f64() * 1000.0, answer)
                    })
                })
                .collect();
            issues.into_iter().map(|issue| issue.join().expect("an issue ends")).collect()
        });
        for (time, answer) in answers {
            times.push(time);
            if !answer["invoiceIssue"]["invoice"]["number"].is_string() {
                wrong.push(answer.to_string());
            }
        }
    }
    times.sort_by(f64::total_cmp);
    let p99 = times[(times.len() * 99).div_ceil(100) - 1];
    let given = last_number(database) - before;
    let name = format!("{AT_ONCE} issues of one series at once, p99");
    let measure =
        Measure::at_most(&name, format!("p50 {:.0} ms", median(&times)), format!("{count} issues"), p99, 250.0, "ms");
    if wrong.is_empty() && given == count as u64 {
        measure
    } else {
        measure.wrong(format!("{name}: {given} numbers for {count} issues; {wrong:?}"))
    }
}

/// The last number of the first client's series of invoices.
fn last_number(database: &Database) -> u64 {
    let query = format!(
        "SELECT last_number::text AS line FROM core.number_series WHERE tenant_id = '{}' AND series = 'invoice'",
        rows::tenant(1)
    );
    database.text(&query).parse().expect("a number")
}
