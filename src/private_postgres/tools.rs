//! PostgreSQL's other programs (`pg_dump`, `pg_restore`), of the right version and run by the right account.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::error::StartError;
use crate::folder;
use crate::{binaries, system};

/// The programs of one installation.
#[derive(Clone, Debug)]
pub struct Tools {
    folder: PathBuf,
    account: Option<Account>,
}

impl Tools {
    /// Those of the version that wrote the cluster in this data folder, run by the account that owns it.
    pub fn of(data_dir: &Path) -> Result<Tools, StartError> {
        let home = data_dir.join("postgres");
        let written_by = folder::written_by(&home.join("data"))?;
        let found = binaries::find(None, written_by.as_deref(), data_dir)?;
        let folder = found.postgres.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Tools { folder, account: Some(Account::for_home(&home)) })
    }

    /// Those that can speak with a server of this major version: the same version if this machine has it, else the
    /// oldest of the newer ones. `program` has to be among them.
    pub fn for_server(major: u32, program: &str) -> Option<Tools> {
        binaries::with_program(program)
            .into_iter()
            .filter(|(version, _)| *version >= major)
            .min_by_key(|(version, _)| *version)
            .map(|(_, folder)| Tools { folder, account: None })
    }

    /// A program, with an environment that says nothing about servers and passwords but what the caller adds. It ends
    /// with the thread that starts it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(program));
        clean(&mut command);
        if let Some(account) = &self.account {
            account.apply(&mut command);
        }
        system::dies_with_parent(&mut command, libc::SIGTERM);
        command
    }
}

/// Takes away every variable that could change what PostgreSQL's programs do.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C");
}
