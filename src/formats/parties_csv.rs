//! Customers or vendors as CSV: one file a kind, every number once.
//!
//! Columns: `number`, `name`; optional `email`, `vat_number`, `country`, `street`, `postal_code`, `city`, `currency`,
//! `payment_terms_days` and `iban`.

use std::collections::HashMap;

use crate::iban;
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::table::{Column, Dialect, Layout, Reported, Row, Table, needed, optional};
use crate::text;

/// The longest time to pay, in days.
pub const MAX_PAYMENT_TERMS_DAYS: u16 = 365;

/// A customer or a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Line of the file.
    pub line: u64,
    /// Its number in the books.
    pub number: String,
    /// Its name.
    pub name: String,
    /// Where invoices and reminders go.
    pub email: Option<String>,
    /// VAT or other tax number, in capitals without spaces; the form is checked, not whether it exists.
    pub vat_number: Option<String>,
    /// ISO 3166 code of two letters.
    pub country: Option<String>,
    /// Street and house number.
    pub street: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// Days to pay.
    pub payment_terms_days: Option<u16>,
    /// Bank account, its check digits checked.
    pub iban: Option<String>,
}

const COLUMNS: &[Column<'_>] = &[
    needed("number"),
    needed("name"),
    optional("email"),
    optional("vat_number"),
    optional("country"),
    optional("street"),
    optional("postal_code"),
    optional("city"),
    optional("currency"),
    optional("payment_terms_days"),
    optional("iban"),
];

/// The customers or vendors of a file.
pub fn parse(file: &[u8], dialect: &Dialect) -> Result<Vec<Party>, Problems> {
    let text = text::decode(file, dialect.encoding)?;
    let table = Table::read(&text, Layout::exactly(COLUMNS), dialect)?;
    let mut problems = Problems::new();
    let parties = table.each(&mut problems, party);
    let mut lines: HashMap<&str, u64> = HashMap::with_capacity(parties.len());
    for party in &parties {
        let first = *lines.entry(&party.number).or_insert(party.line);
        if first != party.line {
            let message = format!("number {} stands on line {first} already", shown(&party.number));
            problems.push(Problem::new(party.line, ProblemCode::Duplicate, message).in_column("number"));
        }
    }
    if parties.is_empty() && problems.is_empty() {
        problems.push(Problem::new(1, ProblemCode::Empty, "the file has nobody below its header"));
    }
    problems.or(parties)
}

fn party(row: &mut Row<'_, '_>) -> Result<Party, Reported> {
    let (number, name) = (row.required("number"), row.required("name"));
    let (email, vat_number, country) = (email(row), vat_number(row), row.country("country"));
    let (street, postal_code, city) = (row.text("street"), row.text("postal_code"), row.text("city"));
    let (currency, payment_terms_days, iban) = (row.currency("currency"), payment_terms(row), bank_account(row));
    Ok(Party {
        line: row.line,
        number: number?,
        name: name?,
        email: email?,
        vat_number: vat_number?,
        country: country?,
        street: street?,
        postal_code: postal_code?,
        city: city?,
        currency: currency?,
        payment_terms_days: payment_terms_days?,
        iban: iban?,
    })
}

/// Only the form that every address has: whether it exists, the first letter to it tells.
fn email(row: &mut Row<'_, '_>) -> Result<Option<String>, Reported> {
    let Some(email) = row.text("email")? else { return Ok(None) };
    let good = email.len() <= 254
        && !email.contains([' ', ',', ';', '<', '>', '"'])
        && email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.contains('.')
                && domain.split('.').all(|part| !part.is_empty())
        });
    if good {
        Ok(Some(email))
    } else {
        Err(row.refuse("email", ProblemCode::Email, format!("{} is not an e-mail address", shown(&email))))
    }
}

fn vat_number(row: &mut Row<'_, '_>) -> Result<Option<String>, Reported> {
    let Some(written) = row.text("vat_number")? else { return Ok(None) };
    let number: String =
        written.chars().filter(|character| *character != ' ').map(|character| character.to_ascii_uppercase()).collect();
    let characters =
        number.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'+' | b'*'));
    if characters && (4..=20).contains(&number.len()) && number.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(Some(number));
    }
    let message = format!("{} is not a tax number: 4 to 20 letters and digits, as in DE123456789", shown(&written));
    Err(row.refuse("vat_number", ProblemCode::VatNumber, message))
}

fn payment_terms(row: &mut Row<'_, '_>) -> Result<Option<u16>, Reported> {
    let Some(written) = row.text("payment_terms_days")? else { return Ok(None) };
    let digits = written.bytes().all(|byte| byte.is_ascii_digit());
    let days = if digits { written.parse().ok().filter(|days| *days <= MAX_PAYMENT_TERMS_DAYS) } else { None };
    days.map(Some).ok_or_else(|| {
        let message = format!("{} is not a whole number of days from 0 to {MAX_PAYMENT_TERMS_DAYS}", shown(&written));
        row.refuse("payment_terms_days", ProblemCode::OutOfRange, message)
    })
}

fn bank_account(row: &mut Row<'_, '_>) -> Result<Option<String>, Reported> {
    let Some(written) = row.text("iban")? else { return Ok(None) };
    iban::check(&written).map(Some).map_err(|message| row.refuse("iban", ProblemCode::Iban, message))
}

#[cfg(test)]
mod tests;
