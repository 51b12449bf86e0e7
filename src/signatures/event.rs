//! What happened to a request: each event a link of a chain. Its hash is SHA-256 of the hash before it, a line feed and its
//! line, so that nothing in the middle can be changed, left out or added without all that follows being another.

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Int4, Text, Uuid as SqlUuid};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::ids::SignatureRequestId;
use super::request::find;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::files::store::hex;
use crate::platform::ids::known::UserId;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::signature_event;

crate::platform::words! {
    /// What happened to a request for signatures.
    SignatureEventKind {
        /// It went out.
        Sent = "sent",
        /// A signer's turn has come.
        Asked = "asked",
        /// A mail went to a signer.
        Mailed = "mailed",
        /// The mail server has refused a mail to a signer for good.
        NotMailed = "not_mailed",
        /// A reminder went to a signer.
        Reminded = "reminded",
        /// A signer has opened the document, the first time.
        Opened = "opened",
        /// A signer has signed.
        Signed = "signed",
        /// A signer has declined.
        Declined = "declined",
        /// It can be signed until another moment.
        Extended = "extended",
        /// The links of a signer lead nowhere any more.
        LinkRevoked = "link_revoked",
        /// It was taken back.
        Withdrawn = "withdrawn",
        /// Its time was over.
        Expired = "expired",
        /// The last has signed.
        Completed = "completed",
        /// The evidence sheet was made.
        Evidence = "evidence",
    }
}

/// Something that happened to a request for signatures.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = signature_event)]
#[graphql(complex)]
pub struct SignatureEvent {
    #[graphql(skip)]
    id: Uuid,
    /// Its number among the events of the request, from 1.
    pub number: i32,
    /// What happened.
    pub kind: SignatureEventKind,
    /// The number of the signer whom it is about; null if about none.
    pub signer_number: Option<i32>,
    /// Whose doing it was, or whom it is about.
    pub actor_name: String,
    #[graphql(skip)]
    account_id: Option<Uuid>,
    /// The address of the signer; null if it is about none.
    pub email: Option<String>,
    /// The network address from which a signer has done it; null if it is none's doing.
    pub address: Option<String>,
    /// The program with which he has done it, as it called itself; null if it did not.
    pub agent: Option<String>,
    /// SHA-256 of the document's bytes, in hexadecimal.
    pub document_sha256: String,
    /// When, by the database's clock.
    pub occurred_at: DateTime,
    /// SHA-256 of the hash before it, a line feed and its line on the evidence sheet, in hexadecimal.
    pub hash: String,
}

#[ComplexObject]
impl SignatureEvent {
    /// The id of the account; null if none did it.
    async fn user_id(&self) -> Option<UserId> {
        self.account_id.map(UserId)
    }
}

crate::platform::connection!(
    /// A page of events of a request for signatures.
    SignatureEventConnection, SignatureEventEdge, SignatureEvent
);

/// A link of the chain as the database writes it down now, and the hash that was kept.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    #[diesel(sql_type = Int4)]
    pub number: i32,
    #[diesel(sql_type = Text)]
    pub line: String,
    #[diesel(sql_type = Text)]
    pub hash: String,
}

/// What stands before the first event.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of a line behind another hash.
fn hash(before: &str, line: &str) -> String {
    hex(&Sha256::digest(format!("{before}\n{line}")))
}

/// The number of the first event that is not what it was when it was written; none if all are, up to `head`.
pub(super) fn broken(links: &[Link], head: &str) -> Option<i32> {
    let mut before = NOTHING.to_owned();
    for (link, number) in links.iter().zip(1..) {
        let found = hash(&before, &link.line);
        if found != link.hash || link.number != number {
            return Some(number);
        }
        before = found;
    }
    (before != head).then(|| i32::try_from(links.len()).unwrap_or(i32::MAX).saturating_add(1))
}

/// All links of a request's chain.
pub(super) async fn links(tx: &Tx, request: SignatureRequestId) -> Result<Vec<Link>> {
    tx.rows(
        sql("SELECT e.number, practice.signature_line(e) AS line, e.hash FROM practice.signature_event e
              WHERE e.tenant_id = $1 AND e.request_id = $2 ORDER BY e.number")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(request),
    )
    .await
}

/// Queries about what happened.
#[derive(Default)]
pub struct SignatureEventQuery;

#[Object]
impl SignatureEventQuery {
    /// What happened to a request for signatures, the first event first; nothing if the id is unknown. Right:
    /// `office.signature.read`.
    async fn signature_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request.")] signature_request: SignatureRequestId,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<SignatureEventConnection> {
        let tx = ctx.tx(Can::SignatureRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        // An id of nothing that is seen has no events.
        let request = find(tx, signature_request).await?.map(|found| found.id).unwrap_or_default();
        let own = || -> Result<_> {
            Ok(signature_event::table
                .filter(signature_event::tenant_id.eq(tx.tenant()?))
                .filter(signature_event::request_id.eq(request)))
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?.into_boxed();
        if let Some((number, _)) = &slice.after {
            let number: i32 =
                number.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page.filter(signature_event::number.gt(number));
        }
        let rows = tx
            .rows(page.order(signature_event::number).limit(slice.limit()).select(SignatureEvent::as_select()))
            .await?;
        let cursor = |row: &SignatureEvent| encode(&row.number.to_string(), row.id);
        Ok(SignatureEventConnection::new(ctx, &slice, rows, cursor, total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(lines: &[&str]) -> (Vec<Link>, String) {
        let mut before = NOTHING.to_owned();
        let links: Vec<Link> = lines
            .iter()
            .zip(1..)
            .map(|(line, number)| {
                before = hash(&before, line);
                Link { number, line: (*line).to_owned(), hash: before.clone() }
            })
            .collect();
        (links, before)
    }

    #[test]
    fn whatever_is_changed_breaks_the_chain_there() {
        let (links, head) = chain(&["sent", "opened", "signed"]);
        assert_eq!(broken(&links, &head), None);
        assert_eq!(broken(&[], NOTHING), None);
        let mut changed = links.clone();
        changed[1].line = "never opened".to_owned();
        assert_eq!(broken(&changed, &head), Some(2));
        // written anew from there on, its head gives it away
        let (forged, _) = chain(&["sent", "never opened", "signed"]);
        assert_eq!(broken(&forged, &head), Some(4));
        assert_eq!(broken(&links[..2], &head), Some(3));
        let mut without = links.clone();
        without.remove(0);
        assert_eq!(broken(&without, &head), Some(1));
    }
}
