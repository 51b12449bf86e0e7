//! The ids of comments and notices.

crate::platform::ids! {
    /// Names a comment that the client sees.
    CommentId = "cmt";
    /// Names a comment that stays with the provider's staff.
    InternalCommentId = "icm";
    /// Names a notice.
    NoticeId = "ntc";
}
