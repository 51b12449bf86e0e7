//! What is wanted from the client, line by line: opened with a request, answered by the client's people with files or a
//! word, sent back when it is not what was wanted. While a line is unanswered, reminders go out.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde::Deserialize;
use uuid::Uuid;

use super::change::{WorkItemPayload, tell};
use super::notice::{self, NoticeCause};
use super::{WorkItem, expect_version, locked};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::files::api::{
    FileUpload, FileUploadCompleteInput, FileUploadCreateInput, announce_brought, complete_brought,
};
use crate::platform::files::{FileId, FilePurpose, Reserved};
use crate::platform::ids::known::WorkItemId;
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, settle};
use crate::platform::sql::sql;
use crate::schema::{work_item, work_wanted, work_wanted_file};
use crate::work::ids::ClientRequestId;
use crate::work::request::{ClientRequest, ClientRequestPayload};

/// The most lines of one request.
const MOST: usize = 100;
/// The most files of one line.
const MOST_FILES: i64 = 50;

/// A file that came for a line. Its bytes are taken through `file`, with the right to read files.
#[derive(SimpleObject, Deserialize, Clone, Debug)]
pub struct WantedFile {
    /// The file's id.
    #[serde(deserialize_with = "file_id")]
    pub file_id: FileId,
    /// The file's name.
    pub name: String,
    /// Who sent it: the name at that time.
    pub sender_name: String,
}

fn file_id<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<FileId, D::Error> {
    Uuid::deserialize(from).map(FileId)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    item_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = Text)]
    body: String,
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    answered_at: Option<DateTime>,
    #[diesel(sql_type = Nullable<Text>)]
    answered_name: Option<String>,
    #[diesel(sql_type = Jsonb)]
    files: serde_json::Value,
}

/// A line of what is wanted from the client.
#[derive(SimpleObject, Clone, Debug)]
pub struct WantedLine {
    #[graphql(skip)]
    id: Uuid,
    /// Its number in the request; stays when others go.
    pub number: i32,
    /// What is wanted.
    pub text: String,
    /// What was answered in words; null if nothing was.
    pub answer: Option<String>,
    /// Since when nothing more is needed for it; null: it is still wanted.
    pub answered_at: Option<DateTime>,
    /// Who answered it: the name at that time; null while it is wanted.
    pub answered_by_name: Option<String>,
    /// The files that came for it, the first one first.
    pub files: Vec<WantedFile>,
}

