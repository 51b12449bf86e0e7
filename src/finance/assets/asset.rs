//! An asset, its plans, what is written off of it month by month, and what moved its figures.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::LEDGER;
use super::class::AssetClass;
use super::plan::{DepreciationMethod, DepreciationSpread};
use super::register::{AssetFigures, FiguresOn, On};
use crate::finance::ids::{AssetClassId, AssetId, DimensionValueId, JournalEntryId};
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::finance::ledger::journal::JournalEntry;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::filter::TextFilter;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::asset;

/// What is owned for long and written off over its time.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = asset)]
#[graphql(complex)]
pub struct Asset {
    /// Global id.
    pub id: AssetId,
    #[graphql(skip)]
    pub(super) class_id: AssetClassId,
    /// Its number, unique.
    pub number: String,
    /// What it is.
    pub name: String,
    /// The day from which on it stands in the books.
    pub acquired_on: Date,
    #[graphql(skip)]
    pub(super) dimensions: serde_json::Value,
    #[graphql(skip)]
    pub(super) split_from_id: Option<AssetId>,
    /// The day on which it was sold or scrapped; null while it is there.
    pub disposed_on: Option<Date>,
    /// When it was entered.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// How an asset is written off in a book from a day on.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct AssetPlan {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) asset_id: AssetId,
    /// The book: `LEDGER` is posted, others only compute.
    #[diesel(sql_type = Text)]
    pub book: String,
    /// The first day on which it holds.
    #[diesel(sql_type = SqlDate)]
    #[graphql(name = "from")]
    pub from_on: Date,
    /// The last day that something is written off for; nothing is by then for units that are never reported.
    #[diesel(sql_type = SqlDate)]
    #[graphql(name = "to")]
    pub ends_on: Date,
    /// How it is written off.
    #[diesel(sql_type = Text)]
    pub method: DepreciationMethod,
    /// What counts of the first and last month.
    #[diesel(sql_type = Text)]
    pub spread: DepreciationSpread,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub(super) base: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub(super) residual: Dec,
    /// Percent of the book value a year; only for declining plans.
    #[diesel(sql_type = Nullable<Numeric>)]
    pub percent: Option<Dec>,
    /// How many units it can do from its first day on; only for plans by units.
    #[diesel(sql_type = Nullable<Numeric>)]
    pub units: Option<Dec>,
}

/// What is written off for a time, a month or the part of one.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct AssetSlice {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) asset_id: AssetId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) plan_id: Uuid,
    /// The book.
    #[diesel(sql_type = Text)]
    pub book: String,
    /// Its first day.
    #[diesel(sql_type = SqlDate)]
    #[graphql(name = "from")]
    pub from_on: Date,
    /// Its last day: when it is posted.
    #[diesel(sql_type = SqlDate)]
    #[graphql(name = "to")]
    pub to_on: Date,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub(super) amount: Dec,
    /// How many units were reported for it; only for plans by units.
    #[diesel(sql_type = Nullable<Numeric>)]
    pub units: Option<Dec>,
    /// Whether it waits to be posted.
    #[diesel(sql_type = Bool)]
    pub due: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    pub(super) entry_id: Option<JournalEntryId>,
}

crate::platform::words! {
    /// What moved the figures of an asset.
    AssetMovementKind {
        /// It came into the books.
        Acquisition = "acquisition",
        /// A part was written off.
        Depreciation = "depreciation",
        /// Its value was set anew.
        Revaluation = "revaluation",
        /// It was repaired: part of its cost, or an expense that is only noted here.
        Repair = "repair",
        /// A part became an asset of its own.
        Split = "split",
        /// It was sold or scrapped.
        Disposal = "disposal",
    }
}

/// Something that moved cost or accumulated depreciation of an asset in a book.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct AssetMovement {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    asset_id: AssetId,
    /// The book.
    #[diesel(sql_type = Text)]
    pub book: String,
    /// The day that it counts for.
    #[diesel(sql_type = SqlDate)]
    #[graphql(name = "date")]
    pub on_date: Date,
    /// What it was.
    #[diesel(sql_type = Text)]
    pub kind: AssetMovementKind,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    cost: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    accumulated: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    amount: Dec,
    /// What was said about it; may be empty.
    #[diesel(sql_type = Text)]
    pub text: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    entry_id: Option<JournalEntryId>,
}

