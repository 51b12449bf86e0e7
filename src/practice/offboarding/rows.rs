//! What is read of a client for its archive, all of it in one transaction of one snapshot.

use std::collections::BTreeSet;

use backoffice_archive::Head;
use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Binary, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::files::store::hex;
use crate::platform::sql::sql;

/// How many rows come at once, and after how many bytes no more do.
const PAGE: (i32, i32) = (1000, 2 * 1024 * 1024);
const PAGE_OF_FILES: i64 = 1000;

/// A table with rows of clients.
#[derive(QueryableByName, Debug)]
pub(super) struct Table {
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Why it stays out; none if it goes out.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// Its columns that hold secrets.
    #[diesel(sql_type = Array<Text>)]
    pub secrets: Vec<String>,
}

/// A row and its place in the order of its table.
#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Text)]
    pub line: String,
    #[diesel(sql_type = Array<Text>)]
    pub place: Vec<String>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// A file whose bytes go along.
#[derive(QueryableByName, Debug)]
pub(super) struct StoredFile {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub object_key: String,
    #[diesel(sql_type = Int8)]
    pub size: i64,
    #[diesel(sql_type = Text)]
    pub sha256: String,
}

/// The client and the moment.
#[derive(QueryableByName)]
pub(super) struct About {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub country: String,
    #[diesel(sql_type = Text)]
    pub currency: String,
    #[diesel(sql_type = Text)]
    pub time_zone: String,
    #[diesel(sql_type = Timestamptz)]
    pub taken_at: DateTime<Utc>,
    #[diesel(sql_type = Array<Text>)]
    pub steps: Vec<String>,
    #[diesel(sql_type = Jsonb)]
    pub totals: Value,
}

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
}

pub(super) async fn about(tx: &Tx) -> Result<About> {
    tx.row(
        sql("SELECT c.name, c.country, c.currency, c.time_zone, now() AS taken_at, core.archive_totals() AS totals,
                    ARRAY (SELECT m.version::text FROM public.__diesel_schema_migrations m ORDER BY 1) AS steps
               FROM practice.client c WHERE c.tenant_id = $1")
        .bind::<SqlUuid, _>(tx.tenant()?),
    )
    .await
}

/// Keeps a transaction that has nothing to ask for a while: an idle one is ended by the database.
pub(super) async fn stay(tx: &Tx) -> Result<()> {
    tx.exec(sql("SELECT 1")).await.map(|_| ())
}

pub(super) async fn audit_head(tx: &Tx) -> Result<Option<Head>> {
    let link: Option<Link> = tx
        .maybe(sql("SELECT c.seq, c.hash FROM audit.chain c WHERE c.tenant_id = $1").bind::<SqlUuid, _>(tx.tenant()?))
        .await?;
    Ok(link.map(|link| Head { seq: link.seq, hash: hex(&link.hash) }))
}

pub(super) async fn tables(tx: &Tx) -> Result<Vec<Table>> {
    tx.rows(sql("SELECT t.name, t.reason, t.secrets FROM core.archive_tables() t ORDER BY t.name")).await
}

/// The rows of a table behind that place; none behind the last.
pub(super) async fn page(tx: &Tx, table: &str, after: Option<Vec<String>>) -> Result<Vec<Row>> {
    tx.rows(
        sql("SELECT p.line, p.place FROM core.archive_page($1, $2, $3, $4) p")
            .bind::<Text, _>(table.to_owned())
            .bind::<Nullable<Array<Text>>, _>(after)
            .bind::<Int4, _>(PAGE.0)
            .bind::<Int4, _>(PAGE.1),
    )
    .await
}

/// The tables of the provider's own that go along as far as they are pointed at.
pub(super) async fn references(tx: &Tx) -> Result<Vec<String>> {
    let lines: Vec<Line> = tx.rows(sql("SELECT r AS line FROM core.archive_references() r")).await?;
    Ok(lines.into_iter().map(|line| line.line).collect())
}

/// The rows of one of them that the client's rows in those tables point at.
pub(super) async fn referenced(tx: &Tx, reference: &str, tables: &[Table]) -> Result<Vec<String>> {
    let mut keys = BTreeSet::new();
    for table in tables.iter().filter(|table| table.reason.is_none()) {
        let pointed: Vec<Line> = tx
            .rows(
                sql("SELECT p AS line FROM core.archive_pointed($1, $2) p")
                    .bind::<Text, _>(reference.to_owned())
                    .bind::<Text, _>(table.name.clone()),
            )
            .await?;
        keys.extend(pointed.into_iter().map(|line| line.line));
    }
    let lines: Vec<Line> = tx
        .rows(
            sql("SELECT r AS line FROM core.archive_referenced($1, $2) r")
                .bind::<Text, _>(reference.to_owned())
                .bind::<Array<Text>, _>(keys.into_iter().collect::<Vec<_>>()),
        )
        .await?;
    Ok(lines.into_iter().map(|line| line.line).collect())
}

/// The files whose bytes the client has. What exports have written stays out: each is a copy of what is in the archive.
pub(super) async fn files(tx: &Tx) -> Result<Vec<StoredFile>> {
    let mut all: Vec<StoredFile> = Vec::new();
    loop {
        let after = all.last().map_or(Uuid::nil(), |file| file.id);
        let page: Vec<StoredFile> = tx
            .rows(
                sql("SELECT f.id, f.object_key, f.size, f.sha256 FROM core.file f
                      WHERE f.tenant_id = $1 AND f.id > $2 AND f.state = 'ready' AND f.purpose <> 'export'
                        AND f.removed_at IS NULL AND f.deleted_at IS NULL
                      ORDER BY f.id LIMIT $3")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(after)
                .bind::<BigInt, _>(PAGE_OF_FILES),
            )
            .await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

impl StoredFile {
    /// Its size.
    pub fn bytes(&self) -> Result<u64> {
        u64::try_from(self.size).map_err(Error::fault)
    }
}
