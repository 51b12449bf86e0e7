//! Templates of work: what a service consists of, step by step, in stages that open one after the other. They are the
//! provider's own and serve all clients.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::item::{WorkItemKind, WorkPriority};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::work_template;

/// The most steps of a template.
const MOST: usize = 100;
/// The most lines of a step's checklist.
const MOST_CHECKS: usize = 100;

crate::platform::words! {
    /// The day from which the due day of a step is counted.
    WorkDueAnchor {
        /// The last day of the period that the work is done for.
        PeriodEnd = "period_end",
        /// The day on which the work comes.
        Occurrence = "occurrence",
    }
}

crate::platform::words! {
    /// Where a due day goes that is no working day.
    WorkDueRoll {
        /// It stays.
        None = "none",
        /// To the next working day.
        Following = "following",
        /// To the next working day, unless that lies in another month: then to the one before.
        ModifiedFollowing = "modified_following",
        /// To the working day before.
        Preceding = "preceding",
    }
}

/// Words as they are kept.
macro_rules! worded {
    ($($name:ident: $kind:ty,)+) => {
        $(mod $name {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub fn serialize<S: Serializer>(word: &$kind, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(word.text())
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$kind, D::Error> {
                let text = String::deserialize(from)?;
                <$kind>::parse(&text).ok_or_else(|| D::Error::custom("an unknown word is kept"))
            }
        })+
    };
}

worded! {
    kind: super::WorkItemKind,
    priority: super::WorkPriority,
    anchor: super::WorkDueAnchor,
    roll: super::WorkDueRoll,
}

/// A step of a template: the work item that is made of it.
#[derive(SimpleObject, Serialize, Deserialize, Clone, Debug)]
pub struct WorkTemplateStep {
    /// Its stage, from 1: what is of a later stage waits until all of the stage before is done or cancelled.
    pub stage: i32,
    /// What is to be done, in a line; `{period}` stands for the period.
    pub title: String,
    /// What is to be done, at length; empty if nothing more is said.
    pub description: String,
    /// What sort of work it is.
    #[serde(with = "kind")]
    pub kind: WorkItemKind,
    /// How urgent it is.
    #[serde(with = "priority")]
    pub priority: WorkPriority,
    /// The lines of its checklist.
    pub checklist: Vec<String>,
    /// The day from which its due day is counted.
    #[serde(with = "anchor")]
    pub due_from: WorkDueAnchor,
    /// It is due so many working days behind that day, or before it if negative; null: not counted so.
    pub due_working_days: Option<i32>,
    /// It is due so many days behind that day, or before it if negative; null: not counted so.
    pub due_days: Option<i32>,
    /// Where that day goes if it is no working day.
    #[serde(with = "roll")]
    pub due_roll: WorkDueRoll,
}

/// A template of work.
#[derive(SimpleObject, Clone, Debug)]
pub struct WorkTemplate {
    /// Its code, unique; never changes.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its steps, by stage.
    pub steps: Vec<WorkTemplateStep>,
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = work_template)]
struct Row {
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::Jsonb)]
    steps: serde_json::Value,
}

impl Row {
    fn read(self) -> Result<WorkTemplate> {
        let steps = serde_json::from_value(self.steps).map_err(Error::fault)?;
        Ok(WorkTemplate { code: self.code, name: self.name, steps })
    }
}

/// The template of that code, in a client's transaction.
pub async fn named(tx: &Tx, code: &str) -> Result<Option<WorkTemplate>> {
    let found: Option<Row> = tx
        .maybe(
            sql("SELECT t.code, t.name, t.steps FROM practice.work_template_named($1) t")
                .bind::<Text, _>(code.to_owned()),
        )
        .await?;
    found.map(Row::read).transpose()
}

/// A step of a template.
#[derive(InputObject, Clone, Debug)]
pub struct WorkTemplateStepInput {
    /// Its stage, 1 to 20; 1 if not said. What is of a later stage waits until all of the stage before is done or cancelled.
    pub stage: Option<i32>,
    /// What is to be done, 1 to 180 characters; `{period}` stands for the period.
    pub title: String,
    /// What is to be done, at length, at most 20,000 characters.
    pub description: Option<String>,
    /// What sort of work it is; `TASK` if not said.
    pub kind: Option<WorkItemKind>,
    /// How urgent it is; `NORMAL` if not said.
    pub priority: Option<WorkPriority>,
    /// The lines of its checklist, at most 100, 1 to 500 characters each.
    pub checklist: Option<Vec<String>>,
    /// The day from which its due day is counted; `PERIOD_END` if not said.
    pub due_from: Option<WorkDueAnchor>,
    /// It is due so many working days behind that day, or before it if negative, at most 250. Not together with `dueDays`.
    pub due_working_days: Option<i32>,
    /// It is due so many days behind that day, or before it if negative, at most 400. Not together with `dueWorkingDays`.
    pub due_days: Option<i32>,
    /// Where the day of `dueDays` goes if it is no working day; `FOLLOWING` if not said.
    pub due_roll: Option<WorkDueRoll>,
}

/// A new template of work.
#[derive(InputObject, Clone, Debug)]
pub struct WorkTemplateCreateInput {
    /// Its code: 1 to 30 small letters, digits and underscores, a letter first.
    pub code: String,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Its steps, 1 to 100.
    pub steps: Vec<WorkTemplateStepInput>,
}

