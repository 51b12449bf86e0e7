//! How much may be asked for in how short a time. Every operation has a price (the gate's formula); each credential and
//! each client has a bucket from which it is paid and which fills up again at a steady rate. So one integration gone mad
//! leaves its client able to work, and one client leaves the others.
//!
//! A bucket is one number: the moment at which it will be full again. Taking moves it into the future, and what would move
//! it further than a whole bucket is refused. The buckets are this process's own; with several processes behind a balancer
//! each gives its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::platform::scope::{Caller, Purse};

const NANOS: u64 = 1_000_000_000;
/// How many buckets of a kind are remembered; full ones are forgotten first, since a new one is full as well.
const MOST: usize = 65_536;
/// In how many parts a kind is kept, so that workers seldom wait for each other.
const PARTS: usize = 16;

/// How fast a bucket fills, and how much it holds, in units of price. Nothing a second means no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    /// Units that come back a second.
    pub per_second: u64,
    /// Units of a full bucket.
    pub burst: u64,
}

impl Rate {
    /// No bound at all.
    pub const UNBOUNDED: Self = Self { per_second: 0, burst: 0 };

    fn nanos(self, units: u64) -> u64 {
        units.saturating_mul(NANOS / self.per_second.clamp(1, NANOS))
    }
}

impl FromStr for Rate {
    type Err = String;

    /// `2000,100000`: units a second, units of a full bucket; `0` for no bound.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not UNITS_A_SECOND,UNITS_AT_ONCE (such as 2000,100000), nor 0");
        let mut numbers = text.split(',').map(|part| part.trim().parse::<u64>().map_err(|_| wrong()));
        match (numbers.next().transpose()?, numbers.next().transpose()?, numbers.next()) {
            (Some(0), None, _) => Ok(Self::UNBOUNDED),
            (Some(per_second @ 1..=NANOS), Some(burst @ 1..), None) => Ok(Self { per_second, burst }),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.per_second {
            0 => out.write_str("0"),
            per_second => write!(out, "{per_second},{}", self.burst),
        }
    }
}

/// The rates in force.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of one credential: a person's session, a service account.
    pub credential: Rate,
    /// Of one client, all its credentials together.
    pub client: Rate,
    /// Of one address that comes without a valid token.
    pub stranger: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            credential: Rate { per_second: 2_000, burst: 100_000 },
            client: Rate { per_second: 5_000, burst: 200_000 },
            stranger: Rate { per_second: 500, burst: 20_000 },
        }
    }
}

/// All buckets of this process.
pub struct Budgets {
    rates: Rates,
    begun: Instant,
    credentials: Buckets,
    clients: Buckets,
    strangers: Buckets,
}

#[derive(Default)]
struct Buckets([Mutex<HashMap<u128, Arc<AtomicU64>>>; PARTS]);

impl Buckets {
    fn of(&self, key: u128, now: u64) -> Arc<AtomicU64> {
        // The last bytes differ most, in random ids and in addresses alike.
        let part = usize::try_from(key % PARTS as u128).unwrap_or_default();
        let Some(part) = self.0.get(part) else { return Arc::default() };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        if part.len() >= MOST / PARTS && !part.contains_key(&key) {
            part.retain(|_, full_at| full_at.load(Ordering::Relaxed) > now);
            if part.len() >= MOST / PARTS {
                part.clear();
            }
        }
        Arc::clone(part.entry(key).or_default())
    }
}

impl Budgets {
    /// With full buckets.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        let (credentials, clients, strangers) = Default::default();
        Self { rates, begun: Instant::now(), credentials, clients, strangers }
    }

    /// What this caller pays from. For a connection that lasts it is asked for once.
    #[must_use]
    pub fn of(&self, caller: &Caller, address: &str) -> Budget {
        let now = self.now();
        let bucket = |buckets: &Buckets, key: u128, rate: Rate| {
            (rate.per_second > 0).then(|| Bucket { full_at: buckets.of(key, now), rate })
        };
        let credential = |id: &Uuid| bucket(&self.credentials, id.as_u128(), self.rates.credential);
        let client = |id: &Uuid| bucket(&self.clients, id.as_u128(), self.rates.client);
        let buckets = match caller {
            Caller::Person { session, client: of, .. } => [credential(session), of.as_ref().and_then(client)],
            Caller::Service { account, client: of, .. } => [credential(account), client(of)],
            Caller::Nobody | Caller::Invalid(_) => {
                [bucket(&self.strangers, stranger(address), self.rates.stranger), None]
            }
            // Work in the background has its own measure: how many jobs are done at a time.
            Caller::Job { .. } => [None, None],
        };
        Budget { buckets, begun: self.begun }
    }

    fn now(&self) -> u64 {
        since(self.begun)
    }
}

