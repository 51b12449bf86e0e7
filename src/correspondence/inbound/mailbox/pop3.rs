//! POP3 (RFC 1939), as much as taking mails needs. What is registered is marked as deleted, and gone when the server has
//! taken the goodbye; before that it comes again, and is found registered.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::spool::Spool;
use super::wire::{Trouble, Wire};
use super::{Fetched, MOST_MAIL, Waiting};
use crate::platform::mail::{Encryption, Mailbox};

/// How long a command may take, but for sending a mail.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the sending of a mail may take.
const LONG: Duration = Duration::from_secs(600);
/// The most bytes of a line that is no mail's, and how many lines a list has.
const MOST_LINE: usize = 2048;
const MOST_LINES: usize = 100_000;

/// A signed-in connection.
pub(super) struct Pop3 {
    wire: Wire,
}

/// The end of a mail as it comes: where a line begins, a dot is taken away, and a dot alone is the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Begin,
    Dot,
    DotCr,
    Inside,
}

/// Takes what belongs to a mail. Gives how many bytes were looked at, and whether the mail is at its end.
fn unstuff(place: &mut Place, bytes: &[u8], into: &mut Vec<u8>) -> (usize, bool) {
    for (at, one) in bytes.iter().enumerate() {
        let after = at.saturating_add(1);
        match (*place, one) {
            (Place::Begin, b'.') => {
                *place = Place::Dot;
                continue;
            }
            (Place::Dot, b'\r') => {
                *place = Place::DotCr;
                continue;
            }
            (Place::Dot | Place::DotCr, b'\n') => return (after, true),
            (Place::DotCr, _) => into.push(b'\r'),
            _ => {}
        }
        into.push(*one);
        *place = if *one == b'\n' { Place::Begin } else { Place::Inside };
    }
    (bytes.len(), false)
}

impl Pop3 {
    /// Connects and signs in.
    pub(super) async fn open(mailbox: &Mailbox) -> Result<Self, Trouble> {
        let mut pop = Self { wire: Wire::connect(mailbox).await? };
        pop.wire.within(PATIENCE);
        pop.answer("talk").await?;
        if mailbox.encryption == Encryption::StartTls {
            pop.command("encrypt the connection", "STLS").await?;
            pop.wire = pop.wire.encrypt(mailbox).await?;
        }
        let user = format!("USER {}", mailbox.user);
        let pass = format!("PASS {}", mailbox.password.expose_secret());
        for line in [user, pass] {
            match pop.command("let the user in", &line).await {
                Err(Trouble::Refused(_)) => return Err(Trouble::Login),
                other => other.map(|_| ())?,
            }
        }
        Ok(pop)
    }

    async fn answer(&mut self, step: &'static str) -> Result<String, Trouble> {
        let line = self.wire.line(MOST_LINE).await?;
        match String::from_utf8_lossy(&line).as_ref() {
            said if said.starts_with("+OK") => Ok(said.to_owned()),
            said if said.starts_with("-ERR") => Err(Trouble::Refused(step)),
            _ => Err(Trouble::Broken("answers what is no POP3")),
        }
    }

    async fn command(&mut self, step: &'static str, text: &str) -> Result<String, Trouble> {
        self.wire.within(PATIENCE);
        self.wire.send(format!("{text}\r\n").as_bytes()).await?;
        self.answer(step).await
    }

    /// The mails that wait, in the server's order.
    pub(super) async fn waiting(&mut self) -> Result<Vec<Waiting>, Trouble> {
        self.command("list its mails", "UIDL").await?;
        let mut waiting = Vec::new();
        loop {
            let line = self.wire.line(MOST_LINE).await?;
            if line == b"." {
                return Ok(waiting);
            }
            let line = String::from_utf8_lossy(&line);
            let said = line.split_once(' ').and_then(|(number, uid)| Some((number.parse::<u32>().ok()?, uid.trim())));
            let (number, uid) = said.ok_or(Trouble::Broken("lists what are no mails"))?;
            if waiting.len() >= MOST_LINES {
                return Err(Trouble::Broken("sends a list without end"));
            }
            waiting.push(Waiting { number, key: uid.to_owned() });
        }
    }

    /// Reads a mail into its file, and leaves it where it is.
    pub(super) async fn fetch(&mut self, mail: &Waiting, spool: &mut Spool) -> Result<Fetched, Trouble> {
        let number = mail.number;
        let listed = self.command("tell of a mail", &format!("LIST {number}")).await?;
        let size = listed.split_whitespace().nth(2).and_then(|size| size.parse::<u64>().ok());
        if size.is_some_and(|size| size > MOST_MAIL) {
            return Ok(Fetched::TooLarge);
        }
        self.command("send a mail", &format!("RETR {number}")).await?;
        self.wire.within(LONG);
        let mut place = Place::Begin;
        loop {
            let mut piece = Vec::new();
            let (count, is_end) = unstuff(&mut place, self.wire.piece().await?, &mut piece);
            self.wire.took(count);
            spool.write(piece).await?;
            if is_end {
                return Ok(Fetched::Whole);
            }
            if spool.size() > MOST_MAIL {
                // What follows of it cannot be skipped within bounds.
                return Err(Trouble::Broken("sends a mail without end"));
            }
        }
    }

    /// A mail is registered: it is marked as deleted.
    pub(super) async fn done(&mut self, mail: &Waiting) -> Result<(), Trouble> {
        self.command("delete a mail", &format!("DELE {}", mail.number)).await.map(|_| ())
    }

    /// Says goodbye: what is marked goes now.
    pub(super) async fn close(mut self) -> Result<(), Trouble> {
        self.command("delete mails", "QUIT").await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_taken_away_wherever_the_bytes_are_cut() {
        for (sent, mail) in [
            ("a\r\n..b\r\n.\r\n", "a\r\n.b\r\n"),
            (".\r\n", ""),
            ("..\r\n.x\r\n.\r\n", ".\r\nx\r\n"),
            ("a.\r\n\r\n.\n", "a.\r\n\r\n"),
            ("a\n.\ry\r\n.\r\n", "a\n\ry\r\n"),
        ] {
            for cut in 0..=sent.len() {
                let (mut place, mut into) = (Place::Begin, Vec::new());
                let (first, second) = sent.as_bytes().split_at(cut);
                let (taken, ended) = unstuff(&mut place, first, &mut into);
                assert_eq!((taken, ended), (cut, cut == sent.len()), "{sent:?} {cut}");
                if !ended {
                    assert_eq!(unstuff(&mut place, &[second, b"+OK"].concat(), &mut into), (second.len(), true));
                }
                assert_eq!(String::from_utf8(into).unwrap(), mail, "{sent:?} {cut}");
            }
        }
    }
}
