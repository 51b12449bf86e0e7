//! Journal entries: what happened, in debit and credit, in the document's currency and in the books'.
//!
//! [`post`] is the only way in and takes entries that balance; [`reverse`] posts the opposite of an entry.

use backoffice_money::{Balanced, Currency, Decimal, MoneyError, Posting};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Jsonb, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use futures_util::future::join;
use uuid::Uuid;

use crate::finance::ids::{AccountId, JournalEntryId, LedgerId, TaxCodeId};
use crate::finance::ledger::dimension::{Labels, split};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;

pub mod manual;
pub mod proposal;
pub mod record;
pub mod recurring;
mod rules;

pub use manual::JournalMutation;
pub use record::{JournalEntry, JournalLine, JournalLineConnection, JournalLineEdge, JournalQuery, LinesOf, find};
pub(crate) use record::{line_columns, lines_of};

/// The most lines that a person or an integration posts at once.
pub const MAX_LINES: usize = 1000;

crate::platform::words! {
    /// Where a journal entry comes from.
    EntrySource {
        /// Posted by hand or by an integration.
        Manual = "manual",
        /// The balances that the books started with.
        Opening = "opening",
        /// Takes another entry back.
        Reversal = "reversal",
        /// An issued invoice.
        Invoice = "invoice",
        /// A posted bill.
        Bill = "bill",
        /// A matched bank line.
        Bank = "bank",
        /// An issued credit note.
        CreditNote = "credit_note",
        /// A posted vendor credit.
        VendorCredit = "vendor_credit",
        /// A recorded payment, or what it was allocated to.
        Payment = "payment",
        /// Takes the result of a fiscal year to equity, or takes that back.
        Closing = "closing",
        /// Values what is open in foreign currencies, or takes that back.
        Revaluation = "revaluation",
        /// A slice of what is spread over a time.
        Deferral = "deferral",
        /// A fixed asset: it came, was written off, changed or went.
        Asset = "asset",
        /// An entry that comes again, or a template.
        Recurring = "recurring",
        /// Fee and interest of a reminder.
        Dunning = "dunning",
    }
}

/// A line to be posted. Debit is positive, credit negative.
#[derive(Clone, Debug)]
pub struct NewLine {
    /// A leaf of the chart.
    pub account: AccountId,
    /// Amount in the document's currency.
    pub amount_document: Decimal,
    /// Amount in the books' currency.
    pub amount: Decimal,
    /// The document's currency.
    pub currency: Currency,
    /// What the line is about; may be empty.
    pub description: String,
    /// The tax code that made the line.
    pub tax_code: Option<TaxCodeId>,
    /// The values of dimensions that it stands on.
    pub labels: Labels,
}

impl Posting for NewLine {
    fn book(&self) -> Decimal {
        self.amount
    }

    fn document(&self) -> Decimal {
        self.amount_document
    }

    fn currency(&self) -> Currency {
        self.currency
    }
}

/// An entry to be posted: it balances, or it could not have been built.
pub struct NewEntry {
    /// Effective date.
    pub date: NaiveDate,
    /// What happened, 1 to 500 characters.
    pub description: String,
    /// The document's currency.
    pub currency: Currency,
    /// Where it comes from.
    pub source: EntrySource,
    /// The record it comes from: the invoice, the bill, the bank line, the closed year; the reversed entry for reversals.
    pub source_id: Option<Uuid>,
    /// The entry that it takes back, for reversals and for what the books take back themselves.
    pub reverses: Option<JournalEntryId>,
    /// The lines.
    pub lines: Balanced<NewLine>,
}

/// What posting gives back.
#[derive(QueryableByName, Clone, Debug)]
pub struct Posted {
    /// The entry's id.
    #[diesel(sql_type = SqlUuid)]
    pub id: JournalEntryId,
    /// Its gapless number.
    #[diesel(sql_type = Text)]
    pub number: String,
    /// The ledger that it stands in.
    #[diesel(sql_type = SqlUuid)]
    pub ledger_id: LedgerId,
}

/// Posts an entry into the client's general ledger: number, lines and the day's balances in one transaction.
///
/// The database refuses dates without a fiscal year or in a locked period, group accounts, and anything off by a
/// cent; the refusal names the field relative to the caller's `input` (`date`, `lines`).
pub async fn post(tx: &Tx, mut entry: NewEntry) -> Result<Posted> {
    // What takes back or closes repeats what was; all else is split as it is said for its day.
    if entry.reverses.is_none() && entry.source != EntrySource::Closing {
        entry.lines = split::apply(tx, entry.date, entry.lines).await?;
    }
    post_as(tx, JournalEntryId::new(), entry).await
}

