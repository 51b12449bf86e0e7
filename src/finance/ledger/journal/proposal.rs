//! An entry that is proposed before it is posted: where the client's policy wants an approval, what is posted is what was
//! proposed and approved. A proposal is in no ledger.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Balanced, Currency};
use diesel::prelude::*;
use diesel::sql_types::{Date as SqlDate, Jsonb, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};

use super::manual::{JournalEntryPayload, JournalEntryPostInput, posted, prepare};
use super::{EntrySource, JournalEntry, NewEntry, NewLine, post, refuse_lines};
use crate::finance::ids::{AccountId, DimensionValueId, JournalEntryId, JournalProposalId, TaxCodeId};
use crate::finance::ledger::dimension::Labels;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{journal_entry, journal_proposal};

/// An entry that somebody proposes.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = journal_proposal)]
#[graphql(complex)]
pub struct JournalProposal {
    /// Global id: what `approvalRequestCreate` is asked with.
    pub id: JournalProposalId,
    /// The day that it is going to count for.
    #[graphql(name = "date")]
    pub entry_date: Date,
    /// What happened.
    pub description: String,
    #[graphql(skip)]
    currency: CurrencyCode,
    #[graphql(skip)]
    amount: Dec,
    #[graphql(skip)]
    lines: serde_json::Value,
    /// Who proposed it.
    pub proposed_by_name: String,
    /// When it was proposed.
    pub created_at: DateTime,
}

/// A line of an entry that is proposed.
#[derive(SimpleObject, Clone, Debug)]
pub struct JournalProposalLine {
    /// The account.
    pub account_id: AccountId,
    /// The amount in the entry's currency: debit positive, credit negative.
    pub amount: Money,
    /// What the line is about; may be empty.
    pub description: String,
    /// The tax code that it belongs to; null if to none.
    pub tax_code_id: Option<TaxCodeId>,
    /// The values of dimensions that it stands on.
    pub dimension_ids: Vec<DimensionValueId>,
}

/// A line as a proposal keeps it. Amounts are texts, so that nothing rounds them.
#[derive(Serialize, Deserialize)]
struct Kept {
    account: uuid::Uuid,
    document: String,
    book: String,
    text: String,
    tax: Option<uuid::Uuid>,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    labels: serde_json::Map<String, serde_json::Value>,
}

impl Kept {
    fn labels(&self) -> Result<Labels> {
        Labels::from_json(&serde_json::Value::Object(self.labels.clone()))
    }
}

fn decimal(text: &str) -> Result<Dec> {
    text.parse().map(Dec).map_err(|_| Error::fault("a proposed line has no amount"))
}

impl JournalProposal {
    fn kept(&self) -> Result<Vec<Kept>> {
        serde_json::from_value(self.lines.clone()).map_err(Error::fault)
    }
}

#[ComplexObject]
impl JournalProposal {
    /// The sum of its debits, in its currency.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency.0)
    }

    /// Its lines, in their order.
    async fn lines(&self) -> async_graphql::Result<Vec<JournalProposalLine>> {
        let mut lines = Vec::new();
        for line in self.kept()? {
            let labels = line.labels()?;
            lines.push(JournalProposalLine {
                account_id: AccountId(line.account),
                amount: Money::new(decimal(&line.document)?, &self.currency.0),
                description: line.text,
                tax_code_id: line.tax.map(TaxCodeId),
                dimension_ids: labels.values().collect(),
            });
        }
        Ok(lines)
    }

    /// The entry that it became; null until it is posted. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match ctx.load::<Entries>(self.id).await? {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }
}

impl Fetch for JournalProposal {
    type Key = JournalProposalId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<JournalProposalId>) -> Result<HashMap<JournalProposalId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                journal_proposal::table
                    .filter(journal_proposal::tenant_id.eq(tx.tenant()?))
                    .filter(journal_proposal::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The entries that proposals became.
struct Entries;

impl Fetch for Entries {
    type Key = JournalProposalId;
    type Value = JournalEntryId;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<JournalProposalId>) -> Result<HashMap<JournalProposalId, JournalEntryId>> {
        let keys: Vec<uuid::Uuid> = keys.into_iter().map(|key| key.0).collect();
        let rows: Vec<(Option<uuid::Uuid>, JournalEntryId)> = tx
            .rows(
                journal_entry::table
                    .filter(journal_entry::tenant_id.eq(tx.tenant()?))
                    .filter(journal_entry::source.eq(EntrySource::Manual))
                    .filter(journal_entry::source_id.eq_any(keys))
                    .select((journal_entry::source_id, journal_entry::id)),
            )
            .await?;
        Ok(rows.into_iter().filter_map(|(proposal, entry)| Some((JournalProposalId(proposal?), entry))).collect())
    }
}

/// A proposal that is posted.
#[derive(InputObject, Clone, Debug)]
pub struct JournalProposalPostInput {
    /// The proposal. It is posted once.
    pub id: JournalProposalId,
}

