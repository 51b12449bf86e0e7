//! Lead schedules: the accounts of each part of the statements, from the audited balance of the year before over the
//! balance that the auditor was given to the balance that stands now.

use std::collections::HashMap;

use async_graphql::{Context, Object, SimpleObject};
use backoffice_money::{Decimal, add, sub};
use chrono::NaiveDate;

use crate::finance::ids::AccountId;
use crate::finance::ledger::account::{self, Account, AccountKind};
use crate::finance::ledger::period;
use crate::finance::ledger::report::figures::{Span, figures};
use crate::finance::ledger::report::tree::Sums;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;

/// The accounts of one part of the statements, and their sum.
#[derive(SimpleObject)]
pub struct LeadSchedule {
    /// Number of the group at the top of the chart, or of the account if it stands there by itself.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Kind of its accounts.
    pub kind: AccountKind,
    /// The accounts that ever moved, in the order of the chart.
    pub rows: Vec<LeadScheduleRow>,
    /// Σ of the rows.
    pub total: LeadScheduleAmounts,
}

/// An account of a lead schedule.
#[derive(SimpleObject)]
pub struct LeadScheduleRow {
    /// The account.
    pub account: Account,
    /// Its amounts.
    pub amounts: LeadScheduleAmounts,
}

/// Balances in the books' currency, debit positive. Entries that close a fiscal year are left out: accounts of income and
/// expense show what they came to in the fiscal year of their day.
#[derive(SimpleObject, Clone)]
pub struct LeadScheduleAmounts {
    /// The balance at the end of the day compared with, as it is known now.
    pub prior: Money,
    /// The balance at the end of the day, as it was known when the auditor was given the books.
    pub unadjusted: Money,
    /// What entries that were recorded since have changed: `adjusted` less `unadjusted`.
    pub adjustments: Money,
    /// The balance at the end of the day, as it is known now.
    pub adjusted: Money,
    /// `adjusted` less `prior`.
    pub change: Money,
}

/// Balances of an account: prior, unadjusted, adjusted.
#[derive(Clone, Copy, Default)]
struct Three([Decimal; 3]);

impl Three {
    fn plus(self, other: Self) -> Result<Self> {
        let [a, b, c] = self.0;
        let [x, y, z] = other.0;
        Ok(Self([add(a, x)?, add(b, y)?, add(c, z)?]))
    }

    fn shown(self, currency: &str) -> Result<LeadScheduleAmounts> {
        let [prior, unadjusted, adjusted] = self.0;
        let money = |amount| Money::new(Dec(amount), currency);
        Ok(LeadScheduleAmounts {
            prior: money(prior),
            unadjusted: money(unadjusted),
            adjustments: money(sub(adjusted, unadjusted)?),
            adjusted: money(adjusted),
            change: money(sub(adjusted, prior)?),
        })
    }
}

/// What each account comes to at the end of a day before its fiscal year is closed.
async fn balances(
    tx: &Tx,
    kinds: &HashMap<AccountId, AccountKind>,
    to: NaiveDate,
    known_at: Option<DateTime>,
) -> Result<HashMap<AccountId, Decimal>> {
    let year_from = period::start_of_year(tx, to).await?.unwrap_or(to);
    let span = Span { unclosed: Some(year_from), ..Span::of(Some(year_from), to, known_at.map(|moment| moment.0)) };
    let moved = figures(tx, &span, None).await?;
    moved
        .into_iter()
        .map(|(id, figures)| {
            let of_the_year = kinds.get(&id).is_some_and(|kind| kind.is_result());
            let counted = if of_the_year { figures.within() } else { figures };
            Ok((id, Sums::of(&counted)?.balance()?))
        })
        .collect()
}

/// The group at the top of the chart that an account lies below; itself if there is none.
fn top(accounts: &HashMap<AccountId, &Account>, of: &Account) -> AccountId {
    let (mut id, mut above) = (of.id, of.parent_id);
    while let Some(group) = above.and_then(|above| accounts.get(&above)) {
        (id, above) = (group.id, group.parent_id);
    }
    id
}

async fn schedules(
    tx: &Tx,
    as_of: NaiveDate,
    prior_as_of: NaiveDate,
    known_at: Option<DateTime>,
) -> Result<Vec<LeadSchedule>> {
    let currency = tx.book_currency();
    let accounts = account::all(tx).await?;
    let kinds: HashMap<AccountId, AccountKind> = accounts.iter().map(|one| (one.id, one.kind)).collect();
    let prior = balances(tx, &kinds, prior_as_of, None).await?;
    let unadjusted = balances(tx, &kinds, as_of, known_at).await?;
    let adjusted = balances(tx, &kinds, as_of, None).await?;
    let of = |id: &AccountId| Three([&prior, &unadjusted, &adjusted].map(|of| of.get(id).copied().unwrap_or_default()));

    let by_id: HashMap<AccountId, &Account> = accounts.iter().map(|one| (one.id, one)).collect();
    let mut leaves: Vec<&Account> = accounts
        .iter()
        .filter(|one| [&prior, &unadjusted, &adjusted].iter().any(|of| of.contains_key(&one.id)))
        .collect();
    leaves.sort_by(|one, other| one.code.cmp(&other.code));
    let mut tops: Vec<&Account> = accounts.iter().filter(|one| one.parent_id.is_none()).collect();
    tops.sort_by(|one, other| one.code.cmp(&other.code));

    let mut found = Vec::new();
    for head in tops {
        let (mut rows, mut total) = (Vec::new(), Three::default());
        for leaf in leaves.iter().filter(|leaf| top(&by_id, leaf) == head.id) {
            let amounts = of(&leaf.id);
            total = total.plus(amounts)?;
            rows.push(LeadScheduleRow { account: (*leaf).clone(), amounts: amounts.shown(currency)? });
        }
        if !rows.is_empty() {
            let total = total.shown(currency)?;
            found.push(LeadSchedule { code: head.code.clone(), name: head.name.clone(), kind: head.kind, rows, total });
        }
    }
    Ok(found)
}

/// The query of lead schedules.
#[derive(Default)]
pub struct LeadScheduleQuery;

#[Object]
impl LeadScheduleQuery {
    /// The lead schedules of a day, one for each group at the top of the chart: what auditors begin with. Over all of them
    /// each column sums to zero where the fiscal years before are closed. Right: `finance.report.read`.
    async fn lead_schedules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day, as a rule the last of a fiscal year.")] as_of: Date,
        #[graphql(desc = "The day compared with, as a rule the last of the fiscal year before; not behind the other.")]
        prior_as_of: Date,
        #[graphql(
            desc = "When the auditor was given the books: what was recorded since are adjustments. There are none if it is not said."
        )]
        known_at: Option<DateTime>,
    ) -> async_graphql::Result<Vec<LeadSchedule>> {
        let tx = ctx.tx(Can::ReportRead).await?;
        if prior_as_of.0 > as_of.0 {
            return Err(Error::BadInput("`priorAsOf` lies behind `asOf`.".to_owned()).into());
        }
        Ok(schedules(tx, as_of.0, prior_as_of.0, known_at).await?)
    }
}
