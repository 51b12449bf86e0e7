//! Legal holds: what they name is not deleted, whatever its retention says, until the last of them is released. The database
//! refuses it (`migrations/0157_retention`).

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::ids::LegalHoldId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::ClientId;
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::node;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{legal_hold, legal_hold_item};

/// The most records that one hold names, and that it names at once.
const MOST: (i64, usize) = (10_000, 100);

/// A legal hold: what it names is not deleted while it lasts.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = legal_hold)]
#[graphql(complex)]
pub struct LegalHold {
    /// Global id.
    pub id: LegalHoldId,
    /// What it is called.
    pub name: String,
    /// Why it was placed.
    pub reason: String,
    /// When it was released; null while it lasts.
    pub released_at: Option<DateTime>,
    /// When it was placed.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// What is held: a record, or all documents of a type or below a folder.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = legal_hold_item)]
struct Item {
    hold_id: LegalHoldId,
    record_prefix: String,
    record_id: Uuid,
}

#[ComplexObject]
impl LegalHold {
    /// The ids of what it names, in the order in which it was named, the first 1,000.
    async fn record_ids(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ID>> {
        Ok(ctx.load::<Named>(self.id).await?.unwrap_or_default())
    }
}

/// What holds name.
struct Named;

impl Fetch for Named {
    type Key = LegalHoldId;
    type Value = Vec<ID>;
    const CAN: Can = Can::LegalHoldRead;

    async fn fetch(tx: &Tx, keys: Vec<LegalHoldId>) -> Result<HashMap<LegalHoldId, Vec<ID>>> {
        let rows: Vec<Item> = tx
            .rows(
                legal_hold_item::table
                    .filter(legal_hold_item::tenant_id.eq(tx.tenant()?))
                    .filter(legal_hold_item::hold_id.eq_any(keys))
                    .order(legal_hold_item::id)
                    .select(Item::as_select()),
            )
            .await?;
        let mut by_hold: HashMap<LegalHoldId, Vec<ID>> = HashMap::new();
        for row in rows {
            let named = by_hold.entry(row.hold_id).or_default();
            if named.len() < 1000 {
                named.push(ID(format!("{}_{}", row.record_prefix, row.record_id.simple())));
            }
        }
        Ok(by_hold)
    }
}

impl Fetch for LegalHold {
    type Key = LegalHoldId;
    type Value = Self;
    const CAN: Can = Can::LegalHoldRead;

