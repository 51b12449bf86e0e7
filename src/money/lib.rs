//! Exact money: checked decimal arithmetic, rounding, splits by largest remainder and the totals of a document.
//!
//! No float, no silent rounding, no panic: every operation that can fail says so in its type, and every
//! function that divides an amount hands back parts that add up to it to the last minor unit.
//!
//! | module | what it knows |
//! |---|---|
//! | [`exact`] | reading decimals, checked arithmetic, rounding |
//! | [`currency`] | ISO 4217 codes and their minor units |
//! | [`mod@split`] | one amount into parts that add up to it |
//! | [`mod@totals`] | lines, discounts and taxes of a document |
//! | [`inclusive`] | the taxes inside a price that includes them |
//! | [`cash`] | amounts payable in coins |
//! | [`balanced`] | journal entries that cannot be built out of balance |
//!
//! Amounts are [`Decimal`]s in major units (`12.34` euro, not 1,234 cents); percentages are plain numbers
//! (`22` means 22 %). Bounds: |amount| < 10^15, so that an amount, its minor units and any sum over a
//! document fit into `numeric(19, 4)` columns and into 64 bits.

#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod balanced;
pub mod cash;
pub mod currency;
mod error;
pub mod exact;
pub mod inclusive;
pub mod split;
pub mod totals;

pub use balanced::{Balanced, Posting};
pub use cash::{CashRounding, round_cash};
pub use currency::Currency;
pub use error::MoneyError;
pub use exact::{
    MAX_DECIMALS, RoundingMode, add, check_range, check_scale, mul, neg, parse_decimal, round, round_to, sub, sum,
};
pub use inclusive::{Inclusive, extract_inclusive};
pub use rust_decimal::Decimal;
pub use split::{split, split_last, split_percent};
pub use totals::{LineInput, LineTotals, Prices, RoundingMethod, TaxKey, TaxTotal, Totals, totals};
