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
  cause       text NOT NULL,
  actor_name  text NOT NULL,
  read_at     timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, item_id) REFERENCES practice.work_item (tenant_id, id)
);
ALTER TABLE practice.work_notice ADD CONSTRAINT work_notice_cause_check CHECK (cause IN ('mentioned', 'commented', 'assigned', 'moved', 'answered', 'rule'));
COMMENT ON TABLE practice.work_notice IS 'unaudited: who was told of what; what happened stands on the item';
SELECT core.raise_wall('practice.work_notice', 'unaudited', portfolio => true);
CREATE INDEX work_notice_unread ON practice.work_notice (tenant_id, account_id, id) WHERE read_at IS NULL;
CREATE INDEX work_notice_by_item ON practice.work_notice (tenant_id, item_id, account_id);

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

CREATE FUNCTION practice.notify_by_rule(p_people uuid[], p_ids uuid[], p_item uuid, p_name text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  told integer;
BEGIN
  INSERT INTO practice.work_notice (tenant_id, id, account_id, item_id, cause, actor_name)
  SELECT tenant, n.id, n.person, p_item, 'rule', p_name
    FROM unnest(p_people, p_ids) AS n (person, id) WHERE practice.holds_here(n.person, 'work.item.read');
  GET DIAGNOSTICS told = ROW_COUNT;
  RETURN told;
END $$;
GRANT EXECUTE ON FUNCTION practice.notify_by_rule TO backoffice_app;

-- What is beside other records than work items has no place there.
DO $$
DECLARE
  client uuid;
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    INSERT INTO practice.work_comment (tenant_id, id, item_id, author_id, author_name, body, internal, created_at)
    SELECT c.tenant_id, c.id, c.record_id, c.author_id, c.author_name, c.body, NOT c.visible_to_client, c.created_at
      FROM practice.comment c WHERE c.tenant_id = client AND c.record_type = 'WorkItem' AND c.deleted_at IS NULL;
    INSERT INTO practice.work_watcher (tenant_id, id, item_id, account_id, created_at, updated_at)
    SELECT w.tenant_id, w.id, w.record_id, w.account_id, w.created_at, w.created_at
      FROM practice.record_watch w WHERE w.tenant_id = client AND w.record_type = 'WorkItem' AND NOT w.muted;
    INSERT INTO practice.work_notice (tenant_id, id, account_id, item_id, cause, actor_name, read_at, created_at)
    SELECT n.tenant_id, n.id, n.account_id, n.record_id, n.cause, n.actor_name, n.read_at, n.created_at
      FROM practice.notice n
     WHERE n.tenant_id = client AND n.record_type = 'WorkItem' AND n.cause NOT IN ('happened', 'breached');
    UPDATE identity.role r
       SET permissions = ARRAY (SELECT p FROM unnest(r.permissions) AS p
                                 WHERE p NOT IN ('work.comment.read', 'work.comment.write', 'work.internal_comment.read', 'work.notice.read'))
     WHERE r.tenant_id = client AND r.permissions && '{work.comment.read,work.comment.write,work.internal_comment.read,work.notice.read}';
  END LOOP;
  SET CONSTRAINTS ALL DEFERRED;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
DROP FUNCTION practice.notices_of;
DROP FUNCTION practice.people_addressed;
DROP FUNCTION practice.tell;
DROP TABLE practice.notice;
DROP TABLE practice.record_watch;
DELETE FROM core.record_type WHERE node_type = 'Comment';
SELECT core.know_record_types();
DROP TABLE practice.comment;
DROP FUNCTION practice.comment_stays;
DROP FUNCTION core.new_id;
DROP FUNCTION practice.sight_of;
DROP FUNCTION practice.is_staff;
DROP FUNCTION core.record_shown;
DROP FUNCTION core.know_record_sights;
DROP TABLE core.record_sight;
