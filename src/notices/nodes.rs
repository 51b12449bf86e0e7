//! The records of this department that are found by their own id.

use super::comment::{Comment, Internal};
use super::ids::{CommentId, InternalCommentId};

crate::platform::nodes! {
    Comment: CommentId by Comment, InternalCommentId by Internal;
}
