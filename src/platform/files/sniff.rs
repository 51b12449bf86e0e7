//! What a file is, by its first bytes. Its name and what its sender says of it count for nothing.

/// How many bytes are looked at.
pub const HEAD_BYTES: usize = 8 * 1024;

/// What cannot be told.
pub const UNKNOWN: &str = "application/octet-stream";

/// Beginnings that say what a file is (WHATWG MIME Sniffing, and the formats that offices exchange).
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-msdownload"),
    (b"#!", "text/x-script"),
];

/// What browsers take for a page (WHATWG MIME Sniffing 7.1).
const MARKUP: &[&str] = &[
    "<!doctype html",
    "<html",
    "<head",
    "<script",
    "<iframe",
    "<h1",
    "<div",
    "<font",
    "<table",
    "<a",
    "<style",
    "<title",
    "<b",
    "<body",
    "<br",
    "<p",
    "<!--",
];

/// The media type that these first bytes of a file have.
#[must_use]
pub fn media_type(head: &[u8]) -> &'static str {
    if let Some((_, kind)) = SIGNATURES.iter().find(|(beginning, _)| head.starts_with(beginning)) {
        return kind;
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return "image/webp";
    }
    if head.starts_with(b"PK\x03\x04") {
        return archive(head);
    }
    text(head).unwrap_or(UNKNOWN)
}

/// Office documents are archives whose parts have known names.
fn archive(head: &[u8]) -> &'static str {
    let holds = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    if holds(b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet") {
        "application/vnd.oasis.opendocument.spreadsheet"
    } else if holds(b"mimetypeapplication/vnd.oasis.opendocument.text") {
        "application/vnd.oasis.opendocument.text"
    } else if holds(b"[Content_Types].xml") || holds(b"_rels/.rels") {
        if holds(b"xl/") {
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        } else if holds(b"word/") {
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        } else {
            "application/zip"
        }
    } else {
        "application/zip"
    }
}

/// Text in UTF-8 without control characters; of what kind, if it says so at its beginning.
fn text(head: &[u8]) -> Option<&'static str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // cut in the middle of a character
        Err(error) if error.error_len().is_none() => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    if text.is_empty() || text.chars().any(|one| one.is_control() && !matches!(one, '\t' | '\n' | '\r' | '\x0c')) {
        return None;
    }
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let lower: String = start.chars().take(512).collect::<String>().to_ascii_lowercase();
    if lower.starts_with("<?xml") || lower.starts_with("<svg") {
        let whole = text.to_ascii_lowercase();
        return Some(match (whole.contains("<svg"), whole.contains("<html")) {
            (true, _) => "image/svg+xml",
            (_, true) => "application/xhtml+xml",
            _ => "application/xml",
        });
    }
    let is_tag = |tag: &str| {
        lower
            .strip_prefix(tag)
            .is_some_and(|rest| tag == "<!--" || rest.starts_with([' ', '>', '\t', '\n', '\r', '\x0c', '/']))
    };
    if MARKUP.iter().any(|tag| is_tag(tag)) {
        return Some("text/html");
    }
    if start.starts_with(['{', '[']) { Some("application/json") } else { Some("text/plain") }
}

/// Whether a browser may show it on the page: pictures and documents that can do nothing there.
#[must_use]
pub fn may_be_shown(media_type: &str) -> bool {
    matches!(media_type, "application/pdf" | "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// What a browser is told that it is: nothing that it could run, whatever it is.
#[must_use]
pub fn told(media_type: &str) -> &str {
    let harmless = may_be_shown(media_type)
        || media_type.starts_with("application/vnd.o")
        || matches!(
            media_type,
            "text/plain"
                | "application/json"
                | "image/tiff"
                | "application/zip"
                | "application/gzip"
                | "application/rtf"
        );
    match media_type {
        "text/plain" => "text/plain; charset=utf-8",
        _ if harmless => media_type,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_say_what_a_file_is() {
        for (bytes, expected) in [
            (&b"%PDF-1.7\n"[..], "application/pdf"),
            (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"RIFF\x10\0\0\0WAVEfmt ", UNKNOWN),
            (
                b"PK\x03\x04....[Content_Types].xml....xl/workbook.xml",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
            (b"PK\x03\x04....notes.txt", "application/zip"),
            (b"Number,Name\n1,One\n", "text/plain"),
            ("Nummer;Name\n1;Müller".as_bytes(), "text/plain"),
            (b"{\"a\":1}\n{\"a\":2}\n", "application/json"),
            (b"<?xml version=\"1.0\"?><Document/>", "application/xml"),
            (b"\n <?xml version=\"1.0\"?><!-- x --><SVG onload='x'/>", "image/svg+xml"),
            (b"<svg xmlns=\"x\">", "image/svg+xml"),
            (b"\xef\xbb\xbf  <!DocType HTML>", "text/html"),
            (b"<script>alert(1)</script>", "text/html"),
            (b"<b>", "text/html"),
            (b"<bank>", "text/plain"),
            (b"<!--x--><script>", "text/html"),
            (b"#!/bin/sh\n", "text/x-script"),
            (b"MZ\x90", "application/x-msdownload"),
            (b"a\0b", UNKNOWN),
            (b"\xff\xfea\0", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(media_type(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
        // cut in the middle of a character
        assert_eq!(media_type(&"ü".repeat(10).as_bytes()[..19]), "text/plain");
    }

    #[test]
    fn nothing_that_runs_is_shown_or_named() {
        for kind in [
            "text/html",
            "image/svg+xml",
            "application/xml",
            "application/xhtml+xml",
            "text/x-script",
            "application/x-msdownload",
        ] {
            assert!(!may_be_shown(kind));
            assert_eq!(told(kind), UNKNOWN);
        }
        assert_eq!(told("image/png"), "image/png");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_told_harmlessly(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let said = told(media_type(&bytes));
            prop_assert!(!said.contains("html") && !said.contains("xml+") && !said.contains("script") && !said.contains("svg"));
        }
    }
}
