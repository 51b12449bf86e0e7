//! When a document is archived, goes into the trash and is purged: by all schedules that hold for it, the longest of which
//! wins. No database, no clock.

use chrono::{Days, NaiveDate};

/// What a schedule says, in days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its name.
    pub name: String,
    /// From the day from which retention counts to the archive; none: not archived by it.
    pub archive_after: Option<i32>,
    /// From that day to the trash; none: kept.
    pub trash_after: Option<i32>,
    /// From the trash to the purge; none: it stays in the trash.
    pub purge_after: Option<i32>,
    /// Whether somebody has to confirm the purge.
    pub confirmed: bool,
}

/// What comes of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The day of the archive; none: never.
    pub archive_on: Option<NaiveDate>,
    /// The day of the trash; none: never.
    pub trash_on: Option<NaiveDate>,
    /// The day of the purge; none: never.
    pub purge_on: Option<NaiveDate>,
    /// Whether somebody has to confirm the purge.
    pub confirmed: bool,
}

fn after(day: NaiveDate, days: i32) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(u64::try_from(days).unwrap_or_default()))
}

/// What comes of these schedules for a document whose retention counts from that day, and which went into the trash on that
/// one if it did. Of each stage the latest end wins, and one without an end wins over all; but nothing is purged before it
/// has been in the trash for the shortest time that any of them names.
#[must_use]
pub fn due(terms: &[Terms], from: NaiveDate, trashed_on: Option<NaiveDate>) -> Due {
    let confirmed = terms.iter().any(|one| one.confirmed);
    let archive = terms.iter().filter_map(|one| one.archive_after).max();
    let trash: Option<Vec<i32>> = terms.iter().map(|one| one.trash_after).collect();
    let trash_on = trash.and_then(|days| days.into_iter().max()).and_then(|days| after(from, days));
    let whole: Option<Vec<(i32, i32)>> =
        terms.iter().map(|one| Some((one.trash_after?.saturating_add(one.purge_after?), one.purge_after?))).collect();
    let purge_on = trash_on.and_then(|trash_on| {
        let whole = whole?;
        let total = whole.iter().map(|(total, _)| *total).max()?;
        let least = whole.iter().map(|(_, purge)| *purge).min()?;
        Some(after(from, total)?.max(after(trashed_on.unwrap_or(trash_on), least)?))
    });
    let archive_on = archive.and_then(|days| after(from, days)).filter(|day| trash_on.is_none_or(|trash| *day < trash));
    Due { archive_on, trash_on, purge_on, confirmed }
}

/// What the schedules say, in a sentence each.
#[must_use]
pub fn told(terms: &[Terms]) -> String {
    let sentences = terms.iter().map(|one| {
        let mut parts = Vec::new();
        parts.extend(one.archive_after.map(|days| format!("archived after {days} days")));
        match (one.trash_after, one.purge_after) {
            (None, _) => parts.push("kept".to_owned()),
            (Some(days), None) => parts.push(format!("into the trash after {days} days")),
            (Some(days), Some(more)) => {
                parts.push(format!("into the trash after {days} days"));
                let how = if one.confirmed { "purged, when that is confirmed," } else { "purged" };
                parts.push(format!("{how} {more} days later"));
            }
        }
        format!("{}: {}.", one.name, parts.join(", "))
    });
    let text = sentences.collect::<Vec<_>>().join(" ");
    if text.is_empty() { "No retention schedule holds for it.".to_owned() } else { text.chars().take(2000).collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn terms(trash: Option<i32>, purge: Option<i32>) -> Terms {
        Terms {
            name: "Letters".to_owned(),
            archive_after: None,
            trash_after: trash,
            purge_after: purge,
            confirmed: false,
        }
    }

    #[test]
    fn the_trash_after_a_year_and_the_purge_thirty_days_later() {
        let from = day("2025-01-01");
        let one = [terms(Some(365), Some(30))];
        let planned = due(&one, from, None);
        assert_eq!((planned.trash_on, planned.purge_on), (after(from, 365), after(from, 395)));
        assert_eq!(due(&one, from, after(from, 365)).purge_on, after(from, 395));
        // found late, it lies in the trash for its time all the same
        assert_eq!(due(&one, from, after(from, 500)).purge_on, after(from, 530));
        assert_eq!(told(&one), "Letters: into the trash after 365 days, purged 30 days later.");
    }

    #[test]
    fn the_longest_wins_and_no_end_over_all() {
        let from = day("2024-02-29");
        let both = [terms(Some(365), Some(30)), terms(Some(100), Some(400))];
        let planned = due(&both, from, None);
        assert_eq!((planned.trash_on, planned.purge_on), (after(from, 365), after(from, 500)));
        let kept = [terms(Some(365), Some(30)), terms(None, None)];
        assert_eq!(due(&kept, from, None), Due::default());
        let unpurged = [terms(Some(10), Some(10)), terms(Some(5), None)];
        assert_eq!((due(&unpurged, from, None).trash_on, due(&unpurged, from, None).purge_on), (after(from, 10), None));
        assert_eq!(due(&[], from, None), Due::default());
        let archived = Terms { archive_after: Some(20), ..terms(Some(30), None) };
        assert_eq!(due(std::slice::from_ref(&archived), from, None).archive_on, after(from, 20));
    }

    proptest! {
        #[test]
        fn a_further_schedule_never_brings_anything_forward(
            some in proptest::collection::vec((proptest::option::of(0..2000i32), proptest::option::of(1..2000i32)), 1..6),
        ) {
            let all: Vec<Terms> = some.iter().map(|(trash, purge)| terms(*trash, trash.and(*purge))).collect();
            let from = day("2026-01-01");
            let later = |one: Option<NaiveDate>, other: Option<NaiveDate>| match (one, other) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(one), Some(other)) => one <= other,
            };
            for count in 1..all.len() {
                let (fewer, more) = (due(&all[..count], from, None), due(&all[..=count], from, None));
                prop_assert!(later(fewer.trash_on, more.trash_on));
                let whole = due(&all, from, None);
                if let (Some(trash), Some(purge)) = (whole.trash_on, whole.purge_on) {
                    prop_assert!(trash < purge);
                }
            }
        }
    }
}
