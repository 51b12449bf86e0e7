//! What a condition sees of a record: fields that the API shows under the right to read such records, and nothing that it
//! does not show. Their values are those of the trail, so that a record is seen as it stood when the event happened.

use std::collections::BTreeMap;

use backoffice_conditions::{Names, Shape, Value};
use backoffice_money::Currency;
use chrono::{DateTime as Utcs, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use super::look::Seen;
use crate::platform::ids::known::{ServiceAccountId, UserId};
use crate::platform::outbox::EventKind;

/// How a column is shown.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Text,
    /// A word of a closed set, as the API writes it.
    Word,
    Flag,
    Whole,
    /// An amount in the currency that stands in the column `currency`: with its decimals.
    Amount,
    Day,
    Instant,
    /// An outside id with that prefix.
    Id(&'static str),
}

/// A type of record that conditions can look into.
#[derive(Debug)]
pub struct Subject {
    /// The type, as events name it.
    pub node_type: &'static str,
    /// Its table, as the trail names it.
    pub table: &'static str,
    fields: &'static [(&'static str, &'static str, Shown)],
}

use Shown::{Amount, Day, Flag, Id, Instant, Text, Whole, Word};

const PARTY: &[(&str, &str, Shown)] = &[
    ("number", "number", Text),
    ("name", "name", Text),
    ("email", "email", Text),
    ("vatNumber", "vat_number", Text),
    ("city", "city", Text),
    ("country", "country", Text),
    ("currency", "currency", Text),
    ("paymentTermsDays", "payment_terms_days", Whole),
    ("iban", "iban", Text),
    ("active", "active", Flag),
    ("createdAt", "created_at", Instant),
    ("version", "version", Whole),
];

const SUBJECTS: &[Subject] = &[
    Subject {
        node_type: "WorkItem",
        table: "practice.work_item",
        fields: &[
            ("id", "id", Id("wi")),
            ("kind", "kind", Word),
            ("title", "title", Text),
            ("description", "description", Text),
            ("state", "state", Word),
            ("priority", "priority", Word),
            ("dueOn", "due_on", Day),
            ("assigneeId", "assignee_id", Id("usr")),
            ("teamId", "team_id", Id("team")),
            ("service", "service_code", Text),
            ("visibleToClient", "visible_to_client", Flag),
            ("waitingFor", "waiting_for", Text),
            ("closedAt", "closed_at", Instant),
            ("createdAt", "created_at", Instant),
            ("version", "version", Whole),
        ],
    },
    Subject { node_type: "Customer", table: "finance.customer", fields: PARTY },
    Subject { node_type: "Vendor", table: "finance.vendor", fields: PARTY },
    Subject {
        node_type: "Invoice",
        table: "finance.invoice",
        fields: &[
            ("id", "id", Id("inv")),
            ("customerId", "customer_id", Id("cus")),
            ("customerName", "customer_name", Text),
            ("status", "status", Word),
            ("number", "number", Text),
            ("issueDate", "issue_date", Day),
            ("dueDate", "due_date", Day),
            ("currency", "currency", Text),
            ("reference", "reference", Text),
            ("net", "net", Amount),
            ("tax", "tax", Amount),
            ("gross", "gross", Amount),
            ("version", "version", Whole),
        ],
    },
    Subject {
        node_type: "Bill",
        table: "finance.bill",
        fields: &[
            ("id", "id", Id("bil")),
            ("vendorId", "vendor_id", Id("ven")),
            ("vendorName", "vendor_name", Text),
            ("status", "status", Word),
            ("number", "number", Text),
            ("billDate", "bill_date", Day),
            ("dueDate", "due_date", Day),
            ("currency", "currency", Text),
            ("net", "net", Amount),
            ("tax", "tax", Amount),
            ("gross", "gross", Amount),
            ("version", "version", Whole),
        ],
    },
    Subject {
        node_type: "BankLine",
        table: "finance.bank_line",
        fields: &[
            ("id", "id", Id("bl")),
            ("bankAccountId", "bank_account_id", Id("ba")),
            ("bookedOn", "booked_on", Day),
            ("currency", "currency", Text),
            ("amount", "amount", Amount),
            ("counterparty", "counterparty", Text),
            ("reference", "reference", Text),
            ("matched", "matched", Flag),
            ("version", "version", Whole),
        ],
    },
    Subject {
        node_type: "JournalEntry",
        table: "finance.journal_entry",
        fields: &[
            ("id", "id", Id("je")),
            ("number", "number", Text),
            ("date", "entry_date", Day),
            ("description", "description", Text),
            ("currency", "currency", Text),
        ],
    },
    Subject {
        node_type: "Engagement",
        table: "practice.engagement",
        fields: &[
            ("id", "id", Id("eng")),
            ("name", "name", Text),
            ("from", "from_on", Day),
            ("until", "until_on", Day),
            ("version", "version", Whole),
        ],
    },
    Subject {
        node_type: "Clock",
        table: "core.clock",
        fields: &[
            ("id", "id", Id("clk")),
            ("name", "name", Text),
            ("state", "state", Word),
            ("startedAt", "started_at", Instant),
            ("stoppedAt", "stopped_at", Instant),
            ("dueAt", "due_at", Instant),
            ("version", "version", Whole),
        ],
    },
    Subject {
        node_type: "File",
        table: "core.file",
        fields: &[
            ("id", "id", Id("file")),
            ("name", "name", Text),
            ("purpose", "purpose", Word),
            ("state", "state", Word),
            ("size", "size", Whole),
            ("mediaType", "media_type", Text),
            ("version", "version", Whole),
        ],
    },
];

/// The type of record of that name, if conditions can look into it.
#[must_use]
pub fn subject(node_type: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|subject| subject.node_type == node_type)
}

