//! `backoffice check`: questions that must have no answer. Each names the row that breaks a promise.
//!
//! Run by command, after a restore, and at the end of the story tests. It reads as the owner, one client at a time
//! and in one snapshot each, so it may run beside the server.

use std::fmt::Write as _;

use diesel::{RunQueryDsl, sql_query};

use crate::database::{Blocking, DatabaseError, text, texts};

/// One question: its name, and a query that gives one line a finding. `$tenant` is the client.
struct Question {
    name: &'static str,
    query: &'static str,
}

const QUESTIONS: &[Question] = &[
    Question {
        name: "entries balance",
        query: "SELECT format('journal entry %s (%s): debit and credit differ by %s', e.number, e.id, sum(l.amount)) AS line
                  FROM finance.journal_entry e LEFT JOIN finance.journal_line l ON l.tenant_id = e.tenant_id AND l.entry_id = e.id
                 WHERE e.tenant_id = $tenant GROUP BY e.number, e.id HAVING coalesce(sum(l.amount), 1) <> 0 OR count(l.id) < 2",
    },
    Question {
        name: "kept balances equal the journal",
        query: "SELECT format('account %s on %s: kept %s, journal %s', coalesce(b.account_id, l.account_id), coalesce(b.on_date, l.entry_date), b.kept, l.posted) AS line
                  FROM (SELECT account_id, on_date, sum(debit - credit) AS kept, sum(lines) AS n FROM finance.account_balance
                         WHERE tenant_id = $tenant GROUP BY account_id, on_date) b
                  FULL JOIN (SELECT account_id, entry_date, sum(amount) AS posted, count(*) AS n FROM finance.journal_line
                              WHERE tenant_id = $tenant GROUP BY account_id, entry_date) l
                    ON l.account_id = b.account_id AND l.entry_date = b.on_date
                 WHERE b.kept IS DISTINCT FROM l.posted OR b.n IS DISTINCT FROM l.n",
    },
    Question {
        name: "kept months equal the kept days",
        query: "SELECT format('account %s in %s: month %s, days %s', coalesce(m.account_id, d.account_id), coalesce(m.month, d.month), m.kept, d.kept) AS line
                  FROM (SELECT account_id, month, sum(debit - credit) AS kept FROM finance.account_month
                         WHERE tenant_id = $tenant GROUP BY account_id, month) m
                  FULL JOIN (SELECT account_id, date_trunc('month', on_date)::date AS month, sum(debit - credit) AS kept FROM finance.account_balance
                              WHERE tenant_id = $tenant GROUP BY account_id, date_trunc('month', on_date)::date) d
                    ON d.account_id = m.account_id AND d.month = m.month
                 WHERE m.kept IS DISTINCT FROM d.kept",
    },
    Question {
        name: "receivables equal their control accounts",
        query: "SELECT format('receivables: open items %s, control accounts %s', i.open_book, c.balance) AS line
                  FROM (SELECT coalesce(sum(open_book), 0) AS open_book FROM finance.open_item WHERE tenant_id = $tenant AND side = 'receivable') i,
                       (SELECT coalesce(sum(b.debit - b.credit), 0) AS balance FROM finance.account_balance b
                          JOIN finance.account a ON a.tenant_id = b.tenant_id AND a.id = b.account_id
                         WHERE b.tenant_id = $tenant AND a.control IN ('receivable', 'customer_advance')) c
                 WHERE i.open_book <> c.balance",
    },
    Question {
        name: "payables equal their control accounts",
        query: "SELECT format('payables: open items %s, control accounts %s', i.open_book, c.balance) AS line
                  FROM (SELECT coalesce(sum(open_book), 0) AS open_book FROM finance.open_item WHERE tenant_id = $tenant AND side = 'payable') i,
                       (SELECT coalesce(sum(b.credit - b.debit), 0) AS balance FROM finance.account_balance b
                          JOIN finance.account a ON a.tenant_id = b.tenant_id AND a.id = b.account_id
                         WHERE b.tenant_id = $tenant AND a.control IN ('payable', 'vendor_advance')) c
                 WHERE i.open_book <> c.balance",
    },
    Question {
        name: "open items equal their allocations",
        query: "SELECT format('open item %s (%s): open %s, after allocations %s', i.document, i.id, i.open_amount, i.amount - coalesce(a.allocated, 0)) AS line
                  FROM finance.open_item i
                  LEFT JOIN (SELECT open_item_id, sum(amount) AS allocated, sum(amount_book) AS allocated_book
                               FROM finance.allocation WHERE tenant_id = $tenant GROUP BY open_item_id) a ON a.open_item_id = i.id
                 WHERE i.tenant_id = $tenant
                   AND (i.open_amount <> i.amount - coalesce(a.allocated, 0) OR i.open_book <> i.amount_book - coalesce(a.allocated_book, 0))",
    },
    Question {
        name: "instalments are their open items",
        query: "SELECT format('open item %s (%s): amount %s, instalments %s', i.document, i.id, i.amount, n.amount) AS line
                  FROM (SELECT open_item_id, sum(amount) AS amount FROM finance.instalment WHERE tenant_id = $tenant GROUP BY open_item_id) n
                  JOIN finance.open_item i ON i.tenant_id = $tenant AND i.id = n.open_item_id
                 WHERE i.amount <> n.amount",
    },
    Question {
        name: "closed years have given their result to equity",
        query: "SELECT format('fiscal year %s is closed, account %s still has %s of it', y.name, a.code, sum(b.debit - b.credit)) AS line
                  FROM finance.year_closing c
                  JOIN finance.fiscal_year y ON y.tenant_id = c.tenant_id AND y.id = c.fiscal_year_id
                  JOIN finance.account_balance b ON b.tenant_id = c.tenant_id AND b.on_date BETWEEN y.starts_on AND y.ends_on
                  JOIN finance.account a ON a.tenant_id = b.tenant_id AND a.id = b.account_id AND a.kind IN ('income', 'expense')
                 WHERE c.tenant_id = $tenant AND c.reopened_at IS NULL GROUP BY y.name, a.code HAVING sum(b.debit - b.credit) <> 0",
    },
    Question {
        name: "slices of deferrals come to their amount, each posted as it says",
        query: "SELECT format('deferral %s: amount %s, slices %s', d.id, d.amount, sum(s.amount)) AS line
                  FROM finance.deferral d JOIN finance.deferral_slice s ON s.tenant_id = d.tenant_id AND s.deferral_id = d.id
                 WHERE d.tenant_id = $tenant GROUP BY d.id, d.amount HAVING sum(s.amount) <> d.amount
                UNION ALL
                SELECT format('slice %s of deferral %s: amount %s, its entry debits %s', s.number, s.deferral_id, s.amount, l.debit)
                  FROM finance.deferral_slice s
                  JOIN LATERAL (SELECT sum(l.amount) FILTER (WHERE l.amount > 0) AS debit FROM finance.journal_line l
                                 WHERE l.tenant_id = s.tenant_id AND l.entry_id = s.entry_id) l ON true
                 WHERE s.tenant_id = $tenant AND s.entry_id IS NOT NULL AND l.debit IS DISTINCT FROM s.amount",
    },
    Question {
        name: "the register of assets equals its accounts",
        query: "SELECT format('account %s on %s: assets %s, entries %s', a.code, coalesce(r.on_date, b.on_date), coalesce(r.amount, 0), coalesce(b.amount, 0)) AS line
                  FROM (SELECT k.account_id, m.on_date, sum(k.amount) AS amount
                          FROM finance.asset_movement m
                          JOIN finance.asset x ON x.tenant_id = m.tenant_id AND x.id = m.asset_id
                          JOIN finance.asset_class c ON c.tenant_id = m.tenant_id AND c.id = x.class_id
                         CROSS JOIN LATERAL (VALUES (c.cost_account_id, m.cost), (c.accumulated_account_id, -m.accumulated)) AS k (account_id, amount)
                         WHERE m.tenant_id = $tenant AND m.book = 'LEDGER' GROUP BY k.account_id, m.on_date) r
                  FULL JOIN (SELECT b.account_id, b.on_date, sum(b.debit - b.credit) AS amount
                               FROM finance.account_balance b
                               JOIN finance.account a ON a.tenant_id = b.tenant_id AND a.id = b.account_id
                                AND a.control IN ('fixed_asset', 'accumulated_depreciation')
                              WHERE b.tenant_id = $tenant GROUP BY b.account_id, b.on_date) b
                    ON b.account_id = r.account_id AND b.on_date = r.on_date
                  JOIN finance.account a ON a.tenant_id = $tenant AND a.id = coalesce(r.account_id, b.account_id)
                 WHERE coalesce(r.amount, 0) <> coalesce(b.amount, 0)",
    },
    Question {
        name: "plans of assets come to cost less residual",
        query: "SELECT format('asset %s in %s: written off %s, plan ends at %s', x.number, p.book, w.amount, p.residual) AS line
                  FROM finance.asset x
                  JOIN LATERAL (SELECT DISTINCT ON (p.book) p.* FROM finance.asset_plan p
                                 WHERE p.tenant_id = x.tenant_id AND p.asset_id = x.id ORDER BY p.book, p.id DESC) p ON p.method <> 'units'
                  JOIN LATERAL (SELECT coalesce(sum(s.amount), 0) AS amount FROM finance.asset_slice s
                                 WHERE s.tenant_id = x.tenant_id AND s.plan_id = p.id AND NOT s.dropped) w ON true
                 WHERE x.tenant_id = $tenant AND x.disposed_on IS NULL AND w.amount <> p.base - p.residual",
    },
    Question {
        name: "numbers are gapless",
        query: "WITH given AS (
                    SELECT s.series, s.prefix || lpad(n::text, greatest(5, length(n::text)), '0') AS number
                      FROM core.number_series s, generate_series(1, s.last_number) AS n
                     WHERE s.tenant_id = $tenant AND (s.series IN ('invoice', 'credit_note', 'payment', 'journal', 'expense_claim') OR s.series LIKE 'correspondence%')
                ), carried AS (
                    SELECT 'invoice' AS series, d.number FROM finance.invoice d WHERE d.tenant_id = $tenant AND d.number IS NOT NULL
                    UNION ALL
                    SELECT 'credit_note', d.number FROM finance.credit_note d WHERE d.tenant_id = $tenant
                    UNION ALL
                    SELECT 'expense_claim', d.number FROM finance.expense_claim d WHERE d.tenant_id = $tenant
                    UNION ALL
                    SELECT 'payment', d.number FROM finance.payment d WHERE d.tenant_id = $tenant
                    UNION ALL
                    SELECT 'journal', d.number FROM finance.journal_entry d WHERE d.tenant_id = $tenant
                    UNION ALL
                    SELECT 'correspondence_' || d.direction || ':' || extract(year FROM d.on_date)::integer, d.number
                      FROM practice.correspondence d WHERE d.tenant_id = $tenant
                )
                SELECT CASE WHEN c.number IS NULL THEN format('series %s: number %s was given, no document carries it', g.series, g.number)
                            ELSE format('series %s: a document carries number %s, which was never given', c.series, c.number) END AS line
                  FROM given g FULL JOIN carried c ON c.series = g.series AND c.number = g.number
                 WHERE c.number IS NULL OR g.number IS NULL
                 ORDER BY 1 LIMIT 100",
    },
    Question {
        name: "bank lines clear once",
        query: "SELECT format('bank line %s: marked %s, live matches %s', l.id, l.matched, count(m.id)) AS line
                  FROM finance.bank_line l
                  LEFT JOIN finance.bank_match m ON m.tenant_id = l.tenant_id AND m.bank_line_id = l.id AND m.undone_by_id IS NULL
                 WHERE l.tenant_id = $tenant GROUP BY l.id, l.matched HAVING count(m.id) <> l.matched::int",
    },
    Question {
        name: "matched bank lines equal their entries",
        query: "SELECT format('bank line %s: amount %s, its entry moves the bank by %s', l.id, l.amount, coalesce(sum(j.amount_document), 0)) AS line
                  FROM finance.bank_line l
                  JOIN finance.bank_account b ON b.tenant_id = l.tenant_id AND b.id = l.bank_account_id
                  JOIN finance.bank_match m ON m.tenant_id = l.tenant_id AND m.bank_line_id = l.id AND m.undone_by_id IS NULL
                  LEFT JOIN finance.journal_line j ON j.tenant_id = m.tenant_id AND j.entry_id = m.entry_id AND j.account_id = b.account_id
                 WHERE l.tenant_id = $tenant GROUP BY l.id, l.amount HAVING coalesce(sum(j.amount_document), 0) <> l.amount",
    },
    Question {
        name: "bank statements tie",
        query: "SELECT format('bank statement %s: opening %s and lines %s do not make closing %s', s.id, s.opening_balance, coalesce(sum(l.amount), 0), s.closing_balance) AS line
                  FROM finance.bank_statement s
                  LEFT JOIN finance.bank_line l ON l.tenant_id = s.tenant_id AND l.statement_id = s.id
                 WHERE s.tenant_id = $tenant
                   AND NOT EXISTS (SELECT 1 FROM core.import i WHERE i.tenant_id = s.tenant_id AND i.id = s.import_id AND i.unchanged > 0)
                 GROUP BY s.id, s.opening_balance, s.closing_balance
                HAVING s.opening_balance + coalesce(sum(l.amount), 0) <> s.closing_balance",
    },
    Question {
        name: "issued invoices equal their lines and open items",
        query: "SELECT format('invoice %s (%s): net %s, lines %s, payable %s, open item %s', d.number, d.id, d.net, l.net,
                              d.gross + d.cash_difference, i.amount) AS line
                  FROM finance.invoice d
                  LEFT JOIN (SELECT invoice_id, sum(net) AS net FROM finance.invoice_line WHERE tenant_id = $tenant GROUP BY invoice_id) l ON l.invoice_id = d.id
                  LEFT JOIN finance.open_item i ON i.tenant_id = d.tenant_id AND i.invoice_id = d.id
                 WHERE d.tenant_id = $tenant AND d.status = 'issued'
                   AND (d.net IS DISTINCT FROM l.net OR (d.gross + d.cash_difference <> 0 AND d.gross + d.cash_difference IS DISTINCT FROM i.amount))",
    },
    Question {
        name: "credit notes equal their lines and stay within their invoices",
        query: "SELECT format('credit note %s (%s): net %s and tax %s, lines %s and %s', n.number, n.id, n.net, n.tax, l.net, l.tax) AS line
                  FROM finance.credit_note n
                  LEFT JOIN (SELECT credit_note_id, sum(net) AS net, sum(tax + second_tax) AS tax FROM finance.credit_note_line
                              WHERE tenant_id = $tenant GROUP BY credit_note_id) l ON l.credit_note_id = n.id
                 WHERE n.tenant_id = $tenant AND (n.net IS DISTINCT FROM l.net OR n.tax IS DISTINCT FROM l.tax)
                UNION ALL
                SELECT format('invoice %s (%s): gross %s, credited %s', d.number, d.id, d.gross, c.gross)
                  FROM finance.invoice d
                  JOIN (SELECT invoice_id, sum(gross) AS gross FROM finance.credit_note WHERE tenant_id = $tenant GROUP BY invoice_id) c
                    ON c.invoice_id = d.id
                 WHERE d.tenant_id = $tenant AND d.gross < c.gross",
    },
    Question {
        name: "posted bills equal their lines and open items",
        query: "SELECT format('bill %s (%s): net %s, lines %s, gross %s, open item %s', d.number, d.id, d.net, l.net, d.gross, i.amount) AS line
                  FROM finance.bill d
                  LEFT JOIN (SELECT bill_id, sum(net) AS net FROM finance.bill_line WHERE tenant_id = $tenant GROUP BY bill_id) l ON l.bill_id = d.id
                  LEFT JOIN finance.open_item i ON i.tenant_id = d.tenant_id AND i.bill_id = d.id
                 WHERE d.tenant_id = $tenant AND d.status = 'posted'
                   AND (d.net IS DISTINCT FROM l.net OR (d.gross <> d.withheld AND d.gross - d.withheld IS DISTINCT FROM i.amount))",
    },
    Question {
        name: "vendor credits equal their lines and stay within their bills",
        query: "SELECT format('vendor credit %s (%s): net %s and tax %s, lines %s and %s', n.number, n.id, n.net, n.tax, l.net, l.tax) AS line
                  FROM finance.vendor_credit n
                  LEFT JOIN (SELECT vendor_credit_id, sum(net) AS net, sum(tax + second_tax) AS tax FROM finance.vendor_credit_line
                              WHERE tenant_id = $tenant GROUP BY vendor_credit_id) l ON l.vendor_credit_id = n.id
                 WHERE n.tenant_id = $tenant AND (n.net IS DISTINCT FROM l.net OR n.tax IS DISTINCT FROM l.tax)
                UNION ALL
                SELECT format('bill %s (%s): gross %s, credited %s', d.number, d.id, d.gross, c.gross)
                  FROM finance.bill d
                  JOIN (SELECT bill_id, sum(gross) AS gross FROM finance.vendor_credit WHERE tenant_id = $tenant GROUP BY bill_id) c
                    ON c.bill_id = d.id
                 WHERE d.tenant_id = $tenant AND d.gross < c.gross",
    },
    Question {
        name: "what is withheld stands on the account of its code",
        query: "SELECT format('withheld %s of entry %s, posted %s', w.amount, w.entry_id, coalesce(l.amount, 0)) AS line
                  FROM finance.withholding_entry w
                  JOIN finance.withholding_code c ON c.tenant_id = w.tenant_id AND c.id = w.code_id
                  LEFT JOIN (SELECT entry_id, account_id, sum(amount) AS amount FROM finance.journal_line
                              WHERE tenant_id = $tenant GROUP BY entry_id, account_id) l ON l.entry_id = w.entry_id AND l.account_id = c.account_id
                 WHERE w.tenant_id = $tenant AND coalesce(l.amount, 0) <> -w.amount",
    },
    Question {
        name: "events stand at their positions",
        query: "WITH placed AS (
                    SELECT e.position, e.occurred_at, lag(e.position, 1, 0::bigint) OVER w AS before, lag(e.occurred_at) OVER w AS earlier
                      FROM core.event e WHERE e.tenant_id = $tenant WINDOW w AS (ORDER BY e.position)
                )
                (SELECT format('behind event %s comes event %s', p.before, p.position) AS line
                   FROM placed p WHERE p.position <> p.before + 1 ORDER BY p.position LIMIT 100)
                UNION ALL
                -- Clocks are set right now and then, by less than this.
                (SELECT format('event %s is told behind event %s and happened long before it', p.position, p.before)
                   FROM placed p WHERE p.occurred_at < p.earlier - interval '1 minute' ORDER BY p.position LIMIT 100)
                UNION ALL
                SELECT format('the newest event is %s, the next one would come behind %s', coalesce(n.newest, 0), coalesce(h.position, 0))
                  FROM (SELECT max(e.position) AS newest FROM core.event e WHERE e.tenant_id = $tenant) n
                  LEFT JOIN core.event_head h ON h.tenant_id = $tenant
                 WHERE n.newest IS DISTINCT FROM h.position",
    },
    Question {
        name: "the audit chain holds",
        query: "WITH RECURSIVE signed AS (
                    SELECT l.seq, l.hash, l.entries, count(e.id) AS found,
                           sha256(convert_to(coalesce(string_agg(audit.canonical(e), E'\\n' ORDER BY e.id), ''), 'UTF8')) AS digest
                      FROM audit.link l
                      LEFT JOIN audit.entry e ON e.tenant_id = l.tenant_id AND e.change_id = l.change_id AND e.id BETWEEN l.first_entry AND l.last_entry
                     WHERE l.tenant_id = $tenant GROUP BY l.seq, l.hash, l.entries
                ), chained AS (
                    SELECT s.*, lag(s.hash) OVER (ORDER BY s.seq) AS previous, lag(s.seq) OVER (ORDER BY s.seq) AS previous_seq FROM signed s
                )
                SELECT format('audit link %s: its entries or its place in the chain were changed', seq) AS line FROM chained
                 WHERE hash <> sha256(coalesce(previous, ''::bytea) || digest) OR entries <> found OR seq <> coalesce(previous_seq, 0) + 1
                UNION ALL
                SELECT format('audit chain: the newest link is %s, the chain says %s', max(l.seq), c.seq)
                  FROM audit.chain c LEFT JOIN audit.link l ON l.tenant_id = c.tenant_id
                 WHERE c.tenant_id = $tenant GROUP BY c.seq, c.hash
                HAVING max(l.seq) IS DISTINCT FROM c.seq OR (array_agg(l.hash ORDER BY l.seq DESC))[1] IS DISTINCT FROM c.hash
                UNION ALL
                SELECT format('audit entry %s (%s %s): stands outside the chain', e.id, e.table_name, e.record_id) FROM audit.entry e
                 WHERE e.tenant_id = $tenant
                   AND NOT EXISTS (SELECT 1 FROM audit.link l WHERE l.tenant_id = e.tenant_id AND l.change_id = e.change_id
                                      AND e.id BETWEEN l.first_entry AND l.last_entry)",
    },
    Question {
        name: "nothing was changed past the server",
        query: "SELECT format('%s %s: %s by hand as database user %s at %s', e.table_name, e.record_id, e.action, e.actor_name, e.occurred_at) AS line
                  FROM audit.entry e WHERE e.tenant_id = $tenant AND e.actor_kind = 'database'",
    },
];

