//! Lists of records: narrowed by what they say, in the order of a field or the latest first, page by page.

use async_graphql::{Context, InputObject, Object};
use backoffice_register_rules::Field;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::filter::{Around, RegisterRecordFilter, guard};
use super::ids::{RegisterId, RegisterRecordId};
use super::record::{RegisterRecord, seen, select};
use super::register::Register;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::platform::sql::Pieces;

crate::platform::connection!(
    /// A page of records of a register.
    RegisterRecordConnection, RegisterRecordEdge, RegisterRecord
);

/// The order of a list of records.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterRecordOrder {
    /// The key of the field. Texts are put in order by their first 100 characters, capital letters first; records that do not
    /// say it, and those whose value is withheld, come last.
    pub field: String,
    /// From the last to the first; not if not said.
    pub descending: Option<bool>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// A list as it was asked for.
struct Asked<'d> {
    around: Around<'d>,
    filter: Option<RegisterRecordFilter>,
}

impl Asked<'_> {
    /// Writes the conditions on `r`, behind a `WHERE`.
    fn write(&self, out: &mut Pieces<'_>) -> Result<()> {
        out.text("r.tenant_id = ").bind::<SqlUuid, _>(self.around.tenant);
        out.text(" AND r.register_id = ").bind::<SqlUuid, _>(self.around.register.0);
        match &self.filter {
            Some(filter) => {
                if !filter.asks_for_state() {
                    out.text(" AND r.state <> 'void'");
                }
                out.text(" AND ");
                filter.clone().write(out, self.around, 0, &mut 0)
            }
            None => {
                out.text(" AND r.state <> 'void'");
                Ok(())
            }
        }
    }

    async fn total(&self, tx: &Tx) -> Result<i64> {
        let mut query = Pieces::default();
        query.text("SELECT count(*) AS count FROM practice.register_record r WHERE ");
        self.write(&mut query)?;
        Ok(tx.row::<Count, _>(query).await?.count)
    }

    /// The latest first.
    async fn latest(&self, tx: &Tx, slice: &Slice) -> Result<Vec<RegisterRecord>> {
        let mut query = select(tx, ", NULL::text AS sort FROM practice.register_record r WHERE ");
        self.write(&mut query)?;
        if let Some((_, id)) = &slice.after {
            query.text(" AND r.id < ").bind::<SqlUuid, _>(*id);
        }
        query.text(" ORDER BY r.id DESC LIMIT ").bind::<BigInt, _>(slice.limit());
        tx.rows(query).await
    }

    /// Those that say the field, in its order, behind a place.
    async fn said(
        &self,
        tx: &Tx,
        field: &Field,
        descending: bool,
        after: Option<(&str, Uuid)>,
        most: i64,
    ) -> Result<Vec<RegisterRecord>> {
        let mut query = select(
            tx,
            ", v.sort FROM practice.register_value v JOIN practice.register_record r ON r.tenant_id = v.tenant_id AND r.id = v.record_id WHERE v.tenant_id = ",
        );
        query
            .bind::<SqlUuid, _>(self.around.tenant)
            .text(" AND v.register_id = ")
            .bind::<SqlUuid, _>(self.around.register.0)
            .text(" AND v.field = ")
            .bind::<Text, _>(field.key.clone());
        if let Some((sort, id)) = after {
            query.text(if descending { " AND (v.sort, v.record_id) < (" } else { " AND (v.sort, v.record_id) > (" });
            query.bind::<Text, _>(sort.to_owned()).text(", ").bind::<SqlUuid, _>(id).text(")");
        }
        if field.critical {
            query.text(" AND ");
            guard(&mut query, self.around.actor);
        }
        query.text(" AND ");
        self.write(&mut query)?;
        query.text(if descending {
            " ORDER BY v.sort DESC, v.record_id DESC LIMIT "
        } else {
            " ORDER BY v.sort, v.record_id LIMIT "
        });
        query.bind::<BigInt, _>(most);
        tx.rows(query).await
    }

    /// Those that do not say the field, or do not show it, the latest first.
    async fn silent(&self, tx: &Tx, field: &Field, after: Option<Uuid>, most: i64) -> Result<Vec<RegisterRecord>> {
        let mut query = select(tx, ", NULL::text AS sort FROM practice.register_record r WHERE ");
        self.write(&mut query)?;
        query.text(" AND (");
        if field.critical {
            query.text("NOT ");
            guard(&mut query, self.around.actor);
            query.text(" OR ");
        }
        query
            .text("NOT EXISTS (SELECT 1 FROM practice.register_value v WHERE v.tenant_id = r.tenant_id AND v.record_id = r.id AND v.field = ")
            .bind::<Text, _>(field.key.clone())
            .text("))");
        if let Some(id) = after {
            query.text(" AND r.id < ").bind::<SqlUuid, _>(id);
        }
        query.text(" ORDER BY r.id DESC LIMIT ").bind::<BigInt, _>(most);
        tx.rows(query).await
    }

    async fn in_order(&self, tx: &Tx, slice: &Slice, order: &RegisterRecordOrder) -> Result<Vec<RegisterRecord>> {
        let Some(field) = self.around.definition.field(&order.field) else {
            return Err(Error::BadInput("`orderBy` names a field that the register does not have.".to_owned()));
        };
        let descending = order.descending.unwrap_or_default();
        let no_cursor = || Error::BadInput("`after` is not a cursor of this list.".to_owned());
        // A cursor says whether it stands among those that say the field, and where.
        let (mut rows, behind) = match &slice.after {
            Some((value, id)) => match value.split_at_checked(1) {
                Some(("v", sort)) => (self.said(tx, field, descending, Some((sort, *id)), slice.limit()).await?, None),
                Some(("n", _)) => (Vec::new(), Some(*id)),
                _ => return Err(no_cursor()),
            },
            None => (self.said(tx, field, descending, None, slice.limit()).await?, None),
        };
        let left = slice.limit().saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        if left > 0 {
            rows.extend(self.silent(tx, field, behind, left).await?);
        }
        Ok(rows)
    }
}

