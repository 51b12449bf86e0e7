//! A client company of the provider: its master data, its headline figures, and the portfolio of all clients that the
//! caller is granted.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Int2, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, Selectable};

use super::figures::{ClientFigures, OwnFigures, PortfolioFigures};
use super::ids::ClientGroupId;
use super::status::ClientStatus;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::ClientId;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CountryCode, CurrencyCode, DateTime, TimeZone};
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;
use crate::schema::client;

/// A client company.
#[derive(Queryable, Selectable, QueryableByName, SimpleObject, Clone, Debug)]
#[diesel(table_name = client)]
#[graphql(complex)]
pub struct Client {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: ClientId,
    /// Name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Country.
    #[diesel(sql_type = Text)]
    pub country: CountryCode,
    /// Currency of the books; never changes.
    #[diesel(sql_type = Text)]
    pub currency: CurrencyCode,
    /// Time zone in which the client's days begin and end.
    #[diesel(sql_type = Text)]
    pub time_zone: TimeZone,
    /// The month that a fiscal year starts with, 1 to 12.
    #[diesel(sql_type = Int2)]
    pub fiscal_year_start_month: i16,
    /// VAT identification number.
    #[diesel(sql_type = Nullable<Text>)]
    pub vat_number: Option<String>,
    /// When the client was taken on.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    #[diesel(sql_type = diesel::sql_types::Int4)]
    pub version: i32,
    /// Origins of the pages that browsers may call from with a token for this client, e.g. `https://portal.example`.
    #[diesel(sql_type = Array<Text>)]
    pub portal_origins: Vec<String>,
    /// Whether tokens for this client run only documents that were published (`documentManifestPublish`), and those that
    /// publish and switch this off again. Anything else is refused with `DOCUMENT_NOT_PUBLISHED`.
    #[diesel(sql_type = Bool)]
    pub only_persisted_documents: bool,
    /// How many bytes of files the client may keep, announced ones included; null: as many as the server lets everybody.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub most_file_bytes: Option<i64>,
    /// Where the client stands with the provider.
    #[diesel(sql_type = Text)]
    pub status: ClientStatus,
    /// Whether the provider's staff and programs change nothing of what services cover (`Service.covers`) unless a live
    /// engagement covers it today.
    #[diesel(sql_type = Bool)]
    pub engagement_required: bool,
}

#[ComplexObject]
impl Client {
    /// Headline figures as of today in the client's time zone. Right: `finance.figures.read` in the client; with a token
    /// without client `practice.portfolio.read`.
    async fn figures(&self, ctx: &Context<'_>) -> async_graphql::Result<ClientFigures> {
        let found = match ctx.scope()?.caller() {
            Caller::Person { client: None, .. } => ctx.load::<PortfolioFigures>(self.id).await?,
            _ => ctx.load::<OwnFigures>(self.id).await?,
        };
        Ok(found.ok_or_else(|| Error::fault("a client that is seen has no figures"))?)
    }
}

crate::platform::connection!(
    /// A page of clients.
    ClientConnection, ClientEdge, Client
);

impl Fetch for Client {
    type Key = ClientId;
    type Value = Self;
    const CAN: Can = Can::ClientRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientId>) -> Result<HashMap<ClientId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                client::table
                    .filter(client::tenant_id.eq(tx.tenant()?))
                    .filter(client::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The client of this transaction.
pub async fn current(tx: &Tx) -> Result<Client> {
    tx.row(client::table.filter(client::tenant_id.eq(tx.tenant()?)).select(Client::as_select())).await
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Queries about clients.
#[derive(Default)]
pub struct ClientQuery;

#[Object]
impl ClientQuery {
    /// The client that the token is for. Right: `practice.client.read`.
    async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Client> {
        Ok(current(ctx.tx(Can::ClientRead).await?).await?)
    }

    /// Headline figures of the client that the token is for, as of today in its time zone. Right: `finance.figures.read`.
    async fn client_figures(&self, ctx: &Context<'_>) -> async_graphql::Result<ClientFigures> {
        let tx = ctx.tx(Can::FiguresRead).await?;
        let found = ctx.load::<OwnFigures>(ClientId(tx.tenant()?)).await?;
        Ok(found.ok_or_else(|| Error::fault("a client that is seen has no figures"))?)
    }

    /// The portfolio: the clients whose figures the caller may read today, by name. Needs a token without client. Right:
    /// `practice.portfolio.read`.
    async fn clients(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only the clients of this group.")] group: Option<ClientGroupId>,
        #[graphql(desc = "Only the clients that stand there.")] status: Option<ClientStatus>,
    ) -> async_graphql::Result<ClientConnection> {
        let tx = ctx.portfolio(Can::PortfolioRead, Can::FiguresRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let row: Count = tx
                .row(sql("SELECT count(*) AS count FROM practice.client c
                           WHERE c.tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[])
                             AND ($1::uuid IS NULL OR c.tenant_id IN (SELECT g.client_id FROM practice.clients_in_group($1) g))
                             AND ($2::text IS NULL OR c.status = $2)")
                    .bind::<Nullable<SqlUuid>, _>(group)
                    .bind::<Nullable<Text>, _>(status))
                .await?;
            Some(row.count)
        } else {
            None
        };
        let (name, id) = slice.after.clone().unzip();
        let rows = tx
            .rows(
                sql("SELECT c.id, c.name, c.country, c.currency, c.time_zone, c.fiscal_year_start_month, c.vat_number, c.created_at, c.version, c.portal_origins,
                            c.only_persisted_documents, c.most_file_bytes, c.status, c.engagement_required
                       FROM practice.client c
                      WHERE c.tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[])
                        AND ($1::text IS NULL OR (c.name, c.id) > ($1, $2))
                        AND ($4::uuid IS NULL OR c.tenant_id IN (SELECT g.client_id FROM practice.clients_in_group($4) g))
                        AND ($5::text IS NULL OR c.status = $5)
                      ORDER BY c.name, c.id LIMIT $3")
                    .bind::<Nullable<Text>, _>(name)
                    .bind::<Nullable<SqlUuid>, _>(id)
                    .bind::<BigInt, _>(slice.limit())
                    .bind::<Nullable<SqlUuid>, _>(group)
                    .bind::<Nullable<Text>, _>(status),
            )
            .await?;
        Ok(ClientConnection::new(ctx, &slice, rows, |row: &Client| encode(&row.name, row.id.0), total))
    }
}
