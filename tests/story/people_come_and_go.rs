//! Who comes in, how long he stays and how he is shown out: passwords, codes, sessions, keys, programs, grants and
//! invitations.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use backoffice::identity::keys::Keys;
use backoffice::platform::vault::place_of_signing_key;
use backoffice_credentials::{AccessClaims, ActorKind, KeyRing, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder};
use uuid::Uuid;

use crate::harness::{App, Books, Client, PASSWORD, id_of, story_vault};

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) {
    accessToken refreshToken user { id } userErrors { code field message } } }";
const REFRESH: &str = "mutation($input: TokenRefreshInput!) { tokenRefresh(input: $input) {
    accessToken refreshToken userErrors { code field message } } }";
const VIEWER: &str = "{ viewer { name permissions } }";
const CUSTOMERS: &str = "{ customers { nodes { id } } }";
const ADA: &str = "ada@firm.example";
const ALL_WRONG: &str = "E-mail address, password or code is wrong.";

/// What a sign-in says.
async fn sign_in(client: &Client, email: &str, password: &str, totp: Option<&str>) -> Value {
    let input = json!({ "email": email, "password": password, "totp": totp });
    client.send(SIGN_IN, json!({ "input": input })).await.body["data"]["signIn"].clone()
}

async fn refresh(client: &Client, token: &str) -> Value {
    client.send(REFRESH, json!({ "input": { "refreshToken": token } })).await.body["data"]["tokenRefresh"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn message(payload: &Value) -> &str {
    text(&payload["userErrors"][0]["message"])
}

/// Today and some days on, as the database counts them.
fn day(app: &App, days: i32) -> String {
    app.database
        .lines("postgres", &format!("SELECT ((now() AT TIME ZONE 'Europe/Berlin')::date + {days})::text AS line"))
        .remove(0)
}

pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_look_alike() {
    let app = App::start();
    app.administrator().await;
    let client = app.client();
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let start = Instant::now();
        let wrong = sign_in(&client, ADA, "not-her-Password-1", None).await;
        known = known.min(start.elapsed());
        let start = Instant::now();
        let nobody = sign_in(&client, "nobody@firm.example", "not-her-Password-1", None).await;
        unknown = unknown.min(start.elapsed());
        assert_eq!(wrong, nobody);
        assert_eq!(message(&wrong), ALL_WRONG);
        assert!(wrong["accessToken"].is_null() && wrong["refreshToken"].is_null());
    }
    // Without the work of a hash an answer takes a fraction of this.
    assert!(unknown * 3 > known && known * 3 > unknown, "known {known:?}, unknown {unknown:?}");
    // Case and blanks of the address do not matter.
    assert!(sign_in(&client, " ADA@Firm.Example ", PASSWORD, None).await["accessToken"].is_string());
}

#[tokio::test]
async fn who_fails_too_often_has_to_wait() {
    let app = App::start();
    app.administrator().await;
    let client = app.client();
    for _ in 0..5 {
        assert_eq!(message(&sign_in(&client, ADA, "not-her-Password-1", None).await), ALL_WRONG);
    }
    // Even the right password has to wait now, and is told for how long; another account does not.
    let waiting = sign_in(&client, ADA, PASSWORD, None).await;
    assert_eq!(waiting["userErrors"][0]["code"], "RATE_LIMITED");
    assert!(message(&waiting).starts_with("There were too many tries; try again in "), "{waiting}");
    for number in 0..15 {
        let other = sign_in(&client, &format!("guess{number}@firm.example"), "not-her-Password-1", None).await;
        assert_eq!(message(&other), ALL_WRONG, "{number}");
    }
    // Twenty failures from one address close it for every account, and for no other address.
    let closed = sign_in(&client, "fresh@firm.example", "not-her-Password-1", None).await;
    assert_eq!(closed["userErrors"][0]["code"], "RATE_LIMITED");
    let elsewhere =
        crate::harness::http_builder().local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9))).build().unwrap();
    let body =
        json!({ "query": SIGN_IN, "variables": { "input": { "email": "fresh@firm.example", "password": "x" } } });
    let answer: Value = elsewhere.post(app.url("/graphql")).json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(message(&answer["data"]["signIn"]), ALL_WRONG);
    // A trusted proxy says for whom it speaks; what the caller himself wrote before that does not count.
    let proxy = crate::harness::http_builder().local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66))).build().unwrap();
    let through = async |forwarded: &str| -> Value {
        let asked = proxy.post(app.url("/graphql")).header("x-forwarded-for", forwarded).json(&body).send();
        asked.await.unwrap().json::<Value>().await.unwrap()["data"]["signIn"].clone()
    };
    assert_eq!(message(&through("203.0.113.9").await), ALL_WRONG);
    assert_eq!(through("203.0.113.9, 127.0.0.1").await["userErrors"][0]["code"], "RATE_LIMITED");
    // Time heals.
    app.database.run("postgres", "UPDATE identity.attempt SET failed_at = failed_at - interval '16 minutes'");
    assert!(sign_in(&client, ADA, PASSWORD, None).await["accessToken"].is_string());
}

