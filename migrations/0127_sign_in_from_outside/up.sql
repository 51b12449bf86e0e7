-- Sign-in from outside (OpenID Connect): the identity providers of a client, which of their groups stand for which roles,
-- and which of their people are which accounts.
--
-- An identity provider is its client's and speaks for this client alone: a session that came through it is confined to the
-- client, whatever else the person may do elsewhere, and staff never come through it. Sign-in reaches these tables through
-- the functions below.

CREATE TABLE identity.identity_provider (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
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
  PRIMARY KEY (tenant_id, id),
  CHECK (NOT required OR state = 'enabled')
);
COMMENT ON COLUMN identity.identity_provider.sealed_secret IS 'encrypted with a key that is not in the database';
COMMENT ON COLUMN identity.identity_provider.required IS 'people of the client come in this way only, but for those who manage identity providers by a grant given by hand';
CREATE UNIQUE INDEX identity_provider_name ON identity.identity_provider (tenant_id, name) WHERE state <> 'deleted';
SELECT core.raise_wall('identity.identity_provider', 'mutable', secrets => '{sealed_secret}');

CREATE TABLE identity.identity_provider_role (
  tenant_id            uuid NOT NULL,
  id                   uuid NOT NULL,
  identity_provider_id uuid NOT NULL,
  group_name           text NOT NULL CHECK (length(group_name) BETWEEN 1 AND 255),
  role_id              uuid NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now(),
  version              integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, identity_provider_id, group_name, role_id),
  FOREIGN KEY (tenant_id, identity_provider_id) REFERENCES identity.identity_provider,
  FOREIGN KEY (tenant_id, role_id) REFERENCES identity.role
);
SELECT core.raise_wall('identity.identity_provider_role', 'deletable');

-- Who somebody is to an identity provider is its subject, and nothing else: addresses are given to others.
CREATE TABLE identity.outside_account (
  tenant_id            uuid NOT NULL,
  id                   uuid NOT NULL,
  identity_provider_id uuid NOT NULL,
  subject              text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  account_id           uuid NOT NULL REFERENCES identity.account,
  last_sign_in_at      timestamptz NOT NULL,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now(),
  version              integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, identity_provider_id, subject),
  UNIQUE (tenant_id, identity_provider_id, account_id),
  FOREIGN KEY (tenant_id, identity_provider_id) REFERENCES identity.identity_provider
);
SELECT core.raise_wall('identity.outside_account', 'deletable');

ALTER TABLE identity.access_grant
  ADD COLUMN identity_provider_id uuid,
  ADD FOREIGN KEY (tenant_id, identity_provider_id) REFERENCES identity.identity_provider;
COMMENT ON COLUMN identity.access_grant.identity_provider_id IS 'given because of a group at this identity provider, which may take it away; null: given by hand';
CREATE INDEX access_grant_by_identity_provider ON identity.access_grant (tenant_id, identity_provider_id) WHERE identity_provider_id IS NOT NULL;

ALTER TABLE identity.session
  ADD COLUMN confined_to uuid REFERENCES core.tenant (id),
  ADD COLUMN identity_provider_id uuid,
  ADD COLUMN came_through text,
  ADD CONSTRAINT session_from_outside_is_confined CHECK ((identity_provider_id IS NULL) = (confined_to IS NULL)),
  ADD CONSTRAINT session_from_outside_has_a_name CHECK ((identity_provider_id IS NULL) = (came_through IS NULL));
COMMENT ON COLUMN identity.session.confined_to IS 'the one client that the session is good for; null: all that the person may enter';
COMMENT ON COLUMN identity.session.came_through IS 'name of the identity provider at sign-in';
CREATE INDEX session_by_identity_provider ON identity.session (identity_provider_id) WHERE identity_provider_id IS NOT NULL AND revoked_at IS NULL;

