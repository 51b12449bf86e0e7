//! The head of a mail: its fields as they stand, and what they say.

use mail_parser::{Message, MessageParser};
use sha2::{Digest, Sha256};

use crate::{MOST_FIELDS, MOST_HEAD, MOST_SUBJECT, Mail, Problem, address, line};

/// What has to be known of a mail before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its Message-ID, with its angle brackets; none if it has no sane one.
    pub message_id: Option<String>,
    /// The tokens before the domain of our addresses that it was delivered to.
    pub routes: Vec<String>,
    /// Over how many mail servers it came.
    pub hops: usize,
    /// A digest of what the sender has written: the same however it came here.
    pub digest: String,
    /// Whether it looks like what a mail server says of a mail that was sent before.
    pub is_report: bool,
}

/// Where the head ends, and where the body begins.
pub(crate) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if let Some(body) = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n")) {
            return (bytes.get(..at).unwrap_or_default(), body);
        }
        match rest.iter().position(|one| *one == b'\n') {
            Some(end) => at = at.saturating_add(end).saturating_add(1),
            None => return (bytes, b""),
        }
    }
}

/// The fields of a head, their names in small letters, their values in one line each. At most so many, and only of the
/// first bytes.
pub(crate) fn fields(head: &[u8]) -> Vec<(String, String)> {
    let head = head.get(..MOST_HEAD).unwrap_or(head);
    let mut fields: Vec<(String, String)> = Vec::new();
    for one in head.split(|one| *one == b'\n') {
        let one = one.strip_suffix(b"\r").unwrap_or(one);
        if one.first().is_some_and(|first| matches!(first, b' ' | b'\t')) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(String::from_utf8_lossy(one).trim());
            }
            continue;
        }
        let Some(colon) = one.iter().position(|one| *one == b':') else { continue };
        let (name, value) = one.split_at(colon);
        if fields.len() >= MOST_FIELDS {
            break;
        }
        let value = String::from_utf8_lossy(value.get(1..).unwrap_or_default()).trim().to_owned();
        fields.push((String::from_utf8_lossy(name).trim().to_ascii_lowercase(), value));
    }
    fields
}

pub(crate) fn first<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
}

/// The Message-IDs of a value, at most fifty.
pub(crate) fn ids(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(start) = rest.find('<') {
        let from = rest.get(start..).unwrap_or_default();
        let Some(end) = from.find('>') else { break };
        let id = from.get(..=end).unwrap_or_default();
        if is_sane(id) && found.len() < 50 {
            found.push(id.to_owned());
        }
        rest = from.get(end.saturating_add(1)..).unwrap_or_default();
    }
    if found.is_empty() && !value.contains(['<', '>']) {
        let id = format!("<{}>", value.trim());
        if is_sane(&id) {
            found.push(id);
        }
    }
    found
}

/// An id that can stand in a line of our own mails.
fn is_sane(id: &str) -> bool {
    let inside = id.get(1..id.len().saturating_sub(1)).unwrap_or_default();
    (5..=255).contains(&id.len())
        && inside.contains('@')
        && inside.bytes().all(|one| one.is_ascii_graphic() && !matches!(one, b'<' | b'>'))
}

/// A digest of what the sender has written, and not of what was put before it on the way.
fn digest(fields: &[(String, String)], body: &[u8]) -> Sha256 {
    let mut digest = Sha256::new();
    for name in ["from", "subject", "date", "to", "content-type"] {
        digest.update(first(fields, name).unwrap_or_default().as_bytes());
        digest.update([0]);
    }
    digest.update(body);
    digest
}

