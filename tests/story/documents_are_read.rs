//! What stands in documents is read after they come, however hostile they are, and found by those who may see them.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use backoffice::platform::can::Can;
use backoffice::platform::files::{Reading, Settings as FileSettings};
use serde_json::{Value, json};

use crate::documents_are_kept::{Cabinet, act, make};
use crate::harness::{Client, Database, Office, Setup};

/// An archive with these parts, packed.
fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, body) in parts {
        let mut crc = flate2::Crc::new();
        crc.update(body);
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(body).unwrap();
        let packed = packer.finish().unwrap();
        let number = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
        let mut head = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        head.extend(crc.sum().to_le_bytes());
        head.extend(number(packed.len()));
        head.extend(number(body.len()));
        head.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        head.extend([0u8, 0]);
        let at = bytes.len();
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&head);
        bytes.extend(name.as_bytes());
        bytes.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&head);
        directory.extend([0u8; 10]);
        directory.extend(number(at));
        directory.extend(name.as_bytes());
    }
    let (at, length, count) = (bytes.len(), directory.len(), u16::try_from(parts.len()).unwrap().to_le_bytes());
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
    bytes.extend(u32::try_from(at).unwrap().to_le_bytes());
    bytes.extend([0u8, 0]);
    bytes
}

fn docx(text: &[u8]) -> Vec<u8> {
    let body = [b"<w:document xmlns:w='w'><w:p><w:t>".as_slice(), text, b"</w:t></w:p></w:document>"].concat();
    archive(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", &body)])
}

/// A PDF of one page that says this, with these children of its pages.
fn pdf(text: &str, kids: &str) -> Vec<u8> {
    let stream = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{kids}] /Count 1 >>"),
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n{object}\nendobj\n", at + 1).bytes());
    }
    let start = bytes.len();
    bytes.extend(b"xref\n0 6\n0000000000 65535 f \n");
    for offset in offsets {
        bytes.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    bytes.extend(format!("trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").bytes());
    bytes
}

/// Waits until all that was to be read was.
async fn settled(client: &Client) {
    let jobs = client.ask("{ jobs(first: 100) { nodes { id } } }", json!({})).await;
    for job in jobs["jobs"]["nodes"].as_array().unwrap() {
        client.ended(job["id"].as_str().unwrap()).await;
    }
}

async fn state(client: &Client, document: &str) -> (Value, String) {
    let query = "query($id: ID!) { document(id: $id) { currentVersion { textState textNote } } }";
    let found = client.ask(query, json!({ "id": document })).await["document"]["currentVersion"].clone();
    (found["textState"].clone(), found["textNote"].as_str().unwrap_or_default().to_owned())
}

/// The titles of what is found, the best first.
async fn found(client: &Client, text: &str) -> Vec<String> {
    let query = "query($text: String!) { documentSearch(text: $text) { nodes { document { title } } } }";
    let data = client.ask(query, json!({ "text": text })).await;
    let nodes = data["documentSearch"]["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["document"]["title"].as_str().unwrap().to_owned()).collect()
}

async fn laid(cabinet: &Cabinet, title: &str, name: &str, bytes: &[u8]) -> String {
    cabinet.document(title, json!({ "file": cabinet.sent(name, bytes).await })).await
}

const MAIL: &[u8] = b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?B?TWFobnVuZw==?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nseit Mai =FCberf=E4llig\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: carl@example.com\r\nSubject: inner\r\n\r\nverschachtelt\r\n--b--\r\n";

#[tokio::test]
async fn every_kind_of_document_is_found_by_what_it_says() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let sheet: &[u8] = b"<sst><si><t>Abschreibung</t></si></sst>";
    let open = b"<o:d xmlns:o='o' xmlns:t='t'><t:p>Protokoll der Versammlung</t:p></o:d>";
    for (title, name, bytes, word) in [
        ("Plain", "a.txt", b"ein schlichter Zettel".to_vec(), "Zettel"),
        (
            "Page",
            "b.html",
            b"<html><body><h1>Angebot</h1><script>heimlich()</script></body></html>".to_vec(),
            "angebot",
        ),
        ("Printed", "c.pdf", pdf("Lease of hall three", "3 0 R"), "\"hall three\""),
        ("Written", "d.docx", docx("Mietvertrag für Halle".as_bytes()), "mietv*"),
        (
            "Counted",
            "e.xlsx",
            archive(&[("[Content_Types].xml", b"<Types/>"), ("xl/sharedStrings.xml", sheet)]),
            "Abschreibung",
        ),
        ("Minutes", "f.odt", archive(&[("content.xml", open)]), "Protokoll Versammlung -Vertrag"),
        ("Mailed", "g.eml", MAIL.to_vec(), "überfällig Mahnung verschachtelt"),
    ] {
        let document = laid(&cabinet, title, name, &bytes).await;
        settled(client).await;
        assert_eq!(state(client, &document).await, (json!("READ"), String::new()), "{title}");
        assert_eq!(found(client, word).await, [title], "{word}");
    }
    // What nobody reads in it is not found.
    assert_eq!(found(client, "heimlich").await, Vec::<String>::new());
    let query = "{ documentSearch(text: \"mietvertrag\") { nodes { snippet { text hit } } } }";
    let hit = client.ask(query, json!({})).await["documentSearch"]["nodes"][0]["snippet"].clone();
    assert_eq!(hit, json!([{ "text": "Mietvertrag", "hit": true }, { "text": " für Halle", "hit": false }]));
    let refused = client.send("{ documentSearch(text: \"-only\") { nodes { document { id } } } }", json!({})).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
    cabinet.close();
}

