//! Dated grants: who holds which role in the client, from which day to which. A grant that denies wins over every grant
//! that allows, and over the provider's own roles.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Uuid as SqlUuid};

use super::account::User;
use super::authority;
use super::outside::provider::IdentityProvider;
use super::role::{self, Role};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{GrantId, IdentityProviderId, RoleId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::access_grant;

crate::platform::words! {
    /// What a grant does with the rights of its role.
    GrantEffect {
        /// Gives them.
        Allow = "allow",
        /// Takes them away, whoever else gives them.
        Deny = "deny",
    }
}

/// A role of a person in the client, from a day to a day.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = access_grant)]
#[graphql(complex)]
pub struct Grant {
    /// Global id.
    pub id: GrantId,
    #[graphql(skip)]
    account_id: UserId,
    #[graphql(skip)]
    role_id: RoleId,
    /// Whether it gives the rights of the role or takes them away.
    pub effect: GrantEffect,
    /// First day, in the client's time zone.
    pub valid_from: Date,
    /// Last day, in the client's time zone; null: without end.
    pub valid_until: Option<Date>,
    /// When it was ended at once, before its last day; null if it was not.
    pub ended_at: Option<DateTime>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
    #[graphql(skip)]
    identity_provider_id: Option<IdentityProviderId>,
}

#[ComplexObject]
impl Grant {
    /// The identity provider that gives it because of a group, and takes it away at a sign-in without that group; null if
    /// it was given by hand. Right: `identity.identity_provider.read`.
    async fn identity_provider(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<IdentityProvider>> {
        Ok(match self.identity_provider_id {
            Some(id) => ctx.load::<IdentityProvider>(id).await?,
            None => None,
        })
    }

    /// The person. Right: `identity.grant.read`.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(ctx.load::<User>(self.account_id).await?)
    }

    /// The role. Right: `identity.role.read`.
    async fn role(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Role>> {
        Ok(ctx.load::<Role>(self.role_id).await?)
    }
}

crate::platform::connection!(
    /// A page of grants.
    GrantConnection, GrantEdge, Grant
);

impl Fetch for Grant {
    type Key = GrantId;
    type Value = Self;
    const CAN: Can = Can::GrantRead;

    async fn fetch(tx: &Tx, keys: Vec<GrantId>) -> Result<HashMap<GrantId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                access_grant::table
                    .filter(access_grant::tenant_id.eq(tx.tenant()?))
                    .filter(access_grant::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A new grant.
#[derive(InputObject, Clone, Debug)]
pub struct GrantCreateInput {
    /// The person: of the provider's staff, or one who was invited to this client before.
    pub user: UserId,
    /// The role. To allow it, each of its rights must be the caller's own, unless he may manage grants by a provider role.
    pub role: RoleId,
    /// Whether it gives the rights of the role or takes them away.
    pub effect: GrantEffect,
    /// First day, in the client's time zone; today if not said.
    pub from: Option<Date>,
    /// Last day, in the client's time zone; without end if not said.
    pub until: Option<Date>,
}

/// The end of a grant.
#[derive(InputObject, Clone, Debug)]
pub struct GrantEndInput {
    /// The grant.
    pub id: GrantId,
    /// Its last day, in the client's time zone, today or later; if not said it ends at once.
    pub on: Option<Date>,
}

crate::platform::payload! {
    /// What became of a grant.
    GrantPayload {
        /// The grant as it is now.
        grant: Grant
    }
}

#[derive(QueryableByName)]
struct Grantable {
    #[diesel(sql_type = Bool)]
    grantable: bool,
}

async fn create(tx: &Tx, input: GrantCreateInput) -> Result<Grant> {
    let from = input.from.unwrap_or(Date(tx.today()));
    if input.until.is_some_and(|until| until < from) {
        return Err(Error::refuse(UserErrorCode::Invalid, "until", "The last day lies before the first."));
    }
    let role = role::hold(tx, input.role).await?;
    if input.effect == GrantEffect::Allow {
        authority::check(tx, Can::GrantManage, &role.rights(), "role").await?;
    }
    let row: Grantable =
        tx.row(sql("SELECT identity.grantable($1) AS grantable").bind::<SqlUuid, _>(input.user)).await?;
    if !row.grantable {
        return Err(Error::not_found("user", "user"));
    }
    tx.row(
        diesel::insert_into(access_grant::table)
            .values((
                access_grant::tenant_id.eq(tx.tenant()?),
                access_grant::id.eq(new_uuid()),
                access_grant::account_id.eq(input.user),
                access_grant::role_id.eq(input.role),
                access_grant::effect.eq(input.effect),
                access_grant::valid_from.eq(from),
                access_grant::valid_until.eq(input.until),
            ))
            .returning(Grant::as_returning()),
    )
    .await
    .inspect(|given: &Grant| emit(tx, EventKind::GrantGiven, given.id.0))
}

async fn end(tx: &Tx, input: GrantEndInput) -> Result<Grant> {
    let tenant = tx.tenant()?;
    let current: Option<Grant> = tx
        .maybe(
            access_grant::table
                .filter(access_grant::tenant_id.eq(tenant))
                .filter(access_grant::id.eq(input.id))
                .select(Grant::as_select())
                .for_update(),
        )
        .await?;
    let current = current.ok_or_else(|| Error::not_found("id", "grant"))?;
    let today = Date(tx.today());
    if current.ended_at.is_some() || current.valid_until.is_some_and(|until| until < today) {
        return Err(Error::refuse(UserErrorCode::State, "id", "The grant has ended already."));
    }
    if current.effect == GrantEffect::Deny {
        // to end a refusal is to give
        let role = role::hold(tx, current.role_id).await?;
        authority::check(tx, Can::GrantManage, &role.rights(), "id").await?;
    }
    let this = access_grant::table.filter(access_grant::tenant_id.eq(tenant)).filter(access_grant::id.eq(input.id));
    let Some(on) = input.on else {
        return tx
            .row(diesel::update(this).set(access_grant::ended_at.eq(tx.now())).returning(Grant::as_returning()))
            .await
            .inspect(|ended: &Grant| emit(tx, EventKind::GrantEnded, ended.id.0));
    };
    if on < today || on < current.valid_from {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "on",
            "The last day lies before today or before the first day; omit it to end the grant at once.",
        ));
    }
    if current.valid_until.is_some_and(|until| until < on) {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "on",
            "The grant ends earlier already; ending never prolongs it.",
        ));
    }
    tx.row(diesel::update(this).set(access_grant::valid_until.eq(on)).returning(Grant::as_returning()))
        .await
        .inspect(|ended: &Grant| emit(tx, EventKind::GrantEnded, ended.id.0))
}

