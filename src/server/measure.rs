//! What a scraper is told: the names of all figures, and those that are read in the moment it asks.
//!
//! Labels come from bounded sets only: fields of the schema, names of registered documents, codes of errors, clients that
//! exist. Never a text that a caller sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use super::deprecated::Deprecations;
use super::{Shared, queues};
use crate::platform::db::{InUse, Pools};
use crate::platform::scope::Caller;

/// Upper ends of the histograms, in seconds.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// How long the database may take to say that it is there before it counts as away.
const PING_PATIENCE: Duration = Duration::from_secs(2);

/// When this process began to count.
static STARTED: OnceLock<SystemTime> = OnceLock::new();
/// Operations that have come and are not answered.
static IN_FLIGHT: AtomicU64 = AtomicU64::new(0);

/// Starts to count; once a process.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    STARTED.get_or_init(SystemTime::now);
    describe();
    Ok(handle)
}

/// Says what each figure means, and shows those that may long have nothing to count as zero.
fn describe() {
    describe_counter!(
        "backoffice_operations_total",
        "GraphQL operations by kind, operation and the first error's code"
    );
    describe_histogram!("backoffice_operation_seconds", Unit::Seconds, "From the request's first byte to the answer");
    describe_gauge!("backoffice_operations_in_flight", "Operations that have come and are not answered");
    describe_counter!(
        "backoffice_deprecated_uses_total",
        "Operations that used a deprecated field, by client and field"
    );
    describe_gauge!("backoffice_pool_connections_max", "Connections a pool may have, all workers together");
    describe_gauge!("backoffice_pool_connections", "Connections a pool has");
    describe_gauge!("backoffice_pool_connections_in_use", "Connections that an operation holds");
    describe_gauge!("backoffice_pool_waiting", "Operations that wait for a connection");
    describe_counter!(
        "backoffice_pool_exhausted_total",
        "Operations refused because no connection became free in time"
    );
    describe_counter!("backoffice_connections_discarded_total", "Connections closed because their operation broke off");
    describe_gauge!("backoffice_database_up", "1 if the database answered this scrape, else 0");
    describe_gauge!("backoffice_database_ping_seconds", Unit::Seconds, "Borrowing a connection and one round trip");
    describe_gauge!("backoffice_queue_waiting", "What is due and not begun, by queue");
    describe_gauge!("backoffice_queue_running", "What is being done, by queue");
    describe_gauge!("backoffice_queue_lag_seconds", Unit::Seconds, "For how long the oldest has been due, by queue");
    describe_gauge!("backoffice_webhook_endpoints", "Endpoints of webhooks that answer, fail or are paused");
    describe_gauge!("backoffice_webhook_deliveries_open", "Deliveries that have not ended, by how their endpoint is");
    describe_counter!("backoffice_mails_in_total", "Mails that came in, by what became of them");
    describe_gauge!("backoffice_mails_in_waiting", "Mails that lie in the folder and are not registered");
    describe_counter!("backoffice_mailbox_looks_total", "Looks into the mailbox at the mail server, by how they ended");
    describe_gauge!(
        "backoffice_mailbox_waiting",
        "Mails that lie in the mailbox at the mail server and are not registered"
    );
    describe_gauge!("backoffice_draining", "1 if this server has been told to stop");
    describe_gauge!("backoffice_build_info", "Always 1; the program's version is a label");
    describe_gauge!("process_resident_memory_bytes", Unit::Bytes, "Memory of this process");
    describe_gauge!("process_cpu_seconds_total", Unit::Seconds, "Processor time of this process");
    describe_gauge!("process_open_fds", "Open files and sockets of this process");
    describe_gauge!("process_threads", "Threads of this process");
    describe_gauge!("process_start_time_seconds", Unit::Seconds, "When this process started, since 1970");
    for name in ["backoffice_pool_exhausted_total", "backoffice_connections_discarded_total"] {
        counter!(name).increment(0);
    }
    gauge!("backoffice_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// What is asked of one server when a scraper comes.
#[derive(Default)]
pub struct Measures {
    /// The pools of all its threads.
    pools: Mutex<Vec<Pools>>,
    /// What its schema has deprecated.
    pub deprecated: Deprecations,
}

impl Measures {
    /// Of a server with that schema.
    #[must_use]
    pub fn of(sdl: &str) -> Self {
        Self { pools: Mutex::default(), deprecated: Deprecations::of(sdl) }
    }

    /// A thread has made its pools.
    pub fn watch(&self, pools: Pools) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).push(pools);
    }

    /// The connections of all threads together, by role.
    fn lent(&self) -> BTreeMap<&'static str, InUse> {
        let mut sum = BTreeMap::<&'static str, InUse>::new();
        for pools in self.pools.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for (role, lent) in pools.lent() {
                let of = sum.entry(role).or_default();
                *of = InUse {
                    most: of.most.saturating_add(lent.most),
                    open: of.open.saturating_add(lent.open),
                    in_use: of.in_use.saturating_add(lent.in_use),
                    waiting: of.waiting.saturating_add(lent.waiting),
                };
            }
        }
        sum
    }
}

