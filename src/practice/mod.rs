//! The provider's own business: its clients, and their figures side by side.

mod books;
pub mod client;
pub mod documents;
pub mod figures;
pub mod ids;
pub mod onboard;
mod portal;
pub mod update;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct PracticeQuery(client::ClientQuery, documents::DocumentQuery);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct PracticeMutation(onboard::OnboardMutation, update::UpdateMutation, documents::DocumentMutation);
