//! How full the queues are and how far they lag behind, for the scraper. What counts as a queue is the database's to say
//! (`core.queue_figures`); it tells numbers only, of all clients together.

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

/// All queues.
pub async fn figures(pools: &Pools) -> Result<Vec<Queue>> {
    let tx = Tx::open_anonymous(pools).await?;
    let queues = tx.rows(sql("SELECT q.queue, q.waiting, q.running, q.lag_s FROM core.queue_figures() q")).await;
    tx.finish(false).await?;
    queues
}
