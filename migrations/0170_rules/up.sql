-- Rules: when something happens, if a condition holds, then something is done. A rule runs as whoever published the version
-- that is armed, with the rights that he has at that moment; its own effects are told like all others, one level deeper.

-------------------------------------------------------------------------------------------------------------- events
-- With each event the change that it tells of, by which the trail knows the record as it stood, and how many rules led
-- to it one behind the other.
ALTER TABLE core.event ADD COLUMN change_id uuid, ADD COLUMN depth integer NOT NULL DEFAULT 0 CHECK (depth >= 0);

CREATE OR REPLACE FUNCTION core.emit(p_ids uuid[], p_kinds text[], p_types text[], p_nodes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  versions integer[];
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  before bigint;
BEGIN
  -- Before the place behind the last is taken: others wait only for what has to be done in it.
  versions := ARRAY (SELECT core.version_of(tenant, n.node_type, n.node_id)
                       FROM unnest(p_types, p_nodes) WITH ORDINALITY AS n (node_type, node_id, place) ORDER BY n.place);
  INSERT INTO core.event_head AS h (tenant_id, position) VALUES (tenant, cardinality(p_ids))
  ON CONFLICT (tenant_id) DO UPDATE SET position = h.position + cardinality(p_ids)
  RETURNING h.position - cardinality(p_ids) INTO before;
  INSERT INTO core.event (tenant_id, position, id, kind, node_type, node_id, actor_kind, actor_id, request_id, occurred_at, version, change_id, depth)
  SELECT tenant, before + n.place, n.id, n.kind, n.node_type, n.node_id,
         coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database'),
         nullif(current_setting('app.actor_id', true), '')::uuid,
         nullif(current_setting('app.request_id', true), '')::uuid, clock_timestamp(), versions[n.place],
         nullif(current_setting('audit.change_id', true), '')::uuid,
         coalesce(nullif(current_setting('app.rule_depth', true), '')::integer, 0)
    FROM unnest(p_ids, p_kinds, p_types, p_nodes) WITH ORDINALITY AS n (id, kind, node_type, node_id, place);
END $$;

--------------------------------------------------------------------------------------------------------------- rules
CREATE TABLE practice.rule (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  record_type text NOT NULL CHECK (record_type ~ '^[A-Z][A-Za-z]+$'),
  latest      integer NOT NULL DEFAULT 1 CHECK (latest >= 1),
  armed       integer CHECK (armed BETWEEN 1 AND latest),
  armed_from  bigint NOT NULL DEFAULT 0,
  armed_by    uuid,
  armed_at    timestamptz,
  blocked_for text CHECK (length(blocked_for) BETWEEN 1 AND 500),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name),
  CHECK ((armed IS NULL) = (armed_at IS NULL) AND (armed IS NULL) = (armed_by IS NULL)),
  CHECK (blocked_for IS NULL OR armed IS NOT NULL)
);
COMMENT ON COLUMN practice.rule.latest IS 'the number of its newest version';
COMMENT ON COLUMN practice.rule.armed IS 'the number of the version that runs; null: none';
COMMENT ON COLUMN practice.rule.armed_from IS 'the position of the events behind which it runs';
COMMENT ON COLUMN practice.rule.blocked_for IS 'why the armed version does not run any more';
SELECT core.raise_wall('practice.rule', 'mutable');

CREATE TABLE practice.rule_version (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  rule_id        uuid NOT NULL,
  number         integer NOT NULL CHECK (number >= 1),
  kinds          text[] NOT NULL CHECK (cardinality(kinds) BETWEEN 1 AND 20),
  condition      text NOT NULL CHECK (length(condition) BETWEEN 1 AND 4000),
  actions        jsonb NOT NULL,
  publisher_id   uuid NOT NULL,
  publisher_kind text NOT NULL CHECK (publisher_kind IN ('user', 'service')),
  publisher_name text NOT NULL,
  scopes         text[],
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, rule_id, number),
  FOREIGN KEY (tenant_id, rule_id) REFERENCES practice.rule (tenant_id, id)
);
COMMENT ON TABLE practice.rule_version IS 'append-only: what a rule says; a change is a new version';
COMMENT ON COLUMN practice.rule_version.scopes IS 'what the token of a service account was narrowed to when it published; null for people';
SELECT core.raise_wall('practice.rule_version', 'append_only');

