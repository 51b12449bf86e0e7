//! Until when what is left of a client that has left is kept, and who has it purged: one proposes it, another confirms it, and the
//! command line does it (`purge.rs`).

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Date as SqlDate, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;

use super::ending::{ClientOffboardingPayload, OffboardingStep, OffboardingStepKind, newest};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::ClientId;
use crate::platform::input::sized;
use crate::platform::json::Json;
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// What stands on the record of a client's end about its purge.
#[derive(QueryableByName, Clone, Debug)]
pub struct Purging {
    #[diesel(sql_type = Nullable<Text>)]
    purge_reason: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    purge_lifts_holds: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    purge_proposed_by_name: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    purge_proposed_at: Option<DateTime>,
    #[diesel(sql_type = Nullable<Text>)]
    purge_confirmed_by_name: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    purge_confirmed_at: Option<DateTime>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) purged_at: Option<DateTime>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    certificate: Option<Value>,
}

impl Purging {
    /// The last step of a client's end.
    pub(super) fn step(&self, kept_until: Date) -> OffboardingStep {
        let missing = match (self.purge_proposed_at, self.purge_confirmed_at, self.purged_at) {
            (_, _, Some(_)) => None,
            (_, Some(_), None) => Some("It is confirmed: `backoffice client purge` does it.".to_owned()),
            (Some(_), None, None) => Some("Somebody else has to confirm it (`clientPurgeDecide`).".to_owned()),
            (None, None, None) => Some(format!(
                "Everything is kept until {}; behind that day it can be proposed (`clientPurgePropose`).",
                kept_until.0
            )),
        };
        OffboardingStep { step: OffboardingStepKind::Purge, done: missing.is_none(), missing }
    }
}

/// The purge of what is left of a client that has left: proposed, confirmed by somebody else, done.
#[derive(SimpleObject, Clone, Debug)]
pub struct ClientPurge {
    /// Why it is to go.
    pub reason: String,
    /// Whether legal holds that live do not keep it.
    pub lifts_legal_holds: bool,
    /// The name of whoever proposed it.
    pub proposed_by_name: String,
    /// When it was proposed.
    pub proposed_at: DateTime,
    /// The name of whoever confirmed it; null before.
    pub confirmed_by_name: Option<String>,
    /// When it was confirmed; null before.
    pub confirmed_at: Option<DateTime>,
    /// When it was done; null before.
    pub purged_at: Option<DateTime>,
    /// What went: of every table its number of rows and the sum of their SHA-256 (the first 128 bits of each, added up), the number, bytes and a hash
    /// of the files, the last link of the audit chain, how many people were made nameless, and legal holds that were
    /// lifted. Null before it is done.
    pub certificate: Option<Json>,
}

impl ClientPurge {
    pub(super) fn of(purging: &Purging) -> Option<Self> {
        Some(Self {
            reason: purging.purge_reason.clone()?,
            lifts_legal_holds: purging.purge_lifts_holds?,
            proposed_by_name: purging.purge_proposed_by_name.clone()?,
            proposed_at: purging.purge_proposed_at?,
            confirmed_by_name: purging.purge_confirmed_by_name.clone(),
            confirmed_at: purging.purge_confirmed_at,
            purged_at: purging.purged_at,
            certificate: purging.certificate.clone().map(Json::new),
        })
    }
}

/// Until when a client that leaves is kept.
#[derive(InputObject, Clone, Debug)]
pub struct ClientOffboardingKeepInput {
    /// The client.
    pub client: ClientId,
    /// The last day on which everything of it is kept, in its zone: its last day or later.
    pub until: Date,
}

/// A purge that is proposed.
#[derive(InputObject, Clone, Debug)]
pub struct ClientPurgeProposeInput {
    /// The client.
    pub client: ClientId,
    /// Why it is to go, 1 to 500 characters.
    pub reason: String,
    /// Whether it goes although legal holds live: nobody can come in to release them any more. False if not said.
    #[graphql(default)]
    pub lift_legal_holds: bool,
}

/// A decision about a purge that was proposed.
#[derive(InputObject, Clone, Debug)]
pub struct ClientPurgeDecideInput {
    /// The client.
    pub client: ClientId,
    /// True: it is done the next time that `backoffice client purge` runs. False: the proposal is taken back.
    pub confirm: bool,
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    verdict: String,
}

