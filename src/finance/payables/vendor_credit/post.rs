//! Posting a vendor credit: entry, what it settles of the bill, and what is left with the vendor.

use backoffice_money::{Decimal, Prices, add, neg, sub};
use chrono::{Datelike, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Numeric, Uuid as SqlUuid};
use futures_util::future::{join5, try_join3};

use super::{VendorCredit, VendorCreditPostInput};
use crate::finance::document::Kind;
use crate::finance::document::posting::{Currencies, entry_worth};
use crate::finance::document::pricing::{Line, total};
use crate::finance::ids::{BillId, JournalEntryId, VendorCreditId};
use crate::finance::ledger::dimension::split;
use crate::finance::ledger::journal::{self, EntrySource, JournalEntry, NewEntry};
use crate::finance::open_item::allocation::{self, NewAllocation};
use crate::finance::open_item::{self, NewItem, OpenItem, Party, Source, early_payment};
use crate::finance::payables::bill::{Bill, BillStatus, normalized};
use crate::finance::receivables::credit_note::CreditNoteLineInput;
use crate::finance::receivables::credit_note::issue::{Row, Shares, wanted};
use crate::finance::receivables::credit_note::rules::{Credited, Invoiced, Terms, credit, totals};
use crate::finance::withholding;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{currency, relabel, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, Dec};
use crate::platform::sql::sql;
use crate::schema::{bill, open_item as item_table, vendor_credit};

