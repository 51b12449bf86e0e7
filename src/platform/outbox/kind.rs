//! The kinds of events: what happened to which kind of record, and whose business that is.

use async_graphql::Enum;

use super::kinds::kinds;
use crate::platform::can::Can;

kinds! {
    "Client" ("cli") read ClientRead {
        /// The client was taken on.
        ClientOnboarded = "client.onboarded",
        /// The client's master data changed.
        ClientUpdated = "client.updated",
    }
    "ClientContact" ("ccon") read ContactRead {
        /// Somebody is a contact of the client.
        ClientContactCreated = "client_contact.created",
        /// A contact of the client changed.
        ClientContactUpdated = "client_contact.updated",
        /// Somebody is no contact of the client any more.
        ClientContactDeleted = "client_contact.deleted",
    }
    "DocumentManifest" ("dman") read DocumentManage {
        /// The documents of a version of a portal were published.
        DocumentManifestPublished = "document_manifest.published",
        /// They were retired.
        DocumentManifestRetired = "document_manifest.retired",
    }
    "Engagement" ("eng") read EngagementRead {
        /// The client has services from a day on.
        EngagementCreated = "engagement.created",
        /// An engagement changed: its end, its name, or its services.
        EngagementUpdated = "engagement.updated",
    }
    "Grant" ("grt") read GrantRead {
        /// A role was given to a person, or its rights taken away.
        GrantGiven = "grant.given",
        /// A grant was ended, at once or on a day.
        GrantEnded = "grant.ended",
    }
    "IdentityProvider" ("idp") read IdentityProviderRead {
        /// An identity provider was set up.
        IdentityProviderCreated = "identity_provider.created",
        /// An identity provider changed: its settings, or which of its groups stand for which roles.
        IdentityProviderUpdated = "identity_provider.updated",
        /// An identity provider was deleted.
        IdentityProviderDeleted = "identity_provider.deleted",
        /// A person is no longer known by what the identity provider calls him.
        IdentityProviderUserUnlinked = "identity_provider.user_unlinked",
    }
    "Invitation" ("ivt") read GrantRead {
        /// A person was invited to the client.
        UserInvited = "user.invited",
        /// An invitation was accepted.
        InvitationAccepted = "invitation.accepted",
        /// An invitation was taken back.
        InvitationRevoked = "invitation.revoked",
    }
    "Role" ("rol") read RoleRead {
        /// A role was created.
        RoleCreated = "role.created",
        /// A role changed, and with it what its holders may do.
        RoleUpdated = "role.updated",
    }
    "ServiceAccount" ("svc") read ServiceAccountRead {
        /// A service account was created.
        ServiceAccountCreated = "service_account.created",
        /// A service account was revoked.
        ServiceAccountRevoked = "service_account.revoked",
    }
    "Account" ("acc") read AccountRead {
        /// An account was added to the chart by hand.
        AccountCreated = "account.created",
        /// An account of the chart changed.
        AccountUpdated = "account.updated",
    }
    "Dimension" ("dim") read AccountRead {
        /// A dimension was added.
        DimensionCreated = "dimension.created",
        /// A dimension changed.
        DimensionUpdated = "dimension.updated",
    }
    "DimensionValue" ("dimv") read AccountRead {
        /// A value was added to a dimension.
        DimensionValueCreated = "dimension_value.created",
        /// A value of a dimension changed.
        DimensionValueUpdated = "dimension_value.updated",
        /// What amounts on a value are split into changes from a day on.
        DimensionValueDistributed = "dimension_value.distributed",
    }
    "Asset" ("ast") read JournalRead {
        /// A fixed asset came into the books.
        AssetCreated = "asset.created",
        /// The value of an asset was set anew.
        AssetRevalued = "asset.revalued",
        /// An asset was repaired.
        AssetRepaired = "asset.repaired",
        /// A part of an asset became an asset of its own.
        AssetSplit = "asset.split",
        /// Units of an asset were reported.
        AssetUnitsReported = "asset.units_reported",
        /// An asset was sold or scrapped.
        AssetDisposed = "asset.disposed",
    }
    "AssetClass" ("astc") read JournalRead {
        /// A class of assets was made.
        AssetClassCreated = "asset_class.created",
    }
    "PeriodClose" ("pcl") read PeriodRead {
        /// The close of a month was opened.
        PeriodCloseOpened = "period_close.opened",
        /// A close was prepared: it waits for a sign-off.
        PeriodClosePrepared = "period_close.prepared",
        /// A note says what a tie-out is off by.
        PeriodCloseNoted = "period_close.noted",
        /// A close was signed off: its month is locked.
        PeriodCloseSigned = "period_close.signed",
        /// A close that was signed off was opened again.
        PeriodCloseReopened = "period_close.reopened",
    }
    "Budget" ("bud") read ReportRead {
        /// A budget was made.
        BudgetCreated = "budget.created",
        /// A budget has another version.
        BudgetVersionPublished = "budget.version_published",
    }
    "Commitment" ("cmm") read ReportRead {
        /// A request or an order promises something.
        CommitmentRecorded = "commitment.recorded",
        /// What was promised was booked or given up.
        CommitmentReleased = "commitment.released",
    }
    "Deferral" ("dfr") read JournalRead {
        /// An amount is spread over a time.
        DeferralCreated = "deferral.created",
        /// A deferral was stopped: what was not posted of it never is.
        DeferralStopped = "deferral.stopped",
    }
    "ExchangeRate" ("xr") read AccountRead {
        /// An exchange rate was entered.
        ExchangeRateAdded = "exchange_rate.added",
    }
    "RecurringEntry" ("ren") read JournalRead {
        /// An entry comes again, or a template was made.
        RecurringEntryCreated = "recurring_entry.created",
        /// A recurring entry or template was stopped.
        RecurringEntryStopped = "recurring_entry.stopped",
    }
    "Revaluation" ("rev") read JournalRead {
        /// What is open in foreign currencies was valued at the end of a day.
        RevaluationMade = "revaluation.made",
        /// A revaluation was taken back.
        RevaluationUndone = "revaluation.undone",
    }
    "TaxCode" ("tax") read TaxCodeRead {
        /// A tax code was created.
        TaxCodeCreated = "tax_code.created",
        /// A tax code has a further rate.
        TaxRateAdded = "tax_code.rate_added",
        /// It was said what a tax code is on electronic invoices.
        TaxTreatmentSet = "tax_code.treatment_set",
    }
    "FiscalYear" ("fy") read PeriodRead {
        /// A fiscal year was added.
        FiscalYearCreated = "fiscal_year.created",
        /// A fiscal year was closed: its result is in equity.
        FiscalYearClosed = "fiscal_year.closed",
        /// A closed fiscal year was opened again.
        FiscalYearReopened = "fiscal_year.reopened",
    }
    "Ledger" ("led") read PeriodRead {
        /// The books were locked up to a day.
        PeriodLocked = "period.locked",
        /// The soft lock of the books moved back.
        PeriodUnlocked = "period.unlocked",
        /// The levels of reminders were set.
        DunningLevelsSet = "dunning_levels.set",
        /// The step in which a currency is paid was set.
        CashRoundingSet = "cash_rounding.set",
    }
    "LockException" ("lex") read PeriodRead {
        /// A person may post below the soft lock for a while.
        LockExceptionGranted = "lock_exception.granted",
        /// An exception from the soft lock was ended.
        LockExceptionRevoked = "lock_exception.revoked",
    }
    "JournalEntry" ("je") read JournalRead {
        /// A journal entry was posted, by hand or by a document.
        JournalEntryPosted = "journal_entry.posted",
        /// A journal entry was taken back by another one.
        JournalEntryReversed = "journal_entry.reversed",
    }
    "Customer" ("cus") read CustomerRead {
        /// A customer was created by hand.
        CustomerCreated = "customer.created",
        /// A customer changed.
        CustomerUpdated = "customer.updated",
        /// How much a customer may owe was set.
        CustomerCreditLimitSet = "customer.credit_limit_set",
    }
    "Vendor" ("ven") read VendorRead {
        /// A vendor was created by hand.
        VendorCreated = "vendor.created",
        /// A vendor changed.
        VendorUpdated = "vendor.updated",
    }
    "Invoice" ("inv") read InvoiceRead {
        /// An invoice was drafted.
        InvoiceCreated = "invoice.created",
        /// The draft of an invoice changed.
        InvoiceUpdated = "invoice.updated",
        /// An invoice was issued: numbered, posted and frozen.
        InvoiceIssued = "invoice.issued",
    }
    "CreditNote" ("crn") read InvoiceRead {
        /// A credit note to an invoice was issued: numbered and posted.
        CreditNoteIssued = "credit_note.issued",
    }
    "EInvoice" ("einv") read InvoiceRead {
        /// An electronic invoice was made of an invoice or a credit note.
        EInvoiceMade = "e_invoice.made",
    }
    "ExpenseType" ("ext") read BillRead {
        /// A type of expense was created.
        ExpenseTypeCreated = "expense_type.created",
        /// Something else holds for a type of expense from a day on.
        ExpenseRateAdded = "expense_type.rate_added",
    }
    "ExpenseClaim" ("exc") read BillRead {
        /// An expense claim was drafted.
        ExpenseClaimCreated = "expense_claim.created",
        /// The draft of an expense claim changed.
        ExpenseClaimUpdated = "expense_claim.updated",
        /// An expense claim was submitted.
        ExpenseClaimSubmitted = "expense_claim.submitted",
        /// An expense claim was accepted or rejected.
        ExpenseClaimDecided = "expense_claim.decided",
        /// The bill of an expense claim was posted, and advances were used.
        ExpenseClaimPosted = "expense_claim.posted",
    }
    "VendorCredit" ("vcr") read BillRead {
        /// A vendor credit was posted.
        VendorCreditPosted = "vendor_credit.posted",
    }
    "WithholdingCode" ("whc") read TaxCodeRead {
        /// A withholding code was created.
        WithholdingCodeCreated = "withholding_code.created",
        /// A withholding code has a further rate.
        WithholdingRateAdded = "withholding_code.rate_added",
    }
    "Bill" ("bil") read BillRead {
        /// A bill was entered.
        BillCreated = "bill.created",
        /// The draft of a bill changed.
        BillUpdated = "bill.updated",
        /// A bill was posted and frozen.
        BillPosted = "bill.posted",
    }
    "Payment" ("pay") read PaymentRead {
        /// A payment was recorded and posted.
        PaymentRecorded = "payment.recorded",
        /// A payment was allocated to open items.
        PaymentAllocated = "payment.allocated",
        /// What a payment settled of an open item was undone.
        PaymentAllocationUndone = "payment.allocation_undone",
        /// A payment was reversed.
        PaymentReversed = "payment.reversed",
    }
    "OpenItem" ("oi") read OpenItemRead {
        /// An open item is in dispute.
        OpenItemDisputed = "open_item.disputed",
        /// A dispute about an open item is over.
        OpenItemDisputeEnded = "open_item.dispute_ended",
    }
    "DunningRun" ("drun") read DunningRead {
        /// Reminders were proposed.
        DunningRunProposed = "dunning_run.proposed",
    }
    "DunningNotice" ("dun") read DunningRead {
        /// A reminder was sent.
        DunningNoticeSent = "dunning_notice.sent",
        /// A reminder was dropped.
        DunningNoticeDropped = "dunning_notice.dropped",
    }
    "BankAccount" ("ba") read BankRead {
        /// A bank account was created.
        BankAccountCreated = "bank_account.created",
        /// A bank account changed.
        BankAccountUpdated = "bank_account.updated",
    }
    "BankStatement" ("bs") read BankRead {
        /// A bank statement was imported.
        BankStatementImported = "bank_statement.imported",
    }
    "BankLine" ("bl") read BankRead {
        /// A bank line was matched to what it settles.
        BankLineMatched = "bank_line.matched",
        /// The match of a bank line was taken back.
        BankLineUnmatched = "bank_line.unmatched",
    }
    "BusinessCalendar" ("bcal") read CalendarRead {
        /// A business calendar was created.
        BusinessCalendarCreated = "business_calendar.created",
        /// A business calendar changed, or one of its exceptions did.
        BusinessCalendarUpdated = "business_calendar.updated",
        /// A business calendar was deleted.
        BusinessCalendarDeleted = "business_calendar.deleted",
    }
    "Clock" ("clk") read ClockRead {
        /// A clock was started.
        ClockStarted = "clock.started",
        /// A clock was paused.
        ClockPaused = "clock.paused",
        /// A clock runs on after a pause.
        ClockResumed = "clock.resumed",
        /// A clock was stopped.
        ClockStopped = "clock.stopped",
        /// A clock went over its target. Told once by the server, by nobody's request.
        ClockBreached = "clock.breached",
    }
    "File" ("file") read FileRead {
        /// A file that was sent was completed: it is ready, or being checked.
        FileCompleted = "file.completed",
        /// A file was deleted; its bytes go within minutes.
        FileDeleted = "file.deleted",
    }
    "Import" ("imp") read ImportRead {
        /// A file was taken in. Its records are told of as this one event, not each by itself.
        ImportFinished = "import.finished",
    }
    "WorkItem" ("wi") read WorkItemRead {
        /// A work item was opened.
        WorkItemCreated = "work_item.created",
        /// A work item changed.
        WorkItemUpdated = "work_item.updated",
        /// A work item is somebody else's, or nobody's.
        WorkItemAssigned = "work_item.assigned",
        /// A work item was started.
        WorkItemStarted = "work_item.started",
        /// A work item waits for something.
        WorkItemPutOff = "work_item.put_off",
        /// A work item was completed.
        WorkItemCompleted = "work_item.completed",
        /// A work item was cancelled.
        WorkItemCancelled = "work_item.cancelled",
        /// A work item was opened again.
        WorkItemReopened = "work_item.reopened",
        /// Somebody wrote beside a work item.
        WorkItemCommented = "work_item.commented",
    }
    "RecurringWork" ("rw") read WorkItemRead {
        /// Work comes again and again from now on, or otherwise from a day on.
        RecurringWorkCreated = "recurring_work.created",
        /// Recurring work changed: when it comes, what it consists of, its end, or a single time.
        RecurringWorkUpdated = "recurring_work.updated",
        /// Work of a period was opened.
        RecurringWorkOpened = "recurring_work.opened",
    }
    "ClientRequest" ("crq") read ClientRequestRead {
        /// The provider asks something of the client, or shows it what it does.
        ClientRequestOpened = "client_request.opened",
        /// What the provider asks of the client changed.
        ClientRequestUpdated = "client_request.updated",
        /// Something was written beside it that the client's people see.
        ClientRequestCommented = "client_request.commented",
        /// What the provider asked of the client is done, or not asked any more.
        ClientRequestClosed = "client_request.closed",
        /// Somebody of the client answered something of what was asked.
        ClientRequestAnswered = "client_request.answered",
    }
    "Comment" ("cmt") read CommentRead {
        /// Something was written beside a record that the client sees as well.
        CommentCreated = "comment.created",
        /// What was written there says something else.
        CommentUpdated = "comment.updated",
        /// What was written there was taken back.
        CommentDeleted = "comment.deleted",
    }
    "Comment" ("icm") read InternalCommentRead {
        /// Something was written beside a record that stays with the provider's staff.
        InternalCommentCreated = "internal_comment.created",
        /// What was written there says something else.
        InternalCommentUpdated = "internal_comment.updated",
        /// What was written there was taken back.
        InternalCommentDeleted = "internal_comment.deleted",
    }
    "WebhookEndpoint" ("whe") read WebhookRead {
        /// A webhook endpoint was created.
        WebhookEndpointCreated = "webhook_endpoint.created",
        /// A webhook endpoint changed, or has a new secret.
        WebhookEndpointUpdated = "webhook_endpoint.updated",
        /// A webhook endpoint was paused: by somebody, because it is gone, or because nothing arrives there.
        WebhookEndpointPaused = "webhook_endpoint.paused",
        /// A webhook endpoint was resumed.
        WebhookEndpointResumed = "webhook_endpoint.resumed",
        /// A webhook endpoint was deleted.
        WebhookEndpointDeleted = "webhook_endpoint.deleted",
    }
    "ApprovalPolicy" ("apol") read ApprovalRead {
        /// A policy says what needs whose approval.
        ApprovalPolicyCreated = "approval_policy.created",
        /// A policy has another edition, which new requests are started under.
        ApprovalPolicyUpdated = "approval_policy.updated",
        /// A policy does not hold any more.
        ApprovalPolicyEnded = "approval_policy.ended",
    }
    "ApprovalRequest" ("apr") read ApprovalRead {
        /// An approval was asked for.
        ApprovalRequestCreated = "approval_request.created",
        /// Somebody has decided on a step of a request.
        ApprovalRequestDecided = "approval_request.decided",
        /// A request is over: approved, rejected, withdrawn, void or expired.
        ApprovalRequestEnded = "approval_request.ended",
    }
    "ApprovalDelegation" ("adel") read ApprovalRead {
        /// Somebody decides in another one's place from a day on.
        ApprovalDelegationCreated = "approval_delegation.created",
        /// A delegation was ended.
        ApprovalDelegationEnded = "approval_delegation.ended",
    }
    "VendorBankChange" ("vbc") read VendorRead {
        /// A change of a vendor's bank details was written down.
        VendorBankChangeProposed = "vendor_bank_change.proposed",
        /// A vendor's bank details changed as it was written down.
        VendorBankChangeApplied = "vendor_bank_change.applied",
    }
    "AuditSample" ("asm") read AuditSampleRead {
        /// A sample of journal entries was drawn.
        AuditSampleDrawn = "audit_sample.drawn",
    }
    "VendorHold" ("vho") read VendorRead {
        /// Bills of a vendor, payments to it, or both are on hold.
        VendorHoldPlaced = "vendor_hold.placed",
        /// A hold of a vendor was released.
        VendorHoldReleased = "vendor_hold.released",
    }
    "PaymentRun" ("prun") read PaymentRunRead {
        /// What is due was proposed for payment.
        PaymentRunProposed = "payment_run.proposed",
        /// Payments were taken out of a run, or the bank has not made some of them.
        PaymentRunUpdated = "payment_run.updated",
        /// A run was approved.
        PaymentRunApproved = "payment_run.approved",
        /// A run has its file for the bank.
        PaymentRunSent = "payment_run.sent",
        /// A run was given up.
        PaymentRunCancelled = "payment_run.cancelled",
    }
    "JournalProposal" ("jpr") read JournalRead {
        /// A journal entry was proposed.
        JournalProposalCreated = "journal_proposal.created",
    }
    "AppointmentCalendar" ("acal") read AppointmentRead {
        /// A calendar for appointments was made.
        AppointmentCalendarCreated = "appointment_calendar.created",
        /// A calendar for appointments changed.
        AppointmentCalendarUpdated = "appointment_calendar.updated",
        /// A calendar for appointments was deleted.
        AppointmentCalendarDeleted = "appointment_calendar.deleted",
    }
    "Appointment" ("apt") read AppointmentRead {
        /// An appointment was booked, or what follows of a series became one of its own.
        AppointmentBooked = "appointment.booked",
        /// An appointment says something else, at the same times.
        AppointmentUpdated = "appointment.updated",
        /// An appointment was moved, or some of its occurrences were.
        AppointmentMoved = "appointment.moved",
        /// An appointment was cancelled, or some of its occurrences were.
        AppointmentCancelled = "appointment.cancelled",
        /// Somebody who was invited has answered.
        AppointmentAnswered = "appointment.answered",
    }
    "AppointmentFeed" ("afd") read AppointmentCalendarManage {
        /// A feed of a calendar was made.
        AppointmentFeedCreated = "appointment_feed.created",
        /// A feed of a calendar has another address.
        AppointmentFeedRotated = "appointment_feed.rotated",
        /// A feed of a calendar was revoked.
        AppointmentFeedRevoked = "appointment_feed.revoked",
    }
    "ClientAppointment" ("capt") read ClientAppointmentRead {
        /// An appointment that the client's people see was booked, or shown to them.
        ClientAppointmentBooked = "client_appointment.booked",
        /// An appointment that the client's people see changed, was moved or cancelled.
        ClientAppointmentUpdated = "client_appointment.updated",
    }
    "Rule" ("rule") read RuleRead {
        /// A rule was made. It is not armed.
        RuleCreated = "rule.created",
        /// A rule has a new version. It is not armed.
        RulePublished = "rule.published",
        /// A version of a rule was armed.
        RuleArmed = "rule.armed",
        /// A rule was disarmed by somebody, or blocked because its publisher may not do any more what it does.
        RuleDisarmed = "rule.disarmed",
    }
    "CorrespondenceEntry" ("cor") read CorrespondenceRead {
        /// A letter, a mail or a call was written into the register.
        CorrespondenceRegistered = "correspondence.registered",
        /// An entry of the register changed: its subject, its record, its files, who sees it, or how far its mail has come.
        CorrespondenceUpdated = "correspondence.updated",
        /// An entry of the register does not count any more.
        CorrespondenceVoided = "correspondence.voided",
    }
    "LetterTemplate" ("ltpl") read CorrespondenceRead {
        /// A template of letters was made.
        LetterTemplateCreated = "letter_template.created",
        /// A template of letters changed, or has new wording.
        LetterTemplateUpdated = "letter_template.updated",
    }
    "SharedCorrespondence" ("scor") read SharedCorrespondenceRead {
        /// The client's own people see a further piece of correspondence.
        SharedCorrespondenceAdded = "shared_correspondence.added",
        /// A piece of correspondence that the client's own people see changed, or is void.
        SharedCorrespondenceChanged = "shared_correspondence.changed",
    }
    "DocumentType" ("dtyp") read OfficeDocumentRead {
        /// A type of documents was made.
        DocumentTypeCreated = "document_type.created",
        /// A type of documents changed.
        DocumentTypeUpdated = "document_type.updated",
    }
    "DocumentFolder" ("dfol") read OfficeDocumentRead {
        /// A folder of documents was made.
        DocumentFolderCreated = "document_folder.created",
        /// A folder of documents was renamed or moved.
        DocumentFolderUpdated = "document_folder.updated",
    }
    "Document" ("doc") read OfficeDocumentRead {
        /// A document was laid down.
        DocumentCreated = "document.created",
        /// A document changed: what it says, where it lies, or what it lies beside.
        DocumentUpdated = "document.updated",
        /// A document went into the trash.
        DocumentTrashed = "document.trashed",
        /// A document was taken out of the trash.
        DocumentRestored = "document.restored",
    }
    "DocumentVersion" ("docv") read OfficeDocumentRead {
        /// A document has a further version.
        DocumentVersionAdded = "document_version.added",
        /// The newest version of a document was taken back.
        DocumentVersionDeleted = "document_version.deleted",
    }
    "ClientDocument" ("cdoc") read ClientDocumentRead {
        /// The provider shows a document to the client's people.
        ClientDocumentShown = "client_document.shown",
    }
    "DocumentShare" ("dshr") read OfficeDocumentRead {
        /// A link was made by which somebody without a sign-in takes a document.
        DocumentShareCreated = "document_share.created",
        /// Such a link was revoked.
        DocumentShareRevoked = "document_share.revoked",
    }
    "SignatureRequest" ("sreq") read SignatureRead {
        /// Signatures on a document were asked for.
        SignatureRequestSent = "signature_request.sent",
        /// A request for signatures changed: it was extended, or a signer has another link.
        SignatureRequestUpdated = "signature_request.updated",
        /// Somebody has signed.
        SignatureRequestSigned = "signature_request.signed",
        /// A request for signatures is over: all have signed, somebody has declined, it expired or was withdrawn.
        SignatureRequestEnded = "signature_request.ended",
    }
    "LegalHold" ("hold") read LegalHoldRead {
        /// A legal hold was placed, or names further records.
        LegalHoldPlaced = "legal_hold.placed",
        /// A legal hold was released.
        LegalHoldReleased = "legal_hold.released",
    }
    "RetentionSchedule" ("rets") read OfficeDocumentRead {
        /// A retention schedule was made.
        RetentionScheduleCreated = "retention_schedule.created",
        /// A retention schedule was ended.
        RetentionScheduleEnded = "retention_schedule.ended",
    }
    "Disposal" ("dsp") read OfficeDocumentRead {
        /// It was proposed that a document is purged.
        DisposalProposed = "disposal.proposed",
        /// That was refused.
        DisposalRefused = "disposal.refused",
        /// A document was purged; what it was stands on the certificate.
        DisposalPurged = "disposal.purged",
    }
    "Register" ("reg") read RegisterRead {
        /// A register was made.
        RegisterCreated = "register.created",
        /// A register changed: its name, or what its records say.
        RegisterUpdated = "register.updated",
    }
    "RegisterRecord" ("rrec") read RegisterRead {
        /// A record was entered into a register.
        RegisterRecordCreated = "register_record.created",
        /// A record of a register changed.
        RegisterRecordUpdated = "register_record.updated",
        /// A record of a register does not count any more.
        RegisterRecordVoided = "register_record.voided",
        /// The critical values of a record were keyed a second time, and are the same, or it was decided which are right.
        RegisterRecordConfirmed = "register_record.confirmed",
        /// The critical values of a record were keyed a second time, and differ.
        RegisterRecordDiffers = "register_record.differs",
    }
    "InboundMailAddress" ("ima") read CorrespondenceRead {
        /// An address was made under which the client is written to.
        InboundMailAddressCreated = "inbound_mail_address.created",
        /// Such an address was revoked.
        InboundMailAddressRevoked = "inbound_mail_address.revoked",
    }
}

impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for EventKind {
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
        std::io::Write::write_all(out, self.text().as_bytes())?;
        Ok(diesel::serialize::IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_a_concept_and_what_became_of_it() {
        for kind in EventKind::ALL {
            let (concept, became) = kind.text().split_once('.').unwrap();
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(plain(concept) && plain(became), "{}", kind.text());
            assert_eq!(EventKind::parse(kind.text()), Some(*kind));
            // Documents are seen only by those who publish them.
            let right = kind.can().name();
            // And so are addresses that open calendars.
            let managed = ["practice.document.manage", "work.appointment_calendar.manage"];
            assert!(right.ends_with(".read") || managed.contains(&right), "{right}");
        }
    }
}
