//! Where a client stands with the provider, and how it is moved. What follows from it is in the database
//! (`migrations/0215_client_status`): the rights of a client that is suspended or over are the staff's to read, and nobody
//! else's.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{ClientId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::client_status_change;

crate::platform::words! {
    /// Where a client stands with the provider.
    ClientStatus {
        /// It may become a client.
        Prospect = "prospect",
        /// It is being taken on.
        Onboarding = "onboarding",
        /// It is a client.
        Active = "active",
        /// Its own people and its programs do not come in, and the provider's staff reads and changes nothing.
        Suspended = "suspended",
        /// It is a client no more; as suspended, and for good.
        Ended = "ended",
    }
}

/// A client was moved from one status to another.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = client_status_change)]
#[graphql(complex)]
pub struct ClientStatusChange {
    #[graphql(skip)]
    id: Uuid,
    /// Where it stood.
    pub from_status: ClientStatus,
    /// Where it stands since.
    pub to_status: ClientStatus,
    /// Why.
    pub reason: String,
    #[graphql(skip)]
    moved_by: Uuid,
    /// The name of whoever moved it.
    pub moved_by_name: String,
    /// When.
    pub created_at: DateTime,
}

#[async_graphql::ComplexObject]
impl ClientStatusChange {
    /// The id of whoever moved it.
    async fn moved_by(&self) -> UserId {
        UserId(self.moved_by)
    }
}

crate::platform::connection!(
    /// A page of moves of a client.
    ClientStatusChangeConnection, ClientStatusChangeEdge, ClientStatusChange
);

/// A client that is to be moved.
#[derive(InputObject, Clone, Debug)]
pub struct ClientStatusMoveInput {
    /// The client.
    pub client: ClientId,
    /// Where it stands, as the caller knows it; refused with `CONFLICT` if somebody has moved it since.
    pub from: ClientStatus,
    /// Where it is to stand: from a prospect to onboarding, from that to active, from active to suspended and back, and from
    /// any of these to its end, from which nothing leads back.
    pub to: ClientStatus,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

crate::platform::payload! {
    /// What became of a move.
    ClientStatusMovePayload {
        /// Where the client stands now.
        status: ClientStatus
    }
}

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = Text)]
    verdict: String,
}

async fn go(tx: &Tx, request: Uuid, input: ClientStatusMoveInput) -> Result<ClientStatus> {
    sized("reason", &input.reason, 1..=500)?;
    let moved: Moved = tx
        .row(
            sql("SELECT practice.move_client($1, $2, $3, $4, $5, $6) AS verdict")
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<SqlUuid, _>(input.client)
                .bind::<Text, _>(input.to)
                .bind::<Text, _>(input.reason)
                .bind::<Text, _>(input.from)
                .bind::<SqlUuid, _>(request),
        )
        .await?;
    match moved.verdict.as_str() {
        "ok" => Ok(input.to),
        "unknown" => Err(Error::not_found("client", "client")),
        "other" => {
            let message = "This client does not stand there: somebody has moved it.";
            Err(Error::refuse(UserErrorCode::Conflict, "from", message))
        }
        "way" => Err(Error::refuse(UserErrorCode::State, "to", "No way leads there from where this client stands.")),
        other => Err(Error::fault(format!("an unknown verdict of a move: {other}"))),
    }
}

/// Queries about where a client stands.
#[derive(Default)]
pub struct ClientStatusQuery;

#[Object]
impl ClientStatusQuery {
    /// How the client that the token is for was moved, the latest move first. Right: `practice.client.read`.
    async fn client_status_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ClientStatusChangeConnection> {
        let tx = ctx.tx(Can::ClientRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own = || -> Result<_> {
            Ok(client_status_change::table.filter(client_status_change::tenant_id.eq(tx.tenant()?)))
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?.into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(client_status_change::id.lt(*id));
        }
        let rows = tx
            .rows(
                page.order(client_status_change::id.desc())
                    .limit(slice.limit())
                    .select(ClientStatusChange::as_select()),
            )
            .await?;
        Ok(ClientStatusChangeConnection::new(ctx, &slice, rows, |row| encode("", row.id), total))
    }
}

/// Moving clients.
#[derive(Default)]
pub struct ClientStatusMutation;

#[Object]
impl ClientStatusMutation {
    /// Moves a client to another status. From the moment on in which it is suspended or over, its own people and its programs
    /// do not come in, and the staff changes nothing. Needs a token without client. Right: `practice.client.move`.
    async fn client_status_move(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client, and where to.")] input: ClientStatusMoveInput,
    ) -> async_graphql::Result<Option<ClientStatusMovePayload>> {
        let tx = ctx.provider(Can::ClientMove).await?;
        let request = ctx.scope()?.request_id();
        ClientStatusMovePayload::settle(ctx, go(tx, request, input).await)
    }
}
