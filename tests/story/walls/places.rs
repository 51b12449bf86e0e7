//! Which kind of record each place for an id takes, and what else a call needs so that the id matters.

use serde_json::{Value, json};

use super::furnished::{mapping, statement};
use super::schema::Schema;

/// The kind of record that an id at that place names; `*` for any kind. None if the place is not known.
pub fn kind_at(schema: &Schema, field: &str, path: &[String]) -> Option<String> {
    let names: Vec<&str> = path.iter().map(String::as_str).filter(|name| !["eq", "in"].contains(name)).collect();
    let last = *names.last()?;
    let kind = match (field, last) {
        ("node", "id") | ("nodes", "ids") | ("auditTrail", "node") => "*",
        ("comments" | "recordWatch" | "recordWatchers" | "recordUnwatch" | "recordMute", "record") => "*",
        // the one beside which there is a comment, of which there is a notice
        ("commentCreate" | "notices" | "noticesRead", "record") => "WorkItem",
        (_, "inReplyTo") => "Comment",
        ("dunningNoticesSend", "notices") => "DunningNotice",
        (_, "notices") => "Notice",
        ("dunningRunPropose", "customers") => "Customer",
        (_, "dunningRun") => "DunningRun",
        ("openItemDispute", "openItem") => "DisputableItem",
        ("openItemDisputeEnd", "openItem") => "DisputedItem",
        ("lockExceptionGrant", "account") => "User",
        ("clientRequestFileComplete", "file") => "RequestFile",
        ("bankAccountCreate", "account") => "SpareBank",
        ("bankLineUnmatch", "bankLine") => "MatchedLine",
        ("clientTokenCreate", "client") => "Client",
        ("webhookSecretRotate" | "webhookTest", "id") | ("webhookDeliveries", "endpoint") => "WebhookEndpoint",
        ("businessCalendarDelete", "id") => "SpareCalendar",
        ("clockResume", "id") => "PausedClock",
        ("clocks" | "clockStart", "node") => "Customer",
        ("appointmentFeedCreate" | "appointmentsImport", "calendar") => "AppointmentCalendar",
        ("onboardingTemplateCreate" | "onboardingTemplateUpdate", "calendar") => "ProviderCalendar",
        (_, "calendar" | "availability") => "BusinessCalendar",
        ("appointmentCalendarDelete", "id") => "SpareAppointmentCalendar",
        ("appointmentCalendarUpdate", "id") => "PersonalAppointmentCalendar",
        ("appointmentMove" | "appointmentCancel", "id") => "AppointmentOccurrence",
        (_, "calendars") => "AppointmentCalendar",
        ("appointmentBook" | "appointmentUpdate", "record") => "Customer",
        (_, "person") => "Boss",
        ("disposalPropose", "document") => "SpareTrash",
        ("legalHoldCreate" | "legalHoldExtend", "records") => "Vendor",
        ("retentionScheduleCreate", "documentTypes") => "DocumentType",
        ("documentShareCreate", "version") => "DocumentVersion",
        ("documentRestore", "id") => "TrashedDocument",
        ("documentFolderDelete", "id") | ("documentFolderUpdate", "parent") => "SpareFolder",
        // one in which another lies
        ("documentFolders", "parent") => "Cabinet",
        ("documentFolderCreate", "parent") | (_, "folder") => "DocumentFolder",
        ("documentCreate" | "documentVersionAdd" | "eInvoiceImport", "file") => "SpareFile",
        // not the one beside which it lies already
        ("documentLinkAdd", "record") => "Vendor",
        ("documents" | "documentLinkRemove", "record") | ("documentCreate", "records") => "Customer",
        (_, "register") => "Register",
        ("signatureRequestCreate" | "signatureRequestUpdate", "version") => "DocumentVersion",
        ("signatureRequestUpdate", "id") => "DraftSignatureRequest",
        ("signatureEvents", "signatureRequest") => "SignatureRequest",
        ("clients", "group") => "ClientGroup",
        (_, "follows") => "ProviderCalendar",
        (_, "clientGroup") => "ClientGroup",
        (_, "onboardingTemplate") => "OnboardingTemplate",
        ("clientGroupCreate", "clients") | ("clientGroupUpdate", "addClients" | "removeClients") => "Client",
        (_, "document") => "Document",
        (_, "documentType") => "DocumentType",
        ("approvalRequestCreate", "record") => "Bill",
        ("approvalRequests", "record") => "ClaimedBill",
        (_, "delegate") => "Second",
        (_, "other") => "Boss",
        (_, "escalateTo") => "Role",
        ("approvalPolicyCreate" | "approvalPolicyUpdate", "roles") => "Role",
        (_, "view") => "WorkView",
        (
            "workItemCreate" | "workItemUpdate" | "workItems" | "workItemCounts" | "workViewCreate" | "workViewUpdate",
            "record",
        ) => "Customer",
        (_, "assignee") => "User",
        (_, "client") => "Client",
        ("workItemDependencyRemove", "needs") => "NeededItem",
        // not one and the same in both places
        ("workItemDependencyAdd", "item") => "NeededItem",
        ("paymentRunDrop", "items") => "PaymentRunItem",
        ("paymentRunReject", "id") => "SentRun",
        ("paymentRunReject", "items") => "SentPayment",
        ("bankLineMatch", "paymentRun") => "SentRun",
        ("vendorHolds" | "vendorWithholding", "vendor") => "HeldVendor",
        ("paymentRunItems", "run") | (_, "paymentRun") => "PaymentRun",
        (_, "items" | "item" | "needs") => "WorkItem",
        (_, "mentions" | "people") => "Boss",
        (_, "rule") => "Rule",
        (_, "endpoint") => "WebhookEndpoint",
        (_, "engagement") => "Engagement",
        (_, "request") => "ClientRequest",
        (_, "team") => "Team",
        ("periodCloseNote", "account") => "BankLedger",
        ("commitmentRecord", "account") => "ExpenseAccount",
        (_, "account" | "exchangeAccount") => "Account",
        ("assetUnitsReport", "id") => "SpareAsset",
        ("assetRevalue" | "assetRepair" | "assetSplit" | "assetDispose", "id") => "Asset",
        ("assetCreate", "class") => "AssetClass",
        (_, "budget") => "Budget",
        (_, "dimensionValue") => "DimensionValue",
        (
            _,
            "costAccount" | "accumulatedAccount" | "expenseAccount" | "gainAccount" | "lossAccount" | "against"
            | "capitalisedFrom" | "proceedsAccount",
        )
        | ("assetCreate", "from") => "Account",
        (_, "payment") => "Payment",
        (_, "parent") => "Group",
        (_, "customer") => "Customer",
        ("creditNotes" | "invoicePaymentData", "invoice") => "CreditedInvoice",
        (_, "invoice") => "Invoice",
        ("vendorCredits" | "vendorCreditPost", "bill") => "CreditedBill",
        (_, "withholdingCode") => "WithholdingCode",
        (_, "expenseType") => "ExpenseType",
        (_, "claimant") => "Vendor",
        ("expenseClaimCreate" | "expenseClaimUpdate", "file") => "SpareFile",
        (_, "creditNote") => "CreditNote",
        ("deferralCreate", "creditAccount") => "SpareAccount",
        (_, "debitAccount" | "creditAccount") => "Account",
        ("accountDimensionsRequire", "dimensions") | (_, "dimension") => "Dimension",
        // not into itself
        ("dimensionDistributionSet", "value") if !names.contains(&"parts") => "SpareDimensionValue",
        (_, "dimensions") | ("dimensionDistributionSet", "value") => "DimensionValue",
        (_, "identityProvider") => "IdentityProvider",
        (_, "vendor") => "Vendor",
        ("billCreate" | "billUpdate", "taxCode") => "InputTaxCode",
        (_, "taxCode" | "secondTaxCode") => "TaxCode",
        (_, "sample") => "AuditSample",
        (_, "role") => "Role",
        (_, "roles") => "ProviderRole",
        (_, "user") => "User",
        (_, "bankAccount") => "BankAccount",
        (_, "statement") => "BankStatement",
        (_, "bankLine") => "BankLine",
        (_, "openItem") => "OpenItem",
        (_, "entry") => "JournalEntry",
        (_, "file" | "files" | "addFiles" | "logo") => "File",
        (_, "replyTo") => "CorrespondenceEntry",
        (_, "template") => "LetterTemplate",
        ("correspondenceEntryCreate" | "correspondenceEntryUpdate" | "letterMerge", "record") => "Customer",
        // `invoice(id)` and `invoiceIssue(input.id)` name what they begin with
        (_, "id") => {
            let begins = |kind: &String| field.to_lowercase().starts_with(&kind.to_lowercase());
            return schema.records().into_iter().filter(begins).max_by_key(String::len);
        }
        _ => return None,
    };
    Some(kind.to_owned())
}

