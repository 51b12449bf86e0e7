//! Discounts for paying early: what a document grants until which day, and what a payment in time takes of it.
//!
//! A document may say that 10 percent are off within 10 days. A payment of that time that comes to what is open less the
//! discount settles the whole item: the discount goes to an account of its own, and the taxes of the document shrink with it.
//! A payment that is late, or less, settles what it is, and the rest stays open.

use std::collections::HashMap;

use async_graphql::{InputObject, SimpleObject};
use backoffice_money::{Decimal, sub};
use chrono::{Days, NaiveDate};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::OpenItem;
use crate::finance::document::Kind;
use crate::finance::ids::{AccountId, AllocationId, OpenItemId, TaxCodeId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::currency;
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::sql::sql;

mod rules;
mod take;

pub use rules::{Agreed, Discount, agreed};
pub use take::{Asked, granted, taken};

/// A discount for whoever pays within some days.
#[derive(InputObject, Clone, Debug)]
pub struct EarlyPaymentInput {
    /// How much less is to be paid, in percent of the whole with its taxes: more than 0, less than 100, at most 4 decimals.
    pub percent: Dec,
    /// Within how many days from the date of the document, 0 to 365: more than of the discount before it, which is higher.
    pub days: i32,
}

/// A discount that a document grants to whoever pays early.
#[derive(SimpleObject, Clone, Debug)]
pub struct EarlyPayment {
    /// How much less is to be paid, in percent.
    pub percent: Dec,
    /// The last day on which a payment takes it.
    pub last_day: Date,
    /// How much it is, of what credit notes have left of the document.
    pub discount: Money,
    /// What settles the item until that day: what is open less the discount. Nothing or less if so much is settled already.
    pub due: Money,
}

/// Writes what a document grants beside the open item that it has just made.
pub async fn write_terms(tx: &Tx, kind: Kind, document: Uuid, terms: &[Agreed]) -> Result<()> {
    if terms.is_empty() {
        return Ok(());
    }
    let of_invoice = "INSERT INTO finance.early_payment (tenant_id, id, open_item_id, percent, last_day)
             SELECT i.tenant_id, n.id, i.id, n.percent, n.last_day
               FROM finance.open_item i, unnest($3::uuid[], $4::numeric[], $5::date[]) AS n (id, percent, last_day)
              WHERE i.tenant_id = $1 AND i.invoice_id = $2";
    let of_bill = "INSERT INTO finance.early_payment (tenant_id, id, open_item_id, percent, last_day)
             SELECT i.tenant_id, n.id, i.id, n.percent, n.last_day
               FROM finance.open_item i, unnest($3::uuid[], $4::numeric[], $5::date[]) AS n (id, percent, last_day)
              WHERE i.tenant_id = $1 AND i.bill_id = $2";
    let text = match kind {
        Kind::Invoice => of_invoice,
        Kind::Bill => of_bill,
    };
    tx.exec(
        sql(text)
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(document)
            .bind::<Array<SqlUuid>, _>(terms.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(terms.iter().map(|one| one.percent).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(terms.iter().map(|one| one.last_day).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

/// A discount as its table has it, with what it depends on of its item.
#[derive(QueryableByName, Clone, Debug)]
pub(crate) struct Term {
    #[diesel(sql_type = SqlUuid)]
    pub open_item_id: OpenItemId,
    #[diesel(sql_type = Numeric)]
    pub percent: Decimal,
    #[diesel(sql_type = SqlDate)]
    pub last_day: NaiveDate,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = Numeric)]
    credited: Decimal,
    #[diesel(sql_type = Numeric)]
    open_amount: Decimal,
    #[diesel(sql_type = Text)]
    currency: String,
}

impl Term {
    /// What the discount is worth: of the whole less what was credited.
    pub(crate) fn discount(&self) -> Result<Decimal> {
        let base = sub(self.amount, self.credited)?;
        Ok(rules::discount(base, self.percent, currency(&self.currency)?)?)
    }
}

/// The discounts of open items, the earliest first.
pub(crate) async fn terms_of(tx: &Tx, items: Vec<OpenItemId>) -> Result<Vec<Term>> {
    tx.rows(
        sql("SELECT e.open_item_id, e.percent, e.last_day, i.amount, i.open_amount, i.currency,
                    coalesce((SELECT sum(n.gross + n.cash_difference) FROM finance.credit_note n
                               WHERE n.tenant_id = $1 AND n.invoice_id = i.invoice_id), 0) AS credited
               FROM finance.early_payment e
               JOIN finance.open_item i ON i.tenant_id = e.tenant_id AND i.id = e.open_item_id
              WHERE e.tenant_id = $1 AND e.open_item_id = ANY ($2)
              ORDER BY e.open_item_id, e.last_day")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(items),
    )
    .await
}

/// Fetches the discounts of open items.
pub struct OfItem;

impl Fetch for OfItem {
    type Key = OpenItemId;
    type Value = Vec<EarlyPayment>;
    const CAN: Can = Can::OpenItemRead;

    async fn fetch(tx: &Tx, keys: Vec<OpenItemId>) -> Result<HashMap<OpenItemId, Vec<EarlyPayment>>> {
        let mut by_item: HashMap<OpenItemId, Vec<EarlyPayment>> = HashMap::new();
        for term in terms_of(tx, keys).await? {
            let discount = term.discount()?;
            by_item.entry(term.open_item_id).or_default().push(EarlyPayment {
                percent: Dec(term.percent),
                last_day: Date(term.last_day),
                discount: Money::new(Dec(discount), &term.currency),
                due: Money::new(Dec(sub(term.open_amount, discount)?), &term.currency),
            });
        }
        Ok(by_item)
    }
}

/// A part of a discount as it is posted: the net amount, or a tax.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
pub struct PostedPart {
    /// The account.
    #[diesel(sql_type = SqlUuid)]
    pub account_id: AccountId,
    /// The tax code; none for the net amount.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub tax_code_id: Option<TaxCodeId>,
    /// The net amount that the tax is less by; of the net amount itself.
    #[diesel(sql_type = Numeric)]
    pub base: Decimal,
    /// In the item's currency, with the item's sign.
    #[diesel(sql_type = Numeric)]
    pub amount: Decimal,
    /// The same in the books' currency, at the rate of the item.
    #[diesel(sql_type = Numeric)]
    pub amount_book: Decimal,
}

/// Writes the parts of discounts, each beside the allocation by which it settled its item.
pub async fn write_parts(tx: &Tx, discounts: &[(AllocationId, &[PostedPart])]) -> Result<()> {
    let parts: Vec<(AllocationId, &PostedPart)> =
        discounts.iter().flat_map(|(allocation, parts)| parts.iter().map(|part| (*allocation, part))).collect();
    if parts.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO finance.early_payment_part (tenant_id, id, allocation_id, account_id, tax_code_id, base, amount, amount_book)
             SELECT $1, n.id, n.allocation_id, n.account_id, n.tax_code_id, n.base, n.amount, n.amount_book
               FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::numeric[], $7::numeric[], $8::numeric[])
                 AS n (id, allocation_id, account_id, tax_code_id, base, amount, amount_book)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(parts.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(parts.iter().map(|(allocation, _)| *allocation).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(parts.iter().map(|(_, part)| part.account_id).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(parts.iter().map(|(_, part)| part.tax_code_id).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(parts.iter().map(|(_, part)| part.base).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(parts.iter().map(|(_, part)| part.amount).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(parts.iter().map(|(_, part)| part.amount_book).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

/// The parts of a discount, in the order of posting.
pub async fn parts_of(tx: &Tx, allocation: AllocationId) -> Result<Vec<PostedPart>> {
    tx.rows(
        sql("SELECT p.account_id, p.tax_code_id, p.base, p.amount, p.amount_book FROM finance.early_payment_part p
              WHERE p.tenant_id = $1 AND p.allocation_id = $2 ORDER BY p.id")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(allocation),
    )
    .await
}

/// The last day of a discount that begins to count on a day.
fn last_day(from: NaiveDate, days: i32, field: &str) -> Result<NaiveDate> {
    u64::try_from(days)
        .ok()
        .and_then(|days| from.checked_add_days(Days::new(days)))
        .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, field, "The days are out of range."))
}

impl OpenItem {
    /// The document that its discounts split by.
    fn made_by(&self) -> Option<(Kind, Uuid)> {
        let invoice = self.invoice_id.map(|id| (Kind::Invoice, id.0));
        invoice.or(self.bill_id.map(|id| (Kind::Bill, id.0)))
    }
}
