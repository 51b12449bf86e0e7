//! Values: what a record says in a field, in its one spelling, or why it cannot say that. No float is involved.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use regex::Regex;
use rust_decimal::Decimal;
use unicode_normalization::UnicodeNormalization;

use super::definition::{Definition, Field, Kind, compile, shown};

/// What a record says, by the keys of its fields. What it does not say is not there.
pub type Values = BTreeMap<String, String>;

/// The digits before the point of a number.
const WHOLE_DIGITS: usize = 15;

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// It is not said, and has to be.
    Required,
    /// It is no value that the field can have.
    Invalid,
    /// There is no such field.
    Unknown,
    /// It is said twice.
    Twice,
}

/// What is wrong with what a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key of the field, as it was given.
    pub field: String,
    /// What kind of fault it is.
    pub code: FaultCode,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Reads values by a definition, whose patterns it has compiled once.
pub struct Reader<'d> {
    definition: &'d Definition,
    patterns: BTreeMap<&'d str, Option<Regex>>,
}

impl<'d> Reader<'d> {
    /// For a definition that was checked.
    #[must_use]
    pub fn new(definition: &'d Definition) -> Self {
        let patterns = definition
            .fields
            .iter()
            .filter_map(|field| Some((field.key.as_str(), compile(field.pattern.as_ref()?))))
            .collect();
        Self { definition, patterns }
    }

    /// What a new record says. Blank texts say nothing.
    pub fn read<'s>(&self, said: impl IntoIterator<Item = (&'s str, Option<&'s str>)>) -> Result<Values, Vec<Fault>> {
        self.change(&Values::new(), said)
    }

    /// What a record says once these are changed: what is not named stays, and has to fit as well.
    pub fn change<'s>(
        &self,
        before: &Values,
        said: impl IntoIterator<Item = (&'s str, Option<&'s str>)>,
    ) -> Result<Values, Vec<Fault>> {
        let mut values = before.clone();
        let mut faults: Vec<Fault> = Vec::new();
        let mut named: BTreeMap<&str, ()> = BTreeMap::new();
        for (key, text) in said {
            let mut fault = |code, message: String| faults.push(Fault { field: key.to_owned(), code, message });
            let Some(field) = self.definition.field(key) else {
                fault(FaultCode::Unknown, format!("There is no field {}.", shown(key)));
                continue;
            };
            if named.insert(field.key.as_str(), ()).is_some() {
                fault(FaultCode::Twice, "This field is said twice.".to_owned());
                continue;
            }
            match text.map(|text| self.value(field, text)) {
                Some(Ok(Some(value))) => {
                    values.insert(field.key.clone(), value);
                }
                None | Some(Ok(None)) => {
                    values.remove(&field.key);
                }
                Some(Err(message)) => fault(FaultCode::Invalid, message),
            }
        }
        let rest: Vec<Fault> = self.faults(&values);
        let told: Vec<&Fault> =
            rest.iter().filter(|fault| !faults.iter().any(|one| one.field == fault.field)).collect();
        let told: Vec<Fault> = told.into_iter().cloned().collect();
        faults.extend(told);
        if faults.is_empty() { Ok(values) } else { Err(faults) }
    }

    /// What of a record that is there does not fit the definition.
    #[must_use]
    pub fn faults(&self, values: &Values) -> Vec<Fault> {
        let mut faults = Vec::new();
        for field in &self.definition.fields {
            let fault = |code, message| Fault { field: field.key.clone(), code, message };
            match values.get(&field.key) {
                None if field.required => {
                    faults.push(fault(FaultCode::Required, format!("{} is missing.", shown(&field.label))));
                }
                None => {}
                Some(text) => match self.value(field, text) {
                    Ok(Some(value)) if value == *text => {}
                    Ok(_) => {
                        faults.push(fault(
                            FaultCode::Invalid,
                            format!("{} is spelled otherwise now.", shown(&field.label)),
                        ));
                    }
                    Err(message) => faults.push(fault(FaultCode::Invalid, message)),
                },
            }
        }
        faults
    }

    /// The one spelling of a value; nothing if it says nothing; or what is wrong with it.
    pub fn value(&self, field: &Field, said: &str) -> Result<Option<String>, String> {
        let wrong = |what: String| Err(format!("{} has to be {what}.", shown(&field.label)));
        if field.kind == Kind::Text {
            let text = match text(said) {
                Ok(text) if text.is_empty() => return Ok(None),
                Ok(text) => text,
                Err(strange) => {
                    return Err(format!(
                        "{} holds a character that no text holds (U+{strange:04X}).",
                        shown(&field.label)
                    ));
                }
            };
            let (least, most) = field.lengths();
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            if length < least || length > most {
                return wrong(format!("{least} to {most} characters long"));
            }
            return match self.patterns.get(field.key.as_str()) {
                Some(Some(pattern)) if !pattern.is_match(&text) => {
                    wrong(format!("of the form {}", field.pattern.as_deref().unwrap_or_default()))
                }
                Some(None) => wrong("of a form that cannot be read".to_owned()),
                _ => Ok(Some(text)),
            };
        }
        let plain = said.trim();
        if plain.is_empty() {
            return Ok(None);
        }
        let value = match field.kind {
            Kind::Text | Kind::Choice => {
                let plain: String = plain.nfc().collect();
                let one = field.choices.iter().find(|one| one.value == plain || one.label == plain);
                return match one {
                    Some(one) => Ok(Some(one.value.clone())),
                    None => wrong("one of what can be chosen".to_owned()),
                };
            }
            Kind::Boolean => {
                return match plain.to_ascii_lowercase().as_str() {
                    "true" | "yes" => Ok(Some("true".to_owned())),
                    "false" | "no" => Ok(Some("false".to_owned())),
                    _ => wrong("true or false".to_owned()),
                };
            }
            Kind::Number => {
                let Some(number) = number(plain) else {
                    return wrong(format!(
                        "a number in digits, with a point before its decimals, below 10^{WHOLE_DIGITS}"
                    ));
                };
                let decimals = field.decimals.unwrap_or(0);
                if number.scale() > decimals {
                    return wrong(format!("a number of at most {decimals} decimals"));
                }
                number.to_string()
            }
            Kind::Date => match day(plain) {
                Some(day) => day.to_string(),
                None => return wrong("a day written YYYY-MM-DD, between 1900 and 2200".to_owned()),
            },
        };
        if let Some(least) = &field.min
            && is_less(field.kind, &value, least)
        {
            return wrong(format!("{least} at least"));
        }
        if let Some(most) = &field.max
            && is_less(field.kind, most, &value)
        {
            return wrong(format!("{most} at most"));
        }
        Ok(Some(value))
    }
}

