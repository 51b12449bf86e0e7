//! Signatures: who is asked signs in his own name at his turn, with an account or by a link, and what was signed is known by its
//! hash ever after.

use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use chrono::{TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::documents_are_kept::{Cabinet, act, refusal};
use crate::files_are_sent_and_taken::sha256;
use crate::harness::{Client, Office, Person};
use crate::mails_are_sent::reader::{Mail, mails};

mod races;
mod talk;
mod what_was_signed;

pub const BYTES: &[u8] = b"%PDF-1.7 the lease as it is to be signed";
pub const WORDS: &str = "I have read this and agree to it";
const TASK: &str = "signatureTask { state requestState documentSha256 downloadUrl actedAt }";
const INVITATION: &str = "signature { title clientName name email state documentSha256 downloadUrl openedAt actedAt }";

/// An office with a lease, two of the client's own people and Ada, who asks.
pub struct Desk {
    pub cabinet: Cabinet,
    pub ada: Client,
    pub rosa: Client,
    pub rosa_is: Person,
    pub tom: Client,
    pub tom_is: Person,
    pub document: String,
    pub version: String,
}

pub fn user(person: Person) -> Value {
    json!({ "user": format!("usr_{}", person.account.simple()) })
}

pub fn otto() -> Value {
    json!({ "name": "Otto Outside", "email": "otto@elsewhere.example" })
}

impl Desk {
    pub async fn open() -> Self {
        Self::of(Office::open()).await
    }

    pub async fn of(office: Office) -> Self {
        let cabinet = Cabinet::of(office).await;
        let file = cabinet.sent("draft.pdf", b"%PDF-1.7 an earlier lease").await;
        let document = cabinet.document("Lease", json!({ "file": file })).await;
        let version = cabinet.add(&document, "lease.pdf", BYTES).await;
        let outside = |name: &str| {
            let person = cabinet.office.person(name);
            let lay = format!("UPDATE identity.account SET staff = false WHERE id = '{}'", person.account);
            cabinet.office.app.database.lay(&lay);
            cabinet.office.grant(cabinet.firm, person, &[Can::SignatureSign]);
            person
        };
        let (rosa_is, tom_is) = (outside("Rosa"), outside("Tom"));
        let (rosa, tom) = (cabinet.office.client(rosa_is, cabinet.firm), cabinet.office.client(tom_is, cabinet.firm));
        let ada = cabinet.client.clone();
        Self { cabinet, ada, rosa, rosa_is, tom, tom_is, document, version }
    }

    pub fn input(&self, steps: &Value) -> Value {
        let steps: Vec<Value> = steps.as_array().unwrap().iter().map(|signers| json!({ "signers": signers })).collect();
        json!({ "version": self.version, "title": "Lease of the office", "steps": steps,
                "expiresAt": (Utc::now() + TimeDelta::days(5)).to_rfc3339() })
    }

    /// Lays a request down; gives its id.
    pub async fn draft(&self, steps: Value, more: Value) -> String {
        let mut input = self.input(&steps);
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = act(
            &self.ada,
            "signatureRequestCreate",
            "SignatureRequestCreateInput",
            input,
            "signatureRequest { id state }",
        )
        .await;
        assert_eq!(made["signatureRequest"]["state"], "DRAFT", "{made}");
        made["signatureRequest"]["id"].as_str().unwrap().to_owned()
    }

    /// Lays one down and sends it out.
    pub async fn out(&self, steps: Value, more: Value) -> String {
        let id = self.draft(steps, more).await;
        let sent = self.request("Send", json!({ "id": id })).await;
        assert_eq!(sent["signatureRequest"]["state"], "OUT", "{sent}");
        id
    }

    /// What somebody does with a request who asks.
    pub async fn request(&self, what: &str, input: Value) -> Value {
        let kind = if what.starts_with("Link") { "Link" } else { what };
        let (field, kind) = (format!("signatureRequest{what}"), format!("SignatureRequest{kind}Input"));
        act(&self.ada, &field, &kind, input, "signatureRequest { state reason isCurrentVersion }").await
    }

    pub async fn look(&self, id: &str) -> Value {
        let query =
            "query($id: ID!) { signatureRequest(id: $id) { state step reason endedAt isCurrentVersion documentSha256
            signers { number step name state typedName words } evidenceSha256 evidence { name downloadUrl }
            evidencePdfSha256 evidencePdf { name mediaType downloadUrl } } }";
        self.ada.ask(query, json!({ "id": id })).await["signatureRequest"].clone()
    }

    pub async fn kinds(&self, id: &str) -> Vec<String> {
        let query = "query($id: ID!) { signatureEvents(signatureRequest: $id, first: 100) { nodes { kind } } }";
        let found = self.ada.ask(query, json!({ "id": id })).await;
        let nodes = found["signatureEvents"]["nodes"].as_array().unwrap().clone();
        nodes.iter().map(|node| node["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a request says so.
    pub async fn until(&self, id: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.look(id).await;
            if so(&found) {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {found}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits for so many mails that greet somebody; gives them.
    pub async fn mails_to(&self, name: &str, count: usize) -> Vec<Mail> {
        let begun = Instant::now();
        loop {
            let all = mails(&self.cabinet.office.app.mail);
            let found: Vec<Mail> =
                all.into_iter().filter(|mail| mail.text.contains(&format!("Hello {name},"))).collect();
            if found.len() >= count {
                assert_eq!(found.len(), count, "{found:?}");
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{} mails to {name}: {found:?}", found.len());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// What somebody without an account does by a link.
    pub async fn link(&self, what: &str, input: Value) -> Value {
        let (field, kind) = (format!("signatureLink{what}"), format!("SignatureLink{what}Input"));
        act(&self.cabinet.office.app.client(), &field, &kind, input, INVITATION).await
    }

    pub async fn fetch(&self, address: &str) -> (StatusCode, Vec<u8>) {
        let taken = crate::harness::http().get(self.cabinet.office.app.url(address)).send().await.unwrap();
        (taken.status(), taken.bytes().await.unwrap().to_vec())
    }
}

/// What a signer with an account does.
pub async fn task(client: &Client, what: &str, id: &str, more: Value) -> Value {
    let mut input = json!({ "id": id.replace("sreq_", "stsk_") });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    act(client, &format!("signatureTask{what}"), &format!("SignatureTask{what}Input"), input, TASK).await
}

pub fn signature(name: &str) -> Value {
    json!({ "consent": true, "documentSha256": sha256(BYTES), "name": name, "words": WORDS })
}

/// Opens and signs; gives the payload.
pub async fn signs(client: &Client, id: &str, name: &str) -> Value {
    task(client, "Open", id, json!({})).await;
    task(client, "Sign", id, signature(name)).await
}

async fn tasks(client: &Client) -> Vec<Value> {
    let query = "{ signatureTasks(open: true) { nodes { id title state requestedByName } totalCount } }";
    let found = client.ask(query, json!({})).await["signatureTasks"].clone();
    assert_eq!(found["totalCount"], found["nodes"].as_array().unwrap().len());
    found["nodes"].as_array().unwrap().clone()
}

/// The token in a mail.
pub fn token(mail: &Mail) -> String {
    mail.word(".bog_")
}

#[tokio::test]
async fn signers_are_asked_in_their_order_and_sign_each_for_himself() {
    let desk = Desk::open().await;
    let steps = json!([[user(desk.rosa_is), otto()], [user(desk.cabinet.ada)]]);
    let id = desk.draft(steps, json!({ "message": "As we said on the telephone." })).await;
    assert!(tasks(&desk.rosa).await.is_empty(), "a draft asks nobody");
    assert_eq!(desk.request("Send", json!({ "id": id })).await["signatureRequest"]["state"], "OUT");
    assert_eq!(refusal(&desk.request("Send", json!({ "id": id })).await).0, "STATE");
    // Rosa's turn and Otto's; Ada's comes later, and Tom is not asked at all.
    let waiting = tasks(&desk.rosa).await;
    assert_eq!(waiting[0]["title"], "Lease of the office");
    assert!(tasks(&desk.ada).await.is_empty() && tasks(&desk.tom).await.is_empty());
    for nobody in [&desk.ada, &desk.tom] {
        let refused = task(nobody, "Sign", &id, signature("Rosa")).await;
        assert_eq!(refusal(&refused).0, "NOT_FOUND", "nobody signs for another");
    }

    // Rosa sees the document before she signs it, and signs what she has seen.
    assert_eq!(refusal(&task(&desk.rosa, "Sign", &id, signature("Rosa Riva")).await).0, "STATE");
    let opened = task(&desk.rosa, "Open", &id, json!({})).await["signatureTask"].clone();
    let (status, bytes) = desk.fetch(opened["downloadUrl"].as_str().unwrap()).await;
    assert_eq!((status, bytes.as_slice()), (StatusCode::OK, BYTES));
    assert_eq!(opened["documentSha256"], sha256(BYTES));
    let mut other = signature("Rosa Riva");
    other["documentSha256"] = json!(sha256(b"another lease"));
    assert_eq!(refusal(&task(&desk.rosa, "Sign", &id, other).await).1, "input.documentSha256");
    let mut without = signature("Rosa Riva");
    without["consent"] = json!(false);
    assert_eq!(refusal(&task(&desk.rosa, "Sign", &id, without).await).1, "input.consent");
    let signed = task(&desk.rosa, "Sign", &id, signature("Rosa Riva")).await["signatureTask"].clone();
    assert_eq!((&signed["state"], &signed["requestState"]), (&json!("SIGNED"), &json!("OUT")));
    assert_eq!(refusal(&task(&desk.rosa, "Sign", &id, signature("Rosa")).await).0, "STATE", "once");
    assert!(tasks(&desk.ada).await.is_empty(), "Otto has not signed");

    // Otto comes by the link in his mail, which nobody else was shown.
    let mail = desk.mails_to("Otto Outside", 1).await.remove(0);
    assert!(mail.text.contains("As we said on the telephone."), "{}", mail.text);
    let token = token(&mail);
    let address = format!("/sign/{token}");
    assert_eq!(desk.fetch(&address).await.0, StatusCode::NOT_FOUND, "not opened yet");
    let mut sign = signature("O. Outside");
    sign["token"] = json!(token);
    assert_eq!(refusal(&desk.link("Sign", sign.clone()).await).0, "STATE");
    let opened = desk.link("Open", json!({ "token": token })).await["signature"].clone();
    assert_eq!((&opened["state"], &opened["email"]), (&json!("ASKED"), &json!("otto@elsewhere.example")));
    assert_eq!(opened["downloadUrl"], address);
    assert_eq!(desk.fetch(&address).await, (StatusCode::OK, BYTES.to_vec()));
    assert_eq!(desk.link("Sign", sign).await["signature"]["state"], "SIGNED");

    // What is out stays as it is.
    let kept = act(
        &desk.ada,
        "documentVersionDelete",
        "DocumentVersionDeleteInput",
        json!({ "id": desk.version }),
        "documentVersion { id }",
    )
    .await;
    assert!(refusal(&kept).2.contains("out for signature"), "{kept}");
    let kept =
        act(&desk.ada, "documentTrash", "DocumentInput", json!({ "id": desk.document }), "document { id }").await;
    assert!(refusal(&kept).2.contains("out for signature"), "{kept}");

    assert_eq!(signs(&desk.ada, &id, "Ada").await["signatureTask"]["requestState"], "SIGNED");
    let done = desk.until(&id, "no evidence", |found| found["evidence"].is_object()).await;
    assert_eq!((&done["state"], &done["isCurrentVersion"]), (&json!("SIGNED"), &json!(true)));
    let typed: Vec<&Value> = done["signers"].as_array().unwrap().iter().map(|one| &one["typedName"]).collect();
    assert_eq!(typed, ["Rosa Riva", "O. Outside", "Ada"]);
    let told = desk.mails_to("Ada", 2).await;
    assert!(told.iter().any(|mail| mail.text.contains("All have signed.")), "{told:?}");
    // A later version is not signed by what was signed before.
    desk.cabinet.add(&desk.document, "lease-2.pdf", b"%PDF-1.7 a later lease").await;
    let later = desk.look(&id).await;
    assert_eq!((&later["state"], &later["isCurrentVersion"]), (&json!("SIGNED"), &json!(false)));
    assert_eq!(later["documentSha256"], sha256(BYTES));
    assert_eq!(desk.cabinet.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn who_declines_ends_it_for_all() {
    let desk = Desk::open().await;
    let id = desk.out(json!([[user(desk.rosa_is), otto()]]), json!({})).await;
    let token = token(&desk.mails_to("Otto Outside", 1).await[0]);
    let decline = json!({ "token": token, "reason": "The rent is too high." });
    assert_eq!(refusal(&desk.link("Decline", decline.clone()).await).0, "STATE", "he has not seen it");
    desk.link("Open", json!({ "token": token })).await;
    assert_eq!(desk.link("Decline", decline.clone()).await["signature"]["state"], "DECLINED");
    let over = desk.look(&id).await;
    assert_eq!((&over["state"], &over["reason"]), (&json!("DECLINED"), &json!("The rent is too high.")));
    assert_eq!(refusal(&task(&desk.rosa, "Open", &id, json!({})).await).0, "STATE");
    assert!(tasks(&desk.rosa).await.is_empty());
    // The link looks like one that never was.
    let never = format!("{}.bog_{}", desk.cabinet.firm.simple(), "A".repeat(43));
    let (one, other) =
        (desk.link("Open", json!({ "token": token })).await, desk.link("Open", json!({ "token": never })).await);
    assert_eq!(one, other);
    assert_eq!(refusal(&one).0, "NOT_FOUND");
    assert!(desk.mails_to("Ada", 1).await[0].text.contains("The rent is too high."));
    assert_eq!(desk.kinds(&id).await.last().unwrap(), "DECLINED");
}

#[tokio::test]
async fn a_link_is_renewed_and_revoked() {
    let desk = Desk::open().await;
    let id = desk.out(json!([[otto(), user(desk.rosa_is)]]), json!({})).await;
    let first = token(&desk.mails_to("Otto Outside", 1).await[0]);
    desk.link("Open", json!({ "token": first })).await;
    let renewed = desk.request("LinkRenew", json!({ "id": id, "signer": 1 })).await;
    assert_eq!(renewed["signatureRequest"]["state"], "OUT", "{renewed}");
    let second = desk.mails_to("Otto Outside", 2).await.iter().map(token).find(|token| *token != first).unwrap();
    assert_eq!(refusal(&desk.link("Open", json!({ "token": first })).await).0, "NOT_FOUND");
    assert_eq!(desk.fetch(&format!("/sign/{first}")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(desk.link("Open", json!({ "token": second })).await["signature"]["state"], "ASKED");
    // In another client's name it leads nowhere.
    let stranger = format!("{}.{}", "0".repeat(32), second.split_once('.').unwrap().1);
    assert_eq!(refusal(&desk.link("Open", json!({ "token": stranger })).await).0, "NOT_FOUND");
    desk.request("LinkRevoke", json!({ "id": id, "signer": 1 })).await;
    let mut sign = signature("Otto");
    sign["token"] = json!(second);
    assert_eq!(refusal(&desk.link("Sign", sign).await).0, "NOT_FOUND");
    assert_eq!(refusal(&desk.request("LinkRenew", json!({ "id": id, "signer": 2 })).await).0, "STATE");
    assert_eq!(refusal(&desk.request("LinkRenew", json!({ "id": id, "signer": 3 })).await).1, "input.signer");
    // Nothing of a link stands anywhere but its hash.
    let secret = second.split_once('.').unwrap().1;
    let said = format!("SELECT count(*) FROM core.provider_job j WHERE j::text LIKE '%{secret}%'");
    assert_eq!(desk.cabinet.office.count(&said), 0);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let desk = Desk::open().await;
    let ada = user(desk.cabinet.ada);
    let nemo = desk.cabinet.office.person("Nemo");
    let mut twice = otto();
    twice["email"] = json!("otto+again@ELSEWHERE.example");
    let ada_by_mail =
        json!({ "name": "Not Ada", "email": format!("{}@firm.example", desk.cabinet.ada.account.simple()) });
    let past = (Utc::now() - TimeDelta::hours(1)).to_rfc3339();
    for (steps, more, code, field) in [
        (json!([]), json!({}), "INVALID", "input.steps"),
        (json!([[]]), json!({}), "INVALID", "input.steps"),
        (json!([[ada], []]), json!({}), "INVALID", "input.steps.1.signers"),
        (json!([[{}]]), json!({}), "INVALID", "input.steps.0.signers.0"),
        (json!([[{ "name": "X", "email": "nobody" }]]), json!({}), "INVALID", "input.steps.0.signers.0.email"),
        (json!([[ada], [ada]]), json!({}), "DUPLICATE", "input.steps.1.signers.0"),
        (json!([[otto(), twice]]), json!({}), "DUPLICATE", "input.steps.0.signers.1"),
        // whoever has an account signs by that, also whoever asks
        (json!([[ada_by_mail]]), json!({}), "INVALID", "input.steps.0.signers.0"),
        (json!([[user(nemo)]]), json!({}), "NOT_FOUND", "input.steps.0.signers.0"),
        (json!([[ada]]), json!({ "expiresAt": past }), "INVALID", "input.expiresAt"),
        (json!([[ada]]), json!({ "remindAfterDays": [0] }), "INVALID", "input.remindAfterDays"),
        (json!([[ada]]), json!({ "title": " " }), "INVALID", "input.title"),
        (json!([[ada]]), json!({ "version": "docv_00000000000000000000000000000000" }), "NOT_FOUND", "input.version"),
    ] {
        let mut input = desk.input(&steps);
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused =
            act(&desk.ada, "signatureRequestCreate", "SignatureRequestCreateInput", input, "signatureRequest { id }")
                .await;
        assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), (code, field), "{refused}");
    }
    // A draft is laid down anew as a whole; what is out is not, and an earlier version does not go out.
    let id = desk.draft(json!([[ada]]), json!({})).await;
    let mut anew = desk.input(&json!([[otto()], [user(desk.tom_is)]]));
    anew["id"] = json!(id);
    let mut stale = anew.clone();
    stale["expectedVersion"] = json!(99);
    let update = |input: Value| async {
        act(
            &desk.ada,
            "signatureRequestUpdate",
            "SignatureRequestUpdateInput",
            input,
            "signatureRequest { signers { name } }",
        )
        .await
    };
    assert_eq!(refusal(&update(stale).await).0, "CONFLICT");
    assert_eq!(
        update(anew.clone()).await["signatureRequest"]["signers"],
        json!([{ "name": "Otto Outside" }, { "name": "Tom" }])
    );
    desk.cabinet.add(&desk.document, "later.pdf", b"%PDF-1.7 later").await;
    assert!(refusal(&desk.request("Send", json!({ "id": id })).await).2.contains("not the current one"));
    assert_eq!(
        desk.request("Withdraw", json!({ "id": id, "reason": "Another version" })).await["signatureRequest"]["state"],
        "WITHDRAWN"
    );
    assert_eq!(refusal(&update(anew).await).0, "STATE");
    // Another client's people see nothing of it, and a program signs nothing.
    let other = desk.cabinet.office.firm("Other", desk.cabinet.ada);
    let there = desk.cabinet.office.client(desk.cabinet.ada, other);
    assert_eq!(
        there.ask("query($id: ID!) { signatureRequest(id: $id) { id } }", json!({ "id": id })).await["signatureRequest"],
        Value::Null
    );
    assert_eq!(refusal(&task(&there, "Open", &id, json!({})).await).0, "NOT_FOUND");
}
