-- Business calendars that the provider keeps once, and calendars of clients follow: hours, holidays and exceptions are the
-- provider's, exceptions of the client come before them. A follower computes with what the provider says at that moment. Clocks
-- that run in followers are due anew: which followers, stands in a list of the server's own that the database writes with the
-- change, and that a loop works off, one calendar of one client a transaction.

GRANT EXECUTE ON FUNCTION core.are_hours TO backoffice_identity;

CREATE TABLE core.provider_calendar (
  id         uuid PRIMARY KEY,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  time_zone  text CHECK (length(time_zone) BETWEEN 1 AND 64),
  region     text CHECK (length(region) BETWEEN 2 AND 20),
  hours      integer[] NOT NULL CHECK (core.are_hours(hours, 7)),
  exceptions jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(exceptions) = 'array'),
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1
);
COMMENT ON TABLE core.provider_calendar IS 'local: business calendars of the provider, which calendars of clients follow';
COMMENT ON COLUMN core.provider_calendar.time_zone IS 'whose wall clock the hours are of; null: that of each client';
COMMENT ON COLUMN core.provider_calendar.exceptions IS 'days that are otherwise, as day, name and hours in minutes since midnight, in the order of days';
CREATE UNIQUE INDEX provider_calendar_by_name ON core.provider_calendar (name) WHERE deleted_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON core.provider_calendar TO backoffice_identity;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON core.provider_calendar
  FOR EACH ROW EXECUTE FUNCTION identity.note_for_provider();

ALTER TABLE core.business_calendar ADD COLUMN follows_id uuid REFERENCES core.provider_calendar (id);
COMMENT ON COLUMN core.business_calendar.follows_id IS 'the provider''s calendar whose zone, holidays, hours and exceptions it has; its own are what they were when that changed last';
CREATE INDEX business_calendar_following ON core.business_calendar (tenant_id, follows_id) WHERE follows_id IS NOT NULL;

