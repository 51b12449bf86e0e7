//! A file as events. Whoever wrote it is not trusted: everything has a bound, and what is wrong is told by its line.

use std::collections::BTreeSet;

use backoffice_recurrence::Rule;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use crate::event::{Answer, Event, Method, Person, Status, When};
use crate::line::{Line, parse, unescape, unfold};

/// The largest file, in bytes.
const LARGEST: usize = 4 << 20;
/// The most lines of a file.
const MOST_LINES: usize = 50_000;
/// The longest line, once it is unfolded.
const LONGEST: usize = 64 << 10;
/// The most events.
const MOST_EVENTS: usize = 2_000;
/// The most sentences about what is wrong.
const MOST_PROBLEMS: usize = 100;
/// The most values of `EXDATE`s and `RDATE`s, and the most people of one event.
const MOST_VALUES: usize = 1_000;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1 on; 1 if it is the file as a whole.
    pub line: usize,
    /// A sentence.
    pub message: String,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// What the file is for, if it says so.
    pub method: Option<Method>,
    /// The events that could be read.
    pub events: Vec<Event>,
    /// What could not, in the order of the lines; the first hundred.
    pub problems: Vec<Problem>,
}

/// Reads a file. Whatever is wrong stands among the problems; an event with a problem is not among the events.
#[must_use]
pub fn read(text: &str) -> Reading {
    let mut reader = Reader::default();
    reader.all(text);
    reader.reading
}

#[derive(Default)]
struct Reader {
    reading: Reading,
    open: Vec<String>,
    draft: Option<Draft>,
    seen: BTreeSet<(String, Option<String>)>,
    closed: bool,
}

/// An event whose end was not read yet.
#[derive(Default)]
struct Draft {
    line: usize,
    bad: bool,
    lines: Vec<Line>,
}

impl Reader {
    fn problem(&mut self, line: usize, message: impl Into<String>) {
        if self.reading.problems.len() < MOST_PROBLEMS {
            self.reading.problems.push(Problem { line, message: message.into() });
        }
        if let Some(draft) = &mut self.draft {
            draft.bad = true;
        }
    }

