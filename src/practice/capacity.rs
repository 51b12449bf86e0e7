//! How much the provider's staff can take on: hours a week from a day on, less absences, beside the estimates of what is open and
//! due in each week.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use chrono::{Datelike, Days};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// The most weeks that are looked at once.
const MOST_WEEKS: i64 = 26;

/// A week of somebody of the staff.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct StaffWeek {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    account_id: Uuid,
    /// The Monday with which it begins.
    #[diesel(sql_type = SqlDate)]
    pub week: Date,
    /// The hours that he works in such a week, absences aside; 0 where nobody has said.
    #[diesel(sql_type = Numeric)]
    pub hours: Dec,
    /// The days from Monday to Friday on which he is away.
    #[diesel(sql_type = BigInt)]
    pub absent_days: i64,
    /// What is left of the hours, in minutes.
    #[diesel(sql_type = BigInt)]
    pub available_minutes: i64,
    /// What the open items that he has and that are due in that week are thought to take, in minutes; what is overdue is due in
    /// the first week that is asked for.
    #[diesel(sql_type = BigInt)]
    pub planned_minutes: i64,
    /// How many items these are.
    #[diesel(sql_type = BigInt)]
    pub items: i64,
    /// How many of them nobody has estimated: they count for nothing.
    #[diesel(sql_type = BigInt)]
    pub without_estimate: i64,
}

#[ComplexObject]
impl StaffWeek {
    /// What is left when all of it is done, in minutes; below 0: more is planned than he has.
    async fn free_minutes(&self) -> i64 {
        self.available_minutes.saturating_sub(self.planned_minutes)
    }

    /// How that comes about, as a sentence.
    async fn explanation(&self) -> String {
        format!(
            "{} hours a week less {} of 5 days away are {} minutes; {} open items that are due take {} minutes, {} of them without an estimate.",
            self.hours.0,
            self.absent_days,
            self.available_minutes,
            self.items,
            self.planned_minutes,
            self.without_estimate
        )
    }
}

/// Somebody of the staff with his weeks.
#[derive(SimpleObject, Clone, Debug)]
pub struct StaffCapacity {
    /// The person's user id.
    pub user_id: UserId,
    /// The person's name.
    pub name: String,
    /// His weeks, in their order.
    pub weeks: Vec<StaffWeek>,
}

crate::platform::connection!(
    /// A page of what the staff can take on.
    StaffCapacityConnection, StaffCapacityEdge, StaffCapacity
);

/// How many hours somebody works.
#[derive(InputObject, Clone, Debug)]
pub struct StaffHoursSetInput {
    /// One of the provider's staff.
    pub user: UserId,
    /// From which day on, until the next one of which something is said.
    pub from: Date,
    /// Hours a week, 0 to 80 with at most two decimals, spread over Monday to Friday.
    pub hours: Dec,
}

/// Somebody is away.
#[derive(InputObject, Clone, Debug)]
pub struct StaffAbsenceAddInput {
    /// One of the provider's staff.
    pub user: UserId,
    /// The first day.
    pub from: Date,
    /// The first day on which he is there again, at most 400 days later.
    pub until: Date,
    /// What is to be said about it, at most 200 characters.
    pub note: Option<String>,
}

/// Somebody is not away after all.
#[derive(InputObject, Clone, Debug)]
pub struct StaffAbsenceRemoveInput {
    /// The person.
    pub user: UserId,
    /// The first day of the absence.
    pub from: Date,
}

crate::platform::payload! {
    /// What became of what somebody can take on.
    StaffCapacityPayload {
        /// The four weeks from the one on that was changed.
        staff_capacity: StaffCapacity
    }
}

