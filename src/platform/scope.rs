//! One operation: who asks, for which client, with which rights; and the only door to a transaction.
//!
//! A resolver names the right it needs (`ctx.tx(Can::InvoiceIssue)`) and gets the operation's transaction, opened on
//! first use. There is no other way to one, so a forgotten check does not compile. A tenant-less token reads the
//! portfolio or acts for the provider; one's own account and sign-in have doors of their own that need no right. Each
//! operation keeps to one door.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use uuid::Uuid;

use super::can::Can;
use super::db::{Pools, Tx};
use super::entity::Batches;
use super::error::{Error, Result};
use super::repeat::Claim;
use super::withheld;

mod ask;
mod doors;

pub use super::caller::Caller;
pub use ask::{Ask, settle};
use doors::{Door, shelf};

/// What the operation may do to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A query: read-only, one snapshot.
    Query,
    /// A mutation: all its fields or none.
    Mutation,
}

/// What an operation is paid from, where it costs more than its document says.
pub trait Purse: Send + Sync {
    /// Takes so many units more. The error says after how many seconds they would be there.
    fn charge(&self, units: u64) -> Result<(), u64>;
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
    purse: Option<Arc<dyn Purse>>,
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
            purse: None,
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

    /// Pays from there what costs more than its document says.
    #[must_use]
    pub fn paying(mut self, purse: Arc<dyn Purse>) -> Self {
        self.purse = Some(purse);
        self
    }

    /// Pays so many units beside the price of the document. What comes from inside pays nothing.
    pub fn charge(&self, units: u64) -> Result<()> {
        self.purse.as_ref().map_or(Ok(()), |purse| purse.charge(units)).map_err(Error::Exhausted)
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
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The client's transaction, if the caller holds that right in it: for the edge, where no resolver asks.
    pub async fn client(&self, can: Can) -> Result<&Tx> {
        self.tx(Door::Client, can).await
    }

    /// Whether the caller holds that right in the client, for what asks a server elsewhere before it opens the operation's
    /// transaction. On a connection of its own, given back at once.
    #[cfg(feature = "oidc")]
    pub async fn beforehand(&self, can: Can) -> Result<()> {
        self.held_behind(Door::Client, can).await
    }

    /// The same for a right that is held for the provider.
    #[cfg(feature = "oidc")]
    pub async fn beforehand_of_provider(&self, can: Can) -> Result<()> {
        self.held_behind(Door::Provider, can).await
    }

    #[cfg(feature = "oidc")]
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
            return Err(Box::pin(self.missing(tx, can)).await);
        }
        if matches!(self.caller, Caller::Job { .. }) {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(can);
        }
        Ok(tx)
    }

    /// What refuses a right that this transaction lacks: that no live engagement covers it, or that it was not given.
    pub(crate) async fn missing(&self, tx: &Tx, can: Can) -> Error {
        match &self.caller {
            // What the token was narrowed to is not the engagements' doing.
            Caller::Service { scopes, .. } if !scopes.contains(&can) => missing(can),
            _ => withheld::refusal(tx, can, format!("You need the right `{}` for this.", can.name())).await,
        }
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
    pub async fn sign_in(&self) -> Result<&Tx> {
        self.tells_secret();
        self.through(Door::SignIn).await
    }

    /// The operation's transaction for whoever comes with the link of that hash, to sign. Inside the crate only: it needs no
    /// right. What leads nowhere any more looks like what never did.
    pub async fn by_link(&self, client: Uuid, link: [u8; 32]) -> Result<&Tx> {
        self.through(Door::Signing(client, link)).await
    }

    /// The transaction in which the caller's rights are known, without needing one: that of the token's client, or
    /// without a client whichever a sibling field opens.
    pub async fn whoever(&self) -> Result<&Tx> {
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
        if matches!(door, Door::Signing(..)) {
            let message = "What is done by a link takes no Idempotency-Key: done again, it says that it was done.";
            return Err(self.end_with(Err(Error::BadInput(message.to_owned()))));
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
    pub fn take_repeated(&self) -> Option<Result<String>> {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Stores the answer under the key of the request, in the transaction that has taken it.
    pub async fn keep(&self, answer: &[u8]) -> Result<()> {
        if let (Some(claim), Some((door, tx))) = (&self.claim, self.opened.get()) {
            let answer = if self.is_secret() { String::new() } else { String::from_utf8_lossy(answer).into_owned() };
            claim.keep(tx, shelf(*door), answer).await?;
        }
        Ok(())
    }

    /// For what signs somebody in: nobody is known yet whose key it could be.
    pub fn keyless(&self) -> Result<()> {
        match self.claim {
            Some(_) => Err(self.end_with(Err(Error::BadInput(
                "Signing in takes no Idempotency-Key: its answer is a secret, which is kept nowhere.".to_owned(),
            )))),
            None => Ok(()),
        }
    }

    /// For what asks for a password before it opens the operation's transaction: ends the operation if it was done
    /// before, because what it changed may be what it asks for. On a connection of its own, given back at once.
    pub async fn not_done_before(&self) -> Result<()> {
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
    pub fn transaction(&self) -> Option<&Tx> {
        self.opened.get().map(|(_, tx)| tx)
    }

    /// Ends the operation's transaction. True if it was committed.
    pub async fn end(&self, commit: bool) -> Result<bool> {
        match self.transaction() {
            Some(tx) => tx.end(commit && !self.has_failed()).await,
            None => Ok(false),
        }
    }

    /// Makes sure that the door was asked, also where no field had a statement: for the edge, before it answers.
    pub async fn pass(&self) -> Result<()> {
        match self.transaction() {
            Some(tx) => tx.pass().await,
            None => Ok(()),
        }
    }

    /// Forgets what was fetched for one page before the next one is read in the same transaction.
    pub fn forget_batches(&self) {
        self.batches.forget();
    }

    /// The rights that a job's reading has asked for so far.
    pub fn used(&self) -> Vec<Can> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Runs the checks that wait for the commit, for a dry run.
    pub async fn check_now(&self) -> Result<()> {
        match self.transaction() {
            Some(tx) => tx.check_now().await,
            None => Ok(()),
        }
    }
}

fn missing(can: Can) -> Error {
    Error::Forbidden(format!("You need the right `{}` for this.", can.name()))
}
