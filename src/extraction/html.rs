//! HTML: what a reader would see of it. No browser: tags go, scripts and styles go with what is in them.

use super::Collected;

/// Elements whose contents nobody reads.
const SILENT: &[&str] = &["script", "style", "template", "noscript", "svg", "head"];
/// Elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "br",
    "li",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "blockquote",
    "section",
    "article",
    "header",
    "footer",
    "pre",
    "hr",
    "title",
];

pub(crate) fn read(html: &str, text: &mut Collected) {
    let mut rest = html;
    // Looked for in vain once, the end of a tag is not looked for again: all that is left would be read each time.
    let mut has_ends = true;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        decode(before, text);
        if text.is_full() {
            return;
        }
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.find("-->").and_then(|end| comment.get(end.saturating_add(3)..)).unwrap_or_default();
            continue;
        }
        let is_tag = tag.get(1..).is_some_and(|next| {
            next.starts_with(|one: char| one.is_ascii_alphabetic() || one == '/' || one == '!' || one == '?')
        });
        let end = if is_tag && has_ends { tag.find('>') } else { None };
        has_ends = has_ends && (end.is_some() || !is_tag);
        let Some(end) = end else {
            // no tag after all
            text.push("<");
            rest = tag.get(1..).unwrap_or_default();
            continue;
        };
        let inside = tag.get(1..end).unwrap_or_default();
        rest = tag.get(end.saturating_add(1)..).unwrap_or_default();
        let name: String = inside
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect::<String>()
            .to_ascii_lowercase();
        if SILENT.contains(&name.as_str()) && !inside.starts_with('/') && !inside.ends_with('/') {
            rest = behind(rest, &name);
        }
        if BLOCKS.contains(&name.as_str()) {
            text.line()
        } else if ["td", "th"].contains(&name.as_str()) {
            text.space()
        }
    }
    decode(rest, text);
}

/// What stands behind the end of an element; nothing if it never ends. The head of a page holds its title, which is lost with
/// it: the first heading says the same.
fn behind<'a>(rest: &'a str, name: &str) -> &'a str {
    let mut at = 0;
    while let Some(found) = rest.get(at..).and_then(|rest| rest.find("</")) {
        let start = at.saturating_add(found).saturating_add(2);
        let here = rest.get(start..).unwrap_or_default();
        if here.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name)) {
            return here.find('>').and_then(|end| here.get(end.saturating_add(1)..)).unwrap_or_default();
        }
        at = start;
    }
    ""
}

/// Text with its entities: those that texts in European languages use, and numbers.
fn decode(text: &str, out: &mut Collected) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push(before);
        let end = entity.bytes().take(12).position(|byte| byte == b';');
        let decoded = end.and_then(|end| entity.get(1..end)).and_then(named);
        match (decoded, end) {
            (Some(decoded), Some(end)) => {
                out.push(decoded.encode_utf8(&mut [0; 4]));
                rest = entity.get(end.saturating_add(1)..).unwrap_or_default();
            }
            _ => {
                out.push("&");
                rest = entity.get(1..).unwrap_or_default();
            }
        }
    }
    out.push(rest);
}

pub(crate) fn named(entity: &str) -> Option<char> {
    if let Some(number) = entity.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "euro" => '€',
        "sect" => '§',
        "ndash" => '–',
        "mdash" => '—',
        "bdquo" => '„',
        "ldquo" => '“',
        "rdquo" => '”',
        "lsquo" => '‘',
        "rsquo" => '’',
        "hellip" => '…',
        "shy" => '\u{ad}',
        _ => return None,
    })
}
