//! Jobs in stories: waiting for them, and workers that can be killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backoffice::background::{self, Means};
use backoffice::correspondence::typesetter::Typesetter;
use backoffice::platform::db::Waits;
use backoffice::platform::files::{Files, Settings as FileSettings};
use backoffice::platform::jobs::worker::Terms;
use backoffice::platform::mail::{Mailer, Settings as MailSettings};
use backoffice::platform::workers::Workers;
use backoffice::webhooks;
use serde_json::{Value, json};

use super::{Client, Database};

/// What a story wants to know of a job.
pub const JOB: &str = "id kind state progress { done total } attemptCount attempts { number outcome errorCode } \
                       requestedByName result errorCode error";

impl Client {
    /// Waits until a job has ended; gives it.
    pub async fn ended(&self, job: &str) -> Value {
        let begun = Instant::now();
        loop {
            let found =
                self.ask(&format!("query($id: ID!) {{ job(id: $id) {{ {JOB} }} }}"), json!({ "id": job })).await;
            let state = found["job"]["state"].as_str().unwrap_or_else(|| panic!("no job {job}")).to_owned();
            if !["WAITING", "RUNNING"].contains(&state.as_str()) {
                return found["job"].clone();
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "the job does not end: {found}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks for the verification of the audit chain; gives the job's id.
    pub async fn verify(&self) -> String {
        let data = self.ask("mutation { auditVerify { job { id } userErrors { message } } }", json!({})).await;
        data["auditVerify"]["job"]["id"].as_str().unwrap().to_owned()
    }
}

impl Database {
    /// Workers inside this process.
    pub fn workers(&self, slots: usize) -> Workers {
        let files = Files::open(FileSettings::in_folder(self.folder()), Arc::default()).unwrap();
        let terms = Terms { slots, lease: Duration::from_secs(30) };
        let mailer = Arc::new(Mailer::new(MailSettings::in_folder(self.folder().with_extension("mail"))).unwrap());
        let means =
            Means { files, mailer, webhooks: webhooks::Settings::idle().unwrap(), typesetter: Typesetter::at(None) };
        background::start(self.urls(), Waits::default(), terms, means).unwrap()
    }

    /// A `backoffice worker` of its own whose silence is noticed within a second.
    pub fn worker(&self, slots: usize) -> Worker {
        self.worker_with(slots, &[])
    }

    /// The same with more in its environment.
    pub fn worker_with(&self, slots: usize, environment: &[(&str, &str)]) -> Worker {
        self.worker_of(Path::new(env!("CARGO_BIN_EXE_backoffice")), slots, environment)
    }

    /// The same from a program that lies elsewhere.
    pub fn worker_of(&self, program: &Path, slots: usize, environment: &[(&str, &str)]) -> Worker {
        let urls = self.urls();
        let child = Command::new(program)
            .args(["worker", "--workers", &slots.to_string(), "--job-lease", "1", "--log", "warn"])
            .env("BACKOFFICE_FILE_STORE", self.folder())
            .env("DATABASE_URL", urls.app)
            .env("BACKOFFICE_PORTFOLIO_URL", urls.portfolio)
            .env("BACKOFFICE_IDENTITY_URL", urls.identity)
            // A folder that no other run has: the key of the secrets is made there if none is named.
            .env("BACKOFFICE_DATA_DIR", std::env::temp_dir().join(format!("backoffice-story-{}", std::process::id())))
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Worker(child)
    }
}

/// A worker process. Killed when dropped.
pub struct Worker(Child);

impl Worker {
    /// The most memory that it has had so far, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) {
        let stopped = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(stopped.success() && self.0.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