async fn lines(tx: &Tx, items: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<WantedLine>>> {
    let rows: Vec<Row> = tx
        .rows(
            sql("SELECT w.item_id, w.id, w.number, w.body, w.answer, w.answered_at, w.answered_name,
                        coalesce((SELECT jsonb_agg(jsonb_build_object('file_id', f.id, 'name', f.name, 'sender_name', s.sender_name) ORDER BY s.id)
                                    FROM practice.work_wanted_file s JOIN core.file f ON f.tenant_id = s.tenant_id AND f.id = s.file_id
                                   WHERE s.tenant_id = w.tenant_id AND s.wanted_id = w.id), '[]'::jsonb) AS files
                   FROM practice.work_wanted w WHERE w.tenant_id = $1 AND w.item_id = ANY ($2) ORDER BY w.item_id, w.number")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(items),
        )
        .await?;
    let mut by_item: HashMap<Uuid, Vec<WantedLine>> = HashMap::new();
    for row in rows {
        by_item.entry(row.item_id).or_default().push(WantedLine {
            id: row.id,
            number: row.number,
            text: row.body,
            answer: row.answer,
            answered_at: row.answered_at,
            answered_by_name: row.answered_name,
            files: serde_json::from_value(row.files).map_err(Error::fault)?,
        });
    }
    Ok(by_item)
}

impl Fetch for WantedLine {
    type Key = WorkItemId;
    type Value = Vec<Self>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Vec<Self>>> {
        let found = lines(tx, keys.into_iter().map(|id| id.0).collect()).await?;
        Ok(found.into_iter().map(|(id, rows)| (WorkItemId(id), rows)).collect())
    }
}

/// The same for the client's own people.
pub(crate) struct Asked;

impl Fetch for Asked {
    type Key = ClientRequestId;
    type Value = Vec<WantedLine>;
    const CAN: Can = Can::ClientRequestRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientRequestId>) -> Result<HashMap<ClientRequestId, Vec<WantedLine>>> {
        let found = lines(tx, keys.into_iter().map(|id| id.0).collect()).await?;
        Ok(found.into_iter().map(|(id, rows)| (ClientRequestId(id), rows)).collect())
    }
}

/// Checks the texts of new lines.
pub(super) fn check(texts: &[String], field: &str) -> Result<()> {
    if texts.len() > MOST {
        return Err(Error::refuse(UserErrorCode::Invalid, field, format!("A request has at most {MOST} lines.")));
    }
    texts.iter().enumerate().try_for_each(|(at, text)| sized(&format!("{field}.{at}"), text, 1..=500))
}

/// Adds lines behind that number.
pub(super) async fn add(tx: &Tx, item: WorkItemId, behind: i32, texts: Vec<String>) -> Result<()> {
    if texts.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO practice.work_wanted (tenant_id, id, item_id, number, body)
             SELECT $1, l.id, $2, $3 + l.place::integer, l.body
               FROM unnest($4::uuid[], $5::text[]) WITH ORDINALITY AS l (id, body, place)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(item)
        .bind::<Int4, _>(behind)
        .bind::<Array<SqlUuid>, _>(texts.iter().map(|_| new_uuid()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(texts),
    )
    .await?;
    Ok(())
}

/// Changes of what is wanted, in this order: lines go, lines come, lines are sent back and ticked off.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemWantedUpdateInput {
    /// The work item. It has to be open.
    pub id: WorkItemId,
    /// The version of the item that was read; refused with `CONFLICT` if it was changed since.
    pub expected_version: Option<i32>,
    /// Numbers of lines that are not wanted any more; those for which files came stay.
    pub remove: Option<Vec<i32>>,
    /// Texts of lines that come behind the others, 1 to 500 characters each; 100 lines at most altogether.
    pub add: Option<Vec<String>>,
    /// Numbers of lines whose answer is not what was wanted: they are wanted again, and reminders go out again.
    pub send_back: Option<Vec<i32>>,
    /// Numbers of lines that were answered in another way.
    pub answered: Option<Vec<i32>>,
}

type Answer = (Option<String>, Option<chrono::DateTime<chrono::Utc>>, Option<Uuid>, Option<String>);

/// Writes what was answered to lines of an item.
async fn write(tx: &Tx, item: WorkItemId, numbers: Vec<i32>, answer: Answer) -> Result<()> {
    tx.exec(
        diesel::update(
            work_wanted::table
                .filter(work_wanted::tenant_id.eq(tx.tenant()?))
                .filter(work_wanted::item_id.eq(item))
                .filter(work_wanted::number.eq_any(numbers)),
        )
        .set((
            work_wanted::answer.eq(answer.0),
            work_wanted::answered_at.eq(answer.1),
            work_wanted::answered_by.eq(answer.2),
            work_wanted::answered_name.eq(answer.3),
        )),
    )
    .await?;
    Ok(())
}

fn answered(tx: &Tx, words: Option<String>) -> Answer {
    (words, Some(tx.now()), Some(tx.actor()), Some(tx.actor_name().to_owned()))
}

async fn update(tx: &Tx, input: WorkItemWantedUpdateInput) -> Result<WorkItem> {
    let (remove, coming) = (input.remove.unwrap_or_default(), input.add.unwrap_or_default());
    let (back, done) = (input.send_back.unwrap_or_default(), input.answered.unwrap_or_default());
    check(&coming, "add")?;
    let item = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, &item)?;
    item.expect_open("id")?;
    let known = lines(tx, vec![item.id.0]).await?.remove(&item.id.0).unwrap_or_default();
    if known.len().saturating_sub(remove.len()).saturating_add(coming.len()) > MOST {
        return Err(Error::refuse(UserErrorCode::Invalid, "add", format!("A request has at most {MOST} lines.")));
    }
    for (field, numbers) in [("remove", &remove), ("sendBack", &back), ("answered", &done)] {
        let gone = |number: &i32| field != "remove" && remove.contains(number);
        let there = |number: &i32| known.iter().any(|line| line.number == *number) && !gone(number);
        if let Some(at) = numbers.iter().position(|number| !there(number)) {
            return Err(Error::not_found(&format!("{field}.{at}"), "line"));
        }
    }
    let kept = |number: &i32| known.iter().any(|line| line.number == *number && !line.files.is_empty());
    if let Some(at) = remove.iter().position(kept) {
        let message = "Files came for this line, so it stays.";
        return Err(Error::refuse(UserErrorCode::State, &format!("remove.{at}"), message));
    }
    if !remove.is_empty() {
        tx.exec(diesel::delete(
            work_wanted::table
                .filter(work_wanted::tenant_id.eq(tx.tenant()?))
                .filter(work_wanted::item_id.eq(item.id))
                .filter(work_wanted::number.eq_any(remove)),
        ))
        .await?;
    }
    add(tx, item.id, known.last().map_or(0, |line| line.number), coming).await?;
    if !back.is_empty() {
        write(tx, item.id, back, (None, None, None, None)).await?;
    }
    if !done.is_empty() {
        write(tx, item.id, done, answered(tx, None)).await?;
    }
    tell(tx, &item, EventKind::WorkItemUpdated, Some(EventKind::ClientRequestUpdated));
    Ok(item)
}

