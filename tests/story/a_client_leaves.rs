//! A client leaves: everything that is its own goes out as one archive, and into another server, where it is the same.

use std::fs;
use std::path::{Path, PathBuf};

use backoffice_archive::{END, Entries, MANIFEST, MANIFEST_SUM, Manifest, header, padding, sha256, verify};
use serde_json::{Value, json};

use crate::documents_are_kept::{act, make};
use crate::files_are_sent_and_taken::{announce, complete};
use crate::harness::program::{Program, done, folder, refused};
use crate::harness::{Client, Database};

const ARCHIVE: &str = "mutation { clientArchiveCreate { job { id } userErrors { message } } }";
const POST: &str = "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { journalEntry { id } userErrors { message } } }";
const OPEN: &str = "mutation($input: WorkItemCreateInput!) { workItemCreate(input: $input) { workItem { id } userErrors { message } } }";
const FIGURES: &str = "{ trialBalance(asOf: \"2026-12-31\") { debit { amount } credit { amount } rows { code balance { amount currency } } } }";
const WORK: &str = "{ workItems(first: 50) { totalCount nodes { id title description kind state dueOn priority assignee { name } } } }";
const TRAIL: &str =
    "{ auditLog(first: 100) { nodes { action actorName after before node occurredAt recordType requestId } } }";
const TOLD: &str = "query($id: ID!) { file(id: $id) { name size sha256 mediaType state downloadUrl } }";

/// One client on a server, with books, work and a file.
struct Left {
    program: Program,
    inside: Client,
    accountant: Client,
    client: String,
    file: String,
}

async fn post(client: &Client, amount: &str) {
    let (cash, capital) = (client.account("1290").await, client.account("2010").await);
    let lines = json!([{ "account": cash, "debit": amount }, { "account": capital, "credit": amount }]);
    let input = json!({ "date": "2026-03-01", "description": format!("Paid in {amount}"), "lines": lines });
    let posted = client.ask(POST, json!({ "input": input })).await;
    assert!(posted["journalEntryPost"]["journalEntry"]["id"].is_string(), "{posted}");
}

async fn open(client: &Client, title: &str, due: Option<&str>) {
    let made = client
        .ask(
            OPEN,
            json!({ "input": {
        "kind": "TASK", "title": title, "dueOn": due, "description": "Zeile 1\n\tZeile \\2\u{2028}\"" } }),
        )
        .await;
    assert!(made["workItemCreate"]["workItem"]["id"].is_string(), "{made}");
}

async fn fetched(program: &Program, client: &Client, file: &Value) -> Vec<u8> {
    let told = client.ask(TOLD, json!({ "id": file })).await;
    let address = told["file"]["downloadUrl"].as_str().unwrap_or_else(|| panic!("no address: {told}"));
    let reply = reqwest::get(format!("http://{}{address}", program.address)).await.unwrap();
    assert!(reply.status().is_success());
    reply.bytes().await.unwrap().to_vec()
}

