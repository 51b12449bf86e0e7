//! Connections, and the transaction that one operation runs in. Nobody outside the platform takes a connection.
//!
//! A connection goes back to its pool only when its transaction is known to have ended. Dropped in the middle (a client
//! hung up, a time-out, a panic), its statement is cancelled and it is closed instead: nobody ever borrows another
//! client's half-done work, and nobody's locks outlive his request.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;
use tracing::Instrument;
use uuid::Uuid;

use super::door::{DoorRow, Entered, Entrance, Known, anonymous};
use super::error::{Error, Result};
use super::outbox::{self, Told};
use super::sql::Sql;

/// Under which target the spans stand that may go to a collector of traces.
pub const TRACED: &str = "backoffice::trace";

/// The time that the database takes for a step of a transaction; nothing where traces are not sent.
macro_rules! span {
    ($name:literal $(, $more:ident = $value:expr)?) => {
        tracing::trace_span!(target: $crate::platform::db::TRACED, $name, otel.kind = "client", db.system.name = "postgresql" $(, $more = $value)?)
    };
}

mod pool;

pub(super) use pool::Lender;
use pool::{Borrowed, acquire};
pub use pool::{InUse, Pools, Urls, Waits};

/// One transaction: who acts, for which client, on which clock. Made by [`super::scope::Scope`] only.
pub struct Tx {
    borrowed: Borrowed,
    failed: AtomicBool,
    retry: AtomicBool,
    statements: AtomicU32,
    /// Whether a job was put into the queue, which workers are told at the commit.
    asks_for_work: AtomicBool,
    /// Whether something was read that others with the same rights would not see.
    tells_own: AtomicBool,
    pub(super) entered: Entered,
    opened_at: OnceLock<DateTime<Utc>>,
    ahead: Option<Ahead>,
    told: Mutex<Vec<Told>>,
    /// The zone and the currency of the client that it has founded.
    founded: OnceLock<(chrono_tz::Tz, String)>,
}

/// A door that is asked together with the first statement, because what it will say is known from the last time.
struct Ahead {
    entrance: Entrance,
    known: Arc<Known>,
    /// None inside: it said what was expected.
    answer: OnceCell<Option<Error>>,
}

/// How the transaction starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begin {
    Read,
    Write,
}

impl Begin {
    fn sql(self) -> &'static str {
        match self {
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }
}

