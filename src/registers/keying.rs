//! Double keying: a second person keys the critical values of a record without seeing them; where the two differ, a third one
//! decides. Who may do which, and what comes of it, the database says (migrations/0202_register_keying).

use std::collections::{BTreeMap, HashMap};

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use backoffice_register_rules::{Reader, Values};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::enter::{RegisterRecordPayload, RegisterValueInput, expect_few, place};
use super::ids::RegisterRecordId;
use super::quality;
use super::record::{RegisterRecord, RegisterRecordState, again, locked};
use super::register::Register;
use super::update::{expect_free, expect_live};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// A critical value in which two people differ.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterDifference {
    /// The key of the field.
    pub field: String,
    /// What the record says; null if nothing.
    pub first: Option<String>,
    /// What the second person has keyed; null if nothing.
    pub second: Option<String>,
}

/// One time that somebody has keyed critical values again, or decided on them.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct RegisterKeying {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    record_id: Uuid,
    #[diesel(sql_type = Int4)]
    #[graphql(skip)]
    round: i32,
    #[diesel(sql_type = Int4)]
    #[graphql(skip)]
    place: i32,
    #[diesel(sql_type = Jsonb)]
    #[graphql(skip)]
    fields: serde_json::Value,
    /// Whether the record was confirmed by it: both have said the same, or it was decided.
    #[diesel(sql_type = Bool)]
    pub agreed: bool,
    /// The name of whoever did it.
    #[diesel(sql_type = Text)]
    pub keyed_by_name: String,
    /// When it was done.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
}

impl Fetch for RegisterKeying {
    type Key = RegisterRecordId;
    type Value = Vec<Self>;
    const CAN: Can = Can::RegisterRead;

    async fn fetch(tx: &Tx, keys: Vec<RegisterRecordId>) -> Result<HashMap<RegisterRecordId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT k.record_id, k.round, k.place, k.fields, k.agreed, k.keyed_by_name, k.created_at
                       FROM unnest($2::uuid[]) AS w (id)
                       CROSS JOIN LATERAL (SELECT * FROM practice.register_keying o WHERE o.tenant_id = $1 AND o.record_id = w.id
                                            ORDER BY o.round DESC, o.place DESC LIMIT 20) k
                      ORDER BY k.record_id, k.round DESC, k.place DESC")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<RegisterRecordId, Vec<Self>> = HashMap::new();
        for row in rows {
            found.entry(RegisterRecordId(row.record_id)).or_default().push(row);
        }
        Ok(found)
    }
}

/// What the second person has said, of the keyings of a record that waits for a decision.
fn second(record: &RegisterRecord, keyings: &[RegisterKeying]) -> Result<Values> {
    let of = |one: &&RegisterKeying| one.round == record.round && one.place == 2;
    let keying = keyings.iter().find(of).ok_or_else(|| Error::fault("a difference without a second keying"))?;
    serde_json::from_value(keying.fields.clone()).map_err(Error::fault)
}

/// The critical values in which a record and its second keying differ.
pub(super) fn differences(
    register: &Register,
    record: &RegisterRecord,
    keyings: &[RegisterKeying],
) -> Result<Vec<RegisterDifference>> {
    let (values, second) = (record.said()?, second(record, keyings)?);
    let critical = register.definition().fields.iter().filter(|field| field.critical);
    let differing = critical.filter(|field| values.get(&field.key) != second.get(&field.key));
    let told = differing.map(|field| RegisterDifference {
        field: field.key.clone(),
        first: values.get(&field.key).cloned(),
        second: second.get(&field.key).cloned(),
    });
    Ok(told.collect())
}

/// Critical values, keyed a second time.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterRecordKeyInput {
    /// The record. Unconfirmed, and keyed by somebody else.
    pub id: RegisterRecordId,
    /// The critical values as they are to be: of critical fields only. One that is not named, null or blank is said to be
    /// empty.
    pub values: Vec<RegisterValueInput>,
}

/// Whose value is taken.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterTake {
    /// What the record says.
    First,
    /// What the second person has keyed.
    Second,
}

/// Whose value of a field is taken.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterTakeInput {
    /// The key of the field.
    pub field: String,
    /// Whose value.
    pub take: RegisterTake,
}

/// What is decided of a record whose critical values differ.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterRecordDecideInput {
    /// The record, in the state `DIFFERENT`, keyed by two others.
    pub id: RegisterRecordId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Whose value is taken, for each field of `differences`.
    pub take: Vec<RegisterTakeInput>,
}

