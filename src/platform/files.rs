//! Files of a client: what is known of them in the database, their bytes in the object store.
//!
//! A file comes in three steps: the row and a signed address (`fileUploadCreate`), the bytes by PUT, and
//! `fileUploadComplete`. Nothing counts as a file before its bytes lie in the store, whole and with the announced size and
//! SHA-256, and the check of the quarantine has let them through. The server's own files are made by [`Files::begin`],
//! [`Files::write`] and [`Files::finish`]. What a file is is found in its bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::SimpleObject;
use chrono::TimeDelta;
use diesel::prelude::*;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use uuid::Uuid;

use super::can::Can;
use super::db::Tx;
use super::entity::Fetch;
use super::error::{Error, Result, UserErrorCode};
use super::ids::new_uuid;
use super::scalars::DateTime;
use super::scope::Caller;
use super::seal::Seals;
use crate::schema::file;

pub mod api;
mod keep;
mod settings;
pub mod sniff;
pub mod store;
pub mod ticket;
pub mod watch;

pub use api::{FileMutation, FileQuery};
pub use keep::{FileDeleteInput, FileDeletePayload};
pub use settings::{Reading, Settings};
pub use store::{Bytes, Expected, NotKept, Place, S3, Store, Written};
use ticket::{Ticket, Verb};

crate::ids! {
    /// Names a file.
    FileId = "file";
}

crate::words! {
    /// What a file is for.
    FilePurpose {
        /// Belongs to a record or to nothing.
        Attachment = "attachment",
        /// To be read by an import.
        Import = "import",
        /// Written by an export. Only the server makes such files.
        Export = "export",
    }
}

crate::words! {
    /// How far a file has come.
    FileState {
        /// Its bytes have not come, or the upload was not completed.
        Pending = "pending",
        /// Its bytes are there and being checked.
        Quarantined = "quarantined",
        /// It can be used.
        Ready = "ready",
        /// The check has refused it; its bytes are gone.
        Refused = "refused",
    }
}

/// A file of the client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = file)]
#[graphql(complex)]
pub struct File {
    /// Global id.
    pub id: FileId,
    /// Its name, as it was given.
    pub name: String,
    /// What it is for.
    pub purpose: FilePurpose,
    /// How far it has come.
    pub state: FileState,
    #[graphql(skip)]
    object_key: String,
    /// Its size in bytes.
    pub size: Option<i64>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: Option<String>,
    /// What it is, found in its bytes; null before they have come.
    pub media_type: Option<String>,
    /// When its bytes had come; null before.
    pub received_at: Option<DateTime>,
    /// Why it was refused, if it was.
    pub refused_for: Option<String>,
    /// Of a pending file: until when its bytes can come. Of a ready one: when its bytes are removed; null: they stay.
    pub expires_at: Option<DateTime>,
    /// When its bytes were removed; null as long as they are there.
    pub removed_at: Option<DateTime>,
    /// When somebody deleted it; null if nobody did. From then on it cannot be used, and its bytes are removed within
    /// minutes.
    pub deleted_at: Option<DateTime>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// Who may have a file of the server's own, beyond whoever reads files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// Whoever holds all of these rights when he asks.
    pub rights: Vec<Can>,
    /// That actor alone; all who hold the rights if not said.
    pub only_for: Option<Uuid>,
}

impl Reserved {
    fn names(&self) -> Vec<&'static str> {
        self.rights.iter().map(|can| can.name()).collect()
    }
}

/// The client's files that the actor of a transaction may see.
macro_rules! readable {
    ($tx:expr) => {{
        use diesel::PgArrayExpressionMethods;
        let tx: &$crate::platform::db::Tx = $tx;
        tx.tells_own();
        let rights: Vec<&str> = tx.permissions().iter().map(|can| can.name()).collect();
        $crate::schema::file::table
            .filter($crate::schema::file::tenant_id.eq(tx.tenant()?))
            .filter($crate::schema::file::rights.is_contained_by(rights))
            .filter($crate::schema::file::only_for.is_null().or($crate::schema::file::only_for.eq(tx.actor())))
    }};
}
pub(crate) use readable;

