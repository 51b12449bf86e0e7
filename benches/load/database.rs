//! The private PostgreSQL of the benchmark: filled quickly without forcing anything to the disk, then started again with
//! the settings that the server gives its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use backoffice::database::{self, Blocking};
use backoffice::platform::can::Can;
use backoffice_private_postgres::{DATABASE, Options, PORT, PrivatePostgres, SUPERUSER};
use diesel::connection::SimpleConnection;

use crate::scale::Scale;

/// The database that bare inserts go to: a copy in which no trigger but those of foreign keys fires.
pub const BARE: &str = "bare";
/// Who signs in.
pub const EMAIL: &str = "bench@provider.example";
/// Who looks over what the other has done.
pub const CHECKER: &str = "checker@provider.example";
pub const PASSWORD: &str = "a long password for the load test";

/// The filled database. Its folder goes with it.
pub struct Database {
    folder: Folder,
    postgres: Option<PrivatePostgres>,
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Database {
    /// Makes the roles, the schema and the rows.
    pub fn fill(scale: &Scale) -> Self {
        sweep();
        let folder = Folder(std::env::temp_dir().join(format!("backoffice-bench-{}", std::process::id())));
        let mut quick = Options::new(&folder.0);
        quick.durable = false;
        quick.settings =
            [("max_wal_size", "4GB"), ("maintenance_work_mem", "256MB"), ("autovacuum", "off"), ("work_mem", "64MB")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec();
        let postgres = PrivatePostgres::start(quick).unwrap_or_else(|error| panic!("{error}"));
        let url = postgres.url(SUPERUSER, DATABASE);
        let mut connection = database::connect(&url).unwrap();
        database::create_roles(&mut connection, None).unwrap();
        database::migrate(&mut connection).unwrap();
        drop(connection);
        for email in [EMAIL, CHECKER] {
            create_user(&postgres.url("backoffice_app", DATABASE), email);
        }
        fill(&url, scale);
        copy(&postgres);
        postgres.stop();
        let mut filled = Self { folder, postgres: None };
        filled.start();
        filled
    }

    /// Starts PostgreSQL as the server would.
    pub fn start(&mut self) {
        let mut options = Options::new(&self.folder.0);
        options.max_connections = 120;
        self.postgres = Some(PrivatePostgres::start(options).unwrap_or_else(|error| panic!("{error}")));
    }

    /// Stops PostgreSQL, so that somebody else can start it.
    pub fn stop(&mut self) {
        if let Some(postgres) = self.postgres.take() {
            postgres.stop();
        }
    }

    fn postgres(&self) -> &PrivatePostgres {
        self.postgres.as_ref().expect("PostgreSQL runs")
    }

    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    pub fn app_url(&self) -> String {
        self.postgres().url("backoffice_app", DATABASE)
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.postgres().pid().expect("PostgreSQL runs")
    }

    /// pgbench of the same installation, told where to go as the server's role.
    pub fn pgbench(&self, database: &str) -> Command {
        let beside =
            std::fs::read_link(format!("/proc/{}/exe", self.pid())).ok().map(|path| path.with_file_name("pgbench"));
        let mut command = Command::new(beside.filter(|path| path.is_file()).unwrap_or_else(|| "pgbench".into()));
        command.arg("-h").arg(self.postgres().socket_dir());
        command.args(["-p", &PORT.to_string(), "-U", "backoffice_app"]).arg(database).current_dir(&self.folder.0);
        command
    }

    /// Runs statements as superuser with the triggers off.
    pub fn execute(&self, statements: &str) {
        execute(&self.postgres().url(SUPERUSER, DATABASE), statements);
    }

    /// Runs statements as superuser in one transaction, with every trigger.
    pub fn run(&self, statements: &str) {
        let mut connection = database::connect(&self.postgres().url(SUPERUSER, DATABASE)).unwrap();
        connection.batch_execute(statements).unwrap_or_else(|error| panic!("{error}\n{statements}"));
    }

    /// The one text that a query names `line`, asked as superuser.
    pub fn text(&self, query: &str) -> String {
        database::text(&mut database::connect(&self.postgres().url(SUPERUSER, DATABASE)).unwrap(), query).unwrap()
    }
}

/// Folders of runs that were killed.
fn sweep() {
    for path in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let pid =
            path.file_name().and_then(|name| name.to_str()?.strip_prefix("backoffice-bench-")?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// A person of the provider, made as an operator would make him.
fn create_user(app_url: &str, email: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_backoffice"))
        .args(["user", "create", "--email", email, "--name", "Bench"])
        .env("DATABASE_URL", app_url)
        .env("BACKOFFICE_PASSWORD", PASSWORD)
        .status()
        .expect("the program cannot be run");
    assert!(status.success(), "the user could not be created");
}

fn execute(url: &str, statements: &str) {
    let mut connection: Blocking = database::connect(url).unwrap();
    connection.batch_execute("SET session_replication_role = replica").unwrap();
    connection.batch_execute(statements).unwrap_or_else(|error| panic!("{error}\n{statements}"));
}

fn fill(url: &str, scale: &Scale) {
    execute(url, include_str!("data.sql"));
    let mut connection = database::connect(url).unwrap();
    let account = database::text(
        &mut connection,
        &format!("SELECT id::text AS line FROM identity.account WHERE email = '{EMAIL}'"),
    )
    .unwrap();
    let rights: Vec<&str> = Can::ALL.iter().map(|can| can.name()).collect();
    let rights = rights.join(",");
    let (clients, invoices, large) = (scale.clients, scale.invoices, scale.large_client());
    let founding: Vec<String> = (1..=large)
        .map(|client| format!("CALL bench.found({client}, '{account}', '{{{rights}}}', {invoices})"))
        .collect();
    execute(url, &founding.join(";"));
    execute(url, &format!("CALL bench.approvals({clients}, '{account}')"));
    execute(url, "CALL bench.rest_indexes()");
    let mut work = vec![format!("CALL bench.journal({large}, {}, '{account}')", scale.entries)];
    for part in 0..4 {
        let (from, to) = (clients * part / 4 + 1, clients * (part + 1) / 4);
        work.push(format!("CALL bench.documents({from}, {to}, {invoices}, '{account}')"));
    }
    in_parallel(url, work);
    let tables = ["journal_line", "invoice_line", "journal_entry", "invoice", "open_item"];
    in_parallel(url, tables.map(|table| format!("REINDEX TABLE finance.{table}")).to_vec());
    execute(url, "CALL bench.derive()");
    execute(url, "VACUUM ANALYZE");
}

/// Works the statements off on two connections, in the order given.
fn in_parallel(url: &str, work: Vec<String>) {
    let work = Mutex::new(work.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().next();
                    let Some(statement) = next else { return };
                    execute(url, &statement);
                }
            });
        }
    });
}

