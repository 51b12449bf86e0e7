//! Global ids of calendars and clocks.

crate::platform::ids! {
    /// Names a business calendar.
    BusinessCalendarId = "bcal";
    /// Names an exception of a business calendar.
    CalendarExceptionId = "cex";
    /// Names a clock.
    ClockId = "clk";
}
