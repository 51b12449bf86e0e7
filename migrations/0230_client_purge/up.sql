-- What is left of a client that has left: kept until a day, then proposed for purging by one person, confirmed by another, and
-- purged on the command line (`backoffice client purge`), because no role of the server can delete books. What stays is the
-- provider's record of the client's end, with a certificate of what went.

-- contract: the checks hold for columns that this step adds; no server of the release before writes them.
ALTER TABLE practice.client_offboarding
  ADD COLUMN keep_until              date,
  ADD COLUMN purge_reason            text CHECK (length(purge_reason) BETWEEN 1 AND 500),
  ADD COLUMN purge_lifts_holds       boolean,
  ADD COLUMN purge_proposed_by       uuid REFERENCES identity.account,
  ADD COLUMN purge_proposed_by_name  text,
  ADD COLUMN purge_proposed_at       timestamptz,
  ADD COLUMN purge_confirmed_by_name text,
  ADD COLUMN purge_confirmed_at      timestamptz,
  ADD COLUMN purged_at               timestamptz,
  ADD COLUMN certificate             jsonb,
  ADD CONSTRAINT purge_proposed CHECK (num_nonnulls(purge_reason, purge_lifts_holds, purge_proposed_by, purge_proposed_by_name, purge_proposed_at) IN (0, 5)),
  ADD CONSTRAINT purge_confirmed CHECK (num_nonnulls(purge_confirmed_by_name, purge_confirmed_at) IN (0, 2) AND (purge_confirmed_at IS NULL OR purge_proposed_at IS NOT NULL)),
  ADD CONSTRAINT purge_done CHECK (num_nonnulls(purged_at, certificate) IN (0, 2) AND (purged_at IS NULL OR purge_confirmed_at IS NOT NULL));
COMMENT ON COLUMN practice.client_offboarding.keep_until IS 'the last day on which everything is kept; null: the end of the tenth calendar year behind the last day';

-- The last day on which everything of the client is kept. Unless somebody says otherwise, ten calendar years: the longest term
-- of the German Fiscal Code (section 147 (3) and (4) AO) and Commercial Code (section 257 (4) and (5) HGB), which begins with
-- the end of the year.
CREATE FUNCTION practice.kept_until(o practice.client_offboarding) RETURNS date
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT greatest(coalesce(o.keep_until, make_date(extract(year FROM o.last_day)::integer + 10, 12, 31)), o.last_day)
$$;
GRANT EXECUTE ON FUNCTION practice.kept_until TO backoffice_identity;

-- Legal holds of a client that nobody has released; of a client that is closed as well.
CREATE FUNCTION practice.live_holds(p_client uuid) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  before text := coalesce(current_setting('app.tenant_id', true), '');
  found  bigint;
  set_to text;
BEGIN
  PERFORM core.set_tenant(p_client);
  SELECT count(*) INTO found FROM practice.legal_hold h WHERE h.tenant_id = p_client AND h.released_at IS NULL;
  set_to := set_config('app.tenant_id', before, true);
  RETURN found;
END $$;

