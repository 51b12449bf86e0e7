//! The services that the provider offers: its own list, by codes that other places name.

use std::collections::BTreeSet;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scope::Ask;
use crate::schema::service;

/// Departments that no service covers: who comes in and how the client stands is done with or without an engagement.
const NEVER_WITHHELD: &[&str] = &["practice", "identity", "core", "audit"];

/// A service that the provider offers.
#[derive(Queryable, Selectable, QueryableByName, SimpleObject, Clone, Debug)]
#[diesel(table_name = service)]
pub struct Service {
    /// Its code, unique; never changes: `payroll`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What is worked in for it: departments, as rights begin with them (`finance`), and concepts of departments
    /// (`finance.invoice`). What services cover is done by the provider for clients that require engagements
    /// (`Client.engagementRequired`) inside a live engagement of such a service only.
    pub covers: Vec<String>,
}

/// A new service.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceCreateInput {
    /// Its code: 1 to 30 small letters, digits and underscores, a letter first.
    pub code: String,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What is worked in for it, at most 50: departments (`finance`, `office`, `work`) and concepts of departments
    /// (`finance.invoice`), as rights begin with them. Nothing if not said.
    pub covers: Option<Vec<String>>,
}

/// Changes of a service.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceUpdateInput {
    /// The code of the service.
    pub code: String,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// All that is worked in for it from now on; as it was if not said.
    pub covers: Option<Vec<String>>,
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

/// What is worked in for a service, in one order and each once; refuses what is no area of rights in a client.
fn areas(named: Vec<String>) -> Result<Vec<String>> {
    if named.len() > 50 {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "covers",
            "A service covers at most 50 departments and concepts.",
        ));
    }
    for (at, area) in named.iter().enumerate() {
        let department = area.split('.').next().unwrap_or_default();
        if NEVER_WITHHELD.contains(&department) {
            let message = format!("`{department}` is not done for a client: it is never withheld.");
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("covers.{at}"), message));
        }
        let begins = |can: &Can| can.name().strip_prefix(area.as_str()).is_some_and(|rest| rest.starts_with('.'));
        if !Can::ALL.iter().any(begins) {
            let message = "No right begins so: name a department (`finance`) or a concept of one (`finance.invoice`).";
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("covers.{at}"), message));
        }
    }
    Ok(named.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

async fn create(tx: &Tx, input: ServiceCreateInput) -> Result<Service> {
    check_code(&input.code)?;
    check_name(&input.name)?;
    let covers = areas(input.covers.unwrap_or_default())?;
    tx.row(
        diesel::insert_into(service::table)
            .values((service::code.eq(input.code), service::name.eq(input.name), service::covers.eq(covers)))
            .returning(Service::as_returning()),
    )
    .await
}

async fn update(tx: &Tx, input: ServiceUpdateInput) -> Result<Service> {
    check_name(&input.name)?;
    let covers = input.covers.map(areas).transpose()?;
    let changed: Option<Service> = tx
        .maybe(
            diesel::update(service::table.filter(service::code.eq(input.code)))
                .set((service::name.eq(input.name), covers.map(|covers| service::covers.eq(covers))))
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

    /// Gives a service another name, and says what it covers. From that moment on other rights are withheld and left in the
    /// clients that require engagements. Needs a token without client. Right: `practice.service.manage`.
    async fn service_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The service, its name and what it covers.")] input: ServiceUpdateInput,
    ) -> async_graphql::Result<Option<ServicePayload>> {
        ServicePayload::settle(ctx, update(ctx.provider(Can::ServiceManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::{areas, check_code};

    #[test]
    fn a_service_covers_what_rights_begin_with() {
        let covers = |named: &[&str]| areas(named.iter().map(|&area| area.to_owned()).collect());
        assert_eq!(covers(&["office.register", "finance", "finance"]).unwrap(), ["finance", "office.register"]);
        for bad in
            ["", "fin", "finance.", "finance.invoice.issue", "Finance", "identity", "core.file", "practice.engagement"]
        {
            assert!(covers(&[bad]).is_err(), "{bad}");
        }
    }

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
