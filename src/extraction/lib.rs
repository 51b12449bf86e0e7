//! Plain text from the bytes of documents: PDF, office documents, mails, HTML and text. Everything comes from strangers, so that
//! all of it is bounded: bytes, what they unpack to, parts, depth and the text itself. A library below may still loop or ask for
//! too much memory over a file made for that; whoever calls this does so in a process of its own, with an end.

mod html;
mod mail;
mod office;
mod pdf;
pub mod search;

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of a document.
    pub bytes: usize,
    /// The most bytes that all its parts unpack to.
    pub unpacked: usize,
    /// The most parts: of an archive, pages, bodies of a mail.
    pub parts: usize,
    /// How deep its parts may nest.
    pub depth: usize,
    /// The most bytes of text; more is cut off.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 128 << 20, unpacked: 64 << 20, parts: 5_000, depth: 64, text: 2 << 20 }
    }
}

/// What a document is, as far as its text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text as it is.
    Plain,
    /// HTML.
    Html,
    /// PDF.
    Pdf,
    /// An office document of Microsoft's formats: text or sheets.
    OfficeOpenXml,
    /// An office document of the open formats: text or sheets.
    OpenDocument,
    /// A mail with all its headers.
    Mail,
    /// A picture: text comes of it only by recognition.
    Picture,
    /// None of these.
    Other,
}

/// Why no text came of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is larger than what is taken, or unpacks to more, or has too many parts.
    TooLarge,
    /// Its parts nest too deep.
    TooDeep,
    /// It is locked by a password.
    Locked,
    /// It is not what it says that it is.
    Broken(String),
    /// Nothing is known that makes text of it.
    Unknown,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => out.write_str("The document is larger than what is read, or unpacks to more."),
            Self::TooDeep => out.write_str("The parts of the document nest too deep."),
            Self::Locked => out.write_str("The document is locked by a password."),
            Self::Broken(what) => write!(out, "The document cannot be read: {what}."),
            Self::Unknown => out.write_str("No text is read from documents of this kind."),
        }
    }
}

/// The text of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text: lines without trailing spaces, no control characters.
    pub text: String,
    /// Whether it was longer than what is kept.
    pub cut: bool,
}

/// What a document is, by its media type as found in its bytes and, where that leaves it open, by its beginning and its name.
#[must_use]
pub fn kind(name: &str, media_type: &str, head: &[u8]) -> Kind {
    let ends = |ending: &str| name.to_ascii_lowercase().ends_with(ending);
    match media_type {
        "application/pdf" => Kind::Pdf,
        "text/html" | "application/xhtml+xml" => Kind::Html,
        "message/rfc822" => Kind::Mail,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Kind::OfficeOpenXml,
        "application/vnd.oasis.opendocument.text" | "application/vnd.oasis.opendocument.spreadsheet" => {
            Kind::OpenDocument
        }
        // its parts may stand behind the bytes that were looked at
        "application/zip" if ends(".docx") || ends(".xlsx") => Kind::OfficeOpenXml,
        "application/zip" if ends(".odt") || ends(".ods") => Kind::OpenDocument,
        // a mail whose body is not in UTF-8 is no text
        "text/plain" | "application/octet-stream" if ends(".eml") || mail::begins(head) => Kind::Mail,
        "text/plain" | "application/json" | "application/xml" => Kind::Plain,
        "image/png" | "image/jpeg" | "image/tiff" | "image/gif" | "image/webp" => Kind::Picture,
        _ => Kind::Other,
    }
}

/// The text of a document of that kind.
pub fn read(kind: Kind, bytes: &[u8], limits: &Limits) -> Result<Text, Problem> {
    if bytes.len() > limits.bytes {
        return Err(Problem::TooLarge);
    }
    let mut text = Collected::new(limits.text);
    match kind {
        Kind::Plain => text.push(&String::from_utf8_lossy(bytes)),
        Kind::Html => html::read(&String::from_utf8_lossy(bytes), &mut text),
        Kind::Pdf => pdf::read(bytes, limits, &mut text)?,
        Kind::OfficeOpenXml => office::open_xml(bytes, limits, &mut text)?,
        Kind::OpenDocument => office::open_document(bytes, limits, &mut text)?,
        Kind::Mail => mail::read(bytes, limits, &mut text)?,
        Kind::Picture | Kind::Other => return Err(Problem::Unknown),
    }
    Ok(text.done())
}

/// The text of a document that another program has read.
#[must_use]
pub fn tidied(text: &str, limits: &Limits) -> Text {
    let mut collected = Collected::new(limits.text);
    collected.push(text);
    collected.done()
}

/// Text as it is collected: bounded, and without what no text holds.
struct Collected {
    text: String,
    most: usize,
    cut: bool,
}

impl Collected {
    fn new(most: usize) -> Self {
        Self { text: String::new(), most, cut: false }
    }

    fn is_full(&self) -> bool {
        self.cut
    }

    fn push(&mut self, more: &str) {
        for one in more.chars() {
            if self.text.len().saturating_add(one.len_utf8()) > self.most {
                self.cut = true;
                return;
            }
            match one {
                '\n' => self.line(),
                '\u{feff}' | '\u{ad}' => {}
                one if one.is_whitespace() || one.is_control() => self.space(),
                one => self.text.push(one),
            }
        }
    }

    /// A space, unless there is one.
    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    /// A line's end, unless there are two.
    fn line(&mut self) {
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn done(mut self) -> Text {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        Text { text: self.text, cut: self.cut }
    }
}

#[cfg(test)]
mod tests;
