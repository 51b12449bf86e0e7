//! Names of files as strangers give them, and whether what they say of a file is what its bytes are.

/// The most characters of a name.
const MOST: usize = 150;

/// A name that leads nowhere and hides nothing.
#[must_use]
pub fn safe_name(given: &str, place: usize, declared: &str) -> String {
    // What stands before the last slash is a path of somebody else's machine.
    let last = given.rsplit(['/', '\\']).map(str::trim).find(|part| !part.trim_matches('.').is_empty());
    let mut name: String = crate::line(last.unwrap_or_default(), usize::MAX)
        .chars()
        .map(|one| if matches!(one, ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { one })
        .collect();
    name = name.trim_matches(['.', ' ']).to_owned();
    if name.chars().count() > MOST {
        let ending: String = match name.rsplit_once('.') {
            Some((_, ending)) if ending.chars().count() <= 10 => format!(".{ending}"),
            _ => String::new(),
        };
        let keep = MOST.saturating_sub(ending.chars().count());
        name = name.chars().take(keep).collect::<String>() + &ending;
    }
    if !name.is_empty() {
        return name;
    }
    let ending = match declared {
        "message/rfc822" => "eml",
        "text/plain" => "txt",
        "text/html" => "html",
        "text/calendar" => "ics",
        "application/pdf" => "pdf",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        _ => "bin",
    };
    format!("attachment-{place}.{ending}")
}

/// Whether a file's bytes are something else than its sender says. What cannot be told by bytes is believed.
#[must_use]
pub fn differs(declared: &str, found: &str) -> bool {
    let declared = declared.trim().to_ascii_lowercase();
    let alias = match declared.as_str() {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "application/x-pdf" => "application/pdf",
        "text/xml" => "application/xml",
        "text/json" => "application/json",
        "application/x-zip-compressed" | "application/x-zip" => "application/zip",
        "application/x-gzip" => "application/gzip",
        "text/rtf" => "application/rtf",
        other => other,
    };
    if alias == found || matches!(alias, "" | "application/octet-stream" | "application/binary") {
        return false;
    }
    // What bytes of such a file always begin with.
    let telling = |kind: &str| {
        kind == "application/pdf"
            || kind == "application/gzip"
            || kind == "application/zip"
            || kind == "application/rtf"
            || kind.starts_with("application/vnd.openxmlformats-officedocument.")
            || kind.starts_with("application/vnd.oasis.opendocument.")
            || matches!(kind, "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/tiff")
    };
    let is_office = |kind: &str| {
        kind.starts_with("application/vnd.openxmlformats-officedocument.")
            || kind.starts_with("application/vnd.oasis.opendocument.")
    };
    match found {
        "application/octet-stream" => telling(alias),
        // its parts may stand behind the bytes that were looked at
        "application/zip" => !is_office(alias) && !alias.ends_with("+zip"),
        "text/plain" | "application/json" => {
            !(alias.starts_with("text/")
                || alias.starts_with("message/")
                || alias.starts_with("application/pgp")
                || alias.ends_with("+json")
                || alias == "application/xml"
                || alias == "application/csv"
                || alias == "application/ics")
        }
        "application/xml" => !(alias.ends_with("+xml") || alias == "text/plain"),
        "application/x-ole-storage" => !(alias == "application/msword" || alias.starts_with("application/vnd.ms-")),
        _ => true,
    }
}
