//! Making registers, and changing what their records say. A change that records would not survive is refused with the records
//! that it is about, unless they are to be kept as they are and listed.

use async_graphql::{Context, Object};
use backoffice_register_rules::{Change, Definition, Reader};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::{RegisterId, RegisterRecordId};
use super::quality;
use super::register::Register;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::register;

mod input;

pub use input::{RegisterCreateInput, RegisterMisfits, RegisterUpdateInput};

use input::{bounded, checked, fields, forms, kept, parts, refuse};

/// The most registers of one client.
const MOST: i64 = 200;
/// Records that are looked at in one statement.
const AT_ONCE: i64 = 2_000;
/// Records that are named where a definition is refused.
const NAMED: usize = 20;

crate::platform::payload! {
    /// What became of a register.
    RegisterPayload {
        /// The register as it is now.
        register: Register
    }
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
