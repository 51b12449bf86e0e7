//! Clocks that go over their target are told of, each once: when they are due stands in a list of the server's own, which
//! the database keeps with each change of a clock.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Uuid as SqlUuid};
use tokio::sync::watch;

use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::ids::new_uuid;
use crate::platform::sql::sql;
use crate::platform::workers::rest;

/// How often the list is looked at.
const LOOK: Duration = Duration::from_secs(1);

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Bool)]
    told: bool,
}

/// Tells of one clock that went over. False if none did.
pub async fn tell_next(pools: &Pools) -> Result<bool> {
    let tx = Tx::open_anonymous(pools).await?;
    let told: Told = tx.row(sql("SELECT core.tell_breach($1) AS told").bind::<SqlUuid, _>(new_uuid())).await?;
    if !tx.finish(true).await? {
        return Err(Error::fault("what a clock tells was not kept"));
    }
    Ok(told.told)
}

/// Tells of clocks when they go over, until the process stops.
pub async fn keep_telling(pools: Pools, mut stopping: watch::Receiver<bool>) {
    while !rest(&mut stopping, LOOK).await {
        loop {
            match tell_next(&pools).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(?error, "clocks do not answer");
                    break;
                }
            }
        }
    }
}
