//! Views: what somebody looks for in the queue again and again, kept as a filter under a name, for himself or for all of the
//! staff. A view shows nobody more than he may see: it is a filter and nothing else.

use async_graphql::{ComplexObject, Context, InputObject, InputType, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};

use super::queue::{WorkItemFilter, reach};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::input::sized;
use crate::platform::json::Json;
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::work_view;
use crate::work::ids::WorkViewId;

/// The most views of one person.
const MOST: i64 = 100;

/// What somebody looks for in the queue again and again.
#[derive(QueryableByName, Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = work_view)]
#[graphql(complex)]
pub struct WorkView {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: WorkViewId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    owner_id: UserId,
    /// Name, unique among the views of one person.
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Jsonb)]
    #[graphql(skip)]
    filter: serde_json::Value,
    /// Whether all of the provider's staff may use it.
    #[diesel(sql_type = Bool)]
    pub shared: bool,
    /// When it was made.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    #[diesel(sql_type = Int4)]
    pub version: i32,
}

#[ComplexObject]
impl WorkView {
    /// The filter, as `workItems` takes it.
    async fn filter(&self) -> Json {
        Json::new(self.filter.clone())
    }

    /// Whether it is the caller's own.
    async fn mine(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        let tx = ctx.scope()?.transaction().ok_or_else(|| Error::fault("a view was read in no transaction"))?;
        tx.tells_own();
        Ok(tx.actor() == self.owner_id.0)
    }
}

/// A filter as it is kept: what it asks for, and nothing else.
fn kept(filter: &WorkItemFilter) -> Result<serde_json::Value> {
    fn stripped(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(fields) => fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, stripped(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other,
        }
    }
    filter.to_value().into_json().map(stripped).map_err(Error::fault)
}

/// A filter as it was kept. One that this server does not understand any more is said to be so.
fn read(kept: &serde_json::Value) -> Result<WorkItemFilter> {
    let value = async_graphql::Value::from_json(kept.clone()).map_err(Error::fault)?;
    WorkItemFilter::parse(Some(value))
        .map_err(|_| Error::BadInput("This view asks for something that is not known any more: change it.".to_owned()))
}

async fn views(tx: &Tx, id: Option<WorkViewId>) -> Result<Vec<WorkView>> {
    tx.tells_own();
    tx.rows(
        sql("SELECT v.id, v.owner_id, v.name, v.filter, v.shared, v.created_at, v.version FROM practice.work_views_of($1, $2) v")
            .bind::<SqlUuid, _>(tx.actor())
            .bind::<Nullable<SqlUuid>, _>(id),
    )
    .await
}

/// What is asked for by a view or by a filter.
pub(super) async fn asked(tx: &Tx, filter: Option<WorkItemFilter>, view: Option<WorkViewId>) -> Result<WorkItemFilter> {
    match (filter, view) {
        (Some(_), Some(_)) => Err(Error::BadInput("Name a view or a filter, not both.".to_owned())),
        (filter, None) => Ok(filter.unwrap_or_default()),
        (None, Some(id)) => {
            let found = views(tx, Some(id)).await?;
            let found = found.first().ok_or_else(|| Error::BadInput("There is no such view.".to_owned()))?;
            read(&found.filter)
        }
    }
}

/// A new view of the caller's.
#[derive(InputObject, Clone, Debug)]
pub struct WorkViewCreateInput {
    /// Name, 1 to 100 characters, unique among one's own.
    pub name: String,
    /// What it looks for.
    pub filter: WorkItemFilter,
    /// Whether all of the provider's staff may use it; nobody else if not said.
    pub shared: Option<bool>,
}

/// Changes of a view: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct WorkViewUpdateInput {
    /// The view, one of the caller's own.
    pub id: WorkViewId,
    /// The version that was read; refused with `CONFLICT` if the view was changed since.
    pub expected_version: Option<i32>,
    /// Name, 1 to 100 characters, unique among one's own.
    pub name: Option<String>,
    /// All that it looks for.
    pub filter: Option<WorkItemFilter>,
    /// Whether all of the provider's staff may use it.
    pub shared: Option<bool>,
}

/// Names a view.
#[derive(InputObject, Clone, Debug)]
pub struct WorkViewInput {
    /// The view, one of the caller's own.
    pub id: WorkViewId,
}

crate::platform::payload! {
    /// What became of a view.
    WorkViewPayload {
        /// The view as it is now, or was before it was deleted.
        work_view: WorkView
    }
}

/// Refuses a filter that the queue would refuse, at the input's field.
fn check(tx: &Tx, filter: &WorkItemFilter) -> Result<serde_json::Value> {
    filter.clone().check(tx).map_err(|error| match error {
        Error::BadInput(message) => Error::refuse(UserErrorCode::Invalid, "filter", message),
        other => other,
    })?;
    kept(filter)
}

