//! Sign-in from outside: people of a client come in through the client's own identity provider, by OpenID Connect.
//!
//! | file | what it knows |
//! |---|---|
//! | [`provider`] | the identity providers of a client as records |
//! | `change`, `checks` | setting them up: who may, and what is looked at |
//! | `discovery` | what an identity provider publishes of itself |
//! | `relying` | what is asked of an identity provider's server, and what is remembered of its answers |
//! | `claims` | what an identity provider says of a person, and whether that lets him in |
//! | `flow` | a sign-in that a portal begins |
//! | `back` | the person comes back from the identity provider |
//! | `complete` | the portal completes it |
//!
//! The portal that begins a sign-in keeps a secret of its own; nothing that the identity provider says is even asked for
//! before the portal has shown it. So a sign-in that somebody else began ends at the portal, without effect. An identity
//! provider speaks for its client alone: sessions that came through it are confined to the client, in the database.

#[cfg(feature = "oidc")]
pub mod back;
#[cfg(feature = "oidc")]
pub mod change;
#[cfg(feature = "oidc")]
mod checks;
#[cfg(feature = "oidc")]
mod claims;
#[cfg(feature = "oidc")]
mod complete;
#[cfg(feature = "oidc")]
mod discovery;
#[cfg(feature = "oidc")]
pub mod flow;
pub mod provider;
#[cfg(feature = "oidc")]
pub mod relying;

/// How this installation asks identity providers; nothing where it does not.
#[cfg(feature = "oidc")]
pub type Outside = Option<std::sync::Arc<relying::Relying>>;
/// How this installation asks identity providers: not at all, it was built without.
#[cfg(not(feature = "oidc"))]
pub type Outside = ();

/// The queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct OutsideQuery(provider::IdentityProviderQuery);

/// The mutations.
#[cfg(feature = "oidc")]
#[derive(async_graphql::MergedObject, Default)]
pub struct OutsideMutation(change::IdentityProviderMutation, flow::OutsideSignInMutation);
