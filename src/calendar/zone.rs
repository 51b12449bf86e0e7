//! What a local time stands for: the first instant at which the clock on the wall has reached it.

use chrono::{Datelike, LocalResult, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::{GapInfo, Tz};

use crate::error::CalendarError;

/// The first year that calendars know.
pub(crate) const FIRST_YEAR: i32 = 1970;
/// The last one: zones know no rules behind it.
pub(crate) const LAST_YEAR: i32 = 2099;

/// Refuses days outside of the years that calendars know.
pub(crate) fn check(date: NaiveDate) -> Result<NaiveDate, CalendarError> {
    match (FIRST_YEAR..=LAST_YEAR).contains(&date.year()) {
        true => Ok(date),
        false => Err(CalendarError::OutOfRange),
    }
}

/// The instant of that minute of a day, in seconds of Unix time. Minute 1440 is the next day's midnight.
#[must_use]
pub fn instant(zone: Tz, date: NaiveDate, minute: u16) -> i64 {
    let Some(local) =
        date.and_hms_opt(0, 0, 0).and_then(|day| day.checked_add_signed(TimeDelta::minutes(minute.into())))
    else {
        return i64::MAX;
    };
    match zone.from_local_datetime(&local) {
        LocalResult::Single(only) | LocalResult::Ambiguous(only, _) => only.timestamp(),
        LocalResult::None => match GapInfo::new(&local, &zone).and_then(|gap| gap.end) {
            Some(end) => end.timestamp(),
            // A gap whose end is a time that comes twice: no zone has one. The offset before it then says the instant.
            None => zone.from_utc_datetime(&(local - TimeDelta::days(1))).naive_local().and_utc().timestamp(),
        },
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Europe, Pacific};

    use super::*;

    fn at(zone: Tz, day: &str, minute: u16) -> String {
        let instant = instant(zone, day.parse().unwrap(), minute);
        chrono::DateTime::from_timestamp(instant, 0).unwrap().to_rfc3339()
    }

    #[test]
    fn a_gap_stands_for_its_end_and_a_fold_for_its_first_coming() {
        // 02:00 becomes 03:00 at 01:00 UTC.
        for minute in [120, 150, 179, 180] {
            assert_eq!(at(Europe::Berlin, "2026-03-29", minute), "2026-03-29T01:00:00+00:00");
        }
        assert_eq!(at(Europe::Berlin, "2026-03-29", 181), "2026-03-29T01:01:00+00:00");
        // 03:00 becomes 02:00 at 01:00 UTC: 02:30 comes at 00:30 and at 01:30.
        assert_eq!(at(Europe::Berlin, "2026-10-25", 150), "2026-10-25T00:30:00+00:00");
        assert_eq!(at(Europe::Berlin, "2026-10-25", 180), "2026-10-25T02:00:00+00:00");
        assert_eq!(at(America::New_York, "2026-03-08", 150), "2026-03-08T07:00:00+00:00");
        assert_eq!(at(America::New_York, "2026-11-01", 90), "2026-11-01T05:30:00+00:00");
        // A day that never was: Samoa went from Thursday to Saturday.
        assert_eq!(at(Pacific::Apia, "2011-12-30", 600), "2011-12-30T10:00:00+00:00");
    }

    #[test]
    fn time_never_goes_back_in_any_zone() {
        for zone in chrono_tz::TZ_VARIANTS {
            for year in [1985, 2011, 2026, 2037, 2090] {
                let mut before = i64::MIN;
                let mut day = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
                while day.year() == year {
                    for minute in [0, 60, 90, 120, 150, 180, 240, 1380, 1440] {
                        let now = instant(zone, day, minute);
                        assert!(now >= before, "{zone} {day} {minute}");
                        before = now;
                    }
                    day = day.succ_opt().unwrap();
                }
            }
        }
    }
}
