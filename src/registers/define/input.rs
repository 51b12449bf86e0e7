//! Definitions as they come in: fields, keys, rules for duplicates and forms, read into what is kept.

use async_graphql::{Enum, InputObject};
use backoffice_register_rules::definition::{MOST_CHOICES, MOST_FIELDS, MOST_FORMS, MOST_KEYS, MOST_SECTIONS};
use backoffice_register_rules::{Choice, Definition, Field, Form, Section, Wrong};

use super::super::ids::RegisterId;
use super::super::register::RegisterFieldKind;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};

/// What can be chosen in a field.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterChoiceInput {
    /// What records say, 1 to 100 characters.
    pub value: String,
    /// What is shown, 1 to 100 characters; the value if not said.
    pub label: Option<String>,
}

/// A field of the records of a register.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFieldInput {
    /// Its name among the fields: 1 to 40 characters, lower case letters, digits and underscores, a letter first.
    pub key: String,
    /// What is shown beside it, 1 to 100 characters; the key if not said.
    pub label: Option<String>,
    /// What helps whoever fills it in, at most 1,000 characters.
    pub help: Option<String>,
    /// What stands in it.
    pub kind: RegisterFieldKind,
    /// The most decimals of a number, 0 to 8; none if not said.
    pub decimals: Option<i32>,
    /// Whether a record has to say it; not if not said.
    pub required: Option<bool>,
    /// Whether a record is better that says it; not if not said.
    pub wanted: Option<bool>,
    /// Whether somebody else has to key it a second time; not if not said.
    pub critical: Option<bool>,
    /// Whether no two records say the same in it; not if not said.
    pub unique: Option<bool>,
    /// What a text has to match as a whole: a regular expression of at most 200 characters, without look-around and references
    /// back.
    pub pattern: Option<String>,
    /// The least number, or the first day.
    pub min: Option<String>,
    /// The largest number, or the last day.
    pub max: Option<String>,
    /// The least characters of a text.
    pub min_length: Option<i32>,
    /// The most characters of a text, 1 to 2,000; 500 if not said.
    pub max_length: Option<i32>,
    /// What can be chosen, 1 to 200; of a choice only.
    pub choices: Option<Vec<RegisterChoiceInput>>,
}

/// Fields that belong together, by their keys.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFieldsInput {
    /// 1 to 5 keys of fields.
    pub fields: Vec<String>,
}

/// A part of a form.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFormSectionInput {
    /// Its heading, 1 to 100 characters.
    pub title: String,
    /// What helps whoever fills it in, at most 1,000 characters.
    pub help: Option<String>,
    /// The keys of its fields, in their order; each field once in a form.
    pub fields: Vec<String>,
}

/// How the fields are laid out for whoever enters records.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFormInput {
    /// Its name for programs: 1 to 40 characters, lower case letters, digits and underscores.
    pub code: String,
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// Its parts, 1 to 50. Every field that has to be said stands in one of them.
    pub sections: Vec<RegisterFormSectionInput>,
}

/// A new register.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterCreateInput {
    /// Its name for programs, unique in the client: 1 to 40 characters, lower case letters, digits and underscores, a letter
    /// first. It never changes.
    pub code: String,
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// The fields of its records, 1 to 100.
    pub fields: Vec<RegisterFieldInput>,
    /// Fields that together no two records say alike, beside those that are unique alone; at most 10 altogether.
    pub keys: Option<Vec<RegisterFieldsInput>>,
    /// Fields in which two records that are alike, but for spelling, are perhaps one and the same; at most 5 rules.
    pub duplicates: Option<Vec<RegisterFieldsInput>>,
    /// Its forms, at most 20.
    pub forms: Option<Vec<RegisterFormInput>>,
}

/// What becomes of records that another definition does not fit.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RegisterMisfits {
    /// The change is refused, and says which records they are.
    #[default]
    Refuse,
    /// They stay as they are, and count as not valid until they are changed.
    Keep,
}

/// Changes of a register: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterUpdateInput {
    /// The register.
    pub id: RegisterId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Its name for people, 1 to 100 characters.
    pub name: Option<String>,
    /// All fields of its records from now on. One in which something stands keeps its kind, and does not go.
    pub fields: Option<Vec<RegisterFieldInput>>,
    /// All fields from now on that together no two records say alike, beside those that are unique alone.
    pub keys: Option<Vec<RegisterFieldsInput>>,
    /// All rules for duplicates from now on.
    pub duplicates: Option<Vec<RegisterFieldsInput>>,
    /// All its forms from now on.
    pub forms: Option<Vec<RegisterFormInput>>,
    /// What becomes of records that the new definition does not fit; `REFUSE` if not said. Two records that a new key would
    /// not keep apart refuse it in any case.
    #[graphql(default)]
    pub misfits: RegisterMisfits,
}

