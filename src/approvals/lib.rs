//! Approvals: what needs whose consent before it happens. Policies are data of each client; a request goes through the
//! steps of the policy's edition that it was started under; nobody decides on what he has had a hand in.
//!
//! The rules that must hold whatever a resolver does are in the database (`migrations/0151_approval`): requests are
//! written by functions that the server's role can call and by nothing else, and triggers refuse what lacks its approval.
//! A department adds what can be approved by a line in `practice.approval_subject` and a word of [`ApprovalSubject`].

// Paths read alike inside and outside: `crate::approvals::…` wherever it is.
pub extern crate self as approvals;

use backoffice_platform as platform;

pub mod decide;
pub mod delegation;
pub mod ids;
pub mod inbox;
pub mod lapse;
pub mod nodes;
pub mod policy;
pub mod policy_change;
pub mod request;
pub mod schema;
pub mod step;

crate::platform::words! {
    /// What can need an approval.
    ApprovalSubject {
        /// Posting a bill.
        Bill = "bill",
        /// Changing a vendor's bank details.
        VendorBankChange = "vendor_bank_change",
        /// Posting an entry by hand.
        JournalProposal = "journal_proposal",
        /// Paying what is due to vendors.
        PaymentRun = "payment_run",
    }
}

impl ApprovalSubject {
    /// The type of the records that are approved.
    pub(crate) fn node_type(self) -> &'static str {
        match self {
            Self::Bill => "Bill",
            Self::VendorBankChange => "VendorBankChange",
            Self::JournalProposal => "JournalProposal",
            Self::PaymentRun => "PaymentRun",
        }
    }

    /// The subject whose records are of that type.
    pub fn of(node_type: &str) -> Option<Self> {
        match node_type {
            "Bill" => Some(Self::Bill),
            "VendorBankChange" => Some(Self::VendorBankChange),
            "JournalProposal" => Some(Self::JournalProposal),
            "PaymentRun" => Some(Self::PaymentRun),
            _ => None,
        }
    }

    /// What the other side of such a record is called.
    fn counterparty(self) -> &'static str {
        match self {
            Self::Bill | Self::VendorBankChange => "vendor",
            Self::JournalProposal | Self::PaymentRun => "counterparty",
        }
    }

    /// Whether such records have amounts.
    fn has_amounts(self) -> bool {
        self != Self::VendorBankChange
    }

    /// Whether such records count together by their counterparty.
    fn counts_together(self) -> bool {
        self == Self::Bill
    }
}

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct ApprovalsQuery(
    policy::ApprovalPolicyQuery,
    request::ApprovalRequestQuery,
    delegation::ApprovalDelegationQuery,
    inbox::ApprovalInboxQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct ApprovalsMutation(
    policy_change::ApprovalPolicyMutation,
    decide::ApprovalRequestMutation,
    delegation::ApprovalDelegationMutation,
);
