//! Writing the parties of an invoice in UBL: names, numbers and addresses.

use crate::einvoice::model::{Address, Identifier, Party};
use crate::xml::write::Writer;

pub(super) fn identifier(name: &str, id: &Identifier, out: &mut Writer) {
    let scheme: &[(&str, &str)] = match &id.scheme {
        Some(scheme) => &[("schemeID", scheme.as_str())],
        None => &[],
    };
    out.leaf_with(name, scheme, &id.id);
}

fn party_ids(party: &Party, creditor: Option<&str>, out: &mut Writer) {
    for id in &party.ids {
        out.element("cac:PartyIdentification", |out| identifier("cbc:ID", id, out));
    }
    if let Some(creditor) = creditor {
        out.element("cac:PartyIdentification", |out| out.leaf_with("cbc:ID", &[("schemeID", "SEPA")], creditor));
    }
}

fn tax_scheme(number: &Option<String>, scheme: &str, out: &mut Writer) {
    if let Some(number) = number {
        out.element("cac:PartyTaxScheme", |out| {
            out.leaf("cbc:CompanyID", number);
            out.element("cac:TaxScheme", |out| out.leaf("cbc:ID", scheme));
        });
    }
}

/// Seller or buyer.
pub(super) fn party(party: &Party, creditor: Option<&str>, out: &mut Writer) {
    party.endpoint.iter().for_each(|endpoint| identifier("cbc:EndpointID", endpoint, out));
    party_ids(party, creditor, out);
    if let Some(name) = &party.trading_name {
        out.element("cac:PartyName", |out| out.leaf("cbc:Name", name));
    }
    party.address.iter().for_each(|one| address("cac:PostalAddress", one, out));
    tax_scheme(&party.vat_id, "VAT", out);
    tax_scheme(&party.tax_id, "TAX", out);
    if party.name.is_some() || party.registration.is_some() || party.legal_form.is_some() {
        out.element("cac:PartyLegalEntity", |out| {
            out.maybe("cbc:RegistrationName", party.name.as_deref());
            party.registration.iter().for_each(|id| identifier("cbc:CompanyID", id, out));
            out.maybe("cbc:CompanyLegalForm", party.legal_form.as_deref());
        });
    }
    if let Some(contact) = &party.contact {
        out.element("cac:Contact", |out| {
            out.maybe("cbc:Name", contact.name.as_deref());
            out.maybe("cbc:Telephone", contact.phone.as_deref());
            out.maybe("cbc:ElectronicMail", contact.email.as_deref());
        });
    }
}

/// Payee or tax representative.
pub(super) fn helper(party: &Party, creditor: Option<&str>, out: &mut Writer) {
    party_ids(party, creditor, out);
    if let Some(name) = &party.name {
        out.element("cac:PartyName", |out| out.leaf("cbc:Name", name));
    }
    party.address.iter().for_each(|one| address("cac:PostalAddress", one, out));
    tax_scheme(&party.vat_id, "VAT", out);
    if let Some(registration) = &party.registration {
        out.element("cac:PartyLegalEntity", |out| identifier("cbc:CompanyID", registration, out));
    }
}

pub(super) fn address(name: &'static str, address: &Address, out: &mut Writer) {
    out.element(name, |out| {
        out.maybe("cbc:StreetName", address.line_1.as_deref());
        out.maybe("cbc:AdditionalStreetName", address.line_2.as_deref());
        out.maybe("cbc:CityName", address.city.as_deref());
        out.maybe("cbc:PostalZone", address.post_code.as_deref());
        out.maybe("cbc:CountrySubentity", address.region.as_deref());
        if let Some(line) = &address.line_3 {
            out.element("cac:AddressLine", |out| out.leaf("cbc:Line", line));
        }
        if let Some(country) = &address.country {
            out.element("cac:Country", |out| out.leaf("cbc:IdentificationCode", country));
        }
    });
}
