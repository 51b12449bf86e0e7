//! Taking electronic invoices in: from an uploaded file to a draft of a bill, whole or not at all.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, SimpleObject};
use backoffice_formats::einvoice::{self, Invoice};
use backoffice_formats::limits::MAX_BYTES;
use backoffice_money::Currency;
use chrono::NaiveDate;
use diesel::prelude::*;
use futures_util::TryStreamExt;

use super::check::{self, EInvoiceProblem};
use super::facts::{bare, client_vat};
use super::treatment::TaxCategory;
use crate::finance::document::DocumentLineInput;
use crate::finance::ids::{AccountId, BillId, ReceivedInvoiceId, TaxCodeId, VendorId};
use crate::finance::imports::{FileError, FileErrors, parse};
use crate::finance::ledger::account;
use crate::finance::ledger::tax_code::TaxCode;
use crate::finance::payables::bill::{self, Bill, BillCreateInput};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::files::{FileId, Files};
use crate::platform::input::currency;
use crate::platform::scalars::{CurrencyCode, Date, Dec};
use crate::platform::scope::settle;
use crate::schema::received_invoice;

mod codes;
mod lines;
mod vendor;

/// An electronic invoice that came.
#[derive(InputObject, Clone, Debug)]
pub struct EInvoiceImportInput {
    /// The file, uploaded before: UBL 2.1 or CII by EN 16931, at most 16 MiB.
    pub file: FileId,
    /// Whose it is. Found by VAT number, then by IBAN, then by name if not said.
    pub vendor: Option<VendorId>,
    /// The account that its lines are posted to; that of the vendor's last posted bill if not said.
    pub account: Option<AccountId>,
    /// Which tax codes its taxes are, where that is not clear: input codes are found by category and rate.
    pub tax_codes: Option<Vec<EInvoiceTaxCodeInput>>,
    /// Book currency for one unit of the invoice's currency, as when a bill is entered.
    pub exchange_rate: Option<Dec>,
}

/// Which tax code a tax of the file is.
#[derive(InputObject, Clone, Debug)]
pub struct EInvoiceTaxCodeInput {
    /// The category in the file.
    pub category: TaxCategory,
    /// The rate in the file in percent; 0 where it says none.
    pub percent: Dec,
    /// The tax code; null: outside of any tax, only at a rate of 0.
    pub tax_code: Option<TaxCodeId>,
}

/// What became of an electronic invoice that came.
#[derive(SimpleObject)]
pub struct EInvoiceImportPayload {
    /// The draft; null if it was refused.
    pub bill: Option<Bill>,
    /// What speaks against it by the rules of the standard.
    pub problems: Vec<EInvoiceProblem>,
    /// What is wrong with the file itself, by line; the first 1,000.
    pub file_errors: Vec<FileError>,
    /// How many more wrong places there are than `fileErrors` shows.
    pub more_file_errors: i32,
    /// Why the input was refused; empty if it was not. A refused file changed nothing.
    pub user_errors: Vec<UserError>,
}

/// What came of a file.
pub(super) enum Taken {
    /// A draft.
    Bill(Box<Bill>),
    /// It breaks rules, or does not tie.
    Unsound(Vec<EInvoiceProblem>),
    /// It cannot be read.
    Refused(FileErrors),
}

impl EInvoiceImportPayload {
    pub(super) fn settle(ctx: &Context<'_>, result: Result<Taken>) -> async_graphql::Result<Option<Self>> {
        let (result, problems, errors) = match result {
            Ok(Taken::Bill(bill)) => (Ok(*bill), Vec::new(), FileErrors::default()),
            Ok(Taken::Unsound(problems)) => (Err(unsound(problems.len())), problems, FileErrors::default()),
            Ok(Taken::Refused(errors)) => (Err(errors.refusal()), Vec::new(), errors),
            Err(error) => (Err(error), Vec::new(), FileErrors::default()),
        };
        let (bill, user_errors) = settle(ctx, result)?;
        let more_file_errors = i32::try_from(errors.more).unwrap_or(i32::MAX);
        Ok(Some(Self { bill, problems, file_errors: errors.listed, more_file_errors, user_errors }))
    }
}

