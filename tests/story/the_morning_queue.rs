//! What has to be done today, for which client, by whom: one queue over all clients that somebody may see, and what
//! becomes of the items in it.

use std::collections::BTreeSet;

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{App, Client, Office, Person, id_of};

const CREATE: &str = "mutation($input: WorkItemCreateInput!) { workItemCreate(input: $input) {
    workItem { id state title assignee { name } version visibleToClient } userErrors { code field message } } }";
const UPDATE: &str = "mutation($input: WorkItemUpdateInput!) { workItemUpdate(input: $input) {
    workItem { id title dueOn version visibleToClient } userErrors { code field message } } }";
const ASSIGN: &str = "mutation($input: WorkItemAssignInput!) { workItemAssign(input: $input) {
    workItem { id assignee { name staff } team { name } } userErrors { code field message } } }";
const ASSIGN_ALL: &str = "mutation($input: WorkItemsAssignInput!) { workItemsAssign(input: $input) {
    workItems { id assignee { name } version } userErrors { code field message } } }";
const QUEUE: &str = "query($first: Int, $after: String, $filter: WorkItemFilter) {
    workItems(first: $first, after: $after, filter: $filter) {
        nodes { id title kind state dueOn clientId clientName assignee { name } } pageInfo { hasNextPage endCursor } totalCount }
    workItemCounts(filter: $filter) { total byState { state count } byKind { kind count } byClient { clientId clientName count } } }";

fn outside(id: Uuid) -> String {
    format!("usr_{}", id.simple())
}

/// Makes somebody a member of the staff who sees the portfolio.
fn employ(office: &Office, person: Person) {
    office.app.database.lay(&format!(
        "INSERT INTO identity.provider_grant (account_id, role_id) VALUES ('{}', '00000000-0000-7000-8000-000000000002')",
        person.account
    ));
}

/// That person, with a token without client.
fn everywhere(office: &Office, person: Person) -> Client {
    office.app.client().with_token(office.token(person, None))
}

async fn open(client: &Client, input: Value) -> String {
    let mut asked = json!({ "kind": "TASK", "title": "Something" });
    asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    let made = client.ask(CREATE, json!({ "input": asked })).await;
    made["workItemCreate"]["workItem"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// Does something with an item; gives the whole payload.
async fn act(client: &Client, action: &str, input: Value) -> Value {
    let kind = if action == "Wait" { "WorkItemWaitInput" } else { "WorkItemInput" };
    let query = format!(
        "mutation($input: {kind}!) {{ workItem{action}(input: $input) {{ workItem {{ id state waitingFor closedAt actions version }} userErrors {{ code field message }} }} }}"
    );
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][format!("workItem{action}")].clone()
}

/// The whole queue, page by page.
async fn whole(client: &Client, first: i64, filter: Value) -> (Vec<Value>, Value) {
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client.ask(QUEUE, json!({ "first": first, "after": after, "filter": filter })).await;
        all.extend(page["workItems"]["nodes"].as_array().unwrap().iter().cloned());
        if page["workItems"]["pageInfo"]["hasNextPage"] == false {
            return (all, page);
        }
        after = page["workItems"]["pageInfo"]["endCursor"].clone();
    }
}

/// Holds the counts of a queue against its rows.
fn counts_are_the_list(rows: &[Value], page: &Value) {
    let total = rows.len();
    assert_eq!(page["workItems"]["totalCount"], total);
    let counts = &page["workItemCounts"];
    assert_eq!(counts["total"], total);
    for (list, key) in [("byState", "state"), ("byKind", "kind"), ("byClient", "clientId")] {
        let counted = counts[list].as_array().unwrap();
        for one in counted {
            let rows = rows.iter().filter(|row| row[key] == one[key]).count();
            assert_eq!(one["count"], rows, "{list} {one}");
        }
        assert_eq!(counted.iter().map(|one| one["count"].as_u64().unwrap()).sum::<u64>(), total as u64, "{list}");
    }
}

