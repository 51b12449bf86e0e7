//! Work: the items of the one queue, and what goes on beside requests: jobs and how far they have come, schedules that
//! ask for them.

// Paths read alike inside and outside: `crate::work::…` wherever it is.
pub extern crate self as work;

use backoffice_clocks as clocks;
use backoffice_notices as notices;
use backoffice_platform as platform;
use backoffice_practice as practice;

pub mod ids;
pub mod item;
pub mod nodes;
pub mod provider_schedule;
pub mod recurring;
pub mod reminder;
pub mod request;
pub mod schedule;
pub mod schema;
pub mod template;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct WorkQuery(
    schedule::ScheduleQuery,
    provider_schedule::ProviderScheduleQuery,
    item::QueueQuery,
    item::NoticeQuery,
    request::RequestQuery,
    item::ViewQuery,
    recurring::RecurringQuery,
    template::TemplateQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct WorkMutation(
    schedule::ScheduleMutation,
    provider_schedule::ProviderScheduleMutation,
    item::ChangeMutation,
    item::MoveMutation,
    item::AssignMutation,
    item::estimate::EstimateMutation,
    item::ChecklistMutation,
    item::DependencyMutation,
    item::CommentMutation,
    item::NoticeMutation,
    item::WantedMutation,
    item::ViewMutation,
    recurring::RecurringMutation,
    template::TemplateMutation,
);
