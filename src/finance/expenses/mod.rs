//! Expenses of people: what they have spent for the client by receipts, and what they get by the day or the kilometre.
//!
//! A claimant is a vendor of the client. What is accepted of a claim becomes a bill of his, under the claim's number: it needs
//! the approvals that bills need, is posted with its input tax, and paid by payments or payment runs. Advances that he got
//! are used first.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use backoffice_money::Decimal;
use diesel::prelude::*;

use crate::finance::chart;
use crate::finance::document::Kind;
use crate::finance::ids::{AccountId, ExpenseRateId, ExpenseTypeId, TaxCodeId};
use crate::finance::ledger::account::{self, Account, Control};
use crate::finance::ledger::tax_code::{self, TaxCode};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, decimals, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime, Dec};
use crate::platform::scope::Ask;
use crate::schema::{expense_rate, expense_type};

pub mod api;
pub mod claim;
mod command;
mod posting;
mod rule;

pub use api::{ExpenseMutation, ExpenseQuery};
pub use claim::ExpenseClaim;
pub(crate) use command::claim_of;

crate::platform::words! {
    /// How an expense is claimed.
    ExpenseKind {
        /// By its amount.
        Receipt = "receipt",
        /// By days, at an amount for each.
        PerDiem = "per_diem",
        /// By kilometres, at an amount for each.
        Mileage = "mileage",
    }
}

