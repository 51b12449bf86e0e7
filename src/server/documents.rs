//! Documents that were answered before: programs send the same few again and again, with other values.
//!
//! What depends on a document's text alone (cutting, parsing, merging, holding it against the schema) is done once. What
//! depends on the values is done every time, but for one thing: whether values fit the arguments they stand for is
//! decided by their shape (which keys, which kinds of values, which words of enums), so the engine does not hold the
//! same shape against the schema again. A value that cannot be read is refused by its argument as ever.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Value, Variables};
use backoffice_gate::Passed;

/// How many texts are remembered; with more, all are forgotten.
const MOST_DOCUMENTS: usize = 1024;
/// The longest text that is remembered, in bytes.
const LONGEST: usize = 16 * 1024;
/// How many operations and shapes of variables are remembered of one text.
const MOST_SHAPES: usize = 64;
/// The longest word that may be one of an enum, in bytes.
const LONGEST_WORD: usize = 64;

/// The memory. Only requests that were answered without an error get into it.
#[derive(Default)]
pub struct Documents {
    by_text: Mutex<HashMap<String, Vec<Remembered>>>,
    hashing: RandomState,
}

struct Remembered {
    asked: Option<String>,
    passed: Arc<Passed>,
    shapes: HashSet<u64>,
}

/// Which variables with which kinds of values, by a hash whose key nobody outside knows.
#[derive(Clone, Copy)]
pub struct Shape(u64);

/// A document that was let through before.
pub struct Found {
    /// As it was let through then.
    pub passed: Arc<Passed>,
    /// Whether variables of this shape were held against the schema already.
    pub fits: bool,
}

impl Documents {
    /// What is known of a request.
    pub fn find(&self, query: &str, operation_name: Option<&str>, shape: Shape) -> Option<Found> {
        let by_text = self.by_text.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_text.get(query)?.iter().find(|known| known.asked.as_deref() == operation_name)?;
        let fits = known.shapes.contains(&shape.0);
        Some(Found { passed: Arc::clone(&known.passed), fits })
    }

    /// Remembers a request that was answered without an error.
    pub fn keep(&self, query: &str, operation_name: Option<&str>, shape: Shape, passed: Passed) {
        if query.len() > LONGEST {
            return;
        }
        let mut by_text = self.by_text.lock().unwrap_or_else(PoisonError::into_inner);
        if by_text.len() >= MOST_DOCUMENTS && !by_text.contains_key(query) {
            by_text.clear();
        }
        let of_text = by_text.entry(query.to_owned()).or_default();
        if let Some(known) = of_text.iter_mut().find(|known| known.asked.as_deref() == operation_name) {
            if known.shapes.len() < MOST_SHAPES {
                known.shapes.insert(shape.0);
            }
        } else if of_text.len() < MOST_SHAPES {
            let asked = operation_name.map(str::to_owned);
            of_text.push(Remembered { asked, passed: Arc::new(passed), shapes: HashSet::from([shape.0]) });
        }
    }

    /// The shape of the variables of a request.
    pub fn shape(&self, variables: &Variables) -> Shape {
        let mut of_all: Vec<u64> = variables
            .iter()
            .map(|(name, value)| {
                let mut hasher = self.hashing.build_hasher();
                name.as_str().hash(&mut hasher);
                self.of_value(value).hash(&mut hasher);
                hasher.finish()
            })
            .collect();
        of_all.sort_unstable();
        Shape(self.hashing.hash_one(of_all))
    }

    fn of_value(&self, value: &Value) -> u64 {
        match value {
            Value::Null => 0,
            Value::Boolean(_) => 1,
            Value::Number(number) if number.is_i64() => 2,
            Value::Number(number) if number.is_u64() => 3,
            Value::Number(_) => 4,
            Value::String(text) if may_be_of_enum(text) => self.hashing.hash_one(text),
            Value::String(_) => 5,
            Value::Enum(word) => self.hashing.hash_one((6, word.as_str())),
            Value::Binary(_) => 7,
            // What fits once fits however often.
            Value::List(items) => {
                let mut kinds: Vec<u64> = items.iter().map(|item| self.of_value(item)).collect();
                kinds.sort_unstable();
                kinds.dedup();
                self.hashing.hash_one((8, kinds))
            }
            Value::Object(fields) => {
                let kinds: Vec<(&str, u64)> =
                    fields.iter().map(|(name, field)| (name.as_str(), self.of_value(field))).collect();
                self.hashing.hash_one((9, kinds))
            }
        }
    }
}

