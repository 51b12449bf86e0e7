//! What a bank line may settle: proposed with reasons, never done.

use std::collections::HashMap;

use async_graphql::{Enum, SimpleObject};
use backoffice_money::Decimal;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::grouped;
use crate::finance::ids::{BankLineId, OpenItemId};
use crate::finance::open_item::{OpenItem, OpenItemSide};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{Dec, Money};
use crate::platform::sql::sql;

/// The most suggestions for one line.
const MOST: usize = 10;
/// A document number shorter than this says nothing in the middle of a reference.
const SHORTEST_NUMBER: usize = 3;
/// The most characters of a document's number.
const LONGEST_NUMBER: usize = 60;
/// The most parts of one reference that are looked up: a statement's line of words has some dozens.
const MOST_NUMBERS: usize = 2000;
/// A name shorter than this says nothing.
const SHORTEST_NAME: usize = 4;

/// Why an open item is proposed for a bank line.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchReason {
    /// The document's number stands in the reference.
    Document,
    /// The line's amount is what is open.
    Amount,
    /// The line comes from or goes to the party's own account.
    Iban,
    /// The line names the party.
    Name,
}

/// An open item that a bank line may settle.
#[derive(SimpleObject, Clone, Debug)]
pub struct MatchSuggestion {
    /// The open item.
    pub open_item: OpenItem,
    /// How much of it the line would settle, with the item's sign: give it as the allocation's amount.
    pub amount: Money,
    /// Whether the line's amount is exactly what is open.
    pub exact: bool,
    /// What speaks for it.
    pub reasons: Vec<MatchReason>,
}

/// An item that a line may settle, and what the two of them have to be compared by.
#[derive(QueryableByName)]
struct Candidate {
    #[diesel(sql_type = SqlUuid)]
    item_id: OpenItemId,
    #[diesel(sql_type = SqlUuid)]
    line_id: BankLineId,
    #[diesel(sql_type = Numeric)]
    line_amount: Decimal,
    #[diesel(sql_type = Text)]
    said: String,
    #[diesel(sql_type = Nullable<Text>)]
    line_party: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    line_iban: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    party_iban: Option<String>,
}

/// What a line says.
#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = SqlUuid)]
    id: BankLineId,
    #[diesel(sql_type = Text)]
    reference: String,
}

impl Candidate {
    fn reasons(&self, item: &OpenItem) -> Vec<MatchReason> {
        let named = self.line_party.as_deref().is_some_and(|party| same_name(party, &item.party_name));
        let from = self.party_iban.is_some() && self.party_iban == self.line_iban;
        let tests = [
            (MatchReason::Document, mentions(&self.said, &item.document)),
            (MatchReason::Amount, self.line_amount.abs() == item.open_amount.0.abs()),
            (MatchReason::Iban, from),
            (MatchReason::Name, named),
        ];
        tests.into_iter().filter_map(|(reason, holds)| holds.then_some(reason)).collect()
    }

    fn suggestion(&self, item: OpenItem) -> Option<(u8, MatchSuggestion)> {
        let reasons = self.reasons(&item);
        let has = |reason| reasons.contains(&reason);
        let exact = has(MatchReason::Amount);
        if !(has(MatchReason::Document) || exact && (has(MatchReason::Iban) || has(MatchReason::Name))) {
            return None;
        }
        let weight = |reason, weight: u8| if has(reason) { weight } else { 0 };
        let rank = weight(MatchReason::Document, 8)
            | weight(MatchReason::Amount, 4)
            | weight(MatchReason::Iban, 2)
            | weight(MatchReason::Name, 1);
        let mut amount = item.open_amount.0;
        if self.line_amount.abs() < amount.abs() {
            let negative = amount.is_sign_negative();
            amount = self.line_amount.abs();
            amount.set_sign_negative(negative);
        }
        let amount = Money::new(Dec(amount), &item.currency);
        Some((rank, MatchSuggestion { open_item: item, amount, exact, reasons }))
    }
}

/// Letters and digits in capitals, and for each whether a word begins with it: at other characters, and where letters
/// and digits meet, so that `RE-2025-118`, `RE 2025 118` and `RE2025118` are told apart from nothing but each other.
fn words(text: &str) -> Vec<(char, bool)> {
    let mut kept: Vec<(char, bool)> = Vec::with_capacity(text.len());
    let mut before: Option<char> = None;
    for character in text.chars() {
        if !character.is_alphanumeric() {
            before = None;
            continue;
        }
        let begins = before.is_none_or(|before| before.is_numeric() != character.is_numeric());
        let mut upper = character.to_uppercase();
        kept.extend(upper.next().map(|first| (first, begins)));
        kept.extend(upper.map(|rest| (rest, false)));
        before = Some(character);
    }
    kept
}

