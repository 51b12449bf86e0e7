//! Workers die in the middle of taking mails; each mail is registered once, under a number without gap, with all its bytes.
//! `BACKOFFICE_STORY_MAILS` says how many (2000, say); `--nocapture` shows how quickly they went.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{DOMAIN, Post, lay, mail, register};
use crate::harness::Database;

#[tokio::test]
async fn each_mail_is_registered_once_however_often_workers_die() {
    let count: usize = std::env::var("BACKOFFICE_STORY_MAILS").map_or(60, |count| count.parse().unwrap());
    let post = Post::open();
    let (client, address, firm) = post.client("Nordwind GmbH").await;
    let maildir = Database::new().folder().with_extension("maildir");
    for at in 0..count {
        let body =
            format!("--b\n\nMail {at}\n--b\nContent-Disposition: attachment; filename={at}.txt\n\nFile {at}\n--b--");
        let more = format!("Subject: Mail {at}\nContent-Type: multipart/mixed; boundary=b");
        lay(&maildir, mail(&address, &format!("<{at}@x.example>"), &more, &body).as_bytes());
    }
    let left = || std::fs::read_dir(maildir.join("new")).unwrap().count();
    let environment =
        [("BACKOFFICE_INBOUND_MAILDIR", maildir.to_str().unwrap()), ("BACKOFFICE_INBOUND_DOMAIN", DOMAIN)];
    let (mut kills, mut in_the_middle, begun) = (0_u64, 0_u32, Instant::now());
    while left() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(240 + count as u64 / 5), "{} are left", left());
        let before = left();
        let worker = post.office.app.database.worker_with(1, &environment);
        let started = Instant::now();
        while left() == before && started.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Each kill meets it somewhere else.
        tokio::time::sleep(Duration::from_millis(kills * 37 % 211)).await;
        drop(worker);
        kills += 1;
        in_the_middle += u32::from(left() > 0);
    }
    println!("{count} mails, {kills} kills ({in_the_middle} in the middle) in {:?}", begun.elapsed());
    assert!(in_the_middle >= 2, "{kills} kills, {in_the_middle} of them in the middle");
    let numbers = post.office.app.database.lines(
        "postgres",
        &format!("SELECT number AS line FROM practice.correspondence WHERE tenant_id = '{firm}' ORDER BY number"),
    );
    let unique: BTreeSet<&String> = numbers.iter().collect();
    assert_eq!((numbers.len(), unique.len()), (count, count));
    assert!(numbers.last().unwrap().ends_with(&format!("-{count:05}")), "{numbers:?}");
    let whole = post.office.count(&format!(
        "SELECT count(DISTINCT r.message_id) FROM practice.correspondence_received r
           JOIN core.file w ON w.tenant_id = r.tenant_id AND w.id = r.raw_file_id AND w.state = 'ready'
           JOIN practice.correspondence_file f ON f.tenant_id = r.tenant_id AND f.entry_id = r.entry_id
           JOIN core.file p ON p.tenant_id = f.tenant_id AND p.id = f.file_id AND p.state = 'ready'
          WHERE r.tenant_id = '{firm}'"
    ));
    assert_eq!(usize::try_from(whole).unwrap(), count);
    assert_eq!(std::fs::read_dir(maildir.join("cur")).unwrap().count(), count);
    for entry in register(&client).await.iter().take(20) {
        let said = post.bytes(&entry["received"]["attachments"][0]["file"]).await;
        assert_eq!(String::from_utf8_lossy(&said), entry["subject"].as_str().unwrap().replace("Mail", "File"));
    }
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}