impl Fetch for File {
    type Key = FileId;
    type Value = Self;
    const CAN: Can = Can::FileRead;

    async fn fetch(tx: &Tx, keys: Vec<FileId>) -> Result<HashMap<FileId, Self>> {
        let rows: Vec<Self> = tx.rows(readable!(tx).filter(file::id.eq_any(keys)).select(Self::as_select())).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl File {
    /// Whether its bytes can be taken.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.state == FileState::Ready && self.removed_at.is_none() && self.deleted_at.is_none()
    }

    fn bytes(&self) -> u64 {
        self.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default()
    }
}

/// The file of that id, or nothing if there is none that the actor may see.
pub async fn find(tx: &Tx, id: FileId) -> Result<Option<File>> {
    tx.maybe(readable!(tx).filter(file::id.eq(id)).select(File::as_select())).await
}

/// How long the bytes of an announced file can come.
const UPLOAD_OPEN: TimeDelta = TimeDelta::minutes(60);
/// How long a signed address is good.
const ADDRESS_OPEN: TimeDelta = TimeDelta::minutes(15);
/// Uploads that are taken at the same time, by this process and of one client.
const UPLOADS: (usize, usize) = (32, 8);

/// The files of this process: the store, and what signs addresses.
#[derive(Debug)]
pub struct Files {
    settings: Settings,
    store: Store,
    seals: Arc<Seals>,
    uploading: Arc<Mutex<HashMap<Uuid, usize>>>,
}

/// A file that the server itself writes: announced, its bytes on their way.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The file.
    pub id: FileId,
    object_key: String,
}

/// A file and its bytes.
pub struct Opened {
    /// The file.
    pub file: File,
    /// Its bytes.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

/// A place among those who bring bytes. Given back when dropped.
#[derive(Debug)]
pub struct Uploading {
    client: Uuid,
    all: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Drop for Uploading {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                all.remove(&self.client);
            }
        }
    }
}

impl Files {
    /// Opens the store.
    pub fn open(settings: Settings, seals: Arc<Seals>) -> Result<Arc<Self>> {
        super::tls::install();
        let store = Store::open(&settings.place)?;
        Ok(Arc::new(Self { settings, store, seals, uploading: Arc::default() }))
    }

    /// How files are kept.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A place among those who bring bytes; none while too many do.
    #[must_use]
    pub fn uploading(&self, client: Uuid) -> Option<Uploading> {
        let mut all = self.uploading.lock().unwrap_or_else(PoisonError::into_inner);
        let (most, most_of_one) = UPLOADS;
        if all.values().sum::<usize>() >= most || all.get(&client).is_some_and(|count| *count >= most_of_one) {
            return None;
        }
        let count = all.entry(client).or_default();
        *count = count.saturating_add(1);
        Some(Uploading { client, all: Arc::clone(&self.uploading) })
    }

    /// Announces a file that the server itself writes. Commit this before [`Files::write`]: a file that is never finished
    /// is then swept away, its bytes included. Nobody sees it but those for whom it is.
    pub async fn begin(&self, tx: &Tx, name: &str, purpose: FilePurpose, reserved: &Reserved) -> Result<Draft> {
        let announced = announce(tx, name, purpose, TimeDelta::hours(24), None, reserved).await?;
        Ok(Draft { id: announced.id, object_key: announced.object_key })
    }

    /// Writes the bytes of an announced file; needs no transaction, and should not be done inside of one. A second time
    /// replaces the first.
    pub async fn write<S, E>(&self, draft: &Draft, bytes: S) -> std::result::Result<Written, NotKept<E>>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    {
        let expected = Expected { most: i32::MAX as u64, ..Expected::default() };
        self.store.write(&draft.object_key, bytes, &expected).await
    }

    /// Makes the file count, in the same transaction as whatever else comes of it. Its bytes stay for that long; without
    /// an end if it is not said. Nobody sees it but those for whom it is.
    pub async fn finish(
        &self,
        tx: &Tx,
        draft: &Draft,
        written: &Written,
        keep: Option<TimeDelta>,
        reserved: &Reserved,
    ) -> Result<File> {
        self.finish_as(tx, draft, written, keep, reserved, FileState::Ready).await
    }

