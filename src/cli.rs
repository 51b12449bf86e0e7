//! The command line: what can be done with the program, and how it is started.

mod backup;
mod client;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use backoffice_private_postgres::{DATABASE, Neighbour, Options, PrivatePostgres, SUPERUSER, StartError};
use clap::{Parser, Subcommand};
use secrecy::{ExposeSecret, SecretString};

use crate::config::Settings;
use crate::database;
use crate::platform::db::{Urls, Waits};
use crate::platform::error::Error;
use crate::platform::files::Files;
use crate::platform::mail::{self, Mailer};
use crate::server::{self, Serving, restart};
use crate::{background, check, demo, graph, identity};

/// The back offices of many client companies on one server, each walled off by the database.
///
/// Without a command it serves: it starts its own private PostgreSQL, brings the schema up to date, loads a demo
/// provider with two client companies into an empty database, and prints the address and the logins.
#[derive(Parser, Debug)]
#[command(name = "backoffice", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

const EXAMPLES: &str = "\
Examples:
  backoffice                                       serve on 127.0.0.1:8080 with a private PostgreSQL
  backoffice serve --listen 0.0.0.0:8443 --data-dir /srv/backoffice
  backoffice check                                 prove that nothing was changed past the server
  backoffice backup /srv/backups/2026-11-22        the database, the files and their checksums, beside a working server
  backoffice restore /srv/backups/2026-11-22 --data-dir /srv/empty
  backoffice client load client-archive.tar        a client from another server, with everything that is its own
  backoffice keys rotate                           sign with a new key; tokens of the old one stay valid until they expire
  backoffice user create --email a@firm.example --name 'Ada Admin' --administrator

With a PostgreSQL of your own:
  DATABASE_URL=postgres://postgres:…@db/backoffice BACKOFFICE_ROLE_PASSWORD=… backoffice migrate
  DATABASE_URL=postgres://backoffice_app:…@db/backoffice backoffice serve
  DATABASE_URL=postgres://backoffice_app:…@db/backoffice backoffice worker --workers 4";

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve (the default).
    Serve,
    /// Read the text of a document that comes on the input: what the server calls itself, with bounds on memory and time.
    #[command(hide = true)]
    ReadText {
        /// What the document is.
        kind: String,
    },
    /// Do jobs and other background work for a PostgreSQL of your own, without answering requests.
    Worker,
    /// Create the database roles where that is possible, and bring the schema up to date.
    Migrate,
    /// Load the demo provider with two client companies into an empty database.
    Demo,
    /// Verify the audit chains and the books of every client; names every row that breaks a promise.
    Check {
        /// Read every file from its store as well, and compare length and SHA-256.
        #[arg(long)]
        files: bool,
    },
    /// Take a backup while the server works: the database in one snapshot, the files, and a manifest with checksums.
    Backup {
        /// The backup's folder; it must not exist yet. It holds everything, so keep it as safe as the database.
        folder: PathBuf,
    },
    /// Fill an empty place from a backup, compare it with the manifest, and run `check`.
    Restore {
        /// The backup's folder.
        folder: PathBuf,
        /// Only verify that the backup is complete and undamaged.
        #[arg(long)]
        verify_only: bool,
    },
    /// The archives of single clients, and purging those that have left.
    Client {
        #[command(subcommand)]
        command: client::ClientCommand,
    },
    /// Print the GraphQL schema, exactly as in schema.graphql.
    Schema,
    /// The keys that sign access tokens.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// People of the provider.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Print the settings in force, without secrets.
    Config,
}

#[derive(Subcommand, Debug)]
enum KeysCommand {
    /// Sign with a new key from now on. Running servers follow within a minute.
    Rotate,
    /// Seal the signing keys and the secrets of authenticator apps that releases before secrets were sealed have stored.
    /// Run it once no server of such a release runs any more; it changes nothing that is sealed.
    Seal,
}

#[derive(Subcommand, Debug)]
enum UserCommand {
    /// Create a staff member. The password is read from BACKOFFICE_PASSWORD or from the first line of standard input.
    Create {
        /// Sign-in address.
        #[arg(long)]
        email: String,
        /// Full name.
        #[arg(long)]
        name: String,
        /// Give the role Provider administrator as well.
        #[arg(long)]
        administrator: bool,
        /// The password; better left out, so that it does not stand in the shell's history.
        #[arg(long, env = "BACKOFFICE_PASSWORD", hide_env_values = true)]
        password: Option<SecretString>,
    },
}

