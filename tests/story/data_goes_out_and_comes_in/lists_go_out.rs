//! Lists become files.

use super::*;
use crate::walls::furnished::furnish;
use crate::walls::schema::{Schema, innermost};

const COLUMNS: &str = "number name city country currency paymentTermsDays active version";

/// What stands in a cell for a value of the API.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn each_format_holds_what_the_list_shows() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let other = office.firm("Other", person);
    lay_customers(&office.app.database, firm, 350);
    lay_customers(&office.app.database, other, 10);
    let ada = office.client(person, firm);
    let rows = listed(&ada, "customers", COLUMNS).await;
    assert_eq!(rows.len(), 350);
    let query = format!("{{ customers {{ nodes {{ {COLUMNS} }} }} }}");
    let header: Vec<String> = COLUMNS.split(' ').map(str::to_owned).collect();
    for format in ["JSONL", "CSV", "XLSX"] {
        let done = export(&ada, &query, Value::Null, format).await;
        assert_eq!((&done["state"], &done["result"]["rows"]), (&json!("SUCCEEDED"), &json!(350)), "{done}");
        assert_eq!((&done["progress"]["done"], &done["result"]["columns"]), (&json!(350), &json!(header)), "{done}");
        let bytes = download(&office.app, &ada, &done["result"]["file"]).await;
        assert_eq!((&done["result"]["sha256"], &done["result"]["size"]), (&json!(sha256(&bytes)), &json!(bytes.len())));
        if format == "JSONL" {
            let lines = std::str::from_utf8(&bytes).unwrap().lines();
            let read: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(read, rows);
            continue;
        }
        let text = if format == "CSV" { bytes } else { backoffice_formats::rows_in::to_csv(&bytes).unwrap() };
        let read = records(std::str::from_utf8(&text).unwrap());
        assert_eq!((read.len(), &read[0]), (351, &header), "{format}");
        for (read, row) in read[1..].iter().zip(&rows) {
            for (cell, column) in read.iter().zip(&header) {
                let mut expected = shown(&row[column]);
                if format == "XLSX" {
                    expected = expected.replace(['\r', '\n'], " ");
                }
                let risky = expected.trim_start_matches(' ').starts_with(['=', '+', '-', '@', '\t', '\r', '\''])
                    && expected != "-5";
                let expected = if risky { format!("'{expected}") } else { expected };
                assert_eq!(*cell, expected, "{format} {row}");
            }
        }
    }
    // In the spreadsheet itself nothing is a formula, and numbers are numbers.
    let done = exported(&ada, &query, "XLSX").await;
    let bytes = download(&office.app, &ada, &done["file"]).await;
    assert!(bytes.starts_with(b"PK"));
    let node = ada
        .ask("query($id: ID!) { file(id: $id) { name purpose mediaType expiresAt } }", json!({ "id": done["file"] }))
        .await;
    assert_eq!((&node["file"]["name"], &node["file"]["purpose"]), (&json!("customers.xlsx"), &json!("EXPORT")));
    assert!(node["file"]["expiresAt"].is_string());
    // A filter narrows the file as it narrows the list.
    let query =
        "query($part: String!) { some: customers(filter: { number: { contains: $part } }) { nodes { number } } }";
    let done = export(&ada, query, json!({ "part": "00001" }), "CSV").await;
    assert_eq!((&done["result"]["rows"], &done["result"]["format"]), (&json!(11), &json!("CSV")), "{done}");
}

#[tokio::test]
async fn decimals_are_numbers_and_have_a_control_total() {
    let (schema, app) = (Schema::read().await, App::start());
    let firm = furnish(&app, &schema, &app.administrator().await, "ALPHA", "02").await;
    let query = "{ bankLines { nodes { amount { amount currency } reference } } }";
    for format in ["CSV", "XLSX", "JSONL"] {
        let done = exported(&firm.boss, query, format).await;
        assert_eq!(
            (&done["rows"], &done["controlTotals"]),
            (&json!(2), &json!({ "amount.amount": "114.00" })),
            "{done}"
        );
        let bytes = download(&app, &firm.boss, &done["file"]).await;
        if format == "CSV" {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains("\r\n-5.00,EUR,ALPHA fee\r\n"), "{text}");
        }
    }
    // A list below another field.
    let ledger = format!(
        "{{ generalLedger(account: \"{}\", to: \"2026-12-31\") {{ lines {{ nodes {{ balance {{ amount }} }} }} }} }}",
        firm.examples["Account"]
    );
    let done = exported(&firm.boss, &ledger, "CSV").await;
    assert!(done["rows"].as_i64().unwrap() > 1, "{done}");
}

