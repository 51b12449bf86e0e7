//! Delegations: somebody decides in another one's place, for some days, up to a limit of his own. What was delegated is not
//! passed on, and delegations never come back to their beginning.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::{Currency, check_scale};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Int4, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};

use super::ApprovalSubject;
use super::ids::ApprovalDelegationId;
use super::policy_change::decides_here;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;
use crate::schema::approval_delegation;

/// Somebody decides in another one's place.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ApprovalDelegation {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: ApprovalDelegationId,
    /// In whose place: his user id.
    #[diesel(sql_type = SqlUuid)]
    pub delegator: UserId,
    /// His name.
    #[diesel(sql_type = Text)]
    pub delegator_name: String,
    /// Who decides: his user id.
    #[diesel(sql_type = SqlUuid)]
    pub delegate: UserId,
    /// His name.
    #[diesel(sql_type = Text)]
    pub delegate_name: String,
    /// What it is about; null: everything.
    #[diesel(sql_type = Nullable<Text>)]
    pub subject: Option<ApprovalSubject>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[graphql(skip)]
    most: Option<Dec>,
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    currency: Option<CurrencyCode>,
    /// The first day, in the client's time zone.
    #[diesel(sql_type = SqlDate)]
    pub from: Date,
    /// The first day on which it does not hold any more.
    #[diesel(sql_type = SqlDate)]
    pub until: Date,
    /// When it was ended before that; null: it was not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub ended_at: Option<DateTime>,
    /// When it was given.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// Counts changes.
    #[diesel(sql_type = Int4)]
    pub version: i32,
}

#[async_graphql::ComplexObject]
impl ApprovalDelegation {
    /// The delegate's own limit: what counts as more is not his to decide; nor is what has no amount, or counts in another
    /// currency. Null: without limit.
    async fn limit(&self) -> Option<Money> {
        Some(Money::new(self.most?, &self.currency.as_ref()?.0))
    }
}

macro_rules! delegations {
    ($conditions:literal) => {
        concat!(
            "SELECT d.id, d.delegator_id AS delegator, d.delegate_id AS delegate, d.subject, d.most, d.currency, d.from_on AS from,
                    d.until_on AS until, d.ended_at, d.created_at, d.version, g.name AS delegator_name, h.name AS delegate_name
               FROM practice.approval_delegation d
              CROSS JOIN LATERAL practice.people_named(ARRAY[d.delegator_id]) g
              CROSS JOIN LATERAL practice.people_named(ARRAY[d.delegate_id]) h
              WHERE d.tenant_id = $1 AND ",
            $conditions
        )
    };
}

impl Fetch for ApprovalDelegation {
    type Key = ApprovalDelegationId;
    type Value = Self;
    const CAN: Can = Can::ApprovalRead;

    async fn fetch(tx: &Tx, keys: Vec<ApprovalDelegationId>) -> Result<HashMap<ApprovalDelegationId, Self>> {
        let rows: Vec<Self> = tx
            .rows(sql(delegations!("d.id = ANY ($2)")).bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(keys))
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

async fn find(tx: &Tx, id: ApprovalDelegationId) -> Result<ApprovalDelegation> {
    let found = ApprovalDelegation::fetch(tx, vec![id]).await?.remove(&id);
    found.ok_or_else(|| Error::fault("the delegation that was just changed is not there"))
}

/// An amount in a currency.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalLimitInput {
    /// The amount, greater than zero, at most 4 decimals.
    pub amount: Dec,
    /// The currency; that of the books if not said.
    pub currency: Option<CurrencyCode>,
}

/// Somebody decides in the caller's place.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalDelegationCreateInput {
    /// Who: somebody who may decide on approvals of this client.
    pub delegate: UserId,
    /// What about; everything if not said.
    pub subject: Option<ApprovalSubject>,
    /// Up to and with how much, as requests count; without limit if not said.
    pub limit: Option<ApprovalLimitInput>,
    /// The first day, in the client's time zone; today if not said.
    pub from: Option<Date>,
    /// The first day on which it does not hold any more, within a year.
    pub until: Date,
}

/// A delegation that ends at once.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalDelegationEndInput {
    /// The delegation: one's own, or any with the right `work.approval_policy.manage`.
    pub id: ApprovalDelegationId,
}

crate::platform::payload! {
    /// What became of a delegation.
    ApprovalDelegationPayload {
        /// The delegation as it is now.
        approval_delegation: ApprovalDelegation
    }
}

fn refuse(field: &str, message: &str) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

