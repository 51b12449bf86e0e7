//! The end of a client: announced with its last day, changed and withdrawn before that is over. From 24:00 of that day on, in
//! the client's zone, the database does not know the client any more, for whomever the server asks.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Enum, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::purging::{ClientPurge, Purging};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::ClientId;
use crate::platform::ids::new_uuid;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, TimeZone};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// How far the end of a client has come.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffboardingState {
    /// Its last day is not over: everybody still comes in, and nobody is granted anything beyond that day.
    Announced,
    /// Its last day is over: nobody comes in any more, to whom it is as if there had never been such a client.
    Closed,
    /// It was taken back: the client stays.
    Withdrawn,
    /// Nothing of the client is left but this record and the certificate of what went.
    Purged,
}

crate::platform::words! {
    /// What may still be open at a client that leaves.
    OpenKind {
        /// Work items that are neither done nor cancelled.
        WorkItem = "work_item",
        /// Invoices that were drafted and not issued.
        DraftInvoice = "draft_invoice",
        /// Bills that were entered and not posted.
        DraftBill = "draft_bill",
        /// Lines of bank statements that are matched with nothing.
        UnmatchedBankLine = "unmatched_bank_line",
        /// Invoices and bills on which something is still to be paid.
        OpenItem = "open_item",
        /// Clocks that were not stopped.
        RunningClock = "running_clock",
        /// Legal holds that nobody has released: behind the last day nobody comes in to do so.
        LegalHold = "legal_hold",
    }
}

/// Something that may still be open at a client that leaves, and how much of it is.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct OpenWork {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    client_id: ClientId,
    /// What is counted.
    #[diesel(sql_type = Text)]
    pub kind: OpenKind,
    /// How many there are now.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

#[ComplexObject]
impl OpenWork {
    /// What is counted, as a sentence.
    async fn explanation(&self) -> String {
        let what = match self.kind {
            OpenKind::WorkItem => "work items are neither done nor cancelled",
            OpenKind::DraftInvoice => "invoices were drafted and not issued",
            OpenKind::DraftBill => "bills were entered and not posted",
            OpenKind::UnmatchedBankLine => "lines of bank statements are matched with nothing",
            OpenKind::OpenItem => "invoices and bills are not paid in full",
            OpenKind::RunningClock => "clocks run or are paused",
            OpenKind::LegalHold => "legal holds live",
        };
        format!("{} {what}.", self.count)
    }
}

impl Fetch for OpenWork {
    type Key = ClientId;
    type Value = Vec<Self>;
    const CAN: Can = Can::ClientOffboard;

    async fn fetch(tx: &Tx, keys: Vec<ClientId>) -> Result<HashMap<ClientId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT k.id AS client_id, o.kind, o.count FROM unnest($1) AS k (id) CROSS JOIN LATERAL practice.open_at_end(k.id) o")
                    .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_client: HashMap<ClientId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_client.entry(row.client_id).or_default().push(row);
        }
        Ok(by_client)
    }
}

/// The newest archive of a client.
#[derive(QueryableByName, Clone, Debug)]
pub struct Taken {
    #[diesel(sql_type = SqlUuid)]
    client_id: ClientId,
    #[diesel(sql_type = Timestamptz)]
    taken_at: DateTime,
    #[diesel(sql_type = BigInt)]
    changes_since: i64,
}

impl Fetch for Taken {
    type Key = ClientId;
    type Value = Self;
    const CAN: Can = Can::ClientOffboard;

    async fn fetch(tx: &Tx, keys: Vec<ClientId>) -> Result<HashMap<ClientId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT k.id AS client_id, a.taken_at, a.changes_since
                       FROM unnest($1) AS k (id) CROSS JOIN LATERAL practice.archive_taken(k.id) a")
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.client_id, row)).collect())
    }
}