/// As [`post`], under an id that the caller knows beforehand: what refers to the entry can be sent with it. Amounts on
/// values of dimensions that are split ([`split::apply`]) come in their parts.
pub async fn post_as(tx: &Tx, id: JournalEntryId, entry: NewEntry) -> Result<Posted> {
    let tenant = tx.tenant()?;
    let head = tx.maybe::<Posted, _>(
        sql("INSERT INTO finance.journal_entry
               (tenant_id, id, ledger_id, number, entry_date, recorded_at, description, currency, source, source_id, reverses_id, posted_by)
             SELECT l.tenant_id, $1, l.id, core.next_number(l.tenant_id, 'journal', 'JE-'), $2, $3, $4, $5, $6, $7, $8, $9
               FROM finance.ledger l WHERE l.tenant_id = $10 AND l.code = 'GENERAL'
             RETURNING id, number, ledger_id")
            .bind::<SqlUuid, _>(id)
            .bind::<SqlDate, _>(entry.date)
            .bind::<Timestamptz, _>(tx.now())
            .bind::<Text, _>(entry.description)
            .bind::<Text, _>(entry.currency.to_string())
            .bind::<Text, _>(entry.source)
            .bind::<Nullable<SqlUuid>, _>(entry.source_id)
            .bind::<Nullable<SqlUuid>, _>(entry.reverses)
            .bind::<SqlUuid, _>(tx.actor())
            .bind::<SqlUuid, _>(tenant),
    );
    let lines = entry.lines.into_lines();
    let count = lines.len();
    let mut ids = Vec::with_capacity(count);
    let mut numbers: Vec<i32> = Vec::with_capacity(count);
    let mut accounts = Vec::with_capacity(count);
    let mut descriptions = Vec::with_capacity(count);
    let mut currencies = Vec::with_capacity(count);
    let mut documents = Vec::with_capacity(count);
    let mut books = Vec::with_capacity(count);
    let mut taxes = Vec::with_capacity(count);
    let mut labels = Vec::with_capacity(count);
    for (at, line) in lines.into_iter().enumerate() {
        ids.push(new_uuid());
        numbers.push(i32::try_from(at).unwrap_or(i32::MAX).saturating_add(1));
        accounts.push(line.account);
        descriptions.push(line.description);
        currencies.push(line.currency.to_string());
        documents.push(line.amount_document);
        books.push(line.amount);
        taxes.push(line.tax_code);
        labels.push(line.labels.to_json());
    }
    let body = tx.exec(
        sql("INSERT INTO finance.journal_line
               (tenant_id, id, entry_id, line_no, ledger_id, account_id, entry_date, recorded_at, description, currency, amount_document, amount, tax_code_id,
                dimensions)
             SELECT e.tenant_id, n.id, e.id, n.line_no, e.ledger_id, n.account_id, e.entry_date, e.recorded_at, n.description, n.currency,
                    n.amount_document, n.amount, n.tax_code_id, n.dimensions
               FROM finance.journal_entry e,
                    unnest($3::uuid[], $4::int[], $5::uuid[], $6::text[], $7::text[], $8::numeric[], $9::numeric[], $10::uuid[],
                           $11::jsonb[])
                      AS n (id, line_no, account_id, description, currency, amount_document, amount, tax_code_id, dimensions)
              WHERE e.tenant_id = $1 AND e.id = $2")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(id)
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Array<Int4>, _>(numbers)
            .bind::<Array<SqlUuid>, _>(accounts)
            .bind::<Array<Text>, _>(descriptions)
            .bind::<Array<Text>, _>(currencies)
            .bind::<Array<Numeric>, _>(documents)
            .bind::<Array<Numeric>, _>(books)
            .bind::<Array<Nullable<SqlUuid>>, _>(taxes)
            .bind::<Array<Jsonb>, _>(labels),
    );
    // One round trip for both. Told is the first refusal: what follows it fails only because of it.
    let (posted, written) = join(head, body).await;
    let posted = posted?.ok_or_else(|| Error::fault("the client has no general ledger"))?;
    written?;
    emit(tx, EventKind::JournalEntryPosted, id.0);
    Ok(posted)
}

/// Posts the opposite of an entry, dated as given, in an open period. An entry is reversed once at most.
///
/// This is for commands that undo what they booked (a bank line's match); what stands behind the entry in sub-ledgers
/// is theirs to undo.
pub async fn reverse(tx: &Tx, id: JournalEntryId, date: NaiveDate, description: String) -> Result<Posted> {
    take_back(tx, id, date, description, (EntrySource::Reversal, Some(id.0)), Some(id)).await
}

/// As [`reverse`], for what the books make themselves: its opposite comes from the same source and record, and names it if
/// nothing else has named it.
pub(super) async fn take_back(
    tx: &Tx,
    id: JournalEntryId,
    date: NaiveDate,
    description: String,
    (source, source_id): (EntrySource, Option<Uuid>),
    reverses: Option<JournalEntryId>,
) -> Result<Posted> {
    let original = find(tx, id).await?.ok_or_else(|| Error::not_found("entry", "journal entry"))?;
    let lines = record::lines_of(tx, &[id]).await?.remove(&id).unwrap_or_default();
    let book = Currency::parse(tx.book_currency())?;
    post(
        tx,
        NewEntry {
            date,
            description,
            currency: Currency::parse(&original.currency.0)?,
            source,
            source_id,
            reverses,
            lines: Balanced::check(book, rules::reversed(&lines)?).map_err(refuse_lines)?,
        },
    )
    .await
    .inspect(|_| emit(tx, EventKind::JournalEntryReversed, id.0))
}

/// What is wrong with the lines of an entry, at the input's `lines`.
#[must_use]
pub fn refuse_lines(error: MoneyError) -> Error {
    match error {
        MoneyError::AtLine { index, reason } => {
            Error::refuse(UserErrorCode::Invalid, &format!("lines.{index}"), reason.to_string())
        }
        MoneyError::Unbalanced { .. } => Error::refuse(UserErrorCode::Unbalanced, "lines", error.to_string()),
        MoneyError::TooFewLines => Error::refuse(UserErrorCode::Required, "lines", error.to_string()),
        error => Error::refuse(UserErrorCode::Invalid, "lines", error.to_string()),
    }
}

/// The date that a cursor of a list by date holds.
pub(crate) fn cursor_date(text: &str) -> Result<Date> {
    text.parse().map(Date).map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))
}
