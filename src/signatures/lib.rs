//! Signatures: a version of a document goes out to its signers, step by step; each sees it, consents and signs in his own
//! name, or declines. What is signed is bound by the hash of its bytes; what happens is a chain of hashes, and the evidence
//! sheet says all of it.
//!
//! These are *simple* electronic signatures in the sense of Article 3(10) of Regulation (EU) No 910/2014 (eIDAS): data in
//! electronic form that are attached to other data and used by the signatory to sign. They are neither advanced (Article 26:
//! no signer has a key that he alone controls) nor qualified. What the law wants in writing needs a qualified one.
//!
//! The rules that must hold whatever a resolver does are in the database (`migrations/0217_signature`): requests are written
//! by functions that the server's role can call and by nothing else, each under the lock of its request.

// Paths read alike inside and outside: `crate::signatures::…` wherever it is.
pub extern crate self as signatures;

use backoffice_correspondence as correspondence;
use backoffice_documents as documents;
use backoffice_platform as platform;
use backoffice_work as work;

pub mod act;
pub mod change;
pub mod draft;
pub mod event;
pub mod evidence;
pub mod expiry;
pub mod ids;
pub mod link;
pub mod mails;
pub mod nodes;
pub mod request;
pub mod schema;
mod sheet_pdf;
pub mod signer;
pub mod task;
pub mod verify;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct SignaturesQuery(request::SignatureRequestQuery, event::SignatureEventQuery, task::SignatureTaskQuery);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct SignaturesMutation(
    draft::SignatureDraftMutation,
    change::SignatureRequestMutation,
    verify::SignatureVerifyMutation,
    task::SignatureTaskMutation,
    link::SignatureLinkMutation,
);
