//! Correspondence: the register of all letters, mails and calls of a client, the templates that letters are written from,
//! mails out and mails in.

// Paths read alike inside and outside: `crate::correspondence::…` wherever it is.
pub extern crate self as correspondence;

use backoffice_documents as documents;
use backoffice_finance as finance;
use backoffice_platform as platform;

pub mod branding;
pub mod dunning;
pub mod entry;
pub mod ids;
pub mod inbound;
pub mod list;
pub mod merge;
pub mod nodes;
pub mod register;
pub mod schema;
pub mod send;
pub mod shared;
pub mod statement;
pub mod template;
pub mod typeset;
pub mod typesetter;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct CorrespondenceQuery(
    list::ListQuery,
    shared::SharedQuery,
    template::LetterTemplateQuery,
    branding::BrandingQuery,
    inbound::address::InboundMailAddressQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct CorrespondenceMutation(
    register::RegisterMutation,
    template::LetterTemplateMutation,
    merge::MergeMutation,
    branding::BrandingMutation,
    typeset::TypesetMutation,
    send::SendMutation,
    dunning::DunningSendMutation,
    statement::CustomerStatementMutation,
    inbound::address::InboundMailAddressMutation,
);
