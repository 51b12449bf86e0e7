//! Jobs that come again by the wall clock: when they are due is stored, an outage is made up for once.

use backoffice::platform::can::Can;
use backoffice::platform::db::Pools;
use backoffice::platform::schedules::fire_next;
use chrono::{DateTime, Timelike, Utc};
use serde_json::{Value, json};
use std::time::Duration;

use crate::harness::{App, Client, Office, Setup};

const SCHEDULE: &str = "id name kind cron timeZone pausedAt nextDueAt lastDueAt passedOver ownerName version lastJob { id state errorCode requestedByName }";

async fn create(client: &Client, name: &str, cron: &str, zone: Option<&str>) -> Value {
    let query = format!(
        "mutation($input: ScheduleCreateInput!) {{ scheduleCreate(input: $input) {{ schedule {{ {SCHEDULE} }} userErrors {{ message }} }} }}"
    );
    let input = json!({ "name": name, "kind": "AUDIT_VERIFY", "cron": cron, "timeZone": zone });
    client.ask(&query, json!({ "input": input })).await["scheduleCreate"]["schedule"].clone()
}

async fn look(client: &Client, id: &Value) -> Value {
    let query = format!("query($id: ID!) {{ schedule(id: $id) {{ {SCHEDULE} }} }}");
    client.ask(&query, json!({ "id": id })).await["schedule"].clone()
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap_or_else(|| panic!("no moment: {value}")).parse().unwrap()
}