/// A line of a request, answered in words: there is no such thing, or it comes by post.
#[derive(InputObject, Clone, Debug)]
pub struct ClientRequestLineAnswerInput {
    /// The request. It has to be open.
    pub request: ClientRequestId,
    /// The number of the line.
    pub line: i32,
    /// The answer, 1 to 2,000 characters.
    pub text: String,
}

/// A file that is going to be sent for a line of a request.
#[derive(InputObject, Clone, Debug)]
pub struct ClientRequestFileCreateInput {
    /// The request. It has to be open.
    pub request: ClientRequestId,
    /// The number of the line that it answers.
    pub line: i32,
    /// The file's name, 1 to 255 characters, without folders.
    pub name: String,
    /// Its size in bytes.
    pub size: i64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A file for a line of a request, whose bytes have been sent.
#[derive(InputObject, Clone, Debug)]
pub struct ClientRequestFileCompleteInput {
    /// The request. It has to be open.
    pub request: ClientRequestId,
    /// The number of the line that it answers.
    pub line: i32,
    /// The file, as `clientRequestFileCreate` named it.
    pub file: FileId,
    /// SHA-256 of its bytes once more, in hexadecimal.
    pub sha256: String,
}

/// What became of a file that was announced for a request.
#[derive(SimpleObject)]
pub struct ClientRequestFileCreatePayload {
    /// The file, not there yet.
    pub file_id: Option<FileId>,
    /// Where its bytes go.
    pub upload: Option<FileUpload>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

/// The request, held, with the line of that number.
async fn line(tx: &Tx, request: ClientRequestId, number: i32) -> Result<(WorkItem, WantedLine)> {
    let unknown = || Error::not_found("request", "piece of work");
    let item = locked(tx, WorkItemId(request.0), "request").await.map_err(|error| match error {
        Error::Refused(_) => unknown(),
        other => other,
    })?;
    if !item.visible_to_client {
        return Err(unknown());
    }
    item.expect_open("request")?;
    let known = lines(tx, vec![item.id.0]).await?.remove(&item.id.0).unwrap_or_default();
    let line = known.into_iter().find(|line| line.number == number);
    Ok((item, line.ok_or_else(|| Error::not_found("line", "line"))?))
}

/// Who sees the files of requests: whoever sees requests, if he may read files.
fn reserved() -> Reserved {
    Reserved { rights: vec![Can::ClientRequestRead], only_for: None }
}

/// Tells of an answer whoever opened the request, does it or watches it.
async fn told(tx: &Tx, item: &WorkItem) -> Result<ClientRequest> {
    emit(tx, EventKind::ClientRequestAnswered, item.id.0);
    let opened_by: crate::platform::ids::known::UserId = tx
        .row(
            work_item::table
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq(item.id))
                .select(work_item::created_by),
        )
        .await?;
    let mut people = notice::concerned(tx, item).await?;
    people.push(opened_by);
    notice::tell(tx, item.id, NoticeCause::Answered, people).await?;
    let id = ClientRequestId(item.id.0);
    let found = ClientRequest::fetch(tx, vec![id]).await?.remove(&id);
    found.ok_or_else(|| Error::not_found("request", "piece of work"))
}

async fn announce(ctx: &Context<'_>, tx: &Tx, input: ClientRequestFileCreateInput) -> Result<(FileId, FileUpload)> {
    let (_, found) = line(tx, input.request, input.line).await?;
    if i64::try_from(found.files.len()).unwrap_or(i64::MAX) >= MOST_FILES {
        return Err(Error::refuse(UserErrorCode::Invalid, "line", format!("A line has at most {MOST_FILES} files.")));
    }
    let ClientRequestFileCreateInput { name, size, sha256, .. } = input;
    let file = FileUploadCreateInput { name, size, sha256, purpose: FilePurpose::Attachment };
    let (file, upload) = announce_brought(ctx, tx, file, &reserved()).await?;
    Ok((file.id, upload))
}

async fn complete(ctx: &Context<'_>, tx: &Tx, input: ClientRequestFileCompleteInput) -> Result<ClientRequest> {
    let (item, found) = line(tx, input.request, input.line).await?;
    let brought = FileUploadCompleteInput { file: input.file, sha256: input.sha256 };
    let file = complete_brought(ctx, tx, brought, &reserved()).await?;
    tx.exec(diesel::insert_into(work_wanted_file::table).values((
        work_wanted_file::tenant_id.eq(tx.tenant()?),
        work_wanted_file::id.eq(new_uuid()),
        work_wanted_file::wanted_id.eq(found.id),
        work_wanted_file::file_id.eq(file.id),
        work_wanted_file::sender_id.eq(tx.actor()),
        work_wanted_file::sender_name.eq(tx.actor_name().to_owned()),
    )))
    .await?;
    write(tx, item.id, vec![found.number], answered(tx, found.answer)).await?;
    told(tx, &item).await
}

async fn answer(tx: &Tx, input: ClientRequestLineAnswerInput) -> Result<ClientRequest> {
    sized("text", &input.text, 1..=2_000)?;
    let (item, found) = line(tx, input.request, input.line).await?;
    write(tx, item.id, vec![found.number], answered(tx, Some(input.text))).await?;
    told(tx, &item).await
}

/// What is wanted, and how it comes.
#[derive(Default)]
pub struct WantedMutation;

#[Object]
impl WantedMutation {
    /// Changes what is wanted from the client: removes and adds lines, sends back what was not wanted, ticks off what came
    /// otherwise. Right: `work.item.manage`.
    async fn work_item_wanted_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: WorkItemWantedUpdateInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        WorkItemPayload::settle(ctx, update(tx, input).await)
    }

