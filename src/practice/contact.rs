//! The people of a client with whom the provider speaks: what they are, how they are reached, and about which topics.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;

use super::ids::ClientContactId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{mailable, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::client_contact;

/// The most contacts of a client.
const MOST: i64 = 1000;

crate::platform::words! {
    /// What somebody is spoken to about.
    ContactTopic {
        /// The books.
        Accounting = "accounting",
        /// Taxes.
        Taxes = "taxes",
        /// Wages and salaries.
        Payroll = "payroll",
        /// What is paid and who releases it.
        Payments = "payments",
        /// Contracts.
        Contracts = "contracts",
        /// Programs, devices and access.
        Technology = "technology",
        /// Everything for which nobody else is named.
        General = "general",
    }
}

/// Somebody of a client with whom the provider speaks.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = client_contact)]
#[graphql(complex)]
pub struct ClientContact {
    /// Global id.
    pub id: ClientContactId,
    /// His name.
    pub name: String,
    /// What he is there; empty if that was not said.
    pub function: String,
    /// His mail address; null if it is not known.
    pub email: Option<String>,
    /// His telephone number; null if it is not known.
    pub phone: Option<String>,
    /// The language in which he is spoken to, e.g. `de` or `de-AT`; null if it is not known.
    pub language: Option<String>,
    #[graphql(skip)]
    topics: Vec<String>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl ClientContact {
    /// What he is the one for; none: for nothing in particular.
    async fn topics(&self) -> Vec<ContactTopic> {
        self.topics.iter().filter_map(|topic| ContactTopic::parse(topic)).collect()
    }
}

impl Fetch for ClientContact {
    type Key = ClientContactId;
    type Value = Self;
    const CAN: Can = Can::ContactRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientContactId>) -> Result<HashMap<ClientContactId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                client_contact::table
                    .filter(client_contact::tenant_id.eq(tx.tenant()?))
                    .filter(client_contact::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of contacts.
    ClientContactConnection, ClientContactEdge, ClientContact
);

/// A new contact.
#[derive(InputObject, Clone, Debug)]
pub struct ClientContactCreateInput {
    /// His name, 1 to 200 characters.
    pub name: String,
    /// What he is there, at most 200 characters.
    pub function: Option<String>,
    /// His mail address; no other contact of the client has it. A contact has an address, a telephone number, or both.
    pub email: Option<String>,
    /// His telephone number: digits, blanks and `()/.-`, with `+` before if it is international; 3 to 40 of them.
    pub phone: Option<String>,
    /// The language in which he is spoken to, e.g. `de` or `de-AT`.
    pub language: Option<String>,
    /// What he is the one for; for nothing in particular if not said.
    pub topics: Option<Vec<ContactTopic>>,
}

/// What changes about a contact: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct ClientContactUpdateInput {
    /// The contact.
    pub id: ClientContactId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// New name, 1 to 200 characters.
    pub name: Option<String>,
    /// What he is there now, at most 200 characters.
    pub function: Option<String>,
    /// New mail address.
    pub email: MaybeUndefined<String>,
    /// New telephone number.
    pub phone: MaybeUndefined<String>,
    /// New language.
    pub language: MaybeUndefined<String>,
    /// What he is the one for now, all of it.
    pub topics: Option<Vec<ContactTopic>>,
}

/// A contact that is taken off the list.
#[derive(InputObject, Clone, Debug)]
pub struct ClientContactDeleteInput {
    /// The contact.
    pub id: ClientContactId,
}

crate::platform::payload! {
    /// What became of a contact.
    ClientContactPayload {
        /// The contact as it is now, or was before it was deleted.
        client_contact: ClientContact
    }
}

/// What a contact says, checked.
struct Said {
    name: String,
    function: String,
    email: Option<String>,
    phone: Option<String>,
    language: Option<String>,
    topics: Vec<String>,
}

fn invalid(field: &str, message: &str) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once('-').map_or((text, None), |(language, region)| (language, Some(region)));
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && region.is_none_or(|region| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()))
}

fn is_phone(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    (3..=40).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_digit() || b" ()/.-".contains(&byte))
        && rest.bytes().filter(u8::is_ascii_digit).count() >= 3
}

impl Said {
    fn checked(mut self) -> Result<Self> {
        sized("name", &self.name, 1..=200)?;
        sized("function", &self.function, 0..=200)?;
        self.email = self.email.map(|email| mailable("email", &email)).transpose()?;
        if self.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
            return Err(invalid("phone", "A telephone number has 3 to 40 digits, blanks and `()/.-`."));
        }
        if self.language.as_deref().is_some_and(|language| !is_language(language)) {
            return Err(invalid("language", "A language is written as `de` or `de-AT`."));
        }
        if self.email.is_none() && self.phone.is_none() {
            let message = "A contact is reached somehow: give a mail address or a telephone number.";
            return Err(Error::refuse(UserErrorCode::Required, "email", message));
        }
        self.topics.sort_unstable();
        self.topics.dedup();
        Ok(self)
    }
}

fn words(topics: Vec<ContactTopic>) -> Vec<String> {
    topics.into_iter().map(|topic| topic.text().to_owned()).collect()
}

