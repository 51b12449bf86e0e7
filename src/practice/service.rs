//! The services that the provider offers: its own list, by codes that other places name.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scope::Ask;
use crate::schema::service;

/// A service that the provider offers.
#[derive(Queryable, Selectable, QueryableByName, SimpleObject, Clone, Debug)]
#[diesel(table_name = service)]
pub struct Service {
    /// Its code, unique; never changes: `payroll`.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// A new service.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceCreateInput {
    /// Its code: 1 to 30 small letters, digits and underscores, a letter first.
    pub code: String,
    /// Its name, 1 to 100 characters.
    pub name: String,
}

/// A new name of a service.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceUpdateInput {
    /// The code of the service.
    pub code: String,
    /// Its name, 1 to 100 characters.
    pub name: String,
}

crate::platform::payload! {
    /// What became of a service.
    ServicePayload {
        /// The service as it is now.
        service: Service
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 100 characters."));
    }
    Ok(())
}

/// Refuses a code that is not plain.
pub fn check_code(code: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if code.len() > 30 || !code.bytes().all(plain) || !code.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
    {
        let message = "A code has 1 to 30 small letters, digits and underscores, a letter first.";
        return Err(Error::refuse(UserErrorCode::Invalid, "code", message));
    }
    Ok(())
}

async fn create(tx: &Tx, input: ServiceCreateInput) -> Result<Service> {
    check_code(&input.code)?;
    check_name(&input.name)?;
    tx.row(
        diesel::insert_into(service::table)
            .values((service::code.eq(input.code), service::name.eq(input.name)))
            .returning(Service::as_returning()),
    )
    .await
}

async fn rename(tx: &Tx, input: ServiceUpdateInput) -> Result<Service> {
    check_name(&input.name)?;
    let changed: Option<Service> = tx
        .maybe(
            diesel::update(service::table.filter(service::code.eq(input.code)))
                .set(service::name.eq(input.name))
                .returning(Service::as_returning()),
        )
        .await?;
    changed.ok_or_else(|| Error::not_found("code", "service"))
}

/// Queries about services.
#[derive(Default)]
pub struct ServiceQuery;

#[Object]
impl ServiceQuery {
    /// The services that the provider offers, by code. Needs a token without client. Right: `practice.portfolio.read`.
    async fn services(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Service>> {
        let tx = ctx.provider(Can::PortfolioRead).await?;
        Ok(tx.rows(service::table.order(service::code).select(Service::as_select())).await?)
    }
}

/// Changes of services.
#[derive(Default)]
pub struct ServiceMutation;

#[Object]
impl ServiceMutation {
    /// Offers a service. Needs a token without client. Right: `practice.service.manage`.
    async fn service_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new service.")] input: ServiceCreateInput,
    ) -> async_graphql::Result<Option<ServicePayload>> {
        ServicePayload::settle(ctx, create(ctx.provider(Can::ServiceManage).await?, input).await)
    }

    /// Gives a service another name. Needs a token without client. Right: `practice.service.manage`.
    async fn service_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service and its name.")] input: ServiceUpdateInput,
    ) -> async_graphql::Result<Option<ServicePayload>> {
        ServicePayload::settle(ctx, rename(ctx.provider(Can::ServiceManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::check_code;

    #[test]
    fn a_code_is_plain() {
        for good in ["payroll", "a", "vat_2026"] {
            assert!(check_code(good).is_ok(), "{good}");
        }
        for bad in ["", "Payroll", "2nd", "_a", "a-b", "ä", &"a".repeat(31)] {
            assert!(check_code(bad).is_err(), "{bad}");
        }
    }
}
