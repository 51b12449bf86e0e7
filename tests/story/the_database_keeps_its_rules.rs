//! The rules of the database itself, asked of its catalog: walls, keys, grants, triggers; and that every migration can
//! be taken back.

use backoffice::database;

use crate::harness::{Database, postgres};

/// Every finding of a catalog query, one line each.
fn findings(database: &Database, query: &str) -> Vec<String> {
    database.lines("postgres", query)
}

const CLIENT_TABLES: &str = "
    SELECT c.oid, c.oid::regclass::text AS name, c.relrowsecurity, c.relforcerowsecurity, c.relnamespace,
           coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
           EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS of_a_client
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')
       AND n.nspname NOT LIKE 'pg_toast%' AND n.nspname NOT LIKE 'pg_temp%'";

#[test]
fn the_catalog_keeps_the_rules() {
    let database = Database::new();
    let rules = [
        ("a table is a client's or says that it is local or reference data", "SELECT t.name AS line FROM tables t
            WHERE NOT t.of_a_client AND t.comment NOT LIKE 'local:%' AND t.comment NOT LIKE 'reference:%'".to_owned()),
        ("records that have rights of their own are seen by those alone who hold them, also where somebody is told of them",
            "SELECT t.node_type AS line FROM core.record_type t
               JOIN pg_attribute a ON a.attrelid = to_regclass(t.home) AND a.attname IN ('rights', 'only_for') AND NOT a.attisdropped
              WHERE NOT EXISTS (SELECT 1 FROM core.record_sight s WHERE s.node_type = t.node_type)
                -- what a type of documents asks for holds for its documents: the type itself is seen by whoever reads documents
                AND t.node_type <> 'DocumentType'".to_owned()),
        ("tenant_id is a uuid and never null", "SELECT t.name AS line FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
            WHERE t.of_a_client AND (NOT a.attnotnull OR a.atttypid <> 'uuid'::regtype)".to_owned()),
        ("row-level security is on and forced", "SELECT t.name AS line FROM tables t
            WHERE t.of_a_client AND NOT (t.relrowsecurity AND t.relforcerowsecurity)".to_owned()),
        ("the policy is the literal one, alone", r#"SELECT format('%s: %s %s', t.name, p.polname, pg_get_expr(p.polqual, p.polrelid)) AS line
            FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
            WHERE t.of_a_client AND NOT (
                 (p.polname = 'tenant' AND p.polcmd = '*' AND p.polroles = '{0}' AND p.polwithcheck IS NULL
                   AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = (NULLIF(current_setting(''app.tenant_id''::text, true), ''''::text))::uuid)')
              OR (p.polname = 'portfolio' AND p.polcmd = 'r' AND p.polroles = ARRAY['backoffice_portfolio'::regrole::oid]
                   AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = ANY (( SELECT (NULLIF(current_setting(''app.tenant_ids''::text, true), ''''::text))::uuid[] AS "nullif")::uuid[]))')
              OR (p.polname = 'open' AND t.name = 'practice.client' AND p.polcmd = '*' AND p.polroles = '{0}' AND NOT p.polpermissive)
              OR (p.polname = 'standing' AND t.name = 'identity.service_account' AND p.polroles = ARRAY['backoffice_owner'::regrole::oid] AND NOT p.polpermissive)
              OR (p.polname = 'own_grants' AND t.name = 'identity.access_grant' AND p.polcmd = 'r' AND p.polroles = ARRAY['backoffice_owner'::regrole::oid]))
            UNION ALL SELECT t.name || ': no tenant policy' FROM tables t WHERE t.of_a_client
                AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = 'tenant')"#.to_owned()),
        ("keys and foreign keys of a client's table begin with tenant_id", "SELECT format('%s: %s', t.name, k.conname) AS line
            FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid
            WHERE t.of_a_client AND k.contype IN ('p', 'u', 'x')
              AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = k.conkey[1]) <> 'tenant_id'
            UNION ALL
            SELECT format('%s: %s', t.name, k.conname) FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
              JOIN tables f ON f.oid = k.confrelid
             WHERE f.of_a_client AND NOT (
                  (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = k.conkey[1]) = 'tenant_id'
              AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = f.oid AND a.attnum = k.confkey[1]) = 'tenant_id')
            UNION ALL
            SELECT format('%s: unique index %s', t.name, i.indexrelid::regclass) FROM tables t JOIN pg_index i ON i.indrelid = t.oid
             WHERE t.of_a_client AND i.indisunique
               AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = i.indkey[0]) <> 'tenant_id'".to_owned()),
        ("no foreign key sets null or a default", "SELECT format('%s: %s', t.name, k.conname) AS line FROM tables t
            JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' WHERE k.confdeltype IN ('n', 'd', 'c') OR k.confupdtype IN ('n', 'd', 'c')".to_owned()),
        ("a client's table has a primary key", "SELECT t.name AS line FROM tables t
            WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'p')".to_owned()),
        ("records carry id, created_at, updated_at and version", "SELECT format('%s lacks %s', t.name, wanted) AS line FROM tables t,
              unnest(ARRAY['id', 'created_at', 'updated_at', 'version']) AS wanted
            WHERE t.of_a_client AND t.comment NOT LIKE '%unaudited%'
              AND NOT (t.comment LIKE 'append-only%' AND wanted IN ('updated_at', 'version'))
              AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = wanted AND NOT a.attisdropped)".to_owned()),
        ("every client's table is audited or says why not", "SELECT t.name AS line FROM tables t
            WHERE t.of_a_client AND t.comment NOT LIKE '%unaudited%'
              AND NOT EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgname = 'audit' AND g.tgenabled = 'O')".to_owned()),
        ("append-only tables refuse change by grant and by trigger", "SELECT t.name AS line FROM tables t WHERE t.comment LIKE 'append-only%'
              AND (NOT EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgname = 'refuse_change' AND g.tgenabled = 'O')
                OR has_table_privilege('backoffice_app', t.oid, 'UPDATE') OR has_table_privilege('backoffice_app', t.oid, 'DELETE')
                OR has_table_privilege('backoffice_app', t.oid, 'TRUNCATE'))".to_owned()),
        ("the server's roles hold no right that opens a wall", "SELECT format('%s on %s', r.rolname, t.name) AS line
            FROM tables t, pg_roles r WHERE r.rolname IN ('backoffice_app', 'backoffice_portfolio', 'backoffice_identity')
             AND (has_table_privilege(r.oid, t.oid, 'TRUNCATE') OR has_table_privilege(r.oid, t.oid, 'REFERENCES') OR has_table_privilege(r.oid, t.oid, 'TRIGGER')
               OR (r.rolname = 'backoffice_identity' AND t.of_a_client AND has_table_privilege(r.oid, t.oid, 'SELECT'))
               OR (r.rolname = 'backoffice_app' AND NOT t.of_a_client AND has_table_privilege(r.oid, t.oid, 'SELECT'))
               OR (r.rolname = 'backoffice_portfolio' AND has_table_privilege(r.oid, t.oid, 'INSERT,UPDATE,DELETE'))
               OR (r.rolname = 'backoffice_portfolio' AND has_table_privilege(r.oid, t.oid, 'SELECT')
                   AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = 'portfolio')))
            UNION ALL SELECT format('%s is more than a login', rolname) FROM pg_roles
             WHERE rolname LIKE 'backoffice%' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
            UNION ALL SELECT format('%s is a member of %s', m.rolname, r.rolname) FROM pg_auth_members a
              JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname LIKE 'backoffice%'".to_owned()),
        ("no enum column: only leakproof operators reach an index under row security", "SELECT format('%s.%s', t.name, a.attname) AS line
            FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid JOIN pg_type y ON y.oid = a.atttypid WHERE y.typtype = 'e' AND a.attnum > 0".to_owned()),
        ("no float holds anything", "SELECT format('%s.%s', t.name, a.attname) AS line FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid
            WHERE a.attnum > 0 AND a.atttypid IN ('float4'::regtype, 'float8'::regtype, 'money'::regtype)
            UNION ALL SELECT format('%s.%s has no precision', t.name, a.attname) FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid
             WHERE a.attnum > 0 AND a.atttypid = 'numeric'::regtype AND a.atttypmod = -1".to_owned()),
        ("views run as their caller, and none is materialized", "SELECT c.oid::regclass::text AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('core', 'audit', 'identity', 'practice', 'finance')
              AND (c.relkind = 'm' OR (c.relkind = 'v' AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)))".to_owned()),
        ("definer functions have a fixed search path and are not for everybody", "SELECT p.oid::regprocedure::text AS line FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname IN ('core', 'audit', 'identity', 'practice', 'finance')
              AND (has_function_privilege('public', p.oid, 'EXECUTE')
                OR (p.prosecdef AND NOT coalesce(array_to_string(p.proconfig, ',') LIKE '%search_path=pg_catalog%', false)))".to_owned()),
        ("foreign keys find an index on the client's side of the parent", "SELECT t.name AS line FROM tables t WHERE t.of_a_client
              AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t.oid
                AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = i.indkey[0]) = 'tenant_id')".to_owned()),
    ];
    let mut broken = Vec::new();
    for (rule, query) in rules {
        for line in findings(&database, &format!("WITH tables AS ({CLIENT_TABLES}) {query}")) {
            broken.push(format!("{rule}: {line}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_step_that_is_missing_is_noticed_wherever_it_stands() {
    let database = Database::new();
    assert!(database::check_serving(&database.urls()).is_ok());
    database.run("postgres", "DELETE FROM public.__diesel_schema_migrations WHERE version = '0030'");
    let refused = database::check_serving(&database.urls()).unwrap_err().to_string();
    assert!(refused.contains("step 0030 is missing") && refused.contains("backoffice migrate"), "{refused}");
}

#[test]
fn a_role_before_which_the_walls_fall_does_not_serve() {
    let database = Database::new();
    database.run("postgres", "CREATE ROLE story_bypassing LOGIN BYPASSRLS");
    database.run("postgres", "CREATE ROLE story_owning LOGIN IN ROLE backoffice_owner");
    for role in ["postgres", "story_bypassing", "story_owning"] {
        let grant =
            format!("DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO {role}', current_database()); END $$");
        database.run("postgres", &grant);
        for at in 0..3 {
            let mut urls = database.urls();
            *[&mut urls.app, &mut urls.portfolio, &mut urls.identity][at] = database.url(role);
            let refused = database::check_serving(&urls).unwrap_err().to_string();
            assert!(refused.contains(&format!("Refusing to serve as the database role \"{role}\"")), "{refused}");
        }
    }
    // The right rights in the wrong place.
    let mut urls = database.urls();
    urls.app = database.url("backoffice_identity");
    assert!(database::check_serving(&urls).unwrap_err().to_string().contains("is not backoffice_app"));
}

#[test]
fn migrations_go_down_and_up_again() {
    let database = Database::bare();
    let shape = "SELECT format('%s.%s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull) AS line
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
                  WHERE n.nspname IN ('core', 'audit', 'identity', 'practice', 'finance') AND a.attnum > 0 AND NOT a.attisdropped
                 UNION ALL SELECT 'function ' || p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                  WHERE n.nspname IN ('core', 'audit', 'identity', 'practice', 'finance')
                 UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname IN ('core', 'audit', 'identity', 'practice', 'finance')
                 ORDER BY 1";
    let _ = postgres();
    let up = database.past_the_server("postgres", |connection| database::migrate(connection).unwrap());
    let first = findings(&database, shape);
    assert!(up > 0 && !first.is_empty());
    let down = database.past_the_server("postgres", |connection| database::revert_all(connection).unwrap());
    assert_eq!(up, down);
    assert_eq!(findings(&database, shape), Vec::<String>::new(), "something was left behind");
    assert_eq!(database.past_the_server("postgres", |connection| database::migrate(connection).unwrap()), up);
    assert_eq!(findings(&database, shape), first);
}
