//! From lines to totals: no database, no clock.

use backoffice_money::{Currency, Decimal, LineInput, TaxKey, Totals};

use super::{DocumentLineInput, DocumentRounding};
use crate::finance::ids::{AccountId, TaxCodeId};
use crate::finance::ledger::dimension::Labels;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{at, decimals, sized};

/// The most lines a document can have.
pub const MAX_LINES: usize = 1000;

/// A line with everything that its amounts depend on.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was sold or bought.
    pub description: String,
    /// How many.
    pub quantity: Decimal,
    /// Net price of one.
    pub unit_price: Decimal,
    /// Discount in percent.
    pub discount_percent: Decimal,
    /// Where the net amount is posted.
    pub account: AccountId,
    /// What it is taxed with.
    pub tax: Option<LineTax>,
    /// The values of dimensions that the net amount stands on.
    pub labels: Labels,
}

/// A tax code as of one day.
#[derive(Clone, Copy, Debug)]
pub struct LineTax {
    /// The code.
    pub code: TaxCodeId,
    /// Where its tax is posted.
    pub account: AccountId,
    /// Its rate in percent on that day.
    pub percent: Decimal,
}

impl Line {
    /// The rate, 0 for a line outside of any tax.
    #[must_use]
    pub fn percent(&self) -> Decimal {
        self.tax.map_or(Decimal::ZERO, |tax| tax.percent)
    }
}

/// Checks what can be checked on the lines alone.
pub fn check(lines: &[DocumentLineInput]) -> Result<()> {
    if lines.is_empty() || lines.len() > MAX_LINES {
        let message = format!("A document has 1 to {MAX_LINES} lines.");
        return Err(Error::refuse(UserErrorCode::Required, "lines", message));
    }
    for (at, line) in lines.iter().enumerate() {
        sized(&format!("lines.{at}.description"), &line.description, 1..=500)?;
        decimals(&format!("lines.{at}.quantity"), line.quantity.0, 4)?;
        decimals(&format!("lines.{at}.unitPrice"), line.unit_price.0, 4)?;
        let discount = line.discount_percent.unwrap_or_default().0;
        decimals(&format!("lines.{at}.discountPercent"), discount, 4)?;
        if discount.is_sign_negative() && !discount.is_zero() || discount > Decimal::ONE_HUNDRED {
            let field = format!("lines.{at}.discountPercent");
            return Err(Error::refuse(UserErrorCode::Invalid, &field, "A discount is 0 to 100 percent."));
        }
    }
    Ok(())
}

/// The totals of a document.
pub fn total(lines: &[Line], rounding: DocumentRounding, currency: Currency) -> Result<Totals<Option<TaxCodeId>>> {
    let inputs: Vec<LineInput<Option<TaxCodeId>>> = lines
        .iter()
        .map(|line| LineInput {
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount_percent: line.discount_percent,
            tax: TaxKey { key: line.tax.map(|tax| tax.code), percent: line.percent() },
        })
        .collect();
    backoffice_money::totals(&inputs, Decimal::ZERO, rounding.into(), currency.exponent())
        .map_err(|error| at("lines", error))
}

/// The exchange rate of a document: book currency for one unit of the document's currency.
pub fn exchange_rate(given: Option<Decimal>, document: Currency, book: Currency) -> Result<Decimal> {
    let refuse = |code, message: String| Err(Error::refuse(code, "exchangeRate", message));
    match given {
        None if document == book => Ok(Decimal::ONE),
        None => refuse(
            UserErrorCode::Required,
            format!("Say how many {book} one {document} is worth: the amounts are not in the books' currency."),
        ),
        Some(rate) if document == book && rate != Decimal::ONE => {
            refuse(UserErrorCode::Invalid, format!("The amounts are in the books' currency {book}: the rate is 1."))
        }
        Some(rate) if rate <= Decimal::ZERO || rate >= Decimal::from(1_000_000_000_u32) => {
            refuse(UserErrorCode::Invalid, "A rate is more than 0 and less than a billion.".to_owned())
        }
        Some(rate) => decimals("exchangeRate", rate, 8),
    }
}
