//! What can be set: by switch, by `BACKOFFICE_…` in the environment, by a TOML file; in that order of precedence.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::correspondence::typesetter::Typesetter;
use crate::platform::db::Urls;
use crate::platform::files::{Place, S3, Settings as FileSettings};
use crate::platform::jobs::worker::Terms;
use crate::platform::vault::Vault;
use crate::server::address::TrustedProxies;
use crate::server::budget::{Rate, Rates};
use crate::webhooks::guard::Policy;
use crate::webhooks::sender::Times;

mod mail;

/// The switches of every command that needs the database.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Configuration file (TOML; the same names as the switches, e.g. `listen = "127.0.0.1:8080"`).
    #[arg(long, env = "BACKOFFICE_CONFIG", value_name = "FILE", global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Address to serve on [default: 127.0.0.1:8080].
    #[arg(long, env = "BACKOFFICE_LISTEN", value_name = "ADDRESS:PORT", global = true)]
    pub listen: Option<SocketAddr>,
    /// Folder of the private PostgreSQL and all files [default: ./backoffice-data where that works].
    #[arg(long, env = "BACKOFFICE_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// A PostgreSQL server of your own instead of the private one: to serve, with the user backoffice_app; to migrate,
    /// with the owner or a superuser.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub database_url: Option<SecretString>,
    /// The same server with the user backoffice_portfolio [default: DATABASE_URL with that user].
    #[arg(long, env = "BACKOFFICE_PORTFOLIO_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub portfolio_url: Option<SecretString>,
    /// The same server with the user backoffice_identity [default: DATABASE_URL with that user].
    #[arg(long, env = "BACKOFFICE_IDENTITY_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub identity_url: Option<SecretString>,
    /// Password given to the four database roles by `migrate`.
    #[arg(long, env = "BACKOFFICE_ROLE_PASSWORD", value_name = "PASSWORD", hide_env_values = true, global = true)]
    pub role_password: Option<SecretString>,
    /// Threads that answer requests [default: one a core].
    #[arg(long, env = "BACKOFFICE_THREADS", value_name = "N", global = true)]
    pub threads: Option<usize>,
    /// Jobs done at a time by this process; 0: none, and no other background work either [default: 2].
    #[arg(long, env = "BACKOFFICE_WORKERS", value_name = "N", global = true)]
    pub workers: Option<usize>,
    /// Seconds after which a job whose worker has fallen silent is taken over, 1 to 3600 [default: 30].
    #[arg(long, env = "BACKOFFICE_JOB_LEASE", value_name = "SECONDS", global = true)]
    pub job_lease: Option<u64>,
    /// Database connections for clients' work, of each thread [default: 8].
    #[arg(long, env = "BACKOFFICE_POOL_SIZE", value_name = "N", global = true)]
    pub pool_size: Option<usize>,
    /// Of these, for one client's work at once [default: half of them].
    #[arg(long, env = "BACKOFFICE_CLIENT_CONNECTIONS", value_name = "N", global = true)]
    pub client_connections: Option<usize>,
    /// What a credential may ask for: units of price a second, units at once; 0 for no bound [default: 2000,100000].
    #[arg(long, env = "BACKOFFICE_CREDENTIAL_RATE", value_name = "UNITS,UNITS", global = true)]
    pub credential_rate: Option<Rate>,
    /// The same for all credentials of a client together [default: 5000,200000].
    #[arg(long, env = "BACKOFFICE_CLIENT_RATE", value_name = "UNITS,UNITS", global = true)]
    pub client_rate: Option<Rate>,
    /// The same for an address that comes without a valid token [default: 500,20000].
    #[arg(long, env = "BACKOFFICE_STRANGER_RATE", value_name = "UNITS,UNITS", global = true)]
    pub stranger_rate: Option<Rate>,
    /// Seconds between saying that this server drains and taking no more connections: as long as the balancer takes to
    /// notice [default: 0].
    #[arg(long, env = "BACKOFFICE_DRAIN_DELAY", value_name = "SECONDS", global = true)]
    pub drain_delay: Option<u64>,
    /// Log level: error, warn, info, debug [default: info].
    #[arg(long, env = "BACKOFFICE_LOG", value_name = "LEVEL", global = true)]
    pub log: Option<String>,
    /// Answer introspection and serve GraphiQL [default: true].
    #[arg(long, env = "BACKOFFICE_EXPLORER", value_name = "BOOL", global = true)]
    pub explorer: Option<bool>,
    /// Do not load the demo provider into an empty private database [default: false].
    #[arg(long, env = "BACKOFFICE_NO_DEMO", value_name = "BOOL", global = true)]
    pub no_demo: Option<bool>,
    /// File of the keys that seal stored secrets, shared by all servers of one database; made if there is none [default:
    /// secrets.key in the data folder].
    #[arg(long, env = "BACKOFFICE_SECRETS_KEY", value_name = "FILE", global = true)]
    pub secrets_key: Option<PathBuf>,
    /// For development: webhooks and questions to identity providers may go to this machine, and over plain http [default:
    /// false].
    #[arg(long, env = "BACKOFFICE_WEBHOOKS_TO_LOOPBACK", value_name = "BOOL", global = true, num_args = 0..=1, default_missing_value = "true")]
    pub webhooks_to_loopback: Option<bool>,
    /// Origins that browsers may call from besides the clients' portals, separated by commas, e.g.
    /// https://office.example [default: none].
    #[arg(long, env = "BACKOFFICE_ALLOWED_ORIGIN", value_name = "ORIGIN", global = true)]
    pub allowed_origin: Option<String>,
    /// Reverse proxies whose X-Forwarded-For is believed: addresses or networks, e.g. 10.0.0.0/8,::1 [default: none].
    #[arg(long, env = "BACKOFFICE_TRUSTED_PROXIES", value_name = "NETWORKS", global = true)]
    pub trusted_proxies: Option<String>,
    /// How this server is reached from outside, e.g. https://backoffice.example: signed addresses and the way back from
    /// identity providers begin with it [default: / and the address that it listens on].
    #[arg(long, env = "BACKOFFICE_PUBLIC_URL", value_name = "URL", global = true)]
    pub public_url: Option<String>,
    /// Where the bytes of files lie: a folder, or s3://BUCKET[/PREFIX] [default: files in the data folder].
    #[arg(long, env = "BACKOFFICE_FILE_STORE", value_name = "WHERE", global = true)]
    pub file_store: Option<String>,
    /// Where a store that speaks S3 listens, if it is not Amazon's, e.g. https://minio.example:9000.
    #[arg(long, env = "BACKOFFICE_S3_ENDPOINT", value_name = "URL", global = true)]
    pub s3_endpoint: Option<String>,
    /// The region of the S3 bucket [default: AWS_REGION, or us-east-1].
    #[arg(long, env = "BACKOFFICE_S3_REGION", value_name = "REGION", global = true)]
    pub s3_region: Option<String>,
    /// The name of the S3 access key [default: as the AWS_… environment says].
    #[arg(long, env = "BACKOFFICE_S3_ACCESS_KEY", value_name = "NAME", global = true)]
    pub s3_access_key: Option<String>,
    /// The secret of the S3 access key.
    #[arg(long, env = "BACKOFFICE_S3_SECRET_KEY", value_name = "SECRET", hide_env_values = true, global = true)]
    pub s3_secret_key: Option<SecretString>,
    /// The largest file that is taken, in MiB [default: 256].
    #[arg(long, env = "BACKOFFICE_FILE_MAX_MIB", value_name = "N", global = true)]
    pub file_max_mib: Option<u64>,
    /// How many MiB of files each client may keep for which the provider has set nothing else [default: no bound].
    #[arg(long, env = "BACKOFFICE_FILE_QUOTA_MIB", value_name = "N", global = true)]
    pub file_quota_mib: Option<u32>,
    /// A program that looks at each file that was sent before it can be used; the file's path is its last argument. It
    /// ends with 0 for good, 1 for refused, like `clamdscan --no-summary` [default: none].
    #[arg(long, env = "BACKOFFICE_FILE_CHECK", value_name = "COMMAND", global = true)]
    pub file_check: Option<String>,
    /// The program that sets letters as PDF [default: backoffice-typesetter beside this program].
    #[arg(long, env = "BACKOFFICE_TYPESETTER", value_name = "FILE", global = true)]
    pub typesetter: Option<PathBuf>,
    /// A program that makes text of pictures for the search, with its arguments; the picture's path comes last, the text is
    /// what it writes. No shell: the words are separated by spaces [default: none].
    #[arg(long, env = "BACKOFFICE_TEXT_RECOGNITION", value_name = "COMMAND", global = true)]
    pub text_recognition: Option<String>,
    /// The server that sends mails, e.g. smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host; on this
    /// machine also smtp://localhost:25?tls=none [default: mails are laid as .eml files into mail in the data folder].
    #[arg(long, env = "BACKOFFICE_MAIL_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub mail_url: Option<SecretString>,
    /// Who mails come from, e.g. 'Backoffice <office@firm.example>' [default: Backoffice <backoffice@localhost>].
    #[arg(long, env = "BACKOFFICE_MAIL_FROM", value_name = "MAILBOX", global = true)]
    pub mail_from: Option<String>,
    /// The provider's name, as it stands in mails [default: Backoffice].
    #[arg(long, env = "BACKOFFICE_PROVIDER_NAME", value_name = "NAME", global = true)]
    pub provider_name: Option<String>,
    /// The page where an invitation is accepted, e.g. https://portal.example/join#{token} [default: mails hold the token].
    #[arg(long, env = "BACKOFFICE_INVITATION_LINK", value_name = "URL", global = true)]
    pub invitation_link: Option<String>,
    /// The page where a password is chosen, e.g. https://portal.example/password#{token} [default: mails hold the token].
    #[arg(long, env = "BACKOFFICE_RESET_LINK", value_name = "URL", global = true)]
    pub reset_link: Option<String>,
    /// The page where somebody without an account signs, e.g. https://portal.example/sign#{token} [default: mails hold the token].
    #[arg(long, env = "BACKOFFICE_SIGNATURE_LINK", value_name = "URL", global = true)]
    pub signature_link: Option<String>,
    /// The maildir into which a mail server lays what is sent to --inbound-domain [default: no mails are taken].
    #[arg(long, env = "BACKOFFICE_INBOUND_MAILDIR", value_name = "DIR", global = true)]
    pub inbound_maildir: Option<PathBuf>,
    /// The mailbox at a mail server from which mails to --inbound-domain are taken, by IMAP or POP3, e.g.
    /// imaps://in%40firm.example:PASSWORD@mail.firm.example/INBOX?done=Done [default: none].
    #[arg(long, env = "BACKOFFICE_INBOUND_MAILBOX", value_name = "URL", hide_env_values = true, global = true)]
    pub inbound_mailbox: Option<SecretString>,
    /// The domain of the addresses under which clients are written to, e.g. in.firm.example.
    #[arg(long, env = "BACKOFFICE_INBOUND_DOMAIN", value_name = "DOMAIN", global = true)]
    pub inbound_domain: Option<String>,
}

