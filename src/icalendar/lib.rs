//! iCalendar text (RFC 5545): written as others read it, read without trust.
//!
//! | module | what it knows |
//! |---|---|
//! | [`line`] | lines: folded at 75 octets, names, parameters, values, escapes |
//! | [`event`] | one event as it is exchanged: times, rule, exceptions, people |
//! | [`read`] | a file as events, with a sentence for every line that is wrong |
//! | [`write`] | events as a file, with their time zones |
//! | [`zone`] | a time zone as `VTIMEZONE` |
//!
//! **Bounds of reading.** Files of at most 4 MiB with at most 50,000 lines of at most 64 KiB each, three levels of nesting,
//! 2,000 events, 100 sentences about what is wrong. Nothing is computed from a rule that the crate `recurrence` has not
//! taken, whose work is bounded.

pub mod event;
pub mod line;
pub mod read;
pub mod write;
pub mod zone;

pub use event::{Answer, Event, Method, Person, Status, When};
pub use read::{Problem, Reading, read};
pub use write::write;