impl Left {
    async fn open(amounts: &[&str], bytes: &[u8]) -> Self {
        let program = Program::serve(&folder("left"), &[], &[]);
        let administrator = program.administrator().await;
        let client = administrator.onboard("Alpha Trading", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
        let user = administrator.staff("konrad@firm.example", "Konrad Konto").await;
        let inside = administrator.enter(&client).await;
        inside.grant(&user, "Accountant", "2026-01-01", None).await;
        let accountant = program.client().sign_in("konrad@firm.example").await.enter(&client).await;
        for amount in amounts {
            post(&accountant, amount).await;
        }
        open(&accountant, "Close March", Some("2026-04-10")).await;
        open(&accountant, "Überträge \\ \"prüfen\"", None).await;
        let (file, address) = announce(&accountant, "Vertrag.pdf", bytes).await;
        let address = format!("http://{}{address}", program.address);
        let put = reqwest::Client::new().put(address).body(bytes.to_vec()).send().await.unwrap();
        assert!(put.status().is_success());
        assert_eq!(complete(&accountant, &file, bytes).await["state"], "READY");
        Self { program, inside, accountant, client, file }
    }

    /// Takes the archive; gives what the job says, and where the archive lies.
    async fn archive(&self) -> (Value, PathBuf) {
        let asked = self.inside.ask(ARCHIVE, json!({})).await;
        let job = self.inside.ended(asked["clientArchiveCreate"]["job"]["id"].as_str().unwrap()).await;
        assert_eq!(job["state"], "SUCCEEDED", "{job}");
        let bytes = fetched(&self.program, &self.inside, &job["result"]["file"]).await;
        assert_eq!(job["result"]["sha256"], sha256(&bytes));
        let path = folder("archive").with_extension("tar");
        fs::write(&path, &bytes).unwrap();
        (job["result"].clone(), path)
    }
}

fn data(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The trail without what the loading itself has added.
async fn trail(client: &Client) -> Vec<Value> {
    let log = client.ask(TRAIL, json!({})).await;
    let nodes = log["auditLog"]["nodes"].as_array().unwrap().clone();
    nodes.into_iter().filter(|entry| entry["recordType"] != "identity.access_grant").collect()
}

async fn comes_back_the_same(amounts: &[&str], total: &str, bytes: &[u8]) {
    let left = Left::open(amounts, bytes).await;
    let figures = left.accountant.ask(FIGURES, json!({})).await;
    let work = left.accountant.ask(WORK, json!({})).await;
    assert_eq!(work["workItems"]["totalCount"], 2);
    let (result, archive) = left.archive().await;
    let told = &result["controlTotals"];
    assert_eq!(
        told["trialBalance"],
        json!([
            { "account": "1290", "debit": total, "credit": "0.0000", "balance": total },
            { "account": "2010", "debit": "0.0000", "credit": total, "balance": format!("-{total}") },
        ])
    );
    assert_eq!((&told["openWork"], &told["files"]), (&json!(2), &json!({ "count": 1, "bytes": bytes.len() })));
    assert_eq!((&result["files"], &result["missingFiles"]), (&json!(1), &json!(0)));
    let before = trail(&left.accountant).await;

    // No secret is in it: neither how anybody signs in nor where the bytes lie.
    let (manifest, sum) = verify(fs::File::open(&archive).unwrap()).unwrap();
    assert_eq!(result["manifestSha256"], sum);
    let text = String::from_utf8_lossy(&fs::read(&archive).unwrap()).into_owned();
    assert!(text.contains("konrad@firm.example") && !text.contains("argon2") && !text.contains("object_key\":"));
    assert!(manifest.left_out.iter().all(|table| table.reason.len() > 10));
    done(&["client", "load", data(&archive), "--verify-only"], &[]).await;

    let fresh = folder("fresh");
    let said =
        done(&["client", "load", data(&archive), "--manifest-sha256", &sum, "--data-dir", data(&fresh)], &[]).await;
    assert!(said.contains("Alpha Trading") && said.contains("1 clients") && said.contains(" 0 findings"), "{said}");

    // Somebody whom only the new server knows is granted a role there, and sees what was seen before.
    let again = Program::serve(&fresh, &[], &[]);
    let administrator = again.administrator().await;
    let inside = administrator.enter(&left.client).await;
    let user = administrator.staff("nina@other.example", "Nina Neu").await;
    inside.grant(&user, "Accountant", "2026-01-01", None).await;
    let nina = again.client().sign_in("nina@other.example").await.enter(&left.client).await;
    assert_eq!(nina.ask(FIGURES, json!({})).await, figures);
    assert_eq!(nina.ask(WORK, json!({})).await, work);
    let file = nina.ask(TOLD, json!({ "id": left.file })).await["file"].clone();
    assert_eq!(
        (&file["name"], &file["size"], &file["state"]),
        (&json!("Vertrag.pdf"), &json!(bytes.len()), &json!("READY"))
    );
    assert_eq!(fetched(&again, &nina, &json!(left.file)).await, bytes);
    let after = trail(&nina).await;
    for entry in before.iter().take(50) {
        // The file of the archive itself was finished behind the archive's moment.
        let of_archive = entry["recordType"] == "core.file" && entry["after"]["purpose"] == "export";
        assert!(of_archive || after.contains(entry), "not on the record any more: {entry}");
    }
    // Whoever had access before has none here: he is a name.
    let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { code } } }";
    let input = json!({ "input": { "email": "konrad@firm.example", "password": crate::harness::PASSWORD } });
    assert!(!again.client().send(sign_in, input).await.text.contains("accessToken\":\"ey"));

