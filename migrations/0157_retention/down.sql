DELETE FROM core.record_type WHERE node_type IN ('LegalHold', 'RetentionSchedule', 'Disposal');
SELECT core.know_record_types();
DROP FUNCTION practice.document_purged;
DROP TABLE practice.disposal;
DROP FUNCTION practice.disposal_stays;
DROP TABLE practice.retention_schedule;
DROP FUNCTION practice.schedule_stays;
CREATE OR REPLACE FUNCTION core.raise_wall(walled regclass, nature text, portfolio boolean DEFAULT false, secrets text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  arguments text;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', walled);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', walled);
  EXECUTE format($policy$CREATE POLICY tenant ON %s USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)$policy$, walled);
  IF portfolio THEN
    -- a sub-select, unlike the policy above: the list is read once a statement instead of once a row
    EXECUTE format($policy$CREATE POLICY portfolio ON %s FOR SELECT TO backoffice_portfolio
      USING (tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[]))$policy$, walled);
    EXECUTE format('GRANT SELECT ON %s TO backoffice_portfolio', walled);
  END IF;
  EXECUTE format('GRANT SELECT ON %s TO backoffice_app', walled);
  CASE nature
    WHEN 'mutable', 'unaudited' THEN
      EXECUTE format('GRANT INSERT, UPDATE ON %s TO backoffice_app', walled);
    WHEN 'deletable' THEN
      EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO backoffice_app', walled);
    WHEN 'append_only' THEN
      EXECUTE format('GRANT INSERT ON %s TO backoffice_app', walled);
      EXECUTE format('CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION core.refuse_change()', walled);
      EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s EXECUTE FUNCTION core.refuse_change()', walled);
    WHEN 'derived' THEN
      NULL;
    ELSE
      RAISE EXCEPTION 'unknown nature %', nature;
  END CASE;
  IF nature IN ('mutable', 'deletable') THEN
    EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION core.touch()', walled);
  END IF;
  IF nature IN ('mutable', 'deletable', 'append_only') THEN
    SELECT string_agg(quote_literal(a), ', ') INTO arguments FROM unnest(array_prepend(walled::text, secrets)) AS a;
    EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.record(%s)', walled, arguments);
  END IF;
END $$;
CREATE OR REPLACE FUNCTION core.files_due(p_most integer) RETURNS TABLE (tenant_id uuid, id uuid, object_key text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  left_over integer := p_most;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR tenant_id, id, object_key IN
      SELECT f.tenant_id, f.id, f.object_key FROM core.file f
       WHERE f.tenant_id = client AND f.removed_at IS NULL
         AND (f.deleted_at IS NOT NULL
              OR (f.expires_at < now() AND (f.state = 'ready' OR (f.state = 'pending' AND f.expires_at < now() - interval '1 hour'))))
       ORDER BY coalesce(f.deleted_at, f.expires_at) LIMIT left_over
    LOOP
      left_over := left_over - 1;
      RETURN NEXT;
    END LOOP;
    EXIT WHEN left_over <= 0;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
DO $$
DECLARE
  guarded record;
BEGIN
  FOR guarded IN SELECT t.tgrelid::regclass AS home, t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                  WHERE p.pronamespace = 'practice'::regnamespace
                    AND p.proname IN ('expect_not_held', 'expect_document_not_held', 'expect_folder_stays') LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', guarded.tgname, guarded.home);
  END LOOP;
END $$;
DROP FUNCTION practice.guard_by_holds;
DROP FUNCTION practice.expect_folder_stays;
DROP FUNCTION practice.expect_document_not_held;
DROP FUNCTION practice.expect_not_held;
DROP FUNCTION practice.lock_holds;
DROP FUNCTION practice.document_held;
DROP FUNCTION practice.folders_above;
DROP FUNCTION practice.is_held;
DROP TABLE practice.legal_hold_item;
DROP TABLE practice.legal_hold;
DROP FUNCTION practice.hold_stays;
