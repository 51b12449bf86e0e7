//! Roles of a client: named sets of rights. A role is only ever given by a dated grant.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;

use super::authority;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::RoleId;
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::role;

/// A named set of rights in a client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = role)]
#[graphql(complex)]
pub struct Role {
    /// Global id.
    pub id: RoleId,
    /// Name, unique in the client.
    pub name: String,
    #[graphql(skip)]
    permissions: Vec<String>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl Role {
    /// The rights that the role holds.
    async fn permissions(&self) -> Vec<Can> {
        self.rights()
    }
}

impl Role {
    /// The rights that the role holds.
    pub(super) fn rights(&self) -> Vec<Can> {
        authority::parse(&self.permissions)
    }
}

crate::platform::connection!(
    /// A page of roles.
    RoleConnection, RoleEdge, Role
);

impl Fetch for Role {
    type Key = RoleId;
    type Value = Self;
    const CAN: Can = Can::RoleRead;

    async fn fetch(tx: &Tx, keys: Vec<RoleId>) -> Result<HashMap<RoleId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                role::table
                    .filter(role::tenant_id.eq(tx.tenant()?))
                    .filter(role::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A new role.
#[derive(InputObject, Clone, Debug)]
pub struct RoleCreateInput {
    /// Name, 1 to 100 characters, unique in the client.
    pub name: String,
    /// The rights that the role holds, at least one: each must be the caller's own, unless he may manage roles by a
    /// provider role.
    pub permissions: Vec<Can>,
}

/// Changes of a role: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct RoleUpdateInput {
    /// The role.
    pub id: RoleId,
    /// The version that was read; refused with `CONFLICT` if the role was changed since.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// All rights that the role holds from now on, at least one. Those that are new to it must be the caller's own,
    /// unless he may manage roles by a provider role.
    pub permissions: Option<Vec<Can>>,
}

crate::platform::payload! {
    /// What became of a role.
    RolePayload {
        /// The role as it is now.
        role: Role
    }
}

/// The role, held so that its rights do not change while it is given.
pub(super) async fn hold(tx: &Tx, id: RoleId) -> Result<Role> {
    tx.maybe(
        role::table
            .filter(role::tenant_id.eq(tx.tenant()?))
            .filter(role::id.eq(id))
            .select(Role::as_select())
            .for_share(),
    )
    .await?
    .ok_or_else(|| Error::not_found("role", "role"))
}

fn check_set(permissions: &[Can]) -> Result<()> {
    if permissions.is_empty() {
        return Err(Error::refuse(UserErrorCode::Required, "permissions", "A role holds at least one right."));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 100 characters."));
    }
    Ok(())
}

async fn create(tx: &Tx, input: RoleCreateInput) -> Result<Role> {
    check_name(&input.name)?;
    check_set(&input.permissions)?;
    authority::check(tx, Can::RoleManage, &input.permissions, "permissions").await?;
    lay(tx, input.name, &input.permissions).await
}

/// Writes a role whose rights somebody may give, or nobody has to: that of a client that is being founded.
pub async fn lay(tx: &Tx, name: String, permissions: &[Can]) -> Result<Role> {
    tx.row(
        diesel::insert_into(role::table)
            .values((
                role::tenant_id.eq(tx.tenant()?),
                role::id.eq(new_uuid()),
                role::name.eq(name),
                role::permissions.eq(authority::names(permissions)),
            ))
            .returning(Role::as_returning()),
    )
    .await
    .inspect(|created: &Role| emit(tx, EventKind::RoleCreated, created.id.0))
}

/// The roles of a client by their names.
pub async fn by_name(tx: &Tx) -> Result<HashMap<String, RoleId>> {
    let all: Vec<(String, RoleId)> =
        tx.rows(role::table.filter(role::tenant_id.eq(tx.tenant()?)).select((role::name, role::id))).await?;
    Ok(all.into_iter().collect())
}

async fn update(tx: &Tx, input: RoleUpdateInput) -> Result<Role> {
    let tenant = tx.tenant()?;
    let current: Option<Role> = tx
        .maybe(
            role::table
                .filter(role::tenant_id.eq(tenant))
                .filter(role::id.eq(input.id))
                .select(Role::as_select())
                .for_update(),
        )
        .await?;
    let current = current.ok_or_else(|| Error::not_found("id", "role"))?;
    if input.expected_version.is_some_and(|expected| expected != current.version) {
        return Err(Error::refuse(
            UserErrorCode::Conflict,
            "expectedVersion",
            "The role was changed since it was read; read it again.",
        ));
    }
    if let Some(name) = &input.name {
        check_name(name)?;
    }
    if let Some(permissions) = &input.permissions {
        check_set(permissions)?;
        let before = current.rights();
        let added: Vec<Can> = permissions.iter().copied().filter(|can| !before.contains(can)).collect();
        authority::check(tx, Can::RoleManage, &added, "permissions").await?;
    }
    let name = input.name.unwrap_or_else(|| current.name.clone());
    let permissions = input.permissions.map_or_else(|| current.permissions.clone(), |set| authority::names(&set));
    tx.row(
        diesel::update(role::table.filter(role::tenant_id.eq(tenant)).filter(role::id.eq(input.id)))
            .set((role::name.eq(name), role::permissions.eq(permissions)))
            .returning(Role::as_returning()),
    )
    .await
    .inspect(|updated: &Role| emit(tx, EventKind::RoleUpdated, updated.id.0))
}

/// Queries about roles.
#[derive(Default)]
pub struct RoleQuery;

#[Object]
impl RoleQuery {
    /// The client's roles, newest first. Right: `identity.role.read`.
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<RoleConnection> {
        let tx = ctx.tx(Can::RoleRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(role::table.filter(role::tenant_id.eq(tenant)).count()).await?)
        } else {
            None
        };
        let mut page = role::table.filter(role::tenant_id.eq(tenant)).into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(role::id.lt(*id));
        }
        let rows = tx.rows(page.order(role::id.desc()).limit(slice.limit()).select(Role::as_select())).await?;
        Ok(RoleConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of roles.
#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Creates a role. Right: `identity.role.manage`.
    async fn role_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new role.")] input: RoleCreateInput,
    ) -> async_graphql::Result<Option<RolePayload>> {
        RolePayload::settle(ctx, create(ctx.tx(Can::RoleManage).await?, input).await)
    }

    /// Changes a role, and with it what everybody may do who holds it. Right: `identity.role.manage`.
    async fn role_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: RoleUpdateInput,
    ) -> async_graphql::Result<Option<RolePayload>> {
        RolePayload::settle(ctx, update(ctx.tx(Can::RoleManage).await?, input).await)
    }
}
