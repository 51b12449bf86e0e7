//! The text of versions: read after they come, by a program of its own with bounds on time, memory and bytes, because what is read
//! was made by strangers. What comes of it stands on the version, whatever it is.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use backoffice_extraction::{Kind, Limits, kind, read, tidied};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::error::{Error, Result};
use crate::platform::files::{File, Files, sniff};
use crate::platform::jobs::{Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::schema::file;
use crate::platform::sql::sql;
use crate::schema::document_version;

crate::platform::words! {
    /// What came of reading a version's text.
    DocumentTextState {
        /// It has not been read yet.
        Waiting = "waiting",
        /// It was read.
        Read = "read",
        /// It was read as far as text is kept.
        Cut = "cut",
        /// There is none: nothing makes text of files of this kind.
        None = "none",
        /// It could not be read; see the note.
        Failed = "failed",
    }
}

/// The most memory that the reading program may take, in bytes, and the most seconds of a processor.
const MEMORY: u64 = 2 << 30;
const PROCESSOR_S: u64 = 45;

/// What was read.
enum Outcome {
    Text(String, bool),
    Nothing(String),
    Failed(String),
}

/// Reads texts of versions.
pub struct TextJob {
    files: Arc<Files>,
}

/// Which version.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Of {
    /// Its own id.
    pub version: Uuid,
}

impl TextJob {
    /// With the files of all clients.
    #[must_use]
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }
}

/// A word for the kind, as the reading program is called with.
const KINDS: &[(&str, Kind)] = &[
    ("plain", Kind::Plain),
    ("html", Kind::Html),
    ("pdf", Kind::Pdf),
    ("open-xml", Kind::OfficeOpenXml),
    ("open-document", Kind::OpenDocument),
    ("mail", Kind::Mail),
];

/// The reading program: the file comes on its input, the text goes to its output. It bounds itself before it reads anything.
pub fn read_text(word: &str) -> ExitCode {
    use std::io::{Read, Write};
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == word) else { return ExitCode::from(2) };
    let bounded = |resource, most| {
        rustix::process::setrlimit(resource, rustix::process::Rlimit { current: Some(most), maximum: Some(most) })
    };
    if bounded(rustix::process::Resource::As, MEMORY).is_err()
        || bounded(rustix::process::Resource::Cpu, PROCESSOR_S).is_err()
        || bounded(rustix::process::Resource::Core, 0).is_err()
    {
        return ExitCode::from(2);
    }
    let limits = Limits::default();
    let mut bytes = Vec::new();
    let most = u64::try_from(limits.bytes).unwrap_or(u64::MAX).saturating_add(1);
    if std::io::stdin().lock().take(most).read_to_end(&mut bytes).is_err() {
        return ExitCode::from(2);
    }
    let (code, said) = match read(*kind, &bytes, &limits) {
        Ok(text) => (if text.cut { 10 } else { 0 }, text.text),
        Err(problem) => (11, problem.to_string()),
    };
    match std::io::stdout().lock().write_all(said.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(2),
    }
}

/// Runs a program to its end and gives its code and what it said, within the time and so many bytes.
async fn run(
    mut command: tokio::process::Command,
    time: Duration,
    most: usize,
) -> std::result::Result<(Option<i32>, String), String> {
    // Settings of the server are none of its business: they hold secrets.
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
    command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("The program that reads it cannot be run: {error}."))?;
    let Some(output) = child.stdout.take() else { return Err("The program that reads it says nothing.".to_owned()) };
    let reading = async {
        let mut said = Vec::new();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let read = output.take(most.saturating_add(1)).read_to_end(&mut said).await;
        let too_much = said.len() as u64 > most;
        // What it says beyond that it says to nobody.
        let status = if too_much {
            child.start_kill().ok();
            child.wait().await
        } else {
            child.wait().await
        };
        match (read, status) {
            _ if too_much => Err("More text came of it than is kept.".to_owned()),
            (Ok(_), Ok(status)) => Ok((status.code(), String::from_utf8_lossy(&said).into_owned())),
            _ => Err("The program that reads it broke off.".to_owned()),
        }
    };
    match tokio::time::timeout(time, reading).await {
        Ok(outcome) => outcome,
        Err(_) => Err("Reading it took too long and was stopped.".to_owned()),
    }
}

/// This very program. A newer one may lie at its path by now, or none: where the system lets a process name what it runs,
/// that is what is started.
fn own_program() -> Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe().map_err(Error::fault) }
}