pub(super) fn refuse(field: &str, message: impl Into<String>) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

/// Refuses lists whose length alone is too much, before anything of them is copied.
pub(super) fn bounded(
    fields: Option<&Vec<RegisterFieldInput>>,
    keys: Option<&Vec<RegisterFieldsInput>>,
    forms: Option<&Vec<RegisterFormInput>>,
) -> Result<()> {
    if fields.is_some_and(|fields| fields.len() > MOST_FIELDS) {
        return Err(refuse("fields", format!("A register has at most {MOST_FIELDS} fields.")));
    }
    let many = |field: &RegisterFieldInput| field.choices.as_ref().is_some_and(|some| some.len() > MOST_CHOICES);
    if let Some(at) = fields.and_then(|fields| fields.iter().position(many)) {
        return Err(refuse(&format!("fields.{at}.choices"), format!("A choice is made among at most {MOST_CHOICES}.")));
    }
    if keys.is_some_and(|keys| keys.len() > MOST_KEYS) {
        return Err(refuse("keys", format!("A register has at most {MOST_KEYS} keys.")));
    }
    let many = |form: &RegisterFormInput| form.sections.len() > MOST_SECTIONS;
    if forms.is_some_and(|forms| forms.len() > MOST_FORMS || forms.iter().any(many)) {
        let message = format!("A register has at most {MOST_FORMS} forms, each of at most {MOST_SECTIONS} sections.");
        return Err(refuse("forms", message));
    }
    Ok(())
}

/// The fields as they are kept, and the keys of those that are unique alone.
pub(super) fn fields(input: Vec<RegisterFieldInput>) -> Result<(Vec<Field>, Vec<Vec<String>>)> {
    let mut unique = Vec::new();
    let mut fields = Vec::with_capacity(input.len());
    for (at, field) in input.into_iter().enumerate() {
        let natural = |number: Option<i32>, name: &str| {
            let wrong = || refuse(&format!("fields.{at}.{name}"), "This is a number from 0 on.");
            number.map(|number| u32::try_from(number).map_err(|_| wrong())).transpose()
        };
        if field.unique.unwrap_or_default() {
            unique.push(vec![field.key.clone()]);
        }
        let choice = |one: RegisterChoiceInput| Choice {
            label: one.label.unwrap_or_else(|| one.value.clone()),
            value: one.value,
        };
        fields.push(Field {
            label: field.label.unwrap_or_else(|| field.key.clone()),
            help: field.help.unwrap_or_default(),
            kind: field.kind.into(),
            decimals: natural(field.decimals, "decimals")?,
            required: field.required.unwrap_or_default(),
            wanted: field.wanted.unwrap_or_default(),
            critical: field.critical.unwrap_or_default(),
            pattern: field.pattern,
            min: field.min,
            max: field.max,
            min_length: natural(field.min_length, "minLength")?,
            max_length: natural(field.max_length, "maxLength")?,
            choices: field.choices.unwrap_or_default().into_iter().map(choice).collect(),
            key: field.key,
        });
    }
    Ok((fields, unique))
}

pub(super) fn parts(input: Vec<RegisterFieldsInput>) -> Vec<Vec<String>> {
    input.into_iter().map(|one| one.fields).collect()
}

pub(super) fn forms(input: Vec<RegisterFormInput>) -> Vec<Form> {
    let section = |one: RegisterFormSectionInput| Section {
        title: one.title,
        help: one.help.unwrap_or_default(),
        fields: one.fields,
    };
    input
        .into_iter()
        .map(|form| Form {
            code: form.code,
            name: form.name,
            sections: form.sections.into_iter().map(section).collect(),
        })
        .collect()
}

/// Refuses a definition that is wrong, at the places of the input. `alone`: how many keys come from fields that are unique.
pub(super) fn checked(definition: Definition, alone: usize) -> Result<Definition> {
    let place = |wrong: Wrong| {
        let at = match wrong.at.strip_prefix("keys.").map(str::parse::<usize>) {
            Some(Ok(number)) if number < alone => "fields".to_owned(),
            Some(Ok(number)) => format!("keys.{}", number.saturating_sub(alone)),
            _ => wrong.at,
        };
        UserError { code: UserErrorCode::Invalid, field: path(&at), message: wrong.message }
    };
    match definition.check() {
        Ok(()) => Ok(definition),
        Err(wrong) => Err(Error::Refused(wrong.into_iter().map(place).collect())),
    }
}

pub(super) fn kept(definition: &Definition) -> Result<serde_json::Value> {
    serde_json::to_value(definition).map_err(Error::fault)
}