impl Tx {
    /// Opens a transaction and runs the door's statement in the same round trip. `enter` turns the door's row into
    /// what the transaction knows, or refuses.
    pub(super) fn open<'a>(
        pool: &'a Lender,
        begin: Begin,
        door: Sql<'static>,
        enter: impl FnOnce(DoorRow) -> Result<Entered> + Send + 'a,
    ) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let borrowed = Borrowed::new(acquire(pool).await?);
            let opened = borrowed.knock(begin, door).await?;
            let opened_at = opened.opened_at;
            match enter(opened) {
                Ok(entered) => Ok(Self::behind(borrowed, entered, OnceLock::from(opened_at), None)),
                Err(refused) => {
                    // Nothing happened in it: end it properly so that the connection can be used again.
                    let mut connection = borrowed.get()?;
                    borrowed.hear(connection.batch_execute("ROLLBACK")).await?;
                    borrowed.ended.store(true, Ordering::Release);
                    Err(refused)
                }
            }
        })
    }

    /// A transaction that only reads, whose opening travels with its first statement: what the door will say is known
    /// from the last time, and is checked before anything is looked at that the statement gave.
    pub(super) fn ahead<'a>(pool: &'a Lender, entrance: Entrance, known: Arc<Known>) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let borrowed = Borrowed::new(acquire(pool).await?);
            let presumed = entrance.presumed(&known);
            let ahead = Ahead { entrance, known, answer: OnceCell::new() };
            Ok(Self::behind(borrowed, presumed, OnceLock::new(), Some(ahead)))
        })
    }

    fn behind(borrowed: Borrowed, entered: Entered, opened_at: OnceLock<DateTime<Utc>>, ahead: Option<Ahead>) -> Self {
        Self {
            borrowed,
            failed: AtomicBool::new(false),
            retry: AtomicBool::new(false),
            statements: AtomicU32::new(1),
            asks_for_work: AtomicBool::new(false),
            tells_own: AtomicBool::new(false),
            entered,
            opened_at,
            ahead,
            told: Mutex::default(),
            founded: OnceLock::new(),
        }
    }

    /// Asks the door if it has not been asked yet. Whatever is told of this transaction without a statement of its own
    /// waits for it first.
    pub(super) async fn pass(&self) -> Result<()> {
        let Some(ahead) = &self.ahead else { return Ok(()) };
        match ahead.answer.get_or_init(|| async { self.ask(ahead).await.err() }).await {
            None => Ok(()),
            Some(refused) => Err(refused.again()),
        }
    }

    async fn ask(&self, ahead: &Ahead) -> Result<()> {
        let answer = async {
            let row = self.borrowed.knock(Begin::Read, ahead.entrance.statement(Some(&ahead.known))).await?;
            let opened_at = row.opened_at;
            let entered = ahead.entrance.enter(row, Some(&ahead.known))?;
            if entered != self.entered {
                // What was presumed has changed since. Nothing was told yet: the operation starts anew, knowing it.
                return Err(Error::Retry);
            }
            let presumed = self.today();
            let _ = self.opened_at.set(opened_at);
            if self.today() != presumed {
                // The two clocks stood on two sides of midnight, and the first statement may have asked for the wrong day.
                ahead.entrance.forget();
                return Err(Error::Retry);
            }
            Ok(())
        };
        answer.await.inspect_err(|error| {
            self.failed.store(true, Ordering::Release);
            self.retry.fetch_or(matches!(error, Error::Retry), Ordering::AcqRel);
        })
    }

    /// Opens a transaction of its own on the sign-in role, for what happens before anybody is known or has to last
    /// although the operation is refused (failed attempts, a stolen refresh token). Whoever opens it ends it with
    /// [`Tx::finish`], before the operation's own transaction is opened: an operation never holds two connections.
    pub fn open_anonymous(pools: &Pools) -> BoxFuture<'_, Result<Self>> {
        Self::open(&pools.identity, Begin::Write, anonymous(), |row| row.enter(Uuid::nil(), None))
    }

    /// All rows of a statement.
    pub fn rows<'a, T, Q>(&'a self, query: Q) -> BoxFuture<'a, Result<Vec<T>>>
    where
        Q: LoadQuery<'a, &'a AsyncPgConnection, T> + Send + 'a,
        T: Send + 'a,
    {
        Box::pin(async move {
            self.count()?;
            let mut connection = self.borrowed.get()?;
            // Polled in this order: a door that was not asked yet is asked on the way.
            let loading = self.borrowed.hear(diesel_async::RunQueryDsl::load(query, &mut connection));
            let loading = loading.instrument(span!("rows", of = std::any::type_name::<T>()));
            let (passed, rows) = futures_util::future::join(self.pass(), loading).await;
            passed?;
            self.note(rows)
        })
    }

    /// The one row of a statement, if there is one.
    pub fn maybe<'a, T, Q>(&'a self, query: Q) -> BoxFuture<'a, Result<Option<T>>>
    where
        Q: LoadQuery<'a, &'a AsyncPgConnection, T> + Send + 'a,
        T: Send + 'a,
    {
        Box::pin(async move { Ok(self.rows(query).await?.pop()) })
    }

    /// The one row of a statement that must give one.
    pub fn row<'a, T, Q>(&'a self, query: Q) -> BoxFuture<'a, Result<T>>
    where
        Q: LoadQuery<'a, &'a AsyncPgConnection, T> + Send + 'a,
        T: Send + 'a,
    {
        Box::pin(async move { self.rows(query).await?.pop().ok_or_else(|| Error::fault("a statement gave no row")) })
    }

    /// Runs a statement; gives the number of rows it touched.
    pub fn exec<'a, Q>(&'a self, query: Q) -> BoxFuture<'a, Result<usize>>
    where
        Q: ExecuteDsl<&'a AsyncPgConnection> + Send + 'a,
    {
        Box::pin(async move {
            self.count()?;
            let mut connection = self.borrowed.get()?;
            let running = self.borrowed.hear(diesel_async::RunQueryDsl::execute(query, &mut connection));
            let running = running.instrument(span!("execute"));
            let (passed, count) = futures_util::future::join(self.pass(), running).await;
            passed?;
            self.note(count)
        })
    }

    /// The client of this transaction. Portfolio and provider transactions have none.
    pub fn tenant(&self) -> Result<Uuid> {
        self.entered.tenant.ok_or_else(|| Error::fault("this transaction belongs to no client"))
    }

    /// Who acts: an account's or a service account's id.
    #[must_use]
    pub fn actor(&self) -> Uuid {
        self.entered.actor
    }

    /// The actor's name as it stands in the trail.
    #[must_use]
    pub fn actor_name(&self) -> &str {
        &self.entered.actor_name
    }

    /// The database's clock at the start of this transaction.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let presumed = || self.ahead.as_ref().map(|ahead| ahead.known.now());
        self.opened_at.get().copied().or_else(presumed).unwrap_or_else(Utc::now)
    }

    /// Today in the client's time zone.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.now().with_timezone(&self.time_zone()).date_naive()
    }

    /// The client's time zone.
    #[must_use]
    pub fn time_zone(&self) -> chrono_tz::Tz {
        self.founded.get().map_or(self.entered.time_zone, |(zone, _)| *zone)
    }

    /// The currency of the client's books.
    #[must_use]
    pub fn book_currency(&self) -> &str {
        self.founded.get().map_or(&self.entered.currency, |(_, currency)| currency)
    }

    /// Notes what is said of the client that this transaction has just founded: nobody could say it at the door.
    pub fn has_founded(&self, zone: chrono_tz::Tz, currency: &str) {
        let _ = self.founded.set((zone, currency.to_owned()));
    }

    /// The rights that the actor holds in this transaction.
    #[must_use]
    pub fn permissions(&self) -> &[super::can::Can] {
        &self.entered.permissions
    }

    /// Statements run so far, the opening ones included.
    #[must_use]
    pub fn statements(&self) -> u32 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Whether a statement failed, or its answer was not waited for: either way nothing of this may be kept.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.borrowed.running.load(Ordering::Acquire) > 0
    }

    /// Whether a statement failed because another transaction won.
    pub(super) fn wants_retry(&self) -> bool {
        self.retry.load(Ordering::Acquire)
    }

    /// Ends the transaction: commits if asked and nothing failed in it, else rolls back. True if it was committed.
    ///
    /// PostgreSQL answers COMMIT of a failed transaction by rolling back without an error, hence the flag.
    pub async fn end(&self, commit: bool) -> Result<bool> {
        if self.borrowed.ended.load(Ordering::Acquire) {
            return Ok(false);
        }
        if self.ahead.as_ref().is_some_and(|ahead| ahead.answer.get().is_none())
            && self.borrowed.running.load(Ordering::Acquire) == 0
        {
            // Nothing was sent: there is no transaction yet.
            self.borrowed.ended.store(true, Ordering::Release);
            return Ok(false);
        }
        let commit = commit && !self.has_failed();
        let told = if commit { self.told() } else { None };
        let last = match &told {
            // As one text: if the events cannot be written the rest of it is not run, and nothing is kept.
            Some(events) => format!("{events}; COMMIT"),
            None => if commit { "COMMIT" } else { "ROLLBACK" }.to_owned(),
        };
        let mut connection = self.borrowed.get()?;
        let ending = if commit { span!("commit") } else { span!("rollback") };
        let ended = self.borrowed.hear(connection.batch_execute(&last)).instrument(ending).await;
        // A check that waits for the commit refused: that has ended the transaction, and this proves it.
        let proven =
            ended.is_ok() || (commit && self.borrowed.hear(connection.batch_execute("ROLLBACK")).await.is_ok());
        self.borrowed.ended.store(proven, Ordering::Release);
        ended?;
        if commit && self.asks_for_work.load(Ordering::Acquire) {
            super::jobs::ring();
        }
        if let (Some(_), Some(client)) = (told, self.entered.tenant) {
            outbox::bell().ring(client);
        }
        Ok(commit)
    }

    /// Notes that what is read depends on who reads, not on his rights alone.
    pub fn tells_own(&self) {
        self.tells_own.store(true, Ordering::Release);
    }

    /// Whether something was read that others with the same rights would not see.
    pub fn has_told_own(&self) -> bool {
        self.tells_own.load(Ordering::Acquire)
    }

    /// Wakes the workers when this has been committed.
    pub fn ask_for_work(&self) {
        self.asks_for_work.store(true, Ordering::Release);
    }

    /// Notes an event for the commit.
    pub(super) fn tell(&self, event: Told) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// The statement that writes the events of this transaction, if it has any.
    fn told(&self) -> Option<String> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        (!told.is_empty()).then(|| outbox::statement(&told))
    }

    /// Ends a transaction of one's own and gives its connection back.
    pub async fn finish(self, commit: bool) -> Result<bool> {
        self.end(commit).await
    }

    /// Runs the checks that wait for the commit now, for a dry run that is going to be rolled back.
    pub async fn check_now(&self) -> Result<()> {
        let mut connection = self.borrowed.get()?;
        self.note(self.borrowed.hear(connection.batch_execute("SET CONSTRAINTS ALL IMMEDIATE")).await)
    }

    fn count(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::RolledBack);
        }
        self.statements.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn note<T>(&self, result: diesel::QueryResult<T>) -> Result<T> {
        result.map_err(|error| {
            let error = Error::from(error);
            self.failed.store(true, Ordering::Release);
            self.retry.fetch_or(matches!(error, Error::Retry), Ordering::AcqRel);
            error
        })
    }
}
