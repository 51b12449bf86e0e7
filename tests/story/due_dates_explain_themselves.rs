//! When work is due, and why: by working days, by business hours, by a clock that runs on it; and a clock that goes over is
//! told of, once.

use backoffice::clocks::breach::tell_next;
use backoffice::platform::db::Pools;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Client, Office, Setup};

const ITEM: &str = "id dueOn dueAt version state dueExplanation { basis sentence clockId days { from through days counted reason name }
    time { countedMinutes skippedSeconds wallSeconds } }";

/// A client whose calendar is open from nine to five, with the holidays of Berlin; gives the calendar.
async fn calendar(client: &Client) -> String {
    let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];
    let hours: Vec<Value> =
        days.iter().map(|day| json!({ "weekday": day, "from": "09:00", "until": "17:00" })).collect();
    let made = client
        .ask(
            "mutation($input: BusinessCalendarCreateInput!) { businessCalendarCreate(input: $input) { businessCalendar { id } userErrors { message } } }",
            json!({ "input": { "name": "Standard", "hours": hours, "holidayRegion": "DE-BE", "isDefault": true } }),
        )
        .await;
    made["businessCalendarCreate"]["businessCalendar"]["id"].as_str().unwrap().to_owned()
}

async fn open(client: &Client, due: Value) -> Value {
    let query = format!(
        "mutation($input: WorkItemCreateInput!) {{ workItemCreate(input: $input) {{ workItem {{ {ITEM} }} userErrors {{ code field message }} }} }}"
    );
    let input = json!({ "kind": "TASK", "title": "Something", "due": due });
    client.ask(&query, json!({ "input": input })).await["workItemCreate"]["workItem"].clone()
}

async fn look(client: &Client, id: &Value) -> Value {
    client.ask(&format!("query($id: ID!) {{ workItem(id: $id) {{ {ITEM} }} }}"), json!({ "id": id })).await["workItem"]
        .clone()
}

async fn change(client: &Client, field: &str, kind: &str, input: Value) -> Value {
    let query =
        format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ code field message }} }} }}");
    client.ask(&query, json!({ "input": input })).await
}

#[tokio::test]
async fn working_days_and_business_hours_are_counted_and_explained() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    calendar(&client).await;
    // Ten working days behind the end of March: Easter lies in between.
    let item = open(&client, json!({ "workingDays": 10, "from": "2026-03-31" })).await;
    assert_eq!(item["dueOn"], "2026-04-16");
    let why = &item["dueExplanation"];
    assert_eq!(why["basis"], "WORKING_DAYS");
    assert_eq!(
        why["sentence"],
        "10 working days behind 31 March 2026, by the calendar \"Standard\": 16 April 2026. Skipped: Karfreitag, Ostermontag, 4 days without hours."
    );
    let days = why["days"].as_array().unwrap();
    let sum = |counted: bool| -> i64 {
        days.iter().filter(|day| day["counted"] == counted).map(|day| day["days"].as_i64().unwrap()).sum()
    };
    assert_eq!((sum(true), sum(false)), (10, 6), "16 days in all");
    assert_eq!(days.last().unwrap()["through"], "2026-04-16");
    // Back as well, and over a weekend.
    assert_eq!(open(&client, json!({ "workingDays": -3, "from": "2026-05-05" })).await["dueOn"], "2026-04-29");

    // Friday 16:00, two hours: Monday 10:00.
    let item = open(&client, json!({ "businessMinutes": 120, "since": "2026-01-16T16:00:00+01:00" })).await;
    assert_eq!((&item["dueAt"], &item["dueOn"]), (&json!("2026-01-19T09:00:00.000000Z"), &json!("2026-01-19")));
    let time = &item["dueExplanation"]["time"];
    assert_eq!(time["countedMinutes"], 120);
    assert_eq!(time["wallSeconds"], 66 * 3600);
    assert_eq!(time["skippedSeconds"], 64 * 3600);
    assert!(
        item["dueExplanation"]["sentence"]
            .as_str()
            .unwrap()
            .starts_with("120 minutes of business time behind 16 January 2026, 15:00 UTC")
    );

    // What was said is said; what changes is computed anew; the calendar's changes do not move what was told.
    let id = item["id"].clone();
    change(&client, "workItemUpdate", "WorkItemUpdateInput", json!({ "id": id, "dueOn": "2026-02-01" })).await;
    let stated = look(&client, &id).await;
    assert_eq!((&stated["dueAt"], &stated["dueExplanation"]["basis"]), (&Value::Null, &json!("STATED")));
    let again = json!({ "id": id, "due": { "workingDays": 1, "from": "2026-02-27" } });
    change(&client, "workItemUpdate", "WorkItemUpdateInput", again).await;
    assert_eq!(look(&client, &id).await["dueOn"], "2026-03-02");
    change(&client, "workItemUpdate", "WorkItemUpdateInput", json!({ "id": id, "dueOn": null })).await;
    assert_eq!(look(&client, &id).await["dueExplanation"], Value::Null);
}

