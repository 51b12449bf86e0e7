//! The provider's own people: who they are and which provider roles they hold.

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::account::{self, address};
use super::authority;
use super::hashing;
use super::mails::News;
use super::outside::linked::StaffOutsideIdentity;
use super::provider_role::{ProviderGrant, ProviderRole};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{ProviderRoleId, UserId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::provider_role;

/// A person who works for the provider.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct StaffMember {
    /// Global id of the person.
    #[diesel(sql_type = SqlUuid)]
    pub id: UserId,
    /// E-mail address, lower case.
    #[diesel(sql_type = Text)]
    pub email: String,
    /// Name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Whether sign-in asks for one-time codes.
    #[diesel(sql_type = Bool)]
    pub totp_enabled: bool,
    /// When the account was disabled; null if it is not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub disabled_at: Option<DateTime>,
    /// When the account was made.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
}

#[ComplexObject]
impl StaffMember {
    /// The provider roles that the person holds today, each once. Right: `identity.staff.manage`.
    async fn roles(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ProviderRole>> {
        let mut roles: Vec<ProviderRole> =
            ctx.load::<ProviderGrant>(self.id).await?.unwrap_or_default().into_iter().map(|grant| grant.role).collect();
        roles.dedup_by_key(|role| role.id);
        Ok(roles)
    }

    /// By what the person holds them: by hand, or because of groups at an identity provider. Right: `identity.staff.manage`.
    async fn grants(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ProviderGrant>> {
        Ok(ctx.load::<ProviderGrant>(self.id).await?.unwrap_or_default())
    }

    /// What the provider's own identity providers call the person; none that was deleted. Whoever is to be known by another
    /// name there is forgotten first (`staffIdentityProviderUserUnlink`). Right: `identity.staff.manage`.
    async fn outside_identities(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<StaffOutsideIdentity>> {
        Ok(ctx.load::<StaffOutsideIdentity>(self.id).await?.unwrap_or_default())
    }
}

crate::platform::connection!(
    /// A page of staff.
    StaffConnection, StaffEdge, StaffMember
);

/// A new member of the staff.
#[derive(InputObject)]
pub struct StaffCreateInput {
    /// E-mail address.
    pub email: String,
    /// Name, 1 to 200 characters.
    pub name: String,
    /// First password, 12 to 256 characters; the person changes it (`passwordChange`). Left out, the person is sent a mail
    /// and chooses it within 7 days (`passwordReset`).
    pub password: Option<String>,
    /// Provider roles, at least one. Each of their rights must be the caller's own.
    pub roles: Vec<ProviderRoleId>,
}

/// Whose account ends.
#[derive(InputObject, Clone, Debug)]
pub struct StaffDisableInput {
    /// The person.
    pub user: UserId,
}

crate::platform::payload! {
    /// What became of a member of the staff.
    StaffPayload {
        /// The person as he is now.
        staff_member: StaffMember
    }
}

/// The provider's transaction; what changes in it stands in the provider's trail under the request.
pub(super) async fn on_record<'a>(ctx: &'a Context<'_>) -> Result<&'a Tx> {
    let tx = ctx.provider(Can::StaffManage).await?;
    let request = ctx.scope()?.request_id().to_string();
    tx.exec(sql("SELECT set_config('app.request_id', $1, true)").bind::<Text, _>(request)).await?;
    Ok(tx)
}

#[derive(QueryableByName)]
struct Glass {
    #[diesel(sql_type = Bool)]
    can_be_broken: bool,
}

/// Refuses at `field` where nobody could come in by a password and mend an identity provider that fails.
pub(super) async fn check_glass(tx: &Tx, field: &str) -> Result<()> {
    let row: Glass = tx
        .row(sql("SELECT EXISTS (SELECT 1 FROM identity.account a
                                  WHERE a.staff AND a.disabled_at IS NULL AND a.password_hash IS NOT NULL
                                    AND identity.breaks_glass(a.id)) AS can_be_broken"))
        .await?;
    if row.can_be_broken {
        return Ok(());
    }
    let message = "Nobody else could come in if the identity provider failed: somebody with a password has to hold \
                   `identity.staff.manage` by a role that was given by hand.";
    Err(Error::refuse(UserErrorCode::State, field, message))
}

/// Makes an account of a member of the staff with provider roles.
pub(super) async fn insert(
    tx: &Tx,
    email: &str,
    name: &str,
    password_hash: Option<String>,
    roles: &[Uuid],
) -> Result<UserId> {
    if account::exists(tx, email).await? {
        return Err(Error::refuse(
            UserErrorCode::Duplicate,
            "email",
            "There is an account with this e-mail address already.",
        ));
    }
    let id = UserId::new();
    tx.exec(
        sql("INSERT INTO identity.account (id, email, name, staff, password_hash) VALUES ($1, $2, $3, true, $4)")
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(email.to_owned())
            .bind::<Text, _>(name.to_owned())
            .bind::<Nullable<Text>, _>(password_hash),
    )
    .await?;
    let given = tx
        .exec(
            sql("INSERT INTO identity.provider_grant (account_id, role_id)
                 SELECT $1, r.id FROM identity.provider_role r WHERE r.id = ANY($2)")
            .bind::<SqlUuid, _>(id)
            .bind::<Array<SqlUuid>, _>(roles.to_vec()),
        )
        .await?;
    if given != roles.len() {
        return Err(Error::not_found("roles", "provider role"));
    }
    Ok(id)
}

/// Address and name of somebody new, checked.
pub(super) fn check(email: &str, name: &str) -> Result<(String, String)> {
    let email = address(email)
        .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "email", "This is not an e-mail address."))?;
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 200 characters."));
    }
    Ok((email, name))
}

async fn create(ctx: &Context<'_>, input: StaffCreateInput) -> Result<StaffMember> {
    // The right first: nobody without it makes the server look at his input, or hash for him.
    let tx = on_record(ctx).await?;
    let (email, name) = check(&input.email, &input.name)?;
    let mut roles: Vec<Uuid> = input.roles.iter().map(|role| role.0).collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(Error::refuse(UserErrorCode::Required, "roles", "At least one provider role is needed."));
    }
    let given: Vec<_> = input.roles.iter().enumerate().map(|(index, role)| (format!("roles.{index}"), *role)).collect();
    authority::check_given(&authority::reach(tx).await?, &given)?;
    let Some(password) = input.password else {
        let id = insert(tx, &email, &name, None, &roles).await?;
        News::Welcome { account: id.0 }.tell(tx).await?;
        return find(tx, id).await;
    };
    hashing::refuse_weak(&password, &email, "password")?;
    let (turn, hash) = hashing::turn().await?.hash(password).await?;
    drop(turn);
    let id = insert(tx, &email, &name, Some(hash), &roles).await?;
    find(tx, id).await
}

async fn find(tx: &Tx, id: UserId) -> Result<StaffMember> {
    tx.maybe(
        sql("SELECT a.id, a.email, a.name, a.totp_confirmed AS totp_enabled, a.disabled_at, a.created_at
               FROM identity.account a WHERE a.id = $1 AND a.staff")
        .bind::<SqlUuid, _>(id),
    )
    .await?
    .ok_or_else(|| Error::not_found("user", "member of the staff"))
}

async fn disable(tx: &Tx, user: UserId) -> Result<StaffMember> {
    if user.0 == tx.actor() {
        return Err(Error::refuse(UserErrorCode::State, "user", "Nobody disables himself."));
    }
    // Nobody makes an identity provider required meanwhile. Locked before the account, as a sign-in does.
    let required: Count = tx
        .row(sql("SELECT count(*) FILTER (WHERE q.required) AS count
                    FROM (SELECT p.required FROM identity.staff_identity_provider p
                           WHERE p.state = 'enabled' ORDER BY p.id FOR SHARE) q"))
        .await?;
    let changed = tx
        .exec(
            sql("UPDATE identity.account a SET disabled_at = now(), updated_at = now() WHERE a.id = $1 AND a.staff AND a.disabled_at IS NULL")
                .bind::<SqlUuid, _>(user),
        )
        .await?;
    let member = find(tx, user).await?;
    if changed == 0 {
        return Err(Error::refuse(UserErrorCode::State, "user", "The account was disabled before."));
    }
    if required.count > 0 {
        check_glass(tx, "user").await?;
    }
    tx.exec(
        sql("UPDATE identity.session s SET revoked_at = now(), revoked_for = 'revoked' WHERE s.account_id = $1 AND s.revoked_at IS NULL")
            .bind::<SqlUuid, _>(user),
    )
    .await?;
    Ok(member)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Queries about staff.
#[derive(Default)]
pub struct StaffQuery;

#[Object]
impl StaffQuery {
    /// The provider's staff, disabled accounts too, newest first. Needs a token without client. Right:
    /// `identity.staff.manage`.
    async fn staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<StaffConnection> {
        let tx = ctx.provider(Can::StaffManage).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let row: Count = tx.row(sql("SELECT count(*) AS count FROM identity.account a WHERE a.staff")).await?;
            Some(row.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                sql("SELECT a.id, a.email, a.name, a.totp_confirmed AS totp_enabled, a.disabled_at, a.created_at
                       FROM identity.account a WHERE a.staff AND ($1::uuid IS NULL OR a.id < $1) ORDER BY a.id DESC LIMIT $2")
                    .bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                    .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(StaffConnection::new(ctx, &slice, rows, |row: &StaffMember| encode("", row.id.0), total))
    }

    /// The roles that staff can hold for the provider. Needs a token without client. Right: `identity.staff.manage`.
    async fn provider_roles(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ProviderRole>> {
        let tx = ctx.provider(Can::StaffManage).await?;
        Ok(tx.rows(provider_role::table.order(provider_role::name).select(ProviderRole::as_select())).await?)
    }
}

/// Changes of staff.
#[derive(Default)]
pub struct StaffMutation;

#[Object]
impl StaffMutation {
    /// Creates an account for a member of the staff; without a password the person is asked by mail to choose one. Needs
    /// a token without client; an operation of its own. Right: `identity.staff.manage`.
    async fn staff_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new member.")] input: StaffCreateInput,
    ) -> async_graphql::Result<Option<StaffPayload>> {
        StaffPayload::settle(ctx, create(ctx, input).await)
    }

    /// Disables the account of a member of the staff and ends his sessions: his next request is refused. Where an identity
    /// provider is required, somebody stays who could come in without it. Needs a token without client. Right:
    /// `identity.staff.manage`.
    async fn staff_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: StaffDisableInput,
    ) -> async_graphql::Result<Option<StaffPayload>> {
        StaffPayload::settle(ctx, disable(ctx.provider(Can::StaffManage).await?, input.user).await)
    }
}
