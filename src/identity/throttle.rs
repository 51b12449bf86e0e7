//! How long to wait after failed sign-ins and the like: counted by account and by address, the longer the more there were.
//!
//! A failure lasts although the sign-in is refused, so it is written in a transaction of its own. Tries that come while
//! one has to wait are not counted: nobody can keep an account shut by knocking.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use sha2::{Digest, Sha256};

use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::sql::sql;

/// Failures that an account may have in a quarter of an hour.
const PER_ACCOUNT: u64 = 5;
/// Failures that an address may have in a quarter of an hour: many people may share one.
const PER_ADDRESS: u64 = 20;
/// The first wait, in seconds; it doubles with every further failure.
const FIRST_WAIT_S: u64 = 30;
/// The longest wait and how long a failure counts, in seconds. The statements below say the same.
const WINDOW_S: u64 = 900;

/// Seconds still to wait after so many failures, the last of them so long ago.
fn wait_s(limit: u64, failures: u64, since_last_s: u64) -> u64 {
    let Some(beyond) = failures.checked_sub(limit) else { return 0 };
    let doubled = u32::try_from(beyond).ok().and_then(|times| 1_u64.checked_shl(times)).unwrap_or(u64::MAX);
    FIRST_WAIT_S.saturating_mul(doubled).min(WINDOW_S).saturating_sub(since_last_s)
}

/// Whose failures are counted: an account and an address, each by a hash, because what is typed as an e-mail address
/// may be anything, a password even.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    account: String,
    address: String,
}

impl Subjects {
    /// For somebody at a network address who says he is `account`.
    pub(super) fn new(kind: &str, account: &str, address: &str) -> Self {
        Self { account: digest(kind, account), address: digest("address", &network(address)) }
    }

    /// The same for something that is counted by itself: it keeps nobody from signing in.
    pub(super) fn apart(kind: &str, account: &str, address: &str) -> Self {
        Self { account: digest(kind, account), address: digest(&format!("{kind} address"), &network(address)) }
    }

    /// Refuses while one of the two has to wait.
    pub(super) async fn check(&self, tx: &Tx) -> Result<()> {
        let counted: Vec<Counted> = tx
            .rows(
                sql("SELECT t.subject, count(*) AS failures, max(t.failed_at) AS last_at FROM identity.attempt t
                      WHERE t.subject = ANY($1) AND t.failed_at > now() - interval '900 s' GROUP BY t.subject")
                .bind::<Array<Text>, _>(vec![self.account.clone(), self.address.clone()]),
            )
            .await?;
        let wait = counted
            .iter()
            .map(|one| {
                let limit = if one.subject == self.account { PER_ACCOUNT } else { PER_ADDRESS };
                let since = (tx.now() - one.last_at).num_seconds();
                wait_s(limit, u64::try_from(one.failures).unwrap_or(0), u64::try_from(since).unwrap_or(0))
            })
            .max()
            .unwrap_or(0);
        if wait > 0 {
            return Err(Error::refuse(
                UserErrorCode::RateLimited,
                "",
                format!("There were too many tries; try again in {wait} seconds."),
            ));
        }
        Ok(())
    }

    /// Counts one more failure of both, lastingly.
    pub(super) async fn failed(&self, pools: &Pools) -> Result<()> {
        let tx = Tx::open_anonymous(pools).await?;
        tx.exec(
            sql("WITH outdated AS (DELETE FROM identity.attempt t WHERE t.subject = ANY($1) AND t.failed_at <= now() - interval '900 s')
                 INSERT INTO identity.attempt (subject) SELECT unnest($1)")
                .bind::<Array<Text>, _>(vec![self.account.clone(), self.address.clone()]),
        )
        .await?;
        tx.finish(true).await?;
        Ok(())
    }

    /// Forgets the account's failures after a sign-in. The address keeps its own, or a guesser with an account of his
    /// own could clear them.
    pub(super) async fn succeeded(&self, tx: &Tx) -> Result<()> {
        tx.exec(sql("DELETE FROM identity.attempt t WHERE t.subject = $1").bind::<Text, _>(self.account.clone()))
            .await?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = BigInt)]
    failures: i64,
    #[diesel(sql_type = Timestamptz)]
    last_at: DateTime<Utc>,
}

fn digest(kind: &str, of: &str) -> String {
    use std::fmt::Write;
    let hash = Sha256::digest(of.as_bytes());
    hash.iter().take(16).fold(format!("{kind}:"), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What one party holds: an IPv4 address, or a /64 of IPv6, in which everybody has addresses without end.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(six)) => match six.to_ipv4_mapped() {
            Some(four) => four.to_string(),
            None => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).to_string(),
        },
        Ok(IpAddr::V4(four)) => four.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fifth_failure_costs_half_a_minute_and_each_further_one_twice_as_much() {
        assert_eq!(wait_s(PER_ACCOUNT, 4, 0), 0);
        let waits: Vec<u64> = (5..12).map(|failures| wait_s(PER_ACCOUNT, failures, 0)).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(wait_s(PER_ACCOUNT, 5, 29), 1);
        assert_eq!(wait_s(PER_ACCOUNT, 5, 30), 0);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        assert_eq!(network("2001:db8:1:2:aaaa::1"), network("2001:db8:1:2:bbbb::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn what_was_typed_is_not_kept() {
        let subjects = Subjects::new("email", "correct horse", "192.0.2.7");
        assert!(!format!("{subjects:?}").contains("horse"));
        assert_ne!(subjects.account, Subjects::new("service", "correct horse", "192.0.2.7").account);
    }

    proptest! {
        #[test]
        fn a_wait_is_bounded_grows_with_failures_and_shrinks_with_time(limit in 1_u64..100, failures in any::<u64>(), since in any::<u64>()) {
            let wait = wait_s(limit, failures, since);
            prop_assert!(wait <= WINDOW_S);
            prop_assert!(wait_s(limit, failures.saturating_add(1), since) >= wait);
            prop_assert!(wait_s(limit, failures, since.saturating_add(1)) <= wait);
            prop_assert!(failures >= limit || wait == 0);
        }
    }
}