#[tokio::test]
async fn a_clock_on_an_item_moves_its_day() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    calendar(&client).await;
    let now = Utc::now();
    let item = open(&client, json!({ "clockMinutes": 9600, "since": (now - TimeDelta::hours(1)).to_rfc3339() })).await;
    let (id, clock) = (item["id"].clone(), item["dueExplanation"]["clockId"].clone());
    assert_eq!(item["dueExplanation"]["basis"], "CLOCK");
    let read = |id: Value| {
        let client = client.clone();
        async move {
            client.ask("query($id: ID!) { clock(id: $id) { dueAt state node { id } } }", json!({ "id": id })).await["clock"]
                .clone()
        }
    };
    let shown = read(clock.clone()).await;
    assert_eq!((&shown["dueAt"], &shown["node"]["id"]), (&item["dueAt"], &id));
    // Paused, it is due on no day; running on, at a later one or the same.
    change(&client, "clockPause", "ClockPauseInput", json!({ "id": clock, "reason": "CLIENT" })).await;
    let paused = look(&client, &id).await;
    assert_eq!((&paused["dueOn"], &paused["dueAt"]), (&Value::Null, &Value::Null));
    assert_eq!(paused["dueExplanation"]["sentence"], "The clock that it is due by is paused.");
    change(&client, "clockResume", "ClockInput", json!({ "id": clock })).await;
    let resumed = look(&client, &id).await;
    assert!(resumed["dueAt"].as_str().unwrap() >= item["dueAt"].as_str().unwrap(), "{resumed}");
    assert_eq!(resumed["dueAt"], read(clock.clone()).await["dueAt"]);
    // Done, the clock has stopped.
    change(&client, "workItemComplete", "WorkItemInput", json!({ "id": id })).await;
    assert_eq!(read(clock).await["state"], "STOPPED");
    assert_eq!(look(&client, &id).await["state"], "DONE");

    // Due otherwise, too.
    let second = open(&client, json!({ "clockMinutes": 60 })).await;
    let clock = second["dueExplanation"]["clockId"].clone();
    change(&client, "workItemUpdate", "WorkItemUpdateInput", json!({ "id": second["id"], "dueOn": "2027-01-04" }))
        .await;
    assert_eq!(read(clock).await["state"], "STOPPED");
    assert_eq!(look(&client, &second["id"]).await["dueOn"], "2027-01-04");
    assert_eq!(office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_clock_that_goes_over_is_told_of_once() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    calendar(&client).await;
    let pools = Pools::new(&office.app.database.urls(), 2).unwrap();
    let long_ago = (Utc::now() - TimeDelta::days(20)).to_rfc3339();
    let over = open(&client, json!({ "clockMinutes": 60, "since": long_ago })).await;
    let far = open(&client, json!({ "clockMinutes": 60000 })).await;
    let (one, two, three) = tokio::join!(tell_next(&pools), tell_next(&pools), tell_next(&pools));
    let told = [one.unwrap(), two.unwrap(), three.unwrap()].iter().filter(|told| **told).count();
    assert_eq!(told, 1);
    assert!(!tell_next(&pools).await.unwrap());
    let events = |client: Client| async move {
        let query = "{ events(first: 100, kinds: [CLOCK_BREACHED]) { nodes { nodeId actor requestId version node { __typename } } } }";
        client.ask(query, json!({})).await["events"]["nodes"].as_array().unwrap().clone()
    };
    let seen = events(client.clone()).await;
    assert_eq!(seen.len(), 1);
    assert_eq!((&seen[0]["nodeId"], &seen[0]["actor"]), (&over["dueExplanation"]["clockId"], &Value::Null));
    assert_eq!(seen[0]["node"]["__typename"], "Clock");
    // Paused and let on, it is over still, and not told again.
    let clock = over["dueExplanation"]["clockId"].clone();
    change(&client, "clockPause", "ClockPauseInput", json!({ "id": clock, "reason": "OTHER" })).await;
    change(&client, "clockResume", "ClockInput", json!({ "id": clock })).await;
    assert!(!tell_next(&pools).await.unwrap());
    // One that was stopped in time is not told when its time would have come.
    change(&client, "workItemComplete", "WorkItemInput", json!({ "id": far["id"] })).await;
    office.app.database.lay("UPDATE core.clock_watch SET due_at = due_at - interval '10 years' WHERE due_at > now()");
    assert!(!tell_next(&pools).await.unwrap());
    assert_eq!(events(client).await.len(), 1);
    assert_eq!(office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_computed_is_refused() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let query = "mutation($input: WorkItemCreateInput!) { workItemCreate(input: $input) { workItem { id } userErrors { code field message } } }";
    let refused = |due: Value| {
        let client = client.clone();
        async move {
            let input = json!({ "kind": "TASK", "title": "Something", "due": due });
            client.refused(query, json!({ "input": input })).await[0].clone()
        }
    };
    // No calendar is there yet.
    assert_eq!(refused(json!({ "workingDays": 3 })).await["code"], "REQUIRED");
    calendar(&client).await;
    for (wrong, field) in [
        (json!({}), json!(["input", "due"])),
        (json!({ "workingDays": 1, "businessMinutes": 1 }), json!(["input", "due"])),
        (json!({ "workingDays": 1001 }), json!(["input", "due", "workingDays"])),
        (json!({ "workingDays": 3, "since": "2026-01-01T00:00:00Z" }), json!(["input", "due", "since"])),
        (json!({ "businessMinutes": 0 }), json!(["input", "due", "businessMinutes"])),
        (json!({ "businessMinutes": 9, "from": "2026-01-01" }), json!(["input", "due", "from"])),
        (json!({ "clockMinutes": 10, "since": "2999-01-01T00:00:00Z" }), json!(["input", "due", "since"])),
        (json!({ "workingDays": 3, "from": "1950-01-01" }), json!(["input", "due", "workingDays"])),
    ] {
        assert_eq!(refused(wrong.clone()).await["field"], field, "{wrong}");
    }
    let both = json!({ "kind": "TASK", "title": "Both", "dueOn": "2026-01-01", "due": { "workingDays": 1 } });
    assert_eq!(client.refused(query, json!({ "input": both })).await[0]["field"], json!(["input", "due"]));
    assert_eq!(office.count("SELECT count(*) FROM core.clock"), 0);
}
