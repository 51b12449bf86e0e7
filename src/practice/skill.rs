//! What the provider's staff can do, and what its services take. The database refuses to give work of a service to somebody who
//! lacks what it insists on (`migrations/0220_staff_skill`); what it merely wishes for stands beside the work.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Int4, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::service::check_code;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::skill;

crate::platform::words! {
    /// What becomes of giving work to somebody who lacks what it takes.
    OnMissingSkill {
        /// It is refused.
        Refuse = "refuse",
        /// It is done, and the work says what is missing.
        Warn = "warn",
    }
}

/// Something that the provider's staff can do.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = skill)]
pub struct Skill {
    /// Its code, unique; never changes: `payroll_de`.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// Somebody of the staff can something.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct StaffSkill {
    /// The person's user id.
    #[diesel(sql_type = SqlUuid)]
    pub user_id: UserId,
    /// The person's name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The code of what he can.
    #[diesel(sql_type = Text)]
    pub skill: String,
    /// How well: 1 (begins) to 5 (teaches it).
    #[diesel(sql_type = Int4)]
    pub level: i32,
    /// The first day.
    #[diesel(sql_type = SqlDate)]
    pub from: Date,
    /// The first day on which that does not hold any more; null: without end.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub until: Option<Date>,
}

/// What a service takes.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct ServiceSkill {
    /// The code of the service.
    #[diesel(sql_type = Text)]
    pub service: String,
    /// The code of what it takes.
    #[diesel(sql_type = Text)]
    pub skill: String,
    /// How well at least, 1 to 5.
    #[diesel(sql_type = Int4)]
    pub level: i32,
    /// What becomes of giving its work to somebody who lacks it.
    #[diesel(sql_type = Text)]
    pub on_missing: OnMissingSkill,
}

/// Something that whoever has a piece of work lacks for it today.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct MissingSkill {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    account_id: Uuid,
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    service_code: String,
    /// The code of what is missing.
    #[diesel(sql_type = Text)]
    pub skill: String,
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// How well it would be needed, 1 to 5.
    #[diesel(sql_type = Int4)]
    pub wanted: i32,
    /// How well the person can it today; 0 if not at all.
    #[diesel(sql_type = Int4)]
    pub level: i32,
    /// What becomes of giving such work to him now.
    #[diesel(sql_type = Text)]
    pub on_missing: OnMissingSkill,
}

/// What people lack for the work of services, near in one client or far over all.
pub struct Missing<const FAR: bool>;

impl<const FAR: bool> Fetch for Missing<FAR> {
    type Key = (UserId, String);
    type Value = Vec<MissingSkill>;
    const CAN: Can = if FAR { Can::PortfolioRead } else { Can::WorkItemRead };

    async fn fetch(tx: &Tx, keys: Vec<(UserId, String)>) -> Result<HashMap<(UserId, String), Vec<MissingSkill>>> {
        let (people, services): (Vec<UserId>, Vec<String>) = keys.into_iter().unzip();
        let rows: Vec<MissingSkill> = tx
            .rows(
                sql("SELECT k.account_id, k.service_code, l.skill_code AS skill, l.name, l.wanted, l.level, l.on_missing
                       FROM unnest($1, $2) AS k (account_id, service_code)
                      CROSS JOIN LATERAL practice.skills_lacking(k.account_id, k.service_code) l")
                .bind::<Array<SqlUuid>, _>(people)
                .bind::<Array<Text>, _>(services),
            )
            .await?;
        let mut by_key: HashMap<(UserId, String), Vec<MissingSkill>> = HashMap::new();
        for row in rows {
            by_key.entry((UserId(row.account_id), row.service_code.clone())).or_default().push(row);
        }
        Ok(by_key)
    }
}

/// A new skill.
#[derive(InputObject, Clone, Debug)]
pub struct SkillCreateInput {
    /// Its code: 1 to 30 small letters, digits and underscores, a letter first.
    pub code: String,
    /// Its name, 1 to 100 characters.
    pub name: String,
}

/// Somebody can something from a day on.
#[derive(InputObject, Clone, Debug)]
pub struct StaffSkillAddInput {
    /// One of the provider's staff.
    pub user: UserId,
    /// The code of what he can.
    pub skill: String,
    /// How well, 1 to 5.
    pub level: i32,
    /// The first day.
    pub from: Date,
    /// The first day on which that does not hold any more; without end if not said.
    pub until: Option<Date>,
}

/// Somebody cannot something any more, or not as he could.
#[derive(InputObject, Clone, Debug)]
pub struct StaffSkillEndInput {
    /// The person.
    pub user: UserId,
    /// The code of the skill.
    pub skill: String,
    /// The first day on which what was said of him does not hold any more.
    pub until: Date,
}

/// What a service takes from now on.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceSkillSetInput {
    /// The code of the service.
    pub service: String,
    /// The code of the skill.
    pub skill: String,
    /// How well at least, 1 to 5; null: it does not take that any more.
    pub level: Option<i32>,
    /// What becomes of giving its work to somebody who lacks it; refused if not said. Who has such work already keeps it.
    pub on_missing: Option<OnMissingSkill>,
}

