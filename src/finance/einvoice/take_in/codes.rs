//! Which tax codes the taxes of an electronic invoice are.

use backoffice_money::Decimal;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::EInvoiceTaxCodeInput;
use super::lines::Wanted;
use crate::finance::einvoice::treatment::TaxCategory;
use crate::finance::ids::TaxCodeId;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::sql::sql;

/// An input code as it is on the day of the invoice.
#[derive(QueryableByName, Clone, Debug)]
struct Code {
    #[diesel(sql_type = SqlUuid)]
    id: TaxCodeId,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Numeric)]
    percent: Decimal,
    #[diesel(sql_type = Nullable<Text>)]
    category: Option<TaxCategory>,
}

/// The tax code of each line.
pub(super) async fn find(
    tx: &Tx,
    lines: &[Wanted],
    given: Vec<EInvoiceTaxCodeInput>,
    day: NaiveDate,
) -> Result<Vec<Option<TaxCodeId>>> {
    let codes: Vec<Code> = tx
        .rows(
            sql("SELECT c.id, c.code, r.percent, t.category FROM finance.tax_code c
                   JOIN LATERAL (SELECT r.percent FROM finance.tax_rate r
                                  WHERE r.tenant_id = $1 AND r.tax_code_id = c.id AND r.valid_from <= $2
                                  ORDER BY r.valid_from DESC LIMIT 1) r ON true
                   LEFT JOIN finance.tax_treatment t ON t.tenant_id = c.tenant_id AND t.tax_code_id = c.id
                  WHERE c.tenant_id = $1 AND c.direction = 'input' ORDER BY c.code")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(day),
        )
        .await?;
    lines.iter().map(|line| code_of(line, &codes, &given)).collect()
}

/// The code that was given for a tax, or the one that alone has its category and rate. Where there is nothing to pay and
/// none has it, the line is outside of any tax, unless the buyer owes the tax.
fn code_of(line: &Wanted, codes: &[Code], given: &[EInvoiceTaxCodeInput]) -> Result<Option<TaxCodeId>> {
    let same = |one: &&EInvoiceTaxCodeInput| one.category.in_file() == line.category && one.percent.0 == line.rate;
    if let Some(said) = given.iter().find(same) {
        if said.tax_code.is_none() && !line.rate.is_zero() {
            let message = format!("At {} % there is a tax: say which code it is.", line.rate.normalize());
            return Err(Error::refuse(UserErrorCode::Required, "taxCodes", message));
        }
        return Ok(said.tax_code);
    }
    let fits = |one: &&Code| {
        let category = one.category.unwrap_or_else(|| TaxCategory::by_rate(one.percent));
        category.in_file() == line.category && one.percent == line.rate
    };
    let found: Vec<&Code> = codes.iter().filter(fits).collect();
    let (rate, category) = (line.rate.normalize(), line.category);
    match found.as_slice() {
        [one] => Ok(Some(one.id)),
        [] if line.rate.is_zero() && !["AE", "K"].contains(&category.as_str()) => Ok(None),
        [] => {
            let message = format!("No input tax code has the category {category} and {rate} %: say which one it is.");
            Err(Error::refuse(UserErrorCode::Required, "taxCodes", message))
        }
        several => {
            let names = several.iter().map(|one| one.code.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("Several tax codes have the category {category} and {rate} %: {names}. Say which.");
            Err(Error::refuse(UserErrorCode::Required, "taxCodes", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use backoffice_formats::einvoice::Category;

    use super::*;
    use crate::platform::scalars::Dec;

    fn line(category: Category, rate: i64) -> Wanted {
        Wanted {
            description: "Rope".to_owned(),
            quantity: Decimal::ONE,
            unit_price: Decimal::ONE,
            discount_percent: Decimal::ZERO,
            net: Decimal::ONE,
            category,
            rate: Decimal::from(rate),
        }
    }

    #[test]
    fn one_code_fits_or_somebody_says_which() {
        let code = |name: &str, percent: i64, category| Code {
            id: TaxCodeId::new(),
            code: name.to_owned(),
            percent: Decimal::from(percent),
            category,
        };
        let codes =
            [code("V19", 19, None), code("V7", 7, None), code("V7B", 7, None), code("E", 0, Some(TaxCategory::Exempt))];
        let found = |category, rate| code_of(&line(category, rate), &codes, &[]);
        assert_eq!(found(Category::Standard, 19).unwrap(), Some(codes[0].id));
        assert!(found(Category::Standard, 7).is_err() && found(Category::Standard, 5).is_err());
        assert_eq!(found(Category::Exempt, 0).unwrap(), Some(codes[3].id));
        assert_eq!(found(Category::OutOfScope, 0).unwrap(), None);
        assert!(found(Category::ReverseCharge, 0).is_err());
        let said = |percent: i64, tax_code| EInvoiceTaxCodeInput {
            category: TaxCategory::Standard,
            percent: Dec(Decimal::from(percent)),
            tax_code,
        };
        let given = [said(7, Some(codes[2].id)), said(19, None)];
        assert_eq!(code_of(&line(Category::Standard, 7), &codes, &given).unwrap(), Some(codes[2].id));
        assert!(code_of(&line(Category::Standard, 19), &codes, &given).is_err());
    }
}
