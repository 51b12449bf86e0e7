//! A time zone as `VTIMEZONE`: by the rule of its changes if they follow one, else change by change.

use chrono::{DateTime, Datelike, Days, NaiveDate, Offset, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use crate::line::put;

/// How many years changes are looked at.
const YEARS: i32 = 12;

/// One change of a zone's clocks.
struct Change {
    at: DateTime<Utc>,
    before: i32,
    after: i32,
    summer: bool,
    name: String,
}

fn offset(zone: Tz, at: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The changes of a zone in those years.
fn changes(zone: Tz, first: i32, years: i32) -> Vec<Change> {
    let Some(start) = NaiveDate::from_ymd_opt(first, 1, 1) else { return Vec::new() };
    let mut found = Vec::new();
    for day in start.iter_days().take_while(|day| day.year() < first + years) {
        let from = day.and_time(chrono::NaiveTime::MIN).and_utc();
        let until = from + TimeDelta::days(1);
        let (before, after) = (offset(zone, from), offset(zone, until));
        if before == after {
            continue;
        }
        // The first second with the new offset.
        let (mut low, mut high) = (0, 86_400);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if offset(zone, from + TimeDelta::seconds(middle)) == before { low = middle } else { high = middle }
        }
        let at = from + TimeDelta::seconds(high);
        let here = zone.offset_from_utc_datetime(&at.naive_utc());
        let summer = !here.dst_offset().is_zero();
        found.push(Change { at, before, after, summer, name: here.abbreviation().unwrap_or_default().to_owned() });
    }
    found
}

fn letters(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "MO",
        Weekday::Tue => "TU",
        Weekday::Wed => "WE",
        Weekday::Thu => "TH",
        Weekday::Fri => "FR",
        Weekday::Sat => "SA",
        Weekday::Sun => "SU",
    }
}

impl Change {
    /// When clocks are changed, on the wall before the change: so `DTSTART` says it.
    fn wall(&self) -> chrono::NaiveDateTime {
        self.at.naive_utc() + TimeDelta::seconds(self.before.into())
    }

    /// The rules that name its day: the last such weekday of its month, or the so-manieth.
    fn rules(&self) -> Vec<String> {
        let day = self.wall().date();
        let (month, weekday) = (day.month(), letters(day.weekday()));
        let mut rules = Vec::new();
        if day.checked_add_days(Days::new(7)).is_none_or(|next| next.month() != month) {
            rules.push(format!("FREQ=YEARLY;BYMONTH={month};BYDAY=-1{weekday}"));
        }
        rules.push(format!("FREQ=YEARLY;BYMONTH={month};BYDAY={}{weekday}", day.day0() / 7 + 1));
        rules
    }
}

fn signed(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let rest = seconds % 60;
    let minutes = format!("{sign}{:02}{:02}", seconds / 3600, seconds / 60 % 60);
    if rest == 0 { minutes } else { format!("{minutes}{rest:02}") }
}

fn observance(out: &mut String, change: &Change, rule: Option<&str>) {
    let kind = if change.summer { "DAYLIGHT" } else { "STANDARD" };
    put(out, &format!("BEGIN:{kind}"));
    put(out, &format!("DTSTART:{}", change.wall().format("%Y%m%dT%H%M%S")));
    put(out, &format!("TZOFFSETFROM:{}", signed(change.before)));
    put(out, &format!("TZOFFSETTO:{}", signed(change.after)));
    if !change.name.is_empty() {
        put(out, &format!("TZNAME:{}", change.name));
    }
    if let Some(rule) = rule {
        put(out, &format!("RRULE:{rule}"));
    }
    put(out, &format!("END:{kind}"));
}

/// Writes a zone, for times from a year on.
pub fn put_zone(out: &mut String, zone: Tz, year: i32) {
    let first = year.clamp(1971, 2080) - 1;
    let changes = changes(zone, first, YEARS);
    put(out, "BEGIN:VTIMEZONE");
    put(out, &format!("TZID:{}", zone.name()));
    let of_first_year: Vec<&Change> = changes.iter().filter(|change| change.wall().year() == first).collect();
    let ruled: Vec<Option<String>> = of_first_year
        .iter()
        .map(|change| {
            change.rules().into_iter().find(|rule| {
                let same = changes.iter().filter(|other| {
                    (other.before, other.after, other.summer) == (change.before, change.after, change.summer)
                        && other.wall().time() == change.wall().time()
                        && other.rules().contains(rule)
                });
                i32::try_from(same.count()) == Ok(YEARS)
            })
        })
        .collect();
    let all = i32::try_from(of_first_year.len()).unwrap_or(i32::MAX).saturating_mul(YEARS);
    if !changes.is_empty() && ruled.iter().all(Option::is_some) && i32::try_from(changes.len()) == Ok(all) {
        for (change, rule) in of_first_year.into_iter().zip(&ruled) {
            observance(out, change, rule.as_deref());
        }
    } else {
        // From before the first change on, and then one by one.
        if let Some(start) = NaiveDate::from_ymd_opt(first, 1, 1) {
            let at = start.and_time(chrono::NaiveTime::MIN).and_utc();
            let here = zone.offset_from_utc_datetime(&at.naive_utc());
            let name = here.abbreviation().unwrap_or_default().to_owned();
            let (now, summer) = (offset(zone, at), !here.dst_offset().is_zero());
            observance(out, &Change { at, before: now, after: now, summer, name }, None);
        }
        for change in &changes {
            observance(out, change, None);
        }
    }
    put(out, "END:VTIMEZONE");
}
