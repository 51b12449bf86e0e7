//! The groups of records of a register that are perhaps one and the same, all of them, page by page.
//!
//! A group is what one rule for duplicates takes for alike: its place is the rule and the likeness, in which order the index
//! `register_likeness_by_likeness` has them. A page walks along it from its cursor on until it is full, so that it costs no
//! more than the records that lie between two groups.

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Text, Uuid as SqlUuid};
use futures_util::future::try_join_all;

use super::ids::{RegisterId, RegisterRecordId};
use super::record::RegisterRecord;
use super::register::Register;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::platform::sql::Pieces;

/// How many records of a group are shown.
const SHOWN: i64 = 20;

crate::platform::connection!(
    /// A page of groups of records that are perhaps one and the same.
    RegisterDuplicateGroupConnection, RegisterDuplicateGroupEdge, RegisterDuplicateGroup
);

/// Records that are perhaps one and the same under one rule for duplicates. A record is in a group of each rule under which
/// others are like it.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct RegisterDuplicateGroup {
    /// The keys of the fields in which all of them are alike.
    pub fields: Vec<String>,
    /// How many they are, 2 or more.
    pub count: i64,
    #[graphql(skip)]
    members: Vec<RegisterRecordId>,
    #[graphql(skip)]
    cursor: String,
}

#[ComplexObject]
impl RegisterDuplicateGroup {
    /// The records, the oldest first; of a group of more than 20 the first 20.
    async fn records(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RegisterRecord>> {
        let found = try_join_all(self.members.iter().map(|id| ctx.load::<RegisterRecord>(*id))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Why they are taken for one, as a sentence.
    async fn reason(&self) -> String {
        format!(
            "All {} say the same in {}, but for case, accents, punctuation and the order of words.",
            self.count,
            self.fields.join(" and ")
        )
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Int4)]
    rule: i32,
    #[diesel(sql_type = Text)]
    likeness: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Array<SqlUuid>)]
    members: Vec<RegisterRecordId>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What is grouped, behind a place, up to the `HAVING`.
fn grouped(tx: &Tx, register: RegisterId, after: Option<(i32, String)>, out: &mut Pieces<'_>) -> Result<()> {
    out.text("SELECT l.rule, l.likeness, count(*) AS count FROM practice.register_likeness l WHERE l.tenant_id = ");
    out.bind::<SqlUuid, _>(tx.tenant()?).text(" AND l.register_id = ").bind::<SqlUuid, _>(register.0);
    if let Some((rule, likeness)) = after {
        out.text(" AND (l.rule, l.likeness) > (").bind::<Int4, _>(rule).text(", ").bind::<Text, _>(likeness).text(")");
    }
    out.text(" GROUP BY l.rule, l.likeness HAVING count(*) > 1");
    Ok(())
}

async fn page(tx: &Tx, register: &Register, slice: &Slice) -> Result<Vec<RegisterDuplicateGroup>> {
    let after = match &slice.after {
        None => None,
        Some((place, id)) => {
            let place = place.split_once(' ').filter(|_| *id == register.id.0);
            let place = place.and_then(|(rule, likeness)| Some((rule.parse().ok()?, likeness.to_owned())));
            Some(place.ok_or_else(|| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?)
        }
    };
    let mut query = Pieces::default();
    query.text(
        "SELECT g.rule, g.likeness, g.count,
                ARRAY (SELECT m.record_id FROM practice.register_likeness m WHERE m.tenant_id = ",
    );
    query.bind::<SqlUuid, _>(tx.tenant()?).text(" AND m.register_id = ").bind::<SqlUuid, _>(register.id.0);
    query.text(" AND m.rule = g.rule AND m.likeness = g.likeness ORDER BY m.record_id LIMIT ");
    query.bind::<BigInt, _>(SHOWN).text(") AS members FROM (");
    grouped(tx, register.id, after, &mut query)?;
    query.text(" ORDER BY l.rule, l.likeness LIMIT ").bind::<BigInt, _>(slice.limit());
    query.text(") g ORDER BY g.rule, g.likeness");
    let rows: Vec<Row> = tx.rows(query).await?;
    let rules = &register.definition().duplicates;
    Ok(rows
        .into_iter()
        .map(|row| {
            let at = usize::try_from(row.rule).unwrap_or_default().saturating_sub(1);
            RegisterDuplicateGroup {
                fields: rules.get(at).cloned().unwrap_or_default(),
                count: row.count,
                members: row.members,
                cursor: encode(&format!("{} {}", row.rule, row.likeness), register.id.0),
            }
        })
        .collect())
}

async fn total(tx: &Tx, register: RegisterId) -> Result<i64> {
    let mut query = Pieces::default();
    query.text("SELECT count(*) AS count FROM (");
    grouped(tx, register, None, &mut query)?;
    query.text(") g");
    Ok(tx.row::<Count, _>(query).await?.count)
}

/// Queries about records that are perhaps one and the same.
#[derive(Default)]
pub struct RegisterDuplicateQuery;

#[Object]
impl RegisterDuplicateQuery {
    /// The groups of records of a register that are perhaps one and the same, by its rules for duplicates in their order; those
    /// that are void aside. Empty if the register is unknown or has no such rule. Right: `office.register.read`.
    async fn register_duplicate_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The register.")] register: RegisterId,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<RegisterDuplicateGroupConnection> {
        let tx = ctx.tx(Can::RegisterRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let found = Register::fetch(tx, vec![register]).await?.remove(&register);
        let cursor = |group: &RegisterDuplicateGroup| group.cursor.clone();
        let Some(found) = found else {
            return Ok(RegisterDuplicateGroupConnection::new(ctx, &slice, Vec::new(), cursor, Some(0)));
        };
        let total = if ctx.look_ahead().field("totalCount").exists() { Some(total(tx, found.id).await?) } else { None };
        let rows = page(tx, &found, &slice).await?;
        Ok(RegisterDuplicateGroupConnection::new(ctx, &slice, rows, cursor, total))
    }
}
