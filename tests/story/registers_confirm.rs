//! Critical values are keyed by two people who do not see each other's; and what is perhaps there twice, or not good enough,
//! is said with its reason.

use backoffice::platform::can::Can;
use serde_json::{Value, json};

use crate::documents_are_kept::{act, refusal};
use crate::harness::{App, Client, Office};
use crate::registers_are_kept::{Desk, RECORD, refused, said, value_of};
use crate::walls::furnished::{change, made};

fn fields() -> Value {
    json!([{ "key": "number", "kind": "TEXT", "required": true, "unique": true },
           { "key": "name", "kind": "TEXT", "wanted": true },
           { "key": "city", "kind": "TEXT", "wanted": true },
           { "key": "iban", "kind": "TEXT", "critical": true, "required": true, "pattern": "[A-Z]{2}[0-9]+" },
           { "key": "amount", "kind": "NUMBER", "decimals": 2, "critical": true }])
}

async fn key(client: &Client, id: &str, values: Value) -> Value {
    let input = json!({ "id": id, "values": said(&values) });
    act(client, "registerRecordKey", "RegisterRecordKeyInput", input, RECORD).await
}

async fn shown(client: &Client, id: &str) -> Value {
    let query = "query($id: ID!) { registerRecord(id: $id) { id state version values { field value withheld }
        differences { field first second } keyings { agreed keyedByName } duplicates { fields reason record { id } }
        quality { score shares { aspect good of percent weight explanation } } } }";
    client.ask(query, json!({ "id": id })).await["registerRecord"].clone()
}

#[tokio::test]
async fn a_second_person_keys_critical_values_blind() {
    let desk = Desk::with(Office::open(), fields(), json!({})).await;
    let (berta, carl) = (desk.another("Berta"), desk.another("Carl"));
    let id = desk.entered(json!({ "number": "1", "name": "Nord", "iban": "DE1", "amount": "10.00" })).await;
    // Who has keyed them sees them, nobody else does; nor do filters and orders tell.
    let own = shown(&desk.client, &id).await;
    assert_eq!((&own["state"], value_of(&own, "iban")), (&json!("UNCONFIRMED"), json!("DE1")));
    let theirs = shown(&berta, &id).await;
    assert_eq!(value_of(&theirs, "name"), "Nord");
    let withheld: Vec<&Value> =
        theirs["values"].as_array().unwrap().iter().filter(|one| one["withheld"] == true).collect();
    assert_eq!(
        withheld,
        [
            &json!({ "field": "iban", "value": null, "withheld": true }),
            &json!({ "field": "amount", "value": null, "withheld": true })
        ]
    );
    assert!(!theirs.to_string().contains("DE1"));
    let find = "query($register: ID!, $filter: RegisterRecordFilter) { registerRecords(register: $register, filter: $filter) { totalCount } }";
    for (client, count) in [(&desk.client, 1), (&berta, 0)] {
        for filter in [
            json!({ "field": { "field": "iban", "text": { "eq": "DE1" } } }),
            json!({ "field": { "field": "amount", "number": { "gte": "10" } } }),
            json!({ "field": { "field": "amount", "isNull": false } }),
        ] {
            let found = client.ask(find, json!({ "register": desk.register, "filter": filter })).await;
            assert_eq!(found["registerRecords"]["totalCount"], count, "{filter}");
        }
    }
    // Not the one who has entered it, and not with values that are none.
    assert!(
        refusal(&key(&desk.client, &id, json!({ "iban": "DE1", "amount": "10" })).await).2.starts_with("Somebody else")
    );
    assert_eq!(refused(&key(&berta, &id, json!({ "iban": "x", "name": "Nord" })).await).len(), 2);
    assert_eq!(
        refused(&key(&berta, &id, json!({ "amount": "10" })).await),
        [("input.values".to_owned(), "REQUIRED".to_owned())]
    );
    // The same, however it is spelled, confirms it.
    let confirmed = key(&berta, &id, json!({ "iban": " DE1 ", "amount": "10.0" })).await;
    assert_eq!(confirmed["registerRecord"]["state"], "CONFIRMED", "{confirmed}");
    assert_eq!(value_of(&shown(&carl, &id).await, "iban"), "DE1");
    assert_eq!(refusal(&key(&carl, &id, json!({ "iban": "DE1" })).await).0, "STATE");
    // What is not critical changes without that; what is, begins anew, and whoever has changed it does not confirm it.
    let note = desk.change(&id, json!({ "city": "Kiel" })).await;
    assert_eq!(note["registerRecord"]["state"], "CONFIRMED");
    let input = json!({ "id": id, "values": said(&json!({ "iban": "DE2" })) });
    let changed = act(&berta, "registerRecordUpdate", "RegisterRecordUpdateInput", input, RECORD).await;
    assert_eq!(changed["registerRecord"]["state"], "UNCONFIRMED");
    for client in [&desk.client, &berta] {
        assert_eq!(refusal(&key(client, &id, json!({ "iban": "DE2", "amount": "10" })).await).0, "STATE");
    }
    assert_eq!(key(&carl, &id, json!({ "iban": "DE2", "amount": "10" })).await["registerRecord"]["state"], "CONFIRMED");
    desk.close();
}

