//! Invitations: a person comes into a client by a token that is shown once and mailed to him. Whoever has an account already proves to be
//! its owner: the one who invites sees the token, and must not become somebody else by it.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_credentials::Opaque;
use chrono::TimeDelta;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::account::{Account, User, address};
use super::authority;
use super::hashing;
use super::mails::News;
use super::prove::{self, Proven, Through};
use super::refresh::Continued;
use super::role::{self, Role};
use super::session;
use super::sign_in::{InvitationAcceptInput, vault};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::ids::known::{InvitationId, RoleId, SessionId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, Caller, Scope, settle};
use crate::platform::sql::sql;
use crate::platform::vault::Vault;
use crate::schema::invitation;

/// How long an invitation is open.
const OPEN_DAYS: i64 = 7;

/// An invitation of a person to the client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = invitation)]
#[graphql(complex)]
pub struct Invitation {
    /// Global id.
    pub id: InvitationId,
    /// Who is invited, by e-mail address.
    pub email: String,
    /// Name of who is invited.
    pub name: String,
    #[graphql(skip)]
    role_id: RoleId,
    /// Until when it can be accepted: 7 days.
    pub expires_at: DateTime,
    /// When it was accepted; null if it was not.
    pub accepted_at: Option<DateTime>,
    /// When it was taken back; null if it was not.
    pub revoked_at: Option<DateTime>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl Invitation {
    /// The role that is granted on acceptance. Right: `identity.role.read`.
    async fn role(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Role>> {
        Ok(ctx.load::<Role>(self.role_id).await?)
    }
}

crate::platform::connection!(
    /// A page of invitations.
    InvitationConnection, InvitationEdge, Invitation
);

impl Fetch for Invitation {
    type Key = InvitationId;
    type Value = Self;
    const CAN: Can = Can::GrantRead;

    async fn fetch(tx: &Tx, keys: Vec<InvitationId>) -> Result<HashMap<InvitationId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                invitation::table
                    .filter(invitation::tenant_id.eq(tx.tenant()?))
                    .filter(invitation::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Who is invited.
#[derive(InputObject, Clone, Debug)]
pub struct UserInviteInput {
    /// E-mail address.
    pub email: String,
    /// Name, 1 to 200 characters.
    pub name: String,
    /// The role that is granted on acceptance, without end. Each of its rights must be the caller's own, unless he may
    /// invite by a provider role.
    pub role: RoleId,
}

/// What became of an invitation.
#[derive(SimpleObject)]
pub struct UserInvitePayload {
    /// The invitation.
    pub invitation: Option<Invitation>,
    /// The token for `invitationAccept`: shown once, to be handed to the person where the mail with it does not come.
    pub token: Option<String>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

/// Which invitation is taken back.
#[derive(InputObject, Clone, Debug)]
pub struct InvitationRevokeInput {
    /// The invitation.
    pub id: InvitationId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of an invitation that was taken back.
    InvitationRevokePayload {
        /// The invitation as it is now.
        invitation: Invitation
    }
}

async fn invite(tx: &Tx, vault: &Vault, input: UserInviteInput) -> Result<(Invitation, String)> {
    let email = address(&input.email)
        .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "email", "This is not an e-mail address."))?;
    let name = input.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 200 characters."));
    }
    let role = role::hold(tx, input.role).await?;
    authority::check(tx, Can::UserInvite, &role.rights(), "role").await?;
    let (shown, hash) = Opaque::Invitation.generate().map_err(Error::fault)?;
    let tenant = tx.tenant()?;
    let invitation: Invitation = tx
        .row(
            diesel::insert_into(invitation::table)
                .values((
                    invitation::tenant_id.eq(tenant),
                    invitation::id.eq(new_uuid()),
                    invitation::email.eq(email),
                    invitation::name.eq(name),
                    invitation::role_id.eq(input.role),
                    invitation::secret_hash.eq(hash.to_vec()),
                    invitation::expires_at.eq(tx.now() + TimeDelta::days(OPEN_DAYS)),
                ))
                .returning(Invitation::as_returning()),
        )
        .await?;
    emit(tx, EventKind::UserInvited, invitation.id.0);
    let token = format!("{}.{}", tenant.simple(), shown.as_str());
    News::of_invitation(vault, tenant, invitation.id, &token)?.tell(tx).await?;
    Ok((invitation, token))
}

async fn revoke(tx: &Tx, input: InvitationRevokeInput) -> Result<Invitation> {
    let one = || -> Result<_> {
        Ok(invitation::table.filter(invitation::tenant_id.eq(tx.tenant()?)).filter(invitation::id.eq(input.id)))
    };
    // An acceptance that is on its way has the row locked: whichever comes first decides.
    let current: Option<Invitation> = tx.maybe(one()?.select(Invitation::as_select()).for_update()).await?;
    let current = current.ok_or_else(|| Error::not_found("id", "invitation"))?;
    if input.expected_version.is_some_and(|expected| expected != current.version) {
        return Err(Error::refuse(
            UserErrorCode::Conflict,
            "expectedVersion",
            "The invitation was changed since it was read; read it again.",
        ));
    }
    if current.accepted_at.is_some() {
        return Err(Error::refuse(
            UserErrorCode::State,
            "id",
            "The invitation was accepted; end the person's grant instead (grantEnd).",
        ));
    }
    if current.revoked_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "The invitation was taken back before."));
    }
    tx.row(diesel::update(one()?).set(invitation::revoked_at.eq(tx.now())).returning(Invitation::as_returning()))
        .await
        .inspect(|revoked: &Invitation| emit(tx, EventKind::InvitationRevoked, revoked.id.0))
}

