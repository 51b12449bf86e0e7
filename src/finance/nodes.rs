//! The records of this department that are found by their own id.

use super::assets::asset::Asset;
use super::assets::class::AssetClass;
use super::audit::sample::{AuditSample, AuditSampleItem};
use super::bank::account::BankAccount;
use super::bank::line::BankLine;
use super::bank::matching::BankMatch;
use super::bank::statement::BankStatement;
use super::budget::commitment::Commitment;
use super::budget::plan::Budget;
use super::close::period_close::PeriodClose;
use super::deferrals::Deferral;
use super::document::lines::{DocumentLine, OfBill, OfInvoice};
use super::dunning::{DunningItem, DunningNotice, DunningRun};
use super::einvoice::{EInvoice, ReceivedInvoice};
use super::expenses::{ExpenseClaim, ExpenseType};
use super::ids::{
    AccountId, AllocationId, AssetClassId, AssetId, AuditSampleId, AuditSampleItemId, BankAccountId, BankLineId,
    BankMatchId, BankStatementId, BillId, BillLineId, BudgetId, CommitmentId, CreditNoteId, CustomerId, DeferralId,
    DimensionId, DimensionValueId, DunningItemId, DunningNoticeId, DunningRunId, EInvoiceId, ExchangeRateId,
    ExpenseClaimId, ExpenseTypeId, FiscalYearId, ImportId, InvoiceId, InvoiceLineId, JournalEntryId, JournalLineId,
    JournalProposalId, LedgerId, LockExceptionId, OpenItemId, PaymentAllocationId, PaymentId, PaymentRunId,
    PaymentRunItemId, PeriodCloseId, ReceivedInvoiceId, RecurringEntryId, RevaluationId, TaxCodeId, TaxRateId,
    VendorBankChangeId, VendorCreditId, VendorHoldId, VendorId, WithholdingCodeId, WithholdingEntryId,
    WithholdingRateId,
};
use super::imports::Import;
use super::ledger::account::Account;
use super::ledger::dimension::Dimension;
use super::ledger::dimension::value::DimensionValue;
use super::ledger::exchange_rate::ExchangeRate;
use super::ledger::journal::proposal::JournalProposal;
use super::ledger::journal::recurring::RecurringEntry;
use super::ledger::journal::{JournalEntry, JournalLine};
use super::ledger::lock::{General, Ledger, LockException};
use super::ledger::period::FiscalYear;
use super::ledger::revaluation::Revaluation;
use super::ledger::tax_code::{TaxCode, TaxRate};
use super::open_item::{Allocation, OpenItem};
use super::payables::bill::Bill;
use super::payables::payment_run::{PaymentRun, PaymentRunItem};
use super::payables::vendor::Vendor;
use super::payables::vendor_bank_change::VendorBankChange;
use super::payables::vendor_credit::VendorCredit;
use super::payables::vendor_hold::VendorHold;
use super::payment::{Payment, PaymentAllocation};
use super::receivables::credit_note::CreditNote;
use super::receivables::customer::Customer;
use super::receivables::invoice::Invoice;
use super::withholding::entry::WithholdingEntry;
use super::withholding::{WithholdingCode, WithholdingRate};

crate::platform::nodes! {
    Account: AccountId by Account;
    Allocation: AllocationId by Allocation;
    Asset: AssetId by Asset;
    AssetClass: AssetClassId by AssetClass;
    AuditSample: AuditSampleId by AuditSample;
    AuditSampleItem: AuditSampleItemId by AuditSampleItem;
    BankAccount: BankAccountId by BankAccount;
    BankLine: BankLineId by BankLine;
    BankMatch: BankMatchId by BankMatch;
    BankStatement: BankStatementId by BankStatement;
    Bill: BillId by Bill;
    Budget: BudgetId by Budget;
    Commitment: CommitmentId by Commitment;
    CreditNote: CreditNoteId by CreditNote;
    Customer: CustomerId by Customer;
    Deferral: DeferralId by Deferral;
    Dimension: DimensionId by Dimension;
    DimensionValue: DimensionValueId by DimensionValue;
    DocumentLine: InvoiceLineId by OfInvoice, BillLineId by OfBill;
    DunningItem: DunningItemId by DunningItem;
    DunningNotice: DunningNoticeId by DunningNotice;
    DunningRun: DunningRunId by DunningRun;
    EInvoice: EInvoiceId by EInvoice;
    ExchangeRate: ExchangeRateId by ExchangeRate;
    ExpenseClaim: ExpenseClaimId by ExpenseClaim;
    ExpenseType: ExpenseTypeId by ExpenseType;
    FiscalYear: FiscalYearId by FiscalYear;
    Import: ImportId by Import;
    Invoice: InvoiceId by Invoice;
    JournalEntry: JournalEntryId by JournalEntry;
    JournalLine: JournalLineId by JournalLine;
    JournalProposal: JournalProposalId by JournalProposal;
    Ledger: LedgerId by Ledger => General;
    LockException: LockExceptionId by LockException;
    OpenItem: OpenItemId by OpenItem;
    Payment: PaymentId by Payment;
    PaymentAllocation: PaymentAllocationId by PaymentAllocation;
    PaymentRun: PaymentRunId by PaymentRun;
    PaymentRunItem: PaymentRunItemId by PaymentRunItem;
    PeriodClose: PeriodCloseId by PeriodClose;
    ReceivedInvoice: ReceivedInvoiceId by ReceivedInvoice;
    RecurringEntry: RecurringEntryId by RecurringEntry;
    Revaluation: RevaluationId by Revaluation;
    TaxCode: TaxCodeId by TaxCode;
    TaxRate: TaxRateId by TaxRate;
    Vendor: VendorId by Vendor;
    VendorBankChange: VendorBankChangeId by VendorBankChange;
    VendorCredit: VendorCreditId by VendorCredit;
    VendorHold: VendorHoldId by VendorHold;
    WithholdingCode: WithholdingCodeId by WithholdingCode;
    WithholdingEntry: WithholdingEntryId by WithholdingEntry;
    WithholdingRate: WithholdingRateId by WithholdingRate;
}
