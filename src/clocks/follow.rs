//! Calendars of clients that follow one of the provider: what they have of it, and how their clocks are due anew when it has
//! changed. Whoever computes with a follower computes with what the provider says at that moment (`core.whole_calendar`).

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::SimpleObject;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::calendar::{self, BusinessCalendar};
use super::change;
use super::hours::{self, DayOpening};
use super::ids::{BusinessCalendarId, ProviderCalendarId};
use crate::platform::can::Can;
use crate::platform::db::{Pools, Tx};
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::renewals::{self, Renewal};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;
use crate::platform::workers::rest;

/// How often the list of those that are due anew is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How many are taken off it between two looks.
const EACH: i32 = 50;

/// A day that is otherwise, as the provider's calendar keeps it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptDay {
    /// The day.
    pub day: chrono::NaiveDate,
    /// Why.
    pub name: String,
    /// Minutes since midnight, beginning and end by turns.
    pub hours: Vec<i32>,
}

/// A day on which a calendar of the provider is otherwise than its week and holidays say.
#[derive(SimpleObject, Clone, Debug)]
pub struct ProviderCalendarException {
    /// The day; one exception a day.
    pub day: Date,
    /// Why, as it stands in explanations.
    pub name: String,
    /// When it is open on it, also if it is a holiday; nothing: it is closed.
    pub hours: Vec<DayOpening>,
}

/// The days of a calendar of the provider as they are shown.
pub(super) fn shown(kept: &serde_json::Value) -> Result<Vec<ProviderCalendarException>> {
    let days = Vec::<KeptDay>::deserialize(kept).map_err(Error::fault)?;
    let show = |one: KeptDay| ProviderCalendarException {
        day: Date(one.day),
        name: one.name,
        hours: hours::shown_day(&one.hours),
    };
    Ok(days.into_iter().map(show).collect())
}

/// What a client's calendar follows: a calendar that the provider keeps for many clients.
#[derive(SimpleObject, Clone, Debug)]
pub struct FollowedCalendar {
    /// The name of the provider's calendar.
    pub name: String,
    /// Single days on which it is otherwise, in their order. Exceptions of the client's own come before them.
    pub exceptions: Vec<ProviderCalendarException>,
}

/// A calendar of the provider, as one that follows it has it.
#[derive(QueryableByName, Clone, Debug)]
pub(super) struct Followed {
    #[diesel(sql_type = SqlUuid)]
    id: ProviderCalendarId,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub time_zone: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub region: Option<String>,
    #[diesel(sql_type = Array<Int4>)]
    pub hours: Vec<i32>,
    #[diesel(sql_type = Jsonb)]
    exceptions: serde_json::Value,
}

impl Followed {
    /// As the client sees it.
    pub fn seen(self) -> Result<FollowedCalendar> {
        Ok(FollowedCalendar { exceptions: shown(&self.exceptions)?, name: self.name })
    }
}

impl Fetch for Followed {
    type Key = ProviderCalendarId;
    type Value = Self;
    const CAN: Can = Can::CalendarRead;

