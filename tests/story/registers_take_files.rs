//! Records of registers come in by files: a thousand lines of which three are bad, all of them or the good ones; the same file
//! again adds nothing, and neither does a worker that dies.

use std::time::{Duration, Instant};

use backoffice_formats::rows_out::{Cell, Sheet};
use serde_json::{Value, json};

use crate::data_goes_out_and_comes_in::{asked, import, upload};
use crate::harness::{Client, Office, Setup};
use crate::registers_are_kept::{Desk, fields};

/// A thousand lines, of which three are bad: a number that is none, a name that is missing, and a key that is there twice.
fn thousand() -> String {
    let lines: String = (2..=1001)
        .map(|line| match line {
            200 => "S-200,Name 200,Kiel,12.5.5,2026-01-31,true,a\n".to_owned(),
            500 => "S-500,,Kiel,1,2026-01-31,true,a\n".to_owned(),
            900 => "S-2,Name 900,Kiel,1,2026-01-31,true,a\n".to_owned(),
            _ => format!("S-{line},Name {line},Kiel,{line}.5,2026-01-31,true,Good\n"),
        })
        .collect();
    format!("number,name,city,limit,since,active,grade\n{lines}")
}

/// What is wrong with the file of a job, by line and column.
async fn problems(client: &Client, job: &Value) -> Vec<(i64, Value, String)> {
    let query = "query($id: ID!) { job(id: $id) { problems(first: 100) { nodes { line column code message } } } }";
    let found = client.ask(query, json!({ "id": job["id"] })).await["job"]["problems"]["nodes"].clone();
    let told =
        |one: &Value| (one["line"].as_i64().unwrap(), one["column"].clone(), one["code"].as_str().unwrap().to_owned());
    found.as_array().unwrap().iter().map(told).collect()
}

fn three() -> Vec<(i64, Value, String)> {
    [(200, "limit", "NUMBER"), (500, "name", "REQUIRED"), (900, "number", "DUPLICATE")]
        .map(|(line, column, code)| (line, json!(column), code.to_owned()))
        .to_vec()
}

fn counts(job: &Value) -> [i64; 4] {
    ["lines", "created", "unchanged", "leftOut"].map(|name| job["result"][name].as_i64().unwrap_or(-1))
}

