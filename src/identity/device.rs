//! From where a person has signed in before. A device is what a program says it is, without the numbers of its version,
//! together with the network that it asks from (a /16 of IPv4, a /32 of IPv6): a browser that was brought up to date is the
//! same device, a stolen password used from elsewhere is another one. It is forgotten when it was not seen for 400 days.

use std::net::{IpAddr, Ipv6Addr};

use diesel::QueryableByName;
use diesel::sql_types::{Binary, Bool, Uuid as SqlUuid};
use sha2::{Digest, Sha256};

use super::mails::News;
use super::trail::{self, What};
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::ids::known::{SessionId, UserId};
use crate::platform::scope::Scope;
use crate::platform::sql::sql;

#[derive(QueryableByName)]
struct Noticed {
    #[diesel(sql_type = Bool)]
    strange: bool,
}

/// Notes from where a session was opened. If that is new, and not the first sign-in of all, its owner is told by mail.
pub(super) async fn notice(tx: &Tx, scope: &Scope, account: UserId, session: SessionId) -> Result<()> {
    if scope.address().is_empty() {
        // The program itself asks, on no network.
        return Ok(());
    }
    tx.exec(
        sql("DELETE FROM identity.device d WHERE d.account_id = $1 AND d.seen_at < now() - interval '400 days'")
            .bind::<SqlUuid, _>(account),
    )
    .await?;
    // The others are those from before this statement; of two sign-ins from one place at once, one finds it new.
    let noticed: Noticed = tx
        .row(
            sql("WITH seen AS (
                   INSERT INTO identity.device AS d (account_id, digest) VALUES ($1, $2)
                   ON CONFLICT (account_id, digest) DO UPDATE SET seen_at = now()
                   RETURNING d.xmax = 0 AS added)
                 SELECT s.added AND EXISTS (SELECT 1 FROM identity.device o WHERE o.account_id = $1) AS strange FROM seen s")
            .bind::<SqlUuid, _>(account)
            .bind::<Binary, _>(digest(scope.user_agent(), scope.address())),
        )
        .await?;
    if noticed.strange {
        trail::note(tx, account, What::NewDevice, scope.request_id(), scope.address(), scope.user_agent()).await?;
        News::of_device(session).tell(tx).await?;
    }
    Ok(())
}

fn digest(user_agent: &str, address: &str) -> Vec<u8> {
    let program: String = user_agent.chars().filter(|one| !one.is_ascii_digit() && !matches!(one, '.' | '_')).collect();
    Sha256::digest(format!("{}\n{}", program.trim(), network(address))).to_vec()
}

fn network(address: &str) -> String {
    let shortened = |address: Ipv6Addr| Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 32)).to_string();
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(four)) => {
            let [first, second, ..] = four.octets();
            format!("{first}.{second}")
        }
        Ok(IpAddr::V6(six)) => shortened(six),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_its_program_and_its_network() {
        let browser = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Firefox/131.0";
        let known = digest(browser, "192.0.2.7");
        assert_eq!(known, digest("Mozilla/5.0 (Macintosh; Intel Mac OS X 11_1) Firefox/132.0.1", "192.0.99.1"));
        assert_eq!(known, digest(browser, "::ffff:192.0.2.9"));
        assert_ne!(known, digest(browser, "192.1.2.7"));
        assert_ne!(known, digest("curl/8.0", "192.0.2.7"));
        assert_eq!(digest(browser, "2001:db8:1::1"), digest(browser, "2001:db8:2::9"));
        assert_ne!(digest(browser, "2001:db8::1"), digest(browser, "2001:db9::1"));
    }
}