-- Sign-ins on their way: from the portal to the identity provider, back here, and to the portal again. Each state and each
-- code is good once.
CREATE TABLE identity.outside_sign_in (
  state_hash           bytea PRIMARY KEY CHECK (length(state_hash) = 32),
  client_id            uuid NOT NULL,
  identity_provider_id uuid NOT NULL,
  issuer               text NOT NULL,
  names_issuer         boolean NOT NULL,
  redirect_uri         text NOT NULL,
  return_to            text NOT NULL,
  challenge            bytea NOT NULL CHECK (length(challenge) = 32),
  sealed               bytea NOT NULL,
  expires_at           timestamptz NOT NULL,
  returned_at          timestamptz,
  code_hash            bytea UNIQUE CHECK (length(code_hash) = 32),
  sealed_code          bytea,
  completed_at         timestamptz
);
COMMENT ON TABLE identity.outside_sign_in IS 'local: sign-ins on their way through an identity provider; swept by the next ones an hour after their end';
COMMENT ON COLUMN identity.outside_sign_in.challenge IS 'SHA-256 of what only the portal that began knows';
COMMENT ON COLUMN identity.outside_sign_in.sealed IS 'PKCE verifier and nonce, encrypted with a key that is not in the database';
CREATE INDEX outside_sign_in_by_end ON identity.outside_sign_in (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.outside_sign_in TO backoffice_identity;

------------------------------------------------------------------------------------------------------- the provider
-- What sign-in has to know of an identity provider that is enabled; nothing of any other.
CREATE FUNCTION identity.enabled_identity_provider(p_client uuid, p_id uuid)
RETURNS TABLE (name text, issuer text, oauth_client text, sealed_secret bytea, scopes text[], email_domains text[],
               groups_claim text, max_age_minutes integer, portal_origins text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.set_tenant(p_client);
  RETURN QUERY
    SELECT p.name, p.issuer, p.oauth_client, p.sealed_secret, p.scopes, p.email_domains, p.groups_claim, p.max_age_minutes, c.portal_origins
      FROM identity.identity_provider p JOIN practice.client c ON c.tenant_id = p.tenant_id
     WHERE p.tenant_id = p_client AND p.id = p_id AND p.state = 'enabled';
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION identity.enabled_identity_provider TO backoffice_identity;

-- One that is disabled or deleted ends the sessions that came through it.
CREATE FUNCTION identity.end_outside_sessions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE identity.session s SET revoked_at = now(), revoked_for = 'revoked'
   WHERE s.identity_provider_id = new.id AND s.confined_to = new.tenant_id AND s.revoked_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER end_outside_sessions AFTER UPDATE ON identity.identity_provider
  FOR EACH ROW WHEN (old.state = 'enabled' AND new.state <> 'enabled') EXECUTE FUNCTION identity.end_outside_sessions();

-- A person who is no longer known by his subject is signed out of what he came into by it.
CREATE FUNCTION identity.end_sessions_of_outsider() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE identity.session s SET revoked_at = now(), revoked_for = 'revoked'
   WHERE s.account_id = old.account_id AND s.identity_provider_id = old.identity_provider_id
     AND s.confined_to = old.tenant_id AND s.revoked_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER end_sessions AFTER DELETE ON identity.outside_account
  FOR EACH ROW EXECUTE FUNCTION identity.end_sessions_of_outsider();

------------------------------------------------------------------------------------------------------------ sign-in
-- Signs a person in whom an identity provider of the client vouches for. Verdicts:
--   'in'          account_id, email and name say who; the session may last session_hours
--   'unknown'     there is no such identity provider, or it is not enabled
--   'unverified'  the subject is new, and its address is missing or not verified
--   'stranger'    nobody whom this client knows or has invited, or somebody of the staff, or an account that has ended
-- A subject that is new is linked by its verified address: to an account that has or had a grant in this client, or to a
-- new one if the address was invited or if the identity provider may create accounts and a group of the person stands
-- for a role. Somebody who has an account, but not in this client, accepts an invitation himself: an identity provider's
-- word makes him nobody elsewhere.
-- Then the roles: what the groups stand for is given until the session has to end, what they no longer stand for is
-- taken away. Grants given by hand are not touched.
CREATE FUNCTION identity.sign_in_from_outside(p_client uuid, p_provider uuid, p_issuer text, p_subject text, p_email text, p_verified boolean,
  p_name text, p_groups text[], p_account uuid, p_request uuid,
  OUT verdict text, OUT account_id uuid, OUT email text, OUT name text, OUT provider_name text, OUT session_hours integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  provider identity.identity_provider;
  linked   identity.outside_account;
  person   identity.account;
  invited  identity.invitation;
  zone     text;
  today    date;
  through  date;
  wanted   uuid[];
  one      uuid;
  kinds    text[] := '{}';
  types    text[] := '{}';
  nodes    uuid[] := '{}';
BEGIN
  verdict := 'unknown';
  PERFORM core.set_tenant(p_client);
  -- Sign-ins through one identity provider take turns: two at once of a new person make one account.
  SELECT p.* INTO provider FROM identity.identity_provider p
   WHERE p.tenant_id = p_client AND p.id = p_provider AND p.issuer = p_issuer AND p.state = 'enabled' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = p_client;
  today := (now() AT TIME ZONE zone)::date;
  through := ((now() + provider.session_hours * interval '1 hour') AT TIME ZONE zone)::date;
  wanted := ARRAY (SELECT DISTINCT m.role_id FROM identity.identity_provider_role m
                    WHERE m.tenant_id = p_client AND m.identity_provider_id = p_provider AND m.group_name = ANY (p_groups));

  verdict := 'stranger';
  SELECT o.* INTO linked FROM identity.outside_account o
   WHERE o.tenant_id = p_client AND o.identity_provider_id = p_provider AND o.subject = p_subject FOR UPDATE;
  IF FOUND THEN
    SELECT a.* INTO person FROM identity.account a WHERE a.id = linked.account_id;
  ELSIF p_email IS NULL OR NOT p_verified THEN
    verdict := 'unverified';
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  ELSE
    SELECT a.* INTO person FROM identity.account a WHERE a.email = p_email;
    IF FOUND AND (NOT EXISTS (SELECT 1 FROM identity.access_grant g WHERE g.tenant_id = p_client AND g.account_id = person.id)
               OR EXISTS (SELECT 1 FROM identity.outside_account o WHERE o.tenant_id = p_client AND o.identity_provider_id = p_provider
                             AND o.account_id = person.id)) THEN
      PERFORM set_config('app.tenant_id', '', true);
      RETURN;
    END IF;
    IF person.id IS NULL THEN
      SELECT i.* INTO invited FROM identity.invitation i
       WHERE i.tenant_id = p_client AND i.email = p_email AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
       ORDER BY i.id DESC LIMIT 1 FOR UPDATE;
      IF NOT FOUND AND (NOT provider.creates_accounts OR wanted = '{}') THEN
        PERFORM set_config('app.tenant_id', '', true);
        RETURN;
      END IF;
      INSERT INTO identity.account AS a (id, email, name, staff)
      VALUES (p_account, p_email, coalesce(invited.name, left(nullif(btrim(p_name), ''), 200), p_email), false)
      ON CONFLICT DO NOTHING RETURNING a.* INTO person;
      IF NOT FOUND THEN
        -- Somebody of that address came into being elsewhere at this moment.
        PERFORM set_config('app.tenant_id', '', true);
        RETURN;
      END IF;
    END IF;
  END IF;
  IF person.staff OR person.disabled_at IS NOT NULL THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;

  PERFORM core.set_actor(person.id, 'user', person.name, p_request);
  IF linked.id IS NULL THEN
    INSERT INTO identity.outside_account (tenant_id, id, identity_provider_id, subject, account_id, last_sign_in_at)
    VALUES (p_client, gen_random_uuid(), p_provider, p_subject, person.id, now());
  ELSE
    UPDATE identity.outside_account o SET last_sign_in_at = now() WHERE o.tenant_id = p_client AND o.id = linked.id;
  END IF;
  IF invited.id IS NOT NULL THEN
    one := gen_random_uuid();
    INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
    VALUES (p_client, one, person.id, invited.role_id, 'allow', today);
    UPDATE identity.invitation i SET accepted_at = now() WHERE i.tenant_id = p_client AND i.id = invited.id;
    kinds := kinds || ARRAY['invitation.accepted', 'grant.given'];
    types := types || ARRAY['Invitation', 'Grant'];
    nodes := nodes || ARRAY[invited.id, one];
  END IF;
  FOR one IN
    UPDATE identity.access_grant g SET ended_at = now()
     WHERE g.tenant_id = p_client AND g.account_id = person.id AND g.identity_provider_id = p_provider AND g.ended_at IS NULL
       AND (g.valid_until IS NULL OR g.valid_until >= today) AND g.role_id <> ALL (wanted)
    RETURNING g.id
  LOOP
    kinds := kinds || 'grant.ended'::text; types := types || 'Grant'::text; nodes := nodes || one;
  END LOOP;
  UPDATE identity.access_grant g SET valid_until = through
   WHERE g.tenant_id = p_client AND g.account_id = person.id AND g.identity_provider_id = p_provider AND g.ended_at IS NULL
     AND g.valid_until >= today AND g.valid_until < through AND g.role_id = ANY (wanted);
  FOR one IN
    INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from, valid_until, identity_provider_id)
    SELECT p_client, gen_random_uuid(), person.id, w, 'allow', today, through, p_provider FROM unnest(wanted) AS w
     WHERE NOT EXISTS (SELECT 1 FROM identity.access_grant g WHERE g.tenant_id = p_client AND g.account_id = person.id AND g.role_id = w
                          AND g.identity_provider_id = p_provider AND g.ended_at IS NULL AND (g.valid_until IS NULL OR g.valid_until >= today))
    RETURNING id
  LOOP
    kinds := kinds || 'grant.given'::text; types := types || 'Grant'::text; nodes := nodes || one;
  END LOOP;
  IF nodes <> '{}' THEN
    PERFORM core.emit(ARRAY (SELECT gen_random_uuid() FROM unnest(nodes)), kinds, types, nodes);
  END IF;
  verdict := 'in'; account_id := person.id; email := person.email; name := person.name;
  provider_name := provider.name; session_hours := provider.session_hours;
  -- The client stays set: at commit, the trail is sealed.
END $$;
GRANT EXECUTE ON FUNCTION identity.sign_in_from_outside TO backoffice_identity;

-------------------------------------------------------------------------------------------------------------- doors
-- Whether a person may take a token for a client in this session: he has a right there today, the session is not confined
-- to another client, and it came the way that the client asks for. Where an identity provider is required a password
-- does for staff, and for those who may manage identity providers by a grant that no identity provider gave: they
-- are who can mend one that fails.
CREATE FUNCTION identity.session_may_enter(p_account uuid, p_session uuid, p_tenant uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  confined uuid;
  staff    boolean;
  today    date;
  allowed  boolean := true;
BEGIN
  SELECT s.confined_to, a.staff INTO confined, staff
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id WHERE s.id = p_session AND s.account_id = p_account;
  IF NOT FOUND OR coalesce(confined, p_tenant) <> p_tenant OR NOT identity.may_enter(p_account, p_tenant) THEN
    RETURN false;
  END IF;
  IF confined IS NULL AND NOT staff THEN
    PERFORM core.set_tenant(p_tenant);
    IF EXISTS (SELECT 1 FROM identity.identity_provider p WHERE p.tenant_id = p_tenant AND p.required) THEN
      SELECT (now() AT TIME ZONE c.time_zone)::date INTO today FROM practice.client c WHERE c.tenant_id = p_tenant;
      allowed := EXISTS (
        SELECT 1 FROM identity.access_grant g JOIN identity.role r ON r.tenant_id = p_tenant AND r.id = g.role_id
         WHERE g.tenant_id = p_tenant AND g.account_id = p_account AND g.effect = 'allow' AND g.identity_provider_id IS NULL
           AND g.ended_at IS NULL AND g.valid_from <= today AND (g.valid_until IS NULL OR g.valid_until >= today)
           AND r.permissions @> '{identity.identity_provider.manage}');
    END IF;
    PERFORM set_config('app.tenant_id', '', true);
  END IF;
  RETURN allowed;
END $$;
GRANT EXECUTE ON FUNCTION identity.session_may_enter TO backoffice_identity;

-- As before, but that a session that is confined to a client opens no other's transaction.
CREATE OR REPLACE FUNCTION core.enter(p_kind text, p_actor uuid, p_session uuid, p_tenant uuid, p_request uuid, p_edition text,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  set_to text;
  of_actor bigint;
  of_tenant bigint;
  scopes text[];
BEGIN
  opened_at := now();
  verdict := 'ended';
  IF p_kind = 'user' THEN
    SELECT a.name, a.rights_edition INTO actor_name, of_actor
      FROM identity.session s JOIN identity.account a ON a.id = s.account_id
     WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > opened_at AND a.disabled_at IS NULL
       AND (s.confined_to IS NULL OR s.confined_to = p_tenant);
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  set_to := set_config('app.tenant_id', p_tenant::text, true);
  IF p_kind = 'service' THEN
    SELECT s.name, s.version, s.scopes INTO actor_name, of_actor, scopes FROM identity.service_account s
     WHERE s.tenant_id = p_tenant AND s.id = p_actor AND s.revoked_at IS NULL AND s.expires_at > opened_at;
    IF NOT FOUND THEN
      set_to := set_config('app.tenant_id', '', true);
      RETURN;
    END IF;
  END IF;
  verdict := 'unknown';
  SELECT c.time_zone, c.currency, t.rights_edition INTO time_zone, currency, of_tenant
    FROM practice.client c JOIN core.tenant t ON t.id = c.tenant_id WHERE c.tenant_id = p_tenant;
  IF FOUND THEN
    edition := of_actor || '.' || of_tenant || '.' || (opened_at AT TIME ZONE time_zone)::date;
    IF p_edition IS DISTINCT FROM edition THEN
      permissions := coalesce(scopes, core.permissions_in(p_actor, p_tenant, time_zone));
    END IF;
  END IF;
  IF edition IS NULL OR permissions = '{}' THEN
    set_to := set_config('app.tenant_id', '', true);
    permissions := '{}';
    RETURN;
  END IF;
  set_to := set_config('app.actor_id', p_actor::text, true);
  IF p_request IS NOT NULL THEN
    set_to := set_config('app.actor_kind', p_kind, true);
    set_to := set_config('app.actor_name', actor_name, true);
    set_to := set_config('app.request_id', p_request::text, true);
  END IF;
  verdict := 'ok';
END $$;

-- The same: of its portfolio the one client, and of the provider's rights none.
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
   WHERE g.account_id = p_actor AND confined IS NULL;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  everywhere := EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                         WHERE g.account_id = p_actor AND r.client_permissions @> '{finance.figures.read}');
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
   WHERE g.account_id = p_actor AND confined IS NULL;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  verdict := 'ok';
END $$;

-- Those who run an installation may set identity providers up in every client.
UPDATE identity.provider_role SET client_permissions = client_permissions || '{identity.identity_provider.read,identity.identity_provider.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
