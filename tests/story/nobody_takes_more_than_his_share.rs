//! Operations are paid from buckets: whoever has used up his own waits, and nobody waits for him.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backoffice::platform::db::Waits;
use backoffice::server::budget::{Rate, Rates};
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::socket::Socket;
use crate::harness::{Client, Office, Person, Setup};

const SMALL: &str = "{ customers(first: 1) { nodes { id } } }";
/// 11 units, whatever comes of it.
const ELEVEN: &str =
    "mutation { customerUpdate(input: { id: \"cus_0123456789abcdef0123456789abcdef\" }) { customer { id } } }";

fn rates(credential: (u64, u64), client: (u64, u64), stranger: (u64, u64)) -> Rates {
    let rate = |(per_second, burst)| Rate { per_second, burst };
    Rates { credential: rate(credential), client: rate(client), stranger: rate(stranger) }
}

fn office(rates: Rates) -> Office {
    Office::with(Setup { rates, ..Setup::default() })
}

fn cost(body: &Value) -> (u64, u64, u64, DateTime<Utc>) {
    let cost = &body["extensions"]["cost"];
    let number = |name: &str| cost[name].as_u64().unwrap_or_else(|| panic!("{name} of {body}"));
    (number("requested"), number("actual"), number("remaining"), cost["resetAt"].as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn each_answer_tells_what_it_cost_and_what_is_left() {
    let office = office(rates((1, 1_000), (1, 5_000), (1, 1_000)));
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    for number in 0..3 {
        let create = "mutation($number: String!) { customerCreate(input: { number: $number, name: \"N\", country: \"DE\" }) { customer { id } userErrors { message } } }";
        let reply = client.send(create, json!({ "number": format!("{number}") })).await;
        let (requested, actual, ..) = cost(&reply.body);
        assert_eq!((requested, actual), (12, 12), "{}", reply.text);
    }
    let before = Utc::now();
    let reply = client.send("{ customers(first: 100) { nodes { id } } }", json!({})).await;
    let (requested, actual, remaining, reset_at) = cost(&reply.body);
    assert_eq!((requested, actual), (101, 4), "{}", reply.text);
    assert!((956..=975).contains(&remaining), "{}", reply.text);
    let until = (reset_at - before).num_seconds();
    assert!((25..=60).contains(&until), "{until} s: {}", reply.text);
    // What is refused costs as well, and says so.
    let reply = client.send("{ customers(first: 100) { nodes { nonsense } } }", json!({})).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "GRAPHQL_VALIDATION_FAILED"));
    let reply = client.send("{ a(", json!({})).await;
    assert_eq!(cost(&reply.body).1, 10, "{}", reply.text);
    // The same from a stored answer, which is what it was.
    let keyed = client.with_header("Idempotency-Key", "k");
    let create = "mutation { customerCreate(input: { number: \"K\", name: \"N\", country: \"DE\" }) { customer { id } userErrors { message } } }";
    let (first, again) = (keyed.send(create, json!({})).await, keyed.send(create, json!({})).await);
    assert_eq!(first.text, again.text);
}

async fn spend(client: &Client, query: &str) -> (u32, crate::harness::Reply) {
    for answered in 0..1_000 {
        let reply = client.send(query, json!({})).await;
        if reply.status != StatusCode::OK {
            return (answered, reply);
        }
    }
    panic!("{query} is never refused");
}

