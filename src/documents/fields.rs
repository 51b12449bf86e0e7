//! The fields of a type of documents, and whether what a document says in them is right. No database.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

crate::platform::words! {
    /// What stands in a field of documents.
    DocumentFieldKind {
        /// A text of at most 2,000 characters.
        Text = "text",
        /// An exact decimal number, at most 28 digits.
        Number = "number",
        /// A day, `YYYY-MM-DD`.
        Date = "date",
        /// `true` or `false`.
        Flag = "flag",
        /// One of the choices that the field names.
        Choice = "choice",
    }
}

/// A field as its type keeps it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// Its name.
    pub name: String,
    /// What is shown beside it.
    pub label: String,
    /// What stands in it, as [`DocumentFieldKind::text`].
    pub kind: String,
    /// Whether a document has to say it.
    pub required: bool,
    /// What can be chosen.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What is wrong: with the field of that place (by its place in what was given, none if it is missing), and a sentence.
pub type Wrong = (Option<usize>, String);

/// Whether a name can be a field's: lower case, digits and underscores, 1 to 40 characters.
fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|one: char| one.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Checks the fields of a type.
pub fn check_rules(rules: &[FieldRule]) -> Result<(), Wrong> {
    if rules.len() > 50 {
        return Err((None, "A type has at most 50 fields.".to_owned()));
    }
    for (at, rule) in rules.iter().enumerate() {
        let wrong = |message: &str| Err((Some(at), message.to_owned()));
        if !is_name(&rule.name) {
            return wrong("A field's name has 1 to 40 characters: lower case letters, digits and underscores.");
        }
        if rules.iter().take(at).any(|other| other.name == rule.name) {
            return wrong("Two fields have this name.");
        }
        if rule.label.trim().is_empty() || rule.label.chars().count() > 100 {
            return wrong("A field's label has 1 to 100 characters.");
        }
        let choice = rule.kind == DocumentFieldKind::Choice.text();
        if choice && (rule.choices.is_empty() || rule.choices.len() > 100) {
            return wrong("A choice is made among 1 to 100.");
        }
        if !choice && !rule.choices.is_empty() {
            return wrong("Only a choice has choices.");
        }
        if rule.choices.iter().any(|one| one.trim().is_empty() || one.chars().count() > 100) {
            return wrong("What can be chosen has 1 to 100 characters.");
        }
    }
    Ok(())
}

/// The one spelling of a value, or what is wrong with it.
fn value(rule: &FieldRule, said: &str) -> Result<String, String> {
    let plain = said.trim();
    let wrong = |what: &str| Err(format!("\"{}\" has to be {what}.", rule.label));
    match DocumentFieldKind::parse(&rule.kind) {
        Some(DocumentFieldKind::Text) if plain.chars().count() <= 2000 => Ok(plain.to_owned()),
        Some(DocumentFieldKind::Text) => wrong("at most 2,000 characters long"),
        Some(DocumentFieldKind::Number) => match rust_decimal::Decimal::from_str_exact(plain) {
            Ok(number) => Ok(number.normalize().to_string()),
            Err(_) => wrong("a decimal number of at most 28 digits"),
        },
        Some(DocumentFieldKind::Date) => match chrono::NaiveDate::from_str(plain) {
            Ok(day) if plain.len() == 10 => Ok(day.to_string()),
            _ => wrong("a day, YYYY-MM-DD"),
        },
        Some(DocumentFieldKind::Flag) if ["true", "false"].contains(&plain) => Ok(plain.to_owned()),
        Some(DocumentFieldKind::Flag) => wrong("true or false"),
        Some(DocumentFieldKind::Choice) if rule.choices.iter().any(|one| one == plain) => Ok(plain.to_owned()),
        Some(DocumentFieldKind::Choice) => wrong("one of what can be chosen"),
        None => Err(format!("\"{}\" is of a kind that is not known.", rule.label)),
    }
}