async fn create(tx: &Tx, input: ClientContactCreateInput) -> Result<ClientContact> {
    let said = Said {
        name: input.name,
        function: input.function.unwrap_or_default(),
        email: input.email,
        phone: input.phone,
        language: input.language,
        topics: words(input.topics.unwrap_or_default()),
    };
    let said = said.checked()?;
    let known: i64 = tx.row(client_contact::table.filter(client_contact::tenant_id.eq(tx.tenant()?)).count()).await?;
    if known >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A client has at most {MOST} contacts.")));
    }
    tx.row(
        diesel::insert_into(client_contact::table)
            .values((
                client_contact::tenant_id.eq(tx.tenant()?),
                client_contact::id.eq(ClientContactId::new()),
                client_contact::name.eq(said.name),
                client_contact::function.eq(said.function),
                client_contact::email.eq(said.email),
                client_contact::phone.eq(said.phone),
                client_contact::language.eq(said.language),
                client_contact::topics.eq(said.topics),
            ))
            .returning(ClientContact::as_returning()),
    )
    .await
    .inspect(|made: &ClientContact| emit(tx, EventKind::ClientContactCreated, made.id.0))
}

async fn locked(tx: &Tx, id: ClientContactId) -> Result<ClientContact> {
    let found = client_contact::table
        .filter(client_contact::tenant_id.eq(tx.tenant()?))
        .filter(client_contact::id.eq(id))
        .select(ClientContact::as_select())
        .for_update();
    tx.maybe(found).await?.ok_or_else(|| Error::not_found("id", "contact"))
}

fn changed(new: MaybeUndefined<String>, old: Option<String>) -> Option<String> {
    match new {
        MaybeUndefined::Undefined => old,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(value) => Some(value),
    }
}

async fn update(tx: &Tx, input: ClientContactUpdateInput) -> Result<ClientContact> {
    let found = locked(tx, input.id).await?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The contact was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    let said = Said {
        name: input.name.unwrap_or(found.name),
        function: input.function.unwrap_or(found.function),
        email: changed(input.email, found.email),
        phone: changed(input.phone, found.phone),
        language: changed(input.language, found.language),
        topics: input.topics.map_or(found.topics, words),
    };
    let said = said.checked()?;
    tx.row(
        diesel::update(client_contact::table)
            .filter(client_contact::tenant_id.eq(tx.tenant()?))
            .filter(client_contact::id.eq(found.id))
            .set((
                client_contact::name.eq(said.name),
                client_contact::function.eq(said.function),
                client_contact::email.eq(said.email),
                client_contact::phone.eq(said.phone),
                client_contact::language.eq(said.language),
                client_contact::topics.eq(said.topics),
            ))
            .returning(ClientContact::as_returning()),
    )
    .await
    .inspect(|now: &ClientContact| emit(tx, EventKind::ClientContactUpdated, now.id.0))
}

async fn delete(tx: &Tx, id: ClientContactId) -> Result<ClientContact> {
    let found = locked(tx, id).await?;
    tx.exec(
        diesel::delete(client_contact::table)
            .filter(client_contact::tenant_id.eq(tx.tenant()?))
            .filter(client_contact::id.eq(id)),
    )
    .await?;
    emit(tx, EventKind::ClientContactDeleted, id.0);
    Ok(found)
}

/// Queries about contacts.
#[derive(Default)]
pub struct ClientContactQuery;

#[Object]
impl ClientContactQuery {
    /// One contact of the client; null if the id is unknown. Right: `practice.contact.read`.
    async fn client_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact's id.")] id: ClientContactId,
    ) -> async_graphql::Result<Option<ClientContact>> {
        Ok(ctx.load::<ClientContact>(id).await?)
    }

    /// The contacts of the client, by name. Right: `practice.contact.read`.
    async fn client_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those for this topic.")] topic: Option<ContactTopic>,
    ) -> async_graphql::Result<ClientContactConnection> {
        use diesel::PgArrayExpressionMethods;
        let tx = ctx.tx(Can::ContactRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let query = client_contact::table.filter(client_contact::tenant_id.eq(tx.tenant()?)).into_boxed();
            Ok(match topic {
                Some(topic) => query.filter(client_contact::topics.contains(vec![topic.text()])),
                None => query,
            })
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((name, id)) = &slice.after {
            page = page.filter(
                client_contact::name
                    .gt(name.clone())
                    .or(client_contact::name.eq(name.clone()).and(client_contact::id.gt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((client_contact::name, client_contact::id))
                    .limit(slice.limit())
                    .select(ClientContact::as_select()),
            )
            .await?;
        Ok(ClientContactConnection::new(ctx, &slice, rows, |row| encode(&row.name, row.id.0), total))
    }
}

/// Changes of contacts.
#[derive(Default)]
pub struct ClientContactMutation;

#[Object]
impl ClientContactMutation {
    /// Puts somebody on the list of contacts. Right: `practice.contact.manage`.
    async fn client_contact_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new contact.")] input: ClientContactCreateInput,
    ) -> async_graphql::Result<Option<ClientContactPayload>> {
        ClientContactPayload::settle(ctx, create(ctx.tx(Can::ContactManage).await?, input).await)
    }

    /// Changes a contact: what is omitted stays, null clears. Right: `practice.contact.manage`.
    async fn client_contact_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: ClientContactUpdateInput,
    ) -> async_graphql::Result<Option<ClientContactPayload>> {
        ClientContactPayload::settle(ctx, update(ctx.tx(Can::ContactManage).await?, input).await)
    }

    /// Takes a contact off the list. Right: `practice.contact.manage`.
    async fn client_contact_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: ClientContactDeleteInput,
    ) -> async_graphql::Result<Option<ClientContactPayload>> {
        ClientContactPayload::settle(ctx, delete(ctx.tx(Can::ContactManage).await?, input.id).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_language_are_told_from_other_texts() {
        assert!(["+49 30 123-456", "030/123", "110"].iter().all(|text| is_phone(text)));
        assert!(!["", "+", "..", "call me", "1+2345", &"1".repeat(41)].iter().any(|text| is_phone(text)));
        assert!(["de", "gsw", "de-AT"].iter().all(|text| is_language(text)));
        assert!(!["", "d", "DE", "de-at", "de-", "german"].iter().any(|text| is_language(text)));
    }
}
