//! How a mail becomes an entry of the register of one client.
//!
//! Its bytes are kept first, as files that were announced and count for nothing yet. Then one transaction makes them count,
//! takes the number, and writes the entry, what is known of the mail and what it says of a mail that was sent. Cut off
//! anywhere, it is done again from the beginning: what was announced is swept away, and what was committed is known by the
//! mail's key, which only one row can have.

use std::io::Read;
use std::path::PathBuf;

use backoffice_mail_reader::{Delivery, Head, Mail, Piece, Sealing, differs, in_subject, safe_name};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use futures_util::Stream;
use uuid::Uuid;

use super::received::CorrespondenceSealing;
use crate::correspondence::entry::{CorrespondenceChannel, CorrespondenceDirection, CorrespondenceEntry};
use crate::correspondence::ids::CorrespondenceEntryId;
use crate::correspondence::register::{New, With, take_number, write};
use crate::documents::version::misleads;
use crate::finance::ids::{CustomerId, VendorId};
use crate::platform::can::Can;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::files::{self, Bytes, Draft, FilePurpose, Files, Reserved, Written, sniff};
use crate::platform::ids::new_uuid;
use crate::platform::inbound;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;
use crate::schema::{correspondence_file, correspondence_received};

/// The bytes of a mail that are read from its file at once.
const STEP: usize = 1 << 20;
/// The most characters of a media type that is kept as somebody said it.
const MOST_DECLARED: usize = 100;

/// A mail that has come, read.
#[derive(Debug)]
pub struct Strange {
    /// Where it lies.
    pub path: PathBuf,
    /// How it is known.
    pub head: Head,
    /// What it says.
    pub mail: Mail,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It stands in the register.
    Registered,
    /// It stands in the register, and of it only its head was read.
    Unread,
    /// It stood there before.
    Duplicate,
}

/// The key of a mail that was not here before; none if it was.
async fn fresh(tx: &Tx, head: &Head) -> Result<Option<String>> {
    let by_digest = format!("sha256:{}", head.digest);
    let keys = match &head.message_id {
        Some(id) => vec![id.clone(), format!("{id}#{}", head.digest)],
        None => vec![by_digest.clone()],
    };
    let known: Vec<(String, String)> = tx
        .rows(
            correspondence_received::table
                .filter(correspondence_received::tenant_id.eq(tx.tenant()?))
                .filter(correspondence_received::message_key.eq_any(&keys))
                .select((correspondence_received::message_key, correspondence_received::digest)),
        )
        .await?;
    if known.iter().any(|(_, digest)| *digest == head.digest) {
        return Ok(None);
    }
    // The first of its Message-ID, or another mail that bears it.
    Ok(keys.into_iter().find(|key| known.iter().all(|(taken, _)| taken != key)))
}

fn reserved() -> Reserved {
    Reserved { rights: vec![Can::CorrespondenceRead], only_for: None }
}

/// A file's bytes from the disk, piece by piece.
fn from_disk(path: PathBuf) -> impl Stream<Item = Result<Bytes>> + Unpin {
    let begin: Option<std::fs::File> = None;
    Box::pin(futures_util::stream::try_unfold(begin, move |file| {
        let path = path.clone();
        async move {
            let step = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
                let mut file = match file {
                    Some(file) => file,
                    None => match super::maildir::open(&path)? {
                        Some((file, _)) => file,
                        None => return Err(std::io::Error::other("it is no file any more")),
                    },
                };
                let mut piece = vec![0; STEP];
                let count = file.read(&mut piece)?;
                piece.truncate(count);
                Ok((piece, file))
            });
            let (piece, file) = step.await.map_err(Error::fault)?.map_err(Error::fault)?;
            Ok(if piece.is_empty() { None } else { Some((Bytes::from(piece), Some(file))) })
        }
    }))
}

/// The bytes of a mail and its files, kept and not yet counted.
struct Kept {
    raw: (Draft, Written),
    pieces: Vec<(Draft, Written, String, bool)>,
}

async fn committed(tx: Tx) -> Result<()> {
    if tx.finish(true).await? { Ok(()) } else { Err(Error::fault("a mail was not kept")) }
}

async fn keep(files: &Files, tx: Tx, strange: &Strange) -> Result<Kept> {
    let name = match strange.mail.subject.as_str() {
        "" => "mail.eml".to_owned(),
        subject => safe_name(&format!("{}.eml", subject.replace(['/', '\\'], "_")), 1, "message/rfc822"),
    };
    let raw = files.begin(&tx, &name, FilePurpose::Attachment, &reserved()).await?;
    let mut drafts = Vec::with_capacity(strange.mail.pieces.len());
    for piece in &strange.mail.pieces {
        drafts.push(files.begin(&tx, &piece.name, FilePurpose::Attachment, &reserved()).await?);
    }
    committed(tx).await?;
    // No connection is held while bytes go to the store.
    let written = files.write(&raw, from_disk(strange.path.clone())).await.map_err(files::not_written)?;
    let mut pieces = Vec::with_capacity(drafts.len());
    for (draft, piece) in drafts.into_iter().zip(&strange.mail.pieces) {
        let whole = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(piece.bytes.clone()))]);
        let written = files.write(&draft, whole).await.map_err(files::not_written)?;
        let (declared, lies) = declared(piece, written.media_type);
        pieces.push((draft, written, declared, lies));
    }
    Ok(Kept { raw: (raw, written), pieces })
}

