//! IMAP4rev1 (RFC 3501), as much as taking mails needs. Mails are read piece by piece without being flagged, and moved or
//! flagged when somebody says that they are registered.

use std::time::Duration;

use imap_proto::{AttributeValue, Capability, MailboxDatum, Response, ResponseCode, Status};

use super::spool::Spool;
use super::wire::{Trouble, Wire};
use super::{Fetched, MOST_MAIL, Waiting};
use crate::platform::mail::{Encryption, Mailbox, Protocol};
use secrecy::ExposeSecret;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes of a line, and of all lines that answer a command.
const MOST_LINE: usize = 1 << 20;
const MOST_ANSWER: usize = 8 << 20;
/// How deep lists lie in lists. What is asked for here lies two deep; the parser recurses, and its stack is ours.
const MOST_DEPTH: i32 = 8;
/// How much of a mail is asked for at once.
const CHUNK: u32 = 1 << 20;
/// What a server may send around that.
const AROUND: usize = 4096;
/// How many mails are searched at once: an answer fits into a line.
const WINDOW: u32 = 50_000;

/// A signed-in connection with its folder open.
pub(super) struct Imap {
    wire: Wire,
    tags: u32,
    validity: Option<u32>,
    exists: u32,
    can_move: bool,
    can_expunge_one: bool,
    done: Option<String>,
}

/// Text as a quoted string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How many bytes follow a line that ends in a literal.
fn literal(line: &[u8]) -> Option<usize> {
    let inside = line.strip_suffix(b"}")?;
    let open = inside.iter().rposition(|one| *one == b'{')?;
    let digits = inside.get(open.saturating_add(1)..)?;
    if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether a response ends in words for people, in which braces mean nothing.
fn is_said(line: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"* OK", b"* NO", b"* BAD", b"* BYE", b"* PREAUTH"];
    let begins = |word: &[u8]| line.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    !line.starts_with(b"*") || words.into_iter().any(begins)
}

/// How deep the lists of a line lie, going on from those that are open.
fn deepest(line: &[u8], open: &mut i32) -> i32 {
    let (mut deepest, mut is_quoted, mut is_escaped) = (*open, false, false);
    for one in line {
        match one {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'(' if !is_quoted => *open = open.saturating_add(1),
            b')' if !is_quoted => *open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(*open);
    }
    deepest
}

/// A response; none if it is nothing that this reader knows.
fn parsed(raw: &[u8]) -> Option<Response<'_>> {
    // The library promises not to panic; it is held to it where it would cost a whole server's loop.
    std::panic::catch_unwind(|| Response::parse(raw).ok().map(|(_, response)| response)).ok().flatten()
}

impl Imap {
    /// Connects, signs in and opens the folder.
    pub(super) async fn open(mailbox: &Mailbox) -> Result<Self, Trouble> {
        let Protocol::Imap { folder, done } = &mailbox.protocol else {
            return Err(Trouble::Broken("is none that speaks IMAP"));
        };
        let mut imap = Self {
            wire: Wire::connect(mailbox).await?,
            tags: 0,
            validity: None,
            exists: 0,
            can_move: false,
            can_expunge_one: false,
            done: done.clone(),
        };
        imap.wire.within(PATIENCE);
        let greeting = imap.response(0).await?;
        match parsed(&greeting) {
            Some(Response::Data { status: Status::Ok, .. }) => {}
            // Whoever lets in everybody unencrypted is somebody in between.
            Some(Response::Data { status: Status::PreAuth, .. }) => {
                return Err(Trouble::Broken("greets as if somebody had signed in"));
            }
            Some(Response::Data { status: Status::Bye, .. }) => return Err(Trouble::Refused("talk")),
            _ => return Err(Trouble::Broken("greets as no IMAP server does")),
        }
        if mailbox.encryption == Encryption::StartTls {
            imap.command("encrypt the connection", "STARTTLS", 0, |_| {}).await?;
            imap.wire = imap.wire.encrypt(mailbox).await?;
        }
        imap.sign_in(mailbox).await?;
        let known = imap.capabilities().await?;
        imap.can_move = known.iter().any(|one| one == "MOVE");
        imap.can_expunge_one = known.iter().any(|one| one == "UIDPLUS");
        imap.select(folder).await?;
        Ok(imap)
    }

