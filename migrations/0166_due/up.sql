-- When a work item is due, and why: by working days, by business hours, or by a clock that runs on it; and clocks that go
-- over their target are told of, once.

ALTER TABLE practice.work_item ADD COLUMN due_at timestamptz;
ALTER TABLE practice.work_item ADD COLUMN due_basis jsonb;
ALTER TABLE practice.work_item ADD COLUMN due_clock_id uuid;
COMMENT ON COLUMN practice.work_item.due_at IS 'the instant, where it is due by business hours or by a clock';
COMMENT ON COLUMN practice.work_item.due_basis IS 'how the day was computed, as the calendar was then; null: somebody said it, or its clock says it';
COMMENT ON COLUMN practice.work_item.due_clock_id IS 'the clock that it is due by: while that is paused, it is due on no day';
ALTER TABLE practice.work_item ADD CONSTRAINT work_item_due_clock FOREIGN KEY (tenant_id, due_clock_id) REFERENCES core.clock (tenant_id, id);
CREATE INDEX work_item_by_clock ON practice.work_item (tenant_id, due_clock_id) WHERE due_clock_id IS NOT NULL;

-- An item that is due by a clock is due when the clock is, whatever moves that.
CREATE FUNCTION practice.clock_moves_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  UPDATE practice.work_item i SET due_at = new.due_at, due_on = (new.due_at AT TIME ZONE c.time_zone)::date
    FROM practice.client c
   WHERE c.tenant_id = new.tenant_id AND i.tenant_id = new.tenant_id AND i.due_clock_id = new.id AND i.closed_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER moves_item AFTER UPDATE ON core.clock
  FOR EACH ROW WHEN (old.due_at IS DISTINCT FROM new.due_at) EXECUTE FUNCTION practice.clock_moves_item();

------------------------------------------------------------------------------------------------------------ breaches
CREATE TABLE core.clock_watch (
  clock_id  uuid PRIMARY KEY,
  client_id uuid NOT NULL REFERENCES core.tenant (id),
  due_at    timestamptz,
  told_at   timestamptz
);
COMMENT ON TABLE core.clock_watch IS 'local: when which clock is due, and when it was told that it went over';
CREATE INDEX clock_watch_by_due ON core.clock_watch (due_at) WHERE told_at IS NULL AND due_at IS NOT NULL;
CREATE INDEX clock_watch_by_client ON core.clock_watch (client_id);

-- Of a clock that runs: when it is due. Of one that went over before it was paused or stopped: then.
CREATE FUNCTION core.watch_clock() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO core.clock_watch AS w (clock_id, client_id, due_at)
  VALUES (new.id, new.tenant_id, CASE WHEN new.state = 'running' THEN new.due_at ELSE new.breached_at END)
  ON CONFLICT (clock_id) DO UPDATE SET due_at = excluded.due_at WHERE w.due_at IS DISTINCT FROM excluded.due_at;
  RETURN NULL;
END $$;
CREATE TRIGGER watch_clock AFTER INSERT OR UPDATE ON core.clock FOR EACH ROW EXECUTE FUNCTION core.watch_clock();

-- Tells of the clock that has been over for longest, under that id. False if none is.
CREATE FUNCTION core.tell_breach(p_event uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  w core.clock_watch;
BEGIN
  SELECT c.* INTO w FROM core.clock_watch c
   WHERE c.told_at IS NULL AND c.due_at <= clock_timestamp() ORDER BY c.due_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE core.clock_watch c SET told_at = clock_timestamp() WHERE c.clock_id = w.clock_id;
  PERFORM core.set_tenant(w.client_id);
  PERFORM set_config('app.actor_kind', 'system', true);
  PERFORM set_config('app.actor_name', 'Clocks', true);
  PERFORM core.emit(ARRAY[p_event], ARRAY['clock.breached'], ARRAY['Clock'], ARRAY[w.clock_id]);
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION core.tell_breach TO backoffice_identity;

-- Clocks that are there already: what went over before today is no news.
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    INSERT INTO core.clock_watch (clock_id, client_id, due_at, told_at)
    SELECT c.id, c.tenant_id, CASE WHEN c.state = 'running' THEN c.due_at ELSE c.breached_at END,
           CASE WHEN c.due_at < now() THEN now() END
      FROM core.clock c WHERE c.tenant_id = client;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
