//! Refresh tokens: each is used once and gives its successor. One that comes back later was stolen or leaked, and ends
//! its session for everybody; within a grace it is a parallel tab, which gets a successor of its own.

use backoffice_credentials::Opaque;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};

use super::account::User;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{ClientId, SessionId};
use crate::platform::sql::sql;

/// How long a used token still counts as a parallel tab's, in seconds.
const GRACE_S: i64 = 30;

/// What becomes of a refresh token that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It gives a successor.
    Rotate,
    /// It was used before, too long ago: the session is ended.
    Reuse,
    /// Its session is over.
    Ended,
}

fn judge(used_at: Option<DateTime<Utc>>, session_lives: bool, now: DateTime<Utc>) -> Verdict {
    match used_at {
        _ if !session_lives => Verdict::Ended,
        Some(used_at) if now - used_at > TimeDelta::seconds(GRACE_S) => Verdict::Reuse,
        _ => Verdict::Rotate,
    }
}

#[derive(QueryableByName)]
struct Presented {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    used_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = SqlUuid)]
    session_id: SessionId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    confined_to: Option<ClientId>,
    #[diesel(sql_type = Bool)]
    lives: bool,
    #[diesel(embed)]
    user: User,
}

/// A session that goes on, with the token that continues it.
pub(super) struct Continued {
    pub session: SessionId,
    /// The one client that it is good for; nothing if it is good for all.
    pub confined_to: Option<ClientId>,
    pub user: User,
    pub refresh: String,
}

/// Makes a new token of a session.
pub(super) async fn issue(tx: &Tx, session: SessionId) -> Result<String> {
    let (shown, hash) = Opaque::Refresh.generate().map_err(Error::fault)?;
    tx.exec(
        sql("INSERT INTO identity.refresh_token (hash, session_id) VALUES ($1, $2)")
            .bind::<Binary, _>(hash.to_vec())
            .bind::<SqlUuid, _>(session),
    )
    .await?;
    Ok(shown.as_str().to_owned())
}

async fn presented(tx: &Tx, hash: [u8; 32]) -> Result<Option<(Presented, Verdict)>> {
    let found: Option<Presented> = tx
        .maybe(
            sql("SELECT t.used_at, t.session_id, s.confined_to,
                        s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL AS lives,
                        a.id, a.email, a.name, a.staff
                   FROM identity.refresh_token t
                   JOIN identity.session s ON s.id = t.session_id
                   JOIN identity.account a ON a.id = s.account_id
                  WHERE t.hash = $1
                    FOR UPDATE OF t")
            .bind::<Binary, _>(hash.to_vec()),
        )
        .await?;
    Ok(found.map(|found| {
        let verdict = judge(found.used_at, found.lives, tx.now());
        (found, verdict)
    }))
}

/// Ends the session of a token that was used before, in a transaction that lasts although the request is refused.
/// To be called before the operation's own transaction is opened.
pub(super) async fn end_if_reused(pools: &Pools, token: &str) -> Result<()> {
    let Some(hash) = Opaque::Refresh.hash(token) else { return Ok(()) };
    let tx = Tx::open_anonymous(pools).await?;
    let reused = match presented(&tx, hash).await? {
        Some((found, Verdict::Reuse)) => {
            tracing::warn!(session = %found.session_id, "a refresh token came back; its session is ended");
            end_session(&tx, found.session_id, "reuse").await?;
            true
        }
        _ => false,
    };
    tx.finish(reused).await?;
    Ok(())
}

/// Uses a token up: the session goes on with its successor. Nothing if the token is unknown or no longer good.
pub(super) async fn rotate(tx: &Tx, token: &str) -> Result<Option<Continued>> {
    let Some(hash) = Opaque::Refresh.hash(token) else { return Ok(None) };
    let Some((found, Verdict::Rotate)) = presented(tx, hash).await? else { return Ok(None) };
    tx.exec(
        sql(
            "WITH used AS (UPDATE identity.refresh_token t SET used_at = now() WHERE t.hash = $1 AND t.used_at IS NULL)
             UPDATE identity.session s SET used_at = now() WHERE s.id = $2",
        )
        .bind::<Binary, _>(hash.to_vec())
        .bind::<SqlUuid, _>(found.session_id),
    )
    .await?;
    let refresh = issue(tx, found.session_id).await?;
    Ok(Some(Continued { session: found.session_id, confined_to: found.confined_to, user: found.user, refresh }))
}

/// Ends a session.
pub(super) async fn end_session(tx: &Tx, session: SessionId, reason: &'static str) -> Result<()> {
    tx.exec(
        sql("UPDATE identity.session s SET revoked_at = now(), revoked_for = $2 WHERE s.id = $1 AND s.revoked_at IS NULL")
            .bind::<SqlUuid, _>(session)
            .bind::<Text, _>(reason),
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_parallel_tab_is_tolerated_and_a_thief_is_not() {
        assert_eq!(judge(None, true, at(0)), Verdict::Rotate);
        assert_eq!(judge(Some(at(0)), true, at(30)), Verdict::Rotate);
        assert_eq!(judge(Some(at(0)), true, at(31)), Verdict::Reuse);
        assert_eq!(judge(Some(at(0)), false, at(31)), Verdict::Ended);
    }

    proptest! {
        #[test]
        fn a_dead_session_never_goes_on(used in proptest::option::of(-1000_i64..1000), now in -1000_i64..1000) {
            prop_assert_eq!(judge(used.map(at), false, at(now)), Verdict::Ended);
        }

        #[test]
        fn a_used_token_is_good_for_the_grace_and_no_longer(used in -1000_i64..1000, after in 0_i64..1000) {
            let verdict = judge(Some(at(used)), true, at(used + after));
            prop_assert_eq!(verdict == Verdict::Rotate, after <= GRACE_S);
        }
    }
}
