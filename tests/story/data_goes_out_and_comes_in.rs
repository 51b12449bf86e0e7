//! Lists to files and files to records, as jobs: whole or not at all, with the rights of the one who asks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::harness::{App, Client, Database, Office, Setup};

const EXPORT: &str =
    "mutation($input: ExportCreateInput!) { exportCreate(input: $input) { job { id } userErrors { code field message } } }";
const IMPORT: &str =
    "mutation($input: ImportCreateInput!) { importCreate(input: $input) { job { id } userErrors { code field message } } }";

/// Lays customers into the books, past the API.
fn lay_customers(database: &Database, client: Uuid, count: u32) {
    database.lay(&format!(
        "SELECT core.set_tenant('{client}');
         INSERT INTO finance.customer (tenant_id, id, number, name, country, currency, payment_terms_days)
         SELECT '{client}', gen_random_uuid(), lpad(n::text, 6, '0'), CASE WHEN n % 100 = 7 THEN '=1+' || n ELSE 'Customer ' || n END, 'DE', 'EUR', 14
           FROM generate_series(1, {count}) AS n"
    ));
}

async fn export(client: &Client, query: &str, variables: Value, format: &str) -> Value {
    let input = json!({ "query": query, "variables": variables, "format": format });
    let data = client.ask(EXPORT, json!({ "input": input })).await;
    client.ended(data["exportCreate"]["job"]["id"].as_str().unwrap()).await
}

/// The bytes of a file, by its signed address.
async fn download(app: &App, client: &Client, file: &Value) -> Vec<u8> {
    let data = client.ask("query($id: ID!) { file(id: $id) { downloadUrl } }", json!({ "id": file })).await;
    let address = data["file"]["downloadUrl"].as_str().unwrap_or_else(|| panic!("no address: {data}"));
    let reply = reqwest::get(app.url(address)).await.unwrap();
    assert!(reply.status().is_success());
    reply.bytes().await.unwrap().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Uploads a file as a client does; gives its id.
async fn upload(app: &App, client: &Client, name: &str, bytes: &[u8]) -> String {
    let announce = "mutation($input: FileUploadCreateInput!) { fileUploadCreate(input: $input) {
        file { id } upload { url } userErrors { message } } }";
    let input = json!({ "name": name, "size": bytes.len(), "sha256": sha256(bytes), "purpose": "IMPORT" });
    let made = client.ask(announce, json!({ "input": input })).await["fileUploadCreate"].clone();
    let address = app.url(made["upload"]["url"].as_str().unwrap());
    let put = reqwest::Client::new().put(address).body(bytes.to_vec()).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
    let complete = "mutation($input: FileUploadCompleteInput!) { fileUploadComplete(input: $input) {
        file { state } userErrors { message } } }";
    let input = json!({ "file": made["file"]["id"], "sha256": sha256(bytes) });
    let completed = client.ask(complete, json!({ "input": input })).await;
    assert_eq!(completed["fileUploadComplete"]["file"]["state"], "READY");
    made["file"]["id"].as_str().unwrap().to_owned()
}

async fn import(client: &Client, input: Value) -> Value {
    let data = client.ask(IMPORT, json!({ "input": input })).await;
    client.ended(data["importCreate"]["job"]["id"].as_str().unwrap()).await
}

#[tokio::test]
async fn a_list_becomes_a_file() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let other = office.firm("Other", person);
    lay_customers(&office.app.database, firm, 350);
    lay_customers(&office.app.database, other, 10);
    let ada = office.client(person, firm);
    let query = "query($part: String!) { customers(filter: { number: { contains: $part } }) { nodes { number name currency } } }";
    let mut sums = HashMap::new();
    for format in ["CSV", "JSONL", "XLSX"] {
        let done = export(&ada, query, json!({ "part": "0" }), format).await;
        assert_eq!(done["state"], "SUCCEEDED", "{done}");
        assert_eq!((&done["result"]["rows"], &done["progress"]["done"]), (&json!(350), &json!(350)), "{done}");
        let bytes = download(&office.app, &ada, &done["result"]["file"]).await;
        assert_eq!(done["result"]["sha256"], sha256(&bytes));
        sums.insert(format, bytes);
    }
    let csv = String::from_utf8(sums["CSV"].clone()).unwrap();
    assert_eq!(csv.lines().count(), 351);
    assert_eq!(csv.lines().next(), Some("number,name,currency"));
    assert!(csv.contains("000007,\"'=1+7\",EUR"), "formulas are shown, not run");
    let json_lines = String::from_utf8(sums["JSONL"].clone()).unwrap();
    let rows: Vec<Value> = json_lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), rows.iter().filter(|row| row["name"] == "=1+7").count()), (350, 1));
    let sheet = String::from_utf8(backoffice_formats::rows_in::to_csv(&sums["XLSX"]).unwrap()).unwrap();
    assert_eq!((sheet.lines().count(), sheet.lines().next()), (351, Some("number,name,currency")));
    // A filter narrows the file as it narrows the list.
    let done = export(&ada, query, json!({ "part": "00001" }), "CSV").await;
    assert_eq!(done["result"]["rows"], 10);
}

