//! What an onboarding template says, and whether it can be: nothing of it is kept in a client, which gets records of its own
//! that can be changed from then on. It is kept as it is read, by the type of the argument itself.

use std::collections::BTreeSet;

use async_graphql::{InputObject, InputType, SimpleObject, Value};

use crate::approvals::ApprovalSubject;
use crate::approvals::policy::ApprovalOnEdit;
use crate::clocks::ids::ProviderCalendarId;
use crate::documents::fields::DocumentFieldKind;
use crate::identity::default_roles;
use crate::platform::can::Can;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::scalars::{CurrencyCode, Dec};

/// The most of anything that a template makes.
const MOST: usize = 50;

/// What a client begins with that is taken on by a template, beside what every client begins with.
#[derive(SimpleObject, InputObject, Clone, Debug, Default)]
#[graphql(input_name = "OnboardingContentInput")]
pub struct OnboardingContent {
    /// The calendar of the provider that the client's first calendar follows; null: it has Monday to Friday from 9 to 17.
    pub calendar: Option<ProviderCalendarId>,
    /// Whether the staff changes nothing of what services cover unless a live engagement covers it.
    #[graphql(default)]
    pub engagement_required: bool,
    /// Roles beside those that every client begins with.
    #[graphql(default)]
    pub roles: Vec<OnboardingRole>,
    /// What needs whose approval, one policy a subject.
    #[graphql(default)]
    pub approval_policies: Vec<OnboardingApprovalPolicy>,
    /// Types of documents.
    #[graphql(default)]
    pub document_types: Vec<OnboardingDocumentType>,
    /// The engagement that begins on the day on which the client is taken on; null: none.
    pub engagement: Option<OnboardingEngagement>,
    /// Work that is opened on that day, by templates of work.
    #[graphql(default)]
    pub checklists: Vec<OnboardingChecklist>,
}

/// A role that a client begins with.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingRoleInput")]
pub struct OnboardingRole {
    /// Name, 1 to 100 characters; none of those that every client begins with.
    pub name: String,
    /// The rights that it holds, at least one; none that is held for the provider.
    pub permissions: Vec<Can>,
}

/// A policy of approvals that a client begins with.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingApprovalPolicyInput")]
pub struct OnboardingApprovalPolicy {
    /// What it is about.
    pub subject: ApprovalSubject,
    /// Name, 1 to 100 characters.
    pub name: String,
    /// What becomes of a change of a record while it is under review; `VOID` if not said.
    pub on_edit: Option<ApprovalOnEdit>,
    /// Records of one counterparty within so many days count together, 1 to 366; each by itself if not said.
    pub split_days: Option<i32>,
    /// After so many hours an open request expires, 1 to 8,784; never if not said.
    pub expires_after_hours: Option<i32>,
    /// 1 to 50 bands. What has no amount has one band without bounds.
    pub bands: Vec<OnboardingApprovalBand>,
}

/// Amounts that a policy treats alike.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingApprovalBandInput")]
pub struct OnboardingApprovalBand {
    /// The currency; that of the client's books if not said.
    pub currency: Option<CurrencyCode>,
    /// Amounts above this; from nothing on if not said.
    pub above: Option<Dec>,
    /// Up to and with this; without limit if not said.
    pub up_to: Option<Dec>,
    /// Who approves, 1 to 20 steps.
    pub steps: Vec<OnboardingApprovalStep>,
}

/// So many of those who hold one of the roles approve.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingApprovalStepInput")]
pub struct OnboardingApprovalStep {
    /// From 1 on, none left out: steps of one stage are open beside each other. The first stage if not said.
    pub stage: Option<i32>,
    /// How many have to approve, 1 to 20; one if not said.
    pub needed: Option<i32>,
    /// Names of roles, of the template or of those that every client begins with: all who hold one of them may approve.
    pub roles: Vec<String>,
    /// After so many open hours those may approve as well who are named for that, 1 to 8,784.
    pub escalate_after_hours: Option<i32>,
    /// Names of roles: all who hold one of them may approve from then on. Needs `escalateAfterHours`.
    #[graphql(default)]
    pub escalate_to: Vec<String>,
}

/// A type of documents that a client begins with.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingDocumentTypeInput")]
pub struct OnboardingDocumentType {
    /// Name, 1 to 100 characters.
    pub name: String,
    /// Its fields, at most 50.
    #[graphql(default)]
    pub fields: Vec<OnboardingDocumentField>,
    /// Rights all of which somebody needs who sees its documents, beyond that to see documents; at most 10.
    #[graphql(default)]
    pub rights: Vec<Can>,
}

