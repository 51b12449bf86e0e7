//! Letters, mails and calls of a client stand in one register: each under a number without gap in its year and direction,
//! in threads, and never changed. Templates are merged over recipients: a letter or an error for each, never a blank.

use backoffice::platform::can::Can;
use serde_json::{Value, json};

use crate::files_are_sent_and_taken::{announce, complete};
use crate::harness::{Client, Office};

const REGISTER: &str = "mutation($input: CorrespondenceEntryCreateInput!) { correspondenceEntryCreate(input: $input) {
    correspondenceEntry { id number direction channel state onDate subject text correspondent postalAddress email version visibleToClient
                          replyTo { number } thread { number } recordId files { name } customer { name } }
    userErrors { code field message } } }";
const MERGE: &str = "mutation($input: LetterMergeInput!) { letterMerge(input: $input) {
    letterMerge { letters { id number subject text correspondent postalAddress email channel onDate }
                  errors { index name code variables message } }
    userErrors { code field message } } }";
const TEMPLATE: &str = "mutation($input: LetterTemplateCreateInput!) { letterTemplateCreate(input: $input) {
    letterTemplate { id version texts { language edition variables } } userErrors { code field message } } }";
const LIST: &str = "query($filter: CorrespondenceEntryFilter, $first: Int, $after: String) {
    correspondenceEntries(filter: $filter, first: $first, after: $after) { nodes { number } totalCount pageInfo { endCursor hasNextPage } } }";

async fn register(client: &Client, input: Value) -> Value {
    client.ask(REGISTER, json!({ "input": input })).await["correspondenceEntryCreate"]["correspondenceEntry"].clone()
}

async fn customer(
    client: &Client,
    number: u32,
    name: &str,
    address: Option<(&str, &str, &str)>,
    email: Option<&str>,
) -> Value {
    let mut input = json!({ "number": number.to_string(), "name": name, "country": "DE", "email": email });
    if let Some((street, postal_code, city)) = address {
        input["street"] = json!(street);
        input["postalCode"] = json!(postal_code);
        input["city"] = json!(city);
    }
    let create = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } userErrors { message } } }";
    client.ask(create, json!({ "input": input })).await["customerCreate"]["customer"]["id"].clone()
}

async fn template(client: &Client, code: &str, texts: Value) -> Value {
    let input = json!({ "code": code, "name": code, "texts": texts });
    client.ask(TEMPLATE, json!({ "input": input })).await["letterTemplateCreate"]["letterTemplate"]["id"].clone()
}

async fn merge(client: &Client, input: Value) -> Value {
    client.ask(MERGE, json!({ "input": input })).await["letterMerge"]["letterMerge"].clone()
}

