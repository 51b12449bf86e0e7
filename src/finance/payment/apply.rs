//! What is free of a payment settles open items, and settles them no more; and payments are taken back.

use std::collections::HashMap;

use backoffice_money::{Balanced, Decimal, neg};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Numeric, Uuid as SqlUuid};
use futures_util::future::try_join;

use super::record::exchange;
use super::rules::{Facts, Off, Settled, Wanted, allocated, recorded, settle, undone};
use super::{Payment, PaymentAllocateInput, PaymentAllocationInput, PaymentAllocationUndoInput, PaymentReverseInput};
use crate::finance::bank::line;
use crate::finance::bank::matching::{self, LiveMatch};
use crate::finance::ids::{AccountId, AllocationId, JournalEntryId, OpenItemId, PaymentAllocationId, PaymentId};
use crate::finance::ledger::journal::{self, EntrySource, NewEntry, NewLine};
use crate::finance::open_item::allocation::{self, NewAllocation};
use crate::finance::open_item::early_payment::{self, Asked};
use crate::finance::open_item::{OpenItem, Party, lock_items};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, relabel};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::sql::{Sql, sql};

/// The most open items that one command settles.
const MOST: usize = 500;

/// Brings the wanted items together with their rows, which are locked, and the discounts that a payment of that day takes;
/// refuses those of another party.
pub(super) async fn wanted(
    tx: &Tx,
    given: Vec<PaymentAllocationInput>,
    items: &HashMap<OpenItemId, OpenItem>,
    party: Party,
    paid_on: NaiveDate,
) -> Result<Vec<Wanted>> {
    let mut wanted = found_all(&given, items, party)?;
    let asked: Vec<Asked<'_>> = wanted
        .iter()
        .zip(&given)
        .map(|(one, said)| Asked { item: &one.item, amount: one.amount, wish: said.discount })
        .collect();
    let discounts = early_payment::granted(tx, paid_on, &asked).await?;
    for (one, discount) in wanted.iter_mut().zip(discounts) {
        one.discount = discount;
    }
    Ok(wanted)
}

fn found_all(
    given: &[PaymentAllocationInput],
    items: &HashMap<OpenItemId, OpenItem>,
    party: Party,
) -> Result<Vec<Wanted>> {
    given
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let field = format!("allocations.{index}.openItem");
            let item = items.get(&one.open_item).cloned().ok_or_else(|| Error::not_found(&field, "open item"))?;
            let same = match party {
                Party::Customer(id) => item.customer_id == Some(id),
                Party::Vendor(id) => item.vendor_id == Some(id),
            };
            if !same {
                let message = "This open item is somebody else's than the payment.";
                return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
            }
            if item.payment_id.is_some() {
                let message = "What is free of another payment is not settled by this one.";
                return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
            }
            Ok(Wanted { item, amount: one.amount.0, discount: None })
        })
        .collect()
}

pub(super) fn check_count(given: &[PaymentAllocationInput]) -> Result<()> {
    if given.len() > MOST {
        let message = format!("At most {MOST} open items are settled at once.");
        return Err(Error::refuse(UserErrorCode::Invalid, "allocations", message));
    }
    Ok(())
}