    /// The same for bytes that come from a stranger: if files are checked, it is quarantined first.
    pub async fn finish_strange(&self, tx: &Tx, draft: &Draft, written: &Written, reserved: &Reserved) -> Result<File> {
        let next = if self.settings.check.is_some() { FileState::Quarantined } else { FileState::Ready };
        self.finish_as(tx, draft, written, None, reserved, next).await
    }

    async fn finish_as(
        &self,
        tx: &Tx,
        draft: &Draft,
        written: &Written,
        keep: Option<TimeDelta>,
        reserved: &Reserved,
        next: FileState,
    ) -> Result<File> {
        let size = i64::try_from(written.size).map_err(Error::fault)?;
        let finished: Option<File> = tx
            .maybe(
                diesel::update(file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(draft.id)))
                    .filter(file::state.eq(FileState::Pending))
                    .set((
                        file::state.eq(next),
                        file::size.eq(size),
                        file::sha256.eq(&written.sha256),
                        file::media_type.eq(written.media_type),
                        file::received_at.eq(tx.now()),
                        file::expires_at.eq(keep.map(|keep| tx.now() + keep)),
                        file::rights.eq(reserved.names()),
                        file::only_for.eq(reserved.only_for),
                    ))
                    .returning(File::as_returning()),
            )
            .await?;
        finished.ok_or_else(|| Error::fault("a file was finished that is not pending"))
    }

    /// Makes a small file at once, in the transaction of whatever it belongs to.
    pub async fn put(
        &self,
        tx: &Tx,
        name: &str,
        purpose: FilePurpose,
        bytes: Vec<u8>,
        keep: Option<TimeDelta>,
    ) -> Result<File> {
        let reserved = Reserved::default();
        let draft = self.begin(tx, name, purpose, &reserved).await?;
        let whole = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(bytes))]);
        let written = self.write(&draft, whole).await.map_err(not_written)?;
        self.finish(tx, &draft, &written, keep, &reserved).await
    }

    /// A file that can be used, and its bytes. Nothing if there is no such file, or its bytes are not (or no longer) there.
    pub async fn read(&self, tx: &Tx, id: FileId) -> Result<Option<Opened>> {
        let Some(file) = find(tx, id).await?.filter(File::is_there) else { return Ok(None) };
        let bytes = self.store.read(&file.object_key, None).await?;
        Ok(Some(Opened { file, bytes }))
    }

    /// How many bytes lie in the store under that key, and the bytes; none if there are none.
    pub async fn stored(&self, key: &str) -> Result<Option<(u64, BoxStream<'static, Result<Bytes>>)>> {
        match self.store.size(key).await? {
            Some(size) => Ok(Some((size, self.store.read(key, None).await?))),
            None => Ok(None),
        }
    }

    /// The bytes of a file that can be used, or some of them: for the edge.
    pub async fn bytes(
        &self,
        file: &File,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.store.read(&file.object_key, range).await
    }

    /// A file of this machine with the bytes of one that can be used.
    pub async fn on_disk(&self, file: &File) -> Result<store::OnDisk> {
        self.store.on_disk(&file.object_key).await
    }

    /// Its first bytes.
    pub async fn head(&self, file: &File) -> Result<Vec<u8>> {
        use futures_util::TryStreamExt;
        let most = file.bytes().min(sniff::HEAD_BYTES as u64);
        if most == 0 {
            return Ok(Vec::new());
        }
        let pieces: Vec<Bytes> = self.store.read(&file.object_key, Some(0..most)).await?.try_collect().await?;
        Ok(pieces.concat())
    }

    /// The bytes under a key that the database gave for somebody without a sign-in.
    pub async fn bytes_at(&self, object_key: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.store.read(object_key, None).await
    }

    /// Takes the bytes of an announced file: for the edge.
    pub async fn receive<S, E>(&self, file: &File, bytes: S) -> std::result::Result<Written, NotKept<E>>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    {
        let expected =
            Expected { most: self.settings.most_bytes, size: Some(file.bytes()), sha256: file.sha256.clone() };
        self.store.write(&file.object_key, bytes, &expected).await
    }

    /// Takes bytes away that nobody asks for any more: for the edge.
    pub async fn drop_bytes(&self, file: &File) -> Result<()> {
        self.store.remove(&file.object_key).await
    }

    /// What an address says, if this server has signed it.
    pub fn ticket(&self, text: &str) -> std::result::Result<Ticket, ticket::BadTicket> {
        Ticket::read(text, &self.seals, chrono::Utc::now().timestamp())
    }

    /// A signed address for that caller, and until when it is good.
    pub fn address(&self, caller: &Caller, tx: &Tx, file: &File, verb: Verb) -> Result<(String, DateTime)> {
        let (actor, session) = match caller {
            Caller::Person { account, session, .. } => (*account, Some(*session)),
            Caller::Service { account, .. } => (*account, None),
            // An address belongs to somebody who comes back with it.
            Caller::Job { .. } => return Err(Error::BadInput("A job takes files without an address.".to_owned())),
            Caller::Nobody | Caller::Invalid(_) => return Err(Error::Unauthenticated("Sign in first.")),
        };
        // Whole seconds: what is said is what is signed.
        let expires_at_s = (chrono::Utc::now() + ADDRESS_OPEN).timestamp();
        let ticket =
            Ticket { verb, actor, session, client: tx.tenant()?, file: file.id.0, size: file.bytes(), expires_at_s };
        let text = ticket.write(&self.seals).ok_or_else(|| Error::fault("no key seals addresses"))?;
        let base = self.settings.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
        let until = chrono::DateTime::from_timestamp(expires_at_s, 0).unwrap_or_default();
        Ok((format!("{base}/files/{text}"), DateTime(until)))
    }
}

