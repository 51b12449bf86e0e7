use std::io::Write;

use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use super::search::{Term, read as search, snippet};
use super::*;

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn all(kind: Kind, bytes: &[u8]) -> Result<String, Problem> {
    read(kind, bytes, &Limits::default()).map(|text| text.text)
}

/// A PDF with that text on one page, and that dictionary of pages.
fn pdf(text: &str, kids: &str) -> Vec<u8> {
    let stream = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{kids}] /Count 1 >>"),
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n{object}\nendobj\n", at + 1).bytes());
    }
    let start = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        bytes.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    bytes.extend(format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).bytes());
    bytes
}

#[test]
fn documents_say_what_they_say() {
    let docx = archive(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", "<w:document xmlns:w='w'><w:p><w:r><w:t>Mietvertrag f\u{fc}r Halle &amp; Hof</w:t></w:r></w:p><w:p><w:t>zweite</w:t><w:tab/><w:t>Zeile</w:t></w:p><w:instrText>HIDDEN</w:instrText></w:document>".as_bytes()),
        ("word/footer1.xml", b"<w:ftr xmlns:w='w'><w:t>Seite</w:t></w:ftr>"),
    ]);
    assert_eq!(all(Kind::OfficeOpenXml, &docx).unwrap(), "Mietvertrag für Halle & Hof\nzweite Zeile\n\nSeite");
    let xlsx = archive(&[
        ("xl/sharedStrings.xml", b"<sst><si><t>Anlagen</t></si><si><t>Maschine</t></si></sst>"),
        ("xl/worksheets/sheet1.xml", b"<worksheet><row><c t='s'><v>0</v></c><c><v>4711.5</v></c><c t='inlineStr'><is><t>direkt</t></is></c></row></worksheet>"),
    ]);
    assert_eq!(all(Kind::OfficeOpenXml, &xlsx).unwrap(), "Anlagen\nMaschine\n\n4711.5 direkt");
    let odt = archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", b"<o:d xmlns:o='o' xmlns:t='t'><t:h>Titel</t:h><t:p>ein<t:s/>Satz</t:p></o:d>"),
    ]);
    assert_eq!(all(Kind::OpenDocument, &odt).unwrap(), "Titel\nein Satz");
    assert_eq!(all(Kind::Pdf, &pdf("Lease of hall three", "3 0 R")).unwrap(), "Lease of hall three");
    assert_eq!(
        all(Kind::Html, b"<html><head><style>x{}</style></head><body><h1>Angebot</h1><p>10&nbsp;&euro; &lt; 11</p><script>alert('no')</script><!-- nor this -->a <b c</body>").unwrap(),
        "Angebot\n\n10 € < 11\na"
    );
    assert_eq!(all(Kind::Plain, b"one\r\n\r\n\r\ntwo \t three\0\n").unwrap(), "one\n\ntwo three");
}

