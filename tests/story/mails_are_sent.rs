//! What is told by mail: an invitation, a first password, a way to a new one, a sign-in from a new device. The secret stands
//! in the mail alone, nobody learns from an answer who has an account, and what did not happen is not told.

pub mod post_office;
pub mod reader;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use backoffice::platform::mail::{Server, Settings as MailSettings, Way};
use serde_json::{Value, json};

use self::post_office::{Mood, PostOffice, login};
use self::reader::{Mail, arrived, jobs, quiet};
use crate::harness::{App, Client, Database, PASSWORD, Setup, id_of};
use crate::people_come_and_go::{code, now_s};

const ADA: &str = "ada@firm.example";
const NEW: &str = "another-Horse-battery-7";
const INVITE: &str = "mutation($email: String!, $name: String!, $role: ID!) { userInvite(input: { email: $email, name: $name, role: $role }) {
    token userErrors { code field } } }";
const ACCEPT: &str =
    "mutation($token: String!, $password: String!) { invitationAccept(input: { token: $token, password: $password }) {
    user { email } userErrors { code } } }";
const REQUEST: &str = "mutation($email: String!) { passwordResetRequest(input: { email: $email }) { accepted userErrors { code field message } } }";
const RESET: &str = "mutation($token: String!, $password: String!, $totp: String) {
    passwordReset(input: { token: $token, newPassword: $password, totp: $totp }) { user { email } userErrors { code field message } } }";
const SIGN_IN: &str = "mutation($email: String!, $password: String!, $totp: String) {
    signIn(input: { email: $email, password: $password, totp: $totp }) { accessToken userErrors { code } } }";

async fn reset(client: &Client, token: &str, password: &str) -> Value {
    client.ask(RESET, json!({ "token": token, "password": password })).await["passwordReset"]["user"]["email"].clone()
}

/// Everything that the database holds about people, mails and their jobs.
fn stored(app: &App) -> Vec<String> {
    app.database.lines(
        "postgres",
        "SELECT j::text AS line FROM core.provider_job j UNION ALL SELECT r::text FROM identity.password_reset r
         UNION ALL SELECT i::text FROM identity.invitation i UNION ALL SELECT e::text FROM audit.entry e
         UNION ALL SELECT a::text FROM identity.account a UNION ALL SELECT t::text FROM identity.account_trail t",
    )
}

fn trail(app: &App) -> Vec<String> {
    app.database.lines("postgres", "SELECT what AS line FROM identity.account_trail ORDER BY created_at, id")
}

