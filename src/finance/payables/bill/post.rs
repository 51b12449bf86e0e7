//! Posting a bill: entry, open item and the frozen bill.

use backoffice_money::sub;
use diesel::prelude::*;
use futures_util::future::{join3, try_join3};

use super::draft::lock_draft;
use super::{Bill, BillPostInput, BillStatus};
use crate::finance::chart;
use crate::finance::document::posting::{Currencies, entry};
use crate::finance::document::pricing::total;
use crate::finance::document::{Kind, lines};
use crate::finance::ids::JournalEntryId;
use crate::finance::ledger::account::Control;
use crate::finance::ledger::dimension::split;
use crate::finance::ledger::journal::{self, EntrySource, NewEntry};
use crate::finance::open_item::{self, NewItem, Party, Source, early_payment};
use crate::finance::payables::vendor;
use crate::finance::withholding;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::input::{currency, relabel};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Dec;
use crate::schema::bill;

/// Posts a draft.
pub(crate) async fn post(tx: &Tx, input: BillPostInput) -> Result<Bill> {
    let draft = lock_draft(tx, input.id, input.expected_version).await?;
    let (money, book) = (currency(&draft.currency.0)?, currency(tx.book_currency())?);
    let day = input.posting_date.unwrap_or(draft.bill_date).0;
    let (before, control, vendor) = try_join3(
        lines::draft(tx, Kind::Bill, draft.id.0, draft.bill_date.0),
        chart::control(tx, Control::Payable, money),
        vendor::find(tx, draft.vendor_id),
    )
    .await?;
    let vendor = vendor.ok_or_else(|| Error::fault("a bill without its vendor"))?;
    let lines = lines::at_posting(&before, draft.version, "id")?;
    let totals = total(&lines, draft.terms(), money)?;
    let early = early_payment::agreed(&input.early_payment.unwrap_or_default(), &totals, money, draft.bill_date.0)?;
    if !early.is_empty() {
        // the account that they need
        chart::control(tx, Control::DiscountReceived, money).await?;
    }
    let currencies = Currencies { document: money, book, rate: draft.exchange_rate.0 };
    let description = format!("{} {}", draft.number, vendor.name);
    let entry = entry(Kind::Bill, control.id, &lines, &totals, currencies, &description)?;
    // before the bill is frozen
    lines::reprice(tx, Kind::Bill, &before, &lines, &totals).await?;
    let held = withholding::take(tx, &draft, totals.net, totals.gross, day, currencies).await?;
    let (owed, owed_book) = (sub(totals.gross, held.document)?, sub(entry.gross_book, held.book)?);
    let posted_lines = withholding::on_entry(Kind::Bill, entry.lines, control.id, &held)?;
    let posted_lines = split::apply(tx, day, posted_lines).await?;
    let (entry_id, vendor_id) = (JournalEntryId::new(), vendor.id);
    let posting = journal::post_as(
        tx,
        entry_id,
        NewEntry {
            date: day,
            description,
            currency: money,
            source: EntrySource::Bill,
            source_id: Some(draft.id.0),
            reverses: None,
            lines: posted_lines,
        },
    );
    let item = NewItem {
        party: Party::Vendor(vendor.id),
        source: Source::Bill(draft.id),
        document: draft.number,
        party_name: vendor.name.clone(),
        entry: entry_id,
        account: control.id,
        item_date: draft.bill_date.0,
        due_date: draft.due_date.0,
        currency: draft.currency.0.clone(),
        amount: owed,
        amount_book: owed_book,
    };
    let items = if owed.is_zero() { &[][..] } else { std::slice::from_ref(&item) };
    let frozen = tx.row(
        diesel::update(bill::table)
            .filter(bill::tenant_id.eq(tx.tenant()?))
            .filter(bill::id.eq(draft.id))
            .set((
                bill::status.eq(BillStatus::Posted),
                bill::vendor_name.eq(vendor.name),
                bill::net.eq(totals.net),
                bill::tax.eq(totals.tax),
                bill::gross.eq(totals.gross),
                bill::withheld.eq(Dec(held.document)),
                bill::entry_id.eq(entry_id),
            ))
            .returning(Bill::as_returning()),
    );
    // One round trip for all. Told is the first refusal: what follows it fails only because of it.
    let (posted, opened, frozen) = join3(posting, open_item::open(tx, items), frozen).await;
    posted.map_err(|error| relabel(error, &[("date", "postingDate"), ("lines", "id")]))?;
    opened?;
    early_payment::write_terms(tx, Kind::Bill, draft.id.0, &early).await?;
    withholding::write(tx, &held, withholding::Of::Bill(draft.id), vendor_id, entry_id, day).await?;
    frozen.inspect(|posted: &Bill| emit(tx, EventKind::BillPosted, posted.id.0))
}
