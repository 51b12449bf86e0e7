//! A job goes in, a PDF comes out, and its text can be read back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A picture of one red point.
const POINT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

fn job() -> Value {
    json!({ "language": "de", "sender": "Nordwind GmbH", "sender_line": "Nordwind GmbH, Weg 1, 20095 Hamburg",
            "recipient": ["Zoë Ünal", "Gasse 2", "80331 München"],
            "reference": [["Unser Zeichen", "OUT-2026-00001"], ["Datum", "1. März 2026"]],
            "subject": "Ihre Rechnung #set page()", "text": "Guten Tag,\n\nbitte *zahlen* Sie $119.00$ #read(\"/etc/passwd\").\nDanke.",
            "color": "#1a3c6e", "footer": "Nordwind GmbH\nHRB 1234", "page_word": "Seite", "day": [2026, 3, 1],
            "logo": { "format": "png", "data": POINT } })
}

fn run(job: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_backoffice-typesetter"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let job = job.to_owned();
    let writing = std::thread::spawn(move || {
        let _ = input.write_all(job.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(b"%PDF-"));
    pdf_extract::extract_text_from_mem(&output.stdout).unwrap()
}

fn complaint(job: &Value) -> String {
    let output = run(&job.to_string());
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_the_job_says_stands_in_the_pdf_and_is_not_run() {
    let text = text(&run(&job().to_string()));
    for part in [
        "Nordwind GmbH, Weg 1, 20095 Hamburg",
        "Zoë Ünal",
        "Gasse 2",
        "80331 München",
        "OUT-2026-00001",
        "1. März 2026",
        "Ihre Rechnung #set page()",
        "bitte *zahlen* Sie $119.00$ #read(",
        "Danke.",
        "HRB 1234",
        "Seite 1 / 1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_long_letter_has_pages() {
    let mut long = job();
    long["text"] = json!("Ein Absatz, der etwas sagt und noch etwas mehr.\n\n".repeat(120));
    let text = text(&run(&long.to_string()));
    assert!(text.contains("Seite 1 / ") && text.contains("Seite 3 / "), "{text}");
    assert_eq!(text.matches("Ein Absatz").count(), 120);
}

#[test]
fn what_is_no_letter_is_answered_with_a_sentence() {
    let with = |name: &str, value: Value| {
        let mut wrong = job();
        wrong[name] = value;
        complaint(&wrong)
    };
    assert!(with("color", json!("red")).contains("#rrggbb"));
    assert!(with("surprise", json!(1)).contains("not understood"));
    assert!(with("logo", json!({ "format": "svg", "data": "" })).contains("neither PNG nor JPEG"));
    assert!(with("logo", json!({ "format": "png", "data": STANDARD.encode("no picture") })).contains("cannot be set"));
    assert!(with("day", json!([2026, 13, 1])).contains("cannot be set"));
    assert!(String::from_utf8(run("nonsense").stderr).unwrap().contains("not understood"));
}
