//! Whoever may not read a thing cannot have it exported, nor the file in which somebody else had.

use std::collections::BTreeSet;

use backoffice::platform::can::Can;
use backoffice::platform::ids::split;

use super::*;
use crate::walls::furnished::{change, furnish};
use crate::walls::schema::{Schema, innermost};

const FILE: &str = "query($id: ID!) { file(id: $id) { id downloadUrl } node(id: $id) { id } files { totalCount } }";

#[tokio::test]
async fn what_may_not_be_read_is_refused_when_it_is_asked_for() {
    let office = Office::open();
    let (boss, clerk) = (office.person("Boss"), office.person("Clerk"));
    let firm = office.firm("Firm", boss);
    office.grant(firm, clerk, &[Can::ExportRun, Can::JobRead, Can::InvoiceRead]);
    let clerk = office.client(clerk, firm);
    // There is not one invoice, and still it is known that their customers could not be read.
    for (query, right) in [
        ("{ customers { nodes { number } } }", "finance.customer.read"),
        ("{ invoices { nodes { number customer { name } } } }", "finance.customer.read"),
        ("{ invoices { nodes { entry { number } } } }", "finance.journal.read"),
        ("{ invoices { nodes { ...C } } } fragment C on Invoice { customer { id } }", "finance.customer.read"),
    ] {
        let reply = clerk.send(EXPORT, json!({ "input": { "query": query, "format": "CSV" } })).await;
        assert_eq!(reply.code(), "FORBIDDEN", "{query}: {}", reply.text);
        assert!(reply.body["errors"][0]["message"].as_str().unwrap().contains(right), "{}", reply.text);
    }
    assert_eq!(office.count("SELECT count(*) FROM core.job"), 0);
    exported(&clerk, "{ invoices { nodes { number status } } }", "CSV").await;
    let nobody = office.person("Nobody");
    office.grant(firm, nobody, &[Can::InvoiceRead, Can::JobRead]);
    let reply = office
        .client(nobody, firm)
        .send(EXPORT, json!({ "input": { "query": "{ invoices { nodes { number } } }", "format": "CSV" } }))
        .await;
    assert_eq!(reply.code(), "FORBIDDEN");
}

