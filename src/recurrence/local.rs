//! What a local time stands for.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// The instant of a local time: one in a gap moves forward by the gap, one that comes twice is its first coming.
#[must_use]
pub fn instant(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(only) | LocalResult::Ambiguous(only, _) => only.with_timezone(&Utc),
        LocalResult::None => {
            // The offset from before the gap, as RFC 5545 reads such a time.
            let before = GapInfo::new(&wall, &zone).and_then(|gap| gap.begin).map_or_else(
                || zone.offset_from_utc_datetime(&(wall - TimeDelta::days(2))).fix(),
                |(_, offset)| offset.fix(),
            );
            (wall - TimeDelta::seconds(before.local_minus_utc().into())).and_utc()
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Australia, Europe, Pacific};

    use super::*;

    fn at(zone: Tz, wall: &str) -> String {
        instant(wall.parse().unwrap(), zone).to_rfc3339()
    }

    #[test]
    fn a_gap_moves_forward_and_a_fold_is_its_first_coming() {
        assert_eq!(at(Europe::Berlin, "2026-03-29T01:59:00"), "2026-03-29T00:59:00+00:00");
        // 02:30 is 03:30 of summer time.
        assert_eq!(at(Europe::Berlin, "2026-03-29T02:30:00"), "2026-03-29T01:30:00+00:00");
        assert_eq!(at(Europe::Berlin, "2026-03-29T03:30:00"), "2026-03-29T01:30:00+00:00");
        assert_eq!(at(Europe::Berlin, "2026-10-25T02:30:00"), "2026-10-25T00:30:00+00:00");
        assert_eq!(at(America::New_York, "2026-03-08T02:30:00"), "2026-03-08T07:30:00+00:00");
        // A gap of half an hour, and a day that never was.
        assert_eq!(at(Australia::Lord_Howe, "2026-10-04T02:10:00"), "2026-10-03T15:40:00+00:00");
        assert_eq!(at(Pacific::Apia, "2011-12-30T10:00:00"), "2011-12-30T20:00:00+00:00");
    }
}
