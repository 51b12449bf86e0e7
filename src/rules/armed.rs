//! A version of a rule, read: its condition and its texts as expressions, its actions as what they need.

use backoffice_conditions::{Broken, Expression, Shape, Template};

use super::action::{RuleAction, RuleWorkItem};
use super::subject::{self, Subject};
use crate::approvals::ApprovalSubject;
use crate::platform::can::Can;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{TeamId, UserId};
use crate::platform::outbox::EventKind;
use crate::webhooks::ids::WebhookEndpointId;

/// The most actions of a version.
const MOST_ACTIONS: usize = 5;
/// The most people that an action tells.
const MOST_PEOPLE: usize = 20;

/// A field that a rule may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Of a work item.
    Title,
    /// Of a work item.
    Description,
    /// Of a work item.
    Priority,
    /// Of a work item.
    DueOn,
    /// Of a work item.
    VisibleToClient,
    /// Of a customer or vendor.
    Active,
    /// Of a customer or vendor.
    PaymentTermsDays,
}

/// Fields by type of record, and the right to change them.
const FIELDS: &[(&str, &str, Field, Can)] = &[
    ("WorkItem", "title", Field::Title, Can::WorkItemManage),
    ("WorkItem", "description", Field::Description, Can::WorkItemManage),
    ("WorkItem", "priority", Field::Priority, Can::WorkItemManage),
    ("WorkItem", "dueOn", Field::DueOn, Can::WorkItemManage),
    ("WorkItem", "visibleToClient", Field::VisibleToClient, Can::WorkItemManage),
    ("Customer", "active", Field::Active, Can::CustomerManage),
    ("Customer", "paymentTermsDays", Field::PaymentTermsDays, Can::CustomerManage),
    ("Vendor", "active", Field::Active, Can::VendorManage),
    ("Vendor", "paymentTermsDays", Field::PaymentTermsDays, Can::VendorManage),
];

/// A work item that is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its title.
    pub title: Template,
    /// Its description.
    pub description: Option<Template>,
    /// Who does it.
    pub assignee: Option<UserId>,
    /// Which team does it.
    pub team: Option<TeamId>,
    /// The rest, as it was written.
    pub said: RuleWorkItem,
}

/// An action that is ready to be done.
#[derive(Clone, Debug)]
pub enum Ready {
    /// Opens a work item.
    Open(Box<Opening>),
    /// Tells people of a work item.
    Notify(Vec<UserId>),
    /// Sets a field.
    Set {
        /// Which.
        field: Field,
        /// As it was written.
        name: String,
        /// To what.
        value: Template,
        /// The right for it.
        right: Can,
    },
    /// Calls an endpoint.
    Call(WebhookEndpointId),
    /// Asks for an approval.
    Ask {
        /// Of what.
        subject: ApprovalSubject,
        /// What those who decide are told.
        note: Option<Template>,
    },
}

/// A version of a rule.
#[derive(Clone, Debug)]
pub struct Armed {
    /// The type of the records whose events it looks at.
    pub node_type: String,
    /// The kinds of events that it waits for.
    pub kinds: Vec<EventKind>,
    /// When it fires.
    pub condition: Expression,
    /// What it does.
    pub actions: Vec<Ready>,
}

fn broken(field: &str, broken: &Broken) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, broken.to_string())
}

fn template(field: &str, text: &str, shape: &Shape) -> Result<Template> {
    Template::parse(text, shape).map_err(|reason| broken(field, &reason))
}

impl Armed {
    /// Reads a version; refuses what cannot be run.
    pub fn parse(node_type: &str, kinds: Vec<EventKind>, condition: &str, actions: Vec<RuleAction>) -> Result<Self> {
        let shape = subject::shape(node_type);
        let condition = Expression::parse(condition, &shape).map_err(|reason| broken("condition", &reason))?;
        if actions.len() > MOST_ACTIONS {
            let message = format!("A rule has at most {MOST_ACTIONS} actions.");
            return Err(Error::refuse(UserErrorCode::Invalid, "actions", message));
        }
        let mut ready = Vec::new();
        for (at, action) in actions.into_iter().enumerate() {
            let opened = ready.iter().any(|one| matches!(one, Ready::Open(_)));
            ready.push(one(action, &format!("actions.{at}"), node_type, &shape, opened)?);
        }
        Ok(Self { node_type: node_type.to_owned(), kinds, condition, actions: ready })
    }