#[tokio::test]
async fn every_list_can_be_exported() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    lay_customers(&office.app.database, firm, 3);
    let ada = office.client(person, firm);
    let mut all = 0;
    for (list, columns) in [
        ("customers", "id number name"),
        ("vendors", "id number name"),
        ("invoices", "number status customer { name } gross { amount currency } lines { description net { amount } }"),
        ("bills", "number vendor { name } gross { amount }"),
        ("accounts", "code name kind parent { code }"),
        ("journalEntries", "number date description lines { account { code } }"),
        ("openItems", "document open { amount currency } dueDate"),
        ("bankLines", "bookedOn amount { amount } reference"),
        ("auditLog", "occurredAt actorName action recordType before after"),
        ("grants", "user { name } effect"),
        ("jobs", "kind state"),
        ("imports", "kind fileName"),
    ] {
        let query = format!("{{ {list} {{ nodes {{ {columns} }} }} }}");
        let reply = ada.send(EXPORT, json!({ "input": { "query": query, "format": "CSV" } })).await;
        let id = reply.body["data"]["exportCreate"]["job"]["id"].as_str().unwrap_or_else(|| panic!("{list}: {}", reply.text)).to_owned();
        let done = ada.ended(&id).await;
        assert_eq!(done["state"], "SUCCEEDED", "{list}: {done}");
        all += done["result"]["rows"].as_i64().unwrap();
    }
    assert!(all > 6, "{all} rows");
}

#[tokio::test]
async fn an_export_has_the_rights_of_the_one_who_asks() {
    let office = Office::open();
    let (boss, clerk) = (office.person("Boss"), office.person("Clerk"));
    let firm = office.firm("Firm", boss);
    lay_customers(&office.app.database, firm, 5);
    office.grant(firm, clerk, &[Can::ExportRun, Can::JobRead, Can::InvoiceRead]);
    let clerk = office.client(clerk, firm);
    let done = export(&clerk, "{ customers { nodes { number } } }", Value::Null, "CSV").await;
    assert_eq!((&done["state"], &done["errorCode"]), (&json!("FAILED"), &json!("FORBIDDEN")), "{done}");
    assert!(done["error"].as_str().unwrap().contains("finance.customer.read"), "{done}");
    assert_eq!(done["result"], Value::Null);
    for wrong in ["{ viewer { name } }", "{ customers(first: 1) { nodes { number } } }", "mutation { signOut { userErrors { message } } }", "{ customers { nodes { nope } } }", "{"] {
        let input = json!({ "input": { "query": wrong, "format": "CSV" } });
        assert_eq!(clerk.refused(EXPORT, input).await[0]["field"], json!(["input", "query"]), "{wrong}");
    }
    let bad = json!({ "input": { "query": "{ invoices { nodes { number } } }", "format": "CSV", "name": "../etc" } });
    assert_eq!(clerk.refused(EXPORT, bad).await[0]["field"], json!(["input", "name"]));
}

/// Customers as a file.
fn customers(from: u32, count: u32) -> String {
    let lines: String = (from..from + count).map(|n| format!("{n:06},Customer {n},DE\n")).collect();
    format!("number,name,country\n{lines}")
}

