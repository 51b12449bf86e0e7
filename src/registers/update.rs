//! Changing records, and voiding those that should not count.

use async_graphql::{Context, InputObject, Object};
use backoffice_register_rules::{Reader, Values};
use diesel::prelude::*;

use super::enter::{RegisterRecordPayload, RegisterValueInput, code, expect_few, held_by, pairs, place};
use super::ids::RegisterRecordId;
use super::intake::taken;
use super::quality;
use super::record::{RegisterRecord, RegisterRecordState, again, locked};
use super::register::Register;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::schema::register_record;

/// Changes of a record.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterRecordUpdateInput {
    /// The record. Not void.
    pub id: RegisterRecordId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// What it says otherwise from now on, each field once: fields that are not named stay, null or blank clears. Changed in a
    /// critical field, the record is unconfirmed again.
    pub values: Vec<RegisterValueInput>,
}

/// A record that should not count.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterRecordVoidInput {
    /// The record. Not void.
    pub id: RegisterRecordId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Why, 1 to 1,000 characters.
    pub reason: String,
}

/// Refuses a record that somebody else has changed, or that is void.
pub(super) fn expect_live(record: &RegisterRecord, expected: Option<i32>) -> Result<()> {
    if expected.is_some_and(|expected| expected != record.version) {
        let message = "The record was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    if record.state == RegisterRecordState::Void {
        return Err(Error::refuse(UserErrorCode::State, "id", "A record that is void is not changed any more."));
    }
    Ok(())
}

/// Refuses values whose keys another record holds; `told` says where in the input a field stands.
pub(super) async fn expect_free(
    tx: &Tx,
    register: &Register,
    id: RegisterRecordId,
    values: &Values,
    told: impl Fn(Option<&str>) -> Vec<String>,
) -> Result<()> {
    let held = taken(tx, register, &[values], Some(id)).await?;
    let refusal = |one: super::intake::Taken| UserError {
        code: UserErrorCode::Duplicate,
        field: told(one.parts.first().map(String::as_str)),
        message: held_by(tx, &one.parts, one.by),
    };
    if held.is_empty() { Ok(()) } else { Err(Error::Refused(held.into_iter().map(refusal).collect())) }
}

async fn update(tx: &Tx, input: RegisterRecordUpdateInput) -> Result<RegisterRecord> {
    expect_few(&input.values, "values")?;
    let (register, found) = locked(tx, input.id, "id").await?;
    expect_live(&found, input.expected_version)?;
    let values = Reader::new(register.definition()).change(&found.said()?, pairs(&input.values)).map_err(|faults| {
        let told = faults.into_iter().map(|fault| UserError {
            code: code(&fault),
            field: place("", &input.values, Some(&fault.field)),
            message: fault.message,
        });
        Error::Refused(told.collect())
    })?;
    expect_free(tx, &register, found.id, &values, |field| place("", &input.values, field)).await?;
    tx.exec(
        diesel::update(register_record::table)
            .filter(register_record::tenant_id.eq(tx.tenant()?))
            .filter(register_record::id.eq(found.id))
            .set((
                register_record::fields.eq(serde_json::to_value(&values).map_err(Error::fault)?),
                register_record::edition.eq(register.edition),
            )),
    )
    .await?;
    quality::changed(tx, &register, found.id, Some(values)).await?;
    emit(tx, EventKind::RegisterRecordUpdated, found.id.0);
    again(tx, found.id).await
}

async fn void(tx: &Tx, input: RegisterRecordVoidInput) -> Result<RegisterRecord> {
    sized("reason", &input.reason, 1..=1000)?;
    let (register, found) = locked(tx, input.id, "id").await?;
    expect_live(&found, input.expected_version)?;
    tx.exec(
        diesel::update(register_record::table)
            .filter(register_record::tenant_id.eq(tx.tenant()?))
            .filter(register_record::id.eq(found.id))
            .set((
                register_record::state.eq(RegisterRecordState::Void),
                register_record::void_reason.eq(Some(input.reason)),
            )),
    )
    .await?;
    quality::changed(tx, &register, found.id, None).await?;
    emit(tx, EventKind::RegisterRecordVoided, found.id.0);
    again(tx, found.id).await
}

/// Changes of records that are there.
#[derive(Default)]
pub struct RegisterRecordMutation;

#[Object]
impl RegisterRecordMutation {
    /// Changes what a record says. Right: `office.register_record.enter`.
    async fn register_record_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: RegisterRecordUpdateInput,
    ) -> async_graphql::Result<Option<RegisterRecordPayload>> {
        RegisterRecordPayload::settle(ctx, update(ctx.tx(Can::RegisterRecordEnter).await?, input).await)
    }

    /// Voids a record: it stays, does not count any more, and its unique values are free again. Right:
    /// `office.register_record.enter`.
    async fn register_record_void(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record and the reason.")] input: RegisterRecordVoidInput,
    ) -> async_graphql::Result<Option<RegisterRecordPayload>> {
        RegisterRecordPayload::settle(ctx, void(ctx.tx(Can::RegisterRecordEnter).await?, input).await)
    }
}
