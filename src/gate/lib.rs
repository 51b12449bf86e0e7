//! The document gate: a GraphQL document is cut, parsed once, measured, merged and priced before anything runs.
//!
//! [`admit`] takes the text of a request and gives back a document that is safe to hand to the engine, or says why not. Every step
//! is bounded by the [`Limits`] before it starts, so the worst text costs a few milliseconds.
//!
//! 1. **Cut**: the text into tokens, in one pass; length, tokens, nesting, aliases and directives are counted.
//! 2. **Parse** into the engine's own types.
//! 3. **Choose** the operation.
//! 4. **Measure** every operation with all fragments written out, by remembering each fragment's size.
//! 5. **Merge** repeated response keys of the chosen operation: `pay { id } pay { status }` pays once.
//! 6. **Price** it.
//!
//! # The price
//!
//! | what | costs |
//! |---|---|
//! | a field with a selection set | 1 + its children × the items it may have |
//! | a field without | 0 |
//! | a root field of a mutation | 10 instead of 1, with a selection set or without |
//! | the wrappers of a page, `edges` and `pageInfo` | 0 instead of 1 |
//! | arguments | 1 for every full 100 of their weight: each list, object and leaf is 1, each 64 bytes of text 1 more |
//! | `__typename` | 0 |
//! | `__schema`, `__type` | 100 with all below them |
//!
//! The items are `first` or `last`, whichever is larger, at most 100; 25 if neither is given and `nodes` or `edges` are selected; the
//! length of `ids` if the field has that argument; else 1. So
//! `invoices(first: 10) { nodes { id lines { nodes { id } } } }` costs 1 + 10 × (1 + (1 + 25 × 1)) = 271.
//!
//! That is what is requested. What it comes to in the end counts the items that there were: see [`Cost::least`].

mod choose;
mod guards;
mod limits;
mod measure;
mod merge;
mod parse;
mod price;
mod rejected;
mod strings;
mod tokens;
mod weight;

use std::collections::HashSet;
use std::sync::Arc;

pub use async_graphql_parser::types::OperationType as OperationKind;
use async_graphql_parser::{
    Positioned,
    types::{DocumentOperations, ExecutableDocument, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Name, Variables};

pub use crate::{
    limits::Limits,
    price::Cost,
    rejected::{BAD_USER_INPUT, Limit, PARSE_FAILED, Rejected, VALIDATION_FAILED},
};

/// A document that may run.
#[derive(Debug, Clone)]
pub struct Passed {
    /// The document, the chosen operation merged. Hand this to the engine instead of the text.
    pub document: Arc<ExecutableDocument>,
    /// What the chosen operation is.
    pub operation_kind: OperationKind,
    /// The chosen operation's name, whether the request gave it or there was only this one. The engine needs it to choose the same.
    pub operation_name: Option<String>,
    /// The fields of the root, by name, not by alias, in the order in which they run.
    pub root_fields: Vec<String>,
    /// Defaults of the variables that the request left out. Add them to the variables: the engine decides `@skip` and `@include` by
    /// the variables alone.
    pub defaults: Vec<(Name, ConstValue)>,
    /// The price.
    pub cost: Cost,
}

/// Lets a document through, or says why not.
///
/// # Errors
///
/// [`Rejected`] if the text is not GraphQL, contradicts itself or passes one of the limits.
pub fn admit(
    query: &str,
    operation_name: Option<&str>,
    variables: &Variables,
    limits: &Limits,
) -> Result<Passed, Rejected> {
    admit_counted(query, operation_name, variables, limits, &mut 0)
}

/// Like [`admit`], and adds the steps taken (a token, a selection, an argument, a value of a variable is one) to `work`, for a metric
/// or for a test that wants to know the bound without a clock.
///
/// # Errors
///
/// As [`admit`].
pub fn admit_counted(
    query: &str,
    operation_name: Option<&str>,
    variables: &Variables,
    limits: &Limits,
    work: &mut u64,
) -> Result<Passed, Rejected> {
    let mut weights = weight::variables(variables, limits, work)?;
    let tokens = tokens::cut(query, limits, work)?;
    let mut document = parse::document(&tokens)?;
    let (name, operation) = choose::operation(&document, operation_name)?;
    weight::add_defaults(&mut weights, &document, variables);
    let used = measure::measure(&document, &weights, limits, work)?;
    let merged = merge::operation(operation, &document, work)?;
    let found = merged.root_fields.len();
    Rejected::over(VALIDATION_FAILED, "root_fields", "root fields", limits.root_fields, found)
        .map_err(|no| no.at(operation.pos))?;

    let name = name.cloned();
    put_back(&mut document, name.as_ref(), merged.selection_set, &used, work)?;
    let (_, operation) = choose::operation(&document, name.as_deref())?;
    let cost = price::price(operation, &document, (variables, &weights), limits, work)?;
    Ok(Passed {
        operation_kind: operation.node.ty,
        operation_name: name.map(|name| name.to_string()),
        root_fields: merged.root_fields,
        defaults: choose::defaults(&operation.node, variables),
        cost,
        document: Arc::new(document),
    })
}

/// Lets through once more, with other variables, what was let through before under the same limits: what depends on the
/// text alone is not done again. `passed` has to come from the same text and operation name.
///
/// # Errors
///
/// [`Rejected`] if these variables pass one of the limits.
pub fn admit_again(passed: &Passed, variables: &Variables, limits: &Limits) -> Result<Passed, Rejected> {
    let work = &mut 0;
    let document = &passed.document;
    let mut weights = weight::variables(variables, limits, work)?;
    let (_, operation) = choose::operation(document, passed.operation_name.as_deref())?;
    if !variables.is_empty() || !operation.node.variable_definitions.is_empty() {
        weight::add_defaults(&mut weights, document, variables);
        measure::measure(document, &weights, limits, work)?;
    }
    Ok(Passed {
        defaults: choose::defaults(&operation.node, variables),
        cost: price::price(operation, document, (variables, &weights), limits, work)?,
        document: Arc::clone(document),
        operation_name: passed.operation_name.clone(),
        root_fields: passed.root_fields.clone(),
        operation_kind: passed.operation_kind,
    })
}

/// Puts the merged selections into the document, and takes out the fragments that nobody spreads any more: the engine refuses those.
fn put_back(
    document: &mut ExecutableDocument,
    name: Option<&Name>,
    merged: Positioned<SelectionSet>,
    used: &HashSet<Name>,
    work: &mut u64,
) -> Result<(), Rejected> {
    let operation = match (&mut document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get_mut(name),
        (DocumentOperations::Multiple(_), None) => None,
    };
    if let Some(operation) = operation {
        operation.node.selection_set = merged;
    }
    for fragment in document.fragments.values_mut() {
        fragment.node.selection_set = merge::fragment(&fragment.node, work)?;
    }
    let mut still = HashSet::new();
    let mut next: Vec<&SelectionSet> =
        document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node).collect();
    while let Some(set) = next.pop() {
        for item in &set.items {
            *work += 1;
            match &item.node {
                Selection::Field(field) => next.push(&field.node.selection_set.node),
                Selection::InlineFragment(inline) => next.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name)
                        && still.insert(name.clone())
                    {
                        next.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    document.fragments.retain(|name, _| still.contains(name) || !used.contains(name));
    Ok(())
}