/// Copies the database for the bare inserts: same rows, indexes, checks, foreign keys and walls, no trigger of ours.
fn copy(postgres: &PrivatePostgres) {
    let url = postgres.url(SUPERUSER, "postgres");
    let version =
        database::text(&mut database::connect(&url).unwrap(), "SELECT current_setting('server_version_num') AS line")
            .unwrap();
    let strategy =
        if version.parse::<u32>().is_ok_and(|version| version >= 150_000) { "STRATEGY file_copy" } else { "" };
    execute(&url, &format!("CREATE DATABASE {BARE} TEMPLATE {DATABASE} OWNER backoffice_owner {strategy}"));
    execute(
        &postgres.url(SUPERUSER, BARE),
        "DO $$ DECLARE t regclass; BEGIN
           FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace IN ('finance'::regnamespace, 'practice'::regnamespace, 'audit'::regnamespace, 'core'::regnamespace) AND c.relkind = 'r' LOOP
             EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
           END LOOP;
         END $$;
         GRANT INSERT ON practice.approval_request, practice.approval_request_step, practice.approval_decision TO backoffice_app;
         GRANT INSERT ON audit.entry, audit.link, core.event TO backoffice_app;
         GRANT SELECT, INSERT, UPDATE ON audit.chain, core.event_head TO backoffice_app;
         GRANT USAGE ON SCHEMA audit TO backoffice_app;
         GRANT CONNECT ON DATABASE bare TO backoffice_app",
    );
}