#[tokio::test]
async fn whoever_has_used_up_his_bucket_waits() {
    let office = office(rates((2, 100), (2, 130), (2, 60)));
    let (ada, ben) = (office.person("Ada"), office.person("Ben"));
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ada));
    office.grant(firm, ben, backoffice::platform::can::Can::ALL);
    let client = office.client(ada, firm);
    let create = "mutation { customerCreate(input: { number: \"1\", name: \"N\", country: \"DE\" }) { customer { id } userErrors { message } } }";
    let (answered, reply) = spend(&client, ELEVEN).await;
    assert!((8..=10).contains(&answered), "{answered}");
    assert_eq!((reply.status, reply.code()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"), "{}", reply.text);
    let seconds: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=7).contains(&seconds), "{seconds}");
    assert!(reply.body.get("data").is_none() && reply.body["errors"][0]["extensions"]["requestId"].is_string());
    assert_eq!(cost(&reply.body).1, 0);
    // The old media type says so in the status as well: it is not GraphQL's business.
    let old = client.with_header("accept", "application/json").send(create, json!({})).await;
    assert_eq!(old.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 0);

    // Another credential of the same client pays from its own and from what the client has left; another client's token
    // of the same session has that session's bucket.
    let colleague = office.client(ben, firm);
    assert_eq!(colleague.send(SMALL, json!({})).await.status, StatusCode::OK);
    let (answered, _) = spend(&colleague, ELEVEN).await;
    assert!(answered <= 3, "the client's bucket holds {answered} more");
    assert_eq!(office.client(ada, other).send(TWENTY_FIVE, json!({})).await.status, StatusCode::TOO_MANY_REQUESTS);
    let elsewhere = office.person("Cleo");
    office.grant(other, elsewhere, backoffice::platform::can::Can::ALL);
    office.client(elsewhere, other).ask(create, json!({})).await;

    // After waiting as told it goes on.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    assert_eq!(client.send("{ viewer { name } }", json!({})).await.status, StatusCode::OK);

    // Strangers pay by their address, and documents that are turned away are paid for, too.
    let stranger = office.app.client();
    let mut turned_away = 0;
    let reply = loop {
        let reply = stranger.send("{ a(", json!({})).await;
        if reply.status != StatusCode::BAD_REQUEST {
            break reply;
        }
        turned_away += 1;
    };
    assert_eq!((reply.status, turned_away), (StatusCode::TOO_MANY_REQUESTS, 6), "{}", reply.text);
}

/// 25 units that have to be there, of which 24 come back.
const TWENTY_FIVE: &str = "{ customers(first: 24) { nodes { id } } }";

#[tokio::test]
async fn what_no_bucket_holds_is_refused_for_good() {
    let office = office(rates((10, 1_000), (10, 2_000), (10, 1_000)));
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let reply = client.send("{ invoices(first: 100) { nodes { lines { id } openItem { id allocations { id } } customer { id } a: customer { id } b: customer { id } c: customer { id } d: customer { id } e: customer { id } f: customer { id } } } }", json!({})).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "GRAPHQL_VALIDATION_FAILED"), "{}", reply.text);
    let told = client
        .ask(
            "{ limits { cost formula page credential { perSecond burst } client { burst } withoutToken { burst } } }",
            json!({}),
        )
        .await;
    assert_eq!(told["limits"]["cost"], 1_000);
    assert_eq!(told["limits"]["credential"], json!({ "perSecond": 10, "burst": 1_000 }));
    assert!(told["limits"]["formula"].as_str().unwrap().contains("costs 10"));
    assert_eq!(office.app.client().ask("{ limits { page } }", json!({})).await["limits"]["page"], 100);
}

