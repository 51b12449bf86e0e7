-- What is written beside any record, who watches it, and who is told of what: one place for all departments. What work items
-- had of their own goes into it.

------------------------------------------------------------------------------------------------------------ who sees what
-- Records that not everybody sees who holds the right to read records of their type: what else has to hold of the row `r`,
-- given the rights that somebody holds (`p_held`) and who he is (`p_account`). A department with such records adds a line.
CREATE TABLE core.record_sight (
  node_type text PRIMARY KEY CHECK (node_type ~ '^[A-Z][A-Za-z]+$'),
  home      text NOT NULL CHECK (to_regclass(home) IS NOT NULL),
  condition text NOT NULL
);
COMMENT ON TABLE core.record_sight IS 'local: what else than the right to read records of a type decides who sees one';
INSERT INTO core.record_sight (node_type, home, condition) VALUES
  ('ClientRequest', 'practice.work_item', 'r.visible_to_client'),
  ('ClientAppointment', 'practice.appointment', 'r.visible_to_client'),
  ('SharedCorrespondence', 'practice.correspondence', 'r.visible_to_client'),
  ('ClientDocument', 'practice.document', 'r.visible_to_client AND r.trashed_on IS NULL'),
  ('Document', 'practice.document', 'r.rights <@ p_held'),
  ('DocumentVersion', 'practice.document_version', 'EXISTS (SELECT 1 FROM practice.document d WHERE d.tenant_id = r.tenant_id AND d.id = r.document_id AND d.rights <@ p_held)'),
  ('DocumentShare', 'practice.document_share', 'EXISTS (SELECT 1 FROM practice.document d WHERE d.tenant_id = r.tenant_id AND d.id = r.document_id AND d.rights <@ p_held)'),
  ('Disposal', 'practice.disposal', 'r.rights <@ p_held'),
  ('File', 'core.file', 'r.rights <@ p_held AND (r.only_for IS NULL OR r.only_for = p_account)');