fn since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// An address; of one in version 6 the network, since whoever has one has all of it.
fn stranger(address: &str) -> u128 {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.to_ipv6_mapped().to_bits(),
        Ok(IpAddr::V6(address)) => (address.to_bits() >> 64) | (1 << 120),
        Err(_) => 0,
    }
}

#[derive(Clone, Debug)]
struct Bucket {
    /// Nanoseconds since the process began.
    full_at: Arc<AtomicU64>,
    rate: Rate,
}

impl Bucket {
    /// Takes so many units, or says how many nanoseconds are missing until they are there.
    fn take(&self, units: u64, now: u64) -> Result<(), u64> {
        let (cost, most) = (self.rate.nanos(units), self.rate.nanos(self.rate.burst));
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let then = full_at.max(now).saturating_add(cost);
            (then.saturating_sub(now) <= most).then_some(then)
        });
        taken
            .map(drop)
            .map_err(|full_at| full_at.max(now).saturating_add(cost).saturating_sub(now).saturating_sub(most))
    }

    fn give_back(&self, units: u64) {
        let back = self.rate.nanos(units);
        let _ = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| Some(full_at.saturating_sub(back)));
    }

    /// Units that are there, and nanoseconds until it is full.
    fn left(&self, now: u64) -> (u64, u64) {
        let missing = self.full_at.load(Ordering::Relaxed).saturating_sub(now);
        let (unit, most) = (self.rate.nanos(1).max(1), self.rate.nanos(self.rate.burst));
        (most.saturating_sub(missing) / unit, missing)
    }
}

/// What a caller pays from.
#[derive(Clone, Debug)]
pub struct Budget {
    buckets: [Option<Bucket>; 2],
    begun: Instant,
}

/// What is there for the next operations: of several buckets the emptier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Units; none if nothing bounds them.
    pub remaining: Option<u64>,
    /// When the bucket is full again.
    pub reset_at: DateTime<Utc>,
}

/// There is not enough in the bucket now.
#[derive(Clone, Copy, Debug)]
pub struct Exhausted {
    /// When there will be.
    pub retry_after: Duration,
}

impl Budget {
    /// Nothing bounds it: for what the server does for itself.
    #[must_use]
    pub fn unbounded() -> Self {
        Self { buckets: [None, None], begun: Instant::now() }
    }

    /// The most that can ever be paid at once.
    fn most(&self) -> u64 {
        self.buckets.iter().flatten().map(|bucket| bucket.rate.burst).min().unwrap_or(u64::MAX)
    }

    /// Takes the price of an operation from every bucket, or nothing from any.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if one of them does not hold as much.
    pub fn take(&self, price: u64) -> Result<Spending, Exhausted> {
        let now = since(self.begun);
        for (index, bucket) in self.buckets.iter().enumerate() {
            let Some(bucket) = bucket else { continue };
            if let Err(missing) = bucket.take(price, now) {
                self.buckets.iter().take(index).flatten().for_each(|bucket| bucket.give_back(price));
                metrics::counter!("backoffice_rate_limited_total").increment(1);
                return Err(Exhausted { retry_after: Duration::from_nanos(missing) });
            }
        }
        Ok(Spending {
            budget: self.clone(),
            taken: AtomicU64::new(price),
            more: AtomicU64::new(0),
            short: AtomicU64::new(0),
        })
    }

    /// Whether anything is there at all.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if a bucket does not hold a single unit.
    pub fn look(&self) -> Result<(), Exhausted> {
        let now = since(self.begun);
        let empty = self.buckets.iter().flatten().find(|bucket| bucket.left(now).0 == 0);
        empty.map_or(Ok(()), |bucket| Err(Exhausted { retry_after: Duration::from_nanos(bucket.rate.nanos(1)) }))
    }

