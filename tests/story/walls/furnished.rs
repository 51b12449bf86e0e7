//! A client that has one record of every kind at least, each with the client's own word in every text: what nobody else
//! may ever see.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::schema::Schema;
use crate::data_goes_out_and_comes_in::upload;
use crate::documents_are_kept::sent;
use crate::files_are_sent_and_taken::sha256;
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
        "paymentRunApprove" | "paymentRunSend" | "paymentRunCancel" => "PaymentRun".to_owned(),
        "recurringWorkRun" => "RecurringWork".to_owned(),
        "workViewDelete" => "WorkView".to_owned(),
        "workItemDependencyAdd" | "workItemDependencyRemove" => "WorkItemDependency".to_owned(),
        "journalProposalCreate" => "JournalEntryPost".to_owned(),
        "disposalConfirm" | "disposalRefuse" => "DisposalDecide".to_owned(),
        "signatureRequestLinkRenew" | "signatureRequestLinkRevoke" => "SignatureRequestLink".to_owned(),
        "documentTrash" | "documentRestore" => "Document".to_owned(),
        "documentLinkAdd" | "documentLinkRemove" => "DocumentLink".to_owned(),
        "workItemStart" | "workItemComplete" | "workItemCancel" | "workItemReopen" => "WorkItem".to_owned(),
        "appointmentFeedRotate" | "appointmentFeedRevoke" => "AppointmentFeed".to_owned(),
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
    for (from, to) in [("ACTIVE", "SUSPENDED"), ("SUSPENDED", "ACTIVE")] {
        let step = json!({ "client": client, "from": from, "to": to, "reason": format!("{word} reason") });
        change(administrator, "clientStatusMove", step, "status").await;
    }
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
                "street": format!("{word} street"), "postalCode": "10115", "email": format!("{word}-{kind}@party.example") })
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
        json!({ "id": issued, "issueDate": format!("2026-{month}-15"),
                "instalments": [{ "dueDate": format!("2026-{month}-20"), "percent": "40" },
                                { "dueDate": format!("2026-{month}-25"), "percent": "60" }] }),
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

    let centre = json!({ "code": format!("{}_centre", word.to_lowercase()), "name": format!("{word} centre") });
    let centre = made(&boss, "dimensionCreate", centre, "dimension").await;
    let mut values = Vec::new();
    for name in ["north", "south"] {
        let value = json!({ "dimension": centre, "code": format!("{word}-{name}"), "name": format!("{word} {name}") });
        values.push(made(&boss, "dimensionValueCreate", value, "dimensionValue").await);
    }
    let parts = json!([{ "value": values[0], "percent": "100" }]);
    let split = json!({ "value": values[1], "validFrom": "2024-06-01", "parts": parts });
    change(&boss, "dimensionDistributionSet", split, "").await;
    let needy = made(&boss, "accountCreate", account("5", "EXPENSE", false, None), "account").await;
    change(&boss, "accountDimensionsRequire", json!({ "account": needy, "dimensions": [centre] }), "").await;
    // A year before the books, which is closed.
    let year = json!({ "startsOn": "2025-01-01", "endsOn": "2025-12-31", "name": format!("{word} year") });
    let year = made(&boss, "fiscalYearCreate", year, "fiscalYear").await;
    change(&boss, "fiscalYearClose", json!({ "id": year }), "").await;
    let spread = json!({ "description": format!("{word} insurance"), "debitAccount": leaf, "creditAccount": needy, "amount": "12.00",
                         "startsOn": format!("2026-{month}-01"), "endsOn": format!("2026-{month}-28"), "method": "BY_DAY" });
    let mut unneedy = spread.clone();
    unneedy["creditAccount"] = json!(tax);
    let spread = made(&boss, "deferralCreate", unneedy, "deferral").await;
    let again = json!({ "description": format!("{word} rent"), "everyMonths": 60, "startsOn": format!("2026-{month}-02"),
                        "lines": [{ "account": leaf, "debit": "3.00" }, { "account": tax, "credit": "3.00" }] });
    let again = made(&boss, "recurringEntryCreate", again, "recurringEntry").await;
    change(&boss, "recurringEntriesPost", json!({}), "").await;
    let close = made(&boss, "periodCloseOpen", json!({ "month": "2026-05-01" }), "periodClose").await;
    let meant = json!({ "name": format!("{word} budget"), "startsOn": "2026-01-01", "control": "WARN" });
    let meant = made(&boss, "budgetCreate", meant, "budget").await;
    let year = json!({ "budget": meant, "reason": format!("{word} plan"),
                       "lines": [{ "account": needy, "amount": "12.00", "dimensionValue": values[0] }, { "account": leaf, "amount": "5.00" }] });
    change(&boss, "budgetVersionPublish", year, "").await;
    let promised = json!({ "kind": "REQUEST", "reference": format!("{word} order"), "account": needy, "dimensionValue": values[0],
                           "date": format!("2026-{month}-06"), "amount": "20.00" });
    let promised = made(&boss, "commitmentRecord", promised, "commitment").await;
    // Two assets of a class: one by months, one by units.
    let cost = made(&boss, "accountCreate", account("6", "ASSET", false, Some("FIXED_ASSET")), "account").await;
    let worn =
        made(&boss, "accountCreate", account("7", "ASSET", false, Some("ACCUMULATED_DEPRECIATION")), "account").await;
    let worth = made(&boss, "accountCreate", account("8", "EXPENSE", false, None), "account").await;
    let class = json!({ "code": format!("{word}-machines"), "name": format!("{word} machines"), "costAccount": cost, "accumulatedAccount": worn,
                        "expenseAccount": worth, "gainAccount": leaf, "lossAccount": worth });
    let class = made(&boss, "assetClassCreate", class, "assetClass").await;
    let owned = |number: u32, plan: Value| {
        json!({ "class": class, "number": format!("{word}-{number}"), "name": format!("{word} machine {number}"), "cost": "24.00",
                "acquiredOn": format!("2026-{month}-05"), "from": leaf, "plans": [plan] })
    };
    let by_month = json!({ "method": "STRAIGHT_LINE", "months": 24 });
    let asset = made(&boss, "assetCreate", owned(1, by_month), "asset").await;
    let by_units = json!({ "method": "UNITS", "months": 24, "units": "12" });
    let by_units = made(&boss, "assetCreate", owned(2, by_units), "asset").await;
    // What is owed in a foreign currency, at two rates.
    let day = format!("2026-{month}-10");
    let rate = |rate: &str| json!({ "rates": [{ "currency": "USD", "date": day, "rate": rate, "source": format!("{word} bank") }] });
    change(&boss, "exchangeRatesAdd", rate("0.8"), "").await;
    let abroad = json!({ "vendor": vendor, "number": format!("{word}-usd"), "billDate": day, "currency": "USD", "lines": lines(None) });
    let abroad = made(&boss, "billCreate", abroad, "bill").await;
    change(&boss, "billPost", json!({ "id": abroad }), "").await;
    change(&boss, "exchangeRatesAdd", rate("0.9"), "").await;
    let revalued = made(&boss, "revaluationRun", json!({ "date": day }), "revaluation").await;
    let entry = made(
        &boss,
        "journalEntryPost",
        json!({ "date": format!("2026-{month}-17"), "description": format!("{word} entry"),
                "lines": [{ "account": leaf, "debit": "7.00", "description": format!("{word} debit"), "dimensions": [values[0]] }, { "account": leaf, "credit": "7.00" }] }),
        "journalEntry",
    )
    .await;

    let bank_account = made(
        &boss,
        "bankAccountCreate",
        json!({ "name": format!("{word} bank"), "number": format!("{word}-1"), "iban": "DE57900000010004711200", "account": bank }),
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

    // An invoice beyond what the customer may owe, in a currency that is paid in steps.
    change(&boss, "cashRoundingSet", json!({ "currency": "EUR", "step": "0.05" }), "").await;
    change(&boss, "customerCreditLimitSet", json!({ "customer": customer, "limit": "1.00" }), "").await;
    let beyond = json!({ "customer": customer, "lines": lines(None) });
    let beyond = made(&boss, "invoiceCreate", beyond, "invoice").await;
    let input = json!({ "id": beyond, "issueDate": day, "creditOverrideReason": format!("{word} word") });
    change(&boss, "invoiceIssue", input, "invoice { id }").await;
    change(&boss, "customerCreditLimitSet", json!({ "customer": customer, "limit": "1000000.00" }), "").await;

    // A bill that is paid early.
    let early = json!({ "vendor": vendor, "number": format!("{word}-early"), "billDate": day, "lines": lines(None) });
    let early = made(&boss, "billCreate", early, "bill").await;
    let input = json!({ "id": early, "earlyPayment": [{ "percent": "10", "days": 20 }] });
    let early = change(&boss, "billPost", input, "bill { openItem { id } }").await["bill"]["openItem"]["id"].clone();
    let paid = json!({ "vendor": vendor, "paidOn": day, "amount": "90.00", "account": leaf, "reference": format!("{word} early"),
                       "allocations": [{ "openItem": early, "amount": "90.00" }] });
    made(&boss, "paymentRecord", paid, "payment").await;
    // The close of a month that is prepared, and says what the bank is off by.
    let off = json!({ "id": close, "kind": "BANK", "account": bank, "text": format!("{word} is late") });
    change(&boss, "periodCloseNote", off, "").await;
    change(&boss, "periodClosePrepare", json!({ "id": close }), "").await;
    change(&boss, "accountCashFlowSet", json!({ "account": spare_bank, "section": "FINANCING" }), "").await;

    // A little of what is paid is taken back.
    let note = json!({ "invoice": issued, "issueDate": format!("2026-{month}-22"), "reason": format!("{word} complaint"),
                       "lines": [{ "line": 1, "amount": "10.00" }] });
    let credit_note = made(&boss, "creditNoteIssue", note, "creditNote").await;

    // Its invoice goes out as an electronic one, and such a one comes in.
    change(&boss, "clientUpdate", json!({ "vatNumber": "DE123456789" }), "client { id }").await;
    let profile = json!({ "street": format!("{word} street"), "city": format!("{word} city"), "registration": format!("{word} register") });
    change(&boss, "sellerProfileUpdate", profile, "sellerProfile { city }").await;
    change(&boss, "taxTreatmentSet", json!({ "taxCode": tax_code, "category": "STANDARD" }), "taxCode { id }").await;
    let electronic = json!({ "invoice": issued, "form": "UBL" });
    let electronic = change(&boss, "eInvoiceCreate", electronic, "eInvoice { id file { downloadUrl } }").await;
    let address = app.url(electronic["eInvoice"]["file"]["downloadUrl"].as_str().unwrap());
    let electronic_text = crate::harness::http().get(address).send().await.unwrap().text().await.unwrap();
    let input_tax = boss
        .ask("{ accounts(first: 1, filter: { control: { eq: INPUT_TAX } }) { nodes { id } } }", json!({}))
        .await["accounts"]["nodes"][0]["id"]
        .clone();
    let input_code = json!({ "code": format!("{word}-in"), "name": format!("{word} input"), "direction": "INPUT", "account": input_tax,
                             "percent": "19", "validFrom": format!("2026-{month}-01") });
    let input_code = made(&boss, "taxCodeCreate", input_code, "taxCode").await;
    let electronic_file = upload(app, &boss, &format!("{word}-bill.xml"), electronic_text.as_bytes()).await;
    let received = json!({ "file": electronic_file, "vendor": vendor, "account": leaf });
    let received = change(&boss, "eInvoiceImport", received, "bill { receivedInvoice { id } }").await;

    // Of a bill something is withheld, and some of it is given back.
    let office = made(&boss, "accountCreate", account("9", "LIABILITY", false, None), "account").await;
    let withholding = json!({ "code": format!("{word}-wt"), "name": format!("{word} withheld"), "scope": "WHOLE", "account": office,
                              "percent": "10", "threshold": "0", "validFrom": "2025-01-01" });
    let withholding = made(&boss, "withholdingCodeCreate", withholding, "withholdingCode").await;
    let advice = json!({ "vendor": vendor, "number": format!("{word}-advice"), "billDate": format!("2026-{month}-16"), "withholdingCode": withholding, "lines": lines(None) });
    let advice = made(&boss, "billCreate", advice, "bill").await;
    change(&boss, "billPost", json!({ "id": advice }), "bill { withheld { amount } }").await;
    let given = json!({ "bill": advice, "number": format!("{word}-credit"), "creditDate": format!("2026-{month}-18"), "reason": format!("{word} returned"),
                        "lines": [{ "line": 1, "amount": "10.00" }] });
    let vendor_credit = made(&boss, "vendorCreditPost", given, "vendorCredit").await;
    let withholding_about = boss
        .ask("{ withholdingCodes { nodes { rates { id } } } withholdingEntries(first: 1) { nodes { id } } }", json!({}))
        .await;
    let withholding_rate =
        withholding_about["withholdingCodes"]["nodes"][0]["rates"][0]["id"].as_str().unwrap().to_owned();
    let withholding_entry = withholding_about["withholdingEntries"]["nodes"][0]["id"].as_str().unwrap().to_owned();

    // Somebody claims what he has spent.
    let kind = json!({ "code": format!("{word}-meal"), "name": format!("{word} meals"), "kind": "PER_DIEM", "account": leaf,
                       "rate": { "validFrom": "2025-01-01", "unitAmount": "28" } });
    let expense_type = made(&boss, "expenseTypeCreate", kind, "expenseType").await;
    let claim = json!({ "claimant": vendor, "purpose": format!("{word} journey"),
                        "lines": [{ "expenseType": expense_type, "spentOn": format!("2026-{month}-12"), "description": format!("{word} day"), "quantity": "1" }] });
    let expense_claim = made(&boss, "expenseClaimCreate", claim, "expenseClaim").await;

    // A vendor is paid a little of a bill, and a little ahead.
    let paid = json!({ "vendor": vendor, "paidOn": format!("2026-{month}-23"), "amount": "5.00", "account": leaf,
                       "reference": format!("{word} cash") });
    let payment = made(&boss, "paymentRecord", paid, "payment").await;
    let ahead = json!({ "customer": customer, "paidOn": format!("2026-{month}-23"), "amount": "2.00", "account": leaf,
                        "reference": format!("{word} ahead") });
    made(&boss, "paymentRecord", ahead, "payment").await;
    let used = json!({ "payment": payment, "date": format!("2026-{month}-24"), "allocations": [{ "openItem": payable, "amount": "3.00" }] });
    let used = change(&boss, "paymentAllocate", used, "payment { allocations { id } }").await;
    let payment_allocation = used["payment"]["allocations"][0]["id"].as_str().unwrap().to_owned();

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
    // The one that runs has gone over, which the server tells by itself.
    let breached = "{ events(kinds: [CLOCK_BREACHED]) { nodes { id } } }";
    while boss.ask(breached, json!({})).await["events"]["nodes"].as_array().unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

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
                "dueOn": format!("2026-{month}-28"), "assignee": user, "team": team, "record": customer, "service": offered,
                "wanted": [format!("{word} statement"), format!("{word} receipt")], "remindAfterDays": [300] }),
        "workItem",
    )
    .await;
    // What was wanted came: a file, and a word; another file is on its way.
    let request = item.replace("wi_", "crq_");
    let mut brought = Vec::new();
    for number in 1..=2 {
        let bytes = format!("{word} {number}");
        let sha256 = sha256(bytes.as_bytes());
        let announced = json!({ "request": request, "line": 1, "name": format!("{word}-{number}.txt"), "size": bytes.len(), "sha256": sha256 });
        let announced = change(&boss, "clientRequestFileCreate", announced, "fileId upload { url }").await;
        let address = app.url(announced["upload"]["url"].as_str().unwrap());
        let file = announced["fileId"].as_str().unwrap().to_owned();
        if number == 1 {
            reqwest::Client::new().put(address).body(bytes).send().await.unwrap();
            let input = json!({ "request": request, "line": 1, "file": file, "sha256": sha256 });
            change(&boss, "clientRequestFileComplete", input, "").await;
        }
        brought.push(file);
    }
    let said = json!({ "request": request, "line": 2, "text": format!("{word} answer") });
    change(&boss, "clientRequestLineAnswer", said, "").await;
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

    // What needs an approval: bills of a million, of which one was asked for. The boss has made it, the second one decides.
    let bands = json!([{ "above": "999999", "steps": [{ "needed": 2, "roles": [role] }] }]);
    let policy = json!({ "subject": "BILL", "name": format!("{word} policy"), "bands": bands });
    let policy = made(&boss, "approvalPolicyCreate", policy, "approvalPolicy").await;
    let claim = json!([{ "description": format!("{word} works"), "quantity": "1", "unitPrice": "1000000.00", "account": leaf }]);
    let claim = json!({ "vendor": vendor, "number": format!("{word}-9"), "billDate": format!("2026-{month}-18"), "lines": claim });
    let claim = made(&boss, "billCreate", claim, "bill").await;
    let note = json!({ "record": claim, "note": format!("{word} note") });
    let asked = made(&boss, "approvalRequestCreate", note, "approvalRequest").await;
    // One that the boss is to decide: a third one has made it, because the boss will be the second one's delegate.
    let third = administrator.staff(&format!("third-{month}@firm.example"), "Tina Drei").await;
    inside.grant(&third, &role_name, "2026-01-01", None).await;
    let third = app.sign_in(&format!("third-{month}@firm.example")).await.enter(&client).await;
    let claim_of_another = json!({ "vendor": vendor, "number": format!("{word}-10"), "billDate": format!("2026-{month}-18"),
        "lines": [{ "description": format!("{word} more works"), "quantity": "1", "unitPrice": "1000001.00", "account": leaf }] });
    let claim_of_another = made(&third, "billCreate", claim_of_another, "bill").await;
    let note_of_another = json!({ "record": claim_of_another, "note": format!("{word} note of another") });
    made(&third, "approvalRequestCreate", note_of_another, "approvalRequest").await;
    let said = json!({ "id": asked, "verdict": "APPROVE", "comment": format!("{word} remark") });
    change(&second, "approvalRequestDecide", said, "").await;
    let until = (chrono::Utc::now() + chrono::TimeDelta::days(30)).date_naive();
    let deputy = boss.ask("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let delegation = json!({ "delegate": deputy, "until": until });
    let delegation = made(&second, "approvalDelegationCreate", delegation, "approvalDelegation").await;
    let second_person = second.ask("{ viewer { id } }", json!({})).await["viewer"]["id"].as_str().unwrap().to_owned();

    // One who is paid: one of his bills is on its way, two are in a payment run; and bills of another are on hold.
    let payee = json!({ "number": format!("{word}-payee"), "name": format!("{word} payee"), "country": "DE", "iban": "DE02120300000000202051" });
    let payee = made(&boss, "vendorCreate", payee, "vendor").await;
    let pay_on = (chrono::Utc::now() + chrono::TimeDelta::days(20)).date_naive();
    let mut runs = Vec::new();
    for numbers in [1..=1, 2..=3] {
        for number in numbers {
            let due = json!({ "vendor": payee, "number": format!("{word}-P{number}"), "billDate": format!("2026-{month}-16"), "lines": lines(None) });
            let due = made(&boss, "billCreate", due, "bill").await;
            change(&boss, "billPost", json!({ "id": due }), "").await;
        }
        let run = json!({ "bankAccount": bank_account, "payOn": pay_on });
        let run = made(&boss, "paymentRunPropose", run, "paymentRun").await;
        let items = "query($run: ID!) { paymentRunItems(run: $run, state: PLANNED) { nodes { id } } }";
        let items = boss.ask(items, json!({ "run": run })).await["paymentRunItems"]["nodes"].clone();
        runs.push((run, items[0]["id"].as_str().unwrap().to_owned()));
        if runs.len() == 1 {
            change(&second, "paymentRunApprove", json!({ "id": runs[0].0 }), "").await;
            change(&boss, "paymentRunSend", json!({ "id": runs[0].0 }), "").await;
        }
    }
    let [(sent_run, sent_payment), (payment_run, payment_of_run)] = <[_; 2]>::try_from(runs).unwrap();
    let held_vendor = json!({ "number": format!("{word}-held"), "name": format!("{word} held"), "country": "DE" });
    let held_vendor = made(&boss, "vendorCreate", held_vendor, "vendor").await;
    let vendor_hold = json!({ "vendor": held_vendor, "kind": "BILLS", "reason": format!("{word} inquiry") });
    let vendor_hold = made(&boss, "vendorHoldPlace", vendor_hold, "vendorHold").await;
    let sample = json!({ "name": format!("{word} sample"), "from": format!("2026-{month}-01"), "to": format!("2026-{month}-28"),
                         "method": "RANDOM", "size": 1, "seed": format!("{word} seed") });
    let sample = made(&boss, "auditSampleDraw", sample, "auditSample").await;
    let sampled = boss.ask("{ auditSampleItems(first: 1) { nodes { id } } }", json!({})).await["auditSampleItems"]
        ["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let bank_change = json!({ "vendor": vendor, "iban": "DE89370400440532013000" });
    let bank_change = made(&boss, "vendorBankChangeCreate", bank_change, "vendorBankChange").await;
    let proposal = json!({ "date": format!("2026-{month}-17"), "description": format!("{word} proposal"),
                           "lines": [{ "account": leaf, "debit": "9.00", "description": format!("{word} debit") }, { "account": leaf, "credit": "9.00" }] });
    let proposal = made(&boss, "journalProposalCreate", proposal, "journalProposal").await;
    // A room in which one appointment is booked that the client's own user sees, a person's calendar, and one to be deleted.
    let booked =
        |name: &str, kind: &str| json!({ "name": format!("{word} {name}"), "kind": kind, "availability": calendar });
    let room = made(&boss, "appointmentCalendarCreate", booked("room", "ROOM"), "appointmentCalendar").await;
    let spare_room =
        made(&boss, "appointmentCalendarCreate", booked("spare room", "ROOM"), "appointmentCalendar").await;
    let mut own = booked("hours of the boss", "PERSON");
    own["person"] = json!(staff);
    let own = made(&boss, "appointmentCalendarCreate", own, "appointmentCalendar").await;
    // A full hour on another day for each client: what they have in common is no leak.
    let begins = chrono::Utc::now() + chrono::TimeDelta::days(20 + i64::from(month == "02"));
    let begins = begins.format("%Y-%m-%dT10:00:00Z").to_string();
    let booked = change(
        &boss,
        "appointmentBook",
        json!({ "title": format!("{word} meeting"), "description": format!("{word} agenda"), "location": format!("{word} place"),
                "calendars": [room], "startsAt": begins, "minutes": 60, "rule": "FREQ=DAILY;COUNT=3",
                "outsideAvailability": true, "record": customer, "visibleToClient": true,
                "attendees": [{ "email": format!("{word}@guests.example"), "name": format!("{word} guest") }] }),
        "appointment { id occurrences { id } }",
    )
    .await["appointment"]
        .clone();
    // Whose mails are on their way no list of jobs has to show.
    crate::mails_are_sent::reader::quiet(app).await;
    let feed = change(
        &boss,
        "appointmentFeedCreate",
        json!({ "calendar": room, "name": format!("{word} telephone") }),
        "appointmentFeedAddress { feed { id } }",
    )
    .await["appointmentFeedAddress"]["feed"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let appointment = booked["id"].as_str().unwrap().to_owned();
    let occurrence = booked["occurrences"][1]["id"].as_str().unwrap().to_owned();
    // A rule that has run once, and does nothing any more.
    let said = json!({ "name": format!("{word} rule"), "events": ["CUSTOMER_UPDATED"], "condition": "event.depth == 0",
                       "actions": [{ "openWorkItem": { "title": format!("{word} follow-up"), "description": format!("{word} why") } }] });
    let rule = made(&boss, "ruleCreate", said, "rule").await;
    change(&boss, "ruleArm", json!({ "rule": rule }), "").await;
    change(&boss, "customerUpdate", json!({ "id": customer, "city": format!("{word} town") }), "").await;
    let run = loop {
        let runs = boss.ask("{ ruleRuns { nodes { id outcome } } }", json!({})).await["ruleRuns"]["nodes"].clone();
        if let Some(id) = runs[0]["id"].as_str() {
            assert_eq!(runs[0]["outcome"], "DONE");
            break id.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    change(&boss, "ruleDisarm", json!({ "rule": rule }), "").await;
    // A letter from a template, and what answers it; the client's own people see both.
    let letter_template = made(
        &boss,
        "letterTemplateCreate",
        json!({ "code": format!("{}_reminder", word.to_lowercase()), "name": format!("{word} reminder"),
                "texts": [{ "language": "en", "subject": format!("{word} subject"), "body": format!("{word} text for {{{{ recipient.name }}}}") }] }),
        "letterTemplate",
    )
    .await;
    // Reminders of what is late: one that was sent, one that is proposed, and an item in dispute.
    let levels = json!([{ "daysOverdue": 1, "fee": "5.00", "interestPercent": "5", "bookCharges": true }]);
    change(&boss, "dunningLevelsSet", json!({ "levels": levels }), "").await;
    let mut owed = Vec::new();
    for number in 0..3 {
        let late = json!({ "customer": customer, "lines": lines(None) });
        let late = made(&boss, "invoiceCreate", late, "invoice").await;
        let input = json!({ "id": late, "issueDate": day, "dueDate": day });
        let issued = change(&boss, "invoiceIssue", input, "invoice { openItem { id } }").await;
        owed.push(issued["invoice"]["openItem"]["id"].as_str().unwrap().to_owned());
        let disputed = json!({ "openItem": owed[number], "reason": format!("{word} complaint") });
        if number == 1 {
            change(&boss, "openItemDispute", disputed, "").await;
            continue;
        }
        let run = json!({ "date": format!("2026-{month}-27") });
        made(&boss, "dunningRunPropose", run, "dunningRun").await;
        if number == 0 {
            let found = "{ dunningNotices { nodes { id } } }";
            let notice = boss.ask(found, json!({})).await["dunningNotices"]["nodes"][0]["id"].clone();
            let input = json!({ "notices": [notice], "template": letter_template, "language": "en" });
            change(&boss, "dunningNoticesSend", input, "dunningSending { notices { id } }").await;
        }
    }
    let found = "{ dunningNotices { nodes { id run { id } items { id } } } }";
    let reminder = boss.ask(found, json!({})).await["dunningNotices"]["nodes"][0].clone();
    let account = json!({ "customer": customer, "from": "2026-01-01", "through": format!("2026-{month}-28"), "template": letter_template,
                          "language": "en", "channel": "LETTER" });
    change(&boss, "customerStatementSend", account, "").await;
    let merged = change(
        &boss,
        "letterMerge",
        json!({ "template": letter_template, "language": "en", "channel": "MAIL", "onDate": format!("2026-{month}-20"),
                "recipients": [{ "customer": customer }, { "vendor": vendor }], "visibleToClient": true }),
        "letterMerge { letters { id } }",
    )
    .await["letterMerge"]["letters"][0]["id"]
        .clone();
    change(
        &boss,
        "letterBrandingUpdate",
        json!({ "senderLine": format!("{word} sender"), "footer": format!("{word} footer") }),
        "",
    )
    .await;
    let mail_address =
        made(&boss, "inboundMailAddressCreate", json!({ "name": format!("{word} address") }), "inboundMailAddress")
            .await;
    let listed = boss.ask("{ inboundMailAddresses { address } }", json!({})).await["inboundMailAddresses"].clone();
    let to = listed[0]["address"].as_str().unwrap();
    let raw = format!(
        "From: {word} guest <{word}@guests.example>\r\nTo: {to}\r\nSubject: {word} mail\r\nMessage-ID: <{word}@guests.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{word} text\r\n--b\r\nContent-Disposition: attachment; filename=\"{word} file.txt\"\r\n\r\n{word} file\r\n--b--\r\n"
    );
    crate::correspondence_comes_in::lay(&app.maildir, raw.as_bytes());
    crate::correspondence_comes_in::emptied(&app.maildir).await;
    // One of them is sent.
    change(&boss, "correspondenceEntrySend", json!({ "id": merged }), "").await;
    let mail_state = "query($id: ID!) { correspondenceEntry(id: $id) { mail { state } } }";
    while boss.ask(mail_state, json!({ "id": merged })).await["correspondenceEntry"]["mail"]["state"] != "SENT" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let answer = json!({ "direction": "IN", "channel": "LETTER", "onDate": format!("2026-{month}-21"), "subject": format!("{word} answer"),
                         "customer": customer, "postalAddress": format!("{word} street"), "record": customer, "files": [wrong], "visibleToClient": true });
    let letter = made(&boss, "correspondenceEntryCreate", answer, "correspondenceEntry").await;
    // Documents: one with two versions, which the client's people see and which lies beside a customer, and one in the trash;
    // a folder in another one, and an empty one.
    let document_type = made(
        &boss,
        "documentTypeCreate",
        json!({ "name": format!("{word} contract"), "fields": [{ "name": "partner", "label": format!("{word} partner"), "kind": "TEXT" }] }),
        "documentType",
    )
    .await;
    let cabinet =
        made(&boss, "documentFolderCreate", json!({ "name": format!("{word} cabinet") }), "documentFolder").await;
    let folder = json!({ "name": format!("{word} folder"), "parent": cabinet });
    let folder = made(&boss, "documentFolderCreate", folder, "documentFolder").await;
    let spare_folder =
        made(&boss, "documentFolderCreate", json!({ "name": format!("{word} spare") }), "documentFolder").await;
    let bytes = |text: &str| format!("{word} {text}").into_bytes();
    let document = made(
        &boss,
        "documentCreate",
        json!({ "title": format!("{word} lease"), "documentType": document_type, "folder": folder, "tags": [format!("{word} tag")],
                "fields": [{ "name": "partner", "value": format!("{word} landlord") }], "visibleToClient": true,
                "records": [customer], "retainFrom": format!("2026-{month}-02"),
                "file": sent(app, &boss, &format!("{word}-1.txt"), &bytes("first")).await }),
        "document",
    )
    .await;
    let second_file = sent(app, &boss, &format!("{word}-2.txt"), &bytes("second")).await;
    let further = json!({ "document": document, "file": second_file, "note": format!("{word} note") });
    let document_version = made(&boss, "documentVersionAdd", further, "documentVersion").await;
    let trashed = json!({ "title": format!("{word} trash"), "documentType": document_type });
    let trashed = made(&boss, "documentCreate", trashed, "document").await;
    change(&boss, "documentTrash", json!({ "id": trashed }), "").await;
    let spare_file = sent(app, &boss, &format!("{word}-3.txt"), &bytes("third")).await;
    // A link to the document, a hold on what is nothing else's, a retention schedule, and disposals: one that waits for the
    // boss, proposed by somebody else, and one that was proposed by himself.
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(5)).to_rfc3339();
    let share = change(
        &boss,
        "documentShareCreate",
        json!({ "document": document, "expiresAt": later, "mostDownloads": 3 }),
        "documentShare { id }",
    )
    .await["documentShare"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // The second version is out for signature: the boss has to sign, and behind him somebody without an account here.
    let until = (chrono::Utc::now() + chrono::TimeDelta::days(12)).to_rfc3339();
    let signers = json!([{ "signers": [{ "user": staff }] },
                         { "signers": [{ "name": format!("{word} signer"), "email": format!("{word}-signer@guests.example") }] }]);
    let signature = json!({ "version": document_version, "title": format!("{word} signature"), "message": format!("{word} please"),
                            "steps": signers, "expiresAt": until, "remindAfterDays": [300] });
    let draft_signature = made(&boss, "signatureRequestCreate", signature.clone(), "signatureRequest").await;
    let signature = made(&boss, "signatureRequestCreate", signature, "signatureRequest").await;
    change(&boss, "signatureRequestSend", json!({ "id": signature }), "").await;
    let task = signature.replace("sreq_", "stsk_");
    change(&boss, "signatureTaskOpen", json!({ "id": task }), "").await;
    let held = json!({ "title": format!("{word} held"), "documentType": document_type });
    let held = made(&boss, "documentCreate", held, "document").await;
    let hold = json!({ "name": format!("{word} lawsuit"), "reason": format!("{word} court"), "records": [held] });
    let hold = made(&boss, "legalHoldCreate", hold, "legalHold").await;
    let other_type =
        made(&boss, "documentTypeCreate", json!({ "name": format!("{word} minutes") }), "documentType").await;
    let retention = json!({ "name": format!("{word} minutes"), "documentTypes": [other_type], "trashAfter": 365, "purgeAfter": 30 });
    let retention = made(&boss, "retentionScheduleCreate", retention, "retentionSchedule").await;
    let mut proposals = Vec::new();
    for name in ["first", "second"] {
        let gone = json!({ "title": format!("{word} {name} waste"), "documentType": document_type });
        let gone = made(&boss, "documentCreate", gone, "document").await;
        change(&boss, "documentTrash", json!({ "id": gone }), "").await;
        proposals.push(gone);
    }
    let spare_trash = proposals.pop().unwrap();
    let wasted = json!({ "document": proposals[0], "reason": format!("{word} no use") });
    let disposal = made(&second, "disposalPropose", wasted, "disposal").await;
    // A register with a key, a rule for duplicates and a critical field. Of its two records, which are alike and fit a later
    // definition no more, one waits to be keyed a second time, the other to be decided on.
    let field = |most: i32| {
        json!([{ "key": "number", "label": format!("{word} number"), "kind": "TEXT", "required": true, "unique": true },
               { "key": "name", "help": format!("{word} help"), "kind": "TEXT", "wanted": true, "maxLength": most },
               { "key": "iban", "kind": "TEXT", "critical": true }])
    };
    let section = json!([{ "title": format!("{word} section"), "fields": ["number", "name", "iban"] }]);
    let register = made(
        &boss,
        "registerCreate",
        json!({ "code": format!("{}_contacts", word.to_lowercase()), "name": format!("{word} contacts"), "fields": field(50),
                "duplicates": [{ "fields": ["name"] }],
                "forms": [{ "code": "entry", "name": format!("{word} form"), "sections": section }] }),
        "register",
    )
    .await;
    let mut records = Vec::new();
    for (number, name) in [("1", "Müller"), ("2", "MUELLER")] {
        let values = json!([{ "field": "number", "value": format!("{word}-{number}") }, { "field": "name", "value": format!("{word} {name}") },
                            { "field": "iban", "value": format!("{word} first") }]);
        let record = json!({ "register": register, "values": values });
        records.push(made(&second, "registerRecordCreate", record, "registerRecord").await);
    }
    let (different_record, record) = (records[0].clone(), records[1].clone());
    let keyed = json!({ "id": different_record, "values": [{ "field": "iban", "value": format!("{word} second") }] });
    change(&boss, "registerRecordKey", keyed, "").await;
    change(&boss, "registerUpdate", json!({ "id": register, "fields": field(5), "misfits": "KEEP" }), "").await;
    // Texts are read beside all of this.
    for job in
        boss.ask("{ jobs(first: 100) { nodes { id kind } } }", json!({})).await["jobs"]["nodes"].as_array().unwrap()
    {
        if job["kind"] == "DOCUMENT_TEXT" {
            boss.ended(job["id"].as_str().unwrap()).await;
        }
    }
    // Work that comes again: one day of it has come, another is left out.
    let template = format!("{}_template", word.to_lowercase());
    let steps = json!([{ "title": format!("{word} step {{period}}"), "checklist": [format!("{word} line")] }]);
    change(
        administrator,
        "workTemplateCreate",
        json!({ "code": template, "name": format!("{word} template"), "steps": steps }),
        "",
    )
    .await;
    let today = chrono::Utc::now().date_naive();
    let coming = json!({ "name": format!("{word} routine"), "service": offered, "template": template, "rule": "FREQ=DAILY",
                         "startsOn": today.pred_opt().unwrap(), "period": "DAY", "time": "00:00", "calendar": calendar,
                         "assignee": staff, "team": team });
    let recurring = made(&boss, "recurringWorkCreate", coming, "recurringWork").await;
    let out = today.checked_add_days(chrono::Days::new(9)).unwrap();
    change(&boss, "recurringWorkOccurrenceUpdate", json!({ "id": recurring, "occursOn": out }), "").await;

    let looks = json!({ "name": format!("{word} view"), "filter": { "text": word.to_lowercase() } });
    let view = made(&app.sign_in(&email).await, "workViewCreate", looks, "workView").await;

    let contact = json!({ "name": format!("{word} contact"), "function": format!("{word} function"), "email": format!("{word}-contact@guests.example") });
    let contact = made(&boss, "clientContactCreate", contact, "clientContact").await;
    let members = json!({ "name": format!("{word} group"), "clients": [client] });
    let client_group = made(administrator, "clientGroupCreate", members, "clientGroup").await;
    let theirs = json!({ "name": format!("{word} calendar of the provider"), "hours": [] });
    let provider_calendar = made(administrator, "providerCalendarCreate", theirs, "providerCalendar").await;
    let begins = json!({ "name": format!("{word} template"), "content": { "roles": [{ "name": "Clerk", "permissions": ["CLIENT_READ"] }] } });
    let onboarding = made(administrator, "onboardingTemplateCreate", begins, "onboardingTemplate").await;
    let withheld = json!({ "vendor": held_vendor, "withholdingCode": withholding });
    change(&boss, "vendorWithholdingSet", withheld, "vendor { id }").await;
    let examples = BTreeMap::from([
        ("ClientContact", contact),
        ("ClientGroup", client_group),
        ("ProviderCalendar", provider_calendar),
        ("OnboardingTemplate", onboarding),
        ("VendorBankChange", bank_change),
        ("VendorHold", vendor_hold),
        ("AuditSample", sample),
        ("AuditSampleItem", sampled),
        ("PaymentRun", payment_run),
        ("PaymentRunItem", payment_of_run),
        ("SentRun", sent_run),
        ("SentPayment", sent_payment),
        ("HeldVendor", held_vendor),
        ("JournalProposal", proposal),
        ("Second", second_person),
        ("ApprovalPolicy", policy),
        ("ApprovalRequest", asked),
        ("ClaimedBill", claim),
        ("ApprovalDelegation", delegation),
        ("DunningNotice", reminder["id"].as_str().unwrap().to_owned()),
        ("DunningRun", reminder["run"]["id"].as_str().unwrap().to_owned()),
        ("DunningItem", reminder["items"][0]["id"].as_str().unwrap().to_owned()),
        ("DisputedItem", owed[1].clone()),
        ("DisputableItem", owed[2].clone()),
        ("Account", leaf),
        ("Deferral", spread),
        ("PeriodClose", close),
        ("Budget", meant),
        ("Commitment", promised),
        ("ExpenseAccount", needy.clone()),
        ("BankLedger", bank),
        ("Asset", asset),
        ("AssetClass", class),
        ("SpareAsset", by_units),
        ("RecurringEntry", again),
        ("SpareAccount", tax.as_str().unwrap().to_owned()),
        ("Dimension", centre),
        ("Revaluation", revalued),
        ("DimensionValue", values[0].clone()),
        ("SpareDimensionValue", values[1].clone()),
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
        ("CreditNote", credit_note),
        ("CreditedInvoice", issued),
        ("ExpenseType", expense_type),
        ("ExpenseClaim", expense_claim),
        ("VendorCredit", vendor_credit),
        ("CreditedBill", advice),
        ("WithholdingCode", withholding),
        ("WithholdingRate", withholding_rate),
        ("WithholdingEntry", withholding_entry),
        ("EInvoice", electronic["eInvoice"]["id"].as_str().unwrap().to_owned()),
        ("ReceivedInvoice", received["bill"]["receivedInvoice"]["id"].as_str().unwrap().to_owned()),
        ("Customer", customer.clone()),
        ("Boss", staff),
        ("ClientRequest", request),
        ("RequestFile", brought.remove(1)),
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
        ("Payment", payment),
        ("PaymentAllocation", payment_allocation),
        ("RecurringWork", recurring),
        ("Role", role),
        ("Schedule", schedule),
        ("ServiceAccount", service),
        ("TaxCode", tax_code),
        ("InputTaxCode", input_code),
        ("Team", team),
        ("User", user),
        ("Vendor", vendor),
        ("WebhookDelivery", delivery),
        ("WebhookEndpoint", endpoint),
        ("NeededItem", needed),
        ("WorkItem", item),
        ("AppointmentCalendar", room),
        ("SpareAppointmentCalendar", spare_room),
        ("PersonalAppointmentCalendar", own),
        ("AppointmentFeed", feed),
        ("ClientAppointment", appointment.replace("apt_", "capt_")),
        ("Appointment", appointment),
        ("AppointmentOccurrence", occurrence),
        ("Rule", rule),
        ("RuleRun", run),
        ("LetterTemplate", letter_template),
        ("SharedCorrespondence", letter.replace("cor_", "scor_")),
        ("CorrespondenceEntry", letter),
        ("InboundMailAddress", mail_address),
        ("ClientDocument", document.replace("doc_", "cdoc_")),
        ("Document", document),
        ("DocumentType", document_type),
        ("DocumentFolder", folder),
        ("DocumentVersion", document_version),
        ("Cabinet", cabinet),
        ("SpareFile", spare_file),
        ("SpareFolder", spare_folder),
        ("TrashedDocument", trashed),
        ("DocumentShare", share),
        ("DraftSignatureRequest", draft_signature),
        ("SignatureRequest", signature),
        ("SignatureTask", task),
        ("LegalHold", hold),
        ("RetentionSchedule", retention),
        ("Disposal", disposal),
        ("SpareTrash", spare_trash),
        ("WorkView", view),
        ("Register", register),
        ("RegisterRecord", record),
        ("DifferentRecord", different_record),
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