#[tokio::test]
async fn a_third_one_decides_where_two_differ() {
    let desk = Desk::with(Office::open(), fields(), json!({})).await;
    let (berta, carl) = (desk.another("Berta"), desk.another("Carl"));
    let id = desk.entered(json!({ "number": "1", "iban": "DE1", "amount": "10" })).await;
    assert_eq!(key(&berta, &id, json!({ "iban": "DE7" })).await["registerRecord"]["state"], "DIFFERENT");
    let seen = shown(&carl, &id).await;
    assert_eq!(
        seen["differences"],
        json!([{ "field": "iban", "first": "DE1", "second": "DE7" }, { "field": "amount", "first": "10", "second": null }])
    );
    let decide = |client: &Client, take: Value| {
        let (client, input) = (client.clone(), json!({ "id": id, "take": take }));
        async move { act(&client, "registerRecordDecide", "RegisterRecordDecideInput", input, RECORD).await }
    };
    let both = json!([{ "field": "iban", "take": "SECOND" }, { "field": "amount", "take": "FIRST" }]);
    for client in [&desk.client, &berta] {
        assert!(refusal(&decide(client, both.clone()).await).2.starts_with("Somebody else"));
    }
    assert_eq!(refusal(&decide(&carl, json!([{ "field": "iban", "take": "FIRST" }])).await).0, "REQUIRED");
    assert_eq!(refusal(&decide(&carl, json!([{ "field": "number", "take": "FIRST" }])).await).0, "INVALID");
    // Of several who decide at once one does.
    let dora = desk.another("Dora");
    let (one, other) = futures_util::future::join(decide(&carl, both.clone()), decide(&dora, both)).await;
    let states: Vec<&Value> = [&one, &other].into_iter().map(|payload| &payload["registerRecord"]["state"]).collect();
    assert_eq!(states.iter().filter(|state| ***state == "CONFIRMED").count(), 1, "{one} {other}");
    let record = shown(&desk.client, &id).await;
    assert_eq!((value_of(&record, "iban"), value_of(&record, "amount")), (json!("DE7"), json!("10")));
    assert_eq!(record["keyings"].as_array().unwrap().len(), 2);
    // The database knows no other way, whatever a statement says.
    let state = desk.office.app.database.past_the_server("backoffice_app", |connection| {
        let run = |connection: &mut backoffice::database::Blocking, text: &str| {
            diesel::RunQueryDsl::execute(diesel::sql_query(text), connection).unwrap()
        };
        run(connection, "BEGIN");
        run(connection, &format!("SELECT core.set_tenant('{}')", desk.firm));
        run(
            connection,
            "UPDATE practice.register_record SET fields = fields || '{\"iban\": \"DE9\"}', state = 'confirmed'",
        );
        let state =
            backoffice::database::texts(connection, "SELECT state AS line FROM practice.register_record").unwrap();
        run(connection, "ROLLBACK");
        state
    });
    assert_eq!(state, ["unconfirmed"]);
    // Which fields are critical does not change under those who wait.
    desk.entered(json!({ "number": "2", "iban": "DE1" })).await;
    let fewer = json!({ "fields": [{ "key": "number", "kind": "TEXT", "required": true, "unique": true }, { "key": "name", "kind": "TEXT" },
        { "key": "city", "kind": "TEXT" }, { "key": "iban", "kind": "TEXT" }, { "key": "amount", "kind": "NUMBER", "decimals": 2 }] });
    assert_eq!(refusal(&desk.redefine(fewer).await).0, "STATE");
    desk.close();
}

