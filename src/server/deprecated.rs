//! Who still uses what is going away: the deprecated fields and arguments of a document, found by walking it with the
//! schema's types.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_graphql_parser::types::{
    ConstDirective, ExecutableDocument, FragmentDefinition, InputValueDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet, TypeKind, TypeSystemDefinition,
};
use async_graphql_parser::{Positioned, parse_schema};
use async_graphql_value::{ConstValue, Name};
use serde::Serialize;

/// What the schema has deprecated, and what is needed to find its uses.
#[derive(Default)]
pub struct Deprecations {
    fields: HashMap<String, HashMap<String, Field>>,
    roots: [String; 3],
    any: bool,
}

struct Field {
    gives: String,
    /// Why, and what instead.
    deprecated: Option<String>,
    arguments: HashMap<String, String>,
}

/// Something that an operation uses and that is going away, as it is told in `extensions.warnings` of the answer.
#[derive(Serialize, Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    #[serde(rename = "type")]
    kind: &'static str,
    /// `Type.field` or `Type.field(argument:)`.
    pub field: String,
    /// What to use instead, and until when it can be used.
    pub message: String,
}

impl Deprecations {
    /// Reads the schema in its own language, as `backoffice schema` prints it.
    #[must_use]
    pub fn of(sdl: &str) -> Self {
        let mut found = Self { roots: ["Query", "Mutation", "Subscription"].map(str::to_owned), ..Self::default() };
        // The schema is ours: if it could not be read, nothing would be counted, and a test would say so.
        let Ok(schema) = parse_schema(sdl) else { return found };
        for definition in schema.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let schema = schema.node;
                    for (root, named) in
                        found.roots.iter_mut().zip([schema.query, schema.mutation, schema.subscription])
                    {
                        if let Some(name) = named {
                            *root = name.node.to_string();
                        }
                    }
                }
                TypeSystemDefinition::Type(definition) => {
                    let fields = match definition.node.kind {
                        TypeKind::Object(object) => object.fields,
                        TypeKind::Interface(interface) => interface.fields,
                        _ => continue,
                    };
                    let fields: HashMap<String, Field> = fields
                        .into_iter()
                        .map(|field| {
                            let deprecated = reason(&field.node.directives);
                            let arguments: HashMap<String, String> =
                                field.node.arguments.iter().filter_map(deprecated_argument).collect();
                            found.any |= deprecated.is_some() || !arguments.is_empty();
                            let gives = innermost(&field.node.ty.node.to_string());
                            (field.node.name.node.to_string(), Field { gives, deprecated, arguments })
                        })
                        .collect();
                    found.fields.insert(definition.node.name.node.to_string(), fields);
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        found
    }

    /// Whether nothing is deprecated: then no document has to be looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.any
    }

    /// What an operation uses of it, each once: `Type.field` or `Type.field(argument:)`. Every fragment is walked once, so
    /// the work is no more than the document is long.
    #[must_use]
    pub fn used_by(&self, document: &ExecutableDocument, operation: Option<&str>) -> Vec<Warning> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut walk =
            Walk { known: self, fragments: &document.fragments, walked: HashSet::new(), used: BTreeMap::new() };
        let chosen: Option<&OperationDefinition> = document
            .operations
            .iter()
            .find(|(name, _)| operation.is_none() || name.map(Name::as_str) == operation)
            .map(|(_, found)| &found.node);
        if let (Some(chosen), [query, mutation, subscription]) = (chosen, &self.roots) {
            let root = match chosen.ty {
                OperationType::Query => query,
                OperationType::Mutation => mutation,
                OperationType::Subscription => subscription,
            };
            walk.set(root, &chosen.selection_set.node);
        }
        walk.used.into_iter().map(|(field, message)| Warning { kind: "DEPRECATION", field, message }).collect()
    }
}

