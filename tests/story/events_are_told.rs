//! Every change of business state is told as an event: once, in the order of the commits, to those who may read the
//! record; and what was not kept is not told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::files_are_sent_and_taken::{announce, complete, sha256};
use crate::harness::{App, Client, Office, Setup};
use crate::walls::furnished::{change, furnish, made};
use crate::walls::schema::Schema;

/// What each change of a client's state tells.
const TELLS: &[(&str, &str)] = &[
    ("approvalDelegationCreate", "APPROVAL_DELEGATION_CREATED"),
    ("approvalDelegationEnd", "APPROVAL_DELEGATION_ENDED"),
    ("approvalPolicyCreate", "APPROVAL_POLICY_CREATED"),
    ("approvalPolicyEnd", "APPROVAL_POLICY_ENDED"),
    ("approvalPolicyUpdate", "APPROVAL_POLICY_UPDATED"),
    ("approvalRequestCreate", "APPROVAL_REQUEST_CREATED"),
    ("approvalRequestDecide", "APPROVAL_REQUEST_DECIDED"),
    ("approvalRequestWithdraw", "APPROVAL_REQUEST_ENDED"),
    ("accountCashFlowSet", "ACCOUNT_UPDATED"),
    ("accountCreate", "ACCOUNT_CREATED"),
    ("accountDimensionsRequire", "ACCOUNT_UPDATED"),
    ("accountUpdate", "ACCOUNT_UPDATED"),
    ("appointmentAnswer", "APPOINTMENT_ANSWERED"),
    ("appointmentBook", "APPOINTMENT_BOOKED"),
    ("appointmentFeedCreate", "APPOINTMENT_FEED_CREATED"),
    ("appointmentFeedRevoke", "APPOINTMENT_FEED_REVOKED"),
    ("appointmentFeedRotate", "APPOINTMENT_FEED_ROTATED"),
    ("appointmentInvite", "APPOINTMENT_UPDATED"),
    ("appointmentReplyRead", "APPOINTMENT_ANSWERED"),
    ("appointmentsImport", "APPOINTMENT_BOOKED"),
    ("appointmentCalendarCreate", "APPOINTMENT_CALENDAR_CREATED"),
    ("appointmentCalendarDelete", "APPOINTMENT_CALENDAR_DELETED"),
    ("appointmentCalendarUpdate", "APPOINTMENT_CALENDAR_UPDATED"),
    ("appointmentCancel", "APPOINTMENT_CANCELLED"),
    ("appointmentMove", "APPOINTMENT_MOVED"),
    ("appointmentUpdate", "APPOINTMENT_UPDATED"),
    ("assetClassCreate", "ASSET_CLASS_CREATED"),
    ("assetCreate", "ASSET_CREATED"),
    ("assetDispose", "ASSET_DISPOSED"),
    ("assetRepair", "ASSET_REPAIRED"),
    ("assetRevalue", "ASSET_REVALUED"),
    ("assetSplit", "ASSET_SPLIT"),
    ("assetUnitsReport", "ASSET_UNITS_REPORTED"),
    ("auditSampleDraw", "AUDIT_SAMPLE_DRAWN"),
    ("bankAccountCreate", "BANK_ACCOUNT_CREATED"),
    ("bankAccountUpdate", "BANK_ACCOUNT_UPDATED"),
    ("bankLineMatch", "BANK_LINE_MATCHED"),
    ("bankLineUnmatch", "BANK_LINE_UNMATCHED"),
    ("bankStatementImport", "BANK_STATEMENT_IMPORTED"),
    ("billCreate", "BILL_CREATED"),
    ("billPost", "BILL_POSTED"),
    ("billUpdate", "BILL_UPDATED"),
    ("budgetCreate", "BUDGET_CREATED"),
    ("budgetVersionPublish", "BUDGET_VERSION_PUBLISHED"),
    ("businessCalendarCreate", "BUSINESS_CALENDAR_CREATED"),
    ("businessCalendarDelete", "BUSINESS_CALENDAR_DELETED"),
    ("businessCalendarUpdate", "BUSINESS_CALENDAR_UPDATED"),
    ("calendarExceptionCreate", "BUSINESS_CALENDAR_UPDATED"),
    ("calendarExceptionDelete", "BUSINESS_CALENDAR_UPDATED"),
    ("calendarExceptionUpdate", "BUSINESS_CALENDAR_UPDATED"),
    ("chartOfAccountsImport", "IMPORT_FINISHED"),
    ("clientContactCreate", "CLIENT_CONTACT_CREATED"),
    ("clientContactDelete", "CLIENT_CONTACT_DELETED"),
    ("clientContactUpdate", "CLIENT_CONTACT_UPDATED"),
    ("clientOnboard", "CLIENT_ONBOARDED"),
    ("commentCreate", "COMMENT_CREATED"),
    ("commentDelete", "COMMENT_DELETED"),
    ("commentUpdate", "COMMENT_UPDATED"),
    ("signatureLinkDecline", "SIGNATURE_REQUEST_ENDED"),
    ("signatureLinkSign", "SIGNATURE_REQUEST_SIGNED"),
    ("signatureRequestExtend", "SIGNATURE_REQUEST_UPDATED"),
    ("signatureRequestLinkRenew", "SIGNATURE_REQUEST_UPDATED"),
    ("signatureRequestLinkRevoke", "SIGNATURE_REQUEST_UPDATED"),
    ("signatureRequestSend", "SIGNATURE_REQUEST_SENT"),
    ("signatureRequestWithdraw", "SIGNATURE_REQUEST_ENDED"),
    ("signatureTaskDecline", "SIGNATURE_REQUEST_ENDED"),
    ("signatureTaskSign", "SIGNATURE_REQUEST_SIGNED"),
    ("clientRequestComment", "CLIENT_REQUEST_COMMENTED"),
    ("clientRequestFileComplete", "CLIENT_REQUEST_ANSWERED"),
    ("clientRequestLineAnswer", "CLIENT_REQUEST_ANSWERED"),
    ("clientUpdate", "CLIENT_UPDATED"),
    ("clockPause", "CLOCK_PAUSED"),
    ("clockResume", "CLOCK_RESUMED"),
    ("clockStart", "CLOCK_STARTED"),
    ("clockStop", "CLOCK_STOPPED"),
    ("creditNoteIssue", "CREDIT_NOTE_ISSUED"),
    ("commitmentRecord", "COMMITMENT_RECORDED"),
    ("commitmentRelease", "COMMITMENT_RELEASED"),
    ("eInvoiceCreate", "E_INVOICE_MADE"),
    ("eInvoiceImport", "BILL_CREATED"),
    ("customerCreate", "CUSTOMER_CREATED"),
    ("customerUpdate", "CUSTOMER_UPDATED"),
    ("customersImport", "IMPORT_FINISHED"),
    ("deferralCreate", "DEFERRAL_CREATED"),
    ("deferralStop", "DEFERRAL_STOPPED"),
    ("deferralsPost", "JOURNAL_ENTRY_POSTED"),
    ("depreciationPost", "JOURNAL_ENTRY_POSTED"),
    ("dimensionCreate", "DIMENSION_CREATED"),
    ("dimensionDistributionSet", "DIMENSION_VALUE_DISTRIBUTED"),
    ("dimensionUpdate", "DIMENSION_UPDATED"),
    ("dimensionValueCreate", "DIMENSION_VALUE_CREATED"),
    ("dimensionValueUpdate", "DIMENSION_VALUE_UPDATED"),
    ("documentManifestPublish", "DOCUMENT_MANIFEST_PUBLISHED"),
    ("documentManifestRetire", "DOCUMENT_MANIFEST_RETIRED"),
    ("documentCreate", "DOCUMENT_CREATED"),
    ("documentFolderCreate", "DOCUMENT_FOLDER_CREATED"),
    ("documentFolderUpdate", "DOCUMENT_FOLDER_UPDATED"),
    ("documentLinkAdd", "DOCUMENT_UPDATED"),
    ("documentLinkRemove", "DOCUMENT_UPDATED"),
    ("documentRestore", "DOCUMENT_RESTORED"),
    ("disposalConfirm", "DISPOSAL_PURGED"),
    ("disposalPropose", "DISPOSAL_PROPOSED"),
    ("disposalRefuse", "DISPOSAL_REFUSED"),
    ("documentShareCreate", "DOCUMENT_SHARE_CREATED"),
    ("documentShareRevoke", "DOCUMENT_SHARE_REVOKED"),
    ("legalHoldCreate", "LEGAL_HOLD_PLACED"),
    ("legalHoldExtend", "LEGAL_HOLD_PLACED"),
    ("legalHoldRelease", "LEGAL_HOLD_RELEASED"),
    ("retentionScheduleCreate", "RETENTION_SCHEDULE_CREATED"),
    ("retentionScheduleEnd", "RETENTION_SCHEDULE_ENDED"),
    ("documentTrash", "DOCUMENT_TRASHED"),
    ("documentTypeCreate", "DOCUMENT_TYPE_CREATED"),
    ("documentTypeUpdate", "DOCUMENT_TYPE_UPDATED"),
    ("documentUpdate", "DOCUMENT_UPDATED"),
    ("documentVersionAdd", "DOCUMENT_VERSION_ADDED"),
    ("documentVersionDelete", "DOCUMENT_VERSION_DELETED"),
    ("cashRoundingSet", "CASH_ROUNDING_SET"),
    ("customerCreditLimitSet", "CUSTOMER_CREDIT_LIMIT_SET"),
    ("customerStatementSend", "CORRESPONDENCE_REGISTERED"),
    ("dunningLevelsSet", "DUNNING_LEVELS_SET"),
    ("dunningNoticeDrop", "DUNNING_NOTICE_DROPPED"),
    ("dunningNoticesSend", "DUNNING_NOTICE_SENT"),
    ("dunningRunPropose", "DUNNING_RUN_PROPOSED"),
    ("openItemDispute", "OPEN_ITEM_DISPUTED"),
    ("openItemDisputeEnd", "OPEN_ITEM_DISPUTE_ENDED"),
    ("engagementCreate", "ENGAGEMENT_CREATED"),
    ("engagementServiceAdd", "ENGAGEMENT_UPDATED"),
    ("engagementServiceEnd", "ENGAGEMENT_UPDATED"),
    ("engagementUpdate", "ENGAGEMENT_UPDATED"),
    ("exchangeRatesAdd", "EXCHANGE_RATE_ADDED"),
    ("fileDelete", "FILE_DELETED"),
    ("fileUploadComplete", "FILE_COMPLETED"),
    ("fiscalYearClose", "FISCAL_YEAR_CLOSED"),
    ("fiscalYearCreate", "FISCAL_YEAR_CREATED"),
    ("fiscalYearReopen", "FISCAL_YEAR_REOPENED"),
    ("grantCreate", "GRANT_GIVEN"),
    ("grantEnd", "GRANT_ENDED"),
    ("identityProviderCreate", "IDENTITY_PROVIDER_CREATED"),
    ("identityProviderDelete", "IDENTITY_PROVIDER_DELETED"),
    ("identityProviderUpdate", "IDENTITY_PROVIDER_UPDATED"),
    ("identityProviderUserUnlink", "IDENTITY_PROVIDER_USER_UNLINKED"),
    ("invitationAccept", "INVITATION_ACCEPTED"),
    ("invitationRevoke", "INVITATION_REVOKED"),
    ("invoiceCreate", "INVOICE_CREATED"),
    ("invoiceIssue", "INVOICE_ISSUED"),
    ("invoiceUpdate", "INVOICE_UPDATED"),
    ("journalEntryPost", "JOURNAL_ENTRY_POSTED"),
    ("journalEntryReverse", "JOURNAL_ENTRY_REVERSED"),
    ("journalProposalCreate", "JOURNAL_PROPOSAL_CREATED"),
    ("journalProposalPost", "JOURNAL_ENTRY_POSTED"),
    ("lockExceptionGrant", "LOCK_EXCEPTION_GRANTED"),
    ("lockExceptionRevoke", "LOCK_EXCEPTION_REVOKED"),
    ("openingBalancesImport", "IMPORT_FINISHED"),
    ("paymentRunApprove", "PAYMENT_RUN_APPROVED"),
    ("paymentRunCancel", "PAYMENT_RUN_CANCELLED"),
    ("paymentRunDrop", "PAYMENT_RUN_UPDATED"),
    ("paymentRunPropose", "PAYMENT_RUN_PROPOSED"),
    ("paymentRunReject", "PAYMENT_RUN_UPDATED"),
    ("paymentRunSend", "PAYMENT_RUN_SENT"),
    ("paymentStatusImport", "PAYMENT_RUN_UPDATED"),
    ("paymentAllocate", "PAYMENT_ALLOCATED"),
    ("paymentAllocationUndo", "PAYMENT_ALLOCATION_UNDONE"),
    ("paymentRecord", "PAYMENT_RECORDED"),
    ("paymentReverse", "PAYMENT_REVERSED"),
    ("periodCloseNote", "PERIOD_CLOSE_NOTED"),
    ("periodCloseOpen", "PERIOD_CLOSE_OPENED"),
    ("periodClosePrepare", "PERIOD_CLOSE_PREPARED"),
    ("periodCloseReopen", "PERIOD_CLOSE_REOPENED"),
    ("periodCloseSign", "PERIOD_CLOSE_SIGNED"),
    ("periodLock", "PERIOD_LOCKED"),
    ("periodUnlock", "PERIOD_UNLOCKED"),
    ("recurringEntriesPost", "JOURNAL_ENTRY_POSTED"),
    ("recurringEntryCreate", "RECURRING_ENTRY_CREATED"),
    ("recurringEntryPost", "JOURNAL_ENTRY_POSTED"),
    ("recurringEntryStop", "RECURRING_ENTRY_STOPPED"),
    ("recurringWorkCreate", "RECURRING_WORK_CREATED"),
    ("recurringWorkEnd", "RECURRING_WORK_UPDATED"),
    ("recurringWorkOccurrenceUpdate", "RECURRING_WORK_UPDATED"),
    ("recurringWorkRun", "RECURRING_WORK_OPENED"),
    ("recurringWorkUpdate", "RECURRING_WORK_UPDATED"),
    ("registerCreate", "REGISTER_CREATED"),
    ("registerRecordCreate", "REGISTER_RECORD_CREATED"),
    ("registerRecordDecide", "REGISTER_RECORD_CONFIRMED"),
    ("registerRecordKey", "REGISTER_RECORD_DIFFERS"),
    ("registerRecordUpdate", "REGISTER_RECORD_UPDATED"),
    ("registerRecordVoid", "REGISTER_RECORD_VOIDED"),
    ("registerRecordsCreate", "REGISTER_RECORD_CREATED"),
    ("registerUpdate", "REGISTER_UPDATED"),
    ("revaluationRun", "REVALUATION_MADE"),
    ("revaluationUndo", "REVALUATION_UNDONE"),
    ("roleCreate", "ROLE_CREATED"),
    ("roleUpdate", "ROLE_UPDATED"),
    ("ruleArm", "RULE_ARMED"),
    ("ruleCreate", "RULE_CREATED"),
    ("ruleDisarm", "RULE_DISARMED"),
    ("ruleVersionPublish", "RULE_PUBLISHED"),
    ("serviceAccountCreate", "SERVICE_ACCOUNT_CREATED"),
    ("serviceAccountRevoke", "SERVICE_ACCOUNT_REVOKED"),
    ("taxCodeCreate", "TAX_CODE_CREATED"),
    ("taxRateAdd", "TAX_RATE_ADDED"),
    ("taxTreatmentSet", "TAX_TREATMENT_SET"),
    ("userInvite", "USER_INVITED"),
    ("vendorBankChangeApply", "VENDOR_BANK_CHANGE_APPLIED"),
    ("vendorBankChangeCreate", "VENDOR_BANK_CHANGE_PROPOSED"),
    ("expenseClaimAccept", "EXPENSE_CLAIM_DECIDED"),
    ("expenseClaimCreate", "EXPENSE_CLAIM_CREATED"),
    ("expenseClaimPost", "EXPENSE_CLAIM_POSTED"),
    ("expenseClaimReject", "EXPENSE_CLAIM_DECIDED"),
    ("expenseClaimSubmit", "EXPENSE_CLAIM_SUBMITTED"),
    ("expenseClaimUpdate", "EXPENSE_CLAIM_UPDATED"),
    ("expenseRateAdd", "EXPENSE_RATE_ADDED"),
    ("expenseTypeCreate", "EXPENSE_TYPE_CREATED"),
    ("vendorCreate", "VENDOR_CREATED"),
    ("vendorCreditPost", "VENDOR_CREDIT_POSTED"),
    ("vendorWithholdingSet", "VENDOR_UPDATED"),
    ("withholdingCodeCreate", "WITHHOLDING_CODE_CREATED"),
    ("withholdingRateAdd", "WITHHOLDING_RATE_ADDED"),
    ("vendorHoldPlace", "VENDOR_HOLD_PLACED"),
    ("vendorHoldRelease", "VENDOR_HOLD_RELEASED"),
    ("vendorUpdate", "VENDOR_UPDATED"),
    ("vendorsImport", "IMPORT_FINISHED"),
    ("webhookEndpointCreate", "WEBHOOK_ENDPOINT_CREATED"),
    ("webhookEndpointDelete", "WEBHOOK_ENDPOINT_DELETED"),
    ("webhookEndpointPause", "WEBHOOK_ENDPOINT_PAUSED"),
    ("webhookEndpointResume", "WEBHOOK_ENDPOINT_RESUMED"),
    ("webhookEndpointUpdate", "WEBHOOK_ENDPOINT_UPDATED"),
    ("webhookSecretRotate", "WEBHOOK_ENDPOINT_UPDATED"),
    ("workItemAssign", "WORK_ITEM_ASSIGNED"),
    ("workItemCancel", "WORK_ITEM_CANCELLED"),
    ("workItemChecklistUpdate", "WORK_ITEM_UPDATED"),
    ("workItemComment", "WORK_ITEM_COMMENTED"),
    ("workItemComplete", "WORK_ITEM_COMPLETED"),
    ("workItemCreate", "WORK_ITEM_CREATED"),
    ("workItemDependencyAdd", "WORK_ITEM_UPDATED"),
    ("workItemDependencyRemove", "WORK_ITEM_UPDATED"),
    ("workItemReopen", "WORK_ITEM_REOPENED"),
    ("workItemStart", "WORK_ITEM_STARTED"),
    ("workItemEstimateSet", "WORK_ITEM_UPDATED"),
    ("workItemUpdate", "WORK_ITEM_UPDATED"),
    ("workItemWait", "WORK_ITEM_PUT_OFF"),
    ("workItemWantedUpdate", "WORK_ITEM_UPDATED"),
    ("workItemsAssign", "WORK_ITEM_ASSIGNED"),
    ("correspondenceEntryCreate", "CORRESPONDENCE_REGISTERED"),
    ("correspondenceEntrySend", "CORRESPONDENCE_UPDATED"),
    ("correspondenceEntryUpdate", "CORRESPONDENCE_UPDATED"),
    ("correspondenceEntryVoid", "CORRESPONDENCE_VOIDED"),
    ("letterMerge", "CORRESPONDENCE_REGISTERED"),
    ("inboundMailAddressCreate", "INBOUND_MAIL_ADDRESS_CREATED"),
    ("inboundMailAddressRevoke", "INBOUND_MAIL_ADDRESS_REVOKED"),
    ("letterTemplateCreate", "LETTER_TEMPLATE_CREATED"),
    ("letterTemplateUpdate", "LETTER_TEMPLATE_UPDATED"),
];

