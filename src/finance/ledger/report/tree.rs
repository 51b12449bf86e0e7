//! The chart with figures: groups sum their leaves, rows come in the order of a statement. No database.

use std::collections::HashMap;

use backoffice_money::{Decimal, MoneyError, add, sub};

use super::figures::Figures;
use crate::finance::ids::AccountId;
use crate::finance::ledger::account::{Account, AccountKind};

/// What a row adds up: debits and credits in the span, and the balance before it (debit positive).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Balance before the span.
    pub opening: Decimal,
    /// Debits in the span.
    pub debit: Decimal,
    /// Credits in the span.
    pub credit: Decimal,
    /// How many lines the span has.
    pub lines: i64,
}

impl Sums {
    /// Of one account.
    pub fn of(figures: &Figures) -> Result<Self, MoneyError> {
        Ok(Self {
            opening: sub(figures.debit_before, figures.credit_before)?,
            debit: figures.debit,
            credit: figures.credit,
            lines: figures.lines,
        })
    }

    /// Both together.
    pub fn plus(&self, other: &Self) -> Result<Self, MoneyError> {
        Ok(Self {
            opening: add(self.opening, other.opening)?,
            debit: add(self.debit, other.debit)?,
            credit: add(self.credit, other.credit)?,
            lines: self.lines.saturating_add(other.lines),
        })
    }

    /// All together.
    pub fn total<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Result<Self, MoneyError> {
        parts.into_iter().try_fold(Self::default(), |total, part| total.plus(part))
    }

    /// Balance at the end of the span: debit positive.
    pub fn balance(&self) -> Result<Decimal, MoneyError> {
        add(self.opening, sub(self.debit, self.credit)?)
    }
}

/// A row of the chart with what it adds up.
#[derive(Clone, Debug)]
pub struct Node {
    /// The account.
    pub account: Account,
    /// How many groups stand above it.
    pub depth: i32,
    /// Its own sums, or those of all leaves below it.
    pub sums: Sums,
    /// The leaves whose lines it sums.
    pub leaves: Vec<AccountId>,
}

/// The rows of the kinds asked for, kind by kind, each group before what it holds, siblings by number. Accounts and
/// groups that never moved up to the end of the span are left out.
pub fn rows(
    accounts: &[Account],
    figures: &HashMap<AccountId, Figures>,
    kinds: &[AccountKind],
) -> Result<Vec<Node>, MoneyError> {
    let mut children: HashMap<Option<AccountId>, Vec<&Account>> = HashMap::new();
    for account in accounts {
        children.entry(account.parent_id).or_default().push(account);
    }
    for siblings in children.values_mut() {
        siblings.sort_by(|one, other| one.code.cmp(&other.code));
    }
    let mut rows = Vec::new();
    for kind in kinds {
        for top in children.get(&None).into_iter().flatten().filter(|account| account.kind == *kind) {
            descend(top, 0, &children, figures, &mut rows)?;
        }
    }
    Ok(rows)
}

/// Adds an account and what is below it; gives its sums and leaves. The database keeps charts at most 20 deep.
fn descend(
    account: &Account,
    depth: i32,
    children: &HashMap<Option<AccountId>, Vec<&Account>>,
    figures: &HashMap<AccountId, Figures>,
    rows: &mut Vec<Node>,
) -> Result<Option<(Sums, Vec<AccountId>)>, MoneyError> {
    let place = rows.len();
    rows.push(Node { account: account.clone(), depth, sums: Sums::default(), leaves: Vec::new() });
    let (sums, leaves) = if account.is_group {
        let mut sums = Sums::default();
        let mut leaves = Vec::new();
        for child in children.get(&Some(account.id)).into_iter().flatten() {
            if let Some((more, below)) = descend(child, depth.saturating_add(1), children, figures, rows)? {
                sums = sums.plus(&more)?;
                leaves.extend(below);
            }
        }
        (sums, leaves)
    } else {
        match figures.get(&account.id).filter(|figures| figures.moved()) {
            Some(figures) => (Sums::of(figures)?, vec![account.id]),
            None => (Sums::default(), Vec::new()),
        }
    };
    if leaves.is_empty() {
        rows.truncate(place);
        return Ok(None);
    }
    if let Some(row) = rows.get_mut(place) {
        row.sums = sums;
        row.leaves.clone_from(&leaves);
    }
    Ok(Some((sums, leaves)))
}

/// The leaves at or below an account.
#[must_use]
pub fn leaves(accounts: &[Account], top: AccountId) -> Vec<AccountId> {
    let mut found = Vec::new();
    let mut next = vec![top];
    while let Some(id) = next.pop() {
        for account in accounts {
            if account.id == id && !account.is_group {
                found.push(id);
            } else if account.parent_id == Some(id) {
                next.push(account.id);
            }
        }
    }
    found
}