    fn all(&mut self, text: &str) {
        if text.len() > LARGEST {
            return self.problem(1, "The file is larger than 4 MiB.");
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut last = 1;
        for (count, (number, line)) in unfold(text).enumerate() {
            last = number;
            if count >= MOST_LINES {
                return self.problem(number, "The file has more than 50,000 lines.");
            }
            if line.len() > LONGEST {
                self.problem(number, "The line is longer than 64 KiB.");
                continue;
            }
            match parse(number, &line) {
                Some(line) => self.take(line),
                None => self.problem(
                    number,
                    "This is no line of a calendar: they look like NAME:value or NAME;PARAMETER=value:value.",
                ),
            }
            if self.reading.problems.len() >= MOST_PROBLEMS {
                return;
            }
        }
        if let Some(open) = self.open.last().cloned() {
            self.problem(last, format!("END:{open} is missing."));
        } else if !self.closed {
            self.problem(1, "The file has no BEGIN:VCALENDAR.");
        }
    }

    fn take(&mut self, line: Line) {
        match line.name.as_str() {
            "BEGIN" => self.begin(&line),
            "END" => self.end(&line),
            _ => match (self.open.last().map(String::as_str), &mut self.draft) {
                (None, _) => self.problem(line.number, "This stands outside of BEGIN:VCALENDAR and END:VCALENDAR."),
                (Some("VEVENT"), Some(draft)) => draft.lines.push(line),
                (Some("VCALENDAR"), _) if line.name == "METHOD" => {
                    self.reading.method = match line.value.to_ascii_uppercase().as_str() {
                        "PUBLISH" => Some(Method::Publish),
                        "REQUEST" => Some(Method::Request),
                        "CANCEL" => Some(Method::Cancel),
                        "REPLY" => Some(Method::Reply),
                        _ => None,
                    };
                }
                // Zones are known by their names; alarms, tasks and journals are nobody's appointments.
                _ => {}
            },
        }
    }

    fn begin(&mut self, line: &Line) {
        let what = line.value.trim().to_ascii_uppercase();
        match (self.open.len(), what == "VCALENDAR") {
            (0, true) => {}
            (0, false) => self.problem(line.number, "A file begins with BEGIN:VCALENDAR."),
            (1 | 2, false) => {}
            (1 | 2, true) => self.problem(line.number, "A calendar cannot stand inside of another one."),
            _ => self.problem(line.number, "This is nested more deeply than anything in a calendar is."),
        }
        if self.open.len() >= 8 {
            return;
        }
        if what == "VEVENT" && self.open.len() == 1 {
            self.draft = Some(Draft { line: line.number, ..Draft::default() });
        }
        self.open.push(what);
    }

    fn end(&mut self, line: &Line) {
        let what = line.value.trim().to_ascii_uppercase();
        let shown: String = what.chars().filter(|sign| !sign.is_control()).take(24).collect();
        match self.open.last() {
            Some(open) if *open == what => {
                self.open.pop();
                self.closed |= what == "VCALENDAR";
                if what == "VEVENT"
                    && let Some(draft) = self.draft.take()
                {
                    self.finish(draft);
                }
            }
            Some(open) => {
                let message = format!("END:{shown} stands where END:{open} is missing.");
                self.problem(line.number, message);
                // What lies above it is taken for ended as well, so that one mistake is told once.
                if let Some(place) = self.open.iter().rposition(|open| *open == what) {
                    self.open.truncate(place);
                    self.draft = None;
                    self.closed |= what == "VCALENDAR";
                }
            }
            None => self.problem(line.number, format!("END:{shown} stands here without a BEGIN:{shown}.")),
        }
    }

    fn finish(&mut self, draft: Draft) {
        if draft.bad {
            return;
        }
        if self.reading.events.len() >= MOST_EVENTS {
            return self.problem(draft.line, "The file has more than 2,000 events.");
        }
        match event(&draft) {
            Err(problem) => self.problem(problem.line, problem.message),
            Ok(event) => {
                let which = event.instead_of.map(|when| format!("{when:?}"));
                if !self.seen.insert((event.uid.clone(), which)) {
                    return self.problem(draft.line, "Another event of the file has the same UID.");
                }
                self.reading.events.push(event);
            }
        }
    }
}

type Outcome<T> = Result<T, Problem>;

fn wrong<T>(line: &Line, message: impl Into<String>) -> Outcome<T> {
    Err(Problem { line: line.number, message: message.into() })
}

/// The zone of a name. Some programs put a name of theirs before that of the zone.
fn zone(line: &Line, name: &str) -> Outcome<Tz> {
    let tail = name.match_indices('/').map(|(place, _)| name.get(place + 1..).unwrap_or_default());
    match std::iter::once(name).chain(tail).find_map(|name| name.parse().ok()) {
        Some(zone) => Ok(zone),
        None => {
            let shown: String = name.chars().filter(|sign| !sign.is_control()).take(40).collect();
            wrong(line, format!("The time zone \"{shown}\" is not known: names are those of IANA, e.g. Europe/Berlin."))
        }
    }
}

/// The times of a line.
fn times(line: &Line) -> Outcome<Vec<When>> {
    let zone = line.parameter("TZID").map(|name| zone(line, name)).transpose()?;
    if line.parameter("VALUE").is_some_and(|value| value.eq_ignore_ascii_case("PERIOD")) {
        return wrong(line, "Periods are not supported here: name the times.");
    }
    let values = line.value.split(',');
    values
        .take(MOST_VALUES + 1)
        .enumerate()
        .map(|(place, value)| {
            let value = value.trim();
            let shown: String = value.chars().filter(|sign| !sign.is_control()).take(24).collect();
            if place >= MOST_VALUES {
                return wrong(line, format!("A line has at most {MOST_VALUES} times."));
            }
            let wall = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok();
            let found = match (value.len(), value.strip_suffix(['Z', 'z'])) {
                (8, None) => NaiveDate::parse_from_str(value, "%Y%m%d").ok().map(When::Day),
                (15, None) => wall(value).map(|wall| match zone {
                    Some(zone) => When::Local(wall, zone),
                    None => When::Floating(wall),
                }),
                (16, Some(value)) => wall(value).map(|wall| When::Instant(wall.and_utc())),
                _ => None,
            };
            match found.filter(|when| (1900..=2199).contains(&year(*when))) {
                Some(when) => Ok(when),
                None => wrong(
                    line,
                    format!("\"{shown}\" is no time: they look like 20270301, 20270301T090000 or 20270301T080000Z."),
                ),
            }
        })
        .collect()
}

fn year(when: When) -> i32 {
    use chrono::Datelike;
    match when {
        When::Day(day) => day.year(),
        When::Instant(at) => at.year(),
        When::Local(wall, _) | When::Floating(wall) => wall.year(),
    }
}

fn time(line: &Line) -> Outcome<When> {
    match times(line)?.as_slice() {
        [only] => Ok(*only),
        _ => wrong(line, format!("{} is one time.", line.name)),
    }
}

/// A duration such as `PT1H30M` or `P1W`; none before its beginning, none longer than a year.
fn duration(line: &Line) -> Outcome<TimeDelta> {
    let refuse = || wrong(line, "A duration looks like PT1H30M, P2D or P1W, is not negative and at most a year long.");
    let text = line.value.trim().to_ascii_uppercase();
    let Some(text) = text.strip_prefix('+').unwrap_or(&text).strip_prefix('P') else { return refuse() };
    let (mut seconds, mut digits, mut of_day, mut parts) = (0_i64, String::new(), false, 0);
    for sign in text.chars() {
        let unit = match (sign, of_day) {
            ('0'..='9', _) if digits.len() < 9 => {
                digits.push(sign);
                continue;
            }
            ('T', false) if digits.is_empty() => {
                of_day = true;
                continue;
            }
            ('W', false) => 604_800,
            ('D', false) => 86_400,
            ('H', true) => 3_600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return refuse(),
        };
        let Ok(count) = digits.parse::<i64>() else { return refuse() };
        seconds += count * unit;
        parts += 1;
        digits.clear();
    }
    match digits.is_empty() && parts > 0 && seconds <= 366 * 86_400 {
        true => Ok(TimeDelta::seconds(seconds)),
        false => refuse(),
    }
}

fn person(line: &Line) -> Outcome<Person> {
    let value = line.value.trim();
    let email = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).and_then(|_| value.get(7..));
    let answer = match line.parameter("PARTSTAT").map(str::to_ascii_uppercase).as_deref() {
        Some("ACCEPTED") => Answer::Accepted,
        Some("DECLINED") => Answer::Declined,
        Some("TENTATIVE") => Answer::Tentative,
        _ => Answer::Open,
    };
    match email.filter(|email| email.contains('@') && email.len() <= 254 && email.bytes().all(|b| b.is_ascii_graphic()))
    {
        Some(email) => {
            let name = line.parameter("CN").unwrap_or_default().chars().filter(|sign| !sign.is_control()).take(200);
            Ok(Person { email: email.to_owned(), name: name.collect(), answer })
        }
        None => wrong(line, format!("{} is a mail address: mailto:somebody@firm.example.", line.name)),
    }
}

