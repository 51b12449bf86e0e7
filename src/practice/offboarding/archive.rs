//! The archive of a client as a job: everything that is the client's, of one moment, in one file.
//!
//! Rows are read in one transaction of one snapshot, as the database writes them in JSON, page by page in the order of
//! their keys; then the bytes of the files that these rows name; then the manifest. At no time more than a page, a piece
//! of a file and the manifest itself are in memory. A worker that is lost leaves nothing: the next one begins anew, with
//! a snapshot of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backoffice_archive::{
    Client, END, FORMAT, FORMAT_VERSION, LeftOut, MANIFEST, MANIFEST_SUM, Manifest, MissingFile, Part, file_part,
    header, padding, reference_part, sha256, table_part,
};
use chrono::{SecondsFormat, TimeDelta};
use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::rows::{self, StoredFile};
use super::spool::{Spool, Spooled};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::files::store::hex;
use crate::platform::files::{Bytes, FilePurpose, Files, NotKept, Reserved, not_written};
use crate::platform::jobs::{Halt, JobContext, JobKind, JobName, JobResult, Progress};

/// How long the file stays.
const KEPT_DAYS: i64 = 30;
/// How often the transaction of the snapshot is told that it is still needed while a part is on its way to the store.
const STAY_EVERY: Duration = Duration::from_secs(5);
/// The right that it takes.
const RIGHT: Can = Can::ClientArchive;

/// What an archive is asked to be: of the client of the one who asks.
#[derive(Serialize, Deserialize, Default)]
pub struct ArchiveArgs {}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Archived {
    file: String,
    size: u64,
    sha256: String,
    manifest_sha256: String,
    tables: usize,
    rows: u64,
    files: usize,
    missing_files: usize,
    control_totals: Value,
}

/// The kind of job.
pub struct ClientArchive {
    files: Arc<Files>,
}

impl ClientArchive {
    /// Writes into those files, and reads the client's from them.
    #[must_use]
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }
}

/// What goes to the store; an error ends the writing, so that nothing of it is kept.
type Piece = std::result::Result<Bytes, Error>;

/// The archive while it is written.
struct Writer<'a> {
    job: &'a JobContext,
    to: mpsc::Sender<Piece>,
    parts: Vec<Part>,
    total: u64,
}

impl Writer<'_> {
    async fn send(&self, bytes: impl Into<Bytes>) -> Result<()> {
        // Whoever writes has given up: his reason is the one that counts.
        self.to.send(Ok(bytes.into())).await.map_err(|_| Error::Retry)
    }

    async fn begin(&self, name: &str, size: u64) -> Result<()> {
        self.send(header(name, size).to_vec()).await
    }

    async fn end(&self, size: u64) -> Result<()> {
        match padding(size) {
            [] => Ok(()),
            zeros => self.send(zeros.to_vec()).await,
        }
    }

    async fn small(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let size = u64::try_from(bytes.len()).map_err(Error::fault)?;
        self.begin(name, size).await?;
        self.send(bytes).await?;
        self.end(size).await
    }

    /// Notes how many parts are done, and looks whether the job is to go on.
    async fn note(&self) -> Result<(), Halt> {
        let done = u64::try_from(self.parts.len()).unwrap_or(u64::MAX);
        self.job.note(Progress { done, total: Some(self.total.max(done)) }, &[RIGHT]).await
    }

    async fn lines(&mut self, tx: &Tx, name: String, mut spooled: Spooled, without: Vec<String>) -> Result<()> {
        let mut asked = Instant::now();
        self.begin(&name, spooled.bytes).await?;
        loop {
            let piece = spooled.piece().await?;
            if piece.is_empty() {
                break;
            }
            self.send(piece).await?;
            if asked.elapsed() > STAY_EVERY {
                rows::stay(tx).await?;
                asked = Instant::now();
            }
        }
        self.end(spooled.bytes).await?;
        let (bytes, sha256) = (spooled.bytes, spooled.sha256);
        self.parts.push(Part { name, rows: Some(spooled.rows), bytes, sha256, without });
        Ok(())
    }

    /// The rows of a table.
    async fn table(&mut self, tx: &Tx, table: &rows::Table) -> Result<()> {
        let (mut spool, mut after) = (Spool::default(), None);
        loop {
            let page = rows::page(tx, &table.name, after.take()).await?;
            for row in &page {
                spool.line(&row.line).await?;
            }
            match page.into_iter().last() {
                Some(last) => after = Some(last.place),
                None => break,
            }
        }
        self.lines(tx, table_part(&table.name), spool.end().await?, table.secrets.clone()).await
    }

    /// The bytes of a file; false if the store does not have them.
    async fn file(&mut self, files: &Files, file: &StoredFile) -> Result<bool> {
        let Some((size, mut bytes)) = files.stored(&file.object_key).await? else { return Ok(false) };
        let name = file_part(&file.id.to_string());
        let changed = || Error::fault(format!("the store has other bytes of the file {} than it got", file.id));
        if size != file.bytes()? {
            return Err(changed());
        }
        self.begin(&name, size).await?;
        let mut hash = Sha256::new();
        while let Some(piece) = bytes.try_next().await? {
            hash.update(&piece);
            self.send(piece).await?;
        }
        if hex(&hash.finalize()) != file.sha256 {
            return Err(changed());
        }
        self.end(size).await?;
        self.parts.push(Part { name, rows: None, bytes: size, sha256: file.sha256.clone(), without: vec![] });
        Ok(true)
    }
}

