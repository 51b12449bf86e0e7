//! How documents end: links that lead nowhere any more, retention whose days come, holds that keep what they name, and two people
//! who purge what may go.

use backoffice::platform::can::Can;
use chrono::{NaiveDate, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::documents_are_kept::{Cabinet, act, make, refusal};
use crate::harness::Client;

async fn share(cabinet: &Cabinet, document: &str, more: Value) -> (String, String) {
    let mut input = json!({ "document": document, "expiresAt": (Utc::now() + TimeDelta::hours(1)).to_rfc3339() });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let made = act(
        &cabinet.client,
        "documentShareCreate",
        "DocumentShareCreateInput",
        input,
        "url documentShare { id hasPassword }",
    )
    .await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (text(&made["documentShare"]["id"]), cabinet.office.app.url(&text(&made["url"])))
}

/// Status, text, and headers that could tell links apart.
async fn taken(address: &str, password: Option<&str>) -> (StatusCode, String, Vec<String>) {
    let mut request = reqwest::Client::new().get(address);
    if let Some(password) = password {
        request = request.basic_auth("anybody", Some(password));
    }
    let response = request.send().await.unwrap();
    let mut headers: Vec<String> = response.headers().keys().map(|name| name.to_string()).collect();
    headers.sort();
    (response.status(), response.text().await.unwrap(), headers)
}

#[tokio::test]
async fn a_link_leads_to_the_document_until_its_end_and_then_to_nothing() {
    let cabinet = Cabinet::open().await;
    let document = cabinet.document("Offer", json!({})).await;
    let first = cabinet.add(&document, "offer.html", b"<script>alert(1)</script> first").await;
    let (revoked, address) = share(&cabinet, &document, json!({})).await;
    let answer = reqwest::get(&address).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    // Nothing that runs, for whoever opens it.
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(answer.headers()[name], value, "{name}");
    }
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(answer.text().await.unwrap(), "<script>alert(1)</script> first");
    let head = reqwest::Client::new().head(&address).send().await.unwrap();
    assert_eq!((head.status(), &head.headers()["content-length"]), (StatusCode::OK, &"31".parse().unwrap()));

    // Whichever version is current, or the one that it was made for.
    let (_, fixed) = share(&cabinet, &document, json!({ "version": first })).await;
    cabinet.add(&document, "offer.txt", b"second").await;
    assert_eq!(taken(&address, None).await.1, "second");
    assert_eq!(taken(&fixed, None).await.1, "<script>alert(1)</script> first");

    // Revoked, over, used up, in the trash: as if it had never been.
    let never = taken(&cabinet.office.app.url(&format!("/share/{}", "A".repeat(43))), None).await;
    assert_eq!(never.0, StatusCode::NOT_FOUND);
    let input = json!({ "id": revoked });
    act(&cabinet.client, "documentShareRevoke", "DocumentShareRevokeInput", input.clone(), "").await;
    assert_eq!(taken(&address, None).await, never);
    let again = act(&cabinet.client, "documentShareRevoke", "DocumentShareRevokeInput", input, "").await;
    assert_eq!(refusal(&again).0, "STATE");
    let soon = json!({ "expiresAt": (Utc::now() + TimeDelta::milliseconds(1500)).to_rfc3339() });
    let (_, expiring) = share(&cabinet, &document, soon).await;
    assert_eq!(taken(&expiring, None).await.0, StatusCode::OK);
    tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
    assert_eq!(taken(&expiring, None).await, never);
    let (counted, twice) = share(&cabinet, &document, json!({ "mostDownloads": 2 })).await;
    let all = futures_util::future::join_all((0..6).map(|_| taken(&twice, None))).await;
    assert_eq!(all.iter().filter(|answer| answer.0 == StatusCode::OK).count(), 2, "{all:?}");
    assert!(all.iter().all(|answer| answer.0 == StatusCode::OK || *answer == never));
    let query = "query($id: ID!) { node(id: $id) { ... on DocumentShare { downloads } } }";
    assert_eq!(cabinet.client.ask(query, json!({ "id": counted })).await["node"]["downloads"], 2);
    act(&cabinet.client, "documentTrash", "DocumentInput", json!({ "id": document }), "").await;
    assert_eq!(taken(&fixed, None).await, never);

    // Of the secret nothing is kept but its hash, and the trail has not even that.
    let secret = fixed.rsplit_once('/').unwrap().1;
    let rows = cabinet.office.app.database.lines(
        "postgres",
        "SELECT to_jsonb(s)::text AS line FROM practice.document_share s UNION ALL SELECT coalesce(after::text, '') FROM audit.entry",
    );
    assert!(rows.iter().all(|row| !row.contains(secret)));
    let trail =
        cabinet.office.count("SELECT count(*) FROM audit.entry WHERE after ? 'token_hash' OR after ? 'password_hash'");
    assert_eq!(trail, 0);
    let later = json!({ "document": document, "expiresAt": (Utc::now() + TimeDelta::days(400)).to_rfc3339() });
    let refused = act(&cabinet.client, "documentShareCreate", "DocumentShareCreateInput", later, "").await;
    assert_eq!(refusal(&refused).1, "input.expiresAt");
    cabinet.close();
}

