//! Mails of the register are sent with their files; how far each has come stands on its entry, and an answer belongs to its
//! thread outside as well.

use std::time::{Duration, Instant};

use backoffice::platform::mail::{Server, Settings as MailSettings, Way};
use serde_json::{Value, json};

use crate::files_are_sent_and_taken::{announce, complete};
use crate::harness::{Client, Database, Office, Setup};
use crate::mails_are_sent::post_office::{Mood, PostOffice};

const REGISTER: &str = "mutation($input: CorrespondenceEntryCreateInput!) { correspondenceEntryCreate(input: $input) {
    correspondenceEntry { id } userErrors { code field message } } }";
const SEND: &str =
    "mutation($id: ID!, $withFiles: Boolean) { correspondenceEntrySend(input: { id: $id, withFiles: $withFiles }) {
    correspondenceEntry { mail { state } } userErrors { code field message } } }";
const MAIL: &str =
    "query($id: ID!) { correspondenceEntry(id: $id) { mail { state messageId failures problem sentAt withFiles } } }";

async fn mail(client: &Client, more: Value) -> String {
    let mut input = json!({ "direction": "OUT", "channel": "MAIL", "onDate": "2026-03-01", "subject": "Grüße\r\nBcc: x@evil.example", "text": "Guten Tag",
                            "correspondent": "Zoë Ünal", "email": "zoe@customer.example" });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let made = client.ask(REGISTER, json!({ "input": input })).await;
    made["correspondenceEntryCreate"]["correspondenceEntry"]["id"].as_str().unwrap().to_owned()
}

/// Waits until a mail is no longer on its way.
async fn settled(client: &Client, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let found = client.ask(MAIL, json!({ "id": id })).await["correspondenceEntry"]["mail"].clone();
        if !["QUEUED", "RETRIED"].contains(&found["state"].as_str().unwrap()) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "still on its way: {found}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// The mails in the folder, the oldest first, their heads unfolded.
fn laid(office: &Office) -> Vec<String> {
    let mut paths: Vec<_> = std::fs::read_dir(&office.app.mail).unwrap().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap().replace("\r\n ", " ")).collect()
}

