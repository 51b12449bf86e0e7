//! The demo clients' files, read by the parsers that everybody's files go through, and held against each other.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use crate::bank_csv::{self, AmountColumns, ColumnMapping, StatementFacts};
use crate::chart_csv::{self, ChartAccount, Control};
use crate::parties_csv::{self, Party};
use crate::{AccountId, BankStatement, DateFormat, DecimalMark, Dialect, camt053, opening_csv};

fn file(path: &str) -> Vec<u8> {
    let path = format!("{}/../../demo/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads a client's files and checks that they fit each other; returns the opening balance of the bank account.
fn consistent(client: &str) -> Decimal {
    let dialect = Dialect::default();
    let chart = chart_csv::parse(&file(&format!("{client}/chart.csv")), &dialect).unwrap();
    let parties = |kind: &str| parties_csv::parse(&file(&format!("{client}/{kind}.csv")), &dialect).unwrap();
    let (customers, vendors) = (parties("customers"), parties("vendors"));
    assert!(customers.len() >= 6 && vendors.len() >= 5);
    // Neither of the two has anything in a foreign currency, or grants discounts, or books what reminders cost, or keeps
    // a register of assets or an account for what waits.
    let without = [
        Control::ExchangeDifference,
        Control::UnrealizedExchange,
        Control::DiscountAllowed,
        Control::DiscountReceived,
        Control::DunningFee,
        Control::DunningInterest,
        Control::Suspense,
        Control::FixedAsset,
        Control::AccumulatedDepreciation,
    ];
    for control in Control::ALL.iter().filter(|control| !without.contains(control)) {
        assert!(chart.iter().any(|account| account.control == Some(*control)), "{client} lacks {control}");
    }
    let accounts: HashMap<&str, &ChartAccount> = chart.iter().map(|account| (account.code.as_str(), account)).collect();
    let numbers = |parties: &[Party]| -> HashSet<String> { parties.iter().map(|party| party.number.clone()).collect() };
    let (customers, vendors) = (numbers(&customers), numbers(&vendors));
    let opening = opening_csv::parse(&file(&format!("{client}/opening-balances.csv")), &dialect).unwrap();
    let mut bank = Decimal::ZERO;
    for line in &opening.lines {
        let account = accounts[line.account.as_str()];
        assert!(!account.group, "{client}: balance on group {}", account.code);
        let party = line.party.as_ref();
        match account.control {
            Some(Control::Receivable) => assert!(customers.contains(party.unwrap())),
            Some(Control::Payable) => assert!(vendors.contains(party.unwrap())),
            Some(Control::Bank) => bank = bank.checked_add(line.debit).unwrap(),
            _ => assert_eq!(party, None),
        }
    }
    bank
}

fn ties(statement: &BankStatement, opening: Decimal) {
    assert_eq!(statement.opening, opening);
    statement.tie().unwrap();
    let fingerprints: HashSet<String> = statement.lines.iter().map(|line| line.fingerprint()).collect();
    assert_eq!(fingerprints.len(), statement.lines.len());
}

#[test]
fn nordwind() {
    let opening = consistent("nordwind");
    let statements = camt053::parse(&file("nordwind/bank-2026-01.xml")).unwrap();
    assert_eq!(statements.len(), 1);
    ties(&statements[0], opening);
    assert_eq!((statements[0].lines.len(), statements[0].pending), (13, 1));
    assert_eq!(crate::iban::check(statements[0].account.iban.as_deref().unwrap()).unwrap(), "DE57900000010004711200");
}

#[test]
fn harbor() {
    let opening = consistent("harbor");
    let some = |name: &str| Some(name.to_owned());
    let amount = AmountColumns::Sides { debit: "Withdrawals".into(), credit: "Deposits".into() };
    let mapping = ColumnMapping {
        value_on: some("Value Date"),
        currency: some("Currency"),
        counterparty: some("Counterparty"),
        reference: some("Description"),
        bank_reference: some("Bank Reference"),
        balance: some("Balance"),
        dialect: Dialect {
            decimal_mark: DecimalMark::Point,
            date_format: DateFormat::MonthDayYearSlashes,
            ..Dialect::default()
        },
        ..ColumnMapping::new("Posting Date", amount)
    };
    let facts = StatementFacts {
        account: AccountId { iban: None, other: Some("1110".into()) },
        currency: "USD".into(),
        opening,
        closing: "48292.47".parse().unwrap(),
    };
    let statement = bank_csv::parse(&file("harbor/bank-2026-01.csv"), &mapping, facts).unwrap();
    ties(&statement, opening);
    assert_eq!(statement.lines.len(), 15);
}
