//! Those who sell to the client. A vendor's name at the time of a bill stands on the bill.

use crate::finance::ids::VendorId;
use crate::schema::vendor;

crate::party! {
    /// A company or person that the client buys from.
    Vendor: vendor, VendorId, read VendorRead, manage VendorManage, called "vendor", tells VendorCreated, VendorUpdated;
    /// A page of vendors.
    VendorConnection, VendorEdge;
    /// Narrows a list of vendors.
    VendorFilter;
    /// A new vendor.
    VendorCreateInput;
    /// Changes of a vendor: what is omitted stays, null clears.
    VendorUpdateInput;
    /// What became of a vendor.
    VendorPayload;
    VendorQuery {
        /// One vendor; null if the id is unknown. Right: `finance.vendor.read`.
        vendor
        /// The client's vendors, newest first. Right: `finance.vendor.read`.
        vendors
    }
    VendorMutation {
        /// Creates a vendor. Right: `finance.vendor.manage`.
        vendor_create
        /// Changes a vendor: what is omitted stays, null clears. Right: `finance.vendor.manage`.
        vendor_update
    }
}