/// The posted bill, locked until the transaction ends, so that its credits are written one after the other.
async fn lock(tx: &Tx, id: BillId) -> Result<Bill> {
    let found: Option<Bill> = tx
        .maybe(
            bill::table
                .filter(bill::tenant_id.eq(tx.tenant()?))
                .filter(bill::id.eq(id))
                .select(Bill::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("bill", "bill"))?;
    if found.status != BillStatus::Posted {
        let message = "This bill is a draft: change it instead.";
        return Err(Error::refuse(UserErrorCode::State, "bill", message));
    }
    if found.gross.0 <= Decimal::ZERO {
        let message = "Nothing is owed on this bill that a credit could take back.";
        return Err(Error::refuse(UserErrorCode::State, "bill", message));
    }
    Ok(found)
}

async fn lines_of(tx: &Tx, id: BillId) -> Result<Vec<Row>> {
    tx.rows(
        sql("SELECT l.id, l.description, l.quantity, l.unit_price, l.discount_percent, l.account_id, l.tax_code_id,
                    t.account_id AS tax_account_id, l.tax_percent, coalesce(c.quantity, 0) AS taken_quantity,
                    coalesce(c.net, 0) AS taken_net, coalesce(c.tax, 0) AS taken_tax,
                    l.second_tax_code_id, s.account_id AS second_account_id, l.second_tax_percent,
                    coalesce(c.second_tax, 0) AS taken_second, l.dimensions
               FROM finance.bill_line l
               LEFT JOIN finance.tax_code t ON t.tenant_id = l.tenant_id AND t.id = l.tax_code_id
               LEFT JOIN finance.tax_code s ON s.tenant_id = l.tenant_id AND s.id = l.second_tax_code_id
               LEFT JOIN (SELECT k.bill_line_id, sum(k.quantity) AS quantity, sum(k.net) AS net, sum(k.tax) AS tax,
                                 sum(k.second_tax) AS second_tax
                            FROM finance.vendor_credit n
                            JOIN finance.vendor_credit_line k ON k.tenant_id = n.tenant_id AND k.vendor_credit_id = n.id
                           WHERE n.tenant_id = $1 AND n.bill_id = $2 GROUP BY k.bill_line_id) c ON c.bill_line_id = l.id
              WHERE l.tenant_id = $1 AND l.bill_id = $2 ORDER BY l.line_no")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id),
    )
    .await
}

async fn item_of(tx: &Tx, id: BillId) -> Result<OpenItem> {
    let found: Option<OpenItem> = tx
        .maybe(
            item_table::table
                .filter(item_table::tenant_id.eq(tx.tenant()?))
                .filter(item_table::bill_id.eq(id))
                .select(OpenItem::as_select())
                .for_update(),
        )
        .await?;
    found.ok_or_else(|| {
        let message = "All of this bill was withheld, so that nothing of it was ever open: take it back by an entry of the journal.";
        Error::refuse(UserErrorCode::State, "bill", message)
    })
}

/// The refusal of a credit that is there already, if it is: it names the first one as that was written.
async fn duplicate(tx: &Tx, bill: &Bill, number: &str, year: i32) -> Result<Option<Error>> {
    let found: Option<VendorCredit> = tx
        .maybe(
            vendor_credit::table
                .filter(vendor_credit::tenant_id.eq(tx.tenant()?))
                .filter(vendor_credit::vendor_id.eq(bill.vendor_id))
                .filter(vendor_credit::normalized_number.eq(number.to_owned()))
                .filter(vendor_credit::credit_year.eq(year))
                .select(VendorCredit::as_select()),
        )
        .await?;
    Ok(found.map(|found| {
        let message = format!("This credit is posted already: number {} of {}.", found.number, found.credit_date.0);
        Error::refuse(UserErrorCode::Duplicate, "number", message)
    }))
}

/// The day on which the bill stands in the books, and the refusal of a credit before it.
async fn posted_on(tx: &Tx, bill: &Bill, day: NaiveDate) -> Result<NaiveDate> {
    if day < bill.bill_date.0 {
        let message = "A credit is not dated before its bill.";
        return Err(Error::refuse(UserErrorCode::Invalid, "creditDate", message));
    }
    let entry = bill.entry_id.ok_or_else(|| Error::fault("a posted bill without its entry"))?;
    let found = JournalEntry::fetch(tx, vec![entry]).await?.remove(&entry);
    Ok(found.ok_or_else(|| Error::fault("a posted bill without its entry"))?.entry_date.0)
}

/// Posts a credit.
pub(super) async fn post(tx: &Tx, input: VendorCreditPostInput) -> Result<VendorCredit> {
    sized("reason", &input.reason, 1..=500)?;
    let compared = normalized(&input.number)?;
    let credit_day = input.credit_date.0;
    let day = input.posting_date.map_or(credit_day, |date| date.0);
    let tenant = tx.tenant()?;
    let bill = lock(tx, input.bill).await?;
    if let Some(refusal) = duplicate(tx, &bill, &compared, credit_day.year()).await? {
        return Err(refusal);
    }
    let (money, book) = (currency(&bill.currency.0)?, currency(tx.book_currency())?);
    let (rows, item, bought_on) =
        try_join3(lines_of(tx, bill.id), item_of(tx, bill.id), posted_on(tx, &bill, credit_day)).await?;
    let bought: Vec<Line> = rows.iter().map(Row::line).collect::<Result<_>>()?;
    let bill_totals = total(&bought, bill.terms(), money)?;
    let lines: Vec<Invoiced> = rows
        .iter()
        .zip(&bought)
        .zip(&bill_totals.lines)
        .map(|((row, line), amounts)| row.invoiced(line, amounts))
        .collect();
    let terms = bill.terms();
    let terms = Terms { prices: terms.prices(), method: terms.rounding.into(), exponent: money.exponent() };
    let given = input.lines.map(|lines| lines.into_iter().map(CreditNoteLineInput::from).collect());
    let credited = credit(&lines, &wanted(given, &lines, terms.prices, "bill")?, terms)?;
    let note = totals(&lines, &credited)?;
    // what a discount took off is not given back again
    let off = early_payment::taken(tx, item.id).await?;
    let mut left = sub(bill.gross.0, off)?;
    for line in &lines {
        left = sub(left, line.taken(Prices::IncludeTax)?)?;
    }
    if note.gross <= Decimal::ZERO {
        let message = "A credit takes something back: its total is more than zero.";
        return Err(Error::refuse(UserErrorCode::Invalid, "lines", message));
    }
    if note.gross > left {
        let message = format!("Only {} {money} of bill {} can still be credited.", left.normalize(), bill.number);
        return Err(Error::refuse(UserErrorCode::OverAllocated, "lines", message));
    }

    let currencies = Currencies { document: money, book, rate: bill.exchange_rate.0 };
    let back = withholding::give_back(tx, &bill, note.net, note.gross, currencies).await?;
    let shares = Shares::of(sub(note.gross, back.document)?, &item, bill.exchange_rate.0, book)?;
    let worth = add(add(shares.settled_book, shares.rest_book)?, back.book)?;
    let returned: Vec<Line> = credited.iter().filter_map(|one| bought.get(one.line).cloned()).collect();
    let description: String =
        format!("{} for {} {}", input.number, bill.number, bill.vendor_name).chars().take(500).collect();
    // the bill turned round is posted as an invoice is
    let entry = entry_worth(Kind::Invoice, item.account_id, &returned, &note, currencies, &description, Some(worth))?;
    let posted_lines = withholding::on_entry(Kind::Invoice, entry.lines, item.account_id, &back)?;
    // what was split among values of dimensions comes back from the same ones
    let posted_lines = split::apply(tx, bought_on, posted_lines).await?;

    let (id, entry_id) = (VendorCreditId::new(), JournalEntryId::new());
    let posting = journal::post_as(
        tx,
        entry_id,
        NewEntry {
            date: day,
            description,
            currency: money,
            source: EntrySource::VendorCredit,
            source_id: Some(id.0),
            reverses: None,
            lines: posted_lines,
        },
    );
    let written = tx.maybe(
        diesel::insert_into(vendor_credit::table)
            .values((
                vendor_credit::tenant_id.eq(tenant),
                vendor_credit::id.eq(id),
                vendor_credit::bill_id.eq(bill.id),
                vendor_credit::vendor_id.eq(bill.vendor_id),
                vendor_credit::number.eq(input.number.clone()),
                vendor_credit::normalized_number.eq(compared),
                vendor_credit::credit_date.eq(input.credit_date),
                vendor_credit::credit_year.eq(credit_day.year()),
                vendor_credit::posted_on.eq(Date(day)),
                vendor_credit::reason.eq(input.reason),
                vendor_credit::currency.eq(bill.currency.clone()),
                vendor_credit::vendor_name.eq(bill.vendor_name.clone()),
                vendor_credit::net.eq(note.net),
                vendor_credit::tax.eq(note.tax),
                vendor_credit::gross.eq(note.gross),
                vendor_credit::withheld.eq(Dec(back.document)),
                vendor_credit::entry_id.eq(entry_id),
            ))
            // another one with this number came in between: done again, it is found
            .on_conflict((
                vendor_credit::tenant_id,
                vendor_credit::vendor_id,
                vendor_credit::normalized_number,
                vendor_credit::credit_year,
            ))
            .do_nothing()
            .returning(VendorCredit::as_returning()),
    );
    let settled =
        NewAllocation { open_item: item.id, amount: shares.settled, amount_book: shares.settled_book, undoes: None };
    let settled = if shares.settled.is_zero() { Vec::new() } else { vec![settled] };
    let mut rest = Vec::new();
    if !shares.rest.is_zero() {
        rest.push(NewItem {
            party: Party::Vendor(bill.vendor_id),
            source: Source::VendorCredit(id),
            document: input.number,
            party_name: bill.vendor_name.clone(),
            entry: entry_id,
            account: item.account_id,
            item_date: credit_day,
            due_date: credit_day,
            currency: bill.currency.0.clone(),
            amount: neg(shares.rest)?,
            amount_book: neg(shares.rest_book)?,
        });
    }
    // One round trip for all. Told is the first refusal: what follows it fails only because of it.
    let (posted, written, lined, allocated, opened) = join5(
        posting,
        written,
        write_lines(tx, id, &rows, &credited),
        allocation::write(tx, entry_id, day, &settled),
        open_item::open(tx, &rest),
    )
    .await;
    posted.map_err(|error| relabel(error, &[("date", "postingDate"), ("lines", "bill")]))?;
    let written: VendorCredit = written?.ok_or(Error::Retry)?;
    lined?;
    allocated?;
    opened?;
    withholding::write(tx, &back, withholding::Of::VendorCredit(id), bill.vendor_id, entry_id, day).await?;
    emit(tx, EventKind::VendorCreditPosted, id.0);
    Ok(written)
}

async fn write_lines(tx: &Tx, note: VendorCreditId, rows: &[Row], credited: &[Credited]) -> Result<()> {
    let of = |one: &Credited| rows.get(one.line);
    let taxes = |place: usize| -> Vec<Decimal> {
        credited.iter().map(|one| one.taxes.get(place).copied().unwrap_or_default()).collect()
    };
    tx.exec(
        sql("INSERT INTO finance.vendor_credit_line (tenant_id, id, vendor_credit_id, line_no, bill_line_id, bill_line_no, description,
                                                   quantity, account_id, tax_code_id, tax_percent, net, tax,
                                                   second_tax_code_id, second_tax_percent, second_tax)
             SELECT $1, n.id, $2, n.line_no, l.id, l.line_no, l.description, n.quantity, l.account_id, l.tax_code_id, l.tax_percent, n.net, n.tax,
                    l.second_tax_code_id, l.second_tax_percent, n.second_tax
               FROM unnest($3::uuid[], $4::uuid[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[]) WITH ORDINALITY
                 AS n (id, bill_line_id, quantity, net, tax, second_tax, line_no)
               JOIN finance.bill_line l ON l.tenant_id = $1 AND l.id = n.bill_line_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(note)
            .bind::<Array<SqlUuid>, _>(credited.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(credited.iter().filter_map(|one| Some(of(one)?.id)).collect::<Vec<_>>())
            .bind::<Array<Nullable<Numeric>>, _>(credited.iter().map(|one| one.quantity).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(credited.iter().map(|one| one.net).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(taxes(0))
            .bind::<Array<Numeric>, _>(taxes(1)),
    )
    .await?;
    Ok(())
}