#[tokio::test]
async fn one_client_does_not_take_all_connections() {
    let waits = Waits { connection: Duration::from_millis(500), ..Waits::default() };
    let office = Office::with(Setup { pool_size: 4, waits, ..Setup::default() });
    let (ada, ben) = (office.person("Ada"), office.person("Ben"));
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ben));
    let (noisy, quiet) = (office.client(ada, firm), office.client(ben, other));
    quiet.ask(SMALL, json!({})).await;
    // Everything that writes customers of this client waits; half of the pool is all that can wait so.
    let held = office.app.database.hold(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE practice.client SET name = name WHERE tenant_id = '{firm}'"
    ));
    let update = "mutation { clientUpdate(input: { name: \"New\" }) { client { name } userErrors { message } } }";
    let waiting: Vec<_> = (0..12)
        .map(|_| {
            let noisy = noisy.clone();
            tokio::spawn(async move { noisy.send(update, json!({})).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..20 {
        let started = Instant::now();
        quiet.ask(SMALL, json!({})).await;
        assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    drop(held);
    let mut codes = Vec::new();
    for reply in waiting {
        let reply = reply.await.unwrap();
        codes.push(if reply.status == StatusCode::OK { "done" } else { "busy" });
    }
    assert_eq!(codes.iter().filter(|code| **code == "done").count(), 2, "{codes:?}");
}

/// The 99th of a hundred, in milliseconds.
fn p99(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() * 99 / 100].as_secs_f64() * 1000.0
}

async fn times(client: &Client, count: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        client.ask(SMALL, json!({})).await;
        times.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times
}

#[tokio::test]
async fn a_noisy_client_leaves_the_others_as_quick_as_they_were() {
    // The quiet one does not come near its bound.
    let office = office(rates((1_000, 10_000), (220, 500), (1_000, 1_000)));
    let people: Vec<Person> = ["Ada", "Ben"].map(|name| office.person(name)).to_vec();
    let (loud, still) = (office.firm("Loud", people[0]), office.firm("Still", people[1]));
    let quiet = office.client(people[1], still);
    times(&quiet, 50).await;
    let (stop, sent, refused) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let on = Arc::new(AtomicBool::new(false));
    let noise: Vec<_> = (0..16)
        .map(|_| {
            let client = office.client(people[0], loud);
            let (stop, on, sent, refused) = (stop.clone(), on.clone(), sent.clone(), refused.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    if !on.load(Ordering::Relaxed) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        continue;
                    }
                    let reply = client.send(ELEVEN, json!({})).await;
                    sent.fetch_add(1, Ordering::Relaxed);
                    refused.fetch_add(u64::from(reply.status == StatusCode::TOO_MANY_REQUESTS), Ordering::Relaxed);
                }
            })
        })
        .collect();
    // In turns, so that both meet the same machine; whatever else runs on it disturbs a round now and then.
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        on.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(150)).await;
        alone.push(p99(times(&quiet, 120).await));
        on.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(150)).await;
        beside.push(p99(times(&quiet, 120).await));
    }
    stop.store(true, Ordering::Relaxed);
    for one in noise {
        one.await.unwrap();
    }
    for rounds in [&mut alone, &mut beside] {
        rounds.sort_by(f64::total_cmp);
    }
    let (alone_median, beside_median) = (alone[alone.len() / 2], beside[beside.len() / 2]);
    println!(
        "p99 of the quiet client: {alone_median:.1} ms alone, {beside_median:.1} ms beside {} requests of which {} were refused: {:.2} times",
        sent.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
        beside_median / alone_median
    );
    assert!(refused.load(Ordering::Relaxed) > 50, "the noisy client was not refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_pays_for_each_beginning() {
    let office = office(rates((1, 40), (1, 5_000), (1, 1_000)));
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let token = office.token(person, Some(firm));
    let mut socket = Socket::known(office.app.address, &token).await;
    // As many as one connection may hold, and nothing happens: whatever is said is said of a beginning.
    for id in 0..50 {
        socket.subscribe(&id.to_string(), "subscription { events { id } }", json!({})).await;
    }
    let said = tokio::time::timeout(Duration::from_secs(20), socket.message()).await;
    let said = said.expect("beginning a subscription costs nothing");
    assert_eq!(said["type"], "error", "{said}");
    assert_eq!(said["payload"][0]["extensions"]["code"], "RATE_LIMITED", "{said}");
}

