//! `backoffice client purge`: what is left of clients that have left, if it may go and two people have said so.
//!
//! One transaction of the owner a client: its rows are read and summed up for the certificate, then they go from every table
//! with rows of clients, with their triggers off, because books, trail and holds are kept from everybody else by these.
//! Foreign keys are looked at at the end: a row that something else still points at takes everything back. The bytes of its
//! files go from the store before the commit: cut off in between, it is done again and finds them gone. People who belonged
//! to no other client become nameless. The provider's record of the client's end stays, with the certificate.

use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::still::{Undone, Walls, doing, run, still};
use super::sums;
use crate::platform::blocking::{Blocking, DatabaseError, text};
use crate::platform::files::store::{Place, Store, hex};

/// Why nothing was purged of a client; a sentence for whoever asked for it.
#[derive(Debug)]
pub struct PurgeError(String);

impl std::fmt::Display for PurgeError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for PurgeError {}

impl From<Undone> for PurgeError {
    fn from(undone: Undone) -> Self {
        Self(format!("Nothing was purged: {undone}"))
    }
}

impl From<DatabaseError> for PurgeError {
    fn from(error: DatabaseError) -> Self {
        Self(error.0)
    }
}

/// A client of which two people have said that what is left of it goes.
#[derive(QueryableByName, Clone, Debug)]
pub struct Due {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    /// Its name when its end was announced.
    #[diesel(sql_type = Text)]
    pub client_name: String,
    #[diesel(sql_type = Text)]
    verdict: String,
    #[diesel(sql_type = BigInt)]
    holds: i64,
}

impl Due {
    /// What stands against it now, as a sentence; none if nothing does.
    #[must_use]
    pub fn kept_for(&self) -> Option<String> {
        match self.verdict.as_str() {
            "ok" => None,
            "kept" => Some("the day until which it is kept is not over".to_owned()),
            "held" => Some(format!("{} legal holds live", self.holds)),
            other => Some(format!("its state is '{other}'")),
        }
    }
}

/// Acts as the owner of the tables, and gives the clients whose purge is confirmed and not done, oldest first.
pub fn due(connection: &mut Blocking) -> Result<Vec<Due>, PurgeError> {
    if text(connection, "SELECT current_user::text AS line")? != "backoffice_owner" {
        run(connection, "acting as the owner", "SET ROLE backoffice_owner")?;
    }
    Ok(sql_query(
        "SELECT o.id, o.client_id, o.client_name, practice.may_be_purged(o, o.purge_lifts_holds) AS verdict,
                practice.live_holds(o.client_id) AS holds
           FROM practice.client_offboarding o
          WHERE o.withdrawn_at IS NULL AND o.purge_confirmed_at IS NOT NULL AND o.purged_at IS NULL ORDER BY o.id",
    )
    .load(connection)
    .map_err(doing("looking for what may go"))?)
}

/// How much went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Rows of all tables.
    pub rows: u64,
    /// Files.
    pub files: usize,
    /// People who are nameless now.
    pub people: usize,
}

/// Purges a client: all of it, or nothing but bytes of files.
pub fn purge(connection: &mut Blocking, place: &Place, due: &Due) -> Result<Purged, PurgeError> {
    crate::platform::tls::install();
    let store = Store::open(place).map_err(|error| PurgeError(error.sentence()))?;
    run(connection, "beginning", "BEGIN")?;
    let purged = all(connection, &store, due);
    let ended = match &purged {
        Ok(_) => run(connection, "the end", "COMMIT"),
        Err(_) => run(connection, "taking it back", "ROLLBACK"),
    };
    let purged = purged?;
    ended?;
    Ok(purged)
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
    /// Whether its rows are no part of a client's archive.
    #[diesel(sql_type = Bool)]
    left_out: bool,
    #[diesel(sql_type = Text)]
    client_column: String,
}

#[derive(QueryableByName)]
struct StoredFile {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    object_key: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    sha256: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size: Option<i64>,
}

#[derive(QueryableByName)]
struct Person {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    email: String,
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = Jsonb)]
    head: Value,
}

/// The provider's own record of the client's end, which stays.
const KEPT: &str = "practice.client_offboarding";

/// Tables of people that are written to beside those of the client.
const PEOPLE: [&str; 1] = ["identity.account_trail"];

