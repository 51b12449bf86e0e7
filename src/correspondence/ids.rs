//! The ids of correspondence.

pub use crate::platform::ids::known::CorrespondenceEntryId;

crate::platform::ids! {
    /// Names an entry of the register as the client's own people see it.
    SharedCorrespondenceId = "scor";
    /// Names a template of letters.
    LetterTemplateId = "ltpl";
    /// Names an address under which the client is written to.
    InboundMailAddressId = "ima";
}