#[ComplexObject]
impl Asset {
    /// Its class.
    async fn class(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AssetClass>> {
        Ok(ctx.load::<AssetClass>(self.class_id).await?)
    }

    /// The asset that it was split from.
    async fn split_from(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Asset>> {
        match self.split_from_id {
            Some(from) => Ok(ctx.load::<Asset>(from).await?),
            None => Ok(None),
        }
    }

    /// The values of dimensions that lines on income and expense stand on. Right: `finance.account.read`.
    async fn dimensions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DimensionValue>> {
        let labels = Labels::from_json(&self.dimensions)?;
        let values: Vec<DimensionValueId> = labels.values().collect();
        let found =
            futures_util::future::try_join_all(values.into_iter().map(|value| ctx.load::<DimensionValue>(value)))
                .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Its plans in all books: by book, the one that holds now last.
    async fn plans(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AssetPlan>> {
        Ok(ctx.load::<PlansOf>(self.id).await?.unwrap_or_default())
    }

    /// What is written off month by month, in all books, by book and time. What another plan has taken the place of is left
    /// out.
    async fn slices(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AssetSlice>> {
        Ok(ctx.load::<SlicesOf>(self.id).await?.unwrap_or_default())
    }

    /// What moved its figures, in all books, by book and day.
    async fn movements(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AssetMovement>> {
        Ok(ctx.load::<MovementsOf>(self.id).await?.unwrap_or_default())
    }

    /// What it cost, what is written off of that, and what is left, at the end of a day; null before it came.
    async fn figures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today in the client's time zone if not said.")] as_of: Option<Date>,
        #[graphql(desc = "The book; `LEDGER` if not said.")] book: Option<String>,
    ) -> async_graphql::Result<Option<AssetFigures>> {
        let as_of = as_of.map_or(ctx.tx(Can::JournalRead).await?.today(), |day| day.0);
        let on = On { asset: self.id, as_of, book: book.unwrap_or_else(|| LEDGER.to_owned()) };
        Ok(ctx.load::<FiguresOn>(on).await?)
    }
}

#[ComplexObject]
impl AssetPlan {
    /// The book value on its first day.
    async fn base(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.base, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// What is left at its end.
    async fn residual(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.residual, ctx.tx(Can::JournalRead).await?.book_currency()))
    }
}

#[ComplexObject]
impl AssetSlice {
    /// What is written off.
    async fn amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// The entry that it was posted with; null until then, and in books that only compute.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }
}

#[ComplexObject]
impl AssetMovement {
    /// How much more it cost; negative for less.
    async fn cost(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.cost, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// How much more is written off; negative for what goes with a part or the whole of it.
    async fn accumulated(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.accumulated, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// The proceeds of a disposal, or what a repair cost that is no part of the asset's cost; otherwise zero.
    async fn amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// The entry of the same day and amounts; null for what is not posted.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }
}

crate::platform::connection!(
    /// A page of assets.
    AssetConnection, AssetEdge, Asset
);

impl Fetch for Asset {
    type Key = AssetId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<AssetId>) -> Result<HashMap<AssetId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                asset::table
                    .filter(asset::tenant_id.eq(tx.tenant()?))
                    .filter(asset::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

fn by_asset<T>(rows: Vec<T>, key: impl Fn(&T) -> AssetId) -> HashMap<AssetId, Vec<T>> {
    let mut found: HashMap<AssetId, Vec<T>> = HashMap::new();
    for row in rows {
        found.entry(key(&row)).or_default().push(row);
    }
    found
}

/// The plans of assets: by book, the one that holds now last.
pub struct PlansOf;

impl Fetch for PlansOf {
    type Key = AssetId;
    type Value = Vec<AssetPlan>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<AssetId>) -> Result<HashMap<AssetId, Vec<AssetPlan>>> {
        let rows: Vec<AssetPlan> = tx
            .rows(
                sql("SELECT p.id, p.asset_id, p.book, p.from_on, p.ends_on, p.method, p.spread, p.base, p.residual, p.percent, p.units
                       FROM finance.asset_plan p WHERE p.tenant_id = $1 AND p.asset_id = ANY ($2) ORDER BY p.asset_id, p.book, p.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(by_asset(rows, |row| row.asset_id))
    }
}

/// What is written off of assets: by book and time, without what was dropped.
pub struct SlicesOf;

impl Fetch for SlicesOf {
    type Key = AssetId;
    type Value = Vec<AssetSlice>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<AssetId>) -> Result<HashMap<AssetId, Vec<AssetSlice>>> {
        let rows: Vec<AssetSlice> = tx
            .rows(
                sql("SELECT s.id, s.asset_id, s.plan_id, s.book, s.from_on, s.to_on, s.amount, s.units, s.due, s.entry_id
                       FROM finance.asset_slice s
                      WHERE s.tenant_id = $1 AND s.asset_id = ANY ($2) AND NOT s.dropped ORDER BY s.asset_id, s.book, s.from_on")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(by_asset(rows, |row| row.asset_id))
    }
}

/// What moved the figures of assets: by book and day.
pub struct MovementsOf;

impl Fetch for MovementsOf {
    type Key = AssetId;
    type Value = Vec<AssetMovement>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<AssetId>) -> Result<HashMap<AssetId, Vec<AssetMovement>>> {
        let rows: Vec<AssetMovement> = tx
            .rows(
                sql("SELECT m.asset_id, m.book, m.on_date, m.kind, m.cost, m.accumulated, m.amount, m.text, m.entry_id
                       FROM finance.asset_movement m
                      WHERE m.tenant_id = $1 AND m.asset_id = ANY ($2) ORDER BY m.asset_id, m.book, m.on_date, m.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(by_asset(rows, |row| row.asset_id))
    }
}

crate::platform::filter! {
    /// Narrows a list of assets.
    AssetFilter over asset {
        /// By number.
        number: TextFilter => text(asset::number),
        /// By name.
        name: TextFilter => text(asset::name),
    }
}

crate::platform::payload! {
    /// What became of an asset.
    AssetPayload {
        /// The asset as it is now; for a split the new one.
        asset: Asset
    }
}

/// Queries about assets.
#[derive(Default)]
pub struct AssetQuery;

#[Object]
impl AssetQuery {
    /// One asset; null if the id is unknown. Right: `finance.journal.read`.
    async fn asset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset's id.")] id: AssetId,
    ) -> async_graphql::Result<Option<Asset>> {
        Ok(ctx.load::<Asset>(id).await?)
    }

    /// The assets, also those that are sold or scrapped, by number. Right: `finance.journal.read`.
    async fn assets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only assets that match.")] filter: Option<AssetFilter>,
    ) -> async_graphql::Result<AssetConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<AssetFilter>| -> Result<_> {
            let mut query = asset::table.filter(asset::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((number, _)) = &slice.after {
            page = page.filter(asset::number.gt(number.clone()));
        }
        let page = page.order(asset::number.asc()).limit(slice.limit());
        let rows = tx.rows(page.select(Asset::as_select())).await?;
        Ok(AssetConnection::new(ctx, &slice, rows, |row: &Asset| encode(&row.number, row.id.0), total))
    }
}