-- Says until when everything of a client is kept. Whoever changes it takes a proposal back that was made before. Verdicts: 'ok';
-- 'unknown' (no end of the client stands); 'early' (before its last day); 'purged'.
CREATE FUNCTION practice.keep_client(p_client uuid, p_until date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  o practice.client_offboarding;
BEGIN
  SELECT * INTO o FROM practice.client_offboarding c WHERE c.client_id = p_client AND c.withdrawn_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF o.purged_at IS NOT NULL THEN RETURN 'purged'; END IF;
  IF p_until < o.last_day THEN RETURN 'early'; END IF;
  UPDATE practice.client_offboarding c
     SET keep_until = p_until, purge_reason = NULL, purge_lifts_holds = NULL, purge_proposed_by = NULL, purge_proposed_by_name = NULL,
         purge_proposed_at = NULL, purge_confirmed_by_name = NULL, purge_confirmed_at = NULL, updated_at = clock_timestamp()
   WHERE c.id = o.id;
  RETURN 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.keep_client TO backoffice_identity;

-- Whether what is left of a client may go today. Verdicts: 'ok', 'unknown', 'open' (it is not closed yet), 'kept', 'held' (legal
-- holds live, and nobody has said that they are lifted), 'purged'.
CREATE FUNCTION practice.may_be_purged(o practice.client_offboarding, p_lift boolean) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT CASE
    WHEN o.id IS NULL THEN 'unknown'
    WHEN o.purged_at IS NOT NULL THEN 'purged'
    WHEN o.closes_at > now() THEN 'open'
    WHEN (now() AT TIME ZONE o.time_zone)::date <= practice.kept_until(o) THEN 'kept'
    WHEN NOT p_lift AND practice.live_holds(o.client_id) > 0 THEN 'held'
    ELSE 'ok'
  END
$$;

-- Proposes that what is left of a client is purged. Verdicts: those above, and 'proposed' (it is already).
CREATE FUNCTION practice.propose_purge(p_client uuid, p_reason text, p_lift boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor   uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  o       practice.client_offboarding;
  verdict text;
BEGIN
  SELECT * INTO o FROM practice.client_offboarding c WHERE c.client_id = p_client AND c.withdrawn_at IS NULL FOR UPDATE;
  verdict := practice.may_be_purged(o, p_lift);
  IF verdict <> 'ok' THEN RETURN verdict; END IF;
  IF o.purge_proposed_at IS NOT NULL THEN RETURN 'proposed'; END IF;
  UPDATE practice.client_offboarding c
     SET purge_reason = p_reason, purge_lifts_holds = p_lift, purge_proposed_by = actor,
         purge_proposed_by_name = (SELECT a.name FROM identity.account a WHERE a.id = actor), purge_proposed_at = clock_timestamp(),
         updated_at = clock_timestamp()
   WHERE c.id = o.id;
  RETURN 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.propose_purge TO backoffice_identity;

-- Confirms or refuses what was proposed: somebody else does, by no second account of his either. What was confirmed can be
-- refused until it is purged. Verdicts: those above, 'none' (nothing is proposed), 'own' (he has proposed it himself), 'decided'.
CREATE FUNCTION practice.decide_purge(p_client uuid, p_confirm boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor   uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  o       practice.client_offboarding;
  verdict text;
BEGIN
  SELECT * INTO o FROM practice.client_offboarding c WHERE c.client_id = p_client AND c.withdrawn_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF o.purged_at IS NOT NULL THEN RETURN 'purged'; END IF;
  IF o.purge_proposed_at IS NULL THEN RETURN 'none'; END IF;
  IF NOT p_confirm THEN
    UPDATE practice.client_offboarding c
       SET purge_reason = NULL, purge_lifts_holds = NULL, purge_proposed_by = NULL, purge_proposed_by_name = NULL, purge_proposed_at = NULL,
           purge_confirmed_by_name = NULL, purge_confirmed_at = NULL, updated_at = clock_timestamp()
     WHERE c.id = o.id;
    RETURN 'ok';
  END IF;
  IF o.purge_confirmed_at IS NOT NULL THEN RETURN 'decided'; END IF;
  IF actor IS NULL OR practice.same_person(actor, o.purge_proposed_by) THEN RETURN 'own'; END IF;
  verdict := practice.may_be_purged(o, o.purge_lifts_holds);
  IF verdict <> 'ok' THEN RETURN verdict; END IF;
  UPDATE practice.client_offboarding c
     SET purge_confirmed_by_name = (SELECT a.name FROM identity.account a WHERE a.id = actor), purge_confirmed_at = clock_timestamp(),
         updated_at = clock_timestamp()
   WHERE c.id = o.id;
  RETURN 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.decide_purge TO backoffice_identity;

UPDATE identity.provider_role SET permissions = permissions || '{practice.client.purge}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
