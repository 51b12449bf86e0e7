//! The records of this department that are found by their own id.

use super::delivery::WebhookDelivery;
use super::endpoint::WebhookEndpoint;
use super::ids::{WebhookDeliveryId, WebhookEndpointId};

crate::platform::nodes! {
    WebhookDelivery: WebhookDeliveryId by WebhookDelivery;
    WebhookEndpoint: WebhookEndpointId by WebhookEndpoint;
}
