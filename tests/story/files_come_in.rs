//! Files of banks and bookkeepers: tried first, taken in whole or not at all, and never twice.

use std::fmt::Write as _;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{App, Client};
use crate::nordwind::{
    self, CHART, CHART_IMPORT, CUSTOMERS, CUSTOMERS_IMPORT, OPENING, OPENING_IMPORT, STATEMENT, STATEMENT_IMPORT, VENDORS,
    VENDORS_IMPORT, file, import, opening,
};

fn camt(text: &str) -> Value {
    json!({ "file": { "name": "statement.xml", "text": text }, "format": "CAMT053" })
}

/// How many rows of everything that a file can bring.
fn rows(app: &App) -> String {
    app.database
        .lines(
            "postgres",
            "SELECT concat_ws(' ', (SELECT count(*) FROM core.import), (SELECT count(*) FROM finance.account),
                    (SELECT count(*) FROM finance.customer), (SELECT count(*) FROM finance.vendor),
                    (SELECT count(*) FROM finance.journal_entry), (SELECT count(*) FROM finance.journal_line),
                    (SELECT count(*) FROM finance.open_item), (SELECT count(*) FROM finance.bank_statement),
                    (SELECT count(*) FROM finance.bank_line), (SELECT coalesce(sum(last_number), 0) FROM core.number_series),
                    (SELECT count(*) FROM audit.entry)) AS line",
        )
        .remove(0)
}

