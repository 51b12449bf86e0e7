-- Business calendars of a client, what is otherwise on single days, and clocks that run in their time on any record.

-- Whether these are hours of a week: minutes since Monday 00:00, beginning and end of each interval by turns. In order,
-- half-open, none overlapping, none reaching beyond its day. Hours that touch each other are good.
CREATE FUNCTION core.are_hours(p_minutes integer[], p_days integer) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
  free integer := 0;
BEGIN
  IF array_position(p_minutes, NULL) IS NOT NULL OR cardinality(p_minutes) % 2 <> 0 OR cardinality(p_minutes) > 40 * p_days THEN
    RETURN false;
  END IF;
  FOR at IN 1 .. cardinality(p_minutes) / 2 LOOP
    IF p_minutes[2 * at - 1] < free OR p_minutes[2 * at] <= p_minutes[2 * at - 1] OR p_minutes[2 * at] > 1440 * p_days
       OR (p_minutes[2 * at] - 1) / 1440 <> p_minutes[2 * at - 1] / 1440 THEN
      RETURN false;
    END IF;
    free := p_minutes[2 * at];
  END LOOP;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION core.are_hours TO backoffice_app;

CREATE TABLE core.business_calendar (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  time_zone  text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
  region     text CHECK (length(region) BETWEEN 2 AND 20),
  hours      integer[] NOT NULL CHECK (core.are_hours(hours, 7)),
  is_default boolean NOT NULL DEFAULT false,
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK (deleted_at IS NULL OR NOT is_default)
);
COMMENT ON COLUMN core.business_calendar.region IS 'whose holidays are closed, by code; null: nobody''s';
COMMENT ON COLUMN core.business_calendar.hours IS 'minutes since Monday 00:00 by the wall clock, beginning and end by turns';
SELECT core.raise_wall('core.business_calendar', 'mutable');
CREATE UNIQUE INDEX business_calendar_by_name ON core.business_calendar (tenant_id, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX business_calendar_default ON core.business_calendar (tenant_id) WHERE is_default;

CREATE TABLE core.calendar_exception (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  calendar_id uuid NOT NULL,
  day         date NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  hours       integer[] NOT NULL CHECK (core.are_hours(hours, 1)),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, calendar_id, day),
  FOREIGN KEY (tenant_id, calendar_id) REFERENCES core.business_calendar (tenant_id, id)
);
COMMENT ON COLUMN core.calendar_exception.hours IS 'minutes since midnight, beginning and end by turns; none: closed';
SELECT core.raise_wall('core.calendar_exception', 'deletable');

CREATE TABLE core.clock (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  calendar_id     uuid NOT NULL,
  node_type       text NOT NULL CHECK (length(node_type) BETWEEN 1 AND 64),
  node_id         uuid NOT NULL,
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  target_seconds  bigint CHECK (target_seconds BETWEEN 1 AND 315360000),
  state           text NOT NULL CHECK (state IN ('running', 'paused', 'stopped')),
  started_at      timestamptz NOT NULL,
  stopped_at      timestamptz CHECK (stopped_at >= started_at),
  due_at          timestamptz CHECK (due_at > started_at),
  breached_at     timestamptz CHECK (breached_at = due_at),
  counted_seconds bigint CHECK (counted_seconds >= 0),
  account         jsonb,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, calendar_id) REFERENCES core.business_calendar (tenant_id, id),
  CHECK ((state = 'stopped') = (stopped_at IS NOT NULL)),
  CHECK ((state = 'stopped') = (counted_seconds IS NOT NULL)),
  CHECK ((state = 'stopped') = (account IS NOT NULL)),
  CHECK (target_seconds IS NOT NULL OR due_at IS NULL)
);
COMMENT ON COLUMN core.clock.due_at IS 'when its target is used up if it runs on; null while that is not known: paused before it, or never reached';
COMMENT ON COLUMN core.clock.breached_at IS 'written when it is paused or stopped; while it runs it is over from due_at on';
COMMENT ON COLUMN core.clock.account IS 'what counted and what was skipped until it was stopped, as the calendar was then';
SELECT core.raise_wall('core.clock', 'mutable');
CREATE INDEX clock_by_node ON core.clock (tenant_id, node_id, id);
CREATE INDEX clock_by_due ON core.clock (tenant_id, due_at) WHERE state = 'running';
CREATE INDEX clock_by_calendar ON core.clock (tenant_id, calendar_id) WHERE state <> 'stopped';

-- What a stopped clock says is said for good.
CREATE FUNCTION core.clock_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.state = 'stopped' OR new.node_type <> old.node_type OR new.node_id <> old.node_id OR new.started_at <> old.started_at THEN
    RAISE EXCEPTION 'a clock that was stopped stays so' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER clock_stays BEFORE UPDATE ON core.clock FOR EACH ROW EXECUTE FUNCTION core.clock_stays();

CREATE TABLE core.clock_interval (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  clock_id    uuid NOT NULL,
  number      integer NOT NULL CHECK (number >= 1),
  reason      text CHECK (reason IN ('client', 'third_party', 'approval', 'maintenance', 'other')),
  note        text CHECK (length(note) BETWEEN 1 AND 200),
  begins_at   timestamptz NOT NULL,
  ends_at     timestamptz CHECK (ends_at >= begins_at),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, clock_id, number),
  FOREIGN KEY (tenant_id, clock_id) REFERENCES core.clock (tenant_id, id),
  CHECK (reason IS NOT NULL OR note IS NULL)
);
COMMENT ON COLUMN core.clock_interval.reason IS 'why the clock is paused in it; null: it runs';
SELECT core.raise_wall('core.clock_interval', 'mutable');
CREATE UNIQUE INDEX clock_interval_open ON core.clock_interval (tenant_id, clock_id) WHERE ends_at IS NULL;

