//! Events as a file.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use chrono_tz::Tz;

use crate::event::{Event, Method, Person, Status, When};
use crate::line::{escape, put, quote};
use crate::zone::put_zone;

/// Writes events as a file. `name` is the calendar's, `now` stands on what has no stamp of its own.
#[must_use]
pub fn write(method: Method, name: Option<&str>, events: &[Event], now: DateTime<Utc>) -> String {
    let mut out = String::new();
    put(&mut out, "BEGIN:VCALENDAR");
    put(&mut out, "VERSION:2.0");
    put(&mut out, "PRODID:-//Backoffice//Appointments//EN");
    put(&mut out, "CALSCALE:GREGORIAN");
    put(&mut out, &format!("METHOD:{}", method.word()));
    if let Some(name) = name {
        put(&mut out, &format!("NAME:{}", escape(name)));
        put(&mut out, &format!("X-WR-CALNAME:{}", escape(name)));
        put(&mut out, "REFRESH-INTERVAL;VALUE=DURATION:PT1H");
    }
    // Each zone once, from the first year in which it is used.
    let mut zones: Vec<(Tz, i32)> = Vec::new();
    for event in events {
        let mut times = vec![event.starts, event.ends];
        times.extend(event.instead_of);
        times.extend(event.added.iter().chain(&event.left_out));
        for time in times {
            let When::Local(wall, zone) = time else { continue };
            match zones.iter_mut().find(|(known, _)| *known == zone) {
                Some((_, year)) => *year = (*year).min(wall.year()),
                None => zones.push((zone, wall.year())),
            }
        }
    }
    for (zone, year) in zones {
        put_zone(&mut out, zone, year);
    }
    for event in events {
        put_event(&mut out, event, now);
    }
    put(&mut out, "END:VCALENDAR");
    out
}

fn local(wall: NaiveDateTime) -> String {
    wall.format("%Y%m%dT%H%M%S").to_string()
}

fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// A line with a time.
fn timed(name: &str, when: When) -> String {
    match when {
        When::Day(day) => format!("{name};VALUE=DATE:{}", day.format("%Y%m%d")),
        When::Instant(at) => format!("{name}:{}", utc(at)),
        When::Local(wall, zone) => format!("{name};TZID={}:{}", zone.name(), local(wall)),
        When::Floating(wall) => format!("{name}:{}", local(wall)),
    }
}

fn person(name: &str, parameters: &str, person: &Person) -> String {
    let shown =
        if person.name.trim().is_empty() { String::new() } else { format!(";CN={}", quote(person.name.trim())) };
    // An address with anything but its signs in it would be taken for more than an address.
    let email: String = person.email.chars().filter(|sign| sign.is_ascii_graphic()).collect();
    format!("{name}{shown}{parameters}:mailto:{email}")
}

fn put_event(out: &mut String, event: &Event, now: DateTime<Utc>) {
    put(out, "BEGIN:VEVENT");
    put(out, &format!("UID:{}", escape(&event.uid)));
    put(out, &format!("DTSTAMP:{}", utc(event.stamp.unwrap_or(now))));
    put(out, &format!("SEQUENCE:{}", event.sequence));
    if let Some(which) = event.instead_of {
        put(out, &timed("RECURRENCE-ID", which));
    }
    put(out, &timed("DTSTART", event.starts));
    put(out, &timed("DTEND", event.ends));
    if let Some(rule) = &event.rule {
        put(out, &format!("RRULE:{rule}"));
    }
    for when in &event.added {
        put(out, &timed("RDATE", *when));
    }
    for when in &event.left_out {
        put(out, &timed("EXDATE", *when));
    }
    put(out, &format!("SUMMARY:{}", escape(&event.summary)));
    if !event.description.is_empty() {
        put(out, &format!("DESCRIPTION:{}", escape(&event.description)));
    }
    if !event.location.is_empty() {
        put(out, &format!("LOCATION:{}", escape(&event.location)));
    }
    let status = match event.status {
        Status::Confirmed => "CONFIRMED",
        Status::Tentative => "TENTATIVE",
        Status::Cancelled => "CANCELLED",
    };
    put(out, &format!("STATUS:{status}"));
    if let Some(organizer) = &event.organizer {
        put(out, &person("ORGANIZER", "", organizer));
    }
    for attendee in &event.attendees {
        let open = if attendee.answer == crate::event::Answer::Open { ";RSVP=TRUE" } else { "" };
        let parameters = format!(";ROLE=REQ-PARTICIPANT;PARTSTAT={}{open}", attendee.answer.word());
        put(out, &person("ATTENDEE", &parameters, attendee));
    }
    put(out, "END:VEVENT");
}
