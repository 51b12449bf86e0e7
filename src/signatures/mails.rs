//! Mails about signatures: that somebody's turn has come, that he has not signed yet, and to whoever has sent the request
//! what became of it. Each is a job that reads what is still wanted when its time has come.
//!
//! Who has no account is sent a link. Its secret is made right before its mail is sent and kept nowhere but as a hash: not in
//! the job, and not shown to whoever has asked for the signature. A mail that is sent once more holds another link; all of
//! them lead to the same until they are revoked.

use std::sync::Arc;

use backoffice_credentials::Opaque;
use diesel::QueryableByName;
use diesel::sql_types::{Binary, Bool, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::jobs::{self, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::mail::{Letter, Mailer, Unsent};
use crate::platform::scalars::DateTime;
use crate::platform::signing;
use crate::platform::sql::sql;
use crate::work::reminder::mail_of;

/// Which request a job is about.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Of {
    /// Its client.
    pub client: Uuid,
    /// The request.
    pub request: Uuid,
}

/// What is told.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// That signer's turn has come.
    Asked {
        /// His number.
        signer: i32,
    },
    /// Whoever has not signed is reminded.
    Reminder,
    /// What became of it, to whoever has sent it.
    Over,
}

impl News {
    fn word(self) -> &'static str {
        match self {
            Self::Asked { .. } => "asked",
            Self::Reminder => "reminder",
            Self::Over => "over",
        }
    }
}

/// What a job is to tell.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Told {
    of: Of,
    news: News,
}

/// Asks for the mails, in the transaction of what they tell of.
pub(super) async fn ask(tx: &Tx, request: Uuid, news: News, at: Option<DateTime>) -> Result<()> {
    let told = Told { of: Of { client: tx.tenant()?, request }, news };
    jobs::enqueue_for_provider::<SignatureMail>(tx, &told, at).await?;
    Ok(())
}

crate::platform::letter! {
    /// Somebody is asked to sign.
    Asked("asked.txt") {
        /// Who.
        name,
        /// Whether it is a reminder.
        again,
        /// What it is about.
        title,
        /// Who has asked.
        sender,
        /// For which client.
        client,
        /// What he was told beside that.
        message,
        /// Until when.
        until,
        /// How he comes to it.
        way,
    }
}

crate::platform::letter! {
    /// Whoever has sent a request is told what became of it.
    Over("over.txt") {
        /// Who.
        name,
        /// What it is about.
        title,
        /// For which client.
        client,
        /// What became of it.
        outcome,
        /// Why.
        reason,
    }
}

/// The kind of job.
pub struct SignatureMail {
    /// Sends the mails.
    pub mailer: Arc<Mailer>,
}

#[derive(QueryableByName)]
struct Addressed {
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = SqlUuid)]
    signer_id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Bool)]
    by_link: bool,
    #[diesel(sql_type = Text)]
    client_name: String,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    message: String,
    #[diesel(sql_type = Text)]
    requested_by_name: String,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Bool)]
    done: bool,
}

/// How far a job has come: who was sent a mail, and who could not be.
#[derive(Serialize, Deserialize, Default)]
struct Sent {
    sent: Vec<Uuid>,
    refused: Vec<Uuid>,
}

/// A text, or a dash where there is none.
fn or_dash(text: &str) -> String {
    if text.trim().is_empty() { "-".to_owned() } else { text.to_owned() }
}

