//! Tax that the client withholds of what it pays to vendors, and owes to the tax office instead.
//!
//! A code says how much of the net amount, and from which sum of a fiscal year of a vendor on; then of all of it or of what is
//! above. What is withheld of a bill is posted with it: the vendor is owed the rest. What a vendor gives back takes it back,
//! as if it had never been billed.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use backoffice_money::{Decimal, check_scale};
use diesel::prelude::*;

use crate::finance::ids::{AccountId, VendorId, WithholdingCodeId, WithholdingRateId};
use crate::finance::ledger::account::{self, Account};
use crate::finance::payables::vendor::{self, Vendor};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{decimals, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime, Dec};
use crate::platform::scope::Ask;
use crate::schema::{vendor as vendor_table, withholding_code, withholding_rate};

pub mod api;
pub mod entry;
mod rule;
mod take;

pub use api::{WithholdingMutation, WithholdingQuery};
pub(crate) use take::{Of, give_back, on_entry, take, write};

crate::platform::words! {
    /// Of what is withheld once the threshold is reached.
    WithholdingScope {
        /// Of all net amounts of the year, those before included.
        Whole = "whole",
        /// Of what is above the threshold.
        Excess = "excess",
    }
}

/// A tax that is withheld.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = withholding_code)]
#[graphql(complex)]
pub struct WithholdingCode {
    /// Global id.
    pub id: WithholdingCodeId,
    /// Short name, unique.
    pub code: String,
    /// Name.
    pub name: String,
    /// Of what is withheld.
    pub scope: WithholdingScope,
    #[graphql(skip)]
    pub(crate) account_id: AccountId,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// What a code says from a day on, until the next one begins.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = withholding_rate)]
pub struct WithholdingRate {
    /// Global id.
    pub id: WithholdingRateId,
    #[graphql(skip)]
    pub(crate) code_id: WithholdingCodeId,
    /// The first day on which it holds.
    pub valid_from: Date,
    /// Percent of what is withheld of.
    pub percent: Dec,
    /// The net amount of a vendor in a fiscal year from which on something is withheld, in the books' currency.
    pub threshold: Dec,
}

#[ComplexObject]
impl WithholdingCode {
    /// The account on which it is owed to the tax office. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// Its rates, the oldest first.
    async fn rates(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WithholdingRate>> {
        Ok(ctx.load::<RatesOf>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for WithholdingCode {
    type Key = WithholdingCodeId;
    type Value = Self;
    const CAN: Can = Can::TaxCodeRead;

    async fn fetch(tx: &Tx, keys: Vec<WithholdingCodeId>) -> Result<HashMap<WithholdingCodeId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                withholding_code::table
                    .filter(withholding_code::tenant_id.eq(tx.tenant()?))
                    .filter(withholding_code::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for WithholdingRate {
    type Key = WithholdingRateId;
    type Value = Self;
    const CAN: Can = Can::TaxCodeRead;

    async fn fetch(tx: &Tx, keys: Vec<WithholdingRateId>) -> Result<HashMap<WithholdingRateId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                withholding_rate::table
                    .filter(withholding_rate::tenant_id.eq(tx.tenant()?))
                    .filter(withholding_rate::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The rates of codes, the oldest first.
struct RatesOf;

impl Fetch for RatesOf {
    type Key = WithholdingCodeId;
    type Value = Vec<WithholdingRate>;
    const CAN: Can = Can::TaxCodeRead;

    async fn fetch(tx: &Tx, keys: Vec<WithholdingCodeId>) -> Result<HashMap<WithholdingCodeId, Vec<WithholdingRate>>> {
        let rows: Vec<WithholdingRate> = tx
            .rows(
                withholding_rate::table
                    .filter(withholding_rate::tenant_id.eq(tx.tenant()?))
                    .filter(withholding_rate::code_id.eq_any(keys))
                    .order(withholding_rate::valid_from)
                    .select(WithholdingRate::as_select()),
            )
            .await?;
        let mut found: HashMap<WithholdingCodeId, Vec<WithholdingRate>> = HashMap::new();
        for row in rows {
            found.entry(row.code_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// A new tax that is withheld, with its first rate.
#[derive(InputObject, Clone, Debug)]
pub struct WithholdingCodeCreateInput {
    /// Short name, 1 to 20 characters, unique.
    pub code: String,
    /// Name, 1 to 100 characters.
    pub name: String,
    /// Of what is withheld once the threshold is reached.
    pub scope: WithholdingScope,
    /// The account on which it is owed to the tax office: a leaf without a control role.
    pub account: AccountId,
    /// Percent of what is withheld of, more than 0 and at most 100, with at most 4 decimals.
    pub percent: Dec,
    /// The net amount of a vendor in a fiscal year from which on something is withheld, in the books' currency; 0: of the
    /// first bill on.
    pub threshold: Dec,
    /// The first day on which this holds.
    pub valid_from: Date,
}

/// What a code says from another day on.
#[derive(InputObject, Clone, Debug)]
pub struct WithholdingRateAddInput {
    /// The code.
    pub withholding_code: WithholdingCodeId,
    /// Percent of what is withheld of, more than 0 and at most 100, with at most 4 decimals.
    pub percent: Dec,
    /// The net amount of a vendor in a fiscal year from which on something is withheld, in the books' currency.
    pub threshold: Dec,
    /// The first day on which this holds. Bills that are posted already keep what was withheld of them.
    pub valid_from: Date,
}

/// What is withheld of a vendor's new bills.
#[derive(InputObject, Clone, Debug)]
pub struct VendorWithholdingSetInput {
    /// The vendor.
    pub vendor: VendorId,
    /// The code; null: nothing.
    pub withholding_code: Option<WithholdingCodeId>,
}

crate::platform::payload! {
    /// What became of a tax that is withheld.
    WithholdingCodePayload {
        /// The code as it is now.
        withholding_code: WithholdingCode
    }
}

fn check(percent: Dec, threshold: Dec) -> Result<()> {
    if percent.0 <= Decimal::ZERO || percent.0 > Decimal::ONE_HUNDRED || check_scale(percent.0, 4).is_err() {
        let message = "More than 0 and at most 100 percent are withheld, with at most 4 decimals.";
        return Err(Error::refuse(UserErrorCode::Invalid, "percent", message));
    }
    decimals("threshold", threshold.0, 4)?;
    if threshold.0 < Decimal::ZERO {
        return Err(Error::refuse(UserErrorCode::Invalid, "threshold", "A threshold is 0 or more."));
    }
    Ok(())
}

/// The code of that id, or a refusal at the field.
pub(crate) async fn known(tx: &Tx, id: WithholdingCodeId, field: &str) -> Result<WithholdingCode> {
    let found = WithholdingCode::fetch(tx, vec![id]).await?.remove(&id);
    found.ok_or_else(|| Error::not_found(field, "withholding code"))
}

async fn create(tx: &Tx, input: WithholdingCodeCreateInput) -> Result<WithholdingCode> {
    sized("code", &input.code, 1..=20)?;
    sized("name", &input.name, 1..=100)?;
    check(input.percent, input.threshold)?;
    let booked = account::find(tx, input.account).await?.ok_or_else(|| Error::not_found("account", "account"))?;
    if booked.is_group || booked.control.is_some() {
        let message = "What is withheld is owed on a leaf without a control role.";
        return Err(Error::refuse(UserErrorCode::Invalid, "account", message));
    }
    let created: WithholdingCode = tx
        .row(
            diesel::insert_into(withholding_code::table)
                .values((
                    withholding_code::tenant_id.eq(tx.tenant()?),
                    withholding_code::id.eq(WithholdingCodeId::new()),
                    withholding_code::code.eq(input.code),
                    withholding_code::name.eq(input.name),
                    withholding_code::scope.eq(input.scope),
                    withholding_code::account_id.eq(input.account),
                ))
                .returning(WithholdingCode::as_returning()),
        )
        .await?;
    add(tx, created.id, input.percent, input.threshold, input.valid_from).await?;
    emit(tx, EventKind::WithholdingCodeCreated, created.id.0);
    Ok(created)
}

async fn add(tx: &Tx, code: WithholdingCodeId, percent: Dec, threshold: Dec, from: Date) -> Result<()> {
    let added = tx
        .exec(
            diesel::insert_into(withholding_rate::table)
                .values((
                    withholding_rate::tenant_id.eq(tx.tenant()?),
                    withholding_rate::id.eq(WithholdingRateId::new()),
                    withholding_rate::code_id.eq(code),
                    withholding_rate::valid_from.eq(from),
                    withholding_rate::percent.eq(percent),
                    withholding_rate::threshold.eq(threshold),
                ))
                .on_conflict_do_nothing(),
        )
        .await?;
    if added == 0 {
        let message = "A rate of this code begins on that day.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "validFrom", message));
    }
    Ok(())
}

async fn add_rate(tx: &Tx, input: WithholdingRateAddInput) -> Result<WithholdingCode> {
    check(input.percent, input.threshold)?;
    let code = known(tx, input.withholding_code, "withholdingCode").await?;
    add(tx, code.id, input.percent, input.threshold, input.valid_from).await?;
    emit(tx, EventKind::WithholdingRateAdded, code.id.0);
    Ok(code)
}

async fn set_on_vendor(tx: &Tx, input: VendorWithholdingSetInput) -> Result<Vendor> {
    if let Some(code) = input.withholding_code {
        known(tx, code, "withholdingCode").await?;
    }
    let changed = tx
        .exec(
            diesel::update(vendor_table::table)
                .filter(vendor_table::tenant_id.eq(tx.tenant()?))
                .filter(vendor_table::id.eq(input.vendor))
                .set(vendor_table::withholding_code_id.eq(input.withholding_code)),
        )
        .await?;
    let found = if changed == 0 { None } else { vendor::find(tx, input.vendor).await? };
    let found = found.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
    emit(tx, EventKind::VendorUpdated, found.id.0);
    Ok(found)
}

/// The code of a vendor's new bills.
pub(crate) async fn of_vendor(tx: &Tx, vendor: VendorId) -> Result<Option<WithholdingCodeId>> {
    let found: Option<Option<WithholdingCodeId>> = tx
        .maybe(
            vendor_table::table
                .filter(vendor_table::tenant_id.eq(tx.tenant()?))
                .filter(vendor_table::id.eq(vendor))
                .select(vendor_table::withholding_code_id),
        )
        .await?;
    Ok(found.flatten())
}
