//! Dimensions: what lines are labelled with beside their account, as the client likes: cost centres, projects, departments,
//! locations. Reports are narrowed by them, accounts can need them, and amounts on a value can be split among others.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MergedObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};

use super::account::{self, AccountPayload};
use super::check_text;
use crate::finance::ids::{AccountId, DimensionId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::expect_version;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{account_dimension, dimension};

pub mod labels;
pub mod split;
pub mod value;

pub use labels::Labels;

/// The queries about dimensions.
#[derive(MergedObject, Default)]
pub struct DimensionsQuery(DimensionQuery, value::DimensionValueQuery);

/// The changes of dimensions.
#[derive(MergedObject, Default)]
pub struct DimensionsMutation(DimensionMutation, value::DimensionValueMutation, split::SplitMutation);

/// A dimension: something that lines are labelled with, e.g. the cost centre.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = dimension)]
#[graphql(complex)]
pub struct Dimension {
    /// Global id.
    pub id: DimensionId,
    /// Short name, unique: small letters, digits and underscores.
    pub code: String,
    /// Name.
    pub name: String,
    /// Whether it has new values.
    pub active: bool,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl Dimension {
    /// Its values, by code.
    async fn values(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<value::DimensionValueConnection> {
        value::page(ctx, Some(self.id), first, after, None).await
    }
}

crate::platform::connection!(
    /// A page of dimensions.
    DimensionConnection, DimensionEdge, Dimension
);

impl Fetch for Dimension {
    type Key = DimensionId;
    type Value = Self;
    const CAN: Can = Can::AccountRead;

    async fn fetch(tx: &Tx, keys: Vec<DimensionId>) -> Result<HashMap<DimensionId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                dimension::table
                    .filter(dimension::tenant_id.eq(tx.tenant()?))
                    .filter(dimension::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The dimensions of which accounts need a value on each of their lines.
pub struct NeededBy;

#[derive(QueryableByName)]
struct Needed {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = SqlUuid)]
    dimension_id: DimensionId,
}

impl Fetch for NeededBy {
    type Key = AccountId;
    type Value = Vec<DimensionId>;
    const CAN: Can = Can::AccountRead;

    async fn fetch(tx: &Tx, keys: Vec<AccountId>) -> Result<HashMap<AccountId, Vec<DimensionId>>> {
        let rows: Vec<Needed> = tx
            .rows(
                sql("SELECT r.account_id, r.dimension_id FROM finance.account_dimension r
                      WHERE r.tenant_id = $1 AND r.account_id = ANY ($2) ORDER BY r.dimension_id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<AccountId, Vec<DimensionId>> = HashMap::new();
        for row in rows {
            found.entry(row.account_id).or_default().push(row.dimension_id);
        }
        Ok(found)
    }
}

/// A new dimension.
#[derive(InputObject, Clone, Debug)]
pub struct DimensionCreateInput {
    /// Short name, unique: 1 to 20 small letters, digits and underscores, a letter first.
    pub code: String,
    /// Name, 1 to 100 characters.
    pub name: String,
}

/// Changes of a dimension: what is omitted stays. Its code never changes.
#[derive(InputObject, Clone, Debug)]
pub struct DimensionUpdateInput {
    /// The dimension.
    pub id: DimensionId,
    /// The version that was read; refused with `CONFLICT` if the dimension was changed since.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// Whether it has new values.
    pub active: Option<bool>,
}

/// Which dimensions an account needs.
#[derive(InputObject, Clone, Debug)]
pub struct AccountDimensionsRequireInput {
    /// The account: a leaf without a role that the books post to by themselves.
    pub account: AccountId,
    /// The dimensions of which each new line needs a value, in place of those of before, at most 10.
    pub dimensions: Vec<DimensionId>,
}

crate::platform::payload! {
    /// What became of a dimension.
    DimensionPayload {
        /// The dimension as it is now.
        dimension: Dimension
    }
}

fn is_code(text: &str) -> bool {
    (1..=20).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

async fn create(tx: &Tx, input: DimensionCreateInput) -> Result<Dimension> {
    if !is_code(&input.code) {
        let message = "The code of a dimension has 1 to 20 small letters, digits and underscores, a letter first.";
        return Err(Error::refuse(UserErrorCode::Invalid, "code", message));
    }
    check_text("name", &input.name, 100)?;
    let taken: i64 = tx
        .row(
            dimension::table
                .filter(dimension::tenant_id.eq(tx.tenant()?))
                .filter(dimension::code.eq(input.code.clone()))
                .count(),
        )
        .await?;
    if taken > 0 {
        return Err(Error::refuse(UserErrorCode::Duplicate, "code", "There is a dimension with this code."));
    }
    tx.row(
        diesel::insert_into(dimension::table)
            .values((
                dimension::tenant_id.eq(tx.tenant()?),
                dimension::id.eq(DimensionId::new()),
                dimension::code.eq(input.code),
                dimension::name.eq(input.name),
            ))
            .returning(Dimension::as_returning()),
    )
    .await
    .inspect(|made: &Dimension| emit(tx, EventKind::DimensionCreated, made.id.0))
}

/// The dimension, locked until the transaction ends.
pub(super) async fn lock(tx: &Tx, id: DimensionId, field: &str) -> Result<Dimension> {
    let found: Option<Dimension> = tx
        .maybe(
            dimension::table
                .filter(dimension::tenant_id.eq(tx.tenant()?))
                .filter(dimension::id.eq(id))
                .select(Dimension::as_select())
                .for_update(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found(field, "dimension"))
}

async fn update(tx: &Tx, input: DimensionUpdateInput) -> Result<Dimension> {
    let found = lock(tx, input.id, "id").await?;
    expect_version(input.expected_version, found.version, "dimension")?;
    if let Some(name) = &input.name {
        check_text("name", name, 100)?;
    }
    tx.row(
        diesel::update(dimension::table)
            .filter(dimension::tenant_id.eq(tx.tenant()?))
            .filter(dimension::id.eq(found.id))
            .set((
                dimension::name.eq(input.name.unwrap_or(found.name)),
                dimension::active.eq(input.active.unwrap_or(found.active)),
            ))
            .returning(Dimension::as_returning()),
    )
    .await
    .inspect(|changed: &Dimension| emit(tx, EventKind::DimensionUpdated, changed.id.0))
}

async fn require(tx: &Tx, input: AccountDimensionsRequireInput) -> Result<account::Account> {
    if input.dimensions.len() > 10 {
        return Err(Error::refuse(UserErrorCode::Invalid, "dimensions", "An account needs at most 10 dimensions."));
    }
    let found = account::find(tx, input.account).await?.ok_or_else(|| Error::not_found("account", "account"))?;
    if found.is_group || found.control.is_some() {
        let message = "Only a leaf without a role needs dimensions: the books post to the others by themselves.";
        return Err(Error::refuse(UserErrorCode::Invalid, "account", message));
    }
    let known = Dimension::fetch(tx, input.dimensions.clone()).await?;
    let mut wanted = Vec::new();
    for (at, id) in input.dimensions.into_iter().enumerate() {
        if !known.contains_key(&id) {
            return Err(Error::not_found(&format!("dimensions.{at}"), "dimension"));
        }
        if !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    let tenant = tx.tenant()?;
    tx.exec(
        sql("DELETE FROM finance.account_dimension r WHERE r.tenant_id = $1 AND r.account_id = $2 AND r.dimension_id <> ALL ($3)")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(found.id)
            .bind::<Array<SqlUuid>, _>(wanted.clone()),
    )
    .await?;
    let rows: Vec<_> = wanted
        .into_iter()
        .map(|id| {
            (
                account_dimension::tenant_id.eq(tenant),
                account_dimension::id.eq(new_uuid()),
                account_dimension::account_id.eq(found.id),
                account_dimension::dimension_id.eq(id),
            )
        })
        .collect();
    for row in rows {
        tx.exec(diesel::insert_into(account_dimension::table).values(row).on_conflict_do_nothing()).await?;
    }
    emit(tx, EventKind::AccountUpdated, found.id.0);
    Ok(found)
}

/// Queries about dimensions.
#[derive(Default)]
pub struct DimensionQuery;

#[Object]
impl DimensionQuery {
    /// One dimension; null if the id is unknown. Right: `finance.account.read`.
    async fn dimension(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The dimension's id.")] id: DimensionId,
    ) -> async_graphql::Result<Option<Dimension>> {
        Ok(ctx.load::<Dimension>(id).await?)
    }

    /// The client's dimensions, by code. Right: `finance.account.read`.
    async fn dimensions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<DimensionConnection> {
        let tx = ctx.tx(Can::AccountRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> { Ok(dimension::table.filter(dimension::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((code, _)) = &slice.after {
            page = page.filter(dimension::code.gt(code.clone()));
        }
        let page = page.order(dimension::code.asc()).limit(slice.limit());
        let rows = tx.rows(page.select(Dimension::as_select())).await?;
        Ok(DimensionConnection::new(ctx, &slice, rows, |row: &Dimension| encode(&row.code, row.id.0), total))
    }
}

/// Changes of dimensions.
#[derive(Default)]
pub struct DimensionMutation;

#[Object]
impl DimensionMutation {
    /// Adds a dimension. Right: `finance.account.manage`.
    async fn dimension_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new dimension.")] input: DimensionCreateInput,
    ) -> async_graphql::Result<Option<DimensionPayload>> {
        DimensionPayload::settle(ctx, create(ctx.tx(Can::AccountManage).await?, input).await)
    }

    /// Changes a dimension: what is omitted stays. Right: `finance.account.manage`.
    async fn dimension_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: DimensionUpdateInput,
    ) -> async_graphql::Result<Option<DimensionPayload>> {
        DimensionPayload::settle(ctx, update(ctx.tx(Can::AccountManage).await?, input).await)
    }

    /// Says of which dimensions the new lines of an account need a value. What is posted already stays. Right:
    /// `finance.account.manage`.
    async fn account_dimensions_require(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and what it needs.")] input: AccountDimensionsRequireInput,
    ) -> async_graphql::Result<Option<AccountPayload>> {
        AccountPayload::settle(ctx, require(ctx.tx(Can::AccountManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_short_and_plain() {
        for good in ["cost_centre", "p", "location2"] {
            assert!(is_code(good), "{good}");
        }
        for bad in ["", "2nd", "Cost", "cost centre", "a_name_that_is_far_too_long"] {
            assert!(!is_code(bad), "{bad}");
        }
    }
}