fn verdict(said: &Said) -> Result<()> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::State, field, message));
    match said.verdict.as_str() {
        "ok" => Ok(()),
        "unknown" => Err(Error::not_found("client", "client")),
        "early" => {
            let message = "Everything is kept at least until the last day of the client.";
            Err(Error::refuse(UserErrorCode::Invalid, "until", message))
        }
        "open" => refuse("client", "The client's last day is not over."),
        "kept" => refuse("client", "It is still kept: see `keptUntil`, which `clientOffboardingKeep` changes."),
        "held" => refuse(
            "liftLegalHolds",
            "Legal holds of the client live. Whoever has it purged nevertheless has to say so, and it stands on the certificate.",
        ),
        "purged" => refuse("client", "Nothing of the client is left: see its certificate."),
        "proposed" => refuse("client", "It was proposed already; somebody else confirms it (`clientPurgeDecide`)."),
        "none" => refuse("client", "Nobody has proposed it (`clientPurgePropose`)."),
        "decided" => refuse("client", "It was confirmed already."),
        "own" => refuse(
            "client",
            "You have proposed it, with this account or another one of yours: somebody else confirms it.",
        ),
        other => Err(Error::fault(format!("the purge of a client: {other}"))),
    }
}

async fn keep(tx: &Tx, input: &ClientOffboardingKeepInput) -> Result<super::ending::ClientOffboarding> {
    let asked = sql("SELECT practice.keep_client($1, $2) AS verdict");
    verdict(&tx.row(asked.bind::<SqlUuid, _>(input.client).bind::<SqlDate, _>(input.until)).await?)?;
    newest(tx, input.client).await
}

async fn propose(tx: &Tx, input: &ClientPurgeProposeInput) -> Result<super::ending::ClientOffboarding> {
    sized("reason", &input.reason, 1..=500)?;
    let asked = sql("SELECT practice.propose_purge($1, $2, $3) AS verdict")
        .bind::<SqlUuid, _>(input.client)
        .bind::<Text, _>(input.reason.trim().to_owned())
        .bind::<Bool, _>(input.lift_legal_holds);
    verdict(&tx.row(asked).await?)?;
    newest(tx, input.client).await
}

async fn decide(tx: &Tx, input: &ClientPurgeDecideInput) -> Result<super::ending::ClientOffboarding> {
    let asked = sql("SELECT practice.decide_purge($1, $2) AS verdict");
    verdict(&tx.row(asked.bind::<SqlUuid, _>(input.client).bind::<Bool, _>(input.confirm)).await?)?;
    newest(tx, input.client).await
}

/// Keeping and purging what is left of clients.
#[derive(Default)]
pub struct PurgingMutation;

#[Object]
impl PurgingMutation {
    /// Says until when everything of a client that leaves or has left is kept; a purge that was proposed is taken back with it.
    /// Needs a token without client. Right: `practice.client.offboard`.
    async fn client_offboarding_keep(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, and until when.")] input: ClientOffboardingKeepInput,
    ) -> async_graphql::Result<Option<ClientOffboardingPayload>> {
        let tx = ctx.provider(Can::ClientOffboard).await?;
        ClientOffboardingPayload::settle(ctx, keep(tx, &input).await)
    }

    /// Proposes that what is left of a client that has left is purged: behind the day until which it is kept, and not while
    /// legal holds live, unless that is said. Needs a token without client. Right: `practice.client.purge`.
    async fn client_purge_propose(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, and why.")] input: ClientPurgeProposeInput,
    ) -> async_graphql::Result<Option<ClientOffboardingPayload>> {
        let tx = ctx.provider(Can::ClientPurge).await?;
        ClientOffboardingPayload::settle(ctx, propose(tx, &input).await)
    }

    /// Confirms what somebody else has proposed, or takes it back. What was confirmed can be taken back until it is done. Needs a
    /// token without client. Right: `practice.client.purge`.
    async fn client_purge_decide(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, and what is decided.")] input: ClientPurgeDecideInput,
    ) -> async_graphql::Result<Option<ClientOffboardingPayload>> {
        let tx = ctx.provider(Can::ClientPurge).await?;
        ClientOffboardingPayload::settle(ctx, decide(tx, &input).await)
    }
}
