//! Making registers, and changing what their records say. A change that records would not survive is refused with the records
//! that it is about, unless they are to be kept as they are and listed.

use async_graphql::{Context, Enum, InputObject, Object};
use backoffice_register_rules::definition::{MOST_CHOICES, MOST_FIELDS, MOST_FORMS, MOST_KEYS, MOST_SECTIONS};
use backoffice_register_rules::{Change, Choice, Definition, Field, Form, Reader, Section, Wrong};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::{RegisterId, RegisterRecordId};
use super::quality;
use super::register::{Register, RegisterFieldKind};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::registers::register;
use crate::work::input::sized;

/// The most registers of one client.
const MOST: i64 = 200;
/// Records that are looked at in one statement.
const AT_ONCE: i64 = 2_000;
/// Records that are named where a definition is refused.
const NAMED: usize = 20;

/// What can be chosen in a field.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterChoiceInput {
    /// What records say, 1 to 100 characters.
    pub value: String,
    /// What is shown, 1 to 100 characters; the value if not said.
    pub label: Option<String>,
}

/// A field of the records of a register.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFieldInput {
    /// Its name among the fields: 1 to 40 characters, lower case letters, digits and underscores, a letter first.
    pub key: String,
    /// What is shown beside it, 1 to 100 characters; the key if not said.
    pub label: Option<String>,
    /// What helps whoever fills it in, at most 1,000 characters.
    pub help: Option<String>,
    /// What stands in it.
    pub kind: RegisterFieldKind,
    /// The most decimals of a number, 0 to 8; none if not said.
    pub decimals: Option<i32>,
    /// Whether a record has to say it; not if not said.
    pub required: Option<bool>,
    /// Whether a record is better that says it; not if not said.
    pub wanted: Option<bool>,
    /// Whether somebody else has to key it a second time; not if not said.
    pub critical: Option<bool>,
    /// Whether no two records say the same in it; not if not said.
    pub unique: Option<bool>,
    /// What a text has to match as a whole: a regular expression of at most 200 characters, without look-around and references
    /// back.
    pub pattern: Option<String>,
    /// The least number, or the first day.
    pub min: Option<String>,
    /// The largest number, or the last day.
    pub max: Option<String>,
    /// The least characters of a text.
    pub min_length: Option<i32>,
    /// The most characters of a text, 1 to 2,000; 500 if not said.
    pub max_length: Option<i32>,
    /// What can be chosen, 1 to 200; of a choice only.
    pub choices: Option<Vec<RegisterChoiceInput>>,
}

/// Fields that belong together, by their keys.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFieldsInput {
    /// 1 to 5 keys of fields.
    pub fields: Vec<String>,
}

/// A part of a form.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFormSectionInput {
    /// Its heading, 1 to 100 characters.
    pub title: String,
    /// What helps whoever fills it in, at most 1,000 characters.
    pub help: Option<String>,
    /// The keys of its fields, in their order; each field once in a form.
    pub fields: Vec<String>,
}

/// How the fields are laid out for whoever enters records.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterFormInput {
    /// Its name for programs: 1 to 40 characters, lower case letters, digits and underscores.
    pub code: String,
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// Its parts, 1 to 50. Every field that has to be said stands in one of them.
    pub sections: Vec<RegisterFormSectionInput>,
}

/// A new register.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterCreateInput {
    /// Its name for programs, unique in the client: 1 to 40 characters, lower case letters, digits and underscores, a letter
    /// first. It never changes.
    pub code: String,
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// The fields of its records, 1 to 100.
    pub fields: Vec<RegisterFieldInput>,
    /// Fields that together no two records say alike, beside those that are unique alone; at most 10 altogether.
    pub keys: Option<Vec<RegisterFieldsInput>>,
    /// Fields in which two records that are alike, but for spelling, are perhaps one and the same; at most 5 rules.
    pub duplicates: Option<Vec<RegisterFieldsInput>>,
    /// Its forms, at most 20.
    pub forms: Option<Vec<RegisterFormInput>>,
}

/// What becomes of records that another definition does not fit.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RegisterMisfits {
    /// The change is refused, and says which records they are.
    #[default]
    Refuse,
    /// They stay as they are, and count as not valid until they are changed.
    Keep,
}

/// Changes of a register: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterUpdateInput {
    /// The register.
    pub id: RegisterId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Its name for people, 1 to 100 characters.
    pub name: Option<String>,
    /// All fields of its records from now on. One in which something stands keeps its kind, and does not go.
    pub fields: Option<Vec<RegisterFieldInput>>,
    /// All fields from now on that together no two records say alike, beside those that are unique alone.
    pub keys: Option<Vec<RegisterFieldsInput>>,
    /// All rules for duplicates from now on.
    pub duplicates: Option<Vec<RegisterFieldsInput>>,
    /// All its forms from now on.
    pub forms: Option<Vec<RegisterFormInput>>,
    /// What becomes of records that the new definition does not fit; `REFUSE` if not said. Two records that a new key would
    /// not keep apart refuse it in any case.
    #[graphql(default)]
    pub misfits: RegisterMisfits,
}

