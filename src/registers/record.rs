//! A record of a register as it is read: its values, unless they are withheld from whoever is to key them blind.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use backoffice_register_rules::Values;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use super::duplicates::RegisterDuplicate;
use super::ids::{RegisterId, RegisterRecordId};
use super::keying::{RegisterDifference, RegisterKeying};
use super::quality::{self, RegisterQuality};
use super::register::Register;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::Pieces;

crate::platform::words! {
    /// Where a record of a register stands.
    RegisterRecordState {
        /// It counts: nothing in it has to be keyed twice, or two people have said the same.
        Confirmed = "confirmed",
        /// A second person has to key its critical values.
        Unconfirmed = "unconfirmed",
        /// Two people have keyed its critical values differently; a third one decides.
        Different = "different",
        /// It does not count any more.
        Void = "void",
    }
}

crate::platform::equality_filter!(
    /// Conditions on where a record stands.
    RegisterRecordStateFilter, RegisterRecordState
);

/// A record of a register.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct RegisterRecord {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: RegisterRecordId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) register_id: RegisterId,
    /// The edition of its register's definition under which it was entered or changed last.
    #[diesel(sql_type = Int4)]
    pub edition: i32,
    /// Where it stands.
    #[diesel(sql_type = Text)]
    pub state: RegisterRecordState,
    #[diesel(sql_type = Jsonb)]
    #[graphql(skip)]
    pub(super) fields: Value,
    #[diesel(sql_type = Int4)]
    #[graphql(skip)]
    pub(super) round: i32,
    /// Why it is void; null if it is not.
    #[diesel(sql_type = Nullable<Text>)]
    pub void_reason: Option<String>,
    /// When the record was made.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// When it was last changed.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    #[diesel(sql_type = Int4)]
    pub version: i32,
    #[diesel(sql_type = Bool)]
    #[graphql(skip)]
    pub(super) withheld: bool,
    /// Its place in a list that is ordered by a field.
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    pub(super) sort: Option<String>,
}

/// What a record says in a field.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterValue {
    /// The key of the field.
    pub field: String,
    /// What stands in it, in its one spelling: a text, a number with a point, a day (`YYYY-MM-DD`), `true` or `false`, or the
    /// choice. Null if it is withheld.
    pub value: Option<String>,
    /// Whether it is withheld: a critical value of an unconfirmed record is shown only to whoever has keyed it, so that the
    /// second one does so blind.
    pub withheld: bool,
}

impl RegisterRecord {
    /// All that it says, withheld or not: for rules, never for an answer.
    pub(super) fn said(&self) -> Result<Values> {
        serde_json::from_value(self.fields.clone()).map_err(Error::fault)
    }
}

#[ComplexObject]
impl RegisterRecord {
    /// Its register.
    async fn register(&self, ctx: &Context<'_>) -> async_graphql::Result<Register> {
        Ok(of(ctx, self).await?)
    }

