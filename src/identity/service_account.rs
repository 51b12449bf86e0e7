//! Service accounts: programs that act in one client, with a fixed set of rights and an end. They get their tokens at
//! `/oauth/token`.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_credentials::Opaque;
use chrono::TimeDelta;
use diesel::prelude::*;

use super::authority;
use super::oauth;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::ids::known::ServiceAccountId;
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, settle};
use crate::schema::service_account;

/// The longest life of a service account.
const MAX_DAYS: i64 = 366;

/// A program that acts in the client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = service_account)]
#[graphql(complex)]
pub struct ServiceAccount {
    #[graphql(skip)]
    tenant_id: uuid::Uuid,
    /// Global id.
    pub id: ServiceAccountId,
    /// Name as it stands in the audit trail, unique in the client.
    pub name: String,
    #[graphql(skip)]
    scopes: Vec<String>,
    /// When it ends by itself.
    pub expires_at: DateTime,
    /// When it was revoked; null if it was not.
    pub revoked_at: Option<DateTime>,
    /// When the record was made.
    pub created_at: DateTime,
}

#[ComplexObject]
impl ServiceAccount {
    /// The rights that its tokens can have. At `/oauth/token` they are named as in the descriptions of the fields, e.g.
    /// `finance.invoice.issue`.
    async fn scopes(&self) -> Vec<Can> {
        authority::parse(&self.scopes)
    }

    /// The `client_id` for `/oauth/token`.
    async fn client_id(&self) -> String {
        oauth::client_id(self.tenant_id, self.id.0)
    }
}

crate::platform::connection!(
    /// A page of service accounts.
    ServiceAccountConnection, ServiceAccountEdge, ServiceAccount
);

impl Fetch for ServiceAccount {
    type Key = ServiceAccountId;
    type Value = Self;
    const CAN: Can = Can::ServiceAccountRead;

    async fn fetch(tx: &Tx, keys: Vec<ServiceAccountId>) -> Result<HashMap<ServiceAccountId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                service_account::table
                    .filter(service_account::tenant_id.eq(tx.tenant()?))
                    .filter(service_account::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A new service account.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceAccountCreateInput {
    /// Name, 1 to 100 characters, unique in the client.
    pub name: String,
    /// The rights that its tokens can have, at least one: each must be the caller's own, unless he may manage service
    /// accounts by a provider role.
    pub scopes: Vec<Can>,
    /// When it ends by itself, at most a year from now.
    pub expires_at: DateTime,
}

/// Which service account ends.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceAccountRevokeInput {
    /// The service account.
    pub id: ServiceAccountId,
}

/// What became of a new service account.
#[derive(SimpleObject)]
pub struct ServiceAccountCreatePayload {
    /// The service account.
    pub service_account: Option<ServiceAccount>,
    /// The `client_id` for `/oauth/token`.
    pub client_id: Option<String>,
    /// The `client_secret`: shown once.
    pub client_secret: Option<String>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

crate::platform::payload! {
    /// What became of a service account.
    ServiceAccountPayload {
        /// The service account as it is now.
        service_account: ServiceAccount
    }
}

async fn create(tx: &Tx, input: ServiceAccountCreateInput) -> Result<(ServiceAccount, String)> {
    if input.name.trim().is_empty() || input.name.chars().count() > 100 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 100 characters."));
    }
    if input.scopes.is_empty() {
        return Err(Error::refuse(UserErrorCode::Required, "scopes", "A service account has at least one right."));
    }
    if input.expires_at.0 <= tx.now() || input.expires_at.0 > tx.now() + TimeDelta::days(MAX_DAYS) {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "expiresAt",
            "A service account ends within a year from now.",
        ));
    }
    authority::check(tx, Can::ServiceAccountManage, &input.scopes, "scopes").await?;
    let (secret, hash) = Opaque::Service.generate().map_err(Error::fault)?;
    let account = tx
        .row(
            diesel::insert_into(service_account::table)
                .values((
                    service_account::tenant_id.eq(tx.tenant()?),
                    service_account::id.eq(new_uuid()),
                    service_account::name.eq(input.name),
                    service_account::scopes.eq(authority::names(&input.scopes)),
                    service_account::secret_hash.eq(hash.to_vec()),
                    service_account::expires_at.eq(input.expires_at),
                ))
                .returning(ServiceAccount::as_returning()),
        )
        .await
        .inspect(|created: &ServiceAccount| emit(tx, EventKind::ServiceAccountCreated, created.id.0))?;
    Ok((account, secret.as_str().to_owned()))
}

async fn revoke(tx: &Tx, id: ServiceAccountId) -> Result<ServiceAccount> {
    let tenant = tx.tenant()?;
    let current: Option<ServiceAccount> = tx
        .maybe(
            service_account::table
                .filter(service_account::tenant_id.eq(tenant))
                .filter(service_account::id.eq(id))
                .select(ServiceAccount::as_select())
                .for_update(),
        )
        .await?;
    let current = current.ok_or_else(|| Error::not_found("id", "service account"))?;
    if current.revoked_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "The service account was revoked before."));
    }
    tx.row(
        diesel::update(
            service_account::table.filter(service_account::tenant_id.eq(tenant)).filter(service_account::id.eq(id)),
        )
        .set(service_account::revoked_at.eq(tx.now()))
        .returning(ServiceAccount::as_returning()),
    )
    .await
    .inspect(|revoked: &ServiceAccount| emit(tx, EventKind::ServiceAccountRevoked, revoked.id.0))
}

/// Queries about service accounts.
#[derive(Default)]
pub struct ServiceAccountQuery;

#[Object]
impl ServiceAccountQuery {
    /// The client's service accounts, ended ones too, newest first. Right: `identity.service_account.read`.
    async fn service_accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ServiceAccountConnection> {
        let tx = ctx.tx(Can::ServiceAccountRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(service_account::table.filter(service_account::tenant_id.eq(tenant)).count()).await?)
        } else {
            None
        };
        let mut page = service_account::table.filter(service_account::tenant_id.eq(tenant)).into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(service_account::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(service_account::id.desc()).limit(slice.limit()).select(ServiceAccount::as_select()))
            .await?;
        Ok(ServiceAccountConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of service accounts.
#[derive(Default)]
pub struct ServiceAccountMutation;

#[Object]
impl ServiceAccountMutation {
    /// Creates a service account. The secret is shown once. Right: `identity.service_account.manage`.
    async fn service_account_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new service account.")] input: ServiceAccountCreateInput,
    ) -> async_graphql::Result<Option<ServiceAccountCreatePayload>> {
        let tx = ctx.tx(Can::ServiceAccountManage).await?;
        ctx.scope()?.tells_secret();
        let (value, user_errors) = settle(ctx, create(tx, input).await)?;
        let (service_account, client_secret) = value.unzip();
        let client_id =
            service_account.as_ref().map(|account: &ServiceAccount| oauth::client_id(account.tenant_id, account.id.0));
        Ok(Some(ServiceAccountCreatePayload { service_account, client_id, client_secret, user_errors }))
    }

    /// Revokes a service account: its next request is refused, whatever its token says. Right:
    /// `identity.service_account.manage`.
    async fn service_account_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service account.")] input: ServiceAccountRevokeInput,
    ) -> async_graphql::Result<Option<ServiceAccountPayload>> {
        ServiceAccountPayload::settle(ctx, revoke(ctx.tx(Can::ServiceAccountManage).await?, input.id).await)
    }
}
