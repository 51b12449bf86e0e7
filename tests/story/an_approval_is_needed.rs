//! What needs whose approval, and what becomes of it: bands by amount, steps, edits that make it void, amounts that count
//! together, and nobody who decides on his own work.

use serde_json::{Value, json};

use crate::harness::{App, Books, Client};
use crate::walls::furnished::{change, made};

mod bank_and_books;
mod by_a_rule;
mod races;
mod who_decides;

pub const REQUEST: &str = "id subject recordId title state endedFor explanation edition band amount { amount currency }
    counted { amount currency } note requestedByName expiresAt version
    steps { number stage needed approved state workItemId } decisions { step verdict decidedBy decidedByName inPlaceOf comment }";

/// A client's books, and people who approve.
pub struct Desk {
    pub app: App,
    pub books: Books,
    /// The administrator, in the client.
    pub inside: Client,
    pub vendor: String,
    pub account: String,
}

impl Desk {
    pub async fn open() -> Self {
        let app = App::start();
        let books = app.with_books().await;
        let inside = books.administrator.enter(&books.client).await;
        for (name, permissions) in [
            ("Approver", json!(["APPROVAL_READ", "APPROVAL_DECIDE", "BILL_READ", "WORK_ITEM_READ", "CLIENT_READ"])),
            ("Chief", json!(["APPROVAL_READ", "APPROVAL_DECIDE", "APPROVAL_POLICY_MANAGE", "BILL_READ"])),
            ("Reader", json!(["APPROVAL_READ", "APPROVAL_DECIDE", "BILL_READ"])),
        ] {
            made(&inside, "roleCreate", json!({ "name": name, "permissions": permissions }), "role").await;
        }
        let maker = &books.accountant;
        let vendor =
            made(maker, "vendorCreate", json!({ "number": "V1", "name": "Paper Mill", "country": "DE" }), "vendor")
                .await;
        let account = json!({ "code": "X.1", "name": "Paper", "kind": "EXPENSE", "isGroup": false });
        let account = made(maker, "accountCreate", account, "account").await;
        Self { app, books, inside, vendor, account }
    }

    /// Somebody of the staff with a role in the client: his token, and his id.
    pub async fn person(&self, name: &str, role: &str) -> (Client, String) {
        let email = format!("{}@firm.example", name.to_lowercase());
        let user = self.books.administrator.staff(&email, name).await;
        self.inside.grant(&user, role, "2026-01-01", None).await;
        (self.app.sign_in(&email).await.enter(&self.books.client).await, user)
    }

