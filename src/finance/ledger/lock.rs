//! The ledger and its two locks. The soft lock moves both ways, and named people may post below it for a time and a
//! reason; the hard lock only moves forward and binds everybody. The database checks both at every posting.

use std::collections::HashMap;

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use chrono::{DateTime as Moment, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Date as SqlDate, Nullable, Uuid as SqlUuid};

use super::check_text;
use crate::finance::ids::{LedgerId, LockExceptionId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{ledger, lock_exception};

/// The longest exception.
const MAX_DAYS: i64 = 30;

/// A set of books.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = ledger)]
pub struct Ledger {
    /// Global id.
    pub id: LedgerId,
    /// Short name; `GENERAL` for the general ledger.
    pub code: String,
    /// Name.
    pub name: String,
    /// The currency that the books are kept in; never changes.
    pub currency: CurrencyCode,
    /// The last day of the soft lock: only people with an exception post up to it.
    pub soft_lock_on: Option<Date>,
    /// The last day of the hard lock: nobody posts up to it any more.
    pub hard_lock_on: Option<Date>,
    /// Counts changes.
    pub version: i32,
}

/// The key of the general ledger, of which every client has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct General;

impl Fetch for Ledger {
    type Key = General;
    type Value = Self;
    const CAN: Can = Can::PeriodRead;

    async fn fetch(tx: &Tx, _keys: Vec<General>) -> Result<HashMap<General, Self>> {
        Ok(general(tx).await?.map(|ledger| (General, ledger)).into_iter().collect())
    }
}

/// A person who may post below the soft lock for a while.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = lock_exception)]
pub struct LockException {
    /// Global id.
    pub id: LockExceptionId,
    /// The person.
    #[graphql(name = "account")]
    pub account_id: UserId,
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires_at: DateTime,
    /// When it was taken back before its end.
    pub revoked_at: Option<DateTime>,
    /// When it was granted.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

crate::platform::connection!(
    /// A page of exceptions from the soft lock.
    LockExceptionConnection, LockExceptionEdge, LockException
);

impl Fetch for LockException {
    type Key = LockExceptionId;
    type Value = Self;
    const CAN: Can = Can::PeriodRead;

    async fn fetch(tx: &Tx, keys: Vec<LockExceptionId>) -> Result<HashMap<LockExceptionId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                lock_exception::table
                    .filter(lock_exception::tenant_id.eq(tx.tenant()?))
                    .filter(lock_exception::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// How firmly a period is locked.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Can be moved back; people with an exception may post.
    Soft,
    /// For good; nobody posts.
    Hard,
}

/// What is to be locked.
#[derive(InputObject, Clone, Debug)]
pub struct PeriodLockInput {
    /// The last locked day; later than the lock's present day. A hard lock reaches no further than today.
    pub through: Date,
    /// How firmly.
    pub kind: LockKind,
}

/// How far the soft lock moves back.
#[derive(InputObject, Clone, Debug)]
pub struct PeriodUnlockInput {
    /// The last day that stays locked, earlier than the lock's present day; removes the soft lock if not said.
    pub through: Option<Date>,
}

/// Who may post below the soft lock.
#[derive(InputObject, Clone, Debug)]
pub struct LockExceptionGrantInput {
    /// The person: staff, or a user of this client. Nobody grants himself an exception.
    pub account: UserId,
    /// Why, 3 to 500 characters.
    pub reason: String,
    /// Until when: in the future, at most 30 days ahead.
    pub expires_at: DateTime,
}

/// Which exception ends now.
#[derive(InputObject, Clone, Debug)]
pub struct LockExceptionRevokeInput {
    /// The exception.
    pub id: LockExceptionId,
}

crate::platform::payload! {
    /// What became of the ledger's locks.
    LedgerPayload {
        /// The ledger as it is now.
        ledger: Ledger
    }
}

crate::platform::payload! {
    /// What became of an exception from the soft lock.
    LockExceptionPayload {
        /// The exception as it is now.
        lock_exception: LockException
    }
}

/// The client's general ledger.
pub async fn general(tx: &Tx) -> Result<Option<Ledger>> {
    tx.maybe(
        ledger::table
            .filter(ledger::tenant_id.eq(tx.tenant()?))
            .filter(ledger::code.eq("GENERAL"))
            .select(Ledger::as_select()),
    )
    .await
}

/// The client's general ledger, locked until the transaction ends.
pub async fn general_for_update(tx: &Tx) -> Result<Ledger> {
    let found: Option<Ledger> = tx
        .maybe(
            ledger::table
                .filter(ledger::tenant_id.eq(tx.tenant()?))
                .filter(ledger::code.eq("GENERAL"))
                .select(Ledger::as_select())
                .for_update(),
        )
        .await?;
    found.ok_or_else(|| Error::fault("the client has no general ledger"))
}

async fn lock(tx: &Tx, input: PeriodLockInput) -> Result<Ledger> {
    let found = general_for_update(tx).await?;
    let (soft, hard) = match input.kind {
        LockKind::Soft => (Some(input.through), found.hard_lock_on),
        LockKind::Hard => (found.soft_lock_on, Some(input.through)),
    };
    let present = if input.kind == LockKind::Soft { found.soft_lock_on } else { found.hard_lock_on };
    if present.is_some_and(|present| input.through <= present) {
        return Err(Error::refuse(UserErrorCode::State, "through", "The lock reaches that far already."));
    }
    if input.kind == LockKind::Hard && input.through.0 > tx.today() {
        return Err(Error::refuse(UserErrorCode::Invalid, "through", "A hard lock reaches no further than today."));
    }
    set(tx, &found, soft, hard).await.inspect(|ledger| emit(tx, EventKind::PeriodLocked, ledger.id.0))
}

async fn unlock(tx: &Tx, input: PeriodUnlockInput) -> Result<Ledger> {
    let found = general_for_update(tx).await?;
    let Some(present) = found.soft_lock_on else {
        return Err(Error::refuse(UserErrorCode::State, "through", "There is no soft lock."));
    };
    if input.through.is_some_and(|through| through >= present) {
        return Err(Error::refuse(UserErrorCode::Invalid, "through", "The soft lock only moves back here."));
    }
    let unlocked = set(tx, &found, input.through, found.hard_lock_on).await;
    unlocked.inspect(|ledger| emit(tx, EventKind::PeriodUnlocked, ledger.id.0))
}

#[derive(QueryableByName)]
struct Opens {
    #[diesel(sql_type = Nullable<SqlDate>)]
    opens_on: Option<NaiveDate>,
}

/// The first day behind the locks and the closed fiscal years; none if nothing is locked or closed.
pub async fn opens_on(tx: &Tx) -> Result<Option<NaiveDate>> {
    let found: Opens = tx
        .row(
            sql("SELECT greatest(l.soft_lock_on, l.hard_lock_on,
                                 (SELECT max(y.ends_on) FROM finance.year_closing c
                                    JOIN finance.fiscal_year y ON y.tenant_id = $1 AND y.id = c.fiscal_year_id
                                   WHERE c.tenant_id = $1 AND c.reopened_at IS NULL)) + 1 AS opens_on
                   FROM finance.ledger l WHERE l.tenant_id = $1 AND l.code = 'GENERAL'")
            .bind::<SqlUuid, _>(tx.tenant()?),
        )
        .await?;
    Ok(found.opens_on)
}

/// Moves the soft lock forward to a day, unless it reaches that far: for what locks a period by itself. Gives where it was.
pub(crate) async fn soft_at_least(tx: &Tx, through: Date) -> Result<Option<Date>> {
    let found = general_for_update(tx).await?;
    if found.soft_lock_on.is_none_or(|present| present < through) {
        set(tx, &found, Some(through), found.hard_lock_on).await?;
        emit(tx, EventKind::PeriodLocked, found.id.0);
    }
    Ok(found.soft_lock_on)
}

/// Moves the soft lock back to where it was, and so that a day is open again; refused if the hard lock reaches it.
pub(crate) async fn soft_before(tx: &Tx, day: Date, before: Option<Date>) -> Result<()> {
    let found = general_for_update(tx).await?;
    if found.hard_lock_on.is_some_and(|hard| hard >= day) {
        let message = "The books are locked for good up to a later day.";
        return Err(Error::refuse(UserErrorCode::PeriodLocked, "id", message));
    }
    if found.soft_lock_on.is_some_and(|present| present >= day) {
        let before = before.map(|before| before.min(day.0.pred_opt().map_or(before, Date)));
        set(tx, &found, before, found.hard_lock_on).await?;
        emit(tx, EventKind::PeriodUnlocked, found.id.0);
    }
    Ok(())
}

async fn set(tx: &Tx, found: &Ledger, soft: Option<Date>, hard: Option<Date>) -> Result<Ledger> {
    tx.row(
        diesel::update(ledger::table)
            .filter(ledger::tenant_id.eq(tx.tenant()?))
            .filter(ledger::id.eq(found.id))
            .set((ledger::soft_lock_on.eq(soft), ledger::hard_lock_on.eq(hard)))
            .returning(Ledger::as_returning()),
    )
    .await
}

/// Whether an exception may end then: in the future, and not too far.
fn is_short(now: Moment<Utc>, expires_at: Moment<Utc>) -> bool {
    let longest = TimeDelta::try_days(MAX_DAYS).and_then(|longest| now.checked_add_signed(longest));
    expires_at > now && longest.is_some_and(|longest| expires_at <= longest)
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bool)]
    known: bool,
}

async fn grant(tx: &Tx, input: LockExceptionGrantInput) -> Result<LockException> {
    check_text("reason", &input.reason, 500)?;
    if input.reason.trim().chars().count() < 3 {
        return Err(Error::refuse(UserErrorCode::Invalid, "reason", "A reason has at least 3 characters."));
    }
    if !is_short(tx.now(), input.expires_at.0) {
        return Err(Error::refuse(UserErrorCode::Invalid, "expiresAt", "An exception ends within the next 30 days."));
    }
    if input.account.0 == tx.actor() {
        return Err(Error::refuse(UserErrorCode::Invalid, "account", "Nobody grants himself an exception."));
    }
    let known: Known = tx.row(sql("SELECT identity.grantable($1) AS known").bind::<SqlUuid, _>(input.account)).await?;
    if !known.known {
        return Err(Error::not_found("account", "person"));
    }
    let books = general(tx).await?.ok_or_else(|| Error::fault("the client has no general ledger"))?;
    tx.row(
        diesel::insert_into(lock_exception::table)
            .values((
                lock_exception::tenant_id.eq(tx.tenant()?),
                lock_exception::id.eq(LockExceptionId::new()),
                lock_exception::ledger_id.eq(books.id),
                lock_exception::account_id.eq(input.account),
                lock_exception::reason.eq(input.reason),
                lock_exception::expires_at.eq(input.expires_at),
            ))
            .returning(LockException::as_returning()),
    )
    .await
    .inspect(|granted: &LockException| emit(tx, EventKind::LockExceptionGranted, granted.id.0))
}

async fn revoke(tx: &Tx, id: LockExceptionId) -> Result<LockException> {
    let found: Option<LockException> = tx
        .maybe(
            lock_exception::table
                .filter(lock_exception::tenant_id.eq(tx.tenant()?))
                .filter(lock_exception::id.eq(id))
                .select(LockException::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "exception"))?;
    if found.revoked_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This exception is revoked already."));
    }
    tx.row(
        diesel::update(lock_exception::table)
            .filter(lock_exception::tenant_id.eq(tx.tenant()?))
            .filter(lock_exception::id.eq(id))
            .set(lock_exception::revoked_at.eq(Some(DateTime(tx.now()))))
            .returning(LockException::as_returning()),
    )
    .await
    .inspect(|revoked: &LockException| emit(tx, EventKind::LockExceptionRevoked, revoked.id.0))
}