/// Σ of the leaves of those kinds.
pub fn total(
    accounts: &[Account],
    figures: &HashMap<AccountId, Figures>,
    kinds: &[AccountKind],
) -> Result<Sums, MoneyError> {
    let wanted = accounts.iter().filter(|account| !account.is_group && kinds.contains(&account.kind));
    wanted
        .filter_map(|account| figures.get(&account.id))
        .try_fold(Sums::default(), |total, figures| total.plus(&Sums::of(figures)?))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime as Moment, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::platform::scalars::DateTime;

    const KINDS: [AccountKind; 5] =
        [AccountKind::Asset, AccountKind::Liability, AccountKind::Equity, AccountKind::Income, AccountKind::Expense];

    fn account(code: usize, kind: AccountKind, parent_id: Option<AccountId>, is_group: bool) -> Account {
        Account {
            id: AccountId::new(),
            code: code.to_string(),
            name: code.to_string(),
            kind,
            parent_id,
            is_group,
            control: None,
            currency: None,
            statement_line: None,
            active: true,
            created_at: DateTime(Moment::<Utc>::from_timestamp(0, 0).unwrap()),
            version: 1,
        }
    }

    /// A chart in which every kind has a group, and groups hold groups and leaves at random.
    fn chart(shape: &[(usize, bool, usize)]) -> Vec<Account> {
        let mut chart: Vec<Account> =
            KINDS.iter().zip(1..).map(|(kind, code)| account(code, *kind, None, true)).collect();
        for (at, (kind, is_group, parent)) in shape.iter().enumerate() {
            let kind = KINDS[kind % 5];
            let groups: Vec<AccountId> =
                chart.iter().filter(|above| above.is_group && above.kind == kind).map(|above| above.id).collect();
            chart.push(account(100 + at, kind, Some(groups[parent % groups.len()]), *is_group));
        }
        for (kind, code) in KINDS.iter().zip(900..) {
            chart.push(account(code, *kind, None, false));
        }
        chart
    }

    /// A posted amount: entry of two lines, debit on one leaf, credit on another, in the span or before it.
    type Entry = (prop::sample::Index, prop::sample::Index, i64, bool);

    /// All lines, and the figures they make.
    type Book = (Vec<(AccountId, Decimal, bool)>, HashMap<AccountId, Figures>);

    fn book(chart: &[Account], entries: &[Entry]) -> Book {
        let leaves: Vec<AccountId> = chart.iter().filter(|leaf| !leaf.is_group).map(|leaf| leaf.id).collect();
        let mut lines = Vec::new();
        for (debit, credit, amount, within) in entries {
            lines.push((*debit.get(&leaves), Decimal::new(*amount, 2), *within));
            lines.push((*credit.get(&leaves), Decimal::new(-*amount, 2), *within));
        }
        let mut figures: HashMap<AccountId, Figures> = HashMap::new();
        for (account_id, amount, within) in &lines {
            let kept = figures.entry(*account_id).or_insert(Figures::none(*account_id));
            let side = match (within, amount.is_sign_negative()) {
                (true, false) => &mut kept.debit,
                (true, true) => &mut kept.credit,
                (false, false) => &mut kept.debit_before,
                (false, true) => &mut kept.credit_before,
            };
            *side = add(*side, amount.abs()).unwrap();
            let count = if *within { &mut kept.lines } else { &mut kept.lines_before };
            *count += 1;
        }
        (lines, figures)
    }

    proptest! {
        /// Each row is the sum of the lines of what is below it, found by walking upwards from every line.
        #[test]
        fn rows_sum_their_lines(
            shape in prop::collection::vec((0usize..5, any::<bool>(), 0usize..50), 0..25),
            entries in prop::collection::vec(
                (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1i64..1_000_000, any::<bool>()), 1..40),
        ) {
            let chart = chart(&shape);
            let (lines, figures) = book(&chart, &entries);
            let parents: HashMap<AccountId, Option<AccountId>> = chart.iter().map(|a| (a.id, a.parent_id)).collect();
            let mut naive: HashMap<AccountId, (Decimal, i64)> = HashMap::new();
            for (leaf, amount, within) in &lines {
                let mut above = Some(*leaf);
                while let Some(id) = above {
                    let sum = naive.entry(id).or_default();
                    sum.0 = add(sum.0, *amount).unwrap();
                    sum.1 += i64::from(*within);
                    above = parents[&id];
                }
            }
            let rows = rows(&chart, &figures, &KINDS).unwrap();
            prop_assert_eq!(rows.len(), naive.len());
            for row in &rows {
                let (balance, count) = naive[&row.account.id];
                prop_assert_eq!(row.sums.balance().unwrap(), balance);
                prop_assert_eq!(row.sums.lines, count);
                let mut below = leaves(&chart, row.account.id);
                below.retain(|leaf| figures.contains_key(leaf));
                below.sort();
                let mut summed = row.leaves.clone();
                summed.sort();
                prop_assert_eq!(below, summed);
            }
            // A group stands right before what it holds, one step further out.
            for pair in rows.windows(2) {
                prop_assert!(pair[1].depth <= pair[0].depth + 1);
            }
        }

        /// Whatever was posted, debits equal credits, and assets equal liabilities and equity with the results of all years.
        #[test]
        fn the_books_balance(
            shape in prop::collection::vec((0usize..5, any::<bool>(), 0usize..50), 0..25),
            entries in prop::collection::vec(
                (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1i64..1_000_000, any::<bool>()), 1..40),
        ) {
            let chart = chart(&shape);
            let (_, figures) = book(&chart, &entries);
            let all = total(&chart, &figures, &KINDS).unwrap();
            prop_assert_eq!(all.debit, all.credit);
            prop_assert_eq!(all.opening, Decimal::ZERO);
            let side = |kinds: &[AccountKind]| total(&chart, &figures, kinds).unwrap().balance().unwrap();
            let assets = side(&[AccountKind::Asset]);
            let others = side(&[AccountKind::Liability, AccountKind::Equity, AccountKind::Income, AccountKind::Expense]);
            prop_assert_eq!(add(assets, others).unwrap(), Decimal::ZERO);
        }
    }
}