/// The client and the hash of the secret in an invitation's token.
fn split(token: &str) -> Option<(Uuid, [u8; 32])> {
    let (client, secret) = token.trim().split_once('.')?;
    let client = (client.len() == 32).then(|| Uuid::try_parse(client).ok()).flatten()?;
    Some((client, Opaque::Invitation.hash(secret)?))
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account_id: Option<Uuid>,
}

#[derive(QueryableByName)]
struct Accepted {
    #[diesel(sql_type = Text)]
    verdict: String,
}

/// How the one who accepts proves to be the one invited.
enum Proof {
    /// A new person with a password of his own.
    New(String),
    /// By password, as at sign-in.
    Password(Box<Proven>),
    /// By the session that the request is signed in with. The one that comes of it is good for no more.
    SignedIn(User, Option<Through>),
}

fn unknown() -> Error {
    Error::not_found("token", "invitation, or it was accepted or taken back, or it is older than 7 days")
}

/// Accepts an invitation and opens a session.
pub(super) async fn accept(scope: &Scope, vault: &Vault, input: InvitationAcceptInput) -> Result<Continued> {
    prove::alone(scope)?;
    scope.keyless()?;
    let (client, hash) = split(&input.token).ok_or_else(unknown)?;
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let open: Open = tx
        .row(
            sql("SELECT i.email, i.name, i.account_id FROM identity.open_invitation($1, $2) i")
                .bind::<SqlUuid, _>(client)
                .bind::<Binary, _>(hash.to_vec()),
        )
        .await?;
    let signed_in = match scope.caller() {
        Caller::Person { account, session, .. } if open.account_id == Some(*account) => {
            // A session that is confined to another client proves nothing here.
            match session::through(&tx, SessionId(*session)).await? {
                Some(Through { client: Some(confined_to), .. }) if confined_to != client => None,
                through => Account::by_session(&tx, *account, *session).await?.map(|account| (account, through)),
            }
        }
        _ => None,
    };
    tx.finish(false).await?;
    let (Some(email), Some(name)) = (open.email, open.name) else { return Err(unknown()) };
    let proof = match (open.account_id, signed_in, input.password) {
        (_, Some((account, through)), _) => Proof::SignedIn(account.user, through),
        (_, None, None) => {
            return Err(Error::refuse(UserErrorCode::Required, "password", "A password is needed."));
        }
        (Some(_), None, Some(password)) => {
            let proven = prove::by_password(scope, vault, &email, password, input.totp.as_deref()).await?;
            Proof::Password(Box::new(proven))
        }
        (None, None, Some(password)) => {
            hashing::refuse_weak(&password, &email, "password")?;
            let (turn, password_hash) = hashing::turn().await?.hash(password).await?;
            drop(turn);
            Proof::New(password_hash)
        }
    };
    let tx = scope.sign_in().await?;
    let (user, password_hash, through) = match proof {
        Proof::New(hash) => (User { id: UserId::new(), email, name, staff: false }, Some(hash), None),
        Proof::SignedIn(user, through) => (user, None, through),
        Proof::Password(proven) => {
            proven.use_up(tx).await?;
            (proven.user(), None, None)
        }
    };
    let accepted: Accepted = tx
        .row(
            sql("SELECT a.verdict FROM identity.accept_invitation($1, $2, $3, $4, $5, $6, $7) a")
                .bind::<SqlUuid, _>(client)
                .bind::<Binary, _>(hash.to_vec())
                .bind::<Nullable<SqlUuid>, _>(open.account_id)
                .bind::<SqlUuid, _>(user.id)
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<Nullable<Text>, _>(password_hash)
                .bind::<SqlUuid, _>(scope.request_id()),
        )
        .await?;
    if accepted.verdict == "unknown" {
        return Err(unknown());
    }
    prove::open_session(tx, scope, user, through).await
}

