//! Stored answers, failed sign-ins and sessions that are over do not stay for ever; what still counts stays.

use backoffice::platform::db::Pools;
use backoffice::platform::sweep::{self, Swept};
use serde_json::json;

use crate::harness::Office;

const CREATE: &str = "mutation($number: String!) {
    customerCreate(input: { number: $number, name: \"One\", country: \"DE\" }) { customer { id number } userErrors { message } } }";

#[tokio::test]
async fn old_answers_go_and_young_ones_are_given_again() {
    let office = Office::open();
    let person = office.person("Ada");
    let firms = [office.firm("Firm", person), office.firm("Other", person)];
    let pools = Pools::new(&office.app.database.urls(), 1).unwrap();
    let mut first = Vec::new();
    for firm in firms {
        let client = office.client(person, firm);
        client.with_header("Idempotency-Key", "old").ask(CREATE, json!({ "number": "OLD" })).await;
        first.push(client.with_header("Idempotency-Key", "young").ask(CREATE, json!({ "number": "YOUNG" })).await);
    }
    let own = office.app.client().with_token(office.token(person, None)).with_header("Idempotency-Key", "own");
    let enroll = "mutation { totpEnroll { enrolment { secret } userErrors { message } } }";
    own.ask(enroll, json!({})).await;
    assert_eq!(sweep::all(&pools).await.unwrap(), Swept::default(), "nothing is due yet");

    office.app.database.lay(
        "UPDATE core.idempotency SET created_at = now() - interval '7 days 1 minute' WHERE key = 'old';
         UPDATE core.idempotency SET created_at = now() - interval '6 days 23 hours' WHERE key = 'young';
         UPDATE core.provider_idempotency SET created_at = now() - interval '8 days'",
    );
    // A batch is a batch over all clients.
    let one = sweep::once(&pools, 1).await.unwrap();
    assert_eq!((one.answers, one.more), (1, true));
    let rest = sweep::all(&pools).await.unwrap();
    assert_eq!(rest, Swept { answers: 2, ..Swept::default() });
    assert_eq!(office.count("SELECT count(*) FROM core.idempotency"), 2);

    for (firm, answered) in firms.into_iter().zip(first) {
        let young = office.client(person, firm).with_header("Idempotency-Key", "young");
        assert_eq!(young.ask(CREATE, json!({ "number": "YOUNG" })).await, answered);
        // The old key is free again: the same request is a new one, which finds its number taken.
        let old = office.client(person, firm).with_header("Idempotency-Key", "old");
        old.refused(CREATE, json!({ "number": "OLD" })).await;
    }
    own.ask(enroll, json!({})).await;
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 4);
}

#[tokio::test]
async fn sessions_go_a_month_after_their_end() {
    let office = Office::open();
    let pools = Pools::new(&office.app.database.urls(), 1).unwrap();
    let [living, fresh, revoked, expired] = ["Ada", "Ben", "Cleo", "Dora"].map(|name| office.person(name).session);
    office.app.database.lay(&format!(
        "INSERT INTO identity.refresh_token (hash, session_id, used_at)
         SELECT sha256(convert_to(s.id::text || n, 'UTF8')), s.id, now() - interval '90 days' FROM identity.session s, generate_series(1, 3) AS n;
         UPDATE identity.session SET created_at = now() - interval '29 days' WHERE id = '{living}';
         UPDATE identity.session SET revoked_at = now() - interval '29 days', revoked_for = 'revoked' WHERE id = '{fresh}';
         UPDATE identity.session SET revoked_at = now() - interval '31 days', revoked_for = 'revoked' WHERE id = '{revoked}';
         UPDATE identity.session SET expires_at = now() - interval '31 days' WHERE id = '{expired}';
         INSERT INTO identity.attempt (subject, failed_at) VALUES ('email:x', now() - interval '25 hours'), ('email:x', now() - interval '23 hours')"
    ));
    // Two rows a batch: a session stays until its last token has gone.
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(sweep::once(&pools, 2).await.unwrap());
    }
    let sum = |of: fn(&Swept) -> i32| swept.iter().map(of).sum::<i32>();
    assert_eq!((sum(|one| one.refresh_tokens), sum(|one| one.sessions), sum(|one| one.attempts)), (6, 2, 1));
    assert!(swept.iter().all(|one| one.refresh_tokens <= 2 && one.sessions <= 2));
    assert_eq!(sweep::all(&pools).await.unwrap(), Swept::default());
    let left = office.app.database.lines("postgres", "SELECT id::text AS line FROM identity.session ORDER BY id");
    assert_eq!(left, [living, fresh].map(|id| id.to_string()));
    assert_eq!(office.count("SELECT count(*) FROM identity.refresh_token"), 6);
    assert_eq!(office.count("SELECT count(*) FROM identity.attempt"), 1);
}