    async fn fetch(tx: &Tx, keys: Vec<LegalHoldId>) -> Result<HashMap<LegalHoldId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                legal_hold::table
                    .filter(legal_hold::tenant_id.eq(tx.tenant()?))
                    .filter(legal_hold::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of legal holds.
    LegalHoldConnection, LegalHoldEdge, LegalHold
);

/// A new legal hold.
#[derive(InputObject, Clone, Debug)]
pub struct LegalHoldCreateInput {
    /// What it is called, 1 to 200 characters.
    pub name: String,
    /// Why it is placed, 1 to 2,000 characters.
    pub reason: String,
    /// The ids of what it names, 1 to 100: records of any kind that the caller may read. A type or a folder of documents
    /// stands for all documents of that type, or below that folder.
    pub records: Vec<ID>,
}

/// What a hold names as well.
#[derive(InputObject, Clone, Debug)]
pub struct LegalHoldExtendInput {
    /// The hold. It must not have been released.
    pub id: LegalHoldId,
    /// The ids of what it names as well, 1 to 100.
    pub records: Vec<ID>,
}

/// A hold that is to end.
#[derive(InputObject, Clone, Debug)]
pub struct LegalHoldReleaseInput {
    /// The hold.
    pub id: LegalHoldId,
}

crate::platform::payload! {
    /// What became of a hold.
    LegalHoldPayload {
        /// The hold as it is now.
        legal_hold: LegalHold
    }
}

/// The records that are named, each found while nobody is deleting.
async fn found(ctx: &Context<'_>, tx: &Tx, records: &[ID]) -> Result<Vec<(String, Uuid)>> {
    if records.is_empty() || records.len() > MOST.1 {
        let message = format!("A hold names 1 to {} records at once.", MOST.1);
        return Err(Error::refuse(UserErrorCode::Invalid, "records", message));
    }
    tx.exec(sql("SELECT practice.lock_holds()")).await?;
    let mut named = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let field = format!("records.{at}");
        let one = node::pointed_at(ctx, record, &field).await?;
        if one.0 == ClientId::PREFIX {
            let message = "A hold names records, types and folders, not a client.";
            return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
        }
        if !named.contains(&one) {
            named.push(one);
        }
    }
    Ok(named)
}

async fn name(tx: &Tx, hold: LegalHoldId, records: Vec<(String, Uuid)>) -> Result<()> {
    let own = || -> Result<_> {
        Ok(legal_hold_item::table
            .filter(legal_hold_item::tenant_id.eq(tx.tenant()?))
            .filter(legal_hold_item::hold_id.eq(hold)))
    };
    let known: i64 = tx.row(own()?.count()).await?;
    if known.saturating_add(i64::try_from(records.len()).unwrap_or(i64::MAX)) > MOST.0 {
        let message = format!("A hold names at most {} records; place another one.", MOST.0);
        return Err(Error::refuse(UserErrorCode::Invalid, "records", message));
    }
    for (prefix, record) in records {
        let same: i64 = tx.row(own()?.filter(legal_hold_item::record_id.eq(record)).count()).await?;
        if same > 0 {
            continue;
        }
        tx.exec(diesel::insert_into(legal_hold_item::table).values((
            legal_hold_item::tenant_id.eq(tx.tenant()?),
            legal_hold_item::id.eq(new_uuid()),
            legal_hold_item::hold_id.eq(hold),
            legal_hold_item::record_prefix.eq(prefix),
            legal_hold_item::record_id.eq(record),
        )))
        .await?;
    }
    Ok(())
}

async fn create(ctx: &Context<'_>, tx: &Tx, input: LegalHoldCreateInput) -> Result<LegalHold> {
    sized("name", &input.name, 1..=200)?;
    sized("reason", &input.reason, 1..=2000)?;
    let records = found(ctx, tx, &input.records).await?;
    let made: LegalHold = tx
        .row(
            diesel::insert_into(legal_hold::table)
                .values((
                    legal_hold::tenant_id.eq(tx.tenant()?),
                    legal_hold::id.eq(LegalHoldId::new()),
                    legal_hold::name.eq(input.name),
                    legal_hold::reason.eq(input.reason),
                    legal_hold::created_by.eq(tx.actor()),
                ))
                .returning(LegalHold::as_returning()),
        )
        .await?;
    name(tx, made.id, records).await?;
    emit(tx, EventKind::LegalHoldPlaced, made.id.0);
    Ok(made)
}

async fn live(tx: &Tx, id: LegalHoldId) -> Result<LegalHold> {
    let found = legal_hold::table
        .filter(legal_hold::tenant_id.eq(tx.tenant()?))
        .filter(legal_hold::id.eq(id))
        .select(LegalHold::as_select())
        .for_update();
    let found: LegalHold = tx.maybe(found).await?.ok_or_else(|| Error::not_found("id", "hold"))?;
    if found.released_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This hold was released before."));
    }
    Ok(found)
}

async fn extend(ctx: &Context<'_>, tx: &Tx, input: LegalHoldExtendInput) -> Result<LegalHold> {
    let hold = live(tx, input.id).await?;
    let records = found(ctx, tx, &input.records).await?;
    name(tx, hold.id, records).await?;
    emit(tx, EventKind::LegalHoldPlaced, hold.id.0);
    Ok(hold)
}

async fn release(tx: &Tx, id: LegalHoldId) -> Result<LegalHold> {
    live(tx, id).await?;
    tx.row(
        diesel::update(legal_hold::table)
            .filter(legal_hold::tenant_id.eq(tx.tenant()?))
            .filter(legal_hold::id.eq(id))
            .set((legal_hold::released_at.eq(tx.now()), legal_hold::released_by.eq(tx.actor())))
            .returning(LegalHold::as_returning()),
    )
    .await
    .inspect(|released: &LegalHold| emit(tx, EventKind::LegalHoldReleased, released.id.0))
}

/// Queries about legal holds.
#[derive(Default)]
pub struct HoldQuery;

#[Object]
impl HoldQuery {
    /// One legal hold; null if the id is unknown. Right: `office.legal_hold.read`.
    async fn legal_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The hold's id.")] id: LegalHoldId,
    ) -> async_graphql::Result<Option<LegalHold>> {
        Ok(ctx.load::<LegalHold>(id).await?)
    }

    /// The client's legal holds, the latest first, released ones included. Right: `office.legal_hold.read`.
    async fn legal_holds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<LegalHoldConnection> {
        let tx = ctx.tx(Can::LegalHoldRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own = || -> Result<_> { Ok(legal_hold::table.filter(legal_hold::tenant_id.eq(tx.tenant()?))) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?.into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(legal_hold::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(legal_hold::id.desc()).limit(slice.limit()).select(LegalHold::as_select())).await?;
        Ok(LegalHoldConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of legal holds.
#[derive(Default)]
pub struct HoldMutation;

#[Object]
impl HoldMutation {
    /// Places a legal hold: what it names is not deleted while it lasts. Right: `office.legal_hold.manage`, and for each
    /// record that to read it.
    async fn legal_hold_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new hold.")] input: LegalHoldCreateInput,
    ) -> async_graphql::Result<Option<LegalHoldPayload>> {
        let tx = ctx.tx(Can::LegalHoldManage).await?;
        LegalHoldPayload::settle(ctx, create(ctx, tx, input).await)
    }

    /// Has a hold name further records. Right: `office.legal_hold.manage`, and for each record that to read it.
    async fn legal_hold_extend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it names as well.")] input: LegalHoldExtendInput,
    ) -> async_graphql::Result<Option<LegalHoldPayload>> {
        let tx = ctx.tx(Can::LegalHoldManage).await?;
        LegalHoldPayload::settle(ctx, extend(ctx, tx, input).await)
    }

    /// Releases a hold. What another hold names stays held. Right: `office.legal_hold.manage`.
    async fn legal_hold_release(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The hold.")] input: LegalHoldReleaseInput,
    ) -> async_graphql::Result<Option<LegalHoldPayload>> {
        LegalHoldPayload::settle(ctx, release(ctx.tx(Can::LegalHoldManage).await?, input.id).await)
    }
}