/// What records say in the fields of each key, as one text: two that give the same collide. A key of which a field is not
/// said keeps nobody apart.
#[must_use]
pub fn keys(definition: &Definition, values: &Values) -> Vec<(String, String)> {
    let said = |parts: &Vec<String>| {
        let texts: Option<Vec<&str>> = parts.iter().map(|part| values.get(part).map(String::as_str)).collect();
        // No value holds this character.
        Some((super::definition::key_name(parts), texts?.join("\u{1f}")))
    };
    definition.keys.iter().filter_map(said).collect()
}

/// A text in its one spelling: composed characters, line ends as one character, no white space around it.
fn text(said: &str) -> Result<String, u32> {
    let composed: String = said.nfc().collect::<String>().replace("\r\n", "\n").replace('\t', " ");
    let strange = |one: &char| (one.is_control() && *one != '\n') || matches!(one, '\u{FFFE}' | '\u{FFFF}');
    match composed.chars().find(strange) {
        Some(strange) => Err(u32::from(strange)),
        None => Ok(composed.trim().to_owned()),
    }
}

/// An exact number, without zeros at its end.
fn number(plain: &str) -> Option<Decimal> {
    let digits = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let only_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !only_digits(whole) || !only_digits(decimals) {
        return None;
    }
    let (whole, decimals) = (whole.trim_start_matches('0'), decimals.trim_end_matches('0'));
    // More than these do not fit into what numbers are compared with.
    if whole.len() > WHOLE_DIGITS || decimals.len() > 12 {
        return None;
    }
    let sign = if plain.starts_with('-') { "-" } else { "" };
    let number = Decimal::from_str_exact(&format!("{sign}0{whole}.{decimals}0")).ok()?.normalize();
    Some(if number.is_zero() { Decimal::ZERO } else { number })
}

fn day(plain: &str) -> Option<NaiveDate> {
    let well_formed = plain.len() == 10 && plain.is_ascii();
    let day = NaiveDate::parse_from_str(plain, "%Y-%m-%d").ok().filter(|_| well_formed)?;
    (1900..=2200).contains(&day.year()).then_some(day)
}

/// A bound of a field in its one spelling.
pub(crate) fn bound(field: &Field, said: &str) -> Option<String> {
    match field.kind {
        Kind::Number => number(said).map(|number| number.to_string()).filter(|text| text == said),
        Kind::Date => day(said).map(|day| day.to_string()),
        _ => None,
    }
}

/// Whether one value of that kind is below another.
pub(crate) fn is_less(kind: Kind, one: &str, other: &str) -> bool {
    match kind {
        Kind::Number => match (number(one), number(other)) {
            (Some(one), Some(other)) => one < other,
            _ => false,
        },
        _ => one < other,
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
