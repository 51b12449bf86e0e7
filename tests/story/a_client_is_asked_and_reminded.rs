//! What is needed from a client: asked for line by line, reminded of on set days until everything is there, answered by the
//! client's own people with files and words.

use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use chrono::{DateTime, Days, Timelike, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::files_are_sent_and_taken::sha256;
use crate::harness::{Client, Office, Person, Setup};
use crate::mails_are_sent::reader::{Mail, mails};

const CREATE: &str = "mutation($input: WorkItemCreateInput!) { workItemCreate(input: $input) {
    workItem { id } userErrors { code field message } } }";
const LOOK: &str = "query($id: ID!) { workItem(id: $id) { version wanted { number text answer answeredAt answeredByName files { name senderName } }
    reminders { afterDays dueAt endedAt mails refused } } }";

/// One of the client's own people, who may see and answer what is asked.
fn outside(office: &Office, firm: Uuid, name: &str) -> Person {
    let person = office.person(name);
    office.app.database.lay(&format!("UPDATE identity.account SET staff = false WHERE id = '{}'", person.account));
    office.grant(firm, person, &[Can::ClientRequestRead, Can::ClientRequestAnswer]);
    person
}

async fn ask_for(client: &Client, input: Value) -> String {
    let mut asked = json!({ "kind": "CLIENT_REQUEST", "title": "Papers of March" });
    asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    client.ask(CREATE, json!({ "input": asked })).await["workItemCreate"]["workItem"]["id"].as_str().unwrap().to_owned()
}

async fn look(client: &Client, id: &str) -> Value {
    client.ask(LOOK, json!({ "id": id })).await["workItem"].clone()
}

/// Lets the day of a reminder come, and waits until it was dealt with; gives how many mails that made.
async fn day_comes(office: &Office, client: &Client, id: &str, after: i64) -> i64 {
    office.app.database.lay(&format!(
        "UPDATE core.job_queue SET due_at = now() WHERE job_id = (SELECT j.id FROM core.provider_job j JOIN practice.work_reminder r
            ON r.id = (j.args->>'reminder')::uuid WHERE r.after_days = {after} AND r.item_id = '{}')",
        id.rsplit_once('_').unwrap().1
    ));
    let begun = Instant::now();
    loop {
        let found = look(client, id).await;
        let reminder = found["reminders"].as_array().unwrap().iter().find(|one| one["afterDays"] == after).unwrap();
        if reminder["endedAt"].is_string() {
            return reminder["mails"].as_i64().unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no reminder on day {after}: {found}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

fn received(office: &Office) -> Vec<Mail> {
    mails(&office.app.mail)
}

fn request(id: &str) -> String {
    id.replace("wi_", "crq_")
}

/// Sends a file for a line, as a portal does.
async fn upload(office: &Office, client: &Client, id: &str, line: i64, name: &str, bytes: &[u8]) -> Value {
    let create = "mutation($input: ClientRequestFileCreateInput!) { clientRequestFileCreate(input: $input) {
        fileId upload { url } userErrors { code field message } } }";
    let input =
        json!({ "request": request(id), "line": line, "name": name, "size": bytes.len(), "sha256": sha256(bytes) });
    let made = client.ask(create, json!({ "input": input })).await["clientRequestFileCreate"].clone();
    let address = office.app.url(made["upload"]["url"].as_str().unwrap());
    let put = reqwest::Client::new().put(address).body(bytes.to_vec()).send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
    let complete = "mutation($input: ClientRequestFileCompleteInput!) { clientRequestFileComplete(input: $input) {
        clientRequest { wanted { number answeredAt files { fileId name } } } userErrors { code field message } } }";
    let input = json!({ "request": request(id), "line": line, "file": made["fileId"], "sha256": sha256(bytes) });
    client.ask(complete, json!({ "input": input })).await["clientRequestFileComplete"]["clientRequest"].clone()
}

const ANSWER: &str = "mutation($input: ClientRequestLineAnswerInput!) { clientRequestLineAnswer(input: $input) {
    clientRequest { wanted { number answer } } userErrors { code field message } } }";
const CHANGE: &str = "mutation($input: WorkItemWantedUpdateInput!) { workItemWantedUpdate(input: $input) {
    workItem { wanted { number text answeredAt } } userErrors { code field message } } }";

