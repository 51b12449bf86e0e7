//! Deciding: the last approval of a request, against bare inserts of the rows that it leaves behind: under the same walls,
//! keys, foreign keys and checks, but without triggers and without asking whether it may be decided. Once against all of
//! them, its audit and its events among them, and once against those of the approval alone.

use std::rc::Rc;

use serde_json::json;

use super::{BARE, Caller, Compared, Counter, DIGITS, Database, Heard, Load, Raw, Scale, Session, Template, is_good};
use crate::rows::{self, digits, prefix};

/// Requests of each client that wait for a decision.
const REQUESTS: u64 = 500;

const DECIDE: &str = "mutation($id: ID!) { approvalRequestDecide(input: { id: $id, verdict: APPROVE, comment: \"Seen\" }) { approvalRequest { state } userErrors { message } } }";
const DECIDED: &str = "{\"data\":{\"approvalRequestDecide\":{\"approvalRequest\":{\"state\":\"APPROVED\"";

/// The kinds of rows, as `bench.approvals` and `bench.requests` number them.
const EDITION: u64 = 61;
const BAND: u64 = 62;
const STEP: u64 = 63;
const REQUEST: u64 = 65;
const REQUEST_STEP: u64 = 66;
const ITEM: u64 = 67;
const DECISION: u64 = 68;

/// Decides requests: eligibility, makers, decision, step, work item, request, audit, chain, events.
pub fn approve(database: &Database, session: &Session, scale: &Scale) -> [Compared; 2] {
    let id = json!({ "id": format!("apr_{}{DIGITS}", prefix(REQUEST)) });
    let decisions = Decisions {
        template: Rc::new(Template::new(session, scale.clients, "", DECIDE, |_| id.clone())),
        clients: scale.clients,
        decided: Counter::default(),
    };
    let preparation = format!(
        "CALL bench.requests({}, {REQUESTS});
         ANALYZE practice.approval_request, practice.approval_request_step, practice.work_item",
        scale.clients
    );
    [
        Compared {
            name: "approve a request",
            budget: Some(0.5),
            raw: Raw::new(database, "approve", BARE, &[bare_inserts(scale, &bare_audit())]),
            load: Box::new(decisions.clone()),
            preparation: Some(preparation),
        },
        Compared {
            name: "approve a request, against its rows without audit",
            budget: None,
            raw: Raw::new(database, "approve-alone", BARE, &[bare_inserts(scale, "")]),
            load: Box::new(decisions),
            preparation: None,
        },
    ]
}

/// What is written beside: the images of the four rows, their seal, and the three events.
fn bare_audit() -> String {
    let id = |kind: u64, variable: &str| format!("('{}' || :{variable})::uuid", prefix(kind));
    let (tenant, change) = (id(rows::Kind::Tenant as u64, "tenant"), id(DECISION, "row"));
    let columns: String = (1..=16).map(|n| format!("\"column {n}\": \"what stands in it\", ")).collect();
    let image = format!("'{{{columns}\"last\": null}}'::jsonb");
    let entry = |table: &str, kind: u64, action: &str, before: &str| {
        format!(
            "({tenant}, {change}, clock_timestamp(), {tenant}, 'user', 'Bench', {change}, 'practice.{table}', {}, '{action}', {before}, {image})",
            id(kind, "row")
        )
    };
    let entries = [
        entry("approval_decision", DECISION, "insert", "NULL"),
        entry("approval_request_step", REQUEST_STEP, "update", &image),
        entry("work_item", ITEM, "update", &image),
        entry("approval_request", REQUEST, "update", &image),
    ]
    .join(", ");
    let event = |place: u64, kind: &str, node_type: &str, node: u64| {
        format!("({place}, '{kind}', '{node_type}', {})", id(node, "row"))
    };
    let events = [
        event(1, "approval_request.decided", "ApprovalRequest", REQUEST),
        event(2, "approval_request.ended", "ApprovalRequest", REQUEST),
        event(3, "work_item.completed", "WorkItem", ITEM),
    ]
    .join(", ");
    format!(
        "INSERT INTO audit.entry (tenant_id, change_id, occurred_at, actor_id, actor_kind, actor_name, request_id, table_name, record_id, action, before, after) VALUES {entries};
WITH head AS (INSERT INTO audit.chain AS c (tenant_id, seq, hash) VALUES ({tenant}, 1, sha256('0')) ON CONFLICT (tenant_id) DO UPDATE SET seq = c.seq + 1, hash = sha256(c.hash) RETURNING c.seq, c.hash) INSERT INTO audit.link (tenant_id, seq, change_id, first_entry, last_entry, entries, sealed_at, hash) SELECT {tenant}, seq, {change}, 1, 4, 4, clock_timestamp(), hash FROM head;
WITH head AS (INSERT INTO core.event_head AS h (tenant_id, position) VALUES ({tenant}, 3) ON CONFLICT (tenant_id) DO UPDATE SET position = h.position + 3 RETURNING h.position - 3 AS before) INSERT INTO core.event (tenant_id, position, id, kind, node_type, node_id, actor_kind, actor_id, request_id, occurred_at, version, change_id, depth) SELECT {tenant}, head.before + n.place, gen_random_uuid(), n.kind, n.node_type, n.node_id, 'user', {tenant}, {change}, clock_timestamp(), 2, {change}, 0 FROM head, (VALUES {events}) AS n (place, kind, node_type, node_id);
"
    )
}