#[tokio::test]
async fn nobody_confirms_through_his_program() {
    let app = App::start();
    let administrator = app.administrator().await;
    let client = administrator.onboard("Alpha Trading", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let inside = administrator.enter(&client).await;
    let rights = [
        "REGISTER_READ",
        "REGISTER_MANAGE",
        "REGISTER_RECORD_ENTER",
        "REGISTER_RECORD_CONFIRM",
        "SERVICE_ACCOUNT_MANAGE",
        "SERVICE_ACCOUNT_READ",
    ];
    made(&inside, "roleCreate", json!({ "name": "Clerk", "permissions": rights }), "role").await;
    let mut people = Vec::new();
    for name in ["Konrad", "Sara"] {
        let email = format!("{}@firm.example", name.to_lowercase());
        let user = administrator.staff(&email, name).await;
        inside.grant(&user, "Clerk", "2026-01-01", None).await;
        people.push(app.sign_in(&email).await.enter(&client).await);
    }
    let (konrad, sara) = (&people[0], &people[1]);
    let register = json!({ "code": "accounts", "name": "Accounts", "fields": [{ "key": "iban", "kind": "TEXT", "critical": true }] });
    let register = made(konrad, "registerCreate", register, "register").await;
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(5)).to_rfc3339();
    let robot = change(
        konrad,
        "serviceAccountCreate",
        json!({ "name": "Konrad's robot", "scopes": ["REGISTER_READ", "REGISTER_RECORD_ENTER", "REGISTER_RECORD_CONFIRM"], "expiresAt": later }),
        "clientId clientSecret",
    )
    .await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", robot["clientId"].as_str().unwrap()),
        ("client_secret", robot["clientSecret"].as_str().unwrap()),
    ];
    let answer: Value =
        crate::harness::http().post(app.url("/oauth/token")).form(&form).send().await.unwrap().json().await.unwrap();
    let robot = app.client().with_token(answer["access_token"].as_str().unwrap());
    let values = json!([{ "field": "iban", "value": "DE1" }]);
    let record = json!({ "register": register, "values": values });
    // What he has entered his program does not confirm, and what his program has entered he does not.
    for (first, second) in [(konrad, &robot), (&robot, konrad)] {
        let id = made(first, "registerRecordCreate", record.clone(), "registerRecord").await;
        let payload = key(second, &id, json!({ "iban": "DE1" })).await;
        assert!(refusal(&payload).2.starts_with("Somebody else"), "{payload}");
        assert_eq!(key(sara, &id, json!({ "iban": "DE1" })).await["registerRecord"]["state"], "CONFIRMED");
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn quality_and_duplicates_explain_themselves() {
    let rules = json!({ "duplicates": [{ "fields": ["name", "city"] }] });
    let desk = Desk::with(Office::open(), fields(), rules).await;
    let berta = desk.another("Berta");
    let one = desk.entered(json!({ "number": "1", "name": "Müller GmbH", "city": "Köln", "iban": "DE1" })).await;
    let two = desk.entered(json!({ "number": "2", "name": "gmbh mueller", "city": "KOELN", "iban": "DE2" })).await;
    let three = desk.entered(json!({ "number": "3", "name": "Nord", "iban": "DE3" })).await;
    key(&berta, &three, json!({ "iban": "DE3" })).await;
    let record = shown(&desk.client, &one).await;
    assert_eq!(record["duplicates"][0]["record"]["id"], two.as_str());
    assert_eq!(record["duplicates"][0]["fields"], json!(["name", "city"]));
    let share = |of: &Value, aspect: &str| {
        of["quality"]["shares"].as_array().unwrap().iter().find(|one| one["aspect"] == aspect).unwrap().clone()
    };
    let told = |of: &Value| {
        ["COMPLETENESS", "VALIDITY", "CONFIRMATION", "UNIQUENESS"].map(|aspect| {
            let one = share(of, aspect);
            assert!(one["explanation"].as_str().unwrap().len() > 10);
            (one["good"].as_i64().unwrap(), one["of"].as_i64().unwrap())
        })
    };
    // Complete and valid, not confirmed, perhaps there twice: 40 + 30 of 100.
    assert_eq!((told(&record), &record["quality"]["score"]), ([(4, 4), (4, 4), (0, 1), (0, 1)], &json!(70)));
    // Without a city: 3 of 4 of 40, and all of the rest.
    let record = shown(&desk.client, &three).await;
    assert_eq!((told(&record), &record["quality"]["score"]), ([(3, 4), (3, 3), (1, 1), (1, 1)], &json!(90)));
    assert_eq!(share(&record, "COMPLETENESS")["explanation"], "Not said: city.");
    let query = "query($id: ID!) { register(id: $id) { quality { score shares { aspect good of explanation } } } }";
    let register = desk.client.ask(query, json!({ "id": desk.register })).await["register"].clone();
    assert_eq!((told(&register), &register["quality"]["score"]), ([(11, 12), (3, 3), (1, 3), (1, 3)], &json!(77)));
    // Void, a record is nobody's duplicate, and does not count; changed, it is alike no more.
    let four = desk.entered(json!({ "number": "4", "name": "NORD!", "city": "Kiel", "iban": "DE4" })).await;
    desk.change(&three, json!({ "city": "kiel" })).await;
    assert_eq!(shown(&desk.client, &three).await["duplicates"][0]["record"]["id"], four.as_str());
    for id in [&four, &two] {
        let input = json!({ "id": id, "reason": "Twice" });
        act(&desk.client, "registerRecordVoid", "RegisterRecordVoidInput", input, RECORD).await;
    }
    for id in [&one, &three] {
        assert_eq!(shown(&desk.client, id).await["duplicates"], json!([]));
    }
    let register = desk.client.ask(query, json!({ "id": desk.register })).await["register"].clone();
    assert_eq!(told(&register), [(8, 8), (2, 2), (1, 2), (2, 2)]);
    // Other rules find others, also among those that are there.
    desk.entered(json!({ "number": "5", "name": "Nord", "city": "Ulm", "iban": "DE5" })).await;
    desk.redefine(json!({ "duplicates": [{ "fields": ["name"] }] })).await;
    assert_eq!(shown(&desk.client, &three).await["duplicates"].as_array().unwrap().len(), 1);
    // Whoever may only read does nothing of all this.
    let reader = desk.office.person("Reader");
    desk.office.grant(desk.firm, reader, &[Can::RegisterRead]);
    let reader = desk.office.client(reader, desk.firm);
    for (field, kind, input) in [
        ("registerRecordKey", "RegisterRecordKeyInput", json!({ "id": one, "values": [] })),
        ("registerRecordVoid", "RegisterRecordVoidInput", json!({ "id": one, "reason": "x" })),
        ("registerUpdate", "RegisterUpdateInput", json!({ "id": desk.register })),
    ] {
        let query = format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ message }} }} }}");
        assert_eq!(reader.send(&query, json!({ "input": input })).await.code(), "FORBIDDEN");
    }
    desk.close();
}

