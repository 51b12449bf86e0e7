//! Proving to be somebody: password and, where it is set up, a one-time code. The same work and the same answer whether
//! the address is unknown, the password wrong or the code.

use backoffice_credentials::TotpSecret;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::account::{Account, User};
use super::device;
use super::hashing::{self, Turn};
use super::refresh::{self, Continued};
use super::throttle::Subjects;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{ClientId, SessionId};
use crate::platform::ids::new_uuid;
use crate::platform::scope::Scope;
use crate::platform::sql::sql;
use crate::platform::vault::{Vault, place_of_totp};

/// Somebody who proved to be the owner of an account.
pub(super) struct Proven {
    account: Account,
    step: Option<i64>,
    better_hash: Option<String>,
    subjects: Subjects,
}

fn wrong() -> Error {
    Error::refuse(UserErrorCode::Invalid, "", "E-mail address, password or code is wrong.")
}

/// The step of a right code; nothing if it is wrong, used before, or missing where one is needed.
pub(super) fn second_factor(
    vault: &Vault,
    account: &Account,
    code: Option<&str>,
    now_unix_s: u64,
) -> Option<Option<i64>> {
    if !account.totp_confirmed {
        return Some(None);
    }
    let stored = vault.reveal(&place_of_totp(account.user.id.0), account.totp_secret.as_deref()?);
    let stored =
        stored.inspect_err(|error| tracing::error!(?error, "the secret of an authenticator app cannot be opened"));
    let secret = TotpSecret::from_bytes(&stored.ok()?)?;
    let step = secret.verify(code?, now_unix_s, u64::try_from(account.totp_last_step).ok())?;
    Some(Some(i64::try_from(step).ok()?))
}

/// Refuses if a sibling field has opened the operation's transaction: whoever holds a connection must not wait for a
/// turn to hash, and a failure has to be written down on a connection of its own.
pub(super) fn alone(scope: &Scope) -> Result<()> {
    match scope.transaction() {
        Some(_) => Err(Error::BadInput("What needs a password needs an operation of its own.".to_owned())),
        None => Ok(()),
    }
}

/// Checks address, password and code. A failure is counted, and after some of them one has to wait.
pub(super) async fn by_password(
    scope: &Scope,
    vault: &Vault,
    email: &str,
    password: String,
    code: Option<&str>,
) -> Result<Proven> {
    alone(scope)?;
    scope.keyless()?;
    let email = email.trim().to_lowercase();
    let subjects = Subjects::new("email", &email, scope.address());
    // The count is read with the turn in hand: however many tries come at once, no more than the turns run past it.
    let turn = hashing::turn().await?;
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let found = async {
        subjects.check(&tx).await?;
        Account::by_email(&tx, email).await
    }
    .await;
    tx.finish(false).await?;
    let (turn, proven) = check((scope.pools(), vault), turn, found?, password, code, subjects).await?;
    drop(turn);
    Ok(proven)
}

/// Checks the password of somebody who is signed in already, before he changes what protects his account.
pub(super) async fn again(
    scope: &Scope,
    vault: &Vault,
    account: Uuid,
    session: Uuid,
    password: String,
) -> Result<(Turn, User)> {
    alone(scope)?;
    let turn = hashing::turn().await?;
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let found = async {
        let account = Account::by_session(&tx, account, session)
            .await?
            .ok_or(Error::Unauthenticated("The session has ended; sign in again."))?;
        let subjects = Subjects::new("email", &account.user.email, scope.address());
        subjects.check(&tx).await?;
        Ok::<_, Error>((account, subjects))
    }
    .await;
    tx.finish(false).await?;
    let (mut account, subjects) = found?;
    // After the account was read: what was changed since stands under the key.
    scope.not_done_before().await?;
    // the code was asked for at sign-in
    account.totp_confirmed = false;
    let (turn, proven) = check((scope.pools(), vault), turn, Some(account), password, None, subjects).await?;
    Ok((turn, proven.account.user))
}

async fn check(
    (pools, vault): (&Pools, &Vault),
    turn: Turn,
    account: Option<Account>,
    password: String,
    code: Option<&str>,
    subjects: Subjects,
) -> Result<(Turn, Proven)> {
    let stored = account.as_ref().and_then(|account| account.password_hash.clone());
    let (turn, checked) = turn.check(password, stored).await?;
    let now_unix_s = u64::try_from(Utc::now().timestamp()).unwrap_or(0);
    let proven = account.and_then(|account| {
        let step = second_factor(vault, &account, code, now_unix_s)?;
        (checked.right && !account.disabled).then_some((account, step))
    });
    let Some((account, step)) = proven else {
        // still in turn: the next try of the same account reads this one
        subjects.failed(pools).await?;
        drop(turn);
        return Err(wrong());
    };
    Ok((turn, Proven { account, step, better_hash: checked.better_hash, subjects }))
}

impl Proven {
    pub(super) fn id(&self) -> Uuid {
        self.account.user.id.0
    }

    pub(super) fn user(&self) -> User {
        self.account.user.clone()
    }

