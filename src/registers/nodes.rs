//! The records of this department that are found by their own id.

use super::ids::{RegisterId, RegisterRecordId};
use super::record::RegisterRecord;
use super::register::Register;

crate::platform::nodes! {
    Register: RegisterId by Register;
    RegisterRecord: RegisterRecordId by RegisterRecord;
}
