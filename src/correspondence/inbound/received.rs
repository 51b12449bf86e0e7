//! What is known of an entry because it came as a mail.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use diesel::prelude::*;

use super::address::InboundMailAddress;
use crate::correspondence::ids::{CorrespondenceEntryId, InboundMailAddressId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::files::{File, FileId};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::{correspondence_file, correspondence_received};

crate::platform::words! {
    /// Whether a mail was sealed by its sender.
    CorrespondenceSealing {
        /// It was not.
        None = "none",
        /// It is signed. The signature is kept with it; nobody has looked at it.
        Signed = "signed",
        /// It, or a part of it, is encrypted. It is kept whole.
        Encrypted = "encrypted",
    }
}

/// What is known of an entry because it came as a mail. All of it is what strangers say, but for when it came.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = correspondence_received)]
#[graphql(complex)]
pub struct CorrespondenceReceived {
    #[graphql(skip)]
    entry_id: CorrespondenceEntryId,
    #[graphql(skip)]
    address_id: Option<InboundMailAddressId>,
    /// Its Message-ID; null if it has none that can be one.
    pub message_id: Option<String>,
    /// The name of its sender as the mail says it; empty if it does not.
    pub sender_name: String,
    /// When it says that it was written; null if it does not say so, or says what cannot be.
    pub written_at: Option<DateTime>,
    /// Whether a machine has written it, e.g. because somebody is away (RFC 3834). The server answers none by itself.
    pub automatic: bool,
    /// Whether it was sealed by its sender.
    pub sealing: CorrespondenceSealing,
    /// Why only its head was read, or nothing; null if it was read. The mail itself is in `raw`.
    pub problem: Option<String>,
    /// What was wrong with it, in sentences.
    pub notes: Vec<String>,
    #[graphql(skip)]
    raw_file_id: FileId,
    /// When it came.
    #[graphql(name = "receivedAt")]
    pub created_at: DateTime,
}

#[ComplexObject]
impl CorrespondenceReceived {
    /// The address that it came to; null of a report on a mail that was sent, which came to the sender's own address.
    async fn address(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<InboundMailAddress>> {
        match self.address_id {
            Some(id) => Ok(ctx.load::<InboundMailAddress>(id).await?),
            None => Ok(None),
        }
    }

    /// The mail as it came, every byte of it. Right: `core.file.read`.
    async fn raw(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        Ok(ctx.load::<File>(self.raw_file_id).await?)
    }

    /// Its files, in their order.
    async fn attachments(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CorrespondenceAttachment>> {
        Ok(ctx.load::<CorrespondenceAttachment>(self.entry_id).await?.unwrap_or_default())
    }
}

impl Fetch for CorrespondenceReceived {
    type Key = CorrespondenceEntryId;
    type Value = Self;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<CorrespondenceEntryId>) -> Result<HashMap<CorrespondenceEntryId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                correspondence_received::table
                    .filter(correspondence_received::tenant_id.eq(tx.tenant()?))
                    .filter(correspondence_received::entry_id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.entry_id, row)).collect())
    }
}

/// A file that came with a mail.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = correspondence_file)]
#[graphql(complex)]
pub struct CorrespondenceAttachment {
    #[graphql(skip)]
    entry_id: CorrespondenceEntryId,
    #[graphql(skip)]
    file_id: FileId,
    /// What its sender says that it is; what it is stands on the file. Null of files that were put beside the entry later.
    #[graphql(name = "declaredMediaType")]
    pub declared_type: Option<String>,
    /// Whether its sender, or its name, says that it is something else than its bytes are.
    pub misleads: bool,
}

#[ComplexObject]
impl CorrespondenceAttachment {
    /// The file. While it is being checked, or was refused, it cannot be taken. Right: `core.file.read`.
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        Ok(ctx.load::<File>(self.file_id).await?)
    }
}

impl Fetch for CorrespondenceAttachment {
    type Key = CorrespondenceEntryId;
    type Value = Vec<Self>;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<CorrespondenceEntryId>) -> Result<HashMap<CorrespondenceEntryId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                correspondence_file::table
                    .filter(correspondence_file::tenant_id.eq(tx.tenant()?))
                    .filter(correspondence_file::entry_id.eq_any(keys))
                    .filter(correspondence_file::declared_type.is_not_null())
                    .order(correspondence_file::id)
                    .select(Self::as_select()),
            )
            .await?;
        let mut files: HashMap<CorrespondenceEntryId, Vec<Self>> = HashMap::new();
        for row in rows {
            files.entry(row.entry_id).or_default().push(row);
        }
        Ok(files)
    }
}
