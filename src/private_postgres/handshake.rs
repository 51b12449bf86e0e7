//! Asks a PostgreSQL whether it accepts connections, by opening one: the first messages of its protocol (version 3.0,
//! "Message Flow: Start-up" in PostgreSQL's manual) and nothing more.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{PORT, SUPERUSER};

/// How long one answer may take. A stopped process has a socket that connects but never speaks.
const PATIENCE: Duration = Duration::from_secs(1);

/// No honest answer before "ready" is longer.
const LONGEST_MESSAGE_BYTES: usize = 64 * 1024;

/// What the server says to a new connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody listens, or nothing sensible comes back.
    Silent,
    /// It is starting, recovering or shutting down.
    NotNow,
    /// Statements can be sent.
    Ready,
    /// Refused for another reason, given as SQLSTATE.
    Refused(String),
}

/// The socket's path in a folder.
pub fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// Opens a connection as superuser and closes it again.
pub fn ask(socket: &Path) -> Answer {
    converse(socket).unwrap_or(Answer::Silent)
}

fn converse(socket: &Path) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&startup_message())?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        // The length counts itself.
        let length = u32::from_be_bytes(length) as usize;
        let body_length = length.checked_sub(4).filter(|length| *length <= LONGEST_MESSAGE_BYTES);
        let mut body = vec![0; body_length.ok_or(io::ErrorKind::InvalidData)?];
        stream.read_exact(&mut body)?;
        match kind {
            // AuthenticationOk is followed by settings and keys; any other request for authentication is not ours.
            b'R' if body != [0; 4] => return Ok(Answer::Refused("28000".to_owned())),
            b'Z' => {
                // Terminate, so that the server does not log a lost connection. It has answered; losing this is fine.
                let _ = stream.write_all(&[b'X', 0, 0, 0, 4]);
                return Ok(Answer::Ready);
            }
            b'E' => return Ok(refusal(&body)),
            _ => {}
        }
    }
}

fn startup_message() -> Vec<u8> {
    let mut message = vec![0; 4];
    message.extend(196_608_u32.to_be_bytes()); // 3.0
    for text in ["user", SUPERUSER, "database", "postgres", ""] {
        message.extend(text.as_bytes());
        message.push(0);
    }
    let length = u32::try_from(message.len()).unwrap_or_default().to_be_bytes();
    message.splice(..4, length);
    message
}

/// Reads the SQLSTATE from the fields of an error: a letter, text, a zero byte each.
fn refusal(body: &[u8]) -> Answer {
    let code = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"C")).unwrap_or_default();
    match code {
        b"57P03" => Answer::NotNow,
        // Too many connections: alive, and busy with those who have one.
        b"53300" => Answer::Ready,
        _ => Answer::Refused(String::from_utf8_lossy(code).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        assert_eq!(refusal(b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"), Answer::NotNow);
        assert_eq!(refusal(b"SFATAL\0C53300\0Msorry, too many clients already\0\0"), Answer::Ready);
        assert_eq!(refusal(b"SFATAL\0C28000\0Mno\0\0"), Answer::Refused("28000".to_owned()));
        assert_eq!(refusal(b""), Answer::Refused(String::new()));
    }

    #[test]
    fn nobody_there_is_silence() {
        assert_eq!(ask(Path::new("/nonexistent/socket")), Answer::Silent);
    }
}
