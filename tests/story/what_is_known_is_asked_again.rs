//! The server remembers what it heard: whose rights, which documents. Nothing of it outlives its truth.

use serde_json::{Value, json};

use crate::harness::{App, Books};

const CUSTOMERS: &str = "{ customers { nodes { id } } }";
const VIEWER: &str = "{ viewer { permissions name } }";

#[tokio::test]
async fn rights_change_between_two_requests() {
    let app = App::start();
    let administrator = app.administrator().await;
    let client = administrator.onboard("Alpha", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let inside = administrator.enter(&client).await;
    let ben = administrator.staff("ben@firm.example", "Ben").await;
    let create =
        "mutation($input: RoleCreateInput!) { roleCreate(input: $input) { role { id } userErrors { message } } }";
    let update =
        "mutation($input: RoleUpdateInput!) { roleUpdate(input: $input) { role { id } userErrors { message } } }";
    let made = inside.ask(create, json!({ "input": { "name": "Parties", "permissions": ["CUSTOMER_READ"] } })).await;
    let role = made["roleCreate"]["role"]["id"].as_str().unwrap().to_owned();
    inside.grant(&ben, "Parties", "2020-01-01", None).await;
    let within = app.sign_in("ben@firm.example").await.enter(&client).await;
    let rights = |reply: &Value| reply["viewer"]["permissions"].clone();
    for _ in 0..3 {
        within.ask(CUSTOMERS, json!({})).await;
        assert_eq!(rights(&within.ask(VIEWER, json!({})).await), json!(["CUSTOMER_READ"]));
    }

    // Taken away, then given back: each holds for the next request, also where it asks nothing but what was known.
    let change = |rights: Value| json!({ "input": { "id": role, "permissions": rights } });
    inside.ask(update, change(json!(["VENDOR_READ"]))).await;
    assert_eq!(within.send(CUSTOMERS, json!({})).await.code(), "FORBIDDEN");
    assert_eq!(rights(&within.ask(VIEWER, json!({})).await), json!(["VENDOR_READ"]));
    inside.ask(update, change(json!(["CUSTOMER_READ", "VENDOR_READ"]))).await;
    within.ask("{ customers { nodes { id } } vendors { nodes { id } } }", json!({})).await;

    // Whose name is known as it was is not told it.
    app.database.lay("UPDATE identity.account SET name = 'Benjamin' WHERE email = 'ben@firm.example'");
    assert_eq!(within.ask(VIEWER, json!({})).await["viewer"]["name"], "Benjamin");

    let disable =
        "mutation($user: ID!) { staffDisable(input: { user: $user }) { staffMember { id } userErrors { message } } }";
    administrator.ask(disable, json!({ "user": ben })).await;
    for asked in [VIEWER, CUSTOMERS, "{ viewer { permissions } customers { nodes { id } } }"] {
        assert_eq!(within.send(asked, json!({})).await.code(), "UNAUTHENTICATED", "{asked}");
    }
}

#[tokio::test]
async fn a_known_document_is_held_against_the_schema_for_every_shape_of_its_values() {
    let app = App::start();
    let Books { accountant, .. } = app.with_books().await;
    let create = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { name } userErrors { code field } } }";
    let customer = |number: &str| json!({ "input": { "number": number, "name": "Known GmbH", "country": "DE" } });
    for number in ["K-1", "K-2", "K-3"] {
        let made = accountant.ask(create, customer(number)).await;
        assert_eq!(made["customerCreate"]["customer"]["name"], "Known GmbH");
    }
    // What does not fit is refused as if the document had never been seen.
    for (wrong, what) in [
        (json!({ "input": { "number": "K-4", "name": "Known GmbH", "country": "DE", "nmae": "x" } }), "nmae"),
        (json!({ "input": { "number": "K-4", "country": "DE" } }), "name"),
        (json!({ "input": { "number": 4, "name": ["Known GmbH"], "country": "DE" } }), "String"),
        (json!({ "input": null }), "input"),
        (json!({}), "CustomerCreateInput"),
    ] {
        let known = accountant.send(create, wrong.clone()).await;
        assert!(known.text.contains(what), "{wrong}: {}", known.text);
        let unknown = accountant.send(&format!("{create} # another text"), wrong.clone()).await;
        assert_ne!(known.code(), "OK", "{wrong}");
        assert_eq!((known.status, known.code()), (unknown.status, unknown.code()), "{wrong}: {}", known.text);
        assert_eq!(known.body["errors"][0]["message"], unknown.body["errors"][0]["message"]);
    }
    // Words of enums are looked at one by one.
    let list = "query($filter: InvoiceFilter) { invoices(filter: $filter) { nodes { id } } }";
    let by_status = |status: &str| json!({ "filter": { "status": { "eq": status } } });
    for status in ["DRAFT", "ISSUED", "DRAFT"] {
        accountant.ask(list, by_status(status)).await;
    }
    for status in ["NONSENSE", "draft", ""] {
        assert_eq!(accountant.send(list, by_status(status)).await.code(), "GRAPHQL_VALIDATION_FAILED", "{status}");
    }
    // The values themselves are read by their arguments as ever, and the price is counted anew.
    let page = "query($first: Int) { customers(first: $first) { nodes { id } } }";
    let price = |reply: &Value| reply["extensions"]["cost"]["requested"].as_i64().unwrap();
    let (small, large) =
        (accountant.send(page, json!({ "first": 1 })).await, accountant.send(page, json!({ "first": 100 })).await);
    assert!(price(&small.body) < price(&large.body));
    assert_eq!(accountant.send(page, json!({ "first": 101 })).await.code(), "BAD_USER_INPUT");
}
