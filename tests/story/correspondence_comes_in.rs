//! Mails come in from a folder: each becomes one entry of its client's register, in its thread, with its files; whatever is
//! wrong with it, nothing of it is lost and nothing comes twice.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backoffice::platform::files::Settings as FileSettings;
use backoffice::platform::mail::{Inbound, Settings as MailSettings};
use chrono::Datelike;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, Database, Office, Person, Setup};

mod hostile;
mod kills;
mod mail_server;
mod mailbox;
mod reports;

const ADDRESS: &str = "mutation($name: String!) { inboundMailAddressCreate(input: { name: $name }) {
    inboundMailAddress { id name address revokedAt version } userErrors { code field message } } }";
const REVOKE: &str = "mutation($id: ID!) { inboundMailAddressRevoke(input: { id: $id }) {
    inboundMailAddress { revokedAt } userErrors { code field message } } }";
const LIST: &str = "{ correspondenceEntries(first: 100) { nodes { id number direction channel subject text correspondent email
    customer { name } vendor { name } replyTo { number } visibleToClient files { id }
    received { messageId senderName writtenAt automatic sealing problem notes receivedAt address { name }
      raw { id name state mediaType size downloadUrl } attachments { declaredMediaType misleads file { id name state mediaType size downloadUrl } } } } } }";
pub const DOMAIN: &str = "in.firm.example";

/// An office into which mails come.
pub struct Post {
    pub office: Office,
    pub maildir: PathBuf,
    pub laid: PathBuf,
    pub ada: Person,
}

impl Post {
    pub fn open() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let own = Database::new().folder();
        let (maildir, laid) = (own.with_extension("maildir"), own.with_extension("mails"));
        let mails = MailSettings {
            inbound: Some(Inbound { maildir: Some(maildir.clone()), mailbox: None, domain: DOMAIN.to_owned() }),
            from: "The Firm <office@firm.example>".to_owned(),
            ..MailSettings::in_folder(laid.clone())
        };
        let mut setup = Setup { mails: Some(mails), ..Setup::default() };
        change(&mut setup);
        let office = Office::with(setup);
        let ada = office.person("Ada");
        Self { office, maildir, laid, ada }
    }

    /// A client company, somebody who may do everything in it, and its address.
    pub async fn client(&self, name: &str) -> (Client, String, Uuid) {
        let firm = self.office.firm(name, self.ada);
        let client = self.office.client(self.ada, firm);
        let address = address(&client, "Everybody").await;
        (client, address["address"].as_str().unwrap().to_owned(), firm)
    }

    /// Lays a mail into the folder, as a mail server does.
    pub fn lay(&self, bytes: impl AsRef<[u8]>) -> String {
        lay(&self.maildir, bytes.as_ref())
    }

    /// Waits until nothing lies in `new` any more.
    pub async fn taken(&self) {
        emptied(&self.maildir).await;
    }

    /// What was laid aside, with its reasons.
    pub fn unclaimed(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for entry in std::fs::read_dir(self.maildir.join("unclaimed")).unwrap().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "reason") {
                assert!(entry.path().with_extension("").symlink_metadata().is_ok(), "a reason without its mail");
                reasons.push(std::fs::read_to_string(entry.path()).unwrap().trim().to_owned());
            }
        }
        reasons.sort();
        reasons
    }

    /// The bytes of a file as somebody takes them.
    pub async fn bytes(&self, file: &Value) -> Vec<u8> {
        let address = self.office.app.url(file["downloadUrl"].as_str().unwrap_or_else(|| panic!("{file}")));
        crate::harness::http().get(address).send().await.unwrap().bytes().await.unwrap().to_vec()
    }
}

