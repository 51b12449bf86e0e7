//! Statements of many banks in the formats that they write, all held to the same rule: opening balance and movements give the
//! closing balance, and what has come in once does not come in again.

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind::{self, STATEMENT_IMPORT, import};

/// January as a German bank writes it: a customer pays, the rent goes, a debit comes back.
const MT940: &str = ":20:STARTUMSE
:25:DE57900000010004711200
:28C:00001/001
:60F:C260101EUR1000,00
:61:2601050105C1190,00NTRFNONREF//A1
:86:166?00GUTSCHRIFT?20EREF+INV-1?21SVWZ+Rechnung INV-1?31DE89370400440532013000?32Hafenkontor GmbH
:61:2601060106DR800,NSTONONREF//A2
:86:008?00DAUERAUFTRAG?20Miete Januar?32Speicher AG
:61:2601070107RC90,00NRTINONREF//A3
:86:171?00RUECKLASTSCHRIFT?20zurueck?32Speicher AG
:62F:C260107EUR1300,00
-
";

fn input(format: &str, text: &str, more: Value) -> Value {
    let mut input = json!({ "file": { "name": "statement", "text": text }, "format": format });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

/// What stands on the account, the oldest first: amount, who, what for.
async fn lines(client: &Client) -> Vec<[String; 3]> {
    let query = "{ bankLines(first: 100) { nodes { bookedOn amount { amount } counterparty reference } } }";
    let mut nodes = client.ask(query, json!({})).await["bankLines"]["nodes"].as_array().unwrap().clone();
    nodes.sort_by_key(|node| node["bookedOn"].as_str().unwrap().to_owned());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    nodes
        .iter()
        .map(|node| [text(&node["amount"]["amount"]), text(&node["counterparty"]), text(&node["reference"])])
        .collect()
}

#[tokio::test]
async fn a_swift_statement_is_taken_in_once_and_names_who_paid() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let tried = import(&client.dry(), STATEMENT_IMPORT, input("MT940", MT940, json!({}))).await;
    assert_eq!(lines(client).await, Vec::<[String; 3]>::new());
    let taken = import(client, STATEMENT_IMPORT, input("MT940", MT940, json!({}))).await;
    assert_eq!(tried, taken);
    assert_eq!(taken["import"], json!({ "lines": 3, "created": 3, "unchanged": 0 }), "{taken}");
    assert_eq!(
        lines(client).await,
        [
            ["1190.00", "Hafenkontor GmbH", "Rechnung INV-1"],
            ["-800.00", "Speicher AG", "Miete Januar"],
            ["-90.00", "Speicher AG", "zurueck"]
        ]
    );
    // The next file overlaps by what is known, and goes on.
    let next = MT940.replace(
        ":62F:C260107EUR1300,00",
        ":61:2601080108D0,01NCHGNONREF//A4\n:86:808?00ENTGELT?20Kontofuehrung\n:62F:C260108EUR1299,99",
    );
    let taken = import(client, STATEMENT_IMPORT, input("MT940", &next, json!({}))).await;
    assert_eq!(taken["import"], json!({ "lines": 4, "created": 1, "unchanged": 3 }), "{taken}");
    drop(app);
}

#[tokio::test]
async fn a_file_that_is_off_by_447_16_is_held_in_every_format() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let account = nordwind::id(client, "bankAccounts", "name", "Bank").await;
    let ofx = "<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>DE57900000010004711200</BANKACCTFROM><DTSTART>20260101<DTEND>20260131\
               <STMTTRN><DTPOSTED>20260105<TRNAMT>-80.00<FITID>1</STMTTRN><LEDGERBAL><BALAMT>920.00<DTASOF>20260131</LEDGERBAL></STMTRS></OFX>";
    let qif = "!Type:Bank\nD01/05'26\nT-80.00\nPShop\n^\n";
    let balances = |closing: &str| {
        json!({ "bankAccount": account, "openingBalance": "1000.00", "closingBalance": closing,
                "writing": { "dateFormat": "MONTH_DAY_YEAR_SLASHES" } })
    };
    for off in [
        input("MT940", &MT940.replace("EUR1300,00", "EUR1747,16"), json!({})),
        input("OFX", ofx, json!({ "openingBalance": "1447.16" })),
        input("QIF", qif, balances("1367.16")),
    ] {
        let held = import(client, STATEMENT_IMPORT, off).await;
        assert!(held["import"].is_null(), "{held}");
        assert_eq!(held["userErrors"][0]["code"], "UNBALANCED", "{held}");
        assert!(held["userErrors"][0]["message"].as_str().unwrap().contains("447.16"), "{held}");
    }
    assert_eq!(lines(client).await, Vec::<[String; 3]>::new(), "nothing was taken in");
    for good in [input("OFX", ofx, json!({ "openingBalance": "1000.00" })), input("OFX", ofx, json!({}))] {
        let taken = import(client, STATEMENT_IMPORT, good).await;
        assert_eq!(taken["userErrors"], json!([]), "{taken}");
    }
    assert_eq!(lines(client).await, [["-80.00", "", ""]], "the second time it was known");
    drop(app);
}

#[tokio::test]
async fn what_a_file_says_itself_is_not_said_beside_it() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let account = nordwind::id(client, "bankAccounts", "name", "Bank").await;
    let qif = "!Type:Bank\nD31.01.2026\nT-1.080,00\nPShop\n^\n";
    let german = json!({ "dateFormat": "DAY_MONTH_YEAR_POINTS", "decimalMark": "COMMA" });
    for (wrong, code, field) in [
        (input("MT940", MT940, json!({ "closingBalance": "1.00" })), "INVALID", "closingBalance"),
        (input("MT940", MT940, json!({ "writing": german })), "INVALID", "writing"),
        (input("OFX", "<OFX>", json!({ "closingBalance": "1.00" })), "INVALID", "closingBalance"),
        (input("QIF", qif, json!({ "bankAccount": account, "writing": german })), "REQUIRED", "openingBalance"),
        (input("QIF", qif, json!({ "openingBalance": "0", "closingBalance": "0" })), "REQUIRED", "bankAccount"),
    ] {
        let refused = import(client, STATEMENT_IMPORT, wrong).await;
        assert_eq!(refused["userErrors"][0]["code"], code, "{refused}");
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]), "{refused}");
    }
    // What is wrong in a file is named by line and field, and another account's statement is not this one's.
    let broken = import(client, STATEMENT_IMPORT, input("MT940", &MT940.replace("DR800,", "DR8x"), json!({}))).await;
    assert_eq!(
        (&broken["fileErrors"][0]["line"], &broken["fileErrors"][0]["column"]),
        (&json!(7), &json!(":61:")),
        "{broken}"
    );
    let other = MT940.replace("DE57900000010004711200", "DE89370400440532013000");
    let refused = import(client, STATEMENT_IMPORT, input("MT940", &other, json!({}))).await;
    assert_eq!(refused["fileErrors"][0]["code"], "NOT_FOUND", "{refused}");
    let mut good = json!({ "bankAccount": account, "openingBalance": "2000", "closingBalance": "920.00" });
    good["writing"] = german;
    let taken = import(client, STATEMENT_IMPORT, input("QIF", qif, good)).await;
    assert_eq!(taken["import"], json!({ "lines": 1, "created": 1, "unchanged": 0 }), "{taken}");
    assert_eq!(lines(client).await, [["-1080.00", "Shop", ""]]);
    drop(app);
}
