//! Parts of an open item that are due one after the other. What is settled of the item settles the earliest ones first.
//!
//! 100 as 30, 50 and 20, of which 40 are paid: the first part is settled; of the second, 50, are 10 settled and 40 open; the
//! third is open. So each part shows three amounts (50 / 10 / 40: agreed, settled, open), and an aging of that moment has
//! 40 by the second due date and 20 by the third.

use std::collections::HashMap;

use async_graphql::{InputObject, SimpleObject};
use backoffice_money::{Currency, Decimal, split_percent, sub};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Numeric, Text, Uuid as SqlUuid};

use crate::finance::ids::{InvoiceId, OpenItemId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{at, decimals};
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::sql::sql;

/// The most instalments of one document.
const MOST: usize = 60;

/// A part of an amount, and the day it is due.
#[derive(InputObject, Clone, Debug)]
pub struct InstalmentInput {
    /// The day it is due: not before the document, nor before the instalment before it.
    pub due_date: Date,
    /// How much of the whole in percent, more than 0, at most 4 decimals; all of them are 100.
    pub percent: Dec,
}

/// A part of an open item, and what is open of it now.
#[derive(SimpleObject, Clone, Debug)]
pub struct Instalment {
    /// Its place, from 1.
    #[graphql(name = "instalmentNo")]
    pub number: i32,
    /// The day it is due.
    pub due_date: Date,
    /// How much it is, in the item's currency.
    pub amount: Money,
    /// What of it is settled: the earliest instalments are settled first.
    pub settled: Money,
    /// What of it is open.
    pub open: Money,
}

/// An instalment as it was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The day it is due.
    pub due_date: NaiveDate,
    /// In the document's currency.
    pub amount: Decimal,
}

/// Splits an amount into instalments: by largest remainder, so that they are the whole.
pub fn agreed(
    given: &[InstalmentInput],
    gross: Decimal,
    currency: Currency,
    first_day: NaiveDate,
) -> Result<Vec<Agreed>> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    if given.is_empty() || given.len() > MOST {
        return refuse("instalments", "A document has 1 to 60 instalments, or none are said.");
    }
    if gross <= Decimal::ZERO {
        return refuse("instalments", "What nobody owes is not paid in instalments.");
    }
    let mut earliest = first_day;
    for (index, one) in given.iter().enumerate() {
        let field = format!("instalments.{index}.percent");
        decimals(&field, one.percent.0, 4)?;
        if one.percent.0 <= Decimal::ZERO {
            return refuse(&field, "An instalment is more than nothing.");
        }
        if one.due_date.0 < earliest {
            let field = format!("instalments.{index}.dueDate");
            return refuse(&field, "An instalment is not due before the document, nor before the one before it.");
        }
        earliest = one.due_date.0;
    }
    let percents: Vec<Decimal> = given.iter().map(|one| one.percent.0).collect();
    let parts = split_percent(gross, &percents, currency.exponent()).map_err(|error| at("instalments", error))?;
    if parts.iter().any(Decimal::is_zero) {
        return refuse("instalments", "The amount is too small for so many instalments.");
    }
    Ok(given.iter().zip(parts).map(|(one, amount)| Agreed { due_date: one.due_date.0, amount }).collect())
}

/// What is settled of each part when so much of the whole is: the earliest first.
fn settled(amounts: &[Decimal], mut settled: Decimal) -> Result<Vec<Decimal>> {
    let mut parts = Vec::with_capacity(amounts.len());
    for amount in amounts {
        let part = settled.clamp(Decimal::ZERO, *amount);
        settled = sub(settled, part)?;
        parts.push(part);
    }
    Ok(parts)
}

/// Writes the instalments of the open item that an invoice has just made.
pub async fn write(tx: &Tx, invoice: InvoiceId, parts: &[Agreed]) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO finance.instalment (tenant_id, id, open_item_id, instalment_no, due_date, amount)
             SELECT i.tenant_id, n.id, i.id, n.instalment_no, n.due_date, n.amount
               FROM finance.open_item i,
                    unnest($3::uuid[], $4::date[], $5::numeric[]) WITH ORDINALITY AS n (id, due_date, amount, instalment_no)
              WHERE i.tenant_id = $1 AND i.invoice_id = $2")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(invoice)
        .bind::<Array<SqlUuid>, _>(parts.iter().map(|_| new_uuid()).collect::<Vec<_>>())
        .bind::<Array<SqlDate>, _>(parts.iter().map(|part| part.due_date).collect::<Vec<_>>())
        .bind::<Array<Numeric>, _>(parts.iter().map(|part| part.amount).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    open_item_id: OpenItemId,
    #[diesel(sql_type = Int4)]
    instalment_no: i32,
    #[diesel(sql_type = SqlDate)]
    due_date: Date,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = Numeric)]
    settled: Decimal,
    #[diesel(sql_type = Text)]
    currency: String,
}

/// Fetches the instalments of open items, in their order.
pub struct OfItem;

impl Fetch for OfItem {
    type Key = OpenItemId;
    type Value = Vec<Instalment>;
    const CAN: Can = Can::OpenItemRead;

