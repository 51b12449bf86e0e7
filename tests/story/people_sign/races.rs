//! Time passes, and several come at once.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Desk, signature, signs, task, user};
use crate::documents_are_kept::refusal;

/// Waits until no job that writes the end of a request down is due any more.
async fn expiries_came(desk: &Desk) {
    let begun = Instant::now();
    let due =
        "SELECT count(*) FROM core.job_queue WHERE kind = 'signature.expire' AND due_at <= now() + interval '1 minute'";
    while desk.cabinet.office.count(due) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "a job is still on its way");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn soon() -> Value {
    json!({ "expiresAt": (Utc::now() + TimeDelta::milliseconds(2500)).to_rfc3339() })
}

/// What stands in the database, whatever time it is.
fn stored(desk: &Desk, id: &str, state: &str) -> i64 {
    let id = id.rsplit_once('_').unwrap().1;
    desk.cabinet
        .office
        .count(&format!("SELECT count(*) FROM practice.signature_request WHERE id = '{id}' AND state = '{state}'"))
}

#[tokio::test]
async fn a_stale_expiry_job_does_nothing() {
    let desk = Desk::open().await;
    let rosa = || json!([[user(desk.rosa_is)]]);
    let extended = desk.out(rosa(), soon()).await;
    let later = (Utc::now() + TimeDelta::days(3)).to_rfc3339();
    assert_eq!(
        desk.request("Extend", json!({ "id": extended, "expiresAt": later })).await["signatureRequest"]["state"],
        "OUT"
    );
    let withdrawn = desk.out(rosa(), soon()).await;
    desk.request("Withdraw", json!({ "id": withdrawn, "reason": "It is settled otherwise." })).await;
    let signed = desk.out(rosa(), soon()).await;
    signs(&desk.rosa, &signed, "Rosa").await;
    let over = desk.out(rosa(), soon()).await;
    expiries_came(&desk).await;
    for (id, state) in [(&extended, "out"), (&withdrawn, "withdrawn"), (&signed, "signed"), (&over, "expired")] {
        assert_eq!(stored(&desk, id, state), 1, "{state}: {}", desk.look(id).await);
    }
    // What is over is signed by nobody, and not extended; what was extended still is.
    assert_eq!(desk.look(&over).await["state"], "EXPIRED");
    assert_eq!(refusal(&task(&desk.rosa, "Open", &over, json!({})).await).0, "STATE");
    let late = json!({ "id": over, "expiresAt": (Utc::now() + TimeDelta::days(1)).to_rfc3339() });
    assert_eq!(refusal(&desk.request("Extend", late).await).0, "STATE");
    assert_eq!(signs(&desk.rosa, &extended, "Rosa").await["signatureTask"]["requestState"], "SIGNED");
    assert_eq!(desk.kinds(&over).await.iter().filter(|kind| *kind == "EXPIRED").count(), 1);
    // The version is free again.
    let free = json!({ "id": desk.document });
    let trashed =
        crate::documents_are_kept::act(&desk.ada, "documentTrash", "DocumentInput", free, "document { trashedOn }")
            .await;
    assert!(trashed["document"]["trashedOn"].is_string(), "{trashed}");
}

#[tokio::test]
async fn of_two_that_come_together_one_wins() {
    let desk = Desk::open().await;
    for _ in 0..6 {
        let id = desk.out(json!([[user(desk.rosa_is)]]), json!({})).await;
        task(&desk.rosa, "Open", &id, json!({})).await;
        let withdraw = json!({ "id": id, "reason": "Changed my mind" });
        let (signed, withdrawn) =
            tokio::join!(task(&desk.rosa, "Sign", &id, signature("Rosa")), desk.request("Withdraw", withdraw));
        let won = [signed["signatureTask"].is_object(), withdrawn["signatureRequest"].is_object()];
        assert!(won == [true, false] || won == [false, true], "{signed} {withdrawn}");
        let state = desk.look(&id).await["state"].clone();
        assert_eq!(state, if won[0] { "SIGNED" } else { "WITHDRAWN" });
    }
    // Those of one step together: the next is asked once, and it is complete once.
    for _ in 0..4 {
        let id = desk.out(json!([[user(desk.rosa_is), user(desk.tom_is)]]), json!({})).await;
        task(&desk.rosa, "Open", &id, json!({})).await;
        task(&desk.tom, "Open", &id, json!({})).await;
        let (one, two) = tokio::join!(
            task(&desk.rosa, "Sign", &id, signature("Rosa")),
            task(&desk.tom, "Sign", &id, signature("Tom"))
        );
        assert!(one["signatureTask"].is_object() && two["signatureTask"].is_object(), "{one} {two}");
        desk.until(&id, "not signed", |found| found["state"] == "SIGNED").await;
        assert_eq!(desk.kinds(&id).await.iter().filter(|kind| *kind == "COMPLETED").count(), 1);
    }
    // Twice the same: signed once.
    let id = desk.out(json!([[user(desk.rosa_is)]]), json!({})).await;
    task(&desk.rosa, "Open", &id, json!({})).await;
    let (one, two) = tokio::join!(
        task(&desk.rosa, "Sign", &id, signature("Rosa")),
        task(&desk.rosa, "Sign", &id, signature("Rosa"))
    );
    assert_ne!(one["signatureTask"].is_object(), two["signatureTask"].is_object(), "{one} {two}");
    assert_eq!(desk.cabinet.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_has_not_signed_is_reminded_until_it_is_over() {
    let desk = Desk::open().await;
    let id = desk.out(json!([[user(desk.rosa_is), user(desk.tom_is)]]), json!({ "remindAfterDays": [4, 2] })).await;
    desk.mails_to("Rosa", 1).await;
    desk.mails_to("Tom", 1).await;
    signs(&desk.rosa, &id, "Rosa").await;
    let waits = "SELECT count(*) FROM core.job_queue WHERE kind = 'signature.mail'";
    assert_eq!(desk.cabinet.office.count(waits), 2);
    let comes = "UPDATE core.job_queue SET due_at = now() WHERE job_id = (SELECT job_id FROM core.job_queue WHERE kind = 'signature.mail' ORDER BY due_at DESC LIMIT 1)";
    desk.cabinet.office.app.database.lay(comes);
    let reminded = desk.mails_to("Tom", 2).await;
    assert!(reminded.iter().any(|mail| mail.header("Subject").contains("Reminder")), "{reminded:?}");
    desk.mails_to("Rosa", 1).await;
    signs(&desk.tom, &id, "Tom").await;
    desk.cabinet.office.app.database.lay(comes);
    let begun = Instant::now();
    while desk.cabinet.office.count(waits) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "a mail is still on its way");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    desk.mails_to("Tom", 2).await;
    assert!(desk.kinds(&id).await.contains(&"REMINDED".to_owned()));
}