/// The code of an authenticator app with the secret of an `otpauth` address.
pub fn code(secret: &str, at: u64) -> String {
    let mut bits = 0_u64;
    let mut bytes = Vec::new();
    for (index, letter) in secret.bytes().enumerate() {
        let digit = if letter.is_ascii_alphabetic() { letter - b'A' } else { letter - b'2' + 26 };
        bits = bits << 5 | u64::from(digit);
        if index % 8 == 7 {
            bytes.extend_from_slice(&bits.to_be_bytes()[3..]);
            bits = 0;
        }
    }
    let bytes: [u8; 20] = bytes.try_into().unwrap();
    let app = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30).with_secret(bytes);
    app.build().unwrap().generate(at).to_string()
}

#[tokio::test]
async fn an_authenticator_app_is_a_second_lock() {
    let app = App::start();
    let ada = app.administrator().await;
    let enrolled =
        ada.ask("mutation { totpEnroll { enrolment { secret uri } userErrors { message } } }", json!({})).await;
    let secret = text(&enrolled["totpEnroll"]["enrolment"]["secret"]).to_owned();
    assert!(
        text(&enrolled["totpEnroll"]["enrolment"]["uri"])
            .starts_with("otpauth://totp/Backoffice:ada%40firm.example?secret=")
    );

    // Nothing changes before the first code was seen.
    assert!(sign_in(&app.client(), ADA, PASSWORD, None).await["accessToken"].is_string());
    let confirm =
        "mutation($code: String!) { totpConfirm(input: { code: $code }) { enabled userErrors { field message } } }";
    let refused = ada.refused(confirm, json!({ "code": "12345" })).await;
    assert_eq!(refused[0]["field"], json!(["input", "code"]));
    let first = code(&secret, now_s());
    assert_eq!(ada.ask(confirm, json!({ "code": first })).await["totpConfirm"]["enabled"], true);

    // Now the password alone opens nothing, and neither does a code that was used.
    for wrong in [None, Some(first.as_str()), Some("000000")] {
        assert_eq!(message(&sign_in(&app.client(), ADA, PASSWORD, wrong).await), ALL_WRONG);
    }
    app.database.run("postgres", "UPDATE identity.account SET totp_last_step = totp_last_step - 10");
    let fresh = code(&secret, now_s());
    assert!(sign_in(&app.client(), ADA, PASSWORD, Some(&fresh)).await["accessToken"].is_string());
    assert_eq!(message(&sign_in(&app.client(), ADA, PASSWORD, Some(&fresh)).await), ALL_WRONG, "a code is good once");

    let disable = "mutation($password: String!) { totpDisable(input: { password: $password }) { enabled userErrors { message } } }";
    ada.refused(disable, json!({ "password": "not-her-Password-1" })).await;
    ada.ask(disable, json!({ "password": PASSWORD })).await;
    assert!(sign_in(&app.client(), ADA, PASSWORD, None).await["accessToken"].is_string());
}

