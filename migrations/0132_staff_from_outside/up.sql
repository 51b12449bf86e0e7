-- Staff from outside (OpenID Connect): the provider's own identity providers, which of their groups stand for which provider
-- roles, and which of their people are which members of the staff.
--
-- They speak for the provider's staff and for nobody else: a client's person never comes in this way, as staff never come
-- through a client's identity provider. Such a session is good for whatever the person may do, and no longer than the identity
-- provider is set up for.

CREATE TABLE identity.staff_identity_provider (
  id               uuid PRIMARY KEY,
  name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  issuer           text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 2048),
  oauth_client     text NOT NULL CHECK (length(oauth_client) BETWEEN 1 AND 255),
  sealed_secret    bytea NOT NULL,
  scopes           text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 20),
  email_domains    text[] NOT NULL CHECK (cardinality(email_domains) <= 50),
  groups_claim     text CHECK (length(groups_claim) BETWEEN 1 AND 255),
  creates_accounts boolean NOT NULL,
  required         boolean NOT NULL DEFAULT false,
  session_hours    integer NOT NULL CHECK (session_hours BETWEEN 1 AND 720),
  max_age_minutes  integer CHECK (max_age_minutes BETWEEN 1 AND 43200),
  state            text NOT NULL CHECK (state IN ('enabled', 'disabled', 'deleted')),
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  CHECK (NOT required OR state = 'enabled')
);
COMMENT ON TABLE identity.staff_identity_provider IS 'local: through which the provider''s staff comes in';
COMMENT ON COLUMN identity.staff_identity_provider.sealed_secret IS 'encrypted with a key that is not in the database';
COMMENT ON COLUMN identity.staff_identity_provider.required IS 'staff comes in this way only, but for those who manage staff by a role given by hand';
CREATE UNIQUE INDEX staff_identity_provider_name ON identity.staff_identity_provider (name) WHERE state <> 'deleted';
GRANT SELECT, INSERT, UPDATE ON identity.staff_identity_provider TO backoffice_identity;

CREATE TABLE identity.staff_identity_provider_role (
  id                   uuid PRIMARY KEY,
  identity_provider_id uuid NOT NULL REFERENCES identity.staff_identity_provider (id),
  group_name           text NOT NULL CHECK (length(group_name) BETWEEN 1 AND 255),
  role_id              uuid NOT NULL REFERENCES identity.provider_role (id),
  created_at           timestamptz NOT NULL DEFAULT now(),
  UNIQUE (identity_provider_id, group_name, role_id)
);
COMMENT ON TABLE identity.staff_identity_provider_role IS 'local: groups that stand for provider roles';
GRANT SELECT, INSERT, DELETE ON identity.staff_identity_provider_role TO backoffice_identity;

-- Who somebody is to an identity provider is its subject, and nothing else: addresses are given to others.
CREATE TABLE identity.staff_outside_account (
  id                   uuid PRIMARY KEY,
  identity_provider_id uuid NOT NULL REFERENCES identity.staff_identity_provider (id),
  subject              text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  account_id           uuid NOT NULL REFERENCES identity.account (id),
  last_sign_in_at      timestamptz NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  UNIQUE (identity_provider_id, subject),
  UNIQUE (identity_provider_id, account_id)
);
COMMENT ON TABLE identity.staff_outside_account IS 'local: what identity providers call members of the staff';
GRANT SELECT, DELETE ON identity.staff_outside_account TO backoffice_identity;

-- A role may be held by hand and because of groups, each by itself: what one gave, another does not take.
ALTER TABLE identity.provider_grant
  DROP CONSTRAINT provider_grant_pkey,
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN identity_provider_id uuid REFERENCES identity.staff_identity_provider (id),
  ADD COLUMN valid_until date,
  ADD PRIMARY KEY (id),
  ADD CONSTRAINT provider_grant_by_hand_lasts CHECK ((identity_provider_id IS NULL) = (valid_until IS NULL));
COMMENT ON COLUMN identity.provider_grant.identity_provider_id IS 'given because of a group at this identity provider, which may take it away; null: given by hand';
COMMENT ON COLUMN identity.provider_grant.valid_until IS 'the last day, in the zone of whichever client is entered, for the provider''s own in UTC; null: without end';
CREATE UNIQUE INDEX provider_grant_by_hand ON identity.provider_grant (account_id, role_id) WHERE identity_provider_id IS NULL;
CREATE UNIQUE INDEX provider_grant_by_identity_provider ON identity.provider_grant (account_id, role_id, identity_provider_id) WHERE identity_provider_id IS NOT NULL;

