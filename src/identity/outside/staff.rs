//! The provider's own identity providers, and which of their groups stand for which provider roles.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};

use super::super::provider_role::ProviderRole;
use super::owner::Owner;
use super::provider::{IdentityProviderState, redirect_uri};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::{ProviderRoleId, StaffIdentityProviderId};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::staff_identity_provider;

/// A server elsewhere that says who somebody is (OpenID Connect), for the provider's own staff.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = staff_identity_provider)]
#[graphql(complex)]
pub struct StaffIdentityProvider {
    /// Global id.
    pub id: StaffIdentityProviderId,
    /// What people call it; unique among the provider's.
    pub name: String,
    /// Its issuer identifier, to the letter as it calls itself. Never changes.
    pub issuer: String,
    /// What this installation is called there (`client_id`).
    #[graphql(name = "oauthClientId")]
    pub oauth_client: String,
    /// What is asked for there: `openid` and more.
    pub scopes: Vec<String>,
    /// The domains that e-mail addresses have to lie in; empty: any.
    pub email_domains: Vec<String>,
    /// The claim that lists a person's groups; null if groups stand for nothing.
    pub groups_claim: Option<String>,
    /// Whether somebody who is not of the staff yet gets an account, if a group of his stands for a role.
    pub creates_accounts: bool,
    /// Whether staff comes in this way only. A password still does for those who hold `identity.staff.manage` by a role that
    /// was given by hand.
    pub required: bool,
    /// How many hours a sign-in lasts, 1 to 720; then groups and rights are asked for again.
    pub session_hours: i32,
    /// How many minutes ago a person may have signed in there; null: as long ago as the identity provider likes.
    pub max_age_minutes: Option<i32>,
    /// Whether staff comes in through it.
    pub state: IdentityProviderState,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl StaffIdentityProvider {
    /// Which of its groups stand for which roles, by group. Right: `identity.staff.manage`.
    async fn roles(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<StaffIdentityProviderRole>> {
        Ok(ctx.load::<StaffIdentityProviderRole>(self.id).await?.unwrap_or_default())
    }

    /// What a portal gives to `signInBegin`. No secret.
    async fn handle(&self) -> String {
        Owner::Provider.handle(self.id.0)
    }

    /// The address at this installation that the identity provider has to know as redirect URI. Null if this installation
    /// was built without OpenID Connect.
    async fn redirect_uri(&self, ctx: &Context<'_>) -> Option<String> {
        redirect_uri(ctx, &self.issuer)
    }
}

impl Fetch for StaffIdentityProvider {
    type Key = StaffIdentityProviderId;
    type Value = Self;
    const CAN: Can = Can::StaffManage;

    async fn fetch(tx: &Tx, keys: Vec<StaffIdentityProviderId>) -> Result<HashMap<StaffIdentityProviderId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                staff_identity_provider::table
                    .filter(staff_identity_provider::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A group that stands for a provider role.
#[derive(SimpleObject, Clone, Debug)]
pub struct StaffIdentityProviderRole {
    /// The group, as the claim has it.
    pub group: String,
    /// The role that its members get at sign-in.
    pub role: ProviderRole,
}

#[derive(QueryableByName)]
struct RoleRow {
    #[diesel(sql_type = SqlUuid)]
    identity_provider_id: StaffIdentityProviderId,
    #[diesel(sql_type = Text)]
    group_name: String,
    #[diesel(sql_type = SqlUuid)]
    id: ProviderRoleId,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Array<Text>)]
    permissions: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    client_permissions: Vec<String>,
}

impl Fetch for StaffIdentityProviderRole {
    type Key = StaffIdentityProviderId;
    type Value = Vec<Self>;
    const CAN: Can = Can::StaffManage;

    async fn fetch(tx: &Tx, keys: Vec<StaffIdentityProviderId>) -> Result<HashMap<StaffIdentityProviderId, Vec<Self>>> {
        let rows: Vec<RoleRow> = tx
            .rows(
                sql("SELECT m.identity_provider_id, m.group_name, r.id, r.name, r.permissions, r.client_permissions
                       FROM identity.staff_identity_provider_role m JOIN identity.provider_role r ON r.id = m.role_id
                      WHERE m.identity_provider_id = ANY($1) ORDER BY m.group_name, m.id")
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<StaffIdentityProviderId, Vec<Self>> = HashMap::new();
        for row in rows {
            let role = ProviderRole::new(row.id, row.name, row.permissions, row.client_permissions);
            found.entry(row.identity_provider_id).or_default().push(Self { group: row.group_name, role });
        }
        Ok(found)
    }
}

/// Queries about the provider's own identity providers.
#[derive(Default)]
pub struct StaffIdentityProviderQuery;

#[Object]
impl StaffIdentityProviderQuery {
    /// The provider's own identity providers, at most 20, newest first; not those that were deleted. Needs a token without
    /// client. Right: `identity.staff.manage`.
    async fn staff_identity_providers(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<StaffIdentityProvider>> {
        let tx = ctx.provider(Can::StaffManage).await?;
        Ok(tx
            .rows(
                staff_identity_provider::table
                    .filter(staff_identity_provider::state.ne(IdentityProviderState::Deleted))
                    .order(staff_identity_provider::id.desc())
                    .select(StaffIdentityProvider::as_select()),
            )
            .await?)
    }
}