struct Walk<'a> {
    known: &'a Deprecations,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    walked: HashSet<&'a str>,
    used: BTreeMap<String, String>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, of: &str, selected: &'a SelectionSet) {
        for item in &selected.items {
            match &item.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let Some(known) = self.known.fields.get(of).and_then(|fields| fields.get(name)) else { continue };
                    if let Some(reason) = &known.deprecated {
                        self.used.insert(format!("{of}.{name}"), reason.clone());
                    }
                    for (argument, _) in &field.node.arguments {
                        if let Some(reason) = known.arguments.get(argument.node.as_str()) {
                            self.used.insert(format!("{of}.{name}({}:)", argument.node), reason.clone());
                        }
                    }
                    self.set(&known.gives, &field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref().map_or(of, |on| on.node.on.node.as_str());
                    self.set(on, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.fragments.get(name)
                        && self.walked.insert(name)
                    {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.set(on, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
}

/// The reason that stands in `@deprecated`, if something is.
fn reason(directives: &[Positioned<ConstDirective>]) -> Option<String> {
    let found = directives.iter().find(|one| one.node.name.node == "deprecated")?;
    let said = found.node.arguments.iter().find(|(name, _)| name.node == "reason").map(|(_, value)| &value.node);
    Some(match said {
        Some(ConstValue::String(reason)) => reason.clone(),
        _ => "It is going away.".to_owned(),
    })
}

fn deprecated_argument(argument: &Positioned<InputValueDefinition>) -> Option<(String, String)> {
    Some((argument.node.name.node.to_string(), reason(&argument.node.directives)?))
}

/// `Invoice` of `[Invoice!]!`.
fn innermost(of: &str) -> String {
    of.trim_matches(['[', ']', '!']).to_owned()
}

#[cfg(test)]
mod tests {
    use async_graphql_parser::parse_query;

    use super::*;

    const SCHEMA: &str = r#"
        type Query { invoice(id: ID!, old: Boolean @deprecated(reason: "2027-01-01")): Invoice! documents: [Document!]! }
        interface Document { number: String! code: String! @deprecated(reason: "number, from 2027-01-01") }
        type Invoice implements Document { number: String! code: String! @deprecated lines: [Line!]! }
        type Line { net: String! value: String! @deprecated invoice: Invoice! }
        type Mutation { invoiceDrop: Invoice @deprecated }"#;

    fn used(query: &str, operation: Option<&str>) -> Vec<String> {
        let found = Deprecations::of(SCHEMA);
        found.used_by(&parse_query(query).unwrap(), operation).into_iter().map(|used| used.field).collect()
    }

    #[test]
    fn the_reason_is_told() {
        let document = parse_query("{ documents { code } }").unwrap();
        let used = Deprecations::of(SCHEMA).used_by(&document, None);
        assert_eq!(used.iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), ["number, from 2027-01-01"]);
    }

    #[test]
    fn uses_are_found_wherever_they_stand() {
        assert_eq!(used("{ invoice(id: 1) { number lines { net } } }", None), Vec::<String>::new());
        assert_eq!(used("{ invoice(id: 1) { code x: code lines { value } } }", None), ["Invoice.code", "Line.value"]);
        assert_eq!(used("{ invoice(id: 1, old: true) { number } }", None), ["Query.invoice(old:)"]);
        assert_eq!(
            used("{ documents { code ... on Invoice { lines { ...l } } } } fragment l on Line { value }", None),
            ["Document.code", "Line.value"]
        );
        assert_eq!(used("mutation { invoiceDrop { number } }", None), ["Mutation.invoiceDrop"]);
    }

    #[test]
    fn only_the_operation_that_runs_counts_and_circles_end() {
        let both = "query a { invoice(id: 1) { number } } query b { invoice(id: 1) { code } }";
        assert_eq!(used(both, Some("a")), Vec::<String>::new());
        assert_eq!(used(both, Some("b")), ["Invoice.code"]);
        let circle = "{ invoice(id: 1) { ...i } } fragment i on Invoice { code lines { invoice { ...i } } }";
        assert_eq!(used(circle, None), ["Invoice.code"]);
        assert!(Deprecations::of("type Query { a: Int }").is_empty());
    }

    #[test]
    fn the_schema_of_this_program_is_read() {
        let own = Deprecations::of(&crate::graph::sdl());
        assert!(own.fields.get("Query").is_some_and(|fields| fields.contains_key("invoices")));
        assert!(own.fields.contains_key("Invoice"));
    }
}
