//! The queue: what is to be done, in one client or over all that the caller may see, by the day it is due.
//!
//! Page and counts come from the same conditions (the counts' stand in `practice.work_counted`). Each client's part is one range of an index that holds open items only,
//! so that neither what was closed nor other clients cost anything; a page takes the first rows of each client's range.

use async_graphql::{Context, Object};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::{WorkItem, WorkItemKind, WorkItemState, WorkPriority, names, view};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::filter::{DateFilter, like};
use crate::platform::ids::known::WorkItemId;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::{Sql, sql};
use crate::work::ids::WorkViewId;

mod counts;
mod filter;

use counts::{WorkItemCounts, groups};
pub use filter::{WorkAssigneeFilter, WorkItemFilter};

/// The values that hold for a condition with `eq` and `in`; nothing if it asks for nothing.
macro_rules! any_of {
    ($filter:expr, $field:literal) => {
        match $filter {
            None => None,
            Some(filter) => {
                let mut values = filter.any_of;
                if values.as_ref().is_some_and(|values| values.len() > 100) {
                    return Err(Error::BadInput(format!("`{}.in` names at most 100 values.", $field)));
                }
                if let Some(one) = filter.eq {
                    values = Some(match values {
                        Some(values) if !values.contains(&one) => Vec::new(),
                        _ => vec![one],
                    });
                }
                values
            }
        }
    };
}

/// Whose items are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Anybodys,
    Of(Uuid),
    Nobodys,
}

impl Whose {
    fn person(self) -> Option<Uuid> {
        match self {
            Self::Of(person) => Some(person),
            Self::Anybodys | Self::Nobodys => None,
        }
    }
}

/// Which items are asked for, by whether they are open: each has an index of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Open,
    Closed,
    All,
}

/// A filter, checked.
#[derive(Clone, Debug)]
struct Wanted {
    part: Part,
    whose: Whose,
    clients: Option<Vec<Uuid>>,
    /// Groups of clients, which leave of the clients those that are in one of them.
    groups: Option<Vec<Uuid>>,
    states: Option<Vec<&'static str>>,
    kinds: Option<Vec<&'static str>>,
    priorities: Option<Vec<&'static str>>,
    teams: Option<Vec<Uuid>>,
    services: Option<Vec<String>>,
    engagements: Option<Vec<Uuid>>,
    from: NaiveDate,
    before: NaiveDate,
    record: Option<Uuid>,
    text: Option<String>,
}

