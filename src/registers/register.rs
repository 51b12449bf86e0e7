//! A register: what its records say, how they are kept apart, and the forms by which they are entered.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_register_rules::{Definition, Field, Kind};
use diesel::QueryableByName;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Jsonb, Text, Timestamptz, Uuid as SqlUuid};

use super::ids::RegisterId;
use super::quality::RegisterQuality;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::register;

crate::platform::words! {
    /// What stands in a field of a register.
    RegisterFieldKind {
        /// A text.
        Text = "text",
        /// An exact decimal number, written with a point: at most 15 digits before it and 8 behind it.
        Number = "number",
        /// A day, `YYYY-MM-DD`, between 1900 and 2200.
        Date = "date",
        /// `true` or `false`.
        Boolean = "boolean",
        /// One of the choices that the field names.
        Choice = "choice",
    }
}

impl From<Kind> for RegisterFieldKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Number => Self::Number,
            Kind::Date => Self::Date,
            Kind::Boolean => Self::Boolean,
            Kind::Choice => Self::Choice,
        }
    }
}

impl From<RegisterFieldKind> for Kind {
    fn from(kind: RegisterFieldKind) -> Self {
        match kind {
            RegisterFieldKind::Text => Self::Text,
            RegisterFieldKind::Number => Self::Number,
            RegisterFieldKind::Date => Self::Date,
            RegisterFieldKind::Boolean => Self::Boolean,
            RegisterFieldKind::Choice => Self::Choice,
        }
    }
}

/// A definition as it is kept, read once for all who look at its register.
#[derive(diesel::deserialize::FromSqlRow, Clone, Debug)]
pub struct Defined(pub Arc<Definition>);

impl diesel::deserialize::FromSql<Jsonb, Pg> for Defined {
    fn from_sql(bytes: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        let value = <serde_json::Value as diesel::deserialize::FromSql<Jsonb, Pg>>::from_sql(bytes)?;
        Ok(Self(Arc::new(serde_json::from_value(value)?)))
    }
}

/// A register of the client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = register)]
#[graphql(complex)]
pub struct Register {
    /// Global id.
    pub id: RegisterId,
    /// Its name for programs, unique in the client. It never changes.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// Counts definitions, from 1.
    pub edition: i32,
    #[graphql(skip)]
    #[diesel(deserialize_as = Defined)]
    pub(super) definition: Defined,
    /// When the record was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

/// What can be chosen in a field.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterChoice {
    /// What records say.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// A field of the records of a register.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterField {
    /// Its name among the fields.
    pub key: String,
    /// What is shown beside it.
    pub label: String,
    /// What helps whoever fills it in; empty if nothing does.
    pub help: String,
    /// What stands in it.
    pub kind: RegisterFieldKind,
    /// The most decimals, if it is a number.
    pub decimals: Option<i32>,
    /// Whether a record has to say it.
    pub required: bool,
    /// Whether a record is better that says it: it counts for the completeness of the data.
    pub wanted: bool,
    /// Whether somebody else has to key it a second time.
    pub critical: bool,
    /// Whether no two records say the same in it.
    pub unique: bool,
    /// What a text has to match as a whole: a regular expression without look-around and references back.
    pub pattern: Option<String>,
    /// The least number, or the first day.
    pub min: Option<String>,
    /// The largest number, or the last day.
    pub max: Option<String>,
    /// The least characters of a text.
    pub min_length: Option<i32>,
    /// The most characters of a text; 500 if not said.
    pub max_length: Option<i32>,
    /// What can be chosen, if it is a choice.
    pub choices: Vec<RegisterChoice>,
}

/// Fields that belong together.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterFields {
    /// Their keys.
    pub fields: Vec<String>,
}

/// A part of a form.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterFormSection {
    /// Its heading.
    pub title: String,
    /// What helps whoever fills it in; empty if nothing does.
    pub help: String,
    /// The keys of its fields, in their order.
    pub fields: Vec<String>,
}

/// How the fields of a register are laid out for whoever enters records.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterForm {
    /// Its name for programs, unique in the register.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// Its parts, in their order.
    pub sections: Vec<RegisterFormSection>,
}

/// A definition that a register has or had.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterEdition {
    /// Its number, from 1.
    pub number: i32,
    /// The name of whoever made it.
    pub made_by_name: String,
    /// When it was made.
    pub created_at: DateTime,
    /// The fields of records under it.
    pub fields: Vec<RegisterField>,
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn shown(definition: &Definition, field: &Field) -> RegisterField {
    RegisterField {
        key: field.key.clone(),
        label: field.label.clone(),
        help: field.help.clone(),
        kind: field.kind.into(),
        decimals: field.decimals.map(count),
        required: field.required,
        wanted: field.wanted,
        critical: field.critical,
        unique: definition.is_unique(&field.key),
        pattern: field.pattern.clone(),
        min: field.min.clone(),
        max: field.max.clone(),
        min_length: field.min_length.map(count),
        max_length: field.max_length.map(count),
        choices: field
            .choices
            .iter()
            .map(|one| RegisterChoice { value: one.value.clone(), label: one.label.clone() })
            .collect(),
    }
}

