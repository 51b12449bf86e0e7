//! Writing beside a record, changing what one has written, and taking it back.

use async_graphql::{Context, ID, InputObject, Object};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::about::{self, About};
use super::comment::{Comment, one};
use super::ids::{CommentId, InternalCommentId};
use super::mention;
use super::notice::NoticeCause;
use super::tell::{Audience, News, concerned, tell};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;
use crate::schema::comment;

/// The most characters of a comment.
const LONGEST: usize = 10_000;

/// A comment beside a record.
#[derive(InputObject, Clone, Debug)]
pub struct CommentCreateInput {
    /// The record: any that `node` finds, but events, lines of documents and comments.
    pub record: ID,
    /// What is written, 1 to 10,000 characters; no control characters but line breaks and tabs. `@[user id or e-mail
    /// address]` mentions somebody, who is told of it; at most 50 people, each of whom has to see the comment.
    pub text: String,
    /// Whether the client's own people see it who may read the record. If not said: what the provider's staff writes stays
    /// with the staff, what anybody else writes does not.
    pub visible_to_client: Option<bool>,
    /// The comment beside the same record that it answers. What answers one that stays with the staff stays there, too.
    pub in_reply_to: Option<ID>,
}

/// What a comment says from now on.
#[derive(InputObject, Clone, Debug)]
pub struct CommentUpdateInput {
    /// The comment, one's own.
    pub id: ID,
    /// What it says, as when it was written. Who is newly mentioned is told of it.
    pub text: String,
    /// The version that was read; refused with `CONFLICT` if the comment was changed since.
    pub expected_version: Option<i32>,
}

/// A comment to be taken back.
#[derive(InputObject, Clone, Debug)]
pub struct CommentDeleteInput {
    /// The comment, one's own.
    pub id: ID,
    /// The version that was read; refused with `CONFLICT` if the comment was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a comment.
    CommentPayload {
        /// The comment as it is now.
        comment: Comment
    }
}

/// Refuses a text that is none, is too long, or holds what no keyboard writes.
fn checked(text: &str) -> Result<()> {
    sized("text", text, 1..=LONGEST)?;
    if text.chars().any(|one| one.is_control() && !matches!(one, '\n' | '\r' | '\t')) {
        let message = "A comment holds no control characters but line breaks and tabs.";
        return Err(Error::refuse(UserErrorCode::Invalid, "text", message));
    }
    Ok(())
}

/// A comment as it is written down.
pub struct New {
    /// The type of its record, as the provider knows it.
    pub kind: &'static str,
    /// The record.
    pub record: Uuid,
    /// What is written.
    pub text: String,
    /// Whether the client sees it.
    pub visible: bool,
    /// What it answers.
    pub reply_to: Option<Uuid>,
    /// Whether a person writes it, not a service account.
    pub by_a_person: bool,
}

/// Writes a comment down and tells of it as an event; gives its id.
pub async fn insert(tx: &Tx, new: New) -> Result<Uuid> {
    let id = new_uuid();
    tx.exec(diesel::insert_into(comment::table).values((
        comment::tenant_id.eq(tx.tenant()?),
        comment::id.eq(id),
        comment::record_type.eq(new.kind),
        comment::record_id.eq(new.record),
        comment::author_id.eq(tx.actor()),
        comment::author_kind.eq(if new.by_a_person { "user" } else { "service" }),
        comment::author_name.eq(tx.actor_name().to_owned()),
        comment::body.eq(new.text),
        comment::visible_to_client.eq(new.visible),
        comment::reply_to_id.eq(new.reply_to),
    )))
    .await?;
    emit(tx, if new.visible { EventKind::CommentCreated } else { EventKind::InternalCommentCreated }, id);
    Ok(id)
}

/// Tells who is mentioned in a comment, then those who watch its record and who does it: each once.
pub async fn told(tx: &Tx, to: &Audience, record: Uuid, comment: Uuid, mentioned: Vec<UserId>) -> Result<()> {
    let news = |cause| News { record, cause, comment: Some(comment), says: None };
    tell(tx, to, news(NoticeCause::Mentioned), mentioned).await?;
    tell(tx, to, news(NoticeCause::Commented), concerned(tx, record).await?).await
}