crate::payload! {
    /// What became of a register.
    RegisterPayload {
        /// The register as it is now.
        register: Register
    }
}

fn refuse(field: &str, message: impl Into<String>) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

/// Refuses lists whose length alone is too much, before anything of them is copied.
fn bounded(
    fields: Option<&Vec<RegisterFieldInput>>,
    keys: Option<&Vec<RegisterFieldsInput>>,
    forms: Option<&Vec<RegisterFormInput>>,
) -> Result<()> {
    if fields.is_some_and(|fields| fields.len() > MOST_FIELDS) {
        return Err(refuse("fields", format!("A register has at most {MOST_FIELDS} fields.")));
    }
    let many = |field: &RegisterFieldInput| field.choices.as_ref().is_some_and(|some| some.len() > MOST_CHOICES);
    if let Some(at) = fields.and_then(|fields| fields.iter().position(many)) {
        return Err(refuse(&format!("fields.{at}.choices"), format!("A choice is made among at most {MOST_CHOICES}.")));
    }
    if keys.is_some_and(|keys| keys.len() > MOST_KEYS) {
        return Err(refuse("keys", format!("A register has at most {MOST_KEYS} keys.")));
    }
    let many = |form: &RegisterFormInput| form.sections.len() > MOST_SECTIONS;
    if forms.is_some_and(|forms| forms.len() > MOST_FORMS || forms.iter().any(many)) {
        let message = format!("A register has at most {MOST_FORMS} forms, each of at most {MOST_SECTIONS} sections.");
        return Err(refuse("forms", message));
    }
    Ok(())
}

/// The fields as they are kept, and the keys of those that are unique alone.
fn fields(input: Vec<RegisterFieldInput>) -> Result<(Vec<Field>, Vec<Vec<String>>)> {
    let mut unique = Vec::new();
    let mut fields = Vec::with_capacity(input.len());
    for (at, field) in input.into_iter().enumerate() {
        let natural = |number: Option<i32>, name: &str| {
            let wrong = || refuse(&format!("fields.{at}.{name}"), "This is a number from 0 on.");
            number.map(|number| u32::try_from(number).map_err(|_| wrong())).transpose()
        };
        if field.unique.unwrap_or_default() {
            unique.push(vec![field.key.clone()]);
        }
        let choice = |one: RegisterChoiceInput| Choice {
            label: one.label.unwrap_or_else(|| one.value.clone()),
            value: one.value,
        };
        fields.push(Field {
            label: field.label.unwrap_or_else(|| field.key.clone()),
            help: field.help.unwrap_or_default(),
            kind: field.kind.into(),
            decimals: natural(field.decimals, "decimals")?,
            required: field.required.unwrap_or_default(),
            wanted: field.wanted.unwrap_or_default(),
            critical: field.critical.unwrap_or_default(),
            pattern: field.pattern,
            min: field.min,
            max: field.max,
            min_length: natural(field.min_length, "minLength")?,
            max_length: natural(field.max_length, "maxLength")?,
            choices: field.choices.unwrap_or_default().into_iter().map(choice).collect(),
            key: field.key,
        });
    }
    Ok((fields, unique))
}

fn parts(input: Vec<RegisterFieldsInput>) -> Vec<Vec<String>> {
    input.into_iter().map(|one| one.fields).collect()
}

fn forms(input: Vec<RegisterFormInput>) -> Vec<Form> {
    let section = |one: RegisterFormSectionInput| Section {
        title: one.title,
        help: one.help.unwrap_or_default(),
        fields: one.fields,
    };
    input
        .into_iter()
        .map(|form| Form {
            code: form.code,
            name: form.name,
            sections: form.sections.into_iter().map(section).collect(),
        })
        .collect()
}

/// Refuses a definition that is wrong, at the places of the input. `alone`: how many keys come from fields that are unique.
fn checked(definition: Definition, alone: usize) -> Result<Definition> {
    let place = |wrong: Wrong| {
        let at = match wrong.at.strip_prefix("keys.").map(str::parse::<usize>) {
            Some(Ok(number)) if number < alone => "fields".to_owned(),
            Some(Ok(number)) => format!("keys.{}", number.saturating_sub(alone)),
            _ => wrong.at,
        };
        UserError { code: UserErrorCode::Invalid, field: path(&at), message: wrong.message }
    };
    match definition.check() {
        Ok(()) => Ok(definition),
        Err(wrong) => Err(Error::Refused(wrong.into_iter().map(place).collect())),
    }
}

