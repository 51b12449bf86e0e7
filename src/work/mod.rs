//! Work that goes on beside requests: jobs and how far they have come.

pub mod job;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct WorkQuery(job::JobQuery);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct WorkMutation(job::JobMutation);
