//! Which operation of the document runs (October 2021 specification, section 6.1).

use async_graphql_parser::{
    Positioned,
    types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use async_graphql_value::{ConstValue, Name, Variables};

use crate::rejected::{Rejected, VALIDATION_FAILED, quoted};

/// The operation asked for by name, or the only one.
pub(crate) fn operation<'d>(
    document: &'d ExecutableDocument,
    wanted: Option<&str>,
) -> Result<(Option<&'d Name>, &'d Positioned<OperationDefinition>), Rejected> {
    let found = match (&document.operations, wanted) {
        (DocumentOperations::Single(operation), None) => Some((None, operation)),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(wanted)) => {
            operations.get_key_value(wanted).map(|(name, operation)| (Some(name), operation))
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.iter();
            match (all.next(), all.next()) {
                (Some((name, operation)), None) => Some((Some(name), operation)),
                _ => None,
            }
        }
    };
    found.ok_or_else(|| {
        let message = match wanted {
            Some(wanted) => format!("There is no operation {}.", quoted(wanted)),
            None => "The document holds several operations: say which by operationName.".to_owned(),
        };
        Rejected::new(VALIDATION_FAILED, message)
    })
}

/// The defaults of the variables that were not sent.
pub(crate) fn defaults(operation: &OperationDefinition, sent: &Variables) -> Vec<(Name, ConstValue)> {
    operation
        .variable_definitions
        .iter()
        .filter(|definition| !sent.contains_key(&definition.node.name.node))
        .filter_map(|definition| {
            let default = definition.node.default_value.as_ref()?;
            Some((definition.node.name.node.clone(), default.node.clone()))
        })
        .collect()
}
