//! When something happens, if a condition holds, then something is done: once, when the condition comes to hold, with the
//! rights of whoever published the rule, and never for ever.

use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::receiver::Receiver;
use crate::harness::{Client, Office, Person};

const CREATE: &str = "mutation($input: RuleCreateInput!) { ruleCreate(input: $input) {
    rule { id state latestVersion armedVersion version versions { number events condition publisherName } } userErrors { code field message } } }";
const PUBLISH: &str = "mutation($input: RuleVersionPublishInput!) { ruleVersionPublish(input: $input) {
    rule { id state latestVersion armedVersion } userErrors { code field message } } }";
const ARM: &str = "mutation($input: RuleArmInput!) { ruleArm(input: $input) {
    rule { id state armedVersion blockedFor } userErrors { code field message } } }";
const RUNS: &str = "query($first: Int, $after: String, $filter: RuleRunFilter) { ruleRuns(first: $first, after: $after, filter: $filter) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id versionNumber eventKind event record outcome reason depth durationMicros input effects { kind record says } rule { id name } } } }";
const RULE: &str = "query($id: ID!) { rule(id: $id) { state armedVersion latestVersion blockedFor } }";

struct Firm {
    office: Office,
    ada: Person,
    tenant: Uuid,
    client: Client,
}

impl Firm {
    fn open() -> Self {
        let office = Office::open();
        let ada = office.person("Ada");
        let tenant = office.firm("Firm", ada);
        let client = office.client(ada, tenant);
        Self { office, ada, tenant, client }
    }

    async fn items(&self) -> Vec<Value> {
        let page = self
            .client
            .ask("{ workItems(first: 100) { nodes { id title kind priority dueOn recordId } } }", json!({}))
            .await;
        page["workItems"]["nodes"].as_array().unwrap().clone()
    }
}

