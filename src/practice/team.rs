//! Teams of the provider's staff: they reach over clients, and each member sees of a client what he may see himself.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{TeamId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{team, team_member};

/// A team of the provider's staff.
#[derive(Queryable, Selectable, QueryableByName, SimpleObject, Clone, Debug)]
#[diesel(table_name = team)]
pub struct Team {
    /// Global id.
    pub id: TeamId,
    /// Name, unique.
    pub name: String,
}

/// A team with those who belong to it.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct TeamRoster {
    /// The team.
    pub team: Team,
}

#[ComplexObject]
impl TeamRoster {
    /// Who belonged, belongs and is going to belong to it, by the day from which on.
    async fn members(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TeamMember>> {
        Ok(ctx.load::<TeamMember>(self.team.id).await?.unwrap_or_default())
    }
}

/// Somebody who belongs to a team.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct TeamMember {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    team_id: TeamId,
    /// The person's user id.
    #[diesel(sql_type = SqlUuid)]
    pub user_id: UserId,
    /// The person's name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The first day.
    #[diesel(sql_type = SqlDate)]
    pub from: Date,
    /// The first day on which the person does not belong to it any more; null: without end.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub until: Option<Date>,
}

impl Fetch for TeamMember {
    type Key = TeamId;
    type Value = Vec<Self>;
    const CAN: Can = Can::PortfolioRead;

    async fn fetch(tx: &Tx, keys: Vec<TeamId>) -> Result<HashMap<TeamId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT m.team_id, m.account_id AS user_id, p.name, m.from_on AS from, m.until_on AS until
                       FROM practice.team_member m CROSS JOIN LATERAL practice.people_named(ARRAY[m.account_id]) p
                      WHERE m.team_id = ANY ($1) ORDER BY m.from_on, m.id")
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_team: HashMap<TeamId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_team.entry(row.team_id).or_default().push(row);
        }
        Ok(by_team)
    }
}

/// The teams of which somebody sees the work of this transaction's client today.
pub async fn here(tx: &Tx) -> Result<Vec<Team>> {
    tx.rows(sql("SELECT t.id, t.name FROM practice.teams_here() t")).await
}

/// A new team.
#[derive(InputObject, Clone, Debug)]
pub struct TeamCreateInput {
    /// Name, 1 to 100 characters, unique.
    pub name: String,
}

/// A new name of a team.
#[derive(InputObject, Clone, Debug)]
pub struct TeamUpdateInput {
    /// The team.
    pub id: TeamId,
    /// Name, 1 to 100 characters, unique.
    pub name: String,
}

/// Somebody joins a team.
#[derive(InputObject, Clone, Debug)]
pub struct TeamMemberAddInput {
    /// The team.
    pub team: TeamId,
    /// One of the provider's staff.
    pub user: UserId,
    /// The first day.
    pub from: Date,
    /// The first day on which he does not belong to it any more; without end if not said.
    pub until: Option<Date>,
}

/// Somebody leaves a team.
#[derive(InputObject, Clone, Debug)]
pub struct TeamMemberEndInput {
    /// The team.
    pub team: TeamId,
    /// Who leaves it.
    pub user: UserId,
    /// The first day on which he does not belong to it any more.
    pub until: Date,
}

crate::platform::payload! {
    /// What became of a team.
    TeamPayload {
        /// The team as it is now.
        team_roster: TeamRoster
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 100 characters."));
    }
    Ok(())
}

async fn create(tx: &Tx, input: TeamCreateInput) -> Result<TeamRoster> {
    check_name(&input.name)?;
    let made: Team = tx
        .row(
            diesel::insert_into(team::table)
                .values((team::id.eq(new_uuid()), team::name.eq(input.name)))
                .returning(Team::as_returning()),
        )
        .await?;
    Ok(TeamRoster { team: made })
}

async fn rename(tx: &Tx, input: TeamUpdateInput) -> Result<TeamRoster> {
    check_name(&input.name)?;
    let changed: Option<Team> = tx
        .maybe(
            diesel::update(team::table.filter(team::id.eq(input.id)))
                .set(team::name.eq(input.name))
                .returning(Team::as_returning()),
        )
        .await?;
    Ok(TeamRoster { team: changed.ok_or_else(|| Error::not_found("id", "team"))? })
}

/// The team, locked: who joins and leaves it does so one after the other.
async fn locked(tx: &Tx, id: TeamId) -> Result<Team> {
    let found: Option<Team> =
        tx.maybe(team::table.filter(team::id.eq(id)).select(Team::as_select()).for_update()).await?;
    found.ok_or_else(|| Error::not_found("team", "team"))
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bool)]
    staff: bool,
    #[diesel(sql_type = Bool)]
    overlaps: bool,
}