/// Queries about the ledger and its locks.
#[derive(Default)]
pub struct LockQuery;

#[Object]
impl LockQuery {
    /// The client's general ledger with its locks. Right: `finance.period.read`.
    async fn ledger(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Ledger>> {
        Ok(general(ctx.tx(Can::PeriodRead).await?).await?)
    }

    /// The exceptions from the soft lock, the newest first, ended ones included. Right: `finance.period.read`.
    async fn lock_exceptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<LockExceptionConnection> {
        let tx = ctx.tx(Can::PeriodRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> {
            Ok(lock_exception::table.filter(lock_exception::tenant_id.eq(tx.tenant()?)).into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(lock_exception::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(lock_exception::id.desc()).limit(slice.limit()).select(LockException::as_select()))
            .await?;
        Ok(LockExceptionConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of the ledger's locks.
#[derive(Default)]
pub struct LockMutation;

#[Object]
impl LockMutation {
    /// Locks the books up to a day. Rights: `finance.period.lock`, for a hard lock `finance.period.lock_hard`.
    async fn period_lock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be locked.")] input: PeriodLockInput,
    ) -> async_graphql::Result<Option<LedgerPayload>> {
        let can = if input.kind == LockKind::Hard { Can::PeriodLockHard } else { Can::PeriodLock };
        let tx = ctx.tx(can).await?;
        LedgerPayload::settle(ctx, lock(tx, input).await)
    }

    /// Moves the soft lock back, or removes it. The hard lock stays. Right: `finance.period.lock`.
    async fn period_unlock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How far it moves back.")] input: PeriodUnlockInput,
    ) -> async_graphql::Result<Option<LedgerPayload>> {
        let tx = ctx.tx(Can::PeriodLock).await?;
        LedgerPayload::settle(ctx, unlock(tx, input).await)
    }

    /// Lets a person post below the soft lock until a moment, for a reason. Right: `finance.period.lock`.
    async fn lock_exception_grant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, why and until when.")] input: LockExceptionGrantInput,
    ) -> async_graphql::Result<Option<LockExceptionPayload>> {
        let tx = ctx.tx(Can::PeriodLock).await?;
        LockExceptionPayload::settle(ctx, grant(tx, input).await)
    }

    /// Ends an exception now. Right: `finance.period.lock`.
    async fn lock_exception_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which exception.")] input: LockExceptionRevokeInput,
    ) -> async_graphql::Result<Option<LockExceptionPayload>> {
        let tx = ctx.tx(Can::PeriodLock).await?;
        LockExceptionPayload::settle(ctx, revoke(tx, input.id).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_ends_within_thirty_days() {
        let now = Moment::<Utc>::from_timestamp(1_790_000_000, 0).unwrap();
        let after = |seconds| now + TimeDelta::seconds(seconds);
        assert!(!is_short(now, now));
        assert!(!is_short(now, after(-1)));
        assert!(is_short(now, after(1)));
        assert!(is_short(now, after(30 * 86_400)));
        assert!(!is_short(now, after(30 * 86_400 + 1)));
    }
}
