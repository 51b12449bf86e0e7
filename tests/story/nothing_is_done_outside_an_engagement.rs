//! A client that requires engagements has done for it what it has engaged, on the days on which it has, and nothing else.

use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::data_goes_out_and_comes_in::{asked, upload};
use crate::documents_are_kept::{act, make, refusal};
use crate::harness::{App, Client, PASSWORD, Setup, http};

const CUSTOMER: &str = "mutation($number: String!) { customerCreate(input: { number: $number, name: \"X\", country: \"DE\" }) { customer { id } userErrors { message } } }";

/// A day so many days from today, where it is today there.
fn day(zone: chrono_tz::Tz, ahead: i64) -> NaiveDate {
    let today = Utc::now().with_timezone(&zone).date_naive();
    if ahead < 0 { today - Days::new(ahead.unsigned_abs()) } else { today + Days::new(ahead.unsigned_abs()) }
}

/// A provider that sells bookkeeping, payroll and letters; bookkeeping is what is done in finance.
struct Firm {
    app: App,
    administrator: Client,
}

impl Firm {
    async fn open(jobs: usize) -> Self {
        let app = App::with(Setup { jobs, ..Setup::default() });
        let administrator = app.administrator().await;
        for (code, covers) in
            [("bookkeeping", json!(["finance"])), ("letters", json!(["office.correspondence"])), ("payroll", json!([]))]
        {
            let service = json!({ "code": code, "name": code.to_uppercase(), "covers": covers });
            let made = act(&administrator, "serviceCreate", "ServiceCreateInput", service, "service { covers }").await;
            assert_eq!(made["service"]["covers"], covers);
        }
        administrator.staff("konrad@firm.example", "Konrad").await;
        Self { app, administrator }
    }

    /// A client in that zone, and Konrad in it.
    async fn client(&self, name: &str, zone: &str) -> (String, Client) {
        let client = self.administrator.onboard(name, "DE", "EUR", zone, "IFRS_SMALL").await;
        let staff = self.administrator.ask("{ staff { nodes { id email } } }", json!({})).await;
        let nodes = staff["staff"]["nodes"].as_array().unwrap().clone();
        let konrad = nodes.iter().find(|node| node["email"] == "konrad@firm.example").unwrap()["id"].clone();
        self.administrator.enter(&client).await.grant(konrad.as_str().unwrap(), "Accountant", "2026-01-01", None).await;
        let inside = self.app.sign_in("konrad@firm.example").await.enter(&client).await;
        (client, inside)
    }

    async fn require(&self, client: &str, required: bool) -> Value {
        let input = json!({ "client": client, "required": required });
        let (field, kind) = ("clientEngagementRequirementSet", "ClientEngagementRequirementSetInput");
        act(&self.administrator, field, kind, input, "required").await
    }
}

async fn engage(inside: &Client, service: &str, from: NaiveDate, until: Option<NaiveDate>) -> String {
    let input = json!({ "name": "Letter", "from": from, "until": until, "services": [{ "service": service }] });
    make(inside, "engagementCreate", "EngagementCreateInput", input, "engagement").await
}

/// What became of a customer: `OK`, or the sentence that refuses it.
async fn tried(client: &Client, number: &str) -> String {
    let reply = client.send(CUSTOMER, json!({ "number": number })).await;
    match reply.code() {
        "OK" => "OK".to_owned(),
        "FORBIDDEN" => reply.body["errors"][0]["message"].as_str().unwrap().to_owned(),
        other => panic!("{other}: {}", reply.text),
    }
}

const REFUSED: &str = "No live engagement of this client covers this today, so the right `finance.customer.manage` is withheld. \
                       An engagement of one of these services would cover it: BOOKKEEPING (`bookkeeping`).";

