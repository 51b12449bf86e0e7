//! Changing a client's master data. What the books stand on stays: their currency never changes, and fiscal years are
//! never rewritten.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use diesel::prelude::*;

use super::books;
use super::{ClientPayload, check_month, check_texts};
use crate::identity::authority;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CountryCode, TimeZone};
use crate::platform::scope::Ask;
use crate::practice::client::Client;
use crate::practice::portal;
use crate::practice::schema::client;

/// Changes of the client that the token is for: what is omitted stays, null clears. The currency of the books is not
/// among them: every balance, rate and open item is kept in it.
#[derive(InputObject, Clone, Debug)]
pub struct ClientUpdateInput {
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// New name, 1 to 200 characters.
    pub name: Option<String>,
    /// New VAT identification number, at most 32 characters.
    pub vat_number: MaybeUndefined<String>,
    /// New country.
    pub country: Option<CountryCode>,
    /// New time zone in which the client's days begin and end: for what is done from now on. Dates that were written
    /// stay as they are.
    pub time_zone: Option<TimeZone>,
    /// New month that a fiscal year starts with, 1 to 12. The years of the books have to lead there: first a fiscal year is
    /// added that ends the day before (`fiscalYearCreate`), shorter or longer than twelve months.
    pub fiscal_year_start_month: Option<i32>,
    /// New origins of the client's portals, all of them: at most 20, each `https://` with a host and perhaps a port
    /// (`http://` on this machine only, for development). Servers follow within a few seconds.
    pub portal_origins: Option<Vec<String>>,
    /// Whether tokens for this client run only published documents from now on; servers follow within a few seconds.
    pub only_persisted_documents: Option<bool>,
    /// How many bytes of files the client may keep; null: as many as the server lets everybody. For the provider's people
    /// only, who may change every client's master data.
    pub most_file_bytes: MaybeUndefined<i64>,
}

async fn update(tx: &Tx, input: ClientUpdateInput) -> Result<Client> {
    let tenant = tx.tenant()?;
    let own = || client::table.filter(client::tenant_id.eq(tenant));
    let current: Client = tx.row(own().select(Client::as_select()).for_update()).await?;
    if input.expected_version.is_some_and(|expected| expected != current.version) {
        return Err(Error::refuse(
            UserErrorCode::Conflict,
            "expectedVersion",
            "The client was changed since it was read; read it again.",
        ));
    }
    check_texts(input.name.as_deref(), input.vat_number.as_opt_deref().flatten())?;
    let month = match input.fiscal_year_start_month.map(check_month).transpose()? {
        Some(month) if month != current.fiscal_year_start_month => {
            books::check_start_month(tx, month).await?;
            month
        }
        _ => current.fiscal_year_start_month,
    };
    let vat_number = match input.vat_number {
        MaybeUndefined::Undefined => current.vat_number,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(number) => Some(number),
    };
    let portal_origins = match input.portal_origins {
        Some(origins) => portal::origins(origins)?,
        None => current.portal_origins,
    };
    let most_file_bytes = match input.most_file_bytes {
        MaybeUndefined::Undefined => current.most_file_bytes,
        _ if !authority::holds_everywhere(tx, Can::ClientManage).await? => {
            let message = "How much a client may keep is for the provider to say.";
            return Err(Error::refuse(UserErrorCode::Invalid, "mostFileBytes", message));
        }
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(most) if most < 0 => {
            return Err(Error::refuse(UserErrorCode::Invalid, "mostFileBytes", "A number of bytes is not negative."));
        }
        MaybeUndefined::Value(most) => Some(most),
    };
    tx.row(
        diesel::update(own())
            .set((
                client::name.eq(input.name.unwrap_or(current.name)),
                client::vat_number.eq(vat_number),
                client::country.eq(input.country.unwrap_or(current.country)),
                client::time_zone.eq(input.time_zone.unwrap_or(current.time_zone)),
                client::fiscal_year_start_month.eq(month),
                client::portal_origins.eq(portal_origins),
                client::only_persisted_documents
                    .eq(input.only_persisted_documents.unwrap_or(current.only_persisted_documents)),
                client::most_file_bytes.eq(most_file_bytes),
            ))
            .returning(Client::as_returning()),
    )
    .await
    .inspect(|_: &Client| emit(tx, EventKind::ClientUpdated, tenant))
}

/// Changes of a client.
#[derive(Default)]
pub struct UpdateMutation;

#[Object]
impl UpdateMutation {
    /// Changes the master data of the client that the token is for: what is omitted stays, null clears. Right:
    /// `practice.client.manage`.
    async fn client_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: ClientUpdateInput,
    ) -> async_graphql::Result<Option<ClientPayload>> {
        ClientPayload::settle(ctx, update(ctx.tx(Can::ClientManage).await?, input).await)
    }
}
