-- One queue over all clients. A work item is whatever somebody has to do for a client; it points at any record by that
-- record's outside id. Teams are the provider's own and reach over clients.

--------------------------------------------------------------------------------------- the provider's own: no client
CREATE TABLE practice.team (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.team IS 'local: teams of the provider''s staff';

CREATE TABLE practice.team_member (
  id          uuid PRIMARY KEY,
  team_id     uuid NOT NULL REFERENCES practice.team,
  account_id  uuid NOT NULL REFERENCES identity.account,
  from_on     date NOT NULL,
  until_on    date CHECK (until_on > from_on),
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.team_member IS 'local: who belongs to a team from when on, and until before which day';
CREATE INDEX team_member_by_team ON practice.team_member (team_id, account_id, from_on);
GRANT SELECT, INSERT, UPDATE ON practice.team, practice.team_member TO backoffice_identity;
UPDATE identity.provider_role SET permissions = permissions || '{practice.team.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';

------------------------------------------------------------------------------------------------------- per client
CREATE TABLE practice.work_item (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  kind              text NOT NULL CHECK (kind IN ('task', 'ticket', 'approval', 'close_step', 'exception', 'deadline', 'client_request')),
  title             text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  description       text NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
  state             text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'in_progress', 'waiting', 'done', 'cancelled')),
  priority          text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
  due_on            date CHECK (due_on < '9999-12-31'),
  queue_on          date NOT NULL GENERATED ALWAYS AS (coalesce(due_on, '9999-12-31'::date)) STORED,
  assignee_id       uuid REFERENCES identity.account,
  team_id           uuid REFERENCES practice.team,
  record_prefix     text CHECK (record_prefix ~ '^[a-z]{1,10}$'),
  record_id         uuid,
  visible_to_client boolean NOT NULL DEFAULT false,
  waiting_for       text CHECK (length(waiting_for) BETWEEN 1 AND 500),
  closed_at         timestamptz,
  closed_by         uuid,
  created_by        uuid NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK ((state IN ('done', 'cancelled')) = (closed_at IS NOT NULL)),
  CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
  CHECK (waiting_for IS NULL OR state = 'waiting'),
  CHECK ((record_prefix IS NULL) = (record_id IS NULL))
);
COMMENT ON COLUMN practice.work_item.queue_on IS 'its place in the queue: the day it is due, or behind all days';
COMMENT ON COLUMN practice.work_item.record_prefix IS 'with record_id the outside id of the record that it is about';
SELECT core.raise_wall('practice.work_item', 'mutable', portfolio => true);
-- The queue shows what is open: what was closed costs it nothing, however much that becomes.
-- With all that the queue is narrowed by, so that rows are looked at only to be shown.
CREATE INDEX work_item_open ON practice.work_item (tenant_id, queue_on, id)
  INCLUDE (state, kind, priority, assignee_id, team_id, record_id, title) WHERE closed_at IS NULL;
CREATE INDEX work_item_open_by_assignee ON practice.work_item (tenant_id, assignee_id, queue_on, id)
  INCLUDE (state, kind, priority, team_id, record_id, title) WHERE closed_at IS NULL;
CREATE INDEX work_item_closed ON practice.work_item (tenant_id, queue_on, id) WHERE closed_at IS NOT NULL;
CREATE INDEX work_item_by_record ON practice.work_item (tenant_id, record_id) WHERE record_id IS NOT NULL;

