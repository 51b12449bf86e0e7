//! The doors: what the database is asked when a transaction is opened, and what is remembered of its answer.
//!
//! Who somebody is and whether his session lives is asked anew in every transaction. What he may do is put together
//! from roles and grants only when their edition has changed since this server last heard it: see `core.enter`. An
//! answer remembered lets a query send its first statement together with the opening ones; nothing of it is looked at
//! before the door has said that all is as it was.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::can::Can;
use super::error::{Error, Result};
use super::sql::{Sql, sql};

/// How many actors' rights are remembered; with more, all are asked for anew.
const MOST_KNOWN: usize = 4096;

/// What the database said when the transaction was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entered {
    pub tenant: Option<Uuid>,
    pub actor: Uuid,
    pub actor_name: String,
    pub permissions: Arc<[Can]>,
    pub time_zone: Tz,
    pub currency: String,
}

/// What a door answers: see `core.enter` and its sisters.
#[derive(QueryableByName)]
pub(super) struct DoorRow {
    #[diesel(sql_type = Text)]
    verdict: String,
    #[diesel(sql_type = Nullable<Array<Text>>)]
    permissions: Option<Vec<String>>,
    #[diesel(sql_type = Nullable<Text>)]
    edition: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    actor_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    time_zone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    pub opened_at: DateTime<Utc>,
}

impl DoorRow {
    /// Whether the door let the actor in.
    fn verdict(&self) -> Result<()> {
        match self.verdict.as_str() {
            "ok" => Ok(()),
            "ended" => Err(Error::Unauthenticated("The session has ended; sign in again.")),
            // Somebody else has taken the job over.
            "lost" => Err(Error::Retry),
            _ => Err(Error::Forbidden("You have no access to this client today.".to_owned())),
        }
    }

    /// What the transaction knows behind a door that remembers nothing.
    pub fn enter(self, actor: Uuid, tenant: Option<Uuid>) -> Result<Entered> {
        self.verdict()?;
        Ok(self.entered(actor, tenant, None))
    }

    fn entered(self, actor: Uuid, tenant: Option<Uuid>, known: Option<&Known>) -> Entered {
        let permissions = match (self.permissions, known) {
            (Some(names), _) => names.iter().filter_map(|name| Can::parse(name)).collect(),
            (None, Some(known)) => Arc::clone(&known.entered.permissions),
            (None, None) => Arc::default(),
        };
        Entered {
            tenant,
            actor,
            actor_name: self.actor_name.unwrap_or_default(),
            permissions,
            time_zone: self.time_zone.as_deref().and_then(|zone| Tz::from_str(zone).ok()).unwrap_or(Tz::UTC),
            currency: self.currency.unwrap_or_default(),
        }
    }
}

/// The door of sign-in: nobody is known yet, so nothing is checked and no client is set.
pub(super) fn anonymous() -> Sql<'static> {
    sql("SELECT 'ok' AS verdict, NULL::text[] AS permissions, NULL AS edition, '' AS actor_name, 'UTC' AS time_zone, \
         '' AS currency, now() AS opened_at")
}

/// The door of a job of a client.
pub(super) fn of_job(job: Uuid, lease: Uuid, writes: bool) -> Sql<'static> {
    sql("SELECT verdict, permissions, edition, actor_name, time_zone, currency, opened_at FROM core.enter_job($1, $2, $3)")
        .bind::<SqlUuid, _>(job)
        .bind::<SqlUuid, _>(lease)
        .bind::<Bool, _>(writes)
}

/// The door of a job that belongs to no client.
pub(super) fn of_provider_job(job: Uuid, lease: Uuid) -> Sql<'static> {
    sql("SELECT verdict, NULL::text[] AS permissions, NULL AS edition, '' AS actor_name, 'UTC' AS time_zone, '' AS currency, opened_at \
         FROM core.enter_provider_job($1, $2)")
        .bind::<SqlUuid, _>(job)
        .bind::<SqlUuid, _>(lease)
}

/// What the door of a client said last time, before the token narrows it.
pub(super) struct Known {
    edition: String,
    entered: Entered,
    opened_at: DateTime<Utc>,
    heard: Instant,
}

impl Known {
    /// The database's clock now, to within what two clocks drift apart in a day: the edition changes with the date.
    pub fn now(&self) -> DateTime<Utc> {
        self.opened_at + TimeDelta::from_std(self.heard.elapsed()).unwrap_or_default()
    }
}

/// What is known of whom in which client. Never more than the door has said; never used without asking it again.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<HashMap<Key, Arc<Known>>>>);

/// An actor and a client.
type Key = (Uuid, Uuid);

impl Memory {
    fn recall(&self, key: Key) -> Option<Arc<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    fn forget(&self, key: Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    fn keep(&self, key: Key, known: Known) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_KNOWN && !all.contains_key(&key) {
            all.clear();
        }
        all.insert(key, Arc::new(known));
    }
}

/// Who wants to enter which client.
pub(super) struct Entrance {
    /// `user` or `service`.
    pub kind: &'static str,
    pub actor: Uuid,
    /// The session of a person; a service account has none.
    pub session: Option<Uuid>,
    pub client: Uuid,
    /// What the trail will name; none in a transaction that writes nothing.
    pub request: Option<Uuid>,
    /// What the token was narrowed to, if it was.
    pub scopes: Option<Vec<Can>>,
    pub memory: Memory,
}

impl Entrance {
    /// What the door said last time.
    pub fn known(&self) -> Option<Arc<Known>> {
        self.memory.recall((self.actor, self.client))
    }

    /// The next transaction asks before it does anything.
    pub fn forget(&self) {
        self.memory.forget((self.actor, self.client));
    }

    /// What the transaction may take for true until the door has been heard.
    pub fn presumed(&self, known: &Known) -> Entered {
        self.narrowed(known.entered.clone())
    }

    /// The question for the database.
    pub fn statement(&self, known: Option<&Known>) -> Sql<'static> {
        sql("SELECT verdict, permissions, edition, actor_name, time_zone, currency, opened_at FROM core.enter($1, $2, $3, $4, $5, $6)")
            .bind::<Text, _>(self.kind)
            .bind::<SqlUuid, _>(self.actor)
            .bind::<Nullable<SqlUuid>, _>(self.session)
            .bind::<SqlUuid, _>(self.client)
            .bind::<Nullable<SqlUuid>, _>(self.request)
            .bind::<Nullable<Text>, _>(known.map(|known| known.edition.clone()))
    }

    /// What the answer means; remembered if it is news.
    pub fn enter(&self, row: DoorRow, known: Option<&Known>) -> Result<Entered> {
        if let Err(refused) = row.verdict() {
            self.forget();
            return Err(refused);
        }
        let key = (self.actor, self.client);
        let (edition, opened_at) = (row.edition.clone().unwrap_or_default(), row.opened_at);
        let entered = row.entered(self.actor, Some(self.client), known);
        if known.is_none_or(|known| known.edition != edition || known.entered != entered) {
            self.memory.keep(key, Known { edition, entered: entered.clone(), opened_at, heard: Instant::now() });
        }
        Ok(self.narrowed(entered))
    }

    fn narrowed(&self, mut entered: Entered) -> Entered {
        if let Some(scopes) = &self.scopes {
            entered.permissions = entered.permissions.iter().copied().filter(|can| scopes.contains(can)).collect();
        }
        entered
    }
}
