//! The operating system account that PostgreSQL runs as, and what that account can reach.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::system;

/// An operating system account.
#[derive(Clone, Debug)]
pub struct Account {
    uid: u32,
    gid: u32,
    /// For people.
    pub name: String,
    /// Whether processes have to change to it: we are root, and PostgreSQL refuses to be.
    switch: bool,
}

impl Account {
    /// Ourselves, unless we are root. Root takes the account that already owns `home` (somebody may have started the
    /// server as an ordinary user before), else `postgres`, else `nobody`.
    pub fn for_home(home: &Path) -> Account {
        let (uid, gid) = (system::effective_user(), system::effective_group());
        if uid != 0 {
            return Account { uid, gid, name: format!("number {uid}"), switch: false };
        }
        if let Some(owner) = fs::symlink_metadata(home).ok().filter(|found| found.uid() != 0) {
            let (uid, gid) = (owner.uid(), owner.gid());
            return Account { uid, gid, name: format!("number {uid}"), switch: true };
        }
        // The file is enough: both accounts belong to the system and never come from a directory service.
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| listed(&passwd, name))
            // What `nobody` is on a system without a list of accounts.
            .unwrap_or(Account { uid: 65534, gid: 65534, name: "nobody".to_owned(), switch: true })
    }

    /// Makes a process run as this account, away from folders that it may not even look at.
    pub fn apply(&self, command: &mut Command) {
        command.current_dir("/");
        if self.switch {
            // With the user changed, the standard library drops root's supplementary groups too.
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Gives a folder that root has just made to the account.
    pub fn give_folder(&self, folder: &Path) -> io::Result<()> {
        if self.switch { lchown(folder, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// Gives a file that root has just opened to the account.
    pub fn give_file(&self, file: &File) -> io::Result<()> {
        if self.switch { fchown(file, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// The topmost folder on the way to `folder`, itself included, that the account may not enter. `folder` is
    /// absolute and without symbolic links.
    pub fn stopped_at(&self, folder: &Path) -> Option<PathBuf> {
        let mut way: Vec<&Path> = folder.ancestors().collect();
        way.reverse();
        way.into_iter()
            .find(|step| match self.switch {
                true => fs::metadata(step).is_ok_and(|found| !self.may_enter(&found)),
                // We are that account: ask the system, which knows our other groups and the access lists.
                false => {
                    fs::metadata(step.join(".")).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
                }
            })
            .map(Path::to_path_buf)
    }

    fn may_enter(&self, folder: &Metadata) -> bool {
        let shift = if folder.uid() == self.uid {
            6
        } else if folder.gid() == self.gid {
            3
        } else {
            0
        };
        folder.mode() >> shift & 1 == 1
    }
}

/// An account from the lines of `/etc/passwd`.
fn listed(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        Some(Account { uid: number(uid)?, gid: number(gid)?, name: name.to_owned(), switch: true })
    })
}

/// macOS writes the number of `nobody` as -2.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_the_list() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\nnobody:*:-2:-2::/:/bin/false\n";
        let postgres = listed(passwd, "postgres").unwrap();
        assert_eq!((postgres.uid, postgres.gid), (101, 104));
        assert_eq!(listed(passwd, "nobody").unwrap().uid, u32::MAX - 1);
        assert!(listed(passwd, "somebody").is_none());
    }
}
