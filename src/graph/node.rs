//! Any record of a client by its global id alone: the prefix says what kind it is, and so which right is asked for.

use async_graphql::{Context, ID, Interface, Object};
use futures_util::future::try_join_all;

use super::event::Event;
use crate::appointments::appointment::Appointment;
use crate::appointments::calendar::AppointmentCalendar;
use crate::appointments::client::ClientAppointment;
use crate::appointments::feed::AppointmentFeed;
use crate::appointments::ids::{
    AppointmentCalendarId, AppointmentFeedId, AppointmentId, AppointmentOccurrenceId, ClientAppointmentId,
};
use crate::appointments::occurrence::AppointmentOccurrence;
use crate::approvals::delegation::ApprovalDelegation;
use crate::approvals::ids::{ApprovalDelegationId, ApprovalPolicyId, ApprovalRequestId};
use crate::approvals::policy::ApprovalPolicy;
use crate::approvals::request::ApprovalRequest;
use crate::clocks::calendar::BusinessCalendar;
use crate::clocks::clock::Clock;
use crate::clocks::exception::CalendarException;
use crate::clocks::ids::{BusinessCalendarId, CalendarExceptionId, ClockId};
use crate::correspondence::entry::CorrespondenceEntry;
use crate::correspondence::ids::{
    CorrespondenceEntryId, InboundMailAddressId, LetterTemplateId, SharedCorrespondenceId,
};
use crate::correspondence::inbound::address::InboundMailAddress;
use crate::correspondence::shared::SharedCorrespondence;
use crate::correspondence::template::LetterTemplate;
use crate::documents::client::ClientDocument;
use crate::documents::disposal::Disposal;
use crate::documents::document::Document;
use crate::documents::folder::DocumentFolder;
use crate::documents::hold::LegalHold;
use crate::documents::ids::{
    ClientDocumentId, DisposalId, DocumentFolderId, DocumentId, DocumentShareId, DocumentTypeId, DocumentVersionId,
    LegalHoldId, RetentionScheduleId,
};
use crate::documents::kind::DocumentType;
use crate::documents::retention::RetentionSchedule;
use crate::documents::share::DocumentShare;
use crate::documents::version::{self, DocumentVersion};
use crate::finance::bank::account::BankAccount;
use crate::finance::bank::line::BankLine;
use crate::finance::bank::matching::BankMatch;
use crate::finance::bank::statement::BankStatement;
use crate::finance::document::lines::{DocumentLine, OfBill, OfInvoice};
use crate::finance::ids::{
    AccountId, AllocationId, BankAccountId, BankLineId, BankMatchId, BankStatementId, BillId, BillLineId, CustomerId,
    FiscalYearId, ImportId, InvoiceId, InvoiceLineId, JournalEntryId, JournalLineId, JournalProposalId, LedgerId,
    LockExceptionId, OpenItemId, TaxCodeId, TaxRateId, VendorBankChangeId, VendorId,
};
use crate::finance::imports::Import;
use crate::finance::ledger::account::Account;
use crate::finance::ledger::journal::proposal::JournalProposal;
use crate::finance::ledger::journal::{JournalEntry, JournalLine};
use crate::finance::ledger::lock::{General, Ledger, LockException};
use crate::finance::ledger::period::FiscalYear;
use crate::finance::ledger::tax_code::{TaxCode, TaxRate};
use crate::finance::open_item::{Allocation, OpenItem};
use crate::finance::payables::bill::Bill;
use crate::finance::payables::vendor::Vendor;
use crate::finance::payables::vendor_bank_change::VendorBankChange;
use crate::finance::receivables::customer::Customer;
use crate::finance::receivables::invoice::Invoice;
use crate::identity::account::User;
use crate::identity::grant::Grant;
use crate::identity::ids::{ClientId, GrantId, IdentityProviderId, InvitationId, RoleId, ServiceAccountId, UserId};
use crate::identity::invitation::Invitation;
use crate::identity::outside::provider::IdentityProvider;
use crate::identity::role::Role;
use crate::identity::service_account::ServiceAccount;
use crate::notices::comment::{Comment, Internal};
use crate::notices::ids::{CommentId, InternalCommentId};
use crate::platform::can::Can;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::files::{File, FileId};
use crate::platform::ids::split;
use crate::platform::jobs::JobId;
use crate::platform::outbox::EventId;
use crate::platform::scope::Ask;
use crate::practice::client::Client;
use crate::practice::contact::ClientContact;
use crate::practice::documents::DocumentManifest;
use crate::practice::engagement::Engagement;
use crate::practice::ids::{ClientContactId, DocumentManifestId, EngagementId};
use crate::registers::ids::{RegisterId, RegisterRecordId};
use crate::registers::record::RegisterRecord;
use crate::registers::register::Register;
use crate::rules::ids::{RuleId, RuleRunId};
use crate::rules::rule::Rule;
use crate::rules::run::RuleRun;
use crate::signatures::ids::{SignatureRequestId, SignatureTaskId};
use crate::signatures::request::SignatureRequest;
use crate::signatures::task::SignatureTask;
use crate::webhooks::delivery::WebhookDelivery;
use crate::webhooks::endpoint::WebhookEndpoint;
use crate::webhooks::ids::{WebhookDeliveryId, WebhookEndpointId};
use crate::work::ids::{ClientRequestId, RecurringWorkId, WorkItemId};
use crate::work::item::WorkItem;
use crate::work::job::Job;
use crate::work::recurring::RecurringWork;
use crate::work::request::ClientRequest;
use crate::work::schedule::{Schedule, ScheduleId};