#[test]
fn mails_are_read_however_they_lie() {
    let mail = b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?B?TWFobnVuZw==?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FCberf=E4llig\r\n--b\r\nContent-Type: application/pdf; name=rechnung.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: carl@example.com\r\nSubject: inner\r\n\r\ndeep words\r\n--b--\r\n";
    assert_eq!(kind("a.bin", "text/plain", mail), Kind::Mail);
    let text = all(Kind::Mail, mail).unwrap();
    for said in ["Mahnung", "Ann", "bob@example.com", "überfällig", "rechnung.pdf", "inner", "deep words"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // A thousand mails in each other, parts without an end, a boundary that is everywhere: bounded, and what can be read is.
    let mut nested = b"From: a@b\r\nSubject: outer\r\nContent-Type: message/rfc822\r\n\r\n".to_vec();
    for _ in 0..1000 {
        nested.extend_from_slice(b"From: a@b\r\nSubject: again\r\nContent-Type: message/rfc822\r\n\r\n");
    }
    let text = all(Kind::Mail, &nested).unwrap();
    assert!(text.contains("outer") && text.len() < 10_000, "{}", text.len());
    let mut parts = b"From: a@b\r\nSubject: many\r\nContent-Type: multipart/mixed; boundary=\"\"\r\n\r\n".to_vec();
    for _ in 0..50_000 {
        parts.extend_from_slice(b"--\r\nContent-Type: multipart/mixed; boundary=\"-\"\r\n\r\n");
    }
    assert!(all(Kind::Mail, &parts).unwrap().contains("many"));
    let unknown = b"From: a@b\r\nSubject: odd\r\nContent-Type: text/plain; charset=klingon\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%%\r\n";
    assert!(all(Kind::Mail, unknown).unwrap().contains("odd"));
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let zeros = vec![b' '; 70 << 20];
    let bomb = archive(&[(
        "word/document.xml",
        &[b"<w:document xmlns:w='w'><w:t>".as_slice(), &zeros, b"</w:t></w:document>"].concat(),
    )]);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    assert_eq!(all(Kind::OfficeOpenXml, &bomb), Err(Problem::TooLarge));
    // Not by one part: all together.
    let part = [b"<f xmlns='w'><t>x</t>".as_slice(), &vec![b' '; 20 << 20], b"</f>"].concat();
    let several: Vec<(String, &[u8])> = (1..=4).map(|at| (format!("word/footer{at}.xml"), part.as_slice())).collect();
    let several: Vec<(&str, &[u8])> = several.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert_eq!(all(Kind::OfficeOpenXml, &archive(&several)), Err(Problem::TooLarge));
    let deep = [vec![b"<a>".as_slice(); 2000].concat(), vec![b"</a>".as_slice(); 2000].concat()].concat();
    assert_eq!(all(Kind::OpenDocument, &archive(&[("content.xml", &deep)])), Err(Problem::TooDeep));
    // Entities that stand for entities stand for nothing.
    let laughs = b"<!DOCTYPE d [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><d><p>x&b;y</p></d>";
    assert_eq!(all(Kind::OpenDocument, &archive(&[("content.xml", laughs)])).unwrap(), "xy");
    let many: Vec<(String, &[u8])> = (0..5001).map(|at| (at.to_string(), b"".as_slice())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert_eq!(all(Kind::OfficeOpenXml, &archive(&many)), Err(Problem::TooLarge));
    let limits = Limits { text: 10, ..Limits::default() };
    assert_eq!(read(Kind::Plain, "äöüäöüäöü".as_bytes(), &limits), Ok(Text { text: "äöüäö".to_owned(), cut: true }));
    assert_eq!(read(Kind::Plain, b"12345", &Limits { bytes: 4, ..Limits::default() }), Err(Problem::TooLarge));
}

#[test]
fn what_is_no_such_document_says_so() {
    for kind in [Kind::Pdf, Kind::OfficeOpenXml, Kind::OpenDocument] {
        assert!(matches!(all(kind, b"%PDF-1.7 but nothing behind"), Err(Problem::Broken(_))), "{kind:?}");
    }
    assert!(matches!(all(Kind::OfficeOpenXml, &archive(&[("a.txt", b"x")])), Err(Problem::Broken(_))));
    assert_eq!(all(Kind::Picture, b"\x89PNG"), Err(Problem::Unknown));
    // Pages that lie in themselves come to an end.
    let looped = all(Kind::Pdf, &pdf("round", "2 0 R 2 0 R 3 0 R"));
    assert!(looped.is_err() || looped.unwrap().len() < 1000);
}

#[test]
fn searches_become_queries_of_our_own_words() {
    for (said, query) in [
        ("Lease hall", "('lease') & ('hall')"),
        ("\"hall three\" -draft", "('hall' <-> 'three') & !('draft')"),
        ("rechn* 2026", "('rechn':*) & ('2026')"),
        ("re*", "('re')"),
        ("a' | 'b') --", "('a') & ('b')"),
        ("ann@example.com", "('ann' <-> 'example' <-> 'com')"),
        ("ÄPFEL", "('äpfel')"),
    ] {
        assert_eq!(search(said).unwrap().query, query, "{said}");
    }
    for nothing in ["", "  ", "-only", "\"\"", "!!! &"] {
        assert_eq!(search(nothing), None, "{nothing}");
    }
    assert_eq!(search(&"word ".repeat(1000)).unwrap().terms.len(), 16);
}

#[test]
fn a_snippet_shows_the_place_that_says_the_most() {
    let text = format!("lease {} the lease of hall three, signed{}", "x ".repeat(200), " y".repeat(200));
    let terms: Vec<Term> = search("lease hall").unwrap().terms;
    let pieces = snippet(&text, &terms);
    let hits: Vec<&str> = pieces.iter().filter(|piece| piece.hit).map(|piece| piece.text.as_str()).collect();
    assert_eq!(hits, ["lease", "hall"]);
    assert!(pieces.first().unwrap().text == "…" && pieces.last().unwrap().text == "…");
    assert_eq!(snippet("nothing here", &terms), vec![]);
}

proptest! {
    #[test]
    fn whatever_comes_ends(bytes in proptest::collection::vec(any::<u8>(), 0..600), which in 0..6usize) {
        let kinds = [Kind::Plain, Kind::Html, Kind::Pdf, Kind::OfficeOpenXml, Kind::OpenDocument, Kind::Mail];
        let _ = read(kinds[which], &bytes, &Limits::default());
    }

    #[test]
    fn no_search_says_more_than_words(said in "\\PC{0,60}") {
        if let Some(found) = search(&said) {
            let outside: String = found.query.split('\'').step_by(2).collect();
            prop_assert!(outside.chars().all(|one| " &!()<->:*".contains(one)), "{}", found.query);
            prop_assert_eq!(found.query.matches('\'').count() % 2, 0);
        }
    }

    #[test]
    fn a_snippet_is_a_piece_of_its_text(text in "[a-zäß ,.\n]{0,400}", word in "[a-zä]{1,3}") {
        let terms = [Term { word, prefix: true }];
        let said: String = snippet(&text, &terms).iter().map(|piece| piece.text.as_str()).collect();
        let flat = text.replace('\n', " ");
        prop_assert!(flat.contains(said.trim_matches('…')));
    }
}
