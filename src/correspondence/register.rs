//! Writing into the register: numbers, threads, files, and void.

use async_graphql::{Context, MaybeUndefined, Object};
use chrono::Datelike;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::entry::{CorrespondenceChannel, CorrespondenceDirection, CorrespondenceEntry, CorrespondenceState, locked};
use super::ids::CorrespondenceEntryId;
use crate::finance::ids::{CustomerId, VendorId};
use crate::finance::payables::vendor;
use crate::finance::receivables::customer;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{self, FileId};
use crate::platform::ids::new_uuid;
use crate::platform::input::{expect_version, sized};
use crate::platform::node;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{correspondence, correspondence_file};

mod input;

pub use input::{
    CorrespondenceEntryCreateInput, CorrespondenceEntryPayload, CorrespondenceEntryUpdateInput,
    CorrespondenceEntryVoidInput,
};

/// The most files of one call.
const MOST_FILES: usize = 20;

/// With whom.
#[derive(Clone, Debug, Default)]
pub(super) struct With {
    pub(super) customer: Option<CustomerId>,
    pub(super) vendor: Option<VendorId>,
    pub(super) name: String,
    pub(super) postal_address: Option<String>,
    pub(super) email: Option<String>,
}

/// What is written into the register, checked.
pub(super) struct New {
    pub(super) direction: CorrespondenceDirection,
    pub(super) channel: CorrespondenceChannel,
    pub(super) on_date: Date,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) with: With,
    pub(super) reply_to: Option<(CorrespondenceEntryId, CorrespondenceEntryId)>,
    pub(super) about: Option<(String, Uuid)>,
    pub(super) visible: bool,
    pub(super) template_text: Option<Uuid>,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    number: String,
}

/// Takes the next number of a direction and year. Others who want one wait until this transaction ends, so none is lost.
pub(super) async fn take_number(tx: &Tx, direction: CorrespondenceDirection, on: Date) -> Result<String> {
    let year = on.0.year();
    let taken: Taken = tx
        .row(
            sql("SELECT core.next_number($1, $2, $3) AS number")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Text, _>(format!("correspondence_{}:{year}", direction.text()))
                .bind::<Text, _>(format!("{}-{year}-", direction.prefix())),
        )
        .await?;
    Ok(taken.number)
}

/// Writes an entry under a number that was taken for it.
pub(super) async fn write(tx: &Tx, number: String, new: New) -> Result<CorrespondenceEntry> {
    let id = CorrespondenceEntryId::new();
    let (reply_to, thread) = new.reply_to.map_or((None, id), |(reply_to, thread)| (Some(reply_to), thread));
    let (prefix, record) = new.about.unzip();
    let author = Some(tx.actor_name().chars().take(200).collect::<String>()).filter(|name| !name.is_empty());
    let made: CorrespondenceEntry = tx
        .row(
            diesel::insert_into(correspondence::table)
                .values((
                    correspondence::tenant_id.eq(tx.tenant()?),
                    correspondence::id.eq(id),
                    correspondence::number.eq(number),
                    correspondence::direction.eq(new.direction),
                    correspondence::channel.eq(new.channel),
                    correspondence::on_date.eq(new.on_date),
                    correspondence::subject.eq(new.subject),
                    correspondence::body.eq(new.body),
                    correspondence::customer_id.eq(new.with.customer),
                    correspondence::vendor_id.eq(new.with.vendor),
                    correspondence::correspondent.eq(new.with.name),
                    correspondence::postal_address.eq(new.with.postal_address),
                    correspondence::email.eq(new.with.email),
                    correspondence::reply_to_id.eq(reply_to),
                    correspondence::thread_id.eq(thread),
                    correspondence::template_text_id.eq(new.template_text),
                    correspondence::record_prefix.eq(prefix),
                    correspondence::record_id.eq(record),
                    correspondence::visible_to_client.eq(new.visible),
                    correspondence::created_by.eq(tx.actor()),
                    correspondence::author_name.eq(author),
                ))
                .returning(CorrespondenceEntry::as_returning()),
        )
        .await?;
    emit(tx, EventKind::CorrespondenceRegistered, made.id.0);
    if made.visible_to_client {
        emit(tx, EventKind::SharedCorrespondenceAdded, made.id.0);
    }
    Ok(made)
}

