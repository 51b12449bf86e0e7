//! A change of a vendor's bank details: written down first, approved where the client's policy wants it, then done.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::vendor::{self, Vendor};
use crate::finance::ids::{VendorBankChangeId, VendorId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{DateTime, Iban};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::vendor_bank_change;

/// What is to become of a vendor's bank details, or has.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = vendor_bank_change)]
#[graphql(complex)]
pub struct VendorBankChange {
    /// Global id: what `approvalRequestCreate` is asked with.
    pub id: VendorBankChangeId,
    #[graphql(skip)]
    vendor_id: VendorId,
    /// The vendor's name when it was written down.
    pub vendor_name: String,
    /// The bank account before; null: none.
    pub iban_before: Option<Iban>,
    /// What it becomes; null: none.
    pub iban: Option<Iban>,
    /// Who wrote it down.
    pub proposed_by_name: String,
    /// When it was done; null: not yet.
    pub applied_at: Option<DateTime>,
    /// When it was written down.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl VendorBankChange {
    /// The vendor as it is today.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }
}

impl Fetch for VendorBankChange {
    type Key = VendorBankChangeId;
    type Value = Self;
    const CAN: Can = Can::VendorRead;

    async fn fetch(tx: &Tx, keys: Vec<VendorBankChangeId>) -> Result<HashMap<VendorBankChangeId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                vendor_bank_change::table
                    .filter(vendor_bank_change::tenant_id.eq(tx.tenant()?))
                    .filter(vendor_bank_change::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// What is to become of a vendor's bank details.
#[derive(InputObject, Clone, Debug)]
pub struct VendorBankChangeCreateInput {
    /// The vendor.
    pub vendor: VendorId,
    /// The new bank account; none any more if not said.
    pub iban: Option<Iban>,
}

/// A change that is done.
#[derive(InputObject, Clone, Debug)]
pub struct VendorBankChangeApplyInput {
    /// The change.
    pub id: VendorBankChangeId,
}

crate::platform::payload! {
    /// What became of a change of bank details.
    VendorBankChangePayload {
        /// The change as it is now.
        vendor_bank_change: VendorBankChange
    }
}

async fn create(tx: &Tx, input: VendorBankChangeCreateInput) -> Result<VendorBankChange> {
    let vendor = vendor::find(tx, input.vendor).await?.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
    if vendor.iban == input.iban {
        return Err(Error::refuse(UserErrorCode::Invalid, "iban", "The vendor has these bank details already."));
    }
    tx.row(
        diesel::insert_into(vendor_bank_change::table)
            .values((
                vendor_bank_change::tenant_id.eq(tx.tenant()?),
                vendor_bank_change::id.eq(VendorBankChangeId::new()),
                vendor_bank_change::vendor_id.eq(vendor.id),
                vendor_bank_change::vendor_name.eq(vendor.name),
                vendor_bank_change::iban_before.eq(vendor.iban),
                vendor_bank_change::iban.eq(input.iban),
                vendor_bank_change::proposed_by_name.eq(tx.actor_name().to_owned()),
            ))
            .returning(VendorBankChange::as_returning()),
    )
    .await
    .inspect(|made: &VendorBankChange| emit(tx, EventKind::VendorBankChangeProposed, made.id.0))
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    vendor_id: Option<Uuid>,
}

async fn apply(tx: &Tx, id: VendorBankChangeId) -> Result<VendorBankChange> {
    let applied: Applied = tx
        .row(sql("SELECT a.outcome, a.vendor_id FROM finance.apply_bank_change($1) a").bind::<SqlUuid, _>(id))
        .await?;
    let refuse = |message: &str| Err(Error::refuse(UserErrorCode::State, "id", message));
    match (applied.outcome.as_str(), applied.vendor_id) {
        ("ok", Some(vendor)) => {
            emit(tx, EventKind::VendorBankChangeApplied, id.0);
            emit(tx, EventKind::VendorUpdated, vendor);
        }
        ("unknown", _) => return Err(Error::not_found("id", "change of bank details")),
        ("done", _) => return refuse("This change is done already."),
        ("stale", _) => return refuse("The vendor's bank details have changed since; write the change down anew."),
        (other, _) => return Err(Error::fault(format!("an unknown outcome of a change of bank details: {other}"))),
    }
    let now = VendorBankChange::fetch(tx, vec![id]).await?.remove(&id);
    now.ok_or_else(|| Error::fault("the change that was just done is not there"))
}

crate::platform::connection!(
    /// A page of changes of bank details.
    VendorBankChangeConnection, VendorBankChangeEdge, VendorBankChange
);

/// Queries about changes of bank details.
#[derive(Default)]
pub struct VendorBankChangeQuery;

#[Object]
impl VendorBankChangeQuery {
    /// One change of bank details; null if the id is unknown. Right: `finance.vendor.read`.
    async fn vendor_bank_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change's id.")] id: VendorBankChangeId,
    ) -> async_graphql::Result<Option<VendorBankChange>> {
        Ok(ctx.load::<VendorBankChange>(id).await?)
    }

    /// The changes of vendors' bank details, newest first. Right: `finance.vendor.read`.
    async fn vendor_bank_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this vendor.")] vendor: Option<VendorId>,
    ) -> async_graphql::Result<VendorBankChangeConnection> {
        let tx = ctx.tx(Can::VendorRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let query = vendor_bank_change::table.filter(vendor_bank_change::tenant_id.eq(tx.tenant()?)).into_boxed();
            Ok(match vendor {
                Some(vendor) => query.filter(vendor_bank_change::vendor_id.eq(vendor)),
                None => query,
            })
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(vendor_bank_change::id.lt(*id));
        }
        let page = page.order(vendor_bank_change::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(VendorBankChange::as_select())).await?;
        Ok(VendorBankChangeConnection::new(ctx, &slice, rows, |row: &VendorBankChange| encode("", row.id.0), total))
    }
}

/// Changes of bank details.
#[derive(Default)]
pub struct VendorBankChangeMutation;

#[Object]
impl VendorBankChangeMutation {
    /// Writes down what is to become of a vendor's bank details: nothing changes yet. Right: `finance.vendor.manage`.
    async fn vendor_bank_change_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The vendor and the new bank details.")] input: VendorBankChangeCreateInput,
    ) -> async_graphql::Result<Option<VendorBankChangePayload>> {
        VendorBankChangePayload::settle(ctx, create(ctx.tx(Can::VendorManage).await?, input).await)
    }

    /// Changes the vendor's bank details as it was written down, if that is approved or needs no approval. Right:
    /// `finance.vendor.manage`.
    async fn vendor_bank_change_apply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: VendorBankChangeApplyInput,
    ) -> async_graphql::Result<Option<VendorBankChangePayload>> {
        VendorBankChangePayload::settle(ctx, apply(ctx.tx(Can::VendorManage).await?, input.id).await)
    }
}
