//! Where bytes lie: a folder of this machine, or a store that speaks S3. An object is there whole or not at all.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use super::sniff;
use crate::platform::error::{Error, Result};

/// A piece of a file.
pub type Bytes = actix_web::web::Bytes;

/// The size of a part of an object in S3, whose parts are 5 MiB at least.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// The size of what is written to a folder at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// Where the bytes of files lie.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder of this machine; made if it is not there.
    Folder(PathBuf),
    /// A bucket of a store that speaks S3.
    S3(S3),
}

/// A bucket of a store that speaks S3. What is not said here is taken from the usual `AWS_…` environment.
#[derive(Clone, Debug, Default)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// What every object's name begins with.
    pub prefix: String,
    /// Where the store listens, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The access key's name and secret.
    pub key: Option<(String, secrecy::SecretString)>,
}

/// The store of one process.
#[derive(Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: String,
    part_bytes: usize,
    local: Option<LocalFileSystem>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256, in hexadecimal.
    pub sha256: String,
    /// What they are.
    pub media_type: &'static str,
}

/// What is known of bytes before they come.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// No more than these.
    pub most: u64,
    /// Exactly so many, if it is known.
    pub size: Option<u64>,
    /// With this SHA-256, if it is known.
    pub sha256: Option<String>,
}

/// Why bytes were not kept. Nothing of them lies in the store.
#[derive(Debug)]
pub enum NotKept<E> {
    /// More came than were announced, or than are taken.
    TooLarge,
    /// Fewer came than were announced.
    TooSmall,
    /// They are other bytes than were announced.
    OtherBytes,
    /// Whoever sent them stopped.
    Source(E),
    /// The store did not take them.
    Store(Error),
}

impl<E> From<object_store::Error> for NotKept<E> {
    fn from(error: object_store::Error) -> Self {
        Self::Store(Error::fault(error))
    }
}

impl Store {
    /// Opens the store. A folder is made, for nobody but this user, if it is not there.
    pub fn open(place: &Place) -> Result<Self> {
        match place {
            Place::Folder(folder) => {
                use std::os::unix::fs::DirBuilderExt;
                let unusable =
                    |error| Error::fault(format!("the folder of files {} cannot be used: {error}", folder.display()));
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
                let local = LocalFileSystem::new_with_prefix(folder).map_err(Error::fault)?.with_fsync(true);
                Ok(Self {
                    objects: Arc::new(local.clone()),
                    prefix: String::new(),
                    part_bytes: BLOCK_BYTES,
                    local: Some(local),
                })
            }
            Place::S3(bucket) => open_s3(bucket),
        }
    }

    fn path(&self, key: &str) -> Path {
        if self.prefix.is_empty() { Path::from(key) } else { Path::from(format!("{}/{key}", self.prefix)) }
    }