/// The lines of an address; none unless it is whole.
pub(super) fn postal_lines(
    street: Option<&str>,
    postal_code: Option<&str>,
    city: Option<&str>,
    abroad: Option<&str>,
) -> Option<String> {
    let said = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let (street, postal_code, city) = (said(street)?, said(postal_code)?, said(city)?);
    let mut lines = format!("{street}\n{postal_code} {city}");
    if let Some(country) = abroad {
        lines.push('\n');
        lines.push_str(country);
    }
    Some(lines)
}

/// Who is meant by an input that says one of three.
async fn with(tx: &Tx, input: &CorrespondenceEntryCreateInput) -> Result<With> {
    let mut with = match (input.customer, input.vendor) {
        (Some(id), None) => {
            let found = customer::find(tx, id).await?.ok_or_else(|| Error::not_found("customer", "customer"))?;
            let lines = (found.street.as_deref(), found.postal_code.as_deref(), found.city.as_deref());
            With {
                customer: Some(id),
                postal_address: postal_lines(lines.0, lines.1, lines.2, None),
                name: found.name,
                email: found.email,
                vendor: None,
            }
        }
        (None, Some(id)) => {
            let found = vendor::find(tx, id).await?.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
            let lines = (found.street.as_deref(), found.postal_code.as_deref(), found.city.as_deref());
            With {
                vendor: Some(id),
                postal_address: postal_lines(lines.0, lines.1, lines.2, None),
                name: found.name,
                email: found.email,
                customer: None,
            }
        }
        (None, None) if input.correspondent.is_some() => With::default(),
        (None, None) => {
            let message = "Say with whom: a customer, a vendor, or a name.";
            return Err(Error::refuse(UserErrorCode::Required, "correspondent", message));
        }
        (Some(_), Some(_)) => {
            let message = "It is with a customer or with a vendor.";
            return Err(Error::refuse(UserErrorCode::Invalid, "vendor", message));
        }
    };
    if let Some(name) = &input.correspondent {
        sized("correspondent", name, 1..=200)?;
        with.name = name.clone();
    }
    if let Some(address) = &input.postal_address {
        sized("postalAddress", address, 1..=1000)?;
        with.postal_address = Some(address.clone());
    }
    if let Some(email) = &input.email {
        sized("email", email, 1..=254)?;
        with.email = Some(email.clone());
    }
    Ok(with)
}

/// The day of an entry: not one that has not come.
pub(super) fn day(tx: &Tx, given: Option<Date>) -> Result<Date> {
    let today = tx.today();
    let day = given.unwrap_or(Date(today));
    if day.0 > today || day.0.year() < 1900 {
        let message = "Correspondence is registered when it has come or gone: not later than today.";
        return Err(Error::refuse(UserErrorCode::Invalid, "onDate", message));
    }
    Ok(day)
}

/// Puts files beside an entry: those that can be used.
pub(super) async fn attach(tx: &Tx, entry: CorrespondenceEntryId, added: &[FileId], field: &str) -> Result<()> {
    if added.len() > MOST_FILES {
        let message = format!("At most {MOST_FILES} files at once.");
        return Err(Error::refuse(UserErrorCode::Invalid, field, message));
    }
    for (at, id) in added.iter().enumerate() {
        let field = format!("{field}.{at}");
        let found = files::find(tx, *id).await?.ok_or_else(|| Error::not_found(&field, "file"))?;
        let usable = |found: &files::File| {
            let message = "This file cannot be used: its bytes are not there, or it was deleted.";
            if found.is_there() { Ok(()) } else { Err(Error::refuse(UserErrorCode::State, &field, message)) }
        };
        usable(&found)?;
        let put = tx
            .exec(
                diesel::insert_into(correspondence_file::table)
                    .values((
                        correspondence_file::tenant_id.eq(tx.tenant()?),
                        correspondence_file::id.eq(new_uuid()),
                        correspondence_file::entry_id.eq(entry),
                        correspondence_file::file_id.eq(*id),
                    ))
                    .on_conflict_do_nothing(),
            )
            .await?;
        if put == 0 {
            let message = "This file belongs to the entry already.";
            return Err(Error::refuse(UserErrorCode::Duplicate, &field, message));
        }
        // The row is held by now: whoever deleted the file meanwhile has done so before this.
        let found = files::find(tx, *id).await?.ok_or_else(|| Error::not_found(&field, "file"))?;
        usable(&found)?;
    }
    Ok(())
}