#[tokio::test]
async fn a_program_that_was_replaced_while_it_runs_still_reads() {
    let cabinet = Cabinet::of(Office::with(Setup { jobs: 0, ..Setup::default() })).await;
    let program = cabinet.office.app.folder.with_extension("program");
    std::fs::copy(env!("CARGO_BIN_EXE_backoffice"), &program).unwrap();
    let worker = cabinet.office.app.database.worker_of(&program, 1, &[]);
    let first = laid(&cabinet, "First", "a.txt", b"vor dem Wechsel").await;
    settled(&cabinet.client).await;
    assert_eq!(state(&cabinet.client, &first).await.0, "READ");

    // The next release is laid over it, as a package does it; what lies there now would read otherwise.
    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, "#!/bin/sh\necho other\n").unwrap();
    let second = laid(&cabinet, "Second", "b.txt", b"nach dem Wechsel").await;
    settled(&cabinet.client).await;
    assert_eq!(state(&cabinet.client, &second).await, (json!("READ"), String::new()));
    assert_eq!(found(&cabinet.client, "Wechsel").await.len(), 2);
    drop(worker);
    std::fs::remove_file(&program).unwrap();
    cabinet.close();
}

#[tokio::test]
async fn what_cannot_be_read_says_so() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let bomb = docx(&vec![b' '; 65 << 20]);
    assert!(bomb.len() < 2_000_000);
    let mut hostile =
        b"From: a@b\r\nSubject: hostile parts\r\nContent-Type: multipart/mixed; boundary=\"\"\r\n\r\n".to_vec();
    for _ in 0..20_000 {
        hostile.extend_from_slice(b"--\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b\r\n");
    }
    for (title, name, bytes, expected, note) in [
        ("Bomb", "bomb.docx", bomb, "FAILED", "larger than what is read"),
        ("Broken", "broken.pdf", b"%PDF-1.7\nnothing behind it".to_vec(), "FAILED", "cannot be read"),
        ("Picture", "p.png", b"\x89PNG\r\n\x1a\n....".to_vec(), "NONE", "No text is read"),
        ("Program", "p.exe", b"MZ\x90\0\0".to_vec(), "NONE", "No text is read"),
        ("Long", "long.txt", b"word ".repeat(600_000), "CUT", "longer than what is kept"),
    ] {
        let document = laid(&cabinet, title, name, &bytes).await;
        settled(client).await;
        let (state, said) = state(client, &document).await;
        assert_eq!(state, expected, "{title}: {said}");
        assert!(said.contains(note), "{title}: {said}");
        // By its title it is found all the same.
        assert_eq!(found(client, title).await, [title]);
    }
    // Pages that lie in themselves, and a mail of nothing but parts: they end, one way or the other, and are not waiting.
    for (title, name, bytes) in
        [("Round", "round.pdf", pdf("round", "2 0 R 2 0 R")), ("Hostile", "hostile.eml", hostile)]
    {
        let document = laid(&cabinet, title, name, &bytes).await;
        settled(client).await;
        let (state, _) = state(client, &document).await;
        assert_ne!(state, "WAITING", "{title}");
    }
    cabinet.close();
}

