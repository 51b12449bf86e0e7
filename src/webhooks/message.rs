//! What is sent: what happened to which record, and where to read more. It is thin on purpose: what the record says is
//! read through the API, with the reader's right, as it is by then.

use serde_json::{Value, json};
use uuid::Uuid;

use super::ids::{MessageId, WebhookEndpointId};
use crate::platform::ids::known::ClientId;
use crate::platform::outbox::{EventId, EventKind};
use crate::platform::paging::encode;
use crate::platform::scalars::DateTime;

/// The type of a message that somebody asked for to see whether it arrives.
pub const TEST: &str = "webhook.test";

/// A message to one endpoint.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its client.
    pub client: Uuid,
    /// The endpoint.
    pub endpoint: Uuid,
    /// Its id: that of the event.
    pub id: Uuid,
    /// What happened, as in the outbox; or [`TEST`].
    pub kind: String,
    /// The type of the record.
    pub node_type: Option<String>,
    /// The record.
    pub node: Option<Uuid>,
    /// The event's place among the client's events.
    pub position: Option<i64>,
    /// The version of the record as it was kept, if it has one.
    pub version: Option<i32>,
    /// When it happened.
    pub occurred_at: DateTime,
}

impl Message {
    /// The `webhook-id`.
    #[must_use]
    pub fn id(&self) -> String {
        MessageId(self.id).to_string()
    }

    /// The body, the same for each attempt.
    #[must_use]
    pub fn body(&self) -> String {
        let mut data = json!({ "client": ClientId(self.client).to_string() });
        match (self.node, self.position, &mut data) {
            (Some(node), Some(position), Value::Object(data)) => {
                data.insert("nodeType".to_owned(), json!(self.node_type));
                data.insert("node".to_owned(), json!(node_id(&self.kind, node)));
                data.insert("version".to_owned(), json!(self.version));
                data.insert("event".to_owned(), json!(EventId(self.id).to_string()));
                data.insert("cursor".to_owned(), json!(encode(&position.to_string(), self.id)));
            }
            (_, _, Value::Object(data)) => {
                data.insert("endpoint".to_owned(), json!(WebhookEndpointId(self.endpoint).to_string()));
            }
            _ => {}
        }
        let at = self.occurred_at.0.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        json!({ "type": self.kind, "timestamp": at, "data": data }).to_string()
    }
}

/// The global id of the record that an event of that kind tells of.
#[must_use]
pub fn node_id(kind: &str, node: Uuid) -> Option<String> {
    EventKind::parse(kind).map(|kind| format!("{}_{}", kind.prefix(), node.simple()))
}
