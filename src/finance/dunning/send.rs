//! Reminders go out, or do not: what is asked for is looked at once more, and what it costs is booked.

use std::collections::HashMap;

use backoffice_money::{Balanced, Currency, Decimal, add, mul, neg, round, sub};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::propose::{Only, candidates, fee};
use super::{
    DunningItem, DunningItemState, DunningNotice, DunningNoticeDropInput, DunningOmission, DunningRun, DunningState,
    gone, items_of, level,
};
use crate::finance::chart;
use crate::finance::document::pricing::exchange_rate;
use crate::finance::ids::{DunningItemId, DunningNoticeId, JournalEntryId};
use crate::finance::ledger::account::Control;
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::exchange_rate::given_or_on;
use crate::finance::ledger::journal::{self, EntrySource, NewEntry, NewLine};
use crate::finance::open_item::{self, NewItem, Party, Source, lock_items};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::CorrespondenceEntryId;
use crate::platform::input::{currency, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::sql::sql;
use crate::schema::{dunning_item, dunning_notice};

/// A reminder that is about to be sent, with what it asks for now.
pub struct Ready {
    /// The reminder.
    pub notice: DunningNotice,
    /// The items that are still asked for, in their order.
    pub items: Vec<DunningItem>,
    /// The day of its run.
    pub run_on: NaiveDate,
}

async fn lock(tx: &Tx, ids: &[DunningNoticeId], field: &str) -> Result<Vec<DunningNotice>> {
    let found: Vec<DunningNotice> = tx
        .rows(
            dunning_notice::table
                .filter(dunning_notice::tenant_id.eq(tx.tenant()?))
                .filter(dunning_notice::id.eq_any(ids.to_vec()))
                .order(dunning_notice::id.asc())
                .select(DunningNotice::as_select())
                .for_update(),
        )
        .await?;
    for (index, id) in ids.iter().enumerate() {
        let field = if field == "id" { field.to_owned() } else { format!("{field}.{index}") };
        let Some(one) = found.iter().find(|one| one.id == *id) else {
            return Err(Error::not_found(&field, "reminder"));
        };
        if one.state != DunningState::Proposed {
            let message = format!("The reminder to {} was sent or dropped already.", one.customer_name);
            return Err(Error::refuse(UserErrorCode::State, &field, message));
        }
    }
    Ok(found)
}

/// Looks at reminders once more, locked until the transaction ends: what was paid since, or is in dispute now, is taken out,
/// and one that asks for nothing any more is dropped and not among the answers.
pub async fn ready(tx: &Tx, ids: &[DunningNoticeId]) -> Result<Vec<Ready>> {
    let notices = lock(tx, ids, "notices").await?;
    let items = items_of(tx, ids.to_vec()).await?;
    // whoever pays waits, or has paid
    lock_items(tx, items.iter().map(|item| item.open_item_id).collect()).await?;
    let runs = DunningRun::fetch(tx, notices.iter().map(|notice| notice.run_id).collect()).await?;
    let levels = level::all(tx).await?;
    let mut changed = Changed::default();
    let mut days: HashMap<NaiveDate, Vec<DunningItem>> = HashMap::new();
    for item in items {
        let day = runs.get(&item.run_id).ok_or_else(gone)?.run_on.0;
        days.entry(day).or_default().push(item);
    }
    let mut left: HashMap<DunningNoticeId, Vec<DunningItem>> = HashMap::new();
    for (day, items) in days {
        let only = Only::Items(items.iter().map(|item| item.open_item_id).collect());
        let of = notices.iter().map(|notice| notice.id.0).collect();
        let now: HashMap<_, _> =
            candidates(tx, day, only, of).await?.into_iter().map(|one| (one.open_item, one)).collect();
        for mut item in items {
            let outcome = match now.get(&item.open_item_id) {
                Some(found) => found.proposed(&levels, day)?,
                None => Err(DunningOmission::Settled),
            };
            // nothing of it is overdue any more: what was has been paid
            let outcome = outcome.map_err(|reason| match reason {
                DunningOmission::NotDue => DunningOmission::Settled,
                other => other,
            });
            match outcome {
                Ok(proposed) => {
                    (item.overdue.0, item.interest.0) = (proposed.overdue, proposed.interest);
                    (item.days_overdue, item.interest_percent.0) = (proposed.days_overdue, proposed.interest_percent);
                    changed.keep(&item);
                    if let Some(notice) = item.notice_id {
                        left.entry(notice).or_default().push(item);
                    }
                }
                Err(reason) => changed.take_out(item.id, reason),
            }
        }
    }
    changed.write(tx).await?;
    let mut ready = Vec::with_capacity(notices.len());
    for mut notice in notices {
        let run_on = runs.get(&notice.run_id).ok_or_else(gone)?.run_on.0;
        let mut items = left.remove(&notice.id).unwrap_or_default();
        items.sort_by_key(|item| item.id);
        let Some(highest) = items.iter().map(|item| item.level).max() else {
            write_dropped(tx, notice.id, "Nothing is left to ask for.").await?;
            continue;
        };
        let sums = items.iter().try_fold((Decimal::ZERO, Decimal::ZERO), |(overdue, interest), item| {
            Ok::<_, Error>((add(overdue, item.overdue.0)?, add(interest, item.interest.0)?))
        })?;
        let (fee, book) = fee(tx, &levels, highest, &notice.currency.0);
        (notice.level, notice.overdue.0, notice.interest.0) = (highest, sums.0, sums.1);
        (notice.fee.0, notice.book_charges) = (fee, book);
        ready.push(Ready { notice, items, run_on });
    }
    Ok(ready)
}

/// What becomes of items when their reminders are looked at once more.
#[derive(Default)]
struct Changed {
    ids: Vec<DunningItemId>,
    overdue: Vec<Decimal>,
    interest: Vec<Decimal>,
    percent: Vec<Decimal>,
    days: Vec<i32>,
    reason: Vec<Option<String>>,
}

impl Changed {
    fn keep(&mut self, item: &DunningItem) {
        self.ids.push(item.id);
        self.overdue.push(item.overdue.0);
        self.interest.push(item.interest.0);
        self.percent.push(item.interest_percent.0);
        self.days.push(item.days_overdue);
        self.reason.push(None);
    }

    fn take_out(&mut self, id: DunningItemId, reason: DunningOmission) {
        self.ids.push(id);
        self.overdue.push(Decimal::ZERO);
        self.interest.push(Decimal::ZERO);
        self.percent.push(Decimal::ZERO);
        self.days.push(0);
        self.reason.push(Some(reason.text().to_owned()));
    }

    async fn write(self, tx: &Tx) -> Result<()> {
        tx.exec(
            sql("UPDATE finance.dunning_item i
                    SET overdue = CASE WHEN n.reason IS NULL THEN n.overdue ELSE i.overdue END,
                        interest = CASE WHEN n.reason IS NULL THEN n.interest ELSE i.interest END,
                        interest_percent = CASE WHEN n.reason IS NULL THEN n.percent ELSE i.interest_percent END,
                        days_overdue = CASE WHEN n.reason IS NULL THEN n.days ELSE i.days_overdue END,
                        state = CASE WHEN n.reason IS NULL THEN i.state ELSE 'dropped' END, left_out_for = n.reason
                   FROM unnest($2::uuid[], $3::numeric[], $4::numeric[], $5::numeric[], $6::int[], $7::text[])
                     AS n (id, overdue, interest, percent, days, reason)
                  WHERE i.tenant_id = $1 AND i.id = n.id AND i.state = 'proposed'")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(self.ids)
            .bind::<Array<Numeric>, _>(self.overdue)
            .bind::<Array<Numeric>, _>(self.interest)
            .bind::<Array<Numeric>, _>(self.percent)
            .bind::<Array<Int4>, _>(self.days)
            .bind::<Array<Nullable<Text>>, _>(self.reason),
        )
        .await?;
        Ok(())
    }
}

async fn write_dropped(tx: &Tx, id: DunningNoticeId, reason: &str) -> Result<DunningNotice> {
    let items = diesel::update(dunning_item::table)
        .filter(dunning_item::tenant_id.eq(tx.tenant()?))
        .filter(dunning_item::notice_id.eq(id))
        .filter(dunning_item::state.eq(DunningItemState::Proposed))
        .set(dunning_item::state.eq(DunningItemState::Dropped));
    tx.exec(items).await?;
    tx.row(
        diesel::update(dunning_notice::table)
            .filter(dunning_notice::tenant_id.eq(tx.tenant()?))
            .filter(dunning_notice::id.eq(id))
            .set((dunning_notice::state.eq(DunningState::Dropped), dunning_notice::reason.eq(reason.to_owned())))
            .returning(DunningNotice::as_returning()),
    )
    .await
    .inspect(|dropped: &DunningNotice| emit(tx, EventKind::DunningNoticeDropped, dropped.id.0))
}

/// Drops a reminder.
pub(super) async fn drop(tx: &Tx, input: DunningNoticeDropInput) -> Result<DunningNotice> {
    sized("reason", &input.reason, 1..=500)?;
    lock(tx, &[input.id], "id").await?;
    write_dropped(tx, input.id, &input.reason).await
}

/// Says that a reminder, which is ready, was sent as a letter; books fee and interest where the client wants that.
pub async fn sent(tx: &Tx, ready: Ready, letter: CorrespondenceEntryId) -> Result<DunningNotice> {
    let Ready { notice, run_on, .. } = ready;
    let entry = if notice.book_charges { book(tx, &notice, run_on).await? } else { None };
    let items = diesel::update(dunning_item::table)
        .filter(dunning_item::tenant_id.eq(tx.tenant()?))
        .filter(dunning_item::notice_id.eq(notice.id))
        .filter(dunning_item::state.eq(DunningItemState::Proposed))
        .set(dunning_item::state.eq(DunningItemState::Sent));
    tx.exec(items).await?;
    tx.row(
        diesel::update(dunning_notice::table)
            .filter(dunning_notice::tenant_id.eq(tx.tenant()?))
            .filter(dunning_notice::id.eq(notice.id))
            .set((
                dunning_notice::state.eq(DunningState::Sent),
                dunning_notice::level.eq(notice.level),
                dunning_notice::overdue.eq(notice.overdue),
                dunning_notice::fee.eq(notice.fee),
                dunning_notice::interest.eq(notice.interest),
                dunning_notice::book_charges.eq(notice.book_charges),
                dunning_notice::letter_id.eq(letter),
                dunning_notice::entry_id.eq(entry),
            ))
            .returning(DunningNotice::as_returning()),
    )
    .await
    .inspect(|sent: &DunningNotice| emit(tx, EventKind::DunningNoticeSent, sent.id.0))
}

/// Books fee and interest: the customer owes them, as an open item of their own that is due at once.
async fn book(tx: &Tx, notice: &DunningNotice, day: NaiveDate) -> Result<Option<JournalEntryId>> {
    let total = add(notice.fee.0, notice.interest.0)?;
    if total.is_zero() {
        return Ok(None);
    }
    let (money, book) = (currency(&notice.currency.0)?, currency(tx.book_currency())?);
    let rate = exchange_rate(given_or_on(tx, None, money, day).await?, money, book)?;
    let worth = |amount: Decimal| -> Result<Decimal> { Ok(round(mul(amount, rate)?, book)?) };
    let (total_book, fee_book) = (worth(total)?, worth(notice.fee.0)?);
    if total_book.is_zero() {
        return Ok(None);
    }
    let control = chart::control(tx, Control::Receivable, money).await?;
    let description: String = format!("Reminder, level {}: {}", notice.level, notice.customer_name);
    let line = |account, amount: Decimal, amount_book: Decimal, money: Currency| NewLine {
        account,
        amount_document: amount,
        amount: amount_book,
        currency: money,
        description: description.clone(),
        tax_code: None,
        labels: Labels::none(),
    };
    let mut lines = vec![line(control.id, total, total_book, money)];
    for (role, amount, amount_book) in [
        (Control::DunningFee, notice.fee.0, fee_book),
        (Control::DunningInterest, notice.interest.0, sub(total_book, fee_book)?),
    ] {
        if !amount.is_zero() {
            let account = chart::control(tx, role, money).await?.id;
            lines.push(line(account, neg(amount)?, neg(amount_book)?, money));
        }
    }
    let entry = JournalEntryId::new();
    let posted = journal::post_as(
        tx,
        entry,
        NewEntry {
            date: day,
            description: description.clone(),
            currency: money,
            source: EntrySource::Dunning,
            source_id: Some(notice.id.0),
            reverses: None,
            lines: Balanced::check(book, lines)?,
        },
    )
    .await?;
    let item = NewItem {
        party: Party::Customer(notice.customer_id),
        source: Source::Dunning(notice.id),
        document: format!("Reminder {}", posted.number),
        party_name: notice.customer_name.clone(),
        entry,
        account: control.id,
        item_date: day,
        due_date: day,
        currency: notice.currency.0.clone(),
        amount: total,
        amount_book: total_book,
    };
    open_item::open(tx, std::slice::from_ref(&item)).await?;
    Ok(Some(entry))
}
