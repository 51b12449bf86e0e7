//! Making a policy, giving it another edition, ending it.

use std::collections::HashSet;

use async_graphql::{Context, InputObject, Object};
use backoffice_approval_rules::{Band, Step, check_steps, place};
use backoffice_money::{Currency, check_scale};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::ApprovalSubject;
use super::ids::ApprovalPolicyId;
use super::policy::{ApprovalOnEdit, ApprovalPolicy};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{RoleId, UserId};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CurrencyCode, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{approval_approver, approval_band, approval_edition, approval_policy, approval_step};

/// The most bands of a policy.
const MOST_BANDS: usize = 50;

/// So many of those who are named approve.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalStepInput {
    /// From 1 on, none left out: steps of one stage are open beside each other, the next stage begins when they are
    /// approved. The first stage if not said.
    pub stage: Option<i32>,
    /// How many have to approve, 1 to 20; one if not said. Each of a request's approvals is another person's.
    pub needed: Option<i32>,
    /// All who hold one of these roles may approve, at most 20.
    pub roles: Option<Vec<RoleId>>,
    /// These people may approve, at most 20: people who hold `work.approval.decide` in this client.
    pub people: Option<Vec<UserId>>,
    /// After so many open hours those named for that may approve as well, and the work item is urgent, 1 to 8,784.
    pub escalate_after_hours: Option<i32>,
    /// All who hold one of these roles may approve from then on. Needs `escalateAfterHours`.
    pub escalate_to: Option<Vec<RoleId>>,
}

/// Amounts that a policy treats alike. The bands of a currency lie side by side, and the last one has no end.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalBandInput {
    /// The currency; that of the books if not said. The books' own needs bands.
    pub currency: Option<CurrencyCode>,
    /// Amounts above this; from nothing on if not said. What lies below the first band needs no approval.
    pub above: Option<Dec>,
    /// Up to and with this; without limit if not said.
    pub up_to: Option<Dec>,
    /// Who approves, 1 to 20 steps.
    pub steps: Vec<ApprovalStepInput>,
}

/// A new policy.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalPolicyCreateInput {
    /// What it is about. A client has one live policy for each.
    pub subject: ApprovalSubject,
    /// Name, 1 to 100 characters.
    pub name: String,
    /// What becomes of a change of a record while it is under review; `VOID` if not said.
    pub on_edit: Option<ApprovalOnEdit>,
    /// Records of one counterparty within so many days count together, 1 to 366; each by itself if not said. Count do those
    /// that are through and those that an approval was asked for.
    pub split_days: Option<i32>,
    /// After so many hours an open request expires, 1 to 8,784; never if not said.
    pub expires_after_hours: Option<i32>,
    /// 1 to 50 bands. What has no amount has one band without bounds.
    pub bands: Vec<ApprovalBandInput>,
}

/// Another edition of a policy: it says all that the policy says from now on. Requests that are open keep theirs.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalPolicyUpdateInput {
    /// The policy. It has to hold.
    pub id: ApprovalPolicyId,
    /// The version that was read; refused with `CONFLICT` if the policy was changed since.
    pub expected_version: Option<i32>,
    /// Name, 1 to 100 characters; stays if omitted.
    pub name: Option<String>,
    /// What becomes of a change of a record while it is under review; `VOID` if not said.
    pub on_edit: Option<ApprovalOnEdit>,
    /// Records of one counterparty within so many days count together, 1 to 366; each by itself if not said.
    pub split_days: Option<i32>,
    /// After so many hours an open request expires, 1 to 8,784; never if not said.
    pub expires_after_hours: Option<i32>,
    /// 1 to 50 bands.
    pub bands: Vec<ApprovalBandInput>,
}

/// A policy that ends.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalPolicyEndInput {
    /// The policy. Its open requests are void, and what it was about needs no approval any more.
    pub id: ApprovalPolicyId,
    /// The version that was read; refused with `CONFLICT` if the policy was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a policy.
    ApprovalPolicyPayload {
        /// The policy as it is now.
        approval_policy: ApprovalPolicy
    }
}

/// What an edition says, as it came in.
struct Said {
    on_edit: Option<ApprovalOnEdit>,
    split_days: Option<i32>,
    expires_after_hours: Option<i32>,
    bands: Vec<ApprovalBandInput>,
}

fn refuse(field: &str, message: &str) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

fn check_range(field: &str, value: Option<i32>, most: i32, what: &str) -> Result<()> {
    match value {
        Some(value) if !(1..=most).contains(&value) => Err(refuse(field, &format!("This is 1 to {most} {what}."))),
        _ => Ok(()),
    }
}