#[tokio::test]
async fn a_file_becomes_records_whole_or_not_at_all() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let ada = office.client(person, firm);
    let count = || office.count("SELECT count(*) FROM finance.customer");
    let good = upload(&office.app, &ada, "customers.csv", customers(1, 20).as_bytes()).await;
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": good, "dryRun": true })).await;
    assert_eq!((&done["state"], &done["result"]["created"], &done["result"]["dryRun"]), (&json!("SUCCEEDED"), &json!(20), &json!(true)), "{done}");
    assert_eq!((count(), office.count("SELECT count(*) FROM core.import")), (0, 0));
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": good })).await;
    assert_eq!((&done["state"], &done["result"]["created"], count()), (&json!("SUCCEEDED"), &json!(20), 20), "{done}");
    let found = ada.ask("query($id: ID!) { node(id: $id) { ... on Import { created fileName } } }", json!({ "id": done["result"]["import"] })).await;
    assert_eq!(found["node"], json!({ "created": 20, "fileName": "customers.csv" }));

    // The same again is nothing new; a file with wrong lines is refused by line, and nothing of it stays.
    let again = import(&ada, json!({ "kind": "CUSTOMERS", "file": good })).await;
    assert_eq!((&again["result"]["created"], &again["result"]["unchanged"]), (&json!(0), &json!(20)));
    let mut wrong = customers(100, 3);
    wrong.push_str("000104,=1+1,DE\n000105,No country,Germany\n");
    let wrong = upload(&office.app, &ada, "wrong.csv", wrong.as_bytes()).await;
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": wrong })).await;
    assert_eq!((&done["state"], &done["errorCode"], count()), (&json!("FAILED"), &json!("REFUSED"), 20), "{done}");
    let lines: Vec<_> = done["result"]["fileErrors"].as_array().unwrap().iter().map(|one| (one["line"].clone(), one["code"].clone())).collect();
    assert_eq!(lines, [(json!(5), json!("FORMULA")), (json!(6), json!("COUNTRY"))], "{done}");

    // Columns with other names; a spreadsheet; another kind.
    let named = "Nummer;Firma;Land\nA-1;Ärzte GmbH;DE\n";
    let named = upload(&office.app, &ada, "kunden.csv", named.as_bytes()).await;
    let columns = json!([{ "column": "Nummer", "field": "number" }, { "column": "Firma", "field": "name" }, { "column": "Land", "field": "country" }]);
    let done = import(&ada, json!({ "kind": "VENDORS", "file": named, "columns": columns })).await;
    assert_eq!((&done["state"], &done["result"]["created"]), (&json!("SUCCEEDED"), &json!(1)), "{done}");
    let out = export(&ada, "{ vendors { nodes { number name country } } }", Value::Null, "XLSX").await;
    let sheet = download(&office.app, &ada, &out["result"]["file"]).await;
    let sheet = upload(&office.app, &ada, "vendors.xlsx", &sheet).await;
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": sheet })).await;
    assert_eq!((&done["state"], &done["result"]["created"], count()), (&json!("SUCCEEDED"), &json!(1), 21), "{done}");
}

#[tokio::test]
async fn an_import_survives_its_workers() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let ada = office.client(person, firm);
    let (files, each) = (6, 3_000);
    let mut jobs = Vec::new();
    for file in 0..files {
        let id = upload(&office.app, &ada, &format!("{file}.csv"), customers(file * each, each).as_bytes()).await;
        let data = ada.ask(IMPORT, json!({ "input": { "kind": "CUSTOMERS", "file": id } })).await;
        jobs.push(data["importCreate"]["job"]["id"].as_str().unwrap().to_owned());
    }
    let left = || office.count("SELECT count(*) FROM core.job_queue");
    let mut kills = 0;
    let begun = Instant::now();
    while left() > 0 && begun.elapsed() < Duration::from_secs(60) {
        let worker = office.app.database.worker(2);
        // From too short for anything to long enough for one.
        tokio::time::sleep(Duration::from_millis(200 + u64::from(kills % 12) * 150)).await;
        drop(worker);
        kills += 1;
    }
    for job in &jobs {
        let done = ada.ended(job).await;
        assert_eq!((&done["state"], &done["result"]["created"]), (&json!("SUCCEEDED"), &json!(each)), "{done}");
    }
    let lost = office.count("SELECT count(*) FROM core.job_attempt WHERE outcome = 'lost'");
    println!("{kills} kills, {lost} attempts lost in the middle");
    assert!(kills > 1);
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), i64::from(files * each));
    assert_eq!(office.count("SELECT count(*) FROM core.import"), i64::from(files));
    assert_eq!(office.count("SELECT count(*) FROM audit.entry WHERE table_name = 'finance.customer'"), i64::from(files * each));
}

/// Many rows out and in, with time and memory of this process, in which server and story run: `BACKOFFICE_BULK=100000`.
#[tokio::test]
async fn a_hundred_thousand_rows_in_bulk() {
    let count: u32 = std::env::var("BACKOFFICE_BULK").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let office = Office::open();
    let person = office.person("Ada");
    let (firm, empty) = (office.firm("Firm", person), office.firm("Empty", person));
    lay_customers(&office.app.database, firm, count);
    let ada = office.client(person, firm);
    for format in ["CSV", "JSONL", "XLSX"] {
        let begun = Instant::now();
        let done = export(&ada, "{ customers { nodes { number name country currency paymentTermsDays } } }", Value::Null, format).await;
        assert_eq!((&done["state"], &done["result"]["rows"]), (&json!("SUCCEEDED"), &json!(count)), "{done}");
        println!("export {format}: {count} rows in {:.1} s, {} bytes, resident at most {}", begun.elapsed().as_secs_f64(), done["result"]["size"], resident());
    }
    let other = office.client(person, empty);
    let file = upload(&office.app, &other, "many.csv", customers(1, count).as_bytes()).await;
    let begun = Instant::now();
    let done = import(&other, json!({ "kind": "CUSTOMERS", "file": file })).await;
    assert_eq!((&done["state"], &done["result"]["created"]), (&json!("SUCCEEDED"), &json!(count)), "{done}");
    println!("import CSV: {count} rows in {:.1} s, resident at most {}", begun.elapsed().as_secs_f64(), resident());
}

/// The most memory that this process has had.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned()
}
