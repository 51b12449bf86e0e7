//! Onboarding templates: what clients of a kind begin with, as data of the provider's (`content.rs`). A client that is taken on
//! by one gets records of its own (`make.rs`); what becomes of the template later does not change it.

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Jsonb, Text, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::practice::ids::OnboardingTemplateId;
use crate::practice::schema::onboarding_template;

pub mod content;
pub mod make;

use content::OnboardingContent;

/// What clients of a kind begin with, beside what every client begins with.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = onboarding_template)]
#[graphql(complex)]
pub struct OnboardingTemplate {
    /// Global id.
    pub id: OnboardingTemplateId,
    /// Name, unique.
    pub name: String,
    #[graphql(skip)]
    content: serde_json::Value,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl OnboardingTemplate {
    /// What a client begins with.
    async fn content(&self) -> async_graphql::Result<OnboardingContent> {
        Ok(OnboardingContent::read(self.content.clone())?)
    }
}

crate::platform::connection!(
    /// A page of onboarding templates.
    OnboardingTemplateConnection, OnboardingTemplateEdge, OnboardingTemplate
);

/// A new onboarding template.
#[derive(InputObject, Clone, Debug)]
pub struct OnboardingTemplateCreateInput {
    /// Name, 1 to 100 characters, unique.
    pub name: String,
    /// What a client begins with.
    pub content: OnboardingContent,
}

/// Changes of an onboarding template: what is omitted stays. Clients that were taken on by it stay as they are.
#[derive(InputObject, Clone, Debug)]
pub struct OnboardingTemplateUpdateInput {
    /// The template.
    pub id: OnboardingTemplateId,
    /// The version that was read; refused with `CONFLICT` if the template was changed since.
    pub expected_version: Option<i32>,
    /// New name, 1 to 100 characters, unique.
    pub name: Option<String>,
    /// All that a client begins with from now on.
    pub content: Option<OnboardingContent>,
}

/// Names an onboarding template.
#[derive(InputObject, Clone, Debug)]
pub struct OnboardingTemplateDeleteInput {
    /// The template.
    pub id: OnboardingTemplateId,
    /// The version that was read; refused with `CONFLICT` if the template was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of an onboarding template.
    OnboardingTemplatePayload {
        /// The template as it is now, or was before it was deleted.
        onboarding_template: OnboardingTemplate
    }
}

#[derive(QueryableByName)]
struct There {
    #[diesel(sql_type = Bool)]
    there: bool,
}

/// Refuses what the template names and the provider does not have: at the place that names it.
pub(super) async fn check_named(tx: &Tx, content: &OnboardingContent) -> Result<()> {
    content.check()?;
    let mut named: Vec<(&str, String, String, &str)> = Vec::new();
    if let Some(calendar) = content.calendar {
        named.push(("calendar", calendar.0.to_string(), "calendar".to_owned(), "calendar of the provider"));
    }
    for (at, code) in content.engagement.iter().flat_map(|one| one.services.iter()).enumerate() {
        named.push(("service", code.clone(), format!("engagement.services.{at}"), "service"));
    }
    for (at, list) in content.checklists.iter().enumerate() {
        named.push(("work_template", list.template.clone(), format!("checklists.{at}.template"), "template of work"));
    }
    for (kind, name, field, what) in named {
        let found: There = tx
            .row(sql("SELECT practice.provider_has($1, $2) AS there").bind::<Text, _>(kind).bind::<Text, _>(name))
            .await?;
        if !found.there {
            return Err(Error::not_found(&field, what));
        }
    }
    Ok(())
}

async fn create(tx: &Tx, input: OnboardingTemplateCreateInput) -> Result<OnboardingTemplate> {
    sized("name", input.name.trim(), 1..=100)?;
    check_named(tx, &input.content).await.map_err(|error| error.below("content"))?;
    tx.row(
        diesel::insert_into(onboarding_template::table)
            .values((
                onboarding_template::id.eq(OnboardingTemplateId::new()),
                onboarding_template::name.eq(input.name.trim()),
                onboarding_template::content.eq(input.content.kept()?),
            ))
            .returning(OnboardingTemplate::as_returning()),
    )
    .await
}

async fn locked(tx: &Tx, id: OnboardingTemplateId, expected: Option<i32>) -> Result<OnboardingTemplate> {
    let one = onboarding_template::table
        .filter(onboarding_template::id.eq(id))
        .select(OnboardingTemplate::as_select())
        .for_update();
    let found: OnboardingTemplate = tx.maybe(one).await?.ok_or_else(|| Error::not_found("id", "template"))?;
    if expected.is_some_and(|expected| expected != found.version) {
        let message = "The template was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    Ok(found)
}

async fn update(tx: &Tx, input: OnboardingTemplateUpdateInput) -> Result<OnboardingTemplate> {
    let known = locked(tx, input.id, input.expected_version).await?;
    let name = input.name.unwrap_or(known.name);
    sized("name", name.trim(), 1..=100)?;
    let content = match &input.content {
        Some(content) => {
            check_named(tx, content).await.map_err(|error| error.below("content"))?;
            content.kept()?
        }
        None => known.content,
    };
    tx.row(
        diesel::update(onboarding_template::table.filter(onboarding_template::id.eq(input.id)))
            .set((
                onboarding_template::name.eq(name.trim()),
                onboarding_template::content.eq(content),
                onboarding_template::updated_at.eq(tx.now()),
                onboarding_template::version.eq(onboarding_template::version + 1),
            ))
            .returning(OnboardingTemplate::as_returning()),
    )
    .await
}

async fn delete(tx: &Tx, input: OnboardingTemplateDeleteInput) -> Result<OnboardingTemplate> {
    let known = locked(tx, input.id, input.expected_version).await?;
    tx.exec(diesel::delete(onboarding_template::table.filter(onboarding_template::id.eq(input.id)))).await?;
    Ok(known)
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Jsonb)]
    content: serde_json::Value,
}

