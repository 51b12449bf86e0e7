//! What the variables may not hold.

use async_graphql_value::{ConstValue, Name, Variables, indexmap::IndexMap};

use crate::support::vars;

use super::{Bomb, INPUT, PARSE, VALID, bomb, many};

pub fn all() -> Vec<Bomb> {
    let query = "query($v: X) { a(x: $v) }";
    let with = |name, code, reason, value: ConstValue| Bomb {
        variables: vars([("v", value)]),
        ..bomb(name, code, reason, query)
    };
    let deep = |times: usize| (0..times).fold(ConstValue::Null, |inner, _| ConstValue::List(vec![inner]));
    let object = |times: usize| {
        (0..times).fold(ConstValue::Null, |inner, _| ConstValue::Object(IndexMap::from([(Name::new("o"), inner)])))
    };
    let mut hundred_and_one = Variables::default();
    for i in 0..101 {
        hundred_and_one.insert(Name::new(format!("v{i}")), ConstValue::Null);
    }
    let megabyte = ConstValue::String("x".repeat(1 << 20));
    let uses = many(100, |i| format!("f{i}(x: $v) "));
    vec![
        with("a variable 17 deep", INPUT, "variable_depth", deep(17)),
        with("a variable 120 deep", INPUT, "variable_depth", deep(120)),
        with("an object 17 deep", INPUT, "variable_depth", object(17)),
        with("10,001 values", INPUT, "variable_values", (0..10_000).collect()),
        with("a million values", INPUT, "variable_values", (0..1_000_000).collect()),
        with("10,000 empty lists", INPUT, "variable_values", ConstValue::List(vec![ConstValue::List(vec![]); 10_000])),
        with("a NUL in a variable", INPUT, "U+0000", ConstValue::List(vec!["a\0b".into()])),
        with("a text of 4 MiB", VALID, "argument_weight", "x".repeat(4 << 20).into()),
        Bomb { variables: hundred_and_one, ..bomb("101 variables sent", INPUT, "variables", "{ a }") },
        Bomb {
            variables: vars([("v", megabyte)]),
            ..bomb(
                "a megabyte in a hundred places",
                VALID,
                "argument_weight",
                format!("query($v: S) {{ o {{ {uses} }} }}"),
            )
        },
        bomb(
            "a default in a hundred places",
            VALID,
            "argument_weight",
            format!("query($v: S = [{}]) {{ o {{ {uses} }} }}", "1 ".repeat(4_000)),
        ),
        bomb("a variable in a default", PARSE, "cannot hold a variable", "query($a: I = [$b], $b: I) { a }"),
    ]
}
