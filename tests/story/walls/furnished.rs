//! A client that has one record of every kind at least, each with the client's own word in every text: what nobody else
//! may ever see.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::schema::Schema;
use crate::data_goes_out_and_comes_in::upload;
use crate::harness::issuer::{OAUTH_CLIENT, OAUTH_SECRET, standing};
use crate::harness::{App, Client, PASSWORD};

/// Ids by the kind of record that they name.
pub type Ids = BTreeMap<String, BTreeSet<String>>;

/// A client with its records.
pub struct Furnished {
    /// The client's id.
    pub client: String,
    /// A member of the staff who may do everything in this client and nothing elsewhere.
    pub boss: Client,
    /// One id of each kind that serves as an example of it; some kinds have several examples of different use.
    pub examples: BTreeMap<&'static str, String>,
}

/// Makes a change that has to work; gives the payload.
pub async fn change(client: &Client, field: &str, input: Value, selection: &str) -> Value {
    let kind = match field {
        "customersImport" => "Import".to_owned(),
        "webhookEndpointPause" | "webhookEndpointResume" | "webhookEndpointDelete" => {
            "WebhookEndpointChange".to_owned()
        }
        "clockResume" | "clockStop" => "Clock".to_owned(),
        "workItemDependencyAdd" | "workItemDependencyRemove" => "WorkItemDependency".to_owned(),
        "workItemStart" | "workItemComplete" | "workItemCancel" | "workItemReopen" => "WorkItem".to_owned(),
        _ => format!("{}{}", field[..1].to_uppercase(), &field[1..]),
    };
    let query = format!(
        "mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} userErrors {{ message }} }} }}"
    );
    client.ask(&query, json!({ "input": input })).await[field].clone()
}

/// Makes a record; gives its id.
pub async fn made(client: &Client, field: &str, input: Value, record: &str) -> String {
    let data = change(client, field, input, &format!("{record} {{ id }}")).await;
    data[record]["id"].as_str().unwrap_or_else(|| panic!("{field}: {data}")).to_owned()
}

/// The bank's file of a client.
pub fn statement(word: &str, month: &str) -> Value {
    json!({
        "file": { "name": format!("{word}.csv"),
                  "text": format!("Booked,Text,Amount\n2026-{month}-20,{word} payment,119.00\n2026-{month}-21,{word} fee,-5.00\n") },
        "format": "CSV", "openingBalance": "0.00", "closingBalance": "114.00", "mapping": mapping(),
    })
}

/// What the columns of that file are.
pub fn mapping() -> Value {
    json!({ "bookedOn": "Booked", "reference": "Text", "amount": "Amount" })
}