async fn note(tx: &Tx, record: &RegisterRecord, place: i32, values: &Values) -> Result<()> {
    tx.exec(
        sql("INSERT INTO practice.register_keying (tenant_id, id, record_id, round, place, fields, keyed_by, keyed_by_name)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(new_uuid())
        .bind::<SqlUuid, _>(record.id.0)
        .bind::<Int4, _>(record.round)
        .bind::<Int4, _>(place)
        .bind::<Jsonb, _>(serde_json::to_value(values).map_err(Error::fault)?)
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Text, _>(tx.actor_name().to_owned()),
    )
    .await?;
    Ok(())
}

async fn key(tx: &Tx, input: RegisterRecordKeyInput) -> Result<RegisterRecord> {
    expect_few(&input.values, "values")?;
    let (register, found) = locked(tx, input.id, "id").await?;
    expect_live(&found, None)?;
    if found.state != RegisterRecordState::Unconfirmed {
        return Err(Error::refuse(UserErrorCode::State, "id", "This record does not wait for a second keying."));
    }
    let definition = register.definition();
    let reader = Reader::new(definition);
    let (mut values, mut wrong) = (Values::new(), Vec::new());
    for (at, one) in input.values.iter().enumerate() {
        let mut refuse = |code, message: String| {
            wrong.push(UserError { code, field: path(&format!("values.{at}.value")), message });
        };
        let Some(field) = definition.field(&one.field).filter(|field| field.critical) else {
            refuse(UserErrorCode::NotFound, "There is no critical field of this key.".to_owned());
            continue;
        };
        match one.value.as_deref().map(|text| reader.value(field, text)) {
            Some(Err(message)) => refuse(UserErrorCode::Invalid, message),
            None | Some(Ok(None)) => {}
            Some(Ok(Some(value))) => {
                if values.insert(field.key.clone(), value).is_some() {
                    refuse(UserErrorCode::Duplicate, "This field is said twice.".to_owned());
                }
            }
        }
    }
    let needed = definition.fields.iter().filter(|field| field.critical && field.required);
    for field in needed.filter(|field| !values.contains_key(&field.key)) {
        if !input
            .values
            .iter()
            .any(|one| one.field == field.key && one.value.as_ref().is_some_and(|text| !text.trim().is_empty()))
        {
            let message = format!("\"{}\" is missing.", field.label);
            wrong.push(UserError {
                code: UserErrorCode::Required,
                field: place("", &input.values, Some(&field.key)),
                message,
            });
        }
    }
    if !wrong.is_empty() {
        return Err(Error::Refused(wrong));
    }
    note(tx, &found, 2, &values).await?;
    let record = again(tx, found.id).await?;
    let kind = match record.state {
        RegisterRecordState::Confirmed => EventKind::RegisterRecordConfirmed,
        _ => EventKind::RegisterRecordDiffers,
    };
    emit(tx, kind, record.id.0);
    Ok(record)
}

async fn decide(tx: &Tx, input: RegisterRecordDecideInput) -> Result<RegisterRecord> {
    let (register, found) = locked(tx, input.id, "id").await?;
    expect_live(&found, input.expected_version)?;
    if found.state != RegisterRecordState::Different {
        return Err(Error::refuse(UserErrorCode::State, "id", "There is nothing to decide in this record."));
    }
    let keyings = RegisterKeying::fetch(tx, vec![found.id]).await?.remove(&found.id).unwrap_or_default();
    let open = differences(&register, &found, &keyings)?;
    let mut take: BTreeMap<&str, RegisterTake> = BTreeMap::new();
    for (at, one) in input.take.iter().enumerate() {
        let known = open.iter().any(|open| open.field == one.field);
        if !known || take.insert(one.field.as_str(), one.take).is_some() {
            let message = "Name each field in which the two differ, and no other, once.";
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("take.{at}.field"), message));
        }
    }
    let mut values = found.said()?;
    for one in open {
        let Some(take) = take.get(one.field.as_str()) else {
            let message = format!("Say whose value of {} is taken.", one.field);
            return Err(Error::refuse(UserErrorCode::Required, "take", message));
        };
        let taken = match take {
            RegisterTake::First => one.first,
            RegisterTake::Second => one.second,
        };
        match taken {
            Some(value) => values.insert(one.field, value),
            None => values.remove(&one.field),
        };
    }
    expect_free(tx, &register, found.id, &values, |_| path("take")).await?;
    let critical: Values = values
        .iter()
        .filter(|(key, _)| register.definition().field(key).is_some_and(|field| field.critical))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    note(tx, &found, 3, &critical).await?;
    let fits = Reader::new(register.definition()).faults(&values).is_empty();
    if fits {
        quality::changed(tx, &register, found.id, Some(values)).await?;
    }
    emit(tx, EventKind::RegisterRecordConfirmed, found.id.0);
    again(tx, found.id).await
}

/// Keying of critical values.
#[derive(Default)]
pub struct RegisterKeyingMutation;

#[Object]
impl RegisterKeyingMutation {
    /// Keys the critical values of a record a second time, without seeing them. The same confirms it; otherwise it is
    /// `DIFFERENT` until somebody decides. Not for whoever has keyed them the first time, by any account or program of his.
    /// Right: `office.register_record.confirm`.
    async fn register_record_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record and its critical values.")] input: RegisterRecordKeyInput,
    ) -> async_graphql::Result<Option<RegisterRecordPayload>> {
        RegisterRecordPayload::settle(ctx, key(ctx.tx(Can::RegisterRecordConfirm).await?, input).await)
    }

    /// Decides between two people who have keyed critical values differently, and confirms the record. Not for either of
    /// them. Right: `office.register_record.confirm`.
    async fn register_record_decide(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record, and whose values are taken.")] input: RegisterRecordDecideInput,
    ) -> async_graphql::Result<Option<RegisterRecordPayload>> {
        RegisterRecordPayload::settle(ctx, decide(ctx.tx(Can::RegisterRecordConfirm).await?, input).await)
    }
}
