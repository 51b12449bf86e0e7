//! The conditions around a selection: inline fragments with a type or with directives, outermost first.
//!
//! Equal conditions under equal conditions are one guard, so guards are compared by number.

use std::collections::HashMap;

use async_graphql_parser::{
    Pos, Positioned,
    types::{Directive, TypeCondition},
};

/// A condition and all conditions around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Guard(usize);

impl Guard {
    /// No condition at all.
    pub(crate) const NONE: Self = Self(0);
}

/// What stands on one inline fragment.
#[derive(Clone, Copy)]
pub(crate) struct Condition<'d> {
    pub on: Option<&'d Positioned<TypeCondition>>,
    pub directives: &'d [Positioned<Directive>],
    /// Where the fragment starts, and where its selections do.
    pub places: (Pos, Pos),
}

struct Node<'d> {
    outer: Guard,
    condition: Condition<'d>,
    /// This guard with all directives left out.
    types_only: Guard,
}

/// All guards of one selection set.
#[derive(Default)]
pub(crate) struct Guards<'d> {
    /// Guard 0 is not in it, so guard `n` is at `n - 1`.
    nodes: Vec<Node<'d>>,
    known: HashMap<(Guard, Option<&'d str>, String), Guard>,
}

impl<'d> Guards<'d> {
    /// The guard that `condition` makes inside of `outer`: `outer` itself where nothing is conditional.
    pub(crate) fn under(&mut self, outer: Guard, condition: Condition<'d>) -> Guard {
        if condition.on.is_none() && condition.directives.is_empty() {
            return outer;
        }
        let on = condition.on.map(|on| on.node.on.node.as_str());
        let key = (outer, on, printed(condition.directives));
        if let Some(guard) = self.known.get(&key) {
            return *guard;
        }
        let types_outer = self.types_only(outer);
        let types_only = if condition.directives.is_empty() && types_outer == outer {
            None
        } else {
            Some(self.under(types_outer, Condition { directives: &[], ..condition }))
        };
        let guard = Guard(self.nodes.len() + 1);
        self.nodes.push(Node { outer, condition, types_only: types_only.unwrap_or(guard) });
        self.known.insert(key, guard);
        guard
    }

    fn node(&self, guard: Guard) -> Option<&Node<'d>> {
        self.nodes.get(guard.0.checked_sub(1)?)
    }

    /// The guard with all directives left out.
    pub(crate) fn types_only(&self, guard: Guard) -> Guard {
        self.node(guard).map_or(Guard::NONE, |node| node.types_only)
    }

    /// All guards from the outermost to this one.
    pub(crate) fn path(&self, guard: Guard) -> Vec<Guard> {
        let mut path = Vec::new();
        let mut next = guard;
        while let Some(node) = self.node(next) {
            path.push(next);
            next = node.outer;
        }
        path.reverse();
        path
    }

    /// The guard's own condition, without those around it.
    pub(crate) fn condition(&self, guard: Guard) -> Option<Condition<'d>> {
        self.node(guard).map(|node| node.condition)
    }
}

fn printed(directives: &[Positioned<Directive>]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for directive in directives {
        // Writing to a string cannot fail.
        let _ = write!(text, "@{}(", directive.node.name.node);
        for (name, value) in &directive.node.arguments {
            let _ = write!(text, "{}:{},", name.node, value.node);
        }
        text.push(')');
    }
    text
}