#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_the_session() {
    let app = App::start();
    app.administrator().await;
    let client = app.client();
    let session = sign_in(&client, ADA, PASSWORD, None).await;
    let first = text(&session["refreshToken"]).to_owned();

    // Ten tabs refresh at once with the same token: each goes on, with a token of its own.
    let tabs: Vec<_> = (0..10)
        .map(|_| {
            let (client, first) = (client.clone(), first.clone());
            tokio::spawn(async move { refresh(&client, &first).await })
        })
        .collect();
    let mut tokens = Vec::new();
    for tab in tabs {
        let next = tab.await.unwrap();
        client.with_token(text(&next["accessToken"])).ask(VIEWER, json!({})).await;
        tokens.push(text(&next["refreshToken"]).to_owned());
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 10);

    // A minute later the first token is a thief's: everything of the session ends, whoever holds it.
    let living = refresh(&client, &tokens[0]).await;
    app.database.run(
        "postgres",
        "UPDATE identity.refresh_token SET used_at = used_at - interval '31 s' WHERE used_at IS NOT NULL",
    );
    let stolen = refresh(&client, &first).await;
    assert_eq!(message(&stolen), "The refresh token is no longer good; sign in again.");
    let held = client.with_token(text(&living["accessToken"]));
    assert_eq!(held.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    for token in tokens.iter().map(String::as_str).chain([text(&living["refreshToken"]), "bor_nonsense", ""]) {
        assert!(refresh(&client, token).await["accessToken"].is_null());
    }
    assert_eq!(app.database.count("SELECT count(*) FROM identity.session WHERE revoked_for = 'reuse'"), 1);
}

#[tokio::test]
async fn an_ended_session_is_seen_by_the_next_request() {
    let app = App::start();
    let ada = app.administrator().await;
    let (phone, laptop) = (app.sign_in(ADA).await, app.sign_in(ADA).await);
    let sessions = "{ sessions { nodes { id current userAgent address } totalCount } }";
    let seen = ada.ask(sessions, json!({})).await;
    assert_eq!(seen["sessions"]["totalCount"], 3);
    assert_eq!(seen["sessions"]["nodes"][2]["current"], true);
    let revoke =
        "mutation($id: ID!) { sessionRevoke(input: { id: $id }) { session { revokedAt } userErrors { code } } }";
    let newest = &seen["sessions"]["nodes"][0]["id"];
    ada.ask(revoke, json!({ "id": newest })).await;
    assert_eq!(laptop.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(ada.refused(revoke, json!({ "id": newest })).await[0]["code"], "NOT_FOUND");
    // Somebody else's session is none.
    ada.staff("ben@firm.example", "Ben").await;
    let ben = app.sign_in("ben@firm.example").await;
    let other = &seen["sessions"]["nodes"][1]["id"];
    assert_eq!(ben.refused(revoke, json!({ "id": other })).await[0]["code"], "NOT_FOUND");
    phone.ask(VIEWER, json!({})).await;

    // A new password ends all others.
    let change = "mutation($input: PasswordChangeInput!) { passwordChange(input: $input) { user { id } userErrors { code field message } } }";
    let new = "another-Horse-battery-7";
    ada.refused(change, json!({ "input": { "currentPassword": "not-her-Password-1", "newPassword": new } })).await;
    let weak = ada.refused(change, json!({ "input": { "currentPassword": PASSWORD, "newPassword": "short" } })).await;
    assert_eq!(weak[0]["field"], json!(["input", "newPassword"]));
    phone.ask(VIEWER, json!({})).await;
    ada.ask(change, json!({ "input": { "currentPassword": PASSWORD, "newPassword": new } })).await;
    assert_eq!(phone.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    ada.ask(VIEWER, json!({})).await;
    assert_eq!(message(&sign_in(&app.client(), ADA, PASSWORD, None).await), ALL_WRONG);

    ada.ask("mutation { signOut { session } }", json!({})).await;
    assert_eq!(ada.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
}

/// The name of the key that signed a token.
fn kid(token: &str) -> String {
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    text(&header["kid"]).to_owned()
}

async fn published(app: &App) -> Vec<String> {
    let keys: Value = reqwest::get(app.url("/.well-known/jwks.json")).await.unwrap().json().await.unwrap();
    assert!(
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key["kty"] == "OKP" && key["crv"] == "Ed25519" && key["d"].is_null())
    );
    keys["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"]).to_owned()).collect()
}

async fn reload(app: &App) {
    let pools = backoffice::platform::db::Pools::new(&app.database.urls(), 1).unwrap();
    app.shared.keys.reload(&pools).await.unwrap();
}

