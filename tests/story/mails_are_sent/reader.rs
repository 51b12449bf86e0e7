//! Reads mails as a person's program does.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::App;

/// A mail as it was received.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The lines of its head, unfolded.
    pub head: Vec<String>,
    pub text: String,
    pub html: String,
    /// The file for a calendar, if there is one.
    pub calendar: Option<String>,
}

impl Mail {
    pub fn read(raw: &str) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {raw}"));
        let head: Vec<String> = unfolded(head);
        let kind = head.iter().find(|line| line.starts_with("Content-Type: multipart/alternative")).unwrap();
        let boundary = kind.split_once("boundary=\"").unwrap().1.split('"').next().unwrap();
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        let part = |kind: &str| {
            parts
                .iter()
                .find(|part| part.contains(kind))
                .map(|part| decoded(part))
                .unwrap_or_else(|| panic!("no {kind} in {raw}"))
        };
        let calendar = parts.iter().any(|part| part.contains("text/calendar")).then(|| part("text/calendar"));
        Self { text: part("text/plain"), html: part("text/html"), calendar, head }
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.head.iter().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.head))
    }

    /// The first word of the text that begins so.
    pub fn word(&self, beginning: &str) -> String {
        let found = self.text.split_whitespace().find(|word| word.contains(beginning));
        found.unwrap_or_else(|| panic!("no {beginning} in {}", self.text)).to_owned()
    }
}

fn unfolded(head: &str) -> Vec<String> {
    head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

fn decoded(part: &str) -> String {
    let (head, body) = part.split_once("\r\n\r\n").unwrap();
    let way =
        unfolded(head).into_iter().find_map(|line| line.strip_prefix("Content-Transfer-Encoding: ").map(str::to_owned));
    let bytes = match way.as_deref() {
        Some("base64") => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        Some("quoted-printable") => quoted(&body.replace("=\r\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn quoted(text: &str) -> Vec<u8> {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'=' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// The mails in a folder, oldest first.
pub fn mails(folder: &Path) -> Vec<Mail> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    // The name is the job's id, which begins with the time.
    paths.sort();
    paths.iter().map(|path| Mail::read(&std::fs::read_to_string(path).unwrap())).collect()
}

/// Waits until no mail is on its way, and gives those that came.
pub async fn arrived(app: &App) -> Vec<Mail> {
    quiet(app).await;
    mails(&app.mail)
}

/// Waits until no mail is on its way; reminders wait for days that have not come.
pub async fn quiet(app: &App) {
    let begun = Instant::now();
    while !app
        .database
        .lines(
            "postgres",
            "SELECT job_id::text AS line FROM core.job_queue WHERE kind LIKE 'mail.%' AND kind <> 'mail.reminder'",
        )
        .is_empty()
    {
        assert!(begun.elapsed() < Duration::from_secs(60), "mails are still on their way: {:?}", jobs(app));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// What became of the mails, oldest first.
pub fn jobs(app: &App) -> Vec<String> {
    app.database.lines(
        "postgres",
        "SELECT concat_ws(' ', state, attempts, error_code, error) AS line FROM core.provider_job WHERE kind = 'mail.sign_in' ORDER BY id",
    )
}
