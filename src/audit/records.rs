//! Which global ids the records of the trail have.

use uuid::Uuid;

use crate::documents::ids as documents;
use crate::finance::ids as finance;
use crate::platform::caller::ActorKind;
use crate::platform::ids::known as identity;
use crate::practice::ids as practice;
use crate::webhooks::ids as webhooks;

/// The global id of whoever made a change.
pub(super) fn actor(kind: ActorKind, id: Uuid) -> Option<String> {
    match kind {
        ActorKind::User => Some(identity::UserId(id).to_string()),
        ActorKind::Service => Some(identity::ServiceAccountId(id).to_string()),
        ActorKind::System | ActorKind::Database => None,
    }
}

/// The global id of a record; nothing if its kind has none.
pub(super) fn node(table: &str, id: Uuid) -> Option<String> {
    let prefix = match table {
        "practice.client" => identity::ClientId::PREFIX,
        "practice.document_manifest" => practice::DocumentManifestId::PREFIX,
        "identity.role" => identity::RoleId::PREFIX,
        "identity.access_grant" => identity::GrantId::PREFIX,
        "identity.invitation" => identity::InvitationId::PREFIX,
        "identity.service_account" => identity::ServiceAccountId::PREFIX,
        "practice.engagement" => practice::EngagementId::PREFIX,
        "practice.work_item" => crate::platform::ids::known::WorkItemId::PREFIX,
        "practice.rule" => crate::rules::ids::RuleId::PREFIX,
        "core.schedule" => crate::work::schedule::ScheduleId::PREFIX,
        "core.business_calendar" => crate::clocks::ids::BusinessCalendarId::PREFIX,
        "core.calendar_exception" => crate::clocks::ids::CalendarExceptionId::PREFIX,
        "core.clock" => crate::clocks::ids::ClockId::PREFIX,
        "practice.appointment_calendar" => crate::appointments::ids::AppointmentCalendarId::PREFIX,
        "practice.appointment" => crate::appointments::ids::AppointmentId::PREFIX,
        "practice.appointment_occurrence" => crate::appointments::ids::AppointmentOccurrenceId::PREFIX,
        "practice.appointment_feed" => crate::appointments::ids::AppointmentFeedId::PREFIX,
        "practice.client_contact" => practice::ClientContactId::PREFIX,
        "practice.signature_request" => crate::signatures::ids::SignatureRequestId::PREFIX,
        "core.import" => finance::ImportId::PREFIX,
        "core.webhook_endpoint" => webhooks::WebhookEndpointId::PREFIX,
        "finance.ledger" => finance::LedgerId::PREFIX,
        "finance.account" => finance::AccountId::PREFIX,
        "finance.tax_code" => finance::TaxCodeId::PREFIX,
        "finance.tax_rate" => finance::TaxRateId::PREFIX,
        "finance.fiscal_year" => finance::FiscalYearId::PREFIX,
        "finance.lock_exception" => finance::LockExceptionId::PREFIX,
        "finance.journal_entry" => finance::JournalEntryId::PREFIX,
        "finance.journal_line" => finance::JournalLineId::PREFIX,
        "finance.period_close" => finance::PeriodCloseId::PREFIX,
        "finance.budget" => finance::BudgetId::PREFIX,
        "finance.commitment" => finance::CommitmentId::PREFIX,
        "finance.asset" => finance::AssetId::PREFIX,
        "finance.asset_class" => finance::AssetClassId::PREFIX,
        "finance.deferral" => finance::DeferralId::PREFIX,
        "finance.exchange_rate" => finance::ExchangeRateId::PREFIX,
        "finance.recurring_entry" => finance::RecurringEntryId::PREFIX,
        "finance.revaluation" => finance::RevaluationId::PREFIX,
        "finance.dimension" => finance::DimensionId::PREFIX,
        "finance.dimension_value" => finance::DimensionValueId::PREFIX,
        "finance.customer" => finance::CustomerId::PREFIX,
        "finance.vendor" => finance::VendorId::PREFIX,
        "finance.invoice" => finance::InvoiceId::PREFIX,
        "finance.invoice_line" => finance::InvoiceLineId::PREFIX,
        "finance.credit_note" => finance::CreditNoteId::PREFIX,
        "finance.expense_type" => finance::ExpenseTypeId::PREFIX,
        "finance.expense_claim" => finance::ExpenseClaimId::PREFIX,
        "finance.vendor_credit" => finance::VendorCreditId::PREFIX,
        "finance.withholding_code" => finance::WithholdingCodeId::PREFIX,
        "finance.withholding_rate" => finance::WithholdingRateId::PREFIX,
        "finance.withholding_entry" => finance::WithholdingEntryId::PREFIX,
        "finance.e_invoice" => finance::EInvoiceId::PREFIX,
        "finance.received_invoice" => finance::ReceivedInvoiceId::PREFIX,
        "finance.bill" => finance::BillId::PREFIX,
        "finance.bill_line" => finance::BillLineId::PREFIX,
        "finance.open_item" => finance::OpenItemId::PREFIX,
        "finance.allocation" => finance::AllocationId::PREFIX,
        "finance.dunning_run" => finance::DunningRunId::PREFIX,
        "finance.dunning_notice" => finance::DunningNoticeId::PREFIX,
        "finance.dunning_item" => finance::DunningItemId::PREFIX,
        "finance.payment" => finance::PaymentId::PREFIX,
        "finance.payment_allocation" => finance::PaymentAllocationId::PREFIX,
        "finance.bank_account" => finance::BankAccountId::PREFIX,
        "finance.bank_statement" => finance::BankStatementId::PREFIX,
        "finance.bank_line" => finance::BankLineId::PREFIX,
        "finance.bank_match" => finance::BankMatchId::PREFIX,
        "practice.document_type" => documents::DocumentTypeId::PREFIX,
        "practice.document_folder" => documents::DocumentFolderId::PREFIX,
        "practice.document" => documents::DocumentId::PREFIX,
        "practice.document_version" => documents::DocumentVersionId::PREFIX,
        "practice.document_share" => documents::DocumentShareId::PREFIX,
        "practice.legal_hold" => documents::LegalHoldId::PREFIX,
        "practice.retention_schedule" => documents::RetentionScheduleId::PREFIX,
        "practice.register" => crate::registers::ids::RegisterId::PREFIX,
        "practice.register_record" => crate::registers::ids::RegisterRecordId::PREFIX,
        "practice.disposal" => documents::DisposalId::PREFIX,
        _ => return None,
    };
    Some(format!("{prefix}_{}", id.simple()))
}
