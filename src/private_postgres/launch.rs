//! From nothing, or from what a crash left, to a PostgreSQL that accepts connections.

use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::StartError;
use crate::folder::Cluster;
use crate::handshake::{self, Answer};
use crate::leftover;
use crate::postmaster::Postmaster;
use crate::system;

/// How long PostgreSQL may be silent before it is given up.
const SILENCE_PATIENCE: Duration = Duration::from_secs(60);

/// How long the processes of a killed postmaster may hold its memory.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(20);

/// What PostgreSQL says when processes of an earlier one are in its way.
const IN_THE_WAY: [&str; 2] = ["is still in use", "already exists"];

/// How often the wait for a long recovery is mentioned.
const REMINDER: Duration = Duration::from_secs(10);

enum Outcome {
    Ready,
    Ended(ExitStatus),
}

/// Returns a PostgreSQL that answers. `stopping` ends the wait for one.
pub fn launch(cluster: &Cluster, stopping: &AtomicBool) -> Result<Postmaster, StartError> {
    if let Some(adopted) = leftover::settle(cluster) {
        return Ok(adopted);
    }
    // An old log may be long already. Not being able to shorten it shows when it is opened.
    let _ = cluster.rotate_log();
    let until = Instant::now() + ORPHAN_PATIENCE;
    loop {
        let before = cluster.log_size();
        let mut child = spawn(cluster, true)?;
        match wait(cluster, &mut child, stopping) {
            Ok(Outcome::Ready) => return Ok(Postmaster::started(child)),
            Ok(Outcome::Ended(status)) => {
                let said = cluster.log_since(before);
                // "pre-existing shared memory block … is still in use", "lock file … already exists"
                if IN_THE_WAY.iter().any(|words| said.contains(words)) && Instant::now() < until {
                    if let Some(adopted) = leftover::settle(cluster) {
                        return Ok(adopted);
                    }
                    leftover::end_orphans(cluster);
                    thread::sleep(Duration::from_millis(50));
                    continue;
                }
                let detail = last_lines(&said).unwrap_or_else(|| status.to_string());
                return Err(StartError::Ended { detail, log: cluster.log_path.clone() });
            }
            Err(error) => {
                Postmaster::started(child).stop(cluster);
                return Err(error);
            }
        }
    }
}

/// Starts the process. Unless a test wants it left behind, the kernel shuts it down when this thread ends.
pub fn spawn(cluster: &Cluster, dies_with_us: bool) -> Result<Child, StartError> {
    let log = cluster.open_log().map_err(StartError::io(format!("open {}", cluster.log_path.display())))?;
    let mut command = cluster.command(&cluster.binaries.postgres);
    command.args(cluster.arguments()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    if dies_with_us {
        // SIGINT is PostgreSQL's fast shutdown.
        system::dies_with_parent(&mut command, libc::SIGINT);
    }
    command.spawn().map_err(StartError::io(format!("run {}", cluster.binaries.postgres.display())))
}

fn wait(cluster: &Cluster, child: &mut Child, stopping: &AtomicBool) -> Result<Outcome, StartError> {
    let started = Instant::now();
    let mut last_heard = started;
    let mut last_said = started;
    let no_answer = |detail: String| StartError::NoAnswer { detail, log: cluster.log_path.clone() };
    loop {
        if let Some(status) = child.try_wait().map_err(StartError::io("wait for PostgreSQL"))? {
            return Ok(Outcome::Ended(status));
        }
        if stopping.load(Ordering::Relaxed) {
            return Err(StartError::Stopping);
        }
        match handshake::ask(&cluster.socket()) {
            Answer::Ready => return Ok(Outcome::Ready),
            Answer::Refused(code) => {
                return Err(no_answer(format!("it refuses ours with SQLSTATE {code}")));
            }
            // Recovery after a crash takes as long as it takes, and it says so.
            Answer::NotNow => last_heard = Instant::now(),
            Answer::Silent if last_heard.elapsed() > SILENCE_PATIENCE => {
                return Err(no_answer(format!("it was silent for {} seconds", SILENCE_PATIENCE.as_secs())));
            }
            Answer::Silent => {}
        }
        if last_said.elapsed() > REMINDER {
            last_said = Instant::now();
            cluster.say("Waiting for PostgreSQL to recover after a crash.");
        }
        // A ready cluster answers within a few steps; a recovery is not to be disturbed by questions.
        let step = if started.elapsed() < Duration::from_secs(1) { 3 } else { 50 };
        thread::sleep(Duration::from_millis(step));
    }
}

fn last_lines(said: &str) -> Option<String> {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(3);
    lines.get(from..).filter(|lines| !lines.is_empty()).map(|lines| lines.join("; "))
}