crate::platform::payload! {
    /// What became of a skill.
    SkillPayload {
        /// The skill.
        skill: Skill
    }
}
crate::platform::payload! {
    /// What became of what somebody can.
    StaffSkillPayload {
        /// All that is said of him and that skill, by the day from which on.
        staff_skills: Vec<StaffSkill>
    }
}
crate::platform::payload! {
    /// What became of what a service takes.
    ServiceSkillPayload {
        /// All that it takes, by code.
        service_skills: Vec<ServiceSkill>
    }
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bool)]
    one: bool,
    #[diesel(sql_type = Bool)]
    other: bool,
}

fn levelled(level: i32) -> Result<()> {
    if (1..=5).contains(&level) {
        return Ok(());
    }
    Err(Error::refuse(UserErrorCode::Invalid, "level", "A level is 1 to 5."))
}

async fn create(tx: &Tx, input: SkillCreateInput) -> Result<Skill> {
    check_code(&input.code)?;
    sized("name", &input.name, 1..=100)?;
    tx.row(
        diesel::insert_into(skill::table)
            .values((skill::code.eq(input.code), skill::name.eq(input.name)))
            .returning(Skill::as_returning()),
    )
    .await
}

async fn of_staff(tx: &Tx, user: Option<UserId>, skill: Option<String>) -> Result<Vec<StaffSkill>> {
    tx.rows(
        sql("SELECT k.account_id AS user_id, a.name, k.skill_code AS skill, k.level, k.from_on AS from, k.until_on AS until
               FROM practice.staff_skill k JOIN identity.account a ON a.id = k.account_id
              WHERE ($1::uuid IS NULL OR k.account_id = $1) AND ($2::text IS NULL OR k.skill_code = $2)
              ORDER BY a.name, k.account_id, k.skill_code, k.from_on LIMIT 1000")
        .bind::<Nullable<SqlUuid>, _>(user)
        .bind::<Nullable<Text>, _>(skill),
    )
    .await
}

async fn of_services(tx: &Tx, service: Option<String>) -> Result<Vec<ServiceSkill>> {
    tx.rows(
        sql("SELECT w.service_code AS service, w.skill_code AS skill, w.least_level AS level, w.on_missing
               FROM practice.service_skill w WHERE ($1::text IS NULL OR w.service_code = $1)
              ORDER BY w.service_code, w.skill_code LIMIT 1000")
        .bind::<Nullable<Text>, _>(service),
    )
    .await
}

/// Locks the skill, so that what is said of it is said one after the other, and says whether that person is of the staff.
async fn expect(tx: &Tx, user: UserId, code: &str) -> Result<()> {
    let locked: Option<Skill> =
        tx.maybe(skill::table.filter(skill::code.eq(code)).select(Skill::as_select()).for_update()).await?;
    locked.ok_or_else(|| Error::not_found("skill", "skill"))?;
    let known: Known = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = $1 AND a.staff AND a.disabled_at IS NULL) AS one, true AS other")
                .bind::<SqlUuid, _>(user),
        )
        .await?;
    if known.one && known.other { Ok(()) } else { Err(Error::not_found("user", "member of the staff")) }
}

