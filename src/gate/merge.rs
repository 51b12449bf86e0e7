//! Repeated response keys become one field, so that the engine, which runs a field once per occurrence, runs it once.
//!
//! This is CollectFields and MergeSelectionSets of the specification (October 2021, sections 6.3.2 and 6.4.3), done on the text
//! instead of while executing. A selection set is flattened into fields and spreads, each under its *guard*: the conditional
//! inline fragments around it. Equal fields under equal guards are one, at the place of the first, with their selection sets joined;
//! then the guards are written around them again. In an operation's root, fragments on the root type are written out first. Deeper
//! down the type of the parent is unknown, so spreads stay, each once.

use std::collections::{HashMap, HashSet};

use async_graphql_parser::{
    Pos, Positioned,
    types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, InlineFragment, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
};
use async_graphql_value::Name;

use crate::{
    guards::{Condition, Guard, Guards},
    rejected::{Rejected, quoted},
};

/// The root types' names, by convention.
fn root_type(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// A merged operation and the fields of its root, by name.
pub(crate) struct Merged {
    pub selection_set: Positioned<SelectionSet>,
    pub root_fields: Vec<String>,
}

/// Merges an operation.
pub(crate) fn operation(
    operation: &Positioned<OperationDefinition>,
    document: &ExecutableDocument,
    work: &mut u64,
) -> Result<Merged, Rejected> {
    let kind = operation.node.ty;
    let root = Root { kind, name: root_type(kind), fragments: &document.fragments };
    let set = &operation.node.selection_set;
    let mut flat = Flat::new(Some(&root), work);
    flat.set(&set.node, Guard::NONE, Some(root.name))?;
    let root_fields = flat.fields().map(|field| field.node.name.node.to_string()).collect();
    if kind == OperationType::Subscription && flat.entries.len() > 1 {
        return Err(Rejected::validation("A subscription has one root field.", operation.pos));
    }
    let items = flat.write()?;
    Ok(Merged { selection_set: Positioned::new(SelectionSet { items }, set.pos), root_fields })
}

/// Merges the body of a fragment.
pub(crate) fn fragment(fragment: &FragmentDefinition, work: &mut u64) -> Result<Positioned<SelectionSet>, Rejected> {
    let set = &fragment.selection_set;
    let parent = fragment.type_condition.node.on.node.as_str();
    let items = join(&[&set.node], Some(parent), work)?;
    Ok(Positioned::new(SelectionSet { items }, set.pos))
}

fn join(sets: &[&SelectionSet], parent: Option<&str>, work: &mut u64) -> Result<Vec<Positioned<Selection>>, Rejected> {
    let mut flat = Flat::new(None, work);
    for set in sets {
        flat.set(set, Guard::NONE, parent)?;
    }
    flat.write()
}

struct Root<'d> {
    kind: OperationType,
    name: &'static str,
    fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
}

enum Kind<'d> {
    /// The first occurrence, and the selection sets of all.
    Field(&'d Positioned<Field>, Vec<&'d SelectionSet>),
    Spread(&'d Positioned<Selection>),
}

struct Entry<'d> {
    path: Vec<Guard>,
    pos: Pos,
    kind: Kind<'d>,
}

