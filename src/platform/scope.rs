//! One operation: who asks, for which client, with which rights; and the only door to a transaction.
//!
//! A resolver names the right it needs (`ctx.tx(Can::InvoiceIssue)`) and gets the operation's transaction, opened on
//! first use. There is no other way to one, so a forgotten check does not compile. A tenant-less token reads the
//! portfolio or acts for the provider; one's own account and sign-in have doors of their own that need no right. Each
//! operation keeps to one door.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use diesel::sql_types::Uuid as SqlUuid;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::can::Can;
use super::db::{Begin, Pools, Tx};
use super::door::{self, Entrance};
use super::entity::Batches;
use super::error::{Error, Result};
use super::repeat::{Claim, Shelf};
use super::sql::sql;

mod ask;

pub use ask::{Ask, settle};

/// Who asks, as the access token says. The database has the last word in every transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody: no token came with the request.
    Nobody,
    /// A token came that is not valid; says why.
    Invalid(&'static str),
    /// A person in a session, for one client or (staff) without one.
    Person {
        /// The account.
        account: Uuid,
        /// The session that the token belongs to.
        session: Uuid,
        /// The client that the token was taken for.
        client: Option<Uuid>,
    },
    /// A service account of one client.
    Service {
        /// The service account.
        account: Uuid,
        /// Its client.
        client: Uuid,
        /// The rights this token was narrowed to.
        scopes: Vec<Can>,
    },
    /// A job that reads for the one who asked for it, with the rights that he has now. No token says this.
    Job {
        /// The job.
        job: Uuid,
        /// The lease that its worker holds.
        lease: Uuid,
        /// Who asked for it.
        requester: Uuid,
        /// Its client.
        client: Uuid,
    },
}

/// What the operation may do to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A query: read-only, one snapshot.
    Query,
    /// A mutation: all its fields or none.
    Mutation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Client,
    Portfolio,
    Provider,
    /// The caller's own account and sessions, whatever client the token is for.
    Myself,
    /// Sign-in: nobody is known yet.
    SignIn,
    Onboarding(Uuid),
}

/// The state of one operation, carried in the request's GraphQL context.
pub struct Scope {
    caller: Caller,
    mode: Mode,
    request_id: Uuid,
    pools: Pools,
    opened: OnceCell<(Door, Tx)>,
    batches: Batches,
    failure: Mutex<Failure>,
    failed: AtomicBool,
    secret: AtomicBool,
    /// Which rights were asked for, of a job's reading.
    used: Mutex<BTreeSet<Can>>,
    claim: Option<Claim>,
    repeated: Mutex<Option<Result<String>>>,
    address: String,
    user_agent: String,
}

#[derive(Default)]
struct Failure {
    retry: bool,
    refused_fields: Vec<String>,
}

impl Scope {
    /// A new operation of that caller.
    #[must_use]
    pub fn new(caller: Caller, mode: Mode, request_id: Uuid, pools: Pools) -> Self {
        Self {
            caller,
            mode,
            request_id,
            pools,
            opened: OnceCell::new(),
            batches: Batches::default(),
            failure: Mutex::default(),
            failed: AtomicBool::new(false),
            secret: AtomicBool::new(false),
            used: Mutex::default(),
            claim: None,
            repeated: Mutex::default(),
            address: String::new(),
            user_agent: String::new(),
        }
    }

    /// Notes where the request came from, for the list of sessions and for throttling.
    #[must_use]
    pub fn from_device(mut self, address: String, user_agent: String) -> Self {
        self.address = address;
        self.user_agent = user_agent;
        self
    }

    /// Runs this mutation only if no other with the same `Idempotency-Key` has done so.
    #[must_use]
    pub fn claiming(mut self, claim: Option<Claim>) -> Self {
        self.claim = claim;
        self
    }

    /// The caller as the token says.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The id of this request: in logs, in the trail, in the answer.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// The caller's network address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The caller's `User-Agent`.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// The pools, for sign-in, which has no actor yet. Inside the crate only.
    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The client's transaction, if the caller holds that right in it: for the edge, where no resolver asks.
    pub(crate) async fn client(&self, can: Can) -> Result<&Tx> {
        self.tx(Door::Client, can).await
    }

