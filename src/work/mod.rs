//! Work that goes on beside requests: jobs and how far they have come, schedules that ask for them.

pub mod job;
pub mod problem;
pub mod provider_schedule;
pub mod schedule;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct WorkQuery(job::JobQuery, schedule::ScheduleQuery, provider_schedule::ProviderScheduleQuery);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct WorkMutation(job::JobMutation, schedule::ScheduleMutation, provider_schedule::ProviderScheduleMutation);
