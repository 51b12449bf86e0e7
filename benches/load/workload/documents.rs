//! The search over documents: 100,000 of one client, with others' beside them, each of 300 words of which few are common and
//! most are rare, as in texts that people write.

use std::time::Instant;

use serde_json::{Value, json};

use crate::database::Database;
use crate::http::render;
use crate::report::{Measure, median};
use crate::scale::Scale;
use crate::server::{Server, Session};

const SEARCH: &str = "query($text: String!) { documentSearch(text: $text, first: 25) { nodes { document { id title tags } \
    snippet { text hit } } pageInfo { endCursor } } }";

/// What is searched for, and what that is an example of.
const SEARCHES: &[(&str, &str)] = &[
    ("a rare word", "w19777"),
    ("a word of nearly every document", "w1"),
    ("two words", "w40 w900"),
    ("a phrase and a beginning", "\"w1 w2\" w11*"),
    ("a word of every title", "letter"),
];

/// Documents of the client that searches, and of each other one.
fn fill(database: &Database, scale: &Scale) -> u64 {
    let (own, others) = (scale.invoices * 100, (scale.invoices / 10).max(1));
    // The triggers would write the words of each document twice: what they write is written here at once.
    database.execute(&format!(
        "SET session_replication_role = replica;
         CREATE TEMP TABLE laid AS
           SELECT client, n, bench.tenant(client) AS tenant_id, bench.id(42, client, n) AS id, '' AS body
             FROM generate_series(1, {clients}) AS client, generate_series(1, CASE WHEN client = 1 THEN {own} ELSE {others} END) AS n;
         UPDATE laid l SET body = (SELECT string_agg('w' || floor(20000 * power(random(), 3))::integer, ' ')
                                     FROM generate_series(1, 300) AS word WHERE l.n > 0 AND word > 0);
         INSERT INTO practice.document_type (tenant_id, id, name)
           SELECT bench.tenant(client), bench.id(41, client, 1), 'Letter' FROM generate_series(1, {clients}) AS client;
         INSERT INTO practice.document (tenant_id, id, title, type_id, retain_from, created_by)
           SELECT l.tenant_id, l.id, 'Letter number ' || l.n, bench.id(41, l.client, 1), current_date, l.tenant_id FROM laid l;
         INSERT INTO core.file (tenant_id, id, name, purpose, state, object_key, size, sha256, media_type, received_at)
           SELECT l.tenant_id, bench.id(44, l.client, l.n), 'letter.txt', 'attachment', 'ready',
                  replace(l.tenant_id::text, '-', '') || '/' || encode(sha256(convert_to(l.id::text, 'UTF8')), 'hex'), 2000,
                  encode(sha256(convert_to(l.body, 'UTF8')), 'hex'), 'text/plain', now() FROM laid l;
         INSERT INTO practice.document_version (tenant_id, id, document_id, number, file_id, created_by, text_state)
           SELECT l.tenant_id, bench.id(43, l.client, l.n), l.id, 1, bench.id(44, l.client, l.n), l.tenant_id, 'read' FROM laid l;
         INSERT INTO practice.document_text (tenant_id, id, document_id, body)
           SELECT l.tenant_id, bench.id(43, l.client, l.n), l.id, l.body FROM laid l;
         INSERT INTO practice.document_search (document_id, client_id, words, rights, trashed)
           SELECT l.id, l.tenant_id,
                  setweight(to_tsvector('simple', 'Letter number ' || l.n), 'A') || setweight(to_tsvector('simple', l.body), 'D')
                  || array_to_tsvector(ARRAY['client' || replace(l.tenant_id::text, '-', '')]), '{{}}', false FROM laid l;
         DROP TABLE laid;
         SET session_replication_role = origin",
        clients = scale.clients,
    ));
    for table in ["document", "document_version", "document_text", "document_search"] {
        database.run(&format!("VACUUM ANALYZE practice.{table}"));
    }
    own
}

/// First pages of searches.
pub fn documents(server: &Server, session: &Session, database: &Database, scale: &Scale) -> Vec<Measure> {
    let own = fill(database, scale);
    let of = format!(
        "{own} documents of the client, {} of others",
        (scale.invoices / 10).max(1) * scale.clients.saturating_sub(1)
    );
    let mut connection = server.connect();
    let mut measures = Vec::new();
    for (what, text) in SEARCHES {
        let body = json!({ "query": SEARCH, "variables": { "text": text } }).to_string();
        let request = render(session.token(1), "", &body);
        let (mut times, mut answer) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let asked = Instant::now();
            answer = connection.send(&request).expect("the server gave no answer").1;
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let name = format!("document search: {what}");
        let measure = Measure::at_most(&name, String::new(), of.clone(), median(&times), 50.0, "ms");
        let found = answer["data"]["documentSearch"]["nodes"].is_array();
        measures.push(if found { measure } else { measure.wrong(format!("{name}: {answer}")) });
    }
    measures
}