/// Whether the caller is a person.
pub fn by_a_person(ctx: &Context<'_>) -> Result<bool> {
    Ok(!matches!(ctx.scope()?.caller(), Caller::Service { .. }))
}

#[derive(diesel::QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Whether the actor sees what stays with the provider's staff.
async fn sees_internal(tx: &Tx) -> Result<bool> {
    if !tx.permissions().contains(&Can::InternalCommentRead) {
        return Ok(false);
    }
    let row: Yes = tx.row(sql("SELECT practice.is_staff($1) AS yes").bind::<SqlUuid, _>(tx.actor())).await?;
    Ok(row.yes)
}

/// What a comment beside work tells besides: the same text stands beside the work item.
async fn told_of_work(tx: &Tx, about: &About, visible: bool) -> Result<()> {
    if about.kind != "WorkItem" {
        return Ok(());
    }
    emit(tx, EventKind::WorkItemCommented, about.id);
    let shown: Option<Yes> = tx
        .maybe(
            sql("SELECT visible_to_client AS yes FROM practice.work_item WHERE tenant_id = $1 AND id = $2")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(about.id),
        )
        .await?;
    if visible && shown.is_some_and(|shown| shown.yes) {
        emit(tx, EventKind::ClientRequestCommented, about.id);
    }
    Ok(())
}

async fn again(tx: &Tx, id: &ID) -> Result<Comment> {
    one(tx, id).await?.ok_or_else(|| Error::fault("a comment that was written is not there"))
}

async fn create(ctx: &Context<'_>, tx: &Tx, input: CommentCreateInput) -> Result<Comment> {
    checked(&input.text)?;
    let about = about::expect(ctx, tx, &input.record).await?;
    // Who comes by what the client sees of a record stays with what the client sees.
    let internal = about.named == about.kind && sees_internal(tx).await?;
    let visible = input.visible_to_client.unwrap_or(!internal);
    if !visible && !internal {
        let message = "Only the provider's staff writes what the client does not see.";
        return Err(Error::refuse(UserErrorCode::Invalid, "visibleToClient", message));
    }
    let reply_to = match &input.in_reply_to {
        None => None,
        Some(id) => {
            let found = one(tx, id).await?.filter(|found| found.record_id == about.id);
            let found = found.ok_or_else(|| Error::not_found("inReplyTo", "comment"))?;
            if visible && !found.visible_to_client {
                let message = "What answers a comment that stays with the staff stays there, too.";
                return Err(Error::refuse(UserErrorCode::Invalid, "visibleToClient", message));
            }
            Some(found.id)
        }
    };
    let to = Audience::of_comments(about.kind, visible);
    let mentioned = mention::people(tx, &input.text, &to, about.id).await?;
    let new =
        New { kind: about.kind, record: about.id, text: input.text, visible, reply_to, by_a_person: by_a_person(ctx)? };
    let id = insert(tx, new).await?;
    told_of_work(tx, &about, visible).await?;
    told(tx, &to, about.id, id, mentioned).await?;
    let id = if visible { CommentId(id).to_string() } else { InternalCommentId(id).to_string() };
    again(tx, &ID(id)).await
}

/// One's own comment, as it was read, locked until the transaction ends.
async fn own(tx: &Tx, id: &ID, expected: Option<i32>) -> Result<Comment> {
    let unknown = || Error::not_found("id", "comment");
    let seen = one(tx, id).await?.ok_or_else(unknown)?;
    if seen.author_id != tx.actor() {
        return Err(Error::refuse(UserErrorCode::State, "id", "Only who wrote a comment changes it."));
    }
    let locked: Vec<Uuid> = tx
        .rows(
            comment::table
                .filter(comment::tenant_id.eq(tx.tenant()?))
                .filter(comment::id.eq(seen.id))
                .select(comment::id)
                .for_update(),
        )
        .await?;
    // Whoever comes second waits above, and finds what the first one has done.
    let now = if locked.is_empty() { None } else { one(tx, id).await? };
    let now = now.ok_or_else(unknown)?;
    crate::platform::input::expect_version(expected, now.version, "comment")?;
    if now.deleted_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This comment was deleted."));
    }
    Ok(now)
}

