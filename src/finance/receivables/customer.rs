//! Those who buy from the client. A customer's data at the time of a document stands on the document.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;

use crate::finance::ids::CustomerId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::{FlagFilter, TextFilter};
use crate::platform::ids::new_uuid;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CountryCode, CurrencyCode, DateTime, Iban};
use crate::platform::scope::Ask;
use crate::schema::finance::customer;

/// A company or person that the client sells to.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = customer)]
pub struct Customer {
    /// Global id.
    pub id: CustomerId,
    /// The client's own number for the customer, unique.
    pub number: String,
    /// Name as it stands on documents.
    pub name: String,
    /// Address for invoices and reminders.
    pub email: Option<String>,
    /// VAT identification number.
    pub vat_number: Option<String>,
    /// Street and house number.
    pub street: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Country.
    pub country: CountryCode,
    /// Currency of new invoices.
    pub currency: CurrencyCode,
    /// Days from issue to due date.
    pub payment_terms_days: i32,
    /// Account that payments come from; finds the customer when bank lines are matched.
    pub iban: Option<Iban>,
    /// Whether new invoices may be written.
    pub active: bool,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

crate::connection!(
    /// A page of customers.
    CustomerConnection, CustomerEdge, Customer
);

impl Fetch for Customer {
    type Key = CustomerId;
    type Value = Self;
    const CAN: Can = Can::CustomerRead;

