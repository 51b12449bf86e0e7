//! An entry that is off by a cent does not exist.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line(Decimal, Decimal, Currency);

impl Posting for Line {
    fn book(&self) -> Decimal {
        self.0
    }
    fn document(&self) -> Decimal {
        self.1
    }
    fn currency(&self) -> Currency {
        self.2
    }
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn line(book: &str, document: &str, code: &str) -> Line {
    Line(book.parse().unwrap(), document.parse().unwrap(), currency(code))
}

fn euro(amount: &str) -> Line {
    line(amount, amount, "EUR")
}

fn check(lines: Vec<Line>) -> Result<Balanced<Line>, MoneyError> {
    Balanced::check(currency("EUR"), lines)
}

#[test]
fn an_entry_in_balance_is_built() {
    let entry = check(vec![euro("119"), euro("-100"), euro("-19")]).unwrap();
    assert_eq!(entry.volume(), Ok("119".parse().unwrap()));
    assert_eq!(entry.book_currency(), currency("EUR"));
    assert_eq!(entry.into_lines().len(), 3);
}

#[test]
fn a_cent_too_much_is_refused_with_both_sides() {
    let error = check(vec![euro("100.01"), euro("-100.00")]).unwrap_err();
    assert_eq!(error.to_string(), "Debit and credit differ by 0.01 EUR: debit is 100.01, credit is 100.00.");
}

#[test]
fn one_document_currency_balances_too() {
    assert!(check(vec![line("90", "100", "USD"), line("-90", "-100", "USD")]).is_ok());
    let error = check(vec![line("90", "100", "USD"), line("-90", "-99.99", "USD")]).unwrap_err();
    assert!(matches!(error, MoneyError::Unbalanced { currency, .. } if currency.code() == "USD"));
}

#[test]
fn mixed_currencies_balance_in_the_books_only() {
    // USD 100 booked at 50 and paid at 55 in books kept in yen: the gain is 500
    let books = currency("JPY");
    let paid = vec![line("5500", "5500", "JPY"), line("-5000", "-100", "USD"), line("-500", "-500", "JPY")];
    assert!(Balanced::check(books, paid).is_ok());
    // a revaluation moves the books alone
    assert!(check(vec![line("500", "0", "USD"), line("-500", "-500", "EUR")]).is_ok());
    assert!(matches!(
        check(vec![line("90", "100", "USD"), line("-89.99", "-89.99", "EUR")]),
        Err(MoneyError::Unbalanced { .. })
    ));
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    let at = |error: MoneyError| match error {
        MoneyError::AtLine { index, reason } => (index, *reason),
        other => panic!("{other}"),
    };
    assert_eq!(check(vec![]), Err(MoneyError::TooFewLines));
    assert_eq!(check(vec![euro("0")]), Err(MoneyError::TooFewLines));
    let zero = check(vec![euro("1"), euro("-1"), euro("0.00")]).unwrap_err();
    assert_eq!(zero.to_string(), "Line 3: The line has no amount.");
    let fine = check(vec![euro("1.005"), euro("-1.005")]).unwrap_err();
    assert!(matches!(at(fine), (0, MoneyError::TooManyDecimals { allowed: 2, .. })));
    let yen = check(vec![line("1", "100.5", "JPY"), line("-1", "-100.5", "JPY")]).unwrap_err();
    assert!(matches!(at(yen), (0, MoneyError::TooManyDecimals { allowed: 0, .. })));
    let twisted = check(vec![euro("1"), line("-1", "1", "USD")]).unwrap_err();
    assert_eq!(at(twisted), (1, MoneyError::OppositeSigns));
    let differing = check(vec![line("1", "2", "EUR"), euro("-1")]).unwrap_err();
    assert!(matches!(at(differing), (0, MoneyError::AmountsDiffer { .. })));
    let huge = check(vec![Line(Decimal::MAX, Decimal::MAX, currency("EUR")), euro("-1")]).unwrap_err();
    assert_eq!(at(huge), (0, MoneyError::Overflow));
}

fn amounts() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec((1i64..=99_999_999_999).prop_flat_map(|n| prop_oneof![Just(n), Just(-n)]), 1..30)
        .prop_filter("the closing line is not zero", |amounts| amounts.iter().sum::<i64>() != 0)
}

fn lines(cents: &[i64]) -> Vec<Line> {
    cents.iter().map(|cents| Line(Decimal::new(*cents, 2), Decimal::new(*cents, 2), currency("EUR"))).collect()
}

proptest! {
    #[test]
    fn only_the_exact_counter_amount_balances(mut cents in amounts(), off in prop_oneof![-3i64..=-1, 1i64..=3], at in any::<prop::sample::Index>()) {
        cents.push(-cents.iter().sum::<i64>());
        prop_assert!(check(lines(&cents)).is_ok());
        let index = at.index(cents.len());
        cents[index] += off;
        prop_assert!(check(lines(&cents)).is_err());
    }

    #[test]
    fn any_lines_are_answered(amounts in prop::collection::vec((any::<i64>(), any::<i64>(), 0u32..=28), 0..6)) {
        let lines = amounts.into_iter().map(|(book, document, scale)| Line(Decimal::new(book, scale), Decimal::new(document, scale), currency("USD")));
        let _ = check(lines.collect());
    }
}
