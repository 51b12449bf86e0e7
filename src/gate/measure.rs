//! How large a document is once every fragment is written out wherever it is spread.
//!
//! Each selection of the text is visited once: a fragment is measured when it is first spread and remembered, so that fragments
//! that spread each other twice a level cost as little to measure as to write. The sums saturate.

use std::collections::{HashMap, HashSet};

use async_graphql_parser::{
    Pos, Positioned,
    types::{Directive, ExecutableDocument, Field, Selection, SelectionSet},
};
use async_graphql_value::{Name, Value};

use crate::{
    Limits,
    rejected::{BAD_USER_INPUT, Rejected, VALIDATION_FAILED, quoted},
    weight::{Weights, holds_nul, of_value},
};

/// The fields that enter introspection.
pub(crate) fn is_introspection(field: &str) -> bool {
    matches!(field, "__schema" | "__type")
}

/// A selection set, written out.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    selections: u64,
    /// Of all arguments.
    weight: u64,
    /// Fields inside each other; a field that enters introspection is one.
    depth: u32,
    /// Fields, inline fragments and spreads inside each other.
    levels: u32,
    /// What matters if this lies under introspection: lists inside each other, and lists in all.
    list_depth: u32,
    lists: u64,
    /// Lists under all fields that enter introspection.
    introspected: u64,
}

impl Size {
    fn add(&mut self, other: Size) {
        self.selections = self.selections.saturating_add(other.selections);
        self.weight = self.weight.saturating_add(other.weight);
        self.lists = self.lists.saturating_add(other.lists);
        self.introspected = self.introspected.saturating_add(other.introspected);
        self.depth = self.depth.max(other.depth);
        self.levels = self.levels.max(other.levels);
        self.list_depth = self.list_depth.max(other.list_depth);
    }
}

/// Holds the whole document, every operation in it, to the limits. Returns the fragments that some operation uses.
pub(crate) fn measure<'d>(
    document: &'d ExecutableDocument,
    weights: &'d Weights,
    limits: &'d Limits,
    work: &mut u64,
) -> Result<HashSet<Name>, Rejected> {
    let mut measurer = Measurer { document, weights, limits, fragments: HashMap::new(), work };
    let mut total = Size::default();
    let mut operations: Vec<_> = document.operations.iter().collect();
    operations.sort_by_key(|(_, operation)| operation.pos);
    for (_, operation) in operations {
        let definitions = &operation.node.variable_definitions;
        let what = "variables in an operation";
        Rejected::over(VALIDATION_FAILED, "variables", what, limits.variables, definitions.len())?;
        for definition in definitions {
            measurer.directives(&definition.node.directives, Place::Definition)?;
        }
        measurer.directives(&operation.node.directives, Place::Definition)?;
        let size = measurer.set(&operation.node.selection_set.node, 1)?;
        let no = |no: Rejected| no.at(operation.pos);
        let what = "fields inside each other";
        Rejected::over(VALIDATION_FAILED, "depth", what, limits.depth, size.depth).map_err(no)?;
        total.add(size);
        check_sums(&total, limits).map_err(no)?;
    }
    let used: HashSet<Name> = measurer.fragments.keys().map(|name| (*name).clone()).collect();

    // A fragment that no operation spreads is refused later, by the engine, which looks at it first.
    let mut unused: Vec<_> = document.fragments.iter().filter(|(name, _)| !used.contains(*name)).collect();
    unused.sort_by_key(|(_, fragment)| fragment.pos);
    for (name, fragment) in unused {
        total.add(measurer.fragment(name, fragment.pos, 1)?);
        check_sums(&total, limits).map_err(|no| no.at(fragment.pos))?;
    }
    Ok(used)
}

fn check_sums(total: &Size, limits: &Limits) -> Result<(), Rejected> {
    let what = "selections, fragments written out,";
    Rejected::over(VALIDATION_FAILED, "selections", what, limits.selections, total.selections)?;
    let what = "lists under __schema or __type";
    Rejected::over(VALIDATION_FAILED, "introspection_lists", what, limits.introspection_lists, total.introspected)?;
    let what = "units of argument weight, fragments and variables written out,";
    Rejected::over(VALIDATION_FAILED, "argument_weight", what, limits.argument_weight, total.weight)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Selection,
    Definition,
}

struct Measurer<'d, 'w> {
    document: &'d ExecutableDocument,
    weights: &'d Weights,
    limits: &'d Limits,
    /// `None` while the fragment is being measured: meeting it again then is a cycle.
    fragments: HashMap<&'d Name, Option<Size>>,
    work: &'w mut u64,
}

