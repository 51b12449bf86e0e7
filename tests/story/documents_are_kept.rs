//! Documents: versions that come and are taken back, folders without circles, fields that are right, and who sees what.

use backoffice::platform::can::Can;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::files_are_sent_and_taken::{announce, complete};
use crate::harness::{App, Client, Office, Person};

/// Sends an attachment; gives the file's id.
pub async fn sent(app: &App, client: &Client, name: &str, bytes: &[u8]) -> String {
    let (file, address) = announce(client, name, bytes).await;
    let put = reqwest::Client::new().put(app.url(&address)).body(bytes.to_vec()).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.text().await.unwrap());
    assert_eq!(complete(client, &file, bytes).await["state"], "READY");
    file
}

/// Runs a mutation; gives its payload.
pub async fn act(client: &Client, field: &str, kind: &str, input: Value, selection: &str) -> Value {
    let query = format!(
        "mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}"
    );
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][field].clone()
}

/// The same of what has to work; gives the record's id.
pub async fn make(client: &Client, field: &str, kind: &str, input: Value, record: &str) -> String {
    let payload = act(client, field, kind, input, &format!("{record} {{ id }}")).await;
    payload[record]["id"].as_str().unwrap_or_else(|| panic!("{field}: {payload}")).to_owned()
}

/// What the one refusal says: code, path and sentence.
pub fn refusal(payload: &Value) -> (&str, String, &str) {
    let reason = &payload["userErrors"][0];
    let path: Vec<&str> = reason["field"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    (reason["code"].as_str().unwrap(), path.join("."), reason["message"].as_str().unwrap())
}

/// A client company, somebody who may do everything in it, and a type of documents.
pub struct Cabinet {
    pub office: Office,
    pub ada: Person,
    pub firm: Uuid,
    pub client: Client,
    pub kind: String,
}

impl Cabinet {
    pub async fn open() -> Self {
        Self::of(Office::open()).await
    }

    pub async fn of(office: Office) -> Self {
        let ada = office.person("Ada");
        let firm = office.firm("Firm", ada);
        let client = office.client(ada, firm);
        let kind =
            make(&client, "documentTypeCreate", "DocumentTypeCreateInput", json!({ "name": "Letter" }), "documentType")
                .await;
        Self { office, ada, firm, client, kind }
    }

    pub async fn sent(&self, name: &str, bytes: &[u8]) -> String {
        sent(&self.office.app, &self.client, name, bytes).await
    }

    pub async fn document(&self, title: &str, more: Value) -> String {
        let mut input = json!({ "title": title, "documentType": self.kind });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        make(&self.client, "documentCreate", "DocumentCreateInput", input, "document").await
    }

    pub async fn add(&self, document: &str, name: &str, bytes: &[u8]) -> String {
        let input = json!({ "document": document, "file": self.sent(name, bytes).await });
        make(&self.client, "documentVersionAdd", "DocumentVersionAddInput", input, "documentVersion").await
    }

    async fn take_back(&self, version: &str) -> Value {
        let input = json!({ "id": version });
        act(
            &self.client,
            "documentVersionDelete",
            "DocumentVersionDeleteInput",
            input,
            "documentVersion { number deletedAt }",
        )
        .await
    }

    /// The number of the current version, and all numbers that are not deleted.
    async fn numbers(&self, document: &str) -> (Value, Vec<i64>) {
        let query = "query($id: ID!) { document(id: $id) { currentVersion { number file { name downloadUrl } } versions { number deletedAt } } }";
        let found = self.client.ask(query, json!({ "id": document })).await["document"].clone();
        let live = found["versions"].as_array().unwrap().iter().filter(|one| one["deletedAt"].is_null());
        (found["currentVersion"]["number"].clone(), live.map(|one| one["number"].as_i64().unwrap()).collect())
    }

    /// What `backoffice check` finds, but for what the office itself was laid with past the server.
    pub fn close(&self) {
        let mut findings = self.office.app.database.findings();
        findings.retain(|finding| !finding.contains("insert by hand as database user postgres"));
        assert_eq!(findings, Vec::<String>::new());
    }
}

#[tokio::test]
async fn deleted_the_newest_version_gives_way_to_the_one_before() {
    let cabinet = Cabinet::open().await;
    let document = cabinet.document("Lease", json!({})).await;
    let mut versions = Vec::new();
    for number in 1..=3 {
        versions.push(cabinet.add(&document, "lease.txt", format!("version {number}").as_bytes()).await);
    }
    assert_eq!(cabinet.numbers(&document).await, (json!(3), vec![3, 2, 1]));
    assert_eq!(
        refusal(&cabinet.take_back(&versions[0]).await),
        ("STATE", "input.id".to_owned(), "Only the newest version is taken back.")
    );

    // v3 goes: v2 is current, with its bytes, and the trail says who and when.
    let gone = cabinet.take_back(&versions[2]).await;
    assert_eq!((&gone["documentVersion"]["number"], &gone["userErrors"]), (&json!(3), &json!([])));
    assert_eq!(cabinet.numbers(&document).await, (json!(2), vec![2, 1]));
    let trail = "query($node: ID!) { auditTrail(node: $node) { nodes { action actorName before after } } }";
    let rows = cabinet.client.ask(trail, json!({ "node": versions[2] })).await["auditTrail"]["nodes"].clone();
    let rows = rows.as_array().unwrap();
    let deletes = |row: &&Value| row["before"]["deleted_at"].is_null() && row["after"]["deleted_at"].is_string();
    let change =
        rows.iter().filter(|row| row["action"] == "UPDATE").find(deletes).unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(change["actorName"], "Ada");
    let found = cabinet
        .client
        .ask(
            "query($id: ID!) { document(id: $id) { currentVersion { file { downloadUrl } } } }",
            json!({ "id": document }),
        )
        .await;
    let address = found["document"]["currentVersion"]["file"]["downloadUrl"].as_str().unwrap().to_owned();
    let bytes = reqwest::get(cabinet.office.app.url(&address)).await.unwrap().text().await.unwrap();
    assert_eq!(bytes, "version 2");
    let twice = cabinet.take_back(&versions[2]).await;
    assert_eq!(refusal(&twice).2, "This version was deleted before.");

    // Down to the first, which stays; the next one is the fourth.
    cabinet.take_back(&versions[1]).await;
    assert_eq!(cabinet.numbers(&document).await, (json!(1), vec![1]));
    let last = cabinet.take_back(&versions[0]).await;
    assert_eq!((refusal(&last).0, refusal(&last).2.contains("trash")), ("STATE", true));
    cabinet.add(&document, "lease.txt", b"version 4").await;
    assert_eq!(cabinet.numbers(&document).await, (json!(4), vec![4, 1]));

    // A version is what it is, whoever writes past the server.
    for statement in [
        "UPDATE practice.document_version SET number = 9",
        "UPDATE practice.document_version SET deleted_at = NULL, deleted_by = NULL WHERE deleted_at IS NOT NULL",
    ] {
        let refused = cabinet.office.app.database.past_the_server("postgres", |connection| {
            diesel::RunQueryDsl::execute(diesel::sql_query(statement), connection).map_err(|error| error.to_string())
        });
        assert!(refused.unwrap_err().contains("stays what it is"), "{statement}");
    }
    cabinet.close();
}

#[tokio::test]
async fn versions_that_come_at_once_are_counted_one_after_the_other() {
    let cabinet = Cabinet::open().await;
    let document = cabinet.document("Minutes", json!({})).await;
    let mut files = Vec::new();
    for number in 0..5 {
        files.push(cabinet.sent("minutes.txt", format!("minutes {number}").as_bytes()).await);
    }
    let adding = files.iter().map(|file| {
        let input = json!({ "document": document, "file": file });
        make(&cabinet.client, "documentVersionAdd", "DocumentVersionAddInput", input, "documentVersion")
    });
    futures_util::future::join_all(adding).await;
    assert_eq!(cabinet.numbers(&document).await, (json!(5), vec![5, 4, 3, 2, 1]));
    // One file is one version, of one document.
    let other = cabinet.document("Other", json!({})).await;
    let input = json!({ "document": other, "file": files[0] });
    let again = act(&cabinet.client, "documentVersionAdd", "DocumentVersionAddInput", input, "").await;
    assert_eq!((refusal(&again).0, refusal(&again).1), ("DUPLICATE", "input.file".to_owned()));
    cabinet.close();
}

#[tokio::test]
async fn what_a_file_is_said_to_be_is_held_against_its_bytes() {
    let cabinet = Cabinet::open().await;
    let file = cabinet.sent("invoice.pdf", b"\x89PNG\r\n\x1a\nnot a pdf").await;
    let input =
        json!({ "title": "Invoice", "documentType": cabinet.kind, "file": file, "mediaType": "application/pdf" });
    let refused = act(&cabinet.client, "documentCreate", "DocumentCreateInput", input.clone(), "").await;
    assert_eq!(
        refusal(&refused),
        ("INVALID", "input.mediaType".to_owned(), "The bytes of this file are image/png, not what was declared.")
    );
    // Said by its name alone, it is taken and marked.
    let mut input = input;
    input.as_object_mut().unwrap().remove("mediaType");
    let taken = act(
        &cabinet.client,
        "documentCreate",
        "DocumentCreateInput",
        input,
        "document { currentVersion { nameMisleads file { mediaType } } }",
    )
    .await;
    assert_eq!(
        taken["document"]["currentVersion"],
        json!({ "nameMisleads": true, "file": { "mediaType": "image/png" } })
    );
    // What was only announced is no version of anything.
    let (pending, _) = announce(&cabinet.client, "late.txt", b"late").await;
    let input = json!({ "title": "Late", "documentType": cabinet.kind, "file": pending });
    let refused = act(&cabinet.client, "documentCreate", "DocumentCreateInput", input, "").await;
    assert_eq!(refusal(&refused).0, "STATE");
    cabinet.close();
}

async fn folder(client: &Client, name: &str, parent: Option<&str>) -> String {
    let input = json!({ "name": name, "parent": parent });
    make(client, "documentFolderCreate", "DocumentFolderCreateInput", input, "documentFolder").await
}

#[tokio::test]
async fn folders_lie_in_each_other_and_never_in_themselves() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let contracts = folder(client, "Contracts", None).await;
    let leases = folder(client, "Leases", Some(&contracts)).await;
    let berlin = folder(client, "Berlin", Some(&leases)).await;
    let moved = |id: String, parent: String| async move {
        let input = json!({ "id": id, "parent": parent });
        act(client, "documentFolderUpdate", "DocumentFolderUpdateInput", input, "documentFolder { path }").await
    };
    for parent in [&contracts, &leases, &berlin] {
        let circle = moved(contracts.clone(), parent.clone()).await;
        assert_eq!(
            refusal(&circle),
            ("INVALID", "input.parent".to_owned(), "A folder cannot lie in itself, not by way of others either.")
        );
    }
    let input = json!({ "name": "Leases", "parent": contracts });
    let twice = act(client, "documentFolderCreate", "DocumentFolderCreateInput", input, "").await;
    assert_eq!(refusal(&twice).0, "DUPLICATE");

    // Each of two moves would do alone, together they would close a circle: one wins.
    let (one, other) = (folder(client, "One", None).await, folder(client, "Other", None).await);
    let both = futures_util::future::join(moved(one.clone(), other.clone()), moved(other, one)).await;
    let refused = [&both.0, &both.1].iter().filter(|payload| payload["documentFolder"].is_null()).count();
    assert_eq!(refused, 1, "{both:?}");

    // Twenty deep and no deeper.
    let mut last = berlin.clone();
    for level in 4..=20 {
        last = folder(client, &format!("Level {level}"), Some(&last)).await;
    }
    let input = json!({ "name": "Too deep", "parent": last });
    let deep = act(client, "documentFolderCreate", "DocumentFolderCreateInput", input, "").await;
    assert_eq!(refusal(&deep).2, "Folders lie at most twenty deep.");

    let document = cabinet.document("Lease", json!({ "folder": berlin })).await;
    let found =
        client.ask("query($id: ID!) { document(id: $id) { folder { path } } }", json!({ "id": document })).await;
    assert_eq!(found["document"]["folder"]["path"], json!(["Contracts", "Leases", "Berlin"]));
    let full = act(client, "documentFolderDelete", "DocumentFolderDeleteInput", json!({ "id": berlin }), "").await;
    assert_eq!(refusal(&full).0, "STATE");
    let empty = json!({ "id": last });
    let gone = act(client, "documentFolderDelete", "DocumentFolderDeleteInput", empty, "documentFolder { name }").await;
    assert_eq!(gone["documentFolder"]["name"], "Level 20");
    cabinet.close();
}

