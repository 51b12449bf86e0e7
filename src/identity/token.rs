//! Switching client: a person's token is for one client or for none. Another client is another token of the same
//! session.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Uuid as SqlUuid};

use super::keys::AccessToken;
use super::sign_in::{keys, person};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError};
use crate::platform::ids::known::{ClientId, SessionId};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, settle};
use crate::platform::sql::sql;

/// Which client a token is for.
#[derive(InputObject)]
pub struct ClientTokenCreateInput {
    /// The client.
    pub client: ClientId,
}

/// An access token of the same session.
#[derive(SimpleObject)]
pub struct AccessTokenPayload {
    /// The access token, for the header `Authorization: Bearer …`.
    pub access_token: Option<String>,
    /// Until when it is good: 10 minutes.
    pub expires_at: Option<DateTime>,
    /// Why it was refused; empty if it was not.
    pub user_errors: Vec<UserError>,
}

impl AccessTokenPayload {
    fn settle(ctx: &Context<'_>, result: Result<AccessToken>) -> async_graphql::Result<Option<Self>> {
        let (value, user_errors) = settle(ctx, result)?;
        let (access_token, expires_at) = value.map(|token| (token.token, DateTime(token.expires_at))).unzip();
        Ok(Some(Self { access_token, expires_at, user_errors }))
    }
}

#[derive(QueryableByName)]
struct Allowed {
    #[diesel(sql_type = Bool)]
    allowed: bool,
}

async fn check(tx: &Tx, session: SessionId, client: ClientId) -> Result<()> {
    let row: Allowed = tx
        .row(
            sql("SELECT identity.session_may_enter($1, $2, $3) AS allowed")
                .bind::<SqlUuid, _>(tx.actor())
                .bind::<SqlUuid, _>(session)
                .bind::<SqlUuid, _>(client),
        )
        .await?;
    if row.allowed { Ok(()) } else { Err(Error::not_found("client", "client")) }
}

/// Tokens for clients.
#[derive(Default)]
pub struct TokenMutation;

#[Object]
impl TokenMutation {
    /// Gives an access token for a client in which the caller holds a right today. A client that he has no right in
    /// looks like one that never was; so do all others to a session that came through a client's identity provider, and a
    /// client that requires its own to one that did not. Needs no right beyond that.
    async fn client_token_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: ClientTokenCreateInput,
    ) -> async_graphql::Result<Option<AccessTokenPayload>> {
        let (account, session) = person(ctx.scope()?)?;
        let keys = keys(ctx)?;
        ctx.scope()?.tells_secret();
        let token = check(ctx.myself().await?, session, input.client).await;
        AccessTokenPayload::settle(ctx, token.and_then(|()| keys.for_person(account, session.0, Some(input.client.0))))
    }

    /// Gives an access token without client: for the portfolio and the provider's own business. Needs no right; what it
    /// opens does.
    async fn provider_token_create(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AccessTokenPayload>> {
        let (account, session) = person(ctx.scope()?)?;
        ctx.scope()?.tells_secret();
        // opened for its check that the session still lives
        ctx.myself().await?;
        AccessTokenPayload::settle(ctx, keys(ctx)?.for_person(account, session.0, None))
    }
}
