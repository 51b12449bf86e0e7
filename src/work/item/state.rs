//! Where a work item stands, and how it comes to stand elsewhere: the one list of transitions.

use async_graphql::Enum;

use crate::platform::error::{Error, Result, UserErrorCode};

crate::platform::words! {
    /// Where a work item stands.
    WorkItemState {
        /// Nobody has begun.
        Open = "open",
        /// Somebody is at it.
        InProgress = "in_progress",
        /// It waits for something or somebody else.
        Waiting = "waiting",
        /// It is done.
        Done = "done",
        /// It is not done any more.
        Cancelled = "cancelled",
    }
}

/// What can be done with a work item.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkItemAction {
    /// Begin, or go on: `workItemStart`.
    Start,
    /// Let it wait: `workItemWait`.
    Wait,
    /// Say that it is done: `workItemComplete`.
    Complete,
    /// Give it up: `workItemCancel`.
    Cancel,
    /// Take it up again: `workItemReopen`.
    Reopen,
}

/// From where, by what, to where. Whatever is not listed is refused.
const TRANSITIONS: &[(WorkItemState, WorkItemAction, WorkItemState)] = {
    use WorkItemAction::{Cancel, Complete, Reopen, Start, Wait};
    use WorkItemState::{Cancelled, Done, InProgress, Open, Waiting};
    &[
        (Open, Start, InProgress),
        (Open, Wait, Waiting),
        (Open, Complete, Done),
        (Open, Cancel, Cancelled),
        (InProgress, Wait, Waiting),
        (InProgress, Complete, Done),
        (InProgress, Cancel, Cancelled),
        (Waiting, Start, InProgress),
        (Waiting, Complete, Done),
        (Waiting, Cancel, Cancelled),
        (Done, Reopen, Open),
        (Cancelled, Reopen, Open),
    ]
};

impl WorkItemState {
    /// Whether there is still something to do.
    #[must_use]
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Done | Self::Cancelled)
    }

    /// As it stands in a sentence: "This work item is …".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in progress",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

impl WorkItemAction {
    fn done_to_it(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Wait => "put off",
            Self::Complete => "completed",
            Self::Cancel => "cancelled",
            Self::Reopen => "opened again",
        }
    }
}

/// Where an item comes to stand, or why it does not.
pub(super) fn next(from: WorkItemState, action: WorkItemAction) -> Result<WorkItemState> {
    let found = TRANSITIONS.iter().find(|(state, by, _)| *state == from && *by == action);
    found.map(|(_, _, to)| *to).ok_or_else(|| {
        let message = format!("A work item that is {} cannot be {}.", from.words(), action.done_to_it());
        Error::refuse(UserErrorCode::State, "id", message)
    })
}

/// What can be done with an item that stands there.
pub(super) fn actions(from: WorkItemState) -> Vec<WorkItemAction> {
    TRANSITIONS.iter().filter(|(state, _, _)| *state == from).map(|(_, action, _)| *action).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [WorkItemState; 5] = [
        WorkItemState::Open,
        WorkItemState::InProgress,
        WorkItemState::Waiting,
        WorkItemState::Done,
        WorkItemState::Cancelled,
    ];

    #[test]
    fn what_is_closed_can_only_be_opened_again_and_what_is_open_cannot() {
        for from in STATES {
            let can = actions(from);
            assert_eq!(can == [WorkItemAction::Reopen], !from.is_open(), "{from:?}");
            assert_eq!(can.contains(&WorkItemAction::Complete), from.is_open(), "{from:?}");
            for action in can {
                assert_ne!(next(from, action).unwrap(), from);
            }
        }
    }

    #[test]
    fn what_is_not_listed_is_refused_with_a_sentence() {
        let Err(Error::Refused(reasons)) = next(WorkItemState::Done, WorkItemAction::Start) else { panic!() };
        assert_eq!(reasons[0].code, UserErrorCode::State);
        assert_eq!(reasons[0].message, "A work item that is done cannot be started.");
    }

    #[test]
    fn a_transition_is_listed_once() {
        for (at, (from, action, _)) in TRANSITIONS.iter().enumerate() {
            assert!(TRANSITIONS[at + 1..].iter().all(|(other, by, _)| (other, by) != (from, action)));
        }
    }
}
