//! Load: connections that ask again as soon as they are answered, all on one thread.

use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::http::whole;
use crate::process::{cpu_seconds_with_children, resident_kb};
use crate::scale::CONNECTIONS;
use crate::server::Server;

/// What is asked for.
pub trait Load {
    /// One connection's side of it.
    fn caller(&self, connection: usize) -> Box<dyn Caller>;
}

/// Asks over one connection.
pub trait Caller {
    /// Writes the next request. `None` when there is nothing left to ask for.
    fn ask(&mut self, request: &mut Vec<u8>) -> Option<()>;
    /// Looks at the answer.
    fn hear(&mut self, answer: &[u8]) -> Heard;
}

/// What an answer was.
pub enum Heard {
    /// What was asked for: counted.
    Good,
    /// Good, but what is measured needs another request first.
    More,
    /// Not what was asked for.
    Wrong,
}

/// What came of a round.
#[derive(Default)]
pub struct Round {
    /// Good answers a second.
    pub rate: f64,
    /// Their times in microseconds, rising.
    pub times_us: Vec<u32>,
    /// Other answers, the first of them in words.
    pub wrong: u64,
    pub first_wrong: Option<String>,
    /// Processor time an answer, in microseconds: of the server, and of PostgreSQL.
    pub server_us: f64,
    pub postgres_us: f64,
    /// The most resident memory that was seen.
    pub resident_kb: u64,
    /// Nothing was left to ask for before the round was over.
    pub exhausted: bool,
}

impl Round {
    /// The time that a share of all answers did not exceed, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let at = (self.times_us.len() as f64 * share) as usize;
        self.times_us.get(at.min(self.times_us.len().saturating_sub(1))).map_or(f64::NAN, |us| f64::from(*us) / 1000.0)
    }
}

/// Lets all connections ask for that long.
pub fn run(server: &Server, load: &dyn Load, length: Duration) -> Round {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let before = (cpu_seconds_with_children(server.pid()), cpu_seconds_with_children(server.postgres_pid()));
    let started = Instant::now();
    let mut round = Round::default();
    local.block_on(&runtime, async {
        let over = Rc::new(std::cell::Cell::new(false));
        let talking: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let caller = load.caller(connection);
                tokio::task::spawn_local(talk(server.address(), caller, Rc::clone(&over)))
            })
            .collect();
        while started.elapsed() < length && !talking.iter().all(tokio::task::JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            round.resident_kb = round.resident_kb.max(resident_kb(server.pid()));
        }
        over.set(true);
        for talk in talking {
            let part = talk.await.unwrap();
            round.times_us.extend(part.times_us);
            round.wrong += part.wrong;
            round.exhausted |= part.exhausted;
            round.first_wrong = round.first_wrong.take().or(part.first_wrong);
        }
    });
    let took = started.elapsed().as_secs_f64();
    let answers = round.times_us.len().max(1) as f64;
    round.rate = round.times_us.len() as f64 / took;
    round.server_us = (cpu_seconds_with_children(server.pid()) - before.0) / answers * 1e6;
    round.postgres_us = (cpu_seconds_with_children(server.postgres_pid()) - before.1) / answers * 1e6;
    round.times_us.sort_unstable();
    round
}

async fn talk(address: SocketAddr, mut caller: Box<dyn Caller>, over: Rc<std::cell::Cell<bool>>) -> Round {
    let mut part = Round::default();
    let stream = TcpStream::connect(address).await.expect("the server takes no connection");
    stream.set_nodelay(true).unwrap();
    let (mut request, mut read) = (Vec::with_capacity(4096), vec![0; 128 * 1024]);
    'next: while !over.get() {
        let asked = Instant::now();
        loop {
            request.clear();
            if caller.ask(&mut request).is_none() {
                part.exhausted = true;
                break 'next;
            }
            write(&stream, &request).await;
            let answer = match self::read(&stream, &mut read).await {
                Ok((200, body)) => caller.hear(&read[body]),
                Ok((status, body)) => {
                    part.first_wrong
                        .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(&read[body])));
                    Heard::Wrong
                }
                Err(error) => {
                    part.wrong += 1;
                    part.first_wrong.get_or_insert_with(|| error.to_string());
                    break 'next;
                }
            };
            match answer {
                Heard::More => {}
                Heard::Good => {
                    part.times_us.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                    break;
                }
                Heard::Wrong => {
                    part.wrong += 1;
                    part.first_wrong.get_or_insert_with(|| String::from_utf8_lossy(&read).chars().take(1500).collect());
                    break;
                }
            }
        }
    }
    part
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => stream.writable().await.unwrap(),
            Err(_) => return,
        }
    }
}

/// Reads one answer into the buffer; an answer that does not fit is an error.
async fn read(stream: &TcpStream, buffer: &mut [u8]) -> std::io::Result<(u16, Range<usize>)> {
    let mut filled = 0;
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer[filled..]) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                filled += count;
                if let Some(answer) = whole(&buffer[..filled]) {
                    return Ok(answer);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
