//! Setting identity providers up. Whoever runs one can say that he is anybody of the client, so nobody sets up what could
//! speak for people who may do more than he may himself.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};

use super::super::prove;
use super::checks::{check_authority, check_groups, invalid};
use super::owner::Owner;
use super::provider::{IdentityProvider, IdentityProviderState};
use super::relying::{Relying, relying};
use super::settings::{Typed, TypedChange, check_number, check_tried};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{GrantId, IdentityProviderId, RoleId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::input::expect_version;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::{Ask, Scope};
use crate::platform::sql::sql;
use crate::schema::{identity_provider, identity_provider_role, outside_account};

/// A group that stands for a role.
#[derive(InputObject, Clone, Debug)]
pub struct IdentityProviderRoleInput {
    /// The group, as the claim has it: 1 to 255 characters, and upper case differs.
    pub group: String,
    /// The role that its members get. Each of its rights must be the caller's own, unless he may give grants by a provider
    /// role.
    pub role: RoleId,
}

/// A new identity provider.
#[derive(InputObject)]
pub struct IdentityProviderCreateInput {
    /// What people call it, 1 to 100 characters, unique in the client.
    pub name: String,
    /// Its issuer identifier: an `https` address in a public network, below which it publishes
    /// `/.well-known/openid-configuration`.
    pub issuer: String,
    /// What this installation is called there (`client_id`), 1 to 255 characters.
    pub oauth_client_id: String,
    /// The secret of that, 1 to 1000 characters. It is kept encrypted, and shown to nobody again.
    pub oauth_client_secret: String,
    /// What is asked for there besides `openid`; `email` and `profile` if not said.
    pub scopes: Option<Vec<String>>,
    /// The domains that e-mail addresses have to lie in, at most 50; any if not said. With them, an address has to come with
    /// each sign-in, and be verified.
    pub email_domains: Option<Vec<String>>,
    /// The claim that lists a person's groups, e.g. `groups`.
    pub groups_claim: Option<String>,
    /// Whether somebody who was not invited gets an account, if a group of his stands for a role; not, if not said.
    pub creates_accounts: Option<bool>,
    /// How many hours a sign-in lasts, 1 to 720; 12 if not said.
    pub session_hours: Option<i32>,
    /// How many minutes ago a person may have signed in there, 1 to 43200; as long ago as it likes if not said.
    pub max_age_minutes: Option<i32>,
    /// Whether people come in through it from now on; they do if not said.
    pub enabled: Option<bool>,
    /// Which of its groups stand for which roles; needs the right `identity.grant.manage` as well.
    pub roles: Option<Vec<IdentityProviderRoleInput>>,
}

/// Changes of an identity provider: what is omitted stays. The issuer never changes: another one is another identity
/// provider, whose people are others.
#[derive(InputObject)]
pub struct IdentityProviderUpdateInput {
    /// The identity provider.
    pub id: IdentityProviderId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// New name, 1 to 100 characters.
    pub name: Option<String>,
    /// What this installation is called there from now on.
    pub oauth_client_id: Option<String>,
    /// New secret.
    pub oauth_client_secret: Option<String>,
    /// What is asked for there from now on, besides `openid`.
    pub scopes: Option<Vec<String>>,
    /// The domains that e-mail addresses have to lie in from now on; empty: any.
    pub email_domains: Option<Vec<String>>,
    /// The claim that lists a person's groups; null: groups stand for nothing.
    pub groups_claim: MaybeUndefined<String>,
    /// Whether somebody who was not invited gets an account.
    pub creates_accounts: Option<bool>,
    /// How many hours a sign-in lasts, 1 to 720.
    pub session_hours: Option<i32>,
    /// How many minutes ago a person may have signed in there, 1 to 43200; null: as long ago as it likes.
    pub max_age_minutes: MaybeUndefined<i32>,
    /// Whether people come in through it. If not, those who came are signed out, and it is no longer required.
    pub enabled: Option<bool>,
    /// Whether the client's people come in this way only. Can be said once somebody has.
    pub required: Option<bool>,
    /// All groups that stand for roles from now on. Grants because of a role that stands here no more end at once.
    pub roles: Option<Vec<IdentityProviderRoleInput>>,
}

/// Which identity provider is deleted.
#[derive(InputObject, Clone, Debug)]
pub struct IdentityProviderDeleteInput {
    /// The identity provider.
    pub id: IdentityProviderId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
}

/// Who is no longer known by what an identity provider calls him.
#[derive(InputObject, Clone, Debug)]
pub struct IdentityProviderUserUnlinkInput {
    /// The identity provider.
    pub id: IdentityProviderId,
    /// The person.
    pub user: UserId,
}

crate::platform::payload! {
    /// What became of an identity provider.
    IdentityProviderPayload {
        /// The identity provider as it is now.
        identity_provider: IdentityProvider
    }
}

fn fields(roles: &[IdentityProviderRoleInput]) -> Vec<(String, RoleId)> {
    roles.iter().enumerate().map(|(index, one)| (format!("roles.{index}.role"), one.role)).collect()
}

fn groups(roles: &[IdentityProviderRoleInput]) -> Vec<(&str, RoleId)> {
    roles.iter().map(|one| (one.group.as_str(), one.role)).collect()
}

async fn write_roles(tx: &Tx, id: IdentityProviderId, roles: Vec<IdentityProviderRoleInput>) -> Result<()> {
    if roles.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = roles.iter().map(|_| new_uuid()).collect();
    let (groups, roles): (Vec<String>, Vec<RoleId>) = roles.into_iter().map(|one| (one.group, one.role)).unzip();
    tx.exec(
        sql("INSERT INTO identity.identity_provider_role (tenant_id, id, identity_provider_id, group_name, role_id)
             SELECT $1, n.id, $2, n.group_name, n.role_id FROM unnest($3, $4, $5) AS n (id, group_name, role_id)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(groups)
        .bind::<Array<SqlUuid>, _>(roles),
    )
    .await?;
    Ok(())
}

async fn create(ctx: &Context<'_>, scope: &Scope, input: IdentityProviderCreateInput) -> Result<IdentityProvider> {
    let relying = relying(ctx)?;
    // Nobody without the right makes the server ask others; and it does not ask while it holds a connection.
    prove::alone(scope)?;
    scope.beforehand(Can::IdentityProviderManage).await?;
    let settings = Typed {
        name: input.name,
        issuer: input.issuer,
        oauth_client: input.oauth_client_id,
        secret: input.oauth_client_secret,
        scopes: input.scopes,
        email_domains: input.email_domains,
        groups_claim: input.groups_claim,
        creates_accounts: input.creates_accounts,
        session_hours: input.session_hours,
        max_age_minutes: input.max_age_minutes,
        enabled: input.enabled,
    }
    .check(relying)?;
    let roles = input.roles.unwrap_or_default();
    check_groups(&groups(&roles))?;
    relying.discover(&settings.issuer, true).await.map_err(|trouble| invalid("issuer", &trouble.sentence()))?;

    let tx = ctx.tx(Can::IdentityProviderManage).await?;
    let tenant = tx.tenant()?;
    check_authority(tx, &fields(&roles)).await?;
    let existing: i64 = tx
        .row(
            identity_provider::table
                .filter(identity_provider::tenant_id.eq(tenant))
                .filter(identity_provider::state.ne(IdentityProviderState::Deleted))
                .count(),
        )
        .await?;
    check_number(existing, "A client")?;
    let id = IdentityProviderId::new();
    let sealed = relying.vault().seal(&Owner::Client(tenant).place(id.0), settings.secret.as_bytes())?;
    let created: IdentityProvider = tx
        .row(
            diesel::insert_into(identity_provider::table)
                .values((
                    identity_provider::tenant_id.eq(tenant),
                    identity_provider::id.eq(id),
                    identity_provider::name.eq(settings.name),
                    identity_provider::issuer.eq(settings.issuer),
                    identity_provider::oauth_client.eq(settings.oauth_client),
                    identity_provider::sealed_secret.eq(sealed),
                    identity_provider::scopes.eq(settings.scopes),
                    identity_provider::email_domains.eq(settings.email_domains),
                    identity_provider::groups_claim.eq(settings.groups_claim),
                    identity_provider::creates_accounts.eq(settings.creates_accounts),
                    identity_provider::session_hours.eq(settings.session_hours),
                    identity_provider::max_age_minutes.eq(settings.max_age_minutes),
                    identity_provider::state.eq(settings.state),
                ))
                .returning(IdentityProvider::as_returning()),
        )
        .await?;
    write_roles(tx, id, roles).await?;
    emit(tx, EventKind::IdentityProviderCreated, id.0);
    Ok(created)
}

/// The identity provider, locked until the transaction ends.
async fn locked(tx: &Tx, id: IdentityProviderId, expected_version: Option<i32>) -> Result<IdentityProvider> {
    let found: Option<IdentityProvider> = tx
        .maybe(
            identity_provider::table
                .filter(identity_provider::tenant_id.eq(tx.tenant()?))
                .filter(identity_provider::id.eq(id))
                .filter(identity_provider::state.ne(IdentityProviderState::Deleted))
                .select(IdentityProvider::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "identity provider"))?;
    expect_version(expected_version, found.version, "identity provider")?;
    Ok(found)
}

super::settings::changes!(Changes of identity_provider);

async fn change(tx: &Tx, id: IdentityProviderId, changes: Changes) -> Result<IdentityProvider> {
    tx.row(
        diesel::update(
            identity_provider::table
                .filter(identity_provider::tenant_id.eq(tx.tenant()?))
                .filter(identity_provider::id.eq(id)),
        )
        .set(changes.at(tx.now()))
        .returning(IdentityProvider::as_returning()),
    )
    .await
}

/// Ends the grants that the identity provider gave, but for those of roles that its groups still stand for.
async fn end_grants(tx: &Tx, id: IdentityProviderId) -> Result<()> {
    #[derive(QueryableByName)]
    struct Ended {
        #[diesel(sql_type = SqlUuid)]
        id: GrantId,
    }
    let ended: Vec<Ended> = tx
        .rows(
            sql("UPDATE identity.access_grant g SET ended_at = now()
                  WHERE g.tenant_id = $1 AND g.identity_provider_id = $2 AND g.ended_at IS NULL
                    AND (g.valid_until IS NULL OR g.valid_until >= current_date - 1)
                    AND NOT EXISTS (SELECT 1 FROM identity.identity_provider_role m
                                     WHERE m.tenant_id = $1 AND m.identity_provider_id = $2 AND m.role_id = g.role_id)
                RETURNING g.id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id),
        )
        .await?;
    for grant in ended {
        emit(tx, EventKind::GrantEnded, grant.id.0);
    }
    Ok(())
}

async fn delete_roles(tx: &Tx, id: IdentityProviderId) -> Result<()> {
    tx.exec(diesel::delete(
        identity_provider_role::table
            .filter(identity_provider_role::tenant_id.eq(tx.tenant()?))
            .filter(identity_provider_role::identity_provider_id.eq(id)),
    ))
    .await?;
    Ok(())
}

async fn update(tx: &Tx, relying: &Relying, input: IdentityProviderUpdateInput) -> Result<IdentityProvider> {
    let id = input.id;
    let found = locked(tx, id, input.expected_version).await?;
    let tenant = tx.tenant()?;
    let change_to = TypedChange {
        name: input.name,
        oauth_client: input.oauth_client_id,
        secret: input.oauth_client_secret,
        scopes: input.scopes,
        email_domains: input.email_domains,
        groups_claim: input.groups_claim,
        creates_accounts: input.creates_accounts,
        session_hours: input.session_hours,
        max_age_minutes: input.max_age_minutes,
        enabled: input.enabled,
        required: input.required,
    }
    .check(found.state)?;
    if input.required == Some(true) && !found.required {
        let came: i64 = tx
            .row(
                outside_account::table
                    .filter(outside_account::tenant_id.eq(tenant))
                    .filter(outside_account::identity_provider_id.eq(id))
                    .count(),
            )
            .await?;
        check_tried(came)?;
    }
    match &input.roles {
        // Whoever only shuts it needs to be nobody's equal.
        None if change_to.only_shuts() => {}
        None => {
            let standing: Vec<RoleId> = tx
                .rows(
                    identity_provider_role::table
                        .filter(identity_provider_role::tenant_id.eq(tenant))
                        .filter(identity_provider_role::identity_provider_id.eq(id))
                        .select(identity_provider_role::role_id)
                        .distinct(),
                )
                .await?;
            let standing: Vec<_> = standing.into_iter().map(|role| ("roles".to_owned(), role)).collect();
            check_authority(tx, &standing).await?;
        }
        Some(roles) => {
            check_groups(&groups(roles))?;
            check_authority(tx, &fields(roles)).await?;
        }
    }
    if let Some(roles) = input.roles {
        delete_roles(tx, id).await?;
        write_roles(tx, id, roles).await?;
        end_grants(tx, id).await?;
    }
    let changed = change(tx, id, Changes::of(change_to, relying, &Owner::Client(tenant).place(id.0))?).await?;
    emit(tx, EventKind::IdentityProviderUpdated, id.0);
    Ok(changed)
}

async fn delete(tx: &Tx, input: IdentityProviderDeleteInput) -> Result<IdentityProvider> {
    locked(tx, input.id, input.expected_version).await?;
    delete_roles(tx, input.id).await?;
    end_grants(tx, input.id).await?;
    let deleted = change(tx, input.id, Changes::deleted()).await?;
    emit(tx, EventKind::IdentityProviderDeleted, input.id.0);
    Ok(deleted)
}

async fn unlink(tx: &Tx, input: IdentityProviderUserUnlinkInput) -> Result<IdentityProvider> {
    let found = locked(tx, input.id, None).await?;
    let gone = tx
        .exec(diesel::delete(
            outside_account::table
                .filter(outside_account::tenant_id.eq(tx.tenant()?))
                .filter(outside_account::identity_provider_id.eq(input.id))
                .filter(outside_account::account_id.eq(input.user)),
        ))
        .await?;
    if gone == 0 {
        return Err(Error::not_found("user", "user of this identity provider"));
    }
    emit(tx, EventKind::IdentityProviderUserUnlinked, input.id.0);
    Ok(found)
}

/// Changes of identity providers.
#[derive(Default)]
pub struct IdentityProviderMutation;

#[Object]
impl IdentityProviderMutation {
    /// Sets up an identity provider, after a look at what it publishes about itself; a dry run looks as well. Whatever people
    /// of the client may do has to be the caller's own right, unless he may set identity providers up by a provider role:
    /// it will speak for them. An operation of its own. Right: `identity.identity_provider.manage`.
    async fn identity_provider_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new identity provider.")] input: IdentityProviderCreateInput,
    ) -> async_graphql::Result<Option<IdentityProviderPayload>> {
        IdentityProviderPayload::settle(ctx, create(ctx, ctx.scope()?, input).await)
    }

    /// Changes an identity provider: what is omitted stays. But for shutting it and nothing else, whatever people of the
    /// client may do has to be the caller's own right, as for a new one. Right: `identity.identity_provider.manage`.
    async fn identity_provider_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: IdentityProviderUpdateInput,
    ) -> async_graphql::Result<Option<IdentityProviderPayload>> {
        let tx = ctx.tx(Can::IdentityProviderManage).await?;
        IdentityProviderPayload::settle(ctx, update(tx, relying(ctx)?, input).await)
    }

    /// Deletes an identity provider: nobody comes in through it any more, those who came are signed out, and the grants that
    /// it gave end. Accounts and grants given by hand stay. Right: `identity.identity_provider.manage`.
    async fn identity_provider_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider.")] input: IdentityProviderDeleteInput,
    ) -> async_graphql::Result<Option<IdentityProviderPayload>> {
        IdentityProviderPayload::settle(ctx, delete(ctx.tx(Can::IdentityProviderManage).await?, input).await)
    }

    /// Forgets what an identity provider calls a person, and ends his sessions through it: whoever has his verified e-mail
    /// address there next is he from then on. Right: `identity.identity_provider.manage`.
    async fn identity_provider_user_unlink(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider and the person.")] input: IdentityProviderUserUnlinkInput,
    ) -> async_graphql::Result<Option<IdentityProviderPayload>> {
        IdentityProviderPayload::settle(ctx, unlink(ctx.tx(Can::IdentityProviderManage).await?, input).await)
    }
}
