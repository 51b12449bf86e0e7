//! The one schema: every department's queries and mutations, merged.

use async_graphql::{EmptySubscription, MergedObject, Schema};

use crate::audit::AuditQuery;
use crate::finance::{FinanceMutation, FinanceQuery};
use crate::identity::{IdentityMutation, IdentityQuery};
use crate::practice::{PracticeMutation, PracticeQuery};

/// Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    FinanceQuery,
    IdentityQuery,
    PracticeQuery,
    AuditQuery,
);

/// Everything that can be done. All fields of one operation take effect together or none does.
#[derive(MergedObject, Default)]
pub struct Mutation(
    FinanceMutation,
    IdentityMutation,
    PracticeMutation,
);

/// The schema as the server runs it.
pub type Graph = Schema<Query, Mutation, EmptySubscription>;

/// Builds the schema. The document gate stands before it, so the library's own limits stay off, but for a net.
#[must_use]
pub fn build() -> Graph {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_recursive_depth(64)
        .limit_directives(10)
        .disable_suggestions()
        .finish()
}

/// The schema in GraphQL's own language, as it stands in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    build().sdl_with_options(async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items())
}