fn steps_of(at: usize, steps: &[ApprovalStepInput]) -> Result<()> {
    let plain: Vec<Step> = steps
        .iter()
        .map(|step| Step {
            stage: step.stage.unwrap_or(1),
            needed: step.needed.unwrap_or(1),
            people: step.people.as_ref().map_or(0, Vec::len),
            roles: step.roles.as_ref().map_or(0, Vec::len),
        })
        .collect();
    check_steps(&plain).map_err(|fault| {
        let field = fault.step().map_or(format!("bands.{at}.steps"), |step| format!("bands.{at}.steps.{step}"));
        refuse(&field, &fault.to_string())
    })?;
    for (number, step) in steps.iter().enumerate() {
        let field = |name: &str| format!("bands.{at}.steps.{number}.{name}");
        for (name, count) in [
            ("roles", step.roles.as_ref().map_or(0, Vec::len)),
            ("people", step.people.as_ref().map_or(0, Vec::len)),
            ("escalateTo", step.escalate_to.as_ref().map_or(0, Vec::len)),
        ] {
            if count > 20 {
                return Err(refuse(&field(name), "At most 20 are named."));
            }
        }
        let people: Vec<UserId> = step.people.iter().flatten().copied().collect();
        if people.iter().collect::<HashSet<_>>().len() < people.len() {
            return Err(refuse(&field("people"), "Each person is named once."));
        }
        check_range(&field("escalateAfterHours"), step.escalate_after_hours, 8784, "hours")?;
        if step.escalate_after_hours.is_some() != step.escalate_to.as_ref().is_some_and(|roles| !roles.is_empty()) {
            return Err(refuse(
                &field("escalateTo"),
                "A step that escalates says after how many hours, and to which roles.",
            ));
        }
    }
    Ok(())
}

/// The bands with their places, checked.
fn bands_of(tx: &Tx, subject: ApprovalSubject, bands: &[ApprovalBandInput]) -> Result<(Vec<Band>, Vec<usize>)> {
    if bands.len() > MOST_BANDS {
        return Err(refuse("bands", "A policy has at most 50 bands."));
    }
    let mut plain = Vec::with_capacity(bands.len());
    for (at, band) in bands.iter().enumerate() {
        let currency = band.currency.as_ref().map_or(tx.book_currency(), |code| code.0.as_str());
        Currency::parse(currency).map_err(|error| refuse(&format!("bands.{at}.currency"), &error.to_string()))?;
        for (name, bound) in [("above", band.above), ("upTo", band.up_to)] {
            if let Some(bound) = bound {
                check_scale(bound.0, 4).map_err(|error| refuse(&format!("bands.{at}.{name}"), &error.to_string()))?;
            }
        }
        steps_of(at, &band.steps)?;
        plain.push(Band {
            currency: currency.to_owned(),
            above: band.above.map(|bound| bound.0),
            up_to: band.up_to.map(|bound| bound.0),
        });
    }
    let order = place(&plain, tx.book_currency()).map_err(|fault| {
        let field = fault.band().map_or("bands".to_owned(), |band| format!("bands.{band}"));
        refuse(&field, &fault.to_string())
    })?;
    let unbounded = |band: &Band| band.above.is_none() && band.up_to.is_none();
    let one_without_bounds = plain.len() == 1 && plain.iter().all(unbounded);
    if !subject.has_amounts() && !one_without_bounds {
        return Err(refuse("bands", "What has no amount has one band without bounds."));
    }
    Ok((plain, order))
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Bool)]
    held: bool,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = SqlUuid)]
    id: RoleId,
}

/// Refuses roles and people that this client does not have.
async fn check_named(tx: &Tx, bands: &[ApprovalBandInput]) -> Result<()> {
    let steps = || bands.iter().flat_map(|band| &band.steps);
    let named = |step: &ApprovalStepInput| -> Vec<RoleId> {
        step.roles.iter().chain(&step.escalate_to).flatten().copied().collect()
    };
    let roles: Vec<RoleId> = steps().flat_map(named).collect();
    let known: Vec<RoleId> = if roles.is_empty() {
        Vec::new()
    } else {
        let known: Vec<Known> = tx
            .rows(
                sql("SELECT id FROM identity.role WHERE tenant_id = $1 AND id = ANY ($2)")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<Array<SqlUuid>, _>(roles),
            )
            .await?;
        known.into_iter().map(|role| role.id).collect()
    };
    for (at, band) in bands.iter().enumerate() {
        for (number, step) in band.steps.iter().enumerate() {
            for (name, list) in [("roles", &step.roles), ("escalateTo", &step.escalate_to)] {
                if let Some(lost) = list.iter().flatten().position(|role| !known.contains(role)) {
                    return Err(Error::not_found(&format!("bands.{at}.steps.{number}.{name}.{lost}"), "role"));
                }
            }
            for (place, person) in step.people.iter().flatten().enumerate() {
                if !decides_here(tx, *person).await? {
                    let field = format!("bands.{at}.steps.{number}.people.{place}");
                    return Err(Error::not_found(&field, "person who may decide on approvals of this client"));
                }
            }
        }
    }
    Ok(())
}