/// Words of enums come as strings in variables, and which word decides whether it fits.
fn may_be_of_enum(text: &str) -> bool {
    text.len() <= LONGEST_WORD
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use backoffice_gate::Limits;
    use serde_json::json;

    const QUERY: &str = "query A($a: X) { a(x: $a) } query B { b }";

    fn variables(value: serde_json::Value) -> Variables {
        Variables::from_json(value)
    }

    fn keep(documents: &Documents, query: &str, operation: Option<&str>, sent: serde_json::Value) {
        let sent = variables(sent);
        let passed = backoffice_gate::admit(query, operation, &sent, &Limits::default()).unwrap();
        documents.keep(query, operation, documents.shape(&sent), passed);
    }

    fn fits(documents: &Documents, sent: serde_json::Value) -> bool {
        documents.find(QUERY, Some("A"), documents.shape(&variables(sent))).is_some_and(|found| found.fits)
    }

    #[test]
    fn the_same_shape_fits_and_another_is_looked_at() {
        let documents = Documents::default();
        keep(&documents, QUERY, Some("A"), json!({ "a": { "lines": [{ "q": "1", "k": "DRAFT" }], "n": 1 } }));
        for same in [
            json!({ "a": { "lines": [{ "q": "1", "k": "DRAFT" }], "n": 1 } }),
            json!({ "a": { "lines": [{ "q": "25.5", "k": "DRAFT" }, { "q": "x", "k": "DRAFT" }], "n": -7 } }),
        ] {
            assert!(fits(&documents, same.clone()), "{same}");
        }
        for other in [
            json!({}),
            json!({ "a": null }),
            json!({ "b": { "lines": [{ "q": "1", "k": "DRAFT" }], "n": 1 } }),
            json!({ "a": { "lines": [{ "q": "1", "k": "DRAFT" }], "n": 1.5 } }),
            json!({ "a": { "lines": [{ "q": "1", "k": "NONSENSE" }], "n": 1 } }),
            json!({ "a": { "lines": [{ "q": "1", "k": "draft" }], "n": 1 } }),
            json!({ "a": { "lines": [{ "q": 1, "k": "DRAFT" }], "n": 1 } }),
            json!({ "a": { "lines": [{ "q": "1", "k": "DRAFT", "typo": "1" }], "n": 1 } }),
            json!({ "a": { "lines": [{ "q": "1", "k": "DRAFT" }, null], "n": 1 } }),
            json!({ "a": { "lines": [], "n": 1 } }),
        ] {
            assert!(!fits(&documents, other.clone()), "{other}");
        }
    }

    #[test]
    fn operations_of_a_text_are_told_apart() {
        let documents = Documents::default();
        keep(&documents, QUERY, Some("A"), json!({ "a": "x" }));
        assert!(documents.find(QUERY, Some("B"), documents.shape(&variables(json!({})))).is_none());
        assert!(documents.find(QUERY, None, documents.shape(&variables(json!({})))).is_none());
        keep(&documents, QUERY, Some("B"), json!({}));
        let found = documents.find(QUERY, Some("B"), documents.shape(&variables(json!({})))).unwrap();
        assert_eq!((found.passed.root_fields.as_slice(), found.fits), (["b".to_owned()].as_slice(), true));
    }

    #[test]
    fn the_memory_is_bounded() {
        let documents = Documents::default();
        for number in 0..=MOST_DOCUMENTS {
            keep(&documents, &format!("{{ a{number} }}"), None, json!({}));
        }
        assert_eq!(documents.by_text.lock().unwrap().len(), 1);
        for number in 0..2 * MOST_SHAPES {
            keep(&documents, QUERY, Some("A"), json!({ format!("v{number}"): 1 }));
        }
        assert_eq!(documents.by_text.lock().unwrap()[QUERY][0].shapes.len(), MOST_SHAPES);
        let long = format!("{{ a }} # {}", "x".repeat(LONGEST));
        keep(&documents, &long, None, json!({}));
        assert!(documents.find(&long, None, documents.shape(&variables(json!({})))).is_none());
    }
}