    /// Keeps the bytes under that key if they are what was expected. Nobody sees any of them before they are all there;
    /// given up in the middle, nothing stays.
    pub async fn write<S, E>(
        &self,
        key: &str,
        mut bytes: S,
        expected: &Expected,
    ) -> std::result::Result<Written, NotKept<E>>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    {
        let path = self.path(key);
        let (mut hash, mut head, mut size) = (Sha256::new(), Vec::new(), 0u64);
        let mut part: Vec<u8> = Vec::new();
        let mut upload = Upload(None);
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(NotKept::Source)?;
            size = size.saturating_add(piece.len() as u64);
            if size > expected.size.unwrap_or(expected.most).min(expected.most) {
                return Err(NotKept::TooLarge);
            }
            hash.update(&piece);
            head.extend(piece.iter().take(sniff::HEAD_BYTES.saturating_sub(head.len())));
            part.extend_from_slice(&piece);
            while part.len() >= self.part_bytes {
                let rest = part.split_off(self.part_bytes);
                let full = std::mem::replace(&mut part, rest);
                upload.begin(&*self.objects, &path).await?.put_part(PutPayload::from(full)).await?;
            }
        }
        if expected.size.is_some_and(|expected| size < expected) {
            return Err(NotKept::TooSmall);
        }
        let sha256 = hex(&hash.finalize());
        if expected.sha256.as_ref().is_some_and(|expected| *expected != sha256) {
            return Err(NotKept::OtherBytes);
        }
        match upload.0.as_mut() {
            None => {
                self.objects.put(&path, PutPayload::from(part)).await?;
            }
            Some(begun) => {
                if !part.is_empty() {
                    begun.put_part(PutPayload::from(part)).await?;
                }
                begun.complete().await?;
                upload.0 = None;
            }
        }
        Ok(Written { size, sha256, media_type: sniff::media_type(&head) })
    }

    /// The bytes under that key, or some of them.
    pub async fn read(
        &self,
        key: &str,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.objects.get_opts(&self.path(key), options).await.map_err(Error::fault)?;
        Ok(found.into_stream().map_err(Error::fault).boxed())
    }

    /// How many bytes lie under that key; none if there is nothing.
    pub async fn size(&self, key: &str) -> Result<Option<u64>> {
        match self.objects.head(&self.path(key)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::fault(error)),
        }
    }

    /// Takes the bytes away; content if there were none.
    pub async fn remove(&self, key: &str) -> Result<()> {
        match self.objects.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::fault(error)),
        }
    }

    /// Takes away what uploads have left in the folder that were cut off a day ago, by the end of their process for
    /// instance. A store that speaks S3 does the same by a rule of its own.
    pub async fn remove_leftovers(&self) -> Result<usize> {
        let Some(local) = &self.local else { return Ok(0) };
        let root = local.path_to_filesystem(&Path::from("x")).map_err(Error::fault)?;
        tokio::task::spawn_blocking(move || leftovers(root.parent()?).ok())
            .await
            .map(|removed| removed.unwrap_or_default())
            .map_err(Error::fault)
    }

    /// The bytes as a file of this machine, for a program that wants a path.
    pub async fn on_disk(&self, key: &str) -> Result<OnDisk> {
        if let Some(local) = &self.local {
            return Ok(OnDisk {
                path: local.path_to_filesystem(&self.path(key)).map_err(Error::fault)?,
                borrowed: true,
            });
        }
        let path = std::env::temp_dir().join(format!("backoffice-{}", uuid::Uuid::now_v7().simple()));
        let on_disk = OnDisk { path: path.clone(), borrowed: false };
        let mut bytes = self.read(key, None).await?;
        let mut file = {
            use std::os::unix::fs::OpenOptionsExt;
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(Error::fault)?
        };
        while let Some(piece) = bytes.try_next().await? {
            // a block at a time, on the thread for such work
            file = tokio::task::spawn_blocking(move || std::io::Write::write_all(&mut file, &piece).map(|()| file))
                .await
                .map_err(Error::fault)?
                .map_err(Error::fault)?;
        }
        Ok(on_disk)
    }
}

#[cfg(feature = "s3")]
fn open_s3(bucket: &S3) -> Result<Store> {
    use object_store::aws::AmazonS3Builder;
    use object_store::{ClientOptions, RetryConfig};
    use secrecy::ExposeSecret;

    // A slow reader makes the whole take long; what counts is that something comes.
    let client = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(Duration::from_secs(5))
        .with_read_timeout(Duration::from_secs(30));
    let retry = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
    let mut builder =
        AmazonS3Builder::from_env().with_bucket_name(&bucket.bucket).with_client_options(client).with_retry(retry);
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(region) = &bucket.region {
        builder = builder.with_region(region);
    }
    if let Some((name, secret)) = &bucket.key {
        builder = builder.with_access_key_id(name).with_secret_access_key(secret.expose_secret());
    }
    let objects = Arc::new(builder.build().map_err(Error::fault)?);
    Ok(Store { objects, prefix: bucket.prefix.clone(), part_bytes: PART_BYTES, local: None })
}

#[cfg(not(feature = "s3"))]
fn open_s3(bucket: &S3) -> Result<Store> {
    let _ = (PART_BYTES, Duration::ZERO);
    Err(Error::fault(format!(
        "files are to lie in s3://{}, but this program was built without the feature s3",
        bucket.bucket
    )))
}

