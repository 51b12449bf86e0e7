//! A bank's file, read as its format says. What the file does not say about itself the caller says, and nothing else.

use backoffice_formats::bank_csv::{self, StatementFacts};
use backoffice_formats::{AccountId as FileAccount, BankStatement, camt053, mt940, ofx, qif};

use super::super::api::BankStatementFormat;
use super::super::mapping::{BankCsvMappingInput, BankFileWritingInput, of_sheet};
use super::super::problem::FileErrors;
use super::super::{File, parse};
use crate::finance::bank::account::BankAccount;
use crate::finance::ids::BankAccountId;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, decimals};
use crate::platform::scalars::Dec;

/// What is said of a bank's file.
pub(in super::super) struct Said {
    pub(in super::super) bank_account: Option<BankAccountId>,
    pub(in super::super) format: BankStatementFormat,
    /// Where the mapping stands in the input.
    pub(in super::super) mapping_at: &'static str,
    pub(in super::super) mapping: Option<BankCsvMappingInput>,
    /// Where it stands how the file is written.
    pub(in super::super) writing_at: &'static str,
    pub(in super::super) writing: Option<BankFileWritingInput>,
    pub(in super::super) opening_balance: Option<Dec>,
    pub(in super::super) closing_balance: Option<Dec>,
}

/// The file's name, the SHA-256 of its bytes, and the statements in it or what is wrong with it.
pub(super) type Read = (String, String, std::result::Result<Vec<BankStatement>, FileErrors>);

impl Said {
    /// Refuses what files of this format say themselves.
    fn check(&self) -> Result<()> {
        use BankStatementFormat::{Camt053, Csv, Mt940, Ofx, Qif};
        let given = [
            (self.mapping.is_some(), self.mapping_at, [Csv].as_slice()),
            (self.writing.is_some(), self.writing_at, &[Qif]),
            (self.opening_balance.is_some(), "openingBalance", &[Csv, Qif, Ofx]),
            (self.closing_balance.is_some(), "closingBalance", &[Csv, Qif]),
        ];
        let wrong = given.iter().find(|(given, _, formats)| *given && !formats.contains(&self.format));
        if let Some((_, field, _)) = wrong {
            let name = match self.format {
                Camt053 => "A CAMT.053 file",
                Mt940 => "An MT940 file",
                Ofx => "An OFX file",
                Qif => "A QIF file",
                Csv => "A CSV file",
            };
            let message = format!("{name} says this itself, or has no such thing: leave it away.");
            return Err(Error::refuse(UserErrorCode::Invalid, field, message));
        }
        Ok(())
    }

    /// What neither CSV nor QIF says.
    fn facts(&self, chosen: Option<&BankAccount>) -> Result<StatementFacts> {
        let needed =
            |field: &str| Error::refuse(UserErrorCode::Required, field, "Such a file does not say this: give it.");
        let account = chosen.ok_or_else(|| needed("bankAccount"))?;
        let exponent = currency(&account.currency.0)?.exponent();
        let opening = self.opening_balance.ok_or_else(|| needed("openingBalance"))?;
        let closing = self.closing_balance.ok_or_else(|| needed("closingBalance"))?;
        Ok(StatementFacts {
            account: FileAccount {
                iban: account.iban.as_ref().map(|iban| iban.0.clone()),
                other: account.number.clone(),
            },
            currency: account.currency.0.clone(),
            opening: decimals("openingBalance", opening.0, exponent)?,
            closing: decimals("closingBalance", closing.0, exponent)?,
        })
    }
}

/// Reads a file. `chosen`: the account that the caller names.
pub(super) async fn read(
    input: Said,
    chosen: Option<&BankAccount>,
    open: impl FnOnce() -> Result<File> + Send,
) -> Result<Read> {
    input.check()?;
    match input.format {
        BankStatementFormat::Camt053 => {
            let file = open()?;
            Ok((file.name, file.sha256, parse(file.bytes, camt053::parse).await?))
        }
        BankStatementFormat::Mt940 => {
            let file = open()?;
            Ok((file.name, file.sha256, parse(file.bytes, mt940::parse).await?))
        }
        BankStatementFormat::Ofx => {
            let opening = input.opening_balance.map(|opening| opening.0);
            let file = open()?;
            Ok((file.name, file.sha256, parse(file.bytes, move |bytes| ofx::parse(bytes, opening)).await?))
        }
        BankStatementFormat::Qif => {
            let facts = input.facts(chosen)?;
            let writing = input.writing.unwrap_or_default().read(input.writing_at)?;
            let file = open()?;
            let parsed = parse(file.bytes, move |bytes| qif::parse(bytes, &writing, facts)).await?;
            Ok((file.name, file.sha256, parsed.map(|statement| vec![statement])))
        }
        BankStatementFormat::Csv => {
            let facts = input.facts(chosen)?;
            let at = input.mapping_at;
            let message = "A CSV file does not say this: give it.";
            let mapping = input.mapping.ok_or_else(|| Error::refuse(UserErrorCode::Required, at, message))?;
            let mut mapping = mapping.read(at)?;
            let file = open()?;
            if file.sheet {
                mapping.dialect = of_sheet(mapping.dialect);
            }
            let parsed = parse(file.bytes, move |bytes| bank_csv::parse(bytes, &mapping, facts)).await?;
            Ok((file.name, file.sha256, parsed.map(|statement| vec![statement])))
        }
    }
}
