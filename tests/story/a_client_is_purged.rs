//! What is left of a client that has left: kept until its day, proposed by one and confirmed by another, and then gone from
//! every table and from the store, while the client beside it keeps every row.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::program::{done, refused};
use crate::harness::{App, Client, PASSWORD, id_of};
use crate::walls::furnished::furnish;
use crate::walls::schema::Schema;

const SHOWN: &str = "clientOffboarding { state keptUntil steps { step done missing }
    purge { reason liftsLegalHolds proposedByName confirmedByName purgedAt certificate } } userErrors { code field message }";

async fn act(client: &Client, field: &str, kind: &str, input: Value) -> Value {
    let query = format!("mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {SHOWN} }} }}");
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][field].clone()
}

async fn keep(client: &Client, of: &str, until: NaiveDate) -> Value {
    let input = json!({ "client": of, "until": until.to_string() });
    act(client, "clientOffboardingKeep", "ClientOffboardingKeep", input).await
}

async fn propose(client: &Client, of: &str, lift: bool) -> Value {
    let input = json!({ "client": of, "reason": "Its term is over", "liftLegalHolds": lift });
    act(client, "clientPurgePropose", "ClientPurgePropose", input).await
}

async fn decide(client: &Client, of: &str, confirm: bool) -> Value {
    act(client, "clientPurgeDecide", "ClientPurgeDecide", json!({ "client": of, "confirm": confirm })).await
}

/// The code of the first refusal, its field, and a word of its sentence.
fn refuses(payload: &Value, code: &str, field: &str, word: &str) {
    let error = &payload["userErrors"][0];
    assert_eq!((error["code"].as_str(), error["field"][1].as_str()), (Some(code), Some(field)), "{payload}");
    assert!(error["message"].as_str().unwrap().contains(word), "{payload}");
}

fn raw(client: &str) -> Uuid {
    Uuid::try_parse(client.split_once('_').unwrap().1).unwrap()
}

/// Announces the end of a client for today; gives that day.
async fn leaves_today(administrator: &Client, client: &str) -> NaiveDate {
    let today = Utc::now().with_timezone(&chrono_tz::Europe::Berlin).date_naive();
    let input = json!({ "client": client, "lastDay": today.to_string(), "reason": "Sold" });
    let made = act(administrator, "clientOffboardingAnnounce", "ClientOffboarding", input).await;
    assert_eq!(made["clientOffboarding"]["state"], "ANNOUNCED", "{made}");
    today
}

/// As if the last day had been over for `days` days.
fn time_goes_by(app: &App, client: &str, days: u32) {
    let client = raw(client);
    app.database.lay(&format!(
        "SET LOCAL session_replication_role = replica;
         UPDATE practice.client SET closes_at = now() WHERE id = '{client}';
         UPDATE practice.client_offboarding SET closes_at = now() - interval '{days} days', last_day = last_day - {days},
                keep_until = keep_until - {days} WHERE client_id = '{client}'"
    ));
}

/// Another administrator of the provider.
async fn colleague(app: &App, administrator: &Client, email: &str) -> Client {
    let roles = administrator.ask("{ providerRoles { id name } }", json!({})).await;
    let role = id_of(&roles["providerRoles"], "name", "Provider administrator");
    let query = "mutation($input: StaffCreateInput!) { staffCreate(input: $input) { staffMember { id } userErrors { message } } }";
    let input = json!({ "email": email, "name": "Bea Beck", "password": PASSWORD, "roles": [role] });
    let made = administrator.ask(query, json!({ "input": input })).await;
    assert!(made["staffCreate"]["staffMember"]["id"].is_string(), "{made}");
    app.sign_in(email).await
}

/// How many rows of every table say this, whoever's they are.
fn said(app: &App, what: &str) -> BTreeMap<String, i64> {
    let tables = "SELECT c.oid::regclass::text AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'";
    let counts: Vec<String> = app
        .database
        .lines("postgres", tables)
        .into_iter()
        .map(|table| format!("SELECT '{table} ' || count(*) AS line FROM {table} t WHERE t::text ILIKE '%{what}%'"))
        .collect();
    let lines = app.database.lines("postgres", &counts.join(" UNION ALL "));
    let each = lines.iter().map(|line| {
        let (table, count) = line.rsplit_once(' ').unwrap();
        (table.to_owned(), count.parse::<i64>().unwrap())
    });
    each.filter(|(_, count)| *count > 0).collect()
}

async fn purge(app: &App, more: &[&str]) -> String {
    let store = app.folder.to_str().unwrap();
    let data = app.folder.with_extension("purging");
    let arguments = [&["client", "purge", "--file-store", store, "--data-dir", data.to_str().unwrap()], more].concat();
    done(&arguments, &[("DATABASE_URL", &app.database.url("backoffice_owner"))]).await
}

