//! The keys that sign access tokens, shared by all workers of a process and by all processes through the database.
//!
//! A new key is announced before it signs: by then every process has read it, so no good token is refused anywhere. The
//! key before it still verifies for an hour, far longer than its last token lives.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use backoffice_credentials::{
    AccessClaims, ActorKind, KeyRing, MacKey, PublicKey, SigningKey, TokenError, VerifiedTokens,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Binary, Bool, Text};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::{Pools, Tx, Urls};
use crate::platform::error::{Error, Result};
use crate::platform::ids::new_uuid;
use crate::platform::scope::Caller;
use crate::platform::seal::Seals;
use crate::platform::sql::sql;
use crate::platform::vault::{Vault, place_of_signing_key, place_of_totp};

/// Who issues access tokens.
pub const ISSUER: &str = "backoffice";
/// Whom access tokens are for.
pub const AUDIENCE: &str = "backoffice/graphql";
/// How long an access token is good, in seconds.
pub const LIFETIME_S: i64 = 600;
/// How often a process reads the keys anew, in seconds. A new key is announced for three times as long.
pub const RELOAD_S: u64 = 20;
/// Tokens whose signatures are remembered, some 600 bytes each.
const REMEMBERED: usize = 4096;

/// The process's keys. Make one with [`Keys::load`], share it, and let [`Keys::keep_fresh`] run beside the server.
pub struct Keys {
    ring: RwLock<Arc<KeyRing>>,
    verified: VerifiedTokens,
    vault: Vault,
    /// What signs addresses: a key from each of these.
    pub seals: Arc<Seals>,
}

/// An access token as it is given out.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: String,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Text)]
    kid: String,
    #[diesel(sql_type = Binary)]
    pkcs8: Vec<u8>,
    #[diesel(sql_type = Bool)]
    signs: bool,
}

#[derive(QueryableByName)]
struct OpenSecret {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Binary)]
    secret: Vec<u8>,
}

impl Keys {
    /// Reads the keys, which the vault opens, and makes the first one if there is none.
    pub async fn load(pools: &Pools, vault: Vault) -> Result<Arc<Self>> {
        let (ring, seals) = (read(pools, &vault).await?, Arc::new(Seals::default()));
        seals.renew(ring.1);
        let (ring, verified) = (RwLock::new(Arc::new(ring.0)), VerifiedTokens::new(REMEMBERED));
        Ok(Arc::new(Self { ring, verified, vault, seals }))
    }

    /// Reads the keys anew, after a rotation by this or another process.
    pub async fn reload(&self, pools: &Pools) -> Result<()> {
        let (ring, seals) = read(pools, &self.vault).await?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        self.seals.renew(seals);
        Ok(())
    }

    /// Reads the keys anew every [`RELOAD_S`] seconds, for ever. If the database does not answer, the keys stay as they
    /// are until it does.
    pub async fn keep_fresh(self: Arc<Self>, pools: Pools) {
        loop {
            tokio::time::sleep(Duration::from_secs(RELOAD_S)).await;
            if let Err(error) = self.reload(&pools).await {
                tracing::warn!(?error, "the signing keys could not be read anew");
            }
        }
    }

    /// Announces a new key, which signs within a minute; the former ones then only verify, for an hour. Gives the new
    /// key's name. For the command line: `url` is that of the sign-in role.
    pub async fn rotate(url: &str, vault: &Vault) -> Result<String> {
        let pools = alone(url)?;
        let tx = Tx::open_anonymous(&pools).await?;
        lock(&tx).await?;
        let key = SigningKey::generate().map_err(Error::fault)?;
        tx.exec(sql(
            "UPDATE identity.signing_key k SET retired_at = now() + interval '60 s' WHERE k.retired_at IS NULL OR k.retired_at > now() + interval '60 s'",
        ))
        .await?;
        insert(&tx, vault, &key).await?;
        tx.finish(true).await?;
        Ok(key.public().kid().to_owned())
    }