/// Why a file of the server's own could not be written.
#[must_use]
pub fn not_written(reason: NotKept<Error>) -> Error {
    match reason {
        NotKept::Source(error) | NotKept::Store(error) => error,
        NotKept::TooLarge => Error::refuse(UserErrorCode::Invalid, "", "The file becomes larger than 2 GiB."),
        NotKept::TooSmall | NotKept::OtherBytes => Error::fault("a file of the server's own was not as expected"),
    }
}

/// A new row: the key of its bytes is the client's prefix and 256 random bits.
async fn announce(
    tx: &Tx,
    name: &str,
    purpose: FilePurpose,
    open: TimeDelta,
    known: Option<(i64, String)>,
    reserved: &Reserved,
) -> Result<File> {
    let tenant = tx.tenant()?;
    let random = backoffice_credentials::random::<32>().map_err(Error::fault)?;
    let object_key = format!("{}/{}", tenant.simple(), store::hex(random.as_slice()));
    let (size, sha256) = known.unzip();
    tx.row(
        diesel::insert_into(file::table)
            .values((
                file::tenant_id.eq(tenant),
                file::id.eq(new_uuid()),
                file::name.eq(name.to_owned()),
                file::purpose.eq(purpose),
                file::state.eq(FileState::Pending),
                file::object_key.eq(object_key),
                file::size.eq(size),
                file::sha256.eq(sha256),
                file::expires_at.eq(tx.now() + open),
                file::rights.eq(reserved.names()),
                file::only_for.eq(reserved.only_for),
            ))
            .returning(File::as_returning()),
    )
    .await
}

/// Notes that the bytes of an announced file have come. False if there is no such file any more.
pub async fn received(tx: &Tx, id: FileId, written: &Written) -> Result<bool> {
    let one = || -> Result<_> { Ok(file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(id))) };
    let noted = tx
        .exec(
            diesel::update(
                one()?
                    .filter(file::state.eq(FileState::Pending))
                    .filter(file::received_at.is_null())
                    .filter(file::deleted_at.is_null()),
            )
            .set((file::received_at.eq(tx.now()), file::media_type.eq(written.media_type))),
        )
        .await?;
    // Somebody was quicker with the same bytes: they are checked before they are kept.
    let same = |file: File| file.deleted_at.is_none() && file.sha256.as_ref() == Some(&written.sha256);
    Ok(noted == 1 || find(tx, id).await?.is_some_and(same))
}
