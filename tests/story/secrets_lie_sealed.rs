//! What signs tokens and what makes one-time codes lies in the database only sealed: a copy of the database, a backup or a
//! replica in the wrong hands signs nothing and passes no second factor.

use backoffice::identity::keys::Keys;
use backoffice::platform::db::Pools;
use backoffice::platform::vault::{Vault, place_of_signing_key, place_of_totp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::{App, Client, PASSWORD, story_vault};
use crate::people_come_and_go::{code, now_s};

const ADA: &str = "ada@firm.example";

/// What is stored: each secret with where it lies.
fn stored(app: &App) -> Vec<(String, Vec<u8>)> {
    let rows = app.database.lines(
        "postgres",
        "SELECT 'key ' || kid || ' ' || translate(encode(pkcs8, 'base64'), E'\\n', '') AS line FROM identity.signing_key
         UNION ALL SELECT 'totp ' || id || ' ' || translate(encode(totp_secret, 'base64'), E'\\n', '') FROM identity.account WHERE totp_secret IS NOT NULL",
    );
    rows.iter()
        .map(|row| {
            let parts: Vec<&str> = row.split(' ').collect();
            let place = match parts[0] {
                "key" => place_of_signing_key(parts[1]),
                _ => place_of_totp(parts[1].parse().unwrap()),
            };
            (place, STANDARD.decode(parts[2]).unwrap())
        })
        .collect()
}

/// Puts every secret back as releases before kept it.
fn lay_open(app: &App) {
    for (place, secret) in stored(app) {
        let open = story_vault().unseal(&place, &secret).unwrap();
        let hex: String = open.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = place.rsplit(' ').next().unwrap();
        app.database.run(
            "postgres",
            &if place.starts_with("totp") {
                format!("UPDATE identity.account SET totp_secret = '\\x{hex}' WHERE id = '{name}'")
            } else {
                format!("UPDATE identity.signing_key SET pkcs8 = '\\x{hex}' WHERE kid = '{name}'")
            },
        );
    }
}

/// Sets up an authenticator app; gives its secret as the person types it in.
async fn enrol(ada: &Client) -> String {
    let enrolled = ada.ask("mutation { totpEnroll { enrolment { secret } userErrors { message } } }", json!({})).await;
    let secret = enrolled["totpEnroll"]["enrolment"]["secret"].as_str().unwrap().to_owned();
    let confirmed = ada
        .ask(
            "mutation($code: String!) { totpConfirm(input: { code: $code }) { enabled userErrors { message } } }",
            json!({ "code": code(&secret, now_s()) }),
        )
        .await;
    assert_eq!(confirmed["totpConfirm"]["enabled"], true, "{confirmed}");
    secret
}

/// Whether she comes in with the code of that moment.
async fn comes_in(app: &App, secret: &str) -> bool {
    // The code of this half minute may have been used already; that is another story's rule.
    app.database.run("postgres", "UPDATE identity.account SET totp_last_step = 0");
    let input = json!({ "email": ADA, "password": PASSWORD, "totp": code(secret, now_s()) });
    let answer = app
        .client()
        .send(
            "mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }",
            json!({ "input": input }),
        )
        .await;
    answer.body["data"]["signIn"]["accessToken"].is_string()
}

#[tokio::test]
async fn secrets_are_stored_sealed_and_those_of_before_are_sealed_by_command() {
    let app = App::start();
    let ada = app.administrator().await;
    let secret = enrol(&ada).await;
    let found = stored(&app);
    assert_eq!(found.len(), 2);
    for (place, sealed) in &found {
        assert!(Vault::is_sealed(sealed), "{place} lies open");
        // Each opens in its own place with the server's key, and nowhere else.
        story_vault().unseal(place, sealed).unwrap();
        assert!(story_vault().unseal("elsewhere", sealed).is_err());
        assert!(Vault::passing().unwrap().unseal(place, sealed).is_err());
    }
    assert!(comes_in(&app, &secret).await);

    // An installation of before goes on as it is ...
    lay_open(&app);
    assert!(stored(&app).iter().all(|(_, secret)| !Vault::is_sealed(secret)));
    let pools = Pools::new(&app.database.urls(), 1).unwrap();
    app.shared.keys.reload(&pools).await.unwrap();
    assert!(comes_in(&app, &secret).await);
    ada.ask("{ viewer { name } }", json!({})).await;

    // ... until the command seals it, once.
    let url = app.database.url("backoffice_identity");
    assert_eq!(Keys::seal(&url, &story_vault()).await.unwrap(), 2);
    assert!(stored(&app).iter().all(|(_, secret)| Vault::is_sealed(secret)));
    assert_eq!(Keys::seal(&url, &story_vault()).await.unwrap(), 0);
    app.shared.keys.reload(&pools).await.unwrap();
    assert!(comes_in(&app, &secret).await);
    ada.ask("{ viewer { name } }", json!({})).await;
}

#[tokio::test]
async fn without_the_key_file_nothing_opens_and_a_rotation_helps_out() {
    let app = App::start();
    let ada = app.administrator().await;
    let pools = Pools::new(&app.database.urls(), 1).unwrap();
    let other = Vault::passing().unwrap();
    let refused = Keys::load(&pools, other.clone()).await.err().unwrap();
    assert!(format!("{refused:?}").contains("put the file --secrets-key back"), "{refused:?}");
    // A rotation needs no key of before; when the announced minute is over the new one signs.
    Keys::rotate(&app.database.url("backoffice_identity"), &other).await.unwrap();
    app.database.run("postgres", "UPDATE identity.signing_key SET retired_at = now() WHERE retired_at IS NOT NULL");
    let keys = Keys::load(&pools, other).await.unwrap();
    // What was signed before is good for nothing there.
    let verified = format!("{:?}", keys.verify(ada.token.as_ref().unwrap()));
    assert!(verified.contains("Invalid"), "{verified}");
}
