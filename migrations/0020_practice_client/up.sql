-- The provider's client companies, and the doors: the functions that open a transaction for one client, for the
-- portfolio, and for sign-in. Each checks session and grant in the same round trip that sets the client.

CREATE TABLE core.tenant (
  id         uuid PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE core.tenant IS 'local: the ids of all clients and nothing else, for the functions below and the integrity check';
GRANT INSERT ON core.tenant TO backoffice_app;

CREATE TABLE practice.client (
  tenant_id               uuid NOT NULL REFERENCES core.tenant (id),
  id                      uuid NOT NULL,
  name                    text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  country                 text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  currency                text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  time_zone               text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
  fiscal_year_start_month smallint NOT NULL CHECK (fiscal_year_start_month BETWEEN 1 AND 12),
  vat_number              text CHECK (length(vat_number) <= 32),
  created_at              timestamptz NOT NULL DEFAULT now(),
  updated_at              timestamptz NOT NULL DEFAULT now(),
  version                 integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id),
  CHECK (id = tenant_id)
);
SELECT core.raise_wall('practice.client', 'mutable', portfolio => true);

-- The functions on the way into a client's transaction run with every request. They are written in PL/pgSQL, which keeps
-- the plans of its statements for the session, and assign what set_config gives back, because an assignment needs no
-- statement: each costs microseconds, where a function in SQL would be parsed and planned in every transaction.

