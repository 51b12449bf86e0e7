//! Which mail server, how it is reached, and who signs in to it: read from a URL.

use std::net::IpAddr;

use secrecy::SecretString;
use url::Url;

/// How the way to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte (`smtps://`).
    Whole,
    /// By STARTTLS before anything is said; a server that does not offer it gets no mail (`smtp://`).
    StartTls,
    /// Not at all: on this machine only, where it was asked for (`smtp://localhost?tls=none`).
    None,
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is encrypted.
    pub encryption: Encryption,
    /// Who signs in, and his password.
    pub login: Option<(String, SecretString)>,
}

impl Server {
    /// Reads `smtp://user:password@host:587` or `smtps://user:password@host`. The error is a sentence without secrets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form =
            || "--mail-url has to look like smtp://user:password@host:587 or smtps://user:password@host.".to_owned();
        let url = Url::parse(text).map_err(|_| form())?;
        let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()).filter(|host| !host.is_empty());
        let host = host.ok_or_else(form)?;
        let (encryption, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Encryption::Whole, 465),
            ("smtp", None | Some("tls=required")) => (Encryption::StartTls, 587),
            ("smtp", Some("tls=none")) if is_this_machine(&host) => (Encryption::None, 25),
            ("smtp", Some("tls=none")) => {
                return Err("--mail-url: mails leave this machine encrypted; ?tls=none is for localhost.".to_owned());
            }
            _ => return Err(form()),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(form());
        }
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => {
                Some((decoded(user).ok_or_else(form)?, decoded(password).ok_or_else(form)?.into()))
            }
            _ => return Err("--mail-url: a user needs a password, and a password a user.".to_owned()),
        };
        if login.is_some() && encryption == Encryption::None {
            return Err("--mail-url: a password is sent encrypted only; leave ?tls=none out.".to_owned());
        }
        Ok(Self { host, port: url.port().unwrap_or(port), encryption, login })
    }

    /// The URL without its password.
    #[must_use]
    pub fn shown(&self) -> String {
        let scheme = if self.encryption == Encryption::Whole { "smtps" } else { "smtp" };
        let user = self.login.as_ref().map_or_else(String::new, |(user, _)| format!("{user}:***@"));
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let query = if self.encryption == Encryption::None { "?tls=none" } else { "" };
        format!("{scheme}://{user}{host}:{}{query}", self.port)
    }
}

pub(super) fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Text with `%40` for `@` and the like.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let (byte, after) = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                (digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)?, after)
            }
            (b'%', _) => return None,
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_way_is_encrypted_unless_it_stays_on_this_machine() {
        let way = |text: &str| Server::parse(text).map(|server| (server.host, server.port, server.encryption));
        assert_eq!(way("smtp://mail.example").unwrap(), ("mail.example".to_owned(), 587, Encryption::StartTls));
        assert_eq!(way("smtp://mail.example:25/").unwrap(), ("mail.example".to_owned(), 25, Encryption::StartTls));
        assert_eq!(way("smtps://u:p@mail.example").unwrap(), ("mail.example".to_owned(), 465, Encryption::Whole));
        assert_eq!(way("smtp://localhost:2525?tls=none").unwrap(), ("localhost".to_owned(), 2525, Encryption::None));
        assert_eq!(way("smtp://[::1]:2525?tls=none").unwrap(), ("::1".to_owned(), 2525, Encryption::None));
        assert_eq!(way("smtp://127.0.0.1?tls=none").unwrap(), ("127.0.0.1".to_owned(), 25, Encryption::None));
        for wrong in [
            "smtp://mail.example?tls=none",
            "smtp://user:topsecret@localhost?tls=none",
            "smtps://mail.example?tls=none",
            "smtp://user@mail.example",
            "smtp://:topsecret@mail.example",
            "smtp://user:%zz@mail.example",
            "smtp://mail.example/path",
            "smtp:///",
            "http://mail.example",
            "mail.example",
        ] {
            let sentence = way(wrong).unwrap_err();
            assert!(sentence.starts_with("--mail-url") && !sentence.contains("topsecret"), "{wrong}: {sentence}");
        }
    }

    #[test]
    fn a_password_is_read_and_not_shown() {
        let server = Server::parse("smtp://office%40firm.example:top%3Asecret%25@mail.example:587").unwrap();
        let (user, password) = server.login.as_ref().unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("office@firm.example", "top:secret%"));
        assert_eq!(server.shown(), "smtp://office@firm.example:***@mail.example:587");
        assert!(!format!("{server:?}").contains("secret%"));
    }
}