#[derive(QueryableByName, Clone)]
struct Person {
    #[diesel(sql_type = SqlUuid)]
    id: UserId,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Overlap {
    #[diesel(sql_type = Bool)]
    overlaps: bool,
}

/// The Monday of a day's week.
fn monday(day: Date) -> Date {
    let back = Days::new(u64::from(day.0.weekday().num_days_from_monday()));
    Date(day.0.checked_sub_days(back).unwrap_or(day.0))
}

async fn weeks(tx: &Tx, people: Vec<Person>, from: Date, until: Date) -> Result<Vec<StaffCapacity>> {
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let rows: Vec<StaffWeek> = tx
        .rows(
            sql("SELECT w.* FROM practice.staff_weeks($1, $2, $3) w")
                .bind::<Array<SqlUuid>, _>(ids)
                .bind::<SqlDate, _>(monday(from))
                .bind::<SqlDate, _>(until),
        )
        .await?;
    let mut by_person: HashMap<Uuid, Vec<StaffWeek>> = HashMap::new();
    for row in rows {
        by_person.entry(row.account_id).or_default().push(row);
    }
    let with = |person: Person| {
        let weeks = by_person.remove(&person.id.0).unwrap_or_default();
        StaffCapacity { user_id: person.id, name: person.name, weeks }
    };
    Ok(people.into_iter().map(with).collect())
}

/// One of the staff, locked: what is said of him is said one after the other.
async fn person(tx: &Tx, id: UserId) -> Result<Person> {
    let found: Option<Person> = tx
        .maybe(
            sql(
                "SELECT a.id, a.name FROM identity.account a, pg_advisory_xact_lock(4210221, hashtext(a.id::text)) AS l
                  WHERE a.id = $1 AND a.staff AND a.disabled_at IS NULL",
            )
            .bind::<SqlUuid, _>(id),
        )
        .await?;
    found.ok_or_else(|| Error::not_found("user", "member of the staff"))
}

async fn four_weeks(tx: &Tx, person: Person, from: Date) -> Result<StaffCapacity> {
    let until = Date(monday(from).0.checked_add_days(Days::new(28)).unwrap_or(from.0));
    weeks(tx, vec![person], from, until).await?.pop().ok_or_else(|| Error::fault("somebody has no weeks"))
}

async fn set_hours(tx: &Tx, input: StaffHoursSetInput) -> Result<StaffCapacity> {
    let hours = input.hours.0;
    if hours.is_sign_negative() || hours > 80.into() || hours.normalize().scale() > 2 {
        let message = "Somebody works 0 to 80 hours a week, with at most two decimals.";
        return Err(Error::refuse(UserErrorCode::Invalid, "hours", message));
    }
    let person = person(tx, input.user).await?;
    tx.exec(
        sql("INSERT INTO practice.staff_hours AS h (account_id, from_on, hours) VALUES ($1, $2, $3)
             ON CONFLICT (account_id, from_on) DO UPDATE SET hours = excluded.hours")
        .bind::<SqlUuid, _>(input.user)
        .bind::<SqlDate, _>(input.from)
        .bind::<Numeric, _>(input.hours),
    )
    .await?;
    four_weeks(tx, person, input.from).await
}

async fn add_absence(tx: &Tx, input: StaffAbsenceAddInput) -> Result<StaffCapacity> {
    let note = input.note.unwrap_or_default();
    sized("note", &note, 0..=200)?;
    let days = (input.until.0 - input.from.0).num_days();
    if !(1..=400).contains(&days) {
        let message = "Somebody is away for 1 to 400 days.";
        return Err(Error::refuse(UserErrorCode::Invalid, "until", message));
    }
    let person = person(tx, input.user).await?;
    let overlap: Overlap = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM practice.staff_absence o
                                 WHERE o.account_id = $1 AND o.from_on < $3 AND o.until_on > $2) AS overlaps")
            .bind::<SqlUuid, _>(input.user)
            .bind::<SqlDate, _>(input.from)
            .bind::<SqlDate, _>(input.until),
        )
        .await?;
    if overlap.overlaps {
        return Err(Error::refuse(UserErrorCode::Duplicate, "from", "This person is away in that time already."));
    }
    tx.exec(
        sql("INSERT INTO practice.staff_absence (id, account_id, from_on, until_on, note) VALUES ($1, $2, $3, $4, $5)")
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<SqlUuid, _>(input.user)
            .bind::<SqlDate, _>(input.from)
            .bind::<SqlDate, _>(input.until)
            .bind::<Text, _>(note),
    )
    .await?;
    four_weeks(tx, person, input.from).await
}

