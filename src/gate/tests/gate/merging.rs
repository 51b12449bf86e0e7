//! Repeated response keys: what they become, and where they are refused.

use backoffice_gate::VALIDATION_FAILED;

use crate::support::{merged, pass, refuse};

#[test]
fn a_payment_asked_for_twice_is_made_once() {
    assert_eq!(merged("mutation { pay { id } pay { status } }"), "mutation { pay { id status } }");
    assert_eq!(pass("mutation { pay { id } pay { status } }").root_fields, ["pay"]);
}

#[test]
fn also_through_fragments_on_the_root() {
    assert_eq!(
        merged(
            "mutation { ...A ...B } fragment A on Mutation { pay { id } } fragment B on Mutation { pay { status } }"
        ),
        "mutation { pay { id status } }",
    );
    assert_eq!(
        merged(
            "mutation { pay { a } ...A } fragment A on Mutation { ...B pay { b } } fragment B on Mutation { pay { c } x }"
        ),
        "mutation { pay { a c b } x }",
    );
}

#[test]
fn also_through_inline_fragments_on_the_root() {
    assert_eq!(
        merged("mutation { ... { pay { id } } ... on Mutation { pay { status } ... on Mutation { pay { at } } } }"),
        "mutation { pay { id status at } }",
    );
}

#[test]
fn the_same_fragment_twice_is_the_same_field() {
    assert_eq!(merged("mutation { ...A ...A } fragment A on Mutation { pay { id } }"), "mutation { pay { id } }");
}

#[test]
fn arguments_may_stand_in_any_order() {
    assert_eq!(
        merged("mutation { p: pay(a: 1, b: {c: 2, d: $x}) { id } p: pay(b: {d: $x, c: 2}, a: 1) { at } }"),
        "mutation { p: pay(a: 1, b: {c: 2, d: $x}) { id at } }",
    );
}

#[test]
fn other_aliases_are_other_payments() {
    let passed = pass("mutation { a: pay { id } b: pay { id } }");
    assert_eq!(passed.root_fields, ["pay", "pay"]);
}

#[test]
fn merging_goes_down() {
    assert_eq!(merged("{ a { b { c } } a { b { d } b { c } e } a { e } }"), "query { a { b { c d } e } }",);
}

#[test]
fn the_first_occurrence_gives_the_order() {
    assert_eq!(merged("mutation { a { x } b { x } a { y } }"), "mutation { a { x y } b { x } }");
}

#[test]
fn conditions_stay_where_they_were() {
    assert_eq!(
        merged("{ a @skip(if: $s) { x } ... @include(if: $i) { b c } d { x @skip(if: $s) x @skip(if: $s) } }"),
        "query { a @skip(if: $s) { x } ... @include(if: $i) { b c } d { x @skip(if: $s) } }",
    );
}

#[test]
fn a_condition_on_a_root_spread_goes_around_its_fields() {
    assert_eq!(
        merged("mutation { x ...A @include(if: $i) y ...A @include(if: $i) } fragment A on Mutation { pay { id } }"),
        "mutation { x ... @include(if: $i) { pay { id } } y }",
    );
}

#[test]
fn equal_conditions_merge_without_changing_the_order() {
    assert_eq!(
        merged("mutation { ... @include(if: $i) { x { a } } y ... @include(if: $i) { x { b } z } }"),
        "mutation { ... @include(if: $i) { x { a b } } y ... @include(if: $i) { z } }",
    );
}

#[test]
fn nested_conditions_are_kept_nested() {
    assert_eq!(
        merged("{ ... @include(if: $a) { ... @skip(if: $b) { x } y ... @skip(if: $b) { x z } } }"),
        "query { ... @include(if: $a) { ... @skip(if: $b) { x } y ... @skip(if: $b) { z } } }",
    );
}