/// Optional input without which the call is refused before it looks at any id.
pub fn needed(field: &str, path: &[String]) -> bool {
    let path = path.join(".");
    match field {
        "bankAccountCreate" => path == "input.number",
        // of days, so many
        "expenseClaimCreate" | "expenseClaimUpdate" => path == "input.lines.quantity",
        // a second tax comes with a first one
        "invoiceCreate" | "invoiceUpdate" | "billCreate" | "billUpdate" => path == "input.lines.taxCode",
        // of somebody, on some day, so much, to some account
        "paymentRecord" => ["input.customer", "input.paidOn", "input.amount", "input.account"].contains(&path.as_str()),
        // somebody signs
        "signatureRequestCreate" | "signatureRequestUpdate" => path == "input.steps.signers.user",
        "appointmentBook" | "appointmentMove" => path == "input.outsideAvailability",
        "importCreate" => path == "input.format",
        "approvalPolicyCreate" | "approvalPolicyUpdate" => {
            ["input.bands.steps.roles", "input.bands.steps.escalateAfterHours", "input.bands.steps.escalateTo"]
                .contains(&path.as_str())
        }
        "workItemCreate" | "workItemUpdate" => path == "input.due.workingDays",
        // somebody has to do it
        "workItemAssign" | "workItemsAssign" => path == "input.team",
        // with somebody
        "correspondenceEntryCreate" => path == "input.correspondent",
        // a client that was just furnished has more of them than other records
        "events" => path == "first",
        "bankStatementImport" => ["input.bankAccount", "input.openingBalance", "input.closingBalance", "input.mapping"]
            .contains(&path.as_str()),
        _ => false,
    }
}

