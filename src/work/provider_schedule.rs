//! What the provider has done again and again: the sweeping, to begin with.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use chrono::Utc;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::job::JobState;
use crate::platform::jobs::JobName;
use crate::platform::scalars::{DateTime, TimeZone};
use crate::platform::schedules::Pattern;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

crate::platform::ids! {
    /// Names a schedule of the provider.
    ProviderScheduleId = "psc";
}

/// A job of the provider that comes again. It belongs to no client and sees none.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct ProviderSchedule {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: ProviderScheduleId,
    /// Name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// What its jobs do.
    #[diesel(sql_type = Text)]
    pub kind: JobName,
    /// When: minute, hour, day of month, month, day of week.
    #[diesel(sql_type = Text)]
    pub cron: String,
    /// The zone whose wall clock that is.
    #[diesel(sql_type = Text)]
    pub time_zone: TimeZone,
    /// Since when it is paused; null if it is not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub paused_at: Option<DateTime>,
    /// When it is due next; null while it is paused.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub next_due_at: Option<DateTime>,
    /// The time it was last due for; null if it never was.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_due_at: Option<DateTime>,
    /// How its last job stands; null if it had none.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_job_state: Option<JobState>,
    /// When its last job ended; null if it has not, or there was none.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_job_ended_at: Option<DateTime>,
}

/// What changes of a schedule of the provider.
#[derive(InputObject, Clone, Debug)]
pub struct ProviderScheduleUpdateInput {
    /// The schedule.
    pub id: ProviderScheduleId,
    /// When: minute, hour, day of month, month, day of week.
    pub cron: Option<String>,
    /// The zone whose wall clock that is.
    pub time_zone: Option<TimeZone>,
    /// True pauses it, false lets it go on.
    pub paused: Option<bool>,
}

crate::platform::payload!(
    /// What became of a schedule of the provider.
    ProviderSchedulePayload {
        /// The schedule as it is now.
        provider_schedule: ProviderSchedule
    }
);

async fn all(tx: &Tx) -> Result<Vec<ProviderSchedule>> {
    tx.rows(sql("SELECT s.id, s.name, s.kind, s.cron, s.time_zone, s.paused_at, s.next_due_at, s.last_due_at,
                j.state AS last_job_state, j.ended_at AS last_job_ended_at
           FROM core.provider_schedule s LEFT JOIN core.provider_job j ON j.id = s.last_job_id ORDER BY s.name"))
        .await
}

async fn one(tx: &Tx, id: ProviderScheduleId) -> Result<ProviderSchedule> {
    let found = all(tx).await?.into_iter().find(|one| one.id == id);
    found.ok_or_else(|| Error::not_found("id", "schedule"))
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = Bool)]
    #[allow(dead_code, reason = "the statement has to give a row")]
    changed: bool,
}

async fn update(tx: &Tx, input: ProviderScheduleUpdateInput) -> Result<ProviderSchedule> {
    let known = one(tx, input.id).await?;
    let (cron, zone) = (input.cron.unwrap_or(known.cron), input.time_zone.unwrap_or(known.time_zone));
    let refused = |message: String| Error::refuse(UserErrorCode::Invalid, "cron", message);
    let pattern = Pattern::read(&cron, &zone.0).map_err(refused)?;
    let due = pattern.next_after(Utc::now());
    if cron.len() > 100 || due.is_none() {
        return Err(refused("This time never comes.".to_owned()));
    }
    let paused = input.paused.unwrap_or(known.paused_at.is_some());
    let _: Changed = tx
        .row(
            sql("SELECT core.change_provider_schedule($1, $2, $3, $4, $5) AS changed")
                .bind::<SqlUuid, _>(input.id)
                .bind::<Text, _>(cron)
                .bind::<Text, _>(zone.0)
                .bind::<Bool, _>(paused)
                .bind::<Nullable<Timestamptz>, _>(due.filter(|_| !paused)),
        )
        .await?;
    one(tx, input.id).await
}

/// Queries about the provider's schedules.
#[derive(Default)]
pub struct ProviderScheduleQuery;

#[Object]
impl ProviderScheduleQuery {
    /// What the provider has done again and again. Needs a token without client. Right: `work.provider_schedule.manage`.
    async fn provider_schedules(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ProviderSchedule>> {
        Ok(all(ctx.provider(Can::ProviderScheduleManage).await?).await?)
    }
}

/// Changes of the provider's schedules.
#[derive(Default)]
pub struct ProviderScheduleMutation;

#[Object]
impl ProviderScheduleMutation {
    /// Changes when something of the provider's is done, or pauses it. Needs a token without client. Right:
    /// `work.provider_schedule.manage`.
    async fn provider_schedule_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: ProviderScheduleUpdateInput,
    ) -> async_graphql::Result<Option<ProviderSchedulePayload>> {
        ProviderSchedulePayload::settle(ctx, update(ctx.provider(Can::ProviderScheduleManage).await?, input).await)
    }
}
