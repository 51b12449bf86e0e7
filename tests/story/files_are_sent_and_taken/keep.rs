//! What a client keeps: what it deletes is gone, and there is no more of it than it may be.

use backoffice::platform::db::Pools;
use backoffice::platform::files::{Settings as FileSettings, watch};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{COMPLETE, CREATE, Desk, announce, sha256};
use crate::harness::{Client, Database, Setup};

const DELETE: &str = "mutation($input: FileDeleteInput!) { fileDelete(input: $input) {
    file { id state deletedAt removedAt downloadUrl version } userErrors { code field message } } }";
const ROOM: &str = "mutation($most: Int) { clientUpdate(input: { mostFileBytes: $most }) {
    client { mostFileBytes } userErrors { code field message } } }";

async fn delete(client: &Client, file: &str) -> Value {
    client.ask(DELETE, json!({ "input": { "file": file } })).await["fileDelete"]["file"].clone()
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_stands_in_the_trail() {
    let desk = Desk::open();
    let (file, other) = (desk.send("wrong.txt", b"wrong").await, desk.send("right.txt", b"right").await);
    let (id, address) = (file["id"].as_str().unwrap(), file["downloadUrl"].as_str().unwrap());
    // Not while something refers to it, whichever department's that is; and not what was changed meanwhile.
    let database = &desk.office.app.database;
    database.lay(&format!(
        "CREATE TABLE finance.pinned_note (tenant_id uuid, id uuid, scan_id uuid, FOREIGN KEY (tenant_id, scan_id) REFERENCES core.file (tenant_id, id));
         GRANT SELECT ON finance.pinned_note TO backoffice_owner;
         INSERT INTO finance.pinned_note SELECT f.tenant_id, f.id, f.id FROM core.file f WHERE f.id = '{}'",
        id.split_once('_').unwrap().1
    ));
    let refused = desk.boss.refused(DELETE, json!({ "input": { "file": id } })).await;
    assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("STATE"), &json!(["input", "file"])), "{refused}");
    assert!(refused[0]["message"].as_str().unwrap().contains("pinned note"), "{refused}");
    database.lay("DROP TABLE finance.pinned_note");
    let refused = desk.boss.refused(DELETE, json!({ "input": { "file": id, "expectedVersion": 1 } })).await;
    assert_eq!(refused[0]["code"], "CONFLICT");

    let gone = delete(&desk.boss, id).await;
    assert!(gone["deletedAt"].is_string() && gone["removedAt"].is_null() && gone["downloadUrl"].is_null(), "{gone}");
    // The address that was signed before leads nowhere, and nobody deletes twice.
    assert_eq!(desk.request(Method::GET, address).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(desk.boss.refused(DELETE, json!({ "input": { "file": id } })).await[0]["code"], "STATE");
    // An announced one is taken back: nothing comes any more, whether its bytes had come or not.
    for sent in [false, true] {
        let (announced, address) = announce(&desk.boss, "announced.txt", b"1").await;
        if sent {
            assert_eq!(desk.put(&address, b"1").await.0, StatusCode::NO_CONTENT);
        }
        delete(&desk.boss, &announced).await;
        assert_eq!(desk.put(&address, b"1").await.0, StatusCode::NOT_FOUND);
        let complete = json!({ "input": { "file": announced, "sha256": sha256(b"1") } });
        assert_eq!(desk.boss.refused(COMPLETE, complete).await[0]["code"], "STATE");
    }
    // Nobody takes it back, not even past the server.
    let back = database.past_the_server("backoffice_owner", |connection| {
        let statement = format!("SELECT core.set_tenant('{}'); UPDATE core.file SET deleted_at = NULL", desk.firm);
        diesel::connection::SimpleConnection::batch_execute(connection, &statement).is_err()
    });
    assert!(back, "a deletion was taken back");

    // The bytes go with the next sweep, the record and its trail stay.
    let pools = Pools::new(&database.urls(), 1).unwrap();
    assert_eq!(desk.stored().len(), 3);
    assert_eq!(watch::sweep(&desk.office.app.shared.files, &pools).await.unwrap(), 3);
    assert_eq!(watch::sweep(&desk.office.app.shared.files, &pools).await.unwrap(), 0);
    assert_eq!(desk.stored().len(), 1);
    let seen =
        desk.boss.ask("query($id: ID!) { file(id: $id) { name deletedAt removedAt } }", json!({ "id": id })).await;
    assert_eq!(seen["file"]["name"], "wrong.txt");
    assert!(seen["file"]["removedAt"].is_string(), "{seen}");
    let told = desk.office.count(&format!(
        "SELECT count(*) FROM audit.entry WHERE record_id = '{}' AND after ->> 'deleted_at' IS NOT NULL",
        id.split_once('_').unwrap().1
    ));
    assert!(told >= 1, "the deletion does not stand in the trail");
    let kept = desk.request(Method::GET, other["downloadUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(kept.text().await.unwrap(), "right");
}

fn input(name: &str, size: usize) -> Value {
    json!({ "input": { "name": name, "size": size, "sha256": sha256(name.as_bytes()), "purpose": "ATTACHMENT" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_keeps_no_more_than_it_may() {
    let settings = Database::new();
    let files = FileSettings { most_bytes_of_client: Some(1_000), ..FileSettings::in_folder(settings.folder()) };
    let desk = Desk::with(Setup { files: Some(files), workers: 2, ..Setup::default() });
    let first = desk.boss.ask(CREATE, input("first", 600)).await["fileUploadCreate"]["file"]["id"].clone();
    let refused = desk.boss.refused(CREATE, input("second", 401)).await;
    assert_eq!(refused[0]["field"], json!(["input", "size"]), "{refused}");
    assert!(refused[0]["message"].as_str().unwrap().contains("keeps 600"), "{refused}");
    desk.boss.ask(CREATE, input("third", 400)).await;
    // Another client has room of its own; what is deleted makes room at once.
    let elsewhere = desk.office.client(desk.person, desk.office.firm("Other", desk.person));
    elsewhere.ask(CREATE, input("other", 1_000)).await;
    delete(&desk.boss, first.as_str().unwrap()).await;
    // Ten at once for 600 bytes, of 200 each.
    let asked = (0..10).map(|number| {
        let boss = desk.boss.clone();
        tokio::spawn(async move { boss.send(CREATE, input(&format!("at once {number}"), 200)).await.body })
    });
    let mut taken = 0;
    for answer in asked.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        let payload = &answer["data"]["fileUploadCreate"];
        assert_eq!(payload["file"].is_object(), payload["userErrors"] == json!([]), "{answer}");
        taken += usize::from(payload["file"].is_object());
    }
    assert_eq!(taken, 3);
    assert_eq!(
        desk.office.count("SELECT sum(size) FROM core.file WHERE deleted_at IS NULL AND name <> 'other'"),
        1_000
    );

    // How much that is, the provider says, and nobody in the client.
    let refused = desk.boss.refused(ROOM, json!({ "most": 5_000 })).await;
    assert_eq!(refused[0]["field"], json!(["input", "mostFileBytes"]), "{refused}");
    desk.office.app.database.lay(&format!(
        "INSERT INTO identity.provider_grant (account_id, role_id) VALUES ('{}', '00000000-0000-7000-8000-000000000001')",
        desk.person.account
    ));
    let set = desk.boss.ask(ROOM, json!({ "most": 1_100 })).await;
    assert_eq!(set["clientUpdate"]["client"]["mostFileBytes"], 1_100);
    desk.boss.ask(CREATE, input("fits", 100)).await;
    desk.boss.refused(CREATE, input("does not", 1)).await;
    desk.boss.refused(ROOM, json!({ "most": -1 })).await;
    desk.boss.ask(ROOM, json!({ "most": 0 })).await;
    desk.boss.refused(CREATE, input("nothing fits", 1)).await;
    assert!(desk.boss.ask(ROOM, json!({ "most": null })).await["clientUpdate"]["client"]["mostFileBytes"].is_null());
}
