//! Files become records.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::*;
use crate::walls::furnished::{furnish, mapping};
use crate::walls::schema::Schema;

/// What is wrong with the file of a job, page by page.
async fn problems(client: &Client, job: &Value) -> Vec<(i64, Value, String)> {
    let query = "query($id: ID!, $after: String) { job(id: $id) { problems(first: 3, after: $after) {
        nodes { line column code message } totalCount pageInfo { hasNextPage endCursor } } } }";
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client.ask(query, json!({ "id": job["id"], "after": after })).await["job"]["problems"].clone();
        for one in page["nodes"].as_array().unwrap() {
            assert!(one["message"].as_str().unwrap().len() > 5);
            all.push((one["line"].as_i64().unwrap(), one["column"].clone(), one["code"].as_str().unwrap().to_owned()));
        }
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(page["totalCount"], all.len());
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

#[tokio::test]
async fn a_file_is_tried_refused_by_line_and_taken_in_once() {
    let office = Office::open();
    let (person, colleague) = (office.person("Ada"), office.person("Berta"));
    let firm = office.firm("Firm", person);
    office.grant(firm, colleague, backoffice::platform::can::Can::ALL);
    let ada = office.client(person, firm);
    let count = || office.count("SELECT count(*) FROM finance.customer");
    let good = upload(&office.app, &ada, "customers.csv", customers(1, 20).as_bytes()).await;
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": good, "dryRun": true })).await;
    let counts = |done: &Value| {
        (
            done["state"].as_str().unwrap().to_owned(),
            done["result"]["created"].as_i64(),
            done["result"]["unchanged"].as_i64(),
        )
    };
    assert_eq!(counts(&done), ("SUCCEEDED".to_owned(), Some(20), Some(0)), "{done}");
    let traces = || {
        office.count("SELECT (SELECT count(*) FROM core.import) + (SELECT count(*) FROM audit.entry WHERE table_name = 'finance.customer') + (SELECT count(*) FROM core.event WHERE kind <> 'file.completed')")
    };
    assert_eq!((count(), traces(), &done["result"]["dryRun"]), (0, 0, &json!(true)));
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": good })).await;
    assert_eq!((counts(&done), count()), (("SUCCEEDED".to_owned(), Some(20), Some(0)), 20), "{done}");
    let found = ada
        .ask(
            "query($id: ID!) { node(id: $id) { ... on Import { created fileName } } }",
            json!({ "id": done["result"]["import"] }),
        )
        .await;
    assert_eq!(found["node"], json!({ "created": 20, "fileName": "customers.csv" }));
    // The same again is nothing new, nor are the same lines in another file.
    let again = import(&ada, json!({ "kind": "CUSTOMERS", "file": good })).await;
    assert_eq!(counts(&again), ("SUCCEEDED".to_owned(), Some(0), Some(20)));
    let more = upload(&office.app, &ada, "more.csv", customers(11, 20).as_bytes()).await;
    let tried = import(&ada, json!({ "kind": "CUSTOMERS", "file": more, "dryRun": true })).await;
    assert_eq!((counts(&tried), count()), (("SUCCEEDED".to_owned(), Some(10), Some(10)), 20), "{tried}");

    // Wrong lines refuse the file, each with its column and reason; nothing of it stays.
    let mut wrong = customers(100, 3);
    wrong.push_str("000104,=1+1,DE\n000105,No country,Germany\n000106,,DE\n000107,x,DE,too much\n");
    let wrong = upload(&office.app, &ada, "wrong.csv", wrong.as_bytes()).await;
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": wrong })).await;
    assert_eq!((&done["state"], &done["errorCode"], count()), (&json!("FAILED"), &json!("REFUSED"), 20), "{done}");
    let listed = problems(&ada, &done).await;
    let expected = [(8, Value::Null, "RAGGED_ROW".to_owned())];
    assert_eq!((listed.as_slice(), &done["result"]["problems"]), (expected.as_slice(), &json!(1)));
    let mut wrong = customers(100, 3);
    wrong.push_str("000104,=1+1,DE\n000105,No country,Germany\n000106,,DE\n000104,x,DE\n000109,y,ZZ\n");
    let wrong = upload(&office.app, &ada, "wrong.csv", wrong.as_bytes()).await;
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": wrong })).await;
    let expected = [(5, "name", "FORMULA"), (6, "country", "COUNTRY"), (7, "name", "REQUIRED")];
    assert_eq!(
        problems(&ada, &done).await,
        expected.map(|(line, column, code)| (line, json!(column), code.to_owned()))
    );
    assert_eq!((count(), &done["result"]["problems"]), (20, &json!(3)));
    // What is in the books otherwise is a wrong line as well, also where it stands far behind good ones.
    let differing = format!("{}000007,Another,DE\n", customers(1000, 2500));
    let differing = upload(&office.app, &ada, "differing.csv", differing.as_bytes()).await;
    let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": differing })).await;
    assert_eq!(problems(&ada, &done).await, [(2502, json!("name"), "DIFFERS".to_owned())], "{done}");
    assert_eq!(count(), 20);
    // They are shown to the one who asked.
    let theirs = office
        .client(colleague, firm)
        .ask("query($id: ID!) { job(id: $id) { state problems { totalCount } } }", json!({ "id": done["id"] }))
        .await;
    assert_eq!(theirs["job"], json!({ "state": "FAILED", "problems": null }));
}

