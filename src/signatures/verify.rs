//! Whether everything is still as it was when it was signed: computed anew from the bytes and the events.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use serde_json::Value;

use super::event::{Link, broken, links};
use super::evidence::{agrees, measured, read};
use super::ids::SignatureRequestId;
use super::request::{SignatureRequest, find};
use super::signer::{OfRequest, SignatureSigner, SignerState};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::files::Files;
use crate::platform::files::api::files;
use crate::platform::scope::Ask;

/// Whether bytes are what they were.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureMatch {
    /// They are.
    Matches,
    /// They are others.
    Changed,
    /// They are not there any more.
    Gone,
    /// There are none yet.
    None,
}

/// What came of verifying a request for signatures.
#[derive(SimpleObject, Clone, Debug)]
pub struct SignatureVerification {
    /// The request.
    pub signature_request: SignatureRequest,
    /// Whether all that is there matches. What is gone by its retention, or not there yet, contradicts nothing.
    pub intact: bool,
    /// Whether the document's bytes have the hash that was signed.
    pub document: SignatureMatch,
    /// Whether the events are those that were written, in their order, each with the hash that it was given.
    pub events_match: bool,
    /// The number of the first event that is not what it was; null if all are.
    pub broken_at: Option<i32>,
    /// How many events there are.
    pub events: i32,
    /// Whether each signer has done what the events say, and nothing else.
    pub signers_match: bool,
    /// Whether the evidence sheet has the hash that it was kept with, and tells the events as they are.
    pub evidence: SignatureMatch,
    /// Whether the PDF of the evidence sheet has the hash that it was kept with, which is an event of its own.
    pub evidence_pdf: SignatureMatch,
}

/// A request that is to be verified.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureRequestVerifyInput {
    /// The request.
    pub id: SignatureRequestId,
}

crate::platform::payload! {
    /// What came of verifying a request for signatures.
    SignatureRequestVerifyPayload {
        /// It.
        verification: SignatureVerification
    }
}

/// What an event says that a signer has done: his number and his name as he typed it, or nothing if he has declined.
fn done(line: &str) -> Option<(i64, Option<String>)> {
    let said: Value = serde_json::from_str(line).ok()?;
    let typed = match said.get("kind")?.as_str()? {
        "signed" => Some(said.get("detail")?.get("typed")?.as_str()?.to_owned()),
        "declined" => None,
        _ => return None,
    };
    Some((said.get("signer")?.as_i64()?, typed))
}

/// Whether the signers have done what the events say.
fn agree(signers: &[SignatureSigner], chain: &[Link]) -> bool {
    let mut told: Vec<(i64, Option<String>)> = chain.iter().filter_map(|link| done(&link.line)).collect();
    let mut kept: Vec<(i64, Option<String>)> = signers
        .iter()
        .filter(|one| [SignerState::Signed, SignerState::Declined].contains(&one.state))
        .map(|one| (i64::from(one.number), one.typed_name.clone()))
        .collect();
    told.sort();
    kept.sort();
    told == kept
}

/// Whether the hash of a sheet is the one that stands on the chain.
fn on_chain(chain: &[Link], sha256: &str) -> bool {
    chain.iter().any(|link| {
        let said: Value = serde_json::from_str(&link.line).unwrap_or_default();
        said.get("kind").and_then(Value::as_str) == Some("evidence")
            && said.pointer("/detail/sha256").and_then(Value::as_str) == Some(sha256)
    })
}

async fn verify(tx: &Tx, files: &Files, id: SignatureRequestId) -> Result<SignatureVerification> {
    let of = find(tx, id).await?.ok_or_else(|| Error::not_found("id", "request"))?;
    let chain = links(tx, of.id).await?;
    let signers = OfRequest::fetch(tx, vec![of.id]).await?.remove(&of.id).unwrap_or_default();
    let document = match measured(tx, files, of.file_id).await? {
        None => SignatureMatch::Gone,
        Some(found) if found == of.document_sha256 => SignatureMatch::Matches,
        Some(_) => SignatureMatch::Changed,
    };
    let evidence = match (of.evidence_file_id, &of.evidence_sha256) {
        (Some(file), Some(kept)) => match read(tx, files, file).await? {
            None => SignatureMatch::Gone,
            Some((found, text)) if found == *kept && on_chain(&chain, kept) && agrees(&text, &chain) => {
                SignatureMatch::Matches
            }
            Some(_) => SignatureMatch::Changed,
        },
        _ => SignatureMatch::None,
    };
    let evidence_pdf = match (of.evidence_pdf_file_id, &of.evidence_pdf_sha256) {
        (Some(file), Some(kept)) => match measured(tx, files, file).await? {
            None => SignatureMatch::Gone,
            Some(found) if found == *kept && on_chain(&chain, kept) => SignatureMatch::Matches,
            Some(_) => SignatureMatch::Changed,
        },
        _ => SignatureMatch::None,
    };
    let broken_at = broken(&chain, &of.head);
    let signers_match = agree(&signers, &chain);
    let intact = broken_at.is_none()
        && signers_match
        && document != SignatureMatch::Changed
        && evidence != SignatureMatch::Changed
        && evidence_pdf != SignatureMatch::Changed;
    let events = i32::try_from(chain.len()).unwrap_or(i32::MAX);
    Ok(SignatureVerification {
        events_match: broken_at.is_none(),
        signature_request: of,
        intact,
        document,
        broken_at,
        events,
        signers_match,
        evidence,
        evidence_pdf,
    })
}

/// Verifying.
#[derive(Default)]
pub struct SignatureVerifyMutation;

#[Object]
impl SignatureVerifyMutation {
    /// Computes the hashes of a request anew, of the document's bytes, of each event and of the evidence sheet, and says whether
    /// they still match. It changes nothing. Rights: `office.signature.read` and `core.file.read`.
    async fn signature_request_verify(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request.")] input: SignatureRequestVerifyInput,
    ) -> async_graphql::Result<Option<SignatureRequestVerifyPayload>> {
        let tx = ctx.tx(Can::SignatureRead).await?;
        ctx.tx(Can::FileRead).await?;
        SignatureRequestVerifyPayload::settle(ctx, verify(tx, files(ctx)?, input.id).await)
    }
}
