//! The table at the end.

use std::time::Duration;

use crate::generator::Round;
use crate::pgbench::RawRound;
use crate::scale::{CONNECTIONS, RAW_CLIENTS, Scale};
use crate::workload::Compared;

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What was measured, beside what it is held against.
pub struct Measure {
    lines: Vec<Line>,
    notes: Vec<String>,
    resident_kb: u64,
    wrong: Vec<String>,
}

struct Line {
    name: String,
    against: String,
    found: String,
    figure: String,
    budget: String,
    kept: Option<bool>,
}

impl Measure {
    /// Rates of both sides, and the times under load.
    pub fn compared(compared: &Compared, raw: &[RawRound], served: &[Round]) -> Self {
        let rate = median(&served.iter().map(|round| round.rate).collect::<Vec<_>>());
        let raw_rate = median(&raw.iter().map(|round| round.rate).collect::<Vec<_>>());
        let ratio = rate / raw_rate;
        let (p50, p99) = (
            median(&served.iter().map(|round| round.percentile_ms(0.5)).collect::<Vec<_>>()),
            median(&served.iter().map(|round| round.percentile_ms(0.99)).collect::<Vec<_>>()),
        );
        let each = |figures: Vec<String>| figures.join(" ");
        let mean = |pick: fn(&Round) -> f64| served.iter().map(pick).sum::<f64>() / served.len().max(1) as f64;
        let raw_postgres = raw.iter().map(|round| round.postgres_us).sum::<f64>() / raw.len().max(1) as f64;
        let mut notes = vec![format!(
            "{}: rounds {} against {} a second; processor time of each: server {:.0} µs, PostgreSQL {:.0} µs; PostgreSQL under pgbench {raw_postgres:.0} µs",
            compared.name,
            each(served.iter().map(|round| format!("{:.0}", round.rate)).collect()),
            each(raw.iter().map(|round| format!("{:.0}", round.rate)).collect()),
            mean(|round| round.server_us),
            mean(|round| round.postgres_us),
        )];
        if served.iter().any(|round| round.exhausted) {
            notes.push(format!("{}: a round ended early, because nothing was left to ask for", compared.name));
        }
        let wrong = served
            .iter()
            .filter(|round| round.wrong > 0)
            .map(|round| {
                format!(
                    "{}: {} wrong answers, first: {}",
                    compared.name,
                    round.wrong,
                    round.first_wrong.as_deref().unwrap_or("?")
                )
            })
            .collect();
        Self {
            lines: vec![
                Line {
                    name: compared.name.to_owned(),
                    against: format!("{raw_rate:.0}/s"),
                    found: format!("{rate:.0}/s"),
                    figure: format!("{ratio:.2}"),
                    budget: compared.budget.map_or_else(|| "-".to_owned(), |budget| format!("≥ {budget:.1}")),
                    kept: compared.budget.map(|budget| ratio >= budget),
                },
                Line {
                    name: "    p99 over p50".to_owned(),
                    against: format!("p50 {p50:.1} ms"),
                    found: format!("p99 {p99:.1} ms"),
                    figure: format!("{:.1}", p99 / p50),
                    budget: "≤ 4.0".to_owned(),
                    kept: Some(p99 <= 4.0 * p50),
                },
            ],
            notes,
            resident_kb: served.iter().map(|round| round.resident_kb).max().unwrap_or(0),
            wrong,
        }
    }

    /// What was measured besides the figures of the table.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A figure that has a limit.
    pub fn at_most(name: &str, against: String, found: String, figure: f64, budget: f64, unit: &str) -> Self {
        let digits = usize::from(budget < 10.0);
        Self {
            lines: vec![Line {
                name: name.to_owned(),
                against,
                found,
                figure: format!("{figure:.digits$} {unit}"),
                budget: format!("≤ {budget:.digits$} {unit}"),
                kept: Some(figure <= budget),
            }],
            notes: Vec::new(),
            resident_kb: 0,
            wrong: Vec::new(),
        }
    }

    /// So many a second, without a limit.
    pub fn rate(name: &str, rate: f64) -> Self {
        Self {
            lines: vec![Line {
                name: name.to_owned(),
                against: String::new(),
                found: String::new(),
                figure: format!("{rate:.0}/s"),
                budget: "-".to_owned(),
                kept: None,
            }],
            notes: Vec::new(),
            resident_kb: 0,
            wrong: Vec::new(),
        }
    }

    /// Adds what was measured besides the figure.
    pub fn note(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// The answer was not the right one.
    pub fn wrong(mut self, what: String) -> Self {
        self.wrong.push(what);
        self
    }
}

/// Everything that was measured.
#[derive(Default)]
pub struct Report {
    measures: Vec<Measure>,
    wrong: Vec<String>,
}

impl Report {
    pub fn add(&mut self, measure: Measure) {
        for line in &measure.lines {
            println!("        {}", line.shown());
        }
        self.measures.push(measure);
    }

    pub fn wrong(&mut self, answers: Vec<String>) {
        self.wrong.extend(answers);
    }

    /// The memory that the server held at most, over all rounds so far.
    pub fn memory(&mut self) {
        let most = self.measures.iter().map(|measure| measure.resident_kb).max().unwrap_or(0) as f64 / 1024.0;
        self.add(Measure::at_most("resident memory under load", String::new(), String::new(), most, 64.0, "MB"));
    }

    pub fn has_wrong_answers(&self) -> bool {
        !self.wrong.is_empty() || self.measures.iter().any(|measure| !measure.wrong.is_empty())
    }

    pub fn print(&self, scale: &Scale, took: Duration) {
        println!("\n{}", scale.described());
        println!(
            "{} rounds of {:.0} s a side in turns, medians; pgbench -M prepared with {RAW_CLIENTS} clients; {CONNECTIONS} connections to the server; {} processors; {:.0} s altogether\n",
            scale.rounds,
            scale.round.as_secs_f64(),
            std::thread::available_parallelism().map_or(0, usize::from),
            took.as_secs_f64()
        );
        println!("{}", row("", "against", "found", "figure", "budget", ""));
        for line in self.measures.iter().flat_map(|measure| &measure.lines) {
            println!("{}", line.shown());
        }
        println!();
        for note in self.measures.iter().flat_map(|measure| &measure.notes) {
            println!("{note}");
        }
        for wrong in self.measures.iter().flat_map(|measure| &measure.wrong).chain(&self.wrong) {
            println!("WRONG  {wrong}");
        }
    }
}

impl Line {
    fn shown(&self) -> String {
        let kept = match self.kept {
            Some(true) => "kept",
            Some(false) => "MISSED",
            None => "",
        };
        row(&self.name, &self.against, &self.found, &self.figure, &self.budget, kept)
    }
}

fn row(name: &str, against: &str, found: &str, figure: &str, budget: &str, kept: &str) -> String {
    format!("{name:<56} {against:>13} {found:>13} {figure:>9} {budget:>10}  {kept}")
}
