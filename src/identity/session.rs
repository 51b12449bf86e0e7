//! One's own sessions: a sign-in on one device, good for 30 days, ended by its owner at any time. The next request of
//! an ended session is refused, whatever its token says.

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::prove::Through;
use super::sign_in::person;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{ClientId, SessionId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, Caller};
use crate::schema::session;

/// A sign-in on one device.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = session)]
#[graphql(complex)]
pub struct Session {
    /// Global id.
    pub id: SessionId,
    /// What the device said it was at sign-in (`User-Agent`).
    pub user_agent: String,
    /// Network address at sign-in.
    pub address: String,
    /// When it began.
    pub created_at: DateTime,
    /// When its tokens were last refreshed.
    pub used_at: DateTime,
    /// When it ends by itself: 30 days after it began, or what its identity provider is set up for.
    pub expires_at: DateTime,
    /// When it was ended early; null while it lives.
    pub revoked_at: Option<DateTime>,
    /// Name of the identity provider that the person came through; null if he signed in here, by password.
    #[graphql(name = "identityProvider")]
    pub came_through: Option<String>,
    /// The one client that the session is good for, because it came through that client's identity provider; null: all that
    /// the person may enter.
    #[graphql(name = "client")]
    pub confined_to: Option<ClientId>,
}

#[ComplexObject]
impl Session {
    /// Whether this is the session that asks.
    async fn current(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(matches!(ctx.scope()?.caller(), Caller::Person { session, .. } if *session == self.id.0))
    }
}

crate::platform::connection!(
    /// A page of sessions.
    SessionConnection, SessionEdge, Session
);

/// Which session ends.
#[derive(InputObject, Clone, Debug)]
pub struct SessionRevokeInput {
    /// The session.
    pub id: SessionId,
}

crate::platform::payload! {
    /// What became of a session.
    SessionRevokePayload {
        /// The session as it is now.
        session: Session
    }
}

/// The one client that a session is good for; nothing if it is good for all.
pub(super) async fn confinement(tx: &Tx, session: SessionId) -> Result<Option<ClientId>> {
    let found: Option<Option<ClientId>> =
        tx.maybe(session::table.filter(session::id.eq(session)).select(session::confined_to)).await?;
    Ok(found.flatten())
}

/// What a session came through, so that another one that comes of it is good for no more; nothing if its owner proved
/// himself here.
pub(super) async fn through(tx: &Tx, session: SessionId) -> Result<Option<Through>> {
    type Row = (Option<ClientId>, Option<Uuid>, Option<Uuid>, Option<String>, DateTime);
    let found: Option<Row> = tx
        .maybe(session::table.filter(session::id.eq(session)).select((
            session::confined_to,
            session::identity_provider_id,
            session::staff_identity_provider_id,
            session::came_through,
            session::expires_at,
        )))
        .await?;
    let Some((client, of_client, of_staff, Some(name), until)) = found else { return Ok(None) };
    let Some(provider) = of_client.or(of_staff) else { return Ok(None) };
    Ok(Some(Through { client: client.map(|client| client.0), provider, name, until: until.0 }))
}

/// Refuses in a session that came through an identity provider: whoever runs that may say who somebody is, and does not
/// change what protects the person's account without it.
pub(super) async fn refuse_from_outside(tx: &Tx, session: SessionId) -> Result<()> {
    match through(tx, session).await? {
        None => Ok(()),
        Some(_) => Err(Error::refuse(
            UserErrorCode::State,
            "",
            "You came in through an identity provider; this needs a sign-in with your password.",
        )),
    }
}

async fn revoke(tx: &Tx, asking: SessionId, id: SessionId) -> Result<Session> {
    let confined_to = confinement(tx, asking).await?;
    tx.maybe(
        diesel::update(
            session::table
                .filter(session::account_id.eq(tx.actor()))
                .filter(
                    session::confined_to.is_not_distinct_from(confined_to).or(confined_to.is_none().into_sql::<Bool>()),
                )
                .filter(session::id.eq(id))
                .filter(session::revoked_at.is_null())
                .filter(session::expires_at.gt(tx.now())),
        )
        .set((session::revoked_at.eq(tx.now()), session::revoked_for.eq("revoked")))
        .returning(Session::as_returning()),
    )
    .await?
    .ok_or_else(|| Error::not_found("id", "session"))
}

/// Queries about one's own sessions.
#[derive(Default)]
pub struct SessionQuery;

#[Object]
impl SessionQuery {
    /// The caller's own sessions that live, newest first. Needs no right; works with and without a client's token, in an
    /// operation apart from a client's fields. A session that came through a client's identity provider sees those that came
    /// the same way.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<SessionConnection> {
        let (_, asking) = person(ctx.scope()?)?;
        let tx = ctx.myself().await?;
        let slice = Slice::new(first, after.as_deref())?;
        let confined_to = confinement(tx, asking).await?;
        let living = || {
            session::table
                .filter(session::account_id.eq(tx.actor()))
                .filter(
                    session::confined_to.is_not_distinct_from(confined_to).or(confined_to.is_none().into_sql::<Bool>()),
                )
                .filter(session::revoked_at.is_null())
                .filter(session::expires_at.gt(tx.now()))
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(living().count()).await?) } else { None };
        let mut page = living().into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(session::id.lt(*id));
        }
        let rows = tx.rows(page.order(session::id.desc()).limit(slice.limit()).select(Session::as_select())).await?;
        Ok(SessionConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Ending one's own sessions.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Ends one of the caller's own sessions: its next request is refused. Needs no right.
    async fn session_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] input: SessionRevokeInput,
    ) -> async_graphql::Result<Option<SessionRevokePayload>> {
        let (_, asking) = person(ctx.scope()?)?;
        SessionRevokePayload::settle(ctx, revoke(ctx.myself().await?, asking, input.id).await)
    }
}