/// A setting that cannot be used, as a sentence.
#[derive(Debug)]
pub struct ConfigError(pub String);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Settings {
    /// Fills what switches and environment left open from the file, if one is named.
    pub fn with_file(self) -> Result<Self, ConfigError> {
        let Some(path) = &self.config else { return Ok(self) };
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError(format!("The configuration file {} cannot be read: {error}", path.display()))
        })?;
        let file: Self = toml::from_str(&text)
            .map_err(|error| ConfigError(format!("The configuration file {} is wrong: {error}", path.display())))?;
        Ok(Self {
            config: self.config,
            listen: self.listen.or(file.listen),
            data_dir: self.data_dir.or(file.data_dir),
            database_url: self.database_url.or(file.database_url),
            portfolio_url: self.portfolio_url.or(file.portfolio_url),
            identity_url: self.identity_url.or(file.identity_url),
            role_password: self.role_password.or(file.role_password),
            threads: self.threads.or(file.threads),
            workers: self.workers.or(file.workers),
            job_lease: self.job_lease.or(file.job_lease),
            pool_size: self.pool_size.or(file.pool_size),
            client_connections: self.client_connections.or(file.client_connections),
            credential_rate: self.credential_rate.or(file.credential_rate),
            client_rate: self.client_rate.or(file.client_rate),
            stranger_rate: self.stranger_rate.or(file.stranger_rate),
            drain_delay: self.drain_delay.or(file.drain_delay),
            log: self.log.or(file.log),
            explorer: self.explorer.or(file.explorer),
            no_demo: self.no_demo.or(file.no_demo),
            secrets_key: self.secrets_key.or(file.secrets_key),
            webhooks_to_loopback: self.webhooks_to_loopback.or(file.webhooks_to_loopback),
            allowed_origin: self.allowed_origin.or(file.allowed_origin),
            trusted_proxies: self.trusted_proxies.or(file.trusted_proxies),
            public_url: self.public_url.or(file.public_url),
            file_store: self.file_store.or(file.file_store),
            s3_endpoint: self.s3_endpoint.or(file.s3_endpoint),
            s3_region: self.s3_region.or(file.s3_region),
            s3_access_key: self.s3_access_key.or(file.s3_access_key),
            s3_secret_key: self.s3_secret_key.or(file.s3_secret_key),
            file_max_mib: self.file_max_mib.or(file.file_max_mib),
            file_quota_mib: self.file_quota_mib.or(file.file_quota_mib),
            file_check: self.file_check.or(file.file_check),
            typesetter: self.typesetter.or(file.typesetter),
            text_recognition: self.text_recognition.or(file.text_recognition),
            mail_url: self.mail_url.or(file.mail_url),
            mail_from: self.mail_from.or(file.mail_from),
            provider_name: self.provider_name.or(file.provider_name),
            invitation_link: self.invitation_link.or(file.invitation_link),
            reset_link: self.reset_link.or(file.reset_link),
            signature_link: self.signature_link.or(file.signature_link),
            inbound_maildir: self.inbound_maildir.or(file.inbound_maildir),
            inbound_mailbox: self.inbound_mailbox.or(file.inbound_mailbox),
            inbound_domain: self.inbound_domain.or(file.inbound_domain),
        })
    }

    /// Where to serve.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    /// Threads that answer requests.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)).clamp(1, 64)
    }

    /// How jobs are done.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            slots: self.workers.unwrap_or(2).min(64),
            lease: Duration::from_secs(self.job_lease.unwrap_or(30).clamp(1, 3600)),
        }
    }

    /// Connections for clients' work, of each thread.
    #[must_use]
    pub fn pool_size(&self) -> usize {
        self.pool_size.unwrap_or(8).clamp(1, 200)
    }

    /// How much may be asked for in how short a time.
    #[must_use]
    pub fn rates(&self) -> Rates {
        let usual = Rates::default();
        Rates {
            credential: self.credential_rate.unwrap_or(usual.credential),
            client: self.client_rate.unwrap_or(usual.client),
            stranger: self.stranger_rate.unwrap_or(usual.stranger),
        }
    }

    /// Whose word about the caller's address counts.
    pub fn trusted_proxies(&self) -> Result<TrustedProxies, ConfigError> {
        TrustedProxies::parse(self.trusted_proxies.as_deref().unwrap_or_default()).map_err(|part| {
            ConfigError(format!("Trusted proxies are addresses or networks, separated by commas; `{part}` is neither."))
        })
    }

    /// How long a server that is told to stop still takes connections.
    #[must_use]
    pub fn drain_delay(&self) -> Duration {
        Duration::from_secs(self.drain_delay.unwrap_or(0).min(300))
    }

    /// The folder of the private PostgreSQL.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(backoffice_private_postgres::default_data_dir)
    }

    /// How files are kept.
    pub fn files(&self) -> Result<FileSettings, ConfigError> {
        let mut settings = FileSettings::in_folder(self.data_dir().join("files"));
        if let Some(place) = &self.file_store {
            settings.place = match place.strip_prefix("s3://") {
                Some(bucket) => Place::S3(self.s3(bucket)?),
                None => Place::Folder(place.into()),
            };
        }
        if let Some(most) = self.file_max_mib {
            settings.most_bytes = most.clamp(1, 2047).saturating_mul(1024 * 1024);
        }
        settings.most_bytes_of_client = self.file_quota_mib.map(|most| i64::from(most).saturating_mul(1024 * 1024));
        settings.check = self.file_check.clone().filter(|check| !check.trim().is_empty());
        settings.reading.recognition = self.text_recognition.clone().filter(|words| !words.trim().is_empty());
        settings.public_url.clone_from(&self.public_url);
        Ok(settings)
    }

    fn s3(&self, bucket: &str) -> Result<S3, ConfigError> {
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        if bucket.is_empty() {
            return Err(ConfigError("--file-store has to look like s3://bucket or s3://bucket/prefix.".to_owned()));
        }
        let key = match (&self.s3_access_key, &self.s3_secret_key) {
            (Some(name), Some(secret)) => Some((name.clone(), secret.clone())),
            (None, None) => None,
            _ => return Err(ConfigError("An S3 access key has a name and a secret: set both.".to_owned())),
        };
        Ok(S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            key,
        })
    }

    /// The file of the keys that seal stored secrets.
    #[must_use]
    pub fn secrets_key(&self) -> PathBuf {
        self.secrets_key.clone().unwrap_or_else(|| self.data_dir().join("secrets.key"))
    }

    /// What sets letters.
    #[must_use]
    pub fn typesetter(&self) -> Typesetter {
        Typesetter::at(self.typesetter.clone())
    }

    /// How webhooks are sent. Makes the key of the secrets if there is none.
    pub fn webhooks(&self) -> Result<crate::webhooks::Settings, ConfigError> {
        Ok(crate::webhooks::Settings {
            vault: Vault::open(&self.secrets_key()).map_err(ConfigError)?,
            policy: Policy { to_loopback: self.webhooks_to_loopback.unwrap_or(false) },
            times: Times::default(),
        })
    }

    /// The three URLs of a server of one's own.
    pub fn own_urls(&self) -> Result<Option<Urls>, ConfigError> {
        let Some(app) = &self.database_url else { return Ok(None) };
        let app = app.expose_secret();
        let other = |given: &Option<SecretString>, role: &str| match given {
            Some(url) => Ok(url.expose_secret().to_owned()),
            None => with_user(app, role),
        };
        Ok(Some(Urls {
            app: app.to_owned(),
            portfolio: other(&self.portfolio_url, "backoffice_portfolio")?,
            identity: other(&self.identity_url, "backoffice_identity")?,
        }))
    }

    /// The settings in force, secrets hidden, as a TOML file could say them.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut out = String::new();
        let secret = |set: &Option<SecretString>| if set.is_some() { "set, not shown" } else { "not set" };
        let _ = writeln!(out, "listen = \"{}\"", self.listen());
        let _ = writeln!(out, "data-dir = \"{}\"", self.data_dir().display());
        let _ = writeln!(out, "threads = {}", self.threads());
        let _ = writeln!(out, "workers = {}", self.terms().slots);
        let _ = writeln!(out, "job-lease = {}", self.terms().lease.as_secs());
        let _ = writeln!(out, "pool-size = {}", self.pool_size());
        if let Some(connections) = self.client_connections {
            let _ = writeln!(out, "client-connections = {connections}");
        }
        let rates = self.rates();
        let _ = writeln!(out, "credential-rate = \"{}\"", rates.credential);
        let _ = writeln!(out, "client-rate = \"{}\"", rates.client);
        let _ = writeln!(out, "stranger-rate = \"{}\"", rates.stranger);
        let _ = writeln!(out, "drain-delay = {}", self.drain_delay().as_secs());
        let _ = writeln!(out, "log = \"{}\"", self.log.as_deref().unwrap_or("info"));
        let _ = writeln!(out, "explorer = {}", self.explorer.unwrap_or(true));
        let _ = writeln!(out, "no-demo = {}", self.no_demo.unwrap_or(false));
        let _ = writeln!(out, "secrets-key = \"{}\"", self.secrets_key().display());
        let _ = writeln!(out, "webhooks-to-loopback = {}", self.webhooks_to_loopback.unwrap_or(false));
        let _ = writeln!(out, "allowed-origin = \"{}\"", self.allowed_origin.as_deref().unwrap_or(""));
        let _ = writeln!(out, "trusted-proxies = \"{}\"", self.trusted_proxies.as_deref().unwrap_or(""));
        let _ = writeln!(out, "public-url = \"{}\"", self.public_url.as_deref().unwrap_or(""));
        let typesetter = self.typesetter.as_deref().map(|path| path.display().to_string());
        let _ = writeln!(out, "typesetter = \"{}\"", typesetter.unwrap_or_default());
        let folder = || self.data_dir().join("files").display().to_string();
        let _ = writeln!(out, "file-store = \"{}\"", self.file_store.clone().unwrap_or_else(folder));
        let _ = writeln!(out, "s3-endpoint = \"{}\"", self.s3_endpoint.as_deref().unwrap_or(""));
        let _ = writeln!(out, "s3-region = \"{}\"", self.s3_region.as_deref().unwrap_or(""));
        let _ = writeln!(out, "s3-access-key = \"{}\"", self.s3_access_key.as_deref().unwrap_or(""));
        let _ = writeln!(out, "file-max-mib = {}", self.file_max_mib.unwrap_or(256));
        match self.file_quota_mib {
            Some(most) => writeln!(out, "file-quota-mib = {most}"),
            None => writeln!(out, "# file-quota-mib: no bound"),
        }
        .unwrap_or_default();
        let _ = writeln!(out, "file-check = \"{}\"", self.file_check.as_deref().unwrap_or(""));
        let _ = writeln!(out, "text-recognition = \"{}\"", self.text_recognition.as_deref().unwrap_or(""));
        let _ = writeln!(out, "{}", self.shown_mail());
        let _ = writeln!(out, "# s3-secret-key: {}", secret(&self.s3_secret_key));
        let _ = writeln!(out, "# database-url: {}", secret(&self.database_url));
        let _ = writeln!(out, "# portfolio-url: {}", secret(&self.portfolio_url));
        let _ = writeln!(out, "# identity-url: {}", secret(&self.identity_url));
        let _ = writeln!(out, "# role-password: {}", secret(&self.role_password));
        out
    }
}