    /// Up to 5,000 one approver, above that two: the roles and more of the policy as given.
    pub async fn policy(&self, chief: &Client, more: Value) -> String {
        let role = self.inside.role("Approver").await;
        let step = |needed: i32| json!([{ "needed": needed, "roles": [role] }]);
        let mut input = json!({
            "subject": "BILL", "name": "Bills",
            "bands": [{ "upTo": "5000", "steps": step(1) }, { "above": "5000", "steps": step(2) }],
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        made(chief, "approvalPolicyCreate", input, "approvalPolicy").await
    }

    fn lines(&self, amount: &str) -> Value {
        json!([{ "description": "Paper", "quantity": "1", "unitPrice": amount, "account": self.account }])
    }

    pub async fn bill(&self, number: &str, day: &str, amount: &str) -> String {
        let input = json!({ "vendor": self.vendor, "number": number, "billDate": day, "lines": self.lines(amount) });
        made(&self.books.accountant, "billCreate", input, "bill").await
    }

    pub async fn change(&self, bill: &str, amount: &str) -> Value {
        act(
            &self.books.accountant,
            "billUpdate",
            json!({ "id": bill, "lines": self.lines(amount) }),
            "bill { id version }",
        )
        .await
    }

    pub async fn post(&self, bill: &str) -> Value {
        act(&self.books.accountant, "billPost", json!({ "id": bill }), "bill { status }").await
    }

    pub async fn request(&self, record: &str) -> Value {
        ask(&self.books.accountant, record).await
    }

    pub async fn requested(&self, record: &str) -> Value {
        let made = self.request(record).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        made["approvalRequest"].clone()
    }

    /// How a request stands.
    pub async fn stands(&self, request: &Value) -> Value {
        let query = format!("query($id: ID!) {{ approvalRequest(id: $id) {{ {REQUEST} }} }}");
        self.books.accountant.ask(&query, json!({ "id": request["id"] })).await["approvalRequest"].clone()
    }
}

/// Sends a mutation whose input is named after it; gives the payload, refused or not.
pub async fn act(client: &Client, field: &str, input: Value, selection: &str) -> Value {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    let query = format!(
        "mutation($input: {kind}!) {{ {field}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}"
    );
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][field].clone()
}

pub async fn ask(client: &Client, record: &str) -> Value {
    act(client, "approvalRequestCreate", json!({ "record": record }), &format!("approvalRequest {{ {REQUEST} }}")).await
}

pub async fn decide(client: &Client, request: &Value, verdict: &str) -> Value {
    let input = json!({ "id": request["id"], "verdict": verdict, "comment": "Seen" });
    act(client, "approvalRequestDecide", input, &format!("approvalRequest {{ {REQUEST} }}")).await
}

/// The sentence of the one refusal.
pub fn refusal(payload: &Value) -> &str {
    payload["userErrors"][0]["message"].as_str().unwrap_or_else(|| panic!("not refused: {payload}"))
}

pub async fn inbox(client: &Client) -> Vec<Value> {
    let page = client
        .ask(
            "{ approvalInbox(first: 100) { nodes { clientName requestId stepNumber workItemId title amount { amount } inPlaceOf } totalCount } }",
            json!({}),
        )
        .await["approvalInbox"]
        .clone();
    let rows = page["nodes"].as_array().unwrap().clone();
    assert_eq!(page["totalCount"], rows.len());
    rows
}

/// The open approvals of the queue; its counts are its rows.
pub async fn queue(client: &Client) -> Vec<Value> {
    let filter = json!({ "kind": { "eq": "APPROVAL" } });
    let page = client
        .ask(
            "query($filter: WorkItemFilter) { workItems(first: 100, filter: $filter) { nodes { id title recordId record { __typename } } totalCount }
                workItemCounts(filter: $filter) { total } }",
            json!({ "filter": filter }),
        )
        .await;
    let rows = page["workItems"]["nodes"].as_array().unwrap().clone();
    assert_eq!(
        (&page["workItems"]["totalCount"], &page["workItemCounts"]["total"]),
        (&json!(rows.len()), &json!(rows.len()))
    );
    rows
}

const NEEDED: &str = "This needs an approval that it does not have: ask for it with approvalRequestCreate.";

