//! What an export asks for: a query with one list, whose selection is the columns of the file.
//!
//! There is no second list of columns or filters anywhere: the list is read through the same field as by everybody, page
//! by page, with the arguments of the query.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use async_graphql::{Name, Pos, Positioned, Variables};
use async_graphql_parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
    TypeKind, TypeSystemDefinition,
};
use async_graphql_value::Value;
use backoffice_gate::{OperationKind, Passed};

use crate::platform::can::Can;
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
    /// What its description says that it needs, and what records of its type need.
    rights: Vec<Can>,
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
            let described = field.node.description.as_ref().map(|text| text.node.as_str()).unwrap_or_default();
            let mut rights = rights_in(described);
            rights.extend(crate::platform::node::right_of(&named));
            (field.node.name.node.to_string(), Known { named, listed, arguments, rights })
        });
        types.insert(definition.node.name.node.to_string(), fields.collect());
    }
    types
}

/// The rights that a description names: behind `Right:` or `Rights:`, each in backticks.
fn rights_in(description: &str) -> Vec<Can> {
    let Some(at) = ["Right: ", "Rights: ", "Right:\n", "Rights:\n"].iter().find_map(|word| description.find(word))
    else {
        return Vec::new();
    };
    description.get(at..).unwrap_or_default().split('`').filter_map(Can::parse).collect()
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
    /// What leads to the list in the answer, the list itself last.
    pub(super) way: Vec<String>,
    /// What its rows are called there.
    pub(super) rows: String,
    counts: bool,
    /// What one full page costs.
    pub(super) price: u64,
    pub(super) columns: Vec<Column>,
    /// What whoever asks has to hold.
    pub(super) rights: Vec<Can>,
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

/// The one field of a selection.
fn only(selection: &mut SelectionSet) -> Option<&mut Field> {
    match selection.items.as_mut_slice() {
        [Positioned { node: Selection::Field(field), .. }] => Some(&mut field.node),
        _ => None,
    }
}

/// The field so many steps below the root.
fn below(document: &mut ExecutableDocument, steps: usize) -> Option<&mut Field> {
    let mut field = only(&mut operation(document)?.selection_set.node)?;
    for _ in 0..steps {
        field = only(&mut field.selection_set.node)?;
    }
    Some(field)
}

impl Known {
    fn is_list(&self) -> bool {
        self.arguments.contains("after") && schema().get(&self.named).is_some_and(|fields| fields.contains_key("nodes"))
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
        let (mut kind, mut way, mut rights) = ("Query".to_owned(), Vec::new(), Vec::new());
        // Down to the list: what stands above it has one field each.
        let one = || refused("An export has one field, a list such as `invoices`, or one that leads to it.");
        let known = loop {
            let field = below(&mut document, way.len()).ok_or_else(one)?;
            let known = known(&kind, field)?;
            if !field.directives.is_empty() {
                return Err(refused("The list of an export has no directives."));
            }
            way.push(key(field));
            rights.extend(&known.rights);
            if known.is_list() {
                break known;
            }
            if known.listed || !schema().contains_key(&known.named) {
                return Err(refused(format!("`{}` is no list of pages and leads to none.", field.name.node)));
            }
            kind.clone_from(&known.named);
        };
        let list = below(&mut document, way.len().saturating_sub(1)).ok_or_else(one)?;
        if list.arguments.iter().any(|(name, _)| ["first", "after"].contains(&name.node.as_str())) {
            return Err(refused("Leave `first` and `after` away: an export has all rows."));
        }
        let nodes = rows_of(list)?;
        let mut columns = Columns { fragments: &fragments, found: Vec::new(), rights };
        let rows = self::known(&known.named, &nodes.node)?;
        columns.rights.extend(&rows.rights);
        columns.walk(&nodes.node.selection_set.node, &rows.named, &[], false)?;
        let Columns { found: columns, mut rights, .. } = columns;
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return Err(refused(format!("An export has 1 to {MOST_COLUMNS} columns.")));
        }
        rights.sort_unstable();
        rights.dedup();
        let rows = key(&nodes.node);
        list.selection_set.node.items = vec![Positioned::new(Selection::Field(nodes), Pos::default())];
        let counts = schema().get(&known.named).is_some_and(|fields| fields.contains_key("totalCount"));
        let mut plan = Self { document, way, rows, counts, price: 0, columns, rights };
        let page = Passed { document: Arc::new(plan.page(None, MAX_FIRST)), ..passed };
        let priced = backoffice_gate::admit_again(&page, variables, &limits).map_err(|no| refused(no.message))?;
        plan.price = priced.cost.requested;
        Ok(plan)
    }

    /// The name of the list.
    pub(super) fn list(&self) -> &str {
        self.way.last().map_or("export", String::as_str)
    }

    /// The document of the page behind a cursor, or of the first one.
    pub(super) fn page(&self, after: Option<&str>, first: i32) -> ExecutableDocument {
        let mut document = self.document.clone();
        if let Some(list) = below(&mut document, self.way.len().saturating_sub(1)) {
            let mut argue = |name: &str, value: Value| {
                let at = Pos::default();
                list.arguments.push((Positioned::new(Name::new(name), at), Positioned::new(value, at)));
            };
            argue("first", Value::Number(first.into()));
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

/// What the schema says of a field.
fn known(kind: &str, field: &Field) -> Result<&'static Known> {
    let name = field.name.node.as_str();
    let known = schema().get(kind).and_then(|fields| fields.get(name));
    known.ok_or_else(|| refused(format!("`{kind}` has no field `{name}`.")))
}

/// The selection of the rows: `nodes`, once and nothing beside it but what every page says of itself.
fn rows_of(list: &Field) -> Result<Positioned<Field>> {
    let mut nodes = None;
    for item in &list.selection_set.node.items {
        let said = match &item.node {
            Selection::Field(field) => field.node.name.node.as_str(),
            _ => "",
        };
        match (&item.node, said) {
            (Selection::Field(field), "nodes") if nodes.is_none() && field.node.directives.is_empty() => {
                nodes = Some(field.clone());
            }
            (_, "totalCount" | "pageInfo" | "__typename") => {}
            _ => return Err(refused("Select `nodes` of the list and nothing else: what it selects are the columns.")),
        }
    }
    nodes.ok_or_else(|| refused("Select `nodes` of the list: what it selects are the columns."))
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
    rights: Vec<Can>,
}

impl Columns<'_> {
    fn walk(&mut self, selection: &SelectionSet, kind: &str, path: &[String], listed: bool) -> Result<()> {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => self.field(&field.node, kind, path, listed)?,
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) else { continue };
                    let on = fragment.node.type_condition.node.on.node.to_string();
                    self.rights.extend(crate::platform::node::right_of(&on).filter(|_| on != kind));
                    self.walk(&fragment.node.selection_set.node, &on, path, listed)?;
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref().map(|on| on.node.on.node.to_string());
                    let on = on.as_deref().unwrap_or(kind);
                    self.rights.extend(crate::platform::node::right_of(on).filter(|_| on != kind));
                    self.walk(&inline.node.selection_set.node, on, path, listed)?;
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
        let known = known(kind, field)?;
        self.rights.extend(&known.rights);
        let listed = listed || known.listed;
        let (leaf, empty) = (!schema().contains_key(&known.named), field.selection_set.node.items.is_empty());
        if leaf != empty {
            return Err(refused(format!(
                "`{name}` of `{kind}` is selected {} fields.",
                if leaf { "with" } else { "without" }
            )));
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
        assert_eq!(
            names,
            ["number", "customer.name", "gross.amount", "gross.currency", "lines.description", "version"]
        );
        assert_eq!(
            (plan.columns[2].sort, plan.columns[4].sort, plan.columns[5].sort),
            (Sort::Decimal, Sort::Text, Sort::Whole)
        );
        assert_eq!((plan.list(), plan.rows.as_str()), ("all", "nodes"));
        assert_eq!(plan.rights, [Can::CustomerRead, Can::InvoiceRead]);
        // The list and 100 rows, each with its customer, its gross and what a page of lines may hold.
        assert_eq!(plan.price, 1 + 100 * (1 + 1 + 1 + 1));
        let mut page = plan.page(Some("x"), 7);
        assert_eq!(below(&mut page, 0).unwrap().arguments.len(), 3);
    }

    #[test]
    fn a_list_below_something_is_one_as_well() {
        let plan =
            plan("{ generalLedger(account: \"x\", to: \"2026-12-31\") { lines { nodes { balance { amount } } } } }")
                .unwrap();
        assert_eq!(plan.way, ["generalLedger", "lines"]);
        assert_eq!(plan.rights, [Can::JournalRead, Can::ReportRead]);
        assert_eq!(below(&mut plan.page(None, 7), 1).unwrap().arguments.len(), 1);
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
            "{ invoices { nodes { number } edges { cursor } } }",
            "{ invoices @skip(if: false) { nodes { number } } }",
            "{ trialBalance(to: \"2026-12-31\") { rows { lines { nodes { number } } } } }",
            "mutation { signOut { userErrors { message } } }",
            "{ nonsense { nodes { x } } }",
            "{",
        ] {
            assert!(matches!(plan(query), Err(Error::Refused(_))), "{query}");
        }
    }
}