#[tokio::test]
async fn of_a_thousand_lines_three_are_bad() {
    let desk = Desk::open().await;
    let count = || desk.office.count("SELECT count(*) FROM practice.register_record");
    let file = upload(&desk.office.app, &desk.client, "suppliers.csv", thousand().as_bytes()).await;
    let asked = |more: Value| {
        let mut input = json!({ "kind": "REGISTER_RECORDS", "file": file, "register": desk.register });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    // All or nothing: nothing.
    let nothing = import(&desk.client, asked(json!({ "mode": "ALL_OR_NOTHING" }))).await;
    assert_eq!(
        (&nothing["state"], &nothing["errorCode"], count()),
        (&json!("FAILED"), &json!("REFUSED"), 0),
        "{nothing}"
    );
    assert_eq!(problems(&desk.client, &nothing).await, three());
    // The good ones, tried first.
    let tried = import(&desk.client, asked(json!({ "mode": "GOOD_ONES", "dryRun": true }))).await;
    assert_eq!((&tried["state"], counts(&tried), count()), (&json!("SUCCEEDED"), [1000, 997, 0, 3], 0), "{tried}");
    assert_eq!(problems(&desk.client, &tried).await, three());
    let done = import(&desk.client, asked(json!({ "mode": "GOOD_ONES" }))).await;
    assert_eq!((&done["state"], counts(&done), count()), (&json!("SUCCEEDED"), [1000, 997, 0, 3], 997), "{done}");
    assert_eq!(problems(&desk.client, &done).await, three());
    let query = "query($id: ID!) { node(id: $id) { ... on Import { kind lines created } } }";
    let told = desk.client.ask(query, json!({ "id": done["result"]["import"] })).await;
    assert_eq!(told["node"], json!({ "kind": "REGISTER_RECORDS", "lines": 997, "created": 997 }));
    // The same file again adds nothing, also where a record was changed or voided since.
    let found = desk.found(json!({ "field": { "field": "limit", "number": { "eq": "10.5" } } }), Value::Null).await;
    assert_eq!(found, ["S-10"]);
    let id = |number: &str| {
        let text = format!(
            "SELECT replace(id::text, '-', '') AS line FROM practice.register_record WHERE fields ->> 'number' = '{number}'"
        );
        format!("rrec_{}", desk.office.app.database.lines("postgres", &text)[0])
    };
    desk.change(&id("S-10"), json!({ "number": "T-10", "city": "Bonn" })).await;
    crate::documents_are_kept::act(
        &desk.client,
        "registerRecordVoid",
        "RegisterRecordVoidInput",
        json!({ "id": id("S-11"), "reason": "No supplier any more" }),
        "registerRecord { id }",
    )
    .await;
    let again = import(&desk.client, asked(json!({ "mode": "GOOD_ONES" }))).await;
    assert_eq!((counts(&again), count()), ([1000, 0, 997, 3], 997), "{again}");
    // Mended, the whole file goes in: what is there stays, the three come.
    let mended = thousand()
        .replace("12.5.5", "12.5")
        .replace("S-500,,", "S-500,Name,")
        .replace("S-2,Name 900", "S-900,Name 900");
    let mended = upload(&desk.office.app, &desk.client, "mended.csv", mended.as_bytes()).await;
    let done =
        import(&desk.client, json!({ "kind": "REGISTER_RECORDS", "file": mended, "register": desk.register })).await;
    assert_eq!((&done["state"], counts(&done), count()), (&json!("SUCCEEDED"), [1000, 3, 997, 0], 1000), "{done}");
    // A line that says something else than the record of its key is wrong; one that says less is there.
    let other = "number,name,city\nS-20,Name 20,\nS-21,Another,Kiel\n";
    let other = upload(&desk.office.app, &desk.client, "other.csv", other.as_bytes()).await;
    let done =
        import(&desk.client, json!({ "kind": "REGISTER_RECORDS", "file": other, "register": desk.register })).await;
    assert_eq!((&done["state"], count()), (&json!("FAILED"), 1000));
    assert_eq!(problems(&desk.client, &done).await, [(3, json!("name"), "DIFFERS".to_owned())]);
    desk.close();
}

#[tokio::test]
async fn columns_are_mapped_and_spreadsheets_read() {
    let desk = Desk::open().await;
    let text = "Liste\nNummer;Firma;Ort;Summe;Seit;Bemerkung\nA-1;Ärzte GmbH;Köln;1.234,56;31.01.2026;x\n";
    let file = upload(&desk.office.app, &desk.client, "liste.csv", text.as_bytes()).await;
    let columns = json!([{ "column": "Nummer", "field": "number" }, { "column": "Firma", "field": "name" }, { "column": "Ort", "field": "city" },
                         { "column": "Summe", "field": "limit" }, { "column": "Seit", "field": "since" }]);
    let mut mapping = json!({ "columns": columns, "skipLines": 1, "dateFormat": "DAY_MONTH_YEAR_POINTS" });
    let asked = |mapping: &Value| json!({ "kind": "REGISTER_RECORDS", "file": file, "register": desk.register, "mapping": mapping });
    let done = import(&desk.client, asked(&mapping)).await;
    assert_eq!(problems(&desk.client, &done).await, [(2, json!("Bemerkung"), "UNKNOWN_COLUMN".to_owned())], "{done}");
    mapping["ignoreOtherColumns"] = json!(true);
    let done = import(&desk.client, asked(&mapping)).await;
    assert_eq!(counts(&done), [1, 1, 0, 0], "{done}");
    let filter = json!({ "and": [{ "field": { "field": "limit", "number": { "eq": "1234.56" } } }, { "field": { "field": "since", "date": { "eq": "2026-01-31" } } }] });
    assert_eq!(desk.found(filter, Value::Null).await, ["A-1"]);
    let mut sheet = Sheet::begin().unwrap();
    let row = |cells: &[&str]| cells.iter().map(|one| Cell::Text((*one).to_owned())).collect::<Vec<_>>();
    sheet.row(&row(&["number", "name", "limit"])).unwrap();
    sheet.row(&[Cell::Text("B-1".to_owned()), Cell::Text("=1+1".to_owned()), Cell::Number("0.1".to_owned())]).unwrap();
    sheet.row(&row(&["b-2", "Name", "1"])).unwrap();
    let sheet = upload(&desk.office.app, &desk.client, "sheet.xlsx", &sheet.end().unwrap()).await;
    let input = json!({ "kind": "REGISTER_RECORDS", "file": sheet, "register": desk.register, "mode": "GOOD_ONES" });
    let done = import(&desk.client, input).await;
    assert_eq!(counts(&done), [2, 1, 0, 1], "{done}");
    assert_eq!(problems(&desk.client, &done).await, [(3, json!("number"), "INVALID".to_owned())]);
    // What does not go together is refused before it is read.
    let query = crate::data_goes_out_and_comes_in::IMPORT;
    for (input, place) in [
        (json!({ "kind": "REGISTER_RECORDS", "file": file }), "register"),
        (json!({ "kind": "CUSTOMERS", "file": file, "register": desk.register }), "register"),
        (json!({ "kind": "CUSTOMERS", "file": file, "mode": "GOOD_ONES" }), "mode"),
        (
            json!({ "kind": "REGISTER_RECORDS", "file": file, "register": "reg_0123456789abcdef0123456789abcdef" }),
            "register",
        ),
    ] {
        assert_eq!(desk.client.refused(query, json!({ "input": input })).await[0]["field"], json!(["input", place]));
    }
    desk.close();
}

#[tokio::test]
async fn an_import_of_records_survives_its_workers() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let desk = Desk::with(office, fields(), json!({ "duplicates": [{ "fields": ["name"] }] })).await;
    let each = 8_000;
    let file = |letter: char| {
        let lines: String = (0..each).map(|n| format!("{letter}-{n},Name {n},Kiel\n")).collect();
        format!("number,name,city\n{lines}bad,Name,Kiel\n")
    };
    let mut jobs = Vec::new();
    for (letter, mode) in [('A', "GOOD_ONES"), ('B', "GOOD_ONES")] {
        let id = upload(&desk.office.app, &desk.client, "a.csv", file(letter).as_bytes()).await;
        let input = json!({ "kind": "REGISTER_RECORDS", "file": id, "register": desk.register, "mode": mode });
        jobs.push(asked(&desk.client, input).await);
    }
    let left = || desk.office.count("SELECT count(*) FROM core.job_queue");
    let there = || desk.office.count("SELECT count(*) FROM practice.register_record");
    let (mut kills, begun) = (0, Instant::now());
    while left() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(180), "the imports do not end");
        let (before, started) = (there(), Instant::now());
        let worker = desk.office.app.database.worker(2);
        while there() == before && left() > 0 && started.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(kills * 37 % 400)).await;
        drop(worker);
        kills += 1;
    }
    println!("{kills} workers");
    for job in &jobs {
        let done = desk.client.ended(job).await;
        assert_eq!((&done["state"], counts(&done)), (&json!("SUCCEEDED"), [each + 1, each, 0, 1]), "{done}");
    }
    assert_eq!(there(), each * 2);
    assert_eq!(desk.office.count("SELECT count(*) FROM practice.register_key"), each * 2);
    desk.close();
}
