//! The definition of a register: fields, keys, rules of likeness and forms, all of it data.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The most fields of a register.
pub const MOST_FIELDS: usize = 100;
/// The most keys that keep records apart.
pub const MOST_KEYS: usize = 10;
/// The most fields of one key, or of one rule of likeness.
pub const MOST_PARTS: usize = 5;
/// The most rules of likeness.
pub const MOST_LIKENESSES: usize = 5;
/// The most forms.
pub const MOST_FORMS: usize = 20;
/// The most sections of a form.
pub const MOST_SECTIONS: usize = 50;
/// The most choices of a field.
pub const MOST_CHOICES: usize = 200;
/// The most characters of a pattern.
pub const MOST_PATTERN: usize = 200;
/// The most bytes that a compiled pattern may take.
const MOST_COMPILED: usize = 256 * 1024;
/// The most characters of a text, if the field does not say less.
pub const MOST_TEXT: u32 = 2_000;
/// The characters of a text if the field says nothing.
pub const USUAL_TEXT: u32 = 500;
/// The most decimals of a number.
pub const MOST_DECIMALS: u32 = 8;

/// What stands in a field.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Characters.
    Text,
    /// An exact decimal number.
    Number,
    /// A day.
    Date,
    /// Yes or no.
    Boolean,
    /// One of the choices of the field.
    Choice,
}

/// What can be chosen.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What records say.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// A field of the records.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name among the fields.
    pub key: String,
    /// What is shown beside it.
    pub label: String,
    /// What helps whoever fills it in.
    #[serde(default)]
    pub help: String,
    /// What stands in it.
    pub kind: Kind,
    /// The most decimals of a number.
    #[serde(default)]
    pub decimals: Option<u32>,
    /// Whether a record has to say it.
    #[serde(default)]
    pub required: bool,
    /// Whether a record is better that says it.
    #[serde(default)]
    pub wanted: bool,
    /// Whether somebody else has to key it a second time.
    #[serde(default)]
    pub critical: bool,
    /// What a text has to match as a whole.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The least number or the first day.
    #[serde(default)]
    pub min: Option<String>,
    /// The largest number or the last day.
    #[serde(default)]
    pub max: Option<String>,
    /// The least characters of a text.
    #[serde(default)]
    pub min_length: Option<u32>,
    /// The most characters of a text.
    #[serde(default)]
    pub max_length: Option<u32>,
    /// What can be chosen.
    #[serde(default)]
    pub choices: Vec<Choice>,
}

/// A part of a form.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What helps whoever fills it in.
    #[serde(default)]
    pub help: String,
    /// Its fields by their keys, in their order.
    pub fields: Vec<String>,
}

/// How the fields are laid out for whoever enters records.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its name for programs.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// Its parts, in their order.
    pub sections: Vec<Section>,
}

/// All that a register says of its records.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Default)]
pub struct Definition {
    /// The fields, in their order.
    pub fields: Vec<Field>,
    /// Fields that together no two records say alike.
    #[serde(default)]
    pub keys: Vec<Vec<String>>,
    /// Fields in which two records that are much alike are perhaps one and the same.
    #[serde(default)]
    pub duplicates: Vec<Vec<String>>,
    /// The forms.
    #[serde(default)]
    pub forms: Vec<Form>,
}

/// What is wrong with a definition: where, dotted as in the input, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// E.g. `fields.3.pattern`.
    pub at: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// The name of a key in the order of its fields.
#[must_use]
pub fn key_name(parts: &[String]) -> String {
    parts.join("+")
}

/// Whether a text can name a field, form or register: lower case letters, digits and underscores, 1 to 40 characters.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|one: char| one.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The pattern as it is matched: against the whole text, in linear time.
pub fn compile(pattern: &str) -> Option<Regex> {
    let built = |text: &str| {
        RegexBuilder::new(text).size_limit(MOST_COMPILED).dfa_size_limit(MOST_COMPILED).nest_limit(20).build().ok()
    };
    // One that is none by itself could close the parenthesis around it and match a part.
    built(pattern)?;
    built(&format!("^(?:{pattern})$"))
}

/// Whether a text fits: so many characters, no control characters, and not blank if it has to say something.
fn fits(text: &str, least: usize, most: usize, lines: bool) -> bool {
    let said = least == 0 || !text.trim().is_empty();
    let plain = |one: char| !one.is_control() || (lines && one == '\n');
    said && text.chars().nth(most).is_none() && text.chars().all(plain)
}