/// The same URL with another user: `postgres://app:secret@host/db` → `postgres://other:secret@host/db`.
fn with_user(url: &str, user: &str) -> Result<String, ConfigError> {
    let unusable =
        || ConfigError("DATABASE_URL has to look like postgres://backoffice_app:password@host/database.".to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(unusable)?;
    let (credentials, host) = rest.split_once('@').ok_or_else(unusable)?;
    Ok(match credentials.split_once(':') {
        Some((_, password)) => format!("{scheme}://{user}:{password}@{host}"),
        None => format!("{scheme}://{user}@{host}"),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_other_roles_are_reached_with_the_same_password() {
        assert_eq!(with_user("postgres://a:p@h:1/d?x=y", "b").unwrap(), "postgres://b:p@h:1/d?x=y");
        assert_eq!(with_user("postgresql://a@/d?host=%2Ftmp", "b").unwrap(), "postgresql://b@/d?host=%2Ftmp");
        assert!(with_user("host=x user=y", "b").is_err());
    }

    #[test]
    fn files_lie_in_the_data_folder_or_a_bucket() {
        let said = |file_store: &str| Settings { file_store: Some(file_store.to_owned()), ..Settings::default() };
        let own = Settings { data_dir: Some("/srv/b".into()), ..Settings::default() }.files().unwrap();
        assert!(matches!(own.place, Place::Folder(folder) if folder == Path::new("/srv/b/files")));
        assert!(
            matches!(said("/mnt/x").files().unwrap().place, Place::Folder(folder) if folder == Path::new("/mnt/x"))
        );
        let Place::S3(bucket) = said("s3://firm/back/office/").files().unwrap().place else { panic!() };
        assert_eq!(
            (bucket.bucket.as_str(), bucket.prefix.as_str(), bucket.key.is_none()),
            ("firm", "back/office", true)
        );
        assert!(said("s3:///x").files().is_err());
        assert!(Settings { s3_access_key: Some("a".to_owned()), ..said("s3://b") }.files().is_err());
    }

    #[test]
    fn settings_are_shown_without_secrets() {
        let settings = Settings {
            database_url: Some("postgres://a:topsecret@h/d".into()),
            mail_url: Some("smtp://office:topsecret@mail.example".into()),
            inbound_mailbox: Some("imaps://in:topsecret@mail.example".into()),
            ..Settings::default()
        };
        assert!(settings.shown().contains("mail-url = \"smtp://office:***@mail.example:587\""));
        assert!(
            settings.shown().contains("inbound-mailbox = \"imaps://in:***@mail.example:993/INBOX?every=60&done=Done\"")
        );
        assert!(!settings.shown().contains("topsecret"));
        assert!(!format!("{settings:?}").contains("topsecret"));
    }
}
