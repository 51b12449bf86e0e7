//! Mails: subject, people, bodies, the names of what is attached, and mails that lie in mails.

use mail_parser::{Message, MessageParser, MimeHeaders};

use super::{Collected, Limits, Problem, html};

/// Headers with which mails begin.
const FIRST: &[&str] = &[
    "return-path:",
    "received:",
    "delivered-to:",
    "from:",
    "message-id:",
    "mime-version:",
    "date:",
    "x-",
    "dkim-",
    "arc-",
];

/// Whether these first bytes are those of a mail: its headers, one that says who sent it among them.
pub(crate) fn begins(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let headers: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).take(100).collect();
    headers.first().is_some_and(|line| FIRST.iter().any(|first| line.starts_with(first)))
        && headers.iter().any(|line| line.starts_with("from:"))
        && headers.iter().filter(|line| line.starts_with("subject:") || line.starts_with("date:")).count() > 0
}

/// How deep mails lie in mails.
const DEPTH: usize = 16;

pub(crate) fn read(bytes: &[u8], limits: &Limits, text: &mut Collected) -> Result<(), Problem> {
    let message = MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| Problem::Broken("it has no headers of a mail".to_owned()))?;
    if message.parts.len() > limits.parts.saturating_mul(20) {
        return Err(Problem::TooLarge);
    }
    one(&message, limits.depth.min(DEPTH), text);
    Ok(())
}

fn one(message: &Message<'_>, depth: usize, text: &mut Collected) {
    if text.is_full() || depth == 0 || message.parts.is_empty() {
        return;
    }
    text.push(message.subject().unwrap_or_default());
    text.line();
    for people in [message.from(), message.to()].into_iter().flatten() {
        for mailbox in people.iter() {
            text.push(mailbox.name().unwrap_or_default());
            text.space();
            text.push(mailbox.address().unwrap_or_default());
            text.line();
        }
    }
    for body in message.text_bodies() {
        match body.text_contents() {
            Some(contents) if body.is_text_html() => html::read(contents, text),
            Some(contents) => text.push(contents),
            None => {}
        }
        text.line();
    }
    for part in message.attachments() {
        text.push(part.attachment_name().unwrap_or_default());
        text.line();
        if let Some(nested) = part.message() {
            one(nested, depth.saturating_sub(1), text);
        }
    }
}
