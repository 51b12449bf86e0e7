//! Doing what a rule says, by the commands that mutations use, with the publisher's rights of the moment.

use async_graphql::{ID, MaybeUndefined, SimpleObject};
use backoffice_conditions::{Budget, Failure, Names, Template};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};

use super::armed::{Field, Opening, Ready};
use super::look::Seen;
use crate::approvals::decide::{self, Asked};
use crate::finance::ids::{CustomerId, VendorId};
use crate::finance::payables::vendor::{self, VendorUpdateInput};
use crate::finance::receivables::customer::{self, CustomerUpdateInput};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::WorkItemId;
use crate::platform::scalars::Date;
use crate::platform::sql::sql;
use crate::platform::withheld;
use crate::webhooks::ids::{WebhookDeliveryId, WebhookEndpointId};
use crate::work::item::WorkPriority;
use crate::work::item::change::{self, New, WorkItemCreateInput, WorkItemUpdateInput};
use crate::work::item::notice;

crate::platform::words! {
    /// What a rule has done.
    RuleEffectKind {
        /// It opened a work item.
        OpenedWorkItem = "opened_work_item",
        /// It told people of a work item.
        Notified = "notified",
        /// It set a field of a record.
        SetField = "set_field",
        /// It called a webhook endpoint.
        CalledWebhook = "called_webhook",
        /// It asked for the approval of a record, or found that there was nothing to ask for.
        AskedForApproval = "asked_for_approval",
    }
}

/// Something that a rule has done.
#[derive(SimpleObject, Serialize, Deserialize, Clone, Debug)]
pub struct RuleEffect {
    /// What.
    pub kind: RuleEffectKind,
    /// The id of the record: the work item that was opened or told of, the record that was changed, the delivery, the request for
    /// an approval, or the record itself where nothing was to be asked for.
    pub record: ID,
    /// In a sentence.
    pub says: String,
}

/// The longest note of a request for an approval, in characters.
const MOST_NOTE: usize = 2000;

fn failed(field: &str, failure: Failure) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, failure.message)
}

fn written(template: &Template, names: &Names) -> Result<String> {
    template.text(names, &mut Budget::default()).map_err(|failure| failed("", failure))
}

/// What an action would do, in a sentence.
pub fn told(action: &Ready, names: &Names) -> Result<String> {
    Ok(match action {
        Ready::Open(opening) => format!("Opens the work item \"{}\".", title(opening, names)?),
        Ready::Notify(people) if people.len() == 1 => "Tells 1 person.".to_owned(),
        Ready::Notify(people) => format!("Tells {} people.", people.len()),
        Ready::Set { field, name, value, .. } => {
            let value = written(value, names)?;
            check(*field, &value)?;
            format!("Sets `{name}` to \"{value}\".")
        }
        Ready::Call(_) => "Calls a webhook endpoint.".to_owned(),
        Ready::Ask { .. } => "Asks for the approval.".to_owned(),
    })
}

fn title(opening: &Opening, names: &Names) -> Result<String> {
    // What a record's own texts are made of may be longer than a title.
    Ok(written(&opening.title, names)?.chars().take(200).collect())
}

/// Does what a rule says, in order.
pub async fn perform(tx: &Tx, rule: &str, actions: &[Ready], seen: &Seen, names: &Names) -> Result<Vec<RuleEffect>> {
    let mut opened = None;
    let mut effects = Vec::new();
    for action in actions {
        for right in action.rights() {
            expect(tx, right).await?;
        }
        let mut says = told(action, names)?;
        let (kind, record) = match action {
            Ready::Open(opening) => {
                let item = open(tx, opening, seen, names).await?;
                opened = Some(item);
                (RuleEffectKind::OpenedWorkItem, item.to_string())
            }
            Ready::Notify(people) => {
                let item = opened.unwrap_or(WorkItemId(seen.node));
                notice::tell_by_rule(tx, item, rule, people.clone()).await?;
                (RuleEffectKind::Notified, item.to_string())
            }
            Ready::Set { field, value, .. } => {
                set(tx, *field, &written(value, names)?, seen).await?;
                (RuleEffectKind::SetField, seen.record_id())
            }
            Ready::Call(endpoint) => (RuleEffectKind::CalledWebhook, call(tx, *endpoint, seen).await?.to_string()),
            Ready::Ask { subject, note } => {
                let note = note.as_ref().map(|text| written(text, names)).transpose()?.unwrap_or_default();
                let note = note.chars().take(MOST_NOTE).collect();
                let record = match decide::ask(tx, *subject, seen.node, note).await? {
                    Asked::For(request) => request.to_string(),
                    // What somebody has asked for in the meantime is no failure of the rule.
                    Asked::Needless(why) => {
                        says = why.to_owned();
                        seen.record_id()
                    }
                };
                (RuleEffectKind::AskedForApproval, record)
            }
        };
        effects.push(RuleEffect { kind, record: ID(record), says });
    }
    Ok(effects)
}

/// Refuses what the publisher may not do at this moment.
pub async fn expect(tx: &Tx, right: Can) -> Result<()> {
    if tx.permissions().contains(&right) {
        return Ok(());
    }
    let message = format!("Whoever published it does not hold the right `{}` any more.", right.name());
    Err(withheld::refusal(tx, right, message).await)
}

