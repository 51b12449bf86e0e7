//! The names that stand beside work: of people, teams and clients. Fetched once a page, under the right by which the page
//! itself was read: in a client that to its work, in the queue over all clients that to the portfolio.

use std::collections::HashMap;

use async_graphql::{Context, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::{ClientId, TeamId, UserId};
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;
use crate::practice::service::Service;
use crate::practice::team::Team;

/// A person beside a piece of work.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct WorkPerson {
    /// The person's user id.
    #[diesel(sql_type = SqlUuid)]
    #[diesel(column_name = id)]
    pub user_id: UserId,
    /// Name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Whether the person works for the provider.
    #[diesel(sql_type = Bool)]
    pub staff: bool,
}

/// The right by which names are read beside work, near in one client or far over all.
const fn right(far: bool) -> Can {
    if far { Can::PortfolioRead } else { Can::WorkItemRead }
}

/// Whether the caller looks at all clients at once.
pub(super) fn far(ctx: &Context<'_>) -> Result<bool> {
    Ok(matches!(ctx.scope()?.caller(), Caller::Person { client: None, .. }))
}

/// People by id.
pub(super) struct People<const FAR: bool>;

impl<const FAR: bool> Fetch for People<FAR> {
    type Key = UserId;
    type Value = WorkPerson;
    const CAN: Can = right(FAR);

    async fn fetch(tx: &Tx, keys: Vec<UserId>) -> Result<HashMap<UserId, WorkPerson>> {
        let rows: Vec<WorkPerson> = tx
            .rows(sql("SELECT p.id, p.name, p.staff FROM practice.people_named($1) p").bind::<Array<SqlUuid>, _>(keys))
            .await?;
        Ok(rows.into_iter().map(|row| (row.user_id, row)).collect())
    }
}

/// Teams by id.
struct Teams<const FAR: bool>;

impl<const FAR: bool> Fetch for Teams<FAR> {
    type Key = TeamId;
    type Value = Team;
    const CAN: Can = right(FAR);

    async fn fetch(tx: &Tx, keys: Vec<TeamId>) -> Result<HashMap<TeamId, Team>> {
        let rows: Vec<Team> =
            tx.rows(sql("SELECT t.id, t.name FROM practice.teams_named($1) t").bind::<Array<SqlUuid>, _>(keys)).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Services by code.
struct Services<const FAR: bool>;

impl<const FAR: bool> Fetch for Services<FAR> {
    type Key = String;
    type Value = Service;
    const CAN: Can = right(FAR);

    async fn fetch(tx: &Tx, keys: Vec<String>) -> Result<HashMap<String, Service>> {
        let rows: Vec<Service> = tx
            .rows(
                sql("SELECT s.code, s.name, s.covers FROM practice.services_described($1) s")
                    .bind::<Array<Text>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.code.clone(), row)).collect())
    }
}

/// Names of clients.
struct Clients<const FAR: bool>;

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = SqlUuid)]
    id: ClientId,
    #[diesel(sql_type = Text)]
    name: String,
}

impl<const FAR: bool> Fetch for Clients<FAR> {
    type Key = ClientId;
    type Value = String;
    const CAN: Can = right(FAR);

    async fn fetch(tx: &Tx, keys: Vec<ClientId>) -> Result<HashMap<ClientId, String>> {
        let rows: Vec<Named> = tx
            .rows(
                sql("SELECT c.id, c.name FROM practice.client c WHERE c.tenant_id = ANY ($1)")
                    .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
    }
}

/// The person of that id.
pub(crate) async fn person(ctx: &Context<'_>, id: Option<UserId>) -> Result<Option<WorkPerson>> {
    match id {
        Some(id) if far(ctx)? => ctx.load::<People<true>>(id).await,
        Some(id) => ctx.load::<People<false>>(id).await,
        None => Ok(None),
    }
}

/// The team of that id.
pub(crate) async fn team(ctx: &Context<'_>, id: Option<TeamId>) -> Result<Option<Team>> {
    match id {
        Some(id) if far(ctx)? => ctx.load::<Teams<true>>(id).await,
        Some(id) => ctx.load::<Teams<false>>(id).await,
        None => Ok(None),
    }
}

/// The service of that code.
pub(crate) async fn service(ctx: &Context<'_>, code: Option<&str>) -> Result<Option<Service>> {
    match code {
        Some(code) if far(ctx)? => ctx.load::<Services<true>>(code.to_owned()).await,
        Some(code) => ctx.load::<Services<false>>(code.to_owned()).await,
        None => Ok(None),
    }
}

/// The name of the client of that id.
pub(crate) async fn client(ctx: &Context<'_>, id: ClientId) -> Result<Option<String>> {
    if far(ctx)? { ctx.load::<Clients<true>>(id).await } else { ctx.load::<Clients<false>>(id).await }
}
