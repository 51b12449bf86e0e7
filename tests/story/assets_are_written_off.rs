//! Fixed assets: what they cost is written off to the cent in each book, posted once and never into what is locked, and the
//! register equals its accounts at every date.

use serde_json::{Value, json};

use crate::harness::{App, Client};
use crate::nordwind;
use crate::walls::furnished::{change, made};

/// A class on accounts of its own; gives its id.
async fn class(client: &Client) -> String {
    for (code, kind, control) in
        [("0690", "ASSET", "FIXED_ASSET"), ("0691", "ASSET", "ACCUMULATED_DEPRECIATION"), ("6895", "EXPENSE", "")]
    {
        let control = if control.is_empty() { Value::Null } else { json!(control) };
        let account = json!({ "code": code, "name": format!("Account {code}"), "kind": kind, "isGroup": false, "control": control });
        made(client, "accountCreate", account, "account").await;
    }
    let accounts = [
        ("costAccount", "0690"),
        ("accumulatedAccount", "0691"),
        ("expenseAccount", "6220"),
        ("gainAccount", "4830"),
        ("lossAccount", "6895"),
    ];
    let mut input = json!({ "code": "MACHINES", "name": "Machines" });
    for (field, code) in accounts {
        input[field] = json!(client.account(code).await);
    }
    for (field, code) in [("costAccount", "1300"), ("expenseAccount", "4830"), ("lossAccount", "1300")] {
        let mut wrong = input.clone();
        wrong[field] = json!(client.account(code).await);
        assert_eq!(refused(client, "assetClassCreate", wrong).await.0, field);
    }
    made(client, "assetClassCreate", input, "assetClass").await
}

async fn input(client: &Client, class: &str, number: &str, day: &str, cost: &str, plans: Value) -> Value {
    json!({ "class": class, "number": number, "name": format!("Machine {number}"), "acquiredOn": day, "cost": cost,
            "from": client.account("1300").await, "plans": plans })
}

async fn refused(client: &Client, field: &str, input: Value) -> (String, String) {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    let query =
        format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ code field message }} }} }}");
    let reason = client.refused(&query, json!({ "input": input })).await[0].clone();
    let field: Vec<&str> = reason["field"].as_array().unwrap()[1..].iter().filter_map(Value::as_str).collect();
    (field.join("."), reason["message"].as_str().unwrap().to_owned())
}

const SLICES: &str =
    "query($id: ID!) { asset(id: $id) { slices { book from to due amount { amount } entry { date } } } }";

/// What is written off of an asset in a book: amount, and the day on which it was posted.
async fn slices(client: &Client, id: &str, book: &str) -> Vec<(String, String)> {
    let found = client.ask(SLICES, json!({ "id": id })).await["asset"]["slices"].clone();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let own = found.as_array().unwrap().iter().filter(|slice| slice["book"] == book);
    own.map(|slice| (text(&slice["amount"]["amount"]), text(&slice["entry"]["date"]))).collect()
}

fn amounts(slices: &[(String, String)]) -> Vec<&str> {
    slices.iter().map(|slice| slice.0.as_str()).collect()
}

/// Cost, what is written off, and book value of an asset in a book at the end of a day.
async fn figures(client: &Client, id: &str, day: &str, book: &str) -> [String; 3] {
    let query = "query($id: ID!, $day: Date!, $book: String!) { asset(id: $id) { figures(asOf: $day, book: $book) {
        cost { amount } accumulated { amount } bookValue { amount } } } }";
    let found = client.ask(query, json!({ "id": id, "day": day, "book": book })).await["asset"]["figures"].clone();
    ["cost", "accumulated", "bookValue"].map(|name| found[name]["amount"].as_str().unwrap_or("none").to_owned())
}

