//! Issuing: number, entry, open item and the frozen invoice, in three round trips.

use chrono::{Days, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use futures_util::future::{join4, try_join, try_join5};

use super::{Invoice, InvoiceIssueInput, InvoiceStatus, lock_draft};
use crate::finance::chart;
use crate::finance::document::posting::{Currencies, Paid, entry_paid};
use crate::finance::document::pricing::total;
use crate::finance::document::{Kind, cash_rounding, lines};
use crate::finance::einvoice;
use crate::finance::ids::JournalEntryId;
use crate::finance::ledger::account::Control;
use crate::finance::ledger::dimension::split;
use crate::finance::ledger::journal::{self, EntrySource, NewEntry};
use crate::finance::open_item::{self, NewItem, Party, Source, early_payment, instalment};
use crate::finance::receivables::{credit_limit, customer};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, relabel};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::sql::{kept, sql};
use crate::schema::invoice;

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    number: String,
}

/// The due date: as given, or by the payment terms.
fn due_date(issue: NaiveDate, given: Option<NaiveDate>, terms: i32) -> Result<NaiveDate> {
    match given {
        Some(due) if due < issue => {
            Err(Error::refuse(UserErrorCode::Invalid, "dueDate", "An invoice is not due before its issue date."))
        }
        Some(due) => Ok(due),
        None => issue
            .checked_add_days(Days::new(u64::try_from(terms).unwrap_or_default()))
            .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "issueDate", "The date is out of range.")),
    }
}

/// Issues a draft.
pub(super) async fn issue(tx: &Tx, input: InvoiceIssueInput) -> Result<Invoice> {
    let tenant = tx.tenant()?;
    let day = input.issue_date.map_or_else(|| tx.today(), |date| date.0);
    let draft = lock_draft(tx, input.id, input.expected_version).await?;
    let (money, book) = (currency(&draft.currency.0)?, currency(tx.book_currency())?);
    let next_number = sql("SELECT core.next_number($1, 'invoice', 'INV-') AS number").bind::<SqlUuid, _>(tenant);
    // Independent of each other, so they share a round trip. A refusal below gives the number back with everything else.
    let (before, control, customer, taken, (step, limit)) = try_join5(
        lines::draft(tx, Kind::Invoice, draft.id.0, day),
        chart::control(tx, Control::Receivable, money),
        customer::find(tx, draft.customer_id),
        tx.row::<Taken, _>(next_number),
        try_join(cash_rounding::step(tx, money), credit_limit::limit(tx, draft.customer_id, true)),
    )
    .await?;
    let customer = customer.ok_or_else(|| Error::fault("an invoice without its customer"))?;
    let given = input.instalments.unwrap_or_default();
    if input.due_date.is_some() && !given.is_empty() {
        let message = "The due dates are those of the instalments.";
        return Err(Error::refuse(UserErrorCode::Invalid, "dueDate", message));
    }
    let last = given.last().map(|one| one.due_date.0);
    let due = due_date(
        day,
        input.due_date.map(|date| date.0).or(last.map(|last| last.max(day))),
        customer.payment_terms_days,
    )?;
    let lines = lines::at_posting(&before, draft.version, "issueDate")?;
    let totals = total(&lines, draft.terms(), money)?;
    let step = step.filter(|_| input.cash_rounding != Some(false));
    let cash = cash_rounding::of(tx, totals.gross, step, money).await?;
    let payable = cash_rounding::payable(totals.gross, cash)?;
    let parts = if given.is_empty() { Vec::new() } else { instalment::agreed(&given, payable, money, day)? };
    let early = early_payment::agreed(&input.early_payment.unwrap_or_default(), &totals, money, day)?;
    if !early.is_empty() {
        // the account that they need
        chart::control(tx, Control::DiscountAllowed, money).await?;
    }
    let currencies = Currencies { document: money, book, rate: draft.exchange_rate.0 };
    let description = format!("{} {}", taken.number, customer.name);
    let paid = Paid { worth: None, cash };
    let entry = entry_paid(Kind::Invoice, control.id, &lines, &totals, currencies, &description, paid)?;
    credit_limit::check(tx, (customer.id, limit), draft.id, entry.gross_book, input.credit_override_reason).await?;
    // before the invoice is frozen
    lines::reprice(tx, Kind::Invoice, &before, &lines, &totals).await?;
    let gross_book = entry.gross_book;
    let posted_lines = split::apply(tx, day, entry.lines).await?;
    let entry_id = JournalEntryId::new();
    let posting = journal::post_as(
        tx,
        entry_id,
        NewEntry {
            date: day,
            description,
            currency: money,
            source: EntrySource::Invoice,
            source_id: Some(draft.id.0),
            reverses: None,
            lines: posted_lines,
        },
    );
    let item = NewItem {
        party: Party::Customer(customer.id),
        source: Source::Invoice(draft.id),
        document: taken.number.clone(),
        party_name: customer.name.clone(),
        entry: entry_id,
        account: control.id,
        item_date: day,
        due_date: due,
        currency: draft.currency.0.clone(),
        amount: payable,
        amount_book: gross_book,
    };
    let items = if payable.is_zero() { &[][..] } else { std::slice::from_ref(&item) };
    let frozen = tx.row(kept(
        diesel::update(invoice::table)
            .filter(invoice::tenant_id.eq(tenant))
            .filter(invoice::id.eq(draft.id))
            .set((
                invoice::status.eq(InvoiceStatus::Issued),
                invoice::number.eq(taken.number),
                invoice::issue_date.eq(Date(day)),
                invoice::due_date.eq(Date(due)),
                invoice::customer_name.eq(customer.name),
                invoice::net.eq(totals.net),
                invoice::tax.eq(totals.tax),
                invoice::gross.eq(totals.gross),
                invoice::cash_difference.eq(cash.map(|cash| cash.difference).unwrap_or_default()),
                invoice::entry_id.eq(entry_id),
            ))
            .returning(Invoice::as_returning()),
    ));
    // One round trip for all. Told is the first refusal: what follows it fails only because of it.
    let (posted, opened, frozen, form) =
        join4(posting, open_item::open(tx, items), frozen, einvoice::wanted_at_issue(tx)).await;
    posted.map_err(|error| relabel(error, &[("date", "issueDate"), ("lines", "id")]))?;
    opened?;
    instalment::write(tx, draft.id, &parts).await?;
    early_payment::write_terms(tx, Kind::Invoice, draft.id.0, &early).await?;
    let issued: Invoice = frozen?;
    if let Some(form) = form? {
        einvoice::expect(tx, &issued, form).await?;
    }
    emit(tx, EventKind::InvoiceIssued, issued.id.0);
    Ok(issued)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_dates() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(due_date(day("2026-01-31"), None, 30).unwrap(), day("2026-03-02"));
        assert_eq!(due_date(day("2026-01-31"), Some(day("2026-01-31")), 30).unwrap(), day("2026-01-31"));
        assert!(due_date(day("2026-01-31"), Some(day("2026-01-30")), 30).is_err());
    }
}
