-- What belongs to a work item: the lines of its checklist, the items that it needs, what is written beside it, who watches
-- it, and what that has to tell whom.

CREATE TABLE practice.work_check (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  item_id     uuid NOT NULL,
  number      integer NOT NULL CHECK (number BETWEEN 1 AND 100000),
  body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 500),
  done_at     timestamptz,
  done_by     uuid,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, item_id, number),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id),
  CHECK ((done_at IS NULL) = (done_by IS NULL))
);
SELECT core.raise_wall('practice.work_check', 'deletable');

CREATE TABLE practice.work_dependency (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  item_id     uuid NOT NULL,
  needs_id    uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, item_id, needs_id),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id),
  FOREIGN KEY (tenant_id, needs_id) REFERENCES practice.work_item (tenant_id, id),
  CHECK (item_id <> needs_id)
);
SELECT core.raise_wall('practice.work_dependency', 'deletable');
CREATE INDEX work_dependency_by_need ON practice.work_dependency (tenant_id, needs_id);

-- An item never needs itself, not by way of others either. Who adds dependencies of one client does so one after the
-- other: of two edges that close a circle together, the second one is refused.
CREATE FUNCTION practice.no_circle() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(4210145, hashtext(new.tenant_id::text));
  IF EXISTS (
    WITH RECURSIVE needed (id) AS (
      SELECT new.needs_id
      UNION
      SELECT d.needs_id FROM needed n JOIN practice.work_dependency d ON d.tenant_id = new.tenant_id AND d.item_id = n.id
    )
    SELECT 1 FROM needed n WHERE n.id = new.item_id
  ) THEN
    RAISE EXCEPTION 'work items need each other in a circle' USING ERRCODE = 'BO030', CONSTRAINT = 'BO030';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER no_circle BEFORE INSERT ON practice.work_dependency FOR EACH ROW EXECUTE FUNCTION practice.no_circle();
-- What it is between stays: another dependency is another row.
CREATE TRIGGER refuse_change BEFORE UPDATE ON practice.work_dependency FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

CREATE TABLE practice.work_comment (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  item_id     uuid NOT NULL,
  author_id   uuid NOT NULL,
  author_name text NOT NULL,
  body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 10000),
  internal    boolean NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id)
);
COMMENT ON TABLE practice.work_comment IS 'append-only';
COMMENT ON COLUMN practice.work_comment.internal IS 'stays inside the provider, also on an item that its client sees';
SELECT core.raise_wall('practice.work_comment', 'append_only');
CREATE INDEX work_comment_by_item ON practice.work_comment (tenant_id, item_id, id);

CREATE TABLE practice.work_watcher (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  item_id     uuid NOT NULL,
  account_id  uuid NOT NULL REFERENCES identity.account,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, item_id, account_id),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id)
);
SELECT core.raise_wall('practice.work_watcher', 'deletable');

CREATE TABLE practice.work_notice (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  account_id  uuid NOT NULL REFERENCES identity.account,
  item_id     uuid NOT NULL,
  cause       text NOT NULL CHECK (cause IN ('mentioned', 'commented', 'assigned', 'moved')),
  actor_name  text NOT NULL,
  read_at     timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id)
);
COMMENT ON TABLE practice.work_notice IS 'unaudited: who was told of what; what happened stands on the item';
SELECT core.raise_wall('practice.work_notice', 'unaudited', portfolio => true);
CREATE INDEX work_notice_unread ON practice.work_notice (tenant_id, account_id, id) WHERE read_at IS NULL;
CREATE INDEX work_notice_by_item ON practice.work_notice (tenant_id, item_id, account_id);

-- Tells those of the people who may see the work of this transaction's client, each once, and never who acts.
CREATE FUNCTION practice.notify_of_work(p_people uuid[], p_ids uuid[], p_item uuid, p_cause text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  told integer;
BEGIN
  INSERT INTO practice.work_notice (tenant_id, id, account_id, item_id, cause, actor_name)
  SELECT tenant, n.id, n.person, p_item, p_cause, coalesce(current_setting('app.actor_name', true), '')
    FROM unnest(p_people, p_ids) AS n (person, id)
   WHERE n.person <> nullif(current_setting('app.actor_id', true), '')::uuid
     AND practice.holds_here(n.person, 'work.item.read');
  GET DIAGNOSTICS told = ROW_COUNT;
  RETURN told;
END $$;
GRANT EXECUTE ON FUNCTION practice.notify_of_work TO backoffice_app;
