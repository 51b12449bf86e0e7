//! Reminders of what a client was asked for: on set days behind the day of the request, by mail, until everything is there.
//!
//! Each is a job of the provider's that waits for its time, asked for together with the request. What it says and whom is
//! read when the time has come; if nothing is wanted any more, nobody is told. Each person's mail has an id of its own that
//! a repeat has as well, and how far the job has come is kept behind each mail.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::SimpleObject;
use backoffice_calendar::instant;
use chrono::{Days, NaiveDate};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Date as SqlDate, Int4, Nullable, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::WorkItemId;
use crate::platform::ids::new_uuid;
use crate::platform::jobs::{self, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::mail::{Mailer, Unsent};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::sql::sql;
use crate::schema::work_reminder;

/// The minute of the client's day at which reminders go out: eight o'clock.
const MINUTE: u16 = 8 * 60;
/// The most reminders of one request.
const MOST: usize = 20;

/// A reminder of a request, by mail.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = work_reminder)]
pub struct WorkReminder {
    #[graphql(skip)]
    item_id: WorkItemId,
    /// How many days behind the day of the request.
    pub after_days: i32,
    /// When its time comes: eight o'clock of that day in the client's time zone.
    pub due_at: DateTime,
    /// When it was dealt with; null while its time has not come.
    pub ended_at: Option<DateTime>,
    /// How many people were sent a mail; 0 if nothing was wanted any more, or nobody of the client could answer.
    pub mails: i32,
    /// How many mails the mail server refused for good.
    pub refused: i32,
}

impl Fetch for WorkReminder {
    type Key = WorkItemId;
    type Value = Vec<Self>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                work_reminder::table
                    .filter(work_reminder::tenant_id.eq(tx.tenant()?))
                    .filter(work_reminder::item_id.eq_any(keys))
                    .order((work_reminder::item_id, work_reminder::after_days))
                    .select(Self::as_select()),
            )
            .await?;
        let mut by_item: HashMap<WorkItemId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_item.entry(row.item_id).or_default().push(row);
        }
        Ok(by_item)
    }
}

/// The days of reminders, in their order, each once.
pub fn days(mut days: Vec<i32>) -> Result<Vec<i32>> {
    if days.len() > MOST || days.iter().any(|day| !(1..=365).contains(day)) {
        let message = "At most 20 reminders, 1 to 365 days behind the request.";
        return Err(Error::refuse(UserErrorCode::Invalid, "remindAfterDays", message));
    }
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

/// The days of reminders of what is wanted.
pub(super) fn checked(wishes: Vec<i32>, wanted: &[String], visible: bool) -> Result<Vec<i32>> {
    let refuse = |message: &str| Err(Error::refuse(UserErrorCode::Invalid, "remindAfterDays", message));
    if wishes.is_empty() {
        return Ok(wishes);
    }
    if wanted.is_empty() {
        return refuse("A reminder says what is wanted: list it.");
    }
    if !visible {
        return refuse("The client is reminded of what it sees: make it visible to the client.");
    }
    days(wishes)
}

/// When the reminder of that day is due: at eight o'clock.
pub fn due(zone: chrono_tz::Tz, asked: NaiveDate, after_days: i32) -> Result<DateTime> {
    let day = asked.checked_add_days(Days::new(u64::try_from(after_days).unwrap_or_default()));
    let at = day.and_then(|day| chrono::DateTime::from_timestamp(instant(zone, day, MINUTE), 0));
    at.map(DateTime).ok_or_else(|| Error::fault("a reminder has no time"))
}

/// What a job is to remind of.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Due {
    client: Uuid,
    reminder: Uuid,
}

/// Asks for the reminders of a request that this transaction opens.
pub(super) async fn set(tx: &Tx, item: WorkItemId, after: Vec<i32>) -> Result<()> {
    for after_days in after {
        let (id, due_at) = (new_uuid(), due(tx.time_zone(), tx.today(), after_days)?);
        tx.exec(diesel::insert_into(work_reminder::table).values((
            work_reminder::tenant_id.eq(tx.tenant()?),
            work_reminder::id.eq(id),
            work_reminder::item_id.eq(item),
            work_reminder::after_days.eq(after_days),
            work_reminder::due_at.eq(due_at),
        )))
        .await?;
        let args = Due { client: tx.tenant()?, reminder: id };
        jobs::enqueue_for_provider::<ReminderMail>(tx, &args, Some(due_at)).await?;
    }
    Ok(())
}

crate::platform::letter! {
    /// A client is reminded of what it was asked for.
    Reminder("reminder.txt") {
        /// Who is reminded.
        name,
        /// The client.
        client,
        /// The request.
        title,
        /// What is still wanted.
        wanted,
        /// When it was asked for.
        asked,
        /// Until when it is needed, as a sentence.
        needed,
    }
}

/// The kind of job.
pub struct ReminderMail {
    /// Sends the mails.
    pub mailer: Arc<Mailer>,
}

