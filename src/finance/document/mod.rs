//! What invoices and bills share: lines, taxes, totals and the entry they are posted with.
//!
//! An invoice is a bill seen from the other side: the same arithmetic, debit and credit exchanged. The invariant: what is
//! posted balances in both currencies, and the control account moves by exactly the document's gross amount.

pub mod cash_rounding;
pub mod lines;
pub mod posting;
pub mod pricing;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use backoffice_money::RoundingMethod;

use crate::finance::ids::{AccountId, DimensionValueId, TaxCodeId};
use crate::finance::ledger::tax_code::TaxCode;
use crate::platform::scalars::{Dec, Money};
use crate::platform::scope::Ask;

crate::platform::words! {
    /// When the taxes of a document are rounded. A document keeps the rule it was made with.
    DocumentRounding {
        /// Tax for each tax code on the exact sum of its lines, rounded once.
        ByDocument = "by_document",
        /// Net and tax rounded on every line, then summed.
        ByLine = "by_line",
    }
}

impl From<DocumentRounding> for RoundingMethod {
    fn from(rounding: DocumentRounding) -> Self {
        match rounding {
            DocumentRounding::ByDocument => Self::ByDocument,
            DocumentRounding::ByLine => Self::ByLine,
        }
    }
}

crate::platform::words! {
    /// How much of a posted document has been settled.
    PaymentState {
        /// Nothing.
        Open = "open",
        /// A part.
        PartPaid = "part_paid",
        /// All of it.
        Paid = "paid",
    }
}

/// Which of the two documents. Their tables have the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sent to a customer.
    Invoice,
    /// Received from a vendor.
    Bill,
}

/// A line of an invoice or a bill.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentLineInput {
    /// What was sold or bought, 1 to 500 characters.
    pub description: String,
    /// How many, at most 4 decimals; negative for a return.
    pub quantity: Dec,
    /// Price of one in the document's currency, at most 4 decimals: net, or with its taxes where the document's prices
    /// include them.
    pub unit_price: Dec,
    /// Discount on this line in percent, 0 to 100, at most 4 decimals; none if not said.
    pub discount_percent: Option<Dec>,
    /// The revenue account of an invoice, the expense or asset account of a bill: a leaf, and no control account.
    pub account: AccountId,
    /// The tax code; none for what is outside of any tax. Output codes on invoices, input codes on bills.
    pub tax_code: Option<TaxCodeId>,
    /// A second tax of the same net amount, such as one of a state beside that of the country; another code than the first.
    pub second_tax_code: Option<TaxCodeId>,
    /// The values of dimensions that the net amount stands on, at most one of each dimension; none if not said. What its
    /// account needs is asked for when the document is posted.
    pub dimensions: Option<Vec<DimensionValueId>>,
}

/// The sum of one tax code on a document.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct DocumentTax {
    #[graphql(skip)]
    pub(crate) tax_code_id: Option<TaxCodeId>,
    /// The rate in percent of the base.
    pub percent: Dec,
    /// Net amount that the tax is taken of, in the document's currency.
    pub base: Money,
    /// The tax, in the document's currency.
    pub tax: Money,
}

#[ComplexObject]
impl DocumentTax {
    /// The tax code; null for the lines outside of any tax. Right: `finance.tax_code.read`.
    async fn tax_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxCode>> {
        match self.tax_code_id {
            Some(code) => Ok(ctx.load::<TaxCode>(code).await?),
            None => Ok(None),
        }
    }
}
