//! Free time in several calendars at once: open in all of them, and nothing booked in any, buffers kept.

/// What one calendar says about some stretch of time, in seconds of Unix time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seat {
    /// When it can be booked: in order, not overlapping.
    open: Vec<(i64, i64)>,
    /// What is booked with its own buffers: in order, not overlapping.
    busy: Vec<(i64, i64)>,
    before: i64,
    after: i64,
}

/// Why a calendar cannot be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is not open for the whole of it.
    Closed,
    /// Something else is booked, or its buffer reaches in.
    Busy,
}

impl Seat {
    /// A calendar that is open then, keeps so many seconds free before and after each appointment, and has that booked.
    #[must_use]
    pub fn new(open: impl IntoIterator<Item = (i64, i64)>, before: i64, after: i64, mut busy: Vec<(i64, i64)>) -> Self {
        let mut whole: Vec<(i64, i64)> = Vec::new();
        for (from, until) in open {
            match whole.last_mut() {
                // Hours to midnight and from midnight on are one stretch.
                Some(last) if last.1 >= from => last.1 = last.1.max(until),
                _ => whole.push((from, until)),
            }
        }
        busy.sort_unstable();
        Self { open: whole, busy, before, after }
    }

    /// Whether it can be booked from one instant to another, half-open.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, from: i64, until: i64) -> Result<(), Taken> {
        let behind = self.open.partition_point(|open| open.0 <= from);
        let open = behind.checked_sub(1).and_then(|place| self.open.get(place));
        if open.is_none_or(|open| until > open.1) {
            return Err(Taken::Closed);
        }
        let (from, until) = (from.saturating_sub(self.before), until.saturating_add(self.after));
        let next = self.busy.partition_point(|busy| busy.1 <= from);
        match self.busy.get(next) {
            Some(busy) if busy.0 < until => Err(Taken::Busy),
            _ => Ok(()),
        }
    }
}

/// The free slots of that length in all calendars that begin in `[from, until)`: one every `step` seconds from where the
/// first calendar opens; at most so many.
#[must_use]
pub fn free(seats: &[Seat], from: i64, until: i64, length: i64, step: i64, at_most: usize) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    let Some(first) = seats.first().filter(|_| length > 0 && step > 0) else { return found };
    for &(opens, closes) in &first.open {
        // The grid is that of the hours, also when it is asked for from the middle of them on.
        let skipped = from.saturating_sub(opens).max(0);
        let mut start = opens.saturating_add(skipped.saturating_add(step - 1) / step * step);
        while start < until && start.saturating_add(length) <= closes {
            if found.len() >= at_most {
                return found;
            }
            if seats.iter().all(|seat| seat.check(start, start + length).is_ok()) {
                found.push((start, start + length));
            }
            start = start.saturating_add(step);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Minutes of a day as seconds.
    fn at(hour: i64, minute: i64) -> i64 {
        (hour * 60 + minute) * 60
    }

    #[test]
    fn half_past_nine_is_free_and_a_quarter_past_is_not() {
        let seat = Seat::new([(at(8, 0), at(12, 0))], 0, 0, vec![(at(9, 0), at(9, 30))]);
        assert_eq!(seat.check(at(9, 30), at(10, 0)), Ok(()));
        assert_eq!(seat.check(at(8, 30), at(9, 0)), Ok(()));
        assert_eq!(seat.check(at(9, 15), at(9, 45)), Err(Taken::Busy));
        assert_eq!(seat.check(at(8, 45), at(9, 15)), Err(Taken::Busy));
        assert_eq!(seat.check(at(11, 45), at(12, 15)), Err(Taken::Closed));
        assert_eq!(seat.check(at(7, 59), at(8, 29)), Err(Taken::Closed));
        let free = free(&[seat], 0, at(24, 0), 30 * 60, 30 * 60, 99);
        assert_eq!(free.iter().map(|slot| slot.0 / 60).collect::<Vec<_>>(), [480, 510, 570, 600, 630, 660, 690]);
    }

    #[test]
    fn buffers_of_both_sides_are_kept() {
        // 10 minutes before and 15 after, of what is booked (8:50 to 9:45) and of what is asked for.
        let seat = Seat::new([(at(8, 0), at(12, 0))], at(0, 10), at(0, 15), vec![(at(8, 50), at(9, 45))]);
        assert_eq!(seat.check(at(9, 45), at(10, 0)), Err(Taken::Busy));
        assert_eq!(seat.check(at(9, 55), at(10, 25)), Ok(()));
        assert_eq!(seat.check(at(8, 0), at(8, 35)), Ok(()));
        assert_eq!(seat.check(at(8, 0), at(8, 36)), Err(Taken::Busy));
        // Two calendars: both have to be open and free.
        let other = Seat::new([(at(9, 0), at(10, 0)), (at(10, 0), at(11, 0))], 0, 0, vec![]);
        assert_eq!(
            free(&[seat, other], 0, at(24, 0), at(0, 30), at(0, 5), 3),
            [(at(9, 55), at(10, 25)), (at(10, 0), at(10, 30)), (at(10, 5), at(10, 35))]
        );
    }

    proptest! {
        #[test]
        fn what_is_free_can_be_booked_and_what_is_not_cannot(
            busy in prop::collection::btree_set(0_i64..96, 0..12), length in 1_i64..8, before in 0_i64..4, after in 0_i64..4,
        ) {
            let quarter = 900;
            let booked = busy.iter().map(|place| (place * quarter, (place + 1) * quarter)).collect();
            let seat = Seat::new([(32 * quarter, 72 * quarter)], before * quarter, after * quarter, booked);
            let free = free(std::slice::from_ref(&seat), 0, 96 * quarter, length * quarter, quarter, 99);
            for start in 0..96 {
                let open = start >= 32 && start + length <= 72;
                let clear = (start - before..start + length + after).all(|place| !busy.contains(&place));
                let slot = (start * quarter, (start + length) * quarter);
                prop_assert_eq!(free.contains(&slot), open && clear);
                prop_assert_eq!(seat.check(slot.0, slot.1).is_ok(), open && clear);
            }
        }
    }
}
