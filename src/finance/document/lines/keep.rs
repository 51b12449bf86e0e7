//! The lines of a draft as they are written, and as they are when it is posted: as sets, one statement each.

use backoffice_money::{Currency, Decimal, Totals};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use futures_util::future::try_join3;
use uuid::Uuid;

use crate::finance::chart;
use crate::finance::document::pricing::{self, Line, LineTax};
use crate::finance::document::{DocumentLineInput, Kind};
use crate::finance::ids::{AccountId, TaxCodeId};
use crate::finance::ledger::account::{self, Control};
use crate::finance::ledger::dimension::{Labels, labels};
use crate::finance::ledger::tax_code;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::sql::sql;

/// Roles of accounts that lines are not posted to: documents post there by themselves, or the bank does.
const NOT_ON_LINES: [Control; 7] = [
    Control::Receivable,
    Control::Payable,
    Control::Bank,
    Control::InputTax,
    Control::OutputTax,
    Control::CustomerAdvance,
    Control::VendorAdvance,
];

/// Finds accounts and tax codes of new lines, with the rates of a day, and refuses what cannot stand on a document.
pub async fn resolve(
    tx: &Tx,
    kind: Kind,
    inputs: Vec<DocumentLineInput>,
    currency: Currency,
    day: NaiveDate,
) -> Result<Vec<Line>> {
    pricing::check(&inputs)?;
    let accounts: Vec<AccountId> = inputs.iter().map(|line| line.account).collect();
    let codes: Vec<TaxCodeId> =
        inputs.iter().flat_map(|line| line.tax_code.into_iter().chain(line.second_tax_code)).collect();
    let wanted: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(at, line)| (format!("lines.{at}.dimensions"), line.dimensions.clone().unwrap_or_default()))
        .collect();
    let (accounts, rates, labels) = try_join3(
        account::by_id(tx, &accounts),
        tax_code::rates_on(tx, &codes, day),
        labels::resolve(tx, &wanted, day),
    )
    .await?;
    inputs
        .into_iter()
        .zip(labels)
        .enumerate()
        .map(|(at, (line, labels))| {
            let field = format!("lines.{at}.account");
            let account = accounts.get(&line.account).ok_or_else(|| Error::not_found(&field, "account"))?;
            chart::check_posting(account, &field, currency)?;
            chart::check_no_control(account, &field, &NOT_ON_LINES)?;
            let tax = |name: &str, code: Option<TaxCodeId>| {
                let field = format!("lines.{at}.{name}");
                let Some(code) = code else { return Ok(None) };
                let rate = rates.get(&code).ok_or_else(|| {
                    let message = format!("There is no such tax code, or it has no rate on {day}.");
                    Error::refuse(UserErrorCode::NotFound, &field, message)
                })?;
                chart::check_direction(rate, &field, kind)?;
                Ok::<_, Error>(Some(LineTax { code, account: rate.account_id, percent: rate.percent }))
            };
            let (tax, second_tax) = (tax("taxCode", line.tax_code)?, tax("secondTaxCode", line.second_tax_code)?);
            Ok(Line {
                description: line.description,
                quantity: line.quantity.0,
                unit_price: line.unit_price.0,
                discount_percent: line.discount_percent.unwrap_or_default().0,
                account: line.account,
                tax,
                second_tax,
                labels,
            })
        })
        .collect()
}

