//! Bands: which amounts of a currency a policy treats alike. They lie side by side, and the last one has no end, so that
//! every amount above the first one's beginning falls into exactly one.

use std::fmt;

use backoffice_money::Decimal;

/// Amounts above one bound, up to and with another, in a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// The currency's code.
    pub currency: String,
    /// Amounts above this; none: from nothing on.
    pub above: Option<Decimal>,
    /// Up to and with this; none: without limit.
    pub up_to: Option<Decimal>,
}

/// What is wrong with the bands of a policy, and at which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There are none.
    None,
    /// It ends where it begins, or before.
    Empty(usize),
    /// It begins below nothing.
    Negative(usize),
    /// Amounts of it are another one's as well.
    Overlap(usize),
    /// Between the one before it and this one amounts belong to none.
    Gap(usize),
    /// It is the last of its currency, and has an end.
    Ends(usize),
    /// The currency of the books has none, so that other currencies have nothing to be counted in.
    NoBookCurrency,
}

impl Fault {
    /// Which band it is about, by its place among those that were given.
    #[must_use]
    pub fn band(self) -> Option<usize> {
        match self {
            Self::Empty(at) | Self::Negative(at) | Self::Overlap(at) | Self::Gap(at) | Self::Ends(at) => Some(at),
            Self::None | Self::NoBookCurrency => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "A policy has one band at least.",
            Self::Empty(_) => "A band ends above where it begins.",
            Self::Negative(_) => "A band begins at zero or above.",
            Self::Overlap(_) => "This band overlaps another one of its currency.",
            Self::Gap(_) => "Between this band and the one below it there is a gap.",
            Self::Ends(_) => "The last band of a currency has no end, otherwise nothing is said of what lies above it.",
            Self::NoBookCurrency => "The currency of the books has no band: other currencies are counted in it.",
        })
    }
}

/// The places of the bands in their order: by currency, then from below. Refuses bands that overlap, leave a gap or end.
///
/// # Errors
/// The first fault, band by band.
pub fn place(bands: &[Band], book: &str) -> Result<Vec<usize>, Fault> {
    if bands.is_empty() {
        return Err(Fault::None);
    }
    for (at, band) in bands.iter().enumerate() {
        if band.above.is_some_and(|above| above < Decimal::ZERO) {
            return Err(Fault::Negative(at));
        }
        if band.up_to.is_some_and(|up_to| up_to <= band.above.unwrap_or(Decimal::ZERO)) {
            return Err(Fault::Empty(at));
        }
    }
    if !bands.iter().any(|band| band.currency == book) {
        return Err(Fault::NoBookCurrency);
    }
    let mut order: Vec<(usize, &Band)> = bands.iter().enumerate().collect();
    // none, which is from nothing on, stands before zero
    order.sort_by(|(_, one), (_, other)| (&one.currency, one.above).cmp(&(&other.currency, other.above)));
    let mut before: Option<(usize, &Band)> = None;
    for (at, band) in &order {
        match before {
            Some((_, below)) if below.currency == band.currency => match (below.up_to, band.above) {
                (Some(end), Some(above)) if end == above => {}
                (Some(end), Some(above)) if end < above => return Err(Fault::Gap(*at)),
                _ => return Err(Fault::Overlap(*at)),
            },
            Some((last, below)) if below.up_to.is_some() => return Err(Fault::Ends(last)),
            _ => {}
        }
        before = Some((*at, band));
    }
    match before {
        Some((last, band)) if band.up_to.is_some() => Err(Fault::Ends(last)),
        _ => Ok(order.into_iter().map(|(at, _)| at).collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn band(currency: &str, above: Option<i64>, up_to: Option<i64>) -> Band {
        Band { currency: currency.to_owned(), above: above.map(Decimal::from), up_to: up_to.map(Decimal::from) }
    }

    #[test]
    fn bands_lie_side_by_side_in_whatever_order_they_come() {
        let bands = [band("EUR", Some(5000), None), band("EUR", None, Some(5000))];
        assert_eq!(place(&bands, "EUR"), Ok(vec![1, 0]));
        assert_eq!(place(&[band("EUR", Some(1000), None)], "EUR"), Ok(vec![0]), "what lies below needs no approval");
        let two = [band("USD", None, None), band("EUR", None, Some(10)), band("EUR", Some(10), None)];
        assert_eq!(place(&two, "EUR"), Ok(vec![1, 2, 0]));
    }

    #[test]
    fn what_overlaps_or_leaves_a_gap_is_named() {
        let first = band("EUR", None, Some(5000));
        for (second, fault) in [
            (band("EUR", Some(4999), None), Fault::Overlap(1)),
            (band("EUR", None, None), Fault::Overlap(1)),
            (band("EUR", Some(5001), None), Fault::Gap(1)),
            (band("EUR", Some(5000), Some(9000)), Fault::Ends(1)),
            (band("EUR", Some(5000), Some(5000)), Fault::Empty(1)),
            (band("EUR", Some(-1), None), Fault::Negative(1)),
            (band("USD", None, None), Fault::Ends(0)),
        ] {
            assert_eq!(place(&[first.clone(), second.clone()], "EUR"), Err(fault), "{second:?}");
        }
        assert_eq!(place(&[], "EUR"), Err(Fault::None));
        assert_eq!(place(&[band("USD", None, None)], "EUR"), Err(Fault::NoBookCurrency));
        // an unlimited one below another one
        assert_eq!(place(&[band("EUR", None, None), band("EUR", Some(1), None)], "EUR"), Err(Fault::Overlap(1)));
    }

    proptest! {
        #[test]
        fn of_bands_that_are_taken_exactly_one_holds_an_amount(
            bounds in prop::collection::vec((0_i64..50, prop::option::of(1_i64..60)), 1..5), amount in 0_i64..100,
        ) {
            let bands: Vec<Band> = bounds.iter().map(|(above, up_to)| band("EUR", Some(*above), *up_to)).collect();
            if place(&bands, "EUR").is_ok() {
                let amount = Decimal::from(amount);
                let holding = bands.iter().filter(|band| {
                    band.above.is_none_or(|above| amount > above) && band.up_to.is_none_or(|up_to| amount <= up_to)
                });
                let least = bands.iter().filter_map(|band| band.above).min().unwrap();
                prop_assert_eq!(holding.count(), usize::from(amount > least));
            }
        }
    }
}