#[tokio::test]
async fn a_document_says_what_its_type_asks_for_and_is_found_by_it() {
    let cabinet = Cabinet::open().await;
    let client = &cabinet.client;
    let fields = json!([
        { "name": "partner", "label": "Partner", "kind": "TEXT", "required": true },
        { "name": "rent", "kind": "NUMBER" },
        { "name": "ends", "kind": "DATE" },
        { "name": "form", "kind": "CHOICE", "choices": ["lease", "loan"] },
    ]);
    let input = json!({ "name": "Contract", "fields": fields });
    let contract = make(client, "documentTypeCreate", "DocumentTypeCreateInput", input, "documentType").await;
    let create = |fields: Value| {
        let input =
            json!({ "title": "Hall 3", "documentType": contract, "fields": fields, "tags": ["hall", " 2026", "hall"] });
        act(client, "documentCreate", "DocumentCreateInput", input, "document { id tags fields { name value } }")
    };
    for (fields, path, sentence) in [
        (json!([]), "input.fields", "\"Partner\" is missing."),
        (
            json!([{ "name": "partner", "value": "N" }, { "name": "rent", "value": "much" }]),
            "input.fields.1.value",
            "\"rent\" has to be a decimal number of at most 28 digits.",
        ),
        (
            json!([{ "name": "partner", "value": "N" }, { "name": "ends", "value": "2027-02-30" }]),
            "input.fields.1.value",
            "\"ends\" has to be a day, YYYY-MM-DD.",
        ),
        (
            json!([{ "name": "form", "value": "gift" }]),
            "input.fields.0.value",
            "\"form\" has to be one of what can be chosen.",
        ),
        (
            json!([{ "name": "colour", "value": "red" }]),
            "input.fields.0.value",
            "The type of this document has no such field.",
        ),
    ] {
        let refused = create(fields).await;
        assert_eq!(refusal(&refused), ("INVALID", path.to_owned(), sentence));
    }
    let good = json!([{ "name": "rent", "value": "1200.50" }, { "name": "partner", "value": " Nordwind " }, { "name": "ends", "value": "2027-02-28" }]);
    let made = create(good).await["document"].clone();
    assert_eq!(made["tags"], json!(["2026", "hall"]));
    assert_eq!(
        made["fields"],
        json!([{ "name": "ends", "value": "2027-02-28" }, { "name": "partner", "value": "Nordwind" }, { "name": "rent", "value": "1200.5" }])
    );

    // Beside a customer, and found there; by type, tag and title.
    let customer = json!({ "number": "1", "name": "One", "country": "DE" });
    let customer = make(client, "customerCreate", "CustomerCreateInput", customer, "customer").await;
    let input = json!({ "document": made["id"], "record": customer });
    let linked = act(
        client,
        "documentLinkAdd",
        "DocumentLinkInput",
        input.clone(),
        "document { links { recordId record { __typename } } }",
    )
    .await;
    assert_eq!(linked["document"]["links"], json!([{ "recordId": customer, "record": { "__typename": "Customer" } }]));
    assert_eq!(refusal(&act(client, "documentLinkAdd", "DocumentLinkInput", input.clone(), "").await).0, "DUPLICATE");
    for number in 0..30 {
        cabinet.document(&format!("Letter {number}"), json!({})).await;
    }
    let listed = |arguments: &str| {
        let query = format!(
            "{{ documents({arguments}) {{ totalCount nodes {{ id title }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        async move { client.ask(&query, json!({})).await["documents"].clone() }
    };
    for arguments in [
        format!("record: \"{customer}\""),
        "tags: [\"2026\", \"hall\"]".to_owned(),
        format!("filter: {{ documentType: {{ eq: \"{contract}\" }} }}"),
        "filter: { title: { contains: \"HALL\" } }".to_owned(),
    ] {
        let page = listed(&arguments).await;
        assert_eq!((&page["totalCount"], &page["nodes"][0]["id"]), (&json!(1), &made["id"]), "{arguments}");
    }
    let first = listed("first: 20").await;
    let next = listed(&format!("first: 20, after: {}", first["pageInfo"]["endCursor"])).await;
    assert_eq!((&first["totalCount"], next["nodes"].as_array().unwrap().len()), (&json!(31), 11));
    assert_eq!((&first["nodes"][0]["title"], &next["nodes"][10]["id"]), (&json!("Letter 29"), &made["id"]));
    act(client, "documentLinkRemove", "DocumentLinkInput", input, "").await;
    assert_eq!(listed(&format!("record: \"{customer}\"")).await["totalCount"], 0);

    // In the trash it is found only there, and is not changed before it is taken out.
    let id = json!({ "id": made["id"] });
    act(client, "documentTrash", "DocumentInput", id.clone(), "").await;
    assert_eq!(listed("tags: [\"hall\"]").await["totalCount"], 0);
    assert_eq!(listed("tags: [\"hall\"], filter: { trashedOn: { isNull: false } }").await["totalCount"], 1);
    let change = json!({ "id": made["id"], "title": "Hall 4" });
    assert_eq!(refusal(&act(client, "documentUpdate", "DocumentUpdateInput", change.clone(), "").await).0, "STATE");
    act(client, "documentRestore", "DocumentInput", id, "").await;
    let changed = act(client, "documentUpdate", "DocumentUpdateInput", change, "document { title }").await;
    assert_eq!(changed["document"]["title"], "Hall 4");
    cabinet.close();
}

#[tokio::test]
async fn a_type_that_needs_rights_hides_its_documents_and_their_files() {
    let cabinet = Cabinet::open().await;
    let input = json!({ "name": "Salaries", "rights": ["PERIOD_LOCK_HARD"] });
    let secret = make(&cabinet.client, "documentTypeCreate", "DocumentTypeCreateInput", input, "documentType").await;
    let file = cabinet.sent("salaries.txt", b"who earns what").await;
    let hidden = cabinet.document("Salaries 2026", json!({ "documentType": secret, "file": file })).await;
    let open = cabinet.document("Menu", json!({ "file": cabinet.sent("menu.txt", b"soup").await })).await;
    let refused = json!({ "title": "Shown", "documentType": secret, "visibleToClient": true });
    let refused = act(&cabinet.client, "documentCreate", "DocumentCreateInput", refused, "").await;
    assert_eq!(refusal(&refused).1, "input.visibleToClient");

    let ben = cabinet.office.person("Ben");
    let rights = [Can::OfficeDocumentRead, Can::OfficeDocumentManage, Can::FileRead, Can::FileManage];
    cabinet.office.grant(cabinet.firm, ben, &rights);
    let ben = cabinet.office.client(ben, cabinet.firm);
    let seen =
        ben.ask("{ documents { totalCount nodes { id } } files { totalCount nodes { name } } }", json!({})).await;
    assert_eq!(seen["documents"], json!({ "totalCount": 1, "nodes": [{ "id": open }] }));
    assert_eq!(seen["files"], json!({ "totalCount": 1, "nodes": [{ "name": "menu.txt" }] }));
    let found = ben
        .ask(
            "query($id: ID!, $file: ID!) { document(id: $id) { id } node(id: $id) { id } file(id: $file) { id } }",
            json!({ "id": hidden, "file": file }),
        )
        .await;
    assert_eq!(found, json!({ "document": null, "node": null, "file": null }));
    let moved = json!({ "id": open, "documentType": secret });
    assert_eq!(refusal(&act(&ben, "documentUpdate", "DocumentUpdateInput", moved, "").await).1, "input.documentType");
    let trashed = act(&ben, "documentTrash", "DocumentInput", json!({ "id": hidden }), "").await;
    assert_eq!(refusal(&trashed).0, "NOT_FOUND");

    // Whoever reads files but no documents does not get at theirs either.
    let carl = cabinet.office.person("Carl");
    cabinet.office.grant(cabinet.firm, carl, &[Can::FileRead]);
    let carl = cabinet.office.client(carl, cabinet.firm);
    assert_eq!(carl.ask("{ files { totalCount } }", json!({})).await["files"]["totalCount"], 0);
    cabinet.close();
}

#[tokio::test]
async fn the_clients_people_see_what_is_shown_to_them() {
    let cabinet = Cabinet::open().await;
    let shown = json!({ "visibleToClient": true, "file": cabinet.sent("report.txt", b"first report").await });
    let shown = cabinet.document("Report", shown).await;
    cabinet.document("Inside", json!({ "file": cabinet.sent("inside.txt", b"inside").await })).await;
    let nora = cabinet.office.person("Nora");
    cabinet.office.grant(cabinet.firm, nora, &[Can::ClientDocumentRead]);
    let nora = cabinet.office.client(nora, cabinet.firm);
    let look = "{ clientDocuments { totalCount nodes { id title file { name size downloadUrl } } } }";
    let taken = |address: String| async move {
        let response = reqwest::get(address).await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    let seen = nora.ask(look, json!({})).await["clientDocuments"].clone();
    assert_eq!((&seen["totalCount"], &seen["nodes"][0]["title"]), (&json!(1), &json!("Report")));
    let first = cabinet.office.app.url(seen["nodes"][0]["file"]["downloadUrl"].as_str().unwrap());
    assert_eq!(taken(first.clone()).await, (StatusCode::OK, "first report".to_owned()));
    // The documents of the provider are none of theirs.
    assert_eq!(nora.send("{ documents { totalCount } }", json!({})).await.code(), "FORBIDDEN");

    // A further version: the old address leads to nothing, the new one to it.
    cabinet.add(&shown, "report.txt", b"second report").await;
    assert_eq!(taken(first).await.0, StatusCode::NOT_FOUND);
    let seen = nora.ask(look, json!({})).await["clientDocuments"].clone();
    let second = cabinet.office.app.url(seen["nodes"][0]["file"]["downloadUrl"].as_str().unwrap());
    assert_eq!(taken(second.clone()).await, (StatusCode::OK, "second report".to_owned()));
    let hide = json!({ "id": shown, "visibleToClient": false });
    act(&cabinet.client, "documentUpdate", "DocumentUpdateInput", hide, "").await;
    assert_eq!(taken(second).await.0, StatusCode::NOT_FOUND);
    assert_eq!(nora.ask(look, json!({})).await["clientDocuments"]["totalCount"], 0);
    cabinet.close();
}