async fn create(tx: &Tx, input: ApprovalDelegationCreateInput) -> Result<ApprovalDelegation> {
    let ApprovalDelegationCreateInput { delegate, subject, limit, from, until } = input;
    let from = from.unwrap_or(Date(tx.today()));
    if until <= from || until.0 <= tx.today() {
        return Err(refuse("until", "A delegation holds for a day at least, and is not over already."));
    }
    if until.0.signed_duration_since(from.0).num_days() > 366 {
        return Err(refuse("until", "A delegation holds for a year at most."));
    }
    if delegate.0 == tx.actor() {
        return Err(refuse("delegate", "Nobody delegates to himself."));
    }
    if !decides_here(tx, delegate).await? {
        return Err(Error::not_found("delegate", "person who may decide on approvals of this client"));
    }
    let (most, currency) = match limit {
        Some(limit) => {
            let currency = limit.currency.unwrap_or_else(|| CurrencyCode(tx.book_currency().to_owned()));
            Currency::parse(&currency.0).map_err(|error| refuse("limit.currency", &error.to_string()))?;
            check_scale(limit.amount.0, 4).map_err(|error| refuse("limit.amount", &error.to_string()))?;
            if limit.amount <= Dec::default() {
                return Err(refuse("limit.amount", "A limit is greater than zero."));
            }
            (Some(limit.amount), Some(currency))
        }
        None => (None, None),
    };
    let id = ApprovalDelegationId::new();
    tx.exec(diesel::insert_into(approval_delegation::table).values((
        approval_delegation::tenant_id.eq(tx.tenant()?),
        approval_delegation::id.eq(id),
        approval_delegation::delegator_id.eq(tx.actor()),
        approval_delegation::delegate_id.eq(delegate),
        approval_delegation::subject.eq(subject),
        approval_delegation::most.eq(most),
        approval_delegation::currency.eq(currency),
        approval_delegation::from_on.eq(from),
        approval_delegation::until_on.eq(until),
    )))
    .await?;
    emit(tx, EventKind::ApprovalDelegationCreated, id.0);
    find(tx, id).await
}

async fn end(tx: &Tx, id: ApprovalDelegationId) -> Result<ApprovalDelegation> {
    let found: Option<(UserId, Option<DateTime>)> = tx
        .maybe(
            approval_delegation::table
                .filter(approval_delegation::tenant_id.eq(tx.tenant()?))
                .filter(approval_delegation::id.eq(id))
                .select((approval_delegation::delegator_id, approval_delegation::ended_at))
                .for_no_key_update(),
        )
        .await?;
    let (delegator, ended) = found.ok_or_else(|| Error::not_found("id", "delegation"))?;
    if delegator.0 != tx.actor() && !tx.permissions().contains(&Can::ApprovalPolicyManage) {
        return Err(Error::refuse(UserErrorCode::State, "id", "Only whoever has delegated ends that."));
    }
    if ended.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This delegation was ended already."));
    }
    tx.exec(
        diesel::update(approval_delegation::table)
            .filter(approval_delegation::tenant_id.eq(tx.tenant()?))
            .filter(approval_delegation::id.eq(id))
            .set(approval_delegation::ended_at.eq(Some(tx.now()))),
    )
    .await?;
    emit(tx, EventKind::ApprovalDelegationEnded, id.0);
    find(tx, id).await
}

crate::platform::connection!(
    /// A page of delegations.
    ApprovalDelegationConnection, ApprovalDelegationEdge, ApprovalDelegation
);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Queries about delegations.
#[derive(Default)]
pub struct ApprovalDelegationQuery;

#[Object]
impl ApprovalDelegationQuery {
    /// One delegation; null if the id is unknown. Right: `work.approval.read`.
    async fn approval_delegation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delegation's id.")] id: ApprovalDelegationId,
    ) -> async_graphql::Result<Option<ApprovalDelegation>> {
        Ok(ctx.load::<ApprovalDelegation>(id).await?)
    }

    /// The client's delegations, also those that are over, newest first. Right: `work.approval.read`.
    async fn approval_delegations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ApprovalDelegationConnection> {
        let tx = ctx.tx(Can::ApprovalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let text = "SELECT count(*) AS count FROM practice.approval_delegation d WHERE d.tenant_id = $1";
            let counted: Count = tx.row(sql(text).bind::<SqlUuid, _>(tx.tenant()?)).await?;
            Some(counted.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                sql(delegations!("($2::uuid IS NULL OR d.id < $2) ORDER BY d.id DESC LIMIT $3"))
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                    .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(ApprovalDelegationConnection::new(ctx, &slice, rows, |row: &ApprovalDelegation| encode("", row.id.0), total))
    }
}

/// Only people delegate, as only people decide.
fn a_person(ctx: &Context<'_>) -> Result<()> {
    match ctx.scope()?.caller() {
        Caller::Service { .. } => {
            Err(Error::BadInput("A service account decides nothing and delegates nothing.".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Changes of delegations.
#[derive(Default)]
pub struct ApprovalDelegationMutation;

#[Object]
impl ApprovalDelegationMutation {
    /// Lets somebody decide in the caller's place. Right: `work.approval.decide`.
    async fn approval_delegation_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, what about and until when.")] input: ApprovalDelegationCreateInput,
    ) -> async_graphql::Result<Option<ApprovalDelegationPayload>> {
        let tx = ctx.tx(Can::ApprovalDecide).await?;
        a_person(ctx)?;
        ApprovalDelegationPayload::settle(ctx, create(tx, input).await)
    }

    /// Ends a delegation at once. Right: `work.approval.decide`.
    async fn approval_delegation_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delegation.")] input: ApprovalDelegationEndInput,
    ) -> async_graphql::Result<Option<ApprovalDelegationPayload>> {
        ApprovalDelegationPayload::settle(ctx, end(ctx.tx(Can::ApprovalDecide).await?, input.id).await)
    }
}
