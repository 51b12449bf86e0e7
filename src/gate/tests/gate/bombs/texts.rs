//! Texts that are not GraphQL, or too much of it.

use super::{Bomb, INPUT, PARSE, VALID, bomb, nested};

pub fn all() -> Vec<Bomb> {
    let mut odd = String::from("{ a ");
    odd.push_str(&"\u{202e}\u{1F4A3}é\u{0301}".repeat(5_000));
    vec![
        bomb("nothing", PARSE, "empty", ""),
        bomb("only white space", PARSE, "empty", " ,\n\t\r".repeat(10_000)),
        bomb("only comments", PARSE, "empty", "#{\n".repeat(30_000)),
        bomb("a megabyte of spaces", VALID, "bytes", " ".repeat(1 << 20)),
        bomb("a megabyte of brackets", VALID, "bytes", "{".repeat(1 << 20)),
        bomb("a megabyte of one name", VALID, "bytes", format!("{{ {} }}", "a".repeat(1 << 20))),
        bomb("an empty selection", PARSE, "Expected a name", "{ }"),
        bomb("100,000 opened brackets", VALID, "nesting", "{".repeat(100_000)),
        bomb("100,000 closed brackets", PARSE, "closes nothing", "}".repeat(100_000)),
        bomb("crossed brackets", PARSE, "closes nothing", "{ a(b: [1)] }"),
        bomb("65 selections deep", VALID, "nesting", nested("{ a ", 65, "{ a }", "}")),
        bomb("a list 10,000 deep", VALID, "nesting", format!("{{ a(x: {}) }}", nested("[", 10_000, "", "]"))),
        bomb("an object 10,000 deep", VALID, "nesting", format!("{{ a(x: {}) }}", nested("{o:", 5_000, "1", "}"))),
        bomb("a type 10,000 deep", VALID, "nesting", format!("query($x: {}) {{ a }}", nested("[", 10_000, "I", "]"))),
        bomb("unicode garbage", PARSE, "no place here", odd),
        bomb("a NUL in the text", PARSE, "no place here", "{ a\0 }"),
        bomb("a NUL in a comment", PARSE, "control character", "{ a # \0\n }"),
        bomb("a NUL in a string", PARSE, "control character", "{ a(x: \"\0\") }"),
        bomb("a NUL in a block string", PARSE, "control character", "{ a(x: \"\"\"\0\"\"\") }"),
        bomb("an escaped NUL", INPUT, "U+0000", "{ a(x: [{o: \"\\u0000\"}]) }"),
        bomb("half a surrogate", PARSE, "unknown escape", "{ a(x: \"\\uD800\") }"),
        bomb("an unknown escape", PARSE, "unknown escape", "{ a(x: \"\\x41\") }"),
        bomb("an unterminated string", PARSE, "not closed", format!("{{ a(x: \"{}", "x".repeat(90_000))),
        bomb("a string over two lines", PARSE, "not closed", "{ a(x: \"a\nb\") }"),
        bomb(
            "an unterminated block string",
            PARSE,
            "not closed",
            format!("{{ a(x: \"\"\"{}", "\\\"\"\"".repeat(20_000)),
        ),
        bomb("five quotes", PARSE, "not closed", "{ a(x: \"\"\"\"\") }"),
        bomb(
            "braces in a block string, then real ones",
            VALID,
            "nesting",
            format!("{{ a(x: \"\"\"{}\"\"\") {}", "}".repeat(10_000), "{a".repeat(70)),
        ),
        bomb("a number of 90,000 digits", PARSE, "out of range", format!("{{ a(x: {}) }}", "9".repeat(90_000))),
        bomb("a number that is none", PARSE, "not a number", "{ a(x: 01) }"),
        bomb("not a number at all", PARSE, "no place", "{ a(x: +NaN) }"),
        bomb("dots", PARSE, "spread has three", "{ ".to_owned() + &".".repeat(100)),
        bomb("a schema instead of a query", PARSE, "an operation or a fragment", "type Query { a: Int }"),
    ]
}
