//! People of a client come in through the client's own identity provider: who they are there and which groups they are in
//! decides who they are here, for this client and for no other; and nothing of it can be had by anybody else.

mod staff;

use backoffice_credentials::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::harness::issuer::{Issuer, OAUTH_CLIENT, OAUTH_SECRET};
use crate::harness::{App, Client, PASSWORD};

const PAGE: &str = "https://portal.example/signed-in?tab=1";
const CREATE: &str = "mutation($input: IdentityProviderCreateInput!) { identityProviderCreate(input: $input) {
    identityProvider { id handle redirectUri issuer scopes emailDomains state required sessionHours version roles { group role { name } } }
    userErrors { code field message } } }";
const UPDATE: &str = "mutation($input: IdentityProviderUpdateInput!) { identityProviderUpdate(input: $input) {
    identityProvider { id state required version roles { group } } userErrors { code field message } } }";
const BEGIN: &str = "mutation($input: SignInBeginInput!) { signInBegin(input: $input) { authorizationUrl expiresAt userErrors { code field message } } }";
const COMPLETE: &str = "mutation($input: SignInCompleteInput!) { signInComplete(input: $input) {
    accessToken refreshToken client user { id email name staff } userErrors { code field message } } }";
const GRANTS: &str = "{ grants(first: 100) { nodes { id effect endedAt validUntil user { email } role { name } identityProvider { id } } } }";

/// A client with an administrator of its own, and an identity provider.
struct Firm {
    app: App,
    administrator: Client,
    client: String,
    /// The provider's administrator, in the client.
    inside: Client,
    issuer: Issuer,
}

/// A sign-in on its way.
struct Begun {
    url: String,
    verifier: String,
}

/// Where somebody was sent who came back.
struct Back {
    status: u16,
    to: Option<Url>,
    page: String,
}

impl Back {
    fn parameter(&self, name: &str) -> Option<String> {
        let (_, value) = self.to.as_ref()?.query_pairs().find(|(key, _)| key == name)?;
        Some(value.into_owned())
    }

    fn code(&self) -> String {
        self.parameter("signInCode").unwrap_or_else(|| panic!("{} {:?} {}", self.status, self.to, self.page))
    }
}

impl Firm {
    async fn open() -> Self {
        Self::with(Issuer::open().await).await
    }

