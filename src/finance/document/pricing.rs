//! From lines to totals: no database, no clock.

use backoffice_money::{Currency, Decimal, LineInput, Prices, TaxKey, Totals};

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
    /// Price of one: net, or with its taxes where the document's prices include them.
    pub unit_price: Decimal,
    /// Discount in percent.
    pub discount_percent: Decimal,
    /// Where the net amount is posted.
    pub account: AccountId,
    /// What it is taxed with.
    pub tax: Option<LineTax>,
    /// What else it is taxed with, of the net amount as well.
    pub second_tax: Option<LineTax>,
    /// The values of dimensions that the net amount stands on.
    pub labels: Labels,
}

/// What besides its lines decides the amounts of a document, and stands on it.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// When taxes are rounded.
    pub rounding: DocumentRounding,
    /// Discount on the whole document in percent.
    pub discount_percent: Decimal,
    /// Whether the prices of the lines include their taxes.
    pub prices_include_tax: bool,
}

impl Terms {
    /// What the prices of the lines are.
    #[must_use]
    pub fn prices(self) -> Prices {
        if self.prices_include_tax { Prices::IncludeTax } else { Prices::Net }
    }

    /// The same, if the discount can be one.
    pub fn checked(self) -> Result<Self> {
        decimals("discountPercent", self.discount_percent, 4)?;
        if self.discount_percent.is_sign_negative() && !self.discount_percent.is_zero()
            || self.discount_percent > Decimal::ONE_HUNDRED
        {
            return Err(Error::refuse(UserErrorCode::Invalid, "discountPercent", "A discount is 0 to 100 percent."));
        }
        Ok(self)
    }
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

    /// The rate of the second tax, 0 for a line without one.
    #[must_use]
    pub fn second_percent(&self) -> Decimal {
        self.second_tax.map_or(Decimal::ZERO, |tax| tax.percent)
    }

    /// The taxes of the line; one without a code and of rate 0 for a line outside of any tax.
    #[must_use]
    pub fn tax_keys(&self) -> Vec<TaxKey<Option<TaxCodeId>>> {
        let mut keys = vec![TaxKey { key: self.tax.map(|tax| tax.code), percent: self.percent() }];
        keys.extend(self.second_tax.map(|tax| TaxKey { key: Some(tax.code), percent: tax.percent }));
        keys
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
        if line.second_tax_code.is_some() && (line.tax_code.is_none() || line.tax_code == line.second_tax_code) {
            let message = "A second tax comes with a first one and is another one.";
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("lines.{at}.secondTaxCode"), message));
        }
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
pub fn total(lines: &[Line], terms: Terms, currency: Currency) -> Result<Totals<Option<TaxCodeId>>> {
    let inputs: Vec<LineInput<Option<TaxCodeId>>> = lines
        .iter()
        .map(|line| LineInput {
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount_percent: line.discount_percent,
            taxes: line.tax_keys(),
        })
        .collect();
    backoffice_money::totals(
        &inputs,
        terms.discount_percent,
        terms.prices(),
        terms.rounding.into(),
        currency.exponent(),
    )
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
