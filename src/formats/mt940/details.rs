//! What field 86 says of a movement, in whichever way a bank writes it.

use crate::bank_statement::BankLine;
use crate::iban;
use crate::text;

/// The code words of banks that write `/WORD/value`, as far as they tell something apart.
const WORDS: &[&str] = &[
    "EREF", "KREF", "PREF", "MARF", "MREF", "CSID", "CRED", "IBAN", "BIC", "NAME", "REMI", "BENM", "ORDP", "CNTP",
    "TRTP", "TRCD", "RTRN", "ISDT", "SVCL", "ULTB", "ULTC", "ULTD", "PURP", "ADDR", "ID", "OCMT", "CHGS", "EXCH",
    "INIT", "SUBJ",
];

/// The marks in front of the parts of a SEPA payment's purpose, four letters and a plus.
const PARTS: &[&str] =
    &["EREF", "KREF", "MREF", "CRED", "DEBT", "SVWZ", "IBAN", "BIC", "ABWA", "ABWE", "PURP", "COAM", "OAMT"];

/// What is found in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    code: Option<String>,
    name: Option<String>,
    account: Option<String>,
    purpose: Option<String>,
    end_to_end_id: Option<String>,
}

impl Details {
    pub(super) fn read(lines: &[&str]) -> Self {
        subfields(lines)
            .or_else(|| words(lines))
            .or_else(|| account_first(lines))
            .unwrap_or_else(|| Self { purpose: text::filled(&lines.join(" ")), ..Self::default() })
    }

    /// Adds to the movement what its own field does not say better.
    pub(super) fn put_on(self, line: &mut BankLine) {
        // Where the reference is the other account once more, it is none.
        line.end_to_end_id = line.end_to_end_id.take().filter(|reference| Some(reference) != self.account.as_ref());
        line.counterparty = self.name;
        line.counterparty_iban = self.account;
        if self.purpose.is_some() {
            line.reference = self.purpose;
        }
        if self.end_to_end_id.is_some() {
            line.end_to_end_id = self.end_to_end_id;
        }
        if let Some(code) = self.code {
            line.kind = Some(line.kind.take().map_or(code.clone(), |kind| format!("{kind}/{code}")));
        }
    }
}

/// A reference that says that there is none.
fn provided(text: &str) -> Option<String> {
    text::filled(text).filter(|text| !["NOTPROVIDED", "NONREF"].contains(&text.as_str()))
}

fn account(text: &str) -> Option<String> {
    Some(iban::normalised(text)).filter(|account| !account.is_empty())
}

/// `166?00GUTSCHRIFT?20EREF+12?21SVWZ+Invoice 7?31DE…?32MUELLER`: lines are cut where they are full, wherever that is, so they
/// are put together as they are.
fn subfields(lines: &[&str]) -> Option<Details> {
    let whole: String = lines.concat();
    let whole = whole.trim_start();
    let (code, rest) = whole.split_at_checked(3)?;
    let separator = rest.chars().next().filter(|mark| ['?', '<', '~', '^'].contains(mark))?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut details = Details { code: Some(code.to_owned()), ..Details::default() };
    let (mut purpose, mut name, mut number, mut iban) = (String::new(), String::new(), None, None);
    for part in rest.split(separator).skip(1) {
        let Some((tag, value)) = part.split_at_checked(2) else { continue };
        match tag {
            "20" | "21" | "22" | "23" | "24" | "25" | "26" | "27" | "28" | "29" | "60" | "61" | "62" | "63" => {
                purpose.push_str(value);
            }
            "31" => number = account(value),
            "32" | "33" => name.push_str(value),
            "38" => iban = account(value),
            _ => {}
        }
    }
    details.name = text::filled(&name);
    details.account = iban.or(number);
    let parts = sepa_parts(&purpose);
    let of = |wanted: &str| parts.iter().find(|(mark, _)| *mark == wanted).map(|(_, value)| *value);
    details.end_to_end_id = of("EREF").and_then(provided);
    details.account = details.account.or_else(|| of("IBAN").and_then(account));
    details.purpose = match of("SVWZ") {
        Some(text) => text::filled(text),
        None => text::filled(&purpose),
    };
    Some(details)
}

/// The parts of a purpose that begins with a mark; none otherwise.
fn sepa_parts(purpose: &str) -> Vec<(&str, &str)> {
    let mut starts: Vec<(usize, usize, &str)> = PARTS
        .iter()
        .flat_map(|mark| {
            purpose.match_indices(mark).map(move |(at, found)| (at, at.saturating_add(found.len()), *mark))
        })
        .filter(|(_, end, _)| purpose.get(*end..).is_some_and(|rest| rest.starts_with('+')))
        .collect();
    starts.sort_unstable();
    let ends = starts.iter().skip(1).map(|(at, ..)| *at).chain([purpose.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|((_, begin, mark), end)| Some((*mark, purpose.get(begin.saturating_add(1)..end)?)))
        .collect()
}

/// `/TRTP/SEPA OVERBOEKING/IBAN/NL…/NAME/Jan/REMI/Invoice 7/EREF/12`, and with the other side at once:
/// `/EREF/12//CNTP/NL…/BIC/Jan/City//REMI/USTD//Invoice 7`.
fn words(lines: &[&str]) -> Option<Details> {
    let whole: String = lines.concat();
    let whole = whole.trim();
    let first = whole.strip_prefix('/')?.split('/').next()?;
    if !WORDS.contains(&first) {
        return None;
    }
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for part in whole.split('/').skip(1) {
        // A word that was there already is text.
        if WORDS.contains(&part) && !found.iter().any(|(word, _)| *word == part) {
            found.push((part, Vec::new()));
        } else if let Some((_, values)) = found.last_mut() {
            values.push(part);
        }
    }
    let of = |wanted: &str| found.iter().find(|(word, _)| *word == wanted).map(|(_, values)| values.as_slice());
    let joined =
        |wanted: &str| of(wanted).map(|values| values.join("/")).map(|text| text.trim_end_matches('/').to_owned());
    let mut details = Details {
        code: joined("TRCD").or_else(|| joined("TRTP")).and_then(|text| text::filled(&text)),
        name: joined("NAME").and_then(|text| text::filled(&text)),
        account: joined("IBAN").and_then(|text| account(&text)),
        end_to_end_id: joined("EREF").and_then(|text| provided(&text)),
        purpose: None,
    };
    if let Some([number, _bic, name, ..]) = of("CNTP") {
        details.account = details.account.or_else(|| account(number));
        details.name = details.name.or_else(|| text::filled(name));
    }
    details.purpose = match of("REMI") {
        Some(["USTD" | "STRD", rest @ ..]) => text::filled(rest.join("/").trim_matches('/')),
        Some(values) => text::filled(values.join("/").trim_matches('/')),
        None => text::filled(whole),
    };
    Some(details)
}

/// An IBAN in front of the name on the first line, and what it is for on the others.
fn account_first(lines: &[&str]) -> Option<Details> {
    let (first, others) = lines.split_first()?;
    let (number, name) = first.trim().split_once(' ').unwrap_or((first.trim(), ""));
    // Some banks' test files have wrong check digits, and what is not checked elsewhere is not checked here.
    let head = number.split_at_checked(4)?;
    let shaped = (15..=34).contains(&number.len())
        && head.0.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
        && head.0.bytes().skip(2).all(|byte| byte.is_ascii_digit())
        && head.1.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let account = shaped.then(|| number.to_owned())?;
    Some(Details {
        account: Some(account),
        name: text::filled(name),
        purpose: text::filled(&others.join(" ")),
        ..Details::default()
    })
}
