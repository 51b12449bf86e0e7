//! Subscribers hear of what happens as it happens, over WebSocket and as server-sent events: nothing is lost over a
//! reconnect, nobody hears what he may not read, and a connection ends with the session or the grant behind it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::socket::{Heard, Socket};
use crate::harness::{App, Client, Office, Person, Setup};

const CUSTOMER: &str = "mutation($number: String!) { customerCreate(input: { number: $number, name: \"C\", country: \"DE\" }) { customer { id } userErrors { message } } }";
const FOLLOW: &str = "subscription($kinds: [EventKind!], $after: String) { events(kinds: $kinds, resumeAfter: $after) {
    kind cursor nodeId node { id ... on Customer { number } } } }";

/// An office with one client, a person who may do everything in it, and his token.
fn one_firm() -> (Office, Person, Uuid, Client, String) {
    let office = Office::with(Setup { workers: 2, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let (client, token) = (office.client(person, firm), office.token(person, Some(firm)));
    (office, person, firm, client, token)
}

async fn customer(client: &Client, number: &str) -> String {
    let data = client.ask(CUSTOMER, json!({ "number": number })).await;
    data["customerCreate"]["customer"]["id"].as_str().unwrap().to_owned()
}

/// The same of a server that has its hands full: when it says so nothing was done, and it is asked again.
async fn customer_of_a_busy_server(client: &Client, number: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let reply = client.send(CUSTOMER, json!({ "number": number })).await;
        if reply.code() != "UNAVAILABLE" {
            assert!(reply.body["data"]["customerCreate"]["customer"]["id"].is_string(), "{}", reply.text);
            return;
        }
        assert!(std::time::Instant::now() < deadline, "the server is still busy");
    }
}

/// The cursor of the newest event.
async fn newest(client: &Client) -> Value {
    client.ask("{ events(first: 1, orderBy: NEWEST) { nodes { cursor } } }", json!({})).await["events"]["nodes"][0]["cursor"]
        .clone()
}

/// Time for a subscription to begin: nothing says that it has.
async fn begun() {
    tokio::time::sleep(Duration::from_millis(700)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_happen() {
    let (office, _, firm, client, token) = one_firm();
    let other = office.person("Eve");
    let elsewhere = office.client(other, office.firm("Elsewhere", other));
    let mut socket = Socket::known(office.app.address, &token).await;
    socket.subscribe("all", FOLLOW, json!({})).await;
    begun().await;
    customer(&elsewhere, "not yours").await;
    let first = customer(&client, "1").await;
    let event = socket.next("all").await["events"].clone();
    assert_eq!((&event["kind"], &event["nodeId"]), (&json!("CUSTOMER_CREATED"), &json!(first)));
    assert_eq!(event["node"]["number"], "1");
    // What is rolled back or run dry is not told; one operation with two changes is told as two events.
    client.dry().ask(CUSTOMER, json!({ "number": "dry" })).await;
    client
        .ask(
            "mutation { a: customerCreate(input: { number: \"2\", name: \"C\", country: \"DE\" }) { customer { id } }
        b: vendorCreate(input: { number: \"2\", name: \"V\", country: \"DE\" }) { vendor { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(socket.next("all").await["events"]["kind"], "CUSTOMER_CREATED");
    let last = socket.next("all").await["events"].clone();
    assert_eq!(last["kind"], "VENDOR_CREATED");

    // From a cursor on, and by kind; the id of an operation that has ended is free again.
    socket.say(json!({ "id": "all", "type": "complete" })).await;
    socket.subscribe("all", FOLLOW, json!({ "after": event["cursor"], "kinds": ["VENDOR_CREATED"] })).await;
    assert_eq!(socket.next("all").await["events"], last);
    // Written by another server: nobody rings here, and it comes all the same.
    let told = Uuid::now_v7();
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); SELECT core.emit('{{{told}}}', '{{vendor.created}}', '{{Vendor}}', '{{{told}}}')"
    ));
    let started = Instant::now();
    assert_eq!(socket.next("all").await["events"]["node"], Value::Null);
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_mutations_go_the_same_way_as_over_http() {
    let (office, _, _, client, token) = one_firm();
    let mut socket = Socket::known(office.app.address, &token).await;
    socket.subscribe("1", CUSTOMER, json!({ "number": "7" })).await;
    let made = socket.next("1").await;
    assert!(made["customerCreate"]["customer"]["id"].is_string(), "{made}");
    assert_eq!(socket.message().await, json!({ "id": "1", "type": "complete" }));
    socket.subscribe("2", "{ customers { totalCount } }", json!({})).await;
    assert_eq!(socket.next("2").await["customers"]["totalCount"], 1);
    assert_eq!(socket.message().await["type"], "complete");
    // A dry run and a repetition, as the headers say it over HTTP.
    let say = |id: &str, extensions: Value| json!({ "id": id, "type": "subscribe", "payload": { "query": CUSTOMER, "variables": { "number": "8" }, "extensions": extensions } });
    socket.say(say("3", json!({ "dryRun": true }))).await;
    assert_eq!(
        (socket.message().await["type"].clone(), socket.message().await["type"].clone()),
        (json!("next"), json!("complete"))
    );
    let mut answers = Vec::new();
    for id in ["4", "5"] {
        socket.say(say(id, json!({ "idempotencyKey": "once" }))).await;
        answers.push(socket.message().await["payload"].clone());
        assert_eq!(socket.message().await["type"], "complete");
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(client.ask("{ customers { totalCount } }", json!({})).await["customers"]["totalCount"], 2);
    // What the gate or the schema does not take, and what is not allowed.
    let long = format!("{{ {} }}", "a: viewer { __typename } ".repeat(3_000));
    for (id, query, code) in [
        ("a", "{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
        ("b", "{ broken", "GRAPHQL_PARSE_FAILED"),
        ("c", "subscription { events { nonsense } }", "GRAPHQL_VALIDATION_FAILED"),
        ("d", "subscription { a: events { id } b: events { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("e", "subscription { events(resumeAfter: \"no cursor\") { id } }", "BAD_USER_INPUT"),
        ("f", "subscription { events(kinds: [NONSENSE]) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("g", long.as_str(), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        socket.subscribe(id, query, json!({})).await;
        let told = socket.message().await;
        assert_eq!((&told["type"], &told["id"]), (&json!("error"), &json!(id)), "{told}");
        assert_eq!(told["payload"][0]["extensions"]["code"], code, "{told}");
        assert!(told["payload"][0]["extensions"]["requestId"].is_string(), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_is_kept() {
    let (office, _, _, _, token) = one_firm();
    let address = office.app.address;
    let open = || Socket::open(address, Some("graphql-transport-ws"), None);
    let late = tokio::spawn(async move {
        let mut silent = Socket::open(address, Some("graphql-transport-ws"), None).await;
        let started = Instant::now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        (silent.closed().await, started.elapsed())
    });

    assert_eq!(Socket::open(address, None, None).await.closed().await, 4406);
    assert_eq!(Socket::open(address, Some("graphql-ws"), None).await.closed().await, 4406);
    for nonsense in ["", "[]", "{", "{\"type\":7}", "{\"type\":\"nonsense\"}"] {
        let mut socket = open().await;
        socket.send(1, nonsense.as_bytes()).await;
        assert_eq!(socket.closed().await, 4400, "{nonsense}");
        let mut socket = Socket::known(address, &token).await;
        socket.send(1, nonsense.as_bytes()).await;
        assert_eq!(socket.closed().await, 4400, "{nonsense}");
    }
    let mut socket = Socket::known(address, &token).await;
    socket.send(2, b"binary").await;
    assert_eq!(socket.closed().await, 4400);
    for wrong in [
        json!({ "type": "subscribe", "id": "", "payload": { "query": "{ a }" } }),
        json!({ "type": "subscribe", "payload": { "query": "{ a }" } }),
        json!({ "type": "subscribe", "id": "1" }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": 7 } }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ a }", "variables": [] } }),
        json!({ "type": "complete" }),
    ] {
        let mut socket = Socket::known(address, &token).await;
        socket.say(wrong.clone()).await;
        assert_eq!(socket.closed().await, 4400, "{wrong}");
    }
    // Before the introduction only pings are answered.
    let mut socket = open().await;
    socket.say(json!({ "type": "ping", "payload": { "any": 1 } })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong" }));
    socket.subscribe("1", "{ viewer { __typename } }", json!({})).await;
    assert_eq!(socket.closed().await, 4401);
    for payload in
        [json!(null), json!({}), json!({ "Authorization": "Bearer nonsense" }), json!({ "Authorization": "Basic x" })]
    {
        let mut socket = open().await;
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, 4403, "{payload}");
    }
    // A token in the header of the upgrade does as well.
    let mut socket = Socket::open(address, Some("graphql-transport-ws"), Some(&token)).await;
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await, 4429);
    let mut socket = Socket::known(address, &token).await;
    socket.say(json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong" }));
    socket.subscribe("1", FOLLOW, json!({})).await;
    socket.subscribe("1", FOLLOW, json!({})).await;
    assert_eq!(socket.closed().await, 4409);

    let (code, waited) = late.await.unwrap();
    assert_eq!(code, 4408);
    assert!(waited < Duration::from_secs(13), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_the_session_or_the_grant_behind_it() {
    let (office, boss, firm, client, _) = one_firm();
    let address = office.app.address;
    let database = &office.app.database;
    let soon = Duration::from_secs(6);

    // The session ends: also where nothing was subscribed to.
    let (signed, idle) = (office.person("Sid"), office.person("Ida"));
    for person in [signed, idle] {
        office.grant(firm, person, &[Can::EventRead, Can::CustomerRead]);
    }
    let mut following = Socket::known(address, &office.token(signed, Some(firm))).await;
    following.subscribe("1", FOLLOW, json!({})).await;
    let mut silent = Socket::known(address, &office.token(idle, Some(firm))).await;
    begun().await;
    let started = Instant::now();
    database.lay(&format!(
        "UPDATE identity.session SET revoked_at = now() WHERE id IN ('{}', '{}')",
        signed.session, idle.session
    ));
    assert_eq!((following.closed().await, silent.closed().await), (4401, 4401));
    assert!(started.elapsed() < soon, "{:?}", started.elapsed());

    // The grant ends.
    let person = office.person("Gil");
    office.grant(firm, person, &[Can::EventRead, Can::CustomerRead]);
    let mut following = Socket::known(address, &office.token(person, Some(firm))).await;
    following.subscribe("1", FOLLOW, json!({})).await;
    begun().await;
    database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE identity.access_grant SET ended_at = now() WHERE account_id = '{}'",
        person.account
    ));
    assert_eq!(following.closed().await, 4403);

    // The right to events is taken from the role; somebody who has another one stays connected.
    let person = office.person("Rita");
    office.grant(firm, person, &[Can::EventRead, Can::CustomerRead]);
    let token = office.token(person, Some(firm));
    let (mut following, mut silent) = (Socket::known(address, &token).await, Socket::known(address, &token).await);
    following.subscribe("1", FOLLOW, json!({})).await;
    begun().await;
    database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE identity.role SET permissions = '{{finance.customer.read}}'
          WHERE id IN (SELECT role_id FROM identity.access_grant WHERE account_id = '{}')",
        person.account
    ));
    assert_eq!(following.closed().await, 4403);
    silent.subscribe("1", "{ customers { totalCount } }", json!({})).await;
    assert_eq!(silent.message().await["type"], "next");

    // One kind's right is enough for that kind, and no more is heard.
    let person = office.person("Kim");
    office.grant(firm, person, &[Can::EventRead, Can::VendorRead]);
    let mut following = Socket::known(address, &office.token(person, Some(firm))).await;
    following.subscribe("all", FOLLOW, json!({})).await;
    following.subscribe("forbidden", FOLLOW, json!({ "kinds": ["CUSTOMER_CREATED"] })).await;
    let refused = following.message().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("forbidden")), "{refused}");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "FORBIDDEN");
    begun().await;
    customer(&client, "unheard").await;
    client
        .ask(
            "mutation { vendorCreate(input: { number: \"1\", name: \"V\", country: \"DE\" }) { vendor { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(following.next("all").await["events"]["kind"], "VENDOR_CREATED");
    let _ = boss;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_connects_again_has_missed_nothing() {
    let (office, _, _, client, token) = one_firm();
    customer(&client, "first").await;
    let start = newest(&client).await;
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut made = Vec::new();
                for number in 0..20 {
                    made.push(customer(&client, &format!("{writer}-{number}")).await);
                }
                made
            })
        })
        .collect();
    let (address, own) = (office.app.address, token.clone());
    let reader = tokio::spawn(async move {
        let (mut seen, mut cursor, mut connections) = (Vec::new(), start, 0);
        while seen.len() < 120 {
            connections += 1;
            let mut socket = Socket::known(address, &token).await;
            socket.subscribe("1", FOLLOW, json!({ "after": cursor })).await;
            // Hangs up after a few, without a word.
            for _ in 0..(3 + connections % 11) {
                if seen.len() == 120 {
                    break;
                }
                let event = socket.next("1").await["events"].clone();
                cursor = event["cursor"].clone();
                seen.push(event["nodeId"].as_str().unwrap().to_owned());
            }
        }
        (seen, connections)
    });
    let mut made = BTreeSet::new();
    for writer in writers {
        made.extend(writer.await.unwrap());
    }
    let (seen, connections) = reader.await.unwrap();
    assert!(connections > 8);
    assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), made, "each once");
    let ordered = office.app.database.lines(
        "postgres",
        "SELECT 'cus_' || replace(node_id::text, '-', '') AS line FROM core.event WHERE position > 1 ORDER BY position",
    );
    assert_eq!(seen, ordered, "in the order of the commits");
    // A cursor of another client is none.
    let other = office.person("Eve");
    let strange = office.client(other, office.firm("Elsewhere", other));
    customer(&strange, "1").await;
    let foreign = newest(&strange).await;
    let mut socket = Socket::known(address, &own).await;
    socket.subscribe("1", FOLLOW, json!({ "after": foreign })).await;
    let refused = socket.message().await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{refused}");
    // A token without a client follows nothing.
    let mut socket = Socket::known(address, &office.token(other, None)).await;
    socket.subscribe("1", FOLLOW, json!({})).await;
    assert_eq!(socket.message().await["type"], "error");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_more_than_his_share() {
    let (office, _, _, client, token) = one_firm();
    let address = office.app.address;
    // A message that is too large, at once or in pieces.
    let mut socket = Socket::known(address, &token).await;
    socket.say(json!({ "type": "ping", "payload": "x".repeat(300 * 1024) })).await;
    assert_eq!(socket.closed().await, 1009);
    // Too many operations on one connection; the others go on.
    let mut socket = Socket::known(address, &token).await;
    for id in 0..51 {
        socket.subscribe(&id.to_string(), FOLLOW, json!({})).await;
    }
    let refused = socket.message().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("50")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    begun().await;
    customer(&client, "1").await;
    let heard: BTreeSet<String> =
        futures(&mut socket, 50).await.iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(heard.len(), 50);
    drop(socket);
    // Too many connections of one sign-in.
    let mut open = Vec::new();
    for _ in 0..200 {
        open.push(Socket::known(address, &token).await);
    }
    let mut one_more = Socket::open(address, Some("graphql-transport-ws"), None).await;
    one_more.say(json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } })).await;
    assert_eq!(one_more.closed().await, 1013);
    drop(open);
    wait_for(|| office.app.shared.presences.count() == (0, 0), Duration::from_secs(10)).await;
    Socket::known(address, &token).await;
}