async fn write(tx: &Tx, id: Uuid, text: Option<String>) -> Result<()> {
    tx.exec(
        sql("UPDATE practice.comment c
                SET body = coalesce($3, ''), edited_at = CASE WHEN $3 IS NULL THEN c.edited_at ELSE now() END,
                    deleted_at = CASE WHEN $3 IS NULL THEN now() END
              WHERE c.tenant_id = $1 AND c.id = $2")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id)
        .bind::<Nullable<Text>, _>(text),
    )
    .await?;
    Ok(())
}

async fn update(tx: &Tx, input: CommentUpdateInput) -> Result<Comment> {
    checked(&input.text)?;
    let found = own(tx, &input.id, input.expected_version).await?;
    let to = Audience::of_comments(&found.record_type, found.visible_to_client);
    if mention::names(&input.text).len() > mention::MOST {
        let message = format!("A comment mentions at most {} people.", mention::MOST);
        return Err(Error::refuse(UserErrorCode::Invalid, "text", message));
    }
    // Whoever was mentioned before has been told; whoever does not see it any more is not told again.
    let before = mention::names(&found.body);
    let new: Vec<&str> = mention::names(&input.text).into_iter().filter(|name| !before.contains(name)).collect();
    let new = new.iter().map(|name| format!("@[{name}]")).collect::<String>();
    let mentioned = mention::people(tx, &new, &to, found.record_id).await?;
    write(tx, found.id, Some(input.text)).await?;
    let visible = found.visible_to_client;
    emit(tx, if visible { EventKind::CommentUpdated } else { EventKind::InternalCommentUpdated }, found.id);
    let news = News { record: found.record_id, cause: NoticeCause::Mentioned, comment: Some(found.id), says: None };
    tell(tx, &to, news, mentioned).await?;
    again(tx, &input.id).await
}

async fn delete(tx: &Tx, input: CommentDeleteInput) -> Result<Comment> {
    let found = own(tx, &input.id, input.expected_version).await?;
    write(tx, found.id, None).await?;
    let visible = found.visible_to_client;
    emit(tx, if visible { EventKind::CommentDeleted } else { EventKind::InternalCommentDeleted }, found.id);
    again(tx, &input.id).await
}

/// Writing beside records.
#[derive(Default)]
pub struct TalkMutation;

#[Object]
impl TalkMutation {
    /// Writes beside a record, and tells who is mentioned, who watches the record and who does it, as far as they see the
    /// comment. Rights: `work.comment.write`, `work.comment.read`, and that to read such records.
    async fn comment_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The comment.")] input: CommentCreateInput,
    ) -> async_graphql::Result<Option<CommentPayload>> {
        ctx.tx(Can::CommentRead).await?;
        let tx = ctx.tx(Can::CommentWrite).await?;
        CommentPayload::settle(ctx, create(ctx, tx, input).await)
    }

    /// Changes what one has written; what it said before stands in the trail. Rights: `work.comment.write`,
    /// `work.comment.read`, and that to read such records.
    async fn comment_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it says.")] input: CommentUpdateInput,
    ) -> async_graphql::Result<Option<CommentPayload>> {
        ctx.tx(Can::CommentRead).await?;
        let tx = ctx.tx(Can::CommentWrite).await?;
        CommentPayload::settle(ctx, update(tx, input).await)
    }

    /// Takes back what one has written: its text goes, its place stays. Rights: `work.comment.write`, `work.comment.read`,
    /// and that to read such records.
    async fn comment_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The comment.")] input: CommentDeleteInput,
    ) -> async_graphql::Result<Option<CommentPayload>> {
        ctx.tx(Can::CommentRead).await?;
        let tx = ctx.tx(Can::CommentWrite).await?;
        CommentPayload::settle(ctx, delete(tx, input).await)
    }
}