    /// Whether the caller holds that right in the client, for what asks a server elsewhere before it opens the operation's
    /// transaction. On a connection of its own, given back at once.
    pub(crate) async fn beforehand(&self, can: Can) -> Result<()> {
        self.held_behind(Door::Client, can).await
    }

    /// The same for a right that is held for the provider.
    pub(crate) async fn beforehand_of_provider(&self, can: Can) -> Result<()> {
        self.held_behind(Door::Provider, can).await
    }

    async fn held_behind(&self, door: Door, can: Can) -> Result<()> {
        let tx = self.enter(door).await?;
        let held = tx.entered.permissions.contains(&can);
        tx.end(false).await?;
        if held { Ok(()) } else { Err(missing(can)) }
    }

    async fn tx(&self, door: Door, can: Can) -> Result<&Tx> {
        let tx = self.through(door).await?;
        if !tx.entered.permissions.contains(&can) {
            // Perhaps only as far as is known from the last time.
            Box::pin(tx.pass()).await?;
            return Err(missing(can));
        }
        if matches!(self.caller, Caller::Job { .. }) {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(can);
        }
        Ok(tx)
    }

    /// The operation's transaction through that door, opened on first use.
    async fn through(&self, door: Door) -> Result<&Tx> {
        // Without a client one's own account and the provider's business are the same transaction.
        let door = match (door, &self.caller) {
            (Door::Myself, Caller::Person { client: None, .. }) => Door::Provider,
            (door, _) => door,
        };
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::RolledBack);
        }
        let (opened, tx) = match self.opened.get() {
            Some(opened) => opened,
            None => {
                let opening = self.opened.get_or_try_init(|| async { Ok::<_, Error>((door, self.open(door).await?)) });
                Box::pin(opening).await?
            }
        };
        if *opened != door {
            return Err(Error::BadInput(
                "Fields of the portfolio, of the provider, of a client and of one's own account need separate operations."
                    .to_owned(),
            ));
        }
        Ok(tx)
    }

    /// The operation's transaction for sign-in, before anybody is known. Inside the crate only: it needs no right. What
    /// comes of it is a token.
    pub(crate) async fn sign_in(&self) -> Result<&Tx> {
        self.tells_secret();
        self.through(Door::SignIn).await
    }

    /// The transaction in which the caller's rights are known, without needing one: that of the token's client, or
    /// without a client whichever a sibling field opens.
    pub(crate) async fn whoever(&self) -> Result<&Tx> {
        if !matches!(self.caller, Caller::Person { client: None, .. }) {
            let tx = self.through(Door::Client).await?;
            tx.pass().await?;
            return Ok(tx);
        }
        super::entity::step_aside().await;
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::RolledBack);
        }
        let (_, tx) = self
            .opened
            .get_or_try_init(|| async { Ok::<_, Error>((Door::Provider, self.open(Door::Provider).await?)) })
            .await?;
        Ok(tx)
    }

    /// Opens the operation's transaction and takes the key of the request in it.
    async fn open(&self, door: Door) -> Result<Tx> {
        let Some(claim) = self.claim.as_ref().filter(|_| self.mode == Mode::Mutation) else {
            return self.enter(door).await;
        };
        if door == Door::SignIn {
            return Err(self.keyless().err().unwrap_or(Error::RolledBack));
        }
        let tx = self.enter(door).await?;
        match claim.take(&tx, shelf(door)).await {
            Ok(None) => Ok(tx),
            Ok(Some(answer)) => {
                // Nothing happened in it; a connection that does not say so is closed.
                let _ = tx.end(false).await;
                Err(self.end_with(Ok(answer)))
            }
            Err(error) => {
                let _ = tx.end(false).await;
                Err(self.end_with(Err(error)))
            }
        }
    }

    /// Notes that the operation ends here, with this answer whatever its fields say; gives what a field then fails with.
    fn end_with(&self, outcome: Result<String>) -> Error {
        self.failed.store(true, Ordering::Release);
        *self.repeated.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        Error::RolledBack
    }

    /// What the operation's `Idempotency-Key` led to, if not to running it: the stored answer or a refusal.
    pub(crate) fn take_repeated(&self) -> Option<Result<String>> {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Stores the answer under the key of the request, in the transaction that has taken it.
    pub(crate) async fn keep(&self, answer: &[u8]) -> Result<()> {
        if let (Some(claim), Some((door, tx))) = (&self.claim, self.opened.get()) {
            let answer = if self.is_secret() { String::new() } else { String::from_utf8_lossy(answer).into_owned() };
            claim.keep(tx, shelf(*door), answer).await?;
        }
        Ok(())
    }

    /// For what signs somebody in: nobody is known yet whose key it could be.
    pub(crate) fn keyless(&self) -> Result<()> {
        match self.claim {
            Some(_) => Err(self.end_with(Err(Error::BadInput(
                "Signing in takes no Idempotency-Key: its answer is a secret, which is kept nowhere.".to_owned(),
            )))),
            None => Ok(()),
        }
    }

    /// For what asks for a password before it opens the operation's transaction: ends the operation if it was done
    /// before, because what it changed may be what it asks for. On a connection of its own, given back at once.
    pub(crate) async fn not_done_before(&self) -> Result<()> {
        let Some(claim) = &self.claim else { return Ok(()) };
        let tx = self.enter(Door::Myself).await?;
        let found = claim.look(&tx).await;
        tx.end(false).await?;
        match found {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => Err(self.end_with(Ok(answer))),
            Err(error) => Err(self.end_with(Err(error))),
        }
    }

    /// Opens a transaction through that door. Where no connection became free the other fields do not wait once more.
    async fn enter(&self, door: Door) -> Result<Tx> {
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::RolledBack);
        }
        let entered = self.knock(door).await;
        if matches!(entered, Err(Error::Unavailable)) {
            self.failed.store(true, Ordering::Release);
        }
        entered
    }

    async fn enter_client(
        &self,
        kind: &'static str,
        actor: Uuid,
        session: Option<Uuid>,
        client: Uuid,
        scopes: Option<Vec<Can>>,
    ) -> Result<Tx> {
        let reads = self.mode == Mode::Query;
        let memory = self.pools.memory.clone();
        let request = (!reads).then_some(self.request_id);
        let entrance = Entrance { kind, actor, session, client, request, scopes, memory };
        let lender = self.pools.of_client(client);
        match entrance.known() {
            Some(known) if reads => Tx::ahead(&lender, entrance, known).await,
            known => {
                let begin = if reads { Begin::Read } else { Begin::Write };
                let door = entrance.statement(known.as_deref());
                Tx::open(&lender, begin, door, |row| entrance.enter(row, known.as_deref())).await
            }
        }
    }

    async fn knock(&self, door: Door) -> Result<Tx> {
        let begin = if self.mode == Mode::Query { Begin::Read } else { Begin::Write };
        match (&self.caller, door) {
            (_, Door::SignIn) => Tx::open_anonymous(&self.pools).await,
            (Caller::Nobody, _) => Err(Error::Unauthenticated("Sign in first.")),
            (Caller::Invalid(reason), _) => Err(Error::Unauthenticated(reason)),
            (Caller::Person { account, session, client: Some(client) }, Door::Client) => {
                self.enter_client("user", *account, Some(*session), *client, None).await
            }
            (Caller::Service { account, client, scopes }, Door::Client) => {
                self.enter_client("service", *account, None, *client, Some(scopes.clone())).await
            }
            (Caller::Job { job, lease, requester, client }, Door::Client) => {
                let (requester, client) = (*requester, *client);
                let door = door::of_job(*job, *lease, begin == Begin::Write);
                Tx::open(&self.pools.app, begin, door, move |row| row.enter(requester, Some(client))).await
            }
            (Caller::Person { client: None, .. }, Door::Client) => {
                Err(Error::BadInput("Take a token for a client first (clientTokenCreate).".to_owned()))
            }
            (Caller::Person { account, session, client: None }, Door::Portfolio) => {
                let door = sql("SELECT verdict, permissions, NULL AS edition, actor_name, 'UTC' AS time_zone, '' AS currency, opened_at FROM core.enter_portfolio($1, $2)")
                    .bind::<SqlUuid, _>(*account)
                    .bind::<SqlUuid, _>(*session);
                Tx::open(&self.pools.portfolio, Begin::Read, door, |row| row.enter(*account, None)).await
            }
            (Caller::Person { account, session, client: None }, Door::Provider)
            | (Caller::Person { account, session, .. }, Door::Myself) => {
                let door = sql("SELECT verdict, permissions, NULL AS edition, actor_name, 'UTC' AS time_zone, '' AS currency, opened_at FROM core.enter_provider($1, $2)")
                    .bind::<SqlUuid, _>(*account)
                    .bind::<SqlUuid, _>(*session);
                Tx::open(&self.pools.identity, begin, door, |row| row.enter(*account, None)).await
            }
            (Caller::Person { account, session, client: None }, Door::Onboarding(tenant)) => {
                let door = sql("SELECT verdict, permissions, NULL AS edition, actor_name, 'UTC' AS time_zone, '' AS currency, opened_at FROM core.enter_onboarding($1, $2, $3, $4)")
                    .bind::<SqlUuid, _>(*account)
                    .bind::<SqlUuid, _>(*session)
                    .bind::<SqlUuid, _>(tenant)
                    .bind::<SqlUuid, _>(self.request_id);
                Tx::open(&self.pools.app, begin, door, |row| row.enter(*account, Some(tenant))).await
            }
            (Caller::Service { .. } | Caller::Job { .. }, Door::Myself) => {
                Err(Error::BadInput("A service account has no sessions, password or codes of its own.".to_owned()))
            }
            (Caller::Person { client: Some(_), .. } | Caller::Service { .. } | Caller::Job { .. }, _) => {
                Err(Error::BadInput("This needs the provider's token, without a client.".to_owned()))
            }
        }
    }

    /// Remembers that a root field was refused or failed, so that the whole operation is rolled back.
    pub fn fail(&self, field: Option<String>, error: &Error) {
        self.failed.store(true, Ordering::Release);
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.retry |= matches!(error, Error::Retry);
        failure.refused_fields.extend(field);
    }

    /// Notes that the answer holds a secret, which is shown once, kept nowhere and not compressed.
    pub fn tells_secret(&self) {
        self.secret.store(true, Ordering::Release);
    }

    /// Whether the answer holds a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret.load(Ordering::Acquire)
    }

    /// Whether any field or statement failed, and so the operation.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.transaction().is_some_and(Tx::has_failed)
    }

    /// Whether the failure was another transaction's win, and a new try may succeed.
    #[must_use]
    pub fn wants_retry(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).retry
            || self.transaction().is_some_and(Tx::wants_retry)
    }

    /// The response keys of the root fields that were refused in their payload.
    #[must_use]
    pub fn refused_fields(&self) -> Vec<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).refused_fields.clone()
    }

    /// Statements of this operation so far, the opening ones counted as one. None if it needed no transaction.
    #[must_use]
    pub fn statements(&self) -> u32 {
        self.transaction().map_or(0, Tx::statements)
    }

    /// The open transaction, if a resolver asked for one: for the edge, which ends it.
    pub(crate) fn transaction(&self) -> Option<&Tx> {
        self.opened.get().map(|(_, tx)| tx)
    }

    /// Ends the operation's transaction. True if it was committed.
    pub(crate) async fn end(&self, commit: bool) -> Result<bool> {
        match self.transaction() {
            Some(tx) => tx.end(commit && !self.has_failed()).await,
            None => Ok(false),
        }
    }

    /// Makes sure that the door was asked, also where no field had a statement: for the edge, before it answers.
    pub(crate) async fn pass(&self) -> Result<()> {
        match self.transaction() {
            Some(tx) => tx.pass().await,
            None => Ok(()),
        }
    }

    /// Forgets what was fetched for one page before the next one is read in the same transaction.
    pub(crate) fn forget_batches(&self) {
        self.batches.forget();
    }

    /// The rights that a job's reading has asked for so far.
    pub(crate) fn used(&self) -> Vec<Can> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Runs the checks that wait for the commit, for a dry run.
    pub(crate) async fn check_now(&self) -> Result<()> {
        match self.transaction() {
            Some(tx) => tx.check_now().await,
            None => Ok(()),
        }
    }
}

fn missing(can: Can) -> Error {
    Error::Forbidden(format!("You need the right `{}` for this.", can.name()))
}

/// Whose a key is behind that door.
fn shelf(door: Door) -> Shelf {
    if door == Door::Client { Shelf::Client } else { Shelf::Actor }
}
