//! The cryptography of TLS for every library below that speaks it: ring, chosen once for the process.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A client's side of TLS that trusts what the system trusts (`SSL_CERT_FILE` names others). The error is a sentence.
pub fn client() -> Result<ClientConfig, String> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}

/// Makes ring the process's provider. Asked again, it does nothing.
pub fn install() {
    // The only error is that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