#[tokio::test]
async fn an_invitation_comes_by_mail_and_its_token_is_kept_nowhere_else() {
    let app = App::start();
    let books = app.with_books().await;
    let inside = books.administrator.enter(&books.client).await;
    let role = inside.role("Portal").await;
    let who = json!({ "email": "Rosa@portal.example", "name": "Rosa <Kern>", "role": role });
    let shown = inside.ask(INVITE, who).await["userInvite"]["token"].as_str().unwrap().to_owned();
    let came = arrived(&app).await;
    let [mail] = came.as_slice() else { panic!("{came:?}") };
    assert_eq!(mail.header("From"), "Backoffice <backoffice@localhost>");
    assert!(mail.header("To").ends_with("<rosa@portal.example>"), "{:?}", mail.head);
    assert_eq!(mail.header("Subject"), "Invitation to Alpha Trading");
    assert!(mail.text.contains("Hello Rosa <Kern>,") && mail.html.contains("Hello Rosa &lt;Kern&gt;,"), "{mail:?}");
    let token = mail.word("boi_");
    assert_eq!(token, shown);
    let secret = token.split_once(".boi_").unwrap().1.to_owned();
    let stored = stored(&app);
    assert!(stored.len() > 5 && stored.iter().all(|line| !line.contains(&secret)));
    // The folder is for nobody else's eyes.
    let mode = |path: &std::path::Path| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    };
    let file = std::fs::read_dir(&app.mail).unwrap().flatten().next().unwrap().path();
    assert_eq!((mode(&app.mail), mode(&file)), (0o700, 0o600));

    let accepted = app.client().ask(ACCEPT, json!({ "token": token, "password": PASSWORD })).await;
    assert_eq!(accepted["invitationAccept"]["user"]["email"], "rosa@portal.example");
    // Coming in for the first time is no news of a device.
    assert_eq!(arrived(&app).await.len(), 1);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_did_not_happen_is_not_told() {
    let app = App::with(Setup { jobs: 0, ..Setup::default() });
    let books = app.with_books().await;
    let inside = books.administrator.enter(&books.client).await;
    let role = inside.role("Portal").await;
    let who = json!({ "email": "rosa@portal.example", "name": "Rosa", "role": role });
    inside.dry().ask(INVITE, who.clone()).await;
    let both = "mutation($role: ID!) {
        good: userInvite(input: { email: \"rosa@portal.example\", name: \"Rosa\", role: $role }) { userErrors { code } }
        bad: userInvite(input: { email: \"nobody\", name: \"Rosa\", role: $role }) { userErrors { code } } }";
    assert_eq!(inside.send(both, json!({ "role": role })).await.code(), "ROLLED_BACK");
    app.client().dry().ask(REQUEST, json!({ "email": ADA })).await;
    assert_eq!(jobs(&app), Vec::<String>::new());
    // What was over before its mail was written is not told either.
    inside.ask(INVITE, who).await;
    let open = inside.ask("{ invitations { nodes { id } } }", json!({})).await["invitations"]["nodes"][0]["id"].clone();
    let revoke = "mutation($id: ID!) { invitationRevoke(input: { id: $id }) { userErrors { code } } }";
    inside.ask(revoke, json!({ "id": open })).await;
    app.client().ask(REQUEST, json!({ "email": "konrad@firm.example" })).await;
    let disable = "mutation($user: ID!) { staffDisable(input: { user: $user }) { userErrors { code } } }";
    books.administrator.ask(disable, json!({ "user": books.accountant_id })).await;
    let workers = app.database.workers(1);
    assert_eq!(arrived(&app).await.len(), 0);
    assert_eq!(jobs(&app), ["succeeded 1", "succeeded 1"]);
    drop(workers);
}

#[tokio::test]
async fn a_member_of_the_staff_chooses_his_first_password_himself() {
    let app = App::start();
    let administrator = app.administrator().await;
    let roles = administrator.ask("{ providerRoles { id name } }", json!({})).await;
    let role = id_of(&roles["providerRoles"], "name", "Staff");
    let create = "mutation($role: ID!) { staffCreate(input: { email: \"Zoe@firm.example\", name: \"Zoë Ünal\", roles: [$role] }) {
        staffMember { id } userErrors { message } } }";
    administrator.ask(create, json!({ "role": role })).await;
    let who = json!({ "email": "zoe@firm.example", "password": NEW });
    assert_eq!(app.client().refused(SIGN_IN, who.clone()).await[0]["code"], "INVALID");
    let mail = arrived(&app).await.remove(0);
    assert_eq!(mail.header("Subject"), "Your account at Backoffice");
    assert!(mail.text.contains("Hello Zoë Ünal,") && mail.text.contains("zoe@firm.example"), "{mail:?}");
    assert_eq!(reset(&app.client(), &mail.word("bop_"), NEW).await, "zoe@firm.example");
    app.client().ask(SIGN_IN, who).await;
    assert_eq!(trail(&app), ["welcome_mailed", "password_reset"]);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_once_and_ends_every_session() {
    let app = App::start();
    let ada = app.administrator().await;
    for _ in 0..4 {
        app.client().refused(SIGN_IN, json!({ "email": ADA, "password": "forgotten-Horse-1" })).await;
    }
    let known = app.client().ask(REQUEST, json!({ "email": " Ada@firm.example " })).await;
    let unknown = app.client().ask(REQUEST, json!({ "email": "nobody@firm.example" })).await;
    assert_eq!(known, unknown);
    let came = arrived(&app).await;
    let [mail] = came.as_slice() else { panic!("a mail went to somebody who has no account: {came:?}") };
    assert!(mail.header("To").contains("<ada@firm.example>") && mail.text.contains("for 30 minutes"), "{mail:?}");
    let token = mail.word("bop_");
    assert!(stored(&app).iter().all(|line| !line.contains(&token[4..]) && !line.contains("nobody@firm.example")));

    let weak = app.client().refused(RESET, json!({ "token": token, "password": "short" })).await;
    assert_eq!(weak[0]["field"], json!(["input", "newPassword"]));
    let wrong =
        app.client().refused(RESET, json!({ "token": format!("bop_{}", "A".repeat(43)), "password": NEW })).await;
    assert_eq!((&wrong[0]["code"], &wrong[0]["field"]), (&json!("NOT_FOUND"), &json!(["input", "token"])));
    assert_eq!(app.client().refused(RESET, json!({ "token": "bop_x", "password": NEW })).await, wrong);
    // A dry run uses nothing up.
    app.client().dry().ask(RESET, json!({ "token": token, "password": NEW })).await;
    ada.ask("{ viewer { __typename } }", json!({})).await;
    assert_eq!(reset(&app.client(), &token, NEW).await, ADA);
    let twice = app.client().refused(RESET, json!({ "token": token, "password": "third-Horse-battery-7" })).await;
    assert_eq!(twice, wrong);
    assert_eq!(ada.send("{ sessions { nodes { id } } }", json!({})).await.code(), "UNAUTHENTICATED");
    let old = app.client().refused(SIGN_IN, json!({ "email": ADA, "password": PASSWORD })).await;
    assert_eq!(old[0]["code"], "INVALID");
    app.client().ask(SIGN_IN, json!({ "email": ADA, "password": NEW })).await;
    assert_eq!(trail(&app), ["reset_mailed", "password_reset"]);
    let changed = app.database.past_the_server("backoffice_identity", |connection| {
        backoffice::database::texts(
            connection,
            "UPDATE identity.account_trail SET what = 'new_device' RETURNING what AS line",
        )
        .is_err()
    });
    assert!(changed, "the trail was changed");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_way_to_a_new_password_ends_with_its_time_with_another_one_and_with_a_change() {
    let app = App::start();
    let ada = app.administrator().await;
    for _ in 0..3 {
        app.client().ask(REQUEST, json!({ "email": ADA })).await;
    }
    let tokens: Vec<String> = arrived(&app).await.iter().map(|mail| mail.word("bop_")).collect();
    assert_eq!(tokens.len(), 3);
    app.database.run(
        "postgres",
        "UPDATE identity.password_reset SET expires_at = now() WHERE ctid = (SELECT min(ctid) FROM identity.password_reset)",
    );
    let good: Vec<&String> = {
        let mut good = Vec::new();
        for token in &tokens {
            let answer = app.client().dry().send(RESET, json!({ "token": token, "password": NEW })).await;
            if answer.body["data"]["passwordReset"]["user"].is_object() {
                good.push(token);
            }
        }
        good
    };
    assert_eq!(good.len(), 2, "one was over");
    // Whichever is used ends the others; and whoever knows his password again ends them as well.
    reset(&app.client(), good[1], NEW).await;
    app.client().refused(RESET, json!({ "token": good[0], "password": PASSWORD })).await;
    assert_eq!(ada.send("{ sessions { nodes { id } } }", json!({})).await.code(), "UNAUTHENTICATED");
    let token =
        app.client().ask(SIGN_IN, json!({ "email": ADA, "password": NEW })).await["signIn"]["accessToken"].clone();
    app.client().ask(REQUEST, json!({ "email": ADA })).await;
    let last = arrived(&app).await.last().unwrap().word("bop_");
    let change =
        "mutation($old: String!, $new: String!) { passwordChange(input: { currentPassword: $old, newPassword: $new }) {
        user { id } userErrors { message } } }";
    app.client().with_token(token.as_str().unwrap()).ask(change, json!({ "old": NEW, "new": PASSWORD })).await;
    app.client().refused(RESET, json!({ "token": last, "password": NEW })).await;
    assert_eq!(
        app.database
            .lines("postgres", "SELECT expires_at::text AS line FROM identity.password_reset WHERE used_at IS NULL"),
        [""; 0]
    );
}

#[tokio::test]
async fn a_mailbox_alone_does_not_get_past_the_authenticator_app() {
    let app = App::start();
    let ada = app.administrator().await;
    let enrolled = ada.ask("mutation { totpEnroll { enrolment { secret } userErrors { message } } }", json!({})).await;
    let secret = enrolled["totpEnroll"]["enrolment"]["secret"].as_str().unwrap().to_owned();
    let confirm = "mutation($code: String!) { totpConfirm(input: { code: $code }) { enabled userErrors { message } } }";
    ada.ask(confirm, json!({ "code": code(&secret, now_s()) })).await;
    app.database.run("postgres", "UPDATE identity.account SET totp_last_step = totp_last_step - 10");
    app.client().ask(REQUEST, json!({ "email": ADA })).await;
    let token = arrived(&app).await[0].word("bop_");
    for wrong in [Value::Null, json!("000000"), json!("12345")] {
        let refused = app.client().refused(RESET, json!({ "token": token, "password": NEW, "totp": wrong })).await;
        assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("INVALID"), &json!(["input", "totp"])));
    }
    let right = code(&secret, now_s());
    app.client().ask(RESET, json!({ "token": token, "password": NEW, "totp": right })).await;
    // The code was used with it, and the app is asked for as before.
    let again = app.client().refused(SIGN_IN, json!({ "email": ADA, "password": NEW, "totp": right })).await;
    assert_eq!(again[0]["code"], "INVALID");
    app.database.run("postgres", "UPDATE identity.account SET totp_last_step = totp_last_step - 10");
    app.client().ask(SIGN_IN, json!({ "email": ADA, "password": NEW, "totp": code(&secret, now_s()) })).await;
    // Codes cannot be tried one after another.
    app.client().ask(REQUEST, json!({ "email": ADA })).await;
    let token = arrived(&app).await[1].word("bop_");
    for _ in 0..2 {
        app.client().refused(RESET, json!({ "token": token, "password": NEW, "totp": "000000" })).await;
    }
    let waits = app.client().refused(RESET, json!({ "token": token, "password": NEW, "totp": "000000" })).await;
    assert_eq!(waits[0]["code"], "RATE_LIMITED");
}