    /// What is there now.
    #[must_use]
    pub fn left(&self) -> Left {
        let now = since(self.begun);
        let lefts = self.buckets.iter().flatten().map(|bucket| bucket.left(now));
        let (remaining, missing) = lefts.min_by_key(|(remaining, _)| *remaining).unzip();
        let until = TimeDelta::nanoseconds(missing.unwrap_or_default().try_into().unwrap_or(i64::MAX));
        Left { remaining, reset_at: Utc::now().checked_add_signed(until).unwrap_or_default() }
    }
}

/// A price that was taken.
#[derive(Debug)]
pub struct Spending {
    budget: Budget,
    taken: AtomicU64,
    /// What was charged beside the price of the document.
    more: AtomicU64,
    /// After how many seconds a charge could be paid that could not; none if all could.
    short: AtomicU64,
}

impl Purse for Spending {
    /// At most what a full bucket holds beside what was taken already: nobody waits for ever.
    fn charge(&self, units: u64) -> Result<(), u64> {
        let so_far = self.taken.load(Ordering::Relaxed).saturating_add(self.more());
        let units = units.min(self.budget.most().saturating_sub(so_far));
        match self.budget.take(units) {
            Ok(_) => {
                self.more.fetch_add(units, Ordering::Relaxed);
                Ok(())
            }
            Err(exhausted) => {
                let seconds = exhausted.retry_after.as_secs().saturating_add(1);
                self.short.store(seconds, Ordering::Relaxed);
                Err(seconds)
            }
        }
    }
}

