//! Notices: what one is told of records, across all clients that one may see, unread until one has read it.

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::about;
use super::comment::{Comment, Internal};
use super::ids::{CommentId, InternalCommentId, NoticeId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::ClientId;
use crate::platform::ids::split;
use crate::platform::node;
use crate::platform::outbox::EventKind;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;
use crate::schema::notice;

/// The most notices that are read at once by their ids.
const MOST: usize = 100;

crate::platform::words! {
    /// Why somebody is told of a record.
    NoticeCause {
        /// He was mentioned in a comment.
        Mentioned = "mentioned",
        /// Somebody wrote beside a record that he watches or does.
        Commented = "commented",
        /// It was given to him.
        Assigned = "assigned",
        /// An item that he watches was started, put off, completed, cancelled or opened again.
        Moved = "moved",
        /// The client answered something of a request that he opened, watches or does.
        Answered = "answered",
        /// A rule says so.
        Rule = "rule",
        /// Something happened to a record that he watches.
        Happened = "happened",
        /// A clock on a record that he watches or does went over its target.
        Breached = "breached",
    }
}

/// Something that the caller is told of a record.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct Notice {
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub id: NoticeId,
    /// The client that the record belongs to.
    #[diesel(sql_type = SqlUuid)]
    pub client_id: ClientId,
    /// The name of that client.
    #[diesel(sql_type = Text)]
    pub client_name: String,
    /// The type of the record, as the caller sees it.
    #[diesel(sql_type = Text)]
    pub record_type: String,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    record_id: Uuid,
    /// Why the caller is told.
    #[diesel(sql_type = Text)]
    pub cause: NoticeCause,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    comment_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    event_kind: Option<String>,
    /// Who did it: the name at that time. Empty where nobody did.
    #[diesel(sql_type = Text)]
    pub actor_name: String,
    /// When he was told.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// When the caller has read it; null: not yet.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub read_at: Option<DateTime>,
}

#[ComplexObject]
impl Notice {
    /// The record's id, as the caller knows it.
    async fn record_id(&self) -> async_graphql::Result<ID> {
        let id = node::outside(&self.record_type, self.record_id);
        Ok(id.map(ID).ok_or_else(|| Error::fault("a notice of no record"))?)
    }

    /// What happened, if it is an event of a record that he watches.
    async fn event(&self) -> Option<EventKind> {
        self.event_kind.as_deref().and_then(EventKind::parse)
    }

    /// The comment that it is about; null if it is about none, without the right to read it, and in the list over all
    /// clients.
    async fn comment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Comment>> {
        let Some(id) = self.comment_id else { return Ok(None) };
        if far(ctx)? {
            return Ok(None);
        }
        let tx = ctx.tx(Can::NoticeRead).await?;
        let may = |can| tx.permissions().contains(&can);
        if may(Can::CommentRead)
            && let Some(found) = ctx.load::<Comment>(CommentId(id)).await?
        {
            return Ok(Some(found));
        }
        if !may(Can::InternalCommentRead) {
            return Ok(None);
        }
        Ok(ctx.load::<Internal>(InternalCommentId(id)).await?)
    }
}

crate::platform::connection!(
    /// A page of notices.
    NoticeConnection, NoticeEdge, Notice
);

/// Which notices.
#[derive(InputObject, Clone, Debug, Default)]
pub struct NoticeFilter {
    /// True: those that were not read yet; false: those that were.
    pub unread: Option<bool>,
    /// Those with one of these causes, at most 10.
    pub cause: Option<Vec<NoticeCause>>,
    /// Those of this record.
    pub record: Option<ID>,
}

/// Which notices the caller has read.
#[derive(InputObject, Clone, Debug)]
pub struct NoticesReadInput {
    /// These, at most 100.
    pub notices: Option<Vec<NoticeId>>,
    /// All of this record.
    pub record: Option<ID>,
}

