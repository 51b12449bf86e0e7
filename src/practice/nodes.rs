//! The records of this department that are found by their own id.

use super::client::Client;
use super::contact::ClientContact;
use super::documents::DocumentManifest;
use super::engagement::Engagement;
use super::ids::{ClientContactId, DocumentManifestId, EngagementId};
use crate::platform::ids::known::ClientId;

crate::platform::nodes! {
    Client: ClientId by Client;
    ClientContact: ClientContactId by ClientContact;
    DocumentManifest: DocumentManifestId by DocumentManifest;
    Engagement: EngagementId by Engagement;
}
