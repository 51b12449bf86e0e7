//! Coming in and going out: sign-in, the next token, accepting an invitation, sign-out. The only fields that nobody
//! needs a right for, or even a token.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::account::User;
use super::invitation;
use super::keys::Keys;
use super::prove;
use super::refresh::{self, Continued};
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::ids::known::{ClientId, SessionId};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, Caller, Scope, settle};
use crate::platform::vault::Vault;

/// Who signs in.
#[derive(InputObject)]
pub struct SignInInput {
    /// E-mail address, whatever the case.
    pub email: String,
    /// Password.
    pub password: String,
    /// The six digits of the authenticator app; needed if one is set up (`totpConfirm`).
    pub totp: Option<String>,
}

/// The token that continues a session.
#[derive(InputObject)]
pub struct TokenRefreshInput {
    /// The refresh token of the last answer. Each is used once; one that comes back more than 30 seconds after its use
    /// ends the session for everybody, because it must have been stolen.
    pub refresh_token: String,
}

/// An invitation that is accepted.
#[derive(InputObject)]
pub struct InvitationAcceptInput {
    /// The token of the invitation.
    pub token: String,
    /// For a new person: the password, at least 12 characters. For somebody who has an account already: its password,
    /// unless the request is signed in with that account.
    pub password: Option<String>,
    /// The six digits of the authenticator app, for somebody who has an account with one.
    pub totp: Option<String>,
}

/// A session's tokens. The access token knows no client yet; `clientTokenCreate` gives one that does.
#[derive(SimpleObject, Default)]
pub struct SessionPayload {
    /// The access token, for the header `Authorization: Bearer …`.
    pub access_token: Option<String>,
    /// The token that continues the session; goes to `tokenRefresh` once.
    pub refresh_token: Option<String>,
    /// Until when the access token is good: 10 minutes. The session itself ends after 30 days, or what an identity provider
    /// is set up for.
    pub expires_at: Option<DateTime>,
    /// Who is signed in.
    pub user: Option<User>,
    /// The one client that the session is good for, because it came through that client's identity provider: what
    /// `clientTokenCreate` takes. Null if it is good for all that the person may enter.
    pub client: Option<ClientId>,
    /// Why it was refused; empty if it was not.
    pub user_errors: Vec<UserError>,
}

impl SessionPayload {
    pub(super) fn settle(ctx: &Context<'_>, result: Result<Continued>) -> async_graphql::Result<Option<Self>> {
        let result = result.and_then(|continued| {
            let token = keys(ctx)?.for_person(continued.user.id.0, continued.session.0, None)?;
            Ok((token, continued))
        });
        let (value, user_errors) = settle(ctx, result)?;
        Ok(Some(match value {
            Some((token, continued)) => Self {
                access_token: Some(token.token),
                refresh_token: Some(continued.refresh),
                expires_at: Some(DateTime(token.expires_at)),
                client: continued.confined_to,
                user: Some(continued.user),
                user_errors,
            },
            None => Self { user_errors, ..Self::default() },
        }))
    }
}

crate::platform::payload! {
    /// What became of a sign-out.
    SignOutPayload {
        /// The session that ended.
        session: SessionId
    }
}

/// The process's keys, which the server puts into every request.
pub(super) fn keys<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Keys>> {
    ctx.data_opt::<Arc<Keys>>().ok_or_else(|| Error::fault("the request has no signing keys"))
}

/// What seals stored secrets, which the server puts into every request.
pub(super) fn vault<'a>(ctx: &Context<'a>) -> Result<&'a Vault> {
    ctx.data_opt::<Vault>().ok_or_else(|| Error::fault("the request has no vault"))
}

/// The person who asks, and his session.
pub(super) fn person(scope: &Scope) -> Result<(uuid::Uuid, SessionId)> {
    match scope.caller() {
        Caller::Person { account, session, .. } => Ok((*account, SessionId(*session))),
        Caller::Invalid(reason) => Err(Error::Unauthenticated(reason)),
        Caller::Nobody => Err(Error::Unauthenticated("Sign in first.")),
        Caller::Service { .. } | Caller::Job { .. } => {
            Err(Error::BadInput("A service account has no sessions, password or codes of its own.".to_owned()))
        }
    }
}

async fn sign_in(scope: &Scope, vault: &Vault, input: SignInInput) -> Result<Continued> {
    let proven = prove::by_password(scope, vault, &input.email, input.password, input.totp.as_deref()).await?;
    let tx = scope.sign_in().await?;
    proven.use_up(tx).await?;
    prove::open_session(tx, scope, proven.user(), None).await
}

async fn token_refresh(scope: &Scope, input: TokenRefreshInput) -> Result<Continued> {
    prove::alone(scope)?;
    scope.keyless()?;
    refresh::end_if_reused(scope.pools(), &input.refresh_token).await?;
    refresh::rotate(scope.sign_in().await?, &input.refresh_token).await?.ok_or_else(|| {
        Error::refuse(UserErrorCode::Invalid, "refreshToken", "The refresh token is no longer good; sign in again.")
    })
}

/// Sign-in and sign-out.
#[derive(Default)]
pub struct SignInMutation;

#[Object]
impl SignInMutation {
    /// Signs a person in. Needs no token. An unknown address, a wrong password and a wrong or missing code are answered
    /// alike; after 5 failures of an account or 20 of an address within 15 minutes one has to wait (`RATE_LIMITED`),
    /// longer with each. A sign-in from a device that was not seen before is told to its owner by mail. An operation of
    /// its own.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who signs in.")] input: SignInInput,
    ) -> async_graphql::Result<Option<SessionPayload>> {
        SessionPayload::settle(ctx, sign_in(ctx.scope()?, vault(ctx)?, input).await)
    }

    /// Continues a session with new tokens. Needs no access token, only the refresh token.
    async fn token_refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token that continues the session.")] input: TokenRefreshInput,
    ) -> async_graphql::Result<Option<SessionPayload>> {
        SessionPayload::settle(ctx, token_refresh(ctx.scope()?, input).await)
    }

    /// Accepts an invitation and signs in: the role is granted from today on. Needs no token.
    async fn invitation_accept(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: InvitationAcceptInput,
    ) -> async_graphql::Result<Option<SessionPayload>> {
        SessionPayload::settle(ctx, invitation::accept(ctx.scope()?, vault(ctx)?, input).await)
    }

    /// Ends the session of the token that the request came with; its refresh token is no longer good. Needs no right.
    async fn sign_out(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<SignOutPayload>> {
        let (_, session) = person(ctx.scope()?)?;
        let tx = ctx.myself().await?;
        let ended = refresh::end_session(tx, session, "signed_out").await;
        SignOutPayload::settle(ctx, ended.map(|()| session))
    }
}