fn kept(definition: &Definition) -> Result<serde_json::Value> {
    serde_json::to_value(definition).map_err(Error::fault)
}

async fn create(tx: &Tx, input: RegisterCreateInput) -> Result<Register> {
    if !backoffice_register_rules::definition::is_name(&input.code) {
        let message = "A code has 1 to 40 characters: lower case letters, digits and underscores, a letter first.";
        return Err(refuse("code", message));
    }
    sized("name", &input.name, 1..=100)?;
    bounded(Some(&input.fields), input.keys.as_ref(), input.forms.as_ref())?;
    let (fields, mut keys) = fields(input.fields)?;
    let alone = keys.len();
    keys.extend(parts(input.keys.unwrap_or_default()));
    let definition = Definition {
        fields,
        keys,
        duplicates: parts(input.duplicates.unwrap_or_default()),
        forms: forms(input.forms.unwrap_or_default()),
    };
    let definition = checked(definition, alone)?;
    let count: i64 = tx.row(register::table.filter(register::tenant_id.eq(tx.tenant()?)).count()).await?;
    if count >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A client has at most {MOST} registers.")));
    }
    tx.row(
        diesel::insert_into(register::table)
            .values((
                register::tenant_id.eq(tx.tenant()?),
                register::id.eq(RegisterId::new()),
                register::code.eq(input.code),
                register::name.eq(input.name),
                register::definition.eq(kept(&definition)?),
            ))
            .returning(Register::as_returning()),
    )
    .await
    .inspect(|made: &Register| emit(tx, EventKind::RegisterCreated, made.id.0))
}

#[derive(QueryableByName)]
struct Used {
    #[diesel(sql_type = Text)]
    field: String,
    #[diesel(sql_type = BigInt)]
    records: i64,
}

#[derive(QueryableByName)]
struct Alike {
    #[diesel(sql_type = Text)]
    key_name: String,
    #[diesel(sql_type = Array<SqlUuid>)]
    records: Vec<Uuid>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    fields: serde_json::Value,
}

