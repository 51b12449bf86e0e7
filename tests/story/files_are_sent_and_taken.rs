//! Files come in by a signed address and go out by another. What is not as announced never was.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use backoffice::platform::db::Pools;
use backoffice::platform::files::Settings as FileSettings;
use backoffice::platform::files::ticket::{Ticket, Verb};
use backoffice::platform::files::watch;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::harness::{Client, Database, Office, Person, Setup, wire};

mod keep;
mod kill;

const CREATE: &str = "mutation($input: FileUploadCreateInput!) { fileUploadCreate(input: $input) {
    file { id state } upload { url expiresAt } userErrors { code field message } } }";
const COMPLETE: &str = "mutation($input: FileUploadCompleteInput!) { fileUploadComplete(input: $input) {
    file { id name state size sha256 mediaType downloadUrl shown: downloadUrl(inline: true) refusedFor } userErrors { code field message } } }";
const FILE: &str =
    "query($id: ID!) { file(id: $id) { state size mediaType refusedFor removedAt receivedAt downloadUrl version } }";

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One client company and somebody who may do everything in it.
struct Desk {
    office: Office,
    person: Person,
    firm: Uuid,
    boss: Client,
    http: reqwest::Client,
}

impl Desk {
    fn open() -> Self {
        Self::with(Setup::default())
    }

    fn with(setup: Setup) -> Self {
        let office = Office::with(setup);
        let person = office.person("Ada");
        let firm = office.firm("Firm", person);
        let boss = office.client(person, firm);
        Self { office, person, firm, boss, http: crate::harness::http() }
    }

    fn request(&self, method: Method, address: &str) -> RequestBuilder {
        self.http.request(method, self.office.app.url(address))
    }

    async fn put(&self, address: &str, bytes: &[u8]) -> (StatusCode, String) {
        let response = self.request(Method::PUT, address).body(bytes.to_vec()).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// A file from its announcement to its completion, as it is then.
    async fn send(&self, name: &str, bytes: &[u8]) -> Value {
        let (id, address) = announce(&self.boss, name, bytes).await;
        assert_eq!(self.put(&address, bytes).await, (StatusCode::NO_CONTENT, String::new()));
        complete(&self.boss, &id, bytes).await
    }

    /// What is in the store: objects, and parts of some.
    fn stored(&self) -> Vec<String> {
        listed(&self.office.app.folder)
    }
}

pub fn listed(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for client in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        for entry in std::fs::read_dir(client.path()).unwrap().flatten() {
            names.push(format!("{}/{}", client.file_name().display(), entry.file_name().display()));
        }
    }
    names
}

/// Announces a file: its id and the address for its bytes.
pub async fn announce(client: &Client, name: &str, bytes: &[u8]) -> (String, String) {
    let input = json!({ "name": name, "size": bytes.len(), "sha256": sha256(bytes), "purpose": "ATTACHMENT" });
    let made = client.ask(CREATE, json!({ "input": input })).await["fileUploadCreate"].clone();
    assert_eq!(made["file"]["state"], "PENDING");
    (made["file"]["id"].as_str().unwrap().to_owned(), made["upload"]["url"].as_str().unwrap().to_owned())
}

pub async fn complete(client: &Client, id: &str, bytes: &[u8]) -> Value {
    let input = json!({ "file": id, "sha256": sha256(bytes) });
    client.ask(COMPLETE, json!({ "input": input })).await["fileUploadComplete"]["file"].clone()
}

