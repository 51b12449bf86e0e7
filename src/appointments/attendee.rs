//! Who is invited to an appointment, and what he has answered: told by somebody, or read from the file that his calendar
//! has sent (RFC 5546, `METHOD:REPLY`).

use std::collections::{BTreeSet, HashMap};

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_icalendar::{Answer, Method, read};
use diesel::prelude::*;

use super::appointment::{Appointment, locked};
use super::book::{AppointmentPayload, tell};
use super::change::expect_booked;
use super::ids::AppointmentId;
use super::mails::{self, News};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{mailable, sized};
use crate::platform::outbox::EventKind;
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::{appointment, appointment_attendee};

/// The most people of an appointment.
const MOST: usize = 50;

crate::platform::words! {
    /// What somebody has answered to an invitation.
    AppointmentAnswer {
        /// Nothing yet.
        Open = "open",
        /// He comes.
        Accepted = "accepted",
        /// He does not come.
        Declined = "declined",
        /// He may come.
        Tentative = "tentative",
    }
}

/// Somebody who is invited to an appointment.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = appointment_attendee)]
pub struct AppointmentAttendee {
    #[graphql(skip)]
    appointment_id: AppointmentId,
    /// Mail address, in small letters.
    pub email: String,
    /// Name.
    pub name: String,
    /// What he has answered. It is open again once the appointment was moved.
    pub answer: AppointmentAnswer,
    /// When he has; null if he has not.
    pub answered_at: Option<DateTime>,
}

impl Fetch for AppointmentAttendee {
    type Key = AppointmentId;
    type Value = Vec<Self>;
    const CAN: Can = Can::AppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<AppointmentId>) -> Result<HashMap<AppointmentId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                appointment_attendee::table
                    .filter(appointment_attendee::tenant_id.eq(tx.tenant()?))
                    .filter(appointment_attendee::appointment_id.eq_any(keys))
                    .order(appointment_attendee::email)
                    .select(Self::as_select()),
            )
            .await?;
        let mut found: HashMap<AppointmentId, Vec<Self>> = HashMap::new();
        for row in rows {
            found.entry(row.appointment_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// Somebody to be invited.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentAttendeeInput {
    /// Mail address.
    pub email: String,
    /// Name, 1 to 200 characters.
    pub name: String,
}

/// People to be invited to an appointment, besides those who are.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentInviteInput {
    /// The appointment.
    pub id: AppointmentId,
    /// Who is invited: 1 to 50 people altogether. Who is invited already is not invited again.
    pub attendees: Vec<AppointmentAttendeeInput>,
}

/// What somebody has answered.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentAnswerInput {
    /// The appointment.
    pub id: AppointmentId,
    /// The mail address of who has answered: one that was invited.
    pub email: String,
    /// What he has answered.
    pub answer: AppointmentAnswer,
}

/// An answer as the calendar of who was invited has sent it.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentReplyReadInput {
    /// The text of the iCalendar file, with `METHOD:REPLY`; at most 64 KiB.
    pub text: String,
}

/// Invites people: those who are not yet, each by a mail.
pub(super) async fn invite(tx: &Tx, found: &Appointment, people: Vec<AppointmentAttendeeInput>) -> Result<()> {
    let known = AppointmentAttendee::fetch(tx, vec![found.id]).await?.remove(&found.id).unwrap_or_default();
    let mut all: BTreeSet<String> = known.into_iter().map(|one| one.email).collect();
    let mut new = Vec::new();
    for (place, person) in people.iter().enumerate() {
        sized(&format!("attendees.{place}.name"), &person.name, 1..=200)?;
        let email = mailable(&format!("attendees.{place}.email"), &person.email)?;
        if all.insert(email.clone()) {
            new.push((email, person.name.trim().to_owned()));
        }
    }
    if all.len() > MOST {
        let message = format!("An appointment has at most {MOST} people.");
        return Err(Error::refuse(UserErrorCode::Invalid, "attendees", message));
    }
    for (email, name) in &new {
        tx.exec(diesel::insert_into(appointment_attendee::table).values((
            appointment_attendee::tenant_id.eq(tx.tenant()?),
            appointment_attendee::id.eq(new_uuid()),
            appointment_attendee::appointment_id.eq(found.id),
            appointment_attendee::email.eq(email),
            appointment_attendee::name.eq(name),
        )))
        .await?;
    }
    mails::tell_some(tx, found, News::Invited, new.into_iter().map(|(email, _)| email).collect()).await
}

/// Those who are invited to one are invited to the other as well, and have not answered yet.
pub(super) async fn take_along(tx: &Tx, from: AppointmentId, to: &Appointment) -> Result<()> {
    let known = AppointmentAttendee::fetch(tx, vec![from]).await?.remove(&from).unwrap_or_default();
    let people = known.into_iter().map(|one| AppointmentAttendeeInput { email: one.email, name: one.name }).collect();
    invite(tx, to, people).await
}

/// Whoever has answered is asked again.
pub(super) async fn ask_again(tx: &Tx, id: AppointmentId) -> Result<()> {
    tx.exec(
        diesel::update(appointment_attendee::table)
            .filter(appointment_attendee::tenant_id.eq(tx.tenant()?))
            .filter(appointment_attendee::appointment_id.eq(id))
            .filter(appointment_attendee::answer.ne(AppointmentAnswer::Open))
            .set((
                appointment_attendee::answer.eq(AppointmentAnswer::Open),
                appointment_attendee::answered_at.eq(None::<DateTime>),
            )),
    )
    .await?;
    Ok(())
}

