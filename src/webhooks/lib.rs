//! Webhooks by Standard Webhooks: a client's endpoints are told of its events by signed requests.
//!
//! Nothing is lost and each event arrives at least once: an endpoint's place among the events and the deliveries made of
//! them are kept in one transaction, and a delivery stays until it was answered well, or for three days. What happened to
//! one record arrives in order. Whatever a receiver does, others are not kept waiting by it, and no request leaves for an
//! inner network.

// Paths read alike inside and outside: `crate::webhooks::…` wherever it is.
pub extern crate self as webhooks;

use backoffice_platform as platform;

pub mod courier;
pub mod delivery;
pub mod endpoint;
pub mod guard;
pub mod ids;
mod message;
pub mod nodes;
mod queue;
pub mod retry;
pub mod schema;
pub mod secret;
pub mod sender;
pub mod signature;

use crate::platform::vault::Vault;

/// How webhooks are sent by this installation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seals the secrets.
    pub vault: Vault,
    /// Where requests may go.
    pub policy: guard::Policy,
    /// How long they may take.
    pub times: sender::Times,
}

impl Settings {
    /// For what makes no endpoints and sends nothing.
    pub fn idle() -> Result<Self, String> {
        Ok(Self { vault: Vault::passing()?, policy: guard::Policy::default(), times: sender::Times::default() })
    }
}

/// The queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct WebhookQuery(endpoint::EndpointQuery, delivery::DeliveryQuery);

/// The mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct WebhookMutation(endpoint::EndpointMutation, delivery::DeliveryMutation);
