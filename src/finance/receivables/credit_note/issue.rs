//! Issuing a credit note: number, entry, what it settles of the invoice, and what is left for the customer.

use std::collections::HashSet;

use backoffice_money::{Currency, Decimal, LineTotals, Prices, add, mul, neg, round, sub};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use futures_util::future::{join5, try_join3};
use uuid::Uuid;

use super::rules::{Amount, Credited, Invoiced, Taxed, Terms, credit, totals};
use super::{CreditNote, CreditNoteIssueInput, CreditNoteLineInput};
use crate::finance::document::posting::{Currencies, Paid, entry_paid};
use crate::finance::document::pricing::{Line, LineTax, total};
use crate::finance::document::{Kind, cash_rounding};
use crate::finance::ids::{AccountId, CreditNoteId, InvoiceId, JournalEntryId, TaxCodeId};
use crate::finance::ledger::dimension::{Labels, split};
use crate::finance::ledger::journal::{self, EntrySource, NewEntry};
use crate::finance::open_item::allocation::{self, NewAllocation};
use crate::finance::open_item::{self, NewItem, OpenItem, Party, Source, early_payment};
use crate::finance::receivables::invoice::{Invoice, InvoiceStatus};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{currency, relabel, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;
use crate::schema::{credit_note, invoice, open_item as item_table};

#[derive(QueryableByName)]
struct Taking {
    #[diesel(sql_type = Text)]
    number: String,
}

#[derive(QueryableByName)]
struct Differences {
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

/// A line of the document that is taken back, and what notes took back of it.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Numeric)]
    quantity: Decimal,
    #[diesel(sql_type = Numeric)]
    unit_price: Decimal,
    #[diesel(sql_type = Numeric)]
    discount_percent: Decimal,
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    tax_code_id: Option<TaxCodeId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    tax_account_id: Option<AccountId>,
    #[diesel(sql_type = Numeric)]
    tax_percent: Decimal,
    #[diesel(sql_type = Numeric)]
    taken_quantity: Decimal,
    #[diesel(sql_type = Numeric)]
    taken_net: Decimal,
    #[diesel(sql_type = Numeric)]
    taken_tax: Decimal,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    second_tax_code_id: Option<TaxCodeId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    second_account_id: Option<AccountId>,
    #[diesel(sql_type = Numeric)]
    second_tax_percent: Decimal,
    #[diesel(sql_type = Numeric)]
    taken_second: Decimal,
    #[diesel(sql_type = Jsonb)]
    dimensions: serde_json::Value,
}

impl Row {
    /// The line as it was posted.
    pub(crate) fn line(&self) -> Result<Line> {
        let tax = |code: Option<TaxCodeId>, account: Option<AccountId>, percent| {
            code.zip(account).map(|(code, account)| LineTax { code, account, percent })
        };
        Ok(Line {
            description: self.description.clone(),
            quantity: self.quantity,
            unit_price: self.unit_price,
            discount_percent: self.discount_percent,
            account: self.account_id,
            tax: tax(self.tax_code_id, self.tax_account_id, self.tax_percent),
            second_tax: tax(self.second_tax_code_id, self.second_account_id, self.second_tax_percent),
            labels: Labels::from_json(&self.dimensions)?,
        })
    }

    /// The line with its amounts as the document has them, and what notes took back of them.
    pub(crate) fn invoiced(&self, line: &Line, amounts: &LineTotals) -> Invoiced {
        let taken = [self.taken_tax, self.taken_second];
        Invoiced {
            quantity: self.quantity,
            net: amounts.net,
            taxes: line
                .tax_keys()
                .into_iter()
                .zip(&amounts.taxes)
                .zip(taken)
                .map(|((key, tax), taken)| Taxed { code: key.key, percent: key.percent, tax: *tax, taken })
                .collect(),
            taken_quantity: self.taken_quantity,
            taken_net: self.taken_net,
        }
    }
}

/// The issued invoice, locked until the transaction ends, so that its notes are written one after the other.
async fn lock(tx: &Tx, id: InvoiceId) -> Result<Invoice> {
    let found: Option<Invoice> = tx
        .maybe(
            invoice::table
                .filter(invoice::tenant_id.eq(tx.tenant()?))
                .filter(invoice::id.eq(id))
                .select(Invoice::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("invoice", "invoice"))?;
    if found.status != InvoiceStatus::Issued {
        let message = "This invoice is a draft: change or drop it instead.";
        return Err(Error::refuse(UserErrorCode::State, "invoice", message));
    }
    if found.gross.0 <= Decimal::ZERO {
        let message = "Nothing is owed on this invoice that a credit note could take back.";
        return Err(Error::refuse(UserErrorCode::State, "invoice", message));
    }
    Ok(found)
}

async fn lines_of(tx: &Tx, id: InvoiceId) -> Result<Vec<Row>> {
    tx.rows(
        sql("SELECT l.id, l.description, l.quantity, l.unit_price, l.discount_percent, l.account_id, l.tax_code_id,
                    t.account_id AS tax_account_id, l.tax_percent, coalesce(c.quantity, 0) AS taken_quantity,
                    coalesce(c.net, 0) AS taken_net, coalesce(c.tax, 0) AS taken_tax,
                    l.second_tax_code_id, s.account_id AS second_account_id, l.second_tax_percent,
                    coalesce(c.second_tax, 0) AS taken_second, l.dimensions
               FROM finance.invoice_line l
               LEFT JOIN finance.tax_code t ON t.tenant_id = l.tenant_id AND t.id = l.tax_code_id
               LEFT JOIN finance.tax_code s ON s.tenant_id = l.tenant_id AND s.id = l.second_tax_code_id
               LEFT JOIN (SELECT k.invoice_line_id, sum(k.quantity) AS quantity, sum(k.net) AS net, sum(k.tax) AS tax,
                                 sum(k.second_tax) AS second_tax
                            FROM finance.credit_note n
                            JOIN finance.credit_note_line k ON k.tenant_id = n.tenant_id AND k.credit_note_id = n.id
                           WHERE n.tenant_id = $1 AND n.invoice_id = $2 GROUP BY k.invoice_line_id) c ON c.invoice_line_id = l.id
              WHERE l.tenant_id = $1 AND l.invoice_id = $2 ORDER BY l.line_no")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id),
    )
    .await
}

async fn item_of(tx: &Tx, id: InvoiceId) -> Result<OpenItem> {
    let found: Option<OpenItem> = tx
        .maybe(
            item_table::table
                .filter(item_table::tenant_id.eq(tx.tenant()?))
                .filter(item_table::invoice_id.eq(id))
                .select(OpenItem::as_select())
                .for_update(),
        )
        .await?;
    found.ok_or_else(|| {
        let message = "Rounded to coins this invoice came to nothing: there is nothing to take back.";
        Error::refuse(UserErrorCode::State, "invoice", message)
    })
}

/// Which lines are wanted back, by their places in the list. `of` is the field that names what is taken back.
pub(crate) fn wanted(
    given: Option<Vec<CreditNoteLineInput>>,
    lines: &[Invoiced],
    prices: Prices,
    of: &str,
) -> Result<Vec<(usize, Amount)>> {
    let Some(given) = given else {
        let mut rest = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if !line.gone(prices)? {
                rest.push((index, Amount::Rest));
            }
        }
        if rest.is_empty() {
            let message = format!("This {of} is credited in full.");
            return Err(Error::refuse(UserErrorCode::OverAllocated, of, message));
        }
        return Ok(rest);
    };
    if given.is_empty() {
        return Err(Error::refuse(UserErrorCode::Required, "lines", "A credit note has at least one line."));
    }
    let mut seen = HashSet::new();
    let mut wanted = Vec::with_capacity(given.len());
    for (place, line) in given.into_iter().enumerate() {
        let field = format!("lines.{place}.line");
        let index = usize::try_from(line.line).ok().and_then(|number| number.checked_sub(1));
        let index = index.filter(|index| *index < lines.len());
        let index = index.ok_or_else(|| Error::not_found(&field, &format!("line of the {of}")))?;
        if !seen.insert(index) {
            let message = format!("This line of the {of} is named twice.");
            return Err(Error::refuse(UserErrorCode::Duplicate, &field, message));
        }
        let amount = match (line.quantity, line.amount) {
            (None, None) => Amount::Rest,
            (Some(quantity), None) => Amount::Quantity(quantity.0),
            (None, Some(amount)) => Amount::Allowance(amount.0),
            (Some(_), Some(_)) => {
                let message = "Say how many come back or what is allowed on the line, not both.";
                return Err(Error::refuse(UserErrorCode::Invalid, &format!("lines.{place}.amount"), message));
            }
        };
        wanted.push((index, amount));
    }
    Ok(wanted)
}

/// What a note settles of the document's open item and what is left for the party, each in both currencies.
pub(crate) struct Shares {
    /// What it settles, in the document's currency.
    pub settled: Decimal,
    /// The same in the books' currency.
    pub settled_book: Decimal,
    /// What is left, in the document's currency.
    pub rest: Decimal,
    /// The same in the books' currency.
    pub rest_book: Decimal,
}

impl Shares {
    /// Shares of a note: as much as is open is settled at what it stands in the books with, the rest is worth the rate.
    pub(crate) fn of(gross: Decimal, item: &OpenItem, rate: Decimal, book: Currency) -> Result<Self> {
        let settled = gross.min(item.open_amount.0);
        let rest = sub(gross, settled)?;
        let settled_book = if settled.is_zero() { Decimal::ZERO } else { item.book_share(settled, book)? };
        let rest_book = if item.currency == book.code() { rest } else { round(mul(rest, rate)?, book)? };
        Ok(Self { settled, settled_book, rest, rest_book })
    }
}

fn check_day(day: NaiveDate, invoice: &Invoice) -> Result<()> {
    if invoice.issue_date.is_some_and(|issued| day < issued.0) {
        let message = "A credit note is not dated before its invoice.";
        return Err(Error::refuse(UserErrorCode::Invalid, "issueDate", message));
    }
    Ok(())
}

/// Issues a credit note.
pub(super) async fn issue(tx: &Tx, input: CreditNoteIssueInput) -> Result<CreditNote> {
    sized("reason", &input.reason, 1..=500)?;
    let tenant = tx.tenant()?;
    let day = input.issue_date.map_or_else(|| tx.today(), |date| date.0);
    let invoice = lock(tx, input.invoice).await?;
    check_day(day, &invoice)?;
    let (money, book) = (currency(&invoice.currency.0)?, currency(tx.book_currency())?);
    let next_number = sql("SELECT core.next_number($1, 'credit_note', 'CN-') AS number").bind::<SqlUuid, _>(tenant);
    let (rows, item, taking) =
        try_join3(lines_of(tx, invoice.id), item_of(tx, invoice.id), tx.row::<Taking, _>(next_number)).await?;
    let sold: Vec<Line> = rows.iter().map(Row::line).collect::<Result<_>>()?;
    let invoice_totals = total(&sold, invoice.terms(), money)?;
    let lines: Vec<Invoiced> = rows
        .iter()
        .zip(&sold)
        .zip(&invoice_totals.lines)
        .map(|((row, line), amounts)| row.invoiced(line, amounts))
        .collect();
    let terms = invoice.terms();
    let terms = Terms { prices: terms.prices(), method: terms.rounding.into(), exponent: money.exponent() };
    let credited = credit(&lines, &wanted(input.lines, &lines, terms.prices, "invoice")?, terms)?;
    let note = totals(&lines, &credited)?;
    // what a discount took off is not given back again
    let off = early_payment::taken(tx, item.id).await?;
    let mut left = sub(invoice.gross.0, off)?;
    for line in &lines {
        left = sub(left, line.taken(Prices::IncludeTax)?)?;
    }
    if note.gross <= Decimal::ZERO {
        let message = "A credit note takes something back: its total is more than zero.";
        return Err(Error::refuse(UserErrorCode::Invalid, "lines", message));
    }
    if note.gross > left {
        let number = invoice.number.as_deref().unwrap_or_default();
        let message = format!("Only {} {money} of invoice {number} can still be credited.", left.normalize());
        return Err(Error::refuse(UserErrorCode::OverAllocated, "lines", message));
    }

    let earlier = differences(tx, invoice.id).await?;
    // what was to be paid for what is left: with the difference that is not taken back yet
    let left_payable = add(left, sub(invoice.cash_difference.0, earlier)?)?.max(Decimal::ZERO);
    let cash = cash_rounding::of_note(tx, note.gross, (left, left_payable), invoice.cash_difference.0, money).await?;
    let payable = cash_rounding::payable(note.gross, cash)?;
    let shares = Shares::of(payable, &item, invoice.exchange_rate.0, book)?;
    let worth = add(shares.settled_book, shares.rest_book)?;
    let currencies = Currencies { document: money, book, rate: invoice.exchange_rate.0 };
    let returned: Vec<Line> = credited.iter().filter_map(|one| sold.get(one.line).cloned()).collect();
    let of = invoice.number.clone().unwrap_or_default();
    let description: String =
        format!("{} for {of} {}", taking.number, invoice.customer_name).chars().take(500).collect();
    // the invoice turned round is posted as a bill is
    let paid = Paid { worth: Some(worth), cash };
    let entry = entry_paid(Kind::Bill, item.account_id, &returned, &note, currencies, &description, paid)?;
    // what was split among values of dimensions comes back from the same ones
    let sold_on = invoice.issue_date.map_or(day, |issued| issued.0);
    let posted_lines = split::apply(tx, sold_on, entry.lines).await?;

    let (id, entry_id) = (CreditNoteId::new(), JournalEntryId::new());
    let posting = journal::post_as(
        tx,
        entry_id,
        NewEntry {
            date: day,
            description,
            currency: money,
            source: EntrySource::CreditNote,
            source_id: Some(id.0),
            reverses: None,
            lines: posted_lines,
        },
    );
    let written = tx.row(
        diesel::insert_into(credit_note::table)
            .values((
                credit_note::tenant_id.eq(tenant),
                credit_note::id.eq(id),
                credit_note::invoice_id.eq(invoice.id),
                credit_note::customer_id.eq(invoice.customer_id),
                credit_note::number.eq(taking.number.clone()),
                credit_note::issue_date.eq(Date(day)),
                credit_note::reason.eq(input.reason),
                credit_note::currency.eq(invoice.currency.clone()),
                credit_note::customer_name.eq(invoice.customer_name.clone()),
                credit_note::net.eq(note.net),
                credit_note::tax.eq(note.tax),
                credit_note::gross.eq(note.gross),
                credit_note::cash_difference.eq(cash.map(|cash| cash.difference).unwrap_or_default()),
                credit_note::entry_id.eq(entry_id),
            ))
            .returning(CreditNote::as_returning()),
    );
    let settled =
        NewAllocation { open_item: item.id, amount: shares.settled, amount_book: shares.settled_book, undoes: None };
    let settled = if shares.settled.is_zero() { Vec::new() } else { vec![settled] };
    let mut rest = Vec::new();
    if !shares.rest.is_zero() {
        rest.push(NewItem {
            party: Party::Customer(invoice.customer_id),
            source: Source::CreditNote(id),
            document: taking.number,
            party_name: invoice.customer_name,
            entry: entry_id,
            account: item.account_id,
            item_date: day,
            due_date: day,
            currency: invoice.currency.0,
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
    posted.map_err(|error| relabel(error, &[("date", "issueDate"), ("lines", "invoice")]))?;
    let written: CreditNote = written?;
    lined?;
    allocated?;
    opened?;
    emit(tx, EventKind::CreditNoteIssued, id.0);
    Ok(written)
}

/// What earlier notes took back beyond their gross amounts.
async fn differences(tx: &Tx, invoice: InvoiceId) -> Result<Decimal> {
    let found: Differences = tx
        .row(
            sql("SELECT coalesce(sum(n.cash_difference), 0) AS amount FROM finance.credit_note n
                  WHERE n.tenant_id = $1 AND n.invoice_id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(invoice),
        )
        .await?;
    Ok(found.amount)
}

async fn write_lines(tx: &Tx, note: CreditNoteId, rows: &[Row], credited: &[Credited]) -> Result<()> {
    let of = |one: &Credited| rows.get(one.line);
    let taxes = |place: usize| -> Vec<Decimal> {
        credited.iter().map(|one| one.taxes.get(place).copied().unwrap_or_default()).collect()
    };
    tx.exec(
        sql("INSERT INTO finance.credit_note_line (tenant_id, id, credit_note_id, line_no, invoice_line_id, invoice_line_no, description,
                                                   quantity, account_id, tax_code_id, tax_percent, net, tax,
                                                   second_tax_code_id, second_tax_percent, second_tax)
             SELECT $1, n.id, $2, n.line_no, l.id, l.line_no, l.description, n.quantity, l.account_id, l.tax_code_id, l.tax_percent, n.net, n.tax,
                    l.second_tax_code_id, l.second_tax_percent, n.second_tax
               FROM unnest($3::uuid[], $4::uuid[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[]) WITH ORDINALITY
                 AS n (id, invoice_line_id, quantity, net, tax, second_tax, line_no)
               JOIN finance.invoice_line l ON l.tenant_id = $1 AND l.id = n.invoice_line_id")
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
