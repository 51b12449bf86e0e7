//! Small texts that are large once written out.

use super::{Bomb, VALID, bomb, doubling, many};

pub fn all() -> Vec<Bomb> {
    let twice = |i: usize| format!("fragment F{i} on T {{ ...F{0} ...F{0} }} ", i + 1);
    let apart = |i: usize| format!("fragment F{i} on T {{ a {{ ...F{0} }} b {{ ...F{0} }} }} ", i + 1);
    let on_root = |i: usize| {
        format!("fragment F{i} on Query {{ ... @skip(if: $a) {{ ...F{0} }} ... @skip(if: $b) {{ ...F{0} }} }} ", i + 1)
    };
    let list = "1 ".repeat(4_000);
    vec![
        bomb("2^25 spreads", VALID, "selections", format!("{{ x {{ ...F0 }} }} {}", doubling(25, twice))),
        bomb("2^15 fields", VALID, "selections", format!("{{ ...F0 }} {}", doubling(14, apart))),
        bomb("2^600 spreads", VALID, "levels", format!("{{ ...F0 }} {}", doubling(400, twice))),
        bomb(
            "2^14 conditions in the root",
            VALID,
            "selections",
            format!("{{ ...F0 }} {}", doubling(12, on_root).replace("on T", "on Query")),
        ),
        bomb("a doubling that nobody spreads", VALID, "selections", format!("{{ a }} {}", doubling(20, twice))),
        bomb(
            "a doubling in another operation's reach",
            VALID,
            "selections",
            format!("query {{ a ...F0 }} {}", doubling(20, twice)),
        ),
        bomb(
            "a chain of 500",
            VALID,
            "levels",
            format!(
                "{{ ...F0 }} {} fragment F500 on T {{ a }}",
                many(500, |i| format!("fragment F{i} on T {{ ...F{} }} ", i + 1))
            ),
        ),
        bomb(
            "a chain of 500 from the end",
            VALID,
            "levels",
            format!(
                "{{ ...F499 }} {} fragment F500 on T {{ a }}",
                many(500, |i| format!("fragment F{i} on T {{ ...F{} }} ", i.checked_sub(1).unwrap_or(500)))
            ),
        ),
        bomb("a fragment in itself", VALID, "spreads itself", "{ ...A } fragment A on Query { ...A }"),
        bomb(
            "two fragments in each other",
            VALID,
            "spreads itself",
            "{ ...A } fragment A on Q { a { ...B } } fragment B on Q { a { ...A } }",
        ),
        bomb(
            "a cycle nobody spreads",
            VALID,
            "spreads itself",
            "{ a } fragment A on Q { ...B } fragment B on Q { ...A }",
        ),
        bomb("an unknown fragment", VALID, "no fragment", "{ ...Nowhere }"),
        bomb(
            "1,000 spreads of 10 fields",
            VALID,
            "selections",
            format!("{{ o {{ {} }} }} fragment F on T {{ a b c d e f g h i j }}", "...F ".repeat(1_000)),
        ),
        bomb(
            "a big literal, spread often",
            VALID,
            "argument_weight",
            format!("{{ o {{ {} }} }} fragment F on T {{ a(x: [{list}]) }}", "...F ".repeat(100)),
        ),
        bomb(
            "a mutation by spreading one twice under conditions",
            VALID,
            "run twice",
            "mutation { ...A @skip(if: $a) ...A @include(if: $a) } fragment A on Mutation { pay { id } }",
        ),
        bomb(
            "a mutation through a foreign type",
            VALID,
            "cannot stand",
            "mutation { pay { id } ... on Payer { pay { id } } }",
        ),
        bomb("contradicting keys", VALID, "asked for twice", "{ a: b a: c }"),
        bomb("two subscriptions", VALID, "one root field", "subscription { a b }"),
        bomb(
            "introspection of introspection",
            VALID,
            "introspection_list_depth",
            "{ __schema { types { fields { type { fields { name } } } } } }",
        ),
        bomb(
            "introspection 30 times",
            VALID,
            "introspection_lists",
            format!("{{ __schema {{ {} }} }}", many(30, |i| format!("t{i}: types {{ name }} "))),
        ),
        bomb(
            "30 introspections",
            VALID,
            "introspection_lists",
            format!("{{ {} }}", many(30, |i| format!("s{i}: __schema {{ types {{ name }} }} "))),
        ),
    ]
}
