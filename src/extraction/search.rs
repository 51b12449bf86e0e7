//! What somebody searches for, and where a text says it. The words are those of PostgreSQL's configuration `simple`: letters and
//! digits in lower case, in any language.

/// A word that is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The word in lower case.
    pub word: String,
    /// Whether words that begin so count as well.
    pub prefix: bool,
}

/// What was understood of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// For `to_tsquery('simple', …)`: words in quotes, `&`, `<->`, `!` and `:*`, nothing of the searcher's own.
    pub query: String,
    /// The words that were asked for.
    pub terms: Vec<Term>,
}

/// The most words of a search.
const MOST: usize = 16;

fn words(text: &str) -> Vec<String> {
    let split = text.split(|one: char| !one.is_alphanumeric());
    split
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(100).collect::<String>().to_lowercase())
        .collect()
}

/// Reads a search: words all of which are wanted, `"phrases in quotes"`, `-without`, and `begin*`. Nothing if no word is wanted.
#[must_use]
pub fn read(text: &str) -> Option<Search> {
    let (mut parts, mut terms): (Vec<String>, Vec<Term>) = (Vec::new(), Vec::new());
    let mut rest = text.trim();
    let mut count = 0usize;
    while !rest.is_empty() && count < MOST {
        let (without, body) = match rest.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, rest),
        };
        let (said, behind, quoted) = match body.strip_prefix('"') {
            Some(quoted) => match quoted.split_once('"') {
                Some((phrase, behind)) => (phrase, behind, true),
                None => (quoted, "", true),
            },
            None => {
                let end = body.find(|one: char| one.is_whitespace() || one == '"').unwrap_or(body.len());
                let (word, behind) = body.split_at(end);
                (word, behind, false)
            }
        };
        rest = behind.trim_start();
        let mut found = words(said);
        found.truncate(MOST.saturating_sub(count));
        count = count.saturating_add(found.len().max(1));
        let Some(last) = found.last() else { continue };
        let prefix = !quoted && said.ends_with('*') && last.chars().count() >= 3;
        let at_end = found.len().saturating_sub(1);
        let phrase: Vec<String> = found
            .iter()
            .enumerate()
            .map(|(at, word)| format!("'{word}'{}", if prefix && at == at_end { ":*" } else { "" }))
            .collect();
        let phrase = format!("({})", phrase.join(" <-> "));
        if without {
            parts.push(format!("!{phrase}"));
            continue;
        }
        parts.push(phrase);
        for (at, word) in found.into_iter().enumerate() {
            terms.push(Term { word, prefix: prefix && at == at_end });
        }
    }
    (!terms.is_empty()).then(|| Search { query: parts.join(" & "), terms })
}

/// A piece of a text, and whether it is what was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The piece.
    pub text: String,
    /// Whether it is one of the words.
    pub hit: bool,
}

/// The most characters around what was found.
const AROUND: usize = 160;

/// The words of a text, by their bytes.
fn spans(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0usize;
    text.split(|one: char| !one.is_alphanumeric()).filter_map(move |word| {
        let start = at;
        // whatever splits has a length of its own
        at = start.saturating_add(word.len());
        at = at.saturating_add(text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8));
        (!word.is_empty()).then_some((start, word))
    })
}

/// The place of a text that says what was searched for: around the word by which the most different ones stand. Nothing if it
/// says none.
#[must_use]
pub fn snippet(text: &str, terms: &[Term]) -> Vec<Piece> {
    let is_hit = |word: &str| {
        let lower = word.to_lowercase();
        terms.iter().position(|term| lower == term.word || (term.prefix && lower.starts_with(&term.word)))
    };
    let hits: Vec<(usize, usize, usize)> = spans(text)
        .filter_map(|(start, word)| is_hit(word).map(|term| (start, start.saturating_add(word.len()), term)))
        .take(2000)
        .collect();
    let different = |from: usize| {
        let mut seen: Vec<usize> = hits
            .iter()
            .filter(|(start, end, _)| *start >= from && *end <= from.saturating_add(AROUND))
            .map(|(_, _, term)| *term)
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    };
    // the first of the best
    let mut best: Option<(usize, usize)> = None;
    for (start, _, _) in hits.iter().take(200) {
        let count = different(*start);
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((*start, count));
        }
    }
    let Some((first, _)) = best else { return Vec::new() };
    let back: usize =
        text.get(..first).map(|before| before.chars().rev().take(AROUND / 3).map(char::len_utf8).sum()).unwrap_or(0);
    let from = first.saturating_sub(back);
    let ahead: usize =
        text.get(first..).map(|behind| behind.chars().take(AROUND).map(char::len_utf8).sum()).unwrap_or(0);
    let until = first.saturating_add(ahead).min(text.len());
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |part: Option<&str>, hit: bool| {
        let plain: String =
            part.unwrap_or_default().chars().map(|one| if one.is_whitespace() { ' ' } else { one }).collect();
        if !plain.is_empty() {
            pieces.push(Piece { text: plain, hit });
        }
    };
    if from > 0 {
        push(Some("…"), false);
    }
    let mut at = from;
    for (start, end, _) in hits.into_iter().filter(|(start, end, _)| *start >= from && *end <= until) {
        push(text.get(at..start), false);
        push(text.get(start..end), true);
        at = end;
    }
    push(text.get(at..until), false);
    if until < text.len() {
        push(Some("…"), false);
    }
    pieces
}
