//! An entry of the register: a letter, a mail or a call, in or out. Its number has no gap within its year and direction,
//! and what it says never changes; void is the end of an entry, and keeps the number.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::CorrespondenceEntryId;
use super::inbound::received::CorrespondenceReceived;
use super::send::CorrespondenceMail;
use crate::finance::ids::{CustomerId, VendorId};
use crate::finance::payables::vendor::Vendor;
use crate::finance::receivables::customer::Customer;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{File, FileId};
use crate::platform::node::{self, Node};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::correspondence;

crate::platform::words! {
    /// Which way it went.
    CorrespondenceDirection {
        /// To the client.
        In = "in",
        /// From the client.
        Out = "out",
    }
}

crate::platform::words! {
    /// How it went.
    CorrespondenceChannel {
        /// On paper.
        Letter = "letter",
        /// By electronic mail.
        Mail = "mail",
        /// By telephone.
        Call = "call",
    }
}

crate::platform::words! {
    /// Where an entry of the register stands.
    CorrespondenceState {
        /// It counts.
        Registered = "registered",
        /// It was a mistake. Its number stays taken.
        Void = "void",
    }
}

impl CorrespondenceDirection {
    /// What the numbers of this direction begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::In => "IN",
            Self::Out => "OUT",
        }
    }
}

/// A letter, a mail or a call of the client, in or out.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = correspondence)]
#[graphql(complex)]
pub struct CorrespondenceEntry {
    /// Global id.
    pub id: CorrespondenceEntryId,
    /// Its number, without gap in the client within its direction and year: `IN-2026-00001`, `OUT-2026-00001`.
    pub number: String,
    /// Which way it went.
    pub direction: CorrespondenceDirection,
    /// How it went.
    pub channel: CorrespondenceChannel,
    /// Where it stands.
    pub state: CorrespondenceState,
    /// The day on which it came or went, in the client's time zone. Its year is that of the number.
    pub on_date: Date,
    /// What it is about, in a line.
    pub subject: String,
    /// What it says, or what was said; empty if nothing was written down.
    #[graphql(name = "text")]
    pub body: String,
    #[graphql(skip)]
    pub(super) customer_id: Option<CustomerId>,
    #[graphql(skip)]
    pub(super) vendor_id: Option<VendorId>,
    /// With whom: the name at that time.
    pub correspondent: String,
    /// The address that it went to or came from, in lines; null if none was written down.
    pub postal_address: Option<String>,
    /// The e-mail address that it went to or came from; null if none was written down.
    pub email: Option<String>,
    #[graphql(skip)]
    pub(super) reply_to_id: Option<CorrespondenceEntryId>,
    #[graphql(skip)]
    pub(super) thread_id: CorrespondenceEntryId,
    #[graphql(skip)]
    record_prefix: Option<String>,
    #[graphql(skip)]
    record_id: Option<Uuid>,
    /// Whether the client's own people see it as well, as `SharedCorrespondence`.
    pub visible_to_client: bool,
    /// Why it does not count; null unless it is void.
    pub void_reason: Option<String>,
    /// When it was made void; null unless it is.
    pub voided_at: Option<DateTime>,
    /// When it was written into the register.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
    #[graphql(skip)]
    author_name: Option<String>,
}

