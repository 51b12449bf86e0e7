//! How much data, and how long.

use std::time::Duration;

/// Connections of pgbench.
pub const RAW_CLIENTS: usize = 16;
/// Connections of the load generator.
pub const CONNECTIONS: usize = 32;
/// Customers of each client.
pub const CUSTOMERS: u64 = 100;

/// The size of a run.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Clients with invoices.
    pub clients: u64,
    /// Issued invoices of each.
    pub invoices: u64,
    /// Entries of five lines of the one large client.
    pub entries: u64,
    /// Rows of an export, and of an import.
    pub bulk: u64,
    /// The length of a round.
    pub round: Duration,
    /// How many rounds each side gets.
    pub rounds: usize,
}

impl Scale {
    pub fn from_environment() -> Self {
        let number =
            |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok()).filter(|n| *n > 0.0);
        let scale = number("BACKOFFICE_BENCH_SCALE").unwrap_or(1.0).min(1.0);
        let of = |full: f64, least: f64| (full * scale).max(least).round() as u64;
        Self {
            clients: of(200.0, 10.0),
            invoices: of(1000.0, 60.0),
            entries: of(200_000.0, 500.0),
            bulk: of(100_000.0, 1_000.0),
            round: Duration::from_secs_f64(number("BACKOFFICE_BENCH_SECONDS").unwrap_or(if scale < 0.5 {
                1.0
            } else {
                5.0
            })),
            rounds: number("BACKOFFICE_BENCH_ROUNDS").map_or(if scale < 0.5 { 2 } else { 3 }, |rounds| rounds as usize),
        }
    }

    /// The client with the large journal, numbered after the others.
    pub fn large_client(&self) -> u64 {
        self.clients + 1
    }

    pub fn described(&self) -> String {
        format!(
            "{} clients, {} invoices of 3 lines, {} journal lines; one more client with {} journal lines",
            self.clients,
            self.clients * self.invoices,
            self.clients * self.invoices * 5,
            self.entries * 5
        )
    }
}