-- Writes core.record_shown anew from the list. A migration that adds lines calls it once behind them; its step back takes
-- them away and calls it again.
CREATE FUNCTION core.know_record_sights() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  known text;
BEGIN
  SELECT string_agg(format(E'    WHEN %L THEN RETURN EXISTS (SELECT 1 FROM %s r WHERE r.tenant_id = p_tenant AND r.id = p_record AND (%s));\n',
                           node_type, home, condition), '' ORDER BY node_type)
    INTO known FROM core.record_sight;
  EXECUTE format($f$
CREATE OR REPLACE FUNCTION core.record_shown(p_tenant uuid, p_type text, p_record uuid, p_held text[], p_account uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS %L$f$, format($f$
BEGIN
  CASE p_type
%s    ELSE RETURN NOT EXISTS (SELECT 1 FROM core.record_type t WHERE t.node_type = p_type)
             OR core.version_of(p_tenant, p_type, p_record) IS NOT NULL;
  END CASE;
END $f$, known));
END $$;
SELECT core.know_record_sights();
GRANT EXECUTE ON FUNCTION core.record_shown TO backoffice_app;

-- Whether a person works for the provider.
CREATE FUNCTION practice.is_staff(p_account uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.staff AND a.disabled_at IS NULL)
$$;
GRANT EXECUTE ON FUNCTION practice.is_staff TO backoffice_app;

-- As what a person sees a record of this transaction's client today: the first of these types, each with the right to read
-- it, as which it is shown to him. Null: not at all, or he lacks one of the rights that are needed beside that. p_staff: only
-- the provider's staff.
CREATE FUNCTION practice.sight_of(p_account uuid, p_types text[], p_rights text[], p_record uuid, p_needs text[], p_staff boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  zone   text;
  held   text[];
BEGIN
  PERFORM 1 FROM identity.account a WHERE a.id = p_account AND a.disabled_at IS NULL AND (a.staff OR NOT p_staff);
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = tenant;
  held := core.permissions_in(p_account, tenant, zone);
  IF held IS NULL OR NOT held @> p_needs THEN RETURN NULL; END IF;
  RETURN (SELECT t.name FROM unnest(p_types, p_rights) WITH ORDINALITY AS t (name, needed, place)
           WHERE t.needed = ANY (held) AND core.record_shown(tenant, t.name, p_record, held, p_account)
           ORDER BY t.place LIMIT 1);
END $$;
GRANT EXECUTE ON FUNCTION practice.sight_of TO backoffice_app;

-- An id that is ordered by time (RFC 9562, version 7), for rows that the database makes by itself.
CREATE FUNCTION core.new_id() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
           PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;
GRANT EXECUTE ON FUNCTION core.new_id TO backoffice_app;

---------------------------------------------------------------------------------------------------------------- comments
CREATE TABLE practice.comment (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  record_type       text NOT NULL CHECK (record_type ~ '^[A-Z][A-Za-z]+$'),
  record_id         uuid NOT NULL,
  author_id         uuid NOT NULL,
  author_kind       text NOT NULL CHECK (author_kind IN ('user', 'service')),
  author_name       text NOT NULL,
  body              text NOT NULL CHECK (length(body) <= 10000),
  visible_to_client boolean NOT NULL,
  reply_to_id       uuid,
  edited_at         timestamptz,
  deleted_at        timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, reply_to_id) REFERENCES practice.comment (tenant_id, id),
  CHECK ((body = '') = (deleted_at IS NOT NULL))
);
COMMENT ON COLUMN practice.comment.record_type IS 'the type as the provider knows it: what the client sees of a work item is beside the work item';
COMMENT ON COLUMN practice.comment.visible_to_client IS 'false: it stays with the provider''s staff';
COMMENT ON COLUMN practice.comment.deleted_at IS 'its text is gone from then on, its place stays';
SELECT core.raise_wall('practice.comment', 'mutable');
CREATE INDEX comment_by_record ON practice.comment (tenant_id, record_id, id);
CREATE INDEX comment_by_reply ON practice.comment (tenant_id, reply_to_id) WHERE reply_to_id IS NOT NULL;

-- What answers a comment stands beside the same record, and is seen by nobody who does not see that comment. What was written
-- is changed by who wrote it only, and what was deleted stays so.
CREATE FUNCTION practice.comment_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  actor text := nullif(current_setting('app.actor_id', true), '');
BEGIN
  IF tg_op = 'INSERT' THEN
    IF new.reply_to_id IS NOT NULL AND NOT EXISTS (
         SELECT 1 FROM practice.comment c
          WHERE c.tenant_id = new.tenant_id AND c.id = new.reply_to_id AND c.record_type = new.record_type AND c.record_id = new.record_id
            AND (c.visible_to_client OR NOT new.visible_to_client)) THEN
      RAISE EXCEPTION 'a comment answers what it does not stand beside' USING ERRCODE = 'BO070', CONSTRAINT = 'BO070';
    END IF;
    RETURN new;
  END IF;
  IF old.deleted_at IS NOT NULL OR new.record_type <> old.record_type OR new.record_id <> old.record_id
     OR new.author_id <> old.author_id OR new.author_name <> old.author_name OR new.visible_to_client <> old.visible_to_client
     OR new.reply_to_id IS DISTINCT FROM old.reply_to_id OR actor IS DISTINCT FROM old.author_id::text THEN
    RAISE EXCEPTION 'a comment is its author''s' USING ERRCODE = 'BO071', CONSTRAINT = 'BO071';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER comment_stays BEFORE INSERT OR UPDATE ON practice.comment FOR EACH ROW EXECUTE FUNCTION practice.comment_stays();

INSERT INTO core.record_type (node_type, home) VALUES ('Comment', 'practice.comment');
SELECT core.know_record_types();

---------------------------------------------------------------------------------------------------------------- watching
CREATE TABLE practice.record_watch (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  account_id  uuid NOT NULL REFERENCES identity.account,
  record_type text NOT NULL CHECK (record_type ~ '^[A-Z][A-Za-z]+$'),
  record_id   uuid NOT NULL,
  muted       boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, record_id, account_id)
);
COMMENT ON COLUMN practice.record_watch.record_type IS 'as what the watcher sees it';
COMMENT ON COLUMN practice.record_watch.muted IS 'he watches it no more, and is told only where he is mentioned';
SELECT core.raise_wall('practice.record_watch', 'deletable');
CREATE INDEX record_watch_by_account ON practice.record_watch (tenant_id, account_id, id);