impl<'d> Measurer<'d, '_> {
    /// `level` is how deep the walk is; the recursion ends at [`Limits::levels`].
    fn set(&mut self, set: &'d SelectionSet, level: u32) -> Result<Size, Rejected> {
        let mut total = Size::default();
        for item in &set.items {
            *self.work += 1;
            self.levels(level, item.pos)?;
            let size = match &item.node {
                Selection::Field(field) => self.field(field, level)?,
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives, Place::Selection)?;
                    let size = self.fragment(&spread.node.fragment_name.node, spread.pos, level)?;
                    Size { levels: size.levels + 1, ..size }
                }
                Selection::InlineFragment(inline) => {
                    self.directives(&inline.node.directives, Place::Selection)?;
                    let size = self.set(&inline.node.selection_set.node, level + 1)?;
                    Size { levels: size.levels + 1, ..size }
                }
            };
            // Fields, spreads and inline fragments are work for the engine alike.
            total.add(Size { selections: size.selections.saturating_add(1), ..size });
        }
        Ok(total)
    }

    fn levels(&self, levels: u32, at: Pos) -> Result<(), Rejected> {
        let what = "fields and fragments inside each other";
        Rejected::over(VALIDATION_FAILED, "levels", what, self.limits.levels, levels).map_err(|no| no.at(at))
    }

    fn fragment(&mut self, name: &'d Name, at: Pos, level: u32) -> Result<Size, Rejected> {
        match self.fragments.get(name) {
            Some(Some(size)) => {
                let size = *size;
                self.levels(level + size.levels, at)?;
                return Ok(size);
            }
            Some(None) => {
                let message = format!("The fragment {} spreads itself.", quoted(name));
                return Err(Rejected::validation(message, at));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Err(Rejected::validation(format!("There is no fragment {}.", quoted(name)), at));
        };
        self.fragments.insert(name, None);
        self.directives(&fragment.node.directives, Place::Definition)?;
        let size = self.set(&fragment.node.selection_set.node, level + 1)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }

    fn field(&mut self, field: &'d Positioned<Field>, level: u32) -> Result<Size, Rejected> {
        let weight = self.arguments(&field.node.arguments)?;
        self.directives(&field.node.directives, Place::Selection)?;
        let inner = self.set(&field.node.selection_set.node, level + 1)?;
        let name = field.node.name.node.as_str();
        let mut size = Size {
            weight: inner.weight.saturating_add(weight),
            depth: inner.depth + 1,
            levels: inner.levels + 1,
            ..inner
        };
        if is_introspection(name) {
            self.introspection(inner).map_err(|no| no.at(field.pos))?;
            let introspected = size.introspected.saturating_add(inner.lists);
            size = Size { depth: 1, list_depth: 0, lists: 0, introspected, ..size };
        } else if matches!(name, "types" | "fields" | "interfaces" | "possibleTypes" | "inputFields") {
            size.list_depth += 1;
            size.lists = size.lists.saturating_add(1);
        } else if matches!(name, "args" | "enumValues" | "directives") {
            size.lists = size.lists.saturating_add(1);
        }
        Ok(size)
    }

    fn introspection(&self, inner: Size) -> Result<(), Rejected> {
        let limits = self.limits;
        if !limits.introspection {
            return Err(Rejected::new(VALIDATION_FAILED, "This server does not answer __schema and __type."));
        }
        let over = |name, what, allowed: u64, found: u64| Rejected::over(VALIDATION_FAILED, name, what, allowed, found);
        let what = "fields inside each other under __schema or __type";
        over("introspection_depth", what, limits.introspection_depth.into(), inner.depth.saturating_add(1).into())?;
        let what = "lists inside each other under __schema or __type";
        over("introspection_list_depth", what, limits.introspection_list_depth.into(), inner.list_depth.into())?;
        over("introspection_lists", "lists under __schema or __type", limits.introspection_lists, inner.lists)
    }

    fn arguments(&mut self, arguments: &'d [(Positioned<Name>, Positioned<Value>)]) -> Result<u64, Rejected> {
        let Some((first, _)) = arguments.first() else {
            return Ok(0);
        };
        let what = "arguments at one place";
        Rejected::over(VALIDATION_FAILED, "arguments", what, self.limits.arguments, arguments.len())
            .map_err(|no| no.at(first.pos))?;
        let mut seen = HashSet::with_capacity(arguments.len());
        let mut weight = 0_u64;
        for (name, value) in arguments {
            *self.work += 1;
            if !seen.insert(&name.node) {
                let message = format!("The argument {} is given twice.", quoted(&name.node));
                return Err(Rejected::validation(message, name.pos));
            }
            if holds_nul(&value.node) {
                let message = format!("The argument {} holds the character U+0000.", quoted(&name.node));
                return Err(Rejected::new(BAD_USER_INPUT, message).at(value.pos));
            }
            weight = weight.saturating_add(of_value(&value.node, self.weights));
        }
        Ok(weight)
    }

    fn directives(&mut self, directives: &'d [Positioned<Directive>], place: Place) -> Result<(), Rejected> {
        let Some(first) = directives.first() else {
            return Ok(());
        };
        let what = "directives at one place";
        let allowed = self.limits.directives_per_location;
        Rejected::over(VALIDATION_FAILED, "directives_per_location", what, allowed, directives.len())
            .map_err(|no| no.at(first.pos))?;
        for directive in directives {
            *self.work += 1;
            let name = directive.node.name.node.as_str();
            let standard = matches!(name, "skip" | "include");
            if standard && place == Place::Definition {
                return Err(Rejected::validation(
                    format!("@{name} stands on fields and fragment spreads only."),
                    directive.pos,
                ));
            }
            if !standard && !self.limits.extra_directives.contains(&name) {
                return Err(Rejected::validation(format!("There is no directive {}.", quoted(name)), directive.pos));
            }
            self.arguments(&directive.node.arguments)?;
        }
        Ok(())
    }
}
