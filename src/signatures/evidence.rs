//! The evidence sheet: a text that names what was signed, by whom, and each event with its hash. A job writes it when the last
//! has signed, and its own hash becomes an event. Anybody can compute the hashes again with nothing but the sheet.

use std::fmt::Write;
use std::sync::Arc;

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};

use super::event::{Link, links};
use super::mails::Of;
use super::request::{SignatureRequest, SignatureState, of_job};
use super::signer::{OfRequest, SignatureSigner};
use crate::correspondence::typesetter::Typesetter;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::files::{Bytes, File, FileId, FilePurpose, Files, Reserved, not_written};
use crate::platform::jobs::{JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::scalars::DateTime;
use crate::platform::schema::file;
use crate::platform::signing;
use crate::platform::sql::sql;

/// What stands before the links of the chain, a line each: hash, blank, line.
const CHAIN: &str = "-- chain --";

/// What the sheet says of its own weight.
pub(super) const KIND: &str = "\
These are simple electronic signatures: data in electronic form that the signers have attached to the document above and
used to sign, Article 3(10) of Regulation (EU) No 910/2014 (eIDAS). They are neither advanced (Article 3(11), Article 26)
nor qualified electronic signatures (Article 3(12)). A signer with an account was signed in to it; a signer without one came
with a secret link that was mailed to the address named here, and to nobody else.";

/// How the chain is computed again.
const HOW: &str = "\
The hash of each event is SHA-256 of the hash before it, a line feed and the event's line, all in UTF-8; before the first
event stand 64 zeros. Below, each line is a hash, a blank and the event's line.";

pub(super) fn moment(at: DateTime) -> String {
    at.0.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// What a text says in one line, whoever wrote it.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sheet of a request.
fn sheet(client: &str, of: &SignatureRequest, signers: &[SignatureSigner], chain: &[Link], stored: bool) -> String {
    let mut text = String::new();
    // writing to a string cannot fail
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{words}");
    };
    line(format_args!("EVIDENCE OF SIGNATURES\n"));
    line(format_args!("Request:      {} ({})", plain(&of.title), of.id));
    line(format_args!("Client:       {}", plain(client)));
    line(format_args!("Asked for by: {}", plain(&of.requested_by_name)));
    line(format_args!("Document:     {} ({}), version {}", plain(&of.file_name), of.document_id, of.version_number));
    line(format_args!("SHA-256:      {}", of.document_sha256));
    let found =
        if stored { "the bytes kept by the server had this hash when this sheet was written" } else { "NOT FOUND" };
    line(format_args!("              {found}\n"));
    line(format_args!("{KIND}\n\nSIGNERS\n"));
    for one in signers {
        line(format_args!("{}. {} <{}>, step {}", one.number, plain(&one.name), one.email, one.step));
        let by = if one.account_id.is_some() { "by account" } else { "by a link mailed to this address" };
        let at = |at: Option<DateTime>| at.map_or_else(|| "never".to_owned(), moment);
        line(format_args!("   opened {}, signed {} {by}", at(one.opened_at), at(one.acted_at)));
        line(format_args!("   as \"{}\"", plain(one.typed_name.as_deref().unwrap_or_default())));
        line(format_args!("   declaring \"{}\"\n", plain(one.words.as_deref().unwrap_or_default())));
    }
    line(format_args!("EVENTS\n\n{HOW}\n\n{CHAIN}"));
    for link in chain {
        line(format_args!("{} {}", link.hash, link.line));
    }
    text
}

/// Whether a sheet holds the first links of the chain, and at least one.
pub(super) fn agrees(sheet: &str, chain: &[Link]) -> bool {
    let mut said = sheet.lines().skip_while(|line| *line != CHAIN).skip(1).peekable();
    let any = said.peek().is_some();
    let mut kept = chain.iter();
    any && said.all(|line| {
        let (Some((hash, rest)), Some(link)) = (line.split_once(' '), kept.next()) else { return false };
        hash == link.hash && rest == link.line
    })
}

pub(super) async fn kept(tx: &Tx, id: FileId) -> Result<Option<File>> {
    let found = file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(id)).select(File::as_select());
    Ok(tx.maybe(found).await?.filter(File::is_there))
}

/// SHA-256 of a file's bytes as they lie in the store, in hexadecimal; nothing if they are not there.
pub(super) async fn measured(tx: &Tx, files: &Files, id: FileId) -> Result<Option<String>> {
    match kept(tx, id).await? {
        Some(file) => files.digest(&file).await,
        None => Ok(None),
    }
}

/// A small text of the server's own, with its hash; nothing if it is not there.
pub(super) async fn read(tx: &Tx, files: &Files, id: FileId) -> Result<Option<(String, String)>> {
    let Some(file) = kept(tx, id).await? else { return Ok(None) };
    let Some(hash) = files.digest(&file).await? else { return Ok(None) };
    let pieces: Vec<Bytes> = futures_util::TryStreamExt::try_collect(files.bytes(&file, None).await?).await?;
    Ok(Some((hash, String::from_utf8_lossy(&pieces.concat()).into_owned())))
}

