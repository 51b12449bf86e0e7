//! What one is told comes by mail as one wants it: at once, once a day or not at all; once, whoever dies meanwhile; with
//! nothing in it that one does not see when it is sent, and with a link that ends it in one click.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use backoffice::notices::digest;
use backoffice::platform::can::Can;
use backoffice::platform::db::Pools;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, Office, Person, Setup, http};
use crate::mails_are_sent::reader::{Mail, mails};

const PREFER: &str = "mutation($input: NoticePreferenceSetInput!) { noticePreferenceSet(input: $input) {
    noticePreference { mail hour timeZone nextAt } userErrors { code field message } } }";
const PREFERENCE: &str = "{ noticePreference { mail hour timeZone nextAt } }";

struct Desk {
    office: Office,
    firm: Uuid,
    ada: Client,
    bob_is: Person,
    bob: Client,
    record: String,
    pools: Pools,
}

impl Desk {
    /// Bob watches a customer of Ada's. No worker looks before the story starts one.
    async fn open() -> Self {
        let office = Office::with(Setup { jobs: 0, ..Setup::default() });
        let (ada_is, bob_is) = (office.person("Ada"), office.person("Bob"));
        let firm = office.firm("Firm", ada_is);
        office.grant(firm, bob_is, &[Can::CommentRead, Can::NoticeRead, Can::CustomerRead, Can::InternalCommentRead]);
        let (ada, bob) = (office.client(ada_is, firm), office.client(bob_is, firm));
        let query = "mutation { customerCreate(input: { number: \"1\", name: \"Kern\", country: \"DE\" }) { customer { id } userErrors { message } } }";
        let record = ada.ask(query, json!({})).await["customerCreate"]["customer"]["id"].as_str().unwrap().to_owned();
        let pools = Pools::new(&office.app.database.urls(), 4).unwrap();
        Self { office, firm, ada, bob_is, bob, record, pools }
    }

    async fn prefer(&self, input: Value) -> Value {
        self.bob.ask(PREFER, json!({ "input": input })).await["noticePreferenceSet"]["noticePreference"].clone()
    }

    async fn mention(&self, text: &str) {
        let query = "mutation($input: CommentCreateInput!) { commentCreate(input: $input) { comment { id } userErrors { message } } }";
        let text = format!("@[usr_{}] {text}", self.bob_is.account.simple());
        self.ada.ask(query, json!({ "input": { "record": self.record, "text": text } })).await;
    }

    fn folder(&self) -> PathBuf {
        self.office.app.database.folder().with_extension("mail")
    }

    /// The mails of notices so far, once nothing is on its way any more.
    async fn arrived(&self) -> Vec<Mail> {
        let begun = Instant::now();
        while self.office.count("SELECT count(*) FROM core.job_queue WHERE kind = 'mail.notices'") > 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "mails are still on their way");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        mails(&self.folder()).into_iter().filter(|mail| mail.header("Subject").contains("for you")).collect()
    }

    fn jobs(&self) -> i64 {
        self.office.count("SELECT count(*) FROM core.provider_job WHERE kind = 'mail.notices'")
    }
}