    /// Uses the proof up, in the operation's transaction: the code cannot be used again, and the account must be as it
    /// was when it was checked.
    pub(super) async fn use_up(&self, tx: &Tx) -> Result<()> {
        let used = tx
            .exec(
                sql("UPDATE identity.account a
                        SET totp_last_step = greatest(a.totp_last_step, coalesce($2, 0)), password_hash = coalesce($3, a.password_hash)
                      WHERE a.id = $1 AND a.disabled_at IS NULL AND a.password_hash = $4 AND ($2::bigint IS NULL OR a.totp_last_step < $2)")
                    .bind::<SqlUuid, _>(self.id())
                    .bind::<Nullable<BigInt>, _>(self.step)
                    .bind::<Nullable<Text>, _>(self.better_hash.clone())
                    .bind::<Nullable<Text>, _>(self.account.password_hash.clone()),
            )
            .await?;
        if used == 0 {
            return Err(wrong());
        }
        self.subjects.succeeded(tx).await
    }
}

/// The identity provider that somebody came through, and what his session is good for because of that.
pub(super) struct Through {
    /// The one client that the session is good for; nothing if it is an identity provider of the provider's own.
    pub client: Option<Uuid>,
    /// The identity provider, one of that client or of the provider.
    pub provider: Uuid,
    /// Its name.
    pub name: String,
    /// When the session ends.
    pub until: DateTime<Utc>,
}

/// How long a session lasts whose owner proved himself here, in days.
const DAYS: i64 = 30;

#[derive(QueryableByName)]
struct LetIn {
    #[diesel(sql_type = Bool)]
    let_in: bool,
}

/// Refuses where the provider's staff has to come through its identity provider.
async fn check_password_does(tx: &Tx, user: &User) -> Result<()> {
    if !user.staff {
        return Ok(());
    }
    let row: LetIn = tx.row(sql("SELECT identity.password_lets_in($1) AS let_in").bind::<SqlUuid, _>(user.id)).await?;
    if row.let_in {
        return Ok(());
    }
    let message = "Staff come in through the provider's identity provider only.";
    Err(Error::refuse(UserErrorCode::State, "", message))
}

/// Opens a session of that person on the device that asks. If it is a new one, he is told by mail.
pub(super) async fn open_session(tx: &Tx, scope: &Scope, user: User, through: Option<Through>) -> Result<Continued> {
    if through.is_none() {
        check_password_does(tx, &user).await?;
    }
    let session = SessionId(new_uuid());
    let until = through.as_ref().map_or(tx.now() + TimeDelta::days(DAYS), |through| through.until);
    let client = through.as_ref().and_then(|through| through.client);
    let provider = through.as_ref().map(|through| through.provider);
    let (of_client, of_staff) = if client.is_some() { (provider, None) } else { (None, provider) };
    tx.exec(
        sql("INSERT INTO identity.session
               (id, account_id, user_agent, address, expires_at, confined_to, identity_provider_id, staff_identity_provider_id, came_through)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind::<SqlUuid, _>(session)
        .bind::<SqlUuid, _>(user.id)
        .bind::<Text, _>(scope.user_agent().chars().take(200).collect::<String>())
        .bind::<Text, _>(scope.address().chars().take(64).collect::<String>())
        .bind::<Timestamptz, _>(until)
        .bind::<Nullable<SqlUuid>, _>(client)
        .bind::<Nullable<SqlUuid>, _>(of_client)
        .bind::<Nullable<SqlUuid>, _>(of_staff)
        .bind::<Nullable<Text>, _>(through.map(|through| through.name)),
    )
    .await?;
    device::notice(tx, scope, user.id, session).await?;
    let refresh = refresh::issue(tx, session).await?;
    Ok(Continued { session, confined_to: client.map(ClientId), user, refresh })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::known::UserId;

    fn account(confirmed: bool, last_step: i64) -> Account {
        Account {
            user: User { id: UserId::new(), email: "a@b.de".into(), name: "A".into(), staff: false },
            password_hash: None,
            totp_secret: Some(b"12345678901234567890".to_vec()),
            totp_confirmed: confirmed,
            totp_last_step: last_step,
            disabled: false,
        }
    }

    #[test]
    fn a_sealed_secret_serves_its_own_account_only() {
        let vault = Vault::passing().unwrap();
        let mut account = account(true, 0);
        let sealed = |id| Some(vault.seal(&place_of_totp(id), b"12345678901234567890").unwrap());
        account.totp_secret = sealed(account.user.id.0);
        assert_eq!(second_factor(&vault, &account, Some("287082"), 59), Some(Some(1)));
        account.totp_secret = sealed(new_uuid());
        assert_eq!(second_factor(&vault, &account, Some("287082"), 59), None);
    }

    #[test]
    fn a_confirmed_code_is_needed_and_good_once() {
        let vault = &Vault::passing().unwrap();
        // RFC 6238, appendix B, time 59
        assert_eq!(second_factor(vault, &account(true, 0), Some("287082"), 59), Some(Some(1)));
        assert_eq!(second_factor(vault, &account(true, 1), Some("287082"), 59), None);
        assert_eq!(second_factor(vault, &account(true, 0), Some("000000"), 59), None);
        assert_eq!(second_factor(vault, &account(true, 0), None, 59), None);
        assert_eq!(second_factor(vault, &account(false, 0), None, 59), Some(None));
    }

    #[test]
    fn an_account_without_its_secret_lets_nobody_in() {
        let broken = Account { totp_secret: None, ..account(true, 0) };
        assert_eq!(second_factor(&Vault::passing().unwrap(), &broken, Some("287082"), 59), None);
    }
}