/// All kinds of events that tell of records of that type.
#[must_use]
pub fn kinds_of(node_type: &str) -> Vec<EventKind> {
    EventKind::ALL.iter().copied().filter(|kind| kind.node_type() == node_type).collect()
}

impl Subject {
    fn shape(&self) -> Shape {
        Shape::fields(self.fields.iter().map(|(name, _, _)| (*name, Shape::Single)))
    }

    /// A record as conditions see it, from its image in the trail.
    fn value(&self, image: Option<&Json>) -> Value {
        let Some(image) = image else { return Value::Null };
        let currency = image.get("currency").and_then(Json::as_str).and_then(|code| Currency::parse(code).ok());
        Value::map(self.fields.iter().map(|(name, column, shown)| {
            let found = image.get(column).filter(|value| !value.is_null());
            (*name, found.map_or(Value::Null, |found| value(found, *shown, currency)))
        }))
    }
}

/// What a column's value in the trail means. What cannot be read is nothing, as if it were not there.
fn value(found: &Json, shown: Shown, currency: Option<Currency>) -> Value {
    let text = || match found {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let known = match shown {
        Text => Some(Value::Text(text())),
        Word => Some(Value::Text(text().replace('.', "_").to_uppercase())),
        Flag => found.as_bool().map(Value::Bool),
        Whole => text().parse().ok().map(Value::Whole),
        Amount => {
            let amount = Decimal::from_str_exact(&text()).ok();
            amount.map(|amount| Value::Exact(currency.map_or(amount, |currency| currency.shown(amount))))
        }
        Day => text().parse::<NaiveDate>().ok().map(Value::Day),
        Instant => instant(&text()).map(Value::Instant),
        Id(prefix) => Uuid::try_parse(&text()).ok().map(|id| Value::Text(format!("{prefix}_{}", id.simple()))),
    };
    known.unwrap_or(Value::Null)
}

/// An instant as the database writes it into JSON.
fn instant(text: &str) -> Option<Utcs<Utc>> {
    Utcs::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

/// The names that the conditions and texts of a rule over records of that type may use.
#[must_use]
pub fn shape(node_type: &str) -> Shape {
    let actor = Shape::fields([("kind", Shape::Single), ("id", Shape::Single)]);
    let event = Shape::fields([
        ("kind", Shape::Single),
        ("occurredAt", Shape::Single),
        ("recordId", Shape::Single),
        ("version", Shape::Single),
        ("actor", actor),
        ("depth", Shape::Single),
    ]);
    let mut names = BTreeMap::from([("event".to_owned(), event), ("today".to_owned(), Shape::Single)]);
    if let Some(subject) = subject(node_type) {
        names.insert("record".to_owned(), subject.shape());
        names.insert("before".to_owned(), subject.shape());
    }
    Shape::Fields(names)
}

/// The values of those names for an event. `record` is the image that stands for the record.
#[must_use]
pub fn names(subject: Option<&Subject>, seen: &Seen, record: Option<&Json>, zone: chrono_tz::Tz) -> Names {
    let actor = seen.actor_id.map(|id| match seen.actor_kind.as_str() {
        "service" => ServiceAccountId(id).to_string(),
        _ => UserId(id).to_string(),
    });
    let event = Value::map([
        ("kind", Value::Text(seen.kind.text().replace('.', "_").to_uppercase())),
        ("occurredAt", Value::Instant(seen.occurred_at.0)),
        ("recordId", Value::from(seen.record_id())),
        ("version", seen.version.map(i64::from).into()),
        ("actor", Value::map([("kind", Value::from(seen.actor_kind.as_str())), ("id", actor.into())])),
        ("depth", Value::Whole(i64::from(seen.depth))),
    ]);
    let today = Value::Day(seen.occurred_at.0.with_timezone(&zone).date_naive());
    let mut names = Names::from([("event".to_owned(), event), ("today".to_owned(), today)]);
    if let Some(subject) = subject {
        names.insert("record".to_owned(), subject.value(record));
        names.insert("before".to_owned(), subject.value(seen.before.as_ref()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_is_one_that_events_tell_of() {
        for subject in SUBJECTS {
            assert!(!kinds_of(subject.node_type).is_empty(), "{}", subject.node_type);
            let names: std::collections::BTreeSet<&str> = subject.fields.iter().map(|(name, _, _)| *name).collect();
            assert_eq!(names.len(), subject.fields.len(), "{}", subject.node_type);
            // nothing that the API keeps to itself
            for hidden in ["object_key", "sha256", "fingerprint", "tenant_id", "account"] {
                assert!(
                    subject.fields.iter().all(|(_, column, _)| *column != hidden),
                    "{}.{hidden}",
                    subject.node_type
                );
            }
        }
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (currency, gross, shown) in
            [("EUR", "4900.0000", "4900.00"), ("JPY", "4900.0000", "4900"), ("KWD", "1.2500", "1.250")]
        {
            let image = json!({ "currency": currency, "gross": gross });
            assert_eq!(subject("Bill").unwrap().value(Some(&image)).json()["gross"], shown, "{currency}");
        }
    }

    #[test]
    fn an_image_is_shown_as_the_api_shows_it() {
        let image = json!({ "title": "Rent", "state": "in_progress", "due_on": "2026-02-28", "version": 3, "visible_to_client": true,
                            "assignee_id": "01890000-0000-7000-8000-000000000001", "created_at": "2026-02-01T08:00:00.5+00:00",
                            "tenant_id": "x" });
        let shown = subject("WorkItem").unwrap().value(Some(&image)).json();
        assert_eq!(shown["state"], "IN_PROGRESS");
        assert_eq!(shown["dueOn"], "2026-02-28");
        assert_eq!(shown["version"], 3);
        assert_eq!(shown["visibleToClient"], true);
        assert_eq!(shown["assigneeId"], "usr_01890000000070008000000000000001");
        assert_eq!(shown["waitingFor"], Json::Null);
        assert_eq!(shown["createdAt"], "2026-02-01T08:00:00.500Z");
        assert!(shown.get("tenant_id").is_none());
        let bill = json!({ "gross": "5000.0100" });
        assert_eq!(subject("Bill").unwrap().value(Some(&bill)).json()["gross"], "5000.0100");
    }
}
