//! What holds a piece of work back: items that it needs, its checklist, an engagement that is not live. And who is told
//! of what becomes of it.

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{App, Client, Office};

async fn open(client: &Client, title: &str) -> String {
    let made = client
        .ask(
            "mutation($title: String!) { workItemCreate(input: { kind: CLOSE_STEP, title: $title }) { workItem { id } userErrors { message } } }",
            json!({ "title": title }),
        )
        .await;
    made["workItemCreate"]["workItem"]["id"].as_str().unwrap().to_owned()
}

/// Runs a mutation on work; gives its payload.
async fn act(client: &Client, field: &str, kind: &str, input: Value) -> Value {
    let query = format!(
        "mutation($input: {kind}!) {{ {field}(input: $input) {{ workItem {{ id state checklist {{ number text doneAt }} needs {{ title }} neededBy {{ title }} }} userErrors {{ code field message }} }} }}"
    );
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][field].clone()
}

async fn needs(client: &Client, item: &str, needs: &str) -> Value {
    act(client, "workItemDependencyAdd", "WorkItemDependencyInput", json!({ "item": item, "needs": needs })).await
}

async fn complete(client: &Client, item: &str) -> Value {
    act(client, "workItemComplete", "WorkItemInput", json!({ "id": item })).await
}

fn message(payload: &Value) -> &str {
    payload["userErrors"][0]["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn an_item_waits_for_what_it_needs() {
    let office = Office::open();
    let ada = office.person("Ada");
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ada));
    let client = office.client(ada, firm);
    let mut steps = Vec::new();
    for title in ["Bank", "Payroll", "Tax", "Stock", "Close March"] {
        steps.push(open(&client, title).await);
    }
    let close = steps.pop().unwrap();
    for step in &steps {
        let payload = needs(&client, &close, step).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
    }
    let shown = needs(&client, &close, &steps[0]).await;
    assert_eq!((&shown["userErrors"][0]["code"], &shown["workItem"]), (&json!("DUPLICATE"), &Value::Null));
    assert_eq!(
        message(&complete(&client, &close).await),
        "This work item needs others that are not done: \"Bank\", \"Payroll\", \"Tax\" and 1 more."
    );
    for step in &steps[..3] {
        assert_eq!(complete(&client, step).await["workItem"]["state"], "DONE");
    }
    assert_eq!(message(&complete(&client, &close).await), "This work item needs others that are not done: \"Stock\".");
    // What is given up is not waited for.
    act(&client, "workItemCancel", "WorkItemInput", json!({ "id": steps[3] })).await;
    assert_eq!(complete(&client, &close).await["workItem"]["state"], "DONE");
    assert_eq!(message(&needs(&client, &close, &steps[0]).await), "This work item is done; open it again first.");

    // Neither oneself, nor in a circle of any length, nor another client's.
    let (a, b, c) = (open(&client, "A").await, open(&client, "B").await, open(&client, "C").await);
    assert_eq!(message(&needs(&client, &a, &a).await), "A work item does not need itself.");
    needs(&client, &a, &b).await;
    needs(&client, &b, &c).await;
    for (item, other) in [(&b, &a), (&c, &a), (&c, &b)] {
        let payload = needs(&client, item, other).await;
        assert_eq!(message(&payload), "These work items would need each other in a circle.");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "needs"]));
    }
    let foreign = open(&office.client(ada, other), "Foreign").await;
    for id in [foreign, format!("wi_{}", Uuid::now_v7().simple())] {
        assert_eq!(message(&needs(&client, &a, &id).await), "There is no such work item.");
    }
    let removed =
        act(&client, "workItemDependencyRemove", "WorkItemDependencyInput", json!({ "item": b, "needs": c })).await;
    assert_eq!(removed["workItem"]["needs"], json!([]));
    let turned = needs(&client, &c, &a).await;
    assert_eq!(turned["workItem"]["needs"], json!([{ "title": "A" }]), "{turned}");

    // Two opposite edges at once: one loses, whichever way round.
    for round in 0..8 {
        let (x, y) = (open(&client, &format!("X{round}")).await, open(&client, &format!("Y{round}")).await);
        let (one, two) = tokio::join!(needs(&client, &x, &y), needs(&client, &y, &x));
        let lost: Vec<&Value> = [&one, &two].into_iter().filter(|payload| payload["workItem"].is_null()).collect();
        assert_eq!(lost.len(), 1, "{one} {two}");
        assert_eq!(message(lost[0]), "These work items would need each other in a circle.");
    }
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_checklist_is_ticked_off() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let item = open(&client, "Close").await;
    let change = async |input: Value| {
        let mut asked = json!({ "id": item });
        asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        act(&client, "workItemChecklistUpdate", "WorkItemChecklistUpdateInput", asked).await
    };
    let listed = change(json!({ "add": ["Bank", "Cash", "Tax"], "done": [2] })).await;
    let lines = listed["workItem"]["checklist"].as_array().unwrap();
    assert_eq!(lines.iter().map(|line| line["number"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(lines[1]["doneAt"].is_string() && lines[0]["doneAt"].is_null(), "{listed}");
    assert_eq!(message(&complete(&client, &item).await), "The checklist is not finished: \"Bank\", \"Tax\".");
    // What goes is not numbered again.
    let listed = change(json!({ "remove": [1], "add": ["Stock"], "undone": [2] })).await;
    let numbers: Vec<i64> = listed["workItem"]["checklist"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["number"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, [2, 3, 4]);
    for (input, field) in [
        (json!({ "done": [1] }), json!(["input", "done", "0"])),
        (json!({ "remove": [9] }), json!(["input", "remove", "0"])),
        (json!({ "add": [""] }), json!(["input", "add", "0"])),
        (json!({ "add": ["x".repeat(501)] }), json!(["input", "add", "0"])),
        (json!({ "add": vec!["x"; 98] }), json!(["input", "add"])),
    ] {
        assert_eq!(change(input.clone()).await["userErrors"][0]["field"], field, "{input}");
    }
    change(json!({ "done": [2, 3, 4] })).await;
    assert_eq!(complete(&client, &item).await["workItem"]["state"], "DONE");
    assert_eq!(change(json!({ "undone": [2] })).await["userErrors"][0]["code"], "STATE");
}

#[tokio::test]
async fn nothing_is_done_outside_a_live_engagement() {
    let app = App::start();
    let books = app.with_books().await;
    let (administrator, client) = (&books.administrator, &books.accountant);
    for (code, name) in [("payroll", "Payroll"), ("bookkeeping", "Bookkeeping")] {
        administrator
            .ask(
                "mutation($code: String!, $name: String!) { serviceCreate(input: { code: $code, name: $name }) { service { code } userErrors { code } } }",
                json!({ "code": code, "name": name }),
            )
            .await;
    }
    let create =
        "mutation($service: String) { workItemCreate(input: { kind: TASK, title: \"March\", service: $service }) {
        workItem { id service { code name } } userErrors { code field message } } }";
    let engage = "mutation($input: EngagementCreateInput!) { engagementCreate(input: $input) {
        engagement { id version services { code from until } } userErrors { code field message } } }";
    let today = chrono::Utc::now().with_timezone(&chrono_tz::Europe::Berlin).date_naive();
    let day = |days: i64| (today + chrono::TimeDelta::days(days)).to_string();
    let input = json!({ "name": "Letter of engagement", "from": day(-30), "services": [{ "service": "bookkeeping" }] });
    let made = client.ask(engage, json!({ "input": input })).await["engagementCreate"]["engagement"].clone();
    assert_eq!(made["services"], json!([{ "code": "bookkeeping", "from": day(-30), "until": null }]));

    let item = client.ask(create, json!({ "service": "bookkeeping" })).await["workItemCreate"]["workItem"].clone();
    assert_eq!(item["service"], json!({ "code": "bookkeeping", "name": "Bookkeeping" }));
    // Payroll for a client without the payroll service; the same words for what nobody offers.
    for service in ["payroll", "nonsense"] {
        let reasons = client.refused(create, json!({ "service": service })).await;
        assert_eq!((&reasons[0]["code"], &reasons[0]["field"]), (&json!("STATE"), &json!(["input", "service"])));
        assert_eq!(
            reasons[0]["message"],
            "No live engagement of this client covers the service, so nothing of it is done."
        );
    }
    let add = "mutation($input: EngagementServiceAddInput!) { engagementServiceAdd(input: $input) { engagement { id } userErrors { code field } } }";
    let end = "mutation($input: EngagementServiceEndInput!) { engagementServiceEnd(input: $input) { engagement { id } userErrors { code field } } }";
    let line = |service: &str, from: i64, until: Option<i64>| json!({ "input": { "engagement": made["id"], "service": service, "from": day(from), "until": until.map(day) } });
    // From tomorrow on is not yet; until today is not any more.
    client.ask(add, line("payroll", 1, None)).await;
    assert_eq!(client.refused(create, json!({ "service": "payroll" })).await[0]["code"], "STATE");
    assert_eq!(client.refused(add, line("payroll", 0, None)).await[0]["code"], "DUPLICATE");
    client.ask(add, line("payroll", -5, Some(0))).await;
    assert_eq!(client.refused(create, json!({ "service": "payroll" })).await[0]["code"], "STATE");
    client.ask(add, line("payroll", 0, Some(1))).await;
    client.ask(create, json!({ "service": "payroll" })).await;
    assert_eq!(client.refused(add, line("nonsense", 0, None)).await[0]["code"], "NOT_FOUND");
    assert_eq!(client.refused(add, line("payroll", 9, Some(9))).await[0]["field"], json!(["input", "until"]));

    // When it ends, nothing is begun any more; what was begun is finished.
    let second =
        client.ask(create, json!({ "service": "bookkeeping" })).await["workItemCreate"]["workItem"]["id"].clone();
    act(client, "workItemStart", "WorkItemInput", json!({ "id": item["id"] })).await;
    client.ask(end, json!({ "input": { "engagement": made["id"], "service": "bookkeeping", "until": day(0) } })).await;
    let late = act(client, "workItemStart", "WorkItemInput", json!({ "id": second })).await;
    assert_eq!(late["userErrors"][0]["code"], "STATE", "{late}");
    assert_eq!(complete(client, item["id"].as_str().unwrap()).await["workItem"]["state"], "DONE");
    // And when the whole engagement has ended, nothing of any service.
    let update = "mutation($input: EngagementUpdateInput!) { engagementUpdate(input: $input) { engagement { until } userErrors { code field } } }";
    let stale = json!({ "input": { "id": made["id"], "expectedVersion": 7, "until": day(0) } });
    assert_eq!(client.refused(update, stale).await[0]["code"], "CONFLICT");
    let before = json!({ "input": { "id": made["id"], "until": day(-30) } });
    assert_eq!(client.refused(update, before).await[0]["field"], json!(["input", "until"]));
    client.ask(update, json!({ "input": { "id": made["id"], "until": day(0) } })).await;
    assert_eq!(client.refused(create, json!({ "service": "payroll" })).await[0]["code"], "STATE");
    client.ask(create, json!({ "service": null })).await;
}