#[tokio::test]
async fn each_file_is_tried_taken_in_and_not_taken_in_again() {
    let (app, books) = nordwind::found().await;
    let client = &books.accountant;
    let files: [(_, Value, i32); 5] = [
        (CHART_IMPORT, file(CHART), 57),
        (CUSTOMERS_IMPORT, file(CUSTOMERS), 7),
        (VENDORS_IMPORT, file(VENDORS), 6),
        (OPENING_IMPORT, opening(OPENING), 18),
        (STATEMENT_IMPORT, camt(STATEMENT), 0),
    ];
    for (what, input, count) in files {
        if what == STATEMENT_IMPORT {
            nordwind::bank_account(client).await;
        }
        let before = rows(&app);
        let tried = import(&client.dry(), what, input.clone()).await;
        assert_eq!(rows(&app), before, "{what:?} was only tried");
        let taken = import(client, what, input.clone()).await;
        assert_eq!(tried, taken, "the trial says what happens");
        assert_eq!((&taken["userErrors"], &taken["fileErrors"]), (&json!([]), &json!([])), "{what:?}");
        let created = taken["import"]["created"].as_i64().unwrap();
        assert!(created > 0 && (count == 0 || created == i64::from(count)), "{what:?}: {taken}");
        assert_eq!(taken["import"]["unchanged"], 0);

        let before = app.database.count("SELECT count(*) FROM audit.entry WHERE table_name LIKE 'finance.%'");
        let again = import(client, what, input).await;
        assert_eq!((&again["userErrors"], &again["import"]["created"]), (&json!([]), &json!(0)), "{what:?}: {again}");
        assert_eq!(again["import"]["unchanged"], json!(created), "{what:?}: {again}");
        assert_eq!(app.database.count("SELECT count(*) FROM audit.entry WHERE table_name LIKE 'finance.%'"), before, "{what:?} again");
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
    // The books stand where the files say.
    let trial = client.ask("{ trialBalance(asOf: \"2026-01-01\") { debitBalance { amount } creditBalance { amount } } }", json!({})).await;
    for side in ["debitBalance", "creditBalance"] {
        assert_eq!(trial["trialBalance"][side]["amount"], "163087.22");
    }
    // Without the right there is no way in, tried or not.
    let inside = books.administrator.enter(&books.client).await;
    let reply = inside.send("mutation { chartOfAccountsImport(input: { file: { name: \"x\", text: \"\" } }) { import { id } } }", json!({})).await;
    assert_eq!(reply.code(), "FORBIDDEN");
}

/// What is expected of a file that is wrong: line, column and kind of its first problem.
struct Bad {
    name: &'static str,
    import: (&'static str, &'static str),
    input: Value,
    line: i64,
    column: Option<&'static str>,
    code: &'static str,
}

fn bad(name: &'static str, import: (&'static str, &'static str), input: Value, at: (i64, Option<&'static str>, &'static str)) -> Bad {
    Bad { name, import, input, line: at.0, column: at.1, code: at.2 }
}

fn bytes(bytes: &[u8]) -> Value {
    json!({ "file": { "name": "file.csv", "base64": STANDARD.encode(bytes) } })
}

/// A document whose entities would grow to a thousand million words.
fn billion_laughs() -> String {
    let mut text = String::from("<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n<!ENTITY l0 \"lol\">\n");
    for depth in 1..10 {
        let before = format!("&l{};", depth - 1).repeat(10);
        let _ = writeln!(text, "<!ENTITY l{depth} \"{before}\">");
    }
    text + "]>\n<Document>&l9;</Document>"
}

fn bad_files() -> Vec<Bad> {
    let chart = |line: &str| file(&format!("code,name,type\n1000,Cash,asset\n{line}\n"));
    let customer = |line: &str| file(&format!("number,name,email,country,currency,iban\nK1,Good,a@b.example,DE,EUR,\n{line}\n"));
    let balances = |line: &str| opening(&format!("account,debit,credit,description\n0520,1.00,,a\n{line}\n"));
    let utf16: Vec<u8> = "number,name\n1,ä".encode_utf16().flat_map(u16::to_be_bytes).collect();
    vec![
        bad("a formula", CUSTOMERS_IMPORT, customer("K2,=cmd|' /C calc'!A0,a@b.example,DE,EUR,"), (3, Some("name"), "FORMULA")),
        bad("a formula with @", CUSTOMERS_IMPORT, customer("K2,@SUM(A1),a@b.example,DE,EUR,"), (3, Some("name"), "FORMULA")),
        bad("an unknown currency", CUSTOMERS_IMPORT, customer("K2,X,a@b.example,DE,XXQ,"), (3, Some("currency"), "CURRENCY")),
        bad("no country", CUSTOMERS_IMPORT, customer("K2,X,a@b.example,D,EUR,"), (3, Some("country"), "COUNTRY")),
        bad("no address", CUSTOMERS_IMPORT, customer("K2,X,nowhere,DE,EUR,"), (3, Some("email"), "EMAIL")),
        bad("a wrong check digit", CUSTOMERS_IMPORT, customer("K2,X,a@b.example,DE,EUR,DE93900000020000815001"), (3, Some("iban"), "IBAN")),
        bad("the same number twice", CUSTOMERS_IMPORT, customer("K1,X,a@b.example,DE,EUR,"), (3, Some("number"), "DUPLICATE")),
        bad("a field too few", CUSTOMERS_IMPORT, customer("K2,X"), (3, None, "RAGGED_ROW")),
        bad("an open quote", CUSTOMERS_IMPORT, customer("K2,\"X,a@b.example,DE,EUR,"), (3, None, "QUOTE")),
        bad("NUL", CUSTOMERS_IMPORT, bytes(b"number,name\nK2,X\0Y\n"), (2, None, "CONTROL_CHARACTER")),
        bad("Latin 1", CUSTOMERS_IMPORT, bytes(b"number,name\n1,M\xf6belhaus\n"), (2, None, "ENCODING")),
        bad("no column of that name", CUSTOMERS_IMPORT, file("number,name,colour\n1,A,red\n"), (1, Some("colour"), "UNKNOWN_COLUMN")),
        bad("nothing", CUSTOMERS_IMPORT, file(""), (1, None, "EMPTY")),
        bad("half a character", CUSTOMERS_IMPORT, bytes(&utf16[..utf16.len() - 1]), (1, None, "ENCODING")),
        bad("an unknown type", CHART_IMPORT, chart("2000,Loan,debt"), (3, Some("type"), "UNKNOWN_WORD")),
        bad("31 decimals", OPENING_IMPORT, balances("1600,,1.0000000000000000000000000000001,b"), (3, Some("credit"), "TOO_MANY_DECIMALS")),
        bad("three decimals", OPENING_IMPORT, balances("1600,,1.001,b"), (3, Some("credit"), "TOO_MANY_DECIMALS")),
        bad("1e30", OPENING_IMPORT, balances("1600,,1e30,b"), (3, Some("credit"), "NUMBER")),
        bad("NaN", OPENING_IMPORT, balances("1600,,NaN,b"), (3, Some("credit"), "NUMBER")),
        bad("Infinity", OPENING_IMPORT, balances("1600,,Infinity,b"), (3, Some("credit"), "NUMBER")),
        bad("a number without end", OPENING_IMPORT, balances(&format!("1600,,{},b", "9".repeat(40))), (3, Some("credit"), "OUT_OF_RANGE")),
        bad("both sides", OPENING_IMPORT, balances("1600,1.00,1.00,b"), (3, None, "ONE_SIDE")),
        bad("an unknown account", OPENING_IMPORT, balances("9999,,1.00,b"), (3, Some("account"), "NOT_FOUND")),
        bad("truncated", STATEMENT_IMPORT, camt(&STATEMENT[..STATEMENT.len() / 2]), (0, None, "XML")),
        bad("a billion laughs", STATEMENT_IMPORT, camt(&billion_laughs()), (2, None, "DOCTYPE")),
        bad("an outer entity", STATEMENT_IMPORT, camt("<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Document>&x;</Document>"), (1, None, "DOCTYPE")),
        bad("no statement", STATEMENT_IMPORT, camt("<html><body/></html>"), (1, None, "FORMAT")),
        bad("no XML", STATEMENT_IMPORT, camt("account,amount\n1,2\n"), (1, None, "XML")),
    ]
}

#[tokio::test]
async fn a_bad_line_is_named_and_nothing_of_its_file_is_kept() {
    let (app, books) = nordwind::found().await;
    let client = &books.accountant;
    import(client, CHART_IMPORT, file(CHART)).await;
    nordwind::bank_account(client).await;
    let before = rows(&app);
    let mut wrong = Vec::new();
    for Bad { name, import: what, input, line, column, code } in bad_files() {
        let start = Instant::now();
        let answer = import(client, what, input).await;
        assert!(start.elapsed().as_secs() < 5, "{name} took {:?}", start.elapsed());
        let first = &answer["fileErrors"][0];
        let fits = (line == 0 || first["line"] == json!(line)) && (line == 0 || first["column"] == json!(column)) && first["code"] == json!(code);
        let said = first["message"].as_str().is_some_and(|message| message.len() > 10);
        if !fits || !said || answer["import"] != Value::Null || answer["userErrors"][0]["code"] != "FILE" {
            wrong.push(format!("{name}: expected line {line}, {column:?}, {code}: {answer}"));
        }
        assert_eq!(rows(&app), before, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn all_bad_lines_are_told_at_once_and_no_more_than_a_thousand() {
    let (app, books) = nordwind::found().await;
    let mut text = String::from("number,name,country\n");
    for number in 0..1500 {
        let _ = writeln!(text, "K{number},Customer,D");
    }
    let answer = import(&books.accountant, CUSTOMERS_IMPORT, file(&text)).await;
    let errors = answer["fileErrors"].as_array().unwrap();
    assert_eq!((errors.len(), &answer["moreFileErrors"]), (1000, &json!(500)));
    assert!(errors.iter().zip(2..).all(|(error, line)| error["line"] == json!(line)));
    assert_eq!(answer["userErrors"][0]["message"], "1500 places in the file are wrong; nothing was taken in.");
    assert_eq!(app.database.count("SELECT count(*) FROM finance.customer"), 0);
    // What is there with other data is not overwritten.
    import(&books.accountant, CUSTOMERS_IMPORT, file("number,name,country\nK1,First,DE\n")).await;
    let differs = import(&books.accountant, CUSTOMERS_IMPORT, file("number,name,country\nK0,New,DE\nK1,Second,DE\n")).await;
    assert_eq!((&differs["fileErrors"][0]["line"], &differs["fileErrors"][0]["code"]), (&json!(3), &json!("DIFFERS")), "{differs}");
    assert_eq!(app.database.count("SELECT count(*) FROM finance.customer"), 1);
    // Neither text nor bytes, or both, is no file.
    for nothing in [json!({ "file": { "name": "x" } }), json!({ "file": { "name": "x", "text": "a", "base64": "YQ==" } })] {
        assert!(import(&books.accountant, CUSTOMERS_IMPORT, nothing).await["userErrors"][0]["message"].is_string());
    }
}

#[tokio::test]
async fn opening_balances_that_are_a_cent_off_are_refused() {
    let (app, books) = nordwind::found().await;
    let client = &books.accountant;
    for (what, text) in [(CHART_IMPORT, CHART), (CUSTOMERS_IMPORT, CUSTOMERS), (VENDORS_IMPORT, VENDORS)] {
        import(client, what, file(text)).await;
    }
    let before = rows(&app);
    let off = import(client, OPENING_IMPORT, opening(&OPENING.replace("312.45", "312.46"))).await;
    assert_eq!(off["import"], Value::Null);
    assert!(off.to_string().contains("0.01"), "the difference is named: {off}");
    let unknown = import(client, OPENING_IMPORT, opening(&OPENING.replace("10003", "19999"))).await;
    assert_eq!((&unknown["fileErrors"][0]["column"], &unknown["fileErrors"][0]["code"]), (&json!("party"), &json!("NOT_FOUND")), "{unknown}");
    let input = json!({ "file": { "name": "opening.csv", "text": OPENING }, "date": "2019-01-01" });
    let early = import(client, OPENING_IMPORT, input).await;
    assert_eq!(early["userErrors"][0]["code"], "PERIOD_LOCKED", "{early}");
    assert_eq!(rows(&app), before);
    // The right ones go in; others after them do not.
    assert_eq!(import(client, OPENING_IMPORT, opening(OPENING)).await["import"]["created"], 18);
    let other = import(client, OPENING_IMPORT, opening(&OPENING.replace("312.45", "412.45").replace("51866.47", "51966.47"))).await;
    assert_eq!(other["userErrors"][0]["code"], "STATE", "{other}");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_statement_that_does_not_tie_is_held_with_its_difference() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let before = rows(&app);
    let off = import(client, STATEMENT_IMPORT, camt(&STATEMENT.replace("29516.30", "29516.31"))).await;
    assert_eq!(off["import"], Value::Null);
    assert!(off.to_string().contains("0.01"), "the difference is named: {off}");
    let foreign = import(client, STATEMENT_IMPORT, camt(&STATEMENT.replace("DE57900000010004711200", "DE92900000020000815001"))).await;
    assert_eq!(foreign["fileErrors"][0]["code"], "NOT_FOUND", "{foreign}");
    assert_eq!(rows(&app), before, "nothing is posted or kept");
}

const MAPPING: &str = "Date,Text,Amount,Balance\n";

async fn csv(client: &Client, account: &str, lines: &str, opening: &str, closing: &str) -> Value {
    let mapping = json!({ "bookedOn": "Date", "reference": "Text", "amount": "Amount", "balance": "Balance" });
    let input = json!({ "file": { "name": "bank.csv", "text": format!("{MAPPING}{lines}") }, "format": "CSV", "bankAccount": account,
                        "openingBalance": opening, "closingBalance": closing, "mapping": mapping });
    import(client, STATEMENT_IMPORT, input).await
}

#[tokio::test]
async fn files_of_a_bank_that_overlap_are_one_history() {
    let (app, books) = nordwind::found().await;
    let client = &books.accountant;
    import(client, CHART_IMPORT, file(CHART)).await;
    let account = nordwind::bank_account(client).await;
    let lines = ["2026-03-02,One,10.00,110.00\n", "2026-03-03,Twin,-5.00,105.00\n", "2026-03-03,Twin,-5.00,100.00\n", "2026-03-04,Three,7.25,107.25\n", "2026-03-05,Four,-100.00,7.25\n"];
    let first = csv(client, &account, &lines[..3].concat(), "100.00", "100.00").await;
    assert_eq!((&first["import"]["created"], &first["userErrors"]), (&json!(3), &json!([])), "equal movements are two: {first}");
    let second = csv(client, &account, &lines[1..].concat(), "110.00", "7.25").await;
    assert_eq!((&second["import"]["created"], &second["import"]["unchanged"]), (&json!(2), &json!(2)), "{second}");
    assert_eq!(app.database.count("SELECT count(*) FROM finance.bank_line"), 5);

    // Running balances that break, a day that is left out, numbers and dates that are none.
    let before = rows(&app);
    let broken = csv(client, &account, "2026-03-06,A,1.00,8.25\n2026-03-06,B,1.00,9.26\n", "7.25", "9.25").await;
    assert_eq!((&broken["fileErrors"][0]["line"], &broken["fileErrors"][0]["code"]), (&json!(3), &json!("OUT_OF_BALANCE")), "{broken}");
    let short = csv(client, &account, "2026-03-06,A,1.00,8.25\n", "7.25", "9.25").await;
    assert!(short["import"].is_null() && short.to_string().contains("difference is -1"), "{short}");
    let contradicts = csv(client, &account, "2026-03-06,A,1.00,108.25\n", "107.25", "108.25").await;
    assert!(contradicts["import"].is_null() && contradicts["userErrors"][0]["code"] == "UNBALANCED", "{contradicts}");
    for (line, column, code) in [
        ("06.03.2026,A,1.00,8.25\n", "Date", "DATE"),
        ("2026-03-06,A,NaN,8.25\n", "Amount", "NUMBER"),
        ("2026-03-06,A,1e30,8.25\n", "Amount", "NUMBER"),
        ("2026-03-06,=1+1,1.00,8.25\n", "Text", "FORMULA"),
    ] {
        let answer = csv(client, &account, line, "7.25", "8.25").await;
        let first = &answer["fileErrors"][0];
        assert_eq!((&first["line"], &first["column"], &first["code"]), (&json!(2), &json!(column), &json!(code)), "{line}: {answer}");
    }
    assert_eq!(rows(&app), before);
    assert_eq!(app.database.findings(), Vec::<String>::new());

    // The same file ten times at once adds its lines once.
    let at_once: Vec<_> = (0..10)
        .map(|_| {
            let (client, account) = (client.clone(), account.clone());
            tokio::spawn(async move { csv(&client, &account, "2026-03-06,A,1.00,8.25\n", "7.25", "8.25").await })
        })
        .collect();
    let mut created = 0;
    for one in at_once {
        created += one.await.unwrap()["import"]["created"].as_i64().unwrap();
    }
    assert_eq!(created, 1);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