fn written(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same digest as [`Head`] has, of a mail that goes on behind the bytes.
pub fn long_digest(bytes: &[u8], mut more: impl std::io::Read) -> std::io::Result<String> {
    let (head, body) = split(bytes);
    let mut digest = digest(&fields(head), body);
    let mut piece = vec![0; 1 << 16];
    loop {
        match more.read(&mut piece)? {
            0 => return Ok(written(digest)),
            count => digest.update(piece.get(..count).unwrap_or_default()),
        }
    }
}

/// What has to be known first. Nothing here grows faster than the bytes.
#[must_use]
pub fn head(bytes: &[u8], domain: &str) -> Head {
    let (head, body) = split(bytes);
    let fields = fields(head);
    let digest = written(digest(&fields, body));
    let content = first(&fields, "content-type").unwrap_or_default().to_ascii_lowercase();
    Head {
        message_id: first(&fields, "message-id").and_then(|value| ids(value).into_iter().next()),
        routes: address::routes(&fields, domain),
        hops: fields.iter().filter(|(name, _)| name == "received").count(),
        digest,
        is_report: content.starts_with("multipart/report"),
    }
}

/// The fields of a part as the library reads them.
pub(crate) fn parsed(head: &[u8]) -> Option<Message<'_>> {
    // The library promises not to panic; it is held to it where it would cost a whole server's loop.
    std::panic::catch_unwind(|| MessageParser::default().parse_headers(head)).ok().flatten()
}

/// Whether a machine has written it: RFC 3834, and what servers did before it.
fn is_automatic(fields: &[(String, String)]) -> bool {
    let says = |name: &str| first(fields, name).map(|value| value.trim().to_ascii_lowercase());
    says("auto-submitted").is_some_and(|value| !value.is_empty() && value != "no" && !value.starts_with("no "))
        || says("return-path").is_some_and(|value| value == "<>")
        || says("precedence").is_some_and(|value| ["bulk", "junk", "list", "auto_reply"].contains(&value.as_str()))
}

/// What the head says.
pub(crate) fn mail(bytes: &[u8]) -> Mail {
    let (head, _) = split(bytes);
    let mut mail = Mail::default();
    if head.len() > MOST_HEAD {
        mail.problem = Some(Problem::HeadTooLarge);
    }
    let fields = fields(head);
    if fields.len() >= MOST_FIELDS {
        mail.problem = Some(Problem::HeadTooLarge);
    }
    if fields.is_empty() {
        mail.problem = Some(Problem::NoHead);
    }
    mail.is_automatic = is_automatic(&fields);
    mail.answers = first(&fields, "in-reply-to").map(ids).unwrap_or_default();
    let mut references = first(&fields, "references").map(ids).unwrap_or_default();
    references.reverse();
    for id in references {
        if !mail.answers.contains(&id) {
            mail.answers.push(id);
        }
    }
    // The library gets no more than what has to be read by it, without what follows.
    let mut wanted = Vec::new();
    for name in ["subject", "from", "sender", "date"] {
        if let Some(value) = first(&fields, name) {
            let value = value.get(..value.floor_char_boundary(16 * 1024)).unwrap_or_default().replace('\0', " ");
            wanted.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
    wanted.extend_from_slice(b"\r\n");
    if let Some(message) = parsed(&wanted) {
        mail.subject = line(message.subject().unwrap_or_default(), MOST_SUBJECT);
        let sender = message.from().and_then(|people| people.first()).or_else(|| message.sender()?.first());
        if let Some(sender) = sender {
            mail.from_name = line(sender.name().unwrap_or_default(), 200);
            let address = sender.address().map(|address| address.trim().to_lowercase());
            mail.from_address = address.filter(|address| is_address(address));
        }
        let day = message.date().filter(|day| day.is_valid() && (1970..=2200).contains(&day.year));
        mail.written_at = day.map(mail_parser::DateTime::to_timestamp);
    }
    if mail.written_at.is_none() {
        mail.notes.push("It does not say when it was written.".to_owned());
    }
    if mail.from_address.is_none() {
        mail.notes.push("It does not say from which address it comes.".to_owned());
    }
    if fields.iter().filter(|(name, _)| name == "from").count() > 1 {
        mail.notes.push("It names its sender more than once; the first counts.".to_owned());
    }
    mail
}

fn is_address(address: &str) -> bool {
    address.len() <= 254
        && address
            .split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'))
        && !address.chars().any(|one| one.is_control() || one.is_whitespace() || matches!(one, '<' | '>' | ','))
}