#[tokio::test]
async fn columns_may_be_called_otherwise() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let ada = office.client(person, firm);
    let named = encoding("Kundenliste vom 1. Mai\nNummer;Firma;Land;Ampel\nA-1;Ärzte GmbH;DE;rot\n");
    let file = upload(&office.app, &ada, "kunden.csv", &named).await;
    let columns = json!([{ "column": "Nummer", "field": "number" }, { "column": "firma", "field": "name" }, { "column": "Land", "field": "country" }]);
    let mapped = |more: Value| {
        let mut mapping = json!({ "columns": columns, "encoding": "WINDOWS1252", "skipLines": 1 });
        mapping.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "kind": "VENDORS", "file": file, "mapping": mapping })
    };
    let done = import(&ada, mapped(json!({}))).await;
    assert_eq!(problems(&ada, &done).await, [(2, json!("Ampel"), "UNKNOWN_COLUMN".to_owned())], "{done}");
    let done = import(&ada, mapped(json!({ "ignoreOtherColumns": true }))).await;
    assert_eq!((&done["state"], &done["result"]["created"]), (&json!("SUCCEEDED"), &json!(1)), "{done}");
    assert_eq!(
        listed(&ada, "vendors", "number name country").await,
        [json!({ "number": "A-1", "name": "Ärzte GmbH", "country": "DE" })]
    );
    let refused = |input: Value| {
        let ada = ada.clone();
        async move { ada.refused(IMPORT, json!({ "input": input })).await[0]["field"].clone() }
    };
    assert_eq!(refused(mapped(json!({ "separator": "|" }))).await, json!(["input", "mapping", "separator"]));
    assert_eq!(
        refused(json!({ "kind": "VENDORS", "file": file, "date": "2026-01-01" })).await,
        json!(["input", "date"])
    );
    assert_eq!(refused(json!({ "kind": "OPENING_BALANCES", "file": file })).await, json!(["input", "date"]));
    assert_eq!(refused(json!({ "kind": "BANK_STATEMENT", "file": file })).await, json!(["input", "format"]));
    let other = office.firm("Other", person);
    let theirs =
        office.client(person, other).refused(IMPORT, json!({ "input": { "kind": "VENDORS", "file": file } })).await;
    assert_eq!((&theirs[0]["field"], &theirs[0]["code"]), (&json!(["input", "file"]), &json!("NOT_FOUND")));
}

/// In Windows-1252, which ends the line for UTF-8.
fn encoding(text: &str) -> Vec<u8> {
    text.chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect()
}

