//! What needs whose approval: one live policy for each subject of a client, in editions that are never changed.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int4, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::ApprovalSubject;
use super::ids::ApprovalPolicyId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::{RoleId, UserId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{approval_edition, approval_policy};

crate::platform::words! {
    /// What becomes of a change of a record while it is under review. After the approval a change always makes it void.
    ApprovalOnEdit {
        /// The change is made, and the request is void.
        Void = "void",
        /// The change is refused, unless the request is withdrawn first.
        Refuse = "refuse",
    }
}

/// What needs whose approval in a client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = approval_policy)]
#[graphql(complex)]
pub struct ApprovalPolicy {
    /// Global id.
    pub id: ApprovalPolicyId,
    /// What it is about; a client has one live policy for each subject.
    pub subject: ApprovalSubject,
    /// Name.
    pub name: String,
    /// The number of the edition that new requests are started under. Requests keep the one that they were started under.
    pub edition: i32,
    /// Since when it does not hold any more; null: it holds.
    pub ended_at: Option<DateTime>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl ApprovalPolicy {
    /// All its editions, the newest first.
    async fn editions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ApprovalEdition>> {
        Ok(ctx.load::<ApprovalEdition>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for ApprovalPolicy {
    type Key = ApprovalPolicyId;
    type Value = Self;
    const CAN: Can = Can::ApprovalRead;

    async fn fetch(tx: &Tx, keys: Vec<ApprovalPolicyId>) -> Result<HashMap<ApprovalPolicyId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                approval_policy::table
                    .filter(approval_policy::tenant_id.eq(tx.tenant()?))
                    .filter(approval_policy::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// What a policy says from one change to the next.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = approval_edition)]
#[graphql(complex)]
pub struct ApprovalEdition {
    #[graphql(skip)]
    pub(super) id: Uuid,
    #[graphql(skip)]
    policy_id: ApprovalPolicyId,
    /// Counts the editions of a policy from 1.
    pub number: i32,
    /// What becomes of a change of a record while it is under review.
    pub on_edit: ApprovalOnEdit,
    /// Records of one counterparty within so many days count together; null: each counts by itself.
    pub split_days: Option<i32>,
    /// After so many hours an open request expires; null: never.
    pub expires_after_hours: Option<i32>,
    /// Who made this edition.
    pub made_by_name: String,
    /// When it was made.
    pub created_at: DateTime,
}

#[ComplexObject]
impl ApprovalEdition {
    /// The bands, by currency and from below.
    async fn bands(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ApprovalBand>> {
        Ok(ctx.load::<Bands>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for ApprovalEdition {
    type Key = ApprovalPolicyId;
    type Value = Vec<Self>;
    const CAN: Can = Can::ApprovalRead;

    async fn fetch(tx: &Tx, keys: Vec<ApprovalPolicyId>) -> Result<HashMap<ApprovalPolicyId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                approval_edition::table
                    .filter(approval_edition::tenant_id.eq(tx.tenant()?))
                    .filter(approval_edition::policy_id.eq_any(keys))
                    .order(approval_edition::number.desc())
                    .select(Self::as_select()),
            )
            .await?;
        let mut by_policy: HashMap<ApprovalPolicyId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_policy.entry(row.policy_id).or_default().push(row);
        }
        Ok(by_policy)
    }
}

/// Amounts that a policy treats alike.
#[derive(SimpleObject, Clone, Debug)]
pub struct ApprovalBand {
    /// Counts the bands of an edition from 1.
    pub number: i32,
    /// The currency. Amounts of currencies without bands are counted in that of the books.
    pub currency: CurrencyCode,
    /// Amounts above this; null: from nothing on.
    pub above: Option<Money>,
    /// Up to and with this; null: without limit.
    pub up_to: Option<Money>,
    /// Who approves.
    pub steps: Vec<ApprovalPolicyStep>,
}

/// So many of those who are named approve.
#[derive(SimpleObject, Clone, Debug)]
pub struct ApprovalPolicyStep {
    /// Counts the steps of a band from 1.
    pub number: i32,
    /// Steps of one stage are open beside each other; the next stage begins when they are approved.
    pub stage: i32,
    /// How many have to approve.
    pub needed: i32,
    /// After so many open hours those approve as well who are named for that; null: never.
    pub escalate_after_hours: Option<i32>,
    /// Who may approve.
    pub approvers: Vec<ApprovalApprover>,
}

/// Somebody who may approve: all who hold a role, or a person.
#[derive(SimpleObject, Clone, Debug)]
pub struct ApprovalApprover {
    /// The role; null if it is a person.
    pub role_id: Option<RoleId>,
    /// The person; null if it is a role.
    pub user_id: Option<UserId>,
    /// The name of either.
    pub name: String,
    /// Only once the step has waited for too long.
    pub on_escalation: bool,
}

/// The bands of editions, with their steps and approvers.
struct Bands;

#[derive(QueryableByName)]
struct BandRow {
    #[diesel(sql_type = SqlUuid)]
    edition_id: Uuid,
    #[diesel(sql_type = Int4)]
    band: i32,
    #[diesel(sql_type = Text)]
    currency: CurrencyCode,
    #[diesel(sql_type = Nullable<Numeric>)]
    above: Option<Dec>,
    #[diesel(sql_type = Nullable<Numeric>)]
    up_to: Option<Dec>,
    #[diesel(sql_type = Int4)]
    step: i32,
    #[diesel(sql_type = Int4)]
    stage: i32,
    #[diesel(sql_type = Int4)]
    needed: i32,
    #[diesel(sql_type = Nullable<Int4>)]
    escalate_after_hours: Option<i32>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    role_id: Option<RoleId>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account_id: Option<UserId>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    on_escalation: bool,
}

impl BandRow {
    fn band(&self) -> ApprovalBand {
        let money = |bound: Option<Dec>| bound.map(|bound| Money::new(bound, &self.currency.0));
        ApprovalBand {
            number: self.band,
            currency: self.currency.clone(),
            above: money(self.above),
            up_to: money(self.up_to),
            steps: Vec::new(),
        }
    }

    fn step(&self) -> ApprovalPolicyStep {
        ApprovalPolicyStep {
            number: self.step,
            stage: self.stage,
            needed: self.needed,
            escalate_after_hours: self.escalate_after_hours,
            approvers: Vec::new(),
        }
    }
}

/// Adds a row, which comes behind those of its band and step, to the bands of its edition.
fn add(bands: &mut Vec<ApprovalBand>, row: BandRow) {
    if bands.last().is_none_or(|band| band.number != row.band) {
        bands.push(row.band());
    }
    let Some(band) = bands.last_mut() else { return };
    if band.steps.last().is_none_or(|step| step.number != row.step) {
        band.steps.push(row.step());
    }
    let Some(step) = band.steps.last_mut() else { return };
    step.approvers.push(ApprovalApprover {
        role_id: row.role_id,
        user_id: row.account_id,
        name: row.name,
        on_escalation: row.on_escalation,
    });
}

impl Fetch for Bands {
    type Key = Uuid;
    type Value = Vec<ApprovalBand>;
    const CAN: Can = Can::ApprovalRead;

    async fn fetch(tx: &Tx, keys: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<ApprovalBand>>> {
        let rows: Vec<BandRow> = tx
            .rows(
                sql("SELECT b.edition_id, b.number AS band, b.currency, b.above, b.up_to, s.number AS step, s.stage, s.needed,
                            s.escalate_after_hours, a.role_id, a.account_id, coalesce(r.name, p.name, '') AS name, a.on_escalation
                       FROM practice.approval_band b
                       JOIN practice.approval_step s ON s.tenant_id = b.tenant_id AND s.band_id = b.id
                       JOIN practice.approval_approver a ON a.tenant_id = s.tenant_id AND a.step_id = s.id
                       LEFT JOIN identity.role r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
                       LEFT JOIN LATERAL practice.people_named(ARRAY[a.account_id]) p ON true
                      WHERE b.tenant_id = $1 AND b.edition_id = ANY ($2)
                      ORDER BY b.edition_id, b.number, s.number, a.on_escalation, a.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_edition: HashMap<Uuid, Vec<ApprovalBand>> = HashMap::new();
        for row in rows {
            add(by_edition.entry(row.edition_id).or_default(), row);
        }
        Ok(by_edition)
    }
}

crate::platform::connection!(
    /// A page of policies.
    ApprovalPolicyConnection, ApprovalPolicyEdge, ApprovalPolicy
);

/// Queries about policies.
#[derive(Default)]
pub struct ApprovalPolicyQuery;

#[Object]
impl ApprovalPolicyQuery {
    /// One policy; null if the id is unknown. Right: `work.approval.read`.
    async fn approval_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy's id.")] id: ApprovalPolicyId,
    ) -> async_graphql::Result<Option<ApprovalPolicy>> {
        Ok(ctx.load::<ApprovalPolicy>(id).await?)
    }

    /// The client's policies, newest first. Right: `work.approval.read`.
    async fn approval_policies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "True: also those that do not hold any more; only live ones if not said.")] ended: Option<
            bool,
        >,
    ) -> async_graphql::Result<ApprovalPolicyConnection> {
        let tx = ctx.tx(Can::ApprovalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let query = approval_policy::table.filter(approval_policy::tenant_id.eq(tx.tenant()?)).into_boxed();
            Ok(if ended.unwrap_or_default() { query } else { query.filter(approval_policy::ended_at.is_null()) })
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(approval_policy::id.lt(*id));
        }
        let page = page.order(approval_policy::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(ApprovalPolicy::as_select())).await?;
        Ok(ApprovalPolicyConnection::new(ctx, &slice, rows, |row: &ApprovalPolicy| encode("", row.id.0), total))
    }
}