async fn open(tx: &Tx, opening: &Opening, seen: &Seen, names: &Names) -> Result<WorkItemId> {
    use crate::work::item::WorkItemKind;
    let description = opening.description.as_ref().map(|text| written(text, names)).transpose()?;
    let said = &opening.said;
    let due_on = match said.due_in_days {
        Some(days) => {
            let days = chrono::Days::new(u64::try_from(days).unwrap_or_default());
            tx.today().checked_add_days(days).map(Date)
        }
        None => None,
    };
    let input = WorkItemCreateInput {
        kind: said.kind.unwrap_or(WorkItemKind::Task),
        title: title(opening, names)?,
        description,
        priority: said.priority,
        due_on,
        due: None,
        assignee: opening.assignee,
        team: opening.team,
        service: said.service.clone(),
        record: None,
        visible_to_client: said.visible_to_client,
        wanted: None,
        remind_after_days: None,
    };
    let about = Some((seen.kind.prefix().to_owned(), seen.node));
    Ok(change::create(tx, New { input, about }).await?.id)
}

fn wrong(message: &str) -> Error {
    Error::refuse(UserErrorCode::Invalid, "", message)
}

fn flag(value: &str) -> Result<bool> {
    value.parse().map_err(|_| wrong("This field is `true` or `false`."))
}

fn priority(value: &str) -> Result<WorkPriority> {
    WorkPriority::parse(&value.to_lowercase()).ok_or_else(|| wrong("A priority is LOW, NORMAL, HIGH or URGENT."))
}

fn day(value: &str) -> Result<Date> {
    value.parse().map(Date).map_err(|_| wrong("A day is written like `2026-01-31`."))
}

fn count(value: &str) -> Result<i32> {
    value.parse().map_err(|_| wrong("This field is a whole number."))
}

/// Refuses a value that the field cannot have.
fn check(field: Field, value: &str) -> Result<()> {
    match field {
        Field::Title | Field::Description => Ok(()),
        Field::Priority => priority(value).map(drop),
        Field::DueOn => day(value).map(drop),
        Field::VisibleToClient | Field::Active => flag(value).map(drop),
        Field::PaymentTermsDays => count(value).map(drop),
    }
}

async fn set(tx: &Tx, field: Field, value: &str, seen: &Seen) -> Result<()> {
    match (seen.kind.node_type(), field) {
        ("Customer", Field::Active | Field::PaymentTermsDays) => {
            let mut input = CustomerUpdateInput {
                id: CustomerId(seen.node),
                expected_version: None,
                name: None,
                email: MaybeUndefined::Undefined,
                vat_number: MaybeUndefined::Undefined,
                street: MaybeUndefined::Undefined,
                postal_code: MaybeUndefined::Undefined,
                city: MaybeUndefined::Undefined,
                payment_terms_days: None,
                iban: MaybeUndefined::Undefined,
                electronic_address: MaybeUndefined::Undefined,
                active: None,
            };
            match field {
                Field::Active => input.active = Some(flag(value)?),
                _ => input.payment_terms_days = Some(count(value)?),
            }
            customer::update(tx, input).await.map(drop)
        }
        ("Vendor", Field::Active | Field::PaymentTermsDays) => {
            let mut input = VendorUpdateInput {
                id: VendorId(seen.node),
                expected_version: None,
                name: None,
                email: MaybeUndefined::Undefined,
                vat_number: MaybeUndefined::Undefined,
                street: MaybeUndefined::Undefined,
                postal_code: MaybeUndefined::Undefined,
                city: MaybeUndefined::Undefined,
                payment_terms_days: None,
                iban: MaybeUndefined::Undefined,
                electronic_address: MaybeUndefined::Undefined,
                active: None,
            };
            match field {
                Field::Active => input.active = Some(flag(value)?),
                _ => input.payment_terms_days = Some(count(value)?),
            }
            vendor::update(tx, input).await.map(drop)
        }
        (_, field) => {
            let mut input = WorkItemUpdateInput {
                id: WorkItemId(seen.node),
                expected_version: None,
                title: None,
                description: None,
                priority: None,
                due_on: MaybeUndefined::Undefined,
                due: None,
                service: MaybeUndefined::Undefined,
                record: MaybeUndefined::Undefined,
                visible_to_client: None,
            };
            match field {
                Field::Title => input.title = Some(value.to_owned()),
                Field::Description => input.description = Some(value.to_owned()),
                Field::Priority => input.priority = Some(priority(value)?),
                Field::DueOn => input.due_on = MaybeUndefined::Value(day(value)?),
                Field::VisibleToClient => input.visible_to_client = Some(flag(value)?),
                Field::Active | Field::PaymentTermsDays => return Err(Error::fault("a work item has no such field")),
            }
            change::update(tx, input, None).await.map(drop)
        }
    }
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

async fn call(tx: &Tx, endpoint: WebhookEndpointId, seen: &Seen) -> Result<WebhookDeliveryId> {
    let id = WebhookDeliveryId::new();
    let called: Yes = tx
        .row(
            sql("SELECT core.webhook_call($1, $2, $3) AS yes")
                .bind::<SqlUuid, _>(id)
                .bind::<SqlUuid, _>(endpoint)
                .bind::<BigInt, _>(seen.position),
        )
        .await?;
    match called.yes {
        true => Ok(id),
        false => Err(Error::refuse(UserErrorCode::State, "", "The webhook endpoint is not active.")),
    }
}
