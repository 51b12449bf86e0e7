//! Setting the provider's own identity providers up. Whoever runs one can say that he is anybody of the staff, so nobody sets
//! up what could speak for people who may do more than he may himself.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};

use super::super::staff::{check_glass, on_record};
use super::super::{authority, prove};
use super::checks::{check_groups, invalid};
use super::owner::Owner;
use super::provider::IdentityProviderState;
use super::relying::{Relying, relying};
use super::settings::{Typed, TypedChange, check_number, check_tried};
use super::staff::StaffIdentityProvider;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{ProviderRoleId, StaffIdentityProviderId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::input::expect_version;
use crate::platform::scope::{Ask, Scope};
use crate::platform::sql::sql;
use crate::schema::{staff_identity_provider, staff_identity_provider_role, staff_outside_account};

/// A group that stands for a provider role.
#[derive(InputObject, Clone, Debug)]
pub struct StaffIdentityProviderRoleInput {
    /// The group, as the claim has it: 1 to 255 characters, and upper case differs.
    pub group: String,
    /// The provider role that its members get. Each of its rights must be the caller's own.
    pub role: ProviderRoleId,
}

/// A new identity provider of the provider's own.
#[derive(InputObject)]
pub struct StaffIdentityProviderCreateInput {
    /// What people call it, 1 to 100 characters, unique among the provider's.
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
    /// Whether somebody who is not of the staff yet gets an account, if a group of his stands for a role; not, if not said.
    pub creates_accounts: Option<bool>,
    /// How many hours a sign-in lasts, 1 to 720; 12 if not said.
    pub session_hours: Option<i32>,
    /// How many minutes ago a person may have signed in there, 1 to 43200; as long ago as it likes if not said.
    pub max_age_minutes: Option<i32>,
    /// Whether staff comes in through it from now on; it does if not said.
    pub enabled: Option<bool>,
    /// Which of its groups stand for which provider roles.
    pub roles: Option<Vec<StaffIdentityProviderRoleInput>>,
}

/// Changes of an identity provider of the provider's own: what is omitted stays. The issuer never changes: another one is
/// another identity provider, whose people are others.
#[derive(InputObject)]
pub struct StaffIdentityProviderUpdateInput {
    /// The identity provider.
    pub id: StaffIdentityProviderId,
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
    /// Whether somebody who is not of the staff yet gets an account.
    pub creates_accounts: Option<bool>,
    /// How many hours a sign-in lasts, 1 to 720.
    pub session_hours: Option<i32>,
    /// How many minutes ago a person may have signed in there, 1 to 43200; null: as long ago as it likes.
    pub max_age_minutes: MaybeUndefined<i32>,
    /// Whether staff comes in through it. If not, those who came are signed out, and it is no longer required.
    pub enabled: Option<bool>,
    /// Whether staff comes in this way only. Can be said once somebody has. Whoever came by a password is signed out, but for
    /// those who hold `identity.staff.manage` by a role that was given by hand.
    pub required: Option<bool>,
    /// All groups that stand for provider roles from now on. Roles given because of a group that stands here no more end at
    /// once.
    pub roles: Option<Vec<StaffIdentityProviderRoleInput>>,
}

/// Which identity provider of the provider's own is deleted.
#[derive(InputObject, Clone, Debug)]
pub struct StaffIdentityProviderDeleteInput {
    /// The identity provider.
    pub id: StaffIdentityProviderId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
}

/// Which member of the staff is no longer known by what an identity provider calls him.
#[derive(InputObject, Clone, Debug)]
pub struct StaffIdentityProviderUserUnlinkInput {
    /// The identity provider.
    pub id: StaffIdentityProviderId,
    /// The person.
    pub user: UserId,
}

crate::platform::payload! {
    /// What became of an identity provider of the provider's own.
    StaffIdentityProviderPayload {
        /// The identity provider as it is now.
        staff_identity_provider: StaffIdentityProvider
    }
}

super::settings::changes!(Changes of staff_identity_provider);

/// Refuses if the identity provider could speak for somebody who may do more than the actor, or give roles that he may not
/// give: `roles`, each with the field that names it.
async fn check_authority(tx: &Tx, roles: &[(String, ProviderRoleId)]) -> Result<()> {
    let reach = authority::reach(tx).await?;
    authority::check_given(&reach, roles)?;
    if let Some(role) = reach.iter().find(|role| role.held && !role.own) {
        let message =
            format!("It would speak for people with the role \"{}\", whose rights you do not all hold.", role.name);
        return Err(invalid("", &message));
    }
    // What staff may do in clients by grants of the clients is not looked at one by one.
    if !authority::holds_everywhere(tx, Can::IdentityProviderManage).await? {
        let message = "It would speak for people who hold roles in clients; for that you need the right \
                       `identity.identity_provider.manage` in every client.";
        return Err(invalid("", message));
    }
    Ok(())
}

fn groups(roles: &[StaffIdentityProviderRoleInput]) -> Vec<(&str, ProviderRoleId)> {
    roles.iter().map(|one| (one.group.as_str(), one.role)).collect()
}

fn fields(roles: &[StaffIdentityProviderRoleInput]) -> Vec<(String, ProviderRoleId)> {
    roles.iter().enumerate().map(|(index, one)| (format!("roles.{index}.role"), one.role)).collect()
}

async fn write_roles(tx: &Tx, id: StaffIdentityProviderId, roles: Vec<StaffIdentityProviderRoleInput>) -> Result<()> {
    if roles.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = roles.iter().map(|_| new_uuid()).collect();
    let (groups, roles): (Vec<String>, Vec<ProviderRoleId>) =
        roles.into_iter().map(|one| (one.group, one.role)).unzip();
    tx.exec(
        sql("INSERT INTO identity.staff_identity_provider_role (id, identity_provider_id, group_name, role_id)
             SELECT n.id, $1, n.group_name, n.role_id FROM unnest($2, $3, $4) AS n (id, group_name, role_id)")
        .bind::<SqlUuid, _>(id)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(groups)
        .bind::<Array<SqlUuid>, _>(roles),
    )
    .await?;
    Ok(())
}

async fn create(
    ctx: &Context<'_>,
    scope: &Scope,
    input: StaffIdentityProviderCreateInput,
) -> Result<StaffIdentityProvider> {
    let relying = relying(ctx)?;
    // Nobody without the right makes the server ask others; and it does not ask while it holds a connection.
    prove::alone(scope)?;
    scope.beforehand_of_provider(Can::StaffManage).await?;
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

    let tx = on_record(ctx).await?;
    check_authority(tx, &fields(&roles)).await?;
    let existing: i64 = tx
        .row(
            staff_identity_provider::table
                .filter(staff_identity_provider::state.ne(IdentityProviderState::Deleted))
                .count(),
        )
        .await?;
    check_number(existing, "The provider")?;
    let id = StaffIdentityProviderId::new();
    let sealed = relying.vault().seal(&Owner::Provider.place(id.0), settings.secret.as_bytes())?;
    let created: StaffIdentityProvider = tx
        .row(
            diesel::insert_into(staff_identity_provider::table)
                .values((
                    staff_identity_provider::id.eq(id),
                    staff_identity_provider::name.eq(settings.name),
                    staff_identity_provider::issuer.eq(settings.issuer),
                    staff_identity_provider::oauth_client.eq(settings.oauth_client),
                    staff_identity_provider::sealed_secret.eq(sealed),
                    staff_identity_provider::scopes.eq(settings.scopes),
                    staff_identity_provider::email_domains.eq(settings.email_domains),
                    staff_identity_provider::groups_claim.eq(settings.groups_claim),
                    staff_identity_provider::creates_accounts.eq(settings.creates_accounts),
                    staff_identity_provider::session_hours.eq(settings.session_hours),
                    staff_identity_provider::max_age_minutes.eq(settings.max_age_minutes),
                    staff_identity_provider::state.eq(settings.state),
                ))
                .returning(StaffIdentityProvider::as_returning()),
        )
        .await?;
    write_roles(tx, id, roles).await?;
    Ok(created)
}

/// The identity provider, locked until the transaction ends.
async fn locked(tx: &Tx, id: StaffIdentityProviderId, expected_version: Option<i32>) -> Result<StaffIdentityProvider> {
    let found: Option<StaffIdentityProvider> = tx
        .maybe(
            staff_identity_provider::table
                .filter(staff_identity_provider::id.eq(id))
                .filter(staff_identity_provider::state.ne(IdentityProviderState::Deleted))
                .select(StaffIdentityProvider::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "identity provider"))?;
    expect_version(expected_version, found.version, "identity provider")?;
    Ok(found)
}

async fn change(tx: &Tx, id: StaffIdentityProviderId, changes: Changes) -> Result<StaffIdentityProvider> {
    tx.row(
        diesel::update(staff_identity_provider::table.filter(staff_identity_provider::id.eq(id)))
            .set((changes.at(tx.now()), staff_identity_provider::version.eq(staff_identity_provider::version + 1)))
            .returning(StaffIdentityProvider::as_returning()),
    )
    .await
}

/// Takes the roles away that the identity provider gave, but for those that its groups still stand for.
async fn end_grants(tx: &Tx, id: StaffIdentityProviderId) -> Result<()> {
    tx.exec(
        sql("DELETE FROM identity.provider_grant g
              WHERE g.identity_provider_id = $1
                AND NOT EXISTS (SELECT 1 FROM identity.staff_identity_provider_role m
                                 WHERE m.identity_provider_id = $1 AND m.role_id = g.role_id)")
        .bind::<SqlUuid, _>(id),
    )
    .await?;
    Ok(())
}

async fn delete_roles(tx: &Tx, id: StaffIdentityProviderId) -> Result<()> {
    tx.exec(diesel::delete(
        staff_identity_provider_role::table.filter(staff_identity_provider_role::identity_provider_id.eq(id)),
    ))
    .await?;
    Ok(())
}

async fn update(tx: &Tx, relying: &Relying, input: StaffIdentityProviderUpdateInput) -> Result<StaffIdentityProvider> {
    let id = input.id;
    let found = locked(tx, id, input.expected_version).await?;
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
        let came = staff_outside_account::table.filter(staff_outside_account::identity_provider_id.eq(id)).count();
        check_tried(tx.row(came).await?)?;
        check_glass(tx, "required").await?;
    }
    match &input.roles {
        // Whoever only shuts it needs to be nobody's equal.
        None if change_to.only_shuts() => {}
        None => {
            let standing: Vec<ProviderRoleId> = tx
                .rows(
                    staff_identity_provider_role::table
                        .filter(staff_identity_provider_role::identity_provider_id.eq(id))
                        .select(staff_identity_provider_role::role_id)
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
    change(tx, id, Changes::of(change_to, relying, &Owner::Provider.place(id.0))?).await
}

async fn delete(tx: &Tx, input: StaffIdentityProviderDeleteInput) -> Result<StaffIdentityProvider> {
    locked(tx, input.id, input.expected_version).await?;
    delete_roles(tx, input.id).await?;
    end_grants(tx, input.id).await?;
    change(tx, input.id, Changes::deleted()).await
}

async fn unlink(tx: &Tx, input: StaffIdentityProviderUserUnlinkInput) -> Result<StaffIdentityProvider> {
    let found = locked(tx, input.id, None).await?;
    let gone = tx
        .exec(diesel::delete(
            staff_outside_account::table
                .filter(staff_outside_account::identity_provider_id.eq(input.id))
                .filter(staff_outside_account::account_id.eq(input.user)),
        ))
        .await?;
    if gone == 0 {
        return Err(Error::not_found("user", "user of this identity provider"));
    }
    Ok(found)
}

/// Changes of the provider's own identity providers.
#[derive(Default)]
pub struct StaffIdentityProviderMutation;

#[Object]
impl StaffIdentityProviderMutation {
    /// Sets up an identity provider through which the provider's staff comes in, after a look at what it publishes about
    /// itself; a dry run looks as well. Whatever staff may do has to be the caller's own right: it will speak for them. Needs
    /// a token without client; an operation of its own. Right: `identity.staff.manage`, and
    /// `identity.identity_provider.manage` in every client.
    async fn staff_identity_provider_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new identity provider.")] input: StaffIdentityProviderCreateInput,
    ) -> async_graphql::Result<Option<StaffIdentityProviderPayload>> {
        StaffIdentityProviderPayload::settle(ctx, create(ctx, ctx.scope()?, input).await)
    }

    /// Changes an identity provider of the provider's own: what is omitted stays. But for shutting it and nothing else,
    /// whatever staff may do has to be the caller's own right, as for a new one. Needs a token without client. Right:
    /// `identity.staff.manage`.
    async fn staff_identity_provider_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: StaffIdentityProviderUpdateInput,
    ) -> async_graphql::Result<Option<StaffIdentityProviderPayload>> {
        let tx = on_record(ctx).await?;
        StaffIdentityProviderPayload::settle(ctx, update(tx, relying(ctx)?, input).await)
    }

    /// Deletes an identity provider of the provider's own: nobody comes in through it any more, those who came are signed
    /// out, and the roles that it gave end. Accounts and roles given by hand stay. Needs a token without client. Right:
    /// `identity.staff.manage`.
    async fn staff_identity_provider_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider.")] input: StaffIdentityProviderDeleteInput,
    ) -> async_graphql::Result<Option<StaffIdentityProviderPayload>> {
        let tx = on_record(ctx).await?;
        StaffIdentityProviderPayload::settle(ctx, delete(tx, input).await)
    }

    /// Forgets what an identity provider of the provider's own calls a member of the staff, and ends his sessions through it:
    /// whoever has his verified e-mail address there next is he from then on. Needs a token without client. Right:
    /// `identity.staff.manage`.
    async fn staff_identity_provider_user_unlink(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The identity provider and the person.")] input: StaffIdentityProviderUserUnlinkInput,
    ) -> async_graphql::Result<Option<StaffIdentityProviderPayload>> {
        let tx = on_record(ctx).await?;
        StaffIdentityProviderPayload::settle(ctx, unlink(tx, input).await)
    }
}