/// A template for the client that is being taken on: its name, and what it says, checked.
pub(super) async fn of_founding(tx: &Tx, id: OnboardingTemplateId) -> Result<(String, OnboardingContent)> {
    let found: Option<Named> = tx
        .maybe(sql("SELECT t.name, t.content FROM practice.onboarding_template_named($1) t").bind::<SqlUuid, _>(id))
        .await?;
    let found = found.ok_or_else(|| Error::not_found("onboardingTemplate", "template"))?;
    let checked = async {
        let content = OnboardingContent::read(found.content)?;
        check_named(tx, &content).await?;
        Ok(content)
    };
    let checked: Result<OnboardingContent> = checked.await;
    Ok((found.name, checked.map_err(|error| error.below("onboardingTemplate"))?))
}

/// Queries about onboarding templates.
#[derive(Default)]
pub struct OnboardingTemplateQuery;

#[Object]
impl OnboardingTemplateQuery {
    /// The provider's onboarding templates, by name. Needs a token without client. Right: `practice.client.onboard`.
    async fn onboarding_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<OnboardingTemplateConnection> {
        let tx = ctx.provider(Can::ClientOnboard).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(onboarding_template::table.count()).await?)
        } else {
            None
        };
        let mut page = onboarding_template::table.into_boxed();
        if let Some((name, id)) = &slice.after {
            page = page.filter(
                onboarding_template::name
                    .gt(name.clone())
                    .or(onboarding_template::name.eq(name.clone()).and(onboarding_template::id.gt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((onboarding_template::name, onboarding_template::id))
                    .limit(slice.limit())
                    .select(OnboardingTemplate::as_select()),
            )
            .await?;
        Ok(OnboardingTemplateConnection::new(ctx, &slice, rows, |row| encode(&row.name, row.id.0), total))
    }
}

/// Changes of onboarding templates.
#[derive(Default)]
pub struct OnboardingTemplateMutation;

#[Object]
impl OnboardingTemplateMutation {
    /// Makes an onboarding template; `clientOnboard(onboardingTemplate)` takes a client on by it. Needs a token without client.
    /// Right: `practice.onboarding_template.manage`.
    async fn onboarding_template_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new template.")] input: OnboardingTemplateCreateInput,
    ) -> async_graphql::Result<Option<OnboardingTemplatePayload>> {
        let tx = ctx.provider(Can::OnboardingTemplateManage).await?;
        OnboardingTemplatePayload::settle(ctx, create(tx, input).await)
    }

    /// Changes an onboarding template, for clients that are taken on from then on. Needs a token without client. Right:
    /// `practice.onboarding_template.manage`.
    async fn onboarding_template_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: OnboardingTemplateUpdateInput,
    ) -> async_graphql::Result<Option<OnboardingTemplatePayload>> {
        let tx = ctx.provider(Can::OnboardingTemplateManage).await?;
        OnboardingTemplatePayload::settle(ctx, update(tx, input).await)
    }

    /// Deletes an onboarding template; clients that were taken on by it stay as they are. Needs a token without client. Right:
    /// `practice.onboarding_template.manage`.
    async fn onboarding_template_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The template.")] input: OnboardingTemplateDeleteInput,
    ) -> async_graphql::Result<Option<OnboardingTemplatePayload>> {
        let tx = ctx.provider(Can::OnboardingTemplateManage).await?;
        OnboardingTemplatePayload::settle(ctx, delete(tx, input).await)
    }
}