    async fn fetch(tx: &Tx, keys: Vec<ProviderCalendarId>) -> Result<HashMap<ProviderCalendarId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT p.id, p.name, coalesce(p.time_zone, $2) AS time_zone, p.region, p.hours, p.exceptions
                       FROM core.followed($1) p")
                .bind::<Array<SqlUuid>, _>(keys)
                .bind::<Text, _>(tx.time_zone().name().to_owned()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// What a calendar begins with that follows one of the provider.
#[derive(QueryableByName)]
pub(super) struct Followable {
    #[diesel(sql_type = Nullable<Text>)]
    pub time_zone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub region: Option<String>,
    #[diesel(sql_type = Array<Int4>)]
    pub hours: Vec<i32>,
}

/// The provider's calendar of that id for whoever may let a client's calendar follow it: the provider's staff. It stays as it is
/// until the transaction is over.
pub(super) async fn followable(tx: &Tx, id: ProviderCalendarId, field: &str) -> Result<Followable> {
    let found: Option<Followable> = tx
        .maybe(sql("SELECT f.time_zone, f.region, f.hours FROM core.followable($1) f").bind::<SqlUuid, _>(id))
        .await?;
    found.ok_or_else(|| Error::not_found(field, "calendar of the provider"))
}

/// Gives a follower as its own what it follows: hours, zone and holidays.
async fn take_over(tx: &Tx, id: BusinessCalendarId) -> Result<()> {
    tx.exec(
        sql("UPDATE core.business_calendar c
                SET time_zone = coalesce(p.time_zone, $3), region = p.region, hours = p.hours
               FROM (SELECT f.time_zone, f.region, f.hours
                       FROM core.business_calendar b CROSS JOIN LATERAL core.followed(ARRAY[b.follows_id]) f
                      WHERE b.tenant_id = $1 AND b.id = $2) p
              WHERE c.tenant_id = $1 AND c.id = $2")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(tx.time_zone().name().to_owned()),
    )
    .await?;
    Ok(())
}

/// Lets a calendar go its own way: it has as its own what it followed last, exceptions as well.
pub(super) async fn let_go(tx: &Tx, id: BusinessCalendarId) -> Result<()> {
    take_over(tx, id).await?;
    tx.exec(
        sql("INSERT INTO core.calendar_exception (tenant_id, id, calendar_id, day, name, hours)
             SELECT c.tenant_id, core.new_id(), c.id, (f.one ->> 'day')::date, f.one ->> 'name',
                    ARRAY (SELECT h::integer FROM jsonb_array_elements_text(f.one -> 'hours') WITH ORDINALITY AS t (h, place) ORDER BY t.place)
               FROM core.business_calendar c CROSS JOIN LATERAL core.followed(ARRAY[c.follows_id]) p, jsonb_array_elements(p.exceptions) AS f (one)
              WHERE c.tenant_id = $1 AND c.id = $2
                AND NOT EXISTS (SELECT 1 FROM core.calendar_exception x
                                 WHERE x.tenant_id = c.tenant_id AND x.calendar_id = c.id AND x.day = (f.one ->> 'day')::date)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id),
    )
    .await?;
    tx.exec(
        sql("UPDATE core.business_calendar c SET follows_id = NULL WHERE c.tenant_id = $1 AND c.id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id),
    )
    .await?;
    Ok(())
}

/// The name of a calendar as explanations say it: with that of the provider's calendar that it follows.
pub async fn said(tx: &Tx, calendar: &BusinessCalendar) -> Result<String> {
    let Some(id) = calendar.follows_id else { return Ok(calendar.name.clone()) };
    let followed = Followed::fetch(tx, vec![id]).await?.remove(&id);
    Ok(followed.map_or_else(|| calendar.name.clone(), |one| format!("{} ({})", calendar.name, one.name)))
}

/// Refuses a change of what a follower has of the provider's calendar.
pub(super) fn refuse_own(field: &str) -> Error {
    let message = "This calendar follows one of the provider, which says its zone, holidays and hours: make an exception, or \
                   let it go its own way (`follows: null`).";
    Error::refuse(UserErrorCode::State, field, message)
}

async fn renew(pools: &Pools, renewal: Renewal) -> Result<()> {
    let tx = renewals::open(pools, renewal, new_uuid()).await?;
    let id = BusinessCalendarId(renewal.calendar_id);
    let done = async {
        match calendar::locked(&tx, id, "id", false).await {
            Ok(_) => {}
            // It was deleted meanwhile: no clock runs in it.
            Err(Error::Refused(_)) => return Ok(()),
            Err(other) => return Err(other),
        }
        take_over(&tx, id).await?;
        change::due_anew(&tx, id).await?;
        emit(&tx, EventKind::BusinessCalendarUpdated, id.0);
        Ok(())
    };
    let done: Result<()> = done.await;
    let kept = tx.finish(done.is_ok()).await?;
    done?;
    if kept { Ok(()) } else { Err(Error::fault("the renewal of a calendar was not kept")) }
}

/// Renews followers whose calendar has changed, until the process stops.
pub async fn keep_renewing(pools: Pools, mut stopping: watch::Receiver<bool>) {
    while !rest(&mut stopping, LOOK).await {
        let due = match renewals::due(&pools, EACH).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(?error, "the list of renewals does not answer");
                continue;
            }
        };
        for renewal in due {
            let put_off = match renew(&pools, renewal).await {
                Ok(()) | Err(Error::Retry) => continue,
                Err(Error::Forbidden(_)) => renewals::put_off(&pools, renewal, true).await,
                Err(error) => {
                    tracing::warn!(?error, client = %renewal.client_id, "a calendar was not renewed");
                    renewals::put_off(&pools, renewal, false).await
                }
            };
            if let Err(error) = put_off {
                tracing::warn!(?error, "the list of renewals does not answer");
            }
        }
    }
}
