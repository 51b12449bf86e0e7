//! The parts of a mail. Each byte is looked at once a level, and there are few levels.

use backoffice_extraction::{Kind, Limits};
use mail_parser::{ContentType, MimeHeaders};

use crate::head::{parsed, split};
use crate::name::safe_name;
use crate::{
    Delivery, MOST_DEPTH, MOST_HEAD, MOST_PART_HEAD, MOST_PARTS, MOST_PIECES, MOST_TEXT, Mail, Piece, Problem, Report,
    Sealing, decode, head, report,
};

/// The most notes of a mail.
const MOST_NOTES: usize = 20;
/// The most characters of a boundary: RFC 2046 allows 70.
const MOST_BOUNDARY: usize = 200;

/// A text of the mail itself.
struct Body {
    is_html: bool,
    text: String,
}

struct Walk<'m> {
    mail: &'m mut Mail,
    parts: usize,
    bodies: Vec<Body>,
    is_report: bool,
    status: Option<(Delivery, String)>,
    about: Option<String>,
}

/// Reads the parts of a mail into it.
pub(crate) fn walk(bytes: &[u8], mail: &mut Mail) {
    let mut walk = Walk { mail, parts: 0, bodies: Vec::new(), is_report: false, status: None, about: None };
    let outcome = walk.part(bytes, 0, false);
    let (bodies, status, about, is_report) = (walk.bodies, walk.status, walk.about, walk.is_report);
    if let Err(problem) = outcome {
        mail.problem = Some(problem);
        mail.pieces.clear();
        return;
    }
    let mut text = String::new();
    for body in bodies {
        let part = if body.is_html { as_text(&body.text) } else { body.text };
        if !text.is_empty() && !part.trim().is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&part);
    }
    let (text, is_whole) = decode::tidy(&text, MOST_TEXT);
    mail.text = text;
    if !is_whole {
        mail.note("Its text is longer than what is kept; the mail itself has all of it.");
    }
    if mail.sealing == Sealing::None && mail.text.contains("-----BEGIN PGP MESSAGE-----") {
        mail.sealing = Sealing::Encrypted;
    }
    if is_report {
        mail.is_automatic = true;
        mail.report = status.map(|(delivery, note)| Report { delivery, note, about });
    }
}

/// What a reader would see of a page. Nothing that it names is fetched.
fn as_text(html: &str) -> String {
    let limits = Limits { text: MOST_TEXT.saturating_mul(4), ..Limits::default() };
    backoffice_extraction::read(Kind::Html, html.as_bytes(), &limits).map(|read| read.text).unwrap_or_default()
}

impl Mail {
    fn note(&mut self, note: &str) {
        if self.notes.len() < MOST_NOTES && !self.notes.iter().any(|one| one == note) {
            self.notes.push(note.to_owned());
        }
    }
}

fn is(content: Option<&ContentType<'_>>, kind: &str, subtypes: &[&str]) -> bool {
    content.is_some_and(|content| {
        content.ctype().eq_ignore_ascii_case(kind)
            && (subtypes.is_empty()
                || content.subtype().is_some_and(|sub| subtypes.iter().any(|one| sub.eq_ignore_ascii_case(one))))
    })
}

/// The parts between the lines of a boundary; whether its last line was there. None if the boundary never comes.
fn between<'a>(body: &'a [u8], boundary: &[u8]) -> Option<(Vec<&'a [u8]>, bool)> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut begun: Option<usize> = None;
    let mut at = 0_usize;
    while at < body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let length = rest.iter().position(|one| *one == b'\n').map_or(rest.len(), |end| end.saturating_add(1));
        let line = rest.get(..length).unwrap_or_default();
        let next = at.saturating_add(length);
        let behind = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        if let Some(behind) = behind {
            let (is_last, behind) = match behind.strip_prefix(b"--") {
                Some(behind) => (true, behind),
                None => (false, behind),
            };
            if behind.iter().all(u8::is_ascii_whitespace) {
                if let Some(begun) = begun {
                    parts.push(trimmed(body.get(begun..at).unwrap_or_default()));
                }
                if is_last {
                    return Some((parts, true));
                }
                begun = Some(next);
                // One more than what is taken says enough.
                if parts.len() > MOST_PARTS {
                    return Some((parts, true));
                }
            }
        }
        at = next;
    }
    let begun = begun?;
    parts.push(body.get(begun..).unwrap_or_default());
    Some((parts, false))
}