/// What is written for items that are settled: their allocations, those of the payment's own item, and what ties them.
pub(super) async fn write(
    tx: &Tx,
    payment: (PaymentId, OpenItemId),
    (entry, day): (JournalEntryId, NaiveDate),
    wanted: &[Wanted],
    settled: &[Settled],
    exchange: Option<AccountId>,
) -> Result<()> {
    if settled.is_empty() {
        return Ok(());
    }
    let ids = || settled.iter().map(|_| AllocationId::new()).collect::<Vec<_>>();
    let (settles, uses) = (ids(), ids());
    let mut new = Vec::with_capacity(settled.len().saturating_mul(2));
    for (Wanted { item, .. }, one) in wanted.iter().zip(settled) {
        new.push(NewAllocation { open_item: item.id, amount: one.amount, amount_book: one.item_book, undoes: None });
    }
    for one in settled {
        let (amount, amount_book) = (neg(one.amount)?, neg(one.payment_book)?);
        new.push(NewAllocation { open_item: payment.1, amount, amount_book, undoes: None });
    }
    let offs: Vec<Option<AllocationId>> =
        settled.iter().map(|one| one.off.as_ref().map(|_| AllocationId::new())).collect();
    let mut parts = Vec::new();
    for ((Wanted { item, .. }, one), id) in wanted.iter().zip(settled).zip(&offs) {
        let Some((off, id)) = one.off.as_ref().zip(*id) else { continue };
        new.push(NewAllocation { open_item: item.id, amount: off.amount, amount_book: off.amount_book, undoes: None });
        parts.push((id, off.parts.as_slice()));
    }
    let all: Vec<AllocationId> = settles.iter().chain(&uses).chain(offs.iter().flatten()).copied().collect();
    allocation::write_as(tx, &all, entry, day, &new).await?;
    early_payment::write_parts(tx, &parts).await?;
    let differs = |one: &Settled| exchange.filter(|_| one.item_book != one.payment_book);
    tx.exec(
        sql("INSERT INTO finance.payment_allocation (tenant_id, id, payment_id, open_item_id, settles_id, uses_id, exchange_account_id, discount_id)
             SELECT $1, n.id, $2, n.open_item_id, n.settles_id, n.uses_id, n.exchange_account_id, n.discount_id
               FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[])
                 AS n (id, open_item_id, settles_id, uses_id, exchange_account_id, discount_id)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(payment.0)
            .bind::<Array<SqlUuid>, _>(settled.iter().map(|_| PaymentAllocationId::new()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(wanted.iter().map(|one| one.item.id).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(settles)
            .bind::<Array<SqlUuid>, _>(uses)
            .bind::<Array<Nullable<SqlUuid>>, _>(settled.iter().map(differs).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(offs),
    )
    .await?;
    Ok(())
}

pub(super) fn describe(number: &str, name: &str, reference: &str) -> String {
    let text = if reference.is_empty() { format!("{number} {name}") } else { format!("{number} {name}: {reference}") };
    text.chars().take(500).collect()
}

/// The statement that reads the payment's own open item.
pub(super) fn own_item<'a>(tx: &Tx, id: PaymentId) -> Result<Sql<'a>> {
    let text = "SELECT i.* FROM finance.open_item i WHERE i.tenant_id = $1 AND i.payment_id = $2";
    Ok(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<SqlUuid, _>(id))
}

/// A payment and its own open item, both as they are now.
async fn found(tx: &Tx, id: PaymentId, field: &str) -> Result<(Payment, OpenItem)> {
    let payment = Payment::fetch(tx, vec![id]).await?.remove(&id);
    let payment = payment.ok_or_else(|| Error::not_found(field, "payment"))?;
    let own = tx.maybe::<OpenItem, _>(own_item(tx, id)?).await?;
    Ok((payment, own.ok_or_else(|| Error::fault("a payment without its open item"))?))
}

fn party_of(payment: &Payment) -> Result<Party> {
    match (payment.customer_id, payment.vendor_id) {
        (Some(id), None) => Ok(Party::Customer(id)),
        (None, Some(id)) => Ok(Party::Vendor(id)),
        _ => Err(Error::fault("a payment of nobody")),
    }
}

fn facts_of(tx: &Tx, payment: &Payment, own: &OpenItem, exchange: Option<AccountId>) -> Result<Facts> {
    Ok(Facts {
        side: payment.side,
        currency: currency(&payment.currency.0)?,
        book: currency(tx.book_currency())?,
        free: neg(own.open_amount.0)?,
        free_book: neg(own.open_book.0)?,
        advance: own.account_id,
        exchange,
        description: describe(&payment.number, &payment.party_name, &payment.reference),
    })
}

fn check_day(day: NaiveDate, first: NaiveDate, what: &str) -> Result<()> {
    if day < first {
        let message = format!("This is not dated before {what}.");
        return Err(Error::refuse(UserErrorCode::Invalid, "date", message));
    }
    Ok(())
}

/// Allocates what is free of a payment.
pub(crate) async fn allocate(tx: &Tx, input: PaymentAllocateInput) -> Result<Payment> {
    check_count(&input.allocations)?;
    if input.allocations.is_empty() {
        let message = "Say at least one open item that is settled.";
        return Err(Error::refuse(UserErrorCode::Required, "allocations", message));
    }
    let (payment, own) = found(tx, input.payment, "payment").await?;
    let day = input.date.map_or_else(|| tx.today(), |date| date.0);
    check_day(day, payment.paid_on.0, "the payment")?;
    exchange(tx, input.exchange_account).await?;
    let mut ids: Vec<OpenItemId> = input.allocations.iter().map(|one| one.open_item).collect();
    ids.push(own.id);
    let mut items = lock_items(tx, ids).await?;
    let own = items.remove(&own.id).ok_or_else(|| Error::fault("the locked open item is gone"))?;
    let facts = facts_of(tx, &payment, &own, input.exchange_account)?;
    let wanted = wanted(tx, input.allocations, &items, party_of(&payment)?, payment.paid_on.0).await?;
    let settled = settle(&facts, &wanted)?;
    let lines = allocated(&facts, &wanted, &settled)?;
    let posted = journal::post(tx, entry_of(&payment, &facts, day, lines)).await;
    let posted = posted.map_err(|error| relabel(error, &[("lines", "allocations")]))?;
    write(tx, (payment.id, own.id), (posted.id, day), &wanted, &settled, input.exchange_account).await?;
    emit(tx, EventKind::PaymentAllocated, payment.id.0);
    Ok(payment)
}

fn entry_of(payment: &Payment, facts: &Facts, date: NaiveDate, lines: Balanced<NewLine>) -> NewEntry {
    NewEntry {
        date,
        description: facts.description.clone(),
        currency: facts.currency,
        source: EntrySource::Payment,
        source_id: Some(payment.id.0),
        reverses: None,
        lines,
    }
}

/// What a payment settled, as it was recorded.
#[derive(QueryableByName)]
struct Recorded {
    #[diesel(sql_type = SqlUuid)]
    payment_id: PaymentId,
    #[diesel(sql_type = SqlUuid)]
    open_item_id: OpenItemId,
    #[diesel(sql_type = SqlUuid)]
    settles_id: AllocationId,
    #[diesel(sql_type = SqlUuid)]
    uses_id: AllocationId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    exchange_account_id: Option<AccountId>,
    #[diesel(sql_type = SqlDate)]
    allocated_on: NaiveDate,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = Numeric)]
    item_book: Decimal,
    #[diesel(sql_type = Numeric)]
    payment_book: Decimal,
    #[diesel(sql_type = Bool)]
    undone: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    discount_id: Option<AllocationId>,
    #[diesel(sql_type = Numeric)]
    off: Decimal,
    #[diesel(sql_type = Numeric)]
    off_book: Decimal,
}

async fn recorded_as(tx: &Tx, id: PaymentAllocationId) -> Result<Recorded> {
    let found: Option<Recorded> = tx
        .maybe(
            sql("SELECT p.payment_id, p.open_item_id, p.settles_id, p.uses_id, p.exchange_account_id, s.allocated_on, s.amount,
                        p.discount_id, coalesce(d.amount, 0) AS off, coalesce(d.amount_book, 0) AS off_book,
                        s.amount_book AS item_book, -u.amount_book AS payment_book,
                        EXISTS (SELECT 1 FROM finance.allocation x WHERE x.tenant_id = $1 AND x.undoes_id = s.id) AS undone
                   FROM finance.payment_allocation p
                   JOIN finance.allocation s ON s.tenant_id = p.tenant_id AND s.id = p.settles_id
                   JOIN finance.allocation u ON u.tenant_id = p.tenant_id AND u.id = p.uses_id
                   LEFT JOIN finance.allocation d ON d.tenant_id = p.tenant_id AND d.id = p.discount_id
                  WHERE p.tenant_id = $1 AND p.id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id),
        )
        .await?;
    found.ok_or_else(|| Error::not_found("id", "allocation of a payment"))
}

/// Undoes one allocation.
pub(super) async fn undo(tx: &Tx, input: PaymentAllocationUndoInput) -> Result<Payment> {
    let before = recorded_as(tx, input.id).await?;
    let (payment, own) = found(tx, before.payment_id, "id").await?;
    let day = input.date.map_or(before.allocated_on, |date| date.0);
    check_day(day, before.allocated_on, "the allocation")?;
    let mut items = lock_items(tx, vec![before.open_item_id, own.id]).await?;
    // who came second finds it undone
    let before = recorded_as(tx, input.id).await?;
    if before.undone {
        return Err(Error::refuse(UserErrorCode::State, "id", "This allocation is undone already."));
    }
    let gone = || Error::fault("the locked open item is gone");
    let own = items.remove(&own.id).ok_or_else(gone)?;
    let item = items.remove(&before.open_item_id).ok_or_else(gone)?;
    let facts = facts_of(tx, &payment, &own, before.exchange_account_id)?;
    let off = match before.discount_id {
        Some(id) => {
            let parts = early_payment::parts_of(tx, id).await?;
            Some(Off { amount: before.off, amount_book: before.off_book, parts })
        }
        None => None,
    };
    let settled =
        Settled { amount: before.amount, item_book: before.item_book, payment_book: before.payment_book, off };
    let posted = journal::post(tx, entry_of(&payment, &facts, day, undone(&facts, &item, &settled)?)).await?;
    let mut new = vec![
        NewAllocation {
            open_item: item.id,
            amount: neg(before.amount)?,
            amount_book: neg(before.item_book)?,
            undoes: Some(before.settles_id),
        },
        NewAllocation {
            open_item: own.id,
            amount: before.amount,
            amount_book: before.payment_book,
            undoes: Some(before.uses_id),
        },
    ];
    if before.discount_id.is_some() {
        new.push(NewAllocation {
            open_item: item.id,
            amount: neg(before.off)?,
            amount_book: neg(before.off_book)?,
            undoes: before.discount_id,
        });
    }
    allocation::write(tx, posted.id, day, &new).await?;
    emit(tx, EventKind::PaymentAllocationUndone, payment.id.0);
    Ok(payment)
}

#[derive(QueryableByName)]
struct Is {
    #[diesel(sql_type = Bool)]
    so: bool,
}

/// Whether a payment was reversed: its own item is settled by what is no use of it.
async fn reversed(tx: &Tx, id: PaymentId) -> Result<bool> {
    let found: Is = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM finance.open_item i
                                  JOIN finance.allocation a ON a.tenant_id = i.tenant_id AND a.open_item_id = i.id
                                 WHERE i.tenant_id = $1 AND i.payment_id = $2 AND a.undoes_id IS NULL
                                   AND NOT EXISTS (SELECT 1 FROM finance.payment_allocation p
                                                    WHERE p.tenant_id = $1 AND p.uses_id = a.id)) AS so")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id),
        )
        .await?;
    Ok(found.so)
}

