//! The thread that owns PostgreSQL: starts it, notices when it dies, brings it back, stops it.
//!
//! It exists for the parent-death signal, which is sent when the *thread* that started the child ends. A worker of a
//! runtime may end at any time; this thread ends exactly when PostgreSQL is to end.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::StartError;
use crate::folder::Cluster;
use crate::handshake::{self, Answer};
use crate::launch::launch;
use crate::postmaster::Postmaster;

/// How often the child is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How often the log's length is looked at.
const LOG_TICK: Duration = Duration::from_secs(60);

/// How long a running PostgreSQL may answer nothing, or "not now".
const ENSURE_PATIENCE: Duration = Duration::from_secs(10);

/// Pauses between attempts to bring PostgreSQL back, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A request to bring PostgreSQL back at once, and where the result goes.
type Ensure = Sender<Result<(), StartError>>;

/// The handle to the thread. Dropping it stops PostgreSQL and waits for that.
#[derive(Debug)]
pub struct Keeper {
    /// In a mutex so that the handle can be shared between threads. Taken away to make the thread stop.
    requests: Option<Mutex<Sender<Ensure>>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// 0 while there is none.
    pid: AtomicU32,
    stopping: AtomicBool,
}

impl Keeper {
    /// Returns when PostgreSQL accepts connections.
    pub fn start(cluster: Cluster) -> Result<Keeper, StartError> {
        let shared = Arc::new(Shared::default());
        let (requests, inbox) = mpsc::channel();
        let (first, started) = mpsc::channel();
        let work = Work { cluster, shared: Arc::clone(&shared), postmaster: None };
        let thread = thread::Builder::new()
            .name("postgres-keeper".to_owned())
            .spawn(move || work.run(&first, &inbox))
            .map_err(StartError::io("start a thread"))?;
        let keeper = Keeper { requests: Some(Mutex::new(requests)), shared, thread: Some(thread) };
        started.recv().unwrap_or(Err(StartError::Stopping))?;
        Ok(keeper)
    }

    pub fn pid(&self) -> Option<u32> {
        Some(self.shared.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    pub fn ensure(&self) -> Result<(), StartError> {
        let (reply, result) = mpsc::channel();
        if let Some(requests) = &self.requests {
            // A closed channel shows in the missing reply.
            let _ = requests.lock().unwrap_or_else(PoisonError::into_inner).send(reply);
        }
        result.recv().unwrap_or(Err(StartError::Stopping))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed, and its end has stopped PostgreSQL.
            let _ = thread.join();
        }
    }
}

/// What the thread works on.
struct Work {
    cluster: Cluster,
    shared: Arc<Shared>,
    postmaster: Option<Postmaster>,
}

impl Work {
    fn run(mut self, first: &Sender<Result<(), StartError>>, inbox: &Receiver<Ensure>) {
        let result = self.bring_up();
        let failed = result.is_err();
        let _ = first.send(result);
        if !failed {
            self.keep(inbox);
        }
        if let Some(postmaster) = self.postmaster.take() {
            postmaster.stop(&self.cluster);
        }
        self.shared.pid.store(0, Ordering::Relaxed);
    }

    /// Until the handle is gone.
    fn keep(&mut self, inbox: &Receiver<Ensure>) {
        let mut pause = FIRST_PAUSE;
        let mut next_attempt = Instant::now();
        let mut next_log = Instant::now() + LOG_TICK;
        loop {
            match inbox.recv_timeout(TICK) {
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(reply) => {
                    // Nobody may be waiting any more.
                    let _ = reply.send(self.ensure());
                }
                Err(RecvTimeoutError::Timeout) if !self.is_up() && Instant::now() >= next_attempt => {
                    match self.bring_up() {
                        Ok(()) => {
                            pause = FIRST_PAUSE;
                            self.cluster.say("PostgreSQL is back.");
                        }
                        Err(error) => {
                            self.cluster.say(&format!("PostgreSQL is still down. {error}"));
                            next_attempt = Instant::now() + pause;
                            pause = (pause * 2).min(LONGEST_PAUSE);
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= next_log {
                next_log = Instant::now() + LOG_TICK;
                if let Err(error) = self.cluster.rotate_log() {
                    self.cluster.say(&format!("PostgreSQL's log could not be rotated: {error}."));
                }
            }
        }
    }

    fn is_up(&mut self) -> bool {
        let Some(postmaster) = &mut self.postmaster else {
            return false;
        };
        let up = postmaster.is_running(&self.cluster);
        if !up {
            self.postmaster = None;
            self.shared.pid.store(0, Ordering::Relaxed);
            self.cluster.say("PostgreSQL has died; starting it again.");
        }
        up
    }

    /// One that was killed just now may still exist for a moment, so existing is not enough.
    fn ensure(&mut self) -> Result<(), StartError> {
        let until = Instant::now() + ENSURE_PATIENCE;
        while self.is_up() {
            let socket = self.cluster.socket();
            if handshake::ask(&socket) == Answer::Ready {
                return Ok(());
            }
            if Instant::now() > until || self.shared.stopping.load(Ordering::Relaxed) {
                let detail = format!("though it has been running for {} seconds", ENSURE_PATIENCE.as_secs());
                return Err(StartError::NoAnswer { detail, log: self.cluster.log_path.clone() });
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.bring_up()
    }

    fn bring_up(&mut self) -> Result<(), StartError> {
        let postmaster = launch(&self.cluster, &self.shared.stopping)?;
        self.shared.pid.store(postmaster.pid(), Ordering::Relaxed);
        self.postmaster = Some(postmaster);
        Ok(())
    }
}
