-- Where a client stands with the provider: from a prospect to its end. It is moved by one function, each move with its reason.
-- A client that is suspended or over lets nobody of its own people in, and no program; the provider's staff sees what it may
-- see and changes nothing. That follows from the rights themselves, so that no door and no resolver has to be told.

ALTER TABLE practice.client ADD COLUMN status text NOT NULL DEFAULT 'active'
  CHECK (status IN ('prospect', 'onboarding', 'active', 'suspended', 'ended'));

CREATE TABLE practice.client_status_change (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  from_status   text NOT NULL CHECK (from_status IN ('prospect', 'onboarding', 'active', 'suspended', 'ended')),
  to_status     text NOT NULL CHECK (to_status IN ('prospect', 'onboarding', 'active', 'suspended', 'ended')),
  reason        text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  moved_by      uuid NOT NULL,
  moved_by_name text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CHECK (from_status <> to_status)
);
COMMENT ON TABLE practice.client_status_change IS 'append-only';
SELECT core.raise_wall('practice.client_status_change', 'append_only');
REVOKE INSERT ON practice.client_status_change FROM backoffice_app;

-- The server's role moves no client by a statement of its own, and takes none on that is suspended or over.
CREATE FUNCTION practice.keep_client_status() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF current_user = 'backoffice_app'
     AND (tg_op = 'INSERT' AND new.status IN ('suspended', 'ended') OR tg_op = 'UPDATE' AND new.status IS DISTINCT FROM old.status) THEN
    RAISE EXCEPTION 'the status of a client is moved' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_status BEFORE INSERT OR UPDATE ON practice.client FOR EACH ROW EXECUTE FUNCTION practice.keep_client_status();
-- What servers remember of rights is over with each move.
CREATE TRIGGER renew_rights AFTER UPDATE ON practice.client
  FOR EACH ROW WHEN (old.status IS DISTINCT FROM new.status) EXECUTE FUNCTION core.renew_rights();

-- What a person may do in one client today: what is granted, less what is denied, and of that what the status of the client
-- leaves. The search path is the caller's: only doors with one of their own call this.
ALTER FUNCTION core.permissions_in(uuid, uuid, text) RENAME TO permissions_granted_in;
CREATE FUNCTION core.permissions_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  granted text[] := core.permissions_granted_in(p_account, p_tenant, p_time_zone);
  stands  text;
BEGIN
  SELECT c.status INTO stands FROM practice.client c WHERE c.tenant_id = p_tenant;
  IF stands IS NULL OR stands NOT IN ('suspended', 'ended') THEN RETURN granted; END IF;
  IF NOT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.staff) THEN RETURN '{}'; END IF;
  RETURN ARRAY (SELECT p FROM unnest(granted) AS p WHERE p LIKE '%.read' OR p IN ('core.export.run', 'practice.client.archive'));
END $$;

-- Programs do not come in either: the doors, which run as the owner, do not find their accounts.
CREATE POLICY standing ON identity.service_account AS RESTRICTIVE TO backoffice_owner
  USING (session_user NOT IN ('backoffice_app', 'backoffice_portfolio', 'backoffice_identity') OR NOT EXISTS (
    SELECT 1 FROM practice.client c WHERE c.tenant_id = service_account.tenant_id AND c.status IN ('suspended', 'ended')));

-- Moves a client; the transaction is the provider's. Verdicts: 'ok'; 'unknown' (no such client, or it is closed); 'other' (it
-- does not stand where the caller thinks); 'way' (nothing leads there from where it stands).
CREATE FUNCTION practice.move_client(p_id uuid, p_client uuid, p_to text, p_reason text, p_expected text, p_request uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor   uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  person  text;
  client  practice.client;
  verdict text := 'ok';
  set_to  text;
BEGIN
  SELECT a.name INTO person FROM identity.account a WHERE a.id = actor;
  PERFORM core.set_tenant(p_client);
  PERFORM core.set_actor(actor, 'user', person, p_request);
  SELECT c.* INTO client FROM practice.client c WHERE c.tenant_id = p_client FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := 'unknown';
  ELSIF client.status <> p_expected THEN
    verdict := 'other';
  ELSIF (client.status, p_to) NOT IN (('prospect', 'onboarding'), ('prospect', 'ended'), ('onboarding', 'active'), ('onboarding', 'ended'),
                                      ('active', 'suspended'), ('active', 'ended'), ('suspended', 'active'), ('suspended', 'ended')) THEN
    verdict := 'way';
  END IF;
  IF verdict = 'ok' THEN
    UPDATE practice.client c SET status = p_to WHERE c.tenant_id = p_client;
    INSERT INTO practice.client_status_change (tenant_id, id, from_status, to_status, reason, moved_by, moved_by_name)
    VALUES (p_client, p_id, client.status, p_to, p_reason, actor, person);
    -- The trail is sealed as long as this client is set: the next field of the operation may be about another.
    SET CONSTRAINTS audit.seal IMMEDIATE;
    SET CONSTRAINTS audit.seal DEFERRED;
  END IF;
  set_to := set_config('app.tenant_id', '', true);
  RETURN verdict;
END $$;
GRANT EXECUTE ON FUNCTION practice.move_client TO backoffice_identity;

UPDATE identity.provider_role SET permissions = permissions || '{practice.client.move}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