-- Whether the condition held for a record when it was last looked at: a rule fires when it comes to hold.
CREATE TABLE practice.rule_standing (
  tenant_id uuid NOT NULL,
  rule_id   uuid NOT NULL,
  record_id uuid NOT NULL,
  holds     boolean NOT NULL,
  position  bigint NOT NULL,
  PRIMARY KEY (tenant_id, rule_id, record_id),
  FOREIGN KEY (tenant_id, rule_id) REFERENCES practice.rule (tenant_id, id)
);
COMMENT ON TABLE practice.rule_standing IS 'unaudited: what the condition of a rule last gave for a record';
SELECT core.raise_wall('practice.rule_standing', 'unaudited');

CREATE TABLE practice.rule_run (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  rule_id         uuid NOT NULL,
  number          integer NOT NULL,
  event_id        uuid NOT NULL,
  event_kind      text NOT NULL,
  record_id       uuid NOT NULL,
  depth           integer NOT NULL CHECK (depth >= 0),
  outcome         text NOT NULL CHECK (outcome IN ('done', 'failed', 'refused', 'stopped')),
  reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
  input           jsonb,
  effects         jsonb NOT NULL DEFAULT '[]',
  duration_micros bigint NOT NULL CHECK (duration_micros >= 0),
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, rule_id, event_id),
  FOREIGN KEY (tenant_id, rule_id) REFERENCES practice.rule (tenant_id, id)
);
COMMENT ON TABLE practice.rule_run IS 'unaudited: the history of a rule; what it did stands in the trail. Swept after 90 days';
SELECT core.raise_wall('practice.rule_run', 'unaudited');
CREATE INDEX rule_run_by_rule ON practice.rule_run (tenant_id, rule_id, id);
CREATE INDEX rule_run_by_outcome ON practice.rule_run (tenant_id, outcome, id);
CREATE INDEX rule_run_by_age ON practice.rule_run (tenant_id, created_at);

-- One lane an armed rule: how far its events were looked at. Its lock is what makes each effect happen once: it is moved on
-- in the transaction that has the effect.
CREATE TABLE core.rule_lane (
  client_id    uuid NOT NULL,
  rule_id      uuid NOT NULL,
  active       boolean NOT NULL,
  number       integer NOT NULL,
  publisher_id uuid NOT NULL,
  kinds        text[] NOT NULL,
  position     bigint NOT NULL,
  failures     integer NOT NULL DEFAULT 0,
  due_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (client_id, rule_id)
);
COMMENT ON TABLE core.rule_lane IS 'local: where the server finds the rules of all clients that have events to look at; reached by functions only';
CREATE INDEX rule_lane_active ON core.rule_lane (client_id) WHERE active;

INSERT INTO core.record_type (node_type, home) VALUES ('Rule', 'practice.rule');
SELECT core.know_record_types();

