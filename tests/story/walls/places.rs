//! Which kind of record each place for an id takes, and what else a call needs so that the id matters.

use serde_json::{Value, json};

use super::furnished::{mapping, statement};
use super::schema::Schema;

/// The kind of record that an id at that place names; `*` for any kind. None if the place is not known.
pub fn kind_at(schema: &Schema, field: &str, path: &[String]) -> Option<String> {
    let names: Vec<&str> = path.iter().map(String::as_str).filter(|name| !["eq", "in"].contains(name)).collect();
    let last = *names.last()?;
    let kind = match (field, last) {
        ("node", "id") | ("nodes", "ids") | ("auditTrail", "node") => "*",
        ("lockExceptionGrant", "account") => "User",
        ("bankAccountCreate", "account") => "SpareBank",
        ("bankLineUnmatch", "bankLine") => "MatchedLine",
        ("clientTokenCreate", "client") => "Client",
        ("webhookSecretRotate" | "webhookTest", "id") | ("webhookDeliveries", "endpoint") => "WebhookEndpoint",
        ("businessCalendarDelete", "id") => "SpareCalendar",
        ("clockResume", "id") => "PausedClock",
        ("clocks" | "clockStart", "node") => "Customer",
        (_, "calendar") => "BusinessCalendar",
        ("workItemCreate" | "workItemUpdate" | "workItems" | "workItemCounts", "record") => "Customer",
        (_, "assignee") => "User",
        (_, "client") => "Client",
        ("workItemDependencyRemove", "needs") => "NeededItem",
        // not one and the same in both places
        ("workItemDependencyAdd", "item") => "NeededItem",
        (_, "items" | "item" | "needs") => "WorkItem",
        (_, "mentions") => "Boss",
        (_, "engagement") => "Engagement",
        (_, "request") => "ClientRequest",
        (_, "team") => "Team",
        (_, "account") => "Account",
        (_, "parent") => "Group",
        (_, "customer") => "Customer",
        (_, "identityProvider") => "IdentityProvider",
        (_, "vendor") => "Vendor",
        (_, "taxCode") => "TaxCode",
        (_, "role") => "Role",
        (_, "roles") => "ProviderRole",
        (_, "user") => "User",
        (_, "bankAccount") => "BankAccount",
        (_, "statement") => "BankStatement",
        (_, "bankLine") => "BankLine",
        (_, "openItem") => "OpenItem",
        (_, "entry") => "JournalEntry",
        (_, "file") => "File",
        // `invoice(id)` and `invoiceIssue(input.id)` name what they begin with
        (_, "id") => {
            let begins = |kind: &String| field.to_lowercase().starts_with(&kind.to_lowercase());
            return schema.records().into_iter().filter(begins).max_by_key(String::len);
        }
        _ => return None,
    };
    Some(kind.to_owned())
}

/// Optional input without which the call is refused before it looks at any id.
pub fn needed(field: &str, path: &[String]) -> bool {
    let path = path.join(".");
    match field {
        "bankAccountCreate" => path == "input.number",
        "importCreate" => path == "input.format",
        // somebody has to do it
        "workItemAssign" | "workItemsAssign" => path == "input.team",
        // a client that was just furnished has more of them than other records
        "events" => path == "first",
        "bankStatementImport" => ["input.bankAccount", "input.openingBalance", "input.closingBalance", "input.mapping"]
            .contains(&path.as_str()),
        _ => false,
    }
}

/// A value that is better than the first one that its type allows.
pub fn value_at(field: &str, path: &[String]) -> Option<Value> {
    let value = match (field, path.join(".").as_str()) {
        ("bankStatementImport" | "importCreate", "input.format") => json!("CSV"),
        ("importCreate", "input.kind") => json!("BANK_STATEMENT"),
        ("bankStatementImport", "input.mapping") => mapping(),
        ("bankStatementImport", "input.openingBalance") => json!("114.00"),
        ("bankStatementImport", "input.closingBalance") => json!("228.00"),
        ("bankStatementImport", "input.file") => statement("BETA again", "03")["file"].clone(),
        ("fileUploadComplete", "input.sha256") => json!("cd".repeat(32)),
        (_, "input.file") => json!({ "name": "file.csv", "text": "a,b\n" }),
        ("accountCreate", "input.kind") => json!("ASSET"),
        ("identityProviderCreate", "input.issuer") => json!(crate::harness::issuer::standing().url),
        ("holidays" | "termEnd", "region") => json!("DE-BY"),
        ("holidays", "year") => json!(2026),
        ("businessTimeBetween" | "businessTimeAdd", "from") => json!("2026-01-12T08:00:00Z"),
        ("clockPause", "input.reason") => json!("OTHER"),
        (_, "input.hours.from") => json!("09:00"),
        (_, "input.hours.until") => json!("17:00"),
        ("calendarExceptionCreate", "input.day") => json!("2026-11-11"),
        (_, "input.cron") => json!("0 4 * * *"),
        (_, "input.expiresAt") => json!((chrono::Utc::now() + chrono::TimeDelta::days(9)).to_rfc3339()),
        (_, "input.reason") => json!("Because it is needed"),
        (_, "input.email") => json!("somebody@new.example"),
        ("events", "first") => json!(100),
        ("generalLedger", "to") => json!("2026-12-31"),
        _ => return None,
    };
    Some(value)
}
