//! What protects one's own account: the password, and one-time codes of an authenticator app (TOTP, RFC 6238).

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_credentials::TotpSecret;
use chrono::Utc;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};

use super::account::User;
use super::hashing;
use super::prove;
use super::reset;
use super::session::refuse_from_outside;
use super::sign_in::{person, vault};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::SessionId;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::platform::vault::{Vault, place_of_totp};
use crate::schema::account;

/// The name that authenticator apps show.
const ISSUER: &str = "Backoffice";

/// A new password.
#[derive(InputObject)]
pub struct PasswordChangeInput {
    /// The password until now.
    pub current_password: String,
    /// The new one, 12 to 256 characters.
    pub new_password: String,
}

/// The first code of an authenticator app.
#[derive(InputObject)]
pub struct TotpConfirmInput {
    /// The six digits that the app shows.
    pub code: String,
}

/// Removing the authenticator app.
#[derive(InputObject)]
pub struct TotpDisableInput {
    /// The caller's password.
    pub password: String,
}

/// What an authenticator app needs. Shown once.
#[derive(SimpleObject, Clone)]
pub struct TotpEnrolment {
    /// The secret in base 32, for typing it in.
    pub secret: String,
    /// The `otpauth://` address, for a QR code.
    pub uri: String,
}

crate::platform::payload! {
    /// What became of a change of the password.
    PasswordChangePayload {
        /// Whose password it is.
        user: User
    }
}

crate::platform::payload! {
    /// What became of setting up an authenticator app.
    TotpEnrollPayload {
        /// What the app needs.
        enrolment: TotpEnrolment
    }
}

crate::platform::payload! {
    /// What became of the authenticator app.
    TotpPayload {
        /// Whether codes are asked for at sign-in now.
        enabled: bool
    }
}

async fn change(ctx: &Context<'_>, input: PasswordChangeInput) -> Result<User> {
    let scope = ctx.scope()?;
    let (account, session) = person(scope)?;
    let (turn, user) = prove::again(scope, vault(ctx)?, account, session.0, input.current_password).await?;
    hashing::refuse_weak(&input.new_password, &user.email, "newPassword")?;
    let (turn, hash) = turn.hash(input.new_password).await?;
    drop(turn);
    let tx = ctx.myself().await?;
    tx.exec(
        sql("UPDATE identity.account a SET password_hash = $2, updated_at = now() WHERE a.id = $1")
            .bind::<SqlUuid, _>(account)
            .bind::<Text, _>(hash),
    )
    .await?;
    end_others(tx, account, session).await?;
    reset::forget_others(tx, account).await?;
    Ok(user)
}

/// Whoever changed the password because somebody else knew it is rid of him.
async fn end_others(tx: &Tx, account: uuid::Uuid, session: SessionId) -> Result<()> {
    tx.exec(
        sql("UPDATE identity.session s SET revoked_at = now(), revoked_for = 'password_changed'
              WHERE s.account_id = $1 AND s.id <> $2 AND s.revoked_at IS NULL")
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(session),
    )
    .await?;
    Ok(())
}

async fn enroll(tx: &Tx, vault: &Vault) -> Result<TotpEnrolment> {
    let secret = TotpSecret::generate().map_err(Error::fault)?;
    let sealed = vault.seal(&place_of_totp(tx.actor()), secret.as_bytes())?;
    let email: Option<String> = tx
        .maybe(
            diesel::update(account::table.filter(account::id.eq(tx.actor())).filter(account::totp_confirmed.eq(false)))
                .set((account::totp_secret.eq(sealed), account::totp_last_step.eq(0)))
                .returning(account::email),
        )
        .await?;
    let email = email.ok_or_else(|| {
        Error::refuse(
            UserErrorCode::State,
            "",
            "An authenticator app is set up already; remove it first (totpDisable).",
        )
    })?;
    Ok(TotpEnrolment { secret: secret.base32(), uri: secret.provisioning_uri(ISSUER, &email) })
}

async fn confirm(tx: &Tx, vault: &Vault, input: TotpConfirmInput) -> Result<bool> {
    let waiting: Option<Option<Vec<u8>>> = tx
        .maybe(
            account::table
                .filter(account::id.eq(tx.actor()))
                .filter(account::totp_confirmed.eq(false))
                .select(account::totp_secret)
                .for_update(),
        )
        .await?;
    let waiting = waiting.flatten().map(|stored| vault.reveal(&place_of_totp(tx.actor()), &stored)).transpose()?;
    let secret = waiting.and_then(|bytes| TotpSecret::from_bytes(&bytes)).ok_or_else(|| {
        Error::refuse(UserErrorCode::State, "", "No authenticator app waits to be confirmed (totpEnroll).")
    })?;
    let now_unix_s = u64::try_from(Utc::now().timestamp()).unwrap_or(0);
    let step =
        secret.verify(&input.code, now_unix_s, None).and_then(|step| i64::try_from(step).ok()).ok_or_else(|| {
            Error::refuse(UserErrorCode::Invalid, "code", "The code is wrong; check the clock of the device.")
        })?;
    tx.exec(
        diesel::update(account::table.filter(account::id.eq(tx.actor())))
            .set((account::totp_confirmed.eq(true), account::totp_last_step.eq(step))),
    )
    .await?;
    Ok(true)
}

async fn disable(ctx: &Context<'_>, input: TotpDisableInput) -> Result<bool> {
    let scope = ctx.scope()?;
    let (account, session) = person(scope)?;
    let (turn, _) = prove::again(scope, vault(ctx)?, account, session.0, input.password).await?;
    drop(turn);
    let tx = ctx.myself().await?;
    tx.exec(
        diesel::update(account::table.filter(account::id.eq(account)))
            .set((account::totp_confirmed.eq(false), account::totp_secret.eq(None::<Vec<u8>>))),
    )
    .await?;
    Ok(false)
}

/// Changes of one's own password and authenticator app.
#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Changes the caller's password and ends his other sessions. Needs no right; an operation of its own.
    async fn password_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old password and the new one.")] input: PasswordChangeInput,
    ) -> async_graphql::Result<Option<PasswordChangePayload>> {
        PasswordChangePayload::settle(ctx, change(ctx, input).await)
    }

    /// Makes a new secret for the caller's authenticator app. Sign-in asks for codes once `totpConfirm` has seen the
    /// first one. Needs no right.
    async fn totp_enroll(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TotpEnrollPayload>> {
        ctx.scope()?.tells_secret();
        let (_, session) = person(ctx.scope()?)?;
        let tx = ctx.myself().await?;
        let enrolled = match refuse_from_outside(tx, session).await {
            Ok(()) => enroll(tx, vault(ctx)?).await,
            Err(refused) => Err(refused),
        };
        TotpEnrollPayload::settle(ctx, enrolled)
    }

    /// Confirms the authenticator app with its first code: from now on sign-in needs one. Needs no right.
    async fn totp_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first code.")] input: TotpConfirmInput,
    ) -> async_graphql::Result<Option<TotpPayload>> {
        let (_, session) = person(ctx.scope()?)?;
        let tx = ctx.myself().await?;
        let confirmed = match refuse_from_outside(tx, session).await {
            Ok(()) => confirm(tx, vault(ctx)?, input).await,
            Err(refused) => Err(refused),
        };
        TotpPayload::settle(ctx, confirmed)
    }

    /// Removes the caller's authenticator app. Needs no right; an operation of its own.
    async fn totp_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The caller's password.")] input: TotpDisableInput,
    ) -> async_graphql::Result<Option<TotpPayload>> {
        TotpPayload::settle(ctx, disable(ctx, input).await)
    }
}
