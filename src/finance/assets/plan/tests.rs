use proptest::prelude::*;

use super::*;

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn plan(base: i64, residual: i64, months: u32, method: DepreciationMethod, spread: DepreciationSpread) -> Laid {
    let (from_on, ends_on) = time(day(2026, 1, 10), months, spread).unwrap();
    let percent = Decimal::from(40);
    Laid { base: Decimal::new(base, 2), residual: Decimal::new(residual, 2), from_on, ends_on, method, spread, percent }
}

fn amounts(made: &[SliceOf]) -> Vec<String> {
    made.iter().map(|slice| slice.amount.to_string()).collect()
}

#[test]
fn evenly_by_month() {
    use {DepreciationMethod::StraightLine, DepreciationSpread::ByMonth};
    let made = lay(&plan(100_000, 10_000, 24, StraightLine, ByMonth), 2).unwrap();
    assert_eq!((made.len(), made[0].from, made[23].to), (24, day(2026, 1, 1), day(2027, 12, 31)));
    assert!(made.iter().all(|slice| slice.amount == Decimal::new(3750, 2)));
    // After three months it is worth 100 more: 887.50 over 21 months.
    let later =
        Laid { base: Decimal::new(98_750, 2), from_on: day(2026, 4, 1), ..plan(0, 10_000, 24, StraightLine, ByMonth) };
    let made = lay(&later, 2).unwrap();
    assert_eq!(made.len(), 21);
    assert!(made[..20].iter().all(|slice| slice.amount == Decimal::new(4226, 2)));
    assert_eq!(made[20].amount, Decimal::new(4230, 2));
}

#[test]
fn declining_goes_over_to_even_parts() {
    let made = lay(&plan(100_000, 0, 60, DepreciationMethod::Declining, DepreciationSpread::ByMonth), 2).unwrap();
    let years: Vec<String> = made.chunks(12).map(|year| total(year).unwrap().to_string()).collect();
    assert_eq!(years, ["400.00", "240.00", "144.00", "108.00", "108.00"]);
    assert_eq!(amounts(&made[..12]), [vec!["33.33"; 11], vec!["33.37"]].concat());
}

#[test]
fn units_take_what_they_are_worth_together() {
    let (all, units) = (Decimal::from(100), Decimal::from(3));
    let mut before = (Decimal::ZERO, Decimal::ZERO);
    let mut made = Vec::new();
    for _ in 0..3 {
        let amount = for_units(all, units, before, Decimal::ONE, 2).unwrap();
        before = (before.0 + Decimal::ONE, before.1 + amount);
        made.push(amount.to_string());
    }
    assert_eq!(made, ["33.33", "33.34", "33.33"]);
}

#[test]
fn a_month_is_cut_by_its_days() {
    let month = SliceOf { from: day(2026, 4, 1), to: day(2026, 4, 30), amount: Decimal::new(3000, 2) };
    let part = cut(&month, day(2026, 4, 10), 2).unwrap();
    assert_eq!(part, SliceOf { from: day(2026, 4, 1), to: day(2026, 4, 10), amount: Decimal::new(1000, 2) });
}

proptest! {
    /// Whatever the plan: its parts follow each other without a gap, none is negative, and together they are base less residual.
    #[test]
    fn parts_come_to_base_less_residual(
        cents in 0i64..100_000_000, left in 0i64..1000, count in 1u32..200, start in 0u64..800, declining in any::<bool>(), by_day in any::<bool>(),
    ) {
        let spread = if by_day && !declining { DepreciationSpread::ByDay } else { DepreciationSpread::ByMonth };
        let method = if declining { DepreciationMethod::Declining } else { DepreciationMethod::StraightLine };
        let residual = Decimal::new(cents * left / 1000, 2);
        let (from_on, ends_on) = time(day(2025, 1, 1) + chrono::Days::new(start), count, spread).unwrap();
        let laid = Laid { base: Decimal::new(cents, 2), residual, from_on, ends_on, method, spread, percent: Decimal::from(25) };
        let made = lay(&laid, 2).unwrap();
        prop_assert_eq!(total(&made).unwrap(), laid.base - residual);
        prop_assert!(made.iter().all(|slice| slice.amount >= Decimal::ZERO));
        let mut next = from_on;
        for slice in &made {
            prop_assert_eq!(slice.from, next);
            next = slice.to + chrono::Days::new(1);
        }
        prop_assert_eq!(next, ends_on + chrono::Days::new(1));
    }
}
