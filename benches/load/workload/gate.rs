//! The cost of the document gate, as a share of the smallest query that reads a row.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use backoffice_gate::{Limits, admit, admit_again};
use serde_json::json;

use super::{Caller, DIGITS, Dice, Heard, Kind, Load, Scale, Session, Template, is_good};
use crate::generator;
use crate::report::{Measure, median};
use crate::rows::{self, digits};
use crate::server::Server;

/// One field of one record.
const SMALLEST: &str = "query($id: ID!) { invoice(id: $id) { number } }";

/// The gate's processor time for the smallest query, against the server's and PostgreSQL's together for all of it.
pub fn gate(server: &Server, session: &Session, scale: &Scale) -> Measure {
    let id = json!({ "id": format!("inv_{}{DIGITS}", Kind::Invoice.prefix()) });
    let template = Rc::new(Template::new(session, scale.clients, "", SMALLEST, |_| id.clone()));
    let load = Smallest { template, clients: scale.clients, invoices: scale.invoices };
    generator::run(server, &load, Duration::from_millis(500));
    let round = generator::run(server, &load, scale.round);

    let limits = Limits::default();
    let variables = Variables::from_json(json!({ "id": format!("inv_{}", rows::id(Kind::Invoice, 1, 1)) }));
    let first = admit(SMALLEST, None, &variables, &limits).expect("the gate refuses the smallest query");
    let new = timed(|| drop(black_box(admit(black_box(SMALLEST), None, black_box(&variables), &limits))));
    let again = timed(|| drop(black_box(admit_again(black_box(&first), black_box(&variables), &limits))));
    let whole = round.server_us + round.postgres_us;
    let measure = Measure::at_most(
        "the gate's share of the smallest query",
        format!("{whole:.0} µs"),
        format!("{again:.1} µs"),
        100.0 * again / whole,
        3.0,
        "%",
    )
    .note(format!(
        "the gate: {again:.1} µs for a document that was answered before, {new:.1} µs ({:.1} %) for a new one; processor time of the smallest query: server {:.0} µs, PostgreSQL {:.0} µs, {:.0} a second",
        100.0 * new / whole,
        round.server_us,
        round.postgres_us,
        round.rate,
    ));
    match round.first_wrong {
        Some(wrong) => measure.wrong(format!("the smallest query: {wrong}")),
        None => measure,
    }
}

/// The median time of one call in microseconds.
fn timed(call: impl Fn()) -> f64 {
    const CALLS: u32 = 1000;
    let rounds: Vec<f64> = (0..21)
        .map(|_| {
            let started = Instant::now();
            (0..CALLS).for_each(|_| call());
            started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
        })
        .collect();
    median(&rounds)
}

struct Smallest {
    template: Rc<Template>,
    clients: u64,
    invoices: u64,
}

impl Load for Smallest {
    fn caller(&self, connection: usize) -> Box<dyn Caller> {
        Box::new(Asker {
            template: Rc::clone(&self.template),
            dice: Dice::new(connection),
            clients: self.clients,
            invoices: self.invoices,
        })
    }
}

struct Asker {
    template: Rc<Template>,
    dice: Dice,
    clients: u64,
    invoices: u64,
}

impl Caller for Asker {
    fn ask(&mut self, request: &mut Vec<u8>) -> Option<()> {
        let client = self.dice.throw(self.clients);
        let number = self.dice.throw(self.invoices);
        self.template.write(client, &[(DIGITS, &digits(client, number).to_string())], request);
        Some(())
    }

    fn hear(&mut self, answer: &[u8]) -> Heard {
        if is_good(answer, "{\"data\":{\"invoice\":{\"number\":\"INV-") { Heard::Good } else { Heard::Wrong }
    }
}
