//! A sign-in that the portal completes: what the identity provider says is asked for, checked, and lets somebody in or not.

use backoffice_credentials::{IdTokenError, IdTokenTerms, Opaque, verify_id_token};
use chrono::TimeDelta;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::account::User;
use super::super::prove::{self, Through};
use super::super::refresh::Continued;
use super::super::throttle::Subjects;
use super::claims::{self, Barred, Person};
use super::discovery::Trouble;
use super::flow::{Kept, Provider, SignInCompleteInput, along, out_of_order, s256};
use super::owner::Owner;
use super::relying::{Exchange, Relying};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::scope::Scope;
use crate::platform::sql::sql;

/// A sign-in that the portal completes.
#[derive(QueryableByName)]
struct Completed {
    #[diesel(sql_type = Binary)]
    state_hash: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    client_id: Option<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    identity_provider_id: Uuid,
    #[diesel(sql_type = Text)]
    issuer: String,
    #[diesel(sql_type = Text)]
    redirect_uri: String,
    #[diesel(sql_type = Binary)]
    sealed: Vec<u8>,
    #[diesel(sql_type = Binary)]
    sealed_code: Vec<u8>,
}

impl Completed {
    fn owner(&self) -> Owner {
        Owner::of(self.client_id)
    }

    /// What portals call the identity provider, for the log.
    fn handle(&self) -> String {
        self.owner().handle(self.identity_provider_id)
    }
}