/// Notes an answer; false if nobody of that address is invited.
async fn note(tx: &Tx, id: AppointmentId, email: &str, answer: AppointmentAnswer) -> Result<bool> {
    let at = (answer != AppointmentAnswer::Open).then(|| DateTime(tx.now()));
    let noted = tx
        .exec(
            diesel::update(appointment_attendee::table)
                .filter(appointment_attendee::tenant_id.eq(tx.tenant()?))
                .filter(appointment_attendee::appointment_id.eq(id))
                .filter(appointment_attendee::email.eq(email.trim().to_ascii_lowercase()))
                .set((appointment_attendee::answer.eq(answer), appointment_attendee::answered_at.eq(at))),
        )
        .await?;
    Ok(noted > 0)
}

async fn invite_more(tx: &Tx, input: AppointmentInviteInput) -> Result<Appointment> {
    let found = locked(tx, input.id).await?.ok_or_else(|| Error::not_found("id", "appointment"))?;
    expect_booked(&found)?;
    invite(tx, &found, input.attendees).await?;
    tell(tx, &found, EventKind::AppointmentUpdated, EventKind::ClientAppointmentUpdated);
    Ok(found)
}

async fn answer(tx: &Tx, input: AppointmentAnswerInput) -> Result<Appointment> {
    let found = locked(tx, input.id).await?.ok_or_else(|| Error::not_found("id", "appointment"))?;
    expect_booked(&found)?;
    if !note(tx, found.id, &input.email, input.answer).await? {
        return Err(Error::refuse(UserErrorCode::NotFound, "email", "Nobody of this address is invited."));
    }
    tell(tx, &found, EventKind::AppointmentAnswered, EventKind::ClientAppointmentUpdated);
    Ok(found)
}

async fn read_reply(tx: &Tx, input: AppointmentReplyReadInput) -> Result<Appointment> {
    let refuse = |code: UserErrorCode, message: &str| Err(Error::refuse(code, "text", message));
    if input.text.len() > 64 << 10 {
        return refuse(UserErrorCode::Invalid, "An answer has at most 64 KiB.");
    }
    let reading = read(&input.text);
    if let Some(problem) = reading.problems.first() {
        let message = format!("Line {}: {}", problem.line, problem.message);
        return Err(Error::refuse(UserErrorCode::File, "text", message));
    }
    if reading.method != Some(Method::Reply) {
        return refuse(UserErrorCode::Invalid, "This is no answer: it has no METHOD:REPLY.");
    }
    let [reply] = reading.events.as_slice() else {
        return refuse(UserErrorCode::Invalid, "An answer is about one event.");
    };
    let [person] = reply.attendees.as_slice() else {
        return refuse(UserErrorCode::Invalid, "An answer is one person's: it names one ATTENDEE.");
    };
    let unknown =
        || Error::refuse(UserErrorCode::NotFound, "text", "No appointment is known by this UID to this address.");
    let id: Option<AppointmentId> = tx
        .maybe(
            appointment::table
                .filter(appointment::tenant_id.eq(tx.tenant()?))
                .filter(appointment::uid.eq(&reply.uid))
                .select(appointment::id),
        )
        .await?;
    let found = locked(tx, id.ok_or_else(unknown)?).await?.ok_or_else(unknown)?;
    expect_booked(&found)?;
    if reply.sequence < found.sequence {
        let message = "This is the answer to an earlier version of the appointment, which was changed since.";
        return refuse(UserErrorCode::State, message);
    }
    let answer = match person.answer {
        Answer::Accepted => AppointmentAnswer::Accepted,
        Answer::Declined => AppointmentAnswer::Declined,
        Answer::Tentative => AppointmentAnswer::Tentative,
        Answer::Open => AppointmentAnswer::Open,
    };
    if !note(tx, found.id, &person.email, answer).await? {
        return Err(unknown());
    }
    tell(tx, &found, EventKind::AppointmentAnswered, EventKind::ClientAppointmentUpdated);
    Ok(found)
}

/// Invitations and answers.
#[derive(Default)]
pub struct AttendeeMutation;

#[Object]
impl AttendeeMutation {
    /// Invites people to an appointment, each by a mail with a file for his calendar. They are told of changes from then on.
    /// Right: `work.appointment.book`.
    async fn appointment_invite(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is invited to what.")] input: AppointmentInviteInput,
    ) -> async_graphql::Result<Option<AppointmentPayload>> {
        AppointmentPayload::settle(ctx, invite_more(ctx.tx(Can::AppointmentBook).await?, input).await)
    }

    /// Notes what somebody has answered. Right: `work.appointment.book`.
    async fn appointment_answer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who has answered what.")] input: AppointmentAnswerInput,
    ) -> async_graphql::Result<Option<AppointmentPayload>> {
        AppointmentPayload::settle(ctx, answer(ctx.tx(Can::AppointmentBook).await?, input).await)
    }

    /// Reads an answer as the calendar of who was invited has sent it. Right: `work.appointment.book`.
    async fn appointment_reply_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The answer.")] input: AppointmentReplyReadInput,
    ) -> async_graphql::Result<Option<AppointmentPayload>> {
        AppointmentPayload::settle(ctx, read_reply(ctx.tx(Can::AppointmentBook).await?, input).await)
    }
}