/// Moves a time by so much, on the wall where it has one.
fn after(when: When, by: TimeDelta) -> Option<When> {
    Some(match when {
        When::Day(day) => When::Day(day.checked_add_signed(by)?),
        When::Instant(at) => When::Instant(at.checked_add_signed(by)?),
        When::Local(wall, zone) => When::Instant(When::Local(wall, zone).instant(zone).checked_add_signed(by)?),
        When::Floating(wall) => When::Floating(wall.checked_add_signed(by)?),
    })
}

/// Whether both are days or both are times, and the end does not lie before the beginning.
fn ordered(starts: When, ends: When) -> bool {
    match (starts, ends) {
        (When::Day(starts), When::Day(ends)) => starts <= ends,
        (When::Day(_), _) | (_, When::Day(_)) => false,
        _ => starts.instant(Tz::UTC) <= ends.instant(Tz::UTC),
    }
}

fn event(draft: &Draft) -> Outcome<Event> {
    let missing = |what: &str| Problem { line: draft.line, message: format!("The event has no {what}.") };
    let only = |name: &str| -> Outcome<Option<&Line>> {
        let mut found = draft.lines.iter().filter(|line| line.name == name);
        let first = found.next();
        match found.next() {
            Some(second) => wrong(second, format!("{name} stands in the event twice.")),
            None => Ok(first),
        }
    };
    let text = |name: &str, most: usize| -> Outcome<String> {
        let Some(line) = only(name)? else { return Ok(String::new()) };
        let text: String = unescape(&line.value).chars().filter(|sign| !sign.is_control() || *sign == '\n').collect();
        match text.chars().count() > most {
            true => wrong(line, format!("{name} has more than {most} characters.")),
            false => Ok(text),
        }
    };
    let uid = only("UID")?.ok_or_else(|| missing("UID"))?;
    let shown = uid.value.trim();
    if shown.is_empty() || shown.chars().count() > 255 || shown.chars().any(char::is_control) {
        return wrong(uid, "A UID has 1 to 255 characters.");
    }
    let starts_line = only("DTSTART")?.ok_or_else(|| missing("DTSTART"))?;
    let starts = time(starts_line)?;
    let ends = match (only("DTEND")?, only("DURATION")?) {
        (Some(line), Some(_)) => return wrong(line, "An event has a DTEND or a DURATION, not both."),
        (Some(line), None) => {
            let ends = time(line)?;
            if !ordered(starts, ends) {
                return wrong(line, "DTEND lies before DTSTART, or one of both is a day and the other one a time.");
            }
            ends
        }
        (None, Some(line)) => match after(starts, duration(line)?) {
            Some(ends) => ends,
            None => return wrong(line, "This ends after all calendars."),
        },
        (None, None) => match starts {
            When::Day(day) => When::Day(day.succ_opt().unwrap_or(day)),
            starts => starts,
        },
    };
    let rule = match only("RRULE")? {
        None => None,
        Some(line) => match line.value.parse::<Rule>() {
            Ok(rule) => Some(rule),
            Err(error) => return wrong(line, error.to_string()),
        },
    };
    let sequence = match only("SEQUENCE")? {
        None => 0,
        Some(line) => match line.value.trim().parse::<i32>() {
            Ok(number) if number >= 0 => number,
            _ => return wrong(line, "A SEQUENCE is a number from 0 on."),
        },
    };
    let status = match only("STATUS")?.map(|line| line.value.trim().to_ascii_uppercase()).as_deref() {
        Some("CANCELLED") => Status::Cancelled,
        Some("TENTATIVE") => Status::Tentative,
        _ => Status::Confirmed,
    };
    let many = |name: &str| -> Outcome<Vec<When>> {
        let mut found = Vec::new();
        for line in draft.lines.iter().filter(|line| line.name == name) {
            found.extend(times(line)?);
            if found.len() > MOST_VALUES {
                return wrong(line, format!("An event has at most {MOST_VALUES} of them."));
            }
        }
        Ok(found)
    };
    let attendees: Vec<&Line> = draft.lines.iter().filter(|line| line.name == "ATTENDEE").collect();
    if let Some(line) = attendees.get(MOST_VALUES) {
        return wrong(line, format!("An event has at most {MOST_VALUES} people."));
    }
    Ok(Event {
        uid: shown.to_owned(),
        sequence,
        stamp: match only("DTSTAMP")?.map(time).transpose()? {
            Some(When::Instant(at)) => Some(at),
            _ => None,
        },
        starts,
        ends,
        summary: text("SUMMARY", 1_000)?,
        description: text("DESCRIPTION", 20_000)?,
        location: text("LOCATION", 500)?,
        status,
        rule,
        added: many("RDATE")?,
        left_out: many("EXDATE")?,
        instead_of: only("RECURRENCE-ID")?.map(time).transpose()?,
        organizer: only("ORGANIZER")?.map(person).transpose()?,
        attendees: attendees.into_iter().map(person).collect::<Outcome<Vec<Person>>>()?,
        line: draft.line,
    })
}
