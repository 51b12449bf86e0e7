//! What a rule does when it fires, as its publisher wrote it.

use async_graphql::{ID, InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use crate::work::item::{WorkItemKind, WorkPriority};

/// Opens a work item.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[graphql(input_name = "RuleWorkItemInput")]
pub struct RuleWorkItem {
    /// What is to be done, in a line, with expressions between double braces: `Look at {{ record.title }}`. A name that is not
    /// known is refused; a value that is not there when the rule fires lets the run fail.
    pub title: String,
    /// What is to be done, at length, with expressions between double braces.
    pub description: Option<String>,
    /// What sort of work it is; a task if not said.
    pub kind: Option<WorkItemKind>,
    /// How urgent it is; `NORMAL` if not said.
    pub priority: Option<WorkPriority>,
    /// In how many days it has to be done, 0 to 3,650, from the day on which the rule fires.
    pub due_in_days: Option<i32>,
    /// Who does it. Right: `work.item.assign`.
    pub assignee: Option<ID>,
    /// The team that does it. Right: `work.item.assign`.
    pub team: Option<ID>,
    /// The code of the service that it belongs to: one that a live engagement covers when the rule fires.
    pub service: Option<String>,
    /// Whether the client's own people see it as well.
    pub visible_to_client: Option<bool>,
}

/// Tells people of a work item: of the one that the event tells of, or that the rule has opened before.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[graphql(input_name = "RuleNotifyInput")]
pub struct RuleNotify {
    /// Whom, 1 to 20 people. Those who may not see the work when the rule fires are not told.
    pub people: Vec<ID>,
}

/// Sets a field of the record that the event tells of.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[graphql(input_name = "RuleSetFieldInput")]
pub struct RuleSetField {
    /// The field: of a work item `title`, `description`, `priority`, `dueOn`, `visibleToClient`; of a customer or vendor
    /// `active`, `paymentTermsDays`.
    pub field: String,
    /// Its value, with expressions between double braces: `URGENT`, `{{ today + 3 }}`, `false`.
    pub value: String,
}

/// Calls a webhook endpoint, which has to be active when the rule fires.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[graphql(input_name = "RuleCallWebhookInput")]
pub struct RuleCallWebhook {
    /// The endpoint. It gets the event as those do that are set up for its kind.
    pub endpoint: ID,
}

/// Asks for the approval of the record that the event tells of, under the policy as it is when the rule fires. Whoever has published
/// the rule asks for it, and so does not decide on it.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[graphql(input_name = "RuleRequestApprovalInput")]
pub struct RuleRequestApproval {
    /// What those who decide should know, with expressions between double braces: `{{ record.vendorName }}`; at most 2,000
    /// characters, of which more are cut off.
    pub note: Option<String>,
}

/// What a rule does: exactly one of these.
#[derive(InputObject, SimpleObject, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[graphql(input_name = "RuleActionInput")]
pub struct RuleAction {
    /// Opens a work item. Right: `work.item.manage`.
    pub open_work_item: Option<RuleWorkItem>,
    /// Tells people of a work item. Right: `work.item.read`.
    pub notify: Option<RuleNotify>,
    /// Sets a field of the record. Right: that to change such records.
    pub set_field: Option<RuleSetField>,
    /// Calls a webhook endpoint. Right: `core.webhook.manage`.
    pub call_webhook: Option<RuleCallWebhook>,
    /// Asks for the approval of the record: of a bill, a vendor's change of bank details, or a proposed entry. Right:
    /// `work.approval.request`.
    pub request_approval: Option<RuleRequestApproval>,
}
