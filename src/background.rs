//! What a process does besides answering requests: its loops and the kinds of jobs that it can do, a line each.

use std::sync::Arc;

use crate::appointments::ahead::AppointmentLay;
use crate::appointments::mails::AppointmentMail;
use crate::approvals::lapse::LapseApprovals;
use crate::audit::verify::AuditVerify;
use crate::bulk::export::Export;
use crate::clocks::{breach, follow};
use crate::correspondence::inbound::{keeper as mail_keeper, mailbox};
use crate::correspondence::send::CorrespondenceSend;
use crate::correspondence::typeset::LetterTypeset;
use crate::correspondence::typesetter::Typesetter;
use crate::documents::run::RetentionJob;
use crate::documents::text::TextJob;
use crate::finance::deferrals::post::DueEntriesPost;
use crate::finance::imports::job::ImportJob;
use crate::identity::mails::SignInMail;
use crate::notices::digest::NoticeMail;
use crate::notices::follower;
use crate::platform::db::{Urls, Waits};
use crate::platform::error::Result;
use crate::platform::files::{self, Files};
use crate::platform::jobs::Registry;
use crate::platform::jobs::worker::{Terms, work};
use crate::platform::mail::Mailer;
use crate::platform::schedules::keep_schedules;
use crate::platform::sweep::Sweep;
use crate::platform::workers::{Loop, Surroundings, Workers};
use crate::practice::offboarding::archive::ClientArchive;
use crate::rules::keeper;
use crate::signatures::evidence::SignatureEvidence;
use crate::signatures::expiry::SignatureExpiry;
use crate::signatures::mails::SignatureMail;
use crate::webhooks::{self, courier};
use crate::work::recurring::job::OpenWork;
use crate::work::reminder::ReminderMail;

/// What background work is done with.
#[derive(Clone)]
pub struct Means {
    /// The files of all clients.
    pub files: Arc<Files>,
    /// What sends mails.
    pub mailer: Arc<Mailer>,
    /// How webhooks are sent, and what opens stored secrets.
    pub webhooks: webhooks::Settings,
    /// What sets letters.
    pub typesetter: Typesetter,
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
        .with(DueEntriesPost)
        .with(LapseApprovals)
        .with(OpenWork)
        .with(ReminderMail { mailer: Arc::clone(&means.mailer) })
        .with(NoticeMail { mailer: Arc::clone(&means.mailer), vault: means.webhooks.vault.clone() })
        .with(AppointmentLay)
        .with(AppointmentMail { mailer: Arc::clone(&means.mailer) })
        .with(LetterTypeset { files: Arc::clone(&means.files), typesetter: means.typesetter.clone() })
        .with(CorrespondenceSend { files: Arc::clone(&means.files), mailer: Arc::clone(&means.mailer) })
        .with(RetentionJob)
        .with(SignatureMail { mailer: Arc::clone(&means.mailer) })
        .with(SignatureExpiry)
        .with(SignatureEvidence { files: Arc::clone(&means.files), typesetter: means.typesetter.clone() })
        .with(TextJob::new(Arc::clone(&means.files)))
        .with(ClientArchive::new(Arc::clone(&means.files)))
}

/// Every loop.
fn loops(around: &Surroundings, means: Means) -> Vec<Loop> {
    vec![
        Box::pin(work(around.pools.clone(), kinds(&means), around.terms, around.stopping.clone())),
        Box::pin(keep_schedules(around.pools.clone(), around.stopping.clone())),
        Box::pin(files::watch::keep(Arc::clone(&means.files), around.pools.clone(), around.stopping.clone())),
        Box::pin(breach::keep_telling(around.pools.clone(), around.stopping.clone())),
        Box::pin(follow::keep_renewing(around.pools.clone(), around.stopping.clone())),
        Box::pin(courier::keep_delivering(around.pools.clone(), means.webhooks, around.stopping.clone())),
        Box::pin(follower::keep_telling(around.pools.clone(), around.stopping.clone())),
        Box::pin(keeper::keep_rules(around.pools.clone(), around.stopping.clone())),
        Box::pin(mail_keeper::keep_taking(
            around.pools.clone(),
            Arc::clone(&means.files),
            Arc::clone(&means.mailer),
            around.stopping.clone(),
        )),
        Box::pin(mailbox::keep_fetching(around.pools.clone(), means.files, means.mailer, around.stopping.clone())),
    ]
}

/// Starts all of it.
pub fn start(urls: Urls, waits: Waits, terms: Terms, means: Means) -> Result<Workers> {
    crate::graph::declare_records();
    Workers::start(urls, waits, terms, move |around| loops(around, means))
}
