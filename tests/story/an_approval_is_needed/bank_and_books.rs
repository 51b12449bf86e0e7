//! The same for a vendor's bank details and for entries posted by hand: written down or proposed, approved, done; and no
//! other way past it.

use serde_json::{Value, json};

use super::{Desk, act, ask, decide, refusal};
use crate::harness::Client;
use crate::walls::furnished::{change, made};

const OLD: &str = "DE89370400440532013000";
const PROPOSE: &str = "mutation($input: JournalEntryPostInput!) { journalProposalCreate(input: $input) {
    journalProposal { id lines { amount { amount } description } } userErrors { code message } } }";
const NEW: &str = "FR1420041010050500013M02606";

async fn iban(client: &Client, vendor: &str) -> Value {
    client.ask("query($id: ID!) { vendor(id: $id) { iban } }", json!({ "id": vendor })).await["vendor"]["iban"].clone()
}

#[tokio::test]
async fn bank_details_change_by_an_approval() {
    let desk = Desk::open().await;
    let (ann, _) = desk.person("Ann", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let konrad = &desk.books.accountant;
    // What no policy covers works as before, and written down it works as well.
    change(konrad, "vendorUpdate", json!({ "id": desk.vendor, "iban": OLD }), "").await;
    let to = |iban: Value| json!({ "vendor": desk.vendor, "iban": iban });
    let away = made(konrad, "vendorBankChangeCreate", to(Value::Null), "vendorBankChange").await;
    change(konrad, "vendorBankChangeApply", json!({ "id": away }), "").await;
    assert_eq!(iban(konrad, &desk.vendor).await, Value::Null);
    let again = act(konrad, "vendorBankChangeApply", json!({ "id": away }), "vendorBankChange { id }").await;
    assert_eq!(refusal(&again), "This change is done already.");
    change(konrad, "vendorUpdate", json!({ "id": desk.vendor, "iban": OLD }), "").await;

    let role = desk.inside.role("Approver").await;
    let bands = json!([{ "steps": [{ "roles": [role] }] }]);
    let bounded = json!({ "subject": "VENDOR_BANK_CHANGE", "name": "Bank", "bands": [{ "above": "1", "steps": [{ "roles": [role] }] }] });
    let refused = act(&chief, "approvalPolicyCreate", bounded, "approvalPolicy { id }").await;
    assert_eq!(refusal(&refused), "What has no amount has one band without bounds.");
    let split = json!({ "subject": "VENDOR_BANK_CHANGE", "name": "Bank", "splitDays": 7, "bands": bands });
    let refused = act(&chief, "approvalPolicyCreate", split, "approvalPolicy { id }").await;
    assert_eq!(refused["userErrors"][0]["field"][1], "splitDays");
    let policy = json!({ "subject": "VENDOR_BANK_CHANGE", "name": "Bank", "bands": bands });
    made(&chief, "approvalPolicyCreate", policy, "approvalPolicy").await;
    let refused = act(konrad, "vendorUpdate", json!({ "id": desk.vendor, "iban": NEW }), "vendor { id }").await;
    assert_eq!(
        refusal(&refused),
        "Bank details change by an approval here: write the change down with vendorBankChangeCreate."
    );
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "iban"]));
    // Everything else of a vendor changes as before.
    change(konrad, "vendorUpdate", json!({ "id": desk.vendor, "name": "Paper Mill Ltd", "iban": OLD }), "").await;

    let same = act(konrad, "vendorBankChangeCreate", to(json!(OLD)), "vendorBankChange { id }").await;
    assert_eq!(refusal(&same), "The vendor has these bank details already.");
    let proposed = made(konrad, "vendorBankChangeCreate", to(json!(NEW)), "vendorBankChange").await;
    let apply = || {
        act(
            konrad,
            "vendorBankChangeApply",
            json!({ "id": proposed }),
            "vendorBankChange { appliedAt vendor { iban } }",
        )
    };
    assert_eq!(refusal(&apply().await), super::NEEDED);
    let request = desk.requested(&proposed).await;
    assert_eq!(request["explanation"], "Every change needs this approval, whatever it is about.");
    assert_eq!(request["title"], format!("Bank details of Paper Mill Ltd: {OLD} becomes {NEW}"));
    assert_eq!((&request["amount"], &request["subject"]), (&Value::Null, &json!("VENDOR_BANK_CHANGE")));
    assert_eq!(refusal(&apply().await), "This is under review: it waits for its approval.");
    assert_eq!(decide(&ann, &request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    assert_eq!(apply().await["vendorBankChange"]["vendor"]["iban"], NEW);
    // An approval is good for the change that it was given for, once.
    assert_eq!(refusal(&apply().await), "This change is done already.");
    assert_eq!(refusal(&desk.request(&proposed).await), "This is done already: nothing is left to approve.");
    // One of two: the other one was meant for what is not there any more.
    let one = made(konrad, "vendorBankChangeCreate", to(json!(OLD)), "vendorBankChange").await;
    let other = made(konrad, "vendorBankChangeCreate", to(Value::Null), "vendorBankChange").await;
    for record in [&one, &other] {
        let request = desk.requested(record).await;
        assert_eq!(decide(&ann, &request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    }
    change(konrad, "vendorBankChangeApply", json!({ "id": one }), "").await;
    let stale = act(konrad, "vendorBankChangeApply", json!({ "id": other }), "vendorBankChange { id }").await;
    assert_eq!(refusal(&stale), "The vendor's bank details have changed since; write the change down anew.");
    assert_eq!(iban(konrad, &desk.vendor).await, OLD);
    // Past the server nothing else gets through either.
    let tenant = desk.books.client.rsplit_once('_').unwrap().1.to_owned();
    for (statement, why) in [
        (format!("UPDATE finance.vendor SET iban = '{NEW}'"), "bank details change by an approval"),
        ("UPDATE finance.vendor_bank_change SET applied_at = NULL".to_owned(), "permission denied"),
    ] {
        let refused = desk.app.database.past_the_server("backoffice_app", |connection| {
            let all = format!("BEGIN; SELECT core.set_tenant('{tenant}'); {statement}");
            diesel::connection::SimpleConnection::batch_execute(connection, &all).unwrap_err().to_string()
        });
        assert!(refused.contains(why), "{statement}: {refused}");
    }
    let history =
        konrad.ask("{ vendorBankChanges { nodes { ibanBefore iban proposedByName } totalCount } }", json!({})).await;
    assert_eq!(history["vendorBankChanges"]["totalCount"], 4);
    assert_eq!(
        history["vendorBankChanges"]["nodes"][0],
        json!({ "ibanBefore": NEW, "iban": null, "proposedByName": "Konrad Konto" })
    );
    assert_eq!(desk.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_entry_above_the_limit_is_proposed_and_approved() {
    let desk = Desk::open().await;
    let (ann, _) = desk.person("Ann", "Approver").await;
    let (bea, _) = desk.person("Bea", "Accountant").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let konrad = &desk.books.accountant;
    let cash = json!({ "code": "X.2", "name": "Cash", "kind": "ASSET", "isGroup": false });
    let cash = made(konrad, "accountCreate", cash, "account").await;
    let entry = |amount: &str| {
        json!({ "date": "2026-01-20", "description": "Paper by hand", "lines": [
            { "account": desk.account, "debit": amount, "description": "Paper" }, { "account": cash, "credit": amount }] })
    };
    let hand = |amount: &str| act(konrad, "journalEntryPost", entry(amount), "journalEntry { number }");
    assert_eq!(hand("90000.00").await["userErrors"], json!([]), "no policy yet");
    let bands = json!([{ "above": "5000", "steps": [{ "roles": [desk.inside.role("Approver").await] }] }]);
    let policy = json!({ "subject": "JOURNAL_PROPOSAL", "name": "By hand", "bands": bands });
    let policy = made(&chief, "approvalPolicyCreate", policy, "approvalPolicy").await;
    assert_eq!(hand("5000.00").await["userErrors"], json!([]), "up to the limit as before");
    assert_eq!(
        refusal(&hand("5000.01").await),
        "An entry of this amount is proposed with journalProposalCreate, and approved first."
    );
    let mut dollars = entry("6000.00");
    dollars["currency"] = json!("USD");
    dollars["exchangeRate"] = json!("0.8");
    assert_eq!(
        act(konrad, "journalEntryPost", dollars.clone(), "journalEntry { number }").await["userErrors"],
        json!([]),
        "4,800.00"
    );
    dollars["exchangeRate"] = json!("0.9");
    assert!(refusal(&act(konrad, "journalEntryPost", dollars, "journalEntry { number }").await).contains("proposed"));

    let proposal = propose(konrad, entry("7500.00")).await;
    assert_eq!(
        proposal["lines"],
        json!([{ "amount": { "amount": "7500.00" }, "description": "Paper" }, { "amount": { "amount": "-7500.00" }, "description": "" }])
    );
    let id = proposal["id"].as_str().unwrap().to_owned();
    let post = |client: &Client| {
        let (client, id) = (client.clone(), id.clone());
        async move { act(&client, "journalProposalPost", json!({ "id": id }), "journalEntry { number description }").await }
    };
    assert_eq!(refusal(&post(konrad).await), super::NEEDED);
    let request = ask(konrad, &id).await["approvalRequest"].clone();
    assert_eq!(request["explanation"], "7,500.00 EUR: band 1, above 5,000.00.");
    assert_eq!(request["title"], "Entry of 2026-01-20: Paper by hand");
    assert_eq!(refusal(&post(konrad).await), "This is under review: it waits for its approval.");
    assert_eq!(decide(&ann, &request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    // Whoever may post posts it, once; of two in the same moment one.
    let (one, other) = tokio::join!(post(konrad), post(&bea));
    let refused: Vec<&Value> = [&one, &other].into_iter().filter(|answer| answer["userErrors"] != json!([])).collect();
    assert_eq!(refused.len(), 1, "{one} {other}");
    assert_eq!(refusal(refused[0]), "This proposal is posted already.");
    let shown = konrad.ask("query($id: ID!) { journalProposal(id: $id) { entry { description source } } journalProposals { totalCount } }", json!({ "id": id })).await;
    assert_eq!(shown["journalProposal"]["entry"], json!({ "description": "Paper by hand", "source": "MANUAL" }));
    assert_eq!(shown["journalProposals"]["totalCount"], 1);
    assert_eq!(refusal(&desk.request(&id).await), "This is done already: nothing is left to approve.");

    // A small one needs no approval, also when it was proposed; what does not balance is not even proposed.
    let small = propose(konrad, entry("10.00")).await["id"].clone();
    assert_eq!(refusal(&desk.request(small.as_str().unwrap()).await), "This needs no approval.");
    change(konrad, "journalProposalPost", json!({ "id": small }), "").await;
    let mut wrong = entry("10.00");
    wrong["lines"][0]["debit"] = json!("10.01");
    let refused = konrad.refused(PROPOSE, json!({ "input": wrong })).await;
    assert_eq!(refused[0]["code"], "UNBALANCED");
    // Reversing is not posting anew, and without a policy all is as before.
    change(&chief, "approvalPolicyEnd", json!({ "id": policy }), "").await;
    assert_eq!(hand("5000.01").await["userErrors"], json!([]));
    assert_eq!(desk.app.database.findings(), Vec::<String>::new());
}

async fn propose(client: &Client, entry: Value) -> Value {
    client.ask(PROPOSE, json!({ "input": entry })).await["journalProposalCreate"]["journalProposal"].clone()
}