#[test]
fn a_mutation_under_two_conditions_is_refused() {
    for query in [
        "mutation { pay { id } pay @include(if: $a) { status } }",
        "mutation { pay @skip(if: $a) { id } pay @include(if: $a) { status } }",
        "mutation { pay { id } ... @include(if: $a) { pay { status } } }",
        "mutation { ...A @include(if: $a) ...A @include(if: $b) } fragment A on Mutation { pay { id } }",
        "mutation { ...A ...A @skip(if: $b) } fragment A on Mutation { pay { id } }",
    ] {
        let no = refuse(query);
        assert_eq!(no.code, VALIDATION_FAILED, "{query}");
        assert!(no.message.contains("would run twice"), "{query}: {no}");
    }
}

#[test]
fn a_query_under_two_conditions_keeps_both() {
    assert_eq!(merged("{ a { x } a @include(if: $i) { y } }"), "query { a { x } a @include(if: $i) { y } }",);
}

#[test]
fn contradictions_are_refused() {
    for query in [
        "{ a: x a: y }",
        "{ a(n: 1) a(n: 2) }",
        "{ a a(n: 1) }",
        "{ o { a: x a: y } }",
        "{ o { a: x } o { a: y } }",
        "{ a: x ... on Query { a: y } }",
        "{ a: x ...F } fragment F on Query { a: y }",
        "{ a: x ... @include(if: $i) { a: y } }",
        "{ o { ... on T { a: x } ... on T { a: y } } }",
        "{ o { ...F } } fragment F on T { a: x a: y }",
        "mutation { a: pay(n: 1) { id } a: pay(n: 2) { id } }",
    ] {
        let no = refuse(query);
        assert_eq!(no.code, VALIDATION_FAILED, "{query}");
        assert!(no.message.contains("asked for twice"), "{query}: {no}");
        assert!(no.location.is_some());
    }
}

#[test]
fn different_types_may_use_one_key_differently() {
    assert_eq!(
        merged("{ node { ... on A { v: x } ... on B { v: y } ... on A { w } } }"),
        "query { node { ... on A { v: x } ... on B { v: y } ... on A { w } } }",
    );
}

#[test]
fn a_fragment_on_its_own_type_dissolves() {
    assert_eq!(
        merged("{ o { ...F } } fragment F on T { a ... on T { a b { x } } b { y } }"),
        "query { o { ...F } } fragment F on T { a b { x y } }",
    );
}

#[test]
fn spreads_below_the_root_stay_once() {
    assert_eq!(
        merged("{ o { ...F a } o { ...F ...G b } } fragment F on T { x } fragment G on T { y }"),
        "query { o { ...F a ...G b } } fragment F on T { x } fragment G on T { y }",
    );
}

#[test]
fn written_out_fragments_leave_the_document_and_others_stay() {
    assert_eq!(
        merged("{ ...R } fragment R on Query { o { ...F } } fragment F on T { x } fragment Unused on T { y }"),
        "query { o { ...F } } fragment F on T { x } fragment Unused on T { y }",
    );
}

#[test]
fn a_fragment_that_another_operation_needs_stays() {
    let limits = backoffice_gate::Limits::default();
    let query = "query A { ...R } query B { ...R } fragment R on Query { x }";
    let passed = backoffice_gate::admit(query, Some("B"), &Default::default(), &limits).unwrap();
    assert_eq!(crate::support::print(&passed.document), "query A { ...R } query B { x } fragment R on Query { x }");
    assert_eq!(passed.operation_name.as_deref(), Some("B"));
}

#[test]
fn foreign_fragments_have_no_place_in_the_root_of_a_mutation() {
    for query in [
        "mutation { ...F } fragment F on Query { x }",
        "mutation { ... on Payable { pay { id } } pay { id } }",
        "mutation { ... on Mutation { ... on Payable { pay { id } } } }",
        "subscription { ... on Query { x } }",
    ] {
        assert!(refuse(query).message.contains("cannot stand in the root"), "{query}");
    }
    assert_eq!(merged("{ ... on Node { x } }"), "query { ... on Node { x } }");
}

#[test]
fn a_subscription_has_one_field() {
    assert_eq!(merged("subscription { s { a } s { b } }"), "subscription { s { a b } }");
    assert!(refuse("subscription { s { a } t { a } }").message.contains("one root field"));
    assert!(
        refuse("subscription { ...F } fragment F on Subscription { s { a } t { a } }").message.contains("one root")
    );
}
