//! Typed filters over fields that a client has defined: what a condition asks has to be of the kind of its field. Each becomes
//! a look into the values that lie beside the records in the order of their index.

use async_graphql::InputObject;
use backoffice_register_rules::{Definition, Kind};
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::RegisterId;
use super::record::{RegisterRecordState, RegisterRecordStateFilter};
use crate::platform::error::{Error, Result};
use crate::platform::filter::{DateFilter, FlagFilter, MAX_CONDITIONS, MAX_DEPTH, TextFilter, like};
use crate::platform::scalars::Dec;
use crate::platform::sql::Pieces;

/// The characters of a text by which it is put in order (see `practice.register_sort`).
const ORDERED: usize = 100;

/// Conditions on a number.
#[derive(InputObject, Clone, Debug, Default)]
pub struct NumberFilter {
    /// Equal to this.
    pub eq: Option<Dec>,
    /// One of these, at most 100.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<Dec>>,
    /// This or more.
    pub gte: Option<Dec>,
    /// Less than this.
    pub lt: Option<Dec>,
    /// True: only rows without a value; false: only rows with one.
    pub is_null: Option<bool>,
}

/// Conditions on a field of a register: of the kind that the field is.
#[derive(InputObject, Clone, Debug, Default)]
pub struct RegisterFieldFilter {
    /// The key of the field.
    pub field: String,
    /// Of a text or a choice, which is told by its value.
    pub text: Option<TextFilter>,
    /// Of a number.
    pub number: Option<NumberFilter>,
    /// Of a day.
    pub date: Option<DateFilter>,
    /// Of `true` and `false`.
    pub flag: Option<FlagFilter>,
    /// Of any kind. True: only records that do not say it; false: only records that do.
    pub is_null: Option<bool>,
}

/// Narrows a list of records of a register. Those that are void are shown only if `state` asks for them. A critical value that
/// is withheld from the caller matches nothing.
#[derive(InputObject, Clone, Debug, Default)]
pub struct RegisterRecordFilter {
    /// By what they say in a field.
    pub field: Option<RegisterFieldFilter>,
    /// By where they stand.
    pub state: Option<RegisterRecordStateFilter>,
    /// All of these hold as well.
    pub and: Option<Vec<RegisterRecordFilter>>,
    /// At least one of these holds as well.
    pub or: Option<Vec<RegisterRecordFilter>>,
}

/// A look at one value.
enum Look {
    Equal(String),
    AnyOf(Vec<String>),
    From(String),
    Below(String),
    Contains(String),
    Said(bool),
}

/// Whose records are looked at, by whom.
#[derive(Clone, Copy)]
pub(super) struct Around<'d> {
    pub(super) tenant: Uuid,
    pub(super) actor: Uuid,
    pub(super) register: RegisterId,
    pub(super) definition: &'d Definition,
}

/// A number in the spelling of values.
fn number(value: Dec) -> String {
    if value.0.is_zero() { "0".to_owned() } else { value.0.normalize().to_string() }
}

/// The beginning by which a text is put in order.
fn ordered(text: &str) -> String {
    text.chars().take(ORDERED).collect()
}

impl RegisterFieldFilter {
    fn looks(self, kind: Kind) -> Result<Vec<Look>> {
        let given = [
            (self.text.is_some(), &[Kind::Text, Kind::Choice][..], "text"),
            (self.number.is_some(), &[Kind::Number], "number"),
            (self.date.is_some(), &[Kind::Date], "date"),
            (self.flag.is_some(), &[Kind::Boolean], "flag"),
        ];
        if let Some((.., name)) = given.iter().find(|(given, kinds, _)| *given && !kinds.contains(&kind)) {
            let message = format!("The field {} of the register is not one for `{name}`.", self.field);
            return Err(Error::BadInput(message));
        }
        let mut looks: Vec<Look> = self.is_null.map(|null| Look::Said(!null)).into_iter().collect();
        if let Some(text) = self.text {
            looks.extend(text.eq.map(Look::Equal));
            looks.extend(text.any_of.map(Look::AnyOf));
            looks.extend(text.contains.map(|part| Look::Contains(like(&part))));
            looks.extend(text.is_null.map(|null| Look::Said(!null)));
        }
        if let Some(asked) = self.number {
            looks.extend(asked.eq.map(|one| Look::Equal(number(one))));
            looks.extend(asked.any_of.map(|some| Look::AnyOf(some.into_iter().map(number).collect())));
            looks.extend(asked.gte.map(|one| Look::From(number(one))));
            looks.extend(asked.lt.map(|one| Look::Below(number(one))));
            looks.extend(asked.is_null.map(|null| Look::Said(!null)));
        }
        if let Some(date) = self.date {
            looks.extend(date.eq.map(|day| Look::Equal(day.0.to_string())));
            looks.extend(date.gte.map(|day| Look::From(day.0.to_string())));
            looks.extend(date.lt.map(|day| Look::Below(day.0.to_string())));
            looks.extend(date.is_null.map(|null| Look::Said(!null)));
        }
        looks.extend(self.flag.and_then(|flag| flag.eq).map(|yes| Look::Equal(yes.to_string())));
        let long = |look: &Look| matches!(look, Look::AnyOf(some) if some.len() > 100);
        if looks.iter().any(long) {
            return Err(Error::BadInput("`in` takes at most 100 values.".to_owned()));
        }
        Ok(looks)
    }
}

