-- The archive of a client: all rows of all tables that are the client's, as they stand in one snapshot, and what of the
-- provider's own they point at. A table is in it unless it stands on a list with its reason, so that a department which
-- comes later is in it without doing anything for that.

CREATE TABLE core.archive_exception (
  table_name text PRIMARY KEY CHECK (to_regclass(table_name) IS NOT NULL),
  reason     text NOT NULL CHECK (length(reason) BETWEEN 10 AND 300)
);
COMMENT ON TABLE core.archive_exception IS 'local: tables with rows of clients that stay out of their archives, and why';
INSERT INTO core.archive_exception (table_name, reason) VALUES
  ('core.idempotency', 'Answers kept so that a repeated request is answered again: nobody repeats one at another server.'),
  ('core.job', 'What one server was asked to do: it is over, or it is asked for anew at the other.'),
  ('core.job_attempt', 'The history of jobs, which stay out.'),
  ('core.job_problem', 'What was wrong with the files of jobs, which stay out.'),
  ('core.job_queue', 'Places in one server''s queue.'),
  ('core.schedule_turn', 'When one server was to run a schedule: the other computes it when the schedule is resumed.'),
  ('core.schedule_queue', 'Places in one server''s queue.'),
  ('core.webhook_lane', 'How far one server has looked at events for its webhooks.'),
  ('core.webhook_delivery', 'What one server has sent; swept 30 days after its end.'),
  ('core.webhook_attempt', 'The log of deliveries, which stay out.'),
  ('core.client_edge', 'Kept by triggers from rows that are in the archive.'),
  ('core.clock_watch', 'Kept by triggers from clocks, which are in the archive.'),
  ('core.rule_lane', 'How far one server has looked at events for its rules.'),
  ('practice.document_search', 'The words of documents, which are in the archive: the other server finds them anew.'),
  ('practice.share_door', 'Kept by triggers from share links, which are in the archive without their secrets.'),
  ('identity.outside_sign_in', 'Sign-ins on their way, with their secrets: over within the hour.');

-- Columns that hold secrets stay where they are. So does whatever stays out of the trail, unless this list says that it is
-- no secret: what nobody has decided about is never given away.
CREATE TABLE core.archive_column (
  table_name  text NOT NULL CHECK (to_regclass(table_name) IS NOT NULL),
  column_name text NOT NULL,
  goes        boolean NOT NULL,
  reason      text NOT NULL CHECK (length(reason) BETWEEN 10 AND 300),
  PRIMARY KEY (table_name, column_name)
);
COMMENT ON TABLE core.archive_column IS 'local: which columns go into a client''s archive or not, where that is not plain';
INSERT INTO core.archive_column (table_name, column_name, goes, reason) VALUES
  ('core.file', 'object_key', false, 'Leads to bytes in one server''s store; another server makes a key of its own.'),
  ('core.webhook_secret', 'sealed', false, 'A secret, sealed with a key that is not in the database.'),
  ('identity.identity_provider', 'sealed_secret', false, 'A secret, sealed with a key that is not in the database.'),
  ('identity.invitation', 'secret_hash', false, 'The hash of a secret that lets somebody in.'),
  ('identity.service_account', 'secret_hash', false, 'The hash of a secret that lets somebody in.'),
  ('practice.appointment_feed', 'token_hash', false, 'The hash of a secret that shows a calendar.'),
  ('practice.document_share', 'token_hash', false, 'The hash of a secret that gives a document out.'),
  ('practice.document_share', 'password_hash', false, 'The hash of a password.'),
  ('practice.portal_document', 'body', true, 'No secret: it stays out of the trail because the trail keeps its hash.');

-- What of the provider's own goes along as far as the client's rows point at it: never a credential.
CREATE TABLE core.archive_reference (
  table_name text PRIMARY KEY CHECK (to_regclass(table_name) IS NOT NULL),
  key_column text NOT NULL,
  names      text[] NOT NULL CHECK (cardinality(names) > 0)
);
COMMENT ON TABLE core.archive_reference IS 'local: what of the provider''s own goes along with a client''s archive, and which of its columns';
INSERT INTO core.archive_reference (table_name, key_column, names) VALUES
  ('identity.account', 'id', '{id,email,name,staff,created_at}'),
  ('practice.approval_subject', 'subject', '{subject,facts,together}'),
  ('practice.team', 'id', '{id,name,created_at}'),
  ('practice.work_template', 'code', '{code,name,steps,created_at,updated_at}'),
  ('practice.service', 'code', '{code,name,created_at}');

