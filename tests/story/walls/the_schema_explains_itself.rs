//! Every type, field, argument and word of the schema is described; the committed SDL is the schema; the tables that
//! the program believes in are the tables of the database.

use super::schema::Schema;
use crate::harness::Database;

#[tokio::test]
async fn everything_is_described() {
    let schema = Schema::read().await;
    let mut silent = Vec::new();
    let mut look = |what: String, item: &serde_json::Value| {
        if item["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            silent.push(what);
        }
    };
    for (name, kind) in schema.types() {
        look(name.clone(), kind);
        for list in ["fields", "inputFields", "enumValues"] {
            for item in kind[list].as_array().into_iter().flatten() {
                look(format!("{name}.{}", item["name"].as_str().unwrap()), item);
                for argument in item["args"].as_array().into_iter().flatten() {
                    look(
                        format!("{name}.{}({})", item["name"].as_str().unwrap(), argument["name"].as_str().unwrap()),
                        argument,
                    );
                }
            }
        }
    }
    assert!(silent.is_empty(), "without a description:\n{}", silent.join("\n"));
}

#[test]
fn the_committed_schema_is_the_schema() {
    let committed = include_str!("../../../schema.graphql");
    assert!(committed == backoffice::graph::sdl(), "run: cargo run -- schema > schema.graphql");
}

#[test]
fn the_programs_tables_are_the_databases_tables() {
    let database = Database::new();
    let columns = database.lines(
        "postgres",
        "SELECT format('%s.%s %s -> %s', n.nspname, c.relname, a.attname, CASE WHEN a.attnotnull THEN k.kind ELSE format('Nullable<%s>', k.kind) END) AS line
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
           JOIN LATERAL (SELECT CASE format_type(a.atttypid, NULL)
               WHEN 'uuid' THEN 'Uuid' WHEN 'text' THEN 'Text' WHEN 'date' THEN 'Date' WHEN 'timestamp with time zone' THEN 'Timestamptz'
               WHEN 'timestamp without time zone' THEN 'Timestamp' WHEN 'timestamp without time zone[]' THEN 'Array<Timestamp>'
               WHEN 'numeric' THEN 'Numeric' WHEN 'integer' THEN 'Int4' WHEN 'bigint' THEN 'Int8' WHEN 'smallint' THEN 'Int2'
               WHEN 'boolean' THEN 'Bool' WHEN 'jsonb' THEN 'Jsonb' WHEN 'bytea' THEN 'Binary' WHEN 'text[]' THEN 'Array<Text>' WHEN 'integer[]' THEN 'Array<Int4>' WHEN 'uuid[]' THEN 'Array<Uuid>' WHEN 'numeric[]' THEN 'Array<Numeric>' WHEN 'tsvector' THEN 'Tsvector'
               ELSE format_type(a.atttypid, NULL) END AS kind) k ON true
          WHERE c.relkind = 'r' AND n.nspname IN ('core', 'audit', 'identity', 'practice', 'finance')
            AND a.attnum > 0 AND NOT a.attisdropped",
    );
    let mut in_database: Vec<String> = columns;
    let mut in_program = Vec::new();
    // Every department's, whichever there are.
    let departments = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    for source in
        departments.filter_map(|department| std::fs::read_to_string(department.unwrap().path().join("schema.rs")).ok())
    {
        let mut table = String::new();
        for line in source.lines().map(str::trim) {
            if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with('{') && line.contains('.')) {
                table = name.to_owned();
            } else if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ") {
                in_program.push(format!("{table} {column} -> {kind}"));
            }
        }
    }
    in_database.sort();
    in_program.sort();
    let missing: Vec<_> = in_database.iter().filter(|line| !in_program.contains(line)).collect();
    let wrong: Vec<_> = in_program.iter().filter(|line| !in_database.contains(line)).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "src/*/schema.rs lack {missing:#?} and have {wrong:#?}");
}