/// A step of the end of a client.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffboardingStepKind {
    /// The end was announced.
    Announce,
    /// Nothing is open any more.
    FinishWork,
    /// The client's archive was taken, and nothing has changed since.
    TakeArchive,
    /// Every access has ended.
    Close,
    /// What was kept until its day is gone.
    Purge,
}

/// A step of the end of a client, and what it wants if it is not done.
#[derive(SimpleObject, Clone, Debug)]
pub struct OffboardingStep {
    /// Which step.
    pub step: OffboardingStepKind,
    /// Whether it is done.
    pub done: bool,
    /// What is missing, as a sentence; null if nothing is.
    pub missing: Option<String>,
}

/// The end of a client, as the provider has announced it.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ClientOffboarding {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    id: Uuid,
    /// The client's global id.
    #[diesel(sql_type = SqlUuid)]
    pub client: ClientId,
    /// The client's name when this was announced.
    #[diesel(sql_type = Text)]
    pub client_name: String,
    /// The zone in which its days end.
    #[diesel(sql_type = Text)]
    pub time_zone: TimeZone,
    /// The last day on which anybody comes in.
    #[diesel(sql_type = SqlDate)]
    pub last_day: Date,
    /// 24:00 of that day in the client's zone: from then on nobody does.
    #[diesel(sql_type = Timestamptz)]
    pub closes_at: DateTime,
    /// Why the client leaves.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// Who announced it as it stands.
    #[diesel(sql_type = Text)]
    pub announced_by: String,
    /// When it was announced first.
    #[diesel(sql_type = Timestamptz)]
    pub announced_at: DateTime,
    /// When it was taken back; null if it was not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub withdrawn_at: Option<DateTime>,
    #[diesel(sql_type = Bool)]
    #[graphql(skip)]
    is_closed: bool,
    /// The last day on which everything of the client is kept, in its zone: unless `clientOffboardingKeep` says otherwise, the
    /// end of the tenth calendar year behind the last day (the longest term of section 147 AO and section 257 HGB).
    #[diesel(sql_type = SqlDate)]
    pub kept_until: Date,
    #[diesel(embed)]
    #[graphql(skip)]
    purging: Purging,
}

impl ClientOffboarding {
    fn is(&self) -> OffboardingState {
        match (self.withdrawn_at, self.is_closed, self.purging.purged_at) {
            (Some(_), _, _) => OffboardingState::Withdrawn,
            (None, _, Some(_)) => OffboardingState::Purged,
            (None, true, None) => OffboardingState::Closed,
            (None, false, None) => OffboardingState::Announced,
        }
    }
}

fn finish(open: &[OpenWork]) -> OffboardingStep {
    let left: i64 = open.iter().map(|open| open.count).fold(0, i64::saturating_add);
    let missing = (left > 0).then(|| format!("{left} things are open; see `openWork`."));
    OffboardingStep { step: OffboardingStepKind::FinishWork, done: left == 0, missing }
}

fn archived(taken: Option<&Taken>) -> OffboardingStep {
    let missing = match taken {
        None => Some("No archive was taken, or none is kept any more (`clientArchiveCreate`).".to_owned()),
        Some(taken) if taken.changes_since > 0 => Some(format!(
            "{} changes stand in the client's trail since its archive was begun: take another one.",
            taken.changes_since
        )),
        Some(_) => None,
    };
    OffboardingStep { step: OffboardingStepKind::TakeArchive, done: missing.is_none(), missing }
}

#[ComplexObject]
impl ClientOffboarding {
    /// How far it has come.
    async fn state(&self) -> OffboardingState {
        self.is()
    }