/// A value that is better than the first one that its type allows.
pub fn value_at(field: &str, path: &[String]) -> Option<Value> {
    let value = match (field, path.join(".").as_str()) {
        ("bankStatementImport" | "importCreate", "input.format") => json!("CSV"),
        ("importCreate", "input.kind") => json!("BANK_STATEMENT"),
        ("assetCreate", "input.acquiredOn") => json!("2026-11-01"),
        ("assetCreate", "input.plans.method") => json!("STRAIGHT_LINE"),
        ("assetRevalue" | "assetRepair" | "assetSplit" | "assetDispose", "input.on") => json!("2026-12-01"),
        ("assetUnitsReport", "input.through") => json!("2026-11-01"),
        ("periodCloseOpen", "input.month") => json!("2026-03-01"),
        ("assetRepair" | "periodCloseNote", "input.text") => json!("Because it is needed"),
        ("bankStatementImport", "input.mapping") => mapping(),
        ("bankStatementImport", "input.openingBalance") => json!("114.00"),
        ("bankStatementImport", "input.closingBalance") => json!("228.00"),
        ("bankStatementImport", "input.file") => statement("BETA again", "03")["file"].clone(),
        ("vendorBankChangeCreate", "input.iban") => json!("FR1420041010050500013M02606"),
        // days ahead
        ("paymentRunPropose", "input.payOn") | ("cashForecast", "through") => {
            json!((chrono::Utc::now() + chrono::TimeDelta::days(20)).date_naive())
        }
        ("fileUploadComplete", "input.sha256") => json!("cd".repeat(32)),
        (_, "input.file") => json!({ "name": "file.csv", "text": "a,b\n" }),
        ("dimensionCreate" | "dimensionValueCreate", "input.code") => json!("another"),
        ("exchangeRatesAdd", "input.rates.currency") => json!("USD"),
        ("dimensionDistributionSet", "input.parts.percent") => json!("100"),
        ("accountCreate", "input.kind") => json!("ASSET"),
        ("ruleCreate" | "ruleVersionPublish", "input.events") => json!(["WORK_ITEM_CREATED"]),
        ("ruleCreate" | "ruleVersionPublish", "input.condition") => json!("true"),
        ("identityProviderCreate", "input.issuer") => json!(crate::harness::issuer::standing().url),
        ("holidays" | "termEnd", "region") => json!("DE-BY"),
        ("holidays", "year") => json!(2026),
        ("businessTimeBetween" | "businessTimeAdd", "from") => json!("2026-01-12T08:00:00Z"),
        ("clockPause", "input.reason") => json!("OTHER"),
        ("appointmentBook" | "appointmentMove", "input.outsideAvailability") => json!(true),
        ("appointmentBook" | "appointmentMove", "input.startsAt") => {
            json!((chrono::Utc::now() + chrono::TimeDelta::days(50)).format("%Y-%m-%dT10:00:00Z").to_string())
        }
        (_, "input.minutes") => json!(30),
        ("appointmentSlots", "minutes") => json!(30),
        // the furnished hours are those of Mondays: in two weeks there are some
        ("appointmentSlots", "from") => json!((chrono::Utc::now() + chrono::TimeDelta::days(30)).to_rfc3339()),
        ("appointmentSlots", "until") => json!((chrono::Utc::now() + chrono::TimeDelta::days(44)).to_rfc3339()),
        ("appointmentCalendarCreate", "input.kind") => json!("PERSON"),
        ("appointmentInvite", "input.attendees.email") => json!("somebody@new.example"),
        ("appointmentAnswer", "input.email") => json!("beta@guests.example"),
        ("appointmentAnswer", "input.answer") => json!("ACCEPTED"),
        ("appointmentsImport", "input.text") => json!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"),
        ("recurringWorkCreate", "input.startsOn") => json!(chrono::Utc::now().date_naive()),
        // not the periods of the work that is there
        ("recurringWorkCreate", "input.rule") => json!("FREQ=YEARLY"),
        ("recurringWorkCreate", "input.period") => json!("YEAR"),
        ("recurringWorkCreate", "input.service") => json!("beta_service"),
        ("recurringWorkCreate" | "recurringWorkUpdate", "input.template") => json!("beta_template"),
        (_, "input.hours.from") => json!("09:00"),
        (_, "input.hours.until") => json!("17:00"),
        ("approvalDelegationCreate", "input.until") => {
            json!((chrono::Utc::now() + chrono::TimeDelta::days(20)).date_naive())
        }
        ("calendarExceptionCreate", "input.day") => json!("2026-11-11"),
        (_, "input.cron") => json!("0 4 * * *"),
        (_, "input.expiresAt") => json!((chrono::Utc::now() + chrono::TimeDelta::days(9)).to_rfc3339()),
        (_, "input.reason") => json!("Because it is needed"),
        (_, "input.email") => json!("somebody@new.example"),
        ("documentSearch", "text") => json!("lease"),
        ("events", "first") => json!(100),
        ("letterMerge", "input.channel") => json!("MAIL"),
        (_, "input.language" | "input.texts.language") => json!("en"),
        ("letterTemplateCreate", "input.code") => json!("another"),
        ("generalLedger", "to") => json!("2026-12-31"),
        _ => return None,
    };
    Some(value)
}