#[tokio::test]
async fn every_kind_of_file_comes_in_as_a_job() {
    let (schema, app) = (Schema::read().await, App::start());
    let firm = furnish(&app, &schema, &app.administrator().await, "ALPHA", "02").await;
    let boss = &firm.boss;
    let kinds = schema.words("ImportKind");
    let mut done = Vec::new();
    for (kind, name, text, more) in [
        ("CHART_OF_ACCOUNTS", "chart.csv", "code,name,type\nX1,Extra,asset\n", json!({})),
        (
            "OPENING_BALANCES",
            "opening.csv",
            "account,debit,credit\nX1,10.00,\nALPHA.2,,10.00\n",
            json!({ "date": "2026-01-01" }),
        ),
        ("CUSTOMERS", "customers.csv", "number,name\nN1,New\n", json!({})),
        ("VENDORS", "vendors.csv", "number,name\nN1,New\n", json!({})),
        (
            "BANK_STATEMENT",
            "bank.csv",
            "Booked,Text,Amount\n2026-03-20,more,100.00\n",
            json!({ "format": "CSV", "bankAccount": firm.examples["BankAccount"], "bankMapping": mapping(), "openingBalance": "114.00", "closingBalance": "214.00" }),
        ),
        (
            "REGISTER_RECORDS",
            "records.csv",
            "number,name,iban\nN-1,Nora,\n",
            json!({ "register": firm.examples["Register"] }),
        ),
    ] {
        let file = upload(&app, boss, name, text.as_bytes()).await;
        let mut input = json!({ "kind": kind, "file": file, "dryRun": true });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let before = boss.ask("{ imports { totalCount } }", json!({})).await;
        let tried = import(boss, input.clone()).await;
        assert_eq!(tried["state"], "SUCCEEDED", "{kind}: {tried}");
        assert_eq!(boss.ask("{ imports { totalCount } }", json!({})).await, before);
        input["dryRun"] = json!(false);
        let taken = import(boss, input).await;
        assert_eq!(
            (&taken["state"], &taken["result"]["created"]),
            (&json!("SUCCEEDED"), &tried["result"]["created"]),
            "{kind}: {taken}"
        );
        assert!(
            taken["result"]["created"].as_i64().unwrap() > 0 && taken["result"]["import"].is_string(),
            "{kind}: {taken}"
        );
        done.push(kind.to_owned());
    }
    assert_eq!(kinds.iter().filter(|kind| !done.contains(kind)).count(), 0, "{kinds:?}");
    let camt = upload(&app, boss, "camt.xml", b"<Document/>").await;
    let refused = import(boss, json!({ "kind": "BANK_STATEMENT", "file": camt, "format": "CAMT053" })).await;
    assert_eq!((&refused["state"], !problems(boss, &refused).await.is_empty()), (&json!("FAILED"), true), "{refused}");
}

#[tokio::test]
async fn what_went_out_comes_in_at_another_client() {
    let office = Office::open();
    let person = office.person("Ada");
    let (firm, other) = (office.firm("Firm", person), office.firm("Other", person));
    lay_customers(&office.app.database, firm, 2_500);
    let (ada, there) = (office.client(person, firm), office.client(person, other));
    let columns = "number name city country currency paymentTermsDays";
    let query = format!("{{ customers {{ nodes {{ {columns} }} }} }}");
    let renamed = json!({ "columns": [{ "column": "paymentTermsDays", "field": "payment_terms_days" }] });
    let flat = |mut rows: Vec<Value>| {
        for row in &mut rows {
            // White space of a file is one space.
            row["name"] = json!(row["name"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" "));
        }
        rows.sort_by_key(|row| row["number"].as_str().unwrap().to_owned());
        rows
    };
    let expected = flat(listed(&ada, "customers", columns).await);
    for (round, format) in ["CSV", "XLSX"].iter().enumerate() {
        let out = exported(&ada, &query, format).await;
        let bytes = download(&office.app, &ada, &out["file"]).await;
        let file = upload(&office.app, &there, &format!("customers.{format}"), &bytes).await;
        let done = import(&there, json!({ "kind": "CUSTOMERS", "file": file, "mapping": renamed })).await;
        assert_eq!(done["state"], "SUCCEEDED", "{format}: {done} {:?}", problems(&there, &done).await);
        let (created, unchanged) = if round == 0 { (2500, 0) } else { (0, 2500) };
        assert_eq!(
            (&done["result"]["created"], &done["result"]["unchanged"]),
            (&json!(created), &json!(unchanged)),
            "{format}: {done}"
        );
        assert_eq!(flat(listed(&there, "customers", columns).await), expected, "{format}");
    }
}

