//! PostgreSQL's settings, all on its command line.
//!
//! On the command line and not in a file, because PostgreSQL records its command line in the data folder: comparing
//! it tells whether a server that was left behind runs exactly as we would start it now.

use std::path::Path;

use crate::{Options, PORT};

/// What every process title of this cluster starts with. Made from the path, so that the processes of one data folder
/// can be told from those of another.
pub fn cluster_name(data: &Path) -> String {
    // FNV-1a: stable for all time, and nobody attacks it here.
    let hash = data
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("backoffice-{hash:016x}")
}

/// The server's arguments, program name excluded.
pub fn arguments(options: &Options, data: &Path) -> Vec<String> {
    let mut settings: Vec<(&str, String)> = vec![
        ("cluster_name", cluster_name(data)),
        // The only door is the socket, in the folder above the data; a relative path is taken from the data.
        ("listen_addresses", String::new()),
        ("unix_socket_directories", "..".to_owned()),
        ("unix_socket_permissions", "0700".to_owned()),
        ("port", PORT.to_string()),
        ("max_connections", options.max_connections.to_string()),
        ("shared_buffers", "128MB".to_owned()),
        // Short statements: compiling them costs more than it saves.
        ("jit", "off".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        // We read the log for a few known sentences.
        ("lc_messages", "C".to_owned()),
        // The log tells what happens to the server. Errors of statements stay out of it, because they quote values of
        // the clients' rows; the caller of the statement gets them.
        ("logging_collector", "off".to_owned()),
        ("log_destination", "stderr".to_owned()),
        ("log_min_messages", "log".to_owned()),
        ("log_min_error_statement", "panic".to_owned()),
        ("log_error_verbosity", "terse".to_owned()),
        ("log_statement", "none".to_owned()),
        ("log_min_duration_statement", "-1".to_owned()),
        ("log_parameter_max_length", "0".to_owned()),
        ("log_parameter_max_length_on_error", "0".to_owned()),
        ("log_checkpoints", "off".to_owned()),
        ("log_line_prefix", "%m [%p] ".to_owned()),
    ];
    // A commit is always handed to the system before it is answered, so killing PostgreSQL never loses one; tests only
    // spare the wait for the disk.
    settings.push(("synchronous_commit", "on".to_owned()));
    let kept = if options.durable { "on" } else { "off" };
    settings.extend(["fsync", "full_page_writes"].map(|name| (name, kept.to_owned())));
    // Whole pages go into the log after each checkpoint, and whole databases when one is made of another: packing them
    // spares the disk and costs processor time, of which tests have none to spare.
    settings.push(("wal_compression", kept.to_owned()));
    if !options.durable {
        settings.push(("wal_level", "minimal".to_owned()));
        settings.push(("max_wal_senders", "0".to_owned()));
    }
    settings.extend(options.settings.iter().map(|(name, value)| (name.as_str(), value.clone())));

    let mut arguments = vec!["-D".to_owned(), data.to_string_lossy().into_owned()];
    for (name, value) in settings {
        arguments.push("-c".to_owned());
        arguments.push(format!("{name}={value}"));
    }
    arguments
}

/// The command line as PostgreSQL records it in `postmaster.opts`.
pub fn recorded(postgres: &Path, arguments: &[String]) -> String {
    let quoted: String = arguments.iter().map(|argument| format!(" \"{argument}\"")).collect();
    format!("{}{quoted}", postgres.display())
}