/// The parts of a reference that may be the number of a document: from the beginning of a word to the end of one, with at
/// least three letters and digits and at most as many as a number has.
fn numbers(reference: &str) -> Vec<&str> {
    let mut spans: Vec<(usize, usize, usize)> = Vec::new();
    let mut before: Option<char> = None;
    for (at, character) in reference.char_indices() {
        let end = at.saturating_add(character.len_utf8());
        if !character.is_alphanumeric() {
            before = None;
            continue;
        }
        match spans.last_mut() {
            Some((_, last, length)) if before.is_some_and(|before| before.is_numeric() == character.is_numeric()) => {
                (*last, *length) = (end, length.saturating_add(1));
            }
            _ => spans.push((at, end, 1)),
        }
        before = Some(character);
    }
    let mut found = Vec::new();
    for (at, (begin, ..)) in spans.iter().enumerate() {
        let mut length: usize = 0;
        for (_, end, more) in spans.iter().skip(at) {
            length = length.saturating_add(*more);
            if length > LONGEST_NUMBER || found.len() >= MOST_NUMBERS {
                break;
            }
            if length >= SHORTEST_NUMBER {
                found.extend(reference.get(*begin..*end));
            }
        }
    }
    found
}

/// Whether a reference names a document: its number stands there whole, whatever the case, blanks and punctuation.
fn mentions(reference: &str, document: &str) -> bool {
    let number: Vec<char> = words(document).into_iter().map(|(character, _)| character).collect();
    if number.len() < SHORTEST_NUMBER {
        return false;
    }
    let said = words(reference);
    let starts = said.windows(number.len()).enumerate().filter(|(_, window)| {
        window.first().is_some_and(|(_, begins)| *begins)
            && window.iter().zip(&number).all(|((character, _), wanted)| character == wanted)
    });
    // the word that ends the number has to end with it
    starts
        .map(|(at, window)| at.saturating_add(window.len()))
        .any(|end| said.get(end).is_none_or(|(_, begins)| *begins))
}

/// Whether two names are the same but for case, blanks and punctuation, or one begins with the other.
fn same_name(a: &str, b: &str) -> bool {
    let letters = |name: &str| words(name).into_iter().map(|(character, _)| character).collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    a.len().min(b.len()) >= SHORTEST_NAME && (a.starts_with(&b) || b.starts_with(&a))
}

/// Fetches the suggestions for unmatched bank lines.
pub struct ForLine;

impl Fetch for ForLine {
    type Key = BankLineId;
    type Value = Vec<MatchSuggestion>;
    const CAN: Can = Can::OpenItemRead;