/// The entry that is answered, and its thread.
pub(super) async fn answered(
    tx: &Tx,
    id: Option<CorrespondenceEntryId>,
) -> Result<Option<(CorrespondenceEntryId, CorrespondenceEntryId)>> {
    match id {
        Some(id) => {
            let found = locked(tx, id, "replyTo").await?;
            found.expect_registered("replyTo")?;
            Ok(Some((id, found.thread_id)))
        }
        None => Ok(None),
    }
}

async fn create(
    tx: &Tx,
    input: CorrespondenceEntryCreateInput,
    about: Option<(String, Uuid)>,
) -> Result<CorrespondenceEntry> {
    sized("subject", &input.subject, 1..=300)?;
    sized("text", input.text.as_deref().unwrap_or_default(), 0..=200_000)?;
    let on_date = day(tx, input.on_date)?;
    let with = with(tx, &input).await?;
    let reply_to = answered(tx, input.reply_to).await?;
    let number = take_number(tx, input.direction, on_date).await?;
    let new = New {
        direction: input.direction,
        channel: input.channel,
        on_date,
        subject: input.subject,
        body: input.text.unwrap_or_default(),
        with,
        reply_to,
        about,
        visible: input.visible_to_client.unwrap_or_default(),
        template_text: None,
    };
    let made = write(tx, number, new).await?;
    attach(tx, made.id, &input.files.unwrap_or_default(), "files").await?;
    Ok(made)
}

async fn update(
    tx: &Tx,
    input: CorrespondenceEntryUpdateInput,
    about: Option<Option<(String, Uuid)>>,
) -> Result<CorrespondenceEntry> {
    if let Some(subject) = &input.subject {
        sized("subject", subject, 1..=300)?;
    }
    let found = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, found.version, "entry")?;
    found.expect_registered("id")?;
    attach(tx, found.id, &input.add_files.unwrap_or_default(), "addFiles").await?;
    let (prefix, record) = match about {
        Some(about) => {
            let (prefix, record) = about.unzip();
            (Some(prefix), Some(record))
        }
        None => (None, None),
    };
    let changed: CorrespondenceEntry = tx
        .row(
            diesel::update(correspondence::table)
                .filter(correspondence::tenant_id.eq(tx.tenant()?))
                .filter(correspondence::id.eq(input.id))
                .set((
                    correspondence::subject.eq(input.subject.unwrap_or(found.subject)),
                    correspondence::visible_to_client.eq(input.visible_to_client.unwrap_or(found.visible_to_client)),
                    prefix.map(|prefix| correspondence::record_prefix.eq(prefix)),
                    record.map(|record| correspondence::record_id.eq(record)),
                ))
                .returning(CorrespondenceEntry::as_returning()),
        )
        .await?;
    emit(tx, EventKind::CorrespondenceUpdated, changed.id.0);
    match (found.visible_to_client, changed.visible_to_client) {
        (false, true) => emit(tx, EventKind::SharedCorrespondenceAdded, changed.id.0),
        (true, true) => emit(tx, EventKind::SharedCorrespondenceChanged, changed.id.0),
        _ => {}
    }
    Ok(changed)
}

