//! Engagements: which services a client has, from when to before when. Nothing is begun outside a live one.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};

use super::ids::EngagementId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{engagement, engagement_service};

/// What a client has the provider do, from when to before when.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = engagement)]
#[graphql(complex)]
pub struct Engagement {
    /// Global id.
    pub id: EngagementId,
    /// Name.
    pub name: String,
    /// The first day, in the client's time zone.
    #[diesel(column_name = from_on)]
    pub from: Date,
    /// The first day on which it does not hold any more; null: without end.
    #[diesel(column_name = until_on)]
    pub until: Option<Date>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl Engagement {
    /// The services that it covers, by code and day. Right: `practice.engagement.read`.
    async fn services(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EngagementService>> {
        Ok(ctx.load::<EngagementService>(self.id).await?.unwrap_or_default())
    }
}

/// A service that an engagement covers, from when to before when; never longer than the engagement holds.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct EngagementService {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    engagement_id: EngagementId,
    /// The code of the service.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// The name of the service.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The first day.
    #[diesel(sql_type = SqlDate)]
    pub from: Date,
    /// The first day on which it is not done any more; null: as long as the engagement holds.
    #[diesel(sql_type = Nullable<SqlDate>)]
    pub until: Option<Date>,
}

impl Fetch for Engagement {
    type Key = EngagementId;
    type Value = Self;
    const CAN: Can = Can::EngagementRead;

    async fn fetch(tx: &Tx, keys: Vec<EngagementId>) -> Result<HashMap<EngagementId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                engagement::table
                    .filter(engagement::tenant_id.eq(tx.tenant()?))
                    .filter(engagement::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for EngagementService {
    type Key = EngagementId;
    type Value = Vec<Self>;
    const CAN: Can = Can::EngagementRead;

    async fn fetch(tx: &Tx, keys: Vec<EngagementId>) -> Result<HashMap<EngagementId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT s.engagement_id, s.service_code AS code, n.name, s.from_on AS from, s.until_on AS until
                       FROM practice.engagement_service s CROSS JOIN LATERAL practice.services_named(ARRAY[s.service_code]) n
                      WHERE s.tenant_id = $1 AND s.engagement_id = ANY ($2) ORDER BY s.service_code, s.from_on")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_engagement: HashMap<EngagementId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_engagement.entry(row.engagement_id).or_default().push(row);
        }
        Ok(by_engagement)
    }
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Covering {
    #[diesel(sql_type = SqlUuid)]
    id: EngagementId,
}

/// The engagement that covers a service on a day, the oldest if there are several; nothing if none does.
pub async fn live_on(tx: &Tx, service: &str, day: Date) -> Result<Option<EngagementId>> {
    let covering: Option<Covering> = tx
        .maybe(
            sql("SELECT e.id FROM practice.engagement e
                   JOIN practice.engagement_service s ON s.tenant_id = e.tenant_id AND s.engagement_id = e.id
                  WHERE e.tenant_id = $1 AND s.service_code = $2 AND e.from_on <= $3 AND s.from_on <= $3
                    AND (e.until_on IS NULL OR e.until_on > $3) AND (s.until_on IS NULL OR s.until_on > $3)
                  ORDER BY e.from_on, e.id LIMIT 1")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Text, _>(service.to_owned())
            .bind::<SqlDate, _>(day),
        )
        .await?;
    Ok(covering.map(|one| one.id))
}

/// Whether an engagement covers a service on that day or any later one.
pub async fn is_live_from(tx: &Tx, service: &str, day: Date) -> Result<bool> {
    let covered: Yes = tx
        .row(
            sql("SELECT EXISTS (
                   SELECT 1 FROM practice.engagement e
                     JOIN practice.engagement_service s ON s.tenant_id = e.tenant_id AND s.engagement_id = e.id
                    WHERE e.tenant_id = $1 AND s.service_code = $2
                      AND (e.until_on IS NULL OR e.until_on > $3) AND (s.until_on IS NULL OR s.until_on > $3)) AS yes")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Text, _>(service.to_owned())
            .bind::<SqlDate, _>(day),
        )
        .await?;
    Ok(covered.yes)
}

/// Refuses a service that no engagement covers today, in the client's time zone. A service that the provider does not
/// offer is answered in the same words.
pub async fn expect_live(tx: &Tx, service: &str, field: &str) -> Result<EngagementId> {
    if let Some(covering) = live_on(tx, service, Date(tx.today())).await? {
        return Ok(covering);
    }
    let message = "No live engagement of this client covers the service, so nothing of it is done.";
    Err(Error::refuse(UserErrorCode::State, field, message))
}

/// A service of a new engagement.
#[derive(InputObject, Clone, Debug)]
pub struct EngagementServiceInput {
    /// The code of the service.
    pub service: String,
    /// The first day; that of the engagement if not said.
    pub from: Option<Date>,
    /// The first day on which it is not done any more; as long as the engagement holds if not said.
    pub until: Option<Date>,
}

/// A new engagement of the client that the token is for.
#[derive(InputObject, Clone, Debug)]
pub struct EngagementCreateInput {
    /// Name, 1 to 200 characters.
    pub name: String,
    /// The first day, in the client's time zone.
    pub from: Date,
    /// The first day on which it does not hold any more; without end if not said.
    pub until: Option<Date>,
    /// The services that it covers, at most 100.
    pub services: Option<Vec<EngagementServiceInput>>,
}

/// Changes of an engagement: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct EngagementUpdateInput {
    /// The engagement.
    pub id: EngagementId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Name, 1 to 200 characters.
    pub name: Option<String>,
    /// The first day on which it does not hold any more.
    pub until: MaybeUndefined<Date>,
}

/// A further service of an engagement.
#[derive(InputObject, Clone, Debug)]
pub struct EngagementServiceAddInput {
    /// The engagement.
    pub engagement: EngagementId,
    /// The code of the service.
    pub service: String,
    /// The first day; that of the engagement if not said.
    pub from: Option<Date>,
    /// The first day on which it is not done any more; as long as the engagement holds if not said.
    pub until: Option<Date>,
}

/// The end of a service of an engagement.
#[derive(InputObject, Clone, Debug)]
pub struct EngagementServiceEndInput {
    /// The engagement.
    pub engagement: EngagementId,
    /// The code of the service.
    pub service: String,
    /// The first day on which it is not done any more.
    pub until: Date,
}

crate::platform::payload! {
    /// What became of an engagement.
    EngagementPayload {
        /// The engagement as it is now.
        engagement: Engagement
    }
}

crate::platform::connection!(
    /// A page of engagements.
    EngagementConnection, EngagementEdge, Engagement
);

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 200 characters."));
    }
    Ok(())
}

