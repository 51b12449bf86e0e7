//! Too much of one thing.

use super::{Bomb, INPUT, VALID, bomb, many, nested};

pub fn all() -> Vec<Bomb> {
    vec![
        bomb("10,000 aliases", VALID, "aliases", format!("{{ {} }}", many(10_000, |i| format!("a{i}:b ")))),
        bomb("101 aliases", VALID, "aliases", format!("{{ o {{ {} }} }}", many(101, |i| format!("a{i}:b ")))),
        bomb("10,000 fields", VALID, "tokens", format!("{{ {} }}", "a ".repeat(10_000))),
        bomb("31 root fields", VALID, "root_fields", format!("{{ {} }}", many(31, |i| format!("a{i} ")))),
        bomb(
            "31 root fields in fragments",
            VALID,
            "root_fields",
            format!("{{ {} }}", many(31, |i| format!("... on Query {{ a{i} }} "))),
        ),
        bomb("2,000 directives", VALID, "directives", format!("{{ a {} }}", "@skip(if: $a) ".repeat(2_000))),
        bomb(
            "6 directives at one place",
            VALID,
            "directives_per_location",
            format!("{{ a {} }}", "@skip(if: true) ".repeat(6)),
        ),
        bomb("an unknown directive", VALID, "no directive", "{ a @boom }"),
        bomb("an unknown directive on an operation", VALID, "no directive", "query @boom { a }"),
        bomb("an unknown directive on a variable", VALID, "no directive", "query($a: Int @boom) { a }"),
        bomb(
            "a condition on a fragment's definition",
            VALID,
            "spreads only",
            "{ ...F } fragment F on Query @skip(if: true) { a }",
        ),
        bomb("a huge list", VALID, "tokens", format!("{{ a(x: [{}]) }}", "1 ".repeat(40_000))),
        bomb("a huge object", VALID, "tokens", format!("{{ a(x: {{{}}}) }}", many(9_000, |i| format!("f{i}:1 ")))),
        bomb("a field twice in an object", VALID, "given twice", "{ a(x: {f: 1, f: 2}) }"),
        bomb("an argument twice", VALID, "given twice", "{ a(x: 1, x: 2) }"),
        bomb("51 arguments", VALID, "arguments", format!("{{ a({}) }}", many(51, |i| format!("x{i}: 1 ")))),
        bomb("500 operations", VALID, "several operations", many(500, |i| format!("query Q{i} {{ a }} "))),
        bomb("two operations without names", VALID, "only one", "{ a } { b }"),
        bomb("two operations of one name", VALID, "defined twice", "query A { a } query A { b }"),
        bomb("two fragments of one name", VALID, "defined twice", "{ a } fragment A on T { a } fragment A on T { a }"),
        bomb("no operation", VALID, "no operation", "fragment A on T { a }"),
        bomb(
            "101 variables declared",
            VALID,
            "variables",
            format!("query({}) {{ a }}", many(101, |i| format!("$v{i}: I "))),
        ),
        bomb(
            "17 fields deep",
            VALID,
            "depth",
            nested("{ a ", 17, "", "}").replacen("a }", "a{b}}", 1).replacen("{b}", "", 1),
        ),
        bomb("31 inline fragments deep", VALID, "levels", nested("{ ... ", 31, "{ a }", "}")),
        bomb("a page of 101", INPUT, "page", "{ a(first: 101) { nodes { id } } }"),
        bomb(
            "three pages of 100",
            VALID,
            "cost",
            "{ a(first: 100) { nodes { b(first: 100) { nodes { c(first: 100) { nodes { d } } } } } } }",
        ),
    ]
}
