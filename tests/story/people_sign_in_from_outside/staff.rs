//! The provider's own staff comes in through the provider's own identity provider: the same way in as at a client's, with
//! provider roles for groups, and for nobody else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{BEGIN, Firm, PAGE, accept, may_enter, permissions, person};
use crate::harness::issuer::{Issuer, OAUTH_CLIENT, OAUTH_SECRET};
use crate::harness::{Client, PASSWORD, id_of};

const CREATE: &str = "mutation($input: StaffIdentityProviderCreateInput!) { staffIdentityProviderCreate(input: $input) {
    staffIdentityProvider { id handle redirectUri issuer scopes state required sessionHours version roles { group role { name } } }
    userErrors { code field message } } }";
const UPDATE: &str =
    "mutation($input: StaffIdentityProviderUpdateInput!) { staffIdentityProviderUpdate(input: $input) {
    staffIdentityProvider { id state required version roles { group } } userErrors { code field message } } }";
const DELETE: &str =
    "mutation($input: StaffIdentityProviderDeleteInput!) { staffIdentityProviderDelete(input: $input) {
    staffIdentityProvider { state } userErrors { code field } } }";
const UNLINK: &str =
    "mutation($input: StaffIdentityProviderUserUnlinkInput!) { staffIdentityProviderUserUnlink(input: $input) {
    userErrors { code field } } }";
const STAFF: &str = "{ staff(first: 100) { nodes { id email roles { name } grants { role { name } validUntil identityProvider { id name } } } } }";
const SIGN_IN: &str =
    "mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { code message } } }";
const VIEWER: &str = "{ viewer { name } }";
const UNKNOWN: &str = "You are not known here.";

impl Firm {
    /// Sets an identity provider of the provider's own up.
    async fn staff_set_up(&self, changes: Value) -> Value {
        let data = self.administrator.ask(CREATE, json!({ "input": self.settings(changes) })).await;
        data["staffIdentityProviderCreate"]["staffIdentityProvider"].clone()
    }

    async fn provider_role(&self, name: &str) -> String {
        let roles = self.administrator.ask("{ providerRoles { id name } }", json!({})).await;
        id_of(&roles["providerRoles"], "name", name)
    }

    /// Two groups that stand for provider roles.
    async fn staff_groups(&self) -> Value {
        let (boss, desk) = (self.provider_role("Provider administrator").await, self.provider_role("Staff").await);
        json!([{ "group": "boss", "role": boss }, { "group": "desk", "role": desk }])
    }

    async fn staff_set_up_with_groups(&self) -> Value {
        let roles = self.staff_groups().await;
        self.staff_set_up(json!({ "groupsClaim": "groups", "createsAccounts": true, "roles": roles })).await
    }

    async fn staff_change(&self, provider: &Value, changes: Value) -> Value {
        let mut input = json!({ "id": provider["id"] });
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        let data = self.administrator.ask(UPDATE, json!({ "input": input })).await;
        data["staffIdentityProviderUpdate"]["staffIdentityProvider"].clone()
    }

    /// The member of the staff of that address.
    async fn staff_member(&self, email: &str) -> Value {
        let staff = self.administrator.ask(STAFF, json!({})).await;
        let nodes = staff["staff"]["nodes"].as_array().unwrap().clone();
        nodes.into_iter().find(|one| one["email"] == email).unwrap_or_else(|| panic!("no {email}"))
    }

    /// The provider roles of a person, and whether an identity provider gave them.
    async fn holds_here(&self, email: &str) -> Vec<(String, bool)> {
        let member = self.staff_member(email).await;
        let grants = member["grants"].as_array().unwrap();
        let mut held: Vec<(String, bool)> = grants
            .iter()
            .map(|one| (one["role"]["name"].as_str().unwrap().to_owned(), !one["identityProvider"].is_null()))
            .collect();
        held.sort();
        held
    }

