//! Lists to files and files to records, as jobs: with the rights of the one who asks, whole or with the reason why not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::files_are_sent_and_taken::sha256;
use crate::harness::{App, Client, Database, Office, Setup};

mod in_bulk;
mod lists_go_out;
mod records_come_in;
mod who_may_have_it;

pub const EXPORT: &str = "mutation($input: ExportCreateInput!) { exportCreate(input: $input) { job { id } userErrors { code field message } } }";
pub const IMPORT: &str = "mutation($input: ImportCreateInput!) { importCreate(input: $input) { job { id } userErrors { code field message } } }";

/// Names that a spreadsheet would run, or that get lost on careless ways.
const NAMES: [&str; 12] = [
    "=1+1",
    "+",
    "-",
    "@SUM(A1)",
    "\\t=1",
    "\\r=1",
    "''quoted",
    "a,\"b\"; c",
    "Ärzte & Söhne <GmbH>",
    "two\\nlines",
    "-5",
    "+49 30 1234",
];

/// Lays customers into the books, past the API; every tenth has one of those names.
pub fn lay_customers(database: &Database, client: Uuid, count: u32) {
    let names: String = NAMES.iter().map(|name| format!("E'{name}', ")).collect();
    database.lay(&format!(
        "SELECT core.set_tenant('{client}');
         INSERT INTO finance.customer (tenant_id, id, number, name, city, country, currency, payment_terms_days)
         SELECT '{client}', gen_random_uuid(), lpad(n::text, 6, '0'),
                CASE WHEN n % 10 = 7 THEN (ARRAY[{names} 'last'])[(n / 10) % 13 + 1] ELSE 'Customer ' || n END,
                CASE WHEN n % 3 = 0 THEN 'Kiel' END, 'DE', 'EUR', 14
           FROM generate_series(1, {count}) AS n"
    ));
}

/// Asks for an export; gives the job as it ended.
pub async fn export(client: &Client, query: &str, variables: Value, format: &str) -> Value {
    let input = json!({ "query": query, "variables": variables, "format": format });
    let data = client.ask(EXPORT, json!({ "input": input })).await;
    client.ended(data["exportCreate"]["job"]["id"].as_str().unwrap()).await
}

/// An export that has to work.
pub async fn exported(client: &Client, query: &str, format: &str) -> Value {
    let done = export(client, query, Value::Null, format).await;
    assert_eq!(done["state"], "SUCCEEDED", "{query}: {done}");
    done["result"].clone()
}

/// The bytes of a file, by its signed address.
pub async fn download(app: &App, client: &Client, file: &Value) -> Vec<u8> {
    let data = client.ask("query($id: ID!) { file(id: $id) { downloadUrl } }", json!({ "id": file })).await;
    let address = data["file"]["downloadUrl"].as_str().unwrap_or_else(|| panic!("no address: {data}"));
    let reply = reqwest::get(app.url(address)).await.unwrap();
    assert!(reply.status().is_success());
    reply.bytes().await.unwrap().to_vec()
}

/// Sends a file as a client does; gives its id.
pub async fn upload(app: &App, client: &Client, name: &str, bytes: &[u8]) -> String {
    let announce = "mutation($input: FileUploadCreateInput!) { fileUploadCreate(input: $input) {
        file { id } upload { url } userErrors { message } } }";
    let input = json!({ "name": name, "size": bytes.len(), "sha256": sha256(bytes), "purpose": "IMPORT" });
    let made = client.ask(announce, json!({ "input": input })).await["fileUploadCreate"].clone();
    let address = app.url(made["upload"]["url"].as_str().unwrap());
    let put = crate::harness::http().put(address).body(bytes.to_vec()).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
    let complete = "mutation($input: FileUploadCompleteInput!) { fileUploadComplete(input: $input) {
        file { state } userErrors { message } } }";
    let input = json!({ "file": made["file"]["id"], "sha256": sha256(bytes) });
    let completed = client.ask(complete, json!({ "input": input })).await;
    assert_eq!(completed["fileUploadComplete"]["file"]["state"], "READY");
    made["file"]["id"].as_str().unwrap().to_owned()
}

/// Asks for an import; gives the job's id.
pub async fn asked(client: &Client, input: Value) -> String {
    let data = client.ask(IMPORT, json!({ "input": input })).await;
    data["importCreate"]["job"]["id"].as_str().unwrap().to_owned()
}

/// Asks for an import; gives the job as it ended.
pub async fn import(client: &Client, input: Value) -> Value {
    client.ended(&asked(client, input).await).await
}

/// Everything that a list shows, page by page.
pub async fn listed(client: &Client, list: &str, columns: &str) -> Vec<Value> {
    let query = format!(
        "query($after: String) {{ {list}(first: 100, after: $after) {{ nodes {{ {columns} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client.ask(&query, json!({ "after": after })).await[list].clone();
        all.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Splits CSV as RFC 4180 has it.
pub fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(one) = characters.next() {
        match one {
            '"' if quoted && characters.peek() == Some(&'"') => field.push(characters.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {
                characters.next();
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    assert!(record.is_empty() && field.is_empty(), "the last line has no end");
    records
}

/// Customers as a file.
pub fn customers(from: u32, count: u32) -> String {
    let lines: String = (from..from + count).map(|n| format!("{n:06},Customer {n},DE\n")).collect();
    format!("number,name,country\n{lines}")
}
