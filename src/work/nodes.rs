//! The records of this department that are found by their own id.

use super::ids::{ClientRequestId, RecurringWorkId};
use super::item::WorkItem;
use super::recurring::RecurringWork;
use super::request::ClientRequest;
use super::schedule::{Schedule, ScheduleId};
use crate::platform::ids::known::WorkItemId;

crate::platform::nodes! {
    ClientRequest: ClientRequestId by ClientRequest;
    RecurringWork: RecurringWorkId by RecurringWork;
    Schedule: ScheduleId by Schedule;
    WorkItem: WorkItemId by WorkItem;
}
