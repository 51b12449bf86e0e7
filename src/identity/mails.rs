//! Mails about coming in: an invitation, a first or a new password, a sign-in from a new device. Each is a job that belongs
//! to no client, asked for in the transaction of what it tells of.
//!
//! A job's arguments hold ids. The secret of an invitation, which is shown to the one who invites as well, is among them
//! sealed by the vault; that of a password is made when its mail is first written, and kept sealed until it is sent, so that
//! a mail that is sent once more says the same.

use std::sync::Arc;

use backoffice_credentials::Opaque;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Binary, Text, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::trail::{self, What};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{InvitationId, SessionId, UserId};
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::mail::{Letter, Mailer};
use crate::platform::sql::sql;
use crate::platform::vault::Vault;

mod letters;

/// For how many minutes a new password can be chosen.
const RESET_MINUTES: i64 = 30;
/// For how many days a first password can be chosen.
const WELCOME_DAYS: i64 = 7;

/// What a mail tells of.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub enum News {
    /// A person was invited.
    Invitation {
        /// The client.
        client: Uuid,
        /// The invitation.
        invitation: Uuid,
        /// Its token, sealed.
        sealed: String,
    },
    /// An account was made for a member of the staff, without a password.
    Welcome {
        /// The account.
        account: Uuid,
    },
    /// Somebody asked for a new password.
    PasswordReset {
        /// The account; none if the address is nobody's, so that asking takes the same time.
        account: Option<Uuid>,
    },
    /// A session was opened from a new device.
    NewDevice {
        /// The session.
        session: Uuid,
    },
}

impl News {
    /// The mail of an invitation, with its token.
    pub(super) fn of_invitation(vault: &Vault, client: Uuid, invitation: InvitationId, token: &str) -> Result<Self> {
        let sealed = vault.seal(&place_of_invitation(invitation.0), token.as_bytes())?;
        Ok(Self::Invitation { client, invitation: invitation.0, sealed: STANDARD.encode(sealed) })
    }

    /// The mail of a session from a new device.
    pub(super) fn of_device(session: SessionId) -> Self {
        Self::NewDevice { session: session.0 }
    }

    /// Asks for the mail in this transaction: it is sent if this is kept.
    pub(super) async fn tell(&self, tx: &Tx) -> Result<()> {
        jobs::enqueue_for_provider::<SignInMail>(tx, self, None).await?;
        Ok(())
    }
}

fn place_of_invitation(invitation: Uuid) -> String {
    format!("mail of invitation {invitation}")
}

fn place_of_mail(mail: Uuid) -> String {
    format!("mail {mail}")
}

/// The kind of job.
pub struct SignInMail {
    /// Sends it.
    pub mailer: Arc<Mailer>,
    /// Opens and seals the secrets.
    pub vault: Vault,
}

/// A mail that is ready to be sent.
struct Addressed {
    name: String,
    email: String,
    letter: Letter,
}

/// What is kept of a mail that was written and perhaps not sent.
#[derive(Serialize, Deserialize, Default)]
struct Written {
    sealed: Option<String>,
}

