//! What auditors ask the books for: samples that anybody can draw once more, and lead schedules.

use async_graphql::MergedObject;

pub mod draw;
pub mod lead_schedule;
pub mod sample;

/// The queries for auditors.
#[derive(MergedObject, Default)]
pub struct AuditSupportQuery(sample::AuditSampleQuery, lead_schedule::LeadScheduleQuery);

/// The mutations for auditors.
#[derive(MergedObject, Default)]
pub struct AuditSupportMutation(draw::AuditSampleMutation);