fn check_days(from: Date, until: Option<Date>, field: &str) -> Result<()> {
    match until {
        Some(until) if until <= from => {
            Err(Error::refuse(UserErrorCode::Invalid, field, "It has to hold for a day at least."))
        }
        _ => Ok(()),
    }
}

/// Whether two half-open spans of days have a day in common.
fn overlap(one: (Date, Option<Date>), other: (Date, Option<Date>)) -> bool {
    let begins_before_end = |from: Date, until: Option<Date>| until.is_none_or(|until| from < until);
    begins_before_end(one.0, other.1) && begins_before_end(other.0, one.1)
}

/// Adds a service to an engagement that is locked.
async fn cover(tx: &Tx, of: &Engagement, line: EngagementServiceInput, at: &str) -> Result<()> {
    let from = line.from.unwrap_or(of.from);
    check_days(from, line.until, &format!("{at}until"))?;
    let field = format!("{at}service");
    let offered: Yes = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM practice.services_named(ARRAY[$1])) AS yes")
                .bind::<Text, _>(line.service.clone()),
        )
        .await?;
    if !offered.yes {
        return Err(Error::not_found(&field, "service"));
    }
    let known: Vec<(Date, Option<Date>)> = tx
        .rows(
            engagement_service::table
                .filter(engagement_service::tenant_id.eq(tx.tenant()?))
                .filter(engagement_service::engagement_id.eq(of.id))
                .filter(engagement_service::service_code.eq(line.service.clone()))
                .select((engagement_service::from_on, engagement_service::until_on)),
        )
        .await?;
    if known.into_iter().any(|span| overlap(span, (from, line.until))) {
        let message = "The engagement covers this service in that time already.";
        return Err(Error::refuse(UserErrorCode::Duplicate, &field, message));
    }
    tx.exec(diesel::insert_into(engagement_service::table).values((
        engagement_service::tenant_id.eq(tx.tenant()?),
        engagement_service::id.eq(new_uuid()),
        engagement_service::engagement_id.eq(of.id),
        engagement_service::service_code.eq(line.service),
        engagement_service::from_on.eq(from),
        engagement_service::until_on.eq(line.until),
    )))
    .await?;
    Ok(())
}

/// Makes an engagement with its services.
pub async fn create(tx: &Tx, input: EngagementCreateInput) -> Result<Engagement> {
    check_name(&input.name)?;
    check_days(input.from, input.until, "until")?;
    let services = input.services.unwrap_or_default();
    if services.len() > 100 {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "services",
            "An engagement begins with at most 100 services.",
        ));
    }
    let made: Engagement = tx
        .row(
            diesel::insert_into(engagement::table)
                .values((
                    engagement::tenant_id.eq(tx.tenant()?),
                    engagement::id.eq(EngagementId::new()),
                    engagement::name.eq(input.name),
                    engagement::from_on.eq(input.from),
                    engagement::until_on.eq(input.until),
                ))
                .returning(Engagement::as_returning()),
        )
        .await?;
    for (at, line) in services.into_iter().enumerate() {
        cover(tx, &made, line, &format!("services.{at}.")).await?;
    }
    emit(tx, EventKind::EngagementCreated, made.id.0);
    Ok(made)
}

