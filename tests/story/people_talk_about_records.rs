//! People write beside any record that they read: the provider's staff among themselves, or with the client's own people.
//! Who is mentioned is told, and nobody learns of what he may not see.

use backoffice::platform::can::Can;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, Office, Person};

const CREATE: &str = "mutation($input: CommentCreateInput!) { commentCreate(input: $input) {
    comment { id recordId author authorName text visibleToClient inReplyTo editedAt deletedAt version } userErrors { code field message } } }";
const UPDATE: &str = "mutation($input: CommentUpdateInput!) { commentUpdate(input: $input) {
    comment { id text editedAt version } userErrors { code field message } } }";
const DELETE: &str = "mutation($input: CommentDeleteInput!) { commentDelete(input: $input) {
    comment { id text deletedAt version } userErrors { code field message } } }";
const COMMENTS: &str =
    "query($record: ID!, $first: Int, $after: String) { comments(record: $record, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id text authorName visibleToClient recordId } } }";
const NOTICES: &str = "{ notices { totalCount nodes { cause recordId recordType actorName comment { text } } } }";

const TALK: [Can; 3] = [Can::CommentRead, Can::CommentWrite, Can::NoticeRead];

fn user(person: Person) -> String {
    format!("usr_{}", person.account.simple())
}

fn address(person: Person) -> String {
    format!("{}@firm.example", person.account.simple())
}

/// An office with a firm in which Ada may do everything; Bob is of the staff and sees customers, Paula is of the client and
/// sees customers, Eve is of the staff and sees none.
struct Talk {
    office: Office,
    firm: Uuid,
    people: [Person; 4],
}

impl Talk {
    fn begin() -> Self {
        let office = Office::open();
        let people = ["Ada", "Bob", "Paula", "Eve"].map(|name| office.person(name));
        let [ada, bob, paula, eve] = people;
        let firm = office.firm("Firm", ada);
        office.grant(firm, bob, &[TALK.as_slice(), &[Can::CustomerRead, Can::InternalCommentRead]].concat());
        office.grant(
            firm,
            paula,
            &[TALK.as_slice(), &[Can::CustomerRead, Can::ClientRequestRead, Can::InternalCommentRead]].concat(),
        );
        office.grant(firm, eve, &[TALK.as_slice(), &[Can::InternalCommentRead]].concat());
        office.app.database.lay(&format!("UPDATE identity.account SET staff = false WHERE id = '{}'", paula.account));
        Self { office, firm, people }
    }

    fn clients(&self) -> [Client; 4] {
        self.people.map(|person| self.office.client(person, self.firm))
    }
}

async fn customer(client: &Client, number: &str) -> String {
    let query = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } userErrors { message } } }";
    let made = client.ask(query, json!({ "input": { "number": number, "name": "Kern", "country": "DE" } })).await;
    made["customerCreate"]["customer"]["id"].as_str().unwrap().to_owned()
}

async fn say(client: &Client, input: Value) -> Value {
    client.ask(CREATE, json!({ "input": input })).await["commentCreate"]["comment"].clone()
}

async fn texts(client: &Client, record: &str) -> Vec<String> {
    let seen = client.ask(COMMENTS, json!({ "record": record })).await["comments"].clone();
    let nodes = seen["nodes"].as_array().unwrap_or_else(|| panic!("{seen}"));
    assert_eq!(seen["totalCount"], nodes.len());
    nodes.iter().map(|node| node["text"].as_str().unwrap().to_owned()).collect()
}

async fn told(client: &Client) -> Vec<String> {
    let seen = client.ask(NOTICES, json!({})).await["notices"].clone();
    let nodes = seen["nodes"].as_array().unwrap();
    assert_eq!(seen["totalCount"], nodes.len());
    nodes
        .iter()
        .map(|one| {
            format!(
                "{} {}: {}",
                one["actorName"].as_str().unwrap(),
                one["cause"].as_str().unwrap(),
                one["comment"]["text"].as_str().unwrap_or("-")
            )
        })
        .collect()
}