--------------------------------------------------------------------------------------------------------- arming
-- Puts a rule's lane where the events of this transaction's client stand now, or takes it out of use. p_kinds: all that the
-- rule has to look at. Gives the position.
CREATE FUNCTION core.rule_lane_set(p_rule uuid, p_number integer, p_kinds text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  head   bigint;
  who    uuid;
BEGIN
  SELECT h.position INTO head FROM core.event_head h WHERE h.tenant_id = tenant;
  head := coalesce(head, 0);
  IF p_number IS NULL THEN
    UPDATE core.rule_lane l SET active = false WHERE l.client_id = tenant AND l.rule_id = p_rule;
    RETURN head;
  END IF;
  SELECT v.publisher_id INTO STRICT who FROM practice.rule_version v
   WHERE v.tenant_id = tenant AND v.rule_id = p_rule AND v.number = p_number;
  INSERT INTO core.rule_lane AS l (client_id, rule_id, active, number, publisher_id, kinds, position)
  VALUES (tenant, p_rule, true, p_number, who, p_kinds, head)
  ON CONFLICT (client_id, rule_id) DO UPDATE
    SET active = true, number = p_number, publisher_id = who, kinds = p_kinds, position = head, failures = 0, due_at = now();
  RETURN head;
END $$;
GRANT EXECUTE ON FUNCTION core.rule_lane_set TO backoffice_app;

---------------------------------------------------------------------------------------------------------- workers
-- The rules that have an event to look at, of each client at most p_each. Those that have none are moved on.
CREATE FUNCTION core.rule_due(p_each integer) RETURNS TABLE (client_id uuid, rule_id uuid, number integer, publisher_id uuid, "position" bigint, failures integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  head   bigint;
  lane   core.rule_lane;
  given  integer;
BEGIN
  FOR client IN SELECT DISTINCT l.client_id FROM core.rule_lane l WHERE l.active AND l.due_at <= now() LOOP
    PERFORM core.set_tenant(client);
    SELECT h.position INTO head FROM core.event_head h WHERE h.tenant_id = client;
    given := 0;
    FOR lane IN
      SELECT l.* FROM core.rule_lane l
       WHERE l.client_id = client AND l.active AND l.due_at <= now() AND l.position < head
       ORDER BY l.position, l.rule_id FOR UPDATE SKIP LOCKED
    LOOP
      IF NOT EXISTS (SELECT 1 FROM core.event e WHERE e.tenant_id = client AND e.kind = ANY (lane.kinds) AND e.position > lane.position) THEN
        UPDATE core.rule_lane l SET position = head WHERE l.client_id = client AND l.rule_id = lane.rule_id;
        CONTINUE;
      END IF;
      given := given + 1;
      EXIT WHEN given > p_each;
      client_id := client; rule_id := lane.rule_id; number := lane.number; publisher_id := lane.publisher_id;
      "position" := lane.position; failures := lane.failures;
      RETURN NEXT;
    END LOOP;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.rule_due TO backoffice_identity;

-- Opens a transaction of an armed rule for whoever published it, with the rights that he has now. Its lane is held until the
-- transaction ends. Verdicts as in core.enter, and 'lost': the lane is somebody else's, or has moved on.
CREATE FUNCTION core.enter_rule(p_client uuid, p_rule uuid, p_number integer, p_position bigint, p_run uuid,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  says practice.rule_version;
BEGIN
  opened_at := now();
  verdict := 'lost';
  permissions := '{}';
  PERFORM 1 FROM core.rule_lane l
    WHERE l.client_id = p_client AND l.rule_id = p_rule AND l.active AND l.number = p_number AND l.position = p_position
      FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM core.set_tenant(p_client);
  SELECT v.* INTO says FROM practice.rule_version v WHERE v.tenant_id = p_client AND v.rule_id = p_rule AND v.number = p_number;
  verdict := 'ended';
  IF says.publisher_kind = 'user' THEN
    SELECT a.name INTO actor_name FROM identity.account a WHERE a.id = says.publisher_id AND a.disabled_at IS NULL;
  ELSE
    SELECT s.name, ARRAY (SELECT unnest(s.scopes) INTERSECT SELECT unnest(says.scopes)) INTO actor_name, permissions
      FROM identity.service_account s
     WHERE s.tenant_id = p_client AND s.id = says.publisher_id AND s.revoked_at IS NULL AND s.expires_at > opened_at;
  END IF;
  IF NOT FOUND THEN
    permissions := '{}';
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  verdict := 'unknown';
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c WHERE c.tenant_id = p_client;
  IF FOUND AND says.publisher_kind = 'user' THEN
    permissions := core.permissions_in(says.publisher_id, p_client, time_zone);
  END IF;
  IF permissions = '{}' THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  PERFORM core.set_actor(says.publisher_id, says.publisher_kind, actor_name, p_run);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter_rule TO backoffice_app;

-- Moves a rule's lane on, in the transaction that holds it.
CREATE FUNCTION core.rule_advance(p_rule uuid, p_position bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE core.rule_lane l SET position = p_position, failures = 0, due_at = now()
   WHERE l.client_id = nullif(current_setting('app.tenant_id', true), '')::uuid AND l.rule_id = p_rule
$$;
GRANT EXECUTE ON FUNCTION core.rule_advance TO backoffice_app;

-- Lets a rule wait whose look at an event was in vain, twice as long each time, up to ten minutes.
CREATE FUNCTION core.rule_put_off(p_client uuid, p_rule uuid, p_position bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE core.rule_lane l
     SET failures = l.failures + 1, due_at = now() + least(interval '1 s' * 2 ^ least(l.failures, 10), interval '10 min')
   WHERE l.client_id = p_client AND l.rule_id = p_rule AND l.position = p_position
$$;
GRANT EXECUTE ON FUNCTION core.rule_put_off TO backoffice_identity;

-- Blocks a rule whose publisher may not do any more what it does. The run that was refused is kept; the rule is shown as
-- blocked until somebody arms it again. False: it has moved on or was disarmed meanwhile.
CREATE FUNCTION core.rule_block(p_client uuid, p_rule uuid, p_number integer, p_position bigint, p_run uuid, p_reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  lane core.rule_lane;
BEGIN
  PERFORM core.set_tenant(p_client);
  -- The rule before its lane, as whoever arms it.
  PERFORM 1 FROM practice.rule r WHERE r.tenant_id = p_client AND r.id = p_rule FOR NO KEY UPDATE;
  SELECT l.* INTO lane FROM core.rule_lane l
   WHERE l.client_id = p_client AND l.rule_id = p_rule AND l.active AND l.number = p_number AND l.position = p_position FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN false;
  END IF;
  UPDATE core.rule_lane l SET active = false WHERE l.client_id = p_client AND l.rule_id = p_rule;
  PERFORM core.set_actor(NULL, 'system', 'rules', NULL);
  INSERT INTO practice.rule_run (tenant_id, id, rule_id, number, event_id, event_kind, record_id, depth, outcome, reason, duration_micros)
  SELECT p_client, p_run, p_rule, p_number, e.id, e.kind, e.node_id, e.depth, 'refused', left(p_reason, 2000), 0
    FROM core.event e WHERE e.tenant_id = p_client AND e.kind = ANY (lane.kinds) AND e.position > p_position
   ORDER BY e.position LIMIT 1
  ON CONFLICT DO NOTHING;
  UPDATE practice.rule r SET blocked_for = left(p_reason, 500) WHERE r.tenant_id = p_client AND r.id = p_rule;
  PERFORM core.emit(ARRAY[gen_random_uuid()], ARRAY['rule.disarmed'], ARRAY['Rule'], ARRAY[p_rule]);
  -- The client stays set: at commit, the trail of this is sealed.
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION core.rule_block TO backoffice_identity;

-- Takes away at most p_most runs that are older than 90 days. Gives how many went.
CREATE FUNCTION core.rule_sweep(p_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  gone   integer;
  swept  integer := 0;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    EXIT WHEN swept >= p_most;
    PERFORM core.set_tenant(client);
    DELETE FROM practice.rule_run r
     WHERE r.tenant_id = client AND r.id = ANY (ARRAY (
       SELECT o.id FROM practice.rule_run o WHERE o.tenant_id = client AND o.created_at < now() - interval '90 days'
        ORDER BY o.created_at LIMIT p_most - swept FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
    swept := swept + gone;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN swept;
END $$;
GRANT EXECUTE ON FUNCTION core.rule_sweep TO backoffice_identity;

----------------------------------------------------------------------------------------------------------- notices
ALTER TABLE practice.work_notice DROP CONSTRAINT work_notice_cause_check;
ALTER TABLE practice.work_notice ADD CONSTRAINT work_notice_cause_check CHECK (cause IN ('mentioned', 'commented', 'assigned', 'moved', 'answered', 'rule'));

-- Tells those of the people who may see the work of this transaction's client what a rule says, its publisher as well.
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

---------------------------------------------------------------------------------------------------------- webhooks
-- Sends an event to an endpoint, whether or not that is set up for its kind. It is queued behind what waits for the same
-- record. False: the endpoint is none of the client's, or not active.
CREATE FUNCTION core.webhook_call(p_id uuid, p_endpoint uuid, p_position bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  PERFORM 1 FROM core.webhook_lane l WHERE l.client_id = tenant AND l.endpoint_id = p_endpoint AND l.active FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO core.webhook_delivery (tenant_id, id, endpoint_id, message_id, kind, node_type, node_id, position, occurred_at, state)
  SELECT tenant, p_id, p_endpoint, e.id, e.kind, e.node_type, e.node_id, e.position, e.occurred_at,
         CASE WHEN EXISTS (SELECT 1 FROM core.webhook_delivery b WHERE b.tenant_id = tenant AND b.endpoint_id = p_endpoint
                              AND b.node_id = e.node_id AND b.state IN ('queued', 'waiting')) THEN 'queued' ELSE 'waiting' END
    FROM core.event e WHERE e.tenant_id = tenant AND e.position = p_position;
  UPDATE core.webhook_lane l SET open = l.open + 1, due_at = least(l.due_at, now())
   WHERE l.client_id = tenant AND l.endpoint_id = p_endpoint;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION core.webhook_call TO backoffice_app;

-- Those who do a client's work by the roles that every client begins with may see its rules; who decides how the books are
-- kept may make them.
DO $$
DECLARE
  client uuid;
BEGIN
  -- Each client's trail is sealed while its wall is open.
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR client IN SELECT t.id FROM core.tenant t LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r SET permissions = r.permissions || '{work.rule.read}'
     WHERE r.tenant_id = client AND r.permissions @> '{work.item.manage}' AND NOT r.permissions @> '{work.rule.read}';
    UPDATE identity.role r SET permissions = r.permissions || '{work.rule.manage,work.rule.arm}'
     WHERE r.tenant_id = client AND r.permissions @> '{work.item.manage,work.schedule.manage}' AND NOT r.permissions @> '{work.rule.manage}';
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
