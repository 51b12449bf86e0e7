//! `cargo bench`: the server under load, measured against the same SQL through pgbench in the same run.
//!
//! A private PostgreSQL with the server's own settings gets 200 clients with 1,000 issued invoices of three lines each
//! (1,000,000 journal lines) and one more client with 1,000,000 journal lines; row-level security is on and nothing is
//! switched off for the server. Then the release binary serves it as a process of its own. pgbench and the load generator
//! take turns in short rounds, so that both meet the same machine; a ratio is that of their medians.
//!
//! The run ends with a table of the ratios and their budgets. A missed budget is not an error, a wrong answer is.
//!
//! `BACKOFFICE_BENCH_SCALE=0.01` shrinks data and rounds for a quick try; `BACKOFFICE_BENCH_SECONDS` sets the length of a
//! round, `BACKOFFICE_BENCH_ROUNDS` their number, `BACKOFFICE_BENCH_ONLY` a part of the name of the comparisons to make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod books;
mod database;
mod edge;
mod generator;
mod http;
mod pgbench;
mod process;
mod report;
mod rows;
mod scale;
mod server;
mod workload;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use report::{Measure, Report};
use scale::Scale;

fn main() -> ExitCode {
    let scale = Scale::from_environment();
    let started = Instant::now();
    let mut database = database::Database::fill(&scale);
    say(&format!("{:>4} s  data: {}", started.elapsed().as_secs(), scale.described()));
    let server = server::Server::start(&database);
    let session = server::Session::open(&server, &scale);
    let mut report = Report::default();

    report.wrong(workload::check_answers(&server, &session, &database, &scale));
    for compared in workload::all(&database, &session, &scale).into_iter().filter(|compared| wanted(compared.name)) {
        say(&format!("{:>4} s  {}", started.elapsed().as_secs(), compared.name));
        compared.prepare(&database);
        let measure = compare(&compared, &server, &database, &scale);
        measure.notes().iter().for_each(|note| say(&format!("        {note}")));
        report.add(measure);
    }
    say(&format!("{:>4} s  trial balance", started.elapsed().as_secs()));
    report.add(workload::trial_balance(&server, &session, &database, &scale));
    say(&format!("{:>4} s  queue", started.elapsed().as_secs()));
    workload::queue(&server, &session, &database, &scale).into_iter().for_each(|measure| report.add(measure));
    if wanted("document search") {
        say(&format!("{:>4} s  documents", started.elapsed().as_secs()));
        workload::documents(&server, &session, &database, &scale).into_iter().for_each(|measure| report.add(measure));
    }
    report.memory();
    if wanted("books") {
        say(&format!("{:>4} s  books", started.elapsed().as_secs()));
        books::books(&server, &session, &database, &scale).into_iter().for_each(|measure| report.add(measure));
    }
    say(&format!("{:>4} s  gate", started.elapsed().as_secs()));
    report.add(workload::gate(&server, &session, &scale));
    if wanted("edge") {
        say(&format!("{:>4} s  webhooks", started.elapsed().as_secs()));
        report.add(edge::webhooks(&server, &session, &database));
        say(&format!("{:>4} s  subscribers", started.elapsed().as_secs()));
        edge::followers(&server, &database, &scale).into_iter().for_each(|measure| report.add(measure));
    }
    drop(server);
    if wanted("edge") {
        say(&format!("{:>4} s  neighbours", started.elapsed().as_secs()));
        report.add(edge::neighbours(&database, &scale));
        say(&format!("{:>4} s  exports and imports", started.elapsed().as_secs()));
        edge::bulk(&database, &scale).into_iter().for_each(|measure| report.add(measure));
    }
    say(&format!("{:>4} s  starts", started.elapsed().as_secs()));
    report.add(server::starts(&mut database));
    report.print(&scale, started.elapsed());
    if report.has_wrong_answers() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Rounds of both sides in turns, each preceded by a short one that is not counted.
fn compare(
    compared: &workload::Compared,
    server: &server::Server,
    database: &database::Database,
    scale: &Scale,
) -> Measure {
    let warm_up = scale.round.div_f64(4.0).max(Duration::from_millis(500));
    let (mut raw, mut served) = (Vec::new(), Vec::new());
    compared.raw.run(database, warm_up);
    generator::run(server, &*compared.load, warm_up);
    for _ in 0..scale.rounds {
        raw.push(compared.raw.run(database, scale.round));
        served.push(generator::run(server, &*compared.load, scale.round));
    }
    Measure::compared(compared, &raw, &served)
}

fn wanted(name: &str) -> bool {
    std::env::var("BACKOFFICE_BENCH_ONLY").map_or(true, |only| name.contains(&only))
}

fn say(line: &str) {
    println!("{line}");
}