fn objects(app: &App, client: &str) -> usize {
    let folder = app.folder.join(raw(client).simple().to_string());
    std::fs::read_dir(folder).map(Iterator::count).unwrap_or_default()
}

#[tokio::test]
async fn everything_goes_from_every_table_and_the_client_beside_it_keeps_its_rows() {
    let (schema, app) = (Schema::read().await, App::start());
    let administrator = app.administrator().await;
    let beta = furnish(&app, &schema, &administrator, "BETA", "01").await;
    let alpha = furnish(&app, &schema, &administrator, "ALPHA", "02").await;
    let other = colleague(&app, &administrator, "bea@firm.example").await;
    let (gone, stays) = (raw(&alpha.client).to_string(), raw(&beta.client).to_string());
    let before = said(&app, &stays);
    assert!(said(&app, "alpha").len() > 60 && objects(&app, &alpha.client) > 0, "{:?}", said(&app, "alpha"));

    // Kept ten calendar years, unless somebody says otherwise; nothing is proposed before.
    let last = leaves_today(&administrator, &alpha.client).await;
    refuses(&propose(&administrator, &alpha.client, true).await, "STATE", "client", "last day is not over");
    time_goes_by(&app, &alpha.client, 40);
    let early = propose(&administrator, &alpha.client, true).await;
    refuses(&early, "STATE", "client", "still kept");
    let last = last - Days::new(40);
    let shown =
        administrator.ask("{ clientOffboardings { nodes { state keptUntil purge { reason } } } }", json!({})).await;
    let ten_years = format!("{}-12-31", last.year() + 10);
    assert_eq!(
        shown["clientOffboardings"]["nodes"][0],
        json!({ "state": "CLOSED", "keptUntil": ten_years, "purge": null })
    );
    refuses(&keep(&administrator, &alpha.client, last - Days::new(1)).await, "INVALID", "until", "last day");
    assert_eq!(keep(&administrator, &alpha.client, last + Days::new(30)).await["userErrors"], json!([]));

    // A hold that nobody has released keeps it, unless it is said; nobody confirms what he has proposed.
    refuses(&propose(&administrator, &alpha.client, false).await, "STATE", "liftLegalHolds", "Legal holds");
    refuses(&decide(&other, &alpha.client, true).await, "STATE", "client", "Nobody has proposed");
    let proposed = propose(&administrator, &alpha.client, true).await;
    assert_eq!(proposed["clientOffboarding"]["purge"]["liftsLegalHolds"], true, "{proposed}");
    refuses(&propose(&other, &alpha.client, true).await, "STATE", "client", "already");
    refuses(&decide(&administrator, &alpha.client, true).await, "STATE", "client", "somebody else");
    assert!(purge(&app, &[]).await.contains("0 confirmed"));
    // The same person by another account, at the same mailbox, is not somebody else.
    let second = colleague(&app, &administrator, "ada+second@firm.example").await;
    refuses(&decide(&second, &alpha.client, true).await, "STATE", "client", "somebody else");
    let staff = app.sign_in("boss-01@firm.example").await;
    let query =
        "mutation($input: ClientPurgeDecideInput!) { clientPurgeDecide(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "client": alpha.client, "confirm": true } });
    assert_eq!(staff.send(query, input).await.code(), "FORBIDDEN");
    let unknown = "cli_0123456789abcdef0123456789abcdef";
    assert_eq!(decide(&other, unknown, true).await["userErrors"][0]["code"], "NOT_FOUND");

    // Confirmed, put off, and confirmed again: whoever keeps it longer takes the proposal back.
    let confirmed = decide(&other, &alpha.client, true).await["clientOffboarding"].clone();
    assert_eq!(confirmed["purge"]["confirmedByName"], "Bea Beck");
    assert!(confirmed["steps"][4]["missing"].as_str().unwrap().contains("client purge"), "{confirmed}");
    refuses(&decide(&other, &alpha.client, true).await, "STATE", "client", "confirmed already");
    assert_eq!(keep(&other, &alpha.client, last + Days::new(39)).await["clientOffboarding"]["purge"], Value::Null);
    assert!(purge(&app, &[]).await.contains("0 confirmed"));
    propose(&other, &alpha.client, true).await;
    decide(&administrator, &alpha.client, true).await;
    assert!(purge(&app, &["--dry-run"]).await.contains("ALPHA Trading would be purged"));
    assert!(said(&app, &gone).len() > 60);

    // Done.
    let printed = purge(&app, &[]).await;
    assert!(printed.contains("ALPHA Trading is purged: ") && printed.contains("1 people have no name"), "{printed}");
    assert_eq!(objects(&app, &alpha.client), 0);
    let provider = ["identity.provider_trail", "practice.client_offboarding"];
    assert_eq!(said(&app, &gone).into_keys().collect::<Vec<_>>(), provider);
    assert_eq!(said(&app, &raw(&alpha.client).simple().to_string()), BTreeMap::new());
    // What the provider itself has named with the same word is the provider's.
    let named = [
        "core.provider_calendar",
        "practice.client_group",
        "practice.onboarding_template",
        "practice.service",
        "practice.team",
        "practice.work_template",
        "practice.work_view",
    ];
    let left: Vec<String> = said(&app, "alpha").into_keys().collect();
    assert!(left.iter().all(|table| provider.contains(&table.as_str()) || named.contains(&table.as_str())), "{left:?}");
    assert_eq!(said(&app, &stays), before);
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
    // Every trigger and every wall stands again.
    let down = "SELECT format('%s %s', t.tgrelid::regclass, t.tgname) AS line FROM pg_trigger t WHERE t.tgenabled = 'D'
                UNION ALL SELECT k.conname FROM pg_constraint k WHERE k.contype = 'f' AND k.condeferrable
                UNION ALL SELECT c.oid::regclass::text FROM pg_class c WHERE c.relrowsecurity AND NOT c.relforcerowsecurity";
    assert_eq!(app.database.lines("postgres", down), Vec::<String>::new());

    // What stays is the provider's record, with the certificate; nothing more can be done, and nothing is done twice.
    let list =
        "{ clientOffboardings { nodes { clientName state steps { step done } purge { purgedAt certificate } } } }";
    let shown = administrator.ask(list, json!({})).await["clientOffboardings"]["nodes"][0].clone();
    assert_eq!((&shown["clientName"], &shown["state"]), (&json!("ALPHA Trading"), &json!("PURGED")));
    assert_eq!(shown["steps"][4], json!({ "step": "PURGE", "done": true }));
    let certificate = &shown["purge"]["certificate"];
    let tables = certificate["tables"].as_array().unwrap();
    let entries = tables.iter().find(|table| table["table"] == "finance.journal_entry").unwrap();
    assert!(entries["rows"].as_i64().unwrap() > 0 && entries["sum"].as_str().unwrap().len() == 32, "{entries}");
    assert!(certificate["legalHoldsLifted"].as_i64().unwrap() > 0 && certificate["people"] == 1);
    assert!(certificate["auditHead"].is_object() && certificate["files"]["count"].as_i64().unwrap() > 0);
    refuses(
        &keep(&administrator, &alpha.client, last + Days::new(99)).await,
        "STATE",
        "client",
        "Nothing of the client",
    );
    refuses(&propose(&administrator, &alpha.client, true).await, "STATE", "client", "Nothing of the client");
    refuses(&decide(&other, &alpha.client, false).await, "STATE", "client", "Nothing of the client");
    assert!(purge(&app, &[]).await.contains("0 confirmed"));
    // The client beside it works on.
    let read = beta.boss.ask("{ trialBalance(asOf: \"2026-12-31\") { debit { amount } } }", json!({})).await;
    assert!(read["trialBalance"]["debit"]["amount"].is_string());
}