crate::platform::payload! {
    /// What became of notices.
    NoticesReadPayload {
        /// How many were unread until now.
        count: i64
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whether the caller looks at all clients at once.
fn far(ctx: &Context<'_>) -> Result<bool> {
    Ok(matches!(ctx.scope()?.caller(), Caller::Person { client: None, .. }))
}

async fn reach<'a>(ctx: &'a Context<'_>) -> Result<&'a Tx> {
    if far(ctx)? { ctx.portfolio(Can::PortfolioRead, Can::NoticeRead).await } else { ctx.tx(Can::NoticeRead).await }
}

async fn read(ctx: &Context<'_>, tx: &Tx, input: NoticesReadInput) -> Result<i64> {
    let named = input.notices.unwrap_or_default();
    if named.is_empty() && input.record.is_none() {
        return Err(Error::refuse(UserErrorCode::Required, "notices", "Name notices, or a record."));
    }
    if named.len() > MOST {
        return Err(Error::refuse(UserErrorCode::Invalid, "notices", format!("At most {MOST} notices at once.")));
    }
    let record = match &input.record {
        Some(record) => Some(about::expect(ctx, tx, record).await?.id),
        None => None,
    };
    let known: Vec<NoticeId> = tx
        .rows(
            notice::table
                .filter(notice::tenant_id.eq(tx.tenant()?))
                .filter(notice::account_id.eq(tx.actor()))
                .filter(notice::id.eq_any(named.clone()))
                .select(notice::id),
        )
        .await?;
    if let Some(at) = named.iter().position(|one| !known.contains(one)) {
        return Err(Error::not_found(&format!("notices.{at}"), "notice"));
    }
    let count = tx
        .exec(
            sql("UPDATE practice.notice n SET read_at = now()
                  WHERE n.tenant_id = $1 AND n.account_id = $2 AND n.read_at IS NULL AND (n.id = ANY ($3) OR n.record_id = $4)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(tx.actor())
            .bind::<Array<SqlUuid>, _>(named)
            .bind::<Nullable<SqlUuid>, _>(record),
        )
        .await?;
    Ok(i64::try_from(count).unwrap_or_default())
}

/// Queries about notices.
#[derive(Default)]
pub struct NoticeListQuery;

#[Object]
impl NoticeListQuery {
    /// What the caller is told of records, the latest first: in the client that the token is for, or with a token without
    /// client (`practice.portfolio.read`) in all in which he is told anything today. Of a record that he may not read any
    /// more he is not told any more. Right: `work.notice.read`.
    async fn notices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Which of them; all if not said.")] filter: Option<NoticeFilter>,
    ) -> async_graphql::Result<NoticeConnection> {
        let tx = reach(ctx).await?;
        about::a_person(ctx)?;
        tx.tells_own();
        let slice = Slice::new(first, after.as_deref())?;
        let NoticeFilter { unread, cause, record } = filter.unwrap_or_default();
        if cause.as_ref().is_some_and(|cause| cause.len() > 10) {
            return Err(Error::BadInput("At most 10 causes at once.".to_owned()).into());
        }
        // An id that is none names nothing of which anybody was told.
        let record = record.map(|id| split(&id).map(|(_, id)| id).unwrap_or_default());
        let (types, rights) = about::lists();
        let asked = |text: &'static str| {
            sql(text)
                .bind::<SqlUuid, _>(tx.actor())
                .bind::<Array<Text>, _>(types.clone())
                .bind::<Array<Text>, _>(rights.clone())
                .bind::<Nullable<Bool>, _>(unread)
                .bind::<Nullable<Array<Text>>, _>(cause.clone())
                .bind::<Nullable<SqlUuid>, _>(record)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let row: Count = tx
                .row(asked("SELECT count(*) AS count FROM practice.notices_of($1, $2, $3, $4, $5, $6, NULL, NULL) n"))
                .await?;
            Some(row.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                asked(
                    "SELECT n.id, n.client_id, n.client_name, n.record_type, n.record_id, n.cause, n.comment_id, n.event_kind,
                            n.actor_name, n.created_at, n.read_at
                       FROM practice.notices_of($1, $2, $3, $4, $5, $6, $7, $8) n ORDER BY n.id DESC LIMIT $8",
                )
                .bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(NoticeConnection::new(ctx, &slice, rows, |row: &Notice| encode("", row.id.0), total))
    }
}

/// Reading notices.
#[derive(Default)]
pub struct NoticeReadMutation;

#[Object]
impl NoticeReadMutation {
    /// Says that the caller has read these notices, or all of a record. Right: `work.notice.read`.
    async fn notices_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NoticesReadInput,
    ) -> async_graphql::Result<Option<NoticesReadPayload>> {
        let tx = ctx.tx(Can::NoticeRead).await?;
        about::a_person(ctx)?;
        NoticesReadPayload::settle(ctx, read(ctx, tx, input).await)
    }
}
