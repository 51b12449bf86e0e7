//! One event, as it is exchanged.

use backoffice_recurrence::{Rule, Tz, instant};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// When something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A whole day.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
    /// A local time of a zone.
    Local(NaiveDateTime, Tz),
    /// A local time of whoever reads it.
    Floating(NaiveDateTime),
}

impl When {
    /// On the wall of a zone, in which days begin and floating times are meant.
    #[must_use]
    pub fn wall(self, zone: Tz) -> NaiveDateTime {
        match self {
            Self::Day(day) => day.and_time(chrono::NaiveTime::MIN),
            Self::Floating(wall) => wall,
            Self::Local(wall, own) if own == zone => wall,
            Self::Local(wall, own) => instant(wall, own).with_timezone(&zone).naive_local(),
            Self::Instant(at) => at.with_timezone(&zone).naive_local(),
        }
    }

    /// As an instant, days and floating times in that zone.
    #[must_use]
    pub fn instant(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Instant(at) => at,
            Self::Local(wall, own) => instant(wall, own),
            Self::Day(_) | Self::Floating(_) => instant(self.wall(zone), zone),
        }
    }
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It is to be looked at (feeds).
    Publish,
    /// Somebody is invited, or told of a change.
    Request,
    /// Somebody is told that it does not take place.
    Cancel,
    /// Somebody answers.
    Reply,
}

impl Method {
    /// As the RFC writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Publish => "PUBLISH",
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
            Self::Reply => "REPLY",
        }
    }
}

/// Whether an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// It does.
    #[default]
    Confirmed,
    /// Perhaps.
    Tentative,
    /// It does not.
    Cancelled,
}

/// What somebody has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answer {
    /// Nothing yet.
    #[default]
    Open,
    /// He comes.
    Accepted,
    /// He does not.
    Declined,
    /// Perhaps.
    Tentative,
}

impl Answer {
    /// As the RFC writes it (`PARTSTAT`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "NEEDS-ACTION",
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
            Self::Tentative => "TENTATIVE",
        }
    }
}

/// Who invites or is invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Mail address.
    pub email: String,
    /// Name; empty if it was not said.
    pub name: String,
    /// What he has answered.
    pub answer: Answer,
}

/// One event, or one time of a series that is otherwise than the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is known by everywhere.
    pub uid: String,
    /// Counts what others have to be told.
    pub sequence: i32,
    /// When it was last changed.
    pub stamp: Option<DateTime<Utc>>,
    /// When it begins.
    pub starts: When,
    /// When it is over; not before its beginning.
    pub ends: When,
    /// What it is, in a line.
    pub summary: String,
    /// What it is, at length.
    pub description: String,
    /// Where it is.
    pub location: String,
    /// Whether it stands.
    pub status: Status,
    /// When it comes again.
    pub rule: Option<Rule>,
    /// Times that were added to the rule's.
    pub added: Vec<When>,
    /// Times that were left out of the rule's.
    pub left_out: Vec<When>,
    /// Which time of a series it stands for.
    pub instead_of: Option<When>,
    /// Who invites.
    pub organizer: Option<Person>,
    /// Who is invited.
    pub attendees: Vec<Person>,
    /// The line at which it begins; 0 if it was not read.
    pub line: usize,
}

impl Event {
    /// An event with nothing but its times.
    #[must_use]
    pub fn new(uid: String, starts: When, ends: When) -> Self {
        Self {
            uid,
            sequence: 0,
            stamp: None,
            starts,
            ends,
            summary: String::new(),
            description: String::new(),
            location: String::new(),
            status: Status::Confirmed,
            rule: None,
            added: Vec::new(),
            left_out: Vec::new(),
            instead_of: None,
            organizer: None,
            attendees: Vec::new(),
            line: 0,
        }
    }
}