    async fn fetch(tx: &Tx, keys: Vec<OpenItemId>) -> Result<HashMap<OpenItemId, Vec<Instalment>>> {
        let rows: Vec<Row> = tx
            .rows(
                sql("SELECT n.open_item_id, n.instalment_no, n.due_date, n.amount, i.amount - i.open_amount AS settled, i.currency
                       FROM finance.instalment n
                       JOIN finance.open_item i ON i.tenant_id = n.tenant_id AND i.id = n.open_item_id
                      WHERE n.tenant_id = $1 AND n.open_item_id = ANY ($2)
                      ORDER BY n.open_item_id, n.instalment_no")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_item: HashMap<OpenItemId, Vec<Row>> = HashMap::new();
        for row in rows {
            by_item.entry(row.open_item_id).or_default().push(row);
        }
        by_item.into_iter().map(|(item, rows)| Ok((item, shown(&rows)?))).collect()
    }
}

/// Fetches on which invoices an instalment is open after its due date, today: part of reading them.
pub struct LateOnInvoice;

#[derive(QueryableByName)]
struct Late {
    #[diesel(sql_type = SqlUuid)]
    invoice_id: InvoiceId,
}

impl Fetch for LateOnInvoice {
    type Key = InvoiceId;
    type Value = bool;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<InvoiceId>) -> Result<HashMap<InvoiceId, bool>> {
        let rows: Vec<Late> = tx
            .rows(
                sql("SELECT i.invoice_id
                       FROM finance.open_item i
                       JOIN finance.instalment n ON n.tenant_id = i.tenant_id AND n.open_item_id = i.id
                      WHERE i.tenant_id = $1 AND i.invoice_id = ANY ($2) AND n.due_date < $3
                      GROUP BY i.invoice_id, i.amount, i.open_amount
                     HAVING sum(n.amount) > i.amount - i.open_amount")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys)
                .bind::<SqlDate, _>(tx.today()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.invoice_id, true)).collect())
    }
}

fn shown(rows: &[Row]) -> Result<Vec<Instalment>> {
    let amounts: Vec<Decimal> = rows.iter().map(|row| row.amount).collect();
    let settled = settled(&amounts, rows.first().map(|row| row.settled).unwrap_or_default())?;
    rows.iter()
        .zip(settled)
        .map(|(row, settled)| {
            let money = |amount| Money::new(Dec(amount), &row.currency);
            Ok(Instalment {
                number: row.instalment_no,
                due_date: row.due_date,
                amount: money(row.amount),
                settled: money(settled),
                open: money(sub(row.amount, settled)?),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn plan(parts: &[(&str, &str)]) -> Vec<InstalmentInput> {
        let one = |(day, percent): &(&str, &str)| InstalmentInput {
            due_date: Date(day.parse().unwrap()),
            percent: Dec(dec(percent)),
        };
        parts.iter().map(one).collect()
    }

    fn euros(given: &[InstalmentInput], gross: &str) -> Result<Vec<Agreed>> {
        agreed(given, dec(gross), Currency::parse("EUR").unwrap(), "2026-01-10".parse().unwrap())
    }

    #[test]
    fn the_earliest_first() {
        let amounts = [dec("30"), dec("50"), dec("20")];
        assert_eq!(settled(&amounts, dec("40")).unwrap(), [dec("30"), dec("10"), dec("0")]);
        assert_eq!(settled(&amounts, dec("100")).unwrap(), amounts);
        assert_eq!(settled(&amounts, dec("0")).unwrap(), [Decimal::ZERO; 3]);
    }

    #[test]
    fn they_are_the_whole() {
        let thirds = plan(&[("2026-02-01", "33.3333"), ("2026-03-01", "33.3333"), ("2026-04-01", "33.3334")]);
        let parts: Vec<Decimal> = euros(&thirds, "100.00").unwrap().iter().map(|part| part.amount).collect();
        assert_eq!(parts, [dec("33.33"), dec("33.33"), dec("33.34")]);
        for wrong in [
            plan(&[]),
            plan(&[("2026-02-01", "99.9999")]),
            plan(&[("2026-01-09", "100")]),
            plan(&[("2026-03-01", "50"), ("2026-02-01", "50")]),
            plan(&[("2026-02-01", "0"), ("2026-03-01", "100")]),
            plan(&[("2026-02-01", "-10"), ("2026-03-01", "110")]),
        ] {
            assert!(euros(&wrong, "100.00").is_err(), "{wrong:?}");
        }
        assert!(euros(&thirds, "0.02").is_err());
        assert!(euros(&thirds, "-5.00").is_err());
    }

    proptest! {
        #[test]
        fn what_is_settled_is_settled_once(amounts in prop::collection::vec(1i64..1_000_000, 1..12), share in 0i64..=100) {
            let amounts: Vec<Decimal> = amounts.into_iter().map(|cents| Decimal::new(cents, 2)).collect();
            let whole: Decimal = amounts.iter().sum();
            let paid = (whole * Decimal::new(share, 2)).round_dp(2);
            let parts = settled(&amounts, paid).unwrap();
            prop_assert_eq!(parts.iter().sum::<Decimal>(), paid);
            prop_assert!(parts.iter().zip(&amounts).all(|(part, amount)| part <= amount && *part >= Decimal::ZERO));
        }
    }
}
