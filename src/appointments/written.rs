//! Appointments as calendars of others read them.

use backoffice_icalendar::{Answer, Event, Person, Status, When};
use backoffice_recurrence::{End, MonthEnd, Rule, Series, Tz, Until, instant};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Jsonb, Uuid as SqlUuid};
use serde::Deserialize;
use uuid::Uuid;

use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::sql::sql;

/// The most times that are named one by one, where no rule says them.
const NAMED: usize = 400;

/// An appointment with what is written of it.
#[derive(Deserialize, Clone, Debug)]
pub struct Written {
    uid: String,
    /// What it is.
    pub title: String,
    /// What it is, at length.
    pub description: String,
    /// Where it is.
    pub location: String,
    /// The zone whose wall clock it keeps.
    pub time_zone: String,
    starts_wall: NaiveDateTime,
    minutes: i32,
    rule: Option<String>,
    month_end: bool,
    added: Vec<NaiveDateTime>,
    left_out: Vec<NaiveDateTime>,
    state: String,
    sequence: i32,
    updated_at: DateTime<Utc>,
    /// Who is invited.
    pub attendees: Vec<Invited>,
    others: Vec<Other>,
}

/// Somebody who is invited.
#[derive(Deserialize, Clone, Debug)]
pub struct Invited {
    /// Mail address.
    pub email: String,
    /// Name.
    pub name: String,
    answer: String,
}

/// A time that is otherwise than its series.
#[derive(Deserialize, Clone, Debug)]
struct Other {
    wall: NaiveDateTime,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    state: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    written: serde_json::Value,
}

/// The appointment of that id, as it is written; nothing if it is not there.
pub(super) async fn of(tx: &Tx, id: Uuid) -> Result<Option<Written>> {
    let row: Row = tx
        .row(
            sql("SELECT practice.appointments_written($1, $2) AS written")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(vec![id]),
        )
        .await?;
    let all: Vec<Written> = serde_json::from_value(row.written).map_err(Error::fault)?;
    Ok(all.into_iter().next())
}

impl Written {
    /// Whether it was cancelled as a whole.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state == "cancelled"
    }

    fn zone(&self) -> Result<Tz> {
        self.time_zone.parse().map_err(Error::fault)
    }

    /// When it begins for the first time.
    pub fn starts_at(&self) -> Result<DateTime<Utc>> {
        Ok(instant(self.starts_wall, self.zone()?))
    }

    fn event(&self, starts: When, ends: When) -> Event {
        let mut event = Event::new(self.uid.clone(), starts, ends);
        event.sequence = self.sequence;
        event.stamp = Some(self.updated_at);
        event.summary.clone_from(&self.title);
        event.description.clone_from(&self.description);
        event.location.clone_from(&self.location);
        event.status = if self.is_cancelled() { Status::Cancelled } else { Status::Confirmed };
        event
    }

    /// The rule as others know rules, if one says the same; else the times themselves.
    fn rule(&self, series: &Series) -> Result<Option<Rule>> {
        let Some(rule) = series.plain_rule() else { return Ok(None) };
        // RFC 5545 has the end of a series with a zone in UTC.
        let zone = self.zone()?;
        let end = match rule.end() {
            End::Until(Until::Wall(wall)) => End::Until(Until::Instant(instant(wall, zone))),
            End::Until(Until::Day(day)) => {
                let next = day.succ_opt().ok_or_else(|| Error::fault("a rule without end"))?;
                let begins = instant(next.and_time(chrono::NaiveTime::MIN), zone);
                End::Until(Until::Instant(begins - TimeDelta::seconds(1)))
            }
            end => end,
        };
        Ok(Some(rule.ending(end)))
    }

    /// It as events: itself, and each time that is otherwise. Whoever is not meant to know who else comes gets it without.
    pub fn events(&self, organizer: Option<Person>, with_people: bool) -> Result<Vec<Event>> {
        let zone = self.zone()?;
        let length = TimeDelta::minutes(self.minutes.into());
        let begins = instant(self.starts_wall, zone);
        let Some(text) = &self.rule else {
            let mut event = self.event(When::Instant(begins), When::Instant(begins + length));
            self.people(&mut event, organizer, with_people);
            return Ok(vec![event]);
        };
        let local = |wall: NaiveDateTime| When::Local(wall, zone);
        let ends = (begins + length).with_timezone(&zone).naive_local();
        let mut event = self.event(local(self.starts_wall), local(ends));
        let month_end = if self.month_end { MonthEnd::LastDay } else { MonthEnd::Skip };
        let series = Series::of_times(self.starts_wall, zone, Some(text.parse().map_err(Error::fault)?), month_end)
            .map_err(Error::fault)?;
        event.rule = self.rule(&series)?;
        if event.rule.is_none() {
            let times = series.occurrences(begins, DateTime::<Utc>::MAX_UTC, NAMED);
            event.added.extend(times.iter().map(|time| local(time.wall)));
        }
        event.added.extend(self.added.iter().copied().map(local));
        event.left_out.extend(self.left_out.iter().copied().map(local));
        let (cancelled, moved): (Vec<&Other>, Vec<&Other>) =
            self.others.iter().partition(|other| other.state == "cancelled");
        // Times that a series does not reach any more are none that could be left out of it.
        event.left_out.extend(
            cancelled
                .iter()
                .map(|other| other.wall)
                .filter(|wall| series.has(*wall) || self.added.contains(wall))
                .map(local),
        );
        self.people(&mut event, organizer.clone(), with_people);
        let mut events = vec![event];
        for other in moved {
            let mut event = self.event(When::Instant(other.starts_at), When::Instant(other.ends_at));
            event.instead_of = Some(local(other.wall));
            self.people(&mut event, organizer.clone(), with_people);
            events.push(event);
        }
        Ok(events)
    }

    fn people(&self, event: &mut Event, organizer: Option<Person>, with_people: bool) {
        event.organizer = organizer;
        if with_people {
            event.attendees = self.attendees.iter().map(Invited::person).collect();
        }
    }
}

impl Invited {
    fn person(&self) -> Person {
        let answer = match self.answer.as_str() {
            "accepted" => Answer::Accepted,
            "declined" => Answer::Declined,
            "tentative" => Answer::Tentative,
            _ => Answer::Open,
        };
        Person { email: self.email.clone(), name: self.name.clone(), answer }
    }
}