/// Looks until the last job of a schedule has ended.
async fn ended(client: &Client, id: &Value) -> Value {
    for _ in 0..600 {
        let found = look(client, id).await;
        if ["SUCCEEDED", "FAILED"].iter().any(|state| found["lastJob"]["state"] == *state) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no job of the schedule has ended: {}", look(client, id).await);
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_once() {
    let office = Office::with(Setup { jobs: 2, ..Setup::default() });
    let person = office.person("Ada");
    let ada = office.client(person, office.firm("Firm", person));
    let made = create(&ada, "Nightly", "30 6 * * *", None).await;
    let berlin = moment(&made["nextDueAt"]).with_timezone(&chrono_tz::Europe::Berlin);
    assert_eq!((made["timeZone"].as_str().unwrap(), berlin.hour(), berlin.minute()), ("Europe/Berlin", 6, 30));
    assert!(moment(&made["nextDueAt"]) > Utc::now());
    let other = create(&ada, "Often", "* * * * *", Some("Asia/Tokyo")).await;
    assert!(moment(&other["nextDueAt"]) - Utc::now() <= chrono::TimeDelta::minutes(1));

    // Nobody was there for five days. Three processes come up at once.
    let id = made["id"].as_str().unwrap().rsplit_once('_').unwrap().1.to_owned();
    office
        .app
        .database
        .lay(&format!("UPDATE core.schedule_queue SET due_at = now() - interval '5 days' WHERE schedule_id = '{id}'"));
    let more = [office.app.database.workers(1), office.app.database.workers(1)];
    let after = ended(&ada, &made["id"]).await;
    assert_eq!(after["lastJob"]["state"], "SUCCEEDED", "{after}");
    assert_eq!(after["lastJob"]["requestedByName"], "Ada");
    assert!(moment(&after["lastDueAt"]) < Utc::now() - chrono::TimeDelta::days(4), "{after}");
    assert_eq!(after["nextDueAt"], made["nextDueAt"], "the next time is the next one, not one that was missed");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(office.count(&format!("SELECT count(*) FROM core.job WHERE id = (SELECT last_job_id FROM core.schedule_turn WHERE schedule_id = '{id}')")), 1);
    assert!(office.count("SELECT count(*) FROM core.job") <= 2, "the other one may have come once");
    for workers in more {
        workers.stop().await;
    }
}

#[tokio::test]
async fn a_schedule_does_not_run_into_itself() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let ada = office.client(person, office.firm("Firm", person));
    let pools = Pools::new(&office.app.database.urls(), 2).unwrap();
    let made = create(&ada, "Often", "0 * * * *", None).await;
    assert!(!fire_next(&pools).await.unwrap(), "it is not due");
    let due = || office.app.database.lay("UPDATE core.schedule_queue SET due_at = now() - interval '1 minute'");
    due();
    let (one, two) = tokio::join!(fire_next(&pools), fire_next(&pools));
    assert!(one.unwrap() != two.unwrap(), "one of two looks finds it");
    due();
    assert!(fire_next(&pools).await.unwrap());
    let seen = look(&ada, &made["id"]).await;
    assert_eq!((&seen["passedOver"], &seen["lastJob"]["state"]), (&json!(1), &json!("WAITING")), "{seen}");
    assert_eq!(office.count("SELECT count(*) FROM core.job"), 1);

    // Paused, it is not due; going on, it is at its next time; deleted, its jobs stay.
    let pause = |paused: bool| {
        let (ada, id) = (ada.clone(), made["id"].clone());
        async move {
            let query = format!(
                "mutation($input: SchedulePauseInput!) {{ schedulePause(input: $input) {{ schedule {{ {SCHEDULE} }} userErrors {{ message }} }} }}"
            );
            ada.ask(&query, json!({ "input": { "id": id, "paused": paused } })).await["schedulePause"]["schedule"]
                .clone()
        }
    };
    let paused = pause(true).await;
    assert!(paused["pausedAt"].is_string() && paused["nextDueAt"].is_null(), "{paused}");
    due();
    assert!(!fire_next(&pools).await.unwrap());
    assert!(moment(&pause(false).await["nextDueAt"]) > Utc::now());
    let delete = "mutation($id: ID!) { scheduleDelete(input: { id: $id }) { schedule { id } userErrors { code } } }";
    ada.ask(delete, json!({ "id": made["id"] })).await;
    assert_eq!(look(&ada, &made["id"]).await, Value::Null);
    assert_eq!(ada.refused(delete, json!({ "id": made["id"] })).await[0]["code"], "NOT_FOUND");
    assert_eq!(
        office.count("SELECT count(*) FROM core.schedule_queue") + 1,
        office.count("SELECT count(*) FROM core.job")
    );
    let trail = ada
        .ask("query($id: ID!) { auditTrail(node: $id) { nodes { action node } } }", json!({ "id": made["id"] }))
        .await;
    let nodes = trail["auditTrail"]["nodes"].as_array().unwrap();
    assert_eq!((nodes.len(), &nodes[0]["action"], &nodes[0]["node"]), (4, &json!("DELETE"), &made["id"]), "{trail}");
}

#[tokio::test]
async fn a_schedules_jobs_have_its_owners_rights() {
    let office = Office::open();
    let (boss, clerk) = (office.person("Boss"), office.person("Clerk"));
    let firm = office.firm("Firm", boss);
    office.grant(firm, clerk, &[Can::AuditRead, Can::JobRead, Can::ScheduleManage]);
    let (boss, client) = (office.client(boss, firm), office.client(clerk, firm));
    let made = create(&client, "Nightly", "0 3 * * *", None).await;
    let due = || office.app.database.lay("UPDATE core.schedule_queue SET due_at = now() - interval '1 minute'");
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE identity.access_grant SET ended_at = now() WHERE account_id = '{}'",
        clerk.account
    ));
    due();
    let seen = ended(&boss, &made["id"]).await;
    assert_eq!((&seen["lastJob"]["state"], &seen["lastJob"]["errorCode"]), (&json!("FAILED"), &json!("FORBIDDEN")));
    // Whoever changes it answers for it from then on.
    let update = "mutation($input: ScheduleUpdateInput!) { scheduleUpdate(input: $input) { schedule { ownerName version cron } userErrors { code } } }";
    let stale = json!({ "input": { "id": made["id"], "cron": "0 4 * * *", "expectedVersion": 7 } });
    assert_eq!(boss.refused(update, stale).await[0]["code"], "CONFLICT");
    let changed =
        boss.ask(update, json!({ "input": { "id": made["id"], "cron": "0 4 * * *", "expectedVersion": 1 } })).await;
    assert_eq!(
        changed["scheduleUpdate"]["schedule"],
        json!({ "ownerName": "Boss", "version": 2, "cron": "0 4 * * *" })
    );
    due();
    for _ in 0..200 {
        if look(&boss, &made["id"]).await["lastJob"]["requestedByName"] == "Boss" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ended(&boss, &made["id"]).await["lastJob"]["state"], "SUCCEEDED");
    // Somebody who may not read the trail cannot have it read by a schedule.
    let planner = office.person("Planner");
    office.grant(firm, planner, &[Can::JobRead, Can::ScheduleManage]);
    let planner = office.client(planner, firm);
    let reply = planner.send(update, json!({ "input": { "id": made["id"], "name": "Mine" } })).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
}

