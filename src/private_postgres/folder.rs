//! The data folder: who may use it, what lies where, one server at a time.
//!
//! When we are root, the folder `postgres` belongs to an account that we do not trust with root's rights. So nothing
//! in it is opened through a symbolic link, and only what was just made is given away.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::binaries::{self, Binaries};
use crate::error::StartError;
use crate::{Options, handshake, initialise, settings, system, tools};

/// What fits into `sun_path` with its closing zero: 108 bytes on Linux, 104 on macOS and the BSDs.
const LONGEST_SOCKET_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The log is moved to `postgres.log.1` when it passes this, so two files never hold more than twice as much.
const LONGEST_LOG_BYTES: u64 = 4 * 1024 * 1024;

/// A server that was just killed may hold the lock for a moment longer.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// One data folder, locked for us, with everything needed to run PostgreSQL on it.
#[derive(Debug)]
pub struct Cluster {
    pub options: Options,
    pub account: Account,
    pub binaries: Binaries,
    /// PostgreSQL's own folder of files.
    pub data: PathBuf,
    pub socket_dir: PathBuf,
    pub log_path: PathBuf,
    /// Closing it unlocks.
    _lock: File,
}

impl Cluster {
    /// Makes what is missing, takes the lock, initialises the cluster if there is none.
    pub fn open(options: Options) -> Result<Cluster, StartError> {
        let account = Account::for_home(&options.data_dir.join("postgres"));
        let data_dir = prepared(&options.data_dir, &account)?;
        let home = data_dir.join("postgres");
        let data = home.join("data");
        let lock = locked(&data_dir)?;

        // Programs before folders: a machine without PostgreSQL is told so and left as it was.
        let written_by = written_by(&data)?;
        let binaries = binaries::find(options.bin_dir.as_deref(), written_by.as_deref(), &data_dir)?;
        make_home(&home, &account).map_err(StartError::io(format!("make {}", home.display())))?;
        let log_path = home.join("postgres.log");
        let cluster = Cluster { options, account, binaries, data, socket_dir: home, log_path, _lock: lock };
        if written_by.is_none() {
            initialise::initialise(&cluster)?;
        }
        Ok(cluster)
    }

    /// The arguments that PostgreSQL gets.
    pub fn arguments(&self) -> Vec<String> {
        settings::arguments(&self.options, &self.data)
    }

    pub fn socket(&self) -> PathBuf {
        handshake::socket_in(&self.socket_dir)
    }

    /// A program of PostgreSQL, run as its account, out of reach of the terminal's Ctrl-C, with an environment that
    /// cannot change its settings.
    pub fn command(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt;

        let mut command = Command::new(program);
        tools::clean(&mut command);
        command.process_group(0);
        self.account.apply(&mut command);
        command
    }

    /// The log, for appending: PostgreSQL keeps writing at its end even after it was shortened.
    pub fn open_log(&self) -> io::Result<File> {
        let log = plain(OpenOptions::new().append(true).create(true).mode(0o600)).open(&self.log_path)?;
        self.account.give_file(&log)?;
        Ok(log)
    }

    /// Copies a log that has grown long and empties it. The running PostgreSQL notices nothing; a line that it writes
    /// between the two is lost, which a log of operations can bear.
    pub fn rotate_log(&self) -> io::Result<()> {
        if self.log_size() <= LONGEST_LOG_BYTES {
            return Ok(());
        }
        let older = self.log_path.with_extension("log.1");
        let mut log = plain(OpenOptions::new().read(true).write(true)).open(&self.log_path)?;
        let _ = fs::remove_file(&older);
        let mut copy = plain(OpenOptions::new().write(true).create_new(true).mode(0o600)).open(&older)?;
        self.account.give_file(&copy)?;
        io::copy(&mut log, &mut copy)?;
        log.set_len(0)
    }

    pub fn log_size(&self) -> u64 {
        fs::symlink_metadata(&self.log_path).map_or(0, |found| found.len())
    }

    /// What was logged since the log had a size.
    pub fn log_since(&self, size: u64) -> String {
        let read = || -> io::Result<String> {
            let mut log = plain(OpenOptions::new().read(true)).open(&self.log_path)?;
            log.seek(SeekFrom::Start(size))?;
            let mut bytes = Vec::new();
            log.take(LONGEST_LOG_BYTES).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    pub fn say(&self, sentence: &str) {
        (self.options.log)(sentence);
    }
}

/// Refuses to follow a symbolic link at the last step.
fn plain(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(libc::O_NOFOLLOW)
}

/// PostgreSQL's own folder, which its account alone can enter.
fn make_home(home: &Path, account: &Account) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(home) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Root's still, if a crash came between making it and giving it away.
            let found = fs::symlink_metadata(home)?;
            if found.is_dir() && found.uid() == 0 { account.give_folder(home) } else { Ok(()) }
        }
        made => made.and_then(|()| account.give_folder(home)),
    }
}