----------------------------------------------------------------------------------------------------------------- notices
CREATE TABLE practice.notice (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  account_id  uuid NOT NULL REFERENCES identity.account,
  record_type text NOT NULL CHECK (record_type ~ '^[A-Z][A-Za-z]+$'),
  record_id   uuid NOT NULL,
  cause       text NOT NULL CHECK (cause IN ('mentioned', 'commented', 'assigned', 'moved', 'answered', 'rule', 'happened', 'breached')),
  comment_id  uuid,
  event_id    uuid,
  event_kind  text,
  actor_name  text NOT NULL,
  read_at     timestamptz,
  mail_job_id uuid,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, comment_id) REFERENCES practice.comment (tenant_id, id),
  CHECK ((event_id IS NULL) = (event_kind IS NULL))
);
COMMENT ON TABLE practice.notice IS 'unaudited: who was told of what; what happened stands on the record';
COMMENT ON COLUMN practice.notice.record_type IS 'as what he who is told sees it';
COMMENT ON COLUMN practice.notice.mail_job_id IS 'the job whose mail tells of it; null: none does';
SELECT core.raise_wall('practice.notice', 'unaudited', portfolio => true);
CREATE INDEX notice_by_account ON practice.notice (tenant_id, account_id, id);
CREATE INDEX notice_unread ON practice.notice (tenant_id, account_id, id) WHERE read_at IS NULL;
CREATE INDEX notice_by_record ON practice.notice (tenant_id, record_id, account_id);
-- Each is told once of a comment and once of an event.
CREATE UNIQUE INDEX notice_of_comment ON practice.notice (tenant_id, comment_id, account_id) WHERE comment_id IS NOT NULL;
CREATE UNIQUE INDEX notice_of_event ON practice.notice (tenant_id, event_id, account_id) WHERE event_id IS NOT NULL;

-- Tells those of the people who see the record as one of these types, each once: never who acts, unless p_himself says so,
-- and of those who have muted the record only who is mentioned. Gives how many were told.
CREATE FUNCTION practice.tell(p_people uuid[], p_ids uuid[], p_types text[], p_rights text[], p_record uuid, p_needs text[], p_staff boolean,
  p_cause text, p_comment uuid, p_says text, p_himself boolean) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  actor  uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  told   integer;
BEGIN
  INSERT INTO practice.notice (tenant_id, id, account_id, record_type, record_id, cause, comment_id, actor_name)
  SELECT tenant, n.id, n.person, s.seen, p_record, p_cause, p_comment,
         coalesce(p_says, current_setting('app.actor_name', true), '')
    FROM unnest(p_people, p_ids) AS n (person, id)
   CROSS JOIN LATERAL (SELECT practice.sight_of(n.person, p_types, p_rights, p_record, p_needs, p_staff) AS seen) s
   WHERE s.seen IS NOT NULL AND (p_himself OR n.person IS DISTINCT FROM actor)
     AND (p_cause = 'mentioned' OR NOT EXISTS (
           SELECT 1 FROM practice.record_watch w
            WHERE w.tenant_id = tenant AND w.record_id = p_record AND w.account_id = n.person AND w.muted))
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS told = ROW_COUNT;
  RETURN told;
END $$;
GRANT EXECUTE ON FUNCTION practice.tell TO backoffice_app;