/// Writes the lines of a new draft.
pub async fn insert(
    tx: &Tx,
    kind: Kind,
    document: Uuid,
    lines: Vec<Line>,
    totals: &Totals<Option<TaxCodeId>>,
) -> Result<()> {
    let count = lines.len();
    let text = for_kind!(kind, |table| {
        concat!(
        "INSERT INTO finance.", table!(), "_line (tenant_id, id, ", table!(), "_id, line_no, description, quantity,
           unit_price, discount_percent, account_id, tax_code_id, tax_percent, net, second_tax_code_id, second_tax_percent,
           dimensions)
         SELECT $1, n.id, $2, n.line_no, n.description, n.quantity, n.unit_price, n.discount_percent, n.account_id,
                n.tax_code_id, n.tax_percent, n.net, n.second_tax_code_id, n.second_tax_percent, n.dimensions
           FROM unnest($3::uuid[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[], $8::uuid[], $9::uuid[],
                       $10::numeric[], $11::numeric[], $12::uuid[], $13::numeric[], $14::jsonb[]) WITH ORDINALITY
             AS n (id, description, quantity, unit_price, discount_percent, account_id, tax_code_id, tax_percent, net,
                   second_tax_code_id, second_tax_percent, dimensions, line_no)"
    )
    });
    tx.exec(
        sql(text)
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(document)
            .bind::<Array<SqlUuid>, _>((0..count).map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(lines.iter().map(|line| line.description.clone()).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.quantity).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.unit_price).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.discount_percent).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(lines.iter().map(|line| line.account).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(
                lines.iter().map(|line| line.tax.map(|tax| tax.code)).collect::<Vec<_>>(),
            )
            .bind::<Array<Numeric>, _>(lines.iter().map(Line::percent).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(totals.lines.iter().map(|line| line.net).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(
                lines.iter().map(|line| line.second_tax.map(|tax| tax.code)).collect::<Vec<_>>(),
            )
            .bind::<Array<Numeric>, _>(lines.iter().map(Line::second_percent).collect::<Vec<_>>())
            .bind::<Array<Jsonb>, _>(lines.iter().map(|line| line.labels.to_json()).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

/// Removes the lines of a draft.
pub async fn clear(tx: &Tx, kind: Kind, document: Uuid) -> Result<()> {
    let text = for_kind!(kind, |table| concat!(
        "DELETE FROM finance.",
        table!(),
        "_line l WHERE l.tenant_id = $1 AND l.",
        table!(),
        "_id = $2"
    ));
    tx.exec(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<SqlUuid, _>(document)).await?;
    Ok(())
}

/// A draft's line with its tax code as of the day of posting.
#[derive(QueryableByName, Debug)]
pub struct DraftLine {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Int4)]
    document_version: i32,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Numeric)]
    quantity: Decimal,
    #[diesel(sql_type = Numeric)]
    unit_price: Decimal,
    #[diesel(sql_type = Numeric)]
    discount_percent: Decimal,
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    tax_code_id: Option<TaxCodeId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    tax_account_id: Option<AccountId>,
    #[diesel(sql_type = Numeric)]
    tax_percent: Decimal,
    #[diesel(sql_type = Numeric)]
    net: Decimal,
    #[diesel(sql_type = Jsonb)]
    dimensions: serde_json::Value,
    #[diesel(sql_type = Nullable<Numeric>)]
    percent_on_day: Option<Decimal>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    second_tax_code_id: Option<TaxCodeId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    second_account_id: Option<AccountId>,
    #[diesel(sql_type = Numeric)]
    second_tax_percent: Decimal,
    #[diesel(sql_type = Nullable<Numeric>)]
    second_on_day: Option<Decimal>,
}

/// The lines of a draft, with the rates of a day.
pub async fn draft(tx: &Tx, kind: Kind, document: Uuid, day: NaiveDate) -> Result<Vec<DraftLine>> {
    let text = for_kind!(kind, |table| concat!(
        "SELECT l.id, d.version AS document_version, l.description, l.quantity, l.unit_price, l.discount_percent,
                l.account_id, l.tax_code_id, t.account_id AS tax_account_id, l.tax_percent, l.net, l.dimensions,
                (SELECT r.percent FROM finance.tax_rate r
                  WHERE r.tenant_id = $1 AND r.tax_code_id = l.tax_code_id AND r.valid_from <= $3
                  ORDER BY r.valid_from DESC LIMIT 1) AS percent_on_day,
                l.second_tax_code_id, s.account_id AS second_account_id, l.second_tax_percent,
                (SELECT r.percent FROM finance.tax_rate r
                  WHERE r.tenant_id = $1 AND r.tax_code_id = l.second_tax_code_id AND r.valid_from <= $3
                  ORDER BY r.valid_from DESC LIMIT 1) AS second_on_day
           FROM finance.",
        table!(),
        " d
           JOIN finance.",
        table!(),
        "_line l ON l.tenant_id = d.tenant_id AND l.",
        table!(),
        "_id = d.id
           LEFT JOIN finance.tax_code t ON t.tenant_id = l.tenant_id AND t.id = l.tax_code_id
           LEFT JOIN finance.tax_code s ON s.tenant_id = l.tenant_id AND s.id = l.second_tax_code_id
          WHERE d.tenant_id = $1 AND d.id = $2
          ORDER BY l.line_no"
    ));
    tx.rows(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<SqlUuid, _>(document).bind::<SqlDate, _>(day)).await
}

/// The draft's lines as they are posted. `version` is the version of the document that is locked: lines read together
/// with another version belong to a change that came in between, and the operation is tried again.
pub fn at_posting(draft: &[DraftLine], version: i32, date_field: &str) -> Result<Vec<Line>> {
    draft
        .iter()
        .map(|line| {
            if line.document_version != version {
                return Err(Error::Retry);
            }
            let tax = |code, account, percent| match (code, account, percent) {
                (None, _, _) => Ok(None),
                (Some(code), Some(account), Some(percent)) => Ok(Some(LineTax { code, account, percent })),
                _ => {
                    let message = "A tax code of this document has no rate on that day.";
                    Err(Error::refuse(UserErrorCode::Invalid, date_field, message))
                }
            };
            Ok(Line {
                description: line.description.clone(),
                quantity: line.quantity,
                unit_price: line.unit_price,
                discount_percent: line.discount_percent,
                account: line.account_id,
                tax: tax(line.tax_code_id, line.tax_account_id, line.percent_on_day)?,
                second_tax: tax(line.second_tax_code_id, line.second_account_id, line.second_on_day)?,
                labels: Labels::from_json(&line.dimensions)?,
            })
        })
        .collect()
}

/// Writes rates and nets where those of the day of posting differ from the draft's.
pub async fn reprice(
    tx: &Tx,
    kind: Kind,
    draft: &[DraftLine],
    lines: &[Line],
    totals: &Totals<Option<TaxCodeId>>,
) -> Result<()> {
    let mut ids = Vec::new();
    let mut percents = Vec::new();
    let mut nets = Vec::new();
    let mut seconds = Vec::new();
    for ((before, line), amounts) in draft.iter().zip(lines).zip(&totals.lines) {
        let rates = (line.percent(), line.second_percent());
        if (before.tax_percent, before.second_tax_percent) != rates || before.net != amounts.net {
            ids.push(before.id);
            percents.push(rates.0);
            seconds.push(rates.1);
            nets.push(amounts.net);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let text = for_kind!(kind, |table| concat!(
        "UPDATE finance.",
        table!(),
        "_line l SET tax_percent = n.percent, net = n.net, second_tax_percent = n.second
           FROM unnest($2::uuid[], $3::numeric[], $4::numeric[], $5::numeric[]) AS n (id, percent, net, second)
          WHERE l.tenant_id = $1 AND l.id = n.id"
    ));
    tx.exec(
        sql(text)
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Array<Numeric>, _>(percents)
            .bind::<Array<Numeric>, _>(nets)
            .bind::<Array<Numeric>, _>(seconds),
    )
    .await?;
    Ok(())
}
