//! Whether a client is kept to its engagements: then the provider's staff and programs change nothing of what services cover
//! unless a live engagement covers it on the client's day. What follows from it is in the database
//! (`migrations/0231_engagement_gate`): the rights themselves are withheld, whoever asks for them.

use async_graphql::{Context, InputObject, Object};
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::ClientId;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// Whether a client is kept to its engagements.
#[derive(InputObject, Clone, Debug)]
pub struct ClientEngagementRequirementSetInput {
    /// The client.
    pub client: ClientId,
    /// Whether the staff changes nothing of what services cover unless a live engagement covers it.
    pub required: bool,
}

crate::platform::payload! {
    /// What became of it.
    ClientEngagementRequirementSetPayload {
        /// Whether the client is kept to its engagements now.
        required: bool
    }
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    verdict: String,
}

async fn set(tx: &Tx, request: Uuid, input: ClientEngagementRequirementSetInput) -> Result<bool> {
    let said: Said = tx
        .row(
            sql("SELECT practice.require_engagement($1, $2, $3) AS verdict")
                .bind::<SqlUuid, _>(input.client)
                .bind::<Bool, _>(input.required)
                .bind::<SqlUuid, _>(request),
        )
        .await?;
    match said.verdict.as_str() {
        "ok" => Ok(input.required),
        "unknown" => Err(Error::not_found("client", "client")),
        other => Err(Error::fault(format!("an unknown verdict of a requirement: {other}"))),
    }
}

/// Keeping clients to their engagements.
#[derive(Default)]
pub struct RequirementMutation;

#[Object]
impl RequirementMutation {
    /// Keeps a client to its engagements, or frees it. While it is kept to them, the provider's staff and programs change
    /// nothing of what a service covers (`Service.covers`) unless a live engagement of the client covers it on the client's
    /// day; they read as before, and the client's own people keep their rights. Needs a token without client. Right:
    /// `practice.engagement.require`.
    async fn client_engagement_requirement_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client, and whether engagements are required.")]
        input: ClientEngagementRequirementSetInput,
    ) -> async_graphql::Result<Option<ClientEngagementRequirementSetPayload>> {
        let tx = ctx.provider(Can::EngagementRequire).await?;
        let request = ctx.scope()?.request_id();
        ClientEngagementRequirementSetPayload::settle(ctx, set(tx, request, input).await)
    }
}