impl Look {
    /// Writes it as a condition on `r`.
    fn write(self, out: &mut Pieces<'_>, around: Around<'_>, key: &str, kind: &'static str, critical: bool) {
        if critical {
            guard(out, around.actor);
            out.text(" AND ");
        }
        if let Self::Said(false) = self {
            out.text("NOT ");
        }
        out.text("EXISTS (SELECT 1 FROM practice.register_value v WHERE v.tenant_id = ")
            .bind::<SqlUuid, _>(around.tenant)
            .text(" AND v.register_id = ")
            .bind::<SqlUuid, _>(around.register.0)
            .text(" AND v.field = ")
            .bind::<Text, _>(key.to_owned())
            .text(" AND v.record_id = r.id");
        let sorted = |out: &mut Pieces<'_>, way: &'static str, value: String| {
            out.text(way).bind::<Text, _>(kind).text(", ").bind::<Text, _>(value).text(")");
        };
        match self {
            Self::Said(_) => {}
            Self::Equal(value) => {
                sorted(out, " AND v.sort = practice.register_sort(", value.clone());
                out.text(" AND v.value = ").bind::<Text, _>(value);
            }
            Self::AnyOf(values) => {
                // Ordered by their beginnings, which number that is asked for as one of some does not begin with.
                if kind != "number" {
                    let beginnings: Vec<String> = values.iter().map(|one| ordered(one)).collect();
                    out.text(" AND v.sort = ANY (").bind::<Array<Text>, _>(beginnings).text(")");
                }
                out.text(" AND v.value = ANY (").bind::<Array<Text>, _>(values).text(")");
            }
            Self::From(value) => sorted(out, " AND v.sort >= practice.register_sort(", value),
            Self::Below(value) => sorted(out, " AND v.sort < practice.register_sort(", value),
            Self::Contains(part) => {
                out.text(" AND v.value ILIKE ").bind::<Text, _>(part);
            }
        }
        out.text(")");
    }
}

/// Writes the condition that critical values of `r` are not withheld from that actor.
pub(super) fn guard(out: &mut Pieces<'_>, actor: Uuid) {
    out.text("(r.state <> 'unconfirmed' OR r.keyed_by @> ARRAY[").bind::<SqlUuid, _>(actor).text("]::uuid[])");
}

/// The word for a kind, as `practice.register_sort` takes it.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "number",
        Kind::Text | Kind::Date | Kind::Boolean | Kind::Choice => "text",
    }
}

impl RegisterRecordFilter {
    /// Whether it says anywhere something about where records stand.
    pub(super) fn asks_for_state(&self) -> bool {
        let parts = self.and.iter().chain(self.or.iter()).flatten();
        self.state.is_some() || parts.into_iter().any(Self::asks_for_state)
    }

    /// Writes it as a condition on `r`. Refused beyond three levels or 50 conditions.
    pub(super) fn write(
        self,
        out: &mut Pieces<'_>,
        around: Around<'_>,
        depth: usize,
        written: &mut usize,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::BadInput("A filter nests `and` and `or` at most three deep.".to_owned()));
        }
        out.text("(TRUE");
        if let Some(asked) = self.field {
            let Some(field) = around.definition.field(&asked.field) else {
                return Err(Error::BadInput("The filter names a field that the register does not have.".to_owned()));
            };
            for look in asked.looks(field.kind)? {
                counted(written)?;
                out.text(" AND ");
                look.write(out, around, &field.key, word(field.kind), field.critical);
            }
        }
        if let Some(state) = self.state {
            let states = state.eq.map(|one| vec![one]).into_iter().chain(state.any_of);
            for some in states {
                counted(written)?;
                let texts: Vec<&'static str> = some.into_iter().map(RegisterRecordState::text).collect();
                out.text(" AND r.state = ANY (").bind::<Array<Text>, _>(texts).text(")");
            }
        }
        for part in self.and.into_iter().flatten() {
            out.text(" AND ");
            counted(written)?;
            part.write(out, around, depth.saturating_add(1), written)?;
        }
        if let Some(parts) = self.or.filter(|parts| !parts.is_empty()) {
            out.text(" AND (FALSE");
            for part in parts {
                out.text(" OR ");
                counted(written)?;
                part.write(out, around, depth.saturating_add(1), written)?;
            }
            out.text(")");
        }
        out.text(")");
        Ok(())
    }
}

fn counted(written: &mut usize) -> Result<()> {
    *written = written.saturating_add(1);
    if *written > MAX_CONDITIONS {
        return Err(Error::BadInput(format!("A filter holds at most {MAX_CONDITIONS} conditions.")));
    }
    Ok(())
}
