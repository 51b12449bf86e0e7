//! Who is asking, as the server sees him.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};

use super::account::User;
use crate::platform::can::Can;
use crate::platform::ids::known::{ClientId, ServiceAccountId, UserId};
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;
use crate::platform::withheld;

/// A person or a program.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerKind {
    /// A person in a session.
    Person,
    /// A program with a service account's token.
    ServiceAccount,
}

/// Who is asking, and what he may do.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct Viewer {
    /// Person or program.
    pub kind: ViewerKind,
    /// Global id of the person or of the service account.
    pub id: ID,
    /// Name as it stands in the audit trail.
    pub name: String,
    /// E-mail address; null for a service account.
    pub email: Option<String>,
    /// Whether the person works for the provider.
    pub staff: bool,
    /// The client that the token is for; null for a token without one.
    pub client: Option<ClientId>,
    /// What the caller may do today: in the client, or without one for the provider.
    pub permissions: Vec<Can>,
}

#[ComplexObject]
impl Viewer {
    /// What the caller is granted in the client and cannot do today, because no live engagement of the client covers it
    /// (`Client.engagementRequired`).
    async fn withheld_permissions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Can>> {
        let scope = ctx.scope()?;
        if self.client.is_none() {
            return Ok(Vec::new());
        }
        let mut withheld = withheld::rights(scope.whoever().await?).await?;
        if let Caller::Service { scopes, .. } = scope.caller() {
            withheld.retain(|can| scopes.contains(can));
        }
        Ok(withheld)
    }
}

/// Who is asking.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who is asking, and what he may do. Needs a valid token and no right.
    async fn viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<Viewer> {
        let scope = ctx.scope()?;
        let tx = scope.whoever().await?;
        let mut permissions = tx.permissions().to_vec();
        permissions.sort_unstable();
        permissions.dedup();
        let name = tx.actor_name().to_owned();
        if let Caller::Service { account, client, .. } = scope.caller() {
            return Ok(Viewer {
                kind: ViewerKind::ServiceAccount,
                id: ID(ServiceAccountId(*account).to_string()),
                name,
                email: None,
                staff: false,
                client: Some(ClientId(*client)),
                permissions,
            });
        }
        let client = match scope.caller() {
            Caller::Person { client, .. } => client.map(ClientId),
            _ => None,
        };
        let user: User = tx.row(sql("SELECT m.id, m.email, m.name, m.staff FROM identity.myself() m")).await?;
        Ok(Viewer {
            kind: ViewerKind::Person,
            id: ID(UserId(tx.actor()).to_string()),
            name,
            email: Some(user.email),
            staff: user.staff,
            client,
            permissions,
        })
    }
}
