//! Writing: an invoice of three lines, against bare inserts of the same rows: under the same walls, keys, foreign keys and
//! checks, but without triggers, so without audit, posting rules and kept balances.

use std::rc::Rc;

use serde_json::json;

use super::{
    BARE, Caller, Compared, Counter, DIGITS, Database, Dice, Heard, ID, KEY, Kind, Load, Raw, Scale, Session, Template,
    is_good,
};
use crate::rows::{self, digits, prefix};
use crate::scale::CUSTOMERS;

/// Drafts of each client that wait to be issued.
const DRAFTS: u64 = 500;

const ISSUE: &str = "mutation($id: ID!) { invoiceIssue(input: { id: $id }) { invoice { number gross { amount } } userErrors { message } } }";
const CREATE: &str =
    "mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) { invoice { id } userErrors { message } } }";

const ISSUED: &str = "{\"data\":{\"invoiceIssue\":{\"invoice\":{\"number\":\"INV-";
const CREATED: &str = "{\"data\":{\"invoiceCreate\":{\"invoice\":{\"id\":\"inv_";

/// Issues drafts: number, entry, open item, balances, audit, chain, stored answer.
pub fn issue(database: &Database, session: &Session, scale: &Scale) -> Compared {
    let id = json!({ "id": format!("inv_{}{DIGITS}", Kind::Draft.prefix()) });
    let template = Template::new(session, scale.clients, &key_of("issue"), ISSUE, |_| id.clone());
    Compared {
        name: "issue an invoice of three lines",
        budget: Some(0.5),
        raw: Raw::new(database, "issue", BARE, &[bare_inserts(scale, false)]),
        load: Box::new(Issues { template: Rc::new(template), clients: scale.clients, issued: Counter::default() }),
        preparation: Some(format!(
            "CALL bench.drafts({}, 0, {DRAFTS}); ANALYZE finance.invoice, finance.invoice_line",
            scale.clients
        )),
    }
}

/// Drafts and issues, in two operations.
pub fn draft_and_issue(database: &Database, session: &Session, scale: &Scale) -> Compared {
    let draft = |client: u64| {
        let line = |k: u64| {
            json!({
                "description": format!("Consulting, part {k}"), "quantity": k.to_string(), "unitPrice": "75",
                "account": format!("acc_{}", rows::id(Kind::Account, client, 29 + k * 7)),
                "taxCode": format!("tax_{}", rows::id(Kind::TaxCode, client, 1)),
            })
        };
        json!({ "input": { "customer": format!("cus_{}{DIGITS}", Kind::Customer.prefix()), "lines": [line(1), line(2), line(3)] } })
    };
    Compared {
        name: "draft and issue it, two operations",
        budget: None,
        raw: Raw::new(database, "draft-and-issue", BARE, &[bare_inserts(scale, true)]),
        load: Box::new(Wholes {
            create: Rc::new(Template::new(session, scale.clients, &key_of("create"), CREATE, draft)),
            issue: Rc::new(Template::new(
                session,
                scale.clients,
                &key_of("whole"),
                ISSUE,
                |_| json!({ "id": format!("inv_{ID}") }),
            )),
            clients: scale.clients,
            issued: Counter::default(),
        }),
        preparation: None,
    }
}

/// Every operation carries a key of its own, so that each answer is kept to be given again.
fn key_of(of: &str) -> String {
    format!("idempotency-key: {of}-{KEY}\r\n")
}

