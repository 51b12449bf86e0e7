//! The record that something is about. Some records are shown as two types: to the provider as what they are, to the
//! client's own people as what they see of them. Both are one record here, beside which everybody writes.

use async_graphql::{Context, ID};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::node;
use crate::platform::scope::{Ask, Caller};

/// What the client's own people see, and what it is to the provider. Both have the same id inside.
const TWINS: &[(&str, &str)] = &[
    ("ClientAppointment", "Appointment"),
    ("ClientDocument", "Document"),
    ("ClientRequest", "WorkItem"),
    ("SharedCorrespondence", "CorrespondenceEntry"),
    ("SignatureTask", "SignatureRequest"),
];

/// Types beside which nobody writes: an event is what happened to a record, and whoever wants to say something of it says
/// it beside the record.
const MUTE: &[&str] = &["Event"];

/// A record that the caller reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its type to the provider.
    pub kind: &'static str,
    /// The type as which the caller named it.
    pub named: &'static str,
    /// Its own id.
    pub id: Uuid,
}

/// The type of a record to the provider.
#[must_use]
pub fn inside(kind: &'static str) -> &'static str {
    TWINS.iter().find(|(shown, _)| *shown == kind).map_or(kind, |(_, inside)| inside)
}

/// As which types records of that type are seen, and the right to each; the provider's first.
#[must_use]
pub fn sights(kind: &str) -> Vec<(&'static str, Can)> {
    let mut all: Vec<(&'static str, Can)> = types().filter(|(name, _)| inside(name) == kind).collect();
    all.sort_by_key(|(name, _)| inside(name) != *name);
    all
}

/// Every type of record that takes part, and the right to read such records.
pub fn types() -> impl Iterator<Item = (&'static str, Can)> {
    node::types().filter(|(name, _)| !MUTE.contains(name))
}

/// The names of all types, and of the rights to them, in the same order.
#[must_use]
pub fn lists() -> (Vec<&'static str>, Vec<&'static str>) {
    types().map(|(name, can)| (name, can.name())).unzip()
}

/// The types of which the actor may read records, and what they are to the provider, in the same order.
#[must_use]
pub fn held(tx: &Tx) -> (Vec<&'static str>, Vec<&'static str>) {
    types().filter(|(_, can)| tx.permissions().contains(can)).map(|(name, _)| (name, inside(name))).unzip()
}

/// The names of the rights that the actor holds.
#[must_use]
pub fn rights(tx: &Tx) -> Vec<&'static str> {
    tx.permissions().iter().map(|can| can.name()).collect()
}

/// The record of that outside id, if the caller reads it. One that he may not read looks like one that is not there.
pub async fn open(ctx: &Context<'_>, tx: &Tx, id: &ID) -> Result<Option<About>> {
    let Some((named, uuid)) = node::named(id) else { return Ok(None) };
    let readable = types().any(|(name, can)| name == named && tx.permissions().contains(&can));
    if !readable || node::find(ctx, id).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(About { kind: inside(named), named, id: uuid }))
}

/// The same, for an input field.
pub async fn expect(ctx: &Context<'_>, tx: &Tx, id: &ID) -> Result<About> {
    open(ctx, tx, id).await?.ok_or_else(|| Error::not_found("record", "record"))
}

/// The outside id by which the actor knows a record.
#[must_use]
pub fn outside(tx: &Tx, kind: &str, id: Uuid) -> Option<String> {
    let all = sights(kind);
    let seen = all.iter().find(|(_, can)| tx.permissions().contains(can)).or(all.first());
    node::outside(seen.map_or(kind, |(name, _)| name), id)
}

/// Only people watch and are told, not service accounts.
pub fn a_person(ctx: &Context<'_>) -> Result<()> {
    match ctx.scope()?.caller() {
        Caller::Service { .. } => Err(Error::BadInput("A service account has no notices.".to_owned())),
        _ => Ok(()),
    }
}
