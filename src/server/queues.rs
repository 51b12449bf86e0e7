//! How full the queues are and how far they lag behind, for the scraper. What counts as a queue is the database's to say
//! (`core.queue_figures`), and how the endpoints of webhooks are (`core.webhook_figures`); it tells numbers only, of all clients together.

use diesel::QueryableByName;
use diesel::sql_types::{Double, Int8, Text};

use crate::platform::db::{Pools, Tx};
use crate::platform::error::Result;
use crate::platform::sql::sql;

/// One queue at this moment.
#[derive(QueryableByName, Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub queue: String,
    /// What is due and not begun.
    #[diesel(sql_type = Int8)]
    pub waiting: i64,
    /// What is being done.
    #[diesel(sql_type = Int8)]
    pub running: i64,
    /// For how long the oldest of what waits has been due, in seconds.
    #[diesel(sql_type = Double)]
    pub lag_s: f64,
}

/// The endpoints of webhooks that are in one state.
#[derive(QueryableByName, Clone, Debug, PartialEq)]
pub struct Endpoints {
    /// How they are: `answering`, `failing`, `paused`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// How many.
    #[diesel(sql_type = Int8)]
    pub endpoints: i64,
    /// Deliveries to them that have not ended.
    #[diesel(sql_type = Int8)]
    pub open: i64,
}

/// All queues, and the endpoints of webhooks.
pub async fn figures(pools: &Pools) -> Result<(Vec<Queue>, Vec<Endpoints>)> {
    let tx = Tx::open_anonymous(pools).await?;
    let figures = async {
        let queues = tx.rows(sql("SELECT q.queue, q.waiting, q.running, q.lag_s FROM core.queue_figures() q")).await?;
        let endpoints = tx.rows(sql("SELECT w.state, w.endpoints, w.open FROM core.webhook_figures() w")).await?;
        Ok((queues, endpoints))
    };
    let figures = figures.await;
    tx.finish(false).await?;
    figures
}