    // They work on, with numbers that follow; and the chain holds.
    post(&nina, "1.00").await;
    let checked = done(&["check", "--files", "--data-dir", data(&fresh)], &[]).await;
    assert!(checked.contains(" 0 findings") && checked.contains("1 files read, 0 not"), "{checked}");
    // A second time, and over somebody who is there, it is refused; nothing changes.
    for place in [&fresh, &left.program.data] {
        let said = refused(&["client", "load", data(&archive), "--data-dir", data(place)], &[]).await;
        assert!(said.contains("knows the client Alpha Trading") && said.contains("already"), "{said}");
    }
    let checked = done(&["check", "--data-dir", data(&fresh)], &[]).await;
    assert!(checked.contains(" 0 findings"), "{checked}");
}

#[tokio::test]
async fn its_archive_loads_into_an_empty_server_and_gives_the_same_figures() {
    comes_back_the_same(&["1234.56", "10.01", "0.01"], "1244.5800", b"%PDF-1.7\nthe contract").await;
}

#[tokio::test]
async fn other_figures_and_a_larger_file_come_back_as_well() {
    comes_back_the_same(&["99999999.99"], "99999999.9900", &vec![9; 700_000]).await;
}

/// Sends a file and makes it the next version of this document, or a document of its own.
async fn version(left: &Left, document: Option<&str>, kind: &str, text: &str) -> String {
    let (client, bytes) = (&left.accountant, text.as_bytes());
    let (file, address) = announce(client, "Mietvertrag.txt", bytes).await;
    let put = reqwest::Client::new().put(format!("http://{}{address}", left.program.address));
    assert!(put.body(bytes.to_vec()).send().await.unwrap().status().is_success());
    assert_eq!(complete(client, &file, bytes).await["state"], "READY");
    if let Some(document) = document {
        let input = json!({ "document": document, "file": file });
        return make(client, "documentVersionAdd", "DocumentVersionAddInput", input, "documentVersion").await;
    }
    let input = json!({ "title": "Lease", "documentType": kind, "file": file, "tags": ["Berlin"] });
    make(client, "documentCreate", "DocumentCreateInput", input, "document").await
}

/// Documents as they are listed, and those in which this is found.
async fn shelf(client: &Client, word: &str) -> (Value, Value) {
    let all = "{ documents(first: 50) { nodes { id title tags type { name } versions { number deletedAt file { name size sha256 state } } } } }";
    let found =
        "query($text: String!) { documentSearch(text: $text) { nodes { document { id } snippet { text hit } } } }";
    (client.ask(all, json!({})).await, client.ask(found, json!({ "text": word })).await)
}