/// Whether a person may decide on approvals of this client today.
pub(super) async fn decides_here(tx: &Tx, person: UserId) -> Result<bool> {
    let found: Held = tx
        .row(
            sql("SELECT practice.holds_here($1, $2) AS held")
                .bind::<SqlUuid, _>(person)
                .bind::<Text, _>(Can::ApprovalDecide.name()),
        )
        .await?;
    Ok(found.held)
}

/// What an edition says, with the places of its bands, once it was checked.
struct Checked {
    said: Said,
    plain: Vec<Band>,
    order: Vec<usize>,
}

async fn checked(tx: &Tx, subject: ApprovalSubject, said: Said) -> Result<Checked> {
    check_range("splitDays", said.split_days, 366, "days")?;
    check_range("expiresAfterHours", said.expires_after_hours, 8784, "hours")?;
    if said.split_days.is_some() && !subject.counts_together() {
        return Err(refuse("splitDays", "Records of this kind have no counterparty to count together by."));
    }
    let (plain, order) = bands_of(tx, subject, &said.bands)?;
    check_named(tx, &said.bands).await?;
    Ok(Checked { said, plain, order })
}

/// Writes what a policy says from now on, as its edition of that number.
async fn write(tx: &Tx, policy: ApprovalPolicyId, number: i32, checked: Checked) -> Result<()> {
    let Checked { said, plain, order } = checked;
    let tenant = tx.tenant()?;
    let edition = new_uuid();
    tx.exec(diesel::insert_into(approval_edition::table).values((
        approval_edition::tenant_id.eq(tenant),
        approval_edition::id.eq(edition),
        approval_edition::policy_id.eq(policy),
        approval_edition::number.eq(number),
        approval_edition::on_edit.eq(said.on_edit.unwrap_or(ApprovalOnEdit::Void)),
        approval_edition::split_days.eq(said.split_days),
        approval_edition::expires_after_hours.eq(said.expires_after_hours),
        approval_edition::made_by.eq(tx.actor()),
        approval_edition::made_by_name.eq(tx.actor_name().to_owned()),
    )))
    .await?;
    for (band_number, at) in (1_i32..).zip(order) {
        let (Some(bounds), Some(band)) = (plain.get(at), said.bands.get(at)) else { continue };
        let band_id = new_uuid();
        tx.exec(diesel::insert_into(approval_band::table).values((
            approval_band::tenant_id.eq(tenant),
            approval_band::id.eq(band_id),
            approval_band::edition_id.eq(edition),
            approval_band::number.eq(band_number),
            approval_band::currency.eq(bounds.currency.clone()),
            approval_band::above.eq(band.above),
            approval_band::up_to.eq(band.up_to),
        )))
        .await?;
        for (step_number, step) in (1_i32..).zip(&band.steps) {
            write_step(tx, band_id, step_number, step).await?;
        }
    }
    Ok(())
}

async fn write_step(tx: &Tx, band: Uuid, number: i32, step: &ApprovalStepInput) -> Result<()> {
    let tenant = tx.tenant()?;
    let id = new_uuid();
    tx.exec(diesel::insert_into(approval_step::table).values((
        approval_step::tenant_id.eq(tenant),
        approval_step::id.eq(id),
        approval_step::band_id.eq(band),
        approval_step::number.eq(number),
        approval_step::stage.eq(step.stage.unwrap_or(1)),
        approval_step::needed.eq(step.needed.unwrap_or(1)),
        approval_step::escalate_after_hours.eq(step.escalate_after_hours),
    )))
    .await?;
    let roles = step.roles.iter().flatten().map(|role| (Some(*role), None, false));
    let people = step.people.iter().flatten().map(|person| (None, Some(*person), false));
    let called = step.escalate_to.iter().flatten().map(|role| (Some(*role), None, true));
    for (role, person, on_escalation) in roles.chain(people).chain(called) {
        tx.exec(diesel::insert_into(approval_approver::table).values((
            approval_approver::tenant_id.eq(tenant),
            approval_approver::id.eq(new_uuid()),
            approval_approver::step_id.eq(id),
            approval_approver::role_id.eq(role),
            approval_approver::account_id.eq(person),
            approval_approver::on_escalation.eq(on_escalation),
        )))
        .await?;
    }
    Ok(())
}

