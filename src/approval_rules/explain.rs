//! Why a request needs the approvals that it needs, in a sentence.

use std::fmt::Write;

use backoffice_money::{Currency, Decimal};

/// Up to so many different amounts are written out.
const WRITTEN_OUT: usize = 5;

/// What was weighed, and the band that it fell into.
#[derive(Clone, Copy, Debug)]
pub struct Weighed<'a> {
    /// The record's own amount and currency; none: it has none.
    pub own: Option<(Decimal, &'a str)>,
    /// What it counts as, and in which currency.
    pub counted: Option<(Decimal, &'a str)>,
    /// What was counted together, its own amount among it.
    pub together: &'a [Decimal],
    /// Within how many days.
    pub days: Option<i32>,
    /// What its counterparty is called, e.g. `vendor`.
    pub counterparty: &'a str,
    /// The number of the band.
    pub band: i32,
    /// The band begins above this.
    pub above: Option<Decimal>,
    /// The band ends with this.
    pub up_to: Option<Decimal>,
}

/// An amount with thousands apart and as many decimals as its currency has, or more if it needs them.
fn written(amount: Decimal, currency: &str) -> String {
    let text = Currency::parse(currency).map_or(amount, |currency| currency.shown(amount)).to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, decimals) = digits.split_once('.').map_or((digits, None), |(whole, decimals)| (whole, Some(decimals)));
    let mut shown = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && whole.len().saturating_sub(at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    if let Some(decimals) = decimals {
        shown.push('.');
        shown.push_str(decimals);
    }
    shown
}

/// `3 × 2,000.00`, `2,000.00 + 1,500.00`, or how many there are.
fn summed(amounts: &[Decimal], currency: &str) -> String {
    match amounts {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => {
            format!("{} × {}", amounts.len(), written(*first, currency))
        }
        _ if amounts.len() <= WRITTEN_OUT => {
            amounts.iter().map(|amount| written(*amount, currency)).collect::<Vec<_>>().join(" + ")
        }
        _ => format!("{} amounts", amounts.len()),
    }
}

/// The sentence.
#[must_use]
pub fn explain(weighed: &Weighed<'_>) -> String {
    let (Some((own, own_currency)), Some((counted, currency))) = (weighed.own, weighed.counted) else {
        return "Every change needs this approval, whatever it is about.".to_owned();
    };
    let mut text = match weighed.days {
        Some(days) if weighed.together.len() > 1 => format!(
            "{} to one {} within {days} {} count as {} {currency}",
            summed(weighed.together, currency),
            weighed.counterparty,
            if days == 1 { "day" } else { "days" },
            written(counted, currency),
        ),
        _ if own_currency != currency => {
            format!(
                "{} {own_currency} count as {} {currency}",
                written(own.abs(), own_currency),
                written(counted, currency)
            )
        }
        _ => format!("{} {currency}", written(counted, currency)),
    };
    let _ = write!(text, ": band {}", weighed.band);
    match (weighed.above, weighed.up_to) {
        (Some(above), Some(up_to)) => {
            let _ = write!(text, ", above {} up to {}.", written(above, currency), written(up_to, currency));
        }
        (Some(above), None) => {
            let _ = write!(text, ", above {}.", written(above, currency));
        }
        (None, Some(up_to)) => {
            let _ = write!(text, ", up to {}.", written(up_to, currency));
        }
        (None, None) => text.push_str(", any amount."),
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn eur<'a>(own: &str, together: &'a [Decimal], counted: &str) -> Weighed<'a> {
        Weighed {
            own: Some((dec(own), "EUR")),
            counted: Some((dec(counted), "EUR")),
            together,
            days: Some(7),
            counterparty: "vendor",
            band: 2,
            above: Some(dec("5000.0000")),
            up_to: None,
        }
    }

    #[test]
    fn a_request_explains_itself() {
        let three = [dec("2000.0000"); 3];
        assert_eq!(
            explain(&eur("2000.00", &three, "6000.0000")),
            "3 × 2,000.00 to one vendor within 7 days count as 6,000.00 EUR: band 2, above 5,000.00."
        );
        let two = [dec("4000"), dec("1500.5")];
        assert_eq!(
            explain(&eur("1500.5", &two, "5500.5")),
            "4,000.00 + 1,500.50 to one vendor within 7 days count as 5,500.50 EUR: band 2, above 5,000.00."
        );
        let many: Vec<Decimal> = (1..=6).map(|n| Decimal::from(n * 1000)).collect();
        assert!(
            explain(&eur("1", &many, "21000")).starts_with("6 amounts to one vendor within 7 days count as 21,000.00")
        );
        let one = [dec("5100")];
        assert_eq!(explain(&eur("5100", &one, "5100")), "5,100.00 EUR: band 2, above 5,000.00.");
    }

    #[test]
    fn another_currency_says_what_it_counts_as() {
        let one = [dec("920")];
        let weighed = Weighed {
            own: Some((dec("-1000"), "USD")),
            band: 1,
            above: None,
            up_to: Some(dec("5000")),
            ..eur("0", &one, "920")
        };
        assert_eq!(explain(&weighed), "1,000.00 USD count as 920.00 EUR: band 1, up to 5,000.00.");
        let yen = [dec("1200000")];
        let weighed = Weighed {
            own: Some((dec("1200000"), "JPY")),
            counted: Some((dec("1200000"), "JPY")),
            above: None,
            ..eur("0", &yen, "0")
        };
        assert_eq!(explain(&weighed), "1,200,000 JPY: band 2, any amount.");
        assert_eq!(
            explain(&Weighed { own: None, counted: None, together: &[], ..weighed }),
            "Every change needs this approval, whatever it is about."
        );
    }

    proptest! {
        #[test]
        fn commas_are_all_that_is_added(units in any::<i64>(), scale in 0_u32..=8) {
            let amount = Decimal::new(units, scale);
            let plain = written(amount, "EUR").replace(',', "");
            prop_assert_eq!(plain.parse::<Decimal>().unwrap(), amount);
        }
    }
}
