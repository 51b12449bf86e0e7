//! The records of this department that are found by their own id.

use super::calendar::BusinessCalendar;
use super::clock::Clock;
use super::exception::CalendarException;
use super::ids::{BusinessCalendarId, CalendarExceptionId, ClockId};

crate::platform::nodes! {
    BusinessCalendar: BusinessCalendarId by BusinessCalendar;
    CalendarException: CalendarExceptionId by CalendarException;
    Clock: ClockId by Clock;
}