/// What a sender says that a file is, and whether he or its name says something else than its bytes.
fn declared(piece: &Piece, found: &str) -> (String, bool) {
    let said: String = piece.declared.chars().take(MOST_DECLARED).collect();
    let lies = differs(&said, found) || (found != sniff::UNKNOWN && misleads(&piece.name, found));
    (if said.is_empty() { sniff::UNKNOWN.to_owned() } else { said }, lies)
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Who the sender is: the one customer or vendor of that address, or whoever he says that he is.
async fn sender(tx: &Tx, mail: &Mail) -> Result<With> {
    let mut with = With { email: mail.from_address.clone(), ..With::default() };
    let said = if mail.from_name.is_empty() { mail.from_address.clone() } else { Some(mail.from_name.clone()) };
    with.name = said.unwrap_or_else(|| "(unknown sender)".to_owned()).chars().take(200).collect();
    let Some(address) = &mail.from_address else { return Ok(with) };
    let mut found: Vec<Known> = tx
        .rows(
            sql("SELECT 'customer' AS kind, c.id, c.name FROM finance.customer c WHERE c.tenant_id = $1 AND lower(btrim(c.email)) = $2
                 UNION ALL
                 SELECT 'vendor', v.id, v.name FROM finance.vendor v WHERE v.tenant_id = $1 AND lower(btrim(v.email)) = $2
                 LIMIT 2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Text, _>(address.clone()),
        )
        .await?;
    // Two of one address: nobody can tell who has written.
    if let (Some(one), true) = (found.pop(), found.is_empty()) {
        match one.kind.as_str() {
            "customer" => with.customer = Some(CustomerId(one.id)),
            _ => with.vendor = Some(VendorId(one.id)),
        }
        with.name = one.name.chars().take(200).collect();
    }
    Ok(with)
}

#[derive(QueryableByName)]
struct Answered {
    #[diesel(sql_type = SqlUuid)]
    id: CorrespondenceEntryId,
    #[diesel(sql_type = SqlUuid)]
    thread_id: CorrespondenceEntryId,
}

/// What a mail answers: by the Message-IDs that it names, or by a number of the register in its subject.
async fn answered(tx: &Tx, mail: &Mail) -> Result<Option<(CorrespondenceEntryId, CorrespondenceEntryId)>> {
    let mut ids: Vec<String> = mail.report.iter().filter_map(|report| report.about.clone()).collect();
    ids.extend(mail.answers.iter().cloned());
    let by_id: Vec<Answered> = tx
        .rows(
            sql("SELECT e.id, e.thread_id FROM unnest($2::text[]) WITH ORDINALITY AS a (message_id, place)
                  CROSS JOIN LATERAL (
                    SELECT m.entry_id FROM practice.correspondence_mail m WHERE m.tenant_id = $1 AND m.message_id = a.message_id
                    UNION ALL
                    SELECT r.entry_id FROM practice.correspondence_received r WHERE r.tenant_id = $1 AND r.message_id = a.message_id) f
                   JOIN practice.correspondence e ON e.tenant_id = $1 AND e.id = f.entry_id AND e.state = 'registered'
                  ORDER BY a.place, e.id LIMIT 1")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<Text>, _>(ids),
        )
        .await?;
    let mut found = by_id.into_iter().next();
    let numbers = in_subject(&mail.subject);
    if found.is_none() && !numbers.is_empty() {
        let by_number: Vec<Answered> = tx
            .rows(
                sql("SELECT e.id, e.thread_id FROM unnest($2::text[]) WITH ORDINALITY AS a (number, place)
                       JOIN practice.correspondence e ON e.tenant_id = $1 AND e.number = a.number AND e.state = 'registered'
                      ORDER BY a.place LIMIT 1")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Text>, _>(numbers),
            )
            .await?;
        found = by_number.into_iter().next();
    }
    Ok(found.map(|found| (found.id, found.thread_id)))
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = SqlUuid)]
    entry_id: Uuid,
}

/// Writes down what a mail server says of a mail that was sent. Failed is its last word.
async fn told(tx: &Tx, mail: &Mail) -> Result<()> {
    let Some(report) = &mail.report else { return Ok(()) };
    let Some(about) = &report.about else { return Ok(()) };
    let delivery = match report.delivery {
        Delivery::Delivered => "delivered",
        Delivery::Delayed => "delayed",
        Delivery::Failed => "failed",
    };
    let changed: Vec<Told> = tx
        .rows(
            sql("UPDATE practice.correspondence_mail m SET delivery = $3, delivery_note = $4, delivery_told_at = now()
                  WHERE m.tenant_id = $1 AND m.message_id = $2 AND m.delivery <> 'failed'
                    AND NOT (m.delivery = 'delivered' AND $3 = 'delayed')
                 RETURNING m.entry_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Text, _>(about.clone())
            .bind::<Text, _>(delivery)
            .bind::<Nullable<Text>, _>(Some(report.note.clone()).filter(|note| !note.is_empty())),
        )
        .await?;
    for one in changed {
        emit(tx, EventKind::CorrespondenceUpdated, one.entry_id);
    }
    Ok(())
}

/// Writes the row by which the mail is known again. False if another process has written it.
async fn note(
    tx: &Tx,
    entry: &CorrespondenceEntry,
    address: Option<Uuid>,
    key: &str,
    strange: &Strange,
    raw: files::FileId,
) -> Result<bool> {
    let (mail, head) = (&strange.mail, &strange.head);
    let mut notes = mail.notes.clone();
    if head.message_id.as_deref().is_some_and(|id| id != key) {
        notes.push("Another mail came before under the same Message-ID.".to_owned());
    }
    let sealing = match mail.sealing {
        Sealing::None => CorrespondenceSealing::None,
        Sealing::Signed => CorrespondenceSealing::Signed,
        Sealing::Encrypted => CorrespondenceSealing::Encrypted,
    };
    let written_at = mail.written_at.and_then(|at| chrono::DateTime::from_timestamp(at, 0));
    let put = tx
        .exec(
            diesel::insert_into(correspondence_received::table)
                .values((
                    correspondence_received::tenant_id.eq(tx.tenant()?),
                    correspondence_received::id.eq(new_uuid()),
                    correspondence_received::entry_id.eq(entry.id),
                    correspondence_received::address_id.eq(address),
                    correspondence_received::message_key.eq(key),
                    correspondence_received::message_id.eq(head.message_id.clone()),
                    correspondence_received::digest.eq(head.digest.clone()),
                    correspondence_received::sender_name.eq(mail.from_name.clone()),
                    correspondence_received::written_at.eq(written_at),
                    correspondence_received::automatic.eq(mail.is_automatic),
                    correspondence_received::sealing.eq(sealing),
                    correspondence_received::problem.eq(mail.problem.map(|problem| problem.to_string())),
                    correspondence_received::notes.eq(notes),
                    correspondence_received::raw_file_id.eq(raw),
                ))
                .on_conflict_do_nothing(),
        )
        .await?;
    Ok(put == 1)
}

/// Registers a mail with one client, unless it was registered there before.
pub async fn take(
    pools: &Pools,
    files: &Files,
    client: Uuid,
    address: Option<Uuid>,
    strange: &Strange,
) -> Result<Taken> {
    let run = new_uuid();
    let tx = inbound::open(pools, client, address, run).await?;
    if fresh(&tx, &strange.head).await?.is_none() {
        tx.finish(false).await?;
        return Ok(Taken::Duplicate);
    }
    let kept = keep(files, tx, strange).await?;
    let tx = inbound::open(pools, client, address, run).await?;
    let done = register(&tx, files, address, strange, kept).await;
    match done {
        Ok(Taken::Duplicate) => {
            tx.finish(false).await?;
            Ok(Taken::Duplicate)
        }
        Ok(taken) => committed(tx).await.map(|()| taken),
        Err(error) => {
            tx.finish(false).await?;
            Err(error)
        }
    }
}

async fn register(tx: &Tx, files: &Files, address: Option<Uuid>, strange: &Strange, kept: Kept) -> Result<Taken> {
    let mail = &strange.mail;
    let on_date = Date(tx.today());
    // Whoever registers at the same time waits here, and sees below what the other has written.
    let number = take_number(tx, CorrespondenceDirection::In, on_date).await?;
    let Some(key) = fresh(tx, &strange.head).await? else { return Ok(Taken::Duplicate) };
    let raw = files.finish_strange(tx, &kept.raw.0, &kept.raw.1, &reserved()).await?;
    let subject = if mail.subject.is_empty() { "(no subject)".to_owned() } else { mail.subject.clone() };
    let new = New {
        direction: CorrespondenceDirection::In,
        channel: CorrespondenceChannel::Mail,
        on_date,
        subject,
        body: mail.text.clone(),
        with: sender(tx, mail).await?,
        reply_to: answered(tx, mail).await?,
        about: None,
        visible: false,
        template_text: None,
    };
    let entry = write(tx, number, new).await?;
    for (draft, written, declared, lies) in &kept.pieces {
        let file = files.finish_strange(tx, draft, written, &reserved()).await?;
        tx.exec(diesel::insert_into(correspondence_file::table).values((
            correspondence_file::tenant_id.eq(tx.tenant()?),
            correspondence_file::id.eq(new_uuid()),
            correspondence_file::entry_id.eq(entry.id),
            correspondence_file::file_id.eq(file.id),
            correspondence_file::declared_type.eq(declared),
            correspondence_file::misleads.eq(*lies),
        )))
        .await?;
    }
    if !note(tx, &entry, address, &key, strange, raw.id).await? {
        return Ok(Taken::Duplicate);
    }
    told(tx, mail).await?;
    Ok(if mail.problem.is_some() { Taken::Unread } else { Taken::Registered })
}
