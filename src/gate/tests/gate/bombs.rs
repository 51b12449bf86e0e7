//! The zoo: documents made to hurt. Each is refused with a reason, after a bounded number of steps.

mod floods;
mod fragments;
mod texts;
mod variables;

use async_graphql_value::Variables;
use backoffice_gate::{
    BAD_USER_INPUT as INPUT, Limits, PARSE_FAILED as PARSE, VALIDATION_FAILED as VALID, admit_counted,
};

/// Twice the steps of the largest document that passes.
const MOST_STEPS: u64 = 60_000;

struct Bomb {
    name: &'static str,
    query: String,
    variables: Variables,
    code: &'static str,
    /// The limit it hits, or a word of the message.
    reason: &'static str,
}

fn bomb(name: &'static str, code: &'static str, reason: &'static str, query: impl Into<String>) -> Bomb {
    Bomb { name, query: query.into(), variables: Variables::default(), code, reason }
}

fn many(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect()
}

fn nested(open: &str, times: usize, middle: &str, close: &str) -> String {
    format!("{}{middle}{}", open.repeat(times), close.repeat(times))
}

/// Each fragment spreads the next twice.
fn doubling(levels: usize, body: impl Fn(usize) -> String) -> String {
    many(levels, body) + &format!("fragment F{levels} on T {{ x }}")
}

#[test]
fn every_bomb_is_refused_for_its_reason_in_few_steps() {
    let zoo: Vec<Bomb> =
        [texts::all(), floods::all(), fragments::all(), variables::all()].into_iter().flatten().collect();
    assert!(zoo.len() >= 80, "{}", zoo.len());
    let mut wrong = Vec::new();
    for Bomb { name, query, variables, code, reason } in zoo {
        let mut work = 0;
        let verdict = admit_counted(&query, None, &variables, &Limits::default(), &mut work);
        let told = match &verdict {
            Ok(_) => "passed".to_owned(),
            Err(no) => format!("{} {} {no}", no.code, no.limit.map(|limit| limit.name).unwrap_or_default()),
        };
        let right = verdict.is_err_and(|no| {
            let named = no.limit.is_some_and(|limit| limit.name == reason && limit.found > limit.allowed);
            no.code == code && (named || (no.limit.is_none() && no.message.contains(reason))) && no.message.len() < 200
        });
        if !right || work > MOST_STEPS {
            wrong.push(format!("{name}: {told} after {work} steps"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_deepest_text_needs_little_stack() {
    let deep = [
        nested("{ ... ", 64, "", "}"),
        format!("{{ a(x: {}) }}", nested("[", 62, "1", "]")),
        format!("{{ a(x: {}) }}", nested("{o:", 62, "1", "}")),
        format!("query($v: {}, $w: I = {}) {{ a }}", nested("[", 62, "I", "]"), nested("[", 62, "1", "]")),
        format!("{{ a {} }}", nested("{ a ", 28, "{ x }", "}")),
    ];
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let run = small.spawn(move || {
        for query in deep {
            let mut limits = Limits::default();
            limits.depth = 64;
            let _ = admit_counted(&query, None, &Variables::default(), &limits, &mut 0);
        }
    });
    run.unwrap().join().unwrap();
}