#[tokio::test]
async fn staff_and_client_write_beside_one_record() {
    let talk = Talk::begin();
    let [ada, bob, paula, eve] = talk.clients();
    let [ada_is, bob_is, paula_is, eve_is] = talk.people;
    let record = customer(&ada, "1").await;

    // Among the staff: to Bob by his id and by his address is to Bob once, and never to who writes.
    let inner = format!("Look at this @[{}] @[{}] @[{}]", user(bob_is), address(bob_is).to_uppercase(), user(ada_is));
    let first = say(&ada, json!({ "record": record, "text": inner })).await;
    assert_eq!((&first["visibleToClient"], &first["recordId"]), (&json!(false), &json!(record)));
    assert!(first["id"].as_str().unwrap().starts_with("icm_"), "{first}");
    assert_eq!(told(&bob).await, [format!("Ada MENTIONED: {inner}")]);
    assert_eq!(told(&ada).await, Vec::<String>::new());

    // To the client it does not exist: neither in the list, nor by its id, whatever rights somebody was given.
    assert_eq!(texts(&paula, &record).await, Vec::<String>::new());
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(paula.ask(node, json!({ "id": first["id"] })).await["node"], Value::Null);
    assert_eq!(bob.ask(node, json!({ "id": first["id"] })).await["node"]["id"], first["id"]);
    let none = format!("icm_{}", Uuid::now_v7().simple());
    for input in [
        json!({ "record": record, "text": "?", "inReplyTo": first["id"] }),
        json!({ "record": record, "text": "?", "inReplyTo": none }),
    ] {
        let reasons = paula.refused(CREATE, json!({ "input": input })).await;
        assert_eq!(
            reasons,
            json!([{ "code": "NOT_FOUND", "field": ["input", "inReplyTo"], "message": "There is no such comment." }])
        );
    }
    for id in [first["id"].clone(), json!(none)] {
        let reasons = paula.refused(UPDATE, json!({ "input": { "id": id, "text": "Mine" } })).await;
        assert_eq!(reasons[0]["message"], "There is no such comment.");
        let reasons = paula.refused(DELETE, json!({ "input": { "id": id } })).await;
        assert_eq!(reasons[0]["code"], "NOT_FOUND");
    }
    let hidden =
        paula.refused(CREATE, json!({ "input": { "record": record, "text": "?", "visibleToClient": false } })).await;
    assert_eq!(hidden[0]["field"], json!(["input", "visibleToClient"]));

    // With the client.
    let asked = format!("What is your new address, @[{}]?", address(paula_is));
    let second = say(&ada, json!({ "record": record, "text": asked, "visibleToClient": true })).await;
    assert!(second["id"].as_str().unwrap().starts_with("cmt_"));
    assert_eq!(told(&paula).await, [format!("Ada MENTIONED: {asked}")]);
    let answer = say(&paula, json!({ "record": record, "text": "Hafenstraße 1", "inReplyTo": second["id"] })).await;
    assert_eq!(
        (&answer["visibleToClient"], &answer["inReplyTo"], &answer["author"]),
        (&json!(true), &second["id"], &json!(user(paula_is)))
    );
    assert_eq!(texts(&paula, &record).await, [asked.as_str(), "Hafenstraße 1"]);
    assert_eq!(texts(&bob, &record).await.len(), 3);
    // What answers the staff's own word stays with the staff.
    let leak = json!({ "record": record, "text": "!", "visibleToClient": true, "inReplyTo": first["id"] });
    assert_eq!(bob.refused(CREATE, json!({ "input": leak })).await[0]["field"], json!(["input", "visibleToClient"]));
    let inside = say(&bob, json!({ "record": record, "text": "Seen.", "inReplyTo": first["id"] })).await;
    assert_eq!((&inside["visibleToClient"], &inside["inReplyTo"]), (&json!(false), &first["id"]));

    // Who does not see it cannot be mentioned, and looks like nobody; then nothing is written.
    let before = talk.office.count("SELECT count(*) FROM practice.comment");
    let stranger = talk.office.person("Stranger");
    for name in [
        user(eve_is),
        address(eve_is),
        user(stranger),
        format!("usr_{}", Uuid::now_v7().simple()),
        "nobody@nowhere.example".to_owned(),
        "Bob".to_owned(),
    ] {
        let text = format!("@[{}] and @[{name}]", user(bob_is));
        let reasons =
            ada.refused(CREATE, json!({ "input": { "record": record, "text": text, "visibleToClient": true } })).await;
        assert_eq!(reasons.as_array().unwrap().len(), 1, "{reasons}");
        assert_eq!((&reasons[0]["code"], &reasons[0]["field"]), (&json!("NOT_FOUND"), &json!(["input", "text"])));
        assert!(
            reasons[0]["message"].as_str().unwrap().starts_with(&format!("Nobody who sees this is called \"{name}\""))
        );
    }
    // The client's people are nobody to what stays with the staff.
    let text = format!("@[{}]", user(paula_is));
    assert_eq!(
        ada.refused(CREATE, json!({ "input": { "record": record, "text": text } })).await[0]["code"],
        "NOT_FOUND"
    );
    assert_eq!(talk.office.count("SELECT count(*) FROM practice.comment"), before);
    assert_eq!(told(&bob).await.len(), 1);

    // A record that one may not read is one that never was.
    for id in [
        record.clone(),
        format!("cus_{}", Uuid::now_v7().simple()),
        "cus".to_owned(),
        first["id"].as_str().unwrap().to_owned(),
    ] {
        assert_eq!(eve.ask(COMMENTS, json!({ "record": id })).await["comments"], Value::Null, "{id}");
        let reasons = eve.refused(CREATE, json!({ "input": { "record": id, "text": "x" } })).await;
        assert_eq!(
            reasons,
            json!([{ "code": "NOT_FOUND", "field": ["input", "record"], "message": "There is no such record." }])
        );
    }
    let other = talk.office.firm("Other", ada_is);
    let foreign = talk.office.client(ada_is, other);
    assert_eq!(foreign.ask(COMMENTS, json!({ "record": record })).await["comments"], Value::Null);
    assert_eq!(foreign.ask(node, json!({ "id": second["id"] })).await["node"], Value::Null);
    assert_eq!(
        foreign.refused(UPDATE, json!({ "input": { "id": second["id"], "text": "x" } })).await[0]["code"],
        "NOT_FOUND"
    );

    // The trail tells the client nothing of it either.
    talk.office.grant(talk.firm, paula_is, &[Can::AuditRead]);
    let log = "{ auditLog(first: 100) { nodes { recordType after } } }";
    let shown = |seen: Value| {
        let rows = seen["auditLog"]["nodes"].as_array().unwrap().clone();
        rows.iter().filter(|row| row["recordType"] == "practice.comment").count()
    };
    assert_eq!((shown(paula.ask(log, json!({})).await), shown(ada.ask(log, json!({})).await)), (2, 4));
    // Nor do events.
    talk.office.grant(talk.firm, paula_is, &[Can::EventRead]);
    let kinds = |seen: Value| -> Vec<String> {
        seen["events"]["nodes"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
    };
    let events = "{ events(first: 100, kinds: [COMMENT_CREATED]) { nodes { kind node { id } } } }";
    assert_eq!(kinds(paula.ask(events, json!({})).await), ["COMMENT_CREATED"; 2]);
    assert_eq!(talk.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_one_has_written_is_ones_own() {
    let talk = Talk::begin();
    let [ada, bob, ..] = talk.clients();
    let [_, bob_is, paula_is, eve_is] = talk.people;
    let record = customer(&ada, "1").await;
    let said = say(&ada, json!({ "record": record, "text": "First", "visibleToClient": true })).await;
    let id = said["id"].as_str().unwrap();
    let others = bob.refused(UPDATE, json!({ "input": { "id": id, "text": "Other" } })).await;
    assert_eq!((&others[0]["code"], &others[0]["field"]), (&json!("STATE"), &json!(["input", "id"])));
    assert_eq!(bob.refused(DELETE, json!({ "input": { "id": id } })).await[0]["code"], "STATE");

    // Who is newly mentioned is told, once.
    let named = format!("Second @[{}]", user(bob_is));
    let now = ada.ask(UPDATE, json!({ "input": { "id": id, "text": named, "expectedVersion": 1 } })).await;
    assert_eq!(
        (&now["commentUpdate"]["comment"]["text"], &now["commentUpdate"]["comment"]["version"]),
        (&json!(named), &json!(2))
    );
    assert!(now["commentUpdate"]["comment"]["editedAt"].is_string());
    let named = format!("Third @[{}] @[{}]", user(bob_is), user(paula_is));
    ada.ask(UPDATE, json!({ "input": { "id": id, "text": named } })).await;
    assert_eq!(told(&bob).await, [format!("Ada MENTIONED: {named}")]);
    let unseen = ada.refused(UPDATE, json!({ "input": { "id": id, "text": format!("@[{}]", user(eve_is)) } })).await;
    assert_eq!(unseen[0]["code"], "NOT_FOUND");
    // What it said before is on the record.
    let trail = ada
        .ask(
            "query($id: ID!) { auditTrail(node: $id) { nodes { action before after actorName } } }",
            json!({ "id": id }),
        )
        .await;
    let trail = trail["auditTrail"]["nodes"].as_array().unwrap().clone();
    let before: Vec<&Value> = trail.iter().map(|one| &one["before"]["body"]).collect();
    assert_eq!(before[1..], [&json!("First"), &Value::Null]);

    // Of two who change it at once, one has read it too early.
    let change =
        |text: &'static str| ada.send(UPDATE, json!({ "input": { "id": id, "text": text, "expectedVersion": 3 } }));
    let (one, two) = tokio::join!(change("One"), change("Two"));
    let codes: Vec<Value> =
        [one, two].iter().map(|reply| reply.body["data"]["commentUpdate"]["userErrors"][0]["code"].clone()).collect();
    assert!(codes.contains(&Value::Null) && codes.contains(&json!("CONFLICT")), "{codes:?}");

    // Deleted, its text is gone and its place stays.
    let answer =
        say(&bob, json!({ "record": record, "text": "Answer", "visibleToClient": true, "inReplyTo": id })).await;
    let gone = ada.ask(DELETE, json!({ "input": { "id": id } })).await["commentDelete"]["comment"].clone();
    assert_eq!(gone["text"], "");
    assert!(gone["deletedAt"].is_string());
    assert_eq!(texts(&bob, &record).await, ["", "Answer"]);
    assert_eq!(answer["inReplyTo"], id);
    for (query, input) in [(DELETE, json!({ "id": id })), (UPDATE, json!({ "id": id, "text": "Back" }))] {
        assert_eq!(ada.refused(query, json!({ "input": input })).await[0]["code"], "STATE");
    }

    // By no way past the program is it anybody else's.
    let uuid = id.rsplit_once('_').unwrap().1;
    let statement = format!("UPDATE practice.comment SET body = 'x' WHERE id = '{uuid}'");
    let refused = talk.office.app.database.past_the_server("backoffice_app", |connection| {
        use diesel::RunQueryDsl;
        for text in [
            "BEGIN".to_owned(),
            format!("SELECT core.set_tenant('{}')", talk.firm),
            format!("SELECT set_config('app.actor_id', '{}', true)", bob_is.account),
        ] {
            diesel::sql_query(text).execute(connection).unwrap();
        }
        diesel::sql_query(statement).execute(connection).unwrap_err().to_string()
    });
    assert!(refused.contains("a comment is its author's"), "{refused}");
    assert_eq!(talk.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_comment_is_refused() {
    let talk = Talk::begin();
    let [ada, bob, paula, _] = talk.clients();
    let record = customer(&ada, "1").await;
    let crowd: String = (0..51).map(|at| format!("@[{at}@firm.example]")).collect();
    for text in [
        String::new(),
        " \n ".to_owned(),
        "x".repeat(10_001),
        "x".repeat(100_000),
        "bell \u{7}".to_owned(),
        "\u{1b}[31m".to_owned(),
        crowd,
    ] {
        let reasons = ada.refused(CREATE, json!({ "input": { "record": record, "text": text } })).await;
        assert_eq!(
            (&reasons[0]["code"], &reasons[0]["field"]),
            (&json!("INVALID"), &json!(["input", "text"])),
            "{reasons}"
        );
    }
    let zero = ada.send(CREATE, json!({ "input": { "record": record, "text": "zero \u{0}" } })).await;
    assert_eq!(zero.code(), "BAD_USER_INPUT");
    // What is long is not slow: brackets without end are nobody.
    say(&ada, json!({ "record": record, "text": "@[".repeat(5_000) })).await;
    let odd = "Zeile\r\n\tzwei – 漢字 👩‍👩‍👧 <script>alert(1)</script> ' OR 1=1 --";
    say(&ada, json!({ "record": record, "text": odd, "visibleToClient": true })).await;
    assert_eq!(texts(&paula, &record).await, [odd]);

    // Page by page, nothing twice.
    for number in 0..5 {
        say(&bob, json!({ "record": record, "text": number.to_string() })).await;
    }
    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let page = ada.ask(COMMENTS, json!({ "record": record, "first": 3, "after": after })).await["comments"].clone();
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["text"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen[2..], ["0", "1", "2", "3", "4"]);
    assert_eq!(ada.send(COMMENTS, json!({ "record": record, "first": 101 })).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn what_the_client_sees_of_work_is_beside_the_work() {
    let talk = Talk::begin();
    let [ada, _, paula, _] = talk.clients();
    let made = ada
        .ask(
            "mutation { workItemCreate(input: { kind: CLIENT_REQUEST, title: \"Receipts\" }) { workItem { id } userErrors { message } } }",
            json!({}),
        )
        .await;
    let item = made["workItemCreate"]["workItem"]["id"].as_str().unwrap().to_owned();
    let request = item.replace("wi_", "crq_");
    say(&ada, json!({ "record": item, "text": "They are late." })).await;
    say(&ada, json!({ "record": item, "text": "Please send them.", "visibleToClient": true })).await;
    assert_eq!(paula.ask(COMMENTS, json!({ "record": item })).await["comments"], Value::Null);
    let answer = say(&paula, json!({ "record": request, "text": "Here they are." })).await;
    assert_eq!(answer["recordId"], request);
    assert_eq!(texts(&paula, &request).await, ["Please send them.", "Here they are."]);
    assert_eq!(texts(&ada, &item).await, ["They are late.", "Please send them.", "Here they are."]);
    let beside =
        ada.ask("query($id: ID!) { workItem(id: $id) { comments { text internal } } }", json!({ "id": item })).await;
    assert_eq!(beside["workItem"]["comments"][2], json!({ "text": "They are late.", "internal": true }));
    let shown =
        paula.ask("query($id: ID!) { clientRequest(id: $id) { comments { text } } }", json!({ "id": request })).await;
    assert_eq!(shown["clientRequest"]["comments"][0]["text"], "Here they are.");
    // Hidden from the client, all of it is.
    let hide = "mutation($id: ID!) { workItemUpdate(input: { id: $id, visibleToClient: false }) { workItem { id } userErrors { message } } }";
    ada.ask(hide, json!({ "id": item })).await;
    assert_eq!(paula.ask(COMMENTS, json!({ "record": request })).await["comments"], Value::Null);
    assert_eq!(
        paula.ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": answer["id"] })).await["node"],
        Value::Null
    );
    assert_eq!(
        paula.refused(UPDATE, json!({ "input": { "id": answer["id"], "text": "x" } })).await[0]["code"],
        "NOT_FOUND"
    );
    assert_eq!(talk.office.findings(), Vec::<String>::new());
}
