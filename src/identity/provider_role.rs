//! Provider roles, and by what members of the staff hold them.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};

use super::authority;
use super::outside::staff::StaffIdentityProvider;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::{ProviderRoleId, StaffIdentityProviderId, UserId};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::provider_role;

/// What staff may do for the provider, and in every client without a grant.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = provider_role)]
#[graphql(complex)]
pub struct ProviderRole {
    /// Global id.
    pub id: ProviderRoleId,
    /// Name.
    pub name: String,
    #[graphql(skip)]
    permissions: Vec<String>,
    #[graphql(skip)]
    client_permissions: Vec<String>,
}

impl ProviderRole {
    /// As the database keeps it.
    pub(super) fn new(
        id: ProviderRoleId,
        name: String,
        permissions: Vec<String>,
        client_permissions: Vec<String>,
    ) -> Self {
        Self { id, name, permissions, client_permissions }
    }
}

#[ComplexObject]
impl ProviderRole {
    /// Rights held for the provider.
    async fn permissions(&self) -> Vec<Can> {
        authority::parse(&self.permissions)
    }

    /// Rights held in every client, without a grant.
    async fn client_permissions(&self) -> Vec<Can> {
        authority::parse(&self.client_permissions)
    }
}

/// A provider role that a member of the staff holds.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ProviderGrant {
    /// The role.
    pub role: ProviderRole,
    /// Its last day; null: without end. In a client it ends by the client's time zone.
    pub valid_until: Option<Date>,
    #[graphql(skip)]
    identity_provider_id: Option<StaffIdentityProviderId>,
}

#[ComplexObject]
impl ProviderGrant {
    /// The identity provider that gives it because of a group, and takes it away at a sign-in without that group; null if
    /// it was given by hand. Right: `identity.staff.manage`.
    async fn identity_provider(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<StaffIdentityProvider>> {
        Ok(match self.identity_provider_id {
            Some(id) => ctx.load::<StaffIdentityProvider>(id).await?,
            None => None,
        })
    }
}

#[derive(QueryableByName)]
struct RoleOf {
    #[diesel(sql_type = SqlUuid)]
    account_id: UserId,
    #[diesel(sql_type = SqlUuid)]
    id: ProviderRoleId,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Array<Text>)]
    permissions: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    client_permissions: Vec<String>,
    #[diesel(sql_type = Nullable<SqlDate>)]
    valid_until: Option<Date>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    identity_provider_id: Option<StaffIdentityProviderId>,
}

impl Fetch for ProviderGrant {
    type Key = UserId;
    type Value = Vec<Self>;
    const CAN: Can = Can::StaffManage;

    async fn fetch(tx: &Tx, keys: Vec<UserId>) -> Result<HashMap<UserId, Vec<Self>>> {
        let rows: Vec<RoleOf> = tx
            .rows(
                sql("SELECT g.account_id, r.id, r.name, r.permissions, r.client_permissions, g.valid_until, g.identity_provider_id
                       FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                      WHERE g.account_id = ANY($1)
                        AND (g.valid_until IS NULL OR g.valid_until >= (now() AT TIME ZONE 'UTC')::date)
                      ORDER BY r.name, g.created_at, g.id")
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<UserId, Vec<Self>> = HashMap::new();
        for row in rows {
            found.entry(row.account_id).or_default().push(Self {
                role: ProviderRole::new(row.id, row.name, row.permissions, row.client_permissions),
                valid_until: row.valid_until,
                identity_provider_id: row.identity_provider_id,
            });
        }
        Ok(found)
    }
}