    /// What it says, in the order of the fields; fields in which nothing stands are left out, unless they are withheld.
    async fn values(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RegisterValue>> {
        let register = of(ctx, self).await?;
        let values = self.said()?;
        let shown = register.definition().fields.iter().filter_map(|field| {
            let withheld = self.withheld && field.critical;
            let value = if withheld { None } else { Some(values.get(&field.key)?.clone()) };
            Some(RegisterValue { field: field.key.clone(), value, withheld })
        });
        Ok(shown.collect())
    }

    /// How good its data are.
    async fn quality(&self, ctx: &Context<'_>) -> async_graphql::Result<RegisterQuality> {
        let register = of(ctx, self).await?;
        let alike = ctx.load::<RegisterDuplicate>(self.id).await?.unwrap_or_default();
        Ok(quality::of_record(&register, self, &alike)?)
    }

    /// Other records of the register that are perhaps the same, by the register's rules for duplicates; at most 20.
    async fn duplicates(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RegisterDuplicate>> {
        Ok(ctx.load::<RegisterDuplicate>(self.id).await?.unwrap_or_default())
    }

    /// The critical values in which two people differ, while somebody has to decide; else empty.
    async fn differences(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RegisterDifference>> {
        if self.state != RegisterRecordState::Different {
            return Ok(Vec::new());
        }
        let keyings = ctx.load::<RegisterKeying>(self.id).await?.unwrap_or_default();
        let register = of(ctx, self).await?;
        Ok(super::keying::differences(&register, self, &keyings)?)
    }

    /// Who has keyed its critical values a second time, or decided on them, the latest first; at most 20.
    async fn keyings(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RegisterKeying>> {
        Ok(ctx.load::<RegisterKeying>(self.id).await?.unwrap_or_default())
    }
}

async fn of(ctx: &Context<'_>, record: &RegisterRecord) -> Result<Register> {
    let register = ctx.load::<Register>(record.register_id).await?;
    register.ok_or_else(|| Error::fault("a record has no register"))
}

/// The beginning of a statement that reads records as `r`; `from` goes on behind the columns with `FROM`.
pub(super) fn select<'a>(tx: &Tx, from: &'static str) -> Pieces<'a> {
    let mut query = Pieces::default();
    query
        .text(
            "SELECT r.id, r.register_id, r.edition, r.state, r.fields, r.round, r.void_reason, r.created_at, r.updated_at,
                    r.version, (r.state = 'unconfirmed' AND NOT r.keyed_by @> ARRAY[",
        )
        .bind::<SqlUuid, _>(tx.actor())
        .text("]::uuid[]) AS withheld")
        .text(from);
    query
}

/// Notes that whoever else holds the right may see less, or more, of these.
pub(super) fn seen(tx: &Tx, rows: Vec<RegisterRecord>) -> Vec<RegisterRecord> {
    if rows.iter().any(|row| row.state == RegisterRecordState::Unconfirmed) {
        tx.tells_own();
    }
    rows
}

/// Records by their ids.
pub(super) async fn find(tx: &Tx, ids: Vec<Uuid>) -> Result<Vec<RegisterRecord>> {
    let mut query = select(tx, ", NULL::text AS sort FROM practice.register_record r WHERE r.tenant_id = ");
    query
        .bind::<SqlUuid, _>(tx.tenant()?)
        .text(" AND r.id = ANY (")
        .bind::<Array<SqlUuid>, _>(ids)
        .text(") ORDER BY r.id");
    Ok(seen(tx, tx.rows(query).await?))
}

/// The record of that id, locked until the transaction ends, with its register as it is held until then as well.
pub(super) async fn locked(tx: &Tx, id: RegisterRecordId, field: &str) -> Result<(Register, RegisterRecord)> {
    let unknown = || Error::not_found(field, "record of a register");
    // The register first, as everybody does who writes records.
    let found = find(tx, vec![id.0]).await?.pop().ok_or_else(unknown)?;
    let register = super::register::held(tx, found.register_id, field).await?;
    let mut query = select(tx, ", NULL::text AS sort FROM practice.register_record r WHERE r.tenant_id = ");
    query.bind::<SqlUuid, _>(tx.tenant()?).text(" AND r.id = ").bind::<SqlUuid, _>(id.0).text(" FOR NO KEY UPDATE");
    let record = tx.maybe(query).await?.ok_or_else(unknown)?;
    Ok((register, record))
}

/// The record of that id as it is after a change.
pub(super) async fn again(tx: &Tx, id: RegisterRecordId) -> Result<RegisterRecord> {
    find(tx, vec![id.0]).await?.pop().ok_or_else(|| Error::fault("a record that was changed is gone"))
}

impl Fetch for RegisterRecord {
    type Key = RegisterRecordId;
    type Value = Self;
    const CAN: Can = Can::RegisterRead;

    async fn fetch(tx: &Tx, keys: Vec<RegisterRecordId>) -> Result<HashMap<RegisterRecordId, Self>> {
        let rows = find(tx, keys.into_iter().map(|key| key.0).collect()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}
