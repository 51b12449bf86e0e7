//! Holds: a vendor whose bills are not posted, or who is not paid, until somebody releases it or a day comes.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;

use super::vendor::{self, Vendor};
use crate::finance::ids::{VendorHoldId, VendorId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::schema::vendor_hold;

crate::platform::words! {
    /// What is on hold.
    VendorHoldKind {
        /// Bills and payments.
        All = "all",
        /// Bills: they are entered, and not posted.
        Bills = "bills",
        /// Payments: payment runs leave the vendor out.
        Payments = "payments",
    }
}

/// A hold of a vendor.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = vendor_hold)]
#[graphql(complex)]
pub struct VendorHold {
    /// Global id.
    pub id: VendorHoldId,
    #[graphql(skip)]
    vendor_id: VendorId,
    /// What is on hold.
    pub kind: VendorHoldKind,
    /// Why.
    pub reason: String,
    /// The first day, in the client's time zone, on which it does not hold any more; null: until it is released.
    pub until_on: Option<Date>,
    /// Who placed it.
    pub placed_by_name: String,
    /// When it was released; null: it was not.
    pub released_at: Option<DateTime>,
    /// Who released it.
    pub released_by_name: Option<String>,
    /// When it was placed.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl VendorHold {
    /// The vendor.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }
}

impl Fetch for VendorHold {
    type Key = VendorHoldId;
    type Value = Self;
    const CAN: Can = Can::VendorRead;

    async fn fetch(tx: &Tx, keys: Vec<VendorHoldId>) -> Result<HashMap<VendorHoldId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                vendor_hold::table
                    .filter(vendor_hold::tenant_id.eq(tx.tenant()?))
                    .filter(vendor_hold::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of holds.
    VendorHoldConnection, VendorHoldEdge, VendorHold
);

/// What is put on hold.
#[derive(InputObject, Clone, Debug)]
pub struct VendorHoldPlaceInput {
    /// The vendor.
    pub vendor: VendorId,
    /// What is on hold; bills and payments if not said.
    pub kind: Option<VendorHoldKind>,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// The first day on which it does not hold any more, after today in the client's time zone; until it is released if not
    /// said.
    pub until_on: Option<Date>,
}

/// A hold that is over.
#[derive(InputObject, Clone, Debug)]
pub struct VendorHoldReleaseInput {
    /// The hold.
    pub id: VendorHoldId,
}

crate::platform::payload! {
    /// What became of a hold.
    VendorHoldPayload {
        /// The hold as it is now.
        vendor_hold: VendorHold
    }
}

async fn place(tx: &Tx, input: VendorHoldPlaceInput) -> Result<VendorHold> {
    sized("reason", &input.reason, 1..=500)?;
    if input.until_on.is_some_and(|day| day.0 <= tx.today()) {
        return Err(Error::refuse(UserErrorCode::Invalid, "untilOn", "A hold ends after today."));
    }
    let vendor = vendor::find(tx, input.vendor).await?.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
    tx.row(
        diesel::insert_into(vendor_hold::table)
            .values((
                vendor_hold::tenant_id.eq(tx.tenant()?),
                vendor_hold::id.eq(VendorHoldId::new()),
                vendor_hold::vendor_id.eq(vendor.id),
                vendor_hold::kind.eq(input.kind.unwrap_or(VendorHoldKind::All)),
                vendor_hold::reason.eq(input.reason),
                vendor_hold::until_on.eq(input.until_on),
                vendor_hold::placed_by_name.eq(tx.actor_name().to_owned()),
            ))
            .returning(VendorHold::as_returning()),
    )
    .await
    .inspect(|placed: &VendorHold| emit(tx, EventKind::VendorHoldPlaced, placed.id.0))
}

async fn release(tx: &Tx, id: VendorHoldId) -> Result<VendorHold> {
    let released: Option<VendorHold> = tx
        .maybe(
            diesel::update(vendor_hold::table)
                .filter(vendor_hold::tenant_id.eq(tx.tenant()?))
                .filter(vendor_hold::id.eq(id))
                .filter(vendor_hold::released_at.is_null())
                .set((
                    vendor_hold::released_at.eq(tx.now()),
                    vendor_hold::released_by_name.eq(tx.actor_name().to_owned()),
                ))
                .returning(VendorHold::as_returning()),
        )
        .await?;
    if let Some(released) = released {
        emit(tx, EventKind::VendorHoldReleased, id.0);
        return Ok(released);
    }
    match VendorHold::fetch(tx, vec![id]).await?.is_empty() {
        true => Err(Error::not_found("id", "hold")),
        false => Err(Error::refuse(UserErrorCode::State, "id", "This hold is released already.")),
    }
}

/// Queries about holds of vendors.
#[derive(Default)]
pub struct VendorHoldQuery;

#[Object]
impl VendorHoldQuery {
    /// One hold; null if the id is unknown. Right: `finance.vendor.read`.
    async fn vendor_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The hold's id.")] id: VendorHoldId,
    ) -> async_graphql::Result<Option<VendorHold>> {
        Ok(ctx.load::<VendorHold>(id).await?)
    }

    /// The holds of vendors, newest first. Right: `finance.vendor.read`.
    async fn vendor_holds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this vendor.")] vendor: Option<VendorId>,
        #[graphql(desc = "Only those that still hold (true), or do not any more (false).")] live: Option<bool>,
    ) -> async_graphql::Result<VendorHoldConnection> {
        let tx = ctx.tx(Can::VendorRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed =
            || -> Result<_> {
                let mut query = vendor_hold::table.filter(vendor_hold::tenant_id.eq(tx.tenant()?)).into_boxed();
                if let Some(vendor) = vendor {
                    query = query.filter(vendor_hold::vendor_id.eq(vendor));
                }
                let today = Date(tx.today());
                Ok(match live {
                    Some(true) => query
                        .filter(vendor_hold::released_at.is_null())
                        .filter(vendor_hold::until_on.is_null().or(vendor_hold::until_on.gt(today))),
                    Some(false) => query.filter(vendor_hold::released_at.is_not_null().or(
                        vendor_hold::until_on.is_not_null().and(vendor_hold::until_on.le(today)).assume_not_null(),
                    )),
                    None => query,
                })
            };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(vendor_hold::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(vendor_hold::id.desc()).limit(slice.limit()).select(VendorHold::as_select())).await?;
        Ok(VendorHoldConnection::new(ctx, &slice, rows, |row: &VendorHold| encode("", row.id.0), total))
    }
}

/// Changes of holds of vendors.
#[derive(Default)]
pub struct VendorHoldMutation;

#[Object]
impl VendorHoldMutation {
    /// Puts bills of a vendor, payments to it, or both on hold. Right: `finance.vendor.manage`.
    async fn vendor_hold_place(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is put on hold, and why.")] input: VendorHoldPlaceInput,
    ) -> async_graphql::Result<Option<VendorHoldPayload>> {
        VendorHoldPayload::settle(ctx, place(ctx.tx(Can::VendorManage).await?, input).await)
    }

    /// Releases a hold. Right: `finance.vendor.manage`.
    async fn vendor_hold_release(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The hold.")] input: VendorHoldReleaseInput,
    ) -> async_graphql::Result<Option<VendorHoldPayload>> {
        VendorHoldPayload::settle(ctx, release(ctx.tx(Can::VendorManage).await?, input.id).await)
    }
}
