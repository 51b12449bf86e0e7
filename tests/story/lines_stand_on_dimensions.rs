//! Lines stand on cost centres, projects and whatever else a client likes: what is posted is found by them, accounts can
//! need them, and amounts on one value are split among others to the last cent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::Client;
use crate::nordwind;
use crate::walls::furnished::{change, made};

const SHOWN: &str = "lines { account { code } amount { amount } dimensions { code dimension { code } } }";

async fn dimension(client: &Client, code: &str) -> String {
    made(client, "dimensionCreate", json!({ "code": code, "name": code }), "dimension").await
}

async fn value(client: &Client, dimension: &str, code: &str) -> String {
    let input = json!({ "dimension": dimension, "code": code, "name": format!("Value {code}") });
    made(client, "dimensionValueCreate", input, "dimensionValue").await
}

/// Posts a cost of that amount, paid in cash; gives the amounts of its lines with their labels.
async fn cost(client: &Client, date: &str, amount: &str, labels: &[&str]) -> Vec<(String, String)> {
    let lines = json!([{ "account": client.account("6815").await, "debit": amount, "dimensions": labels },
                       { "account": client.account("1600").await, "credit": amount }]);
    let input = json!({ "date": date, "description": "Cost", "lines": lines });
    let posted = change(client, "journalEntryPost", input, &format!("journalEntry {{ {SHOWN} }}")).await;
    let posted = posted["journalEntry"].clone();
    labelled(&posted)
}

fn labelled(entry: &Value) -> Vec<(String, String)> {
    let lines = entry["lines"].as_array().unwrap().iter();
    let labels = |line: &Value| {
        let codes = line["dimensions"].as_array().unwrap().iter().map(|value| value["code"].as_str().unwrap());
        codes.collect::<Vec<_>>().join("+")
    };
    lines.map(|line| (labels(line), line["amount"]["amount"].as_str().unwrap().to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(label, amount)| ((*label).to_owned(), (*amount).to_owned())).collect()
}

async fn refused(client: &Client, field: &str, input: Value) -> (String, String) {
    let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
    let query =
        format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ userErrors {{ code field message }} }} }}");
    let reason = client.refused(&query, json!({ "input": input })).await[0].clone();
    let path: Vec<&str> = reason["field"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    (path.join("."), reason["message"].as_str().unwrap().to_owned())
}

/// Result and cost of a year by value, and whether every row's lines sum to it.
async fn result(client: &Client, values: &[&str]) -> (String, String) {
    let query =
        "query($values: [ID!]) { incomeStatement(from: \"2026-01-01\", to: \"2026-12-31\", dimensions: $values) {
        result { amount } totalExpenses { amount }
        expenses { row balance { amount } lineCount lines(first: 100) { nodes { amount { amount } } totalCount } } } }";
    let found = client.ask(query, json!({ "values": values })).await["incomeStatement"].clone();
    for row in found["expenses"].as_array().unwrap() {
        let lines = row["lines"]["nodes"].as_array().unwrap();
        assert_eq!(json!(lines.len()), row["lineCount"], "{row}");
        let sum: rust_decimal::Decimal = lines
            .iter()
            .map(|line| line["amount"]["amount"].as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap())
            .sum();
        assert_eq!(sum, row["balance"]["amount"].as_str().unwrap().parse().unwrap(), "{row}");
    }
    let text = |field: &str| found[field]["amount"].as_str().unwrap().to_owned();
    (text("result"), text("totalExpenses"))
}

