//! Which mailbox at a mail server is read, how it is reached, and who signs in to it: read from a URL.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use super::server::{Encryption, decoded, is_this_machine};

/// Where mails go that are registered, if nobody says otherwise.
const DONE: &str = "Done";
/// How often it is looked at, if nobody says otherwise.
const EVERY: u64 = 60;

/// How a mailbox is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// IMAP4rev1 (RFC 3501).
    Imap {
        /// The folder in which mails arrive.
        folder: String,
        /// The folder into which they are moved once they are registered; none: they are flagged as seen and stay.
        done: Option<String>,
    },
    /// POP3 (RFC 1939): what is registered is deleted at the server.
    Pop3,
}

/// A mailbox at a mail server.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// How it is read.
    pub protocol: Protocol,
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is encrypted.
    pub encryption: Encryption,
    /// Who signs in.
    pub user: String,
    /// His password.
    pub password: SecretString,
    /// How often it is looked at.
    pub every: Duration,
    /// The folder on this machine through which mails go, and in which those stay that are nobody's.
    pub aside: PathBuf,
}

impl Mailbox {
    /// Reads `imaps://user:password@host/INBOX?done=Done`, `pop3s://user:password@host`, or with `imap` and `pop3`, which
    /// change to TLS before anybody signs in. The error is a sentence without secrets.
    pub fn parse(text: &str, aside: PathBuf) -> Result<Self, String> {
        let form = || {
            "--inbound-mailbox has to look like imaps://user:password@host/INBOX?done=Done or pop3s://user:password@host."
                .to_owned()
        };
        let url = Url::parse(text).map_err(|_| form())?;
        let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()).filter(|host| !host.is_empty());
        let host = host.ok_or_else(form)?;
        let (is_imap, mut encryption, port) = match url.scheme() {
            "imaps" => (true, Encryption::Whole, 993),
            "imap" => (true, Encryption::StartTls, 143),
            "pop3s" => (false, Encryption::Whole, 995),
            "pop3" => (false, Encryption::StartTls, 110),
            _ => return Err(form()),
        };
        let (mut done, mut every) = (Some(DONE.to_owned()), EVERY);
        for (name, value) in url.query_pairs() {
            match (name.as_ref(), value.as_ref()) {
                ("done", folder) if is_imap => done = Some(folder.to_owned()).filter(|folder| !folder.is_empty()),
                ("every", seconds) => {
                    every = seconds
                        .parse()
                        .ok()
                        .filter(|seconds| (1..=3600).contains(seconds))
                        .ok_or_else(|| "--inbound-mailbox: every is a number of seconds, 1 to 3600.".to_owned())?;
                }
                ("tls", "required") => {}
                ("tls", "none") if encryption == Encryption::StartTls && is_this_machine(&host) => {
                    encryption = Encryption::None;
                }
                ("tls", "none") => {
                    return Err(
                        "--inbound-mailbox: a password leaves this machine encrypted; ?tls=none is for localhost."
                            .to_owned(),
                    );
                }
                _ => return Err(form()),
            }
        }
        let folder = decoded(url.path().trim_start_matches('/')).ok_or_else(form)?;
        if url.fragment().is_some() || (!is_imap && !folder.is_empty()) {
            return Err(form());
        }
        let folder = if folder.is_empty() { "INBOX".to_owned() } else { folder };
        for name in [Some(&folder), done.as_ref()].into_iter().flatten() {
            if name.len() > 200 || !name.bytes().all(|one| one == b' ' || one.is_ascii_graphic()) {
                return Err(
                    "--inbound-mailbox: folders are named in ASCII, others as RFC 3501 encodes them (&AOQ- for ä)."
                        .to_owned(),
                );
            }
        }
        if done.as_deref() == Some(folder.as_str()) {
            return Err("--inbound-mailbox: mails cannot be moved into the folder that they come from.".to_owned());
        }
        let (user, password) = match (url.username(), url.password()) {
            (user, Some(password)) if !user.is_empty() => {
                (decoded(user).ok_or_else(form)?, decoded(password).ok_or_else(form)?)
            }
            _ => return Err("--inbound-mailbox: a mailbox has a user and a password.".to_owned()),
        };
        if user.chars().chain(password.chars()).any(char::is_control) {
            return Err("--inbound-mailbox: neither user nor password has control characters.".to_owned());
        }
        Ok(Self {
            protocol: if is_imap { Protocol::Imap { folder, done } } else { Protocol::Pop3 },
            host,
            port: url.port().unwrap_or(port),
            encryption,
            user,
            password: password.into(),
            every: Duration::from_secs(every),
            aside,
        })
    }

    /// The URL without its password.
    #[must_use]
    pub fn shown(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let tls = if self.encryption == Encryption::None { "&tls=none" } else { "" };
        let whole = self.encryption == Encryption::Whole;
        let every = self.every.as_secs();
        let (scheme, place, done) = match &self.protocol {
            Protocol::Imap { folder, done } => (
                if whole { "imaps" } else { "imap" },
                format!("/{folder}"),
                format!("&done={}", done.as_deref().unwrap_or_default()),
            ),
            Protocol::Pop3 => (if whole { "pop3s" } else { "pop3" }, String::new(), String::new()),
        };
        format!("{scheme}://{}:***@{host}:{}{place}?every={every}{done}{tls}", self.user, self.port)
    }

    /// What all processes that read it know it by; it says nothing of the password.
    #[must_use]
    pub fn key(&self) -> String {
        let folder = match &self.protocol {
            Protocol::Imap { folder, .. } => folder.as_str(),
            Protocol::Pop3 => "",
        };
        let named = format!("{}\0{}\0{}\0{folder}", self.host.to_ascii_lowercase(), self.port, self.user);
        Sha256::digest(named.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What SASL PLAIN says (RFC 4616), in base64.
    #[must_use]
    pub fn plain(&self) -> String {
        use base64::Engine as _;
        let said = format!("\0{}\0{}", self.user, self.password.expose_secret());
        base64::engine::general_purpose::STANDARD.encode(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Mailbox, String> {
        Mailbox::parse(text, "/aside".into())
    }

    #[test]
    fn a_mailbox_is_reached_encrypted_unless_it_is_on_this_machine() {
        let imap = |folder: &str, done: Option<&str>| Protocol::Imap {
            folder: folder.to_owned(),
            done: done.map(str::to_owned),
        };
        for (text, protocol, port, encryption) in [
            ("imaps://in%40firm.example:p@mail.example", imap("INBOX", Some("Done")), 993, Encryption::Whole),
            ("imap://u:p@mail.example/Back%20office?done=", imap("Back office", None), 143, Encryption::StartTls),
            (
                "imaps://u:p@mail.example:1993/?done=Archive/2026&every=5",
                imap("INBOX", Some("Archive/2026")),
                1993,
                Encryption::Whole,
            ),
            ("pop3s://u:p@mail.example", Protocol::Pop3, 995, Encryption::Whole),
            ("pop3://u:p@mail.example?tls=required", Protocol::Pop3, 110, Encryption::StartTls),
            ("pop3://u:p@127.0.0.1:1110?tls=none", Protocol::Pop3, 1110, Encryption::None),
        ] {
            let mailbox = read(text).unwrap();
            assert_eq!((mailbox.protocol, mailbox.port, mailbox.encryption), (protocol, port, encryption), "{text}");
        }
        for wrong in [
            "imap://u:topsecret@mail.example?tls=none",
            "imaps://u:topsecret@localhost?tls=none",
            "imaps://mail.example",
            "imaps://u@mail.example",
            "imaps://u:topsecret%0d%0a@mail.example",
            "imaps://u:topsecret@mail.example/INBOX?done=INBOX",
            "imaps://u:topsecret@mail.example/B%C3%BCro",
            "imaps://u:topsecret@mail.example?every=0",
            "imaps://u:topsecret@mail.example?never=1",
            "pop3s://u:topsecret@mail.example/INBOX",
            "pop3s://u:topsecret@mail.example?done=Done",
            "smtp://u:topsecret@mail.example",
            "nothing",
        ] {
            let sentence = read(wrong).unwrap_err();
            assert!(
                sentence.starts_with("--inbound-mailbox") && !sentence.contains("topsecret"),
                "{wrong}: {sentence}"
            );
        }
    }

    #[test]
    fn the_password_is_not_shown_and_makes_no_other_mailbox() {
        let one = read("imaps://in%40firm.example:top%3Asecret@Mail.example/INBOX").unwrap();
        assert_eq!(one.password.expose_secret(), "top:secret");
        assert_eq!(one.shown(), "imaps://in@firm.example:***@Mail.example:993/INBOX?every=60&done=Done");
        assert!(!format!("{one:?}").contains("secret\""), "{one:?}");
        let same = read("imaps://in%40firm.example:other@mail.example/INBOX").unwrap();
        assert_eq!(one.key(), same.key());
        assert_ne!(one.key(), read("imaps://in%40firm.example:other@mail.example/Other").unwrap().key());
    }
}