#[tokio::test]
async fn what_is_not_engaged_is_refused_until_it_is() {
    let firm = Firm::open(1).await;
    let berlin = chrono_tz::Europe::Berlin;
    let (client, konrad) = firm.client("Alpha", "Europe/Berlin").await;
    // A client that nobody keeps to its engagements has everything done, as ever.
    assert_eq!(tried(&konrad, "1").await, "OK");
    assert_eq!(firm.require(&client, true).await["required"], true);
    assert_eq!(tried(&konrad, "2").await, REFUSED);
    // He reads, and does what no service covers; his rights say what is withheld and why.
    let read =
        "{ client { engagementRequired } customers { nodes { number } } viewer { permissions withheldPermissions } }";
    let seen = konrad.ask(read, json!({})).await;
    assert_eq!(
        (&seen["client"]["engagementRequired"], seen["customers"]["nodes"].as_array().unwrap().len()),
        (&json!(true), 1)
    );
    let has = |list: &str, right: &str| seen["viewer"][list].as_array().unwrap().contains(&json!(right));
    assert!(has("withheldPermissions", "CUSTOMER_MANAGE") && !has("permissions", "CUSTOMER_MANAGE"));
    assert!(has("withheldPermissions", "CORRESPONDENCE_MANAGE") && !has("withheldPermissions", "CUSTOMER_READ"));
    assert!(has("permissions", "ENGAGEMENT_MANAGE") && has("permissions", "OFFICE_DOCUMENT_MANAGE"));
    make(&konrad, "workItemCreate", "WorkItemCreateInput", json!({ "kind": "TASK", "title": "Look" }), "workItem")
        .await;
    // Another service helps nothing; the right one does, from this moment on.
    engage(&konrad, "payroll", day(berlin, -9), None).await;
    assert_eq!(tried(&konrad, "2").await, REFUSED);
    let books = engage(&konrad, "bookkeeping", day(berlin, -9), None).await;
    assert_eq!(tried(&konrad, "2").await, "OK");
    // Letters are another matter.
    let letter = "mutation { letterTemplateCreate(input: { name: \"X\", language: \"en\", subject: \"X\", body: \"X\" }) { letterTemplate { id } } }";
    assert_ne!(konrad.send(letter, json!({})).await.code(), "FORBIDDEN", "only `office.correspondence` is covered");
    // It ends today, tomorrow, never: the day on which it ends is the first without it.
    let end = |until: Value| json!({ "id": books, "until": until });
    let ended =
        |until: Value| act(&konrad, "engagementUpdate", "EngagementUpdateInput", end(until), "engagement { until }");
    ended(json!(day(berlin, 0))).await;
    assert_eq!(tried(&konrad, "3").await, REFUSED);
    ended(json!(day(berlin, 1))).await;
    assert_eq!(tried(&konrad, "3").await, "OK");
    let service = json!({ "engagement": books, "service": "bookkeeping", "until": day(berlin, 0) });
    act(&konrad, "engagementServiceEnd", "EngagementServiceEndInput", service, "engagement { id }").await;
    assert_eq!(tried(&konrad, "4").await, REFUSED);
    // What a service covers counts from the moment on in which the provider says it.
    let said = |covers: Value| json!({ "code": "payroll", "name": "Payroll", "covers": covers });
    let say = |covers: Value| {
        act(&firm.administrator, "serviceUpdate", "ServiceUpdateInput", said(covers), "service { covers }")
    };
    say(json!(["finance.customer"])).await;
    assert_eq!(tried(&konrad, "4").await, "OK");
    let account = "mutation { accountCreate(input: { code: \"9\", name: \"X\", kind: ASSET }) { account { id } } }";
    let refused = konrad.send(account, json!({})).await;
    assert!(refused.text.contains("`finance.account.manage` is withheld"), "{}", refused.text);
    say(json!([])).await;
    assert_eq!(tried(&konrad, "5").await, REFUSED);
    // A client that is let go has everything done again, and one that is suspended is refused for that.
    firm.require(&client, false).await;
    assert_eq!(tried(&konrad, "5").await, "OK");
    firm.require(&client, true).await;
    let step = json!({ "client": client, "from": "ACTIVE", "to": "SUSPENDED", "reason": "Because" });
    act(&firm.administrator, "clientStatusMove", "ClientStatusMoveInput", step, "status").await;
    assert_eq!(tried(&konrad, "6").await, "You need the right `finance.customer.manage` for this.");
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_day_is_the_clients_own() {
    let firm = Firm::open(1).await;
    // It is never the same day there and here.
    let (kiritimati, pago) = (chrono_tz::Pacific::Kiritimati, chrono_tz::Pacific::Pago_Pago);
    let (early, in_early) = firm.client("Early", "Pacific/Kiritimati").await;
    let (late, in_late) = firm.client("Late", "Pacific/Pago_Pago").await;
    for client in [&early, &late] {
        firm.require(client, true).await;
    }
    let boundary = day(kiritimati, 0);
    assert!(day(pago, 0) < boundary);
    for inside in [&in_early, &in_late] {
        engage(inside, "bookkeeping", day(pago, -9), Some(boundary)).await;
    }
    assert_eq!((tried(&in_early, "1").await.as_str(), tried(&in_late, "1").await.as_str()), (REFUSED, "OK"));
    for inside in [&in_early, &in_late] {
        engage(inside, "letters", boundary, None).await;
    }
    let letters =
        |seen: Value| seen["viewer"]["permissions"].as_array().unwrap().contains(&json!("CORRESPONDENCE_MANAGE"));
    let ask = "{ viewer { permissions } }";
    assert!(letters(in_early.ask(ask, json!({})).await));
    assert!(!letters(in_late.ask(ask, json!({})).await));
}

#[tokio::test]
async fn the_clients_own_people_keep_their_rights_and_programs_do_not() {
    let firm = Firm::open(1).await;
    let (client, konrad) = firm.client("Alpha", "Europe/Berlin").await;
    let ada = firm.administrator.enter(&client).await;
    firm.require(&client, true).await;
    // The administrator holds what she holds in every client, and is of the staff as well. What is withheld is still hers to give.
    let role = ada.role("Bookkeeper").await;
    let invite = json!({ "email": "rosa@alpha.example", "name": "Rosa", "role": role });
    let invited = act(&ada, "userInvite", "UserInviteInput", invite, "token").await;
    let accept = json!({ "token": invited["token"], "password": PASSWORD });
    act(&firm.app.client(), "invitationAccept", "InvitationAcceptInput", accept, "accessToken").await;
    let rosa = firm.app.sign_in("rosa@alpha.example").await.enter(&client).await;
    assert_eq!((tried(&rosa, "1").await.as_str(), tried(&konrad, "2").await.as_str()), ("OK", REFUSED));
    assert_eq!(
        rosa.ask("{ viewer { withheldPermissions } }", json!({})).await["viewer"]["withheldPermissions"],
        json!([])
    );
    // A program is the staff's hand, whatever else it may do; it learns no more of services than it may know.
    let until = (Utc::now() + chrono::TimeDelta::days(5)).to_rfc3339();
    let robot = json!({ "name": "Robot", "scopes": ["CUSTOMER_MANAGE"], "expiresAt": until });
    let robot = act(&ada, "serviceAccountCreate", "ServiceAccountCreateInput", robot, "clientId clientSecret").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", robot["clientId"].as_str().unwrap()),
        ("client_secret", robot["clientSecret"].as_str().unwrap()),
    ];
    let answer = http().post(firm.app.url("/oauth/token")).form(&form).send().await.unwrap();
    let token = answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let robot = firm.app.client().with_token(token);
    let short =
        "No live engagement of this client covers this today, so the right `finance.customer.manage` is withheld.";
    assert_eq!(tried(&robot, "3").await, short);
    let seen = robot.ask("{ viewer { permissions withheldPermissions } }", json!({})).await;
    assert_eq!(seen["viewer"], json!({ "permissions": [], "withheldPermissions": ["CUSTOMER_MANAGE"] }));
    assert_eq!(
        robot.send("mutation { journalEntryReverse(input: { entry: \"x\", date: \"2026-01-01\" }) { userErrors { code } } }", json!({})).await.code(),
        "BAD_USER_INPUT"
    );
    engage(&konrad, "bookkeeping", day(chrono_tz::Europe::Berlin, 0), None).await;
    assert_eq!(tried(&robot, "3").await, "OK");
    // It is the provider's to say, and nobody else's.
    let free = "mutation($id: ID!) { clientEngagementRequirementSet(input: { client: $id, required: false }) { required userErrors { code } } }";
    for client_of in [&rosa, &konrad, &ada] {
        assert_ne!(client_of.send(free, json!({ "id": client })).await.code(), "OK");
    }
    let staff = firm.app.sign_in("konrad@firm.example").await;
    assert_eq!(staff.send(free, json!({ "id": client })).await.code(), "FORBIDDEN");
    let unknown = firm.require("cli_00000000000000000000000000000000", true).await;
    assert_eq!((refusal(&unknown).0, refusal(&unknown).1.as_str()), ("NOT_FOUND", "input.client"));
    for (covers, field) in
        [("identity", "input.covers.1"), ("nothing", "input.covers.1"), ("finance.customer.read", "input.covers.1")]
    {
        let wrong = json!({ "code": "wrong", "name": "Wrong", "covers": ["finance", covers] });
        let refused = act(&firm.administrator, "serviceCreate", "ServiceCreateInput", wrong, "service { code }").await;
        assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), ("INVALID", field), "{refused}");
    }
}

