//! Business calendars, working days, statutory terms and clocks: one service for all departments. The arithmetic is that
//! of the crate `backoffice_calendar`; here are the calendars of clients, those of the provider that they follow, and the
//! clocks that run in them.
//!
//! Other departments use [`calendar::default_of`] and [`calendar::whole`] to compute with a client's calendar, and
//! [`change::start`], [`change::pause`], [`change::resume`] and [`change::stop`] for clocks on their records.

// Paths read alike inside and outside: `crate::clocks::…` wherever it is.
pub extern crate self as clocks;

use backoffice_platform as platform;

use backoffice_calendar::CalendarError;

use crate::platform::error::{Error, UserErrorCode};

pub mod account;
pub mod breach;
pub mod calendar;
pub mod change;
pub mod clock;
pub mod days;
pub mod exception;
pub mod follow;
pub mod hours;
pub mod ids;
pub mod interval;
pub mod law;
pub mod nodes;
pub mod provider;
pub mod schema;
pub mod time;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct ClocksQuery(
    calendar::CalendarQuery,
    provider::ProviderCalendarQuery,
    clock::ClockQuery,
    time::TimeQuery,
    days::DayQuery,
    law::LawQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct ClocksMutation(
    calendar::CalendarMutation,
    provider::ProviderCalendarMutation,
    exception::ExceptionMutation,
    clock::ClockMutation,
);

/// What the arithmetic refuses, at an argument of a query.
fn refused(error: CalendarError) -> Error {
    Error::BadInput(error.to_string())
}

/// What the arithmetic refuses, at an input field of a mutation.
fn refused_at(field: &str) -> impl Fn(CalendarError) -> Error + '_ {
    move |error| Error::refuse(UserErrorCode::Invalid, field, error.to_string())
}