/// Makes a rule; gives its id.
async fn made(client: &Client, name: &str, events: Value, condition: &str, actions: Value) -> String {
    let input = json!({ "name": name, "events": events, "condition": condition, "actions": actions });
    let made = client.ask(CREATE, json!({ "input": input })).await;
    made["ruleCreate"]["rule"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

async fn arm(client: &Client, rule: &str) {
    let armed = client.ask(ARM, json!({ "input": { "rule": rule } })).await;
    assert_eq!(armed["ruleArm"]["rule"]["state"], "ARMED", "{armed}");
}

pub async fn armed(client: &Client, name: &str, events: Value, condition: &str, actions: Value) -> String {
    let rule = made(client, name, events, condition, actions).await;
    arm(client, &rule).await;
    rule
}

fn opening(title: &str) -> Value {
    json!([{ "openWorkItem": { "title": title } }])
}

async fn item(client: &Client, title: &str) -> String {
    let made = client
        .ask(
            "mutation($title: String!) { workItemCreate(input: { kind: TASK, title: $title }) { workItem { id } userErrors { message } } }",
            json!({ "title": title }),
        )
        .await;
    made["workItemCreate"]["workItem"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

async fn act(client: &Client, action: &str, id: &str) {
    let query =
        format!("mutation($id: ID!) {{ workItem{action}(input: {{ id: $id }}) {{ userErrors {{ message }} }} }}");
    let done = client.ask(&query, json!({ "id": id })).await;
    assert_eq!(done[format!("workItem{action}")]["userErrors"], json!([]), "{done}");
}

async fn comment(client: &Client, id: &str) {
    client
        .ask(
            "mutation($id: ID!) { workItemComment(input: { item: $id, text: \"Well\" }) { userErrors { message } } }",
            json!({ "id": id }),
        )
        .await;
}

async fn vendor(client: &Client, number: &str, terms: i32) -> String {
    let made = client
        .ask(
            "mutation($number: String!, $terms: Int) { vendorCreate(input: { number: $number, name: \"Paper Ltd\", country: \"DE\", paymentTermsDays: $terms }) {
               vendor { id } userErrors { message } } }",
            json!({ "number": number, "terms": terms }),
        )
        .await;
    made["vendorCreate"]["vendor"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

async fn runs(client: &Client, filter: Value) -> Vec<Value> {
    client.ask(RUNS, json!({ "first": 100, "filter": filter })).await["ruleRuns"]["nodes"].as_array().unwrap().clone()
}

/// Waits until a rule has run so often; gives the runs, the latest first.
pub async fn ran(client: &Client, rule: &str, times: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let found = runs(client, json!({ "rule": { "eq": rule } })).await;
        if found.len() >= times {
            assert_eq!(found.len(), times, "{found:#?}");
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{} of {times} runs: {found:#?}", found.len());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Waits until all armed rules have looked at everything that has happened.
async fn settled(office: &Office) {
    let begun = Instant::now();
    let behind = "SELECT count(*) FROM core.rule_lane l JOIN core.event_head h ON h.tenant_id = l.client_id
                   WHERE l.active AND EXISTS (SELECT 1 FROM core.event e WHERE e.tenant_id = l.client_id AND e.kind = ANY (l.kinds) AND e.position > l.position)";
    while office.count(behind) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the rules do not come to rest");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test]
async fn done_fires_done_again_does_not_open_then_done_does() {
    let firm = Firm::open();
    let client = &firm.client;
    let rule = made(
        client,
        "Check what was done",
        json!(["WORK_ITEM_COMPLETED"]),
        "record.state == 'DONE' && record.title.startsWith('Payroll')",
        json!([{ "openWorkItem": { "title": "Check: {{ record.title }}", "kind": "EXCEPTION", "priority": "HIGH", "dueInDays": 2 } }]),
    )
    .await;
    let watched = item(client, "Payroll of May").await;
    act(client, "Complete", &watched).await;
    settled(&firm.office).await;
    assert_eq!(runs(client, json!({})).await, [] as [Value; 0], "it is not armed");
    act(client, "Reopen", &watched).await;

    arm(client, &rule).await;
    act(client, "Complete", &watched).await;
    let first = ran(client, &rule, 1).await;
    assert_eq!(
        (&first[0]["outcome"], &first[0]["depth"], &first[0]["versionNumber"]),
        (&json!("DONE"), &json!(0), &json!(1))
    );
    assert_eq!((&first[0]["eventKind"], &first[0]["record"]), (&json!("WORK_ITEM_COMPLETED"), &json!(watched)));
    assert_eq!(
        (&first[0]["input"]["record"]["state"], &first[0]["input"]["before"]["state"]),
        (&json!("DONE"), &json!("OPEN"))
    );
    assert_eq!(first[0]["effects"][0]["says"], "Opens the work item \"Check: Payroll of May\".");
    let opened = firm.items().await;
    assert_eq!(opened.len(), 1);
    assert_eq!(
        (&opened[0]["title"], &opened[0]["kind"], &opened[0]["priority"]),
        (&json!("Check: Payroll of May"), &json!("EXCEPTION"), &json!("HIGH"))
    );
    assert_eq!((&opened[0]["recordId"], &opened[0]["id"]), (&json!(watched), &first[0]["effects"][0]["record"]));
    assert!(opened[0]["dueOn"].is_string());

    // done again: something happens to it, and it is done as before
    comment(client, &watched).await;
    settled(&firm.office).await;
    ran(client, &rule, 1).await;
    // open, then done
    act(client, "Reopen", &watched).await;
    act(client, "Complete", &watched).await;
    ran(client, &rule, 2).await;
    // another record is another matter, and one that the condition does not hold for none at all
    for title in ["Payroll of June", "Rent"] {
        act(client, "Complete", &item(client, title).await).await;
    }
    settled(&firm.office).await;
    ran(client, &rule, 3).await;
    assert_eq!(firm.items().await.len(), 3);
    // the trail names who published it, and the run as the request
    let run = first[0]["id"].as_str().unwrap().rsplit_once('_').unwrap().1.to_owned();
    assert_eq!(
        firm.office.count(&format!(
            "SELECT count(*) FROM audit.entry e WHERE e.table_name = 'practice.work_item' AND e.action = 'insert'
               AND e.request_id = '{run}' AND e.actor_id = '{}'",
            firm.ada.account
        )),
        1
    );
    assert_eq!(firm.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn figures_are_compared_exactly_and_quick_changes_are_seen_one_by_one() {
    let firm = Firm::open();
    let client = &firm.client;
    let rule = armed(
        client,
        "Long terms",
        json!(["VENDOR_CREATED", "VENDOR_UPDATED"]),
        "record.paymentTermsDays > 60",
        opening("{{ record.name }} wants {{ record.paymentTermsDays }} days"),
    )
    .await;
    let vendor = vendor(client, "V-1", 60).await;
    // faster than anybody looks: each change counts as it was
    for terms in [61, 60, 90, 91, 30, 365] {
        client
            .ask(
                "mutation($id: ID!, $terms: Int) { vendorUpdate(input: { id: $id, paymentTermsDays: $terms }) { userErrors { message } } }",
                json!({ "id": vendor, "terms": terms }),
            )
            .await;
    }
    let seen = ran(client, &rule, 3).await;
    let terms: Vec<&Value> = seen.iter().rev().map(|run| &run["input"]["record"]["paymentTermsDays"]).collect();
    assert_eq!(terms, [&json!(61), &json!(90), &json!(365)]);
    let mut titles: Vec<String> =
        firm.items().await.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    assert_eq!(titles, ["Paper Ltd wants 365 days", "Paper Ltd wants 61 days", "Paper Ltd wants 90 days"]);
}

#[tokio::test]
async fn each_effect_happens_once_however_many_servers_look() {
    let firm = Firm::open();
    let client = &firm.client;
    let more = [firm.office.app.database.workers(1), firm.office.app.database.workers(1)];
    let rule = armed(
        client,
        "Follow up",
        json!(["WORK_ITEM_COMPLETED"]),
        "record.kind == 'TASK' && record.state == 'DONE' && event.depth == 0",
        opening("After {{ record.title }}"),
    )
    .await;
    for number in 0..40 {
        let id = item(client, &format!("Task {number}")).await;
        act(client, "Complete", &id).await;
    }
    ran(client, &rule, 40).await;
    settled(&firm.office).await;
    ran(client, &rule, 40).await;
    assert_eq!(firm.office.count("SELECT count(*) FROM practice.work_item WHERE title LIKE 'After %'"), 40);
    for workers in more {
        workers.stop().await;
    }
}

#[tokio::test]
async fn a_rule_that_triggers_itself_is_stopped_and_seen() {
    let firm = Firm::open();
    let client = &firm.client;
    let rule = armed(
        client,
        "For ever",
        json!(["WORK_ITEM_CREATED"]),
        "record.state == 'OPEN'",
        opening("Again {{ event.depth }}"),
    )
    .await;
    item(client, "The first").await;
    let seen = ran(client, &rule, 6).await;
    settled(&firm.office).await;
    ran(client, &rule, 6).await;
    let told: Vec<(i64, &str)> =
        seen.iter().rev().map(|run| (run["depth"].as_i64().unwrap(), run["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [(0, "DONE"), (1, "DONE"), (2, "DONE"), (3, "DONE"), (4, "DONE"), (5, "STOPPED")]);
    assert_eq!(seen[0]["reason"], "5 rules had led to this, one behind the other; nothing more is done.");
    assert_eq!(seen[0]["effects"], json!([]));
    assert_eq!(firm.items().await.len(), 6);
    let stopped = runs(client, json!({ "outcome": { "eq": "STOPPED" } })).await;
    assert_eq!(stopped.len(), 1);
}

#[tokio::test]
async fn a_new_version_starts_disarmed_and_a_dry_run_changes_nothing() {
    let firm = Firm::open();
    let client = &firm.client;
    for title in ["Rent", "Payroll of May", "Payroll of June"] {
        let id = item(client, title).await;
        act(client, "Complete", &id).await;
        if title == "Payroll of June" {
            act(client, "Reopen", &id).await;
            act(client, "Complete", &id).await;
        }
    }
    let rule = made(
        client,
        "Check",
        json!(["WORK_ITEM_COMPLETED"]),
        "record.state == 'DONE'",
        opening("Look at {{ record.title }}"),
    )
    .await;
    let found = client.ask(RULE, json!({ "id": rule })).await["rule"].clone();
    assert_eq!(
        (&found["state"], &found["armedVersion"], &found["latestVersion"]),
        (&json!("DISARMED"), &Value::Null, &json!(1))
    );

    let dry = "query($rule: ID!, $number: Int, $last: Int) { ruleDryRun(rule: $rule, number: $number, last: $last) {
        versionNumber lookedAt steps { event eventKind record would failure } } }";
    let events = firm.office.count("SELECT count(*) FROM core.event");
    let told = client.ask(dry, json!({ "rule": rule })).await["ruleDryRun"].clone();
    let would: Vec<&str> =
        told["steps"].as_array().unwrap().iter().map(|step| step["would"][0].as_str().unwrap()).collect();
    let opens = |title: &str| format!("Opens the work item \"Look at {title}\".");
    assert_eq!(would, [opens("Rent"), opens("Payroll of May"), opens("Payroll of June"), opens("Payroll of June")]);
    assert_eq!(told["lookedAt"], 8);
    // over the last three only: reopened and done once more
    let told = client.ask(dry, json!({ "rule": rule, "last": 3 })).await["ruleDryRun"].clone();
    assert_eq!((&told["lookedAt"], told["steps"].as_array().unwrap().len()), (&json!(3), 2));

    // a second version, beside the first one that is armed
    arm(client, &rule).await;
    let next = json!({ "rule": rule, "events": ["WORK_ITEM_COMPLETED"], "condition": "record.state == 'DONE' && record.title.startsWith('Payroll')",
                       "actions": opening("Check {{ record.title }}") });
    let now = client.ask(PUBLISH, json!({ "input": next })).await["ruleVersionPublish"]["rule"].clone();
    assert_eq!((&now["latestVersion"], &now["armedVersion"], &now["state"]), (&json!(2), &json!(1), &json!("ARMED")));
    let told = client.ask(dry, json!({ "rule": rule, "number": 2 })).await["ruleDryRun"].clone();
    assert_eq!(told["steps"].as_array().unwrap().len(), 3);
    act(client, "Complete", &item(client, "Tax").await).await;
    ran(client, &rule, 1).await;
    arm(client, &rule).await;
    for title in ["Tax again", "Payroll of July"] {
        act(client, "Complete", &item(client, title).await).await;
    }
    settled(&firm.office).await;
    let seen = ran(client, &rule, 2).await;
    assert_eq!((&seen[0]["versionNumber"], &seen[1]["versionNumber"]), (&json!(2), &json!(1)));
    let mut titles: Vec<String> =
        firm.items().await.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    assert_eq!(titles, ["Check Payroll of July", "Look at Tax"]);
    // nothing but the arming, the publishing and what was done by hand and by the two runs was told
    assert_eq!(firm.office.count("SELECT count(*) FROM core.event"), events + 2 + 1 + 6 + 2);
    // disarmed, it does nothing
    client
        .ask(
            "mutation($rule: ID!) { ruleDisarm(input: { rule: $rule }) { rule { state } userErrors { message } } }",
            json!({ "rule": rule }),
        )
        .await;
    act(client, "Complete", &item(client, "Payroll of August").await).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    ran(client, &rule, 2).await;
}

#[tokio::test]
async fn it_never_does_more_than_its_publisher_may() {
    let firm = Firm::open();
    let bob = firm.office.person("Bob");
    let rights =
        [Can::RuleRead, Can::RuleManage, Can::RuleArm, Can::WorkItemRead, Can::WorkItemManage, Can::WorkItemPerform];
    firm.office.grant(firm.tenant, bob, &rights);
    let his = firm.office.client(bob, firm.tenant);
    // what he may not do he cannot have done
    let input = |actions: Value, events: Value, condition: &str| json!({ "input": { "name": "Sly", "events": events, "condition": condition, "actions": actions } });
    for (actions, events, right) in [
        (json!([{ "setField": { "field": "active", "value": "false" } }]), json!(["VENDOR_UPDATED"]), "finance.vendor"),
        (opening("x"), json!(["INVOICE_ISSUED"]), "finance.invoice.read"),
        (
            json!([{ "openWorkItem": { "title": "x", "assignee": format!("usr_{}", firm.ada.account.simple()) } }]),
            json!(["WORK_ITEM_CREATED"]),
            "work.item.assign",
        ),
    ] {
        let reply = his.send(CREATE, input(actions, events, "true")).await;
        assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
        assert!(reply.text.contains(right), "{}", reply.text);
    }
    let rule = armed(
        &his,
        "His",
        json!(["WORK_ITEM_COMPLETED"]),
        "record.state == 'DONE'",
        opening("Check {{ record.title }}"),
    )
    .await;
    act(&firm.client, "Complete", &item(&firm.client, "One").await).await;
    ran(&firm.client, &rule, 1).await;

    // he loses the right to open work: what would have been done is refused, and the rule blocked
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{}'); UPDATE identity.role SET permissions = array_remove(permissions, 'work.item.manage')
          WHERE tenant_id = '{}' AND id = (SELECT role_id FROM identity.access_grant WHERE account_id = '{}')",
        firm.tenant, firm.tenant, bob.account
    ));
    act(&firm.client, "Complete", &item(&firm.client, "Two").await).await;
    let seen = ran(&firm.client, &rule, 2).await;
    assert_eq!((&seen[0]["outcome"], &seen[0]["effects"]), (&json!("REFUSED"), &json!([])));
    assert_eq!(seen[0]["reason"], "Whoever published it does not hold the right `work.item.manage` any more.");
    let found = firm.client.ask(RULE, json!({ "id": rule })).await["rule"].clone();
    assert_eq!((&found["state"], &found["blockedFor"]), (&json!("BLOCKED"), &seen[0]["reason"]));
    assert_eq!(firm.items().await.len(), 1);
    // blocked, it is not tried again and again
    act(&firm.client, "Complete", &item(&firm.client, "Three").await).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    ran(&firm.client, &rule, 2).await;

    // with the right back and armed again, it goes on from then
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{}'); UPDATE identity.role SET permissions = permissions || '{{work.item.manage}}'
          WHERE tenant_id = '{}' AND id = (SELECT role_id FROM identity.access_grant WHERE account_id = '{}')",
        firm.tenant, firm.tenant, bob.account
    ));
    arm(&firm.client, &rule).await;
    act(&firm.client, "Complete", &item(&firm.client, "Four").await).await;
    assert_eq!(ran(&firm.client, &rule, 3).await[0]["outcome"], "DONE");

    // his grant ends: whoever armed it does not matter, who published it does
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{}'); UPDATE identity.access_grant SET ended_at = now() WHERE account_id = '{}'",
        firm.tenant, bob.account
    ));
    act(&firm.client, "Complete", &item(&firm.client, "Five").await).await;
    let seen = ran(&firm.client, &rule, 4).await;
    assert_eq!((&seen[0]["outcome"], &seen[0]["input"]), (&json!("REFUSED"), &Value::Null));
    assert_eq!(seen[0]["reason"], "Whoever published it has no access to this client any more.");
    assert_eq!(firm.client.ask(RULE, json!({ "id": rule })).await["rule"]["state"], "BLOCKED");
    assert_eq!(firm.items().await.len(), 2);
    assert_eq!(firm.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_run_saw_is_shown_to_those_who_may_see_it() {
    let firm = Firm::open();
    let rule = armed(
        &firm.client,
        "Check",
        json!(["WORK_ITEM_CREATED"]),
        "event.depth == 0",
        opening("Secret {{ record.title }}"),
    )
    .await;
    item(&firm.client, "Dismissal").await;
    ran(&firm.client, &rule, 1).await;
    let eve = firm.office.person("Eve");
    firm.office.grant(firm.tenant, eve, &[Can::RuleRead]);
    let hers = firm.office.client(eve, firm.tenant);
    let seen = ran(&hers, &rule, 1).await;
    assert_eq!((&seen[0]["outcome"], &seen[0]["eventKind"]), (&json!("DONE"), &json!("WORK_ITEM_CREATED")));
    for hidden in ["event", "record", "reason", "input"] {
        assert_eq!(seen[0][hidden], Value::Null, "{hidden}");
    }
    assert_eq!(seen[0]["effects"], json!([]));
    let dry = "query($rule: ID!) { ruleDryRun(rule: $rule) { lookedAt } }";
    assert_eq!(hers.send(dry, json!({ "rule": rule })).await.code(), "FORBIDDEN");
    // what happens at another client is none of this one's, and its rule is nobody's there
    let other = firm.office.firm("Other", firm.ada);
    let there = firm.office.client(firm.ada, other);
    item(&there, "Elsewhere").await;
    settled(&firm.office).await;
    ran(&firm.client, &rule, 1).await;
    assert_eq!(there.ask(RULE, json!({ "id": rule })).await["rule"], Value::Null);
    assert_eq!(runs(&there, json!({ "rule": { "eq": rule } })).await, [] as [Value; 0]);
    let refused = there.refused(ARM, json!({ "input": { "rule": rule } })).await;
    assert!(refused.to_string().contains("There is no such rule."), "{refused}");
}

#[tokio::test]
async fn bombs_and_hosts_are_refused() {
    let firm = Firm::open();
    let client = &firm.client;
    let refused = async |condition: &str, actions: Value| {
        let input =
            json!({ "name": "Bad", "events": ["WORK_ITEM_CREATED"], "condition": condition, "actions": actions });
        let told = client.refused(CREATE, json!({ "input": input })).await;
        let text = told.to_string();
        assert!(text.contains("INVALID") || text.contains("NOT_FOUND"), "{text}");
        text
    };
    let fine = || opening("x");
    assert!(refused("record.titel == 'x'", fine()).await.contains("There is no `record.titel`; there is: "));
    assert!(refused("record.state ==", fine()).await.contains("ends too early"));
    for host in
        ["open('/etc/passwd')", "getenv('DATABASE_URL')", "http.get('http://127.0.0.1')", "record.title.system()"]
    {
        let told = refused(host, fine()).await;
        assert!(told.contains("There is no"), "{told}");
    }
    assert!(refused(&"(".repeat(1_000), fine()).await.contains("nests at most"));
    assert!(refused(&"!".repeat(1_000), fine()).await.contains("nests at most"));
    assert!(refused(&"true||".repeat(700), fine()).await.contains("at most"));
    assert!(refused("record.title.matches('((a{1,500}){1,500}){1,500}')", fine()).await.contains("pattern"));
    assert!(refused("true", opening("{{ secrets.key }}")).await.contains("There is no `secrets`"));
    assert!(refused("true", opening("{{ record.nothing }}")).await.contains("There is no `record.nothing`"));
    assert!(refused("true", json!([{}])).await.contains("exactly one thing"));
    assert!(
        refused("true", json!([{ "setField": { "field": "state", "value": "DONE" } }]))
            .await
            .contains("A rule sets of such a record")
    );
    assert!(
        refused("true", json!([{ "callWebhook": { "endpoint": "whe_00000000000000000000000000000000" } }]))
            .await
            .contains("NOT_FOUND")
    );

    // what is small to read and large to run is cut off when it runs, and seen
    let list = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]";
    let bomb = format!(
        "{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, a + b + c + d > 0)))) && record.state == 'OPEN'"
    );
    let rule = armed(client, "Bomb", json!(["WORK_ITEM_CREATED"]), &bomb, fine()).await;
    let neighbour = armed(client, "Good", json!(["WORK_ITEM_CREATED"]), "event.depth == 0", opening("Good")).await;
    let started = Instant::now();
    item(client, "Fuse").await;
    let seen = ran(client, &neighbour, 1).await;
    assert_eq!(seen[0]["outcome"], "DONE");
    settled(&firm.office).await;
    let seen = runs(client, json!({ "rule": { "eq": rule } })).await;
    assert_eq!(seen[0]["outcome"], "FAILED");
    // by its steps, or by its time where a step takes long
    assert!(seen[0]["reason"].as_str().unwrap().starts_with("The expression takes too"), "{}", seen[0]["reason"]);
    assert!(started.elapsed() < Duration::from_secs(10));
    // a value that is not there lets the run fail, with nothing done
    let gap = json!([{ "openWorkItem": { "title": "Before the gap" } }, { "openWorkItem": { "title": "Due {{ record.dueOn }}" } }]);
    let gap = armed(client, "Gap", json!(["WORK_ITEM_CREATED"]), "event.depth == 0", gap).await;
    item(client, "Without a day").await;
    let seen = ran(client, &gap, 1).await;
    assert_eq!(
        (&seen[0]["outcome"], &seen[0]["reason"]),
        (&json!("FAILED"), &json!("`record.dueOn` is null, which a text cannot show."))
    );
    assert_eq!(firm.office.count("SELECT count(*) FROM practice.work_item WHERE title = 'Before the gap'"), 0);
}

#[tokio::test]
async fn it_notifies_sets_fields_and_calls_webhooks() {
    let firm = Firm::open();
    let client = &firm.client;
    let bob = firm.office.person("Bob");
    firm.office.grant(firm.tenant, bob, &[Can::WorkItemRead]);
    let receiver = Receiver::open().await;
    let endpoint = client
        .ask(
            "mutation($url: String!) { webhookEndpointCreate(input: { name: \"Theirs\", url: $url, events: [FISCAL_YEAR_CREATED] }) {
               webhookEndpoint { id } userErrors { message } } }",
            json!({ "url": receiver.url() }),
        )
        .await["webhookEndpointCreate"]["webhookEndpoint"]["id"]
        .clone();
    let usr = |person: Person| format!("usr_{}", person.account.simple());
    let actions = json!([
        { "setField": { "field": "priority", "value": "URGENT" } },
        { "setField": { "field": "dueOn", "value": "{{ today + 3 }}" } },
        { "notify": { "people": [usr(bob), usr(firm.ada)] } },
        { "callWebhook": { "endpoint": endpoint } },
    ]);
    let rule = armed(
        client,
        "Complaints",
        json!(["WORK_ITEM_CREATED", "WORK_ITEM_UPDATED"]),
        "record.title.contains('complaint')",
        actions,
    )
    .await;
    let complaint = item(client, "A complaint").await;
    let seen = ran(client, &rule, 1).await;
    assert_eq!(seen[0]["outcome"], "DONE", "{seen:#?}");
    let kinds: Vec<&str> =
        seen[0]["effects"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["SET_FIELD", "SET_FIELD", "NOTIFIED", "CALLED_WEBHOOK"]);
    let now = client.ask("query($id: ID!) { workItem(id: $id) { priority dueOn } }", json!({ "id": complaint })).await;
    assert_eq!(now["workItem"]["priority"], "URGENT");
    let due: chrono::NaiveDate = now["workItem"]["dueOn"].as_str().unwrap().parse().unwrap();
    let zone: chrono_tz::Tz = "Europe/Berlin".parse().unwrap();
    assert_eq!((due - chrono::Utc::now().with_timezone(&zone).date_naive()).num_days(), 3);
    for person in [bob, firm.ada] {
        let notices = firm
            .office
            .client(person, firm.tenant)
            .ask("{ workNotices { nodes { title cause actorName } } }", json!({}))
            .await;
        let nodes = notices["workNotices"]["nodes"].as_array().unwrap();
        assert_eq!(
            (&nodes[0]["cause"], &nodes[0]["actorName"], nodes.len()),
            (&json!("RULE"), &json!("Complaints"), 1)
        );
    }
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].json()["type"], "work_item.created");
    assert_eq!(received[0].json()["data"]["node"], complaint);
    // what it changed is told one level deeper, and the condition held before: it fires no second time
    settled(&firm.office).await;
    ran(client, &rule, 1).await;
    assert_eq!(firm.office.count("SELECT max(depth)::bigint FROM core.event"), 1);

    // vendors, by the command that a person would use: what that refuses lets the run fail
    let terms = armed(
        client,
        "Terms",
        json!(["VENDOR_CREATED"]),
        "record.paymentTermsDays > 90",
        json!([{ "setField": { "field": "paymentTermsDays", "value": "{{ record.paymentTermsDays - 60 }}" } }]),
    )
    .await;
    let generous = vendor(client, "V-1", 120).await;
    ran(client, &terms, 1).await;
    let now = client.ask("query($id: ID!) { vendor(id: $id) { paymentTermsDays } }", json!({ "id": generous })).await;
    assert_eq!(now["vendor"]["paymentTermsDays"], 60);
    let wrong = armed(
        client,
        "Wrong terms",
        json!(["VENDOR_CREATED"]),
        "record.active",
        json!([{ "setField": { "field": "paymentTermsDays", "value": "{{ record.paymentTermsDays * 100 }}" } }]),
    )
    .await;
    vendor(client, "V-2", 30).await;
    let seen = ran(client, &wrong, 1).await;
    assert_eq!(
        (&seen[0]["outcome"], &seen[0]["reason"]),
        (&json!("FAILED"), &json!("Payment terms are 0 to 365 days."))
    );
    // an endpoint that is paused takes nothing
    client
        .ask(
            "mutation($id: ID!) { webhookEndpointPause(input: { id: $id }) { userErrors { message } } }",
            json!({ "id": endpoint }),
        )
        .await;
    item(client, "Another complaint").await;
    let seen = ran(client, &rule, 2).await;
    assert_eq!(
        (&seen[0]["outcome"], &seen[0]["reason"]),
        (&json!("FAILED"), &json!("The webhook endpoint is not active."))
    );
    assert_eq!(firm.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn runs_are_listed_page_by_page_and_swept_after_a_while() {
    let firm = Firm::open();
    let client = &firm.client;
    let rule = armed(client, "Note", json!(["WORK_ITEM_CREATED"]), "event.depth == 0", opening("x")).await;
    for number in 0..7 {
        item(client, &format!("Item {number}")).await;
    }
    let all = ran(client, &rule, 7).await;
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client.ask(RUNS, json!({ "first": 3, "after": after })).await["ruleRuns"].clone();
        assert_eq!(page["totalCount"], 7);
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|run| run["id"].clone()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, all.iter().map(|run| run["id"].clone()).collect::<Vec<_>>());
    assert!(all.iter().all(|run| run["durationMicros"].as_i64().unwrap() > 0));
    firm.office.app.database.lay(&format!(
        "SELECT core.set_tenant('{0}'); UPDATE practice.rule_run SET created_at = now() - interval '91 days' WHERE tenant_id = '{0}' AND id <> '{1}'",
        firm.tenant,
        Uuid::parse_str(all[0]["id"].as_str().unwrap().rsplit_once('_').unwrap().1).unwrap()
    ));
    assert_eq!(firm.office.count("SELECT core.rule_sweep(4)"), 4);
    assert_eq!(firm.office.count("SELECT core.rule_sweep(1000)"), 2);
    ran(client, &rule, 1).await;
}
