//! The price of an operation, by the formula in the documentation of this crate.

use std::collections::HashMap;

use async_graphql_parser::{
    Positioned,
    types::{ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Name, Number, Value, Variables};

use crate::{
    Limits,
    measure::is_introspection,
    rejected::{BAD_USER_INPUT, Rejected, VALIDATION_FAILED},
    weight::{Weights, of_value},
};

/// What an object costs.
const OBJECT: u64 = 1;
/// What a root field of a mutation costs instead.
const MUTATION: u64 = 10;
/// What `__schema` and `__type` cost with all below them.
const INTROSPECTION: u64 = 100;
/// Arguments cost 1 for each full hundred units of weight.
const WEIGHT_PER_UNIT: u64 = 100;

/// What an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The price if every list is as long as it may be.
    pub requested: u64,
    /// The price if every page is empty. What an operation costs in the end is this and 1 for each object in its lists.
    pub least: u64,
}

/// Prices a merged operation.
pub(crate) fn price(
    operation: &Positioned<OperationDefinition>,
    document: &ExecutableDocument,
    variables: (&Variables, &Weights),
    limits: &Limits,
    work: &mut u64,
) -> Result<Cost, Rejected> {
    let (sent, weights) = variables;
    let mut pricer = Pricer { document, operation, sent, weights, limits, fragments: HashMap::new(), work };
    let kind = operation.node.ty;
    let object = if kind == OperationType::Mutation { MUTATION } else { OBJECT };
    let Sum { cost: requested, least, .. } = pricer.set(&operation.node.selection_set.node, object)?;
    Rejected::over(VALIDATION_FAILED, "cost", "units of cost", limits.cost, requested)
        .map_err(|no| no.at(operation.pos))?;
    Ok(Cost { requested, least })
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    cost: u64,
    /// The same with every page empty.
    least: u64,
    /// `nodes` or `edges` are among the fields: this is one page of a list.
    page: bool,
}

struct Pricer<'d, 'w> {
    document: &'d ExecutableDocument,
    operation: &'d Positioned<OperationDefinition>,
    sent: &'d Variables,
    weights: &'d Weights,
    limits: &'d Limits,
    fragments: HashMap<&'d Name, Sum>,
    work: &'w mut u64,
}

impl<'d> Pricer<'d, '_> {
    fn set(&mut self, set: &'d SelectionSet, object: u64) -> Result<Sum, Rejected> {
        let mut total = Sum::default();
        for item in &set.items {
            *self.work += 1;
            let sum = match &item.node {
                Selection::Field(field) => {
                    let page = matches!(field.node.name.node.as_str(), "nodes" | "edges");
                    Sum { page, ..self.field(&field.node, object)? }
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node, object)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            total.cost = total.cost.saturating_add(sum.cost);
            total.least = total.least.saturating_add(sum.least);
            total.page |= sum.page;
        }
        Ok(total)
    }

    /// Cycles and unknown names have been refused before.
    fn fragment(&mut self, name: &'d Name) -> Result<Sum, Rejected> {
        if let Some(sum) = self.fragments.get(name) {
            return Ok(*sum);
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Sum::default());
        };
        let sum = self.set(&fragment.node.selection_set.node, OBJECT)?;
        self.fragments.insert(name, sum);
        Ok(sum)
    }

    fn field(&mut self, field: &'d Field, object: u64) -> Result<Sum, Rejected> {
        let name = field.name.node.as_str();
        if is_introspection(name) {
            return Ok(Sum { cost: INTROSPECTION, least: INTROSPECTION, page: false });
        }
        let weight: u64 = field.arguments.iter().map(|(_, value)| of_value(&value.node, self.weights)).sum();
        let arguments = weight / WEIGHT_PER_UNIT;
        let asked = self.page_size(field)?;
        let items = &field.selection_set.node.items;
        // A mutation that answers with a scalar has done its work all the same.
        if items.is_empty() && object != MUTATION || name == "__typename" {
            return Ok(Sum { cost: arguments, least: arguments, page: false });
        }
        let own = if matches!(name, "edges" | "pageInfo") { 0 } else { object };
        let inner = self.set(&field.selection_set.node, OBJECT)?;
        let own = own.saturating_add(arguments);
        let times = match asked.or_else(|| self.ids(field)) {
            None if !inner.page => {
                let (cost, least) = (own.saturating_add(inner.cost), own.saturating_add(inner.least));
                return Ok(Sum { cost, least, page: false });
            }
            None => self.limits.default_page,
            Some(times) => times.max(1),
        };
        Ok(Sum { cost: own.saturating_add(inner.cost.saturating_mul(times)), least: own, page: false })
    }

    /// The larger of `first` and `last`, if there is one.
    fn page_size(&self, field: &'d Field) -> Result<Option<u64>, Rejected> {
        let mut size = None;
        for name in ["first", "last"] {
            let Some(argument) = field.get_argument(name) else {
                continue;
            };
            let given = match &argument.node {
                Value::Number(number) => Some(number),
                Value::Variable(variable) => self.number(variable),
                _ => None,
            };
            let asked = match given {
                None => self.limits.default_page,
                Some(number) => {
                    let page = self.limits.page;
                    // Negative and broken numbers ask for more than any page.
                    match number.as_u64().filter(|asked| *asked <= page) {
                        Some(asked) => asked,
                        None => {
                            let message = format!("The argument \"{name}\" must be a whole number from 0 to {page}.");
                            let limit = crate::Limit {
                                name: "page",
                                allowed: page,
                                found: number.as_u64().unwrap_or(u64::MAX),
                            };
                            let no = Rejected { limit: Some(limit), ..Rejected::new(BAD_USER_INPUT, message) };
                            return Err(no.at(argument.pos));
                        }
                    }
                }
            };
            size = size.max(Some(asked));
        }
        Ok(size)
    }

    /// How many objects are asked for by id.
    fn ids(&self, field: &'d Field) -> Option<u64> {
        let count = match &field.get_argument("ids")?.node {
            Value::List(items) => items.len(),
            Value::Variable(variable) => match self.variable(variable) {
                Some(ConstValue::List(items)) => items.len(),
                _ => 1,
            },
            _ => 1,
        };
        u64::try_from(count).ok()
    }

    fn number(&self, variable: &Name) -> Option<&'d Number> {
        match self.variable(variable) {
            Some(ConstValue::Number(number)) => Some(number),
            _ => None,
        }
    }

    fn variable(&self, name: &Name) -> Option<&'d ConstValue> {
        self.sent.get(name).or_else(|| {
            let definitions = &self.operation.node.variable_definitions;
            let definition = definitions.iter().find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|default| &default.node)
        })
    }
}
