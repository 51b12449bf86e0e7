//! The cryptography of TLS for every library below that speaks it: ring, chosen once for the process.

/// Makes ring the process's provider. Asked again, it does nothing.
pub fn install() {
    // The only error is that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
