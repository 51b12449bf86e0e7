//! What is written beside any record, who watches it, and who is told of what: for all departments. A new type of record
//! takes part by being a node; what else than the right to its type decides who sees it stands in `core.record_sight`.

pub mod about;
pub mod comment;
pub mod follower;
pub mod ids;
pub mod mention;
pub mod notice;
pub mod tell;
pub mod watch;
pub mod write;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct NoticesQuery(comment::CommentQuery, watch::WatchQuery, notice::NoticesQuery);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct NoticesMutation(write::CommentMutation, watch::WatchMutation, notice::NoticesMutation);