#[derive(QueryableByName)]
struct Invited {
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    client_name: String,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Opened {
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    user_agent: String,
    #[diesel(sql_type = Text)]
    address: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl JobKind for SignInMail {
    const NAME: JobName = JobName::SignInMail;
    /// With waits of up to ten minutes: some seven hours.
    const TRIES: i32 = 60;
    type Args = News;

    async fn run(&self, job: &JobContext, news: News) -> JobResult {
        let done = Progress { done: 1, total: Some(1) };
        let tx = job.provider_tx().await?;
        let (tx, mail) = match news {
            News::Invitation { client, invitation, sealed } => {
                let mail = self.invitation(&tx, client, invitation, &sealed).await?;
                (tx, mail)
            }
            News::NewDevice { session } => {
                let mail = self.new_device(&tx, session).await?;
                (tx, mail)
            }
            News::Welcome { account } => {
                let until = tx.now() + TimeDelta::days(WELCOME_DAYS);
                self.with_password(job, tx, account, until, What::WelcomeMailed).await?
            }
            News::PasswordReset { account: Some(account) } => {
                let until = tx.now() + TimeDelta::minutes(RESET_MINUTES);
                self.with_password(job, tx, account, until, What::ResetMailed).await?
            }
            News::PasswordReset { account: None } => (tx, None),
        };
        let Some(mail) = mail else {
            // Nobody is to be told any more, or there is nobody.
            return job.finish(tx, &serde_json::json!({ "sent": false }), done).await;
        };
        // Nothing is held while the mail server takes its time.
        if !tx.finish(true).await? {
            return Err(Error::fault("what a mail leads to was not kept").into());
        }
        self.mailer.send(job.id().0, &mail.name, &mail.email, mail.letter).await.map_err(Halt::from)?;
        job.finish(job.provider_tx().await?, &serde_json::json!({ "sent": true }), done).await
    }
}

impl SignInMail {
    fn provider(&self) -> &str {
        &self.mailer.settings().provider
    }

    fn open(&self, place: &str, sealed: &str) -> Result<String> {
        let bytes = STANDARD.decode(sealed).map_err(Error::fault)?;
        String::from_utf8(self.vault.unseal(place, &bytes)?).map_err(Error::fault)
    }

    async fn invitation(&self, tx: &Tx, client: Uuid, invitation: Uuid, sealed: &str) -> Result<Option<Addressed>> {
        let found: Option<Invited> = tx
            .maybe(
                sql("SELECT i.email, i.name, i.client_name, i.expires_at FROM identity.invitation_to_mail($1, $2) i")
                    .bind::<SqlUuid, _>(client)
                    .bind::<SqlUuid, _>(invitation),
            )
            .await?;
        let Some(invited) = found else { return Ok(None) };
        let token = self.open(&place_of_invitation(invitation), sealed)?;
        let letter = letters::Invitation {
            name: invited.name.clone(),
            client: invited.client_name,
            way: way(self.mailer.settings().invitation_link.as_deref(), &token),
            until: moment(invited.expires_at),
        };
        Ok(Some(Addressed { name: invited.name, email: invited.email, letter: letter.write(self.provider()) }))
    }

    /// A mail with a way to a password. Its secret is made and kept the first time; each time it is good from then on.
    async fn with_password(
        &self,
        job: &JobContext,
        tx: Tx,
        account: Uuid,
        until: DateTime<Utc>,
        what: What,
    ) -> Result<(Tx, Option<Addressed>), Halt> {
        let owner: Option<Owner> = tx
            .maybe(
                sql("SELECT a.email, a.name FROM identity.account a WHERE a.id = $1 AND a.disabled_at IS NULL")
                    .bind::<SqlUuid, _>(account),
            )
            .await?;
        let Some(owner) = owner else { return Ok((tx, None)) };
        let place = place_of_mail(job.id().0);
        let (tx, token) = match job.state::<Written>()?.sealed {
            Some(sealed) => {
                let token = self.open(&place, &sealed)?;
                let hash = Opaque::Reset.hash(&token).ok_or_else(|| Error::fault("a sealed token is none"))?;
                if !prolong(&tx, hash, until).await? {
                    // Used, or another mail was used meanwhile.
                    return Ok((tx, None));
                }
                (tx, token)
            }
            None => {
                let (token, hash) = Opaque::Reset.generate().map_err(Error::fault)?;
                keep(&tx, account, hash, until).await?;
                trail::note(&tx, UserId(account), what, job.id().0, "", "").await?;
                let sealed = Some(STANDARD.encode(self.vault.seal(&place, token.as_bytes())?));
                job.checkpoint(tx, &Written { sealed }, Progress { done: 0, total: Some(1) }).await?;
                (job.provider_tx().await?, token.as_str().to_owned())
            }
        };
        let way = way(self.mailer.settings().reset_link.as_deref(), &token);
        let letter = if what == What::WelcomeMailed {
            let (name, email) = (owner.name.clone(), owner.email.clone());
            letters::Welcome { name, email, way, until: moment(until) }.write(self.provider())
        } else {
            let minutes = RESET_MINUTES.to_string();
            letters::PasswordReset { name: owner.name.clone(), way, minutes }.write(self.provider())
        };
        Ok((tx, Some(Addressed { name: owner.name, email: owner.email, letter })))
    }

    async fn new_device(&self, tx: &Tx, session: Uuid) -> Result<Option<Addressed>> {
        let found: Option<Opened> = tx
            .maybe(
                sql("SELECT a.email, a.name, s.user_agent, s.address, s.created_at
                       FROM identity.session s JOIN identity.account a ON a.id = s.account_id
                      WHERE s.id = $1 AND a.disabled_at IS NULL")
                .bind::<SqlUuid, _>(session),
            )
            .await?;
        Ok(found.map(|opened| {
            let silent = opened.user_agent.trim().is_empty();
            let letter = letters::NewDevice {
                name: opened.name.clone(),
                device: if silent { "A device that does not say what it is".to_owned() } else { opened.user_agent },
                address: opened.address,
                at: moment(opened.created_at),
            };
            Addressed { name: opened.name, email: opened.email, letter: letter.write(self.provider()) }
        }))
    }
}

/// Where a token is used, or the token alone where nobody has said that.
fn way(link: Option<&str>, token: &str) -> String {
    link.map_or_else(|| token.to_owned(), |link| link.replace("{token}", token))
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

async fn keep(tx: &Tx, account: Uuid, hash: [u8; 32], until: DateTime<Utc>) -> Result<()> {
    // What is over is of no use any more; what it led to stands in the trail.
    tx.exec(
        sql("DELETE FROM identity.password_reset r WHERE r.account_id = $1 AND r.expires_at < now()")
            .bind::<SqlUuid, _>(account),
    )
    .await?;
    tx.exec(
        sql("INSERT INTO identity.password_reset (hash, account_id, expires_at) VALUES ($1, $2, $3)")
            .bind::<Binary, _>(hash.to_vec())
            .bind::<SqlUuid, _>(account)
            .bind::<Timestamptz, _>(until),
    )
    .await?;
    Ok(())
}

/// False if it is good for nothing any more.
async fn prolong(tx: &Tx, hash: [u8; 32], until: DateTime<Utc>) -> Result<bool> {
    let prolonged = tx
        .exec(
            sql("UPDATE identity.password_reset r SET expires_at = $2 WHERE r.hash = $1 AND r.used_at IS NULL")
                .bind::<Binary, _>(hash.to_vec())
                .bind::<Timestamptz, _>(until),
        )
        .await?;
    Ok(prolonged > 0)
}