/// What a decision leaves behind, as bare rows: the decision, and step, work item and request as they are then; and what is
/// written beside.
fn bare_inserts(scale: &Scale, beside: &str) -> String {
    let id = |kind: u64, variable: &str| format!("('{}' || :{variable})::uuid", prefix(kind));
    let tenant = id(rows::Kind::Tenant as u64, "tenant");
    let (edition, band, step) = (id(EDITION, "one"), id(BAND, "one"), id(STEP, "one"));
    let (request, request_step, item, decision) =
        (id(REQUEST, "row"), id(REQUEST_STEP, "row"), id(ITEM, "row"), id(DECISION, "row"));
    format!(
        "\\set client random(1, {clients})
\\set tenant 100000000000000 + :client * 1000000000
\\set n :n + 1
\\set row :base + :n * 100 + :client_id
\\set one :tenant + 1
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT core.set_tenant({tenant});
INSERT INTO practice.approval_request (tenant_id, id, subject, record_id, edition_id, band_id, title, counterparty, amount, currency, counted, counted_in, together, fingerprint, note, state, ended_for, requested_by, requested_by_name, ended_at) VALUES ({tenant}, {request}, 'bill', {request}, {edition}, {band}, 'Bill of a vendor', 'A vendor', 4900, 'EUR', 4900, 'EUR', '{{4900}}', 'none', '', 'approved', 'decided', {tenant}, 'Somebody', now());
INSERT INTO practice.work_item (tenant_id, id, kind, title, state, record_prefix, record_id, closed_at, closed_by, created_by) VALUES ({tenant}, {item}, 'approval', 'Approve: Bill of a vendor', 'done', 'apr', {request}, now(), {tenant}, {tenant});
INSERT INTO practice.approval_request_step (tenant_id, id, request_id, step_id, number, stage, needed, state, work_item_id, opened_at) VALUES ({tenant}, {request_step}, {request}, {step}, 1, 1, 1, 'approved', {item}, now());
INSERT INTO practice.approval_decision (tenant_id, id, request_id, request_step_id, verdict, decided_by, decided_by_name, seat_of, comment) VALUES ({tenant}, {decision}, {request}, {request_step}, 'approve', {tenant}, 'Bench', {tenant}, 'Seen');
{beside}COMMIT;
",
        clients = scale.clients,
    )
}

#[derive(Clone)]
struct Decisions {
    template: Rc<Template>,
    clients: u64,
    decided: Counter,
}

impl Load for Decisions {
    fn caller(&self, _: usize) -> Box<dyn Caller> {
        Box::new(Approver { template: Rc::clone(&self.template), clients: self.clients, decided: self.decided.clone() })
    }
}

/// Decides the next request of all: in turns one of each client.
struct Approver {
    template: Rc<Template>,
    clients: u64,
    decided: Counter,
}

impl Caller for Approver {
    fn ask(&mut self, request: &mut Vec<u8>) -> Option<()> {
        let next = self.decided.next();
        let (client, number) = (1 + next % self.clients, 1 + next / self.clients);
        if number > REQUESTS {
            return None;
        }
        self.template.write(client, &[(DIGITS, &digits(client, number).to_string())], request);
        Some(())
    }

    fn hear(&mut self, answer: &[u8]) -> Heard {
        if is_good(answer, DECIDED) { Heard::Good } else { Heard::Wrong }
    }
}
