//! What people and integrations post by hand, and how they take it back.

use async_graphql::{Context, InputObject, Object};
use backoffice_money::{Balanced, Currency, Decimal, MoneyError};
use chrono::NaiveDate;
use diesel::sql_types::Uuid as SqlUuid;

use super::{
    EntrySource, JournalEntry, MAX_LINES, NewEntry, NewLine, find, post, record, refuse_lines, reverse, rules,
};
use crate::finance::ids::{AccountId, DimensionValueId, JournalEntryId, TaxCodeId};
use crate::finance::ledger::account::{self, Account, Control};
use crate::finance::ledger::dimension::{labels, split};
use crate::finance::ledger::tax_code::TaxCode;
use crate::finance::ledger::{check_text, exchange_rate, opening};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};
use crate::platform::scalars::{CurrencyCode, Date, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// An entry to be posted.
#[derive(InputObject, Clone, Debug)]
pub struct JournalEntryPostInput {
    /// The day that it counts for, in a fiscal year and outside the locks.
    pub date: Date,
    /// What happened, 1 to 500 characters.
    pub description: String,
    /// The currency of the lines; the books' currency if not said.
    pub currency: Option<CurrencyCode>,
    /// Units of book currency for one unit of `currency`, greater than zero; 1 in the books' currency. For a foreign one the
    /// exchange rate of the date if not said; needed if there is none.
    /// The debits are converted and rounded as a whole and shared out on both sides by largest remainder.
    pub exchange_rate: Option<Dec>,
    /// Its lines, 2 to 1,000; their debits and credits are equal.
    pub lines: Vec<JournalLineInput>,
}

/// A line to be posted: exactly one of `debit` and `credit`.
#[derive(InputObject, Clone, Debug)]
pub struct JournalLineInput {
    /// An active leaf of the chart. Receivables and payables take postings from documents only.
    pub account: AccountId,
    /// The amount if it is a debit, greater than zero, in the entry's currency.
    pub debit: Option<Dec>,
    /// The amount if it is a credit, greater than zero, in the entry's currency.
    pub credit: Option<Dec>,
    /// What the line is about, at most 500 characters.
    pub description: Option<String>,
    /// The tax code that it belongs to.
    pub tax_code: Option<TaxCodeId>,
    /// The values of dimensions that it stands on, at most one of each dimension; none if not said. An amount on a value
    /// that is split is posted in its parts.
    pub dimensions: Option<Vec<DimensionValueId>>,
}

/// An entry to be taken back.
#[derive(InputObject, Clone, Debug)]
pub struct JournalEntryReverseInput {
    /// The entry: posted by hand, of a deferral or recurring entry, or the opening. What comes from a document is undone at the document.
    pub entry: JournalEntryId,
    /// The day that the reversal counts for, not before the entry's own; today in the client's time zone if not said.
    pub date: Option<Date>,
    /// Why, 1 to 500 characters; names the entry if not said.
    pub description: Option<String>,
}

crate::platform::payload! {
    /// What became of a journal entry.
    JournalEntryPayload {
        /// The posted entry; for a reversal the reversing one.
        journal_entry: JournalEntry
    }
}

/// Refuses an entry that was posted just now, by hand or as somebody has laid it down, if it lacks an approval.
pub(crate) async fn expect_approved(tx: &Tx, id: JournalEntryId) -> Result<()> {
    let expected = sql("SELECT 1 FROM finance.expect_entry_approved($1, $2)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id);
    tx.exec(expected).await?;
    Ok(())
}

/// An entry that was posted by hand just now, if nothing says that it lacks an approval.
pub(super) async fn posted(tx: &Tx, id: JournalEntryId) -> Result<JournalEntry> {
    expect_approved(tx, id).await?;
    read(tx, id).await
}

async fn read(tx: &Tx, id: JournalEntryId) -> Result<JournalEntry> {
    find(tx, id).await?.ok_or_else(|| Error::fault("the posted entry is not there"))
}

/// The entry that is asked for, with everything checked that can be before it is posted, and in the parts in which it is.
pub(super) async fn prepare(tx: &Tx, input: JournalEntryPostInput) -> Result<NewEntry> {
    let entry = unsplit(tx, input).await?;
    // A proposal says what is going to be posted.
    Ok(NewEntry { lines: split::apply(tx, entry.date, entry.lines).await?, ..entry })
}

/// The same before amounts on values of dimensions are split.
pub(super) async fn unsplit(tx: &Tx, input: JournalEntryPostInput) -> Result<NewEntry> {
    check_text("description", &input.description, 500)?;
    if input.lines.len() > MAX_LINES {
        return Err(Error::refuse(UserErrorCode::Invalid, "lines", format!("An entry has at most {MAX_LINES} lines.")));
    }
    let book = Currency::parse(tx.book_currency())?;
    let currency = match &input.currency {
        Some(code) => Currency::parse(&code.0)?,
        None => book,
    };
    let given = exchange_rate::given_or_on(tx, input.exchange_rate.map(|rate| rate.0), currency, input.date.0).await?;
    let rate = rate(currency, book, given.map(Dec))?;
    let documents = check_lines(tx, &input.lines, currency).await?;
    let labels = check_labels(tx, &input).await?;
    let books = match rate {
        Some(rate) if documents.len() > 1 => rules::converted(&documents, rate, book).map_err(refuse_conversion)?,
        _ => documents.clone(),
    };
    let lines = input
        .lines
        .into_iter()
        .zip(documents.into_iter().zip(books).zip(labels))
        .map(|(line, ((amount_document, amount), labels))| NewLine {
            account: line.account,
            amount_document,
            amount,
            currency,
            description: line.description.unwrap_or_default(),
            tax_code: line.tax_code,
            labels,
        })
        .collect();
    let lines = Balanced::check(book, lines).map_err(refuse_lines)?;
    Ok(NewEntry {
        date: input.date.0,
        description: input.description,
        currency,
        source: EntrySource::Manual,
        source_id: None,
        reverses: None,
        lines,
    })
}

/// The labels of the lines, with what their accounts need.
async fn check_labels(tx: &Tx, input: &JournalEntryPostInput) -> Result<Vec<labels::Labels>> {
    let field = |at: usize| format!("lines.{at}.dimensions");
    let wanted: Vec<(String, Vec<DimensionValueId>)> = input
        .lines
        .iter()
        .enumerate()
        .map(|(at, line)| (field(at), line.dimensions.clone().unwrap_or_default()))
        .collect();
    let labels = labels::resolve(tx, &wanted, input.date.0).await?;
    let lines: Vec<_> = input
        .lines
        .iter()
        .zip(&labels)
        .enumerate()
        .map(|(at, (line, labels))| (field(at), line.account, labels))
        .collect();
    labels::check_needed(tx, &lines).await?;
    Ok(labels)
}

async fn post_manual(tx: &Tx, input: JournalEntryPostInput) -> Result<JournalEntry> {
    let made = post(tx, prepare(tx, input).await?).await?;
    posted(tx, made.id).await
}

/// The rate to convert at, if there is anything to convert.
fn rate(currency: Currency, book: Currency, rate: Option<Dec>) -> Result<Option<Decimal>> {
    match rate {
        Some(Dec(rate)) if rate <= Decimal::ZERO => {
            Err(Error::refuse(UserErrorCode::Invalid, "exchangeRate", "A rate is greater than zero."))
        }
        Some(Dec(rate)) if currency == book && rate != Decimal::ONE => {
            Err(Error::refuse(UserErrorCode::Invalid, "exchangeRate", "In the books' own currency the rate is 1."))
        }
        None if currency != book => Err(Error::refuse(
            UserErrorCode::Required,
            "exchangeRate",
            "An entry in a foreign currency needs its rate.",
        )),
        Some(Dec(rate)) if currency != book => Ok(Some(rate)),
        _ => Ok(None),
    }
}

/// A side without any amount has no weights to share by: the entry is one-sided.
fn refuse_conversion(error: MoneyError) -> Error {
    match error {
        MoneyError::NoWeights => {
            Error::refuse(UserErrorCode::Unbalanced, "lines", "An entry needs a debit and a credit that are equal.")
        }
        error => refuse_lines(error),
    }
}

/// The signed amounts of the lines, or everything that is wrong with them.
async fn check_lines(tx: &Tx, lines: &[JournalLineInput], currency: Currency) -> Result<Vec<Decimal>> {
    let accounts = account::by_id(tx, &lines.iter().map(|line| line.account).collect::<Vec<_>>()).await?;
    let codes: Vec<TaxCodeId> = lines.iter().filter_map(|line| line.tax_code).collect();
    let codes = if codes.is_empty() { std::collections::HashMap::new() } else { TaxCode::fetch(tx, codes).await? };
    let mut amounts = Vec::with_capacity(lines.len());
    let mut refused = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut refuse = |code, field: &str, message: &str| {
            refused.push(UserError { code, field: path(&format!("lines.{at}.{field}")), message: message.to_owned() });
        };
        match rules::signed(line.debit.map(|debit| debit.0), line.credit.map(|credit| credit.0)) {
            Ok(amount) => amounts.push(amount),
            Err(message) => {
                refuse(UserErrorCode::Invalid, if line.credit.is_some() { "credit" } else { "debit" }, message)
            }
        }
        match accounts.get(&line.account) {
            None => refuse(UserErrorCode::NotFound, "account", "There is no such account."),
            Some(account) => {
                if let Some(message) = takes_no(account, currency) {
                    refuse(UserErrorCode::Invalid, "account", message);
                }
            }
        }
        if line.tax_code.is_some_and(|code| !codes.contains_key(&code)) {
            refuse(UserErrorCode::NotFound, "taxCode", "There is no such tax code.");
        }
        if line.description.as_ref().is_some_and(|text| text.chars().count() > 500) {
            refuse(UserErrorCode::Invalid, "description", "This text has at most 500 characters.");
        }
    }
    if refused.is_empty() { Ok(amounts) } else { Err(Error::Refused(refused)) }
}

/// Why an account takes no posting by hand in that currency, if it does not.
fn takes_no(account: &Account, currency: Currency) -> Option<&'static str> {
    if account.is_group {
        Some("A group account takes no postings.")
    } else if !account.active {
        Some("This account is inactive.")
    } else if account.currency.as_ref().is_some_and(|only| only.0 != currency.code()) {
        Some("This account is kept in another currency.")
    } else if account.control.is_some_and(Control::is_advance) {
        Some("Advances take postings from payments only.")
    } else if account.control.is_some_and(Control::is_of_assets) {
        Some("Accounts of fixed assets take postings from assets only.")
    } else if account.control.is_some_and(Control::has_open_items) {
        Some("Receivables and payables take postings from documents only.")
    } else {
        None
    }
}

