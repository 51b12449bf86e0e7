//! What an identity provider is set up with, whosever it is: as it was typed, and as it is kept.

use async_graphql::MaybeUndefined;

use super::checks::{check_age, check_claim, check_domains, check_hours, check_issuer, check_scopes};
use super::provider::IdentityProviderState;
use super::relying::Relying;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;

/// The most identity providers that one owner has.
pub(super) const MOST: i64 = 20;

/// A new identity provider, as it was typed.
pub(super) struct Typed {
    pub name: String,
    pub issuer: String,
    pub oauth_client: String,
    pub secret: String,
    pub scopes: Option<Vec<String>>,
    pub email_domains: Option<Vec<String>>,
    pub groups_claim: Option<String>,
    pub creates_accounts: Option<bool>,
    pub session_hours: Option<i32>,
    pub max_age_minutes: Option<i32>,
    pub enabled: Option<bool>,
}

/// The same, looked at.
pub(super) struct Settings {
    pub name: String,
    pub issuer: String,
    pub oauth_client: String,
    pub secret: String,
    pub scopes: Vec<String>,
    pub email_domains: Vec<String>,
    pub groups_claim: Option<String>,
    pub creates_accounts: bool,
    pub session_hours: i32,
    pub max_age_minutes: Option<i32>,
    pub state: IdentityProviderState,
}

fn state(enabled: bool) -> IdentityProviderState {
    if enabled { IdentityProviderState::Enabled } else { IdentityProviderState::Disabled }
}

impl Typed {
    pub fn check(self, relying: &Relying) -> Result<Settings> {
        let name = self.name.trim().to_owned();
        sized("name", &name, 1..=100)?;
        let issuer = check_issuer(relying, &self.issuer)?;
        sized("oauthClientId", &self.oauth_client, 1..=255)?;
        sized("oauthClientSecret", &self.secret, 1..=1000)?;
        Ok(Settings {
            name,
            issuer,
            oauth_client: self.oauth_client,
            secret: self.secret,
            scopes: check_scopes(self.scopes.unwrap_or_else(|| vec!["email".to_owned(), "profile".to_owned()]))?,
            email_domains: check_domains(self.email_domains.unwrap_or_default())?,
            groups_claim: check_claim(self.groups_claim)?,
            creates_accounts: self.creates_accounts.unwrap_or(false),
            session_hours: check_hours(self.session_hours.unwrap_or(12))?,
            max_age_minutes: check_age(self.max_age_minutes)?,
            state: state(self.enabled.unwrap_or(true)),
        })
    }
}

/// What changes of an identity provider, as it was typed.
pub(super) struct TypedChange {
    pub name: Option<String>,
    pub oauth_client: Option<String>,
    pub secret: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub email_domains: Option<Vec<String>>,
    pub groups_claim: MaybeUndefined<String>,
    pub creates_accounts: Option<bool>,
    pub session_hours: Option<i32>,
    pub max_age_minutes: MaybeUndefined<i32>,
    pub enabled: Option<bool>,
    pub required: Option<bool>,
}

/// The same, looked at.
pub(super) struct Change {
    pub name: Option<String>,
    pub oauth_client: Option<String>,
    pub secret: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub email_domains: Option<Vec<String>>,
    pub groups_claim: Option<Option<String>>,
    pub creates_accounts: Option<bool>,
    pub required: Option<bool>,
    pub session_hours: Option<i32>,
    pub max_age_minutes: Option<Option<i32>>,
    pub state: Option<IdentityProviderState>,
}

