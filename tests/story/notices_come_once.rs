//! Who watches a record is told what happens to it: once, whoever looks and whatever is killed meanwhile; never of his own
//! deeds, never of what he does not see any more, and nothing but mentions of what he has muted.

use std::time::{Duration, Instant};

use backoffice::database::Blocking;
use backoffice::notices::follower::tell_all;
use backoffice::platform::can::Can;
use backoffice::platform::db::Pools;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, Office, Person, Setup};

const NOTICES: &str = "query($filter: NoticeFilter, $first: Int, $after: String) { notices(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id cause event recordId recordType actorName clientName readAt } } }";
const READ: &str =
    "mutation($input: NoticesReadInput!) { noticesRead(input: $input) { count userErrors { code field message } } }";
const WATCHERS: &str = "query($record: ID!) { recordWatchers(record: $record) { totalCount nodes { name staff } } recordWatch(record: $record) { watching muted } }";

const TALK: [Can; 4] = [Can::CommentRead, Can::CommentWrite, Can::NoticeRead, Can::CustomerRead];

async fn customer(client: &Client, number: &str) -> String {
    let query = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } userErrors { message } } }";
    let made = client.ask(query, json!({ "input": { "number": number, "name": "Kern", "country": "DE" } })).await;
    made["customerCreate"]["customer"]["id"].as_str().unwrap().to_owned()
}

async fn rename(client: &Client, customer: &str, name: &str) {
    let query = "mutation($input: CustomerUpdateInput!) { customerUpdate(input: $input) { customer { id } userErrors { message } } }";
    client.ask(query, json!({ "input": { "id": customer, "name": name } })).await;
}

async fn wish(client: &Client, what: &str, record: &str) -> Value {
    let query = format!(
        "mutation($record: ID!) {{ {what}(input: {{ record: $record }}) {{ recordWatch {{ recordId watching muted }} userErrors {{ code field message }} }} }}"
    );
    client.ask(&query, json!({ "record": record })).await[what]["recordWatch"].clone()
}

async fn notices(client: &Client, filter: Value) -> Vec<Value> {
    let seen = client.ask(NOTICES, json!({ "filter": filter, "first": 100 })).await["notices"].clone();
    let nodes = seen["nodes"].as_array().unwrap().clone();
    assert_eq!(seen["totalCount"], nodes.len(), "the count is that of the list");
    nodes
}

async fn causes(client: &Client) -> Vec<String> {
    let seen = notices(client, json!({ "unread": true })).await;
    seen.iter()
        .map(|one| format!("{} {}", one["actorName"].as_str().unwrap(), one["cause"].as_str().unwrap()))
        .collect()
}

/// A firm without workers, so that the story says when somebody looks.
struct Firm {
    office: Office,
    firm: Uuid,
    ada: Person,
    pools: Pools,
}

impl Firm {
    fn open() -> Self {
        let office = Office::with(Setup { jobs: 0, ..Setup::default() });
        let ada = office.person("Ada");
        let firm = office.firm("Firm", ada);
        let pools = Pools::new(&office.app.database.urls(), 4).unwrap();
        Self { office, firm, ada, pools }
    }

    fn joined(&self, name: &str, rights: &[Can]) -> (Person, Client) {
        let person = self.office.person(name);
        self.office.grant(self.firm, person, rights);
        (person, self.office.client(person, self.firm))
    }

    async fn look(&self) {
        while tell_all(&self.pools, true).await.unwrap() {}
    }
}

