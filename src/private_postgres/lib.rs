//! A private PostgreSQL for one program: found, initialised, started, adopted and stopped.
//!
//! ```no_run
//! use backoffice_private_postgres::{Options, PrivatePostgres, default_data_dir};
//!
//! let postgres = PrivatePostgres::start(Options::new(default_data_dir()))?;
//! println!("{}", postgres.url("postgres", backoffice_private_postgres::DATABASE));
//! postgres.stop();
//! # Ok::<(), backoffice_private_postgres::StartError>(())
//! ```
//!
//! What holds:
//! - One data folder, one server: an exclusive lock is held for as long as a [`PrivatePostgres`] lives.
//! - It listens on a Unix socket only, in a folder that only its own operating system account can enter. That
//!   folder is the lock on the door, so logging in asks for no password.
//! - It never runs as root: started by root it becomes the account `postgres`, else `nobody`.
//! - It does not outlive the program. On Linux the kernel stops it when the program is killed; elsewhere the next
//!   start takes over the one that was left behind, after a real connection to it worked.
//! - Killed, it comes back: a keeper thread notices within a quarter of a second and starts it again.
//!
//! Layout: `DATA_DIR/lock`, `DATA_DIR/postgres/data` (the cluster), `DATA_DIR/postgres/.s.PGSQL.5432` (the socket),
//! `DATA_DIR/postgres/postgres.log` and, after rotation, `postgres.log.1`.

mod account;
mod binaries;
mod error;
mod folder;
mod handshake;
mod initialise;
mod keeper;
mod launch;
mod leftover;
mod postmaster;
mod settings;
mod system;
#[cfg(test)]
mod test_harness;
#[cfg(test)]
mod tests_crash;
#[cfg(test)]
mod tests_life;
#[cfg(test)]
mod tests_refusals;
mod tools;

use std::path::{Path, PathBuf};

pub use error::StartError;
pub use tools::Tools;

/// The database that exists from the first start.
pub const DATABASE: &str = "backoffice";

/// The superuser of the private cluster.
pub const SUPERUSER: &str = "postgres";

/// The number in the socket's name. Nothing listens on a TCP port.
pub const PORT: u16 = 5432;

/// How the private PostgreSQL is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that holds everything; made when it is missing. A relative path is taken from the current folder.
    pub data_dir: PathBuf,
    /// Whether a commit survives a power cut. Only tests may say no: then nothing is forced to the disk.
    pub durable: bool,
    /// PostgreSQL's `max_connections`.
    pub max_connections: u32,
    /// Where `postgres` and `initdb` lie. `None` looks at `BACKOFFICE_PG_BIN` first and then in the usual places.
    pub bin_dir: Option<PathBuf>,
    /// More PostgreSQL settings, applied after our own.
    pub settings: Vec<(String, String)>,
    /// Receives one sentence for each event worth a line in the program's log. Never a value from the database.
    pub log: fn(&str),
}

impl Options {
    /// Durable, 100 connections, binaries found by themselves, silent.
    pub fn new(data_dir: impl Into<PathBuf>) -> Options {
        Options {
            data_dir: data_dir.into(),
            durable: true,
            max_connections: 100,
            bin_dir: None,
            settings: Vec::new(),
            log: |_| {},
        }
    }
}

/// A running private PostgreSQL. Dropping it stops it, as [`PrivatePostgres::stop`] does.
#[derive(Debug)]
pub struct PrivatePostgres {
    socket_dir: PathBuf,
    keeper: keeper::Keeper,
}

impl PrivatePostgres {
    /// Returns once connections are accepted: initialises the folder at the first call, takes over or clears away what
    /// a killed program left, waits for crash recovery.
    ///
    /// It blocks, so call it before an asynchronous runtime is started. It may be called from any thread: PostgreSQL
    /// is the child of the keeper thread, because the parent-death signal follows the thread and not the process.
    pub fn start(options: Options) -> Result<PrivatePostgres, StartError> {
        let cluster = folder::Cluster::open(options)?;
        let socket_dir = cluster.socket_dir.clone();
        let keeper = keeper::Keeper::start(cluster)?;
        Ok(PrivatePostgres { socket_dir, keeper })
    }

    /// The folder of the Unix socket, absolute.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// A connection URL as libpq, tokio-postgres and psql read it.
    pub fn url(&self, user: &str, database: &str) -> String {
        url(&self.socket_dir, user, database)
    }

    /// The process id of the postmaster; `None` in the moments between its death and its return.
    pub fn pid(&self) -> Option<u32> {
        self.keeper.pid()
    }

    /// Whether a connection works at this moment. Opens one, so it takes a few milliseconds and may block for a second.
    pub fn is_alive(&self) -> bool {
        handshake::ask(&handshake::socket_in(&self.socket_dir)) == handshake::Answer::Ready
    }

    /// Brings PostgreSQL back now if it has died, and returns once it accepts connections. The keeper thread does the
    /// same by itself; this is for a caller who wants to wait for it or to know why it fails.
    pub fn ensure_alive(&self) -> Result<(), StartError> {
        self.keeper.ensure()
    }

    /// Ends every connection, writes everything to disk and waits until PostgreSQL has gone.
    pub fn stop(self) {
        // The work is in the keeper's Drop: a handle that is merely dropped must stop PostgreSQL as well.
        drop(self);
    }
}

/// A private PostgreSQL that another program keeps running: reached through its socket, neither started nor stopped.
#[derive(Clone, Debug)]
pub struct Neighbour {
    socket_dir: PathBuf,
}

impl Neighbour {
    /// The one that runs on this data folder, if one answers there.
    pub fn on(data_dir: &Path) -> Option<Neighbour> {
        let socket_dir = std::fs::canonicalize(data_dir.join("postgres")).ok()?;
        let answers = handshake::ask(&handshake::socket_in(&socket_dir)) == handshake::Answer::Ready;
        answers.then_some(Neighbour { socket_dir })
    }

    /// A connection URL, as [`PrivatePostgres::url`] gives it.
    pub fn url(&self, user: &str, database: &str) -> String {
        url(&self.socket_dir, user, database)
    }
}

fn url(socket_dir: &Path, user: &str, database: &str) -> String {
    let host = percent_encoded(&socket_dir.to_string_lossy());
    format!("postgresql://{}@/{}?host={host}&port={PORT}", percent_encoded(user), percent_encoded(database))
}

/// The data folder when the user names none: `./backoffice-data` if PostgreSQL can live there, else
/// `/var/lib/backoffice` for root and `~/.local/share/backoffice` for everybody else.
///
/// It cannot live below a folder that its account may not enter (root's home), below one that we may not write to,
/// or so deep that the socket's path gets too long.
pub fn default_data_dir() -> PathBuf {
    let here = PathBuf::from("backoffice-data");
    if folder::is_suitable(&here) {
        return here;
    }
    if system::effective_user() == 0 {
        return PathBuf::from("/var/lib/backoffice");
    }
    let share = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    share.map_or(here, |share| share.join("backoffice"))
}

/// Everything but unreserved characters as `%XX` (RFC 3986), so that any path is safe in a query string.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
