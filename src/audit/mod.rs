//! The trail: who changed what and when, read back. It is written by triggers in the transaction of the change and can
//! neither be changed nor left out.

use async_graphql::{ComplexObject, Context, ID, MergedObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::caller::ActorKind;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids;
use crate::platform::json::Json;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

mod records;
pub mod schema;
pub mod verify;

crate::platform::words! {
    /// What was done to a record.
    AuditAction {
        /// It was made.
        Insert = "insert",
        /// It was changed.
        Update = "update",
        /// It was removed.
        Delete = "delete",
    }
}

/// One change of one record.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct AuditEntry {
    #[diesel(sql_type = BigInt)]
    #[graphql(skip)]
    id: i64,
    /// When it was done.
    #[diesel(sql_type = Timestamptz)]
    pub occurred_at: DateTime,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    actor_id: Option<Uuid>,
    /// What kind of actor did it.
    #[diesel(sql_type = Text)]
    pub actor_kind: ActorKind,
    /// The actor's name at that time.
    #[diesel(sql_type = Text)]
    pub actor_name: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    request_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    table_name: String,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    record_id: Uuid,
    /// What was done.
    #[diesel(sql_type = Text)]
    pub action: AuditAction,
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    before: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    after: Option<String>,
}

#[ComplexObject]
impl AuditEntry {
    /// Global id of the person or service account that did it; null for the server itself and for the database.
    async fn actor(&self) -> Option<ID> {
        records::actor(self.actor_kind, self.actor_id?).map(ID)
    }

    /// The request that it was done in: all its changes took effect together. The same id stands in the answer and in
    /// the server's log.
    async fn request_id(&self) -> Option<String> {
        self.request_id.map(|id| id.to_string())
    }

    /// The same under its former name.
    #[graphql(deprecation = "Use `requestId`, as errors and answers name it. This goes on 2027-12-01.")]
    async fn request(&self) -> Option<String> {
        self.request_id.map(|id| id.to_string())
    }

    /// What kind of record it is, in department and concept: `finance.invoice`.
    async fn record_type(&self) -> &str {
        &self.table_name
    }

    /// Global id of the record, for `auditTrail`; null for records that have none outside.
    async fn node(&self) -> Option<ID> {
        records::node(&self.table_name, self.record_id).map(ID)
    }

    /// The record before the change; null if it was made. Decimals are strings, secrets are left out.
    async fn before(&self) -> async_graphql::Result<Option<Json>> {
        Ok(self.before.as_deref().map(Json::image).transpose()?)
    }

    /// The record after the change; null if it was removed. Decimals are strings, secrets are left out.
    async fn after(&self) -> async_graphql::Result<Option<Json>> {
        Ok(self.after.as_deref().map(Json::image).transpose()?)
    }
}

crate::platform::connection!(
    /// A page of the trail.
    AuditEntryConnection, AuditEntryEdge, AuditEntry
);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What the provider's staff writes beside records for itself is in the trail for the staff alone.
macro_rules! shown {
    () => {
        " AND (e.table_name <> 'practice.comment' OR (coalesce(e.after, e.before) ->> 'visible_to_client')::boolean
               OR ($3 AND practice.is_staff($4)))"
    };
}

async fn page(ctx: &Context<'_>, tx: &Tx, record: Option<Uuid>, slice: &Slice) -> Result<AuditEntryConnection> {
    let after = match &slice.after {
        None => None,
        Some((value, _)) => Some(
            value.parse::<i64>().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?,
        ),
    };
    // one text each, so that either is planned for its own index
    let (counting, reading) = match record {
        Some(_) => (
            concat!("SELECT count(*) AS count FROM audit.entry e WHERE e.tenant_id = $1 AND e.record_id = $2", shown!()),
            concat!(
                "SELECT e.id, e.occurred_at, e.actor_id, e.actor_kind, e.actor_name, e.request_id, e.table_name, e.record_id, e.action,
                        e.before::text AS before, e.after::text AS after
                   FROM audit.entry e
                  WHERE e.tenant_id = $1 AND e.record_id = $2",
                shown!(),
                " AND e.id < $5 ORDER BY e.id DESC LIMIT $6"
            ),
        ),
        None => (
            concat!("SELECT count(*) AS count FROM audit.entry e WHERE e.tenant_id = $1 AND $2::uuid IS NULL", shown!()),
            concat!(
                "SELECT e.id, e.occurred_at, e.actor_id, e.actor_kind, e.actor_name, e.request_id, e.table_name, e.record_id, e.action,
                        e.before::text AS before, e.after::text AS after
                   FROM audit.entry e
                  WHERE e.tenant_id = $1 AND $2::uuid IS NULL",
                shown!(),
                " AND e.id < $5 ORDER BY e.id DESC LIMIT $6"
            ),
        ),
    };
    let (tenant, actor) = (tx.tenant()?, tx.actor());
    let internal = tx.permissions().contains(&Can::InternalCommentRead);
    tx.tells_own();
    let asked = |text| {
        sql(text)
            .bind::<SqlUuid, _>(tenant)
            .bind::<Nullable<SqlUuid>, _>(record)
            .bind::<Bool, _>(internal)
            .bind::<SqlUuid, _>(actor)
    };
    let total = if ctx.look_ahead().field("totalCount").exists() {
        let row: Count = tx.row(asked(counting)).await?;
        Some(row.count)
    } else {
        None
    };
    let rows: Vec<AuditEntry> =
        tx.rows(asked(reading).bind::<BigInt, _>(after.unwrap_or(i64::MAX)).bind::<BigInt, _>(slice.limit())).await?;
    Ok(AuditEntryConnection::new(ctx, slice, rows, |row| encode(&row.id.to_string(), Uuid::nil()), total))
}

/// Queries about the trail.
#[derive(Default)]
pub struct TrailQuery;

#[Object]
impl TrailQuery {
    /// Every change of one record, newest first; empty if the id is unknown. Right: `audit.trail.read`.
    async fn audit_trail(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the record.")] node: ID,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<AuditEntryConnection> {
        let tx = ctx.tx(Can::AuditRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let (_, record) = ids::split(&node).ok_or_else(|| Error::BadInput("This is not an id.".to_owned()))?;
        Ok(page(ctx, tx, Some(record), &slice).await?)
    }

    /// Every change in the client, newest first. Right: `audit.trail.read`.
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<AuditEntryConnection> {
        let tx = ctx.tx(Can::AuditRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        Ok(page(ctx, tx, None, &slice).await?)
    }
}

/// The queries of the trail.
#[derive(MergedObject, Default)]
pub struct AuditQuery(TrailQuery);
