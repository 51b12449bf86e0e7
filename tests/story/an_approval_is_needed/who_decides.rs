//! Who decides and who does not: makers, their delegates, second accounts and programs; delegates within their limit;
//! stages; rights that are lost in the middle; time that is over; policies that cannot be.

use chrono::{Duration, Utc};
use serde_json::{Value, json};

use super::{Desk, act, decide, inbox, queue, refusal};
use crate::walls::furnished::{change, made};

const MAKER: &str =
    "Whoever has made or changed something, or asked for its approval, does not decide on it, by no account.";

fn uuid(id: &str) -> &str {
    id.rsplit_once('_').unwrap().1
}

fn day(offset: i64) -> String {
    (Utc::now() + Duration::days(offset)).date_naive().to_string()
}

#[tokio::test]
async fn whoever_made_it_never_approves_it() {
    let desk = Desk::open().await;
    let (ann, ann_id) = desk.person("Ann", "Approver").await;
    let (bea, bea_id) = desk.person("Bea", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    desk.policy(&chief, json!({})).await;
    // Konrad makes the bills, and holds the role that approves them.
    let konrad = &desk.books.accountant;
    desk.inside.grant(&desk.books.accountant_id, "Approver", "2026-01-01", None).await;
    let bill = desk.bill("R-1", "2026-01-06", "100.00").await;
    let request = desk.requested(&bill).await;
    assert_eq!(refusal(&decide(konrad, &request, "APPROVE").await), MAKER);
    assert!(inbox(konrad).await.is_empty());

    // A second account of his, at the same mailbox, or one that was said to be his.
    let user = desk.books.administrator.staff("konrad+two@firm.example", "Konrad Two").await;
    desk.inside.grant(&user, "Approver", "2026-01-01", None).await;
    let second = desk.app.sign_in("konrad+two@firm.example").await.enter(&desk.books.client).await;
    assert_eq!(refusal(&decide(&second, &request, "APPROVE").await), MAKER);
    let (private, private_id) = desk.person("Kurt", "Approver").await;
    assert_eq!(inbox(&private).await.len(), 1);
    let one = json!({ "user": private_id, "other": desk.books.accountant_id });
    let known = change(&desk.books.administrator, "userSamePersonSet", one, "person { userIds }").await;
    assert_eq!(known["person"]["userIds"].as_array().unwrap().len(), 2);
    assert_eq!(refusal(&decide(&private, &request, "APPROVE").await), MAKER);
    assert!(inbox(&private).await.is_empty());

    // His delegate, who could approve in his own right.
    let until = day(10);
    let given =
        made(konrad, "approvalDelegationCreate", json!({ "delegate": bea_id, "until": until }), "approvalDelegation")
            .await;
    assert_eq!(
        refusal(&decide(&bea, &request, "APPROVE").await),
        "The delegate of whoever has made it does not decide on it."
    );
    assert!(inbox(&bea).await.is_empty());
    change(konrad, "approvalDelegationEnd", json!({ "id": given }), "").await;
    assert_eq!(inbox(&bea).await.len(), 1);

    // Whoever changes it becomes a maker; whoever asks for it as well.
    let other = desk.bill("R-2", "2026-03-06", "100.00").await;
    desk.inside.grant(&ann_id, "Accountant", "2026-01-01", None).await;
    act(&ann, "billUpdate", json!({ "id": other, "number": "R-2a" }), "bill { id }").await;
    let asked = desk.requested(&other).await;
    assert_eq!(refusal(&decide(&ann, &asked, "APPROVE").await), MAKER);
    assert_eq!(decide(&bea, &asked, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    let third = desk.bill("R-3", "2026-05-06", "100.00").await;
    let asked = super::ask(&ann, &third).await["approvalRequest"].clone();
    assert_eq!(refusal(&decide(&ann, &asked, "APPROVE").await), MAKER);

    // A program decides nothing; what one has made is the work of whoever has made its account.
    let robot = json!({ "name": "Robot", "scopes": ["APPROVAL_DECIDE", "APPROVAL_REQUEST", "BILL_DRAFT", "BILL_READ", "APPROVAL_READ"],
                        "expiresAt": (Utc::now() + Duration::days(3)).to_rfc3339() });
    let (owner, owner_id) = desk.person("Olga", "Approver").await;
    let keys = json!({ "name": "Keys", "permissions": ["SERVICE_ACCOUNT_MANAGE", "BILL_DRAFT", "BILL_READ", "APPROVAL_REQUEST", "APPROVAL_READ", "APPROVAL_DECIDE"] });
    made(&desk.inside, "roleCreate", keys, "role").await;
    desk.inside.grant(&owner_id, "Keys", "2026-01-01", None).await;
    let made_it = act(&owner, "serviceAccountCreate", robot, "clientId clientSecret").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", made_it["clientId"].as_str().unwrap()),
        ("client_secret", made_it["clientSecret"].as_str().unwrap()),
    ];
    let answer = reqwest::Client::new().post(desk.app.url("/oauth/token")).form(&form).send().await.unwrap();
    let token: Value = answer.json().await.unwrap();
    let robot = desk.app.client().with_token(token["access_token"].as_str().unwrap());
    let input =
        json!({ "vendor": desk.vendor, "number": "R-4", "billDate": "2026-07-06", "lines": desk.lines("100.00") });
    let programs = made(&robot, "billCreate", input, "bill").await;
    let asked = super::ask(&robot, &programs).await["approvalRequest"].clone();
    assert_eq!(
        refusal(&decide(&robot, &asked, "APPROVE").await),
        "Only people decide on approvals, not service accounts."
    );
    assert_eq!(refusal(&decide(&owner, &asked, "APPROVE").await), MAKER);
    assert_eq!(decide(&bea, &asked, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    // The server's own role in the database cannot approve anything past the function.
    for statement in [
        "UPDATE practice.approval_request SET state = 'approved'",
        "INSERT INTO practice.approval_decision (tenant_id) VALUES (gen_random_uuid())",
        "UPDATE practice.approval_request_step SET state = 'approved'",
    ] {
        let refused = desk.app.database.past_the_server("backoffice_app", |connection| {
            diesel::RunQueryDsl::execute(diesel::sql_query(statement), connection).unwrap_err().to_string()
        });
        assert!(refused.contains("permission denied"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn a_delegate_decides_within_his_own_limit_and_days() {
    let desk = Desk::open().await;
    let (ann, ann_id) = desk.person("Ann", "Approver").await;
    let (bea, bea_id) = desk.person("Bea", "Approver").await;
    // Dora may decide, but no step names her.
    let (dora, dora_id) = desk.person("Dora", "Reader").await;
    let (chief, chief_id) = desk.person("Carla", "Chief").await;
    desk.policy(&chief, json!({})).await;
    let large = desk.bill("R-1", "2026-01-06", "6000.00").await;
    let small = desk.bill("R-2", "2026-03-06", "1000.00").await;
    let (large, small) = (desk.requested(&large).await, desk.requested(&small).await);
    assert_eq!(refusal(&decide(&dora, &small, "APPROVE").await), "This is not yours to decide.");
    assert!(inbox(&dora).await.is_empty());
    let limit = json!({ "delegate": dora_id, "limit": { "amount": "1000.00" }, "until": day(10) });
    let given = act(
        &ann,
        "approvalDelegationCreate",
        limit,
        "approvalDelegation { id delegatorName delegateName limit { amount currency } from until }",
    )
    .await;
    assert_eq!(given["approvalDelegation"]["limit"], json!({ "amount": "1000.00", "currency": "EUR" }), "{given}");
    assert_eq!(
        (&given["approvalDelegation"]["delegatorName"], &given["approvalDelegation"]["delegateName"]),
        (&json!("Ann"), &json!("Dora"))
    );
    assert_eq!(refusal(&decide(&dora, &large, "APPROVE").await), "This is beyond what was delegated to you.");
    let waiting = inbox(&dora).await;
    assert_eq!((waiting.len(), &waiting[0]["inPlaceOf"]), (1, &json!(ann_id)));
    let done = decide(&dora, &small, "APPROVE").await["approvalRequest"].clone();
    assert_eq!((&done["state"], &done["decisions"][0]["inPlaceOf"]), (&json!("APPROVED"), &json!(ann_id)), "{done}");
    // What she has decided in Ann's place, Ann has decided: one seat, one voice.
    let two = desk.bill("R-3", "2026-05-06", "7000.00").await;
    let two = desk.requested(&two).await;
    change(&bea, "approvalDelegationCreate", json!({ "delegate": dora_id, "subject": "BILL", "until": day(10) }), "")
        .await;
    assert_eq!(decide(&bea, &two, "APPROVE").await["approvalRequest"]["state"], "PENDING");
    assert_eq!(refusal(&decide(&dora, &two, "APPROVE").await), "This is beyond what was delegated to you.");
    assert_eq!(decide(&ann, &two, "APPROVE").await["approvalRequest"]["state"], "APPROVED");

    // A circle, also over a third one, is refused; on days that do not meet there is none.
    let back = |to: &str, from: &str, until: &str| json!({ "delegate": to, "from": from, "until": until });
    let circle = "These delegations would come back to their beginning.";
    let (today, later, after) = (day(0), day(10), day(20));
    let refused =
        act(&dora, "approvalDelegationCreate", back(&ann_id, &today, &later), "approvalDelegation { id }").await;
    assert_eq!(refusal(&refused), circle);
    change(&dora, "approvalDelegationCreate", back(&chief_id, &today, &later), "").await;
    let refused =
        act(&chief, "approvalDelegationCreate", back(&bea_id, &today, &after), "approvalDelegation { id }").await;
    assert_eq!(refusal(&refused), circle);
    change(&chief, "approvalDelegationCreate", back(&bea_id, &later, &after), "").await;
    // What was delegated to Dora is not passed on to the chief.
    let three = desk.bill("R-4", "2026-07-06", "500.00").await;
    let three = desk.requested(&three).await;
    assert_eq!(refusal(&decide(&chief, &three, "APPROVE").await), "This is not yours to decide.");

    // When its days are over, and when the delegator loses what he delegated, the delegate has nothing.
    assert_eq!(inbox(&dora).await.len(), 2, "the small one, and the large one in Bea's place");
    let tenant = uuid(&desk.books.client).to_owned();
    desk.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}'); SET session_replication_role = replica;
         UPDATE practice.approval_delegation SET from_on = current_date - 9, until_on = current_date - 1
          WHERE tenant_id = '{tenant}' AND delegator_id = '{}'",
        uuid(&bea_id)
    ));
    assert_eq!(inbox(&dora).await.len(), 1);
    desk.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         UPDATE identity.access_grant SET ended_at = now() WHERE tenant_id = '{tenant}' AND account_id = '{}'",
        uuid(&ann_id)
    ));
    assert!(inbox(&dora).await.is_empty());
    assert_eq!(refusal(&decide(&dora, &three, "APPROVE").await), "This is not yours to decide.");
    // Bad input.
    for (input, field) in [
        (json!({ "delegate": dora_id, "until": day(5) }), "delegate"),
        (json!({ "delegate": bea_id, "until": day(0) }), "until"),
        (json!({ "delegate": bea_id, "until": day(400) }), "until"),
        (json!({ "delegate": bea_id, "until": day(5), "limit": { "amount": "0" } }), "limit"),
        (json!({ "delegate": ann_id, "until": day(5) }), "delegate"),
    ] {
        let refused = act(&dora, "approvalDelegationCreate", input, "approvalDelegation { id }").await;
        assert_eq!(refused["userErrors"][0]["field"][1], field, "{refused}");
    }
}

#[tokio::test]
async fn who_loses_the_right_in_the_middle_decides_nothing() {
    let desk = Desk::open().await;
    let (ann, ann_id) = desk.person("Ann", "Approver").await;
    let (bea, bea_id) = desk.person("Bea", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let policy = desk.policy(&chief, json!({})).await;
    let bill = desk.bill("R-1", "2026-01-06", "6000.00").await;
    let request = desk.requested(&bill).await;
    assert_eq!((inbox(&ann).await.len(), inbox(&bea).await.len()), (1, 1));
    let tenant = uuid(&desk.books.client).to_owned();
    let lay = |statement: String| desk.app.database.lay(&format!("SELECT core.set_tenant('{tenant}'); {statement}"));
    // The role, while another one still gives the right.
    desk.inside.grant(&ann_id, "Reader", "2026-01-01", None).await;
    let role = desk.inside.role("Approver").await;
    lay(format!(
        "UPDATE identity.access_grant SET ended_at = now() WHERE tenant_id = '{tenant}' AND account_id = '{}' AND role_id = '{}'",
        uuid(&ann_id),
        uuid(&role)
    ));
    assert_eq!(refusal(&decide(&ann, &request, "APPROVE").await), "This is not yours to decide.");
    assert!(inbox(&ann).await.is_empty());
    // A role that denies it.
    made(&desk.inside, "roleCreate", json!({ "name": "No more", "permissions": ["APPROVAL_DECIDE"] }), "role").await;
    let denied =
        json!({ "user": bea_id, "role": desk.inside.role("No more").await, "effect": "DENY", "from": "2026-01-01" });
    let grant = made(&desk.inside, "grantCreate", denied, "grant").await;
    let query =
        "mutation($id: ID!) { approvalRequestDecide(input: { id: $id, verdict: APPROVE }) { userErrors { message } } }";
    let reply = bea.send(query, json!({ "id": request["id"] })).await;
    assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
    change(&desk.inside, "grantEnd", json!({ "id": grant }), "").await;
    assert_eq!(decide(&bea, &request, "APPROVE").await["approvalRequest"]["state"], "PENDING");
    // What was decided while one could stays decided; a request keeps the edition that it was started under.
    let input = json!({ "id": policy, "bands": [{ "steps": [{ "needed": 1, "people": [bea_id] }] }] });
    change(&chief, "approvalPolicyUpdate", input, "").await;
    assert_eq!(desk.stands(&request).await["edition"], 1);
    assert_eq!(refusal(&desk.post(&bill).await), "This is under review: it waits for its approval.");
    let (cyd, _) = desk.person("Cyd", "Approver").await;
    assert_eq!(decide(&cyd, &request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    assert_eq!(desk.post(&bill).await["bill"]["status"], "POSTED");
}

#[tokio::test]
async fn stages_follow_each_other_and_call_for_help() {
    let desk = Desk::open().await;
    let (ann, ann_id) = desk.person("Ann", "Approver").await;
    let (bea, bea_id) = desk.person("Bea", "Approver").await;
    let (cyd, cyd_id) = desk.person("Cyd", "Approver").await;
    let (dora, dora_id) = desk.person("Dora", "Reader").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let reader = desk.inside.role("Reader").await;
    let bands = json!([{ "above": "100", "steps": [
        { "stage": 1, "needed": 2, "people": [ann_id, bea_id, cyd_id] },
        { "stage": 1, "people": [dora_id] },
        { "stage": 2, "roles": [desk.inside.role("Chief").await], "escalateAfterHours": 24, "escalateTo": [reader] },
    ] }]);
    desk.policy(&chief, json!({ "bands": bands, "expiresAfterHours": 48 })).await;
    // Up to 100 nothing is needed.
    let little = desk.bill("R-0", "2026-01-06", "100.00").await;
    assert_eq!(desk.post(&little).await["bill"]["status"], "POSTED");

    let bill = desk.bill("R-1", "2026-01-06", "2500.00").await;
    let request = desk.requested(&bill).await;
    let states = |request: &Value| -> Vec<String> {
        request["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&request), ["OPEN", "OPEN", "WAITING"]);
    assert!(request["expiresAt"].is_string());
    assert!(inbox(&chief).await.is_empty());
    assert_eq!(refusal(&decide(&chief, &request, "APPROVE").await), "This is not yours to decide.");
    assert_eq!(queue(&ann).await.len(), 2, "a place for each open step");
    decide(&ann, &request, "APPROVE").await;
    let now = decide(&dora, &request, "APPROVE").await["approvalRequest"].clone();
    assert_eq!(states(&now), ["OPEN", "APPROVED", "WAITING"]);
    let wrong = json!({ "id": request["id"], "verdict": "APPROVE", "step": 3 });
    assert_eq!(
        refusal(&act(&cyd, "approvalRequestDecide", wrong, "approvalRequest { id }").await),
        "This request has no such step that is open."
    );
    let now = decide(&cyd, &request, "APPROVE").await["approvalRequest"].clone();
    assert_eq!(states(&now), ["APPROVED", "APPROVED", "OPEN"]);
    assert!(refusal(&decide(&bea, &request, "APPROVE").await).contains("not yours"), "her step is over");
    assert_eq!((inbox(&chief).await.len(), inbox(&dora).await.len()), (1, 0));
    // After a day those who are called for help decide as well, also before any job has run; Dora has decided already.
    let tenant = uuid(&desk.books.client).to_owned();
    let (helper, _) = desk.person("Hugo", "Reader").await;
    assert!(inbox(&helper).await.is_empty());
    desk.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         UPDATE practice.approval_request_step SET escalate_at = now() - interval '1 minute' WHERE tenant_id = '{tenant}' AND state = 'open'"
    ));
    assert_eq!((inbox(&helper).await.len(), inbox(&dora).await.len()), (1, 0));
    let workers = desk.app.database.workers(1);
    lapse(&desk).await;
    let priority =
        desk.app.database.lines("postgres", "SELECT priority AS line FROM practice.work_item WHERE closed_at IS NULL");
    assert_eq!(priority, ["urgent"]);
    // Two days are over: nobody approves any more, whether the job has run or not.
    desk.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         UPDATE practice.approval_request SET expires_at = now() - interval '1 second' WHERE tenant_id = '{tenant}'"
    ));
    let over = "This request has expired; ask for the approval anew.";
    assert_eq!(refusal(&decide(&helper, &request, "APPROVE").await), over);
    assert!(inbox(&helper).await.is_empty());
    lapse(&desk).await;
    let now = desk.stands(&request).await;
    assert_eq!((&now["state"], &now["endedFor"]), (&json!("EXPIRED"), &json!("EXPIRED")));
    assert_eq!(states(&now), ["APPROVED", "APPROVED", "CLOSED"]);
    assert!(queue(&ann).await.is_empty());
    assert_eq!(refusal(&decide(&chief, &request, "APPROVE").await), over);
    assert_eq!(refusal(&desk.post(&bill).await), super::NEEDED);
    let told =
        desk.books.accountant.ask("{ events(kinds: [APPROVAL_REQUEST_ENDED]) { nodes { nodeId } } }", json!({})).await;
    assert_eq!(told["events"]["nodes"], json!([{ "nodeId": request["id"] }]));
    assert_eq!(desk.requested(&bill).await["state"], "PENDING");
    drop(workers);
}

/// Has the provider's job run once, and waits until it has.
async fn lapse(desk: &Desk) {
    let job = uuid::Uuid::now_v7();
    desk.app
        .database
        .lay(&format!("SELECT core.enqueue_provider_job('{job}', 'practice.lapse_approvals', '{{}}', NULL)"));
    let begun = std::time::Instant::now();
    while desk
        .app
        .database
        .count(&format!("SELECT count(*) FROM core.provider_job WHERE id = '{job}' AND state = 'succeeded'"))
        == 0
    {
        assert!(
            begun.elapsed().as_secs() < 60,
            "{:?}",
            desk.app.database.lines("postgres", "SELECT state || coalesce(error, '') AS line FROM core.provider_job")
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_is_refused() {
    let desk = Desk::open().await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let (_, ann_id) = desk.person("Ann", "Approver").await;
    let role = desk.inside.role("Approver").await;
    let steps = json!([{ "roles": [role] }]);
    let band = |above: Value, up_to: Value| json!({ "above": above, "upTo": up_to, "steps": steps });
    let stranger = format!("usr_{}", uuid::Uuid::now_v7().simple());
    for (bands, field, message) in [
        (
            json!([band(json!("0"), json!("5000")), band(json!("4000"), json!(null))]),
            "1",
            "This band overlaps another one of its currency.",
        ),
        (
            json!([band(json!(null), json!("5000")), band(json!("5000.01"), json!(null))]),
            "1",
            "Between this band and the one below it there is a gap.",
        ),
        (
            json!([band(json!(null), json!("5000"))]),
            "0",
            "The last band of a currency has no end, otherwise nothing is said of what lies above it.",
        ),
        (
            json!([band(json!("5000"), json!("5000")), band(json!("5000"), json!(null))]),
            "0",
            "A band ends above where it begins.",
        ),
        (
            json!([{ "currency": "USD", "steps": steps }]),
            "bands",
            "The currency of the books has no band: other currencies are counted in it.",
        ),
        (json!([]), "bands", "A policy has one band at least."),
        (json!([{ "steps": [] }]), "0", "A band has 1 to 20 steps."),
        (json!([{ "steps": [{ "stage": 2, "roles": [role] }] }]), "0", "Stages are counted from 1, none is left out."),
        (
            json!([{ "steps": [{ "needed": 2, "people": [ann_id] }] }]),
            "0",
            "A step needs one approval at least, and no more than there are people named, at most 20.",
        ),
        (
            json!([{ "steps": [{ "people": [stranger] }] }]),
            "0",
            "There is no such person who may decide on approvals of this client.",
        ),
        (
            json!([{ "steps": [{ "roles": [format!("rol_{}", uuid::Uuid::now_v7().simple())] }] }]),
            "0",
            "There is no such role.",
        ),
        (json!([{ "steps": [{ "people": [ann_id, ann_id] }] }]), "0", "Each person is named once."),
        (
            json!([{ "steps": [{ "roles": [role], "escalateAfterHours": 3 }] }]),
            "0",
            "A step that escalates says after how many hours, and to which roles.",
        ),
    ] {
        let input = json!({ "subject": "BILL", "name": "Bills", "bands": bands });
        let refused = act(&chief, "approvalPolicyCreate", input, "approvalPolicy { id }").await;
        assert_eq!(refusal(&refused), message, "{bands}");
        let path = &refused["userErrors"][0]["field"];
        assert!(path[2] == field || path[1] == field, "{refused}");
    }
    let policy = desk.policy(&chief, json!({})).await;
    let twice = json!({ "subject": "BILL", "name": "More", "bands": [{ "steps": steps }] });
    let refused = act(&chief, "approvalPolicyCreate", twice, "approvalPolicy { id }").await;
    assert_eq!(refused["userErrors"][0]["code"], "DUPLICATE");
    // By hand the database refuses it as well.
    let tenant = uuid(&desk.books.client).to_owned();
    let gap = format!(
        "SELECT core.set_tenant('{tenant}');
         INSERT INTO practice.approval_band (tenant_id, id, edition_id, number, currency, above)
         SELECT tenant_id, gen_random_uuid(), id, 9, 'EUR', 7000 FROM practice.approval_edition"
    );
    let refused = desk.app.database.past_the_server("backoffice_owner", |connection| {
        diesel::connection::SimpleConnection::batch_execute(connection, &format!("BEGIN; {gap}; COMMIT"))
            .unwrap_err()
            .to_string()
    });
    assert!(refused.contains("bands overlap or leave a gap"), "{refused}");

    // A policy that ends takes its requests with it, and what it covered works as before.
    let bill = desk.bill("R-1", "2026-01-06", "100.00").await;
    let request = desk.requested(&bill).await;
    let shown = chief.ask("{ approvalPolicies { nodes { id edition editions { bands { number above { amount } upTo { amount } steps { needed approvers { name roleId } } } } } totalCount } }", json!({})).await;
    let edition = &shown["approvalPolicies"]["nodes"][0]["editions"][0];
    assert_eq!(edition["bands"][1]["above"]["amount"], "5000.00");
    assert_eq!(
        edition["bands"][1]["steps"][0],
        json!({ "needed": 2, "approvers": [{ "name": "Approver", "roleId": role }] })
    );
    change(&chief, "approvalPolicyEnd", json!({ "id": policy }), "").await;
    let now = desk.stands(&request).await;
    assert_eq!((&now["state"], &now["endedFor"]), (&json!("VOID"), &json!("POLICY_ENDED")));
    assert_eq!(desk.post(&bill).await["bill"]["status"], "POSTED");
}

#[tokio::test]
async fn the_provider_prepares_and_the_client_approves() {
    let desk = Desk::open().await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    let invited = act(
        &desk.inside,
        "userInvite",
        json!({ "email": "owner@alpha.example", "name": "Otto Owner", "role": desk.inside.role("Portal").await }),
        "token",
    )
    .await;
    let accepted = json!({ "token": invited["token"], "password": crate::harness::PASSWORD });
    change(&desk.app.client(), "invitationAccept", accepted, "").await;
    let otto = desk.app.sign_in("owner@alpha.example").await.enter(&desk.books.client).await;
    let otto_id = otto.ask("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
    let bands = json!([{ "steps": [{ "people": [otto_id] }] }]);
    desk.policy(&chief, json!({ "bands": bands })).await;
    let bill = desk.bill("R-1", "2026-01-06", "100.00").await;
    let request = desk.requested(&bill).await;
    let waiting = inbox(&otto).await;
    assert_eq!((waiting.len(), &waiting[0]["title"]), (1, &json!("Bill R-1 of Paper Mill")));
    // He sees what it is about; the record itself only with the right to it.
    let query = "query($id: ID!) { approvalRequest(id: $id) { explanation amount { amount } steps { state } } }";
    let seen = otto.ask(query, json!({ "id": request["id"] })).await;
    assert_eq!(seen["approvalRequest"]["explanation"], "100.00 EUR: band 1, any amount.");
    let record = otto
        .send("query($id: ID!) { approvalRequest(id: $id) { record { id } } }", json!({ "id": request["id"] }))
        .await;
    assert_eq!(record.code(), "FORBIDDEN", "{}", record.text);
    assert_eq!(refusal(&decide(&chief, &request, "APPROVE").await), "This is not yours to decide.");
    assert_eq!(decide(&otto, &request, "APPROVE").await["approvalRequest"]["state"], "APPROVED");
    assert_eq!(desk.post(&bill).await["bill"]["status"], "POSTED");
}

#[tokio::test]
async fn one_inbox_over_all_clients() {
    let desk = Desk::open().await;
    let (_, ann_id) = desk.person("Ann", "Approver").await;
    let (chief, _) = desk.person("Carla", "Chief").await;
    desk.policy(&chief, json!({})).await;
    for number in 1..=3 {
        let bill = desk.bill(&format!("R-{number}"), "2026-01-06", "100.00").await;
        desk.requested(&bill).await;
    }
    let ann = desk.app.sign_in("ann@firm.example").await;
    let waiting = inbox(&ann).await;
    assert_eq!(waiting.len(), 3);
    assert!(waiting.iter().all(|one| one["clientName"] == "Alpha Trading"));
    let mut seen = Vec::new();
    let mut after = Value::Null;
    for _ in 0..3 {
        let page = ann.ask("query($after: String) { approvalInbox(first: 1, after: $after) { nodes { requestId } pageInfo { endCursor hasNextPage } } }", json!({ "after": after })).await;
        seen.push(page["approvalInbox"]["nodes"][0]["requestId"].clone());
        after = page["approvalInbox"]["pageInfo"]["endCursor"].clone();
        assert_eq!(page["approvalInbox"]["pageInfo"]["hasNextPage"], seen.len() < 3);
    }
    assert_eq!(seen, waiting.iter().map(|one| one["requestId"].clone()).collect::<Vec<_>>());
    // Whoever loses the grant loses the rows at once.
    let tenant = uuid(&desk.books.client).to_owned();
    desk.app.database.lay(&format!(
        "SELECT core.set_tenant('{tenant}');
         UPDATE identity.access_grant SET ended_at = now() WHERE tenant_id = '{tenant}' AND account_id = '{}'",
        uuid(&ann_id)
    ));
    assert!(inbox(&ann).await.is_empty());
}
