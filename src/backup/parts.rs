//! The files of a backup: copied, kept on the disk, and compared with their checksums.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{Manifest, Part};
use super::{BackupError, doing};

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// A new folder that nobody else can enter: a backup holds the clients' books and the keys that sign tokens.
pub fn make_private_folder(folder: &Path) -> Result<(), BackupError> {
    let parent = folder.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(doing(format!("make {}", parent.display())))?;
    DirBuilder::new().mode(0o700).create(folder).map_err(doing(format!("make {}", folder.display())))
}

/// Writes a small file so that it survives a power cut.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let done = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    done().map_err(doing(format!("write {}", path.display())))
}

/// Puts a file that is complete onto the disk, and reads it back for its checksum.
pub fn seal(folder: &Path, path: &Path) -> Result<Part, BackupError> {
    let full = folder.join(path);
    let done = || -> io::Result<(u64, String)> {
        let file = File::open(&full)?;
        file.sync_all()?;
        through(file, io::sink())
    };
    let (bytes, sha256) = done().map_err(doing(format!("read {}", full.display())))?;
    Ok(Part { path: named(path)?, bytes, sha256 })
}

/// Copies every file below `from`, which may be missing, to `to.join(below)`. Symbolic links are not followed. A file that
/// goes away while we look was of no use any more.
pub fn copy_folder(from: &Path, to: &Path, below: &Path, parts: &mut Vec<Part>) -> Result<(), BackupError> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(doing(format!("read {}", from.display())))?,
    };
    let folder = to.join(below);
    make_private_folder(&folder)?;
    let mut names: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    names.sort();
    for path in names {
        let (Some(name), Ok(found)) = (path.file_name(), fs::symlink_metadata(&path)) else { continue };
        let below = below.join(name);
        if found.is_dir() {
            copy_folder(&path, to, &below, parts)?;
        } else if found.is_file() {
            let target = to.join(&below);
            let copied = || -> io::Result<(u64, String)> {
                let source = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path)?;
                let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target)?;
                let read = through(source, &mut copy)?;
                copy.sync_all()?;
                Ok(read)
            };
            match copied() {
                Ok((bytes, sha256)) => parts.push(Part { path: named(&below)?, bytes, sha256 }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(doing(format!("copy {}", path.display()))(error)),
            }
        }
    }
    sync_folder(&folder)
}

/// Makes the names in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(doing(format!("keep {}", folder.display())))
}

/// Compares every file below a folder with what is told of it.
pub fn verify(folder: &Path, parts: &[Part]) -> Result<(), BackupError> {
    let damaged = |path: &str, how: &str| BackupError(format!("The backup is damaged: {path} {how}."));
    for part in parts {
        // A path of a manifest that was made by others must not lead out of the backup.
        if Path::new(&part.path).components().any(|step| !matches!(step, std::path::Component::Normal(_))) {
            return Err(damaged(&part.path, "is no name of a part"));
        }
        let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(folder.join(&part.path));
        let (bytes, sha256) = match opened.and_then(|file| through(file, io::sink())) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged(&part.path, "is missing")),
            Err(error) => return Err(doing(format!("read {} of the backup", part.path))(error)),
        };
        if bytes != part.bytes {
            return Err(damaged(&part.path, &format!("has {bytes} bytes instead of {}", part.bytes)));
        }
        if sha256 != part.sha256 {
            return Err(damaged(&part.path, "is not as it was written"));
        }
    }
    let told: HashMap<&str, ()> = parts.iter().map(|part| (part.path.as_str(), ())).collect();
    let mut found = Vec::new();
    list(folder, Path::new(""), &mut found)?;
    match found.iter().find(|path| !told.contains_key(path.as_str()) && !Manifest::is_own(path)) {
        Some(path) => Err(damaged(path, "is not one of its parts")),
        None => Ok(()),
    }
}

fn list(folder: &Path, below: &Path, found: &mut Vec<String>) -> Result<(), BackupError> {
    let here = folder.join(below);
    for entry in fs::read_dir(&here).map_err(doing(format!("read {}", here.display())))?.flatten() {
        let path = below.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(folder, &path, found)?;
        } else {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Passes everything on, and tells how much it was and its checksum.
fn through(mut from: impl Read, mut to: impl Write) -> io::Result<(u64, String)> {
    let (mut sum, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok((bytes, hex(&sum.finalize()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let got = piece.get(..read).unwrap_or_default();
        sum.update(got);
        to.write_all(got)?;
        bytes = bytes.saturating_add(read as u64);
    }
}

/// The path as the manifest writes it.
fn named(path: &Path) -> Result<String, BackupError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| BackupError(format!("{} is not UTF-8; a backup cannot name it.", path.display())))
}
