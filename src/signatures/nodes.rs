//! The records of this department that are found by their own id.

use super::ids::{SignatureRequestId, SignatureTaskId};
use super::request::SignatureRequest;
use super::task::SignatureTask;

crate::platform::nodes! {
    SignatureRequest: SignatureRequestId by SignatureRequest;
    SignatureTask: SignatureTaskId by SignatureTask;
}
