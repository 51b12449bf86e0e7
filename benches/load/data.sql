-- The data of the benchmark, made in sets. Runs as superuser with triggers off (session_replication_role = replica), so
-- that only the rows are written; everything that triggers would have derived is derived here as a set.
--
-- Every id is made of its kind, its client and a number, in digits only: pgbench can name any row by arithmetic.

CREATE SCHEMA bench;

-- 0190 0000 0000 7·kk 8 + fifteen digits: a version 7 UUID in whose order the numbers of one client and kind rise.
CREATE FUNCTION bench.id(kind integer, client integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT ('01900000000070' || lpad(kind::text, 2, '0') || '8' || (100000000000000 + client * 1000000000::bigint + n)::text)::uuid
$$;

CREATE FUNCTION bench.tenant(client integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT bench.id(10, client, 0) $$;

-- The day of the n-th of `count` documents: spread over 700 days that end today, so that three fiscal years hold them.
CREATE FUNCTION bench.day(n bigint, count bigint) RETURNS date LANGUAGE sql STABLE AS $$
  SELECT current_date - ((count - n) * 700 / count)::integer
$$;

-- Quantity and unit price of line k of invoice n: whole numbers, so that 19 % of any sum has two decimals.
CREATE FUNCTION bench.price(client integer, n bigint, k bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT 10 + (n * 7 + client * 13 + k * 29) % 90
$$;
CREATE FUNCTION bench.net(client integer, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT bench.price(client, n, 1) + 2 * bench.price(client, n, 2) + 3 * bench.price(client, n, 3)
$$;
-- The customer of invoice n: of fifty invoices in a row some forty are different ones.
CREATE FUNCTION bench.customer_name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'Customer ' || (1 + (n * n + n / 3) % 100) || ' GmbH'
$$;
CREATE FUNCTION bench.customer(client integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT bench.id(18, client, 1 + (n * n + n / 3) % 100)
$$;

CREATE FUNCTION bench.number(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, greatest(5, length(n::text)), '0') $$;

-- A client with books, chart, tax and customers, and the rights of one person in it.
CREATE PROCEDURE bench.found(client integer, account uuid, rights text[], invoices bigint) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := bench.tenant(client);
BEGIN
  INSERT INTO core.tenant (id) VALUES (tenant);
  INSERT INTO practice.client (tenant_id, id, name, country, currency, time_zone, fiscal_year_start_month)
  VALUES (tenant, tenant, 'Client ' || client, 'DE', 'EUR', 'UTC', 1);
  INSERT INTO identity.role (tenant_id, id, name, permissions) VALUES (tenant, bench.id(16, client, 1), 'Everything', rights);
  INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
  VALUES (tenant, bench.id(17, client, 1), account, bench.id(16, client, 1), 'allow', current_date - 1);
  INSERT INTO finance.ledger (tenant_id, id, code, name, currency)
  VALUES (tenant, bench.id(11, client, 1), 'GENERAL', 'General ledger', 'EUR');
  INSERT INTO finance.fiscal_year (tenant_id, id, name, starts_on, ends_on)
  SELECT tenant, bench.id(12, client, y), y::text, make_date(y, 1, 1), make_date(y, 12, 31)
    FROM generate_series(extract(year FROM current_date)::integer - 2, extract(year FROM current_date)::integer + 1) AS y;
  -- 1 to 5: the groups; 11 to 88: 78 accounts that take postings
  INSERT INTO finance.account (tenant_id, id, code, name, kind, parent_id, is_group, control)
  SELECT tenant, bench.id(13, client, n), lpad(n::text, 4, '0'), 'Account ' || n, kinds[grp],
         CASE WHEN n > 5 THEN bench.id(13, client, grp) END, n <= 5,
         CASE n WHEN 11 THEN 'bank' WHEN 12 THEN 'receivable' WHEN 13 THEN 'input_tax' WHEN 21 THEN 'payable'
                WHEN 22 THEN 'output_tax' WHEN 26 THEN 'retained_earnings' WHEN 88 THEN 'rounding' END
    FROM (SELECT n, CASE WHEN n <= 5 THEN n WHEN n <= 20 THEN 1 WHEN n <= 25 THEN 2 WHEN n <= 28 THEN 3 WHEN n <= 58 THEN 4 ELSE 5 END AS grp,
                 '{asset,liability,equity,income,expense}'::text[] AS kinds
            FROM generate_series(1, 88) AS n WHERE n <= 5 OR n >= 11) AS numbered;
  INSERT INTO finance.tax_code (tenant_id, id, code, name, direction, account_id)
  VALUES (tenant, bench.id(14, client, 1), 'S19', 'Sales 19 %', 'output', bench.id(13, client, 22));
  INSERT INTO finance.tax_rate (tenant_id, id, tax_code_id, valid_from, percent)
  VALUES (tenant, bench.id(15, client, 1), bench.id(14, client, 1), '2007-01-01', 19);
  INSERT INTO finance.customer (tenant_id, id, number, name, email, street, postal_code, city, country, currency, payment_terms_days)
  SELECT tenant, bench.id(18, client, n), 'C' || n, 'Customer ' || n || ' GmbH', 'accounts@customer' || n || '.example',
         'Hauptstrasse ' || n, (10000 + n)::text, 'Berlin', 'DE', 'EUR', 30
    FROM generate_series(1, 100) AS n;
  INSERT INTO core.number_series (tenant_id, id, series, prefix, last_number)
  VALUES (tenant, bench.id(19, client, 1), 'invoice', 'INV-', invoices), (tenant, bench.id(19, client, 2), 'journal', 'JE-', 1000000);
END $$;

-- Indexes of the large tables are not kept while these are filled (and the rows have to come in order of client and
-- number, as time would have brought them); REINDEX makes and validates them afterwards.
CREATE PROCEDURE bench.rest_indexes() LANGUAGE sql AS $$
  UPDATE pg_index SET indisready = false, indisvalid = false
   WHERE indrelid IN ('finance.invoice'::regclass, 'finance.invoice_line'::regclass, 'finance.journal_entry'::regclass,
                      'finance.journal_line'::regclass, 'finance.open_item'::regclass)
$$;

-- Issued invoices of the clients from..to with everything that issuing leaves behind: entry of five lines, open item.
CREATE PROCEDURE bench.documents(from_client integer, to_client integer, count bigint, account uuid) LANGUAGE plpgsql AS $$
BEGIN
  FOR client IN from_client .. to_client LOOP
    INSERT INTO finance.invoice (tenant_id, id, customer_id, status, number, issue_date, due_date, currency, exchange_rate, rounding,
                                 customer_name, net, tax, gross, entry_id, created_at)
    SELECT bench.tenant(client), bench.id(20, client, n), bench.customer(client, n), 'issued', 'INV-' || bench.number(n),
           bench.day(n, count), bench.day(n, count) + 30, 'EUR', 1, 'by_document', bench.customer_name(n),
           net, net * 0.19, net * 1.19, bench.id(22, client, n), bench.day(n, count)
      FROM (SELECT n, bench.net(client, n) AS net FROM generate_series(1, count) AS n) AS numbered;
    INSERT INTO finance.invoice_line (tenant_id, id, invoice_id, line_no, description, quantity, unit_price, discount_percent,
                                      account_id, tax_code_id, tax_percent, net)
    SELECT bench.tenant(client), bench.id(21, client, n * 10 + k), bench.id(20, client, n), k, 'Consulting, part ' || k, k,
           bench.price(client, n, k), 0, bench.id(13, client, 29 + (n + k * 7) % 30), bench.id(14, client, 1), 19, k * bench.price(client, n, k)
      FROM generate_series(1, count) AS n, LATERAL generate_series(1 + 0 * n, 3) AS k;
    INSERT INTO finance.journal_entry (tenant_id, id, ledger_id, number, entry_date, recorded_at, description, currency, source, source_id, posted_by)
    SELECT bench.tenant(client), bench.id(22, client, n), bench.id(11, client, 1), 'JE-' || bench.number(n), bench.day(n, count),
           bench.day(n, count), 'INV-' || bench.number(n) || ' ' || bench.customer_name(n), 'EUR', 'invoice', bench.id(20, client, n), account
      FROM generate_series(1, count) AS n;
    INSERT INTO finance.journal_line (tenant_id, id, entry_id, line_no, ledger_id, account_id, entry_date, recorded_at, description,
                                      currency, amount_document, amount, tax_code_id)
    SELECT bench.tenant(client), bench.id(23, client, n * 10 + k), bench.id(22, client, n), k, bench.id(11, client, 1),
           bench.id(13, client, CASE k WHEN 1 THEN 12 WHEN 5 THEN 22 ELSE 29 + (n + (k - 1) * 7) % 30 END),
           bench.day(n, count), bench.day(n, count), 'INV-' || bench.number(n) || ' ' || bench.customer_name(n), 'EUR', amount, amount,
           CASE WHEN k = 5 THEN bench.id(14, client, 1) END
      FROM generate_series(1, count) AS n, LATERAL generate_series(1 + 0 * n, 5) AS k,
           LATERAL (SELECT CASE k WHEN 1 THEN bench.net(client, n) * 1.19 WHEN 5 THEN bench.net(client, n) * -0.19
                                  ELSE -(k - 1) * bench.price(client, n, k - 1) END AS amount) AS a;
    INSERT INTO finance.open_item (tenant_id, id, side, customer_id, invoice_id, document, party_name, entry_id, account_id, item_date,
                                   due_date, currency, amount, amount_book, open_amount, open_book)
    SELECT bench.tenant(client), bench.id(24, client, n), 'receivable', bench.customer(client, n), bench.id(20, client, n),
           'INV-' || bench.number(n), bench.customer_name(n), bench.id(22, client, n), bench.id(13, client, 12), bench.day(n, count),
           bench.day(n, count) + 30, 'EUR', gross, gross, gross, gross
      FROM (SELECT n, bench.net(client, n) * 1.19 AS gross FROM generate_series(1, count) AS n) AS numbered;
  END LOOP;
END $$;

-- One client's journal of `count` entries with five lines over 60 accounts of income and expense and 7 of assets.
CREATE PROCEDURE bench.journal(client integer, count bigint, account uuid) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO finance.journal_entry (tenant_id, id, ledger_id, number, entry_date, recorded_at, description, currency, source, posted_by)
  SELECT bench.tenant(client), bench.id(22, client, n), bench.id(11, client, 1), 'JE-' || bench.number(n), bench.day(n, count),
         bench.day(n, count), 'Entry ' || n, 'EUR', 'manual', account
    FROM generate_series(1, count) AS n;
  INSERT INTO finance.journal_line (tenant_id, id, entry_id, line_no, ledger_id, account_id, entry_date, recorded_at, description,
                                    currency, amount_document, amount)
  SELECT bench.tenant(client), bench.id(23, client, n * 10 + k), bench.id(22, client, n), k, bench.id(11, client, 1),
         bench.id(13, client, CASE k WHEN 5 THEN 14 + n % 7 ELSE 29 + (n * 7 + k * 13) % 60 END),
         bench.day(n, count), bench.day(n, count), '', 'EUR', amount, amount
    FROM generate_series(1, count) AS n, LATERAL generate_series(1 + 0 * n, 5) AS k,
         LATERAL (SELECT CASE WHEN n % 3 = 0 THEN -0.25 ELSE 0.25 END
                         * CASE k WHEN 5 THEN -(4 * (n % 991) + 70) ELSE n % 991 + k * 7 END AS amount) AS a;
END $$;

-- What the triggers would have kept.
CREATE PROCEDURE bench.derive() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO finance.account_balance (tenant_id, ledger_id, account_id, on_date, currency, debit, credit, amount_document, lines)
  SELECT tenant_id, ledger_id, account_id, entry_date, currency, sum(greatest(amount, 0)), sum(greatest(-amount, 0)),
         sum(amount_document), count(*)
    FROM finance.journal_line GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5;
  IF to_regclass('finance.account_month') IS NOT NULL THEN
    INSERT INTO finance.account_month (tenant_id, ledger_id, account_id, month, debit, credit, lines)
    SELECT tenant_id, ledger_id, account_id, date_trunc('month', on_date)::date, sum(debit), sum(credit), sum(lines)
      FROM finance.account_balance GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
  END IF;
END $$;

-- Drafts to be issued: `count` a client, numbered after `behind`.
CREATE PROCEDURE bench.drafts(clients integer, behind bigint, count bigint) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO finance.invoice (tenant_id, id, customer_id, status, currency, exchange_rate, rounding, customer_name, net, tax, gross)
  SELECT bench.tenant(client), bench.id(25, client, n), bench.customer(client, n), 'draft', 'EUR', 1, 'by_document',
         bench.customer_name(n), net, net * 0.19, net * 1.19
    FROM generate_series(1, clients) AS client, LATERAL generate_series(behind + 1 + 0 * client, behind + count) AS n,
         LATERAL (SELECT bench.net(client, n) AS net) AS a;
  INSERT INTO finance.invoice_line (tenant_id, id, invoice_id, line_no, description, quantity, unit_price, discount_percent,
                                    account_id, tax_code_id, tax_percent, net)
  SELECT bench.tenant(client), bench.id(26, client, n * 10 + k), bench.id(25, client, n), k, 'Consulting, part ' || k, k,
         bench.price(client, n, k), 0, bench.id(13, client, 29 + (n + k * 7) % 30), bench.id(14, client, 1), 19, k * bench.price(client, n, k)
    FROM generate_series(1, clients) AS client, LATERAL generate_series(behind + 1 + 0 * client, behind + count) AS n,
         LATERAL generate_series(1 + 0 * n, 3) AS k;
END $$;

-- A policy of each client: bills of any amount, one of those who hold the role.
CREATE PROCEDURE bench.approvals(clients integer, account uuid) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO practice.approval_policy (tenant_id, id, subject, name, edition)
  SELECT bench.tenant(c), bench.id(60, c, 1), 'bill', 'Bills', 1 FROM generate_series(1, clients) AS c;
  INSERT INTO practice.approval_edition (tenant_id, id, policy_id, number, on_edit, made_by, made_by_name)
  SELECT bench.tenant(c), bench.id(61, c, 1), bench.id(60, c, 1), 1, 'void', account, 'Bench' FROM generate_series(1, clients) AS c;
  INSERT INTO practice.approval_band (tenant_id, id, edition_id, number, currency)
  SELECT bench.tenant(c), bench.id(62, c, 1), bench.id(61, c, 1), 1, 'EUR' FROM generate_series(1, clients) AS c;
  INSERT INTO practice.approval_step (tenant_id, id, band_id, number, stage, needed)
  SELECT bench.tenant(c), bench.id(63, c, 1), bench.id(62, c, 1), 1, 1, 1 FROM generate_series(1, clients) AS c;
  INSERT INTO practice.approval_approver (tenant_id, id, step_id, role_id, on_escalation)
  SELECT bench.tenant(c), bench.id(64, c, 1), bench.id(63, c, 1), bench.id(16, c, 1), false FROM generate_series(1, clients) AS c;
END $$;

-- Requests of each client that wait for their one approval, asked for by somebody else.
CREATE PROCEDURE bench.requests(clients integer, count bigint) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO practice.approval_request (tenant_id, id, subject, record_id, edition_id, band_id, title, counterparty, amount, currency,
                                         counted, counted_in, together, fingerprint, note, state, requested_by, requested_by_name)
  SELECT bench.tenant(c), bench.id(65, c, n), 'bill', bench.id(69, c, n), bench.id(61, c, 1), bench.id(62, c, 1), 'Bill ' || n || ' of a vendor',
         'A vendor', 4900, 'EUR', 4900, 'EUR', '{4900}', 'none', '', 'pending', bench.id(59, c, 1), 'Somebody'
    FROM generate_series(1, clients) AS c, generate_series(1, count) AS n;
  INSERT INTO practice.work_item (tenant_id, id, kind, title, record_prefix, record_id, created_by)
  SELECT bench.tenant(c), bench.id(67, c, n), 'approval', 'Approve: Bill ' || n || ' of a vendor', 'apr', bench.id(65, c, n), bench.id(59, c, 1)
    FROM generate_series(1, clients) AS c, generate_series(1, count) AS n;
  INSERT INTO practice.approval_request_step (tenant_id, id, request_id, step_id, number, stage, needed, state, work_item_id, opened_at)
  SELECT bench.tenant(c), bench.id(66, c, n), bench.id(65, c, n), bench.id(63, c, 1), 1, 1, 1, 'open', bench.id(67, c, n), now()
    FROM generate_series(1, clients) AS c, generate_series(1, count) AS n;
END $$;