#[tokio::test]
async fn a_password_is_asked_for_ten_times_and_no_more() {
    let cabinet = Cabinet::open().await;
    let document = cabinet.document("Payroll", json!({ "file": cabinet.sent("p.txt", b"secret pay").await })).await;
    let (_, address) = share(&cabinet, &document, json!({ "password": "correct horse" })).await;
    let asked = taken(&address, None).await;
    assert_eq!(asked.0, StatusCode::UNAUTHORIZED);
    assert_eq!(taken(&address, Some("correct horse")).await.1, "secret pay");
    for _ in 0..10 {
        assert_eq!(taken(&address, Some("wrong")).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(taken(&address, Some("correct horse")).await.0, StatusCode::NOT_FOUND);
    let rows = cabinet
        .office
        .app
        .database
        .lines("postgres", "SELECT to_jsonb(s)::text AS line FROM practice.document_share s");
    assert!(rows.iter().all(|row| !row.contains("correct horse")));
    cabinet.close();
}

/// Has retention done what is due as of a day so many days behind that one; gives the job's result.
async fn run(client: &Client, from: NaiveDate, days: i64) -> Value {
    let input = json!({ "asOf": from + TimeDelta::days(days) });
    let data = act(client, "retentionRun", "RetentionRunInput", input, "job { id }").await;
    let job = client.ended(data["job"]["id"].as_str().unwrap_or_else(|| panic!("{data}"))).await;
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    job["result"].clone()
}

/// What there is of a document: the day on which it went into the trash, whether it is held; null if it is gone.
async fn look(client: &Client, document: &str) -> Value {
    let query = "query($id: ID!) { document(id: $id) { trashedOn archivedOn retention { trashOn purgeOn held } } }";
    client.ask(query, json!({ "id": document })).await["document"].clone()
}

async fn schedule(client: &Client, input: Value) -> String {
    make(client, "retentionScheduleCreate", "RetentionScheduleCreateInput", input, "retentionSchedule").await
}

async fn hold(client: &Client, records: Value) -> String {
    let input = json!({ "name": "Lawsuit", "reason": "Court order 4/26", "records": records });
    make(client, "legalHoldCreate", "LegalHoldCreateInput", input, "legalHold").await
}

async fn release(client: &Client, hold: &str) {
    let released =
        act(client, "legalHoldRelease", "LegalHoldReleaseInput", json!({ "id": hold }), "legalHold { releasedAt }")
            .await;
    assert!(released["legalHold"]["releasedAt"].is_string(), "{released}");
}

/// The day so many days ago, in the client's time zone.
fn ago(days: i64) -> NaiveDate {
    Utc::now().with_timezone(&chrono_tz::Europe::Berlin).date_naive() - TimeDelta::days(days)
}

#[tokio::test]
async fn a_year_and_thirty_days_and_a_hold_beats_them() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let year = json!({ "name": "A year", "trashAfter": 365, "purgeAfter": 30, "needsConfirmation": false });
    schedule(client, year).await;
    let from = ago(420);
    let document = |title: &'static str| {
        let cabinet = &cabinet;
        async move {
            let file = cabinet.sent("letter.txt", title.as_bytes()).await;
            cabinet.document(title, json!({ "retainFrom": from, "file": file })).await
        }
    };
    let (free, held) = (document("Free").await, document("Held").await);
    let days = |days: i64| json!(from + TimeDelta::days(days));
    assert_eq!(
        look(client, &free).await["retention"],
        json!({ "trashOn": days(365), "purgeOn": days(395), "held": false })
    );

    // Trashed on day 365.
    assert_eq!(run(client, from, 364).await["trashed"], 0);
    assert!(look(client, &free).await["trashedOn"].is_null());
    assert_eq!(run(client, from, 365).await["trashed"], 2);
    assert_eq!(look(client, &free).await["trashedOn"], days(365));
    // Held on day 390.
    assert_eq!(run(client, from, 390).await["purged"], 0);
    let lawsuit = hold(client, json!([held])).await;
    // Purged on day 395, the one that is not held; the other is still there on day 400.
    assert_eq!(run(client, from, 394).await["purged"], 0);
    let result = run(client, from, 395).await;
    assert_eq!((&result["purged"], &result["held"]), (&json!(1), &json!(1)));
    assert!(look(client, &free).await.is_null());
    assert_eq!(run(client, from, 400).await["held"], 1);
    assert_eq!(look(client, &held).await["retention"]["held"], true);
    assert_eq!(look(client, &held).await["trashedOn"], days(365));

    // What went left a certificate with its hashes, and its bytes go.
    let query = "{ disposals { nodes { state title purgedOn rule certificate } } }";
    let disposals = client.ask(query, json!({})).await["disposals"]["nodes"].clone();
    assert_eq!(disposals.as_array().unwrap().len(), 1);
    let gone = &disposals[0];
    assert_eq!((&gone["state"], &gone["title"], &gone["purgedOn"]), (&json!("PURGED"), &json!("Free"), &days(395)));
    assert_eq!(gone["rule"], "A year: into the trash after 365 days, purged 30 days later.");
    let sha256 = crate::files_are_sent_and_taken::sha256(b"Free");
    assert_eq!(gone["certificate"]["document"]["versions"][0]["sha256"], sha256);
    assert_eq!(gone["certificate"]["proposedBy"]["name"], "Ada");
    let deleted = format!("SELECT count(*) FROM core.file WHERE sha256 = '{sha256}' AND deleted_at IS NOT NULL");
    assert_eq!(cabinet.office.count(&deleted), 1);

    // Released, it goes with the next run, and not before the last hold.
    let second = hold(client, json!([cabinet.kind])).await;
    release(client, &lawsuit).await;
    assert_eq!(run(client, from, 401).await["held"], 1);
    release(client, &second).await;
    assert_eq!(run(client, from, 402).await["purged"], 1);
    assert!(look(client, &held).await.is_null());
    let tomorrow = json!({ "asOf": ago(-1) });
    let refused = act(client, "retentionRun", "RetentionRunInput", tomorrow, "").await;
    assert_eq!(refusal(&refused).1, "input.asOf");
    cabinet.close();
}

