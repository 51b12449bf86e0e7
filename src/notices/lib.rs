//! What is written beside any record, who watches it, and who is told of what: for all departments. A new type of record
//! takes part by being a node; what else than the right to its type decides who sees it stands in `core.record_sight`.

// Paths read alike inside and outside: `crate::notices::…` wherever it is.
pub extern crate self as notices;

use backoffice_platform as platform;

pub mod about;
pub mod comment;
pub mod digest;
pub mod follower;
pub mod ids;
pub mod mention;
pub mod nodes;
pub mod notice;
pub mod preference;
pub mod schema;
pub mod tell;
pub mod unsubscribe;
pub mod watch;
pub mod write;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct NoticesQuery(comment::TalkQuery, watch::WatchQuery, notice::NoticeListQuery, preference::PreferenceQuery);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct NoticesMutation(
    write::TalkMutation,
    watch::WatchMutation,
    notice::NoticeReadMutation,
    preference::PreferenceMutation,
);