#[tokio::test]
async fn a_person_sees_the_work_of_twelve_of_forty_clients() {
    let office = Office::open();
    let (ada, bob) = (office.person("Ada"), office.person("Bob"));
    employ(&office, bob);
    let kinds = ["TASK", "DEADLINE", "CLIENT_REQUEST", "EXCEPTION"];
    let mut firms = Vec::new();
    for number in 0..40 {
        let firm = office.firm(&format!("Firm {number}"), ada);
        let inside = office.client(ada, firm);
        if number < 12 {
            office.grant(firm, bob, &[Can::WorkItemRead]);
        }
        for item in 0..3 {
            // some on the same day, some on none
            let due = (item < 2).then(|| format!("2026-03-{:02}", 1 + (number * 5 + item) % 9));
            let id = open(
                &inside,
                json!({ "kind": kinds[(number + item) % 4], "title": format!("Item {number}.{item}"), "dueOn": due }),
            )
            .await;
            if item == 1 && number % 3 == 0 {
                act(&inside, "Start", json!({ "id": id })).await;
            }
        }
        // what is done is not in the queue
        let done = open(&inside, json!({ "title": "Done" })).await;
        act(&inside, "Complete", json!({ "id": done })).await;
        firms.push(firm);
    }
    let queue = everywhere(&office, bob);
    let (rows, page) = whole(&queue, 7, json!({})).await;
    assert_eq!(rows.len(), 36);
    counts_are_the_list(&rows, &page);
    let seen: BTreeSet<&str> = rows.iter().map(|row| row["clientName"].as_str().unwrap()).collect();
    assert_eq!(
        seen,
        (0..12).map(|number| format!("Firm {number}")).collect::<Vec<_>>().iter().map(String::as_str).collect()
    );
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 36, "each once");
    let places: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["dueOn"].as_str().unwrap_or("9999"), row["id"].as_str().unwrap())).collect();
    assert!(places.is_sorted(), "{places:?}");

    let client = |at: usize| format!("cli_{}", firms[at].simple());
    for (filter, expected) in [
        (json!({ "state": { "eq": "DONE" } }), 12),
        (json!({ "state": { "in": ["DONE", "OPEN"] } }), 44),
        (json!({ "state": { "eq": "IN_PROGRESS" } }), 4),
        (json!({ "client": { "eq": client(3) } }), 3),
        (json!({ "client": { "in": [client(3), client(3), client(4)] } }), 6),
        // another client is one that never existed
        (json!({ "client": { "eq": client(12) } }), 0),
        (json!({ "client": { "eq": format!("cli_{}", Uuid::now_v7().simple()) } }), 0),
        (json!({ "dueOn": { "isNull": true } }), 12),
        (json!({ "dueOn": { "isNull": false } }), 24),
        (json!({ "dueOn": { "gte": "2026-03-01", "lt": "2026-03-10" } }), 24),
        (json!({ "dueOn": { "lt": "2026-03-01" } }), 0),
        (json!({ "text": "item 7." }), 3),
        (json!({ "text": "100%" }), 0),
        (json!({ "assignee": { "nobody": true } }), 36),
        (json!({ "assignee": { "me": true } }), 0),
        (json!({ "priority": { "eq": "URGENT" } }), 0),
    ] {
        let (rows, page) = whole(&queue, 100, filter.clone()).await;
        assert_eq!(rows.len(), expected, "{filter}");
        counts_are_the_list(&rows, &page);
    }

    // What is assigned to oneself, in one client and over all.
    let second = office.client(ada, firms[2]);
    let mine = open(&second, json!({ "assignee": outside(bob.account), "title": "Mine" })).await;
    let (rows, page) = whole(&queue, 100, json!({ "assignee": { "me": true } })).await;
    assert_eq!((rows.len(), &rows[0]["id"]), (1, &json!(mine)));
    counts_are_the_list(&rows, &page);
    let (rows, page) = whole(&office.client(bob, firms[2]), 2, json!({})).await;
    assert_eq!(rows.len(), 4, "in a client only that client's");
    counts_are_the_list(&rows, &page);

    // Only to be read from afar: to act, one takes a client's token.
    let reply = queue.send(CREATE, json!({ "input": { "kind": "TASK", "title": "Here?" } })).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.text);

    // A grant that ends takes its client out of the queue at the next request.
    let (account, tenant) = (bob.account, firms[0]);
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         UPDATE identity.access_grant SET ended_at = now() WHERE tenant_id = '{tenant}' AND account_id = '{account}'"
    ));
    let (rows, page) = whole(&queue, 100, json!({})).await;
    assert_eq!(rows.len(), 34);
    assert!(rows.iter().all(|row| row["clientName"] != "Firm 0"));
    counts_are_the_list(&rows, &page);
    // The same on the day after its last one, in the client's time zone.
    let tenant = firms[1];
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         UPDATE identity.access_grant SET valid_from = current_date - 30, valid_until = current_date - 2
          WHERE tenant_id = '{tenant}' AND account_id = '{account}'"
    ));
    assert_eq!(whole(&queue, 100, json!({})).await.0.len(), 31);
    // And where a role denies what another one gives.
    let tenant = firms[2];
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
         SELECT tenant_id, gen_random_uuid(), account_id, role_id, 'deny', valid_from FROM identity.access_grant
          WHERE tenant_id = '{tenant}' AND account_id = '{account}'"
    ));
    assert_eq!(whole(&queue, 100, json!({})).await.0.len(), 27);
}

