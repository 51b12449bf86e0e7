//! The stretches of a clock's life: it runs, or it is paused for a reason. They follow each other without a gap.

use std::collections::HashMap;

use async_graphql::SimpleObject;
use backoffice_calendar::Run;
use diesel::prelude::*;

use super::ids::ClockId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::DateTime;
use crate::schema::clock_interval;

crate::platform::words! {
    /// Why a clock is paused.
    ClockPauseReason {
        /// Something has to come from the client.
        Client = "client",
        /// Something has to come from somebody else.
        ThirdParty = "third_party",
        /// Somebody has to approve.
        Approval = "approval",
        /// Maintenance that was announced.
        Maintenance = "maintenance",
        /// For a reason that the note says.
        Other = "other",
    }
}

impl ClockPauseReason {
    /// As it stands in explanations.
    fn sentence(self) -> &'static str {
        match self {
            Self::Client => "Waiting for the client",
            Self::ThirdParty => "Waiting for a third party",
            Self::Approval => "Waiting for approval",
            Self::Maintenance => "Maintenance",
            Self::Other => "Paused",
        }
    }
}

/// A stretch of a clock's life. It holds its beginning and not its end.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = clock_interval)]
pub struct ClockInterval {
    #[graphql(skip)]
    clock_id: ClockId,
    /// Its number, from 1.
    pub number: i32,
    /// Why the clock is paused in it; null: it runs.
    #[graphql(name = "pausedFor")]
    pub reason: Option<ClockPauseReason>,
    /// What else there is to say of the pause.
    pub note: Option<String>,
    /// When it begins.
    #[graphql(name = "from")]
    pub begins_at: DateTime,
    /// When it ends; null: it has not.
    #[graphql(name = "until")]
    pub ends_at: Option<DateTime>,
}

impl ClockInterval {
    /// As the arithmetic takes it.
    pub(super) fn run(&self) -> Run {
        let pause = self.reason.map(|reason| match &self.note {
            Some(note) => format!("{}: {note}", reason.sentence()).into(),
            None => reason.sentence().into(),
        });
        Run { from: self.begins_at.0, until: self.ends_at.map(|at| at.0), pause }
    }
}

impl Fetch for ClockInterval {
    type Key = ClockId;
    type Value = Vec<Self>;
    const CAN: Can = Can::ClockRead;

    async fn fetch(tx: &Tx, keys: Vec<ClockId>) -> Result<HashMap<ClockId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                clock_interval::table
                    .filter(clock_interval::tenant_id.eq(tx.tenant()?))
                    .filter(clock_interval::clock_id.eq_any(keys))
                    .order((clock_interval::clock_id, clock_interval::number))
                    .select(Self::as_select()),
            )
            .await?;
        let mut by_clock: HashMap<ClockId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_clock.entry(row.clock_id).or_default().push(row);
        }
        Ok(by_clock)
    }
}
