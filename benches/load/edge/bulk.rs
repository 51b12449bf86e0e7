//! A long list to a file, and a long file to records: how many rows a second, and what the server needs for it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::database::Database;
use crate::process::resident_kb;
use crate::report::Measure;
use crate::rows;
use crate::scale::Scale;
use crate::server::{Server, Session};

/// Whose list goes out, and who takes the file in.
const FROM: u64 = 3;
const INTO: u64 = 4;
/// Within which 100,000 rows have to be done, in seconds and MB.
const BUDGET: (f64, f64) = (60.0, 200.0);
const PATIENCE: Duration = Duration::from_secs(600);
const LIST: &str = "{ customers { nodes { number name country city currency paymentTermsDays createdAt } } }";

pub fn bulk(database: &Database, scale: &Scale) -> Vec<Measure> {
    lay(database, scale.bulk);
    // Each by a server that has done nothing yet: what others have left in its memory would be counted otherwise.
    let alone = |measure: fn(&Work<'_>) -> Vec<Measure>| {
        let server = Server::start(database);
        let session = Session::of(&server, &[FROM, INTO]);
        measure(&Work { server: &server, session: &session, rows: scale.bulk })
    };
    let exports = alone(|work| {
        let ([csv, _, _], [_, seconds, memory]) = (work.export("CSV"), work.export("XLSX"));
        vec![csv, seconds, memory]
    });
    exports.into_iter().chain(alone(|work| work.import().into())).collect()
}

/// Customers beside those that every client has, past the triggers.
fn lay(database: &Database, count: u64) {
    let statements = format!(
        "INSERT INTO finance.customer (tenant_id, id, number, name, city, country, currency, payment_terms_days)
         SELECT '{}', gen_random_uuid(), 'B' || lpad(n::text, 7, '0'), 'Customer ' || n || ' GmbH', 'Kiel', 'DE', 'EUR', 14
           FROM generate_series(1, {count}) AS n;
         ANALYZE finance.customer",
        rows::tenant(FROM)
    );
    std::thread::scope(|scope| scope.spawn(|| database.execute(&statements)).join()).expect("the rows are written");
}

struct Work<'a> {
    server: &'a Server,
    session: &'a Session,
    rows: u64,
}

/// A job that is over.
struct Ended {
    state: String,
    result: Value,
    seconds: f64,
    /// The most memory of the server while it ran, in MB.
    memory: f64,
    before: f64,
}

