//! Registers: records whose fields a client says itself, each value in its one spelling, each key held once, found by what they
//! say; and definitions that change without breaking what is there.

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::documents_are_kept::{act, make, refusal};
use crate::harness::{Client, Office};

/// A client company, somebody who may do everything in it, and a register of suppliers.
pub struct Desk {
    pub office: Office,
    pub firm: Uuid,
    pub client: Client,
    pub register: String,
}

/// The fields of that register.
pub fn fields() -> Value {
    json!([
        { "key": "number", "label": "Number", "kind": "TEXT", "required": true, "unique": true, "pattern": "[A-Z]-[0-9]+", "maxLength": 10 },
        { "key": "name", "label": "Name", "kind": "TEXT", "required": true, "wanted": true },
        { "key": "city", "label": "City", "kind": "TEXT", "wanted": true },
        { "key": "limit", "label": "Limit", "kind": "NUMBER", "decimals": 2, "min": "-1000", "max": "1000000" },
        { "key": "since", "label": "Since", "kind": "DATE", "min": "2000-01-01" },
        { "key": "active", "label": "Active", "kind": "BOOLEAN" },
        { "key": "grade", "label": "Grade", "kind": "CHOICE", "choices": [{ "value": "a", "label": "Very good" }, { "value": "b", "label": "Good" }] }
    ])
}

impl Desk {
    pub async fn open() -> Self {
        Self::with(Office::open(), fields(), json!({})).await
    }

    pub async fn with(office: Office, fields: Value, more: Value) -> Self {
        let ada = office.person("Ada");
        let firm = office.firm("Firm", ada);
        let client = office.client(ada, firm);
        let mut input = json!({ "code": "suppliers", "name": "Suppliers", "fields": fields });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let register = make(&client, "registerCreate", "RegisterCreateInput", input, "register").await;
        Self { office, firm, client, register }
    }

    /// Somebody else who may do everything.
    pub fn another(&self, name: &str) -> Client {
        let person = self.office.person(name);
        self.office.grant(self.firm, person, Can::ALL);
        self.office.client(person, self.firm)
    }

    pub async fn enter(&self, values: Value) -> Value {
        let input = json!({ "register": self.register, "values": said(&values) });
        act(&self.client, "registerRecordCreate", "RegisterRecordCreateInput", input, RECORD).await
    }

    pub async fn entered(&self, values: Value) -> String {
        let payload = self.enter(values).await;
        payload["registerRecord"]["id"].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned()
    }

    pub async fn change(&self, id: &str, values: Value) -> Value {
        let input = json!({ "id": id, "values": said(&values) });
        act(&self.client, "registerRecordUpdate", "RegisterRecordUpdateInput", input, RECORD).await
    }

    pub async fn redefine(&self, mut input: Value) -> Value {
        input["id"] = json!(self.register);
        act(&self.client, "registerUpdate", "RegisterUpdateInput", input, "register { edition version }").await
    }