#[tokio::test]
async fn reminders_go_out_until_everything_is_there() {
    let office = Office::open();
    let ada = office.person("Ada");
    let firm = office.firm("Nordwind", ada);
    let (rosa, _tom) = (outside(&office, firm, "Rosa"), outside(&office, firm, "Tom"));
    let (staff, portal) = (office.client(ada, firm), office.client(rosa, firm));
    let id = ask_for(
        &staff,
        json!({ "wanted": ["Bank statement of March", "Receipts above 150"], "remindAfterDays": [10, 3, 7, 3] }),
    )
    .await;
    let found = look(&staff, &id).await;
    let reminders = found["reminders"].as_array().unwrap();
    assert_eq!(reminders.iter().map(|one| &one["afterDays"]).collect::<Vec<_>>(), [3, 7, 10]);
    let berlin = chrono_tz::Europe::Berlin;
    let today = Utc::now().with_timezone(&berlin).date_naive();
    for one in reminders {
        let due = one["dueAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap().with_timezone(&berlin);
        let day = today.checked_add_days(Days::new(one["afterDays"].as_u64().unwrap())).unwrap();
        assert_eq!((due.date_naive(), due.hour(), due.minute()), (day, 8, 0));
        assert_eq!(one["endedAt"], Value::Null);
    }

    // d+3: both of the client's people are told, of both lines; nobody of the staff is.
    assert_eq!(day_comes(&office, &staff, &id, 3).await, 2);
    let came = received(&office);
    assert_eq!(came.len(), 2, "{came:?}");
    for mail in &came {
        assert_eq!(mail.header("Subject"), "Nordwind: still needed for \"Papers of March\"");
        assert!(mail.text.contains("Bank statement of March; Receipts above 150"), "{}", mail.text);
    }
    let to: Vec<bool> = ["Rosa", "Tom", "Ada"]
        .iter()
        .map(|name| came.iter().any(|mail| mail.text.contains(&format!("Hello {name},"))))
        .collect();
    assert_eq!(to, [true, true, false]);

    // d+5: Rosa sends the one and answers the other.
    let there = upload(&office, &portal, &id, 1, "march.pdf", b"%PDF-1.7 march").await;
    assert!(there["wanted"][0]["answeredAt"].is_string() && there["wanted"][1]["answeredAt"].is_null(), "{there}");
    portal.ask(ANSWER, json!({ "input": { "request": request(&id), "line": 2, "text": "There were none." } })).await;
    let found = look(&staff, &id).await;
    assert_eq!(found["wanted"][0]["files"], json!([{ "name": "march.pdf", "senderName": "Rosa" }]));
    assert_eq!(found["wanted"][1]["answer"], "There were none.");
    assert_eq!(found["wanted"][1]["answeredByName"], "Rosa");
    // Whoever asked is told.
    let told = staff.ask("{ workNotices { nodes { cause actorName } } }", json!({})).await;
    assert_eq!(told["workNotices"]["nodes"][0], json!({ "cause": "ANSWERED", "actorName": "Rosa" }));
    // The staff reads the file, the portal's user only sees that it came.
    let file = there["wanted"][0]["files"][0]["fileId"].clone();
    let read = staff.ask("query($id: ID!) { file(id: $id) { state name } }", json!({ "id": file })).await;
    assert_eq!(read["file"], json!({ "state": "READY", "name": "march.pdf" }));
    let reply = portal.send("query($id: ID!) { file(id: $id) { name } }", json!({ "id": file })).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    let delete = "mutation($id: ID!) { fileDelete(input: { file: $id }) { file { id } userErrors { code message } } }";
    assert_eq!(staff.refused(delete, json!({ "id": file })).await[0]["code"], "STATE");

    // d+7 and d+10: no later one.
    assert_eq!(day_comes(&office, &staff, &id, 7).await, 0);
    assert_eq!(day_comes(&office, &staff, &id, 10).await, 0);
    assert_eq!(received(&office).len(), 2);
}

#[tokio::test]
async fn what_is_sent_back_is_wanted_again() {
    let office = Office::open();
    let ada = office.person("Ada");
    let firm = office.firm("Firm", ada);
    let (rosa, _tom) = (outside(&office, firm, "Rosa"), outside(&office, firm, "Tom"));
    let (staff, portal) = (office.client(ada, firm), office.client(rosa, firm));
    let assigned = json!({ "assignee": format!("usr_{}", rosa.account.simple()), "dueOn": "2027-01-15",
                           "wanted": ["Contract", "Passport", "Photo"], "remindAfterDays": [2, 30] });
    let id = ask_for(&staff, assigned).await;
    for line in 1..=3 {
        portal.ask(ANSWER, json!({ "input": { "request": request(&id), "line": line, "text": "By post" } })).await;
    }
    assert_eq!(day_comes(&office, &staff, &id, 2).await, 0);
    // One is not what was wanted, one is not wanted any more, and one more is.
    let change = json!({ "id": id, "sendBack": [2], "remove": [3], "add": ["Proof of address"] });
    let changed = staff.ask(CHANGE, json!({ "input": change })).await["workItemWantedUpdate"]["workItem"].clone();
    let left: Vec<(&Value, bool)> = changed["wanted"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (&line["number"], line["answeredAt"].is_null()))
        .collect();
    assert_eq!(left, [(&json!(1), false), (&json!(2), true), (&json!(4), true)]);
    // It was given to Rosa, so Tom is not bothered.
    assert_eq!(day_comes(&office, &staff, &id, 30).await, 1);
    let mail = received(&office).remove(0);
    assert!(mail.text.contains("Hello Rosa,") && mail.text.contains("Passport; Proof of address"), "{}", mail.text);
    assert!(mail.text.contains("It is needed until 15 January 2027."), "{}", mail.text);

    let refused = |input: Value| {
        let staff = staff.clone();
        async move { staff.refused(CHANGE, json!({ "input": input })).await[0].clone() }
    };
    upload(&office, &portal, &id, 2, "a.txt", b"hello").await;
    let kept = refused(json!({ "id": id, "remove": [2] })).await;
    assert_eq!((&kept["code"], &kept["field"]), (&json!("STATE"), &json!(["input", "remove", "0"])));
    assert_eq!(refused(json!({ "id": id, "answered": [9] })).await["field"], json!(["input", "answered", "0"]));
    assert_eq!(refused(json!({ "id": id, "add": [""] })).await["field"], json!(["input", "add", "0"]));
    // Closed, nothing is brought any more.
    staff
        .ask(
            "mutation($id: ID!) { workItemComplete(input: { id: $id }) { userErrors { message } } }",
            json!({ "id": id }),
        )
        .await;
    let late = portal.refused(ANSWER, json!({ "input": { "request": request(&id), "line": 1, "text": "x" } })).await;
    assert_eq!((&late[0]["code"], &late[0]["field"]), (&json!("STATE"), &json!(["input", "request"])));
}

#[tokio::test]
async fn a_reminder_that_makes_no_sense_is_refused() {
    let office = Office::open();
    let ada = office.person("Ada");
    let firm = office.firm("Firm", ada);
    let staff = office.client(ada, firm);
    for (wrong, field) in [
        (json!({ "remindAfterDays": [3] }), json!(["input", "remindAfterDays"])),
        (json!({ "remindAfterDays": [0], "wanted": ["x"] }), json!(["input", "remindAfterDays"])),
        (
            json!({ "remindAfterDays": [3], "wanted": ["x"], "visibleToClient": false }),
            json!(["input", "remindAfterDays"]),
        ),
        (json!({ "wanted": [" "] }), json!(["input", "wanted", "0"])),
        (json!({ "wanted": vec!["x"; 101] }), json!(["input", "wanted"])),
    ] {
        let mut input = json!({ "kind": "CLIENT_REQUEST", "title": "Papers" });
        input.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(staff.refused(CREATE, json!({ "input": input })).await[0]["field"], field, "{wrong}");
    }
    assert_eq!(office.count("SELECT count(*) FROM core.job_queue WHERE kind = 'mail.reminder'"), 0);
    // What somebody else sends for other purposes answers nothing here, and the other way round.
    let rosa = outside(&office, firm, "Rosa");
    let portal = office.client(rosa, firm);
    let id = ask_for(&staff, json!({ "wanted": ["Contract"] })).await;
    let (file, _) = crate::files_are_sent_and_taken::announce(&staff, "other.txt", b"other").await;
    let complete = "mutation($input: ClientRequestFileCompleteInput!) { clientRequestFileComplete(input: $input) {
        clientRequest { id } userErrors { code field message } } }";
    let input = json!({ "request": request(&id), "line": 1, "file": file, "sha256": sha256(b"other") });
    let unknown = portal.refused(complete, json!({ "input": input })).await;
    assert_eq!((&unknown[0]["code"], &unknown[0]["field"]), (&json!("NOT_FOUND"), &json!(["input", "file"])));
}

