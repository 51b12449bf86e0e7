//! What was signed is computed again: from the sheet alone, and against the bytes and events as they are now.

use serde_json::{Value, json};

use super::{BYTES, Desk, WORDS, signs, user};
use crate::documents_are_kept::{act, refusal};
use crate::files_are_sent_and_taken::sha256;

async fn verified(desk: &Desk, id: &str) -> Value {
    let selection = "verification { intact document eventsMatch brokenAt events signersMatch evidence }";
    act(&desk.ada, "signatureRequestVerify", "SignatureRequestVerifyInput", json!({ "id": id }), selection).await["verification"].clone()
}

/// Writes other bytes of the same length over those of a file in the store.
fn overwrite(desk: &Desk, bytes: &[u8], with: &[u8]) {
    let mut folders = vec![desk.cabinet.office.app.folder.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap() == bytes {
                std::fs::write(&path, with).unwrap();
                return;
            }
        }
    }
    panic!("no such file in the store");
}

#[tokio::test]
async fn the_sheet_says_all_and_whatever_changes_is_found() {
    let desk = Desk::open().await;
    let id = desk.out(json!([[user(desk.rosa_is)]]), json!({})).await;
    assert_eq!(verified(&desk, &id).await["evidence"], "NONE");
    signs(&desk.rosa, &id, "Rosa Riva").await;
    let done = desk.until(&id, "no evidence", |found| found["evidence"].is_object()).await;
    let sheet = desk.fetch(done["evidence"]["downloadUrl"].as_str().unwrap()).await.1;
    assert_eq!(done["evidenceSha256"], sha256(&sheet));
    let text = String::from_utf8(sheet.clone()).unwrap();
    for said in ["Rosa Riva", WORDS, &sha256(BYTES), "simple electronic signatures", "910/2014", "127.0.0.1"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // Whoever has the sheet computes its chain with nothing else.
    let mut before = "0".repeat(64);
    let mut kinds = Vec::new();
    for line in text.lines().skip_while(|line| *line != "-- chain --").skip(1) {
        let (hash, line) = line.split_once(' ').unwrap();
        before = sha256(format!("{before}\n{line}").as_bytes());
        assert_eq!(before, hash);
        kinds.push(serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned());
    }
    kinds.retain(|kind| kind != "mailed");
    assert_eq!(kinds, ["sent", "asked", "opened", "signed", "completed"]);
    let found = verified(&desk, &id).await;
    assert_eq!(
        (&found["intact"], &found["document"], &found["evidence"], &found["brokenAt"]),
        (&json!(true), &json!("MATCHES"), &json!("MATCHES"), &Value::Null)
    );

    // Other bytes, another sheet, another event, another signer: each is found.
    let mut forged = BYTES.to_vec();
    *forged.last_mut().unwrap() = b'!';
    overwrite(&desk, BYTES, &forged);
    let found = verified(&desk, &id).await;
    assert_eq!((&found["intact"], &found["document"]), (&json!(false), &json!("CHANGED")));
    overwrite(&desk, &forged, BYTES);
    let other = text.replace("Rosa Riva", "Rosa Rima").into_bytes();
    overwrite(&desk, &sheet, &other);
    assert_eq!(verified(&desk, &id).await["evidence"], "CHANGED");
    overwrite(&desk, &other, &sheet);
    assert_eq!(verified(&desk, &id).await["intact"], true);
    let own = id.rsplit_once('_').unwrap().1;
    let past = |statement: &str| {
        desk.cabinet.office.app.database.lay(&format!("SET LOCAL session_replication_role = replica; {statement}"))
    };
    past(&format!("UPDATE practice.signature_signer SET typed_name = 'Rosa Rima' WHERE request_id = '{own}'"));
    let found = verified(&desk, &id).await;
    assert_eq!((&found["signersMatch"], &found["eventsMatch"]), (&json!(false), &json!(true)));
    past(&format!(
        "UPDATE practice.signature_event SET address = '192.0.2.1' WHERE request_id = '{own}' AND kind = 'signed'"
    ));
    let found = verified(&desk, &id).await;
    assert_eq!((&found["eventsMatch"], &found["intact"]), (&json!(false), &json!(false)));
    assert!(found["brokenAt"].as_i64().unwrap() > 2, "{found}");
}

#[tokio::test]
async fn what_is_not_there_as_it_was_does_not_go_out() {
    let desk = Desk::open().await;
    let id = desk.draft(json!([[user(desk.rosa_is)]]), json!({})).await;
    let mut forged = BYTES.to_vec();
    *forged.last_mut().unwrap() = b'!';
    overwrite(&desk, BYTES, &forged);
    assert!(refusal(&desk.request("Send", json!({ "id": id })).await).2.contains("not what they were"));
    overwrite(&desk, &forged, BYTES);
    assert_eq!(desk.request("Send", json!({ "id": id })).await["signatureRequest"]["state"], "OUT");
    // The server's own role writes nothing of it by a statement of its own.
    for (table, rights) in [
        ("signature_request", "INSERT,UPDATE,DELETE"),
        ("signature_signer", "INSERT,UPDATE,DELETE"),
        ("signature_event", "INSERT"),
    ] {
        let held = format!("SELECT has_table_privilege('backoffice_app', 'practice.{table}', '{rights}')::integer");
        assert_eq!(desk.cabinet.office.count(&held), 0, "{table}");
    }
}
