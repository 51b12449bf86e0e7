-- How long documents are kept, and what may not be deleted whatever was said about that. A hold names records of any kind,
-- types and folders of documents; the database refuses to delete what a live hold names.

---------------------------------------------------------------------------------------------------------- legal holds
CREATE TABLE practice.legal_hold (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
  released_at timestamptz,
  released_by uuid,
  created_by  uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK ((released_at IS NULL) = (released_by IS NULL))
);
SELECT core.raise_wall('practice.legal_hold', 'mutable');

CREATE TABLE practice.legal_hold_item (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  hold_id       uuid NOT NULL,
  record_prefix text NOT NULL CHECK (record_prefix ~ '^[a-z]{1,10}$'),
  record_id     uuid NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, hold_id, record_id),
  FOREIGN KEY (tenant_id, hold_id) REFERENCES practice.legal_hold (tenant_id, id)
);
COMMENT ON TABLE practice.legal_hold_item IS 'append-only';
COMMENT ON COLUMN practice.legal_hold_item.record_prefix IS 'with record_id the outside id of what is held';
SELECT core.raise_wall('practice.legal_hold_item', 'append_only');
CREATE INDEX legal_hold_item_by_record ON practice.legal_hold_item (tenant_id, record_id);

-- A hold that was released stays so: another one is another row.
CREATE FUNCTION practice.hold_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.released_at IS NOT NULL OR new.name <> old.name OR new.reason <> old.reason OR new.created_by <> old.created_by THEN
    RAISE EXCEPTION 'a hold stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER hold_stays BEFORE UPDATE ON practice.legal_hold FOR EACH ROW EXECUTE FUNCTION practice.hold_stays();