#[tokio::test]
async fn work_and_figures_are_two_portfolios() {
    let office = Office::open();
    let (ada, bob) = (office.person("Ada"), office.person("Bob"));
    employ(&office, bob);
    let (works, counts) = (office.firm("Works", ada), office.firm("Counts", ada));
    office.grant(works, bob, &[Can::WorkItemRead]);
    office.grant(counts, bob, &[Can::FiguresRead]);
    for firm in [works, counts] {
        open(&office.client(ada, firm), json!({})).await;
    }
    let bob = everywhere(&office, bob);
    let (rows, _) = whole(&bob, 10, json!({})).await;
    assert_eq!(rows.iter().map(|row| &row["clientName"]).collect::<Vec<_>>(), ["Works"]);
    let clients = bob.ask("{ clients { nodes { name } } }", json!({})).await;
    assert_eq!(clients["clients"]["nodes"], json!([{ "name": "Counts" }]));
    // Neither opens the other's door.
    let both = bob.send("{ workItems { nodes { id } } clients { nodes { name } } }", json!({})).await;
    assert_eq!(both.code(), "BAD_USER_INPUT", "{}", both.text);
    // What belongs to one client stays in it.
    let inside = bob.send("{ workItems { nodes { timeLine { actorName } } } }", json!({})).await;
    assert_eq!(inside.code(), "FORBIDDEN", "{}", inside.text);
    // Without the provider's right to a portfolio there is none.
    let reply = everywhere(&office, ada).send("{ workItems { nodes { id } } }", json!({})).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
}

