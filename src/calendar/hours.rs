//! Open hours: half-open intervals of a day in minutes since midnight by the clock on the wall, of a week by weekday.

use chrono::Weekday;

use crate::error::CalendarError;

/// Minutes of a day.
pub const DAY: u16 = 1440;
/// The most intervals of one day.
pub const MOST: usize = 20;

/// The open intervals of one day, in order, none overlapping; none at all: closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayHours(Vec<(u16, u16)>);

impl DayHours {
    /// A day on which nothing is open.
    pub const CLOSED: Self = Self(Vec::new());

    /// From intervals in any order: minutes since midnight, 0 to 1440. Those that touch each other stay as they are.
    pub fn new(mut spans: Vec<(u16, u16)>) -> Result<Self, CalendarError> {
        if spans.len() > MOST {
            return Err(CalendarError::TooManyHours);
        }
        spans.sort_unstable();
        let mut open_from = 0;
        for &(from, until) in &spans {
            if until > DAY {
                return Err(CalendarError::BeyondTheDay);
            }
            if until <= from {
                return Err(CalendarError::EmptyHours);
            }
            if from < open_from {
                return Err(CalendarError::OverlappingHours);
            }
            open_from = until;
        }
        Ok(Self(spans))
    }

    /// The whole day.
    #[must_use]
    pub fn all_day() -> Self {
        Self(vec![(0, DAY)])
    }

    /// The intervals, in order.
    #[must_use]
    pub fn spans(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Whether nothing is open.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_empty()
    }
}

/// The open hours of each weekday.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeekHours([DayHours; 7]);

impl WeekHours {
    /// From the hours of Monday to Sunday.
    #[must_use]
    pub fn new(days: [DayHours; 7]) -> Self {
        Self(days)
    }

    /// The same hours from Monday to Friday.
    #[must_use]
    pub fn weekdays(hours: &DayHours) -> Self {
        let closed = DayHours::CLOSED;
        Self([hours.clone(), hours.clone(), hours.clone(), hours.clone(), hours.clone(), closed.clone(), closed])
    }

    /// The hours of a weekday.
    #[must_use]
    pub fn on(&self, weekday: Weekday) -> &DayHours {
        let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] = &self.0;
        match weekday {
            Weekday::Mon => monday,
            Weekday::Tue => tuesday,
            Weekday::Wed => wednesday,
            Weekday::Thu => thursday,
            Weekday::Fri => friday,
            Weekday::Sat => saturday,
            Weekday::Sun => sunday,
        }
    }

    /// Whether it is never open.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.iter().all(DayHours::is_closed)
    }

    /// Minutes since Monday 00:00, beginning and end of each interval by turns: how they are stored.
    #[must_use]
    pub fn flat(&self) -> Vec<i32> {
        let days = self.0.iter().zip((0_i32..).step_by(usize::from(DAY)));
        days.flat_map(|(day, midnight)| {
            day.0.iter().flat_map(move |&(from, until)| [midnight + i32::from(from), midnight + i32::from(until)])
        })
        .collect()
    }

    /// From how they are stored.
    pub fn from_flat(minutes: &[i32]) -> Result<Self, CalendarError> {
        let mut days: [Vec<(u16, u16)>; 7] = Default::default();
        for pair in minutes.chunks(2) {
            let &[from, until] = pair else { return Err(CalendarError::EmptyHours) };
            let day = from.div_euclid(i32::from(DAY));
            let within =
                |minute: i32| u16::try_from(minute - day * i32::from(DAY)).map_err(|_| CalendarError::BeyondTheDay);
            let spans = usize::try_from(day).ok().and_then(|day| days.get_mut(day));
            spans.ok_or(CalendarError::BeyondTheDay)?.push((within(from)?, within(until)?));
        }
        let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] = days.map(DayHours::new);
        Ok(Self([monday?, tuesday?, wednesday?, thursday?, friday?, saturday?, sunday?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_that_overlap_are_refused_and_hours_that_touch_are_not() {
        assert_eq!(DayHours::new(vec![(540, 720), (719, 1020)]), Err(CalendarError::OverlappingHours));
        assert_eq!(DayHours::new(vec![(540, 1020), (600, 660)]), Err(CalendarError::OverlappingHours));
        assert_eq!(DayHours::new(vec![(540, 540)]), Err(CalendarError::EmptyHours));
        assert_eq!(DayHours::new(vec![(1020, 540)]), Err(CalendarError::EmptyHours));
        assert_eq!(DayHours::new(vec![(540, 1441)]), Err(CalendarError::BeyondTheDay));
        assert_eq!(DayHours::new(vec![(720, 1020), (540, 720)]).unwrap().spans(), [(540, 720), (720, 1020)]);
    }

    #[test]
    fn a_week_is_stored_as_minutes_and_read_again() {
        let mut days = WeekHours::weekdays(&DayHours::new(vec![(540, 720), (780, 1020)]).unwrap()).0;
        days[6] = DayHours::all_day();
        let week = WeekHours::new(days);
        let flat = week.flat();
        assert_eq!(flat[..4], [540, 720, 780, 1020]);
        assert_eq!(flat[flat.len() - 2..], [8640, 10080]);
        assert_eq!(WeekHours::from_flat(&flat).unwrap(), week);
        for broken in [&[540, 720, 700, 800][..], &[540], &[1400, 1500], &[10080, 10100], &[-10, 10]] {
            assert!(WeekHours::from_flat(broken).is_err(), "{broken:?}");
        }
    }
}