#[tokio::test]
async fn a_file_goes_in_and_comes_out_as_it_was() {
    let desk = Desk::open();
    let bytes = [b"%PDF-1.7\n".as_slice(), &vec![7; 300_000]].concat();
    let file = desk.send("Rechnung März.html", &bytes).await;
    assert_eq!(
        (&file["state"], &file["size"], &file["sha256"], &file["mediaType"]),
        (&json!("READY"), &json!(bytes.len()), &json!(sha256(&bytes)), &json!("application/pdf"))
    );
    // Bytes lie under the client's own prefix, and neither its id nor the file's tells where.
    let stored = desk.stored();
    assert_eq!(stored.len(), 1);
    let (prefix, key) = stored[0].split_once('/').unwrap();
    assert_eq!((prefix, key.len()), (desk.firm.simple().to_string().as_str(), 64));
    let trail = desk.office.app.database.lines("postgres", "SELECT coalesce(after::text, '') AS line FROM audit.entry");
    assert!(!trail.is_empty() && trail.iter().all(|line| !line.contains(key)), "the key stands in the trail");

    let address = file["downloadUrl"].as_str().unwrap();
    let response = desk.request(Method::GET, address).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    for (name, expected) in [
        ("content-type", "application/pdf"),
        ("content-length", &bytes.len().to_string()),
        (
            "content-disposition",
            "attachment; filename=\"Rechnung M_rz.html\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.html",
        ),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, no-cache"),
        ("referrer-policy", "no-referrer"),
        ("accept-ranges", "bytes"),
        ("etag", &format!("\"{}\"", sha256(&bytes))),
    ] {
        assert_eq!(response.headers()[name], expected, "{name}");
    }
    assert_eq!(response.bytes().await.unwrap(), bytes);

    let part = desk.request(Method::GET, address).header("range", "bytes=5-8").send().await.unwrap();
    assert_eq!(
        (part.status(), &part.headers()["content-range"]),
        (StatusCode::PARTIAL_CONTENT, &format!("bytes 5-8/{}", bytes.len()).parse().unwrap())
    );
    assert_eq!(part.bytes().await.unwrap().as_ref(), b"1.7\n");
    let nowhere = desk.request(Method::GET, address).header("range", "bytes=999999-").send().await.unwrap();
    assert_eq!(nowhere.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let known = desk
        .request(Method::GET, address)
        .header("if-none-match", format!("\"{}\"", sha256(&bytes)))
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let head = desk.request(Method::HEAD, address).send().await.unwrap();
    assert_eq!(
        (head.status(), head.headers()["content-length"].to_str().unwrap()),
        (StatusCode::OK, bytes.len().to_string().as_str())
    );

    let listed = desk.boss.ask("{ files(filter: { state: { eq: READY }, name: { contains: \"märz\" } }) { totalCount nodes { id } } node(id: \"ID\") { id } }".replace("ID", file["id"].as_str().unwrap()).as_str(), json!({})).await;
    assert_eq!((&listed["files"]["nodes"][0]["id"], &listed["node"]["id"]), (&file["id"], &file["id"]));
    assert_eq!(desk.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn only_pictures_and_pdf_are_shown_and_nothing_that_runs_is_named() {
    let desk = Desk::open();
    for (name, bytes, kind, shown, told) in [
        ("a.txt", &b"\x89PNG\r\n\x1a\n...."[..], "image/png", true, "image/png"),
        ("a.pdf", b"%PDF-1.4", "application/pdf", true, "application/pdf"),
        (
            "a.png",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "image/svg+xml",
            false,
            "application/octet-stream",
        ),
        ("a.jpg", b"<!doctype html><script>alert(1)</script>", "text/html", false, "application/octet-stream"),
        ("a.html", b"Number,Name\n", "text/plain", false, "text/plain; charset=utf-8"),
    ] {
        let file = desk.send(name, bytes).await;
        assert_eq!(file["mediaType"], kind, "{name}");
        let response = desk.request(Method::GET, file["shown"].as_str().unwrap()).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-disposition").starts_with("inline"), shown, "{name}");
        assert_eq!(
            (header("content-type").as_str(), header("x-content-type-options").as_str()),
            (told, "nosniff"),
            "{name}"
        );
        assert!(header("content-security-policy").contains("default-src 'none'"), "{name}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_as_announced_are_not_kept() {
    let settings = Database::new();
    let mut files = FileSettings::in_folder(settings.folder());
    files.piece_wait = Duration::from_millis(300);
    let desk = Desk::with(Setup { files: Some(files), ..Setup::default() });
    let bytes = vec![b'x'; 400_000];
    let (id, address) = announce(&desk.boss, "x.txt", &bytes).await;
    let path = desk.office.app.address;
    let raw = |headers: &str, body: &[u8]| {
        [format!("PUT {address} HTTP/1.1\r\nhost: test\r\n{headers}\r\n\r\n").as_bytes(), body].concat()
    };
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let length = |length: usize| format!("content-length: {length}");

    for (what, request, expected) in [
        ("a larger length", raw(&length(400_001), b""), 413),
        ("a smaller length", raw(&length(399_999), b""), 422),
        (
            "no length and more",
            raw("transfer-encoding: chunked", &[chunk(&bytes), chunk(b"y"), b"0\r\n\r\n".to_vec()].concat()),
            413,
        ),
        (
            "no length and less",
            raw("transfer-encoding: chunked", &[chunk(&bytes[1..]), b"0\r\n\r\n".to_vec()].concat()),
            422,
        ),
        ("other bytes", raw(&length(400_000), &[b"y", &bytes[1..]].concat()), 422),
        ("nothing more comes", raw(&length(400_000), &bytes[..300_000]), 408),
        ("packed", raw(&format!("content-encoding: gzip\r\n{}", length(400_000)), b""), 415),
        ("a part", raw(&format!("content-range: bytes 0-1/2\r\n{}", length(400_000)), b""), 415),
        ("no number", raw("content-length: -1", b""), 400),
    ] {
        let (status, answer) = wire::ask(path, &request).await;
        assert_eq!(status, expected, "{what}: {answer}");
    }
    // hung up in the middle
    drop(wire::send(path, &raw(&length(400_000), &bytes[..300_000])).await);
    let refused = desk.boss.refused(COMPLETE, json!({ "input": { "file": id, "sha256": sha256(&bytes) } })).await;
    assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("STATE"), &json!(["input", "file"])));
    for _ in 0..100 {
        if listed(&settings.folder()).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(listed(&settings.folder()), Vec::<String>::new(), "something was kept");

    // The right bytes are still welcome, also without a length.
    let (status, answer) =
        wire::ask(path, &raw("transfer-encoding: chunked", &[chunk(&bytes), b"0\r\n\r\n".to_vec()].concat())).await;
    assert_eq!(status, 204, "{answer}");
    let refused = desk.boss.refused(COMPLETE, json!({ "input": { "file": id, "sha256": sha256(b"other") } })).await;
    assert_eq!(refused[0]["field"], json!(["input", "sha256"]));
    assert_eq!(complete(&desk.boss, &id, &bytes).await["state"], "READY");
    let again = desk.boss.refused(COMPLETE, json!({ "input": { "file": id, "sha256": sha256(&bytes) } })).await;
    assert_eq!(again[0]["code"], "STATE");
    assert_eq!(desk.put(&address, &bytes).await.0, StatusCode::CONFLICT);

    for (input, field) in [
        (json!({ "name": "../x", "size": 1, "sha256": sha256(b"x"), "purpose": "IMPORT" }), "name"),
        (json!({ "name": "x", "size": 0, "sha256": sha256(b"x"), "purpose": "IMPORT" }), "size"),
        (json!({ "name": "x", "size": 268_435_457, "sha256": sha256(b"x"), "purpose": "IMPORT" }), "size"),
        (json!({ "name": "x", "size": 1, "sha256": "abc", "purpose": "IMPORT" }), "sha256"),
        (json!({ "name": "x", "size": 1, "sha256": sha256(b"x"), "purpose": "EXPORT" }), "purpose"),
    ] {
        assert_eq!(desk.boss.refused(CREATE, json!({ "input": input })).await[0]["field"], json!(["input", field]));
    }
}

#[tokio::test]
async fn the_same_upload_twice_at_once_is_one_file() {
    let desk = Desk::open();
    let bytes = vec![b'z'; 900_000];
    let (id, address) = announce(&desk.boss, "z.txt", &bytes).await;
    let others = vec![b'y'; 900_000];
    let (one, other, wrong) =
        tokio::join!(desk.put(&address, &bytes), desk.put(&address, &bytes), desk.put(&address, &others));
    assert_eq!(
        (one.0, other.0, wrong.0),
        (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT, StatusCode::UNPROCESSABLE_ENTITY)
    );
    let file = complete(&desk.boss, &id, &bytes).await;
    let taken =
        desk.request(Method::GET, file["downloadUrl"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(taken, bytes);
    assert_eq!(desk.stored().iter().filter(|name| !name.contains('#')).count(), 1);
}

#[tokio::test]
async fn one_client_does_not_take_every_place() {
    let desk = Desk::open();
    let other = desk.office.firm("Other", desk.person);
    let bytes = vec![b'x'; 100_000];
    let mut held = Vec::new();
    for _ in 0..8 {
        let (_, address) = announce(&desk.boss, "x.txt", &bytes).await;
        let begun = format!("PUT {address} HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\nxxx");
        held.push(wire::send(desk.office.app.address, begun.as_bytes()).await);
    }
    let (_, address) = announce(&desk.boss, "x.txt", &bytes).await;
    let mut last = StatusCode::NO_CONTENT;
    for _ in 0..50 {
        last = desk.put(&address, &bytes).await.0;
        if last == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(last, StatusCode::SERVICE_UNAVAILABLE);
    let (_, others) = announce(&desk.office.client(desk.person, other), "x.txt", &bytes).await;
    assert_eq!(desk.put(&others, &bytes).await.0, StatusCode::NO_CONTENT);
    drop(held);
    for _ in 0..100 {
        last = desk.put(&address, &bytes).await.0;
        if last == StatusCode::NO_CONTENT {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(last, StatusCode::NO_CONTENT, "the places were not given back");
}

#[tokio::test]
async fn an_address_is_good_for_one_thing_and_not_for_long() {
    let desk = Desk::open();
    let bytes = b"what only we may know";
    let file = desk.send("secret.txt", bytes).await;
    let address = file["downloadUrl"].as_str().unwrap().to_owned();
    let id = Uuid::try_parse(file["id"].as_str().unwrap().rsplit_once('_').unwrap().1).unwrap();
    let seals = &desk.office.app.shared.keys.seals;
    let now = chrono::Utc::now().timestamp();
    let good = Ticket {
        verb: Verb::Get,
        actor: desk.person.account,
        session: Some(desk.person.session),
        client: desk.firm,
        file: id,
        size: bytes.len() as u64,
        expires_at_s: now + 60,
    };
    let get = async |address: String| desk.request(Method::GET, &address).send().await.unwrap().status();
    let signed = |ticket: Ticket| format!("/files/{}", ticket.write(seals).unwrap());
    assert_eq!(get(signed(good)).await, StatusCode::OK);

    // not ours, or not any more
    let mut forged = address.clone().into_bytes();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    assert_eq!(get(String::from_utf8(forged).unwrap()).await, StatusCode::FORBIDDEN);
    for wrong in ["/files/x", "/files/AAAA", &format!("/files/{id}"), &format!("/files/{}", "A".repeat(4000))] {
        assert_eq!(get(wrong.to_owned()).await, StatusCode::FORBIDDEN, "{wrong}");
    }
    assert_eq!(get(signed(Ticket { expires_at_s: now - 1, ..good })).await, StatusCode::FORBIDDEN);
    // for something else
    assert_eq!(desk.put(&address, bytes).await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(signed(Ticket { verb: Verb::Put, ..good })).await, StatusCode::FORBIDDEN);
    let deleted = desk.request(Method::DELETE, &address).send().await.unwrap();
    assert_eq!(
        (deleted.status(), &deleted.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD, PUT, OPTIONS".parse().unwrap())
    );
    // another client's file, even with a signature
    let other = desk.office.firm("Other", desk.person);
    assert_eq!(get(signed(Ticket { client: other, ..good })).await, StatusCode::NOT_FOUND);
    let unknown = desk.office.client(desk.person, other).ask(FILE, json!({ "id": file["id"] })).await;
    assert_eq!(unknown["file"], Value::Null);
    let foreign = desk
        .office
        .client(desk.person, other)
        .refused(COMPLETE, json!({ "input": { "file": file["id"], "sha256": sha256(bytes) } }))
        .await;
    assert_eq!(foreign[0]["code"], "NOT_FOUND");
    // a stranger, and one who lost his right or his session since
    let stranger = desk.office.person("Nemo");
    let nobody = Ticket { actor: stranger.account, session: Some(stranger.session), ..good };
    assert_eq!(get(signed(nobody)).await, StatusCode::FORBIDDEN);
    let reader = desk.office.person("Rita");
    desk.office.grant(desk.firm, reader, &[backoffice::platform::can::Can::FileRead]);
    let hers = Ticket { actor: reader.account, session: Some(reader.session), ..good };
    assert_eq!(get(signed(hers)).await, StatusCode::OK);
    assert_eq!(desk.put(&signed(Ticket { verb: Verb::Put, ..hers }), bytes).await.0, StatusCode::FORBIDDEN);
    desk.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{}'); UPDATE identity.access_grant SET ended_at = now() WHERE account_id = '{}'",
        desk.firm, reader.account
    ));
    assert_eq!(get(signed(hers)).await, StatusCode::FORBIDDEN);
    desk.office.app.database.lay(&format!(
        "UPDATE identity.session SET revoked_at = now(), revoked_for = 'revoked' WHERE id = '{}'",
        desk.person.session
    ));
    assert_eq!(get(address).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_file_is_kept_apart_until_it_has_been_checked() {
    let settings = Database::new();
    let script = settings.folder().with_extension("check");
    let mut file = std::fs::File::create(&script).unwrap();
    file.write_all(b"#!/bin/sh\n[ -z \"$DATABASE_URL\" ] || exit 3\ngrep -q UNSURE \"$2\" && exit 2\ngrep -q VIRUS \"$2\" && exit 1\n[ \"$1\" = --quiet ]\n").unwrap();
    drop(file);
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut files = FileSettings::in_folder(settings.folder());
    files.check = Some(format!("{} --quiet", script.display()));
    let desk = Desk::with(Setup { files: Some(files), ..Setup::default() });
    let mut seen = Vec::new();
    for bytes in [&b"harmless"[..], b"a VIRUS in it", b"UNSURE"] {
        let file = desk.send("a.txt", bytes).await;
        assert_eq!((&file["state"], &file["downloadUrl"]), (&json!("QUARANTINED"), &Value::Null));
        seen.push(file["id"].clone());
    }
    let state = async |id: &Value| desk.boss.ask(FILE, json!({ "id": id })).await["file"].clone();
    for _ in 0..200 {
        if state(&seen[0]).await["state"] == "READY" && state(&seen[1]).await["state"] == "REFUSED" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let [good, bad, unsure] = [state(&seen[0]).await, state(&seen[1]).await, state(&seen[2]).await];
    assert!(good["state"] == "READY" && good["downloadUrl"].is_string(), "{good}");
    assert!(bad["state"] == "REFUSED" && bad["refusedFor"].is_string() && bad["downloadUrl"].is_null(), "{bad}");
    assert_eq!((&unsure["state"], &unsure["downloadUrl"]), (&json!("QUARANTINED"), &Value::Null));
    assert_eq!(listed(&settings.folder()).len(), 2, "the refused file's bytes are still there");
    assert_eq!(desk.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_over_is_taken_out_of_the_store() {
    let desk = Desk::open();
    let pools = Pools::new(&desk.office.app.database.urls(), 1).unwrap();
    let files = &desk.office.app.shared.files;
    let sweep = async || watch::sweep(files, &pools).await.unwrap();
    let (announced, _) = announce(&desk.boss, "announced.txt", b"1").await;
    let (received, address) = announce(&desk.boss, "received.txt", b"2").await;
    assert_eq!(desk.put(&address, b"2").await.0, StatusCode::NO_CONTENT);
    let (fresh, _) = announce(&desk.boss, "fresh.txt", b"5").await;
    let for_good = desk.send("for good.txt", b"3").await;
    let for_a_while = desk.send("for a while.txt", b"4").await;
    assert_eq!((desk.stored().len(), sweep().await), (3, 0), "nothing is due yet");
    let digits = |id: &str| id.rsplit_once('_').unwrap().1.to_owned();
    // as the server itself changes it, so that the trail knows
    desk.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{}'); SELECT set_config('app.actor_kind', 'system', true);
         UPDATE core.file SET expires_at = now() - interval '61 minutes' WHERE id IN ('{}', '{}');
         UPDATE core.file SET expires_at = now() - interval '1 minute' WHERE id = '{}'",
        desk.firm,
        digits(&announced),
        digits(&received),
        digits(for_a_while["id"].as_str().unwrap())
    ));
    assert_eq!(sweep().await, 3);
    assert_eq!(sweep().await, 0);
    assert_eq!(desk.stored().len(), 1);
    for id in [&announced, &received] {
        assert_eq!(desk.boss.ask(FILE, json!({ "id": id })).await["file"], Value::Null);
    }
    assert_eq!(desk.put(&address, b"2").await.0, StatusCode::NOT_FOUND);
    assert_eq!(desk.boss.ask(FILE, json!({ "id": fresh })).await["file"]["state"], "PENDING");
    let over = desk.boss.ask(FILE, json!({ "id": for_a_while["id"] })).await["file"].clone();
    assert!(over["state"] == "READY" && over["removedAt"].is_string() && over["downloadUrl"].is_null(), "{over}");
    let gone = desk.request(Method::GET, for_a_while["downloadUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    let kept = desk.request(Method::GET, for_good["downloadUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(kept.text().await.unwrap(), "3");
    assert_eq!(desk.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_browser_of_the_allowed_origin_may_send_and_take() {
    let desk = Desk::open();
    let (_, address) = announce(&desk.boss, "a.txt", b"a").await;
    let asked =
        desk.request(Method::OPTIONS, &address).header("origin", "https://portal.example").send().await.unwrap();
    assert_eq!(asked.headers()["access-control-allow-methods"], "GET, HEAD, PUT");
    assert_eq!(asked.headers()["access-control-allow-origin"], "https://portal.example");
    let strange =
        desk.request(Method::OPTIONS, &address).header("origin", "https://evil.example").send().await.unwrap();
    assert!(!strange.headers().contains_key("access-control-allow-origin"));
}
