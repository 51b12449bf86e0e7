//! What a server has to know of a client before it opens a transaction for it: which pages may call for it, and
//! which documents may run.
//!
//! The client's settings are its own data (`practice.client`); what the edge needs of them stands once more in
//! `core.client_edge`, which each server reads anew every second.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::db::{Pools, Tx};
use crate::platform::error::Result;
use crate::platform::sql::sql;

/// How often a server looks.
const EVERY: Duration = Duration::from_secs(1);
/// A change counts from when it was made, and is seen when it was committed: so long a transaction may last in between.
const LATENESS: TimeDelta = TimeDelta::seconds(60);

/// One client, as the edge knows it.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    #[diesel(sql_type = Array<Text>)]
    portal_origins: Vec<String>,
    #[diesel(sql_type = Bool)]
    only_persisted_documents: bool,
    #[diesel(sql_type = Timestamptz)]
    changed_at: DateTime<Utc>,
}

#[derive(Default)]
struct Known {
    by_client: HashMap<Uuid, Row>,
    origins: HashSet<String>,
    through: Option<DateTime<Utc>>,
}

/// All clients that differ from the usual, as the edge knows them.
#[derive(Default)]
pub struct Clients(RwLock<Arc<Known>>);

impl Clients {
    /// Reads them all.
    pub async fn load(pools: &Pools) -> Result<Arc<Self>> {
        let clients = Arc::new(Self::default());
        clients.look(pools).await?;
        Ok(clients)
    }

    /// Whether any client has a portal of that origin.
    #[must_use]
    pub fn any_has_portal(&self, origin: &str) -> bool {
        self.known().origins.contains(origin)
    }

    /// Whether this client has a portal of that origin.
    #[must_use]
    pub fn has_portal(&self, client: Uuid, origin: &str) -> bool {
        let known = self.known();
        known.by_client.get(&client).is_some_and(|row| row.portal_origins.iter().any(|listed| listed == origin))
    }

    /// Whether tokens for this client run published documents only.
    #[must_use]
    pub fn runs_only_published(&self, client: Uuid) -> bool {
        self.known().by_client.get(&client).is_some_and(|row| row.only_persisted_documents)
    }

    /// Changes whenever the client's documents or settings do.
    #[must_use]
    pub fn edition(&self, client: Uuid) -> Option<DateTime<Utc>> {
        self.known().by_client.get(&client).map(|row| row.changed_at)
    }

    /// Looks for changes every second, for ever. If the database does not answer, all stays as it is until it does.
    pub async fn keep_fresh(self: Arc<Self>, pools: Pools) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.look(&pools).await {
                tracing::warn!(?error, "the clients' settings could not be read anew");
            }
        }
    }

    async fn look(&self, pools: &Pools) -> Result<()> {
        let before = self.known();
        let since = before.through.and_then(|through| through.checked_sub_signed(LATENESS));
        let tx = Tx::open_anonymous(pools).await?;
        let changed: Vec<Row> = tx
            .rows(
                sql("SELECT e.client_id, e.portal_origins, e.only_persisted_documents, e.changed_at
                       FROM core.client_edges($1) e")
                .bind::<Nullable<Timestamptz>, _>(since),
            )
            .await?;
        tx.finish(true).await?;
        let changed: Vec<Row> =
            changed.into_iter().filter(|row| before.by_client.get(&row.client_id) != Some(row)).collect();
        if !changed.is_empty() {
            let known = Arc::new(before.with(changed));
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
        }
        Ok(())
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn with(&self, changed: Vec<Row>) -> Self {
        let through = changed.iter().map(|row| row.changed_at).max().max(self.through);
        let mut by_client = self.by_client.clone();
        by_client.extend(changed.into_iter().map(|row| (row.client_id, row)));
        let origins = by_client.values().flat_map(|row| row.portal_origins.iter().cloned()).collect();
        Self { by_client, origins, through }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_of_each_client_counts() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let row = |client_id, origins: &[&str], second| Row {
            client_id,
            only_persisted_documents: false,
            portal_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            changed_at: DateTime::from_timestamp(second, 0).unwrap(),
        };
        let clients = Clients::default();
        let hear = |rows| *clients.0.write().unwrap() = Arc::new(clients.known().with(rows));
        hear(vec![row(one, &["https://a.example", "https://b.example"], 1), row(other, &["https://b.example"], 2)]);
        assert!(clients.has_portal(one, "https://a.example") && !clients.has_portal(other, "https://a.example"));
        hear(vec![row(one, &[], 3)]);
        assert!(!clients.any_has_portal("https://a.example") && clients.any_has_portal("https://b.example"));
        assert!(!clients.has_portal(one, "https://b.example") && clients.has_portal(other, "https://b.example"));
        assert_eq!(clients.known().through, DateTime::from_timestamp(3, 0));
    }
}
