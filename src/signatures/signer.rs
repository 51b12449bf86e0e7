//! Who is to sign: people with an account in the client, and others by a link that is mailed to them.

use std::collections::HashMap;

use async_graphql::{ComplexObject, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::ids::SignatureRequestId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::UserId;
use crate::platform::scalars::DateTime;
use crate::schema::signature_signer;

crate::platform::words! {
    /// What a signer has done.
    SignerState {
        /// His turn has not come.
        Waiting = "waiting",
        /// He is asked to sign.
        Asked = "asked",
        /// He has signed.
        Signed = "signed",
        /// He has declined.
        Declined = "declined",
    }
}

/// A signer of a request.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = signature_signer)]
#[graphql(complex)]
pub struct SignatureSigner {
    #[graphql(skip)]
    request_id: SignatureRequestId,
    /// His number among the signers of the request, from 1.
    pub number: i32,
    /// His step, from 1: those of one step sign beside each other, and the next step is asked when all of them have.
    pub step: i32,
    #[graphql(skip)]
    pub(super) account_id: Option<Uuid>,
    /// His name.
    pub name: String,
    /// The address to which he is written.
    pub email: String,
    /// What he has done.
    pub state: SignerState,
    /// When he has opened the document first; null if he has not.
    pub opened_at: Option<DateTime>,
    /// When he has signed or declined; null before.
    pub acted_at: Option<DateTime>,
    /// The name that he typed as his signature; null if he has not signed.
    pub typed_name: Option<String>,
    /// What he declared with his signature, or why he declined; null before.
    pub words: Option<String>,
}

#[ComplexObject]
impl SignatureSigner {
    /// The id of the account by which he signs; null: he signs by a link that is mailed to him.
    async fn user_id(&self) -> Option<UserId> {
        self.account_id.map(UserId)
    }
}

/// The signers of requests.
pub struct OfRequest;

impl Fetch for OfRequest {
    type Key = SignatureRequestId;
    type Value = Vec<SignatureSigner>;
    const CAN: Can = Can::SignatureRead;

    async fn fetch(
        tx: &Tx,
        keys: Vec<SignatureRequestId>,
    ) -> Result<HashMap<SignatureRequestId, Vec<SignatureSigner>>> {
        let rows: Vec<SignatureSigner> = tx
            .rows(
                signature_signer::table
                    .filter(signature_signer::tenant_id.eq(tx.tenant()?))
                    .filter(signature_signer::request_id.eq_any(keys))
                    .order((signature_signer::request_id, signature_signer::number))
                    .select(SignatureSigner::as_select()),
            )
            .await?;
        let mut by_request: HashMap<SignatureRequestId, Vec<SignatureSigner>> = HashMap::new();
        for row in rows {
            by_request.entry(row.request_id).or_default().push(row);
        }
        Ok(by_request)
    }
}
