//! The ids of signatures.

crate::platform::ids! {
    /// Names a request for signatures.
    SignatureRequestId = "sreq";
    /// Names a request for signatures as one of its signers sees it.
    SignatureTaskId = "stsk";
}