#[tokio::test]
async fn up_to_5000_one_approves_above_it_two() {
    let desk = Desk::open().await;
    let (ann, ann_id) = desk.person("Ann", "Approver").await;
    let (bea, _) = desk.person("Bea", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    // What no policy covers works as before.
    let free = desk.bill("R-0", "2026-01-05", "90000.00").await;
    assert_eq!(refusal(&desk.request(&free).await), "This needs no approval.");
    assert_eq!(desk.post(&free).await["bill"]["status"], "POSTED");

    desk.policy(&chief, json!({})).await;
    let small = desk.bill("R-1", "2026-01-06", "5000.00").await;
    assert_eq!(refusal(&desk.post(&small).await), NEEDED);
    let request = desk.requested(&small).await;
    assert_eq!(request["explanation"], "5,000.00 EUR: band 1, up to 5,000.00.");
    assert_eq!(request["title"], "Bill R-1 of Paper Mill");
    assert_eq!((&request["recordId"], &request["state"]), (&json!(small), &json!("PENDING")));
    assert_eq!(refusal(&desk.request(&small).await), "Its approval is asked for already.");
    assert_eq!(refusal(&desk.post(&small).await), "This is under review: it waits for its approval.");

    // One inbox, and the same in the queue.
    let waiting = inbox(&ann).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!((&waiting[0]["requestId"], &waiting[0]["amount"]["amount"]), (&request["id"], &json!("5000.00")));
    let items = queue(&ann).await;
    assert_eq!((items.len(), &items[0]["id"]), (1, &waiting[0]["workItemId"]));
    assert_eq!(items[0]["title"], "Approve: Bill R-1 of Paper Mill");
    assert_eq!((&items[0]["recordId"], &items[0]["record"]["__typename"]), (&request["id"], &json!("ApprovalRequest")));
    assert_eq!(inbox(&chief).await.len(), 0, "no step names him");
    // The item is closed by the decision and by nothing else.
    let item = json!({ "input": { "id": items[0]["id"] } });
    for (field, of) in [("workItemComplete", &desk.books.accountant), ("workItemCancel", &desk.books.accountant)] {
        let query =
            format!("mutation($input: WorkItemInput!) {{ {field}(input: $input) {{ userErrors {{ message }} }} }}");
        let reply = of.send(&query, item.clone()).await;
        let said = refusal(&reply.body["data"][field]).to_owned();
        assert_eq!(said, "An approval is decided with approvalRequestDecide, or its request withdrawn.");
    }

    let decided = decide(&ann, &request, "APPROVE").await;
    assert_eq!(decided["approvalRequest"]["state"], "APPROVED", "{decided}");
    assert_eq!(
        decided["approvalRequest"]["decisions"],
        json!([{ "step": 1, "verdict": "APPROVE", "decidedBy": ann_id, "decidedByName": "Ann", "inPlaceOf": null, "comment": "Seen" }])
    );
    assert!(inbox(&bea).await.is_empty() && queue(&bea).await.is_empty());
    assert_eq!(refusal(&desk.request(&small).await), "This is approved already.");
    assert_eq!(desk.post(&small).await["bill"]["status"], "POSTED");
    assert_eq!(refusal(&desk.request(&small).await), "This is done already: nothing is left to approve.");

    let large = desk.bill("R-2", "2026-03-06", "5000.01").await;
    let request = desk.requested(&large).await;
    assert_eq!(request["explanation"], "5,000.01 EUR: band 2, above 5,000.00.");
    let first = decide(&ann, &request, "APPROVE").await;
    assert_eq!(first["approvalRequest"]["state"], "PENDING");
    assert_eq!((&first["approvalRequest"]["steps"][0]["approved"], inbox(&ann).await.len()), (&json!(1), 0));
    // The same once more changes nothing; something else is refused.
    let again = decide(&ann, &request, "APPROVE").await;
    assert_eq!(again["approvalRequest"]["version"], first["approvalRequest"]["version"]);
    assert_eq!(again["approvalRequest"]["decisions"].as_array().unwrap().len(), 1);
    assert!(refusal(&decide(&ann, &request, "REJECT").await).starts_with("You have decided on this request already"));
    assert_eq!(refusal(&desk.post(&large).await), "This is under review: it waits for its approval.");
    assert_eq!(decide(&bea, &request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    assert_eq!(desk.post(&large).await["bill"]["status"], "POSTED");

    // A rejection says why and ends it; the bill can be mended and asked for anew.
    let wrong = desk.bill("R-3", "2026-05-06", "100.00").await;
    let request = desk.requested(&wrong).await;
    let silent = json!({ "id": request["id"], "verdict": "REJECT" });
    let reply = act(&ann, "approvalRequestDecide", silent, "approvalRequest { id }").await;
    assert_eq!((refusal(&reply), &reply["userErrors"][0]["code"]), ("A rejection says why.", &json!("REQUIRED")));
    assert_eq!(decide(&ann, &request, "REJECT").await["approvalRequest"]["state"], "REJECTED");
    assert_eq!(refusal(&desk.post(&wrong).await), NEEDED);
    assert_eq!(refusal(&decide(&bea, &request, "APPROVE").await), "This request was rejected.");
    assert_eq!(desk.requested(&wrong).await["state"], "PENDING");
    assert_eq!(desk.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_edit_voids_the_approval() {
    let desk = Desk::open().await;
    let (ann, _) = desk.person("Ann", "Approver").await;
    let (bea, _) = desk.person("Bea", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let policy = desk.policy(&chief, json!({})).await;
    let bill = desk.bill("R-1", "2026-01-06", "4900.00").await;
    let one = desk.requested(&bill).await;
    assert_eq!(decide(&ann, &one, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    // Nothing is said otherwise: it stays approved.
    act(&desk.books.accountant, "billUpdate", json!({ "id": bill }), "bill { id }").await;
    assert_eq!(desk.stands(&one).await["state"], "APPROVED");

    assert_eq!(desk.change(&bill, "5100.00").await["userErrors"], json!([]));
    let stands = desk.stands(&one).await;
    assert_eq!((&stands["state"], &stands["endedFor"]), (&json!("VOID"), &json!("EDITED")));
    assert_eq!(refusal(&desk.post(&bill).await), NEEDED);
    let two = desk.requested(&bill).await;
    assert_eq!(two["explanation"], "5,100.00 EUR: band 2, above 5,000.00.");
    // Under review as well; the work item goes with it.
    decide(&ann, &two, "APPROVE").await;
    desk.change(&bill, "5100.01").await;
    assert_eq!(desk.stands(&two).await["state"], "VOID");
    assert!(queue(&ann).await.is_empty());
    assert!(refusal(&decide(&bea, &two, "APPROVE").await).starts_with("This request is void"));
    // Even by a cent less, or a day.
    let three = desk.requested(&bill).await;
    for one in [&ann, &bea] {
        decide(one, &three, "APPROVE").await;
    }
    act(&desk.books.accountant, "billUpdate", json!({ "id": bill, "dueDate": "2026-12-31" }), "bill { id }").await;
    assert_eq!(desk.stands(&three).await["state"], "VOID");

    // Another edition of the policy: while it is under review nothing changes.
    let role = desk.inside.role("Approver").await;
    let input = json!({ "id": policy, "onEdit": "REFUSE", "bands": [{ "steps": [{ "roles": [role] }] }] });
    let updated = act(
        &chief,
        "approvalPolicyUpdate",
        input,
        "approvalPolicy { edition editions { number onEdit bands { number } } }",
    )
    .await;
    assert_eq!(updated["approvalPolicy"]["edition"], 2, "{updated}");
    let four = desk.requested(&bill).await;
    assert_eq!((&four["edition"], &four["explanation"]), (&json!(2), &json!("5,100.01 EUR: band 1, any amount.")));
    assert_eq!(
        refusal(&desk.change(&bill, "1.00").await),
        "This is under review, and stays as it is until that is over or withdrawn."
    );
    let taken = json!({ "id": four["id"] });
    let withdrawn =
        act(&desk.books.accountant, "approvalRequestWithdraw", taken.clone(), "approvalRequest { state }").await;
    assert_eq!(withdrawn["approvalRequest"]["state"], "WITHDRAWN");
    assert_eq!(
        refusal(&act(&desk.books.accountant, "approvalRequestWithdraw", taken, "approvalRequest { id }").await),
        "This request was taken back."
    );
    assert_eq!(desk.change(&bill, "1.00").await["userErrors"], json!([]));
    // Once it is approved, a change voids it.
    let five = desk.requested(&bill).await;
    assert_eq!(decide(&ann, &five, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    desk.change(&bill, "2.00").await;
    assert_eq!(desk.stands(&five).await["state"], "VOID");
    assert_eq!(refusal(&desk.post(&bill).await), NEEDED);
    let told =
        desk.books.accountant.ask("{ events(kinds: [APPROVAL_REQUEST_ENDED]) { nodes { nodeId } } }", json!({})).await;
    let told: Vec<&Value> = told["events"]["nodes"].as_array().unwrap().iter().map(|event| &event["nodeId"]).collect();
    // the first was approved, then void
    assert_eq!(
        told,
        [&one["id"], &one["id"], &two["id"], &three["id"], &three["id"], &four["id"], &five["id"], &five["id"]]
    );
}

#[tokio::test]
async fn three_of_2000_to_one_vendor_within_7_days_count_as_6000() {
    let desk = Desk::open().await;
    let (ann, _) = desk.person("Ann", "Approver").await;
    let (bea, _) = desk.person("Bea", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    desk.policy(&chief, json!({ "splitDays": 7 })).await;
    let first = desk.bill("R-1", "2026-01-05", "2000.00").await;
    let second = desk.bill("R-2", "2026-01-08", "2000.00").await;
    let third = desk.bill("R-3", "2026-01-11", "2000.00").await;
    let one = desk.requested(&first).await;
    assert_eq!(one["explanation"], "2,000.00 EUR: band 1, up to 5,000.00.");
    assert_eq!(decide(&ann, &one, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    assert_eq!(desk.post(&first).await["bill"]["status"], "POSTED");
    let two = desk.requested(&second).await;
    assert_eq!(
        two["explanation"],
        "2 × 2,000.00 to one vendor within 7 days count as 4,000.00 EUR: band 1, up to 5,000.00."
    );
    assert_eq!(decide(&ann, &two, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    let three = desk.requested(&third).await;
    assert_eq!(
        three["explanation"],
        "3 × 2,000.00 to one vendor within 7 days count as 6,000.00 EUR: band 2, above 5,000.00."
    );
    assert_eq!((&three["amount"]["amount"], &three["counted"]["amount"]), (&json!("2000.00"), &json!("6000.00")));
    assert_eq!(three["steps"][0]["needed"], 2);
    // What was approved for less is not enough any more.
    assert_eq!(refusal(&desk.post(&second).await), NEEDED);
    let anew = desk.requested(&second).await;
    assert_eq!(anew["steps"][0]["needed"], 2);
    let before = desk.stands(&two).await;
    assert_eq!((&before["state"], &before["endedFor"]), (&json!("VOID"), &json!("OUTGROWN")));
    for (request, bill) in [(&three, &third), (&anew, &second)] {
        assert_eq!(decide(&ann, request, "APPROVE").await["approvalRequest"]["state"], "PENDING");
        assert_eq!(decide(&bea, request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
        assert_eq!(desk.post(bill).await["bill"]["status"], "POSTED");
    }

    // The seventh day counts, the eighth does not; a day before counts as well as one behind.
    let alone = desk.bill("R-4", "2026-01-18", "4000.00").await;
    assert_eq!(desk.requested(&alone).await["explanation"], "4,000.00 EUR: band 1, up to 5,000.00.");
    let back = desk.bill("R-5", "2026-01-17", "1000.50").await;
    assert_eq!(
        desk.requested(&back).await["explanation"],
        "1,000.50 + 4,000.00 to one vendor within 7 days count as 5,000.50 EUR: band 2, above 5,000.00."
    );
    // Another vendor counts by himself, and a draft that nobody asks about does not count.
    desk.bill("R-6", "2026-06-01", "4999.00").await;
    let lonely = desk.bill("R-7", "2026-06-01", "1200.00").await;
    assert_eq!(desk.requested(&lonely).await["explanation"], "1,200.00 EUR: band 1, up to 5,000.00.");
    let other = made(
        &desk.books.accountant,
        "vendorCreate",
        json!({ "number": "V2", "name": "Ink", "country": "DE" }),
        "vendor",
    )
    .await;
    let input = json!({ "vendor": other, "number": "R-8", "billDate": "2026-01-11", "lines": desk.lines("300.00") });
    let ink = made(&desk.books.accountant, "billCreate", input, "bill").await;
    assert_eq!(desk.requested(&ink).await["explanation"], "300.00 EUR: band 1, up to 5,000.00.");
    // In another currency it counts as what it is worth: bands are those of the books.
    let input = json!({ "vendor": other, "number": "R-9", "billDate": "2026-01-12", "currency": "USD", "exchangeRate": "0.9", "lines": desk.lines("6000.00") });
    let dollars = made(&desk.books.accountant, "billCreate", input, "bill").await;
    assert_eq!(
        desk.requested(&dollars).await["explanation"],
        "300.00 + 5,400.00 to one vendor within 7 days count as 5,700.00 EUR: band 2, above 5,000.00."
    );
    change(&desk.books.accountant, "vendorUpdate", json!({ "id": other, "name": "Ink and more" }), "").await;
}
