//! The dashboard that comes with the program names figures that the program really gives, and no figure that a caller
//! could invent.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::socket::Socket;
use crate::harness::{Office, Setup};

const DASHBOARD: &str = include_str!("../../operation/grafana/dashboard.json");

/// Every figure that the dashboard's questions name.
fn named(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                match inner.as_str() {
                    Some(text) if ["expr", "query", "definition"].contains(&key.as_str()) => found.extend(
                        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                            .filter(|word| word.starts_with("backoffice_") || word.starts_with("process_"))
                            .map(str::to_owned),
                    ),
                    _ => named(inner, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(item, found)),
        _ => {}
    }
}

async fn scraped(office: &Office) -> String {
    reqwest::get(office.app.url("/metrics")).await.unwrap().text().await.unwrap()
}

/// The value of a line that begins so.
fn value(text: &str, line: &str) -> f64 {
    text.lines()
        .find_map(|found| found.strip_prefix(line))
        .unwrap_or_else(|| panic!("no {line} in {text}"))
        .trim()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn every_figure_of_the_dashboard_is_given() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    client.ask("{ customers { nodes { id } } }", json!({})).await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut wanted = BTreeSet::new();
    named(&dashboard, &mut wanted);
    assert!(wanted.len() > 15, "{wanted:?}");
    // Counted by client and field when somebody uses one; nothing may be deprecated at the moment.
    backoffice::server::measure::deprecated("story", "Type.field");
    let text = scraped(&office).await;
    let given = |name: &str| {
        text.lines().any(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")))
    };
    let missing: Vec<_> = wanted.iter().filter(|name| !given(name)).collect();
    assert!(missing.is_empty(), "not given: {missing:?}\n{text}");
    // Each panel asks one of them, and has a title and a sentence.
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()));
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{}", panel["title"]);
    }
    // What a figure means is told with it.
    for name in wanted.iter().map(|name| name.trim_end_matches("_bucket")) {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not explained");
    }
}

