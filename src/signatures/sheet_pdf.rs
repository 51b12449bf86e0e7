//! The evidence sheet as people read it: a PDF, set as the client's letters look. It says what the text says, and names the
//! text's own hash; what is computed again is the text.

use backoffice_letters::long_date;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Datelike;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::event::{Link, links};
use super::evidence::{KIND, SignatureEvidence, kept, measured, moment, plain, reserved};
use super::mails::Of;
use super::request::{SignatureRequest, of_job};
use super::signer::{OfRequest, SignatureSigner};
use crate::correspondence::branding::{Look, look, picture};
use crate::correspondence::typesetter::NotSet;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{Bytes, FilePurpose, Files, Reserved, not_written};
use crate::platform::jobs::{Halt, JobContext};
use crate::platform::scalars::DateTime;
use crate::platform::signing;
use crate::platform::sql::sql;

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Bool)]
    kept: bool,
}

/// An event as people read it: its number, when it was, what happened and whose doing it was.
fn told(link: &Link) -> String {
    let said: Value = serde_json::from_str(&link.line).unwrap_or_default();
    let of = |name: &str| plain(said.get(name).and_then(Value::as_str).unwrap_or_default());
    let signer = said.get("signer").and_then(Value::as_i64).map(|number| format!(" (signer {number})"));
    let from = Some(of("address")).filter(|address| !address.is_empty()).map(|address| format!(", from {address}"));
    format!(
        "{}. {} {}: {}{}{}\n{}",
        link.number,
        of("at"),
        of("kind").replace('_', " "),
        of("name"),
        signer.unwrap_or_default(),
        from.unwrap_or_default(),
        link.hash
    )
}

/// What the sheet says, in paragraphs.
fn text(of: &SignatureRequest, signers: &[SignatureSigner], chain: &[Link], stored: bool, sha256: &str) -> String {
    let found = if stored {
        "The bytes kept by the server had this hash when this sheet was made."
    } else {
        "The bytes kept by the server did NOT have this hash when this sheet was made."
    };
    let mut parts = vec![
        format!("Request {}, asked for by {}", of.id, plain(&of.requested_by_name)),
        format!(
            "Document: {} ({}), version {}\nSHA-256 of its bytes:\n{}\n{found}",
            plain(&of.file_name),
            of.document_id,
            of.version_number,
            of.document_sha256
        ),
        KIND.replace('\n', " "),
        "SIGNERS".to_owned(),
    ];
    for one in signers {
        let by = if one.account_id.is_some() { "by account" } else { "by a link mailed to this address" };
        let at = |at: Option<DateTime>| at.map_or_else(|| "never".to_owned(), moment);
        parts.push(format!(
            "{}. {} <{}>, step {}\nopened {}\nsigned {} {by}\nas \"{}\"\ndeclaring \"{}\"",
            one.number,
            plain(&one.name),
            one.email,
            one.step,
            at(one.opened_at),
            at(one.acted_at),
            plain(one.typed_name.as_deref().unwrap_or_default()),
            plain(one.words.as_deref().unwrap_or_default())
        ));
    }
    parts.push("EVENTS\nEach with its hash, which covers all before it.".to_owned());
    parts.extend(chain.iter().map(told));
    parts.push(format!(
        "The text of this evidence sheet, from which every hash can be computed again, is kept as signatures.txt. Its SHA-256:\n{sha256}"
    ));
    parts.join("\n\n")
}

/// What the typesetter is told.
fn job(look: &Look, logo: Option<Value>, of: &SignatureRequest, text: &str, at: DateTime) -> Value {
    let day = at.0.date_naive();
    json!({
        "language": "en", "sender": look.sender, "sender_line": look.sender_line, "recipient": [plain(&of.requested_by_name), look.sender],
        "reference": [["Date", long_date("en", day.year(), day.month(), day.day())]],
        "subject": format!("Evidence of signatures: {}", plain(&of.title)), "text": text, "color": look.color, "footer": look.footer,
        "page_word": "Page", "day": [day.year(), day.month(), day.day()], "logo": logo,
    })
}