    /// What is still open at the client, every kind of it with its count; empty once the client is closed.
    async fn open_work(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<OpenWork>> {
        Ok(ctx.load::<OpenWork>(self.client).await?.unwrap_or_default())
    }

    /// When the newest archive that is kept was begun; null if none is.
    async fn archived_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime>> {
        Ok(ctx.load::<Taken>(self.client).await?.map(|taken| taken.taken_at))
    }

    /// Its steps in their order: which are done, and what the others want. A withdrawn end has none.
    async fn steps(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<OffboardingStep>> {
        let closed = match self.is() {
            OffboardingState::Withdrawn => return Ok(Vec::new()),
            OffboardingState::Closed | OffboardingState::Purged => true,
            OffboardingState::Announced => false,
        };
        let open = ctx.load::<OpenWork>(self.client).await?.unwrap_or_default();
        let taken = ctx.load::<Taken>(self.client).await?;
        let missing = (!closed).then(|| format!("It closes by itself behind {}.", self.last_day.0));
        Ok(vec![
            OffboardingStep { step: OffboardingStepKind::Announce, done: true, missing: None },
            finish(&open),
            archived(taken.as_ref()),
            OffboardingStep { step: OffboardingStepKind::Close, done: closed, missing },
            self.purging.step(self.kept_until),
        ])
    }

    /// How far it has come that what is left of the client is purged; null as long as nobody has proposed it.
    async fn purge(&self) -> Option<ClientPurge> {
        ClientPurge::of(&self.purging)
    }
}

crate::platform::connection!(
    /// A page of clients that leave or have left.
    ClientOffboardingConnection, ClientOffboardingEdge, ClientOffboarding
);

/// The announced end of a client.
#[derive(InputObject, Clone, Debug)]
pub struct ClientOffboardingInput {
    /// The client.
    pub client: ClientId,
    /// The last day on which anybody comes in, in the client's zone: today or later.
    pub last_day: Date,
    /// Why the client leaves, 1 to 500 characters.
    pub reason: String,
}

/// An announced end that is taken back.
#[derive(InputObject, Clone, Debug)]
pub struct ClientOffboardingWithdrawInput {
    /// The client.
    pub client: ClientId,
}

crate::platform::payload! {
    /// What became of the end of a client.
    ClientOffboardingPayload {
        /// It as it is now.
        client_offboarding: ClientOffboarding
    }
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    verdict: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn verdict(said: &Said) -> Result<()> {
    let state = |message: &str| Err(Error::refuse(UserErrorCode::State, "client", message));
    match said.verdict.as_str() {
        "ok" => Ok(()),
        "unknown" => Err(Error::not_found("client", "client")),
        "announced" => state("The end of this client is announced already; change it (`clientOffboardingUpdate`)."),
        "none" => state("No end of this client is announced."),
        "past" => {
            let message = "The last day is over already in the client's time zone.";
            Err(Error::refuse(UserErrorCode::Invalid, "lastDay", message))
        }
        other => Err(Error::fault(format!("the end of a client: {other}"))),
    }
}

/// Reads ends that were announced, and what is said behind that.
macro_rules! endings {
    ($behind:literal) => {
        concat!(
            "SELECT o.id, o.client_id AS client, o.client_name, o.time_zone, o.last_day, o.closes_at, o.reason, o.announced_by,
                    o.created_at AS announced_at, o.withdrawn_at, o.closes_at <= now() AS is_closed, practice.kept_until(o) AS kept_until,
                    o.purge_reason, o.purge_lifts_holds, o.purge_proposed_by_name, o.purge_proposed_at, o.purge_confirmed_by_name,
                    o.purge_confirmed_at, o.purged_at, o.certificate
               FROM practice.client_offboarding o ",
            $behind
        )
    };
}

/// The newest end of a client that was announced.
pub(super) async fn newest(tx: &Tx, client: ClientId) -> Result<ClientOffboarding> {
    tx.row(sql(endings!("WHERE o.client_id = $1 ORDER BY o.id DESC LIMIT 1")).bind::<SqlUuid, _>(client)).await
}

async fn announce(
    ctx: &Context<'_>,
    tx: &Tx,
    input: ClientOffboardingInput,
    change: bool,
) -> Result<ClientOffboarding> {
    let reason = input.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Error::refuse(UserErrorCode::Invalid, "reason", "A reason has 1 to 500 characters."));
    }
    let said: Said = tx
        .row(
            sql("SELECT practice.announce_end($1, $2, $3, $4, $5, $6) AS verdict")
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<SqlUuid, _>(input.client)
                .bind::<SqlDate, _>(input.last_day)
                .bind::<Text, _>(reason)
                .bind::<Bool, _>(change)
                .bind::<SqlUuid, _>(ctx.scope()?.request_id()),
        )
        .await?;
    verdict(&said)?;
    newest(tx, input.client).await
}

async fn withdraw(ctx: &Context<'_>, tx: &Tx, client: ClientId) -> Result<ClientOffboarding> {
    let said: Said = tx
        .row(
            sql("SELECT practice.withdraw_end($1, $2) AS verdict")
                .bind::<SqlUuid, _>(client)
                .bind::<SqlUuid, _>(ctx.scope()?.request_id()),
        )
        .await?;
    verdict(&said)?;
    newest(tx, client).await
}

/// Queries about clients that leave.
#[derive(Default)]
pub struct OffboardingQuery;

#[Object]
impl OffboardingQuery {
    /// The clients that leave or have left, and ends that were withdrawn, newest first. Needs a token without client. Right:
    /// `practice.client.offboard`.
    async fn client_offboardings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ClientOffboardingConnection> {
        let tx = ctx.provider(Can::ClientOffboard).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let row: Count = tx.row(sql("SELECT count(*) AS count FROM practice.client_offboarding o")).await?;
            Some(row.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                sql(endings!("WHERE ($1::uuid IS NULL OR o.id < $1) ORDER BY o.id DESC LIMIT $2"))
                    .bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                    .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(ClientOffboardingConnection::new(ctx, &slice, rows, |row: &ClientOffboarding| encode("", row.id), total))
    }
}

/// Announcing the end of a client.
#[derive(Default)]
pub struct OffboardingMutation;

#[Object]
impl OffboardingMutation {
    /// Announces the end of a client: behind its last day nobody comes in any more, and nobody is granted anything beyond
    /// that day. Needs a token without client. Right: `practice.client.offboard`.
    async fn client_offboarding_announce(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, its last day and why.")] input: ClientOffboardingInput,
    ) -> async_graphql::Result<Option<ClientOffboardingPayload>> {
        let tx = ctx.provider(Can::ClientOffboard).await?;
        ClientOffboardingPayload::settle(ctx, announce(ctx, tx, input, false).await)
    }

