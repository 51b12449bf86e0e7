//! The ids of appointments.

crate::platform::ids! {
    /// Names a calendar for appointments.
    AppointmentCalendarId = "acal";
    /// Names an appointment, or a series of them.
    AppointmentId = "apt";
    /// Names one time of an appointment.
    AppointmentOccurrenceId = "apo";
    /// Names a feed of a calendar.
    AppointmentFeedId = "afd";
    /// Names an appointment as the client's people see it.
    ClientAppointmentId = "capt";
}
