//! Work that takes longer than a request: asked for in one, done by workers, each effect once however often they die.

use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{App, Database, Office, Setup};

const CANCEL: &str =
    "mutation($id: ID!) { jobCancel(input: { id: $id }) { job { state } userErrors { code message } } }";
const RETRY: &str = "mutation($id: ID!) { jobRetry(input: { id: $id }) { job { state } userErrors { code message } } }";

/// An office whose server does no jobs itself.
fn without_workers() -> Office {
    Office::with(Setup { jobs: 0, ..Setup::default() })
}

/// Lays jobs that verify the chain into the queue, past the API.
fn lay_jobs(database: &Database, client: Uuid, account: Uuid, count: u32) {
    database.lay(&format!(
        "SELECT core.set_tenant('{client}'), core.set_actor('{account}', 'user', 'Ada', gen_random_uuid());
         SELECT core.enqueue_job(gen_random_uuid(), 'audit.verify', '{{}}', NULL, NULL) FROM generate_series(1, {count})"
    ));
}

/// Gives the client that many more links of its chain, each of three entries.
fn lay_links(database: &Database, client: Uuid, count: u32) {
    database.run(
        "postgres",
        &format!(
            "DO $$ BEGIN
               FOR i IN 1 .. {count} LOOP
                 PERFORM core.set_tenant('{client}');
                 INSERT INTO finance.customer (tenant_id, id, number, name, country, currency, payment_terms_days)
                 SELECT '{client}', gen_random_uuid(), i || '-' || n, 'Customer', 'DE', 'EUR', 14 FROM generate_series(1, 3) AS n;
                 COMMIT;
               END LOOP;
             END $$"
        ),
    );
}

