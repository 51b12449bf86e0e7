//! An asset goes: it is sold or scrapped, and what that gains or loses is booked.

use async_graphql::{Context, InputObject, Object};
use backoffice_money::{Currency, Decimal, neg, sub};
use diesel::prelude::*;

use super::asset::{Asset, AssetMovementKind, AssetPayload};
use super::keep::{self, NewMovement};
use super::{LEDGER, post};
use crate::finance::ids::{AccountId, AssetId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{decimals, relabel, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::schema::asset;

/// An asset that goes.
#[derive(InputObject, Clone, Debug)]
pub struct AssetDisposeInput {
    /// The asset.
    pub id: AssetId,
    /// The day. What is written off ends the day before, or with the month before if the plan counts whole months.
    pub on: Date,
    /// What it was sold for, net, in the books' currency; not said if it was scrapped.
    pub proceeds: Option<Dec>,
    /// Where the proceeds stand: the account of the invoice's line. Needed if there are proceeds.
    pub proceeds_account: Option<AccountId>,
    /// Why, 3 to 500 characters.
    pub reason: String,
}

async fn dispose(tx: &Tx, input: AssetDisposeInput) -> Result<Asset> {
    sized("reason", &input.reason, 3..=500)?;
    let exponent = Currency::parse(tx.book_currency())?.exponent();
    let proceeds = decimals("proceeds", input.proceeds.map_or(Decimal::ZERO, |amount| amount.0), exponent)?;
    if proceeds < Decimal::ZERO {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "proceeds",
            "Nobody is paid for taking it: this is zero or more.",
        ));
    }
    let (asset, class) = keep::locked(tx, input.id).await?;
    let takes = match input.proceeds_account {
        Some(account) => Some(keep::against(tx, account, "proceedsAccount").await?.id),
        None => None,
    };
    if takes.is_none() && proceeds > Decimal::ZERO {
        let message = "Say on which account the proceeds stand.";
        return Err(Error::refuse(UserErrorCode::Required, "proceedsAccount", message));
    }
    let fresh = keep::cut_at(tx, &asset, input.on.0, None).await?;
    // What is due by then belongs to the books before the asset leaves them.
    post::all_of(tx, asset.id).await?;
    for one in fresh {
        let entry = if one.plan.book == LEDGER {
            let result = sub(one.plan.base, proceeds)?;
            let by_result = if result > Decimal::ZERO { class.loss_account_id } else { class.gain_account_id };
            let mut lines = vec![
                (class.accumulated_account_id, one.written_off),
                (class.cost_account_id, neg(one.cost)?),
                (by_result, result),
            ];
            lines.extend(takes.map(|account| (account, proceeds)));
            let text = format!("Disposal of {} {}", asset.number, asset.name);
            let posted = keep::entry(tx, &asset, input.on.0, text, &lines).await;
            posted.map_err(|error| relabel(error, &[("date", "on"), ("lines", "id")]))?
        } else {
            None
        };
        let movement = NewMovement {
            asset: asset.id,
            book: one.plan.book,
            on: input.on.0,
            kind: AssetMovementKind::Disposal,
            cost: neg(one.cost)?,
            accumulated: neg(one.written_off)?,
            amount: proceeds,
            text: input.reason.clone(),
            entry,
        };
        keep::movement(tx, movement).await?;
    }
    tx.row(
        diesel::update(asset::table)
            .filter(asset::tenant_id.eq(tx.tenant()?))
            .filter(asset::id.eq(asset.id))
            .set((asset::disposed_on.eq(Some(input.on)), asset::disposed_reason.eq(Some(input.reason))))
            .returning(Asset::as_returning()),
    )
    .await
    .inspect(|gone: &Asset| emit(tx, EventKind::AssetDisposed, gone.id.0))
}

/// Assets go.
#[derive(Default)]
pub struct AssetDisposeMutation;

#[Object]
impl AssetDisposeMutation {
    /// Sells or scraps an asset: posts what is due of it by then, takes cost and what is written off out of the books, and
    /// books what that gains or loses. Right: `finance.journal.post`.
    async fn asset_dispose(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset, and what it was sold for.")] input: AssetDisposeInput,
    ) -> async_graphql::Result<Option<AssetPayload>> {
        AssetPayload::settle(ctx, dispose(ctx.tx(Can::JournalPost).await?, input).await)
    }
}