/// The numbers of a page of the register.
async fn numbers(client: &Client, filter: Value) -> Vec<String> {
    let found = client.ask(LIST, json!({ "filter": filter, "first": 100 })).await;
    let nodes = found["correspondenceEntries"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| node["number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn numbers_have_no_gap_in_their_year_and_direction() {
    let office = Office::open();
    let ada = office.person("Ada");
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ada));
    let client = office.client(ada, firm);
    let call = |direction: &str, on: &str| json!({ "direction": direction, "channel": "CALL", "onDate": on, "subject": "A call", "correspondent": "Tax office" });
    let mut taken = Vec::new();
    for (direction, on) in
        [("IN", "2026-01-05"), ("OUT", "2026-01-05"), ("IN", "2025-12-31"), ("IN", "2026-02-01"), ("OUT", "2026-03-01")]
    {
        taken.push(register(&client, call(direction, on)).await["number"].clone());
    }
    assert_eq!(taken, ["IN-2026-00001", "OUT-2026-00001", "IN-2025-00001", "IN-2026-00002", "OUT-2026-00002"]);
    // What is not kept takes no number: a dry run, a refusal, and what is rolled back behind it.
    let dry = client.dry().ask(REGISTER, json!({ "input": call("IN", "2026-02-02") })).await;
    assert_eq!(dry["correspondenceEntryCreate"]["correspondenceEntry"]["number"], "IN-2026-00003");
    let future = json!({ "input": call("IN", "2099-01-01") });
    let refused = client.refused(REGISTER, future).await;
    assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("INVALID"), &json!(["input", "onDate"])));
    let both = "mutation($a: CorrespondenceEntryCreateInput!, $b: CorrespondenceEntryCreateInput!) {
        a: correspondenceEntryCreate(input: $a) { userErrors { code } } b: correspondenceEntryCreate(input: $b) { userErrors { code } } }";
    client.send(both, json!({ "a": call("IN", "2026-02-02"), "b": call("IN", "2099-01-01") })).await;
    // Nobody's numbers depend on another client's.
    let elsewhere = office.client(ada, other);
    assert_eq!(register(&elsewhere, call("IN", "2026-02-02")).await["number"], "IN-2026-00001");
    // Many at once: each its own, and none left out.
    let at_once = (0..12).map(|_| register(&client, call("IN", "2026-02-03")));
    let mut given: Vec<String> = futures_util::future::join_all(at_once)
        .await
        .iter()
        .map(|entry| entry["number"].as_str().unwrap().to_owned())
        .collect();
    given.sort_unstable();
    let expected: Vec<String> = (3..15).map(|number| format!("IN-2026-{number:05}")).collect();
    assert_eq!(given, expected);
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
    // A number that is lost all the same is found.
    office.app.database.lay(
        "SET session_replication_role = replica; DELETE FROM practice.correspondence WHERE number = 'IN-2026-00007'",
    );
    let found = office.app.database.findings();
    assert!(
        found.iter().any(|line| line.contains("correspondence_in:2026") && line.contains("IN-2026-00007")),
        "{found:?}"
    );
}