/// One operation on its way; counted as in flight until dropped.
pub struct Flight(());

impl Flight {
    /// An operation has come.
    #[must_use]
    pub fn begin() -> Self {
        IN_FLIGHT.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        IN_FLIGHT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An operation has been answered.
pub fn answered(kind: &'static str, operation: &str, code: Option<&str>, took: Duration) {
    let code = code.unwrap_or("OK").to_owned();
    counter!("backoffice_operations_total", "kind" => kind, "operation" => operation.to_owned(), "code" => code)
        .increment(1);
    histogram!("backoffice_operation_seconds", "kind" => kind, "operation" => operation.to_owned())
        .record(took.as_secs_f64());
}

/// A document was refused before it ran.
pub fn refused(code: &'static str) {
    counter!("backoffice_operations_total", "kind" => "rejected", "operation" => "gate", "code" => code).increment(1);
}

/// For which client somebody asks, as a label: its id, which says nothing to strangers. The token's signature was
/// verified, so nobody invents one.
#[must_use]
pub fn asking(caller: &Caller) -> String {
    match caller {
        Caller::Person { client: Some(client), .. } | Caller::Service { client, .. } => client.to_string(),
        Caller::Person { client: None, .. } => "provider".to_owned(),
        _ => "nobody".to_owned(),
    }
}

/// An operation used a deprecated field.
pub fn deprecated(client: &str, field: &str) {
    counter!("backoffice_deprecated_uses_total", "client" => client.to_owned(), "field" => field.to_owned())
        .increment(1);
}

/// All figures as text, with those of this moment.
pub async fn scrape(shared: &Shared, pools: &Pools, handle: &PrometheusHandle) -> String {
    let begun = Instant::now();
    let answered = tokio::time::timeout(PING_PATIENCE, queues::figures(pools)).await;
    let up = matches!(answered, Ok(Ok(_)));
    gauge!("backoffice_database_up").set(f64::from(u8::from(up)));
    gauge!("backoffice_database_ping_seconds").set(begun.elapsed().as_secs_f64());
    gauge!("backoffice_draining").set(f64::from(u8::from(shared.draining.load(Ordering::Acquire))));
    gauge!("backoffice_operations_in_flight").set(figure(IN_FLIGHT.load(Ordering::Relaxed)));
    if let Ok(Ok((queues, endpoints))) = answered {
        for queue in queues {
            gauge!("backoffice_queue_waiting", "queue" => queue.queue.clone())
                .set(figure(queue.waiting.unsigned_abs()));
            gauge!("backoffice_queue_running", "queue" => queue.queue.clone())
                .set(figure(queue.running.unsigned_abs()));
            gauge!("backoffice_queue_lag_seconds", "queue" => queue.queue).set(queue.lag_s);
        }
        for of in endpoints {
            gauge!("backoffice_webhook_endpoints", "state" => of.state.clone())
                .set(figure(of.endpoints.unsigned_abs()));
            gauge!("backoffice_webhook_deliveries_open", "state" => of.state).set(figure(of.open.unsigned_abs()));
        }
    }
    for (pool, lent) in shared.measures.lent() {
        let InUse { most, open, in_use, waiting } = lent;
        gauge!("backoffice_pool_connections_max", "pool" => pool).set(figure(most));
        gauge!("backoffice_pool_connections", "pool" => pool).set(figure(open));
        gauge!("backoffice_pool_connections_in_use", "pool" => pool).set(figure(in_use));
        gauge!("backoffice_pool_waiting", "pool" => pool).set(figure(waiting));
    }
    process();
    handle.run_upkeep();
    handle.render()
}

/// What the system says of this process. On systems without /proc these figures are left out.
fn process() {
    if let Ok(since) = STARTED.get_or_init(SystemTime::now).duration_since(UNIX_EPOCH) {
        gauge!("process_start_time_seconds").set(since.as_secs_f64());
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        if let Some(kib) = field(&status, "VmRSS:") {
            gauge!("process_resident_memory_bytes").set(figure(kib.saturating_mul(1024)));
        }
        if let Some(threads) = field(&status, "Threads:") {
            gauge!("process_threads").set(figure(threads));
        }
    }
    if let Some(ticks) = std::fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(ticks) {
        // Linux counts in hundredths of a second wherever programs can see it.
        gauge!("process_cpu_seconds_total").set(figure(ticks) / 100.0);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(figure(open.count().saturating_sub(1) as u64));
    }
}

/// The number behind a name in the lines of /proc/self/status.
fn field(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Time in the program and in the system for it, from /proc/self/stat; the program's name may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split_whitespace().skip(11);
    let (own, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(own.saturating_add(system))
}

/// Exact up to 2^53, which no figure here reaches.
fn figure(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_read() {
        assert_eq!(field("Name:\tx\nVmRSS:\t   12345 kB\nThreads:\t7\n", "VmRSS:"), Some(12345));
        assert_eq!(field("Name:\tx\n", "VmRSS:"), None);
        let stat = "42 (a (strange) name) S 1 42 42 0 -1 4194560 9 0 0 0 150 25 0 0 20 0 3 0 1 2 3";
        assert_eq!(ticks(stat), Some(175));
    }
}
