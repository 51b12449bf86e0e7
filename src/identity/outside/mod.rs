//! Sign-in from outside, by OpenID Connect: people of a client come in through the client's own identity provider, the
//! provider's staff through the provider's. One way in, two owners.
//!
//! | file | what it knows |
//! |---|---|
//! | `owner` | whose an identity provider is |
//! | [`provider`], [`staff`] | the identity providers of a client and of the provider as records |
//! | `change`, `staff_change` | setting them up: who may |
//! | `settings`, `checks` | what is looked at when they are |
//! | [`linked`] | who is linked to which, and what that calls him |
//! | `discovery` | what an identity provider publishes of itself |
//! | `relying` | what is asked of an identity provider's server, and what is remembered of its answers |
//! | `claims` | what an identity provider says of a person, and whether that lets him in |
//! | `flow` | a sign-in that a portal begins |
//! | `back` | the person comes back from the identity provider |
//! | `complete` | the portal completes it |
//!
//! The portal that begins a sign-in keeps a secret of its own; nothing that the identity provider says is even asked for
//! before the portal has shown it. So a sign-in that somebody else began ends at the portal, without effect. An identity
//! provider of a client speaks for this client alone: sessions that came through it are confined to the client, in the
//! database. One of the provider's speaks for the staff alone.

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
pub mod linked;
mod owner;
pub mod provider;
#[cfg(feature = "oidc")]
pub mod relying;
#[cfg(feature = "oidc")]
mod settings;
pub mod staff;
#[cfg(feature = "oidc")]
pub mod staff_change;

/// How this installation asks identity providers; nothing where it does not.
#[cfg(feature = "oidc")]
pub type Outside = Option<std::sync::Arc<relying::Relying>>;
/// How this installation asks identity providers: not at all, it was built without.
#[cfg(not(feature = "oidc"))]
pub type Outside = ();

/// The queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct OutsideQuery(
    provider::IdentityProviderQuery,
    linked::IdentityProviderUserQuery,
    staff::StaffIdentityProviderQuery,
);

/// The mutations.
#[cfg(feature = "oidc")]
#[derive(async_graphql::MergedObject, Default)]
pub struct OutsideMutation(
    change::IdentityProviderMutation,
    staff_change::StaffIdentityProviderMutation,
    flow::OutsideSignInMutation,
);
