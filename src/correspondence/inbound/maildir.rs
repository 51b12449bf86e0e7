//! The folder into which a mail server lays mails: `new`, `cur`, and `unclaimed` for those that are nobody's. A mail is moved
//! out of `new` by one rename, after all that comes of it is kept; whoever dies in between leaves it where it was.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Names that are looked at together.
const MOST_NAMES: usize = 5_000;

/// A maildir.
#[derive(Clone, Debug)]
pub struct Maildir {
    root: PathBuf,
}

/// A mail in `new`.
#[derive(Debug)]
pub struct Lying {
    /// Where.
    pub path: PathBuf,
    /// All of it, or as much as was asked for.
    pub bytes: Vec<u8>,
    /// How large it is.
    pub size: u64,
    /// What follows the bytes.
    pub rest: File,
}

/// Held as long as no other process may take mails. The system takes it back from a process that dies.
#[derive(Debug)]
pub struct Hold(#[allow(dead_code, reason = "the file is the lock")] File);

impl Maildir {
    /// Opens it; what is missing of it is made, for nobody but this user.
    pub fn open(root: &Path) -> Result<Self> {
        for folder in ["new", "cur", "tmp", "unclaimed"] {
            DirBuilder::new().recursive(true).mode(0o700).create(root.join(folder))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Takes the mails for this process; none if another one has them.
    pub fn hold(&self) -> Result<Option<Hold>> {
        let path = self.root.join(".backoffice.lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Hold(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of what lies in `new`, the oldest first, as far as names tell.
    pub fn waiting(&self) -> Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.root.join("new"))?.take(MOST_NAMES) {
            let name = entry?.file_name();
            if !name.as_encoded_bytes().starts_with(b".") {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// A mail, its first bytes; none if it is no file, so that nothing is followed to anywhere else.
    pub fn read(&self, name: &OsStr, most: usize) -> Result<Option<Lying>> {
        let path = self.root.join("new").join(name);
        let Some((file, size)) = open(&path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let mut first = file.take(u64::try_from(most).unwrap_or(u64::MAX));
        first.read_to_end(&mut bytes)?;
        Ok(Some(Lying { path, bytes, size, rest: first.into_inner() }))
    }

    /// Where a mail lies while it is written.
    pub fn writing(&self, name: &OsStr) -> PathBuf {
        self.root.join("tmp").join(name)
    }

    /// A mail is written whole: it lies in `new` from now on.
    pub fn arrive(&self, name: &OsStr) -> Result<()> {
        std::fs::rename(self.writing(name), self.root.join("new").join(name))
    }

    /// Takes a mail away that lies in `new` and somewhere else.
    pub fn forget(&self, name: &OsStr) -> Result<()> {
        match std::fs::remove_file(self.root.join("new").join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes away what was being written and what lies in `new`: copies of what lies somewhere else.
    pub fn empty(&self) -> Result<()> {
        for folder in ["tmp", "new"] {
            for entry in std::fs::read_dir(self.root.join(folder))? {
                std::fs::remove_file(entry?.path())?;
            }
        }
        Ok(())
    }

    /// Moves a mail that is kept out of the way. Content if another process has done so.
    pub fn done(&self, name: &OsStr) -> Result<()> {
        let mut seen = name.to_owned();
        if !name.as_encoded_bytes().windows(3).any(|part| part == b":2,") {
            seen.push(":2,S");
        }
        self.carry(name, "cur", &seen)
    }

    /// Lays a mail aside, with the reason beside it.
    pub fn set_aside(&self, name: &OsStr, reason: &str) -> Result<()> {
        let folder = self.root.join("unclaimed");
        let mut beside = name.to_owned();
        beside.push(".reason");
        let written = self.root.join("tmp").join(&beside);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&written)?;
        file.write_all(format!("{reason}\n").as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&written, folder.join(&beside))?;
        self.carry(name, "unclaimed", name)
    }

    fn carry(&self, name: &OsStr, to: &str, as_name: &OsStr) -> Result<()> {
        let folder = self.root.join(to);
        let mut target = folder.join(as_name);
        // A name that was taken once is another mail's.
        if target.symlink_metadata().is_ok() {
            let mut other = as_name.to_owned();
            other.push(format!(".{}", uuid::Uuid::now_v7().simple()));
            target = folder.join(other);
        }
        match std::fs::rename(self.root.join("new").join(name), &target) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        File::open(&folder)?.sync_all()?;
        File::open(self.root.join("new"))?.sync_all()
    }
}

/// Opens a file, and nothing else.
pub fn open(path: &Path) -> Result<Option<(File, u64)>> {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK).bits());
    let flags = flags.map_err(Error::other)?;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        // A symbolic link, a socket.
        Err(error)
            if error.raw_os_error().is_some_and(|code| {
                code == rustix::io::Errno::LOOP.raw_os_error() || code == rustix::io::Errno::NXIO.raw_os_error()
            }) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let known = file.metadata()?;
    Ok(known.is_file().then_some((file, known.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_moved_once_and_nothing_is_followed() {
        let root = std::env::temp_dir().join(format!("maildir-{}", uuid::Uuid::now_v7().simple()));
        let maildir = Maildir::open(&root).unwrap();
        let hold = maildir.hold().unwrap();
        assert!(hold.is_some() && maildir.hold().unwrap().is_none());
        drop(hold);
        assert!(maildir.hold().unwrap().is_some());
        for (name, text) in [("2.b", "two"), ("1.a", "one"), (".hidden", "no"), ("3.c:2,F", "three")] {
            std::fs::write(root.join("new").join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", root.join("new/4.link")).unwrap();
        std::fs::create_dir(root.join("new/5.dir")).unwrap();
        let names = maildir.waiting().unwrap();
        assert_eq!(names, ["1.a", "2.b", "3.c:2,F", "4.link", "5.dir"]);
        let read = |name: &str, most| maildir.read(OsStr::new(name), most).unwrap();
        assert_eq!((read("1.a", 2).unwrap().bytes.as_slice(), read("1.a", 2).unwrap().size), (&b"on"[..], 3));
        assert!(read("4.link", 9).is_none() && read("5.dir", 9).is_none());
        maildir.done(OsStr::new("1.a")).unwrap();
        maildir.done(OsStr::new("1.a")).unwrap();
        maildir.done(OsStr::new("3.c:2,F")).unwrap();
        maildir.set_aside(OsStr::new("2.b"), "Nobody's.").unwrap();
        maildir.set_aside(OsStr::new("4.link"), "No file.").unwrap();
        assert_eq!(std::fs::read_to_string(root.join("cur/1.a:2,S")).unwrap(), "one");
        assert!(root.join("cur/3.c:2,F").exists() && root.join("unclaimed/2.b").exists());
        assert_eq!(std::fs::read_to_string(root.join("unclaimed/2.b.reason")).unwrap(), "Nobody's.\n");
        // The same name once more is another mail.
        std::fs::write(root.join("new/1.a"), "other").unwrap();
        maildir.done(OsStr::new("1.a")).unwrap();
        assert_eq!(std::fs::read_dir(root.join("cur")).unwrap().count(), 3);
        assert_eq!(maildir.waiting().unwrap(), ["5.dir"]);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