#[tokio::test]
async fn wishes_for_a_new_password_take_as_long_and_are_counted_alike_for_everybody() {
    let app = App::start();
    app.administrator().await;
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    let client = app.client();
    for _ in 0..5 {
        for (email, best) in [(ADA, &mut known), ("nobody@firm.example", &mut unknown)] {
            let start = Instant::now();
            client.ask(REQUEST, json!({ "email": email })).await;
            *best = (*best).min(start.elapsed());
        }
    }
    assert!(unknown * 3 > known && known * 3 > unknown, "known {known:?}, unknown {unknown:?}");
    for email in [ADA, "nobody@firm.example"] {
        let waits = client.refused(REQUEST, json!({ "email": email })).await;
        assert_eq!(waits[0]["code"], "RATE_LIMITED", "{email}");
    }
    for number in 0..10 {
        client.ask(REQUEST, json!({ "email": format!("nobody{number}@firm.example") })).await;
    }
    let closed = client.refused(REQUEST, json!({ "email": "fresh@firm.example" })).await;
    assert_eq!(closed[0]["code"], "RATE_LIMITED");
    // Whoever only signs in is not kept waiting by it.
    client.ask(SIGN_IN, json!({ "email": ADA, "password": PASSWORD })).await;
    let malformed = client.refused(REQUEST, json!({ "email": "ada" })).await;
    assert_eq!(malformed[0]["field"], json!(["input", "email"]));
    assert_eq!(arrived(&app).await.len(), 5);
}