/// Queries about grants.
#[derive(Default)]
pub struct GrantQuery;

#[Object]
impl GrantQuery {
    /// All grants in the client, past ones too, newest first. Right: `identity.grant.read`.
    async fn grants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<GrantConnection> {
        let tx = ctx.tx(Can::GrantRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(access_grant::table.filter(access_grant::tenant_id.eq(tenant)).count()).await?)
        } else {
            None
        };
        let mut page = access_grant::table.filter(access_grant::tenant_id.eq(tenant)).into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(access_grant::id.lt(*id));
        }
        let rows = tx.rows(page.order(access_grant::id.desc()).limit(slice.limit()).select(Grant::as_select())).await?;
        Ok(GrantConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of grants.
#[derive(Default)]
pub struct GrantMutation;

#[Object]
impl GrantMutation {
    /// Gives a role to a person, or takes its rights away, from a day to a day. Right: `identity.grant.manage`.
    async fn grant_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new grant.")] input: GrantCreateInput,
    ) -> async_graphql::Result<Option<GrantPayload>> {
        GrantPayload::settle(ctx, create(ctx.tx(Can::GrantManage).await?, input).await)
    }

    /// Ends a grant, at once or on a day. To end one that denies, the rights of its role must be the caller's own, unless
    /// he may manage grants by a provider role. Right: `identity.grant.manage`.
    async fn grant_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which grant, and when.")] input: GrantEndInput,
    ) -> async_graphql::Result<Option<GrantPayload>> {
        GrantPayload::settle(ctx, end(ctx.tx(Can::GrantManage).await?, input).await)
    }
}