    async fn with(issuer: Issuer) -> Self {
        let app = App::start();
        let administrator = app.administrator().await;
        let client = administrator.onboard("Alpha Trading", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
        let inside = administrator.enter(&client).await;
        Self { app, administrator, client, inside, issuer }
    }

    fn settings(&self, changes: Value) -> Value {
        let mut input = json!({ "name": "Login", "issuer": self.issuer.url, "oauthClientId": OAUTH_CLIENT, "oauthClientSecret": OAUTH_SECRET });
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    }

    /// Sets the identity provider up.
    async fn set_up(&self, changes: Value) -> Value {
        let data = self.inside.ask(CREATE, json!({ "input": self.settings(changes) })).await;
        data["identityProviderCreate"]["identityProvider"].clone()
    }

    /// The same, with two groups that stand for roles.
    async fn set_up_with_groups(&self) -> Value {
        let (accountant, auditor) = (self.inside.role("Accountant").await, self.inside.role("Auditor").await);
        self.set_up(json!({ "groupsClaim": "groups", "createsAccounts": true,
                            "roles": [{ "group": "books", "role": accountant }, { "group": "audit", "role": auditor }] }))
            .await
    }

    async fn change(&self, provider: &Value, changes: Value) -> Value {
        let mut input = json!({ "id": provider["id"] });
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        self.inside.ask(UPDATE, json!({ "input": input })).await["identityProviderUpdate"]["identityProvider"].clone()
    }

    async fn begin(&self, handle: &Value) -> Begun {
        let verifier = URL_SAFE_NO_PAD.encode(random::<32>().unwrap().as_slice());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let input = json!({ "identityProvider": handle, "returnTo": PAGE, "challenge": challenge });
        let data = self.app.client().ask(BEGIN, json!({ "input": input })).await;
        Begun { url: data["signInBegin"]["authorizationUrl"].as_str().unwrap().to_owned(), verifier }
    }

    /// The person comes back.
    async fn back(&self, address: &str) -> Back {
        let http = crate::harness::http_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = http.get(address).send().await.unwrap();
        let headers = answer.headers();
        assert!(headers["cache-control"] == "no-store" && headers["referrer-policy"] == "no-referrer");
        assert!(headers.get("set-cookie").is_none());
        let to = headers.get("location").map(|to| Url::parse(to.to_str().unwrap()).unwrap());
        Back { status: answer.status().as_u16(), to, page: answer.text().await.unwrap() }
    }

    async fn complete(&self, code: &str, verifier: &str) -> Value {
        let input = json!({ "code": code, "verifier": verifier });
        let reply = self.app.client().send(COMPLETE, json!({ "input": input })).await;
        assert!(!reply.body["data"]["signInComplete"].is_null(), "{}", reply.text);
        reply.body["data"]["signInComplete"].clone()
    }

    /// The whole way; what came of it.
    async fn comes(&self, handle: &Value, person: &Value) -> Value {
        let begun = self.begin(handle).await;
        let back = self.back(&self.issuer.signs_in(&begun.url, person)).await;
        assert_eq!(back.status, 303, "{}", back.page);
        self.complete(&back.code(), &begun.verifier).await
    }

    /// The whole way of somebody who gets in; himself without a client.
    async fn comes_in(&self, handle: &Value, person: &Value) -> Client {
        let come = self.comes(handle, person).await;
        self.app.client().with_token(come["accessToken"].as_str().unwrap_or_else(|| panic!("{come}")))
    }

    /// The sentence that somebody gets who is not let in.
    async fn is_sent_away(&self, handle: &Value, person: &Value) -> String {
        let come = self.comes(handle, person).await;
        assert!(come["accessToken"].is_null() && come["user"].is_null(), "{come}");
        come["userErrors"][0]["message"].as_str().unwrap().to_owned()
    }

    /// The grants of a person that have not ended: role, and whether an identity provider gave it.
    async fn holds(&self, email: &str) -> Vec<(String, bool)> {
        let grants = self.inside.ask(GRANTS, json!({})).await;
        let mut held: Vec<(String, bool)> = grants["grants"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["user"]["email"] == email && one["endedAt"].is_null())
            .map(|one| (one["role"]["name"].as_str().unwrap().to_owned(), !one["identityProvider"].is_null()))
            .collect();
        held.sort();
        held
    }

    async fn invite(&self, email: &str, role: &str) -> Value {
        let role = self.inside.role(role).await;
        let data = self
            .inside
            .ask(
                "mutation($input: UserInviteInput!) { userInvite(input: $input) { token userErrors { message } } }",
                json!({ "input": { "email": email, "name": "Invited", "role": role } }),
            )
            .await;
        data["userInvite"]["token"].clone()
    }

    /// Somebody who has accepted an invitation by a password.
    async fn member(&self, email: &str, role: &str) -> Client {
        accept(&self.app, &self.invite(email, role).await).await
    }
}

async fn accept(app: &App, token: &Value) -> Client {
    let data = app
        .client()
        .ask(
            "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { accessToken userErrors { message } } }",
            json!({ "input": { "token": token, "password": PASSWORD } }),
        )
        .await;
    app.client().with_token(data["invitationAccept"]["accessToken"].as_str().unwrap())
}

fn person(subject: &str, email: &str, groups: &[&str]) -> Value {
    json!({ "sub": subject, "email": email, "email_verified": true, "name": "Rosa Kern", "groups": groups })
}

async fn permissions(client: &Client) -> Vec<String> {
    let viewer = client.ask("{ viewer { permissions } }", json!({})).await["viewer"]["permissions"].clone();
    viewer.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

async fn may_enter(person: &Client, client: &str) -> bool {
    let query = "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { message } } }";
    let reply = person.send(query, json!({ "input": { "client": client } })).await;
    reply.body["data"]["clientTokenCreate"]["accessToken"].is_string()
}

#[tokio::test]
async fn groups_there_are_roles_here() {
    let firm = Firm::open().await;
    // A dry run looks at the identity provider as well, and keeps nothing.
    let dry = firm.inside.dry().ask(CREATE, json!({ "input": firm.settings(json!({})) })).await;
    assert_eq!(dry["identityProviderCreate"]["identityProvider"]["scopes"], json!(["openid", "email", "profile"]));
    let none = firm.inside.ask("{ identityProviders { totalCount } }", json!({})).await;
    assert_eq!(none["identityProviders"]["totalCount"], 0);

    let provider = firm.set_up_with_groups().await;
    assert_eq!(provider["roles"].as_array().unwrap().len(), 2);
    assert!(provider["redirectUri"].as_str().unwrap().starts_with(&firm.app.url("/oidc/callback/")));
    let handle = &provider["handle"];

    // Nobody whom anybody has invited: the group is what lets her in.
    let rosa = person("r-1", "Rosa@Alpha.example", &["books", "canteen"]);
    let come = firm.comes(handle, &rosa).await;
    assert_eq!(
        (&come["user"]["email"], &come["user"]["name"], &come["user"]["staff"]),
        (&json!("rosa@alpha.example"), &json!("Rosa Kern"), &json!(false))
    );
    assert_eq!(come["client"], firm.client);
    let outside = firm.app.client().with_token(come["accessToken"].as_str().unwrap());
    let inside = outside.enter(&firm.client).await;
    assert!(permissions(&inside).await.contains(&"JOURNAL_POST".to_owned()));
    assert_eq!(firm.holds("rosa@alpha.example").await, [("Accountant".to_owned(), true)]);

    // The list of sessions shows the way; the tokens are the same as any other's.
    let sessions = outside
        .ask("{ sessions { nodes { identityProvider client current expiresAt createdAt } totalCount } }", json!({}))
        .await;
    let own = &sessions["sessions"]["nodes"][0];
    assert_eq!(
        (&own["identityProvider"], &own["client"], &own["current"]),
        (&json!("Login"), &json!(firm.client), &json!(true))
    );
    let hours = |from: &Value, to: &Value| {
        let moment = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
        (moment(to) - moment(from)).num_hours()
    };
    assert_eq!(hours(&own["createdAt"], &own["expiresAt"]), 12);
    let refreshed = firm
        .app
        .client()
        .ask(
            "mutation($input: TokenRefreshInput!) { tokenRefresh(input: $input) { accessToken userErrors { message } } }",
            json!({ "input": { "refreshToken": come["refreshToken"] } }),
        )
        .await;
    firm.app.client().with_token(refreshed["tokenRefresh"]["accessToken"].as_str().unwrap()).enter(&firm.client).await;

    // A role given by hand, and one that is denied.
    let user = come["user"]["id"].as_str().unwrap();
    firm.inside.grant(user, "Portal", "2026-01-01", None).await;
    let again = person("r-1", "rosa@alpha.example", &["audit"]);
    let rosa = firm.comes_in(handle, &again).await.enter(&firm.client).await;
    assert_eq!(firm.holds("rosa@alpha.example").await, [("Auditor".to_owned(), true), ("Portal".to_owned(), false)]);
    let rights = permissions(&rosa).await;
    assert!(rights.contains(&"AUDIT_READ".to_owned()) && !rights.contains(&"JOURNAL_POST".to_owned()));
    // Also in the session that she had before.
    assert!(!permissions(&inside).await.contains(&"JOURNAL_POST".to_owned()));
    let auditor = firm.inside.role("Auditor").await;
    let denied = json!({ "user": user, "role": auditor, "effect": "DENY" });
    firm.inside
        .ask(
            "mutation($input: GrantCreateInput!) { grantCreate(input: $input) { userErrors { message } } }",
            json!({ "input": denied }),
        )
        .await;
    // Everything that the role Auditor reads is denied, whatever gives it: only what is asked of the client's people is left.
    let rosa = firm.comes_in(handle, &again).await.enter(&firm.client).await;
    let left = permissions(&rosa).await;
    let own = [
        "CLIENT_REQUEST_READ",
        "CLIENT_REQUEST_ANSWER",
        "COMMENT_WRITE",
        "APPROVAL_DECIDE",
        "CLIENT_APPOINTMENT_READ",
        "SHARED_CORRESPONDENCE_READ",
        "SIGNATURE_SIGN",
    ];
    assert_eq!(left, own);

    // No group: what groups gave is gone. Not the rest; and another address there changes nobody here.
    let nobody = person("r-1", "renamed@elsewhere.example", &[]);
    let come = firm.comes(handle, &nobody).await;
    assert_eq!(come["user"]["email"], "rosa@alpha.example");
    let held = firm.holds("rosa@alpha.example").await;
    assert_eq!(held, [("Auditor".to_owned(), false), ("Portal".to_owned(), false)]);

    // Told as events, and on the record.
    let kinds = "SELECT e.kind AS line FROM core.event e WHERE e.kind LIKE 'grant.%' ORDER BY e.position";
    let (given, ended) = ("grant.given", "grant.ended");
    assert_eq!(firm.app.database.lines("postgres", kinds), [given, given, ended, given, given, ended]);
    let trail = firm
        .inside
        .ask(
            "query($id: ID!) { auditTrail(node: $id, first: 10) { nodes { action after } } }",
            json!({ "id": provider["id"] }),
        )
        .await;
    assert!(!trail.to_string().contains("sealed") && !trail.to_string().contains(OAUTH_SECRET), "{trail}");
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn who_is_known_or_invited_is_found_by_a_verified_address_once() {
    let firm = Firm::open().await;
    let provider = firm.set_up(json!({ "emailDomains": ["alpha.example"] })).await;
    let handle = &provider["handle"];
    let unknown = "You are not known here.";

    // Somebody whom nobody knows; with an invitation he is.
    let max = |verified: bool| json!({ "sub": "m-1", "email": "max@alpha.example", "email_verified": verified, "name": "Other Name" });
    assert!(firm.is_sent_away(handle, &max(true)).await.starts_with(unknown));
    firm.invite("max@alpha.example", "Portal").await;
    assert!(firm.is_sent_away(handle, &max(false)).await.contains("not verified"));
    let come = firm.comes(handle, &max(true)).await;
    assert_eq!(come["user"]["name"], "Invited");
    assert_eq!(firm.holds("max@alpha.example").await, [("Portal".to_owned(), false)]);
    let open = firm.inside.ask("{ invitations { nodes { acceptedAt } } }", json!({})).await;
    assert!(open["invitations"]["nodes"][0]["acceptedAt"].is_string());

    // Who is known there as whom, to whoever administers the client.
    let known =
        "query($id: ID!, $after: String) { identityProviderUsers(identityProvider: $id, first: 1, after: $after) {
        nodes { subject lastSignInAt linkedAt user { email } } pageInfo { hasNextPage endCursor } totalCount } }";
    let known = async |after: Option<&Value>| {
        firm.inside.ask(known, json!({ "id": provider["id"], "after": after })).await["identityProviderUsers"].clone()
    };
    let one = known(None).await;
    assert_eq!((&one["totalCount"], &one["pageInfo"]["hasNextPage"]), (&json!(1), &json!(false)));
    let max_there = &one["nodes"][0];
    assert_eq!((&max_there["subject"], &max_there["user"]["email"]), (&json!("m-1"), &json!("max@alpha.example")));
    assert_eq!(max_there["linkedAt"], max_there["lastSignInAt"]);

    // Somebody who has a password already is the same person afterwards.
    firm.member("lea@alpha.example", "Bookkeeper").await;
    let lea = firm.comes_in(handle, &person("l-1", "lea@alpha.example", &[])).await.enter(&firm.client).await;
    assert!(permissions(&lea).await.contains(&"JOURNAL_POST".to_owned()));
    let first = known(None).await;
    assert_eq!((&first["nodes"][0]["subject"], &first["totalCount"]), (&json!("l-1"), &json!(2)));
    let second = known(Some(&first["pageInfo"]["endCursor"])).await;
    assert_eq!((&second["nodes"][0]["subject"], &second["pageInfo"]["hasNextPage"]), (&json!("m-1"), &json!(false)));
    // Her address is given to somebody else there: that is another person, and nobody here.
    assert!(firm.is_sent_away(handle, &person("l-2", "lea@alpha.example", &[])).await.starts_with(unknown));
    // Until somebody says that it is all right.
    let user = firm.comes(handle, &person("l-1", "lea@alpha.example", &[])).await["user"]["id"].clone();
    let unlink = "mutation($input: IdentityProviderUserUnlinkInput!) { identityProviderUserUnlink(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "id": provider["id"], "user": user } });
    firm.inside.ask(unlink, input.clone()).await;
    assert_eq!(lea.send("{ viewer { name } }", json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(firm.inside.refused(unlink, input).await[0]["code"], "NOT_FOUND");
    firm.comes_in(handle, &person("l-2", "lea@alpha.example", &[])).await.enter(&firm.client).await;

    // Domains hold for those who are known, too.
    for (email, verified) in [("lea@evil.example", true), ("lea@alpha.example", false), ("lea@x.alpha.example", true)] {
        let said = json!({ "sub": "l-2", "email": email, "email_verified": verified });
        assert!(firm.is_sent_away(handle, &said).await.contains("none of the domains"), "{email}");
    }

    // What the ID token does not say is asked for, and believed of the same person only.
    firm.issuer.says_besides(json!({ "sub": "m-1", "email": "max@alpha.example", "email_verified": true }));
    firm.comes_in(handle, &json!({ "sub": "m-1" })).await.enter(&firm.client).await;
    firm.issuer.says_besides(json!({ "sub": "m-1", "email": "lea@alpha.example", "email_verified": true }));
    assert!(firm.is_sent_away(handle, &json!({ "sub": "l-2" })).await.contains("was not good"));
}

/// What is wrong with head and claims, at a time.
type Twist = &'static (dyn Fn(&mut Value, &mut Value, i64) + Sync);

#[tokio::test]
async fn a_token_that_is_not_the_issuers_own_lets_nobody_in() {
    let firm = Firm::open().await;
    let handle = &firm.set_up_with_groups().await["handle"];
    let rosa = person("r-1", "rosa@alpha.example", &["books"]);
    let now = chrono::Utc::now().timestamp();
    let twists: [(&str, Twist); 12] = [
        ("another nonce", &|_, claims, _| claims["nonce"] = json!("another")),
        ("no nonce", &|_, claims, _| drop(claims.as_object_mut().unwrap().remove("nonce"))),
        ("another audience", &|_, claims, _| claims["aud"] = json!("somebody else")),
        ("issued to another", &|_, claims, _| {
            claims["aud"] = json!([OAUTH_CLIENT, "somebody else"]);
            claims["azp"] = json!("somebody else");
        }),
        ("another issuer", &|_, claims, _| claims["iss"] = json!("https://other.example")),
        ("expired", &|_, claims, now| claims["exp"] = json!(now - 120)),
        ("issued long ago", &|_, claims, now| claims["iat"] = json!(now - 7200)),
        ("not yet good", &|_, claims, now| claims["nbf"] = json!(now + 3600)),
        ("no subject", &|_, claims, _| claims["sub"] = json!("")),
        ("alg none", &|head, _, _| head["alg"] = json!("none")),
        ("alg HS256", &|head, _, _| head["alg"] = json!("HS256")),
        ("another key", &|head, _, _| head["kid"] = json!("third")),
    ];
    for (what, twist) in twists {
        firm.issuer.twist(move |head, claims| twist(head, claims, now));
        let sentence = firm.is_sent_away(handle, &rosa).await;
        assert_eq!(sentence, "The identity provider's answer was not good; sign in again.", "{what}");
    }
    firm.issuer.honest();
    // Signed by nobody, with the public key as a shared secret, and with another's key under its name.
    firm.issuer.twist(|head, _| head["alg"] = json!("none"));
    firm.issuer.forge(|_, _| String::new());
    assert!(firm.is_sent_away(handle, &rosa).await.contains("was not good"));
    firm.issuer.twist(|head, _| head["alg"] = json!("HS256"));
    firm.issuer.forge(|signed, public| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public);
        URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()))
    });
    assert!(firm.is_sent_away(handle, &rosa).await.contains("was not good"));
    firm.issuer.honest();
    firm.issuer.forge(|_, _| URL_SAFE_NO_PAD.encode([7; 64]));
    assert!(firm.is_sent_away(handle, &rosa).await.contains("was not good"));
    firm.issuer.honest();
    assert!(firm.holds("rosa@alpha.example").await.is_empty());
    // The unknown key was looked for once; a new one within the same minute is not.
    assert_eq!(firm.issuer.keys_asked(), 2);
    firm.comes_in(handle, &rosa).await;
    firm.issuer.rotate();
    assert!(firm.is_sent_away(handle, &rosa).await.contains("was not good"));
    assert_eq!(firm.issuer.keys_asked(), 2);
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_looked_for() {
    let firm = Firm::open().await;
    let handle = &firm.set_up_with_groups().await["handle"];
    let rosa = person("r-1", "rosa@alpha.example", &["books"]);
    firm.comes_in(handle, &rosa).await;
    firm.comes_in(handle, &rosa).await;
    assert_eq!(firm.issuer.keys_asked(), 1);
    firm.issuer.rotate();
    firm.comes_in(handle, &rosa).await;
    assert_eq!(firm.issuer.keys_asked(), 2);
}