#[tokio::test]
async fn a_work_item_goes_its_way_and_no_other() {
    let office = Office::open();
    let ada = office.person("Ada");
    let firm = office.firm("Firm", ada);
    let client = office.client(ada, firm);
    let id = open(&client, json!({ "title": "Reconcile the bank", "dueOn": "2026-03-31", "priority": "HIGH" })).await;
    let refused = |payload: &Value| payload["userErrors"][0]["message"].as_str().unwrap_or_default().to_owned();

    let again = act(&client, "Reopen", json!({ "id": id })).await;
    assert_eq!(refused(&again), "A work item that is open cannot be opened again.");
    let waits = act(&client, "Wait", json!({ "id": id, "waitingFor": "The statement of March" })).await;
    assert_eq!(
        (&waits["workItem"]["state"], &waits["workItem"]["waitingFor"]),
        (&json!("WAITING"), &json!("The statement of March"))
    );
    let goes = act(&client, "Start", json!({ "id": id })).await;
    assert_eq!((&goes["workItem"]["state"], &goes["workItem"]["waitingFor"]), (&json!("IN_PROGRESS"), &Value::Null));
    assert_eq!(
        refused(&act(&client, "Start", json!({ "id": id })).await),
        "A work item that is in progress cannot be started."
    );
    let stale = act(&client, "Complete", json!({ "id": id, "expectedVersion": 1 })).await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT");
    let done = act(&client, "Complete", json!({ "id": id, "expectedVersion": 3 })).await;
    assert!(done["workItem"]["closedAt"].is_string() && done["workItem"]["actions"] == json!(["REOPEN"]), "{done}");
    for action in ["Start", "Wait", "Complete", "Cancel"] {
        let payload = act(&client, action, json!({ "id": id })).await;
        assert_eq!(payload["userErrors"][0]["code"], "STATE", "{action}");
    }
    let changed = client.refused(UPDATE, json!({ "input": { "id": id, "title": "New" } })).await;
    assert_eq!(changed[0]["message"], "This work item is done; open it again first.");
    act(&client, "Reopen", json!({ "id": id })).await;
    client.ask(UPDATE, json!({ "input": { "id": id, "dueOn": null, "title": "Reconcile both banks" } })).await;

    let line = client
        .ask(
            "query($id: ID!) { workItem(id: $id) { dueOn timeLine { actorName stateBefore state fields } } }",
            json!({ "id": id }),
        )
        .await;
    let steps: Vec<Value> = line["workItem"]["timeLine"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|step| json!([step["state"], step["fields"]]))
        .collect();
    assert_eq!(
        steps,
        [
            json!(["OPEN", []]),
            json!(["WAITING", ["state", "waitingFor"]]),
            json!(["IN_PROGRESS", ["state", "waitingFor"]]),
            json!(["DONE", ["state"]]),
            json!(["OPEN", ["state"]]),
            json!(["OPEN", ["dueOn", "title"]]),
        ]
    );
    assert!(line["workItem"]["timeLine"].as_array().unwrap().iter().all(|step| step["actorName"] == "Ada"));

    // Two people complete at once: one has done it.
    let bob = office.person("Bob");
    office.grant(firm, bob, Can::ALL);
    let other = office.client(bob, firm);
    for _ in 0..5 {
        let id = open(&client, json!({})).await;
        let (one, two) =
            tokio::join!(act(&client, "Complete", json!({ "id": id })), act(&other, "Complete", json!({ "id": id })));
        let done = [&one, &two].iter().filter(|payload| payload["workItem"]["state"] == "DONE").count();
        assert_eq!(done, 1, "{one} {two}");
        let late = if one["workItem"].is_null() { &one } else { &two };
        assert_eq!(refused(late), "A work item that is done cannot be completed.");
    }
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn many_items_are_assigned_all_or_none() {
    let office = Office::open();
    let (ada, bob, eve) = (office.person("Ada"), office.person("Bob"), office.person("Eve"));
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ada));
    office.grant(firm, bob, &[Can::WorkItemRead]);
    let client = office.client(ada, firm);
    let mut items = Vec::new();
    for number in 0..5 {
        items.push(open(&client, json!({ "title": format!("Item {number}") })).await);
    }
    let foreign = open(&office.client(ada, other), json!({})).await;
    act(&client, "Cancel", json!({ "id": items[4] })).await;
    let backwards: Vec<&String> = items[..4].iter().rev().collect();

    let mixed = json!({ "items": [items[0], foreign, items[4], items[0], items[1]], "assignee": outside(bob.account) });
    let reasons = client.refused(ASSIGN_ALL, json!({ "input": mixed })).await;
    let told: Vec<Value> =
        reasons.as_array().unwrap().iter().map(|reason| json!([reason["code"], reason["field"]])).collect();
    assert_eq!(
        told,
        [
            json!(["NOT_FOUND", ["input", "items", "1"]]),
            json!(["STATE", ["input", "items", "2"]]),
            json!(["DUPLICATE", ["input", "items", "3"]]),
        ]
    );
    let (rows, _) = whole(&client, 10, json!({ "assignee": { "nobody": true } })).await;
    assert_eq!(rows.len(), 4, "nothing was assigned");

    let done =
        client.ask(ASSIGN_ALL, json!({ "input": { "items": backwards, "assignee": outside(bob.account) } })).await;
    let nodes = done["workItemsAssign"]["workItems"].as_array().unwrap();
    assert_eq!(nodes.iter().map(|node| node["id"].as_str().unwrap()).collect::<Vec<_>>(), backwards);
    assert!(nodes.iter().all(|node| node["assignee"]["name"] == "Bob" && node["version"] == 2));

    // Nobody is given work that he would never see.
    for person in [eve.account, Uuid::now_v7()] {
        let reasons = client.refused(ASSIGN, json!({ "input": { "id": items[0], "assignee": outside(person) } })).await;
        assert_eq!((&reasons[0]["code"], &reasons[0]["field"]), (&json!("NOT_FOUND"), &json!(["input", "assignee"])));
    }
    let nothing = client.refused(ASSIGN_ALL, json!({ "input": { "items": [items[0]] } })).await;
    assert_eq!(nothing[0]["code"], "REQUIRED");
    let many: Vec<&String> = vec![&items[0]; 101];
    let too_many = client.refused(ASSIGN_ALL, json!({ "input": { "items": many, "assignee": null } })).await;
    assert_eq!(too_many[0]["field"], json!(["input", "items"]));
    // Bob sees them, and may not hand them on.
    let reply = office.client(bob, firm).send(ASSIGN, json!({ "input": { "id": items[0], "assignee": null } })).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
}