const GROUPS: &str = "query($register: ID!, $first: Int, $after: String) {
    registerDuplicateGroups(register: $register, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
        nodes { fields reason count records { id } } edges { cursor } } }";

async fn groups(client: &Client, register: &Value, first: i32, after: Option<&str>) -> Value {
    let asked = json!({ "register": register, "first": first, "after": after });
    client.ask(GROUPS, asked).await["registerDuplicateGroups"].clone()
}

fn members(group: &Value) -> Vec<String> {
    group["records"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn records_that_are_perhaps_the_same_are_listed_in_groups() {
    let rules = json!({ "duplicates": [{ "fields": ["name", "city"] }, { "fields": ["name"] }] });
    let desk = Desk::with(Office::open(), fields(), rules).await;
    let register = json!(desk.register);
    assert_eq!(groups(&desk.client, &register, 10, None).await["totalCount"], 0);
    let mut ids = Vec::new();
    for (at, (name, city)) in [
        ("Müller GmbH", "Köln"),
        ("gmbh mueller", "KOELN"),
        ("Mueller, GmbH", "Ulm"),
        ("Nord", "Kiel"),
        ("NORD!", "kiel"),
        ("Süd", "Kiel"),
    ]
    .iter()
    .enumerate()
    {
        let values = json!({ "number": at.to_string(), "name": name, "city": city, "iban": format!("DE{at}") });
        ids.push(desk.entered(values).await);
    }
    // By name and city there are two groups of two; by name alone one of three and one of two.
    let all = groups(&desk.client, &register, 10, None).await;
    assert_eq!((&all["totalCount"], &all["pageInfo"]["hasNextPage"]), (&json!(4), &json!(false)), "{all}");
    let of = |at: usize| (all["nodes"][at]["fields"].clone(), all["nodes"][at]["count"].as_i64().unwrap());
    assert_eq!((of(0), of(1)), ((json!(["name", "city"]), 2), (json!(["name", "city"]), 2)));
    let mut by_name: Vec<Vec<String>> = vec![members(&all["nodes"][2]), members(&all["nodes"][3])];
    by_name.sort_by_key(Vec::len);
    assert_eq!(by_name, [vec![ids[3].clone(), ids[4].clone()], vec![ids[0].clone(), ids[1].clone(), ids[2].clone()]]);
    let reason = all["nodes"][0]["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "All 2 say the same in name and city, but for case, accents, punctuation and the order of words."
    );
    // Page by page it is the same list, each group once.
    let (mut seen, mut after): (Vec<Value>, Option<String>) = (Vec::new(), None);
    for _ in 0..4 {
        let page = groups(&desk.client, &register, 1, after.as_deref()).await;
        seen.extend(page["nodes"].as_array().unwrap().clone());
        assert_eq!(page["edges"][0]["cursor"], page["pageInfo"]["endCursor"]);
        after = page["pageInfo"]["endCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(&json!(seen), &all["nodes"]);
    assert_eq!(groups(&desk.client, &register, 1, after.as_deref()).await["nodes"], json!([]));
    // What is void or says something else is in no group any more; nor is what another rule would find.
    act(
        &desk.client,
        "registerRecordVoid",
        "RegisterRecordVoidInput",
        json!({ "id": ids[3], "reason": "Twice" }),
        RECORD,
    )
    .await;
    desk.change(&ids[2], json!({ "name": "Meier" })).await;
    let left = groups(&desk.client, &register, 10, None).await;
    assert_eq!(left["totalCount"], 2, "{left}");
    assert!(left["nodes"].as_array().unwrap().iter().all(|group| members(group) == [ids[0].clone(), ids[1].clone()]));
    desk.redefine(json!({ "duplicates": [{ "fields": ["city"] }] })).await;
    let others = groups(&desk.client, &register, 10, None).await;
    assert_eq!(others["totalCount"], 2, "{others}");
    // A cursor of another list is none of this one; another client sees nothing; who may not read is told so.
    let foreign = desk.client.send(GROUPS, json!({ "register": register, "after": "AAAA" })).await;
    assert_eq!(foreign.code(), "BAD_USER_INPUT");
    let ada = desk.office.person("Somebody");
    let elsewhere = desk.office.firm("Elsewhere GmbH", ada);
    let there = desk.office.client(ada, elsewhere);
    assert_eq!(groups(&there, &register, 10, None).await["nodes"], json!([]));
    let nobody = desk.office.person("Nobody");
    desk.office.grant(desk.firm, nobody, &[Can::CorrespondenceRead]);
    let nobody = desk.office.client(nobody, desk.firm);
    assert_eq!(nobody.send(GROUPS, json!({ "register": register })).await.code(), "FORBIDDEN");
    desk.close();
}

/// Among a hundred thousand, a page follows the index from its cursor on: nothing is sorted, and no other table is read to
/// find the groups.
#[tokio::test]
async fn groups_among_a_hundred_thousand_records_are_found_by_index() {
    let desk = Desk::with(Office::open(), fields(), json!({ "duplicates": [{ "fields": ["name"] }] })).await;
    let first = desk.entered(json!({ "number": "0", "name": "Nord", "iban": "DE0" })).await;
    let (database, firm) = (&desk.office.app.database, desk.firm);
    // Every thousandth is like the one before it.
    database.lay(&format!(
        "SET session_replication_role = replica;
         WITH made AS (
           INSERT INTO practice.register_record (tenant_id, id, register_id, edition, fields)
           SELECT r.tenant_id, gen_random_uuid(), r.register_id, 1, jsonb_build_object('number', n::text, 'iban', 'DE' || n)
             FROM practice.register_record r, generate_series(1, 100000) AS n WHERE r.tenant_id = '{firm}'
           RETURNING tenant_id, id, register_id, (fields ->> 'number')::int AS n)
         INSERT INTO practice.register_likeness (tenant_id, register_id, rule, record_id, likeness)
         SELECT m.tenant_id, m.register_id, 1, m.id,
                encode(sha256((m.n - CASE WHEN m.n % 1000 = 0 THEN 1 ELSE 0 END)::text::bytea), 'hex') FROM made m;
         SET session_replication_role = origin"
    ));
    database.lay(
        "ANALYZE practice.register_likeness;
         CREATE FUNCTION public.story_plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS
           $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$",
    );
    let register = json!(desk.register);
    let (mut found, mut after, begun) = (0, None, std::time::Instant::now());
    loop {
        let page = groups(&desk.client, &register, 25, after.as_deref()).await;
        found += page["nodes"].as_array().unwrap().len();
        after = page["pageInfo"]["endCursor"].as_str().map(str::to_owned);
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(page["totalCount"], 100);
            break;
        }
    }
    let took = begun.elapsed();
    assert_eq!(found, 100);
    assert!(took < std::time::Duration::from_secs(10), "four pages with their count took {took:?}");
    let plan = database
        .lines(
            "postgres",
            &format!(
                "SELECT p AS line FROM public.story_plan($q$ SELECT l.rule, l.likeness, count(*) FROM practice.register_likeness l
                  WHERE l.tenant_id = '{firm}' AND l.register_id = (SELECT register_id FROM practice.register_record WHERE tenant_id = '{firm}' LIMIT 1)
                    AND (l.rule, l.likeness) > (1, '5') GROUP BY l.rule, l.likeness HAVING count(*) > 1 ORDER BY l.rule, l.likeness LIMIT 26 $q$) AS p"
            ),
        )
        .join("\n");
    assert!(plan.contains("register_likeness_by_likeness") && !plan.contains("Sort"), "{plan}");
    assert!(shown(&desk.client, &first).await["duplicates"].as_array().unwrap().is_empty());
}
