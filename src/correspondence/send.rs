//! Mails of the register are sent by a job: with their files, under a Message-ID that stays the same however often it is
//! tried, as an answer to what they answer. How far a mail has come stands on its entry.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::entry::{Attached, CorrespondenceChannel, CorrespondenceDirection, CorrespondenceEntry, locked};
use super::ids::CorrespondenceEntryId;
use super::inbound::address::answers_to;
use super::inbound::received::CorrespondenceReceived;
use super::register::CorrespondenceEntryPayload;
use super::typeset::client_name;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{FileId, Files};
use crate::platform::ids::new_uuid;
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::mail::{Mailer, Piece, Post, Unsent};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::correspondence_mail;

/// The most bytes of the files of one mail: more is refused by mail servers.
const MOST: usize = 15 * 1024 * 1024;

crate::platform::words! {
    /// How far a mail has come.
    CorrespondenceMailState {
        /// It waits to be sent.
        Queued = "queued",
        /// The mail server has it.
        Sent = "sent",
        /// It could not be sent, and is not tried any more.
        GivenUp = "given_up",
        /// It was given up, and somebody has asked for it once more.
        Retried = "retried",
    }
}

crate::platform::words! {
    /// What mail servers say of a mail that was sent.
    CorrespondenceDelivery {
        /// They have said nothing, as most do of mails that arrive.
        Unknown = "unknown",
        /// It has arrived, or was handed to a server that says no more.
        Delivered = "delivered",
        /// It has not arrived yet.
        Delayed = "delayed",
        /// It will not arrive.
        Failed = "failed",
    }
}

/// How far a mail of the register has come.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = correspondence_mail)]
pub struct CorrespondenceMail {
    #[graphql(skip)]
    id: Uuid,
    #[graphql(skip)]
    entry_id: CorrespondenceEntryId,
    /// How far it has come.
    pub state: CorrespondenceMailState,
    /// Whether the files of its entry go with it.
    pub with_files: bool,
    /// Its Message-ID; null before it was tried first.
    pub message_id: Option<String>,
    /// How often it was tried in vain.
    pub failures: i32,
    /// Why it was not sent when it was tried last; null if it was sent or not tried.
    pub problem: Option<String>,
    /// When the mail server took it.
    pub sent_at: Option<DateTime>,
    /// When it was asked for first.
    pub created_at: DateTime,
    /// What mail servers have said of it since: their latest word, but for `FAILED`, which is the last.
    pub delivery: CorrespondenceDelivery,
    /// In which words; null if they have said nothing.
    pub delivery_note: Option<String>,
    /// When they said so; null if they have not.
    pub delivery_told_at: Option<DateTime>,
}

impl Fetch for CorrespondenceMail {
    type Key = CorrespondenceEntryId;
    type Value = Self;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<CorrespondenceEntryId>) -> Result<HashMap<CorrespondenceEntryId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                correspondence_mail::table
                    .filter(correspondence_mail::tenant_id.eq(tx.tenant()?))
                    .filter(correspondence_mail::entry_id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.entry_id, row)).collect())
    }
}

/// A mail that is to be sent.
#[derive(InputObject, Clone, Debug)]
pub struct CorrespondenceEntrySendInput {
    /// The entry: a mail that goes out, with an e-mail address and a text. One that was given up is tried once more.
    pub id: CorrespondenceEntryId,
    /// Whether the files of the entry go with it, at most 15 MiB together; they do if not said. Right: `core.file.read`.
    pub with_files: Option<bool>,
}

/// What a job is asked to do.
#[derive(Serialize, Deserialize)]
pub struct SendArgs {
    entry: Uuid,
}

/// The kind of job.
pub struct CorrespondenceSend {
    /// Where files lie.
    pub files: Arc<Files>,
    /// What sends mails.
    pub mailer: Arc<Mailer>,
}

#[derive(QueryableByName)]
struct Earlier {
    #[diesel(sql_type = Text)]
    message_id: String,
}

async fn lock_mail(tx: &Tx, entry: CorrespondenceEntryId) -> Result<Option<CorrespondenceMail>> {
    tx.maybe(
        correspondence_mail::table
            .filter(correspondence_mail::tenant_id.eq(tx.tenant()?))
            .filter(correspondence_mail::entry_id.eq(entry))
            .select(CorrespondenceMail::as_select())
            .for_no_key_update(),
    )
    .await
}

