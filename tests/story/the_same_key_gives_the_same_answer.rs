//! `Idempotency-Key`: a request that is sent again is answered again, not run again.

use serde_json::json;

use crate::harness::{App, Client, Office, PASSWORD, id_of};

const CREATE: &str = "mutation($number: String!) {
    customerCreate(input: { number: $number, name: \"One\", country: \"DE\" }) { customer { id number } userErrors { message } } }";

fn keyed(client: &Client, key: &str) -> Client {
    client.with_header("Idempotency-Key", key)
}

#[tokio::test]
async fn fifty_at_once_are_one() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = keyed(&office.client(person, office.firm("Firm", person)), "order-1");
    let all: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(CREATE, json!({ "number": "ONE" })).await })
        })
        .collect();
    let (mut answers, mut replayed) = (Vec::new(), 0);
    for one in all {
        let reply = one.await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(reply.body["errors"].is_null(), "{}", reply.text);
        assert_eq!(reply.body["data"]["customerCreate"]["customer"]["number"], "ONE", "{}", reply.text);
        replayed += usize::from(reply.headers.get("idempotency-replayed").is_some_and(|value| value == "true"));
        answers.push(reply.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "different answers: {answers:?}");
    assert_eq!(replayed, 49);
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller() {
    let office = Office::open();
    let (ada, ben) = (office.person("Ada"), office.person("Ben"));
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ada));
    office.grant(firm, ben, backoffice::platform::can::Can::ALL);
    let client = keyed(&office.client(ada, firm), "key");

    // What was refused is not kept: the same key can be used for the mended request.
    client.ask(CREATE, json!({ "number": "ONE" })).await;
    let mended = keyed(&client, "mended");
    assert_eq!(mended.send(CREATE, json!({ "number": "TWO" })).await.status, 400, "two keys are one too many");

    let retried = keyed(&office.client(ada, firm), "retried");
    retried.refused(CREATE, json!({ "number": "ONE" })).await;
    assert_eq!(office.count("SELECT count(*) FROM core.idempotency"), 1);
    retried.ask(CREATE, json!({ "number": "THREE" })).await;

    // Other values, another document: refused, and nothing happens.
    for (query, number) in [(CREATE.to_owned(), "FOUR"), (CREATE.replace("One", "Four"), "ONE")] {
        let reply = client.send(&query, json!({ "number": number })).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "BAD_USER_INPUT"), "{}", reply.text);
        assert!(reply.text.contains("This Idempotency-Key was used for another request."), "{}", reply.text);
    }
    // Somebody else's key, and one's own in another client, are other keys.
    keyed(&office.client(ben, firm), "key").ask(CREATE, json!({ "number": "BEN" })).await;
    keyed(&office.client(ada, other), "key").ask(CREATE, json!({ "number": "ONE" })).await;
    // A query needs no key, and takes none.
    client.ask("{ customers { nodes { id } } }", json!({})).await;
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 4);
}

/// Fragments lie in a map of the parsed document, which has another order each time it is parsed.
#[tokio::test]
async fn a_document_with_fragments_is_the_same_document() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = keyed(&office.client(person, office.firm("Firm", person)), "fragments");
    let names = ["id", "number", "name", "country", "version", "active", "email"];
    let fragments: String = names.iter().map(|name| format!(" fragment F{name} on Customer {{ {name} }}")).collect();
    let spreads: String = names.iter().map(|name| format!(" ...F{name}")).collect();
    let document = format!(
        "mutation {{ customerCreate(input: {{ number: \"ONE\", name: \"One\", country: \"DE\" }}) {{ customer {{ {spreads} }} userErrors {{ message }} }} }}{fragments}"
    );
    let first = client.ask(&document, json!({})).await;
    for _ in 0..10 {
        assert_eq!(client.ask(&document, json!({})).await, first);
    }
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 1);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = keyed(&office.client(person, office.firm("Firm", person)), "secret");
    let create = "mutation($until: DateTime!) { serviceAccountCreate(input: { name: \"Shop\", scopes: [INVOICE_DRAFT], expiresAt: $until }) {
        clientId clientSecret userErrors { message } } }";
    let until = json!({ "until": (chrono::Utc::now() + chrono::TimeDelta::days(30)).to_rfc3339() });
    let data = client.ask(create, until.clone()).await;
    let secret = data["serviceAccountCreate"]["clientSecret"].as_str().unwrap();
    assert!(secret.len() > 20);
    let again = client.send(create, until).await;
    assert_eq!((again.status.as_u16(), again.code()), (400, "BAD_USER_INPUT"), "{}", again.text);
    assert!(!again.text.contains(secret), "{}", again.text);
    assert_eq!(office.count("SELECT count(*) FROM identity.service_account"), 1);
    assert_eq!(office.count(&format!("SELECT count(*) FROM core.idempotency WHERE answer LIKE '%{secret}%'")), 0);
}

