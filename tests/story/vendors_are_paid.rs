//! Vendors are paid: what is due is proposed, approved by somebody else, sent to the bank as a file, and confirmed by its
//! statement. Whatever speaks against a payment is said before the money goes.

use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::documents_are_kept::refusal;
use crate::harness::{App, Books, Client};
use crate::nordwind::{STATEMENT_IMPORT, import};
use crate::walls::furnished::made;

const MILL: &str = "DE89370400440532013000";
const OTHER: &str = "FR1420041010050500013M02606";
const BANK: &str = "DE57900000010004711200";
const RUN: &str =
    "paymentRun { id number state payments amount { amount currency } settledAmount { amount } approvedByName version
    file { id name } }";

/// A client that pays its vendors, and two who keep its books.
struct Desk {
    app: App,
    books: Books,
    bank: String,
    expense: String,
}

/// Sends a mutation; gives its payload, refused or not.
async fn act(client: &Client, field: &str, kind: &str, input: Value, selection: &str) -> Value {
    crate::documents_are_kept::act(client, field, kind, input, selection).await
}

impl Desk {
    async fn open() -> Self {
        let app = App::start();
        let books = app.with_books().await;
        let maker = &books.accountant;
        let found = maker
            .ask("{ accounts(first: 1, filter: { control: { eq: BANK } }) { nodes { id } } }", json!({}))
            .await["accounts"]["nodes"][0]["id"]
            .clone();
        let bank = json!({ "name": "Bank", "iban": BANK, "account": found });
        let bank = made(maker, "bankAccountCreate", bank, "bankAccount").await;
        let expense = json!({ "code": "X.1", "name": "Paper", "kind": "EXPENSE" });
        let expense = made(maker, "accountCreate", expense, "account").await;
        Self { app, books, bank, expense }
    }

    async fn colleague(&self, name: &str, role: &str) -> Client {
        let email = format!("{}@firm.example", name.to_lowercase());
        let user = self.books.administrator.staff(&email, name).await;
        self.books.administrator.enter(&self.books.client).await.grant(&user, role, "2026-01-01", None).await;
        self.app.sign_in(&email).await.enter(&self.books.client).await
    }

    async fn vendor(&self, name: &str, iban: Option<&str>) -> String {
        let input = json!({ "number": name, "name": name, "country": "DE", "iban": iban });
        made(&self.books.accountant, "vendorCreate", input, "vendor").await
    }

    async fn bill(&self, vendor: &str, number: &str, amount: &str) -> String {
        let line = json!({ "description": "Paper", "quantity": "1", "unitPrice": amount, "account": self.expense });
        let input = json!({ "vendor": vendor, "number": number, "billDate": "2026-01-05", "lines": [line] });
        let bill = made(&self.books.accountant, "billCreate", input, "bill").await;
        made(&self.books.accountant, "billPost", json!({ "id": bill }), "bill").await
    }

    async fn propose(&self, pay_on: NaiveDate) -> Value {
        let input = json!({ "bankAccount": self.bank, "payOn": pay_on });
        act(&self.books.accountant, "paymentRunPropose", "PaymentRunProposeInput", input, RUN).await
    }

    /// What a run says of each bill: its number, what becomes of it, and why.
    async fn items(&self, run: &Value) -> Vec<(String, String, Value)> {
        let query =
            "query($run: ID!) { paymentRunItems(run: $run, first: 100) { nodes { document state leftOutFor } } }";
        let found = self.books.accountant.ask(query, json!({ "run": run["id"] })).await;
        let nodes = found["paymentRunItems"]["nodes"].as_array().unwrap().clone();
        nodes
            .into_iter()
            .map(|node| {
                let text = |name: &str| node[name].as_str().unwrap().to_owned();
                (text("document"), text("state"), node["leftOutFor"].clone())
            })
            .collect()
    }

    async fn run(&self, run: &Value) -> Value {
        let query = format!("query($id: ID!) {{ {} }}", RUN.replacen("paymentRun", "paymentRun(id: $id)", 1));
        self.books.accountant.ask(&query, json!({ "id": run["id"] })).await["paymentRun"].clone()
    }