#[tokio::test]
async fn what_never_comes_is_refused() {
    let office = Office::open();
    let person = office.person("Ada");
    let ada = office.client(person, office.firm("Firm", person));
    let query = "mutation($input: ScheduleCreateInput!) { scheduleCreate(input: $input) { schedule { id } userErrors { code field message } } }";
    for (wrong, field) in [
        (json!({ "cron": "every day" }), "cron"),
        (json!({ "cron": "0 0 30 2 *" }), "cron"),
        (json!({ "cron": "0 0 0 * * *" }), "cron"),
        (json!({ "cron": "0".repeat(200) }), "cron"),
        (json!({ "name": " " }), "name"),
        (json!({ "kind": "SWEEP" }), "kind"),
    ] {
        let mut input = json!({ "name": "Nightly", "kind": "AUDIT_VERIFY", "cron": "0 3 * * *" });
        for (key, value) in wrong.as_object().unwrap() {
            input[key] = value.clone();
        }
        let refused = ada.refused(query, json!({ "input": input })).await;
        assert_eq!(refused[0]["field"], json!(["input", field]), "{wrong}: {refused}");
    }
    create(&ada, "Nightly", "0 3 * * *", None).await;
    let again = json!({ "input": { "name": "Nightly", "kind": "AUDIT_VERIFY", "cron": "0 3 * * *" } });
    assert_eq!(ada.refused(query, again).await[0]["code"], "DUPLICATE");
}

#[tokio::test]
async fn the_provider_sweeps_by_schedule() {
    let app = App::start();
    let ada = app.administrator().await;
    let list = "{ providerSchedules { id name kind cron pausedAt nextDueAt lastDueAt lastJobState } }";
    let known = ada.ask(list, json!({})).await["providerSchedules"][0].clone();
    assert_eq!((&known["name"], &known["kind"]), (&json!("Sweeping"), &json!("SWEEP")));
    let update = "mutation($input: ProviderScheduleUpdateInput!) { providerScheduleUpdate(input: $input) {
        providerSchedule { cron pausedAt nextDueAt } userErrors { field } } }";
    let change = |input: Value| {
        let mut input = input;
        input["id"] = known["id"].clone();
        json!({ "input": input })
    };
    assert_eq!(ada.refused(update, change(json!({ "cron": "never" }))).await[0]["field"], json!(["input", "cron"]));
    let paused = ada.ask(update, change(json!({ "paused": true }))).await;
    assert_eq!(paused["providerScheduleUpdate"]["providerSchedule"]["nextDueAt"], Value::Null);
    let on = ada.ask(update, change(json!({ "paused": false, "cron": "5 * * * *" }))).await;
    assert_eq!(moment(&on["providerScheduleUpdate"]["providerSchedule"]["nextDueAt"]).minute(), 5);

    app.database.lay(
        "INSERT INTO identity.attempt (subject, failed_at) SELECT 'email:x', now() - interval '2 days' FROM generate_series(1, 25);
         UPDATE core.schedule_queue SET due_at = now()",
    );
    for _ in 0..400 {
        if ada.ask(list, json!({})).await["providerSchedules"][0]["lastJobState"] == "SUCCEEDED" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        app.database.count("SELECT count(*) FROM identity.attempt WHERE failed_at < now() - interval '1 day'"),
        0
    );
    let said = app.database.lines("postgres", "SELECT result->>'attempts' AS line FROM core.provider_job");
    assert_eq!(said, ["25"]);
}
