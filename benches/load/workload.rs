//! What is asked for, on both sides.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use serde_json::{Value, json};

use crate::database::{BARE, Database};
use crate::generator::{Caller, Heard, Load};
use crate::http::{Connection, render};
use crate::pgbench::Raw;
use crate::report::{Measure, median};
use crate::rows::{self, Kind};
use crate::scale::Scale;
use crate::server::{Server, Session};

mod approve;
mod documents;
mod gate;
mod issue;
mod queue;
mod read;

pub use documents::documents;
pub use gate::gate;
pub use queue::queue;

/// The same work through pgbench and through the server.
pub struct Compared {
    pub name: &'static str,
    /// The least ratio of the rates, if there is a budget.
    pub budget: Option<f64>,
    pub raw: Raw,
    pub load: Box<dyn Load>,
    /// Statements that make what the work uses up.
    pub preparation: Option<String>,
}

impl Compared {
    pub fn prepare(&self, database: &Database) {
        if let Some(statements) = &self.preparation {
            database.execute(statements);
        }
    }
}

/// Everything that is compared, in order: reading first, so that it reads what was filled in.
pub fn all(database: &Database, session: &Session, scale: &Scale) -> Vec<Compared> {
    let mut all = vec![
        read::one_invoice(database, session, scale),
        read::newest_invoices(database, session, scale),
        issue::issue(database, session, scale),
        issue::draft_and_issue(database, session, scale),
    ];
    all.extend(approve::approve(database, session, scale));
    all
}

/// Numbers without pattern: xorshift.
struct Dice(u64);

impl Dice {
    fn new(seed: usize) -> Self {
        Self(0x9E37_79B9_7F4A_7C15 ^ ((seed as u64 + 1) << 20))
    }

    /// A number from 1 to `sides`.
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1 + (self.0 >> 11) % sides
    }
}

/// Stand in a rendered request where something goes: the digits of a row, a whole id, an idempotency key.
const DIGITS: &str = "###############";
const ID: &str = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
const KEY: &str = "%%%%%%%%%%%%";

/// Rendered requests of all clients, with holes.
struct Template {
    requests: Vec<Vec<u8>>,
    /// Of each hole its kind, its distance from the end and its length.
    holes: Vec<(&'static str, usize, usize)>,
}

impl Template {
    fn new(session: &Session, clients: u64, headers: &str, query: &str, variables: impl Fn(u64) -> Value) -> Self {
        let request = |client: u64| {
            let body = json!({ "query": query, "variables": variables(client) }).to_string();
            render(session.token(client), headers, &body)
        };
        let requests: Vec<Vec<u8>> = (1..=clients).map(request).collect();
        let first = String::from_utf8(requests[0].clone()).unwrap();
        // The clients' requests differ in digits of the same number, and in tokens, which lie before every hole.
        let holes = [DIGITS, ID, KEY]
            .into_iter()
            .filter_map(|hole| Some((hole, first.len() - first.find(hole)?, hole.len())))
            .collect();
        Self { requests, holes }
    }

    /// Writes the request of a client; of the fillings those are used that have a hole.
    fn write(&self, client: u64, fillings: &[(&str, &str)], request: &mut Vec<u8>) {
        request.extend_from_slice(&self.requests[client as usize - 1]);
        let end = request.len();
        for (hole, before_end, length) in &self.holes {
            if let Some((_, filling)) = fillings.iter().find(|(of, _)| of == hole) {
                request[end - before_end..end - before_end + length].copy_from_slice(filling.as_bytes());
            }
        }
    }
}

/// Whether an answer is data from its first byte on and holds no error.
fn is_good(answer: &[u8], begin: &str) -> bool {
    answer.starts_with(begin.as_bytes()) && std::str::from_utf8(answer).is_ok_and(|text| !text.contains("\"errors\":"))
}

/// Compares answers with what the database itself says, before anything is timed. Gives what differs.
pub fn check_answers(server: &Server, session: &Session, database: &Database, scale: &Scale) -> Vec<String> {
    let mut connection = server.connect();
    let mut differing = read::check(&mut connection, session, database, scale);
    differing.extend(check_walls(&mut connection, session));
    differing
}

/// Another client's invoice looks like none.
fn check_walls(connection: &mut Connection, session: &Session) -> Vec<String> {
    let foreign = json!({ "id": format!("inv_{}", rows::id(Kind::Invoice, 2, 1)) });
    let answer = connection.ask(session.token(1), read::INVOICE, &foreign);
    if answer["invoice"].is_null() { Vec::new() } else { vec![format!("another client's invoice is seen: {answer}")] }
}

/// The trial balance of the client with the large journal, asked for again and again over one connection.
pub fn trial_balance(server: &Server, session: &Session, database: &Database, scale: &Scale) -> Measure {
    let client = scale.large_client();
    let today = database.text("SELECT current_date::text AS line");
    let sums = database.text(&format!(
        "SELECT sum(amount) FILTER (WHERE amount > 0)::numeric(20, 2) || ' ' || count(*) AS line
           FROM finance.journal_line WHERE tenant_id = '{}'",
        rows::tenant(client)
    ));
    let (total, lines) = sums.split_once(' ').unwrap();
    let body = json!({
        "query": "query($day: Date!) { trialBalance(asOf: $day) { debit { amount } credit { amount } rows { name debit { amount } credit { amount } } } }",
        "variables": { "day": today }
    });
    let request = render(session.token(client), "", &body.to_string());
    let mut connection = server.connect();
    let (mut times, mut answer) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let asked = Instant::now();
        answer = connection.send(&request).expect("the server gave no answer").1;
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let shown = &answer["data"]["trialBalance"];
    let right = shown["debit"]["amount"] == json!(total) && shown["credit"]["amount"] == json!(total);
    let measure = Measure::at_most(
        &format!("trial balance of a client with {lines} lines"),
        String::new(),
        format!("{} rows", shown["rows"].as_array().map_or(0, Vec::len)),
        median(&times),
        50.0,
        "ms",
    );
    if right { measure } else { measure.wrong(format!("trial balance: {total} expected, {answer}")) }
}

/// Numbers that are handed out once each, to all connections of a load.
#[derive(Clone, Default)]
struct Counter(Rc<Cell<u64>>);

impl Counter {
    fn next(&self) -> u64 {
        let next = self.0.get() + 1;
        self.0.set(next);
        next
    }
}