#[tokio::test]
async fn a_mail_goes_out_with_its_files_and_its_thread() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Nordwind GmbH", ada));
    let bytes = b"%PDF-1.4 the letter";
    let (file, address) = announce(&client, "Brief März.pdf", bytes).await;
    reqwest::Client::new().put(office.app.url(&address)).body(&bytes[..]).send().await.unwrap();
    complete(&client, &file, bytes).await;
    let first = mail(&client, json!({ "files": [file] })).await;
    let asked = client.ask(SEND, json!({ "id": first })).await;
    assert_eq!(asked["correspondenceEntrySend"]["correspondenceEntry"]["mail"]["state"], "QUEUED");
    let sent = settled(&client, &first).await;
    assert_eq!(
        (&sent["state"], &sent["failures"], &sent["problem"]),
        (&json!("SENT"), &json!(0), &Value::Null),
        "{sent}"
    );
    let id = sent["messageId"].as_str().unwrap().to_owned();
    let came = laid(&office);
    let [raw] = came.as_slice() else { panic!("{came:?}") };
    let head = raw.split_once("\r\n\r\n").unwrap().0;
    assert!(
        head.contains(&format!("Message-ID: {id}"))
            && head.contains("Nordwind GmbH")
            && head.contains("<backoffice@localhost>"),
        "{head}"
    );
    assert!(
        head.contains("<zoe@customer.example>") && !head.contains("\r\nBcc:") && head.contains("multipart/mixed"),
        "{head}"
    );
    assert!(raw.contains("Content-Type: application/pdf") && raw.contains("Content-Disposition: attachment"), "{raw}");

    // An answer from outside belongs to its thread, and so does what is sent on it.
    let answer = json!({ "direction": "IN", "channel": "MAIL", "replyTo": first });
    let answer = mail(&client, answer).await;
    let second = mail(&client, json!({ "replyTo": answer })).await;
    client.ask(SEND, json!({ "id": second, "withFiles": false })).await;
    settled(&client, &second).await;
    let third = mail(&client, json!({ "replyTo": second })).await;
    client.ask(SEND, json!({ "id": third })).await;
    let last = settled(&client, &third).await;
    assert_eq!(last["state"], "SENT", "{last}");
    let second_id = client.ask(MAIL, json!({ "id": second })).await["correspondenceEntry"]["mail"]["messageId"].clone();
    let raw = laid(&office).pop().unwrap();
    assert!(raw.contains(&format!("In-Reply-To: {}", second_id.as_str().unwrap())), "{raw}");
    assert!(raw.contains(&format!("References: {id} {}", second_id.as_str().unwrap())), "{raw}");

    // Sent is sent, and what is no mail is not.
    for (what, more) in [
        ("was sent", None),
        ("go out", Some(json!({ "direction": "IN" }))),
        ("go out", Some(json!({ "channel": "LETTER" }))),
    ] {
        let id = match more {
            Some(more) => mail(&client, more).await,
            None => first.clone(),
        };
        let refused = client.refused(SEND, json!({ "id": id })).await;
        assert!(refused[0]["code"] == "STATE" && refused[0]["message"].as_str().unwrap().contains(what), "{refused}");
    }
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_that_is_refused_is_given_up_says_why_and_is_sent_once_more() {
    let moods = [Mood::Answers("451 4.3.0 later, please"), Mood::Answers("550 5.1.1 no such box")];
    let post_office = PostOffice::open(&moods).await;
    let mails = MailSettings {
        way: Way::Smtp(Server::parse(&format!("smtp://127.0.0.1:{}?tls=none", post_office.port)).unwrap()),
        from: "The Firm <office@firm.example>".to_owned(),
        patience: Duration::from_secs(5),
        ..MailSettings::in_folder(Database::new().folder())
    };
    let office = Office::with(Setup { mails: Some(mails), ..Setup::default() });
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let id = mail(&client, json!({})).await;
    client.ask(SEND, json!({ "id": id })).await;
    assert_eq!(client.refused(SEND, json!({ "id": id })).await[0]["code"], "STATE");
    let given_up = settled(&client, &id).await;
    assert_eq!(
        (&given_up["state"], &given_up["failures"], &given_up["sentAt"]),
        (&json!("GIVEN_UP"), &json!(2), &Value::Null),
        "{given_up}"
    );
    assert!(given_up["problem"].as_str().unwrap().contains("no such box"), "{given_up}");
    let again = client.ask(SEND, json!({ "id": id })).await;
    assert_eq!(again["correspondenceEntrySend"]["correspondenceEntry"]["mail"]["state"], "RETRIED");
    let sent = settled(&client, &id).await;
    assert_eq!(
        (&sent["state"], &sent["problem"], &sent["messageId"]),
        (&json!("SENT"), &Value::Null, &given_up["messageId"])
    );
    // An address that is none is given up at once.
    let nowhere = mail(&client, json!({ "email": "nobody" })).await;
    client.ask(SEND, json!({ "id": nowhere })).await;
    assert_eq!(settled(&client, &nowhere).await["state"], "GIVEN_UP");
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_that_became_void_is_not_sent() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let id = mail(&client, json!({})).await;
    client.ask(SEND, json!({ "id": id })).await;
    let void = "mutation($id: ID!) { correspondenceEntryVoid(input: { id: $id, reason: \"Wrong\" }) { userErrors { message } } }";
    client.ask(void, json!({ "id": id })).await;
    let workers = office.app.database.workers(1);
    let given_up = settled(&client, &id).await;
    assert_eq!((&given_up["state"], &given_up["messageId"]), (&json!("GIVEN_UP"), &Value::Null), "{given_up}");
    drop(workers);
}
