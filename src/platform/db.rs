//! Connections, and the transaction that one operation runs in. Nobody outside the platform takes a connection.
//!
//! A connection goes back to its pool only when its transaction is known to have ended. Dropped in the middle (a client
//! hung up, a time-out, a panic), its statement is cancelled and it is closed instead: nobody ever borrows another
//! client's half-done work, and nobody's locks outlive his request.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::ConnectionError;
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;
use tracing::Instrument;
use uuid::Uuid;

use super::door::{DoorRow, Entered, Entrance, Known, Memory, anonymous};
use super::error::{Error, Result};
use super::outbox::{self, Told};
use super::share::{Place, Share, Shares};
use super::sql::Sql;

/// How long the database has to take note of a cancelled statement.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an abandoned transaction has to end before its connection is closed regardless; above `statement_timeout`.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(16);

/// Under which target the spans stand that may go to a collector of traces.
pub(crate) const TRACED: &str = "backoffice::trace";

/// The time that the database takes for a step of a transaction; nothing where traces are not sent.
macro_rules! span {
    ($name:literal $(, $more:ident = $value:expr)?) => {
        tracing::trace_span!(target: TRACED, $name, otel.kind = "client", db.system.name = "postgresql" $(, $more = $value)?)
    };
}

/// How long an operation waits before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For a connection.
    pub connection: Duration,
    /// For the answer of one statement.
    pub statement: Duration,
    /// For a row that somebody else is changing.
    pub lock: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self { connection: Duration::from_secs(10), statement: Duration::from_secs(15), lock: Duration::from_secs(8) }
    }
}

impl Waits {
    /// Every session of the server: bounded statements, bounded waiting, bounded idling inside a transaction. Plans are
    /// made once a statement and session: left to itself, PostgreSQL plans a list of ids (`= ANY`) anew each time, because
    /// it takes the plan for one id to be cheaper than that for many, and planning costs several times what running does.
    /// Plans that last must not be those of a table that is still empty, which are scans of the whole of it: every client's
    /// table has an index that begins with the client.
    fn session_settings(self) -> String {
        format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = '20s'; SET search_path = pg_catalog; SET jit = off; \
             SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off",
            self.statement.as_millis(),
            self.lock.as_millis()
        )
    }
}

/// Where the three login roles reach the database.
#[derive(Clone, Debug)]
pub struct Urls {
    /// Acts for one client at a time.
    pub app: String,
    /// Reads across the clients that its caller is granted.
    pub portfolio: String,
    /// Signs people in; sees no client's table.
    pub identity: String,
}

/// The pools of one worker thread.
#[derive(Clone)]
pub struct Pools {
    pub(super) app: Lender,
    pub(super) portfolio: Lender,
    pub(super) identity: Lender,
    pub(super) memory: Memory,
    shares: Shares,
}

/// The connections of one role, how long one is waited for, and how many of them one client may hold.
#[derive(Clone)]
pub(super) struct Lender {
    pool: Pool<AsyncPgConnection>,
    wait: Duration,
    /// Whose work it is for, where each client has a share.
    share: Option<Share>,
}

impl Pools {
    /// Lays out the pools; connections are made when first needed. `size` is the number of connections for clients' work.
    pub fn new(urls: &Urls, size: usize) -> Result<Self> {
        Self::with(urls, size, Waits::default())
    }

    /// The same with waits of one's own.
    pub fn with(urls: &Urls, size: usize, waits: Waits) -> Result<Self> {
        Ok(Self {
            app: pool(&urls.app, size, waits)?,
            portfolio: pool(&urls.portfolio, size.div_ceil(4).max(1), waits)?,
            identity: pool(&urls.identity, size.div_ceil(4).max(1), waits)?,
            memory: Memory::default(),
            shares: Shares::default(),
        })
    }

    /// The same with at most so many connections for one client's work at once: however much one has to do, the others
    /// find a connection.
    #[must_use]
    pub fn shared_fairly(self, most: usize) -> Self {
        Self { shares: Shares::of(most), ..self }
    }

    /// The connections for the work of one client.
    pub(super) fn of_client(&self, client: Uuid) -> Lender {
        Lender { share: self.shares.share(client), ..self.app.clone() }
    }

    /// How many connections are lent, by the role that they are of.
    #[must_use]
    pub fn lent(&self) -> [(&'static str, InUse); 3] {
        [("app", self.app.lent()), ("portfolio", self.portfolio.lent()), ("identity", self.identity.lent())]
    }

    /// Whether the database answers: one round trip on the sign-in role.
    pub async fn ping(&self) -> Result<()> {
        let mut lent = acquire(&self.identity).await?;
        SimpleAsyncConnection::batch_execute(&mut *lent.connection, "SELECT 1").await?;
        Ok(())
    }
}

/// What becomes of the connections of a pool at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct InUse {
    /// How many there may be.
    pub most: u64,
    /// How many there are.
    pub open: u64,
    /// How many an operation holds.
    pub in_use: u64,
    /// How many operations wait for one.
    pub waiting: u64,
}

impl Lender {
    fn lent(&self) -> InUse {
        let now = self.pool.status();
        InUse {
            most: now.max_size as u64,
            open: now.size as u64,
            in_use: now.size.saturating_sub(now.available) as u64,
            waiting: now.waiting as u64,
        }
    }
}

