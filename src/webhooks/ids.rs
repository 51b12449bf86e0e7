//! The ids of webhooks.

crate::platform::ids! {
    /// Names an endpoint.
    WebhookEndpointId = "whe";
    /// Names a delivery of a message to an endpoint.
    WebhookDeliveryId = "whd";
    /// Names a message: the `webhook-id` of all attempts to deliver it, to whichever endpoint.
    MessageId = "msg";
}