#[tokio::test]
async fn the_clients_own_people_see_what_is_shown_to_them() {
    let office = Office::open();
    let (ada, paula) = (office.person("Ada"), office.person("Paula"));
    let firm = office.firm("Firm", ada);
    let client = office.client(ada, firm);
    office.grant(firm, paula, &[Can::ClientRequestRead, Can::EventRead]);
    let portal = office.client(paula, firm);
    let inner = open(&client, json!({ "title": "Check what they sent", "visibleToClient": false })).await;
    let asked =
        open(&client, json!({ "kind": "CLIENT_REQUEST", "title": "Send the receipts", "dueOn": "2026-03-31" })).await;
    let shown = open(&client, json!({ "title": "Annual accounts", "visibleToClient": true })).await;
    let list =
        "query($closed: Boolean) { clientRequests(closed: $closed) { nodes { id title state dueOn } totalCount } }";

    let seen = portal.ask(list, json!({})).await;
    assert_eq!(seen["clientRequests"]["totalCount"], 2);
    assert_eq!(
        seen["clientRequests"]["nodes"],
        json!([{ "id": asked.replace("wi_", "crq_"), "title": "Send the receipts", "state": "OPEN", "dueOn": "2026-03-31" },
               { "id": shown.replace("wi_", "crq_"), "title": "Annual accounts", "state": "OPEN", "dueOn": null }])
    );
    // Work itself is another matter, whichever way one asks.
    for (query, id) in [
        ("query($id: ID!) { workItem(id: $id) { id } }", &asked),
        ("query($id: ID!) { node(id: $id) { id } }", &asked),
        ("query($id: ID!) { workItems(filter: { record: $id }) { nodes { id } } }", &asked),
        ("query($id: ID!) { workItemCounts(filter: { record: $id }) { total } }", &asked),
    ] {
        let reply = portal.send(query, json!({ "id": id })).await;
        assert_eq!(reply.code(), "FORBIDDEN", "{query}: {}", reply.text);
    }
    let one = "query($id: ID!) { node(id: $id) { id } clientRequest(id: $id) { title } }";
    let found = portal.ask(one, json!({ "id": asked.replace("wi_", "crq_") })).await;
    assert_eq!(found["clientRequest"]["title"], "Send the receipts");
    // What is not shown looks like what never existed.
    for id in [inner.replace("wi_", "crq_"), format!("crq_{}", Uuid::now_v7().simple())] {
        assert_eq!(portal.ask(one, json!({ "id": id })).await, json!({ "node": null, "clientRequest": null }));
    }
    // They are told of what they see, and of nothing else.
    let events = portal.ask("{ events { nodes { kind nodeId } } }", json!({})).await;
    let told: Vec<&Value> =
        events["events"]["nodes"].as_array().unwrap().iter().map(|event| &event["nodeId"]).collect();
    assert_eq!(told, [&json!(asked.replace("wi_", "crq_")), &json!(shown.replace("wi_", "crq_"))]);

    // They can be given what they see.
    client.ask(ASSIGN, json!({ "input": { "id": asked, "assignee": outside(paula.account) } })).await;
    let reasons = client.refused(ASSIGN, json!({ "input": { "id": inner, "assignee": outside(paula.account) } })).await;
    assert_eq!(reasons[0]["code"], "INVALID");
    let both = json!({ "items": [shown, inner], "assignee": outside(paula.account) });
    let reasons = client.refused(ASSIGN_ALL, json!({ "input": both })).await;
    assert_eq!(reasons[0]["field"], json!(["input", "items", "1"]));

    act(&client, "Complete", json!({ "id": asked })).await;
    client.ask(UPDATE, json!({ "input": { "id": shown, "visibleToClient": false } })).await;
    assert_eq!(portal.ask(list, json!({})).await["clientRequests"]["totalCount"], 0);
    let closed = portal.ask(list, json!({ "closed": true })).await;
    assert_eq!(closed["clientRequests"]["nodes"][0]["state"], "DONE");
    assert_eq!(closed["clientRequests"]["totalCount"], 1);
}