#[tokio::test]
async fn a_purge_that_cannot_end_takes_nothing() {
    let app = App::start();
    let books = app.with_books().await;
    let other = colleague(&app, &books.administrator, "bea@firm.example").await;
    let last = leaves_today(&books.administrator, &books.client).await;
    keep(&books.administrator, &books.client, last).await;
    time_goes_by(&app, &books.client, 1);
    propose(&books.administrator, &books.client, false).await;
    let confirmed = decide(&other, &books.client, true).await;
    assert_eq!(confirmed["userErrors"], json!([]), "{confirmed}");

    // Something of the provider's points at the client, of which the purge knows nothing: it says so, and nothing is gone.
    app.database.lay(&format!(
        "CREATE TABLE practice.story (client uuid REFERENCES core.tenant); INSERT INTO practice.story VALUES ('{}')",
        raw(&books.client)
    ));
    let gone = raw(&books.client).to_string();
    let before = said(&app, &gone);
    let store = app.folder.to_str().unwrap();
    let data = app.folder.with_extension("purging");
    let arguments = ["client", "purge", "--file-store", store, "--data-dir", data.to_str().unwrap()];
    let told = refused(&arguments, &[("DATABASE_URL", &app.database.url("backoffice_owner"))]).await;
    assert!(told.contains("Nothing was purged: the client itself"), "{told}");
    assert_eq!(said(&app, &gone), before);
    app.database.lay("DROP TABLE practice.story");
    let printed = purge(&app, &[]).await;
    assert!(printed.contains("Alpha Trading is purged: "), "{printed}");
    let left: Vec<String> = said(&app, &gone).into_keys().collect();
    assert_eq!(left, ["identity.provider_trail", "practice.client_offboarding"]);
}
