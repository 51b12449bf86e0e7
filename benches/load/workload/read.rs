//! Reading: one invoice with customer and lines, and the fifty newest.

use std::rc::Rc;

use super::{
    Caller, Compared, Connection, DIGITS, Database, Dice, Heard, Kind, Load, Raw, Scale, Session, Template, is_good,
    rows,
};
use crate::rows::digits;
use backoffice_private_postgres::DATABASE;
use serde_json::json;

/// One invoice as a person looks at it.
pub const INVOICE: &str = "query($id: ID!) { invoice(id: $id) { number status issueDate dueDate net { amount } tax { amount } \
    gross { amount currency } customer { number name city country } lines { description quantity unitPrice { amount } net { amount } } } }";

/// A page of them.
const NEWEST: &str = "query { invoices(first: 50) { nodes { number status issueDate dueDate net { amount } tax { amount } \
    gross { amount currency } customer { number name city country } lines { description quantity unitPrice { amount } net { amount } } } } }";

/// What the server reads of each table.
const INVOICE_COLUMNS: &str = "i.id, i.customer_id, i.status, i.number, i.issue_date, i.due_date, i.currency, i.exchange_rate, \
    i.rounding, i.reference, i.customer_name, i.net, i.tax, i.gross, i.entry_id, i.created_at, i.version";
const CUSTOMER_COLUMNS: &str = "c.id, c.number, c.name, c.email, c.vat_number, c.street, c.postal_code, c.city, c.country, \
    c.currency, c.payment_terms_days, c.iban, c.active, c.created_at, c.version";
const LINE_COLUMNS: &str = "l.id, l.invoice_id, l.line_no, l.description, l.quantity, l.unit_price, l.discount_percent, \
    l.account_id, l.tax_code_id, l.tax_percent, l.net";

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;";

/// How many clients' newest pages are asked for: pgbench needs a script for each.
const PAGES: u64 = 20;

pub fn one_invoice(database: &Database, session: &Session, scale: &Scale) -> Compared {
    let tenant = format!("('{}' || :tenant)::uuid", Kind::Tenant.prefix());
    let script = format!(
        "\\set client random(1, {clients})
\\set tenant 100000000000000 + :client * 1000000000
\\set invoice :tenant + random(1, {invoices})
{BEGIN}
SELECT core.set_tenant({tenant});
SELECT {INVOICE_COLUMNS} FROM finance.invoice i WHERE i.tenant_id = {tenant} AND i.id = ('{prefix}' || :invoice)::uuid \\gset
SELECT {CUSTOMER_COLUMNS} FROM finance.customer c WHERE c.tenant_id = {tenant} AND c.id = :customer_id::uuid;
SELECT {LINE_COLUMNS} FROM finance.invoice_line l WHERE l.tenant_id = {tenant} AND l.invoice_id = ('{prefix}' || :invoice)::uuid ORDER BY l.line_no;
COMMIT;
",
        clients = scale.clients,
        invoices = scale.invoices,
        prefix = Kind::Invoice.prefix(),
    );
    let id = json!({ "id": format!("inv_{}{DIGITS}", Kind::Invoice.prefix()) });
    let template = Rc::new(Template::new(session, scale.clients, "", INVOICE, |_| id.clone()));
    Compared {
        name: "one invoice with customer and lines",
        budget: Some(1.0),
        raw: Raw::new(database, "invoice", DATABASE, &[script]),
        load: Box::new(Reads {
            template,
            clients: scale.clients,
            numbers: scale.invoices,
            begin: "{\"data\":{\"invoice\":{\"number\":\"INV-",
        }),
        preparation: None,
    }
}

pub fn newest_invoices(database: &Database, session: &Session, scale: &Scale) -> Compared {
    let pages = PAGES.min(scale.clients);
    let scripts: Vec<String> = (1..=pages).map(|client| page_script(database, client)).collect();
    let template = Rc::new(Template::new(session, pages, "", NEWEST, |_| json!({})));
    Compared {
        name: "50 newest invoices with customer and lines",
        budget: Some(1.0),
        raw: Raw::new(database, "newest", DATABASE, &scripts),
        load: Box::new(Reads {
            template,
            clients: pages,
            numbers: 1,
            begin: "{\"data\":{\"invoices\":{\"nodes\":[{\"number\":\"INV-",
        }),
        preparation: None,
    }
}

