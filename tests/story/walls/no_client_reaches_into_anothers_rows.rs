//! The walls below the program: the server's own role in the database, without a client and as one client, against every
//! table that the catalog knows.

use backoffice::database::{Blocking, texts};

use super::furnished::furnish;
use super::schema::Schema;
use crate::harness::App;

/// What became of a statement that was taken back at once: how many rows it reached, or why it was refused.
fn tried(connection: &mut Blocking, statement: &str) -> Result<usize, String> {
    let run = |connection: &mut Blocking, text: &str| diesel::RunQueryDsl::execute(diesel::sql_query(text), connection);
    run(connection, "SAVEPOINT attempt").unwrap();
    let outcome = run(connection, statement).map_err(|error| error.to_string());
    run(connection, "ROLLBACK TO SAVEPOINT attempt").unwrap();
    outcome
}

const CLIENT_TABLES: &str =
    "SELECT c.oid::regclass::text AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
   WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('core', 'audit', 'identity', 'practice', 'finance') ORDER BY 1";

/// Foreign keys from one client table to another: name, table, first column behind `tenant_id`, the one it points at.
const FOREIGN_KEYS: &str =
    "SELECT concat_ws(' ', k.conrelid::regclass, a.attname, k.confrelid::regclass, f.attname) AS line
    FROM pg_constraint k
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[2]
    JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[2]
   WHERE k.contype = 'f' AND array_length(k.conkey, 1) = 2 AND k.conparentid = 0
     AND EXISTS (SELECT 1 FROM pg_attribute t WHERE t.attrelid = k.confrelid AND t.attname = 'tenant_id') ORDER BY 1";

#[tokio::test]
async fn the_servers_role_reaches_no_row_of_another_client() {
    let (schema, app) = (Schema::read().await, App::start());
    let administrator = app.administrator().await;
    let alpha = furnish(&app, &schema, &administrator, "ALPHA", "02").await;
    let beta = furnish(&app, &schema, &administrator, "BETA", "01").await;
    let (a, b) = (uuid(&alpha.client), uuid(&beta.client));
    let database = &app.database;
    let tables = database.lines("postgres", CLIENT_TABLES);
    assert!(tables.len() > 25, "the catalog was read wrongly: {tables:?}");
    // rows of both, so that nothing below holds only because a table is empty
    let filled: Vec<&String> = tables
        .iter()
        .filter(|table| {
            database.lines(
                "postgres",
                &format!(
                    "SELECT count(DISTINCT tenant_id)::text AS line FROM {table} WHERE tenant_id IN ('{a}', '{b}')"
                ),
            ) == ["2"]
        })
        .collect();
    // written with an Idempotency-Key only
    let empty: Vec<&String> =
        tables.iter().filter(|table| !filled.contains(table) && table.as_str() != "core.idempotency").collect();
    assert!(empty.is_empty(), "give these tables rows in furnished.rs: {empty:?}");

    // a row of alpha's of each table, with the columns that can be written
    let copies: Vec<(String, String, String)> = filled
        .iter()
        .map(|table| {
            let query = format!("SELECT to_json(t)::text AS line FROM {table} t WHERE t.tenant_id = '{a}' LIMIT 1");
            let row = database.lines("postgres", &query).remove(0);
            let columns = format!(
                "SELECT quote_ident(a.attname) AS line FROM pg_attribute a WHERE a.attrelid = '{table}'::regclass
                    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''"
            );
            ((*table).clone(), database.lines("postgres", &columns).join(", "), row)
        })
        .collect();
    let keys: Vec<Vec<String>> = database
        .lines("postgres", FOREIGN_KEYS)
        .iter()
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect();
    let targets: Vec<Option<String>> = keys
        .iter()
        .map(|key| {
            database
                .lines(
                    "postgres",
                    &format!("SELECT {}::text AS line FROM {} WHERE tenant_id = '{a}' LIMIT 1", key[3], key[2]),
                )
                .pop()
        })
        .collect();

    let found = database.past_the_server("backoffice_app", |connection| {
        let mut found = Vec::new();
        let run = |connection: &mut Blocking, text: &str| {
            diesel::RunQueryDsl::execute(diesel::sql_query(text), connection)
                .unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        run(connection, "BEGIN");
        for table in &tables {
            match texts(connection, &format!("SELECT count(*)::text AS line FROM {table}")) {
                Ok(count) if count == ["0"] => {}
                other => found.push(format!("{table} without a client: {other:?}")),
            }
        }
        run(connection, &format!("SELECT core.set_tenant('{b}')"));
        run(connection, "SET CONSTRAINTS ALL IMMEDIATE");
        for table in &tables {
            let here =
                texts(connection, &format!("SELECT count(*)::text AS line FROM {table} WHERE tenant_id <> '{b}'"));
            if !here.as_ref().is_ok_and(|count| count == &["0"]) {
                found.push(format!("{table} shows another client's rows: {here:?}"));
            }
            for statement in [
                format!("UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = '{a}'"),
                format!("DELETE FROM {table} WHERE tenant_id = '{a}'"),
            ] {
                match tried(connection, &statement) {
                    Ok(0) => {}
                    Err(refused) if refused.contains("permission denied") => {}
                    other => found.push(format!("{statement}: {other:?}")),
                }
            }
            match tried(connection, &format!("UPDATE {table} SET tenant_id = '{a}'")) {
                Ok(0) if table == "core.idempotency" => {}
                Err(_) => {}
                Ok(rows) => found.push(format!("{rows} rows of {table} were given to another client")),
            }
        }
        for (table, columns, row) in &copies {
            let copy = row.replace('\'', "''");
            let statement = format!(
                "INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_record(NULL::{table}, '{copy}')"
            );
            match tried(connection, &statement) {
                // a trigger looks before the wall does, and sees no year of the other client
                Err(refused)
                    if table == "finance.journal_entry" && refused.contains("no fiscal year covers the date") => {}
                Err(refused) if refused.contains("row-level security") || refused.contains("permission denied") => {}
                other => found.push(format!("a row for another client in {table}: {other:?}")),
            }
        }
        let mut refused_as_key = 0;
        for (key, target) in keys.iter().zip(&targets) {
            let (table, column) = (&key[0], &key[1]);
            let Some(target) = target else { continue };
            match tried(connection, &format!("UPDATE {table} SET {column} = '{target}'")) {
                Err(refused) if refused.contains("foreign key") => refused_as_key += 1,
                // rows that never change, and triggers that look first
                Err(_) => {}
                Ok(rows) => {
                    found.push(format!("{rows} rows of {table} point by {column} at another client's {}", key[2]))
                }
            }
        }
        // where update is not granted or a trigger stands before it, the catalog's rule answers: keys begin with tenant_id
        if refused_as_key < 5 {
            found.push(format!("only {refused_as_key} of {} foreign keys were put to the test", keys.len()));
        }
        run(connection, "ROLLBACK");
        found
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The id inside the database.
fn uuid(id: &str) -> &str {
    id.rsplit_once('_').unwrap().1
}
