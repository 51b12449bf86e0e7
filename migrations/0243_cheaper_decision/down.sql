DROP TRIGGER seal ON audit.entry;
CREATE CONSTRAINT TRIGGER seal AFTER INSERT ON audit.entry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION audit.seal();

CREATE OR REPLACE FUNCTION core.know_record_types()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path = pg_catalog
AS $function$
DECLARE
  known text;
BEGIN
  SELECT string_agg(format(E'    WHEN %L THEN SELECT r.version INTO found FROM %s r WHERE r.tenant_id = p_tenant AND r.id = p_node;\n',
                           node_type, home), '' ORDER BY node_type)
    INTO known FROM core.record_type;
  EXECUTE format($f$
CREATE OR REPLACE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS %L$f$, format($f$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'Client' THEN SELECT r.version INTO found FROM practice.client r WHERE r.tenant_id = p_tenant;
%s    ELSE NULL;
  END CASE;
  RETURN found;
END $f$, known));
END $function$;
CREATE OR REPLACE FUNCTION core.emit(p_ids uuid[], p_kinds text[], p_types text[], p_nodes uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path = pg_catalog
AS $function$
DECLARE
  versions integer[];
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  before bigint;
BEGIN
  -- Before the place behind the last is taken: others wait only for what has to be done in it.
  versions := ARRAY (SELECT core.version_of(tenant, n.node_type, n.node_id)
                       FROM unnest(p_types, p_nodes) WITH ORDINALITY AS n (node_type, node_id, place) ORDER BY n.place);
  INSERT INTO core.event_head AS h (tenant_id, position) VALUES (tenant, cardinality(p_ids))
  ON CONFLICT (tenant_id) DO UPDATE SET position = h.position + cardinality(p_ids)
  RETURNING h.position - cardinality(p_ids) INTO before;
  INSERT INTO core.event (tenant_id, position, id, kind, node_type, node_id, actor_kind, actor_id, request_id, occurred_at, version, change_id, depth)
  SELECT tenant, before + n.place, n.id, n.kind, n.node_type, n.node_id,
         coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database'),
         nullif(current_setting('app.actor_id', true), '')::uuid,
         nullif(current_setting('app.request_id', true), '')::uuid, clock_timestamp(), versions[n.place],
         nullif(current_setting('audit.change_id', true), '')::uuid,
         coalesce(nullif(current_setting('app.rule_depth', true), '')::integer, 0)
    FROM unnest(p_ids, p_kinds, p_types, p_nodes) WITH ORDINALITY AS n (id, kind, node_type, node_id, place);
END $function$;
CREATE OR REPLACE FUNCTION audit.record()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path = pg_catalog
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  change    text := nullif(current_setting('audit.change_id', true), '');
  kind      text := coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database');
  old_image jsonb;
  new_image jsonb;
  secret    text;
BEGIN
  IF change IS NULL THEN
    change := set_config('audit.change_id', gen_random_uuid()::text, true);
  END IF;
  IF tg_op <> 'INSERT' THEN old_image := to_jsonb(old); END IF;
  IF tg_op <> 'DELETE' THEN new_image := to_jsonb(new); END IF;
  FOR i IN 1 .. tg_nargs - 1 LOOP
    secret := tg_argv[i];
    old_image := old_image - secret;
    new_image := new_image - secret;
  END LOOP;
  INSERT INTO audit.entry (tenant_id, change_id, occurred_at, actor_id, actor_kind, actor_name, request_id,
                           table_name, record_id, action, before, after)
  VALUES ((coalesce(new_image, old_image) ->> 'tenant_id')::uuid, change::uuid, clock_timestamp(),
          nullif(current_setting('app.actor_id', true), '')::uuid, kind,
          CASE WHEN kind = 'database' THEN session_user::text ELSE coalesce(current_setting('app.actor_name', true), '') END,
          nullif(current_setting('app.request_id', true), '')::uuid,
          tg_argv[0], (coalesce(new_image, old_image) ->> 'id')::uuid, lower(tg_op), old_image, new_image);
  RETURN NULL;
END $function$;
CREATE OR REPLACE FUNCTION audit.seal()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path = pg_catalog
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  sealed  text[] := string_to_array(nullif(current_setting('audit.sealed_through', true), ''), ' ');
  through bigint := 0;
  signed  record;
  head    record;
BEGIN
  IF sealed[1] = new.tenant_id::text THEN
    through := sealed[2]::bigint;
    IF through >= new.id THEN RETURN NULL; END IF;
  ELSE
    SELECT coalesce(max(l.last_entry), 0) INTO through FROM audit.link l
     WHERE l.tenant_id = new.tenant_id AND l.change_id = new.change_id;
    IF through >= new.id THEN RETURN NULL; END IF;
  END IF;
  SELECT min(e.id) AS first_entry, max(e.id) AS last_entry, count(*)::integer AS entries,
         sha256(convert_to(string_agg(audit.canonical(e), E'\n' ORDER BY e.id), 'UTF8')) AS digest
    INTO signed
    FROM audit.entry e
   WHERE e.tenant_id = new.tenant_id AND e.change_id = new.change_id AND e.id > through;
  INSERT INTO audit.chain AS c (tenant_id, seq, hash)
  VALUES (new.tenant_id, 1, sha256(signed.digest))
  ON CONFLICT (tenant_id) DO UPDATE SET seq = c.seq + 1, hash = sha256(c.hash || signed.digest)
  RETURNING c.seq, c.hash INTO head;
  INSERT INTO audit.link (tenant_id, seq, change_id, first_entry, last_entry, entries, sealed_at, hash)
  VALUES (new.tenant_id, head.seq, new.change_id, signed.first_entry, signed.last_entry, signed.entries, clock_timestamp(), head.hash);
  PERFORM set_config('audit.sealed_through', new.tenant_id::text || ' ' || signed.last_entry::text, true);
  RETURN NULL;
END $function$;
CREATE OR REPLACE FUNCTION core.permissions_granted_in(p_account uuid, p_tenant uuid, p_time_zone text)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE STRICT
AS $function$
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
END $function$;
CREATE OR REPLACE FUNCTION practice.keep_approval_item()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path = pg_catalog
AS $function$
BEGIN
  IF current_user = 'backoffice_app'
     AND EXISTS (SELECT 1 FROM practice.approval_request_step s WHERE s.tenant_id = new.tenant_id AND s.work_item_id = new.id) THEN
    RAISE EXCEPTION 'an approval is decided, not completed' USING ERRCODE = 'BO154', CONSTRAINT = 'BO154';
  END IF;
  RETURN new;
END $function$;
CREATE OR REPLACE FUNCTION practice.close_items(p_tenant uuid, p_items uuid[], p_state text)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path = pg_catalog
AS $function$
DECLARE
  closed uuid[];
BEGIN
  IF p_items IS NULL THEN RETURN '{}'; END IF;
  WITH closed AS (
    UPDATE practice.work_item i
       SET state = p_state, waiting_for = NULL, closed_at = now(),
           closed_by = coalesce(nullif(current_setting('app.actor_id', true), '')::uuid, '00000000-0000-0000-0000-000000000000')
     WHERE i.tenant_id = p_tenant AND i.id = ANY (p_items) AND i.closed_at IS NULL
    RETURNING i.id
  )
  SELECT coalesce(array_agg(c.id), '{}') INTO closed FROM closed c;
  RETURN closed;
END $function$;
CREATE OR REPLACE FUNCTION practice.makers_of(p_tenant uuid, p_record uuid, p_requester uuid)
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path = pg_catalog
AS $function$
DECLARE
  hands uuid[];
BEGIN
  hands := p_requester || ARRAY (SELECT DISTINCT e.actor_id FROM audit.entry e
                                  WHERE e.tenant_id = p_tenant AND e.record_id = p_record AND e.actor_id IS NOT NULL);
  RETURN hands || ARRAY (SELECT DISTINCT e.actor_id FROM audit.entry e
                          WHERE e.tenant_id = p_tenant AND e.record_id = ANY (hands)
                            AND e.table_name = 'identity.service_account' AND e.actor_id IS NOT NULL);
END $function$;
CREATE OR REPLACE FUNCTION practice.sits(p_tenant uuid, p_step uuid, p_escalated boolean, p_account uuid, p_today date)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path = pg_catalog
AS $function$
BEGIN
  RETURN EXISTS (SELECT 1 FROM practice.approval_approver a
                  WHERE a.tenant_id = p_tenant AND a.step_id = p_step AND (p_escalated OR NOT a.on_escalation)
                    AND (a.account_id = p_account OR practice.holds_role(a.role_id, p_account, p_today)))
     AND practice.holds_here(p_account, 'work.approval.decide');
END $function$;
CREATE OR REPLACE FUNCTION practice.seat_for(p_request practice.approval_request, p_step practice.approval_request_step, p_account uuid, OUT outcome text, OUT seat uuid, OUT delegation uuid)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path = pg_catalog
AS $function$
DECLARE
  makers uuid[];
  today date;
  escalated boolean := coalesce(p_step.escalate_at <= clock_timestamp(), false);
  limited boolean := false;
  own boolean;
  d practice.approval_delegation;
BEGIN
  SELECT (now() AT TIME ZONE c.time_zone)::date INTO today FROM practice.client c WHERE c.tenant_id = p_request.tenant_id;
  outcome := 'none';
  own := practice.sits(p_request.tenant_id, p_step.step_id, escalated, p_account, today);
  IF NOT own AND NOT EXISTS (SELECT 1 FROM practice.approval_delegation g
                      WHERE g.tenant_id = p_request.tenant_id AND g.delegate_id = p_account AND g.ended_at IS NULL
                        AND g.from_on <= today AND g.until_on > today) THEN
    RETURN;
  END IF;
  makers := practice.makers_of(p_request.tenant_id, p_request.record_id, p_request.requested_by);
  IF EXISTS (SELECT 1 FROM unnest(makers) AS m WHERE practice.same_person(m, p_account)) THEN
    outcome := 'maker';
    RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM practice.approval_delegation g, unnest(makers) AS m
              WHERE g.tenant_id = p_request.tenant_id AND g.ended_at IS NULL AND g.from_on <= today AND g.until_on > today
                AND (g.subject IS NULL OR g.subject = p_request.subject)
                AND practice.same_person(g.delegate_id, p_account) AND practice.same_person(g.delegator_id, m)) THEN
    outcome := 'deputy';
    RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM practice.approval_decision o
              WHERE o.tenant_id = p_request.tenant_id AND o.request_id = p_request.id
                AND (practice.same_person(o.decided_by, p_account) OR practice.same_person(o.seat_of, p_account))) THEN
    outcome := 'decided';
    RETURN;
  END IF;
  IF own THEN
    outcome := 'ok'; seat := p_account;
    RETURN;
  END IF;
  FOR d IN SELECT g.* FROM practice.approval_delegation g
            WHERE g.tenant_id = p_request.tenant_id AND g.delegate_id = p_account AND g.ended_at IS NULL
              AND g.from_on <= today AND g.until_on > today AND (g.subject IS NULL OR g.subject = p_request.subject)
            ORDER BY g.most DESC NULLS FIRST, g.id LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM practice.approval_decision o
                           WHERE o.tenant_id = p_request.tenant_id AND o.request_id = p_request.id
                             AND (practice.same_person(o.decided_by, d.delegator_id) OR practice.same_person(o.seat_of, d.delegator_id)));
    CONTINUE WHEN NOT practice.sits(p_request.tenant_id, p_step.step_id, escalated, d.delegator_id, today);
    IF d.most IS NOT NULL AND (p_request.counted IS NULL OR d.currency <> p_request.counted_in OR p_request.counted > d.most) THEN
      limited := true;
      CONTINUE;
    END IF;
    outcome := 'ok'; seat := d.delegator_id; delegation := d.id;
    RETURN;
  END LOOP;
  outcome := CASE WHEN limited THEN 'limit' ELSE 'none' END;
