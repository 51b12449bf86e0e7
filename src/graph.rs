//! The one schema: every department's queries and mutations, merged.

use std::sync::Arc;

use async_graphql::{Context, ID, MergedObject, SDLExportOptions, Schema, SchemaBuilder, ValidationMode};
use uuid::Uuid;

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
use crate::platform::error::Result;
use crate::platform::files::{FileMutation, FileQuery, Files};
use crate::platform::ids::split;
use crate::practice::{PracticeMutation, PracticeQuery};
use crate::registers::{RegistersMutation, RegistersQuery};
use crate::rules::{RulesMutation, RulesQuery};
use crate::server::published::{LimitsQuery, Published};
use crate::signatures::{SignaturesMutation, SignaturesQuery};
use crate::webhooks::{self, WebhookMutation, WebhookQuery};
use crate::work::{WorkMutation, WorkQuery};

pub mod event;
pub mod inside;
pub mod node;
pub mod subscription;

pub use node::Node;
use subscription::Subscription;

/// Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    IdentityQuery,
    PracticeQuery,
    AuditQuery,
    FinanceQuery,
    WorkQuery,
    ClocksQuery,
    FileQuery,
    event::EventQuery,
    LimitsQuery,
    WebhookQuery,
    node::NodeQuery,
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
    AuditMutation,
    FinanceMutation,
    WorkMutation,
    ClocksMutation,
    FileMutation,
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

/// The document gate stands before the schema; the library's own limits are a net below it.
fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
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

/// The outside id of a record by its type and its own id; nothing if ids of that type begin differently.
#[must_use]
pub fn outside(kind: &str, id: Uuid) -> Option<String> {
    node::prefix_of(kind).map(|prefix| format!("{prefix}_{}", id.simple()))
}

/// The right to read records of that type; none if that is no kind of record, or its records have several.
#[must_use]
pub fn right_of(kind: &str) -> Option<crate::platform::can::Can> {
    node::right_of(kind)
}

/// Every type of record that is told by its ids alone, with the right to read such records.
pub fn types() -> impl Iterator<Item = (&'static str, crate::platform::can::Can)> {
    node::single()
}

/// What an outside id says that it names: the type of the record and its own id, whether or not there is such a record.
/// Nothing if ids of no one type begin so.
#[must_use]
pub fn named(id: &ID) -> Option<(&'static str, Uuid)> {
    let (prefix, uuid) = split(id)?;
    node::type_of(prefix).filter(|kind| node::prefix_of(kind) == Some(prefix)).map(|kind| (kind, uuid))
}

/// The record that an outside id names; nothing if it is unknown. Right: that to read records of its kind.
pub async fn record(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    node::find(ctx, id).await
}

/// The same by the type of the record and its own id, as tables point at any record.
pub async fn record_of(ctx: &Context<'_>, kind: &str, id: Uuid) -> Result<Option<Node>> {
    match node::prefix_of(kind) {
        Some(prefix) => node::find(ctx, &format!("{prefix}_{}", id.simple())).await,
        None => Ok(None),
    }
}

/// The schema in GraphQL's own language, as it stands in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    for_introspection().sdl_with_options(SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items())
}