/// Lists that are not a client's, or are one's own: what an export of them is refused with.
const NOT_OF_A_CLIENT: [&str; 9] = [
    "clientGroups",
    "clientOffboardings",
    "clients",
    "closeStatuses",
    "onboardingTemplates",
    "providerCalendars",
    "sessions",
    "staff",
    "undeliveredMails",
];

#[tokio::test]
async fn every_list_of_the_schema_can_be_exported() {
    let (schema, app) = (Schema::read().await, App::start());
    let firm = furnish(&app, &schema, &app.administrator().await, "ALPHA", "02").await;
    exported(&firm.boss, "{ customers { nodes { id } } }", "CSV").await;
    let mut lists = 0;
    for field in schema.root_fields(false) {
        let (name, connection) = (field["name"].as_str().unwrap(), innermost(&field["type"]));
        // The capacity of the staff is the provider's, and wants days.
        if !connection.ends_with("Connection") || name == "staffCapacity" {
            continue;
        }
        let given: Vec<String> = field["args"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|argument| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null())
            .map(|argument| {
                if name == "documentSearch" {
                    return "text: \"lease\"".to_owned();
                }
                if name == "withholdingTotals" {
                    return format!("{}: \"2026-02-16\"", argument["name"].as_str().unwrap());
                }
                match argument["name"].as_str().unwrap() {
                    "currency" => return "currency: \"EUR\"".to_owned(),
                    day @ ("from" | "through") => return format!("{day}: \"2026-02-15\""),
                    _ => {}
                }
                assert_eq!(innermost(&argument["type"]), "ID", "{name}: say what is given for this argument");
                let argument = argument["name"].as_str().unwrap();
                let kind = match argument {
                    "identityProvider" => "IdentityProvider",
                    // the one beside which something is written
                    "record" => "WorkItem",
                    "register" => "Register",
                    "signatureRequest" => "SignatureRequest",
                    _ => "Customer",
                };
                format!("{argument}: \"{}\"", firm.examples[kind])
            })
            .collect();
        let given = if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
        let query = format!("{{ {name}{given} {{ nodes {} }} }}", leaves(&schema, row_of(&schema, connection), 1));
        let reply = firm.boss.send(EXPORT, json!({ "input": { "query": query, "format": "JSONL" } })).await;
        if NOT_OF_A_CLIENT.contains(&name) {
            assert!(
                reply.code() != "OK" || reply.body["data"]["exportCreate"]["job"].is_null(),
                "{name}: {}",
                reply.text
            );
            continue;
        }
        let id = reply.body["data"]["exportCreate"]["job"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {}", reply.text))
            .to_owned();
        let done = firm.boss.ended(&id).await;
        assert_eq!(done["state"], "SUCCEEDED", "{name}: {done}");
        assert!(done["result"]["rows"].as_i64().unwrap() > 0, "{name}: there is nothing in it: {done}");
        lists += 1;
    }
    assert!(lists > 25, "{lists}");
}

fn row_of<'a>(schema: &'a Schema, connection: &str) -> &'a Value {
    let (_, known) = schema.types().find(|(name, _)| *name == connection).unwrap();
    let nodes = known["fields"].as_array().unwrap().iter().find(|field| field["name"] == "nodes").unwrap();
    schema.types().find(|(name, _)| *name == innermost(&nodes["type"])).unwrap().1
}