#[tokio::test]
async fn who_is_concerned_is_told() {
    let office = Office::open();
    let (ada, bob, eve, paula) =
        (office.person("Ada"), office.person("Bob"), office.person("Eve"), office.person("Paula"));
    let firm = office.firm("Firm", ada);
    for person in [bob, eve] {
        office.grant(firm, person, &[Can::WorkItemRead, Can::WorkItemPerform]);
    }
    office.grant(firm, paula, &[Can::ClientRequestRead, Can::ClientRequestAnswer]);
    let as_person = |person| office.client(person, firm);
    let user = |person: crate::harness::Person| format!("usr_{}", person.account.simple());
    let client = as_person(ada);
    let item = open(&client, "March").await;
    let share = "mutation($id: ID!) { workItemUpdate(input: { id: $id, visibleToClient: true }) { workItem { id } userErrors { code } } }";
    client.ask(share, json!({ "id": item })).await;
    let notices = "query($read: Boolean) { workNotices(read: $read) { nodes { cause actorName title clientName readAt workItemId } totalCount } }";
    let causes = async |person| -> Vec<String> {
        let seen = as_person(person).ask(notices, json!({})).await["workNotices"].clone();
        let nodes = seen["nodes"].as_array().unwrap();
        assert_eq!(seen["totalCount"], nodes.len());
        nodes
            .iter()
            .map(|one| format!("{} {}", one["actorName"].as_str().unwrap(), one["cause"].as_str().unwrap()))
            .collect()
    };
    let comment = "mutation($input: WorkItemCommentInput!) { workItemComment(input: $input) { workItem { comments { text authorName internal } } userErrors { code field message } } }";

    // Bob watches, Eve is mentioned; who writes is not told of it.
    act(&as_person(bob), "workItemWatch", "WorkItemWatchInput", json!({ "item": item })).await;
    act(&as_person(bob), "workItemWatch", "WorkItemWatchInput", json!({ "item": item })).await;
    let said = json!({ "input": { "item": item, "text": "What about the bank?", "mentions": [user(eve), user(eve), user(ada)] } });
    let done = client.ask(comment, said).await;
    assert_eq!(
        done["workItemComment"]["workItem"]["comments"],
        json!([{ "text": "What about the bank?", "authorName": "Ada", "internal": true }])
    );
    assert_eq!(causes(bob).await, ["Ada COMMENTED"]);
    assert_eq!(causes(eve).await, ["Ada MENTIONED"]);
    assert_eq!(causes(ada).await, Vec::<String>::new());
    let give = "mutation($id: ID!, $to: ID!) { workItemAssign(input: { id: $id, assignee: $to }) { workItem { id } userErrors { code } } }";
    client.ask(give, json!({ "id": item, "to": user(eve) })).await;
    act(&as_person(eve), "workItemStart", "WorkItemInput", json!({ "id": item })).await;
    assert_eq!(causes(eve).await, ["Ada ASSIGNED", "Ada MENTIONED"]);
    assert_eq!(causes(bob).await, ["Eve MOVED", "Ada COMMENTED"]);

    // The client's own people read what is for them, and answer.
    client.ask(comment, json!({ "input": { "item": item, "text": "Please send it.", "internal": false } })).await;
    let request = item.replace("wi_", "crq_");
    let shown = "query($id: ID!) { clientRequest(id: $id) { comments { text authorName } } }";
    let portal = as_person(paula);
    let seen = portal.ask(shown, json!({ "id": request })).await;
    assert_eq!(seen["clientRequest"]["comments"], json!([{ "text": "Please send it.", "authorName": "Ada" }]));
    let answer = "mutation($input: ClientRequestCommentInput!) { clientRequestComment(input: $input) { clientRequest { comments { text authorName } } userErrors { code field message } } }";
    let answered = portal.ask(answer, json!({ "input": { "request": request, "text": "Here it is." } })).await;
    assert_eq!(
        answered["clientRequestComment"]["clientRequest"]["comments"][0],
        json!({ "text": "Here it is.", "authorName": "Paula" })
    );
    assert_eq!(causes(eve).await[0], "Paula COMMENTED");
    let inner = open(&client, "Inside").await.replace("wi_", "crq_");
    for id in [inner, format!("crq_{}", Uuid::now_v7().simple())] {
        let reasons = portal.refused(answer, json!({ "input": { "request": id, "text": "?" } })).await;
        assert_eq!(reasons[0]["message"], "There is no such piece of work.");
    }

    // Read is read, and each one's own; afar it is the same list.
    office.app.database.lay(&format!(
        "INSERT INTO identity.provider_grant (account_id, role_id) VALUES ('{}', '00000000-0000-7000-8000-000000000002')",
        eve.account
    ));
    let afar = office.app.client().with_token(office.token(eve, None));
    assert_eq!(afar.ask(notices, json!({})).await["workNotices"]["totalCount"], 4);
    let read =
        "mutation($items: [ID!]!) { workNoticesRead(input: { items: $items }) { count userErrors { field message } } }";
    assert_eq!(as_person(eve).ask(read, json!({ "items": [item] })).await["workNoticesRead"]["count"], 4);
    assert_eq!(causes(eve).await, Vec::<String>::new());
    assert_eq!(afar.ask(notices, json!({})).await["workNotices"]["totalCount"], 0);
    assert_eq!(afar.ask(notices, json!({ "read": true })).await["workNotices"]["totalCount"], 4);
    assert_eq!(causes(bob).await.len(), 4);
    let unknown =
        as_person(eve).refused(read, json!({ "items": [item, format!("wi_{}", Uuid::now_v7().simple())] })).await;
    assert_eq!(unknown[0]["field"], json!(["input", "items", "1"]));

    // Nobody is told of what he may not see; nobody is mentioned who does not exist.
    let stranger = office.person("Stranger");
    let reasons = client
        .refused(
            comment,
            json!({ "input": { "item": item, "text": "x", "mentions": [user(eve), user(stranger), user(paula)] } }),
        )
        .await;
    let fields: Vec<&Value> = reasons.as_array().unwrap().iter().map(|reason| &reason["field"]).collect();
    assert_eq!(fields, [&json!(["input", "mentions", "1"]), &json!(["input", "mentions", "2"])]);
    for text in [String::new(), "x".repeat(10_001)] {
        let reasons = client.refused(comment, json!({ "input": { "item": item, "text": text } })).await;
        assert_eq!(reasons[0]["field"], json!(["input", "text"]));
    }
    let tenant = firm;
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         UPDATE identity.access_grant SET ended_at = now() WHERE tenant_id = '{tenant}' AND account_id = '{}'",
        bob.account
    ));
    act(&client, "workItemCancel", "WorkItemInput", json!({ "id": item })).await;
    let told = office.count(&format!("SELECT count(*) FROM practice.notice WHERE account_id = '{}'", bob.account));
    assert_eq!(told, 4, "whose grant has ended is told nothing more");
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}