impl Work<'_> {
    /// Rows a second, seconds, memory.
    fn export(&self, format: &str) -> [Measure; 3] {
        let job = self.ask(
            FROM,
            "mutation($input: ExportCreateInput!) { exportCreate(input: $input) { job { id } userErrors { message } } }",
            json!({ "query": LIST, "format": format }),
        );
        let ended = self.ended(FROM, &job["exportCreate"]);
        let rows = ended.result["rows"].as_u64().unwrap_or_default();
        let wrong = (ended.state != "SUCCEEDED" || rows < self.rows)
            .then(|| format!("export as {format}: {} with {}", ended.state, ended.result));
        self.measures(&format!("export as {format}"), rows, &ended, wrong)
    }

    fn import(&self) -> [Measure; 3] {
        let mut file = String::from("number,name,country,city,currency,payment_terms_days\n");
        for n in 1..=self.rows {
            let _ = writeln!(file, "I{n:07},Customer {n} GmbH,DE,Kiel,EUR,14");
        }
        let uploaded = self.upload(file.as_bytes());
        let job = self.ask(
            INTO,
            "mutation($input: ImportCreateInput!) { importCreate(input: $input) { job { id } userErrors { message } } }",
            json!({ "kind": "CUSTOMERS", "file": uploaded }),
        );
        let ended = self.ended(INTO, &job["importCreate"]);
        let created = ended.result["created"].as_u64().unwrap_or_default();
        let wrong = (ended.state != "SUCCEEDED" || created != self.rows)
            .then(|| format!("import: {} with {}", ended.state, ended.result));
        self.measures("import of CSV", created, &ended, wrong)
    }

    fn measures(&self, name: &str, rows: u64, ended: &Ended, wrong: Option<String>) -> [Measure; 3] {
        let Ended { seconds, memory, before, .. } = ended;
        let told = format!("{name}: {rows} rows in {seconds:.2} s, from when it was asked for");
        let told = if rows < 100_000 { format!("{told}; the budgets are for 100,000 rows") } else { told };
        let rate = Measure::rate(&format!("{name}, rows a second"), rows as f64 / seconds).note(told.clone());
        let time = Measure::at_most(
            &format!("{name}, {rows} rows"),
            String::new(),
            format!("{:.0}/s", rows as f64 / seconds),
            *seconds,
            BUDGET.0,
            "s",
        )
        .note(told);
        let most = Measure::at_most(
            &format!("{name}, memory of the server at most"),
            format!("{before:.0} MB"),
            format!("{memory:.0} MB"),
            *memory,
            BUDGET.1,
            "MB",
        );
        match wrong {
            Some(wrong) => [rate.wrong(wrong.clone()), time.wrong(wrong), most],
            None => [rate, time, most],
        }
    }

    fn ask(&self, client: u64, query: &str, input: Value) -> Value {
        self.server.connect().ask(self.session.token(client), query, &json!({ "input": input }))
    }

    /// Waits until a job has ended, looking at the server's memory meanwhile.
    fn ended(&self, client: u64, asked: &Value) -> Ended {
        let started = Instant::now();
        let id = asked["job"]["id"].as_str().unwrap_or_else(|| panic!("{asked}"));
        let before = resident_kb(self.server.pid());
        let (mut most, mut connection) = (before, self.server.connect());
        let mut looked = Instant::now();
        loop {
            most = most.max(resident_kb(self.server.pid()));
            std::thread::sleep(Duration::from_millis(10));
            if looked.elapsed() < Duration::from_millis(50) {
                continue;
            }
            looked = Instant::now();
            let query = "query($id: ID!) { job(id: $id) { state result } }";
            let job = connection.ask(self.session.token(client), query, &json!({ "id": id }))["job"].clone();
            let state = job["state"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned();
            if ["SUCCEEDED", "FAILED", "CANCELLED"].contains(&state.as_str()) || started.elapsed() > PATIENCE {
                let (seconds, result) = (started.elapsed().as_secs_f64(), job["result"].clone());
                let megabytes = |kilobytes: u64| kilobytes as f64 / 1024.0;
                return Ended { state, result, seconds, memory: megabytes(most), before: megabytes(before) };
            }
        }
    }

    /// Sends a file; gives its id.
    fn upload(&self, bytes: &[u8]) -> String {
        use sha2::{Digest, Sha256};

        let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let made = self.ask(
            INTO,
            "mutation($input: FileUploadCreateInput!) { fileUploadCreate(input: $input) { file { id } upload { url } userErrors { message } } }",
            json!({ "name": "customers.csv", "size": bytes.len(), "sha256": sum, "purpose": "IMPORT" }),
        )["fileUploadCreate"]
            .clone();
        let url = made["upload"]["url"].as_str().unwrap_or_else(|| panic!("{made}"));
        let head = format!("PUT {url} HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n", bytes.len());
        let (status, answer) =
            self.server.connect().send(&[head.as_bytes(), bytes].concat()).expect("the server gave no answer");
        assert_eq!(status, 204, "{}", String::from_utf8_lossy(&answer));
        let file = made["file"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let completed = self.ask(
            INTO,
            "mutation($input: FileUploadCompleteInput!) { fileUploadComplete(input: $input) { file { state } userErrors { message } } }",
            json!({ "file": file, "sha256": sum }),
        );
        assert_eq!(completed["fileUploadComplete"]["file"]["state"], "READY", "{completed}");
        file
    }
}