impl SignatureMail {
    /// Opens a transaction about the request; nothing if the client has gone.
    async fn tx(job: &JobContext, of: Of) -> Result<Option<Tx>> {
        match signing::for_request(job.pools(), of.client, of.request, job.id().0).await {
            Ok(tx) => Ok(Some(tx)),
            Err(Error::Forbidden(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How a signer comes to the document: by his account, or by a link that is made now. Nothing: it is not his turn any more.
    async fn way(&self, tx: &Tx, of: Of, one: &Addressed) -> Result<Option<String>> {
        if !one.by_link {
            return Ok(Some("Sign in to the portal: it waits for you there.".to_owned()));
        }
        let (shown, hash) = Opaque::Signing.generate().map_err(Error::fault)?;
        let made: Done = tx
            .row(
                sql("SELECT practice.make_signature_link($1, $2, $3) AS done")
                    .bind::<SqlUuid, _>(of.request)
                    .bind::<Int4, _>(one.number)
                    .bind::<Binary, _>(hash.to_vec()),
            )
            .await?;
        let token = format!("{}.{}", of.client.simple(), shown.as_str());
        let way = match self.mailer.settings().signature_link.as_deref() {
            Some(link) => link.replace("{token}", &token),
            None => token,
        };
        Ok(made.done.then_some(way))
    }

    fn letter(&self, news: News, one: &Addressed, way: String) -> Letter {
        let provider = &self.mailer.settings().provider;
        match news {
            News::Over => Over {
                name: one.name.clone(),
                title: one.title.clone(),
                client: one.client_name.clone(),
                outcome: match one.state.as_str() {
                    "signed" => "All have signed.",
                    "declined" => "A signer has declined.",
                    "expired" => "Not all have signed in time.",
                    _ => "It was taken back.",
                }
                .to_owned(),
                reason: or_dash(one.reason.as_deref().unwrap_or_default()),
            }
            .write(provider),
            News::Asked { .. } | News::Reminder => Asked {
                name: one.name.clone(),
                again: if news == News::Reminder { "Reminder: your signature" } else { "Your signature" }.to_owned(),
                title: one.title.clone(),
                sender: one.requested_by_name.clone(),
                client: one.client_name.clone(),
                message: or_dash(&one.message),
                until: format!("{} (UTC)", one.expires_at.0.format("%-d %B %Y, %H:%M")),
                way,
            }
            .write(provider),
        }
    }
}

impl JobKind for SignatureMail {
    const NAME: JobName = JobName::SignatureMail;
    /// With waits of up to ten minutes: some seven hours.
    const TRIES: i32 = 60;
    type Args = Told;

    async fn run(&self, job: &JobContext, told: Told) -> JobResult {
        let Told { of, news } = told;
        let mut state: Sent = job.state()?;
        let signer = if let News::Asked { signer } = news { Some(signer) } else { None };
        let people: Vec<Addressed> = match Self::tx(job, of).await? {
            None => Vec::new(),
            Some(tx) => {
                let people = tx
                    .rows(
                        sql("SELECT m.* FROM practice.signature_mails($1, $2, $3) m")
                            .bind::<SqlUuid, _>(of.request)
                            .bind::<Text, _>(news.word())
                            .bind::<Nullable<Int4>, _>(signer),
                    )
                    .await?;
                tx.finish(false).await?;
                people
            }
        };
        let count = |number: usize| u64::try_from(number).unwrap_or_default();
        for one in people {
            let person = one.signer_id;
            if state.sent.contains(&person) || state.refused.contains(&person) {
                continue;
            }
            let Some(tx) = Self::tx(job, of).await? else { break };
            let way = if news == News::Over { Some(String::new()) } else { self.way(&tx, of, &one).await? };
            if !tx.finish(true).await? {
                return Err(Error::fault("a link was not kept").into());
            }
            let Some(way) = way else { continue };
            let letter = self.letter(news, &one, way);
            // Nothing is held while the mail server takes its time.
            let sent = match self.mailer.send(mail_of(job.id().0, person), &one.name, &one.email, letter).await {
                Ok(()) => {
                    state.sent.push(person);
                    true
                }
                Err(Unsent::Refused(_)) => {
                    state.refused.push(person);
                    false
                }
                Err(later) => return Err(later.into()),
            };
            if let Some(tx) = Self::tx(job, of).await? {
                let _: Done = tx
                    .row(
                        sql("SELECT practice.signature_mailed($1, $2, $3, $4) AS done")
                            .bind::<SqlUuid, _>(of.request)
                            .bind::<Int4, _>(one.number)
                            .bind::<Text, _>(news.word())
                            .bind::<Bool, _>(sent),
                    )
                    .await?;
                tx.finish(true).await?;
            }
            let done = Progress { done: count(state.sent.len()), total: None };
            job.checkpoint(job.provider_tx().await?, &state, done).await?;
        }
        let done = Progress { done: count(state.sent.len()), total: Some(count(state.sent.len())) };
        let result = serde_json::json!({ "mails": state.sent.len(), "refused": state.refused.len() });
        job.finish(job.provider_tx().await?, &result, done).await
    }
}