fn all(connection: &mut Blocking, store: &Store, due: &Due) -> Result<Purged, PurgeError> {
    for setting in [
        "SET LOCAL timezone = 'UTC'",
        "SET LOCAL search_path = pg_catalog",
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
    ] {
        run(connection, "settings", setting)?;
    }
    let client = due.client_id;
    // Whoever takes it back in this moment comes before, or too late.
    let locked: Vec<Due> = sql_query(
        "SELECT o.id, o.client_id, o.client_name, practice.may_be_purged(o, o.purge_lifts_holds) AS verdict,
                practice.live_holds(o.client_id) AS holds
           FROM practice.client_offboarding o WHERE o.id = $1 AND o.purge_confirmed_at IS NOT NULL FOR UPDATE",
    )
    .bind::<SqlUuid, _>(due.id)
    .load(connection)
    .map_err(doing("looking whether it may go"))?;
    let Some(now) = locked.first() else {
        return Err(PurgeError("Nothing was purged: it was taken back.".to_owned()));
    };
    if let Some(reason) = now.kept_for() {
        return Err(PurgeError(format!("Nothing was purged: {reason}.")));
    }
    let entering = sql_query("SELECT core.set_tenant($1)").bind::<SqlUuid, _>(client);
    entering.execute(connection).map_err(doing("entering the client"))?;
    let tables: Vec<Table> =
        sql_query("SELECT t.name, t.reason IS NOT NULL AS left_out, t.client_column FROM core.archive_tables() t")
            .load(connection)
            .map_err(doing("looking at the tables"))?;
    let tables: Vec<Table> = tables.into_iter().filter(|table| table.name != KEPT).collect();
    let head: Head =
        sql_query("SELECT coalesce((SELECT to_jsonb(c) FROM audit.chain c WHERE c.tenant_id = $1), 'null') AS head")
            .bind::<SqlUuid, _>(client)
            .get_result(connection)
            .map_err(doing("the audit chain"))?;
    let mut told = Vec::new();
    for table in tables.iter().filter(|table| !table.left_out) {
        let rows = sums::of(connection, &table.name)?;
        if rows.count > 0 {
            told.push(json!({ "table": table.name, "rows": rows.count, "sum": format!("{:032x}", rows.sum) }));
        }
    }
    let names = tables.iter().map(|table| table.name.as_str()).chain(PEOPLE);
    let stilled = still(connection, names, Walls::NotForTheOwner)?;
    let files = files(connection, client)?;
    let people = people(connection, client)?;
    let rows = delete(connection, client, &tables)?;
    delete_provider_jobs(connection, client, &people)?;
    let people = forget(connection, people)?;
    remove(store, &files)?;
    let certificate = json!({
        "tables": told, "rows": rows, "files": summed(&files), "auditHead": head.head, "people": people, "legalHoldsLifted": now.holds,
    });
    let noting = sql_query(
        "UPDATE practice.client_offboarding SET purged_at = clock_timestamp(), updated_at = clock_timestamp(), certificate = $2 WHERE id = $1",
    );
    let noted = noting
        .bind::<SqlUuid, _>(due.id)
        .bind::<Jsonb, _>(certificate)
        .execute(connection)
        .map_err(doing("the certificate"))?;
    if noted != 1 {
        return Err(PurgeError("Nothing was purged: the record of the client's end is gone.".to_owned()));
    }
    stilled.wake(connection)?;
    Ok(Purged { rows, files: files.len(), people })
}

fn files(connection: &mut Blocking, client: Uuid) -> Result<Vec<StoredFile>, Undone> {
    sql_query("SELECT f.id, f.object_key, f.sha256, f.size FROM core.file f WHERE f.tenant_id = $1 ORDER BY f.id")
        .bind::<SqlUuid, _>(client)
        .load(connection)
        .map_err(doing("its files"))
}

/// The people of the client who are none of the provider's and were never granted anything in another client.
fn people(connection: &mut Blocking, client: Uuid) -> Result<Vec<Person>, Undone> {
    sql_query(
        "SELECT a.id, a.email FROM identity.account a
          WHERE NOT a.staff AND NOT EXISTS (SELECT 1 FROM identity.provider_grant p WHERE p.account_id = a.id)
            AND EXISTS (SELECT 1 FROM identity.access_grant g WHERE g.tenant_id = $1 AND g.account_id = a.id)
            AND NOT EXISTS (SELECT 1 FROM identity.access_grant g WHERE g.tenant_id <> $1 AND g.account_id = a.id)
          ORDER BY a.id",
    )
    .bind::<SqlUuid, _>(client)
    .load(connection)
    .map_err(doing("its people"))
}

