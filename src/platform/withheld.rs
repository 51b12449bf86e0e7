//! Rights that one is granted in a client and cannot use today, because no live engagement of the client covers what they
//! are for (`migrations/0231_engagement_gate`). They are missing like any other right; here is what says why.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};

use super::can::Can;
use super::db::Tx;
use super::error::{Error, Result};
use super::sql::sql;

#[derive(QueryableByName)]
struct Withheld {
    #[diesel(sql_type = Array<Text>)]
    names: Vec<String>,
}

#[derive(QueryableByName)]
struct Offered {
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// What whoever acts is granted in this transaction's client and no live engagement leaves him today.
pub async fn rights(tx: &Tx) -> Result<Vec<Can>> {
    if tx.tenant().is_err() {
        return Ok(Vec::new());
    }
    let found: Withheld = tx.row(sql("SELECT core.withheld_here() AS names")).await?;
    Ok(found.names.iter().filter_map(|name| Can::parse(name)).collect())
}

/// What refuses a right that is missing: that no live engagement covers it, if that is why; `otherwise` if not. Which
/// services would cover it is told to those who may see which services the client has.
pub async fn refusal(tx: &Tx, can: Can, otherwise: String) -> Error {
    // What only reads is never withheld, and outside a client nothing is.
    if can.name().ends_with(".read") || tx.tenant().is_err() {
        return Error::Forbidden(otherwise);
    }
    match explained(tx, can).await {
        Ok(Some(why)) => Error::Forbidden(why),
        Ok(None) => Error::Forbidden(otherwise),
        Err(error) => error,
    }
}

async fn explained(tx: &Tx, can: Can) -> Result<Option<String>> {
    if !rights(tx).await?.contains(&can) {
        return Ok(None);
    }
    let refused =
        format!("No live engagement of this client covers this today, so the right `{}` is withheld.", can.name());
    if !tx.permissions().contains(&Can::EngagementRead) {
        return Ok(Some(refused));
    }
    let offered: Vec<Offered> =
        tx.rows(sql("SELECT s.code, s.name FROM practice.services_covering($1) s").bind::<Text, _>(can.name())).await?;
    let named: Vec<String> = offered.into_iter().map(|one| format!("{} (`{}`)", one.name, one.code)).collect();
    Ok(Some(format!("{refused} An engagement of one of these services would cover it: {}.", named.join(", "))))
}