#[tokio::test]
async fn who_watches_is_told_once() {
    let firm = Firm::open();
    let ada = firm.office.client(firm.ada, firm.firm);
    let (bob_is, bob) = firm.joined("Bob", &TALK);
    let (paula_is, paula) = firm.joined("Paula", &TALK);
    firm.office
        .app
        .database
        .lay(&format!("UPDATE identity.account SET staff = false WHERE id = '{}'", paula_is.account));
    let record = customer(&ada, "1").await;
    for client in [&ada, &bob, &bob, &paula] {
        assert_eq!(
            wish(client, "recordWatch", &record).await,
            json!({ "recordId": record, "watching": true, "muted": false })
        );
    }
    let seen = bob.ask(WATCHERS, json!({ "record": record })).await;
    assert_eq!(
        (&seen["recordWatchers"]["totalCount"], &seen["recordWatch"]),
        (&json!(3), &json!({ "watching": true, "muted": false }))
    );
    let seen = paula.ask(WATCHERS, json!({ "record": record })).await;
    assert_eq!(seen["recordWatchers"], json!({ "totalCount": 1, "nodes": [{ "name": "Paula", "staff": false }] }));

    rename(&ada, &record, "Kern & Söhne").await;
    firm.look().await;
    firm.look().await;
    for client in [&bob, &paula] {
        let told = notices(client, json!({ "unread": true })).await;
        assert_eq!(told.len(), 1);
        assert_eq!(
            (&told[0]["cause"], &told[0]["event"], &told[0]["recordId"], &told[0]["actorName"], &told[0]["clientName"]),
            (&json!("HAPPENED"), &json!("CUSTOMER_UPDATED"), &json!(record), &json!("Ada"), &json!("Firm"))
        );
    }
    assert_eq!(causes(&ada).await, Vec::<String>::new(), "nobody is told of his own deeds");

    // Muted: only mentions.
    assert_eq!(
        wish(&bob, "recordMute", &record).await,
        json!({ "recordId": record, "watching": false, "muted": true })
    );
    let say = "mutation($record: ID!, $text: String!) { commentCreate(input: { record: $record, text: $text, visibleToClient: true }) { comment { id } userErrors { message } } }";
    rename(&ada, &record, "Kern").await;
    ada.ask(say, json!({ "record": record, "text": "Moved." })).await;
    firm.look().await;
    assert_eq!(causes(&bob).await, ["Ada HAPPENED"]);
    assert_eq!(causes(&paula).await, ["Ada HAPPENED", "Ada COMMENTED", "Ada HAPPENED"]);
    ada.ask(say, json!({ "record": record, "text": format!("@[usr_{}]?", bob_is.account.simple()) })).await;
    assert_eq!(causes(&bob).await, ["Ada MENTIONED", "Ada HAPPENED"]);
    assert_eq!(
        wish(&bob, "recordUnwatch", &record).await,
        json!({ "recordId": record, "watching": false, "muted": false })
    );

    // Read is read, once: of two who say so at once, each counts his own.
    let unread = notices(&paula, json!({ "unread": true })).await;
    let ids: Vec<&Value> = unread.iter().map(|one| &one["id"]).collect();
    let (one, two) = tokio::join!(
        paula.ask(READ, json!({ "input": { "notices": ids } })),
        paula.ask(READ, json!({ "input": { "record": record } }))
    );
    let counted = one["noticesRead"]["count"].as_i64().unwrap() + two["noticesRead"]["count"].as_i64().unwrap();
    assert_eq!(counted, i64::try_from(unread.len()).unwrap());
    assert_eq!(causes(&paula).await, Vec::<String>::new());
    assert_eq!(notices(&paula, json!({ "unread": false })).await.len(), 4);
    assert_eq!(notices(&paula, json!({ "cause": ["COMMENTED", "MENTIONED"], "record": record })).await.len(), 2);
    assert_eq!(notices(&paula, json!({ "record": "cus_1" })).await.len(), 0);
    let page = paula.ask(NOTICES, json!({ "first": 3 })).await["notices"].clone();
    let rest =
        paula.ask(NOTICES, json!({ "first": 3, "after": page["pageInfo"]["endCursor"] })).await["notices"].clone();
    assert_eq!((&page["totalCount"], rest["nodes"].as_array().unwrap().len()), (&json!(4), 1));

    // Another one's notices are none.
    let bobs = notices(&bob, json!({})).await[0]["id"].clone();
    for id in [bobs, json!(format!("ntc_{}", Uuid::now_v7().simple()))] {
        let reasons = paula.refused(READ, json!({ "input": { "notices": [unread[0]["id"], id] } })).await;
        assert_eq!(
            reasons,
            json!([{ "code": "NOT_FOUND", "field": ["input", "notices", "1"], "message": "There is no such notice." }])
        );
    }
    assert_eq!(paula.refused(READ, json!({ "input": {} })).await[0]["code"], "REQUIRED");
    let reasons =
        paula.refused(READ, json!({ "input": { "record": format!("cus_{}", Uuid::now_v7().simple()) } })).await;
    assert_eq!(reasons[0]["field"], json!(["input", "record"]));
    assert_eq!(firm.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn what_one_may_not_see_any_more_is_gone() {
    let firm = Firm::open();
    let ada = firm.office.client(firm.ada, firm.firm);
    let (bob_is, bob) = firm.joined("Bob", &[Can::NoticeRead]);
    let record = customer(&ada, "1").await;
    let watch = "mutation($record: ID!) { recordWatch(input: { record: $record }) { recordWatch { watching } userErrors { code field message } } }";
    assert_eq!(bob.refused(watch, json!({ "record": record })).await[0]["message"], "There is no such record.");
    firm.office.grant(firm.firm, bob_is, &[Can::CustomerRead]);
    wish(&bob, "recordWatch", &record).await;
    rename(&ada, &record, "One").await;
    firm.look().await;
    assert_eq!(causes(&bob).await.len(), 1);
    // The grant of the right has ended: what was told is gone, and nothing more is told.
    let tenant = firm.firm;
    let grants = |ended: &str| {
        format!(
            "SELECT core.set_tenant('{tenant}');
             UPDATE identity.access_grant g SET ended_at = {ended} FROM identity.role r
              WHERE g.tenant_id = '{tenant}' AND g.account_id = '{}' AND r.tenant_id = g.tenant_id AND r.id = g.role_id
                AND 'finance.customer.read' = ANY (r.permissions)",
            bob_is.account
        )
    };
    firm.office.app.database.lay(&grants("now()"));
    assert_eq!(causes(&bob).await.len(), 0);
    assert_eq!(notices(&bob, json!({})).await.len(), 0);
    rename(&ada, &record, "Two").await;
    firm.look().await;
    assert_eq!(firm.office.count("SELECT count(*) FROM practice.notice"), 1);

    // Over all clients: those in which one is told anything; a client that is closed is not there any more.
    let other = firm.office.firm("Other", firm.ada);
    firm.office.grant(other, bob_is, &[Can::NoticeRead, Can::CustomerRead]);
    firm.office.grant(firm.firm, bob_is, &[Can::CustomerRead]);
    firm.office.app.database.lay(&format!(
        "INSERT INTO identity.provider_grant (account_id, role_id) VALUES ('{}', '00000000-0000-7000-8000-000000000002')",
        bob_is.account
    ));
    let (elsewhere, there) = (firm.office.client(firm.ada, other), firm.office.client(bob_is, other));
    let second = customer(&elsewhere, "1").await;
    wish(&there, "recordWatch", &second).await;
    rename(&elsewhere, &second, "Three").await;
    firm.look().await;
    let afar = firm.office.app.client().with_token(firm.office.token(bob_is, None));
    let seen = notices(&afar, json!({ "unread": true })).await;
    let names: Vec<&Value> = seen.iter().map(|one| &one["clientName"]).collect();
    assert_eq!(names, ["Other", "Firm"]);
    assert_eq!(notices(&there, json!({})).await.len(), 1);
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{other}'); UPDATE practice.client SET closes_at = now() - interval '1 minute' WHERE tenant_id = '{other}'"
    ));
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{other}'); SELECT core.emit(ARRAY[gen_random_uuid()], ARRAY['customer.updated'], ARRAY['Customer'], ARRAY['{}'::uuid])",
        second.rsplit_once('_').unwrap().1
    ));
    firm.look().await;
    assert_eq!(notices(&afar, json!({})).await.len(), 1);
    assert_eq!(firm.office.count("SELECT count(*) FROM practice.notice"), 2, "a closed client tells nobody anything");
}

