//! Somebody else's server is told what happened at a client: signed, in order, at least once, and for three days.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::receiver::{Answer, Received, Receiver, answer};
use crate::harness::{Client, Office};
use crate::nordwind;

const CREATE: &str = "mutation($input: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $input) {
    secret webhookEndpoint { id state events secrets { expiresAt } } userErrors { code field message } } }";
const DELIVERIES: &str = "query($endpoint: ID!, $state: [WebhookDeliveryState!]) {
    webhookDeliveries(first: 100, filter: { endpoint: { eq: $endpoint }, state: { in: $state } }) { totalCount nodes {
      id messageId type event node state attempts nextAttemptAt endedAt replayOf endpoint { id }
      log { number outcome status answer latencyMs } } } }";
const ENDPOINT: &str = "query($id: ID!) { webhookEndpoint(id: $id) {
    state pausedFor pausedAt failingSince lastSuccessAt openDeliveries version secrets { expiresAt } } }";

/// A client with one who may do everything.
struct Firm {
    office: Office,
    tenant: Uuid,
    client: Client,
}

impl Firm {
    fn open() -> Self {
        let office = Office::open();
        let person = office.person("Ada");
        let tenant = office.firm("Firm", person);
        let client = office.client(person, tenant);
        Self { office, tenant, client }
    }

    /// An endpoint for customers' events; its id and secret.
    async fn endpoint(&self, url: &str) -> (String, String) {
        endpoint(&self.client, url, json!(["CUSTOMER_CREATED", "CUSTOMER_UPDATED"])).await
    }

