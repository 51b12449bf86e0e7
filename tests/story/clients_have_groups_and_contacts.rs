//! Clients stand somewhere between prospect and end, in groups of the provider's, with people to speak to.

use backoffice::platform::can::Can;
use serde_json::{Value, json};

use crate::documents_are_kept::{act, make, refusal};
use crate::harness::{App, Client, Office, PASSWORD};

const CONTACT: &str = "clientContact { name function email phone language topics version }";

async fn moved(administrator: &Client, client: &str, from: &str, to: &str) -> Value {
    let input = json!({ "client": client, "from": from, "to": to, "reason": format!("Because it is {to} now") });
    act(administrator, "clientStatusMove", "ClientStatusMoveInput", input, "status").await
}

async fn names(administrator: &Client, group: Option<&str>) -> Vec<String> {
    let found = administrator
        .ask(
            "query($group: ID) { clients(group: $group) { nodes { name status } totalCount } }",
            json!({ "group": group }),
        )
        .await["clients"]
        .clone();
    let nodes = found["nodes"].as_array().unwrap();
    assert_eq!(found["totalCount"], nodes.len());
    nodes.iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_suspended_client_is_read_by_staff_and_entered_by_nobody_else() {
    let app = App::start();
    let books = app.with_books().await;
    let (administrator, client) = (&books.administrator, books.client.as_str());
    let inside = administrator.enter(client).await;
    let role = inside.role("Portal").await;
    let invite = json!({ "email": "rosa@alpha.example", "name": "Rosa", "role": role });
    let invited = act(&inside, "userInvite", "UserInviteInput", invite, "token").await;
    let accept = json!({ "token": invited["token"], "password": PASSWORD });
    act(&app.client(), "invitationAccept", "InvitationAcceptInput", accept, "accessToken").await;
    let rosa = app.sign_in("rosa@alpha.example").await.enter(client).await;
    let read = "{ client { name status } }";
    assert_eq!(rosa.ask(read, json!({})).await["client"]["status"], "ACTIVE");
    let until = (chrono::Utc::now() + chrono::TimeDelta::days(5)).to_rfc3339();
    let robot = json!({ "name": "Robot", "scopes": ["CLIENT_READ"], "expiresAt": until });
    let robot = act(&inside, "serviceAccountCreate", "ServiceAccountCreateInput", robot, "clientId clientSecret").await;
    let robot = |app: &App| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", robot["clientId"].as_str().unwrap()),
            ("client_secret", robot["clientSecret"].as_str().unwrap()),
        ];
        crate::harness::http().post(app.url("/oauth/token")).form(&form).send()
    };
    let token = robot(&app).await.unwrap().json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let robot_inside = app.client().with_token(token);
    assert_eq!(robot_inside.ask(read, json!({})).await["client"]["name"], "Alpha Trading");

    assert_eq!(refusal(&moved(administrator, client, "ACTIVE", "PROSPECT").await).0, "STATE");
    assert_eq!(refusal(&moved(administrator, client, "SUSPENDED", "ACTIVE").await).0, "CONFLICT");
    assert_eq!(moved(administrator, client, "ACTIVE", "SUSPENDED").await["status"], "SUSPENDED");
    // With the token that she has, and with none anew: she is out, from this moment on, and so is the program.
    assert_eq!(rosa.send(read, json!({})).await.code(), "FORBIDDEN");
    let again = app.sign_in("rosa@alpha.example").await;
    let enter = json!({ "client": client });
    let refused = act(&again, "clientTokenCreate", "ClientTokenCreateInput", enter, "accessToken").await;
    assert!(refused["accessToken"].is_null(), "{refused}");
    assert_ne!(robot_inside.send(read, json!({})).await.code(), "OK");
    assert!(!robot(&app).await.unwrap().status().is_success());
    // The staff reads, and changes nothing.
    assert_eq!(books.accountant.ask(read, json!({})).await["client"]["status"], "SUSPENDED");
    let create = "mutation { customerCreate(input: { number: \"1\", name: \"X\", country: \"DE\" }) { customer { id } userErrors { message } } }";
    assert_eq!(books.accountant.send(create, json!({})).await.code(), "FORBIDDEN");
    let stolen = "mutation { clientUpdate(input: { name: \"Y\" }) { client { name } userErrors { message } } }";
    assert_eq!(inside.send(stolen, json!({})).await.code(), "FORBIDDEN");

    assert_eq!(moved(administrator, client, "SUSPENDED", "ACTIVE").await["status"], "ACTIVE");
    assert_eq!(rosa.ask(read, json!({})).await["client"]["status"], "ACTIVE");
    books.accountant.ask(create, json!({})).await;
    assert!(robot(&app).await.unwrap().status().is_success());
    let moves = "{ clientStatusChanges { nodes { fromStatus toStatus reason movedByName } totalCount } }";
    let found = books.accountant.ask(moves, json!({})).await["clientStatusChanges"].clone();
    assert_eq!(found["totalCount"], 2);
    assert_eq!(
        found["nodes"][1],
        json!({ "fromStatus": "ACTIVE", "toStatus": "SUSPENDED", "reason": "Because it is SUSPENDED now", "movedByName": "Ada Admin" })
    );
    // From its end nothing leads back, and two who move it at once are not both right.
    let (one, two) = tokio::join!(
        moved(administrator, client, "ACTIVE", "ENDED"),
        moved(administrator, client, "ACTIVE", "SUSPENDED")
    );
    assert_ne!(one["status"].is_null(), two["status"].is_null(), "{one} {two}");
    if two["status"] == "SUSPENDED" {
        moved(administrator, client, "SUSPENDED", "ENDED").await;
    }
    assert_eq!(refusal(&moved(administrator, client, "ENDED", "ACTIVE").await).0, "STATE");
    assert_eq!(
        refusal(&moved(administrator, "cli_00000000000000000000000000000000", "ACTIVE", "ENDED").await).0,
        "NOT_FOUND"
    );
    let hidden = "mutation($id: ID!) { clientStatusMove(input: { client: $id, from: ENDED, to: ACTIVE, reason: \"x\" }) { status } }";
    assert_ne!(books.accountant.send(hidden, json!({ "id": client })).await.code(), "OK", "not within the client");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn the_portfolio_is_looked_at_by_groups() {
    let app = App::start();
    let administrator = app.administrator().await;
    let mut clients = Vec::new();
    for name in ["Alpha", "Beta", "Gamma"] {
        clients.push(administrator.onboard(name, "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await);
        let user = administrator.ask("{ viewer { id } }", json!({})).await["viewer"]["id"].as_str().unwrap().to_owned();
        administrator.enter(clients.last().unwrap()).await.grant(&user, "Accountant", "2026-01-01", None).await;
    }
    let group = |name: &str, clients: &[String]| json!({ "name": name, "clients": clients });
    let create =
        |input: Value| make(&administrator, "clientGroupCreate", "ClientGroupCreateInput", input, "clientGroup");
    let retail = create(group("Retail", &clients[..2])).await;
    let empty = create(group("Empty", &[])).await;
    assert_eq!(names(&administrator, Some(&retail)).await, ["Alpha", "Beta"]);
    assert_eq!(names(&administrator, Some(&empty)).await, Vec::<String>::new());
    assert_eq!(names(&administrator, None).await, ["Alpha", "Beta", "Gamma"]);
    let unknown = "cgrp_00000000000000000000000000000000";
    assert_eq!(names(&administrator, Some(unknown)).await, Vec::<String>::new());

    let update = |input: Value| async {
        act(&administrator, "clientGroupUpdate", "ClientGroupUpdateInput", input, "clientGroup { name }").await
    };
    let input =
        json!({ "id": retail, "name": "Trade", "addClients": [clients[2], clients[1]], "removeClients": [clients[0]] });
    assert_eq!(update(input).await["clientGroup"]["name"], "Trade");
    assert_eq!(names(&administrator, Some(&retail)).await, ["Beta", "Gamma"]);
    let nobody = json!({ "id": retail, "addClients": ["cli_00000000000000000000000000000000"] });
    assert_eq!(refusal(&update(nobody).await).1, "input.addClients.0");
    assert_eq!(refusal(&update(json!({ "id": empty, "name": "Trade" })).await).0, "DUPLICATE");
    assert_eq!(refusal(&update(json!({ "id": empty, "name": " " })).await).0, "INVALID");
    assert_eq!(refusal(&update(json!({ "id": unknown })).await).0, "NOT_FOUND");
    // Whoever sees fewer clients sees fewer of a group.
    let konrad = administrator.staff("konrad@firm.example", "Konrad").await;
    administrator.enter(&clients[1]).await.grant(&konrad, "Accountant", "2026-01-01", None).await;
    let konrad = app.sign_in("konrad@firm.example").await;
    assert_eq!(names(&konrad, Some(&retail)).await, ["Beta"]);
    let listed = konrad.ask("{ clientGroups { nodes { name } totalCount } }", json!({})).await["clientGroups"].clone();
    assert_eq!(listed, json!({ "nodes": [{ "name": "Empty" }, { "name": "Trade" }], "totalCount": 2 }));
    let making =
        "mutation { clientGroupCreate(input: { name: \"Mine\" }) { clientGroup { id } userErrors { message } } }";
    assert_eq!(konrad.send(making, json!({})).await.code(), "FORBIDDEN");
    act(&administrator, "clientGroupDelete", "ClientGroupDeleteInput", json!({ "id": retail }), "clientGroup { name }")
        .await;
    assert_eq!(names(&administrator, Some(&retail)).await, Vec::<String>::new());
    assert_eq!(names(&administrator, None).await, ["Alpha", "Beta", "Gamma"]);
}

/// The titles and the count of the work that is seen of a group; the two say the same.
async fn work_of(client: &Client, filter: Value) -> Vec<String> {
    let ask = "query($filter: WorkItemFilter) { workItems(filter: $filter, first: 100) { nodes { title } totalCount } workItemCounts(filter: $filter) { total byClient { count } } }";
    let found = client.ask(ask, json!({ "filter": filter })).await;
    let mut titles: Vec<String> = found["workItems"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        (&found["workItems"]["totalCount"], &found["workItemCounts"]["total"]),
        (&json!(titles.len()), &json!(titles.len()))
    );
    let by_client: i64 =
        found["workItemCounts"]["byClient"].as_array().unwrap().iter().map(|one| one["count"].as_i64().unwrap()).sum();
    assert_eq!(by_client, i64::try_from(titles.len()).unwrap());
    titles.sort();
    titles
}

#[tokio::test]
async fn the_queue_is_looked_at_by_groups() {
    let app = App::start();
    let administrator = app.administrator().await;
    let konrad = administrator.staff("konrad@firm.example", "Konrad").await;
    let boss = administrator.staff("boss@firm.example", "Boss").await;
    let mut clients = Vec::new();
    for name in ["Alpha", "Beta", "Gamma"] {
        let client = administrator.onboard(name, "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
        let door = administrator.enter(&client).await;
        door.grant(&boss, "Accountant", "2026-01-01", None).await;
        if name != "Alpha" {
            door.grant(&konrad, "Accountant", "2026-01-01", None).await;
        }
        let inside = app.sign_in("boss@firm.example").await.enter(&client).await;
        for number in 1..=2 {
            let input = json!({ "kind": "TASK", "title": format!("{name} {number}") });
            make(&inside, "workItemCreate", "WorkItemCreateInput", input, "workItem").await;
        }
        clients.push(client);
    }
    let group = |name: &str, clients: &[String]| {
        let (administrator, input) = (administrator.clone(), json!({ "name": name, "clients": clients }));
        async move { make(&administrator, "clientGroupCreate", "ClientGroupCreateInput", input, "clientGroup").await }
    };
    let (retail, trade, empty) =
        (group("Retail", &clients[..2]).await, group("Trade", &clients[1..]).await, group("Empty", &[]).await);
    let (boss, konrad) = (app.sign_in("boss@firm.example").await, app.sign_in("konrad@firm.example").await);
    assert_eq!(
        work_of(&boss, json!({ "clientGroup": { "eq": retail } })).await,
        ["Alpha 1", "Alpha 2", "Beta 1", "Beta 2"]
    );
    assert_eq!(work_of(&boss, json!({ "clientGroup": { "in": [retail, trade] } })).await.len(), 6, "each once");
    assert_eq!(
        work_of(&boss, json!({ "clientGroup": { "eq": retail }, "client": { "in": [clients[1], clients[2]] } })).await,
        ["Beta 1", "Beta 2"]
    );
    assert_eq!(
        work_of(&boss, json!({ "clientGroup": { "eq": retail }, "text": "alpha" })).await,
        ["Alpha 1", "Alpha 2"]
    );
    for nothing in [&empty, "cgrp_00000000000000000000000000000000"] {
        assert_eq!(work_of(&boss, json!({ "clientGroup": { "eq": nothing } })).await, Vec::<String>::new());
    }
    // Of a group one sees the work that one sees anyway.
    assert_eq!(work_of(&konrad, json!({ "clientGroup": { "eq": retail } })).await, ["Beta 1", "Beta 2"]);
    assert_eq!(
        work_of(&konrad, json!({ "clientGroup": { "eq": retail }, "client": { "eq": clients[0] } })).await,
        Vec::<String>::new()
    );
    // Within a client nobody learns which groups there are, and who is in them: neither by a filter nor by a view.
    let view = json!({ "name": "Retail", "filter": { "clientGroup": { "eq": retail } }, "shared": true });
    let view = make(&konrad, "workViewCreate", "WorkViewCreateInput", view, "workView").await;
    let seen = konrad.ask("query($view: ID!) { workItems(view: $view) { totalCount } }", json!({ "view": view })).await;
    assert_eq!(seen["workItems"]["totalCount"], 2);
    let inside = konrad.enter(&clients[1]).await;
    for asked in [&retail, &trade, &empty, &"cgrp_00000000000000000000000000000000".to_owned()] {
        let ask = "query($filter: WorkItemFilter) { workItems(filter: $filter) { totalCount } }";
        let reply = inside.send(ask, json!({ "filter": { "clientGroup": { "eq": asked } } })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.text);
    }
}

#[tokio::test]
async fn a_client_has_people_to_speak_to() {
    let office = Office::open();
    let ada = office.person("Ada");
    let firm = office.firm("Firm", ada);
    let client = office.client(ada, firm);
    let create = |input: Value| async {
        act(
            &client,
            "clientContactCreate",
            "ClientContactCreateInput",
            input,
            &format!("{CONTACT} clientContact {{ id }}"),
        )
        .await
    };
    let rosa = json!({ "name": "Rosa Riva", "function": "Head of finance", "email": "Rosa@Firm.example", "phone": "+49 30 1234-5",
                       "language": "de-AT", "topics": ["TAXES", "ACCOUNTING", "TAXES"] });
    let made = create(rosa.clone()).await["clientContact"].clone();
    assert_eq!((&made["email"], &made["topics"]), (&json!("rosa@firm.example"), &json!(["ACCOUNTING", "TAXES"])));
    create(json!({ "name": "Bob Builder", "phone": "110" })).await;
    for (wrong, code, field) in [
        (json!({ "name": " ", "phone": "110" }), "INVALID", "input.name"),
        (json!({ "name": "Nobody" }), "REQUIRED", "input.email"),
        (json!({ "name": "X", "email": "nowhere" }), "INVALID", "input.email"),
        (json!({ "name": "X", "phone": "call me" }), "INVALID", "input.phone"),
        (json!({ "name": "X", "phone": "110", "language": "German" }), "INVALID", "input.language"),
        (json!({ "name": "Another Rosa", "email": "ROSA@firm.example" }), "DUPLICATE", "input"),
    ] {
        let refused = create(wrong).await;
        assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), (code, field), "{refused}");
    }
    let list = |topic: Option<&str>| {
        let (client, topic) = (client.clone(), json!({ "topic": topic }));
        async move {
            client
                .ask(
                    "query($topic: ContactTopic) { clientContacts(topic: $topic) { nodes { name } totalCount } }",
                    topic,
                )
                .await["clientContacts"]["nodes"]
                .clone()
        }
    };
    assert_eq!(list(None).await, json!([{ "name": "Bob Builder" }, { "name": "Rosa Riva" }]));
    assert_eq!(list(Some("TAXES")).await, json!([{ "name": "Rosa Riva" }]));
    let update =
        |input: Value| async { act(&client, "clientContactUpdate", "ClientContactUpdateInput", input, CONTACT).await };
    let stale = json!({ "id": made["id"], "expectedVersion": 7, "name": "Rosa" });
    assert_eq!(refusal(&update(stale).await).0, "CONFLICT");
    let now =
        update(json!({ "id": made["id"], "expectedVersion": 1, "email": null, "topics": [] })).await["clientContact"]
            .clone();
    assert_eq!((&now["email"], &now["phone"], &now["topics"]), (&Value::Null, &json!("+49 30 1234-5"), &json!([])));
    assert_eq!(refusal(&update(json!({ "id": made["id"], "phone": null })).await).0, "REQUIRED");
    // Another client's people have nothing to do with it.
    let other = office.firm("Other", ada);
    let there = office.client(ada, other);
    let gone = act(
        &there,
        "clientContactDelete",
        "ClientContactDeleteInput",
        json!({ "id": made["id"] }),
        "clientContact { id }",
    )
    .await;
    assert_eq!(refusal(&gone).0, "NOT_FOUND");
    act(
        &client,
        "clientContactDelete",
        "ClientContactDeleteInput",
        json!({ "id": made["id"] }),
        "clientContact { id }",
    )
    .await;
    assert_eq!(list(None).await, json!([{ "name": "Bob Builder" }]));
    let reader = office.person("Reader");
    office.grant(firm, reader, &[Can::ClientRead]);
    let reply = office.client(reader, firm).send("{ clientContacts { nodes { name } } }", json!({})).await;
    assert_eq!(reply.code(), "FORBIDDEN");
    assert_eq!(office.findings(), Vec::<String>::new());
}
