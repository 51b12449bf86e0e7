//! A template with the values of one recipient.

use std::collections::BTreeMap;
use std::io::Write;

use minijinja::value::Value;

use crate::template::{language, unreadable};

/// The most bytes of a merged text.
const MOST: usize = 200_000;

/// The values of one letter by group and name. What is not in it has no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    groups: BTreeMap<String, BTreeMap<String, String>>,
}

impl Values {
    /// Gives a variable its value; nothing, and what is blank, is none.
    pub fn set(&mut self, group: &str, name: &str, value: Option<&str>) {
        let group = self.groups.entry(group.to_owned()).or_default();
        match value.map(str::trim).filter(|value| !value.is_empty()) {
            Some(value) => group.insert(name.to_owned(), value.to_owned()),
            None => group.remove(name),
        };
    }

    fn has(&self, name: &str) -> bool {
        name.split_once('.')
            .is_some_and(|(group, one)| self.groups.get(group).is_some_and(|names| names.contains_key(one)))
    }
}

/// Why a letter was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// These variables have no value for this recipient.
    Variables(Vec<String>),
    /// Something else; a sentence.
    Other(String),
}

/// A text that ends where it becomes too long.
struct Bounded {
    text: Vec<u8>,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.text.len().saturating_add(bytes.len()) > MOST {
            return Err(std::io::Error::other("too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes the text of a template that was checked. A variable without a value is an error that names it, never a blank.
pub fn merge(template: &str, values: &Values) -> Result<String, Missing> {
    let language = language();
    let read = language.template_from_named_str("template", template);
    let read = read.map_err(|error| Missing::Other(unreadable(&error)))?;
    let mut groups: BTreeMap<String, Value> = BTreeMap::new();
    for (name, values) in &values.groups {
        groups.insert(name.clone(), Value::from(values.clone()));
    }
    // A group that nothing was put into is there all the same.
    for name in read.undeclared_variables(false) {
        groups.entry(name).or_insert_with(|| Value::from(BTreeMap::<String, String>::new()));
    }
    let mut out = Bounded { text: Vec::new() };
    let written = read.render_captured_to(Value::from(groups), &mut out).map(|_| ());
    match written {
        Ok(()) => String::from_utf8(out.text).map_err(|_| Missing::Other("The letter is no text.".to_owned())),
        Err(error) if error.kind() == minijinja::ErrorKind::UndefinedError => {
            Err(Missing::Variables(lacking(&read, values)))
        }
        Err(error) if error.kind() == minijinja::ErrorKind::WriteFailure || is_too_long(&error) => {
            Err(Missing::Other(format!("The letter becomes longer than {MOST} bytes.")))
        }
        Err(error) => Err(Missing::Other(unreadable(&error))),
    }
}

/// The variables for want of which a letter is not written. One that the template can do without (`is defined`, `default`)
/// is none of them: with everything else in place the letter is written.
fn lacking(read: &minijinja::Template<'_, '_>, values: &Values) -> Vec<String> {
    let mut names: Vec<String> = read.undeclared_variables(true).into_iter().filter(|name| !values.has(name)).collect();
    names.sort_unstable();
    let is_needed = |name: &&String| {
        let mut others = values.clone();
        for other in names.iter().filter(|other| other != name) {
            if let Some((group, one)) = other.split_once('.') {
                others.set(group, one, Some("x"));
            }
        }
        let mut groups: BTreeMap<String, Value> = BTreeMap::new();
        for group in read.undeclared_variables(false) {
            let known = others.groups.get(&group).cloned().unwrap_or_default();
            groups.insert(group, Value::from(known));
        }
        let tried = read.render_captured_to(Value::from(groups), &mut Bounded { text: Vec::new() });
        tried.is_err_and(|error| error.kind() == minijinja::ErrorKind::UndefinedError)
    };
    let needed: Vec<String> = names.iter().filter(is_needed).cloned().collect();
    if needed.is_empty() { names } else { needed }
}

fn is_too_long(error: &minijinja::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// A day as it stands in letters of that language; ISO 8601 in those that are not known here.
#[must_use]
pub fn long_date(language: &str, year: i32, month: u32, day: u32) -> String {
    let months: &[&str; 12] = match language.get(..2) {
        Some("de") => &[
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        Some("en") => &[
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        _ => return format!("{year:04}-{month:02}-{day:02}"),
    };
    let name = usize::try_from(month).ok().and_then(|month| months.get(month.checked_sub(1)?)).copied();
    let name = name.unwrap_or_default();
    if language.starts_with("de") { format!("{day}. {name} {year}") } else { format!("{day} {name} {year}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("recipient", "name", Some("Zoë {{ fields.secret }} <b>"));
        values.set("recipient", "city", Some("  "));
        values.set("fields", "sum", Some("119.00"));
        values
    }

    #[test]
    fn values_are_put_in_as_they_are_and_once() {
        let text = merge("Dear {{ recipient.name }}: {{ fields.sum }}", &values()).unwrap();
        assert_eq!(text, "Dear Zoë {{ fields.secret }} <b>: 119.00");
        assert_eq!(merge("{{ recipient.name | upper }}", &values()).unwrap(), "ZOË {{ FIELDS.SECRET }} <B>");
    }

    #[test]
    fn what_has_no_value_is_named_and_never_a_blank() {
        let missing = |text: &str| match merge(text, &values()) {
            Err(Missing::Variables(names)) => names,
            other => vec![format!("{other:?}")],
        };
        assert_eq!(missing("{{ recipient.city }} {{ fields.sum }}"), ["recipient.city"]);
        assert_eq!(missing("{{ letter.number }}"), ["letter.number"]);
        assert_eq!(missing("{{ fields.other }} {{ recipient.city }}"), ["fields.other", "recipient.city"]);
        assert_eq!(missing("{{ recipient.city | upper }}"), ["recipient.city"]);
        assert_eq!(missing("{% if recipient.city %}x{% endif %}"), ["recipient.city"]);
        let guarded = "{{ fields.other }}{% if fields.note is defined %}{{ fields.note }}{% endif %}";
        assert_eq!(missing(guarded), ["fields.other"]);
        let either = "{% if fields.note is defined %}{{ fields.note }}{% else %}{{ fields.other }}{% endif %}";
        assert_eq!(missing(either), ["fields.note", "fields.other"]);
        // said by the author, it is no blank of ours
        assert_eq!(merge("{{ recipient.city | default('by hand') }}", &values()).unwrap(), "by hand");
        assert_eq!(merge("{% if recipient.city is defined %}x{% else %}y{% endif %}", &values()).unwrap(), "y");
    }

    #[test]
    fn a_letter_has_an_end() {
        let mut values = values();
        values.set("fields", "long", Some(&"x".repeat(1000)));
        let text = "{{ fields.long }}".repeat(300);
        assert_eq!(
            merge(&text, &values),
            Err(Missing::Other("The letter becomes longer than 200000 bytes.".to_owned()))
        );
    }

    #[test]
    fn days_are_written_as_letters_of_the_language_write_them() {
        assert_eq!(long_date("de", 2026, 3, 1), "1. März 2026");
        assert_eq!(long_date("en-GB", 2026, 12, 24), "24 December 2026");
        assert_eq!(long_date("fr", 2026, 3, 1), "2026-03-01");
    }

    proptest! {
        #[test]
        fn a_value_stays_what_it_is(name in "[^\\s]{1,30}") {
            let mut values = Values::default();
            values.set("recipient", "name", Some(&name));
            prop_assert_eq!(merge("<{{ recipient.name }}>", &values).unwrap(), format!("<{name}>"));
        }
    }
}
