//! What a revaluation posts: no database, no clock.

use std::collections::{BTreeMap, HashMap};

use backoffice_money::{Currency, Decimal, MoneyError, add, mul, neg, round, sub, sum};

use crate::finance::ids::{AccountId, OpenItemId};
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::NewLine;

/// What is open in a foreign currency. Debit positive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The account that it stands on.
    pub account: AccountId,
    /// The open item; none for the balance of an account that is kept in the currency.
    pub item: Option<OpenItemId>,
    /// The currency.
    pub currency: Currency,
    /// In that currency.
    pub document: Decimal,
    /// What the books say it is worth.
    pub book: Decimal,
}

/// A position at its rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valued {
    /// The position.
    pub position: Position,
    /// Book currency for one unit.
    pub rate: Decimal,
    /// What it is worth at the rate, rounded, less what the books say: positive is a debit.
    pub difference: Decimal,
}

/// The positions at their rates; those in a currency without a rate are left out and named.
pub fn valued(
    positions: Vec<Position>,
    rates: &HashMap<String, Decimal>,
    book: Currency,
) -> Result<(Vec<Valued>, Vec<Currency>), MoneyError> {
    let (mut done, mut missing) = (Vec::with_capacity(positions.len()), Vec::new());
    for position in positions {
        let Some(rate) = rates.get(position.currency.code()).copied() else {
            if !missing.contains(&position.currency) {
                missing.push(position.currency);
            }
            continue;
        };
        let worth = round(mul(position.document, rate)?, book)?;
        done.push(Valued { rate, difference: sub(worth, position.book)?, position });
    }
    Ok((done, missing))
}

/// The lines: each account by its differences, in its currency without any amount of it, against what is not realised.
/// Nothing if no account changes.
pub fn lines(valued: &[Valued], unrealized: AccountId, book: Currency, text: &str) -> Result<Vec<NewLine>, MoneyError> {
    let mut changes: BTreeMap<(AccountId, Currency), Decimal> = BTreeMap::new();
    for one in valued {
        let change = changes.entry((one.position.account, one.position.currency)).or_default();
        *change = add(*change, one.difference)?;
    }
    let line = |account, amount_document, amount, currency| NewLine {
        account,
        amount_document,
        amount,
        currency,
        description: text.to_owned(),
        tax_code: None,
        labels: Labels::none(),
    };
    let mut made = Vec::with_capacity(changes.len().saturating_add(1));
    for ((account, currency), change) in &changes {
        if !change.is_zero() {
            made.push(line(*account, Decimal::ZERO, *change, *currency));
        }
    }
    let gain = sum(changes.values().copied())?;
    if !gain.is_zero() {
        made.push(line(unrealized, neg(gain)?, neg(gain)?, book));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use backoffice_money::Balanced;
    use proptest::prelude::*;

    use super::*;

    fn position(account: AccountId, currency: &str, document: i64, book: i64) -> Position {
        Position {
            account,
            item: None,
            currency: Currency::parse(currency).unwrap(),
            document: Decimal::new(document, 2),
            book: Decimal::new(book, 2),
        }
    }

    #[test]
    fn a_hundred_dollars_at_eighty_five() {
        let (book, owed, result) = (Currency::parse("INR").unwrap(), AccountId::new(), AccountId::new());
        let rates = HashMap::from([("USD".to_owned(), Decimal::from(85))]);
        let open = vec![position(owed, "USD", 10_000, 800_000), position(owed, "CHF", 1, 1)];
        let (valued, missing) = valued(open, &rates, book).unwrap();
        assert_eq!(missing, [Currency::parse("CHF").unwrap()]);
        let lines = lines(&valued, result, book, "Revaluation").unwrap();
        let shown: Vec<_> = lines.iter().map(|line| (line.account, line.amount_document, line.amount)).collect();
        let loss = -Decimal::from(500);
        assert_eq!(shown, [(owed, Decimal::ZERO, Decimal::from(500)), (result, loss, loss)]);
        Balanced::check(book, lines).unwrap();
    }

    proptest! {
        /// Afterwards every account is worth what its positions are at the rates, and the entry balances.
        #[test]
        fn accounts_are_worth_their_positions(
            open in prop::collection::vec((0usize..3, any::<bool>(), -1_000_000i64..1_000_000, -1_000_000i64..1_000_000), 1..30),
            dollar in 1i64..100_000_000, franc in 1i64..100_000_000,
        ) {
            let book = Currency::parse("EUR").unwrap();
            let accounts = [AccountId::new(), AccountId::new(), AccountId::new()];
            let rates = HashMap::from([("USD".to_owned(), Decimal::new(dollar, 6)), ("CHF".to_owned(), Decimal::new(franc, 6))]);
            let open: Vec<Position> = open
                .into_iter()
                .map(|(account, dollar, document, kept)| position(accounts[account], if dollar { "USD" } else { "CHF" }, document, kept))
                .collect();
            let (valued, missing) = valued(open.clone(), &rates, book).unwrap();
            prop_assert!(missing.is_empty());
            let made = lines(&valued, AccountId::new(), book, "x").unwrap();
            for account in accounts {
                let before = sum(open.iter().filter(|one| one.account == account).map(|one| one.book)).unwrap();
                let moved = sum(made.iter().filter(|line| line.account == account).map(|line| line.amount)).unwrap();
                let worth = open.iter().filter(|one| one.account == account);
                let worth = sum(worth.map(|one| round(mul(one.document, rates[one.currency.code()]).unwrap(), book).unwrap())).unwrap();
                prop_assert_eq!(add(before, moved).unwrap(), worth);
            }
            prop_assert!(made.is_empty() || Balanced::check(book, made).is_ok());
        }
    }
}