/// The place in the queue of what is due on no day.
const NO_DAY: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};
/// Before the first day that a date can be.
const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};
/// Behind every day, and behind what is due on none.
const END: NaiveDate = match NaiveDate::from_ymd_opt(10_000, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

/// The days of the queue that a condition leaves: from the first, before the second.
fn days(filter: Option<DateFilter>) -> (NaiveDate, NaiveDate) {
    let Some(DateFilter { eq, gte, lt, is_null }) = filter else { return (FIRST_DAY, END) };
    let (mut from, mut before) = (FIRST_DAY, END);
    if let Some(Date(day)) = eq {
        from = from.max(day);
        before = before.min(day.succ_opt().unwrap_or(day));
    }
    if let Some(Date(day)) = gte {
        from = from.max(day);
    }
    if let Some(Date(day)) = lt {
        before = before.min(day);
    }
    // a day of which something is said is one
    if is_null == Some(false) || eq.is_some() || gte.is_some() || lt.is_some() {
        before = before.min(NO_DAY);
    }
    if is_null == Some(true) {
        from = from.max(NO_DAY);
    }
    (from, before)
}

impl WorkItemFilter {
    /// Refuses what the queue would refuse.
    pub(super) fn check(self, tx: &Tx) -> Result<()> {
        self.wanted(tx).map(drop)
    }

    fn wanted(self, tx: &Tx) -> Result<Wanted> {
        let states = any_of!(self.state, "state");
        let part = match &states {
            None => Part::Open,
            Some(states) if states.iter().all(|state| state.is_open()) => Part::Open,
            Some(states) if states.iter().all(|state| !state.is_open()) => Part::Closed,
            Some(_) => Part::All,
        };
        let whose = match self.assignee.unwrap_or_default() {
            WorkAssigneeFilter { user: Some(user), me: None | Some(false), nobody: None | Some(false) } => {
                Whose::Of(user.0)
            }
            WorkAssigneeFilter { user: None, me: Some(true), nobody: None | Some(false) } => {
                tx.tells_own();
                Whose::Of(tx.actor())
            }
            WorkAssigneeFilter { user: None, me: None | Some(false), nobody: Some(true) } => Whose::Nobodys,
            WorkAssigneeFilter { user: None, me: None | Some(false), nobody: None | Some(false) } => Whose::Anybodys,
            _ => return Err(Error::BadInput("An assignee is one of `user`, `me` and `nobody`.".to_owned())),
        };
        let (from, before) = days(self.due_on);
        let text = match self.text {
            Some(text) if !(2..=100).contains(&text.chars().count()) => {
                return Err(Error::BadInput("`text` has 2 to 100 characters.".to_owned()));
            }
            text => text.map(|text| like(&text)),
        };
        // what is no id names nothing
        let record = self.record.map(|id| crate::platform::ids::split(&id).map_or(Uuid::nil(), |(_, id)| id));
        Ok(Wanted {
            part,
            whose,
            clients: any_of!(self.client, "client").map(|ids| ids.into_iter().map(|id| id.0).collect()),
            groups: any_of!(self.client_group, "clientGroup").map(|ids| ids.into_iter().map(|id| id.0).collect()),
            states: states.map(|words| words.into_iter().map(WorkItemState::text).collect()),
            kinds: any_of!(self.kind, "kind").map(|words| words.into_iter().map(WorkItemKind::text).collect()),
            priorities: any_of!(self.priority, "priority")
                .map(|words| words.into_iter().map(WorkPriority::text).collect()),
            teams: any_of!(self.team, "team").map(|ids| ids.into_iter().map(|id| id.0).collect()),
            services: any_of!(self.service, "service"),
            engagements: any_of!(self.engagement, "engagement").map(|ids| ids.into_iter().map(|id| id.0).collect()),
            from,
            before,
            record,
            text,
        })
    }
}

/// The clients whose part of the queue is read: those asked for, else all that this transaction reaches. Row security
/// leaves of them those that it may see.
macro_rules! clients {
    () => {
        "SELECT DISTINCT u.id FROM unnest(coalesce($1::uuid[], nullif(current_setting('app.tenant_ids', true), '')::uuid[])) AS u (id)"
    };
}

/// Columns of an item.
macro_rules! columns {
    () => {
        "i.tenant_id, i.id, i.kind, i.title, i.description, i.state, i.priority, i.due_on, i.queue_on, i.assignee_id, i.team_id,
         i.record_prefix, i.record_id, i.visible_to_client, i.waiting_for, i.closed_at, i.created_at, i.version, i.service_code,
         i.due_at, i.due_basis, i.due_clock_id, i.gated, i.engagement_id, i.estimate_minutes"
    };
}

/// The conditions, one text for each part and for whose items: each is planned for its own index.
macro_rules! conditions {
    ($part:literal, $whose:literal) => {
        concat!(
            "i.tenant_id = t.id AND i.queue_on >= $2 AND i.queue_on < $3",
            $part,
            $whose,
            " AND ($5::text[] IS NULL OR i.state = ANY ($5)) AND ($6::text[] IS NULL OR i.kind = ANY ($6))
              AND ($7::text[] IS NULL OR i.priority = ANY ($7)) AND ($8::uuid[] IS NULL OR i.team_id = ANY ($8))
              AND ($9::uuid IS NULL OR i.record_id = $9) AND ($10::text IS NULL OR i.title_folded LIKE (SELECT lower($10)))
              AND ($11::text[] IS NULL OR i.service_code = ANY ($11)) AND ($12::uuid[] IS NULL OR i.engagement_id = ANY ($12))"
        )
    };
}

macro_rules! page {
    ($part:literal, $whose:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (SELECT p.* FROM (", clients!(), ") t
              CROSS JOIN LATERAL (SELECT i.tenant_id, i.queue_on, i.id FROM practice.work_item i WHERE ",
            conditions!($part, $whose),
            " AND (i.queue_on, i.id) > ($13, $14) ORDER BY i.queue_on, i.id LIMIT $15) p ORDER BY p.queue_on, p.id LIMIT $15)
             SELECT ", columns!(), " FROM page p JOIN practice.work_item i ON i.tenant_id = p.tenant_id AND i.id = p.id
              ORDER BY i.queue_on, i.id"
        )
    };
}

/// The page of what a text was found in: every title has to be looked at, which is done from client to client (see
/// `practice.work_found`).
macro_rules! found {
    ($part:literal, $nobodys:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (SELECT f.client_id AS tenant_id, f.queue_on, f.id FROM practice.work_found(
               $1, $2, $3, $4, ",
            $nobodys,
            ", '",
            $part,
            "', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) f
              ORDER BY f.queue_on, f.id LIMIT $15)
             SELECT ",
            columns!(),
            " FROM page p JOIN practice.work_item i ON i.tenant_id = p.tenant_id AND i.id = p.id
              ORDER BY i.queue_on, i.id"
        )
    };
}

/// The text of the page that is wanted.
macro_rules! text {
    ($wanted:expr) => {{
        use Part::{All, Closed, Open};
        use Whose::{Anybodys, Nobodys, Of};
        match ($wanted.part, $wanted.whose) {
            (Open, Anybodys | Of(_)) if $wanted.text.is_some() => found!("open", "false"),
            (Open, Nobodys) if $wanted.text.is_some() => found!("open", "true"),
            (Closed, Anybodys | Of(_)) if $wanted.text.is_some() => found!("closed", "false"),
            (Closed, Nobodys) if $wanted.text.is_some() => found!("closed", "true"),
            (All, Anybodys | Of(_)) if $wanted.text.is_some() => found!("all", "false"),
            (All, Nobodys) if $wanted.text.is_some() => found!("all", "true"),
            (Open, Anybodys) => page!(" AND i.closed_at IS NULL", " AND $4::uuid IS NULL"),
            (Open, Of(_)) => page!(" AND i.closed_at IS NULL", " AND i.assignee_id = $4"),
            (Open, Nobodys) => page!(" AND i.closed_at IS NULL", " AND i.assignee_id IS NULL AND $4::uuid IS NULL"),
            (Closed, Anybodys) => page!(" AND i.closed_at IS NOT NULL", " AND $4::uuid IS NULL"),
            (Closed, Of(_)) => page!(" AND i.closed_at IS NOT NULL", " AND i.assignee_id = $4"),
            (Closed, Nobodys) => {
                page!(" AND i.closed_at IS NOT NULL", " AND i.assignee_id IS NULL AND $4::uuid IS NULL")
            }
            (All, Anybodys) => page!("", " AND $4::uuid IS NULL"),
            (All, Of(_)) => page!("", " AND i.assignee_id = $4"),
            (All, Nobodys) => page!("", " AND i.assignee_id IS NULL AND $4::uuid IS NULL"),
        }
    }};
}

/// A client that is in a group.
#[derive(QueryableByName)]
struct Member {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
}

impl Wanted {
    /// In a client only that client's; it says so itself, before row security does. Over all clients, those of the groups.
    async fn within(mut self, tx: &Tx) -> Result<Self> {
        let groups = self.groups.take();
        if let Ok(tenant) = tx.tenant() {
            // Which groups there are, and who is in them, is not told within a client.
            if groups.is_some() {
                let message = "Groups of clients are the provider's: ask with a token without client.";
                return Err(Error::BadInput(message.to_owned()));
            }
            let asked = self.clients.is_none_or(|clients| clients.contains(&tenant));
            self.clients = Some(if asked { vec![tenant] } else { Vec::new() });
        } else if let Some(groups) = groups {
            let members: Vec<Member> = tx
                .rows(
                    sql("SELECT DISTINCT m.client_id FROM unnest($1::uuid[]) AS g (id) CROSS JOIN LATERAL practice.clients_in_group(g.id) m")
                        .bind::<Array<SqlUuid>, _>(groups),
                )
                .await?;
            let asked = self.clients;
            let among = |client: &Uuid| asked.as_ref().is_none_or(|asked| asked.contains(client));
            self.clients = Some(members.into_iter().map(|one| one.client_id).filter(among).collect());
        }
        Ok(self)
    }

    fn bound(self, text: &'static str) -> Sql<'static> {
        let person = self.whose.person();
        sql(text)
            .bind::<Nullable<Array<SqlUuid>>, _>(self.clients)
            .bind::<SqlDate, _>(self.from)
            .bind::<SqlDate, _>(self.before)
            .bind::<Nullable<SqlUuid>, _>(person)
            .bind::<Nullable<Array<Text>>, _>(self.states)
            .bind::<Nullable<Array<Text>>, _>(self.kinds)
            .bind::<Nullable<Array<Text>>, _>(self.priorities)
            .bind::<Nullable<Array<SqlUuid>>, _>(self.teams)
            .bind::<Nullable<SqlUuid>, _>(self.record)
            .bind::<Nullable<Text>, _>(self.text)
            .bind::<Nullable<Array<Text>>, _>(self.services)
            .bind::<Nullable<Array<SqlUuid>>, _>(self.engagements)
    }
}

crate::platform::connection!(
    /// A page of work items.
    WorkItemConnection, WorkItemEdge, WorkItem
);

/// Where an item stands in the queue.
fn cursor(item: &WorkItem) -> String {
    encode(&item.queue_on.0.to_string(), item.id.0)
}

/// The transaction of the client, or of all clients whose work the caller may see.
pub(super) async fn reach<'a>(ctx: &'a Context<'_>) -> Result<&'a Tx> {
    if names::far(ctx)? {
        ctx.portfolio(Can::PortfolioRead, Can::WorkItemRead).await
    } else {
        ctx.tx(Can::WorkItemRead).await
    }
}

/// Queries about work items.
#[derive(Default)]
pub struct QueueQuery;

#[Object]
impl QueueQuery {
    /// One work item of the client that the token is for; null if the id is unknown. Right: `work.item.read`.
    async fn work_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item's id.")] id: WorkItemId,
    ) -> async_graphql::Result<Option<WorkItem>> {
        Ok(ctx.load::<WorkItem>(id).await?)
    }

    /// The queue: what is to be done, by the day it is due, what is due on no day last. With a token for a client that
    /// client's work. With a token without client (`practice.portfolio.read`) that of all clients in which the caller may
    /// see it today; an operation then has no other fields of the portfolio. Right: `work.item.read`.
    async fn work_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only items that match; what is open if not said.")] filter: Option<WorkItemFilter>,
        #[graphql(desc = "Only items that this view looks for, instead of a filter.")] view: Option<WorkViewId>,
    ) -> async_graphql::Result<WorkItemConnection> {
        let tx = reach(ctx).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let wanted = view::asked(tx, filter, view).await?.wanted(tx)?.within(tx).await?;
        let behind = match &slice.after {
            None => (FIRST_DAY, Uuid::nil()),
            Some((day, id)) => {
                let day =
                    day.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
                (day, *id)
            }
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let groups = groups(tx, wanted.clone()).await?;
            Some(groups.iter().fold(0_i64, |sum, group| sum.saturating_add(group.count)))
        } else {
            None
        };
        let text = text!(wanted);
        let page = wanted.bound(text).bind::<SqlDate, _>(behind.0).bind::<SqlUuid, _>(behind.1);
        let rows = tx.rows(page.bind::<BigInt, _>(slice.limit())).await?;
        Ok(WorkItemConnection::new(ctx, &slice, rows, cursor, total))
    }

    /// How many work items the queue has under a filter, in the same reach and the same moment as `workItems` beside it.
    /// Right: `work.item.read`.
    async fn work_item_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only items that match; what is open if not said.")] filter: Option<WorkItemFilter>,
        #[graphql(desc = "Only items that this view looks for, instead of a filter.")] view: Option<WorkViewId>,
    ) -> async_graphql::Result<WorkItemCounts> {
        let tx = reach(ctx).await?;
        let wanted = view::asked(tx, filter, view).await?.wanted(tx)?.within(tx).await?;
        Ok(WorkItemCounts::of(&groups(tx, wanted).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::counts::Group;
    use super::*;
    use crate::platform::ids::known::ClientId;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn due(eq: Option<&str>, gte: Option<&str>, lt: Option<&str>, is_null: Option<bool>) -> (NaiveDate, NaiveDate) {
        let date = |text: Option<&str>| text.map(|text| Date(day(text)));
        days(Some(DateFilter { eq: date(eq), gte: date(gte), lt: date(lt), is_null }))
    }

    #[test]
    fn days_are_half_open_and_no_day_is_behind_all() {
        assert_eq!(days(None), (FIRST_DAY, END));
        assert_eq!(due(None, None, Some("2026-03-01"), None), (FIRST_DAY, day("2026-03-01")));
        assert_eq!(due(None, Some("2026-03-01"), None, None), (day("2026-03-01"), NO_DAY));
        assert_eq!(due(Some("2026-03-01"), None, None, None), (day("2026-03-01"), day("2026-03-02")));
        assert_eq!(due(None, None, None, Some(true)), (NO_DAY, END));
        assert_eq!(due(None, None, None, Some(false)), (FIRST_DAY, NO_DAY));
        // what cannot be is nothing
        let (from, before) = due(None, Some("2026-03-01"), None, Some(true));
        assert!(from >= before);
    }

    #[test]
    fn counts_add_up() {
        let group = |client: u128, state, kind, count| Group {
            client_id: ClientId(Uuid::from_u128(client)),
            state,
            kind,
            count,
        };
        let counts = WorkItemCounts::of(&[
            group(1, WorkItemState::Open, WorkItemKind::Task, 2),
            group(1, WorkItemState::Waiting, WorkItemKind::Task, 3),
            group(2, WorkItemState::Open, WorkItemKind::Deadline, 7),
        ]);
        assert_eq!(counts.total, 12);
        assert_eq!(counts.by_state.iter().map(|one| one.count).sum::<i64>(), 12);
        assert_eq!(counts.by_kind.iter().map(|one| one.count).sum::<i64>(), 12);
        assert_eq!(counts.by_client.iter().map(|one| one.count).collect::<Vec<_>>(), [7, 5]);
    }
}