/// Changes of a template: what is omitted stays. Work that was opened stays as it is.
#[derive(InputObject, Clone, Debug)]
pub struct WorkTemplateUpdateInput {
    /// The code of the template.
    pub code: String,
    /// Its name, 1 to 100 characters.
    pub name: Option<String>,
    /// All its steps, 1 to 100.
    pub steps: Option<Vec<WorkTemplateStepInput>>,
}

crate::platform::payload! {
    /// What became of a template.
    WorkTemplatePayload {
        /// The template as it is now.
        work_template: WorkTemplate
    }
}

fn step(input: WorkTemplateStepInput, at: usize) -> Result<WorkTemplateStep> {
    let field = |name: &str| format!("steps.{at}.{name}");
    let refuse = |name: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, &field(name), message));
    let stage = input.stage.unwrap_or(1);
    if !(1..=20).contains(&stage) {
        return refuse("stage", "A stage is 1 to 20.");
    }
    sized(&field("title"), &input.title, 1..=180)?;
    let description = input.description.unwrap_or_default();
    sized(&field("description"), &description, 0..=20_000)?;
    let checklist = input.checklist.unwrap_or_default();
    if checklist.len() > MOST_CHECKS {
        return refuse("checklist", "A checklist has at most 100 lines.");
    }
    for (line, text) in checklist.iter().enumerate() {
        sized(&format!("{}.{line}", field("checklist")), text, 1..=500)?;
    }
    match (input.due_working_days, input.due_days) {
        (Some(_), Some(_)) => return refuse("dueDays", "Count either days or working days."),
        (Some(days), None) if days.saturating_abs() > 250 => {
            return refuse("dueWorkingDays", "At most 250 working days.");
        }
        (None, Some(days)) if days.saturating_abs() > 400 => return refuse("dueDays", "At most 400 days."),
        _ => {}
    }
    Ok(WorkTemplateStep {
        stage,
        title: input.title,
        description,
        kind: input.kind.unwrap_or(WorkItemKind::Task),
        priority: input.priority.unwrap_or(WorkPriority::Normal),
        checklist,
        due_from: input.due_from.unwrap_or(WorkDueAnchor::PeriodEnd),
        due_working_days: input.due_working_days,
        due_days: input.due_days,
        due_roll: input.due_roll.unwrap_or(WorkDueRoll::Following),
    })
}

fn steps(input: Vec<WorkTemplateStepInput>) -> Result<serde_json::Value> {
    if !(1..=MOST).contains(&input.len()) {
        return Err(Error::refuse(UserErrorCode::Invalid, "steps", "A template has 1 to 100 steps."));
    }
    let steps: Result<Vec<WorkTemplateStep>> = input.into_iter().enumerate().map(|(at, one)| step(one, at)).collect();
    let mut steps = steps?;
    steps.sort_by_key(|step| step.stage);
    serde_json::to_value(steps).map_err(Error::fault)
}

async fn create(tx: &Tx, input: WorkTemplateCreateInput) -> Result<WorkTemplate> {
    crate::practice::service::check_code(&input.code)?;
    sized("name", &input.name, 1..=100)?;
    let made: Row = tx
        .row(
            diesel::insert_into(work_template::table)
                .values((
                    work_template::code.eq(input.code),
                    work_template::name.eq(input.name),
                    work_template::steps.eq(steps(input.steps)?),
                ))
                .returning(Row::as_returning()),
        )
        .await?;
    made.read()
}

async fn update(tx: &Tx, input: WorkTemplateUpdateInput) -> Result<WorkTemplate> {
    if let Some(name) = &input.name {
        sized("name", name, 1..=100)?;
    }
    let steps = input.steps.map(steps).transpose()?;
    let changed: Option<Row> = tx
        .maybe(
            diesel::update(work_template::table.filter(work_template::code.eq(input.code)))
                .set((
                    input.name.map(|name| work_template::name.eq(name)),
                    steps.map(|steps| work_template::steps.eq(steps)),
                    work_template::updated_at.eq(tx.now()),
                ))
                .returning(Row::as_returning()),
        )
        .await?;
    changed.ok_or_else(|| Error::not_found("code", "template"))?.read()
}

/// Queries about templates of work.
#[derive(Default)]
pub struct TemplateQuery;

#[Object]
impl TemplateQuery {
    /// The templates of work, by code. Needs a token without client. Right: `practice.portfolio.read`.
    async fn work_templates(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkTemplate>> {
        let tx = ctx.provider(Can::PortfolioRead).await?;
        let rows: Vec<Row> = tx.rows(work_template::table.order(work_template::code).select(Row::as_select())).await?;
        Ok(rows.into_iter().map(Row::read).collect::<Result<_>>()?)
    }
}

/// Changes of templates of work.
#[derive(Default)]
pub struct TemplateMutation;

#[Object]
impl TemplateMutation {
    /// Makes a template of work. Needs a token without client. Right: `practice.service.manage`.
    async fn work_template_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new template.")] input: WorkTemplateCreateInput,
    ) -> async_graphql::Result<Option<WorkTemplatePayload>> {
        WorkTemplatePayload::settle(ctx, create(ctx.provider(Can::ServiceManage).await?, input).await)
    }

    /// Changes a template of work, for what is opened from then on. Needs a token without client. Right:
    /// `practice.service.manage`.
    async fn work_template_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: WorkTemplateUpdateInput,
    ) -> async_graphql::Result<Option<WorkTemplatePayload>> {
        WorkTemplatePayload::settle(ctx, update(ctx.provider(Can::ServiceManage).await?, input).await)
    }
}
