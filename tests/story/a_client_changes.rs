//! A client moves, takes another name or another fiscal year. What its books stand on stays.

use serde_json::{Value, json};

use crate::harness::{App, Books};

const UPDATE: &str = "mutation($input: ClientUpdateInput!) { clientUpdate(input: $input) {
    client { name country currency timeZone vatNumber fiscalYearStartMonth version } userErrors { code field message } } }";
const YEAR: &str = "mutation($input: FiscalYearCreateInput!) { fiscalYearCreate(input: $input) {
    fiscalYear { name startsOn endsOn } userErrors { code field message } } }";

#[tokio::test]
async fn master_data_changes_and_what_is_omitted_stays() {
    let app = App::start();
    let Books { administrator, client, accountant, .. } = app.with_books().await;
    let inside = administrator.enter(&client).await;
    assert_eq!(accountant.send(UPDATE, json!({ "input": { "name": "Mine" } })).await.code(), "FORBIDDEN");
    assert_eq!(administrator.send(UPDATE, json!({ "input": { "name": "Mine" } })).await.code(), "BAD_USER_INPUT");

    let moved = json!({ "input": { "name": "Alpha Trading Ltd", "country": "PT", "timeZone": "Europe/Lisbon", "vatNumber": "PT123456789", "expectedVersion": 1 } });
    let mut expected = json!({ "name": "Alpha Trading Ltd", "country": "PT", "currency": "EUR", "timeZone": "Europe/Lisbon",
                               "vatNumber": "PT123456789", "fiscalYearStartMonth": 1, "version": 2 });
    assert_eq!(inside.dry().ask(UPDATE, moved.clone()).await["clientUpdate"]["client"], expected);
    assert_eq!(inside.ask(UPDATE, moved.clone()).await["clientUpdate"]["client"], expected);
    let stale = inside.refused(UPDATE, moved).await;
    assert_eq!((&stale[0]["code"], &stale[0]["field"]), (&json!("CONFLICT"), &json!(["input", "expectedVersion"])));

    expected["vatNumber"] = Value::Null;
    expected["version"] = json!(3);
    assert_eq!(inside.ask(UPDATE, json!({ "input": { "vatNumber": null } })).await["clientUpdate"]["client"], expected);
    for (input, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "name": "x".repeat(201) }), "name"),
        (json!({ "vatNumber": "x".repeat(33) }), "vatNumber"),
        (json!({ "fiscalYearStartMonth": 13 }), "fiscalYearStartMonth"),
    ] {
        let reasons = inside.refused(UPDATE, json!({ "input": input })).await;
        assert_eq!((&reasons[0]["code"], &reasons[0]["field"]), (&json!("INVALID"), &json!(["input", field])));
    }
    for wrong in [
        json!({ "timeZone": "Mars/Olympus" }),
        json!({ "country": "XX1" }),
        json!({ "currency": "USD" }),
        json!({ "name": null, "currency": "EUR" }),
    ] {
        let reply = inside.send(UPDATE, json!({ "input": wrong })).await;
        assert_ne!(reply.code(), "OK", "{wrong}: {}", reply.text);
    }
    let trail = inside
        .ask(
            "query($id: ID!) { auditTrail(node: $id, first: 1) { nodes { actorName before after } } }",
            json!({ "id": client }),
        )
        .await;
    let newest = &trail["auditTrail"]["nodes"][0];
    assert_eq!((&newest["actorName"], &newest["after"]["vat_number"]), (&json!("Ada Admin"), &Value::Null), "{trail}");
    let names = administrator.ask("{ clients { nodes { name timeZone } } }", json!({})).await;
    assert_eq!(names["clients"]["nodes"][0], json!({ "name": "Alpha Trading Ltd", "timeZone": "Europe/Lisbon" }));
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn another_fiscal_year_begins_behind_a_short_one() {
    let app = App::start();
    let Books { administrator, client, accountant, .. } = app.with_books().await;
    let inside = administrator.enter(&client).await;
    let july = json!({ "input": { "fiscalYearStartMonth": 7 } });
    let reasons = inside.refused(UPDATE, july.clone()).await;
    assert_eq!(
        (&reasons[0]["code"], &reasons[0]["field"]),
        (&json!("STATE"), &json!(["input", "fiscalYearStartMonth"]))
    );
    assert!(reasons[0]["message"].as_str().unwrap().contains("2027-01-01"), "{reasons}");

    let short = accountant.ask(YEAR, json!({ "input": { "endsOn": "2027-06-30" } })).await;
    assert_eq!(short["fiscalYearCreate"]["fiscalYear"]["startsOn"], "2027-01-01", "{short}");
    let changed = inside.ask(UPDATE, july).await;
    assert_eq!(changed["clientUpdate"]["client"]["fiscalYearStartMonth"], 7);
    let next = accountant.ask(YEAR, json!({ "input": {} })).await;
    assert_eq!(
        next["fiscalYearCreate"]["fiscalYear"],
        json!({ "name": "2027/28", "startsOn": "2027-07-01", "endsOn": "2028-06-30" })
    );
    // The month that it is already needs no year.
    inside.ask(UPDATE, json!({ "input": { "fiscalYearStartMonth": 7 } })).await;
    let back = inside.refused(UPDATE, json!({ "input": { "fiscalYearStartMonth": 1 } })).await;
    assert_eq!(back[0]["code"], "STATE");
}