/// Takes on a client and gives it records. `month` keeps the days of two clients apart.
pub async fn furnish(app: &App, schema: &Schema, administrator: &Client, word: &str, month: &str) -> Furnished {
    let client = administrator.onboard(&format!("{word} Trading"), "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let inside = administrator.enter(&client).await;
    let rights = schema.rights_of_a_client();
    let role_name = format!("{word} everything");
    let role = made(&inside, "roleCreate", json!({ "name": role_name, "permissions": rights }), "role").await;
    let email = format!("boss-{month}@firm.example");
    let staff = administrator.staff(&email, "Konrad Konto").await;
    let grant = inside.grant(&staff, &role_name, "2026-01-01", None).await;
    let boss = app.sign_in(&email).await.enter(&client).await;

    let invited = change(
        &boss,
        "userInvite",
        json!({ "email": format!("{word}@portal.example"), "name": format!("{word} user"), "role": boss.role("Portal").await }),
        "token invitation { id }",
    )
    .await;
    change(&app.client(), "invitationAccept", json!({ "token": invited["token"], "password": PASSWORD }), "").await;
    let grants = boss.ask("{ grants(first: 100) { nodes { user { id name } } } }", json!({})).await;
    let user =
        grants["grants"]["nodes"].as_array().unwrap().iter().find(|one| one["user"]["name"] == format!("{word} user"));
    let user = user.unwrap()["user"]["id"].as_str().unwrap().to_owned();

    let account = |code: &str, kind: &str, group: bool, control: Option<&str>| {
        json!({ "code": format!("{word}.{code}"), "name": format!("{word} account {code}"), "kind": kind, "isGroup": group,
                "control": control, "statementLine": format!("{word} line") })
    };
    let group = made(&boss, "accountCreate", account("1", "ASSET", true, None), "account").await;
    let leaf = made(&boss, "accountCreate", account("2", "INCOME", false, None), "account").await;
    let bank = made(&boss, "accountCreate", account("3", "ASSET", false, Some("BANK")), "account").await;
    let spare_bank = made(&boss, "accountCreate", account("4", "ASSET", false, Some("BANK")), "account").await;
    let tax = boss
        .ask("{ accounts(first: 1, filter: { control: { eq: OUTPUT_TAX } }) { nodes { id } } }", json!({}))
        .await["accounts"]["nodes"][0]["id"]
        .clone();
    let tax_code = made(
        &boss,
        "taxCodeCreate",
        json!({ "code": format!("{word}-19"), "name": format!("{word} tax"), "direction": "OUTPUT", "account": tax,
                "percent": "19", "validFrom": format!("2026-{month}-01") }),
        "taxCode",
    )
    .await;

    let party = |kind: &str| {
        json!({ "number": format!("{word}-{kind}"), "name": format!("{word} {kind}"), "country": "DE", "city": format!("{word} city"),
                "street": format!("{word} street"), "email": format!("{word}-{kind}@party.example") })
    };
    let customer = made(&boss, "customerCreate", party("customer"), "customer").await;
    let vendor = made(&boss, "vendorCreate", party("vendor"), "vendor").await;
    let lines = |tax_code: Option<&String>| json!([{ "description": format!("{word} goods"), "quantity": "1", "unitPrice": "100.00", "account": leaf, "taxCode": tax_code }]);
    let invoice =
        json!({ "customer": customer, "reference": format!("{word} order"), "lines": lines(Some(&tax_code)) });
    let issued = made(&boss, "invoiceCreate", invoice.clone(), "invoice").await;
    let draft = made(&boss, "invoiceCreate", invoice, "invoice").await;
    let receivable = change(
        &boss,
        "invoiceIssue",
        json!({ "id": issued, "issueDate": format!("2026-{month}-15"), "dueDate": format!("2026-{month}-25") }),
        "invoice { openItem { id } }",
    )
    .await["invoice"]["openItem"]["id"]
        .clone();
    let bill = |number: u32| json!({ "vendor": vendor, "number": format!("{word}-{number}"), "billDate": format!("2026-{month}-16"), "lines": lines(None) });
    let posted = made(&boss, "billCreate", bill(1), "bill").await;
    let bill = made(&boss, "billCreate", bill(2), "bill").await;
    let payable =
        change(&boss, "billPost", json!({ "id": posted }), "bill { openItem { id } }").await["bill"]["openItem"]["id"]
            .clone();

    let entry = made(
        &boss,
        "journalEntryPost",
        json!({ "date": format!("2026-{month}-17"), "description": format!("{word} entry"),
                "lines": [{ "account": leaf, "debit": "7.00", "description": format!("{word} debit") }, { "account": leaf, "credit": "7.00" }] }),
        "journalEntry",
    )
    .await;

    let bank_account = made(
        &boss,
        "bankAccountCreate",
        json!({ "name": format!("{word} bank"), "number": format!("{word}-1"), "account": bank }),
        "bankAccount",
    )
    .await;
    let mut file = statement(word, month);
    file["bankAccount"] = json!(bank_account);
    change(&boss, "bankStatementImport", file, "import { id }").await;
    let found = boss.ask("{ bankLines(first: 10) { nodes { id lineNo } } }", json!({})).await;
    let line = |number: u32| {
        let nodes = found["bankLines"]["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["lineNo"] == number).unwrap()["id"].as_str().unwrap().to_owned()
    };
    change(
        &boss,
        "bankLineMatch",
        json!({ "bankLine": line(1), "allocations": [{ "openItem": receivable, "amount": "119.00" }] }),
        "bankLine { id }",
    )
    .await;

    made(
        &boss,
        "userInvite",
        json!({ "email": format!("{word}2@portal.example"), "name": format!("{word} guest"), "role": role }),
        "invitation",
    )
    .await;
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(5)).to_rfc3339();
    let service = made(
        &boss,
        "serviceAccountCreate",
        json!({ "name": format!("{word} robot"), "scopes": ["INVOICE_READ"], "expiresAt": later }),
        "serviceAccount",
    )
    .await;
    let exception = made(
        &boss,
        "lockExceptionGrant",
        json!({ "account": user, "reason": format!("{word} reason"), "expiresAt": later }),
        "lockException",
    )
    .await;

    let document = format!("query {word} {{ viewer {{ name }} }}");
    let manifest = made(
        &boss,
        "documentManifestPublish",
        json!({ "portal": format!("{word} portal"),
                "documents": [{ "sha256": backoffice::practice::documents::hash(&document), "text": document }] }),
        "documentManifest",
    )
    .await;
    let job = boss.verify().await;
    boss.ended(&job).await;
    let file = made(
        &boss,
        "fileUploadCreate",
        json!({ "name": format!("{word}.txt"), "size": 5, "sha256": "ab".repeat(32), "purpose": "ATTACHMENT" }),
        "file",
    )
    .await;
    // A file that no import takes: what is wrong with it is listed.
    let wrong = upload(app, &boss, &format!("{word}-wrong.csv"), format!("number,name\n{word},\n").as_bytes()).await;
    let refused = made(&boss, "importCreate", json!({ "kind": "CUSTOMERS", "file": wrong }), "job").await;
    assert_eq!(boss.ended(&refused).await["state"], "FAILED");
    // An endpoint where nobody is, with a delivery that was tried once and is not tried again.
    let endpoint = made(
        &boss,
        "webhookEndpointCreate",
        json!({ "name": format!("{word} endpoint"), "url": format!("https://127.0.0.1:1/{word}"), "events": ["FISCAL_YEAR_CREATED"] }),
        "webhookEndpoint",
    )
    .await;
    let delivery = made(&boss, "webhookTest", json!({ "id": endpoint }), "webhookDelivery").await;
    while boss.ask("{ webhookDeliveries { nodes { attempts } } }", json!({})).await["webhookDeliveries"]["nodes"][0]["attempts"]
        == 0
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    change(&boss, "webhookEndpointPause", json!({ "id": endpoint }), "").await;

    // The user above has come in through an identity provider as well.
    let provider = change(
        &boss,
        "identityProviderCreate",
        json!({ "name": format!("{word} login"), "issuer": standing().url, "oauthClientId": OAUTH_CLIENT, "oauthClientSecret": OAUTH_SECRET,
                "emailDomains": ["portal.example"], "groupsClaim": "groups",
                "roles": [{ "group": format!("{word} group"), "role": boss.role("Portal").await }] }),
        "identityProvider { id handle }",
    )
    .await["identityProvider"]
        .clone();
    let said = json!({ "sub": format!("{word} subject"), "email": format!("{word}@portal.example"), "email_verified": true,
                       "groups": [format!("{word} group")] });
    assert_eq!(standing().brings(app, &provider["handle"], &said).await["user"]["id"], user.as_str());

    let schedule = made(
        &boss,
        "scheduleCreate",
        json!({ "name": format!("{word} nightly"), "kind": "AUDIT_VERIFY", "cron": "0 3 1 1 *" }),
        "schedule",
    )
    .await;

    // A calendar with an exception, in which a clock runs and another is paused; and one that can be deleted.
    let hours = json!([{ "weekday": "MONDAY", "from": "09:00", "until": "17:00" }]);
    let calendar = made(
        &boss,
        "businessCalendarCreate",
        json!({ "name": format!("{word} hours"), "holidayRegion": "DE-BE", "hours": hours }),
        "businessCalendar",
    )
    .await;
    let spare_calendar = made(
        &boss,
        "businessCalendarCreate",
        json!({ "name": format!("{word} spare hours"), "hours": hours }),
        "businessCalendar",
    )
    .await;
    let calendar_exception = made(
        &boss,
        "calendarExceptionCreate",
        json!({ "calendar": calendar, "day": format!("2026-{month}-19"), "name": format!("{word} outing") }),
        "calendarException",
    )
    .await;
    let started = |name: &str| {
        json!({ "node": customer, "name": format!("{word} {name}"), "calendar": calendar, "targetMinutes": 60,
                "at": format!("2026-{month}-18T09:00:00Z") })
    };
    let clock = made(&boss, "clockStart", started("clock"), "clock").await;
    let paused_clock = made(&boss, "clockStart", started("paused clock"), "clock").await;
    let hold = json!({ "id": paused_clock, "reason": "OTHER", "note": format!("{word} note"), "at": format!("2026-{month}-18T09:30:00Z") });
    change(&boss, "clockPause", hold, "").await;

    // Work that the client's own user sees as well, and that a team has of which only the boss of this client is.
    let team =
        change(administrator, "teamCreate", json!({ "name": format!("{word} team") }), "teamRoster { team { id } }")
            .await["teamRoster"]["team"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
    change(administrator, "teamMemberAdd", json!({ "team": team, "user": staff, "from": "2026-01-01" }), "").await;
    let offered = format!("{}_service", word.to_lowercase());
    change(administrator, "serviceCreate", json!({ "code": offered, "name": format!("{word} service") }), "").await;
    let engagement = made(
        &boss,
        "engagementCreate",
        json!({ "name": format!("{word} letter"), "from": format!("2026-{month}-01"), "services": [{ "service": offered }] }),
        "engagement",
    )
    .await;
    let item = made(
        &boss,
        "workItemCreate",
        json!({ "kind": "CLIENT_REQUEST", "title": format!("{word} receipts"), "description": format!("{word} description"),
                "dueOn": format!("2026-{month}-28"), "assignee": user, "team": team, "record": customer, "service": offered }),
        "workItem",
    )
    .await;
    // What it needs, its checklist, who watches it, and what a second member of the staff tells the first one.
    let needed =
        made(&boss, "workItemCreate", json!({ "kind": "TASK", "title": format!("{word} task") }), "workItem").await;
    change(&boss, "workItemDependencyAdd", json!({ "item": item, "needs": needed }), "").await;
    change(&boss, "workItemChecklistUpdate", json!({ "id": item, "add": [format!("{word} check")] }), "").await;
    change(&boss, "workItemWatch", json!({ "item": item }), "").await;
    let second = administrator.staff(&format!("second-{month}@firm.example"), "Sara Zwei").await;
    inside.grant(&second, &role_name, "2026-01-01", None).await;
    let second = app.sign_in(&format!("second-{month}@firm.example")).await.enter(&client).await;
    let said = json!({ "item": item, "text": format!("{word} comment"), "internal": false, "mentions": [staff] });
    change(&second, "workItemComment", said, "").await;

    let examples = BTreeMap::from([
        ("Account", leaf),
        ("Group", group),
        ("SpareBank", spare_bank),
        ("BankAccount", bank_account),
        ("BankLine", line(2)),
        ("MatchedLine", line(1)),
        ("Bill", bill),
        ("BusinessCalendar", calendar),
        ("SpareCalendar", spare_calendar),
        ("CalendarException", calendar_exception),
        ("Client", client.clone()),
        ("Clock", clock),
        ("PausedClock", paused_clock),
        ("Customer", customer.clone()),
        ("Boss", staff),
        ("ClientRequest", item.replace("wi_", "crq_")),
        ("DocumentManifest", manifest),
        ("Engagement", engagement),
        ("File", file),
        ("Grant", grant),
        ("IdentityProvider", provider["id"].as_str().unwrap().to_owned()),
        ("Invoice", draft),
        ("Job", job),
        ("JournalEntry", entry),
        ("LockException", exception),
        ("OpenItem", payable.as_str().unwrap().to_owned()),
        ("Role", role),
        ("Schedule", schedule),
        ("ServiceAccount", service),
        ("TaxCode", tax_code),
        ("Team", team),
        ("User", user),
        ("Vendor", vendor),
        ("WebhookDelivery", delivery),
        ("WebhookEndpoint", endpoint),
        ("NeededItem", needed),
        ("WorkItem", item),
    ]);
    Furnished { client, boss, examples }
}

/// Every object with an id in an answer, by its type.
pub fn collect(value: &Value, ids: &mut Ids) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, ids)),
        Value::Object(fields) => {
            if let (Some(kind), Some(id)) =
                (fields.get("__typename").and_then(Value::as_str), fields.get("id").and_then(Value::as_str))
            {
                ids.entry(kind.to_owned()).or_default().insert(id.to_owned());
            }
            fields.values().for_each(|field| collect(field, ids));
        }
        _ => {}
    }
}
