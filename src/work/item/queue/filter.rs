//! What narrows the queue.

use async_graphql::InputObject;

use crate::platform::filter::DateFilter;
use crate::platform::ids::known::{ClientId, TeamId, UserId};
use crate::practice::ids::{ClientGroupId, EngagementId};
use crate::work::item::{WorkItemKind, WorkItemState, WorkPriority};

crate::platform::equality_filter!(
    /// Conditions on where a work item stands.
    WorkItemStateFilter, WorkItemState
);
crate::platform::equality_filter!(
    /// Conditions on what sort of work an item is.
    WorkItemKindFilter, WorkItemKind
);
crate::platform::equality_filter!(
    /// Conditions on how urgent a work item is.
    WorkPriorityFilter, WorkPriority
);
crate::platform::equality_filter!(
    /// Conditions on the team that does a work item.
    TeamFilter, TeamId
);
crate::platform::equality_filter!(
    /// Conditions on the client that a work item is done for.
    WorkClientFilter, ClientId
);

crate::platform::equality_filter!(
    /// Conditions on the provider's group that the client is in for which a work item is done.
    WorkClientGroupFilter, ClientGroupId
);

crate::platform::equality_filter!(
    /// Conditions on the code of the service that a work item belongs to.
    WorkServiceFilter, String
);
crate::platform::equality_filter!(
    /// Conditions on the engagement that a work item belongs to.
    WorkEngagementFilter, EngagementId
);

/// Conditions on who does a work item; one of them.
#[derive(InputObject, Clone, Debug, Default)]
pub struct WorkAssigneeFilter {
    /// That person.
    pub user: Option<UserId>,
    /// True: oneself.
    pub me: Option<bool>,
    /// True: nobody in particular.
    pub nobody: Option<bool>,
}

/// Narrows the queue. All conditions hold together; without one on `state` only what is open is shown.
#[derive(InputObject, Clone, Debug, Default)]
pub struct WorkItemFilter {
    /// By where items stand; what is not done or cancelled if not said.
    pub state: Option<WorkItemStateFilter>,
    /// By what sort of work they are.
    pub kind: Option<WorkItemKindFilter>,
    /// By how urgent they are.
    pub priority: Option<WorkPriorityFilter>,
    /// By who does them.
    pub assignee: Option<WorkAssigneeFilter>,
    /// By the team that does them.
    pub team: Option<TeamFilter>,
    /// By the client that they are done for.
    pub client: Option<WorkClientFilter>,
    /// By the provider's group that their client is in: of a group one sees the clients that one sees anyway. Needs a token
    /// without client.
    pub client_group: Option<WorkClientGroupFilter>,
    /// By the service that they belong to.
    pub service: Option<WorkServiceFilter>,
    /// By the engagement that they belong to.
    pub engagement: Option<WorkEngagementFilter>,
    /// By the day they are due.
    pub due_on: Option<DateFilter>,
    /// By the record that they are about.
    pub record: Option<async_graphql::ID>,
    /// By a part of their title, 2 to 100 characters, whatever the case.
    pub text: Option<String>,
}
