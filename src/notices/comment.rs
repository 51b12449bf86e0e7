//! What is written beside a record: for the provider's staff alone, or for the client's own people as well.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::about;
use super::ids::{CommentId, InternalCommentId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{ServiceAccountId, UserId};
use crate::platform::ids::split;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// Something that was written beside a record.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct Comment {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) id: Uuid,
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    pub(super) record_type: String,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) record_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) author_id: Uuid,
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    author_kind: String,
    /// Who wrote it: the name at that time.
    #[diesel(sql_type = Text)]
    pub author_name: String,
    /// What was written; empty once it was deleted.
    #[diesel(sql_type = Text)]
    #[graphql(name = "text")]
    pub body: String,
    /// Whether the client's own people see it who may read the record; if not, it stays with the provider's staff.
    #[diesel(sql_type = Bool)]
    pub visible_to_client: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    reply_to_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Bool>)]
    #[graphql(skip)]
    reply_visible: Option<bool>,
    /// When its author last changed it; null: never.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub edited_at: Option<DateTime>,
    /// When its author deleted it: its text is gone, its place stays. Null: it was not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub deleted_at: Option<DateTime>,
    /// When it was written.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    #[diesel(sql_type = Int4)]
    pub version: i32,
}

/// The outside id of a comment.
fn named(id: Uuid, visible: bool) -> ID {
    ID(if visible { CommentId(id).to_string() } else { InternalCommentId(id).to_string() })
}

/// What an outside id says that it names: a comment, and whether the client sees it.
pub(super) fn read(id: &ID) -> Option<(Uuid, bool)> {
    match split(id)? {
        (CommentId::PREFIX, id) => Some((id, true)),
        (InternalCommentId::PREFIX, id) => Some((id, false)),
        _ => None,
    }
}

#[ComplexObject]
impl Comment {
    /// Global id.
    pub async fn id(&self) -> ID {
        named(self.id, self.visible_to_client)
    }

    /// The id of the record that it stands beside, as the caller knows it.
    async fn record_id(&self, ctx: &Context<'_>) -> async_graphql::Result<ID> {
        let tx = ctx.tx(Can::CommentRead).await?;
        let id = about::outside(tx, &self.record_type, self.record_id);
        Ok(id.map(ID).ok_or_else(|| Error::fault("a comment stands beside no record"))?)
    }

    /// Who wrote it: the id of a user or service account.
    async fn author(&self) -> ID {
        ID(match self.author_kind.as_str() {
            "service" => ServiceAccountId(self.author_id).to_string(),
            _ => UserId(self.author_id).to_string(),
        })
    }

    /// The comment that it answers; null: it answers none.
    async fn in_reply_to(&self) -> Option<ID> {
        self.reply_to_id.map(|id| named(id, self.reply_visible.unwrap_or_default()))
    }
}

/// Columns of a comment.
macro_rules! columns {
    () => {
        "c.id, c.record_type, c.record_id, c.author_id, c.author_kind, c.author_name, c.body, c.visible_to_client, c.reply_to_id,
         (SELECT p.visible_to_client FROM practice.comment p WHERE p.tenant_id = c.tenant_id AND p.id = c.reply_to_id) AS reply_visible,
         c.edited_at, c.deleted_at, c.created_at, c.version"
    };
}

/// The comments of those ids that the actor sees: those that the client sees, or those that it does not.
async fn found(tx: &Tx, ids: Vec<Uuid>, visible: bool) -> Result<Vec<Comment>> {
    tx.tells_own();
    let (types, inside) = about::held(tx);
    tx.rows(
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM practice.comment c
              WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND c.visible_to_client = $3 AND ($3 OR practice.is_staff($4))
                AND EXISTS (SELECT 1 FROM unnest($5::text[], $6::text[]) AS t (name, inside)
                             WHERE t.inside = c.record_type AND ($3 OR t.name = t.inside)
                               AND core.record_shown($1, t.name, c.record_id, $7, $4))"
        ))
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Bool, _>(visible)
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Array<Text>, _>(types)
        .bind::<Array<Text>, _>(inside)
        .bind::<Array<Text>, _>(about::rights(tx)),
    )
    .await
}

/// The comment of that id, if the actor sees it.
pub(super) async fn one(tx: &Tx, id: &ID) -> Result<Option<Comment>> {
    let Some((id, visible)) = read(id) else { return Ok(None) };
    if !visible && !tx.permissions().contains(&Can::InternalCommentRead) {
        return Ok(None);
    }
    Ok(found(tx, vec![id], visible).await?.pop())
}

impl Fetch for Comment {
    type Key = CommentId;
    type Value = Self;
    const CAN: Can = Can::CommentRead;

    async fn fetch(tx: &Tx, keys: Vec<CommentId>) -> Result<HashMap<CommentId, Self>> {
        let rows = found(tx, keys.into_iter().map(|id| id.0).collect(), true).await?;
        Ok(rows.into_iter().map(|row| (CommentId(row.id), row)).collect())
    }
}

/// Those that stay with the provider's staff.
pub struct Internal;

impl Fetch for Internal {
    type Key = InternalCommentId;
    type Value = Comment;
    const CAN: Can = Can::InternalCommentRead;

    async fn fetch(tx: &Tx, keys: Vec<InternalCommentId>) -> Result<HashMap<InternalCommentId, Comment>> {
        let rows = found(tx, keys.into_iter().map(|id| id.0).collect(), false).await?;
        Ok(rows.into_iter().map(|row| (InternalCommentId(row.id), row)).collect())
    }
}

crate::platform::connection!(
    /// A page of comments.
    CommentConnection, CommentEdge, Comment
);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Queries about comments.
#[derive(Default)]
pub struct TalkQuery;

#[Object]
impl TalkQuery {
    /// What was written beside a record, the first one first; null if the record is unknown to the caller. What stays with
    /// the provider's staff is shown to the staff with the right `work.internal_comment.read` only. Right:
    /// `work.comment.read`, and that to read such records.
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record's id: any that `node` finds, but events, lines of documents and comments.")]
        record: ID,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<Option<CommentConnection>> {
        let tx = ctx.tx(Can::CommentRead).await?;
        tx.tells_own();
        let slice = Slice::new(first, after.as_deref())?;
        let Some(about) = about::open(ctx, tx, &record).await? else { return Ok(None) };
        let internal = about.named == about.kind && tx.permissions().contains(&Can::InternalCommentRead);
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let row: Count = tx
                .row(
                    sql("SELECT count(*) AS count FROM practice.comment c
                          WHERE c.tenant_id = $1 AND c.record_type = $2 AND c.record_id = $3
                            AND (c.visible_to_client OR ($4 AND practice.is_staff($5)))")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<Text, _>(about.kind)
                    .bind::<SqlUuid, _>(about.id)
                    .bind::<Bool, _>(internal)
                    .bind::<SqlUuid, _>(tx.actor()),
                )
                .await?;
            Some(row.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                sql(concat!(
                    "SELECT ",
                    columns!(),
                    " FROM practice.comment c
                      WHERE c.tenant_id = $1 AND c.record_type = $2 AND c.record_id = $3
                        AND (c.visible_to_client OR ($4 AND practice.is_staff($5))) AND ($6::uuid IS NULL OR c.id > $6)
                      ORDER BY c.id LIMIT $7"
                ))
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Text, _>(about.kind)
                .bind::<SqlUuid, _>(about.id)
                .bind::<Bool, _>(internal)
                .bind::<SqlUuid, _>(tx.actor())
                .bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(Some(CommentConnection::new(ctx, &slice, rows, |row: &Comment| encode("", row.id), total)))
    }
}