    /// Answers a line of a request in words: nothing more is needed for it, until the provider sends it back. Right:
    /// `work.request.answer`.
    async fn client_request_line_answer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The answer.")] input: ClientRequestLineAnswerInput,
    ) -> async_graphql::Result<Option<ClientRequestPayload>> {
        let tx = ctx.tx(Can::ClientRequestAnswer).await?;
        ClientRequestPayload::settle(ctx, answer(tx, input).await)
    }

    /// Announces a file for a line of a request and gives the address to which its bytes are sent by PUT. What was not
    /// completed an hour later is forgotten. Right: `work.request.answer`.
    async fn client_request_file_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: ClientRequestFileCreateInput,
    ) -> async_graphql::Result<Option<ClientRequestFileCreatePayload>> {
        let tx = ctx.tx(Can::ClientRequestAnswer).await?;
        let (made, user_errors) = settle(ctx, announce(ctx, tx, input).await)?;
        let (file_id, upload) = made.unzip();
        Ok(Some(ClientRequestFileCreatePayload { file_id, upload, user_errors }))
    }

    /// Makes a file count whose bytes have been sent: its line is answered, until the provider sends it back. Right:
    /// `work.request.answer`.
    async fn client_request_file_complete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which file, and what it answers.")] input: ClientRequestFileCompleteInput,
    ) -> async_graphql::Result<Option<ClientRequestPayload>> {
        let tx = ctx.tx(Can::ClientRequestAnswer).await?;
        ClientRequestPayload::settle(ctx, complete(ctx, tx, input).await)
    }
}
