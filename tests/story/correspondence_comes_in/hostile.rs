//! Mails that were made to hurt: each has an outcome, soon, and nothing of it is lost.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Post, mail, register};

/// What is laid, what its subject is then, and what its problem or one of its notes says.
fn mails(to: &str) -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let with = |id: &str, more: &str, body: &str| mail(to, &format!("<{id}@x.example>"), more, body).into_bytes();
    let mixed = "Content-Type: multipart/mixed; boundary=b";
    let nested: String =
        (0..2_000).map(|at| format!("--b{at}\nContent-Type: multipart/mixed; boundary=b{}\n\n", at + 1)).collect();
    let name = "--b\n\nText\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=\"..\\..\\..\\evil\u{202e}gpj.exe\"\n\nx\n--b--";
    let bomb = format!("--b\nContent-Type: application/zip; name=bomb.zip\n\nPK\x03\x04{}\n--b--", "0".repeat(100_000));
    vec![
        (
            with("nested", "Subject: Nested\nContent-Type: multipart/mixed; boundary=b0", &nested),
            "Nested",
            "deep in one another",
        ),
        (
            with("parts", &format!("Subject: Parts\n{mixed}"), &"--b\n\nx\n".repeat(20_000)),
            "Parts",
            "more than 500 parts",
        ),
        (
            with("head", &format!("Subject: Head\nX-Large: {}", "y".repeat(400_000)), "Body"),
            "Head",
            "larger than 256 KiB",
        ),
        (with("large", "Subject: Large", &"0123456789abcde\n".repeat(1_700_000)), "Large", "larger than 25 MiB"),
        (with("never", &format!("Subject: Never\n{mixed}"), "No boundary at all"), "Never", "never comes"),
        (
            with("cut", &format!("Subject: Cut\n{mixed}"), "--b\n\nOne\n--b\nContent-Type: image/png\n\nx"),
            "Cut",
            "may have been cut off",
        ),
        (with("zero", "Subject: Ze\0ro", "Bo\0dy"), "Ze ro", ""),
        (with("fold", "Subject: Fold\r\n\tBcc: x@evil.example\r\n .", "x"), "Fold Bcc: x@evil.example .", ""),
        (with("word", "Subject: =?utf-8?B?QQ0KQmNjOiB4QGV2aWwuZXhhbXBsZQ==?=", "x"), "A Bcc: x@evil.example", ""),
        (
            with("letters", "Subject: Letters\nContent-Type: text/plain; charset=x-none", "x"),
            "Letters",
            "letters that are not known",
        ),
        (
            with("code", "Subject: Code\nContent-Transfer-Encoding: base64", "!!%%SGVsbG8="),
            "Code",
            "not encoded as it says",
        ),
        (
            with("quoted", "Subject: Quoted\nContent-Transfer-Encoding: quoted-printable", "a=XYb="),
            "Quoted",
            "not encoded as it says",
        ),
        (with("name", &format!("Subject: Name\n{mixed}"), name), "Name", ""),
        (with("bomb", &format!("Subject: Bomb\n{mixed}"), &bomb), "Bomb", ""),
        (
            with(
                "sealed",
                "Subject: Sealed\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64",
                "MIIB",
            ),
            "Sealed",
            "",
        ),
        (
            with(
                "html",
                "Subject: Page\nContent-Type: text/html",
                "<img src=https://tracker.example/x><script>x()</script><p>Seen</p>",
            ),
            "Page",
            "",
        ),
        (format!("To: {to}\n\nNothing else").into_bytes(), "(no subject)", "does not say when"),
        (
            format!("To: {to}\nDate: Mon, 99 Foo 2026\nFrom: nobody at all\nSubject: \n\nx").into_bytes(),
            "(no subject)",
            "does not say from which",
        ),
        (
            [format!("To: {to}\nSubject: Bytes\n\n").as_bytes(), &[0xff, 0xfe, 0, 1, 2, 0x80]].concat(),
            "Bytes",
            "does not say when",
        ),
    ]
}

#[tokio::test]
async fn each_has_an_outcome_and_is_kept_whole() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    let all = mails(&address);
    let begun = Instant::now();
    for (bytes, ..) in &all {
        post.lay(bytes);
    }
    post.taken().await;
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    let entries = register(&client).await;
    assert_eq!((entries.len(), post.unclaimed()), (all.len(), Vec::new()));
    let by = |subject: &str, size: usize| {
        entries
            .iter()
            .find(|entry| entry["subject"] == subject && entry["received"]["raw"]["size"] == size)
            .unwrap_or_else(|| panic!("{subject} is lost: {entries:?}"))
    };
    for (bytes, subject, says) in &all {
        let received = &by(subject, bytes.len())["received"];
        let told = format!("{} {}", received["problem"], received["notes"]);
        assert!(told.contains(says), "{subject}: {told}");
        assert_eq!(post.bytes(&received["raw"]).await, *bytes, "{subject}");
        assert!(!received.to_string().contains("\\u0000"));
    }
    let named = |subject: &str| entries.iter().find(|entry| entry["subject"] == subject).unwrap();
    for unread in ["Nested", "Parts", "Head", "Large"] {
        assert!(named(unread)["received"]["problem"].is_string() && named(unread)["text"] == "", "{unread}");
    }
    let piece = |subject: &str| named(subject)["received"]["attachments"][0].clone();
    assert_eq!((&piece("Name")["file"]["name"], &named("Name")["text"]), (&json!("evilgpj.exe"), &json!("Text")));
    assert_eq!(
        (&piece("Bomb")["file"]["mediaType"], &piece("Bomb")["misleads"]),
        (&json!("application/zip"), &json!(false))
    );
    assert_eq!(
        (&named("Sealed")["received"]["sealing"], &piece("Sealed")["file"]["name"]),
        (&json!("ENCRYPTED"), &json!("smime.p7m"))
    );
    assert_eq!((&named("Page")["text"], &named("Page")["received"]["attachments"]), (&json!("Seen"), &json!([])));
    let mut nobody: Vec<_> = entries
        .iter()
        .filter(|entry| entry["subject"] == "(no subject)")
        .map(|entry| entry["correspondent"].as_str().unwrap())
        .collect();
    nobody.sort_unstable();
    assert_eq!(nobody, ["(unknown sender)", "nobody at all"]);
    assert_eq!(named("Ze ro")["text"], "Body");
    assert_eq!(post.office.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn one_that_cannot_be_moved_stays_and_keeps_no_other_waiting() {
    let post = Post::open();
    let (client, address, _) = post.client("Nordwind GmbH").await;
    post.lay(mail(&address, "<0@x.example>", "Subject: First", "x"));
    post.taken().await;
    // Nothing can be laid aside: something that an operator mends later.
    let unclaimed = post.maildir.join("unclaimed");
    std::fs::remove_dir(&unclaimed).unwrap();
    std::fs::write(&unclaimed, "in the way").unwrap();
    let nobodys = post.lay(mail("nobody@x.example", "<1@x.example>", "Subject: Nobody's", "x"));
    post.lay(mail(&address, "<2@x.example>", "Subject: Behind it", "x"));
    let begun = Instant::now();
    while register(&client).await.len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert!(post.maildir.join("new").join(&nobodys).exists());
    let figures = reqwest::get(post.office.app.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(figures.contains("backoffice_mails_in_total{outcome=\"failed\"}"), "{figures}");
    std::fs::remove_file(&unclaimed).unwrap();
    std::fs::create_dir(&unclaimed).unwrap();
    post.taken().await;
    assert_eq!(post.unclaimed().len(), 1);
    assert_eq!(register(&client).await.len(), 2);
}
