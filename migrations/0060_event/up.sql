-- What happened at a client, for those who follow it from outside: subscribers, webhooks, integrations that catch up.
-- An event names a record and what became of it; what the record says is read from the record, with its right.

-- The last position of each client's events. Whoever emits takes positions from this row and keeps it locked until the
-- end of his transaction, so the next one is given only behind a commit: positions rise in the order of commits, a
-- rollback gives its own back, and nobody who sees a position can ever find an earlier one later.
CREATE TABLE core.event_head (
  tenant_id uuid NOT NULL,
  position  bigint NOT NULL CHECK (position > 0),
  PRIMARY KEY (tenant_id)
);
COMMENT ON TABLE core.event_head IS 'derived; unaudited: the newest position of each client''s events';
SELECT core.raise_wall('core.event_head', 'derived');

CREATE TABLE core.event (
  tenant_id   uuid NOT NULL,
  position    bigint NOT NULL CHECK (position > 0),
  id          uuid NOT NULL,
  kind        text NOT NULL CHECK (kind ~ '^[a-z_]+\.[a-z_]+$'),
  node_type   text NOT NULL CHECK (node_type ~ '^[A-Z][A-Za-z]+$'),
  node_id     uuid NOT NULL,
  actor_kind  text NOT NULL CHECK (actor_kind IN ('user', 'service', 'system', 'database')),
  actor_id    uuid,
  request_id  uuid,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, position),
  UNIQUE (tenant_id, id)
);
COMMENT ON TABLE core.event IS 'append-only; unaudited: tells of changes that stand in the trail';
CREATE INDEX event_by_kind ON core.event (tenant_id, kind, position);
SELECT core.raise_wall('core.event', 'derived');
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON core.event FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON core.event EXECUTE FUNCTION core.refuse_change();

-- Writes the events of this transaction, in their order, at the positions behind the client's last. The server sends it
-- together with COMMIT, so that writers of one client wait for each other no longer than a commit takes.
CREATE FUNCTION core.emit(p_ids uuid[], p_kinds text[], p_types text[], p_nodes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  before bigint;
BEGIN
  INSERT INTO core.event_head AS h (tenant_id, position) VALUES (tenant, cardinality(p_ids))
  ON CONFLICT (tenant_id) DO UPDATE SET position = h.position + cardinality(p_ids)
  RETURNING h.position - cardinality(p_ids) INTO before;
  INSERT INTO core.event (tenant_id, position, id, kind, node_type, node_id, actor_kind, actor_id, request_id, occurred_at)
  SELECT tenant, before + n.place, n.id, n.kind, n.node_type, n.node_id,
         coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database'),
         nullif(current_setting('app.actor_id', true), '')::uuid,
         nullif(current_setting('app.request_id', true), '')::uuid, clock_timestamp()
    FROM unnest(p_ids, p_kinds, p_types, p_nodes) WITH ORDINALITY AS n (id, kind, node_type, node_id, place);
END $$;
GRANT EXECUTE ON FUNCTION core.emit TO backoffice_app;

-- As before, and tells of it: the invitation was accepted, and its grant given.
CREATE OR REPLACE FUNCTION identity.accept_invitation(p_tenant uuid, p_secret_hash bytea, p_proven uuid, p_account uuid, p_grant uuid, p_password_hash text, p_request uuid,
  OUT verdict text, OUT account_id uuid, OUT email text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  invited identity.invitation;
  zone text;
BEGIN
  verdict := 'unknown';
  PERFORM core.set_tenant(p_tenant);
  SELECT i.* INTO invited FROM identity.invitation i
   WHERE i.tenant_id = p_tenant AND i.secret_hash = p_secret_hash AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
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
  PERFORM core.emit(ARRAY[gen_random_uuid(), gen_random_uuid()], ARRAY['invitation.accepted', 'grant.given'],
                    ARRAY['Invitation', 'Grant'], ARRAY[invited.id, p_grant]);
END $$;