/// Whatever the reading of a field of a row asks for, the export knows beforehand: held against the reading itself, for
/// every list and every child of its rows, as somebody who may read the list alone.
#[tokio::test]
async fn the_rights_of_an_export_are_those_of_its_reading() {
    let schema = Schema::read().await;
    let office = Office::open();
    let app = &office.app;
    let furnished = furnish(app, &schema, &app.administrator().await, "ALPHA", "02").await;
    exported(&furnished.boss, "{ customers { nodes { id } } }", "CSV").await;
    let firm = split(&furnished.client).unwrap().1;
    let nobody = office.person("Nobody");
    office.grant(firm, nobody, &[Can::JobRead]);
    let nobody = office.client(nobody, firm);
    let named = |reply: &crate::harness::Reply| -> Option<Can> {
        reply.body["errors"][0]["message"].as_str()?.split('`').find_map(Can::parse)
    };
    let (mut children, mut walled) = (0, BTreeSet::new());
    for field in schema.root_fields(false) {
        let (name, connection) = (field["name"].as_str().unwrap(), innermost(&field["type"]));
        let given = match name {
            _ if !connection.ends_with("Connection") => continue,
            "clientGroups"
            | "clientOffboardings"
            | "clients"
            | "closeStatuses"
            | "onboardingTemplates"
            | "providerCalendars"
            | "sessions"
            | "staff"
            | "staffCapacity"
            | "undeliveredMails" => continue,
            "auditTrail" => format!("(node: \"{}\")", furnished.examples["Customer"]),
            "identityProviderUsers" => format!("(identityProvider: \"{}\")", furnished.examples["IdentityProvider"]),
            "comments" | "recordWatchers" => format!("(record: \"{}\")", furnished.examples["WorkItem"]),
            "customerMovements" => {
                let who = &furnished.examples["Customer"];
                format!("(customer: \"{who}\", currency: \"EUR\", from: \"2026-01-01\", through: \"2026-12-31\")")
            }
            "withholdingTotals" => "(from: \"2026-02-01\", to: \"2026-02-28\")".to_owned(),
            "documentSearch" => "(text: \"lease\")".to_owned(),
            "signatureEvents" => format!("(signatureRequest: \"{}\")", furnished.examples["SignatureRequest"]),
            "registerDuplicateGroups" | "registerRecords" => {
                format!("(register: \"{}\")", furnished.examples["Register"])
            }
            _ => String::new(),
        };
        let (_, known) = schema.types().find(|(known, _)| *known == connection).unwrap();
        let nodes = known["fields"].as_array().unwrap().iter().find(|field| field["name"] == "nodes").unwrap();
        let (_, row) = schema.types().find(|(known, _)| *known == innermost(&nodes["type"])).unwrap();
        let plain = format!("{{ {name}{given} {{ nodes {{ __typename }} }} }}");
        let right = named(&nobody.send(&plain, json!({})).await);
        let mut rights = vec![Can::ExportRun, Can::JobRead];
        rights.extend(right);
        let reader = office.person("Reader");
        office.grant(firm, reader, &rights);
        let reader = office.client(reader, firm);
        for child in row["fields"].as_array().unwrap() {
            let kind = schema
                .types()
                .find(|(known, _)| *known == innermost(&child["type"]))
                .map_or("", |(_, kind)| kind["kind"].as_str().unwrap());
            let below = match kind {
                "OBJECT" => "{ __typename }",
                "INTERFACE" => continue,
                _ => "",
            };
            if child["args"]
                .as_array()
                .unwrap()
                .iter()
                .any(|argument| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null())
            {
                continue;
            }
            let child = child["name"].as_str().unwrap();
            let query = format!("{{ {name}{given} {{ nodes {{ {child} {below} }} }} }}");
            let read = reader.send(&query, json!({})).await;
            let asked = reader.dry().send(EXPORT, json!({ "input": { "query": query, "format": "CSV" } })).await;
            // Where there is nothing to read, the reading asks for nothing.
            let nodes = read.body["data"][name]["nodes"].as_array();
            let nothing =
                nodes.is_some_and(|nodes| nodes.iter().all(|node| node[child].is_null() || node[child] == json!([])));
            if !(nothing && asked.code() == "FORBIDDEN") {
                assert_eq!(
                    (read.code(), named(&read)),
                    (asked.code(), named(&asked)),
                    "{query}\n{}\n{}",
                    read.text,
                    asked.text
                );
            }
            children += 1;
            if read.code() == "FORBIDDEN" {
                walled.insert(format!("{name}.{child}"));
            }
        }
    }
    println!("{children} fields of rows, {} behind a right of their own: {walled:?}", walled.len());
    assert!(children > 200 && walled.len() > 15, "{children} {walled:?}");
}

#[tokio::test]
async fn a_right_that_is_withdrawn_stops_an_export() {
    let office = Office::with(Setup { jobs: 0, ..Setup::default() });
    let (boss, clerk) = (office.person("Boss"), office.person("Clerk"));
    let firm = office.firm("Firm", boss);
    lay_customers(&office.app.database, firm, 6_000);
    office.grant(firm, clerk, &[Can::ExportRun, Can::JobRead, Can::FileRead]);
    office.grant(firm, clerk, &[Can::CustomerRead]);
    let clerk = office.client(clerk, firm);
    let withdraw = || {
        office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE identity.role SET permissions = '{{practice.client.read}}' WHERE permissions = '{{finance.customer.read}}'"
    ))
    };
    let give_back = || {
        office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE identity.role SET permissions = '{{finance.customer.read}}' WHERE permissions = '{{practice.client.read}}'"
    ))
    };
    let query = json!({ "input": { "query": "{ customers { nodes { number name city } } }", "format": "XLSX" } });
    for before in [true, false] {
        let asked = clerk.ask(EXPORT, query.clone()).await["exportCreate"]["job"]["id"].as_str().unwrap().to_owned();
        if before {
            withdraw();
        }
        let worker = office.app.database.workers(1);
        while !before && office.count("SELECT coalesce(max(done), 0) FROM core.job WHERE state = 'running'") == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !before {
            withdraw();
        }
        let done = clerk.ended(&asked).await;
        worker.stop().await;
        assert_eq!(
            (&done["state"], &done["errorCode"], &done["result"]),
            (&json!("FAILED"), &json!("FORBIDDEN"), &Value::Null),
            "{done}"
        );
        assert!(done["error"].as_str().unwrap().contains("finance.customer.read"), "{done}");
        assert_eq!(office.count("SELECT count(*) FROM core.file WHERE state = 'ready'"), 0);
        give_back();
    }
}

