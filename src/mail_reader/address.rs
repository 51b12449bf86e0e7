//! Which of our addresses a mail was sent to.

/// The tokens before `@domain` in a field's value, in small letters: what may be the address of a client.
pub(crate) fn tokens(value: &str, domain: &str, found: &mut Vec<String>) {
    let value = value.to_ascii_lowercase();
    let at = format!("@{}", domain.to_ascii_lowercase());
    for (start, _) in value.match_indices(&at) {
        let (before, behind) = value.split_at(start);
        let ends = behind.get(at.len()..).unwrap_or_default().chars().next();
        if ends.is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | '_')) {
            continue;
        }
        let from = before.rfind(|one: char| !one.is_ascii_alphanumeric()).map_or(0, |at| at.saturating_add(1));
        // What stands before has to end there: `x.token@` is somebody else.
        let cut = before.get(..from).and_then(|rest| rest.chars().next_back());
        let token = before.get(from..).unwrap_or_default();
        let is_whole = cut.is_none_or(|one| !matches!(one, '.' | '+' | '-' | '_' | '@' | '=' | '/' | '!' | '%'));
        if is_whole && (1..=64).contains(&token.len()) && found.len() < 20 && !found.iter().any(|one| one == token) {
            found.push(token.to_owned());
        }
    }
}

/// The tokens of our addresses that a mail was delivered to. What the mail server says counts before what its sender says.
#[must_use]
pub fn routes(fields: &[(String, String)], domain: &str) -> Vec<String> {
    for names in [
        &["delivered-to", "x-original-to", "envelope-to", "x-envelope-to"][..],
        &["to", "cc", "bcc", "resent-to", "resent-cc"][..],
    ] {
        let mut found = Vec::new();
        for (_, value) in fields.iter().filter(|(name, _)| names.contains(&name.as_str())) {
            tokens(value, domain, &mut found);
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Numbers of the register that a subject names, such as `OUT-2026-00001`: at most five.
#[must_use]
pub fn in_subject(subject: &str) -> Vec<String> {
    let subject = subject.to_ascii_uppercase();
    let mut found: Vec<String> = Vec::new();
    for word in subject.split(|one: char| !one.is_ascii_alphanumeric() && one != '-') {
        let mut parts = word.split('-');
        let (prefix, year, number) = (parts.next(), parts.next(), parts.next());
        let digits = |text: Option<&str>, least: usize, most: usize| {
            text.is_some_and(|text| {
                (least..=most).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_digit())
            })
        };
        let is_number = matches!(prefix, Some("IN" | "OUT"))
            && digits(year, 4, 4)
            && digits(number, 5, 9)
            && parts.next().is_none();
        if is_number && found.len() < 5 && !found.iter().any(|one| one == word) {
            found.push(word.to_owned());
        }
    }
    found
}
