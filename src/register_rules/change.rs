//! What another definition changes for the records that are there.

use super::definition::{Definition, Field, key_name};

/// The difference of two definitions, as far as records notice it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Fields that are gone, or of another kind: nothing may stand in them.
    pub dropped: Vec<String>,
    /// Some value or missing value that was good may be none now.
    pub rules: bool,
    /// Keys are there that were not.
    pub new_keys: bool,
    /// Records are alike by other fields.
    pub likeness: bool,
    /// Other fields have to be keyed twice.
    pub critical: bool,
}

/// A field as far as its values are concerned.
fn rule(field: &Field) -> Field {
    let mut rule = Field { label: String::new(), help: String::new(), wanted: false, critical: false, ..field.clone() };
    rule.choices.iter_mut().for_each(|one| one.label.clear());
    rule
}

impl Change {
    /// From one to the other.
    #[must_use]
    pub fn between(before: &Definition, after: &Definition) -> Self {
        let dropped = before
            .fields
            .iter()
            .filter(|old| after.field(&old.key).is_none_or(|new| new.kind != old.kind))
            .map(|old| old.key.clone())
            .collect();
        let rules = after.fields.iter().any(|new| match before.field(&new.key) {
            Some(old) => rule(old) != rule(new),
            None => new.required,
        });
        let names = |definition: &Definition| definition.keys.iter().map(|parts| key_name(parts)).collect::<Vec<_>>();
        let old = names(before);
        let new_keys = names(after).iter().any(|name| !old.contains(name));
        let critical = |definition: &Definition| {
            let mut keys: Vec<String> =
                definition.fields.iter().filter(|field| field.critical).map(|field| field.key.clone()).collect();
            keys.sort();
            keys
        };
        Self {
            dropped,
            rules,
            new_keys,
            likeness: before.duplicates != after.duplicates,
            critical: critical(before) != critical(after),
        }
    }

    /// Whether every record has to be looked at.
    #[must_use]
    pub fn looks_at_records(&self) -> bool {
        self.rules || self.likeness
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Kind;
    use crate::definition::tests::field;

    fn of(fields: Vec<Field>) -> Definition {
        Definition { fields, ..Definition::default() }
    }

    #[test]
    fn records_notice_what_their_values_are_held_against() {
        let (name, amount) = (field("name", Kind::Text), field("amount", Kind::Number));
        let before = of(vec![name.clone(), amount.clone()]);
        let change = |fields| Change::between(&before, &of(fields));
        let labels = Field { label: "Other".to_owned(), help: "Help".to_owned(), wanted: true, ..name.clone() };
        assert!(!change(vec![labels, amount.clone()]).looks_at_records());
        let longer = Field { max_length: Some(9), ..name.clone() };
        assert!(change(vec![longer, amount.clone()]).rules);
        assert_eq!(change(vec![name.clone()]).dropped, ["amount"]);
        let dated = Field { kind: Kind::Date, ..amount.clone() };
        assert_eq!(change(vec![name.clone(), dated]).dropped, ["amount"]);
        assert!(!change(vec![name.clone(), amount.clone(), field("new", Kind::Date)]).rules);
        let needed = Field { required: true, ..field("new", Kind::Date) };
        assert!(change(vec![name.clone(), amount.clone(), needed]).rules);
        let twice = Field { critical: true, ..amount.clone() };
        assert!(change(vec![name.clone(), twice]).critical);
        let keyed = Definition { keys: vec![vec!["name".to_owned()]], ..before.clone() };
        assert!(Change::between(&before, &keyed).new_keys && !Change::between(&keyed, &before).new_keys);
        let alike = Definition { duplicates: vec![vec!["name".to_owned()]], ..before.clone() };
        assert!(Change::between(&before, &alike).likeness);
    }
}