async fn reverse_manual(tx: &Tx, input: JournalEntryReverseInput) -> Result<JournalEntry> {
    let entry = find(tx, input.entry).await?.ok_or_else(|| Error::not_found("entry", "journal entry"))?;
    match entry.source {
        EntrySource::Manual | EntrySource::Opening | EntrySource::Deferral | EntrySource::Recurring => {}
        EntrySource::Reversal => {
            return Err(Error::refuse(
                UserErrorCode::State,
                "entry",
                "A reversal is not reversed; post the entry anew.",
            ));
        }
        EntrySource::Closing => {
            let message = "This entry closes or reopens a fiscal year; that is undone at the year.";
            return Err(Error::refuse(UserErrorCode::State, "entry", message));
        }
        EntrySource::Revaluation => {
            let message = "This entry belongs to a revaluation; that is taken back there.";
            return Err(Error::refuse(UserErrorCode::State, "entry", message));
        }
        EntrySource::Asset => {
            let message = "This entry belongs to a fixed asset; what changes it is said there.";
            return Err(Error::refuse(UserErrorCode::State, "entry", message));
        }
        EntrySource::Invoice
        | EntrySource::Bill
        | EntrySource::Bank
        | EntrySource::CreditNote
        | EntrySource::Dunning
        | EntrySource::VendorCredit
        | EntrySource::Payment => {
            return Err(Error::refuse(
                UserErrorCode::State,
                "entry",
                "This entry comes from a document; undo it there.",
            ));
        }
    }
    if record::reversal_of(tx, entry.id).await?.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "entry", "This entry is reversed already."));
    }
    let date = reversal_date(entry.entry_date.0, input.date.map(|date| date.0), tx.today())?;
    let description = match input.description {
        Some(text) => {
            check_text("description", &text, 500)?;
            text
        }
        None => format!("Reversal of {}: {}", entry.number, entry.description).chars().take(500).collect(),
    };
    let items =
        if entry.source == EntrySource::Opening { opening::untouched_items(tx, entry.id).await? } else { Vec::new() };
    let made = reverse(tx, entry.id, date, description).await?;
    opening::settle(tx, &items, made.id, date).await?;
    read(tx, made.id).await
}