/// The line's end before a boundary belongs to the boundary.
fn trimmed(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

impl Walk<'_> {
    fn part(&mut self, raw: &[u8], depth: usize, in_digest: bool) -> Result<(), Problem> {
        if depth > MOST_DEPTH {
            return Err(Problem::TooDeep);
        }
        self.parts = self.parts.saturating_add(1);
        if self.parts > MOST_PARTS {
            return Err(Problem::TooManyParts);
        }
        let (head, body) = split(raw);
        if head.len() > if depth == 0 { MOST_HEAD } else { MOST_PART_HEAD } {
            return Err(Problem::HeadTooLarge);
        }
        // A part may begin with its body.
        let mut own: Vec<u8> = Vec::new();
        for (name, value) in head::fields(head) {
            if name.starts_with("content-") {
                own.extend_from_slice(format!("{name}: {}\r\n", value.replace('\0', " ")).as_bytes());
            }
        }
        own.extend_from_slice(b"\r\n");
        let message = parsed(&own);
        let root = message.as_ref().and_then(|message| message.parts.first());
        let content = root.and_then(|root| root.content_type());
        let fallback = if in_digest { "message/rfc822" } else { "text/plain" };
        let declared = match content {
            Some(content) => match content.subtype() {
                Some(sub) => format!("{}/{sub}", content.ctype()).to_ascii_lowercase(),
                None => content.ctype().to_ascii_lowercase(),
            },
            None => fallback.to_owned(),
        };
        let declared: String = crate::line(&declared, 100);
        if is(content, "multipart", &["encrypted"]) {
            self.mail.sealing = Sealing::Encrypted;
            return self.keep("encrypted.eml", &declared, raw.to_vec());
        }
        if is(content, "multipart", &[]) {
            let boundary = content.and_then(|content| content.attribute("boundary")).unwrap_or_default();
            return self.inside(content, boundary, body, depth);
        }
        let encoding = root.and_then(|root| root.content_transfer_encoding()).unwrap_or_default().trim();
        let (bytes, is_broken) = if encoding.eq_ignore_ascii_case("base64") {
            decode::base64(body)
        } else if encoding.eq_ignore_ascii_case("quoted-printable") {
            decode::quoted_printable(body)
        } else {
            (body.to_vec(), false)
        };
        if is_broken {
            self.mail.note("A part of it is not encoded as it says; it was read as far as that goes.");
        }
        let given = root.and_then(|root| root.attachment_name()).unwrap_or_default();
        let disposition = root.and_then(|root| root.content_disposition());
        let is_attached = disposition.is_some_and(ContentType::is_attachment) || !given.is_empty();
        if is(content, "application", &["pkcs7-mime", "x-pkcs7-mime"]) {
            let kind = content.and_then(|content| content.attribute("smime-type")).unwrap_or_default();
            let is_signed = kind.eq_ignore_ascii_case("signed-data") || kind.eq_ignore_ascii_case("certs-only");
            self.mail.sealing = if is_signed { Sealing::Signed } else { Sealing::Encrypted };
            return self.keep(if given.is_empty() { "smime.p7m" } else { given }, &declared, bytes);
        }
        if self.is_report && declared == "message/delivery-status" {
            self.status = report::read(&String::from_utf8_lossy(&bytes)).or(self.status.take());
        }
        if self.is_report && ["message/rfc822", "text/rfc822-headers", "message/global"].contains(&declared.as_str()) {
            let (head, _) = split(&bytes);
            let fields = head::fields(head);
            self.about = head::first(&fields, "message-id").and_then(|value| head::ids(value).into_iter().next());
        }
        let is_text = declared == "text/plain" || declared == "text/html" || declared == "text";
        if is_text && !is_attached {
            let charset = content.and_then(|content| content.attribute("charset"));
            let (text, is_known) = decode::text(&bytes, charset);
            if !is_known {
                self.mail.note("A text of it is in letters that are not known here; it was taken for UTF-8.");
            }
            self.bodies.push(Body { is_html: declared == "text/html", text });
            return Ok(());
        }
        self.keep(given, &declared, bytes)
    }

    /// The parts of a part.
    fn inside(
        &mut self,
        content: Option<&ContentType<'_>>,
        boundary: &str,
        body: &[u8],
        depth: usize,
    ) -> Result<(), Problem> {
        let is_sane = !boundary.is_empty() && boundary.len() <= MOST_BOUNDARY;
        let found = if is_sane { between(body, boundary.trim_end().as_bytes()) } else { None };
        let Some((parts, is_closed)) = found else {
            self.mail.note("The boundary of its parts never comes; it was read as one text.");
            self.bodies.push(Body { is_html: false, text: String::from_utf8_lossy(body).into_owned() });
            return Ok(());
        };
        if !is_closed {
            self.mail.note("The last boundary of its parts is missing; it may have been cut off.");
        }
        if is(content, "multipart", &["signed"]) && self.mail.sealing == Sealing::None {
            self.mail.sealing = Sealing::Signed;
        }
        // A report that lies in a mail is told by whoever forwards it, not by a server.
        if depth == 0 && is(content, "multipart", &["report"]) {
            self.is_report = true;
        }
        let is_digest = is(content, "multipart", &["digest"]);
        let first = self.bodies.len();
        for part in parts {
            self.part(part, depth.saturating_add(1), is_digest)?;
        }
        if is(content, "multipart", &["alternative"]) {
            let said = |body: &&Body| !body.is_html && !body.text.trim().is_empty();
            if self.bodies.iter().skip(first).any(|body| said(&body)) {
                let mut at = 0_usize;
                self.bodies.retain(|body| {
                    at = at.saturating_add(1);
                    at <= first || !body.is_html
                });
            }
        }
        Ok(())
    }

    fn keep(&mut self, given: &str, declared: &str, bytes: Vec<u8>) -> Result<(), Problem> {
        if self.mail.pieces.len() >= MOST_PIECES {
            return Err(Problem::TooManyParts);
        }
        let place = self.mail.pieces.len().saturating_add(1);
        let name = safe_name(given, place, declared);
        self.mail.pieces.push(Piece { name, declared: declared.to_owned(), bytes });
        Ok(())
    }
}