#[tokio::test]
async fn an_import_survives_its_workers() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let ada = office.client(person, firm);
    let (files, each) = (2, 12_000);
    let mut jobs = Vec::new();
    for file in 0..files {
        let id = upload(&office.app, &ada, &format!("{file}.csv"), customers(file * each, each).as_bytes()).await;
        jobs.push(asked(&ada, json!({ "kind": "CUSTOMERS", "file": id })).await);
    }
    let left = || office.count("SELECT count(*) FROM core.job_queue");
    let there = || office.count("SELECT count(*) FROM finance.customer");
    let (mut kills, mut in_the_middle, begun) = (0, 0, Instant::now());
    while left() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(180), "the imports do not end");
        let (before, started) = (there(), Instant::now());
        let worker = office.app.database.worker(2);
        // Until it has done something, and a moment that grows: into the middle of a later batch.
        while there() == before && left() > 0 && started.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(kills * 37 % 400)).await;
        drop(worker);
        kills += 1;
        in_the_middle += u32::from(there() % i64::from(each) != 0);
    }
    let lost = office.count("SELECT count(*) FROM core.job_attempt WHERE outcome = 'lost'");
    println!("{kills} workers, {lost} attempts lost, {in_the_middle} with a file half in");
    assert!(lost > 1 && in_the_middle > 1);
    for job in &jobs {
        let done = ada.ended(job).await;
        // Begun anew, what was there before would be unchanged and not created.
        assert_eq!(
            (&done["state"], &done["result"]["created"], &done["result"]["unchanged"]),
            (&json!("SUCCEEDED"), &json!(each), &json!(0)),
            "{done}"
        );
        assert_eq!(done["progress"], json!({ "done": each, "total": each }));
    }
    let all = i64::from(files * each);
    assert_eq!((there(), office.count("SELECT count(*) FROM core.import")), (all, i64::from(files)));
    assert_eq!(office.count("SELECT count(*) FROM audit.entry WHERE table_name = 'finance.customer'"), all);
    assert_eq!(office.count("SELECT count(*) FROM core.event WHERE kind = 'import.finished'"), i64::from(files));
}

/// A ZIP archive of parts that are all the same, which may say less of their size than is true.
fn archive(parts: usize, of_each: usize, said: Option<u32>) -> Vec<u8> {
    let cells = b"<c><v>1</v></c>".repeat(of_each / 15);
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&cells).unwrap();
    let packed = encoder.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(&cells);
    let size = said.unwrap_or(u32::try_from(cells.len()).unwrap());
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for part in 0..parts {
        let name = format!("xl/worksheets/sheet{}.xml", part + 1);
        let offset = u32::try_from(bytes.len()).unwrap();
        let mut common = Vec::new();
        for two in [20_u16, 0, 8, 0, 0] {
            common.extend(two.to_le_bytes());
        }
        for four in [crc.sum(), u32::try_from(packed.len()).unwrap(), size] {
            common.extend(four.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(&packed);
        directory.extend(b"PK\x01\x02");
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (begin, length) = (u32::try_from(bytes.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0; 4]);
    for _ in 0..2 {
        bytes.extend(u16::try_from(parts).unwrap().to_le_bytes());
    }
    bytes.extend(length.to_le_bytes());
    bytes.extend(begin.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

#[tokio::test]
async fn a_bomb_is_refused_and_memory_stays_bounded() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let ada = office.client(person, firm);
    let worker = office.app.database.worker(1);
    let mib = 1024 * 1024;
    // 400 MiB that say so, as many that say one kilobyte each, and one sheet of that size that lies.
    for (at, bomb) in
        [archive(10, 40 * mib, None), archive(10, 40 * mib, Some(1024)), archive(1, 250 * mib, Some(1024))]
            .into_iter()
            .enumerate()
    {
        assert!(bomb.len() < 8 * mib, "{}", bomb.len());
        let file = upload(&office.app, &ada, "bomb.xlsx", &bomb).await;
        let done = import(&ada, json!({ "kind": "CUSTOMERS", "file": file })).await;
        assert_eq!((&done["state"], &done["errorCode"]), (&json!("FAILED"), &json!("REFUSED")), "{at}: {done}");
        let (line, _, code) = problems(&ada, &done).await.remove(0);
        assert!(line == 1 && ["TOO_LARGE", "FORMAT"].contains(&code.as_str()), "{at}: {code}");
    }
    // Others go on being served by the same worker.
    let good = upload(&office.app, &ada, "good.csv", customers(1, 3).as_bytes()).await;
    assert_eq!(import(&ada, json!({ "kind": "CUSTOMERS", "file": good })).await["state"], "SUCCEEDED");
    let peak = worker.peak_memory() / 1024;
    println!("the worker had at most {peak} MiB");
    assert!(peak < 200, "{peak} MiB");
}
