//! The one schema: every department's queries and mutations, merged.

use std::sync::Arc;

use async_graphql::{MergedObject, SDLExportOptions, Schema, SchemaBuilder, ValidationMode};

use crate::appointments::{AppointmentsMutation, AppointmentsQuery};
use crate::approvals::{ApprovalsMutation, ApprovalsQuery};
use crate::audit::AuditQuery;
use crate::audit::verify::AuditMutation;
use crate::bulk::BulkMutation;
use crate::clocks::{ClocksMutation, ClocksQuery};
use crate::correspondence::typesetter::Typesetter;
use crate::correspondence::{CorrespondenceMutation, CorrespondenceQuery};
use crate::documents::{CabinetMutation, CabinetQuery};
use crate::finance::{FinanceMutation, FinanceQuery};
use crate::identity::keys::Keys;
use crate::identity::outside::Outside;
use crate::identity::{IdentityMutation, IdentityQuery};
use crate::notices::{NoticesMutation, NoticesQuery};
use crate::onboarding::OnboardMutation;
use crate::onboarding::template::{OnboardingTemplateMutation, OnboardingTemplateQuery};
use crate::onboarding::update::UpdateMutation;
use crate::platform::files::{FileMutation, FileQuery, Files};
use crate::platform::inbound::MailDomain;
use crate::platform::job::{JobMutation, JobQuery};
use crate::platform::node::{self, NodeQuery, NodeType};
use crate::practice::{PracticeMutation, PracticeQuery};
use crate::registers::{RegistersMutation, RegistersQuery};
use crate::rules::{RulesMutation, RulesQuery};
use crate::server::published::{LimitsQuery, Published};
use crate::signatures::{SignaturesMutation, SignaturesQuery};
use crate::webhooks::{self, WebhookMutation, WebhookQuery};
use crate::work::{WorkMutation, WorkQuery};

pub mod event;
pub mod inside;
pub mod subscription;

use subscription::Subscription;

/// Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    IdentityQuery,
    PracticeQuery,
    OnboardingTemplateQuery,
    AuditQuery,
    FinanceQuery,
    WorkQuery,
    ClocksQuery,
    FileQuery,
    event::EventQuery,
    LimitsQuery,
    WebhookQuery,
    NodeQuery,
    JobQuery,
    ApprovalsQuery,
    AppointmentsQuery,
    RulesQuery,
    CorrespondenceQuery,
    CabinetQuery,
    NoticesQuery,
    RegistersQuery,
    SignaturesQuery,
);

/// Everything that can be done. All fields of one operation take effect together or none does.
#[derive(MergedObject, Default)]
pub struct Mutation(
    IdentityMutation,
    PracticeMutation,
    OnboardMutation,
    OnboardingTemplateMutation,
    UpdateMutation,
    AuditMutation,
    FinanceMutation,
    WorkMutation,
    ClocksMutation,
    FileMutation,
    JobMutation,
    WebhookMutation,
    BulkMutation,
    ApprovalsMutation,
    AppointmentsMutation,
    RulesMutation,
    CorrespondenceMutation,
    CabinetMutation,
    NoticesMutation,
    RegistersMutation,
    SignaturesMutation,
);

/// The schema as the server runs it.
pub type Graph = Schema<Query, Mutation, Subscription>;

/// The records of every department that are found by their own id.
const RECORDS: &[&[NodeType]] = &[
    crate::appointments::nodes::NODES,
    crate::approvals::nodes::NODES,
    crate::clocks::nodes::NODES,
    crate::correspondence::nodes::NODES,
    crate::documents::nodes::NODES,
    crate::finance::nodes::NODES,
    crate::identity::nodes::NODES,
    crate::notices::nodes::NODES,
    crate::platform::nodes::NODES,
    crate::practice::nodes::NODES,
    crate::registers::nodes::NODES,
    crate::rules::nodes::NODES,
    crate::signatures::nodes::NODES,
    crate::webhooks::nodes::NODES,
    crate::work::nodes::NODES,
    event::NODES,
];

/// Makes the types of records known to this process: before it answers or works in the background.
pub fn declare_records() {
    node::declare(RECORDS);
}

/// The document gate stands before the schema; the library's own limits are a net below it.
fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    declare_records();
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .limit_recursive_depth(64)
        .limit_directives(10)
        .disable_suggestions()
}

fn furnished(
    keys: Arc<Keys>,
    published: Published,
    files: Option<Arc<Files>>,
    webhooks: webhooks::Settings,
    outside: Outside,
    typesetter: Typesetter,
) -> SchemaBuilder<Query, Mutation, Subscription> {
    let builder = builder()
        .directive(crate::server::own_error::own_error)
        .data(keys)
        .data(MailDomain(published.mail_domain.clone()))
        .data(published)
        .data(webhooks.vault.clone())
        .data(webhooks)
        .data(outside)
        .data(typesetter);
    match files {
        Some(files) => builder.data(files),
        None => builder,
    }
}

/// The schema with the keys that sign its tokens, the files if there are any, how webhooks are sent and identity
/// providers asked, what sets letters, and the mark that the edge alone puts on fields.
#[must_use]
pub fn build(
    keys: Arc<Keys>,
    published: Published,
    files: Option<Arc<Files>>,
    webhooks: webhooks::Settings,
    outside: Outside,
    typesetter: Typesetter,
) -> Graph {
    furnished(keys, published, files, webhooks, outside, typesetter).finish()
}

/// The same for documents that were held against it before: it takes their fields and arguments for known.
#[must_use]
pub fn build_trusting(
    keys: Arc<Keys>,
    published: Published,
    files: Option<Arc<Files>>,
    webhooks: webhooks::Settings,
    outside: Outside,
    typesetter: Typesetter,
) -> Graph {
    // Told that there are entities of a federation, the library does not look through all types for one at each root field.
    // The fields that this adds are out of reach: no document that names one was let through by the other schema.
    furnished(keys, published, files, webhooks, outside, typesetter)
        .enable_federation()
        .validation_mode(ValidationMode::Fast)
        .finish()
}

/// The schema that tells subscribers of events (see [`subscription`]).
#[must_use]
pub fn build_following() -> subscription::Following {
    subscription::following()
}

/// The schema to look at only: nobody can sign in to it.
#[must_use]
pub fn for_introspection() -> Graph {
    builder().finish()
}

/// The schema in GraphQL's own language, as it stands in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    for_introspection().sdl_with_options(SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items())
}

#[cfg(test)]
mod tests;
