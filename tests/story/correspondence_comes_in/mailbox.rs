//! Mails come in from a mailbox at a mail server: each is registered once and only then taken away there, whatever the server
//! does, and however often whoever takes them dies.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use backoffice::platform::mail::{Inbound, Mailbox};
use serde_json::json;

use super::mail_server::{IN_A_URL, MailServer, Mischief};
use super::{DOMAIN, Post, mail, register};
use crate::harness::{Client, Database};

fn url(server: &MailServer, scheme: &str, more: &str) -> String {
    format!("{scheme}://in:{IN_A_URL}@127.0.0.1:{}{more}", server.port)
}

/// An office that looks into that mailbox every second.
fn post_at(url: &str) -> (Post, PathBuf) {
    let aside = Database::new().folder().with_extension("mailbox");
    let mailbox = Mailbox::parse(url, aside.clone()).unwrap();
    let post = Post::with(|setup| {
        let inbound = Inbound { maildir: None, mailbox: Some(mailbox), domain: DOMAIN.to_owned() };
        setup.mails.as_mut().unwrap().inbound = Some(inbound);
    });
    (post, aside)
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn registered(client: &Client, count: usize) {
    until("registered", async || register(client).await.len() >= count).await;
    assert_eq!(register(client).await.len(), count);
}

async fn figures(post: &Post) -> String {
    reqwest::get(post.office.app.url("/metrics")).await.unwrap().text().await.unwrap()
}

/// Whoever waits after a failure waits no longer.
fn at_once(post: &Post) {
    post.office.app.database.lay("UPDATE core.mailbox_turn SET next_turn_at = now()");
}

#[tokio::test]
async fn what_is_registered_moves_into_a_folder_of_its_own() {
    let server = MailServer::imap().await;
    let (post, aside) = post_at(&url(&server, "imap", "/INBOX?every=1&tls=none"));
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let large = format!(
        "--b\n\nSee.\n--b\nContent-Disposition: attachment; filename=all.txt\n\n{}\n--b--\n",
        "0123456789abcde\n".repeat(160_000)
    );
    server.deliver(mail(&address, "<1@x.example>", "Subject: One", "Hello\n.\n)\n* 1 FETCH (UID 1\nb9 OK done"));
    let whole = mail(&address, "<2@x.example>", "Subject: Two\nContent-Type: multipart/mixed; boundary=b", &large);
    server.deliver(&whole);
    server.deliver(mail("nobody@x.example", "<3@x.example>", "Subject: Nobody's", "x"));
    until("all are moved", async || server.count("INBOX") == 0).await;
    assert_eq!(
        (server.count("Done"), server.inside().folders.clone()),
        (3, vec!["INBOX".to_owned(), "Done".to_owned()])
    );
    let entries = register(&client).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    let one = entries.iter().find(|entry| entry["subject"] == "One").unwrap();
    assert!(one["text"].as_str().unwrap().starts_with("Hello\n.\n)"), "{one}");
    // Pieces of a megabyte make the same mail.
    let two = entries.iter().find(|entry| entry["subject"] == "Two").unwrap();
    assert_eq!(post.bytes(&two["received"]["raw"]).await, whole.as_bytes());
    assert_eq!(two["received"]["attachments"][0]["file"]["name"], "all.txt");
    // What is nobody's lies here, with the reason; nothing else does.
    let left = |folder: &str| std::fs::read_dir(aside.join(folder)).unwrap().count();
    assert_eq!((left("unclaimed"), left("new"), left("cur"), left("tmp")), (2, 0, 0, 0));
    // The same mail once more goes out of the way as well.
    server.deliver(mail(&address, "<1@x.example>", "Subject: One", "Hello\n.\n)\n* 1 FETCH (UID 1\nb9 OK done"));
    until("moved", async || server.count("INBOX") == 0).await;
    assert_eq!((register(&client).await.len(), server.count("Done")), (2, 4));
    let figures = figures(&post).await;
    assert!(figures.contains("backoffice_mailbox_looks_total{outcome=\"read\"}"), "{figures}");
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn an_older_server_copies_and_another_keeps_its_mails_where_they_are() {
    let server = MailServer::imap().await;
    server.inside().modern = false;
    let (post, _) = post_at(&url(&server, "imap", "/?every=1&tls=none&done=Old%20mails"));
    let (client, address, _) = post.client("Nordwind GmbH").await;
    server.deliver(mail(&address, "<1@x.example>", "Subject: One", "Hello"));
    until("moved", async || server.count("INBOX") == 0 && server.count("Old mails") == 1).await;
    registered(&client, 1).await;

    let server = MailServer::imap().await;
    let (post, _) = post_at(&url(&server, "imap", "/?every=1&tls=none&done="));
    let (client, address, _) = post.client("Nordwind GmbH").await;
    server.deliver(mail(&address, "<1@x.example>", "Subject: One", "Hello"));
    until("seen", async || server.inside().mails[0].seen).await;
    registered(&client, 1).await;
    assert_eq!(server.count("INBOX"), 1);
    let looked = server.inside().connections;
    until("looked again", async || server.inside().connections > looked + 1).await;
    assert_eq!(server.inside().fetched, 1);
}

#[tokio::test]
async fn what_is_registered_is_deleted_at_a_server_of_pop3() {
    let server = MailServer::pop3().await;
    let (post, _) = post_at(&url(&server, "pop3", "?every=1&tls=none"));
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let whole = mail(&address, "<1@x.example>", "Subject: One", ".Hello\n..\n.\n\nBye");
    // Until the server has taken the goodbye, they come again.
    server.inside().mischief = Mischief::HangUpAtTheEnd;
    server.deliver(&whole);
    registered(&client, 1).await;
    at_once(&post);
    until("again", async || server.inside().fetched > 1).await;
    server.inside().mischief = Mischief::None;
    at_once(&post);
    until("deleted", async || server.inside().mails.is_empty()).await;
    let entries = register(&client).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(post.bytes(&entries[0]["received"]["raw"]).await, format!("{whole}\r\n").as_bytes());
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

/// A server misbehaves for two looks, and then no more.
async fn misbehaves(is_imap: bool, mischief: Mischief) {
    let server = if is_imap { MailServer::imap().await } else { MailServer::pop3().await };
    server.inside().mischief = mischief;
    let (post, aside) = post_at(&url(&server, if is_imap { "imap" } else { "pop3" }, "?every=1&tls=none"));
    let (client, address, _) = post.client("Nordwind GmbH").await;
    server.deliver(mail(&address, "<1@x.example>", "Subject: One", &"Hello\n".repeat(1000)));
    until(&format!("{mischief:?}"), async || {
        at_once(&post);
        let inside = server.inside();
        inside.connections >= 2 && inside.open == 0
    })
    .await;
    // Only where the mail came whole it stands there; nowhere it is out of the way.
    if mischief == Mischief::HangUpAtTheEnd {
        registered(&client, 1).await;
    } else {
        assert_eq!(register(&client).await.len(), 0, "{mischief:?}");
    }
    assert_eq!((server.count("INBOX"), server.count("Done")), (1, 0), "{mischief:?}");
    server.inside().mischief = Mischief::None;
    until(&format!("after {mischief:?}"), async || {
        at_once(&post);
        server.count("INBOX") == 0
    })
    .await;
    assert_eq!(register(&client).await.len(), 1, "{mischief:?}");
    assert_eq!(std::fs::read_dir(aside.join("tmp")).unwrap().count(), 0, "{mischief:?}");
    assert_eq!(server.inside().most_open, 1, "{mischief:?}");
}

#[tokio::test]
async fn a_server_of_imap_that_sends_what_it_must_not_loses_nothing() {
    for mischief in [Mischief::More, Mischief::Less, Mischief::Endless, Mischief::Nested, Mischief::Huge] {
        misbehaves(true, mischief).await;
    }
}

#[tokio::test]
async fn a_server_of_imap_that_breaks_off_or_talks_nonsense_loses_nothing() {
    for mischief in
        [Mischief::HangUp, Mischief::HangUpAtTheEnd, Mischief::Renumber, Mischief::OutOfTurn, Mischief::Noise]
    {
        misbehaves(true, mischief).await;
    }
}

#[tokio::test]
async fn a_hostile_server_of_pop3_loses_nothing() {
    for mischief in [Mischief::Endless, Mischief::More, Mischief::HangUp, Mischief::Noise, Mischief::Huge] {
        misbehaves(false, mischief).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_often_and_not_told() {
    let server = MailServer::imap().await;
    let (post, _) = post_at(&format!("imap://in:wrong-secret@127.0.0.1:{}?every=1&tls=none", server.port));
    post.client("Nordwind GmbH").await;
    until("refused", async || figures(&post).await.contains("outcome=\"login_refused\"")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.inside().connections, 1);
    let turn = post.office.app.database.lines("postgres", "SELECT t::text AS line FROM core.mailbox_turn t");
    assert!(turn.len() == 1 && !turn[0].contains("secret"), "{turn:?}");
}

#[tokio::test]
async fn each_mail_is_registered_once_however_often_readers_die() {
    for scheme in ["imap", "pop3"] {
        let count = 40;
        let server = if scheme == "imap" { MailServer::imap().await } else { MailServer::pop3().await };
        let post = Post::open();
        let (client, address, firm) = post.client("Nordwind GmbH").await;
        for at in 0..count {
            server.deliver(mail(&address, &format!("<{at}@x.example>"), &format!("Subject: Mail {at}"), "Hello"));
        }
        let folder = Database::new().folder().with_extension("reader");
        let mailbox = url(&server, scheme, "?every=1&tls=none");
        let environment = [
            ("BACKOFFICE_INBOUND_MAILBOX", mailbox.as_str()),
            ("BACKOFFICE_INBOUND_DOMAIN", DOMAIN),
            ("BACKOFFICE_DATA_DIR", folder.to_str().unwrap()),
        ];
        let (mut kills, begun) = (0_u64, Instant::now());
        while server.count("INBOX") > 0 {
            assert!(begun.elapsed() < Duration::from_secs(240), "{} are left", server.count("INBOX"));
            let before = server.inside().fetched;
            // Two of them: one reads, the other waits for its turn.
            let reader = post.office.app.database.worker_with(1, &environment);
            let started = Instant::now();
            while server.inside().fetched == before && started.elapsed() < Duration::from_secs(20) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // The later ones live longer: of POP3 nothing goes before the goodbye.
            tokio::time::sleep(Duration::from_millis(kills * 97 % 400 + kills * 100)).await;
            drop(reader);
            kills += 1;
            post.office.app.database.lay("UPDATE core.mailbox_turn SET held_until = NULL, next_turn_at = now()");
        }
        println!("{scheme}: {kills} kills in {:?}", begun.elapsed());
        assert!(kills >= 2, "{scheme}: killed {kills} times");
        let entries = register(&client).await;
        assert_eq!(entries.len(), count);
        let numbers = post.office.app.database.lines(
            "postgres",
            &format!("SELECT max(number) AS line FROM practice.correspondence WHERE tenant_id = '{firm}'"),
        );
        assert!(numbers[0].ends_with(&format!("-{count:05}")), "{numbers:?}");
        assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn of_two_servers_one_reads() {
    let server = MailServer::imap().await;
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let mailbox = url(&server, "imap", "?every=1&tls=none");
    let folders = [1, 2].map(|_| Database::new().folder().with_extension("reader"));
    let environments = folders.each_ref().map(|folder| {
        [
            ("BACKOFFICE_INBOUND_MAILBOX", mailbox.as_str()),
            ("BACKOFFICE_INBOUND_DOMAIN", DOMAIN),
            ("BACKOFFICE_DATA_DIR", folder.to_str().unwrap()),
        ]
    });
    let _readers = environments.each_ref().map(|one| post.office.app.database.worker_with(1, one));
    for at in 0..30 {
        server.deliver(mail(&address, &format!("<{at}@x.example>"), &format!("Subject: Mail {at}"), "Hello"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until("all are moved", async || server.count("INBOX") == 0).await;
    registered(&client, 30).await;
    let seen = {
        let inside = server.inside();
        (inside.most_open, inside.fetched)
    };
    assert_eq!(seen, (1, 30));
    let asked = client.ask("{ inboundMailAddresses { address } }", json!({})).await;
    assert!(asked.to_string().contains(DOMAIN), "{asked}");
}
