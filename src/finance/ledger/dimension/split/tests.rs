use proptest::prelude::*;

use super::*;
use crate::finance::ids::AccountId;
use crate::finance::ledger::dimension::Labels;

fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn line(labels: Labels, cents: i64) -> NewLine {
    let amount = Decimal::new(cents, 2);
    NewLine {
        account: AccountId::new(),
        amount_document: amount,
        amount,
        currency: eur(),
        description: String::new(),
        tax_code: None,
        labels,
    }
}

fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(number)
}

#[test]
fn a_hundred_at_sixty_and_forty() {
    let (dimension, from) = (DimensionId::new(), DimensionValueId::new());
    let (one, two) = (DimensionValueId::new(), DimensionValueId::new());
    let splits = Splits::from([(from, vec![(one, Decimal::from(60)), (two, Decimal::from(40))])]);
    let lines = vec![line(Labels::none().with(dimension, from), 10_000), line(Labels::none(), -10_000)];
    let parts = distributed(lines, &splits, eur()).unwrap();
    let amounts: Vec<_> = parts.iter().map(|part| (part.labels.of(dimension), part.amount)).collect();
    let euros = |amount: i64| Decimal::new(amount * 100, 2);
    assert_eq!(amounts, [(Some(one), euros(60)), (Some(two), euros(40)), (None, euros(-100))]);
    // A third each of a cent more than can be shared.
    let third = DimensionValueId::new();
    let weights = [("33.333333", one), ("33.333333", two), ("33.333334", third)];
    let splits = Splits::from([(from, weights.iter().map(|(text, id)| (*id, text.parse().unwrap())).collect())]);
    let parts = distributed(vec![line(Labels::none().with(dimension, from), 100)], &splits, eur()).unwrap();
    assert_eq!(sum(parts.iter().map(|part| part.amount)).unwrap(), Decimal::ONE);
    assert!(parts.iter().all(|part| part.amount >= Decimal::new(33, 2) && part.amount <= Decimal::new(34, 2)));
}

#[test]
fn nothing_is_split_into_itself() {
    let (a, b, c) = (DimensionValueId::new(), DimensionValueId::new(), DimensionValueId::new());
    let splits = |list: &[(DimensionValueId, u64, Vec<DimensionValueId>)]| {
        let mut all = Dated::new();
        for (value, from, parts) in list {
            all.entry(*value).or_default().insert(day(*from), parts.clone());
        }
        all
    };
    assert_eq!(circle(&splits(&[(a, 0, vec![a])]), a, day(0)), Some(day(0)));
    assert_eq!(circle(&splits(&[(a, 0, vec![b]), (b, 0, vec![c])]), a, day(0)), None);
    assert_eq!(circle(&splits(&[(a, 0, vec![b]), (b, 0, vec![c]), (c, 5, vec![a])]), a, day(0)), Some(day(5)));
    // The one ends before the other begins.
    assert_eq!(circle(&splits(&[(a, 0, vec![b]), (a, 5, vec![]), (b, 5, vec![a])]), b, day(5)), None);
    assert_eq!(circle(&splits(&[(a, 0, vec![b]), (a, 5, vec![]), (b, 4, vec![a])]), b, day(4)), Some(day(4)));
}

proptest! {
    /// Whatever is split over however many steps, every cent is there, on values that are not split themselves.
    #[test]
    fn every_cent_is_there(
        amount in -1_000_000i64..1_000_000,
        first in prop::collection::vec(1i64..1000, 1..8),
        second in prop::collection::vec(1i64..1000, 1..8),
    ) {
        let (dimension, from) = (DimensionId::new(), DimensionValueId::new());
        let percents = |weights: &[i64]| {
            let weights: Vec<Decimal> = weights.iter().map(|weight| Decimal::from(*weight)).collect();
            split(Decimal::ONE_HUNDRED, &weights, 6).unwrap()
        };
        let parts = |weights: &[i64]| -> Vec<(DimensionValueId, Decimal)> {
            percents(weights).into_iter().map(|percent| (DimensionValueId::new(), percent)).collect()
        };
        let (near, far) = (parts(&first), parts(&second));
        let splits = Splits::from([(from, near.clone()), (near[0].0, far.clone())]);
        let made = distributed(vec![line(Labels::none().with(dimension, from), amount)], &splits, eur()).unwrap();
        prop_assert_eq!(sum(made.iter().map(|part| part.amount)).unwrap(), Decimal::new(amount, 2));
        for part in &made {
            prop_assert!(!splits.contains_key(&part.labels.of(dimension).unwrap()));
            prop_assert_eq!(part.amount, part.amount_document);
            prop_assert!(part.amount.is_sign_negative() == (amount < 0));
        }
    }
}
