//! What was signed is computed again: from the sheet alone, and against the bytes and events as they are now.

use serde_json::{Value, json};

use super::{BYTES, Desk, WORDS, otto, signature, signs, token, user};
use crate::documents_are_kept::{act, refusal};
use crate::files_are_sent_and_taken::sha256;
use crate::harness::{Office, Setup};
use crate::letters_are_set::honest;

async fn verified(desk: &Desk, id: &str) -> Value {
    let selection = "verification { intact document eventsMatch brokenAt events signersMatch evidence evidencePdf }";
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
async fn the_sheet_is_a_pdf_as_well_that_looks_like_the_clients_letters() {
    let desk = Desk::of(Office::with(Setup { typesetter: honest(), ..Setup::default() })).await;
    let look = json!({ "senderLine": "Firm, Weg 1, 20095 Hamburg", "color": "#1a3c6e", "footer": "HRB 1234" });
    act(&desk.ada, "letterBrandingUpdate", "LetterBrandingUpdateInput", look, "letterBranding { version }").await;
    let id = desk.out(json!([[user(desk.rosa_is), otto()]]), json!({})).await;
    assert_eq!(verified(&desk, &id).await["evidencePdf"], "NONE");
    signs(&desk.rosa, &id, "Rosa Riva").await;
    let mut sign = signature("O. Outside");
    sign["token"] = json!(token(&desk.mails_to("Otto Outside", 1).await[0]));
    desk.link("Open", json!({ "token": sign["token"] })).await;
    desk.link("Sign", sign).await;
    let done = desk.until(&id, "no PDF", |found| found["evidencePdf"].is_object()).await;
    assert_eq!(
        (&done["evidencePdf"]["name"], &done["evidencePdf"]["mediaType"], &done["evidence"]["name"]),
        (&json!("signatures.pdf"), &json!("application/pdf"), &json!("signatures.txt"))
    );
    let pdf = desk.fetch(done["evidencePdf"]["downloadUrl"].as_str().unwrap()).await.1;
    assert_eq!(done["evidencePdfSha256"], sha256(&pdf));
    // The stand-in of the typesetter puts into its PDF what it was told.
    let told: Value = serde_json::from_slice(pdf.strip_prefix(b"%PDF-1.7\n").unwrap()).unwrap();
    assert_eq!(
        (&told["sender_line"], &told["color"], &told["footer"], &told["subject"]),
        (
            &json!("Firm, Weg 1, 20095 Hamburg"),
            &json!("#1a3c6e"),
            &json!("HRB 1234"),
            &json!("Evidence of signatures: Lease of the office")
        )
    );
    let text = told["text"].as_str().unwrap();
    let own = done["evidenceSha256"].as_str().unwrap();
    for said in
        ["Rosa Riva", "Otto Outside <otto@elsewhere.example>", "O. Outside", WORDS, &sha256(BYTES), own, "910/2014"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    // Each event of the text stands in it with its hash.
    let sheet = desk.fetch(done["evidence"]["downloadUrl"].as_str().unwrap()).await.1;
    let sheet = String::from_utf8(sheet).unwrap();
    let chain: Vec<&str> = sheet.lines().skip_while(|line| *line != "-- chain --").skip(1).collect();
    assert!(chain.len() > 4 && chain.iter().all(|line| text.contains(line.split_once(' ').unwrap().0)), "{text}");
    // Its hash is an event like that of the text, and other bytes are found.
    let found = verified(&desk, &id).await;
    assert_eq!(
        (&found["intact"], &found["evidence"], &found["evidencePdf"]),
        (&json!(true), &json!("MATCHES"), &json!("MATCHES"))
    );
    assert_eq!(desk.kinds(&id).await.iter().filter(|kind| *kind == "EVIDENCE").count(), 2);
    let mut forged = pdf.clone();
    *forged.last_mut().unwrap() = b'!';
    overwrite(&desk, &pdf, &forged);
    let found = verified(&desk, &id).await;
    assert_eq!((&found["intact"], &found["evidencePdf"]), (&json!(false), &json!("CHANGED")));
    overwrite(&desk, &forged, &pdf);
    assert_eq!(verified(&desk, &id).await["intact"], true);
    assert_eq!(desk.cabinet.office.findings(), Vec::<String>::new());
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
