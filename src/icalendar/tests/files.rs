//! Files as others write them, files that lie, and what we write read again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use backoffice_icalendar::line::{escape, put, unescape, unfold};
use backoffice_icalendar::zone::put_zone;
use backoffice_icalendar::{Answer, Event, Method, Person, Status, When, read, write};
use backoffice_recurrence::{MonthEnd, Series, Tz, instant};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn wall(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn file(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{}END:VCALENDAR\r\n", events.replace('\n', "\r\n"))
}

/// Line and sentence of each problem.
fn problems(text: &str) -> Vec<(usize, String)> {
    read(text).problems.into_iter().map(|problem| (problem.line, problem.message)).collect()
}

fn first(text: &str) -> (usize, String) {
    problems(text).into_iter().next().unwrap_or_else(|| panic!("nothing was wrong with {text}"))
}

const GOOD: &str = "BEGIN:VEVENT\nUID:1@x\nDTSTART:20270301T080000Z\nDTEND:20270301T083000Z\nSUMMARY:One\nEND:VEVENT\n";

#[test]
fn what_others_write_is_read() {
    let text = file(
        "METHOD:REQUEST\nBEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
         RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:series@x\nSEQUENCE:3\n\
         DTSTAMP:20270101T000000Z\nDTSTART;TZID=Europe/Berlin:20270301T090000\nDURATION:PT1H30M\n\
         RRULE:FREQ=WEEKLY;COUNT=5\nEXDATE;TZID=Europe/Berlin:20270308T090000,20270315T090000\n\
         SUMMARY:Jour fixe\\, weekly\nDESCRIPTION:First line\\nsecond\\; with \\\\ and a very lo\n ng line that is\n\t folded\n\
         LOCATION:Room 1\nORGANIZER;CN=\"Konto; Konrad\":MAILTO:konrad@firm.example\n\
         ATTENDEE;PARTSTAT=ACCEPTED;CN=Paula ^'P^' Portal:mailto:paula@alpha.example\n\
         BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM\nX-OWN;X-A=b:c\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:series@x\nRECURRENCE-ID;TZID=/softwarestudio.org/Olson/Europe/Berlin:20270322T090000\n\
         DTSTART;TZID=Europe/Berlin:20270322T140000\nDTEND;TZID=Europe/Berlin:20270322T150000\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:day@x\nDTSTART;VALUE=DATE:20270501\nSTATUS:CANCELLED\nEND:VEVENT\n",
    );
    let reading = read(&text);
    assert_eq!(reading.problems, []);
    assert_eq!(reading.method, Some(Method::Request));
    let [series, moved, day] = reading.events.as_slice() else { panic!("{:?}", reading.events) };
    assert_eq!(series.starts, When::Local(wall("2027-03-01T09:00:00"), Tz::Europe__Berlin));
    assert_eq!(series.ends, When::Instant(at("2027-03-01T09:30:00Z")));
    assert_eq!((series.sequence, series.left_out.len(), series.summary.as_str()), (3, 2, "Jour fixe, weekly"));
    assert_eq!(series.description, "First line\nsecond; with \\ and a very long line that is folded");
    assert_eq!(series.organizer.as_ref().unwrap().name, "Konto; Konrad");
    let paula =
        Person { email: "paula@alpha.example".into(), name: "Paula \"P\" Portal".into(), answer: Answer::Accepted };
    assert_eq!(series.attendees, [paula]);
    assert_eq!(moved.instead_of, Some(When::Local(wall("2027-03-22T09:00:00"), Tz::Europe__Berlin)));
    let date: NaiveDate = "2027-05-01".parse().unwrap();
    assert_eq!(
        (day.starts, day.ends, day.status),
        (When::Day(date), When::Day(date.succ_opt().unwrap()), Status::Cancelled)
    );
}

#[test]
fn files_that_lie_are_told_by_line() {
    let event = |lines: &str| file(&format!("BEGIN:VEVENT\nUID:1@x\n{lines}END:VEVENT\n"));
    let starts = "DTSTART:20270301T080000Z\n";
    for (text, line, sentence) in [
        (String::new(), 1, "The file has no BEGIN:VCALENDAR."),
        (
            "hello\r\nworld".to_owned(),
            1,
            "This is no line of a calendar: they look like NAME:value or NAME;PARAMETER=value:value.",
        ),
        ("SUMMARY:alone\r\n".to_owned(), 1, "This stands outside of BEGIN:VCALENDAR and END:VCALENDAR."),
        ("BEGIN:VEVENT\r\n".to_owned(), 1, "A file begins with BEGIN:VCALENDAR."),
        ("END:VEVENT\r\n".to_owned(), 1, "END:VEVENT stands here without a BEGIN:VEVENT."),
        (file("END:VEVENT\n"), 4, "END:VEVENT stands where END:VCALENDAR is missing."),
        (file("BEGIN:VEVENT\nUID:1\n"), 6, "END:VCALENDAR stands where END:VEVENT is missing."),
        (file(GOOD).replace("END:VCALENDAR\r\n", ""), 9, "END:VCALENDAR is missing."),
        (file("BEGIN:VCALENDAR\nEND:VCALENDAR\n"), 4, "A calendar cannot stand inside of another one."),
        (
            file(&GOOD.replace("SUMMARY:One", "SUMMARY:One\nwithout a space before it")),
            9,
            "This is no line of a calendar: they look like NAME:value or NAME;PARAMETER=value:value.",
        ),
        (
            event(&format!("{starts}DTEND:20270301T075959Z\n")),
            7,
            "DTEND lies before DTSTART, or one of both is a day and the other one a time.",
        ),
        (
            event(&format!("{starts}DTEND;VALUE=DATE:20270302\n")),
            7,
            "DTEND lies before DTSTART, or one of both is a day and the other one a time.",
        ),
        (
            event(&format!("{starts}DURATION:-PT1H\n")),
            7,
            "A duration looks like PT1H30M, P2D or P1W, is not negative and at most a year long.",
        ),
        (
            event(&format!("{starts}DURATION:P999999999W\n")),
            7,
            "A duration looks like PT1H30M, P2D or P1W, is not negative and at most a year long.",
        ),
        (
            event("DTSTART;TZID=Middle-Earth/Shire:20270301T090000\n"),
            6,
            "The time zone \"Middle-Earth/Shire\" is not known: names are those of IANA, e.g. Europe/Berlin.",
        ),
        (
            event("DTSTART:20270230T090000\n"),
            6,
            "\"20270230T090000\" is no time: they look like 20270301, 20270301T090000 or 20270301T080000Z.",
        ),
        (
            event("DTSTART:99990101T090000\n"),
            6,
            "\"99990101T090000\" is no time: they look like 20270301, 20270301T090000 or 20270301T080000Z.",
        ),
        (
            event(&format!("{starts}RRULE:FREQ=SECONDLY\n")),
            7,
            "FREQ cannot be “SECONDLY”: DAILY, WEEKLY, MONTHLY or YEARLY.",
        ),
        (event(&format!("{starts}RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY\n")), 8, "RRULE stands in the event twice."),
        (event(&format!("{starts}SEQUENCE:-1\n")), 7, "A SEQUENCE is a number from 0 on."),
        (event(&format!("{starts}ATTENDEE:paula\n")), 7, "ATTENDEE is a mail address: mailto:somebody@firm.example."),
        (
            event(&format!("{starts}RDATE;VALUE=PERIOD:20270301T080000Z/PT1H\n")),
            7,
            "Periods are not supported here: name the times.",
        ),
        (event(""), 4, "The event has no DTSTART."),
        (file(&GOOD.replace("UID:1@x\n", "")), 4, "The event has no UID."),
        (file(&GOOD.repeat(2)), 10, "Another event of the file has the same UID."),
    ] {
        assert_eq!(first(&text), (line, sentence.to_owned()), "{text}");
    }
    // What is good beside what is bad is read all the same.
    let both = read(&file(&format!("{}{GOOD}", GOOD.replace("DTEND:2027", "DTEND:2026").replace("1@x", "2@x"))));
    assert_eq!((both.events.len(), both.problems.len()), (1, 1));
}

#[test]
fn bombs_end_quickly() {
    let begun = std::time::Instant::now();
    assert_eq!(first(&"x".repeat(10 << 20)), (1, "The file is larger than 4 MiB.".to_owned()));
    let long = format!("SUMMARY:{}", "x".repeat(3 << 20));
    assert_eq!(first(&file(&GOOD.replace("SUMMARY:One", &long))).1, "The line is longer than 64 KiB.");
    let folded = "SUMMARY:".to_owned() + &"\n x".repeat(100_000);
    assert_eq!(first(&file(&GOOD.replace("SUMMARY:One", &folded))).1, "The line is longer than 64 KiB.");
    assert_eq!(first(&file(&"X:\n".repeat(60_000))).1, "The file has more than 50,000 lines.");
    assert_eq!(problems(&"END:VEVENT\r\n".repeat(40_000)).len(), 100);
    assert_eq!(problems(&"BEGIN:VEVENT\r\n".repeat(40_000)).len(), 100);
    let many = format!("EXDATE:{}20270301T080000Z\n", "20270301T080000Z,".repeat(3_000));
    assert_eq!(first(&file(&GOOD.replace("SUMMARY:One\n", &many))).1, "A line has at most 1000 times.");
    let parameters = format!("SUMMARY{}:x", ";A=b".repeat(10_000));
    assert_eq!(problems(&file(&GOOD.replace("SUMMARY:One", &parameters))).len(), 1);
    let events: String = (0..2_001).map(|number| GOOD.replace("1@x", &format!("{number}@x"))).collect();
    assert_eq!(read(&file(&events)).events.len(), 2_000);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn an_event_is_written_as_the_rfc_has_it() {
    let berlin = |text: &str| When::Local(wall(text), Tz::Europe__Berlin);
    let mut event = Event::new("7".into(), berlin("2027-03-01T09:00:00"), berlin("2027-03-01T09:30:00"));
    event.summary = "Jour fixe; weekly, with ümläuts and a title that is much longer than what a line can hold".into();
    event.description = "One\r\ntwo\\three\u{7}".into();
    event.rule = Some("FREQ=WEEKLY;COUNT=5".parse().unwrap());
    event.left_out = vec![berlin("2027-03-08T09:00:00")];
    event.attendees =
        vec![Person { email: "p@x.example\r\nX-EVIL:1".into(), name: "Paula \"P\"".into(), answer: Answer::Open }];
    let text = write(Method::Request, Some("Room, 1"), &[event], at("2027-01-01T00:00:00Z"));
    assert!(
        text.lines().all(|line| line.len() <= 76)
            && text.split("\r\n").all(|line| !line.contains('\n') && line.len() <= 75)
    );
    let unfolded: Vec<String> = unfold(&text).map(|(_, line)| line).collect();
    for line in [
        "METHOD:REQUEST",
        "X-WR-CALNAME:Room\\, 1",
        "DTSTART;TZID=Europe/Berlin:20270301T090000",
        "RRULE:FREQ=WEEKLY;COUNT=5",
        "EXDATE;TZID=Europe/Berlin:20270308T090000",
        "SUMMARY:Jour fixe\\; weekly\\, with ümläuts and a title that is much longer than what a line can hold",
        "DESCRIPTION:One\\ntwo\\\\three",
        "ATTENDEE;CN=\"Paula ^'P^'\";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:p@x.exampleX-EVIL:1",
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    ] {
        assert!(unfolded.iter().any(|found| found == line), "{line} in {text}");
    }
}

/// The offset that a `VTIMEZONE` gives to an instant, read as the RFC says: the last change before it.
fn offset_by_text(text: &str, at: DateTime<Utc>) -> i64 {
    let mut best: Option<(DateTime<Utc>, i64)> = None;
    let (mut start, mut from, mut to, mut rule) = (None, 0, 0, None);
    let seconds = |text: &str| {
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let digits: Vec<i64> =
            text.as_bytes()[1..].chunks(2).map(|pair| std::str::from_utf8(pair).unwrap().parse().unwrap()).collect();
        sign * (digits[0] * 3600 + digits[1] * 60 + digits.get(2).unwrap_or(&0))
    };
    for (_, line) in unfold(text) {
        match line.split_once(':').unwrap() {
            ("DTSTART", value) => start = Some(NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S").unwrap()),
            ("TZOFFSETFROM", value) => from = seconds(value),
            ("TZOFFSETTO", value) => to = seconds(value),
            ("RRULE", value) => rule = Some(value.parse().unwrap()),
            ("END", "STANDARD" | "DAYLIGHT") => {
                let series = Series::of_times(start.unwrap(), Tz::UTC, rule.take(), MonthEnd::Skip).unwrap();
                for one in series.occurrences(at - TimeDelta::days(800), at + TimeDelta::days(2), 100) {
                    let change = one.at - TimeDelta::seconds(from);
                    if change <= at && best.is_none_or(|(known, _)| known <= change) {
                        best = Some((change, to));
                    }
                }
                if best.is_none() && start.unwrap().and_utc() <= at {
                    best = Some((start.unwrap().and_utc(), to));
                }
            }
            _ => {}
        }
    }
    best.unwrap().1
}

#[test]
fn zones_are_written_as_they_are() {
    for zone in [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "America/Santiago",
        "Europe/London",
        "UTC",
        "Asia/Tehran",
    ] {
        let zone: Tz = zone.parse().unwrap();
        let mut text = String::new();
        put_zone(&mut text, zone, 2027);
        let mut day = at("2027-01-01T12:00:00Z");
        while day.year() < 2032 {
            let expected = i64::from(
                chrono::Offset::fix(&chrono::TimeZone::offset_from_utc_datetime(&zone, &day.naive_utc()))
                    .local_minus_utc(),
            );
            assert_eq!(offset_by_text(&text, day), expected, "{zone} {day}\n{text}");
            day += TimeDelta::hours(61);
        }
    }
    // A zone without a rule for its changes names them one by one.
    let mut text = String::new();
    put_zone(&mut text, Tz::Africa__Casablanca, 2027);
    assert!(
        !text.contains("RRULE") && text.matches("BEGIN:DAYLIGHT").count() + text.matches("BEGIN:STANDARD").count() > 10,
        "{text}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_comes_back_as_it_was(text in "[a-zA-Z0-9äöü€😀,;:\\\\\" \n^=-]{0,300}") {
        prop_assert_eq!(unescape(&escape(&text)), text.clone());
        let mut out = String::new();
        put(&mut out, &format!("SUMMARY:{}", escape(&text)));
        prop_assert!(out.split("\r\n").all(|line| line.len() <= 75));
        let mut event = Event::new("1".into(), When::Instant(at("2027-03-01T09:00:00Z")), When::Instant(at("2027-03-01T10:00:00Z")));
        event.summary = text.clone();
        event.organizer = Some(Person { email: "a@b.example".into(), name: text.trim().replace('\n', " "), answer: Answer::Open });
        let reading = read(&write(Method::Publish, None, &[event], at("2027-01-01T00:00:00Z")));
        prop_assert_eq!(reading.problems, []);
        prop_assert_eq!(&reading.events[0].summary, &text);
        let name: String = text.trim().replace('\n', " ").chars().take(200).collect();
        prop_assert_eq!(&reading.events[0].organizer.as_ref().unwrap().name, &name);
    }

    #[test]
    fn no_file_makes_it_panic(text in "(BEGIN:|END:|VCALENDAR|VEVENT|DTSTART|DTEND|RRULE|EXDATE|DURATION|TZID=|UID|[:;=,\"^\\\\]|[0-9TZPMSW]|\r?\n ?|.){0,80}") {
        let _ = read(&text);
        let _ = read(&file(&format!("BEGIN:VEVENT\n{text}\nEND:VEVENT\n")));
    }

    #[test]
    fn times_come_back_as_they_were(minutes in 0_i64..5_000_000, zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "UTC"])) {
        let zone: Tz = zone.parse().unwrap();
        let starts = When::Local(wall("2026-01-01T00:00:00") + TimeDelta::minutes(minutes), zone);
        let ends = When::Instant(starts.instant(zone) + TimeDelta::hours(1));
        let event = Event::new("1".into(), starts, ends);
        let reading = read(&write(Method::Publish, None, std::slice::from_ref(&event), at("2027-01-01T00:00:00Z")));
        prop_assert_eq!((reading.events[0].starts, reading.events[0].ends), (event.starts, event.ends));
        prop_assert_eq!(reading.events[0].starts.instant(Tz::UTC), instant(starts.wall(zone), zone));
    }
}
