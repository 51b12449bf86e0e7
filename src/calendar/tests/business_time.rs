//! Business time against what a person would count, and against a count minute by minute.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;

use backoffice_calendar::clock;
use backoffice_calendar::{Calendar, CalendarError, DayHours, Exception, Reason, Region, Roll, Run, Tz, WeekHours};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn office(zone: Tz, region: Option<&str>) -> Calendar {
    let hours = WeekHours::weekdays(&DayHours::new(vec![(540, 1020)]).unwrap());
    Calendar::new(zone, hours, region.map(|code| Region::find(code).unwrap()))
}

#[test]
fn from_friday_at_four_to_monday_at_ten_it_is_120_minutes() {
    let calendar = office(Tz::Europe__Berlin, Some("DE"));
    let (friday, monday) = (at("2026-01-16T16:00:00+01:00"), at("2026-01-19T10:00:00+01:00"));
    assert_eq!(calendar.between(friday, monday).unwrap(), 120 * 60);
    assert_eq!(calendar.add(friday, 120 * 60).unwrap(), monday);
    let explanation = calendar.explain(friday, monday).unwrap();
    let reasons: Vec<(Reason, i64)> =
        explanation.segments.iter().map(|segment| (segment.reason, segment.seconds() / 60)).collect();
    assert_eq!(
        reasons,
        [
            (Reason::Open, 60),
            (Reason::OutsideHours, 420),
            (Reason::Weekend, 2880),
            (Reason::OutsideHours, 540),
            (Reason::Open, 60),
        ]
    );
    assert_eq!(explanation.counted() + explanation.skipped(), explanation.wall());
    assert_eq!(explanation.wall(), 66 * 3600);
}

#[test]
fn an_addition_ends_at_the_first_instant_that_suffices() {
    let calendar = office(Tz::Europe__Berlin, None);
    let friday = at("2026-01-16T16:00:00+01:00");
    assert_eq!(calendar.add(friday, 3600).unwrap(), at("2026-01-16T17:00:00+01:00"));
    assert_eq!(calendar.add(friday, 3601).unwrap(), at("2026-01-19T09:00:01+01:00"));
    assert_eq!(calendar.add(friday, 0).unwrap(), friday);
    let saturday = at("2026-01-17T12:00:00+01:00");
    assert_eq!(calendar.add(saturday, 0).unwrap(), saturday);
    assert_eq!(calendar.add(saturday, 1).unwrap(), at("2026-01-19T09:00:01+01:00"));
    // 2,000 hours are fifty weeks.
    assert_eq!(calendar.add(at("2026-01-05T09:00:00+01:00"), 2_000 * 3600).unwrap(), at("2026-12-18T17:00:00+01:00"));
}

