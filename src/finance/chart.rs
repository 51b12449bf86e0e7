//! What documents and bank matches ask of the chart of accounts and the tax codes: facts, checked, in one statement each.

use std::collections::HashMap;

use backoffice_money::{Currency, Decimal};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};

use crate::finance::document::Kind;
use crate::finance::ids::{AccountId, TaxCodeId};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::sql::sql;

/// What decides whether an account takes a posting.
#[derive(QueryableByName, Clone, Debug)]
pub struct AccountFacts {
    /// The account.
    #[diesel(sql_type = SqlUuid)]
    pub id: AccountId,
    /// Its code.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// A heading that nothing is posted to.
    #[diesel(sql_type = Bool)]
    pub is_group: bool,
    /// In use.
    #[diesel(sql_type = Bool)]
    pub active: bool,
    /// Its role.
    #[diesel(sql_type = Nullable<Text>)]
    pub control: Option<String>,
    /// The one currency that it holds, if it holds only one.
    #[diesel(sql_type = Nullable<Text>)]
    pub currency: Option<String>,
}

impl AccountFacts {
    /// Why the account takes no posting in that currency, if it takes none.
    #[must_use]
    pub fn objection(&self, currency: Currency) -> Option<String> {
        let code = &self.code;
        if self.is_group {
            return Some(format!("Account {code} is a group; post to one of the accounts below it."));
        }
        if !self.active {
            return Some(format!("Account {code} is not in use any more."));
        }
        match &self.currency {
            Some(only) if only != currency.code() => Some(format!("Account {code} is kept in {only} only.")),
            _ => None,
        }
    }

    /// Refuses an account that takes no posting in that currency.
    pub fn check_posting(&self, field: &str, currency: Currency) -> Result<()> {
        self.objection(currency).map_or(Ok(()), |reason| Err(Error::refuse(UserErrorCode::Invalid, field, reason)))
    }

    /// Refuses control accounts: what stands on them has a record of its own beside the ledger.
    pub fn check_no_control(&self, field: &str, refused: &[&str]) -> Result<()> {
        match &self.control {
            Some(control) if refused.contains(&control.as_str()) => {
                let message = format!(
                    "Account {} is a control account ({}); its postings come from documents, taxes and the bank alone.",
                    self.code,
                    control.replace('_', " ")
                );
                Err(Error::refuse(UserErrorCode::Invalid, field, message))
            }
            _ => Ok(()),
        }
    }
}

/// The accounts of those ids.
pub async fn accounts(tx: &Tx, ids: Vec<AccountId>) -> Result<HashMap<AccountId, AccountFacts>> {
    let rows: Vec<AccountFacts> = tx
        .rows(
            sql("SELECT a.id, a.code, a.is_group, a.active, a.control, a.currency
                   FROM finance.account a WHERE a.tenant_id = $1 AND a.id = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(ids),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// The accounts of those codes, by code.
pub async fn accounts_by_code(tx: &Tx, codes: Vec<String>) -> Result<HashMap<String, AccountFacts>> {
    let rows: Vec<AccountFacts> = tx
        .rows(
            sql("SELECT a.id, a.code, a.is_group, a.active, a.control, a.currency
                   FROM finance.account a WHERE a.tenant_id = $1 AND a.code = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Text>, _>(codes),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.code.clone(), row)).collect())
}

/// The account that collects what is owed: of several with that role the first by code that takes the currency.
pub async fn control(tx: &Tx, role: &'static str, currency: Currency) -> Result<AccountFacts> {
    let found: Option<AccountFacts> = tx
        .maybe(
            sql("SELECT a.id, a.code, a.is_group, a.active, a.control, a.currency
                   FROM finance.account a
                  WHERE a.tenant_id = $1 AND a.control = $2 AND a.active AND (a.currency IS NULL OR a.currency = $3)
                  ORDER BY a.currency NULLS LAST, a.code LIMIT 1")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Text, _>(role)
                .bind::<Text, _>(currency.to_string()),
        )
        .await?;
    found.ok_or_else(|| {
        let message = format!("The chart of accounts has no {role} account for {currency}; add one with that control role.");
        Error::refuse(UserErrorCode::State, "", message)
    })
}

/// A tax code as of a day.
#[derive(QueryableByName, Clone, Debug)]
pub struct TaxCodeFacts {
    /// The tax code.
    #[diesel(sql_type = SqlUuid)]
    pub id: TaxCodeId,
    /// Its code.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// `output` or `input`.
    #[diesel(sql_type = Text)]
    pub direction: String,
    /// Where its tax is posted.
    #[diesel(sql_type = SqlUuid)]
    pub account_id: AccountId,
    /// Its rate in percent on the day, if it has one.
    #[diesel(sql_type = Nullable<Numeric>)]
    pub percent: Option<Decimal>,
}

impl TaxCodeFacts {
    /// Refuses input taxes on invoices and output taxes on bills.
    pub fn check_direction(&self, field: &str, kind: Kind) -> Result<()> {
        let (wanted, document) = match kind {
            Kind::Invoice => ("output", "an invoice"),
            Kind::Bill => ("input", "a bill"),
        };
        if self.direction == wanted {
            return Ok(());
        }
        let message = format!("Tax code {} is for {} tax; {document} needs {wanted} tax.", self.code, self.direction);
        Err(Error::refuse(UserErrorCode::Invalid, field, message))
    }

    /// The rate, or a refusal that names the day.
    pub fn percent_on(&self, field: &str, day: NaiveDate) -> Result<Decimal> {
        self.percent.ok_or_else(|| {
            Error::refuse(UserErrorCode::Invalid, field, format!("Tax code {} has no rate on {day}.", self.code))
        })
    }
}

/// The tax codes of those ids with their rates of a day.
pub async fn tax_codes(tx: &Tx, ids: Vec<TaxCodeId>, day: NaiveDate) -> Result<HashMap<TaxCodeId, TaxCodeFacts>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<TaxCodeFacts> = tx
        .rows(
            sql("SELECT t.id, t.code, t.direction, t.account_id,
                        (SELECT r.percent FROM finance.tax_rate r
                          WHERE r.tenant_id = $1 AND r.tax_code_id = t.id AND r.valid_from <= $3
                          ORDER BY r.valid_from DESC LIMIT 1) AS percent
                   FROM finance.tax_code t WHERE t.tenant_id = $1 AND t.id = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(ids)
                .bind::<SqlDate, _>(day),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