-- Whether a live hold of that client names one of these.
CREATE FUNCTION practice.is_held(p_tenant uuid, p_ids uuid[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM practice.legal_hold_item i
                   JOIN practice.legal_hold h ON h.tenant_id = i.tenant_id AND h.id = i.hold_id
                  WHERE i.tenant_id = p_tenant AND i.record_id = ANY (p_ids) AND h.released_at IS NULL)
$$;
GRANT EXECUTE ON FUNCTION practice.is_held TO backoffice_app;

-- A folder and those in which it lies.
CREATE FUNCTION practice.folders_above(p_tenant uuid, p_folder uuid) RETURNS uuid[]
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  WITH RECURSIVE above (id, parent_id) AS (
    SELECT f.id, f.parent_id FROM practice.document_folder f WHERE f.tenant_id = p_tenant AND f.id = p_folder
    UNION
    SELECT f.id, f.parent_id FROM above a JOIN practice.document_folder f ON f.tenant_id = p_tenant AND f.id = a.parent_id)
  SELECT coalesce(array_agg(a.id), '{}') FROM above a
$$;
GRANT EXECUTE ON FUNCTION practice.folders_above TO backoffice_app;

-- Whether a live hold names a document, its type, a folder above it, one of its versions or one of their files.
CREATE FUNCTION practice.document_held(p_tenant uuid, p_document uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM practice.legal_hold h WHERE h.tenant_id = p_tenant AND h.released_at IS NULL)
     AND practice.is_held(p_tenant, ARRAY[p_document]
           || (SELECT d.type_id || practice.folders_above(p_tenant, d.folder_id)
                 FROM practice.document d WHERE d.tenant_id = p_tenant AND d.id = p_document)
           || (SELECT coalesce(array_agg(v.id) || array_agg(v.file_id), '{}')
                 FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document))
$$;
GRANT EXECUTE ON FUNCTION practice.document_held TO backoffice_app;

-- Whoever places a hold waits for those who are deleting, and they for him: of the two, one sees what the other has done.
CREATE FUNCTION practice.lock_holds() RETURNS void
LANGUAGE sql SET search_path = pg_catalog AS $$
  SELECT pg_advisory_xact_lock(4210157, hashtext(nullif(current_setting('app.tenant_id', true), '')))
$$;
GRANT EXECUTE ON FUNCTION practice.lock_holds TO backoffice_app;

-- Refuses to delete a held record, and what belongs to one: arguments are the columns that name what a row belongs to. What
-- deletes by itself, the sweeps, passes it over instead.
CREATE FUNCTION practice.expect_not_held() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  image jsonb := to_jsonb(old);
  ids   uuid[] := ARRAY[old.id];
BEGIN
  FOR i IN 0 .. tg_nargs - 1 LOOP
    ids := ids || (image ->> tg_argv[i])::uuid;
  END LOOP;
  PERFORM pg_advisory_xact_lock_shared(4210157, hashtext(old.tenant_id::text));
  IF NOT practice.is_held(old.tenant_id, ids) THEN
    RETURN CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
  END IF;
  IF current_user = 'backoffice_owner' THEN RETURN NULL; END IF;
  RAISE EXCEPTION 'the record is under legal hold' USING ERRCODE = 'BO050', CONSTRAINT = 'BO050';
END $$;

-- The same for documents and what belongs to them: they are held by their type and their folders as well. A held document
-- does not go into the trash, and leaves neither the type nor the folders by which it is held.
CREATE FUNCTION practice.expect_document_not_held() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  image jsonb := to_jsonb(old);
BEGIN
  PERFORM pg_advisory_xact_lock_shared(4210157, hashtext(old.tenant_id::text));
  IF NOT practice.document_held(old.tenant_id, (image ->> tg_argv[0])::uuid) THEN
    RETURN CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
  END IF;
  RAISE EXCEPTION 'the document is under legal hold' USING ERRCODE = 'BO050', CONSTRAINT = 'BO050';
END $$;
CREATE TRIGGER held BEFORE DELETE ON practice.document
  FOR EACH ROW EXECUTE FUNCTION practice.expect_document_not_held('id');
CREATE TRIGGER held_trash BEFORE UPDATE ON practice.document
  FOR EACH ROW WHEN ((old.trashed_on IS NULL AND new.trashed_on IS NOT NULL) OR old.type_id <> new.type_id
                     OR old.folder_id IS DISTINCT FROM new.folder_id)
  EXECUTE FUNCTION practice.expect_document_not_held('id');
CREATE TRIGGER held BEFORE DELETE ON practice.document_version
  FOR EACH ROW EXECUTE FUNCTION practice.expect_document_not_held('document_id');
CREATE TRIGGER held_deletion BEFORE UPDATE ON practice.document_version
  FOR EACH ROW WHEN (old.deleted_at IS NULL AND new.deleted_at IS NOT NULL)
  EXECUTE FUNCTION practice.expect_document_not_held('document_id');
CREATE TRIGGER held BEFORE DELETE ON practice.document_link
  FOR EACH ROW EXECUTE FUNCTION practice.expect_document_not_held('document_id');
CREATE TRIGGER held BEFORE DELETE ON practice.document_share
  FOR EACH ROW EXECUTE FUNCTION practice.expect_document_not_held('document_id');
-- A folder that lies in a held one stays there, with all that lies in it.
CREATE FUNCTION practice.expect_folder_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(4210157, hashtext(old.tenant_id::text));
  IF practice.is_held(old.tenant_id, practice.folders_above(old.tenant_id, old.parent_id)) THEN
    RAISE EXCEPTION 'the folder is under legal hold' USING ERRCODE = 'BO050', CONSTRAINT = 'BO050';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER held_place BEFORE UPDATE ON practice.document_folder
  FOR EACH ROW WHEN (old.parent_id IS DISTINCT FROM new.parent_id) EXECUTE FUNCTION practice.expect_folder_stays();

-- Puts the trigger on a client's table whose rows have ids and can be deleted, or marked as deleted. p_of: the columns that
-- name what its rows belong to.
CREATE FUNCTION practice.guard_by_holds(p_table regclass, p_of text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  arguments text := (SELECT coalesce(string_agg(quote_literal(c), ', '), '') FROM unnest(p_of) AS c);
  has_id    boolean;
  has_mark  boolean;
BEGIN
  SELECT bool_or(a.attname = 'id' AND a.atttypid = 'uuid'::regtype), bool_or(a.attname = 'deleted_at') INTO has_id, has_mark
    FROM pg_attribute a WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped;
  IF NOT has_id THEN RETURN; END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = p_table AND t.tgname = 'held') THEN
    EXECUTE format('CREATE TRIGGER held BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION practice.expect_not_held(%s)', p_table, arguments);
  END IF;
  IF has_mark AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = p_table AND t.tgname = 'held_deletion') THEN
    EXECUTE format('CREATE TRIGGER held_deletion BEFORE UPDATE ON %s FOR EACH ROW
                    WHEN (old.deleted_at IS NULL AND new.deleted_at IS NOT NULL) EXECUTE FUNCTION practice.expect_not_held(%s)', p_table, arguments);
  END IF;
END $$;
SELECT practice.guard_by_holds('finance.invoice_line', '{invoice_id}');
SELECT practice.guard_by_holds('finance.bill_line', '{bill_id}');
SELECT practice.guard_by_holds('identity.identity_provider_role', '{identity_provider_id}');
SELECT practice.guard_by_holds('identity.outside_account', '{identity_provider_id}');
SELECT practice.guard_by_holds('core.calendar_exception', '{calendar_id}');
SELECT practice.guard_by_holds('core.job_attempt', '{job_id}');
SELECT practice.guard_by_holds('core.job_problem', '{job_id}');
SELECT practice.guard_by_holds('core.webhook_attempt', '{delivery_id}');
SELECT practice.guard_by_holds('core.webhook_delivery', '{endpoint_id}');
SELECT practice.guard_by_holds('practice.work_check', '{item_id}');
SELECT practice.guard_by_holds('practice.work_dependency', '{item_id}');
-- All the others, append-only ones aside, of which nothing goes anyway.
SELECT practice.guard_by_holds(c.oid::regclass)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
 WHERE c.relkind = 'r' AND c.relnamespace <> 'audit'::regnamespace
   AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'refuse_change' AND (t.tgtype & 8) = 8)
 ORDER BY c.oid;