/// A part that is being written is called like its object, `#` and a number.
fn leftovers(root: &FsPath) -> std::io::Result<usize> {
    const OLD: Duration = Duration::from_secs(24 * 3600);
    let mut removed: usize = 0;
    for client in std::fs::read_dir(root)?.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        for entry in std::fs::read_dir(client.path())?.flatten() {
            let is_part = entry.file_name().to_string_lossy().contains('#');
            let is_old = || {
                entry
                    .metadata()
                    .and_then(|found| found.modified())
                    .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD))
            };
            if is_part && is_old() && std::fs::remove_file(entry.path()).is_ok() {
                removed = removed.saturating_add(1);
            }
        }
    }
    Ok(removed)
}

/// An object on its way in parts. Given up, its parts are taken away.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    async fn begin(
        &mut self,
        objects: &dyn ObjectStore,
        path: &Path,
    ) -> object_store::Result<&mut Box<dyn MultipartUpload>> {
        let begun = match self.0.take() {
            Some(begun) => begun,
            None => objects.put_multipart(path).await?,
        };
        Ok(self.0.insert(begun))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut begun) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                if let Err(error) = begun.abort().await {
                    tracing::debug!(%error, "parts of an upload that was given up may be left");
                }
            });
        }
    }
}

/// A file of this machine; taken away when dropped, unless it is the store's own.
#[derive(Debug)]
pub struct OnDisk {
    path: PathBuf,
    borrowed: bool,
}

impl OnDisk {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &FsPath {
        &self.path
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        if !self.borrowed {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn pieces(pieces: &[&[u8]]) -> impl Stream<Item = std::result::Result<Bytes, ()>> + Unpin {
        stream::iter(pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>())
    }

    fn store() -> (Store, PathBuf) {
        let folder = std::env::temp_dir().join(format!("backoffice-store-{}", uuid::Uuid::now_v7()));
        (Store::open(&Place::Folder(folder.clone())).unwrap(), folder)
    }

    fn left(folder: &FsPath) -> usize {
        std::fs::read_dir(folder).unwrap().flatten().map(|entry| std::fs::read_dir(entry.path()).unwrap().count()).sum()
    }

    #[tokio::test]
    async fn what_was_written_is_read_in_whole_or_in_part() {
        let (store, folder) = store();
        let large = vec![7u8; BLOCK_BYTES + 3];
        let expected = Expected { most: 1 << 20, ..Expected::default() };
        let written = store.write("a/b", pieces(&[b"%PDF-", &large]), &expected).await.unwrap();
        assert_eq!((written.size, written.media_type), (large.len() as u64 + 5, "application/pdf"));
        assert_eq!(written.sha256, hex(&Sha256::new().chain_update(b"%PDF-").chain_update(&large).finalize()));
        let read: Vec<Bytes> = store.read("a/b", Some(3..7)).await.unwrap().try_collect().await.unwrap();
        assert_eq!(read.concat(), b"F-\x07\x07");
        assert_eq!(store.size("a/b").await.unwrap(), Some(written.size));
        store.remove("a/b").await.unwrap();
        store.remove("a/b").await.unwrap();
        assert_eq!(store.size("a/b").await.unwrap(), None);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn what_is_not_as_expected_leaves_nothing() {
        let (store, folder) = store();
        let block = vec![1u8; BLOCK_BYTES];
        store.write("a/good", pieces(&[b"x"]), &Expected { most: 9, ..Expected::default() }).await.unwrap();
        let most = 10 * BLOCK_BYTES as u64;
        let wrong = [
            Expected { most: 5, ..Expected::default() },
            Expected { most, size: Some(2 * BLOCK_BYTES as u64 - 1), ..Expected::default() },
            Expected { most, size: Some(2 * BLOCK_BYTES as u64 + 1), ..Expected::default() },
            Expected { most, size: None, sha256: Some("00".repeat(32)) },
        ];
        for expected in wrong {
            let refused = store.write("a/b", pieces(&[&block, &block]), &expected).await;
            assert!(!matches!(refused, Ok(_) | Err(NotKept::Store(_))), "{expected:?}: {refused:?}");
            assert_eq!(store.size("a/b").await.unwrap(), None);
        }
        let broken = stream::iter([Ok(Bytes::from(block)), Err(())]);
        assert!(matches!(
            store.write("a/b", broken, &Expected { most, ..Expected::default() }).await,
            Err(NotKept::Source(()))
        ));
        for _ in 0..100 {
            if left(&folder) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(left(&folder), 1, "parts of a file are left");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
