//! A new password for somebody who has forgotten his: asked for by address, chosen by what came by mail. What is answered,
//! and how long it takes, does not tell whether the address is anybody's.

use async_graphql::{Context, InputObject, Object};
use backoffice_credentials::Opaque;
use chrono::Utc;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::account::{Account, User, address};
use super::hashing;
use super::mails::News;
use super::prove;
use super::sign_in::vault;
use super::throttle::Subjects;
use super::trail::{self, What};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scope::{Ask, Scope};
use crate::platform::sql::sql;
use crate::platform::vault::Vault;

/// Who has forgotten his password.
#[derive(InputObject)]
pub struct PasswordResetRequestInput {
    /// E-mail address, whatever the case.
    pub email: String,
}

/// A new password.
#[derive(InputObject)]
pub struct PasswordResetInput {
    /// The token of the mail.
    pub token: String,
    /// The new password, 12 to 256 characters.
    pub new_password: String,
    /// The six digits of the authenticator app; needed if one is set up.
    pub totp: Option<String>,
}

crate::platform::payload! {
    /// What became of the wish for a new password.
    PasswordResetRequestPayload {
        /// True: if the address is that of an account, a mail is on its way.
        accepted: bool
    }
}

crate::platform::payload! {
    /// What became of a new password.
    PasswordResetPayload {
        /// Whose password it is. Every session of his has ended; he signs in with the new one.
        user: User
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<Uuid>,
}

async fn request(scope: &Scope, input: PasswordResetRequestInput) -> Result<bool> {
    prove::alone(scope)?;
    scope.keyless()?;
    let email = address(&input.email)
        .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "email", "This is not an e-mail address."))?;
    // Every wish counts, whether it leads to a mail or not; and not as a failed sign-in.
    let subjects = Subjects::apart("reset", &email, scope.address());
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let waited = subjects.check(&tx).await;
    tx.finish(false).await?;
    waited?;
    subjects.failed(scope.pools()).await?;
    let tx = scope.sign_in().await?;
    let found: Found = tx
        .row(
            sql("SELECT (SELECT a.id FROM identity.account a WHERE a.email = $1 AND a.disabled_at IS NULL) AS id")
                .bind::<Text, _>(email),
        )
        .await?;
    News::PasswordReset { account: found.id }.tell(tx).await?;
    Ok(true)
}

fn unknown() -> Error {
    Error::not_found("token", "token, or it was used, or its time is over")
}

async fn by_token(tx: &Tx, hash: &[u8]) -> Result<Account> {
    tx.maybe(
        sql(
            "SELECT a.id, a.email, a.name, a.staff, a.password_hash, a.totp_secret, a.totp_confirmed, a.totp_last_step,
                    a.disabled_at IS NOT NULL AS disabled
               FROM identity.password_reset r JOIN identity.account a ON a.id = r.account_id
              WHERE r.hash = $1 AND r.used_at IS NULL AND r.expires_at > now() AND a.disabled_at IS NULL",
        )
        .bind::<Binary, _>(hash.to_vec()),
    )
    .await?
    .ok_or_else(unknown)
}

async fn reset(scope: &Scope, vault: &Vault, input: PasswordResetInput) -> Result<User> {
    prove::alone(scope)?;
    scope.keyless()?;
    let hash = Opaque::Reset.hash(input.token.trim()).ok_or_else(unknown)?;
    // The count of wrong codes is read with the turn in hand, as at sign-in.
    let turn = hashing::turn().await?;
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let found = async {
        let account = by_token(&tx, &hash).await?;
        let subjects = Subjects::apart("reset code", &account.user.email, scope.address());
        subjects.check(&tx).await?;
        Ok::<_, Error>((account, subjects))
    }
    .await;
    tx.finish(false).await?;
    let (account, subjects) = found?;
    hashing::refuse_weak(&input.new_password, &account.user.email, "newPassword")?;
    let now_unix_s = u64::try_from(Utc::now().timestamp()).unwrap_or(0);
    let Some(step) = prove::second_factor(vault, &account, input.totp.as_deref(), now_unix_s) else {
        subjects.failed(scope.pools()).await?;
        drop(turn);
        let reason = "The code of the authenticator app is wrong or missing.";
        return Err(Error::refuse(UserErrorCode::Invalid, "totp", reason));
    };
    let (turn, password_hash) = turn.hash(input.new_password).await?;
    drop(turn);
    let tx = scope.sign_in().await?;
    let used = tx
        .exec(
            sql("UPDATE identity.password_reset r SET used_at = now() WHERE r.hash = $1 AND r.used_at IS NULL AND r.expires_at > now()")
                .bind::<Binary, _>(hash.to_vec()),
        )
        .await?;
    let changed = tx
        .exec(
            sql("UPDATE identity.account a
                    SET password_hash = $2, totp_last_step = greatest(a.totp_last_step, coalesce($3, 0)), updated_at = now()
                  WHERE a.id = $1 AND a.disabled_at IS NULL AND ($3::bigint IS NULL OR a.totp_last_step < $3)")
                .bind::<SqlUuid, _>(account.user.id)
                .bind::<Text, _>(password_hash)
                .bind::<Nullable<BigInt>, _>(step),
        )
        .await?;
    if used == 0 || changed == 0 {
        return Err(unknown());
    }
    forget_others(tx, account.user.id.0).await?;
    tx.exec(
        sql("UPDATE identity.session s SET revoked_at = now(), revoked_for = 'password_changed'
              WHERE s.account_id = $1 AND s.revoked_at IS NULL")
        .bind::<SqlUuid, _>(account.user.id),
    )
    .await?;
    // Who has forgotten his password has failed before.
    Subjects::new("email", &account.user.email, scope.address()).succeeded(tx).await?;
    let (request, from) = (scope.request_id(), scope.address());
    trail::note(tx, account.user.id, What::PasswordReset, request, from, scope.user_agent()).await?;
    Ok(account.user)
}

/// Makes mails that are still on their way, or unread, good for nothing: the password is another one by now.
pub(super) async fn forget_others(tx: &Tx, account: Uuid) -> Result<()> {
    tx.exec(
        sql("DELETE FROM identity.password_reset r WHERE r.account_id = $1 AND r.used_at IS NULL")
            .bind::<SqlUuid, _>(account),
    )
    .await?;
    Ok(())
}

/// A new password without the old one.
#[derive(Default)]
pub struct ResetMutation;

#[Object]
impl ResetMutation {
    /// Asks for a mail with which a new password can be chosen, for 30 minutes. The answer is the same whether the
    /// address is anybody's or not; after 5 wishes for one address or 20 from one network within 15 minutes one has to
    /// wait (`RATE_LIMITED`). Needs no token; an operation of its own.
    async fn password_reset_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who has forgotten his password.")] input: PasswordResetRequestInput,
    ) -> async_graphql::Result<Option<PasswordResetRequestPayload>> {
        PasswordResetRequestPayload::settle(ctx, request(ctx.scope()?, input).await)
    }

    /// Chooses a password with the token of a mail, once, and ends all sessions of the account. The authenticator app
    /// stays, and its code is asked for. Needs no other token; an operation of its own.
    async fn password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the new password.")] input: PasswordResetInput,
    ) -> async_graphql::Result<Option<PasswordResetPayload>> {
        PasswordResetPayload::settle(ctx, reset(ctx.scope()?, vault(ctx)?, input).await)
    }
}
