//! A letter of the register becomes a PDF as the client's letters look. The program that sets it stands beside the server,
//! and is held to its limits; a stand-in takes its place here, whose "PDF" is the job that it was given. What the real one
//! makes of a job is told by its own tests.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use backoffice::correspondence::typesetter::{NotSet, Typesetter};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::files_are_sent_and_taken::{announce, complete};
use crate::harness::{Client, Office, Setup};

const REGISTER: &str = "mutation($input: CorrespondenceEntryCreateInput!) { correspondenceEntryCreate(input: $input) {
    correspondenceEntry { id } userErrors { code field message } } }";
const TYPESET: &str =
    "mutation($id: ID!, $language: String) { correspondenceEntryTypeset(input: { id: $id, language: $language }) {
    job { id } userErrors { code field message } } }";
const BRANDING: &str = "mutation($input: LetterBrandingUpdateInput!) { letterBrandingUpdate(input: $input) {
    letterBranding { senderLine color footer version logo { name } } userErrors { code field message } } }";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

/// A program that does that. Another process writes it, so that no child of this one holds it open while it is started.
fn stand_in(script: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("backoffice-story-typesetter-{}", Uuid::now_v7().simple()));
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    let written = Command::new("/bin/sh").arg("-c").arg(write).arg(&path).arg(script).status().unwrap();
    assert!(written.success());
    path
}

/// One whose PDF is the job.
pub fn honest() -> Typesetter {
    Typesetter::at(Some(stand_in("job=$(cat); printf '%%PDF-1.7\\n%s' \"$job\"")))
}

async fn letter(client: &Client, more: Value) -> String {
    let mut input = json!({ "direction": "OUT", "channel": "LETTER", "onDate": "2026-03-01", "subject": "Ihre Rechnung", "text": "Guten Tag",
                            "correspondent": "Zoë Ünal", "postalAddress": "Gasse 2\n80331 München" });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let made = client.ask(REGISTER, json!({ "input": input })).await;
    made["correspondenceEntryCreate"]["correspondenceEntry"]["id"].as_str().unwrap().to_owned()
}

/// Has a letter set; gives the job as it ended.
async fn set(client: &Client, id: &str, language: Option<&str>) -> Value {
    let asked = client.ask(TYPESET, json!({ "id": id, "language": language })).await;
    client.ended(asked["correspondenceEntryTypeset"]["job"]["id"].as_str().unwrap()).await
}

