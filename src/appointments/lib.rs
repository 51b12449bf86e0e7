//! Appointments: calendars of people, rooms, vehicles and equipment, and what is booked in them.
//!
//! When a calendar can be booked is said by a business calendar of `clocks`; what comes again by the crate
//! `backoffice_recurrence`. Occurrences are laid out for a while ahead, each with what it holds of every calendar that it
//! needs; that no two of them hold the same time is an exclusion constraint of the database.

// Paths read alike inside and outside: `crate::appointments::…` wherever it is.
pub extern crate self as appointments;

use backoffice_clocks as clocks;
use backoffice_platform as platform;
use backoffice_work as work;

pub mod ahead;
pub mod appointment;
pub mod attendee;
pub mod book;
pub mod calendar;
pub mod cancel;
pub mod change;
pub mod client;
pub mod feed;
pub mod ids;
pub mod import;
pub mod lay;
pub mod mails;
pub mod moves;
pub mod nodes;
pub mod occurrence;
pub mod schema;
pub mod slots;
pub mod written;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct AppointmentsQuery(
    calendar::AppointmentCalendarQuery,
    appointment::AppointmentQuery,
    occurrence::OccurrenceQuery,
    slots::SlotQuery,
    client::ClientAppointmentQuery,
    feed::FeedQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct AppointmentsMutation(
    calendar::AppointmentCalendarMutation,
    book::BookMutation,
    change::AppointmentChangeMutation,
    moves::AppointmentMoveMutation,
    cancel::CancelMutation,
    attendee::AttendeeMutation,
    feed::FeedMutation,
    import::ImportMutation,
);