#[tokio::test]
async fn amounts_on_a_value_are_split_and_found_again() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let (centre, project) = (dimension(client, "cost_centre").await, dimension(client, "project").await);
    let overhead = value(client, &centre, "overhead").await;
    let (north, south, west) = (
        value(client, &centre, "north").await,
        value(client, &centre, "south").await,
        value(client, &centre, "west").await,
    );
    let (bridge, tower) = (value(client, &project, "bridge").await, value(client, &project, "tower").await);

    // 40 and 40 are not 100; 60 and 40 are.
    let split = |value: &str, from: &str, parts: &[(&str, &str)]| {
        let parts: Vec<Value> =
            parts.iter().map(|(value, percent)| json!({ "value": value, "percent": percent })).collect();
        json!({ "value": value, "validFrom": from, "parts": parts })
    };
    let set = "dimensionDistributionSet";
    assert_eq!(
        refused(client, set, split(&overhead, "2026-01-01", &[(&north, "40"), (&south, "40")])).await,
        ("input.parts".to_owned(), "The parts come to 80 percent; together they are 100.".to_owned())
    );
    for (parts, field) in [
        (vec![(north.as_str(), "50"), (north.as_str(), "50")], "input.parts.1.value"),
        (vec![(north.as_str(), "0"), (south.as_str(), "100")], "input.parts.0.percent"),
        (vec![(north.as_str(), "-10"), (south.as_str(), "110")], "input.parts.0.percent"),
        (vec![(north.as_str(), "60"), (bridge.as_str(), "40")], "input.parts.1.value"),
        (vec![(overhead.as_str(), "60"), (north.as_str(), "40")], "input.parts"),
    ] {
        assert_eq!(refused(client, set, split(&overhead, "2026-01-01", &parts)).await.0, field);
    }
    let listed = change(
        client,
        set,
        split(&overhead, "2026-01-01", &[(&north, "60"), (&south, "40")]),
        "dimensionValue { distributions { validFrom parts { percent value { code } } } }",
    )
    .await;
    assert_eq!(
        listed["dimensionValue"]["distributions"],
        json!([{ "validFrom": "2026-01-01", "parts": [{ "percent": "60", "value": { "code": "north" } },
                                                      { "percent": "40", "value": { "code": "south" } }] }])
    );
    assert_eq!(
        cost(client, "2026-02-01", "100.00", &[&overhead]).await,
        pairs(&[("north", "60.00"), ("south", "40.00"), ("", "-100.00")])
    );
    // So is the line of a bill: each part to the cent, and what is owed in one.
    let line = json!({ "description": "Rent", "quantity": "1", "unitPrice": "99.99", "account": client.account("6815").await, "dimensions": [overhead] });
    let bill = json!({ "vendor": nordwind::id(client, "vendors", "number", "70004").await, "number": "R-1", "billDate": "2026-02-10", "lines": [line] });
    let bill = made(client, "billCreate", bill, "bill").await;
    let posted = change(client, "billPost", json!({ "id": bill }), &format!("bill {{ entry {{ {SHOWN} }} }}")).await;
    assert_eq!(labelled(&posted["bill"]["entry"]), pairs(&[("", "-99.99"), ("north", "59.99"), ("south", "40.00")]));
    // A circle over two steps is seen; a chain is followed to its end, with every cent.
    let circle = refused(client, set, split(&south, "2026-03-01", &[(&overhead, "100")])).await;
    assert_eq!(circle.1, "On 2026-03-01 amounts on south would come back to it: its parts are split themselves.");
    change(client, set, split(&south, "2026-03-01", &[(&north, "33.333333"), (&west, "66.666667")]), "").await;
    assert_eq!(refused(client, set, split(&south, "2026-03-01", &[])).await.0, "input.validFrom");
    let chained = cost(client, "2026-03-01", "0.10", &[&overhead, &bridge]).await;
    let mut by_label = BTreeMap::new();
    for (label, amount) in &chained {
        by_label.insert(label.as_str(), amount.as_str());
    }
    // 60 % and a third of 40 % of ten cents on north, the rest on west: 7.33 and 2.67 cents.
    assert_eq!(by_label, BTreeMap::from([("north+bridge", "0.07"), ("west+bridge", "0.03"), ("", "-0.10")]));
    // Before that day south is not split; from a later day on overhead is not.
    assert_eq!(
        cost(client, "2026-02-28", "1.00", &[&south, &tower]).await,
        pairs(&[("south+tower", "1.00"), ("", "-1.00")])
    );
    change(client, set, split(&overhead, "2026-06-01", &[]), "").await;
    assert_eq!(cost(client, "2026-06-01", "5.00", &[&overhead]).await, pairs(&[("overhead", "5.00"), ("", "-5.00")]));

    // Reports by value: of one dimension either, of several dimensions both.
    let all = result(client, &[]).await;
    assert_eq!(all.1, "206.09");
    assert_eq!(result(client, &[&north]).await.1, "120.06");
    assert_eq!(result(client, &[&south]).await.1, "81.00");
    assert_eq!(result(client, &[&north, &south, &west]).await.1, "201.09");
    assert_eq!(result(client, &[&north, &south, &bridge]).await.1, "0.07");
    assert_eq!(result(client, &[&tower, &bridge]).await.1, "1.10");
    assert_eq!(result(client, &[&south, &bridge]).await.1, "0.00");
    let unknown = client.send("{ incomeStatement(from: \"2026-01-01\", to: \"2026-12-31\", dimensions: [\"dimv_00000000000000000000000000000001\"]) { result { amount } } }", json!({})).await;
    assert_eq!(unknown.code(), "BAD_USER_INPUT");
    let card = "query($account: ID!, $values: [ID!], $after: String) { generalLedger(account: $account, to: \"2026-12-31\", dimensions: $values) {
        closing { amount } lines(first: 1, after: $after) { nodes { balance { amount } } pageInfo { endCursor hasNextPage } totalCount } } }";
    let account = client.account("6815").await;
    let mut after = Value::Null;
    for balance in ["40.00", "80.00", "81.00"] {
        let page = client.ask(card, json!({ "account": account, "values": [south], "after": after })).await;
        let page = &page["generalLedger"];
        assert_eq!((&page["closing"]["amount"], &page["lines"]["totalCount"]), (&json!("81.00"), &json!(3)));
        assert_eq!(page["lines"]["nodes"][0]["balance"]["amount"], balance);
        after = page["lines"]["pageInfo"]["endCursor"].clone();
    }

    // The year closes value by value: what each has earned stays with it.
    let years = client.ask("{ fiscalYears { nodes { id name } } }", json!({})).await;
    let year = crate::harness::id_of(&years["fiscalYears"]["nodes"], "name", "2026");
    let closed = change(
        client,
        "fiscalYearClose",
        json!({ "id": year }),
        &format!("fiscalYear {{ closing {{ result {{ amount }} entry {{ {SHOWN} }} }} }}"),
    )
    .await["fiscalYear"]["closing"]
        .clone();
    assert_eq!(closed["result"]["amount"], "-206.09");
    let lines = closed["entry"]["lines"].as_array().unwrap();
    let equity: BTreeMap<String, String> = lines
        .iter()
        .filter(|line| line["account"]["code"] == "2970")
        .map(|line| labelled(&json!({ "lines": [line] })).remove(0))
        .collect();
    let expected = [
        ("north", "119.99"),
        ("south", "80.00"),
        ("north+bridge", "0.07"),
        ("west+bridge", "0.03"),
        ("south+tower", "1.00"),
        ("overhead", "5.00"),
    ];
    assert_eq!(equity, pairs(&expected).into_iter().collect());
    assert_eq!(result(client, &[&north]).await.1, "120.06", "the closed year's statement is what it was");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn accounts_need_what_they_need() {
    let (app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let (place, person) = (dimension(client, "location").await, dimension(client, "department").await);
    let (berlin, sales) = (value(client, &place, "berlin").await, value(client, &person, "sales").await);
    let gone = json!({ "dimension": place, "code": "bonn", "name": "Bonn", "validFrom": "2026-01-01", "validTo": "2026-03-31" });
    let bonn = made(client, "dimensionValueCreate", gone, "dimensionValue").await;
    assert_eq!(
        refused(client, "dimensionCreate", json!({ "code": "location", "name": "Again" })).await.0,
        "input.code"
    );
    assert_eq!(refused(client, "dimensionCreate", json!({ "code": "Bad Code", "name": "x" })).await.0, "input.code");
    let again = json!({ "dimension": place, "code": "berlin", "name": "Again" });
    assert_eq!(refused(client, "dimensionValueCreate", again).await.0, "input.code");

    // Office supplies need a place.
    let account = client.account("6815").await;
    let required = change(
        client,
        "accountDimensionsRequire",
        json!({ "account": account, "dimensions": [place, place] }),
        "account { requiredDimensions { code } }",
    )
    .await;
    assert_eq!(required["account"]["requiredDimensions"], json!([{ "code": "location" }]));
    let control = json!({ "account": client.account("1200").await, "dimensions": [place] });
    assert_eq!(refused(client, "accountDimensionsRequire", control).await.0, "input.account");
    let entry = |date: &str, labels: &[&str]| {
        let (cost, cash) = (account.clone(), client.account("1600"));
        let (date, labels) = (date.to_owned(), json!(labels));
        async move {
            json!({ "date": date, "description": "Paper", "lines": [{ "account": cost, "debit": "9.00", "dimensions": labels }, { "account": cash.await, "credit": "9.00" }] })
        }
    };
    for (date, labels, field, message) in [
        (
            "2026-02-01",
            vec![],
            "input.lines.0.dimensions",
            "Account 6815 needs a value of location on each of its lines.",
        ),
        (
            "2026-02-01",
            vec![sales.as_str()],
            "input.lines.0.dimensions",
            "Account 6815 needs a value of location on each of its lines.",
        ),
        (
            "2026-02-01",
            vec![berlin.as_str(), bonn.as_str()],
            "input.lines.0.dimensions.1",
            "A line has one value of a dimension; bonn is a second one.",
        ),
        ("2026-04-01", vec![bonn.as_str()], "input.lines.0.dimensions.0", "bonn does not hold on 2026-04-01."),
    ] {
        let said = refused(client, "journalEntryPost", entry(date, &labels).await).await;
        assert_eq!(said, (field.to_owned(), message.to_owned()));
    }
    assert_eq!(
        cost(client, "2026-03-31", "9.00", &[&bonn, &sales]).await[0],
        ("bonn+sales".to_owned(), "9.00".to_owned())
    );

    // Bills and invoices carry labels on their lines; what is missing is asked for when they are posted.
    let bill = |number: &str, labels: Value| {
        let line = json!({ "description": "Paper", "quantity": "3", "unitPrice": "33.33", "account": account, "dimensions": labels });
        let number = number.to_owned();
        async move {
            json!({ "vendor": nordwind::id(client, "vendors", "number", "70004").await, "number": number, "billDate": "2026-01-19", "lines": [line.clone(), line] })
        }
    };
    let missing = made(client, "billCreate", bill("1", Value::Null).await, "bill").await;
    let said = refused(client, "billPost", json!({ "id": missing })).await;
    assert_eq!(said.1, "An account of these lines needs a value of a dimension on each of its lines.");
    let labelled_bill = made(client, "billCreate", bill("2", json!([berlin, sales])).await, "bill").await;
    let posted = change(
        client,
        "billPost",
        json!({ "id": labelled_bill }),
        "bill { lines { dimensions { code } } entry { lines { account { code } amount { amount } dimensions { code } } } }",
    )
    .await["bill"]
        .clone();
    assert_eq!(posted["lines"][0]["dimensions"], json!([{ "code": "berlin" }, { "code": "sales" }]));
    assert_eq!(labelled(&posted["entry"]), pairs(&[("", "-199.98"), ("berlin+sales", "199.98")]));

    // A value that is not in use any more takes no new line; taking back what stands on it works all the same.
    let last = change(client, "journalEntryPost", entry("2026-02-02", &[&berlin]).await, "journalEntry { id }").await;
    let stale = json!({ "id": berlin, "active": false, "expectedVersion": 7 });
    assert_eq!(refused(client, "dimensionValueUpdate", stale).await.0, "input.expectedVersion");
    change(client, "dimensionValueUpdate", json!({ "id": berlin, "active": false, "name": "Old Berlin" }), "").await;
    let said = refused(client, "journalEntryPost", entry("2026-02-03", &[&berlin]).await).await;
    assert_eq!(said.1, "berlin is not in use any more.");
    let back = json!({ "entry": last["journalEntry"]["id"], "date": "2026-02-02" });
    let back =
        change(client, "journalEntryReverse", back, &format!("journalEntry {{ {SHOWN} }}")).await["journalEntry"]
            .clone();
    assert_eq!(labelled(&back), pairs(&[("berlin", "-9.00"), ("", "9.00")]));
    change(client, "dimensionUpdate", json!({ "id": person, "active": false }), "").await;
    let late = json!({ "dimension": person, "code": "late", "name": "Late" });
    assert_eq!(refused(client, "dimensionValueCreate", late).await.0, "input.dimension");
    let page = client.ask("query($d: ID!) { dimension(id: $d) { values(first: 1) { nodes { code name } totalCount pageInfo { hasNextPage } } } dimensionValues(filter: { active: { eq: true } }) { nodes { code } } dimensions { nodes { code active } } }", json!({ "d": place })).await;
    assert_eq!(
        page["dimension"]["values"],
        json!({ "nodes": [{ "code": "berlin", "name": "Old Berlin" }], "totalCount": 2, "pageInfo": { "hasNextPage": true } })
    );
    assert_eq!(page["dimensionValues"]["nodes"], json!([{ "code": "bonn" }, { "code": "sales" }]));
    assert_eq!(
        page["dimensions"]["nodes"],
        json!([{ "code": "department", "active": false }, { "code": "location", "active": true }])
    );
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_credited_comes_back_from_where_it_stood() {
    let (_app, books) = nordwind::stocked().await;
    let client = &books.accountant;
    let centre = dimension(client, "cost_centre").await;
    let (sales, north, south) = (
        value(client, &centre, "sales").await,
        value(client, &centre, "north").await,
        value(client, &centre, "south").await,
    );
    let split = |from: &str, first: &str, second: &str| json!({ "value": sales, "validFrom": from, "parts": [{ "value": north, "percent": first }, { "value": south, "percent": second }] });
    change(client, "dimensionDistributionSet", split("2026-01-01", "60", "40"), "").await;
    change(client, "dimensionDistributionSet", split("2026-03-01", "10", "90"), "").await;
    let revenue = client.account("4400").await;
    let line = json!({ "description": "Goods", "quantity": "2", "unitPrice": "50.01", "account": revenue, "dimensions": [sales] });
    let customer = nordwind::id(client, "customers", "number", "10006").await;
    let draft = made(client, "invoiceCreate", json!({ "customer": customer, "lines": [line] }), "invoice").await;
    let issued = json!({ "id": draft, "issueDate": "2026-02-10" });
    let issued = change(client, "invoiceIssue", issued, &format!("invoice {{ entry {{ {SHOWN} }} }}")).await;
    let entry = &issued["invoice"]["entry"];
    assert_eq!(labelled(entry), pairs(&[("", "100.02"), ("north", "-60.01"), ("south", "-40.01")]));
    // Shares are others since March; what comes back in April comes from where it was.
    let note = json!({ "invoice": draft, "issueDate": "2026-04-02", "reason": "Sent back" });
    let note = change(client, "creditNoteIssue", note, &format!("creditNote {{ entry {{ {SHOWN} }} }}")).await;
    let entry = &note["creditNote"]["entry"];
    assert_eq!(labelled(entry), pairs(&[("", "-100.02"), ("north", "60.01"), ("south", "40.01")]));
    let figures = |value: &str| {
        let query = "query($values: [ID!]) { incomeStatement(from: \"2026-01-01\", to: \"2026-12-31\", dimensions: $values) { result { amount } } }";
        let values = json!({ "values": [value] });
        async move { client.ask(query, values).await["incomeStatement"]["result"]["amount"].clone() }
    };
    assert_eq!((figures(&north).await, figures(&south).await), (json!("0.00"), json!("0.00")));
}
