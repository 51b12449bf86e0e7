//! The ids of the finance department.

crate::platform::ids! {
    /// Names a ledger (one set of books of a client).
    LedgerId = "led";
    /// Names an account of the chart.
    AccountId = "acc";
    /// Names a tax code.
    TaxCodeId = "tax";
    /// Names a rate of a tax code.
    TaxRateId = "txr";
    /// Names a fiscal year.
    FiscalYearId = "fy";
    /// Names an exception from a soft lock.
    LockExceptionId = "lex";
    /// Names a journal entry.
    JournalEntryId = "je";
    /// Names a line of a journal entry.
    JournalLineId = "jl";
    /// Names a customer.
    CustomerId = "cus";
    /// Names a vendor.
    VendorId = "ven";
    /// Names an invoice.
    InvoiceId = "inv";
    /// Names a line of an invoice.
    InvoiceLineId = "invl";
    /// Names a credit note.
    CreditNoteId = "crn";
    /// Names a bill.
    BillId = "bil";
    /// Names a line of a bill.
    BillLineId = "bill";
    /// Names an open item.
    OpenItemId = "oi";
    /// Names an allocation of an open item.
    AllocationId = "alc";
    /// Names a payment.
    PaymentId = "pay";
    /// Names what a payment settled of an open item.
    PaymentAllocationId = "pya";
    /// Names a bank account.
    BankAccountId = "ba";
    /// Names a bank statement.
    BankStatementId = "bs";
    /// Names a line of a bank statement.
    BankLineId = "bl";
    /// Names the match of a bank line.
    BankMatchId = "bm";
    /// Names an import.
    ImportId = "imp";
    /// Names a change of a vendor's bank details.
    VendorBankChangeId = "vbc";
    /// Names a recurring entry or template.
    RecurringEntryId = "ren";
    /// Names a budget.
    BudgetId = "bud";
    /// Names a commitment.
    CommitmentId = "cmm";
    /// Names the close of a month.
    PeriodCloseId = "pcl";
    /// Names a fixed asset.
    AssetId = "ast";
    /// Names a class of fixed assets.
    AssetClassId = "astc";
    /// Names a deferral.
    DeferralId = "dfr";
    /// Names an exchange rate.
    ExchangeRateId = "xr";
    /// Names a revaluation.
    RevaluationId = "rev";
    /// Names a dimension.
    DimensionId = "dim";
    /// Names a value of a dimension.
    DimensionValueId = "dimv";
    /// Names a proposed journal entry.
    JournalProposalId = "jpr";
    /// Names a hold of a vendor.
    VendorHoldId = "vho";
    /// Names a run of reminders.
    DunningRunId = "drun";
    /// Names a reminder.
    DunningNoticeId = "dun";
    /// Names an item of a run of reminders.
    DunningItemId = "duni";
    /// Names a payment run.
    PaymentRunId = "prun";
    /// Names a payment of a run.
    PaymentRunItemId = "prui";
    /// Names a sample of journal entries.
    AuditSampleId = "asm";
    /// Names an entry of a sample.
    AuditSampleItemId = "asmi";
    /// Names an electronic invoice of an invoice or a credit note.
    EInvoiceId = "einv";
    /// Names an electronic invoice that became a bill.
    ReceivedInvoiceId = "rinv";
    /// Names a type of expense.
    ExpenseTypeId = "ext";
    /// Names what holds for a type of expense.
    ExpenseRateId = "exr";
    /// Names an expense claim.
    ExpenseClaimId = "exc";
    /// Names a vendor credit.
    VendorCreditId = "vcr";
    /// Names a withholding code.
    WithholdingCodeId = "whc";
    /// Names a rate of a withholding code.
    WithholdingRateId = "whr";
    /// Names what was withheld of a document.
    WithholdingEntryId = "wte";
}