    /// The numbers of the records that a filter finds, in an order.
    pub async fn found(&self, filter: Value, order: Value) -> Vec<String> {
        let mut all = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = self
                .client
                .ask(
                    "query($register: ID!, $filter: RegisterRecordFilter, $order: RegisterRecordOrder, $after: String) {
                       registerRecords(register: $register, first: 2, after: $after, filter: $filter, orderBy: $order) {
                         nodes { values { field value } } totalCount pageInfo { hasNextPage endCursor } } }",
                    json!({ "register": self.register, "filter": filter, "order": order, "after": after }),
                )
                .await["registerRecords"]
                .clone();
            for node in page["nodes"].as_array().unwrap() {
                all.push(value_of(node, "number").as_str().unwrap().to_owned());
            }
            if page["pageInfo"]["hasNextPage"] == false {
                assert_eq!(page["totalCount"], all.len());
                return all;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// What `backoffice check` finds, but for what the office itself was laid with past the server.
    pub fn close(&self) {
        let mut findings = self.office.app.database.findings();
        findings.retain(|finding| !finding.contains("insert by hand as database user postgres"));
        assert_eq!(findings, Vec::<String>::new());
    }
}

pub const RECORD: &str = "registerRecord { id state version voidReason values { field value withheld } }";

/// Values as they are said.
pub fn said(values: &Value) -> Value {
    values.as_object().unwrap().iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
}

/// What a record says in a field.
pub fn value_of(record: &Value, field: &str) -> Value {
    let values = record["values"].as_array().unwrap();
    values.iter().find(|one| one["field"] == field).map_or(Value::Null, |one| one["value"].clone())
}

/// All that is refused: where, and as what.
pub fn refused(payload: &Value) -> Vec<(String, String)> {
    let reasons = payload["userErrors"].as_array().unwrap().iter();
    reasons
        .map(|reason| {
            let path: Vec<&str> = reason["field"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
            (path.join("."), reason["code"].as_str().unwrap().to_owned())
        })
        .collect()
}

fn is(place: &str, code: &str) -> (String, String) {
    (place.to_owned(), code.to_owned())
}

#[tokio::test]
async fn a_record_says_what_its_register_lets_it_say() {
    let desk = Desk::open().await;
    let good = json!({ "number": " A-1 ", "name": "A\u{308}rzte", "limit": "+012.50", "since": "2020-02-29", "active": "yes", "grade": "Very good" });
    let made = desk.enter(good).await;
    let record = &made["registerRecord"];
    for (field, value) in [
        ("number", "A-1"),
        ("name", "Ärzte"),
        ("limit", "12.5"),
        ("since", "2020-02-29"),
        ("active", "true"),
        ("grade", "a"),
    ] {
        assert_eq!(value_of(record, field), value, "{field}");
    }
    assert_eq!(
        (&record["state"], &record["version"], value_of(record, "city")),
        (&json!("CONFIRMED"), &json!(1), Value::Null)
    );
    // All that is wrong is told at once, each where it stands in the input.
    let wrong = json!({ "number": "a1", "limit": "1e9", "since": "2021-02-29", "active": "perhaps", "grade": "c", "strange": "x" });
    let mut told = refused(&desk.enter(wrong.clone()).await);
    told.sort();
    let place = |field: &str| {
        let said = said(&wrong);
        let at = said.as_array().unwrap().iter().position(|one| one["field"] == field).unwrap();
        format!("input.values.{at}.value")
    };
    let mut expected = vec![is("input.values", "REQUIRED"), (place("strange"), "NOT_FOUND".to_owned())];
    expected.extend(["number", "limit", "since", "active", "grade"].map(|field| (place(field), "INVALID".to_owned())));
    expected.sort();
    assert_eq!(told, expected);
    for (field, value) in [
        ("name", "a\u{1f}b".to_owned()),
        ("name", "x".repeat(501)),
        ("limit", "9".repeat(300)),
        ("limit", "0.001".to_owned()),
        ("limit", "1000000.01".to_owned()),
        ("since", "1999-12-31".to_owned()),
    ] {
        let mut values = json!({ "number": "A-2", "name": "Name" });
        values[field] = json!(value);
        assert_eq!(refused(&desk.enter(values).await)[0].1, "INVALID", "{field}");
    }
    // What no text can hold does not come as far as that.
    let query = "mutation($input: RegisterRecordCreateInput!) { registerRecordCreate(input: $input) { userErrors { message } } }";
    let input = json!({ "register": desk.register, "values": said(&json!({ "number": "A-2", "name": "a\0b" })) });
    assert_eq!(desk.client.send(query, json!({ "input": input })).await.code(), "BAD_USER_INPUT");
    let many: Vec<Value> = (0..3_000).map(|at| json!({ "field": format!("f{at}"), "value": "x" })).collect();
    let input = json!({ "register": desk.register, "values": many });
    let payload =
        act(&desk.client, "registerRecordCreate", "RegisterRecordCreateInput", input, "registerRecord { id }").await;
    assert_eq!(refused(&payload), [is("input.values", "INVALID")]);
    assert_eq!(desk.office.count("SELECT count(*) FROM practice.register_record"), 1);
    // What is not named stays, what is blank is cleared; somebody who has read an earlier version is told so.
    let id = record["id"].as_str().unwrap().to_owned();
    let changed = desk.change(&id, json!({ "city": "Kiel", "limit": " " })).await;
    let record = &changed["registerRecord"];
    assert_eq!(
        (value_of(record, "city"), value_of(record, "limit"), value_of(record, "name")),
        (json!("Kiel"), Value::Null, json!("Ärzte"))
    );
    let late = json!({ "id": id, "expectedVersion": 1, "values": [] });
    let payload =
        act(&desk.client, "registerRecordUpdate", "RegisterRecordUpdateInput", late, "registerRecord { id }").await;
    assert_eq!(refusal(&payload).0, "CONFLICT");
    desk.close();
}

#[tokio::test]
async fn a_key_is_held_by_one_record_whoever_enters_it() {
    let desk = Desk::with(Office::open(), fields(), json!({ "keys": [{ "fields": ["name", "city"] }] })).await;
    let first = desk.entered(json!({ "number": "A-1", "name": "Anna", "city": "Kiel" })).await;
    let told = desk.enter(json!({ "number": "A-1", "name": "Berta" })).await;
    let (code, place, message) = refusal(&told);
    assert_eq!((code, place.as_str()), ("DUPLICATE", "input.values.1.value"));
    assert!(message.contains(&first), "{message}");
    assert_eq!(refusal(&desk.enter(json!({ "number": "A-2", "name": "Anna", "city": "Kiel" })).await).0, "DUPLICATE");
    // Of which a field is not said, a key keeps nobody apart.
    desk.entered(json!({ "number": "A-3", "name": "Anna" })).await;
    let third = desk.entered(json!({ "number": "A-4", "name": "Anna" })).await;
    assert_eq!(refusal(&desk.change(&third, json!({ "city": "Kiel" })).await).0, "DUPLICATE");
    // Of many who enter the same at once one comes first, and the others are told so.
    let mut waiting = Vec::new();
    for number in 0..8 {
        let client = desk.client.clone();
        let values = said(&json!({ "number": "P-1", "name": format!("Parallel {number}") }));
        let input = json!({ "register": desk.register, "values": values });
        waiting.push(tokio::spawn(async move {
            act(&client, "registerRecordCreate", "RegisterRecordCreateInput", input, "registerRecord { id }").await
        }));
    }
    let mut codes = Vec::new();
    for one in waiting {
        let payload = one.await.unwrap();
        codes.push(payload["userErrors"][0]["code"].as_str().unwrap_or("entered").to_owned());
    }
    codes.sort();
    assert_eq!((codes.iter().filter(|code| *code == "entered").count(), &codes[0][..]), (1, "DUPLICATE"), "{codes:?}");
    // Void, a record stays and lets its key go; it is not changed any more.
    let reason = json!({ "id": first, "reason": "Entered twice" });
    let void = act(&desk.client, "registerRecordVoid", "RegisterRecordVoidInput", reason.clone(), RECORD).await;
    assert_eq!(
        (&void["registerRecord"]["state"], &void["registerRecord"]["voidReason"]),
        (&json!("VOID"), &json!("Entered twice"))
    );
    desk.entered(json!({ "number": "A-1", "name": "Anna", "city": "Kiel" })).await;
    assert_eq!(refusal(&desk.change(&first, json!({ "city": "Bonn" })).await).0, "STATE");
    let again = act(&desk.client, "registerRecordVoid", "RegisterRecordVoidInput", reason, RECORD).await;
    assert_eq!(refusal(&again).0, "STATE");
    assert!(desk.found(json!({ "state": { "eq": "VOID" } }), Value::Null).await == ["A-1"]);
    desk.close();
}

#[tokio::test]
async fn many_are_entered_at_once_all_of_them_or_the_good_ones() {
    let desk = Desk::open().await;
    desk.entered(json!({ "number": "A-0", "name": "There" })).await;
    let record = |number: &str, limit: &str| json!({ "values": said(&json!({ "number": number, "name": "Name", "limit": limit })) });
    let records =
        json!([record("A-1", "1"), record("A-2", "x"), record("A-1", "2"), record("A-0", "3"), record("A-4", "4")]);
    let ask = |mode: &str, records: &Value| {
        let input = json!({ "register": desk.register, "records": records, "mode": mode });
        let client = desk.client.clone();
        async move {
            act(
                &client,
                "registerRecordsCreate",
                "RegisterRecordsCreateInput",
                input,
                "registerRecords { values { field value } } problems { index field code message }",
            )
            .await
        }
    };
    let count = || desk.office.count("SELECT count(*) FROM practice.register_record");
    let nothing = ask("ALL_OR_NOTHING", &records).await;
    assert_eq!((&nothing["registerRecords"], count()), (&Value::Null, 1));
    let told = refused(&nothing);
    // Values are said in the order of the alphabet here: limit, name, number.
    let expected = [
        is("input.records.1.values.0.value", "INVALID"),
        is("input.records.2.values.2.value", "DUPLICATE"),
        is("input.records.3.values.2.value", "DUPLICATE"),
    ];
    assert_eq!(told, expected);
    let some = ask("GOOD_ONES", &records).await;
    let numbers: Vec<Value> =
        some["registerRecords"].as_array().unwrap().iter().map(|one| value_of(one, "number")).collect();
    assert_eq!((numbers, count()), (vec![json!("A-1"), json!("A-4")], 3));
    let problems: Vec<(i64, &str, &str)> = some["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["index"].as_i64().unwrap(), one["field"].as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    assert_eq!(problems, [(1, "limit", "INVALID"), (2, "number", "DUPLICATE"), (3, "number", "DUPLICATE")]);
    let all: Value = (0..500).map(|at| record(&format!("B-{at}"), "1")).collect();
    assert_eq!(ask("ALL_OR_NOTHING", &all).await["registerRecords"].as_array().unwrap().len(), 500);
    assert_eq!(count(), 503);
    for wrong in [json!([]), (0..501).map(|at| record(&format!("C-{at}"), "1")).collect()] {
        assert_eq!(refused(&ask("GOOD_ONES", &wrong).await), [is("input.records", "INVALID")]);
    }
    desk.close();
}

#[tokio::test]
async fn records_are_found_by_what_they_say() {
    let desk = Desk::open().await;
    for (number, name, limit, since, active, grade) in [
        ("A-1", "Nord 100%", Some("-12.5"), Some("2020-01-01"), Some("true"), Some("a")),
        ("A-2", "Süd", Some("9"), Some("2021-06-30"), Some("false"), Some("b")),
        ("A-3", "Ost", Some("100"), None, Some("true"), None),
        ("A-4", "West_", None, Some("2024-02-29"), None, Some("a")),
        ("A-5", "nordwest", Some("-3"), None, None, None),
    ] {
        let values =
            json!({ "number": number, "name": name, "limit": limit, "since": since, "active": active, "grade": grade });
        desk.entered(values).await;
    }
    let by = |field: &str, way: &str, condition: Value| json!({ "field": { "field": field, way: condition } });
    for (filter, expected) in [
        (by("name", "text", json!({ "eq": "Ost" })), &["A-3"][..]),
        (by("name", "text", json!({ "contains": "NORD" })), &["A-5", "A-1"]),
        (by("name", "text", json!({ "contains": "0%" })), &["A-1"]),
        (by("name", "text", json!({ "contains": "t_" })), &["A-4"]),
        (by("number", "text", json!({ "in": ["A-2", "A-4", "Z"] })), &["A-4", "A-2"]),
        (by("limit", "number", json!({ "eq": "9.00" })), &["A-2"]),
        (by("limit", "number", json!({ "in": ["-3.0", "100"] })), &["A-5", "A-3"]),
        (by("limit", "number", json!({ "gte": "-3" })), &["A-5", "A-3", "A-2"]),
        (by("limit", "number", json!({ "lt": "0" })), &["A-5", "A-1"]),
        (by("limit", "number", json!({ "gte": "-12.5", "lt": "9" })), &["A-5", "A-1"]),
        (by("limit", "isNull", json!(true)), &["A-4"]),
        (by("since", "date", json!({ "gte": "2021-01-01", "lt": "2024-02-29" })), &["A-2"]),
        (by("since", "date", json!({ "isNull": true })), &["A-5", "A-3"]),
        (by("active", "flag", json!({ "eq": false })), &["A-2"]),
        (by("grade", "text", json!({ "eq": "a" })), &["A-4", "A-1"]),
        (
            json!({ "or": [by("grade", "text", json!({ "eq": "b" })), { "and": [by("active", "flag", json!({ "eq": true })), by("limit", "number", json!({ "gte": "0" }))] }] }),
            &["A-3", "A-2"],
        ),
        (json!({ "state": { "in": ["UNCONFIRMED"] } }), &[]),
    ] {
        assert_eq!(desk.found(filter.clone(), Value::Null).await, expected, "{filter}");
    }
    // In the order of a field; those that do not say it come last, the latest first.
    for (order, expected) in [
        (json!({ "field": "limit" }), ["A-1", "A-5", "A-2", "A-3", "A-4"]),
        (json!({ "field": "limit", "descending": true }), ["A-3", "A-2", "A-5", "A-1", "A-4"]),
        (json!({ "field": "since" }), ["A-1", "A-2", "A-4", "A-5", "A-3"]),
        (json!({ "field": "grade" }), ["A-1", "A-4", "A-2", "A-5", "A-3"]),
    ] {
        assert_eq!(desk.found(Value::Null, order.clone()).await, expected, "{order}");
    }
    // What does not fit the kind of the field, or goes too deep, is no filter.
    let deep = json!({ "and": [{ "and": [{ "and": [{ "and": [{ "state": { "eq": "VOID" } }] }] }] }] });
    let many: Value = (0..51).map(|_| by("name", "isNull", json!(false))).collect();
    for filter in
        [by("name", "number", json!({ "eq": "1" })), by("none", "isNull", json!(true)), deep, json!({ "and": many })]
    {
        let query = "query($register: ID!, $filter: RegisterRecordFilter) { registerRecords(register: $register, filter: $filter) { totalCount } }";
        let reply = desk.client.send(query, json!({ "register": desk.register, "filter": filter })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{filter}");
    }
    let plan = desk.office.app.database.lines(
        "postgres",
        &format!(
            "SELECT string_agg(indexdef, ' ') AS line FROM pg_indexes WHERE tablename = 'register_value' AND '{}' <> ''",
            desk.firm
        ),
    );
    assert!(plan[0].contains("(tenant_id, register_id, field, sort, record_id)"), "{plan:?}");
    desk.close();
}

#[tokio::test]
async fn a_definition_changes_without_breaking_what_is_there() {
    let desk = Desk::open().await;
    let one =
        desk.entered(json!({ "number": "A-1", "name": "Anna", "city": "Kiel", "grade": "b", "limit": "5" })).await;
    let two = desk.entered(json!({ "number": "A-2", "name": "Berta", "city": "Kiel" })).await;
    let with = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut all = fields().as_array().unwrap().clone();
        change(&mut all);
        json!({ "fields": all })
    };
    // A choice that is in use does not go, nor does a field, nor does it become another kind.
    let fewer = with(&|all| all[6]["choices"] = json!([{ "value": "a" }]));
    let told = desk.redefine(fewer.clone()).await;
    assert_eq!(refused(&told), [is("input.misfits", "STATE"), is("input.fields.6", "STATE")]);
    assert!(told["userErrors"][1]["message"].as_str().unwrap().starts_with(&one), "{told}");
    assert_eq!(refused(&desk.redefine(with(&|all| drop(all.remove(3)))).await), [is("input.fields", "STATE")]);
    assert_eq!(
        refused(&desk.redefine(with(&|all| all[3] = json!({ "key": "limit", "kind": "TEXT" }))).await),
        [is("input.fields", "STATE")]
    );
    // A key that would not keep two records apart.
    let told = desk.redefine(json!({ "keys": [{ "fields": ["city"] }] })).await;
    assert_eq!(refusal(&told).0, "DUPLICATE");
    assert!(refusal(&told).2.contains(&one) && refusal(&told).2.contains(&two), "{told}");
    // A field that nobody has said anything in goes, another one comes, and has to be said from now on.
    let needed = with(&|all| {
        all.remove(4);
        all.push(json!({ "key": "country", "kind": "TEXT", "required": true }));
    });
    assert_eq!(refused(&desk.redefine(needed.clone()).await).len(), 3);
    let mut kept = needed;
    kept["misfits"] = json!("KEEP");
    assert_eq!(desk.redefine(kept).await["register"]["edition"], 2);
    let query =
        "query($id: ID!) { register(id: $id) { edition editions { number madeByName fields { key } } keys { fields }
        quality { score shares { aspect good of percent explanation } } } }";
    let register = desk.client.ask(query, json!({ "id": desk.register })).await["register"].clone();
    assert_eq!(register["editions"][0]["fields"].as_array().unwrap().len(), 7);
    assert_eq!(
        (&register["editions"][1]["number"], &register["editions"][1]["madeByName"]),
        (&json!(1), &json!("Ada"))
    );
    assert_eq!(register["keys"], json!([{ "fields": ["number"] }]));
    let share = |register: &Value, aspect: &str| {
        register["quality"]["shares"].as_array().unwrap().iter().find(|one| one["aspect"] == aspect).unwrap().clone()
    };
    assert_eq!((&share(&register, "VALIDITY")["good"], &share(&register, "VALIDITY")["of"]), (&json!(0), &json!(2)));
    // A record that is changed has to fit; then it counts as valid again.
    assert_eq!(refused(&desk.change(&one, json!({ "city": "Bonn" })).await), [is("input.values", "REQUIRED")]);
    assert!(desk.change(&one, json!({ "country": "DE" })).await["userErrors"].as_array().unwrap().is_empty());
    let register = desk.client.ask(query, json!({ "id": desk.register })).await["register"].clone();
    assert_eq!(share(&register, "VALIDITY")["percent"], 50);
    // The next definition is made of the one that is there; the same once more is no other one.
    assert_eq!(desk.redefine(json!({ "name": "Vendors" })).await["register"]["edition"], 2);
    let late = desk.redefine(json!({ "name": "Late", "expectedVersion": 1 })).await;
    assert_eq!(refusal(&late).0, "CONFLICT");
    let lies = desk.office.app.database.past_the_server("backoffice_app", |connection| {
        let run = |connection: &mut backoffice::database::Blocking, text: &str| {
            diesel::RunQueryDsl::execute(diesel::sql_query(text), connection).map_err(|error| error.to_string())
        };
        run(connection, "BEGIN").unwrap();
        run(connection, &format!("SELECT core.set_tenant('{}')", desk.firm)).unwrap();
        let lie = "UPDATE practice.register SET definition = jsonb_set(definition, '{fields,0,kind}', '\"date\"')";
        let refused = run(connection, lie);
        run(connection, "ROLLBACK").unwrap();
        refused
    });
    assert!(lies.is_err_and(|error| error.contains("a field in use keeps its kind")));
    desk.close();
}

#[tokio::test]
async fn a_definition_that_is_wrong_says_where() {
    let desk = Desk::open().await;
    let define = |input: Value| {
        let client = desk.client.clone();
        async move { refused(&act(&client, "registerCreate", "RegisterCreateInput", input, "register { id }").await) }
    };
    let text = |more: Value| {
        let mut field = json!({ "key": "a", "kind": "TEXT" });
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "code": "other", "name": "Other", "fields": [field] })
    };
    let many: Value = (0..3_000).map(|at| json!({ "key": format!("f{at}"), "kind": "TEXT" })).collect();
    for (input, place) in [
        (text(json!({ "pattern": "(((a{99}){99}){99}){99}" })), "input.fields.0.pattern"),
        (text(json!({ "pattern": "(a)\\1" })), "input.fields.0.pattern"),
        (text(json!({ "key": "A" })), "input.fields.0.key"),
        (text(json!({ "label": "a\u{7}" })), "input.fields.0.label"),
        (text(json!({ "maxLength": -1 })), "input.fields.0.maxLength"),
        (text(json!({ "kind": "CHOICE" })), "input.fields.0.choices"),
        (json!({ "code": "many", "name": "Many", "fields": many }), "input.fields"),
        (json!({ "code": "none", "name": "None", "fields": [] }), "input.fields"),
        (json!({ "code": "No", "name": "No", "fields": fields() }), "input.code"),
        (json!({ "code": "no", "name": "", "fields": fields() }), "input.name"),
        (json!({ "code": "no", "name": "No", "fields": fields(), "keys": [{ "fields": ["none"] }] }), "input.keys.0"),
        (
            json!({ "code": "no", "name": "No", "fields": fields(), "duplicates": [{ "fields": [] }] }),
            "input.duplicates.0",
        ),
        (
            json!({ "code": "no", "name": "No", "fields": fields(),
                    "forms": [{ "code": "f", "name": "F", "sections": [{ "title": "S", "fields": ["number"] }] }] }),
            "input.forms.0.sections",
        ),
    ] {
        let told = define(input.clone()).await;
        assert_eq!(told.first().map(|one| one.0.as_str()), Some(place), "{told:?}");
    }
    assert_eq!(define(json!({ "code": "suppliers", "name": "Again", "fields": fields() })).await[0].1, "DUPLICATE");
    // Forms are data, and come back as they were laid out.
    let form = json!([{ "code": "entry", "name": "Entry", "sections": [
        { "title": "Who", "help": "As in the contract", "fields": ["name", "number"] }, { "title": "Else", "fields": ["grade"] }] }]);
    assert_eq!(desk.redefine(json!({ "forms": form })).await["register"]["edition"], 2);
    let query = "query($id: ID!) { register(id: $id) { forms { code name sections { title help fields } } fields { key unique kind } } }";
    let register = desk.client.ask(query, json!({ "id": desk.register })).await["register"].clone();
    assert_eq!(
        register["forms"][0]["sections"][0],
        json!({ "title": "Who", "help": "As in the contract", "fields": ["name", "number"] })
    );
    assert_eq!(register["fields"][0], json!({ "key": "number", "unique": true, "kind": "TEXT" }));
    desk.close();
}
