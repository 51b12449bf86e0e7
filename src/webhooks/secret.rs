//! The secrets of an endpoint: at most two are live, so that a receiver changes to a new one without losing a message.
//! They are shown once and kept sealed.

use std::collections::HashMap;

use async_graphql::SimpleObject;
use chrono::TimeDelta;
use diesel::prelude::*;
use uuid::Uuid;

use super::ids::WebhookEndpointId;
use super::signature::Secret;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::new_uuid;
use crate::platform::scalars::DateTime;
use crate::platform::vault::Vault;
use crate::schema::webhook_secret;

/// A secret that signs what is sent to an endpoint. What it is was shown when it was made.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = webhook_secret)]
pub struct WebhookSecret {
    #[graphql(skip)]
    endpoint_id: WebhookEndpointId,
    /// Until when it signs; null for the newest one, which signs until it is rotated.
    pub expires_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
}

/// Fetches the live secrets of endpoints, the newest first.
pub struct Live;

impl Fetch for Live {
    type Key = WebhookEndpointId;
    type Value = Vec<WebhookSecret>;
    const CAN: Can = Can::WebhookRead;

    async fn fetch(tx: &Tx, keys: Vec<WebhookEndpointId>) -> Result<HashMap<WebhookEndpointId, Vec<WebhookSecret>>> {
        let rows: Vec<WebhookSecret> = tx
            .rows(
                webhook_secret::table
                    .filter(webhook_secret::tenant_id.eq(tx.tenant()?))
                    .filter(webhook_secret::endpoint_id.eq_any(keys))
                    .filter(webhook_secret::expires_at.is_null().or(webhook_secret::expires_at.gt(DateTime(tx.now()))))
                    .order((webhook_secret::created_at.desc(), webhook_secret::id.desc()))
                    .select(WebhookSecret::as_select()),
            )
            .await?;
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows {
            found.entry(row.endpoint_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// Where a secret is sealed: it opens nowhere else.
fn place(client: Uuid, endpoint: Uuid, secret: Uuid) -> String {
    format!("webhook secret {client} {endpoint} {secret}")
}

/// A new secret of an endpoint.
pub async fn create(tx: &Tx, vault: &Vault, endpoint: WebhookEndpointId) -> Result<Secret> {
    let (tenant, id, secret) = (tx.tenant()?, new_uuid(), Secret::generate()?);
    let sealed = vault.seal(&place(tenant, endpoint.0, id), secret.bytes())?;
    tx.exec(diesel::insert_into(webhook_secret::table).values((
        webhook_secret::tenant_id.eq(tenant),
        webhook_secret::id.eq(id),
        webhook_secret::endpoint_id.eq(endpoint),
        webhook_secret::sealed.eq(sealed),
    )))
    .await?;
    Ok(secret)
}

/// A new secret; the one before signs as well for so long, any older one no more. The endpoint is locked.
pub async fn rotate(tx: &Tx, vault: &Vault, endpoint: WebhookEndpointId, overlap: TimeDelta) -> Result<Secret> {
    let now = tx.now();
    let of_endpoint = || -> Result<_> {
        Ok(webhook_secret::table
            .filter(webhook_secret::tenant_id.eq(tx.tenant()?))
            .filter(webhook_secret::endpoint_id.eq(endpoint)))
    };
    tx.exec(
        diesel::update(of_endpoint()?.filter(webhook_secret::expires_at.gt(DateTime(now))))
            .set(webhook_secret::expires_at.eq(DateTime(now))),
    )
    .await?;
    tx.exec(
        diesel::update(of_endpoint()?.filter(webhook_secret::expires_at.is_null()))
            .set(webhook_secret::expires_at.eq(DateTime(now + overlap))),
    )
    .await?;
    create(tx, vault, endpoint).await
}

/// Opens what signs a client's messages to an endpoint.
pub fn open_all(vault: &Vault, client: Uuid, endpoint: Uuid, sealed: &[(Uuid, Vec<u8>)]) -> Result<Vec<Secret>> {
    if sealed.is_empty() {
        return Err(Error::fault("an endpoint has no live secret"));
    }
    sealed
        .iter()
        .map(|(id, sealed)| vault.unseal(&place(client, endpoint, *id), sealed).map(Secret::from_bytes))
        .collect()
}