ALTER TABLE identity.session
  ADD COLUMN staff_identity_provider_id uuid REFERENCES identity.staff_identity_provider (id),
  DROP CONSTRAINT session_from_outside_has_a_name,
  ADD CONSTRAINT session_from_outside_has_a_name CHECK ((identity_provider_id IS NULL AND staff_identity_provider_id IS NULL) = (came_through IS NULL)),
  ADD CONSTRAINT session_came_one_way CHECK (identity_provider_id IS NULL OR staff_identity_provider_id IS NULL);
COMMENT ON COLUMN identity.session.staff_identity_provider_id IS 'the provider''s own identity provider that vouched';
CREATE INDEX session_by_staff_identity_provider ON identity.session (staff_identity_provider_id)
  WHERE staff_identity_provider_id IS NOT NULL AND revoked_at IS NULL;

-- The same sign-ins on their way, and the same single use of state and code.
ALTER TABLE identity.outside_sign_in ALTER COLUMN client_id DROP NOT NULL;
COMMENT ON COLUMN identity.outside_sign_in.client_id IS 'whose identity provider it is; null: the provider''s own';

------------------------------------------------------------------------------------------------------------ the trail
-- The provider belongs to no client, so its changes stand in no client's trail, but here.
CREATE TABLE identity.provider_trail (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  actor_id    uuid,
  actor_name  text,
  request_id  uuid,
  record      text NOT NULL,
  action      text NOT NULL CHECK (action IN ('insert', 'update', 'delete')),
  before      jsonb,
  after       jsonb
);
COMMENT ON TABLE identity.provider_trail IS 'local: what was changed of the provider''s identity providers and of the roles of its staff; never changed';
COMMENT ON COLUMN identity.provider_trail.actor_id IS 'the account that did it; null: from the command line';
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON identity.provider_trail FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON identity.provider_trail EXECUTE FUNCTION core.refuse_change();
GRANT SELECT ON identity.provider_trail TO backoffice_identity;

CREATE FUNCTION identity.note_for_provider() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
BEGIN
  INSERT INTO identity.provider_trail (actor_id, actor_name, request_id, record, action, before, after)
  VALUES (actor, (SELECT a.name FROM identity.account a WHERE a.id = actor), nullif(current_setting('app.request_id', true), '')::uuid,
          tg_table_name, lower(tg_op),
          CASE WHEN tg_op <> 'INSERT' THEN to_jsonb(old) - 'sealed_secret' END,
          CASE WHEN tg_op <> 'DELETE' THEN to_jsonb(new) - 'sealed_secret' END);
  RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON identity.staff_identity_provider
  FOR EACH ROW EXECUTE FUNCTION identity.note_for_provider();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON identity.staff_identity_provider_role
  FOR EACH ROW EXECUTE FUNCTION identity.note_for_provider();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON identity.staff_outside_account
  FOR EACH ROW EXECUTE FUNCTION identity.note_for_provider();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON identity.provider_grant
  FOR EACH ROW EXECUTE FUNCTION identity.note_for_provider();

------------------------------------------------------------------------------------------------------------- sessions
-- Those who manage staff by a role that no identity provider gave: they can mend one that fails.
CREATE FUNCTION identity.breaks_glass(p_account uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                  WHERE g.account_id = p_account AND g.identity_provider_id IS NULL AND r.permissions @> '{identity.staff.manage}')
$$;
GRANT EXECUTE ON FUNCTION identity.breaks_glass TO backoffice_identity;

-- Whether a session may be opened for that person by a password. It waits for whoever is changing that just now.
CREATE FUNCTION identity.password_lets_in(p_account uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.staff) THEN
    RETURN true;
  END IF;
  PERFORM 1 FROM identity.staff_identity_provider p WHERE p.state = 'enabled' ORDER BY p.id FOR SHARE;
  RETURN NOT EXISTS (SELECT 1 FROM identity.staff_identity_provider p WHERE p.required) OR identity.breaks_glass(p_account);
END $$;
GRANT EXECUTE ON FUNCTION identity.password_lets_in TO backoffice_identity;

-- Staff come through the provider's own identity providers or by password, clients' people never through those. A session
-- that comes of one waits for whoever is changing the identity provider just now, and is none if that was shut meanwhile.
CREATE FUNCTION identity.check_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  works_here boolean;
BEGIN
  SELECT a.staff INTO works_here FROM identity.account a WHERE a.id = new.account_id;
  IF (new.staff_identity_provider_id IS NOT NULL AND NOT works_here) OR (new.identity_provider_id IS NOT NULL AND works_here)
     OR (new.came_through IS NULL AND works_here AND NOT identity.password_lets_in(new.account_id)) THEN
    RAISE EXCEPTION 'nobody comes in this way';
  END IF;
  IF new.staff_identity_provider_id IS NOT NULL THEN
    PERFORM 1 FROM identity.staff_identity_provider p WHERE p.id = new.staff_identity_provider_id AND p.state = 'enabled' FOR SHARE;
    IF NOT FOUND OR NOT EXISTS (SELECT 1 FROM identity.staff_outside_account o
                                 WHERE o.identity_provider_id = new.staff_identity_provider_id AND o.account_id = new.account_id) THEN
      RAISE EXCEPTION 'the identity provider does not vouch any more';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER check_session AFTER INSERT ON identity.session FOR EACH ROW EXECUTE FUNCTION identity.check_session();