-- Of these calendars of the provider those that calendars of this transaction's client follow: a client sees no others.
CREATE FUNCTION core.followed(p_calendars uuid[])
RETURNS TABLE (id uuid, name text, time_zone text, region text, hours integer[], exceptions jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT p.id, p.name, p.time_zone, p.region, p.hours, p.exceptions FROM core.provider_calendar p
   WHERE p.id = ANY (p_calendars)
     AND EXISTS (SELECT 1 FROM core.business_calendar c
                  WHERE c.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid AND c.follows_id = p.id)
$$;
GRANT EXECUTE ON FUNCTION core.followed TO backoffice_app;

-- Of the provider's own what a client follows goes along with the client's archive.
INSERT INTO core.archive_reference (table_name, key_column, names) VALUES
  ('core.provider_calendar', 'id', '{id,name,time_zone,region,hours,exceptions,created_at}');

-- A calendar as it is computed with. Exceptions of a calendar that is followed name it, so that explanations say which
-- calendar has said what.
CREATE OR REPLACE VIEW core.whole_calendar WITH (security_invoker = true) AS
SELECT c.tenant_id, c.id, c.name,
       CASE WHEN p.id IS NULL THEN c.time_zone
            ELSE coalesce(p.time_zone, (SELECT k.time_zone FROM practice.client k WHERE k.tenant_id = c.tenant_id), c.time_zone) END AS time_zone,
       CASE WHEN p.id IS NULL THEN c.region ELSE p.region END AS region,
       coalesce(p.hours, c.hours) AS hours,
       coalesce((SELECT jsonb_agg(e.one ORDER BY e.day)
                   FROM (SELECT x.day, jsonb_build_object('day', x.day, 'name', x.name, 'hours', x.hours) AS one
                           FROM core.calendar_exception x WHERE x.tenant_id = c.tenant_id AND x.calendar_id = c.id
                         UNION ALL
                         SELECT (f.one ->> 'day')::date, f.one || jsonb_build_object('name', (f.one ->> 'name') || ' (' || p.name || ')')
                           FROM jsonb_array_elements(p.exceptions) AS f (one)
                          WHERE NOT EXISTS (SELECT 1 FROM core.calendar_exception x
                                             WHERE x.tenant_id = c.tenant_id AND x.calendar_id = c.id AND x.day = (f.one ->> 'day')::date)) AS e),
                '[]'::jsonb) AS exceptions
  FROM core.business_calendar c LEFT JOIN LATERAL core.followed(ARRAY[c.follows_id]) p ON true;

-- A calendar of the provider for somebody of its staff who lets a client's calendar follow it: as it is, and as it stays until
-- the transaction is over. Nobody else learns of one that no calendar of his client follows.
CREATE FUNCTION core.followable(p_calendar uuid) RETURNS TABLE (time_zone text, region text, hours integer[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM identity.account a WHERE a.id = nullif(current_setting('app.actor_id', true), '')::uuid AND a.staff) THEN
    RETURN QUERY SELECT p.time_zone, p.region, p.hours FROM core.provider_calendar p
                  WHERE p.id = p_calendar AND p.deleted_at IS NULL FOR SHARE;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION core.followable TO backoffice_app;

-- How many calendars of clients follow each of these, in the provider's transaction.
CREATE FUNCTION core.followers(p_calendars uuid[]) RETURNS TABLE (calendar_id uuid, followers bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  all_of uuid[] := '{}';
  set_to text;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    set_to := core.set_tenant(client);
    all_of := all_of || ARRAY (SELECT c.follows_id FROM core.business_calendar c
                                WHERE c.tenant_id = client AND c.follows_id = ANY (p_calendars) AND c.deleted_at IS NULL);
  END LOOP;
  set_to := set_config('app.tenant_id', '', true);
  RETURN QUERY SELECT k.id, (SELECT count(*) FROM unnest(all_of) AS f (id) WHERE f.id = k.id) FROM unnest(p_calendars) AS k (id);
END $$;
GRANT EXECUTE ON FUNCTION core.followers TO backoffice_identity;

---------------------------------------------------------------------------------------------------------------- renewal
CREATE TABLE core.calendar_renewal (
  client_id   uuid NOT NULL REFERENCES core.tenant (id),
  calendar_id uuid NOT NULL,
  due_at      timestamptz NOT NULL,
  PRIMARY KEY (client_id, calendar_id)
);
COMMENT ON TABLE core.calendar_renewal IS 'local: calendars of clients whose clocks are due anew, because what they follow has changed';
CREATE INDEX calendar_renewal_by_due ON core.calendar_renewal (due_at);
INSERT INTO core.archive_exception (table_name, reason) VALUES
  ('core.calendar_renewal', 'What one server has still to compute; clocks are due anew with the next change of their calendar.');

CREATE FUNCTION core.renew_followers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  before text := coalesce(current_setting('app.tenant_id', true), '');
  client uuid;
  set_to text;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    set_to := core.set_tenant(client);
    INSERT INTO core.calendar_renewal AS r (client_id, calendar_id, due_at)
    SELECT client, c.id, clock_timestamp() FROM core.business_calendar c
     WHERE c.tenant_id = client AND c.follows_id = new.id AND c.deleted_at IS NULL
    ON CONFLICT (client_id, calendar_id) DO UPDATE SET due_at = excluded.due_at;
  END LOOP;
  set_to := set_config('app.tenant_id', before, true);
  RETURN NULL;
END $$;
CREATE TRIGGER renew_followers AFTER UPDATE ON core.provider_calendar FOR EACH ROW
  WHEN ((old.name, old.time_zone, old.region, old.hours, old.exceptions) IS DISTINCT FROM (new.name, new.time_zone, new.region, new.hours, new.exceptions))
  EXECUTE FUNCTION core.renew_followers();

-- The next calendars to be renewed.
CREATE FUNCTION core.next_renewals(p_most integer) RETURNS TABLE (client_id uuid, calendar_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT r.client_id, r.calendar_id FROM core.calendar_renewal r WHERE r.due_at <= clock_timestamp() ORDER BY r.due_at LIMIT p_most
$$;
GRANT EXECUTE ON FUNCTION core.next_renewals TO backoffice_identity;

-- Opens the transaction in which a calendar is renewed: it acts as nobody, with the rights that this takes, and its place on the
-- list goes with it. Verdicts as in core.enter, and 'lost': somebody else has done it, or does.
CREATE FUNCTION core.enter_renewal(p_client uuid, p_calendar uuid, p_run uuid,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  opened_at := now();
  permissions := '{}';
  actor_name := 'Calendars';
  verdict := 'lost';
  PERFORM 1 FROM core.calendar_renewal r WHERE r.client_id = p_client AND r.calendar_id = p_calendar FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  DELETE FROM core.calendar_renewal r WHERE r.client_id = p_client AND r.calendar_id = p_calendar;
  verdict := 'unknown';
  PERFORM core.set_tenant(p_client);
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c WHERE c.tenant_id = p_client;
  IF NOT FOUND THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  permissions := '{core.calendar.read,work.clock.read,work.clock.manage}';
  PERFORM core.set_actor(NULL, 'system', actor_name, p_run);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter_renewal TO backoffice_app;

-- Lets a calendar wait that could not be renewed; or leaves it as it is, where its client is there no more.
CREATE FUNCTION core.put_off_renewal(p_client uuid, p_calendar uuid, p_gone boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF p_gone THEN
    DELETE FROM core.calendar_renewal r WHERE r.client_id = p_client AND r.calendar_id = p_calendar;
  ELSE
    UPDATE core.calendar_renewal r SET due_at = clock_timestamp() + interval '1 minute'
     WHERE r.client_id = p_client AND r.calendar_id = p_calendar;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION core.put_off_renewal TO backoffice_identity;

UPDATE identity.provider_role SET permissions = permissions || '{practice.calendar.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
