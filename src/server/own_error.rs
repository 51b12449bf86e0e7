//! A mutation's field that fails is null by itself, and what stands beside it keeps its answer.
//!
//! The engine lets the error of a resolver empty everything up to the root, also where the field may be null. For the
//! fields of a mutation that would lose the `userErrors` of the one that was refused. So the edge marks each of them
//! with a directive of its own (the gate lets no caller write it), which catches the error where the field stands.
#![allow(missing_docs, reason = "the macro's struct takes the description, not the documentation")]

use std::sync::Arc;

use async_graphql::extensions::ResolveFut;
use async_graphql::parser::types::{
    Directive as Written, DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Context, CustomDirective, Directive, Name, Positioned, ServerResult, Value};

use crate::platform::error::Error;
use crate::platform::scope::Scope;

struct OwnError;

#[async_graphql::async_trait::async_trait]
impl CustomDirective for OwnError {
    async fn resolve_field(&self, ctx: &Context<'_>, resolve: ResolveFut<'_>) -> ServerResult<Option<Value>> {
        let failed = match resolve.await {
            Ok(value) => return Ok(value),
            Err(failed) => failed,
        };
        ctx.add_error(failed);
        // Nothing after it is done either: it would be rolled back.
        if let Some(scope) = ctx.data_opt::<Arc<Scope>>() {
            scope.fail(None, &Error::RolledBack);
        }
        Ok(Some(Value::Null))
    }
}

/// The directive, for whoever builds a schema that the edge runs.
#[Directive(name = "ownError", location = "Field", visible = false)]
pub fn own_error() -> impl CustomDirective {
    OwnError
}

/// Marks the root fields of every mutation in the document.
pub(super) fn mark(document: &mut ExecutableDocument) {
    let mut spread = Vec::new();
    match &mut document.operations {
        DocumentOperations::Single(operation) => mark_operation(&mut operation.node, &mut spread),
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                mark_operation(&mut operation.node, &mut spread);
            }
        }
    }
    // Fragments at the root; the gate has refused circles.
    let mut seen = Vec::new();
    while let Some(name) = spread.pop() {
        if !seen.contains(&name)
            && let Some(fragment) = document.fragments.get_mut(&name)
        {
            mark_set(&mut fragment.node.selection_set.node, &mut spread);
            seen.push(name);
        }
    }
}

fn mark_operation(operation: &mut OperationDefinition, spread: &mut Vec<Name>) {
    if operation.ty == OperationType::Mutation {
        mark_set(&mut operation.selection_set.node, spread);
    }
}

fn mark_set(set: &mut SelectionSet, spread: &mut Vec<Name>) {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                let name = Positioned::new(Name::new("ownError"), field.pos);
                let written = Written { name, arguments: Vec::new() };
                field.node.directives.push(Positioned::new(written, field.pos));
            }
            Selection::InlineFragment(inline) => mark_set(&mut inline.node.selection_set.node, spread),
            Selection::FragmentSpread(fragment) => spread.push(fragment.node.fragment_name.node.clone()),
        }
    }
}
