//! The database from outside any request: roles, migrations, and the proof that the server is no more than it may be.

use std::collections::BTreeSet;

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::{RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub use crate::platform::blocking::{Blocking, DatabaseError, text, texts};
use crate::platform::blocking::{failed, flag};
use crate::platform::db::Urls;
use crate::platform::reach::Reach;

/// Every step of the schema, in the binary itself.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The login roles, least privilege each; see DESIGN of the database in ARCHITECTURE.md.
const ROLES: [&str; 4] = ["backoffice_owner", "backoffice_app", "backoffice_portfolio", "backoffice_identity"];

/// What may help where the other side does not speak TLS.
fn hint(error: &diesel::ConnectionError) -> &'static str {
    if error.to_string().contains("TLS") {
        " (add sslmode=disable to its address if the network between is your own, or sslrootcert=FILE for certificates of your own)"
    } else {
        ""
    }
}

/// Connects for work outside requests.
pub fn connect(url: &str) -> Result<Blocking, DatabaseError> {
    let reach = Reach::of(url).map_err(DatabaseError)?;
    let mut connection: Blocking = reach
        .connect_apart()
        .map_err(|error| DatabaseError(format!("The database cannot be reached: {error}{}", hint(&error))))?
        .into();
    sql_query("SET client_min_messages = 'warning'").execute(&mut connection).map_err(failed("first statement"))?;
    Ok(connection)
}

/// Creates what is missing of the four roles and gives the database to its owner. Needs a superuser (or CREATEROLE
/// and ownership). With a password the roles can sign in over the network; the private PostgreSQL needs none.
pub fn create_roles(connection: &mut Blocking, password: Option<&str>) -> Result<(), DatabaseError> {
    for role in ROLES {
        if !flag(connection, &format!("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') AS flag"))? {
            sql_query(format!("CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"))
                .execute(connection)
                .map_err(failed("creating the roles"))?;
        }
        // The server tells deadlocks and time-outs by their English text; only a superuser may set the language.
        let _ = sql_query(format!("ALTER ROLE {role} SET lc_messages = 'C'")).execute(connection);
        if let Some(password) = password {
            let quoted = password.replace('\'', "''");
            sql_query(format!("ALTER ROLE {role} PASSWORD '{quoted}'"))
                .execute(connection)
                .map_err(|_| DatabaseError(format!("The password of {role} could not be set.")))?;
        }
    }
    let database = text(connection, "SELECT quote_ident(current_database()) AS line")?;
    sql_query(format!("ALTER DATABASE {database} OWNER TO backoffice_owner"))
        .execute(connection)
        .map_err(failed("giving the database to its owner"))?;
    sql_query(format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"))
        .execute(connection)
        .map_err(failed("closing the database to others"))?;
    sql_query(format!(
        "GRANT CONNECT ON DATABASE {database} TO backoffice_app, backoffice_portfolio, backoffice_identity"
    ))
    .execute(connection)
    .map_err(failed("opening the database to the server"))?;
    Ok(())
}

/// Runs every pending step as the owner; says how many were run.
pub fn migrate(connection: &mut Blocking) -> Result<usize, DatabaseError> {
    // A session that may act as the owner does, so that the owner owns everything.
    if flag(connection, "SELECT current_user <> 'backoffice_owner' AS flag")? {
        sql_query("SET ROLE backoffice_owner").execute(connection).map_err(failed("acting as the owner"))?;
    }
    // One migration at a time, whoever starts: the lock goes with the session.
    sql_query("SELECT pg_advisory_lock(4210801)")
        .execute(connection)
        .map_err(failed("waiting for another migration"))?;
    let run = connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| DatabaseError(format!("A migration failed: {error}")))?
        .len();
    sql_query("GRANT SELECT ON public.__diesel_schema_migrations TO backoffice_app")
        .execute(connection)
        .map_err(failed("opening the list of migrations"))?;
    sql_query("SELECT pg_advisory_unlock(4210801)").execute(connection).map_err(failed("ending the migration"))?;
    Ok(run)
}

/// The steps of the schema that this program knows.
pub fn known_steps() -> Result<BTreeSet<String>, DatabaseError> {
    let all = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(|error| DatabaseError(error.to_string()))?;
    Ok(all.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// Takes every step back, newest first. For the test that proves it can be done.
pub fn revert_all(connection: &mut Blocking) -> Result<usize, DatabaseError> {
    if flag(connection, "SELECT current_user <> 'backoffice_owner' AS flag")? {
        sql_query("SET ROLE backoffice_owner").execute(connection).map_err(failed("acting as the owner"))?;
    }
    connection
        .revert_all_migrations(MIGRATIONS)
        .map(|reverted| reverted.len())
        .map_err(|error| DatabaseError(format!("A migration could not be taken back: {error}")))
}

/// Refuses to serve with more rights than a server needs, or on a schema that is not this binary's.
pub fn check_serving(urls: &Urls) -> Result<(), DatabaseError> {
    for (url, role) in [
        (&urls.app, "backoffice_app"),
        (&urls.portfolio, "backoffice_portfolio"),
        (&urls.identity, "backoffice_identity"),
    ] {
        let mut connection = connect(url)?;
        let user = text(&mut connection, "SELECT current_user::text AS line")?;
        let over = flag(
            &mut connection,
            "SELECT rolsuper OR rolbypassrls OR pg_has_role(rolname, 'backoffice_owner', 'MEMBER')
                    OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid AND c.relnamespace::regnamespace::text
                                IN ('core', 'audit', 'identity', 'practice', 'finance')) AS flag
               FROM pg_roles r WHERE rolname = current_user",
        );
        if !matches!(over, Ok(false)) {
            return Err(DatabaseError(format!(
                "Refusing to serve as the database role \"{user}\": it is superuser, owner or bypasses row-level security, so the \
                 walls between clients would not hold. Run `backoffice migrate` once with this DATABASE_URL and \
                 BACKOFFICE_ROLE_PASSWORD set, then serve with the user {role} in DATABASE_URL."
            )));
        }
        if user != role {
            return Err(DatabaseError(format!(
                "The database role \"{user}\" is not {role}. Serve with DATABASE_URL for backoffice_app; the other two roles \
                 are reached with the same password, or by BACKOFFICE_PORTFOLIO_URL and BACKOFFICE_IDENTITY_URL."
            )));
        }
        if role == "backoffice_app" {
            check_version(&mut connection)?;
        }
    }
    Ok(())
}

fn check_version(connection: &mut Blocking) -> Result<(), DatabaseError> {
    // Numbers go by department, so a new step is not always the highest one.
    let found =
        texts(connection, "SELECT version::text AS line FROM public.__diesel_schema_migrations").unwrap_or_default();
    let missing = MigrationSource::<Pg>::migrations(&MIGRATIONS)
        .map_err(|error| DatabaseError(error.to_string()))?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .find(|version| !found.contains(version));
    match missing {
        Some(version) => Err(DatabaseError(format!(
            "The database's schema is older than this program (step {version} is missing). Run `backoffice migrate` with \
             the owner's or a superuser's DATABASE_URL first."
        ))),
        None => Ok(()),
    }
}