impl TextJob {
    async fn look(&self, of: &File) -> Result<Outcome> {
        let limits = Limits::default();
        let settings = &self.files.settings().reading;
        let is = of.media_type.as_deref().unwrap_or(sniff::UNKNOWN);
        let head = self.files.head(of).await?;
        let kind = kind(&of.name, is, &head);
        let nothing = || Outcome::Nothing("No text is read from documents of this kind.".to_owned());
        let on_disk = self.files.on_disk(of).await?;
        let program = match kind {
            Kind::Other => return Ok(nothing()),
            Kind::Picture => {
                let Some(recognition) = &settings.recognition else { return Ok(nothing()) };
                let mut words = recognition.split_whitespace();
                let Some(program) = words.next() else { return Ok(nothing()) };
                let mut command = tokio::process::Command::new(program);
                command.args(words).arg(on_disk.path()).stdin(Stdio::null());
                command
            }
            _ => {
                let word = KINDS.iter().find(|(_, known)| *known == kind).map_or("plain", |(word, _)| word);
                let program = match &settings.program {
                    Some(program) => program.clone(),
                    None => own_program()?,
                };
                let mut command = tokio::process::Command::new(program);
                let path = on_disk.path().to_owned();
                let input =
                    tokio::task::spawn_blocking(move || std::fs::File::open(path)).await.map_err(Error::fault)?;
                command.args(["read-text", word]).stdin(Stdio::from(input.map_err(Error::fault)?));
                command
            }
        };
        let picture = kind == Kind::Picture;
        Ok(match run(program, settings.time, limits.text.saturating_add(1024)).await {
            Err(why) => Outcome::Failed(why),
            Ok((Some(0), text)) => {
                let text = tidied(&text, &limits);
                Outcome::Text(text.text, text.cut)
            }
            Ok((Some(10), text)) if !picture => Outcome::Text(text, true),
            Ok((Some(11), why)) if !picture => Outcome::Failed(why),
            Ok(_) => Outcome::Failed("Reading it took more than it may, or broke off.".to_owned()),
        })
    }
}

impl JobKind for TextJob {
    const NAME: JobName = JobName::DocumentText;
    type Args = Of;

    async fn run(&self, job: &JobContext, of: Of) -> JobResult {
        let tx = job.tx(Can::OfficeDocumentManage).await?;
        let tenant = tx.tenant()?;
        let found: Option<(Uuid, Uuid)> = tx
            .maybe(
                document_version::table
                    .filter(document_version::tenant_id.eq(tenant))
                    .filter(document_version::id.eq(of.version))
                    .filter(document_version::deleted_at.is_null())
                    .select((document_version::document_id, document_version::file_id)),
            )
            .await?;
        let read: Option<File> = match found {
            Some((_, id)) => {
                let one = file::table.filter(file::tenant_id.eq(tenant)).filter(file::id.eq(id));
                tx.maybe(one.select(File::as_select())).await?.filter(File::is_there)
            }
            None => None,
        };
        let (Some((document, _)), Some(read)) = (found, read) else {
            // Deleted meanwhile: there is nothing to be read.
            return job.finish(tx, &serde_json::json!({ "state": "GONE" }), Progress::default()).await;
        };
        // No connection is held while a program reads.
        tx.finish(true).await?;
        let outcome = self.look(&read).await.map_err(Halt::Failed)?;
        let (state, note, text) = match outcome {
            Outcome::Text(text, false) => (DocumentTextState::Read, None, Some(text)),
            Outcome::Text(text, true) => {
                (DocumentTextState::Cut, Some("The text is longer than what is kept.".to_owned()), Some(text))
            }
            Outcome::Nothing(why) => (DocumentTextState::None, Some(why), None),
            Outcome::Failed(why) => (DocumentTextState::Failed, Some(why), None),
        };
        let note = note.map(|note| note.chars().filter(|one| !one.is_control()).take(500).collect::<String>());
        let tx = job.tx(Can::OfficeDocumentManage).await?;
        let noted = tx
            .exec(
                sql("UPDATE practice.document_version SET text_state = $3, text_note = $4
                      WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL")
                .bind::<SqlUuid, _>(tenant)
                .bind::<SqlUuid, _>(of.version)
                .bind::<Text, _>(state)
                .bind::<Nullable<Text>, _>(note),
            )
            .await?;
        if let Some(text) = text.filter(|_| noted == 1) {
            tx.exec(
                sql(
                    "INSERT INTO practice.document_text AS t (tenant_id, id, document_id, body) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (tenant_id, id) DO UPDATE SET body = excluded.body",
                )
                .bind::<SqlUuid, _>(tenant)
                .bind::<SqlUuid, _>(of.version)
                .bind::<SqlUuid, _>(document)
                .bind::<Text, _>(text),
            )
            .await?;
        }
        job.finish(
            tx,
            &serde_json::json!({ "state": state.text().to_uppercase() }),
            Progress { done: 1, total: Some(1) },
        )
        .await
    }
}