    /// Seals what was kept before secrets were sealed: signing keys and the secrets of authenticator apps. Gives how many
    /// there were. For the command line, when no server of a release that cannot open them runs any more; it can be
    /// broken off and run again.
    pub async fn seal(url: &str, vault: &Vault) -> Result<usize> {
        let pools = alone(url)?;
        let tx = Tx::open_anonymous(&pools).await?;
        let open: Vec<OpenSecret> = tx
            .rows(sql("SELECT 'key' AS of, k.kid AS name, k.pkcs8 AS secret FROM identity.signing_key k
                       UNION ALL SELECT 'totp', a.id::text, a.totp_secret FROM identity.account a WHERE a.totp_secret IS NOT NULL"))
            .await?;
        let mut sealed: usize = 0;
        for OpenSecret { of, name, secret } in open.into_iter().filter(|open| !Vault::is_sealed(&open.secret)) {
            let (place, update) = if of == "key" {
                (
                    place_of_signing_key(&name),
                    "UPDATE identity.signing_key k SET pkcs8 = $3 WHERE k.kid = $1 AND k.pkcs8 = $2",
                )
            } else {
                let account = Uuid::try_parse(&name).map_err(Error::fault)?;
                (
                    place_of_totp(account),
                    "UPDATE identity.account a SET totp_secret = $3 WHERE a.id = $1::uuid AND a.totp_secret = $2",
                )
            };
            let in_vault = vault.seal(&place, &secret)?;
            let update = sql(update).bind::<Text, _>(name).bind::<Binary, _>(secret).bind::<Binary, _>(in_vault);
            sealed = sealed.saturating_add(tx.exec(update).await?);
        }
        tx.finish(true).await?;
        Ok(sealed)
    }

    /// Who asks, by the bearer token of a request. Whether the session still lives is the database's business.
    #[must_use]
    pub fn verify(&self, bearer: &str) -> Caller {
        match self.verified.verify(&self.ring(), bearer, ISSUER, AUDIENCE, Utc::now().timestamp()) {
            Ok(claims) => caller(&claims).unwrap_or(Caller::Invalid("The access token is not valid.")),
            Err(TokenError::Expired) => Caller::Invalid("The access token has expired; refresh it or sign in again."),
            Err(reason) => {
                tracing::debug!(reason = reason.reason(), "an access token was refused");
                Caller::Invalid("The access token is not valid.")
            }
        }
    }

    /// The public keys, for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.ring().jwks()
    }

    /// A token of a person in a session, for one client or without.
    pub(super) fn for_person(&self, account: Uuid, session: Uuid, client: Option<Uuid>) -> Result<AccessToken> {
        self.issue(account, Some(session), client, None)
    }

    /// A token of a service account, narrowed to those rights.
    pub(super) fn for_service(&self, account: Uuid, client: Uuid, scopes: &[Can]) -> Result<AccessToken> {
        let scope = scopes.iter().map(|can| can.name()).collect::<Vec<_>>().join(" ");
        self.issue(account, None, Some(client), Some(scope))
    }

    fn issue(
        &self,
        account: Uuid,
        session: Option<Uuid>,
        client: Option<Uuid>,
        scope: Option<String>,
    ) -> Result<AccessToken> {
        let now = Utc::now();
        let expires_at = now + TimeDelta::seconds(LIFETIME_S);
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: account.simple().to_string(),
            sid: session.map(|id| id.simple().to_string()),
            tid: client.map(|id| id.simple().to_string()),
            kind: if scope.is_some() { ActorKind::Service } else { ActorKind::User },
            scope,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires_at.timestamp(),
            jti: new_uuid().simple().to_string(),
        };
        let token = self.ring().issue(&claims).map_err(Error::fault)?;
        Ok(AccessToken { token, expires_at: DateTime::from_timestamp(claims.exp, 0).unwrap_or(expires_at) })
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The caller that verified claims speak of; nothing if they do not fit together.
fn caller(claims: &AccessClaims) -> Option<Caller> {
    let account = Uuid::try_parse(&claims.sub).ok()?;
    let client = claims.tid.as_deref().map(Uuid::try_parse).transpose().ok()?;
    match (claims.kind, claims.sid.as_deref(), client, claims.scope.as_deref()) {
        (ActorKind::User, Some(session), client, None) => {
            Some(Caller::Person { account, session: Uuid::try_parse(session).ok()?, client })
        }
        (ActorKind::Service, None, Some(client), Some(scope)) => {
            Some(Caller::Service { account, client, scopes: scope.split(' ').filter_map(Can::parse).collect() })
        }
        _ => None,
    }
}

async fn read(pools: &Pools, vault: &Vault) -> Result<(KeyRing, Vec<MacKey>)> {
    let tx = Tx::open_anonymous(pools).await?;
    let mut rows = select(&tx).await?;
    let made = rows.is_empty();
    if made {
        lock(&tx).await?;
        rows = select(&tx).await?;
        if rows.is_empty() {
            insert(&tx, vault, &SigningKey::generate().map_err(Error::fault)?).await?;
            rows = select(&tx).await?;
        }
    }
    tx.finish(made).await?;
    let mut current = None;
    let (mut verify_only, mut seals): (Vec<PublicKey>, Vec<MacKey>) = Default::default();
    for row in rows {
        let Ok(pkcs8) = vault.reveal(&place_of_signing_key(&row.kid), &row.pkcs8) else {
            // Sealed with a key that was lost. What it signed is refused; a rotation gives another one.
            tracing::error!(kid = row.kid, "a signing key cannot be opened: was the file --secrets-key changed?");
            continue;
        };
        seals.push(MacKey::derive(&pkcs8));
        let key = SigningKey::from_pkcs8(&pkcs8).map_err(Error::fault)?;
        if row.signs && current.is_none() {
            current = Some(key);
        } else {
            verify_only.push(key.public().clone());
        }
    }
    let current = current.ok_or_else(|| {
        Error::fault("no signing key can be used: put the file --secrets-key back, or make a new key with `backoffice keys rotate`")
    })?;
    Ok((KeyRing::new(current, verify_only).map_err(Error::fault)?, seals))
}

/// The keys in use, the one that signs first: of those not retired yet the oldest, so that an announced one waits.
async fn select(tx: &Tx) -> Result<Vec<KeyRow>> {
    tx.rows(sql(
        "SELECT k.kid, k.pkcs8, k.retired_at IS NULL OR k.retired_at > now() AS signs FROM identity.signing_key k
          WHERE k.retired_at IS NULL OR k.retired_at > now() - interval '3600 s'
          ORDER BY 3 DESC, k.created_at, k.kid LIMIT 16",
    ))
    .await
}

/// Two processes do not make keys at the same moment.
async fn lock(tx: &Tx) -> Result<()> {
    tx.exec(sql("SELECT pg_advisory_xact_lock(3104210091)")).await?;
    Ok(())
}

async fn insert(tx: &Tx, vault: &Vault, key: &SigningKey) -> Result<()> {
    let sealed = vault.seal(&place_of_signing_key(key.public().kid()), key.pkcs8())?;
    tx.exec(
        sql("INSERT INTO identity.signing_key (kid, pkcs8) VALUES ($1, $2)")
            .bind::<Text, _>(key.public().kid().to_owned())
            .bind::<Binary, _>(sealed),
    )
    .await?;
    Ok(())
}

/// One connection for a command.
pub(super) fn alone(url: &str) -> Result<Pools> {
    Pools::new(&Urls { app: url.to_owned(), portfolio: url.to_owned(), identity: url.to_owned() }, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let ring = KeyRing::new(SigningKey::generate().unwrap(), Vec::new()).unwrap();
        let (verified, vault) = (VerifiedTokens::new(8), Vault::passing().unwrap());
        Keys { ring: RwLock::new(Arc::new(ring)), verified, vault, seals: Arc::default() }
    }

    #[test]
    fn a_token_says_who_it_was_given_to() {
        let keys = keys();
        let (account, session, client) = (new_uuid(), new_uuid(), new_uuid());
        for client in [None, Some(client)] {
            let token = keys.for_person(account, session, client).unwrap();
            assert_eq!(keys.verify(&token.token), Caller::Person { account, session, client });
        }
        let scopes = vec![Can::InvoiceRead, Can::InvoiceIssue];
        let token = keys.for_service(account, client, &scopes).unwrap();
        assert_eq!(keys.verify(&token.token), Caller::Service { account, client, scopes });
    }

    #[test]
    fn foreign_and_broken_tokens_are_nobodys() {
        let token = keys().for_person(new_uuid(), new_uuid(), None).unwrap().token;
        for text in [token.as_str(), "", "x", "a.b.c", "bor_secret"] {
            assert!(matches!(keys().verify(text), Caller::Invalid(_)));
        }
    }

    #[test]
    fn claims_that_do_not_fit_together_are_refused() {
        let keys = keys();
        let id = new_uuid();
        // a person with scopes, a person without a session, a program without a client
        for (session, client, scope) in
            [(Some(id), None, Some("x".to_owned())), (None, Some(id), None), (None, None, Some("x".to_owned()))]
        {
            let token = keys.issue(id, session, client, scope).unwrap();
            assert!(matches!(keys.verify(&token.token), Caller::Invalid(_)));
        }
    }
}
