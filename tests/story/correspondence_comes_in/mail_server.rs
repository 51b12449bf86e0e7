//! A mail server with one mailbox, as much of IMAP and POP3 as it takes, which can be told to behave badly.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};

pub const PASSWORD: &str = "pass word\"42\\";
/// The password as it stands in a URL.
pub const IN_A_URL: &str = "pass%20word%2242%5C";

/// What a server does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    None,
    /// Announces a mail of 4 GiB.
    Huge,
    /// Sends more of a mail than was asked for.
    More,
    /// Sends less of a mail than it says that there is.
    Less,
    /// Never ends its line.
    Endless,
    /// Lays list into list.
    Nested,
    /// Hangs up in the middle of a mail.
    HangUp,
    /// Hangs up when a mail is to be moved or deleted.
    HangUpAtTheEnd,
    /// Numbers its mails anew in the middle.
    Renumber,
    /// Answers another question.
    OutOfTurn,
    /// Answers no protocol at all.
    Noise,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub uid: u32,
    pub bytes: Vec<u8>,
    pub folder: String,
    pub seen: bool,
    pub deleted: bool,
}

pub struct Inside {
    pub mails: Vec<Mail>,
    pub folders: Vec<String>,
    pub mischief: Mischief,
    /// Whether it knows MOVE and UIDPLUS.
    pub modern: bool,
    pub connections: u32,
    pub open: u32,
    /// How many were open at once at most.
    pub most_open: u32,
    pub fetched: u32,
}

#[derive(Clone)]
pub struct MailServer {
    pub port: u16,
    inside: Arc<Mutex<Inside>>,
}

type Halves = (tokio::io::Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>, OwnedWriteHalf);

impl MailServer {
    pub async fn imap() -> Self {
        Self::start(true).await
    }

    pub async fn pop3() -> Self {
        Self::start(false).await
    }

