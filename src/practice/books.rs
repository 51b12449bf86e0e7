//! The books of a new client: what the practice asks of finance when it takes a client on.

use backoffice_formats::chart_csv;
use backoffice_formats::table::Dialect;
use diesel::prelude::*;
use diesel::sql_types::{Date as SqlDate, Nullable, Text, Uuid as SqlUuid};

use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::new_uuid;
use crate::platform::scalars::CurrencyCode;
use crate::platform::sql::sql;
use crate::schema::finance::account;

/// The general ledger, the first fiscal year and the accounts of a template.
pub(super) async fn found(tx: &Tx, currency: &CurrencyCode, start_month: i16, first_year: i32, chart: Option<&str>) -> Result<()> {
    let starts_on = chrono::NaiveDate::from_ymd_opt(first_year, u32::try_from(start_month).unwrap_or(1), 1)
        .ok_or_else(|| Error::fault("no such day"))?;
    tx.exec(
        sql("INSERT INTO finance.ledger (tenant_id, id, code, name, currency) VALUES ($1, $2, 'GENERAL', 'General ledger', $3)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<Text, _>(currency.0.clone()),
    )
    .await?;
    tx.exec(
        sql("INSERT INTO finance.fiscal_year (tenant_id, id, name, starts_on, ends_on) VALUES ($1, $2, $3, $4, ($4 + interval '1 year - 1 day')::date)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<Text, _>(first_year.to_string())
            .bind::<SqlDate, _>(starts_on),
    )
    .await?;
    let Some(chart) = chart else { return Ok(()) };
    for new in chart_csv::parse(chart.as_bytes(), &Dialect::default()).map_err(|problems| Error::fault(problems.to_string()))? {
        tx.exec(
            sql("INSERT INTO finance.account (tenant_id, id, code, name, kind, parent_id, is_group, control, statement_line)
                 SELECT $1, $2, $3, $4, $5, (SELECT a.id FROM finance.account a WHERE a.tenant_id = $1 AND a.code = $6), $7, $8, $9")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<Text, _>(new.code)
                .bind::<Text, _>(new.name)
                .bind::<Text, _>(new.account_type.as_str())
                .bind::<Nullable<Text>, _>(new.parent)
                .bind::<diesel::sql_types::Bool, _>(new.group)
                .bind::<Nullable<Text>, _>(new.control.map(|c| c.as_str()))
                .bind::<Nullable<Text>, _>(new.statement_line),
        )
        .await?;
    }
    let _ = account::table.count();
    Ok(())
}