#[test]
fn nights_on_which_the_clock_changes() {
    let mut night = Calendar::new(Tz::Europe__Berlin, WeekHours::default(), None);
    let all_day = || [(); 7].map(|()| DayHours::all_day());
    night.hours = WeekHours::new(all_day());
    let length = |calendar: &Calendar, from: &str, until: &str| calendar.between(at(from), at(until)).unwrap() / 60;
    assert_eq!(length(&night, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"), 23 * 60);
    assert_eq!(length(&night, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"), 25 * 60);
    // A shift from one to four: two hours in March, four in October.
    night.hours = WeekHours::new([(); 7].map(|()| DayHours::new(vec![(60, 240)]).unwrap()));
    assert_eq!(length(&night, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"), 120);
    assert_eq!(length(&night, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"), 240);
    // Hours that touch inside of the fold share its time without overlapping.
    night.hours = WeekHours::new([(); 7].map(|()| DayHours::new(vec![(60, 150), (150, 240)]).unwrap()));
    assert_eq!(length(&night, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"), 240);
    // Hours inside of the gap are none.
    night.hours = WeekHours::new([(); 7].map(|()| DayHours::new(vec![(125, 175)]).unwrap()));
    assert_eq!(length(&night, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"), 0);
    let mut york = Calendar::new(Tz::America__New_York, WeekHours::new(all_day()), None);
    assert_eq!(length(&york, "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"), 23 * 60);
    assert_eq!(length(&york, "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"), 25 * 60);
    york.hours = WeekHours::weekdays(&DayHours::new(vec![(540, 1020)]).unwrap());
    let friday = at("2026-03-06T16:00:00-05:00");
    assert_eq!(york.add(friday, 7200).unwrap(), at("2026-03-09T10:00:00-04:00"));
}

#[test]
fn holidays_and_exceptions_are_named() {
    let mut calendar = office(Tz::Europe__Berlin, Some("DE-BY"));
    let works = DayHours::new(vec![(600, 720)]).unwrap();
    calendar.exceptions = BTreeMap::from([
        (day("2026-04-02"), Exception { name: "Move to the new office".into(), hours: DayHours::CLOSED }),
        (day("2026-04-04"), Exception { name: "Stocktaking".into(), hours: works }),
    ]);
    let explanation = calendar.explain(at("2026-04-01T16:00:00+02:00"), at("2026-04-07T10:00:00+02:00")).unwrap();
    let named: Vec<(Reason, Option<&str>, i64)> = explanation
        .sums()
        .iter()
        .map(|sum| {
            (
                sum.reason,
                explanation.segments.iter().find_map(|s| s.name.as_deref().filter(|n| Some(*n) == sum.name.as_deref())),
                sum.seconds / 60,
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            (Reason::Open, None, 60 + 120 + 60),
            (Reason::OutsideHours, None, 420 + 540),
            (Reason::Exception, Some("Move to the new office"), 1440),
            (Reason::Holiday, Some("Karfreitag"), 1440),
            (Reason::Exception, Some("Stocktaking"), 1440 - 120),
            (Reason::Weekend, None, 1440),
            (Reason::Holiday, Some("Ostermontag"), 1440),
        ]
    );
    assert_eq!(explanation.counted() + explanation.skipped(), explanation.wall());
}

#[test]
fn working_days_and_roll_conventions() {
    let calendar = office(Tz::Europe__Berlin, Some("DE"));
    assert_eq!(calendar.next_working_day(day("2026-04-02")).unwrap(), day("2026-04-07"));
    assert_eq!(calendar.add_working_days(day("2026-04-02"), 3).unwrap(), day("2026-04-09"));
    assert_eq!(calendar.add_working_days(day("2026-04-09"), -3).unwrap(), day("2026-04-02"));
    assert_eq!(calendar.add_working_days(day("2026-04-03"), 0).unwrap(), day("2026-04-07"));
    // The last day of January 2026 is a Saturday.
    let saturday = day("2026-01-31");
    assert_eq!(calendar.roll(saturday, Roll::Following).unwrap(), day("2026-02-02"));
    assert_eq!(calendar.roll(saturday, Roll::ModifiedFollowing).unwrap(), day("2026-01-30"));
    assert_eq!(calendar.roll(saturday, Roll::Preceding).unwrap(), day("2026-01-30"));
    assert_eq!(calendar.roll(day("2026-01-17"), Roll::ModifiedFollowing).unwrap(), day("2026-01-19"));
    assert_eq!(calendar.roll(day("2026-01-15"), Roll::Preceding).unwrap(), day("2026-01-15"));
    let days = calendar.days_between(day("2026-04-01"), day("2026-05-01")).unwrap();
    assert_eq!(days.iter().filter(|day| day.is_working()).count(), 20);
    assert_eq!(calendar.days_between(day("2026-04-02"), day("2026-04-01")), Err(CalendarError::Backwards));
}

#[test]
fn a_calendar_that_is_never_open_says_so() {
    let closed = Calendar::new(Tz::UTC, WeekHours::default(), None);
    assert_eq!(closed.add(at("2026-01-01T00:00:00Z"), 1), Err(CalendarError::NeverReached));
    assert_eq!(closed.next_working_day(day("2026-01-01")), Err(CalendarError::NoWorkingDay));
    assert_eq!(closed.between(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z")), Ok(0));
    let open = office(Tz::UTC, None);
    assert_eq!(open.between(at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z")), Err(CalendarError::Backwards));
    assert_eq!(open.between(at("1960-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z")), Err(CalendarError::OutOfRange));
    assert_eq!(open.between(at("2000-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z")), Err(CalendarError::TooLong));
    assert_eq!(open.add(at("2026-01-02T00:00:00Z"), i64::MAX), Err(CalendarError::NeverReached));
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::Asia__Kolkata,
        Tz::Australia__Lord_Howe,
        Tz::America__Havana,
        Tz::Pacific__Chatham,
        Tz::UTC,
    ])
}

prop_compose! {
    /// Hours outside of the small hours, in which clocks change; there a minute by the wall may come twice.
    fn hours()(starts in prop::collection::vec((300_u16..1400, 1_u16..400), 0..3)) -> DayHours {
        let mut spans = Vec::new();
        let mut free = 300;
        let mut starts = starts;
        starts.sort_unstable();
        for (from, long) in starts {
            let from = from.max(free);
            let until = (from + long).min(1440);
            if from < until {
                spans.push((from, until));
                free = until;
            }
        }
        DayHours::new(spans).unwrap()
    }
}

prop_compose! {
    fn calendars()(zone in zones(), week in prop::array::uniform7(hours()), region in prop::sample::select(vec![None, Some("DE-BY"), Some("GB-SCT"), Some("US")]),
                   closed in prop::collection::vec(0_u64..40, 0..4), special in hours()) -> Calendar {
        let mut calendar = Calendar::new(zone, WeekHours::new(week), region.and_then(Region::find));
        for (at, offset) in closed.into_iter().enumerate() {
            let date = day("2026-03-10") + chrono::Days::new(offset);
            let hours = if at % 2 == 0 { DayHours::CLOSED } else { special.clone() };
            calendar.exceptions.insert(date, Exception { name: "Exception".into(), hours });
        }
        calendar
    }
}

/// Whether a calendar is open at an instant, by the clock on the wall.
fn is_open(calendar: &Calendar, instant: DateTime<Utc>) -> bool {
    let local = instant.with_timezone(&calendar.zone);
    let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap();
    let day = calendar.day(local.date_naive()).unwrap();
    day.hours.spans().iter().any(|(from, until)| (*from..*until).contains(&minute))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_counts_what_one_counts_minute_by_minute(calendar in calendars(), from in 0_i64..30 * 1440, long in 0_i64..4 * 1440) {
        let from = at("2026-03-10T00:00:00Z") + TimeDelta::minutes(from);
        let minutes = (0..long).filter(|minute| is_open(&calendar, from + TimeDelta::minutes(*minute))).count();
        let counted = calendar.between(from, from + TimeDelta::minutes(long)).unwrap();
        prop_assert_eq!(counted, i64::try_from(minutes).unwrap() * 60);
    }

    #[test]
    fn counted_and_skipped_are_all_the_time_there_is(calendar in calendars(), from in 0_i64..3_000_000, long in 0_i64..5_000_000) {
        let from = at("2026-03-10T00:00:00Z") + TimeDelta::seconds(from);
        let until = from + TimeDelta::seconds(long);
        let explanation = calendar.explain(from, until).unwrap();
        prop_assert_eq!(explanation.counted() + explanation.skipped(), long);
        prop_assert_eq!(explanation.counted(), calendar.between(from, until).unwrap());
        prop_assert!(explanation.segments.windows(2).all(|pair| pair[0].until == pair[1].from));
        prop_assert_eq!(explanation.segments.first().map_or(from, |first| first.from), from);
        prop_assert_eq!(explanation.segments.last().map_or(from, |last| last.until), until);
        let sums: i64 = explanation.sums().iter().map(|sum| sum.seconds).sum();
        prop_assert_eq!(sums, long);
    }

    #[test]
    fn what_is_added_lies_between(calendar in calendars(), from in 0_i64..3_000_000, seconds in 1_i64..500_000) {
        prop_assume!(!calendar.hours.is_closed());
        let from = at("2026-03-10T00:00:00Z") + TimeDelta::seconds(from);
        let reached = calendar.add(from, seconds).unwrap();
        prop_assert_eq!(calendar.between(from, reached).unwrap(), seconds);
        // no instant before suffices
        prop_assert_eq!(calendar.between(from, reached - TimeDelta::seconds(1)).unwrap(), seconds - 1);
    }

    #[test]
    fn time_splits_anywhere(calendar in calendars(), from in 0_i64..3_000_000, first in 0_i64..3_000_000, second in 0_i64..3_000_000) {
        let from = at("2026-03-10T00:00:00Z") + TimeDelta::seconds(from);
        let (middle, until) = (from + TimeDelta::seconds(first), from + TimeDelta::seconds(first + second));
        prop_assert_eq!(
            calendar.between(from, middle).unwrap() + calendar.between(middle, until).unwrap(),
            calendar.between(from, until).unwrap()
        );
    }

    #[test]
    fn a_clock_accounts_for_every_second(calendar in calendars(), from in 0_i64..2_000_000, lengths in prop::collection::vec(0_i64..200_000, 1..8),
                                         target in 1_i64..200_000, on in 0_i64..100_000) {
        let mut instant = at("2026-03-10T00:00:00Z") + TimeDelta::seconds(from);
        let started = instant;
        let last = lengths.len() - 1;
        let mut runs = Vec::new();
        for (at, long) in lengths.iter().enumerate() {
            let until = instant + TimeDelta::seconds(*long);
            let pause = (at % 2 == 1).then(|| "Hold".into());
            runs.push(Run { from: instant, until: (at != last).then_some(until), pause });
            if at != last {
                instant = until;
            }
        }
        let as_of = instant + TimeDelta::seconds(on);
        let reading = clock::read(&calendar, &runs, Some(target), as_of).unwrap();
        prop_assert_eq!(reading.explanation.counted(), reading.counted);
        prop_assert_eq!(reading.counted + reading.explanation.skipped(), (as_of - started).num_seconds());
        prop_assert_eq!(reading.breached.is_some(), reading.counted >= target);
        if let Some(breached) = reading.breached {
            // Read at that instant and one second before: exactly there it goes over.
            let read_at = |as_of: DateTime<Utc>| clock::read(&calendar, &clock::lived(&runs, as_of), Some(target), as_of).unwrap();
            prop_assert_eq!(read_at(breached).counted, target);
            prop_assert_eq!(read_at(breached - TimeDelta::seconds(1)).breached, None);
        }
    }

    #[test]
    fn working_days_come_back(calendar in calendars(), start in 0_u64..60, count in 1_i32..60) {
        prop_assume!(!calendar.hours.is_closed());
        let date = calendar.roll(day("2026-02-10") + chrono::Days::new(start), Roll::Following).unwrap();
        let there = calendar.add_working_days(date, count).unwrap();
        prop_assert_eq!(calendar.add_working_days(there, -count).unwrap(), date);
        let between = calendar.days_between(date, there).unwrap().iter().filter(|day| day.is_working()).count();
        prop_assert_eq!(i32::try_from(between).unwrap(), count);
        prop_assert!(there.year() >= 2026);
    }
}