impl Spending {
    /// What was charged beside the price of the document.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.more.load(Ordering::Relaxed)
    }

    /// After how many seconds it can be asked again, if a charge could not be paid.
    #[must_use]
    pub fn short(&self) -> Option<u64> {
        Some(self.short.load(Ordering::Relaxed)).filter(|seconds| *seconds > 0)
    }

    /// Before the operation is tried once more: its charges are made again.
    pub fn again(&self) {
        let more = self.more.swap(0, Ordering::Relaxed);
        self.short.store(0, Ordering::Relaxed);
        self.budget.buckets.iter().flatten().for_each(|bucket| bucket.give_back(more));
    }

    /// Gives back what was taken beyond the actual price; says what that was and what is left. An operation that is tried
    /// again settles again.
    pub fn settle(&self, actual: u64) -> (u64, Left) {
        let taken = self.taken.load(Ordering::Relaxed);
        let actual = actual.min(taken);
        self.taken.store(actual, Ordering::Relaxed);
        self.budget.buckets.iter().flatten().for_each(|bucket| bucket.give_back(taken.saturating_sub(actual)));
        (actual, self.budget.left())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 100, burst: 1_000 };
    const SECOND: u64 = NANOS;

    fn bucket() -> Bucket {
        Bucket { full_at: Arc::default(), rate: RATE }
    }

    #[test]
    fn a_bucket_holds_what_it_holds_and_fills_again() {
        let bucket = bucket();
        let now = 50 * SECOND;
        assert_eq!(bucket.left(now), (1_000, 0));
        assert_eq!(bucket.take(1_001, now), Err(SECOND / 100));
        assert_eq!(bucket.take(600, now), Ok(()));
        assert_eq!(bucket.left(now), (400, 6 * SECOND));
        assert_eq!(bucket.take(401, now), Err(SECOND / 100));
        assert_eq!(bucket.take(400, now), Ok(()));
        assert_eq!(bucket.take(1, now), Err(SECOND / 100));
        assert_eq!(bucket.take(100, now), Err(SECOND));
        assert_eq!(bucket.take(100, now + SECOND), Ok(()));
        assert_eq!(bucket.left(now + 2 * SECOND), (100, 9 * SECOND));
        assert_eq!(bucket.left(now + 100 * SECOND), (1_000, 0));
        bucket.give_back(50);
        assert_eq!(bucket.left(now + 2 * SECOND), (150, 17 * SECOND / 2));
    }

    #[test]
    fn what_is_given_back_never_makes_more_than_full() {
        let bucket = bucket();
        bucket.give_back(10_000);
        assert_eq!(bucket.left(SECOND), (1_000, 0));
        assert!(bucket.take(1_001, SECOND).is_err());
    }

    fn person(session: u128, client: u128) -> Caller {
        let client = Some(Uuid::from_u128(client));
        Caller::Person { account: Uuid::from_u128(9), session: Uuid::from_u128(session), client }
    }

    fn budgets() -> Budgets {
        let credential = Rate { per_second: 1, burst: 100 };
        let client = Rate { per_second: 1, burst: 150 };
        Budgets::new(Rates { credential, client, stranger: Rate { per_second: 1, burst: 10 } })
    }

    #[test]
    fn a_credential_and_its_client_are_bounded_each() {
        let budgets = budgets();
        let (one, other, elsewhere) = (person(1, 1), person(2, 1), person(3, 2));
        assert!(budgets.of(&one, "").take(100).is_ok());
        assert!(budgets.of(&one, "").take(1).is_err());
        // The client has 50 left; what its bucket refuses is not taken from the credential's.
        assert!(budgets.of(&other, "").take(60).is_err());
        assert_eq!(budgets.of(&other, "").left().remaining, Some(50));
        assert!(budgets.of(&other, "").take(50).is_ok());
        assert_eq!(budgets.of(&elsewhere, "").left().remaining, Some(100));
        let spending = budgets.of(&elsewhere, "").take(90).unwrap();
        assert_eq!((spending.settle(20).0, spending.settle(500).0), (20, 20));
        assert_eq!(budgets.of(&elsewhere, "").left().remaining, Some(80));
    }

    #[test]
    fn more_is_charged_and_given_back_before_another_try() {
        let (budgets, ada) = (budgets(), person(7, 7));
        let left = || budgets.of(&ada, "").left().remaining.unwrap();
        let spending = budgets.of(&ada, "").take(10).unwrap();
        assert_eq!((spending.charge(30), spending.more(), left()), (Ok(()), 30, 60));
        spending.again();
        assert_eq!((spending.more(), left()), (0, 90));
        // What no bucket could ever hold is paid with a whole one, for which the caller may have to wait.
        assert_eq!((spending.charge(1_000), spending.more(), left()), (Ok(()), 90, 0));
        let other = person(8, 7);
        let spending = budgets.of(&other, "").take(10).unwrap();
        let seconds = spending.charge(60).unwrap_err();
        assert!((19..=22).contains(&seconds), "{seconds}");
        assert_eq!((spending.short(), spending.more()), (Some(seconds), 0));
        assert_eq!(spending.settle(4).0, 4);
    }

    #[test]
    fn strangers_are_told_apart_by_address_and_network() {
        let budgets = budgets();
        let take = |address: &str| budgets.of(&Caller::Nobody, address).take(10).is_ok();
        assert!(take("203.0.113.1") && !take("203.0.113.1") && take("203.0.113.2"));
        assert!(take("2001:db8::1") && !take("2001:db8::ffff:2") && take("2001:db8:0:1::1"));
        assert!(budgets.of(&Caller::Invalid("x"), "203.0.113.1").take(1).is_err());
    }

    #[test]
    fn the_memory_is_bounded() {
        let buckets = Buckets::default();
        for key in 0..2 * MOST as u128 {
            buckets.of(key, 1).store(if key % 2 == 0 { 5 } else { 0 }, Ordering::Relaxed);
        }
        let held: usize = buckets.0.iter().map(|part| part.lock().unwrap().len()).sum();
        assert!(held <= MOST, "{held}");
    }

    #[test]
    fn rates_are_read_and_written() {
        for text in ["0", "2000,100000", "1000000000,1"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!(" 5 , 6 ".parse::<Rate>().unwrap(), Rate { per_second: 5, burst: 6 });
        for text in ["", "5", "0,5", "5,0", "5,6,7", "x,1", "-1,2", "1000000001,1"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn many_at_once_get_no_more_than_there_is() {
        let bucket = bucket();
        let got: usize = std::thread::scope(|scope| {
            let takers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1_000).filter(|_| bucket.take(1, 7).is_ok()).count())).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(got, 1_000);
    }
}
