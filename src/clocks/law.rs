//! What laws say of days: holidays of a region, and when statutory terms end.

use async_graphql::{Context, Enum, Object, SimpleObject};
use backoffice_calendar::{Region, TermRule as Rule, TermUnit as Unit};
use diesel::prelude::*;

use super::refused;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::schema::business_calendar;

/// A law by which a term is counted.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermRule {
    /// German Civil Code (BGB) §§ 187 to 193, from an event in the course of a day, which is not counted.
    DeBgb,
    /// The same from the beginning of a day, which is the first that counts (§ 187 (2)).
    DeBgbDay,
    /// Regulation (EEC, Euratom) No 1182/71 of the European Union; needs a region.
    #[graphql(name = "EU_1182_71")]
    Eu1182,
    /// Austrian Civil Code (ABGB) §§ 902 and 903.
    AtAbgb,
    /// French Code of Civil Procedure, articles 641 and 642; days, months and years.
    FrCpc,
    /// Federal Rules of Civil Procedure of the United States, rule 6(a); days.
    UsFrcp,
}

impl TermRule {
    fn code(self) -> &'static str {
        match self {
            Self::DeBgb => "DE_BGB",
            Self::DeBgbDay => "DE_BGB_DAY",
            Self::Eu1182 => "EU_1182_71",
            Self::AtAbgb => "AT_ABGB",
            Self::FrCpc => "FR_CPC",
            Self::UsFrcp => "US_FRCP",
        }
    }
}

/// The unit that a term is said in.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermUnit {
    /// Days of the calendar.
    Days,
    /// Weeks of seven days.
    Weeks,
    /// Months of the calendar.
    Months,
    /// Years of twelve months.
    Years,
}

/// A step of the way to the end of a term.
#[derive(SimpleObject, Clone, Debug)]
pub struct TermStep {
    /// The paragraph that says so.
    pub paragraph: String,
    /// What it says of this term.
    pub text: String,
    /// The day that it leads to.
    pub date: Date,
}

/// When a statutory term ends.
#[derive(SimpleObject, Clone, Debug)]
pub struct TermEnd {
    /// The first day that counts.
    pub first_day: Date,
    /// The last day by the calendar alone, before it moves.
    pub nominal_end: Date,
    /// The day with whose end the term ends.
    pub ends_on: Date,
    /// Whose holidays were looked at.
    pub holiday_region: String,
    /// The law, with its date.
    pub source: String,
    /// How it came about, each step with its paragraph.
    pub explanation: Vec<TermStep>,
}

/// A holiday of a region.
#[derive(SimpleObject, Clone, Debug)]
pub struct Holiday {
    /// The day.
    pub date: Date,
    /// Its name in the region.
    pub name: String,
    /// The law that makes it one, with its date.
    pub source: String,
}

/// The region of that code.
fn region(code: &str) -> Result<&'static Region> {
    Region::find(code).ok_or_else(|| {
        Error::BadInput("The holidays of this region are not known; `holidayRegions` lists those that are.".to_owned())
    })
}

/// Whose holidays a rule means where none are named: those of the default calendar, as far as they are of its law.
async fn own_region(tx: &Tx, rule: &Rule) -> Result<&'static Region> {
    let own: Option<Option<String>> = tx
        .maybe(
            business_calendar::table
                .filter(business_calendar::tenant_id.eq(tx.tenant()?))
                .filter(business_calendar::is_default)
                .select(business_calendar::region),
        )
        .await?;
    let own = own.flatten().as_deref().and_then(Region::find);
    match (own, rule.region) {
        (Some(own), Some(law)) if own.code() == law || own.code().starts_with(&format!("{law}-")) => Ok(own),
        (Some(own), None) => Ok(own),
        (_, Some(law)) => region(law),
        (None, None) => Err(Error::BadInput(
            "Say whose holidays are meant (`region`): neither the rule nor the client's default calendar does."
                .to_owned(),
        )),
    }
}

/// Queries about what laws say of days.
#[derive(Default)]
pub struct LawQuery;

#[Object]
impl LawQuery {
    /// The end of a statutory term, each step with its paragraph. Right: `core.calendar.read`.
    async fn term_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The law.")] rule: TermRule,
        #[graphql(desc = "The day of the event, or with which the term begins.")] from: Date,
        #[graphql(desc = "How long the term is, in units.")] length: i32,
        #[graphql(desc = "The unit; not every law knows each.")] unit: TermUnit,
        #[graphql(
            desc = "Whose holidays are meant, see `holidayRegions`; if not said, the region of the client's default calendar, as far as it is one of the law's country, else that country."
        )]
        region: Option<String>,
    ) -> async_graphql::Result<TermEnd> {
        let tx = ctx.tx(Can::CalendarRead).await?;
        let law = Rule::find(rule.code()).ok_or_else(|| Error::fault("a rule of terms is not there"))?;
        let region = match &region {
            Some(code) => self::region(code)?,
            None => own_region(tx, law).await?,
        };
        let unit = match unit {
            TermUnit::Days => Unit::Days,
            TermUnit::Weeks => Unit::Weeks,
            TermUnit::Months => Unit::Months,
            TermUnit::Years => Unit::Years,
        };
        let length = u32::try_from(length).unwrap_or_default();
        let end = law.end(from.0, length, unit, region).map_err(refused)?;
        Ok(TermEnd {
            first_day: Date(end.first_day),
            nominal_end: Date(end.nominal),
            ends_on: Date(end.ends_on),
            holiday_region: region.code().to_owned(),
            source: law.source.to_owned(),
            explanation: end
                .steps
                .into_iter()
                .map(|step| TermStep { paragraph: step.paragraph.to_owned(), text: step.text, date: Date(step.date) })
                .collect(),
        })
    }

    /// The holidays of a region in a year, each with its law. Right: `core.calendar.read`.
    async fn holidays(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The region, e.g. `DE-BY`, see `holidayRegions`.")] region: String,
        #[graphql(desc = "The year, 1970 to 2099.")] year: i32,
    ) -> async_graphql::Result<Vec<Holiday>> {
        ctx.tx(Can::CalendarRead).await?;
        if !(1970..=2099).contains(&year) {
            return Err(Error::BadInput("Calendars reach from 1970 to 2099.".to_owned()).into());
        }
        let holidays = self::region(&region)?.year(year).into_iter();
        Ok(holidays
            .map(|holiday| Holiday {
                date: Date(holiday.date),
                name: holiday.name.to_string(),
                source: holiday.source.to_owned(),
            })
            .collect())
    }

    /// The regions whose holidays are known: countries (ISO 3166-1) and parts of them (ISO 3166-2; some with a part of our
    /// own behind). A part has the holidays of what its code begins with as well. Right: `core.calendar.read`.
    async fn holiday_regions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<String>> {
        ctx.tx(Can::CalendarRead).await?;
        Ok(Region::all().iter().map(|region| region.code().to_owned()).collect())
    }
}
