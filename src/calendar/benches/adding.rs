//! `cargo bench -p backoffice-calendar`: how many additions of business time one core does in a second. The budget is
//! 1,000,000.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use backoffice_calendar::{Calendar, CalendarError, DayHours, Region, Timeline, Tz, WeekHours};

const BUDGET: u64 = 1_000_000;

fn main() -> Result<(), CalendarError> {
    let hours = WeekHours::weekdays(&DayHours::new(vec![(540, 720), (780, 1080)])?);
    let calendar = Calendar::new(Tz::Europe__Berlin, hours, Region::find("DE-BY"));
    let day = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).ok_or(CalendarError::OutOfRange)?;
    let built = Instant::now();
    let timeline = Timeline::new(&calendar, day, 3_650)?;
    println!("{:>12.1?}  ten years of days computed", built.elapsed());

    // Instants all over eight of the years, additions up to two months.
    let (first, reach) = (1_704_067_200_i64, 8 * 365 * 86_400_i64);
    let (mut at, mut sum, mut done) = (0_i64, 0_i64, 0_u64);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        for _ in 0..10_000 {
            at = (at * 6_364_136_223 + 1_442_695_041) % reach;
            let reached = timeline.add(black_box(first + at), black_box(60 + at % 1_200_000));
            sum = sum.wrapping_add(reached.ok_or(CalendarError::NeverReached)?);
        }
        done += 10_000;
    }
    let rate = u128::from(done) * 1_000_000 / started.elapsed().as_micros().max(1);
    black_box(sum);
    println!("{rate:>12}  additions a second; budget {BUDGET}");
    Ok(())
}