const ONBOARD: &str =
    "mutation($name: String!, $month: Int!) { clientOnboard(input: { name: $name, country: \"DE\", currency: \"EUR\",
    timeZone: \"Europe/Berlin\", fiscalYearStartMonth: $month, firstFiscalYear: 2026, template: IFRS_SMALL }) {
    client { id name createdAt } userErrors { message } } }";

async fn refused_as_another(client: &Client, query: &str, variables: serde_json::Value) {
    let reply = client.send(query, variables).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "BAD_USER_INPUT"), "{}", reply.text);
    assert!(reply.text.contains("This Idempotency-Key was used for another request."), "{}", reply.text);
}

#[tokio::test]
async fn a_client_is_taken_on_once() {
    let app = App::start();
    let administrator = app.administrator().await;
    let client = keyed(&administrator, "take-on-alpha");
    let all: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(ONBOARD, json!({ "name": "Alpha", "month": 1 })).await })
        })
        .collect();
    let (mut answers, mut replayed) = (Vec::new(), 0);
    for one in all {
        let reply = one.await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.body["data"]["clientOnboard"]["client"]["name"], "Alpha", "{}", reply.text);
        replayed += usize::from(reply.headers.get("idempotency-replayed").is_some_and(|value| value == "true"));
        answers.push(reply.text);
    }
    answers.dedup();
    assert_eq!((answers.len(), replayed), (1, 9), "{answers:?}");
    assert_eq!(app.database.count("SELECT count(*) FROM practice.client"), 1);
    assert_eq!(app.database.count("SELECT count(*) FROM core.tenant"), 1);

    refused_as_another(&client, ONBOARD, json!({ "name": "Beta", "month": 1 })).await;
    // What was refused, or run dry, has not taken its key.
    let mended = keyed(&administrator, "mended");
    mended.refused(ONBOARD, json!({ "name": "Beta", "month": 13 })).await;
    mended.dry().ask(ONBOARD, json!({ "name": "Beta", "month": 7 })).await;
    let first = mended.ask(ONBOARD, json!({ "name": "Beta", "month": 7 })).await;
    assert_eq!(mended.ask(ONBOARD, json!({ "name": "Beta", "month": 7 })).await, first);
    assert_eq!(app.database.count("SELECT count(*) FROM practice.client"), 2);
    assert_eq!(app.database.count("SELECT count(*) FROM core.provider_idempotency"), 2);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn the_providers_requests_have_keys_too() {
    let app = App::start();
    let administrator = app.administrator().await;
    let roles = administrator.ask("{ providerRoles { id name } }", json!({})).await;
    let staff = id_of(&roles["providerRoles"], "name", "Staff");
    let create = "mutation($email: String!, $password: String!, $role: ID!) {
        staffCreate(input: { email: $email, name: \"Ben\", password: $password, roles: [$role] }) { staffMember { id email } userErrors { message } } }";
    let ben = json!({ "email": "ben@firm.example", "password": PASSWORD, "role": staff });
    let client = keyed(&administrator, "ben");
    let first = client.send(create, ben.clone()).await;
    assert_eq!(first.body["data"]["staffCreate"]["staffMember"]["email"], "ben@firm.example", "{}", first.text);
    let again = client.send(create, ben.clone()).await;
    assert_eq!(again.text, first.text);
    assert!(again.headers.contains_key("idempotency-replayed"));
    let other = json!({ "email": "ben@firm.example", "password": "another-Horse-battery-9", "role": staff });
    refused_as_another(&client, create, other).await;
    // Another person's key is another key: without the right he is refused, and has not taken it.
    let ben = app.sign_in("ben@firm.example").await;
    let reply = keyed(&ben, "ben")
        .send(create, json!({ "email": "c@firm.example", "password": PASSWORD, "role": staff }))
        .await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    // The key itself, with which a stored password could be tried out, is nowhere.
    assert_eq!(app.database.count("SELECT count(*) FROM core.provider_idempotency"), 1);
    assert_eq!(
        app.database.count(
            "SELECT count(*) FROM core.provider_idempotency WHERE key_hash = 'ben'::bytea OR answer LIKE '%Horse%'"
        ),
        0
    );
}

#[tokio::test]
async fn ones_own_account_has_keys_too() {
    let app = App::start();
    let administrator = app.administrator().await;
    let firm = administrator.onboard("Alpha", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let inside = administrator.enter(&firm).await;

    // The password until now is no longer it when the request comes again, and nobody is throttled for that.
    let change = "mutation($old: String!, $new: String!) { passwordChange(input: { currentPassword: $old, newPassword: $new }) { user { name } userErrors { message } } }";
    let values = json!({ "old": PASSWORD, "new": "another-Horse-battery-9" });
    let client = keyed(&inside, "new-password");
    let first = client.ask(change, values.clone()).await;
    for _ in 0..6 {
        assert_eq!(client.ask(change, values.clone()).await, first);
    }
    refused_as_another(&client, change, json!({ "old": PASSWORD, "new": "a-third-Horse-battery-9" })).await;
    assert_eq!(app.database.count("SELECT count(*) FROM identity.attempt"), 0);

    // Tokens and codes are secrets.
    for field in ["providerTokenCreate { accessToken }", "totpEnroll { enrolment { secret } }"] {
        let client = keyed(&inside, field.split(' ').next().unwrap());
        client.ask(&format!("mutation {{ {field} }}"), json!({})).await;
        let again = client.send(&format!("mutation {{ {field} }}"), json!({})).await;
        assert_eq!(again.code(), "BAD_USER_INPUT", "{}", again.text);
        assert!(again.text.contains("shown only once"), "{}", again.text);
    }
    assert_eq!(app.database.count("SELECT count(*) FROM core.provider_idempotency WHERE answer = ''"), 2);
}

#[tokio::test]
async fn signing_in_takes_no_key() {
    let app = App::start();
    let administrator = app.administrator().await;
    let sign_in = "mutation($password: String!) { signIn(input: { email: \"ada@firm.example\", password: $password }) { accessToken userErrors { message } } }";
    let refresh = "mutation($password: String!) { tokenRefresh(input: { refreshToken: $password }) { accessToken userErrors { message } } }";
    let sessions = app.database.count("SELECT count(*) FROM identity.session");
    for client in [app.client(), administrator] {
        for (query, password) in [(sign_in, PASSWORD), (sign_in, "wrong"), (refresh, "wrong")] {
            let reply = keyed(&client, "sign-in").send(query, json!({ "password": password })).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, "BAD_USER_INPUT"), "{}", reply.text);
            assert!(reply.text.contains("Signing in takes no Idempotency-Key"), "{}", reply.text);
        }
    }
    assert_eq!(app.database.count("SELECT count(*) FROM identity.session"), sessions);
    assert_eq!(app.database.count("SELECT count(*) FROM identity.attempt"), 0);
}
