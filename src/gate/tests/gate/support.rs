//! Short words for the tests, and a printer for merged documents.

use async_graphql_parser::{
    Positioned,
    types::{Directive, ExecutableDocument, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Name, Value, Variables};
use backoffice_gate::{Limits, Passed, Rejected, admit};

pub fn pass(query: &str) -> Passed {
    pass_with(query, Variables::default())
}

pub fn pass_with(query: &str, variables: Variables) -> Passed {
    admit(query, None, &variables, &Limits::default()).unwrap_or_else(|no| panic!("{no}\n{query}"))
}

pub fn refuse(query: &str) -> Rejected {
    refuse_with(query, Variables::default())
}

pub fn refuse_with(query: &str, variables: Variables) -> Rejected {
    match admit(query, None, &variables, &Limits::default()) {
        Ok(passed) => panic!("passed: {}", print(&passed.document)),
        Err(no) => no,
    }
}

/// `vars([("a", value!(1))])`
pub fn vars<const N: usize>(all: [(&str, ConstValue); N]) -> Variables {
    let mut variables = Variables::default();
    for (name, value) in all {
        variables.insert(Name::new(name), value);
    }
    variables
}

/// The merged form of a query.
pub fn merged(query: &str) -> String {
    print(&pass(query).document)
}

/// A document on one line, operations before fragments, each sorted by name.
pub fn print(document: &ExecutableDocument) -> String {
    let mut operations: Vec<String> = document
        .operations
        .iter()
        .map(|(name, operation)| {
            let name = name.map(|name| format!(" {name}")).unwrap_or_default();
            format!("{}{name} {}", operation.node.ty, set(&operation.node.selection_set.node))
        })
        .collect();
    operations.sort();
    let mut fragments: Vec<String> = document
        .fragments
        .iter()
        .map(|(name, fragment)| {
            let on = &fragment.node.type_condition.node.on.node;
            format!("fragment {name} on {on} {}", set(&fragment.node.selection_set.node))
        })
        .collect();
    fragments.sort();
    operations.extend(fragments);
    operations.join(" ")
}

fn set(set: &SelectionSet) -> String {
    let items: Vec<String> = set.items.iter().map(|item| selection(&item.node)).collect();
    format!("{{ {} }}", items.join(" "))
}

fn selection(selection: &Selection) -> String {
    match selection {
        Selection::Field(field) => {
            let field = &field.node;
            let alias = field.alias.as_ref().map(|alias| format!("{alias}: ")).unwrap_or_default();
            let inner = if field.selection_set.node.items.is_empty() {
                String::new()
            } else {
                format!(" {}", set(&field.selection_set.node))
            };
            format!("{alias}{}{}{}{inner}", field.name, arguments(&field.arguments), directives(&field.directives))
        }
        Selection::FragmentSpread(spread) => {
            format!("...{}{}", spread.node.fragment_name, directives(&spread.node.directives))
        }
        Selection::InlineFragment(inline) => {
            let on = inline.node.type_condition.as_ref().map(|on| format!(" on {}", on.node.on)).unwrap_or_default();
            format!("...{on}{} {}", directives(&inline.node.directives), set(&inline.node.selection_set.node))
        }
    }
}

fn arguments(arguments: &[(Positioned<Name>, Positioned<Value>)]) -> String {
    if arguments.is_empty() {
        return String::new();
    }
    let all: Vec<String> = arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("({})", all.join(", "))
}

fn directives(directives: &[Positioned<Directive>]) -> String {
    directives.iter().map(|d| format!(" @{}{}", d.node.name, arguments(&d.node.arguments))).collect()
}
