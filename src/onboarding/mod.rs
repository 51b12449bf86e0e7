//! Taking on a client: its master data, the roles it starts with and its books, all in one transaction. A client is
//! there with everything it needs, or not at all.

use std::str::FromStr;

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use backoffice_formats::charts::{IFRS_SMALL, US_GAAP_SMALL};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;

use crate::clocks;
use crate::identity::default_roles;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CountryCode, CurrencyCode, TimeZone};
use crate::platform::scope::{Ask, settle};
use crate::platform::sql::sql;
use crate::practice::client::{self, Client};
use crate::practice::ids::OnboardingTemplateId;
use crate::practice::schema::client as client_table;
use crate::practice::status::ClientStatus;

mod books;
pub mod template;
pub mod update;

use template::make::{self, OnboardedKind, OnboardedRecord};

/// The chart of accounts that a client starts with.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartTemplate {
    /// A small company under IFRS.
    IfrsSmall,
    /// A small company under US GAAP.
    UsGaapSmall,
    /// No accounts: the chart is imported.
    None,
}

impl ChartTemplate {
    /// The chart as a file, which is read by the same code as an import.
    fn csv(self) -> Option<&'static str> {
        match self {
            Self::IfrsSmall => Some(IFRS_SMALL),
            Self::UsGaapSmall => Some(US_GAAP_SMALL),
            Self::None => None,
        }
    }
}

/// A new client.
#[derive(InputObject, Clone, Debug)]
pub struct ClientOnboardInput {
    /// Name, 1 to 200 characters.
    pub name: String,
    /// Country.
    pub country: CountryCode,
    /// Currency of the books; never changes.
    pub currency: CurrencyCode,
    /// Time zone in which the client's days begin and end.
    pub time_zone: TimeZone,
    /// The month that a fiscal year starts with, 1 to 12.
    pub fiscal_year_start_month: i32,
    /// The calendar year in which the first fiscal year of the books starts, 1990 to 2100.
    pub first_fiscal_year: i32,
    /// VAT identification number, at most 32 characters.
    pub vat_number: Option<String>,
    /// The chart of accounts to start with.
    pub template: ChartTemplate,
    /// Whose holidays its first calendar has: the code of a region of its country (`holidayRegions`), e.g. `DE-BY`; if not
    /// said, the country's, as far as they are known.
    pub holiday_region: Option<String>,
    /// Where it stands with the provider: a prospect, being taken on, or active, which it is if not said.
    pub status: Option<ClientStatus>,
    /// Whether the staff changes nothing of what services cover unless a live engagement covers it; as the onboarding template
    /// says, or else not, if not said.
    pub engagement_required: Option<bool>,
    /// The onboarding template of the provider by which it is taken on: what that says is made as well, all of it or nothing.
    pub onboarding_template: Option<OnboardingTemplateId>,
}

/// What became of a client.
#[derive(SimpleObject)]
pub struct ClientPayload {
    /// The client as it is now.
    pub client: Option<Client>,
    /// What was made of the onboarding template, in the order in which it was made; empty without one.
    pub made: Vec<OnboardedRecord>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

impl ClientPayload {
    /// From a command's result.
    pub fn settle(ctx: &Context<'_>, result: Result<Client>) -> async_graphql::Result<Option<Self>> {
        Self::settle_made(ctx, result.map(|client| (client, Vec::new())))
    }

