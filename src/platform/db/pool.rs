//! The connections of each role, and one that is borrowed: it goes back to its pool only when its transaction is known to
//! have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tracing::Instrument;
use uuid::Uuid;

use super::Begin;
use crate::platform::door::{DoorRow, Memory};
use crate::platform::error::{Error, Result};
use crate::platform::reach::Reach;
use crate::platform::share::{Place, Share, Shares};
use crate::platform::sql::Sql;

/// How long the database has to take note of a cancelled statement.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an abandoned transaction has to end before its connection is closed regardless; above `statement_timeout`.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(16);

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
    pub(crate) app: Lender,
    pub(crate) portfolio: Lender,
    pub(crate) identity: Lender,
    pub(crate) memory: Memory,
    shares: Shares,
}

/// The connections of one role, how long one is waited for, and how many of them one client may hold.
#[derive(Clone)]
pub(crate) struct Lender {
    pool: Pool<AsyncPgConnection>,
    reach: Arc<Reach>,
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
    pub(crate) fn of_client(&self, client: Uuid) -> Lender {
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
    let reach = Arc::new(Reach::of(url).map_err(Error::fault)?);
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new({
        let reach = Arc::clone(&reach);
        move |_| {
            let reach = Arc::clone(&reach);
            Box::pin(async move { connect(&reach, waits).await })
        }
    });
    let pool = Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config))
        .max_size(size)
        .build()
        .map_err(Error::fault)?;
    Ok(Lender { pool, reach, wait: waits.connection, share: None })
}

async fn connect(reach: &Reach, waits: Waits) -> std::result::Result<AsyncPgConnection, ConnectionError> {
    let mut connection = reach.connect().await?;
    connection.batch_execute(&waits.session_settings()).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A connection, and the place in its client's share that it takes.
pub(super) struct Lent {
    connection: Object<AsyncPgConnection>,
    reach: Arc<Reach>,
    place: Option<Place>,
}

pub(super) async fn acquire(lender: &Lender) -> Result<Lent> {
    let lent = async {
        let place = match &lender.share {
            Some(share) => share.place().await,
            None => None,
        };
        let reach = Arc::clone(&lender.reach);
        lender.pool.get().await.map(|connection| Lent { connection, reach, place })
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
pub(super) struct Borrowed {
    connection: Option<Object<AsyncPgConnection>>,
    reach: Arc<Reach>,
    place: Option<Place>,
    pub(super) ended: AtomicBool,
    /// Statements whose answers have not come. One whose future was dropped counts for ever: nobody heard its answer.
    pub(super) running: AtomicU32,
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
                    runtime.spawn(discard(connection, Arc::clone(&self.reach), self.place.take(), running));
                }
                Err(_) => drop(Object::take(connection)),
            }
        }
    }
}

/// Closes a connection whose transaction was left open. Its place in the pool stays taken until the database has let
/// go: cut-off requests would otherwise pile up sessions, each holding its locks and waiting for others'.
async fn discard(mut connection: Object<AsyncPgConnection>, reach: Arc<Reach>, place: Option<Place>, running: bool) {
    if running {
        let cancel = connection.cancel_token();
        let _ = tokio::time::timeout(CANCEL_TIMEOUT, reach.cancel(cancel)).await;
    }
    // Answered behind whatever was still running; if not, closing ends it as well, only later.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, connection.batch_execute("ROLLBACK")).await;
    drop(Object::take(connection));
    drop(place);
}

impl Borrowed {
    pub(super) fn new(Lent { connection, reach, place }: Lent) -> Self {
        Self { connection: Some(connection), reach, place, ended: AtomicBool::new(false), running: AtomicU32::new(0) }
    }

    /// Begins the transaction and asks the door, in one round trip: polled in this order, BEGIN is on its way first.
    pub(super) async fn knock(&self, begin: Begin, door: Sql<'static>) -> Result<DoorRow> {
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
    pub(super) async fn hear<T>(&self, answer: impl Future<Output = T> + Send) -> T {
        self.running.fetch_add(1, Ordering::AcqRel);
        let answer = answer.await;
        self.running.fetch_sub(1, Ordering::AcqRel);
        answer
    }

    pub(super) fn get(&self) -> Result<&AsyncPgConnection> {
        self.connection.as_deref().ok_or_else(|| Error::fault("the connection is gone"))
    }
}