    async fn fetch(tx: &Tx, keys: Vec<CustomerId>) -> Result<HashMap<CustomerId, Self>> {
        let rows: Vec<Self> = tx
            .rows(customer::table.filter(customer::tenant_id.eq(tx.tenant()?)).filter(customer::id.eq_any(keys)).select(Self::as_select()))
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::filter! {
    /// Narrows a list of customers.
    CustomerFilter over customer {
        /// By number.
        number: TextFilter => text(customer::number),
        /// By name.
        name: TextFilter => text(customer::name),
        /// Active or not.
        active: FlagFilter => flag(customer::active),
    }
}

/// A new customer.
#[derive(InputObject, Clone, Debug)]
pub struct CustomerCreateInput {
    /// The client's own number, 1 to 30 characters, unique.
    pub number: String,
    /// Name as it stands on documents, 1 to 200 characters.
    pub name: String,
    /// Address for invoices and reminders.
    pub email: Option<String>,
    /// VAT identification number.
    pub vat_number: Option<String>,
    /// Street and house number.
    pub street: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Country.
    pub country: CountryCode,
    /// Currency of new invoices; the client's book currency if not said.
    pub currency: Option<CurrencyCode>,
    /// Days from issue to due date, 0 to 365; 30 if not said.
    pub payment_terms_days: Option<i32>,
    /// Account that payments come from.
    pub iban: Option<Iban>,
}

/// Changes of a customer: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct CustomerUpdateInput {
    /// The customer.
    pub id: CustomerId,
    /// The version that was read; refused with `CONFLICT` if the customer was changed since.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// New address for invoices and reminders.
    pub email: MaybeUndefined<String>,
    /// New VAT identification number.
    pub vat_number: MaybeUndefined<String>,
    /// New street and house number.
    pub street: MaybeUndefined<String>,
    /// New postal code.
    pub postal_code: MaybeUndefined<String>,
    /// New city.
    pub city: MaybeUndefined<String>,
    /// New payment terms in days, 0 to 365.
    pub payment_terms_days: Option<i32>,
    /// New account that payments come from.
    pub iban: MaybeUndefined<Iban>,
    /// Whether new invoices may be written.
    pub active: Option<bool>,
}

#[derive(AsChangeset)]
#[diesel(table_name = customer)]
struct CustomerChanges {
    name: Option<String>,
    email: Option<Option<String>>,
    vat_number: Option<Option<String>>,
    street: Option<Option<String>>,
    postal_code: Option<Option<String>>,
    city: Option<Option<String>>,
    payment_terms_days: Option<i32>,
    iban: Option<Option<Iban>>,
    active: Option<bool>,
}

crate::payload! {
    /// What became of a customer.
    CustomerPayload {
        /// The customer as it is now.
        customer: Customer
    }
}

/// The customer, or nothing.
pub async fn find(tx: &Tx, id: CustomerId) -> Result<Option<Customer>> {
    tx.maybe(customer::table.filter(customer::tenant_id.eq(tx.tenant()?)).filter(customer::id.eq(id)).select(Customer::as_select()))
        .await
}

async fn create(tx: &Tx, input: CustomerCreateInput) -> Result<Customer> {
    let currency = input.currency.unwrap_or_else(|| CurrencyCode(tx.book_currency().to_owned()));
    tx.row(
        diesel::insert_into(customer::table)
            .values((
                customer::tenant_id.eq(tx.tenant()?),
                customer::id.eq(new_uuid()),
                customer::number.eq(input.number),
                customer::name.eq(input.name),
                customer::email.eq(input.email),
                customer::vat_number.eq(input.vat_number),
                customer::street.eq(input.street),
                customer::postal_code.eq(input.postal_code),
                customer::city.eq(input.city),
                customer::country.eq(input.country),
                customer::currency.eq(currency),
                customer::payment_terms_days.eq(input.payment_terms_days.unwrap_or(30)),
                customer::iban.eq(input.iban),
            ))
            .returning(Customer::as_returning()),
    )
    .await
}

async fn update(tx: &Tx, input: CustomerUpdateInput) -> Result<Customer> {
    let found: Option<Customer> = tx
        .maybe(
            customer::table
                .filter(customer::tenant_id.eq(tx.tenant()?))
                .filter(customer::id.eq(input.id))
                .select(Customer::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "customer"))?;
    if input.expected_version.is_some_and(|version| version != found.version) {
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", "The customer was changed by somebody else."));
    }
    let changes = CustomerChanges {
        name: input.name,
        email: input.email.into(),
        vat_number: input.vat_number.into(),
        street: input.street.into(),
        postal_code: input.postal_code.into(),
        city: input.city.into(),
        payment_terms_days: input.payment_terms_days,
        iban: input.iban.into(),
        active: input.active,
    };
    tx.row(
        diesel::update(customer::table)
            .filter(customer::tenant_id.eq(tx.tenant()?))
            .filter(customer::id.eq(input.id))
            // Setting a column to itself keeps an empty change a statement, which counts a version and says so.
            .set((changes, customer::number.eq(customer::number)))
            .returning(Customer::as_returning()),
    )
    .await
}

/// Queries about customers.
#[derive(Default)]
pub struct CustomerQuery;

#[Object]
impl CustomerQuery {
    /// One customer; null if the id is unknown. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>, #[graphql(desc = "The customer's id.")] id: CustomerId) -> async_graphql::Result<Option<Customer>> {
        Ok(find(ctx.tx(Can::CustomerRead).await?, id).await?)
    }

    /// The client's customers, newest first. Right: `finance.customer.read`.
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only customers that match.")] filter: Option<CustomerFilter>,
    ) -> async_graphql::Result<CustomerConnection> {
        let tx = ctx.tx(Can::CustomerRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<CustomerFilter>| -> Result<_> {
            let mut query = customer::table.filter(customer::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(customer::id.lt(*id));
        }
        let rows = tx.rows(page.order(customer::id.desc()).limit(slice.limit()).select(Customer::as_select())).await?;
        Ok(CustomerConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of customers.
#[derive(Default)]
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Creates a customer. Right: `finance.customer.manage`.
    async fn customer_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new customer.")] input: CustomerCreateInput,
    ) -> async_graphql::Result<Option<CustomerPayload>> {
        let tx = ctx.tx(Can::CustomerManage).await?;
        CustomerPayload::settle(ctx, create(tx, input).await)
    }

    /// Changes a customer: what is omitted stays, null clears. Right: `finance.customer.manage`.
    async fn customer_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: CustomerUpdateInput,
    ) -> async_graphql::Result<Option<CustomerPayload>> {
        let tx = ctx.tx(Can::CustomerManage).await?;
        CustomerPayload::settle(ctx, update(tx, input).await)
    }
}
