//! Invitations by mail: the appointment as a file for the calendar of whoever is invited (RFC 6047), and what becomes of it.
//! Each mail is a job of its own, asked for in the transaction of what it tells of: what did not happen is not told.

use std::sync::Arc;

use backoffice_icalendar::{Answer, Event, Method, Person, Status, write};
use chrono::Utc;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::appointment::Appointment;
use super::occurrence::AppointmentOccurrence;
use super::written;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::mail::Mailer;
use crate::schema::appointment_attendee;

crate::platform::letter! {
    /// Somebody is invited, or told what became of it.
    Invitation("invitation.txt") {
        /// Who.
        name,
        /// Invitation, change or cancellation.
        what,
        /// What it is.
        title,
        /// When it begins.
        when,
        /// Where it is.
        place,
    }
}

/// What is told.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// He is invited.
    Invited,
    /// It is otherwise now.
    Changed,
    /// It does not take place any more.
    Cancelled,
    /// This time of it does not take place.
    TimeCancelled(chrono::NaiveDateTime),
}

/// Which appointment is told to whom.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Told {
    appointment: Uuid,
    email: String,
    news: News,
}

/// The kind of job.
pub struct AppointmentMail {
    /// Sends it.
    pub mailer: Arc<Mailer>,
}

/// Asks for the mails to those who are invited, in this transaction.
pub(super) async fn tell(tx: &Tx, appointment: &Appointment, news: News) -> Result<()> {
    let emails: Vec<String> = tx
        .rows(
            appointment_attendee::table
                .filter(appointment_attendee::tenant_id.eq(tx.tenant()?))
                .filter(appointment_attendee::appointment_id.eq(appointment.id))
                .order(appointment_attendee::email)
                .select(appointment_attendee::email),
        )
        .await?;
    tell_some(tx, appointment, news, emails).await
}

/// The same to some of them.
pub(super) async fn tell_some(tx: &Tx, appointment: &Appointment, news: News, emails: Vec<String>) -> Result<()> {
    for email in emails {
        let told = Told { appointment: appointment.id.0, email, news };
        jobs::enqueue::<AppointmentMail>(tx, &told, None).await?;
    }
    Ok(())
}

/// Tells that one time of a series does not take place.
pub(super) async fn tell_cancelled_time(
    tx: &Tx,
    appointment: &Appointment,
    time: &AppointmentOccurrence,
) -> Result<()> {
    tell(tx, appointment, News::TimeCancelled(time.wall)).await
}

impl JobKind for AppointmentMail {
    const NAME: JobName = JobName::AppointmentMail;
    const TRIES: i32 = 30;
    type Args = Told;

    async fn run(&self, job: &JobContext, told: Told) -> JobResult {
        let done = Progress { done: 1, total: Some(1) };
        let tx = job.tx(Can::AppointmentBook).await?;
        let found = written::of(&tx, told.appointment).await?;
        let invited = found.as_ref().and_then(|found| found.attendees.iter().find(|one| one.email == told.email));
        let (Some(found), Some(invited)) = (&found, invited) else {
            return job.finish(tx, &serde_json::json!({ "sent": false }), done).await;
        };
        let (name, email) = self.mailer.sender();
        let organizer = Person { email, name, answer: Answer::Open };
        let events = found.events(Some(organizer), true)?;
        let cancelled = found.is_cancelled() || matches!(told.news, News::Cancelled | News::TimeCancelled(_));
        let events: Vec<Event> = match told.news {
            News::TimeCancelled(wall) if !found.is_cancelled() => events
                .into_iter()
                .take(1)
                .map(|mut event| {
                    event.instead_of = match event.starts {
                        backoffice_icalendar::When::Local(_, zone) => {
                            Some(backoffice_icalendar::When::Local(wall, zone))
                        }
                        starts => Some(starts),
                    };
                    if let Some(which) = event.instead_of {
                        let length = event.ends.instant(chrono_tz::UTC) - event.starts.instant(chrono_tz::UTC);
                        event.starts = backoffice_icalendar::When::Instant(which.instant(chrono_tz::UTC));
                        event.ends = backoffice_icalendar::When::Instant(which.instant(chrono_tz::UTC) + length);
                    }
                    (event.rule, event.added, event.left_out) = (None, Vec::new(), Vec::new());
                    event.status = Status::Cancelled;
                    event
                })
                .collect(),
            _ => events,
        };
        let begins = match told.news {
            News::TimeCancelled(_) => events.first().map(|event| event.starts.instant(chrono_tz::UTC)),
            _ => None,
        };
        let zone: chrono_tz::Tz = found.time_zone.parse().unwrap_or(chrono_tz::UTC);
        let begins = match begins {
            Some(begins) => begins,
            None => found.starts_at()?,
        };
        let method = if cancelled { Method::Cancel } else { Method::Request };
        let text = write(method, None, &events, Utc::now());
        let what = match (cancelled, told.news) {
            (true, _) => "Cancelled",
            (false, News::Changed) => "Changed",
            (false, _) => "Invitation",
        };
        let letter = Invitation {
            name: invited.name.clone(),
            what: what.to_owned(),
            title: found.title.clone(),
            when: format!("{} ({})", begins.with_timezone(&zone).format("%-d %B %Y, %H:%M"), zone.name()),
            place: if found.location.trim().is_empty() { "-".to_owned() } else { found.location.clone() },
        }
        .write(&self.mailer.settings().provider);
        let (name, email) = (invited.name.clone(), invited.email.clone());
        // Nothing is held while the mail server takes its time.
        if !tx.finish(true).await? {
            return Err(crate::platform::error::Error::fault("what a mail leads to was not kept").into());
        }
        let calendar = Some((method.word(), text.as_str()));
        self.mailer.send_with(job.id().0, &name, &email, letter, calendar).await.map_err(Halt::from)?;
        job.finish(job.tx(Can::AppointmentBook).await?, &serde_json::json!({ "sent": true }), done).await
    }
}