    /// What its condition sees of the record.
    #[must_use]
    pub fn subject(&self) -> Option<&'static Subject> {
        subject::subject(&self.node_type)
    }

    /// The rights that its publisher needs: to read the record, and to do what it does.
    #[must_use]
    pub fn rights(&self) -> Vec<Can> {
        let reads = self.kinds.iter().map(|kind| kind.can());
        let mut rights: Vec<Can> = reads.chain(self.actions.iter().flat_map(Ready::rights)).collect();
        rights.sort_unstable();
        rights.dedup();
        rights
    }
}

impl Ready {
    /// The rights that its publisher needs for it.
    #[must_use]
    pub fn rights(&self) -> Vec<Can> {
        match self {
            Self::Open(opening) if opening.assignee.is_some() || opening.team.is_some() => {
                vec![Can::WorkItemManage, Can::WorkItemAssign]
            }
            Self::Open(_) => vec![Can::WorkItemManage],
            Self::Notify(_) => vec![Can::WorkItemRead],
            Self::Set { right, .. } => vec![*right],
            Self::Call(_) => vec![Can::WebhookManage],
            Self::Ask { .. } => vec![Can::ApprovalRequest],
        }
    }
}

fn one(action: RuleAction, at: &str, node_type: &str, shape: &Shape, opened: bool) -> Result<Ready> {
    let refused = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    let RuleAction { open_work_item, notify, set_field, call_webhook, request_approval } = action;
    match (open_work_item, notify, set_field, call_webhook, request_approval) {
        (Some(said), None, None, None, None) => {
            if said.due_in_days.is_some_and(|days| !(0..=3650).contains(&days)) {
                return refused(&format!("{at}.openWorkItem.dueInDays"), "It is due in 0 to 3,650 days.");
            }
            let field = format!("{at}.openWorkItem.description");
            let description = said.description.as_deref().map(|text| template(&field, text, shape)).transpose()?;
            let assignee = said.assignee.as_ref().map(|id| {
                let field = format!("{at}.openWorkItem.assignee");
                UserId::parse(id).ok_or_else(|| Error::not_found(&field, "person who sees this client's work"))
            });
            let team = said.team.as_ref().map(|id| {
                let field = format!("{at}.openWorkItem.team");
                TeamId::parse(id).ok_or_else(|| Error::not_found(&field, "team that sees this client's work"))
            });
            Ok(Ready::Open(Box::new(Opening {
                title: template(&format!("{at}.openWorkItem.title"), &said.title, shape)?,
                description,
                assignee: assignee.transpose()?,
                team: team.transpose()?,
                said,
            })))
        }
        (None, Some(said), None, None, None) => {
            if !(1..=MOST_PEOPLE).contains(&said.people.len()) {
                return refused(&format!("{at}.notify.people"), "Name 1 to 20 people.");
            }
            if node_type != "WorkItem" && !opened {
                return refused(
                    &format!("{at}.notify"),
                    "There is no work item to tell of: open one in an action before.",
                );
            }
            let people = said.people.iter().enumerate().map(|(place, id)| {
                let field = format!("{at}.notify.people.{place}");
                UserId::parse(id).ok_or_else(|| Error::not_found(&field, "person who sees this client's work"))
            });
            Ok(Ready::Notify(people.collect::<Result<_>>()?))
        }
        (None, None, Some(said), None, None) => {
            let found = FIELDS.iter().find(|(of, name, _, _)| *of == node_type && *name == said.field);
            let Some((_, _, field, right)) = found else {
                let known: Vec<&str> =
                    FIELDS.iter().filter(|(of, _, _, _)| *of == node_type).map(|(_, name, _, _)| *name).collect();
                let message = match known.is_empty() {
                    true => "A rule sets no field of records of this type.".to_owned(),
                    false => format!("A rule sets of such a record: {}.", known.join(", ")),
                };
                return refused(&format!("{at}.setField.field"), &message);
            };
            let value = template(&format!("{at}.setField.value"), &said.value, shape)?;
            Ok(Ready::Set { field: *field, name: said.field, value, right: *right })
        }
        (None, None, None, Some(said), None) => {
            let field = format!("{at}.callWebhook.endpoint");
            let endpoint = WebhookEndpointId::parse(&said.endpoint);
            Ok(Ready::Call(endpoint.ok_or_else(|| Error::not_found(&field, "webhook endpoint"))?))
        }
        (None, None, None, None, Some(said)) => {
            let Some(subject) = ApprovalSubject::of(node_type) else {
                return refused(&format!("{at}.requestApproval"), "Records of this type need no approval.");
            };
            let field = format!("{at}.requestApproval.note");
            let note = said.note.as_deref().map(|text| template(&field, text, shape)).transpose()?;
            Ok(Ready::Ask { subject, note })
        }
        _ => refused(at, "An action does exactly one thing."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::action::{RuleNotify, RuleRequestApproval, RuleSetField};

    fn refused(action: RuleAction, node_type: &str) -> (String, String) {
        let kinds = subject::kinds_of(node_type);
        let Err(Error::Refused(reasons)) = Armed::parse(node_type, kinds, "true", vec![action]) else { panic!() };
        (reasons[0].field.join("."), reasons[0].message.clone())
    }

    fn opening(title: &str) -> RuleAction {
        let said = RuleWorkItem {
            title: title.to_owned(),
            description: None,
            kind: None,
            priority: None,
            due_in_days: None,
            assignee: None,
            team: None,
            service: None,
            visible_to_client: None,
        };
        RuleAction { open_work_item: Some(said), ..RuleAction::default() }
    }

    #[test]
    fn what_cannot_be_run_is_refused_where_it_stands() {
        let (field, message) = refused(opening("Look at {{ record.titel }}"), "WorkItem");
        assert_eq!(field, "input.actions.0.openWorkItem.title");
        assert!(message.starts_with("There is no `record.titel`; there is: "), "{message}");
        let (field, message) = refused(RuleAction::default(), "WorkItem");
        assert_eq!((field.as_str(), message.as_str()), ("input.actions.0", "An action does exactly one thing."));
        let set = |field: &str| RuleAction {
            set_field: Some(RuleSetField { field: field.to_owned(), value: "1".to_owned() }),
            ..RuleAction::default()
        };
        assert_eq!(refused(set("iban"), "Vendor").1, "A rule sets of such a record: active, paymentTermsDays.");
        assert_eq!(refused(set("gross"), "Invoice").1, "A rule sets no field of records of this type.");
        let notify = RuleAction {
            notify: Some(RuleNotify { people: vec![UserId::new().to_string().into()] }),
            ..RuleAction::default()
        };
        assert_eq!(refused(notify.clone(), "Invoice").0, "input.actions.0.notify");
        assert!(Armed::parse("WorkItem", Vec::new(), "true", vec![notify]).is_ok());
        let ask = RuleAction {
            request_approval: Some(RuleRequestApproval { note: Some("{{ record.vendorNam }}".to_owned()) }),
            ..RuleAction::default()
        };
        assert_eq!(refused(ask.clone(), "Invoice").0, "input.actions.0.requestApproval");
        assert_eq!(refused(ask, "Bill").0, "input.actions.0.requestApproval.note");
    }

    #[test]
    fn it_needs_the_rights_of_what_it_does() {
        let rule =
            Armed::parse("Invoice", vec![EventKind::InvoiceIssued], "record.gross > 5000", vec![opening("x")]).unwrap();
        assert_eq!(rule.rights(), [Can::InvoiceRead, Can::WorkItemManage]);
    }
}