-- Every table with rows of clients: whether it goes out ('exported') or why not, which column names the client, the
-- columns that lead through it in the order of its key, and those that hold secrets: they stay out of the trail and of the
-- archive.
CREATE FUNCTION core.archive_tables()
RETURNS TABLE (name text, reason text, client_column text, key_columns text[], secrets text[], columns text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT c.oid::regclass::text, x.reason, t.attname::text,
         ARRAY (SELECT a.attname::text FROM pg_constraint k, unnest(k.conkey) WITH ORDINALITY AS u (num, place)
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num
                 WHERE k.conrelid = c.oid AND k.contype = 'p' AND a.attname <> t.attname ORDER BY u.place),
         ARRAY (SELECT a.attname::text FROM pg_attribute a
                  LEFT JOIN core.archive_column d ON to_regclass(d.table_name) = c.oid AND d.column_name = a.attname
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND NOT coalesce(d.goes, NOT EXISTS (
                         SELECT 1 FROM pg_trigger g
                          WHERE g.tgrelid = c.oid AND g.tgname = 'audit' AND NOT g.tgisinternal
                            AND a.attname = ANY ((string_to_array(encode(g.tgargs, 'escape'), '\000'))[2:])))
                 ORDER BY a.attnum),
         ARRAY (SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped AND t.atttypid = 'uuid'::regtype
     AND (t.attname = 'tenant_id' OR (t.attname = 'client_id' AND NOT EXISTS (
           SELECT 1 FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'tenant_id' AND NOT o.attisdropped)))
    LEFT JOIN core.archive_exception x ON to_regclass(x.table_name) = c.oid
   WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public') AND n.nspname NOT LIKE 'pg\_%'
   ORDER BY 1
$$;
GRANT EXECUTE ON FUNCTION core.archive_tables TO backoffice_app;

-- The next rows of a table of this transaction's client, behind the place of the last one: as JSON, in the order of its
-- key, at most p_rows and not many more bytes than p_bytes. A column of JSON that holds JSON's null is named beside the
-- row, because a row that holds nothing there looks the same.
CREATE FUNCTION core.archive_page(p_table text, p_after text[], p_rows integer, p_bytes integer) RETURNS TABLE (line text, place text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' SET bytea_output = 'hex'
  SET intervalstyle = 'postgres' SET datestyle = 'ISO, YMD' SET xmloption = 'content' AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  shape  record;
  names  text;
  values_after text;
  places text;
  nulls  text;
  query  text;
  taken  bigint := 0;
BEGIN
  SELECT t.* INTO shape FROM core.archive_tables() t WHERE t.name = p_table AND t.reason IS NULL;
  IF NOT FOUND OR tenant IS NULL THEN RAISE EXCEPTION 'no such table of a client'; END IF;
  SELECT string_agg(format('t.%I', k.name), ', ' ORDER BY k.place),
         string_agg(format('($2[%s])::%s', k.place, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY k.place),
         string_agg(format('t.%I::text', k.name), ', ' ORDER BY k.place)
    INTO names, values_after, places
    FROM unnest(shape.key_columns) WITH ORDINALITY AS k (name, place)
    JOIN pg_attribute a ON a.attrelid = to_regclass(p_table) AND a.attname = k.name;
  SELECT string_agg(format('CASE WHEN jsonb_typeof(t.%I) = ''null'' THEN ARRAY[%L]::text[] END', a.attname, a.attname), ' || ')
    INTO nulls
    FROM pg_attribute a
   WHERE a.attrelid = to_regclass(p_table) AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'jsonb'::regtype
     AND a.attname <> ALL (shape.secrets);
  query := format('SELECT ((to_jsonb(t) - $3)%s)::text, ARRAY[%s]::text[] FROM %s t WHERE t.%I = $1',
    CASE WHEN nulls IS NULL THEN ''
         ELSE format(' || CASE WHEN (%1$s) IS NULL THEN ''{}'' ELSE jsonb_build_object(''json null'', %1$s) END', nulls) END,
    coalesce(places, ''), p_table, shape.client_column);
  IF names IS NOT NULL THEN
    IF p_after IS NOT NULL THEN
      query := query || format(' AND (%s) > (%s)', names, values_after);
    END IF;
    query := query || format(' ORDER BY t.%I, %s', shape.client_column, names);
  ELSIF p_after IS NOT NULL THEN
    RETURN;
  END IF;
  FOR line, place IN EXECUTE query || ' LIMIT $4' USING tenant, p_after, shape.secrets, p_rows LOOP
    RETURN NEXT;
    taken := taken + octet_length(line);
    EXIT WHEN taken > p_bytes;
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION core.archive_page TO backoffice_app;

-- The keys of what one table of this transaction's client points at. People are looked for in every column that holds an
-- id: not every one has a foreign key.
CREATE FUNCTION core.archive_pointed(p_reference text, p_table text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  reference core.archive_reference;
  shape  record;
  one    record;
BEGIN
  SELECT r.* INTO reference FROM core.archive_reference r WHERE r.table_name = p_reference;
  SELECT t.* INTO shape FROM core.archive_tables() t WHERE t.name = p_table AND t.reason IS NULL;
  IF reference IS NULL OR shape IS NULL OR tenant IS NULL THEN RAISE EXCEPTION 'no such table of a client'; END IF;
  FOR one IN
    SELECT a.attname, a.atttypid = 'uuid[]'::regtype AS is_list
      FROM pg_attribute a
     WHERE a.attrelid = to_regclass(p_table) AND a.attnum > 0 AND NOT a.attisdropped
       AND (EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
                       AND k.confrelid = to_regclass(p_reference))
         OR (p_reference = 'identity.account' AND a.atttypid IN ('uuid'::regtype, 'uuid[]'::regtype)
             AND a.attname NOT IN ('id', 'tenant_id')))
  LOOP
    RETURN QUERY EXECUTE format(
      'SELECT r.%1$I::text FROM %2$s r WHERE r.%1$I IN (SELECT %3$s FROM %4$s t WHERE t.%5$I = $1)',
      reference.key_column, p_reference,
      format(CASE WHEN one.is_list THEN 'unnest(t.%I)' ELSE 't.%I' END, one.attname), p_table, shape.client_column)
    USING tenant;
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION core.archive_pointed TO backoffice_app;

-- What goes along of these.
CREATE FUNCTION core.archive_referenced(p_reference text, p_keys text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
  reference core.archive_reference;
BEGIN
  SELECT r.* INTO reference FROM core.archive_reference r WHERE r.table_name = p_reference;
  IF NOT FOUND THEN RAISE EXCEPTION 'no such table'; END IF;
  RETURN QUERY EXECUTE format('SELECT jsonb_build_object(%s)::text FROM %s r WHERE r.%I::text = ANY ($1) ORDER BY 1',
    (SELECT string_agg(format('%L, r.%I', c, c), ', ') FROM unnest(reference.names) AS c), p_reference, reference.key_column)
  USING p_keys;
END $$;
GRANT EXECUTE ON FUNCTION core.archive_referenced TO backoffice_app;

CREATE FUNCTION core.archive_references() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT r.table_name FROM core.archive_reference r ORDER BY r.table_name
$$;
GRANT EXECUTE ON FUNCTION core.archive_references TO backoffice_app;

-- Figures of this transaction's client that are the same wherever its rows lie. Amounts are texts: no reader rounds them.
CREATE FUNCTION core.archive_totals() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  WITH here AS (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid AS tenant)
  SELECT jsonb_build_object(
    'trialBalance', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('account', s.code, 'debit', s.debit::text, 'credit', s.credit::text,
                                                   'balance', (s.debit - s.credit)::text) ORDER BY s.code), '[]')
        FROM (SELECT a.code, sum(b.debit) AS debit, sum(b.credit) AS credit
                FROM here h JOIN finance.account_balance b ON b.tenant_id = h.tenant
                JOIN finance.account a ON a.tenant_id = b.tenant_id AND a.id = b.account_id GROUP BY a.code) s),
    'journal', (
      SELECT jsonb_build_object('lines', count(*), 'debit', coalesce(sum(greatest(l.amount, 0)), 0)::text,
                                'credit', coalesce(sum(greatest(-l.amount, 0)), 0)::text)
        FROM here h JOIN finance.journal_line l ON l.tenant_id = h.tenant),
    'openItems', (
      SELECT coalesce(jsonb_object_agg(s.side, jsonb_build_object('count', s.count, 'open', s.open::text)), '{}')
        FROM (SELECT i.side, count(*) AS count, sum(i.open_book) AS open
                FROM here h JOIN finance.open_item i ON i.tenant_id = h.tenant WHERE i.open_amount <> 0 GROUP BY i.side) s),
    'openWork', (SELECT count(*) FROM here h JOIN practice.work_item w ON w.tenant_id = h.tenant WHERE w.closed_at IS NULL),
    'invoices', (SELECT count(*) FROM here h JOIN finance.invoice d ON d.tenant_id = h.tenant),
    'bills', (SELECT count(*) FROM here h JOIN finance.bill d ON d.tenant_id = h.tenant),
    'files', (
      SELECT jsonb_build_object('count', count(*), 'bytes', coalesce(sum(f.size), 0))
        FROM here h JOIN core.file f ON f.tenant_id = h.tenant
       WHERE f.state = 'ready' AND f.purpose <> 'export' AND f.removed_at IS NULL AND f.deleted_at IS NULL),
    'auditEntries', (SELECT count(*) FROM here h JOIN audit.entry e ON e.tenant_id = h.tenant))
$$;
GRANT EXECUTE ON FUNCTION core.archive_totals TO backoffice_app;

-- Whoever administers the provider may take a client's archive: every row and file of it. Then jobs and files are no secret
-- to him either, and he sees how far his has come.
UPDATE identity.provider_role SET client_permissions = client_permissions || '{practice.client.archive,work.job.read,core.file.read}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
