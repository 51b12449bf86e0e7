//! The doors to a transaction, and how the database is asked at each.

use std::sync::atomic::Ordering;

use diesel::sql_types::{Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::{Caller, Mode, Scope};
use crate::platform::can::Can;
use crate::platform::db::{Begin, Tx};
use crate::platform::door::{self, Entrance};
use crate::platform::error::{Error, Result};
use crate::platform::repeat::Shelf;
use crate::platform::signing;
use crate::platform::sql::sql;

/// Where an operation goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Into the token's client.
    Client,
    /// To read across the clients in which the caller holds that right today.
    Portfolio(Can),
    /// To act for the provider.
    Provider,
    /// The caller's own account and sessions, whatever client the token is for.
    Myself,
    /// Sign-in: nobody is known yet.
    SignIn,
    /// To take on that client, which is being made.
    Onboarding(Uuid),
    /// Into that client by the secret of a link, of which this is the hash: to sign, and for nothing else.
    Signing(Uuid, [u8; 32]),
}

/// Whose a key is behind that door.
pub(super) fn shelf(door: Door) -> Shelf {
    if door == Door::Client { Shelf::Client } else { Shelf::Actor }
}

impl Scope {
    /// Opens a transaction through that door. Where no connection became free the other fields do not wait once more.
    pub(super) async fn enter(&self, door: Door) -> Result<Tx> {
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
            (_, Door::Signing(client, link)) => signing::by_link(&self.pools, client, link, self.request_id).await,
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
            (Caller::Person { account, session, client: None }, Door::Portfolio(reach)) => {
                let door = sql("SELECT verdict, permissions, NULL AS edition, actor_name, 'UTC' AS time_zone, '' AS currency, opened_at FROM core.enter_portfolio($1, $2, $3)")
                    .bind::<SqlUuid, _>(*account)
                    .bind::<SqlUuid, _>(*session)
                    .bind::<Text, _>(reach.name());
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
}