#[tokio::test]
async fn no_name_adds_a_header_and_no_address_another_recipient() {
    let app = App::start();
    let books = app.with_books().await;
    let inside = books.administrator.enter(&books.client).await;
    let role = inside.role("Portal").await;
    for email in ["a@portal.example\r\nBcc: x@evil.example", "a@portal.example, x@evil.example", "<a@portal.example>"] {
        let reply = inside.send(INVITE, json!({ "email": email, "name": "A", "role": role })).await;
        let refused = reply.body["data"]["userInvite"]["userErrors"][0]["field"] == json!(["input", "email"]);
        // What looks like an address and is none for mail is given up, and says why.
        assert!(refused || !email.contains([' ', '\r']), "{}", reply.text);
    }
    let name = "Rosa\r\nBcc: x@evil.example\r\n\r\n<b>Pay here</b>";
    inside.ask(INVITE, json!({ "email": "rosa@portal.example", "name": name, "role": role })).await;
    let came = arrived(&app).await;
    let mail = came.iter().find(|mail| mail.header("To").contains("<rosa@portal.example>")).unwrap();
    assert!(mail.head.iter().all(|line| !line.starts_with("Bcc")), "{:?}", mail.head);
    assert!(mail.html.contains("&lt;b&gt;Pay here&lt;/b&gt;") && !mail.html.contains("<b>"), "{}", mail.html);
    assert!(mail.text.contains("Hello Rosa  Bcc: x@evil.example    <b>Pay here</b>,"), "{}", mail.text);
    assert_eq!(came.len(), 1);
    let failed: Vec<String> = jobs(&app).into_iter().filter(|job| job.starts_with("failed")).collect();
    assert_eq!(failed, ["failed 1 REFUSED The mail cannot be written: its address is none that mails can be sent to."]);
}

