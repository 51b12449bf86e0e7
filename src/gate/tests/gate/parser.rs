//! Our descent against the engine's own parser: the same document, place by place.

use async_graphql_parser::{parse_query, types::ExecutableDocument};
use async_graphql_value::Variables;
use backoffice_gate::{Limits, PARSE_FAILED, admit};

use crate::introspection::GRAPHIQL;

/// Documents on which nothing is merged, so that the gate gives back what it read.
const SAME: &[&str] = &[
    "{ a }",
    "  {\n\ta , b\r\n c }  ",
    "query { a }",
    "query Q { a } mutation M { b } subscription S { c }",
    "query Q($a: Int, $b: [String!]! = [\"x\" \"y\"], $c: In = {a: {b: [1 2.5 -3e10]}, e: E}) { f(a: $a b: $b c: $c) }",
    "query Q($a: [[Int!]]! @x(y: 1) = [[1]]) @x { f(a: [$a {k: $a}]) @x(y: $a) @include(if: true) }",
    "{ alias: field(x: 0, y: -0, z: 123456789012345678901234567890) { more { deep } } }",
    "{ a(x: true, y: false, z: null, w: TRUE, v: nul) }",
    "{ ...F ... on T @skip(if: $x) { a } ... @include(if: $y) { b } ...G @skip(if: true) } fragment F on T { a } fragment G on T { b { ...F } }",
    "fragment F on T @x { on: on fragment: query } query on { on { ...F } }",
    r#"{ a(x: "", y: "\"\\\/\b\f\n\r\té€", z: "ä€😀 # { ") }"#,
    "{ a(x: \"\"\"\"\"\", y: \"\"\"\n    one\n      two\n\n    three \t\n  \"\"\", z: \"\"\" a \"b\" \"\"c \"\"\") }",
    "{ é: 1 }",
    "{ a(\u{feff}x: 1) # comment ä😀 }\n b }",
    "{ a(x: 1.5e3 y: 1E-2 z: 0.0) }",
    "{ a(x: [] y: {} z: [[] {}]) }",
];

/// Texts that neither takes.
const NEITHER: &[&str] = &[
    "",
    "{",
    "}",
    "{ }",
    "{ a",
    "{ a( }",
    "{ a() }",
    "{ a(x) }",
    "{ a(x:) }",
    "{ a: }",
    "{ :a }",
    "{ a(x: $) }",
    "{ a @ }",
    "{ a @x( }",
    "query",
    "query Q",
    "query Q(",
    "query Q($a) { a }",
    "query Q($a:) { a }",
    "query Q($a: Int =) { a }",
    "query Q($a: [Int) { a }",
    "query Q(a: Int) { a }",
    "fragment F { a }",
    "fragment F on { a }",
    "fragment on on T { a }",
    "{ ... on { a } }",
    "{ ... on T }",
    "{ ... }",
    "{ ...@x }",
    "{ a(x: \"a) }",
    "{ a(x: 1a) }",
    "{ a(x: .5) }",
    "{ a(x: 1.) }",
    "{ a(x: -) }",
    "{ a(x: 1e) }",
    "{ a } b",
    "{ a } }",
    "{ a(x: [1) }",
    "{ a(x: {b 1}) }",
    "{ a(x: {b: }) }",
    "{ a ! }",
    "{ a | b }",
    "{ a & b }",
    "{ a = b }",
    "{ a $b }",
    "{ a(x: \"\\q\") }",
    "{ a(x: \"\\u12\") }",
    "query Q($a: Int = $b) { a }",
    "subscription",
    "{ a { } }",
    "{ \"a\" }",
    "{ 1 }",
];

fn told(document: &ExecutableDocument) -> Vec<String> {
    let operations = document.operations.iter().map(|(name, operation)| format!("{name:?} {operation:#?}"));
    let fragments = document.fragments.iter().map(|(name, fragment)| format!("{name:?} {fragment:#?}"));
    let mut all: Vec<String> = operations.chain(fragments).collect();
    all.sort();
    all
}

fn ours(query: &str) -> Result<ExecutableDocument, backoffice_gate::Rejected> {
    let mut limits = Limits::default();
    limits.extra_directives = &["x"];
    let name = parse_query(query).ok().and_then(|document| {
        document.operations.iter().filter_map(|(name, _)| name.map(|name| name.to_string())).min()
    });
    admit(query, name.as_deref(), &Variables::default(), &limits)
        .map(|passed| std::sync::Arc::unwrap_or_clone(passed.document))
}

#[test]
fn both_read_the_same_places_and_values() {
    for query in SAME.iter().chain([&GRAPHIQL]) {
        match (parse_query(query), ours(query)) {
            (Ok(theirs), Ok(ours)) => {
                for (ours, theirs) in told(&ours).iter().zip(told(&theirs)) {
                    assert_eq!(*ours, theirs, "{query}");
                }
            }
            (Err(_), Err(no)) => assert_eq!(no.code, PARSE_FAILED, "{query}"),
            (theirs, ours) => panic!("{query}\n{theirs:?}\n{ours:?}"),
        }
    }
}

#[test]
fn what_the_engine_does_not_take_we_do_not_take() {
    for query in NEITHER {
        assert!(parse_query(query).is_err(), "{query}");
        assert_eq!(ours(query).expect_err(query).code, PARSE_FAILED, "{query}");
    }
}

/// A text from a few words at random, in a fixed order of random numbers.
fn babble(seed: u64) -> String {
    const WORDS: &[&str] = &[
        "{",
        "}",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "a",
        "b",
        "on",
        "query",
        "fragment",
        "...",
        ":",
        "$",
        "@x",
        "=",
        "1",
        "-2.5",
        "\"s\"",
        "\"\"\"t\"\"\"",
        "!",
        "true",
        "null",
        "T",
        ",",
        "\n",
        "{ a }",
        "(x: 1)",
        "... on T { b }",
        "query Q",
        "mutation",
        "#c\n",
    ];
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    let length = 1 + next() % 12;
    let middle: Vec<&str> = (0..length).map(|_| WORDS[next() % WORDS.len()]).collect();
    match next() % 3 {
        0 => middle.join(" "),
        1 => format!("{{ {} }}", middle.join(" ")),
        _ => format!("{{ a(x: {}) {{ c }} }}", middle.join(" ")),
    }
}

#[test]
fn whatever_we_read_in_babble_the_engine_reads_too() {
    let mut read = 0;
    for seed in 0..4_000 {
        let query = babble(seed);
        match (parse_query(&query), ours(&query)) {
            (_, Ok(_)) if query.contains("()") => {}
            (Err(theirs), Ok(_)) => panic!("only we read {query}\n{theirs}"),
            (Ok(_), Err(no)) if no.code == PARSE_FAILED => {
                panic!("only the engine reads {query}\n{no}");
            }
            (Ok(_), _) => read += 1,
            (Err(_), _) => {}
        }
    }
    assert!(read > 100, "{read}");
}
