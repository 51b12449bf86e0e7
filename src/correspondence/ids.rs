//! The ids of correspondence.

crate::platform::ids! {
    /// Names an entry of the register of correspondence.
    CorrespondenceEntryId = "cor";
    /// Names an entry of the register as the client's own people see it.
    SharedCorrespondenceId = "scor";
    /// Names a template of letters.
    LetterTemplateId = "ltpl";
    /// Names an address under which the client is written to.
    InboundMailAddressId = "ima";
}
