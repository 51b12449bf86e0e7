//! The published formula, case by case.

use async_graphql_value::value;
use backoffice_gate::{BAD_USER_INPUT, Limits, VALIDATION_FAILED, admit};

use crate::support::{pass, pass_with, refuse, refuse_with, vars};

fn cost(query: &str) -> u64 {
    pass(query).cost.requested
}

#[test]
fn objects_cost_one_and_scalars_nothing() {
    assert_eq!(cost("{ a b c }"), 0);
    assert_eq!(cost("{ a { x } }"), 1);
    assert_eq!(cost("{ a { b { x } c { y } z } }"), 3);
    assert_eq!(cost("{ __typename a { __typename } }"), 1);
}

#[test]
fn lists_multiply() {
    assert_eq!(cost("{ list(first: 10) { nodes { id } } }"), 11);
    assert_eq!(cost("{ list(last: 10) { nodes { id } } }"), 11);
    assert_eq!(cost("{ list { nodes { id } } }"), 26);
    assert_eq!(cost("{ list { edges { node { id } } pageInfo { hasNextPage } } }"), 26);
    assert_eq!(cost("{ list(first: 3, last: 7) { nodes { id } } }"), 8);
    assert_eq!(cost("{ list(first: 0) { nodes { id } } }"), 2);
    assert_eq!(cost("{ list(first: null) { nodes { id } } }"), 26);
    assert_eq!(cost("{ invoices(first: 10) { nodes { id lines { nodes { id } } } } }"), 271);
}

#[test]
fn an_empty_page_costs_what_stands_around_it() {
    let least = |query: &str| pass(query).cost.least;
    assert_eq!(least("{ a { b { x } } }"), 2);
    assert_eq!(least("{ list(first: 10) { nodes { id } } }"), 1);
    assert_eq!(least("{ o { list { nodes { id lines { nodes { id } } } totalCount } } other { x } }"), 3);
    assert_eq!(least("{ ...F } fragment F on Q { list { edges { node { id } } } o { x } }"), 2);
    assert_eq!(least("mutation { pay { id lines { nodes { id } } } }"), 11);
    assert_eq!(least("{ __schema { types { name } } }"), 100);
}

#[test]
fn aliases_and_fragments_do_not_hide_a_list() {
    assert_eq!(cost("{ list { n: nodes { id } } }"), 26);
    assert_eq!(cost("{ list { ...F } } fragment F on C { ... on C { nodes { id } } }"), 26);
    assert_eq!(cost("{ a: o { ...F } b: o { ...F } } fragment F on T { x { y } }"), 4);
}

#[test]
fn ids_count() {
    assert_eq!(cost("{ nodes(ids: [1, 2, 3]) { id o { x } } }"), 4);
    let ids = vars([("ids", value!([1, 2, 3, 4]))]);
    assert_eq!(pass_with("query($ids: [ID!]!) { nodes(ids: $ids) { o { x } } }", ids).cost.requested, 5);
}

#[test]
fn mutations_cost_ten() {
    assert_eq!(cost("mutation { pay { id } }"), 10);
    assert_eq!(cost("mutation { pay }"), 10);
    assert_eq!(cost("mutation { a: pay { id o { x } } b: pay { id } __typename }"), 21);
    assert_eq!(cost("mutation { pay { id } pay { status } }"), 10);
}

#[test]
fn page_sizes_come_from_variables_and_their_defaults() {
    let query = "query($n: Int = 7) { list(first: $n) { nodes { id } } }";
    assert_eq!(cost(query), 8);
    assert_eq!(pass_with(query, vars([("n", value!(3))])).cost.requested, 4);
    assert_eq!(pass_with(query, vars([("n", value!(null))])).cost.requested, 26);
}

#[test]
fn pages_over_a_hundred_are_bad_input() {
    let by_variable = refuse_with("query($n: Int) { l(last: $n) { nodes { id } } }", vars([("n", value!(101))]));
    let by_default = refuse("query($n: Int = 101) { l(last: $n) { nodes { id } } }");
    for no in [
        refuse("{ list(first: 101) { nodes { id } } }"),
        refuse("{ list(first: -1) { nodes { id } } }"),
        refuse("{ list(first: 1.5) { nodes { id } } }"),
        refuse("{ list(first: 101) }"),
        refuse("{ o { ...F } } fragment F on T { list(first: 99999999999) { nodes { id } } }"),
        by_variable,
        by_default,
    ] {
        assert_eq!(no.code, BAD_USER_INPUT, "{no}");
        assert_eq!(no.limit.unwrap().name, "page");
        assert!(no.location.is_some());
    }
}

#[test]
fn heavy_arguments_cost() {
    let numbers = vec!["1"; 250].join(" ");
    assert_eq!(cost(&format!("{{ f(x: [{numbers}]) }}")), 2);
    let text = "x".repeat(6_400);
    assert_eq!(cost(&format!("{{ f(x: \"{text}\") }}")), 1);
    let big = vars([("big", (0..9_999).collect())]);
    let query = "query($big: [Int!]) { a(first: 100) { nodes { b(first: 100) { nodes { f(x: $big) } } } } }";
    assert_eq!(refuse_with(query, big).limit.unwrap().name, "cost");
}

#[test]
fn the_price_has_a_ceiling_and_does_not_overflow() {
    let query = |levels| format!("{}{{ x }}{}", "{ l(first: 100) { nodes ".repeat(levels), " } }".repeat(levels));
    let no = refuse(&query(3));
    assert_eq!((no.code, no.limit.unwrap().name), (VALIDATION_FAILED, "cost"));
    let mut limits = Limits::default();
    limits.depth = 60;
    limits.levels = 60;
    limits.cost = u64::MAX - 1;
    let no = admit(&query(16), None, &Default::default(), &limits).unwrap_err();
    assert_eq!(no.limit.unwrap().found, u64::MAX);
}