/// Rows that differ from the newest image in their trail, rows without a trail, and trails without a row.
const AGAINST_TRAIL: &str = "
    SELECT format('%s %s: the row differs from its trail', $name, t.id) AS line
      FROM $table t
      LEFT JOIN LATERAL (SELECT e.after FROM audit.entry e WHERE e.tenant_id = t.tenant_id AND e.record_id = t.id AND e.table_name = $name
                          ORDER BY e.id DESC LIMIT 1) e ON true
     WHERE t.tenant_id = $tenant AND (e.after IS NULL OR NOT to_jsonb(t) @> e.after)
    UNION ALL
    SELECT format('%s %s: the row is gone, its trail says nothing of that', $name, e.record_id)
      FROM (SELECT DISTINCT ON (record_id) record_id, action FROM audit.entry
             WHERE tenant_id = $tenant AND table_name = $name ORDER BY record_id, id DESC) e
     WHERE e.action <> 'delete' AND NOT EXISTS (SELECT 1 FROM $table t WHERE t.tenant_id = $tenant AND t.id = e.record_id)";

/// What was asked and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Clients looked at.
    pub clients: usize,
    /// Questions asked.
    pub questions: usize,
    /// What breaks a promise, a line each.
    pub findings: Vec<String>,
}

/// Asks everything about every client, as the owner of the database.
pub fn run(connection: &mut Blocking) -> Result<Report, DatabaseError> {
    let failed = |error: diesel::result::Error| DatabaseError(format!("The check could not be run: {error}"));
    sql_query("SET timezone = 'UTC'").execute(connection).map_err(failed)?;
    if text(connection, "SELECT current_user::text AS line")? != "backoffice_owner" {
        sql_query("SET ROLE backoffice_owner").execute(connection).map_err(failed)?;
    }
    let audited = texts(
        connection,
        "SELECT tgrelid::regclass::text AS line FROM pg_trigger WHERE tgname = 'audit' AND NOT tgisinternal ORDER BY 1",
    )?;
    let mut report = Report::default();
    for tenant in texts(connection, "SELECT id::text AS line FROM core.tenant ORDER BY id")? {
        report.clients = report.clients.saturating_add(1);
        sql_query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(connection).map_err(failed)?;
        sql_query(format!("SELECT core.set_tenant('{tenant}')")).execute(connection).map_err(failed)?;
        let mut ask = |name: &str, query: String| -> Result<(), DatabaseError> {
            report.questions = report.questions.saturating_add(1);
            for line in texts(connection, &query)? {
                let mut finding = String::new();
                let _ = write!(finding, "client {tenant}: {name}: {line}");
                report.findings.push(finding);
            }
            Ok(())
        };
        let literal = format!("'{tenant}'::uuid");
        for question in QUESTIONS {
            ask(question.name, question.query.replace("$tenant", &literal))?;
        }
        for table in &audited {
            let query = AGAINST_TRAIL
                .replace("$tenant", &literal)
                .replace("$name", &format!("'{table}'"))
                .replace("$table", table);
            ask("rows equal their trail", query)?;
        }
        sql_query("COMMIT").execute(connection).map_err(failed)?;
    }
    Ok(report)
}
