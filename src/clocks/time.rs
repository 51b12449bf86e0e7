//! Business time: between two instants, and added to one.

use async_graphql::{Context, Object, SimpleObject};

use super::account::TimeAccount;
use super::calendar::named;
use super::ids::BusinessCalendarId;
use super::refused;
use crate::platform::can::Can;
use crate::platform::error::Error;
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;

/// An instant that was computed, and how.
#[derive(SimpleObject, Clone, Debug)]
pub struct BusinessInstant {
    /// The instant.
    pub at: DateTime,
    /// What counted and what was skipped on the way to it.
    pub explanation: TimeAccount,
}

/// Queries about business time.
#[derive(Default)]
pub struct TimeQuery;

#[Object]
impl TimeQuery {
    /// Business time between two instants, with the reason of everything that was skipped; null if the calendar's id is
    /// unknown. Right: `core.calendar.read`.
    async fn business_time_between(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar; the client's default if not said.")] calendar: Option<BusinessCalendarId>,
        #[graphql(desc = "From this instant on.")] from: DateTime,
        #[graphql(desc = "Up to this instant, which is not part of it; at most ten years later.")] until: DateTime,
    ) -> async_graphql::Result<Option<TimeAccount>> {
        let tx = ctx.tx(Can::CalendarRead).await?;
        let Some(calendar) = named(tx, calendar).await? else { return Ok(None) };
        let explanation = calendar.explain(from.0, until.0).map_err(refused)?;
        Ok(Some(TimeAccount::from(&explanation)))
    }

    /// The first instant by which so much business time has gone by, with the reason of everything that was skipped; null
    /// if the calendar's id is unknown. Right: `core.calendar.read`.
    async fn business_time_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar; the client's default if not said.")] calendar: Option<BusinessCalendarId>,
        #[graphql(desc = "From this instant on.")] from: DateTime,
        #[graphql(desc = "How many minutes of business time, from 0.")] minutes: i32,
    ) -> async_graphql::Result<Option<BusinessInstant>> {
        let tx = ctx.tx(Can::CalendarRead).await?;
        if minutes < 0 {
            return Err(Error::BadInput("`minutes` is not negative.".to_owned()).into());
        }
        let Some(calendar) = named(tx, calendar).await? else { return Ok(None) };
        let from = backoffice_calendar::timeline::whole(from.0);
        let at = calendar.add(from, i64::from(minutes) * 60).map_err(refused)?;
        let explanation = calendar.explain(from, at).map_err(refused)?;
        Ok(Some(BusinessInstant { at: DateTime(at), explanation: TimeAccount::from(&explanation) }))
    }
}
