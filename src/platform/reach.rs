//! How a PostgreSQL is reached: in the clear within one machine, over TLS with a verified certificate to any other.
//!
//! An address says otherwise with `sslmode=disable` (a network of one's own, or a tunnel that encrypts) and
//! `sslmode=verify-full`; `require` means the same, because TLS with just anybody keeps nothing secret. `sslrootcert` names
//! a file of certificates to trust instead of the system's.

use std::sync::Arc;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{CancelToken, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::form_urlencoded;

/// A PostgreSQL, and how to speak to it.
#[derive(Clone)]
pub struct Reach {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Reach {
    /// What an address says. The error is a sentence without the address, which may hold a password.
    pub fn of(address: &str) -> Result<Self, String> {
        let (address, mode, roots) = without_tls(address);
        let mut config: Config = address.parse().map_err(|_| {
            "The database's address has to look like postgres://user:password@host/database.".to_owned()
        })?;
        let encrypted = match mode.as_deref() {
            None => !config.get_hosts().iter().all(is_here),
            Some("disable") => false,
            Some("require" | "verify-full") => true,
            Some(_) => return Err("sslmode in the database's address is verify-full or disable.".to_owned()),
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let tls = encrypted.then(|| trusting(roots.as_deref()).map(MakeRustlsConnect::new)).transpose()?;
        Ok(Self { config, tls })
    }

    /// Whether what is said to it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// A new connection, kept going by a task of this runtime.
    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }

    /// A new connection, kept going by a thread of its own until it is closed: for those who have no runtime.
    pub fn connect_apart(&self) -> ConnectionResult<AsyncPgConnection> {
        let (reach, (give, take)) = (self.clone(), std::sync::mpsc::channel());
        let started = std::thread::Builder::new().name("postgresql".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(give.send(Err(ConnectionError::BadConnection(error.to_string())))),
            };
            runtime.block_on(async move {
                let driven = match &reach.tls {
                    Some(tls) => {
                        reach.config.connect(tls.clone()).await.map(|(client, driver)| (client, spawn(driver)))
                    }
                    None => reach.config.connect(NoTls).await.map(|(client, driver)| (client, spawn(driver))),
                };
                match driven {
                    Ok((client, driver)) => {
                        let connection: ConnectionResult<_> = ready(client).await;
                        if give.send(connection).is_ok() {
                            // Ends when the connection is closed.
                            let _ = driver.await;
                        }
                    }
                    Err(error) => drop(give.send(Err(refused(error)))),
                }
            });
        });
        started.map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
        take.recv().map_err(|error| ConnectionError::BadConnection(error.to_string()))?
    }

    /// Asks the server to give up the statement that a connection waits for.
    pub async fn cancel(&self, token: CancelToken) -> Result<(), tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => token.cancel_query(tls.clone()).await,
            None => token.cancel_query(NoTls).await,
        }
    }
}

async fn ready(client: Client) -> ConnectionResult<AsyncPgConnection> {
    AsyncPgConnection::try_from(client).await
}

fn spawn<S>(driver: tokio_postgres::Connection<tokio_postgres::Socket, S>) -> tokio::task::JoinHandle<()>
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "a connection to the database ended");
        }
    })
}

/// Why there is no connection, with what is behind it: "error performing TLS handshake" alone helps nobody.
fn refused(error: tokio_postgres::Error) -> ConnectionError {
    let mut text = error.to_string();
    let mut behind = std::error::Error::source(&error);
    while let Some(error) = behind {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        behind = error.source();
    }
    ConnectionError::BadConnection(text)
}

/// An address without what it says of TLS, and that: `sslmode`, `sslrootcert`.
#[must_use]
pub fn without_tls(address: &str) -> (String, Option<String>, Option<String>) {
    let Some((place, query)) = address.split_once('?') else { return (address.to_owned(), None, None) };
    let (mut mode, mut roots) = (None, None);
    let others: Vec<&str> = query
        .split('&')
        .filter(|pair| match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((key, value)) if key == "sslmode" => {
                mode = Some(value.into_owned());
                false
            }
            Some((key, value)) if key == "sslrootcert" => {
                roots = Some(value.into_owned());
                false
            }
            _ => true,
        })
        .collect();
    let address = if others.is_empty() { place.to_owned() } else { format!("{place}?{}", others.join("&")) };
    (address, mode, roots)
}

/// Whether that host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// TLS that trusts the certificates of a file, or those that the system trusts.
fn trusting(file: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let unusable = |error: &dyn std::fmt::Display| format!("sslrootcert: {file} cannot be used: {error}");
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
                let certificate = certificate.map_err(|error| unusable(&error))?;
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
            if roots.is_empty() {
                return Err(format!("sslrootcert: {file} holds no certificates."));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_is_reached_encrypted_unless_it_is_said_otherwise() {
        let encrypted = |address: &str| Reach::of(address).map(|reach| reach.is_encrypted());
        for near in [
            "postgres://a@localhost/b",
            "postgres://a@127.0.0.1:1/b",
            "postgres://a@[::1]/b",
            "postgresql://a@/b?host=%2Ftmp&port=1",
        ] {
            assert_eq!(encrypted(near), Ok(false), "{near}");
            let said = format!("{near}{}sslmode=verify-full", if near.contains('?') { '&' } else { '?' });
            assert_eq!(encrypted(&said), Ok(true), "{said}");
        }
        assert_eq!(encrypted("postgres://a@db.example/b"), Ok(true));
        assert_eq!(encrypted("postgres://a@db.example,localhost/b"), Ok(true));
        assert_eq!(encrypted("postgres://a@10.0.0.1/b?sslmode=require"), Ok(true));
        assert_eq!(encrypted("postgres://a@10.0.0.1/b?sslmode=disable&application_name=x"), Ok(false));
        for weak in ["prefer", "allow", "verify-ca", "", "DISABLE"] {
            let said = encrypted(&format!("postgres://a:secret@db/b?sslmode={weak}")).unwrap_err();
            assert!(said.contains("verify-full or disable") && !said.contains("secret"), "{said}");
        }
        assert!(!Reach::of("postgres://a:secret@db:x/b").err().unwrap().contains("secret"));
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = std::env::temp_dir().join(format!("backoffice-roots-{}", uuid::Uuid::now_v7()));
        let address = format!("postgres://a@db/b?sslrootcert={}", file.display());
        assert!(Reach::of(&address).err().unwrap().contains("cannot be used"));
        std::fs::write(&file, "no certificate").unwrap();
        assert!(Reach::of(&address).err().unwrap().contains("holds no certificates"));
        std::fs::remove_file(file).unwrap();
    }
}