fn unsound(count: usize) -> Error {
    let message = if count == 1 {
        "Something speaks against this electronic invoice; nothing was taken in.".to_owned()
    } else {
        format!("{count} things speak against this electronic invoice; nothing was taken in.")
    };
    Error::refuse(UserErrorCode::File, "file", message)
}

/// The bytes of an uploaded file, and their SHA-256.
async fn read(tx: &Tx, files: &Arc<Files>, id: FileId) -> Result<(Vec<u8>, String)> {
    let opened = files.read(tx, id).await?.ok_or_else(|| Error::not_found("file", "file"))?;
    let size = opened.file.size.and_then(|size| usize::try_from(size).ok());
    if size.is_none_or(|size| size > MAX_BYTES) {
        let message = format!("An electronic invoice has at most {} MiB.", MAX_BYTES / (1024 * 1024));
        return Err(Error::refuse(UserErrorCode::Invalid, "file", message));
    }
    let sha256 = opened.file.sha256.clone().ok_or_else(|| Error::fault("a file that is there without its hash"))?;
    let pieces: Vec<_> = opened.bytes.try_collect().await?;
    Ok((pieces.concat(), sha256))
}

/// Refuses a file that became a bill before, byte for byte.
async fn expect_new(tx: &Tx, sha256: &str) -> Result<()> {
    let known: Option<BillId> = tx
        .maybe(
            received_invoice::table
                .filter(received_invoice::tenant_id.eq(tx.tenant()?))
                .filter(received_invoice::sha256.eq(sha256.to_owned()))
                .select(received_invoice::bill_id),
        )
        .await?;
    let Some(id) = known else { return Ok(()) };
    let bill = Bill::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::fault("a file without its bill"))?;
    let message =
        format!("This electronic invoice was taken in already: it is bill {} of {}.", bill.number, bill.vendor_name);
    Err(Error::refuse(UserErrorCode::Duplicate, "file", message))
}

/// Refuses what is said beside the file and names nothing.
async fn expect_known(tx: &Tx, input: &EInvoiceImportInput) -> Result<()> {
    if let Some(id) = input.vendor
        && crate::finance::payables::vendor::find(tx, id).await?.is_none()
    {
        return Err(Error::not_found("vendor", "vendor"));
    }
    if let Some(id) = input.account
        && !account::by_id(tx, &[id]).await?.contains_key(&id)
    {
        return Err(Error::not_found("account", "account"));
    }
    let said = input.tax_codes.as_deref().unwrap_or_default();
    let codes: Vec<TaxCodeId> = said.iter().filter_map(|one| one.tax_code).collect();
    if codes.is_empty() {
        return Ok(());
    }
    let found = TaxCode::fetch(tx, codes.clone()).await?;
    match said.iter().position(|one| one.tax_code.is_some_and(|code| !found.contains_key(&code))) {
        Some(at) => Err(Error::not_found(&format!("taxCodes.{at}.taxCode"), "tax code")),
        None => Ok(()),
    }
}

/// What speaks against it before it is held against the books.
async fn look(tx: &Tx, invoice: &Invoice) -> Result<Vec<EInvoiceProblem>> {
    let mut problems = check::problems(invoice, None);
    let mut say = |field: &str, message: String| {
        problems.push(EInvoiceProblem { rule: None, field: field.to_owned(), message });
    };
    if invoice.is_credit_note() {
        say("kind", "It gives money back: enter it as a credit of the vendor.".to_owned());
    }
    let (name, own) = client_vat(tx).await?;
    if let (Some(own), Some(theirs)) = (own.as_deref().map(bare), invoice.buyer.vat_id.as_deref().map(bare))
        && own != theirs
    {
        say("buyer.vatNumber", format!("It is addressed to {theirs}, and the VAT number of {name} is {own}."));
    }
    Ok(problems)
}

/// What the books need of an invoice that is sound.
struct Heads {
    number: String,
    day: NaiveDate,
    code: CurrencyCode,
    money: Currency,
}