/// What issuing leaves behind, as bare rows: entry of five lines, issued invoice, open item; on request the lines as well.
fn bare_inserts(scale: &Scale, with_lines: bool) -> String {
    let id = |kind: u64, variable: &str| format!("('{}' || :{variable})::uuid", prefix(kind));
    let tenant = id(Kind::Tenant as u64, "tenant");
    let account = |variable: &str| id(Kind::Account as u64, variable);
    // kinds of its own, so that nothing filled in has the same id
    let [entry, invoice, item] = [0, 1, 2].map(|kind| id(Kind::Bare as u64 + kind, "row"));
    let (customer, tax_code, ledger) =
        (id(Kind::Customer as u64, "customer"), id(Kind::TaxCode as u64, "one"), id(Kind::Ledger as u64, "one"));
    let posted = |k: u64, account: &str, amount: &str, tax: &str| {
        format!(
            "({tenant}, {}, {entry}, {k}, {ledger}, {account}, current_date, now(), 'Bare', 'EUR', {amount}, {amount}, {tax})",
            id(40 + k, "row")
        )
    };
    let journal = [
        posted(1, &account("receivable"), "535.5", "NULL"),
        posted(2, &account("first"), "-75", "NULL"),
        posted(3, &account("second"), "-150", "NULL"),
        posted(4, &account("third"), "-225", "NULL"),
        posted(5, &account("tax"), "-85.5", &tax_code),
    ]
    .join(", ");
    let line = |k: u64, account: &str| {
        format!(
            "({tenant}, {}, {invoice}, {k}, 'Consulting, part {k}', {k}, 75, 0, {account}, {tax_code}, 19, {})",
            id(50 + k, "row"),
            75 * k
        )
    };
    let lines = [line(1, &account("first")), line(2, &account("second")), line(3, &account("third"))].join(", ");
    let lines = format!(
        "INSERT INTO finance.invoice_line (tenant_id, id, invoice_id, line_no, description, quantity, unit_price, discount_percent, account_id, tax_code_id, tax_percent, net) VALUES {lines};\n"
    );
    format!(
        "\\set client random(1, {clients})
\\set tenant 100000000000000 + :client * 1000000000
\\set n :n + 1
\\set row :base + :n * 100 + :client_id
\\set one :tenant + 1
\\set customer :tenant + random(1, {CUSTOMERS})
\\set receivable :tenant + 12
\\set tax :tenant + 22
\\set first :tenant + 36
\\set second :tenant + 43
\\set third :tenant + 50
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT core.set_tenant({tenant});
INSERT INTO finance.journal_entry (tenant_id, id, ledger_id, number, entry_date, recorded_at, description, currency, source, source_id, posted_by) VALUES ({tenant}, {entry}, {ledger}, 'B-' || :row, current_date, now(), 'Bare', 'EUR', 'invoice', {invoice}, {tenant});
INSERT INTO finance.journal_line (tenant_id, id, entry_id, line_no, ledger_id, account_id, entry_date, recorded_at, description, currency, amount_document, amount, tax_code_id) VALUES {journal};
INSERT INTO finance.invoice (tenant_id, id, customer_id, status, number, issue_date, due_date, currency, exchange_rate, rounding, customer_name, net, tax, gross, entry_id) VALUES ({tenant}, {invoice}, {customer}, 'issued', 'B-' || :row, current_date, current_date + 30, 'EUR', 1, 'by_document', 'Customer', 450, 85.5, 535.5, {entry});
{lines}INSERT INTO finance.open_item (tenant_id, id, side, customer_id, invoice_id, document, party_name, entry_id, account_id, item_date, due_date, currency, amount, amount_book, open_amount, open_book) VALUES ({tenant}, {item}, 'receivable', {customer}, {invoice}, 'B-' || :row, 'Customer', {entry}, {receivable}, current_date, current_date + 30, 'EUR', 535.5, 535.5, 535.5, 535.5);
COMMIT;
",
        clients = scale.clients,
        lines = if with_lines { lines.as_str() } else { "" },
        receivable = account("receivable"),
    )
}

struct Issues {
    template: Rc<Template>,
    clients: u64,
    issued: Counter,
}

impl Load for Issues {
    fn caller(&self, _: usize) -> Box<dyn Caller> {
        Box::new(Issuer { template: Rc::clone(&self.template), clients: self.clients, issued: self.issued.clone() })
    }
}

/// Issues the next draft of all: in turns a draft of each client.
struct Issuer {
    template: Rc<Template>,
    clients: u64,
    issued: Counter,
}

impl Caller for Issuer {
    fn ask(&mut self, request: &mut Vec<u8>) -> Option<()> {
        let next = self.issued.next();
        let (client, draft) = (1 + next % self.clients, 1 + next / self.clients);
        if draft > DRAFTS {
            return None;
        }
        let fillings = [(DIGITS, digits(client, draft).to_string()), (KEY, format!("{next:012}"))];
        self.template.write(client, &fillings.each_ref().map(|(hole, filling)| (*hole, filling.as_str())), request);
        Some(())
    }

    fn hear(&mut self, answer: &[u8]) -> Heard {
        if is_good(answer, ISSUED) { Heard::Good } else { Heard::Wrong }
    }
}

struct Wholes {
    create: Rc<Template>,
    issue: Rc<Template>,
    clients: u64,
    issued: Counter,
}

impl Load for Wholes {
    fn caller(&self, connection: usize) -> Box<dyn Caller> {
        Box::new(Whole {
            create: Rc::clone(&self.create),
            issue: Rc::clone(&self.issue),
            clients: self.clients,
            issued: self.issued.clone(),
            dice: Dice::new(connection),
            client: 1,
            number: 0,
            draft: None,
        })
    }
}

/// Makes a draft, then issues it.
struct Whole {
    create: Rc<Template>,
    issue: Rc<Template>,
    clients: u64,
    issued: Counter,
    dice: Dice,
    client: u64,
    number: u64,
    draft: Option<String>,
}

impl Caller for Whole {
    fn ask(&mut self, request: &mut Vec<u8>) -> Option<()> {
        if let Some(draft) = &self.draft {
            self.issue.write(self.client, &[(ID, draft), (KEY, &format!("{:012}", self.number))], request);
            return Some(());
        }
        self.client = self.dice.throw(self.clients);
        self.number = self.issued.next();
        let customer = digits(self.client, self.dice.throw(CUSTOMERS)).to_string();
        self.create.write(self.client, &[(DIGITS, &customer), (KEY, &format!("{:012}", self.number))], request);
        Some(())
    }

    fn hear(&mut self, answer: &[u8]) -> Heard {
        if self.draft.take().is_some() {
            return if is_good(answer, ISSUED) { Heard::Good } else { Heard::Wrong };
        }
        if !is_good(answer, CREATED) {
            return Heard::Wrong;
        }
        self.draft = answer.get(CREATED.len()..CREATED.len() + 32).and_then(|id| String::from_utf8(id.to_vec()).ok());
        Heard::More
    }
}
