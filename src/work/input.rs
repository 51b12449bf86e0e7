//! Checks of what comes in, shared by the department.

use std::ops::RangeInclusive;

use crate::platform::error::{Error, Result, UserErrorCode};

/// Refuses a text whose number of characters is out of range, or that has to say something and is blank.
pub fn sized(field: &str, text: &str, range: RangeInclusive<usize>) -> Result<()> {
    let (least, most) = (*range.start(), *range.end());
    if range.contains(&text.chars().count()) && (least == 0 || !text.trim().is_empty()) {
        return Ok(());
    }
    Err(Error::refuse(UserErrorCode::Invalid, field, format!("This has to be {least} to {most} characters long.")))
}
