//! The books: ledger, receivables, payables, bank, tax and statements.
//!
//! Everything that has a value ends in [`ledger::journal::post`], which takes entries that balance and nothing else.

// Paths read alike inside and outside: `crate::finance::…` wherever it is.
pub extern crate self as finance;

use backoffice_approvals as approvals;
use backoffice_platform as platform;
use backoffice_registers as registers;
use backoffice_work as work;

pub mod assets;
pub mod audit;
pub mod bank;
pub mod budget;
pub mod chart;
pub mod close;
pub mod deferrals;
pub mod document;
pub mod dunning;
pub mod einvoice;
pub mod expenses;
pub mod ids;
pub mod imports;
pub mod ledger;
pub mod nodes;
pub mod open_item;
pub mod party;
pub mod payables;
pub mod payment;
pub mod receivables;
pub mod schema;
pub mod withholding;

/// Queries about documents and those they are exchanged with.
#[derive(async_graphql::MergedObject, Default)]
pub struct DocumentsQuery(
    receivables::customer::CustomerQuery,
    receivables::invoice::InvoiceQuery,
    receivables::credit_note::CreditNoteQuery,
    payables::vendor::VendorQuery,
    payables::bill::BillQuery,
    open_item::OpenItemQuery,
    open_item::AgingQuery,
    dunning::DunningQuery,
    document::cash_rounding::CashRoundingQuery,
    receivables::credit_limit::CreditLimitQuery,
    receivables::payment_data::PaymentDataQuery,
    receivables::statement::CustomerStatementQuery,
    dunning::level::DunningLevelQuery,
    payment::PaymentQuery,
    payables::vendor_bank_change::VendorBankChangeQuery,
    payables::vendor_hold::VendorHoldQuery,
    payables::payment_run::PaymentRunQuery,
    einvoice::EInvoiceQuery,
    payables::vendor_credit::VendorCreditQuery,
    withholding::WithholdingQuery,
    expenses::ExpenseQuery,
);

/// Changes of documents and those they are exchanged with.
#[derive(async_graphql::MergedObject, Default)]
pub struct DocumentsMutation(
    receivables::customer::CustomerMutation,
    receivables::invoice::InvoiceMutation,
    receivables::credit_note::CreditNoteMutation,
    payables::vendor::VendorMutation,
    payables::bill::BillMutation,
    payment::PaymentMutation,
    dunning::DunningMutation,
    document::cash_rounding::CashRoundingMutation,
    receivables::credit_limit::CreditLimitMutation,
    dunning::level::DunningLevelMutation,
    dunning::dispute::OpenItemDisputeMutation,
    payables::vendor_bank_change::VendorBankChangeMutation,
    payables::vendor_hold::VendorHoldMutation,
    payables::payment_run::PaymentRunMutation,
    einvoice::EInvoiceMutation,
    payables::vendor_credit::VendorCreditMutation,
    withholding::WithholdingMutation,
    expenses::ExpenseMutation,
);

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct FinanceQuery(
    ledger::LedgerQuery,
    DocumentsQuery,
    bank::BankQuery,
    imports::ImportsQuery,
    deferrals::DeferralsQuery,
    audit::AuditSupportQuery,
    assets::AssetsQuery,
    close::CloseQuery,
    budget::BudgetsQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct FinanceMutation(
    ledger::LedgerMutation,
    DocumentsMutation,
    bank::BankMutation,
    imports::ImportsMutation,
    deferrals::DeferralsMutation,
    audit::AuditSupportMutation,
    assets::AssetsMutation,
    close::CloseMutation,
    budget::BudgetsMutation,
);