/// The day of a reversal: as asked, otherwise today, and never before the entry's own.
fn reversal_date(entry: NaiveDate, asked: Option<NaiveDate>, today: NaiveDate) -> Result<NaiveDate> {
    match asked {
        Some(date) if date < entry => {
            Err(Error::refuse(UserErrorCode::Invalid, "date", "A reversal is not dated before its entry."))
        }
        Some(date) => Ok(date),
        None => Ok(today.max(entry)),
    }
}

/// Changes of the journal.
#[derive(Default)]
pub struct JournalMutation;

#[Object]
impl JournalMutation {
    /// Posts an entry. It cannot be changed afterwards, only reversed. Right: `finance.journal.post`.
    async fn journal_entry_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry.")] input: JournalEntryPostInput,
    ) -> async_graphql::Result<Option<JournalEntryPayload>> {
        let tx = ctx.tx(Can::JournalPost).await?;
        JournalEntryPayload::settle(ctx, post_manual(tx, input).await)
    }

    /// Takes an entry back by an entry of its own, once. Reversing the opening settles the open items that came with it,
    /// and is refused once one of them is paid in part. Right: `finance.journal.reverse`.
    async fn journal_entry_reverse(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entry, when and why.")] input: JournalEntryReverseInput,
    ) -> async_graphql::Result<Option<JournalEntryPayload>> {
        let tx = ctx.tx(Can::JournalReverse).await?;
        JournalEntryPayload::settle(ctx, reverse_manual(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reversal_is_not_dated_before_its_entry() {
        let day = |d| NaiveDate::from_ymd_opt(2026, 3, d).unwrap();
        assert_eq!(reversal_date(day(5), None, day(9)).unwrap(), day(9));
        assert_eq!(reversal_date(day(5), None, day(1)).unwrap(), day(5));
        assert_eq!(reversal_date(day(5), Some(day(6)), day(9)).unwrap(), day(6));
        assert!(reversal_date(day(5), Some(day(4)), day(9)).is_err());
    }

    #[test]
    fn a_foreign_currency_needs_its_rate() {
        let (eur, usd) = (Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap());
        let dec = |text: &str| Some(Dec(text.parse().unwrap()));
        assert_eq!(rate(eur, eur, None).unwrap(), None);
        assert_eq!(rate(eur, eur, dec("1.0")).unwrap(), None);
        assert_eq!(rate(usd, eur, dec("0.92")).unwrap(), dec("0.92").map(|rate| rate.0));
        assert!(rate(usd, eur, None).is_err());
        assert!(rate(eur, eur, dec("2")).is_err());
        assert!(rate(usd, eur, dec("0")).is_err());
    }
}