pub fn lay(maildir: &Path, bytes: &[u8]) -> String {
    let name = format!("{}.mx", Uuid::now_v7().simple());
    for folder in ["tmp", "new"] {
        std::fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    std::fs::write(maildir.join("tmp").join(&name), bytes).unwrap();
    std::fs::rename(maildir.join("tmp").join(&name), maildir.join("new").join(&name)).unwrap();
    name
}

pub async fn emptied(maildir: &Path) {
    let begun = Instant::now();
    while std::fs::read_dir(maildir.join("new")).unwrap().count() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(120), "mails still lie in {}", maildir.display());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

pub async fn address(client: &Client, name: &str) -> Value {
    client.ask(ADDRESS, json!({ "name": name })).await["inboundMailAddressCreate"]["inboundMailAddress"].clone()
}

/// The register, the latest entry first.
pub async fn register(client: &Client) -> Vec<Value> {
    client.ask(LIST, json!({})).await["correspondenceEntries"]["nodes"].as_array().unwrap().clone()
}

/// A mail as it goes over the wire.
pub fn mail(to: &str, id: &str, more: &str, body: &str) -> String {
    format!("Return-Path: <zoe@customer.example>\nReceived: from mx by mx; Sun, 1 Mar 2026 10:00:01 +0100\nFrom: =?utf-8?Q?Zo=C3=AB_=C3=9Cnal?= <Zoe@Customer.example>\nTo: <{to}>\nDate: Sun, 1 Mar 2026 10:00:00 +0100\nMessage-ID: {id}\n{more}\n\n{body}")
        .replace('\n', "\r\n")
}

async fn party(client: &Client, field: &str, number: &str, email: &str) -> Value {
    let kind = if field == "customerCreate" { "Customer" } else { "Vendor" };
    let record = kind.to_lowercase();
    let create = format!(
        "mutation($input: {kind}CreateInput!) {{ {field}(input: $input) {{ {record} {{ id }} userErrors {{ message }} }} }}"
    );
    let input = json!({ "number": number, "name": format!("{kind} {number}"), "country": "DE", "email": email });
    client.ask(&create, json!({ "input": input })).await[field][record]["id"].clone()
}

/// Writes a mail to a customer and has it sent; gives the entry's id and the Message-ID.
pub async fn sent(client: &Client, more: Value) -> (String, String) {
    let create = "mutation($input: CorrespondenceEntryCreateInput!) { correspondenceEntryCreate(input: $input) { correspondenceEntry { id } userErrors { message } } }";
    let mut input = json!({ "direction": "OUT", "channel": "MAIL", "subject": "Your account", "text": "119.00 EUR are open.",
                            "correspondent": "Zoë Ünal", "email": "zoe@customer.example" });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let made = client.ask(create, json!({ "input": input })).await;
    let id = made["correspondenceEntryCreate"]["correspondenceEntry"]["id"].as_str().unwrap().to_owned();
    client
        .ask(
            "mutation($id: ID!) { correspondenceEntrySend(input: { id: $id }) { userErrors { message } } }",
            json!({ "id": id }),
        )
        .await;
    let begun = Instant::now();
    loop {
        let asked = "query($id: ID!) { correspondenceEntry(id: $id) { mail { state messageId } } }";
        let found = client.ask(asked, json!({ "id": id })).await["correspondenceEntry"]["mail"].clone();
        if found["state"] == "SENT" {
            return (id, found["messageId"].as_str().unwrap().to_owned());
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "still on its way: {found}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test]
async fn what_goes_out_and_what_comes_in_is_one_thread() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    party(&client, "customerCreate", "1", "ZOE@customer.example ").await;
    let (first, first_id) = sent(&client, json!({})).await;
    let outside = |at: usize| {
        let mut paths: Vec<_> = std::fs::read_dir(&post.laid).unwrap().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        std::fs::read_to_string(&paths[at]).unwrap().replace("\r\n ", " ")
    };
    assert!(outside(0).contains("Reply-To:") && outside(0).contains(&format!("<{address}>")), "{}", outside(0));

    let parts = "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/html\n\n<p>No</p>\n--c\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nIch zahle n=E4chste Woche.\n--c--\n\
        --b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=UTF-8''..%2F..%2FBeleg%20M%C3%A4rz.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQgeA==\n\
        --b\nContent-Type: application/pdf; name=\"invoice.pdf\"\n\nMZ\x7f this is a program\n--b--\n";
    let raw = mail(
        &address.to_uppercase(),
        "<1@customer.example>",
        &format!(
            "Subject: Re: Your account\nIn-Reply-To: {first_id}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\""
        ),
        parts,
    );
    post.lay(&raw);
    post.taken().await;
    let year = chrono::Utc::now().with_timezone(&chrono_tz::Europe::Berlin).year();
    let entries = register(&client).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    let came = entries.iter().find(|entry| entry["direction"] == "IN").unwrap();
    assert_eq!(came["number"], format!("IN-{year}-00001"));
    assert_eq!(
        (&came["channel"], &came["customer"]["name"], &came["correspondent"]),
        (&json!("MAIL"), &json!("Customer 1"), &json!("Customer 1"))
    );
    assert_eq!(
        (&came["email"], &came["subject"], &came["text"]),
        (&json!("zoe@customer.example"), &json!("Re: Your account"), &json!("Ich zahle nächste Woche."))
    );
    assert_eq!(
        (&came["replyTo"]["number"], &came["visibleToClient"]),
        (&json!(format!("OUT-{year}-00001")), &json!(false))
    );
    let received = &came["received"];
    assert_eq!(
        (&received["messageId"], &received["senderName"], &received["address"]["name"]),
        (&json!("<1@customer.example>"), &json!("Zoë Ünal"), &json!("Everybody"))
    );
    assert_eq!(
        (&received["writtenAt"], &received["automatic"], &received["sealing"]),
        (&json!("2026-03-01T09:00:00.000000Z"), &json!(false), &json!("NONE"))
    );
    assert_eq!((&received["problem"], &received["notes"]), (&Value::Null, &json!([])));
    assert_eq!(
        (&received["raw"]["name"], &received["raw"]["size"]),
        (&json!("Re_ Your account.eml"), &json!(raw.len()))
    );
    assert_eq!(post.bytes(&received["raw"]).await, raw.as_bytes());
    let files: Vec<_> = received["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["file"]["name"].as_str().unwrap(),
                one["declaredMediaType"].as_str().unwrap(),
                one["file"]["mediaType"].as_str().unwrap(),
                one["misleads"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            ("Beleg März.pdf", "application/pdf", "application/pdf", false),
            ("invoice.pdf", "application/pdf", "application/x-msdownload", true)
        ]
    );
    assert_eq!(post.bytes(&received["attachments"][0]["file"]).await, b"%PDF-1.4 x");
    assert_eq!(came["files"].as_array().unwrap().len(), 2);

    // Answered, it is one thread outside as well.
    let (_, second_id) =
        sent(&client, json!({ "replyTo": came["id"], "subject": "Re: Your account", "text": "Good." })).await;
    let last = outside(1);
    assert!(last.contains("In-Reply-To: <1@customer.example>"), "{last}");
    assert!(last.contains(&format!("References: {first_id} <1@customer.example>")), "{last}");
    // By a reference farther back, and by a number in the subject.
    post.lay(mail(
        &address,
        "<2@customer.example>",
        &format!("Subject: Thanks\nReferences: <unknown@x> {second_id} <nobody@x>"),
        "Thanks.",
    ));
    post.lay(mail(
        &address,
        "<3@customer.example>",
        &format!("Subject: AW: [out-{year}-00001] once more"),
        "One more thing.",
    ));
    post.taken().await;
    let thread = "query($id: ID!) { correspondenceEntry(id: $id) { thread { direction saidBy saidAt text subject } } }";
    let thread = client.ask(thread, json!({ "id": first })).await["correspondenceEntry"]["thread"].clone();
    let said: Vec<_> = thread
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["direction"].as_str().unwrap(), one["saidBy"].as_str().unwrap(), one["text"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            ("OUT", "Ada", "119.00 EUR are open."),
            ("IN", "Customer 1", "Ich zahle nächste Woche."),
            ("OUT", "Ada", "Good."),
            ("IN", "Customer 1", "Thanks."),
            ("IN", "Customer 1", "One more thing.")
        ]
    );
    let times: Vec<_> =
        thread.as_array().unwrap().iter().map(|one| one["saidAt"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted(), "{times:?}");
    // The trail says that nobody of the office has written it.
    let by = post.office.app.database.lines(
        "postgres",
        "SELECT DISTINCT actor_kind || ' ' || actor_name AS line FROM audit.entry WHERE table_name LIKE '%correspondence_received'",
    );
    assert_eq!(by, ["system Mail"]);
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_comes_once_to_each_client_that_it_was_sent_to() {
    let post = Post::open();
    let (north, north_address, _) = post.client("Nordwind GmbH").await;
    let (alpine, alpine_address, _) = post.client("Alpin GmbH").await;
    let further = address(&north, "Bills").await["address"].as_str().unwrap().to_owned();
    let both = format!("{north_address}>, <{alpine_address}>, <{further}");
    post.lay(mail(&both, "<1@x.example>", "Subject: To both", "Hello"));
    post.taken().await;
    // The same once more, over another way.
    let again = mail(&both, "<1@x.example>", "Subject: To both", "Hello");
    post.lay(format!("Delivered-To: {north_address}\r\nReceived: by another\r\n{again}"));
    post.lay(again.replace("Return-Path", "X-Return-Path"));
    post.taken().await;
    for client in [&north, &alpine] {
        let entries = register(client).await;
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert!(entries[0]["number"].as_str().unwrap().ends_with("-00001"), "{entries:?}");
    }
    // Other mails under the same Message-ID are other mails, each once; one without is known by what it says.
    for _ in 0..2 {
        post.lay(mail(&north_address, "<1@x.example>", "Subject: To both", "Something else"));
        post.lay(mail(&north_address, "<1@x.example>", "Subject: To both", "And something else again"));
        post.lay(mail(&north_address, "", "Subject: No id", "One"));
        post.lay(mail(&north_address, "not an id", "Subject: No id", "Two"));
    }
    post.taken().await;
    let entries = register(&north).await;
    let mut said: Vec<_> = entries.iter().map(|entry| entry["text"].as_str().unwrap()).collect();
    said.sort_unstable();
    assert_eq!(said, ["And something else again", "Hello", "One", "Something else", "Two"]);
    let noted =
        entries.iter().filter(|entry| entry["received"]["notes"].to_string().contains("same Message-ID")).count();
    assert_eq!(noted, 2, "{entries:?}");
    assert_eq!(register(&alpine).await.len(), 1);
    assert_eq!(post.unclaimed(), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(post.maildir.join("cur")).unwrap().count(), 11);
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_sender_is_told_by_an_address_that_one_alone_has() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let from = async |email: &str| {
        let raw =
            mail(&address, &format!("<{}@x.example>", Uuid::now_v7().simple()), &format!("Subject: {email}"), "Hello");
        post.lay(raw.replace("Zoe@Customer.example", email));
        post.taken().await;
        let entries = register(&client).await;
        let entry = entries.iter().find(|entry| entry["subject"] == email).unwrap().clone();
        (entry["customer"]["name"].clone(), entry["vendor"]["name"].clone(), entry["correspondent"].clone())
    };
    party(&client, "customerCreate", "1", "one@x.example").await;
    party(&client, "vendorCreate", "2", "two@x.example").await;
    party(&client, "customerCreate", "3", "shared@x.example").await;
    party(&client, "vendorCreate", "4", "shared@x.example").await;
    assert_eq!(from("One@X.example").await, (json!("Customer 1"), Value::Null, json!("Customer 1")));
    assert_eq!(from("two@x.example").await, (Value::Null, json!("Vendor 2"), json!("Vendor 2")));
    for nobody in ["shared@x.example", "stranger@x.example"] {
        assert_eq!(from(nobody).await, (Value::Null, Value::Null, json!("Zoë Ünal")), "{nobody}");
    }
}

#[tokio::test]
async fn what_is_nobodys_is_laid_aside_with_the_reason() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let old = self::address(&client, "Old").await;
    let asked = client.ask(REVOKE, json!({ "id": old["id"] })).await;
    assert!(asked["inboundMailAddressRevoke"]["inboundMailAddress"]["revokedAt"].is_string(), "{asked}");
    assert_eq!(client.refused(REVOKE, json!({ "id": old["id"] })).await[0]["code"], "STATE");
    let (gone, gone_address, gone_firm) = post.client("Fort GmbH").await;
    post.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{gone_firm}'); SELECT set_config('app.actor_kind', 'system', true);
         UPDATE practice.client SET closes_at = now() - interval '1 minute' WHERE tenant_id = '{gone_firm}'"
    ));
    drop(gone);
    let mail = |to: &str| mail(to, "<1@x.example>", "Subject: x", "Hello");
    post.lay(mail(&format!("abcdefghijklmnopqrst@{DOMAIN}")));
    post.lay(mail("office@firm.example"));
    post.lay(mail(old["address"].as_str().unwrap()));
    post.lay(mail(&gone_address));
    post.lay(format!("{}{}", "Received: from a by b\r\n".repeat(101), mail(&address)));
    std::os::unix::fs::symlink("/etc/passwd", post.maildir.join("new/link")).unwrap();
    std::fs::create_dir(post.maildir.join("new/folder")).unwrap();
    post.taken().await;
    assert_eq!(
        post.unclaimed(),
        [
            "It is no file.",
            "It is no file.",
            "It names no address of this server, and reports on no mail that was sent from here.",
            "It was sent to an address that no client has.",
            "It was sent to an address that was revoked.",
            "It went over more than 100 mail servers: it goes in a circle.",
            "Its client has left.",
        ]
    );
    assert_eq!(register(&client).await.len(), 0);
    let figures = reqwest::get(post.office.app.url("/metrics")).await.unwrap().text().await.unwrap();
    for outcome in ["no_file", "no_address", "unknown_address", "revoked_address", "circle", "client_gone"] {
        assert!(
            figures.contains(&format!("backoffice_mails_in_total{{outcome=\"unclaimed_{outcome}\"}}")),
            "{outcome}"
        );
    }
}

#[tokio::test]
async fn addresses_are_made_listed_and_revoked() {
    let post = Post::open();
    let (client, first, _) = post.client("Nordwind GmbH").await;
    let (token, domain) = first.split_once('@').unwrap();
    assert!(domain == DOMAIN && token.len() == 20 && token.bytes().all(|one| matches!(one, b'a'..=b'z' | b'2'..=b'7')));
    let listed = "{ inboundMailAddresses { id name address revokedAt version } }";
    for at in 1..20 {
        address(&client, &format!("Address {at}")).await;
    }
    let refused = client.refused(ADDRESS, json!({ "name": "One more" })).await;
    assert!(refused[0]["code"] == "STATE" && refused[0]["message"].as_str().unwrap().contains("20"), "{refused}");
    assert_eq!(client.refused(ADDRESS, json!({ "name": " " })).await[0]["field"], json!(["input", "name"]));
    let all = client.ask(listed, json!({})).await["inboundMailAddresses"].as_array().unwrap().clone();
    assert_eq!((all.len(), &all[19]["address"], &all[19]["name"]), (20, &json!(first), &json!("Everybody")));
    let other = post.client("Alpin GmbH").await.0;
    assert_eq!(other.ask(listed, json!({})).await["inboundMailAddresses"].as_array().unwrap().len(), 1);
    assert_eq!(other.refused(REVOKE, json!({ "id": all[0]["id"] })).await[0]["code"], "NOT_FOUND");

    // A server that takes no mails says so, and sends none with an address of its own for answers.
    let laid = Database::new().folder().with_extension("mails");
    let office = Office::with(Setup { mails: Some(MailSettings::in_folder(laid.clone())), ..Setup::default() });
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    assert_eq!(address(&client, "Everybody").await["address"], Value::Null);
    sent(&client, json!({})).await;
    let laid = std::fs::read_dir(&laid).unwrap().flatten().next().unwrap().path();
    assert!(!std::fs::read_to_string(laid).unwrap().contains("Reply-To"));
}

#[tokio::test]
async fn files_of_mails_are_checked_like_any_strangers() {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    let settings = Database::new();
    let script = settings.folder().with_extension("check");
    let mut file = std::fs::File::create(&script).unwrap();
    file.write_all(b"#!/bin/sh\ngrep -q VIRUS \"$1\" && exit 1\nexit 0\n").unwrap();
    drop(file);
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut files = FileSettings::in_folder(settings.folder());
    files.check = Some(script.display().to_string());
    let post = Post::with(|setup| setup.files = Some(files));
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let body = "--b\n\nSee below.\n--b\nContent-Disposition: attachment; filename=good.txt\n\ngood\n--b\nContent-Disposition: attachment; filename=bad.txt\n\na VIRUS in it\n--b--";
    post.lay(mail(&address, "<1@x.example>", "Subject: Two files\nContent-Type: multipart/mixed; boundary=b", body));
    post.taken().await;
    let begun = Instant::now();
    let states = loop {
        let received = register(&client).await[0]["received"].clone();
        let mut states: Vec<Value> =
            received["attachments"].as_array().unwrap().iter().map(|one| one["file"]["state"].clone()).collect();
        states.push(received["raw"]["state"].clone());
        if !states.contains(&json!("QUARANTINED")) {
            let addresses = [&received["attachments"][0], &received["attachments"][1]]
                .map(|one| one["file"]["downloadUrl"].is_string());
            assert_eq!(addresses, [true, false]);
            break states;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{states:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // The mail itself holds the same bytes.
    assert_eq!(states, ["READY", "REFUSED", "REFUSED"]);
    assert_eq!(register(&client).await[0]["text"], "See below.");
}

#[tokio::test]
async fn of_two_servers_that_get_the_same_mails_each_is_registered_once() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let other = Database::new().folder().with_extension("maildir");
    let mails = MailSettings {
        inbound: Some(Inbound { maildir: Some(other.clone()), mailbox: None, domain: DOMAIN.to_owned() }),
        ..MailSettings::in_folder(post.laid.clone())
    };
    let database = post.office.app.database.urls();
    // Laid before the other server starts, so that both begin with them.
    for at in 0..40 {
        let raw = mail(&address, &format!("<{at}@x.example>"), &format!("Subject: Mail {at}"), "Hello");
        lay(&other, raw.as_bytes());
        post.lay(&raw);
    }
    let files = backoffice::platform::files::Files::open(
        FileSettings::in_folder(post.office.app.folder.clone()),
        std::sync::Arc::default(),
    )
    .unwrap();
    let means = backoffice::background::Means {
        files,
        mailer: std::sync::Arc::new(backoffice::platform::mail::Mailer::new(mails).unwrap()),
        webhooks: backoffice::webhooks::Settings::idle().unwrap(),
        typesetter: backoffice::correspondence::typesetter::Typesetter::at(None),
    };
    let terms = backoffice::platform::jobs::worker::Terms { slots: 1, lease: Duration::from_secs(30) };
    let workers =
        backoffice::background::start(database, backoffice::platform::db::Waits::default(), terms, means).unwrap();
    post.taken().await;
    emptied(&other).await;
    drop(workers);
    let mut numbers: Vec<_> = register(&client)
        .await
        .iter()
        .map(|entry| entry["number"].as_str().unwrap().split('-').nth(2).unwrap().to_owned())
        .collect();
    numbers.sort_unstable();
    let expected: Vec<_> = (1..=40).map(|at| format!("{at:05}")).collect();
    assert_eq!(numbers, expected);
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}
