//! Rules: when something happens, if a condition holds, then something is done.
//!
//! A rule has versions; one of them at most is armed, by an act of its own. It fires when its condition comes to hold for a
//! record, not while it holds. It runs as whoever published the armed version, with the rights that he has at that moment:
//! if they are gone, it is blocked, visibly. Each effect happens once, because a rule's place among the events is moved on
//! in the transaction of the effect. What a rule does is told like everything else, one level deeper, and beyond
//! [`MOST_DEPTH`] levels nothing is done.

// Paths read alike inside and outside: `crate::rules::…` wherever it is.
pub extern crate self as rules;

use backoffice_approvals as approvals;
use backoffice_finance as finance;
use backoffice_platform as platform;
use backoffice_webhooks as webhooks;
use backoffice_work as work;

pub mod act;
pub mod action;
pub mod armed;
pub mod ids;
pub mod keeper;
pub mod look;
pub mod nodes;
mod publish;
pub mod rehearsal;
pub mod rule;
pub mod run;
pub mod schema;
pub mod subject;
pub mod version;

/// How many rules may lead to an effect, one behind the other.
pub const MOST_DEPTH: i32 = 5;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct RulesQuery(rule::RuleQuery, run::RunQuery, rehearsal::RehearsalQuery);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct RulesMutation(rule::RuleMutation);
