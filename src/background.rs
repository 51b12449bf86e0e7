//! What a process does besides answering requests: its loops and the kinds of jobs that it can do, a line each.

use std::sync::Arc;

use crate::audit::verify::AuditVerify;
use crate::bulk::export::Export;
use crate::finance::imports::job::ImportJob;
use crate::identity::mails::SignInMail;
use crate::platform::db::{Urls, Waits};
use crate::platform::error::Result;
use crate::platform::files::{self, Files};
use crate::platform::jobs::Registry;
use crate::platform::jobs::worker::{Terms, work};
use crate::platform::mail::Mailer;
use crate::platform::schedules::keep_schedules;
use crate::platform::sweep::Sweep;
use crate::platform::workers::{Loop, Surroundings, Workers};
use crate::webhooks::{self, courier};

/// What background work is done with.
#[derive(Clone)]
pub struct Means {
    /// The files of all clients.
    pub files: Arc<Files>,
    /// What sends mails.
    pub mailer: Arc<Mailer>,
    /// How webhooks are sent, and what opens stored secrets.
    pub webhooks: webhooks::Settings,
}

/// Every kind of job.
#[must_use]
pub fn kinds(means: &Means) -> Registry {
    let mails = SignInMail { mailer: Arc::clone(&means.mailer), vault: means.webhooks.vault.clone() };
    Registry::default()
        .with(AuditVerify)
        .with(Export::new(Arc::clone(&means.files)))
        .with(ImportJob::new(Arc::clone(&means.files)))
        .with(mails)
        .with(Sweep)
}

/// Every loop.
fn loops(around: &Surroundings, means: Means) -> Vec<Loop> {
    vec![
        Box::pin(work(around.pools.clone(), kinds(&means), around.terms, around.stopping.clone())),
        Box::pin(keep_schedules(around.pools.clone(), around.stopping.clone())),
        Box::pin(files::watch::keep(means.files, around.pools.clone(), around.stopping.clone())),
        Box::pin(courier::keep_delivering(around.pools.clone(), means.webhooks, around.stopping.clone())),
    ]
}

/// Starts all of it.
pub fn start(urls: Urls, waits: Waits, terms: Terms, means: Means) -> Result<Workers> {
    Workers::start(urls, waits, terms, move |around| loops(around, means))
}