-- Intervals follow each other without a gap, and stay as they are once they have ended.
CREATE FUNCTION core.clock_interval_follows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  before timestamptz;
BEGIN
  IF tg_op = 'UPDATE' THEN
    IF old.ends_at IS NOT NULL OR new.ends_at IS NULL OR new.begins_at <> old.begins_at OR new.number <> old.number
       OR new.clock_id <> old.clock_id OR new.reason IS DISTINCT FROM old.reason OR new.note IS DISTINCT FROM old.note THEN
      RAISE EXCEPTION 'an interval that has ended stays so' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
    END IF;
    RETURN NULL;
  END IF;
  IF new.number = 1 THEN
    SELECT c.started_at INTO before FROM core.clock c WHERE c.tenant_id = new.tenant_id AND c.id = new.clock_id;
  ELSE
    SELECT i.ends_at INTO before FROM core.clock_interval i
     WHERE i.tenant_id = new.tenant_id AND i.clock_id = new.clock_id AND i.number = new.number - 1;
  END IF;
  IF before IS DISTINCT FROM new.begins_at THEN
    RAISE EXCEPTION 'an interval begins where the one before ends' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER clock_interval_follows AFTER INSERT OR UPDATE ON core.clock_interval FOR EACH ROW EXECUTE FUNCTION core.clock_interval_follows();

-- A calendar together with its exceptions as one row, so that lists of clocks cost one statement for all calendars.
CREATE VIEW core.whole_calendar WITH (security_invoker = true) AS
SELECT c.tenant_id, c.id, c.name, c.time_zone, c.region, c.hours,
       coalesce((SELECT jsonb_agg(jsonb_build_object('day', e.day, 'name', e.name, 'hours', e.hours) ORDER BY e.day)
                   FROM core.calendar_exception e WHERE e.tenant_id = c.tenant_id AND e.calendar_id = c.id), '[]'::jsonb) AS exceptions
  FROM core.business_calendar c;
GRANT SELECT ON core.whole_calendar TO backoffice_app;

-- Every client has a calendar to begin with: Monday to Friday from 9 to 17 in its zone, with the holidays of its country
-- as far as they are known. The trail of each is sealed while the transaction is that client's.
SET CONSTRAINTS ALL IMMEDIATE;
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    PERFORM set_config('app.actor_kind', 'system', true);
    PERFORM set_config('app.actor_name', 'Calendars', true);
    INSERT INTO core.business_calendar (tenant_id, id, name, time_zone, region, hours, is_default)
    SELECT c.tenant_id, gen_random_uuid(), 'Standard', c.time_zone,
           CASE WHEN c.country = ANY (ARRAY['AT', 'DE', 'FR', 'GB', 'NL', 'US']) THEN c.country END,
           ARRAY[540, 1020, 1980, 2460, 3420, 3900, 4860, 5340, 6300, 6780], true
      FROM practice.client c WHERE c.tenant_id = client;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  PERFORM set_config('app.actor_kind', '', true);
  PERFORM set_config('app.actor_name', '', true);
END $$;
SET CONSTRAINTS ALL DEFERRED;

-- Those who run an installation may set calendars up in every client.
UPDATE identity.provider_role SET client_permissions = client_permissions || '{core.calendar.read,core.calendar.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';

-- The version of a record by the type that its events name it by; null where records of that type have none, or there is
-- no such record. A department whose records have versions adds its types here.
CREATE OR REPLACE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'Client' THEN SELECT r.version INTO found FROM practice.client r WHERE r.tenant_id = p_tenant;
    WHEN 'Grant' THEN SELECT r.version INTO found FROM identity.access_grant r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Invitation' THEN SELECT r.version INTO found FROM identity.invitation r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Role' THEN SELECT r.version INTO found FROM identity.role r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'IdentityProvider' THEN SELECT r.version INTO found FROM identity.identity_provider r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'ServiceAccount' THEN SELECT r.version INTO found FROM identity.service_account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Account' THEN SELECT r.version INTO found FROM finance.account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'TaxCode' THEN SELECT r.version INTO found FROM finance.tax_code r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Ledger' THEN SELECT r.version INTO found FROM finance.ledger r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'LockException' THEN SELECT r.version INTO found FROM finance.lock_exception r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Customer' THEN SELECT r.version INTO found FROM finance.customer r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Vendor' THEN SELECT r.version INTO found FROM finance.vendor r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Invoice' THEN SELECT r.version INTO found FROM finance.invoice r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Bill' THEN SELECT r.version INTO found FROM finance.bill r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BankAccount' THEN SELECT r.version INTO found FROM finance.bank_account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BankLine' THEN SELECT r.version INTO found FROM finance.bank_line r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'File' THEN SELECT r.version INTO found FROM core.file r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'WebhookEndpoint' THEN SELECT r.version INTO found FROM core.webhook_endpoint r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'DocumentManifest' THEN SELECT r.version INTO found FROM practice.document_manifest r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BusinessCalendar' THEN SELECT r.version INTO found FROM core.business_calendar r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Clock' THEN SELECT r.version INTO found FROM core.clock r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    ELSE NULL;
  END CASE;
  RETURN found;
END $$;
