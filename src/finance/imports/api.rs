//! The fields about imports.

use async_graphql::{Context, Enum, InputObject, Object};
use diesel::prelude::*;

use super::mapping::{BankCsvMappingInput, BankFileWritingInput};
use super::parties::Side;
use super::{FileInput, Import, ImportKind, ImportPayload, bank_statement, chart, opening, parties};
use crate::finance::ids::{BankAccountId, ImportId};
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::schema::import;

crate::platform::connection!(
    /// A page of imports.
    ImportConnection, ImportEdge, Import
);

crate::platform::equality_filter!(
    /// Conditions on what a file holds.
    ImportKindFilter, ImportKind
);

crate::platform::filter! {
    /// Narrows a list of imports.
    ImportFilter over import {
        /// By what the file holds.
        kind: ImportKindFilter => equality(import::kind),
    }
}

/// A file to be taken in.
#[derive(InputObject, Clone, Debug)]
pub struct ImportInput {
    /// The file.
    pub file: FileInput,
}

/// Opening balances to be taken in.
#[derive(InputObject, Clone, Debug)]
pub struct OpeningBalancesImportInput {
    /// The file: CSV with `account`, `debit`, `credit`; optional `currency`, `description`, `party`, `document`, `due_date`.
    pub file: FileInput,
    /// The first day of the books.
    pub date: Date,
}

/// The format of a bank's file.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankStatementFormat {
    /// ISO 20022 bank statement, camt.053.001.02 or later.
    Camt053,
    /// The bank's own CSV; needs account, mapping and both balances.
    Csv,
    /// SWIFT bank statement, MT940, in the dialects of German, Dutch and Polish banks.
    Mt940,
    /// Open Financial Exchange, 1 or 2. It says the balance at its end alone: what is given as the opening balance has to tie
    /// with it, and without one it is computed.
    Ofx,
    /// Quicken's interchange format; needs account and both balances.
    Qif,
}

/// A bank's file to be taken in.
#[derive(InputObject, Clone, Debug)]
pub struct BankStatementImportInput {
    /// The file.
    pub file: FileInput,
    /// The bank account. CAMT.053, MT940 and OFX files name their own: then every statement has to be of this one.
    pub bank_account: Option<BankAccountId>,
    /// Its format.
    pub format: BankStatementFormat,
    /// Which column is what; CSV only.
    pub mapping: Option<BankCsvMappingInput>,
    /// How the file is written; QIF only.
    pub writing: Option<BankFileWritingInput>,
    /// Balance before the first movement, positive for the client's money; CSV and QIF, which need it, and OFX.
    pub opening_balance: Option<Dec>,
    /// Balance after the last movement, positive for the client's money; CSV and QIF only, which need it.
    pub closing_balance: Option<Dec>,
}

/// Queries about imports.
#[derive(Default)]
pub struct ImportsQuery;

#[Object]
impl ImportsQuery {
    /// One import; null if the id is unknown. Right: `core.import.read`.
    async fn import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The import's id.")] id: ImportId,
    ) -> async_graphql::Result<Option<Import>> {
        Ok(ctx.load::<Import>(id).await?)
    }

    /// The files that were taken in, the latest first. Right: `core.import.read`.
    async fn imports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only imports that match.")] filter: Option<ImportFilter>,
    ) -> async_graphql::Result<ImportConnection> {
        let tx = ctx.tx(Can::ImportRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<ImportFilter>| -> Result<_> {
            let mut query = import::table.filter(import::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(import::id.lt(*id));
        }
        let rows = tx.rows(page.order(import::id.desc()).limit(slice.limit()).select(Import::as_select())).await?;
        Ok(ImportConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Imports of files. Each needs the right to import and the right to make by hand what the file holds.
#[derive(Default)]
pub struct ImportsMutation;

#[Object]
impl ImportsMutation {
    /// Takes a chart of accounts in: CSV with `code`, `name`, `type`; optional `parent`, `group`, `control`, `currency`,
    /// `statement_line`. Accounts that are there with the same data stay. Rights: `core.import.run` and
    /// `finance.account.manage`.
    async fn chart_of_accounts_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: ImportInput,
    ) -> async_graphql::Result<Option<ImportPayload>> {
        ctx.tx(Can::ImportRun).await?;
        let tx = ctx.tx(Can::AccountManage).await?;
        let run = async { chart::run(tx, input.file.open()?).await };
        ImportPayload::settle(ctx, run.await)
    }

    /// Takes the balances in that the books start with; lines of receivable and payable accounts name their customer or
    /// vendor and become open items. Once only: the same balances again are nothing new, others are refused until the
    /// first are reversed. Rights: `core.import.run` and `finance.journal.post`.
    async fn opening_balances_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file and the first day of the books.")] input: OpeningBalancesImportInput,
    ) -> async_graphql::Result<Option<ImportPayload>> {
        ctx.tx(Can::ImportRun).await?;
        let tx = ctx.tx(Can::JournalPost).await?;
        let run = async { opening::run(tx, input.file.open()?, input.date.0).await };
        ImportPayload::settle(ctx, run.await)
    }

    /// Takes customers in: CSV with `number`, `name`; optional `email`, `vat_number`, `country`, `street`, `postal_code`,
    /// `city`, `currency`, `payment_terms_days`, `iban`. Those that are there stay; a line that says otherwise is refused.
    /// Rights: `core.import.run` and `finance.customer.manage`.
    async fn customers_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: ImportInput,
    ) -> async_graphql::Result<Option<ImportPayload>> {
        ctx.tx(Can::ImportRun).await?;
        let tx = ctx.tx(Can::CustomerManage).await?;
        let run = async { parties::run(tx, Side::Customers, input.file.open()?).await };
        ImportPayload::settle(ctx, run.await)
    }

    /// Takes vendors in: the same columns as `customersImport`. Rights: `core.import.run` and `finance.vendor.manage`.
    async fn vendors_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: ImportInput,
    ) -> async_graphql::Result<Option<ImportPayload>> {
        ctx.tx(Can::ImportRun).await?;
        let tx = ctx.tx(Can::VendorManage).await?;
        let run = async { parties::run(tx, Side::Vendors, input.file.open()?).await };
        ImportPayload::settle(ctx, run.await)
    }

    /// Takes bank statements in. Opening balance and movements have to give the closing balance, of each statement and
    /// together with the statements that it joins or overlaps; otherwise the file is refused with the difference.
    /// Movements that are there already are not added again. Rights: `core.import.run` and `finance.bank.manage`.
    async fn bank_statement_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file and how to read it.")] input: BankStatementImportInput,
    ) -> async_graphql::Result<Option<ImportPayload>> {
        ctx.tx(Can::ImportRun).await?;
        let tx = ctx.tx(Can::BankManage).await?;
        let said = bank_statement::Said {
            bank_account: input.bank_account,
            format: input.format,
            mapping_at: "mapping",
            mapping: input.mapping,
            writing_at: "writing",
            writing: input.writing,
            opening_balance: input.opening_balance,
            closing_balance: input.closing_balance,
        };
        ImportPayload::settle(ctx, bank_statement::run(tx, said, || input.file.open()).await)
    }
}
