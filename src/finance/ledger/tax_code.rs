//! Tax codes and their dated rates. A rate holds from its first day until the next one begins, so a document finds
//! exactly one rate for its date, or is refused.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Decimal, check_scale};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Numeric, Text, Uuid as SqlUuid};

use super::account::{self, Account, Control};
use super::check_text;
use crate::finance::einvoice::TaxTreatment;
use crate::finance::ids::{AccountId, TaxCodeId, TaxRateId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::TextFilter;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{tax_code, tax_rate};

crate::platform::words! {
    /// Which way a tax goes.
    TaxDirection {
        /// Taken from customers, owed to the authority.
        Output = "output",
        /// Paid to vendors, claimed from the authority.
        Input = "input",
    }
}

impl TaxDirection {
    /// The role of the accounts that such a tax is booked on.
    #[must_use]
    pub fn control(self) -> Control {
        match self {
            Self::Output => Control::OutputTax,
            Self::Input => Control::InputTax,
        }
    }
}

/// A kind of tax as it stands on documents, e.g. the full rate of VAT on sales.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = tax_code)]
#[graphql(complex)]
pub struct TaxCode {
    /// Global id.
    pub id: TaxCodeId,
    /// Short name, unique.
    pub code: String,
    /// Name as it stands on documents.
    pub name: String,
    /// Which way the tax goes.
    pub direction: TaxDirection,
    /// Where the tax is booked.
    #[graphql(skip)]
    pub account_id: AccountId,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// A rate of a tax code: holds from its first day until the next one begins.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = tax_rate)]
pub struct TaxRate {
    /// Global id.
    pub id: TaxRateId,
    /// The code that it belongs to.
    #[graphql(skip)]
    pub tax_code_id: TaxCodeId,
    /// The first day on which it holds.
    pub valid_from: Date,
    /// Percent of the net amount: 22 means 22 %.
    pub percent: Dec,
}

#[ComplexObject]
impl TaxCode {
    /// Where the tax is booked.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// All its rates, the oldest first.
    async fn rates(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TaxRate>> {
        Ok(ctx.load::<RatesOf>(self.id).await?.unwrap_or_default())
    }

    /// What it is on electronic invoices; null if nothing was said, which is `STANDARD` above zero and `ZERO` at zero.
    async fn treatment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxTreatment>> {
        Ok(ctx.load::<TaxTreatment>(self.id).await?)
    }

    /// The rate that holds on a day; null if none has begun by then.
    async fn rate_on(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day, usually the date of a document.")] date: Date,
    ) -> async_graphql::Result<Option<TaxRate>> {
        let rates = ctx.load::<RatesOf>(self.id).await?.unwrap_or_default();
        Ok(rate_on(rates, date))
    }
}

crate::platform::connection!(
    /// A page of tax codes.
    TaxCodeConnection, TaxCodeEdge, TaxCode
);

impl Fetch for TaxCode {
    type Key = TaxCodeId;
    type Value = Self;
    const CAN: Can = Can::TaxCodeRead;

    async fn fetch(tx: &Tx, keys: Vec<TaxCodeId>) -> Result<HashMap<TaxCodeId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                tax_code::table
                    .filter(tax_code::tenant_id.eq(tx.tenant()?))
                    .filter(tax_code::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for TaxRate {
    type Key = TaxRateId;
    type Value = Self;
    const CAN: Can = Can::TaxCodeRead;

    async fn fetch(tx: &Tx, keys: Vec<TaxRateId>) -> Result<HashMap<TaxRateId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                tax_rate::table
                    .filter(tax_rate::tenant_id.eq(tx.tenant()?))
                    .filter(tax_rate::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The rates of tax codes, the oldest first.
pub struct RatesOf;

impl Fetch for RatesOf {
    type Key = TaxCodeId;
    type Value = Vec<TaxRate>;
    const CAN: Can = Can::TaxCodeRead;

    async fn fetch(tx: &Tx, keys: Vec<TaxCodeId>) -> Result<HashMap<TaxCodeId, Vec<TaxRate>>> {
        let rows: Vec<TaxRate> = tx
            .rows(
                tax_rate::table
                    .filter(tax_rate::tenant_id.eq(tx.tenant()?))
                    .filter(tax_rate::tax_code_id.eq_any(keys))
                    .order(tax_rate::valid_from)
                    .select(TaxRate::as_select()),
            )
            .await?;
        let mut found: HashMap<TaxCodeId, Vec<TaxRate>> = HashMap::new();
        for row in rows {
            found.entry(row.tax_code_id).or_default().push(row);
        }
        Ok(found)
    }
}

crate::platform::equality_filter!(
    /// Conditions on the direction of a tax.
    TaxDirectionFilter,
    TaxDirection
);

crate::platform::filter! {
    /// Narrows a list of tax codes.
    TaxCodeFilter over tax_code {
        /// By short name.
        code: TextFilter => text(tax_code::code),
        /// By direction.
        direction: TaxDirectionFilter => equality(tax_code::direction),
    }
}

/// A new tax code with its first rate.
#[derive(InputObject, Clone, Debug)]
pub struct TaxCodeCreateInput {
    /// Short name: 1 to 20 letters, digits, points, hyphens and underscores, unique.
    pub code: String,
    /// Name as it stands on documents, 1 to 100 characters.
    pub name: String,
    /// Which way the tax goes.
    pub direction: TaxDirection,
    /// Where the tax is booked: a leaf whose role is the tax of this direction, or none.
    pub account: AccountId,
    /// Percent of the net amount, 0 to 100 with at most 4 decimals.
    pub percent: Dec,
    /// The first day on which this rate holds.
    pub valid_from: Date,
}

/// A further rate of a tax code.
#[derive(InputObject, Clone, Debug)]
pub struct TaxRateAddInput {
    /// The tax code.
    pub tax_code: TaxCodeId,
    /// Percent of the net amount, 0 to 100 with at most 4 decimals.
    pub percent: Dec,
    /// The first day on which it holds. Documents that are issued already keep their rate.
    pub valid_from: Date,
}

crate::platform::payload! {
    /// What became of a tax code.
    TaxCodePayload {
        /// The tax code as it is now.
        tax_code: TaxCode
    }
}

/// What a document needs to know of a tax code on its date.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
pub struct RateOn {
    /// The tax code.
    #[diesel(sql_type = SqlUuid)]
    pub tax_code_id: TaxCodeId,
    /// Its short name.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// Which way the tax goes.
    #[diesel(sql_type = Text)]
    pub direction: TaxDirection,
    /// Where it is booked.
    #[diesel(sql_type = SqlUuid)]
    pub account_id: AccountId,
    /// Percent of the net amount.
    #[diesel(sql_type = Numeric)]
    pub percent: Decimal,
}

/// The rates that hold on a day, in one statement. A code that is unknown or has no rate on that day is left out: the
/// caller refuses it.
pub async fn rates_on(tx: &Tx, codes: &[TaxCodeId], date: NaiveDate) -> Result<HashMap<TaxCodeId, RateOn>> {
    if codes.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<RateOn> = tx
        .rows(
            sql("SELECT c.id AS tax_code_id, c.code, c.direction, c.account_id, r.percent
                   FROM finance.tax_code c
                   JOIN LATERAL (SELECT r.percent FROM finance.tax_rate r
                                  WHERE r.tenant_id = $1 AND r.tax_code_id = c.id AND r.valid_from <= $3
                                  ORDER BY r.valid_from DESC LIMIT 1) r ON true
                  WHERE c.tenant_id = $1 AND c.id = ANY ($2)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(codes.to_vec())
            .bind::<SqlDate, _>(date),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.tax_code_id, row)).collect())
}

/// The rate of a list, oldest first, that holds on a day.
fn rate_on(rates: Vec<TaxRate>, date: Date) -> Option<TaxRate> {
    rates.into_iter().take_while(|rate| rate.valid_from <= date).last()
}

fn check_percent(percent: Dec) -> Result<()> {
    let whole = percent.0.is_sign_negative() || percent.0 > Decimal::ONE_HUNDRED;
    if whole || check_scale(percent.0, 4).is_err() {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "percent",
            "A rate is between 0 and 100 with at most 4 decimals.",
        ));
    }
    Ok(())
}

fn is_code(text: &str) -> bool {
    (1..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Creates a tax code with its first rate.
pub async fn create(tx: &Tx, input: TaxCodeCreateInput) -> Result<TaxCode> {
    if !is_code(&input.code) {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "code",
            "A tax code has 1 to 20 letters, digits, points, hyphens and underscores.",
        ));
    }
    check_text("name", &input.name, 100)?;
    check_percent(input.percent)?;
    let booked = account::find(tx, input.account).await?.ok_or_else(|| Error::not_found("account", "account"))?;
    if booked.is_group || booked.control.is_some_and(|control| control != input.direction.control()) {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "account",
            "The account has to be a leaf whose role is the tax of this direction, or none.",
        ));
    }
    let created: TaxCode = tx
        .row(
            diesel::insert_into(tax_code::table)
                .values((
                    tax_code::tenant_id.eq(tx.tenant()?),
                    tax_code::id.eq(TaxCodeId::new()),
                    tax_code::code.eq(input.code),
                    tax_code::name.eq(input.name),
                    tax_code::direction.eq(input.direction),
                    tax_code::account_id.eq(input.account),
                ))
                .returning(TaxCode::as_returning()),
        )
        .await?;
    insert_rate(tx, created.id, input.percent, input.valid_from).await?;
    emit(tx, EventKind::TaxCodeCreated, created.id.0);
    Ok(created)
}

async fn add_rate(tx: &Tx, input: TaxRateAddInput) -> Result<TaxCode> {
    check_percent(input.percent)?;
    let found: Option<TaxCode> = tx
        .maybe(
            tax_code::table
                .filter(tax_code::tenant_id.eq(tx.tenant()?))
                .filter(tax_code::id.eq(input.tax_code))
                .select(TaxCode::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("taxCode", "tax code"))?;
    let taken: i64 = tx
        .row(
            tax_rate::table
                .filter(tax_rate::tenant_id.eq(tx.tenant()?))
                .filter(tax_rate::tax_code_id.eq(found.id))
                .filter(tax_rate::valid_from.eq(input.valid_from))
                .count(),
        )
        .await?;
    if taken > 0 {
        return Err(Error::refuse(
            UserErrorCode::Duplicate,
            "validFrom",
            "A rate of this tax code begins on that day.",
        ));
    }
    insert_rate(tx, found.id, input.percent, input.valid_from).await?;
    emit(tx, EventKind::TaxRateAdded, found.id.0);
    Ok(found)
}

async fn insert_rate(tx: &Tx, code: TaxCodeId, percent: Dec, valid_from: Date) -> Result<()> {
    tx.exec(diesel::insert_into(tax_rate::table).values((
        tax_rate::tenant_id.eq(tx.tenant()?),
        tax_rate::id.eq(TaxRateId::new()),
        tax_rate::tax_code_id.eq(code),
        tax_rate::valid_from.eq(valid_from),
        tax_rate::percent.eq(percent),
    )))
    .await?;
    Ok(())
}

/// Queries about tax codes.
#[derive(Default)]
pub struct TaxCodeQuery;

#[Object]
impl TaxCodeQuery {
    /// One tax code; null if the id is unknown. Right: `finance.tax_code.read`.
    async fn tax_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tax code's id.")] id: TaxCodeId,
    ) -> async_graphql::Result<Option<TaxCode>> {
        let tx = ctx.tx(Can::TaxCodeRead).await?;
        Ok(TaxCode::fetch(tx, vec![id]).await?.remove(&id))
    }

    /// The client's tax codes, by short name. Right: `finance.tax_code.read`.
    async fn tax_codes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only tax codes that match.")] filter: Option<TaxCodeFilter>,
    ) -> async_graphql::Result<TaxCodeConnection> {
        let tx = ctx.tx(Can::TaxCodeRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<TaxCodeFilter>| -> Result<_> {
            let mut query = tax_code::table.filter(tax_code::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((code, _)) = &slice.after {
            page = page.filter(tax_code::code.gt(code.clone()));
        }
        let rows = tx.rows(page.order(tax_code::code.asc()).limit(slice.limit()).select(TaxCode::as_select())).await?;
        Ok(TaxCodeConnection::new(ctx, &slice, rows, |row| encode(&row.code, row.id.0), total))
    }
}

/// Changes of tax codes.
#[derive(Default)]
pub struct TaxCodeMutation;

#[Object]
impl TaxCodeMutation {
    /// Creates a tax code with its first rate. Right: `finance.tax_code.manage`.
    async fn tax_code_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new tax code.")] input: TaxCodeCreateInput,
    ) -> async_graphql::Result<Option<TaxCodePayload>> {
        let tx = ctx.tx(Can::TaxCodeManage).await?;
        TaxCodePayload::settle(ctx, create(tx, input).await)
    }

    /// Adds a rate to a tax code; rates are never changed. Right: `finance.tax_code.manage`.
    async fn tax_rate_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new rate.")] input: TaxRateAddInput,
    ) -> async_graphql::Result<Option<TaxCodePayload>> {
        let tx = ctx.tx(Can::TaxCodeManage).await?;
        TaxCodePayload::settle(ctx, add_rate(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(number: u32) -> Date {
        Date(NaiveDate::from_ymd_opt(2025, 1, 1).unwrap() + chrono::Days::new(u64::from(number)))
    }

    proptest! {
        /// The rate of a day is the one that began last, as looking at each rate by itself says.
        #[test]
        fn the_rate_of_a_day_began_last(starts in prop::collection::btree_set(0u32..400, 0..6), asked in 0u32..400) {
            let rates = starts
                .iter()
                .map(|start| TaxRate {
                    id: TaxRateId::new(),
                    tax_code_id: TaxCodeId::new(),
                    valid_from: day(*start),
                    percent: Dec(Decimal::from(*start)),
                })
                .collect();
            let expected = starts.iter().filter(|start| **start <= asked).max();
            let found = rate_on(rates, day(asked)).map(|rate| rate.percent.0);
            prop_assert_eq!(found, expected.map(|start| Decimal::from(*start)));
        }
    }

    #[test]
    fn percent_has_bounds() {
        for good in ["0", "22", "100", "5.5000", "0.1234"] {
            assert!(check_percent(Dec(good.parse().unwrap())).is_ok(), "{good}");
        }
        for bad in ["-1", "100.01", "0.12345"] {
            assert!(check_percent(Dec(bad.parse().unwrap())).is_err(), "{bad}");
        }
    }
}
