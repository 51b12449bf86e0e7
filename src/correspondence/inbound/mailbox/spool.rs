//! Where a mail lies on this machine while it is registered: a file that is whole before anybody reads it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use super::super::maildir::Maildir;
use super::super::outcome::on_disk;
use crate::platform::error::{Error, Result};

/// A mail that is being written.
pub(super) struct Spool {
    maildir: Maildir,
    name: OsString,
    file: Option<File>,
    size: u64,
}

impl Spool {
    /// A new file.
    pub(super) async fn begin(maildir: &Maildir) -> Result<Self> {
        let name = OsString::from(format!("{}.mailbox", uuid::Uuid::now_v7().simple()));
        let path = maildir.writing(&name);
        let file = on_disk(move || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)).await?;
        Ok(Self { maildir: maildir.clone(), name, file: Some(file), size: 0 })
    }

    /// How much was written.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Writes more of it.
    pub(super) async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        let mut file = self.file.take().ok_or_else(|| Error::fault("the file of a mail is closed"))?;
        self.size = self.size.saturating_add(bytes.len() as u64);
        self.file = Some(
            on_disk(move || {
                file.write_all(&bytes)?;
                Ok(file)
            })
            .await?,
        );
        Ok(())
    }

    /// All of it is there: its name in `new`.
    pub(super) async fn end(mut self) -> Result<OsString> {
        let (maildir, name) = (self.maildir.clone(), self.name.clone());
        let file = self.file.take().ok_or_else(|| Error::fault("the file of a mail is closed"))?;
        on_disk(move || {
            // A mail that is nobody's stays here alone: it has to outlast a power cut.
            file.sync_all()?;
            maildir.arrive(&name)
        })
        .await?;
        Ok(std::mem::take(&mut self.name))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = std::fs::remove_file(self.maildir.writing(&self.name));
        }
    }
}

/// Takes a mail away that stands in the register.
pub(super) async fn remove(maildir: &Maildir, name: &OsStr) -> Result<()> {
    let (maildir, name) = (maildir.clone(), name.to_owned());
    on_disk(move || maildir.forget(&name)).await
}