    /// Changes the announced end of a client, as long as its last day is not over. Grants keep the end that they have. Needs
    /// a token without client. Right: `practice.client.offboard`.
    async fn client_offboarding_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, its last day and why.")] input: ClientOffboardingInput,
    ) -> async_graphql::Result<Option<ClientOffboardingPayload>> {
        let tx = ctx.provider(Can::ClientOffboard).await?;
        ClientOffboardingPayload::settle(ctx, announce(ctx, tx, input, true).await)
    }

    /// Takes the announced end of a client back, as long as its last day is not over. Needs a token without client. Right:
    /// `practice.client.offboard`.
    async fn client_offboarding_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: ClientOffboardingWithdrawInput,
    ) -> async_graphql::Result<Option<ClientOffboardingPayload>> {
        let tx = ctx.provider(Can::ClientOffboard).await?;
        ClientOffboardingPayload::settle(ctx, withdraw(ctx, tx, input.client).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_is_not_done_says_what_it_wants() {
        let open = |count| OpenWork { client_id: ClientId::new(), kind: OpenKind::WorkItem, count };
        assert!(finish(&[open(0)]).done && finish(&[]).done);
        assert_eq!(finish(&[open(2), open(3)]).missing.unwrap(), "5 things are open; see `openWork`.");
        let taken =
            |changes_since| Taken { client_id: ClientId::new(), taken_at: DateTime(chrono::Utc::now()), changes_since };
        assert!(archived(Some(&taken(0))).done);
        assert!(archived(Some(&taken(4))).missing.unwrap().starts_with("4 changes"));
        assert!(!archived(None).done);
    }
}