/// Queries about invitations.
#[derive(Default)]
pub struct InvitationQuery;

#[Object]
impl InvitationQuery {
    /// Invitations to the client, accepted and revoked ones too, newest first. Right: `identity.grant.read`.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<InvitationConnection> {
        let tx = ctx.tx(Can::GrantRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(invitation::table.filter(invitation::tenant_id.eq(tenant)).count()).await?)
        } else {
            None
        };
        let mut page = invitation::table.filter(invitation::tenant_id.eq(tenant)).into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(invitation::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(invitation::id.desc()).limit(slice.limit()).select(Invitation::as_select())).await?;
        Ok(InvitationConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Inviting.
#[derive(Default)]
pub struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Invites a person to the client. The token is shown once, and sent to the person by mail. Right:
    /// `identity.user.invite`.
    async fn user_invite(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is invited.")] input: UserInviteInput,
    ) -> async_graphql::Result<Option<UserInvitePayload>> {
        let tx = ctx.tx(Can::UserInvite).await?;
        ctx.scope()?.tells_secret();
        let (value, user_errors) = settle(ctx, invite(tx, vault(ctx)?, input).await)?;
        let (invitation, token) = value.unzip();
        Ok(Some(UserInvitePayload { invitation, token, user_errors }))
    }

    /// Takes an open invitation back: its token is good for nothing from now on. One that has run out can be taken back
    /// too, one that was accepted cannot. Right: `identity.user.invite`.
    async fn invitation_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: InvitationRevokeInput,
    ) -> async_graphql::Result<Option<InvitationRevokePayload>> {
        InvitationRevokePayload::settle(ctx, revoke(ctx.tx(Can::UserInvite).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_the_client_and_holds_the_secret() {
        let (shown, hash) = Opaque::Invitation.generate().unwrap();
        let client = new_uuid();
        let token = format!("{}.{}", client.simple(), shown.as_str());
        assert_eq!(split(&token), Some((client, hash)));
        assert_eq!(split(&format!(" {token}\n")), Some((client, hash)));
        for wrong in ["", ".", shown.as_str(), &format!("{client}.{}", shown.as_str()), &token[..token.len() - 1]] {
            assert_eq!(split(wrong), None);
        }
    }
}