fn fields(definition: &Definition) -> Vec<RegisterField> {
    definition.fields.iter().map(|field| shown(definition, field)).collect()
}

impl Register {
    /// What it says of its records.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.definition.0
    }
}

#[ComplexObject]
impl Register {
    /// The fields of its records, in their order.
    async fn fields(&self) -> Vec<RegisterField> {
        fields(self.definition())
    }

    /// Fields that together no two records say alike, those of one field included. A record that leaves one of them empty is
    /// not held against the others.
    async fn keys(&self) -> Vec<RegisterFields> {
        self.definition().keys.iter().map(|parts| RegisterFields { fields: parts.clone() }).collect()
    }

    /// Fields in which two records that are alike, but for spelling, are perhaps one and the same.
    async fn duplicates(&self) -> Vec<RegisterFields> {
        self.definition().duplicates.iter().map(|parts| RegisterFields { fields: parts.clone() }).collect()
    }

    /// Its forms.
    async fn forms(&self) -> Vec<RegisterForm> {
        let section = |section: &backoffice_register_rules::Section| RegisterFormSection {
            title: section.title.clone(),
            help: section.help.clone(),
            fields: section.fields.clone(),
        };
        let form = |form: &backoffice_register_rules::Form| RegisterForm {
            code: form.code.clone(),
            name: form.name.clone(),
            sections: form.sections.iter().map(section).collect(),
        };
        self.definition().forms.iter().map(form).collect()
    }

    /// Its definitions, the latest first; at most 50.
    async fn editions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RegisterEdition>> {
        Ok(ctx.load::<RegisterEdition>(self.id).await?.unwrap_or_default())
    }

    /// How good its data are: complete, valid, confirmed and without duplicates. Records that are void do not count.
    async fn quality(&self, ctx: &Context<'_>) -> async_graphql::Result<RegisterQuality> {
        let quality = ctx.load::<RegisterQuality>(self.id).await?;
        Ok(quality.ok_or_else(|| Error::fault("a register that is seen has no quality"))?)
    }
}

impl Fetch for Register {
    type Key = RegisterId;
    type Value = Self;
    const CAN: Can = Can::RegisterRead;

    async fn fetch(tx: &Tx, keys: Vec<RegisterId>) -> Result<HashMap<RegisterId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                register::table
                    .filter(register::tenant_id.eq(tx.tenant()?))
                    .filter(register::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

#[derive(QueryableByName)]
struct EditionRow {
    #[diesel(sql_type = SqlUuid)]
    register_id: RegisterId,
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = Jsonb)]
    definition: Defined,
    #[diesel(sql_type = Text)]
    made_by_name: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime,
}

impl Fetch for RegisterEdition {
    type Key = RegisterId;
    type Value = Vec<Self>;
    const CAN: Can = Can::RegisterRead;

    async fn fetch(tx: &Tx, keys: Vec<RegisterId>) -> Result<HashMap<RegisterId, Vec<Self>>> {
        let rows: Vec<EditionRow> = tx
            .rows(
                sql("SELECT e.register_id, e.number, e.definition, e.made_by_name, e.created_at
                       FROM unnest($2::uuid[]) AS w (id)
                       CROSS JOIN LATERAL (SELECT * FROM practice.register_edition o
                                            WHERE o.tenant_id = $1 AND o.register_id = w.id ORDER BY o.number DESC LIMIT 50) e
                      ORDER BY e.register_id, e.number DESC")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<RegisterId, Vec<Self>> = HashMap::new();
        for row in rows {
            found.entry(row.register_id).or_default().push(Self {
                number: row.number,
                made_by_name: row.made_by_name,
                created_at: row.created_at,
                fields: fields(&row.definition.0),
            });
        }
        Ok(found)
    }
}

/// The register of that id, kept as it is until the transaction ends: records are written by its definition.
pub async fn held(tx: &Tx, id: RegisterId, field: &str) -> Result<Register> {
    let found = register::table
        .filter(register::tenant_id.eq(tx.tenant()?))
        .filter(register::id.eq(id))
        .select(Register::as_select())
        .for_share();
    tx.maybe(found).await?.ok_or_else(|| Error::not_found(field, "register"))
}

crate::platform::connection!(
    /// A page of registers.
    RegisterConnection, RegisterEdge, Register
);

/// Queries about registers.
#[derive(Default)]
pub struct RegisterDefinitionQuery;

#[Object]
impl RegisterDefinitionQuery {
    /// One register; null if the id is unknown. Right: `office.register.read`.
    async fn register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The register's id.")] id: RegisterId,
    ) -> async_graphql::Result<Option<Register>> {
        Ok(ctx.load::<Register>(id).await?)
    }

    /// The client's registers, the latest first. Right: `office.register.read`.
    async fn registers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<RegisterConnection> {
        let tx = ctx.tx(Can::RegisterRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own = || -> Result<_> { Ok(register::table.filter(register::tenant_id.eq(tx.tenant()?))) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?.into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(register::id.lt(*id));
        }
        let rows = tx.rows(page.order(register::id.desc()).limit(slice.limit()).select(Register::as_select())).await?;
        Ok(RegisterConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
