//! The demo: a provider with two client companies, loaded from files through the same GraphQL operations that users have.
//!
//! Only into an empty database, only for a server on this machine: the passwords are public.

#![allow(clippy::indexing_slicing, reason = "an index into JSON gives null for what is not there")]

mod company;
mod speaker;

use serde_json::json;

use self::company::{HARBOR, NORDWIND};
use self::speaker::Speaker;
use crate::identity;
use crate::platform::db::Urls;
use crate::platform::error::Error;
use crate::webhooks;

/// Why the demo could not be loaded.
pub type Failure = Box<dyn std::error::Error>;

const ADMINISTRATOR: (&str, &str, &str) = ("admin@demo.example", "Ada Admin", "demo-Provider-4711");
const ACCOUNTANT: (&str, &str, &str) = ("accountant@demo.example", "Konrad Konto", "demo-Ledger-4711");
const PORTAL: (&str, &str, &str) = ("portal@nordwind.example", "Nora Nordwind", "demo-Portal-4711");

/// Loads the demo into an empty database. False if anybody is there already.
///
/// `webhooks` holds what seals its secrets: it has to be that of the server.
///
/// Started again after it was interrupted it continues: every step asks first whether it was done.
pub async fn load(urls: &Urls, webhooks: webhooks::Settings) -> Result<bool, Failure> {
    let mut speaker = Speaker::new(urls, webhooks).await?;
    let (email, name, password) = ADMINISTRATOR;
    if !identity::people::any(&urls.identity).await.map_err(Error::sentence)? {
        identity::people::create_user(&urls.identity, email, name, password, true).await.map_err(Error::sentence)?;
    } else if speaker.sign_in(email, password).await.is_err() {
        return Ok(false);
    }
    speaker.sign_in(email, password).await?;
    let staff = speaker.ask("{ staff(first: 100) { nodes { id email } } }", json!({})).await?;
    let (email, name, password) = ACCOUNTANT;
    let accountant = match find(&staff["staff"]["nodes"], "email", email) {
        Some(id) => id,
        None => {
            let roles = speaker.ask("{ providerRoles { id name } }", json!({})).await?;
            let staff_role = find(&roles["providerRoles"], "name", "Staff").ok_or("the provider has no role Staff")?;
            let created = speaker
                .change(
                    "mutation($input: StaffCreateInput!) { staffCreate(input: $input) { staffMember { id } userErrors { message } } }",
                    json!({ "input": { "email": email, "name": name, "password": password, "roles": [staff_role] } }),
                )
                .await?;
            text(&created["staffMember"]["id"])?
        }
    };
    let clients = speaker.ask("{ clients(first: 100) { nodes { id name } } }", json!({})).await?;
    for company in [&NORDWIND, &HARBOR] {
        let known = find(&clients["clients"]["nodes"], "name", company.name);
        company::load(&mut speaker, company, known, &accountant, ADMINISTRATOR, ACCOUNTANT, PORTAL).await?;
    }
    Ok(true)
}

/// The logins and one ready request, for the terminal.
#[must_use]
pub fn logins(address: &str) -> String {
    let line = |(email, name, password): (&str, &str, &str), what: &str| {
        format!("  {email:<26} {password:<20} {name}, {what}")
    };
    format!(
        "Demo logins:\n{}\n{}\n{}\n\nA trial balance, ready to paste:\n{}",
        line(ADMINISTRATOR, "provider administrator"),
        line(ACCOUNTANT, "accountant of both clients"),
        line(PORTAL, "portal user of Nordwind Handels GmbH"),
        ready_request(address)
    )
}

fn ready_request(address: &str) -> String {
    let (email, _, password) = ACCOUNTANT;
    format!(
        r#"  G() {{ curl -s {address}/graphql -H 'content-type: application/json' -H "authorization: Bearer $T" -d "$1"; }}
  F() {{ sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }}
  T=$(G '{{"query":"mutation{{signIn(input:{{email:\"{email}\",password:\"{password}\"}}){{accessToken}}}}"}}' | F accessToken)
  C=$(G '{{"query":"{{clients(first:1){{nodes{{id}}}}}}"}}' | F id)
  T=$(G "{{\"query\":\"mutation{{clientTokenCreate(input:{{client:\\\"$C\\\"}}){{accessToken}}}}\"}}" | F accessToken)
  G '{{"query":"{{trialBalance(asOf:\"2026-01-31\"){{rows{{account{{code name}} balance{{amount currency}}}}}}}}"}}'"#
    )
}

fn find(nodes: &serde_json::Value, key: &str, wanted: &str) -> Option<String> {
    nodes.as_array()?.iter().find(|node| node[key] == wanted).and_then(|node| node["id"].as_str()).map(str::to_owned)
}

fn text(value: &serde_json::Value) -> Result<String, Failure> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("the demo expected a text, not {value}").into())
}
