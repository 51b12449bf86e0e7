#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::{
    Delivery, MOST_BYTES, MOST_TEXT, Mail, Problem, Sealing, differs, head, in_subject, long_digest, read, safe_name,
};

const TOKEN: &str = "abcdefghijklmnop2345";

fn mail(head: &str, body: &str) -> Mail {
    let text = format!("From: Zoë <Zoe@Customer.example>\nDate: Sun, 1 Mar 2026 10:00:00 +0100\n{head}\n\n{body}");
    read(text.replace('\n', "\r\n").as_bytes())
}

fn pieces(mail: &Mail) -> Vec<(&str, &str, usize)> {
    mail.pieces.iter().map(|one| (one.name.as_str(), one.declared.as_str(), one.bytes.len())).collect()
}

#[test]
fn a_mail_says_who_what_and_when() {
    let read = mail(
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from us\nIn-Reply-To: <b@x>\nReferences: <a@x>\n <b@x> junk <c@x>",
        "Hello\n\n\n\n\nyou\0\u{7} ",
    );
    assert_eq!((read.subject.as_str(), read.from_name.as_str()), ("Grüße from us", "Zoë"));
    assert_eq!(read.from_address.as_deref(), Some("zoe@customer.example"));
    assert_eq!(read.written_at, Some(1_772_355_600));
    assert_eq!(read.answers, ["<b@x>", "<c@x>", "<a@x>"]);
    assert_eq!(read.text, "Hello\n\n\nyou");
    assert!(
        !read.is_automatic && read.pieces.is_empty() && read.notes.is_empty() && read.problem.is_none(),
        "{read:?}"
    );
}

#[test]
fn of_two_wordings_the_plain_one_is_read_and_html_is_reduced() {
    let both = "--b\nContent-Type: text/html\n\n<p>Rich</p>\n--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n--b--\n";
    assert_eq!(mail("Content-Type: multipart/alternative; boundary=b", both).text, "Grüße");
    let page = "<html><head><title>t</title><style>x</style></head><script>evil()</script><p>One<br>two &amp; three</p><img src=\"https://tracker.example/x.gif\"></html>";
    let read = mail("Content-Type: text/html; charset=utf-8", page);
    assert_eq!(read.text, "One\ntwo & three");
    assert!(read.pieces.is_empty());
}

#[test]
fn files_are_told_by_safe_names() {
    let body = "--b\n\nText\n--b\nContent-Type: application/pdf; name=\"a.pdf\"\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQ=\n\
        --b\nContent-Type: image/png\nContent-Disposition: attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpa%73swd\n\nx\n\
        --b\nContent-Disposition: attachment; filename=\"=?utf-8?B?Li4vLi4vw7xnZS5leGU=?=\"\n\ny\n\
        --b\nContent-Type: message/rfc822\n\nSubject: inner\n\nInner\n--b--";
    let read = mail("Content-Type: multipart/mixed; boundary=\"b\"", body);
    assert_eq!(read.text, "Text");
    assert_eq!(
        pieces(&read),
        [
            ("a.pdf", "application/pdf", 8),
            ("passwd", "image/png", 1),
            ("üge.exe", "text/plain", 1),
            ("attachment-4.eml", "message/rfc822", 23)
        ]
    );
    for (given, expected) in [
        ("..\\..\\windows\\system32\\cmd.exe", "cmd.exe"),
        ("/etc/", "etc"),
        ("../", "attachment-1.bin"),
        ("a\u{202e}fdp.exe", "afdp.exe"),
        ("a\r\nBcc: b@c", "a Bcc_ b@c"),
        ("..hidden. ", "hidden"),
        ("\0\0", "attachment-1.bin"),
        ("C:\\x?.txt", "x_.txt"),
    ] {
        assert_eq!(safe_name(given, 1, "application/octet-stream"), expected, "{given:?}");
    }
    let long = safe_name(&format!("{}.pdf", "ä".repeat(4000)), 1, "");
    assert!(long.chars().count() == 150 && long.ends_with("ä.pdf"), "{long}");
}