#[tokio::test]
async fn of_several_schedules_the_longest_wins() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let letters = json!([cabinet.kind]);
    let short = json!({ "name": "Short", "documentTypes": letters, "archiveAfter": 10, "trashAfter": 50, "purgeAfter": 100, "needsConfirmation": false });
    schedule(client, short).await;
    let long =
        schedule(client, json!({ "name": "Long", "trashAfter": 90, "purgeAfter": 20, "needsConfirmation": false }))
            .await;
    let from = ago(200);
    let days = |days: i64| json!(from + TimeDelta::days(days));
    let document = cabinet.document("Letter", json!({ "retainFrom": from })).await;
    assert_eq!(
        look(client, &document).await["retention"],
        json!({ "trashOn": days(90), "purgeOn": days(150), "held": false })
    );
    assert_eq!(run(client, from, 10).await["archived"], 1);
    assert_eq!(look(client, &document).await["archivedOn"], days(10));
    let change = json!({ "id": document, "title": "Other" });
    assert_eq!(refusal(&act(client, "documentUpdate", "DocumentUpdateInput", change, "").await).0, "STATE");
    assert_eq!(run(client, from, 89).await["trashed"], 0);
    assert_eq!(run(client, from, 90).await["trashed"], 1);
    assert_eq!(run(client, from, 149).await["purged"], 0);
    // A schedule that keeps wins over all that do not.
    let kept = schedule(client, json!({ "name": "Kept" })).await;
    assert_eq!(run(client, from, 190).await["purged"], 0);
    for ended in [kept, long] {
        act(client, "retentionScheduleEnd", "RetentionScheduleEndInput", json!({ "id": ended }), "").await;
    }
    assert_eq!(run(client, from, 190).await["purged"], 1);
    assert!(look(client, &document).await.is_null());
    let odd = json!({ "name": "Odd", "purgeAfter": 5 });
    let odd = act(client, "retentionScheduleCreate", "RetentionScheduleCreateInput", odd, "").await;
    assert_eq!(refusal(&odd).1, "input.trashAfter");
}

