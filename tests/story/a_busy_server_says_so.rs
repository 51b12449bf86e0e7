//! What took too long or found no connection is answered with a code of its own, in bounded time, and leaves nothing.

use std::time::{Duration, Instant};

use backoffice::platform::db::Waits;
use serde_json::json;

use crate::harness::{Office, PASSWORD, Setup};

const CREATE: &str = "mutation($number: String!) {
    customerCreate(input: { number: $number, name: \"One\", country: \"DE\" }) { customer { number } userErrors { message } } }";
const LOCKED: &str = "LOCK TABLE finance.customer IN EXCLUSIVE MODE";

const PROGRAM: &str = "01980000000070008000000000000001.01980000000070008000000000000002";

fn brief() -> Duration {
    Duration::from_millis(300)
}

#[tokio::test]
async fn without_a_free_connection_one_comes_back_later() {
    let waits = Waits { connection: brief(), ..Waits::default() };
    let office = Office::with(Setup { pool_size: 1, waits, ..Setup::default() });
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let held = office.app.database.hold(LOCKED);
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { client.send(CREATE, json!({ "number": "ONE" })).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;

    let several = "{ a: customers { nodes { id } } b: vendors { nodes { id } } c: client { name } d: viewer { name } }";
    let keyed = client.with_header("Idempotency-Key", "two");
    let started = Instant::now();
    for reply in [
        client.send(several, json!({})).await,
        client.with_header("accept", "application/json").send("{ customers { nodes { id } } }", json!({})).await,
        keyed.send(CREATE, json!({ "number": "TWO" })).await,
        client.send(CREATE, json!({ "number": "THREE" })).await,
    ] {
        assert_eq!((reply.status.as_u16(), reply.code()), (503, "UNAVAILABLE"), "{}", reply.text);
        assert_eq!(reply.headers.get("retry-after").unwrap(), "1");
        assert_eq!(reply.body["errors"].as_array().unwrap().len(), 1, "{}", reply.text);
        assert!(reply.body.get("data").is_none(), "{}", reply.text);
    }
    // However many fields a request has, it waits once.
    assert!(started.elapsed() < 8 * brief(), "{:?}", started.elapsed());

    drop(held);
    let reply = waiting.await.unwrap();
    assert_eq!(reply.body["data"]["customerCreate"]["customer"]["number"], "ONE", "{}", reply.text);
    keyed.ask(CREATE, json!({ "number": "TWO" })).await;
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 2);
}

#[tokio::test]
async fn without_a_free_connection_nobody_signs_in() {
    let waits = Waits { connection: brief(), ..Waits::default() };
    let office = Office::with(Setup { pool_size: 1, waits, ..Setup::default() });
    let person = office.person("Ada");
    let held = office.app.database.hold("LOCK TABLE identity.session IN ACCESS EXCLUSIVE MODE");
    let waiting = {
        let client = office.app.client().with_token(office.token(person, None));
        tokio::spawn(async move { client.send("{ sessions { nodes { id } } }", json!({})).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sign_in = "mutation($password: String!) { signIn(input: { email: \"x@y.example\", password: $password }) { accessToken userErrors { message } } }";
    let reply = office.app.client().send(sign_in, json!({ "password": PASSWORD })).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "UNAVAILABLE"), "{}", reply.text);
    assert_eq!(reply.headers.get("retry-after").unwrap(), "1");
    let program = [("grant_type", "client_credentials"), ("client_id", PROGRAM), ("client_secret", "bos_x")];
    let token = crate::harness::http().post(office.app.url("/oauth/token")).form(&program).send().await.unwrap();
    assert_eq!(token.status(), 503);
    drop(held);
    assert_eq!(waiting.await.unwrap().status, 200);
}

#[tokio::test]
async fn what_takes_too_long_is_stopped() {
    for waits in [Waits { lock: brief(), ..Waits::default() }, Waits { statement: brief(), ..Waits::default() }] {
        let office = Office::with(Setup { waits, ..Setup::default() });
        let person = office.person("Ada");
        let firm = office.firm("Firm", person);
        let client = office.client(person, firm);
        let keyed = client.with_header("Idempotency-Key", "one");
        let held = office.app.database.hold(LOCKED);
        let started = Instant::now();
        let reply = keyed.send(CREATE, json!({ "number": "ONE" })).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (200, "TIMEOUT"), "{}", reply.text);
        assert_eq!(reply.body["errors"][0]["path"], json!(["customerCreate"]));
        assert!(
            reply.body["errors"][0]["message"].as_str().unwrap().contains("nothing of it was kept"),
            "{}",
            reply.text
        );
        assert!(started.elapsed() < Duration::from_secs(3), "it was tried again: {:?}", started.elapsed());
        drop(held);
        keyed.ask(CREATE, json!({ "number": "ONE" })).await;

        // Somebody else runs the same request and does not come to an end.
        let held = office.app.database.hold(&format!(
            "INSERT INTO core.idempotency (tenant_id, actor_id, key, request_hash) VALUES ('{firm}', '{}', 'two', '')",
            person.account
        ));
        let reply = client.with_header("Idempotency-Key", "two").send(CREATE, json!({ "number": "TWO" })).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (503, "TIMEOUT"), "{}", reply.text);
        drop(held);
        assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 1);
    }
}
