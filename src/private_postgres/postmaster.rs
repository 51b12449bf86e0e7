//! One running PostgreSQL server process, our child or taken over, and how it is stopped.

use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::folder::Cluster;
use crate::system;

/// A fast shutdown rolls back what is open and writes everything to disk.
const FAST_PATIENCE: Duration = Duration::from_secs(30);

/// An immediate shutdown only ends its processes.
const IMMEDIATE_PATIENCE: Duration = Duration::from_secs(5);

/// The process that accepts connections and starts all others.
#[derive(Debug)]
pub struct Postmaster {
    pid: u32,
    /// `None` for one that was taken over: it has another parent.
    child: Option<Child>,
}

impl Postmaster {
    /// One that we have started.
    pub fn started(child: Child) -> Postmaster {
        Postmaster { pid: child.id(), child: Some(child) }
    }

    /// One that a killed program left behind.
    pub fn adopted(pid: u32) -> Postmaster {
        Postmaster { pid, child: None }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still exists; buries it if it has died.
    pub fn is_running(&mut self, cluster: &Cluster) -> bool {
        match &mut self.child {
            // Not being able to ask is no reason to start a second one.
            Some(child) => child.try_wait().map_or(true, |ended| ended.is_none()),
            None => is_postmaster_of(self.pid, &cluster.data),
        }
    }

    /// Fast shutdown; if that takes too long an immediate one, after which the next start replays the log; if even
    /// that does not help, SIGKILL.
    pub fn stop(mut self, cluster: &Cluster) {
        for (signal, patience) in
            [(libc::SIGINT, FAST_PATIENCE), (libc::SIGQUIT, IMMEDIATE_PATIENCE), (libc::SIGKILL, IMMEDIATE_PATIENCE)]
        {
            if signal != libc::SIGINT {
                cluster.say("PostgreSQL does not stop; trying a harder signal.");
            }
            let until = Instant::now() + patience;
            while self.is_running(cluster) {
                if Instant::now() >= until {
                    break;
                }
                // Again and again: one that is just starting loses a signal that comes before its handlers.
                if system::send(self.pid, signal).is_err() {
                    break;
                }
                let step = Instant::now() + Duration::from_millis(200);
                while Instant::now() < step && self.is_running(cluster) {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            if !self.is_running(cluster) {
                return;
            }
        }
        cluster.say("PostgreSQL could not be stopped.");
    }
}

/// Whether a process is the postmaster of a data folder. Process ids are reused, above all in containers, where
/// everything gets the same small numbers after each start.
pub fn is_postmaster_of(pid: u32, data: &Path) -> bool {
    // The postmaster keeps its command line; its children replace theirs.
    let mark = format!(" -D {} -c ", data.display());
    system::command_line(pid).is_some_and(|line| line.contains(&mark))
}
