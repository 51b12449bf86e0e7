//! Auditors draw samples from the journal by a seed of their own, which anybody can do once more from what was exported, and
//! begin with lead schedules.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{App, Books, Client};
use crate::nordwind;
use crate::walls::furnished::made;

const DRAW: &str = "mutation($input: AuditSampleDrawInput!) { auditSampleDraw(input: $input) { auditSample {
    id seed size population populationAmount { amount currency } recordedSince drawnByName account { code } }
    userErrors { code field message } } }";
const ITEMS: &str = "query($sample: ID!) { auditSampleItems(sample: $sample, first: 100) { totalCount nodes {
    place hits amount { amount } entry { id number } } } }";

async fn drawn(client: &Client, input: Value) -> Value {
    let done = client.ask(DRAW, json!({ "input": input })).await["auditSampleDraw"].clone();
    assert_eq!(done["userErrors"], json!([]), "{done}");
    done["auditSample"].clone()
}

/// Number, amount and pointers of each entry of a sample.
async fn items(client: &Client, sample: &Value) -> Vec<(String, String, i64)> {
    let found = client.ask(ITEMS, json!({ "sample": sample["id"] })).await["auditSampleItems"].clone();
    let nodes = found["nodes"].as_array().unwrap();
    assert_eq!(found["totalCount"], json!(nodes.len()));
    nodes
        .iter()
        .enumerate()
        .map(|(at, node)| {
            assert_eq!(node["place"], json!(at + 1));
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&node["entry"]["number"]), text(&node["amount"]["amount"]), node["hits"].as_i64().unwrap())
        })
        .collect()
}

/// Posts an entry on that day between two accounts; gives its number.
async fn posted(client: &Client, date: &str, debit: &str, credit: &str, amount: &str) -> String {
    let made = nordwind::post(client, date, (debit, amount), (credit, amount)).await;
    let id = made["journalEntry"]["id"].clone();
    let told = client.ask("query($id: ID!) { journalEntry(id: $id) { number } }", json!({ "id": id })).await;
    told["journalEntry"]["number"].as_str().unwrap().to_owned()
}

fn february(method: &str, size: i32, seed: &str) -> Value {
    json!({ "name": "Payments of February", "from": "2026-02-01", "to": "2026-02-28", "method": method, "size": size, "seed": seed })
}