/// What tells nothing, and why.
const SILENT: &[(&str, &str)] = &[
    ("auditVerify", "a job is followed by its own record"),
    ("clientRequestFileCreate", "a file is nothing before its bytes have come"),
    ("clientArchiveCreate", "a job is followed by its own record"),
    ("clientGroupCreate", "of the provider"),
    ("clientGroupDelete", "of the provider"),
    ("clientGroupUpdate", "of the provider"),
    ("clientEngagementRequirementSet", "of the provider"),
    ("clientStatusMove", "of the provider"),
    ("signatureLinkOpen", "stands on the request's own record"),
    ("signatureRequestCreate", "a draft is nobody's business before it is sent"),
    ("signatureRequestUpdate", "a draft is nobody's business before it is sent"),
    ("signatureRequestVerify", "changes nothing"),
    ("signatureTaskOpen", "stands on the request's own record"),
    ("clientOffboardingAnnounce", "of the provider"),
    ("clientOffboardingKeep", "of the provider"),
    ("clientPurgeDecide", "of the provider"),
    ("clientPurgePropose", "of the provider"),
    ("clientOffboardingUpdate", "of the provider"),
    ("clientOffboardingWithdraw", "of the provider"),
    ("clientTokenCreate", "a sign-in of a person, no state of a client"),
    ("documentFolderDelete", "an empty folder is gone, and its record with it"),
    ("exportCreate", "a job is followed by its own record"),
    ("fileUploadCreate", "a file is nothing before its bytes have come"),
    ("importCreate", "a job is followed by its own record; the import that comes of it is told"),
    ("jobCancel", "a job is followed by its own record"),
    ("jobRetry", "a job is followed by its own record"),
    ("passwordChange", "of a person"),
    ("passwordReset", "of a person"),
    ("passwordResetRequest", "of a person"),
    ("providerTokenCreate", "a sign-in of a person"),
    ("retentionRun", "a job is followed by its own record; what it does to documents is told"),
    ("scheduleCreate", "says when jobs come, which are their own record"),
    ("scheduleDelete", "says when jobs come, which are their own record"),
    ("schedulePause", "says when jobs come, which are their own record"),
    ("scheduleUpdate", "says when jobs come, which are their own record"),
    ("onboardingTemplateCreate", "of the provider"),
    ("onboardingTemplateDelete", "of the provider"),
    ("onboardingTemplateUpdate", "of the provider"),
    ("providerCalendarCreate", "of the provider; what follows it is told of as it is renewed"),
    ("providerCalendarDelete", "of the provider"),
    ("providerCalendarUpdate", "of the provider; what follows it is told of as it is renewed"),
    ("providerScheduleUpdate", "of the provider"),
    ("undeliveredMailRetry", "of the provider"),
    ("serviceCreate", "of the provider"),
    ("serviceSkillSet", "of the provider"),
    ("skillCreate", "of the provider"),
    ("staffAbsenceAdd", "of the provider"),
    ("staffAbsenceRemove", "of the provider"),
    ("staffHoursSet", "of the provider"),
    ("staffSkillAdd", "of the provider"),
    ("staffSkillEnd", "of the provider"),
    ("serviceUpdate", "of the provider"),
    ("sessionRevoke", "of a person"),
    ("signIn", "of a person"),
    ("signInBegin", "of a person"),
    ("signInComplete", "of a person; the grants that come of it are told as such"),
    ("signOut", "of a person"),
    ("staffCreate", "of the provider"),
    ("staffDisable", "of the provider"),
    ("staffIdentityProviderCreate", "of the provider, on its trail"),
    ("staffIdentityProviderDelete", "of the provider, on its trail"),
    ("staffIdentityProviderUpdate", "of the provider, on its trail"),
    ("staffIdentityProviderUserUnlink", "of the provider, on its trail"),
    ("teamCreate", "of the provider"),
    ("teamMemberAdd", "of the provider"),
    ("teamMemberEnd", "of the provider"),
    ("teamUpdate", "of the provider"),
    ("tokenRefresh", "of a person"),
    ("totpConfirm", "of a person"),
    ("totpDisable", "of a person"),
    ("totpEnroll", "of a person"),
    ("userSamePersonSet", "of a person"),
    ("webhookDeliveryReplay", "tells once more what was told"),
    ("webhookTest", "changes nothing"),
    ("noticePreferenceSet", "of a person: how he is told"),
    ("noticesRead", "of a person: what he has read"),
    ("recordMute", "of a person: what he is told"),
    ("recordUnwatch", "of a person: what he is told"),
    ("recordWatch", "of a person: what he is told"),
    ("workItemWatch", "of a person: what he is told"),
    ("workNoticesRead", "of a person: what he has read"),
    ("correspondenceEntryTypeset", "a job is followed by its own record; the file that comes of it is told"),
    ("sellerProfileUpdate", "how the client names itself, which is no record of its own; it stands in the trail"),
    ("letterBrandingUpdate", "how letters look, which is no record of its own; it stands in the trail"),
    ("workTemplateCreate", "of the provider"),
    ("workViewCreate", "of a person: what he looks for"),
    ("workViewDelete", "of a person: what he looks for"),
    ("workViewUpdate", "of a person: what he looks for"),
    ("workTemplateUpdate", "of the provider"),
];

