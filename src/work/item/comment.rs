//! What is written beside a work item: inside the provider, or for the client's own people as well.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::change::WorkItemPayload;
use super::notice;
use super::{WorkItem, locked};
use crate::notices::tell::Audience;
use crate::notices::write::{self, New};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{UserId, WorkItemId};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::work::ids::ClientRequestId;
use crate::work::request::{ClientRequest, ClientRequestPayload};

/// The most people who are mentioned in one comment.
const MOST: usize = 50;

/// Something that was written beside a work item.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct WorkComment {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    item_id: WorkItemId,
    /// Who wrote it: the name at that time.
    #[diesel(sql_type = Text)]
    pub author_name: String,
    /// What was written.
    #[diesel(sql_type = Text)]
    #[graphql(name = "text")]
    pub body: String,
    /// Whether it stays inside the provider, also where the client sees the item.
    #[diesel(sql_type = Bool)]
    pub internal: bool,
    /// When it was written.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
}

async fn written(tx: &Tx, items: Vec<WorkItemId>, internal: bool) -> Result<HashMap<WorkItemId, Vec<WorkComment>>> {
    let rows: Vec<WorkComment> = tx
        .rows(
            sql("SELECT c.record_id AS item_id, c.author_name, c.body, NOT c.visible_to_client AS internal, c.created_at
                   FROM unnest($2::uuid[]) AS k (id)
                  CROSS JOIN LATERAL (
                    SELECT w.* FROM practice.comment w
                     WHERE w.tenant_id = $1 AND w.record_type = 'WorkItem' AND w.record_id = k.id AND w.deleted_at IS NULL
                       AND (w.visible_to_client OR $3) ORDER BY w.id DESC LIMIT 100) c
                  ORDER BY c.id DESC")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(items)
            .bind::<Bool, _>(internal),
        )
        .await?;
    let mut by_item: HashMap<WorkItemId, Vec<WorkComment>> = HashMap::new();
    for row in rows {
        by_item.entry(row.item_id).or_default().push(row);
    }
    Ok(by_item)
}

impl Fetch for WorkComment {
    type Key = WorkItemId;
    type Value = Vec<Self>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Vec<Self>>> {
        written(tx, keys, true).await
    }
}

/// What the client's own people see of it.
pub(crate) struct Shared;

impl Fetch for Shared {
    type Key = ClientRequestId;
    type Value = Vec<WorkComment>;
    const CAN: Can = Can::ClientRequestRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientRequestId>) -> Result<HashMap<ClientRequestId, Vec<WorkComment>>> {
        let found = written(tx, keys.iter().map(|id| WorkItemId(id.0)).collect(), false).await?;
        Ok(found.into_iter().map(|(id, rows)| (ClientRequestId(id.0), rows)).collect())
    }
}

/// A comment beside a work item.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemCommentInput {
    /// The work item, open or not.
    pub item: WorkItemId,
    /// What is written, 1 to 10,000 characters.
    pub text: String,
    /// Whether it stays inside the provider; it does unless this says otherwise.
    pub internal: Option<bool>,
    /// People who are told of it, at most 50: those who may see this client's work.
    pub mentions: Option<Vec<UserId>>,
}

/// A comment of the client's own people.
#[derive(InputObject, Clone, Debug)]
pub struct ClientRequestCommentInput {
    /// The piece of work, open or not.
    pub request: ClientRequestId,
    /// What is written, 1 to 10,000 characters.
    pub text: String,
}

async fn insert(ctx: &Context<'_>, tx: &Tx, item: WorkItemId, text: String, visible: bool) -> Result<Uuid> {
    let new =
        New { kind: "WorkItem", record: item.0, text, visible, reply_to: None, by_a_person: write::by_a_person(ctx)? };
    let id = write::insert(tx, new).await?;
    emit(tx, EventKind::WorkItemCommented, item.0);
    Ok(id)
}

/// Who is told of a comment beside a work item.
fn audience(internal: bool) -> Audience {
    let all = Audience::of("WorkItem");
    if internal { all.inside() } else { all }
}

async fn comment(ctx: &Context<'_>, tx: &Tx, input: WorkItemCommentInput) -> Result<WorkItem> {
    sized("text", &input.text, 1..=10_000)?;
    let mentions = input.mentions.unwrap_or_default();
    if mentions.len() > MOST {
        let message = format!("A comment mentions at most {MOST} people.");
        return Err(Error::refuse(UserErrorCode::Invalid, "mentions", message));
    }
    let item = locked(tx, input.item, "item").await?;
    let mut unknown = Vec::new();
    for (at, person) in mentions.iter().enumerate() {
        if !notice::sees(tx, *person).await? {
            let field = format!("mentions.{at}");
            if let Error::Refused(reasons) = Error::not_found(&field, "person who sees this client's work") {
                unknown.extend(reasons);
            }
        }
    }
    if !unknown.is_empty() {
        return Err(Error::Refused(unknown));
    }
    let internal = input.internal.unwrap_or(true);
    let id = insert(ctx, tx, item.id, input.text, !internal).await?;
    if !internal && item.visible_to_client {
        emit(tx, EventKind::ClientRequestCommented, item.id.0);
    }
    write::told(tx, &audience(internal), item.id.0, id, mentions).await?;
    Ok(item)
}

async fn answer(ctx: &Context<'_>, tx: &Tx, input: ClientRequestCommentInput) -> Result<ClientRequest> {
    sized("text", &input.text, 1..=10_000)?;
    let unknown = || Error::not_found("request", "piece of work");
    let item = locked(tx, WorkItemId(input.request.0), "request").await.map_err(|error| match error {
        Error::Refused(_) => unknown(),
        other => other,
    })?;
    if !item.visible_to_client {
        return Err(unknown());
    }
    let id = insert(ctx, tx, item.id, input.text, true).await?;
    emit(tx, EventKind::ClientRequestCommented, item.id.0);
    write::told(tx, &audience(false), item.id.0, id, Vec::new()).await?;
    let found = ClientRequest::fetch(tx, vec![input.request]).await?.remove(&input.request);
    found.ok_or_else(unknown)
}

/// Writing beside work.
#[derive(Default)]
pub struct CommentMutation;

#[Object]
impl CommentMutation {
    /// Writes beside a work item, and tells those who are mentioned, who watch it and who does it. Right:
    /// `work.item.perform`.
    async fn work_item_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The comment.")] input: WorkItemCommentInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemPerform).await?;
        WorkItemPayload::settle(ctx, comment(ctx, tx, input).await)
    }

    /// Writes beside a piece of work that the client sees: the answer of the client's own people. Right:
    /// `work.request.answer`.
    async fn client_request_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The comment.")] input: ClientRequestCommentInput,
    ) -> async_graphql::Result<Option<ClientRequestPayload>> {
        let tx = ctx.tx(Can::ClientRequestAnswer).await?;
        ClientRequestPayload::settle(ctx, answer(ctx, tx, input).await)
    }
}
