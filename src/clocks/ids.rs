//! Global ids of calendars and clocks.

crate::platform::ids! {
    /// Names a business calendar.
    BusinessCalendarId = "bcal";
    /// Names a business calendar of the provider.
    ProviderCalendarId = "pcal";
    /// Names an exception of a business calendar.
    CalendarExceptionId = "cex";
    /// Names a clock.
    ClockId = "clk";
}