async fn remove_absence(tx: &Tx, input: StaffAbsenceRemoveInput) -> Result<StaffCapacity> {
    let person = person(tx, input.user).await?;
    let removed = tx
        .exec(
            sql("DELETE FROM practice.staff_absence o WHERE o.account_id = $1 AND o.from_on = $2")
                .bind::<SqlUuid, _>(input.user)
                .bind::<SqlDate, _>(input.from),
        )
        .await?;
    if removed == 0 {
        return Err(Error::not_found("from", "absence that begins on that day"));
    }
    four_weeks(tx, person, input.from).await
}

/// Queries about what the staff can take on.
#[derive(Default)]
pub struct CapacityQuery;

#[Object]
impl CapacityQuery {
    /// What the staff can take on and what is planned for it, by name and week, over all clients. Needs a token without client.
    /// Right: `practice.capacity.manage`.
    async fn staff_capacity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A day of the first week.")] from: Date,
        #[graphql(desc = "The first day behind the last week, at most 26 weeks later.")] until: Date,
        #[graphql(desc = "How many people, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<StaffCapacityConnection> {
        let tx = ctx.provider(Can::CapacityManage).await?;
        let days = (until.0 - monday(from).0).num_days();
        if days <= 0 || days > MOST_WEEKS.saturating_mul(7) {
            return Err(Error::BadInput(format!("Look at 1 to {MOST_WEEKS} weeks at once.")).into());
        }
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let counted: Count = tx
                .row(sql("SELECT count(*) AS count FROM identity.account a WHERE a.staff AND a.disabled_at IS NULL"))
                .await?;
            Some(counted.count)
        } else {
            None
        };
        let (name, id) = slice.after.clone().unzip();
        let people: Vec<Person> = tx
            .rows(
                sql("SELECT a.id, a.name FROM identity.account a
                      WHERE a.staff AND a.disabled_at IS NULL AND ($1::text IS NULL OR (a.name, a.id) > ($1, $2))
                      ORDER BY a.name, a.id LIMIT $3")
                .bind::<Nullable<Text>, _>(name)
                .bind::<Nullable<SqlUuid>, _>(id)
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        let rows = weeks(tx, people, from, until).await?;
        Ok(StaffCapacityConnection::new(ctx, &slice, rows, |row| encode(&row.name, row.user_id.0), total))
    }
}

/// Changes of what the staff can take on.
#[derive(Default)]
pub struct CapacityMutation;

#[Object]
impl CapacityMutation {
    /// Says how many hours a week somebody works from a day on. Needs a token without client. Right: `practice.capacity.manage`.
    async fn staff_hours_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, from when on, how many.")] input: StaffHoursSetInput,
    ) -> async_graphql::Result<Option<StaffCapacityPayload>> {
        StaffCapacityPayload::settle(ctx, set_hours(ctx.provider(Can::CapacityManage).await?, input).await)
    }

    /// Says that somebody is away. Needs a token without client. Right: `practice.capacity.manage`.
    async fn staff_absence_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and when.")] input: StaffAbsenceAddInput,
    ) -> async_graphql::Result<Option<StaffCapacityPayload>> {
        StaffCapacityPayload::settle(ctx, add_absence(ctx.provider(Can::CapacityManage).await?, input).await)
    }

    /// Says that somebody is not away after all. Needs a token without client. Right: `practice.capacity.manage`.
    async fn staff_absence_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and when.")] input: StaffAbsenceRemoveInput,
    ) -> async_graphql::Result<Option<StaffCapacityPayload>> {
        StaffCapacityPayload::settle(ctx, remove_absence(ctx.provider(Can::CapacityManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_its_monday() {
        let day = |text: &str| Date(text.parse().unwrap());
        for (of, begins) in [("2026-03-02", "2026-03-02"), ("2026-03-08", "2026-03-02"), ("2027-01-01", "2026-12-28")] {
            assert_eq!(monday(day(of)), day(begins));
        }
    }
}