#[tokio::test]
async fn each_step_is_good_once_and_for_who_began() {
    let firm =
        Firm::with(Issuer::announcing(json!({ "authorization_response_iss_parameter_supported": true })).await).await;
    let handle = &firm.set_up_with_groups().await["handle"];
    let rosa = person("r-1", "rosa@alpha.example", &["books"]);
    let over = "This sign-in is over";

    // The state of another browser: it is sent on to its portal, which has not begun this one. Nothing has happened.
    let (mine, thine) = (firm.begin(handle).await, firm.begin(handle).await);
    let address = firm.issuer.signs_in(&thine.url, &rosa);
    let back = firm.back(&address).await;
    assert_eq!(back.parameter("tab").as_deref(), Some("1"));
    let sentence = firm.complete(&back.code(), &mine.verifier).await;
    assert!(sentence["userErrors"][0]["message"].as_str().unwrap().starts_with(over), "{sentence}");
    assert!(firm.holds("rosa@alpha.example").await.is_empty());
    // Whoever began it can still complete it, once.
    assert!(firm.complete(&back.code(), &thine.verifier).await["accessToken"].is_string());
    let again = firm.complete(&back.code(), &thine.verifier).await;
    assert!(again["userErrors"][0]["message"].as_str().unwrap().starts_with(over), "{again}");
    // The state was used.
    let replayed = firm.back(&address).await;
    assert!(replayed.status == 400 && replayed.to.is_none() && replayed.page.contains(over), "{}", replayed.page);

    // Two at once: one way back, one completion.
    let begun = firm.begin(handle).await;
    let address = firm.issuer.signs_in(&begun.url, &rosa);
    let (one, other) = futures_util::future::join(firm.back(&address), firm.back(&address)).await;
    assert_eq!([one.status, other.status].iter().filter(|status| **status == 303).count(), 1);
    let code = [&one, &other].into_iter().find(|back| back.status == 303).unwrap().code();
    let (one, other) =
        futures_util::future::join(firm.complete(&code, &begun.verifier), firm.complete(&code, &begun.verifier)).await;
    assert_eq!([&one, &other].iter().filter(|come| come["accessToken"].is_string()).count(), 1, "{one} {other}");

    // Two first sign-ins of one person at once make one account.
    let max = person("m-1", "max@alpha.example", &["books"]);
    let (one, other) = futures_util::future::join(firm.comes(handle, &max), firm.comes(handle, &max)).await;
    assert!(one["accessToken"].is_string() && other["accessToken"].is_string(), "{one} {other}");
    assert_eq!(one["user"]["id"], other["user"]["id"]);
    assert_eq!(firm.holds("max@alpha.example").await.len(), 1);

    // The identity provider's own code is good once, too: what somebody has seen of it is worth nothing.
    let (first, second) = (firm.begin(handle).await, firm.begin(handle).await);
    let seen = Url::parse(&firm.issuer.signs_in(&first.url, &rosa)).unwrap();
    let mut injected = Url::parse(&firm.issuer.signs_in(&second.url, &rosa)).unwrap();
    let pairs: Vec<(String, String)> = injected.query_pairs().into_owned().collect();
    let stolen = seen.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    injected.query_pairs_mut().clear();
    for (name, value) in pairs {
        let value = if name == "code" { &stolen } else { &value };
        injected.query_pairs_mut().append_pair(&name, value);
    }
    let back = firm.back(injected.as_str()).await;
    let come = firm.complete(&back.code(), &second.verifier).await;
    assert!(come["userErrors"][0]["message"].as_str().unwrap().contains("was not good"), "{come}");

    // Another issuer's answer: by its name, without one although it is announced, and at another's address.
    for (what, wrong) in [
        ("another name", Box::new(|url: &str| url.replace("%2Ftenant", "%2Fother")) as Box<dyn Fn(&str) -> String>),
        ("no name", Box::new(|url: &str| url.split("&iss=").next().unwrap().to_owned())),
        ("another address", Box::new(|url: &str| url.replacen("/oidc/callback/", "/oidc/callback/x", 1))),
    ] {
        let begun = firm.begin(handle).await;
        let address = firm.issuer.signs_in(&begun.url, &rosa);
        let back = firm.back(&wrong(&address)).await;
        assert!(back.status == 400 && back.page.contains("did not come from where"), "{what}: {}", back.page);
        assert_eq!(firm.back(&address).await.status, 400, "{what}: the state was used up");
    }

    // The person says no there; and nothing of what came is shown.
    let begun = firm.begin(handle).await;
    let address = firm.issuer.signs_in(&begun.url, &rosa);
    let refused = address.replacen("code=", "error=access_denied&error_description=%3Cscript%3E&was=", 1);
    let back = firm.back(&refused).await;
    assert_eq!((back.status, back.parameter("signInError").as_deref()), (303, Some("access_denied")));
    assert!(back.parameter("signInCode").is_none());
    for query in ["", "?state=<script>&code=1", "?state=a&state=b", "?code=1"] {
        let back = firm.back(&firm.app.url(&format!("/oidc/callback/x{query}"))).await;
        assert!(back.status == 400 && back.to.is_none() && !back.page.contains("<script>"), "{query}: {}", back.page);
    }
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_guesses_has_to_wait() {
    let firm = Firm::open().await;
    let handle = &firm.set_up_with_groups().await["handle"];
    for at in 0..20 {
        firm.back(&firm.app.url(&format!("/oidc/callback/x?state={at}&code=1"))).await;
    }
    let back = firm.back(&firm.app.url("/oidc/callback/x?state=21&code=1")).await;
    assert!(back.page.contains("too many failed sign-ins"), "{}", back.page);
    let input = json!({ "identityProvider": handle, "returnTo": PAGE, "challenge": "x" });
    assert_eq!(firm.app.client().refused(BEGIN, json!({ "input": input })).await[0]["code"], "RATE_LIMITED");
}

#[tokio::test]
async fn an_identity_provider_speaks_for_its_client_alone() {
    let firm = Firm::open().await;
    let handle = &firm.set_up_with_groups().await["handle"];
    let unknown = "You are not known here.";
    // Staff, also of those who work for this client, and whatever group the identity provider puts them in.
    let user = firm.administrator.staff("konrad@firm.example", "Konrad Konto").await;
    firm.inside.grant(&user, "Accountant", "2026-01-01", None).await;
    for email in ["konrad@firm.example", "ada@firm.example"] {
        let sentence = firm.is_sent_away(handle, &person(email, email, &["books", "audit"])).await;
        assert!(sentence.starts_with(unknown), "{sentence}");
    }

    // A person of another client, also if this one has invited her: she accepts by herself, or nobody does.
    let beta = firm.administrator.onboard("Beta Works", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let in_beta = firm.administrator.enter(&beta).await;
    let role = in_beta.role("Accountant").await;
    let invited = in_beta
        .ask(
            "mutation($input: UserInviteInput!) { userInvite(input: $input) { token userErrors { message } } }",
            json!({ "input": { "email": "bea@beta.example", "name": "Bea", "role": role } }),
        )
        .await;
    let bea = accept(&firm.app, &invited["userInvite"]["token"]).await;
    let evil = person("b-1", "bea@beta.example", &["books"]);
    assert!(firm.is_sent_away(handle, &evil).await.starts_with(unknown));
    let token = firm.invite("bea@beta.example", "Portal").await;
    assert!(firm.is_sent_away(handle, &evil).await.starts_with(unknown));
    let accepted = bea
        .ask(
            "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { userErrors { message } } }",
            json!({ "input": { "token": token } }),
        )
        .await;
    assert!(accepted["invitationAccept"].is_object());

    // Now she is known here: the identity provider may say that she has come, and that is good for this client only.
    let outside = firm.comes_in(handle, &evil).await;
    assert!(may_enter(&outside, &firm.client).await && !may_enter(&outside, &beta).await);
    assert!(may_enter(&bea, &firm.client).await && may_enter(&bea, &beta).await);
    // Nothing that protects her account is changed from there, and her other sessions are neither seen nor ended.
    let enroll = outside.refused("mutation { totpEnroll { userErrors { code message } } }", json!({})).await;
    assert!(enroll[0]["message"].as_str().unwrap().contains("needs a sign-in with your password"));
    let seen = |client: Client| async move {
        let data = client.ask("{ sessions { nodes { id } totalCount } }", json!({})).await;
        data["sessions"].clone()
    };
    assert_eq!(seen(outside.clone()).await["totalCount"], 1);
    let all = seen(bea.clone()).await;
    assert_eq!(all["totalCount"], 3);
    let hers = all["nodes"][2]["id"].clone();
    let revoke = "mutation($input: SessionRevokeInput!) { sessionRevoke(input: $input) { userErrors { code } } }";
    assert_eq!(outside.refused(revoke, json!({ "input": { "id": hers } })).await[0]["code"], "NOT_FOUND");
    // An invitation of another client is not accepted from there without her password.
    let gamma = firm.administrator.onboard("Gamma", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let in_gamma = firm.administrator.enter(&gamma).await;
    let role = in_gamma.role("Portal").await;
    let invited = in_gamma
        .ask(
            "mutation($input: UserInviteInput!) { userInvite(input: $input) { token userErrors { message } } }",
            json!({ "input": { "email": "bea@beta.example", "name": "Bea", "role": role } }),
        )
        .await;
    let accept =
        "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { userErrors { code field } } }";
    let input = json!({ "input": { "token": invited["userInvite"]["token"] } });
    assert_eq!(outside.refused(accept, input.clone()).await[0]["code"], "REQUIRED");
    bea.ask(accept, input).await;
    // A token for another client that somebody could forge would open nothing either: the database looks at the session.
    let confined = firm.app.database.count("SELECT count(*) FROM identity.session WHERE confined_to IS NOT NULL");
    assert_eq!(confined, 1);
    let entered = firm.app.database.lines(
        "postgres",
        "SELECT (SELECT e.verdict FROM core.enter('user', s.account_id, s.id, t.id, NULL, NULL) e) AS line
           FROM identity.session s, core.tenant t WHERE s.confined_to IS NOT NULL ORDER BY t.id = s.confined_to",
    );
    assert_eq!(entered, ["ended", "ended", "ok"]);
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_comes_of_a_confined_session_is_confined() {
    let firm = Firm::open().await;
    let provider = firm.set_up(json!({})).await;
    let beta = firm.administrator.onboard("Beta Works", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let bea = firm.member("bea@alpha.example", "Bookkeeper").await;
    let in_beta = firm.administrator.enter(&beta).await;
    let user = bea.ask("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let invite =
        json!({ "input": { "email": "bea@alpha.example", "name": "Bea", "role": in_beta.role("Portal").await } });
    let invited = in_beta
        .ask(
            "mutation($input: UserInviteInput!) { userInvite(input: $input) { token userErrors { message } } }",
            invite,
        )
        .await;
    let accepting = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { accessToken client userErrors { message } } }";
    bea.ask(accepting, json!({ "input": { "token": invited["userInvite"]["token"] } })).await;
    // The client invites her once more, and its identity provider says that she accepts.
    let outside = firm.comes_in(&provider["handle"], &person("b-1", "bea@alpha.example", &[])).await;
    assert_eq!(outside.ask("{ viewer { id } }", json!({})).await["viewer"]["id"], user);
    let token = firm.invite("bea@alpha.example", "Portal").await;
    let accepted = outside.ask(accepting, json!({ "input": { "token": token } })).await["invitationAccept"].clone();
    assert_eq!(accepted["client"], firm.client);
    let accepted = firm.app.client().with_token(accepted["accessToken"].as_str().unwrap());
    assert!(may_enter(&accepted, &firm.client).await && !may_enter(&accepted, &beta).await);
    assert!(may_enter(&bea, &beta).await);
}

#[tokio::test]
async fn unknown_foreign_and_disabled_identity_providers_look_alike() {
    let firm = Firm::open().await;
    let provider = firm.set_up_with_groups().await;
    let handle = provider["handle"].as_str().unwrap();
    let beta = firm.administrator.onboard("Beta Works", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let (client, id) = handle.split_once('.').unwrap();
    let foreign = format!("{}.{id}", beta.trim_start_matches("cli_"));
    let unknown = format!("{client}.{}", "0".repeat(32));
    let refused = async |handle: &str, page: &str| {
        let challenge = URL_SAFE_NO_PAD.encode([1; 32]);
        let input = json!({ "identityProvider": handle, "returnTo": page, "challenge": challenge });
        firm.app.client().refused(BEGIN, json!({ "input": input })).await
    };
    let nothing = refused(&unknown, PAGE).await;
    assert_eq!(nothing[0]["code"], "NOT_FOUND");
    assert_eq!(refused(&foreign, PAGE).await, nothing);
    assert_eq!(refused("nonsense", PAGE).await, nothing);
    // Pages that are nobody's here.
    for page in [
        "https://evil.example/",
        "https://portal.example.evil.example/",
        "javascript:alert(1)",
        "/inside",
        "https://portal.example/#x",
    ] {
        assert_eq!(refused(handle, page).await[0]["field"], json!(["input", "returnTo"]), "{page}");
    }
    let own = json!({ "input": { "portalOrigins": ["https://alpha.example"] } });
    let update = "mutation($input: ClientUpdateInput!) { clientUpdate(input: $input) { userErrors { message } } }";
    firm.inside.ask(update, own).await;
    let input = json!({ "identityProvider": handle, "returnTo": "https://alpha.example/in", "challenge": URL_SAFE_NO_PAD.encode([1; 32]), "loginHint": "rosa@alpha.example" });
    let begun = firm.app.client().ask(BEGIN, json!({ "input": input })).await;
    assert!(begun["signInBegin"]["authorizationUrl"].as_str().unwrap().contains("login_hint=rosa%40alpha.example"));

    // One that is disabled: nobody comes in any more, also who was on his way, and who is in is out.
    let rosa = person("r-1", "rosa@alpha.example", &["books"]);
    let outside = firm.comes_in(&provider["handle"], &rosa).await;
    let inside = outside.enter(&firm.client).await;
    let begun = firm.begin(&provider["handle"]).await;
    let back = firm.back(&firm.issuer.signs_in(&begun.url, &rosa)).await;
    let disabled = firm.change(&provider, json!({ "enabled": false, "expectedVersion": 1 })).await;
    assert_eq!(disabled["state"], "DISABLED");
    let come = firm.complete(&back.code(), &begun.verifier).await;
    assert_eq!(come["userErrors"][0]["message"], "Nobody comes in through this identity provider any more.");
    assert_eq!(inside.send("{ viewer { name } }", json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(refused(handle, PAGE).await, nothing);
    // Enabled again, and deleted for good: what it gave has ended.
    firm.change(&provider, json!({ "enabled": true })).await;
    firm.comes_in(&provider["handle"], &rosa).await;
    assert_eq!(firm.holds("rosa@alpha.example").await.len(), 1);
    let delete = "mutation($input: IdentityProviderDeleteInput!) { identityProviderDelete(input: $input) { identityProvider { state } userErrors { code } } }";
    let deleted = firm.inside.ask(delete, json!({ "input": { "id": provider["id"] } })).await;
    assert_eq!(deleted["identityProviderDelete"]["identityProvider"]["state"], "DELETED");
    assert!(firm.holds("rosa@alpha.example").await.is_empty());
    assert_eq!(refused(handle, PAGE).await, nothing);
    assert_eq!(firm.app.database.count("SELECT count(*) FROM identity.identity_provider WHERE sealed_secret <> ''"), 0);
}

#[tokio::test]
async fn nobody_sets_up_what_could_do_more_than_he_may() {
    let firm = Firm::open().await;
    let lea = firm.member("lea@alpha.example", "Client administrator").await.enter(&firm.client).await;
    let accountant = firm.inside.role("Accountant").await;
    let auditor = firm.inside.role("Auditor").await;
    let mapped =
        |role: &str| firm.settings(json!({ "groupsClaim": "groups", "roles": [{ "group": "books", "role": role }] }));
    let beyond = lea.refused(CREATE, json!({ "input": mapped(&accountant) })).await;
    assert_eq!(beyond[0]["field"], json!(["input", "roles", "0", "role"]));
    assert!(beyond[0]["message"].as_str().unwrap().contains("because you do not hold it yourself"), "{beyond}");
    let data = lea.ask(CREATE, json!({ "input": mapped(&auditor) })).await;
    let provider = data["identityProviderCreate"]["identityProvider"].clone();
    let role = json!({ "input": { "id": provider["id"], "roles": [{ "group": "books", "role": accountant }] } });
    assert_eq!(lea.refused(UPDATE, role).await[0]["field"], json!(["input", "roles", "0", "role"]));
    // Somebody comes who may do more: whoever runs the identity provider could say that he is him.
    firm.member("max@alpha.example", "Accountant").await;
    let client = json!({ "input": { "id": provider["id"], "oauthClientId": "mine" } });
    assert!(
        lea.refused(UPDATE, client.clone()).await[0]["message"].as_str().unwrap().contains("do not hold it yourself")
    );
    let other = firm.settings(json!({ "name": "Other" }));
    assert!(
        lea.refused(CREATE, json!({ "input": other })).await[0]["message"]
            .as_str()
            .unwrap()
            .contains("do not hold it yourself")
    );
    // Shutting it needs no more than the right itself; and those who run the installation may all of it.
    let more = json!({ "input": { "id": provider["id"], "enabled": false, "oauthClientId": "mine" } });
    assert!(lea.refused(UPDATE, more).await[0]["message"].is_string());
    lea.ask(UPDATE, json!({ "input": { "id": provider["id"], "enabled": false } })).await;
    let shut = json!({ "input": { "id": provider["id"], "oauthClientId": "mine" } });
    assert!(lea.refused(UPDATE, shut).await[0]["message"].is_string());
    assert!(
        lea.refused(UPDATE, json!({ "input": { "id": provider["id"], "enabled": true } })).await[0]["message"]
            .is_string()
    );
    firm.inside.ask(UPDATE, client).await;

    // What is typed is looked at, before anybody is asked and after.
    for (changes, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "issuer": "nonsense" }), "issuer"),
        (json!({ "issuer": "https://10.0.0.1/" }), "issuer"),
        (json!({ "issuer": "https://db.internal/" }), "issuer"),
        (json!({ "issuer": format!("{}?x=1", firm.issuer.url) }), "issuer"),
        (json!({ "issuer": format!("{}/", firm.issuer.url) }), "issuer"),
        (json!({ "issuer": firm.issuer.url.replace("/tenant", "/nothing") }), "issuer"),
        (json!({ "issuer": "http://127.0.0.1:1/" }), "issuer"),
        (json!({ "oauthClientId": "" }), "oauthClientId"),
        (json!({ "oauthClientSecret": "" }), "oauthClientSecret"),
        (json!({ "scopes": ["a b"] }), "scopes"),
        (json!({ "emailDomains": ["@alpha.example"] }), "emailDomains"),
        (json!({ "sessionHours": 0 }), "sessionHours"),
        (json!({ "maxAgeMinutes": 0 }), "maxAgeMinutes"),
        (json!({ "groupsClaim": "" }), "groupsClaim"),
    ] {
        let refused = firm.inside.refused(CREATE, json!({ "input": firm.settings(changes.clone()) })).await;
        assert_eq!(refused[0]["field"][1], field, "{changes}: {refused}");
    }
    for (announced, word) in [
        (json!({ "issuer": "https://other.example" }), "names another issuer"),
        (json!({ "token_endpoint": "http://169.254.169.254/token" }), "token_endpoint"),
        (json!({ "jwks_uri": "https://10.0.0.7/keys" }), "jwks_uri"),
        (json!({ "code_challenge_methods_supported": ["plain"] }), "PKCE"),
    ] {
        let issuer = Issuer::announcing(announced.clone()).await;
        let refused =
            firm.inside.refused(CREATE, json!({ "input": firm.settings(json!({ "issuer": issuer.url })) })).await;
        assert!(refused[0]["message"].as_str().unwrap().contains(word), "{announced}: {refused}");
    }
}

#[tokio::test]
async fn where_it_is_required_a_password_does_no_more() {
    let firm = Firm::open().await;
    let provider = firm.set_up(json!({})).await;
    let lea = firm.member("lea@alpha.example", "Bookkeeper").await;
    let eva = firm.member("eva@alpha.example", "Client administrator").await;
    let require = json!({ "input": { "id": provider["id"], "required": true } });
    assert_eq!(firm.inside.refused(UPDATE, require.clone()).await[0]["code"], "STATE");
    firm.comes_in(&provider["handle"], &person("l-1", "lea@alpha.example", &[])).await;
    firm.inside.ask(UPDATE, require).await;
    // By password she signs in as before, into no client that does not want that; through the identity provider, yes.
    assert!(!may_enter(&lea, &firm.client).await);
    let lea = firm.comes_in(&provider["handle"], &person("l-1", "lea@alpha.example", &[])).await;
    assert!(may_enter(&lea, &firm.client).await);
    // Whoever could mend it is not locked out, and the provider's people are not concerned.
    assert!(may_enter(&eva, &firm.client).await && may_enter(&firm.administrator, &firm.client).await);
    let mended = firm.change(&provider, json!({ "enabled": false })).await;
    assert_eq!((&mended["required"], &mended["state"]), (&json!(false), &json!("DISABLED")));
    assert!(may_enter(&firm.app.sign_in("lea@alpha.example").await, &firm.client).await);
}