async fn locked(tx: &Tx, id: EngagementId, field: &str) -> Result<Engagement> {
    let found: Option<Engagement> = tx
        .maybe(
            engagement::table
                .filter(engagement::tenant_id.eq(tx.tenant()?))
                .filter(engagement::id.eq(id))
                .select(Engagement::as_select())
                .for_no_key_update(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found(field, "engagement"))
}

async fn update(tx: &Tx, input: EngagementUpdateInput) -> Result<Engagement> {
    let found = locked(tx, input.id, "id").await?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The engagement was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    let name = input.name.unwrap_or(found.name);
    check_name(&name)?;
    let until = match input.until {
        MaybeUndefined::Undefined => found.until,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(day) => Some(day),
    };
    check_days(found.from, until, "until")?;
    tx.row(
        diesel::update(engagement::table)
            .filter(engagement::tenant_id.eq(tx.tenant()?))
            .filter(engagement::id.eq(input.id))
            .set((engagement::name.eq(name), engagement::until_on.eq(until)))
            .returning(Engagement::as_returning()),
    )
    .await
    .inspect(|changed: &Engagement| emit(tx, EventKind::EngagementUpdated, changed.id.0))
}

async fn add(tx: &Tx, input: EngagementServiceAddInput) -> Result<Engagement> {
    let EngagementServiceAddInput { engagement, service, from, until } = input;
    let found = locked(tx, engagement, "engagement").await?;
    cover(tx, &found, EngagementServiceInput { service, from, until }, "").await?;
    emit(tx, EventKind::EngagementUpdated, found.id.0);
    Ok(found)
}

async fn end(tx: &Tx, input: EngagementServiceEndInput) -> Result<Engagement> {
    let found = locked(tx, input.engagement, "engagement").await?;
    let lines = engagement_service::table
        .filter(engagement_service::tenant_id.eq(tx.tenant()?))
        .filter(engagement_service::engagement_id.eq(found.id))
        .filter(engagement_service::service_code.eq(input.service))
        .filter(engagement_service::from_on.lt(input.until))
        .filter(engagement_service::until_on.is_null().or(engagement_service::until_on.gt(input.until)));
    let ended = tx.exec(diesel::update(lines).set(engagement_service::until_on.eq(Some(input.until)))).await?;
    if ended == 0 {
        let message = "The engagement does not cover this service on the day before.";
        return Err(Error::refuse(UserErrorCode::NotFound, "service", message));
    }
    emit(tx, EventKind::EngagementUpdated, found.id.0);
    Ok(found)
}

/// Queries about engagements.
#[derive(Default)]
pub struct EngagementQuery;

#[Object]
impl EngagementQuery {
    /// One engagement; null if the id is unknown. Right: `practice.engagement.read`.
    async fn engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The engagement's id.")] id: EngagementId,
    ) -> async_graphql::Result<Option<Engagement>> {
        Ok(ctx.load::<Engagement>(id).await?)
    }

    /// The client's engagements, newest first. Right: `practice.engagement.read`.
    async fn engagements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<EngagementConnection> {
        let tx = ctx.tx(Can::EngagementRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own = || -> Result<_> { Ok(engagement::table.filter(engagement::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(engagement::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(engagement::id.desc()).limit(slice.limit()).select(Engagement::as_select())).await?;
        Ok(EngagementConnection::new(ctx, &slice, rows, |row: &Engagement| encode("", row.id.0), total))
    }
}

/// Changes of engagements.
#[derive(Default)]
pub struct EngagementMutation;

#[Object]
impl EngagementMutation {
    /// Says that the client has services from a day on. Right: `practice.engagement.manage`.
    async fn engagement_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new engagement.")] input: EngagementCreateInput,
    ) -> async_graphql::Result<Option<EngagementPayload>> {
        EngagementPayload::settle(ctx, create(ctx.tx(Can::EngagementManage).await?, input).await)
    }

    /// Changes the name or the end of an engagement. Right: `practice.engagement.manage`.
    async fn engagement_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: EngagementUpdateInput,
    ) -> async_graphql::Result<Option<EngagementPayload>> {
        EngagementPayload::settle(ctx, update(ctx.tx(Can::EngagementManage).await?, input).await)
    }

    /// Adds a service to an engagement. Right: `practice.engagement.manage`.
    async fn engagement_service_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service, and from when on.")] input: EngagementServiceAddInput,
    ) -> async_graphql::Result<Option<EngagementPayload>> {
        EngagementPayload::settle(ctx, add(ctx.tx(Can::EngagementManage).await?, input).await)
    }

    /// Ends a service of an engagement. Right: `practice.engagement.manage`.
    async fn engagement_service_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service, and from when on it is not done any more.")] input: EngagementServiceEndInput,
    ) -> async_graphql::Result<Option<EngagementPayload>> {
        EngagementPayload::settle(ctx, end(ctx.tx(Can::EngagementManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_days_are_half_open() {
        let day = |text: &str| Date(text.parse().unwrap());
        let january = (day("2026-01-01"), Some(day("2026-02-01")));
        assert!(!overlap(january, (day("2026-02-01"), None)));
        assert!(overlap(january, (day("2026-01-31"), None)));
        assert!(!overlap((day("2026-02-01"), None), january));
        assert!(overlap((day("2025-01-01"), None), january));
    }
}
