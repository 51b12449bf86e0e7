//! The provider's own business: its clients, and their figures side by side.

// Paths read alike inside and outside: `crate::practice::…` wherever it is.
pub extern crate self as practice;

use backoffice_platform as platform;

pub mod capacity;
pub mod client;
pub mod contact;
pub mod documents;
pub mod engagement;
pub mod figures;
pub mod group;
pub mod ids;
pub mod nodes;
pub mod offboarding;
pub mod portal;
pub mod requirement;
pub mod schema;
pub mod service;
pub mod skill;
pub mod status;
pub mod team;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct PracticeQuery(
    client::ClientQuery,
    documents::DocumentQuery,
    team::TeamQuery,
    service::ServiceQuery,
    engagement::EngagementQuery,
    offboarding::ending::OffboardingQuery,
    status::ClientStatusQuery,
    group::ClientGroupQuery,
    contact::ClientContactQuery,
    skill::SkillQuery,
    capacity::CapacityQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct PracticeMutation(
    documents::DocumentMutation,
    team::TeamMutation,
    service::ServiceMutation,
    engagement::EngagementMutation,
    offboarding::api::ArchiveMutation,
    offboarding::ending::OffboardingMutation,
    offboarding::purging::PurgingMutation,
    status::ClientStatusMutation,
    group::ClientGroupMutation,
    contact::ClientContactMutation,
    skill::SkillMutation,
    capacity::CapacityMutation,
    requirement::RequirementMutation,
);