-- Who of those that somebody names, by id or by e-mail address, sees the record of this transaction's client as one of these
-- types: which of the names, and whom it means.
CREATE FUNCTION practice.people_addressed(p_names text[], p_types text[], p_rights text[], p_record uuid, p_needs text[], p_staff boolean)
RETURNS TABLE (place integer, account_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT n.place::integer, a.id
    FROM unnest(p_names) WITH ORDINALITY AS n (name, place)
    JOIN LATERAL (
      SELECT i.id FROM identity.account i WHERE i.id = CASE WHEN n.name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN n.name::uuid END
      UNION
      SELECT m.id FROM identity.account m WHERE m.email = lower(n.name)) a ON true
   WHERE practice.sight_of(a.id, p_types, p_rights, p_record, p_needs, p_staff) IS NOT NULL
   ORDER BY n.place
$$;
GRANT EXECUTE ON FUNCTION practice.people_addressed TO backoffice_app;

-- What somebody was told, the latest first, at most p_most: in the client of this transaction, or in all that its portfolio
-- reaches. p_types and p_rights: every type of record and the right to read it. What he does not see today he is not told
-- any more.
CREATE FUNCTION practice.notices_of(p_account uuid, p_types text[], p_rights text[], p_unread boolean, p_causes text[], p_record uuid, p_before uuid, p_most bigint)
RETURNS TABLE (client_id uuid, client_name text, id uuid, record_type text, record_id uuid, cause text, comment_id uuid, event_kind text, actor_name text, created_at timestamptz, read_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  here   text := coalesce(current_setting('app.tenant_id', true), '');
  client uuid;
  called text;
  zone   text;
  held   text[];
  seen   text[];
  set_to text;
BEGIN
  FOR client IN SELECT u.id FROM unnest(CASE WHEN here <> '' THEN ARRAY[here::uuid] ELSE nullif(current_setting('app.tenant_ids', true), '')::uuid[] END) AS u (id) LOOP
    set_to := set_config('app.tenant_id', client::text, true);
    SELECT c.time_zone, c.name INTO zone, called FROM practice.client c WHERE c.tenant_id = client;
    CONTINUE WHEN NOT FOUND;
    held := core.permissions_in(p_account, client, zone);
    seen := ARRAY (SELECT t.name FROM unnest(p_types, p_rights) AS t (name, needed) WHERE t.needed = ANY (held));
    RETURN QUERY
      SELECT n.tenant_id, called, n.id, n.record_type, n.record_id, n.cause, n.comment_id, n.event_kind, n.actor_name, n.created_at, n.read_at
        FROM practice.notice n
       WHERE n.tenant_id = client AND n.account_id = p_account AND n.record_type = ANY (seen)
         AND (p_unread IS NULL OR (n.read_at IS NULL) = p_unread) AND (p_causes IS NULL OR n.cause = ANY (p_causes))
         AND (p_record IS NULL OR n.record_id = p_record) AND (p_before IS NULL OR n.id < p_before)
         AND core.record_shown(client, n.record_type, n.record_id, held, p_account)
       ORDER BY n.id DESC LIMIT p_most;
  END LOOP;
  set_to := set_config('app.tenant_id', here, true);
END $$;
GRANT EXECUTE ON FUNCTION practice.notices_of TO backoffice_app, backoffice_portfolio;

--------------------------------------------------------------------------------------------- what work items had before
DO $$
DECLARE
  client uuid;
BEGIN
  -- Each client's trail is sealed while its wall is open.
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM set_config('app.actor_kind', 'system', true), set_config('app.actor_name', 'Comments', true);
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    INSERT INTO practice.comment (tenant_id, id, record_type, record_id, author_id, author_kind, author_name, body, visible_to_client, created_at, updated_at)
    SELECT c.tenant_id, c.id, 'WorkItem', c.item_id, c.author_id,
           CASE WHEN EXISTS (SELECT 1 FROM identity.account a WHERE a.id = c.author_id) THEN 'user' ELSE 'service' END,
           c.author_name, c.body, NOT c.internal, c.created_at, c.created_at
      FROM practice.work_comment c WHERE c.tenant_id = client;
    INSERT INTO practice.record_watch (tenant_id, id, account_id, record_type, record_id, created_at, updated_at)
    SELECT w.tenant_id, w.id, w.account_id, 'WorkItem', w.item_id, w.created_at, w.created_at
      FROM practice.work_watcher w WHERE w.tenant_id = client;
    INSERT INTO practice.notice (tenant_id, id, account_id, record_type, record_id, cause, actor_name, read_at, created_at)
    SELECT n.tenant_id, n.id, n.account_id, 'WorkItem', n.item_id, n.cause, n.actor_name, n.read_at, n.created_at
      FROM practice.work_notice n WHERE n.tenant_id = client;
    -- Roles that clients began with get what those of a new client have.
    UPDATE identity.role r
       SET permissions = r.permissions || ARRAY (SELECT p FROM unnest(g.rights) WITH ORDINALITY AS a (p, at) WHERE p <> ALL (r.permissions) ORDER BY at)
      FROM (VALUES ('Accountant', '{work.comment.read,work.comment.write,work.internal_comment.read,work.notice.read}'::text[]),
                   ('Bookkeeper', '{work.comment.read,work.comment.write,work.internal_comment.read,work.notice.read}'),
                   ('Client administrator', '{work.comment.read,work.comment.write,work.notice.read}'),
                   ('Auditor', '{work.comment.read,work.notice.read}'),
                   ('Portal', '{work.comment.read,work.comment.write,work.notice.read}')) AS g (name, rights)
     WHERE r.tenant_id = client AND r.name = g.name AND NOT r.permissions @> g.rights;
  END LOOP;
  SET CONSTRAINTS ALL DEFERRED;
  PERFORM set_config('app.tenant_id', '', true), set_config('app.actor_kind', '', true), set_config('app.actor_name', '', true);
END $$;
-- contract: no release has work items yet, so that no server of the release before knows these.
DROP FUNCTION practice.notify_by_rule;
DROP FUNCTION practice.notify_of_work;
DROP TABLE practice.work_notice;
DROP TABLE practice.work_watcher;
DROP TABLE practice.work_comment;
