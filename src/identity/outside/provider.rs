//! The identity providers of a client, and which of their groups stand for which roles.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;

use super::super::role::Role;
use super::Outside;
use super::owner::Owner;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{IdentityProviderId, RoleId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, Caller};
use crate::schema::{identity_provider, identity_provider_role};

crate::platform::words! {
    /// Whether people come in through an identity provider.
    IdentityProviderState {
        /// They do.
        Enabled = "enabled",
        /// They do not, and those who came have been signed out.
        Disabled = "disabled",
        /// It was deleted: no list shows it any more.
        Deleted = "deleted",
    }
}

/// A server elsewhere that says who somebody is (OpenID Connect), for the people of this client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = identity_provider)]
#[graphql(complex)]
pub struct IdentityProvider {
    /// Global id.
    pub id: IdentityProviderId,
    /// What people call it; unique in the client.
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
    /// Whether somebody who was not invited gets an account, if a group of his stands for a role.
    pub creates_accounts: bool,
    /// Whether the client's people come in this way only. A password still does for the provider's staff, and for those
    /// who hold `identity.identity_provider.manage` by a grant that was given by hand.
    pub required: bool,
    /// How many hours a sign-in lasts, 1 to 720; then groups and rights are asked for again.
    pub session_hours: i32,
    /// How many minutes ago a person may have signed in there; null: as long ago as the identity provider likes.
    pub max_age_minutes: Option<i32>,
    /// Whether people come in through it.
    pub state: IdentityProviderState,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl IdentityProvider {
    /// Which of its groups stand for which roles, by group. Right: `identity.identity_provider.read`.
    async fn roles(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<IdentityProviderRole>> {
        Ok(ctx.load::<IdentityProviderRole>(self.id).await?.unwrap_or_default())
    }

    /// What a portal gives to `signInBegin`. No secret.
    async fn handle(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match ctx.scope()?.caller() {
            Caller::Person { client: Some(client), .. }
            | Caller::Service { client, .. }
            | Caller::Job { client, .. } => Ok(Owner::Client(*client).handle(self.id.0)),
            _ => Err(Error::fault("an identity provider was read without a client").into()),
        }
    }

    /// The address at this installation that the identity provider has to know as redirect URI. Null if this installation
    /// was built without OpenID Connect.
    async fn redirect_uri(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(redirect_uri(ctx, &self.issuer))
    }
}

/// Where an issuer sends people back to; nothing where nobody is sent away.
pub(super) fn redirect_uri(ctx: &Context<'_>, issuer: &str) -> Option<String> {
    ctx.data_opt::<Outside>().and_then(|outside| way_back(outside, issuer))
}

#[cfg(feature = "oidc")]
fn way_back(outside: &Outside, issuer: &str) -> Option<String> {
    outside.as_ref().map(|relying| relying.redirect_uri(issuer))
}

#[cfg(not(feature = "oidc"))]
fn way_back(_: &Outside, _: &str) -> Option<String> {
    None
}

crate::platform::connection!(
    /// A page of identity providers.
    IdentityProviderConnection, IdentityProviderEdge, IdentityProvider
);

impl Fetch for IdentityProvider {
    type Key = IdentityProviderId;
    type Value = Self;
    const CAN: Can = Can::IdentityProviderRead;

    async fn fetch(tx: &Tx, keys: Vec<IdentityProviderId>) -> Result<HashMap<IdentityProviderId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                identity_provider::table
                    .filter(identity_provider::tenant_id.eq(tx.tenant()?))
                    .filter(identity_provider::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A group that stands for a role.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = identity_provider_role)]
#[graphql(complex)]
pub struct IdentityProviderRole {
    #[graphql(skip)]
    identity_provider_id: IdentityProviderId,
    /// The group, as the claim has it.
    #[graphql(name = "group")]
    pub group_name: String,
    #[graphql(skip)]
    pub(super) role_id: RoleId,
}

#[ComplexObject]
impl IdentityProviderRole {
    /// The role that its members get at sign-in. Right: `identity.role.read`.
    async fn role(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Role>> {
        Ok(ctx.load::<Role>(self.role_id).await?)
    }
}

impl Fetch for IdentityProviderRole {
    type Key = IdentityProviderId;
    type Value = Vec<Self>;
    const CAN: Can = Can::IdentityProviderRead;

    async fn fetch(tx: &Tx, keys: Vec<IdentityProviderId>) -> Result<HashMap<IdentityProviderId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                identity_provider_role::table
                    .filter(identity_provider_role::tenant_id.eq(tx.tenant()?))
                    .filter(identity_provider_role::identity_provider_id.eq_any(keys))
                    .order((identity_provider_role::group_name, identity_provider_role::id))
                    .select(Self::as_select()),
            )
            .await?;
        let mut found: HashMap<IdentityProviderId, Vec<Self>> = HashMap::new();
        for row in rows {
            found.entry(row.identity_provider_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// Queries about identity providers.
#[derive(Default)]
pub struct IdentityProviderQuery;

#[Object]
impl IdentityProviderQuery {
    /// One identity provider, also one that was deleted; null if the id is unknown. Right:
    /// `identity.identity_provider.read`.
    async fn identity_provider(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider's id.")] id: IdentityProviderId,
    ) -> async_graphql::Result<Option<IdentityProvider>> {
        Ok(ctx.load::<IdentityProvider>(id).await?)
    }

    /// The client's identity providers, newest first. Right: `identity.identity_provider.read`.
    async fn identity_providers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<IdentityProviderConnection> {
        let tx = ctx.tx(Can::IdentityProviderRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> {
            Ok(identity_provider::table
                .filter(identity_provider::tenant_id.eq(tx.tenant()?))
                .filter(identity_provider::state.ne(IdentityProviderState::Deleted))
                .into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(identity_provider::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(identity_provider::id.desc()).limit(slice.limit()).select(IdentityProvider::as_select()))
            .await?;
        Ok(IdentityProviderConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