struct Flat<'d, 'r, 'w> {
    root: Option<&'r Root<'d>>,
    guards: Guards<'d>,
    entries: Vec<Entry<'d>>,
    /// Fields by guard and response key: several where their own directives differ.
    keys: HashMap<(Guard, &'d str), Vec<usize>>,
    /// The first field by response key under the same type conditions: all others must ask for the same.
    meanings: HashMap<(Guard, &'d str), &'d Positioned<Field>>,
    /// Fragments already written out or spread under a guard.
    spread: HashSet<(Guard, &'d str)>,
    work: &'w mut u64,
}

impl<'d, 'r, 'w> Flat<'d, 'r, 'w> {
    fn new(root: Option<&'r Root<'d>>, work: &'w mut u64) -> Self {
        Self {
            root,
            guards: Guards::default(),
            entries: Vec::new(),
            keys: HashMap::new(),
            meanings: HashMap::new(),
            spread: HashSet::new(),
            work,
        }
    }

    fn set(&mut self, set: &'d SelectionSet, guard: Guard, parent: Option<&'d str>) -> Result<(), Rejected> {
        for item in &set.items {
            *self.work += 1;
            match &item.node {
                Selection::Field(field) => self.field(field, item.pos, guard)?,
                Selection::InlineFragment(inline) => self.inline(inline, guard, parent)?,
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let condition =
                        Condition { on: None, directives: &spread.node.directives, places: (item.pos, item.pos) };
                    let inner = self.guards.under(guard, condition);
                    let fragment = self
                        .root
                        .filter(|_| self.guards.types_only(guard) == Guard::NONE)
                        .map(|root| root.fragments.get(name));
                    let Some(Some(fragment)) = fragment else {
                        if self.spread.insert((inner, name)) {
                            self.push(guard, item.pos, Kind::Spread(item));
                        }
                        continue;
                    };
                    if self.spread.insert((inner, name)) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        if parent == Some(on) {
                            self.set(&fragment.node.selection_set.node, inner, parent)?;
                        } else {
                            self.foreign(on, item.pos)?;
                            self.push(guard, item.pos, Kind::Spread(item));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A fragment on another type in the root cannot be seen through, so it must not be where running twice does harm.
    fn foreign(&self, on: &str, at: Pos) -> Result<(), Rejected> {
        match self.root {
            Some(root) if root.kind != OperationType::Query => {
                let message = format!("A fragment on {} cannot stand in the root of a {}.", quoted(on), root.kind);
                Err(Rejected::validation(message, at))
            }
            _ => Ok(()),
        }
    }

    fn inline(
        &mut self,
        inline: &'d Positioned<InlineFragment>,
        guard: Guard,
        parent: Option<&'d str>,
    ) -> Result<(), Rejected> {
        let on = inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
        let narrows = on.filter(|on| parent != Some(on));
        if let Some(on) = narrows {
            self.foreign(on, inline.pos)?;
        }
        let condition = Condition {
            on: inline.node.type_condition.as_ref().filter(|_| narrows.is_some()),
            directives: &inline.node.directives,
            places: (inline.pos, inline.node.selection_set.pos),
        };
        let guard = self.guards.under(guard, condition);
        self.set(&inline.node.selection_set.node, guard, narrows.or(parent))
    }

    fn field(&mut self, field: &'d Positioned<Field>, pos: Pos, guard: Guard) -> Result<(), Rejected> {
        let key = field.node.response_key().node.as_str();
        let same_types = self.guards.types_only(guard);
        let first = self.meanings.get(&(same_types, key)).copied();
        if first.is_some_and(|first| !same_request(&first.node, &field.node)) {
            let message =
                format!("The response key {} is asked for twice with different fields or arguments.", quoted(key));
            return Err(Rejected::validation(message, field.pos));
        }
        self.meanings.entry((same_types, key)).or_insert(field);
        let set = &field.node.selection_set.node;
        let known = self.keys.entry((guard, key)).or_default();
        for index in known.iter() {
            *self.work += 1;
            if let Some(Entry { kind: Kind::Field(entry, sets), .. }) = self.entries.get_mut(*index)
                && same_directives(&entry.node.directives, &field.node.directives)
            {
                if !set.items.is_empty() {
                    sets.push(set);
                }
                return Ok(());
            }
        }
        // The same field under other conditions: which of them hold is not known here, and both may.
        if self.root.is_some_and(|root| root.kind == OperationType::Mutation) && first.is_some() {
            let message =
                format!("The field {} stands twice under different conditions, and would run twice.", quoted(key));
            return Err(Rejected::validation(message, field.pos));
        }
        known.push(self.entries.len());
        let sets = if set.items.is_empty() { Vec::new() } else { vec![set] };
        self.push(guard, pos, Kind::Field(field, sets));
        Ok(())
    }

    fn push(&mut self, guard: Guard, pos: Pos, kind: Kind<'d>) {
        let path = self.guards.path(guard);
        self.entries.push(Entry { path, pos, kind });
    }

    fn fields(&self) -> impl Iterator<Item = &'d Positioned<Field>> {
        self.entries.iter().filter_map(|entry| match &entry.kind {
            Kind::Field(field, _) => Some(*field),
            Kind::Spread(_) => None,
        })
    }

    fn write(self) -> Result<Vec<Positioned<Selection>>, Rejected> {
        let Self { entries, guards, work, .. } = self;
        write(&entries, 0, &guards, work)
    }
}

/// Writes entries, neighbours that share a guard under one inline fragment.
fn write(
    entries: &[Entry<'_>],
    level: usize,
    guards: &Guards<'_>,
    work: &mut u64,
) -> Result<Vec<Positioned<Selection>>, Rejected> {
    let mut items = Vec::with_capacity(entries.len());
    for run in entries.chunk_by(|a, b| a.path.get(level).is_some() && a.path.get(level) == b.path.get(level)) {
        let Some(first) = run.first() else { continue };
        *work += 1;
        let own = first.path.get(level).and_then(|guard| guards.condition(*guard));
        let (node, pos) = match (own, &first.kind) {
            (Some(condition), _) => {
                let items = write(run, level + 1, guards, work)?;
                let (pos, set_pos) = condition.places;
                let inline = InlineFragment {
                    type_condition: condition.on.cloned(),
                    directives: condition.directives.to_vec(),
                    selection_set: Positioned::new(SelectionSet { items }, set_pos),
                };
                (Selection::InlineFragment(Positioned::new(inline, pos)), pos)
            }
            (None, Kind::Spread(spread)) => (spread.node.clone(), first.pos),
            (None, Kind::Field(field, sets)) => {
                let items = join(sets, None, work)?;
                let merged = Field {
                    alias: field.node.alias.clone(),
                    name: field.node.name.clone(),
                    arguments: field.node.arguments.clone(),
                    directives: field.node.directives.clone(),
                    selection_set: Positioned::new(SelectionSet { items }, field.node.selection_set.pos),
                };
                (Selection::Field(Positioned::new(merged, field.pos)), first.pos)
            }
        };
        items.push(Positioned::new(node, pos));
    }
    Ok(items)
}

/// The same field with the same arguments, in any order.
fn same_request(a: &Field, b: &Field) -> bool {
    std::ptr::eq(a, b)
        || (a.name.node == b.name.node
            && a.arguments.len() == b.arguments.len()
            && a.arguments
                .iter()
                .all(|(name, value)| b.get_argument(&name.node).is_some_and(|other| other.node == value.node)))
}

fn same_directives(a: &[Positioned<Directive>], b: &[Positioned<Directive>]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.node.name.node == b.node.name.node
                && a.node.arguments.len() == b.node.arguments.len()
                && a.node
                    .arguments
                    .iter()
                    .all(|(name, value)| b.node.get_argument(&name.node).is_some_and(|other| other.node == value.node))
        })
}
