//! Mail: written from templates, sent through SMTP or, by default, laid into a folder as `.eml` files.
//!
//! Whoever has something to say by mail asks for a job in his business transaction; the job writes and sends. Taken up
//! again after its worker died, it sends the same mail under the same Message-ID, by which a repeat is known.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox as Correspondent, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::error::{Error, UserErrorCode};
use super::jobs::Halt;

mod mailbox;
mod server;
pub mod template;

pub use mailbox::{Mailbox, Protocol};
pub use server::{Encryption, Server};
pub use template::Letter;

/// How long a mail server may take for one mail.
const PATIENCE: Duration = Duration::from_secs(60);
/// Characters of a mail server's answer that are kept.
const ANSWER: usize = 300;

/// Where mails go.
#[derive(Clone, Debug)]
pub enum Way {
    /// Into a folder, as `.eml` files.
    Folder(PathBuf),
    /// To a mail server.
    Smtp(Server),
}

/// How mails are written and sent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they go.
    pub way: Way,
    /// Who they come from, e.g. `Backoffice <office@firm.example>`.
    pub from: String,
    /// The provider's name, as it stands in mails.
    pub provider: String,
    /// Where an invitation is accepted; `{token}` stands for its token.
    pub invitation_link: Option<String>,
    /// Where a new password is chosen; `{token}` stands for its token.
    pub reset_link: Option<String>,
    /// Where people reach this server, for links that it answers itself; none if nobody has said so.
    pub public_url: Option<String>,
    /// Where somebody without an account signs; `{token}` stands for the token of his link.
    pub signature_link: Option<String>,
    /// How long a mail server may take for one mail.
    pub patience: Duration,
    /// Where mails come in; none if none do.
    pub inbound: Option<Inbound>,
}

/// Where mails come in.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The maildir into which a mail server lays them; none if there is none.
    pub maildir: Option<PathBuf>,
    /// The mailbox at a mail server from which they are taken; none if there is none.
    pub mailbox: Option<Mailbox>,
    /// The domain of the clients' addresses.
    pub domain: String,
}

impl Settings {
    /// Mails into that folder, everything else as usual.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self {
            way: Way::Folder(folder),
            from: "Backoffice <backoffice@localhost>".to_owned(),
            provider: "Backoffice".to_owned(),
            invitation_link: None,
            reset_link: None,
            public_url: None,
            signature_link: None,
            patience: PATIENCE,
            inbound: None,
        }
    }
}

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// It never will be: it cannot be written, or the mail server has refused it for good.
    Refused(String),
    /// It may be another time.
    Later(String),
}

impl From<Unsent> for Halt {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Refused(reason) => Self::Failed(Error::refuse(UserErrorCode::Invalid, "", reason)),
            Unsent::Later(reason) => Self::Later(reason),
        }
    }
}

/// A mail that somebody has written, with its files.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its id: its Message-ID is made of it, and its name in a folder.
    pub id: Uuid,
    /// In whose name it is sent, from this server's address.
    pub from_name: String,
    /// To whom.
    pub name: String,
    /// To which address.
    pub address: String,
    /// To which address answers go, if not to this server's.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The Message-ID of what it answers.
    pub in_reply_to: Option<String>,
    /// The Message-IDs of its thread, oldest first.
    pub references: Vec<String>,
    /// What goes with it.
    pub pieces: Vec<Piece>,
}

/// A file of a mail.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its name.
    pub name: String,
    /// What it is.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

enum Transport {
    Folder(PathBuf),
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// What sends the mails of this process.
pub struct Mailer {
    settings: Settings,
    from: Correspondent,
    transport: Transport,
}

impl Mailer {
    /// Ready to send; nothing is connected or made before the first mail. The error is a sentence.
    pub fn new(settings: Settings) -> Result<Self, String> {
        super::tls::install();
        let from: Correspondent = settings.from.parse().map_err(|_| {
            "The sender of mails (--mail-from) has to look like 'Backoffice <office@firm.example>'.".to_owned()
        })?;
        let transport = match &settings.way {
            Way::Folder(folder) => Transport::Folder(folder.clone()),
            Way::Smtp(server) => Transport::Smtp(Box::new(
                transport(server, from.email.domain(), settings.patience)
                    .map_err(|error| format!("The mail server cannot be used: {error}"))?,
            )),
        };
        Ok(Self { settings, from, transport })
    }

    /// How mails are written.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends a letter. Its id is its Message-ID, and its name in a folder.
    pub async fn send(&self, id: Uuid, name: &str, address: &str, letter: Letter) -> Result<(), Unsent> {
        self.send_with(id, name, address, letter, None).await
    }

