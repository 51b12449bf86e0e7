//! The edge: HTTP in, one transaction an operation, HTTP out. Nothing below it knows about HTTP.

pub mod address;
pub mod body;
pub mod budget;
pub mod calendars;
pub mod clients;
pub mod compress;
pub mod cors;
pub mod cost;
pub mod deprecated;
pub mod documents;
pub mod explorer;
pub mod files;
pub mod follow;
pub mod graphql;
pub mod health;
pub mod measure;
pub mod media;
pub mod notices;
pub mod oauth;
#[cfg(feature = "oidc")]
pub mod oidc;
pub mod operation;
pub mod own_error;
pub mod perform;
pub mod persisted;
pub mod presence;
pub mod published;
pub mod queues;
pub mod restart;
pub mod share;
pub mod sign;
pub mod single;
pub mod socket;
pub mod stream;
pub mod trace;

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::background;
use crate::correspondence::typesetter::Typesetter;
use crate::graph::Graph;
use crate::identity::keys::Keys;
use crate::identity::outside::Outside;
use crate::platform::db::{Pools, Urls, Waits};
use crate::platform::files::{Files, Settings as FileSettings};
use crate::platform::jobs::worker::Terms;
use crate::platform::mail::{Mailer, Settings as MailSettings};
use crate::platform::vault::Vault;
use crate::platform::workers::Workers;
use crate::webhooks;

/// What all workers share.
pub struct Shared {
    /// The schema.
    pub graph: Graph,
    /// The same for documents that were held against it before.
    pub trusting: Graph,
    /// The schema that tells subscribers of events.
    pub following: crate::graph::subscription::Following,
    /// Who is connected for long.
    pub presences: Arc<presence::Presences>,
    /// Streams that carry many operations.
    pub lines: Arc<single::Lines>,
    /// Which those are.
    pub documents: documents::Documents,
    /// The texts of published documents.
    pub persisted: persisted::PersistedDocuments,
    /// Every name in the schema: what may become a label of a metric.
    pub names: HashSet<String>,
    /// The keys that sign and verify access tokens.
    pub keys: Arc<Keys>,
    /// What opens what this server has sealed.
    pub vault: Vault,
    /// The files of all clients.
    pub files: Arc<Files>,
    /// What a document may ask for.
    pub limits: backoffice_gate::Limits,
    /// How much may be asked for in how short a time.
    pub budgets: budget::Budgets,
    /// The numbers for a scraper; none where another server of this process already counts.
    pub metrics: Option<PrometheusHandle>,
    /// What is read in the moment that a scraper asks.
    pub measures: measure::Measures,
    /// Whether the explorer is served.
    pub explorer: bool,
    /// Origins that browsers may call from, whoever asks.
    pub own_origins: cors::OwnOrigins,
    /// What is known of clients before a transaction is opened: their portals, whether they run published documents only.
    pub clients: Arc<clients::Clients>,
    /// Whose word about the caller's address counts.
    pub proxies: address::TrustedProxies,
    /// How identity providers are asked.
    pub outside: Outside,
    /// Set when the server has been told to stop: `/health/ready` says so, so that a balancer sends no more.
    pub draining: AtomicBool,
}

/// How to serve.
pub struct Serving {
    /// Where the three roles reach the database.
    pub urls: Urls,
    /// Threads that answer requests.
    pub workers: usize,
    /// How jobs are done; no slots: by others.
    pub jobs: Terms,
    /// Connections for clients' work, of each thread.
    pub pool_size: usize,
    /// Of these, for one client's work at once; half of them if not said.
    pub client_connections: Option<usize>,
    /// How much may be asked for in how short a time.
    pub rates: budget::Rates,
    /// How long operations wait.
    pub waits: Waits,
    /// How files are kept.
    pub files: FileSettings,
    /// How mails are sent.
    pub mails: MailSettings,
    /// How webhooks are sent.
    pub webhooks: webhooks::Settings,
    /// What sets letters.
    pub typesetter: Typesetter,
    /// Whether the explorer is served and introspection answered.
    pub explorer: bool,
    /// Origins that browsers may call from, whoever asks.
    pub own_origins: cors::OwnOrigins,
    /// Whose word about the caller's address counts.
    pub proxies: address::TrustedProxies,
}

/// A running server.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Stops it: open requests are answered first.
    pub handle: actix_web::dev::ServerHandle,
    /// Resolves when it has stopped.
    pub server: actix_web::dev::Server,
    /// What the workers share.
    pub shared: Arc<Shared>,
    /// The background work, unless others do it.
    pub workers: Option<Arc<Workers>>,
}

/// The limits of the gate as this server sets them: imports carry whole files in a variable, everything else is the
/// gate's default.
#[must_use]
pub fn limits(introspection: bool) -> backoffice_gate::Limits {
    let mut limits = backoffice_gate::Limits::default();
    limits.argument_weight = 450_000;
    limits.introspection = introspection;
    limits
}

/// How identity providers are asked. They send people back to the public address, or to where this server listens.
#[cfg(feature = "oidc")]
fn outside(serving: &Serving, listening: SocketAddr) -> crate::platform::error::Result<Outside> {
    let base = serving.files.public_url.clone().unwrap_or_else(|| format!("http://{listening}"));
    let relying =
        crate::identity::outside::relying::Relying::new(&serving.webhooks, &base, serving.own_origins.list())?;
    Ok(Some(Arc::new(relying)))
}