/// Refuses to drop fields, or to make them another kind, in which something stands.
async fn expect_unused(tx: &Tx, id: RegisterId, dropped: Vec<String>) -> Result<()> {
    if dropped.is_empty() {
        return Ok(());
    }
    let used: Vec<Used> = tx
        .rows(
            sql("SELECT v.field, count(*) AS records FROM practice.register_value v
                  WHERE v.tenant_id = $1 AND v.register_id = $2 AND v.field = ANY ($3) GROUP BY v.field ORDER BY v.field")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(id.0)
                .bind::<Array<Text>, _>(dropped),
        )
        .await?;
    let told = |one: Used| UserError {
        code: UserErrorCode::State,
        field: path("fields"),
        message: format!(
            "{} records say something in \"{}\": it keeps its kind, and does not go. Add another field instead.",
            one.records, one.field
        ),
    };
    if used.is_empty() { Ok(()) } else { Err(Error::Refused(used.into_iter().map(told).collect())) }
}

/// Refuses keys that would not keep apart records that are there.
async fn expect_apart(tx: &Tx, id: RegisterId, definition: &Definition) -> Result<()> {
    let alike: Vec<Alike> = tx
        .rows(
            sql("SELECT d.key_name, (array_agg(r.id ORDER BY r.id))[1:3] AS records
                   FROM practice.register_record r CROSS JOIN LATERAL practice.register_digests($3, r.fields) AS d
                  WHERE r.tenant_id = $1 AND r.register_id = $2 AND r.state <> 'void'
                  GROUP BY d.key_name, d.digest HAVING count(*) > 1 ORDER BY 1, 2 LIMIT 20")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id.0)
            .bind::<Jsonb, _>(serde_json::to_value(&definition.keys).map_err(Error::fault)?),
        )
        .await?;
    let told = |one: Alike| {
        let ids: Vec<String> = one.records.into_iter().map(|id| RegisterRecordId(id).to_string()).collect();
        let message = format!("{} say the same in {}.", ids.join(" and "), one.key_name.replace('+', ", "));
        UserError { code: UserErrorCode::Duplicate, field: path("keys"), message }
    };
    if alike.is_empty() { Ok(()) } else { Err(Error::Refused(alike.into_iter().map(told).collect())) }
}

/// Looks at every record under another definition: gives those that do not fit it, and writes likenesses anew where asked.
async fn looked_at(
    tx: &Tx,
    id: RegisterId,
    definition: &Definition,
    change: &Change,
) -> Result<(Vec<Uuid>, Vec<UserError>)> {
    let reader = Reader::new(definition);
    let (mut misfits, mut told) = (Vec::new(), Vec::new());
    let mut after = Uuid::nil();
    if change.likeness {
        quality::forget_likeness(tx, id).await?;
    }
    loop {
        let rows: Vec<Row> = tx
            .rows(
                sql("SELECT r.id, r.fields FROM practice.register_record r
                      WHERE r.tenant_id = $1 AND r.register_id = $2 AND r.id > $3 AND r.state <> 'void' ORDER BY r.id LIMIT $4")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<SqlUuid, _>(id.0)
                    .bind::<SqlUuid, _>(after)
                    .bind::<BigInt, _>(AT_ONCE),
            )
            .await?;
        let Some(last) = rows.last() else { return Ok((misfits, told)) };
        after = last.id;
        let mut alike = Vec::with_capacity(rows.len());
        for row in rows {
            let values = serde_json::from_value(row.fields).map_err(Error::fault)?;
            let faults = reader.faults(&values);
            if let Some(fault) = faults.first() {
                misfits.push(row.id);
                if told.len() < NAMED {
                    let at = definition.fields.iter().position(|field| field.key == fault.field).unwrap_or_default();
                    let message = format!("{}: {}", RegisterRecordId(row.id), fault.message);
                    let field = path(&format!("fields.{at}"));
                    told.push(UserError { code: UserErrorCode::State, field, message });
                }
            }
            alike.push((RegisterRecordId(row.id), values));
        }
        if change.likeness {
            quality::note_likeness(tx, id, definition, &alike).await?;
        }
    }
}

async fn update(tx: &Tx, input: RegisterUpdateInput) -> Result<Register> {
    let one = || -> Result<_> {
        Ok(register::table.filter(register::tenant_id.eq(tx.tenant()?)).filter(register::id.eq(input.id)))
    };
    // Whoever writes records waits, and whoever has begun to is waited for.
    let found: Option<Register> = tx.maybe(one()?.select(Register::as_select()).for_no_key_update()).await?;
    let found = found.ok_or_else(|| Error::not_found("id", "register"))?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The register was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    let name = input.name.unwrap_or_else(|| found.name.clone());
    sized("name", &name, 1..=100)?;
    bounded(input.fields.as_ref(), input.keys.as_ref(), input.forms.as_ref())?;
    let before = found.definition();
    let (single, joint): (Vec<_>, Vec<_>) = before.keys.iter().cloned().partition(|parts| parts.len() == 1);
    let (fields, mut keys) = match input.fields {
        Some(fields_) => fields(fields_)?,
        None => (before.fields.clone(), single),
    };
    let alone = keys.len();
    keys.extend(input.keys.map_or(joint, parts));
    let definition = Definition {
        fields,
        keys,
        duplicates: input.duplicates.map_or_else(|| before.duplicates.clone(), parts),
        forms: input.forms.map_or_else(|| before.forms.clone(), forms),
    };
    let definition = checked(definition, alone)?;
    let change = Change::between(before, &definition);
    expect_unused(tx, found.id, change.dropped.clone()).await?;
    if change.new_keys {
        expect_apart(tx, found.id, &definition).await?;
    }
    if change.looks_at_records() {
        let (misfits, mut told) = looked_at(tx, found.id, &definition, &change).await?;
        if change.rules && !misfits.is_empty() && input.misfits == RegisterMisfits::Refuse {
            let message = format!(
                "{} records do not fit this definition. Change them first, or say `misfits: KEEP`.",
                misfits.len()
            );
            told.insert(0, UserError { code: UserErrorCode::State, field: path("misfits"), message });
            return Err(Error::Refused(told));
        }
        quality::replace_misfits(tx, found.id, &misfits).await?;
    }
    tx.row(
        diesel::update(one()?)
            .set((register::name.eq(name), register::definition.eq(kept(&definition)?)))
            .returning(Register::as_returning()),
    )
    .await
    .inspect(|changed: &Register| emit(tx, EventKind::RegisterUpdated, changed.id.0))
}

/// Changes of registers.
#[derive(Default)]
pub struct RegisterDefinitionMutation;

#[Object]
impl RegisterDefinitionMutation {
    /// Makes a register. Right: `office.register.manage`.
    async fn register_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new register.")] input: RegisterCreateInput,
    ) -> async_graphql::Result<Option<RegisterPayload>> {
        RegisterPayload::settle(ctx, create(ctx.tx(Can::RegisterManage).await?, input).await)
    }

    /// Changes a register: its name, or what its records say. Right: `office.register.manage`.
    async fn register_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: RegisterUpdateInput,
    ) -> async_graphql::Result<Option<RegisterPayload>> {
        RegisterPayload::settle(ctx, update(ctx.tx(Can::RegisterManage).await?, input).await)
    }
}
