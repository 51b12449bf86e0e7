//! Open hours as they are written: a weekday, and times by the clock on the wall.

use async_graphql::{Enum, InputObject, SimpleObject};
use backoffice_calendar::{DayHours, WeekHours};

use crate::platform::error::{Error, Result, UserErrorCode};

/// A day of the week.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// An interval in which a calendar is open on a weekday. It holds its beginning and not its end.
#[derive(SimpleObject, Clone, Debug)]
pub struct OpeningHours {
    /// The weekday.
    pub weekday: Weekday,
    /// When it opens, by the clock on the wall: `09:00`.
    pub from: String,
    /// When it closes: `17:00`; `24:00` is the end of the day.
    pub until: String,
}

/// An interval of the open hours of a weekday; several of a day do not overlap.
#[derive(InputObject, Clone, Debug)]
pub struct OpeningHoursInput {
    /// The weekday.
    pub weekday: Weekday,
    /// When it opens, by the clock on the wall: `09:00`.
    pub from: String,
    /// When it closes: `17:00`; `24:00` is the end of the day.
    pub until: String,
}

/// An interval in which a calendar is open on one day. It holds its beginning and not its end.
#[derive(SimpleObject, Clone, Debug)]
pub struct DayOpening {
    /// When it opens, by the clock on the wall: `09:00`.
    pub from: String,
    /// When it closes: `17:00`; `24:00` is the end of the day.
    pub until: String,
}

/// An interval of the open hours of one day; several do not overlap.
#[derive(InputObject, Clone, Debug)]
pub struct DayOpeningInput {
    /// When it opens, by the clock on the wall: `09:00`.
    pub from: String,
    /// When it closes: `17:00`; `24:00` is the end of the day.
    pub until: String,
}

/// `09:30` as minutes since midnight.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse::<u16>().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let at = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && at <= 1440).then_some(at)
}

/// Minutes since midnight as `09:30`.
fn written(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes.div_euclid(60), minutes.rem_euclid(60))
}

fn read(field: &str, text: &str) -> Result<u16> {
    minutes(text).ok_or_else(|| {
        Error::refuse(UserErrorCode::Invalid, field, "A time of day is written as `09:00`, at most `24:00`.")
    })
}

/// The hours of a week as they came in.
pub(super) fn week(input: &[OpeningHoursInput]) -> Result<WeekHours> {
    let mut days: [Vec<(u16, u16)>; 7] = Default::default();
    for (at, hours) in input.iter().enumerate() {
        let span = (read(&format!("hours.{at}.from"), &hours.from)?, read(&format!("hours.{at}.until"), &hours.until)?);
        if let Some(day) = WEEK.iter().position(|day| *day == hours.weekday).and_then(|day| days.get_mut(day)) {
            day.push(span);
        }
    }
    let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] =
        days.map(|spans| DayHours::new(spans).map_err(super::refused_at("hours")));
    Ok(WeekHours::new([monday?, tuesday?, wednesday?, thursday?, friday?, saturday?, sunday?]))
}

/// The hours of a day as they came in.
pub(super) fn day(input: &[DayOpeningInput]) -> Result<DayHours> {
    let mut spans = Vec::with_capacity(input.len());
    for (at, hours) in input.iter().enumerate() {
        spans
            .push((read(&format!("hours.{at}.from"), &hours.from)?, read(&format!("hours.{at}.until"), &hours.until)?));
    }
    DayHours::new(spans).map_err(super::refused_at("hours"))
}

/// The hours of a day as they are stored.
pub(super) fn flat(hours: &DayHours) -> Vec<i32> {
    hours.spans().iter().flat_map(|(from, until)| [i32::from(*from), i32::from(*until)]).collect()
}

/// The hours of a day from how they are stored.
pub(super) fn stored(minutes: &[i32]) -> Result<DayHours> {
    let minute = |minute: &i32| u16::try_from(*minute).map_err(Error::fault);
    let spans: Result<Vec<(u16, u16)>> = minutes
        .chunks(2)
        .map(|pair| match pair {
            [from, until] => Ok((minute(from)?, minute(until)?)),
            _ => Err(Error::fault("stored hours have no end")),
        })
        .collect();
    DayHours::new(spans?).map_err(Error::fault)
}

/// The stored hours of a week as they are shown.
pub(super) fn shown(minutes: &[i32]) -> Vec<OpeningHours> {
    minutes
        .chunks(2)
        .filter_map(|pair| {
            let &[from, until] = pair else { return None };
            let day = from.div_euclid(1440);
            let weekday = usize::try_from(day).ok().and_then(|day| WEEK.get(day)).copied()?;
            Some(OpeningHours { weekday, from: written(from - day * 1440), until: written(until - day * 1440) })
        })
        .collect()
}

/// The stored hours of a day as they are shown.
pub(super) fn shown_day(minutes: &[i32]) -> Vec<DayOpening> {
    minutes
        .chunks(2)
        .filter_map(|pair| match pair {
            &[from, until] => Some(DayOpening { from: written(from), until: written(until) }),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_hours_and_minutes() {
        for (text, minute) in [("00:00", 0), ("09:05", 545), ("23:59", 1439), ("24:00", 1440)] {
            assert_eq!(minutes(text), Some(minute));
            assert_eq!(written(i32::from(minute)), text);
        }
        for text in ["", "9:00", "09:60", "24:01", "25:00", "+9:00", "09:00:00", "0900", "09:0x"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }

    #[test]
    fn hours_are_shown_as_they_were_written() {
        let written =
            |weekday, from: &str, until: &str| OpeningHoursInput { weekday, from: from.into(), until: until.into() };
        let input = [
            written(Weekday::Sunday, "22:00", "24:00"),
            written(Weekday::Monday, "13:00", "17:00"),
            written(Weekday::Monday, "09:00", "12:00"),
        ];
        let shown = shown(&week(&input).unwrap().flat());
        let shown: Vec<(Weekday, &str, &str)> =
            shown.iter().map(|hours| (hours.weekday, hours.from.as_str(), hours.until.as_str())).collect();
        assert_eq!(
            shown,
            [
                (Weekday::Monday, "09:00", "12:00"),
                (Weekday::Monday, "13:00", "17:00"),
                (Weekday::Sunday, "22:00", "24:00")
            ]
        );
        let overlapping = [written(Weekday::Monday, "09:00", "12:00"), written(Weekday::Monday, "11:00", "13:00")];
        let Err(Error::Refused(reasons)) = week(&overlapping) else { panic!("overlapping hours were taken") };
        assert_eq!(reasons[0].field, ["input", "hours"]);
    }
}
