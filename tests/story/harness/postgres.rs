//! One private PostgreSQL for the whole run, and a database of its own for each test.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use backoffice::database;
use backoffice::platform::db::Urls;
use backoffice_private_postgres::{Options, PrivatePostgres, SUPERUSER};

const TEMPLATE: &str = "template_backoffice";

/// The server of this run. It dies with the process.
pub fn postgres() -> &'static PrivatePostgres {
    static POSTGRES: OnceLock<PrivatePostgres> = OnceLock::new();
    POSTGRES.get_or_init(|| {
        off_the_runtime(|| {
            let folder = run_folder();
            sweep();
            // Numbers of processes come again: what a run of the same number left behind would be taken for ours.
            let _ = std::fs::remove_dir_all(&folder);
            let mut options = Options::new(&folder);
            options.durable = false;
            options.max_connections = 400;
            let postgres = PrivatePostgres::start(options).unwrap_or_else(|error| panic!("{error}"));
            let mut connection = database::connect(&postgres.url(SUPERUSER, "postgres")).unwrap();
            execute(&mut connection, &format!("CREATE DATABASE {TEMPLATE}"));
            let mut connection = database::connect(&postgres.url(SUPERUSER, TEMPLATE)).unwrap();
            database::create_roles(&mut connection, None).unwrap();
            database::migrate(&mut connection).unwrap();
            // The provider's own schedules would come in between; a story that wants them says when.
            execute(&mut connection, "DELETE FROM core.schedule_queue");
            postgres
        })
    })
}

/// Where everything of this run lies.
fn run_folder() -> PathBuf {
    std::env::temp_dir().join(format!("backoffice-story-{}", std::process::id()))
}

/// Blocking connections have a runtime of their own; inside a test's runtime they need a thread of their own.
pub fn off_the_runtime<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// Folders of runs that are over.
fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let pid =
            path.file_name().and_then(|name| name.to_str()?.strip_prefix("backoffice-story-")?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

pub fn execute(connection: &mut database::Blocking, statement: &str) {
    diesel::RunQueryDsl::execute(diesel::sql_query(statement), connection)
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// A database of one test, migrated and empty.
pub struct Database {
    name: String,
}

impl Database {
    /// Clones the template.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("story_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = postgres().url(SUPERUSER, "postgres");
        off_the_runtime(|| {
            let mut connection = database::connect(&url).unwrap();
            // Two clones at once would disturb each other: the template must have no other user.
            execute(&mut connection, "SELECT pg_advisory_lock(1)");
            // Copied as files: through the log, which is the default, it costs five times as much.
            let create =
                format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER backoffice_owner STRATEGY file_copy");
            execute(&mut connection, &create);
            execute(&mut connection, "SELECT pg_advisory_unlock(1)");
        });
        Self { name }
    }

    /// An empty database without any schema.
    pub fn bare() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bare_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = postgres().url(SUPERUSER, "postgres");
        off_the_runtime(|| {
            let mut connection = database::connect(&url).unwrap();
            execute(&mut connection, &format!("CREATE DATABASE {name} OWNER backoffice_owner"));
        });
        Self { name }
    }

    pub fn url(&self, role: &str) -> String {
        postgres().url(role, &self.name)
    }

    /// A folder of this test's own, for files; removed with all of this run.
    pub fn folder(&self) -> PathBuf {
        run_folder().join(format!("files-{}", self.name))
    }

    /// Where the server's three roles sign in.
    pub fn urls(&self) -> Urls {
        Urls {
            app: self.url("backoffice_app"),
            portfolio: self.url("backoffice_portfolio"),
            identity: self.url("backoffice_identity"),
        }
    }

    /// Works on a connection of that role, past the server.
    pub fn past_the_server<T: Send>(&self, role: &str, work: impl FnOnce(&mut database::Blocking) -> T + Send) -> T {
        let url = self.url(role);
        off_the_runtime(|| work(&mut database::connect(&url).unwrap()))
    }

    /// Runs one statement as a role, past the server.
    pub fn run(&self, role: &str, statement: &str) {
        self.past_the_server(role, |connection| execute(connection, statement));
    }

    /// Every row of a query that names its one column `line`, as a role, past the server.
    pub fn lines(&self, role: &str, query: &str) -> Vec<String> {
        self.past_the_server(role, |connection| database::texts(connection, query).unwrap())
    }

    /// What `backoffice check` finds.
    pub fn findings(&self) -> Vec<String> {
        self.past_the_server("backoffice_owner", |connection| backoffice::check::run(connection).unwrap().findings)
    }

    /// The same but for what the harness laid into the database, past the server.
    pub fn findings_of_the_server(&self) -> Vec<String> {
        self.findings().into_iter().filter(|line| !line.contains("nothing was changed past the server")).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let url = postgres().url(SUPERUSER, "postgres");
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        off_the_runtime(|| {
            if let Ok(mut connection) = database::connect(&url) {
                let _ = diesel::RunQueryDsl::execute(diesel::sql_query(statement), &mut connection);
            }
        });
    }
}