#[tokio::test]
async fn pictures_are_recognized_by_a_program_with_an_end() {
    let database = Database::new();
    let folder = database.folder();
    let script = folder.with_extension("ocr");
    std::fs::write(&script, "#!/bin/sh\ncase \"$1\" in slow) sleep 30;; esac\necho erkannter Text \"$#\"\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    drop(database);
    for (word, expected) in [("quick", "READ"), ("slow", "FAILED")] {
        let recognition = Some(format!("{} {word}", script.display()));
        let reading = Reading { recognition, time: Duration::from_secs(3), ..Reading::default() };
        let own = folder.with_extension(word);
        let files = FileSettings { reading, ..FileSettings::in_folder(own) };
        let cabinet = Cabinet::of(Office::with(Setup { files: Some(files), ..Setup::default() })).await;
        let picture = laid(&cabinet, "Picture", "p.png", b"\x89PNG\r\n\x1a\n....").await;
        settled(&cabinet.client).await;
        let (state, note) = state(&cabinet.client, &picture).await;
        assert_eq!(state, expected, "{note}");
        let hits = found(&cabinet.client, "erkannter 2").await;
        assert_eq!(hits.len(), usize::from(expected == "READ"));
    }
}

#[tokio::test]
async fn only_what_one_may_see_is_found() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let input = json!({ "name": "Salaries", "rights": ["PERIOD_LOCK_HARD"] });
    let secret = make(client, "documentTypeCreate", "DocumentTypeCreateInput", input, "documentType").await;
    let hidden = json!({ "documentType": secret, "file": cabinet.sent("s.txt", b"walrus salary").await });
    cabinet.document("Hidden", hidden).await;
    let open = laid(&cabinet, "Open", "o.txt", b"walrus menu").await;
    settled(client).await;
    let mut both = found(client, "walrus").await;
    both.sort();
    assert_eq!(both, ["Hidden", "Open"]);
    let ben = cabinet.office.person("Ben");
    cabinet.office.grant(cabinet.firm, ben, &[Can::OfficeDocumentRead]);
    assert_eq!(found(&cabinet.office.client(ben, cabinet.firm), "walrus").await, ["Open"]);
    let other = cabinet.office.firm("Other", cabinet.ada);
    let other = cabinet.office.client(cabinet.ada, other);
    assert_eq!(found(&other, "walrus").await, Vec::<String>::new());
    let mark = format!("client{}", cabinet.firm.simple());
    assert_eq!(found(&other, &mark).await, Vec::<String>::new());

    // A version that is taken back takes its words along, and those of the one before are back.
    let newer = cabinet.add(&open, "o.txt", b"penguin menu").await;
    settled(client).await;
    assert_eq!(
        (found(client, "penguin").await, found(client, "walrus").await),
        (vec!["Open".to_owned()], vec!["Hidden".to_owned()])
    );
    act(client, "documentVersionDelete", "DocumentVersionDeleteInput", json!({ "id": newer }), "").await;
    assert_eq!(found(client, "penguin").await, Vec::<String>::new());
    assert_eq!(found(client, "walrus menu").await, ["Open"]);
    act(client, "documentTrash", "DocumentInput", json!({ "id": open }), "").await;
    assert_eq!(found(client, "walrus menu").await, Vec::<String>::new());

    // The title weighs more; pages go on where they ended.
    for number in 0..7 {
        cabinet.document(&format!("Otter {number}"), json!({})).await;
    }
    laid(&cabinet, "Zoo", "z.txt", b"one otter among many others").await;
    settled(client).await;
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let query = "query($after: String) { documentSearch(text: \"otter\", first: 3, after: $after) { nodes { document { title } } pageInfo { hasNextPage endCursor } } }";
        let page = client.ask(query, json!({ "after": after })).await["documentSearch"].clone();
        seen.extend(
            page["nodes"].as_array().unwrap().iter().map(|node| node["document"]["title"].as_str().unwrap().to_owned()),
        );
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!((seen.len(), seen.last().unwrap().as_str()), (8, "Zoo"));
    cabinet.close();
}
