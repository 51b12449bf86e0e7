//! How heavy a value is: 1 for each list, object and leaf, and 1 more for every 64 bytes of text.
//!
//! The engine copies a variable wherever it is used, so a use weighs what the variable weighs.

use std::collections::HashMap;

use async_graphql_parser::types::ExecutableDocument;
use async_graphql_value::{ConstValue, Name, Value, Variables};

use crate::{
    Limits,
    rejected::{BAD_USER_INPUT, Rejected, quoted},
};

const BYTES_PER_UNIT: usize = 64;

/// What each variable weighs, or what its default weighs where none was sent.
pub(crate) type Weights = HashMap<Name, u64>;

/// Holds the variables to their limits and weighs them.
pub(crate) fn variables(sent: &Variables, limits: &Limits, work: &mut u64) -> Result<Weights, Rejected> {
    Rejected::over(BAD_USER_INPUT, "variables", "variables", limits.variables, sent.len())?;
    let mut scale = Scale { limits, values: 0, work };
    let mut weights = Weights::with_capacity(sent.len());
    for (name, value) in sent.iter() {
        weights.insert(name.clone(), scale.weigh(name, value, 0)?);
    }
    Ok(weights)
}

/// Adds the defaults declared by any operation for variables that were not sent.
pub(crate) fn add_defaults(weights: &mut Weights, document: &ExecutableDocument, sent: &Variables) {
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            if let Some(default) = &definition.node.default_value
                && !sent.contains_key(definition.node.name.node.as_str())
            {
                let weight = of_const(&default.node);
                let known = weights.entry(definition.node.name.node.clone()).or_default();
                *known = weight.max(*known);
            }
        }
    }
}

struct Scale<'l, 'w> {
    limits: &'l Limits,
    values: usize,
    work: &'w mut u64,
}

impl Scale<'_, '_> {
    fn weigh(&mut self, variable: &Name, value: &ConstValue, depth: usize) -> Result<u64, Rejected> {
        *self.work += 1;
        self.values += 1;
        let limits = self.limits;
        Rejected::over(BAD_USER_INPUT, "variable_values", "values in variables", limits.variable_values, self.values)?;
        let inside = match value {
            ConstValue::List(_) | ConstValue::Object(_) => depth + 1,
            _ => depth,
        };
        let what = "lists and objects inside each other in a variable";
        Rejected::over(BAD_USER_INPUT, "variable_depth", what, limits.variable_depth, inside)?;
        let mut weight = 1;
        match value {
            ConstValue::List(items) => {
                for item in items {
                    weight += self.weigh(variable, item, inside)?;
                }
            }
            ConstValue::Object(fields) => {
                for (name, field) in fields {
                    weight += of_text(name) + self.weigh(variable, field, inside)?;
                }
            }
            ConstValue::String(text) if text.contains('\0') => {
                let message = format!("The variable {} holds the character U+0000.", quoted(variable));
                return Err(Rejected::new(BAD_USER_INPUT, message));
            }
            leaf => weight = of_const(leaf),
        }
        Ok(weight)
    }
}

fn of_text(text: &str) -> u64 {
    (text.len() / BYTES_PER_UNIT) as u64
}

fn of_const(value: &ConstValue) -> u64 {
    1 + match value {
        ConstValue::String(text) => of_text(text),
        ConstValue::Binary(bytes) => (bytes.len() / BYTES_PER_UNIT) as u64,
        ConstValue::List(items) => items.iter().map(of_const).sum(),
        ConstValue::Object(fields) => fields.values().map(of_const).sum(),
        _ => 0,
    }
}

/// What a value in the document weighs.
pub(crate) fn of_value(value: &Value, weights: &Weights) -> u64 {
    match value {
        Value::Variable(name) => weights.get(name.as_str()).copied().unwrap_or(1),
        Value::String(text) => 1 + of_text(text),
        Value::Binary(bytes) => 1 + (bytes.len() / BYTES_PER_UNIT) as u64,
        Value::List(items) => 1 + items.iter().map(|item| of_value(item, weights)).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(|field| of_value(field, weights)).sum::<u64>(),
        _ => 1,
    }
}

/// Whether a value in the document holds a character that no text column can store.
pub(crate) fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::List(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.values().any(holds_nul),
        _ => false,
    }
}
