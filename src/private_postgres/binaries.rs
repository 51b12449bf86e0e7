//! Where this machine keeps PostgreSQL's programs, and how to install them when it has none.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::StartError;

/// The oldest major version that will do.
pub const OLDEST: u32 = 14;

/// Folders that hold one `bin` a version: what comes before the star, and what comes after it.
const VERSIONED: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),          // Debian, Ubuntu, SUSE
    ("/usr", "pgsql-", "bin"),                   // Fedora, Red Hat, from postgresql.org
    ("/usr/libexec", "postgresql", ""),          // Alpine
    ("/opt/homebrew/opt", "postgresql@", "bin"), // Homebrew on Apple's processors
    ("/usr/local/opt", "postgresql@", "bin"),    // Homebrew on Intel's
];

/// Package managers and the line that installs PostgreSQL's server with each.
const INSTALLERS: [(&str, &str); 6] = [
    ("apt-get", "apt-get update && apt-get install -y postgresql"),
    ("dnf", "dnf install -y postgresql-server"),
    ("apk", "apk add postgresql"),
    ("pacman", "pacman -Sy --noconfirm postgresql"),
    ("zypper", "zypper install -y postgresql-server"),
    ("brew", "brew install postgresql@17"),
];

/// PostgreSQL's programs of one version.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The server.
    pub postgres: PathBuf,
    /// The program that makes a new cluster.
    pub initdb: PathBuf,
    /// The major version.
    pub major: u32,
}

/// Picks the programs: of the version that wrote the data if there is any, else the first that are new enough.
pub fn find(named: Option<&Path>, written_by: Option<&str>, data_dir: &Path) -> Result<Binaries, StartError> {
    let named = named.map(Path::to_path_buf).or_else(|| env::var_os("BACKOFFICE_PG_BIN").map(PathBuf::from));
    let folders = match &named {
        Some(folder) => vec![folder.clone()],
        None => usual_folders(),
    };
    let mut other = None;
    for folder in folders {
        let Some(found) = in_folder(&folder) else {
            continue;
        };
        match written_by {
            Some(version) if version != found.major.to_string() => other = other.or(Some(found.major)),
            _ => return Ok(found),
        }
    }
    match (other, written_by) {
        (Some(found), Some(version)) => {
            Err(StartError::OtherVersion { data: version.to_owned(), found, data_dir: data_dir.to_path_buf() })
        }
        _ => Err(StartError::NotInstalled { looked_in: named, install: install_line() }),
    }
}

/// The folders of `PATH`, then the usual ones, newest version first.
fn usual_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    for (parent, prefix, below) in VERSIONED {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(below)))
            })
            .collect();
        versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        folders.extend(versions.into_iter().map(|(_, folder)| folder));
    }
    folders.push(PathBuf::from("/usr/local/pgsql/bin"));
    folders
}

/// Both programs from one folder. Symbolic links are followed first: PostgreSQL looks for its own files beside the
/// real program.
fn in_folder(folder: &Path) -> Option<Binaries> {
    let postgres = fs::canonicalize(folder.join("postgres")).ok()?;
    let beside = postgres.parent()?.join("initdb");
    let initdb = if beside.is_file() { beside } else { fs::canonicalize(folder.join("initdb")).ok()? };
    let output = Command::new(&postgres).arg("--version").output().ok()?;
    let major = major_version(&String::from_utf8_lossy(&output.stdout)).filter(|major| *major >= OLDEST)?;
    Some(Binaries { postgres, initdb, major })
}

/// Every folder that holds this program of PostgreSQL, with its major version; the folder that the user names alone, if
/// he names one.
pub fn with_program(program: &str) -> Vec<(u32, PathBuf)> {
    let named = env::var_os("BACKOFFICE_PG_BIN").map(PathBuf::from);
    named
        .map_or_else(usual_folders, |folder| vec![folder])
        .into_iter()
        .filter_map(|folder| {
            let output = Command::new(folder.join(program)).arg("--version").output().ok()?;
            Some((major_version(&String::from_utf8_lossy(&output.stdout))?, folder))
        })
        .collect()
}

/// 15 from `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, 18 from `… 18beta1`.
fn major_version(line: &str) -> Option<u32> {
    let version = line.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The line to type on this system.
fn install_line() -> String {
    let path = env::var_os("PATH").unwrap_or_default();
    // The usual folders too: PATH may be short where the server is started by a service manager.
    let folders: Vec<PathBuf> = env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin", "/sbin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from))
        .collect();
    let installer = INSTALLERS.iter().find(|(program, _)| folders.iter().any(|folder| folder.join(program).is_file()));
    let Some((program, line)) = installer else {
        return "your system's package manager".to_owned();
    };
    if crate::system::effective_user() == 0 || *program == "brew" {
        return format!("`{line}`");
    }
    let parts: Vec<String> = line.split(" && ").map(|part| format!("sudo {part}")).collect();
    format!("`{}`", parts.join(" && "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("something else"), None);
    }
}
