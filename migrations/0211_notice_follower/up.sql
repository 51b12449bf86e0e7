-- How far the events of each client were looked at by the loop that tells those who watch. It is moved on in the transaction
-- that tells.
CREATE TABLE core.notice_lane (
  client_id uuid PRIMARY KEY,
  position  bigint NOT NULL
);
COMMENT ON TABLE core.notice_lane IS 'local: how far the events of each client were looked at for notices; reached by functions only';
INSERT INTO core.archive_exception (table_name, reason) VALUES
  ('core.notice_lane', 'How far one server has looked at events for notices: the other begins with what happens there.');

-- Begins where the events of a client stand now: whoever watches from now on is told of what happens from now on. A client
-- that was loaded from an archive begins behind its last event, of which everybody was told elsewhere.
CREATE FUNCTION core.notice_lane_begin(p_client uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO core.notice_lane (client_id, position)
  SELECT p_client, coalesce((SELECT h.position FROM core.event_head h WHERE h.tenant_id = p_client), 0)
   WHERE NOT EXISTS (SELECT 1 FROM core.notice_lane l WHERE l.client_id = p_client)
  ON CONFLICT DO NOTHING
$$;
CREATE FUNCTION core.begin_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.notice_lane_begin(new.tenant_id);
  RETURN NULL;
END $$;
-- Only clients in which somebody watches or a clock runs are looked at.
CREATE TRIGGER begin_notices AFTER INSERT ON practice.record_watch FOR EACH ROW EXECUTE FUNCTION core.begin_notices();
CREATE TRIGGER begin_notices AFTER INSERT ON core.clock FOR EACH ROW EXECUTE FUNCTION core.begin_notices();

-- The clients that have events of which nobody was told yet. A client that is closed to the server is not looked at. p_begin:
-- looks for clients in which somebody watches and where nobody has begun yet, as one that was loaded from an archive.
CREATE FUNCTION core.notices_due(p_begin boolean) RETURNS TABLE (client_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  lane   core.notice_lane;
BEGIN
  IF p_begin THEN
    FOR client IN SELECT t.id FROM core.tenant t WHERE NOT EXISTS (SELECT 1 FROM core.notice_lane l WHERE l.client_id = t.id) LOOP
      PERFORM core.set_tenant(client);
      IF EXISTS (SELECT 1 FROM practice.record_watch w WHERE w.tenant_id = client)
         OR EXISTS (SELECT 1 FROM core.clock c WHERE c.tenant_id = client AND c.state <> 'stopped') THEN
        PERFORM core.notice_lane_begin(client);
      END IF;
    END LOOP;
  END IF;
  FOR lane IN SELECT l.* FROM core.notice_lane l LOOP
    PERFORM core.set_tenant(lane.client_id);
    IF EXISTS (SELECT 1 FROM core.event_head h WHERE h.tenant_id = lane.client_id AND h.position > lane.position)
       AND EXISTS (SELECT 1 FROM practice.client c WHERE c.tenant_id = lane.client_id) THEN
      client_id := lane.client_id;
      RETURN NEXT;
    END IF;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.notices_due TO backoffice_identity;

-- Tells of the next events of a client, at most p_most, and moves its place on. p_kinds: what is told of; p_types and p_rights:
-- every type of record and the right to read it. Nobody is told of what he did, what he has muted or does not see. False:
-- there is nothing to tell of, or somebody else does. What happened before somebody watched he is not told.
CREATE FUNCTION core.notices_follow(p_client uuid, p_kinds text[], p_types text[], p_rights text[], p_most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  at    bigint;
  seen  bigint;
  e     core.event;
  timed core.clock;
BEGIN
  SELECT l.position INTO at FROM core.notice_lane l WHERE l.client_id = p_client FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM core.set_tenant(p_client);
  PERFORM 1 FROM practice.client c WHERE c.tenant_id = p_client;
  IF FOUND THEN
    FOR e IN SELECT v.* FROM core.event v WHERE v.tenant_id = p_client AND v.position > at ORDER BY v.position LIMIT p_most LOOP
      seen := e.position;
      CONTINUE WHEN e.kind <> ALL (p_kinds);
      IF e.kind = 'clock.breached' THEN
        -- First whoever watches or does the record that the clock runs on, then whoever watches the clock alone.
        SELECT c.* INTO timed FROM core.clock c WHERE c.tenant_id = p_client AND c.id = e.node_id;
        CONTINUE WHEN NOT FOUND;
        INSERT INTO practice.notice (tenant_id, id, account_id, record_type, record_id, cause, event_id, event_kind, actor_name)
        SELECT p_client, core.new_id(), p.account_id, timed.node_type, timed.node_id, 'breached', e.id, e.kind, timed.name
          FROM (SELECT w.account_id FROM practice.record_watch w
                 WHERE w.tenant_id = p_client AND w.record_id = timed.node_id AND w.record_type = timed.node_type AND w.created_at <= e.occurred_at
                UNION
                SELECT i.assignee_id FROM practice.work_item i
                 WHERE i.tenant_id = p_client AND i.id = timed.node_id AND i.assignee_id IS NOT NULL) p
          JOIN unnest(p_types, p_rights) AS t (name, needed) ON t.name = timed.node_type
         WHERE NOT EXISTS (SELECT 1 FROM practice.record_watch m
                            WHERE m.tenant_id = p_client AND m.record_id = timed.node_id AND m.account_id = p.account_id AND m.muted)
           AND practice.sight_of(p.account_id, ARRAY[t.name], ARRAY[t.needed], timed.node_id, '{work.clock.read}', false) IS NOT NULL
        ON CONFLICT DO NOTHING;
      END IF;
      INSERT INTO practice.notice (tenant_id, id, account_id, record_type, record_id, cause, event_id, event_kind, actor_name)
      SELECT p_client, core.new_id(), w.account_id, w.record_type, w.record_id,
             CASE e.kind WHEN 'clock.breached' THEN 'breached' ELSE 'happened' END, e.id, e.kind,
             coalesce((SELECT a.name FROM identity.account a WHERE a.id = e.actor_id),
                      (SELECT s.name FROM identity.service_account s WHERE s.tenant_id = p_client AND s.id = e.actor_id), '')
        FROM practice.record_watch w
        JOIN unnest(p_types, p_rights) AS t (name, needed) ON t.name = w.record_type
       WHERE w.tenant_id = p_client AND w.record_id = e.node_id AND w.record_type = e.node_type AND NOT w.muted
         AND w.account_id IS DISTINCT FROM e.actor_id AND w.created_at <= e.occurred_at
         AND practice.sight_of(w.account_id, ARRAY[t.name], ARRAY[t.needed], e.node_id, '{}', false) IS NOT NULL
      ON CONFLICT DO NOTHING;
    END LOOP;
  END IF;
  IF seen IS NOT NULL THEN
    UPDATE core.notice_lane l SET position = seen WHERE l.client_id = p_client;
  END IF;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN seen IS NOT NULL;
END $$;
GRANT EXECUTE ON FUNCTION core.notices_follow TO backoffice_identity;