impl Definition {
    /// The field of that key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// Whether some field has to be keyed twice.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.fields.iter().any(|field| field.critical)
    }

    /// Whether no two records say the same in that field alone.
    #[must_use]
    pub fn is_unique(&self, key: &str) -> bool {
        self.keys.iter().any(|parts| matches!(parts.as_slice(), [only] if only == key))
    }

    /// All that is wrong with it, as far as a person can take it in at once.
    pub fn check(&self) -> Result<(), Vec<Wrong>> {
        let mut wrong = Vec::new();
        // Nothing that is too large is looked at piece by piece.
        for (at, count, most, what) in [
            ("fields", self.fields.len(), MOST_FIELDS, "fields"),
            ("keys", self.keys.len(), MOST_KEYS, "keys, fields that are unique counted"),
            ("duplicates", self.duplicates.len(), MOST_LIKENESSES, "rules for duplicates"),
            ("forms", self.forms.len(), MOST_FORMS, "forms"),
        ] {
            if count > most {
                wrong.push(Wrong { at: at.to_owned(), message: format!("A register has at most {most} {what}.") });
            }
        }
        if self.fields.is_empty() {
            wrong.push(Wrong { at: "fields".to_owned(), message: "A register has one field at least.".to_owned() });
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut seen = BTreeSet::new();
        for (at, field) in self.fields.iter().enumerate() {
            let mut say = |what: &str, message: String| wrong.push(Wrong { at: format!("fields.{at}{what}"), message });
            if !is_name(&field.key) {
                let message =
                    "A key has 1 to 40 characters: lower case letters, digits and underscores, a letter first.";
                say(".key", message.to_owned());
            } else if !seen.insert(field.key.as_str()) {
                say(".key", "Two fields have this key.".to_owned());
            }
            field.check(&mut say);
        }
        self.check_parts("keys", &self.keys, &mut wrong);
        self.check_parts("duplicates", &self.duplicates, &mut wrong);
        self.check_forms(&mut wrong);
        wrong.truncate(20);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn check_parts(&self, name: &str, lists: &[Vec<String>], wrong: &mut Vec<Wrong>) {
        let mut seen = BTreeSet::new();
        for (at, parts) in lists.iter().enumerate() {
            let mut say = |message: String| wrong.push(Wrong { at: format!("{name}.{at}"), message });
            let each: BTreeSet<&String> = parts.iter().collect();
            if parts.is_empty() || parts.len() > MOST_PARTS || each.len() < parts.len() {
                say(format!("Name 1 to {MOST_PARTS} fields, each once."));
            } else if let Some(unknown) = parts.iter().find(|part| self.field(part).is_none()) {
                say(format!("There is no field {}.", shown(unknown)));
            } else if !seen.insert(each) {
                say("The same fields are named twice.".to_owned());
            }
        }
    }

    fn check_forms(&self, wrong: &mut Vec<Wrong>) {
        let mut codes = BTreeSet::new();
        for (at, form) in self.forms.iter().enumerate() {
            let mut say =
                |what: String, message: String| wrong.push(Wrong { at: format!("forms.{at}{what}"), message });
            if !is_name(&form.code) || !codes.insert(form.code.as_str()) {
                let message =
                    "A form's code has 1 to 40 characters: lower case letters, digits and underscores, each once.";
                say(".code".to_owned(), message.to_owned());
            }
            if !fits(&form.name, 1, 100, false) {
                say(".name".to_owned(), "A form's name has 1 to 100 characters.".to_owned());
            }
            if form.sections.is_empty() || form.sections.len() > MOST_SECTIONS {
                say(".sections".to_owned(), format!("A form has 1 to {MOST_SECTIONS} sections."));
                continue;
            }
            let mut placed = BTreeSet::new();
            for (number, section) in form.sections.iter().enumerate() {
                let place = format!(".sections.{number}");
                if !fits(&section.title, 1, 100, false) || !fits(&section.help, 0, 1000, true) {
                    let message = "A section's title has 1 to 100 characters, its help at most 1,000.";
                    say(format!("{place}.title"), message.to_owned());
                }
                if section.fields.is_empty() || section.fields.len() > MOST_FIELDS {
                    say(format!("{place}.fields"), "A section has one field at least.".to_owned());
                    continue;
                }
                for field in &section.fields {
                    if self.field(field).is_none() {
                        say(format!("{place}.fields"), format!("There is no field {}.", shown(field)));
                    } else if !placed.insert(field.as_str()) {
                        say(format!("{place}.fields"), format!("{} stands twice in this form.", shown(field)));
                    }
                }
            }
            let missing = self.fields.iter().find(|field| field.required && !placed.contains(field.key.as_str()));
            if let Some(field) = missing {
                let message = format!("{} has to be said, and this form does not ask for it.", shown(&field.key));
                say(".sections".to_owned(), message);
            }
        }
    }
}

impl Field {
    fn check(&self, say: &mut impl FnMut(&str, String)) {
        if !fits(&self.label, 1, 100, false) {
            say(".label", "A label has 1 to 100 characters.".to_owned());
        }
        if !fits(&self.help, 0, 1000, true) {
            say(".help", "A help has at most 1,000 characters.".to_owned());
        }
        let only = |given: bool, kinds: &[Kind]| given && !kinds.contains(&self.kind);
        for (at, given, kinds, what) in [
            (".decimals", self.decimals.is_some(), &[Kind::Number][..], "a number has decimals"),
            (".pattern", self.pattern.is_some(), &[Kind::Text], "a text has a pattern"),
            (".minLength", self.min_length.is_some(), &[Kind::Text], "a text has a length"),
            (".maxLength", self.max_length.is_some(), &[Kind::Text], "a text has a length"),
            (".min", self.min.is_some(), &[Kind::Number, Kind::Date], "a number or a day has a least value"),
            (".max", self.max.is_some(), &[Kind::Number, Kind::Date], "a number or a day has a largest value"),
            (".choices", !self.choices.is_empty(), &[Kind::Choice], "a choice has choices"),
        ] {
            if only(given, kinds) {
                say(at, format!("Only {what}."));
            }
        }
        if self.decimals.is_some_and(|decimals| decimals > MOST_DECIMALS) {
            say(".decimals", format!("A number has 0 to {MOST_DECIMALS} decimals."));
        }
        if let Some(pattern) = &self.pattern
            && (pattern.is_empty() || pattern.chars().nth(MOST_PATTERN).is_some() || compile(pattern).is_none())
        {
            let message = format!(
                "A pattern is a regular expression of 1 to {MOST_PATTERN} characters, without look-around and references \
                 back, and not too large once it is taken apart."
            );
            say(".pattern", message);
        }
        let (least, most) = self.lengths();
        if most == 0 || most > MOST_TEXT || least > most {
            say(
                ".maxLength",
                format!("A text has at most 1 to {MOST_TEXT} characters, and at least no more than that."),
            );
        }
        let bounds = [(".min", &self.min), (".max", &self.max)].map(|(at, bound)| {
            bound.as_ref().and_then(|bound| {
                let read = super::value::bound(self, bound);
                if read.is_none() && matches!(self.kind, Kind::Number | Kind::Date) {
                    say(at, "This is no value that the field can have.".to_owned());
                }
                read
            })
        });
        if let [Some(least), Some(most)] = &bounds
            && super::value::is_less(self.kind, most, least)
        {
            say(".max", "The largest value is below the least.".to_owned());
        }
        if self.kind == Kind::Choice {
            let values: BTreeSet<&str> = self.choices.iter().map(|one| one.value.as_str()).collect();
            let labels: BTreeSet<&str> = self.choices.iter().map(|one| one.label.as_str()).collect();
            let twice = values.len() < self.choices.len() || labels.len() < self.choices.len();
            let fitting = |one: &Choice| {
                fits(&one.value, 1, 100, false) && one.value.trim() == one.value && fits(&one.label, 1, 100, false)
            };
            let confused = self.choices.iter().any(|one| one.value != one.label && values.contains(one.label.as_str()));
            if self.choices.is_empty() || self.choices.len() > MOST_CHOICES || twice || confused {
                say(
                    ".choices",
                    format!("A choice is made among 1 to {MOST_CHOICES}, each with a value and a label of its own."),
                );
            } else if !self.choices.iter().all(fitting) {
                say(".choices", "What can be chosen has 1 to 100 characters.".to_owned());
            }
        }
    }

    /// The least and the most characters of a text.
    #[must_use]
    pub fn lengths(&self) -> (u32, u32) {
        (self.min_length.unwrap_or(0), self.max_length.unwrap_or(USUAL_TEXT))
    }
}

/// A text of somebody's as it stands in a message: not longer than a line.
pub(crate) fn shown(text: &str) -> String {
    let plain: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(40).collect();
    if text.chars().nth(40).is_some() { format!("\"{plain}…\"") } else { format!("\"{plain}\"") }
}

#[cfg(test)]
#[path = "definition_tests.rs"]
pub(crate) mod tests;
