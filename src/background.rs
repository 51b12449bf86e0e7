//! What a process does besides answering requests: its loops and the kinds of jobs that it can do, a line each.

use std::sync::Arc;

use crate::audit::verify::AuditVerify;
use crate::platform::db::{Urls, Waits};
use crate::platform::error::Result;
use crate::platform::files::{self, Files};
use crate::platform::jobs::Registry;
use crate::platform::jobs::worker::{Terms, work};
use crate::platform::schedules::keep_schedules;
use crate::platform::sweep::Sweep;
use crate::platform::workers::{Loop, Surroundings, Workers};
use crate::webhooks::{self, courier};

/// Every kind of job.
#[must_use]
pub fn kinds() -> Registry {
    Registry::default().with(AuditVerify).with(Sweep)
}

/// Every loop.
fn loops(around: &Surroundings, files: Arc<Files>, webhooks: webhooks::Settings) -> Vec<Loop> {
    vec![
        Box::pin(work(around.pools.clone(), kinds(), around.terms, around.stopping.clone())),
        Box::pin(keep_schedules(around.pools.clone(), around.stopping.clone())),
        Box::pin(files::watch::keep(files, around.pools.clone(), around.stopping.clone())),
        Box::pin(courier::keep_delivering(around.pools.clone(), webhooks, around.stopping.clone())),
    ]
}

/// Starts all of it.
pub fn start(
    urls: Urls,
    waits: Waits,
    terms: Terms,
    files: Arc<Files>,
    webhooks: webhooks::Settings,
) -> Result<Workers> {
    Workers::start(urls, waits, terms, move |around| loops(around, files, webhooks))
}