/// Deletes every row of the client; gives how many there were.
fn delete(connection: &mut Blocking, client: Uuid, tables: &[Table]) -> Result<u64, Undone> {
    // Sessions that were good for this client alone.
    for statement in [
        "DELETE FROM identity.refresh_token t USING identity.session s WHERE s.id = t.session_id AND s.confined_to = $1",
        "DELETE FROM identity.session s WHERE s.confined_to = $1",
    ] {
        sql_query(statement).bind::<SqlUuid, _>(client).execute(connection).map_err(doing("sessions"))?;
    }
    // Its turn among the clients in the queue of jobs.
    let turn = sql_query("DELETE FROM core.job_turn t WHERE t.lane = $1").bind::<SqlUuid, _>(client);
    turn.execute(connection).map_err(doing("its turn"))?;
    let mut rows = 0_u64;
    for table in tables {
        let (name, column) = (&table.name, &table.client_column);
        let gone = sql_query(format!("DELETE FROM {name} WHERE {column} = $1"))
            .bind::<SqlUuid, _>(client)
            .execute(connection)
            .map_err(doing(name))?;
        rows = rows.saturating_add(u64::try_from(gone).unwrap_or(u64::MAX));
    }
    // Looked at now, so that the client's own id, at which all of them point, can go as well.
    run(connection, "rows point at what is not there", "SET CONSTRAINTS ALL IMMEDIATE")?;
    let own = sql_query("DELETE FROM core.tenant t WHERE t.id = $1").bind::<SqlUuid, _>(client);
    own.execute(connection).map_err(doing("the client itself"))?;
    Ok(rows)
}

/// Deletes jobs of the provider that were about the client or its people: reminders and mails.
fn delete_provider_jobs(connection: &mut Blocking, client: Uuid, people: &[Person]) -> Result<(), Undone> {
    let ids = std::iter::once(client).chain(people.iter().map(|person| person.id));
    let mut words: Vec<String> = ids.flat_map(|id| [id.hyphenated().to_string(), id.simple().to_string()]).collect();
    words.extend(people.iter().map(|person| person.email.clone()));
    sql_query(
        "WITH gone AS (DELETE FROM core.provider_job j
                        WHERE EXISTS (SELECT 1 FROM unnest($1) AS w (word) WHERE strpos(lower(j.args::text), w.word) > 0) RETURNING j.id)
         DELETE FROM core.job_queue q USING gone WHERE q.job_id = gone.id",
    )
    .bind::<Array<Text>, _>(words)
    .execute(connection)
    .map(|_| ())
    .map_err(doing("jobs about it"))
}

/// Makes people nameless: their rows stay, because records of the provider name them by id.
fn forget(connection: &mut Blocking, people: Vec<Person>) -> Result<usize, Undone> {
    for Person { id, .. } in &people {
        for statement in [
            "UPDATE identity.account SET email = id::text || '@purged.invalid', name = 'Purged', password_hash = NULL, totp_secret = NULL,
                    totp_confirmed = false, person_id = NULL, disabled_at = coalesce(disabled_at, now()), updated_at = now() WHERE id = $1",
            "DELETE FROM identity.refresh_token t USING identity.session s WHERE s.id = t.session_id AND s.account_id = $1",
            "UPDATE identity.session SET user_agent = '', address = '', revoked_at = coalesce(revoked_at, now()),
                    revoked_for = coalesce(revoked_for, 'revoked') WHERE account_id = $1",
            "DELETE FROM identity.device WHERE account_id = $1",
            "DELETE FROM identity.password_reset WHERE account_id = $1",
            "UPDATE identity.account_trail SET user_agent = '', address = '' WHERE account_id = $1",
        ] {
            sql_query(statement).bind::<SqlUuid, _>(id).execute(connection).map_err(doing("its people"))?;
        }
    }
    Ok(people.len())
}

/// Takes the bytes away.
fn remove(store: &Store, files: &[StoredFile]) -> Result<(), PurgeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| PurgeError(format!("The store cannot be reached: {error}.")))?;
    for file in files {
        let Some(key) = &file.object_key else { continue };
        runtime
            .block_on(store.remove(key))
            .map_err(|error| PurgeError(format!("The store does not let go of a file: {}", error.sentence())))?;
    }
    Ok(())
}

/// What the certificate says of the files: how many, their bytes, and the SHA-256 over their ids and sums in the order of the ids.
fn summed(files: &[StoredFile]) -> Value {
    let mut hash = Sha256::new();
    let mut bytes = 0_i64;
    for file in files {
        bytes = bytes.saturating_add(file.size.unwrap_or_default());
        hash.update(format!("{} {}\n", file.id, file.sha256.as_deref().unwrap_or("-")));
    }
    json!({ "count": files.len(), "bytes": bytes, "sha256": hex(&hash.finalize()) })
}
