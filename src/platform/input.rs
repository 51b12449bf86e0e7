//! Checks of what comes in, shared by the departments: each names the input field and says what would be right.

use std::ops::RangeInclusive;

use backoffice_money::{Currency, Decimal, MoneyError, check_scale};

use crate::platform::error::{Error, Result, UserErrorCode, path};

/// Refuses a text whose number of characters is out of range, or that has to say something and is blank.
pub fn sized(field: &str, text: &str, range: RangeInclusive<usize>) -> Result<()> {
    let (least, most) = (*range.start(), *range.end());
    if range.contains(&text.chars().count()) && (least == 0 || !text.trim().is_empty()) {
        return Ok(());
    }
    Err(Error::refuse(UserErrorCode::Invalid, field, format!("This has to be {least} to {most} characters long.")))
}

/// The same for a text that may be left out.
pub fn sized_if_given(field: &str, text: Option<&str>, most: usize) -> Result<()> {
    text.map_or(Ok(()), |text| sized(field, text, 0..=most))
}

/// Refuses a number with more decimals than its column keeps: nothing is rounded silently.
pub fn decimals(field: &str, value: Decimal, most: u32) -> Result<Decimal> {
    check_scale(value, most).map_err(|error| at(field, error))
}

/// A refusal of the arithmetic, at an input field.
#[must_use]
pub fn at(field: &str, error: MoneyError) -> Error {
    match error {
        MoneyError::AtLine { index, reason } => at(&format!("{field}.{index}"), *reason),
        error => Error::refuse(UserErrorCode::Invalid, field, error.to_string()),
    }
}

/// Refuses if the record was changed since the caller read it.
pub fn expect_version(expected: Option<i32>, found: i32, what: &str) -> Result<()> {
    match expected {
        Some(expected) if expected != found => Err(Error::refuse(
            UserErrorCode::Conflict,
            "expectedVersion",
            format!("The {what} was changed by somebody else since it was read."),
        )),
        _ => Ok(()),
    }
}

/// Moves refusals to the fields of this input: a command below speaks of `date` where the caller said `issueDate`.
#[must_use]
pub fn relabel(error: Error, labels: &[(&str, &str)]) -> Error {
    let Error::Refused(mut reasons) = error else { return error };
    for reason in &mut reasons {
        if let Some((_, to)) = labels.iter().find(|(from, _)| reason.field == path(from)) {
            reason.field = path(to);
        }
    }
    Error::Refused(reasons)
}

/// An address that mails can be sent to, in small letters.
pub fn mailable(field: &str, email: &str) -> Result<String> {
    let email = email.trim().to_ascii_lowercase();
    let sound = email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && !host.contains('@')
    });
    if sound
        && email.len() <= 254
        && email.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,;:\"()[]\\".contains(&byte))
    {
        return Ok(email);
    }
    Err(Error::refuse(UserErrorCode::Invalid, field, "This is no address that mails can be sent to."))
}

/// A currency that came through the scalar or from the database.
pub fn currency(code: &str) -> Result<Currency> {
    Currency::parse(code).map_err(Error::fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_move_to_the_callers_field() {
        let error = Error::refuse(UserErrorCode::PeriodLocked, "date", "Locked.");
        let Error::Refused(reasons) = relabel(error, &[("date", "issueDate")]) else { panic!() };
        assert_eq!(reasons[0].field, ["input", "issueDate"]);
    }

    #[test]
    fn a_line_names_itself() {
        let Error::Refused(reasons) = at("lines", MoneyError::Overflow.at(3)) else { panic!() };
        assert_eq!(reasons[0].field, ["input", "lines", "3"]);
    }
}