#[tokio::test]
async fn figures_follow_what_happens() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    client.ask("{ vendors { nodes { id } } }", json!({})).await;
    let before = scraped(&office).await;
    let answered = "backoffice_operations_total{kind=\"query\",operation=\"vendors\",code=\"OK\"}";
    client.ask("{ vendors { nodes { id } } }", json!({})).await;
    let after = scraped(&office).await;
    assert!(value(&after, answered) >= value(&before, answered) + 1.0);
    assert!(value(&after, "backoffice_operation_seconds_count{kind=\"query\",operation=\"vendors\"}") >= 2.0);
    assert!(value(&after, "process_resident_memory_bytes") > 1e6);
    assert!((value(&after, "backoffice_pool_connections_max{pool=\"app\"}") - 6.0).abs() < 0.5, "{after}");
    // A connection that somebody holds is in use.
    let created = "mutation { customerCreate(input: { number: \"1\", name: \"One\", country: \"DE\" }) { customer { id } userErrors { message } } }";
    let id = client.ask(created, json!({})).await["customerCreate"]["customer"]["id"].clone();
    let holder = office.app.database.hold("SELECT 1 FROM finance.customer FOR UPDATE");
    let waiting = client.clone();
    let update = "mutation($id: ID!) { customerUpdate(input: { id: $id, name: \"Late\" }) { customer { name } userErrors { message } } }";
    let late = tokio::spawn(async move { waiting.ask(update, json!({ "id": id })).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let busy = scraped(&office).await;
    assert!(value(&busy, "backoffice_pool_connections_in_use{pool=\"app\"}") >= 1.0, "{busy}");
    assert!(value(&busy, "backoffice_operations_in_flight") >= 1.0, "{busy}");
    drop(holder);
    late.await.unwrap();
}

/// Asks until these lines have these values at least: other stories of this process are asked for theirs meanwhile.
async fn comes(office: &Office, lines: &[(&str, f64)]) {
    let mut text = String::new();
    for _ in 0..100 {
        text = scraped(office).await;
        if lines.iter().all(|(line, least)| (*least..*least + 1_000.0).contains(&value(&text, line))) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{lines:?} in {text}");
}

#[tokio::test]
async fn the_outbox_and_the_webhooks_are_measured() {
    // Nobody delivers.
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let client = office.client(person, firm);
    let made = client
        .ask(
            "mutation { webhookEndpointCreate(input: { name: \"N\", url: \"http://127.0.0.1:9/\", events: [CUSTOMER_CREATED] }) {
               webhookEndpoint { id } userErrors { message } } }",
            json!({}),
        )
        .await;
    let endpoint = made["webhookEndpointCreate"]["webhookEndpoint"]["id"].clone();
    for number in ["1", "2"] {
        let create = "mutation($number: String!) { customerCreate(input: { number: $number, name: \"C\", country: \"DE\" }) { userErrors { message } } }";
        client.ask(create, json!({ "number": number })).await;
    }
    let events = "backoffice_queue_waiting{queue=\"events\"}";
    comes(&office, &[(events, 2.0), ("backoffice_queue_lag_seconds{queue=\"events\"}", 0.001)]).await;
    // An endpoint that does not answer, for a minute and a half.
    office.app.database.lay(
        "UPDATE core.webhook_lane SET open = 3, failures = 1, due_at = now() - interval '90 s',
            position = (SELECT max(h.position) FROM core.event_head h)",
    );
    comes(
        &office,
        &[
            ("backoffice_queue_waiting{queue=\"webhooks\"}", 3.0),
            ("backoffice_queue_lag_seconds{queue=\"webhooks\"}", 90.0),
            ("backoffice_webhook_endpoints{state=\"failing\"}", 1.0),
            ("backoffice_webhook_deliveries_open{state=\"failing\"}", 3.0),
        ],
    )
    .await;
    let waiting = office.count("SELECT waiting FROM core.queue_figures() WHERE queue = 'events'");
    assert_eq!(waiting, 0, "all were looked through");
    // One that somebody works on, or that asked for a pause, does not lag.
    office.app.database.lay("UPDATE core.webhook_lane SET held_until = now() + interval '1 hour'");
    assert_eq!(office.count("SELECT waiting + lag_s::bigint FROM core.queue_figures() WHERE queue = 'webhooks'"), 0);
    office.app.database.lay(&format!(
        "UPDATE core.webhook_lane SET held_until = NULL, lease = '{}', leased_until = now() + interval '1 min'",
        Uuid::now_v7()
    ));
    assert_eq!(office.count("SELECT 10 * running + waiting FROM core.queue_figures() WHERE queue = 'webhooks'"), 10);
    let pause = "mutation($id: ID!) { webhookEndpointPause(input: { id: $id }) { userErrors { message } } }";
    client.ask(pause, json!({ "id": endpoint })).await;
    comes(&office, &[("backoffice_webhook_endpoints{state=\"paused\"}", 1.0)]).await;
}

#[tokio::test]
async fn whoever_uses_what_is_going_away_is_told_and_counted() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let client = office.client(person, firm);
    let create = "mutation { customerCreate(input: { number: \"1\", name: \"C\", country: \"DE\" }) { userErrors { message } } }";
    client.ask(create, json!({})).await;
    let reply = client.send("{ events { nodes { requestId } } }", json!({})).await;
    assert!(reply.body["extensions"]["warnings"].is_null(), "{}", reply.text);
    let expected = json!([{ "type": "DEPRECATION", "field": "Event.request",
        "message": "Use `requestId`, as errors and answers name it. This goes on 2027-12-01." }]);
    let former = "query { events { nodes { ...e } } } fragment e on Event { request requestId again: request }";
    for _ in 0..2 {
        // The second time the document is known and not looked through again.
        let reply = client.send(former, json!({})).await;
        assert_eq!(reply.body["extensions"]["warnings"], expected, "{}", reply.text);
        let event = &reply.body["data"]["events"]["nodes"][0];
        assert!(event["request"].is_string() && event["request"] == event["requestId"], "{event}");
    }
    // Whoever follows is counted once, and told with each event.
    let mut socket = Socket::known(office.app.address, &office.token(person, Some(firm))).await;
    socket.subscribe("s", "subscription { events(kinds: [CUSTOMER_CREATED]) { request } }", json!({})).await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    client.ask(&create.replace("\"1\"", "\"2\""), json!({})).await;
    assert_eq!(socket.message().await["payload"]["extensions"]["warnings"], expected);
    let line = format!("backoffice_deprecated_uses_total{{client=\"{firm}\",field=\"Event.request\"}}");
    assert!((value(&scraped(&office).await, &line) - 3.0).abs() < 0.1);
}