#[tokio::test]
async fn a_new_key_signs_and_the_old_one_still_opens() {
    let app = App::start();
    let old = app.administrator().await;
    let before = published(&app).await;
    assert_eq!(before, [kid(old.token.as_ref().unwrap())]);
    let new_kid = Keys::rotate(&app.database.url("backoffice_identity"), &story_vault()).await.unwrap();
    reload(&app).await;
    // Announced before it signs, so that no server meets a key that it does not know.
    assert!(published(&app).await.contains(&new_kid));
    assert_eq!(kid(app.sign_in(ADA).await.token.as_ref().unwrap()), before[0]);
    // The announced minute is over.
    app.database.run(
        "postgres",
        "UPDATE identity.signing_key SET retired_at = now() - interval '1 s' WHERE retired_at IS NOT NULL",
    );
    reload(&app).await;
    let new = app.sign_in(ADA).await;
    assert_eq!(kid(new.token.as_ref().unwrap()), new_kid);
    for client in [&old, &new] {
        client.ask(VIEWER, json!({})).await;
    }
    // After an hour the old key opens nothing and is no longer published.
    app.database.run(
        "postgres",
        "UPDATE identity.signing_key SET retired_at = now() - interval '61 minutes' WHERE retired_at IS NOT NULL",
    );
    reload(&app).await;
    assert_eq!(old.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(published(&app).await, [new_kid]);
}

/// The ring of the key that the application signs with.
fn ring(app: &App) -> KeyRing {
    let row = app
        .database
        .lines("postgres", "SELECT encode(pkcs8, 'base64') || ' ' || kid AS line FROM identity.signing_key");
    let (sealed, kid) = row[0].rsplit_once(' ').unwrap();
    let sealed = STANDARD.decode(sealed.replace('\n', "")).unwrap();
    let bytes = story_vault().unseal(&place_of_signing_key(kid), &sealed).unwrap();
    KeyRing::new(SigningKey::from_pkcs8(&bytes).unwrap(), Vec::new()).unwrap()
}

fn claims_of(token: &str) -> AccessClaims {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_forged_or_stale_token_opens_nothing() {
    let app = App::start();
    let books = app.with_books().await;
    let good = books.accountant.token.clone().unwrap();
    let (ours, foreign) = (ring(&app), KeyRing::new(SigningKey::generate().unwrap(), Vec::new()).unwrap());
    let claims = claims_of(&good);
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt", "kid": kid(&good) }).to_string());
    let other = books.administrator.onboard("Beta", "US", "USD", "America/New_York", "US_GAAP_SMALL").await;
    let inside = books.administrator.enter(&other).await.token.unwrap();
    let past = |seconds: i64| AccessClaims {
        iat: claims.iat - seconds,
        nbf: claims.nbf - seconds,
        exp: claims.exp - seconds,
        ..claims.clone()
    };
    let forged = [
        ("no algorithm", format!("{none}.{}.", parts[1])),
        ("no algorithm, old signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("a foreign key", foreign.issue(&claims).unwrap()),
        ("expired", ours.issue(&past(601)).unwrap()),
        ("not yet", ours.issue(&past(-300)).unwrap()),
        ("another audience", ours.issue(&AccessClaims { aud: "other".into(), ..claims.clone() }).unwrap()),
        ("another issuer", ours.issue(&AccessClaims { iss: "other".into(), ..claims.clone() }).unwrap()),
        (
            "another session",
            ours.issue(&AccessClaims { sid: Some(Uuid::now_v7().simple().to_string()), ..claims.clone() }).unwrap(),
        ),
        (
            "a person posing as a program",
            ours.issue(&AccessClaims { kind: ActorKind::Service, ..claims.clone() }).unwrap(),
        ),
        (
            "another's claims under this signature",
            format!("{}.{}.{}", parts[0], inside.split('.').nth(1).unwrap(), parts[2]),
        ),
        ("cut off", good[..good.len() - 10].to_owned()),
    ];
    for (what, token) in forged {
        let reply = books.accountant.with_token(token).send(CUSTOMERS, json!({})).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (401, "UNAUTHENTICATED"), "{what}: {}", reply.text);
    }
    // A true signature over another client's id is no way in either: the grant is missing.
    let moved = AccessClaims { tid: claims_of(&inside).tid, ..claims.clone() };
    let reply = books.accountant.with_token(ours.issue(&moved).unwrap()).send(CUSTOMERS, json!({})).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    books.accountant.ask(CUSTOMERS, json!({})).await;
}

async fn token(app: &App, basic: Option<(&str, &str)>, form: &str) -> (u16, Value) {
    let mut request = crate::harness::http()
        .post(app.url("/oauth/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    if let Some((id, secret)) = basic {
        request = request.header("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_program_gets_its_tokens_by_its_secret() {
    let app = App::start();
    let Books { administrator, client, .. } = app.with_books().await;
    let inside = administrator.enter(&client).await;
    let create = "mutation($input: ServiceAccountCreateInput!) { serviceAccountCreate(input: $input) {
        serviceAccount { id scopes } clientId clientSecret userErrors { code field message } } }";
    let input = json!({ "name": "Shop", "scopes": ["CUSTOMER_READ", "CUSTOMER_MANAGE"], "expiresAt": format!("{}T00:00:00Z", day(&app, 30)) });
    let made = inside.ask(create, json!({ "input": input })).await["serviceAccountCreate"].clone();
    let (id, secret) = (text(&made["clientId"]), text(&made["clientSecret"]));

    let (status, full) = token(&app, Some((id, secret)), "grant_type=client_credentials").await;
    assert_eq!((status, &full["token_type"], &full["expires_in"]), (200, &json!("Bearer"), &json!(600)), "{full}");
    let form =
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=finance.customer.read");
    let (status, narrow) = token(&app, None, &form).await;
    assert_eq!((status, &narrow["scope"]), (200, &json!("finance.customer.read")), "{narrow}");
    let (full, narrow) =
        (app.client().with_token(text(&full["access_token"])), app.client().with_token(text(&narrow["access_token"])));

    let customer = "mutation { customerCreate(input: { number: \"S1\", name: \"From the shop\", country: \"DE\" }) { customer { id } userErrors { message } } }";
    assert_eq!(narrow.send(customer, json!({})).await.code(), "FORBIDDEN");
    full.ask(customer, json!({})).await;
    narrow.ask(CUSTOMERS, json!({})).await;
    assert_eq!(full.send("{ invoices { nodes { id } } }", json!({})).await.code(), "FORBIDDEN");
    assert_eq!(full.ask(VIEWER, json!({})).await["viewer"]["name"], "Shop");
    assert_eq!(full.send("{ sessions { nodes { id } } }", json!({})).await.code(), "BAD_USER_INPUT");

    let refused = [
        (Some((id, "bos_wrong")), "grant_type=client_credentials".to_owned(), 401, "invalid_client"),
        (Some(("nobody", secret)), "grant_type=client_credentials".to_owned(), 401, "invalid_client"),
        (None, "grant_type=client_credentials".to_owned(), 401, "invalid_client"),
        (
            Some((id, secret)),
            "grant_type=client_credentials&scope=finance.invoice.issue".to_owned(),
            400,
            "invalid_scope",
        ),
        (Some((id, secret)), "grant_type=password&username=a&password=b".to_owned(), 400, "unsupported_grant_type"),
        (Some((id, secret)), String::new(), 400, "invalid_request"),
    ];
    for (basic, form, status, error) in refused {
        let (got, answer) = token(&app, basic, &form).await;
        assert_eq!((got, &answer["error"]), (status, &json!(error)), "{form}: {answer}");
    }

    // A person's refresh token works there too.
    let session = sign_in(&app.client(), ADA, PASSWORD, None).await;
    let (status, next) =
        token(&app, None, &format!("grant_type=refresh_token&refresh_token={}", text(&session["refreshToken"]))).await;
    assert_eq!(status, 200, "{next}");
    app.client().with_token(text(&next["access_token"])).ask(VIEWER, json!({})).await;

    // An account that has ended, by its date or by hand, is gone with its tokens.
    let move_end = |to: &str| {
        let update = format!("UPDATE identity.service_account SET expires_at = now() {to}");
        app.database.lay(&format!("SET LOCAL session_replication_role = replica; {update}"));
    };
    move_end("- interval '1 s'");
    assert_ne!(full.send(CUSTOMERS, json!({})).await.code(), "OK");
    assert_eq!(token(&app, Some((id, secret)), "grant_type=client_credentials").await.1["error"], "invalid_client");
    move_end("+ interval '1 day'");
    full.ask(CUSTOMERS, json!({})).await;
    let revoke = "mutation($id: ID!) { serviceAccountRevoke(input: { id: $id }) { serviceAccount { revokedAt } userErrors { code } } }";
    let account = &made["serviceAccount"]["id"];
    inside.ask(revoke, json!({ "id": account })).await;
    for client in [&full, &narrow] {
        assert_ne!(client.send(CUSTOMERS, json!({})).await.code(), "OK");
    }
    assert_eq!(token(&app, Some((id, secret)), "grant_type=client_credentials").await.1["error"], "invalid_client");
    assert_eq!(inside.refused(revoke, json!({ "id": account })).await[0]["code"], "STATE");
}

const GRANT: &str = "mutation($input: GrantCreateInput!) { grantCreate(input: $input) { grant { id } userErrors { code field message } } }";
const END: &str = "mutation($id: ID!) { grantEnd(input: { id: $id }) { grant { endedAt } userErrors { code } } }";

#[tokio::test]
async fn a_grant_holds_from_a_day_to_a_day_and_a_refusal_wins() {
    let app = App::start();
    let administrator = app.administrator().await;
    let client = administrator.onboard("Alpha", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let inside = administrator.enter(&client).await;
    let ben = administrator.staff("ben@firm.example", "Ben").await;
    let role_create = "mutation($input: RoleCreateInput!) { roleCreate(input: $input) { role { id } userErrors { code field message } } }";
    let role = |name: &'static str, rights: Value| {
        let inside = inside.clone();
        async move {
            let made = inside.ask(role_create, json!({ "input": { "name": name, "permissions": rights } })).await;
            text(&made["roleCreate"]["role"]["id"]).to_owned()
        }
    };
    let reader = role("Reads parties", json!(["CUSTOMER_READ", "VENDOR_READ"])).await;
    let no_vendors = role("Not the vendors", json!(["VENDOR_READ"])).await;
    let enter = "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { code message } } }";
    let outside = app.sign_in("ben@firm.example").await;
    assert!(outside.send(enter, json!({ "input": { "client": client } })).await.body["data"]["clientTokenCreate"]["accessToken"].is_null());

    // Not yet, no longer, and today.
    let give = |role: &str, effect: &str, from: i32, until: Option<i32>| json!({ "input": { "user": ben, "role": role, "effect": effect, "from": day(&app, from), "until": until.map(|days| day(&app, days)) } });
    inside.ask(GRANT, give(&reader, "ALLOW", 1, None)).await;
    inside.ask(GRANT, give(&reader, "ALLOW", -10, Some(-1))).await;
    assert!(outside.send(enter, json!({ "input": { "client": client } })).await.body["data"]["clientTokenCreate"]["accessToken"].is_null());
    let backwards = inside.refused(GRANT, give(&reader, "ALLOW", 0, Some(-1))).await;
    assert_eq!(backwards[0]["field"], json!(["input", "until"]));
    let today = inside.ask(GRANT, give(&reader, "ALLOW", 0, Some(0))).await;
    let within = outside.enter(&client).await;
    let vendors = "{ vendors { nodes { id } } }";
    within.ask(CUSTOMERS, json!({})).await;
    within.ask(vendors, json!({})).await;
    assert_eq!(within.send("{ invoices { nodes { id } } }", json!({})).await.code(), "FORBIDDEN");

    // What is denied stays denied, however many roles allow it.
    let denied = inside.ask(GRANT, give(&no_vendors, "DENY", 0, None)).await;
    inside.ask(GRANT, give(&reader, "ALLOW", -5, None)).await;
    let refused = within.send(vendors, json!({})).await;
    assert_eq!(refused.code(), "FORBIDDEN");
    assert!(refused.text.contains("You need the right `finance.vendor.read` for this."), "{}", refused.text);
    within.ask(CUSTOMERS, json!({})).await;
    inside.ask(END, json!({ "id": denied["grantCreate"]["grant"]["id"] })).await;
    within.ask(vendors, json!({})).await;

    // The grants end: his next request finds nothing.
    let grants = inside.ask("{ grants { nodes { id endedAt validUntil user { email } } } }", json!({})).await;
    for grant in grants["grants"]["nodes"].as_array().unwrap() {
        if grant["user"]["email"] == "ben@firm.example" && grant["endedAt"].is_null() && grant["validUntil"].is_null() {
            inside.ask(END, json!({ "id": grant["id"] })).await;
        }
    }
    within.ask(CUSTOMERS, json!({})).await;
    // The last one by its date.
    app.database.lay(
        "SET LOCAL session_replication_role = replica;
         UPDATE identity.access_grant SET valid_from = valid_from - 1, valid_until = valid_until - 1 WHERE valid_until IS NOT NULL",
    );
    assert_eq!(within.send(CUSTOMERS, json!({})).await.code(), "FORBIDDEN");
    assert_eq!(inside.refused(END, json!({ "id": today["grantCreate"]["grant"]["id"] })).await[0]["code"], "STATE");
    // A person who is shown out of the house is out everywhere at once, and cannot come back by himself.
    let again = inside.ask(GRANT, give(&reader, "ALLOW", 0, None)).await;
    within.ask(CUSTOMERS, json!({})).await;
    assert!(again["grantCreate"]["grant"]["id"].is_string());
    let disable = "mutation($user: ID!) { staffDisable(input: { user: $user }) { staffMember { disabledAt } userErrors { message } } }";
    administrator.ask(disable, json!({ "user": ben })).await;
    assert_eq!(within.send(CUSTOMERS, json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(message(&sign_in(&app.client(), "ben@firm.example", PASSWORD, None).await), ALL_WRONG);
    // Who is nobody's staff and was never invited cannot be given anything.
    let unknown = json!({ "input": { "user": client, "role": reader, "effect": "ALLOW" } });
    let reply = inside.send(GRANT, unknown).await;
    assert!(reply.body["data"]["grantCreate"]["grant"].is_null(), "{}", reply.text);
}

#[tokio::test]
async fn an_invited_person_sees_what_the_portal_shows_and_nothing_else() {
    let app = App::start();
    let Books { administrator, client, accountant, .. } = app.with_books().await;
    let inside = administrator.enter(&client).await;
    let invite = "mutation($input: UserInviteInput!) { userInvite(input: $input) { invitation { id } token userErrors { code field message } } }";
    let portal = inside.role("Portal").await;
    let input = json!({ "input": { "email": "carla@alpha.example", "name": "Carla Kunde", "role": portal } });
    assert_eq!(accountant.send(invite, input.clone()).await.code(), "FORBIDDEN");
    let invited = inside.ask(invite, input).await;
    let ticket = text(&invited["userInvite"]["token"]).to_owned();
    let accept = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { accessToken user { staff name } userErrors { code field message } } }";
    let weak = app.client().refused(accept, json!({ "input": { "token": ticket, "password": "short" } })).await;
    assert_eq!(weak[0]["field"], json!(["input", "password"]));
    let wrong = format!("{}x", &ticket[..ticket.len() - 1]);
    assert_eq!(
        app.client().refused(accept, json!({ "input": { "token": wrong, "password": PASSWORD } })).await[0]["code"],
        "NOT_FOUND"
    );
    let accepted = app.client().ask(accept, json!({ "input": { "token": ticket, "password": PASSWORD } })).await;
    assert_eq!(accepted["invitationAccept"]["user"], json!({ "staff": false, "name": "Carla Kunde" }));
    assert_eq!(
        app.client().refused(accept, json!({ "input": { "token": ticket, "password": PASSWORD } })).await[0]["code"],
        "NOT_FOUND"
    );

    let carla = app.sign_in("carla@alpha.example").await;
    assert_eq!(
        carla.send("{ clients { nodes { id } } }", json!({})).await.code(),
        "FORBIDDEN",
        "the portfolio is the provider's"
    );
    let carla = carla.enter(&client).await;
    let viewer = carla.ask(VIEWER, json!({})).await;
    assert_eq!(
        viewer["viewer"]["permissions"],
        json!([
            "CLIENT_READ",
            "FIGURES_READ",
            "INVOICE_READ",
            "CLIENT_REQUEST_READ",
            "CLIENT_REQUEST_ANSWER",
            "COMMENT_READ",
            "COMMENT_WRITE",
            "NOTICE_READ",
            "EVENT_READ",
            "APPROVAL_READ",
            "APPROVAL_DECIDE",
            "CLIENT_APPOINTMENT_READ",
            "SHARED_CORRESPONDENCE_READ",
            "CLIENT_DOCUMENT_READ",
            "SIGNATURE_SIGN"
        ])
    );
    carla
        .ask("{ client { name } clientFigures { receivables { amount } } invoices { nodes { number } } }", json!({}))
        .await;
    for closed in [
        CUSTOMERS,
        "{ vendors { nodes { id } } }",
        "{ bills { nodes { id } } }",
        "{ accounts { nodes { id } } }",
        "{ journalEntries { nodes { id } } }",
        "{ openItems { nodes { id } } }",
        "{ grants { nodes { id } } }",
        "{ auditLog { nodes { node } } }",
        "{ bankAccounts { nodes { id } } }",
        "{ trialBalance(asOf: \"2026-12-31\") { rows { name } } }",
    ] {
        let reply = carla.send(closed, json!({})).await;
        assert_eq!(reply.code(), "FORBIDDEN", "{closed}: {}", reply.text);
    }
    let other = administrator.onboard("Beta", "US", "USD", "America/New_York", "US_GAAP_SMALL").await;
    let enter = "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { code } } }";
    let foreign = carla.send(enter, json!({ "input": { "client": other } })).await;
    assert!(foreign.body["data"]["clientTokenCreate"]["accessToken"].is_null(), "{}", foreign.text);
    assert_eq!(
        id_of(
            &inside.ask("{ invitations { nodes { id email } } }", json!({})).await["invitations"]["nodes"],
            "email",
            "carla@alpha.example"
        ),
        text(&invited["userInvite"]["invitation"]["id"])
    );
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_lets_nobody_in() {
    let app = App::start();
    let Books { administrator, client, accountant, .. } = app.with_books().await;
    let inside = administrator.enter(&client).await;
    let portal = inside.role("Portal").await;
    let invite = "mutation($input: UserInviteInput!) { userInvite(input: $input) { invitation { id version revokedAt } token userErrors { code field message } } }";
    let revoke = "mutation($input: InvitationRevokeInput!) { invitationRevoke(input: $input) { invitation { id version revokedAt acceptedAt } userErrors { code field message } } }";
    let accept = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { accessToken userErrors { code field message } } }";
    let person =
        |name: &str| json!({ "input": { "email": format!("{name}@alpha.example"), "name": name, "role": portal } });
    let invited = inside.ask(invite, person("carla")).await["userInvite"].clone();
    let id = text(&invited["invitation"]["id"]);
    assert_eq!(invited["invitation"]["revokedAt"], Value::Null);

    let one = json!({ "input": { "id": id, "expectedVersion": 1 } });
    assert_eq!(accountant.send(revoke, one.clone()).await.code(), "FORBIDDEN");
    let stale = inside.refused(revoke, json!({ "input": { "id": id, "expectedVersion": 2 } })).await;
    assert_eq!((text(&stale[0]["code"]), &stale[0]["field"]), ("CONFLICT", &json!(["input", "expectedVersion"])));
    let dry = inside.dry().ask(revoke, one.clone()).await;
    assert!(dry["invitationRevoke"]["invitation"]["revokedAt"].is_string(), "{dry}");
    let revoked = inside.ask(revoke, one).await["invitationRevoke"]["invitation"].clone();
    assert_eq!(revoked["version"], 2);
    assert!(revoked["revokedAt"].is_string() && revoked["acceptedAt"].is_null(), "{revoked}");
    let again = inside.refused(revoke, json!({ "input": { "id": id } })).await;
    assert_eq!(text(&again[0]["code"]), "STATE");

    let ticket = json!({ "input": { "token": invited["token"], "password": PASSWORD } });
    let refused = app.client().refused(accept, ticket).await;
    assert_eq!((text(&refused[0]["code"]), &refused[0]["field"]), ("NOT_FOUND", &json!(["input", "token"])));
    assert_eq!(app.database.count("SELECT count(*) FROM identity.account WHERE email LIKE 'carla%'"), 0);
    let trail = inside
        .ask("query($id: ID!) { auditTrail(node: $id, first: 5) { nodes { action actorName } } }", json!({ "id": id }))
        .await;
    let trail: Vec<&str> =
        trail["auditTrail"]["nodes"].as_array().unwrap().iter().map(|one| text(&one["action"])).collect();
    assert_eq!(trail.len(), 2, "{trail:?}");

    // Acceptance and revocation at the same moment: one of them, never both.
    for round in 0..4 {
        let invited = inside.ask(invite, person(&format!("dora{round}"))).await["userInvite"].clone();
        let visitor = app.client();
        let (accepted, revoked) = tokio::join!(
            visitor.send(accept, json!({ "input": { "token": invited["token"], "password": PASSWORD } })),
            async {
                tokio::time::sleep(Duration::from_millis(15 * round)).await;
                inside.send(revoke, json!({ "input": { "id": invited["invitation"]["id"] } })).await
            }
        );
        let came_in = accepted.body["data"]["invitationAccept"]["accessToken"].is_string();
        let taken_back = revoked.body["data"]["invitationRevoke"]["invitation"].is_object();
        assert!(came_in != taken_back, "{}\n{}", accepted.text, revoked.text);
        if came_in {
            assert_eq!(
                message(&revoked.body["data"]["invitationRevoke"]),
                "The invitation was accepted; end the person's grant instead (grantEnd)."
            );
        }
    }
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