#[tokio::test]
async fn a_mail_is_sent_once() {
    let desk = Desk::open().await;
    assert_eq!(
        desk.bob.ask(PREFERENCE, json!({})).await["noticePreference"],
        json!({ "mail": "OFF", "hour": 8, "timeZone": "UTC", "nextAt": null })
    );
    desk.mention("Before.").await;
    assert!(!digest::ask(&desk.pools).await.unwrap());
    assert_eq!(desk.prefer(json!({ "mail": "AT_ONCE" })).await["mail"], "AT_ONCE");
    // What came with an archive is in no mail either.
    desk.office.app.database.lay(&format!(
        "UPDATE practice.notice_preference SET since = now() - interval '30 days';
         SET session_replication_role = replica;
         UPDATE practice.notice SET created_at = now() - interval '2 days' WHERE tenant_id = '{}';
         SET session_replication_role = DEFAULT",
        desk.firm
    ));
    desk.mention("Please look.").await;
    desk.mention("And again.").await;
    let asked = tokio::join!(digest::ask(&desk.pools), digest::ask(&desk.pools), digest::ask(&desk.pools));
    for one in [asked.0, asked.1, asked.2] {
        one.unwrap();
    }
    assert_eq!(desk.jobs(), 1, "each mail is asked for once");
    // One worker is killed, two others go on.
    drop(desk.office.app.database.worker(1));
    let workers = desk.office.app.database.workers(2);
    let came = desk.arrived().await;
    assert_eq!(came.len(), 1);
    let mail = &came[0];
    assert_eq!(mail.header("Subject"), "2 notices for you");
    assert!(mail.header("To").contains(&format!("{}@firm.example", desk.bob_is.account.simple())));
    assert!(
        mail.text.contains("Firm: Ada mentioned you beside a customer") && mail.text.contains("Please look."),
        "{}",
        mail.text
    );
    assert!(!mail.text.contains("Before."), "what was told before is in no mail");
    desk.mention("Later.").await;
    let begun = Instant::now();
    while desk.arrived().await.len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "no second mail");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let came = desk.arrived().await;
    assert_eq!(came.iter().filter(|mail| mail.text.contains("Please look.")).count(), 1);
    // Who wants none gets none.
    desk.prefer(json!({ "mail": "OFF" })).await;
    desk.mention("Never.").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(desk.arrived().await.len(), 2);
    workers.stop().await;
}

#[tokio::test]
async fn a_mail_tells_what_its_reader_sees_when_it_is_sent() {
    let desk = Desk::open().await;
    desk.prefer(json!({ "mail": "AT_ONCE" })).await;
    let database = &desk.office.app.database;
    let sent = async |lose: &str| {
        desk.mention("Secret.").await;
        assert!(digest::ask(&desk.pools).await.unwrap());
        database.lay(&format!("SELECT core.set_tenant('{}'); {lose}", desk.firm));
        let workers = database.workers(1);
        let came = desk.arrived().await;
        workers.stop().await;
        came
    };
    // Read meanwhile; the right has ended; the comment was taken back; the client is closed.
    let (firm, bob) = (desk.firm, desk.bob_is.account);
    assert_eq!(sent(&format!("UPDATE practice.notice SET read_at = now() WHERE tenant_id = '{firm}'")).await.len(), 0);
    let end = format!(
        "UPDATE identity.access_grant SET ended_at = now() WHERE tenant_id = '{firm}' AND account_id = '{bob}'"
    );
    assert_eq!(sent(&end).await.len(), 0);
    desk.office.grant(firm, desk.bob_is, &[Can::CommentRead, Can::NoticeRead, Can::CustomerRead]);
    desk.office.grant(firm, desk.bob_is, &[Can::InternalCommentRead]);
    let less = format!(
        "UPDATE identity.access_grant g SET ended_at = now() FROM identity.role r
          WHERE g.tenant_id = '{firm}' AND g.account_id = '{bob}' AND r.tenant_id = g.tenant_id AND r.id = g.role_id
            AND 'work.internal_comment.read' = ANY (r.permissions)"
    );
    let without = sent(&less).await;
    assert_eq!(without.len(), 1);
    assert!(
        !without[0].text.contains("Secret."),
        "without the right to it, nothing of a comment is told: {}",
        without[0].text
    );
    desk.office.grant(firm, desk.bob_is, &[Can::InternalCommentRead]);
    let close =
        format!("UPDATE practice.client SET closes_at = now() - interval '1 minute' WHERE tenant_id = '{firm}'");
    assert_eq!(sent(&close).await.len(), 1, "a client that is closed sends nothing");
}

