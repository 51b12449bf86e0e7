//! What an electronic invoice says, gathered from the books: one statement for each kind of record, however many lines.

use backoffice_formats::einvoice::{Address, Identifier, Party};
use backoffice_money::{Currency, Decimal, TaxTotal, Totals, mul, round, sum};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use futures_util::future::{try_join, try_join3};

use super::check::EInvoiceProblem;
use super::seller;
use super::treatment::{TaxCategory, TaxTreatment};
use crate::finance::bank::account::BankAccount;
use crate::finance::document::pricing::{Line, total};
use crate::finance::document::{Kind, lines};
use crate::finance::ids::{CustomerId, TaxCodeId};
use crate::finance::receivables::credit_note::{self, CreditNote};
use crate::finance::receivables::customer::{self, Customer};
use crate::finance::receivables::invoice::Invoice;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::input::currency;
use crate::platform::sql::sql;

/// What an electronic invoice says.
pub(super) struct Facts {
    /// Its number.
    pub number: String,
    /// The day on which it was issued.
    pub issued_on: NaiveDate,
    /// The day on which it is to be paid.
    pub due_on: Option<NaiveDate>,
    /// Number and day of the invoice that a credit note takes back.
    pub takes_back: Option<(String, Option<NaiveDate>)>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// The books' currency and the tax in it, where they are kept in another one.
    pub accounted: Option<(Currency, Decimal)>,
    /// The buyer's reference.
    pub reference: Option<String>,
    /// Who sells.
    pub seller: Party,
    /// Who buys.
    pub buyer: Party,
    /// The account to pay to, and whether it is an IBAN.
    pub account: Option<(String, bool)>,
    /// The discount on all of it in percent.
    pub discount_percent: Decimal,
    /// Its lines.
    pub lines: Vec<FactLine>,
    /// Its taxes.
    pub taxes: Vec<FactTax>,
    /// What is added so that it can be paid in coins; zero where it is paid to the cent.
    pub cash_difference: Decimal,
    /// What cannot be said in any form.
    pub unfit: Vec<EInvoiceProblem>,
}

/// A line.
pub(super) struct FactLine {
    /// What was sold.
    pub description: String,
    /// How many.
    pub quantity: Decimal,
    /// The net price of one and the discount on the line in percent; none where only the net amount can be said.
    pub price: Option<(Decimal, Decimal)>,
    /// The net amount, before the discount on the document.
    pub net: Decimal,
    /// The line's share of the discount on the document.
    pub document_discount: Decimal,
    /// What it is taxed with.
    pub category: TaxCategory,
    /// At which rate in percent.
    pub rate: Decimal,
}

/// The tax of one category and rate.
#[derive(Clone)]
pub(super) struct FactTax {
    /// The category.
    pub category: TaxCategory,
    /// The rate in percent.
    pub rate: Decimal,
    /// What is taxed.
    pub base: Decimal,
    /// The tax.
    pub tax: Decimal,
    /// Why there is none.
    pub exemption: Option<String>,
    /// The same by the list VATEX.
    pub exemption_code: Option<String>,
}

#[derive(QueryableByName)]
struct Client {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Nullable<Text>)]
    vat_number: Option<String>,
}