/// Whether a data folder at this place would work, without making it.
pub fn is_suitable(data_dir: &Path) -> bool {
    let account = Account::for_home(&data_dir.join("postgres"));
    let Ok((existing, full)) = nearest(data_dir) else {
        return false;
    };
    fits(&full).is_ok() && account.stopped_at(&existing).is_none() && system::can_write(&existing)
}

/// The data folder as an absolute path without symbolic links, made if it was missing.
fn prepared(data_dir: &Path, account: &Account) -> Result<PathBuf, StartError> {
    let doing = || format!("make the data folder {}", data_dir.display());
    let (existing, full) = nearest(data_dir).map_err(StartError::io(doing()))?;
    fits(&full)?;
    let unreachable =
        |closed| StartError::Unreachable { data_dir: full.clone(), closed, account: account.name.clone() };
    // Before anything is made, so that a refusal leaves nothing behind.
    if let Some(closed) = account.stopped_at(&existing) {
        return Err(unreachable(closed));
    }
    if existing != full {
        // Root's folder can be passed through by PostgreSQL's account, though not listed; anybody else's is private.
        let mode = if system::effective_user() == 0 { 0o711 } else { 0o700 };
        DirBuilder::new().recursive(true).mode(mode).create(&full).map_err(StartError::io(doing()))?;
        // Whatever the umask says.
        fs::set_permissions(&full, fs::Permissions::from_mode(mode)).map_err(StartError::io(doing()))?;
    }
    let full = fs::canonicalize(&full).map_err(StartError::io(doing()))?;
    match account.stopped_at(&full) {
        Some(closed) => Err(unreachable(closed)),
        None => Ok(full),
    }
}

/// The part of a path that exists, resolved, and the whole path below it.
fn nearest(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let absolute = std::path::absolute(path)?;
    let mut missing = PathBuf::new();
    for step in absolute.ancestors() {
        match fs::canonicalize(step) {
            Ok(existing) => {
                let full = if missing.as_os_str().is_empty() { existing.clone() } else { existing.join(missing) };
                return Ok((existing, full));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some(name) = step.file_name() else {
                    return Err(error);
                };
                missing =
                    if missing.as_os_str().is_empty() { PathBuf::from(name) } else { Path::new(name).join(missing) };
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Checks that a client can name the socket, and that it can be written into a URL and a command line.
fn fits(data_dir: &Path) -> Result<(), StartError> {
    if data_dir.to_str().is_none() {
        return Err(StartError::Io {
            doing: format!("use the data folder {}", data_dir.display()),
            source: io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8"),
        });
    }
    let length = data_dir.as_os_str().len();
    let added = handshake::socket_in(Path::new("/postgres")).as_os_str().len();
    if length + added > LONGEST_SOCKET_PATH_BYTES {
        return Err(StartError::PathTooLong {
            data_dir: data_dir.to_path_buf(),
            longest: LONGEST_SOCKET_PATH_BYTES - added,
        });
    }
    Ok(())
}

/// The lock lasts as long as the file is open; the kernel gives it back when we are killed. PostgreSQL does not
/// inherit it.
fn locked(data_dir: &Path) -> Result<File, StartError> {
    let path = data_dir.join("lock");
    let doing = || StartError::io(format!("lock {}", path.display()));
    let file = plain(OpenOptions::new().write(true).create(true).truncate(false).mode(0o600)).open(&path);
    let file = file.map_err(doing())?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::WouldBlock) => {
                return Err(StartError::InUse { data_dir: data_dir.to_path_buf() });
            }
            Err(TryLockError::Error(error)) => return Err(doing()(error)),
        }
    }
}

/// The major version of the cluster, `None` when there is no cluster yet.
pub fn written_by(data: &Path) -> Result<Option<String>, StartError> {
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(version) => Ok(Some(version.trim().to_owned())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StartError::io(format!("read {}", data.display()))(error))
        }
        Err(_) if fs::symlink_metadata(data).is_ok() => Err(StartError::NotACluster { path: data.to_path_buf() }),
        Err(_) => Ok(None),
    }
}
