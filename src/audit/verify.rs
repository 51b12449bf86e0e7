//! Verifying a client's chain as a job: every link is computed again from the entries that it signs.
//!
//! A link's hash is that of its predecessor's hash and its entries' digest, so whoever changes, takes out or adds an entry
//! has to change every link behind it, and the newest one stands in `audit.chain`, which no role of the server may write.

use async_graphql::{Context, Object};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bytea, Int4, Nullable, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::job::{Job, JobPayload};
use crate::platform::jobs::{self, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// Links verified in one transaction.
const BATCH: i64 = 250;
/// How many findings are named; more are only counted.
const MOST_NAMED: usize = 100;

/// The kind of job.
pub struct AuditVerify;

/// It is asked for without any wishes.
#[derive(Serialize, Deserialize)]
pub struct Nothing {}

/// How far a verification has come, and in the end its result.
#[derive(Serialize, Deserialize, Default, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Verified {
    /// Links found in order; the number of the last one.
    links: i64,
    /// Entries that they sign.
    entries: i64,
    /// The hash of the last link, in hexadecimal.
    hash: String,
    /// What is wrong, a sentence each.
    findings: Vec<String>,
    /// How many more there are.
    more_findings: i64,
}

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
    #[diesel(sql_type = Int4)]
    entries: i32,
    #[diesel(sql_type = BigInt)]
    found: i64,
    #[diesel(sql_type = Bytea)]
    digest: Vec<u8>,
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
}