-- Settings that name the actor of this transaction for the trail.
CREATE FUNCTION core.set_actor(p_actor uuid, p_kind text, p_name text, p_request uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  set_to text;
BEGIN
  set_to := set_config('app.actor_id', p_actor::text, true);
  set_to := set_config('app.actor_kind', p_kind, true);
  set_to := set_config('app.actor_name', p_name, true);
  set_to := set_config('app.request_id', p_request::text, true);
END $$;

-- What a person may do in one client today: the permissions of the provider roles that hold everywhere and of the
-- grants that are valid today in the client's time zone, less every permission of a valid grant that denies.
CREATE FUNCTION core.permissions_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  today   date := (now() AT TIME ZONE p_time_zone)::date;
  allowed text[] := '{}';
  denied  text[] := '{}';
  sources integer := 0;
  source  record;
BEGIN
  FOR source IN
    SELECT g.effect, r.permissions
      FROM identity.access_grant g
      JOIN identity.role r ON r.tenant_id = p_tenant AND r.id = g.role_id
     WHERE g.tenant_id = p_tenant AND g.account_id = p_account AND g.ended_at IS NULL
       AND g.valid_from <= today AND (g.valid_until IS NULL OR g.valid_until >= today)
    UNION ALL
    SELECT 'allow', r.client_permissions
      FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
     WHERE g.account_id = p_account AND r.client_permissions <> '{}'
  LOOP
    sources := sources + 1;
    IF source.effect = 'deny' THEN
      denied := denied || source.permissions;
    ELSE
      allowed := allowed || source.permissions;
    END IF;
  END LOOP;
  -- one role, as is usual, is what it is
  IF sources > 1 THEN
    allowed := ARRAY (SELECT DISTINCT p FROM unnest(allowed) AS p WHERE p <> ALL (denied));
  END IF;
  RETURN allowed;
END $$;

-- Opens a client's transaction. Verdicts: 'ok'; 'ended' (session over, account disabled, service account revoked);
-- 'unknown' (no such client, or no right in it: both look alike). Unless the verdict is 'ok' no client is set.
CREATE FUNCTION core.enter(p_kind text, p_actor uuid, p_session uuid, p_tenant uuid, p_request uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  set_to text;
BEGIN
  opened_at := now();
  verdict := 'ended';
  IF p_kind = 'user' THEN
    SELECT a.name INTO actor_name
      FROM identity.session s JOIN identity.account a ON a.id = s.account_id
     WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  set_to := core.set_tenant(p_tenant);
  IF p_kind = 'service' THEN
    SELECT s.name, s.scopes INTO actor_name, permissions FROM identity.service_account s
     WHERE s.tenant_id = p_tenant AND s.id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now();
    IF NOT FOUND THEN
      set_to := set_config('app.tenant_id', '', true);
      RETURN;
    END IF;
  END IF;
  verdict := 'unknown';
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c WHERE c.tenant_id = p_tenant;
  IF FOUND AND p_kind = 'user' THEN
    permissions := core.permissions_in(p_actor, p_tenant, time_zone);
  END IF;
  IF time_zone IS NULL OR permissions IS NULL OR permissions = '{}' THEN
    set_to := set_config('app.tenant_id', '', true);
    permissions := '{}';
    RETURN;
  END IF;
  set_to := set_config('app.actor_id', p_actor::text, true);
  set_to := set_config('app.actor_kind', p_kind, true);
  set_to := set_config('app.actor_name', actor_name, true);
  set_to := set_config('app.request_id', p_request::text, true);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter TO backoffice_app;

-- Opens the read-only portfolio: sets the clients whose figures the person may read today.
CREATE FUNCTION core.enter_portfolio(p_actor uuid, p_session uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  granted uuid[] := '{}';
  everywhere boolean;
  candidate uuid;
  zone text;
BEGIN
  opened_at := now();
  verdict := 'ended';
  SELECT a.name INTO actor_name
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id
   WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(array_agg(DISTINCT p), '{}') INTO permissions
    FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id, unnest(r.permissions) AS p
   WHERE g.account_id = p_actor;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  everywhere := EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                         WHERE g.account_id = p_actor AND r.client_permissions @> '{finance.figures.read}');
  FOR candidate IN
    SELECT DISTINCT g.tenant_id FROM identity.access_grant g WHERE g.account_id = p_actor
    UNION SELECT t.id FROM core.tenant t WHERE everywhere
  LOOP
    PERFORM core.set_tenant(candidate);
    SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = candidate;
    IF core.permissions_in(p_actor, candidate, zone) @> '{finance.figures.read}' THEN
      granted := granted || candidate;
    END IF;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  PERFORM set_config('app.tenant_ids', granted::text, true);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter_portfolio TO backoffice_portfolio;

-- Opens the provider's own transaction (staff, sessions, keys): no client at all.
CREATE FUNCTION core.enter_provider(p_actor uuid, p_session uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  opened_at := now();
  verdict := 'ended';
  SELECT a.name INTO actor_name
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id
   WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(array_agg(DISTINCT p), '{}') INTO permissions
    FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id, unnest(r.permissions) AS p
   WHERE g.account_id = p_actor;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter_provider TO backoffice_identity;

-- Opens the transaction that founds a new client: the right is the provider's, the client must not exist yet.
CREATE FUNCTION core.enter_onboarding(p_actor uuid, p_session uuid, p_tenant uuid, p_request uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  SELECT e.verdict, e.permissions, e.actor_name, e.opened_at INTO verdict, permissions, actor_name, opened_at
    FROM core.enter_provider(p_actor, p_session) e;
  IF verdict <> 'ok' OR NOT permissions @> '{practice.client.onboard}' THEN RETURN; END IF;
  PERFORM core.set_tenant(p_tenant);
  IF EXISTS (SELECT 1 FROM practice.client c WHERE c.tenant_id = p_tenant) THEN
    PERFORM set_config('app.tenant_id', '', true);
    verdict := 'unknown';
    RETURN;
  END IF;
  PERFORM core.set_actor(p_actor, 'user', actor_name, p_request);
END $$;
GRANT EXECUTE ON FUNCTION core.enter_onboarding TO backoffice_app;

-- The clients a person can take a token for: those with a valid grant today, all for holders of a provider role that
-- reaches into every client. Names only.
CREATE FUNCTION identity.may_enter(p_account uuid, p_tenant uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  zone text;
  allowed boolean := false;
BEGIN
  PERFORM core.set_tenant(p_tenant);
  SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = p_tenant;
  IF FOUND THEN
    allowed := core.permissions_in(p_account, p_tenant, zone) <> '{}';
  END IF;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN allowed;
END $$;
GRANT EXECUTE ON FUNCTION identity.may_enter TO backoffice_identity;

-- The people who have, had or were refused rights in this transaction's client: for names beside grants.
CREATE FUNCTION identity.members() RETURNS TABLE (id uuid, email text, name text, staff boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.id, a.email, a.name, a.staff FROM identity.account a
   WHERE a.id IN (SELECT g.account_id FROM identity.access_grant g
                   WHERE g.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
$$;
GRANT EXECUTE ON FUNCTION identity.members TO backoffice_app;

-- The person that this transaction belongs to, and whether a provider role lets him hold a right in every client.
CREATE FUNCTION identity.myself() RETURNS TABLE (id uuid, email text, name text, staff boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a.id, a.email, a.name, a.staff FROM identity.account a
   WHERE a.id = nullif(current_setting('app.actor_id', true), '')::uuid
$$;
GRANT EXECUTE ON FUNCTION identity.myself TO backoffice_app, backoffice_portfolio, backoffice_identity;

CREATE FUNCTION identity.holds_everywhere(p_permission text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                  WHERE g.account_id = nullif(current_setting('app.actor_id', true), '')::uuid
                    AND r.client_permissions @> ARRAY[p_permission])
$$;
GRANT EXECUTE ON FUNCTION identity.holds_everywhere TO backoffice_app;

-- A staff member by id, so that a client's grant can name him: nobody else's accounts are found.
CREATE FUNCTION identity.grantable(p_account uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.disabled_at IS NULL
    AND (a.staff OR a.id IN (SELECT m.id FROM identity.members() m)))
$$;
GRANT EXECUTE ON FUNCTION identity.grantable TO backoffice_app;

-- Looks up a service account for the token endpoint.
CREATE FUNCTION identity.service_account_secret(p_tenant uuid, p_id uuid, OUT secret_hash bytea, OUT scopes text[], OUT live boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.set_tenant(p_tenant);
  SELECT s.secret_hash, s.scopes, s.revoked_at IS NULL AND s.expires_at > now()
    INTO secret_hash, scopes, live
    FROM identity.service_account s WHERE s.tenant_id = p_tenant AND s.id = p_id;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION identity.service_account_secret TO backoffice_identity;

-- Whom an open invitation is for, and the account of that address if there is one: its owner has to prove himself.
CREATE FUNCTION identity.open_invitation(p_tenant uuid, p_secret_hash bytea, OUT email text, OUT name text, OUT account_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.set_tenant(p_tenant);
  SELECT i.email, i.name INTO email, name FROM identity.invitation i
   WHERE i.tenant_id = p_tenant AND i.secret_hash = p_secret_hash AND i.accepted_at IS NULL AND i.expires_at > now();
  PERFORM set_config('app.tenant_id', '', true);
  SELECT a.id INTO account_id FROM identity.account a WHERE a.email = open_invitation.email;
END $$;
GRANT EXECUTE ON FUNCTION identity.open_invitation TO backoffice_identity;

-- Accepts an invitation: creates the person if the address is new, and his grant from today on. Verdicts: 'created',
-- 'joined' (the account existed, and p_proven says that its owner accepts; its password stays), 'unknown' (no such
-- invitation, expired or used, or for the account of somebody else).
CREATE FUNCTION identity.accept_invitation(p_tenant uuid, p_secret_hash bytea, p_proven uuid, p_account uuid, p_grant uuid, p_password_hash text, p_request uuid,
  OUT verdict text, OUT account_id uuid, OUT email text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  invited identity.invitation;
  zone text;
BEGIN
  verdict := 'unknown';
  PERFORM core.set_tenant(p_tenant);
  SELECT i.* INTO invited FROM identity.invitation i
   WHERE i.tenant_id = p_tenant AND i.secret_hash = p_secret_hash AND i.accepted_at IS NULL AND i.expires_at > now()
     FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  email := invited.email;
  SELECT a.id INTO account_id FROM identity.account a WHERE a.email = invited.email;
  IF account_id IS DISTINCT FROM p_proven OR (account_id IS NULL AND p_password_hash IS NULL) THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  verdict := 'joined';
  IF account_id IS NULL THEN
    INSERT INTO identity.account (id, email, name, staff, password_hash)
    VALUES (p_account, invited.email, invited.name, false, p_password_hash);
    account_id := p_account;
    verdict := 'created';
  END IF;
  PERFORM core.set_actor(account_id, 'user', invited.name, p_request);
  SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = p_tenant;
  INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
  VALUES (p_tenant, p_grant, accept_invitation.account_id, invited.role_id, 'allow', (now() AT TIME ZONE zone)::date);
  UPDATE identity.invitation i SET accepted_at = now() WHERE i.tenant_id = p_tenant AND i.id = invited.id;
END $$;
GRANT EXECUTE ON FUNCTION identity.accept_invitation TO backoffice_identity;