#[tokio::test]
async fn jobs_stop_and_races_have_one_end() {
    let firm = Firm::open(0).await;
    let (client, konrad) = firm.client("Alpha", "Europe/Berlin").await;
    let books = engage(&konrad, "bookkeeping", day(chrono_tz::Europe::Berlin, -1), None).await;
    firm.require(&client, true).await;
    // What was asked for while it was engaged is not done any more when it is not.
    let file = upload(&firm.app, &konrad, "customers.csv", b"number,name,country\n77,Late,DE\n").await;
    let job = asked(&konrad, json!({ "kind": "CUSTOMERS", "file": file })).await;
    let end = json!({ "id": books, "until": day(chrono_tz::Europe::Berlin, 0) });
    act(&konrad, "engagementUpdate", "EngagementUpdateInput", end, "engagement { until }").await;
    let workers = firm.app.database.workers(1);
    let done = konrad.ended(&job).await;
    assert_eq!((&done["state"], &done["errorCode"]), (&json!("FAILED"), &json!("FORBIDDEN")), "{done}");
    assert_eq!(done["error"], REFUSED);
    drop(workers);
    // Of many that are under way when it ends each is done whole or refused, and none that begins behind the end is done.
    let open = json!({ "id": books, "until": null });
    act(&konrad, "engagementUpdate", "EngagementUpdateInput", open, "engagement { until }").await;
    let many = futures_util::future::join_all((0..20).map(|number| {
        let konrad = konrad.clone();
        async move { tried(&konrad, &format!("R{number}")).await }
    }));
    let end = json!({ "id": books, "until": day(chrono_tz::Europe::Berlin, 0) });
    let ending = act(&konrad, "engagementUpdate", "EngagementUpdateInput", end, "engagement { until }");
    let (tries, _) = tokio::join!(many, ending);
    assert_eq!(tried(&konrad, "after").await, REFUSED);
    let listed = konrad.ask("{ customers(first: 100) { nodes { number } } }", json!({})).await;
    let kept: Vec<&str> =
        listed["customers"]["nodes"].as_array().unwrap().iter().map(|one| one["number"].as_str().unwrap()).collect();
    for (number, outcome) in tries.iter().enumerate() {
        assert_eq!(outcome == "OK", kept.contains(&format!("R{number}").as_str()), "{number}: {outcome}");
        assert!(outcome == "OK" || outcome == REFUSED, "{outcome}");
    }
    assert!(!kept.contains(&"77") && !kept.contains(&"after"), "{kept:?}");
}
