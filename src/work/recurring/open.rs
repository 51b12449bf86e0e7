//! Opening what is due: the items of a run, made of the steps of its template, with their due days and what they wait for.

use std::sync::Arc;

use backoffice_calendar::period::{Period, PeriodUnit};
use backoffice_calendar::{Calendar, Roll};
use chrono::{DateTime as Instant, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::plan::{Planned, days_from};
use super::{Exceptions, MOST_EXCEPTIONS, RecurringWork};
use crate::clocks::ids::BusinessCalendarId;
use crate::clocks::{calendar, follow};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{TeamId, UserId, WorkItemId};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::sql::sql;
use crate::practice::engagement;
use crate::practice::ids::EngagementId;
use crate::schema::{recurring_work, work_item};
use crate::work::ids::RecurringWorkId;
use crate::work::item::due::{self, WorkDue};
use crate::work::item::notice::{self, NoticeCause};
use crate::work::item::{WorkItemState, assign};
use crate::work::template::{self, WorkDueAnchor, WorkDueRoll, WorkTemplate, WorkTemplateStep};

/// The work of that id, held until the transaction ends: two that open it do so one after the other.
pub(super) async fn held(tx: &Tx, id: RecurringWorkId) -> Result<Option<RecurringWork>> {
    tx.maybe(
        recurring_work::table
            .filter(recurring_work::tenant_id.eq(tx.tenant()?))
            .filter(recurring_work::id.eq(id))
            .select(RecurringWork::as_select())
            .for_update(),
    )
    .await
}

/// The calendar that due days are computed in, with its name. One that was deleted goes on for work that names it.
async fn calendar_of(tx: &Tx, id: Option<BusinessCalendarId>) -> Result<Option<(String, Arc<Calendar>)>> {
    let id = match id {
        Some(id) => Some(id),
        None => calendar::default_of(tx).await?,
    };
    let Some(id) = id else { return Ok(None) };
    let Some(found) = calendar::BusinessCalendar::fetch(tx, vec![id]).await?.remove(&id) else { return Ok(None) };
    Ok(calendar::whole(tx, id).await?.zip(Some(follow::said(tx, &found).await?)).map(|(whole, name)| (name, whole)))
}

/// When a step is due.
fn due_of(
    step: &WorkTemplateStep,
    calendar: Option<&(String, Arc<Calendar>)>,
    period: &Period,
    planned: Planned,
) -> Result<WorkDue> {
    let (day, what) = match step.due_from {
        WorkDueAnchor::PeriodEnd => (period.last, format!("the last day of {}", period.name)),
        WorkDueAnchor::Occurrence => (planned.day, "the day on which it came".to_owned()),
    };
    let needed = || calendar.ok_or_else(|| Error::fault("recurring work has no calendar"));
    match (step.due_working_days, step.due_days) {
        (Some(count), _) => {
            let (name, calendar) = needed()?;
            due::by_working_days(calendar, name, day, Some(what), count)
        }
        (None, Some(days)) => {
            let stated = days_from(day, days).ok_or_else(|| Error::fault("a due day lies beyond all calendars"))?;
            let roll = match step.due_roll {
                WorkDueRoll::None => None,
                WorkDueRoll::Following => Some(Roll::Following),
                WorkDueRoll::ModifiedFollowing => Some(Roll::ModifiedFollowing),
                WorkDueRoll::Preceding => Some(Roll::Preceding),
            };
            let (name, calendar) = needed()?;
            due::by_days(calendar, name, (day, what), days, stated, roll)
        }
        (None, None) => Ok(WorkDue::default()),
    }
}

#[derive(QueryableByName)]
struct Opened {
    #[diesel(sql_type = SqlUuid)]
    #[allow(dead_code, reason = "the statement has to give a row")]
    id: Uuid,
}

/// Writes down a run, unless there is one of this service and period. Gives whether it was written.
async fn note(tx: &Tx, work: &RecurringWork, id: Uuid, period: &str, planned: Planned, passed: bool) -> Result<bool> {
    let noted: Option<Opened> = tx
        .maybe(
            sql("INSERT INTO practice.recurring_work_run (tenant_id, id, work_id, service_code, period, occurs_on, passed_over)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (tenant_id, service_code, period) WHERE NOT passed_over DO NOTHING RETURNING id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<SqlUuid, _>(work.id)
            .bind::<Text, _>(work.service_code.clone())
            .bind::<Text, _>(period.to_owned())
            .bind::<SqlDate, _>(Date(planned.occurs_on))
            .bind::<Bool, _>(passed),
        )
        .await?;
    Ok(noted.is_some())
}

/// Opens one run, if it was not opened before and a live engagement covers its day.
async fn open(tx: &Tx, work: &RecurringWork, steps: &[WorkTemplateStep], planned: Planned) -> Result<()> {
    let period =
        work.period_of(planned.occurs_on).ok_or_else(|| Error::fault("recurring work has no period where it comes"))?;
    let run = new_uuid();
    let Some(engagement) = engagement::live_on(tx, &work.service_code, Date(planned.day)).await? else {
        note(tx, work, run, &period.name, planned, true).await?;
        return Ok(());
    };
    if !note(tx, work, run, &period.name, planned, false).await? {
        return Ok(());
    }
    // Somebody who does not see the work any more is not given it: it is nobody's until it is given.
    let assignee = match work.assignee_id {
        Some(person) if assign::check_person(tx, person, false, "assignee").await.is_ok() => Some(person),
        _ => None,
    };
    let of = Belonging {
        calendar: work.calendar_id,
        assignee,
        team: work.team_id,
        service: Some(work.service_code.clone()),
        engagement: Some(engagement),
        run: Some(run),
        record: None,
    };
    lay(tx, &of, steps, &period, planned).await?;
    emit(tx, EventKind::RecurringWorkOpened, work.id.0);
    Ok(())
}

/// What the items of one run belong to.
struct Belonging {
    calendar: Option<BusinessCalendarId>,
    assignee: Option<UserId>,
    team: Option<TeamId>,
    service: Option<String>,
    engagement: Option<EngagementId>,
    run: Option<Uuid>,
    record: Option<(String, Uuid)>,
}

/// Opens the items of a template once, on the day of the transaction, and never again: the day is its period. Gives them with
/// their titles.
pub async fn lay_once(tx: &Tx, template: &WorkTemplate, service: Option<String>) -> Result<Vec<(WorkItemId, String)>> {
    let engagement = match &service {
        Some(service) => Some(engagement::expect_live(tx, service, "service").await?),
        None => None,
    };
    let day = tx.today();
    let period = Period::of(PeriodUnit::Day, day, 0).ok_or_else(|| Error::fault("today lies beyond all calendars"))?;
    let of = Belonging { calendar: None, assignee: None, team: None, service, engagement, run: None, record: None };
    lay(tx, &of, &template.steps, &period, Planned { at: tx.now(), occurs_on: day, day }).await
}

/// Opens the items of a template for a period, about a record of another department. Gives them with their titles.
pub async fn lay_for(
    tx: &Tx,
    template: &WorkTemplate,
    period: &Period,
    record: (String, Uuid),
    assignee: Option<UserId>,
) -> Result<Vec<(WorkItemId, String)>> {
    if let Some(person) = assignee {
        assign::check_person(tx, person, false, "assignee").await?;
    }
    let counted = |step: &WorkTemplateStep| step.due_days.is_some() || step.due_working_days.is_some();
    if template.steps.iter().any(counted) && calendar_of(tx, None).await?.is_none() {
        let message = "This client has no calendar to count due days in.";
        return Err(Error::refuse(UserErrorCode::State, "template", message));
    }
    let (day, record) = (tx.today(), Some(record));
    let of = Belonging { calendar: None, assignee, team: None, service: None, engagement: None, run: None, record };
    lay(tx, &of, &template.steps, period, Planned { at: tx.now(), occurs_on: day, day }).await
}

/// Opens the items of one run. Gives them with their titles.
async fn lay(
    tx: &Tx,
    of: &Belonging,
    steps: &[WorkTemplateStep],
    period: &Period,
    planned: Planned,
) -> Result<Vec<(WorkItemId, String)>> {
    let calendar = calendar_of(tx, of.calendar).await?;
    let first_stage = steps.first().map(|step| step.stage);
    let mut stages: Vec<(i32, Vec<WorkItemId>)> = Vec::new();
    let mut opened = Vec::new();
    for step in steps {
        let id = WorkItemId::new();
        let title = step.title.replace("{period}", &period.name);
        let due = due_of(step, calendar.as_ref(), period, planned)?;
        let gated = Some(step.stage) != first_stage;
        let before = stages.iter().rev().find(|(stage, _)| *stage < step.stage);
        tx.exec(diesel::insert_into(work_item::table).values((
            (
                work_item::tenant_id.eq(tx.tenant()?),
                work_item::id.eq(id),
                work_item::kind.eq(step.kind),
                work_item::title.eq(title.clone()),
                work_item::description.eq(step.description.clone()),
                work_item::priority.eq(step.priority),
                work_item::state.eq(if gated { WorkItemState::Waiting } else { WorkItemState::Open }),
                work_item::waiting_for.eq(before.map(|(stage, _)| format!("Stage {stage}"))),
                work_item::gated.eq(gated),
            ),
            work_item::due_on.eq(due.on),
            work_item::due_basis.eq(due.basis),
            work_item::assignee_id.eq(of.assignee),
            work_item::team_id.eq(of.team),
            work_item::service_code.eq(of.service.clone()),
            work_item::engagement_id.eq(of.engagement),
            work_item::run_id.eq(of.run),
            (
                work_item::record_prefix.eq(of.record.as_ref().map(|(prefix, _)| prefix.clone())),
                work_item::record_id.eq(of.record.as_ref().map(|(_, id)| *id)),
            ),
            work_item::created_by.eq(tx.actor()),
        )))
        .await?;
        if !step.checklist.is_empty() {
            tx.exec(
                sql("INSERT INTO practice.work_check (tenant_id, id, item_id, number, body)
                     SELECT $1, l.id, $2, l.place::integer, l.body FROM unnest($3::uuid[], $4::text[]) WITH ORDINALITY AS l (id, body, place)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(id)
                .bind::<Array<SqlUuid>, _>(step.checklist.iter().map(|_| new_uuid()).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(step.checklist.clone()),
            )
            .await?;
        }
        let needed: Vec<Uuid> = before.map(|(_, items)| items.iter().map(|item| item.0).collect()).unwrap_or_default();
        if !needed.is_empty() {
            tx.exec(
                sql("INSERT INTO practice.work_dependency (tenant_id, id, item_id, needs_id)
                     SELECT $1, l.id, $2, l.needs FROM unnest($3::uuid[], $4::uuid[]) AS l (id, needs)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(id)
                .bind::<Array<SqlUuid>, _>(needed.iter().map(|_| new_uuid()).collect::<Vec<_>>())
                .bind::<Array<SqlUuid>, _>(needed),
            )
            .await?;
        }
        match stages.last_mut() {
            Some((stage, items)) if *stage == step.stage => items.push(id),
            _ => stages.push((step.stage, vec![id])),
        }
        emit(tx, EventKind::WorkItemCreated, id.0);
        if !gated {
            notice::tell(tx, id, NoticeCause::Assigned, of.assignee.into_iter().collect()).await?;
        }
        opened.push((id, title));
    }
    Ok(opened)
}

/// Opens what is due of work that is held, at most so many runs. Gives the work as it is then, and whether more is due.
pub(super) async fn open_due(tx: &Tx, work: RecurringWork, most: usize) -> Result<(RecurringWork, bool)> {
    let exceptions = Exceptions::fetch(tx, vec![work.id]).await?.remove(&work.id).unwrap_or_default();
    let plan = work.plan(tx, exceptions)?;
    let now = tx.now();
    // With all that may have been moved to one instant, so that none of them is cut off from the others.
    let due = plan.between(work.opened_through.0, now, most.saturating_add(MOST_EXCEPTIONS).saturating_add(1));
    let last = due.get(most.saturating_sub(1)).map(|one| one.at);
    let these = due.iter().take_while(|one| last.is_none_or(|last| one.at <= last)).count();
    let more = due.len() > these;
    if !due.is_empty() {
        let template = template::named(tx, &work.template_code).await?;
        let template = template.ok_or_else(|| Error::fault("recurring work has no template"))?;
        for planned in due.iter().take(these) {
            open(tx, &work, &template.steps, *planned).await?;
        }
    }
    let through = match (more, last) {
        (true, Some(last)) => last,
        // What is due meanwhile, while this transaction lasts, is due the next time.
        _ => now.max(work.opened_through.0),
    };
    let next = plan.next(through, 1).first().map(|next| DateTime(next.at));
    Ok((stand(tx, work.id, through, next).await?, more))
}

/// Writes how far work has come and when it comes next.
async fn stand(tx: &Tx, id: RecurringWorkId, through: Instant<Utc>, next: Option<DateTime>) -> Result<RecurringWork> {
    tx.row(
        diesel::update(
            recurring_work::table.filter(recurring_work::tenant_id.eq(tx.tenant()?)).filter(recurring_work::id.eq(id)),
        )
        .set((recurring_work::opened_through.eq(DateTime(through)), recurring_work::next_at.eq(next)))
        .returning(RecurringWork::as_returning()),
    )
    .await
}