    async fn by_password(&self, email: &str) -> Value {
        let input = json!({ "input": { "email": email, "password": PASSWORD } });
        self.app.client().send(SIGN_IN, input).await.body["data"]["signIn"].clone()
    }

    async fn begin_refused(&self, handle: &str, page: &str) -> Value {
        let challenge = URL_SAFE_NO_PAD.encode([1; 32]);
        let input = json!({ "identityProvider": handle, "returnTo": page, "challenge": challenge });
        self.app.client().refused(BEGIN, json!({ "input": input })).await
    }
}

fn role(name: &str, by_group: bool) -> (String, bool) {
    (name.to_owned(), by_group)
}

async fn may_manage(person: &Client) -> bool {
    permissions(person).await.contains(&"STAFF_MANAGE".to_owned())
}

#[tokio::test]
async fn groups_there_are_provider_roles_here() {
    let firm = Firm::open().await;
    // A dry run looks at the identity provider as well, and keeps nothing.
    firm.administrator.dry().ask(CREATE, json!({ "input": firm.settings(json!({})) })).await;
    let list = "{ staffIdentityProviders { id handle state } }";
    assert_eq!(firm.administrator.ask(list, json!({})).await["staffIdentityProviders"], json!([]));
    let provider = firm.staff_set_up_with_groups().await;
    assert_eq!(provider["roles"].as_array().unwrap().len(), 2);
    assert!(provider["redirectUri"].as_str().unwrap().starts_with(&firm.app.url("/oidc/callback/")));
    assert_eq!(firm.administrator.ask(list, json!({})).await["staffIdentityProviders"][0]["id"], provider["id"]);
    let handle = &provider["handle"];

    // Somebody of the staff, found by his verified address once; his groups add to what was given to him by hand.
    firm.administrator.staff("konrad@firm.example", "Konrad Konto").await;
    let unverified =
        json!({ "sub": "k-1", "email": "konrad@firm.example", "email_verified": false, "groups": ["boss"] });
    assert!(firm.is_sent_away(handle, &unverified).await.contains("does not say that your e-mail address is verified"));
    let come = firm.comes(handle, &person("k-1", "konrad@firm.example", &["boss", "canteen"])).await;
    assert_eq!((&come["user"]["name"], &come["user"]["staff"]), (&json!("Konrad Konto"), &json!(true)));
    assert!(come["client"].is_null());
    let konrad = firm.app.client().with_token(come["accessToken"].as_str().unwrap());
    assert!(may_manage(&konrad).await && may_enter(&konrad, &firm.client).await);
    let held = firm.holds_here("konrad@firm.example").await;
    assert_eq!(held, [role("Provider administrator", true), role("Staff", false)]);
    let sessions =
        konrad.ask("{ sessions { nodes { identityProvider client current expiresAt createdAt } } }", json!({})).await;
    let own = &sessions["sessions"]["nodes"][0];
    assert_eq!((&own["identityProvider"], &own["client"]), (&json!("Login"), &Value::Null));
    let moment = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
    assert_eq!((moment(&own["expiresAt"]) - moment(&own["createdAt"])).num_hours(), 12);

    // Who is known there as whom.
    let known = "{ staff(first: 100) { nodes { email outsideIdentities { subject lastSignInAt linkedAt identityProvider { id } } } } }";
    let known = firm.administrator.ask(known, json!({})).await;
    let mut known = known["staff"]["nodes"].as_array().unwrap().clone();
    known.retain(|one| one["outsideIdentities"] != json!([]));
    assert_eq!(known.len(), 1, "{known:?}");
    let identity = &known[0]["outsideIdentities"][0];
    assert_eq!((&known[0]["email"], &identity["subject"]), (&json!("konrad@firm.example"), &json!("k-1")));
    assert_eq!(
        (&identity["identityProvider"]["id"], &identity["linkedAt"]),
        (&provider["id"], &identity["lastSignInAt"])
    );

    // Another group: what the first gave is gone, also in the session that he had before. The same role may be held twice.
    let again = firm.comes_in(handle, &person("k-1", "renamed@elsewhere.example", &["desk"])).await;
    assert!(!may_manage(&again).await && !may_manage(&konrad).await && !may_enter(&konrad, &firm.client).await);
    let member = firm.staff_member("konrad@firm.example").await;
    assert_eq!(member["roles"], json!([{ "name": "Staff" }]));
    assert_eq!(firm.holds_here("konrad@firm.example").await, [role("Staff", false), role("Staff", true)]);
    firm.comes_in(handle, &person("k-1", "konrad@firm.example", &[])).await;
    assert_eq!(firm.holds_here("konrad@firm.example").await, [role("Staff", false)]);

    // Somebody whom nobody has made an account for: only a group lets her in.
    assert!(firm.is_sent_away(handle, &person("n-1", "nora@firm.example", &["canteen"])).await.starts_with(UNKNOWN));
    let nora = firm.comes(handle, &person("n-1", "nora@firm.example", &["boss"])).await;
    assert_eq!((&nora["user"]["name"], &nora["user"]["staff"]), (&json!("Rosa Kern"), &json!(true)));
    assert_eq!(firm.holds_here("nora@firm.example").await, [role("Provider administrator", true)]);
    // What a group gave ends with its last day, whoever remembers otherwise.
    let nora = firm.app.client().with_token(nora["accessToken"].as_str().unwrap());
    let inside = nora.enter(&firm.client).await;
    assert!(!permissions(&inside).await.is_empty());
    let past =
        "UPDATE identity.provider_grant SET valid_until = current_date - 3 WHERE identity_provider_id IS NOT NULL";
    firm.app.database.run("postgres", past);
    assert!(!may_manage(&nora).await && !may_enter(&nora, &firm.client).await);
    assert_eq!(inside.send(VIEWER, json!({})).await.code(), "FORBIDDEN");
    assert!(firm.holds_here("nora@firm.example").await.is_empty());

    // A mapping that goes takes what it gave along.
    firm.comes_in(handle, &person("n-1", "nora@firm.example", &["boss", "desk"])).await;
    let desk = json!([firm.staff_groups().await[1]]);
    firm.staff_change(&provider, json!({ "roles": desk, "expectedVersion": 1 })).await;
    assert_eq!(firm.holds_here("nora@firm.example").await, [role("Staff", true)]);

    // All of it is on the record, with who did it and by which request, and without secrets.
    let trail =
        firm.app.database.lines("postgres", "SELECT t::text AS line FROM identity.provider_trail t ORDER BY t.id");
    assert!(!trail.iter().any(|line| line.contains("sealed") || line.contains(OAUTH_SECRET)), "{trail:?}");
    let told = firm.app.database.lines(
        "postgres",
        "SELECT t.actor_name || ' ' || t.action AS line FROM identity.provider_trail t
          WHERE t.record = 'provider_grant' AND t.request_id IS NOT NULL AND t.actor_name LIKE 'Konrad%' ORDER BY t.id",
    );
    let (given, taken) = ("Konrad Konto insert", "Konrad Konto delete");
    assert_eq!(told, [given, taken, given, taken]);
    let set_up = "SELECT count(*) FROM identity.provider_trail t
        WHERE t.record = 'staff_identity_provider' AND t.actor_name = 'Ada Admin' AND t.request_id IS NOT NULL";
    assert!(firm.app.database.count(set_up) >= 2);
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn it_speaks_for_the_staff_alone() {
    let firm = Firm::open().await;
    let provider = firm.staff_set_up_with_groups().await;
    let handle = &provider["handle"];
    // A client's person, whatever group she is put in there; nothing is given and nothing is remembered.
    firm.member("lea@alpha.example", "Client administrator").await;
    let lea = person("l-1", "lea@alpha.example", &["boss", "desk"]);
    assert!(firm.is_sent_away(handle, &lea).await.starts_with(UNKNOWN));
    let given = "SELECT count(*) FROM identity.provider_grant WHERE identity_provider_id IS NOT NULL";
    assert_eq!(firm.app.database.count(given), 0);
    assert_eq!(firm.app.database.count("SELECT count(*) FROM identity.staff_outside_account"), 0);
    // Nor past the server: such a session is none.
    let forged = "INSERT INTO identity.session (id, account_id, expires_at, staff_identity_provider_id, came_through)
        SELECT gen_random_uuid(), a.id, now() + interval '1 hour', p.id, p.name
          FROM identity.account a, identity.staff_identity_provider p WHERE a.email = 'lea@alpha.example' RETURNING id::text AS line";
    let forging = firm
        .app
        .database
        .past_the_server("backoffice_identity", |connection| backoffice::database::texts(connection, forged).is_err());
    assert!(forging);

    // A client's identity provider cannot be staff, also where it is the same server and the same person.
    let of_client = firm.set_up_with_groups().await;
    firm.administrator.staff("konrad@firm.example", "Konrad Konto").await;
    let konrad = person("k-1", "konrad@firm.example", &["books", "boss"]);
    let outside = firm.comes_in(handle, &konrad).await;
    assert!(firm.is_sent_away(&of_client["handle"], &konrad).await.starts_with(UNKNOWN));
    // And whoever is known to the client's is nobody here.
    let rosa = person("r-1", "rosa@alpha.example", &["books", "boss"]);
    firm.comes_in(&of_client["handle"], &rosa).await;
    assert!(firm.is_sent_away(handle, &rosa).await.starts_with(UNKNOWN));

    // Nothing that protects the account is changed from there.
    let enroll = outside.refused("mutation { totpEnroll { userErrors { code message } } }", json!({})).await;
    assert!(enroll[0]["message"].as_str().unwrap().contains("needs a sign-in with your password"));
    // What comes of such a session is no more than it.
    let token = firm.invite("konrad@firm.example", "Portal").await;
    let accepting = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { accessToken userErrors { message } } }";
    let accepted = outside.ask(accepting, json!({ "input": { "token": token } })).await;
    assert!(accepted["invitationAccept"]["accessToken"].is_string());
    let marked = "SELECT count(*) FROM identity.session WHERE staff_identity_provider_id IS NOT NULL";
    assert_eq!(firm.app.database.count(marked), 2);
    // He is another one there from now on: his address alone makes nobody him.
    assert!(firm.is_sent_away(handle, &person("k-2", "konrad@firm.example", &["boss"])).await.starts_with(UNKNOWN));
    let user = firm.staff_member("konrad@firm.example").await["id"].clone();
    let unlink = json!({ "input": { "id": provider["id"], "user": user } });
    firm.administrator.ask(UNLINK, unlink.clone()).await;
    assert_eq!(outside.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(firm.administrator.refused(UNLINK, unlink).await[0]["code"], "NOT_FOUND");
    firm.comes_in(handle, &person("k-2", "konrad@firm.example", &[])).await;
    // An account that has ended comes in no way.
    let disable = "mutation($input: StaffDisableInput!) { staffDisable(input: $input) { userErrors { code } } }";
    firm.administrator.ask(disable, json!({ "input": { "user": user } })).await;
    assert!(firm.is_sent_away(handle, &person("k-2", "konrad@firm.example", &["boss"])).await.starts_with(UNKNOWN));
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn where_it_is_required_staff_comes_by_no_password() {
    let firm = Firm::open().await;
    let provider = firm.staff_set_up_with_groups().await;
    firm.administrator.staff("konrad@firm.example", "Konrad Konto").await;
    let konrad = firm.app.sign_in("konrad@firm.example").await;
    let require = json!({ "input": { "id": provider["id"], "required": true } });
    assert_eq!(firm.administrator.refused(UPDATE, require.clone()).await[0]["code"], "STATE");
    // He holds the right to manage staff, but by a group only.
    let outside = firm.comes_in(&provider["handle"], &person("k-1", "konrad@firm.example", &["boss"])).await;
    firm.administrator.ask(UPDATE, require).await;
    assert_eq!(konrad.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    assert!(may_manage(&outside).await);
    let refused = firm.by_password("konrad@firm.example").await;
    assert_eq!(refused["userErrors"][0]["message"], "Staff come in through the provider's identity provider only.");
    // A wrong password is told nothing of that.
    let wrong = json!({ "input": { "email": "konrad@firm.example", "password": "wrong-Horse-battery-9" } });
    let wrong = firm.app.client().refused(SIGN_IN, wrong).await;
    assert_eq!(wrong[0]["message"], "E-mail address, password or code is wrong.");
    // Whoever could mend it is not locked out, and clients' people are not concerned.
    assert!(may_manage(&firm.administrator).await);
    assert!(may_manage(&firm.app.sign_in("ada@firm.example").await).await);
    accept(&firm.app, &firm.invite("lea@alpha.example", "Portal").await).await;
    firm.app.sign_in("lea@alpha.example").await;

    let mended = firm.staff_change(&provider, json!({ "enabled": false })).await;
    assert_eq!((&mended["required"], &mended["state"]), (&json!(false), &json!("DISABLED")));
    assert_eq!(outside.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    firm.app.sign_in("konrad@firm.example").await;
    let shut = json!({ "input": { "id": provider["id"], "required": true } });
    assert_eq!(firm.administrator.refused(UPDATE, shut).await[0]["field"], json!(["input", "required"]));
}

#[tokio::test]
async fn somebody_can_always_mend_it() {
    let firm = Firm::open().await;
    let provider = firm.staff_set_up_with_groups().await;
    let nora = firm.comes_in(&provider["handle"], &person("n-1", "nora@firm.example", &["boss"])).await;
    let require = json!({ "input": { "id": provider["id"], "required": true } });
    let disable =
        "mutation($input: StaffDisableInput!) { staffDisable(input: $input) { userErrors { code message } } }";
    let ada = json!({ "input": { "user": firm.staff_member("ada@firm.example").await["id"] } });
    // Nora manages staff because of a group, and has no password; Ada by hand, with one.
    nora.ask(UPDATE, require.clone()).await;
    let refused = nora.refused(disable, ada.clone()).await;
    assert!(refused[0]["message"].as_str().unwrap().starts_with("Nobody else could come in"), "{refused}");
    assert!(may_manage(&firm.administrator).await);
    nora.ask(UPDATE, json!({ "input": { "id": provider["id"], "required": false } })).await;
    nora.ask(disable, ada).await;
    let refused = nora.refused(UPDATE, require).await;
    assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("STATE"), &json!(["input", "required"])));
    // A session that comes of one whose identity provider was shut meanwhile is none, past the server too.
    let open = "INSERT INTO identity.session (id, account_id, expires_at, staff_identity_provider_id, came_through)
        SELECT gen_random_uuid(), a.id, now() + interval '1 hour', p.id, p.name
          FROM identity.account a, identity.staff_identity_provider p WHERE a.email = 'nora@firm.example' RETURNING id::text AS line";
    let opens = || {
        let database = &firm.app.database;
        database
            .past_the_server("backoffice_identity", |connection| backoffice::database::texts(connection, open).is_ok())
    };
    assert!(opens());
    firm.app.database.run("postgres", "UPDATE identity.staff_identity_provider SET state = 'disabled'");
    assert!(!opens());
    firm.app.database.run("postgres", "UPDATE identity.staff_identity_provider SET state = 'enabled'");
    assert!(opens());
    firm.app.database.run("postgres", "DELETE FROM identity.staff_outside_account");
    assert!(!opens());
    assert_eq!(nora.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn unknown_foreign_and_disabled_ones_look_alike() {
    let firm = Firm::open().await;
    let provider = firm.staff_set_up_with_groups().await;
    let of_client = firm.set_up(json!({})).await;
    let handle = provider["handle"].as_str().unwrap();
    let (staff, id) = handle.split_once('.').unwrap();
    let (client, other) = of_client["handle"].as_str().unwrap().split_once('.').unwrap();
    let nothing = firm.begin_refused(&format!("{staff}.{}", "0".repeat(32)), PAGE).await;
    assert_eq!(nothing[0]["code"], "NOT_FOUND");
    for foreign in [format!("{client}.{id}"), format!("{staff}.{other}"), "staff".to_owned(), "staff.".to_owned()] {
        assert_eq!(firm.begin_refused(&foreign, PAGE).await, nothing, "{foreign}");
    }
    // A client's portal is none of the provider's.
    let update = "mutation($input: ClientUpdateInput!) { clientUpdate(input: $input) { userErrors { message } } }";
    firm.inside.ask(update, json!({ "input": { "portalOrigins": ["https://alpha.example"] } })).await;
    for page in ["https://alpha.example/in", "https://evil.example/", "javascript:alert(1)"] {
        assert_eq!(firm.begin_refused(handle, page).await[0]["field"], json!(["input", "returnTo"]), "{page}");
    }
    let unknown = format!("{}_{}", provider["id"].as_str().unwrap().rsplit_once('_').unwrap().0, "0".repeat(32));
    let gone = async |id: &Value| firm.administrator.refused(DELETE, json!({ "input": { "id": id } })).await;
    let nobodys = gone(&json!(unknown)).await;
    assert_eq!(nobodys[0]["code"], "NOT_FOUND");
    assert_eq!(gone(&of_client["id"]).await, nobodys);

    // One that is disabled: nobody comes in any more, also who was on his way, and who is in is out.
    let nora = person("n-1", "nora@firm.example", &["boss"]);
    let outside = firm.comes_in(&provider["handle"], &nora).await;
    let inside = outside.enter(&firm.client).await;
    let begun = firm.begin(&provider["handle"]).await;
    let back = firm.back(&firm.issuer.signs_in(&begun.url, &nora)).await;
    firm.staff_change(&provider, json!({ "enabled": false })).await;
    let come = firm.complete(&back.code(), &begun.verifier).await;
    assert_eq!(come["userErrors"][0]["message"], "Nobody comes in through this identity provider any more.");
    for ended in [&outside, &inside] {
        assert_eq!(ended.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    }
    assert_eq!(firm.begin_refused(handle, PAGE).await, nothing);
    // Enabled again, and deleted for good: what it gave has ended.
    firm.staff_change(&provider, json!({ "enabled": true })).await;
    let outside = firm.comes_in(&provider["handle"], &nora).await;
    assert_eq!(firm.holds_here("nora@firm.example").await.len(), 1);
    let deleted = firm.administrator.ask(DELETE, json!({ "input": { "id": provider["id"] } })).await;
    assert_eq!(deleted["staffIdentityProviderDelete"]["staffIdentityProvider"]["state"], "DELETED");
    assert_eq!(outside.send(VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    assert!(firm.holds_here("nora@firm.example").await.is_empty());
    assert_eq!(firm.begin_refused(handle, PAGE).await, nothing);
    assert_eq!(gone(&provider["id"]).await, nobodys);
    let kept = "SELECT count(*) FROM identity.staff_identity_provider WHERE sealed_secret <> ''";
    assert_eq!(firm.app.database.count(kept), 0);
}

#[tokio::test]
async fn nobody_lets_it_speak_for_more_than_he_may() {
    let firm = Firm::open().await;
    firm.app.database.run(
        "postgres",
        "INSERT INTO identity.provider_role (id, name, permissions, client_permissions) VALUES
           ('00000000-0000-7000-8000-000000000009', 'Desk manager', '{identity.staff.manage,practice.portfolio.read}', '{}')",
    );
    let manager = firm.provider_role("Desk manager").await;
    let create = "mutation($input: StaffCreateInput!) { staffCreate(input: $input) { userErrors { message } } }";
    let input = json!({ "email": "mona@firm.example", "name": "Mona", "password": PASSWORD, "roles": [manager] });
    firm.administrator.ask(create, json!({ "input": input })).await;
    let mona = firm.app.sign_in("mona@firm.example").await;
    // Nor does she make anybody who may more than she.
    let boss = firm.provider_role("Provider administrator").await;
    let colleague = |roles: &[&str]| json!({ "input": { "email": "eva@firm.example", "name": "Eva", "password": PASSWORD, "roles": roles } });
    let beyond = mona.refused(create, colleague(&[&manager, &boss])).await;
    assert_eq!(
        beyond[0]["message"],
        "You cannot give the role \"Provider administrator\", because you do not hold all of its rights."
    );
    mona.ask(create, colleague(&[&manager])).await;
    let by_mona = "SELECT count(*) FROM identity.provider_trail t
        WHERE t.record = 'provider_grant' AND t.action = 'insert' AND t.actor_name = 'Mona' AND t.request_id IS NOT NULL";
    assert_eq!(firm.app.database.count(by_mona), 1);
    let (roles, desk) = (firm.staff_groups().await, json!([firm.staff_groups().await[1]]));
    let mapped = |roles: &Value| json!({ "input": firm.settings(json!({ "groupsClaim": "groups", "roles": roles })) });
    let beyond = mona.refused(CREATE, mapped(&roles)).await;
    assert_eq!(beyond[0]["field"], json!(["input", "roles", "0", "role"]), "{beyond}");
    let beyond = mona.refused(CREATE, mapped(&desk)).await;
    assert!(beyond[0]["message"].as_str().unwrap().contains("would speak for people with the role"), "{beyond}");
    let unknown = json!([{ "group": "x", "role": format!("prl_{}", "0".repeat(32)) }]);
    assert_eq!(firm.administrator.refused(CREATE, mapped(&unknown)).await[0]["code"], "NOT_FOUND");
    // Shutting one needs no more than the right itself.
    let provider = firm.staff_set_up_with_groups().await;
    let rename = json!({ "input": { "id": provider["id"], "name": "Mine" } });
    assert!(mona.refused(UPDATE, rename).await[0]["message"].is_string());
    let more = json!({ "input": { "id": provider["id"], "enabled": false, "groupsClaim": "nickname" } });
    assert!(mona.refused(UPDATE, more).await[0].is_object());
    mona.ask(UPDATE, json!({ "input": { "id": provider["id"], "enabled": false } })).await;
    assert!(mona.refused(UPDATE, json!({ "input": { "id": provider["id"], "enabled": true } })).await[0].is_object());
    // What is typed is looked at as at a client's.
    for (changes, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "issuer": "https://10.0.0.1/" }), "issuer"),
        (json!({ "oauthClientSecret": "" }), "oauthClientSecret"),
        (json!({ "sessionHours": 721 }), "sessionHours"),
    ] {
        let refused = firm.administrator.refused(CREATE, json!({ "input": firm.settings(changes.clone()) })).await;
        assert_eq!(refused[0]["field"][1], field, "{changes}: {refused}");
    }
    let silent = Issuer::announcing(json!({ "issuer": "https://other.example" })).await;
    let other = json!({ "name": "Other", "issuer": silent.url, "oauthClientId": OAUTH_CLIENT, "oauthClientSecret": OAUTH_SECRET });
    let refused = firm.administrator.refused(CREATE, json!({ "input": other })).await;
    assert!(refused[0]["message"].as_str().unwrap().contains("names another issuer"), "{refused}");
    // In a client's transaction none of it is there.
    assert_eq!(firm.inside.send("{ staffIdentityProviders { id } }", json!({})).await.code(), "BAD_USER_INPUT");
}