async fn logo(tx: &Tx, files: &Files, look: &Look) -> Result<Option<Value>> {
    let Some(id) = look.logo else { return Ok(None) };
    // A logo that is gone takes no evidence with it.
    let Some(file) = kept(tx, id).await? else { return Ok(None) };
    let Some(format) = picture(&file) else { return Ok(None) };
    let pieces: Vec<Bytes> = files.bytes(&file, None).await?.try_collect().await?;
    Ok(Some(json!({ "format": format, "data": STANDARD.encode(pieces.concat()) })))
}

impl SignatureEvidence {
    /// What the typesetter is told, and who may read what comes of it; nothing if there is no sheet, or a PDF of it already.
    async fn printed(&self, tx: &Tx, of: Of) -> Result<Option<(String, Reserved)>> {
        let Some(request) = of_job(tx, of.request).await? else { return Ok(None) };
        let (Some(sha256), None) = (request.evidence_sha256.clone(), request.evidence_pdf_file_id) else {
            return Ok(None);
        };
        let signers = OfRequest::fetch(tx, vec![request.id]).await?.remove(&request.id).unwrap_or_default();
        let chain = links(tx, request.id).await?;
        let stored = measured(tx, &self.files, request.file_id).await?;
        let stored = stored.is_some_and(|found| found == request.document_sha256);
        let look = look(tx).await?;
        let logo = logo(tx, &self.files, &look).await?;
        let text = text(&request, &signers, &chain, stored, &sha256);
        let at = request.ended_at.unwrap_or(DateTime(tx.now()));
        Ok(Some((job(&look, logo, &request, &text, at).to_string(), reserved(&request))))
    }

    /// Has the PDF set and puts it beside the request. False if there is nothing to be set, or nothing that sets it.
    pub(super) async fn print(&self, context: &JobContext, of: Of) -> std::result::Result<bool, Halt> {
        // Setting PDF is an optional part of an installation; the sheet itself is there without it.
        if let Err(NotSet::Missing(_) | NotSet::Refused(_)) = self.typesetter.check() {
            tracing::info!("an evidence sheet stays a text: this server has no typesetter");
            return Ok(false);
        }
        let open = || signing::for_request(context.pools(), of.client, of.request, context.id().0);
        let tx = match open().await {
            Ok(tx) => tx,
            Err(Error::Forbidden(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let Some((told, reserved)) = self.printed(&tx, of).await? else {
            tx.finish(false).await?;
            return Ok(false);
        };
        let draft = self.files.begin(&tx, "signatures.pdf", FilePurpose::Attachment, &reserved).await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("the file of an evidence sheet was not announced").into());
        }
        let pdf = self.typesetter.set(&told).await.map_err(|why| match why {
            NotSet::Missing(why) => Halt::Later(why),
            NotSet::Refused(why) => Error::refuse(UserErrorCode::Invalid, "", why).into(),
        })?;
        let whole = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(pdf))]);
        let written = self.files.write(&draft, whole).await.map_err(not_written)?;
        let tx = open().await?;
        let file = self.files.finish(&tx, &draft, &written, None, &reserved).await?;
        let kept: Kept = tx
            .row(
                sql("SELECT practice.keep_signature_evidence_pdf($1, $2, $3) AS kept")
                    .bind::<SqlUuid, _>(of.request)
                    .bind::<SqlUuid, _>(file.id)
                    .bind::<Text, _>(written.sha256.clone()),
            )
            .await?;
        if tx.finish(kept.kept).await? == kept.kept {
            Ok(kept.kept)
        } else {
            Err(Error::fault("the PDF of an evidence sheet was not kept").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_with_its_hash() {
        let line = json!({ "number": 3, "kind": "link_revoked", "at": "2026-03-01T10:00:00.000000Z", "signer": 2,
                           "name": "Otto\nOutside", "address": "127.0.0.1" });
        let link = Link { number: 3, line: line.to_string(), hash: "ab".repeat(32) };
        let expected = format!(
            "3. 2026-03-01T10:00:00.000000Z link revoked: Otto Outside (signer 2), from 127.0.0.1\n{}",
            "ab".repeat(32)
        );
        assert_eq!(told(&link), expected);
        let bare = json!({ "kind": "sent", "at": "x", "signer": null, "name": "Ada", "address": null });
        assert_eq!(told(&Link { number: 1, line: bare.to_string(), hash: "h".to_owned() }), "1. x sent: Ada\nh");
    }
}
