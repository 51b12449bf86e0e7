//! Endpoints in the API: found, listed, made and changed.

use async_graphql::{Context, Object};
use diesel::prelude::*;

use super::{
    WebhookEndpoint, WebhookEndpointChangeInput, WebhookEndpointConnection, WebhookEndpointCreateInput,
    WebhookEndpointPayload, WebhookEndpointState, WebhookEndpointUpdateInput, WebhookSecretPayload,
    WebhookSecretRotateInput, create, delete, pause, resume, rotate, update,
};
use crate::platform::can::Can;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::webhook_endpoint;
use crate::webhooks::Settings;
use crate::webhooks::ids::WebhookEndpointId;

/// The installation's settings.
fn settings<'a>(ctx: &Context<'a>) -> Result<&'a Settings> {
    ctx.data_opt::<Settings>().ok_or_else(|| Error::fault("the schema has no settings of webhooks"))
}

/// Queries about endpoints.
#[derive(Default)]
pub struct EndpointQuery;

#[Object]
impl EndpointQuery {
    /// One endpoint, also one that was deleted; null if the id is unknown. Right: `core.webhook.read`.
    async fn webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint's id.")] id: WebhookEndpointId,
    ) -> async_graphql::Result<Option<WebhookEndpoint>> {
        Ok(ctx.load::<WebhookEndpoint>(id).await?)
    }

    /// The client's endpoints, newest first. Right: `core.webhook.read`.
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<WebhookEndpointConnection> {
        let tx = ctx.tx(Can::WebhookRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> {
            Ok(webhook_endpoint::table
                .filter(webhook_endpoint::tenant_id.eq(tx.tenant()?))
                .filter(webhook_endpoint::state.ne(WebhookEndpointState::Deleted))
                .into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(webhook_endpoint::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(webhook_endpoint::id.desc()).limit(slice.limit()).select(WebhookEndpoint::as_select()))
            .await?;
        Ok(WebhookEndpointConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of endpoints.
#[derive(Default)]
pub struct EndpointMutation;

#[Object]
impl EndpointMutation {
    /// Creates an endpoint, which is told of events from now on. Its secret is shown once. Rights: `core.webhook.manage`,
    /// and for each kind of event that to read its records.
    async fn webhook_endpoint_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new endpoint.")] input: WebhookEndpointCreateInput,
    ) -> async_graphql::Result<Option<WebhookSecretPayload>> {
        let tx = ctx.tx(Can::WebhookManage).await?;
        ctx.scope()?.tells_secret();
        WebhookSecretPayload::settle(ctx, create(tx, settings(ctx)?, input).await)
    }

    /// Changes an endpoint: what is omitted stays. Rights: `core.webhook.manage`, and for each kind of event that to read
    /// its records.
    async fn webhook_endpoint_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: WebhookEndpointUpdateInput,
    ) -> async_graphql::Result<Option<WebhookEndpointPayload>> {
        let tx = ctx.tx(Can::WebhookManage).await?;
        WebhookEndpointPayload::settle(ctx, update(tx, settings(ctx)?, input).await)
    }

    /// Pauses an endpoint: nothing is sent until it is resumed, and nothing is lost. Right: `core.webhook.manage`.
    async fn webhook_endpoint_pause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookEndpointChangeInput,
    ) -> async_graphql::Result<Option<WebhookEndpointPayload>> {
        WebhookEndpointPayload::settle(ctx, pause(ctx.tx(Can::WebhookManage).await?, input).await)
    }

    /// Resumes an endpoint, whatever it was paused for: what waits is sent at once, then what has happened since. Right:
    /// `core.webhook.manage`.
    async fn webhook_endpoint_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookEndpointChangeInput,
    ) -> async_graphql::Result<Option<WebhookEndpointPayload>> {
        WebhookEndpointPayload::settle(ctx, resume(ctx.tx(Can::WebhookManage).await?, input).await)
    }

    /// Deletes an endpoint: nothing more is sent. Its log stays for 30 days. Right: `core.webhook.manage`.
    async fn webhook_endpoint_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookEndpointChangeInput,
    ) -> async_graphql::Result<Option<WebhookEndpointPayload>> {
        WebhookEndpointPayload::settle(ctx, delete(ctx.tx(Can::WebhookManage).await?, input).await)
    }

    /// Gives an endpoint a new secret, which is shown once. For the overlap the one before signs as well: each request then
    /// carries two signatures. Right: `core.webhook.manage`.
    async fn webhook_secret_rotate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookSecretRotateInput,
    ) -> async_graphql::Result<Option<WebhookSecretPayload>> {
        let tx = ctx.tx(Can::WebhookManage).await?;
        ctx.scope()?.tells_secret();
        WebhookSecretPayload::settle(ctx, rotate(tx, settings(ctx)?, input).await)
    }
}
