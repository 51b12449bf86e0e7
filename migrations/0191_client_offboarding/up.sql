-- The end of a client: announced with its last day, changed or withdrawn before that is over, and then every access ends
-- by itself, at 24:00 of the client's zone. No job has to come in time for it and no door is told: the client's own row is
-- not there any more for the server, as if there had never been such a client, and every door looks for that row.

ALTER TABLE practice.client ADD COLUMN closes_at timestamptz;
COMMENT ON COLUMN practice.client.closes_at IS 'from when on the server does not know the client any more: 24:00 of its last day in its zone; null: no end was announced';

-- Those who work on the command line, as the owner, still see it: to check, to take its archive, to purge it.
CREATE POLICY open ON practice.client AS RESTRICTIVE
  USING (closes_at IS NULL OR closes_at > now() OR session_user NOT IN ('backoffice_app', 'backoffice_portfolio', 'backoffice_identity'));

-- Without a client there is no time zone, and without that there are no rights in it: not by provider roles either.
ALTER FUNCTION core.permissions_in(uuid, uuid, text) STRICT;

-- The provider's record of it, which stays when the client does not.
CREATE TABLE practice.client_offboarding (
  id           uuid PRIMARY KEY,
  client_id    uuid NOT NULL,
  client_name  text NOT NULL,
  time_zone    text NOT NULL,
  last_day     date NOT NULL,
  closes_at    timestamptz NOT NULL,
  reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  announced_by text NOT NULL,
  withdrawn_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.client_offboarding IS 'local: which clients leave or have left, when and why';
CREATE UNIQUE INDEX client_offboarding_standing ON practice.client_offboarding (client_id) WHERE withdrawn_at IS NULL;
GRANT SELECT ON practice.client_offboarding TO backoffice_identity;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON practice.client_offboarding
  FOR EACH ROW EXECUTE FUNCTION identity.note_for_provider();
INSERT INTO core.archive_exception (table_name, reason) VALUES
  ('practice.client_offboarding', 'The provider''s own record of the client''s end; another provider begins with the client.');

-- Announces the end of a client, or changes what was announced; the transaction is the provider's. Verdicts: 'ok'; 'unknown'
-- (no such client, or it is closed); 'past' (the last day is before today in the client's zone); 'announced' (an end
-- stands already, and this is no change); 'none' (nothing stands that could be changed).
CREATE FUNCTION practice.announce_end(p_id uuid, p_client uuid, p_last_day date, p_reason text, p_change boolean, p_request uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor   uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  person  text;
  client  practice.client;
  closing timestamptz;
  verdict text := 'ok';
  set_to  text;
BEGIN
  SELECT a.name INTO person FROM identity.account a WHERE a.id = actor;
  PERFORM core.set_tenant(p_client);
  PERFORM core.set_actor(actor, 'user', person, p_request);
  SELECT c.* INTO client FROM practice.client c WHERE c.tenant_id = p_client FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := 'unknown';
  ELSIF (client.closes_at IS NOT NULL) <> p_change THEN
    verdict := CASE WHEN p_change THEN 'none' ELSE 'announced' END;
  ELSIF p_last_day < (now() AT TIME ZONE client.time_zone)::date THEN
    verdict := 'past';
  END IF;
  IF verdict <> 'ok' THEN
    set_to := set_config('app.tenant_id', '', true);
    RETURN verdict;
  END IF;
  closing := (p_last_day + 1)::timestamp AT TIME ZONE client.time_zone;
  UPDATE practice.client c SET closes_at = closing WHERE c.tenant_id = p_client;
  IF p_change THEN
    UPDATE practice.client_offboarding o
       SET last_day = p_last_day, closes_at = closing, reason = p_reason, announced_by = person, updated_at = clock_timestamp()
     WHERE o.client_id = p_client AND o.withdrawn_at IS NULL;
  ELSE
    INSERT INTO practice.client_offboarding (id, client_id, client_name, time_zone, last_day, closes_at, reason, announced_by)
    VALUES (p_id, p_client, client.name, client.time_zone, p_last_day, closing, p_reason, person);
  END IF;
  -- The trail is sealed as long as this client is set: the next field of the operation may be about another.
  SET CONSTRAINTS audit.seal IMMEDIATE;
  SET CONSTRAINTS audit.seal DEFERRED;
  set_to := set_config('app.tenant_id', '', true);
  RETURN verdict;
END $$;
GRANT EXECUTE ON FUNCTION practice.announce_end TO backoffice_identity;

-- Takes the announced end of a client back, as long as its last day is not over. Verdicts: 'ok', 'unknown', 'none'.
CREATE FUNCTION practice.withdraw_end(p_client uuid, p_request uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor  uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  client practice.client;
  verdict text := 'ok';
  set_to text;
BEGIN
  PERFORM core.set_tenant(p_client);
  PERFORM core.set_actor(actor, 'user', (SELECT a.name FROM identity.account a WHERE a.id = actor), p_request);
  SELECT c.* INTO client FROM practice.client c WHERE c.tenant_id = p_client FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := 'unknown';
  ELSIF client.closes_at IS NULL THEN
    verdict := 'none';
  END IF;
  IF verdict <> 'ok' THEN
    set_to := set_config('app.tenant_id', '', true);
    RETURN verdict;
  END IF;
  UPDATE practice.client c SET closes_at = NULL WHERE c.tenant_id = p_client;
  UPDATE practice.client_offboarding o SET withdrawn_at = now(), updated_at = clock_timestamp()
   WHERE o.client_id = p_client AND o.withdrawn_at IS NULL;
  SET CONSTRAINTS audit.seal IMMEDIATE;
  SET CONSTRAINTS audit.seal DEFERRED;
  set_to := set_config('app.tenant_id', '', true);
  RETURN verdict;
END $$;
GRANT EXECUTE ON FUNCTION practice.withdraw_end TO backoffice_identity;

-- What is still open at a client that leaves, each figure with what it counts; nothing of a client that is closed.
CREATE FUNCTION practice.open_at_end(p_client uuid) RETURNS TABLE (kind text, count bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  set_to text;
BEGIN
  set_to := core.set_tenant(p_client);
  IF EXISTS (SELECT 1 FROM practice.client c WHERE c.tenant_id = p_client) THEN
    RETURN QUERY
      SELECT 'work_item', count(*) FROM practice.work_item w WHERE w.tenant_id = p_client AND w.closed_at IS NULL
      UNION ALL SELECT 'draft_invoice', count(*) FROM finance.invoice d WHERE d.tenant_id = p_client AND d.status = 'draft'
      UNION ALL SELECT 'draft_bill', count(*) FROM finance.bill d WHERE d.tenant_id = p_client AND d.status = 'draft'
      UNION ALL SELECT 'unmatched_bank_line', count(*) FROM finance.bank_line l WHERE l.tenant_id = p_client AND NOT l.matched
      UNION ALL SELECT 'open_item', count(*) FROM finance.open_item i WHERE i.tenant_id = p_client AND i.open_amount <> 0
      UNION ALL SELECT 'running_clock', count(*) FROM core.clock k WHERE k.tenant_id = p_client AND k.stopped_at IS NULL
      UNION ALL SELECT 'legal_hold', count(*) FROM practice.legal_hold h WHERE h.tenant_id = p_client AND h.released_at IS NULL;
  END IF;
  set_to := set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION practice.open_at_end TO backoffice_identity;

-- The newest archive of a client that is still there, and how many changes stand in the client's trail since it was begun, its
-- own file and those of other exports aside. Also of a client that is closed.
CREATE FUNCTION practice.archive_taken(p_client uuid) RETURNS TABLE (taken_at timestamptz, changes_since bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  set_to text;
BEGIN
  set_to := core.set_tenant(p_client);
  RETURN QUERY
    SELECT f.created_at,
           (SELECT count(*) FROM audit.entry e
             WHERE e.tenant_id = p_client AND e.occurred_at > f.created_at
               AND NOT (e.table_name = 'core.file' AND coalesce(e.after, e.before) ->> 'purpose' = 'export'))
      FROM core.file f
     WHERE f.tenant_id = p_client AND f.purpose = 'export' AND f.state = 'ready' AND f.rights @> '{practice.client.archive}'
     ORDER BY f.created_at DESC LIMIT 1;
  set_to := set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION practice.archive_taken TO backoffice_identity;

-- Nobody is granted anything beyond the last day: a grant without an end gets that one, one with a later end is refused.
CREATE FUNCTION identity.grant_ends_with_client() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client practice.client;
  through date;
BEGIN
  IF tg_op = 'UPDATE' AND new.valid_until IS NOT DISTINCT FROM old.valid_until THEN RETURN new; END IF;
  SELECT c.* INTO client FROM practice.client c WHERE c.tenant_id = new.tenant_id;
  IF client.closes_at IS NULL THEN RETURN new; END IF;
  through := ((client.closes_at AT TIME ZONE client.time_zone) - interval '1 day')::date;
  IF new.valid_until > through OR new.valid_from > through THEN
    RAISE EXCEPTION 'the client leaves before' USING ERRCODE = 'BO061', CONSTRAINT = 'BO061';
  END IF;
  new.valid_until := coalesce(new.valid_until, through);
  RETURN new;
END $$;
CREATE TRIGGER ends_with_client BEFORE INSERT OR UPDATE ON identity.access_grant
  FOR EACH ROW EXECUTE FUNCTION identity.grant_ends_with_client();

-- What runs without anybody asking finds its place no more: deliveries of webhooks, schedules.
ALTER TABLE core.webhook_lane ENABLE ROW LEVEL SECURITY;
ALTER TABLE core.webhook_lane FORCE ROW LEVEL SECURITY;
CREATE POLICY open ON core.webhook_lane USING (NOT EXISTS (
  SELECT 1 FROM practice.client_offboarding o WHERE o.client_id = webhook_lane.client_id AND o.withdrawn_at IS NULL AND o.closes_at <= now()));
ALTER TABLE core.schedule_queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE core.schedule_queue FORCE ROW LEVEL SECURITY;
CREATE POLICY open ON core.schedule_queue USING (client_id IS NULL OR NOT EXISTS (
  SELECT 1 FROM practice.client_offboarding o WHERE o.client_id = schedule_queue.client_id AND o.withdrawn_at IS NULL AND o.closes_at <= now()));

-- What follows the rows of a client that were just loaded, as changes on its record. Nobody who had access where they come
-- from has it here, and nothing runs by itself: who comes in, and what goes on, is decided at this server. p_missing: files
-- whose bytes did not come along. For the owner only.
CREATE FUNCTION core.settle_loaded(p_tenant uuid, p_missing uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.set_tenant(p_tenant);
  PERFORM set_config('app.actor_kind', 'system', true);
  PERFORM set_config('app.actor_name', 'Loading of an archive', true);
  UPDATE practice.client c SET closes_at = NULL WHERE c.tenant_id = p_tenant AND c.closes_at IS NOT NULL;
  UPDATE identity.access_grant g SET ended_at = now() WHERE g.tenant_id = p_tenant AND g.ended_at IS NULL;
  UPDATE identity.invitation i SET revoked_at = now() WHERE i.tenant_id = p_tenant AND i.accepted_at IS NULL AND i.revoked_at IS NULL;
  UPDATE identity.service_account s SET revoked_at = now() WHERE s.tenant_id = p_tenant AND s.revoked_at IS NULL;
  UPDATE identity.identity_provider p SET state = 'disabled', required = false WHERE p.tenant_id = p_tenant AND p.state = 'enabled';
  UPDATE core.webhook_endpoint e SET state = 'paused', paused_for = 'asked', paused_at = now() WHERE e.tenant_id = p_tenant AND e.state = 'active';
  INSERT INTO core.webhook_lane (client_id, endpoint_id, active, position)
  SELECT p_tenant, e.id, false, coalesce((SELECT h.position FROM core.event_head h WHERE h.tenant_id = p_tenant), 0)
    FROM core.webhook_endpoint e WHERE e.tenant_id = p_tenant AND e.state <> 'deleted';
  UPDATE practice.document_share s SET revoked_at = now() WHERE s.tenant_id = p_tenant AND s.revoked_at IS NULL;
  UPDATE practice.appointment_feed f SET revoked_at = now() WHERE f.tenant_id = p_tenant AND f.revoked_at IS NULL;
  UPDATE practice.rule r SET armed = NULL, armed_by = NULL, armed_at = NULL, blocked_for = NULL WHERE r.tenant_id = p_tenant AND r.armed IS NOT NULL;
  UPDATE practice.correspondence_mail m SET state = 'given_up', problem = 'It had not been sent when the archive was taken.'
   WHERE m.tenant_id = p_tenant AND m.state = 'queued';
  INSERT INTO core.clock_watch (clock_id, client_id, due_at, told_at)
  SELECT c.id, c.tenant_id, CASE WHEN c.state = 'running' THEN c.due_at ELSE c.breached_at END, CASE WHEN c.due_at < now() THEN now() END
    FROM core.clock c WHERE c.tenant_id = p_tenant;
  PERFORM practice.index_document(p_tenant, d.id) FROM practice.document d WHERE d.tenant_id = p_tenant;
  UPDATE core.schedule s SET paused_at = now() WHERE s.tenant_id = p_tenant AND s.paused_at IS NULL;
  INSERT INTO core.schedule_turn (tenant_id, schedule_id) SELECT p_tenant, s.id FROM core.schedule s WHERE s.tenant_id = p_tenant;
  UPDATE core.file f SET state = 'refused', refused_for = 'Its check was not over when the archive was taken.', removed_at = now()
   WHERE f.tenant_id = p_tenant AND f.state = 'quarantined' AND f.deleted_at IS NULL;
  UPDATE core.file f SET removed_at = now()
   WHERE f.tenant_id = p_tenant AND f.state = 'ready' AND f.removed_at IS NULL AND (f.purpose = 'export' OR f.id = ANY (p_missing));
  INSERT INTO core.client_edge (client_id, portal_origins, only_persisted_documents)
  SELECT p_tenant, c.portal_origins, c.only_persisted_documents FROM practice.client c WHERE c.tenant_id = p_tenant
  ON CONFLICT (client_id) DO UPDATE
     SET portal_origins = excluded.portal_origins, only_persisted_documents = excluded.only_persisted_documents, changed_at = clock_timestamp();
END $$;

UPDATE identity.provider_role SET permissions = permissions || '{practice.client.offboard}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