impl ClientArchive {
    /// Writes everything; gives the manifest and its SHA-256.
    async fn produce(&self, job: &JobContext, to: mpsc::Sender<Piece>) -> Result<(Manifest, String), Halt> {
        let tx = job.snapshot(&[RIGHT]).await?;
        let about = rows::about(&tx).await?;
        let audit_head = rows::audit_head(&tx).await?;
        let (tables, references, files) =
            (rows::tables(&tx).await?, rows::references(&tx).await?, rows::files(&tx).await?);
        let total = tables.len().saturating_add(references.len()).saturating_add(files.len());
        let mut writer = Writer { job, to, parts: Vec::new(), total: u64::try_from(total).unwrap_or(u64::MAX) };
        for reference in &references {
            let mut spool = Spool::default();
            for line in rows::referenced(&tx, reference, &tables).await? {
                spool.line(&line).await?;
            }
            writer.lines(&tx, reference_part(reference), spool.end().await?, vec![]).await?;
        }
        for table in tables.iter().filter(|table| table.reason.is_none()) {
            writer.table(&tx, table).await?;
            writer.note().await?;
        }
        let client = tx.tenant()?;
        tx.finish(true).await?;
        let mut missing_files = Vec::new();
        for file in &files {
            if !writer.file(&self.files, file).await? {
                missing_files.push(MissingFile { id: file.id.to_string(), sha256: file.sha256.clone() });
            }
            if writer.parts.len().is_multiple_of(100) {
                writer.note().await?;
            }
        }
        let left_out =
            tables.into_iter().filter_map(|table| Some(LeftOut { reason: table.reason?, table: table.name }));
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            program: concat!("backoffice ", env!("CARGO_PKG_VERSION")).to_owned(),
            taken_at: about.taken_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            schema_version: about.steps.last().cloned().unwrap_or_default(),
            schema_steps: about.steps,
            client: Client {
                id: client.to_string(),
                name: about.name,
                country: about.country,
                currency: about.currency,
                time_zone: about.time_zone,
            },
            audit_head,
            parts: std::mem::take(&mut writer.parts),
            left_out: left_out.collect(),
            missing_files,
            totals: about.totals,
        };
        let bytes = manifest.to_bytes().map_err(Error::fault)?;
        let sum = sha256(&bytes);
        writer.small(MANIFEST, bytes).await?;
        writer.small(MANIFEST_SUM, format!("{sum}  {MANIFEST}\n").into_bytes()).await?;
        writer.send(END.to_vec()).await?;
        Ok((manifest, sum))
    }
}

impl JobKind for ClientArchive {
    const NAME: JobName = JobName::ClientArchive;
    const TRIES: i32 = 4;
    type Args = ArchiveArgs;

    async fn run(&self, job: &JobContext, _: ArchiveArgs) -> JobResult {
        let tx = job.tx(RIGHT).await?;
        let reserved = Reserved { rights: vec![RIGHT], only_for: None };
        let draft = self.files.begin(&tx, "client-archive.tar", FilePurpose::Export, &reserved).await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("the file of an archive was not announced").into());
        }
        let (to, from) = mpsc::channel::<Piece>(2);
        let giving_up = to.clone();
        let producing = async move {
            let produced = self.produce(job, to).await;
            if produced.is_err() {
                let _ = giving_up.send(Err(Error::Retry)).await;
            }
            drop(giving_up);
            produced
        };
        let from = futures_util::stream::unfold(from, |mut from| async move {
            let piece = from.recv().await?;
            Some((piece, from))
        });
        let (produced, written) = futures_util::future::join(producing, self.files.write(&draft, from.boxed())).await;
        // Where the store did not go on, its reason counts, and not that the way to it was shut.
        let refused = matches!(&written, Err(NotKept::TooLarge | NotKept::Store(_)));
        let (manifest, manifest_sha256) = match produced {
            Err(Halt::Failed(Error::Retry)) if refused => {
                return Err(written.map_or_else(not_written, |_| Error::Retry).into());
            }
            produced => produced?,
        };
        let written = written.map_err(not_written)?;
        let tx = job.tx(RIGHT).await?;
        let kept = Some(TimeDelta::days(KEPT_DAYS));
        let file = self.files.finish(&tx, &draft, &written, kept, &reserved).await?;
        let archived = Archived {
            file: file.id.to_string(),
            size: written.size,
            sha256: written.sha256,
            manifest_sha256,
            tables: manifest.parts.iter().filter(|part| part.name.starts_with("tables/")).count(),
            rows: manifest.rows(),
            files: manifest.files(),
            missing_files: manifest.missing_files.len(),
            control_totals: manifest.totals,
        };
        let done = u64::try_from(manifest.parts.len()).unwrap_or(u64::MAX);
        job.finish(tx, &archived, Progress { done, total: Some(done) }).await
    }
}