#[tokio::test]
async fn a_new_device_is_told_once_and_a_known_one_is_not() {
    let app = App::start();
    // The first sign-in of all, on no device that says what it is.
    app.administrator().await;
    let proxy = crate::harness::http_builder().local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66))).build().unwrap();
    let sign_in = async |device: &str, from: &str| {
        let body = json!({ "query": SIGN_IN, "variables": { "email": ADA, "password": PASSWORD } });
        let asked =
            proxy.post(app.url("/graphql")).header("user-agent", device).header("x-forwarded-for", from).json(&body);
        let answer: Value = asked.send().await.unwrap().json().await.unwrap();
        assert!(answer["data"]["signIn"]["accessToken"].is_string(), "{answer}");
    };
    let browser = "Strange/1.0 <b>device</b>";
    sign_in(browser, "203.0.113.9").await;
    let came = arrived(&app).await;
    let [mail] = came.as_slice() else { panic!("{came:?}") };
    assert_eq!(mail.header("Subject"), "New sign-in at Backoffice");
    assert!(
        mail.html.contains("Strange/1.0 &lt;b&gt;device&lt;/b&gt;") && mail.text.contains("203.0.113.9"),
        "{mail:?}"
    );
    // The same again, brought up to date, and elsewhere in the same network.
    sign_in(browser, "203.0.113.9").await;
    sign_in("Strange/2.11 <b>device</b>", "203.0.7.1").await;
    assert_eq!(arrived(&app).await.len(), 1);
    // Its name alone does not make a device a known one.
    sign_in(browser, "198.51.100.1").await;
    assert_eq!(arrived(&app).await.len(), 2);
    // Twice at the same moment is once.
    tokio::join!(sign_in("Another/1.0", "198.51.100.1"), sign_in("Another/1.0", "198.51.100.1"));
    assert_eq!(arrived(&app).await.len(), 3);
    // A wrong password is no sign-in.
    app.client().with_header("user-agent", "Guesser").refused(SIGN_IN, json!({ "email": ADA, "password": NEW })).await;
    assert_eq!(arrived(&app).await.len(), 3);
    assert_eq!(trail(&app), ["new_device"; 3]);
}

