//! The queue by service and engagement, searched by words, and views: filters that are kept under a name.

use backoffice::platform::can::Can;
use serde_json::{Value, json};

use crate::harness::{Client, Office, Person};

const QUEUE: &str = "query($filter: WorkItemFilter, $view: ID) {
    workItems(first: 100, filter: $filter, view: $view) { nodes { id title engagementId } totalCount }
    workItemCounts(filter: $filter, view: $view) { total byClient { count } } }";
const SHOWN: &str = "workView { id name filter shared mine version } userErrors { code field message }";

fn employ(office: &Office, person: Person, role: u8) {
    office.app.database.lay(&format!(
        "INSERT INTO identity.provider_grant (account_id, role_id) VALUES ('{}', '00000000-0000-7000-8000-00000000000{role}')",
        person.account
    ));
}

fn everywhere(office: &Office, person: Person) -> Client {
    office.app.client().with_token(office.token(person, None))
}

async fn act(client: &Client, field: &str, input: Value, selection: &str) -> Value {
    let kind = if field == "workViewDelete" {
        "WorkView".to_owned()
    } else {
        format!("{}{}", field[..1].to_uppercase(), &field[1..])
    };
    let query = format!("mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} }} }}");
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][field].clone()
}

/// The titles that a filter or a view leaves, after their count was held against them.
async fn titles(client: &Client, variables: Value) -> Vec<String> {
    let found = client.ask(QUEUE, variables.clone()).await;
    let nodes = found["workItems"]["nodes"].as_array().unwrap();
    assert_eq!(found["workItems"]["totalCount"], nodes.len(), "{variables}");
    assert_eq!(found["workItemCounts"]["total"], nodes.len(), "{variables}");
    let mut titles: Vec<String> = nodes.iter().map(|node| node["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    titles
}

async fn open(client: &Client, input: Value) {
    let mut asked = json!({ "kind": "TASK" });
    asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    let made = act(client, "workItemCreate", asked, "userErrors { message }").await;
    assert_eq!(made["userErrors"], json!([]));
}

#[tokio::test]
async fn the_queue_is_narrowed_by_service_and_engagement_and_searched() {
    let office = Office::open();
    let ada = office.person("Ada");
    employ(&office, ada, 1);
    let provider = everywhere(&office, ada);
    for service in ["payroll", "bookkeeping", "tax"] {
        act(&provider, "serviceCreate", json!({ "code": service, "name": service }), "userErrors { message }").await;
    }
    let mut letters = Vec::new();
    for name in ["One", "Two"] {
        let client = office.client(ada, office.firm(name, ada));
        for services in [&["payroll", "tax"][..], &["bookkeeping"]] {
            let services: Vec<Value> = services.iter().map(|service| json!({ "service": service })).collect();
            let letter = json!({ "name": "Letter", "from": "2026-01-01", "services": services });
            let made = act(&client, "engagementCreate", letter, "engagement { id }").await;
            letters.push(made["engagement"]["id"].clone());
        }
        for service in ["payroll", "bookkeeping", "tax"] {
            open(&client, json!({ "title": format!("{name}: {service} ÄRGER"), "service": service })).await;
        }
        open(&client, json!({ "title": format!("{name}: 50% off_call") })).await;
    }
    for (filter, expected) in [
        (json!({ "service": { "eq": "tax" } }), vec!["One: tax ÄRGER", "Two: tax ÄRGER"]),
        (json!({ "service": { "in": ["tax", "none"] }, "text": "two" }), vec!["Two: tax ÄRGER"]),
        (json!({ "engagement": { "eq": letters[0] } }), vec!["One: payroll ÄRGER", "One: tax ÄRGER"]),
        (
            json!({ "engagement": { "in": [letters[1], letters[3]] } }),
            vec!["One: bookkeeping ÄRGER", "Two: bookkeeping ÄRGER"],
        ),
        (json!({ "engagement": { "eq": letters[0] }, "service": { "eq": "bookkeeping" } }), vec![]),
        // words in any case, and nothing of a pattern in them
        (json!({ "text": "PayRoll ÄRger" }), vec!["One: payroll ÄRGER", "Two: payroll ÄRGER"]),
        (json!({ "text": "0% OFF_" }), vec!["One: 50% off_call", "Two: 50% off_call"]),
        (json!({ "text": "offxcall" }), vec![]),
    ] {
        assert_eq!(titles(&provider, json!({ "filter": filter })).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_view_is_a_filter_that_is_kept() {
    let office = Office::open();
    let (ada, bob, eve) = (office.person("Ada"), office.person("Bob"), office.person("Eve"));
    for person in [ada, bob, eve] {
        employ(&office, person, 2);
    }
    let firms: Vec<_> = (0..3).map(|number| office.firm(&format!("Firm {number}"), ada)).collect();
    office.grant(firms[0], bob, &[Can::WorkItemRead]);
    for (number, firm) in firms.iter().enumerate() {
        let client = office.client(ada, *firm);
        open(&client, json!({ "title": format!("Urgent {number}"), "priority": "URGENT" })).await;
        open(
            &client,
            json!({ "title": format!("Later {number}"), "assignee": format!("usr_{}", ada.account.simple()) }),
        )
        .await;
    }
    let (adas, bobs, eves) = (everywhere(&office, ada), everywhere(&office, bob), everywhere(&office, eve));
    let filter = json!({ "priority": { "eq": "URGENT" } });
    let made = act(&adas, "workViewCreate", json!({ "name": "Fires", "filter": filter, "shared": true }), SHOWN).await;
    let fires = made["workView"].clone();
    assert_eq!((&fires["filter"], &fires["mine"]), (&filter, &json!(true)));
    let own = json!({ "name": "Mine", "filter": { "assignee": { "me": true } } });
    let mine = act(&adas, "workViewCreate", own, SHOWN).await["workView"].clone();

    // A view leaves what its filter leaves, of what the caller may see; `me` is whoever uses it.
    assert_eq!(titles(&adas, json!({ "view": fires["id"] })).await, ["Urgent 0", "Urgent 1", "Urgent 2"]);
    assert_eq!(titles(&adas, json!({ "view": mine["id"] })).await, ["Later 0", "Later 1", "Later 2"]);
    assert_eq!(titles(&bobs, json!({ "view": fires["id"] })).await, ["Urgent 0"]);
    assert_eq!(titles(&eves, json!({ "view": fires["id"] })).await, Vec::<String>::new());
    assert_eq!(titles(&office.client(ada, firms[1]), json!({ "view": fires["id"] })).await, ["Urgent 1"]);
    let names = |client: Client| async move {
        let found = client.ask("{ workViews { name mine } }", json!({})).await;
        found["workViews"].clone()
    };
    assert_eq!(names(adas.clone()).await, json!([{ "name": "Fires", "mine": true }, { "name": "Mine", "mine": true }]));
    assert_eq!(names(bobs.clone()).await, json!([{ "name": "Fires", "mine": false }]));
    // Another's own is one that never was.
    let unknown = json!({ "view": format!("wv_{}", uuid::Uuid::now_v7().simple()) });
    let (foreign, never) = (bobs.send(QUEUE, json!({ "view": mine["id"] })).await, bobs.send(QUEUE, unknown).await);
    assert_eq!((foreign.code(), never.code()), ("BAD_USER_INPUT", "BAD_USER_INPUT"));
    let twice = adas.send(QUEUE, json!({ "view": fires["id"], "filter": {} })).await;
    assert_eq!(twice.code(), "BAD_USER_INPUT");

    // Shared is not given away.
    let taken = act(&bobs, "workViewUpdate", json!({ "id": fires["id"], "name": "Bob's" }), SHOWN).await;
    assert_eq!(taken["userErrors"][0]["code"], "NOT_FOUND");
    let changed = json!({ "id": fires["id"], "expectedVersion": 1, "filter": { "text": "later" }, "shared": false });
    let changed = act(&adas, "workViewUpdate", changed, SHOWN).await["workView"].clone();
    assert_eq!((&changed["version"], &changed["name"]), (&json!(2), &json!("Fires")));
    assert_eq!(titles(&adas, json!({ "view": fires["id"] })).await, ["Later 0", "Later 1", "Later 2"]);
    assert_eq!(names(bobs.clone()).await, json!([]));
    let stale =
        act(&adas, "workViewUpdate", json!({ "id": fires["id"], "expectedVersion": 1, "name": "x" }), SHOWN).await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT");

    // What the queue would refuse is not kept.
    for (wrong, field) in [
        (json!({ "name": "A", "filter": { "text": "x" } }), "filter"),
        (json!({ "name": "A", "filter": { "assignee": { "me": true, "nobody": true } } }), "filter"),
        (json!({ "name": "", "filter": {} }), "name"),
        (json!({ "name": "Mine", "filter": {} }), "name"),
    ] {
        let refused = act(&adas, "workViewCreate", wrong.clone(), SHOWN).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]), "{wrong}");
    }
    act(&adas, "workViewDelete", json!({ "id": fires["id"] }), SHOWN).await;
    assert_eq!(adas.send(QUEUE, json!({ "view": fires["id"] })).await.code(), "BAD_USER_INPUT");
}
