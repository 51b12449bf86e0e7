//! Why PostgreSQL could not be started, each reason as a sentence that says what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why [`PrivatePostgres::start`](crate::PrivatePostgres::start) failed. `Display` is meant for the person at the
/// terminal.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// No usable PostgreSQL on this machine.
    NotInstalled {
        /// The only folder looked at, if the user named one.
        looked_in: Option<PathBuf>,
        /// How PostgreSQL is installed on this system.
        install: String,
    },
    /// The data was written by another major version than the ones installed.
    OtherVersion {
        /// The major version that wrote the data.
        data: String,
        /// The major version found.
        found: u32,
        /// The cluster's folder.
        data_dir: PathBuf,
    },
    /// Another server holds the lock.
    InUse {
        /// The folder that both want.
        data_dir: PathBuf,
    },
    /// The socket's path would not fit into a socket address.
    PathTooLong {
        /// The folder that is too deep.
        data_dir: PathBuf,
        /// The longest path in bytes that works.
        longest: usize,
    },
    /// PostgreSQL's account may not enter a folder above the data.
    Unreachable {
        /// The folder that the data should go to.
        data_dir: PathBuf,
        /// The folder that is closed.
        closed: PathBuf,
        /// The operating system account that PostgreSQL runs as.
        account: String,
    },
    /// Something that is not a PostgreSQL cluster lies where the cluster belongs.
    NotACluster {
        /// The place.
        path: PathBuf,
    },
    /// The cluster could not be made.
    Initialise {
        /// What the tool said.
        detail: String,
    },
    /// PostgreSQL ended before it accepted connections.
    Ended {
        /// The last lines of its log.
        detail: String,
        /// The log.
        log: PathBuf,
    },
    /// PostgreSQL runs but did not accept a connection in time, or refused it.
    NoAnswer {
        /// What happened instead.
        detail: String,
        /// The log.
        log: PathBuf,
    },
    /// It was told to stop while it was still starting.
    Stopping,
    /// The system refused something.
    Io {
        /// What was being done, such as "create DIR".
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl StartError {
    /// For `map_err`: names what was being done.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> StartError {
        move |source| StartError::Io { doing: doing.into(), source }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotInstalled { looked_in, install } => {
                let place = match looked_in {
                    Some(folder) => format!(" in {}", folder.display()),
                    None => " on this machine".to_owned(),
                };
                write!(
                    out,
                    "PostgreSQL {} or later was not found{place}: install it with {install}, or set DATABASE_URL to use a \
                     server of your own.",
                    crate::binaries::OLDEST
                )
            }
            StartError::OtherVersion { data, found, data_dir } => write!(
                out,
                "The data in {} was written by PostgreSQL {data} but version {found} is installed: install version {data} \
                 beside it, or point BACKOFFICE_PG_BIN at its bin folder.",
                data_dir.display()
            ),
            StartError::InUse { data_dir } => write!(
                out,
                "Another server is already running on {}: stop it first, or choose another data folder.",
                data_dir.display()
            ),
            StartError::PathTooLong { data_dir, longest } => write!(
                out,
                "The data folder's path {} is too long for a Unix socket: choose one of at most {longest} bytes.",
                data_dir.display()
            ),
            StartError::Unreachable { data_dir, closed, account } => write!(
                out,
                "PostgreSQL runs as the account {account} and cannot reach {} because {} is closed to it: choose another data \
                 folder such as /var/lib/backoffice, or run `chmod a+x {}`.",
                data_dir.display(),
                closed.display(),
                closed.display()
            ),
            StartError::NotACluster { path } => write!(
                out,
                "{} exists but is not a PostgreSQL cluster: move it away, or choose another data folder.",
                path.display()
            ),
            StartError::Initialise { detail } => {
                write!(out, "PostgreSQL's data folder could not be made: {detail}")
            }
            StartError::Ended { detail, log } => {
                write!(out, "PostgreSQL ended while starting (its log is {}): {detail}", log.display())
            }
            StartError::NoAnswer { detail, log } => {
                write!(out, "PostgreSQL accepts no connection, {detail} (its log is {}).", log.display())
            }
            StartError::Stopping => {
                write!(out, "PostgreSQL was told to stop while it was starting.")
            }
            StartError::Io { doing, source } => write!(out, "Could not {doing}: {source}."),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