/// The cursor of a record in a list.
fn cursor(record: &RegisterRecord, ordered: bool) -> String {
    let value = match (&record.sort, ordered) {
        (Some(sort), true) => format!("v{sort}"),
        (None, true) => "n".to_owned(),
        (_, false) => String::new(),
    };
    encode(&value, record.id.0)
}

/// Queries about records of registers.
#[derive(Default)]
pub struct RegisterRecordQuery;

#[Object]
impl RegisterRecordQuery {
    /// One record of a register; null if the id is unknown. Right: `office.register.read`.
    async fn register_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record's id.")] id: RegisterRecordId,
    ) -> async_graphql::Result<Option<RegisterRecord>> {
        Ok(ctx.load::<RegisterRecord>(id).await?)
    }

    /// The records of a register, the latest first if no other order is asked for, those that are void aside; empty if the
    /// register is unknown. Right: `office.register.read`.
    async fn register_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The register.")] register: RegisterId,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only records that match.")] filter: Option<RegisterRecordFilter>,
        #[graphql(desc = "In the order of a field.")] order_by: Option<RegisterRecordOrder>,
    ) -> async_graphql::Result<RegisterRecordConnection> {
        let tx = ctx.tx(Can::RegisterRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let found = Register::fetch(tx, vec![register]).await?.remove(&register);
        let Some(found) = found else {
            return Ok(RegisterRecordConnection::new(ctx, &slice, Vec::new(), |row| cursor(row, false), Some(0)));
        };
        let around =
            Around { tenant: tx.tenant()?, actor: tx.actor(), register: found.id, definition: found.definition() };
        let asked = Asked { around, filter };
        let total = if ctx.look_ahead().field("totalCount").exists() { Some(asked.total(tx).await?) } else { None };
        let rows = match &order_by {
            None => asked.latest(tx, &slice).await?,
            Some(order) => asked.in_order(tx, &slice, order).await?,
        };
        let rows = seen(tx, rows);
        // What a filter or an order says of values that are withheld depends on who asks.
        if found.definition().is_critical() {
            tx.tells_own();
        }
        Ok(RegisterRecordConnection::new(ctx, &slice, rows, |row| cursor(row, order_by.is_some()), total))
    }
}