#[tokio::test]
async fn void_keeps_the_number_and_ends_the_entry() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let letter = |subject: &str| json!({ "direction": "OUT", "channel": "LETTER", "onDate": "2026-04-01", "subject": subject, "correspondent": "Bank" });
    let first = register(&client, letter("One")).await;
    let void = "mutation($input: CorrespondenceEntryVoidInput!) { correspondenceEntryVoid(input: $input) {
        correspondenceEntry { number state voidReason voidedAt } userErrors { code field message } } }";
    let stale = json!({ "input": { "id": first["id"], "reason": "Twice", "expectedVersion": 7 } });
    assert_eq!(client.refused(void, stale).await[0]["code"], "CONFLICT");
    let done = client.ask(void, json!({ "input": { "id": first["id"], "reason": "Twice" } })).await;
    let entry = &done["correspondenceEntryVoid"]["correspondenceEntry"];
    assert_eq!(
        (&entry["number"], &entry["state"], &entry["voidReason"]),
        (&json!("OUT-2026-00001"), &json!("VOID"), &json!("Twice"))
    );
    assert_eq!(register(&client, letter("Two")).await["number"], "OUT-2026-00002");
    let again = client.refused(void, json!({ "input": { "id": first["id"], "reason": "Twice" } })).await;
    assert_eq!(again[0]["code"], "STATE");
    let update = "mutation($input: CorrespondenceEntryUpdateInput!) { correspondenceEntryUpdate(input: $input) {
        correspondenceEntry { subject version } userErrors { code field } } }";
    let refused = client.refused(update, json!({ "input": { "id": first["id"], "subject": "Other" } })).await;
    assert_eq!(refused[0]["code"], "STATE");
    assert_eq!(numbers(&client, json!({ "state": { "eq": "VOID" } })).await, ["OUT-2026-00001"]);
    let tenant = office.app.database.lines("postgres", "SELECT id::text AS line FROM core.tenant").remove(0);
    // Not past the server either: what was said stays, and so does the number.
    for change in [
        "body = 'x'",
        "number = 'OUT-2026-00009'",
        "on_date = '2026-04-02'",
        "correspondent = 'x'",
        "state = 'registered', voided_at = NULL, void_reason = NULL",
    ] {
        for role in ["backoffice_app", "postgres"] {
            let refused = office.app.database.past_the_server(role, |connection| {
                use diesel::connection::SimpleConnection;
                connection
                    .batch_execute(&format!(
                        "BEGIN; SELECT core.set_tenant('{tenant}'); DO $$ BEGIN UPDATE practice.correspondence SET {change}; IF NOT FOUND THEN RAISE 'nothing'; END IF; END $$; COMMIT"
                    ))
                    .unwrap_err()
                    .to_string()
            });
            assert!(refused.contains("stays what it is"), "{role} {change}: {refused}");
        }
    }
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_belongs_to_its_thread_and_files_to_their_entry() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let who =
        customer(&client, 1, "Nordwind", Some(("Weg 1", "20095", "Hamburg")), Some("post@nordwind.example")).await;
    let (file, address) = announce(&client, "scan.pdf", b"%PDF-1.4 scan").await;
    let letter = |direction: &str, day: u32, more: Value| {
        let mut input = json!({ "direction": direction, "channel": "LETTER", "onDate": format!("2026-05-{day:02}"), "subject": "Delivery", "customer": who, "record": who });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    let early = client.refused(REGISTER, json!({ "input": letter("IN", 1, json!({ "files": [file] })) })).await;
    assert_eq!((&early[0]["code"], &early[0]["field"]), (&json!("STATE"), &json!(["input", "files", "0"])));
    reqwest::Client::new().put(office.app.url(&address)).body("%PDF-1.4 scan").send().await.unwrap();
    complete(&client, &file, b"%PDF-1.4 scan").await;
    let first = register(&client, letter("IN", 1, json!({ "files": [file] }))).await;
    assert_eq!(first["files"], json!([{ "name": "scan.pdf" }]));
    assert_eq!(
        (&first["customer"]["name"], &first["postalAddress"]),
        (&json!("Nordwind"), &json!("Weg 1\n20095 Hamburg"))
    );
    assert_eq!((&first["recordId"], &first["email"]), (&who, &json!("post@nordwind.example")));
    let second = register(&client, letter("OUT", 2, json!({ "replyTo": first["id"] }))).await;
    let third = register(
        &client,
        letter("IN", 3, json!({ "replyTo": second["id"], "channel": "CALL", "text": "All is well" })),
    )
    .await;
    assert_eq!(third["replyTo"]["number"], "OUT-2026-00001");
    let thread: Vec<&Value> = third["thread"].as_array().unwrap().iter().map(|entry| &entry["number"]).collect();
    assert_eq!(thread, ["IN-2026-00001", "OUT-2026-00001", "IN-2026-00002"]);
    // A file that an entry has cannot be deleted, and is attached once.
    let delete = "mutation($file: ID!) { fileDelete(input: { file: $file }) { userErrors { code message } } }";
    assert_eq!(client.refused(delete, json!({ "file": file })).await[0]["code"], "STATE");
    let add = "mutation($input: CorrespondenceEntryUpdateInput!) { correspondenceEntryUpdate(input: $input) {
        correspondenceEntry { subject recordId visibleToClient } userErrors { code field message } } }";
    let twice = client.refused(add, json!({ "input": { "id": first["id"], "addFiles": [file] } })).await;
    assert_eq!((&twice[0]["code"], &twice[0]["field"]), (&json!("DUPLICATE"), &json!(["input", "addFiles", "0"])));
    // Filters, and pages that neither repeat nor leave out.
    assert_eq!(numbers(&client, json!({})).await, ["IN-2026-00002", "OUT-2026-00001", "IN-2026-00001"]);
    assert_eq!(
        numbers(&client, json!({ "direction": { "eq": "IN" }, "channel": { "in": ["CALL", "MAIL"] } })).await,
        ["IN-2026-00002"]
    );
    assert_eq!(
        numbers(&client, json!({ "onDate": { "gte": "2026-05-02", "lt": "2026-05-03" } })).await,
        ["OUT-2026-00001"]
    );
    assert_eq!(
        numbers(&client, json!({ "customer": { "eq": who }, "subject": { "contains": "deliv" } })).await.len(),
        3
    );
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    for page in 1..=3 {
        let found = client.ask(LIST, json!({ "first": 1, "after": after })).await["correspondenceEntries"].clone();
        assert_eq!((&found["totalCount"], &found["pageInfo"]["hasNextPage"]), (&json!(3), &json!(page < 3)));
        seen.push(found["nodes"][0]["number"].clone());
        after = found["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, ["IN-2026-00002", "OUT-2026-00001", "IN-2026-00001"]);
}

#[tokio::test]
async fn the_clients_people_see_what_was_made_visible_and_no_more() {
    let office = Office::open();
    let ada = office.person("Ada");
    let firm = office.firm("Firm", ada);
    let client = office.client(ada, firm);
    let vera = office.person("Vera");
    office.grant(firm, vera, &[Can::SharedCorrespondenceRead, Can::ClientRead]);
    let portal = office.client(vera, firm);
    let call = |subject: &str, visible: bool| json!({ "direction": "IN", "channel": "CALL", "onDate": "2026-06-01", "subject": subject, "correspondent": "Tax office", "visibleToClient": visible });
    let hidden = register(&client, call("Inside", false)).await;
    register(&client, call("For all", true)).await;
    let list = "{ sharedCorrespondences { nodes { id number subject state } totalCount } }";
    let seen = portal.ask(list, json!({})).await["sharedCorrespondences"].clone();
    assert_eq!((&seen["totalCount"], &seen["nodes"][0]["subject"]), (&json!(1), &json!("For all")));
    let one = "query($id: ID!) { sharedCorrespondence(id: $id) { subject } }";
    let id = hidden["id"].as_str().unwrap().replace("cor_", "scor_");
    assert_eq!(portal.ask(one, json!({ "id": id })).await["sharedCorrespondence"], Value::Null);
    assert_eq!(portal.send(LIST, json!({})).await.code(), "FORBIDDEN");
    // Made visible it is seen, and hidden again it is not.
    let update = "mutation($id: ID!, $visible: Boolean!) { correspondenceEntryUpdate(input: { id: $id, visibleToClient: $visible }) { userErrors { message } } }";
    for (visible, expected) in [(true, json!("Inside")), (false, Value::Null)] {
        client.ask(update, json!({ "id": hidden["id"], "visible": visible })).await;
        assert_eq!(portal.ask(one, json!({ "id": id })).await["sharedCorrespondence"]["subject"], expected);
    }
}

#[tokio::test]
async fn three_recipients_of_whom_one_lacks_an_address_are_two_letters_and_one_error() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let nordwind = customer(&client, 1, "Nordwind", Some(("Weg 1", "20095", "Hamburg")), None).await;
    let nowhere = customer(&client, 2, "Nowhere", None, Some("a@nowhere.example")).await;
    let suedwind = customer(&client, 3, "Südwind", Some(("Gasse 2", "80331", "München")), None).await;
    let text = "Hello {{ recipient.name }},\n\nyour number with {{ client.name }} is {{ recipient.number }}. {{ letter.date }}, {{ letter.number }}";
    let kind = template(
        &client,
        "notice",
        json!([{ "language": "de", "subject": "Notice for {{ recipient.name }}", "body": text }]),
    )
    .await;
    let input = json!({ "template": kind, "language": "de", "onDate": "2026-03-01",
                        "recipients": [{ "customer": nordwind }, { "customer": nowhere }, { "customer": suedwind }] });
    // A dry run shows all and takes no number.
    let shown = merge(&client.dry(), input.clone()).await;
    assert_eq!((shown["letters"].as_array().unwrap().len(), shown["errors"].as_array().unwrap().len()), (2, 1));
    assert_eq!(numbers(&client, json!({})).await, Vec::<String>::new());
    let made = merge(&client, input).await;
    let letters = made["letters"].as_array().unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!((&letters[0]["number"], &letters[1]["number"]), (&json!("OUT-2026-00001"), &json!("OUT-2026-00002")));
    assert_eq!(letters[1]["subject"], "Notice for Südwind");
    assert_eq!(letters[1]["text"], "Hello Südwind,\n\nyour number with Firm is 3. 1. März 2026, OUT-2026-00002");
    assert_eq!(letters[1]["postalAddress"], "Gasse 2\n80331 München");
    assert_eq!(
        made["errors"],
        json!([{ "index": 1, "name": "Nowhere", "code": "NO_ADDRESS", "variables": [],
                 "message": "Nowhere has no letter: the postal address lacks street, postal code or city." }])
    );
    assert_eq!(numbers(&client, json!({})).await, ["OUT-2026-00002", "OUT-2026-00001"]);
    assert_eq!(office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_variable_without_a_value_is_an_error_of_its_recipient() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    let mut who = Vec::new();
    for (number, email) in [
        (1, Some("a@a.example")),
        (2, None),
        (3, Some("c@c.example")),
        (4, Some("d@d.example")),
        (5, Some("e@e.example")),
    ] {
        who.push(customer(&client, number, &format!("Customer {number}"), None, email).await);
    }
    let body = "{{ recipient.name }} owes {{ fields.sum }} {% if fields.note is defined %}({{ fields.note }}){% else %}as agreed{% endif %}";
    let kind = template(
        &client,
        "dunning",
        json!([{ "language": "en", "subject": "{{ fields.topic | default('Dues') }}", "body": body }]),
    )
    .await;
    let sum = |at: usize, fields: Value| json!({ "customer": who[at], "fields": fields });
    let made = merge(
        &client,
        json!({ "template": kind, "language": "en", "channel": "MAIL", "onDate": "2026-02-01", "fields": [{ "name": "sum", "value": "10.00" }],
                "recipients": [sum(0, json!([])), sum(1, json!([])), sum(2, json!([{ "name": "sum", "value": " " }])),
                               sum(3, json!([{ "name": "sum", "value": "7.50" }, { "name": "note", "value": "{{ client.name }}" }])),
                               sum(4, json!([{ "name": "topic", "value": "x".repeat(400) }]))] }),
    )
    .await;
    let texts: Vec<&Value> = made["letters"].as_array().unwrap().iter().map(|letter| &letter["text"]).collect();
    assert_eq!(texts, ["Customer 1 owes 10.00 as agreed", "Customer 4 owes 7.50 ({{ client.name }})"]);
    assert_eq!(made["letters"][0]["subject"], "Dues");
    let errors: Vec<(i64, &str, &Value)> = made["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["index"].as_i64().unwrap(), error["code"].as_str().unwrap(), &error["variables"]))
        .collect();
    assert_eq!(
        errors,
        [(1, "NO_ADDRESS", &json!([])), (2, "NO_VALUE", &json!(["fields.sum"])), (4, "NOT_WRITTEN", &json!([]))]
    );
    assert!(made["errors"][1]["message"].as_str().unwrap().contains("letter: `fields.sum` has no value"), "{made}");
    assert_eq!(numbers(&client, json!({})).await, ["OUT-2026-00002", "OUT-2026-00001"]);
}

#[tokio::test]
async fn a_template_that_reaches_outside_or_has_no_end_is_refused() {
    let office = Office::open();
    let ada = office.person("Ada");
    let client = office.client(ada, office.firm("Firm", ada));
    for (body, said) in [
        ("Dear {{ recipient.nmae }}", "`recipient.nmae` is no variable"),
        ("{{ env.DATABASE_URL }}", "`env.DATABASE_URL` is no variable"),
        ("{% include '/etc/passwd' %}", "`include` is not known"),
        ("{% for a in [1] %}{% for b in [1] %}x{% endfor %}{% endfor %}", "`for` is not known"),
        ("{% set a = recipient.name %}", "`set` is not known"),
        ("{{ 'x' * 1000000000 }}", "`*` is not part of letters"),
        ("{{ recipient.__class__ }}", "`recipient.__class__` is no variable"),
        ("{{ recipient.name | attr('x') }}", "filter"),
        ("{{ range(1) }}", "range"),
        ("{{ recipient.name", "does not end"),
    ] {
        let input = json!({ "input": { "code": "bad", "name": "Bad", "texts": [{ "language": "en", "subject": "S", "body": body }] } });
        let refused = client.refused(TEMPLATE, input).await;
        assert_eq!(
            (&refused[0]["code"], &refused[0]["field"]),
            (&json!("INVALID"), &json!(["input", "texts", "0", "body"])),
            "{body}"
        );
        assert!(refused[0]["message"].as_str().unwrap().contains(said), "{body}: {refused}");
    }
    // Wording has editions; a retired template writes nothing.
    let kind = template(&client, "good", json!([{ "language": "en", "subject": "S", "body": "One" }])).await;
    let update = "mutation($input: LetterTemplateUpdateInput!) { letterTemplateUpdate(input: $input) {
        letterTemplate { texts { language edition body } editions { edition } } userErrors { code field message } } }";
    let text = |language: &str, body: &str| json!({ "language": language, "subject": "S", "body": body });
    let input = json!({ "id": kind, "texts": [text("en", "Two"), text("de", "Eins")] });
    client.ask(update, json!({ "input": input })).await;
    let same = client.ask(update, json!({ "input": input })).await["letterTemplateUpdate"]["letterTemplate"].clone();
    assert_eq!(
        same["texts"],
        json!([{ "language": "de", "edition": 1, "body": "Eins" }, { "language": "en", "edition": 2, "body": "Two" }])
    );
    assert_eq!(same["editions"].as_array().unwrap().len(), 3);
    client.ask(update, json!({ "input": { "id": kind, "retired": true } })).await;
    let who = customer(&client, 1, "Nordwind", None, Some("a@a.example")).await;
    let input = json!({ "input": { "template": kind, "language": "en", "channel": "MAIL", "recipients": [{ "customer": who }] } });
    assert_eq!(client.refused(MERGE, input).await[0]["code"], "STATE");
}