#[tokio::test]
async fn reminders_outlive_the_workers() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let ada = office.person("Ada");
    let firm = office.firm("Firm", ada);
    let staff = office.client(ada, firm);
    for number in 0..25 {
        outside(&office, firm, &format!("Person {number}"));
    }
    let id = ask_for(&staff, json!({ "wanted": ["Contract"], "remindAfterDays": [1] })).await;
    office.app.database.lay("UPDATE core.job_queue SET due_at = now() WHERE kind = 'mail.reminder'");
    let folder = std::env::temp_dir().join(format!("backoffice-reminders-{}", std::process::id()));
    let environment = [("BACKOFFICE_DATA_DIR", folder.to_str().unwrap())];
    for wait in [400, 700, 1000] {
        let worker = office.app.database.worker_with(1, &environment);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        drop(worker);
    }
    let last = office.app.database.worker_with(2, &environment);
    let begun = Instant::now();
    while look(&staff, &id).await["reminders"][0]["endedAt"].is_null() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", look(&staff, &id).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(last);
    assert_eq!(look(&staff, &id).await["reminders"][0]["mails"], 25);
    assert_eq!(mails(&folder.join("mail")).len(), 25, "each person once, whoever sent it");
    let _ = std::fs::remove_dir_all(folder);
    assert_eq!(office.findings(), Vec::<String>::new());
}