#[test]
fn what_is_broken_is_read_as_far_as_it_goes() {
    let noted = |read: &Mail, word: &str| read.notes.iter().any(|note| note.contains(word));
    // boundaries
    let never = mail("Content-Type: multipart/mixed; boundary=b", "Only text\n--c\n");
    assert!(never.text == "Only text\n--c" && noted(&never, "never comes"), "{never:?}");
    let open = mail("Content-Type: multipart/mixed; boundary=b", "--b\n\nOne\n--b\nContent-Type: image/png\n\nxyz");
    assert!(
        open.text == "One" && pieces(&open) == [("attachment-1.png", "image/png", 3)] && noted(&open, "missing"),
        "{open:?}"
    );
    let none = mail("Content-Type: multipart/mixed", "--b\n\nOne\n--b--");
    assert!(none.text.contains("One") && noted(&none, "never comes"));
    // encodings
    let sixty_four = mail("Content-Transfer-Encoding: base64", "SGVs*bG8\n!!gd29ybGQ");
    assert!(sixty_four.text == "Hello world" && noted(&sixty_four, "encoded"), "{sixty_four:?}");
    let quoted = mail("Content-Transfer-Encoding: quoted-printable", "a=ZZb=3Dc= \nd=");
    assert!(quoted.text == "a=ZZb=cd=" && noted(&quoted, "encoded"), "{quoted:?}");
    let letters = mail("Content-Type: text/plain; charset=\"klingon\"", "Grüße");
    assert!(letters.text == "Grüße" && noted(&letters, "letters"), "{letters:?}");
    let wrong = read(b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xfc\xdfe");
    assert_eq!(wrong.text, "Gr\u{fffd}\u{fffd}e");
    // what is missing
    let bare = read(b"Subject: x\n\n");
    assert!(
        bare.written_at.is_none() && bare.from_address.is_none() && bare.notes.len() == 2 && bare.problem.is_none()
    );
    assert_eq!(read(b"").problem, Some(Problem::NoHead));
    assert_eq!(read(b"\x00\xff\xfe no mail at all").problem, Some(Problem::NoHead));
    let lying = read(b"From: a@b.example, c@d.example\nFrom: e@f.example\nDate: 99 Foo 9999 99:99:99\nSubject: a\r\n\tb\0c\x07d\n\nx");
    assert_eq!((lying.from_address.as_deref(), lying.subject.as_str()), (Some("a@b.example"), "a b c d"));
    assert!(lying.written_at.is_none() && noted(&lying, "more than once"));
}

#[test]
fn who_is_written_to_is_found() {
    let routes = |text: &str| head(text.as_bytes(), "In.Firm.example").routes;
    assert_eq!(routes(&format!("To: \"x\" <{}@in.firm.EXAMPLE>\n\n", TOKEN.to_uppercase())), [TOKEN]);
    assert_eq!(routes(&format!("To: one@in.firm.example\nDelivered-To: {TOKEN}@in.firm.example\n\n")), [TOKEN]);
    assert_eq!(routes(&format!("Cc: a@b,\n two@in.firm.example,{TOKEN}@in.firm.example\n\n")), ["two", TOKEN]);
    for other in [
        format!("To: {TOKEN}@in.firm.example.evil\n\n"),
        format!("To: x.{TOKEN}@in.firm.example\n\n"),
        format!("Subject: {TOKEN}@in.firm.example\n\n"),
        format!("X: y\n\nTo: {TOKEN}@in.firm.example\n"),
        String::new(),
    ] {
        assert_eq!(routes(&other), Vec::<String>::new(), "{other}");
    }
    let many: String = (0..5000).map(|one| format!("a{one}@in.firm.example, ")).collect();
    assert_eq!(routes(&format!("To: {many}\n\n")).len(), 20);
}

#[test]
fn a_mail_is_known_again_however_it_came() {
    let one = head(b"Received: a\nMessage-ID: <1@x>\nFrom: a@b\nSubject: s\n\nbody", "d");
    let same =
        head(b"Received: b\nReceived: a\nDelivered-To: c\nMessage-ID: <1@x>\nFrom: a@b\nSubject: s\n\nbody", "d");
    let other = head(b"Message-ID: <1@x>\nFrom: a@b\nSubject: s\n\nbodY", "d");
    assert_eq!((&one.message_id, &one.digest, one.hops, same.hops), (&same.message_id, &same.digest, 1, 2));
    assert!(one.message_id == other.message_id && one.digest != other.digest);
    let cut = long_digest(b"Message-ID: <1@x>\nFrom: a@b\nSubject: s\n\nbo", &b"dy"[..]).unwrap();
    assert_eq!(cut, one.digest);
    for insane in ["<a b@c>", "<>", "x", "<ü@c>", "<a@b", &format!("<{}@b>", "a".repeat(300))] {
        assert_eq!(head(format!("Message-ID: {insane}\n\n").as_bytes(), "d").message_id, None, "{insane}");
    }
    assert_eq!(head(b"message-id:1@x\n\n", "d").message_id.as_deref(), Some("<1@x>"));
}

#[test]
fn numbers_in_subjects_are_found() {
    assert_eq!(in_subject("Re: [out-2026-00012] and IN-2025-123456."), ["OUT-2026-00012", "IN-2025-123456"]);
    for none in ["OUT-26-00001", "OUT-2026-1", "XOUT-2026-00001", "OUT-2026-00001-2", "OUT-2026-0000000001", ""] {
        assert!(in_subject(none).is_empty(), "{none}");
    }
}

#[test]
fn machines_seals_and_reports_are_told() {
    for (header, automatic) in [
        ("Auto-Submitted: auto-replied", true),
        ("Auto-Submitted: no", false),
        ("Return-Path: <>", true),
        ("Precedence: bulk", true),
        ("X: y", false),
    ] {
        assert_eq!(mail(header, "x").is_automatic, automatic, "{header}");
    }
    let signed = mail(
        "Content-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"",
        "--b\n\nText\n--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nsig\n--b--",
    );
    assert_eq!((signed.sealing, signed.text.as_str()), (Sealing::Signed, "Text"));
    assert_eq!(pieces(&signed), [("smime.p7s", "application/pkcs7-signature", 3)]);
    let whole = "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n\n-----\n--b--";
    let encrypted = mail("Content-Type: multipart/encrypted; boundary=b", whole);
    assert_eq!((encrypted.sealing, encrypted.text.as_str(), encrypted.pieces.len()), (Sealing::Encrypted, "", 1));
    assert!(String::from_utf8_lossy(&encrypted.pieces[0].bytes).contains("Version: 1"));
    let smime = mail("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", "abc");
    assert_eq!((smime.sealing, pieces(&smime)), (Sealing::Encrypted, vec![("smime.p7m", "application/pkcs7-mime", 3)]));

    let bounce = "--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
        Final-Recipient: rfc822; zoe@x.example\nAction: delayed\nStatus: 4.4.1\n\n\
        Final-Recipient: rfc822; joe@x.example\nAction: FAILED\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n such box\n\
        --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <ours@firm.example>\nSubject: x\n--b--";
    let report = mail("Content-Type: multipart/report; report-type=delivery-status; boundary=b", bounce);
    let said = report.report.clone().unwrap();
    assert_eq!((said.delivery, said.about.as_deref()), (Delivery::Failed, Some("<ours@firm.example>")));
    assert_eq!(said.note, "joe@x.example: 5.1.1: 550 no such box");
    assert!(report.is_automatic && report.text == "Sorry.", "{report:?}");
    // One that lies in a mail that somebody has written is none.
    let inside = format!("--o\nContent-Type: multipart/report; boundary=b\n\n{bounce}\n--o--");
    assert_eq!(mail("Content-Type: multipart/mixed; boundary=o", &inside).report, None);
}

#[test]
fn what_a_file_is_is_held_against_what_is_said() {
    for (declared, found, expected) in [
        ("application/pdf", "application/pdf", false),
        ("application/pdf", "application/x-msdownload", true),
        ("application/pdf", "application/octet-stream", true),
        ("image/png", "text/html", true),
        ("image/jpg", "image/jpeg", false),
        ("text/plain", "text/html", true),
        ("text/csv", "text/plain", false),
        ("text/calendar", "text/plain", false),
        ("application/octet-stream", "application/pdf", false),
        ("application/x-own", "application/octet-stream", false),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip", false),
        ("application/msword", "application/x-ole-storage", false),
        ("application/msword", "application/x-executable", true),
        ("message/rfc822", "text/plain", false),
        ("image/svg+xml", "image/svg+xml", false),
    ] {
        assert_eq!(differs(declared, found), expected, "{declared} {found}");
    }
}

/// Mails that were made to hurt, with what has to become of them.
fn hostile() -> Vec<(&'static str, Vec<u8>, Option<Problem>)> {
    let from = "From: a@b.example\r\n";
    let mut nested = String::from(from);
    for level in 0..5_000 {
        nested.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
    }
    let mails = "Content-Type: message/rfc822\r\n\r\n".repeat(200_000);
    let parts =
        format!("{from}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(1_000_000));
    let files = format!(
        "{from}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
        "--b\r\nContent-Type: image/png\r\n\r\nx\r\n".repeat(101)
    );
    let same = format!(
        "{from}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
        "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".repeat(100_000)
    );
    let html =
        |piece: &str| format!("{from}Content-Type: text/html\r\n\r\n{}", piece.repeat(MOST_BYTES / 8 / piece.len()));
    vec![
        ("nested parts", nested.into_bytes(), Some(Problem::TooDeep)),
        ("mails in mails", format!("{from}{mails}").into_bytes(), None),
        ("many parts", parts.into_bytes(), Some(Problem::TooManyParts)),
        ("many files", files.into_bytes(), Some(Problem::TooManyParts)),
        ("one boundary for all", same.into_bytes(), Some(Problem::TooManyParts)),
        (
            "a large head",
            format!("{from}X: {}\r\n\r\nx", "y".repeat(1 << 20)).into_bytes(),
            Some(Problem::HeadTooLarge),
        ),
        ("many fields", format!("{from}{}\r\nx", "X: y\r\n".repeat(5_000)).into_bytes(), Some(Problem::HeadTooLarge)),
        ("only a head", format!("{from}{}", "x".repeat(1 << 20)).into_bytes(), Some(Problem::HeadTooLarge)),
        ("a large mail", format!("{from}\r\n{}", "x\r\n".repeat(MOST_BYTES / 3)).into_bytes(), Some(Problem::TooLarge)),
        ("one line", format!("{from}\r\n{}", "x".repeat(MOST_BYTES / 2)).into_bytes(), None),
        ("nothing but zeros", [from.as_bytes(), b"\r\n", &vec![0; MOST_BYTES / 2]].concat(), None),
        ("open tags", html("<").into_bytes(), None),
        ("tags without end", html("<a ").into_bytes(), None),
        ("comments without end", html("<!--").into_bytes(), None),
        ("scripts without end", html("<script>").into_bytes(), None),
        ("entities", html("&#x41").into_bytes(), None),
        ("people", format!("From: {}\r\n\r\nx", "(((<\"".repeat(40_000)).into_bytes(), None),
        ("encoded words", format!("{from}Subject: {}\r\n\r\nx", "=?utf-8?Q?=41?= ".repeat(15_000)).into_bytes(), None),
        (
            "parameters",
            format!("{from}Content-Type: text/plain{}\r\n\r\nx", "; name*0*=utf-8''%41".repeat(10_000)).into_bytes(),
            None,
        ),
        ("references", format!("{from}References: {}\r\n\r\nx", "<a@b>".repeat(40_000)).into_bytes(), None),
    ]
}

#[test]
fn what_was_made_to_hurt_ends_soon_and_is_told() {
    for (what, bytes, expected) in hostile() {
        let began = Instant::now();
        let known = head(&bytes, "in.firm.example");
        let read = read(&bytes);
        assert_eq!(read.problem, expected, "{what}");
        assert!(read.text.chars().count() <= MOST_TEXT && read.subject.chars().count() <= 300, "{what}");
        assert!(read.answers.len() <= 100 && read.notes.len() <= 20 && known.digest.len() == 64, "{what}");
        // Without optimisation, on a machine that has more to do.
        assert!(began.elapsed() < Duration::from_secs(20), "{what} took {:?}", began.elapsed());
    }
}

/// Texts out of the words of which mails are made.
fn grammar() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"--b".to_vec()),
        Just(b"--b--\r\n".to_vec()),
        Just(b"Content-Type: multipart/mixed; boundary=b\r\n".to_vec()),
        Just(b"Content-Type: multipart/report; boundary=\"b\"\r\n".to_vec()),
        Just(b"Content-Type: message/rfc822\r\n".to_vec()),
        Just(b"Content-Type: text/html; charset=utf-16\r\n".to_vec()),
        Just(b"Content-Type: message/delivery-status\r\n".to_vec()),
        Just(b"Content-Transfer-Encoding: base64\r\n".to_vec()),
        Just(b"Content-Disposition: attachment; filename*0*=utf-8''%2e%2e%2f\r\n".to_vec()),
        Just(b"Subject: =?utf-8?B?".to_vec()),
        Just(b"From: \"a\" <".to_vec()),
        Just(b"Date: Mon, 30 Feb 2026 25:00:00 +9999\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn whatever_comes_is_read(bytes in grammar()) {
        let read = read(&bytes);
        let _ = head(&bytes, "in.firm.example");
        prop_assert!(!read.text.contains('\0') && !read.subject.contains(char::is_control));
        for piece in &read.pieces {
            prop_assert!(!piece.name.is_empty() && !piece.name.contains(['/', '\\', '\0', '\n']) && piece.name.len() <= 255 * 4);
            prop_assert!(!piece.name.starts_with('.') && !piece.declared.contains(char::is_control));
        }
        let kept: usize = read.pieces.iter().map(|piece| piece.bytes.len()).sum();
        prop_assert!(kept <= bytes.len());
    }

    #[test]
    fn files_come_out_as_they_were_put_in(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        use std::fmt::Write;
        let mut quoted = String::new();
        for byte in &bytes { let _ = write!(quoted, "={byte:02X}"); }
        let mail = mail("Content-Type: application/x-own\nContent-Transfer-Encoding: quoted-printable", &quoted);
        prop_assert_eq!(&mail.pieces[0].bytes, &bytes);
    }
}