/// The most ids in one call of `nodes`.
const MOST: usize = 100;

/// The kinds of records that are found by their own id: variant, prefix and key, and what fetches it.
macro_rules! kinds {
    ($($kind:ident: $($id:ident by $fetch:ty),+;)+) => {
        /// A record of a client that has an id of its own.
        #[derive(Interface)]
        #[graphql(field(name = "id", ty = "ID", desc = "Global id."))]
        pub enum Node {
            $(#[doc = concat!("`", stringify!($kind), "`")] $kind($kind),)+
            /// The books of the client.
            Ledger(Ledger),
        }

        /// The record of that outside id; nothing if it is unknown.
        pub(crate) async fn find(ctx: &Context<'_>, text: &str) -> Result<Option<Node>> {
            let Some((prefix, id)) = split(text) else { return nothing(ctx).await };
            match prefix {
                $($($id::PREFIX => Ok(ctx.load::<$fetch>($id(id)).await?.map(Node::$kind)),)+)+
                // a client has one ledger, which is fetched by no id
                LedgerId::PREFIX => {
                    Ok(ctx.load::<Ledger>(General).await?.filter(|ledger| ledger.id == LedgerId(id)).map(Node::Ledger))
                }
                _ => nothing(ctx).await,
            }
        }

        /// The rights of which one is needed to read records of each type.
        const RIGHTS: &[(&str, &[Can])] =
            &[$((stringify!($kind), &[$(<$fetch as Fetch>::CAN),+]),)+ ("Ledger", &[<Ledger as Fetch>::CAN])];

        /// What the ids of records of that type begin with; none if that is no kind of record, or they begin differently.
        pub(super) fn prefix_of(kind: &str) -> Option<&'static str> {
            let known: &[(&str, &[&'static str])] =
                &[$((stringify!($kind), &[$($id::PREFIX),+]),)+ ("Ledger", &[LedgerId::PREFIX])];
            match known.iter().find(|(known, _)| *known == kind) {
                Some((_, [only])) => Some(only),
                _ => None,
            }
        }

        /// The type of the records whose ids begin so.
        pub(super) fn type_of(prefix: &str) -> Option<&'static str> {
            match prefix {
                $($($id::PREFIX)|+ => Some(stringify!($kind)),)+
                LedgerId::PREFIX => Some("Ledger"),
                _ => None,
            }
        }
    };
}

kinds! {
    Account: AccountId by Account;
    Allocation: AllocationId by Allocation;
    BankAccount: BankAccountId by BankAccount;
    BankLine: BankLineId by BankLine;
    BankMatch: BankMatchId by BankMatch;
    BankStatement: BankStatementId by BankStatement;
    Bill: BillId by Bill;
    BusinessCalendar: BusinessCalendarId by BusinessCalendar;
    CalendarException: CalendarExceptionId by CalendarException;
    Client: ClientId by Client;
    Clock: ClockId by Clock;
    ClientRequest: ClientRequestId by ClientRequest;
    Customer: CustomerId by Customer;
    DocumentLine: InvoiceLineId by OfInvoice, BillLineId by OfBill;
    DocumentManifest: DocumentManifestId by DocumentManifest;
    Engagement: EngagementId by Engagement;
    Event: EventId by Event;
    File: FileId by File;
    FiscalYear: FiscalYearId by FiscalYear;
    Grant: GrantId by Grant;
    IdentityProvider: IdentityProviderId by IdentityProvider;
    Import: ImportId by Import;
    Invitation: InvitationId by Invitation;
    Invoice: InvoiceId by Invoice;
    Job: JobId by Job;
    JournalEntry: JournalEntryId by JournalEntry;
    JournalLine: JournalLineId by JournalLine;
    LockException: LockExceptionId by LockException;
    OpenItem: OpenItemId by OpenItem;
    Role: RoleId by Role;
    Schedule: ScheduleId by Schedule;
    ServiceAccount: ServiceAccountId by ServiceAccount;
    TaxCode: TaxCodeId by TaxCode;
    TaxRate: TaxRateId by TaxRate;
    User: UserId by User;
    Vendor: VendorId by Vendor;
    WebhookDelivery: WebhookDeliveryId by WebhookDelivery;
    WebhookEndpoint: WebhookEndpointId by WebhookEndpoint;
    WorkItem: WorkItemId by WorkItem;
    ApprovalPolicy: ApprovalPolicyId by ApprovalPolicy;
    ApprovalRequest: ApprovalRequestId by ApprovalRequest;
    ApprovalDelegation: ApprovalDelegationId by ApprovalDelegation;
    VendorBankChange: VendorBankChangeId by VendorBankChange;
    JournalProposal: JournalProposalId by JournalProposal;
    Appointment: AppointmentId by Appointment;
    AppointmentCalendar: AppointmentCalendarId by AppointmentCalendar;
    AppointmentOccurrence: AppointmentOccurrenceId by AppointmentOccurrence;
    AppointmentFeed: AppointmentFeedId by AppointmentFeed;
    ClientAppointment: ClientAppointmentId by ClientAppointment;
    Rule: RuleId by Rule;
    RuleRun: RuleRunId by RuleRun;
    CorrespondenceEntry: CorrespondenceEntryId by CorrespondenceEntry;
    LetterTemplate: LetterTemplateId by LetterTemplate;
    SharedCorrespondence: SharedCorrespondenceId by SharedCorrespondence;
    DocumentType: DocumentTypeId by DocumentType;
    DocumentFolder: DocumentFolderId by DocumentFolder;
    Document: DocumentId by Document;
    DocumentVersion: DocumentVersionId by version::ById;
    ClientDocument: ClientDocumentId by ClientDocument;
    DocumentShare: DocumentShareId by DocumentShare;
    LegalHold: LegalHoldId by LegalHold;
    RetentionSchedule: RetentionScheduleId by RetentionSchedule;
    Disposal: DisposalId by Disposal;
    RecurringWork: RecurringWorkId by RecurringWork;
    InboundMailAddress: InboundMailAddressId by InboundMailAddress;
    Comment: CommentId by Comment, InternalCommentId by Internal;
    Register: RegisterId by Register;
    RegisterRecord: RegisterRecordId by RegisterRecord;
    ClientContact: ClientContactId by ClientContact;
    SignatureRequest: SignatureRequestId by SignatureRequest;
    SignatureTask: SignatureTaskId by SignatureTask;
}

/// The right to read records of that type; none if that is no kind of record, or its records have several.
pub(super) fn right_of(kind: &str) -> Option<Can> {
    match RIGHTS.iter().find(|(known, _)| *known == kind) {
        Some((_, [only])) => Some(*only),
        _ => None,
    }
}

/// Every type of record whose ids begin alike, with the right to read such records.
pub(super) fn single() -> impl Iterator<Item = (&'static str, Can)> {
    RIGHTS.iter().filter_map(|(kind, rights)| match rights {
        [only] => Some((*kind, *only)),
        _ => None,
    })
}

/// The answer to an id of no kind. The caller has to be known all the same.
async fn nothing(ctx: &Context<'_>) -> Result<Option<Node>> {
    ctx.scope()?.whoever().await?;
    Ok(None)
}

/// Queries for any record.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// A record of the client by its id; null if the id is unknown. Right: that to read records of this kind.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record's id.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        Ok(find(ctx, &id).await?)
    }

    /// Records of the client by their ids, in the same order; null for each that is unknown. Right: that to read records
    /// of each kind that is named.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The records' ids, at most 100.")] ids: Vec<ID>,
    ) -> async_graphql::Result<Vec<Option<Node>>> {
        if ids.len() > MOST {
            return Err(Error::BadInput(format!("At most {MOST} ids at once.")).into());
        }
        Ok(try_join_all(ids.iter().map(|id| find(ctx, id))).await?)
    }
}
