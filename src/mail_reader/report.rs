//! What a mail server says of a mail that was sent before (RFC 3464).

use crate::line;

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// It has arrived, or was handed to a server that says no more.
    Delivered,
    /// It has not arrived yet.
    Delayed,
    /// It will not arrive.
    Failed,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What became of the mail; of several recipients the worst.
    pub delivery: Delivery,
    /// What the server says, in a line of at most 400 characters.
    pub note: String,
    /// The Message-ID of the mail that it is about; none if it does not say.
    pub about: Option<String>,
}

/// The delivery and the words of a `message/delivery-status`; none if it says nothing of any recipient.
pub(crate) fn read(text: &str) -> Option<(Delivery, String)> {
    let mut worst: Option<(Delivery, String)> = None;
    let unified = text.replace("\r\n", "\n");
    for block in unified.split("\n\n").take(200) {
        let fields = crate::head::fields(block.as_bytes());
        let says = |name: &str| crate::head::first(&fields, name).map(str::trim).unwrap_or_default();
        let delivery = match says("action").to_ascii_lowercase().as_str() {
            "failed" => Delivery::Failed,
            "delayed" => Delivery::Delayed,
            "delivered" | "relayed" | "expanded" => Delivery::Delivered,
            _ => continue,
        };
        let words = |value: &str| value.split_once(';').map_or(value, |(_, words)| words).trim().to_owned();
        let note = [words(says("final-recipient")), says("status").to_owned(), words(says("diagnostic-code"))]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": ");
        if worst.as_ref().is_none_or(|(known, _)| *known < delivery) {
            worst = Some((delivery, line(&note, 400)));
        }
    }
    worst
}
