//! Letters become PDF: a job reads the entry and the look of the client's letters, has the typesetter set it, and puts the
//! file beside the entry. Nothing is held while it is set.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object};
use backoffice_letters::long_date;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Datelike;
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::branding;
use super::entry::{CorrespondenceChannel, CorrespondenceDirection, CorrespondenceEntry, locked};
use super::ids::CorrespondenceEntryId;
use super::register::attach;
use super::template::check_language;
use super::typesetter::{NotSet, Typesetter};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{Bytes, FileId, FilePurpose, Files, Reserved, not_written};
use crate::platform::job::{Job, JobPayload};
use crate::platform::jobs::{self, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// What such a job needs of the one who asked for it.
const RIGHTS: &[Can] = &[Can::CorrespondenceManage, Can::FileRead, Can::FileManage];

/// A letter that is to be set.
#[derive(InputObject, Clone, Debug)]
pub struct CorrespondenceEntryTypesetInput {
    /// The entry: one that goes out, on paper or by mail, and has a text.
    pub id: CorrespondenceEntryId,
    /// The language of the letter's own words and of its hyphenation; that of its template if not said, else English.
    pub language: Option<String>,
}

/// What a job is asked to do.
#[derive(Serialize, Deserialize)]
pub struct TypesetArgs {
    entry: Uuid,
    language: Option<String>,
}

/// The kind of job.
pub struct LetterTypeset {
    /// Where files lie.
    pub files: Arc<Files>,
    /// What sets letters.
    pub typesetter: Typesetter,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Worded {
    #[diesel(sql_type = Nullable<Text>)]
    language: Option<String>,
}

/// The name of the client of this transaction.
pub(super) async fn client_name(tx: &Tx) -> Result<String> {
    let named: Named = tx
        .row(sql("SELECT c.name FROM practice.client c WHERE c.tenant_id = $1").bind::<SqlUuid, _>(tx.tenant()?))
        .await?;
    Ok(named.name)
}

/// Refuses what is no letter.
fn expect_letter(entry: &CorrespondenceEntry) -> Result<()> {
    entry.expect_registered("id")?;
    let goes_out = entry.direction == CorrespondenceDirection::Out && entry.channel != CorrespondenceChannel::Call;
    if goes_out && !entry.body.trim().is_empty() {
        return Ok(());
    }
    let message = "Set are letters and mails that go out and have a text.";
    Err(Error::refuse(UserErrorCode::State, "id", message))
}

async fn language_of(tx: &Tx, entry: CorrespondenceEntryId) -> Result<Option<String>> {
    let worded: Worded = tx
        .row(
            sql("SELECT t.language FROM practice.correspondence c
                   LEFT JOIN practice.letter_template_text t ON t.tenant_id = c.tenant_id AND t.id = c.template_text_id
                  WHERE c.tenant_id = $1 AND c.id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(entry),
        )
        .await?;
    Ok(worded.language)
}

/// The words of a letter that nobody writes by hand.
fn words(language: &str) -> [&'static str; 3] {
    if language.starts_with("de") { ["Unser Zeichen", "Datum", "Seite"] } else { ["Our reference", "Date", "Page"] }
}

/// The lines of the address field.
fn address(entry: &CorrespondenceEntry) -> Vec<String> {
    let lines = entry.postal_address.iter().flat_map(|address| address.lines());
    let lines = lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    std::iter::once(entry.correspondent.clone()).chain(lines).take(8).collect()
}

impl LetterTypeset {
    /// What the typesetter is told.
    async fn job(&self, tx: &Tx, entry: &CorrespondenceEntry, language: Option<String>) -> Result<Value> {
        let look = branding::look(tx).await?;
        let language = match language {
            Some(language) => language,
            None => language_of(tx, entry.id).await?.unwrap_or_else(|| "en".to_owned()),
        };
        let logo = match look.logo {
            Some(id) => self.logo(tx, id).await?,
            None => None,
        };
        let [reference, date, page] = words(&language);
        let day = entry.on_date.0;
        Ok(json!({
            "language": language, "sender": look.sender, "sender_line": look.sender_line, "recipient": address(entry),
            "reference": [[reference, entry.number], [date, long_date(&language, day.year(), day.month(), day.day())]],
            "subject": entry.subject, "text": entry.body, "color": look.color, "footer": look.footer, "page_word": page,
            "day": [day.year(), day.month(), day.day()], "logo": logo,
        }))
    }

    async fn logo(&self, tx: &Tx, id: FileId) -> Result<Option<Value>> {
        let Some(opened) = self.files.read(tx, id).await? else {
            return Err(Error::refuse(UserErrorCode::State, "", "The logo of this client cannot be read any more."));
        };
        let format = branding::picture(&opened.file);
        let mut bytes = Vec::new();
        let mut stream = opened.bytes;
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(format.map(|format| json!({ "format": format, "data": STANDARD.encode(bytes) })))
    }
}

impl JobKind for LetterTypeset {
    const NAME: JobName = JobName::LetterTypeset;
    const TRIES: i32 = 4;
    type Args = TypesetArgs;

    async fn run(&self, job: &JobContext, args: TypesetArgs) -> JobResult {
        let id = CorrespondenceEntryId(args.entry);
        let tx = job.tx_with(RIGHTS).await?;
        let entry = locked(&tx, id, "id").await?;
        expect_letter(&entry)?;
        let told = self.job(&tx, &entry, args.language).await?;
        let name = format!("{}.pdf", entry.number);
        let reserved = Reserved::default();
        let draft = self.files.begin(&tx, &name, FilePurpose::Attachment, &reserved).await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("the file of a letter was not announced").into());
        }
        let pdf = self.typesetter.set(&told.to_string()).await.map_err(|why| match why {
            NotSet::Missing(why) => jobs::Halt::Later(why),
            NotSet::Refused(why) => Error::refuse(UserErrorCode::Invalid, "", why).into(),
        })?;
        let whole = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(pdf))]);
        let written = self.files.write(&draft, whole).await.map_err(not_written)?;
        let tx = job.tx_with(RIGHTS).await?;
        let entry = locked(&tx, id, "id").await?;
        expect_letter(&entry)?;
        let file = self.files.finish(&tx, &draft, &written, None, &reserved).await?;
        attach(&tx, id, &[file.id], "files").await?;
        emit(&tx, EventKind::CorrespondenceUpdated, id.0);
        let done = Progress { done: 1, total: Some(1) };
        job.finish(tx, &json!({ "entry": id.to_string(), "file": file.id.to_string() }), done).await
    }
}

