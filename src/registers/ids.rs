//! The ids of registers.

crate::platform::ids! {
    /// Names a register.
    RegisterId = "reg";
    /// Names a record of a register.
    RegisterRecordId = "rrec";
}