fn pool(url: &str, size: usize, waits: Waits) -> Result<Lender> {
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| Box::pin(connect(url, waits)));
    let pool = Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config))
        .max_size(size)
        .build()
        .map_err(Error::fault)?;
    Ok(Lender { pool, wait: waits.connection, share: None })
}

async fn connect(url: &str, waits: Waits) -> std::result::Result<AsyncPgConnection, ConnectionError> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection.batch_execute(&waits.session_settings()).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A connection, and the place in its client's share that it takes.
struct Lent {
    connection: Object<AsyncPgConnection>,
    place: Option<Place>,
}

async fn acquire(lender: &Lender) -> Result<Lent> {
    let lent = async {
        let place = match &lender.share {
            Some(share) => share.place().await,
            None => None,
        };
        lender.pool.get().await.map(|connection| Lent { connection, place })
    };
    match tokio::time::timeout(lender.wait, lent).instrument(span!("connection")).await {
        Ok(Ok(lent)) => Ok(lent),
        Ok(Err(error)) => Err(Error::fault(error)),
        Err(_) => {
            metrics::counter!("backoffice_pool_exhausted_total").increment(1);
            tracing::warn!("no connection became free in time");
            Err(Error::Unavailable)
        }
    }
}

/// A borrowed connection that is closed, not returned, unless its transaction ended well.
struct Borrowed {
    connection: Option<Object<AsyncPgConnection>>,
    place: Option<Place>,
    ended: AtomicBool,
    /// Statements whose answers have not come. One whose future was dropped counts for ever: nobody heard its answer.
    running: AtomicU32,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if !self.ended.load(Ordering::Acquire)
            && let Some(connection) = self.connection.take()
        {
            metrics::counter!("backoffice_connections_discarded_total").increment(1);
            let running = self.running.load(Ordering::Acquire) > 0;
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => {
                    runtime.spawn(discard(connection, self.place.take(), running));
                }
                Err(_) => drop(Object::take(connection)),
            }
        }
    }
}

/// Closes a connection whose transaction was left open. Its place in the pool stays taken until the database has let
/// go: cut-off requests would otherwise pile up sessions, each holding its locks and waiting for others'.
async fn discard(mut connection: Object<AsyncPgConnection>, place: Option<Place>, running: bool) {
    if running {
        let cancel = connection.cancel_token();
        let _ = tokio::time::timeout(CANCEL_TIMEOUT, cancel.cancel_query(NoTls)).await;
    }
    // Answered behind whatever was still running; if not, closing ends it as well, only later.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, connection.batch_execute("ROLLBACK")).await;
    drop(Object::take(connection));
    drop(place);
}

/// One transaction: who acts, for which client, on which clock. Made by [`super::scope::Scope`] only.
pub struct Tx {
    borrowed: Borrowed,
    failed: AtomicBool,
    retry: AtomicBool,
    statements: AtomicU32,
    /// Whether a job was put into the queue, which workers are told at the commit.
    asks_for_work: AtomicBool,
    pub(super) entered: Entered,
    opened_at: OnceLock<DateTime<Utc>>,
    ahead: Option<Ahead>,
    told: Mutex<Vec<Told>>,
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
            entered,
            opened_at,
            ahead,
            told: Mutex::default(),
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
    pub(crate) fn open_anonymous(pools: &Pools) -> BoxFuture<'_, Result<Self>> {
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
        self.now().with_timezone(&self.entered.time_zone).date_naive()
    }

    /// The client's time zone.
    #[must_use]
    pub fn time_zone(&self) -> chrono_tz::Tz {
        self.entered.time_zone
    }

    /// The currency of the client's books.
    #[must_use]
    pub fn book_currency(&self) -> &str {
        &self.entered.currency
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
    pub(crate) async fn end(&self, commit: bool) -> Result<bool> {
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

    /// Wakes the workers when this has been committed.
    pub(crate) fn ask_for_work(&self) {
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
    pub(crate) async fn finish(self, commit: bool) -> Result<bool> {
        self.end(commit).await
    }

    /// Runs the checks that wait for the commit now, for a dry run that is going to be rolled back.
    pub(super) async fn check_now(&self) -> Result<()> {
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

impl Borrowed {
    fn new(Lent { connection, place }: Lent) -> Self {
        Self { connection: Some(connection), place, ended: AtomicBool::new(false), running: AtomicU32::new(0) }
    }

    /// Begins the transaction and asks the door, in one round trip: polled in this order, BEGIN is on its way first.
    async fn knock(&self, begin: Begin, door: Sql<'static>) -> Result<DoorRow> {
        let (mut for_begin, mut for_door) = (self.get()?, self.get()?);
        let (began, rows) = self
            .hear(futures_util::future::join(
                for_begin.batch_execute(begin.sql()),
                diesel_async::RunQueryDsl::load::<DoorRow>(door, &mut for_door),
            ))
            .instrument(span!("door"))
            .await;
        began?;
        rows?.pop().ok_or_else(|| Error::fault("the door gave no row"))
    }

    /// Waits for an answer of the database, and knows for as long that one is still to come.
    async fn hear<T>(&self, answer: impl Future<Output = T> + Send) -> T {
        self.running.fetch_add(1, Ordering::AcqRel);
        let answer = answer.await;
        self.running.fetch_sub(1, Ordering::AcqRel);
        answer
    }

    fn get(&self) -> Result<&AsyncPgConnection> {
        self.connection.as_deref().ok_or_else(|| Error::fault("the connection is gone"))
    }
}