async fn ask(ctx: &Context<'_>, tx: &Tx, input: CorrespondenceEntryTypesetInput) -> Result<Job> {
    if let Some(language) = &input.language {
        check_language("language", language)?;
    }
    expect_letter(&locked(tx, input.id, "id").await?)?;
    let typesetter = ctx.data_opt::<Typesetter>().ok_or_else(|| Error::fault("the schema has no typesetter"))?;
    if let Err(NotSet::Missing(why) | NotSet::Refused(why)) = typesetter.check() {
        return Err(Error::refuse(UserErrorCode::State, "", why));
    }
    let args = TypesetArgs { entry: input.id.0, language: input.language };
    let id = jobs::enqueue::<LetterTypeset>(tx, &args, None).await?;
    Job::asked_for(tx, id).await
}

/// Setting letters.
#[derive(Default)]
pub struct TypesetMutation;

#[Object]
impl TypesetMutation {
    /// Starts a job that sets a letter as PDF, as the client's letters look, and puts the file beside the entry. Its result:
    /// `entry` and `file`. Rights: `office.correspondence.manage`, `core.file.read` and `core.file.manage`.
    async fn correspondence_entry_typeset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The letter.")] input: CorrespondenceEntryTypesetInput,
    ) -> async_graphql::Result<Option<JobPayload>> {
        let tx = ctx.tx(Can::CorrespondenceManage).await?;
        let done = async {
            for can in RIGHTS {
                ctx.tx(*can).await?;
            }
            ask(ctx, tx, input).await
        };
        JobPayload::settle(ctx, done.await)
    }
}