const ALL: &str = "query($after: String, $first: Int) { events(first: $first, after: $after) {
    nodes { id kind cursor nodeId actor requestId version occurredAt node { __typename id } } pageInfo { hasNextPage endCursor } totalCount } }";

/// All events that somebody sees, page by page.
async fn told(client: &Client) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client.ask(ALL, json!({ "after": after, "first": 40 })).await["events"].clone();
        all.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

fn kinds(events: &[Value]) -> BTreeSet<String> {
    events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_change_tells_what_it_did() {
    let (schema, app) = (Schema::read().await, App::start());
    for field in schema.root_fields(true) {
        let name = field["name"].as_str().unwrap();
        let known = TELLS.iter().any(|(told, _)| *told == name) || SILENT.iter().any(|(silent, _)| *silent == name);
        assert!(known, "{name}: say what it tells, and see below that it does");
    }
    let administrator = app.administrator().await;
    let firm = furnish(&app, &schema, &administrator, "ALPHA", "02").await;
    let (boss, example) = (&firm.boss, |kind: &str| firm.examples[kind].clone());

    change(boss, "accountUpdate", json!({ "id": example("Account"), "name": "New" }), "").await;
    change(boss, "bankAccountUpdate", json!({ "id": example("BankAccount"), "name": "New" }), "").await;
    change(boss, "bankLineUnmatch", json!({ "bankLine": example("MatchedLine") }), "").await;
    change(boss, "billUpdate", json!({ "id": example("Bill"), "number": "New-1" }), "").await;
    change(boss, "businessCalendarDelete", json!({ "id": example("SpareCalendar") }), "").await;
    change(boss, "clockResume", json!({ "id": example("PausedClock") }), "").await;
    change(boss, "clockStop", json!({ "id": example("PausedClock") }), "").await;
    change(boss, "clientUpdate", json!({ "name": "New" }), "").await;
    change(boss, "customerUpdate", json!({ "id": example("Customer"), "name": "New" }), "").await;
    change(boss, "documentManifestRetire", json!({ "id": example("DocumentManifest") }), "").await;
    change(boss, "vendorUpdate", json!({ "id": example("Vendor"), "name": "New" }), "").await;
    change(boss, "dimensionUpdate", json!({ "id": example("Dimension"), "name": "New" }), "").await;
    change(boss, "dimensionValueUpdate", json!({ "id": example("DimensionValue"), "name": "New" }), "").await;
    let parts = json!([{ "value": example("DimensionValue"), "percent": "100" }]);
    let split = json!({ "value": example("SpareDimensionValue"), "validFrom": "2026-01-01", "parts": parts });
    change(boss, "dimensionDistributionSet", split, "").await;
    let needs = json!({ "account": example("Account"), "dimensions": [] });
    change(boss, "accountDimensionsRequire", needs, "").await;
    change(boss, "deferralsPost", json!({}), "").await;
    let place = json!({ "account": example("Account"), "section": "FINANCING" });
    change(boss, "accountCashFlowSet", place, "").await;
    change(boss, "commitmentRelease", json!({ "id": example("Commitment") }), "").await;
    change(boss, "depreciationPost", json!({}), "").await;
    let (asset, car) = (example("Asset"), example("SpareAsset"));
    change(boss, "assetRepair", json!({ "id": car, "on": "2026-10-02", "amount": "1.00", "text": "Tyres" }), "").await;
    change(boss, "assetUnitsReport", json!({ "id": car, "through": "2026-11-02", "units": "1" }), "").await;
    let worth =
        json!({ "id": asset, "on": "2026-12-01", "amount": "5.00", "against": example("Account"), "reason": "New" });
    change(boss, "assetRevalue", worth, "").await;
    change(
        boss,
        "assetSplit",
        json!({ "id": asset, "on": "2026-12-01", "cost": "5.00", "number": "New", "name": "New" }),
        "",
    )
    .await;
    change(boss, "assetDispose", json!({ "id": asset, "on": "2026-12-01", "reason": "New" }), "").await;
    let template = example("RecurringEntry");
    change(boss, "recurringEntryPost", json!({ "id": template, "date": "2026-02-01" }), "").await;
    change(boss, "recurringEntryStop", json!({ "id": template }), "").await;
    change(boss, "deferralStop", json!({ "id": example("Deferral"), "reason": "New" }), "").await;
    change(boss, "revaluationUndo", json!({ "id": example("Revaluation"), "reason": "New" }), "").await;
    change(boss, "fiscalYearCreate", json!({}), "").await;
    let years = boss.ask("{ fiscalYears { nodes { id startsOn } } }", json!({})).await;
    let year = crate::harness::id_of(&years["fiscalYears"]["nodes"], "startsOn", "2026-01-01");
    change(boss, "fiscalYearClose", json!({ "id": year }), "").await;
    change(boss, "fiscalYearReopen", json!({ "id": year, "reason": "New" }), "").await;
    change(boss, "invoiceUpdate", json!({ "id": example("Invoice"), "reference": "New" }), "").await;
    change(boss, "journalEntryReverse", json!({ "entry": example("JournalEntry") }), "").await;
    change(boss, "lockExceptionRevoke", json!({ "id": example("LockException") }), "").await;
    change(boss, "paymentAllocationUndo", json!({ "id": example("PaymentAllocation") }), "").await;
    change(boss, "paymentReverse", json!({ "id": example("Payment") }), "").await;
    change(boss, "periodLock", json!({ "kind": "SOFT", "through": "2026-01-31" }), "").await;
    change(boss, "periodUnlock", json!({}), "").await;
    change(boss, "serviceAccountRevoke", json!({ "id": example("ServiceAccount") }), "").await;
    change(
        boss,
        "taxRateAdd",
        json!({ "taxCode": example("TaxCode"), "percent": "20", "validFrom": "2026-09-01" }),
        "",
    )
    .await;
    change(
        boss,
        "customersImport",
        json!({ "file": { "name": "a.csv", "text": "number,name,country\n77,Seven,DE\n" } }),
        "",
    )
    .await;
    let endpoint = json!({ "id": example("WebhookEndpoint") });
    for field in ["webhookEndpointResume", "webhookEndpointUpdate", "webhookEndpointDelete"] {
        let mut input = endpoint.clone();
        if field == "webhookEndpointUpdate" {
            input["name"] = json!("New");
        }
        change(boss, field, input, "").await;
    }
    let provider = example("IdentityProvider");
    change(boss, "identityProviderUpdate", json!({ "id": provider, "name": "New" }), "").await;
    change(boss, "identityProviderUserUnlink", json!({ "id": provider, "user": example("User") }), "").await;
    change(boss, "identityProviderDelete", json!({ "id": provider }), "").await;
    let guest = json!({ "email": "third@portal.example", "name": "Third", "role": example("Role") });
    let invited = made(boss, "userInvite", guest, "invitation").await;
    change(boss, "invitationRevoke", json!({ "id": invited }), "").await;
    change(boss, "roleUpdate", json!({ "id": boss.role("Portal").await, "name": "Window" }), "").await;
    let (file, address) = announce(boss, "told.txt", b"told").await;
    crate::harness::http().put(app.url(&address)).body("told").send().await.unwrap();
    complete(boss, &file, b"told").await;
    change(boss, "fileDelete", json!({ "file": file }), "").await;
    let item = example("WorkItem");
    change(boss, "workItemUpdate", json!({ "id": item, "title": "New" }), "").await;
    change(boss, "workItemWantedUpdate", json!({ "id": item, "add": ["New"] }), "").await;
    change(boss, "workItemsAssign", json!({ "items": [item], "assignee": null }), "").await;
    change(boss, "workItemWait", json!({ "id": item, "waitingFor": "The post" }), "").await;
    change(boss, "workItemChecklistUpdate", json!({ "id": item, "done": [1] }), "").await;
    change(boss, "workItemDependencyRemove", json!({ "item": item, "needs": example("NeededItem") }), "").await;
    change(boss, "clientRequestComment", json!({ "request": example("ClientRequest"), "text": "Here" }), "").await;
    for visible in [true, false] {
        let said = json!({ "record": example("Customer"), "text": "New", "visibleToClient": visible });
        let said = made(boss, "commentCreate", said, "comment").await;
        change(boss, "commentUpdate", json!({ "id": said, "text": "Newer" }), "").await;
        change(boss, "commentDelete", json!({ "id": said }), "").await;
    }
    let engagement = example("Engagement");
    change(boss, "engagementUpdate", json!({ "id": engagement, "name": "New" }), "").await;
    for field in ["workItemStart", "workItemComplete", "workItemReopen", "workItemCancel"] {
        change(boss, field, json!({ "id": item }), "").await;
    }
    change(boss, "vendorBankChangeApply", json!({ "id": example("VendorBankChange") }), "").await;
    change(boss, "openItemDisputeEnd", json!({ "openItem": example("DisputedItem") }), "").await;
    change(boss, "dunningNoticeDrop", json!({ "id": example("DunningNotice"), "reason": "Called" }), "").await;
    change(boss, "vendorHoldRelease", json!({ "id": example("VendorHold") }), "").await;
    let run = example("PaymentRun");
    let other = app.sign_in("second-02@firm.example").await.enter(&firm.client).await;
    change(&other, "paymentRunApprove", json!({ "id": run }), "").await;
    let close = example("PeriodClose");
    let ties = "query($id: ID!) { periodClose(id: $id) { tieOuts { kind blocks account { id } } } }";
    let ties = boss.ask(ties, json!({ "id": close })).await["periodClose"]["tieOuts"].clone();
    for one in ties.as_array().unwrap().iter().filter(|one| one["blocks"] == true) {
        let why = json!({ "id": close, "kind": one["kind"], "account": one["account"]["id"], "text": "New" });
        change(boss, "periodCloseNote", why, "").await;
    }
    change(&other, "periodCloseSign", json!({ "id": close }), "").await;
    change(boss, "periodCloseReopen", json!({ "id": close, "reason": "New" }), "").await;
    change(boss, "paymentRunSend", json!({ "id": run }), "").await;
    let rejected = json!({ "id": example("SentRun"), "items": [example("SentPayment")], "reason": "Account closed" });
    change(boss, "paymentRunReject", rejected, "").await;
    let sent = "query($run: ID!) { paymentRunItems(run: $run, state: SENT) { nodes { lineNumber } } }";
    let sent = boss.ask(sent, json!({ "run": run })).await["paymentRunItems"]["nodes"][0]["lineNumber"].as_u64();
    let answer = crate::vendors_are_paid::answer("PAY-00002", u32::try_from(sent.unwrap()).unwrap());
    change(boss, "paymentStatusImport", json!({ "file": { "name": "answer.xml", "text": answer } }), "").await;
    let pay_on = chrono::Utc::now().date_naive() + chrono::TimeDelta::days(20);
    let again = json!({ "bankAccount": example("BankAccount"), "payOn": pay_on });
    let again = made(boss, "paymentRunPropose", again, "paymentRun").await;
    let found = "query($run: ID!) { paymentRunItems(run: $run, state: PLANNED) { nodes { id } } }";
    let found = boss.ask(found, json!({ "run": again })).await["paymentRunItems"]["nodes"][0]["id"].clone();
    change(boss, "paymentRunDrop", json!({ "id": again, "items": [found], "reason": "Disputed" }), "").await;
    change(boss, "paymentRunCancel", json!({ "id": again }), "").await;
    change(boss, "journalProposalPost", json!({ "id": example("JournalProposal") }), "").await;
    change(boss, "approvalRequestWithdraw", json!({ "id": example("ApprovalRequest") }), "").await;
    change(boss, "approvalDelegationEnd", json!({ "id": example("ApprovalDelegation") }), "").await;
    let bands = json!([{ "steps": [{ "roles": [example("Role")] }] }]);
    change(boss, "approvalPolicyUpdate", json!({ "id": example("ApprovalPolicy"), "bands": bands }), "").await;
    change(boss, "approvalPolicyEnd", json!({ "id": example("ApprovalPolicy") }), "").await;
    let time = example("AppointmentOccurrence");
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(60)).format("%Y-%m-%dT10:00:00Z").to_string();
    change(boss, "appointmentMove", json!({ "id": time, "startsAt": later, "outsideAvailability": true }), "").await;
    change(boss, "appointmentUpdate", json!({ "id": example("Appointment"), "title": "New" }), "").await;
    let answer = json!({ "id": example("Appointment"), "email": "ALPHA@guests.example", "answer": "TENTATIVE" });
    change(boss, "appointmentAnswer", answer, "").await;
    for field in ["appointmentFeedRotate", "appointmentFeedRevoke"] {
        change(boss, field, json!({ "id": example("AppointmentFeed") }), "").await;
    }
    change(boss, "appointmentCancel", json!({ "id": time }), "").await;
    change(boss, "appointmentCalendarUpdate", json!({ "id": example("AppointmentCalendar"), "name": "New" }), "").await;
    change(boss, "appointmentCalendarDelete", json!({ "id": example("SpareAppointmentCalendar") }), "").await;
    let rule = json!({ "rule": example("Rule"), "events": ["CUSTOMER_UPDATED"], "condition": "record.active",
                       "actions": [{ "openWorkItem": { "title": "New" } }] });
    change(boss, "ruleVersionPublish", rule, "").await;
    change(boss, "inboundMailAddressRevoke", json!({ "id": example("InboundMailAddress") }), "").await;
    change(boss, "clientContactUpdate", json!({ "id": example("ClientContact"), "name": "New" }), "").await;
    let left = made(boss, "clientContactCreate", json!({ "name": "Gone", "phone": "110" }), "clientContact").await;
    change(boss, "clientContactDelete", json!({ "id": left }), "").await;
    let request = example("SignatureRequest");
    let signed = json!({ "id": example("SignatureTask"), "consent": true, "documentSha256": sha256(b"ALPHA second"),
                         "name": "Konrad Konto", "words": "Read and agreed to" });
    change(boss, "signatureTaskSign", signed, "").await;
    change(boss, "signatureRequestLinkRevoke", json!({ "id": request, "signer": 2 }), "").await;
    change(boss, "signatureRequestWithdraw", json!({ "id": request, "reason": "Enough" }), "").await;
    let letter = example("CorrespondenceEntry");
    change(boss, "correspondenceEntryUpdate", json!({ "id": letter, "subject": "New" }), "").await;
    change(boss, "correspondenceEntryVoid", json!({ "id": letter, "reason": "Twice" }), "").await;
    change(boss, "letterTemplateUpdate", json!({ "id": example("LetterTemplate"), "name": "New" }), "").await;
    change(boss, "documentTypeUpdate", json!({ "id": example("DocumentType"), "name": "New" }), "").await;
    change(boss, "documentFolderUpdate", json!({ "id": example("DocumentFolder"), "name": "New" }), "").await;
    change(boss, "documentUpdate", json!({ "id": example("Document"), "title": "New" }), "").await;
    change(boss, "documentVersionDelete", json!({ "id": example("DocumentVersion") }), "").await;
    change(boss, "documentRestore", json!({ "id": example("TrashedDocument") }), "").await;
    change(boss, "documentShareRevoke", json!({ "id": example("DocumentShare") }), "").await;
    change(boss, "legalHoldRelease", json!({ "id": example("LegalHold") }), "").await;
    change(boss, "retentionScheduleEnd", json!({ "id": example("RetentionSchedule") }), "").await;
    change(boss, "disposalRefuse", json!({ "id": example("Disposal") }), "").await;
    let waste = json!({ "document": example("SpareTrash"), "reason": "No use" });
    let waste = made(boss, "disposalPropose", waste, "disposal").await;
    let second = app.sign_in("second-02@firm.example").await.enter(&firm.client).await;
    change(&second, "disposalConfirm", json!({ "id": waste }), "").await;
    let record = json!({ "id": example("RegisterRecord"), "values": [{ "field": "name", "value": "New" }] });
    change(boss, "registerRecordUpdate", record, "").await;
    change(boss, "registerRecordVoid", json!({ "id": example("RegisterRecord"), "reason": "Twice" }), "").await;
    let third = app.sign_in("third-02@firm.example").await.enter(&firm.client).await;
    let decided = json!({ "id": example("DifferentRecord"), "take": [{ "field": "iban", "take": "SECOND" }] });
    change(&third, "registerRecordDecide", decided, "").await;
    // What is claimed is decided by another one than who submits it.
    let later =
        json!({ "expenseType": example("ExpenseType"), "rate": { "validFrom": "2026-06-01", "unitAmount": "30" } });
    change(boss, "expenseRateAdd", later, "").await;
    let later = json!({ "withholdingCode": example("WithholdingCode"), "percent": "12", "threshold": "0", "validFrom": "2026-06-01" });
    change(boss, "withholdingRateAdd", later, "").await;
    let claim = json!({ "id": example("ExpenseClaim") });
    change(boss, "expenseClaimUpdate", json!({ "id": example("ExpenseClaim"), "purpose": "New" }), "").await;
    change(boss, "expenseClaimSubmit", claim.clone(), "").await;
    change(&third, "expenseClaimAccept", claim.clone(), "").await;
    change(&third, "expenseClaimPost", claim, "").await;
    let mara = administrator.staff("mara@firm.example", "Mara").await;
    let given = boss.grant(&mara, "Bookkeeper", "2026-01-01", None).await;
    change(boss, "grantEnd", json!({ "id": given }), "").await;

    let events = told(boss).await;
    let expected: BTreeSet<String> = schema.words("EventKind").into_iter().collect();
    assert_eq!(kinds(&events), expected, "of all kinds that there are");
    for &(field, kind) in TELLS {
        assert!(expected.contains(kind), "{field} tells {kind}, which is none");
    }
    let purged = example("SpareTrash");
    let mut mails = 0;
    for event in &events {
        // Of a document that was purged its certificate tells.
        // What was deleted without a trace of its own is told all the same.
        if event["nodeId"] == purged.as_str() || event["nodeId"] == left.as_str() {
            assert!(event["node"].is_null(), "{event}");
            continue;
        }
        assert_eq!(event["node"]["id"], event["nodeId"], "{event}");
        // A clock goes over by itself; a mail comes from outside, and what comes of it bears one id.
        let by_somebody = event["kind"] != "CLOCK_BREACHED";
        let by_mail = event["kind"] == "CORRESPONDENCE_REGISTERED" && event["actor"].is_null();
        mails += usize::from(by_mail);
        let actor = by_somebody && !by_mail;
        assert_eq!((event["actor"].is_string(), event["requestId"].is_string()), (actor, by_somebody), "{event}");
        // Of every record that shows its version, which of them it was.
        let shows = schema.has_field(event["node"]["__typename"].as_str().unwrap(), "version");
        assert!(event["version"].is_i64() || !shows, "{event}");
    }
    assert_eq!(mails, 1);
    // An issued invoice is told together with its entry, by the same request.
    let issued = events.iter().position(|event| event["kind"] == "INVOICE_ISSUED").unwrap();
    assert_eq!(events[issued - 1]["kind"], "JOURNAL_ENTRY_POSTED");
    assert_eq!(events[issued - 1]["requestId"], events[issued]["requestId"]);
    assert_eq!(events[issued]["node"]["__typename"], "Invoice");

    // The same backwards, by kind, and by its own id.
    let newest = boss.ask("{ events(first: 1, orderBy: NEWEST) { nodes { id } totalCount } }", json!({})).await;
    assert_eq!(newest["events"]["nodes"][0]["id"], events.last().unwrap()["id"]);
    assert_eq!(newest["events"]["totalCount"], events.len());
    let some = boss.ask("{ events(kinds: [INVOICE_ISSUED, BILL_POSTED]) { nodes { kind } } }", json!({})).await;
    let mut told: Vec<&str> =
        some["events"]["nodes"].as_array().unwrap().iter().filter_map(|node| node["kind"].as_str()).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told, ["BILL_POSTED", "INVOICE_ISSUED"]);
    let one = boss
        .ask("query($id: ID!) { node(id: $id) { id ... on Event { kind } } }", json!({ "id": events[issued]["id"] }))
        .await;
    assert_eq!(one["node"]["kind"], "INVOICE_ISSUED");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_event_tells_the_version_that_it_left() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let made = client.ask(CUSTOMER, json!({ "number": "1" })).await;
    let id = made["customerCreate"]["customer"]["id"].clone();
    // Twice in one operation: both are told when it is kept, and nobody ever saw the version in between.
    let twice = "mutation($id: ID!) { a: customerUpdate(input: { id: $id, name: \"A\" }) { userErrors { message } }
                                     b: customerUpdate(input: { id: $id, name: \"B\" }) { customer { version } } }";
    let done = client.ask(twice, json!({ "id": id })).await;
    assert_eq!(done["b"]["customer"]["version"], 3);
    let versions: Vec<Value> = told(&client).await.iter().map(|event| event["version"].clone()).collect();
    assert_eq!(versions[versions.len() - 3..], [json!(1), json!(3), json!(3)]);
}

#[tokio::test]
async fn gaps_and_disorder_among_events_are_found() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let client = office.client(person, firm);
    for number in 1..=5 {
        client.ask(CUSTOMER, json!({ "number": number.to_string() })).await;
    }
    let database = &office.app.database;
    let found = || -> Vec<String> {
        let all = database.findings().into_iter();
        all.filter_map(|line| Some(line.split_once("events stand at their positions: ")?.1.to_owned())).collect()
    };
    assert_eq!(found(), Vec::<String>::new());
    let newest: i64 = office.count("SELECT position FROM core.event_head");
    let by_hand = |statement: &str| database.lay(&format!("SET session_replication_role = replica; {statement}"));
    by_hand(&format!(
        "UPDATE core.event SET occurred_at = occurred_at - interval '1 hour' WHERE position = {}",
        newest - 1
    ));
    assert_eq!(
        found(),
        [format!("event {} is told behind event {} and happened long before it", newest - 1, newest - 2)]
    );
    by_hand(&format!("DELETE FROM core.event WHERE position = {}", newest - 1));
    assert_eq!(found(), [format!("behind event {} comes event {newest}", newest - 2)]);
    by_hand(&format!("DELETE FROM core.event WHERE position = {newest}"));
    assert_eq!(found(), [format!("the newest event is {}, the next one would come behind {newest}", newest - 2)]);
}