#[tokio::test]
async fn many_who_look_and_one_that_is_killed_tell_once() {
    let firm = Firm::open();
    let ada = firm.office.client(firm.ada, firm.firm);
    let (_, bob) = firm.joined("Bob", &TALK);
    let record = customer(&ada, "1").await;
    wish(&bob, "recordWatch", &record).await;
    for number in 0..10 {
        rename(&ada, &record, &format!("Name {number}")).await;
    }
    // One that has told and is killed before it could keep that.
    firm.office.app.database.past_the_server("backoffice_identity", |connection: &mut Blocking| {
        use diesel::RunQueryDsl;
        let run = |connection: &mut Blocking, text: &str| diesel::sql_query(text).execute(connection).unwrap();
        run(connection, "BEGIN");
        run(
            connection,
            &format!(
                "SELECT core.notices_follow('{}', '{{customer.updated}}', '{{Customer}}', '{{finance.customer.read}}', 100)",
                firm.firm
            ),
        );
        run(connection, "ROLLBACK");
    });
    assert_eq!(firm.office.count("SELECT count(*) FROM practice.notice"), 0);
    let looked = tokio::join!(
        tell_all(&firm.pools, true),
        tell_all(&firm.pools, false),
        tell_all(&firm.pools, true),
        tell_all(&firm.pools, false)
    );
    for one in [looked.0, looked.1, looked.2, looked.3] {
        one.unwrap();
    }
    firm.look().await;
    assert_eq!(notices(&bob, json!({})).await.len(), 10);

    // With processes that look by themselves, it is the same.
    let (one, two) = (firm.office.app.database.worker(1), firm.office.app.database.worker(1));
    for number in 10..30 {
        rename(&ada, &record, &format!("Name {number}")).await;
        if number == 20 {
            drop(firm.office.app.database.worker(1));
        }
    }
    drop(one);
    for number in 30..40 {
        rename(&ada, &record, &format!("Name {number}")).await;
    }
    let begun = Instant::now();
    while notices(&bob, json!({})).await.len() < 40 {
        assert!(begun.elapsed() < Duration::from_secs(30), "something was left out");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(firm.office.count("SELECT count(*) FROM practice.notice"), 40);
    drop(two);
}

#[tokio::test]
async fn a_breach_is_told_to_who_does_or_watches() {
    let firm = Firm::open();
    let ada = firm.office.client(firm.ada, firm.firm);
    let work = [Can::NoticeRead, Can::WorkItemRead, Can::ClockRead, Can::WorkItemPerform];
    let (bob_is, bob) = firm.joined("Bob", &work);
    let (_, eve) = firm.joined("Eve", &work);
    let (_, sam) = firm.joined("Sam", &[Can::NoticeRead, Can::WorkItemRead]);
    let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];
    let hours: Vec<Value> =
        days.iter().map(|day| json!({ "weekday": day, "from": "09:00", "until": "17:00" })).collect();
    ada.ask(
        "mutation($input: BusinessCalendarCreateInput!) { businessCalendarCreate(input: $input) { businessCalendar { id } userErrors { message } } }",
        json!({ "input": { "name": "Standard", "hours": hours, "isDefault": true } }),
    )
    .await;
    let since = (Utc::now() - TimeDelta::days(20)).to_rfc3339();
    let made = ada
        .ask(
            "mutation($input: WorkItemCreateInput!) { workItemCreate(input: $input) { workItem { id dueExplanation { clockId } } userErrors { message } } }",
            json!({ "input": { "kind": "TASK", "title": "Late", "assignee": format!("usr_{}", bob_is.account.simple()), "due": { "clockMinutes": 60, "since": since } } }),
        )
        .await["workItemCreate"]["workItem"]
        .clone();
    let item = made["id"].as_str().unwrap();
    let clock = made["dueExplanation"]["clockId"].as_str().unwrap();
    wish(&eve, "recordWatch", item).await;
    wish(&eve, "recordWatch", clock).await;
    // Who sees the work but not its clocks is not told of them.
    wish(&sam, "recordWatch", item).await;
    while backoffice::clocks::breach::tell_next(&firm.pools).await.unwrap() {}
    firm.look().await;
    assert_eq!(causes(&bob).await[0].split_once(' ').unwrap().1.split(' ').next_back(), Some("BREACHED"));
    assert_eq!(
        bob.ask(NOTICES, json!({ "filter": { "cause": ["BREACHED"] } })).await["notices"]["nodes"][0]["recordId"],
        item
    );
    let eves = notices(&eve, json!({})).await;
    assert_eq!((eves.len(), &eves[0]["cause"], &eves[0]["event"]), (1, &json!("BREACHED"), &json!("CLOCK_BREACHED")));
    assert_eq!(causes(&sam).await, Vec::<String>::new());
    let shown = bob.ask("{ workNotices { nodes { cause title } } }", json!({})).await["workNotices"]["nodes"].clone();
    assert_eq!(shown[0], json!({ "cause": "BREACHED", "title": "Late" }), "the list of work is the same list");
}

#[tokio::test]
async fn a_client_that_was_loaded_tells_nothing_of_its_past() {
    let firm = Firm::open();
    let ada = firm.office.client(firm.ada, firm.firm);
    let (_, bob) = firm.joined("Bob", &TALK);
    let record = customer(&ada, "1").await;
    wish(&bob, "recordWatch", &record).await;
    rename(&ada, &record, "Before").await;
    // As an archive brings it: watchers and events, and no place among them.
    firm.office.app.database.lay("DELETE FROM core.notice_lane");
    firm.look().await;
    assert_eq!(causes(&bob).await, Vec::<String>::new());
    rename(&ada, &record, "Behind").await;
    firm.look().await;
    assert_eq!(causes(&bob).await, ["Ada HAPPENED"]);
}
