//! What an account is: one of the five kinds, and the role that it plays for documents, banks and assets.

crate::platform::words! {
    /// The five kinds of accounts. Assets and expenses grow by debits, the others by credits.
    AccountKind {
        /// What the company owns.
        Asset = "asset",
        /// What it owes.
        Liability = "liability",
        /// What is left for its owners.
        Equity = "equity",
        /// What it earns.
        Income = "income",
        /// What it spends.
        Expense = "expense",
    }
}

impl AccountKind {
    /// Whether debits increase an account of this kind.
    #[must_use]
    pub fn grows_by_debit(self) -> bool {
        matches!(self, Self::Asset | Self::Expense)
    }

    /// Whether the account starts anew each fiscal year.
    #[must_use]
    pub fn is_result(self) -> bool {
        matches!(self, Self::Income | Self::Expense)
    }
}

crate::platform::words! {
    /// The role of an account that the books themselves post to.
    Control {
        /// What customers owe; equals the open items of customers.
        Receivable = "receivable",
        /// What is owed to vendors; equals the open items of vendors.
        Payable = "payable",
        /// A bank account.
        Bank = "bank",
        /// Tax paid to vendors.
        InputTax = "input_tax",
        /// Tax taken from customers.
        OutputTax = "output_tax",
        /// Where the profit of closed years goes.
        RetainedEarnings = "retained_earnings",
        /// Where differences of rounding go.
        Rounding = "rounding",
        /// What customers paid ahead; equals the unused payments of customers.
        CustomerAdvance = "customer_advance",
        /// What was paid to vendors ahead; equals the unused payments to vendors.
        VendorAdvance = "vendor_advance",
        /// Where what a payment gains or loses by the exchange rate goes; there may be one of income and one of expense.
        ExchangeDifference = "exchange_difference",
        /// Where a revaluation posts what is not realised; without one the accounts of exchange differences take it.
        UnrealizedExchange = "unrealized_exchange",
        /// What customers need not pay because they paid early.
        DiscountAllowed = "discount_allowed",
        /// What need not be paid to vendors because it was paid early.
        DiscountReceived = "discount_received",
        /// What reminders cost customers.
        DunningFee = "dunning_fee",
        /// Interest that reminders ask customers for.
        DunningInterest = "dunning_interest",
        /// Where what nobody can place yet waits; empty at the end of a month.
        Suspense = "suspense",
        /// What fixed assets cost; equals the register of assets.
        FixedAsset = "fixed_asset",
        /// What of that is written off; equals the register of assets.
        AccumulatedDepreciation = "accumulated_depreciation",
    }
}

impl Control {
    /// Whether an account of that kind can play this role: a bank account may be overdrawn, tax may be owed either way.
    #[must_use]
    pub fn suits(self, kind: AccountKind) -> bool {
        match self {
            Self::Receivable | Self::VendorAdvance | Self::FixedAsset | Self::AccumulatedDepreciation => {
                kind == AccountKind::Asset
            }
            Self::Payable | Self::CustomerAdvance => kind == AccountKind::Liability,
            Self::Bank | Self::InputTax | Self::OutputTax | Self::Suspense => {
                matches!(kind, AccountKind::Asset | AccountKind::Liability)
            }
            Self::RetainedEarnings => kind == AccountKind::Equity,
            Self::Rounding
            | Self::ExchangeDifference
            | Self::UnrealizedExchange
            | Self::DiscountAllowed
            | Self::DiscountReceived
            | Self::DunningFee
            | Self::DunningInterest => kind.is_result(),
        }
    }

    /// Whether the register of assets stands behind the account, so that only assets may post to it.
    #[must_use]
    pub fn is_of_assets(self) -> bool {
        matches!(self, Self::FixedAsset | Self::AccumulatedDepreciation)
    }

    /// Whether unused payments stand behind the account, so that only payments may post to it.
    #[must_use]
    pub fn is_advance(self) -> bool {
        matches!(self, Self::CustomerAdvance | Self::VendorAdvance)
    }

    /// Whether open items stand behind the account, so that only documents and the opening may post to it.
    #[must_use]
    pub fn has_open_items(self) -> bool {
        matches!(self, Self::Receivable | Self::Payable)
    }
}