/// The leaves of a type and of its children so many levels down.
fn leaves(schema: &Schema, kind: &Value, depth: usize) -> String {
    let mut parts = vec!["__typename".to_owned()];
    for field in kind["fields"].as_array().unwrap() {
        let needs = field["args"]
            .as_array()
            .unwrap()
            .iter()
            .any(|argument| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null());
        let (name, below) = (field["name"].as_str().unwrap(), innermost(&field["type"]));
        let kind = schema.types().find(|(name, _)| *name == below).map(|(_, kind)| kind);
        match kind.map(|kind| kind["kind"].as_str().unwrap()) {
            _ if needs => {}
            Some("OBJECT") if depth > 0 && !below.ends_with("Connection") => {
                parts.push(format!("{name} {}", leaves(schema, kind.unwrap(), depth - 1)));
            }
            Some("INTERFACE") => parts.push(format!("{name} {{ id }}")),
            Some("OBJECT") => {}
            _ => parts.push(name.to_owned()),
        }
    }
    format!("{{ {} }}", parts.join(" "))
}

#[tokio::test]
async fn what_is_no_list_is_refused() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let ada = office.client(person, firm);
    for wrong in [
        "{ viewer { name } }",
        "{ customers(first: 1) { nodes { number } } }",
        "{ customers { nodes { nope } } }",
        "{ customers { totalCount } }",
        "{ customers(filter: { nope: 1 }) { nodes { number } } }",
        "{ customers { nodes { number } } vendors { nodes { number } } }",
        "mutation { signOut { userErrors { message } } }",
        "{",
    ] {
        let input = json!({ "input": { "query": wrong, "format": "CSV" } });
        assert_eq!(ada.refused(EXPORT, input).await[0]["field"], json!(["input", "query"]), "{wrong}");
    }
    let bad = json!({ "input": { "query": "{ customers { nodes { number } } }", "format": "CSV", "name": "../etc" } });
    assert_eq!(ada.refused(EXPORT, bad).await[0]["field"], json!(["input", "name"]));
    assert_eq!(office.count("SELECT count(*) FROM core.job"), 0);
}

#[tokio::test]
async fn an_export_survives_its_workers() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    lay_customers(&office.app.database, firm, 3_000);
    let ada = office.client(person, firm);
    let input = json!({ "query": "{ customers { nodes { number name } } }", "format": "CSV" });
    let job =
        ada.ask(EXPORT, json!({ "input": input })).await["exportCreate"]["job"]["id"].as_str().unwrap().to_owned();
    let drafts = || office.count("SELECT count(*) FROM core.file");
    // Killed as soon as it has begun to write, twice.
    for killed in 1..=2 {
        let worker = office.app.database.worker(1);
        let begun = Instant::now();
        while drafts() < killed {
            assert!(begun.elapsed() < Duration::from_secs(60), "no worker begins");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(worker);
    }
    let _worker = office.app.database.worker(1);
    let done = ada.ended(&job).await;
    assert_eq!((&done["state"], &done["result"]["rows"]), (&json!("SUCCEEDED"), &json!(3000)), "{done}");
    assert_eq!(office.count("SELECT count(*) FROM core.file WHERE state = 'ready'"), 1);
    let bytes = download(&office.app, &ada, &done["result"]["file"]).await;
    assert_eq!(records(std::str::from_utf8(&bytes).unwrap()).len(), 3001);
}

#[tokio::test]
async fn an_export_shows_one_moment() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    lay_customers(&office.app.database, firm, 4_000);
    let ada = office.client(person, firm);
    let input = json!({ "query": "{ customers { nodes { number name } } }", "format": "JSONL" });
    let job =
        ada.ask(EXPORT, json!({ "input": input })).await["exportCreate"]["job"]["id"].as_str().unwrap().to_owned();
    let worker = office.app.database.workers(1);
    while office.count("SELECT coalesce(max(done), 0) FROM core.job") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // In the middle of it: some are renamed, others come. Ids are random, so they fall on pages read and not yet read.
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}');
         UPDATE finance.customer SET name = 'Renamed' WHERE tenant_id = '{firm}';
         INSERT INTO finance.customer (tenant_id, id, number, name, country, currency, payment_terms_days)
         SELECT '{firm}', gen_random_uuid(), 'new-' || n, 'New', 'DE', 'EUR', 14 FROM generate_series(1, 500) AS n"
    ));
    let done = ada.ended(&job).await;
    assert_eq!((&done["state"], &done["result"]["rows"]), (&json!("SUCCEEDED"), &json!(4000)), "{done}");
    let text = String::from_utf8(download(&office.app, &ada, &done["result"]["file"]).await).unwrap();
    assert!(!text.contains("Renamed") && !text.contains("new-"));
    worker.stop().await;
}
