//! Mails of notices. The loop that tells also asks for the mails that are due: one job a mail, in the transaction that takes
//! it off the list, so that each is asked for once. What it says is read when it is sent, and holds nothing that its reader
//! does not see then; a notice is in one mail only, and a mail that is sent once more has the same id.

use std::fmt::Write;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::about;
use super::notice::NoticeCause;
use super::unsubscribe;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::mail::{Letter, Mailer, template};
use crate::platform::sql::sql;
use crate::platform::vault::Vault;

/// What the mail says; `{{lines}}` stands for a paragraph each.
const TEMPLATE: &str = include_str!("notices.txt");
/// The most notices that one mail names.
const MOST: usize = 50;
/// Mails that are asked for at once.
const BATCH: i32 = 50;

/// To whom a mail goes, and of which clients.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Due {
    account: Uuid,
    clients: Vec<Uuid>,
    /// About when the first of it was told.
    since: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = Array<SqlUuid>)]
    clients: Vec<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    since: DateTime<Utc>,
}

/// Asks for the mails that are due. False if none are.
pub async fn ask(pools: &Pools) -> Result<bool> {
    let tx = Tx::open_anonymous(pools).await?;
    let due: Vec<DueRow> = tx
        .rows(sql("SELECT d.account_id, d.clients, d.since FROM core.notice_mails_due($1) d").bind::<Int4, _>(BATCH))
        .await?;
    let any = !due.is_empty();
    for one in due {
        let due = Due { account: one.account_id, clients: one.clients, since: one.since };
        jobs::enqueue_for_provider::<NoticeMail>(&tx, &due, None).await?;
    }
    if tx.finish(true).await? { Ok(any) } else { Err(Error::fault("mails of notices were not asked for")) }
}

/// The kind of job.
pub struct NoticeMail {
    /// Sends the mails.
    pub mailer: Arc<Mailer>,
    /// Seals the links by which they are ended.
    pub vault: Vault,
}

/// A notice as a mail tells of it.
#[derive(QueryableByName, Clone, Debug)]
struct Line {
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    client_name: String,
    #[diesel(sql_type = Text)]
    record_type: String,
    #[diesel(sql_type = Text)]
    cause: NoticeCause,
    #[diesel(sql_type = Text)]
    actor_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    event_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    says: Option<String>,
}

/// `WorkItem` as people write it.
fn words(kind: &str) -> String {
    let mut out = String::new();
    for one in kind.chars() {
        if one.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(one.to_lowercase());
    }
    out
}

impl Line {
    fn sentence(&self) -> String {
        let record = words(&self.record_type);
        let who = if self.actor_name.is_empty() { "The server" } else { &self.actor_name };
        let what = match self.cause {
            NoticeCause::Mentioned => format!("{who} mentioned you beside a {record}"),
            NoticeCause::Commented => format!("{who} wrote beside a {record}"),
            NoticeCause::Assigned => format!("{who} gave you a {record}"),
            NoticeCause::Moved => format!("{who} moved a {record} on"),
            NoticeCause::Answered => format!("{who} answered a {record}"),
            NoticeCause::Rule => format!("the rule \"{who}\" names a {record}"),
            NoticeCause::Happened => {
                let event = self.event_kind.as_deref().unwrap_or_default().replace(['.', '_'], " ");
                format!("{who}: {event}")
            }
            NoticeCause::Breached => format!("the clock \"{who}\" of a {record} went over its target"),
        };
        let mut sentence = format!("{}: {what}", self.client_name);
        match self.says.as_deref().map(template::line).filter(|says| !says.is_empty()) {
            Some(says) => {
                let _ = write!(sentence, ": {says}");
            }
            None => sentence.push('.'),
        }
        sentence
    }
}