    fn settle_made(
        ctx: &Context<'_>,
        result: Result<(Client, Vec<OnboardedRecord>)>,
    ) -> async_graphql::Result<Option<Self>> {
        let (value, user_errors) = settle(ctx, result)?;
        let (client, made) = value.unzip();
        Ok(Some(Self { client, made: made.unwrap_or_default(), user_errors }))
    }
}

fn refuse<T>(field: &str, message: &str) -> Result<T> {
    Err(Error::refuse(UserErrorCode::Invalid, field, message))
}

/// Refuses a name or a VAT number that cannot be one.
fn check_texts(name: Option<&str>, vat_number: Option<&str>) -> Result<()> {
    if name.is_some_and(|name| name.trim().is_empty() || name.chars().count() > 200) {
        return refuse("name", "A name has 1 to 200 characters.");
    }
    if vat_number.is_some_and(|number| number.chars().count() > 32) {
        return refuse("vatNumber", "A VAT number has at most 32 characters.");
    }
    Ok(())
}

/// The month that a fiscal year starts with.
fn check_month(month: i32) -> Result<i16> {
    match i16::try_from(month) {
        Ok(month @ 1..=12) => Ok(month),
        _ => refuse("fiscalYearStartMonth", "A month is between 1 and 12."),
    }
}

fn check(input: &ClientOnboardInput) -> Result<i16> {
    check_texts(Some(&input.name), input.vat_number.as_deref())?;
    if !(1990..=2100).contains(&input.first_fiscal_year) {
        return refuse("firstFiscalYear", "The first fiscal year starts between 1990 and 2100.");
    }
    check_month(input.fiscal_year_start_month)
}

/// Founds the client that this transaction was opened for.
pub async fn found(tx: &Tx, input: ClientOnboardInput) -> Result<(Client, Vec<OnboardedRecord>)> {
    let month = check(&input)?;
    let template = match input.onboarding_template {
        Some(id) => Some(template::of_founding(tx, id).await?.1),
        None => None,
    };
    let content = template.unwrap_or_default();
    let status = input.status.unwrap_or(ClientStatus::Active);
    if [ClientStatus::Suspended, ClientStatus::Ended].contains(&status) {
        return refuse("status", "A client is taken on as a prospect, to be taken on, or as active.");
    }
    let tenant = tx.tenant()?;
    tx.exec(sql("INSERT INTO core.tenant (id) VALUES ($1)").bind::<SqlUuid, _>(tenant)).await?;
    tx.exec(diesel::insert_into(client_table::table).values((
        client_table::tenant_id.eq(tenant),
        client_table::id.eq(tenant),
        client_table::name.eq(input.name),
        client_table::country.eq(&input.country),
        client_table::currency.eq(&input.currency),
        client_table::time_zone.eq(&input.time_zone),
        client_table::fiscal_year_start_month.eq(month),
        client_table::vat_number.eq(input.vat_number),
        client_table::status.eq(status),
        client_table::engagement_required.eq(input.engagement_required.unwrap_or(content.engagement_required)),
    )))
    .await?;
    let zone = Tz::from_str(&input.time_zone.0).map_err(Error::fault)?;
    tx.has_founded(zone, &input.currency.0);
    default_roles::found(tx).await?;
    let (region, follows) = (input.holiday_region.as_deref(), content.calendar);
    let calendar = clocks::calendar::found(tx, &input.country, &input.time_zone, region, follows).await?;
    books::found(tx, &input.currency, month, input.first_fiscal_year, input.template.csv()).await?;
    let standard = follows.map(|_| OnboardedRecord::new(OnboardedKind::BusinessCalendar, calendar, "Standard"));
    let mut made: Vec<OnboardedRecord> = standard.into_iter().collect();
    made.extend(make::make(tx, content).await.map_err(|error| error.below("onboardingTemplate"))?);
    emit(tx, EventKind::ClientOnboarded, tenant);
    Ok((client::current(tx).await?, made))
}

/// Taking on clients.
#[derive(Default)]
pub struct OnboardMutation;

#[Object]
impl OnboardMutation {
    /// Takes on a client: with the roles Accountant, Bookkeeper, Client administrator, Auditor and Portal, a business
    /// calendar, a general ledger, its first fiscal year and a chart of accounts, and with what its onboarding template says.
    /// Needs a token without client; an operation of its own. Right: `practice.client.onboard`.
    async fn client_onboard(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new client.")] input: ClientOnboardInput,
    ) -> async_graphql::Result<Option<ClientPayload>> {
        let tx = ctx.onboarding(Can::ClientOnboard, new_uuid()).await?;
        ClientPayload::settle_made(ctx, found(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> ClientOnboardInput {
        ClientOnboardInput {
            name: "Nordwind".into(),
            country: CountryCode("DE".into()),
            currency: CurrencyCode("EUR".into()),
            time_zone: TimeZone("Europe/Berlin".into()),
            fiscal_year_start_month: 1,
            first_fiscal_year: 2026,
            vat_number: None,
            template: ChartTemplate::IfrsSmall,
            holiday_region: None,
            status: None,
            engagement_required: None,
            onboarding_template: None,
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_at_its_field() {
        assert_eq!(check(&input()).unwrap(), 1);
        let wrong = [
            (ClientOnboardInput { name: " ".into(), ..input() }, "name"),
            (ClientOnboardInput { fiscal_year_start_month: 13, ..input() }, "fiscalYearStartMonth"),
            (ClientOnboardInput { fiscal_year_start_month: 65_537, ..input() }, "fiscalYearStartMonth"),
            (ClientOnboardInput { first_fiscal_year: 0, ..input() }, "firstFiscalYear"),
            (ClientOnboardInput { vat_number: Some("x".repeat(33)), ..input() }, "vatNumber"),
        ];
        for (input, field) in wrong {
            let Err(Error::Refused(reasons)) = check(&input) else { panic!("{field} was accepted") };
            assert_eq!(reasons[0].field, ["input", field]);
        }
    }
}