crate::platform::payload! {
    /// What became of a proposed entry.
    JournalProposalPayload {
        /// The proposal.
        journal_proposal: JournalProposal
    }
}

async fn create(tx: &Tx, input: JournalEntryPostInput) -> Result<JournalProposal> {
    let entry = prepare(tx, input).await?;
    let kept: Vec<Kept> = entry
        .lines
        .into_lines()
        .into_iter()
        .map(|line| Kept {
            account: line.account.0,
            document: line.amount_document.to_string(),
            book: line.amount.to_string(),
            text: line.description,
            tax: line.tax_code.map(|code| code.0),
            labels: match line.labels.to_json() {
                serde_json::Value::Object(labels) => labels,
                _ => serde_json::Map::new(),
            },
        })
        .collect();
    let id = JournalProposalId::new();
    tx.exec(
        sql("INSERT INTO finance.journal_proposal (tenant_id, id, entry_date, description, currency, amount, amount_book, lines, proposed_by_name)
             SELECT $1, $2, $3, $4, $5, sum((l ->> 'document')::numeric) FILTER (WHERE (l ->> 'document')::numeric > 0),
                    coalesce(sum((l ->> 'book')::numeric) FILTER (WHERE (l ->> 'book')::numeric > 0), 0), $6, $7
               FROM jsonb_array_elements($6) AS l")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<SqlDate, _>(entry.date)
            .bind::<Text, _>(entry.description)
            .bind::<Text, _>(entry.currency.to_string())
            .bind::<Jsonb, _>(serde_json::to_value(kept).map_err(Error::fault)?)
            .bind::<Text, _>(tx.actor_name().to_owned()),
    )
    .await?;
    emit(tx, EventKind::JournalProposalCreated, id.0);
    find(tx, id).await?.ok_or_else(|| Error::fault("the proposal that was just made is not there"))
}

async fn find(tx: &Tx, id: JournalProposalId) -> Result<Option<JournalProposal>> {
    Ok(JournalProposal::fetch(tx, vec![id]).await?.remove(&id))
}

async fn post_proposed(tx: &Tx, id: JournalProposalId) -> Result<JournalEntry> {
    let proposal = find(tx, id).await?.ok_or_else(|| Error::not_found("id", "proposal"))?;
    let (book, currency) = (Currency::parse(tx.book_currency())?, Currency::parse(&proposal.currency.0)?);
    let mut lines = Vec::new();
    for line in proposal.kept()? {
        let labels = line.labels()?;
        lines.push(NewLine {
            account: AccountId(line.account),
            amount_document: decimal(&line.document)?.0,
            amount: decimal(&line.book)?.0,
            currency,
            description: line.text,
            tax_code: line.tax.map(TaxCodeId),
            labels,
        });
    }
    let made = post(
        tx,
        NewEntry {
            date: proposal.entry_date.0,
            description: proposal.description,
            currency,
            source: EntrySource::Manual,
            source_id: Some(id.0),
            reverses: None,
            lines: Balanced::check(book, lines).map_err(refuse_lines)?,
        },
    )
    .await?;
    posted(tx, made.id).await
}

crate::platform::connection!(
    /// A page of proposed entries.
    JournalProposalConnection, JournalProposalEdge, JournalProposal
);

/// Queries about proposed entries.
#[derive(Default)]
pub struct JournalProposalQuery;

#[Object]
impl JournalProposalQuery {
    /// One proposed entry; null if the id is unknown. Right: `finance.journal.read`.
    async fn journal_proposal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The proposal's id.")] id: JournalProposalId,
    ) -> async_graphql::Result<Option<JournalProposal>> {
        Ok(ctx.load::<JournalProposal>(id).await?)
    }

    /// Proposed entries, also those that are posted, newest first. Right: `finance.journal.read`.
    async fn journal_proposals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<JournalProposalConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own = || -> Result<_> {
            Ok(journal_proposal::table.filter(journal_proposal::tenant_id.eq(tx.tenant()?)).into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(journal_proposal::id.lt(*id));
        }
        let page = page.order(journal_proposal::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(JournalProposal::as_select())).await?;
        Ok(JournalProposalConnection::new(ctx, &slice, rows, |row: &JournalProposal| encode("", row.id.0), total))
    }
}

/// What is done with proposed entries.
#[derive(Default)]
pub struct JournalProposalMutation;

#[Object]
impl JournalProposalMutation {
    /// Proposes an entry: it is checked as if it were posted, and is in no ledger. Right: `finance.journal.post`.
    async fn journal_proposal_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry.")] input: JournalEntryPostInput,
    ) -> async_graphql::Result<Option<JournalProposalPayload>> {
        JournalProposalPayload::settle(ctx, create(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Posts what was proposed, if it is approved or needs no approval. Right: `finance.journal.post`.
    async fn journal_proposal_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The proposal.")] input: JournalProposalPostInput,
    ) -> async_graphql::Result<Option<JournalEntryPayload>> {
        JournalEntryPayload::settle(ctx, post_proposed(ctx.tx(Can::JournalPost).await?, input.id).await)
    }
}
