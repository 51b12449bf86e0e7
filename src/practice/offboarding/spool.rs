//! Lines of a part until it is known how many bytes they are: in memory as long as they are few, then in a file that has
//! no name any more.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use sha2::{Digest, Sha256};

use crate::platform::error::{Error, Result};
use crate::platform::files::store::hex;

/// How much of a part is kept in memory.
const IN_MEMORY: usize = 4 * 1024 * 1024;
/// How much of it is read at once.
pub(super) const PIECE: usize = 1024 * 1024;

/// A part while it is written.
#[derive(Default)]
pub(super) struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    hash: Sha256,
    bytes: u64,
    rows: u64,
}

/// A part that is complete, to be read once.
pub(super) struct Spooled {
    memory: Vec<u8>,
    file: Option<File>,
    /// How many bytes.
    pub bytes: u64,
    /// How many lines.
    pub rows: u64,
    /// The SHA-256 of its bytes.
    pub sha256: String,
}

fn unnamed() -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("backoffice-archive-{}", uuid::Uuid::now_v7().simple()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A piece of work on the thread for such work.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::fault)?.map_err(Error::fault)
}

impl Spool {
    /// Adds a line.
    pub async fn line(&mut self, line: &str) -> Result<()> {
        self.memory.extend_from_slice(line.as_bytes());
        self.memory.push(b'\n');
        self.rows = self.rows.saturating_add(1);
        if self.memory.len() > IN_MEMORY { self.spill().await } else { Ok(()) }
    }

    fn count(&mut self) {
        self.hash.update(&self.memory);
        self.bytes = self.bytes.saturating_add(u64::try_from(self.memory.len()).unwrap_or(u64::MAX));
    }

    async fn spill(&mut self) -> Result<()> {
        self.count();
        let (memory, file) = (std::mem::take(&mut self.memory), self.file.take());
        let file = apart(move || {
            let mut file = match file {
                Some(file) => file,
                None => unnamed()?,
            };
            file.write_all(&memory)?;
            Ok(file)
        });
        self.file = Some(file.await?);
        Ok(())
    }

    /// Ends the part.
    pub async fn end(mut self) -> Result<Spooled> {
        if self.file.is_some() {
            self.spill().await?;
        } else {
            self.count();
        }
        let file = match self.file.take() {
            None => None,
            Some(mut file) => Some(apart(move || file.seek(SeekFrom::Start(0)).map(|_| file)).await?),
        };
        Ok(Spooled {
            memory: self.memory,
            file,
            bytes: self.bytes,
            rows: self.rows,
            sha256: hex(&self.hash.finalize()),
        })
    }
}

impl Spooled {
    /// Its next bytes; none at the end.
    pub async fn piece(&mut self) -> Result<Vec<u8>> {
        let Some(mut file) = self.file.take() else { return Ok(std::mem::take(&mut self.memory)) };
        let (file, piece) = apart(move || {
            let mut piece = Vec::new();
            Read::by_ref(&mut file).take(u64::try_from(PIECE).unwrap_or_default()).read_to_end(&mut piece)?;
            Ok((file, piece))
        })
        .await?;
        self.file = Some(file);
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn spooled(line: &str, lines: usize) -> (Spooled, Vec<u8>) {
        let mut spool = Spool::default();
        for _ in 0..lines {
            spool.line(line).await.unwrap();
        }
        let mut spooled = spool.end().await.unwrap();
        let mut read = Vec::new();
        loop {
            let piece = spooled.piece().await.unwrap();
            if piece.is_empty() {
                return (spooled, read);
            }
            read.extend(piece);
        }
    }

    #[tokio::test]
    async fn few_lines_and_many_come_back_as_they_were() {
        for (line, lines) in [("{}", 0), ("{\"id\": 1}", 3), (&"x".repeat(1000), 10_000)] {
            let (spooled, read) = spooled(line, lines).await;
            assert_eq!(read, format!("{line}\n").repeat(lines).into_bytes());
            assert_eq!((spooled.rows, spooled.bytes), (lines as u64, read.len() as u64));
            assert_eq!(spooled.sha256, hex(&Sha256::digest(&read)));
        }
    }
}