async fn futures(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(socket.message().await);
    }
    heard
}

async fn wait_for(holds: impl Fn() -> bool, at_most: Duration) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < at_most, "it does not come about");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_is_not_waited_for() {
    let (office, _, _, client, token) = one_firm();
    let mut lazy = Socket::known_with_little_room(office.app.address, &token).await;
    let everything = "{ __schema { types { description fields { description args { description } } enumValues { description } inputFields { description } } } }";
    // More than fits into the buffers on the way.
    for id in 0..120 {
        lazy.subscribe(&id.to_string(), everything, json!({})).await;
    }
    let mut diligent = Socket::known(office.app.address, &token).await;
    diligent.subscribe("1", FOLLOW, json!({})).await;
    begun().await;
    for number in 0..5 {
        customer_of_a_busy_server(&client, &number.to_string()).await;
        assert_eq!(diligent.next("1").await["events"]["node"]["number"], number.to_string());
    }
    wait_for(|| office.app.shared.presences.count() == (1, 1), Duration::from_secs(90)).await;
    let mut heard = 0;
    loop {
        match lazy.hear().await {
            Heard::Message(_) => heard += 1,
            Heard::Ping => {}
            Heard::Closed(_) | Heard::Gone => break,
        }
    }
    assert!(heard < 120, "it was not held back at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn some_hundred_idle_subscribers_cost_little() {
    let (office, person, firm, client, token) = one_firm();
    // One that is measured before: what every process needs once is not theirs.
    let mut first = Socket::known(office.app.address, &token).await;
    first.subscribe("1", FOLLOW, json!({})).await;
    begun().await;
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap();
        status.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    // Other stories run in this process at the same time, and what they take counts as well: the quietest of three moments.
    let (mut each, mut all) = (u64::MAX, Vec::new());
    for _ in 0..3 {
        all.clear();
        wait_for(|| office.app.shared.presences.count() == (1, 1), Duration::from_secs(30)).await;
        let before = resident();
        for group in 0..2 {
            let someone = if group == 0 { person } else { office.person("Second") };
            if group == 1 {
                office.grant(firm, someone, Can::ALL);
            }
            let token = office.token(someone, Some(firm));
            for _ in 0..150 {
                let mut socket = Socket::known(office.app.address, &token).await;
                socket.subscribe("1", FOLLOW, json!({})).await;
                all.push(socket);
            }
        }
        wait_for(|| office.app.shared.presences.count() == (301, 301), Duration::from_secs(30)).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        each = resident().saturating_sub(before) / 300;
        if each < 100_000 {
            break;
        }
    }
    assert!(each < 100_000, "an idle subscriber costs {each} bytes, both ends and an unoptimized build included");
    customer(&client, "1").await;
    for socket in &mut all {
        assert_eq!(socket.next("1").await["events"]["kind"], "CUSTOMER_CREATED");
    }
    println!("{each} bytes for each idle subscriber");
}

/// A stream of server-sent events.
struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    async fn open(app: &App, token: Option<&str>, query: &str, variables: Value, last: Option<&str>) -> Self {
        let mut request = crate::harness::http()
            .post(app.url("/graphql"))
            .header("accept", "text/event-stream")
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Self { response: request.send().await.unwrap(), read: String::new() }
    }

    /// The next event: its id, its kind and its data. Nothing at the end.
    async fn next(&mut self) -> Option<(Option<String>, String, Value)> {
        loop {
            if let Some((piece, rest)) = self.read.split_once("\n\n") {
                let (piece, rest) = (piece.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| {
                    piece.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_start().to_owned())
                };
                if let Some(kind) = field("event:") {
                    let data = field("data:").and_then(|data| serde_json::from_str(&data).ok()).unwrap_or_default();
                    return Some((field("id:"), kind, data));
                }
                continue;
            }
            let chunk =
                tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await.expect("nothing came");
            self.read.push_str(&String::from_utf8_lossy(&chunk.ok()??));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_a_stream_as_well() {
    let (office, person, firm, client, token) = one_firm();
    let app = &office.app;
    let mut stream = Stream::open(app, Some(&token), FOLLOW, json!({}), None).await;
    assert_eq!(stream.response.status(), 200);
    assert_eq!(stream.response.headers()["content-type"], "text/event-stream; charset=utf-8");
    customer(&client, "1").await;
    let (id, kind, data) = stream.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["data"]["events"]["node"]["number"]), ("next", &json!("1")));
    assert_eq!(json!(id), data["data"]["events"]["cursor"]);
    // Cut off, and opened again behind what was heard.
    drop(stream);
    customer(&client, "2").await;
    let mut stream = Stream::open(app, Some(&token), FOLLOW, json!({}), id.as_deref()).await;
    assert_eq!(stream.next().await.unwrap().2["data"]["events"]["node"]["number"], "2");

    // A query and a mutation are one answer and the end.
    for (query, variables) in [("{ customers { totalCount } }", json!({})), (CUSTOMER, json!({ "number": "3" }))] {
        let mut short = Stream::open(app, Some(&token), query, variables, None).await;
        let (_, kind, data) = short.next().await.unwrap();
        assert_eq!((kind.as_str(), data["errors"].is_null()), ("next", true), "{data}");
        assert_eq!(short.next().await.unwrap().1, "complete");
        assert!(short.next().await.is_none());
    }
    assert_eq!(stream.next().await.unwrap().2["data"]["events"]["node"]["number"], "3");
    // What cannot begin is refused as over HTTP.
    for (token, query, status) in [
        (None, FOLLOW, 401),
        (Some("nonsense"), FOLLOW, 401),
        (Some(token.as_str()), "subscription { events { nonsense } }", 400),
        (Some(token.as_str()), "subscription { events(resumeAfter: \"x\") { id } }", 400),
    ] {
        let refused = Stream::open(app, token, query, json!({}), None).await;
        assert_eq!(refused.response.status(), status, "{query}");
    }
    let by_get = crate::harness::http()
        .get(app.url("/graphql?query=mutation%7BsignOut%7B__typename%7D%7D"))
        .header("accept", "text/event-stream")
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(by_get.status(), 400);

    // The session ends, and the stream with it.
    app.database.lay(&format!("UPDATE identity.session SET revoked_at = now() WHERE id = '{}'", person.session));
    let (_, kind, data) = stream.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["errors"][0]["extensions"]["code"]), ("next", &json!("UNAUTHENTICATED")));
    assert_eq!(stream.next().await.unwrap().1, "complete");
    wait_for(|| app.shared.presences.count() == (0, 0), Duration::from_secs(10)).await;
    let _ = firm;
}