const CUSTOMER: &str = "mutation($number: String!) { customerCreate(input: { number: $number, name: \"C\", country: \"DE\" }) { customer { id } userErrors { message } } }";

#[tokio::test]
async fn what_was_not_kept_is_not_told() {
    let app = App::start();
    let books = app.with_books().await;
    let client = &books.accountant;
    let before = told(client).await.len();
    client.dry().ask(CUSTOMER, json!({ "number": "1" })).await;
    client.refused(CUSTOMER, json!({ "number": "" })).await;
    // One field is refused, so the other is taken back.
    let both = "mutation { good: customerCreate(input: { number: \"1\", name: \"C\", country: \"DE\" }) { customer { id } }
                           bad: customerCreate(input: { number: \"\", name: \"C\", country: \"DE\" }) { customer { id } } }";
    client.send(both, json!({})).await;
    assert_eq!(told(client).await.len(), before);
    let keyed = client.with_header("idempotency-key", "once");
    for _ in 0..3 {
        keyed.ask(CUSTOMER, json!({ "number": "1" })).await;
    }
    let events = told(client).await;
    assert_eq!(events.len(), before + 1);
    assert_eq!(events.last().unwrap()["kind"], "CUSTOMER_CREATED");
    let moments: Vec<&str> = events.iter().map(|event| event["occurredAt"].as_str().unwrap()).collect();
    assert!(moments.is_sorted());
}

#[tokio::test]
async fn a_change_whose_event_cannot_be_written_is_not_kept() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let client = office.client(person, firm);
    client.ask(CUSTOMER, json!({ "number": "1" })).await;
    office
        .app
        .database
        .lay("ALTER TABLE core.event ADD CONSTRAINT full_up CHECK (kind <> 'customer.created') NOT VALID");
    let reply = client.send(CUSTOMER, json!({ "number": "2" })).await;
    assert_ne!(reply.code(), "OK", "{}", reply.text);
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 1, "kept, and told to nobody");
    assert_eq!(office.count("SELECT count(*) FROM core.event WHERE kind = 'customer.created'"), 1);
    office.app.database.lay("ALTER TABLE core.event DROP CONSTRAINT full_up");
    client.ask(CUSTOMER, json!({ "number": "2" })).await;
    assert_eq!(office.count("SELECT count(*) FROM core.event WHERE kind = 'customer.created'"), 2);
}

