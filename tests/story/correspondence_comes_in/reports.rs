//! What mail servers and machines say of mails that were sent.

use serde_json::{Value, json};

use super::{Post, mail, register, sent};
use crate::harness::Client;

const DELIVERY: &str = "query($id: ID!) { correspondenceEntry(id: $id) { mail { state delivery deliveryNote deliveryToldAt } thread { direction subject } } }";

fn report(action: &str, status: &str, about: &str) -> String {
    format!(
        "--b\n\nThis is a report.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.customer.example\n\nFinal-Recipient: rfc822; zoe@customer.example\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; 550 5.1.1 no such box\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: {about}\nSubject: Your account\n\n119.00 EUR are open.\n--b--\n"
    )
}

async fn delivery(client: &Client, id: &str) -> Value {
    client.ask(DELIVERY, json!({ "id": id })).await["correspondenceEntry"].clone()
}

#[tokio::test]
async fn a_report_says_what_became_of_a_mail() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let (other, ..) = post.client("Alpin GmbH").await;
    let (id, message) = sent(&client, json!({})).await;
    let (kept, kept_message) = sent(&client, json!({ "subject": "Another" })).await;
    let before = delivery(&client, &id).await["mail"].clone();
    assert_eq!((&before["delivery"], &before["deliveryToldAt"]), (&json!("UNKNOWN"), &Value::Null));
    let head = "Subject: Undelivered mail\nContent-Type: multipart/report; report-type=delivery-status; boundary=b";
    // To the sender's own address, which is no client's: found by the mail that it is about.
    for (at, (action, status, expected)) in [
        ("delayed", "4.4.1", "DELAYED"),
        ("failed", "5.1.1", "FAILED"),
        ("delivered", "2.0.0", "FAILED"),
        ("delayed", "4.4.1", "FAILED"),
    ]
    .into_iter()
    .enumerate()
    {
        post.lay(mail("office@firm.example", &format!("<report{at}@mx>"), head, &report(action, status, &message)));
        post.taken().await;
        let now = delivery(&client, &id).await;
        assert_eq!((&now["mail"]["state"], &now["mail"]["delivery"]), (&json!("SENT"), &json!(expected)), "{action}");
        assert!(now["mail"]["deliveryToldAt"].is_string());
        assert_eq!(now["thread"].as_array().unwrap().len(), at + 2, "{now}");
    }
    let now = delivery(&client, &id).await;
    assert_eq!(now["mail"]["deliveryNote"], "zoe@customer.example: 5.1.1: 550 5.1.1 no such box");
    // Each is registered, written by a machine, and has no address of the client.
    let entries = register(&client).await;
    let reports: Vec<_> = entries.iter().filter(|entry| entry["subject"] == "Undelivered mail").collect();
    assert_eq!(reports.len(), 4);
    assert!(reports.iter().all(|one| one["received"]["automatic"] == true && one["received"]["address"].is_null()));
    assert_eq!(delivery(&client, &kept).await["mail"]["delivery"], "UNKNOWN");
    // One that came to the client's address, and one about a mail that nobody here has sent.
    post.lay(mail(&address, "<report9@mx>", head, &report("relayed", "2.0.0", &kept_message)));
    post.lay(mail("office@firm.example", "<report10@mx>", head, &report("failed", "5.1.1", "<nobody@firm.example>")));
    post.taken().await;
    assert_eq!(delivery(&client, &kept).await["mail"]["delivery"], "DELIVERED");
    assert_eq!(post.unclaimed().len(), 1);
    assert_eq!(register(&other).await.len(), 0);
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_answers_a_machine_and_no_mail_goes_in_a_circle() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let (_, message) = sent(&client, json!({})).await;
    for (at, header) in
        ["Auto-Submitted: auto-replied", "Precedence: bulk", "Auto-Submitted: auto-generated (away)"].iter().enumerate()
    {
        let head = format!("Subject: Out of office\nIn-Reply-To: {message}\n{header}");
        post.lay(mail(&address, &format!("<away{at}@x.example>"), &head, "I am away."));
    }
    // What was sent to our own address comes in once, and is the end of it.
    sent(&client, json!({ "email": address })).await;
    let mut laid: Vec<_> = std::fs::read_dir(&post.laid).unwrap().flatten().map(|entry| entry.path()).collect();
    laid.sort();
    let own = std::fs::read(laid.last().unwrap()).unwrap();
    for _ in 0..3 {
        post.lay(&own);
    }
    post.taken().await;
    let entries = register(&client).await;
    let automatic = entries.iter().filter(|entry| entry["received"]["automatic"] == true).count();
    assert_eq!((entries.len(), automatic), (6, 3), "{entries:?}");
    assert_eq!(std::fs::read_dir(&post.laid).unwrap().count(), 2, "something was answered");
    let sent = post.office.count("SELECT count(*) FROM practice.correspondence_mail");
    assert_eq!(sent, 2);
}
