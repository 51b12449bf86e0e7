//! The roles that every new client starts with. They belong to the client from then on and can be changed.

use diesel::sql_types::{Array, Text, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::ids::new_uuid;
use crate::platform::sql::sql;

/// Sees all records of the books.
const READ_BOOKS: &[Can] = &[
    Can::ClientRead,
    Can::AccountRead,
    Can::TaxCodeRead,
    Can::JournalRead,
    Can::AuditSampleRead,
    Can::PeriodRead,
    Can::ReportRead,
    Can::FiguresRead,
    Can::CustomerRead,
    Can::VendorRead,
    Can::InvoiceRead,
    Can::BillRead,
    Can::PaymentRunRead,
    Can::BankRead,
    Can::OpenItemRead,
    Can::PaymentRead,
    Can::DunningRead,
    Can::ImportRead,
    Can::JobRead,
    Can::CalendarRead,
    Can::ClockRead,
    Can::EventRead,
    Can::FileRead,
    Can::ExportRun,
    Can::ApprovalRead,
    Can::CommentRead,
    Can::NoticeRead,
];
/// Keeps the books day by day.
const KEEP_BOOKS: &[Can] = &[
    Can::JournalPost,
    Can::JournalReverse,
    Can::CustomerManage,
    Can::VendorManage,
    Can::InvoiceDraft,
    Can::InvoiceIssue,
    Can::CreditNoteIssue,
    Can::BillDraft,
    Can::BillPost,
    Can::PaymentRunPropose,
    Can::BankManage,
    Can::BankMatch,
    Can::PaymentRecord,
    Can::DunningManage,
    Can::ImportRun,
    Can::JobManage,
    Can::ClockManage,
    Can::FileManage,
    Can::ApprovalRequest,
];
/// Decides how the books are kept.
const RUN_BOOKS: &[Can] = &[
    Can::AccountManage,
    Can::CreditOverride,
    Can::TaxCodeManage,
    Can::PeriodLock,
    Can::PeriodLockHard,
    Can::AuditRead,
    Can::CalendarManage,
    Can::ScheduleManage,
    Can::EngagementManage,
    Can::ApprovalDecide,
    Can::PaymentRunApprove,
    Can::AppointmentCalendarManage,
    Can::RuleManage,
    Can::RuleArm,
    Can::LetterTemplateManage,
    Can::OfficeDocumentTypeManage,
    Can::RetentionManage,
    Can::DisposalPropose,
    Can::DisposalConfirm,
    Can::LegalHoldRead,
    Can::LegalHoldManage,
    Can::RegisterManage,
    Can::AuditSampleDraw,
];
/// Does the client's work.
const DO_WORK: &[Can] = &[
    Can::WorkItemRead,
    Can::WorkItemManage,
    Can::WorkItemAssign,
    Can::WorkItemPerform,
    Can::ClientRequestRead,
    Can::EngagementRead,
    Can::AppointmentRead,
    Can::AppointmentBook,
    Can::RuleRead,
    Can::CorrespondenceRead,
    Can::CorrespondenceManage,
    Can::SharedCorrespondenceRead,
    Can::OfficeDocumentRead,
    Can::OfficeDocumentManage,
    Can::ClientDocumentRead,
    Can::OfficeDocumentShare,
    Can::CommentWrite,
    Can::InternalCommentRead,
    Can::RegisterRead,
    Can::RegisterRecordEnter,
    Can::RegisterRecordConfirm,
    Can::SignatureRead,
    Can::SignatureRequest,
    Can::SignatureSign,
    Can::ContactRead,
    Can::ContactManage,
];
/// Decides who comes in.
const RUN_CLIENT: &[Can] = &[
    Can::ClientManage,
    Can::PaymentRunApprove,
    Can::CalendarManage,
    Can::DocumentManage,
    Can::GrantRead,
    Can::GrantManage,
    Can::RoleRead,
    Can::RoleManage,
    Can::UserInvite,
    Can::ServiceAccountRead,
    Can::ServiceAccountManage,
    Can::IdentityProviderRead,
    Can::IdentityProviderManage,
    Can::AuditRead,
    Can::WebhookRead,
    Can::WebhookManage,
    Can::ClientRequestRead,
    Can::ClientRequestAnswer,
    Can::EngagementRead,
    Can::ApprovalDecide,
    Can::ApprovalPolicyManage,
    Can::ClientAppointmentRead,
    Can::SharedCorrespondenceRead,
    Can::ClientDocumentRead,
    Can::CommentWrite,
    Can::RegisterRead,
    Can::RegisterManage,
    Can::RegisterRecordEnter,
    Can::RegisterRecordConfirm,
    Can::SignatureSign,
    Can::ContactRead,
    Can::ContactManage,
];
/// Checks, changes nothing.
const AUDIT: &[Can] = &[
    Can::AuditRead,
    Can::GrantRead,
    Can::RoleRead,
    Can::ServiceAccountRead,
    Can::IdentityProviderRead,
    Can::ClientDocumentRead,
    Can::RegisterRead,
];
/// Looks at one's own company from outside, and answers what the provider asks.
const PORTAL: &[Can] = &[
    Can::ClientRead,
    Can::InvoiceRead,
    Can::FiguresRead,
    Can::EventRead,
    Can::ClientRequestRead,
    Can::ClientRequestAnswer,
    Can::ApprovalRead,
    Can::ApprovalDecide,
    Can::ClientAppointmentRead,
    Can::SharedCorrespondenceRead,
    Can::ClientDocumentRead,
    Can::CommentRead,
    Can::CommentWrite,
    Can::NoticeRead,
    Can::SignatureSign,
];

/// Name and parts of each role.
const ROLES: &[(&str, &[&[Can]])] = &[
    ("Accountant", &[READ_BOOKS, KEEP_BOOKS, RUN_BOOKS, DO_WORK]),
    ("Bookkeeper", &[READ_BOOKS, KEEP_BOOKS, DO_WORK]),
    ("Client administrator", &[READ_BOOKS, RUN_CLIENT]),
    ("Auditor", &[READ_BOOKS, AUDIT]),
    ("Portal", &[PORTAL]),
];

/// Whether a right is one in a client: each of those is in some role that every client begins with.
#[must_use]
pub fn is_of_a_client(can: Can) -> bool {
    ROLES.iter().any(|(_, parts)| parts.iter().any(|part| part.contains(&can)))
}

/// The names of the roles that every client begins with.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|(name, _)| *name)
}

