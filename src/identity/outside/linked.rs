//! Who is linked to which identity provider, and what that calls him.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::super::account::User;
use super::staff::StaffIdentityProvider;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::{IdentityProviderId, StaffIdentityProviderId, UserId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::outside_account;

/// A person whom an identity provider of the client knows.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = outside_account)]
#[graphql(complex)]
pub struct IdentityProviderUser {
    #[graphql(skip)]
    id: Uuid,
    #[graphql(skip)]
    account_id: UserId,
    /// What the identity provider calls the person (`sub`): that is he, whatever his address there.
    pub subject: String,
    /// When the person last came in through it.
    pub last_sign_in_at: DateTime,
    /// When the person first did.
    #[graphql(name = "linkedAt")]
    pub created_at: DateTime,
}

#[ComplexObject]
impl IdentityProviderUser {
    /// The person. Right: `identity.grant.read`.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(ctx.load::<User>(self.account_id).await?)
    }
}

crate::platform::connection!(
    /// A page of people whom an identity provider knows.
    IdentityProviderUserConnection, IdentityProviderUserEdge, IdentityProviderUser
);

/// What an identity provider of the provider's own calls a member of the staff.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct StaffOutsideIdentity {
    #[graphql(skip)]
    identity_provider_id: StaffIdentityProviderId,
    /// What the identity provider calls the person (`sub`): that is he, whatever his address there.
    pub subject: String,
    /// When the person last came in through it.
    pub last_sign_in_at: DateTime,
    /// When the person first did.
    pub linked_at: DateTime,
}

#[ComplexObject]
impl StaffOutsideIdentity {
    /// The identity provider. Right: `identity.staff.manage`.
    async fn identity_provider(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<StaffIdentityProvider>> {
        Ok(ctx.load::<StaffIdentityProvider>(self.identity_provider_id).await?)
    }
}

#[derive(QueryableByName)]
struct Linked {
    #[diesel(sql_type = SqlUuid)]
    account_id: UserId,
    #[diesel(sql_type = SqlUuid)]
    identity_provider_id: StaffIdentityProviderId,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Timestamptz)]
    last_sign_in_at: DateTime,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime,
}

impl Fetch for StaffOutsideIdentity {
    type Key = UserId;
    type Value = Vec<Self>;
    const CAN: Can = Can::StaffManage;

    async fn fetch(tx: &Tx, keys: Vec<UserId>) -> Result<HashMap<UserId, Vec<Self>>> {
        let rows: Vec<Linked> = tx
            .rows(
                sql("SELECT o.account_id, o.identity_provider_id, o.subject, o.last_sign_in_at, o.created_at
                       FROM identity.staff_outside_account o JOIN identity.staff_identity_provider p ON p.id = o.identity_provider_id
                      WHERE o.account_id = ANY($1) AND p.state <> 'deleted' ORDER BY p.id DESC")
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<UserId, Vec<Self>> = HashMap::new();
        for row in rows {
            found.entry(row.account_id).or_default().push(Self {
                identity_provider_id: row.identity_provider_id,
                subject: row.subject,
                last_sign_in_at: row.last_sign_in_at,
                linked_at: row.created_at,
            });
        }
        Ok(found)
    }
}

/// Queries about people whom identity providers know.
#[derive(Default)]
pub struct IdentityProviderUserQuery;

#[Object]
impl IdentityProviderUserQuery {
    /// The people whom an identity provider of the client knows, by what it calls them; nobody if its id is unknown. Whoever
    /// is to be known by another name there is forgotten first (`identityProviderUserUnlink`). Right:
    /// `identity.identity_provider.read`.
    async fn identity_provider_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider's id.")] identity_provider: IdentityProviderId,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<IdentityProviderUserConnection> {
        let tx = ctx.tx(Can::IdentityProviderRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> {
            Ok(outside_account::table
                .filter(outside_account::tenant_id.eq(tx.tenant()?))
                .filter(outside_account::identity_provider_id.eq(identity_provider))
                .into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((subject, _)) = &slice.after {
            page = page.filter(outside_account::subject.gt(subject.clone()));
        }
        let rows = tx
            .rows(page.order(outside_account::subject).limit(slice.limit()).select(IdentityProviderUser::as_select()))
            .await?;
        Ok(IdentityProviderUserConnection::new(ctx, &slice, rows, |row| encode(&row.subject, row.id), total))
    }
}