impl TypedChange {
    /// `found` says whether people come in so far. Whatever nobody comes in through is not required.
    pub fn check(self, found: IdentityProviderState) -> Result<Change> {
        let state = self.enabled.map(state);
        let disabled = state.unwrap_or(found) == IdentityProviderState::Disabled;
        let change = Change {
            name: self.name.map(|name| name.trim().to_owned()),
            oauth_client: self.oauth_client,
            secret: self.secret,
            scopes: self.scopes.map(check_scopes).transpose()?,
            email_domains: self.email_domains.map(check_domains).transpose()?,
            groups_claim: given(self.groups_claim).map(check_claim).transpose()?,
            creates_accounts: self.creates_accounts,
            required: if disabled { Some(false) } else { self.required },
            session_hours: self.session_hours.map(check_hours).transpose()?,
            max_age_minutes: given(self.max_age_minutes).map(check_age).transpose()?,
            state,
        };
        for (field, text, most) in [
            ("name", &change.name, 100),
            ("oauthClientId", &change.oauth_client, 255),
            ("oauthClientSecret", &change.secret, 1000),
        ] {
            if let Some(text) = text {
                sized(field, text, 1..=most)?;
            }
        }
        if disabled && self.required == Some(true) {
            let message = "What nobody comes in through cannot be required.";
            return Err(Error::refuse(UserErrorCode::State, "required", message));
        }
        Ok(change)
    }
}

impl Change {
    /// Whether it shuts the identity provider and does nothing else: that needs to be nobody's equal. Whatever else is
    /// changed would be in force as soon as somebody opens it again.
    pub fn only_shuts(&self) -> bool {
        matches!(
            self,
            Self {
                name: None,
                oauth_client: None,
                secret: None,
                scopes: None,
                email_domains: None,
                groups_claim: None,
                creates_accounts: None,
                required: _,
                session_hours: None,
                max_age_minutes: None,
                state: Some(IdentityProviderState::Disabled),
            }
        )
    }
}

fn given<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// Refuses that one is required which nobody has come in through yet; `came` is how many have.
pub(super) fn check_tried(came: i64) -> Result<()> {
    if came > 0 {
        return Ok(());
    }
    let message = "Nobody has come in through it yet: try it before others depend on it.";
    Err(Error::refuse(UserErrorCode::State, "required", message))
}

/// Refuses one more than an owner may have; `existing` is how many he has.
pub(super) fn check_number(existing: i64, whose: &str) -> Result<()> {
    if existing < MOST {
        return Ok(());
    }
    let message = format!("{whose} has at most {MOST} identity providers.");
    Err(Error::refuse(UserErrorCode::State, "", message))
}

/// Declares the columns that change of an identity provider, in the table of its owner.
macro_rules! changes {
    ($name:ident of $table:ident) => {
        #[derive(diesel::AsChangeset, Default)]
        #[diesel(table_name = $table)]
        struct $name {
            name: Option<String>,
            oauth_client: Option<String>,
            sealed_secret: Option<Vec<u8>>,
            scopes: Option<Vec<String>>,
            email_domains: Option<Vec<String>>,
            groups_claim: Option<Option<String>>,
            creates_accounts: Option<bool>,
            required: Option<bool>,
            session_hours: Option<i32>,
            max_age_minutes: Option<Option<i32>>,
            state: Option<$crate::identity::outside::provider::IdentityProviderState>,
            // Also where only the roles change: whoever has read the record has read them.
            updated_at: Option<$crate::platform::scalars::DateTime>,
        }

        impl $name {
            /// What was asked for; a new secret is sealed for `place`.
            fn of(
                change: $crate::identity::outside::settings::Change,
                relying: &$crate::identity::outside::relying::Relying,
                place: &str,
            ) -> $crate::platform::error::Result<Self> {
                let sealed_secret =
                    change.secret.map(|secret| relying.vault().seal(place, secret.as_bytes())).transpose()?;
                Ok(Self {
                    name: change.name,
                    oauth_client: change.oauth_client,
                    sealed_secret,
                    scopes: change.scopes,
                    email_domains: change.email_domains,
                    groups_claim: change.groups_claim,
                    creates_accounts: change.creates_accounts,
                    required: change.required,
                    session_hours: change.session_hours,
                    max_age_minutes: change.max_age_minutes,
                    state: change.state,
                    updated_at: None,
                })
            }

            /// Deleted; what is not needed any more is not kept.
            fn deleted() -> Self {
                Self {
                    state: Some($crate::identity::outside::provider::IdentityProviderState::Deleted),
                    required: Some(false),
                    sealed_secret: Some(Vec::new()),
                    ..Self::default()
                }
            }

            fn at(self, now: chrono::DateTime<chrono::Utc>) -> Self {
                Self { updated_at: Some($crate::platform::scalars::DateTime(now)), ..self }
            }
        }
    };
}
pub(super) use changes;
