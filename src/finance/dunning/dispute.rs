//! Items in dispute: nobody is reminded of them until the dispute is over.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::Decimal;
use diesel::prelude::*;

use crate::finance::ids::OpenItemId;
use crate::finance::open_item::{OpenItem, lock_items};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::open_item_dispute;

/// A dispute about an open item that is not over.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = open_item_dispute)]
pub struct OpenItemDispute {
    #[graphql(skip)]
    open_item_id: OpenItemId,
    /// What it is about.
    pub reason: String,
    /// Who has said so.
    pub raised_by_name: String,
    /// Since when.
    pub created_at: DateTime,
}

impl Fetch for OpenItemDispute {
    type Key = OpenItemId;
    type Value = Self;
    const CAN: Can = Can::OpenItemRead;

    async fn fetch(tx: &Tx, keys: Vec<OpenItemId>) -> Result<HashMap<OpenItemId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                open_item_dispute::table
                    .filter(open_item_dispute::tenant_id.eq(tx.tenant()?))
                    .filter(open_item_dispute::open_item_id.eq_any(keys))
                    .filter(open_item_dispute::ended_at.is_null())
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.open_item_id, row)).collect())
    }
}

/// An item that is disputed.
#[derive(InputObject, Clone, Debug)]
pub struct OpenItemDisputeInput {
    /// An open item of a customer, of which something is open.
    pub open_item: OpenItemId,
    /// What the dispute is about, 1 to 500 characters.
    pub reason: String,
}

/// A dispute that is over.
#[derive(InputObject, Clone, Debug)]
pub struct OpenItemDisputeEndInput {
    /// The item.
    pub open_item: OpenItemId,
}

crate::platform::payload! {
    /// What became of an open item.
    OpenItemPayload {
        /// The item as it is now.
        open_item: OpenItem
    }
}

async fn locked(tx: &Tx, id: OpenItemId) -> Result<OpenItem> {
    let found = lock_items(tx, vec![id]).await?.remove(&id);
    found
        .filter(|item| item.customer_id.is_some())
        .ok_or_else(|| Error::not_found("openItem", "open item of a customer"))
}

async fn raise(tx: &Tx, input: OpenItemDisputeInput) -> Result<OpenItem> {
    sized("reason", &input.reason, 1..=500)?;
    let item = locked(tx, input.open_item).await?;
    if item.open_amount.0 <= Decimal::ZERO {
        let message = "Nobody owes anything on this item any more.";
        return Err(Error::refuse(UserErrorCode::State, "openItem", message));
    }
    if OpenItemDispute::fetch(tx, vec![item.id]).await?.contains_key(&item.id) {
        return Err(Error::refuse(UserErrorCode::State, "openItem", "This item is in dispute already."));
    }
    tx.exec(diesel::insert_into(open_item_dispute::table).values((
        open_item_dispute::tenant_id.eq(tx.tenant()?),
        open_item_dispute::id.eq(new_uuid()),
        open_item_dispute::open_item_id.eq(item.id),
        open_item_dispute::reason.eq(input.reason),
        open_item_dispute::raised_by_name.eq(tx.actor_name().to_owned()),
    )))
    .await?;
    emit(tx, EventKind::OpenItemDisputed, item.id.0);
    Ok(item)
}

async fn end(tx: &Tx, input: OpenItemDisputeEndInput) -> Result<OpenItem> {
    let item = locked(tx, input.open_item).await?;
    let ended = tx
        .exec(
            diesel::update(open_item_dispute::table)
                .filter(open_item_dispute::tenant_id.eq(tx.tenant()?))
                .filter(open_item_dispute::open_item_id.eq(item.id))
                .filter(open_item_dispute::ended_at.is_null())
                .set((
                    open_item_dispute::ended_at.eq(tx.now()),
                    open_item_dispute::ended_by_name.eq(tx.actor_name().to_owned()),
                )),
        )
        .await?;
    if ended == 0 {
        return Err(Error::refuse(UserErrorCode::State, "openItem", "This item is not in dispute."));
    }
    emit(tx, EventKind::OpenItemDisputeEnded, item.id.0);
    Ok(item)
}

/// Changes of disputes.
#[derive(Default)]
pub struct OpenItemDisputeMutation;

#[Object]
impl OpenItemDisputeMutation {
    /// Says that an item is in dispute: no reminder asks for it until that is over. Right: `finance.dunning.manage`.
    async fn open_item_dispute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item, and what the dispute is about.")] input: OpenItemDisputeInput,
    ) -> async_graphql::Result<Option<OpenItemPayload>> {
        OpenItemPayload::settle(ctx, raise(ctx.tx(Can::DunningManage).await?, input).await)
    }

    /// Ends the dispute about an item. Right: `finance.dunning.manage`.
    async fn open_item_dispute_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item.")] input: OpenItemDisputeEndInput,
    ) -> async_graphql::Result<Option<OpenItemPayload>> {
        OpenItemPayload::settle(ctx, end(ctx.tx(Can::DunningManage).await?, input).await)
    }
}