#[cfg(not(feature = "oidc"))]
fn outside(_: &Serving, _: SocketAddr) -> crate::platform::error::Result<Outside> {
    Ok(())
}

/// Starts to serve on the listener. Has to run inside an actix system.
pub async fn start(
    listener: TcpListener,
    serving: Serving,
    metrics: Option<PrometheusHandle>,
) -> std::io::Result<Running> {
    let other = |error: crate::platform::error::Error| std::io::Error::other(format!("{error:?}"));
    let own_pools = Pools::new(&serving.urls, 1).map_err(other)?;
    let keys = Keys::load(&own_pools, serving.webhooks.vault.clone()).await.map_err(other)?;
    let clients = clients::Clients::load(&own_pools).await.map_err(other)?;
    let mut limits = limits(serving.explorer);
    // What no bucket can ever hold is refused for good, not for a while.
    for rate in [serving.rates.credential, serving.rates.client].into_iter().filter(|rate| rate.per_second > 0) {
        limits.cost = limits.cost.min(rate.burst);
    }
    let mail_domain = serving.mails.inbound.as_ref().map(|inbound| inbound.domain.clone());
    let published = published::Published { limits: limits.clone(), rates: serving.rates, mail_domain };
    let address = listener.local_addr()?;
    let outside = outside(&serving, address).map_err(other)?;
    let files = Files::open(serving.files, Arc::clone(&keys.seals)).map_err(other)?;
    let mailer = Arc::new(Mailer::new(serving.mails).map_err(std::io::Error::other)?);
    #[allow(clippy::clone_on_copy, clippy::unit_arg, reason = "it is nothing where the server was built without")]
    let graph = crate::graph::build(
        Arc::clone(&keys),
        published.clone(),
        Some(Arc::clone(&files)),
        serving.webhooks.clone(),
        outside.clone(),
        serving.typesetter.clone(),
    );
    let shared = Arc::new(Shared {
        names: graph.names().into_iter().collect(),
        graph,
        trusting: crate::graph::build_trusting(
            Arc::clone(&keys),
            published,
            Some(Arc::clone(&files)),
            serving.webhooks.clone(),
            outside.clone(),
            serving.typesetter.clone(),
        ),
        outside,
        following: crate::graph::build_following(),
        presences: Arc::default(),
        lines: Arc::default(),
        documents: documents::Documents::default(),
        persisted: persisted::PersistedDocuments::default(),
        keys: Arc::clone(&keys),
        vault: serving.webhooks.vault.clone(),
        limits,
        budgets: budget::Budgets::new(serving.rates),
        files: Arc::clone(&files),
        metrics,
        measures: measure::Measures::of(&crate::graph::sdl()),
        explorer: serving.explorer,
        own_origins: serving.own_origins,
        clients: Arc::clone(&clients),
        proxies: serving.proxies,
        draining: AtomicBool::new(false),
    });
    let (for_workers, urls, pool_size, waits, explored) =
        (Arc::clone(&shared), serving.urls.clone(), serving.pool_size, serving.waits, serving.explorer);
    let client_connections = serving.client_connections.unwrap_or(pool_size.div_ceil(2)).clamp(1, pool_size.max(1));
    let server = HttpServer::new(move || {
        // One pool a worker: no lock between the cores, and every connection is driven by the thread that uses it.
        let pools = Pools::with(&urls, pool_size, waits).map(|pools| pools.shared_fairly(client_connections));
        let shared = Arc::clone(&for_workers);
        let watching = Arc::clone(&shared);
        App::new().app_data(web::Data::from(shared)).configure(move |routes| {
            if let Ok(pools) = pools {
                watching.measures.watch(pools.clone());
                routes.app_data(web::Data::new(pools));
            }
            routes
                .configure(graphql::routes)
                .configure(health::routes)
                .configure(oauth::routes)
                .configure(files::routes)
                .configure(calendars::routes)
                .configure(notices::routes)
                .configure(share::routes)
                .configure(sign::routes);
            #[cfg(feature = "oidc")]
            routes.configure(oidc::routes);
            if explored {
                routes.configure(explorer::routes);
            }
        })
    })
    .workers(serving.workers)
    .shutdown_timeout(30)
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(2))
    .keep_alive(Duration::from_secs(75))
    // A client that closes its half of the connection has hung up: the handler is dropped at once, not run to its end.
    .h1_allow_half_closed(false)
    // Whoever starts the server stops it: see `restart`.
    .disable_signals();
    let server = server.listen(listener)?.run();
    tokio::spawn(clients.keep_fresh(own_pools.clone()));
    tokio::spawn(presence::keep_watch(Arc::clone(&shared), own_pools.clone()));
    tokio::spawn(keys.keep_fresh(own_pools));
    let workers = match serving.jobs.slots {
        0 => None,
        _ => {
            let means = background::Means { files, mailer, webhooks: serving.webhooks, typesetter: serving.typesetter };
            let started = background::start(serving.urls, serving.waits, serving.jobs, means);
            Some(Arc::new(started.map_err(other)?))
        }
    };
    Ok(Running { address, handle: server.handle(), server, shared, workers })
}
