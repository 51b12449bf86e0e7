//! The end of documents, in two stages: what is in the trash and may go is proposed, and somebody else confirms it; then it is
//! purged, and a certificate stays that says what went, by which rule, and who had it done.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Int8, Uuid as SqlUuid};
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::{Document, locked};
use super::ids::{DisposalId, DocumentId};
use super::retention::Schedules;
use super::rules::{due, told};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::input::sized;
use crate::platform::json::Json;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;
use crate::schema::disposal;

crate::platform::words! {
    /// Where a disposal stands.
    DisposalState {
        /// Somebody else has to confirm it.
        Proposed = "proposed",
        /// It was refused; the document stays in the trash.
        Refused = "refused",
        /// The document was purged.
        Purged = "purged",
    }
}

/// A document that was to be purged, and what became of that. It outlives the document.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = disposal)]
#[graphql(complex)]
pub struct Disposal {
    /// Global id.
    pub id: DisposalId,
    #[graphql(skip)]
    document_id: Uuid,
    /// The title of the document.
    pub title: String,
    /// By which rule, or why.
    pub rule: String,
    /// The day on which it was proposed, in the client's time zone.
    pub proposed_on: Date,
    #[graphql(skip)]
    proposed_by: Uuid,
    /// The name of whoever proposed it: of the run of retention, whoever asked for it.
    pub proposed_by_name: String,
    /// When it was confirmed or refused; null while it waits.
    pub decided_at: Option<DateTime>,
    /// The name of whoever confirmed or refused it; null while it waits.
    pub decided_by_name: Option<String>,
    /// The day on which the document was purged, in the client's time zone; null if it was not.
    pub purged_on: Option<Date>,
    #[graphql(skip)]
    certificate: Option<Value>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl Disposal {
    /// The id of the document, which leads to nothing once it was purged.
    async fn document_id(&self) -> ID {
        ID(DocumentId(self.document_id).to_string())
    }

    /// Where it stands.
    async fn state(&self) -> DisposalState {
        match (self.decided_at, self.purged_on) {
            (None, _) => DisposalState::Proposed,
            (_, None) => DisposalState::Refused,
            _ => DisposalState::Purged,
        }
    }

    /// Of a document that was purged: what it was, the files of its versions with size and SHA-256, the rule, who proposed
    /// and who confirmed it, and when. Null before.
    async fn certificate(&self) -> Option<Json> {
        self.certificate.clone().map(Json::new)
    }
}

/// The client's disposals that the actor of a transaction may see.
macro_rules! visible {
    ($tx:expr) => {{
        use diesel::PgArrayExpressionMethods;
        let tx: &Tx = $tx;
        let held: Vec<&str> = tx.permissions().iter().map(|can| can.name()).collect();
        disposal::table.filter(disposal::tenant_id.eq(tx.tenant()?)).filter(disposal::rights.is_contained_by(held))
    }};
}

impl Fetch for Disposal {
    type Key = DisposalId;
    type Value = Self;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DisposalId>) -> Result<HashMap<DisposalId, Self>> {
        let rows: Vec<Self> = tx.rows(visible!(tx).filter(disposal::id.eq_any(keys)).select(Self::as_select())).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of disposals.
    DisposalConnection, DisposalEdge, Disposal
);

/// A document that may go.
#[derive(InputObject, Clone, Debug)]
pub struct DisposalProposeInput {
    /// The document: in the trash, not held, and not to be kept longer by its retention.
    pub document: DocumentId,
    /// Why, 1 to 1,000 characters.
    pub reason: String,
}

/// A disposal that is decided on.
#[derive(InputObject, Clone, Debug)]
pub struct DisposalDecideInput {
    /// The disposal.
    pub id: DisposalId,
}

crate::platform::payload! {
    /// What became of a disposal.
    DisposalPayload {
        /// The disposal as it is now.
        disposal: Disposal
    }
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Purged {
    #[diesel(sql_type = Int8)]
    #[allow(dead_code, reason = "the statement has to give a row")]
    files: i64,
}

#[derive(QueryableByName)]
struct Described {
    #[diesel(sql_type = diesel::sql_types::Jsonb)]
    described: Value,
}

/// Refuses what is not in the trash, is held, or has to be kept longer.
async fn expect_disposable(tx: &Tx, found: &Document, field: &str) -> Result<()> {
    let state = |message: String| Err(Error::refuse(UserErrorCode::State, field, message));
    if found.trashed_on.is_none() {
        return state("This document is not in the trash.".to_owned());
    }
    let held: Yes = tx
        .row(
            sql("SELECT practice.document_held($1, $2) AS yes")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(found.id),
        )
        .await?;
    if held.yes {
        return state("This document is under legal hold.".to_owned());
    }
    let terms = Schedules::read(tx).await?.of(found.type_id);
    if terms.is_empty() {
        return Ok(());
    }
    match due(&terms, found.retain_from.0, found.trashed_on.map(|day| day.0)).purge_on {
        Some(day) if day <= tx.today() => Ok(()),
        Some(day) => state(format!("This document has to be kept until {day}. {}", told(&terms))),
        None => state(format!("This document has to be kept. {}", told(&terms))),
    }
}

/// Proposes that a document is purged, on that day.
pub(super) async fn propose(tx: &Tx, of: &Document, rule: String, day: Date) -> Result<Disposal> {
    tx.row(
        diesel::insert_into(disposal::table)
            .values((
                disposal::tenant_id.eq(tx.tenant()?),
                disposal::id.eq(DisposalId::new()),
                disposal::document_id.eq(of.id.0),
                disposal::title.eq(of.title.clone()),
                disposal::rights.eq(of.rights.clone()),
                disposal::rule.eq(rule),
                disposal::proposed_on.eq(day),
                disposal::proposed_by.eq(tx.actor()),
                disposal::proposed_by_name.eq(tx.actor_name().to_owned()),
            ))
            .returning(Disposal::as_returning()),
    )
    .await
    .inspect(|made: &Disposal| emit(tx, EventKind::DisposalProposed, made.id.0))
}

/// What the certificate says of a document: read before it goes.
async fn described(tx: &Tx, of: &Document) -> Result<Value> {
    let described: Described = tx
        .row(
            sql("SELECT jsonb_build_object(
                   'id', 'doc_' || replace(d.id::text, '-', ''), 'title', d.title, 'type', t.name, 'fields', d.fields,
                   'tags', to_jsonb(d.tags), 'retainFrom', d.retain_from, 'trashedOn', d.trashed_on,
                   'folder', (SELECT to_jsonb(array_agg(f.name ORDER BY a.place DESC))
                                FROM unnest(practice.folders_above($1, d.folder_id)) WITH ORDINALITY AS a (id, place)
                                JOIN practice.document_folder f ON f.tenant_id = $1 AND f.id = a.id),
                   'versions', (SELECT coalesce(jsonb_agg(jsonb_build_object('number', v.number, 'name', f.name, 'size', f.size,
                                         'sha256', f.sha256, 'mediaType', f.media_type, 'addedAt', v.created_at,
                                         'deletedAt', v.deleted_at) ORDER BY v.number), '[]')
                                  FROM practice.document_version v JOIN core.file f ON f.tenant_id = $1 AND f.id = v.file_id
                                 WHERE v.tenant_id = $1 AND v.document_id = d.id)) AS described
                   FROM practice.document d JOIN practice.document_type t ON t.tenant_id = $1 AND t.id = d.type_id
                  WHERE d.tenant_id = $1 AND d.id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(of.id),
        )
        .await?;
    Ok(described.described)
}

/// Takes a document away that is locked and may go, with all that belongs to it. Its bytes go within minutes.
async fn take_away(tx: &Tx, of: &Document) -> Result<()> {
    let _: Purged = tx
        .row(
            sql("SELECT practice.document_purged($1, $2) AS files")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(of.id),
        )
        .await?;
    Ok(())
}

fn certificate(tx: &Tx, document: Value, of: &Disposal, confirmed_by: Option<(Uuid, &str)>, day: Date) -> Value {
    json!({
        "document": document,
        "rule": of.rule,
        "proposedOn": of.proposed_on.0,
        "proposedBy": { "id": UserId(of.proposed_by).to_string(), "name": of.proposed_by_name },
        "confirmedBy": confirmed_by.map(|(id, name)| json!({ "id": UserId(id).to_string(), "name": name })),
        "purgedOn": day.0,
        "purgedAt": tx.now(),
    })
}

/// Purges a document whose schedules need no confirmation: proposed and decided at once.
pub(super) async fn purge_by_schedule(tx: &Tx, of: &Document, rule: String, day: Date) -> Result<()> {
    let document = described(tx, of).await?;
    // One that was proposed before its schedules changed is decided by them.
    let open = disposal::table
        .filter(disposal::tenant_id.eq(tx.tenant()?))
        .filter(disposal::document_id.eq(of.id.0))
        .filter(disposal::decided_at.is_null());
    tx.exec(diesel::update(open).set((
        disposal::decided_at.eq(Some(tx.now())),
        disposal::decided_by.eq(Some(tx.actor())),
        disposal::decided_by_name.eq(Some(tx.actor_name().to_owned())),
    )))
    .await?;
    let known = Disposal {
        id: DisposalId::new(),
        document_id: of.id.0,
        title: of.title.clone(),
        rule,
        proposed_on: day,
        proposed_by: tx.actor(),
        proposed_by_name: tx.actor_name().to_owned(),
        decided_at: None,
        decided_by_name: None,
        purged_on: Some(day),
        certificate: None,
        created_at: DateTime(tx.now()),
        version: 1,
    };
    tx.exec(diesel::insert_into(disposal::table).values((
        disposal::tenant_id.eq(tx.tenant()?),
        disposal::id.eq(known.id),
        disposal::document_id.eq(known.document_id),
        disposal::title.eq(&known.title),
        disposal::rights.eq(of.rights.clone()),
        disposal::rule.eq(&known.rule),
        disposal::proposed_on.eq(day),
        disposal::proposed_by.eq(tx.actor()),
        disposal::proposed_by_name.eq(tx.actor_name().to_owned()),
        disposal::decided_at.eq(Some(tx.now())),
        disposal::decided_by.eq(Some(tx.actor())),
        disposal::decided_by_name.eq(Some(tx.actor_name().to_owned())),
        disposal::purged_on.eq(Some(day)),
        disposal::certificate.eq(Some(certificate(tx, document, &known, None, day))),
    )))
    .await?;
    take_away(tx, of).await?;
    emit(tx, EventKind::DisposalPurged, known.id.0);
    Ok(())
}

async fn proposed(tx: &Tx, input: DisposalProposeInput) -> Result<Disposal> {
    sized("reason", &input.reason, 1..=1000)?;
    let found = locked(tx, input.document, "document").await?;
    expect_disposable(tx, &found, "document").await?;
    let open = disposal::table
        .filter(disposal::tenant_id.eq(tx.tenant()?))
        .filter(disposal::document_id.eq(found.id.0))
        .filter(disposal::decided_at.is_null())
        .count();
    if tx.row::<i64, _>(open).await? > 0 {
        return Err(Error::refuse(UserErrorCode::Duplicate, "document", "This is proposed already."));
    }
    propose(tx, &found, input.reason, Date(tx.today())).await
}

async fn waiting(tx: &Tx, id: DisposalId) -> Result<Disposal> {
    let found = visible!(tx).filter(disposal::id.eq(id)).select(Disposal::as_select()).for_update();
    let found: Disposal = tx.maybe(found).await?.ok_or_else(|| Error::not_found("id", "disposal"))?;
    if found.decided_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This was decided before."));
    }
    Ok(found)
}

async fn confirm(tx: &Tx, id: DisposalId, is_person: bool) -> Result<Disposal> {
    // The document first, as everybody locks it first.
    let of: Option<Uuid> = tx.maybe(visible!(tx).filter(disposal::id.eq(id)).select(disposal::document_id)).await?;
    let of = of.ok_or_else(|| Error::not_found("id", "disposal"))?;
    let document = locked(tx, DocumentId(of), "id").await;
    let found = waiting(tx, id).await?;
    if !is_person || found.proposed_by == tx.actor() {
        let message = "This is confirmed by a person other than who proposed it.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let document = document?;
    expect_disposable(tx, &document, "id").await?;
    let described = described(tx, &document).await?;
    let day = Date(tx.today());
    let certificate = certificate(tx, described, &found, Some((tx.actor(), tx.actor_name())), day);
    let purged: Disposal = tx
        .row(
            diesel::update(disposal::table)
                .filter(disposal::tenant_id.eq(tx.tenant()?))
                .filter(disposal::id.eq(id))
                .set((
                    disposal::decided_at.eq(Some(tx.now())),
                    disposal::decided_by.eq(Some(tx.actor())),
                    disposal::decided_by_name.eq(Some(tx.actor_name().to_owned())),
                    disposal::purged_on.eq(Some(day)),
                    disposal::certificate.eq(Some(certificate)),
                ))
                .returning(Disposal::as_returning()),
        )
        .await?;
    take_away(tx, &document).await?;
    emit(tx, EventKind::DisposalPurged, id.0);
    Ok(purged)
}

async fn refuse(tx: &Tx, id: DisposalId) -> Result<Disposal> {
    waiting(tx, id).await?;
    tx.row(
        diesel::update(disposal::table)
            .filter(disposal::tenant_id.eq(tx.tenant()?))
            .filter(disposal::id.eq(id))
            .set((
                disposal::decided_at.eq(Some(tx.now())),
                disposal::decided_by.eq(Some(tx.actor())),
                disposal::decided_by_name.eq(Some(tx.actor_name().to_owned())),
            ))
            .returning(Disposal::as_returning()),
    )
    .await
    .inspect(|refused: &Disposal| emit(tx, EventKind::DisposalRefused, refused.id.0))
}

/// Queries about disposals.
#[derive(Default)]
pub struct DisposalQuery;

#[Object]
impl DisposalQuery {
    /// One disposal; null if the id is unknown. Right: `office.document.read`.
    async fn disposal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The disposal's id.")] id: DisposalId,
    ) -> async_graphql::Result<Option<Disposal>> {
        Ok(ctx.load::<Disposal>(id).await?)
    }

    /// The client's disposals, the latest first: what waits, was refused, and was purged. Right: `office.document.read`, and
    /// for each those of the document's type.
    async fn disposals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "True: only those that wait; false: only those that were decided; all if not said.")]
        waiting: Option<bool>,
    ) -> async_graphql::Result<DisposalConnection> {
        let tx = ctx.tx(Can::OfficeDocumentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let own = visible!(tx).into_boxed();
            Ok(match waiting {
                None => own,
                Some(true) => own.filter(disposal::decided_at.is_null()),
                Some(false) => own.filter(disposal::decided_at.is_not_null()),
            })
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(disposal::id.lt(*id));
        }
        let rows = tx.rows(page.order(disposal::id.desc()).limit(slice.limit()).select(Disposal::as_select())).await?;
        Ok(DisposalConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of disposals.
#[derive(Default)]
pub struct DisposalMutation;

#[Object]
impl DisposalMutation {
    /// Proposes that a document is purged. Right: `office.disposal.propose`.
    async fn disposal_propose(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document, and why.")] input: DisposalProposeInput,
    ) -> async_graphql::Result<Option<DisposalPayload>> {
        DisposalPayload::settle(ctx, proposed(ctx.tx(Can::DisposalPropose).await?, input).await)
    }

    /// Confirms a disposal, by a person other than who proposed it: the document is purged, with all its versions, and a
    /// certificate stays. Right: `office.disposal.confirm`.
    async fn disposal_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The disposal.")] input: DisposalDecideInput,
    ) -> async_graphql::Result<Option<DisposalPayload>> {
        let tx = ctx.tx(Can::DisposalConfirm).await?;
        let is_person = matches!(ctx.scope()?.caller(), Caller::Person { .. });
        DisposalPayload::settle(ctx, confirm(tx, input.id, is_person).await)
    }

    /// Refuses a disposal: the document stays in the trash. Right: `office.disposal.confirm`.
    async fn disposal_refuse(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The disposal.")] input: DisposalDecideInput,
    ) -> async_graphql::Result<Option<DisposalPayload>> {
        DisposalPayload::settle(ctx, refuse(ctx.tx(Can::DisposalConfirm).await?, input.id).await)
    }
}