    /// One response with its literals, of which no more than so many bytes were asked for.
    async fn response(&mut self, asked: usize) -> Result<Vec<u8>, Trouble> {
        let (mut raw, mut left, mut open) = (Vec::new(), asked, 0);
        loop {
            let line = self.wire.line(MOST_LINE).await?;
            let is_first = raw.is_empty();
            let is_said = is_first && is_said(&line);
            if !is_said && deepest(&line, &mut open) > MOST_DEPTH {
                return Err(Trouble::Broken("lays lists into lists without end"));
            }
            raw.extend_from_slice(&line);
            raw.extend_from_slice(b"\r\n");
            if raw.len() > MOST_LINE.saturating_add(asked) {
                return Err(Trouble::Broken("sends an answer without end"));
            }
            let Some(count) = literal(&line).filter(|_| !is_said) else { return Ok(raw) };
            left = left.checked_sub(count).ok_or(Trouble::Broken("sends more than was asked for"))?;
            self.wire.exactly(count, &mut raw).await?;
        }
    }

    /// Says a command and hears it out. `on` gets what is said besides.
    async fn command(
        &mut self,
        step: &'static str,
        text: &str,
        asked: usize,
        on: impl FnMut(Response<'_>) + Send,
    ) -> Result<(), Trouble> {
        self.tags = self.tags.saturating_add(1);
        let tag = format!("b{}", self.tags);
        self.wire.within(PATIENCE);
        self.wire.send(format!("{tag} {text}\r\n").as_bytes()).await?;
        self.hear(step, &tag, asked, on).await
    }

    async fn hear(
        &mut self,
        step: &'static str,
        tag: &str,
        asked: usize,
        mut on: impl FnMut(Response<'_>) + Send,
    ) -> Result<(), Trouble> {
        let mut heard = 0_usize;
        loop {
            let raw = self.response(asked).await?;
            heard = heard.saturating_add(raw.len());
            if heard > MOST_ANSWER.saturating_add(asked) {
                return Err(Trouble::Broken("sends an answer without end"));
            }
            match parsed(&raw) {
                // What an extension says that nobody asked for.
                None if raw.starts_with(b"* ") => {}
                None => return Err(Trouble::Broken("answers what is no IMAP")),
                Some(Response::Done { tag: of, status, .. }) if of.0 == tag => {
                    return if status == Status::Ok { Ok(()) } else { Err(Trouble::Refused(step)) };
                }
                Some(Response::Done { .. } | Response::Continue(_)) => {
                    return Err(Trouble::Broken("answers what was not asked"));
                }
                Some(Response::Data { status: Status::Bye, .. }) => return Err(Trouble::Closed),
                Some(Response::Data { outcome, .. }) => {
                    if let Some(ResponseCode::UidValidity(now)) = outcome.code
                        && *self.validity.get_or_insert(now) != now
                    {
                        return Err(Trouble::Broken("numbers its mails anew while they are read"));
                    }
                }
                Some(other) => on(other),
            }
        }
    }

    async fn capabilities(&mut self) -> Result<Vec<String>, Trouble> {
        let mut known = Vec::new();
        self.command("say what it can do", "CAPABILITY", 0, |response| {
            if let Response::Capabilities(list) = response {
                known = list
                    .iter()
                    .map(|one| match one {
                        Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
                        Capability::Auth(how) => format!("AUTH={}", how.to_ascii_uppercase()),
                        Capability::Atom(atom) => atom.to_ascii_uppercase(),
                    })
                    .collect();
            }
        })
        .await?;
        Ok(known)
    }

    async fn sign_in(&mut self, mailbox: &Mailbox) -> Result<(), Trouble> {
        let known = self.capabilities().await?;
        let offers = |what: &str| known.iter().any(|one| one == what);
        let password = mailbox.password.expose_secret();
        let done = if offers("AUTH=PLAIN") {
            self.authenticate(&mailbox.plain()).await
        } else if offers("LOGINDISABLED") || !mailbox.user.is_ascii() || !password.is_ascii() {
            return Err(Trouble::Login);
        } else {
            let login = format!("LOGIN {} {}", quoted(&mailbox.user), quoted(password));
            self.command("let the user in", &login, 0, |_| {}).await
        };
        done.map_err(|trouble| if matches!(trouble, Trouble::Refused(_)) { Trouble::Login } else { trouble })
    }

    async fn authenticate(&mut self, plain: &str) -> Result<(), Trouble> {
        self.wire.within(PATIENCE);
        self.wire.send(b"a AUTHENTICATE PLAIN\r\n").await?;
        let mut heard = 0_u32;
        loop {
            let asked = self.response(0).await?;
            heard = heard.saturating_add(1);
            if asked.starts_with(b"+") {
                break;
            }
            if !asked.starts_with(b"* ") || heard > 100 {
                return Err(Trouble::Login);
            }
        }
        self.wire.send(format!("{plain}\r\n").as_bytes()).await?;
        self.hear("let the user in", "a", 0, |_| {}).await
    }

    async fn select(&mut self, folder: &str) -> Result<(), Trouble> {
        let mut exists = None;
        self.command("open the folder", &format!("SELECT {}", quoted(folder)), 0, |response| {
            if let Response::MailboxData(MailboxDatum::Exists(count)) = response {
                exists = Some(count);
            }
        })
        .await?;
        self.exists = exists.ok_or(Trouble::Broken("does not say how many mails there are"))?;
        if self.validity.is_none() {
            return Err(Trouble::Broken("does not number its mails for good"));
        }
        Ok(())
    }

    /// The mails that wait, the oldest first, as many as are looked at together.
    pub(super) async fn waiting(&mut self) -> Result<Vec<Waiting>, Trouble> {
        let which = if self.done.is_some() { "UNDELETED" } else { "UNDELETED UNSEEN" };
        let mut found: Vec<u32> = Vec::new();
        let mut from = 1_u32;
        while from <= self.exists && found.is_empty() {
            let to = from.saturating_add(WINDOW - 1).min(self.exists);
            let mut answered = false;
            self.command("search the folder", &format!("UID SEARCH {from}:{to} {which}"), 0, |response| {
                if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                    answered = true;
                    found.extend(uids.into_iter().take(WINDOW as usize));
                }
            })
            .await?;
            if !answered {
                return Err(Trouble::Broken("does not answer a search"));
            }
            from = to.saturating_add(1);
        }
        found.sort_unstable();
        found.dedup();
        let validity = self.validity.unwrap_or_default();
        Ok(found.into_iter().map(|uid| Waiting { number: uid, key: format!("{validity}/{uid}") }).collect())
    }

    /// How large a mail is said to be; none if it is not there any more.
    async fn size(&mut self, uid: u32) -> Result<Option<u64>, Trouble> {
        let mut size = None;
        self.command("tell of a mail", &format!("UID FETCH {uid} (UID RFC822.SIZE)"), 0, |response| {
            if let Response::Fetch(_, said) = response
                && said.contains(&AttributeValue::Uid(uid))
            {
                size = said.iter().find_map(|one| match one {
                    AttributeValue::Rfc822Size(size) => Some(u64::from(*size)),
                    _ => None,
                });
            }
        })
        .await?;
        Ok(size)
    }

    /// Reads a mail into its file, and leaves it where it is.
    pub(super) async fn fetch(&mut self, mail: &Waiting, spool: &mut Spool) -> Result<Fetched, Trouble> {
        let uid = mail.number;
        let Some(said) = self.size(uid).await? else { return Ok(Fetched::Gone) };
        if said > MOST_MAIL {
            return Ok(Fetched::TooLarge);
        }
        loop {
            let from = spool.size();
            let mut piece: Option<Vec<u8>> = None;
            let asked = (CHUNK as usize).saturating_add(AROUND);
            self.command(
                "send a mail",
                &format!("UID FETCH {uid} (UID BODY.PEEK[]<{from}.{CHUNK}>)"),
                asked,
                |response| {
                    let Response::Fetch(_, said) = response else { return };
                    if !said.contains(&AttributeValue::Uid(uid)) {
                        return;
                    }
                    for one in said {
                        if let AttributeValue::BodySection { section: None, index, data } = one
                            && u64::from(index.unwrap_or_default()) == from
                        {
                            piece = Some(data.map(std::borrow::Cow::into_owned).unwrap_or_default());
                        }
                    }
                },
            )
            .await?;
            // Gone while it was read: what is there is no whole mail.
            let Some(piece) = piece else {
                return if self.size(uid).await?.is_none() {
                    Ok(Fetched::Gone)
                } else {
                    Err(Trouble::Broken("does not send the mail that was asked for"))
                };
            };
            let count = piece.len();
            if count > CHUNK as usize {
                return Err(Trouble::Broken("sends more than was asked for"));
            }
            spool.write(piece).await?;
            if spool.size() > MOST_MAIL {
                return Ok(Fetched::TooLarge);
            }
            // A piece that is short may be the last one, or cut off: only nothing, or the whole of what was said, is the end.
            if count == 0 || (spool.size() == said && count < CHUNK as usize) {
                return if spool.size() < said {
                    Err(Trouble::Broken("sends less of a mail than there is"))
                } else {
                    Ok(Fetched::Whole)
                };
            }
        }
    }

    /// A mail is registered: it is moved out of the way, or flagged.
    pub(super) async fn done(&mut self, mail: &Waiting) -> Result<(), Trouble> {
        let uid = mail.number;
        let Some(folder) = self.done.clone() else {
            return self.command("flag a mail", &format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)"), 0, |_| {}).await;
        };
        let to = quoted(&folder);
        let verb = if self.can_move { "MOVE" } else { "COPY" };
        let carry = format!("UID {verb} {uid} {to}");
        match self.command("move a mail", &carry, 0, |_| {}).await {
            Err(Trouble::Refused(_)) => {
                // The folder may not be there yet. If it is, the second attempt says what is wrong.
                match self.command("make a folder", &format!("CREATE {to}"), 0, |_| {}).await {
                    Ok(()) | Err(Trouble::Refused(_)) => {}
                    Err(trouble) => return Err(trouble),
                }
                self.command("move a mail", &carry, 0, |_| {}).await?;
            }
            other => other?,
        }
        if !self.can_move {
            let flag = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen \\Deleted)");
            self.command("flag a mail", &flag, 0, |_| {}).await?;
            // Without UIDPLUS whatever else is flagged would go as well: then it stays, deleted, and is not looked at again.
            if self.can_expunge_one {
                self.command("remove a mail", &format!("UID EXPUNGE {uid}"), 0, |_| {}).await?;
            }
        }
        Ok(())
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) -> Result<(), Trouble> {
        match self.command("say goodbye", "LOGOUT", 0, |_| {}).await {
            Err(Trouble::Closed) => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_depth_are_found_where_they_count() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {12}"), Some(12));
        for none in [&b"* 1 FETCH (BODY[] {}"[..], b"{99999999999}", b"{-1}", b"12}", b"", b"}"] {
            assert_eq!(literal(none), None, "{none:?}");
        }
        assert!(is_said(b"* ok braces {12}") && is_said(b"b1 OK {12}") && !is_said(b"* 1 FETCH (BODY[] {12}"));
        let mut open = 0;
        assert_eq!(deepest(br#"* 1 FETCH (FLAGS (\Seen) X "((((" ("#, &mut open), 2);
        assert_eq!((open, deepest(b"(((", &mut open)), (2, 5));
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let fetched = parsed(b"* 3 FETCH (UID 7 BODY[]<0> {5}\r\nHello)\r\n").unwrap();
        let Response::Fetch(3, said) = fetched else { panic!() };
        assert!(said.contains(&AttributeValue::Uid(7)));
        assert!(parsed(b"* 3 FETCH (\xff\xff\r\n").is_none());
        assert_eq!(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
