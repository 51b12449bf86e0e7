//! What an export asks for: a query with one list, whose selection is the columns of the file.
//!
//! There is no second list of columns or filters anywhere: the list is read through the same field as by everybody, page
//! by page, with the arguments of the query.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use async_graphql::{Name, Pos, Positioned, Variables};
use async_graphql_parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
    TypeKind, TypeSystemDefinition,
};
use async_graphql_value::Value;
use backoffice_gate::OperationKind;

use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::paging::MAX_FIRST;

/// The most columns of a file.
const MOST_COLUMNS: usize = 200;
/// Where the page's own fields stand in an answer.
pub(super) const PAGE: &str = "exportPage";
/// Where the count of the whole list stands in the answer to the first page.
pub(super) const TOTAL: &str = "exportTotal";

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Exact decimals: summed up as a control total.
    Decimal,
    /// Whole numbers.
    Whole,
    /// Everything else.
    Text,
}

/// A column: where its values stand in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) path: Vec<String>,
    pub(super) sort: Sort,
}

impl Column {
    /// Its name in the header.
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }
}

/// A type of the schema: its fields, and what each is.
type Fields = HashMap<String, Known>;

struct Known {
    named: String,
    listed: bool,
    arguments: HashSet<String>,
}

/// What the schema says about fields.
fn schema() -> &'static HashMap<String, Fields> {
    static SCHEMA: OnceLock<HashMap<String, Fields>> = OnceLock::new();
    SCHEMA.get_or_init(|| read_schema(&crate::graph::sdl()))
}

fn read_schema(sdl: &str) -> HashMap<String, Fields> {
    let Ok(document) = async_graphql_parser::parse_schema(sdl) else { return HashMap::new() };
    let mut types = HashMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let fields = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        let fields = fields.into_iter().map(|field| {
            let (named, listed) = innermost(&field.node.ty.node);
            let arguments = field.node.arguments.iter().map(|argument| argument.node.name.node.to_string()).collect();
            (field.node.name.node.to_string(), Known { named, listed, arguments })
        });
        types.insert(definition.node.name.node.to_string(), fields.collect());
    }
    types
}

fn innermost(kind: &Type) -> (String, bool) {
    match &kind.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(inner) => (innermost(inner).0, true),
    }
}

/// A query that was understood.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    document: ExecutableDocument,
    /// What the list is called in the answer, and its rows in it.
    pub(super) list: String,
    pub(super) rows: String,
    counts: bool,
    pub(super) columns: Vec<Column>,
}

fn refused(message: impl Into<String>) -> Error {
    Error::refuse(UserErrorCode::Invalid, "query", message)
}

fn key(field: &Field) -> String {
    field.response_key().node.to_string()
}

fn operation(document: &mut ExecutableDocument) -> Option<&mut OperationDefinition> {
    match &mut document.operations {
        DocumentOperations::Single(operation) => Some(&mut operation.node),
        DocumentOperations::Multiple(operations) if operations.len() == 1 => {
            operations.values_mut().next().map(|operation| &mut operation.node)
        }
        DocumentOperations::Multiple(_) => None,
    }
}

fn root(document: &mut ExecutableDocument) -> Option<&mut Field> {
    match operation(document)?.selection_set.node.items.as_mut_slice() {
        [Positioned { node: Selection::Field(field), .. }] => Some(&mut field.node),
        _ => None,
    }
}

impl Plan {
    /// Reads a query, or says why it is none for an export.
    pub(super) fn read(query: &str, variables: &Variables) -> Result<Self> {
        let limits = crate::server::limits(false);
        let passed = backoffice_gate::admit(query, None, variables, &limits).map_err(|no| refused(no.message))?;
        if passed.operation_kind != OperationKind::Query {
            return Err(refused("An export is a query."));
        }
        let mut document = (*passed.document).clone();
        let fragments = document.fragments.clone();
        let list = root(&mut document).ok_or_else(|| refused("An export has one field, a list such as `invoices`."))?;
        let name = list.name.node.to_string();
        let known = schema().get("Query").and_then(|fields| fields.get(&name));
        let known = known.ok_or_else(|| refused(format!("There is no list `{name}`.")))?;
        let connection = schema().get(&known.named);
        let rows_of = connection.and_then(|fields| fields.get("nodes"));
        let (Some(connection), Some(rows_of), true) = (connection, rows_of, known.arguments.contains("after")) else {
            return Err(refused(format!("`{name}` is no list of pages.")));
        };
        if list.arguments.iter().any(|(name, _)| ["first", "after"].contains(&name.node.as_str())) {
            return Err(refused("Leave `first` and `after` away: an export has all rows."));
        }
        let nodes = list.selection_set.node.items.iter().find_map(|item| match &item.node {
            Selection::Field(field) if field.node.name.node.as_str() == "nodes" => Some(field.clone()),
            _ => None,
        });
        let nodes = nodes.ok_or_else(|| refused("Select `nodes` of the list: what it selects are the columns."))?;
        let mut columns = Columns { fragments: &fragments, found: Vec::new() };
        columns.walk(&nodes.node.selection_set.node, &rows_of.named, &[], false)?;
        let columns = columns.found;
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return Err(refused(format!("An export has 1 to {MOST_COLUMNS} columns.")));
        }
        let (list_key, rows_key) = (key(list), key(&nodes.node));
        list.selection_set.node.items = vec![Positioned::new(Selection::Field(nodes), Pos::default())];
        let counts = connection.contains_key("totalCount");
        Ok(Self { document, list: list_key, rows: rows_key, counts, columns })
    }

    /// The document of the page behind a cursor, or of the first one.
    pub(super) fn page(&self, after: Option<&str>) -> ExecutableDocument {
        let mut document = self.document.clone();
        if let Some(list) = root(&mut document) {
            let mut argue = |name: &str, value: Value| {
                let at = Pos::default();
                list.arguments.push((Positioned::new(Name::new(name), at), Positioned::new(value, at)));
            };
            argue("first", Value::Number(MAX_FIRST.into()));
            if let Some(after) = after {
                argue("after", Value::String(after.to_owned()));
            }
            let items = &mut list.selection_set.node.items;
            items.push(aliased(PAGE, "pageInfo", &["hasNextPage", "endCursor"]));
            if self.counts && after.is_none() {
                items.push(aliased(TOTAL, "totalCount", &[]));
            }
        }
        document
    }
}

