//! JSON on the wire: results of jobs, and the images of records as they stood, whose decimals keep every digit.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use super::error::{Error, Result};

/// A JSON document.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(serde_json::Value);

impl Json {
    /// From a value whose decimals are strings already.
    #[must_use]
    pub fn new(value: serde_json::Value) -> Self {
        Self(value)
    }

    /// The value.
    #[must_use]
    pub fn into_value(self) -> serde_json::Value {
        self.0
    }

    /// The image of a record from the database's own text.
    pub fn image(text: &str) -> Result<Self> {
        serde_json::from_str(&quote_decimals(text)).map(Self).map_err(Error::fault)
    }
}

/// A JSON document: an object with the fields of a record. Decimals are strings, so that no digit is lost.
#[Scalar(name = "Json", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        value.into_json().map(Self).map_err(|_| InputValueError::custom("This is not JSON."))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

/// Puts quotes around every number that a binary float could not hold: decimals, and integers of more than 15 digits.
fn quote_decimals(json: &str) -> String {
    let mut quoted = String::with_capacity(json.len().saturating_add(32));
    let mut number = String::new();
    let (mut in_text, mut escaped) = (false, false);
    for character in json.chars() {
        let numeric = !in_text && matches!(character, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
        // the letter e also stands in true and false; a number never begins with it
        if numeric && !(number.is_empty() && matches!(character, 'e' | 'E' | '+' | '.')) {
            number.push(character);
            continue;
        }
        flush(&mut quoted, &mut number);
        if in_text {
            in_text = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else {
            in_text = character == '"';
        }
        quoted.push(character);
    }
    flush(&mut quoted, &mut number);
    quoted
}

fn flush(quoted: &mut String, number: &mut String) {
    let exact = number.len() <= 15 && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !number.is_empty() && !exact {
        quoted.push('"');
        quoted.push_str(number);
        quoted.push('"');
    } else {
        quoted.push_str(number);
    }
    number.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_become_strings_and_nothing_else_changes() {
        let image = r#"{"a": 12.50, "b": "1.5 \" 2.5 \\", "c": [true, false, null, -3, 1e30], "d": 12345678901234567}"#;
        assert_eq!(
            quote_decimals(image),
            r#"{"a": "12.50", "b": "1.5 \" 2.5 \\", "c": [true, false, null, -3, "1e30"], "d": "12345678901234567"}"#
        );
    }

    proptest! {
        #[test]
        fn what_was_json_stays_json_with_its_texts(name in ".*", text in ".*", whole in any::<i32>(), cents in 0_u32..10_000) {
            let image = format!(
                "{{{}: {}, \"amount\": {whole}.{cents:04}, \"count\": {whole}}}",
                serde_json::Value::String(format!("k{name}")),
                serde_json::Value::String(text.clone()),
            );
            let Json(read) = Json::image(&image).unwrap();
            prop_assert_eq!(&read[format!("k{name}")], &serde_json::Value::String(text));
            prop_assert_eq!(&read["amount"], &serde_json::Value::String(format!("{whole}.{cents:04}")));
            prop_assert_eq!(&read["count"], &serde_json::Value::from(whole));
        }
    }
}
