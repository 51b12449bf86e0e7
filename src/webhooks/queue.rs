//! What the workers ask of the database, across all clients: through the functions of `migrations/0080_webhook` only.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use super::message::Message;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::scalars::DateTime;
use crate::platform::sql::sql;

/// Deliveries made in one transaction.
const FAN: i32 = 5_000;
/// Deliveries swept in one transaction.
const SWEPT: i32 = 1_000;

/// A lane and what is due in it.
pub struct Claimed {
    /// The client.
    pub client: Uuid,
    /// The endpoint.
    pub endpoint: Uuid,
    /// Says whose the lane is.
    pub lease: Uuid,
    /// Whether the endpoint has not answered well for some time.
    pub is_sick: bool,
    /// Where to.
    pub url: String,
    /// Its live secrets, sealed, the newest first.
    pub secrets: Vec<(Uuid, Vec<u8>)>,
    /// What is due.
    pub deliveries: Vec<Due>,
}

/// A delivery that is due.
pub struct Due {
    /// Its id.
    pub id: Uuid,
    /// What is sent.
    pub message: Message,
    /// Attempts so far.
    pub tries: u32,
    /// When the first of them was begun.
    pub first_tried_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// What came of a lane.
pub struct Finish {
    /// The client.
    pub client: Uuid,
    /// The endpoint.
    pub endpoint: Uuid,
    /// Whose the lane was.
    pub lease: Uuid,
    /// What came of each delivery that was begun.
    pub results: Value,
    /// How long the receiver wants to be left alone.
    pub hold: Duration,
    /// Whether it has gone for good.
    pub gone: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    endpoint_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    lease: Uuid,
    #[diesel(sql_type = Bool)]
    is_sick: bool,
    #[diesel(sql_type = Text)]
    url: String,
    #[diesel(sql_type = Nullable<Array<SqlUuid>>)]
    secret_ids: Option<Vec<Uuid>>,
    #[diesel(sql_type = Nullable<Array<Binary>>)]
    secrets: Option<Vec<Vec<u8>>>,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    message_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    node_type: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    node_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Int8>)]
    event_position: Option<i64>,
    #[diesel(sql_type = Nullable<Int4>)]
    node_version: Option<i32>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime,
    #[diesel(sql_type = Int4)]
    tries: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first_tried_at: Option<DateTime>,
}

#[derive(QueryableByName)]
struct Fanned {
    #[diesel(sql_type = Bool)]
    more: bool,
}

#[derive(QueryableByName)]
struct Reason {
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

#[derive(QueryableByName)]
struct Swept {
    #[diesel(sql_type = Int4)]
    swept: i32,
}

/// Ends a transaction that has to be kept.
async fn keep(tx: Tx) -> Result<()> {
    if tx.finish(true).await? { Ok(()) } else { Err(Error::fault("a transaction of the webhooks was not kept")) }
}

/// Makes deliveries of new events. True if there is more to make.
pub async fn fan_out(pools: &Pools) -> Result<bool> {
    let tx = Tx::open_anonymous(pools).await?;
    let fanned: Fanned = tx.row(sql("SELECT f.more FROM core.webhook_fan_out($1) f").bind::<Int4, _>(FAN)).await?;
    keep(tx).await?;
    Ok(fanned.more)
}

/// Takes lanes that are due, with what is due in them.
pub async fn claim(pools: &Pools, well: i32, sick: i32, batch: i32) -> Result<Vec<Claimed>> {
    let tx = Tx::open_anonymous(pools).await?;
    let rows: Vec<Row> = tx
        .rows(
            sql("SELECT c.client_id, c.endpoint_id, c.lease, c.is_sick, c.url, c.secret_ids, c.secrets, c.id, c.message_id, c.kind,
                        c.node_type, c.node_id, c.event_position, c.node_version, c.occurred_at, c.tries, c.first_tried_at
                   FROM core.webhook_claim($1, $2, $3) c")
                .bind::<Int4, _>(well)
                .bind::<Int4, _>(sick)
                .bind::<Int4, _>(batch),
        )
        .await?;
    keep(tx).await?;
    let mut lanes: Vec<Claimed> = Vec::new();
    for row in rows {
        let due = Due {
            id: row.id,
            message: Message {
                client: row.client_id,
                endpoint: row.endpoint_id,
                id: row.message_id,
                kind: row.kind,
                node_type: row.node_type,
                node: row.node_id,
                position: row.event_position,
                version: row.node_version,
                occurred_at: row.occurred_at,
            },
            tries: u32::try_from(row.tries).unwrap_or_default(),
            first_tried_at: row.first_tried_at.map(|at| at.0),
        };
        match lanes.last_mut() {
            // A lane's rows come one after the other.
            Some(lane) if lane.lease == row.lease => lane.deliveries.push(due),
            _ => lanes.push(Claimed {
                client: row.client_id,
                endpoint: row.endpoint_id,
                lease: row.lease,
                is_sick: row.is_sick,
                url: row.url,
                secrets: row.secret_ids.into_iter().flatten().zip(row.secrets.into_iter().flatten()).collect(),
                deliveries: vec![due],
            }),
        }
    }
    Ok(lanes)
}

/// Writes down what came of a lane and gives it back. Gives the reason if the endpoint was paused for it.
pub async fn finish(pools: &Pools, finish: &Finish) -> Result<Option<String>> {
    let tx = Tx::open_anonymous(pools).await?;
    let told: Reason = tx
        .row(
            sql("SELECT core.webhook_finish($1, $2, $3, $4, $5, $6) AS reason")
                .bind::<SqlUuid, _>(finish.client)
                .bind::<SqlUuid, _>(finish.endpoint)
                .bind::<SqlUuid, _>(finish.lease)
                .bind::<Jsonb, _>(&finish.results)
                .bind::<Int8, _>(i64::try_from(finish.hold.as_millis()).unwrap_or(i64::MAX))
                .bind::<Bool, _>(finish.gone),
        )
        .await?;
    keep(tx).await?;
    Ok(told.reason)
}

/// Takes away deliveries that ended long ago, in batches.
pub async fn sweep(pools: &Pools) -> Result<()> {
    for _ in 0..200 {
        let tx = Tx::open_anonymous(pools).await?;
        let swept: Swept = tx.row(sql("SELECT core.webhook_sweep($1) AS swept").bind::<Int4, _>(SWEPT)).await?;
        keep(tx).await?;
        if swept.swept < SWEPT {
            break;
        }
    }
    Ok(())
}
