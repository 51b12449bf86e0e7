//! Making recurring work and changing it: all of it, from a day on, or a single time. What was opened stays as it is.

use async_graphql::{Context, MaybeUndefined, Object};
use chrono::NaiveDate;
use diesel::prelude::*;

use super::input::{
    RecurringWorkCreateInput, RecurringWorkEndInput, RecurringWorkInput, RecurringWorkOccurrenceUpdateInput,
    RecurringWorkUpdateInput, check_alone, check_periods, check_template, minute, wrong_rule,
};
use super::plan::{Plan, before};
use super::{Exceptions, MOST_EXCEPTIONS, RecurringWork, WorkPeriod, job, open};
use crate::clocks::ids::BusinessCalendarId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{TeamId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::practice::engagement;
use crate::schema::{recurring_work, recurring_work_exception};
use crate::work::ids::RecurringWorkId;
use crate::work::item::assign;

/// How many days ago work may have begun to come.
const OLDEST_DAYS: i64 = 366;
/// How many runs a command opens at most; the job opens the rest.
const AT_ONCE: usize = 10;

crate::platform::payload! {
    /// What became of recurring work.
    RecurringWorkPayload {
        /// The work as it is now; where it changed from a day on, the work that begins there.
        recurring_work: RecurringWork
    }
}

/// What is written of new work.
struct Row {
    name: String,
    service: String,
    template: String,
    rule: String,
    starts_on: NaiveDate,
    minute: i32,
    until: Option<Date>,
    period: WorkPeriod,
    shift: i32,
    calendar: Option<BusinessCalendarId>,
    assignee: Option<UserId>,
    team: Option<TeamId>,
    opened_through: DateTime,
}

async fn insert(tx: &Tx, row: Row) -> Result<RecurringWork> {
    tx.row(
        diesel::insert_into(recurring_work::table)
            .values((
                recurring_work::tenant_id.eq(tx.tenant()?),
                recurring_work::id.eq(RecurringWorkId::new()),
                recurring_work::name.eq(row.name),
                recurring_work::service_code.eq(row.service),
                recurring_work::template_code.eq(row.template),
                recurring_work::rule.eq(row.rule),
                recurring_work::starts_on.eq(Date(row.starts_on)),
                recurring_work::at_minute.eq(row.minute),
                recurring_work::until_on.eq(row.until),
                recurring_work::period_unit.eq(row.period),
                recurring_work::period_shift.eq(row.shift),
                recurring_work::calendar_id.eq(row.calendar),
                recurring_work::assignee_id.eq(row.assignee),
                recurring_work::team_id.eq(row.team),
                recurring_work::opened_through.eq(row.opened_through),
            ))
            .returning(RecurringWork::as_returning()),
    )
    .await
}

/// Opens what is due at once, as far as a command does, and asks for the job that opens what comes.
async fn go_on(tx: &Tx, work: RecurringWork) -> Result<RecurringWork> {
    let (work, more) = open::open_due(tx, work, AT_ONCE).await?;
    // What is left is due already: the job's time has come.
    let waiting = RecurringWork { next_at: if more { Some(DateTime(tx.now())) } else { work.next_at }, ..work.clone() };
    job::wait(tx, &waiting).await?;
    Ok(work)
}

async fn create(tx: &Tx, input: RecurringWorkCreateInput) -> Result<RecurringWork> {
    sized("name", &input.name, 1..=200)?;
    let minute = minute(input.time.as_deref())?;
    let shift = input.period_shift.unwrap_or_default();
    if !(-12..=12).contains(&shift) {
        return Err(Error::refuse(UserErrorCode::Invalid, "periodShift", "This is -12 to 12."));
    }
    let starts_on = input.starts_on.0;
    if (tx.today() - starts_on).num_days() > OLDEST_DAYS {
        let message = "Work begins to come at most 366 days ago.";
        return Err(Error::refuse(UserErrorCode::Invalid, "startsOn", message));
    }
    let plan =
        Plan::new(&input.rule, starts_on, minute, tx.time_zone(), None, Vec::new()).map_err(|e| wrong_rule(&e))?;
    check_periods(&plan, input.period, shift)?;
    if !engagement::is_live_from(tx, &input.service, Date(tx.today().min(starts_on))).await? {
        let message = "No engagement of this client covers the service, so nothing of it is done.";
        return Err(Error::refuse(UserErrorCode::State, "service", message));
    }
    check_template(tx, &input.template, input.calendar).await?;
    check_alone(tx, None, &input.service, input.period, (starts_on, None)).await?;
    if let Some(person) = input.assignee {
        assign::check_person(tx, person, false, "assignee").await?;
    }
    if let Some(team) = input.team {
        assign::check_team(tx, team, "team").await?;
    }
    let made = insert(
        tx,
        Row {
            name: input.name,
            service: input.service,
            template: input.template,
            rule: input.rule,
            starts_on,
            minute,
            until: None,
            period: input.period,
            shift,
            calendar: input.calendar,
            assignee: input.assignee,
            team: input.team,
            opened_through: DateTime(before(starts_on, tx.time_zone())),
        },
    )
    .await?;
    emit(tx, EventKind::RecurringWorkCreated, made.id.0);
    go_on(tx, made).await
}

async fn held(tx: &Tx, id: RecurringWorkId) -> Result<RecurringWork> {
    open::held(tx, id).await?.ok_or_else(|| Error::not_found("id", "recurring work"))
}

/// Ends work before a day, and its job.
async fn cut(tx: &Tx, id: RecurringWorkId, until: NaiveDate) -> Result<RecurringWork> {
    let ended: RecurringWork = tx
        .row(
            diesel::update(
                recurring_work::table
                    .filter(recurring_work::tenant_id.eq(tx.tenant()?))
                    .filter(recurring_work::id.eq(id)),
            )
            .set((
                recurring_work::until_on.eq(Some(Date(until))),
                recurring_work::generation.eq(recurring_work::generation + 1),
            ))
            .returning(RecurringWork::as_returning()),
        )
        .await?;
    go_on(tx, ended).await
}

async fn update(tx: &Tx, input: RecurringWorkUpdateInput) -> Result<RecurringWork> {
    let found = held(tx, input.id).await?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The recurring work was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    let name = input.name.unwrap_or_else(|| found.name.clone());
    sized("name", &name, 1..=200)?;
    let at_minute = match &input.time {
        Some(time) => minute(Some(time))?,
        None => found.at_minute,
    };
    let given = |undefined, value: MaybeUndefined<_>| match value {
        MaybeUndefined::Undefined => undefined,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(value) => Some(value),
    };
    let calendar = given(found.calendar_id, input.calendar);
    let assignee = match input.assignee {
        MaybeUndefined::Undefined => found.assignee_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(person) => {
            assign::check_person(tx, person, false, "assignee").await?;
            Some(person)
        }
    };
    let team = match input.team {
        MaybeUndefined::Undefined => found.team_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(team) => {
            assign::check_team(tx, team, "team").await?;
            Some(team)
        }
    };
    let template = input.template.unwrap_or_else(|| found.template_code.clone());
    check_template(tx, &template, calendar).await?;
    let exceptions = Exceptions::fetch(tx, vec![found.id]).await?.remove(&found.id).unwrap_or_default();
    let zone = tx.time_zone();
    let Some(from) = input.from.map(|day| day.0) else {
        let rule = input.rule.unwrap_or_else(|| found.rule.clone());
        let plan =
            Plan::new(&rule, found.starts_on.0, at_minute, zone, None, Vec::new()).map_err(|e| wrong_rule(&e))?;
        check_periods(&plan, found.period, found.period_shift)?;
        let changed: RecurringWork = tx
            .row(
                diesel::update(
                    recurring_work::table
                        .filter(recurring_work::tenant_id.eq(tx.tenant()?))
                        .filter(recurring_work::id.eq(found.id)),
                )
                .set((
                    recurring_work::name.eq(name),
                    recurring_work::template_code.eq(template),
                    recurring_work::rule.eq(rule),
                    recurring_work::at_minute.eq(at_minute),
                    recurring_work::calendar_id.eq(calendar),
                    recurring_work::assignee_id.eq(assignee),
                    recurring_work::team_id.eq(team),
                    recurring_work::generation.eq(recurring_work::generation + 1),
                ))
                .returning(RecurringWork::as_returning()),
            )
            .await?;
        emit(tx, EventKind::RecurringWorkUpdated, changed.id.0);
        return go_on(tx, changed).await;
    };
    let plan = found.plan(tx, exceptions)?;
    if found.until.is_some_and(|until| from >= until.0) || from <= found.starts_on.0 {
        let message = "This is a day behind the first one, and before the end.";
        return Err(Error::refuse(UserErrorCode::Invalid, "from", message));
    }
    if plan.at(from) <= found.opened_through.0 {
        let message = "What comes up to this day was opened already.";
        return Err(Error::refuse(UserErrorCode::State, "from", message));
    }
    let (rule, starts_on) = match input.rule {
        // Another rule counts from the day of the change on.
        Some(rule) => (rule, from),
        None => plan.rest_from(from).ok_or_else(|| {
            let message = "It does not come any more from this day on.";
            Error::refuse(UserErrorCode::State, "from", message)
        })?,
    };
    let next = Plan::new(&rule, starts_on, at_minute, zone, None, Vec::new()).map_err(|e| wrong_rule(&e))?;
    check_periods(&next, found.period, found.period_shift)?;
    let (until, opened_through) = (found.until, found.opened_through);
    let ended = cut(tx, found.id, from).await?;
    emit(tx, EventKind::RecurringWorkUpdated, ended.id.0);
    let made = insert(
        tx,
        Row {
            name,
            service: found.service_code,
            template,
            rule,
            starts_on,
            minute: at_minute,
            until,
            period: found.period,
            shift: found.period_shift,
            calendar,
            assignee,
            team,
            opened_through: DateTime(before(from, zone).max(opened_through.0)),
        },
    )
    .await?;
    emit(tx, EventKind::RecurringWorkCreated, made.id.0);
    go_on(tx, made).await
}

async fn change_one(tx: &Tx, input: RecurringWorkOccurrenceUpdateInput) -> Result<RecurringWork> {
    let found = held(tx, input.id).await?;
    let day = input.occurs_on;
    let exceptions = Exceptions::fetch(tx, vec![found.id]).await?.remove(&found.id).unwrap_or_default();
    let known = exceptions.iter().find(|(known, _)| *known == day).map(|(_, to)| *to);
    let count = exceptions.len();
    let plan = found.plan(tx, exceptions)?;
    if !plan.names(day.0) {
        return Err(Error::refuse(UserErrorCode::NotFound, "occursOn", "The rule does not name this day."));
    }
    let comes = plan.at(known.flatten().map_or(day.0, |to| to.0));
    if comes <= found.opened_through.0 {
        let message = "This was opened already: change its work items.";
        return Err(Error::refuse(UserErrorCode::State, "occursOn", message));
    }
    if known.is_none() && count >= MOST_EXCEPTIONS {
        return Err(Error::refuse(UserErrorCode::State, "occursOn", "At most 200 single days are otherwise."));
    }
    if input.move_to.is_some_and(|to| plan.at(to.0) <= tx.now()) {
        return Err(Error::refuse(UserErrorCode::Invalid, "moveTo", "It is moved to a time that lies ahead."));
    }
    let restore = input.restore.unwrap_or_default();
    if restore && input.move_to.is_some() {
        return Err(Error::refuse(UserErrorCode::Invalid, "moveTo", "It is either moved or comes as its rule says."));
    }
    let own = recurring_work_exception::table
        .filter(recurring_work_exception::tenant_id.eq(tx.tenant()?))
        .filter(recurring_work_exception::work_id.eq(found.id))
        .filter(recurring_work_exception::occurs_on.eq(day));
    tx.exec(diesel::delete(own)).await?;
    if !restore {
        tx.exec(diesel::insert_into(recurring_work_exception::table).values((
            recurring_work_exception::tenant_id.eq(tx.tenant()?),
            recurring_work_exception::id.eq(new_uuid()),
            recurring_work_exception::work_id.eq(found.id),
            recurring_work_exception::occurs_on.eq(day),
            recurring_work_exception::moved_to.eq(input.move_to),
        )))
        .await?;
    }
    emit(tx, EventKind::RecurringWorkUpdated, found.id.0);
    anew(tx, found.id).await
}

/// Asks for another job than the one that waits: its next time may be another one.
async fn anew(tx: &Tx, id: RecurringWorkId) -> Result<RecurringWork> {
    let moved: RecurringWork = tx
        .row(
            diesel::update(
                recurring_work::table
                    .filter(recurring_work::tenant_id.eq(tx.tenant()?))
                    .filter(recurring_work::id.eq(id)),
            )
            .set(recurring_work::generation.eq(recurring_work::generation + 1))
            .returning(RecurringWork::as_returning()),
        )
        .await?;
    go_on(tx, moved).await
}

async fn end(tx: &Tx, input: RecurringWorkEndInput) -> Result<RecurringWork> {
    let found = held(tx, input.id).await?;
    let until = input.until.map_or(tx.today(), |day| day.0);
    if until < found.starts_on.0 || found.until.is_some_and(|known| known.0 <= until) {
        let message = "It ends before that day already, or begins later.";
        return Err(Error::refuse(UserErrorCode::State, "until", message));
    }
    let ended = cut(tx, found.id, until).await?;
    emit(tx, EventKind::RecurringWorkUpdated, ended.id.0);
    Ok(ended)
}

/// Changes of recurring work.
#[derive(Default)]
pub struct RecurringMutation;

#[Object]
impl RecurringMutation {
    /// Has work come again and again; what is due already is opened at once. Its work is opened with the caller's rights,
    /// as they are then. Rights: `work.item.manage`, and `work.item.assign` to say who does it.
    async fn recurring_work_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The work.")] input: RecurringWorkCreateInput,
    ) -> async_graphql::Result<Option<RecurringWorkPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        if input.team.is_some() || input.assignee.is_some() {
            ctx.tx(Can::WorkItemAssign).await?;
        }
        RecurringWorkPayload::settle(ctx, create(tx, input).await)
    }

    /// Changes recurring work, all of it that was not opened or what comes from a day on. From then on its work is opened with
    /// the caller's rights. Rights: `work.item.manage`, and `work.item.assign` to say who does it.
    async fn recurring_work_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: RecurringWorkUpdateInput,
    ) -> async_graphql::Result<Option<RecurringWorkPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        if !input.team.is_undefined() || !input.assignee.is_undefined() {
            ctx.tx(Can::WorkItemAssign).await?;
        }
        RecurringWorkPayload::settle(ctx, update(tx, input).await)
    }

    /// Leaves out a single time of recurring work, moves it, or lets it come as its rule says after all. Right:
    /// `work.item.manage`.
    async fn recurring_work_occurrence_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how it is otherwise.")] input: RecurringWorkOccurrenceUpdateInput,
    ) -> async_graphql::Result<Option<RecurringWorkPayload>> {
        RecurringWorkPayload::settle(ctx, change_one(ctx.tx(Can::WorkItemManage).await?, input).await)
    }

    /// Ends recurring work. Right: `work.item.manage`.
    async fn recurring_work_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and from which day on.")] input: RecurringWorkEndInput,
    ) -> async_graphql::Result<Option<RecurringWorkPayload>> {
        RecurringWorkPayload::settle(ctx, end(ctx.tx(Can::WorkItemManage).await?, input).await)
    }

    /// Opens what is due of recurring work now, without waiting for its job: what was opened before is not opened again. From
    /// then on its work is opened with the caller's rights. Right: `work.item.manage`.
    async fn recurring_work_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RecurringWorkInput,
    ) -> async_graphql::Result<Option<RecurringWorkPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        let run = async {
            let found = held(tx, input.id).await?;
            anew(tx, found.id).await
        };
        RecurringWorkPayload::settle(ctx, run.await)
    }
}