-- Tables that come later are guarded as their wall is raised.
CREATE OR REPLACE FUNCTION core.raise_wall(walled regclass, nature text, portfolio boolean DEFAULT false, secrets text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  arguments text;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', walled);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', walled);
  EXECUTE format($policy$CREATE POLICY tenant ON %s USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)$policy$, walled);
  IF portfolio THEN
    -- a sub-select, unlike the policy above: the list is read once a statement instead of once a row
    EXECUTE format($policy$CREATE POLICY portfolio ON %s FOR SELECT TO backoffice_portfolio
      USING (tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[]))$policy$, walled);
    EXECUTE format('GRANT SELECT ON %s TO backoffice_portfolio', walled);
  END IF;
  EXECUTE format('GRANT SELECT ON %s TO backoffice_app', walled);
  CASE nature
    WHEN 'mutable', 'unaudited' THEN
      EXECUTE format('GRANT INSERT, UPDATE ON %s TO backoffice_app', walled);
    WHEN 'deletable' THEN
      EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO backoffice_app', walled);
    WHEN 'append_only' THEN
      EXECUTE format('GRANT INSERT ON %s TO backoffice_app', walled);
      EXECUTE format('CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION core.refuse_change()', walled);
      EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s EXECUTE FUNCTION core.refuse_change()', walled);
    WHEN 'derived' THEN
      NULL;
    ELSE
      RAISE EXCEPTION 'unknown nature %', nature;
  END CASE;
  IF nature IN ('mutable', 'deletable') THEN
    EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION core.touch()', walled);
  END IF;
  IF nature IN ('mutable', 'deletable', 'append_only') THEN
    SELECT string_agg(quote_literal(a), ', ') INTO arguments FROM unnest(array_prepend(walled::text, secrets)) AS a;
    EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.record(%s)', walled, arguments);
  END IF;
  IF nature <> 'append_only' THEN
    PERFORM practice.guard_by_holds(walled);
  END IF;
END $$;

-- Bytes of held files stay.
CREATE OR REPLACE FUNCTION core.files_due(p_most integer) RETURNS TABLE (tenant_id uuid, id uuid, object_key text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  left_over integer := p_most;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR tenant_id, id, object_key IN
      SELECT f.tenant_id, f.id, f.object_key FROM core.file f
       WHERE f.tenant_id = client AND f.removed_at IS NULL
         AND (f.deleted_at IS NOT NULL
              OR (f.expires_at < now() AND (f.state = 'ready' OR (f.state = 'pending' AND f.expires_at < now() - interval '1 hour'))))
         AND NOT practice.is_held(client, ARRAY[f.id])
       ORDER BY coalesce(f.deleted_at, f.expires_at) LIMIT left_over
    LOOP
      left_over := left_over - 1;
      RETURN NEXT;
    END LOOP;
    EXIT WHEN left_over <= 0;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;

------------------------------------------------------------------------------------------------------------ retention
CREATE TABLE practice.retention_schedule (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  archive_after integer CHECK (archive_after BETWEEN 0 AND 40000),
  trash_after   integer CHECK (trash_after BETWEEN 0 AND 40000),
  purge_after   integer CHECK (purge_after BETWEEN 1 AND 40000),
  confirmed     boolean NOT NULL DEFAULT true,
  type_ids      uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(type_ids) <= 500),
  ended_at      timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  version       integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK (purge_after IS NULL OR trash_after IS NOT NULL)
);
COMMENT ON COLUMN practice.retention_schedule.trash_after IS 'days from the day from which retention counts; null: documents are kept';
COMMENT ON COLUMN practice.retention_schedule.purge_after IS 'days in the trash behind that; null: they stay in the trash';
COMMENT ON COLUMN practice.retention_schedule.confirmed IS 'whether somebody has to confirm that a document is purged';
COMMENT ON COLUMN practice.retention_schedule.type_ids IS 'the types of documents for which it holds; none: all';
SELECT core.raise_wall('practice.retention_schedule', 'mutable');
CREATE UNIQUE INDEX retention_schedule_name ON practice.retention_schedule (tenant_id, name) WHERE ended_at IS NULL;