#[tokio::test]
async fn its_documents_and_the_calendar_that_it_follows_come_along() {
    let left = Left::open(&["5.00"], b"%PDF-1.7\nthe contract").await;
    let administrator = left.program.client().sign_in("ada@firm.example").await;
    let hours = json!([{ "weekday": "MONDAY", "from": "08:00", "until": "12:00" }]);
    let input =
        json!({ "name": "Firm", "hours": hours, "exceptions": [{ "day": "2026-03-09", "name": "Works outing" }] });
    let calendar =
        make(&administrator, "providerCalendarCreate", "ProviderCalendarCreateInput", input, "providerCalendar").await;
    let input = json!({ "name": "Office", "follows": calendar, "isDefault": true });
    make(&left.accountant, "businessCalendarCreate", "BusinessCalendarCreateInput", input, "businessCalendar").await;
    let input = json!({ "name": "Letter" });
    let kind = make(&left.accountant, "documentTypeCreate", "DocumentTypeCreateInput", input, "documentType").await;
    let lease = version(&left, None, &kind, "Mietvertrag, Fassung vom Januar").await;
    version(&left, Some(&lease), &kind, "Mietvertrag, Fassung vom Februar mit Staffelmiete").await;

    let begun = std::time::Instant::now();
    while shelf(&left.accountant, "Staffelmiete").await.1["documentSearch"]["nodes"] == json!([]) {
        assert!(begun.elapsed().as_secs() < 60, "the text is not read");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let days = "{ workingDays(from: \"2026-03-01\", until: \"2026-04-01\") { countedDays explanation { from through counted name } } }";
    let counted = left.accountant.ask(days, json!({})).await;
    // Five Mondays in that month, of which one is the outing.
    assert_eq!(counted["workingDays"]["countedDays"], 4, "{counted}");
    let shelf_before = shelf(&left.accountant, "Staffelmiete").await;

    let (_, archive) = left.archive().await;
    let fresh = folder("fresh");
    let said = done(&["client", "load", data(&archive), "--data-dir", data(&fresh)], &[]).await;
    assert!(said.contains(" 0 findings"), "{said}");
    let again = Program::serve(&fresh, &[], &[]);
    let administrator = again.administrator().await;
    let user = administrator.staff("nina@other.example", "Nina Neu").await;
    administrator.enter(&left.client).await.grant(&user, "Accountant", "2026-01-01", None).await;
    let nina = again.client().sign_in("nina@other.example").await.enter(&left.client).await;
    assert_eq!(shelf(&nina, "Staffelmiete").await, shelf_before);
    assert_eq!(nina.ask(days, json!({})).await, counted);
    // The calendar is that of the provider who has taken it over, and changes with its word.
    let input = json!({ "id": calendar, "removeExceptions": ["2026-03-09"] });
    let changed = act(
        &administrator,
        "providerCalendarUpdate",
        "ProviderCalendarUpdateInput",
        input,
        "providerCalendar { name followers }",
    )
    .await;
    assert_eq!(changed["providerCalendar"], json!({ "name": "Firm", "followers": 1 }), "{changed}");
    assert_eq!(nina.ask(days, json!({})).await["workingDays"]["countedDays"], 5);
}

/// The parts of an archive.
fn parts(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut entries = Entries::new(fs::File::open(archive).unwrap());
    let mut parts = Vec::new();
    while let Some((name, size)) = entries.next_entry().unwrap() {
        let mut bytes = vec![0; size as usize];
        let mut at = 0;
        while at < bytes.len() {
            at += entries.read(&mut bytes[at..]).unwrap();
        }
        parts.push((name, bytes));
    }
    parts
}

/// Writes an archive whose sums are right, whatever else was done to it.
fn write(parts: &[(String, Vec<u8>)], change: impl FnOnce(&mut Manifest)) -> PathBuf {
    let told = parts.iter().find(|(name, _)| name == MANIFEST).unwrap();
    let mut manifest: Manifest = serde_json::from_slice(&told.1).unwrap();
    change(&mut manifest);
    let mut out = Vec::new();
    let mut entry = |name: &str, bytes: &[u8]| {
        out.extend(header(name, bytes.len() as u64));
        out.extend_from_slice(bytes);
        out.extend_from_slice(padding(bytes.len() as u64));
    };
    for (name, bytes) in parts.iter().filter(|(name, _)| !name.starts_with("manifest.")) {
        if let Some(part) = manifest.parts.iter_mut().find(|part| part.name == *name) {
            (part.bytes, part.sha256) = (bytes.len() as u64, sha256(bytes));
            part.rows = part.rows.map(|_| bytes.iter().filter(|byte| **byte == b'\n').count() as u64);
        }
        entry(name, bytes);
    }
    let bytes = manifest.to_bytes().unwrap();
    entry(MANIFEST, &bytes);
    entry(MANIFEST_SUM, format!("{}  {MANIFEST}\n", sha256(&bytes)).as_bytes());
    out.extend(END);
    let path = folder("changed").with_extension("tar");
    fs::write(&path, out).unwrap();
    path
}

#[tokio::test]
async fn an_archive_that_is_not_what_it_was_is_refused() {
    let left = Left::open(&["7.00", "8.00"], b"bytes").await;
    let (_, archive) = left.archive().await;
    let (whole, good) = (fs::read(&archive).unwrap(), parts(&archive));
    let raw = |bytes: &[u8]| {
        let path = folder("raw").with_extension("tar");
        fs::write(&path, bytes).unwrap();
        path
    };
    let with = |name: &str, change: &dyn Fn(String) -> String| {
        let mut parts = good.clone();
        let part = parts.iter_mut().find(|(part, _)| part == name).unwrap();
        part.1 = change(String::from_utf8(part.1.clone()).unwrap()).into_bytes();
        parts
    };
    let mut flipped = whole.clone();
    let at = flipped.windows(7).position(|window| window == b"Paid in").unwrap();
    flipped[at] = b'p';
    let mut climbing = good.clone();
    climbing.insert(0, ("../../../tmp/evil".to_owned(), b"x".to_vec()));
    let mut bomb = whole.clone();
    bomb[..512].copy_from_slice(&header("tables/audit.chain.jsonl", 1 << 50));
    let lines = "tables/finance.journal_line.jsonl";
    let client = left.client.split_once('_').unwrap().1;
    let foreign = format!("\"tenant_id\": \"{}\"", uuid::Uuid::try_parse(client).unwrap());
    let other = format!("\"tenant_id\": \"{}\"", uuid::Uuid::now_v7());
    let mut unknown = good.clone();
    unknown.insert(unknown.len() - 2, ("tables/core.idempotency.jsonl".to_owned(), b"{}\n".to_vec()));
    let cases: Vec<(PathBuf, &str)> = vec![
        (raw(&flipped), "is not as it was written"),
        (raw(&whole[..whole.len() / 2]), "The archive is cut off"),
        (raw(&whole[..whole.len() - 1024]), "The archive is cut off"),
        (raw(b"PK\x03\x04 not a tar"), "The archive is cut off"),
        (raw(&[b'x'; 4096]), "no archive of a client"),
        (raw(&bomb), "The archive is cut off"),
        (write(&climbing, |_| ()), "is no part of an archive"),
        (
            write(&good, |manifest| manifest.schema_steps.push("9999".to_owned())),
            "taken by a newer program: this one does not know step 9999",
        ),
        (write(&good, |manifest| manifest.format_version = 2), "in version 2; this program reads"),
        // Whoever makes the sums right still has to make the books right, the trail and the client.
        (
            write(&with(lines, &|text| text.replace(": 7.0000", ": 9.0000").replace(": -7.0000", ": -9.0000")), |_| ()),
            "the control total journal is not what the archive says",
        ),
        (write(&with(lines, &|text| text.replacen(&foreign, &other, 1)), |_| ()), "row-level security"),
        (write(&with(lines, &|text| text.replace("\"entry_id\"", "\"entry_idd\"")), |_| ()), "has no place"),
        (
            write(&with("tables/finance.journal_entry.jsonl", &|_| String::new()), |_| ()),
            "rows point at what is not there",
        ),
        (
            write(&unknown, |manifest| {
                let mut part = manifest.parts[0].clone();
                part.name = "tables/core.idempotency.jsonl".to_owned();
                manifest.parts.push(part);
            }),
            "core.idempotency, for which this server has no place",
        ),
    ];
    let fresh = folder("fresh");
    for (path, sentence) in cases {
        let said = refused(&["client", "load", data(&path), "--data-dir", data(&fresh)], &[]).await;
        assert!(said.contains(sentence), "{sentence}: {said}");
    }
    let other = "0".repeat(64);
    let said =
        refused(&["client", "load", data(&archive), "--manifest-sha256", &other, "--data-dir", data(&fresh)], &[])
            .await;
    assert!(said.contains("another one than was expected"), "{said}");
    // Nothing of them is left, so the right one finds an empty place.
    assert!(!Path::new("/tmp/evil").exists());
    let said = done(&["client", "load", data(&archive), "--data-dir", data(&fresh)], &[]).await;
    assert!(said.contains("1 clients") && said.contains(" 0 findings"), "{said}");
    let objects: usize = fs::read_dir(fresh.join("files"))
        .unwrap()
        .flatten()
        .map(|client| fs::read_dir(client.path()).unwrap().count())
        .sum();
    assert_eq!(objects, 1);
}

#[tokio::test]
async fn nobody_takes_it_without_the_right() {
    let left = Left::open(&["1.00"], b"x").await;
    let reply = left.accountant.send(ARCHIVE, json!({})).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    let (result, _) = left.archive().await;
    let told = left.accountant.ask(TOLD, json!({ "id": result["file"] })).await;
    assert_eq!(told["file"], Value::Null, "the archive is for those alone who may take it");
}

#[test]
fn every_table_is_decided() {
    let database = Database::new();
    let rules = [
        ("rows that name a client by client_id go out or say why not", "
            SELECT t.name AS line FROM core.archive_tables() t WHERE t.client_column = 'client_id' AND t.reason IS NULL"),
        ("a column that the trail leaves out goes out or not by decision", "
            SELECT format('%s.%s', t.name, s) AS line FROM core.archive_tables() t, unnest(t.secrets) s
             WHERE t.reason IS NULL AND NOT EXISTS (SELECT 1 FROM core.archive_column c WHERE c.table_name = t.name AND c.column_name = s)"),
        ("a column that sounds like a secret stays, or somebody has decided that it goes", "
            SELECT format('%s.%s', t.name, c) AS line FROM core.archive_tables() t, unnest(t.columns) c
             WHERE t.reason IS NULL AND c ~ '(secret|sealed|password|passphrase|token|_hash$)' AND c !~ '_at$' AND c <> ALL (t.secrets)
               AND NOT EXISTS (SELECT 1 FROM core.archive_column d WHERE d.table_name = t.name AND d.column_name = c AND d.goes)"),
        ("what a decision names is there", "
            SELECT format('%s.%s', d.table_name, d.column_name) AS line FROM core.archive_column d
             WHERE NOT EXISTS (SELECT 1 FROM core.archive_tables() t WHERE t.name = d.table_name AND d.column_name = ANY (t.columns))
            UNION ALL
            SELECT x.table_name FROM core.archive_exception x WHERE NOT EXISTS (SELECT 1 FROM core.archive_tables() t WHERE t.name = x.table_name)"),
        ("rows that go out point at rows that go out", "
            SELECT format('%s: %s', t.name, k.conname) AS line
              FROM core.archive_tables() t JOIN pg_constraint k ON k.conrelid = to_regclass(t.name) AND k.contype = 'f'
             WHERE t.reason IS NULL
               AND k.confrelid NOT IN (SELECT to_regclass(o.name) FROM core.archive_tables() o WHERE o.reason IS NULL)
               AND k.confrelid NOT IN (SELECT to_regclass(r.table_name) FROM core.archive_reference r)
               AND k.confrelid <> 'core.tenant'::regclass"),
        ("what goes along holds no credential", "
            SELECT format('%s.%s', r.table_name, c) AS line FROM core.archive_reference r, unnest(r.names) c
             WHERE c ~ '(secret|sealed|password|token|hash|totp)'"),
        ("what goes along points at nothing else of the provider's", "
            SELECT format('%s: %s', r.table_name, k.conname) AS line FROM core.archive_reference r
              JOIN pg_constraint k ON k.conrelid = to_regclass(r.table_name) AND k.contype = 'f'
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND a.attname = ANY (r.names)"),
        ("values of every kind of column come back as they went out", "
            SELECT format('%s.%s: %s', t.name, a.attname, format_type(a.atttypid, NULL)) AS line
              FROM core.archive_tables() t JOIN pg_attribute a ON a.attrelid = to_regclass(t.name) AND a.attnum > 0 AND NOT a.attisdropped
             WHERE t.reason IS NULL AND rtrim(format_type(a.atttypid, NULL), '[]') NOT IN (
               'uuid', 'text', 'integer', 'bigint', 'smallint', 'boolean', 'numeric', 'date', 'timestamp with time zone', 'jsonb', 'bytea',
               'time without time zone', 'timestamp without time zone', 'interval', 'tsvector', 'daterange', 'tstzrange', 'int4range',
               'numrange', 'tstzmultirange', 'datemultirange', 'inet', 'cidr', '\"char\"')"),
        ("a row is found by its key", "
            SELECT t.name AS line FROM core.archive_tables() t WHERE t.reason IS NULL
               AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = to_regclass(t.name) AND k.contype = 'p')"),
    ];
    let mut broken = Vec::new();
    for (rule, query) in rules {
        broken.extend(database.lines("postgres", query).into_iter().map(|line| format!("{rule}: {line}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