    async fn customer(&self, number: &str) -> String {
        let data = self
            .client
            .ask(
                "mutation($number: String!) { customerCreate(input: { number: $number, name: \"One\", country: \"DE\" }) {
                   customer { id } userErrors { message } } }",
                json!({ "number": number }),
            )
            .await;
        data["customerCreate"]["customer"]["id"].as_str().unwrap().to_owned()
    }

    async fn rename(&self, customer: &str, name: &str) {
        self.client
            .ask(
                "mutation($id: ID!, $name: String!) { customerUpdate(input: { id: $id, name: $name }) { userErrors { message } } }",
                json!({ "id": customer, "name": name }),
            )
            .await;
    }

    async fn deliveries(&self, endpoint: &str, states: Value) -> Vec<Value> {
        let data = self.client.ask(DELIVERIES, json!({ "endpoint": endpoint, "state": states })).await;
        let list = &data["webhookDeliveries"];
        let nodes = list["nodes"].as_array().unwrap().clone();
        assert_eq!(list["totalCount"], nodes.len());
        nodes
    }

    /// Waits until that many deliveries of the endpoint stand so.
    async fn wait(&self, endpoint: &str, states: Value, count: usize) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let found = self.deliveries(endpoint, states.clone()).await;
            if found.len() == count {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{found:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a delivery was tried that often.
    async fn tried(&self, endpoint: &str, attempts: i64) -> Value {
        let started = Instant::now();
        loop {
            let found = self.deliveries(endpoint, Value::Null).await;
            if let Some(one) = found.first().filter(|one| one["attempts"].as_i64() >= Some(attempts)) {
                return one.clone();
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{found:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn seen(&self, endpoint: &str) -> Value {
        self.client.ask(ENDPOINT, json!({ "id": endpoint })).await["webhookEndpoint"].clone()
    }

    async fn change(&self, field: &str, input: Value) -> Value {
        let kind = match field {
            "webhookSecretRotate" => "WebhookSecretRotateInput",
            "webhookDeliveryReplay" => "WebhookDeliveryReplayInput",
            "webhookTest" => "WebhookTestInput",
            "webhookEndpointUpdate" => "WebhookEndpointUpdateInput",
            _ => "WebhookEndpointChangeInput",
        };
        let selection = match field {
            "webhookSecretRotate" => "secret webhookEndpoint { secrets { expiresAt } }",
            "webhookDeliveryReplay" | "webhookTest" => "webhookDelivery { id state messageId replayOf type }",
            _ => "webhookEndpoint { id state pausedFor version url }",
        };
        let query = format!(
            "mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}"
        );
        self.client.send(&query, json!({ "input": input })).await.body["data"][field].clone()
    }

    /// What `backoffice check` finds, but for what the harness laid into the database.
    fn findings(&self) -> Vec<String> {
        self.office.app.database.findings_of_the_server()
    }

    /// Lets the time come for which deliveries wait: the clock of the story.
    fn time_passes(&self) {
        self.office.app.database.lay(&format!(
            "SELECT core.set_tenant('{}');
             UPDATE core.webhook_delivery SET next_attempt_at = now() WHERE state = 'waiting';
             UPDATE core.webhook_lane SET due_at = now(), held_until = NULL WHERE open > 0",
            self.tenant
        ));
    }
}

async fn endpoint(client: &Client, url: &str, events: Value) -> (String, String) {
    let input = json!({ "name": "Story", "url": url, "events": events });
    let data = client.ask(CREATE, json!({ "input": input })).await;
    let made = &data["webhookEndpointCreate"];
    (made["webhookEndpoint"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// What a receiver does with the official library.
fn verified(received: &Received, secret: &str) -> bool {
    let mut headers = standardwebhooks_headers(received);
    let library = standardwebhooks::Webhook::new(secret).unwrap();
    let good = library.verify(received.body.as_bytes(), &headers).is_ok();
    // The same with another body, another id, another time.
    assert!(library.verify(format!("{} ", received.body).as_bytes(), &headers).is_err());
    headers.insert("webhook-id", "msg_other".parse().unwrap());
    assert!(library.verify(received.body.as_bytes(), &headers).is_err());
    good
}

fn standardwebhooks_headers(received: &Received) -> http::HeaderMap {
    ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (name.parse().unwrap(), received.headers[name].parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn an_issued_invoice_arrives_signed() {
    let (app, books) = nordwind::stocked().await;
    let inside = books.administrator.enter(&books.client).await;
    inside.grant(&books.accountant_id, "Client administrator", "2026-01-01", None).await;
    let accountant = app.sign_in("konrad@firm.example").await.enter(&books.client).await;
    let receiver = Receiver::open().await;
    let (_, secret) = endpoint(&accountant, &receiver.url(), json!(["INVOICE_ISSUED"])).await;
    assert!(secret.starts_with("whsec_"));

    let invoice = nordwind::issued(&accountant).await;
    let received = receiver.wait_for(1).await.remove(0);
    assert!(verified(&received, &secret));
    assert!(!verified(&received, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert_eq!(received.headers[":line"], "POST /hooks?from=story HTTP/1.1");
    assert_eq!(received.headers["content-type"], "application/json");
    assert_eq!(received.headers["host"], receiver.address.to_string());
    let message = received.json();
    assert_eq!(message["type"], "invoice.issued");
    assert_eq!(message["data"]["client"], books.client);
    assert_eq!((&message["data"]["nodeType"], &message["data"]["node"]), (&json!("Invoice"), &invoice["id"]));
    assert!(message["timestamp"].as_str().unwrap().ends_with('Z'));

    // What happened before and at this event is read through the API from the cursor on.
    let events = accountant
        .ask(
            "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Event { id kind cursor node { id } } } }",
            json!({ "ids": [message["data"]["event"]] }),
        )
        .await;
    assert_eq!(events["nodes"][0]["cursor"], message["data"]["cursor"]);
    assert!(message["data"]["version"].is_i64(), "{message}");
    assert_eq!(events["nodes"][0]["node"]["id"], invoice["id"]);
    // The secret is kept by nobody: not in the trail, not in the open.
    let bare = secret.trim_start_matches("whsec_").trim_end_matches('=').to_owned();
    let raw = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, secret.trim_start_matches("whsec_"))
        .unwrap();
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    for table in
        ["audit.entry", "core.webhook_secret", "core.webhook_endpoint", "core.idempotency", "core.webhook_attempt"]
    {
        let rows = app.database.lines("postgres", &format!("SELECT t::text AS line FROM {table} t"));
        assert!(rows.iter().all(|row| !row.contains(&bare) && !row.contains(&hex)), "{table}");
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_happened_to_one_record_arrives_in_order() {
    let firm = Firm::open();
    let (mut failures, mut refused) = (2, None);
    let receiver = Receiver::answering(move |received| {
        // The first event of all is refused twice.
        if failures > 0 && *refused.get_or_insert(received.id().to_owned()) == received.id() {
            failures -= 1;
            return answer(500, "", "not now");
        }
        answer(200, "", "thanks")
    })
    .await;
    let (endpoint, secret) = firm.endpoint(&receiver.url()).await;
    let first = firm.customer("1").await;
    for name in ["a", "b", "c"] {
        firm.rename(&first, name).await;
    }
    firm.tried(&endpoint, 0).await;
    receiver.wait_for(1).await;
    let behind = firm.wait(&endpoint, json!(["QUEUED"]), 3).await;
    assert!(behind.iter().all(|one| one["nextAttemptAt"].is_null() && one["attempts"] == 0));
    // Others are not kept waiting by it.
    let other = firm.customer("2").await;
    let started = Instant::now();
    while !receiver.received().iter().any(|one| one.node() == other) {
        assert!(started.elapsed() < Duration::from_secs(10));
        firm.time_passes();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let started = Instant::now();
    while firm.deliveries(&endpoint, json!(["SUCCEEDED"])).await.len() < 5 {
        assert!(started.elapsed() < Duration::from_secs(20), "{:#?}", firm.deliveries(&endpoint, Value::Null).await);
        firm.time_passes();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let received = receiver.received();
    assert!(received.iter().all(|one| verified(one, &secret)));
    let of_first: Vec<_> = received.iter().filter(|one| one.node() == first).collect();
    let types: Vec<_> = of_first.iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types[..3], ["customer.created"; 3]);
    assert_eq!(types[3..], ["customer.updated"; 3]);
    // The same message each time, and events in their order.
    assert!(of_first[0].id() == of_first[1].id() && of_first[1].id() == of_first[2].id());
    assert_eq!(of_first[0].body, of_first[1].body);
    let events = firm.client.ask("{ events(first: 100, kinds: [CUSTOMER_UPDATED]) { nodes { id } } }", json!({})).await;
    let told: Vec<_> = of_first[3..].iter().map(|one| one.json()["data"]["event"].clone()).collect();
    assert_eq!(
        json!(told),
        json!(events["events"]["nodes"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>())
    );
    let log = firm.deliveries(&endpoint, Value::Null).await;
    let tried = log.iter().find(|one| one["attempts"] == 3).unwrap();
    assert_eq!(tried["log"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&tried["log"][0]["outcome"], &tried["log"][0]["status"], &tried["log"][0]["answer"]),
        (&json!("ANSWERED"), &json!(500), &json!("not now"))
    );
    assert_eq!(tried["log"][2]["outcome"], "DELIVERED");
    assert_eq!(firm.seen(&endpoint).await["openDeliveries"], 0);
}

#[tokio::test]
async fn a_receiver_may_ask_for_a_pause_and_three_days_are_the_end() {
    let firm = Firm::open();
    let receiver = Receiver::answering(|_| answer(503, "retry-after: 600\r\n", "busy")).await;
    let (endpoint, _) = firm.endpoint(&receiver.url()).await;
    firm.customer("1").await;
    let tried = firm.tried(&endpoint, 1).await;
    let next = chrono::DateTime::parse_from_rfc3339(tried["nextAttemptAt"].as_str().unwrap()).unwrap();
    let wait = next.signed_duration_since(chrono::Utc::now()).num_seconds();
    assert!((560..=600).contains(&wait), "{wait}");
    // The whole endpoint is left alone meanwhile.
    firm.customer("2").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.received().len(), 1);
    assert!(!firm.seen(&endpoint).await["failingSince"].is_null());

    // An hour is asked for by a date; six hours are honoured at most.
    let far = (chrono::Utc::now() + chrono::TimeDelta::days(2)).format("%a, %d %b %Y %H:%M:%S GMT");
    receiver.answer(move |_| answer(429, &format!("retry-after: {far}\r\n"), ""));
    firm.time_passes();
    receiver.wait_for(2).await;
    let started = Instant::now();
    let wait = loop {
        let lines = firm.office.app.database.lines("postgres", "SELECT extract(epoch FROM held_until - now())::int::text AS line FROM core.webhook_lane WHERE held_until IS NOT NULL");
        let wait: i64 = lines.first().map_or(0, |line| line.parse().unwrap());
        if wait > 600 || started.elapsed() > Duration::from_secs(5) {
            break wait;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!((21_500..=21_600).contains(&wait), "{wait}");

    // Three days later each is given up, the last attempt made.
    receiver.answer(|_| answer(500, "", "still not"));
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{}');
         UPDATE core.webhook_delivery SET first_tried_at = now() - interval '72 hours', tries = 12 WHERE state = 'waiting'",
        firm.tenant
    ));
    let started = Instant::now();
    while firm.deliveries(&endpoint, json!(["GIVEN_UP"])).await.len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(20));
        firm.time_passes();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(firm.seen(&endpoint).await["openDeliveries"], 0);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_or_fails_for_long_is_paused_and_says_so() {
    let firm = Firm::open();
    let receiver = Receiver::answering(|_| answer(410, "", "gone")).await;
    let (endpoint, _) = firm.endpoint(&receiver.url()).await;
    firm.customer("1").await;
    firm.wait(&endpoint, json!(["GIVEN_UP"]), 1).await;
    let seen = firm.seen(&endpoint).await;
    assert_eq!((&seen["state"], &seen["pausedFor"]), (&json!("PAUSED"), &json!("GONE")));
    let told = firm
        .client
        .ask("{ events(first: 10, kinds: [WEBHOOK_ENDPOINT_PAUSED]) { nodes { node { id } actor } } }", json!({}))
        .await;
    assert_eq!(told["events"]["nodes"], json!([{ "node": { "id": endpoint }, "actor": null }]));
    let trail = firm
        .client
        .ask(
            "query($id: ID!) { auditTrail(node: $id, first: 5) { nodes { actorKind actorName action } } }",
            json!({ "id": endpoint }),
        )
        .await;
    assert_eq!(
        trail["auditTrail"]["nodes"][0],
        json!({ "actorKind": "SYSTEM", "actorName": "webhooks", "action": "UPDATE" })
    );

    // What happens meanwhile is sent when it is resumed.
    firm.customer("2").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.received().len(), 1);
    let mut down = true;
    receiver.answer(move |_| {
        if std::mem::take(&mut down) {
            Answer { text: String::new(), after: Duration::ZERO }
        } else {
            answer(200, "", "")
        }
    });
    let resumed = firm.change("webhookEndpointResume", json!({ "id": endpoint })).await;
    assert_eq!(resumed["webhookEndpoint"]["state"], "ACTIVE", "{resumed}");
    firm.wait(&endpoint, Value::Null, 2).await;
    let failed = firm.tried(&endpoint, 1).await;
    assert_eq!(failed["log"][0]["outcome"], "BROKEN");
    firm.office.app.database.lay("UPDATE core.webhook_lane SET failing_since = now() - interval '73 hours'");
    receiver.answer(|_| answer(302, "location: http://127.0.0.1:1/\r\n", ""));
    firm.time_passes();
    let started = Instant::now();
    while firm.seen(&endpoint).await["state"] != "PAUSED" {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(firm.seen(&endpoint).await["pausedFor"], "FAILING");
    // The redirect was not followed, and what waits still waits.
    let waiting = firm.deliveries(&endpoint, json!(["WAITING"])).await;
    assert_eq!(waiting[0]["log"][1]["outcome"], "REDIRECTED");
    receiver.answer(|_| answer(200, "", ""));
    firm.change("webhookEndpointResume", json!({ "id": endpoint })).await;
    firm.wait(&endpoint, json!(["SUCCEEDED"]), 1).await;
    assert_eq!(firm.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn secrets_overlap_and_deliveries_are_tested_replayed_and_paused() {
    let firm = Firm::open();
    let receiver = Receiver::open().await;
    let (endpoint, old) = firm.endpoint(&receiver.url()).await;
    let tested = firm.change("webhookTest", json!({ "id": endpoint })).await;
    assert_eq!(tested["webhookDelivery"]["type"], "webhook.test", "{tested}");
    let test = receiver.wait_for(1).await.remove(0);
    assert!(verified(&test, &old));
    assert_eq!(test.json()["data"]["endpoint"], endpoint);
    assert_eq!(test.id(), tested["webhookDelivery"]["messageId"]);

    let rotated = firm.change("webhookSecretRotate", json!({ "id": endpoint, "overlapHours": 2 })).await;
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    assert_eq!(rotated["webhookEndpoint"]["secrets"].as_array().unwrap().len(), 2);
    firm.customer("1").await;
    let both = receiver.wait_for(2).await.remove(1);
    assert!(verified(&both, &old) && verified(&both, &new));
    assert_eq!(both.headers["webhook-signature"].split(' ').count(), 2);
    // A third secret ends the first at once; no overlap ends the second as well.
    let third = firm.change("webhookSecretRotate", json!({ "id": endpoint, "overlapHours": 0 })).await["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    firm.customer("2").await;
    let last = receiver.wait_for(3).await.remove(2);
    assert!(verified(&last, &third) && !verified(&last, &old) && !verified(&last, &new));
    let refused = firm.change("webhookSecretRotate", json!({ "id": endpoint, "overlapHours": 169 })).await;
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "overlapHours"]));

    // Once more, with the same id and the same body.
    let done = firm.wait(&endpoint, json!(["SUCCEEDED"]), 3).await;
    let replayed = firm.change("webhookDeliveryReplay", json!({ "id": done[0]["id"] })).await;
    assert_eq!(replayed["webhookDelivery"]["replayOf"], done[0]["id"], "{replayed}");
    let again = receiver.wait_for(4).await.remove(3);
    assert_eq!((again.id(), &again.body), (last.id(), &last.body));
    assert!(verified(&again, &third));
    firm.wait(&endpoint, json!(["SUCCEEDED"]), 4).await;

    let paused = firm.change("webhookEndpointPause", json!({ "id": endpoint })).await;
    assert_eq!(
        (&paused["webhookEndpoint"]["state"], &paused["webhookEndpoint"]["pausedFor"]),
        (&json!("PAUSED"), &json!("ASKED"))
    );
    for field in ["webhookTest", "webhookEndpointPause"] {
        assert_eq!(firm.change(field, json!({ "id": endpoint })).await["userErrors"][0]["code"], "STATE");
    }
    let version = paused["webhookEndpoint"]["version"].as_i64().unwrap();
    let stale = firm.change("webhookEndpointResume", json!({ "id": endpoint, "expectedVersion": version - 1 })).await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT");
    firm.customer("3").await;
    firm.customer("4").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.received().len(), 4);
    firm.change("webhookEndpointResume", json!({ "id": endpoint, "expectedVersion": version })).await;
    assert_eq!(receiver.wait_for(6).await.len(), 6);

    let elsewhere = Receiver::open().await;
    firm.change(
        "webhookEndpointUpdate",
        json!({ "id": endpoint, "url": elsewhere.url(), "events": ["CUSTOMER_UPDATED"] }),
    )
    .await;
    let five = firm.customer("5").await;
    firm.rename(&five, "New").await;
    assert_eq!(elsewhere.wait_for(1).await[0].json()["type"], "customer.updated");
    let gone = firm.change("webhookEndpointDelete", json!({ "id": endpoint })).await;
    assert_eq!(gone["webhookEndpoint"]["state"], "DELETED");
    assert_eq!(firm.seen(&endpoint).await["state"], "DELETED");
    let listed = firm.client.ask("{ webhookEndpoints { totalCount nodes { id } } }", json!({})).await;
    assert_eq!(listed["webhookEndpoints"], json!({ "totalCount": 0, "nodes": [] }));
    firm.rename(&five, "Newer").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((elsewhere.received().len(), receiver.received().len()), (1, 6));
    assert_eq!(firm.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn one_that_hangs_keeps_nobody_waiting_and_answers_have_an_end() {
    let firm = Firm::open();
    let hanging = Receiver::answering(|_| Answer { text: String::new(), after: Duration::from_secs(3600) }).await;
    let endless = Receiver::answering(|_| Answer {
        text: format!("HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n{}", "x".repeat(100_000)),
        after: Duration::ZERO,
    })
    .await;
    let huge_head = Receiver::answering(|_| Answer {
        text: format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000)),
        after: Duration::ZERO,
    })
    .await;
    let nonsense =
        Receiver::answering(|_| Answer { text: "SSH-2.0-OpenSSH\r\n\r\n".to_owned(), after: Duration::ZERO }).await;
    let good = Receiver::open().await;
    let mut endpoints = Vec::new();
    for _ in 0..12 {
        endpoints.push(firm.endpoint(&hanging.url()).await.0);
    }
    let (endless_id, _) = firm.endpoint(&endless.url()).await;
    let (head_id, _) = firm.endpoint(&huge_head.url()).await;
    let (nonsense_id, _) = firm.endpoint(&nonsense.url()).await;
    let (good_id, _) = firm.endpoint(&good.url()).await;
    let (closed_id, _) = firm.endpoint("http://127.0.0.1:1/").await;
    let (strange_id, secret) = firm.endpoint(&good.url()).await;
    let echoed = secret.clone();
    let echo = Receiver::answering(move |_| answer(500, "", &format!("\u{0}your secret is {echoed}"))).await;
    firm.change("webhookEndpointUpdate", json!({ "id": strange_id, "url": echo.url() })).await;

    for number in 0..20 {
        firm.customer(&number.to_string()).await;
    }
    let started = Instant::now();
    firm.wait(&good_id, json!(["SUCCEEDED"]), 20).await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    let outcome = async |endpoint: &str| firm.tried_any(endpoint).await;
    assert_eq!(outcome(&endpoints[0]).await["outcome"], "TIMED_OUT");
    let endless = outcome(&endless_id).await;
    assert_eq!((&endless["outcome"], endless["answer"].as_str().unwrap().len()), (&json!("DELIVERED"), 1000));
    assert_eq!(outcome(&head_id).await["outcome"], "BROKEN");
    assert_eq!(outcome(&nonsense_id).await["outcome"], "BROKEN");
    assert_eq!(outcome(&closed_id).await["outcome"], "UNREACHABLE");
    let strange = outcome(&strange_id).await;
    assert_eq!(strange["answer"], " your secret is whsec_…=");
    assert!(!strange.to_string().contains(secret.trim_start_matches("whsec_").trim_end_matches('=')));
}

impl Firm {
    /// The first attempt of any delivery to the endpoint.
    async fn tried_any(&self, endpoint: &str) -> Value {
        let started = Instant::now();
        loop {
            let found = self.deliveries(endpoint, Value::Null).await;
            if let Some(one) = found.iter().find(|one| one["log"][0].is_object()) {
                return one["log"][0].clone();
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{found:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn no_webhook_leaves_for_an_inner_network() {
    let firm = Firm::open();
    for url in [
        "http://example.com/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00::1]/",
        "https://db.internal/",
        "https://user:pw@example.com/",
        "ftp://example.com/",
        "nonsense",
    ] {
        let input = json!({ "name": "Inner", "url": url, "events": ["CUSTOMER_CREATED"] });
        // `http` is open to development alone, and to this machine alone.
        if url.starts_with("http://") {
            continue;
        }
        let refused = firm.client.refused(CREATE, json!({ "input": input })).await;
        assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("INVALID"), &json!(["input", "url"])), "{url}");
    }
    // One that came past the mutation is looked at again when it is called.
    let receiver = Receiver::open().await;
    let (endpoint, _) = firm.endpoint(&receiver.url()).await;
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{}'); UPDATE core.webhook_endpoint SET url = 'https://192.168.0.1/'",
        firm.tenant
    ));
    firm.customer("1").await;
    let tried = firm.tried_any(&endpoint).await;
    assert_eq!((&tried["outcome"], &tried["status"]), (&json!("REFUSED"), &Value::Null));
}

#[tokio::test]
async fn only_what_one_may_read_is_sent() {
    let office = Office::open();
    let (boss, clerk) = (office.person("Boss"), office.person("Clerk"));
    let firm = office.firm("Firm", boss);
    use backoffice::platform::can::Can;
    office.grant(firm, clerk, &[Can::WebhookRead, Can::WebhookManage, Can::CustomerRead]);
    let clerk = office.client(clerk, firm);
    let input = |events: Value| json!({ "input": { "name": "Mine", "url": "https://example.com/", "events": events } });
    let reply = clerk.send(CREATE, input(json!(["CUSTOMER_CREATED", "INVOICE_ISSUED"]))).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    assert!(reply.text.contains("finance.invoice.read"));
    clerk.ask(CREATE, input(json!(["CUSTOMER_CREATED"]))).await;
    let refused = clerk.refused(CREATE, input(json!([]))).await;
    assert_eq!(refused[0]["code"], "REQUIRED");
}
