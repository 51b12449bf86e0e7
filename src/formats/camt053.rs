//! ISO 20022 bank statements, CAMT.053.001.02 and later.
//!
//! Booked entries become lines. An entry that bundles several transactions becomes one line each if their amounts add up to
//! the entry's, and otherwise stays one line: a statement must tie before it can be detailed. Pending entries and those that
//! only inform are counted and left out. How the versions differ is [`camt`](crate::camt)'s to know.

use std::collections::HashSet;

use crate::bank_statement::{BankStatement, count_occurrences};
use crate::camt::{self, Message};
use crate::problem::{Problem, ProblemCode, Problems, shown};

mod statement;

use statement::{Finished, StatementDraft};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.";

/// The statements of a file, in its order. Whether each ties is [`BankStatement::tie`]'s to say.
pub fn parse(file: &[u8]) -> Result<Vec<BankStatement>, Problems> {
    let message = Message {
        path: "Document/BkToCstmrStmt",
        namespace: NAMESPACE,
        unit: "Stmt",
        name: "bank statement",
        expected: "a statement camt.053.001.02 or later",
    };
    let (statements, mut problems) = camt::read::<StatementDraft>(file, message)?;
    if statements.is_empty() && problems.is_empty() {
        problems.push(Problem::new(1, ProblemCode::Required, "the file holds no statement").in_column("Stmt"));
    }
    let mut seen = HashSet::new();
    for Finished { line, page, statement } in &statements {
        let Some(id) = &statement.statement_id else { continue };
        if !seen.insert((&statement.account, id, page)) {
            let message = format!("statement {} of this account is in the file twice", shown(id));
            problems.push(Problem::new(*line, ProblemCode::Duplicate, message).in_column("Stmt/Id"));
        }
    }
    let finished = problems.or(statements)?;
    let mut statements: Vec<BankStatement> = finished.into_iter().map(|finished| finished.statement).collect();
    count_occurrences(&mut statements);
    Ok(statements)
}

#[cfg(test)]
mod tests;
