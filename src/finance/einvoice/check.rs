//! What speaks against an electronic invoice, said at the field of the API where it is mended.

use async_graphql::SimpleObject;
use backoffice_formats::einvoice::{Category, Invoice, Violation};

use super::EInvoiceForm;
use crate::platform::error::{Error, UserError, UserErrorCode, path};

/// Something that speaks against an electronic invoice.
#[derive(SimpleObject, Clone, Debug, PartialEq, Eq)]
pub struct EInvoiceProblem {
    /// The rule of EN 16931 or Peppol that is broken, such as `BR-S-02`; null for what no rule is about.
    pub rule: Option<String>,
    /// Where: names of fields and positions (from 0) joined by points, such as `seller.vatNumber` or `lines.2.price`. `seller`
    /// and `buyer` are the parties of the invoice: of one that is made, client and customer.
    pub field: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// Everything that speaks against an invoice in that form; of an invoice that came in, the rules of the standard alone.
pub(super) fn problems(invoice: &Invoice, form: Option<EInvoiceForm>) -> Vec<EInvoiceProblem> {
    let mut found: Vec<EInvoiceProblem> = Vec::new();
    for violation in invoice.violations() {
        let field = field(&violation, invoice);
        let known = |one: &EInvoiceProblem| one.rule.as_ref() == Some(&violation.rule) && one.field == field;
        if !found.iter().any(known) {
            found.push(EInvoiceProblem { field, message: sentence(&violation.message), rule: Some(violation.rule) });
        }
    }
    if form == Some(EInvoiceForm::Peppol) {
        let mut needed = |there: bool, rule: &str, field: &str, message: &str| {
            if !there {
                let (rule, field, message) = (Some(rule.to_owned()), field.to_owned(), message.to_owned());
                found.push(EInvoiceProblem { rule, field, message });
            }
        };
        let referred = invoice.buyer_reference.is_some() || invoice.purchase_order.is_some();
        let message = "Peppol wants a reference of the buyer, such as his order number.";
        needed(referred, "PEPPOL-EN16931-R003", "reference", message);
        let message = "Peppol wants the buyer's electronic address.";
        needed(invoice.buyer.endpoint.is_some(), "PEPPOL-EN16931-R010", "buyer.electronicAddress", message);
        let message = "Peppol wants the seller's electronic address.";
        needed(invoice.seller.endpoint.is_some(), "PEPPOL-EN16931-R020", "seller.electronicAddress", message);
    }
    found
}

/// The refusal of an invoice that these speak against; none if there are none.
pub(super) fn refusal(problems: &[EInvoiceProblem]) -> Option<Error> {
    let one = |problem: &EInvoiceProblem| {
        let party = problem.field.starts_with("seller.") || problem.field.starts_with("buyer.");
        let code = if party || problem.field == "reference" { UserErrorCode::Required } else { UserErrorCode::Invalid };
        let rule = problem.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
        UserError { code, field: path(&problem.field), message: format!("{}{rule}", problem.message) }
    };
    (!problems.is_empty()).then(|| Error::Refused(problems.iter().map(one).collect()))
}

fn sentence(words: &str) -> String {
    let mut rest = words.chars();
    let first: String = rest.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let end = if words.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", rest.as_str())
}

/// Where a rule is broken, by the names of the API.
fn field(violation: &Violation, invoice: &Invoice) -> String {
    match violation.at.as_str() {
        "seller" | "seller.vat_id" => return "seller.vatNumber".to_owned(),
        "seller.endpoint" => return "seller.electronicAddress".to_owned(),
        "buyer.endpoint" => return "buyer.electronicAddress".to_owned(),
        "buyer.vat_id" => return "buyer.vatNumber".to_owned(),
        _ => {}
    }
    if let Some(field) = missing_number(violation, invoice) {
        return field.to_owned();
    }
    violation.at.split('.').map(camel).collect::<Vec<_>>().join(".")
}

/// Whose number is missing where a category asks for one: rules 02, 03 and 04 of each.
fn missing_number(violation: &Violation, invoice: &Invoice) -> Option<&'static str> {
    let about = violation.at.strip_suffix(".category")?;
    if !["-02", "-03", "-04"].iter().any(|end| violation.rule.ends_with(end)) {
        return None;
    }
    let (list, at) = about.split_once('.')?;
    let at: usize = at.parse().ok()?;
    let category = match list {
        "lines" => invoice.lines.get(at)?.category,
        _ => invoice.adjustments.get(at)?.category,
    }?;
    let only_vat = matches!(category, Category::IntraCommunity | Category::Export);
    let seller = &invoice.seller;
    match category {
        Category::OutOfScope => None,
        _ if seller.vat_id.is_none() && (only_vat || seller.tax_id.is_none()) => Some("seller.vatNumber"),
        _ => Some("buyer.vatNumber"),
    }
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut rest = part.chars();
        made.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        made.push_str(rest.as_str());
    }
    made
}

#[cfg(test)]
mod tests {
    use backoffice_formats::einvoice::{Line, Party};

    use super::*;

    #[test]
    fn a_missing_number_is_named_by_whose_it_is() {
        let line = |category| Line { category: Some(category), ..Line::default() };
        let mut invoice =
            Invoice { lines: vec![line(Category::Standard), line(Category::Standard)], ..Invoice::default() };
        let fields = |invoice: &Invoice, rule: &str| -> Vec<String> {
            let of_rule = |one: &EInvoiceProblem| one.rule.as_deref() == Some(rule);
            problems(invoice, None).into_iter().filter(of_rule).map(|one| one.field).collect()
        };
        // once, however many lines need it
        assert_eq!(fields(&invoice, "BR-S-02"), ["seller.vatNumber"]);
        invoice.seller = Party { vat_id: Some("DE123456789".to_owned()), ..Party::default() };
        assert!(fields(&invoice, "BR-S-02").is_empty());
        invoice.lines = vec![line(Category::ReverseCharge)];
        assert_eq!(fields(&invoice, "BR-AE-02"), ["buyer.vatNumber"]);
        invoice.lines = vec![line(Category::OutOfScope)];
        assert_eq!(fields(&invoice, "BR-O-02"), ["lines.0.category"]);
    }

    #[test]
    fn peppol_wants_more() {
        let rules = |form| -> Vec<String> {
            let found = problems(&Invoice::default(), Some(form));
            found.into_iter().filter_map(|one| one.rule).filter(|rule| rule.starts_with("PEPPOL")).collect()
        };
        assert_eq!(rules(EInvoiceForm::Peppol).len(), 3);
        assert!(rules(EInvoiceForm::Ubl).is_empty());
    }

    #[test]
    fn names_and_sentences() {
        assert_eq!(camel("price_quantity"), "priceQuantity");
        assert_eq!(sentence("the seller has no name"), "The seller has no name.");
    }
}
