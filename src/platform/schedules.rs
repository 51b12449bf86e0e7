//! Jobs that come again: when they are due, and the loop that asks for them.
//!
//! A time is that of a wall clock in a zone. A pattern of fixed times runs once a day whatever the clock does: where the
//! clock jumps over its time it runs behind the gap, where the clock repeats its time it runs the first time only.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use tokio::sync::watch;
use uuid::Uuid;

use super::db::{Pools, Tx};
use super::error::{Error, Result};
use super::jobs::{JobId, ring};
use super::sql::sql;
use super::workers::rest;

/// How often schedules are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A pattern that was read.
#[derive(Clone, Debug)]
pub struct Pattern {
    cron: Cron,
    zone: Tz,
}

impl Pattern {
    /// Reads a cron pattern of five fields: minute, hour, day of month, month, day of week. Says what is wrong with it.
    pub fn read(cron: &str, zone: &str) -> std::result::Result<Self, String> {
        let zone = Tz::from_str(zone).map_err(|_| "This is no time zone that is known.".to_owned())?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(cron).map_err(|error| {
            format!("A schedule is written as minute, hour, day of month, month, day of week, e.g. `30 6 * * MON-FRI`: {error}.")
        })?;
        Ok(Self { cron, zone })
    }

    /// The first time behind that moment; none if there is none in the next years.
    #[must_use]
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&moment.with_timezone(&self.zone), false).ok()?;
        let next = next.with_timezone(&Utc);
        (next > moment).then_some(next)
    }
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    schedule_id: Uuid,
    #[diesel(sql_type = Text)]
    cron: String,
    #[diesel(sql_type = Text)]
    time_zone: String,
    #[diesel(sql_type = Timestamptz)]
    now_is: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Fired {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    job: Option<Uuid>,
}

/// Asks for the job of one schedule that is due. False if none is.
///
/// Its next time is the first one behind now, not behind the one that was due: what was missed is made up for once.
pub async fn fire_next(pools: &Pools) -> Result<bool> {
    let tx = Tx::open_anonymous(pools).await?;
    let due: Option<Due> =
        tx.maybe(sql("SELECT s.schedule_id, s.cron, s.time_zone, s.now_is FROM core.next_schedule() s")).await?;
    let Some(due) = due else {
        tx.finish(true).await?;
        return Ok(false);
    };
    let next = Pattern::read(&due.cron, &due.time_zone).ok().and_then(|pattern| pattern.next_after(due.now_is));
    let fired: Fired = tx
        .row(
            sql("SELECT core.fire_schedule($1, $2, $3) AS job")
                .bind::<SqlUuid, _>(due.schedule_id)
                .bind::<SqlUuid, _>(JobId::new())
                .bind::<Nullable<Timestamptz>, _>(next),
        )
        .await?;
    if !tx.finish(true).await? {
        return Err(Error::fault("a schedule's job was not kept"));
    }
    match fired.job {
        Some(_) => ring(),
        None => tracing::info!(schedule = %due.schedule_id, "passed over: its last job has not ended"),
    }
    Ok(true)
}

/// Asks for the jobs of schedules when they are due, until the process stops.
pub async fn keep_schedules(pools: Pools, mut stopping: watch::Receiver<bool>) {
    while !rest(&mut stopping, LOOK).await {
        loop {
            match fire_next(&pools).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(?error, "schedules do not answer");
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let pattern = Pattern::read(cron, zone).unwrap();
        let mut moment = from.parse::<DateTime<Utc>>().unwrap();
        (0..count)
            .map(|_| {
                moment = pattern.next_after(moment).unwrap();
                moment.format("%dT%H:%M").to_string()
            })
            .collect()
    }

    #[test]
    fn a_fixed_time_comes_once_a_day_where_the_clock_jumps() {
        // Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
        assert_eq!(
            times("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3),
            ["28T01:30", "29T01:00", "30T00:30"]
        );
        // 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC; 02:30 is at 00:30 and at 01:30 UTC.
        assert_eq!(times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), ["25T00:30", "26T01:30"]);
        // Lord Howe Island moves by half an hour.
        assert_eq!(times("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T12:00:00Z", 3).len(), 3);
    }

    #[test]
    fn what_comes_every_hour_comes_every_hour() {
        assert_eq!(
            times("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4),
            ["25T00:00", "25T01:00", "25T02:00", "25T03:00"]
        );
        assert_eq!(times("0 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", 2), ["29T01:00", "29T02:00"]);
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        for wrong in ["", "* * * *", "0 0 0 * * *", "61 * * * *", "x * * * *", "0 0 31 2 *"] {
            let read = Pattern::read(wrong, "Europe/Berlin");
            assert!(
                read.as_ref().map_or(true, |pattern| pattern.next_after(Utc::now()).is_none()),
                "{wrong}: {read:?}"
            );
        }
        assert!(Pattern::read("0 0 * * *", "Europe/Nowhere").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_next_time_is_always_later(minute in 0_u32..60, hour in 0_u32..24, at in 1_700_000_000_i64..1_900_000_000, zone in 0_usize..5) {
            let zone = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"][zone];
            let moment = DateTime::from_timestamp(at, 0).unwrap();
            let next = Pattern::read(&format!("{minute} {hour} * * *"), zone).unwrap().next_after(moment).unwrap();
            prop_assert!(next > moment && next - moment <= chrono::TimeDelta::hours(26));
        }
    }
}