/// A field of a type of documents.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingDocumentFieldInput")]
pub struct OnboardingDocumentField {
    /// Its name: 1 to 40 characters, lower case letters, digits and underscores.
    pub name: String,
    /// What is shown beside it, 1 to 100 characters; its name if not said.
    pub label: Option<String>,
    /// What stands in it.
    pub kind: DocumentFieldKind,
    /// Whether a document has to say it.
    #[graphql(default)]
    pub required: bool,
    /// What can be chosen, 1 to 100 texts; of a choice only.
    #[graphql(default)]
    pub choices: Vec<String>,
}

/// The engagement that a client begins with.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingEngagementInput")]
pub struct OnboardingEngagement {
    /// Name, 1 to 200 characters.
    pub name: String,
    /// The codes of its services, from that day on.
    pub services: Vec<String>,
}

/// Work that a client begins with: the steps of a template of work, as one run of them, their due days counted from that day.
#[derive(SimpleObject, InputObject, Clone, Debug)]
#[graphql(input_name = "OnboardingChecklistInput")]
pub struct OnboardingChecklist {
    /// The code of the template of work; `{period}` in its titles stands for the day.
    pub template: String,
    /// The code of the service that it belongs to: one of the engagement's. Of none if not said.
    pub service: Option<String>,
}

fn refuse<T>(field: &str, message: &str) -> Result<T> {
    Err(Error::refuse(UserErrorCode::Invalid, field, message))
}

fn few(field: &str, count: usize) -> Result<()> {
    if count > MOST { refuse(field, "A template makes at most 50 of each kind.") } else { Ok(()) }
}

/// Refuses what is there twice, at its second place.
fn once<'a>(list: &str, field: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for (at, name) in names.enumerate() {
        if !seen.insert(name.trim()) {
            let message = "This is there twice.";
            return Err(Error::refuse(UserErrorCode::Duplicate, &format!("{list}.{at}.{field}"), message));
        }
    }
    Ok(())
}

fn of_a_client(rights: &[Can], field: &str) -> Result<()> {
    match rights.iter().position(|can| !default_roles::is_of_a_client(*can)) {
        Some(at) => refuse(&format!("{field}.{at}"), "This right is held for the provider, not in a client."),
        None => Ok(()),
    }
}

impl OnboardingContent {
    /// As it is kept.
    pub fn kept(&self) -> Result<serde_json::Value> {
        self.to_value().into_json().map_err(Error::fault)
    }

    /// From how it is kept. What another release has kept and this one does not know is refused, not passed over.
    pub fn read(kept: serde_json::Value) -> Result<Self> {
        let value = Value::from_json(kept).map_err(Error::fault)?;
        Self::parse(Some(value)).map_err(|error| {
            let why = error.into_server_error(async_graphql::Pos::default()).message;
            Error::refuse(
                UserErrorCode::State,
                "",
                format!("This template cannot be read any more; say it anew. {why}"),
            )
        })
    }

    /// Refuses what no client could begin with, as far as nothing has to be looked up for that.
    pub fn check(&self) -> Result<()> {
        for (list, count) in [
            ("roles", self.roles.len()),
            ("approvalPolicies", self.approval_policies.len()),
            ("documentTypes", self.document_types.len()),
            ("checklists", self.checklists.len()),
        ] {
            few(list, count)?;
        }
        self.check_roles()?;
        self.check_policies()?;
        once("documentTypes", "name", self.document_types.iter().map(|one| one.name.as_str()))?;
        for (at, kind) in self.document_types.iter().enumerate() {
            sized(&format!("documentTypes.{at}.name"), &kind.name, 1..=100)?;
            if kind.rights.len() > 10 {
                return refuse(&format!("documentTypes.{at}.rights"), "Name at most 10 rights.");
            }
            of_a_client(&kind.rights, &format!("documentTypes.{at}.rights"))?;
        }
        if let Some(engagement) = &self.engagement {
            sized("engagement.name", &engagement.name, 1..=200)?;
            few("engagement.services", engagement.services.len())?;
            let mut seen = BTreeSet::new();
            if let Some(at) = engagement.services.iter().position(|code| !seen.insert(code)) {
                return refuse(&format!("engagement.services.{at}"), "This is there twice.");
            }
        }
        for (at, list) in self.checklists.iter().enumerate() {
            let engaged = |code: &String| self.engagement.as_ref().is_some_and(|one| one.services.contains(code));
            if list.service.as_ref().is_some_and(|code| !engaged(code)) {
                let message = "Work of a service needs that service in the engagement of the template.";
                return refuse(&format!("checklists.{at}.service"), message);
            }
        }
        Ok(())
    }