#[tokio::test]
async fn two_people_purge_what_may_go() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    schedule(client, json!({ "name": "Month", "trashAfter": 10, "purgeAfter": 20 })).await;
    let from = ago(60);
    let document =
        cabinet.document("Draft", json!({ "retainFrom": from, "file": cabinet.sent("d.txt", b"draft").await })).await;
    run(client, from, 10).await;
    // By hand not before its retention ends either; the run proposes it once.
    let fresh = cabinet.document("Fresh", json!({})).await;
    act(client, "documentTrash", "DocumentInput", json!({ "id": fresh }), "").await;
    let early = json!({ "document": fresh, "reason": "Waste" });
    let early = act(client, "disposalPropose", "DisposalProposeInput", early, "").await;
    assert!(refusal(&early).2.starts_with("This document has to be kept until"), "{early}");
    assert_eq!(run(client, from, 30).await["proposed"], 1);
    assert_eq!(run(client, from, 31).await["proposed"], 0);
    let waiting = "{ disposals(waiting: true) { nodes { id state proposedByName } } }";
    let waiting = client.ask(waiting, json!({})).await["disposals"]["nodes"].clone();
    let id = json!({ "id": waiting[0]["id"] });
    assert_eq!(waiting.as_array().unwrap().len(), 1);
    let decide = |client: Client| {
        let id = id.clone();
        async move {
            act(&client, "disposalConfirm", "DisposalDecideInput", id, "disposal { state decidedByName certificate }")
                .await
        }
    };
    let own = decide(client.clone()).await;
    assert_eq!(refusal(&own).2, "This is confirmed by a person other than who proposed it.");
    // The database says the same to whoever writes past the server.
    let past = cabinet.office.app.database.past_the_server("postgres", |connection| {
        let text = "UPDATE practice.disposal SET purged_on = current_date, certificate = '{}', decided_at = now(), decided_by = proposed_by, decided_by_name = 'x'";
        diesel::RunQueryDsl::execute(diesel::sql_query(text), connection).map_err(|error| error.to_string())
    });
    assert!(past.unwrap_err().contains("confirmed by somebody else"));

    let ben = cabinet.office.person("Ben");
    cabinet.office.grant(cabinet.firm, ben, &[Can::OfficeDocumentRead, Can::DisposalConfirm]);
    let ben = cabinet.office.client(ben, cabinet.firm);
    // Held meanwhile, nobody purges it.
    let lawsuit = hold(client, json!([document])).await;
    assert_eq!(refusal(&decide(ben.clone()).await).2, "This document is under legal hold.");
    release(client, &lawsuit).await;
    let purged = decide(ben.clone()).await["disposal"].clone();
    assert_eq!((&purged["state"], &purged["decidedByName"]), (&json!("PURGED"), &json!("Ben")));
    let certificate = &purged["certificate"];
    assert_eq!(
        (&certificate["proposedBy"]["name"], &certificate["confirmedBy"]["name"]),
        (&json!("Ada"), &json!("Ben"))
    );
    assert_eq!(certificate["document"]["title"], "Draft");
    assert!(look(client, &document).await.is_null());
    assert_eq!(refusal(&decide(ben).await).2, "This was decided before.");
    cabinet.close();
}