    /// The same to somebody who may want no more of them, with the address at which he says so in one click (RFC 8058).
    pub async fn send_to_reader(
        &self,
        id: Uuid,
        name: &str,
        address: &str,
        letter: Letter,
        unsubscribe: Option<&str>,
    ) -> Result<(), Unsent> {
        let mut message = self
            .message(id, name, address, letter, None)
            .map_err(|error| Unsent::Refused(format!("The mail cannot be written: {error}.")))?;
        if let Some(link) = unsubscribe.filter(|link| link.bytes().all(|one| one.is_ascii_graphic())) {
            for (header, value) in [
                (HeaderName::new_from_ascii_str("List-Unsubscribe"), format!("<{link}>")),
                (HeaderName::new_from_ascii_str("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click".to_owned()),
            ] {
                // As it is: an address that was folded or encoded is followed by nobody.
                message.headers_mut().insert_raw(HeaderValue::dangerous_new_pre_encoded(header, value.clone(), value));
            }
        }
        self.deliver(id, message).await
    }

    /// Who the mails come from: name, which may be empty, and address.
    #[must_use]
    pub fn sender(&self) -> (String, String) {
        (self.from.name.clone().unwrap_or_default(), self.from.email.to_string())
    }

    /// The same with a file for the recipient's calendar: what it is for (RFC 5546) and its text.
    pub async fn send_with(
        &self,
        id: Uuid,
        name: &str,
        address: &str,
        letter: Letter,
        calendar: Option<(&str, &str)>,
    ) -> Result<(), Unsent> {
        let message = self
            .message(id, name, address, letter, calendar)
            .map_err(|error| Unsent::Refused(format!("The mail cannot be written: {error}.")))?;
        self.deliver(id, message).await
    }

    /// Sends a mail that somebody has written.
    pub async fn post(&self, post: Post) -> Result<(), Unsent> {
        let id = post.id;
        let message =
            self.posted(post).map_err(|error| Unsent::Refused(format!("The mail cannot be written: {error}.")))?;
        self.deliver(id, message).await
    }

    /// The Message-ID of the mail of that id.
    #[must_use]
    pub fn message_id(&self, id: Uuid) -> String {
        format!("<{}@{}>", id.simple(), self.from.email.domain())
    }

    async fn deliver(&self, id: Uuid, message: Message) -> Result<(), Unsent> {
        match &self.transport {
            Transport::Folder(folder) => {
                let (folder, bytes) = (folder.clone(), message.formatted());
                let laid = tokio::task::spawn_blocking(move || lay(&folder, id, &bytes)).await;
                laid.map_err(std::io::Error::other)
                    .flatten()
                    .map_err(|error| Unsent::Later(format!("The mail could not be laid into its folder: {error}.")))
            }
            Transport::Smtp(server) => match tokio::time::timeout(self.settings.patience, server.send(message)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(judged(&error)),
                Err(_) => Err(Unsent::Later("The mail server did not answer in time.".to_owned())),
            },
        }
    }

    fn message(
        &self,
        id: Uuid,
        name: &str,
        address: &str,
        letter: Letter,
        calendar: Option<(&str, &str)>,
    ) -> Result<Message, String> {
        let address = address.parse().map_err(|_| "its address is none that mails can be sent to".to_owned())?;
        let name = Some(template::line(name)).filter(|name| !name.is_empty());
        let mut parts = MultiPart::alternative_plain_html(letter.text, letter.html);
        if let Some((method, text)) = calendar {
            let kind = format!("text/calendar; charset=utf-8; method={method}");
            let kind = ContentType::parse(&kind).map_err(|error| error.to_string())?;
            // The last of the alternatives is the best one.
            parts = parts.singlepart(SinglePart::builder().header(kind).body(text.to_owned()));
        }
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Correspondent::new(name, address))
            .subject(letter.subject)
            .message_id(Some(self.message_id(id)))
            .multipart(parts)
            .map_err(|error| error.to_string())?;
        // RFC 3834: no answering machine answers.
        let written_by_a_machine =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        message.headers_mut().insert_raw(written_by_a_machine);
        Ok(message)
    }
}

impl Mailer {
    fn posted(&self, post: Post) -> Result<Message, String> {
        let address =
            post.address.trim().parse().map_err(|_| "its address is none that mails can be sent to".to_owned())?;
        let named = |name: &str| Some(template::line(name)).filter(|name| !name.is_empty());
        let mut builder = Message::builder()
            .from(Correspondent::new(named(&post.from_name), self.from.email.clone()))
            .to(Correspondent::new(named(&post.name), address))
            .subject(template::line(&post.subject))
            .message_id(Some(self.message_id(post.id)));
        if let Some(reply_to) = post.reply_to.as_deref().and_then(|address| address.parse().ok()) {
            builder = builder.reply_to(Correspondent::new(named(&post.from_name), reply_to));
        }
        // Others' ids are as others wrote them: one line, or none.
        let sane = |id: &String| {
            id.len() <= 255 && id.starts_with('<') && id.ends_with('>') && id.bytes().all(|one| one.is_ascii_graphic())
        };
        if let Some(answered) = post.in_reply_to.filter(sane) {
            builder = builder.in_reply_to(answered);
        }
        let references: Vec<String> = post.references.into_iter().filter(sane).collect();
        if !references.is_empty() {
            builder = builder.references(references.join(" "));
        }
        let text = SinglePart::plain(post.text);
        let message = if post.pieces.is_empty() {
            builder.singlepart(text)
        } else {
            let unknown = || ContentType::parse("application/octet-stream").map_err(|error| error.to_string());
            let mut parts = MultiPart::mixed().singlepart(text);
            for piece in post.pieces {
                let kind = ContentType::parse(&piece.media_type).or_else(|_| unknown())?;
                parts = parts.singlepart(Attachment::new(template::line(&piece.name)).body(piece.bytes, kind));
            }
            builder.multipart(parts)
        };
        message.map_err(|error| error.to_string())
    }
}

fn transport(
    server: &Server,
    own_name: &str,
    patience: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
    let builder = match server.encryption {
        Encryption::Whole => AsyncSmtpTransport::<Tokio1Executor>::relay(&server.host)?,
        Encryption::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&server.host)?,
        Encryption::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host),
    };
    let builder = builder.port(server.port).hello_name(ClientId::Domain(own_name.to_owned())).timeout(Some(patience));
    Ok(match &server.login {
        Some((user, password)) => {
            builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned())).build()
        }
        None => builder.build(),
    })
}