    async fn fetch(tx: &Tx, keys: Vec<BankLineId>) -> Result<HashMap<BankLineId, Vec<MatchSuggestion>>> {
        // What a line says may be a number is looked up, as is what it comes to; whether that is a reason is decided by the
        // rules above.
        let lines: Vec<Said> = tx
            .rows(
                sql("SELECT l.id, l.reference FROM finance.bank_line l WHERE l.tenant_id = $1 AND l.id = ANY ($2) AND NOT l.matched")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let (of, said): (Vec<BankLineId>, Vec<String>) = lines
            .iter()
            .flat_map(|line| numbers(&line.reference).into_iter().map(|number| (line.id, number.to_owned())))
            .unzip();
        let rows: Vec<Candidate> = tx
            .rows(
                sql("WITH line AS MATERIALIZED (
                       SELECT l.id, l.currency, l.amount, l.reference, l.counterparty, l.counterparty_iban,
                              upper(regexp_replace(coalesce(l.counterparty, ''), '[^[:alnum:]]', '', 'g')) AS who
                         FROM finance.bank_line l
                        WHERE l.tenant_id = $1 AND l.id = ANY ($2)
                     ), candidate AS (
                       SELECT n.line_id, i.id, true AS named
                         FROM (SELECT u.line_id, upper(regexp_replace(u.said, '[^[:alnum:]]', '', 'g')) AS mark
                                 FROM unnest($3::uuid[], $4::text[]) AS u (line_id, said)) AS n
                         JOIN finance.open_item i ON i.tenant_id = $1 AND i.mark = n.mark AND NOT i.settled
                        UNION
                       SELECT l.id, i.id, false
                         FROM line l
                         JOIN finance.open_item i ON i.tenant_id = $1 AND i.open_amount IN (l.amount, -l.amount) AND NOT i.settled
                     )
                     SELECT i.id AS item_id, line.id AS line_id, line.amount AS line_amount, line.reference AS said,
                            line.counterparty AS line_party, line.counterparty_iban AS line_iban, coalesce(c.iban, v.iban) AS party_iban
                       FROM (SELECT k.line_id, k.id, bool_or(k.named) AS named FROM candidate k GROUP BY 1, 2) AS k
                       JOIN line ON line.id = k.line_id
                       JOIN finance.open_item i ON i.tenant_id = $1 AND i.id = k.id AND i.currency = line.currency
                        AND sign(CASE WHEN i.side = 'receivable' THEN i.open_amount ELSE -i.open_amount END) = sign(line.amount)
                       LEFT JOIN finance.customer c ON c.tenant_id = $1 AND c.id = i.customer_id
                       LEFT JOIN finance.vendor v ON v.tenant_id = $1 AND v.id = i.vendor_id
                      CROSS JOIN LATERAL (SELECT upper(regexp_replace(i.party_name, '[^[:alnum:]]', '', 'g')) AS who) AS party
                      WHERE k.named OR coalesce(c.iban, v.iban) = line.counterparty_iban
                         OR line.who <> '' AND (starts_with(line.who, party.who) OR starts_with(party.who, line.who))
                      ORDER BY line.id, i.due_date, i.id
                      LIMIT 5000")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<Array<SqlUuid>, _>(lines.iter().map(|line| line.id).collect::<Vec<_>>())
                    .bind::<Array<SqlUuid>, _>(of)
                    .bind::<Array<Text>, _>(said),
            )
            .await?;
        let items = OpenItem::fetch(tx, rows.iter().map(|row| row.item_id).collect()).await?;
        let suggestions = rows.iter().filter_map(|row| {
            let item = items.get(&row.item_id)?.clone();
            Some((row.line_id, row.suggestion(item)?))
        });
        let mut by_line = grouped(suggestions);
        Ok(by_line
            .drain()
            .map(|(line, mut found)| {
                // stable: of equal rank the earlier due one first
                found.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
                found.truncate(MOST);
                (line, found.into_iter().map(|(_, suggestion)| suggestion).collect())
            })
            .collect())
    }
}

/// How much money an amount of an item moves: in for a receivable, out for a payable.
pub(super) fn flow(side: OpenItemSide, amount: Decimal) -> Result<Decimal> {
    match side {
        OpenItemSide::Receivable => Ok(amount),
        OpenItemSide::Payable => Ok(backoffice_money::neg(amount)?),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for reference in
            ["RE-2025-118", "Rechnung re 2025 118 vom 9.1.", "RE2025118", "zu RE-2025-118/2025-12", "(RE2025-118)"]
        {
            assert!(mentions(reference, "RE-2025-118"), "{reference}");
        }
    }

    #[test]
    fn parts_of_other_numbers_are_not() {
        for reference in ["RE-2025-1180", "XRE-2025-118", "RE-2025-11", "1RE 2025 1189", ""] {
            assert!(!mentions(reference, "RE-2025-118"), "{reference}");
        }
        assert!(!mentions("INV-000012", "INV-00001"));
        assert!(!mentions("paid 12", "12"), "too short to mean anything");
    }

    #[test]
    fn names() {
        assert!(same_name("MOEBELHAUS KRUEGER", "Moebelhaus Krueger GmbH"));
        assert!(!same_name("AG", "Agrar AG"));
        assert!(!same_name("Hansekontor KG", "Hafenkontor KG"));
    }

    proptest! {
        #[test]
        fn a_number_is_found_inside_any_words(before in "[a-z]{0,8}", number in "[A-Z]{2}-[0-9]{4}-[0-9]{1,5}", after in "[a-z]{0,8}") {
            let reference = format!("{before} {number} {after}");
            prop_assert!(mentions(&reference, &number));
            let plain = |text: &str| -> String { words(text).into_iter().map(|(character, _)| character).collect() };
            prop_assert!(numbers(&reference).into_iter().any(|part| plain(part) == plain(&number)));
            let longer = format!("{number}7");
            prop_assert!(!mentions(&number, &longer));
        }

        #[test]
        fn nothing_panics(reference in ".{0,60}", document in ".{0,20}") {
            // What is looked up is what is named.
            let plain = |text: &str| -> String { words(text).into_iter().map(|(character, _)| character).collect() };
            let found = numbers(&reference).into_iter().any(|part| plain(part) == plain(&document));
            prop_assert!(mentions(&reference, &document) || !found);
            let _ = same_name(&reference, &document);
        }
    }
}