#[tokio::test]
async fn roles_of_clients_that_were_there_before_have_the_rights_as_well() {
    let office = Office::open();
    let ada = office.person("Ada");
    for (name, role, held) in [
        ("One", "Bookkeeper", "work.item.perform"),
        ("Two", "Portal", "work.request.read"),
        ("Three", "Portal", "practice.client.read"),
    ] {
        let firm = office.firm(name, ada);
        office.app.database.lay(&format!(
            "SELECT core.set_tenant('{firm}'); INSERT INTO identity.role (tenant_id, id, name, permissions) VALUES ('{firm}', gen_random_uuid(), '{role}', '{{{held}}}')"
        ));
    }
    let steps = [
        (
            include_str!("../../migrations/0183_correspondence_rights/up.sql"),
            [
                "Bookkeeper work.item.perform,office.correspondence.read,office.correspondence.manage,office.shared_correspondence.read",
                "Portal practice.client.read",
                "Portal work.request.read,office.shared_correspondence.read",
            ],
        ),
        (
            include_str!("../../migrations/0183_correspondence_rights/down.sql"),
            ["Bookkeeper work.item.perform", "Portal practice.client.read", "Portal work.request.read"],
        ),
    ];
    for (step, expected) in steps {
        office.app.database.past_the_server("backoffice_owner", |connection| {
            use diesel::connection::SimpleConnection;
            connection.batch_execute(&format!("BEGIN; {step}; COMMIT")).unwrap();
        });
        let found = office.app.database.lines(
            "postgres",
            "SELECT name || ' ' || array_to_string(permissions, ',') AS line FROM identity.role WHERE name IN ('Bookkeeper', 'Portal') ORDER BY 1",
        );
        assert_eq!(found, expected);
    }
}
