//! The other side: the same SQL through pgbench, prepared, over the Unix socket, as the server's role under row security.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::database::Database;
use crate::process::cpu_seconds_with_children;
use crate::scale::RAW_CLIENTS;

/// Scripts of which pgbench picks one for each transaction.
pub struct Raw {
    database: &'static str,
    scripts: Vec<PathBuf>,
}

/// What pgbench did in a round.
pub struct RawRound {
    /// Transactions a second.
    pub rate: f64,
    /// Processor time of PostgreSQL a transaction, in microseconds.
    pub postgres_us: f64,
}

impl Raw {
    /// Writes the scripts into the database's folder.
    pub fn new(database: &Database, name: &str, on: &'static str, scripts: &[String]) -> Self {
        let write = |(at, text): (usize, &String)| {
            let path = database.folder().join(format!("{name}-{at}.pgbench"));
            std::fs::write(&path, text).unwrap();
            path
        };
        Self { database: on, scripts: scripts.iter().enumerate().map(write).collect() }
    }

    pub fn run(&self, database: &Database, round: Duration) -> RawRound {
        // Rows that a script writes are numbered from here on, in every round anew.
        static BASE: AtomicU64 = AtomicU64::new(100);
        let base = BASE.fetch_add(1, Ordering::Relaxed) * 1_000_000_000_000;
        let before = cpu_seconds_with_children(database.pid());
        let output = database
            .pgbench(self.database)
            .args(["-n", "-M", "prepared", "-j", "2", "-c", &RAW_CLIENTS.to_string()])
            .args(["-T", &round.as_secs().max(1).to_string()])
            .args(["-D", &format!("base={base}"), "-D", "n=0"])
            .args(self.scripts.iter().flat_map(|script| ["-f".into(), script.clone().into_os_string()]))
            .stdin(Stdio::null())
            .output()
            .expect("pgbench cannot be run; it comes with PostgreSQL's server or its contrib package");
        let cpu = cpu_seconds_with_children(database.pid()) - before;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |before: &str| -> f64 {
            let rest = said.lines().find_map(|line| line.strip_prefix(before));
            let figure = rest.and_then(|rest| rest.trim().split([' ', '/']).next()?.parse().ok());
            figure.unwrap_or_else(|| panic!("pgbench: {said}\n{}", String::from_utf8_lossy(&output.stderr)))
        };
        assert!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        let transactions = number("number of transactions actually processed:");
        RawRound { rate: number("tps ="), postgres_us: cpu / transactions * 1e6 }
    }
}
