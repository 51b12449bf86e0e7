//! A client leaves: its end is announced, put off, taken back, and announced again; and when its last day is over in its own
//! zone, it is as if there had never been such a client.

use chrono::{Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::harness::{App, Books, Client, id_of};

const SHOWN: &str =
    "clientOffboarding { client clientName timeZone lastDay closesAt reason announcedBy state archivedAt
    openWork { kind count explanation } steps { step done missing } } userErrors { code field message }";
const LIST: &str = "{ clientOffboardings { totalCount nodes { clientName lastDay reason state openWork { kind count } steps { step done } } } }";
const GRANT: &str = "mutation($input: GrantCreateInput!) { grantCreate(input: $input) { grant { id until: validUntil } userErrors { code field message } } }";
const ENTER: &str = "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { code field } } }";

async fn act(client: &Client, action: &str, input: Value) -> Value {
    let kind = if action == "Withdraw" { "ClientOffboardingWithdrawInput" } else { "ClientOffboardingInput" };
    let query = format!("mutation($input: {kind}!) {{ clientOffboarding{action}(input: $input) {{ {SHOWN} }} }}");
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][format!("clientOffboarding{action}")].clone()
}

/// The code and the field of the first refusal.
fn refusal(payload: &Value) -> (String, String) {
    let error = &payload["userErrors"][0];
    let field =
        error["field"].as_array().map(|path| path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("."));
    (error["code"].as_str().unwrap_or_default().to_owned(), field.unwrap_or_default())
}

fn is(code: &str, field: &str) -> (String, String) {
    (code.to_owned(), field.to_owned())
}

/// The end of a day, in UTC as answers show it.
fn midnight(day: NaiveDate, zone: Tz) -> chrono::DateTime<Utc> {
    (day + Days::new(1)).and_time(NaiveTime::MIN).and_local_timezone(zone).unwrap().with_timezone(&Utc)
}

async fn work(client: &Client, title: &str) {
    let open = "mutation($input: WorkItemCreateInput!) { workItemCreate(input: $input) { workItem { id } userErrors { message } } }";
    let made = client.ask(open, json!({ "input": { "kind": "TASK", "title": title } })).await;
    assert!(made["workItemCreate"]["workItem"]["id"].is_string(), "{made}");
}