async fn void(tx: &Tx, input: CorrespondenceEntryVoidInput) -> Result<CorrespondenceEntry> {
    sized("reason", &input.reason, 1..=500)?;
    let found = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, found.version, "entry")?;
    found.expect_registered("id")?;
    let now: CorrespondenceEntry = tx
        .row(
            diesel::update(correspondence::table)
                .filter(correspondence::tenant_id.eq(tx.tenant()?))
                .filter(correspondence::id.eq(input.id))
                .set((
                    correspondence::state.eq(CorrespondenceState::Void),
                    correspondence::voided_at.eq(tx.now()),
                    correspondence::void_reason.eq(input.reason),
                ))
                .returning(CorrespondenceEntry::as_returning()),
        )
        .await?;
    emit(tx, EventKind::CorrespondenceVoided, now.id.0);
    if now.visible_to_client {
        emit(tx, EventKind::SharedCorrespondenceChanged, now.id.0);
    }
    Ok(now)
}

/// Asks for the rights to what an input names.
async fn ask_for(ctx: &Context<'_>, customer: bool, vendor: bool, files: bool) -> Result<()> {
    for (named, can) in [(customer, Can::CustomerRead), (vendor, Can::VendorRead), (files, Can::FileRead)] {
        if named {
            ctx.tx(can).await?;
        }
    }
    Ok(())
}

/// Changes of the register.
#[derive(Default)]
pub struct RegisterMutation;

#[Object]
impl RegisterMutation {
    /// Writes a letter, a mail or a call into the register, under the next number of its direction and year. It sends
    /// nothing. Right: `office.correspondence.manage`.
    async fn correspondence_entry_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new entry.")] input: CorrespondenceEntryCreateInput,
    ) -> async_graphql::Result<Option<CorrespondenceEntryPayload>> {
        let tx = ctx.tx(Can::CorrespondenceManage).await?;
        let done = async {
            ask_for(ctx, input.customer.is_some(), input.vendor.is_some(), input.files.is_some()).await?;
            let about = match &input.record {
                Some(id) => Some(node::pointed_at(ctx, id, "record").await?),
                None => None,
            };
            create(tx, input, about).await
        };
        CorrespondenceEntryPayload::settle(ctx, done.await)
    }

    /// Changes what can change of an entry: its subject, its record, its files and who sees it. Right:
    /// `office.correspondence.manage`.
    async fn correspondence_entry_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: CorrespondenceEntryUpdateInput,
    ) -> async_graphql::Result<Option<CorrespondenceEntryPayload>> {
        let tx = ctx.tx(Can::CorrespondenceManage).await?;
        let done = async {
            ask_for(ctx, false, false, input.add_files.is_some()).await?;
            let about = match &input.record {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(id) => Some(Some(node::pointed_at(ctx, id, "record").await?)),
            };
            update(tx, input, about).await
        };
        CorrespondenceEntryPayload::settle(ctx, done.await)
    }

    /// Says that an entry does not count, for good. Its number stays taken. Right: `office.correspondence.manage`.
    async fn correspondence_entry_void(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry, and why.")] input: CorrespondenceEntryVoidInput,
    ) -> async_graphql::Result<Option<CorrespondenceEntryPayload>> {
        let tx = ctx.tx(Can::CorrespondenceManage).await?;
        CorrespondenceEntryPayload::settle(ctx, void(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::postal_lines;

    #[test]
    fn an_address_is_whole_or_none() {
        let lines = postal_lines(Some("Weg 1"), Some("12345"), Some("Berlin"), None);
        assert_eq!(lines.as_deref(), Some("Weg 1\n12345 Berlin"));
        assert_eq!(postal_lines(Some("Weg 1"), Some(" "), Some("Berlin"), None), None);
        let abroad = postal_lines(Some("Gasse 2"), Some("1010"), Some("Wien"), Some("AT"));
        assert_eq!(abroad.as_deref(), Some("Gasse 2\n1010 Wien\nAT"));
    }
}
