//! Documents: what is kept beside the records of a client, in folders, of types with fields, in versions that are files.

// Paths read alike inside and outside: `crate::documents::…` wherever it is.
pub extern crate self as documents;

use backoffice_identity as identity;
use backoffice_platform as platform;

pub mod change;
pub mod client;
pub mod disposal;
pub mod document;
pub mod fields;
pub mod folder;
pub mod hold;
pub mod ids;
pub mod kind;
pub mod link;
pub mod nodes;
pub mod retention;
pub mod rules;
pub mod run;
pub mod schema;
pub mod search;
pub mod share;
pub mod text;
pub mod version;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct CabinetQuery(
    document::CabinetDocumentQuery,
    kind::DocumentTypeQuery,
    folder::DocumentFolderQuery,
    client::ClientDocumentQuery,
    hold::HoldQuery,
    retention::RetentionQuery,
    disposal::DisposalQuery,
    search::SearchQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct CabinetMutation(
    change::CabinetDocumentMutation,
    version::DocumentVersionMutation,
    link::DocumentLinkMutation,
    kind::DocumentTypeMutation,
    folder::DocumentFolderMutation,
    share::ShareMutation,
    hold::HoldMutation,
    retention::RetentionMutation,
    disposal::DisposalMutation,
);
