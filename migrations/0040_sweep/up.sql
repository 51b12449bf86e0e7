-- What has been of no use for long goes, a batch at a time: stored answers, failed sign-ins, sessions that are over and
-- their refresh tokens. Books, trail and documents are not touched by this: they have no grant and a trigger.

CREATE INDEX attempt_by_age ON identity.attempt (failed_at);
CREATE INDEX session_by_end ON identity.session ((least(revoked_at, expires_at)));

-- Takes away at most p_most rows of each kind; says how many went, and whether there may be more. One server sweeps at a
-- time; another one is told that there is nothing. The rules about time stand here:
--   answers         7 days
--   failed sign-ins 1 day (they count for a quarter of an hour)
--   sessions        30 days after they ended, with their refresh tokens
-- A refresh token that was used stays as long as its session: if it comes back, the session is ended.
CREATE FUNCTION core.sweep(p_most integer, OUT answers integer, OUT attempts integer, OUT sessions integer, OUT refresh_tokens integer, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  kept_since timestamptz := now() - interval '7 days';
  own integer;
  client uuid;
BEGIN
  answers := 0; attempts := 0; sessions := 0; refresh_tokens := 0; more := false;
  IF p_most NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'a batch has 1 to 1000 rows';
  END IF;
  IF NOT pg_try_advisory_xact_lock(3104210092) THEN RETURN; END IF;

  -- Row security holds for the owner as well: each client's answers are swept as that client.
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    DELETE FROM core.idempotency i
     WHERE i.ctid = ANY (ARRAY (SELECT o.ctid FROM core.idempotency o
                                 WHERE o.tenant_id = client AND o.created_at < kept_since
                                 ORDER BY o.created_at LIMIT p_most - answers FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS own = ROW_COUNT;
    answers := answers + own;
    EXIT WHEN answers >= p_most;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  DELETE FROM core.provider_idempotency i
   WHERE i.ctid = ANY (ARRAY (SELECT o.ctid FROM core.provider_idempotency o WHERE o.created_at < kept_since
                               ORDER BY o.created_at LIMIT p_most - answers FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS own = ROW_COUNT;
  answers := answers + own;

  DELETE FROM identity.attempt a
   WHERE a.ctid = ANY (ARRAY (SELECT o.ctid FROM identity.attempt o WHERE o.failed_at < now() - interval '1 day'
                               ORDER BY o.failed_at LIMIT p_most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS attempts = ROW_COUNT;

  -- A session may have more tokens than a batch has rows: it goes when the last of them has gone.
  DELETE FROM identity.refresh_token r
   WHERE r.ctid = ANY (ARRAY (SELECT o.ctid FROM identity.session s JOIN identity.refresh_token o ON o.session_id = s.id
                               WHERE least(s.revoked_at, s.expires_at) < now() - interval '30 days'
                               LIMIT p_most FOR UPDATE OF o SKIP LOCKED));
  GET DIAGNOSTICS refresh_tokens = ROW_COUNT;
  DELETE FROM identity.session s
   WHERE s.ctid = ANY (ARRAY (SELECT o.ctid FROM identity.session o
                               WHERE least(o.revoked_at, o.expires_at) < now() - interval '30 days'
                                 AND NOT EXISTS (SELECT 1 FROM identity.refresh_token r WHERE r.session_id = o.id)
                               ORDER BY least(o.revoked_at, o.expires_at) LIMIT p_most FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS sessions = ROW_COUNT;
  more := greatest(answers, attempts, refresh_tokens, sessions) >= p_most;
END $$;
GRANT EXECUTE ON FUNCTION core.sweep TO backoffice_identity;