-- What it says stays: a schedule is ended, and another one made. Its types are those of its client.
CREATE FUNCTION practice.schedule_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op = 'INSERT' THEN
    IF (SELECT count(*) FROM practice.document_type t WHERE t.tenant_id = new.tenant_id AND t.id = ANY (new.type_ids)) <> cardinality(new.type_ids) THEN
      RAISE EXCEPTION 'a type of documents is unknown' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN new;
  END IF;
  IF old.ended_at IS NOT NULL OR new.name <> old.name OR new.archive_after IS DISTINCT FROM old.archive_after
     OR new.trash_after IS DISTINCT FROM old.trash_after OR new.purge_after IS DISTINCT FROM old.purge_after
     OR new.confirmed <> old.confirmed OR new.type_ids <> old.type_ids THEN
    RAISE EXCEPTION 'a retention schedule stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER schedule_stays BEFORE UPDATE ON practice.retention_schedule
  FOR EACH ROW EXECUTE FUNCTION practice.schedule_stays();
-- behind the wall, which is asked first whose row it is
CREATE TRIGGER schedule_types AFTER INSERT ON practice.retention_schedule
  FOR EACH ROW EXECUTE FUNCTION practice.schedule_stays();

------------------------------------------------------------------------------------------------------------- disposal
CREATE TABLE practice.disposal (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  document_id      uuid NOT NULL,
  title            text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  rights           text[] NOT NULL DEFAULT '{}',
  rule             text NOT NULL CHECK (length(rule) BETWEEN 1 AND 2000),
  proposed_on      date NOT NULL,
  proposed_by      uuid NOT NULL,
  proposed_by_name text NOT NULL,
  decided_at       timestamptz,
  decided_by       uuid,
  decided_by_name  text,
  purged_on        date,
  certificate      jsonb,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK ((purged_on IS NULL) = (certificate IS NULL)),
  CHECK (purged_on IS NULL OR decided_at IS NOT NULL),
  CHECK ((decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (decided_by_name IS NULL))
);
COMMENT ON TABLE practice.disposal IS 'what became of documents that were to be purged; it outlives them';
COMMENT ON COLUMN practice.disposal.document_id IS 'no foreign key: the document goes and this stays';
SELECT core.raise_wall('practice.disposal', 'mutable');
CREATE UNIQUE INDEX disposal_open ON practice.disposal (tenant_id, document_id) WHERE decided_at IS NULL;
CREATE INDEX disposal_by_document ON practice.disposal (tenant_id, document_id);

-- What was decided stays. Whoever has proposed does not decide that it is purged, unless the schedule needs no confirmation,
-- which is decided as it is proposed.
CREATE FUNCTION practice.disposal_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.decided_at IS NOT NULL OR new.document_id <> old.document_id OR new.rule <> old.rule OR new.title <> old.title
     OR new.proposed_by <> old.proposed_by OR new.proposed_on <> old.proposed_on THEN
    RAISE EXCEPTION 'a disposal stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  IF new.purged_on IS NOT NULL AND new.decided_by = old.proposed_by THEN
    RAISE EXCEPTION 'a disposal is confirmed by somebody else' USING ERRCODE = 'BO051', CONSTRAINT = 'BO051';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER disposal_stays BEFORE UPDATE ON practice.disposal FOR EACH ROW EXECUTE FUNCTION practice.disposal_stays();

INSERT INTO core.record_type (node_type, home) VALUES
  ('LegalHold', 'practice.legal_hold'),
  ('RetentionSchedule', 'practice.retention_schedule'),
  ('Disposal', 'practice.disposal');
SELECT core.know_record_types();

-- Takes a document away with all that belongs to it, and gives how many files it had: their bytes go within minutes. What is
-- held refuses to go (see the triggers).
CREATE FUNCTION practice.document_purged(p_tenant uuid, p_document uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  files uuid[];
BEGIN
  SELECT coalesce(array_agg(v.file_id), '{}') INTO files
    FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document;
  DELETE FROM practice.document_share s WHERE s.tenant_id = p_tenant AND s.document_id = p_document;
  DELETE FROM practice.document_link l WHERE l.tenant_id = p_tenant AND l.document_id = p_document;
  DELETE FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document;
  DELETE FROM practice.document d WHERE d.tenant_id = p_tenant AND d.id = p_document;
  UPDATE core.file f SET deleted_at = now() WHERE f.tenant_id = p_tenant AND f.id = ANY (files) AND f.deleted_at IS NULL;
  RETURN cardinality(files);
END $$;
GRANT EXECUTE ON FUNCTION practice.document_purged TO backoffice_app;
