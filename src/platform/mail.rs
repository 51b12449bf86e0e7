//! Mail: written from templates, sent through SMTP or, by default, laid into a folder as `.eml` files.
//!
//! Whoever has something to say by mail asks for a job in his business transaction; the job writes and sends. Taken up
//! again after its worker died, it sends the same mail under the same Message-ID, by which a repeat is known.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::error::{Error, UserErrorCode};
use super::jobs::Halt;

mod server;
pub mod template;

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
    /// How long a mail server may take for one mail.
    pub patience: Duration,
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
            patience: PATIENCE,
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

enum Transport {
    Folder(PathBuf),
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// What sends the mails of this process.
pub struct Mailer {
    settings: Settings,
    from: Mailbox,
    transport: Transport,
}

impl Mailer {
    /// Ready to send; nothing is connected or made before the first mail. The error is a sentence.
    pub fn new(settings: Settings) -> Result<Self, String> {
        super::tls::install();
        let from: Mailbox = settings.from.parse().map_err(|_| {
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
        let message = self
            .message(id, name, address, letter)
            .map_err(|error| Unsent::Refused(format!("The mail cannot be written: {error}.")))?;
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

    fn message(&self, id: Uuid, name: &str, address: &str, letter: Letter) -> Result<Message, String> {
        let address = address.parse().map_err(|_| "its address is none that mails can be sent to".to_owned())?;
        let name = Some(template::line(name)).filter(|name| !name.is_empty());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(letter.subject)
            .message_id(Some(format!("<{}@{}>", id.simple(), self.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))
            .map_err(|error| error.to_string())?;
        // RFC 3834: no answering machine answers.
        let written_by_a_machine =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        message.headers_mut().insert_raw(written_by_a_machine);
        Ok(message)
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
        let message = mailer.message(Uuid::nil(), name, "a@b.example", letter).unwrap();
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
            assert!(mailer.message(Uuid::nil(), "A", address, letter).is_err(), "{address}");
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