#[ComplexObject]
impl CorrespondenceEntry {
    /// The customer that it is with; null if it is with none. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Customer>> {
        match self.customer_id {
            Some(id) => Ok(ctx.load::<Customer>(id).await?),
            None => Ok(None),
        }
    }

    /// The vendor that it is with; null if it is with none. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        match self.vendor_id {
            Some(id) => Ok(ctx.load::<Vendor>(id).await?),
            None => Ok(None),
        }
    }

    /// What it answers; null if it begins a thread.
    async fn reply_to(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CorrespondenceEntry>> {
        match self.reply_to_id {
            Some(id) => Ok(ctx.load::<CorrespondenceEntry>(id).await?),
            None => Ok(None),
        }
    }

    /// Its thread in the order of the register, itself included, at most 100 entries.
    async fn thread(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CorrespondenceEntry>> {
        Ok(ctx.load::<Thread>(self.thread_id).await?.unwrap_or_default())
    }

    /// The id of the record that it is about; null if it is about none.
    async fn record_id(&self) -> Option<ID> {
        self.record_text().map(ID)
    }

    /// The record that it is about; null if it is about none. Right: that to read records of its kind.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        match self.record_text() {
            Some(id) => Ok(node::find(ctx, &id).await?),
            None => Ok(None),
        }
    }

    /// How far it has come as a mail; null unless somebody has had it sent.
    async fn mail(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CorrespondenceMail>> {
        Ok(ctx.load::<CorrespondenceMail>(self.id).await?)
    }

    /// What is known of it because it came as a mail; null unless it did.
    async fn received(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CorrespondenceReceived>> {
        Ok(ctx.load::<CorrespondenceReceived>(self.id).await?)
    }

    /// Who said it: of what came, the correspondent; of what went, whoever wrote it into the register, null if that was
    /// before his name was kept.
    async fn said_by(&self) -> Option<&str> {
        match self.direction {
            CorrespondenceDirection::In => Some(&self.correspondent),
            CorrespondenceDirection::Out => self.author_name.as_deref(),
        }
    }

    /// When it was said: when the mail server took it, or when it was written into the register.
    async fn said_at(&self, ctx: &Context<'_>) -> async_graphql::Result<DateTime> {
        let mail = ctx.load::<CorrespondenceMail>(self.id).await?;
        Ok(mail.and_then(|mail| mail.sent_at).unwrap_or(self.created_at))
    }

    /// The files that belong to it, in the order in which they were attached. Right: `core.file.read`.
    async fn files(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<File>> {
        let ids = ctx.load::<Attached>(self.id).await?.unwrap_or_default();
        let files = ids.into_iter().map(|id| ctx.load::<File>(id));
        Ok(futures_util::future::try_join_all(files).await?.into_iter().flatten().collect())
    }
}

impl CorrespondenceEntry {
    fn record_text(&self) -> Option<String> {
        let (prefix, id) = (self.record_prefix.as_deref()?, self.record_id?);
        Some(format!("{prefix}_{}", id.simple()))
    }

    /// Refuses an entry that does not count.
    pub(super) fn expect_registered(&self, field: &str) -> Result<()> {
        match self.state {
            CorrespondenceState::Registered => Ok(()),
            CorrespondenceState::Void => {
                let message = "This entry is void; it stays as it is.";
                Err(Error::refuse(UserErrorCode::State, field, message))
            }
        }
    }
}

/// The entries of those ids.
async fn entries(tx: &Tx, ids: Vec<CorrespondenceEntryId>) -> Result<Vec<CorrespondenceEntry>> {
    tx.rows(
        correspondence::table
            .filter(correspondence::tenant_id.eq(tx.tenant()?))
            .filter(correspondence::id.eq_any(ids))
            .select(CorrespondenceEntry::as_select()),
    )
    .await
}

impl Fetch for CorrespondenceEntry {
    type Key = CorrespondenceEntryId;
    type Value = Self;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<CorrespondenceEntryId>) -> Result<HashMap<CorrespondenceEntryId, Self>> {
        Ok(entries(tx, keys).await?.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The entries of a thread.
struct Thread;

#[derive(QueryableByName)]
struct InThread {
    #[diesel(sql_type = SqlUuid)]
    id: CorrespondenceEntryId,
}

impl Fetch for Thread {
    type Key = CorrespondenceEntryId;
    type Value = Vec<CorrespondenceEntry>;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(
        tx: &Tx,
        keys: Vec<CorrespondenceEntryId>,
    ) -> Result<HashMap<CorrespondenceEntryId, Vec<CorrespondenceEntry>>> {
        let found: Vec<InThread> = tx
            .rows(
                sql("SELECT c.id FROM unnest($2::uuid[]) AS k (id)
                       CROSS JOIN LATERAL (SELECT e.id FROM practice.correspondence e
                                            WHERE e.tenant_id = $1 AND e.thread_id = k.id ORDER BY e.id LIMIT 100) c")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut rows = entries(tx, found.into_iter().map(|row| row.id).collect()).await?;
        rows.sort_by_key(|row| row.id);
        let mut threads: HashMap<CorrespondenceEntryId, Vec<CorrespondenceEntry>> = HashMap::new();
        for row in rows {
            threads.entry(row.thread_id).or_default().push(row);
        }
        Ok(threads)
    }
}

/// The files of an entry.
pub(super) struct Attached;

#[derive(QueryableByName)]
struct AttachedFile {
    #[diesel(sql_type = SqlUuid)]
    entry_id: CorrespondenceEntryId,
    #[diesel(sql_type = SqlUuid)]
    file_id: FileId,
}

impl Fetch for Attached {
    type Key = CorrespondenceEntryId;
    type Value = Vec<FileId>;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<CorrespondenceEntryId>) -> Result<HashMap<CorrespondenceEntryId, Vec<FileId>>> {
        let rows: Vec<AttachedFile> = tx
            .rows(
                sql("SELECT f.entry_id, f.file_id FROM practice.correspondence_file f
                      WHERE f.tenant_id = $1 AND f.entry_id = ANY ($2) ORDER BY f.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut files: HashMap<CorrespondenceEntryId, Vec<FileId>> = HashMap::new();
        for row in rows {
            files.entry(row.entry_id).or_default().push(row.file_id);
        }
        Ok(files)
    }
}

/// The entry of that id, locked until the transaction ends.
pub(super) async fn locked(tx: &Tx, id: CorrespondenceEntryId, field: &str) -> Result<CorrespondenceEntry> {
    let found: Option<CorrespondenceEntry> = tx
        .maybe(
            correspondence::table
                .filter(correspondence::tenant_id.eq(tx.tenant()?))
                .filter(correspondence::id.eq(id))
                .select(CorrespondenceEntry::as_select())
                .for_no_key_update(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found(field, "entry of the register"))
}