/// What a document says in its fields, each in its one spelling; empty texts say nothing. Refused: what the type has no field
/// for, what is no such value, what is said twice, and what is missing.
pub fn check_values(rules: &[FieldRule], said: &[(String, String)]) -> Result<BTreeMap<String, String>, Wrong> {
    let mut values = BTreeMap::new();
    for (at, (name, text)) in said.iter().enumerate() {
        let Some(rule) = rules.iter().find(|rule| rule.name == *name) else {
            return Err((Some(at), "The type of this document has no such field.".to_owned()));
        };
        if text.trim().is_empty() {
            continue;
        }
        let text = value(rule, text).map_err(|message| (Some(at), message))?;
        if values.insert(name.clone(), text).is_some() {
            return Err((Some(at), "This field is said twice.".to_owned()));
        }
    }
    match rules.iter().find(|rule| rule.required && !values.contains_key(&rule.name)) {
        Some(rule) => Err((None, format!("\"{}\" is missing.", rule.label))),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(name: &str, kind: DocumentFieldKind, required: bool, choices: &[&str]) -> FieldRule {
        let choices = choices.iter().map(|one| (*one).to_owned()).collect();
        FieldRule { name: name.to_owned(), label: name.to_uppercase(), kind: kind.text().to_owned(), required, choices }
    }

    fn rules() -> Vec<FieldRule> {
        vec![
            rule("partner", DocumentFieldKind::Text, true, &[]),
            rule("amount", DocumentFieldKind::Number, false, &[]),
            rule("ends", DocumentFieldKind::Date, false, &[]),
            rule("signed", DocumentFieldKind::Flag, false, &[]),
            rule("kind", DocumentFieldKind::Choice, false, &["lease", "loan"]),
        ]
    }

    fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn values_are_what_their_fields_are() {
        let good = said(&[
            ("partner", " Nordwind "),
            ("amount", "12.50"),
            ("ends", "2027-02-28"),
            ("signed", "true"),
            ("kind", "loan"),
        ]);
        let values = check_values(&rules(), &good).unwrap();
        assert_eq!((values["partner"].as_str(), values["amount"].as_str()), ("Nordwind", "12.5"));
        for (pair, at) in [
            (("amount", "1e5"), Some(1)),
            (("amount", "0.00000000000000000000000000001"), Some(1)),
            (("ends", "2027-02-29"), Some(1)),
            (("ends", "28.02.2027"), Some(1)),
            (("signed", "yes"), Some(1)),
            (("kind", "gift"), Some(1)),
            (("nothing", "x"), Some(1)),
            (("partner", "again"), Some(1)),
        ] {
            assert_eq!(check_values(&rules(), &said(&[("partner", "N"), pair])).unwrap_err().0, at, "{pair:?}");
        }
        assert_eq!(
            check_values(&rules(), &said(&[("partner", " ")])),
            Err((None, "\"PARTNER\" is missing.".to_owned()))
        );
    }

    #[test]
    fn a_type_names_its_fields_once() {
        assert_eq!(check_rules(&rules()), Ok(()));
        let twice = [rules(), rules()].concat();
        assert_eq!(check_rules(&twice).unwrap_err().0, Some(5));
        for wrong in [
            rule("Name", DocumentFieldKind::Text, false, &[]),
            rule("", DocumentFieldKind::Text, false, &[]),
            rule("a-b", DocumentFieldKind::Text, false, &[]),
            rule("a", DocumentFieldKind::Choice, false, &[]),
            rule("a", DocumentFieldKind::Text, false, &["x"]),
            rule("a", DocumentFieldKind::Choice, false, &[" "]),
        ] {
            assert!(check_rules(std::slice::from_ref(&wrong)).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_taken_is_taken_again(texts in proptest::collection::vec("\\PC{0,20}", 5)) {
            let pairs: Vec<_> = rules().iter().zip(&texts).map(|(rule, text)| (rule.name.clone(), text.clone())).collect();
            if let Ok(values) = check_values(&rules(), &pairs) {
                let again: Vec<_> = values.clone().into_iter().collect();
                prop_assert_eq!(check_values(&rules(), &again).unwrap(), values);
            }
        }
    }
}