/// A number as files have it: capitals without blanks.
pub(super) fn bare(number: &str) -> String {
    number.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

/// An electronic address as files have it.
pub(super) fn endpoint(address: &str) -> Option<Identifier> {
    let (list, id) = address.split_once(':')?;
    Some(Identifier { id: id.to_owned(), scheme: Some(list.to_owned()) })
}

/// Name and VAT number of the client.
pub(super) async fn client_vat(tx: &Tx) -> Result<(String, Option<String>)> {
    let client = client(tx).await?;
    Ok((client.name, client.vat_number))
}

async fn client(tx: &Tx) -> Result<Client> {
    let text = "SELECT c.name, c.country, c.vat_number FROM practice.client c WHERE c.tenant_id = $1";
    tx.row(sql(text).bind::<SqlUuid, _>(tx.tenant()?)).await
}

/// The parties and the account of any document to that customer.
async fn parties(tx: &Tx, buyer: CustomerId) -> Result<(Party, Party, Option<(String, bool)>)> {
    let (client, profile, buyer) = try_join3(client(tx), seller::find(tx), customer::find(tx, buyer)).await?;
    let buyer = buyer.ok_or_else(|| Error::fault("an invoice without its customer"))?;
    let bank = match profile.as_ref().and_then(|profile| profile.bank_account_id) {
        Some(id) => BankAccount::fetch(tx, vec![id]).await?.remove(&id),
        None => None,
    };
    let account = bank.and_then(|bank| match (bank.iban, bank.number) {
        (Some(iban), _) => Some((iban.0, true)),
        (None, number) => number.map(|number| (number, false)),
    });
    let mut seller = Party {
        name: Some(client.name),
        vat_id: client.vat_number.as_deref().map(bare),
        address: Some(Address { country: Some(client.country), ..Address::default() }),
        ..Party::default()
    };
    if let Some(profile) = profile {
        seller.tax_id = profile.tax_number;
        seller.registration = profile.registration.map(|id| Identifier { id, scheme: None });
        seller.endpoint = profile.electronic_address.as_deref().and_then(endpoint);
        if let Some(address) = &mut seller.address {
            address.line_1 = profile.street;
            address.post_code = profile.postal_code;
            address.city = profile.city;
        }
    }
    Ok((seller, of_customer(buyer), account))
}

fn of_customer(customer: Customer) -> Party {
    Party {
        name: Some(customer.name),
        ids: vec![Identifier { id: customer.number, scheme: None }],
        vat_id: customer.vat_number.as_deref().map(bare),
        endpoint: customer.electronic_address.as_deref().and_then(endpoint),
        address: Some(Address {
            line_1: customer.street,
            post_code: customer.postal_code,
            city: customer.city,
            country: Some(customer.country.0),
            ..Address::default()
        }),
        ..Party::default()
    }
}

/// What the tax codes are, by what was said of them.
struct Treatments(std::collections::HashMap<TaxCodeId, TaxTreatment>);

impl Treatments {
    async fn of(tx: &Tx, codes: impl Iterator<Item = TaxCodeId>) -> Result<Self> {
        let mut codes: Vec<TaxCodeId> = codes.collect();
        codes.sort_unstable();
        codes.dedup();
        Ok(Self(TaxTreatment::fetch(tx, codes).await?))
    }

    /// A line without a code is not subject to the tax.
    fn category(&self, code: Option<TaxCodeId>, percent: Decimal) -> TaxCategory {
        let Some(code) = code else { return TaxCategory::OutOfScope };
        self.0.get(&code).map_or_else(|| TaxCategory::by_rate(percent), |said| said.category)
    }

    /// The taxes of a document by category and rate, in the order given.
    fn taxes(&self, taxes: &[TaxTotal<Option<TaxCodeId>>]) -> Result<Vec<FactTax>> {
        let mut found: Vec<FactTax> = Vec::new();
        for tax in taxes {
            let category = self.category(tax.key, tax.percent);
            let known = found.iter_mut().find(|one| one.category == category && one.rate == tax.percent);
            if let Some(one) = known {
                one.base = sum([one.base, tax.base])?;
                one.tax = sum([one.tax, tax.tax])?;
                continue;
            }
            let said = tax.key.and_then(|code| self.0.get(&code));
            let outside = (category == TaxCategory::OutOfScope).then(|| "Not subject to VAT".to_owned());
            found.push(FactTax {
                category,
                rate: tax.percent,
                base: tax.base,
                tax: tax.tax,
                exemption: said.map_or(outside, |said| said.exemption.clone()),
                exemption_code: said.and_then(|said| said.exemption_code.clone()),
            });
        }
        Ok(found)
    }
}

fn two_taxes(line: usize) -> EInvoiceProblem {
    EInvoiceProblem {
        rule: None,
        field: format!("lines.{line}.secondTaxCode"),
        message: "An electronic invoice names one tax for each line.".to_owned(),
    }
}

fn accounted(tx: &Tx, money: Currency, rate: Decimal, tax: Decimal) -> Result<Option<(Currency, Decimal)>> {
    let book = currency(tx.book_currency())?;
    if book == money { Ok(None) } else { Ok(Some((book, round(mul(tax, rate)?, book)?))) }
}

/// What is said of an invoice. A draft is looked at as if it were issued today.
pub(super) async fn of_invoice(tx: &Tx, invoice: &Invoice) -> Result<Facts> {
    let money = currency(&invoice.currency.0)?;
    let asked = (invoice.id, invoice.currency.clone());
    let (mut found, parties) =
        try_join(lines::of(tx, Kind::Invoice, vec![asked.clone()], |id| id.0), parties(tx, invoice.customer_id))
            .await?;
    let sold = lines::priced(&found.remove(&asked).unwrap_or_default())?;
    let totals: Totals<Option<TaxCodeId>> = total(&sold, invoice.terms(), money)?;
    let codes = sold.iter().filter_map(|line| line.tax.map(|tax| tax.code));
    let treatments = Treatments::of(tx, codes).await?;
    let of_line = |(line, amounts): (&Line, &backoffice_money::LineTotals)| {
        // the price inside of a price with taxes, and the discount of it, are not exact
        let exact = !invoice.prices_include_tax;
        let discount = if exact { amounts.document_discount } else { Decimal::ZERO };
        Ok(FactLine {
            description: line.description.clone(),
            quantity: line.quantity,
            price: exact.then_some((line.unit_price, line.discount_percent)),
            net: sum([amounts.net, discount])?,
            document_discount: discount,
            category: treatments.category(line.tax.map(|tax| tax.code), line.percent()),
            rate: line.percent(),
        })
    };
    let lines = sold.iter().zip(&totals.lines).map(of_line).collect::<Result<Vec<_>>>()?;
    let unfit = sold.iter().enumerate().filter(|(_, line)| line.second_tax.is_some()).map(|(at, _)| two_taxes(at));
    let (seller, buyer, account) = parties;
    Ok(Facts {
        number: invoice.number.clone().unwrap_or_else(|| "DRAFT".to_owned()),
        issued_on: invoice.issue_date.map_or_else(|| tx.today(), |day| day.0),
        due_on: Some(invoice.due_date.map_or_else(|| tx.today(), |day| day.0)),
        takes_back: None,
        currency: money,
        accounted: accounted(tx, money, invoice.exchange_rate.0, totals.tax)?,
        reference: invoice.reference.clone(),
        seller,
        buyer,
        account,
        discount_percent: if invoice.prices_include_tax { Decimal::ZERO } else { invoice.discount_percent.0 },
        lines,
        taxes: treatments.taxes(&totals.taxes)?,
        cash_difference: invoice.cash_difference.0,
        unfit: unfit.collect(),
    })
}

/// What is said of a credit note.
pub(super) async fn of_credit_note(tx: &Tx, note: &CreditNote) -> Result<Facts> {
    let money = currency(&note.currency.0)?;
    let (mut lines, mut invoices, parties) = try_join3(
        credit_note::Lines::fetch(tx, vec![note.id]),
        Invoice::fetch(tx, vec![note.invoice_id]),
        parties(tx, note.customer_id),
    )
    .await?;
    let lines = lines.remove(&note.id).unwrap_or_default();
    let invoice = invoices.remove(&note.invoice_id).ok_or_else(|| Error::fault("a credit note without its invoice"))?;
    let treatments = Treatments::of(tx, lines.iter().filter_map(|line| line.tax_code_id)).await?;
    let mut taxes: Vec<TaxTotal<Option<TaxCodeId>>> = Vec::new();
    for line in &lines {
        let (key, percent) = (line.tax_code_id, line.tax_percent.0);
        match taxes.iter_mut().find(|tax| tax.key == key && tax.percent == percent) {
            Some(tax) => {
                tax.base = sum([tax.base, line.net.0])?;
                tax.tax = sum([tax.tax, line.tax.0])?;
            }
            None => taxes.push(TaxTotal { key, percent, base: line.net.0, tax: line.tax.0 }),
        }
    }
    let of_line = |line: &credit_note::CreditNoteLine| FactLine {
        description: line.description.clone(),
        quantity: line.quantity.map_or(Decimal::ONE, |quantity| quantity.0),
        price: None,
        net: line.net.0,
        document_discount: Decimal::ZERO,
        category: treatments.category(line.tax_code_id, line.tax_percent.0),
        rate: line.tax_percent.0,
    };
    let second = |(_, line): &(usize, &credit_note::CreditNoteLine)| line.second_tax_code_id.is_some();
    let unfit = lines.iter().enumerate().filter(second).map(|(at, _)| two_taxes(at)).collect();
    let (seller, buyer, account) = parties;
    Ok(Facts {
        number: note.number.clone(),
        issued_on: note.issue_date.0,
        due_on: None,
        takes_back: Some((invoice.number.clone().unwrap_or_default(), invoice.issue_date.map(|day| day.0))),
        currency: money,
        accounted: accounted(tx, money, invoice.exchange_rate.0, note.tax.0)?,
        reference: invoice.reference,
        seller,
        buyer,
        account,
        discount_percent: Decimal::ZERO,
        lines: lines.iter().map(of_line).collect(),
        taxes: treatments.taxes(&taxes)?,
        cash_difference: note.cash_difference.0,
        unfit,
    })
}