fn page_script(database: &Database, client: u64) -> String {
    let tenant = rows::tenant(client);
    let found = |column: &str| {
        database.text(&format!(
            "SELECT string_agg(DISTINCT {column}::text, ',') AS line
               FROM (SELECT id, customer_id FROM finance.invoice WHERE tenant_id = '{tenant}' ORDER BY id DESC LIMIT 50) AS page"
        ))
    };
    let (invoices, customers) = (found("id"), found("customer_id"));
    format!(
        "{BEGIN}
SELECT core.set_tenant('{tenant}'::uuid);
SELECT {INVOICE_COLUMNS} FROM finance.invoice i WHERE i.tenant_id = '{tenant}'::uuid ORDER BY i.id DESC LIMIT 50;
SELECT {CUSTOMER_COLUMNS} FROM finance.customer c WHERE c.tenant_id = '{tenant}'::uuid AND c.id = ANY ('{{{customers}}}'::uuid[]);
SELECT {LINE_COLUMNS} FROM finance.invoice_line l WHERE l.tenant_id = '{tenant}'::uuid AND l.invoice_id = ANY ('{{{invoices}}}'::uuid[]) ORDER BY l.invoice_id, l.line_no;
COMMIT;
"
    )
}

/// Asks for rows of any client by number.
struct Reads {
    template: Rc<Template>,
    clients: u64,
    numbers: u64,
    begin: &'static str,
}

impl Load for Reads {
    fn caller(&self, connection: usize) -> Box<dyn Caller> {
        Box::new(Reader {
            template: Rc::clone(&self.template),
            dice: Dice::new(connection),
            clients: self.clients,
            numbers: self.numbers,
            begin: self.begin,
        })
    }
}

struct Reader {
    template: Rc<Template>,
    dice: Dice,
    clients: u64,
    numbers: u64,
    begin: &'static str,
}

impl Caller for Reader {
    fn ask(&mut self, request: &mut Vec<u8>) -> Option<()> {
        let client = self.dice.throw(self.clients);
        let number = self.dice.throw(self.numbers);
        self.template.write(client, &[(DIGITS, &digits(client, number).to_string())], request);
        Some(())
    }

    fn hear(&mut self, answer: &[u8]) -> Heard {
        if is_good(answer, self.begin) { Heard::Good } else { Heard::Wrong }
    }
}

/// Compares invoices and pages with the database, field by field.
pub fn check(connection: &mut Connection, session: &Session, database: &Database, scale: &Scale) -> Vec<String> {
    let mut differing = Vec::new();
    let mut dice = Dice::new(99);
    // What the fields have to say, made by the database from the tables.
    let expected = |client: u64, which: &str| -> serde_json::Value {
        let text = database.text(&format!(
            "SELECT coalesce(json_agg(json_build_object(
                      'number', i.number, 'status', 'ISSUED', 'issueDate', i.issue_date, 'dueDate', i.due_date,
                      'net', json_build_object('amount', i.net::numeric(19, 2)::text), 'tax', json_build_object('amount', i.tax::numeric(19, 2)::text),
                      'gross', json_build_object('amount', i.gross::numeric(19, 2)::text, 'currency', i.currency),
                      'customer', (SELECT json_build_object('number', c.number, 'name', c.name, 'city', c.city, 'country', c.country)
                                     FROM finance.customer c WHERE c.tenant_id = i.tenant_id AND c.id = i.customer_id),
                      'lines', (SELECT json_agg(json_build_object('description', l.description, 'quantity', trim_scale(l.quantity)::text,
                                                                  'unitPrice', json_build_object('amount', l.unit_price::numeric(19, 2)::text),
                                                                  'net', json_build_object('amount', l.net::numeric(19, 2)::text)) ORDER BY l.line_no)
                                  FROM finance.invoice_line l WHERE l.tenant_id = i.tenant_id AND l.invoice_id = i.id)) ORDER BY i.id DESC), '[]')::text AS line
               FROM (SELECT * FROM finance.invoice WHERE tenant_id = '{}' {which} ORDER BY id DESC LIMIT 50) AS i",
            rows::tenant(client)
        ));
        serde_json::from_str(&text).unwrap()
    };
    for _ in 0..20 {
        let (client, number) = (dice.throw(scale.clients), dice.throw(scale.invoices));
        let id = rows::id(Kind::Invoice, client, number);
        let answer = connection.ask(session.token(client), INVOICE, &json!({ "id": format!("inv_{id}") }));
        let wanted = expected(client, &format!("AND id = '{id}'"));
        if answer["invoice"] != wanted[0] {
            differing.push(format!("invoice {id}: {} expected, {answer}", wanted[0]));
        }
    }
    for client in [1, PAGES.min(scale.clients)] {
        let answer = connection.ask(session.token(client), NEWEST, &json!({}));
        let wanted = expected(client, "");
        if answer["invoices"]["nodes"] != wanted || wanted.as_array().is_none_or(|page| page.len() != 50) {
            differing.push(format!("the newest invoices of client {client}: {wanted} expected, {answer}"));
        }
    }
    differing
}
