//! Expand, then contract: a step of the schema leaves everything in place that the server of the release before it uses,
//! because both run at once during a restart.
//!
//! What takes something away needs a line `-- contract: REASON` in its step, which says since which release nothing uses
//! it any more.

use std::fs;
use std::path::Path;

/// The schema of the first release: nothing was there before it.
const FIRST: [&str; 10] = [
    "0001_platform_core",
    "0010_identity",
    "0020_practice_client",
    "0030_provider_idempotency",
    "0040_sweep",
    "0050_invitation_revoke",
    "0055_lean_door",
    "0100_finance_ledger",
    "0110_finance_documents",
    "0120_finance_banking",
];

/// What an old server would stumble over.
fn contracts(sql: &str) -> Vec<String> {
    let code: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for statement in statements(&code) {
        let words: Vec<String> = statement.split_whitespace().map(str::to_uppercase).collect();
        let text = words.join(" ");
        let short: String = statement.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(90).collect();
        let alters = text.starts_with("ALTER TABLE");
        let takes_away =
            ["DROP TABLE", "DROP VIEW", "DROP SCHEMA", "TRUNCATE"].iter().any(|what| text.starts_with(what))
                || (text.starts_with("DROP FUNCTION") && !made_again(&code, &words))
                || (alters
                    && [" DROP COLUMN ", " RENAME ", " SET NOT NULL", " TYPE "].iter().any(|what| text.contains(what)))
                || (alters
                    && text.contains(" ADD COLUMN ")
                    && text.contains("NOT NULL")
                    && !text.contains("DEFAULT")
                    && !text.contains("GENERATED"))
                || (text.starts_with("REVOKE") && !text.contains("FROM PUBLIC") && !on_a_new_table(&code, &words));
        if takes_away {
            found.push(short);
        }
    }
    found
}

/// Whether the step makes a function of the same name again: the server then finds it.
fn made_again(code: &str, words: &[String]) -> bool {
    let name = words.iter().skip(2).find(|word| !["IF", "EXISTS"].contains(&word.as_str()));
    name.and_then(|name| name.split('(').next()).is_some_and(|name| {
        let code = code.to_uppercase();
        code.contains(&format!("CREATE FUNCTION {name}"))
            || code.contains(&format!("CREATE OR REPLACE FUNCTION {name}"))
    })
}

/// Whether what is taken is taken of a table that the step itself makes: no server knows it yet.
fn on_a_new_table(code: &str, words: &[String]) -> bool {
    let named = words.iter().skip_while(|word| word.as_str() != "ON").nth(1);
    named.is_some_and(|name| code.to_uppercase().contains(&format!("CREATE TABLE {name} (")))
}

/// The statements of a step; bodies of functions stand between `$$` and are none of its own.
fn statements(code: &str) -> Vec<String> {
    let outside: String = code.split("$$").step_by(2).collect::<Vec<_>>().join(" $$ ");
    outside.split(';').map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}

#[test]
fn every_step_expands_or_says_why_it_contracts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let sql = fs::read_to_string(entry.path().join("up.sql")).unwrap();
        if FIRST.contains(&name.as_str()) || sql.contains("-- contract: ") {
            continue;
        }
        wrong.extend(contracts(&sql).into_iter().map(|statement| format!("{name}: {statement}")));
    }
    assert!(wrong.is_empty(), "the release before would stumble over:\n{}", wrong.join("\n"));
}

#[test]
fn what_takes_away_is_seen() {
    for sql in [
        "DROP TABLE core.x;",
        "ALTER TABLE core.x\n  DROP COLUMN y;",
        "ALTER TABLE core.x RENAME TO y;",
        "ALTER TABLE core.x ALTER COLUMN y TYPE bigint;",
        "ALTER TABLE core.x ALTER COLUMN y SET NOT NULL;",
        "ALTER TABLE core.x ADD COLUMN y text NOT NULL;",
        "DROP FUNCTION core.f(uuid);",
        "REVOKE SELECT ON core.x FROM backoffice_app;",
    ] {
        assert_eq!(contracts(sql).len(), 1, "{sql}");
    }
    for sql in [
        "CREATE TABLE core.x (y text NOT NULL);",
        "ALTER TABLE core.x ADD COLUMN y text NOT NULL DEFAULT '';",
        "ALTER TABLE core.x ADD COLUMN y text; -- DROP TABLE core.x;",
        "DROP FUNCTION core.f(uuid); CREATE FUNCTION core.f(uuid, text) RETURNS text LANGUAGE sql AS $$ SELECT 1; DROP TABLE t $$;",
        "REVOKE ALL ON FUNCTION core.f FROM PUBLIC;",
    ] {
        assert_eq!(contracts(sql), Vec::<String>::new(), "{sql}");
    }
}