async fn add(tx: &Tx, input: StaffSkillAddInput) -> Result<Vec<StaffSkill>> {
    levelled(input.level)?;
    if input.until.is_some_and(|until| until <= input.from) {
        return Err(Error::refuse(UserErrorCode::Invalid, "until", "Somebody can something for a day at least."));
    }
    expect(tx, input.user, &input.skill).await?;
    let added = tx
        .exec(
            sql("INSERT INTO practice.staff_skill (id, account_id, skill_code, level, from_on, until_on)
                 SELECT $1, $2, $3, $4, $5, $6
                  WHERE NOT EXISTS (SELECT 1 FROM practice.staff_skill k WHERE k.account_id = $2 AND k.skill_code = $3
                                       AND (k.until_on IS NULL OR k.until_on > $5) AND ($6::date IS NULL OR k.from_on < $6))")
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<SqlUuid, _>(input.user)
            .bind::<Text, _>(input.skill.clone())
            .bind::<Int4, _>(input.level)
            .bind::<SqlDate, _>(input.from)
            .bind::<Nullable<SqlDate>, _>(input.until),
        )
        .await?;
    if added == 0 {
        let message = "Of that time something is said already: end it first.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "from", message));
    }
    of_staff(tx, Some(input.user), Some(input.skill)).await
}

async fn end(tx: &Tx, input: StaffSkillEndInput) -> Result<Vec<StaffSkill>> {
    expect(tx, input.user, &input.skill).await?;
    let ended = tx
        .exec(
            sql("UPDATE practice.staff_skill k SET until_on = $3
                  WHERE k.account_id = $1 AND k.skill_code = $2 AND k.from_on < $3 AND (k.until_on IS NULL OR k.until_on > $3)")
            .bind::<SqlUuid, _>(input.user)
            .bind::<Text, _>(input.skill.clone())
            .bind::<SqlDate, _>(input.until),
        )
        .await?;
    if ended == 0 {
        return Err(Error::refuse(
            UserErrorCode::NotFound,
            "skill",
            "Nothing is said of this person on the day before.",
        ));
    }
    of_staff(tx, Some(input.user), Some(input.skill)).await
}

async fn set(tx: &Tx, input: ServiceSkillSetInput) -> Result<Vec<ServiceSkill>> {
    let known: Known = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM practice.service s WHERE s.code = $1) AS one,
                        EXISTS (SELECT 1 FROM practice.skill s WHERE s.code = $2) AS other")
            .bind::<Text, _>(input.service.clone())
            .bind::<Text, _>(input.skill.clone()),
        )
        .await?;
    if !known.one {
        return Err(Error::not_found("service", "service"));
    }
    if !known.other {
        return Err(Error::not_found("skill", "skill"));
    }
    match input.level {
        None => {
            tx.exec(
                sql("DELETE FROM practice.service_skill w WHERE w.service_code = $1 AND w.skill_code = $2")
                    .bind::<Text, _>(input.service.clone())
                    .bind::<Text, _>(input.skill),
            )
            .await?;
        }
        Some(level) => {
            levelled(level)?;
            tx.exec(
                sql("INSERT INTO practice.service_skill AS w (service_code, skill_code, least_level, on_missing) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (service_code, skill_code) DO UPDATE SET least_level = excluded.least_level, on_missing = excluded.on_missing")
                    .bind::<Text, _>(input.service.clone())
                    .bind::<Text, _>(input.skill)
                    .bind::<Int4, _>(level)
                    .bind::<Text, _>(input.on_missing.unwrap_or(OnMissingSkill::Refuse)),
            )
            .await?;
        }
    }
    of_services(tx, Some(input.service)).await
}

/// Queries about skills.
#[derive(Default)]
pub struct SkillQuery;

#[Object]
impl SkillQuery {
    /// What the provider's staff can do, by code. Needs a token without client. Right: `practice.portfolio.read`.
    async fn skills(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Skill>> {
        let tx = ctx.provider(Can::PortfolioRead).await?;
        Ok(tx.rows(skill::table.order(skill::code).limit(1000).select(Skill::as_select())).await?)
    }

    /// Who can what, by name, at most 1,000 rows. Needs a token without client. Right: `practice.portfolio.read`.
    async fn staff_skills(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this person.")] user: Option<UserId>,
        #[graphql(desc = "Only of the skill of this code.")] skill: Option<String>,
    ) -> async_graphql::Result<Vec<StaffSkill>> {
        Ok(of_staff(ctx.provider(Can::PortfolioRead).await?, user, skill).await?)
    }

    /// What the services take, by code, at most 1,000 rows. Needs a token without client. Right: `practice.portfolio.read`.
    async fn service_skills(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of the service of this code.")] service: Option<String>,
    ) -> async_graphql::Result<Vec<ServiceSkill>> {
        Ok(of_services(ctx.provider(Can::PortfolioRead).await?, service).await?)
    }
}

/// Changes of skills.
#[derive(Default)]
pub struct SkillMutation;

#[Object]
impl SkillMutation {
    /// Names something that staff can do. Needs a token without client. Right: `practice.skill.manage`.
    async fn skill_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new skill.")] input: SkillCreateInput,
    ) -> async_graphql::Result<Option<SkillPayload>> {
        SkillPayload::settle(ctx, create(ctx.provider(Can::SkillManage).await?, input).await)
    }

    /// Says that somebody can something from a day on. Needs a token without client. Right: `practice.skill.manage`.
    async fn staff_skill_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who can what.")] input: StaffSkillAddInput,
    ) -> async_graphql::Result<Option<StaffSkillPayload>> {
        StaffSkillPayload::settle(ctx, add(ctx.provider(Can::SkillManage).await?, input).await)
    }

    /// Ends what was said of somebody. Needs a token without client. Right: `practice.skill.manage`.
    async fn staff_skill_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and from when on.")] input: StaffSkillEndInput,
    ) -> async_graphql::Result<Option<StaffSkillPayload>> {
        StaffSkillPayload::settle(ctx, end(ctx.provider(Can::SkillManage).await?, input).await)
    }

    /// Says what a service takes, or does not take any more. Needs a token without client. Right: `practice.skill.manage`.
    async fn service_skill_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it takes.")] input: ServiceSkillSetInput,
    ) -> async_graphql::Result<Option<ServiceSkillPayload>> {
        ServiceSkillPayload::settle(ctx, set(ctx.provider(Can::SkillManage).await?, input).await)
    }
}