fn permissions(parts: &[&[Can]]) -> Vec<String> {
    super::authority::names(&parts.concat())
}

/// Writes the roles of a new client, in its founding transaction.
pub async fn found(tx: &Tx) -> Result<()> {
    for (name, parts) in ROLES {
        tx.exec(
            sql("INSERT INTO identity.role (tenant_id, id, name, permissions) VALUES ($1, $2, $3, $4)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<Text, _>(*name)
                .bind::<Array<Text>, _>(permissions(parts)),
        )
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is held for the provider, in the order of all rights.
    const PROVIDERS: [Can; 17] = [
        Can::PortfolioRead,
        Can::ClientOnboard,
        Can::StaffManage,
        Can::MailManage,
        Can::TeamManage,
        Can::ServiceManage,
        Can::ProviderScheduleManage,
        Can::ClientArchive,
        Can::ClientOffboard,
        Can::ClientPurge,
        Can::ClientMove,
        Can::ClientGroupManage,
        Can::SkillManage,
        Can::CapacityManage,
        Can::EngagementRequire,
        Can::ProviderCalendarManage,
        Can::OnboardingTemplateManage,
    ];

    fn role(name: &str) -> Vec<Can> {
        let (_, parts) = ROLES.iter().find(|(role, _)| *role == name).unwrap();
        super::super::authority::parse(&permissions(parts))
    }

    fn reads_only(rights: &[Can]) -> bool {
        rights.iter().all(|can| {
            can.name().ends_with(".read")
                || [
                    Can::ExportRun,
                    Can::ClientRequestAnswer,
                    Can::ApprovalDecide,
                    Can::CommentWrite,
                    Can::SignatureSign,
                ]
                .contains(can)
        })
    }

    #[test]
    fn each_role_holds_what_it_is_for() {
        assert!(reads_only(&role("Auditor")) && reads_only(&role("Portal")));
        assert_eq!(role("Portal").len(), 15);
        // work inside the provider is nobody's outside
        assert!(!["Portal", "Client administrator"].iter().any(|name| role(name).contains(&Can::WorkItemRead)));
        let bookkeeper = role("Bookkeeper");
        assert!(bookkeeper.contains(&Can::InvoiceIssue));
        assert!(![Can::PeriodLock, Can::PeriodLockHard, Can::AccountManage].iter().any(|can| bookkeeper.contains(can)));
        assert!(bookkeeper.iter().all(|can| role("Accountant").contains(can)));
        // whoever decides who comes in does not keep the books
        assert!(!role("Client administrator").iter().any(|can| KEEP_BOOKS.contains(can)));
    }

    #[test]
    fn no_role_of_a_client_holds_a_right_of_the_provider() {
        for (name, _) in ROLES {
            assert!(!PROVIDERS.iter().any(|can| role(name).contains(can)));
        }
    }

    #[test]
    fn every_right_in_a_client_is_in_some_role() {
        let missing: Vec<&Can> =
            Can::ALL.iter().filter(|can| !ROLES.iter().any(|(name, _)| role(name).contains(can))).collect();
        assert_eq!(missing, PROVIDERS.iter().collect::<Vec<_>>());
    }
}