#[derive(QueryableByName)]
struct Addressed {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    client_name: String,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    wanted: String,
    #[diesel(sql_type = SqlDate)]
    asked_on: Date,
    #[diesel(sql_type = Nullable<SqlDate>)]
    due_on: Option<Date>,
}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = Bool)]
    #[allow(dead_code, reason = "the statement has to give a row")]
    ended: bool,
}

/// How far a reminder has come: who was sent a mail, and who could not be.
#[derive(Serialize, Deserialize, Default)]
struct Sent {
    sent: Vec<Uuid>,
    refused: Vec<Uuid>,
}

fn written(date: Date) -> String {
    date.0.format("%-d %B %Y").to_string()
}

/// The id of one person's mail of a job: the same each time.
pub fn mail_of(job: Uuid, account: Uuid) -> Uuid {
    Uuid::from_u128(job.as_u128() ^ account.as_u128())
}

impl JobKind for ReminderMail {
    const NAME: JobName = JobName::ReminderMail;
    /// With waits of up to ten minutes: some seven hours.
    const TRIES: i32 = 60;
    type Args = Due;

    async fn run(&self, job: &JobContext, of: Due) -> JobResult {
        let mut state: Sent = job.state()?;
        let tx = job.provider_tx().await?;
        let people: Vec<Addressed> = tx
            .rows(
                sql("SELECT r.account_id, r.email, r.name, r.client_name, r.title, r.wanted, r.asked_on, r.due_on
                       FROM practice.reminder_to_mail($1, $2) r")
                .bind::<SqlUuid, _>(of.client)
                .bind::<SqlUuid, _>(of.reminder),
            )
            .await?;
        // Nothing is held while the mail server takes its time.
        if !tx.finish(true).await? {
            return Err(Error::fault("a reminder was not read").into());
        }
        let count = |number: usize| u64::try_from(number).unwrap_or_default();
        for one in people {
            let account = one.account_id;
            if state.sent.contains(&account) || state.refused.contains(&account) {
                continue;
            }
            let letter = Reminder {
                name: one.name.clone(),
                client: one.client_name,
                title: one.title,
                wanted: one.wanted,
                asked: written(one.asked_on),
                needed: one.due_on.map_or_else(
                    || "We cannot go on without it.".to_owned(),
                    |due| format!("It is needed until {}.", written(due)),
                ),
            };
            let letter = letter.write(&self.mailer.settings().provider);
            match self.mailer.send(mail_of(job.id().0, account), &one.name, &one.email, letter).await {
                Ok(()) => state.sent.push(account),
                Err(Unsent::Refused(_)) => state.refused.push(account),
                Err(later) => return Err(later.into()),
            }
            let done = Progress { done: count(state.sent.len()), total: None };
            job.checkpoint(job.provider_tx().await?, &state, done).await?;
        }
        let tx = job.provider_tx().await?;
        let number = |people: &[Uuid]| i32::try_from(people.len()).unwrap_or(i32::MAX);
        let _: Ended = tx
            .row(
                sql("SELECT practice.reminder_ended($1, $2, $3, $4) AS ended")
                    .bind::<SqlUuid, _>(of.client)
                    .bind::<SqlUuid, _>(of.reminder)
                    .bind::<Int4, _>(number(&state.sent))
                    .bind::<Int4, _>(number(&state.refused)),
            )
            .await?;
        let done = Progress { done: count(state.sent.len()), total: Some(count(state.sent.len())) };
        job.finish(tx, &serde_json::json!({ "mails": state.sent.len(), "refused": state.refused.len() }), done).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_goes_out_at_eight_by_the_clients_clock() {
        let at = |day: &str, after: i32| {
            due(chrono_tz::Europe::Berlin, day.parse().unwrap(), after).unwrap().0.format("%m-%dT%H:%M").to_string()
        };
        assert_eq!([3, 7, 10].map(|days| at("2026-03-23", days)), ["03-26T07:00", "03-30T06:00", "04-02T06:00"]);
    }

    #[test]
    fn days_are_sorted_and_told_once() {
        let wanted = ["The statement of March".to_owned()];
        assert_eq!(checked(vec![10, 3, 7, 3], &wanted, true).unwrap(), [3, 7, 10]);
        assert_eq!(checked(vec![], &[], false).unwrap(), Vec::<i32>::new());
        for (days, wanted, visible) in [
            (vec![3], &[][..], true),
            (vec![3], &wanted[..], false),
            (vec![0], &wanted[..], true),
            (vec![366], &wanted[..], true),
            ((1..=21).collect(), &wanted[..], true),
        ] {
            assert!(checked(days, wanted, visible).is_err());
        }
    }

    #[test]
    fn everybodys_mail_has_an_id_of_its_own_that_a_repeat_has_as_well() {
        let (job, one, two) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(mail_of(job, one), mail_of(job, one));
        assert_ne!(mail_of(job, one), mail_of(job, two));
    }
}
