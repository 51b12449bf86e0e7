//! Entering records: one, or many at once, of which all or the good ones are taken.

use std::collections::BTreeSet;

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use backoffice_register_rules::{Fault, FaultCode, Reader, Values};

use super::ids::RegisterId;
use super::intake::{Entry, Seen, insert, taken};
use super::record::{RegisterRecord, find};
use super::register::{Register, held};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::{Ask, settle};

/// The most records that are entered at once.
const MOST: usize = 500;
/// The most values of one record, before they are looked at.
const MOST_VALUES: usize = 200;
/// The most faults that are told at once.
const MOST_TOLD: usize = 500;

/// What a record says in a field.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterValueInput {
    /// The key of the field.
    pub field: String,
    /// What stands in it: a text, a number with a point (`"12.50"`), a day (`YYYY-MM-DD`), `true` or `false`, or the choice.
    /// Null or blank says nothing.
    pub value: Option<String>,
}

/// A new record.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterRecordCreateInput {
    /// The register.
    pub register: RegisterId,
    /// What it says, each field once.
    pub values: Vec<RegisterValueInput>,
}

/// A record among many.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterEntryInput {
    /// What it says, each field once.
    pub values: Vec<RegisterValueInput>,
}

/// What becomes of good records beside bad ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RegisterEntryMode {
    /// One bad record refuses them all.
    #[default]
    AllOrNothing,
    /// The good ones are entered, the bad ones left out and listed.
    GoodOnes,
}

/// Many new records.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterRecordsCreateInput {
    /// The register.
    pub register: RegisterId,
    /// The records, 1 to 500.
    pub records: Vec<RegisterEntryInput>,
    /// What becomes of good ones beside bad ones; `ALL_OR_NOTHING` if not said.
    #[graphql(default)]
    pub mode: RegisterEntryMode,
}

crate::platform::payload! {
    /// What became of a record of a register.
    RegisterRecordPayload {
        /// The record as it is now.
        register_record: RegisterRecord
    }
}

/// What is wrong with one of many records.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterEntryProblem {
    /// Which of the records, from 0.
    pub index: i32,
    /// The key of the field; null if it is about the record as a whole.
    pub field: Option<String>,
    /// What kind of problem.
    pub code: UserErrorCode,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// What became of many records.
