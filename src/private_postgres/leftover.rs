//! What a killed program left behind: a PostgreSQL that still runs, files that name one that does not, and processes
//! that outlived their postmaster.
//!
//! All of this happens under the lock of the data folder, so nobody else is starting anything meanwhile.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::folder::Cluster;
use crate::handshake::{self, Answer};
use crate::postmaster::{Postmaster, is_postmaster_of};
use crate::{settings, system};

/// How long a PostgreSQL that is shutting down (its program was killed) or starting up may take to decide.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// Takes over a running PostgreSQL if it works and runs as we would start it. Stops it otherwise. After `None` a new
/// one can be started.
pub fn settle(cluster: &Cluster) -> Option<Postmaster> {
    let pid = recorded_pid(&cluster.data)?;
    if !is_postmaster_of(pid, &cluster.data) {
        if system::exists(pid) {
            // PostgreSQL clears away the files of a process that is gone. It respects those of one that exists, even
            // when that is somebody else under the same number.
            forget(cluster);
        }
        return None;
    }
    let same = settings::recorded(&cluster.binaries.postgres, &cluster.arguments());
    let same = fs::read_to_string(cluster.data.join("postmaster.opts")).is_ok_and(|line| line.trim_end() == same);
    let until = Instant::now() + PATIENCE;
    while is_postmaster_of(pid, &cluster.data) {
        match handshake::ask(&cluster.socket()) {
            Answer::Ready if same && still_ready(cluster) => {
                cluster.say("Taking over the PostgreSQL that was left running.");
                return Some(Postmaster::adopted(pid));
            }
            Answer::NotNow | Answer::Silent if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
            _ => {
                cluster.say("Stopping a PostgreSQL that was left running.");
                Postmaster::adopted(pid).stop(cluster);
                return None;
            }
        }
    }
    None
}

/// The kernel's signal to stop may be a moment behind us: a server that got it answers differently now.
fn still_ready(cluster: &Cluster) -> bool {
    thread::sleep(Duration::from_millis(50));
    handshake::ask(&cluster.socket()) == Answer::Ready
}

/// Ends the processes of a postmaster that was killed. They end by themselves when they next wait for something, but
/// one in the middle of a long computation would block the next start for as long.
pub fn end_orphans(cluster: &Cluster) {
    let title = format!("postgres: {}: ", settings::cluster_name(&cluster.data));
    for pid in system::processes() {
        if system::command_line(pid).is_some_and(|line| line.starts_with(&title)) {
            // Gone already is as good.
            let _ = system::send(pid, libc::SIGQUIT);
        }
    }
}

/// The first line of `postmaster.pid`.
fn recorded_pid(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

fn forget(cluster: &Cluster) {
    cluster.say("Clearing away the files of a PostgreSQL that no longer runs.");
    let socket = cluster.socket();
    let lock = socket.with_file_name(format!(
        "{}.lock",
        socket.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    ));
    for path in [cluster.data.join("postmaster.pid"), lock, socket] {
        // If this fails PostgreSQL will say why it cannot start.
        let _ = fs::remove_file(path);
    }
}