    fn check_roles(&self) -> Result<()> {
        once("roles", "name", self.roles.iter().map(|one| one.name.as_str()))?;
        for (at, role) in self.roles.iter().enumerate() {
            sized(&format!("roles.{at}.name"), &role.name, 1..=100)?;
            if default_roles::names().any(|name| name == role.name.trim()) {
                let message = "Every client begins with a role of this name.";
                return Err(Error::refuse(UserErrorCode::Duplicate, &format!("roles.{at}.name"), message));
            }
            if role.permissions.is_empty() {
                let message = "A role holds at least one right.";
                return Err(Error::refuse(UserErrorCode::Required, &format!("roles.{at}.permissions"), message));
            }
            of_a_client(&role.permissions, &format!("roles.{at}.permissions"))?;
        }
        Ok(())
    }

    fn check_policies(&self) -> Result<()> {
        once("approvalPolicies", "subject", self.approval_policies.iter().map(|one| one.subject.text()))?;
        let known = |name: &String| {
            default_roles::names().any(|one| one == name.as_str()) || self.roles.iter().any(|role| role.name == *name)
        };
        for (at, policy) in self.approval_policies.iter().enumerate() {
            sized(&format!("approvalPolicies.{at}.name"), &policy.name, 1..=100)?;
            for (number, band) in policy.bands.iter().enumerate() {
                for (place, step) in band.steps.iter().enumerate() {
                    for (list, names) in [("roles", &step.roles), ("escalateTo", &step.escalate_to)] {
                        if let Some(lost) = names.iter().position(|name| !known(name)) {
                            let field = format!("approvalPolicies.{at}.bands.{number}.steps.{place}.{list}.{lost}");
                            return Err(Error::not_found(&field, "role in a client that begins with this template"));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> OnboardingContent {
        let step = OnboardingApprovalStep {
            stage: None,
            needed: None,
            roles: vec!["Controller".into(), "Accountant".into()],
            escalate_after_hours: None,
            escalate_to: Vec::new(),
        };
        let band = OnboardingApprovalBand { currency: None, above: None, up_to: None, steps: vec![step] };
        OnboardingContent {
            calendar: Some(ProviderCalendarId::new()),
            engagement_required: true,
            roles: vec![OnboardingRole { name: "Controller".into(), permissions: vec![Can::ReportRead] }],
            approval_policies: vec![OnboardingApprovalPolicy {
                subject: ApprovalSubject::Bill,
                name: "Bills".into(),
                on_edit: None,
                split_days: Some(7),
                expires_after_hours: None,
                bands: vec![band],
            }],
            document_types: Vec::new(),
            engagement: Some(OnboardingEngagement { name: "Letter".into(), services: vec!["books".into()] }),
            checklists: vec![OnboardingChecklist { template: "start".into(), service: Some("books".into()) }],
        }
    }

    #[test]
    fn what_is_kept_is_what_was_said() {
        let said = content();
        said.check().unwrap();
        let read = OnboardingContent::read(said.kept().unwrap()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{said:?}"));
        let mut torn = said.kept().unwrap();
        torn["roles"][0]["permissions"][0] = "FLY".into();
        let Err(Error::Refused(reasons)) = OnboardingContent::read(torn) else { panic!("it was read") };
        assert!(reasons[0].message.contains("FLY"), "{reasons:?}");
    }

    #[test]
    fn a_fault_is_found_at_its_place() {
        type Spoiled<'a> = (&'a dyn Fn(&mut OnboardingContent), &'a str);
        let wrong: [Spoiled<'_>; 8] = [
            (&|one| one.roles.push(one.roles[0].clone()), "roles.1.name"),
            (&|one| one.roles[0].name = "Auditor".into(), "roles.0.name"),
            (&|one| one.roles[0].permissions.clear(), "roles.0.permissions"),
            (&|one| one.roles[0].permissions.push(Can::ClientOnboard), "roles.0.permissions.1"),
            (
                &|one| one.approval_policies[0].bands[0].steps[0].roles.push("Nobody".into()),
                "approvalPolicies.0.bands.0.steps.0.roles.2",
            ),
            (&|one| one.approval_policies.push(one.approval_policies[0].clone()), "approvalPolicies.1.subject"),
            (&|one| one.checklists[0].service = Some("other".into()), "checklists.0.service"),
            (&|one| one.engagement.as_mut().unwrap().services.push("books".into()), "engagement.services.1"),
        ];
        for (spoil, field) in wrong {
            let mut one = content();
            spoil(&mut one);
            let Err(Error::Refused(reasons)) = one.check() else { panic!("{field} was accepted") };
            assert_eq!(reasons[0].field[1..].join("."), field);
        }
    }
}