#[tokio::test]
async fn exports_and_imports_are_paid_when_they_are_asked_for() {
    use crate::data_goes_out_and_comes_in::{EXPORT, IMPORT, customers, lay_customers, upload};

    let office = office(rates((1, 1_000), (1, 1_300), (1, 1_000)));
    let (ada, ben) = (office.person("Ada"), office.person("Ben"));
    let firm = office.firm("Firm", ada);
    office.grant(firm, ben, backoffice::platform::can::Can::ALL);
    let client = office.client(ada, firm);
    lay_customers(&office.app.database, firm, 30);
    let jobs = || office.count("SELECT count(*) FROM core.job");
    let file = customers(1_000, 200);
    let id = upload(&office.app, &client, "customers.csv", file.as_bytes()).await;
    let reply = client.send(IMPORT, json!({ "input": { "kind": "CUSTOMERS", "file": id } })).await;
    let kib = file.len() as u64 / 1024;
    assert!(kib > 2);
    assert_eq!((cost(&reply.body).0, cost(&reply.body).1), (12 + kib, 12 + kib), "{}", reply.text);

    // What one page of 100 rows costs, however many rows there are.
    let wanted = |query: &str| json!({ "input": { "query": query, "format": "CSV" } });
    for (query, page) in [
        ("{ customers { nodes { number name } } }", 101),
        ("{ invoices { nodes { number customer { name } lines { description } } } }", 301),
    ] {
        let reply = client.send(EXPORT, wanted(query)).await;
        assert_eq!((cost(&reply.body).0, cost(&reply.body).1), (12 + page, 12 + page), "{}", reply.text);
    }
    // A repetition gets the answer and does not pay for the export again.
    let keyed = client.with_header("Idempotency-Key", "k");
    let small = wanted("{ customers { nodes { number } } }");
    let first = keyed.send(EXPORT, small.clone()).await;
    let before = cost(&client.send(SMALL, json!({})).await.body).2;
    assert_eq!(keyed.send(EXPORT, small).await.text, first.text);
    let after = cost(&client.send(SMALL, json!({})).await.body).2;
    assert!(before - after < 40, "{before} {after}");

    // What the gate would not let in as a query does not come in inside of one either.
    let (asked, known) = (client.clone(), jobs());
    let many: String = (0..600).map(|n| format!("a{n}: number ")).collect();
    let deep = format!("{{ customers {{ nodes {{ {} number {} }} }} }}", "a { ".repeat(60), "}".repeat(60));
    for bomb in [
        format!("{{ customers {{ nodes {{ {many} }} }} }}"),
        deep,
        "{ customers { nodes { ...F } } } fragment F on Customer { ...F }".to_owned(),
    ] {
        let refused = asked.refused(EXPORT, wanted(&bomb)).await;
        assert_eq!(
            (&refused[0]["code"], &refused[0]["field"]),
            (&json!("INVALID"), &json!(["input", "query"])),
            "{bomb}"
        );
    }
    assert_eq!(jobs(), known);

    // The bucket is empty in the end: nothing more is begun, and it is said when to come again.
    let dear = wanted("{ invoices { nodes { number customer { name } lines { description } openItem { id } } } }");
    let mut asked = 0;
    let refused = loop {
        asked += 1;
        assert!(asked < 10, "nothing is ever refused");
        let (known, reply) = (jobs(), client.send(EXPORT, dear.clone()).await);
        if reply.status != StatusCode::OK {
            assert_eq!(jobs(), known);
            break reply;
        }
    };
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"), "{}", refused.text);
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=420).contains(&seconds), "{seconds}");
    assert!(refused.body.get("data").is_none(), "{}", refused.text);
    // His client has not enough for a colleague's either, who may go on with what is small; and the worker pays nothing.
    let colleague = office.client(ben, firm);
    for _ in 0..60 {
        if cost(&colleague.send(SMALL, json!({})).await.body).2 <= 400 {
            break;
        }
        colleague.send(ELEVEN, json!({})).await;
    }
    let reply = colleague.send(EXPORT, dear).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{}", reply.text);
    assert_eq!(colleague.send(SMALL, json!({})).await.status, StatusCode::OK);
    let begun = Instant::now();
    while office.count("SELECT count(*) FROM core.job WHERE state IN ('waiting', 'running')") > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(office.count("SELECT count(*) FROM core.job WHERE state <> 'succeeded'"), 0);
}
