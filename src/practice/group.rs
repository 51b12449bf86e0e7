//! Groups of clients: the provider's own sets, without any order among them. A client can be in several of them.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Uuid as SqlUuid};

use super::ids::ClientGroupId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::ClientId;
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{client_group, client_group_member};

/// The most clients that are put into a group, or taken out of it, at once.
const MOST: usize = 100;

/// A group of clients of the provider.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = client_group)]
pub struct ClientGroup {
    /// Global id.
    pub id: ClientGroupId,
    /// Name, unique.
    pub name: String,
}

crate::platform::connection!(
    /// A page of groups of clients.
    ClientGroupConnection, ClientGroupEdge, ClientGroup
);

/// A new group.
#[derive(InputObject, Clone, Debug)]
pub struct ClientGroupCreateInput {
    /// Name, 1 to 100 characters, unique.
    pub name: String,
    /// The clients in it, at most 100; none if not said.
    pub clients: Option<Vec<ClientId>>,
}

/// What changes about a group.
#[derive(InputObject, Clone, Debug)]
pub struct ClientGroupUpdateInput {
    /// The group.
    pub id: ClientGroupId,
    /// New name, 1 to 100 characters, unique.
    pub name: Option<String>,
    /// Clients that are in it from now on, at most 100; who is in it already stays.
    pub add_clients: Option<Vec<ClientId>>,
    /// Clients that are not in it any more, at most 100.
    pub remove_clients: Option<Vec<ClientId>>,
}

/// A group that is given up.
#[derive(InputObject, Clone, Debug)]
pub struct ClientGroupDeleteInput {
    /// The group.
    pub id: ClientGroupId,
}

crate::platform::payload! {
    /// What became of a group.
    ClientGroupPayload {
        /// The group as it is now, or was before it was given up.
        client_group: ClientGroup
    }
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bool)]
    known: bool,
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    size: i64,
}

fn bounded(field: &str, clients: &[ClientId]) -> Result<()> {
    if clients.len() <= MOST {
        return Ok(());
    }
    Err(Error::refuse(UserErrorCode::Invalid, field, format!("At most {MOST} clients at once.")))
}

async fn put(tx: &Tx, group: ClientGroupId, field: &str, clients: &[ClientId]) -> Result<()> {
    bounded(field, clients)?;
    for (at, client) in clients.iter().enumerate() {
        let known: Known = tx.row(sql("SELECT practice.is_client($1) AS known").bind::<SqlUuid, _>(*client)).await?;
        if !known.known {
            return Err(Error::not_found(&format!("{field}.{at}"), "client"));
        }
        tx.exec(
            diesel::insert_into(client_group_member::table)
                .values((client_group_member::group_id.eq(group), client_group_member::client_id.eq(client.0)))
                .on_conflict_do_nothing(),
        )
        .await?;
    }
    let size: Size = tx
        .row(
            sql("SELECT count(*) AS size FROM practice.client_group_member m WHERE m.group_id = $1")
                .bind::<SqlUuid, _>(group),
        )
        .await?;
    if size.size > 10_000 {
        return Err(Error::refuse(UserErrorCode::State, field, "A group has at most 10,000 clients."));
    }
    Ok(())
}

async fn create(tx: &Tx, input: ClientGroupCreateInput) -> Result<ClientGroup> {
    sized("name", &input.name, 1..=100)?;
    let made: ClientGroup = tx
        .row(
            diesel::insert_into(client_group::table)
                .values((client_group::id.eq(new_uuid()), client_group::name.eq(input.name)))
                .returning(ClientGroup::as_returning()),
        )
        .await?;
    put(tx, made.id, "clients", &input.clients.unwrap_or_default()).await?;
    Ok(made)
}

/// The group, locked: who changes it does so one after the other.
async fn locked(tx: &Tx, id: ClientGroupId) -> Result<ClientGroup> {
    let found = client_group::table.filter(client_group::id.eq(id)).select(ClientGroup::as_select()).for_update();
    tx.maybe(found).await?.ok_or_else(|| Error::not_found("id", "group"))
}

async fn update(tx: &Tx, input: ClientGroupUpdateInput) -> Result<ClientGroup> {
    let mut group = locked(tx, input.id).await?;
    if let Some(name) = input.name {
        sized("name", &name, 1..=100)?;
        let named = diesel::update(client_group::table.filter(client_group::id.eq(group.id)))
            .set(client_group::name.eq(name))
            .returning(ClientGroup::as_returning());
        group = tx.row(named).await?;
    }
    let gone = input.remove_clients.unwrap_or_default();
    bounded("removeClients", &gone)?;
    let gone: Vec<uuid::Uuid> = gone.into_iter().map(|client| client.0).collect();
    tx.exec(
        diesel::delete(client_group_member::table)
            .filter(client_group_member::group_id.eq(group.id))
            .filter(client_group_member::client_id.eq_any(gone)),
    )
    .await?;
    put(tx, group.id, "addClients", &input.add_clients.unwrap_or_default()).await?;
    Ok(group)
}

async fn delete(tx: &Tx, id: ClientGroupId) -> Result<ClientGroup> {
    let group = locked(tx, id).await?;
    tx.exec(diesel::delete(client_group_member::table).filter(client_group_member::group_id.eq(group.id))).await?;
    tx.exec(diesel::delete(client_group::table).filter(client_group::id.eq(group.id))).await?;
    Ok(group)
}

/// Queries about groups of clients.
#[derive(Default)]
pub struct ClientGroupQuery;

#[Object]
impl ClientGroupQuery {
    /// The provider's groups of clients, by name; `clients(group)` shows those of a group whose figures the caller may read.
    /// Needs a token without client. Right: `practice.portfolio.read`.
    async fn client_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ClientGroupConnection> {
        let tx = ctx.provider(Can::PortfolioRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(client_group::table.count()).await?)
        } else {
            None
        };
        let mut page = client_group::table.into_boxed();
        if let Some((name, id)) = &slice.after {
            page = page.filter(
                client_group::name
                    .gt(name.clone())
                    .or(client_group::name.eq(name.clone()).and(client_group::id.gt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((client_group::name, client_group::id))
                    .limit(slice.limit())
                    .select(ClientGroup::as_select()),
            )
            .await?;
        Ok(ClientGroupConnection::new(ctx, &slice, rows, |row| encode(&row.name, row.id.0), total))
    }
}

/// Changes of groups of clients.
#[derive(Default)]
pub struct ClientGroupMutation;

#[Object]
impl ClientGroupMutation {
    /// Makes a group of clients. Needs a token without client. Right: `practice.client_group.manage`.
    async fn client_group_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new group.")] input: ClientGroupCreateInput,
    ) -> async_graphql::Result<Option<ClientGroupPayload>> {
        ClientGroupPayload::settle(ctx, create(ctx.provider(Can::ClientGroupManage).await?, input).await)
    }

    /// Changes the name of a group, or which clients are in it. Needs a token without client. Right:
    /// `practice.client_group.manage`.
    async fn client_group_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: ClientGroupUpdateInput,
    ) -> async_graphql::Result<Option<ClientGroupPayload>> {
        ClientGroupPayload::settle(ctx, update(ctx.provider(Can::ClientGroupManage).await?, input).await)
    }

    /// Gives a group up; its clients stay. Needs a token without client. Right: `practice.client_group.manage`.
    async fn client_group_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: ClientGroupDeleteInput,
    ) -> async_graphql::Result<Option<ClientGroupPayload>> {
        ClientGroupPayload::settle(ctx, delete(ctx.provider(Can::ClientGroupManage).await?, input.id).await)
    }
}