#[tokio::test]
async fn once_a_day_at_an_hour_of_ones_own() {
    let desk = Desk::open().await;
    let set = desk.prefer(json!({ "mail": "DAILY", "hour": 7, "timeZone": "Asia/Kathmandu" })).await;
    assert!(set["nextAt"].as_str().unwrap().contains("T01:15:00"), "{set}");
    for (input, field) in
        [(json!({ "mail": "DAILY", "hour": 24 }), "hour"), (json!({ "mail": "DAILY", "hour": -1 }), "hour")]
    {
        assert_eq!(desk.bob.refused(PREFER, json!({ "input": input })).await[0]["field"], json!(["input", field]));
    }
    let bad = desk.bob.send(PREFER, json!({ "input": { "mail": "DAILY", "timeZone": "Mars/Olympus" } })).await;
    assert_ne!(bad.code(), "OK");
    desk.mention("One.").await;
    desk.mention("Two.").await;
    assert!(!digest::ask(&desk.pools).await.unwrap(), "its hour has not come");
    desk.office.app.database.lay("UPDATE practice.notice_preference SET next_at = now() - interval '1 second'");
    let asked = tokio::join!(digest::ask(&desk.pools), digest::ask(&desk.pools));
    assert!(asked.0.unwrap() != asked.1.unwrap(), "one of two asks");
    let workers = desk.office.app.database.workers(1);
    let came = desk.arrived().await;
    assert_eq!((came.len(), desk.jobs()), (1, 1));
    assert!(came[0].text.contains("One.") && came[0].text.contains("Two."));
    let next = desk.bob.ask(PREFERENCE, json!({})).await["noticePreference"]["nextAt"].clone();
    assert!(next.as_str().unwrap() > chrono::Utc::now().to_rfc3339().as_str(), "{next}");
    // A day on which nothing was told has no mail.
    desk.office.app.database.lay("UPDATE practice.notice_preference SET next_at = now() - interval '1 second'");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(desk.arrived().await.len(), 1);
    workers.stop().await;
}

#[tokio::test]
async fn one_click_ends_it() {
    let folder = std::env::temp_dir().join(format!("backoffice-notices-{}", Uuid::now_v7().simple()));
    let settings = backoffice::platform::mail::Settings {
        public_url: Some("https://office.example".to_owned()),
        ..backoffice::platform::mail::Settings::in_folder(folder.clone())
    };
    let office = Office::with(Setup { mails: Some(settings), ..Setup::default() });
    let (ada_is, bob_is) = (office.person("Ada"), office.person("Bob"));
    let firm = office.firm("Firm", ada_is);
    let bob = office.client(bob_is, firm);
    office.grant(firm, bob_is, &[Can::CommentRead, Can::NoticeRead, Can::CustomerRead]);
    bob.ask(PREFER, json!({ "input": { "mail": "AT_ONCE" } })).await;
    let ada = office.client(ada_is, firm);
    let query = "mutation { customerCreate(input: { number: \"1\", name: \"Kern\", country: \"DE\" }) { customer { id } userErrors { message } } }";
    let record = ada.ask(query, json!({})).await["customerCreate"]["customer"]["id"].clone();
    let say = "mutation($input: CommentCreateInput!) { commentCreate(input: $input) { comment { id } userErrors { message } } }";
    let text = format!("@[usr_{}] Hello", bob_is.account.simple());
    ada.ask(say, json!({ "input": { "record": record, "text": text, "visibleToClient": true } })).await;
    let begun = Instant::now();
    while mails(&folder).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no mail");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mail = mails(&folder).remove(0);
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let link = mail.header("List-Unsubscribe").trim_start_matches('<').trim_end_matches('>').to_owned();
    assert!(mail.text.contains(&link), "{}", mail.text);
    let path = link.strip_prefix("https://office.example").unwrap();
    let address = office.app.url(path);
    // Looking at it changes nothing; neither does a link that somebody has made up.
    let page = http().get(&address).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    assert!(page.text().await.unwrap().contains("<form method=\"post\">"));
    let mut bent = address.clone();
    let last = if bent.pop() == Some('A') { 'B' } else { 'A' };
    bent.push(last);
    for address in [
        bent,
        office.app.url("/notices/unsubscribe/x"),
        office.app.url(&format!("/notices/unsubscribe/{}", "A".repeat(300))),
    ] {
        assert_eq!(http().post(&address).send().await.unwrap().status(), 404, "{address}");
    }
    assert_eq!(bob.ask(PREFERENCE, json!({})).await["noticePreference"]["mail"], "AT_ONCE");
    // One click, as a mail program does it, and once more.
    for _ in 0..2 {
        let said = http()
            .post(&address)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click");
        assert_eq!(said.send().await.unwrap().status(), 200);
    }
    assert_eq!(bob.ask(PREFERENCE, json!({})).await["noticePreference"]["mail"], "OFF");
    ada.ask(say, json!({ "input": { "record": record, "text": text, "visibleToClient": true } })).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(mails(&folder).len(), 1);
    let _ = std::fs::remove_dir_all(folder);
}