#[derive(SimpleObject)]
pub struct RegisterRecordsCreatePayload {
    /// The records that were entered, in the order of the input; null if they were refused.
    pub register_records: Option<Vec<RegisterRecord>>,
    /// What is wrong, by record and field; the first 500. Bad records were left out, or refused them all.
    pub problems: Vec<RegisterEntryProblem>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

/// The pairs of what was said.
pub(super) fn pairs(values: &[RegisterValueInput]) -> impl Iterator<Item = (&str, Option<&str>)> {
    values.iter().map(|one| (one.field.as_str(), one.value.as_deref()))
}

/// What kind of refusal a fault is.
pub(super) fn code(fault: &Fault) -> UserErrorCode {
    match fault.code {
        FaultCode::Required => UserErrorCode::Required,
        FaultCode::Invalid => UserErrorCode::Invalid,
        FaultCode::Unknown => UserErrorCode::NotFound,
        FaultCode::Twice => UserErrorCode::Duplicate,
    }
}

/// Where a field stands in what was said: dotted below `input`, behind `before`.
pub(super) fn place(before: &str, values: &[RegisterValueInput], field: Option<&str>) -> Vec<String> {
    let said = field.and_then(|field| values.iter().rposition(|one| one.field == field));
    path(&match said {
        Some(at) => format!("{before}values.{at}.value"),
        None => format!("{before}values"),
    })
}

/// Refuses values whose number alone is too much.
pub(super) fn expect_few(values: &[RegisterValueInput], field: &str) -> Result<()> {
    if values.len() > MOST_VALUES {
        return Err(Error::refuse(UserErrorCode::Invalid, field, format!("At most {MOST_VALUES} values at once.")));
    }
    Ok(())
}

/// The sentence about a key that is held already. Which record holds it is told only to those who may read records.
pub(super) fn held_by(tx: &Tx, parts: &[String], by: impl std::fmt::Display) -> String {
    let parts = parts.join(", ");
    if tx.permissions().contains(&Can::RegisterRead) {
        format!("Another record says the same in {parts}: {by}.")
    } else {
        format!("Another record says the same in {parts}.")
    }
}

/// Reads entries and holds them against each other and against what is there: the good ones with their places, and what is
/// wrong with the others.
async fn sorted(
    tx: &Tx,
    register: &Register,
    said: &[&[RegisterValueInput]],
) -> Result<(Vec<(usize, Values)>, Vec<RegisterEntryProblem>)> {
    let reader = Reader::new(register.definition());
    let mut seen = Seen::default();
    let (mut good, mut problems) = (Vec::new(), Vec::new());
    let problem = |at: usize, field: Option<String>, code, message| {
        let index = i32::try_from(at).unwrap_or(i32::MAX);
        RegisterEntryProblem { index, field, code, message }
    };
    for (at, values) in said.iter().enumerate() {
        match reader.read(pairs(values)) {
            Err(faults) => problems.extend(faults.into_iter().map(|fault| {
                let code = code(&fault);
                problem(at, Some(fault.field), code, fault.message)
            })),
            Ok(values) => {
                let place = u64::try_from(at).unwrap_or(u64::MAX);
                let again = seen.note(register, &values, place);
                if again.is_empty() {
                    good.push((at, values));
                }
                for (parts, first) in again {
                    let message = format!("Record {first} says the same in {}.", parts.join(", "));
                    problems.push(problem(at, parts.into_iter().next(), UserErrorCode::Duplicate, message));
                }
            }
        }
    }
    let entries: Vec<&Values> = good.iter().map(|(_, values)| values).collect();
    let mut colliding = BTreeSet::new();
    for one in taken(tx, register, &entries, None).await? {
        let Some((at, _)) = good.get(one.at) else { continue };
        colliding.insert(*at);
        let message = held_by(tx, &one.parts, one.by);
        problems.push(problem(*at, one.parts.into_iter().next(), UserErrorCode::Duplicate, message));
    }
    good.retain(|(at, _)| !colliding.contains(at));
    problems.sort_by_key(|one| one.index);
    problems.truncate(MOST_TOLD);
    Ok((good, problems))
}

async fn create(tx: &Tx, input: RegisterRecordCreateInput) -> Result<RegisterRecord> {
    expect_few(&input.values, "values")?;
    let register = held(tx, input.register, "register").await?;
    let (good, problems) = sorted(tx, &register, &[&input.values]).await?;
    let Some((_, values)) = good.into_iter().next() else {
        let told = |one: RegisterEntryProblem| UserError {
            code: one.code,
            field: place("", &input.values, one.field.as_deref()),
            message: one.message,
        };
        return Err(Error::Refused(problems.into_iter().map(told).collect()));
    };
    let made = enter(tx, &register, vec![values]).await?;
    made.into_iter().next().ok_or_else(|| Error::fault("a record was not entered"))
}

async fn enter(tx: &Tx, register: &Register, entries: Vec<Values>) -> Result<Vec<RegisterRecord>> {
    let entries: Vec<Entry> = entries.into_iter().map(|values| Entry { values, imported_as: None }).collect();
    let ids = insert(tx, register, &entries).await?;
    for id in &ids {
        emit(tx, EventKind::RegisterRecordCreated, id.0);
    }
    // Ids rise in the order in which they were made.
    find(tx, ids.iter().map(|id| id.0).collect()).await
}

/// What came of many records, and what is wrong with some.
struct Entered {
    records: Result<Vec<RegisterRecord>>,
    problems: Vec<RegisterEntryProblem>,
}

async fn create_many(tx: &Tx, input: RegisterRecordsCreateInput) -> Result<Entered> {
    if input.records.is_empty() || input.records.len() > MOST {
        let message = format!("1 to {MOST} records are entered at once.");
        return Err(Error::refuse(UserErrorCode::Invalid, "records", message));
    }
    for (at, record) in input.records.iter().enumerate() {
        expect_few(&record.values, &format!("records.{at}.values"))?;
    }
    let register = held(tx, input.register, "register").await?;
    let said: Vec<&[RegisterValueInput]> = input.records.iter().map(|record| record.values.as_slice()).collect();
    let (good, problems) = sorted(tx, &register, &said).await?;
    if !problems.is_empty() && input.mode == RegisterEntryMode::AllOrNothing {
        let told = |one: &RegisterEntryProblem| {
            let at = usize::try_from(one.index).unwrap_or_default();
            let values = said.get(at).copied().unwrap_or_default();
            let field = place(&format!("records.{at}."), values, one.field.as_deref());
            UserError { code: one.code, field, message: one.message.clone() }
        };
        let refused = Error::Refused(problems.iter().map(told).collect());
        return Ok(Entered { records: Err(refused), problems });
    }
    let records = enter(tx, &register, good.into_iter().map(|(_, values)| values).collect()).await;
    Ok(Entered { records, problems })
}

/// Changes of records that enter new ones.
#[derive(Default)]
pub struct RegisterEntryMutation;

#[Object]
impl RegisterEntryMutation {
    /// Enters a record into a register. With critical fields it is unconfirmed until a second person has keyed them. Right:
    /// `office.register_record.enter`.
    async fn register_record_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new record.")] input: RegisterRecordCreateInput,
    ) -> async_graphql::Result<Option<RegisterRecordPayload>> {
        RegisterRecordPayload::settle(ctx, create(ctx.tx(Can::RegisterRecordEnter).await?, input).await)
    }

    /// Enters many records into a register: all of them or none, or the good ones. Right: `office.register_record.enter`.
    async fn register_records_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new records.")] input: RegisterRecordsCreateInput,
    ) -> async_graphql::Result<Option<RegisterRecordsCreatePayload>> {
        let (records, problems) = match create_many(ctx.tx(Can::RegisterRecordEnter).await?, input).await {
            Ok(entered) => (entered.records, entered.problems),
            Err(error) => (Err(error), Vec::new()),
        };
        let (register_records, user_errors) = settle(ctx, records)?;
        Ok(Some(RegisterRecordsCreatePayload { register_records, problems, user_errors }))
    }
}