type Failure = Box<dyn std::error::Error>;

/// Runs the command line.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::ReadText { kind }) = &cli.command {
        return crate::documents::text::read_text(kind);
    }
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            say_error(&format!("backoffice: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // A closed pipe is the reader's decision, not an error of ours.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn say_error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let settings = cli.settings.with_file()?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Schema => {
            let _ = write!(std::io::stdout(), "{}", graph::sdl());
            Ok(ExitCode::SUCCESS)
        }
        Command::Config => {
            say(settings.shown().trim_end());
            Ok(ExitCode::SUCCESS)
        }
        // Done before, without any settings.
        Command::ReadText { .. } => Ok(ExitCode::FAILURE),
        Command::Serve => serve(&settings),
        Command::Worker => worker(&settings),
        Command::Migrate => {
            let database = Database::open(&settings)?;
            say(&format!("{} migrations run; the schema is up to date.", database.migrate(&settings)?));
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup { folder } => backup::take(&settings, &folder),
        Command::Restore { folder, verify_only: true } => backup::verify(&folder),
        Command::Restore { folder, verify_only: false } => backup::restore(&settings, &folder),
        Command::Client { command } => client::run(&settings, command),
        Command::Demo => {
            let database = Database::open(&settings)?;
            database.migrate(&settings)?;
            let urls = database.urls(&settings)?;
            let loaded = actix_web::rt::System::new().block_on(demo::load(&urls, settings.webhooks()?))?;
            say(&if loaded {
                demo::logins("http://127.0.0.1:8080")
            } else {
                "The database is not empty; nothing was loaded.".to_owned()
            });
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { files } => {
            let database = Database::reach(&settings)?;
            let mut connection = database::connect(&database.owner_url())?;
            let report = check::run(&mut connection)?;
            for finding in &report.findings {
                say(finding);
            }
            say(&format!(
                "{} clients, {} questions, {} findings.",
                report.clients,
                report.questions,
                report.findings.len()
            ));
            let whole = !files || backup::check_files(&settings, &database.owner_url())?;
            Ok(if whole && report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Keys { command: KeysCommand::Rotate } => {
            let database = Database::reach(&settings)?;
            let urls = database.urls(&settings)?;
            let kid = actix_web::rt::System::new()
                .block_on(identity::keys::Keys::rotate(&urls.identity, &settings.webhooks()?.vault))
                .map_err(Error::sentence)?;
            say(&format!("New key {kid}; tokens of the old one stay valid until they expire."));
            Ok(ExitCode::SUCCESS)
        }
        Command::Keys { command: KeysCommand::Seal } => {
            let database = Database::reach(&settings)?;
            let urls = database.urls(&settings)?;
            let sealed = actix_web::rt::System::new()
                .block_on(identity::keys::Keys::seal(&urls.identity, &settings.webhooks()?.vault))
                .map_err(Error::sentence)?;
            say(&match sealed {
                0 => "Every secret was sealed already.".to_owned(),
                count => format!("{count} secrets sealed with {}.", settings.secrets_key().display()),
            });
            Ok(ExitCode::SUCCESS)
        }
        Command::User { command: UserCommand::Create { email, name, administrator, password } } => {
            let password = match password {
                Some(password) => password,
                None => {
                    let mut line = String::new();
                    std::io::stdin().read_line(&mut line)?;
                    line.trim_end_matches(['\r', '\n']).to_owned().into()
                }
            };
            let database = Database::reach(&settings)?;
            let urls = database.urls(&settings)?;
            let created = actix_web::rt::System::new().block_on(identity::people::create_user(
                &urls.identity,
                &email,
                &name,
                password.expose_secret(),
                administrator,
            ));
            let created = created.map_err(Error::sentence)?;
            say(&format!("Created {created}."));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Where the database is: the private one, which lives as long as this value; that of a server that runs beside us; or
/// one's own.
enum Database {
    Private(PrivatePostgres),
    Neighbour(Neighbour),
    Own(SecretString),
}

impl Database {
    /// Starts the private PostgreSQL unless a server of one's own is named. Called before any thread is started.
    fn open(settings: &Settings) -> Result<Self, Failure> {
        Ok(Self::start(settings)?)
    }

    /// The same; where a server already runs on the data folder, its PostgreSQL is used and stays.
    fn reach(settings: &Settings) -> Result<Self, Failure> {
        match Self::start(settings) {
            Err(StartError::InUse { data_dir }) => match Neighbour::on(&data_dir) {
                Some(neighbour) => Ok(Self::Neighbour(neighbour)),
                None => Err(StartError::InUse { data_dir }.into()),
            },
            started => Ok(started?),
        }
    }

    fn start(settings: &Settings) -> Result<Self, StartError> {
        if let Some(url) = &settings.database_url {
            return Ok(Self::Own(url.clone()));
        }
        let mut options = Options::new(settings.data_dir());
        options.log = |line| tracing::info!(target: "postgresql", "{line}");
        let needed = settings.threads().saturating_mul(settings.pool_size().saturating_mul(2).saturating_add(4));
        let needed = needed.saturating_add(settings.terms().slots.saturating_mul(2).saturating_add(8));
        options.max_connections = u32::try_from(needed.saturating_add(20)).unwrap_or(100).max(60);
        Ok(Self::Private(PrivatePostgres::start(options)?))
    }

    /// Where that role signs in; of one's own server, as the role that is named.
    fn url(&self, role: &str) -> String {
        match self {
            Self::Private(postgres) => postgres.url(role, DATABASE),
            Self::Neighbour(postgres) => postgres.url(role, DATABASE),
            Self::Own(url) => url.expose_secret().to_owned(),
        }
    }

    /// The URL of somebody who may change the schema.
    fn owner_url(&self) -> String {
        self.url("backoffice_owner")
    }

    fn migrate(&self, settings: &Settings) -> Result<usize, Failure> {
        match self {
            Self::Private(_) | Self::Neighbour(_) => {
                let mut connection = database::connect(&self.url(SUPERUSER))?;
                if database::text(
                    &mut connection,
                    "SELECT coalesce(to_regrole('backoffice_identity')::text, '') AS line",
                )?
                .is_empty()
                {
                    database::create_roles(&mut connection, None)?;
                }
                Ok(database::migrate(&mut connection)?)
            }
            Self::Own(url) => {
                let mut connection = database::connect(url.expose_secret())?;
                let may_create = database::text(
                    &mut connection,
                    "SELECT (rolsuper OR rolcreaterole)::text AS line FROM pg_roles WHERE rolname = current_user",
                )? == "true";
                if may_create {
                    let password = settings.role_password.as_ref().ok_or(
                        "Set BACKOFFICE_ROLE_PASSWORD: the roles backoffice_owner, backoffice_app, backoffice_portfolio and \
                         backoffice_identity get it.",
                    )?;
                    database::create_roles(&mut connection, Some(password.expose_secret()))?;
                }
                Ok(database::migrate(&mut connection)?)
            }
        }
    }

    /// Where the server's three roles sign in.
    fn urls(&self, settings: &Settings) -> Result<Urls, Failure> {
        match self {
            Self::Private(_) | Self::Neighbour(_) => Ok(Urls {
                app: self.url("backoffice_app"),
                portfolio: self.url("backoffice_portfolio"),
                identity: self.url("backoffice_identity"),
            }),
            Self::Own(_) => settings.own_urls()?.ok_or_else(|| "DATABASE_URL is not set.".into()),
        }
    }
}

fn log(settings: &Settings) {
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;

    let level = settings.log.clone().unwrap_or_else(|| "info".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(format!("warn,backoffice={level},postgresql={level}"))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Tests start several servers in one process; the first one's log stays.
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    let told = tracing_subscriber::registry().with(lines.with_filter(filter));
    #[cfg(feature = "otlp")]
    let told = told.with(server::trace::layer());
    let _ = told.try_init();
    if cfg!(not(feature = "otlp")) && std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some() {
        tracing::warn!("this program was built without the feature `otlp`: no traces are sent");
    }
}

fn serve(settings: &Settings) -> Result<ExitCode, Failure> {
    log(settings);
    let started = Instant::now();
    // Before anything is started, so that no other program inherits it.
    let handed = restart::handed_socket()?;
    let database = Database::open(settings)?;
    let database_ready = started.elapsed();
    if matches!(database, Database::Private(_)) {
        database.migrate(settings)?;
    }
    let urls = database.urls(settings)?;
    database::check_serving(&urls)?;
    let listener = handed
        .map_or_else(|| TcpListener::bind(settings.listen()), Ok)
        .map_err(|error| format!("Cannot serve on {}: {error}. Choose another with --listen.", settings.listen()))?;
    let metrics = server::measure::install()?;
    // The demo's passwords are public: it is loaded only where nobody but this machine can reach it.
    let with_demo = matches!(database, Database::Private(_))
        && !settings.no_demo.unwrap_or(false)
        && settings.listen().ip().is_loopback();
    let serving = Serving {
        urls: urls.clone(),
        workers: settings.threads(),
        jobs: settings.terms(),
        pool_size: settings.pool_size(),
        client_connections: settings.client_connections,
        rates: settings.rates(),
        waits: Waits::default(),
        files: settings.files()?,
        mails: mails(settings)?,
        webhooks: settings.webhooks()?,
        typesetter: settings.typesetter(),
        explorer: settings.explorer.unwrap_or(true),
        own_origins: server::cors::OwnOrigins::parse(settings.allowed_origin.as_deref().unwrap_or_default()),
        proxies: settings.trusted_proxies()?,
    };
    let drain_delay = settings.drain_delay();
    actix_web::rt::System::new().block_on(async move {
        if with_demo {
            demo::load(&urls, serving.webhooks.clone()).await?;
        }
        let running = server::start(listener, serving, Some(metrics)).await?;
        let address = format!("http://{}", running.address);
        say(&format!("Backoffice serves on {address}  (GraphQL at /graphql, explorer at /graphiql)"));
        if with_demo {
            say(&demo::logins(&address));
        }
        tracing::info!(ms = started.elapsed().as_millis(), database_ms = database_ready.as_millis(), "serving");
        restart::tell("READY=1");
        actix_web::rt::spawn(restart::Stop::of(&running).on_signals(drain_delay));
        running.server.await?;
        if let Some(workers) = &running.workers {
            workers.stop().await;
        }
        Ok::<(), Failure>(())
    })?;
    #[cfg(feature = "otlp")]
    server::trace::flush();
    drop(database);
    say("Stopped.");
    Ok(ExitCode::SUCCESS)
}

/// How mails are sent; says so where nobody will get them.
fn mails(settings: &Settings) -> Result<mail::Settings, Failure> {
    let mails = settings.mails()?;
    if let mail::Way::Folder(folder) = &mails.way {
        tracing::info!(folder = %folder.display(), "mails are not sent, but laid into this folder (--mail-url sends them)");
    }
    Ok(mails)
}

/// Does background work until told to stop.
fn worker(settings: &Settings) -> Result<ExitCode, Failure> {
    log(settings);
    let urls = settings.own_urls()?.ok_or(
        "Name the PostgreSQL with DATABASE_URL. With the private one, the server itself does the jobs (serve --workers).",
    )?;
    database::check_serving(&urls)?;
    let mut terms = settings.terms();
    terms.slots = terms.slots.max(1);
    let (files, mails, webhooks) = (settings.files()?, mails(settings)?, settings.webhooks()?);
    let typesetter = settings.typesetter();
    actix_web::rt::System::new().block_on(async move {
        // It signs no addresses, so it needs no keys.
        let files = Files::open(files, Arc::default()).map_err(Error::sentence)?;
        let mailer = Arc::new(Mailer::new(mails)?);
        let means = background::Means { files, mailer, webhooks, typesetter };
        let workers = background::start(urls, Waits::default(), terms, means).map_err(Error::sentence)?;
        say(&format!("Backoffice works: {} jobs at a time.", terms.slots));
        wait_for_stop().await?;
        workers.stop().await;
        Ok::<(), Failure>(())
    })?;
    say("Stopped.");
    Ok(ExitCode::SUCCESS)
}

async fn wait_for_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
