//! The records of this department that are found by their own id.

use super::entry::CorrespondenceEntry;
use super::ids::{CorrespondenceEntryId, InboundMailAddressId, LetterTemplateId, SharedCorrespondenceId};
use super::inbound::address::InboundMailAddress;
use super::shared::SharedCorrespondence;
use super::template::LetterTemplate;

crate::platform::nodes! {
    CorrespondenceEntry: CorrespondenceEntryId by CorrespondenceEntry;
    LetterTemplate: LetterTemplateId by LetterTemplate;
    SharedCorrespondence: SharedCorrespondenceId by SharedCorrespondence;
    InboundMailAddress: InboundMailAddressId by InboundMailAddress;
}
