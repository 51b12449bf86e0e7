//! Electronic invoices by the European standard EN 16931: one model for both of its syntaxes, and the standard's own rules.
//!
//! | module | syntax |
//! |---|---|
//! | [`ubl`] | UBL 2.1 Invoice and CreditNote, as Peppol BIS Billing 3 uses them, read and written |
//! | [`cii`] | UN/CEFACT Cross Industry Invoice D16B, as Factur-X and XRechnung use it, read and written |
//!
//! [`Invoice`] holds the standard's business terms (BT) and groups (BG) under names that say what they are. What the standard
//! demands may still be missing in it: [`Invoice::check`] names every rule that an invoice breaks. Whoever books an invoice
//! that came in checks it first; what is written is checked before, and refused if it breaks one.

use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::xml::tree::{self, Node};
use crate::xml::{self, Rules};

pub mod cii;
mod model;
mod reading;
mod rules;
pub mod ubl;

pub use model::{
    Address, Adjustment, Attachment, Category, Classification, Contact, Delivery, EmbeddedFile, Identifier, Invoice,
    Line, Note, Party, Payment, Period, Preceding, Totals, VatLine,
};
pub use rules::Violation;

/// What stands as its specification (BT-24) in an invoice by Peppol BIS Billing 3.
pub const PEPPOL_SPECIFICATION: &str = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0";
/// What stands as its process (BT-23) in an invoice by Peppol BIS Billing 3.
pub const PEPPOL_PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";

/// Type codes (BT-3, UNTDID 1001) of documents that give money back.
const CREDIT_NOTES: [&str; 11] = ["381", "81", "83", "261", "262", "296", "308", "396", "420", "458", "532"];

impl Invoice {
    /// Whether it gives money back.
    pub fn is_credit_note(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| CREDIT_NOTES.contains(&kind))
    }
}

/// The invoice in a file of either syntax, told by its first element.
pub fn parse(file: &[u8]) -> Result<Invoice, Problems> {
    let (root, namespace) = document(file)?;
    match root.name.as_str() {
        "Invoice" | "CreditNote" => ubl::of(&root, &namespace),
        "CrossIndustryInvoice" => cii::of(&root, &namespace),
        other => {
            let message = format!(
                "the file begins with {}; an invoice begins with Invoice, CreditNote or CrossIndustryInvoice",
                shown(other)
            );
            Err(Problem::new(root.line, ProblemCode::Format, message).into())
        }
    }
}

/// The elements of a file, and the namespace of its root.
fn document(file: &[u8]) -> Result<(Node, String), Problem> {
    let text = xml::decode(file)?;
    let holds_file = |name: &str| matches!(name, "EmbeddedDocumentBinaryObject" | "AttachmentBinaryObject");
    tree::read(&text, Rules { holds_file, ..Rules::plain("") })
}

/// Refuses a document of another kind.
fn check_namespace(root: &Node, namespace: &str, expected: &str) -> Result<(), Problem> {
    if namespace == expected {
        return Ok(());
    }
    let message = format!("{} is of the namespace {}; {expected} is expected", root.name, shown(namespace));
    Err(Problem::new(root.line, ProblemCode::Format, message))
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
