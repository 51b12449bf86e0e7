//! The rights: one a department, concept and action. A role is a set of them; a resolver names one to get a transaction.

use async_graphql::Enum;

macro_rules! rights {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A right that a role can hold: department, concept and action.
        #[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[graphql(name = "Permission")]
        pub enum Can { $($(#[doc = $doc])+ $name,)+ }

        impl Can {
            /// Every right there is.
            pub const ALL: &'static [Can] = &[$(Can::$name),+];

            /// The right's name in roles, scopes and refusals, e.g. `finance.invoice.issue`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Can::$name => $text,)+ }
            }

            /// The right of that name; none if no such right is known.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Can::$name),)+ _ => None }
            }
        }
    };
}

rights! {
    /// See the portfolio: all clients one is granted, with their figures. Held for the provider, not in a client.
    PortfolioRead = "practice.portfolio.read",
    /// Take on a new client. Held for the provider.
    ClientOnboard = "practice.client.onboard",
    /// Invite and disable staff. Held for the provider.
    StaffManage = "identity.staff.manage",
    /// See mails that were given up, and have them sent again. Held for the provider.
    MailManage = "identity.mail.manage",
    /// Make the provider's teams and say who belongs to them. Held for the provider.
    TeamManage = "practice.team.manage",
    /// Say which services the provider offers. Held for the provider.
    ServiceManage = "practice.service.manage",
    /// See which services the client has, from when to when.
    EngagementRead = "practice.engagement.read",
    /// Say which services the client has, from when to when.
    EngagementManage = "practice.engagement.manage",
    /// See the client's master data.
    ClientRead = "practice.client.read",
    /// Change the client's master data.
    ClientManage = "practice.client.manage",
    /// See, publish and retire the documents of the client's portals.
    DocumentManage = "practice.document.manage",
    /// See who holds which role in the client, from when to when.
    GrantRead = "identity.grant.read",
    /// Give, deny and end roles in the client.
    GrantManage = "identity.grant.manage",
    /// See the client's roles.
    RoleRead = "identity.role.read",
    /// Create and change the client's own roles.
    RoleManage = "identity.role.manage",
    /// Invite a person to the client.
    UserInvite = "identity.user.invite",
    /// See the client's service accounts.
    ServiceAccountRead = "identity.service_account.read",
    /// Create and revoke the client's service accounts.
    ServiceAccountManage = "identity.service_account.manage",
    /// See the client's identity providers, and which of their groups stand for which roles.
    IdentityProviderRead = "identity.identity_provider.read",
    /// Set up the identity providers by which the client's people sign in, change and delete them.
    IdentityProviderManage = "identity.identity_provider.manage",
    /// Read the audit trail.
    AuditRead = "audit.trail.read",
    /// See the chart of accounts.
    AccountRead = "finance.account.read",
    /// Change the chart of accounts.
    AccountManage = "finance.account.manage",
    /// See tax codes and their rates.
    TaxCodeRead = "finance.tax_code.read",
    /// Change tax codes and their rates.
    TaxCodeManage = "finance.tax_code.manage",
    /// See journal entries.
    JournalRead = "finance.journal.read",
    /// Post journal entries.
    JournalPost = "finance.journal.post",
    /// Reverse journal entries.
    JournalReverse = "finance.journal.reverse",
    /// Read the samples that auditors have drawn from the journal.
    AuditSampleRead = "finance.audit_sample.read",
    /// Draw samples from the journal.
    AuditSampleDraw = "finance.audit_sample.draw",
    /// See fiscal years and locks.
    PeriodRead = "finance.period.read",
    /// Lock periods softly and grant exceptions; add fiscal years.
    PeriodLock = "finance.period.lock",
    /// Lock periods for good.
    PeriodLockHard = "finance.period.lock_hard",
    /// Read statements: trial balance, general ledger, income statement, balance sheet.
    ReportRead = "finance.report.read",
    /// See the client's headline figures: cash, receivables, payables, unmatched bank lines.
    FiguresRead = "finance.figures.read",
    /// See customers.
    CustomerRead = "finance.customer.read",
    /// Create and change customers.
    CustomerManage = "finance.customer.manage",
    /// See vendors.
    VendorRead = "finance.vendor.read",
    /// Create and change vendors.
    VendorManage = "finance.vendor.manage",
    /// See invoices, their credit notes and what is open on them.
    InvoiceRead = "finance.invoice.read",
    /// Draft invoices.
    InvoiceDraft = "finance.invoice.draft",
    /// Issue invoices.
    InvoiceIssue = "finance.invoice.issue",
    /// Say how much customers may owe, and issue invoices beyond that.
    CreditOverride = "finance.credit.override",
    /// Issue credit notes to invoices.
    CreditNoteIssue = "finance.credit_note.issue",
    /// See bills, their credits and what is open on them, and expense claims.
    BillRead = "finance.bill.read",
    /// Enter bills and expense claims.
    BillDraft = "finance.bill.draft",
    /// Post bills and vendor credits, and decide on expense claims.
    BillPost = "finance.bill.post",
    /// See payment runs and their files.
    PaymentRunRead = "finance.payment_run.read",
    /// Propose payment runs, change and cancel them, send them to the bank and take in what it says.
    PaymentRunPropose = "finance.payment_run.propose",
    /// Approve payment runs that somebody else has proposed.
    PaymentRunApprove = "finance.payment_run.approve",
    /// See bank accounts, statements and lines.
    BankRead = "finance.bank.read",
    /// Create and change bank accounts.
    BankManage = "finance.bank.manage",
    /// Match bank lines to what they settle, and undo it.
    BankMatch = "finance.bank.match",
    /// See payments of customers and to vendors, and what they settled.
    PaymentRead = "finance.payment.read",
    /// Record payments, allocate them to open items, and undo both.
    PaymentRecord = "finance.payment.record",
    /// See levels of reminders, their runs and what was sent.
    DunningRead = "finance.dunning.read",
    /// Set levels of reminders, propose, send and drop reminders, and say which items are in dispute.
    DunningManage = "finance.dunning.manage",
    /// See open items and how they were settled.
    OpenItemRead = "finance.open_item.read",
    /// See all work that is done for the client.
    WorkItemRead = "work.item.read",
    /// Open work items, change, cancel and reopen them.
    WorkItemManage = "work.item.manage",
    /// Say who does a work item.
    WorkItemAssign = "work.item.assign",
    /// Do the work: start work items, put them off, complete them and write beside them.
    WorkItemPerform = "work.item.perform",
    /// See the work that the provider has made visible to the client, and what it asks of the client.
    ClientRequestRead = "work.request.read",
    /// Answer what the provider asks of the client.
    ClientRequestAnswer = "work.request.answer",
    /// See what is written beside the records that one may read, as far as the client sees it.
    CommentRead = "work.comment.read",
    /// Write beside the records that one may read.
    CommentWrite = "work.comment.write",
    /// See and write what the provider's staff writes beside records for itself. Without effect for anybody else.
    InternalCommentRead = "work.internal_comment.read",
    /// Watch the records that one may read, and read what one is told of them.
    NoticeRead = "work.notice.read",
    /// See the client's jobs and how far they have come.
    JobRead = "work.job.read",
    /// Cancel the client's jobs, and run again what failed.
    JobManage = "work.job.manage",
    /// Make, change, pause and delete the client's schedules.
    ScheduleManage = "work.schedule.manage",
    /// See and change what the provider has done again and again. Held for the provider.
    ProviderScheduleManage = "work.provider_schedule.manage",
    /// Write lists to files. What one may not see cannot be exported.
    ExportRun = "core.export.run",
    /// Import files.
    ImportRun = "core.import.run",
    /// See earlier imports.
    ImportRead = "core.import.read",
    /// See where events are sent to, and what came of it.
    WebhookRead = "core.webhook.read",
    /// Create, change, pause, test and delete webhook endpoints, and rotate their secrets.
    WebhookManage = "core.webhook.manage",
    /// Follow what happens: see events and subscribe to them, each with the right to read its record.
    EventRead = "core.event.read",
    /// See business calendars, and compute with them.
    CalendarRead = "core.calendar.read",
    /// Create, change and delete business calendars and their exceptions.
    CalendarManage = "core.calendar.manage",
    /// See clocks: what counted, what was skipped, when they are due.
    ClockRead = "work.clock.read",
    /// Start, pause, resume and stop clocks.
    ClockManage = "work.clock.manage",
    /// See files, and take their bytes.
    FileRead = "core.file.read",
    /// Send files.
    FileManage = "core.file.manage",
    /// See what needs an approval, which approvals were asked for, and what became of them.
    ApprovalRead = "work.approval.read",
    /// Ask for an approval, and take it back.
    ApprovalRequest = "work.approval.request",
    /// Decide on approvals where a policy names one, and delegate that.
    ApprovalDecide = "work.approval.decide",
    /// Say what needs whose approval.
    ApprovalPolicyManage = "work.approval_policy.manage",
    /// See calendars for appointments, what is booked in them, and when they are free.
    AppointmentRead = "work.appointment.read",
    /// Book, move, change and cancel appointments.
    AppointmentBook = "work.appointment.book",
    /// Make, change and delete calendars for appointments.
    AppointmentCalendarManage = "work.appointment_calendar.manage",
    /// See the appointments that the provider has made visible to the client.
    ClientAppointmentRead = "work.client_appointment.read",
    /// See rules, their versions and their runs.
    RuleRead = "work.rule.read",
    /// Make rules and publish versions of them, which act with their publisher's rights.
    RuleManage = "work.rule.manage",
    /// Arm and disarm rules.
    RuleArm = "work.rule.arm",
    /// See the register of correspondence and the templates of letters.
    CorrespondenceRead = "office.correspondence.read",
    /// Write into the register of correspondence, and write letters.
    CorrespondenceManage = "office.correspondence.manage",
    /// Make and change templates of letters.
    LetterTemplateManage = "office.letter_template.manage",
    /// See the correspondence that the provider has made visible to the client.
    SharedCorrespondenceRead = "office.shared_correspondence.read",
    /// See documents and their types and folders; those of a type that needs further rights only with these.
    OfficeDocumentRead = "office.document.read",
    /// Lay documents down, change and link them, add and take back versions, and put them into the trash; manage folders.
    OfficeDocumentManage = "office.document.manage",
    /// Say which types of documents there are, and which fields they have.
    OfficeDocumentTypeManage = "office.document_type.manage",
    /// See the documents that the provider shows to the client's own people, and take their files.
    ClientDocumentRead = "office.client_document.read",
    /// Make and revoke links by which somebody without a sign-in takes a document, and see them.
    OfficeDocumentShare = "office.document.share",
    /// Say how long documents are kept, and have done what is due.
    RetentionManage = "office.retention.manage",
    /// Propose that a document in the trash is purged.
    DisposalPropose = "office.disposal.propose",
    /// Confirm or refuse that a document is purged, which somebody else has proposed.
    DisposalConfirm = "office.disposal.confirm",
    /// See legal holds, and what they name.
    LegalHoldRead = "office.legal_hold.read",
    /// Place, extend and release legal holds.
    LegalHoldManage = "office.legal_hold.manage",
    /// See registers and their records.
    RegisterRead = "office.register.read",
    /// Make registers and say which fields their records have.
    RegisterManage = "office.register.manage",
    /// Enter records of registers, change and void them.
    RegisterRecordEnter = "office.register_record.enter",
    /// Key critical values of records a second time, and decide where the two differ.
    RegisterRecordConfirm = "office.register_record.confirm",
    /// See the client's contacts: who is spoken to about what.
    ContactRead = "practice.contact.read",
    /// Put people on the list of the client's contacts, change them and take them off.
    ContactManage = "practice.contact.manage",
    /// See requests for signatures, who has signed what, and the evidence of it.
    SignatureRead = "office.signature.read",
    /// Ask for signatures on documents, extend such requests and take them back.
    SignatureRequest = "office.signature.request",
    /// Sign what one is asked to sign oneself, or decline.
    SignatureSign = "office.signature.sign",
    /// Take the client's archive: every row and every file of it, whatever else one may read.
    ClientArchive = "practice.client.archive",
    /// Announce the end of a client, change it and take it back. Held for the provider.
    ClientOffboard = "practice.client.offboard",
    /// Propose and confirm that what is left of a client that has left is purged. Held for the provider.
    ClientPurge = "practice.client.purge",
    /// Move a client to another status: suspend it, end it. Held for the provider.
    ClientMove = "practice.client.move",
    /// Make the provider's groups of clients. Held for the provider.
    ClientGroupManage = "practice.client_group.manage",
    /// Say what the provider's staff can do, and what its services take. Held for the provider.
    SkillManage = "practice.skill.manage",
    /// See and say how much the provider's staff can take on. Held for the provider.
    CapacityManage = "practice.capacity.manage",
    /// Say for which clients nothing is done outside a live engagement. Held for the provider.
    EngagementRequire = "practice.engagement.require",
    /// Keep the business calendars of the provider that calendars of clients follow. Held for the provider.
    ProviderCalendarManage = "practice.calendar.manage",
    /// Keep the templates by which clients are taken on. Held for the provider.
    OnboardingTemplateManage = "practice.onboarding_template.manage",
}