/// `alias: name { children }`.
fn aliased(alias: &str, name: &str, children: &[&str]) -> Positioned<Selection> {
    let at = Pos::default();
    let plain = |alias: Option<&str>, name: &str, items: Vec<Positioned<Selection>>| {
        let field = Field {
            alias: alias.map(|alias| Positioned::new(Name::new(alias), at)),
            name: Positioned::new(Name::new(name), at),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::new(SelectionSet { items }, at),
        };
        Positioned::new(Selection::Field(Positioned::new(field, at)), at)
    };
    plain(Some(alias), name, children.iter().map(|child| plain(None, child, Vec::new())).collect())
}

/// The leaves of a selection, in the order in which they stand there.
struct Columns<'a> {
    fragments: &'a HashMap<Name, Positioned<async_graphql_parser::types::FragmentDefinition>>,
    found: Vec<Column>,
}

impl Columns<'_> {
    fn walk(&mut self, selection: &SelectionSet, kind: &str, path: &[String], listed: bool) -> Result<()> {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => self.field(&field.node, kind, path, listed)?,
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) else { continue };
                    let on = fragment.node.type_condition.node.on.node.to_string();
                    self.walk(&fragment.node.selection_set.node, &on, path, listed)?;
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref().map(|on| on.node.on.node.to_string());
                    self.walk(&inline.node.selection_set.node, on.as_deref().unwrap_or(kind), path, listed)?;
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, kind: &str, path: &[String], listed: bool) -> Result<()> {
        let name = field.name.node.as_str();
        let below: Vec<String> = path.iter().cloned().chain([key(field)]).collect();
        if name == "__typename" {
            self.leaf(below, Sort::Text);
            return Ok(());
        }
        let known = schema().get(kind).and_then(|fields| fields.get(name));
        let known = known.ok_or_else(|| refused(format!("`{kind}` has no field `{name}`.")))?;
        let listed = listed || known.listed;
        let (leaf, empty) = (!schema().contains_key(&known.named), field.selection_set.node.items.is_empty());
        if leaf != empty {
            return Err(refused(format!("`{name}` of `{kind}` is selected {} fields.", if leaf { "with" } else { "without" })));
        }
        if !leaf {
            return self.walk(&field.selection_set.node, &known.named, &below, listed);
        }
        self.leaf(
            below,
            match known.named.as_str() {
                _ if listed => Sort::Text,
                "Decimal" => Sort::Decimal,
                "Int" => Sort::Whole,
                _ => Sort::Text,
            },
        );
        Ok(())
    }

    fn leaf(&mut self, path: Vec<String>, sort: Sort) {
        if !self.found.iter().any(|column| column.path == path) {
            self.found.push(Column { path, sort });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(query: &str) -> Result<Plan> {
        Plan::read(query, &Variables::default())
    }

    #[test]
    fn the_selection_is_the_columns() {
        let plan = plan(
            "query { all: invoices(filter: { status: { eq: ISSUED } }) { totalCount nodes { number customer { name } ...T lines { description } version } } }
             fragment T on Invoice { gross { amount currency } }",
        )
        .unwrap();
        let names: Vec<String> = plan.columns.iter().map(Column::name).collect();
        assert_eq!(names, ["number", "customer.name", "gross.amount", "gross.currency", "lines.description", "version"]);
        assert_eq!((plan.columns[2].sort, plan.columns[4].sort, plan.columns[5].sort), (Sort::Decimal, Sort::Text, Sort::Whole));
        assert_eq!((plan.list.as_str(), plan.rows.as_str()), ("all", "nodes"));
        let mut page = plan.page(Some("x"));
        assert_eq!(root(&mut page).unwrap().arguments.len(), 3);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for query in [
            "{ viewer { name } }",
            "{ invoices { totalCount } }",
            "{ invoices(first: 5) { nodes { number } } }",
            "{ invoices { nodes { nonsense } } }",
            "{ invoices { nodes { customer } } }",
            "{ invoices { nodes { number } } customers { nodes { name } } }",
            "mutation { signOut { userErrors { message } } }",
            "{ nonsense { nodes { x } } }",
            "{",
        ] {
            assert!(matches!(plan(query), Err(Error::Refused(_))), "{query}");
        }
    }
}
