//! What a line of an expense claim comes to: no database, no clock.

use backoffice_money::{Currency, Decimal, check_scale, mul, round};

use super::ExpenseKind;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{at, decimals};

/// What holds for a type of expense on a day.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// The amount of a day or a kilometre.
    pub unit_amount: Option<Decimal>,
    /// Of a line nothing above it is accepted.
    pub most: Option<Decimal>,
    /// Lines above it need their receipt.
    pub receipt_above: Option<Decimal>,
}

/// What a line comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    /// How many days or kilometres; 1 for a receipt.
    pub quantity: Decimal,
    /// The amount of one.
    pub unit_amount: Decimal,
    /// All of it.
    pub amount: Decimal,
    /// What of it is accepted unless somebody says otherwise.
    pub accepted: Decimal,
}

/// A receipt is claimed by its amount; days and kilometres by how many there are, at the amount of their day.
pub(super) fn claim(
    kind: ExpenseKind,
    terms: Terms,
    quantity: Option<Decimal>,
    amount: Option<Decimal>,
    field: &str,
    book: Currency,
) -> Result<Claimed> {
    let refuse = |code, name: &str, message: &str| Err(Error::refuse(code, &format!("{field}.{name}"), message));
    let (quantity, unit_amount) = match (kind, quantity, amount) {
        (ExpenseKind::Receipt, None, Some(amount)) => {
            check_scale(amount, book.exponent()).map_err(|error| at(&format!("{field}.amount"), error))?;
            (Decimal::ONE, amount)
        }
        (ExpenseKind::Receipt, Some(_), _) => {
            return refuse(UserErrorCode::Invalid, "quantity", "A receipt is claimed by its amount alone.");
        }
        (ExpenseKind::Receipt, None, None) => {
            return refuse(UserErrorCode::Required, "amount", "Say the amount of the receipt.");
        }
        (_, _, Some(_)) => {
            return refuse(UserErrorCode::Invalid, "amount", "The amount comes from the rate of the day.");
        }
        (_, None, None) => return refuse(UserErrorCode::Required, "quantity", "Say how many days or kilometres."),
        (_, Some(quantity), None) => {
            let Some(unit) = terms.unit_amount else {
                return refuse(UserErrorCode::Invalid, "spentOn", "This type has no rate on that day.");
            };
            (decimals(&format!("{field}.quantity"), quantity, 4)?, unit)
        }
    };
    let amount = round(mul(quantity, unit_amount)?, book)?;
    if amount <= Decimal::ZERO {
        let name = if kind == ExpenseKind::Receipt { "amount" } else { "quantity" };
        return refuse(UserErrorCode::Invalid, name, "What is claimed is more than zero.");
    }
    let accepted = terms.most.map_or(amount, |most| most.min(amount));
    Ok(Claimed { quantity, unit_amount, amount, accepted })
}

/// Whether a line of that amount needs its receipt.
pub(super) fn needs_receipt(terms: Terms, amount: Decimal) -> bool {
    terms.receipt_above.is_some_and(|above| amount > above)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::platform::input::currency;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn receipts_days_and_kilometres() {
        let euro = currency("EUR").unwrap();
        let of = |kind, terms, quantity: Option<&str>, amount: Option<&str>| {
            claim(kind, terms, quantity.map(dec), amount.map(dec), "lines.0", euro)
        };
        let diem = Terms { unit_amount: Some(dec("28")), ..Terms::default() };
        assert_eq!(of(ExpenseKind::PerDiem, diem, Some("2.5"), None).unwrap().amount, dec("70.00"));
        let road = Terms { unit_amount: Some(dec("0.30")), most: Some(dec("50")), receipt_above: None };
        let far = of(ExpenseKind::Mileage, road, Some("333.3"), None).unwrap();
        assert_eq!((far.amount, far.accepted), (dec("99.99"), dec("50")));
        let hotel = Terms { most: Some(dec("120")), receipt_above: Some(dec("25")), unit_amount: None };
        let night = of(ExpenseKind::Receipt, hotel, None, Some("99.90")).unwrap();
        assert_eq!((night.quantity, night.accepted), (dec("1"), dec("99.90")));
        assert!(needs_receipt(hotel, dec("25.01")) && !needs_receipt(hotel, dec("25")));
        for bad in [
            of(ExpenseKind::Receipt, hotel, Some("1"), Some("5")),
            of(ExpenseKind::Receipt, hotel, None, None),
            of(ExpenseKind::Receipt, hotel, None, Some("0")),
            of(ExpenseKind::Receipt, hotel, None, Some("-5")),
            of(ExpenseKind::Receipt, hotel, None, Some("5.001")),
            of(ExpenseKind::Mileage, road, None, Some("5")),
            of(ExpenseKind::Mileage, road, None, None),
            of(ExpenseKind::Mileage, road, Some("0"), None),
            of(ExpenseKind::PerDiem, Terms::default(), Some("1"), None),
        ] {
            assert!(bad.is_err());
        }
    }

    proptest! {
        /// Nothing above the limit is accepted, nor more than is claimed.
        #[test]
        fn limits_hold(cents in 1_i64..10_000_000, most in 1_i64..10_000_000) {
            let euro = currency("EUR").unwrap();
            let terms = Terms { most: Some(Decimal::new(most, 2)), ..Terms::default() };
            let made = claim(ExpenseKind::Receipt, terms, None, Some(Decimal::new(cents, 2)), "lines.0", euro).unwrap();
            prop_assert!(made.accepted <= made.amount && made.accepted <= Decimal::new(most, 2));
            prop_assert!(made.accepted > Decimal::ZERO);
        }
    }
}