#[tokio::test]
async fn jobs_go_three_months_after_their_end() {
    let office = Office::open();
    let person = office.person("Ada");
    let (firm, other) = (office.firm("Firm", person), office.firm("Other", person));
    let client = office.client(person, firm);
    let mut jobs = Vec::new();
    for owner in [&client, &client, &client, &office.client(person, other)] {
        let job = owner.verify().await;
        owner.ended(&job).await;
        jobs.push(job);
    }
    let uuid = |id: &str| id.split_once('_').unwrap().1.to_owned();
    let pools = Pools::new(&office.app.database.urls(), 1).unwrap();
    assert_eq!(sweep::all(&pools).await.unwrap().jobs, 0, "nothing is due yet");
    // A schedule asked for the second one last; the third is younger; one of no client is old, one goes on.
    office.app.database.lay(&format!(
        "UPDATE core.job SET ended_at = now() - interval '91 days';
         UPDATE core.job SET ended_at = now() - interval '89 days' WHERE id = '{third}';
         SELECT core.set_tenant('{firm}');
         INSERT INTO core.schedule (tenant_id, id, name, kind, args, cron, time_zone, owner_id, owner_kind, owner_name)
         SELECT j.tenant_id, gen_random_uuid(), 'nightly', j.kind, '{{}}', '0 3 * * *', 'UTC', j.requester_id, 'user', 'Ada' FROM core.job j WHERE j.id = '{second}';
         INSERT INTO core.schedule_turn (tenant_id, schedule_id, last_job_id) SELECT s.tenant_id, s.id, '{second}' FROM core.schedule s
         ON CONFLICT (tenant_id, schedule_id) DO UPDATE SET last_job_id = excluded.last_job_id;
         INSERT INTO core.provider_job (id, kind, state, args, run_at, ended_at) VALUES
           (gen_random_uuid(), 'old', 'succeeded', '{{}}', now(), now() - interval '91 days'),
           (gen_random_uuid(), 'young', 'succeeded', '{{}}', now(), now() - interval '89 days'),
           (gen_random_uuid(), 'waiting', 'waiting', '{{}}', now() + interval '1 day', NULL)",
        second = uuid(&jobs[1]),
        third = uuid(&jobs[2]),
    ));
    let one = sweep::once(&pools, 1).await.unwrap();
    assert_eq!((one.jobs, one.more), (1, true));
    assert_eq!(sweep::all(&pools).await.unwrap(), Swept { jobs: 2, ..Swept::default() });
    let left = office.app.database.lines("postgres", "SELECT id::text AS line FROM core.job ORDER BY created_at, id");
    let kept: Vec<String> = left.iter().map(|id| id.replace('-', "")).collect();
    assert_eq!(kept, [uuid(&jobs[1]), uuid(&jobs[2])]);
    assert_eq!(office.count("SELECT count(*) FROM core.job_attempt"), 2);
    assert_eq!(office.count("SELECT count(*) FROM core.provider_job WHERE kind IN ('young', 'waiting')"), 2);
    assert_eq!(office.count("SELECT count(*) FROM core.provider_job WHERE kind = 'old'"), 0);
    let gone = client.ask("query($id: ID!) { job(id: $id) { state } }", json!({ "id": jobs[0] })).await;
    assert!(gone["job"].is_null());
}

#[tokio::test]
async fn one_server_sweeps_at_a_time() {
    let office = Office::open();
    let pools = Pools::new(&office.app.database.urls(), 1).unwrap();
    office.app.database.lay(
        "INSERT INTO identity.attempt (subject, failed_at) SELECT 'email:x', now() - interval '2 days' FROM generate_series(1, 2500)",
    );
    let held = office.app.database.hold("SELECT pg_advisory_xact_lock(3104210092)");
    assert_eq!(sweep::all(&pools).await.unwrap(), Swept::default());
    drop(held);
    let (one, other) = (Pools::new(&office.app.database.urls(), 1).unwrap(), pools);
    let (one, other) = tokio::join!(sweep::all(&one), sweep::all(&other));
    assert_eq!(one.unwrap().attempts + other.unwrap().attempts + sweep_left(&office), 2500);
    assert!(sweep_left(&office) <= 1500);
    // Nobody but the sign-in role may, and never more than a batch.
    for (role, statement) in
        [("backoffice_app", "SELECT core.sweep(1)"), ("backoffice_identity", "SELECT core.sweep(1001)")]
    {
        let refused = office.app.database.past_the_server(role, |connection| {
            diesel::RunQueryDsl::execute(diesel::sql_query(statement), connection).is_err()
        });
        assert!(refused, "{role}: {statement}");
    }
}

fn sweep_left(office: &Office) -> i32 {
    i32::try_from(office.count("SELECT count(*) FROM identity.attempt")).unwrap()
}
