//! What one client that asks for more than its share does to another's waiting times, with the default buckets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::database::Database;
use crate::http::render;
use crate::report::{Measure, median};
use crate::scale::Scale;
use crate::server::{Server, Session};

const SMALL: &str = "{ customers(first: 1) { nodes { number } } }";
const PAGE: &str = "{ invoices(first: 50) { nodes { number customer { name } lines { description } } } }";
/// Connections of the noisy client.
const NOISY: usize = 16;
/// How long each of them waits after a refusal: far less than it is told to.
const HASTE: Duration = Duration::from_millis(20);
const ROUNDS: usize = 10;

pub fn neighbours(database: &Database, scale: &Scale) -> Measure {
    let server = Server::with_default_buckets(database);
    let (noisy, quiet) = (Session::of(&server, &[1]), Session::of(&server, &[2]));
    let page = render(noisy.token(1), "", &json!({ "query": PAGE }).to_string());
    let small = render(quiet.token(2), "", &json!({ "query": SMALL }).to_string());
    let (on, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (sent, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let noise: Vec<_> = (0..NOISY)
        .map(|_| {
            let (on, over, sent, refused) =
                (Arc::clone(&on), Arc::clone(&over), Arc::clone(&sent), Arc::clone(&refused));
            let (mut connection, page) = (server.connect(), page.clone());
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if !on.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    }
                    let (status, _) = connection.send(&page).expect("the server gave no answer");
                    sent.fetch_add(1, Ordering::Relaxed);
                    if status == 429 {
                        refused.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(HASTE);
                    }
                }
            })
        })
        .collect();
    let mut connection = server.connect();
    let mut wrong = None;
    let mut p99 = |length: Duration| {
        let (started, mut times) = (Instant::now(), Vec::new());
        while started.elapsed() < length {
            let asked = Instant::now();
            let (status, answer) = connection.send(&small).expect("the server gave no answer");
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
            if status != 200 {
                wrong.get_or_insert_with(|| String::from_utf8_lossy(&answer).into_owned());
            }
            // A person's portal, not a load: it stays inside its bucket.
            std::thread::sleep(Duration::from_millis(20));
        }
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() * 99 / 100]
    };
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        for (noise_on, p99s) in [(false, &mut alone), (true, &mut beside)] {
            on.store(noise_on, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(200));
            let found = p99(scale.round.max(Duration::from_secs(2)));
            // The first round empties the noisy client's bucket.
            if round > 0 {
                p99s.push(found);
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    noise.into_iter().for_each(|one| one.join().unwrap());
    let (alone, beside) = (median(&alone), median(&beside));
    let measure = Measure::at_most(
        "p99 of a client beside a noisy one",
        format!("{alone:.2} ms"),
        format!("{beside:.2} ms"),
        beside / alone,
        1.5,
        "×",
    )
    .note(format!(
        "the noisy client sent {} requests over {NOISY} connections, {} were refused",
        sent.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed)
    ));
    match wrong {
        Some(wrong) => measure.wrong(format!("the quiet client: {wrong}")),
        None => measure,
    }
}