/// Takes a payment back of which nothing is allocated.
pub(super) async fn reverse(tx: &Tx, input: PaymentReverseInput) -> Result<Payment> {
    let (payment, own) = found(tx, input.id, "id").await?;
    let day = input.date.unwrap_or(payment.paid_on).0;
    check_day(day, payment.paid_on.0, "the payment")?;
    // in the order of whoever records: the bank line first
    if let Some(line) = payment.bank_line_id {
        line::lock(tx, line).await?;
    }
    let own = lock_items(tx, vec![own.id]).await?.remove(&own.id);
    let own = own.ok_or_else(|| Error::fault("the locked open item is gone"))?;
    if reversed(tx, payment.id).await? {
        return Err(Error::refuse(UserErrorCode::State, "id", "This payment is reversed already."));
    }
    if own.open_amount != own.amount {
        let message = "Something is settled by this payment: undo that first.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let text: String = format!("Reversed: {}", describe(&payment.number, &payment.party_name, &payment.reference));
    // with what it settled once and settles no more, its first entry may say more than the money: an entry
    // of its own takes the money back, not a reversal
    let facts = facts_of(tx, &payment, &own, None)?;
    let turned = Facts { free: neg(facts.free)?, free_book: neg(facts.free_book)?, ..facts };
    let lines = recorded(&turned, payment.account_id, &[], &[])?;
    let mut entry = entry_of(&payment, &turned, day, lines);
    entry.description = text.chars().take(500).collect();
    let posted = journal::post(tx, entry).await?;
    let all = NewAllocation { open_item: own.id, amount: own.amount.0, amount_book: own.open_book.0, undoes: None };
    let live = match payment.bank_line_id {
        Some(line) => LiveMatch::fetch(tx, vec![line]).await?.remove(&line),
        None => None,
    };
    let ended = async {
        match &live {
            Some(live) => matching::end(tx, live.id, posted.id).await,
            None => Ok(()),
        }
    };
    try_join(allocation::write(tx, posted.id, day, &[all]), ended).await?;
    if let Some(line) = payment.bank_line_id.filter(|_| live.is_some()) {
        emit(tx, EventKind::BankLineUnmatched, line.0);
    }
    emit(tx, EventKind::PaymentReversed, payment.id.0);
    Ok(payment)
}
