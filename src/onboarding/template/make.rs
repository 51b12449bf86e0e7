//! What a template makes in the client that is being taken on, in the transaction that founds it.

use std::collections::HashMap;

use async_graphql::{Enum, ID, SimpleObject};

use super::content::{OnboardingApprovalPolicy, OnboardingApprovalStep, OnboardingContent, OnboardingDocumentField};
use crate::approvals::policy_change::{self, ApprovalBandInput, ApprovalPolicyCreateInput, ApprovalStepInput};
use crate::documents::kind::{self, DocumentTypeFieldInput};
use crate::identity::role;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::RoleId;
use crate::platform::scalars::Date;
use crate::practice::engagement::{self, EngagementCreateInput, EngagementServiceInput};
use crate::work::recurring;
use crate::work::template;

/// What sort of record was made.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnboardedKind {
    /// A business calendar, which follows one of the provider.
    BusinessCalendar,
    /// A role.
    Role,
    /// A type of documents.
    DocumentType,
    /// A policy of approvals.
    ApprovalPolicy,
    /// An engagement.
    Engagement,
    /// A work item.
    WorkItem,
}

/// A record that was made of an onboarding template. It is the client's, and can be changed as any other.
#[derive(SimpleObject, Clone, Debug)]
pub struct OnboardedRecord {
    /// What sort of record it is.
    pub kind: OnboardedKind,
    /// The record.
    pub record: ID,
    /// Its name or its title.
    pub name: String,
}

impl OnboardedRecord {
    /// A record that was made.
    pub fn new(kind: OnboardedKind, record: impl std::fmt::Display, name: impl Into<String>) -> Self {
        Self { kind, record: ID(record.to_string()), name: name.into() }
    }
}

fn step(step: OnboardingApprovalStep, roles: &HashMap<String, RoleId>) -> Result<ApprovalStepInput> {
    let named = |names: Vec<String>| -> Result<Vec<RoleId>> {
        let role = |name: &String| roles.get(name).copied().ok_or_else(|| Error::fault("a role was not made"));
        names.iter().map(role).collect()
    };
    Ok(ApprovalStepInput {
        stage: step.stage,
        needed: step.needed,
        roles: Some(named(step.roles)?),
        people: None,
        escalate_after_hours: step.escalate_after_hours,
        escalate_to: (!step.escalate_to.is_empty()).then(|| named(step.escalate_to)).transpose()?,
    })
}

fn policy(policy: OnboardingApprovalPolicy, roles: &HashMap<String, RoleId>) -> Result<ApprovalPolicyCreateInput> {
    let bands: Result<Vec<ApprovalBandInput>> = policy
        .bands
        .into_iter()
        .map(|band| {
            let steps: Result<Vec<ApprovalStepInput>> = band.steps.into_iter().map(|one| step(one, roles)).collect();
            Ok(ApprovalBandInput { currency: band.currency, above: band.above, up_to: band.up_to, steps: steps? })
        })
        .collect();
    Ok(ApprovalPolicyCreateInput {
        subject: policy.subject,
        name: policy.name,
        on_edit: policy.on_edit,
        split_days: policy.split_days,
        expires_after_hours: policy.expires_after_hours,
        bands: bands?,
    })
}

fn field(field: OnboardingDocumentField) -> DocumentTypeFieldInput {
    DocumentTypeFieldInput {
        name: field.name,
        label: field.label,
        kind: field.kind,
        required: Some(field.required),
        choices: (!field.choices.is_empty()).then_some(field.choices),
    }
}

/// Makes what a template says, in its order. What is refused is refused at its place in the template.
pub async fn make(tx: &Tx, content: OnboardingContent) -> Result<Vec<OnboardedRecord>> {
    let mut made = Vec::new();
    for (at, one) in content.roles.into_iter().enumerate() {
        let role =
            role::lay(tx, one.name, &one.permissions).await.map_err(|error| error.below(&format!("roles.{at}")))?;
        made.push(OnboardedRecord::new(OnboardedKind::Role, role.id, role.name));
    }
    for (at, one) in content.document_types.into_iter().enumerate() {
        let fields = one.fields.into_iter().map(field).collect();
        let kind = kind::lay(tx, one.name, fields, &one.rights).await;
        let kind = kind.map_err(|error| error.below(&format!("documentTypes.{at}")))?;
        made.push(OnboardedRecord::new(OnboardedKind::DocumentType, kind.id, kind.name));
    }
    let roles = role::by_name(tx).await?;
    for (at, one) in content.approval_policies.into_iter().enumerate() {
        let policy = policy_change::create(tx, policy(one, &roles)?).await;
        let policy = policy.map_err(|error| error.below(&format!("approvalPolicies.{at}")))?;
        made.push(OnboardedRecord::new(OnboardedKind::ApprovalPolicy, policy.id, policy.name));
    }
    if let Some(one) = content.engagement {
        let service = |service| EngagementServiceInput { service, from: None, until: None };
        let input = EngagementCreateInput {
            name: one.name,
            from: Date(tx.today()),
            until: None,
            services: Some(one.services.into_iter().map(service).collect()),
        };
        let engagement = engagement::create(tx, input).await.map_err(|error| error.below("engagement"))?;
        made.push(OnboardedRecord::new(OnboardedKind::Engagement, engagement.id, engagement.name));
    }
    for (at, one) in content.checklists.into_iter().enumerate() {
        let at = format!("checklists.{at}");
        let template = template::named(tx, &one.template).await?;
        let template = template.ok_or_else(|| Error::not_found(&format!("{at}.template"), "template of work"))?;
        let opened = recurring::lay_once(tx, &template, one.service).await.map_err(|error| error.below(&at))?;
        made.extend(opened.into_iter().map(|(id, title)| OnboardedRecord::new(OnboardedKind::WorkItem, id, title)));
    }
    Ok(made)
}
