//! The program that sets letters: found, fed, and held to its limits. It runs beside the server, so that a letter that takes
//! too much ends that program and nothing else.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// The program's name, beside the server's own.
const NAME: &str = "backoffice-typesetter";

/// Where the program is, and what one letter may take.
#[derive(Clone, Debug)]
pub struct Typesetter {
    program: PathBuf,
    /// How long one letter may take.
    pub patience: Duration,
    /// Bytes of memory that one letter may take.
    pub memory: u64,
    /// The most bytes of a PDF.
    pub most: u64,
}

/// Why a letter was not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSet {
    /// The program is not there; a sentence that says what to do.
    Missing(String),
    /// The program could not do it, or took more than it may.
    Refused(String),
}

impl Typesetter {
    /// The program at that path; beside the server's own if none is said.
    #[must_use]
    pub fn at(program: Option<PathBuf>) -> Self {
        let beside = || std::env::current_exe().map(|own| own.with_file_name(NAME)).unwrap_or_else(|_| NAME.into());
        Self {
            program: program.unwrap_or_else(beside),
            patience: Duration::from_secs(60),
            memory: 1024 * 1024 * 1024,
            most: 16 * 1024 * 1024,
        }
    }

    /// Says what to do where there is no such program.
    pub fn check(&self) -> Result<(), NotSet> {
        if self.program.is_file() {
            return Ok(());
        }
        Err(NotSet::Missing(format!(
            "This server cannot set letters: the program {NAME} is not where it looks for it. Build it with `cargo build --release -p {NAME}`, which puts it beside the server, or say with --typesetter where it is."
        )))
    }

    /// Sets one letter; gives the PDF.
    pub async fn set(&self, job: &str) -> Result<Vec<u8>, NotSet> {
        self.check()?;
        match tokio::time::timeout(self.patience, self.run(job)).await {
            Ok(done) => done,
            // Dropped with its future, the program is killed.
            Err(_) => Err(NotSet::Refused("Setting the letter took too long.".to_owned())),
        }
    }

    async fn run(&self, job: &str) -> Result<Vec<u8>, NotSet> {
        let broken = |error: std::io::Error| NotSet::Refused(format!("The program {NAME} does not run: {error}."));
        let mut child = Command::new(&self.program)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(broken)?;
        // It waits for its job, so these hold before it begins.
        let limits =
            [(Resource::As, self.memory), (Resource::Cpu, self.patience.as_secs().max(1)), (Resource::Fsize, 0)];
        if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            for (what, most) in limits {
                prlimit(Some(pid), what, Rlimit { current: Some(most), maximum: Some(most) })
                    .map_err(|error| broken(error.into()))?;
            }
        }
        let (Some(mut input), Some(output), Some(complaint)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(NotSet::Refused(format!("The program {NAME} has no pipes.")));
        };
        let (mut pdf, mut said) = (Vec::new(), Vec::new());
        let mut output = output.take(self.most.saturating_add(1));
        let mut complaint = complaint.take(2000);
        let feed = async {
            // A program that does not want to hear it all says why on its other pipe.
            let _ = input.write_all(job.as_bytes()).await;
            drop(input);
            Ok(())
        };
        let take = async {
            output.read_to_end(&mut pdf).await.map_err(broken)?;
            if u64::try_from(pdf.len()).unwrap_or(u64::MAX) > self.most {
                return Err(NotSet::Refused("The letter becomes too large.".to_owned()));
            }
            Ok(())
        };
        let hear = async { complaint.read_to_end(&mut said).await.map_err(broken) };
        tokio::try_join!(feed, take, hear)?;
        // What it has to say beyond that is of no use, and must not hold it up.
        drop((output, complaint));
        let ended = child.wait().await.map_err(broken)?;
        match ended.code() {
            Some(0) if pdf.starts_with(b"%PDF-") => Ok(pdf),
            Some(0) => Err(NotSet::Refused("What was set is no PDF.".to_owned())),
            Some(_) => {
                let said = crate::platform::mail::template::line(&String::from_utf8_lossy(&said));
                let silent = || format!("The program {NAME} failed without a word.");
                Err(NotSet::Refused(if said.is_empty() { silent() } else { said }))
            }
            None => Err(NotSet::Refused("Setting the letter took more memory or time than it may.".to_owned())),
        }
    }
}