async fn add(tx: &Tx, input: TeamMemberAddInput) -> Result<TeamRoster> {
    if input.until.is_some_and(|until| until <= input.from) {
        return Err(Error::refuse(UserErrorCode::Invalid, "until", "Somebody belongs to a team for a day at least."));
    }
    let found = locked(tx, input.team).await?;
    let known: Known = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = $2 AND a.staff AND a.disabled_at IS NULL) AS staff,
                        EXISTS (SELECT 1 FROM practice.team_member m WHERE m.team_id = $1 AND m.account_id = $2
                                   AND (m.until_on IS NULL OR m.until_on > $3) AND ($4::date IS NULL OR m.from_on < $4)) AS overlaps")
                .bind::<SqlUuid, _>(input.team)
                .bind::<SqlUuid, _>(input.user)
                .bind::<SqlDate, _>(input.from)
                .bind::<Nullable<SqlDate>, _>(input.until),
        )
        .await?;
    if !known.staff {
        return Err(Error::not_found("user", "member of the staff"));
    }
    if known.overlaps {
        return Err(Error::refuse(
            UserErrorCode::Duplicate,
            "user",
            "This person belongs to the team in that time already.",
        ));
    }
    tx.exec(diesel::insert_into(team_member::table).values((
        team_member::id.eq(new_uuid()),
        team_member::team_id.eq(input.team),
        team_member::account_id.eq(input.user),
        team_member::from_on.eq(input.from),
        team_member::until_on.eq(input.until),
    )))
    .await?;
    Ok(TeamRoster { team: found })
}

async fn end(tx: &Tx, input: TeamMemberEndInput) -> Result<TeamRoster> {
    let found = locked(tx, input.team).await?;
    let ended = tx
        .exec(
            sql("UPDATE practice.team_member m SET until_on = $3
                  WHERE m.team_id = $1 AND m.account_id = $2 AND m.from_on < $3 AND (m.until_on IS NULL OR m.until_on > $3)")
            .bind::<SqlUuid, _>(input.team)
            .bind::<SqlUuid, _>(input.user)
            .bind::<SqlDate, _>(input.until),
        )
        .await?;
    if ended == 0 {
        return Err(Error::refuse(
            UserErrorCode::NotFound,
            "user",
            "This person does not belong to the team on the day before.",
        ));
    }
    Ok(TeamRoster { team: found })
}

/// Queries about teams.
#[derive(Default)]
pub struct TeamQuery;

#[Object]
impl TeamQuery {
    /// The provider's teams, by name. Needs a token without client. Right: `practice.portfolio.read`.
    async fn teams(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TeamRoster>> {
        let tx = ctx.provider(Can::PortfolioRead).await?;
        let teams: Vec<Team> = tx.rows(team::table.order((team::name, team::id)).select(Team::as_select())).await?;
        Ok(teams.into_iter().map(|team| TeamRoster { team }).collect())
    }

    /// The teams that this client's work can be given to: those of which somebody may see it today, by name. Right:
    /// `work.item.read`.
    async fn work_teams(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Team>> {
        Ok(here(ctx.tx(Can::WorkItemRead).await?).await?)
    }
}

/// Changes of teams.
#[derive(Default)]
pub struct TeamMutation;

#[Object]
impl TeamMutation {
    /// Makes a team. Needs a token without client. Right: `practice.team.manage`.
    async fn team_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new team.")] input: TeamCreateInput,
    ) -> async_graphql::Result<Option<TeamPayload>> {
        TeamPayload::settle(ctx, create(ctx.provider(Can::TeamManage).await?, input).await)
    }

    /// Gives a team another name. Needs a token without client. Right: `practice.team.manage`.
    async fn team_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The team and its name.")] input: TeamUpdateInput,
    ) -> async_graphql::Result<Option<TeamPayload>> {
        TeamPayload::settle(ctx, rename(ctx.provider(Can::TeamManage).await?, input).await)
    }

    /// Puts somebody into a team. Needs a token without client. Right: `practice.team.manage`.
    async fn team_member_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and from when on.")] input: TeamMemberAddInput,
    ) -> async_graphql::Result<Option<TeamPayload>> {
        TeamPayload::settle(ctx, add(ctx.provider(Can::TeamManage).await?, input).await)
    }

    /// Takes somebody out of a team. Needs a token without client. Right: `practice.team.manage`.
    async fn team_member_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and from when on.")] input: TeamMemberEndInput,
    ) -> async_graphql::Result<Option<TeamPayload>> {
        TeamPayload::settle(ctx, end(ctx.provider(Can::TeamManage).await?, input).await)
    }
}
