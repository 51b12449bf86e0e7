//! When a delivery that failed is tried again: after 5 seconds, then three times as long each time, at most every twelve
//! hours, for three days; the last attempt is made when the three days are over. No two deliveries keep step, because
//! each delay is up to a fifth shorter or longer.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// For how long a delivery is tried.
pub const WINDOW: Duration = Duration::from_secs(3 * 24 * 3600);
/// The first delay.
const FIRST: Duration = Duration::from_secs(5);
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// The longest `Retry-After` that is honoured; longer ones count as this.
pub const LONGEST_ASKED: Duration = Duration::from_secs(6 * 3600);

/// The delay before the next attempt, after `tries` of them of which the first was begun that long ago. None: the three
/// days are over. `chance` is any number; it makes the difference between deliveries.
#[must_use]
pub fn delay(tries: u32, since_first: Duration, asked: Option<Duration>, chance: u32) -> Option<Duration> {
    let left = WINDOW.checked_sub(since_first).filter(|left| !left.is_zero())?;
    let plain = FIRST.saturating_mul(3u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST);
    let jittered = plain.saturating_mul(800 + chance % 401) / 1000;
    let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
    Some(jittered.max(asked).min(left))
}

/// What a `Retry-After` header asks for: seconds, or a date.
#[must_use]
pub fn asked(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for any clock is a long time.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let at = DateTime::parse_from_rfc2822(header).ok()?;
    (at.with_timezone(&Utc) - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However chance falls, a delivery is tried a dozen times or so and for the last time after three days.
        #[test]
        fn three_days_and_not_more(chances in proptest::collection::vec(any::<u32>(), 64), asked in proptest::option::of(0u64..1_000_000)) {
            let (mut tries, mut elapsed, mut longest) = (1, Duration::ZERO, Duration::ZERO);
            let asked = asked.map(Duration::from_secs);
            for chance in chances {
                let Some(delay) = delay(tries, elapsed, asked, chance) else { break };
                prop_assert!(delay <= LONGEST * 6 / 5);
                prop_assert!(asked.is_none_or(|asked| delay >= asked.min(LONGEST_ASKED) || elapsed + delay == WINDOW));
                longest = longest.max(delay);
                elapsed += delay;
                tries += 1;
            }
            prop_assert_eq!(elapsed, WINDOW);
            prop_assert!((8..=32).contains(&tries), "{} tries", tries);
            prop_assert!(delay(tries, WINDOW, None, 0).is_none());
        }
    }

    #[test]
    fn delays_grow_threefold_up_to_half_a_day() {
        let middle = |tries| delay(tries, Duration::ZERO, None, 200).unwrap().as_secs();
        assert_eq!([1, 2, 3, 4, 5, 9, 10, 30].map(middle), [5, 15, 45, 135, 405, 32_805, 43_200, 43_200]);
        assert_eq!(delay(1, Duration::ZERO, None, 0).unwrap().as_millis(), 4000);
        assert_eq!(delay(1, Duration::ZERO, None, 400).unwrap().as_millis(), 6000);
    }

    #[test]
    fn a_receiver_asks_in_seconds_or_for_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-03-01T12:00:00Z").unwrap().with_timezone(&Utc);
        assert_eq!(asked("120", now), Some(Duration::from_secs(120)));
        assert_eq!(asked(" 0 ", now), Some(Duration::ZERO));
        assert_eq!(asked("Sun, 01 Mar 2026 12:05:00 GMT", now), Some(Duration::from_secs(300)));
        for text in ["", "soon", "-5", "1.5", "Sun, 01 Mar 2026 11:00:00 GMT"] {
            assert_eq!(asked(text, now), None, "{text}");
        }
        assert!(asked(&"9".repeat(40), now).unwrap() > LONGEST_ASKED);
        assert_eq!(delay(1, Duration::ZERO, asked("999999", now), 0), Some(LONGEST_ASKED));
    }
}
