//! What passes, and what comes with it.

use async_graphql_value::{Name, Variables, value};
use backoffice_gate::{Limits, OperationKind, VALIDATION_FAILED, admit, admit_counted};

use crate::support::{merged, pass, pass_with, refuse, vars};

#[test]
fn the_plainest_query() {
    let passed = pass("{ me { id } }");
    assert_eq!(passed.operation_kind, OperationKind::Query);
    assert_eq!(passed.operation_name, None);
    assert_eq!(passed.root_fields, ["me"]);
    assert!(passed.defaults.is_empty());
}

#[test]
fn the_operation_is_chosen_by_name() {
    let query = "query A { a } mutation B { b } subscription C { c }";
    let none = Variables::default();
    let limits = Limits::default();
    let passed = admit(query, Some("B"), &none, &limits).unwrap();
    assert_eq!((passed.operation_kind, passed.operation_name.as_deref()), (OperationKind::Mutation, Some("B")));
    assert_eq!(passed.root_fields, ["b"]);
    assert!(admit(query, None, &none, &limits).unwrap_err().message.contains("several operations"));
    assert!(admit(query, Some("D"), &none, &limits).unwrap_err().message.contains("\"D\""));
    assert!(admit(query, Some(""), &none, &limits).is_err());
    assert!(admit("{ a }", Some("A"), &none, &limits).is_err());
    assert_eq!(pass("query Only { a }").operation_name.as_deref(), Some("Only"));
}

#[test]
fn an_operation_that_was_not_chosen_counts_too() {
    let bomb = "query Good { a } query Bad { ...A } fragment A on Query { x { ...A } }";
    let no = admit(bomb, Some("Good"), &Variables::default(), &Limits::default()).unwrap_err();
    assert!(no.message.contains("spreads itself"));
}

#[test]
fn defaults_of_variables_left_out_come_with_it() {
    let query = "query($a: Boolean = true, $b: Int = 5, $c: Int) { x @include(if: $a) y(b: $b, c: $c) }";
    let passed = pass_with(query, vars([("b", value!(null))]));
    assert_eq!(passed.defaults, [(Name::new("a"), value!(true))]);
}

#[test]
fn comments_commas_and_byte_order_marks_do_not_matter() {
    assert_eq!(
        merged("\u{feff}# hi \u{1F600} } } {\n{ a, ,b #{{{{\r\n c(x: \"#\", y: \"\"\"}\"#{{\\\"\"\"[\"\"\") }"),
        "query { a b c(x: \"#\", y: \"}\\\"#{{\\\"\\\"\\\"[\") }"
    );
}

#[test]
fn keywords_are_names_too() {
    assert_eq!(
        merged("query query { query mutation: fragment on type(on: nullable, x: trueish) ...on }  fragment f on query { on }".replace("...on ", "...f ").as_str()),
        "query query { query mutation: fragment on type(on: nullable, x: trueish) ...f } fragment f on query { on }",
    );
}

#[test]
fn a_page_of_a_usual_client_takes_few_steps() {
    let query = "query Invoices($first: Int = 50, $after: String) {
        invoices(first: $first, after: $after, orderBy: [{field: ISSUED_ON}]) {
            nodes { id number total { amount currency } customer { id name } lines { nodes { id text amount } } }
            pageInfo { hasNextPage endCursor }
        }
    }";
    let mut work = 0;
    let passed = admit_counted(query, Some("Invoices"), &Variables::default(), &Limits::default(), &mut work).unwrap();
    assert_eq!(passed.cost.requested, 1 + 50 * (1 + 1 + 1 + (1 + 25)));
    assert!(work < 200, "{work}");
}

#[test]
fn the_largest_document_that_passes_takes_few_steps() {
    let names: String = (0..4_990).map(|i| format!("f{i} ")).collect();
    let mut limits = Limits::default();
    limits.root_fields = 5_000;
    let mut work = 0;
    admit_counted(&format!("{{ {names} }}"), None, &Variables::default(), &limits, &mut work).unwrap();
    assert!(work < 6 * 5_000, "{work}");
}

#[test]
fn messages_are_short_and_placed() {
    let no = refuse(&format!("{{\n  a ...{}\n}}", "Long".repeat(1_000)));
    assert_eq!(no.code, VALIDATION_FAILED);
    assert_eq!(no.location, Some((2, 5)));
    assert!(no.message.len() < 120, "{}", no.message);
    assert_eq!(refuse("{ a(é: 1) }").to_string(), "The character \"é\" has no place here. (line 1, column 5)");
    assert_eq!(refuse("{ a ").to_string(), "The text ends before \"{\" is closed. (line 1, column 5)");
    assert_eq!(refuse("{ \"ä\u{1F600}\" é }").location, Some((1, 8)));
}