#[derive(QueryableByName)]
struct Outside {
    #[diesel(sql_type = BigInt)]
    entries: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    first: Option<i64>,
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Verified {
    fn wrong(&mut self, finding: String) {
        if self.findings.len() < MOST_NAMED {
            self.findings.push(finding);
        } else {
            self.more_findings = self.more_findings.saturating_add(1);
        }
    }

    /// Holds the next link against the one before. `previous` is that one's hash.
    fn take(&mut self, previous: &mut Vec<u8>, link: Link) {
        let expected = self.links.saturating_add(1);
        if link.seq != expected {
            self.wrong(format!("Link {expected} is missing."));
        }
        let computed = Sha256::new().chain_update(&*previous).chain_update(&link.digest).finalize();
        if computed[..] != link.hash || i64::from(link.entries) != link.found {
            self.wrong(format!("Link {}: its entries or its place in the chain were changed.", link.seq));
        }
        self.links = link.seq;
        self.entries = self.entries.saturating_add(link.found);
        self.hash = hex(&link.hash);
        *previous = link.hash;
    }
}

/// The hash of a link, which the next one is computed from.
async fn hash_of(tx: &Tx, seq: i64) -> Result<Vec<u8>> {
    #[derive(QueryableByName)]
    struct Hash {
        #[diesel(sql_type = Bytea)]
        hash: Vec<u8>,
    }
    let found: Option<Hash> = tx
        .maybe(
            sql("SELECT l.hash FROM audit.link l WHERE l.tenant_id = $1 AND l.seq = $2")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<BigInt, _>(seq),
        )
        .await?;
    Ok(found.map(|found| found.hash).unwrap_or_default())
}

async fn next_links(tx: &Tx, after: i64) -> Result<Vec<Link>> {
    tx.rows(
        sql("SELECT l.seq, l.hash, l.entries, count(e.id) AS found,
                    sha256(convert_to(coalesce(string_agg(audit.canonical(e), E'\\n' ORDER BY e.id), ''), 'UTF8')) AS digest
               FROM (SELECT * FROM audit.link n WHERE n.tenant_id = $1 AND n.seq > $2 ORDER BY n.seq LIMIT $3) l
               LEFT JOIN audit.entry e ON e.tenant_id = $1 AND e.change_id = l.change_id AND e.id BETWEEN l.first_entry AND l.last_entry
              GROUP BY l.seq, l.hash, l.entries ORDER BY l.seq")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(BATCH),
    )
    .await
}

/// The newest link as the chain itself says.
async fn head(tx: &Tx) -> Result<Option<Head>> {
    tx.maybe(sql("SELECT c.seq, c.hash FROM audit.chain c WHERE c.tenant_id = $1").bind::<SqlUuid, _>(tx.tenant()?))
        .await
}

async fn outside(tx: &Tx) -> Result<Outside> {
    tx.row(
        sql("SELECT count(*) AS entries, min(e.id) AS first FROM audit.entry e
              WHERE e.tenant_id = $1 AND NOT EXISTS (
                    SELECT 1 FROM audit.link l WHERE l.tenant_id = e.tenant_id AND l.change_id = e.change_id
                       AND e.id BETWEEN l.first_entry AND l.last_entry)")
        .bind::<SqlUuid, _>(tx.tenant()?),
    )
    .await
}

impl JobKind for AuditVerify {
    const NAME: JobName = JobName::AuditVerify;
    type Args = Nothing;

    async fn run(&self, job: &JobContext, _: Nothing) -> JobResult {
        let mut verified: Verified = job.state()?;
        loop {
            let tx = job.tx(Can::AuditRead).await?;
            let mut previous = hash_of(&tx, verified.links).await?;
            let newest = head(&tx).await?;
            let links = next_links(&tx, verified.links).await?;
            let through = newest.as_ref().map_or(0, |head| head.seq);
            let done = links.is_empty();
            for link in links {
                verified.take(&mut previous, link);
            }
            let progress = Progress {
                done: u64::try_from(verified.links).unwrap_or_default(),
                total: u64::try_from(through.max(verified.links)).ok(),
            };
            if !done {
                job.checkpoint(tx, &verified, progress).await?;
                continue;
            }
            // The chain's own word was heard before the links were looked for, so it can name none that is not there.
            if newest.is_none_or(|head| head.seq != verified.links || head.hash != previous) && verified.links > 0 {
                verified.wrong("The newest link is not the one that the chain names.".to_owned());
            }
            let outside = outside(&tx).await?;
            if let Some(first) = outside.first {
                verified.wrong(format!("{} entries stand outside the chain, the first is {first}.", outside.entries));
            }
            return job.finish(tx, &verified, progress).await;
        }
    }
}

/// What can be done with the trail.
#[derive(Default)]
pub struct AuditMutation;

#[Object]
impl AuditMutation {
    /// Starts a job that verifies the client's audit chain from its first link to its newest. Its result: `links` and
    /// `entries` verified, `hash` of the newest link, `findings` (empty if nothing was changed). Right:
    /// `audit.trail.read`.
    async fn audit_verify(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JobPayload>> {
        let tx = ctx.tx(Can::AuditRead).await?;
        let run = async {
            let id = jobs::enqueue::<AuditVerify>(tx, &Nothing {}, None).await?;
            Job::asked_for(tx, id).await
        };
        JobPayload::settle(ctx, run.await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(seq: i64, previous: &[u8], text: &str) -> Link {
        let digest = Sha256::digest(text).to_vec();
        let hash = Sha256::new().chain_update(previous).chain_update(&digest).finalize().to_vec();
        Link { seq, hash, entries: 1, found: 1, digest }
    }

    #[test]
    fn a_chain_holds_until_a_link_is_touched() {
        let first = link(1, b"", "one");
        let second = link(2, &first.hash, "two");
        let third = link(3, &second.hash, "three");
        let run = |links: Vec<Link>| {
            let (mut verified, mut previous) = (Verified::default(), Vec::new());
            links.into_iter().for_each(|link| verified.take(&mut previous, link));
            verified
        };
        let copy = |link: &Link| Link {
            seq: link.seq,
            hash: link.hash.clone(),
            entries: link.entries,
            found: link.found,
            digest: link.digest.clone(),
        };
        let good = run(vec![copy(&first), copy(&second), copy(&third)]);
        assert_eq!((good.links, good.entries, good.findings.len()), (3, 3, 0));
        assert_eq!(run(vec![copy(&first), copy(&third)]).findings.len(), 2);
        let changed = Link { digest: Sha256::digest("other").to_vec(), ..copy(&second) };
        assert_eq!(run(vec![copy(&first), changed, copy(&third)]).findings.len(), 1);
        let fewer = Link { found: 0, ..copy(&second) };
        assert_eq!(run(vec![copy(&first), fewer, third]).findings.len(), 1);
    }
}