/// The mail of some notices, with the link by which its reader wants no more.
fn written(lines: &[Line], provider: &str, link: Option<&str>) -> Letter {
    let name = lines.first().map(|line| line.name.clone()).unwrap_or_default();
    let news = match lines.len() {
        1 => "1 notice for you".to_owned(),
        many => format!("{many} notices for you"),
    };
    let mut said: Vec<String> = lines.iter().take(MOST).map(Line::sentence).collect();
    if let Some(more) = lines.len().checked_sub(MOST).filter(|more| *more > 0) {
        said.push(format!("and {more} more"));
    }
    let names: Vec<String> = (0..said.len()).map(|at| format!("line{at}")).collect();
    let mut paragraphs = String::new();
    for name in &names {
        let _ = write!(paragraphs, "– {{{{{name}}}}}\n\n");
    }
    // A link stands alone, so that it can be followed.
    let way = match link {
        Some(_) => "; to get no more:\n\n{{link}}",
        None => "; say so in the portal if you want no more.",
    };
    let text = TEMPLATE.replace("{{lines}}", paragraphs.trim_end()).replace("{{way}}", way);
    let mut fields = vec![("provider", provider), ("name", name.as_str()), ("news", news.as_str())];
    fields.extend(names.iter().map(String::as_str).zip(said.iter().map(String::as_str)));
    fields.extend(link.map(|link| ("link", link)));
    template::write(&text, &fields)
}

impl JobKind for NoticeMail {
    const NAME: JobName = JobName::NoticeMail;
    /// With waits of up to ten minutes: some seven hours.
    const TRIES: i32 = 60;
    type Args = Due;

    async fn run(&self, job: &JobContext, of: Due) -> JobResult {
        let done = Progress { done: 1, total: Some(1) };
        let (types, rights) = about::lists();
        let tx = job.provider_tx().await?;
        let lines: Vec<Line> = tx
            .rows(
                sql("SELECT n.email, n.name, n.client_name, n.record_type, n.cause, n.actor_name, n.event_kind, n.says
                       FROM practice.notices_to_mail($1, $2, $3, $4, $5, $6) n")
                .bind::<SqlUuid, _>(of.account)
                .bind::<Array<SqlUuid>, _>(of.clients)
                .bind::<SqlUuid, _>(job.id())
                .bind::<Array<Text>, _>(types)
                .bind::<Array<Text>, _>(rights)
                .bind::<Timestamptz, _>(of.since),
            )
            .await?;
        let Some(first) = lines.first() else {
            // All was read, or he does not see it any more.
            return job.finish(tx, &serde_json::json!({ "sent": false }), done).await;
        };
        let settings = self.mailer.settings();
        let link = match &settings.public_url {
            Some(base) => Some(unsubscribe::link(&self.vault, base, of.account)?),
            None => None,
        };
        let letter = written(&lines, &settings.provider, link.as_deref());
        // Nothing is held while the mail server takes its time.
        if !tx.finish(true).await? {
            return Err(Error::fault("what a mail tells was not kept").into());
        }
        let sent = self.mailer.send_to_reader(job.id().0, &first.name, &first.email, letter, link.as_deref()).await;
        sent.map_err(Halt::from)?;
        job.finish(job.provider_tx().await?, &serde_json::json!({ "sent": true, "notices": lines.len() }), done).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cause: NoticeCause, record_type: &str, says: Option<&str>) -> Line {
        Line {
            email: "rosa@firm.example".to_owned(),
            name: "Rosa Kern".to_owned(),
            client_name: "Nordwind <GmbH>".to_owned(),
            record_type: record_type.to_owned(),
            cause,
            actor_name: "Bob".to_owned(),
            event_kind: (cause == NoticeCause::Happened).then(|| "invoice.issued".to_owned()),
            says: says.map(str::to_owned),
        }
    }

    #[test]
    fn people_read_this() {
        let lines = [
            line(NoticeCause::Mentioned, "WorkItem", Some("What about\r\nBcc: x@evil.example {{link}}?")),
            line(NoticeCause::Happened, "Invoice", None),
            line(NoticeCause::Breached, "ClientRequest", None),
        ];
        let read = |letter: &Letter| format!("Subject: {}\n\n{}\n---\n{}", letter.subject, letter.text, letter.html);
        let link = "https://office.example/notices/unsubscribe/x";
        insta::assert_snapshot!("notices", read(&written(&lines, "Kern & Partner", Some(link))));
        insta::assert_snapshot!("notice", read(&written(&lines[1..2], "Kern & Partner", None)));
    }

    #[test]
    fn a_mail_names_so_many_and_counts_the_others() {
        let lines: Vec<Line> = (0..120).map(|_| line(NoticeCause::Commented, "WorkItem", Some("x"))).collect();
        let letter = written(&lines, "Kern", None);
        assert_eq!(letter.text.matches("Bob wrote beside a work item").count(), MOST);
        assert!(letter.text.contains("– and 70 more") && letter.subject == "120 notices for you");
    }
}