#[tokio::test]
async fn a_job_is_asked_for_done_and_told_about() {
    let app = App::start();
    let books = app.with_books().await;
    let accountant = &books.accountant;
    let id = accountant.verify().await;
    let done = accountant.ended(&id).await;
    assert_eq!((&done["state"], &done["kind"]), (&json!("SUCCEEDED"), &json!("AUDIT_VERIFY")), "{done}");
    assert_eq!(done["result"]["findings"], json!([]), "{done}");
    assert!(
        done["result"]["links"].as_i64().unwrap() > 1 && done["result"]["entries"].as_i64().unwrap() > 10,
        "{done}"
    );
    assert_eq!(done["progress"]["done"], done["result"]["links"]);
    assert_eq!(done["attempts"], json!([{ "number": 1, "outcome": "SUCCEEDED", "errorCode": null }]));
    assert_eq!(done["requestedByName"], "Konrad Konto");

    // It is found in the list, by kind and state, and by its id alone.
    let list = accountant
        .ask(
            "{ all: jobs { totalCount nodes { id } } failed: jobs(filter: { state: { eq: FAILED } }) { totalCount }
               these: jobs(filter: { kind: { eq: AUDIT_VERIFY }, state: { in: [SUCCEEDED] } }) { nodes { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(list["these"], json!({ "nodes": [{ "id": id }] }));
    assert_eq!((&list["all"]["totalCount"], &list["failed"]["totalCount"]), (&json!(1), &json!(0)));
    let node = accountant.ask("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id })).await;
    assert_eq!(node["node"], json!({ "__typename": "Job", "id": id }));

    // What it says was found with the accountant's rights, and is for him alone.
    let user = books.administrator.staff("berta@firm.example", "Berta").await;
    books.administrator.enter(&books.client).await.grant(&user, "Accountant", "2026-01-01", None).await;
    let colleague = app.sign_in("berta@firm.example").await.enter(&books.client).await;
    let seen = colleague.ended(&id).await;
    assert_eq!((&seen["state"], &seen["result"]), (&json!("SUCCEEDED"), &Value::Null));
    assert_eq!(colleague.refused(CANCEL, json!({ "id": id })).await[0]["code"], "STATE");
    assert_eq!(colleague.refused(RETRY, json!({ "id": id })).await[0]["code"], "STATE");
}

#[tokio::test]
async fn what_was_changed_past_the_server_is_found() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    lay_links(&office.app.database, firm, 600);
    let ada = office.client(person, firm);
    let done = ada.ended(&ada.verify().await).await;
    assert_eq!(done["result"]["findings"], json!([]), "{done}");
    office.app.database.lay(
        "SET LOCAL session_replication_role = replica;
         UPDATE audit.entry SET after = after || '{\"name\": \"Other\"}' WHERE id = (SELECT max(id) - 10 FROM audit.entry);
         DELETE FROM audit.link WHERE seq = 500",
    );
    let done = ada.ended(&ada.verify().await).await;
    let findings = done["result"]["findings"].as_array().unwrap();
    assert!(findings.contains(&json!("Link 500 is missing.")), "{done}");
    assert!(findings.iter().any(|one| one.as_str().unwrap().contains("stand outside the chain")), "{done}");
    // The missing link, the one behind it, the changed one, and the entries that nothing signs any more.
    assert_eq!(findings.len(), 4, "{done}");
}

#[tokio::test]
async fn a_job_exists_exactly_if_its_request_took_effect() {
    let office = without_workers();
    let person = office.person("Ada");
    let ada = office.client(person, office.firm("Firm", person));
    let verify = "mutation { auditVerify { job { id } userErrors { message } } }";
    let dry = ada.dry().ask(verify, json!({})).await;
    assert!(dry["auditVerify"]["job"]["id"].is_string());
    let both = "mutation { auditVerify { job { id } userErrors { message } } jobCancel(input: { id: \"job_0123456789abcdef0123456789abcdef\" }) { userErrors { code } } }";
    assert_eq!(ada.send(both, json!({})).await.code(), "ROLLED_BACK");
    assert_eq!(office.count("SELECT count(*) FROM core.job") + office.count("SELECT count(*) FROM core.job_queue"), 0);
    let once = ada.with_header("Idempotency-Key", "once");
    assert_eq!(once.ask(verify, json!({})).await, once.ask(verify, json!({})).await);
    assert_eq!(office.count("SELECT count(*) FROM core.job_queue"), 1);
}

#[tokio::test]
async fn a_job_is_stopped_and_taken_up_again() {
    let office = without_workers();
    let person = office.person("Ada");
    let ada = office.client(person, office.firm("Firm", person));
    let id = ada.verify().await;
    assert_eq!(ada.ask(CANCEL, json!({ "id": id })).await["jobCancel"]["job"]["state"], "CANCELLED");
    assert_eq!(office.count("SELECT count(*) FROM core.job_queue"), 0);
    assert_eq!(ada.refused(CANCEL, json!({ "id": id })).await[0]["code"], "STATE");
    assert_eq!(ada.ask(RETRY, json!({ "id": id })).await["jobRetry"]["job"]["state"], "WAITING");
    assert_eq!(ada.refused(RETRY, json!({ "id": id })).await[0]["code"], "STATE");
    let workers = office.app.database.workers(1);
    let done = ada.ended(&id).await;
    assert_eq!((&done["state"], &done["attemptCount"]), (&json!("SUCCEEDED"), &json!(1)));
    workers.stop().await;

    // One that a worker holds is only asked to stop; whoever holds it next stops it.
    let id = ada.verify().await;
    office.app.database.lay("UPDATE core.job_queue SET token = gen_random_uuid(), begun_at = now(), due_at = now() + interval '1 hour'; SET CONSTRAINTS ALL IMMEDIATE");
    assert_eq!(ada.ask(CANCEL, json!({ "id": id })).await["jobCancel"]["job"]["state"], "WAITING");
    office.app.database.lay("UPDATE core.job_queue SET due_at = now()");
    let workers = office.app.database.workers(1);
    let done = ada.ended(&id).await;
    assert_eq!(done["state"], "CANCELLED");
    assert_eq!(done["attempts"], json!([{ "number": 1, "outcome": "LOST", "errorCode": "WORKER_LOST" }]));
    workers.stop().await;
}

#[tokio::test]
async fn a_job_has_the_rights_of_the_moment() {
    let office = without_workers();
    let boss = office.person("Boss");
    let firm = office.firm("Firm", boss);
    let boss = office.client(boss, firm);
    let mut asked = Vec::new();
    for name in ["Fewer", "Gone", "Off", "Out", "Same"] {
        let person = office.person(name);
        office.grant(firm, person, &[Can::AuditRead, Can::JobRead]);
        asked.push((name, person.account, office.client(person, firm).verify().await));
        // No session is needed: the job goes on when its requester has gone home.
        office.app.database.lay(&format!(
            "UPDATE identity.session SET revoked_at = now(), revoked_for = 'signed_out' WHERE id = '{}'",
            person.session
        ));
    }
    let of = |name: &str| asked.iter().find(|(known, ..)| *known == name).unwrap();
    let role = |account: Uuid| format!("(SELECT role_id FROM identity.access_grant WHERE account_id = '{account}')");
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}');
         UPDATE identity.role SET permissions = '{{work.job.read}}' WHERE id = {};
         UPDATE identity.access_grant SET ended_at = now() WHERE account_id = '{}';
         UPDATE identity.account SET disabled_at = now() WHERE id = '{}';
         UPDATE identity.access_grant SET valid_until = current_date - 2 WHERE account_id = '{}'",
        role(of("Fewer").1),
        of("Gone").1,
        of("Off").1,
        of("Out").1,
    ));
    let workers = office.app.database.workers(2);
    for (name, _, id) in &asked {
        let done = boss.ended(id).await;
        let expected = if *name == "Same" { ("SUCCEEDED", Value::Null) } else { ("FAILED", json!("FORBIDDEN")) };
        assert_eq!((done["state"].as_str().unwrap(), done["errorCode"].clone()), expected, "{name}: {done}");
        assert_eq!(done["attemptCount"], 1, "{name}: {done}");
    }
    workers.stop().await;
}