/// The register of the ledger at the end of a day, which equals its accounts.
async fn register(client: &Client, day: &str) -> [String; 3] {
    let query = "query($day: Date!) { assetRegister(asOf: $day) { total { cost { amount } accumulated { amount } bookValue { amount } }
        rows { account { code } register { amount } balance { amount } difference { amount } } } }";
    let found = client.ask(query, json!({ "day": day })).await["assetRegister"].clone();
    for row in found["rows"].as_array().unwrap() {
        assert_eq!(row["difference"]["amount"], "0.00", "{found}");
    }
    ["cost", "accumulated", "bookValue"].map(|name| found["total"][name]["amount"].as_str().unwrap().to_owned())
}

async fn post(client: &Client, through: &str) -> i64 {
    let run =
        change(client, "depreciationPost", json!({ "through": through }), "depreciationRun { posted more }").await;
    run["depreciationRun"]["posted"].as_i64().unwrap()
}

fn three(expected: [&str; 3]) -> [String; 3] {
    expected.map(str::to_owned)
}

#[tokio::test]
async fn what_an_asset_costs_is_written_off_to_the_cent() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let class = class(client).await;
    let plan = json!([{ "method": "STRAIGHT_LINE", "months": 24, "residual": "100.00" }]);
    let new = input(client, &class, "M-1", "2026-01-10", "1000.00", plan).await;
    let bad = |key: &'static str, value: Value| {
        let mut wrong = new.clone();
        wrong[key] = value;
        async move { refused(client, "assetCreate", wrong).await.0 }
    };
    assert_eq!(bad("cost", json!("0")).await, "cost");
    assert_eq!(bad("cost", json!("1.001")).await, "cost");
    assert_eq!(bad("number", json!("")).await, "number");
    assert_eq!(bad("acquiredOn", json!("2031-01-01")).await, "acquiredOn");
    assert_eq!(bad("from", json!(client.account("1200").await)).await, "from");
    assert_eq!(bad("from", json!(client.account("0690").await)).await, "from");
    let plan = |more: Value| {
        let mut plan = json!({ "method": "STRAIGHT_LINE", "months": 24 });
        for (key, value) in more.as_object().unwrap() {
            plan[key] = value.clone();
        }
        json!([plan])
    };
    assert_eq!(bad("plans", plan(json!({ "months": 0 }))).await, "plans.0.months");
    assert_eq!(bad("plans", plan(json!({ "residual": "1000.01" }))).await, "plans.0.residual");
    assert_eq!(bad("plans", plan(json!({ "percent": "10" }))).await, "plans.0.percent");
    assert_eq!(bad("plans", plan(json!({ "method": "UNITS" }))).await, "plans.0.units");
    assert_eq!(
        bad("plans", plan(json!({ "method": "DECLINING", "percent": "20", "spread": "BY_DAY" }))).await,
        "plans.0.spread"
    );
    assert_eq!(bad("plans", plan(json!({ "startsOn": "2025-12-31" }))).await, "plans.0.startsOn");
    assert_eq!(bad("plans", plan(json!({ "book": "tax" }))).await, "plans.0.book");
    assert_eq!(bad("plans", plan(json!({ "book": "TAX" }))).await, "plans");
    assert_eq!(bad("plans", json!([])).await, "plans");

    // 1,000 over 24 months, 100 left: 37.50 a month.
    let asset = made(client, "assetCreate", new.clone(), "asset").await;
    let laid = slices(client, &asset, "LEDGER").await;
    assert_eq!(amounts(&laid), vec!["37.50"; 24]);
    assert_eq!(
        refused(client, "assetCreate", new.clone()).await.1,
        "A record with this number, code or name exists already."
    );
    let hand = nordwind::post(client, "2026-01-20", ("0690", "5.00"), ("1300", "5.00")).await;
    assert_eq!(nordwind::refusal(&hand).0, "INVALID");
    assert_eq!(register(client, "2026-01-09").await, three(["0.00", "0.00", "0.00"]));
    assert_eq!(register(client, "2026-01-10").await, three(["1000.00", "0.00", "1000.00"]));

    // Each month is posted once, whoever asks, and none before its time.
    assert_eq!(refused(client, "depreciationPost", json!({ "through": "2031-01-01" })).await.0, "through");
    assert_eq!(post(client, "2026-01-30").await, 0);
    let ask = "mutation { depreciationPost(input: { through: \"2026-03-31\" }) { depreciationRun { posted } userErrors { message } } }";
    let (one, two) = tokio::join!(client.ask(ask, json!({})), client.ask(ask, json!({})));
    let posted = |data: &Value| data["depreciationPost"]["depreciationRun"]["posted"].as_i64().unwrap();
    assert_eq!(posted(&one) + posted(&two), 3);
    let laid = slices(client, &asset, "LEDGER").await;
    assert_eq!(
        laid[..3].iter().map(|slice| slice.1.as_str()).collect::<Vec<_>>(),
        ["2026-01-31", "2026-02-28", "2026-03-31"]
    );
    assert_eq!(figures(client, &asset, "2026-02-28", "LEDGER").await, three(["1000.00", "75.00", "925.00"]));
    assert_eq!(register(client, "2026-03-31").await, three(["1000.00", "112.50", "887.50"]));

    // After three months it is worth 100 more: 42.26 twenty times, and 42.30 at last.
    let more = json!({ "id": asset, "on": "2026-04-01", "amount": "100.00", "against": client.account("2920").await, "reason": "Expert" });
    let wrong = |key: &str, value: Value| {
        let mut wrong = more.clone();
        wrong[key] = value;
        wrong
    };
    assert_eq!(refused(client, "assetRevalue", wrong("on", json!("2026-03-15"))).await.0, "on");
    assert_eq!(refused(client, "assetRevalue", wrong("amount", json!("0"))).await.0, "amount");
    assert_eq!(refused(client, "assetRevalue", wrong("amount", json!("-787.51"))).await.0, "amount");
    assert_eq!(refused(client, "assetRevalue", wrong("book", json!("TAX"))).await.0, "book");
    change(client, "assetRevalue", more.clone(), "").await;
    let laid = slices(client, &asset, "LEDGER").await;
    assert_eq!(amounts(&laid), [vec!["37.50"; 3], vec!["42.26"; 20], vec!["42.30"]].concat());
    assert_eq!(register(client, "2026-04-01").await, three(["1100.00", "112.50", "987.50"]));
    assert_eq!(refused(client, "assetRevalue", wrong("on", json!("2026-03-31"))).await.0, "on");

    // April is locked by the time: it comes on the first open day, once.
    change(client, "periodLock", json!({ "through": "2026-05-10", "kind": "SOFT" }), "").await;
    assert_eq!(post(client, "2026-05-20").await, 1);
    assert_eq!(post(client, "2026-05-20").await, 0);
    assert_eq!(slices(client, &asset, "LEDGER").await[3], ("42.26".to_owned(), "2026-05-11".to_owned()));

    // Sold for 900 in July: what is due by then is posted, and 39.28 are gained.
    let sale = json!({ "id": asset, "on": "2026-07-15", "proceeds": "900.00", "reason": "Sold" });
    assert_eq!(refused(client, "assetDispose", sale.clone()).await.0, "proceedsAccount");
    let mut sale = sale;
    sale["proceedsAccount"] = json!(client.account("4300").await);
    change(client, "assetDispose", sale.clone(), "asset { disposedOn }").await;
    assert_eq!(refused(client, "assetDispose", sale).await.0, "id");
    assert_eq!(refused(client, "assetRevalue", more).await.0, "id");
    let query = "query($id: ID!) { asset(id: $id) { movements { kind date cost { amount } accumulated { amount } amount { amount }
        entry { source documentId lines { account { code } amount { amount } } } } } }";
    let found = client.ask(query, json!({ "id": asset })).await["asset"]["movements"].clone();
    let last = found.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        last,
        json!({ "kind": "DISPOSAL", "date": "2026-07-15", "cost": { "amount": "-1100.00" }, "accumulated": { "amount": "-239.28" },
                "amount": { "amount": "900.00" },
                "entry": { "source": "ASSET", "documentId": asset, "lines": [
                    { "account": { "code": "0691" }, "amount": { "amount": "239.28" } },
                    { "account": { "code": "0690" }, "amount": { "amount": "-1100.00" } },
                    { "account": { "code": "4830" }, "amount": { "amount": "-39.28" } },
                    { "account": { "code": "4300" }, "amount": { "amount": "900.00" } }] } })
    );
    assert_eq!(register(client, "2026-06-30").await, three(["1100.00", "239.28", "860.72"]));
    assert_eq!(register(client, "2026-07-15").await, three(["0.00", "0.00", "0.00"]));
    assert_eq!(post(client, "2026-11-01").await, 0);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn assets_are_kept_in_several_books_and_split() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let class = class(client).await;
    // 3,650 over a year of 365 days is 10 a day; for the tax office 40 percent of the book value a year.
    let plans = json!([
        { "method": "STRAIGHT_LINE", "spread": "BY_DAY", "months": 12, "residual": "10.00" },
        { "book": "TAX", "method": "DECLINING", "percent": "40", "months": 60 },
    ]);
    let new = input(client, &class, "P-1", "2026-01-16", "3660.00", plans).await;
    let press = made(client, "assetCreate", new, "asset").await;
    let (ledger, tax) = (slices(client, &press, "LEDGER").await, slices(client, &press, "TAX").await);
    assert_eq!((ledger.len(), &amounts(&ledger)[..3]), (13, &["160.00", "280.00", "310.00"][..]));
    let years = ["122.00", "73.20", "43.92", "32.94", "32.94"];
    assert_eq!(amounts(&tax), years.iter().flat_map(|amount| [*amount; 12]).collect::<Vec<_>>());
    assert_eq!(figures(client, &press, "2026-03-31", "TAX").await, three(["3660.00", "366.00", "3294.00"]));
    assert_eq!(figures(client, &press, "2026-01-15", "TAX").await, three(["none", "none", "none"]));

    // A third becomes its own on February 11: ten days of the month stay with the whole.
    let part = json!({ "id": press, "on": "2026-02-11", "cost": "1220.00", "number": "P-2", "name": "Feeder" });
    let mut whole = part.clone();
    whole["cost"] = json!("3660.00");
    assert_eq!(refused(client, "assetSplit", whole).await.0, "cost");
    let feeder = made(client, "assetSplit", part, "asset").await;
    assert_eq!(figures(client, &press, "2026-02-11", "LEDGER").await, three(["2440.00", "173.33", "2266.67"]));
    assert_eq!(figures(client, &feeder, "2026-02-11", "LEDGER").await, three(["1220.00", "86.67", "1133.33"]));
    assert_eq!(figures(client, &feeder, "2026-02-11", "TAX").await, three(["1220.00", "40.67", "1179.33"]));
    assert_eq!(register(client, "2026-02-11").await, three(["3660.00", "260.00", "3400.00"]));
    let left = |slices: &[(String, String)], from: usize| -> f64 {
        slices[from..].iter().map(|slice| slice.0.parse::<f64>().unwrap() * 100.0).sum::<f64>().round()
    };
    assert_eq!(left(&slices(client, &press, "LEDGER").await, 2), 226_000.0);
    assert_eq!(left(&slices(client, &feeder, "LEDGER").await, 0), 113_000.0);

    // A repair is part of the cost or only noted; what is scrapped is lost.
    let fixed = json!({ "id": feeder, "on": "2026-03-01", "amount": "170.00", "text": "New rollers", "capitalisedFrom": client.account("1300").await });
    change(client, "assetRepair", fixed, "").await;
    change(client, "assetRepair", json!({ "id": feeder, "on": "2026-03-20", "amount": "30.00", "text": "Oil" }), "")
        .await;
    assert_eq!(
        refused(client, "assetRepair", json!({ "id": feeder, "on": "2026-03-20", "amount": "0", "text": "Oil" }))
            .await
            .0,
        "amount"
    );
    assert_eq!(figures(client, &feeder, "2026-03-20", "LEDGER").await[0], "1390.00");
    assert_eq!(figures(client, &feeder, "2026-03-20", "TAX").await[0], "1390.00");
    // February 11 to 28 is 60.00 of 1,130.00, March 31 days of what is then left and of 170.00.
    change(client, "assetDispose", json!({ "id": feeder, "on": "2026-04-01", "reason": "Broken" }), "").await;
    assert_eq!(figures(client, &feeder, "2026-04-01", "LEDGER").await, three(["0.00", "0.00", "0.00"]));
    assert_eq!(figures(client, &feeder, "2026-04-01", "TAX").await, three(["0.00", "0.00", "0.00"]));
    let before = figures(client, &feeder, "2026-03-31", "LEDGER").await;
    assert_eq!(nordwind::balance(client, "6895").await, before[2]);

    // By units, and one that is taken over with what is written off of it.
    let by_units = json!([{ "method": "UNITS", "units": "3000", "months": 36 }]);
    let van =
        made(client, "assetCreate", input(client, &class, "V-1", "2026-01-05", "1000.00", by_units).await, "asset")
            .await;
    for (through, units, amount) in [("2026-01-31", "1000", "333.33"), ("2026-02-28", "1000", "333.34")] {
        change(client, "assetUnitsReport", json!({ "id": van, "through": through, "units": units }), "").await;
        assert_eq!(slices(client, &van, "LEDGER").await.last().unwrap().0, amount);
    }
    let report = |through: &str, units: &str| json!({ "id": van, "through": through, "units": units });
    assert_eq!(refused(client, "assetUnitsReport", report("2026-02-28", "5")).await.0, "through");
    assert_eq!(
        refused(client, "assetUnitsReport", report("2026-03-31", "1001")).await,
        ("units".to_owned(), "It can do 1000 more.".to_owned())
    );
    assert_eq!(
        refused(client, "assetUnitsReport", json!({ "id": press, "through": "2026-03-31", "units": "1" })).await.0,
        "id"
    );
    change(client, "assetUnitsReport", report("2026-03-31", "1000"), "").await;
    let old = json!([{ "method": "STRAIGHT_LINE", "months": 5, "writtenOff": "200.00" }]);
    let old =
        made(client, "assetCreate", input(client, &class, "O-1", "2026-01-01", "500.00", old).await, "asset").await;
    assert_eq!(amounts(&slices(client, &old, "LEDGER").await), vec!["60.00"; 5]);
    assert_eq!(figures(client, &old, "2026-01-01", "LEDGER").await, three(["500.00", "200.00", "300.00"]));

    // The job that posts what is due posts this as well.
    let schedule = json!({ "name": "Due", "kind": "DUE_ENTRIES_POST", "cron": "0 5 * * *" });
    let schedule = change(client, "scheduleCreate", schedule, "schedule { id }").await["schedule"]["id"].clone();
    due(&app, &schedule);
    for _ in 0..600 {
        if slices(client, &old, "LEDGER").await.iter().all(|slice| !slice.1.is_empty())
            && slices(client, &van, "LEDGER").await.iter().all(|slice| !slice.1.is_empty())
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(figures(client, &old, "2026-05-31", "LEDGER").await, three(["500.00", "500.00", "0.00"]));
    assert_eq!(figures(client, &van, "2026-03-31", "LEDGER").await, three(["1000.00", "1000.00", "0.00"]));
    register(client, "2026-10-31").await;
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
}

/// Makes a schedule due now.
fn due(app: &App, id: &Value) {
    let id = id.as_str().unwrap_or_else(|| panic!("no schedule")).rsplit_once('_').unwrap().1;
    app.database.lay(&format!(
        "UPDATE core.schedule_queue SET due_at = now() - interval '1 minute' WHERE schedule_id = '{id}'"
    ));
}
