//! The records of this department that are found by their own id.

use super::appointment::Appointment;
use super::calendar::AppointmentCalendar;
use super::client::ClientAppointment;
use super::feed::AppointmentFeed;
use super::ids::{
    AppointmentCalendarId, AppointmentFeedId, AppointmentId, AppointmentOccurrenceId, ClientAppointmentId,
};
use super::occurrence::AppointmentOccurrence;

crate::platform::nodes! {
    Appointment: AppointmentId by Appointment;
    AppointmentCalendar: AppointmentCalendarId by AppointmentCalendar;
    AppointmentOccurrence: AppointmentOccurrenceId by AppointmentOccurrence;
    AppointmentFeed: AppointmentFeedId by AppointmentFeed;
    ClientAppointment: ClientAppointmentId by ClientAppointment;
}