#[tokio::test]
async fn what_a_hold_names_is_not_deleted_whatever_it_is() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let folder = |name: &'static str, parent: Option<String>| {
        let input = json!({ "name": name, "parent": parent });
        make(client, "documentFolderCreate", "DocumentFolderCreateInput", input, "documentFolder")
    };
    let court = folder("Court", None).await;
    let inner = folder("Letters", Some(court.clone())).await;
    let document = cabinet.document("Evidence", json!({ "folder": inner })).await;
    cabinet.add(&document, "e.txt", b"one").await;
    let version = cabinet.add(&document, "e.txt", b"two").await;
    let file = cabinet.sent("loose.txt", b"loose").await;
    let calendar = json!({ "name": "Hours", "hours": [{ "weekday": "MONDAY", "from": "09:00", "until": "17:00" }] });
    let calendar =
        make(client, "businessCalendarCreate", "BusinessCalendarCreateInput", calendar, "businessCalendar").await;
    let nightly = json!({ "name": "Nightly", "kind": "AUDIT_VERIFY", "cron": "0 3 * * *" });
    let nightly = make(client, "scheduleCreate", "ScheduleCreateInput", nightly, "schedule").await;
    let item = json!({ "kind": "TASK", "title": "Task" });
    let item = make(client, "workItemCreate", "WorkItemCreateInput", item, "workItem").await;
    act(client, "workItemWatch", "WorkItemWatchInput", json!({ "item": item }), "").await;
    let attempts: Vec<(&str, &str, Value)> = vec![
        ("documentTrash", "DocumentInput", json!({ "id": document })),
        ("documentVersionDelete", "DocumentVersionDeleteInput", json!({ "id": version })),
        ("documentUpdate", "DocumentUpdateInput", json!({ "id": document, "folder": null })),
        ("documentFolderUpdate", "DocumentFolderUpdateInput", json!({ "id": inner, "parent": null })),
        ("fileDelete", "FileDeleteInput", json!({ "file": file })),
        ("businessCalendarDelete", "BusinessCalendarDeleteInput", json!({ "id": calendar })),
        ("scheduleDelete", "ScheduleInput", json!({ "id": nightly })),
    ];
    let first = hold(client, json!([court, file, calendar, nightly])).await;
    let second = hold(client, json!([file, calendar, nightly, cabinet.kind])).await;
    let all_refused = || async {
        for (field, kind, input) in &attempts {
            let refused = act(client, field, kind, input.clone(), "").await;
            assert!(!refused["userErrors"].as_array().unwrap().is_empty(), "{field} was not refused");
            assert!(refusal(&refused).2.contains("legal hold"), "{field}: {refused}");
        }
    };
    all_refused().await;
    // One of two holds released: still held, by its type and by itself.
    release(client, &first).await;
    for (field, kind, input) in attempts.iter().filter(|(field, ..)| !field.starts_with("documentFolder")) {
        let refused = act(client, field, kind, input.clone(), "").await;
        assert!(refusal(&refused).2.contains("legal hold"), "{field}: {refused}");
    }
    release(client, &second).await;
    for (field, kind, input) in &attempts {
        // in the trash a document is not changed
        if ["documentVersionDelete", "documentUpdate"].contains(field) {
            continue;
        }
        let done = act(client, field, kind, input.clone(), "").await;
        assert_eq!(done["userErrors"], json!([]), "{field}");
    }
    let whole = json!({ "name": "All", "reason": "Everything", "records": [format!("cli_{}", cabinet.firm.simple())] });
    let whole = act(client, "legalHoldCreate", "LegalHoldCreateInput", whole, "").await;
    assert_eq!(refusal(&whole).1, "input.records.0");

    // Every table of a client whose rows can go asks for holds.
    let unguarded = cabinet.office.app.database.lines(
        "postgres",
        "SELECT c.oid::regclass::text AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped
           JOIN pg_attribute i ON i.attrelid = c.oid AND i.attname = 'id' AND i.atttypid = 'uuid'::regtype
          WHERE c.relkind = 'r' AND n.nspname IN ('core', 'identity', 'practice', 'finance')
            AND NOT EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = 'held')
            AND NOT EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = 'refuse_change' AND (g.tgtype & 8) = 8)
         UNION ALL
         SELECT c.oid::regclass::text || ' (deleted_at)' FROM pg_class c
           JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped
           JOIN pg_attribute d ON d.attrelid = c.oid AND d.attname = 'deleted_at' AND NOT d.attisdropped
          WHERE c.relkind = 'r' AND NOT EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = 'held_deletion')",
    );
    assert_eq!(unguarded, Vec::<String>::new(), "call practice.guard_by_holds for these");
    cabinet.close();
}
