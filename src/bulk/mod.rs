//! Data in bulk: lists of any kind to files, and files of the kinds that can be taken in.

pub mod export;

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct BulkMutation(export::ExportMutation, crate::finance::imports::job::ImportJobMutation);
