//! The values of a dimension: the cost centres, the projects. A value holds from day to day and in use; what is posted keeps
//! its labels whatever becomes of the value.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;

use super::split::{Distribution, SplitsOf};
use super::{Dimension, lock};
use crate::finance::ids::{DimensionId, DimensionValueId};
use crate::finance::ledger::check_text;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::{FlagFilter, TextFilter};
use crate::platform::input::expect_version;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::schema::dimension_value;

/// A value of a dimension, e.g. one cost centre.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = dimension_value)]
#[graphql(complex)]
pub struct DimensionValue {
    /// Global id.
    pub id: DimensionValueId,
    /// The dimension.
    #[graphql(skip)]
    pub dimension_id: DimensionId,
    /// Short name, unique in its dimension.
    pub code: String,
    /// Name.
    pub name: String,
    /// Whether new lines take it.
    pub active: bool,
    /// The first day whose lines take it; null: from the beginning.
    pub valid_from: Option<Date>,
    /// The last day whose lines take it; null: without end.
    pub valid_to: Option<Date>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl DimensionValue {
    /// Its dimension.
    async fn dimension(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Dimension>> {
        Ok(ctx.load::<Dimension>(self.dimension_id).await?)
    }

    /// What amounts on it are split into, each from its first day until the next one begins; the earliest first.
    async fn distributions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Distribution>> {
        Ok(ctx.load::<SplitsOf>(self.id).await?.unwrap_or_default())
    }
}

crate::platform::connection!(
    /// A page of values of dimensions.
    DimensionValueConnection, DimensionValueEdge, DimensionValue
);

impl Fetch for DimensionValue {
    type Key = DimensionValueId;
    type Value = Self;
    const CAN: Can = Can::AccountRead;

    async fn fetch(tx: &Tx, keys: Vec<DimensionValueId>) -> Result<HashMap<DimensionValueId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                dimension_value::table
                    .filter(dimension_value::tenant_id.eq(tx.tenant()?))
                    .filter(dimension_value::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::filter! {
    /// Narrows a list of values of dimensions.
    DimensionValueFilter over dimension_value {
        /// By code.
        code: TextFilter => text(dimension_value::code),
        /// By name.
        name: TextFilter => text(dimension_value::name),
        /// In use or not.
        active: FlagFilter => flag(dimension_value::active),
    }
}

/// A new value of a dimension.
#[derive(InputObject, Clone, Debug)]
pub struct DimensionValueCreateInput {
    /// The dimension.
    pub dimension: DimensionId,
    /// Short name, unique in the dimension: 1 to 30 letters, digits, points, hyphens and underscores.
    pub code: String,
    /// Name, 1 to 200 characters.
    pub name: String,
    /// The first day whose lines take it; from the beginning if not said.
    pub valid_from: Option<Date>,
    /// The last day whose lines take it; without end if not said.
    pub valid_to: Option<Date>,
}

/// Changes of a value: what is omitted stays, null clears. Its code never changes.
#[derive(InputObject, Clone, Debug)]
pub struct DimensionValueUpdateInput {
    /// The value.
    pub id: DimensionValueId,
    /// The version that was read; refused with `CONFLICT` if the value was changed since.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// Whether new lines take it.
    pub active: Option<bool>,
    /// The first day whose lines take it.
    pub valid_from: MaybeUndefined<Date>,
    /// The last day whose lines take it.
    pub valid_to: MaybeUndefined<Date>,
}

crate::platform::payload! {
    /// What became of a value of a dimension.
    DimensionValuePayload {
        /// The value as it is now.
        dimension_value: DimensionValue
    }
}

fn is_code(text: &str) -> bool {
    (1..=30).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn check_days(from: Option<Date>, to: Option<Date>) -> Result<()> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => {
            Err(Error::refuse(UserErrorCode::Invalid, "validTo", "The last day does not lie before the first one."))
        }
        _ => Ok(()),
    }
}

async fn create(tx: &Tx, input: DimensionValueCreateInput) -> Result<DimensionValue> {
    if !is_code(&input.code) {
        let message = "The code of a value has 1 to 30 letters, digits, points, hyphens and underscores.";
        return Err(Error::refuse(UserErrorCode::Invalid, "code", message));
    }
    check_text("name", &input.name, 200)?;
    check_days(input.valid_from, input.valid_to)?;
    let dimension = lock(tx, input.dimension, "dimension").await?;
    if !dimension.active {
        let message = format!("{} has no new values any more.", dimension.name);
        return Err(Error::refuse(UserErrorCode::State, "dimension", message));
    }
    let taken: i64 = tx
        .row(
            dimension_value::table
                .filter(dimension_value::tenant_id.eq(tx.tenant()?))
                .filter(dimension_value::dimension_id.eq(dimension.id))
                .filter(dimension_value::code.eq(input.code.clone()))
                .count(),
        )
        .await?;
    if taken > 0 {
        let message = format!("{} has a value with this code.", dimension.name);
        return Err(Error::refuse(UserErrorCode::Duplicate, "code", message));
    }
    tx.row(
        diesel::insert_into(dimension_value::table)
            .values((
                dimension_value::tenant_id.eq(tx.tenant()?),
                dimension_value::id.eq(DimensionValueId::new()),
                dimension_value::dimension_id.eq(dimension.id),
                dimension_value::code.eq(input.code),
                dimension_value::name.eq(input.name),
                dimension_value::valid_from.eq(input.valid_from),
                dimension_value::valid_to.eq(input.valid_to),
            ))
            .returning(DimensionValue::as_returning()),
    )
    .await
    .inspect(|made: &DimensionValue| emit(tx, EventKind::DimensionValueCreated, made.id.0))
}

async fn update(tx: &Tx, input: DimensionValueUpdateInput) -> Result<DimensionValue> {
    let found: Option<DimensionValue> = tx
        .maybe(
            dimension_value::table
                .filter(dimension_value::tenant_id.eq(tx.tenant()?))
                .filter(dimension_value::id.eq(input.id))
                .select(DimensionValue::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "dimension value"))?;
    expect_version(input.expected_version, found.version, "value")?;
    if let Some(name) = &input.name {
        check_text("name", name, 200)?;
    }
    let changed = |wanted: MaybeUndefined<Date>, before| match wanted {
        MaybeUndefined::Undefined => before,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(day) => Some(day),
    };
    let (from, to) = (changed(input.valid_from, found.valid_from), changed(input.valid_to, found.valid_to));
    check_days(from, to)?;
    tx.row(
        diesel::update(dimension_value::table)
            .filter(dimension_value::tenant_id.eq(tx.tenant()?))
            .filter(dimension_value::id.eq(found.id))
            .set((
                dimension_value::name.eq(input.name.unwrap_or(found.name)),
                dimension_value::active.eq(input.active.unwrap_or(found.active)),
                dimension_value::valid_from.eq(from),
                dimension_value::valid_to.eq(to),
            ))
            .returning(DimensionValue::as_returning()),
    )
    .await
    .inspect(|changed: &DimensionValue| emit(tx, EventKind::DimensionValueUpdated, changed.id.0))
}

/// A page of values, of one dimension or of all, by code.
pub(super) async fn page(
    ctx: &Context<'_>,
    dimension: Option<DimensionId>,
    first: Option<i32>,
    after: Option<String>,
    filter: Option<DimensionValueFilter>,
) -> async_graphql::Result<DimensionValueConnection> {
    let tx = ctx.tx(Can::AccountRead).await?;
    let slice = Slice::new(first, after.as_deref())?;
    let narrowed = |filter: Option<DimensionValueFilter>| -> Result<_> {
        let mut query = dimension_value::table.filter(dimension_value::tenant_id.eq(tx.tenant()?)).into_boxed();
        if let Some(dimension) = dimension {
            query = query.filter(dimension_value::dimension_id.eq(dimension));
        }
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
    if let Some((code, id)) = &slice.after {
        page = page
            .filter(dimension_value::code.ge(code.clone()))
            .filter(dimension_value::code.gt(code.clone()).or(dimension_value::id.gt(*id)));
    }
    let page = page.order((dimension_value::code.asc(), dimension_value::id.asc())).limit(slice.limit());
    let rows = tx.rows(page.select(DimensionValue::as_select())).await?;
    Ok(DimensionValueConnection::new(ctx, &slice, rows, |row: &DimensionValue| encode(&row.code, row.id.0), total))
}

/// Queries about values of dimensions.
#[derive(Default)]
pub struct DimensionValueQuery;

#[Object]
impl DimensionValueQuery {
    /// One value of a dimension; null if the id is unknown. Right: `finance.account.read`.
    async fn dimension_value(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The value's id.")] id: DimensionValueId,
    ) -> async_graphql::Result<Option<DimensionValue>> {
        Ok(ctx.load::<DimensionValue>(id).await?)
    }

    /// The values of the client's dimensions, by code. Right: `finance.account.read`.
    async fn dimension_values(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this dimension; those of all if not said.")] dimension: Option<DimensionId>,
        #[graphql(desc = "Only values that match.")] filter: Option<DimensionValueFilter>,
    ) -> async_graphql::Result<DimensionValueConnection> {
        page(ctx, dimension, first, after, filter).await
    }
}

/// Changes of values of dimensions.
#[derive(Default)]
pub struct DimensionValueMutation;

#[Object]
impl DimensionValueMutation {
    /// Adds a value to a dimension. Right: `finance.account.manage`.
    async fn dimension_value_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new value.")] input: DimensionValueCreateInput,
    ) -> async_graphql::Result<Option<DimensionValuePayload>> {
        DimensionValuePayload::settle(ctx, create(ctx.tx(Can::AccountManage).await?, input).await)
    }

    /// Changes a value: what is omitted stays, null clears. What is posted keeps its labels. Right:
    /// `finance.account.manage`.
    async fn dimension_value_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: DimensionValueUpdateInput,
    ) -> async_graphql::Result<Option<DimensionValuePayload>> {
        DimensionValuePayload::settle(ctx, update(ctx.tx(Can::AccountManage).await?, input).await)
    }
}
