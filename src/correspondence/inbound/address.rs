//! Addresses under which a client is written to. The server makes them; everybody who writes to the client knows them, so
//! that one that is misused is revoked and another one made.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;

use crate::correspondence::ids::InboundMailAddressId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::inbound::MailDomain;
use crate::platform::input::{expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::inbound_address;

/// The most addresses of a client that were not revoked.
const MOST: i64 = 20;
/// What tokens are written in: nobody confuses two of these, and no mail server changes them.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// An address under which the client is written to.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = inbound_address)]
#[graphql(complex)]
pub struct InboundMailAddress {
    /// Global id.
    pub id: InboundMailAddressId,
    /// What it is for.
    pub name: String,
    #[graphql(skip)]
    pub(crate) token: String,
    /// When it was revoked; null if it was not. What comes to it from then on is laid aside.
    pub revoked_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl InboundMailAddress {
    /// The address; null if this server takes no mails.
    async fn address(&self, ctx: &Context<'_>) -> Option<String> {
        let domain = ctx.data_opt::<MailDomain>().and_then(|domain| domain.0.as_deref());
        domain.map(|domain| format!("{}@{domain}", self.token))
    }
}

impl Fetch for InboundMailAddress {
    type Key = InboundMailAddressId;
    type Value = Self;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<InboundMailAddressId>) -> Result<HashMap<InboundMailAddressId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                inbound_address::table
                    .filter(inbound_address::tenant_id.eq(tx.tenant()?))
                    .filter(inbound_address::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A new address.
#[derive(InputObject, Clone, Debug)]
pub struct InboundMailAddressCreateInput {
    /// What it is for, 1 to 100 characters.
    pub name: String,
}

/// An address that is not wanted any more.
#[derive(InputObject, Clone, Debug)]
pub struct InboundMailAddressRevokeInput {
    /// The address.
    pub id: InboundMailAddressId,
    /// The version that was read; refused with `CONFLICT` if the address was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of an address.
    InboundMailAddressPayload {
        /// The address as it is now.
        inbound_mail_address: InboundMailAddress
    }
}

/// What stands before the @: 100 random bits.
fn token() -> Result<String> {
    let bytes = backoffice_credentials::random::<20>().map_err(Error::fault)?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied().map(char::from);
    Ok(bytes.iter().filter_map(letter).collect())
}

async fn create(tx: &Tx, input: InboundMailAddressCreateInput) -> Result<InboundMailAddress> {
    let name = input.name.trim();
    sized("name", name, 1..=100)?;
    let count: i64 = tx
        .row(
            inbound_address::table
                .filter(inbound_address::tenant_id.eq(tx.tenant()?))
                .filter(inbound_address::revoked_at.is_null())
                .count(),
        )
        .await?;
    if count >= MOST {
        let message = format!("A client has at most {MOST} addresses: revoke one that nobody writes to.");
        return Err(Error::refuse(UserErrorCode::State, "", message));
    }
    let made: InboundMailAddress = tx
        .row(
            diesel::insert_into(inbound_address::table)
                .values((
                    inbound_address::tenant_id.eq(tx.tenant()?),
                    inbound_address::id.eq(InboundMailAddressId::new()),
                    inbound_address::name.eq(name),
                    inbound_address::token.eq(token()?),
                ))
                .returning(InboundMailAddress::as_returning()),
        )
        .await?;
    emit(tx, EventKind::InboundMailAddressCreated, made.id.0);
    Ok(made)
}

async fn revoke(tx: &Tx, input: InboundMailAddressRevokeInput) -> Result<InboundMailAddress> {
    let one = || -> Result<_> {
        Ok(inbound_address::table
            .filter(inbound_address::tenant_id.eq(tx.tenant()?))
            .filter(inbound_address::id.eq(input.id)))
    };
    let found: Option<InboundMailAddress> =
        tx.maybe(one()?.select(InboundMailAddress::as_select()).for_update()).await?;
    let found = found.ok_or_else(|| Error::not_found("id", "address"))?;
    expect_version(input.expected_version, found.version, "address")?;
    if found.revoked_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This address was revoked before."));
    }
    let revoked: InboundMailAddress = tx
        .row(
            diesel::update(one()?)
                .set(inbound_address::revoked_at.eq(tx.now()))
                .returning(InboundMailAddress::as_returning()),
        )
        .await?;
    emit(tx, EventKind::InboundMailAddressRevoked, revoked.id.0);
    Ok(revoked)
}

/// The token of the client's oldest address that was not revoked: answers to its mails go there.
pub(crate) async fn answers_to(tx: &Tx) -> Result<Option<String>> {
    tx.maybe(
        inbound_address::table
            .filter(inbound_address::tenant_id.eq(tx.tenant()?))
            .filter(inbound_address::revoked_at.is_null())
            .order(inbound_address::id)
            .limit(1)
            .select(inbound_address::token),
    )
    .await
}

/// Queries about addresses.
#[derive(Default)]
pub struct InboundMailAddressQuery;

#[Object]
impl InboundMailAddressQuery {
    /// The addresses under which the client is written to, also those that were revoked, the latest 500. Right:
    /// `office.correspondence.read`.
    async fn inbound_mail_addresses(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<InboundMailAddress>> {
        let tx = ctx.tx(Can::CorrespondenceRead).await?;
        let rows = tx
            .rows(
                inbound_address::table
                    .filter(inbound_address::tenant_id.eq(tx.tenant()?))
                    .order(inbound_address::id.desc())
                    .limit(500)
                    .select(InboundMailAddress::as_select()),
            )
            .await?;
        Ok(rows)
    }
}

/// Changes of addresses.
#[derive(Default)]
pub struct InboundMailAddressMutation;

#[Object]
impl InboundMailAddressMutation {
    /// Makes an address under which the client is written to. Answers to mails of the register go to the oldest one that
    /// was not revoked. Right: `office.correspondence.manage`.
    async fn inbound_mail_address_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new address.")] input: InboundMailAddressCreateInput,
    ) -> async_graphql::Result<Option<InboundMailAddressPayload>> {
        InboundMailAddressPayload::settle(ctx, create(ctx.tx(Can::CorrespondenceManage).await?, input).await)
    }

    /// Revokes an address for good: what comes to it from now on is laid aside unread. Right:
    /// `office.correspondence.manage`.
    async fn inbound_mail_address_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address.")] input: InboundMailAddressRevokeInput,
    ) -> async_graphql::Result<Option<InboundMailAddressPayload>> {
        InboundMailAddressPayload::settle(ctx, revoke(ctx.tx(Can::CorrespondenceManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn tokens_are_long_and_different() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert!(one != other && one.len() == 20 && one.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')));
    }
}
