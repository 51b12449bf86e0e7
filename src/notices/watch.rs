//! Who watches a record, and who has muted it.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::about::{self, About};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::record_watch;

/// How the caller stands to a record.
#[derive(SimpleObject, Clone, Debug)]
pub struct RecordWatch {
    /// The record, as the caller named it.
    pub record_id: ID,
    /// Whether he watches it: he is told what becomes of it.
    pub watching: bool,
    /// Whether he has muted it: he is told only where he is mentioned.
    pub muted: bool,
}

/// A record that the caller watches, does not watch any more, or mutes.
#[derive(InputObject, Clone, Debug)]
pub struct RecordWatchInput {
    /// The record: any that `node` finds, but events, lines of documents and comments.
    pub record: ID,
}

crate::platform::payload! {
    /// What became of watching a record.
    RecordWatchPayload {
        /// How the caller stands to the record now.
        record_watch: RecordWatch
    }
}

/// Somebody who watches a record.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct RecordWatcher {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    place: Uuid,
    /// The person's user id.
    #[diesel(sql_type = SqlUuid)]
    pub user_id: UserId,
    /// Name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Whether the person works for the provider.
    #[diesel(sql_type = Bool)]
    pub staff: bool,
}

crate::platform::connection!(
    /// A page of those who watch a record.
    RecordWatcherConnection, RecordWatcherEdge, RecordWatcher
);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What the caller does with a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Is told of what happens to it.
    Watch,
    /// Is told no more.
    Unwatch,
    /// Is never told, whatever would have it so.
    Mute,
}

/// Writes down how the actor stands to a record.
pub async fn set(tx: &Tx, named: &str, record: Uuid, wish: Wish) -> Result<()> {
    if wish == Wish::Unwatch {
        tx.exec(diesel::delete(
            record_watch::table
                .filter(record_watch::tenant_id.eq(tx.tenant()?))
                .filter(record_watch::record_id.eq(record))
                .filter(record_watch::account_id.eq(tx.actor())),
        ))
        .await?;
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO practice.record_watch AS w (tenant_id, id, account_id, record_type, record_id, muted)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant_id, record_id, account_id) DO UPDATE SET record_type = excluded.record_type, muted = excluded.muted
              WHERE w.record_type <> excluded.record_type OR w.muted <> excluded.muted")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(new_uuid())
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Text, _>(named.to_owned())
        .bind::<SqlUuid, _>(record)
        .bind::<Bool, _>(wish == Wish::Mute),
    )
    .await?;
    Ok(())
}

async fn stands(tx: &Tx, record_id: ID, about: &About) -> Result<RecordWatch> {
    let muted: Option<bool> = tx
        .maybe(
            record_watch::table
                .filter(record_watch::tenant_id.eq(tx.tenant()?))
                .filter(record_watch::record_id.eq(about.id))
                .filter(record_watch::account_id.eq(tx.actor()))
                .select(record_watch::muted),
        )
        .await?;
    Ok(RecordWatch { record_id, watching: muted == Some(false), muted: muted.unwrap_or_default() })
}

async fn wished(ctx: &Context<'_>, tx: &Tx, input: RecordWatchInput, wish: Wish) -> Result<RecordWatch> {
    let about = about::expect(ctx, tx, &input.record).await?;
    set(tx, about.named, about.id, wish).await?;
    stands(tx, input.record, &about).await
}

/// Queries about watching.
#[derive(Default)]
pub struct WatchQuery;

#[Object]
impl WatchQuery {
    /// Whether the caller watches a record or has muted it; null if the record is unknown to him. Right: `work.notice.read`,
    /// and that to read such records.
    async fn record_watch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record's id: any that `node` finds, but events, lines of documents and comments.")]
        record: ID,
    ) -> async_graphql::Result<Option<RecordWatch>> {
        let tx = ctx.tx(Can::NoticeRead).await?;
        about::a_person(ctx)?;
        tx.tells_own();
        let Some(about) = about::open(ctx, tx, &record).await? else { return Ok(None) };
        Ok(Some(stands(tx, record, &about).await?))
    }

    /// Who watches a record, in the order in which they began; null if the record is unknown to the caller. Whoever does
    /// not work for the provider sees those who do not either. Right: `work.notice.read`, and that to read such records.
    async fn record_watchers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record's id: any that `node` finds, but events, lines of documents and comments.")]
        record: ID,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<Option<RecordWatcherConnection>> {
        let tx = ctx.tx(Can::NoticeRead).await?;
        tx.tells_own();
        let slice = Slice::new(first, after.as_deref())?;
        let Some(about) = about::open(ctx, tx, &record).await? else { return Ok(None) };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let row: Count = tx
                .row(
                    sql("SELECT count(*) AS count FROM practice.record_watch w
                          WHERE w.tenant_id = $1 AND w.record_id = $2 AND NOT w.muted
                            AND (practice.is_staff($3) OR NOT practice.is_staff(w.account_id))")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<SqlUuid, _>(about.id)
                    .bind::<SqlUuid, _>(tx.actor()),
                )
                .await?;
            Some(row.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                sql("SELECT w.id AS place, p.id AS user_id, p.name, p.staff
                       FROM practice.record_watch w CROSS JOIN LATERAL practice.people_named(ARRAY[w.account_id]) p
                      WHERE w.tenant_id = $1 AND w.record_id = $2 AND NOT w.muted
                        AND (practice.is_staff($3) OR NOT practice.is_staff(w.account_id)) AND ($4::uuid IS NULL OR w.id > $4)
                      ORDER BY w.id LIMIT $5")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(about.id)
                .bind::<SqlUuid, _>(tx.actor())
                .bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(Some(RecordWatcherConnection::new(ctx, &slice, rows, |row: &RecordWatcher| encode("", row.place), total)))
    }
}

/// Watching.
#[derive(Default)]
pub struct WatchMutation;

#[Object]
impl WatchMutation {
    /// Watches a record from now on: the caller is told what becomes of it, as long as he may read it. Right:
    /// `work.notice.read`, and that to read such records.
    async fn record_watch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record.")] input: RecordWatchInput,
    ) -> async_graphql::Result<Option<RecordWatchPayload>> {
        let tx = ctx.tx(Can::NoticeRead).await?;
        about::a_person(ctx)?;
        RecordWatchPayload::settle(ctx, wished(ctx, tx, input, Wish::Watch).await)
    }

    /// Watches a record no more, and does not mute it any more either. Right: `work.notice.read`, and that to read such
    /// records.
    async fn record_unwatch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record.")] input: RecordWatchInput,
    ) -> async_graphql::Result<Option<RecordWatchPayload>> {
        let tx = ctx.tx(Can::NoticeRead).await?;
        about::a_person(ctx)?;
        RecordWatchPayload::settle(ctx, wished(ctx, tx, input, Wish::Unwatch).await)
    }

    /// Mutes a record: of it the caller is told only where he is mentioned, also if he does it. Right: `work.notice.read`,
    /// and that to read such records.
    async fn record_mute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record.")] input: RecordWatchInput,
    ) -> async_graphql::Result<Option<RecordWatchPayload>> {
        let tx = ctx.tx(Can::NoticeRead).await?;
        about::a_person(ctx)?;
        RecordWatchPayload::settle(ctx, wished(ctx, tx, input, Wish::Mute).await)
    }
}