/// Whether what a mail server said is its last word. That the server's own password is wrong is no fault of a mail.
fn judged(error: &lettre::transport::smtp::Error) -> Unsent {
    let answer: String = template::line(&error.to_string()).chars().take(ANSWER).collect();
    let about_the_login =
        error.status().is_some_and(|code| ["530", "534", "535", "538"].contains(&code.to_string().as_str()));
    // The answer may hold an address, so the log gets its number alone.
    let code = error.status().map(|code| code.to_string());
    tracing::warn!(code, "the mail server did not take a mail");
    if error.is_permanent() && !about_the_login {
        Unsent::Refused(format!("The mail server refused the mail: {answer}"))
    } else {
        Unsent::Later(format!("The mail server did not take the mail: {answer}"))
    }
}

/// Writes a mail beside its name and moves it there, so that nobody reads half of one.
fn lay(folder: &Path, id: Uuid, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = folder.join(format!(".{}", id.simple()));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    std::fs::rename(&beside, folder.join(format!("{}.eml", id.simple())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(name: &str, subject: &str) -> String {
        let mailer = Mailer::new(Settings::in_folder("/nowhere".into())).unwrap();
        let letter = Letter { subject: template::line(subject), text: "text".to_owned(), html: "html".to_owned() };
        let message = mailer.message(Uuid::nil(), name, "a@b.example", letter, None).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn a_mail_says_what_it_is() {
        let mail = written("Zoë \"Z\" Ünal", "Grüße");
        for line in [
            "Message-ID: <00000000000000000000000000000000@localhost>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(mail.lines().any(|found| found == line), "{line}\n{mail}");
        }
        assert!(mail.contains("\r\nDate: ") && mail.is_ascii(), "{mail}");
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        let mailer = Mailer::new(Settings::in_folder("/nowhere".into())).unwrap();
        for address in ["", "a", "a@b.example\r\nBcc: x@evil.example", "a b@c.example", "<a@b.example>, <c@d.example>"]
        {
            let letter = Letter { subject: String::new(), text: String::new(), html: String::new() };
            assert!(mailer.message(Uuid::nil(), "A", address, letter, None).is_err(), "{address}");
        }
        assert!(Mailer::new(Settings { from: "nobody".to_owned(), ..mailer.settings }).is_err());
    }

    proptest! {
        #[test]
        fn no_name_adds_a_header(name in "[a-zä\r\n\t\0:<>@\", ]{0,60}") {
            let mail = written(&name, &name);
            let head = mail.split("\r\n\r\n").next().unwrap();
            let names: Vec<&str> =
                head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).map(|line| line.split(':').next().unwrap()).collect();
            prop_assert_eq!(names.len(), 8, "{}", head);
            prop_assert_eq!(head.matches('\n').count(), head.matches("\r\n").count());
        }
    }
}