#[tokio::test]
async fn a_file_is_for_those_who_hold_its_rights() {
    let office = Office::open();
    let (boss, clerk, seller) = (office.person("Boss"), office.person("Clerk"), office.person("Seller"));
    let (firm, other) = (office.firm("Firm", boss), office.firm("Other", boss));
    lay_customers(&office.app.database, firm, 20);
    let file_rights = [Can::FileRead, Can::FileManage];
    let import_rights = [Can::JobRead, Can::ImportRun, Can::VendorManage, Can::VendorRead];
    office.grant(firm, clerk, &[&file_rights[..], &import_rights[..]].concat());
    office.grant(firm, seller, &[Can::FileRead, Can::CustomerRead]);
    let ada = office.client(boss, firm);
    let file = exported(&ada, "{ customers { nodes { number name } } }", "CSV").await["file"].clone();
    let seen = |client: Client| {
        let file = file.clone();
        async move { client.ask(FILE, json!({ "id": file })).await }
    };
    let nothing = json!({ "file": null, "node": null, "files": { "totalCount": 0 } });
    assert_eq!(seen(office.client(clerk, firm)).await, nothing, "who reads files and no customers");
    assert_eq!(seen(office.client(boss, other)).await, nothing, "at another client");
    assert_eq!(seen(office.client(seller, firm)).await["file"]["id"], file, "who may read all of it anyway");
    // Nor can it be taken in through the back door.
    let taken = json!({ "input": { "kind": "VENDORS", "file": file } });
    assert_eq!(office.client(clerk, firm).refused(IMPORT, taken).await[0]["code"], "NOT_FOUND");
    // Nor taken away by somebody to whom there is no such file.
    let delete = "mutation($input: FileDeleteInput!) { fileDelete(input: $input) { userErrors { code } } }";
    let gone = json!({ "input": { "file": file } });
    assert_eq!(office.client(clerk, firm).refused(delete, gone).await[0]["code"], "NOT_FOUND");
    let address = seen(ada.clone()).await["file"]["downloadUrl"].as_str().unwrap().to_owned();
    assert!(reqwest::get(office.app.url(&address)).await.unwrap().status().is_success());
    // Whoever has lost the right has lost the file, and the address that he had.
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}');
         UPDATE identity.role SET permissions = array_remove(permissions, 'finance.customer.read') WHERE tenant_id = '{firm}'"
    ));
    assert_eq!(seen(ada.clone()).await, nothing);
    assert_eq!(reqwest::get(office.app.url(&address)).await.unwrap().status(), 404);

    // What depends on who reads is for him alone.
    let own = exported(&ada, "{ jobs { nodes { kind result } } }", "JSONL").await["file"].clone();
    let twin = office.person("Twin");
    office.grant(firm, twin, Can::ALL);
    assert_eq!(office.client(twin, firm).ask(FILE, json!({ "id": own })).await["file"], Value::Null);
    assert_eq!(ada.ask(FILE, json!({ "id": own })).await["file"]["id"], own);
}

#[tokio::test]
async fn an_export_is_no_way_around_published_documents() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let ada = office.client(person, firm);
    let query = "{ customers { nodes { number } } }";
    let publish = |portal: &'static str, text: &'static str| {
        let documents = json!([{ "sha256": backoffice::practice::documents::hash(text), "text": text }]);
        json!({ "portal": portal, "documents": documents })
    };
    change(&ada, "documentManifestPublish", publish("exports", EXPORT), "").await;
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE practice.client SET only_persisted_documents = true WHERE tenant_id = '{firm}'"
    ));
    let input = json!({ "input": { "query": query, "format": "CSV" } });
    assert_eq!(ada.refused(EXPORT, input.clone()).await[0]["field"], json!(["input", "query"]));
    change(&ada, "documentManifestPublish", publish("lists", query), "").await;
    let reply = ada.send(EXPORT, input).await;
    assert!(reply.body["data"]["exportCreate"]["job"]["id"].is_string(), "{}", reply.text);
}
