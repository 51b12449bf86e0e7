//! Series against the examples of RFC 5545, against a count day by day, and against another's reading of the RFC.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use backoffice_recurrence::{End, Frequency, MonthEnd, RecurrenceError, Rule, Series, Tz};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use proptest::prelude::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn wall(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rule(text: &str) -> Option<Rule> {
    Some(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn days(start: &str, text: &str) -> Series {
    Series::of_days(day(start), rule(text), MonthEnd::Skip).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn listed(series: &Series, at_most: usize) -> String {
    let days = series.days(day("1900-01-01"), day("2200-01-01"), at_most);
    days.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_examples_of_the_rfc() {
    for (start, text, at_most, expected) in [
        ("1997-09-02", "FREQ=DAILY;COUNT=3", 9, "1997-09-02 1997-09-03 1997-09-04"),
        ("1997-09-02", "FREQ=DAILY;INTERVAL=10;COUNT=5", 9, "1997-09-02 1997-09-12 1997-09-22 1997-10-02 1997-10-12"),
        ("1997-09-02", "FREQ=DAILY;UNTIL=19970904T000000Z", 9, "1997-09-02 1997-09-03 1997-09-04"),
        ("1997-09-02", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", 4, "1997-09-02 1997-09-16 1997-09-30 1997-10-14"),
        (
            "1997-09-01",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=5;WKST=SU;BYDAY=MO,WE,FR",
            9,
            "1997-09-01 1997-09-03 1997-09-05 1997-09-15 1997-09-17",
        ),
        // The same days of a week that begins on Monday or on Sunday.
        (
            "1997-08-05",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            9,
            "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
        ),
        (
            "1997-08-05",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            9,
            "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
        ),
        ("1997-09-05", "FREQ=MONTHLY;COUNT=3;BYDAY=1FR", 9, "1997-09-05 1997-10-03 1997-11-07"),
        (
            "1997-09-07",
            "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU",
            9,
            "1997-09-07 1997-09-28 1997-11-02 1997-11-30",
        ),
        ("1997-09-22", "FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", 9, "1997-09-22 1997-10-20 1997-11-17"),
        ("1997-09-28", "FREQ=MONTHLY;BYMONTHDAY=-3", 3, "1997-09-28 1997-10-29 1997-11-28"),
        ("1997-09-30", "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1", 9, "1997-09-30 1997-10-01 1997-10-31 1997-11-01"),
        ("1997-06-10", "FREQ=YEARLY;COUNT=4;BYMONTH=6,7", 9, "1997-06-10 1997-07-10 1998-06-10 1998-07-10"),
        (
            "1997-03-10",
            "FREQ=YEARLY;INTERVAL=2;COUNT=4;BYMONTH=1,2,3",
            9,
            "1997-03-10 1999-01-10 1999-02-10 1999-03-10",
        ),
        ("1997-05-19", "FREQ=YEARLY;BYDAY=20MO", 3, "1997-05-19 1998-05-18 1999-05-17"),
        ("1997-03-13", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", 3, "1997-03-13 1997-03-20 1997-03-27"),
        // Friday the 13th; the first Saturday after the first Sunday; the day of election.
        ("1997-09-02", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", 3, "1998-02-13 1998-03-13 1998-11-13"),
        ("1997-09-13", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", 3, "1997-09-13 1997-10-11 1997-11-08"),
        (
            "1996-11-05",
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            3,
            "1996-11-05 2000-11-07 2004-11-02",
        ),
        ("1997-09-04", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", 9, "1997-09-04 1997-10-07 1997-11-06"),
        (
            "1997-09-29",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            4,
            "1997-09-29 1997-10-30 1997-11-27 1997-12-30",
        ),
        (
            "2007-01-15",
            "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
            9,
            "2007-01-15 2007-01-30 2007-02-15 2007-03-15 2007-03-30",
        ),
        // No 31st, no occurrence; no 29 February, none either.
        ("2026-01-31", "FREQ=MONTHLY;COUNT=3", 9, "2026-01-31 2026-03-31 2026-05-31"),
        ("2024-02-29", "FREQ=YEARLY", 3, "2024-02-29 2028-02-29 2032-02-29"),
    ] {
        assert_eq!(listed(&days(start, text), at_most), expected, "{start} {text}");
    }
}

#[test]
fn the_last_day_stands_for_one_that_the_month_does_not_have() {
    let clamped = |start: &str, text: &str| Series::of_days(day(start), rule(text), MonthEnd::LastDay).unwrap();
    assert_eq!(
        listed(&clamped("2026-01-31", "FREQ=MONTHLY"), 6),
        "2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31 2026-06-30"
    );
    assert_eq!(listed(&clamped("2028-01-31", "FREQ=MONTHLY"), 3), "2028-01-31 2028-02-29 2028-03-31");
    assert_eq!(
        listed(&clamped("2024-02-29", "FREQ=YEARLY"), 5),
        "2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-29"
    );
    // Two days that fall together are one.
    assert_eq!(
        listed(&clamped("2026-01-30", "FREQ=MONTHLY;BYMONTHDAY=30,31"), 5),
        "2026-01-30 2026-01-31 2026-02-28 2026-03-30 2026-03-31"
    );
    // Those who know no clamping are told the same.
    for (start, text, plain) in [
        ("2026-01-31", "FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
        (
            "2026-01-30",
            "FREQ=MONTHLY;INTERVAL=2;COUNT=9",
            "FREQ=MONTHLY;COUNT=9;INTERVAL=2;BYMONTHDAY=28,29,30;BYSETPOS=-1",
        ),
        ("2024-02-29", "FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"),
        ("2026-01-05", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO"),
    ] {
        let series = clamped(start, text);
        assert_eq!(series.plain_rule().unwrap().to_string(), plain);
        assert_eq!(listed(&days(start, plain), 30), listed(&series, 30));
    }
    assert_eq!(clamped("2026-01-30", "FREQ=MONTHLY;BYMONTHDAY=30,31").plain_rule(), None);
    // What is cut off in February still knows the 31st.
    let (before, following) = clamped("2026-01-31", "FREQ=MONTHLY;COUNT=5").split(wall("2026-02-28T00:00:00"));
    assert_eq!(listed(&before.unwrap(), 9), "2026-01-31");
    let following = following.unwrap();
    assert_eq!(following.rule().unwrap().to_string(), "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=31");
    assert_eq!(listed(&following, 9), "2026-02-28 2026-03-31 2026-04-30 2026-05-31");
}

#[test]
fn local_times_keep_the_wall_across_daylight_saving() {
    let times = |start: &str, text: &str| {
        Series::of_times(wall(start), Tz::Europe__Berlin, rule(text), MonthEnd::Skip).unwrap()
    };
    let instants = |series: &Series| {
        let found = series.occurrences(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), 10);
        found.iter().map(|one| one.at.to_rfc3339()[..16].to_owned()).collect::<Vec<_>>()
    };
    let weekly = times("2026-03-22T09:00:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(instants(&weekly), ["2026-03-22T08:00", "2026-03-29T07:00", "2026-04-05T07:00"]);
    // 02:30 in the gap is 03:30; the one that comes twice is the first; the wall of the rule is kept for exceptions.
    let daily = times("2026-03-28T02:30:00", "FREQ=DAILY;COUNT=3");
    assert_eq!(instants(&daily), ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"]);
    let without = daily.leaving_out([wall("2026-03-29T02:30:00")]).unwrap();
    assert_eq!(instants(&without), ["2026-03-28T01:30", "2026-03-30T00:30"]);
    assert_eq!(
        instants(&times("2026-10-24T02:30:00", "FREQ=DAILY;COUNT=3")),
        ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]
    );
    // UNTIL is an instant: the second 02:30 of October is after the first one.
    let until = times("2026-10-24T02:30:00", "FREQ=DAILY;UNTIL=20261025T013000Z");
    assert_eq!(instants(&until).len(), 2);
    assert_eq!(instants(&times("2026-10-24T02:30:00", "FREQ=DAILY;UNTIL=20261025T002959Z")).len(), 1);
}

#[test]
fn ranges_are_half_open_and_exceptions_count() {
    let series = days("2026-01-05", "FREQ=WEEKLY;COUNT=4")
        .leaving_out([wall("2026-01-12T00:00:00")])
        .unwrap()
        .adding([wall("2026-01-07T00:00:00"), wall("2026-01-19T00:00:00")])
        .unwrap();
    assert_eq!(listed(&series, 9), "2026-01-05 2026-01-07 2026-01-19 2026-01-26");
    assert_eq!(series.days(day("2026-01-05"), day("2026-01-19"), 9), [day("2026-01-05"), day("2026-01-07")]);
    assert_eq!(series.days(day("2026-01-19"), day("2026-01-19"), 9), []);
    assert!(series.has(wall("2026-01-07T00:00:00")) && !series.has(wall("2026-01-12T00:00:00")));
    let alone = Series::of_days(day("2026-01-05"), None, MonthEnd::Skip).unwrap();
    assert_eq!(listed(&alone, 9), "2026-01-05");
}

#[test]
fn what_never_happens_ends_with_a_sentence() {
    for text in [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;INTERVAL=10000",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300",
        "FREQ=DAILY;UNTIL=20251231",
    ] {
        let refused = Series::of_days(day("2026-01-05"), rule(text), MonthEnd::Skip);
        assert_eq!(refused, Err(RecurrenceError::Never), "{text}");
    }
    assert_eq!(Series::of_days(day("1899-12-31"), None, MonthEnd::Skip), Err(RecurrenceError::OutOfRange));
    let many = (0..5_001).map(|n| wall("2026-01-05T00:00:00") + TimeDelta::days(n));
    assert_eq!(days("2026-01-05", "FREQ=DAILY").leaving_out(many), Err(RecurrenceError::TooMany));
    // Not in step: the rule goes first.
    let series = days("2026-01-06", "FREQ=WEEKLY;BYDAY=MO");
    assert!(!series.starts_in_step());
    assert_eq!(listed(&series, 1), "2026-01-12");
    // A question of three centuries is answered.
    assert_eq!(days("1900-01-01", "FREQ=DAILY").days(day("1900-01-01"), day("2200-01-01"), usize::MAX).len(), 109_573);
}

prop_compose! {
    // Numbered and plain weekdays apart: together, the other reading wants both to hold, which the RFC does not say.
    fn any_rule()(
        frequency in 0_usize..4, interval in 1_u32..5, ends in 0_u32..3, count in 1_u32..40, until in 0_i64..900,
        months in prop::collection::vec(1_i32..=12, 0..3),
        month_days in prop::collection::vec(prop_oneof![1_i32..=31, -31..=-1], 0..4),
        weekdays in prop::collection::vec((0_usize..7, prop_oneof![1_i32..=4, -4..=-1]), 0..3), plain in any::<bool>(),
        positions in prop::collection::vec(prop_oneof![1_i32..4, -3..=-1], 0..2),
        sunday in any::<bool>(),
    ) -> String {
        let mut text = format!("FREQ={}", ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"][frequency]);
        match ends {
            0 => {}
            1 => text += &format!(";COUNT={count}"),
            _ => text += &format!(";UNTIL={}", (day("2026-06-01") + TimeDelta::days(until)).format("%Y%m%dT120000Z")),
        }
        text += &format!(";INTERVAL={interval}");
        let list = |values: Vec<String>| values.join(",");
        if !months.is_empty() {
            text += &format!(";BYMONTH={}", list(months.iter().map(ToString::to_string).collect()));
        }
        if !month_days.is_empty() && frequency != 1 {
            text += &format!(";BYMONTHDAY={}", list(month_days.iter().map(ToString::to_string).collect()));
        }
        if !weekdays.is_empty() {
            let letters = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
            let day = |(day, nth): &(usize, i32)| match (frequency, nth) {
                (0 | 1, _) => letters[*day].to_owned(),
                _ if plain => letters[*day].to_owned(),
                (_, nth) => format!("{nth}{}", letters[*day]),
            };
            text += &format!(";BYDAY={}", list(weekdays.iter().map(day).collect()));
        }
        let narrowed = !months.is_empty() || (!month_days.is_empty() && frequency != 1) || !weekdays.is_empty();
        if !positions.is_empty() && narrowed {
            text += &format!(";BYSETPOS={}", list(positions.iter().map(ToString::to_string).collect()));
        }
        if sunday {
            text += ";WKST=SU";
        }
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_reads_the_rfc_the_same_way(text in any_rule(), offset in 0_i64..800) {
        let start = day("2026-01-01") + TimeDelta::days(offset);
        let ours = Series::of_times(start.and_hms_opt(9, 0, 0).unwrap(), Tz::UTC, rule(&text), MonthEnd::Skip);
        let theirs: Result<rrule::RRuleSet, _> =
            format!("DTSTART:{}T090000Z\nRRULE:{text}", start.format("%Y%m%d")).parse();
        // In the first week they count places from the start on; counted in the whole week, a part of a series is the same
        // as in the whole.
        prop_assume!(!text.contains("WEEKLY") || !text.contains("SETPOS"));
        // They refuse an end before the start; and they know rules that never happen only by trying.
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            let until = at("2031-01-01T00:00:00Z");
            let ours: Vec<_> = ours.occurrences(at("2000-01-01T00:00:00Z"), until, 60).iter().map(|one| one.at).collect();
            let theirs: Vec<_> = theirs.into_iter().take(60).map(|one| one.with_timezone(&Utc)).take_while(|one| *one < until).collect();
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }

    #[test]
    fn printed_and_read_again_it_is_the_same(text in any_rule()) {
        let read: Rule = text.parse().unwrap();
        prop_assert_eq!(read.to_string().parse::<Rule>().unwrap(), read);
    }

    #[test]
    fn two_parts_are_the_whole(text in any_rule(), offset in 0_i64..100, cut in 0_i64..900, clamp in any::<bool>()) {
        let month_end = if clamp { MonthEnd::LastDay } else { MonthEnd::Skip };
        let start = (day("2026-01-01") + TimeDelta::days(offset)).and_hms_opt(2, 30, 0).unwrap();
        let Ok(series) = Series::of_times(start, Tz::Europe__Berlin, rule(&text), month_end) else { return Ok(()) };
        let shift = |days: i64| start + TimeDelta::days(days);
        let series = series.leaving_out([shift(7), shift(31)]).unwrap().adding([shift(3), shift(200)]).unwrap();
        let cut = shift(cut);
        let all = |series: &Series| series.occurrences(at("2025-01-01T00:00:00Z"), at("2033-01-01T00:00:00Z"), 5_000);
        let (before, following) = series.split(cut);
        let (before, following) = (before.as_ref().map(all).unwrap_or_default(), following.as_ref().map(all).unwrap_or_default());
        prop_assert!(before.iter().all(|one| one.wall < cut) && following.iter().all(|one| one.wall >= cut));
        prop_assert_eq!([before, following].concat(), all(&series), "{}", text);
    }

    #[test]
    fn a_range_is_the_sum_of_its_parts(text in any_rule(), from in 0_i64..700, middle in 0_i64..700, until in 0_i64..700) {
        let Ok(series) = Series::of_days(day("2026-01-01"), rule(&text), MonthEnd::LastDay) else { return Ok(()) };
        let mut points = [from, middle, until].map(|days| day("2026-01-01") + TimeDelta::days(days));
        points.sort();
        let [from, middle, until] = points;
        let parts = [series.days(from, middle, 1_000), series.days(middle, until, 1_000)].concat();
        prop_assert_eq!(series.days(from, until, 1_000), parts);
    }

    #[test]
    fn a_monthly_series_on_the_last_day_never_misses_a_month(first in 1_u32..=31, months in 1_usize..60) {
        let start = NaiveDate::from_ymd_opt(2026, 1, first).unwrap();
        let found = Series::of_days(start, rule("FREQ=MONTHLY"), MonthEnd::LastDay).unwrap().days(start, day("2100-01-01"), months);
        prop_assert_eq!(found.len(), months);
        for (place, found) in found.iter().enumerate() {
            prop_assert_eq!(found.year() as usize * 12 + found.month0() as usize, 2026 * 12 + place);
            prop_assert!(found.day() == first || (found.day() < first && found.succ_opt().unwrap().day() == 1));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[A-Z=;,0-9+-]{0,60}|FREQ=(DAILY|YEARLY);[A-Z=;,0-9+-]{0,40}|.{0,30}") {
        if let Ok(rule) = text.parse::<Rule>() {
            prop_assert!(matches!(rule.frequency(), Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly));
            prop_assert!(rule.interval() >= 1 && rule.end() != End::Count(0));
            let _ = Series::of_days(day("2026-01-01"), Some(rule), MonthEnd::LastDay);
        }
    }
}