/// Refuses what cannot be sent.
fn expect_mail(entry: &CorrespondenceEntry) -> Result<()> {
    entry.expect_registered("id")?;
    let is_mail = entry.direction == CorrespondenceDirection::Out && entry.channel == CorrespondenceChannel::Mail;
    if !is_mail || entry.body.trim().is_empty() {
        let message = "Sent are mails that go out and have a text.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    if entry.email.as_deref().is_none_or(|email| email.trim().is_empty()) {
        let message = "This mail has no e-mail address to go to.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    Ok(())
}

pub(super) async fn ask(tx: &Tx, input: CorrespondenceEntrySendInput) -> Result<CorrespondenceEntry> {
    let entry = locked(tx, input.id, "id").await?;
    expect_mail(&entry)?;
    let with_files = input.with_files.unwrap_or(true);
    match lock_mail(tx, entry.id).await? {
        None => {
            tx.exec(diesel::insert_into(correspondence_mail::table).values((
                correspondence_mail::tenant_id.eq(tx.tenant()?),
                correspondence_mail::id.eq(new_uuid()),
                correspondence_mail::entry_id.eq(entry.id),
                correspondence_mail::state.eq(CorrespondenceMailState::Queued),
                correspondence_mail::with_files.eq(with_files),
            )))
            .await?;
        }
        Some(mail) if mail.state == CorrespondenceMailState::GivenUp => {
            tx.exec(
                diesel::update(correspondence_mail::table)
                    .filter(correspondence_mail::tenant_id.eq(tx.tenant()?))
                    .filter(correspondence_mail::id.eq(mail.id))
                    .set((
                        correspondence_mail::state.eq(CorrespondenceMailState::Retried),
                        correspondence_mail::with_files.eq(with_files),
                    )),
            )
            .await?;
        }
        Some(mail) if mail.state == CorrespondenceMailState::Sent => {
            return Err(Error::refuse(UserErrorCode::State, "id", "This mail was sent; register another one."));
        }
        Some(_) => return Err(Error::refuse(UserErrorCode::State, "id", "This mail is on its way already.")),
    }
    jobs::enqueue::<CorrespondenceSend>(tx, &SendArgs { entry: entry.id.0 }, None).await?;
    emit(tx, EventKind::CorrespondenceUpdated, entry.id.0);
    Ok(entry)
}

impl CorrespondenceSend {
    fn rights(with_files: bool) -> &'static [Can] {
        if with_files { &[Can::CorrespondenceManage, Can::FileRead] } else { &[Can::CorrespondenceManage] }
    }

    async fn pieces(&self, tx: &Tx, entry: CorrespondenceEntryId) -> Result<Vec<Piece>> {
        let ids: Vec<FileId> = Attached::fetch(tx, vec![entry]).await?.remove(&entry).unwrap_or_default();
        let mut pieces = Vec::with_capacity(ids.len());
        let mut size = 0_usize;
        for id in ids {
            let gone = || Error::refuse(UserErrorCode::State, "", "A file of this mail cannot be read any more.");
            let opened = self.files.read(tx, id).await?.ok_or_else(gone)?;
            let media_type = opened.file.media_type.clone().unwrap_or_default();
            let mut piece = Piece { name: opened.file.name, media_type, bytes: Vec::new() };
            let mut stream = opened.bytes;
            while let Some(some) = stream.next().await {
                let some = some?;
                size = size.saturating_add(some.len());
                if size > MOST {
                    let message = "The files of this mail are larger than 15 MiB together.";
                    return Err(Error::refuse(UserErrorCode::Invalid, "", message));
                }
                piece.bytes.extend_from_slice(&some);
            }
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// The mail as it goes out. Its thread is what was sent and received in it before, as far as that has a Message-ID.
    async fn post(&self, tx: &Tx, entry: CorrespondenceEntry, mail: &CorrespondenceMail) -> Result<Post> {
        let earlier: Vec<Earlier> = tx
            .rows(
                sql("SELECT f.message_id FROM practice.correspondence e
                      CROSS JOIN LATERAL (
                        SELECT m.message_id FROM practice.correspondence_mail m WHERE m.tenant_id = e.tenant_id AND m.entry_id = e.id
                        UNION ALL
                        SELECT r.message_id FROM practice.correspondence_received r WHERE r.tenant_id = e.tenant_id AND r.entry_id = e.id) f
                      WHERE e.tenant_id = $1 AND e.thread_id = $2 AND e.id < $3 AND f.message_id IS NOT NULL
                      ORDER BY e.id DESC LIMIT 20")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(entry.thread_id)
                .bind::<SqlUuid, _>(entry.id),
            )
            .await?;
        let answered = match entry.reply_to_id {
            Some(id) => match CorrespondenceMail::fetch(tx, vec![id]).await?.remove(&id) {
                Some(mail) => mail.message_id,
                None => CorrespondenceReceived::fetch(tx, vec![id]).await?.remove(&id).and_then(|mail| mail.message_id),
            },
            None => None,
        };
        let reply_to = match &self.mailer.settings().inbound {
            Some(inbound) => answers_to(tx).await?.map(|token| format!("{token}@{}", inbound.domain)),
            None => None,
        };
        let files = if mail.with_files { self.pieces(tx, entry.id).await? } else { Vec::new() };
        Ok(Post {
            id: mail.id,
            from_name: client_name(tx).await?,
            name: entry.correspondent,
            address: entry.email.unwrap_or_default(),
            reply_to,
            subject: entry.subject,
            text: entry.body,
            in_reply_to: answered,
            references: earlier.into_iter().rev().map(|one| one.message_id).collect(),
            pieces: files,
        })
    }

    /// Notes what became of a try.
    async fn note(&self, tx: &Tx, mail: Uuid, outcome: &Result<(), (CorrespondenceMailState, String)>) -> Result<()> {
        let one = correspondence_mail::table
            .filter(correspondence_mail::tenant_id.eq(tx.tenant()?))
            .filter(correspondence_mail::id.eq(mail));
        match outcome {
            Ok(()) => {
                let sent = (
                    correspondence_mail::state.eq(CorrespondenceMailState::Sent),
                    correspondence_mail::sent_at.eq(tx.now()),
                    correspondence_mail::problem.eq(None::<String>),
                );
                tx.exec(diesel::update(one).set(sent)).await?;
            }
            Err((state, why)) => {
                let failed = (
                    correspondence_mail::state.eq(*state),
                    correspondence_mail::failures.eq(correspondence_mail::failures + 1),
                    correspondence_mail::problem.eq(why.chars().take(500).collect::<String>()),
                );
                tx.exec(diesel::update(one).set(failed)).await?;
            }
        }
        Ok(())
    }
}

impl JobKind for CorrespondenceSend {
    const NAME: JobName = JobName::CorrespondenceSend;
    /// With waits of up to ten minutes: some seven hours.
    const TRIES: i32 = 60;
    type Args = SendArgs;

    async fn run(&self, job: &JobContext, args: SendArgs) -> JobResult {
        let id = CorrespondenceEntryId(args.entry);
        let done = Progress { done: 1, total: Some(1) };
        let tx = job.tx(Can::CorrespondenceManage).await?;
        let entry = locked(&tx, id, "id").await?;
        let mail = lock_mail(&tx, id).await?.ok_or_else(|| Error::fault("a mail without its row"))?;
        let waits = matches!(mail.state, CorrespondenceMailState::Queued | CorrespondenceMailState::Retried);
        if !waits {
            return job.finish(tx, &json!({ "sent": false }), done).await;
        }
        let rights = Self::rights(mail.with_files);
        let allowed = rights.iter().all(|can| tx.permissions().contains(can));
        let prepared = match expect_mail(&entry) {
            Ok(()) if allowed => self.post(&tx, entry, &mail).await,
            Ok(()) => {
                Err(Error::refuse(UserErrorCode::State, "", "Whoever asked for this mail may not read its files."))
            }
            Err(error) => Err(error),
        };
        let post = match prepared {
            Ok(post) => post,
            // Void meanwhile, or its files are not there: it will not be otherwise next time.
            Err(Error::Refused(reasons)) => {
                let why = reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" ");
                self.note(&tx, mail.id, &Err((CorrespondenceMailState::GivenUp, why))).await?;
                emit(&tx, EventKind::CorrespondenceUpdated, id.0);
                return job.finish(tx, &json!({ "sent": false }), done).await;
            }
            Err(error) => return Err(error.into()),
        };
        // Known before it is sent, so that an answer finds it however this ends.
        tx.exec(
            diesel::update(correspondence_mail::table)
                .filter(correspondence_mail::tenant_id.eq(tx.tenant()?))
                .filter(correspondence_mail::id.eq(mail.id))
                .set(correspondence_mail::message_id.eq(self.mailer.message_id(mail.id))),
        )
        .await?;
        // Nothing is held while the mail server takes its time.
        if !tx.finish(true).await? {
            return Err(Error::fault("the Message-ID of a mail was not kept").into());
        }
        let outcome = match self.mailer.post(post).await {
            Ok(()) => Ok(()),
            Err(Unsent::Refused(why)) => Err((CorrespondenceMailState::GivenUp, why)),
            Err(Unsent::Later(why)) if job.is_last_try(Self::TRIES) => Err((CorrespondenceMailState::GivenUp, why)),
            Err(Unsent::Later(why)) => Err((mail.state, why)),
        };
        let tx = job.tx(Can::CorrespondenceManage).await?;
        self.note(&tx, mail.id, &outcome).await?;
        match outcome {
            Err((state, why)) if state != CorrespondenceMailState::GivenUp => {
                if !tx.finish(true).await? {
                    return Err(Error::fault("what became of a mail was not kept").into());
                }
                Err(Halt::Later(why))
            }
            outcome => {
                emit(&tx, EventKind::CorrespondenceUpdated, id.0);
                job.finish(tx, &json!({ "sent": outcome.is_ok() }), done).await
            }
        }
    }
}

/// Sending.
#[derive(Default)]
pub struct SendMutation;

#[Object]
impl SendMutation {
    /// Has a mail of the register sent, by a job. How far it has come stands in `mail`. Right:
    /// `office.correspondence.manage`.
    async fn correspondence_entry_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The mail.")] input: CorrespondenceEntrySendInput,
    ) -> async_graphql::Result<Option<CorrespondenceEntryPayload>> {
        let tx = ctx.tx(Can::CorrespondenceManage).await?;
        let done = async {
            if input.with_files.unwrap_or(true) {
                ctx.tx(Can::FileRead).await?;
            }
            ask(tx, input).await
        };
        CorrespondenceEntryPayload::settle(ctx, done.await)
    }
}