/// Who may read the sheet: whoever may read the document and such requests.
pub(super) fn reserved(request: &SignatureRequest) -> Reserved {
    let rights = request.rights.iter().filter_map(|name| Can::parse(name)).chain([Can::SignatureRead]).collect();
    Reserved { rights, only_for: None }
}

/// The kind of job.
pub struct SignatureEvidence {
    /// Where files lie.
    pub files: Arc<Files>,
    /// What sets the PDF.
    pub typesetter: Typesetter,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Bool)]
    kept: bool,
}

impl SignatureEvidence {
    /// What the sheet says, and who may read it; nothing if there is nothing to be written.
    async fn written(&self, tx: &Tx, of: Of) -> Result<Option<(String, Reserved)>> {
        let Some(request) = of_job(tx, of.request).await? else { return Ok(None) };
        if request.state != SignatureState::Signed || request.evidence_file_id.is_some() {
            return Ok(None);
        }
        let signers = OfRequest::fetch(tx, vec![request.id]).await?.remove(&request.id).unwrap_or_default();
        let chain = links(tx, request.id).await?;
        let client: Named = tx
            .row(sql("SELECT c.name FROM practice.client c WHERE c.tenant_id = $1").bind::<SqlUuid, _>(tx.tenant()?))
            .await?;
        let stored = measured(tx, &self.files, request.file_id).await?;
        let stored = stored.is_some_and(|found| found == request.document_sha256);
        let text = sheet(&client.name, &request, &signers, &chain, stored);
        Ok(Some((text, reserved(&request))))
    }

    /// Writes the sheet; false if there is nothing to be written.
    async fn write(&self, job: &JobContext, of: Of) -> Result<bool> {
        let open = || signing::for_request(job.pools(), of.client, of.request, job.id().0);
        let tx = match open().await {
            Ok(tx) => tx,
            // The client has gone, and its requests with it.
            Err(Error::Forbidden(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let Some((text, reserved)) = self.written(&tx, of).await? else {
            tx.finish(false).await?;
            return Ok(false);
        };
        let draft = self.files.begin(&tx, "signatures.txt", FilePurpose::Attachment, &reserved).await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("the file of an evidence sheet was not announced"));
        }
        let whole = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(text.into_bytes()))]);
        let written = self.files.write(&draft, whole).await.map_err(not_written)?;
        let tx = open().await?;
        let file = self.files.finish(&tx, &draft, &written, None, &reserved).await?;
        let kept: Kept = tx
            .row(
                sql("SELECT practice.keep_signature_evidence($1, $2, $3) AS kept")
                    .bind::<SqlUuid, _>(of.request)
                    .bind::<SqlUuid, _>(file.id)
                    .bind::<Text, _>(written.sha256.clone()),
            )
            .await?;
        if tx.finish(kept.kept).await? == kept.kept {
            Ok(kept.kept)
        } else {
            Err(Error::fault("an evidence sheet was not kept"))
        }
    }
}

impl JobKind for SignatureEvidence {
    const NAME: JobName = JobName::SignatureEvidence;
    /// With waits of up to ten minutes: some seven hours.
    const TRIES: i32 = 60;
    type Args = Of;

    async fn run(&self, job: &JobContext, of: Of) -> JobResult {
        let written = self.write(job, of).await?;
        // The sheet is kept by now; whatever becomes of the PDF takes nothing of it back.
        let printed = self.print(job, of).await?;
        let done = Progress { done: 1, total: Some(1) };
        let result = serde_json::json!({ "written": written, "printed": printed });
        job.finish(job.provider_tx().await?, &result, done).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_agrees_with_the_chain_that_it_was_written_of() {
        let link =
            |number: i32| Link { number, line: format!("{{\"number\": {number}}}"), hash: format!("{number:064}") };
        let chain: Vec<Link> = (1..=3).map(link).collect();
        let text = |of: &[Link]| {
            let lines: Vec<String> = of.iter().map(|link| format!("{} {}", link.hash, link.line)).collect();
            format!("EVIDENCE\n\n{CHAIN}\n{}\n", lines.join("\n"))
        };
        assert!(agrees(&text(&chain), &chain));
        // what came behind it is none of its business
        assert!(agrees(&text(&chain[..2]), &chain));
        assert!(!agrees(&text(&chain), &chain[..2]));
        assert!(!agrees(&text(&chain).replace("\"number\": 2", "\"number\": 7"), &chain));
        assert!(!agrees("EVIDENCE", &chain));
        assert!(!agrees(&text(&[]), &chain));
    }

    #[test]
    fn what_somebody_has_written_stays_in_its_line() {
        assert_eq!(plain("Otto\n-- chain --\n\u{2028}x"), "Otto -- chain -- x");
    }
}