async fn check_name(tx: &Tx, name: &str, own: Option<WorkViewId>) -> Result<()> {
    sized("name", name, 1..=100)?;
    let mut same = work_view::table
        .filter(work_view::owner_id.eq(tx.actor()))
        .filter(work_view::name.eq(name.to_owned()))
        .into_boxed();
    if let Some(own) = own {
        same = same.filter(work_view::id.ne(own));
    }
    let same: i64 = tx.row(same.count()).await?;
    match same {
        0 => Ok(()),
        _ => Err(Error::refuse(UserErrorCode::Duplicate, "name", "You have a view of that name already.")),
    }
}

async fn create(tx: &Tx, input: WorkViewCreateInput) -> Result<WorkView> {
    check_name(tx, &input.name, None).await?;
    let filter = check(tx, &input.filter)?;
    let known: i64 = tx.row(work_view::table.filter(work_view::owner_id.eq(tx.actor())).count()).await?;
    if known >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "name", format!("One has at most {MOST} views.")));
    }
    tx.row(
        diesel::insert_into(work_view::table)
            .values((
                work_view::id.eq(WorkViewId::new()),
                work_view::owner_id.eq(tx.actor()),
                work_view::name.eq(input.name),
                work_view::filter.eq(filter),
                work_view::shared.eq(input.shared.unwrap_or_default()),
            ))
            .returning(WorkView::as_returning()),
    )
    .await
}

async fn own(tx: &Tx, id: WorkViewId) -> Result<WorkView> {
    let found: Option<WorkView> = tx
        .maybe(
            work_view::table
                .filter(work_view::id.eq(id))
                .filter(work_view::owner_id.eq(tx.actor()))
                .select(WorkView::as_select())
                .for_update(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found("id", "view of your own"))
}

async fn update(tx: &Tx, input: WorkViewUpdateInput) -> Result<WorkView> {
    let found = own(tx, input.id).await?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The view was changed since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    let name = input.name.unwrap_or(found.name);
    check_name(tx, &name, Some(found.id)).await?;
    let filter = match &input.filter {
        Some(filter) => check(tx, filter)?,
        None => found.filter,
    };
    tx.row(
        diesel::update(work_view::table.filter(work_view::id.eq(found.id)))
            .set((
                work_view::name.eq(name),
                work_view::filter.eq(filter),
                work_view::shared.eq(input.shared.unwrap_or(found.shared)),
                work_view::updated_at.eq(tx.now()),
                work_view::version.eq(work_view::version + 1),
            ))
            .returning(WorkView::as_returning()),
    )
    .await
}

async fn delete(tx: &Tx, input: WorkViewInput) -> Result<WorkView> {
    let found = own(tx, input.id).await?;
    tx.exec(diesel::delete(work_view::table.filter(work_view::id.eq(found.id)))).await?;
    Ok(found)
}

/// Queries about views.
#[derive(Default)]
pub struct ViewQuery;

#[Object]
impl ViewQuery {
    /// The views that the caller may use, by name: his own, and those that are shared with the staff. With a token for a
    /// client or without one, as `workItems`. Right: `work.item.read`.
    async fn work_views(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkView>> {
        Ok(views(reach(ctx).await?, None).await?)
    }
}

/// Changes of views.
#[derive(Default)]
pub struct ViewMutation;

#[Object]
impl ViewMutation {
    /// Keeps a view of one's own. Needs a token without client. Right: `practice.portfolio.read`.
    async fn work_view_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new view.")] input: WorkViewCreateInput,
    ) -> async_graphql::Result<Option<WorkViewPayload>> {
        WorkViewPayload::settle(ctx, create(ctx.provider(Can::PortfolioRead).await?, input).await)
    }

    /// Changes a view of one's own. Needs a token without client. Right: `practice.portfolio.read`.
    async fn work_view_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: WorkViewUpdateInput,
    ) -> async_graphql::Result<Option<WorkViewPayload>> {
        WorkViewPayload::settle(ctx, update(ctx.provider(Can::PortfolioRead).await?, input).await)
    }

    /// Deletes a view of one's own. Needs a token without client. Right: `practice.portfolio.read`.
    async fn work_view_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The view.")] input: WorkViewInput,
    ) -> async_graphql::Result<Option<WorkViewPayload>> {
        WorkViewPayload::settle(ctx, delete(ctx.provider(Can::PortfolioRead).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_kept_as_it_was_asked_and_read_again() {
        let asked = serde_json::json!({ "text": "bank", "service": { "in": ["payroll"] }, "assignee": { "me": true },
                                        "dueOn": { "lt": "2026-04-01" }, "state": { "eq": "WAITING" } });
        let filter = read(&asked).unwrap();
        assert_eq!(kept(&filter).unwrap(), asked);
        assert_eq!(kept(&WorkItemFilter::default()).unwrap(), serde_json::json!({}));
    }

    #[test]
    fn what_is_not_known_any_more_is_said() {
        for wrong in [serde_json::json!({ "state": { "eq": "GONE" } }), serde_json::json!({ "text": 7 })] {
            assert!(matches!(read(&wrong), Err(Error::BadInput(_))), "{wrong}");
        }
    }
}