    async fn start(is_imap: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inside = Inside {
            mails: Vec::new(),
            folders: vec!["INBOX".to_owned()],
            mischief: Mischief::None,
            modern: true,
            connections: 0,
            open: 0,
            most_open: 0,
            fetched: 0,
        };
        let server = Self { port, inside: Arc::new(Mutex::new(inside)) };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move {
                    {
                        let mut inside = own.inside();
                        inside.connections += 1;
                        inside.open += 1;
                        inside.most_open = inside.most_open.max(inside.open);
                    }
                    // An error is a connection that is over.
                    let _ = if is_imap { own.speak_imap(stream).await } else { own.speak_pop3(stream).await };
                    own.inside().open -= 1;
                });
            }
        });
        server
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub fn deliver(&self, bytes: impl AsRef<[u8]>) {
        let mut inside = self.inside();
        let uid = inside.mails.iter().map(|mail| mail.uid).max().unwrap_or(100) + 1;
        let folder = "INBOX".to_owned();
        inside.mails.push(Mail { uid, bytes: bytes.as_ref().to_vec(), folder, seen: false, deleted: false });
    }

    /// How many mails lie in a folder.
    pub fn count(&self, folder: &str) -> usize {
        self.inside().mails.iter().filter(|mail| mail.folder == folder && !mail.deleted).count()
    }

    async fn speak_imap(&self, stream: TcpStream) -> std::io::Result<()> {
        let (read, write) = stream.into_split();
        let mut halves: Halves = (BufReader::new(read).lines(), write);
        if self.inside().mischief == Mischief::Noise {
            halves.1.write_all(b"\xff\xfe{12}\r\n(((\r\n").await?;
            return Ok(());
        }
        halves.1.write_all(b"* OK [CAPABILITY IMAP4rev1] ready {5}\r\n").await?;
        let mut is_in = false;
        while let Some(line) = halves.0.next_line().await? {
            let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let said = match (verb, rest) {
                ("CAPABILITY", _) => {
                    let more = if self.inside().modern { " MOVE UIDPLUS" } else { "" };
                    format!("* CAPABILITY IMAP4rev1{more}\r\n{tag} OK done\r\n")
                }
                ("LOGIN", who) => {
                    is_in = who == format!("\"in\" \"{}\"", PASSWORD.replace('\\', "\\\\").replace('"', "\\\""));
                    format!("{tag} {}\r\n", if is_in { "OK in" } else { "NO [AUTHENTICATIONFAILED] no" })
                }
                _ if !is_in => format!("{tag} BAD not yet\r\n"),
                ("SELECT", _) => {
                    let count = self.count("INBOX");
                    format!(
                        "* FLAGS (\\Seen \\Deleted)\r\n* {count} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] so it is\r\n* X-NONSENSE ((( \r\n{tag} OK [READ-WRITE] open\r\n"
                    )
                }
                ("CREATE", folder) => {
                    let folder = folder.trim_matches('"').to_owned();
                    self.inside().folders.push(folder);
                    format!("{tag} OK made\r\n")
                }
                ("LOGOUT", _) => {
                    halves.1.write_all(format!("* BYE\r\n{tag} OK bye\r\n").as_bytes()).await?;
                    return Ok(());
                }
                ("UID", rest) => match self.uid(tag, rest, &mut halves).await? {
                    Some(said) => said,
                    None => return Ok(()),
                },
                _ => format!("{tag} BAD what?\r\n"),
            };
            halves.1.write_all(said.as_bytes()).await?;
        }
        Ok(())
    }

    /// A UID command; none: hang up.
    async fn uid(&self, tag: &str, rest: &str, halves: &mut Halves) -> std::io::Result<Option<String>> {
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mischief = self.inside().mischief;
        if verb == "SEARCH" {
            let mut found = String::new();
            for mail in self
                .inside()
                .mails
                .iter()
                .filter(|mail| mail.folder == "INBOX" && !mail.deleted && !(rest.contains("UNSEEN") && mail.seen))
            {
                found.push_str(&format!(" {}", mail.uid));
            }
            return Ok(Some(format!("* SEARCH{found}\r\n{tag} OK done\r\n")));
        }
        let (uid, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let uid: u32 = uid.parse().unwrap();
        let mail = self.inside().mails.iter().find(|mail| mail.uid == uid && mail.folder == "INBOX").cloned();
        let Some(mail) = mail else { return Ok(Some(format!("{tag} OK nothing there\r\n"))) };
        let size = mail.bytes.len();
        Ok(Some(match verb {
            "FETCH" if rest.contains("RFC822.SIZE") => {
                let size = match mischief {
                    Mischief::Huge => u32::MAX as usize,
                    Mischief::Less => size + 1000,
                    _ => size,
                };
                format!("* 1 FETCH (RFC822.SIZE {size} UID {uid})\r\n{tag} OK done\r\n")
            }
            "FETCH" => {
                let (from, most) = rest.split_once('<').unwrap().1.split_once('>').unwrap().0.split_once('.').unwrap();
                let (from, most): (usize, usize) = (from.parse().unwrap(), most.parse().unwrap());
                let piece = &mail.bytes[from.min(size)..from.saturating_add(most).min(size)];
                match mischief {
                    Mischief::More => {
                        halves
                            .1
                            .write_all(format!("* 1 FETCH (UID {uid} BODY[]<{from}> {{4000000000}}\r\n").as_bytes())
                            .await?;
                        while halves.1.write_all(&[b'x'; 65536]).await.is_ok() {}
                        return Ok(None);
                    }
                    Mischief::Endless => {
                        while halves.1.write_all(&[b'('; 65536]).await.is_ok() {}
                        return Ok(None);
                    }
                    Mischief::Nested => {
                        let nested = "(".repeat(100_000);
                        return Ok(Some(format!("* 1 FETCH (UID {uid} BODYSTRUCTURE {nested}\r\n{tag} OK done\r\n")));
                    }
                    Mischief::HangUp => {
                        halves
                            .1
                            .write_all(
                                format!("* 1 FETCH (UID {uid} BODY[]<{from}> {{{}}}\r\n", piece.len()).as_bytes(),
                            )
                            .await?;
                        halves.1.write_all(&piece[..piece.len() / 2]).await?;
                        return Ok(None);
                    }
                    Mischief::Renumber => return Ok(Some(format!("* OK [UIDVALIDITY 8] anew\r\n{tag} OK done\r\n"))),
                    Mischief::OutOfTurn => return Ok(Some("zz OK done\r\n".to_owned())),
                    _ => {}
                }
                let origin = format!("<{from}>");
                halves
                    .1
                    .write_all(format!("* 1 FETCH (UID {uid} BODY[]{origin} {{{}}}\r\n", piece.len()).as_bytes())
                    .await?;
                halves.1.write_all(piece).await?;
                self.inside().fetched += 1;
                format!(")\r\n* 5 EXISTS\r\n{tag} OK done\r\n")
            }
            _ if mischief == Mischief::HangUpAtTheEnd => return Ok(None),
            "MOVE" | "COPY" => {
                let folder = rest.trim_matches('"').to_owned();
                let mut inside = self.inside();
                if !inside.folders.contains(&folder) {
                    return Ok(Some(format!("{tag} NO [TRYCREATE] no such folder\r\n")));
                }
                if verb == "MOVE" {
                    inside.mails.iter_mut().find(|mail| mail.uid == uid).unwrap().folder = folder;
                } else {
                    let next = inside.mails.iter().map(|mail| mail.uid).max().unwrap() + 1;
                    inside.mails.push(Mail { uid: next, folder, ..mail });
                }
                format!("{tag} OK there\r\n")
            }
            "STORE" => {
                let mut inside = self.inside();
                let mail = inside.mails.iter_mut().find(|mail| mail.uid == uid).unwrap();
                mail.seen |= rest.contains("\\Seen");
                mail.deleted |= rest.contains("\\Deleted");
                format!("{tag} OK flagged\r\n")
            }
            "EXPUNGE" => format!("{tag} OK gone\r\n"),
            _ => format!("{tag} BAD what?\r\n"),
        }))
    }

    async fn speak_pop3(&self, stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mischief = self.inside().mischief;
        if mischief == Mischief::Noise {
            return write.write_all(b"\xff\xfe\r\n").await;
        }
        write.write_all(b"+OK ready\r\n").await?;
        let mails: Vec<Mail> = self.inside().mails.clone();
        let mut gone: Vec<u32> = Vec::new();
        while let Some(line) = lines.next_line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let mail = rest.parse::<usize>().ok().and_then(|number| mails.get(number.checked_sub(1)?));
            let said = match (verb, mail) {
                ("USER", _) => "+OK who else\r\n".to_owned(),
                ("PASS", _) if rest == PASSWORD => "+OK in\r\n".to_owned(),
                ("PASS", _) => "-ERR no\r\n".to_owned(),
                ("UIDL", None) if mischief == Mischief::Endless => {
                    write.write_all(b"+OK\r\n").await?;
                    while write.write_all(&[b'1'; 65536]).await.is_ok() {}
                    return Ok(());
                }
                ("UIDL", None) => {
                    let list: String =
                        mails.iter().enumerate().map(|(at, mail)| format!("{} u{}\r\n", at + 1, mail.uid)).collect();
                    format!("+OK\r\n{list}.\r\n")
                }
                ("LIST", Some(_)) if mischief == Mischief::Huge => format!("+OK {rest} 4000000000\r\n"),
                // Nobody has to believe it.
                ("LIST", Some(_)) => format!("+OK {rest} 7\r\n"),
                ("RETR", Some(mail)) => {
                    write.write_all(b"+OK here it comes\r\n").await?;
                    let text = String::from_utf8_lossy(&mail.bytes);
                    let mut stuffed: String = text
                        .split("\r\n")
                        .map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") })
                        .collect();
                    match mischief {
                        Mischief::HangUp => {
                            stuffed.truncate(stuffed.len() / 2);
                            write.write_all(stuffed.as_bytes()).await?;
                            return Ok(());
                        }
                        Mischief::More => {
                            while write.write_all(&[b'x'; 65536]).await.is_ok() {}
                            return Ok(());
                        }
                        _ => {}
                    }
                    self.inside().fetched += 1;
                    format!("{stuffed}.\r\n")
                }
                ("DELE", Some(mail)) => {
                    gone.push(mail.uid);
                    "+OK marked\r\n".to_owned()
                }
                ("QUIT", _) if mischief == Mischief::HangUpAtTheEnd => return Ok(()),
                ("QUIT", _) => {
                    self.inside().mails.retain(|mail| !gone.contains(&mail.uid));
                    return write.write_all(b"+OK bye\r\n").await;
                }
                _ => "-ERR what?\r\n".to_owned(),
            };
            write.write_all(said.as_bytes()).await?;
        }
        Ok(())
    }
}
