//! The loop that delivers: it makes deliveries of new events, takes the lanes that are due and sends what is in them.
//!
//! A lane is one endpoint. Only one worker has it at a time, for a minute; it sends the deliveries that are due over a
//! few connections and writes down what came of all of them in one transaction. A worker that dies has written down
//! nothing, and its lane is taken by another: each message arrives at least once. Endpoints that do not answer have places
//! of their own, so that they keep nobody waiting who answers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime as Utcs, SecondsFormat, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Settings;
use super::guard::Destination;
use super::message::Message;
use super::queue::{self, Claimed, Finish};
use super::retry;
use super::secret;
use super::sender::{Answer, Head, Line, Sender, WebhookOutcome};
use super::signature::{self, Secret};
use crate::platform::db::Pools;
use crate::platform::error::Result;
use crate::platform::outbox;

/// Endpoints that answer and are delivered to at the same time.
const WELL: usize = 24;
/// Endpoints that do not answer and are tried at the same time.
const SICK: usize = 8;
/// Deliveries of one endpoint that are taken together.
const BATCH: i32 = 100;
/// Connections to one endpoint.
const LINES: usize = 8;
/// For how long deliveries of a lane are begun; the last one may take half as long again, and the lane is ours for a minute.
const SHIFT: Duration = Duration::from_secs(20);
/// How often the database is looked at without being told to.
const LOOK: Duration = Duration::from_secs(1);
/// How long events are gathered once there is one, so that a busy client's are taken together.
const GATHER: Duration = Duration::from_millis(10);
/// How often old deliveries are swept.
const SWEEP: Duration = Duration::from_secs(3600);
/// The most characters of an answer that are kept.
const KEPT: usize = 1_000;
/// How long a lane waits whose secrets cannot be read: it is our fault, which somebody has to mend.
const UNREADABLE: Duration = Duration::from_secs(60);