/// A type of expense.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = expense_type)]
#[graphql(complex)]
pub struct ExpenseType {
    /// Global id.
    pub id: ExpenseTypeId,
    /// Short name, unique.
    pub code: String,
    /// Name.
    pub name: String,
    /// How it is claimed.
    pub kind: ExpenseKind,
    #[graphql(skip)]
    pub(crate) account_id: AccountId,
    #[graphql(skip)]
    pub(crate) tax_code_id: Option<TaxCodeId>,
    /// Whether it can be claimed.
    pub active: bool,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl ExpenseType {
    /// The account that it is posted to. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The tax in it; null: outside of any tax. Right: `finance.tax_code.read`.
    async fn tax_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxCode>> {
        match self.tax_code_id {
            Some(id) => Ok(ctx.load::<TaxCode>(id).await?),
            None => Ok(None),
        }
    }

    /// What holds from which day on, the oldest first.
    async fn rates(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ExpenseRate>> {
        Ok(ctx.load::<RatesOf>(self.id).await?.unwrap_or_default())
    }
}

/// What holds for a type of expense from a day on, until the next one begins. Amounts are in the books' currency.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = expense_rate)]
pub struct ExpenseRate {
    #[graphql(skip)]
    pub(crate) type_id: ExpenseTypeId,
    /// The first day on which it holds.
    pub valid_from: Date,
    /// The amount of a day or a kilometre; null for receipts.
    pub unit_amount: Option<Dec>,
    /// Of a line nothing above it is accepted; null: no limit.
    pub most: Option<Dec>,
    /// Lines above it need their receipt; null: none does.
    pub receipt_above: Option<Dec>,
}

impl Fetch for ExpenseType {
    type Key = ExpenseTypeId;
    type Value = Self;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<ExpenseTypeId>) -> Result<HashMap<ExpenseTypeId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                expense_type::table
                    .filter(expense_type::tenant_id.eq(tx.tenant()?))
                    .filter(expense_type::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The rates of types, the oldest first.
struct RatesOf;

impl Fetch for RatesOf {
    type Key = ExpenseTypeId;
    type Value = Vec<ExpenseRate>;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<ExpenseTypeId>) -> Result<HashMap<ExpenseTypeId, Vec<ExpenseRate>>> {
        let rows: Vec<ExpenseRate> = tx
            .rows(
                expense_rate::table
                    .filter(expense_rate::tenant_id.eq(tx.tenant()?))
                    .filter(expense_rate::type_id.eq_any(keys))
                    .order(expense_rate::valid_from)
                    .select(ExpenseRate::as_select()),
            )
            .await?;
        let mut found: HashMap<ExpenseTypeId, Vec<ExpenseRate>> = HashMap::new();
        for row in rows {
            found.entry(row.type_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// What holds from a day on. Amounts are in the books' currency.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseRateInput {
    /// The first day on which it holds.
    pub valid_from: Date,
    /// The amount of a day or a kilometre, more than 0 with at most 4 decimals; not for receipts.
    pub unit_amount: Option<Dec>,
    /// Of a line nothing above it is accepted; no limit if not said.
    pub most: Option<Dec>,
    /// Lines above it need their receipt; none does if not said.
    pub receipt_above: Option<Dec>,
}

/// A new type of expense.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseTypeCreateInput {
    /// Short name, 1 to 20 characters, unique.
    pub code: String,
    /// Name, 1 to 100 characters.
    pub name: String,
    /// How it is claimed.
    pub kind: ExpenseKind,
    /// The account that it is posted to: a leaf without a control role.
    pub account: AccountId,
    /// The tax in it: an input code; outside of any tax if not said.
    pub tax_code: Option<TaxCodeId>,
    /// What holds from which day on.
    pub rate: ExpenseRateInput,
}

/// What holds for a type from another day on.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseRateAddInput {
    /// The type.
    pub expense_type: ExpenseTypeId,
    /// What holds. Lines that are claimed already keep theirs.
    pub rate: ExpenseRateInput,
}

crate::platform::payload! {
    /// What became of a type of expense.
    ExpenseTypePayload {
        /// The type as it is now.
        expense_type: ExpenseType
    }
}

fn check(kind: ExpenseKind, rate: &ExpenseRateInput) -> Result<()> {
    for (field, amount) in
        [("rate.unitAmount", rate.unit_amount), ("rate.most", rate.most), ("rate.receiptAbove", rate.receipt_above)]
    {
        let Some(amount) = amount else { continue };
        decimals(field, amount.0, 4)?;
        if amount.0 < Decimal::ZERO || amount.0.is_zero() && field != "rate.receiptAbove" {
            return Err(Error::refuse(UserErrorCode::Invalid, field, "This amount is more than zero."));
        }
    }
    match (kind, rate.unit_amount) {
        (ExpenseKind::Receipt, Some(_)) => {
            let message = "A receipt is claimed by its own amount.";
            Err(Error::refuse(UserErrorCode::Invalid, "rate.unitAmount", message))
        }
        (ExpenseKind::PerDiem | ExpenseKind::Mileage, None) => {
            let message = "Say the amount of a day or a kilometre.";
            Err(Error::refuse(UserErrorCode::Required, "rate.unitAmount", message))
        }
        _ => Ok(()),
    }
}

async fn create(tx: &Tx, input: ExpenseTypeCreateInput) -> Result<ExpenseType> {
    sized("code", &input.code, 1..=20)?;
    sized("name", &input.name, 1..=100)?;
    check(input.kind, &input.rate)?;
    let found = account::by_id(tx, &[input.account]).await?;
    let posted = found.get(&input.account).ok_or_else(|| Error::not_found("account", "account"))?;
    chart::check_posting(posted, "account", currency(tx.book_currency())?)?;
    let controls = [
        Control::Receivable,
        Control::Payable,
        Control::Bank,
        Control::InputTax,
        Control::OutputTax,
        Control::CustomerAdvance,
        Control::VendorAdvance,
    ];
    chart::check_no_control(posted, "account", &controls)?;
    if let Some(code) = input.tax_code {
        let rates = tax_code::rates_on(tx, &[code], input.rate.valid_from.0).await?;
        let rate = rates.get(&code).ok_or_else(|| Error::not_found("taxCode", "tax code with a rate on that day"))?;
        chart::check_direction(rate, "taxCode", Kind::Bill)?;
    }
    let created: ExpenseType = tx
        .row(
            diesel::insert_into(expense_type::table)
                .values((
                    expense_type::tenant_id.eq(tx.tenant()?),
                    expense_type::id.eq(ExpenseTypeId::new()),
                    expense_type::code.eq(input.code),
                    expense_type::name.eq(input.name),
                    expense_type::kind.eq(input.kind),
                    expense_type::account_id.eq(input.account),
                    expense_type::tax_code_id.eq(input.tax_code),
                ))
                .returning(ExpenseType::as_returning()),
        )
        .await?;
    add(tx, created.id, input.rate).await?;
    emit(tx, EventKind::ExpenseTypeCreated, created.id.0);
    Ok(created)
}

async fn add(tx: &Tx, id: ExpenseTypeId, rate: ExpenseRateInput) -> Result<()> {
    let added = tx
        .exec(
            diesel::insert_into(expense_rate::table)
                .values((
                    expense_rate::tenant_id.eq(tx.tenant()?),
                    expense_rate::id.eq(ExpenseRateId::new()),
                    expense_rate::type_id.eq(id),
                    expense_rate::valid_from.eq(rate.valid_from),
                    expense_rate::unit_amount.eq(rate.unit_amount),
                    expense_rate::most.eq(rate.most),
                    expense_rate::receipt_above.eq(rate.receipt_above),
                ))
                .on_conflict_do_nothing(),
        )
        .await?;
    if added == 0 {
        let message = "Something begins to hold for this type on that day already.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "rate.validFrom", message));
    }
    Ok(())
}

async fn add_rate(tx: &Tx, input: ExpenseRateAddInput) -> Result<ExpenseType> {
    let id = input.expense_type;
    let found = ExpenseType::fetch(tx, vec![id]).await?.remove(&id);
    let found = found.ok_or_else(|| Error::not_found("expenseType", "type of expense"))?;
    check(found.kind, &input.rate)?;
    add(tx, id, input.rate).await?;
    emit(tx, EventKind::ExpenseRateAdded, id.0);
    Ok(found)
}