#[tokio::test]
async fn clients_take_turns() {
    let office = without_workers();
    let person = office.person("Ada");
    let (many, one) = (office.firm("Many", person), office.firm("One", person));
    lay_jobs(&office.app.database, many, person.account, 10_000);
    let single = office.client(person, one);
    let id = single.verify().await;
    let begun = Instant::now();
    let workers = office.app.database.workers(1);
    assert_eq!(single.ended(&id).await["state"], "SUCCEEDED");
    assert!(begun.elapsed() < Duration::from_secs(20));
    let before = office.count(&format!(
        "SELECT count(*) FROM core.job_attempt m WHERE m.tenant_id = '{many}'
            AND m.started_at < (SELECT o.started_at FROM core.job_attempt o WHERE o.tenant_id = '{one}')"
    ));
    assert!(before <= 2, "{before} jobs of the other client came first");
    // And the many go on.
    let rest = |state: &str| {
        office.count(&format!("SELECT count(*) FROM core.job WHERE tenant_id = '{many}' AND state = '{state}'"))
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while rest("succeeded") < 20 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(rest("succeeded") >= 20 && rest("failed") == 0);
    workers.stop().await;
    assert_eq!(rest("running"), 0, "stopped workers hand back what they hold");
}

#[tokio::test]
async fn one_client_never_has_all_of_a_worker() {
    let office = without_workers();
    let person = office.person("Ada");
    let (many, one) = (office.firm("Many", person), office.firm("One", person));
    lay_jobs(&office.app.database, many, person.account, 10);
    // Of three slots one client gets two, however much it has waiting; another worker has two for it as well.
    let claim = |worker: Uuid| {
        let claimed = format!(
            "SELECT c.client_id::text AS line FROM core.claim_job('{worker}', '{{audit.verify,bulk.export,bulk.import}}', 2, 30000) c"
        );
        office.app.database.lines("backoffice_identity", &claimed)
    };
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    for worker in [first, second] {
        assert_eq!((claim(worker), claim(worker)), (vec![many.to_string()], vec![many.to_string()]));
        assert_eq!(claim(worker), Vec::<String>::new());
    }
    lay_jobs(&office.app.database, one, person.account, 1);
    assert_eq!(claim(first), [one.to_string()]);
}

/// Everybody who asks may ask: what a hostile server role could do to the queue.
#[tokio::test]
async fn the_queue_is_nobodys_to_touch() {
    let office = without_workers();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    lay_jobs(&office.app.database, firm, person.account, 1);
    let refused = |role: &str, statement: &str| {
        office.app.database.past_the_server(role, |connection| {
            diesel::RunQueryDsl::execute(diesel::sql_query(statement.to_owned()), connection).is_err()
        })
    };
    for (role, statement) in [
        ("backoffice_app", "SELECT * FROM core.job_queue"),
        ("backoffice_app", "SELECT * FROM core.claim_job(gen_random_uuid(), '{audit.verify}', 1, 1000)"),
        ("backoffice_app", "SELECT core.end_job(gen_random_uuid(), gen_random_uuid(), 'failed', NULL, NULL, NULL, 0)"),
        ("backoffice_app", "UPDATE core.job SET state = 'succeeded'"),
        ("backoffice_app", "SELECT core.enqueue_job(gen_random_uuid(), 'audit.verify', '{}', NULL, NULL)"),
        ("backoffice_identity", "SELECT * FROM core.job"),
        ("backoffice_identity", "SELECT * FROM core.job_queue"),
        ("backoffice_identity", "SELECT core.cancel_job(gen_random_uuid())"),
        ("backoffice_portfolio", "SELECT * FROM core.job"),
    ] {
        assert!(refused(role, statement), "{role}: {statement}");
    }
    // A door without the lease is closed.
    let door = "SELECT e.verdict AS line FROM core.job_queue q, core.enter_job(q.job_id, gen_random_uuid(), true) e";
    assert_eq!(office.app.database.lines("postgres", door), ["lost"]);
    // Nor does anybody end, keep or finish what he does not hold.
    let job = office.app.database.lines("postgres", "SELECT q.job_id::text AS line FROM core.job_queue q").remove(0);
    let end = format!("SELECT core.end_job('{job}', gen_random_uuid(), 'failed', NULL, NULL, NULL, 0)::text AS line");
    assert_eq!(office.app.database.lines("backoffice_identity", &end), ["false"]);
    for call in [
        "checkpoint_job('$', gen_random_uuid(), NULL, 0, NULL, 1000)",
        "finish_job('$', gen_random_uuid(), NULL, 0, NULL)",
    ] {
        let statement = format!("SELECT core.{}", call.replace('$', &job));
        assert!(refused("backoffice_identity", &statement), "{statement}");
    }
    assert_eq!(office.count("SELECT count(*) FROM core.job_queue"), 1);
    assert_eq!(office.count("SELECT count(*) FROM core.job WHERE state = 'waiting'"), 1);
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_hands_back() {
    let office = without_workers();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    lay_links(&office.app.database, firm, 3_000);
    lay_jobs(&office.app.database, firm, person.account, 40);
    let running = || office.count("SELECT count(*) FROM core.job_queue WHERE token IS NOT NULL");
    for _ in 0..3 {
        let mut worker = office.app.database.worker(2);
        let deadline = Instant::now() + Duration::from_secs(20);
        while running() == 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        worker.stop();
        assert_eq!(running(), 0);
    }
    assert_eq!(
        office.count("SELECT count(*) FROM core.job_attempt WHERE outcome <> 'succeeded'"),
        0,
        "nothing was lost"
    );
}

/// How often workers are killed: `BACKOFFICE_KILLS`, 20 if not said.
fn kills() -> u32 {
    std::env::var("BACKOFFICE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

#[tokio::test]
async fn workers_are_killed_and_everything_is_counted_once() {
    let office = without_workers();
    let person = office.person("Ada");
    let firms = [office.firm("Firm", person), office.firm("Other", person)];
    let jobs = 20 + kills();
    for firm in firms {
        lay_links(&office.app.database, firm, 2_000);
        lay_jobs(&office.app.database, firm, person.account, jobs);
    }
    let left = || office.count("SELECT count(*) FROM core.job_queue");
    let mut workers: Vec<_> = (0..3).map(|_| office.app.database.worker(2)).collect();
    let mut killed = 0;
    for kill in 0..kills() {
        tokio::time::sleep(Duration::from_millis(u64::from(120 + (kill * 37) % 160))).await;
        killed += u32::from(left() > 0);
        workers.remove(0);
        workers.push(office.app.database.worker(2));
    }
    let deadline = Instant::now() + Duration::from_secs(120);
    while left() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(workers);
    assert_eq!(left(), 0, "jobs are left over");
    let lost = office.count("SELECT count(*) FROM core.job_attempt WHERE outcome = 'lost'");
    println!("{killed} of {} kills while jobs were there; {lost} attempts were lost in the middle", kills());
    assert!(lost > 0, "no kill hit a job");
    for firm in firms {
        // Each job has counted every link and every entry once, and was finished once.
        let truth =
            format!("SELECT count(*) || ' ' || sum(entries) AS line FROM audit.link WHERE tenant_id = '{firm}'");
        let told = format!(
            "SELECT DISTINCT concat_ws(' ', j.result->>'links', j.result->>'entries', j.result->>'findings', j.state) AS line
               FROM core.job j WHERE j.tenant_id = '{firm}'"
        );
        let truth = office.app.database.lines("postgres", &truth).remove(0);
        assert_eq!(office.app.database.lines("postgres", &told), [format!("{truth} [] succeeded")]);
        let finished =
            format!("SELECT count(*) FROM core.job_attempt WHERE tenant_id = '{firm}' AND outcome = 'succeeded'");
        assert_eq!(office.count(&finished), i64::from(jobs));
    }
}
