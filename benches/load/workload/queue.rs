//! The queue over all clients: 500 open items a client and ten times as many that are closed, read by somebody who may see
//! the work of every client.

use std::time::Instant;

use serde_json::{Value, json};

use crate::database::Database;
use crate::http::render;
use crate::report::{Measure, median};
use crate::scale::Scale;
use crate::server::{Server, Session};

const PAGE: &str =
    "{ workItems(first: 25) { nodes { id title state dueOn clientName assignee { name } } pageInfo { endCursor } } }";
const COUNTS: &str =
    "{ workItemCounts { total byState { state count } byKind { kind count } byClient { clientName count } } }";

/// Items of each client, `open` of them open.
fn fill(database: &Database, scale: &Scale, open: u64) {
    let (clients, items) = (scale.clients, open * 11);
    database.execute(&format!(
        "INSERT INTO practice.work_item (tenant_id, id, kind, title, description, state, due_on, assignee_id, closed_at, closed_by, created_by)
         SELECT bench.tenant(client), bench.id(40, client, n),
                (ARRAY['task', 'ticket', 'approval', 'close_step', 'exception', 'deadline', 'client_request'])[1 + n % 7],
                'Item ' || n || ' of client ' || client, repeat('What has to be done. ', 10),
                CASE WHEN n % 11 > 0 THEN 'done' ELSE (ARRAY['open', 'in_progress', 'waiting'])[1 + n / 11 % 3] END,
                CASE WHEN n % 20 > 0 THEN current_date - 200 + (n * 13 % 400)::integer END, account.id,
                CASE WHEN n % 11 > 0 THEN now() END, CASE WHEN n % 11 > 0 THEN account.id END, account.id
           FROM (SELECT id FROM identity.account LIMIT 1) account,
                generate_series(1, {items}) AS n, generate_series(1, {clients}) AS client"
    ));
    database.run("VACUUM ANALYZE practice.work_item");
}

/// Page and counts of the queue. What another comparison has left open in it counts as well.
pub fn queue(server: &Server, session: &Session, database: &Database, scale: &Scale) -> Vec<Measure> {
    let open = (scale.invoices / 2).max(1);
    fill(database, scale, open);
    let counted = "SELECT count(*)::text AS line FROM practice.work_item WHERE closed_at IS NULL";
    let expected: u64 = database.text(counted).parse().expect("a number of open items");
    let of = format!("{expected} open items, {} closed ones", scale.clients * open * 10);
    let mut connection = server.connect();
    let mut asked = |query: &str| -> (f64, Value) {
        let request = render(session.everywhere(), "", &json!({ "query": query }).to_string());
        let (mut times, mut answer) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let asked = Instant::now();
            answer = connection.send(&request).expect("the server gave no answer").1;
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        (median(&times), serde_json::from_slice(&answer).unwrap_or_default())
    };
    let (page, rows) = asked(PAGE);
    let (counts, sums) = asked(COUNTS);
    let measure = |name: &str, figure: f64, right: bool, answer: Value| {
        let measure = Measure::at_most(name, String::new(), of.clone(), figure, 200.0, "ms");
        if right { measure } else { measure.wrong(format!("{name}: {answer}")) }
    };
    let full = rows["data"]["workItems"]["nodes"].as_array().is_some_and(|nodes| nodes.len() == 25);
    let counted = sums["data"]["workItemCounts"]["total"] == json!(expected);
    vec![
        measure("queue over all clients: a page", page, full, rows),
        measure("queue over all clients: counts", counts, counted, sums),
    ]
}