/// Why a sign-in that has come back ends without one.
enum Failed {
    Trouble(Trouble),
    Token(IdTokenError),
    NoToken,
    Barred(Barred),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Failed {
    /// For the log, where those who run the installation look for it.
    fn reason(&self) -> String {
        match self {
            Self::Trouble(trouble) => trouble.reason(),
            Self::Token(error) => format!("id_token:{}", error.reason()),
            Self::NoToken => "no_id_token".to_owned(),
            Self::Barred(barred) => format!("{barred:?}"),
        }
    }

    /// For the person. What exactly was wrong with a token is nobody's business.
    fn refusal(&self) -> Error {
        let (code, message) = match self {
            Self::Trouble(Trouble::Refused(_))
            | Self::Token(_)
            | Self::NoToken
            | Self::Barred(Barred::AnotherSubject) => {
                (UserErrorCode::Invalid, "The identity provider's answer was not good; sign in again.")
            }
            Self::Trouble(_) => return out_of_order(),
            Self::Barred(Barred::TooManyGroups) => (
                UserErrorCode::State,
                "You are in too many groups to be told; the identity provider has to tell only those that count here.",
            ),
            Self::Barred(Barred::Domain) => (
                UserErrorCode::Invalid,
                "Your e-mail address is not verified, or lies in none of the domains that are allowed here.",
            ),
        };
        Error::refuse(code, "", message)
    }
}

/// Whether it can be a PKCE verifier at all.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

pub(super) async fn complete(scope: &Scope, relying: &Relying, input: SignInCompleteInput) -> Result<Continued> {
    prove::alone(scope)?;
    scope.keyless()?;
    let subjects = Subjects::new("sign-in code", &input.code, scope.address());
    let hash = Opaque::Code.hash(&input.code).filter(|_| is_verifier(&input.verifier));
    // The code is used up for good here, whatever becomes of it.
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let found = async {
        subjects.check(&tx).await?;
        let Some(hash) = hash else { return Ok(None) };
        let completed: Option<Completed> = tx
            .maybe(
                sql("UPDATE identity.outside_sign_in o SET completed_at = now()
                      WHERE o.code_hash = $1 AND o.challenge = $2 AND o.completed_at IS NULL AND o.expires_at > now()
                    RETURNING o.state_hash, o.client_id, o.identity_provider_id, o.issuer, o.redirect_uri, o.sealed, o.sealed_code")
                .bind::<Binary, _>(hash.to_vec())
                .bind::<Binary, _>(s256(&input.verifier).to_vec()),
            )
            .await?;
        let Some(completed) = completed else { return Ok(None) };
        let provider = Provider::find(&tx, completed.owner(), completed.identity_provider_id).await?;
        Ok::<_, Error>(Some((completed, provider)))
    }
    .await;
    tx.finish(found.is_ok()).await?;
    let Some((completed, provider)) = found? else {
        subjects.failed(scope.pools()).await?;
        let message = "This sign-in is over, was completed before, or was begun somewhere else; begin again.";
        return Err(Error::refuse(UserErrorCode::Invalid, "code", message));
    };
    let Some(provider) = provider.filter(|provider| provider.issuer == completed.issuer) else {
        return Err(Error::refuse(
            UserErrorCode::State,
            "",
            "Nobody comes in through this identity provider any more.",
        ));
    };
    let kept = relying.vault().unseal(&along("secrets", &completed.state_hash), &completed.sealed)?;
    let kept: Kept = serde_json::from_slice(&kept).map_err(Error::fault)?;
    let code = text(relying.vault().unseal(&along("code", &completed.state_hash), &completed.sealed_code)?)?;
    let place = completed.owner().place(completed.identity_provider_id);
    let secret = text(relying.vault().unseal(&place, &provider.sealed_secret)?)?;
    let exchange = Exchange {
        oauth_client: &provider.oauth_client,
        secret: &secret,
        code: &code,
        redirect_uri: &completed.redirect_uri,
        verifier: &kept.verifier,
    };
    let said = ask(relying, &provider, &exchange, &kept.nonce).await;
    let person = said.and_then(|person| match person.comes_from(&provider.email_domains) {
        Ok(()) => Ok(person),
        Err(barred) => Err(Failed::Barred(barred)),
    });
    match person {
        Ok(person) => enter(scope, &completed, person).await,
        Err(failed) => {
            // No word of who it was.
            tracing::warn!(
                provider = completed.handle(),
                name = provider.name,
                reason = failed.reason(),
                "a sign-in through an identity provider failed"
            );
            Err(failed.refusal())
        }
    }
}

/// What the identity provider says of the person who came back with that code.
async fn ask(
    relying: &Relying,
    provider: &Provider,
    exchange: &Exchange<'_>,
    nonce: &str,
) -> std::result::Result<Person, Failed> {
    let discovery = relying.discover(&provider.issuer, false).await?;
    let tokens = relying.exchange(&discovery, exchange).await?;
    let id_token = tokens.id_token.ok_or(Failed::NoToken)?;
    let terms = IdTokenTerms {
        issuer: &provider.issuer,
        audience: &provider.oauth_client,
        nonce,
        now_unix_s: chrono::Utc::now().timestamp(),
        max_age_s: provider.max_age_minutes.map(|minutes| i64::from(minutes).saturating_mul(60)),
    };
    let keys = relying.keys(&provider.issuer, &discovery, false).await?.unwrap_or_default();
    let claims: Map<String, Value> = match verify_id_token(&id_token, &keys, &terms) {
        // The issuer may have a new key.
        Err(IdTokenError::UnknownKey) => match relying.keys(&provider.issuer, &discovery, true).await? {
            Some(keys) => verify_id_token(&id_token, &keys, &terms),
            None => Err(IdTokenError::UnknownKey),
        },
        checked => checked,
    }
    .map_err(Failed::Token)?;
    let groups = provider.groups_claim.as_deref();
    let besides = if claims::says_too_little(&claims, groups) {
        relying.userinfo(&discovery, tokens.access_token.as_ref()).await?
    } else {
        None
    };
    claims::person(&claims, besides.as_ref(), groups).map_err(Failed::Barred)
}

#[derive(QueryableByName)]
struct Entered {
    #[diesel(sql_type = Text)]
    verdict: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account_id: Option<UserId>,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    provider_name: Option<String>,
    #[diesel(sql_type = Nullable<Int4>)]
    session_hours: Option<i32>,
}

/// Signs the person in, in the operation's transaction.
async fn enter(scope: &Scope, completed: &Completed, person: Person) -> Result<Continued> {
    let tx = scope.sign_in().await?;
    let question = match completed.owner() {
        Owner::Client(client) => {
            sql("SELECT e.verdict, e.account_id, e.email, e.name, e.provider_name, e.session_hours
               FROM identity.sign_in_from_outside($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) e")
            .bind::<SqlUuid, _>(client)
        }
        Owner::Provider => sql("SELECT e.verdict, e.account_id, e.email, e.name, e.provider_name, e.session_hours
               FROM identity.staff_sign_in_from_outside($1, $2, $3, $4, $5, $6, $7, $8, $9) e"),
    };
    let entered: Entered = tx
        .row(
            question
                .bind::<SqlUuid, _>(completed.identity_provider_id)
                .bind::<Text, _>(completed.issuer.clone())
                .bind::<Text, _>(person.subject)
                .bind::<Nullable<Text>, _>(person.email)
                .bind::<Bool, _>(person.verified)
                .bind::<Nullable<Text>, _>(person.name)
                .bind::<Array<Text>, _>(person.groups)
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<SqlUuid, _>(scope.request_id()),
        )
        .await?;
    let (Some(id), Some(email), Some(name), Some(through), Some(hours)) =
        (entered.account_id, entered.email, entered.name, entered.provider_name, entered.session_hours)
    else {
        let message = match (entered.verdict.as_str(), completed.owner()) {
            ("unverified", _) => {
                "The identity provider does not say that your e-mail address is verified; tell your administrator."
            }
            ("unknown", _) => "Nobody comes in through this identity provider any more.",
            (_, Owner::Provider) => "You are not known here. Ask your administrator for an account.",
            (_, Owner::Client(_)) => {
                "You are not known here. Ask your administrator for an invitation; if you have an account already, accept it with that."
            }
        };
        tracing::info!(
            provider = completed.handle(),
            verdict = entered.verdict,
            "somebody was not let in through an identity provider"
        );
        return Err(Error::refuse(UserErrorCode::State, "", message));
    };
    let user = User { id, email, name, staff: completed.owner() == Owner::Provider };
    let until = tx.now() + TimeDelta::hours(i64::from(hours));
    let through =
        Through { client: completed.client_id, provider: completed.identity_provider_id, name: through, until };
    prove::open_session(tx, scope, user, Some(through)).await
}

/// A sealed text.
fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::fault("a sealed text is none"))
}

#[cfg(test)]
mod tests {
    use super::is_verifier;

    #[test]
    fn a_verifier_is_as_pkce_has_it() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"-._~".repeat(32)));
        for wrong in ["", &"a".repeat(42), &"a".repeat(129), &"ä".repeat(43), &format!("{} ", "a".repeat(43))] {
            assert!(!is_verifier(wrong));
        }
    }
}
