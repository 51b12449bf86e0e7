//! When something can be booked: open in all calendars, nothing else in any, buffers, notice and lead kept.

use async_graphql::{Context, Object, SimpleObject};
use backoffice_calendar::slots::free;
use chrono::TimeDelta;

use super::calendar::AppointmentCalendar;
use super::ids::AppointmentCalendarId;
use crate::platform::can::Can;
use crate::platform::entity::Fetch;
use crate::platform::error::Error;
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;

/// The most slots of an answer.
const MOST: usize = 500;

/// A time at which an appointment can be booked.
#[derive(SimpleObject, Clone, Debug)]
pub struct AppointmentSlot {
    /// When it begins.
    pub starts_at: DateTime,
    /// When it is over.
    pub ends_at: DateTime,
}

/// Queries about free time.
#[derive(Default)]
pub struct SlotQuery;

#[Object]
impl SlotQuery {
    /// When an appointment of that length can be booked in all of these calendars, the first 500 times: one every `step`
    /// minutes from where the first calendar opens. Right: `work.appointment.read`.
    async fn appointment_slots(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The calendars, 1 to 20. Ids that are unknown, or of calendars that were deleted, give nothing."
        )]
        calendars: Vec<AppointmentCalendarId>,
        #[graphql(desc = "How long it takes: 1 to 44,640 minutes.")] minutes: i32,
        #[graphql(desc = "Only times that begin at this instant or later.")] from: DateTime,
        #[graphql(desc = "Only times that begin before this instant, at most 92 days later.")] until: DateTime,
        #[graphql(desc = "Minutes from one to the next, 5 to 1,440; 15 if not said.")] step: Option<i32>,
    ) -> async_graphql::Result<Vec<AppointmentSlot>> {
        let tx = ctx.tx(Can::AppointmentRead).await?;
        let step = step.unwrap_or(15);
        let bad = |message: &str| Err(Error::BadInput(message.to_owned()).into());
        if calendars.is_empty() || calendars.len() > 20 {
            return bad("1 to 20 calendars at once.");
        }
        if !(1..=super::book::LONGEST).contains(&minutes) || !(5..=1_440).contains(&step) {
            return bad("`minutes` is a number from 1 to 44640, `step` one from 5 to 1440.");
        }
        if until.0 - from.0 > TimeDelta::days(92) {
            return bad("At most 92 days at once.");
        }
        let mut found = AppointmentCalendar::fetch(tx, calendars.clone()).await?;
        let mut named = Vec::new();
        for id in calendars {
            match found.remove(&id).filter(|calendar| calendar.deleted_at.is_none()) {
                Some(calendar) => named.push(calendar),
                // named twice
                None if named.iter().any(|known: &AppointmentCalendar| known.id == id) => {}
                None => return Ok(Vec::new()),
            }
        }
        let (mut first, mut last) = (from.0, until.0);
        for calendar in &named {
            first = first.max(tx.now() + TimeDelta::minutes(calendar.notice.into()));
            last = last.min(tx.now() + TimeDelta::days(calendar.lead_days.into()));
        }
        if last <= first {
            return Ok(Vec::new());
        }
        // From the day before on, so that the grid is that of the hours and not that of the question.
        let length = TimeDelta::minutes(minutes.into());
        let seats = super::lay::seats(tx, &named, first - TimeDelta::days(1), last + length, false).await?;
        let at = |seconds: i64| {
            chrono::DateTime::from_timestamp(seconds, 0).map(DateTime).ok_or_else(|| Error::fault("an instant"))
        };
        // Instants with a fraction of a second begin with the next whole one.
        let first = first.timestamp().saturating_add(i64::from(first.timestamp_subsec_nanos() > 0));
        free(&seats, first, last.timestamp(), length.num_seconds(), i64::from(step) * 60, MOST)
            .into_iter()
            .map(|(starts, ends)| Ok(AppointmentSlot { starts_at: at(starts)?, ends_at: at(ends)? }))
            .collect()
    }
}