fn ticket(seed: &str, number: &str) -> String {
    Sha256::digest(format!("{seed}:{number}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn anybody_draws_the_same_once_more() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let mut numbers = Vec::new();
    for n in 1..=12 {
        numbers.push(posted(client, &format!("2026-02-{n:02}"), "6815", "1600", &format!("{n}0.00")).await);
    }
    posted(client, "2026-03-01", "6815", "1600", "999.00").await;
    let sample = drawn(client, february("RANDOM", 5, "an auditor's word")).await;
    assert_eq!((&sample["population"], &sample["recordedSince"]), (&json!(12), &json!(0)));
    assert_eq!(sample["populationAmount"], json!({ "amount": "780.00", "currency": "EUR" }));
    assert_eq!(sample["drawnByName"], "Konrad Konto");

    // What the numbers of the exported journal and the seed give by themselves.
    let mut tickets: Vec<(String, &String)> =
        numbers.iter().map(|number| (ticket("an auditor's word", number), number)).collect();
    tickets.sort();
    let expected: Vec<&String> = tickets.iter().take(5).map(|(_, number)| *number).collect();
    let found = items(client, &sample).await;
    assert_eq!(found.iter().map(|(number, ..)| number).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|(.., hits)| *hits == 1));

    // What is recorded behind it is told, and not drawn.
    posted(client, "2026-02-15", "6815", "1600", "5.00").await;
    let told = client
        .ask("query($id: ID!) { auditSample(id: $id) { recordedSince population } }", json!({ "id": sample["id"] }))
        .await;
    assert_eq!(told["auditSample"], json!({ "recordedSince": 1, "population": 12 }));
    assert_eq!(items(client, &sample).await, found);
    let all = drawn(client, february("RANDOM", 13, "an auditor's word")).await;
    assert_eq!(items(client, &all).await.len(), 13);

    // Evidence is asked for beside the entry that was drawn.
    let first = client.ask(ITEMS, json!({ "sample": sample["id"] })).await["auditSampleItems"]["nodes"][0].clone();
    let input = json!({ "kind": "CLIENT_REQUEST", "title": "Receipt of this entry", "record": first["entry"]["id"] });
    let item = made(client, "workItemCreate", input, "workItem").await;
    let about = client.ask("query($id: ID!) { workItem(id: $id) { record { id } } }", json!({ "id": item })).await;
    assert_eq!(about["workItem"]["record"]["id"], first["entry"]["id"]);

    // Whoever audits reads it and draws nothing.
    let auditor = auditor(&app, &books).await;
    assert_eq!(items(&auditor, &sample).await, found);
    let reply = auditor.send(DRAW, json!({ "input": february("RANDOM", 1, "x") })).await;
    assert_eq!(reply.body["errors"][0]["extensions"]["code"], "FORBIDDEN", "{}", reply.text);
}

async fn auditor(app: &App, books: &Books) -> Client {
    let user = books.administrator.staff("ada@audit.example", "Ada Prüf").await;
    let there = books.administrator.enter(&books.client).await;
    there.grant(&user, "Auditor", "2026-01-01", Some("2027-01-01")).await;
    app.sign_in("ada@audit.example").await.enter(&books.client).await
}

#[tokio::test]
async fn each_unit_of_money_has_the_same_chance() {
    let (_app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    // 1,000 in ten parts of 100: wherever in its part a pointer stands, three entries have one each, and one has seven.
    let mut numbers = Vec::new();
    for (day, amount) in
        [("2026-02-01", "100.00"), ("2026-02-02", "100.00"), ("2026-02-02", "700.00"), ("2026-02-03", "100.00")]
    {
        numbers.push(posted(client, day, "6815", "1600", amount).await);
    }
    for seed in ["one", "two", "3"] {
        let sample = drawn(client, february("MONETARY_UNIT", 10, seed)).await;
        let hits: Vec<(String, i64)> =
            items(client, &sample).await.into_iter().map(|(number, _, hits)| (number, hits)).collect();
        let expected: Vec<(String, i64)> = numbers.iter().cloned().zip([1, 1, 7, 1]).collect();
        assert_eq!(hits, expected, "{seed}");
    }

    // On one account, with thirds: as many pointers as were asked for, and the large entry at least once.
    posted(client, "2026-02-04", "1600", "4400", "33.33").await;
    posted(client, "2026-02-05", "1600", "4400", "66.67").await;
    let mut input = february("MONETARY_UNIT", 7, "thirds");
    input["account"] = json!(client.account("1600").await);
    let sample = drawn(client, input).await;
    assert_eq!(sample["populationAmount"]["amount"], "1100.00");
    assert_eq!(sample["account"]["code"], "1600");
    let found = items(client, &sample).await;
    assert_eq!(found.iter().map(|(.., hits)| hits).sum::<i64>(), 7);
    // 700 of 1,100 in seven parts: four pointers stand on it at least, five at most.
    let large = found.iter().find(|(number, ..)| *number == numbers[2]).unwrap();
    assert!((4..=5).contains(&large.2), "{found:?}");
}

#[tokio::test]
async fn a_sample_that_cannot_be_is_refused() {
    let (_app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    posted(client, "2026-02-01", "6815", "1600", "10.00").await;
    let with = |key: &str, value: Value| {
        let mut input = february("RANDOM", 1, "seed");
        input[key] = value;
        input
    };
    let group = client.ask("{ accounts(first: 100) { nodes { id isGroup } } }", json!({})).await["accounts"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["isGroup"] == true)
        .map(|account| account["id"].clone());
    let mut refused = vec![
        (with("to", json!("2026-01-31")), "to", "The last day lies before the first."),
        (with("size", json!(0)), "size", "A sample has 1 to 1000 entries."),
        (with("size", json!(1001)), "size", "A sample has 1 to 1000 entries."),
        (with("size", json!(2)), "size", "There are only 1 entries to draw from."),
        (with("from", json!("2026-02-02")), "from", "There is no entry in these days to draw from."),
    ];
    if let Some(group) = group {
        refused.push((with("account", group), "account", "Nothing is posted to a group."));
    }
    for (input, field, message) in refused {
        let told = client.refused(DRAW, json!({ "input": input })).await;
        assert_eq!((&told[0]["field"], &told[0]["message"]), (&json!(["input", field]), &json!(message)), "{told}");
    }
    for (key, value) in [("seed", json!("")), ("name", json!("x".repeat(101)))] {
        let told = client.refused(DRAW, json!({ "input": with(key, value) })).await;
        assert_eq!(told[0]["field"], json!(["input", key]), "{told}");
    }
    let none = client.ask("{ auditSamples(first: 10) { totalCount } }", json!({})).await;
    assert_eq!(none["auditSamples"]["totalCount"], 0);
}

#[tokio::test]
async fn lead_schedules_lead_from_the_year_before_to_the_last_adjustment() {
    const SCHEDULES: &str = "query($knownAt: DateTime) { leadSchedules(asOf: \"2026-12-31\", priorAsOf: \"2025-12-31\", knownAt: $knownAt) {
        code rows { account { code } amounts { prior { amount } unadjusted { amount } adjustments { amount } adjusted { amount } change { amount } } }
        total { prior { amount } unadjusted { amount } adjustments { amount } adjusted { amount } change { amount } } } }";
    let (app, books) = nordwind::found().await;
    let client = &books.accountant;
    nordwind::import(client, nordwind::CHART_IMPORT, nordwind::file(nordwind::CHART)).await;
    made(client, "fiscalYearCreate", json!({ "startsOn": "2025-01-01", "endsOn": "2025-12-31" }), "fiscalYear").await;
    posted(client, "2025-06-30", "1600", "4400", "400.00").await;
    posted(client, "2026-03-31", "1600", "4400", "500.00").await;
    let given = app.database.lines(
        "postgres",
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS line",
    );
    posted(client, "2026-12-31", "6815", "1600", "50.00").await;
    let found = client.ask(SCHEDULES, json!({ "knownAt": given[0] })).await["leadSchedules"].clone();
    let amounts = |of: &Value| -> Vec<String> {
        ["prior", "unadjusted", "adjustments", "adjusted", "change"]
            .map(|name| of[name]["amount"].as_str().unwrap().to_owned())
            .to_vec()
    };
    let schedules = found.as_array().unwrap();
    let rows: Vec<&Value> = schedules.iter().flat_map(|one| one["rows"].as_array().unwrap()).collect();
    let of = |code: &str| amounts(&rows.iter().find(|row| row["account"]["code"] == code).unwrap()["amounts"]);
    // Income begins anew each year; the bank goes on.
    assert_eq!(of("4400"), ["-400.00", "-500.00", "0.00", "-500.00", "-100.00"]);
    assert_eq!(of("1600"), ["400.00", "900.00", "-50.00", "850.00", "450.00"]);
    assert_eq!(of("6815"), ["0.00", "0.00", "50.00", "50.00", "50.00"]);
    let cents = |amount: &Value| amount.as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    for schedule in schedules {
        let rows = schedule["rows"].as_array().unwrap();
        let sum: i64 = rows.iter().map(|row| cents(&row["amounts"]["adjusted"]["amount"])).sum();
        assert_eq!(sum, cents(&schedule["total"]["adjusted"]["amount"]), "{schedule}");
    }
    let unsaid = client.ask(SCHEDULES, json!({})).await["leadSchedules"].clone();
    let adjusted: Vec<&Value> =
        unsaid.as_array().unwrap().iter().map(|one| &one["total"]["adjustments"]["amount"]).collect();
    assert!(adjusted.iter().all(|amount| **amount == json!("0.00")), "{adjusted:?}");
    let reply =
        client.send("{ leadSchedules(asOf: \"2026-01-01\", priorAsOf: \"2026-01-02\") { code } }", json!({})).await;
    assert_eq!(reply.body["errors"][0]["message"], "`priorAsOf` lies behind `asOf`.", "{}", reply.text);
}
