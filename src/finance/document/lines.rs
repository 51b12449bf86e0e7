//! The lines of a document as they are read: as sets, one statement each.

use std::collections::HashMap;
use std::hash::Hash;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use diesel::Queryable;
use diesel::sql_types::{Array, Int4, Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::pricing::{Line, LineTax, Terms, total};
use super::{DocumentTax, Kind};
use crate::finance::ids::{AccountId, BillLineId, InvoiceLineId, TaxCodeId};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::finance::ledger::tax_code::TaxCode;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{CurrencyCode, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::typed;

/// The same statement for either kind: the table's name is put in when the program is built.
macro_rules! for_kind {
    ($kind:expr, |$table:ident| $text:expr) => {
        match $kind {
            Kind::Invoice => {
                macro_rules! $table {
                    () => {
                        "invoice"
                    };
                }
                $text
            }
            Kind::Bill => {
                macro_rules! $table {
                    () => {
                        "bill"
                    };
                }
                $text
            }
        }
    };
}

mod keep;

pub use keep::{DraftLine, at_posting, clear, draft, insert, reprice, resolve};

/// A line of an invoice or a bill.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct DocumentLine {
    #[graphql(skip)]
    kind: Kind,
    #[graphql(skip)]
    row_id: Uuid,
    #[graphql(skip)]
    currency: CurrencyCode,
    /// Place in the document, from 1.
    pub line_no: i32,
    /// What was sold or bought.
    pub description: String,
    /// How many; negative for a return.
    pub quantity: Dec,
    #[graphql(skip)]
    unit_price: Dec,
    /// Discount on this line in percent.
    pub discount_percent: Dec,
    /// Tax rate in percent: of today on a draft, of the document's date once it is posted. 0 outside of any tax.
    pub tax_percent: Dec,
    /// Rate of the second tax in percent, likewise; 0 without one.
    pub second_tax_percent: Dec,
    #[graphql(skip)]
    net: Dec,
    #[graphql(skip)]
    account_id: AccountId,
    #[graphql(skip)]
    tax_code_id: Option<TaxCodeId>,
    #[graphql(skip)]
    second_tax_code_id: Option<TaxCodeId>,
    #[graphql(skip)]
    dimensions: serde_json::Value,
}

/// A line as its table has it: the currency stands on the document.
#[derive(Queryable)]
struct Row {
    row_id: Uuid,
    document_id: Uuid,
    line_no: i32,
    description: String,
    quantity: Dec,
    unit_price: Dec,
    discount_percent: Dec,
    tax_percent: Dec,
    net: Dec,
    account_id: AccountId,
    tax_code_id: Option<TaxCodeId>,
    second_tax_code_id: Option<TaxCodeId>,
    second_tax_percent: Dec,
    dimensions: serde_json::Value,
}

/// The columns of [`Row`], in its order.
type RowColumns = (
    SqlUuid,
    SqlUuid,
    Int4,
    Text,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    Numeric,
    SqlUuid,
    Nullable<SqlUuid>,
    Nullable<SqlUuid>,
    Numeric,
    Jsonb,
);

impl Row {
    fn of_document(self, kind: Kind, currency: CurrencyCode) -> DocumentLine {
        DocumentLine {
            kind,
            row_id: self.row_id,
            currency,
            line_no: self.line_no,
            description: self.description,
            quantity: self.quantity,
            unit_price: self.unit_price,
            discount_percent: self.discount_percent,
            tax_percent: self.tax_percent,
            second_tax_percent: self.second_tax_percent,
            net: self.net,
            account_id: self.account_id,
            tax_code_id: self.tax_code_id,
            second_tax_code_id: self.second_tax_code_id,
            dimensions: self.dimensions,
        }
    }
}

#[ComplexObject]
impl DocumentLine {
    /// Global id.
    pub async fn id(&self) -> ID {
        match self.kind {
            Kind::Invoice => ID(InvoiceLineId(self.row_id).to_string()),
            Kind::Bill => ID(BillLineId(self.row_id).to_string()),
        }
    }

    /// Price of one in the document's currency, with its taxes where the document's prices include them; may be finer than
    /// the currency's smallest unit.
    async fn unit_price(&self) -> Money {
        Money::new(self.unit_price, &self.currency.0)
    }

    /// Net amount after all discounts, in the document's currency.
    async fn net(&self) -> Money {
        Money::new(self.net, &self.currency.0)
    }

    /// The account that the net amount is posted to. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The tax code; null for a line outside of any tax. Right: `finance.tax_code.read`.
    async fn tax_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxCode>> {
        match self.tax_code_id {
            Some(code) => Ok(ctx.load::<TaxCode>(code).await?),
            None => Ok(None),
        }
    }

    /// The code of the second tax, if there is one. Right: `finance.tax_code.read`.
    async fn second_tax_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxCode>> {
        match self.second_tax_code_id {
            Some(code) => Ok(ctx.load::<TaxCode>(code).await?),
            None => Ok(None),
        }
    }

    /// The values of dimensions that the net amount stands on. Right: `finance.account.read`.
    async fn dimensions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DimensionValue>> {
        let labels = Labels::from_json(&self.dimensions)?;
        let found = try_join_all(labels.values().map(|value| ctx.load::<DimensionValue>(value))).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// A document whose lines are asked for, and its currency, which whoever has the document knows: its table is not read
/// again for it.
pub type Asked<Id> = (Id, CurrencyCode);

/// The lines of many documents, by document, in their order: one statement.
pub async fn of<Id>(
    tx: &Tx,
    kind: Kind,
    documents: Vec<Asked<Id>>,
    uuid: fn(&Id) -> Uuid,
) -> Result<HashMap<Asked<Id>, Vec<DocumentLine>>>
where
    Id: Eq + Hash,
{
    let text = for_kind!(kind, |table| {
        concat!(
            "SELECT l.id, l.",
            table!(),
            "_id, l.line_no, l.description, l.quantity, l.unit_price, l.discount_percent, l.tax_percent, l.net,
                l.account_id, l.tax_code_id, l.second_tax_code_id, l.second_tax_percent, l.dimensions
           FROM finance.",
            table!(),
            "_line l
          WHERE l.tenant_id = $1 AND l.",
            table!(),
            "_id = ANY ($2)
          ORDER BY l.",
            table!(),
            "_id, l.line_no"
        )
    });
    let ids: Vec<Uuid> = documents.iter().map(|(id, _)| uuid(id)).collect();
    let rows: Vec<Row> =
        tx.rows(typed::<RowColumns>(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(ids)).await?;
    let mut by_document: HashMap<Uuid, Vec<Row>> = HashMap::with_capacity(documents.len());
    for row in rows {
        by_document.entry(row.document_id).or_default().push(row);
    }
    let with_lines = documents.into_iter().filter_map(|asked| {
        let rows = by_document.remove(&uuid(&asked.0))?;
        let lines = rows.into_iter().map(|row| row.of_document(kind, asked.1.clone())).collect();
        Some((asked, lines))
    });
    Ok(with_lines.collect())
}

/// Lines by their own ids: one statement.
async fn by_id<Id>(tx: &Tx, kind: Kind, ids: Vec<Uuid>, id: impl Fn(Uuid) -> Id) -> Result<HashMap<Id, DocumentLine>>
where
    Id: Eq + Hash,
{
    let text = for_kind!(kind, |table| {
        concat!(
        "SELECT l.id, d.id, l.line_no, l.description, l.quantity, l.unit_price, l.discount_percent, l.tax_percent, l.net,
                l.account_id, l.tax_code_id, l.second_tax_code_id, l.second_tax_percent, l.dimensions, d.currency
           FROM finance.",
        table!(),
        "_line l
           JOIN finance.",
        table!(),
        " d ON d.tenant_id = l.tenant_id AND d.id = l.",
        table!(),
        "_id
          WHERE l.tenant_id = $1 AND l.id = ANY ($2)"
    )
    });
    let rows: Vec<(Row, CurrencyCode)> = tx
        .rows(typed::<(RowColumns, Text)>(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(ids))
        .await?;
    let lines = rows.into_iter().map(|(row, currency)| (id(row.row_id), row.of_document(kind, currency)));
    Ok(lines.collect())
}

/// Fetches lines of invoices by their own ids.
pub struct OfInvoice;

impl Fetch for OfInvoice {
    type Key = InvoiceLineId;
    type Value = DocumentLine;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<InvoiceLineId>) -> Result<HashMap<InvoiceLineId, DocumentLine>> {
        by_id(tx, Kind::Invoice, keys.into_iter().map(|key| key.0).collect(), InvoiceLineId).await
    }
}

/// Fetches lines of bills by their own ids.
pub struct OfBill;

impl Fetch for OfBill {
    type Key = BillLineId;
    type Value = DocumentLine;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<BillLineId>) -> Result<HashMap<BillLineId, DocumentLine>> {
        by_id(tx, Kind::Bill, keys.into_iter().map(|key| key.0).collect(), BillLineId).await
    }
}

/// The lines as their amounts are computed from, at the rates that stand on them.
pub fn priced(lines: &[DocumentLine]) -> Result<Vec<Line>> {
    let one = |line: &DocumentLine| {
        // the account of a tax has no part in its amount
        let tax = |code: Option<TaxCodeId>, percent: Dec| {
            code.map(|code| LineTax { code, account: line.account_id, percent: percent.0 })
        };
        Ok(Line {
            description: line.description.clone(),
            quantity: line.quantity.0,
            unit_price: line.unit_price.0,
            discount_percent: line.discount_percent.0,
            account: line.account_id,
            tax: tax(line.tax_code_id, line.tax_percent),
            second_tax: tax(line.second_tax_code_id, line.second_tax_percent),
            labels: Labels::from_json(&line.dimensions)?,
        })
    };
    lines.iter().map(one).collect()
}

/// The taxes of a document by code: recomputed from its lines by its own rule, which is exact and always the same.
pub fn taxes(lines: &[DocumentLine], terms: Terms, code: &str) -> Result<Vec<DocumentTax>> {
    let currency = crate::platform::input::currency(code)?;
    let totals = total(&priced(lines)?, terms, currency)?;
    Ok(totals
        .taxes
        .into_iter()
        .map(|tax| DocumentTax {
            tax_code_id: tax.key,
            percent: Dec(tax.percent),
            base: Money::new(Dec(tax.base), code),
            tax: Money::new(Dec(tax.tax), code),
        })
        .collect())
}
