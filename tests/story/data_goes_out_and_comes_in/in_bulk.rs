//! Many rows, with time and memory of the worker that moves them: `BACKOFFICE_BULK=100000`.

use super::*;

#[tokio::test]
async fn a_hundred_thousand_rows_in_bulk() {
    let count: u32 = std::env::var("BACKOFFICE_BULK").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000);
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let person = office.person("Ada");
    let (firm, empty) = (office.firm("Firm", person), office.firm("Empty", person));
    lay_customers(&office.app.database, firm, count);
    let (ada, there) = (office.client(person, firm), office.client(person, empty));
    for format in ["CSV", "JSONL", "XLSX"] {
        let (worker, begun) = (office.app.database.worker(1), Instant::now());
        let query = "{ customers { nodes { number name city country currency paymentTermsDays } } }";
        let done = exported(&ada, query, format).await;
        assert_eq!(done["rows"], count);
        let (seconds, peak) = (begun.elapsed().as_secs_f64(), worker.peak_memory() / 1024);
        println!(
            "export {format}: {count} rows in {seconds:.1} s, {} bytes, the worker had at most {peak} MiB",
            done["size"]
        );
        if format != "JSONL" {
            let bytes = download(&office.app, &ada, &done["file"]).await;
            let file = upload(&office.app, &there, "many", &bytes).await;
            let renamed = json!({ "columns": [{ "column": "paymentTermsDays", "field": "payment_terms_days" }] });
            drop(worker);
            let (worker, begun) = (office.app.database.worker(1), Instant::now());
            let done = import(
                &there,
                json!({ "kind": "CUSTOMERS", "file": file, "mapping": renamed, "dryRun": format == "XLSX" }),
            )
            .await;
            assert_eq!((&done["state"], &done["result"]["lines"]), (&json!("SUCCEEDED"), &json!(count)), "{done}");
            let (seconds, peak) = (begun.elapsed().as_secs_f64(), worker.peak_memory() / 1024);
            println!("import {format}: {count} rows in {seconds:.1} s, the worker had at most {peak} MiB");
        }
    }
}
