//! What is said when something is written into the register.

use async_graphql::{ID, InputObject, MaybeUndefined};

use crate::correspondence::entry::{CorrespondenceChannel, CorrespondenceDirection, CorrespondenceEntry};
use crate::correspondence::ids::CorrespondenceEntryId;
use crate::finance::ids::{CustomerId, VendorId};
use crate::platform::files::FileId;
use crate::platform::scalars::Date;

/// A new entry of the register.
#[derive(InputObject, Clone, Debug)]
pub struct CorrespondenceEntryCreateInput {
    /// Which way it went.
    pub direction: CorrespondenceDirection,
    /// How it went.
    pub channel: CorrespondenceChannel,
    /// The day on which it came or went, in the client's time zone, not later than today; today if not said.
    pub on_date: Option<Date>,
    /// What it is about, 1 to 300 characters.
    pub subject: String,
    /// What it says, or what was said, at most 200,000 characters.
    pub text: Option<String>,
    /// The customer that it is with. Right: `finance.customer.read`. Say a customer, a vendor, or a name.
    pub customer: Option<CustomerId>,
    /// The vendor that it is with. Right: `finance.vendor.read`.
    pub vendor: Option<VendorId>,
    /// With whom, 1 to 200 characters; the name of the customer or vendor if not said.
    pub correspondent: Option<String>,
    /// The address that it went to or came from, in lines, at most 1,000 characters; that of the customer or vendor if not
    /// said.
    pub postal_address: Option<String>,
    /// The e-mail address that it went to or came from, at most 254 characters; that of the customer or vendor if not
    /// said.
    pub email: Option<String>,
    /// What it answers: it belongs to the same thread.
    pub reply_to: Option<CorrespondenceEntryId>,
    /// The id of the record that it is about: any that the caller may read.
    pub record: Option<ID>,
    /// Files that belong to it, at most 20. Right: `core.file.read`.
    pub files: Option<Vec<FileId>>,
    /// Whether the client's own people see it as well; they do not if not said.
    pub visible_to_client: Option<bool>,
}

/// Changes of an entry that counts: what is omitted stays, null clears. What it says, to whom and when never changes.
#[derive(InputObject, Clone, Debug)]
pub struct CorrespondenceEntryUpdateInput {
    /// The entry.
    pub id: CorrespondenceEntryId,
    /// The version that was read; refused with `CONFLICT` if the entry was changed since.
    pub expected_version: Option<i32>,
    /// What it is about, 1 to 300 characters.
    pub subject: Option<String>,
    /// The id of the record that it is about: any that the caller may read.
    pub record: MaybeUndefined<ID>,
    /// Whether the client's own people see it as well.
    pub visible_to_client: Option<bool>,
    /// Further files that belong to it, at most 20. Right: `core.file.read`.
    pub add_files: Option<Vec<FileId>>,
}

/// An entry that was a mistake.
#[derive(InputObject, Clone, Debug)]
pub struct CorrespondenceEntryVoidInput {
    /// The entry.
    pub id: CorrespondenceEntryId,
    /// The version that was read; refused with `CONFLICT` if the entry was changed since.
    pub expected_version: Option<i32>,
    /// Why it does not count, 1 to 500 characters.
    pub reason: String,
}

crate::platform::payload! {
    /// What became of an entry of the register.
    CorrespondenceEntryPayload {
        /// The entry as it is now.
        correspondence_entry: CorrespondenceEntry
    }
}