async fn grant(client: &Client, user: &str, role: &str, until: Option<String>) -> Value {
    let input = json!({ "user": user, "role": role, "effect": "ALLOW", "until": until });
    let reply = client.send(GRANT, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"]["grantCreate"].clone()
}

/// As if the last day were over: only the clock is put forward, by what the story lays past the server.
fn is_over(app: &App, client: &str) {
    let client = uuid::Uuid::try_parse(client.split_once('_').unwrap().1).unwrap();
    app.database.lay(&format!(
        "SET LOCAL session_replication_role = replica;
         UPDATE practice.client SET closes_at = now() WHERE id = '{client}';
         UPDATE practice.client_offboarding SET closes_at = now() WHERE client_id = '{client}' AND withdrawn_at IS NULL"
    ));
}

async fn leaves(zone: &str, in_days: u64, items: i64) {
    let app = App::start();
    let Books { administrator, client: beta, .. } = app.with_books().await;
    let client = administrator.onboard("Leaving Ltd", "DE", "EUR", zone, "IFRS_SMALL").await;
    let inside = administrator.enter(&client).await;
    let user = administrator.staff("lea@firm.example", "Lea Leitner").await;
    inside.grant(&user, "Accountant", "2026-01-01", None).await;
    let lea = app.sign_in("lea@firm.example").await;
    let accountant = lea.enter(&client).await;
    for number in 0..items {
        work(&accountant, &format!("Item {number}")).await;
    }
    let zone: Tz = zone.parse().unwrap();
    let today = Utc::now().with_timezone(&zone).date_naive();
    let last = today + Days::new(in_days);
    let asked =
        |day: NaiveDate, reason: &str| json!({ "client": client, "lastDay": day.to_string(), "reason": reason });

    // Who may not, and what cannot be.
    let query = format!(
        "mutation($input: ClientOffboardingInput!) {{ clientOffboardingAnnounce(input: $input) {{ {SHOWN} }} }}"
    );
    assert_eq!(lea.send(&query, json!({ "input": asked(last, "x") })).await.code(), "FORBIDDEN");
    let yesterday = today - Days::new(1);
    let refused = act(&administrator, "Announce", asked(yesterday, "Gone already")).await;
    assert_eq!(refusal(&refused), is("INVALID", "input.lastDay"));
    assert_eq!(refusal(&act(&administrator, "Announce", asked(last, " ")).await), is("INVALID", "input.reason"));
    assert_eq!(refusal(&act(&administrator, "Update", asked(last, "x")).await), is("STATE", "input.client"));
    assert_eq!(
        refusal(&act(&administrator, "Withdraw", json!({ "client": client })).await),
        is("STATE", "input.client")
    );
    let unknown =
        json!({ "client": "cli_0123456789abcdef0123456789abcdef", "lastDay": last.to_string(), "reason": "x" });
    assert_eq!(refusal(&act(&administrator, "Announce", unknown).await), is("NOT_FOUND", "input.client"));

    // Announced, with what is open, and what is still to be done.
    let made = act(&administrator, "Announce", asked(last, "Sold to a group with its own office")).await;
    let shown = &made["clientOffboarding"];
    assert_eq!((&shown["client"], &shown["clientName"]), (&json!(client), &json!("Leaving Ltd")));
    assert_eq!((&shown["state"], &shown["lastDay"]), (&json!("ANNOUNCED"), &json!(last.to_string())));
    let closes: chrono::DateTime<Utc> = shown["closesAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(closes, midnight(last, zone));
    let open = shown["openWork"].as_array().unwrap();
    assert_eq!(open.len(), 7);
    assert_eq!((&open[0]["kind"], &open[0]["count"]), (&json!("WORK_ITEM"), &json!(items)));
    assert_eq!(open[0]["explanation"], format!("{items} work items are neither done nor cancelled."));
    assert!(open[1..].iter().all(|kind| kind["count"] == 0));
    let steps: Vec<(&str, bool)> = shown["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["step"].as_str().unwrap(), step["done"] == true))
        .collect();
    assert_eq!(
        steps,
        [("ANNOUNCE", true), ("FINISH_WORK", items == 0), ("TAKE_ARCHIVE", false), ("CLOSE", false), ("PURGE", false)]
    );
    assert_eq!(refusal(&act(&administrator, "Announce", asked(last, "x")).await), is("STATE", "input.client"));

    // Nobody is granted anything beyond the day.
    let role = inside.role("Bookkeeper").await;
    let late = grant(&inside, &user, &role, Some((last + Days::new(1)).to_string())).await;
    assert_eq!(refusal(&late), is("INVALID", "input.until"));
    assert_eq!(grant(&inside, &user, &role, Some(last.to_string())).await["grant"]["until"], last.to_string());
    assert_eq!(grant(&inside, &user, &role, None).await["grant"]["until"], last.to_string());

    // Put off, taken back: then grants are free again. And announced once more.
    let later = last + Days::new(7);
    let put_off = act(&administrator, "Update", asked(later, "A week later")).await;
    assert_eq!(put_off["clientOffboarding"]["lastDay"], later.to_string());
    assert_eq!(put_off["clientOffboarding"]["reason"], "A week later");
    assert_eq!(grant(&inside, &user, &role, None).await["grant"]["until"], later.to_string());
    let back = act(&administrator, "Withdraw", json!({ "client": client })).await;
    assert_eq!(
        (&back["clientOffboarding"]["state"], &back["clientOffboarding"]["steps"]),
        (&json!("WITHDRAWN"), &json!([]))
    );
    assert_eq!(grant(&inside, &user, &role, None).await["grant"]["until"], Value::Null);
    act(&administrator, "Announce", asked(last, "Sold after all")).await;

    // The archive is a step: done until something changes.
    let asked_for = inside.ask("mutation { clientArchiveCreate { job { id } } }", json!({})).await;
    let job = inside.ended(asked_for["clientArchiveCreate"]["job"]["id"].as_str().unwrap()).await;
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    let taken = administrator
        .ask("{ clientOffboardings(first: 1) { nodes { archivedAt steps { step done missing } } } }", json!({}))
        .await;
    let step = &taken["clientOffboardings"]["nodes"][0]["steps"][2];
    assert_eq!((&step["step"], &step["done"], &step["missing"]), (&json!("TAKE_ARCHIVE"), &json!(true), &Value::Null));
    work(&accountant, "One more").await;
    let taken =
        administrator.ask("{ clientOffboardings(first: 1) { nodes { steps { done missing } } } }", json!({})).await;
    let step = &taken["clientOffboardings"]["nodes"][0]["steps"][2];
    assert_eq!(step["done"], false);
    assert!(step["missing"].as_str().unwrap().contains("changes stand in"), "{step}");

    // Until the day is over everybody comes in, and what runs by itself runs.
    let raw = uuid::Uuid::try_parse(client.split_once('_').unwrap().1).unwrap();
    app.database.lay(&format!(
        "INSERT INTO core.webhook_lane (client_id, endpoint_id, active, position, due_at) VALUES ('{raw}', gen_random_uuid(), false, 0, NULL);
         INSERT INTO core.schedule_queue (schedule_id, client_id, due_at) VALUES (gen_random_uuid(), '{raw}', '2999-01-01')"
    ));
    let waiting = || {
        let count = |table: &str| {
            let query = format!("SELECT count(*)::text AS line FROM {table} WHERE client_id = '{raw}'");
            app.database.lines("backoffice_owner", &query)[0].clone()
        };
        (count("core.webhook_lane"), count("core.schedule_queue"))
    };
    assert_eq!(waiting(), ("1".to_owned(), "1".to_owned()));
    let figures = "{ trialBalance(asOf: \"2026-12-31\") { debit { amount } } }";
    accountant.ask(figures, json!({})).await;
    let clients = "{ clients { nodes { id name } } }";
    assert_eq!(administrator.ask(clients, json!({})).await["clients"]["nodes"].as_array().unwrap().len(), 2);
    let queue = "{ workItems(first: 50) { nodes { title } } }";
    assert!(lea.ask(queue, json!({})).await["workItems"]["nodes"].as_array().unwrap().len() as i64 > items);

    // It is over: for staff and administrators, with tokens that were good and for new ones, in lists and in queues.
    is_over(&app, &client);
    for token in [&accountant, &inside] {
        assert_eq!(token.send(figures, json!({})).await.code(), "FORBIDDEN");
        assert_eq!(token.send("mutation { clientArchiveCreate { job { id } } }", json!({})).await.code(), "FORBIDDEN");
    }
    for person in [&administrator, &lea] {
        let entered = person.send(ENTER, json!({ "input": { "client": client } })).await;
        let never = "cli_0123456789abcdef0123456789abcdef";
        let never = person.send(ENTER, json!({ "input": { "client": never } })).await;
        assert_eq!((entered.code(), &entered.body["data"]), (never.code(), &never.body["data"]), "it is told apart");
        assert!(entered.body["data"]["clientTokenCreate"]["accessToken"].is_null());
    }
    let left = administrator.ask(clients, json!({})).await;
    assert_eq!(left["clients"]["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(id_of(&left["clients"]["nodes"], "name", "Alpha Trading"), beta);
    assert_eq!(lea.ask(queue, json!({})).await["workItems"]["nodes"], json!([]));
    assert_eq!(waiting(), ("0".to_owned(), "0".to_owned()));

    // Nothing of it can be taken back or changed any more; the provider's record stays.
    for action in ["Announce", "Update"] {
        assert_eq!(refusal(&act(&administrator, action, asked(later, "Late")).await), is("NOT_FOUND", "input.client"));
    }
    let refused = act(&administrator, "Withdraw", json!({ "client": client })).await;
    assert_eq!(refusal(&refused), is("NOT_FOUND", "input.client"));
    let list = administrator.ask(LIST, json!({})).await["clientOffboardings"].clone();
    assert_eq!(list["totalCount"], 2);
    assert_eq!((&list["nodes"][0]["state"], &list["nodes"][1]["state"]), (&json!("CLOSED"), &json!("WITHDRAWN")));
    assert_eq!((&list["nodes"][0]["openWork"], &list["nodes"][0]["reason"]), (&json!([]), &json!("Sold after all")));
    assert_eq!(list["nodes"][0]["steps"][3], json!({ "step": "CLOSE", "done": true }));
    // Who announced what stands in both trails: the provider's, and the client's as long as it is there.
    let trail = "SELECT count(*)::text AS line FROM identity.provider_trail WHERE record = 'client_offboarding' AND actor_name = 'Ada Admin'";
    assert_eq!(app.database.lines("postgres", trail), ["4"]);
    let trail = format!(
        "SELECT count(*)::text AS line FROM audit.entry WHERE tenant_id = '{raw}' AND table_name = 'practice.client'
            AND actor_name = 'Ada Admin' AND after -> 'closes_at' IS DISTINCT FROM before -> 'closes_at' AND action = 'update'"
    );
    assert_eq!(app.database.lines("postgres", &trail), ["4"]);
}

#[tokio::test]
async fn nobody_comes_in_behind_its_last_day() {
    leaves("Europe/Berlin", 10, 2).await;
}

#[tokio::test]
async fn the_day_is_that_of_the_clients_own_zone() {
    leaves("Pacific/Auckland", 0, 0).await;
}