#[tokio::test]
async fn a_letter_is_set_as_the_clients_letters_look() {
    let office = Office::with(Setup { typesetter: honest(), ..Setup::default() });
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Nordwind GmbH", ada));
    let http = reqwest::Client::new();
    let (logo, address) = announce(&client, "logo.png", PNG).await;
    http.put(office.app.url(&address)).body(PNG).send().await.unwrap();
    complete(&client, &logo, PNG).await;
    let (text, address) = announce(&client, "logo.svg", b"<svg></svg>").await;
    http.put(office.app.url(&address)).body("<svg></svg>").send().await.unwrap();
    complete(&client, &text, b"<svg></svg>").await;
    for (input, field) in [
        (json!({ "logo": text }), "logo"),
        (json!({ "color": "red" }), "color"),
        (json!({ "senderLine": "" }), "senderLine"),
    ] {
        let refused = client.refused(BRANDING, json!({ "input": input })).await;
        assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("INVALID"), &json!(["input", field])));
    }
    let look = json!({ "color": "#1A3C6E", "footer": "HRB 1234", "logo": logo });
    let kept = client.ask(BRANDING, json!({ "input": look })).await["letterBrandingUpdate"]["letterBranding"].clone();
    assert_eq!(
        (&kept["senderLine"], &kept["color"], &kept["logo"]["name"]),
        (&json!("Nordwind GmbH"), &json!("#1a3c6e"), &json!("logo.png"))
    );
    let stale = json!({ "input": { "footer": "x", "expectedVersion": 1 } });
    assert_eq!(client.refused(BRANDING, stale).await[0]["code"], "CONFLICT");

    let id = letter(&client, json!({})).await;
    let job = set(&client, &id, Some("de")).await;
    assert_eq!((&job["state"], &job["result"]["entry"]), (&json!("SUCCEEDED"), &json!(id)), "{job}");
    let entry = "query($id: ID!) { correspondenceEntry(id: $id) { files { id name mediaType state downloadUrl } } }";
    let files = client.ask(entry, json!({ "id": id })).await["correspondenceEntry"]["files"].clone();
    assert_eq!(files.as_array().unwrap().len(), 1);
    assert_eq!((&files[0]["name"], &files[0]["mediaType"]), (&json!("OUT-2026-00001.pdf"), &json!("application/pdf")));
    let pdf =
        http.get(office.app.url(files[0]["downloadUrl"].as_str().unwrap())).send().await.unwrap().text().await.unwrap();
    let told: Value = serde_json::from_str(pdf.strip_prefix("%PDF-1.7\n").unwrap()).unwrap();
    assert_eq!(
        told,
        json!({ "language": "de", "sender": "Nordwind GmbH", "sender_line": "Nordwind GmbH", "recipient": ["Zoë Ünal", "Gasse 2", "80331 München"],
                "reference": [["Unser Zeichen", "OUT-2026-00001"], ["Datum", "1. März 2026"]], "subject": "Ihre Rechnung", "text": "Guten Tag",
                "color": "#1a3c6e", "footer": "HRB 1234", "page_word": "Seite", "day": [2026, 3, 1],
                "logo": { "format": "png", "data": STANDARD.encode(PNG) } })
    );
    // What is no letter is not set.
    let call = letter(&client, json!({ "channel": "CALL" })).await;
    assert_eq!(client.refused(TYPESET, json!({ "id": call })).await[0]["code"], "STATE");
    let delete = "mutation($file: ID!) { fileDelete(input: { file: $file }) { userErrors { code message } } }";
    assert_eq!(client.refused(delete, json!({ "file": logo })).await[0]["code"], "STATE");
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn without_the_program_the_server_says_what_to_do() {
    let missing = Typesetter::at(Some("/nowhere/backoffice-typesetter".into()));
    let office = Office::with(Setup { typesetter: missing, ..Setup::default() });
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let id = letter(&client, json!({})).await;
    let refused = client.refused(TYPESET, json!({ "id": id })).await;
    let said = refused[0]["message"].as_str().unwrap();
    assert!(
        refused[0]["code"] == "STATE"
            && said.contains("cargo build --release -p backoffice-typesetter")
            && said.contains("--typesetter"),
        "{said}"
    );
    assert!(!said.contains("/nowhere"), "{said}");
    assert_eq!(office.count("SELECT count(*) FROM core.job"), 0);
    assert_eq!(office.count("SELECT count(*) FROM core.file"), 0);
}

#[tokio::test]
async fn a_letter_that_takes_too_much_ends_its_program_alone() {
    let limited = |script: &str| {
        let mut typesetter = Typesetter::at(Some(stand_in(script)));
        typesetter.patience = Duration::from_secs(5);
        typesetter.memory = 64 * 1024 * 1024;
        typesetter.most = 1024 * 1024;
        typesetter
    };
    let begun = Instant::now();
    for (script, said) in [
        ("exec yes", "becomes too large"),
        ("cat >/dev/null; exec sleep 1000", "took too long"),
        ("cat >/dev/null; echo 'The colour is wrong.' >&2; exit 1", "The colour is wrong."),
        ("cat >/dev/null; echo no pdf", "is no PDF"),
        ("cat >/dev/null; kill -9 $$", "more memory or time"),
        ("cat >/dev/null; x=$(head -c 200000000 /dev/zero | tr '\\0' x); printf '%%PDF-'", ""),
        ("exit 3", "without a word"),
    ] {
        let Err(NotSet::Refused(why)) = limited(script).set(&"x".repeat(3_000_000)).await else { panic!("{script}") };
        assert!(why.contains(said), "{script}: {why}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    // Neither what the server knows nor where it stands is told to it.
    let seen = limited("cat >/dev/null; printf '%%PDF-'; env; pwd").set("{}").await.unwrap();
    let seen = String::from_utf8(seen).unwrap();
    assert!(!seen.contains("CARGO") && !seen.contains("HOME=") && seen.trim_end().ends_with('/'), "{seen}");

    let office = Office::with(Setup {
        typesetter: limited("cat >/dev/null; echo 'It does not fit.' >&2; exit 1"),
        ..Setup::default()
    });
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let id = letter(&client, json!({})).await;
    let job = set(&client, &id, None).await;
    assert_eq!((&job["state"], &job["error"]), (&json!("FAILED"), &json!("It does not fit.")), "{job}");
    assert_eq!(office.count("SELECT count(*) FROM practice.correspondence_file"), 0);
    assert_eq!(office.count("SELECT count(*) FROM core.file WHERE state <> 'pending'"), 0);
}
