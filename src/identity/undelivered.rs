//! Mails that were given up, for those who look after the provider: which, to whom, after how many attempts, and for what
//! kind of reason. What the mail server said is not among it, since it may repeat the address; that stands in the job.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use chrono::{SecondsFormat, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

crate::platform::ids! {
    /// Names a mail that was given up.
    UndeliveredMailId = "mai";
}

crate::platform::words! {
    /// What a mail tells of.
    MailSubject {
        /// A person was invited to a client.
        Invitation = "Invitation",
        /// An account was made for a member of the staff.
        Welcome = "Welcome",
        /// Somebody asked for a new password.
        PasswordReset = "PasswordReset",
        /// A session was opened from a new device.
        NewDevice = "NewDevice",
    }
}

/// A mail that was given up. It belongs to no client.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct UndeliveredMail {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: UndeliveredMailId,
    /// What it tells of.
    #[diesel(sql_type = Text)]
    pub about: MailSubject,
    /// To whom it was to go: the first character of the address and its domain. Null if there is no such account any more.
    #[diesel(sql_type = Nullable<Text>)]
    pub recipient: Option<String>,
    /// How often it was tried.
    #[diesel(sql_type = Int4)]
    pub attempts: i32,
    /// Why it was given up: `REFUSED` by the mail server or because its address is none, `UNAVAILABLE` if no mail server
    /// took it in time, `INTERNAL_SERVER_ERROR` if the fault is ours.
    #[diesel(sql_type = Nullable<Text>)]
    pub error_code: Option<String>,
    /// When it was asked for.
    #[diesel(sql_type = Timestamptz)]
    pub asked_at: DateTime,
    /// When it was given up.
    #[diesel(sql_type = Timestamptz)]
    pub given_up_at: DateTime,
}

crate::platform::connection!(
    /// A page of mails that were given up.
    UndeliveredMailConnection, UndeliveredMailEdge, UndeliveredMail
);

/// Which mail is to be sent again.
#[derive(InputObject, Clone, Debug)]
pub struct UndeliveredMailRetryInput {
    /// The mail.
    pub id: UndeliveredMailId,
}

crate::platform::payload!(
    /// What became of a mail that is to be sent again.
    UndeliveredMailRetryPayload {
        /// When it was put into the queue.
        queued_at: DateTime
    }
);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Outcome {
    #[diesel(sql_type = Text)]
    outcome: String,
}

async fn retry(tx: &Tx, id: UndeliveredMailId) -> Result<DateTime> {
    let outcome: Outcome = tx.row(sql("SELECT core.retry_mail($1) AS outcome").bind::<SqlUuid, _>(id)).await?;
    match outcome.outcome.as_str() {
        "waiting" => {
            tx.ask_for_work();
            Ok(DateTime(tx.now()))
        }
        "state" => {
            Err(Error::refuse(UserErrorCode::State, "id", "This mail was not given up: it waits, or it was sent."))
        }
        _ => Err(Error::not_found("id", "mail")),
    }
}

/// Queries about mails.
#[derive(Default)]
pub struct UndeliveredMailQuery;

#[Object]
impl UndeliveredMailQuery {
    /// Mails that were given up, the latest first, for 90 days. Needs a token without client. Right: `identity.mail.manage`.
    async fn undelivered_mails(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<UndeliveredMailConnection> {
        let tx = ctx.provider(Can::MailManage).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let behind = slice.after.as_ref().map(|(moment, id)| {
            let moment = chrono::DateTime::parse_from_rfc3339(moment);
            let moment = moment.map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            Ok::<_, Error>((moment.with_timezone(&Utc), *id))
        });
        let (before, id): (Option<chrono::DateTime<Utc>>, Option<Uuid>) = behind.transpose()?.unzip();
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let counted: Count = tx
                .row(sql("SELECT count(*) AS count FROM core.provider_job j WHERE j.state = 'failed' AND j.kind = 'mail.sign_in'"))
                .await?;
            Some(counted.count)
        } else {
            None
        };
        let rows: Vec<UndeliveredMail> = tx
            .rows(
                sql("SELECT m.id, m.about, m.recipient, m.attempts, m.error_code, m.asked_at, m.given_up_at
                       FROM core.undelivered_mails($1, $2, $3) m")
                .bind::<Nullable<Timestamptz>, _>(before)
                .bind::<Nullable<SqlUuid>, _>(id)
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        let cursor =
            |row: &UndeliveredMail| encode(&row.given_up_at.0.to_rfc3339_opts(SecondsFormat::Micros, true), row.id.0);
        Ok(UndeliveredMailConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// Mutations about mails.
#[derive(Default)]
pub struct UndeliveredMailMutation;

#[Object]
impl UndeliveredMailMutation {
    /// Has a mail that was given up sent again, to the address that its recipient has now; one whose invitation or password
    /// is of no use any more is not sent. Needs a token without client. Right: `identity.mail.manage`.
    async fn undelivered_mail_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The mail.")] input: UndeliveredMailRetryInput,
    ) -> async_graphql::Result<Option<UndeliveredMailRetryPayload>> {
        UndeliveredMailRetryPayload::settle(ctx, retry(ctx.provider(Can::MailManage).await?, input.id).await)
    }
}
