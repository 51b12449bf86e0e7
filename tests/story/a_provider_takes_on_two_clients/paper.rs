//! The same books kept on paper: every amount written down by hand from the files and the story, added up by the
//! plainest means. Nothing here comes from the program under test.

use std::collections::BTreeMap;

/// Amounts in cents, debit positive.
pub type Cents = i64;

/// One line as a bookkeeper would write it down.
#[derive(Clone, Copy)]
pub struct Line {
    pub day: &'static str,
    pub account: &'static str,
    pub amount: Cents,
}

#[derive(Default)]
pub struct Paper {
    lines: Vec<Line>,
    /// Kind by account code.
    kinds: BTreeMap<String, String>,
}

impl Paper {
    /// Reads kinds from the chart and the opening balances from their file.
    pub fn open(chart: &'static str, opening: &'static str, day: &'static str) -> Self {
        let mut paper = Self::default();
        for row in chart.lines().skip(1) {
            let cells = cells(row);
            paper.kinds.insert(cells[0].clone(), cells[2].clone());
        }
        for row in opening.lines().skip(1) {
            let cells = cells(row);
            let account: &'static str = Box::leak(cells[0].clone().into_boxed_str());
            paper.write(day, &[(account, cents(&cells[1]) - cents(&cells[2]))]);
        }
        assert_eq!(paper.lines.iter().map(|line| line.amount).sum::<Cents>(), 0, "the opening file does not balance");
        paper
    }

    /// Writes an entry down.
    pub fn write(&mut self, day: &'static str, lines: &[(&'static str, Cents)]) {
        self.lines.extend(lines.iter().map(|(account, amount)| Line { day, account, amount: *amount }));
    }

    /// How many lines there are: a place to come back to.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Balance by account at the end of a day, of the first `known` lines.
    pub fn balances(&self, as_of: &str, known: usize) -> BTreeMap<String, Cents> {
        let mut balances = BTreeMap::new();
        for line in self.lines[..known].iter().filter(|line| line.day <= as_of) {
            *balances.entry(line.account.to_owned()).or_insert(0) += line.amount;
        }
        balances.retain(|_, balance| *balance != 0);
        balances
    }

    /// Σ of the accounts of a kind, debit positive.
    pub fn total(&self, kind: &str, as_of: &str, known: usize) -> Cents {
        self.balances(as_of, known).iter().filter(|(code, _)| self.kinds[*code] == kind).map(|(_, balance)| balance).sum()
    }

    pub fn balance(&self, account: &str, as_of: &str, known: usize) -> Cents {
        self.balances(as_of, known).get(account).copied().unwrap_or(0)
    }
}

/// Cents from "1234.50"; nothing is zero.
pub fn cents(text: &str) -> Cents {
    if text.is_empty() {
        return 0;
    }
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
    assert_eq!(part.len(), 2, "{text}");
    sign * (whole.parse::<Cents>().unwrap() * 100 + part.parse::<Cents>().unwrap())
}

/// "1234.50" from cents.
pub fn written(cents: Cents) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// The cells of a CSV row; quotes only around whole cells.
fn cells(row: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for character in row.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}
