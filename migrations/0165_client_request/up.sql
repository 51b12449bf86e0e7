-- What the provider needs from a client, line by line, with the files that came for it; and the days on which the client
-- is reminded until everything is there.

CREATE TABLE practice.work_wanted (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  item_id       uuid NOT NULL,
  number        integer NOT NULL CHECK (number BETWEEN 1 AND 100000),
  body          text NOT NULL CHECK (length(body) BETWEEN 1 AND 500),
  answer        text CHECK (length(answer) BETWEEN 1 AND 2000),
  answered_at   timestamptz,
  answered_by   uuid,
  answered_name text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  version       integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, item_id, number),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id),
  CHECK ((answered_at IS NULL) = (answered_by IS NULL)),
  CHECK ((answered_at IS NULL) = (answered_name IS NULL)),
  CHECK (answer IS NULL OR answered_at IS NOT NULL)
);
COMMENT ON COLUMN practice.work_wanted.answered_at IS 'since when nothing more is needed for it; null: it is still wanted';
SELECT core.raise_wall('practice.work_wanted', 'deletable');

CREATE TABLE practice.work_wanted_file (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  wanted_id   uuid NOT NULL,
  file_id     uuid NOT NULL,
  sender_id   uuid NOT NULL,
  sender_name text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, wanted_id, file_id),
  FOREIGN KEY (tenant_id, wanted_id) REFERENCES practice.work_wanted (tenant_id, id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES core.file (tenant_id, id)
);
COMMENT ON TABLE practice.work_wanted_file IS 'append-only';
SELECT core.raise_wall('practice.work_wanted_file', 'append_only');
CREATE INDEX work_wanted_file_by_file ON practice.work_wanted_file (tenant_id, file_id);

CREATE TABLE practice.work_reminder (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  item_id     uuid NOT NULL,
  after_days  integer NOT NULL CHECK (after_days BETWEEN 1 AND 365),
  due_at      timestamptz NOT NULL,
  ended_at    timestamptz,
  mails       integer NOT NULL DEFAULT 0 CHECK (mails >= 0),
  refused     integer NOT NULL DEFAULT 0 CHECK (refused >= 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, item_id, after_days),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id)
);
COMMENT ON TABLE practice.work_reminder IS 'unaudited: when a client is reminded and what came of it; it changes no other record';
COMMENT ON COLUMN practice.work_reminder.ended_at IS 'when its time had come: mails went out, or nothing was wanted any more';
COMMENT ON COLUMN practice.work_reminder.refused IS 'mails that the mail server refused for good';
SELECT core.raise_wall('practice.work_reminder', 'unaudited');

-- Who is reminded of what: whoever the request was given to if he is one of the client's people, else all of them who may
-- answer it. Nobody if its time was dealt with, the request is closed or hidden, or nothing is wanted any more.
CREATE FUNCTION practice.reminder_to_mail(p_tenant uuid, p_reminder uuid)
RETURNS TABLE (account_id uuid, email text, name text, client_name text, title text, wanted text, asked_on date, due_on date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.set_tenant(p_tenant);
  RETURN QUERY
  WITH asked AS (
    SELECT i.assignee_id, i.title, i.due_on, c.name AS client_name, (i.created_at AT TIME ZONE c.time_zone)::date AS asked_on,
           (SELECT string_agg(w.body, '; ' ORDER BY w.number) FROM practice.work_wanted w
             WHERE w.tenant_id = p_tenant AND w.item_id = i.id AND w.answered_at IS NULL) AS wanted
      FROM practice.work_reminder r
      JOIN practice.work_item i ON i.tenant_id = r.tenant_id AND i.id = r.item_id
      JOIN practice.client c ON c.tenant_id = r.tenant_id
     WHERE r.tenant_id = p_tenant AND r.id = p_reminder AND r.ended_at IS NULL AND i.closed_at IS NULL AND i.visible_to_client
  ), people AS (
    SELECT DISTINCT g.account_id AS id FROM identity.access_grant g WHERE g.tenant_id = p_tenant
  ), outside AS (
    SELECT a.id, a.email, a.name FROM people p JOIN identity.account a ON a.id = p.id
     WHERE NOT a.staff AND practice.holds_here(a.id, 'work.request.answer')
  )
  SELECT o.id, o.email, o.name, q.client_name, q.title, q.wanted, q.asked_on, q.due_on
    FROM asked q JOIN outside o
      ON o.id = q.assignee_id OR NOT EXISTS (SELECT 1 FROM outside n WHERE n.id = q.assignee_id)
   WHERE q.wanted IS NOT NULL
   ORDER BY o.id;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION practice.reminder_to_mail TO backoffice_identity;

-- The time of a reminder was dealt with. False if it was before.
CREATE FUNCTION practice.reminder_ended(p_tenant uuid, p_reminder uuid, p_mails integer, p_refused integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  ended boolean;
BEGIN
  PERFORM core.set_tenant(p_tenant);
  UPDATE practice.work_reminder r SET ended_at = clock_timestamp(), mails = p_mails, refused = p_refused
   WHERE r.tenant_id = p_tenant AND r.id = p_reminder AND r.ended_at IS NULL;
  ended := FOUND;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN ended;
END $$;
GRANT EXECUTE ON FUNCTION practice.reminder_ended TO backoffice_identity;

-- Whoever works on a request is told that it was answered.
ALTER TABLE practice.work_notice DROP CONSTRAINT work_notice_cause_check;
ALTER TABLE practice.work_notice ADD CONSTRAINT work_notice_cause_check
  CHECK (cause IN ('mentioned', 'commented', 'assigned', 'moved', 'answered'));