#[tokio::test]
async fn an_event_is_shown_to_those_who_may_read_its_record() {
    let app = App::start();
    let books = app.with_books().await;
    let inside = books.administrator.enter(&books.client).await;
    books.accountant.ask(CUSTOMER, json!({ "number": "1" })).await;
    inside
        .ask("mutation { roleCreate(input: { name: \"Customers\", permissions: [EVENT_READ, CUSTOMER_READ] }) { role { id } userErrors { message } } }", json!({}))
        .await;
    let user = books.administrator.staff("vera@firm.example", "Vera").await;
    inside.grant(&user, "Customers", "2026-01-01", None).await;
    let vera = app.sign_in("vera@firm.example").await.enter(&books.client).await;
    assert_eq!(kinds(&told(&vera).await), BTreeSet::from(["CUSTOMER_CREATED".to_owned()]));
    let asked = vera.send("{ events(kinds: [CUSTOMER_CREATED, GRANT_GIVEN]) { nodes { id } } }", json!({})).await;
    assert_eq!((asked.code(), asked.status.as_u16()), ("FORBIDDEN", 200), "{}", asked.text);
    assert!(asked.text.contains("identity.grant.read"), "{}", asked.text);
    // Not by its own id either.
    assert_eq!(
        inside.send("{ events { nodes { id } } }", json!({})).await.code(),
        "FORBIDDEN",
        "the provider's administrator holds no right to events"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_goes_on_from_his_cursor_misses_nothing() {
    let office = Office::with(Setup { workers: 2, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let client = office.client(person, firm);
    let writing = Arc::new(AtomicBool::new(true));
    let reader = {
        let (client, writing) = (client.clone(), Arc::clone(&writing));
        tokio::spawn(async move {
            let (mut seen, mut after, mut reads) = (Vec::new(), Value::Null, 0);
            loop {
                let over = !writing.load(Ordering::Acquire);
                let query = "query($after: String) { events(first: 7, after: $after) { nodes { id cursor nodeId } } }";
                let page = client.ask(query, json!({ "after": after })).await["events"]["nodes"].clone();
                let page = page.as_array().unwrap();
                reads += 1;
                if let Some(last) = page.last() {
                    after = last["cursor"].clone();
                    seen.extend(page.iter().cloned());
                } else if over {
                    return (seen, reads);
                }
            }
        })
    };
    let writers: Vec<_> = (0..12)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut made = Vec::new();
                for number in 0..15 {
                    // Every third one is taken back by the field beside it, and every fifth makes two at once.
                    let second = match number {
                        _ if number % 3 == 2 => ("bad", ""),
                        _ if number % 5 == 4 => ("more", "x"),
                        _ => ("none", "skipped"),
                    };
                    let beside = if second.0 == "none" {
                        String::new()
                    } else {
                        let own = if second.1.is_empty() { String::new() } else { format!("{writer}-{number}x") };
                        format!("{}: customerCreate(input: {{ number: \"{own}\", name: \"C\", country: \"DE\" }}) {{ customer {{ id }} }}", second.0)
                    };
                    let query = format!("mutation {{ a: customerCreate(input: {{ number: \"{writer}-{number}\", name: \"C\", country: \"DE\" }}) {{ customer {{ id }} }} {beside} }}");
                    let reply = client.send(&query, json!({})).await;
                    for field in ["a", "more"] {
                        if let Some(id) = reply.body["data"][field]["customer"]["id"].as_str() {
                            made.push(id.to_owned());
                        }
                    }
                }
                made
            })
        })
        .collect();
    let mut made = BTreeSet::new();
    for writer in writers {
        made.extend(writer.await.unwrap());
    }
    writing.store(false, Ordering::Release);
    let (seen, reads) = reader.await.unwrap();
    assert!(reads > 10, "the reader has to read while others write");
    let read: Vec<String> = seen.iter().map(|event| event["nodeId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(read.len(), made.len(), "each once");
    assert_eq!(read.iter().cloned().collect::<BTreeSet<_>>(), made);
    let whole: Vec<String> =
        told(&client).await.iter().map(|event| event["nodeId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(read, whole, "in the order in which it stays");
    // No position is left out, and the last one is the newest.
    assert_eq!(office.count("SELECT count(*) FROM core.event"), made.len() as i64);
    assert_eq!(office.count("SELECT max(position) FROM core.event"), made.len() as i64);
    assert_eq!(office.count("SELECT position FROM core.event_head"), made.len() as i64);
    // The order is that of the commits, as the audit chain has it.
    let out_of_order = office.count(
        "SELECT count(*) FROM (SELECT l.seq, lag(l.seq) OVER (ORDER BY e.position) AS before
           FROM core.event e JOIN audit.entry a ON a.tenant_id = e.tenant_id AND a.record_id = e.node_id
           JOIN audit.link l ON l.tenant_id = a.tenant_id AND l.change_id = a.change_id) o WHERE o.seq < o.before",
    );
    assert_eq!(out_of_order, 0);
}
