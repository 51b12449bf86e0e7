//! Who may come in, and what he may do: people, sessions and keys of the provider; roles, grants, invitations and
//! service accounts of each client.
//!
//! A token only says who asks. Whether the session lives and which rights stand is asked of the database in the same
//! round trip that opens an operation's transaction, so whatever ends here ends with the next request.

// Paths read alike inside and outside: `crate::identity::…` wherever it is.
pub extern crate self as identity;

use backoffice_platform as platform;
#[cfg(feature = "oidc")]
use backoffice_webhooks as webhooks;

pub mod account;
pub mod authority;
pub mod default_roles;
mod device;
pub mod grant;
pub mod hashing;
pub mod invitation;
pub mod keys;
pub mod mails;
pub mod nodes;
pub mod oauth;
pub mod one_person;
pub mod outside;
pub mod password;
pub mod people;
mod prove;
pub mod provider_role;
mod refresh;
pub mod reset;
pub mod role;
pub mod schema;
pub mod service_account;
pub mod session;
pub mod sign_in;
pub mod staff;
mod throttle;
pub mod token;
mod trail;
pub mod undelivered;
pub mod viewer;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct IdentityQuery(
    viewer::ViewerQuery,
    session::SessionQuery,
    role::RoleQuery,
    grant::GrantQuery,
    invitation::InvitationQuery,
    service_account::ServiceAccountQuery,
    staff::StaffQuery,
    undelivered::UndeliveredMailQuery,
    outside::OutsideQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct IdentityMutation(
    sign_in::SignInMutation,
    token::TokenMutation,
    password::PasswordMutation,
    reset::ResetMutation,
    session::SessionMutation,
    role::RoleMutation,
    grant::GrantMutation,
    invitation::InvitationMutation,
    service_account::ServiceAccountMutation,
    staff::StaffMutation,
    one_person::OnePersonMutation,
    undelivered::UndeliveredMailMutation,
    #[cfg(feature = "oidc")] outside::OutsideMutation,
);