fn heads(invoice: &Invoice) -> Result<Heads> {
    let missing = || Error::fault("an invoice that keeps all rules has no number, date or currency");
    let code = invoice.currency.clone().ok_or_else(missing)?;
    let money = currency(&code)
        .map_err(|_| Error::refuse(UserErrorCode::Invalid, "file", format!("{code} is not a currency of ISO 4217.")))?;
    Ok(Heads {
        number: invoice.number.clone().ok_or_else(missing)?,
        day: invoice.issued_on.ok_or_else(missing)?,
        code: CurrencyCode(code),
        money,
    })
}

/// Takes a file in.
pub(super) async fn import(tx: &Tx, files: &Arc<Files>, input: EInvoiceImportInput) -> Result<Taken> {
    let (bytes, sha256) = read(tx, files, input.file).await?;
    expect_known(tx, &input).await?;
    expect_new(tx, &sha256).await?;
    let invoice = match parse(bytes, einvoice::parse).await? {
        Ok(invoice) => invoice,
        Err(errors) => return Ok(Taken::Refused(errors)),
    };
    let problems = look(tx, &invoice).await?;
    if !problems.is_empty() {
        return Ok(Taken::Unsound(problems));
    }
    let heads = heads(&invoice)?;
    let wanted = match lines::of(&invoice, heads.money.exponent())? {
        Ok(found) => found,
        Err(problems) => return Ok(Taken::Unsound(problems)),
    };
    let vendor = vendor::find(tx, &invoice, input.vendor).await?;
    let posted_to = match input.account {
        Some(account) => account,
        None => vendor::usual_account(tx, vendor).await?,
    };
    let codes = codes::find(tx, &wanted.lines, input.tax_codes.unwrap_or_default(), heads.day).await?;
    let lines = wanted
        .lines
        .iter()
        .zip(codes)
        .map(|(line, tax_code)| DocumentLineInput {
            description: line.description.clone(),
            quantity: Dec(line.quantity),
            unit_price: Dec(line.unit_price),
            discount_percent: Some(Dec(line.discount_percent)),
            account: posted_to,
            tax_code,
            second_tax_code: None,
            dimensions: None,
        })
        .collect();
    let due = invoice.due_on.map(|due| Date(due.max(heads.day)));
    let made = bill::create(
        tx,
        BillCreateInput {
            vendor,
            number: heads.number,
            bill_date: Date(heads.day),
            due_date: due,
            currency: Some(heads.code),
            exchange_rate: input.exchange_rate,
            rounding: Some(wanted.rounding),
            discount_percent: Some(Dec(wanted.discount_percent)),
            prices_include_tax: Some(wanted.prices_include_tax),
            withholding_code: MaybeUndefined::Undefined,
            lines,
        },
    )
    .await?;
    let stated = &invoice.totals;
    let (net, tax, gross) = (stated.net.unwrap_or_default(), stated.vat.unwrap_or_default(), stated.gross);
    if (made.net.0, made.tax.0, Some(made.gross.0)) != (net, tax, gross) {
        let message = format!(
            "With these tax codes the bill comes to {}, and the file says {}.",
            made.gross.0.normalize(),
            gross.unwrap_or_default().normalize()
        );
        return Err(Error::refuse(UserErrorCode::Invalid, "taxCodes", message));
    }
    tx.exec(diesel::insert_into(received_invoice::table).values((
        received_invoice::tenant_id.eq(tx.tenant()?),
        received_invoice::id.eq(ReceivedInvoiceId::new()),
        received_invoice::bill_id.eq(made.id),
        received_invoice::file_id.eq(input.file),
        received_invoice::sha256.eq(sha256),
        received_invoice::net.eq(Dec(net)),
        received_invoice::tax.eq(Dec(tax)),
        received_invoice::gross.eq(made.gross),
        received_invoice::paid.eq(Dec(stated.paid.unwrap_or_default())),
    )))
    .await?;
    Ok(Taken::Bill(Box::new(made)))
}
