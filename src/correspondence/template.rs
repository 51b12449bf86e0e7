//! Templates of letters: what is written again and again, in the languages of those who read it. A change of wording is
//! another edition, so that what a letter was written from stays readable.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_letters::{Known, check};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::LetterTemplateId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::{FlagFilter, TextFilter};
use crate::platform::ids::new_uuid;
use crate::platform::input::{expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{letter_template, letter_template_text};

/// What letters can name. `fields` are the author's own, given with each merge.
pub(super) const KNOWN: &Known = &[
    ("recipient", &["name", "number", "email", "vat_number", "street", "postal_code", "city", "country", "address"]),
    ("client", &["name"]),
    ("letter", &["number", "date"]),
];
/// The most texts of one input.
const MOST_TEXTS: usize = 20;

/// What letters are written from.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = letter_template)]
#[graphql(complex)]
pub struct LetterTemplate {
    /// Global id.
    pub id: LetterTemplateId,
    /// The client's own short name for it, unique: small letters, digits and underscores.
    pub code: String,
    /// Name.
    pub name: String,
    /// Whether no new letters are written from it.
    pub retired: bool,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

/// The wording of a template in a language.
#[derive(QueryableByName, Clone, Debug)]
pub struct LetterTemplateText {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    template_id: LetterTemplateId,
    #[diesel(sql_type = Text)]
    pub(super) language: String,
    #[diesel(sql_type = Int4)]
    edition: i32,
    #[diesel(sql_type = Text)]
    pub(super) subject: String,
    #[diesel(sql_type = Text)]
    pub(super) body: String,
    #[diesel(sql_type = Text)]
    author_name: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime,
}

/// The wording of a template in a language.
#[Object]
impl LetterTemplateText {
    /// The language: `de`, `en`, `de-AT`.
    async fn language(&self) -> &str {
        &self.language
    }

    /// Counts the wordings of this template in this language, from 1.
    async fn edition(&self) -> i32 {
        self.edition
    }

    /// The subject, with its variables.
    async fn subject(&self) -> &str {
        &self.subject
    }

    /// The text, with its variables.
    async fn body(&self) -> &str {
        &self.body
    }

    /// The variables that it names, in their order by name: `fields.…` are given with each merge.
    async fn variables(&self) -> Vec<String> {
        let named = [&self.subject, &self.body].into_iter().filter_map(|text| check(text, KNOWN).ok());
        named.flat_map(|read| read.names).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Who wrote it: the name at that time.
    async fn author_name(&self) -> &str {
        &self.author_name
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime {
        self.created_at
    }
}

#[ComplexObject]
impl LetterTemplate {
    /// Its newest wording in each language, by language.
    async fn texts(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<LetterTemplateText>> {
        let mut all = ctx.load::<LetterTemplateText>(self.id).await?.unwrap_or_default();
        all.dedup_by(|later, before| later.language == before.language);
        Ok(all)
    }

    /// All its wordings, by language, the newest of each first; at most 100.
    async fn editions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<LetterTemplateText>> {
        Ok(ctx.load::<LetterTemplateText>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for LetterTemplate {
    type Key = LetterTemplateId;
    type Value = Self;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<LetterTemplateId>) -> Result<HashMap<LetterTemplateId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                letter_template::table
                    .filter(letter_template::tenant_id.eq(tx.tenant()?))
                    .filter(letter_template::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for LetterTemplateText {
    type Key = LetterTemplateId;
    type Value = Vec<Self>;
    const CAN: Can = Can::CorrespondenceRead;

    async fn fetch(tx: &Tx, keys: Vec<LetterTemplateId>) -> Result<HashMap<LetterTemplateId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT t.* FROM unnest($2::uuid[]) AS k (id)
                       CROSS JOIN LATERAL (
                         SELECT x.id, x.template_id, x.language, x.edition, x.subject, x.body, x.author_name, x.created_at
                           FROM practice.letter_template_text x
                          WHERE x.tenant_id = $1 AND x.template_id = k.id
                          ORDER BY x.language, x.edition DESC LIMIT 100) t
                      ORDER BY t.template_id, t.language, t.edition DESC")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_template: HashMap<LetterTemplateId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_template.entry(row.template_id).or_default().push(row);
        }
        Ok(by_template)
    }
}

/// The newest wording of a template in a language.
pub(super) async fn newest(tx: &Tx, template: LetterTemplateId, language: &str) -> Result<Option<LetterTemplateText>> {
    tx.maybe(
        sql("SELECT x.id, x.template_id, x.language, x.edition, x.subject, x.body, x.author_name, x.created_at
               FROM practice.letter_template_text x
              WHERE x.tenant_id = $1 AND x.template_id = $2 AND x.language = $3 ORDER BY x.edition DESC LIMIT 1")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(template)
        .bind::<Text, _>(language.to_owned()),
    )
    .await
}

crate::platform::connection!(
    /// A page of templates of letters.
    LetterTemplateConnection, LetterTemplateEdge, LetterTemplate
);

crate::platform::filter! {
    /// Narrows the list of templates.
    LetterTemplateFilter over letter_template {
        /// By code.
        code: TextFilter => text(letter_template::code),
        /// By name.
        name: TextFilter => text(letter_template::name),
        /// By whether new letters are written from it.
        retired: FlagFilter => flag(letter_template::retired),
    }
}

/// The wording of a template in a language. Variables stand in double braces, `{{ recipient.name }}`; a choice is written
/// `{% if fields.x is defined %} … {% else %} … {% endif %}`, and `{{ fields.x | default("…") }}` says what stands there
/// otherwise. A variable without a value is an error of its recipient, never a blank.
#[derive(InputObject, Clone, Debug)]
pub struct LetterTemplateTextInput {
    /// The language: `de`, `en`, `de-AT`.
    pub language: String,
    /// The subject, 1 to 1,000 characters.
    pub subject: String,
    /// The text, 1 to 20,000 characters. An empty line begins a paragraph.
    pub body: String,
}

/// A new template of letters.
#[derive(InputObject, Clone, Debug)]
pub struct LetterTemplateCreateInput {
    /// A short name for it, unique: small letters, digits and underscores, at most 40.
    pub code: String,
    /// Name, 1 to 200 characters.
    pub name: String,
    /// Its wording, in one language at least and at most 20.
    pub texts: Vec<LetterTemplateTextInput>,
}

/// Changes of a template: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct LetterTemplateUpdateInput {
    /// The template.
    pub id: LetterTemplateId,
    /// The version that was read; refused with `CONFLICT` if the template was changed since.
    pub expected_version: Option<i32>,
    /// Name, 1 to 200 characters.
    pub name: Option<String>,
    /// Whether no new letters are written from it.
    pub retired: Option<bool>,
    /// New wording: another edition of each language that is said. What is worded as before gives none.
    pub texts: Option<Vec<LetterTemplateTextInput>>,
}

crate::platform::payload! {
    /// What became of a template.
    LetterTemplatePayload {
        /// The template as it is now.
        letter_template: LetterTemplate
    }
}

/// A language as letters know it.
pub(super) fn check_language(field: &str, language: &str) -> Result<()> {
    let (main, region) = language.split_once('-').map_or((language, None), |(main, region)| (main, Some(region)));
    let good = main.len() == 2
        && main.bytes().all(|one| one.is_ascii_lowercase())
        && region.is_none_or(|region| region.len() == 2 && region.bytes().all(|one| one.is_ascii_uppercase()));
    if good {
        return Ok(());
    }
    Err(Error::refuse(UserErrorCode::Invalid, field, "A language is written `de`, `en` or `de-AT`."))
}

async fn add_texts(tx: &Tx, template: LetterTemplateId, texts: &[LetterTemplateTextInput]) -> Result<()> {
    if texts.len() > MOST_TEXTS {
        let message = format!("At most {MOST_TEXTS} wordings at once.");
        return Err(Error::refuse(UserErrorCode::Invalid, "texts", message));
    }
    for (at, text) in texts.iter().enumerate() {
        let field = |name: &str| format!("texts.{at}.{name}");
        check_language(&field("language"), &text.language)?;
        sized(&field("subject"), &text.subject, 1..=1000)?;
        sized(&field("body"), &text.body, 1..=20_000)?;
        for (name, text) in [("subject", &text.subject), ("body", &text.body)] {
            check(text, KNOWN).map_err(|reason| Error::refuse(UserErrorCode::Invalid, &field(name), reason))?;
        }
        if texts.iter().take(at).any(|other| other.language == text.language) {
            let message = "This language is said twice.";
            return Err(Error::refuse(UserErrorCode::Duplicate, &field("language"), message));
        }
        let before = newest(tx, template, &text.language).await?;
        if before.as_ref().is_some_and(|before| before.subject == text.subject && before.body == text.body) {
            continue;
        }
        tx.exec(diesel::insert_into(letter_template_text::table).values((
            letter_template_text::tenant_id.eq(tx.tenant()?),
            letter_template_text::id.eq(new_uuid()),
            letter_template_text::template_id.eq(template),
            letter_template_text::language.eq(text.language.clone()),
            letter_template_text::edition.eq(before.map_or(0, |before| before.edition).saturating_add(1)),
            letter_template_text::subject.eq(text.subject.clone()),
            letter_template_text::body.eq(text.body.clone()),
            letter_template_text::author_name.eq(tx.actor_name().to_owned()),
            letter_template_text::created_by.eq(tx.actor()),
        )))
        .await?;
    }
    Ok(())
}

async fn create(tx: &Tx, input: LetterTemplateCreateInput) -> Result<LetterTemplate> {
    let good = |code: &str| {
        (1..=40).contains(&code.len())
            && code.starts_with(|one: char| one.is_ascii_lowercase())
            && code.bytes().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_')
    };
    if !good(&input.code) {
        let message = "A code begins with a small letter and has small letters, digits and underscores, at most 40.";
        return Err(Error::refuse(UserErrorCode::Invalid, "code", message));
    }
    sized("name", &input.name, 1..=200)?;
    if input.texts.is_empty() {
        return Err(Error::refuse(
            UserErrorCode::Required,
            "texts",
            "A template has a wording in one language at least.",
        ));
    }
    let made: LetterTemplate = tx
        .row(
            diesel::insert_into(letter_template::table)
                .values((
                    letter_template::tenant_id.eq(tx.tenant()?),
                    letter_template::id.eq(LetterTemplateId::new()),
                    letter_template::code.eq(input.code),
                    letter_template::name.eq(input.name),
                ))
                .returning(LetterTemplate::as_returning()),
        )
        .await?;
    add_texts(tx, made.id, &input.texts).await?;
    emit(tx, EventKind::LetterTemplateCreated, made.id.0);
    Ok(made)
}

async fn update(tx: &Tx, input: LetterTemplateUpdateInput) -> Result<LetterTemplate> {
    if let Some(name) = &input.name {
        sized("name", name, 1..=200)?;
    }
    let found: Option<LetterTemplate> = tx
        .maybe(
            letter_template::table
                .filter(letter_template::tenant_id.eq(tx.tenant()?))
                .filter(letter_template::id.eq(input.id))
                .select(LetterTemplate::as_select())
                .for_no_key_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "template"))?;
    expect_version(input.expected_version, found.version, "template")?;
    add_texts(tx, found.id, &input.texts.unwrap_or_default()).await?;
    let changed: LetterTemplate = tx
        .row(
            diesel::update(letter_template::table)
                .filter(letter_template::tenant_id.eq(tx.tenant()?))
                .filter(letter_template::id.eq(input.id))
                .set((
                    letter_template::name.eq(input.name.unwrap_or(found.name)),
                    letter_template::retired.eq(input.retired.unwrap_or(found.retired)),
                ))
                .returning(LetterTemplate::as_returning()),
        )
        .await?;
    emit(tx, EventKind::LetterTemplateUpdated, changed.id.0);
    Ok(changed)
}

/// Queries of templates.
#[derive(Default)]
pub struct LetterTemplateQuery;

#[Object]
impl LetterTemplateQuery {
    /// One template of letters; null if the id is unknown. Right: `office.correspondence.read`.
    async fn letter_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: LetterTemplateId,
    ) -> async_graphql::Result<Option<LetterTemplate>> {
        Ok(ctx.load::<LetterTemplate>(id).await?)
    }

    /// The templates of letters, newest first. Right: `office.correspondence.read`.
    async fn letter_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only templates that match.")] filter: Option<LetterTemplateFilter>,
    ) -> async_graphql::Result<LetterTemplateConnection> {
        let tx = ctx.tx(Can::CorrespondenceRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<LetterTemplateFilter>| -> Result<_> {
            let mut query = letter_template::table.filter(letter_template::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(letter_template::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(letter_template::id.desc()).limit(slice.limit()).select(LetterTemplate::as_select()))
            .await?;
        Ok(LetterTemplateConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of templates.
#[derive(Default)]
pub struct LetterTemplateMutation;

#[Object]
impl LetterTemplateMutation {
    /// Makes a template of letters. Right: `office.letter_template.manage`.
    async fn letter_template_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new template.")] input: LetterTemplateCreateInput,
    ) -> async_graphql::Result<Option<LetterTemplatePayload>> {
        let tx = ctx.tx(Can::LetterTemplateManage).await?;
        LetterTemplatePayload::settle(ctx, create(tx, input).await)
    }

    /// Changes a template: what is omitted stays, new wording is another edition. Right: `office.letter_template.manage`.
    async fn letter_template_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: LetterTemplateUpdateInput,
    ) -> async_graphql::Result<Option<LetterTemplatePayload>> {
        let tx = ctx.tx(Can::LetterTemplateManage).await?;
        LetterTemplatePayload::settle(ctx, update(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::check_language;

    #[test]
    fn languages() {
        for good in ["de", "en", "de-AT"] {
            assert!(check_language("", good).is_ok(), "{good}");
        }
        for bad in ["", "d", "DE", "deu", "de-at", "de-", "de_AT", "de-AT-1", "é"] {
            assert!(check_language("", bad).is_err(), "{bad}");
        }
    }
}
