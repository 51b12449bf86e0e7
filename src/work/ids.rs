//! The ids of work.

crate::platform::ids! {
    /// Names a work item as its client sees it.
    ClientRequestId = "crq";
    /// Names recurring work.
    RecurringWorkId = "rw";
    /// Names a view of the queue.
    WorkViewId = "wv";
}