/// An application that sends its mails to that server.
fn through(url: &str, patience: Duration, jobs: usize) -> App {
    let mails = MailSettings {
        way: Way::Smtp(Server::parse(url).unwrap()),
        from: "The Firm <office@firm.example>".to_owned(),
        provider: "The Firm".to_owned(),
        reset_link: Some("https://portal.example/reset#{token}".to_owned()),
        patience,
        ..MailSettings::in_folder(Database::new().folder())
    };
    App::with(Setup { mails: Some(mails), jobs, ..Setup::default() })
}

fn plainly(office: &PostOffice) -> String {
    format!("smtp://127.0.0.1:{}?tls=none", office.port)
}

async fn ask_for_a_mail(app: &App) {
    app.administrator().await;
    app.client().ask(REQUEST, json!({ "email": ADA })).await;
}

#[tokio::test]
async fn a_mail_server_that_is_busy_or_silent_gets_the_same_mail_again() {
    let moods = [Mood::Answers("451 4.7.1 come back later"), Mood::KeepsSilently];
    let office = PostOffice::open(&moods).await;
    let app = through(&plainly(&office), Duration::from_secs(2), 1);
    ask_for_a_mail(&app).await;
    let kept = office.has(2).await;
    let [first, second]: &[Mail; 2] = kept.as_slice().try_into().unwrap();
    assert_eq!(first.header("From"), "\"The Firm\" <office@firm.example>");
    assert!(
        first.header("To").contains("<ada@firm.example>") && first.header("Subject") == "New password for The Firm"
    );
    assert_eq!(first.header("Auto-Submitted"), "auto-generated");
    assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
    let link = second.word("https://portal.example/reset#bop_");
    assert_eq!(first.word("bop_"), link);
    assert!(second.html.contains(&format!("<a href=\"{link}\">")), "{}", second.html);
    quiet(&app).await;
    assert_eq!(jobs(&app), ["succeeded 3"]);
    assert!(office.heard().contains(&"EHLO firm.example".to_owned()), "{:?}", office.heard());
    reset(&app.client(), link.split_once('#').unwrap().1, NEW).await;
    assert_eq!(office.kept().len(), 2, "the mail was sent once more");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up_and_says_why() {
    let office = PostOffice::open(&[Mood::Answers("550 5.1.1 no such box")]).await;
    let app = through(&plainly(&office), Duration::from_secs(5), 1);
    ask_for_a_mail(&app).await;
    quiet(&app).await;
    let failed = jobs(&app).remove(0);
    assert!(
        failed.starts_with("failed 1 REFUSED The mail server refused the mail: ") && failed.ends_with("no such box"),
        "{failed}"
    );
    assert_eq!(office.kept().len(), 0);
    assert_eq!(office.heard().iter().filter(|line| line.starts_with("RCPT")).count(), 1);
}

#[tokio::test]
async fn a_password_of_the_mail_server_is_said_behind_a_lock_only() {
    let office = PostOffice::open(&[]).await;
    assert!(Server::parse(&format!("smtp://office:topsecret@127.0.0.1:{}?tls=none", office.port)).is_err());
    let app = through(&format!("smtp://office:topsecret@127.0.0.1:{}", office.port), Duration::from_secs(5), 1);
    ask_for_a_mail(&app).await;
    let begun = Instant::now();
    while !jobs(&app).iter().any(|job| job.starts_with("waiting 1 UNAVAILABLE The mail server did not take the mail: "))
    {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", jobs(&app));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let heard = office.heard();
    assert!(heard.iter().any(|line| line.starts_with("EHLO")), "{heard:?}");
    assert!(heard.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")), "{heard:?}");

    // Nor to one that shows a certificate which nobody vouches for.
    let stranger = PostOffice::with_tls(&[]).await;
    let app = through(&format!("smtp://office:topsecret@127.0.0.1:{}", stranger.port), Duration::from_secs(5), 1);
    ask_for_a_mail(&app).await;
    let begun = Instant::now();
    while !jobs(&app).iter().any(|job| job.starts_with("waiting 1 UNAVAILABLE")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", jobs(&app));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stranger.heard(), ["EHLO firm.example", "STARTTLS"]);
}

#[tokio::test]
async fn behind_the_lock_a_worker_signs_in_and_a_wrong_password_loses_no_mail() {
    let office = PostOffice::with_tls(&[Mood::Knows("535 5.7.8 who are you")]).await;
    let app = App::with(Setup { jobs: 0, ..Setup::default() });
    ask_for_a_mail(&app).await;
    std::fs::create_dir_all(app.folder.as_path()).unwrap();
    let certificate = app.folder.join("post-office.pem");
    std::fs::write(&certificate, office.certificate.as_deref().unwrap()).unwrap();
    let url = format!("smtp://office%40firm.example:top%3Asecret@127.0.0.1:{}", office.port);
    let environment = [
        ("SSL_CERT_FILE", certificate.to_str().unwrap()),
        ("BACKOFFICE_MAIL_URL", &url),
        ("BACKOFFICE_MAIL_FROM", "office@firm.example"),
    ];
    let mut worker = app.database.worker_with(1, &environment);
    let mail = office.has(1).await.remove(0);
    quiet(&app).await;
    worker.stop();
    assert_eq!(jobs(&app), ["succeeded 2"]);
    let heard = office.heard();
    let logins: Vec<String> = heard.iter().filter(|line| line.starts_with("AUTH")).map(|line| login(line)).collect();
    assert_eq!(logins, [" office@firm.example top:secret"; 2]);
    let before: Vec<&String> = heard.iter().take_while(|line| *line != "STARTTLS").collect();
    assert_eq!(before, ["EHLO firm.example"]);
    reset(&app.client(), &mail.word("bop_"), NEW).await;
}

#[tokio::test]
async fn a_killed_worker_costs_one_repeat_that_is_known_as_such() {
    let office = PostOffice::open(&[Mood::KeepsSilently]).await;
    let app = App::with(Setup { jobs: 0, ..Setup::default() });
    ask_for_a_mail(&app).await;
    let url = plainly(&office);
    let environment = [("BACKOFFICE_MAIL_URL", url.as_str())];
    let killed = app.database.worker_with(1, &environment);
    // The mail server has the mail, and its worker has not heard so.
    office.has(1).await;
    drop(killed);
    let mut next = app.database.worker_with(1, &environment);
    let kept = office.has(2).await;
    quiet(&app).await;
    next.stop();
    let [first, second]: &[Mail; 2] = kept.as_slice().try_into().unwrap();
    assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
    assert_eq!(first.word("bop_"), second.word("bop_"));
    // What was noted is not done again by whoever comes after.
    let mut last = app.database.worker_with(1, &environment);
    tokio::time::sleep(Duration::from_secs(3)).await;
    last.stop();
    assert_eq!(office.kept().len(), 2);
    reset(&app.client(), &second.word("bop_"), NEW).await;
}

#[tokio::test]
async fn a_mail_that_was_given_up_is_seen_and_sent_once_more() {
    const LIST: &str = "query($first: Int, $after: String) { undeliveredMails(first: $first, after: $after) {
        totalCount nodes { id about recipient attempts errorCode askedAt givenUpAt } pageInfo { hasNextPage endCursor } } }";
    const RETRY: &str =
        "mutation($id: ID!) { undeliveredMailRetry(input: { id: $id }) { queuedAt userErrors { code field } } }";
    let no_box = || Mood::Answers("550 5.1.1 <ada@firm.example> has no box");
    let office = PostOffice::open(&[no_box(), no_box()]).await;
    let app = through(&plainly(&office), Duration::from_secs(5), 1);
    let books = app.with_books().await;
    let ada = &books.administrator;
    app.client().ask(REQUEST, json!({ "email": ADA })).await;
    quiet(&app).await;
    let inside = ada.enter(&books.client).await;
    let role = inside.role("Portal").await;
    inside.ask(INVITE, json!({ "email": "rosa@portal.example", "name": "Rosa", "role": role })).await;
    quiet(&app).await;

    // Both are seen, the later one first; whose they were is known again and not told.
    let list = ada.ask(LIST, json!({})).await["undeliveredMails"].clone();
    let nodes = list["nodes"].as_array().unwrap();
    let told: Vec<Value> =
        nodes.iter().map(|one| json!([one["about"], one["recipient"], one["attempts"], one["errorCode"]])).collect();
    assert_eq!(
        told,
        [
            json!(["INVITATION", "r…@portal.example", 1, "REFUSED"]),
            json!(["PASSWORD_RESET", "a…@firm.example", 1, "REFUSED"])
        ]
    );
    assert_eq!(list["totalCount"], 2);
    let text = list.to_string();
    assert!(!text.contains("rosa") && !text.contains("ada") && !text.contains("has no box"), "{text}");

    // Whoever has not the right sees none and sends none.
    ada.staff("nora@firm.example", "Nora").await;
    let nora = app.sign_in("nora@firm.example").await;
    let id = nodes[1]["id"].clone();
    for reply in [nora.send(LIST, json!({})).await, nora.send(RETRY, json!({ "id": id })).await] {
        assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    }
    // A dry run sends nothing; the same key sends once; what waits or was sent is not sent again.
    ada.dry().ask(RETRY, json!({ "id": id })).await;
    assert_eq!(ada.ask(LIST, json!({})).await["undeliveredMails"]["totalCount"], 2);
    let keyed = ada.with_header("Idempotency-Key", "send it again");
    let (first, again) = (keyed.send(RETRY, json!({ "id": id })).await, keyed.send(RETRY, json!({ "id": id })).await);
    assert!(first.body["data"]["undeliveredMailRetry"]["queuedAt"].is_string(), "{}", first.text);
    assert_eq!((first.text, again.headers["idempotency-replayed"].to_str().unwrap()), (again.text, "true"));
    let mail = office.has(1).await.remove(0);
    quiet(&app).await;
    assert_eq!(office.kept().len(), 1);
    assert_eq!(ada.refused(RETRY, json!({ "id": id })).await[0]["code"], "STATE");
    let unknown = json!({ "id": "mai_0123456789abcdef0123456789abcdef" });
    assert_eq!(ada.refused(RETRY, unknown).await[0]["code"], "NOT_FOUND");
    reset(&app.client(), mail.word("bop_").split_once('#').unwrap().1, NEW).await;

    // Page by page, also where many were given up in the same moment.
    app.database.lay(
        "INSERT INTO core.provider_job (id, kind, state, args, error_code, run_at, ended_at)
         SELECT gen_random_uuid(), 'mail.sign_in', 'failed', '{\"PasswordReset\": {\"account\": null}}', 'UNAVAILABLE', now(),
                timestamptz '2026-01-01 00:00:00.123456+00' FROM generate_series(1, 5)",
    );
    let ada = app.client().ask(SIGN_IN, json!({ "email": ADA, "password": NEW })).await;
    let ada = app.client().with_token(ada["signIn"]["accessToken"].as_str().unwrap());
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = ada.ask(LIST, json!({ "first": 2, "after": after })).await["undeliveredMails"].clone();
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (6, 6));
    assert_eq!(app.database.findings(), Vec::<String>::new());
}