/// Delivers until the process stops; what is on its way then is heard to its end. If the database does not answer, what
/// is due waits until it does.
pub async fn keep_delivering(pools: Pools, settings: Settings, mut stopping: watch::Receiver<bool>) {
    let sender = match Sender::new(settings.times) {
        Ok(sender) => sender,
        Err(error) => {
            tracing::error!(?error, "webhooks cannot be sent");
            return;
        }
    };
    let mut rings = outbox::bell().listen_to_all();
    let mut lanes: JoinSet<bool> = JoinSet::new();
    let (mut well, mut sick) = (0usize, 0usize);
    let mut swept = Instant::now();
    while !*stopping.borrow() {
        while let Some(ended) = lanes.try_join_next() {
            count_down(&ended.ok(), &mut well, &mut sick);
        }
        let busy = match look(&pools, &settings, &sender, &stopping, &mut lanes, &mut well, &mut sick).await {
            Ok(busy) => busy,
            Err(error) => {
                tracing::warn!(?error, "webhooks wait: the database could not be asked");
                false
            }
        };
        metrics::gauge!("backoffice_webhook_lanes", "endpoints" => "well").set(u32::try_from(well).unwrap_or(u32::MAX));
        metrics::gauge!("backoffice_webhook_lanes", "endpoints" => "failing")
            .set(u32::try_from(sick).unwrap_or(u32::MAX));
        if swept.elapsed() > SWEEP {
            swept = Instant::now();
            if let Err(error) = queue::sweep(&pools).await {
                tracing::warn!(?error, "old deliveries could not be swept");
            }
        }
        if !busy {
            tokio::select! {
                _ = rings.changed() => tokio::time::sleep(GATHER).await,
                Some(ended) = lanes.join_next(), if !lanes.is_empty() => count_down(&ended.ok(), &mut well, &mut sick),
                _ = stopping.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
    while lanes.join_next().await.is_some() {}
}

fn count_down(was_sick: &Option<bool>, well: &mut usize, sick: &mut usize) {
    // A lane that panicked is counted where there are more places.
    let place = if was_sick.unwrap_or(false) { sick } else { well };
    *place = place.saturating_sub(1);
}

/// One look at the database. True if there is more to do at once.
async fn look(
    pools: &Pools,
    settings: &Settings,
    sender: &Sender,
    stopping: &watch::Receiver<bool>,
    lanes: &mut JoinSet<bool>,
    well: &mut usize,
    sick: &mut usize,
) -> Result<bool> {
    let more = queue::fan_out(pools).await?;
    let places = |most: usize, taken: usize| i32::try_from(most.saturating_sub(taken)).unwrap_or_default();
    if *well >= WELL && *sick >= SICK {
        return Ok(false);
    }
    let claimed = queue::claim(pools, places(WELL, *well), places(SICK, *sick), BATCH).await?;
    let any = !claimed.is_empty();
    for lane in claimed {
        *(if lane.is_sick { &mut *sick } else { &mut *well }) += 1;
        let (pools, settings, sender, stopping) = (pools.clone(), settings.clone(), sender.clone(), stopping.clone());
        lanes.spawn(async move {
            let was_sick = lane.is_sick;
            serve(&pools, &settings, &sender, &stopping, lane).await;
            was_sick
        });
    }
    Ok(any || more)
}

/// What came of one delivery, for the log.
struct Told {
    id: Uuid,
    started_at: Utcs<Utc>,
    latency: Duration,
    outcome: WebhookOutcome,
    answer: Option<Answer>,
    tries: u32,
    first_tried_at: Option<Utcs<Utc>>,
}

/// Delivers what is due in one lane, and writes down what came of it.
async fn serve(pools: &Pools, settings: &Settings, sender: &Sender, stopping: &watch::Receiver<bool>, lane: Claimed) {
    let (client, endpoint, lease) = (lane.client, lane.endpoint, lane.lease);
    let mut finish =
        Finish { client, endpoint, lease, results: Value::Array(Vec::new()), hold: Duration::ZERO, gone: false };
    match secret::open_all(&settings.vault, client, endpoint, &lane.secrets) {
        Ok(secrets) => {
            let told = deliver(settings, sender, stopping, &lane.url, &secrets, lane.deliveries).await;
            finish.gone = told.iter().any(|one| one.answer.as_ref().is_some_and(|answer| answer.status == 410));
            finish.hold = told.iter().filter_map(Told::asked).max().unwrap_or_default().min(retry::LONGEST_ASKED);
            finish.results = told.iter().map(|one| one.result(&secrets)).collect();
        }
        Err(error) => {
            tracing::error!(?error, %endpoint, "the secrets of a webhook cannot be read");
            finish.hold = UNREADABLE;
        }
    }
    for wait in [0, 1, 3, 10] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        match queue::finish(pools, &finish).await {
            Ok(None) => return,
            Ok(Some(reason)) => {
                tracing::warn!(%client, %endpoint, reason, "a webhook was paused");
                return;
            }
            Err(error) => tracing::warn!(?error, %endpoint, "what came of deliveries could not be written down"),
        }
    }
}

/// Sends over a few lines at once. After the first attempt that got no answer nothing more is begun: the receiver is not
/// there, and what was not begun is as it was.
async fn deliver(
    settings: &Settings,
    sender: &Sender,
    stopping: &watch::Receiver<bool>,
    url: &str,
    secrets: &[Secret],
    deliveries: Vec<super::queue::Due>,
) -> Vec<Told> {
    let count = deliveries.len();
    let waiting = Mutex::new(VecDeque::from(deliveries));
    let told = Mutex::new(Vec::with_capacity(count));
    let deadline = Instant::now() + SHIFT;
    let destination = Destination::parse(url, settings.policy);
    let stop = AtomicBool::new(false);
    let run = async || {
        let mut line: Option<Line> = None;
        while !stop.load(Ordering::Acquire) && !*stopping.borrow() && Instant::now() < deadline {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(due) = next else { break };
            let started_at = Utc::now();
            let started = Instant::now();
            let (heard, left) = match &destination {
                Ok(to) => attempt(sender, line.take(), to, secrets, &due.message, started_at).await,
                Err(_) => (Err(WebhookOutcome::Refused), None),
            };
            line = left;
            let outcome = match &heard {
                Ok(answer) => judge(answer.status),
                Err(outcome) => *outcome,
            };
            let gone = heard.as_ref().is_ok_and(|answer| answer.status == 410);
            let asked = heard.as_ref().is_ok_and(|answer| answer.retry_after.is_some());
            if heard.is_err() || gone || (asked && outcome != WebhookOutcome::Delivered) {
                stop.store(true, Ordering::Release);
            }
            metrics::counter!("backoffice_webhook_attempts_total", "outcome" => outcome.text()).increment(1);
            metrics::histogram!("backoffice_webhook_attempt_seconds").record(started.elapsed().as_secs_f64());
            told.lock().unwrap_or_else(PoisonError::into_inner).push(Told {
                id: due.id,
                started_at,
                latency: started.elapsed(),
                outcome,
                answer: heard.ok(),
                tries: due.tries,
                first_tried_at: due.first_tried_at,
            });
        }
    };
    join_all((0..count.min(LINES)).map(|_| run())).await;
    told.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One attempt. A line that the receiver has closed since its last answer is replaced once.
async fn attempt(
    sender: &Sender,
    line: Option<Line>,
    to: &Destination,
    secrets: &[Secret],
    message: &Message,
    at: Utcs<Utc>,
) -> (std::result::Result<Answer, WebhookOutcome>, Option<Line>) {
    let (id, timestamp, body) = (message.id(), at.timestamp(), message.body());
    let Ok(signature) = signature::header(secrets, &id, timestamp, body.as_bytes()) else {
        return (Err(WebhookOutcome::Broken), None);
    };
    let head = Head { id, timestamp, signature };
    let body = hyper::body::Bytes::from(body);
    if let Some(mut line) = line
        && line.is_ready().await
    {
        let (heard, left) = sender.send(line, to, &head, body.clone()).await;
        if !matches!(heard, Err(WebhookOutcome::Broken)) {
            return (heard, left);
        }
    }
    match sender.connect(to).await {
        Ok(line) => sender.send(line, to, &head, body).await,
        Err(outcome) => (Err(outcome), None),
    }
}

fn judge(status: u16) -> WebhookOutcome {
    match status {
        200..=299 => WebhookOutcome::Delivered,
        300..=399 => WebhookOutcome::Redirected,
        _ => WebhookOutcome::Answered,
    }
}

impl Told {
    fn asked(&self) -> Option<Duration> {
        let answer = self.answer.as_ref().filter(|_| self.outcome != WebhookOutcome::Delivered)?;
        retry::asked(answer.retry_after.as_deref()?, self.started_at)
    }

    /// For `core.webhook_finish`.
    fn result(&self, secrets: &[Secret]) -> Value {
        let (state, delay) = self.verdict();
        json!({
            "id": self.id,
            "started_at": self.started_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            "latency_ms": i32::try_from(self.latency.as_millis()).unwrap_or(i32::MAX),
            "outcome": self.outcome.text(),
            "status": self.answer.as_ref().map(|answer| answer.status),
            "answer": self.answer.as_ref().map(|answer| kept(&answer.text, secrets)),
            "state": state,
            "delay_ms": delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        })
    }

    fn verdict(&self) -> (&'static str, Option<Duration>) {
        if self.outcome == WebhookOutcome::Delivered {
            return ("succeeded", None);
        }
        if self.answer.as_ref().is_some_and(|answer| answer.status == 410) {
            return ("given_up", None);
        }
        let elapsed = self.first_tried_at.and_then(|first| (Utc::now() - first).to_std().ok()).unwrap_or_default();
        // Ids are random where it counts here: their last digits.
        let chance = u32::try_from(self.id.as_u128() & 0xffff_ffff).unwrap_or_default();
        match retry::delay(self.tries.saturating_add(1), elapsed, self.asked(), chance.rotate_left(self.tries)) {
            Some(delay) => ("waiting", Some(delay)),
            None => ("given_up", None),
        }
    }
}

/// The beginning of an answer as it is kept: without control characters, and without our secrets, should the receiver
/// have put them into it.
fn kept(answer: &str, secrets: &[Secret]) -> String {
    let hidden = secrets.iter().fold(answer.to_owned(), |text, secret| secret.hidden_in(&text));
    hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(outcome: WebhookOutcome, status: Option<u16>, first: Option<i64>) -> Told {
        Told {
            id: Uuid::now_v7(),
            started_at: Utc::now(),
            latency: Duration::from_millis(5),
            outcome,
            answer: status.map(|status| Answer { status, retry_after: Some("3600".to_owned()), text: String::new() }),
            tries: 2,
            first_tried_at: first.map(|hours| Utc::now() - chrono::TimeDelta::hours(hours)),
        }
    }

    #[test]
    fn an_answer_decides() {
        assert_eq!(told(WebhookOutcome::Delivered, Some(204), None).verdict(), ("succeeded", None));
        assert_eq!(told(WebhookOutcome::Answered, Some(410), None).verdict(), ("given_up", None));
        let (state, delay) = told(WebhookOutcome::TimedOut, None, Some(1)).verdict();
        assert!(state == "waiting" && (36..=54).contains(&delay.unwrap().as_secs()));
        assert_eq!(
            told(WebhookOutcome::Answered, Some(503), None).verdict(),
            ("waiting", Some(Duration::from_secs(3600)))
        );
        assert_eq!(told(WebhookOutcome::Answered, Some(500), Some(73)).verdict(), ("given_up", None));
        assert!(told(WebhookOutcome::Delivered, Some(200), None).asked().is_none());
    }

    #[test]
    fn statuses_are_told_apart() {
        for (status, outcome) in [
            (200, WebhookOutcome::Delivered),
            (299, WebhookOutcome::Delivered),
            (301, WebhookOutcome::Redirected),
            (308, WebhookOutcome::Redirected),
            (400, WebhookOutcome::Answered),
            (503, WebhookOutcome::Answered),
            (100, WebhookOutcome::Answered),
        ] {
            assert_eq!(judge(status), outcome, "{status}");
        }
    }

    #[test]
    fn an_answer_is_kept_short_and_without_secrets() {
        let secret = Secret::from_bytes(vec![7; 32]);
        let text = format!("a\u{0}b\r\n{} {}", secret.shown(), "x".repeat(5_000));
        let kept = kept(&text, std::slice::from_ref(&secret));
        assert!(kept.starts_with("a b  ") && kept.chars().count() == KEPT);
        assert!(!kept.contains(secret.shown().trim_start_matches("whsec_").trim_end_matches('=')));
    }
}