END $function$;
CREATE OR REPLACE FUNCTION practice.decide_approval(p_id uuid, p_request uuid, p_number integer, p_verdict text, p_comment text, OUT outcome text, OUT opened uuid[], OUT closed uuid[], OUT ended boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path = pg_catalog
AS $function$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  actor uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  r practice.approval_request;
  s practice.approval_request_step;
  candidate practice.approval_request_step;
  place record;
  found_seat record;
  next_stage integer;
BEGIN
  ended := false; opened := '{}'; closed := '{}';
  outcome := 'program';
  IF actor IS NULL OR current_setting('app.actor_kind', true) IS DISTINCT FROM 'user' THEN RETURN; END IF;
  SELECT q.* INTO r FROM practice.approval_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  outcome := 'unknown';
  IF NOT FOUND THEN RETURN; END IF;
  SELECT CASE WHEN d.verdict = p_verdict AND (p_number IS NULL OR t.number = p_number) THEN 'again' ELSE 'decided' END INTO outcome
    FROM practice.approval_decision d JOIN practice.approval_request_step t ON t.tenant_id = d.tenant_id AND t.id = d.request_step_id
   WHERE d.tenant_id = tenant AND d.request_id = r.id AND d.decided_by = actor;
  IF FOUND THEN RETURN; END IF;
  outcome := CASE WHEN r.state <> 'pending' THEN r.state WHEN r.expires_at <= clock_timestamp() THEN 'expired' END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  outcome := 'closed';
  FOR candidate IN SELECT t.* FROM practice.approval_request_step t
                    WHERE t.tenant_id = tenant AND t.request_id = r.id AND t.state = 'open' AND (p_number IS NULL OR t.number = p_number)
                    ORDER BY t.number LOOP
    place := practice.seat_for(r, candidate, actor);
    IF outcome = 'closed' OR place.outcome <> 'none' THEN outcome := place.outcome; END IF;
    IF outcome = 'ok' THEN
      s := candidate; found_seat := place;
      EXIT;
    END IF;
  END LOOP;
  IF outcome <> 'ok' THEN RETURN; END IF;
  INSERT INTO practice.approval_decision (tenant_id, id, request_id, request_step_id, verdict, decided_by, decided_by_name, seat_of, delegation_id, comment)
  VALUES (tenant, p_id, r.id, s.id, p_verdict, actor, coalesce(current_setting('app.actor_name', true), ''), found_seat.seat, found_seat.delegation, p_comment);
  IF p_verdict = 'reject' THEN
    closed := practice.end_approval(tenant, r.id, 'rejected', 'decided');
    ended := true;
    RETURN;
  END IF;
  IF (SELECT count(*) FROM practice.approval_decision d
       WHERE d.tenant_id = tenant AND d.request_step_id = s.id AND d.verdict = 'approve') < s.needed THEN
    RETURN;
  END IF;
  UPDATE practice.approval_request_step t SET state = 'approved' WHERE t.tenant_id = tenant AND t.id = s.id;
  closed := practice.close_items(tenant, ARRAY[s.work_item_id], 'done');
  IF EXISTS (SELECT 1 FROM practice.approval_request_step t WHERE t.tenant_id = tenant AND t.request_id = r.id AND t.state = 'open') THEN
    RETURN;
  END IF;
  SELECT min(t.stage) INTO next_stage FROM practice.approval_request_step t
   WHERE t.tenant_id = tenant AND t.request_id = r.id AND t.state = 'waiting';
  IF next_stage IS NOT NULL THEN
    opened := practice.open_stage(r, next_stage);
  ELSE
    PERFORM practice.end_approval(tenant, r.id, 'approved', 'decided');
    ended := true;
  END IF;
END $function$;
SELECT core.know_record_types();
DROP FUNCTION core.version_branches;