    /// The bank's statement of the days until today: one line of that amount. Gives the line.
    async fn debited(&self, amount: &str) -> String {
        let text = format!("Booked,Text,Amount\n{},Payments,{amount}\n", Utc::now().date_naive());
        let input = json!({
            "file": { "name": "bank.csv", "text": text }, "format": "CSV", "bankAccount": self.bank,
            "openingBalance": "0.00", "closingBalance": amount, "mapping": { "bookedOn": "Booked", "reference": "Text", "amount": "Amount" },
        });
        let taken = import(&self.books.accountant, STATEMENT_IMPORT, input).await;
        assert_eq!(taken["import"]["created"], 1, "{taken}");
        let lines = self.books.accountant.ask("{ bankLines(first: 1) { nodes { id } } }", json!({})).await;
        lines["bankLines"]["nodes"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn file(&self, run: &Value) -> String {
        let query = "query($id: ID!) { paymentRun(id: $id) { file { name downloadUrl } } }";
        let told = self.books.accountant.ask(query, json!({ "id": run["id"] })).await;
        let address = told["paymentRun"]["file"]["downloadUrl"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
        let reply = crate::harness::http().get(self.app.url(&address)).send().await.unwrap();
        assert!(reply.status().is_success());
        reply.text().await.unwrap()
    }
}

async fn step(client: &Client, field: &str, run: &Value) -> Value {
    act(client, field, "PaymentRunInput", json!({ "id": run["id"] }), RUN).await
}

async fn taken(client: &Client, field: &str, run: &Value) -> Value {
    let payload = step(client, field, run).await;
    assert_eq!(payload["userErrors"], json!([]), "{field}: {payload}");
    payload["paymentRun"].clone()
}

async fn approved(client: &Client, run: &Value) -> Value {
    taken(client, "paymentRunApprove", run).await
}

fn today() -> NaiveDate {
    // The client lives in Berlin, where it may be tomorrow already.
    Utc::now().with_timezone(&chrono_tz::Europe::Berlin).date_naive()
}

fn planned(document: &str) -> (String, String, Value) {
    (document.to_owned(), "PLANNED".to_owned(), Value::Null)
}

fn left_out(document: &str, reason: &str) -> (String, String, Value) {
    (document.to_owned(), "LEFT_OUT".to_owned(), json!(reason))
}

#[tokio::test]
async fn what_is_due_is_proposed_approved_sent_and_confirmed() {
    let desk = Desk::open().await;
    let (maker, nina) = (&desk.books.accountant, desk.colleague("Nina", "Accountant").await);
    let nothing = desk.propose(today()).await;
    assert_eq!(refusal(&nothing).1, "input.dueUntil", "{nothing}");
    let mill = desk.vendor("Mill", Some(MILL)).await;
    let (first, second) = (desk.bill(&mill, "M-1", "100.00").await, desk.bill(&mill, "M-2", "250.50").await);
    let silent = desk.vendor("Silent", None).await;
    desk.bill(&silent, "S-1", "70.00").await;
    let held = desk.vendor("Zeta", Some(OTHER)).await;
    desk.bill(&held, "Z-1", "900.00").await;
    let hold = json!({ "vendor": held, "kind": "PAYMENTS", "reason": "Goods are missing" });
    let hold = made(maker, "vendorHoldPlace", hold, "vendorHold").await;

    let run = desk.propose(today()).await["paymentRun"].clone();
    assert_eq!((&run["number"], &run["state"], &run["payments"]), (&json!("PAY-00001"), &json!("DRAFT"), &json!(2)));
    assert_eq!(run["amount"], json!({ "amount": "350.50", "currency": "EUR" }));
    assert_eq!(
        desk.items(&run).await,
        [planned("M-1"), planned("M-2"), left_out("S-1", "NO_BANK_DETAILS"), left_out("Z-1", "ON_HOLD")]
    );

    // No file without an approval, and no approval of one's own work: not by another account of the same person either.
    assert_eq!(refusal(&step(maker, "paymentRunSend", &run).await).2, "This run is a draft: it is approved first.");
    let own = step(maker, "paymentRunApprove", &run).await;
    assert_eq!(refusal(&own).2, "Whoever has had a hand in a payment run does not approve it.");
    let alias = desk.books.administrator.staff("konrad+2@firm.example", "Konrad again").await;
    let inside = desk.books.administrator.enter(&desk.books.client).await;
    inside.grant(&alias, "Accountant", "2026-01-01", None).await;
    let alias = desk.app.sign_in("konrad+2@firm.example").await.enter(&desk.books.client).await;
    assert_eq!(refusal(&step(&alias, "paymentRunApprove", &run).await).2, refusal(&own).2);
    let bookkeeper = desk.colleague("Bob", "Bookkeeper").await;
    assert_eq!(
        bookkeeper
            .send(
                &format!("mutation($input: PaymentRunInput!) {{ paymentRunApprove(input: $input) {{ {RUN} }} }}"),
                json!({ "input": { "id": run["id"] } })
            )
            .await
            .code(),
        "FORBIDDEN"
    );
    let now = approved(&nina, &run).await;
    assert_eq!((&now["state"], &now["approvedByName"]), (&json!("APPROVED"), &json!("Nina")));
    assert_eq!(
        refusal(&step(&nina, "paymentRunApprove", &run).await).2,
        "This run is approved: cancel it and propose anew what is to be otherwise."
    );

    let tried = step(&maker.dry(), "paymentRunSend", &run).await;
    assert_eq!(tried["paymentRun"]["state"], "SENT", "{tried}");
    assert_eq!(desk.run(&run).await["state"], "APPROVED");
    taken(maker, "paymentRunSend", &run).await;
    let file = desk.file(&run).await;
    for said in [
        "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09",
        "<MsgId>PAY-00001</MsgId>",
        "<NbOfTxs>2</NbOfTxs>",
        "<CtrlSum>350.50</CtrlSum>",
        BANK,
        MILL,
        "<EndToEndId>PAY-00001-1</EndToEndId>",
        "<InstdAmt Ccy=\"EUR\">250.50</InstdAmt>",
    ] {
        assert!(file.contains(said), "{said} is not in {file}");
    }
    assert!(!file.contains(OTHER));
    // Two of the bills are on their way; nobody pays them again.
    let again = desk.propose(today()).await["paymentRun"].clone();
    assert_eq!(again["payments"], 0);
    let items = desk.items(&again).await;
    assert_eq!(items[..2], [left_out("M-1", "ANOTHER_RUN"), left_out("M-2", "ANOTHER_RUN")]);
    assert_eq!(
        refusal(&step(&nina, "paymentRunApprove", &again).await).2,
        "This run holds no payment: everything that is due is left out of it."
    );
    taken(maker, "paymentRunCancel", &again).await;

    // The bank debits the sum: one line settles all of it.
    let line = desk.debited("-350.50").await;
    let matched = act(
        maker,
        "bankLineMatch",
        "BankLineMatchInput",
        json!({ "bankLine": line, "paymentRun": run["id"] }),
        "bankLine { matched }",
    )
    .await;
    assert_eq!(matched["bankLine"]["matched"], true, "{matched}");
    assert_eq!(desk.run(&run).await["settledAmount"]["amount"], "350.50");
    for bill in [&first, &second] {
        let found = maker.ask("query($id: ID!) { bill(id: $id) { paymentState } }", json!({ "id": bill })).await;
        assert_eq!(found["bill"]["paymentState"], "PAID");
    }
    // Taken back, everything is open again as it was, and still on its way.
    act(maker, "bankLineUnmatch", "BankLineUnmatchInput", json!({ "bankLine": line }), "bankLine { matched }").await;
    assert_eq!(desk.run(&run).await["settledAmount"]["amount"], "0.00");

    // Released, the vendor is paid by the next run.
    made(maker, "vendorHoldRelease", json!({ "id": hold }), "vendorHold").await;
    let next = desk.propose(today()).await["paymentRun"].clone();
    assert!(desk.items(&next).await.contains(&planned("Z-1")));
    assert_eq!(desk.app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn changed_bank_details_leave_a_vendor_out() {
    let desk = Desk::open().await;
    let (maker, nina) = (&desk.books.accountant, desk.colleague("Nina", "Accountant").await);
    let mill = desk.vendor("Mill", Some(MILL)).await;
    desk.bill(&mill, "M-1", "119.00").await;
    let run = desk.propose(today()).await["paymentRun"].clone();
    assert_eq!(desk.items(&run).await, [planned("M-1")]);
    // Written down after the proposal: nobody releases the payment to the old account, or to the new one.
    let change = json!({ "vendor": mill, "iban": OTHER });
    let change = made(maker, "vendorBankChangeCreate", change, "vendorBankChange").await;
    let refused = step(&nina, "paymentRunApprove", &run).await;
    assert!(refusal(&refused).2.starts_with("A payment to Mill would not be made any more"), "{refused}");
    taken(maker, "paymentRunCancel", &run).await;
    let run = desk.propose(today()).await["paymentRun"].clone();
    assert_eq!(desk.items(&run).await, [left_out("M-1", "BANK_DETAILS_PENDING")]);
    // Done, it cools off for three days.
    made(maker, "vendorBankChangeApply", json!({ "id": change }), "vendorBankChange").await;
    for (days, wanted) in
        [(0, left_out("M-1", "COOLING_OFF")), (2, left_out("M-1", "COOLING_OFF")), (3, planned("M-1"))]
    {
        let run = desk.propose(today() + Days::new(days)).await["paymentRun"].clone();
        assert_eq!(desk.items(&run).await, [wanted], "{days}");
        taken(maker, "paymentRunCancel", &run).await;
    }
    // The client may want it otherwise.
    made(maker, "bankAccountUpdate", json!({ "id": desk.bank, "coolingOffDays": 0 }), "bankAccount").await;
    let run = desk.propose(today()).await["paymentRun"].clone();
    assert_eq!(desk.items(&run).await, [planned("M-1")]);
    approved(&nina, &run).await;
    // Between approval and file the account changes once more: the file is not made.
    let input = json!({ "id": mill, "iban": MILL });
    act(maker, "vendorUpdate", "VendorUpdateInput", input, "vendor { iban }").await;
    let refused = step(maker, "paymentRunSend", &run).await;
    assert!(refusal(&refused).2.starts_with("A payment to Mill would not be made any more"), "{refused}");
    for days in [-1, 91] {
        let input = json!({ "id": desk.bank, "coolingOffDays": days });
        let refused = act(maker, "bankAccountUpdate", "BankAccountUpdateInput", input, "").await;
        assert_eq!(refusal(&refused).1, "input.coolingOffDays");
    }
}

#[tokio::test]
async fn what_the_bank_rejects_is_paid_by_the_next_run() {
    let desk = Desk::open().await;
    let (maker, nina) = (&desk.books.accountant, desk.colleague("Nina", "Accountant").await);
    let mill = desk.vendor("Mill", Some(MILL)).await;
    for (number, amount) in [("M-1", "100.00"), ("M-2", "250.50"), ("M-3", "1.00")] {
        desk.bill(&mill, number, amount).await;
    }
    let run = desk.propose(today()).await["paymentRun"].clone();
    let dropped = json!({ "id": run["id"], "reason": "Disputed", "items": [item(maker, &run, "M-3").await] });
    let now = act(maker, "paymentRunDrop", "PaymentRunDropInput", dropped.clone(), RUN).await;
    assert_eq!(now["paymentRun"]["amount"]["amount"], "350.50", "{now}");
    let refused = act(maker, "paymentRunDrop", "PaymentRunDropInput", dropped, RUN).await;
    assert_eq!(refusal(&refused).2, "One of these is no planned payment of this run.");
    approved(&nina, &run).await;
    taken(maker, "paymentRunSend", &run).await;

    let taken_in = |text: String| async move {
        let input = json!({ "file": { "name": "status.xml", "text": text } });
        act(
            maker,
            "paymentStatusImport",
            "PaymentStatusImportInput",
            input,
            "paymentRun { number } rejected fileErrors { line message }",
        )
        .await
    };
    let unknown = taken_in(answer("PAY-99999", 2)).await;
    assert_eq!(refusal(&unknown).1, "input.file", "{unknown}");
    let broken = taken_in(answer("PAY-00001", 2).replace("</Document>", "")).await;
    assert!(broken["fileErrors"][0]["message"].is_string(), "{broken}");
    let first = taken_in(answer("PAY-00001", 2)).await;
    assert_eq!((&first["paymentRun"]["number"], &first["rejected"]), (&json!("PAY-00001"), &json!(1)), "{first}");
    assert_eq!(taken_in(answer("PAY-00001", 2)).await["rejected"], 0);
    let items = desk.items(&run).await;
    assert_eq!(items[1], ("M-2".to_owned(), "REJECTED".to_owned(), Value::Null));
    let said = "query($run: ID!) { paymentRunItems(run: $run, state: REJECTED) { nodes { said } } }";
    let said = maker.ask(said, json!({ "run": run["id"] })).await;
    assert_eq!(said["paymentRunItems"]["nodes"][0]["said"], "AC04: Account closed");

    // What was rejected and what was dropped is in the next proposal; what is on its way is not. The line of the bank settles
    // what it has paid.
    let next = desk.propose(today()).await["paymentRun"].clone();
    assert_eq!(desk.items(&next).await, [left_out("M-1", "ANOTHER_RUN"), planned("M-2"), planned("M-3")]);
    let line = desk.debited("-100.00").await;
    let input = json!({ "bankLine": line, "paymentRun": run["id"] });
    let matched = act(maker, "bankLineMatch", "BankLineMatchInput", input, "bankLine { matched }").await;
    assert_eq!(matched["bankLine"]["matched"], true, "{matched}");
    let paid = json!({ "id": run["id"], "reason": "Sent back", "items": [item(maker, &run, "M-1").await] });
    let refused = act(maker, "paymentRunReject", "PaymentRunRejectInput", paid, RUN).await;
    assert_eq!(
        refusal(&refused).2,
        "A bill of one of these payments is settled: take the match of its bank line back first."
    );
}

/// What a bank answers that rejects that payment of a run.
pub fn answer(message: &str, line: u32) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>
<GrpHdr><MsgId>B1</MsgId><CreDtTm>2026-11-23T10:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>{message}</OrgnlPmtInfId><PmtInfSts>PART</PmtInfSts>
<TxInfAndSts><OrgnlEndToEndId>{message}-{line}</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>Account closed</AddtlInf></StsRsnInf></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )
}

async fn item(client: &Client, run: &Value, document: &str) -> Value {
    let query = "query($run: ID!) { paymentRunItems(run: $run, first: 100) { nodes { id document } } }";
    let found = client.ask(query, json!({ "run": run["id"] })).await;
    let nodes = found["paymentRunItems"]["nodes"].as_array().unwrap().clone();
    nodes.into_iter().find(|node| node["document"] == document).unwrap()["id"].clone()
}

#[tokio::test]
async fn a_policy_asks_for_more_and_an_edit_voids_what_it_gave() {
    let desk = Desk::open().await;
    let (maker, nina) = (&desk.books.accountant, desk.colleague("Nina", "Accountant").await);
    let vera = desk.colleague("Vera", "Accountant").await;
    let inside = desk.books.administrator.enter(&desk.books.client).await;
    let role = inside.role("Accountant").await;
    let above = json!({ "above": "1000", "steps": [{ "needed": 2, "roles": [role] }] });
    let policy = json!({ "subject": "PAYMENT_RUN", "name": "Large runs", "bands": [above] });
    let rights = json!(["APPROVAL_READ", "APPROVAL_POLICY_MANAGE"]);
    made(&inside, "roleCreate", json!({ "name": "Chief", "permissions": rights }), "role").await;
    let chief = desk.colleague("Carla", "Chief").await;
    made(&chief, "approvalPolicyCreate", policy, "approvalPolicy").await;
    let mill = desk.vendor("Mill", Some(MILL)).await;
    for (number, amount) in [("M-1", "900.00"), ("M-2", "100.01")] {
        desk.bill(&mill, number, amount).await;
    }
    let run = desk.propose(today()).await["paymentRun"].clone();
    let needed = "This needs an approval that it does not have: ask for it with approvalRequestCreate.";
    assert_eq!(refusal(&step(&nina, "paymentRunApprove", &run).await).2, needed);
    let asked = crate::an_approval_is_needed::ask(maker, run["id"].as_str().unwrap()).await;
    assert_eq!(asked["userErrors"], json!([]), "{asked}");
    let asked = asked["approvalRequest"].clone();
    for who in [&nina, &vera] {
        let decided = crate::an_approval_is_needed::decide(who, &asked, "APPROVE").await;
        assert_eq!(decided["userErrors"], json!([]), "{decided}");
    }
    // Edited, it is something else: below the limit, one is enough.
    let dropped = json!({ "id": run["id"], "reason": "Disputed", "items": [item(maker, &run, "M-2").await] });
    let now = act(maker, "paymentRunDrop", "PaymentRunDropInput", dropped, RUN).await;
    assert_eq!(now["paymentRun"]["amount"]["amount"], "900.00", "{now}");
    let query = "query($id: ID!) { approvalRequest(id: $id) { state endedFor } }";
    let stands = maker.ask(query, json!({ "id": asked["id"] })).await["approvalRequest"].clone();
    assert_eq!(stands, json!({ "state": "VOID", "endedFor": "EDITED" }));
    approved(&nina, &run).await;
}

#[tokio::test]
async fn proposals_of_the_same_moment_pay_each_bill_once() {
    let desk = Desk::open().await;
    let mill = desk.vendor("Mill", Some(MILL)).await;
    for number in 1..=5 {
        desk.bill(&mill, &format!("M-{number}"), "10.00").await;
    }
    let runs = futures_util::future::join_all((0..6).map(|_| desk.propose(today()))).await;
    let payments: Vec<i64> =
        runs.iter().map(|run| run["paymentRun"]["payments"].as_i64().unwrap_or_else(|| panic!("{run}"))).collect();
    assert_eq!(payments.iter().sum::<i64>(), 5, "{payments:?}");
    assert_eq!(payments.iter().filter(|count| **count > 0).count(), 1, "{payments:?}");
    // Neither the server's role nor anybody who gets hold of it releases a run or changes where the money goes.
    for statement in [
        "UPDATE finance.payment_run SET state = 'approved'",
        "UPDATE finance.payment_run_item SET iban = 'DE02120300000000202051'",
        "DELETE FROM finance.payment_run_item",
    ] {
        let said = desk.app.database.past_the_server("backoffice_app", |connection| {
            diesel::connection::SimpleConnection::batch_execute(connection, statement).unwrap_err().to_string()
        });
        assert!(said.contains("permission denied"), "{statement}: {said}");
    }
}

#[tokio::test]
async fn a_vendor_on_hold_has_no_bills_posted() {
    let desk = Desk::open().await;
    let maker = &desk.books.accountant;
    let mill = desk.vendor("Mill", Some(MILL)).await;
    let place = |more: Value| {
        let mut input = json!({ "vendor": mill, "reason": "Under inquiry" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let past = place(json!({ "untilOn": today() }));
    let refused = act(maker, "vendorHoldPlace", "VendorHoldPlaceInput", past, "").await;
    assert_eq!(refusal(&refused), ("INVALID", "input.untilOn".to_owned(), "A hold ends after today."));
    let hold = made(maker, "vendorHoldPlace", place(json!({ "untilOn": today() + Days::new(5) })), "vendorHold").await;
    let line = json!({ "description": "Paper", "quantity": "1", "unitPrice": "10.00", "account": desk.expense });
    let input = json!({ "vendor": mill, "number": "M-1", "billDate": "2026-01-05", "lines": [line] });
    let bill = made(maker, "billCreate", input, "bill").await;
    let refused = act(maker, "billPost", "BillPostInput", json!({ "id": bill }), "").await;
    assert_eq!(refusal(&refused).2, "Bills of this vendor are on hold: they are posted when the hold is released.");
    let live = "query($live: Boolean) { vendorHolds(live: $live) { nodes { kind reason untilOn placedByName releasedByName } } }";
    let found = maker.ask(live, json!({ "live": true })).await["vendorHolds"]["nodes"].clone();
    assert_eq!((&found[0]["kind"], &found[0]["placedByName"]), (&json!("ALL"), &json!("Konrad Konto")), "{found}");
    made(maker, "vendorHoldRelease", json!({ "id": hold }), "vendorHold").await;
    let again = act(maker, "vendorHoldRelease", "VendorHoldReleaseInput", json!({ "id": hold }), "").await;
    assert_eq!(refusal(&again).2, "This hold is released already.");
    assert_eq!(maker.ask(live, json!({ "live": true })).await["vendorHolds"]["nodes"], json!([]));
    made(maker, "billPost", json!({ "id": bill }), "bill").await;
}
