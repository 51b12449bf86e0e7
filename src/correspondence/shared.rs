//! Correspondence as the people of its client see it: what the provider has made visible to them. What stays inside the
//! provider (its records, its files) is no part of this type.

use std::collections::HashMap;

use async_graphql::{Context, Object, SimpleObject};
use diesel::prelude::*;

use super::entry::{CorrespondenceChannel, CorrespondenceDirection, CorrespondenceState};
use super::ids::SharedCorrespondenceId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::schema::correspondence;

/// A letter, a mail or a call that the client's own people see.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = correspondence)]
pub struct SharedCorrespondence {
    /// Global id.
    pub id: SharedCorrespondenceId,
    /// Its number in the register.
    pub number: String,
    /// Which way it went.
    pub direction: CorrespondenceDirection,
    /// How it went.
    pub channel: CorrespondenceChannel,
    /// Where it stands.
    pub state: CorrespondenceState,
    /// The day on which it came or went, in the client's time zone.
    pub on_date: Date,
    /// What it is about, in a line.
    pub subject: String,
    /// What it says, or what was said; empty if nothing was written down.
    #[graphql(name = "text")]
    pub body: String,
    /// With whom: the name at that time.
    pub correspondent: String,
    /// When it was written into the register.
    pub created_at: DateTime,
}

crate::platform::connection!(
    /// A page of what the client's own people see of its correspondence.
    SharedCorrespondenceConnection, SharedCorrespondenceEdge, SharedCorrespondence
);

impl Fetch for SharedCorrespondence {
    type Key = SharedCorrespondenceId;
    type Value = Self;
    const CAN: Can = Can::SharedCorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<SharedCorrespondenceId>) -> Result<HashMap<SharedCorrespondenceId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                correspondence::table
                    .filter(correspondence::tenant_id.eq(tx.tenant()?))
                    .filter(correspondence::visible_to_client.eq(true))
                    .filter(correspondence::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Queries of the client's own people about correspondence.
#[derive(Default)]
pub struct SharedQuery;

#[Object]
impl SharedQuery {
    /// One piece of correspondence that is visible to the client; null if the id is unknown. Right:
    /// `office.shared_correspondence.read`.
    async fn shared_correspondence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: SharedCorrespondenceId,
    ) -> async_graphql::Result<Option<SharedCorrespondence>> {
        Ok(ctx.load::<SharedCorrespondence>(id).await?)
    }

    /// The correspondence that is visible to the client, the latest day first. Right:
    /// `office.shared_correspondence.read`.
    async fn shared_correspondences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<SharedCorrespondenceConnection> {
        let tx = ctx.tx(Can::SharedCorrespondenceRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            Ok(correspondence::table
                .filter(correspondence::tenant_id.eq(tx.tenant()?))
                .filter(correspondence::visible_to_client.eq(true))
                .into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((day, id)) = &slice.after {
            let day: chrono::NaiveDate =
                day.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page.filter(
                correspondence::on_date.lt(day).or(correspondence::on_date.eq(day).and(correspondence::id.lt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((correspondence::on_date.desc(), correspondence::id.desc()))
                    .limit(slice.limit())
                    .select(SharedCorrespondence::as_select()),
            )
            .await?;
        let cursor = |row: &SharedCorrespondence| encode(&row.on_date.0.to_string(), row.id.0);
        Ok(SharedCorrespondenceConnection::new(ctx, &slice, rows, cursor, total))
    }
}