#[tokio::test]
async fn a_team_has_what_its_members_may_see() {
    let app = App::start();
    let books = app.with_books().await;
    let (administrator, client) = (&books.administrator, &books.accountant);
    let make = "mutation($name: String!) { teamCreate(input: { name: $name }) { teamRoster { team { id } } userErrors { code } } }";
    let made = administrator.ask(make, json!({ "name": "Payroll" })).await;
    let team = made["teamCreate"]["teamRoster"]["team"]["id"].as_str().unwrap().to_owned();
    assert_eq!(administrator.refused(make, json!({ "name": "Payroll" })).await[0]["code"], "DUPLICATE");
    let item = open(client, json!({})).await;
    let give = json!({ "input": { "id": item, "team": team } });
    // Nobody is in it yet.
    assert_eq!(client.refused(ASSIGN, give.clone()).await[0]["field"], json!(["input", "team"]));

    let join = "mutation($input: TeamMemberAddInput!) { teamMemberAdd(input: $input) { teamRoster { members { name from until } } userErrors { code field } } }";
    let leave = "mutation($input: TeamMemberEndInput!) { teamMemberEnd(input: $input) { teamRoster { members { until } } userErrors { code } } }";
    let konrad = &books.accountant_id;
    let today = chrono::Utc::now().date_naive();
    let day = |days: i64| (today + chrono::TimeDelta::days(days)).to_string();
    let member = |from: i64, until: Option<i64>| json!({ "input": { "team": team, "user": konrad, "from": day(from), "until": until.map(day) } });
    let joined = administrator.ask(join, member(-30, Some(-20))).await;
    assert_eq!(joined["teamMemberAdd"]["teamRoster"]["members"][0]["name"], "Konrad Konto");
    assert_eq!(client.refused(ASSIGN, give.clone()).await[0]["code"], "NOT_FOUND", "he was in it, and is not any more");
    assert_eq!(administrator.refused(join, member(-25, None)).await[0]["code"], "DUPLICATE");
    assert_eq!(administrator.refused(join, member(-5, Some(-5))).await[0]["field"], json!(["input", "until"]));
    // Half-open: on the day on which one time ends another begins.
    administrator.ask(join, member(-20, None)).await;
    let given = client.ask(ASSIGN, give.clone()).await;
    assert_eq!(given["workItemAssign"]["workItem"]["team"]["name"], "Payroll");
    let rows = whole(client, 10, json!({ "team": { "eq": team } })).await.0;
    assert_eq!(rows.len(), 1);
    let here = client.ask("{ workTeams { id name } }", json!({})).await;
    assert_eq!(id_of(&here["workTeams"], "name", "Payroll"), team);

    administrator.ask(leave, json!({ "input": { "team": team, "user": konrad, "until": day(-1) } })).await;
    assert_eq!(client.ask("{ workTeams { id } }", json!({})).await["workTeams"], json!([]));
    assert_eq!(client.refused(ASSIGN, give).await[0]["code"], "NOT_FOUND");
    let gone = json!({ "input": { "team": team, "user": konrad, "until": day(-1) } });
    assert_eq!(administrator.refused(leave, gone).await[0]["code"], "NOT_FOUND");
    let rosters = administrator.ask("{ teams { team { name } members { name from until } } }", json!({})).await;
    assert_eq!(rosters["teams"][0]["members"].as_array().unwrap().len(), 2);
    // A client's token does nothing with teams.
    let reply = client.send(make, json!({ "name": "Mine" })).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.text);
}