--------------------------------------------------------------------------------------------------------- functions
-- The names of people who stand on records that the caller has read.
CREATE FUNCTION practice.people_named(p_accounts uuid[]) RETURNS TABLE (id uuid, name text, staff boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.id, a.name, a.staff FROM identity.account a WHERE a.id = ANY (p_accounts)
$$;
GRANT EXECUTE ON FUNCTION practice.people_named TO backoffice_app, backoffice_portfolio, backoffice_identity;

-- The same for teams.
CREATE FUNCTION practice.teams_named(p_teams uuid[]) RETURNS TABLE (id uuid, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT t.id, t.name FROM practice.team t WHERE t.id = ANY (p_teams)
$$;
GRANT EXECUTE ON FUNCTION practice.teams_named TO backoffice_app, backoffice_portfolio;

-- Whether a person holds a right in this transaction's client today.
CREATE FUNCTION practice.holds_here(p_account uuid, p_right text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  zone text;
BEGIN
  SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = tenant;
  RETURN zone IS NOT NULL
     AND EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.disabled_at IS NULL)
     AND core.permissions_in(p_account, tenant, zone) @> ARRAY[p_right];
END $$;
GRANT EXECUTE ON FUNCTION practice.holds_here TO backoffice_app;

-- The teams of which somebody sees this client's work today: to any other team an item would be lost.
CREATE FUNCTION practice.teams_here() RETURNS TABLE (id uuid, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  today date;
BEGIN
  SELECT (now() AT TIME ZONE c.time_zone)::date INTO today
    FROM practice.client c WHERE c.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid;
  RETURN QUERY
    SELECT t.id, t.name FROM practice.team t
     WHERE EXISTS (SELECT 1 FROM practice.team_member m
                    WHERE m.team_id = t.id AND m.from_on <= today AND (m.until_on IS NULL OR m.until_on > today)
                      AND practice.holds_here(m.account_id, 'work.item.read'))
     ORDER BY t.name, t.id;
END $$;
GRANT EXECUTE ON FUNCTION practice.teams_here TO backoffice_app;

-- Opens the read-only portfolio of the clients in which the person holds that right today. The portfolio of figures
-- and that of work are two: whoever sees a client's work may not see its figures.
CREATE FUNCTION core.enter_portfolio(p_actor uuid, p_session uuid, p_reach text,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  granted uuid[] := '{}';
  everywhere boolean;
  confined uuid;
  candidate uuid;
  zone text;
  set_to text;
BEGIN
  opened_at := now();
  verdict := 'ended';
  SELECT a.name, s.confined_to INTO actor_name, confined
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id
   WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(array_agg(DISTINCT p), '{}') INTO permissions
    FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id, unnest(r.permissions) AS p
   WHERE g.account_id = p_actor AND confined IS NULL AND (g.valid_until IS NULL OR g.valid_until >= (now() AT TIME ZONE 'UTC')::date);
  set_to := set_config('app.actor_id', p_actor::text, true);
  everywhere := EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                         WHERE g.account_id = p_actor AND r.client_permissions @> ARRAY[p_reach]
                           AND (g.valid_until IS NULL OR g.valid_until >= (now() AT TIME ZONE 'UTC')::date));
  FOR candidate IN
    SELECT DISTINCT g.tenant_id FROM identity.access_grant g WHERE g.account_id = p_actor AND (confined IS NULL OR g.tenant_id = confined)
    UNION SELECT t.id FROM core.tenant t WHERE everywhere AND confined IS NULL
  LOOP
    set_to := set_config('app.tenant_id', candidate::text, true);
    SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = candidate;
    IF core.permissions_in(p_actor, candidate, zone) @> ARRAY[p_reach] THEN
      granted := granted || candidate;
    END IF;
  END LOOP;
  set_to := set_config('app.tenant_id', '', true);
  set_to := set_config('app.tenant_ids', granted::text, true);
  -- How many rows the policies leave is beyond the planner: with values at hand it takes them for few, and sorts all.
  set_to := set_config('plan_cache_mode', 'force_generic_plan', true);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter_portfolio(uuid, uuid, text) TO backoffice_portfolio;

-- How many items the queue has, by client, state and kind, in the transaction of a client or in the portfolio of work. It
-- goes from client to client, as whoever reads one client only: the policy of the portfolio would be asked for each row of
-- the index, which is more than the counting itself. The clients are those that the transaction has been opened for,
-- whatever is asked. p_part: 'open', 'closed', 'all'; p_person: whose items; p_nobodys: those that nobody has.
-- The conditions are those of the page (src/work/item/queue.rs).
DO $$
DECLARE
  counted text := $part$
      RETURN QUERY SELECT client, i.state, i.kind, count(*) FROM practice.work_item i
       WHERE i.tenant_id = client AND i.queue_on >= p_from AND i.queue_on < p_before AND %s AND %s
         AND (p_states IS NULL OR i.state = ANY (p_states)) AND (p_kinds IS NULL OR i.kind = ANY (p_kinds))
         AND (p_priorities IS NULL OR i.priority = ANY (p_priorities)) AND (p_teams IS NULL OR i.team_id = ANY (p_teams))
         AND (p_record IS NULL OR i.record_id = p_record) AND (p_text IS NULL OR i.title ILIKE p_text)
       GROUP BY i.state, i.kind;$part$;
  whose text := '(p_person IS NULL OR i.assignee_id = p_person) AND (NOT p_nobodys OR i.assignee_id IS NULL)';
BEGIN
  EXECUTE format($function$
CREATE FUNCTION practice.work_counted(p_clients uuid[], p_from date, p_before date, p_person uuid, p_nobodys boolean, p_part text,
  p_states text[], p_kinds text[], p_priorities text[], p_teams uuid[], p_record uuid, p_text text)
RETURNS TABLE (client_id uuid, state text, kind text, count bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $body$
DECLARE
  here   text := coalesce(current_setting('app.tenant_id', true), '');
  reach  uuid[];
  client uuid;
  set_to text;
BEGIN
  reach := CASE WHEN here <> '' THEN ARRAY[here::uuid] ELSE nullif(current_setting('app.tenant_ids', true), '')::uuid[] END;
  FOR client IN SELECT u.id FROM unnest(reach) AS u (id) WHERE p_clients IS NULL OR u.id = ANY (p_clients) LOOP
    set_to := set_config('app.tenant_id', client::text, true);
    IF p_part = 'open' AND p_person IS NOT NULL THEN %s
    ELSIF p_part = 'open' THEN %s
    ELSIF p_part = 'closed' THEN %s
    ELSE %s
    END IF;
  END LOOP;
  set_to := set_config('app.tenant_id', here, true);
END $body$ $function$,
    format(counted, 'i.closed_at IS NULL', 'i.assignee_id = p_person'),
    format(counted, 'i.closed_at IS NULL', whose),
    format(counted, 'i.closed_at IS NOT NULL', whose),
    format(counted, 'true', whose));
END $$;
GRANT EXECUTE ON FUNCTION practice.work_counted TO backoffice_app, backoffice_portfolio;

-- The versions of this department's records; of all others as before.
ALTER FUNCTION core.version_of RENAME TO version_of_all_but_work;
CREATE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'WorkItem' THEN SELECT r.version INTO found FROM practice.work_item r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    ELSE found := core.version_of_all_but_work(p_tenant, p_type, p_node);
  END CASE;
  RETURN found;
END $$;