/// Makes a policy, with its first edition.
pub async fn create(tx: &Tx, input: ApprovalPolicyCreateInput) -> Result<ApprovalPolicy> {
    let ApprovalPolicyCreateInput { subject, name, on_edit, split_days, expires_after_hours, bands } = input;
    sized("name", &name, 1..=100)?;
    let checked = checked(tx, subject, Said { on_edit, split_days, expires_after_hours, bands }).await?;
    let live: i64 = tx
        .row(
            approval_policy::table
                .filter(approval_policy::tenant_id.eq(tx.tenant()?))
                .filter(approval_policy::subject.eq(subject))
                .filter(approval_policy::ended_at.is_null())
                .count(),
        )
        .await?;
    if live > 0 {
        let message = "There is a policy for this already: change it, or end it first.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "subject", message));
    }
    let id = ApprovalPolicyId::new();
    let made: ApprovalPolicy = tx
        .row(
            diesel::insert_into(approval_policy::table)
                .values((
                    approval_policy::tenant_id.eq(tx.tenant()?),
                    approval_policy::id.eq(id),
                    approval_policy::subject.eq(subject),
                    approval_policy::name.eq(name),
                    approval_policy::edition.eq(1),
                ))
                .returning(ApprovalPolicy::as_returning()),
        )
        .await?;
    write(tx, id, 1, checked).await?;
    emit(tx, EventKind::ApprovalPolicyCreated, id.0);
    Ok(made)
}

/// The live policy of that id, locked until the transaction ends.
async fn locked(tx: &Tx, id: ApprovalPolicyId, expected_version: Option<i32>) -> Result<ApprovalPolicy> {
    let found: Option<ApprovalPolicy> = tx
        .maybe(
            approval_policy::table
                .filter(approval_policy::tenant_id.eq(tx.tenant()?))
                .filter(approval_policy::id.eq(id))
                .select(ApprovalPolicy::as_select())
                .for_no_key_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "policy"))?;
    if expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The policy was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    if found.ended_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This policy does not hold any more."));
    }
    Ok(found)
}

async fn update(tx: &Tx, input: ApprovalPolicyUpdateInput) -> Result<ApprovalPolicy> {
    let ApprovalPolicyUpdateInput { id, expected_version, name, on_edit, split_days, expires_after_hours, bands } =
        input;
    let found = locked(tx, id, expected_version).await?;
    let name = name.unwrap_or(found.name);
    sized("name", &name, 1..=100)?;
    let number = found.edition.saturating_add(1);
    let checked = checked(tx, found.subject, Said { on_edit, split_days, expires_after_hours, bands }).await?;
    write(tx, id, number, checked).await?;
    let changed = tx
        .row(
            diesel::update(approval_policy::table)
                .filter(approval_policy::tenant_id.eq(tx.tenant()?))
                .filter(approval_policy::id.eq(id))
                .set((approval_policy::name.eq(name), approval_policy::edition.eq(number)))
                .returning(ApprovalPolicy::as_returning()),
        )
        .await?;
    emit(tx, EventKind::ApprovalPolicyUpdated, id.0);
    Ok(changed)
}

async fn end(tx: &Tx, input: ApprovalPolicyEndInput) -> Result<ApprovalPolicy> {
    locked(tx, input.id, input.expected_version).await?;
    let ended = tx
        .row(
            diesel::update(approval_policy::table)
                .filter(approval_policy::tenant_id.eq(tx.tenant()?))
                .filter(approval_policy::id.eq(input.id))
                .set(approval_policy::ended_at.eq(Some(tx.now())))
                .returning(ApprovalPolicy::as_returning()),
        )
        .await?;
    super::request::tell_void(tx, None).await?;
    emit(tx, EventKind::ApprovalPolicyEnded, input.id.0);
    Ok(ended)
}

/// Changes of policies.
#[derive(Default)]
pub struct ApprovalPolicyMutation;

#[Object]
impl ApprovalPolicyMutation {
    /// Says what needs whose approval. Right: `work.approval_policy.manage`.
    async fn approval_policy_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new policy.")] input: ApprovalPolicyCreateInput,
    ) -> async_graphql::Result<Option<ApprovalPolicyPayload>> {
        ApprovalPolicyPayload::settle(ctx, create(ctx.tx(Can::ApprovalPolicyManage).await?, input).await)
    }

    /// Gives a policy another edition, which new requests are started under. Right: `work.approval_policy.manage`.
    async fn approval_policy_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it says from now on.")] input: ApprovalPolicyUpdateInput,
    ) -> async_graphql::Result<Option<ApprovalPolicyPayload>> {
        ApprovalPolicyPayload::settle(ctx, update(ctx.tx(Can::ApprovalPolicyManage).await?, input).await)
    }

    /// Ends a policy: its open requests are void. Right: `work.approval_policy.manage`.
    async fn approval_policy_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: ApprovalPolicyEndInput,
    ) -> async_graphql::Result<Option<ApprovalPolicyPayload>> {
        ApprovalPolicyPayload::settle(ctx, end(ctx.tx(Can::ApprovalPolicyManage).await?, input).await)
    }
}