-- One that is disabled or deleted ends the sessions that came through it; one that is required from now on ends those that
-- did not come through any.
CREATE FUNCTION identity.end_staff_sessions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF old.state = 'enabled' AND new.state <> 'enabled' THEN
    UPDATE identity.session s SET revoked_at = now(), revoked_for = 'revoked'
     WHERE s.staff_identity_provider_id = new.id AND s.revoked_at IS NULL;
  END IF;
  IF new.required AND NOT old.required THEN
    UPDATE identity.session s SET revoked_at = now(), revoked_for = 'revoked'
     WHERE s.staff_identity_provider_id IS NULL AND s.revoked_at IS NULL AND s.expires_at > now()
       AND EXISTS (SELECT 1 FROM identity.account a WHERE a.id = s.account_id AND a.staff) AND NOT identity.breaks_glass(s.account_id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER end_staff_sessions AFTER UPDATE ON identity.staff_identity_provider
  FOR EACH ROW EXECUTE FUNCTION identity.end_staff_sessions();

-- A member of the staff who is no longer known by his subject is signed out of what he came into by it.
CREATE FUNCTION identity.end_sessions_of_staff_outsider() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE identity.session s SET revoked_at = now(), revoked_for = 'revoked'
   WHERE s.account_id = old.account_id AND s.staff_identity_provider_id = old.identity_provider_id AND s.revoked_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER end_sessions AFTER DELETE ON identity.staff_outside_account
  FOR EACH ROW EXECUTE FUNCTION identity.end_sessions_of_staff_outsider();

-------------------------------------------------------------------------------------------------------------- sign-in
-- Signs a member of the staff in whom an identity provider of the provider vouches for. Verdicts as at a client's:
--   'in'          account_id, email and name say who; the session may last session_hours
--   'unknown'     there is no such identity provider, or it is not enabled
--   'unverified'  the subject is new, and its address is missing or not verified
--   'stranger'    nobody of the staff, or an account that has ended
-- A subject that is new is linked by its verified address to a member of the staff, or to a new one if the identity provider
-- may create accounts and a group of the person stands for a role.
-- Then the roles: what the groups stand for is given until the session has to end, what they no longer stand for is taken
-- away. Roles given by hand are not touched.
CREATE FUNCTION identity.staff_sign_in_from_outside(p_provider uuid, p_issuer text, p_subject text, p_email text, p_verified boolean,
  p_name text, p_groups text[], p_account uuid, p_request uuid,
  OUT verdict text, OUT account_id uuid, OUT email text, OUT name text, OUT provider_name text, OUT session_hours integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  provider identity.staff_identity_provider;
  linked   identity.staff_outside_account;
  person   identity.account;
  through  date;
  wanted   uuid[];
BEGIN
  verdict := 'unknown';
  -- Sign-ins through one identity provider take turns: two at once of a new person make one account.
  SELECT p.* INTO provider FROM identity.staff_identity_provider p
   WHERE p.id = p_provider AND p.issuer = p_issuer AND p.state = 'enabled' FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  -- A day more: in some clients it is tomorrow already.
  through := ((now() + provider.session_hours * interval '1 hour') AT TIME ZONE 'UTC')::date + 1;
  wanted := ARRAY (SELECT DISTINCT m.role_id FROM identity.staff_identity_provider_role m
                    WHERE m.identity_provider_id = p_provider AND m.group_name = ANY (p_groups));

  verdict := 'stranger';
  SELECT o.* INTO linked FROM identity.staff_outside_account o
   WHERE o.identity_provider_id = p_provider AND o.subject = p_subject FOR UPDATE;
  IF FOUND THEN
    SELECT a.* INTO person FROM identity.account a WHERE a.id = linked.account_id;
  ELSIF p_email IS NULL OR NOT p_verified THEN
    verdict := 'unverified';
    RETURN;
  ELSE
    SELECT a.* INTO person FROM identity.account a WHERE a.email = p_email;
    IF NOT FOUND THEN
      IF NOT provider.creates_accounts OR wanted = '{}' THEN RETURN; END IF;
      INSERT INTO identity.account AS a (id, email, name, staff)
      VALUES (p_account, p_email, left(coalesce(nullif(btrim(p_name), ''), p_email), 200), true)
      ON CONFLICT DO NOTHING RETURNING a.* INTO person;
      -- Somebody of that address came into being elsewhere at this moment.
      IF NOT FOUND THEN RETURN; END IF;
    ELSIF EXISTS (SELECT 1 FROM identity.staff_outside_account o
                   WHERE o.identity_provider_id = p_provider AND o.account_id = person.id) THEN
      RETURN;
    END IF;
  END IF;
  IF NOT person.staff OR person.disabled_at IS NOT NULL THEN RETURN; END IF;

  PERFORM core.set_actor(person.id, 'user', person.name, p_request);
  IF linked.id IS NULL THEN
    INSERT INTO identity.staff_outside_account (id, identity_provider_id, subject, account_id, last_sign_in_at)
    VALUES (gen_random_uuid(), p_provider, p_subject, person.id, now());
  ELSE
    UPDATE identity.staff_outside_account o SET last_sign_in_at = now() WHERE o.id = linked.id;
  END IF;
  DELETE FROM identity.provider_grant g
   WHERE g.account_id = person.id AND g.identity_provider_id = p_provider AND g.role_id <> ALL (wanted);
  UPDATE identity.provider_grant g SET valid_until = through
   WHERE g.account_id = person.id AND g.identity_provider_id = p_provider AND g.valid_until < through;
  INSERT INTO identity.provider_grant (account_id, role_id, identity_provider_id, valid_until)
  SELECT person.id, w, p_provider, through FROM unnest(wanted) AS w
   WHERE NOT EXISTS (SELECT 1 FROM identity.provider_grant g
                      WHERE g.account_id = person.id AND g.role_id = w AND g.identity_provider_id = p_provider);
  verdict := 'in'; account_id := person.id; email := person.email; name := person.name;
  provider_name := provider.name; session_hours := provider.session_hours;
END $$;
GRANT EXECUTE ON FUNCTION identity.staff_sign_in_from_outside TO backoffice_identity;

--------------------------------------------------------------------------------------------------------------- rights
-- All as before, but that roles because of groups end with their last day. The day is part of the edition of rights, so
-- nobody remembers them longer.
CREATE OR REPLACE FUNCTION core.permissions_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
  today   date := (now() AT TIME ZONE p_time_zone)::date;
  allowed text[] := '{}';
  denied  text[];
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
     WHERE g.account_id = p_account AND r.client_permissions <> '{}' AND (g.valid_until IS NULL OR g.valid_until >= today)
  LOOP
    IF source.effect = 'deny' THEN
      denied := denied || source.permissions;
    ELSE
      allowed := allowed || source.permissions;
    END IF;
  END LOOP;
  -- denying is rare, and the only thing for which the lists have to be taken apart
  IF denied IS NOT NULL THEN
    allowed := ARRAY (SELECT p FROM unnest(allowed) AS p WHERE p <> ALL (denied));
  END IF;
  RETURN allowed;
END $$;

CREATE OR REPLACE FUNCTION core.enter_portfolio(p_actor uuid, p_session uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  granted uuid[] := '{}';
  everywhere boolean;
  confined uuid;
  candidate uuid;
  zone text;
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
  PERFORM set_config('app.actor_id', p_actor::text, true);
  everywhere := EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                         WHERE g.account_id = p_actor AND r.client_permissions @> '{finance.figures.read}'
                           AND (g.valid_until IS NULL OR g.valid_until >= (now() AT TIME ZONE 'UTC')::date));
  FOR candidate IN
    SELECT DISTINCT g.tenant_id FROM identity.access_grant g WHERE g.account_id = p_actor AND (confined IS NULL OR g.tenant_id = confined)
    UNION SELECT t.id FROM core.tenant t WHERE everywhere AND confined IS NULL
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

CREATE OR REPLACE FUNCTION core.enter_provider(p_actor uuid, p_session uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  confined uuid;
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
  PERFORM set_config('app.actor_id', p_actor::text, true);
  verdict := 'ok';
END $$;

CREATE OR REPLACE FUNCTION identity.holds_everywhere(p_permission text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                  WHERE g.account_id = nullif(current_setting('app.actor_id', true), '')::uuid
                    AND r.client_permissions @> ARRAY[p_permission]
                    AND (g.valid_until IS NULL OR g.valid_until >= (now() AT TIME ZONE 'UTC')::date))
$$;
GRANT EXECUTE ON FUNCTION identity.holds_everywhere TO backoffice_identity;