#[tokio::test]
async fn hostile_input_changes_nothing() {
    let office = Office::open();
    let ada = office.person("Ada");
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ada));
    let (client, elsewhere) = (office.client(ada, firm), office.client(ada, other));
    let customer = "mutation { customerCreate(input: { number: \"1\", name: \"C\", country: \"DE\" }) { customer { id } userErrors { code } } }";
    let own = client.ask(customer, json!({})).await["customerCreate"]["customer"]["id"].clone();
    let foreign = elsewhere.ask(customer, json!({})).await["customerCreate"]["customer"]["id"].clone();
    let base = office.count("SELECT count(*) FROM practice.work_item");
    for (input, code, field) in [
        (json!({ "kind": "TASK", "title": "x".repeat(10_000) }), "INVALID", "title"),
        (json!({ "kind": "TASK", "title": "" }), "INVALID", "title"),
        (json!({ "kind": "TASK", "title": " \t\n" }), "INVALID", "title"),
        (json!({ "kind": "TASK", "title": "x", "description": "x".repeat(20_001) }), "INVALID", "description"),
        (json!({ "kind": "TASK", "title": "x", "record": foreign }), "NOT_FOUND", "record"),
        (
            json!({ "kind": "TASK", "title": "x", "record": format!("inv_{}", Uuid::now_v7().simple()) }),
            "NOT_FOUND",
            "record",
        ),
        (json!({ "kind": "TASK", "title": "x", "record": "DROP TABLE" }), "NOT_FOUND", "record"),
        (
            json!({ "kind": "TASK", "title": "x", "team": format!("team_{}", Uuid::now_v7().simple()) }),
            "NOT_FOUND",
            "team",
        ),
        (json!({ "kind": "TASK", "title": "x", "assignee": outside(Uuid::now_v7()) }), "NOT_FOUND", "assignee"),
    ] {
        let reasons = client.refused(CREATE, json!({ "input": input })).await;
        assert_eq!((&reasons[0]["code"], &reasons[0]["field"]), (&json!(code), &json!(["input", field])), "{input}");
    }
    assert_eq!(office.count("SELECT count(*) FROM practice.work_item"), base);
    let item = open(&client, json!({ "record": own })).await;
    let about = client.ask(QUEUE, json!({ "filter": { "record": own } })).await;
    assert_eq!(about["workItems"]["nodes"][0]["id"], json!(item));
    let shown = client
        .ask(
            "query($id: ID!) { workItem(id: $id) { recordId record { id ... on Customer { name } } } }",
            json!({ "id": item }),
        )
        .await;
    assert_eq!(shown["workItem"], json!({ "recordId": own, "record": { "id": own, "name": "C" } }));
    // Another client's item is one that never existed.
    for id in [item, format!("wi_{}", Uuid::now_v7().simple())] {
        let payload = act(&elsewhere, "Complete", json!({ "id": id })).await;
        assert_eq!(payload["userErrors"][0]["message"], "There is no such work item.");
    }
    for (variables, code) in [
        (json!({ "after": "bm9uc2Vuc2U" }), "BAD_USER_INPUT"),
        (json!({ "first": 101 }), "BAD_USER_INPUT"),
        (json!({ "filter": { "text": "x" } }), "BAD_USER_INPUT"),
        (json!({ "filter": { "text": "x".repeat(101) } }), "BAD_USER_INPUT"),
        (json!({ "filter": { "assignee": { "me": true, "nobody": true } } }), "BAD_USER_INPUT"),
        (json!({ "filter": { "record": "nothing" } }), "OK"),
    ] {
        let reply = client.send(QUEUE, variables.clone()).await;
        assert_eq!(reply.code(), code, "{variables}: {}", reply.text);
    }
}
