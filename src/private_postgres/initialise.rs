//! Makes a new cluster with an empty database in it: all of it, or nothing.
//!
//! The work is done in a folder beside the final one, which is renamed when everything is complete. So a cluster that
//! has the right name is whole, and one that a crash left half done is recognised by its name and made again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::error::StartError;
use crate::folder::Cluster;
use crate::{DATABASE, SUPERUSER, system};

/// The folder in the making. The process id follows, because elsewhere than on Linux the programs of a killed start
/// may still be writing into the old one.
const UNFINISHED: &str = "data.new-";

/// Locales for upper and lower case, best first; sorting is always by byte, which is fast, stable across upgrades of
/// the system, and safe for indexes under row-level security.
const CASE_LOCALES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "C"];

/// Makes the cluster of `cluster.data`, which does not exist.
pub fn initialise(cluster: &Cluster) -> Result<(), StartError> {
    cluster.say("Making PostgreSQL's data folder.");
    let home = &cluster.socket_dir;
    let fresh = home.join(format!("{UNFINISHED}{}", std::process::id()));
    let finish = || -> Result<(), StartError> {
        remove_unfinished(home).map_err(StartError::io(format!("clear {}", home.display())))?;
        make_cluster(cluster, &fresh)?;
        make_database(cluster, &fresh)?;
        let renamed = fs::rename(&fresh, &cluster.data).and_then(|()| {
            // The name itself must survive a power cut.
            if cluster.options.durable { File::open(home)?.sync_all() } else { Ok(()) }
        });
        renamed.map_err(StartError::io(format!("rename {}", fresh.display())))
    };
    finish().inspect_err(|_| {
        // Best effort: the next start clears it anyway.
        let _ = fs::remove_dir_all(&fresh);
    })
}

fn remove_unfinished(home: &Path) -> io::Result<()> {
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn make_cluster(cluster: &Cluster, fresh: &PathBuf) -> Result<(), StartError> {
    let mut said = String::new();
    for case_locale in CASE_LOCALES {
        let mut command = cluster.command(&cluster.binaries.initdb);
        command.arg("-D").arg(fresh).args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        command.arg(format!("--lc-ctype={case_locale}"));
        command.args(["--data-checksums", "--no-instructions"]);
        if !cluster.options.durable {
            command.arg("--no-sync");
        }
        command.stdin(Stdio::null());
        system::dies_with_parent(&mut command, libc::SIGKILL);
        let output = command.output().map_err(StartError::io("run initdb"))?;
        if output.status.success() {
            return Ok(());
        }
        said = complaint(&output);
        // Only a locale that this system does not have is worth another try.
        if !said.contains("locale") {
            break;
        }
    }
    Err(StartError::Initialise { detail: said })
}

/// Single-user mode needs no running server and no client.
fn make_database(cluster: &Cluster, fresh: &PathBuf) -> Result<(), StartError> {
    let kept = if cluster.options.durable { "fsync=on" } else { "fsync=off" };
    let mut command = cluster.command(&cluster.binaries.postgres);
    command.arg("--single").arg("-D").arg(fresh).args(["-c", "exit_on_error=on", "-c", kept, "postgres"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    system::dies_with_parent(&mut command, libc::SIGKILL);
    let ran = command.spawn().and_then(|mut child| {
        if let Some(mut input) = child.stdin.take() {
            // An early end shows in the exit status, with a better reason than a broken pipe.
            let _ = writeln!(input, "CREATE DATABASE {DATABASE}");
        }
        child.wait_with_output()
    });
    let output = ran.map_err(StartError::io("run postgres --single"))?;
    if output.status.success() { Ok(()) } else { Err(StartError::Initialise { detail: complaint(&output) }) }
}

/// The last lines that a tool printed, in one line.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.len().saturating_sub(4);
    let said = lines.get(last..).unwrap_or_default().join("; ");
    if said.is_empty() { output.status.to_string() } else { said }
}
