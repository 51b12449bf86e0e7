//! Introspection: the query of GraphiQL passes, what grows with the schema does not.

use backoffice_gate::{Limits, admit};

use crate::support::{pass, refuse};

/// As GraphiQL 5 and graphql-js 16 send it, with every option on.
pub const GRAPHIQL: &str = "
query IntrospectionQuery {
  __schema {
    description
    queryType { name kind }
    mutationType { name kind }
    subscriptionType { name kind }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description
    args(includeDeprecated: true) { ...InputValue }
    type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type {
  kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}";

#[test]
fn graphiql_may_read_the_schema() {
    let passed = pass(GRAPHIQL);
    assert_eq!(passed.root_fields, ["__schema"]);
    assert_eq!(passed.operation_name.as_deref(), Some("IntrospectionQuery"));
    assert_eq!(passed.cost.requested, 100);
    assert_eq!(passed.document.fragments.len(), 3);
}

#[test]
fn a_type_and_the_types_of_its_fields_may_be_read() {
    pass("{ __type(name: \"Invoice\") { fields { name type { name fields { name } } } } }");
}

#[test]
fn it_can_be_switched_off() {
    let mut limits = Limits::default();
    limits.introspection = false;
    for query in [
        "{ __schema { types { name } } }",
        "{ a: __type(name: \"X\") { name } }",
        "{ ...F } fragment F on Query { __schema { description } }",
    ] {
        let no = admit(query, None, &Default::default(), &limits).unwrap_err();
        assert!(no.message.contains("does not answer"), "{no}");
    }
    admit("{ __typename }", None, &Default::default(), &limits).unwrap();
}

#[test]
fn what_multiplies_with_the_schema_is_refused() {
    let no = refuse("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }");
    assert_eq!(no.limit.unwrap().name, "introspection_list_depth");
    let no = refuse(
        "{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...U } } } fragment U on __Type { fields { name } }",
    );
    assert_eq!(no.limit.unwrap().name, "introspection_list_depth");
    let many: String = (0..17).map(|i| format!("t{i}: types {{ name }} ")).collect();
    assert_eq!(refuse(&format!("{{ __schema {{ {many} }} }}")).limit.unwrap().name, "introspection_lists");
    let deep = format!("{{ __type(name: \"A\") {} {{ name }} {} }}", "{ ofType".repeat(20), "}".repeat(20));
    assert_eq!(refuse(&deep).limit.unwrap().name, "introspection_depth");
}
