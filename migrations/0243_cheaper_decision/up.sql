-- A decision costs less, and every write with it. What PL/pgSQL evaluates on its own it prepares anew in each transaction,
-- so that the functions below ask few questions and ask them together. They answer what they answered before.

------------------------------------------------------------------------------------------------------ versions
-- The branches of core.version_of between two types: halves of halves, instead of one question for each type there is.
CREATE FUNCTION core.version_branches(p_types text[], p_homes text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
  half integer := cardinality(p_types) / 2;
BEGIN
  IF half = 0 THEN
    RETURN format(E'IF p_type = %L THEN SELECT r.version INTO found FROM %s r WHERE r.tenant_id = p_tenant%s; END IF;\n',
                  p_types[1], p_homes[1], CASE WHEN p_types[1] <> 'Client' THEN ' AND r.id = p_node' ELSE '' END);
  END IF;
  RETURN format(E'IF p_type < %L COLLATE "C" THEN\n%sELSE\n%sEND IF;\n', p_types[half + 1],
                core.version_branches(p_types[:half], p_homes[:half]), core.version_branches(p_types[half + 1:], p_homes[half + 1:]));
END $$;

CREATE OR REPLACE FUNCTION core.know_record_types() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  types text[];
  homes text[];
BEGIN
  SELECT array_agg(t.node_type ORDER BY t.node_type COLLATE "C"), array_agg(t.home ORDER BY t.node_type COLLATE "C") INTO types, homes
    FROM (SELECT k.node_type, k.home FROM core.record_type k UNION ALL SELECT 'Client', 'practice.client') AS t;
  EXECUTE format($f$
CREATE OR REPLACE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS %L$f$,
    format(E'DECLARE\n  found integer;\nBEGIN\n%s  RETURN found;\nEND', core.version_branches(types, homes)));
END $$;
SELECT core.know_record_types();

-------------------------------------------------------------------------------------------------------- events
CREATE OR REPLACE FUNCTION core.emit(p_ids uuid[], p_kinds text[], p_types text[], p_nodes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  -- The versions are read before the place behind the last is taken: others wait only for what has to be done in it.
  WITH named AS MATERIALIZED (
    SELECT n.id, n.kind, n.node_type, n.node_id, n.place, core.version_of(tenant, n.node_type, n.node_id) AS version
      FROM unnest(p_ids, p_kinds, p_types, p_nodes) WITH ORDINALITY AS n (id, kind, node_type, node_id, place)
  ), head AS (
    INSERT INTO core.event_head AS h (tenant_id, position) SELECT tenant, count(*) FROM named
    ON CONFLICT (tenant_id) DO UPDATE SET position = h.position + excluded.position
    RETURNING h.position - cardinality(p_ids) AS before
  )
  INSERT INTO core.event (tenant_id, position, id, kind, node_type, node_id, actor_kind, actor_id, request_id, occurred_at, version, change_id, depth)
  SELECT tenant, head.before + n.place, n.id, n.kind, n.node_type, n.node_id,
         coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database'),
         nullif(current_setting('app.actor_id', true), '')::uuid,
         nullif(current_setting('app.request_id', true), '')::uuid, clock_timestamp(), n.version,
         nullif(current_setting('audit.change_id', true), '')::uuid,
         coalesce(nullif(current_setting('app.rule_depth', true), '')::integer, 0)
    FROM head, named n;
END $$;

--------------------------------------------------------------------------------------------------------- audit
-- The first entry of a client in a transaction asks for the seal; what follows is sealed with it. The setting names the
-- client whose entries wait for it, and goes back with a savepoint as the entries do.
CREATE OR REPLACE FUNCTION audit.record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
  -- null where there is no such row; the other arguments name columns that stay secret
  old_image jsonb := to_jsonb(old) - tg_argv[1:];
  new_image jsonb := to_jsonb(new) - tg_argv[1:];
  waiting   text;
BEGIN
  INSERT INTO audit.entry (tenant_id, change_id, occurred_at, actor_id, actor_kind, actor_name, request_id,
                           table_name, record_id, action, before, after)
  VALUES ((coalesce(new_image, old_image) ->> 'tenant_id')::uuid,
          coalesce(nullif(current_setting('audit.change_id', true), ''), set_config('audit.change_id', gen_random_uuid()::text, true))::uuid,
          clock_timestamp(), nullif(current_setting('app.actor_id', true), '')::uuid,
          coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database'),
          CASE WHEN coalesce(current_setting('app.actor_kind', true), '') IN ('', 'database') THEN session_user::text
               ELSE coalesce(current_setting('app.actor_name', true), '') END,
          nullif(current_setting('app.request_id', true), '')::uuid,
          tg_argv[0], (coalesce(new_image, old_image) ->> 'id')::uuid, lower(tg_op), old_image, new_image)
  RETURNING set_config('audit.waiting', tenant_id::text, true) INTO waiting;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit.seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
  settled text;
BEGIN
  WITH signed AS MATERIALIZED (
    SELECT min(e.id) AS first_entry, max(e.id) AS last_entry, count(*)::integer AS entries,
           sha256(convert_to(string_agg(audit.canonical(e), E'\n' ORDER BY e.id), 'UTF8')) AS digest
      FROM audit.entry e
     WHERE e.tenant_id = new.tenant_id AND e.change_id = new.change_id
       AND e.id > (SELECT coalesce(max(l.last_entry), 0) FROM audit.link l WHERE l.tenant_id = new.tenant_id AND l.change_id = new.change_id)
    HAVING count(*) > 0
  ), head AS (
    INSERT INTO audit.chain AS c (tenant_id, seq, hash)
    SELECT new.tenant_id, 1, sha256(signed.digest) FROM signed
    ON CONFLICT (tenant_id) DO UPDATE SET seq = c.seq + 1, hash = sha256(c.hash || (SELECT s.digest FROM signed s))
    RETURNING c.seq, c.hash
  )
  INSERT INTO audit.link (tenant_id, seq, change_id, first_entry, last_entry, entries, sealed_at, hash)
  SELECT new.tenant_id, head.seq, new.change_id, signed.first_entry, signed.last_entry, signed.entries, clock_timestamp(), head.hash
    FROM signed, head
  RETURNING set_config('audit.waiting', '', true) INTO settled;
  -- Nothing was left to seal: it was sealed before, or the transaction has gone on to another client, whose walls hide it.
  IF settled IS NULL THEN
    IF NOT EXISTS (SELECT 1 FROM audit.link l
                    WHERE l.tenant_id = new.tenant_id AND l.change_id = new.change_id AND l.last_entry >= new.id) THEN
      RAISE EXCEPTION 'an audit entry of another client cannot be sealed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
    END IF;
  END IF;
  RETURN NULL;
END $$;

DROP TRIGGER seal ON audit.entry;
CREATE CONSTRAINT TRIGGER seal AFTER INSERT ON audit.entry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (current_setting('audit.waiting', true) IS DISTINCT FROM new.tenant_id::text) EXECUTE FUNCTION audit.seal();

----------------------------------------------------------------------------------------------------- rights
-- Denying is rare, and the only thing for which the lists have to be taken apart: they were taken apart each time.
CREATE OR REPLACE FUNCTION core.permissions_granted_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  today   date := (now() AT TIME ZONE p_time_zone)::date;
  allowed text[] := '{}';
  denied  text[] := '{}';
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
  IF cardinality(denied) > 0 THEN
    allowed := ARRAY (SELECT p FROM unnest(allowed) AS p WHERE p <> ALL (denied));
  END IF;
  RETURN allowed;
END $$;

----------------------------------------------------------------------------------------------------- approvals
CREATE OR REPLACE FUNCTION practice.keep_approval_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF current_user = 'backoffice_app' THEN
    IF EXISTS (SELECT 1 FROM practice.approval_request_step s WHERE s.tenant_id = new.tenant_id AND s.work_item_id = new.id) THEN
      RAISE EXCEPTION 'an approval is decided, not completed' USING ERRCODE = 'BO154', CONSTRAINT = 'BO154';
    END IF;
  END IF;
  RETURN new;
END $$;

-- One at a time, so that the plan is made once: a list of unknown length is planned anew for each.
CREATE OR REPLACE FUNCTION practice.close_items(p_tenant uuid, p_items uuid[], p_state text) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  closed uuid[] := '{}';
  item uuid;
BEGIN
  IF p_items IS NULL THEN RETURN closed; END IF;
  FOREACH item IN ARRAY p_items LOOP
    UPDATE practice.work_item i
       SET state = p_state, waiting_for = NULL, closed_at = now(),
           closed_by = coalesce(nullif(current_setting('app.actor_id', true), '')::uuid, '00000000-0000-0000-0000-000000000000')
     WHERE i.tenant_id = p_tenant AND i.id = item AND i.closed_at IS NULL;
    IF FOUND THEN closed := closed || item; END IF;
  END LOOP;
  RETURN closed;
END $$;

CREATE OR REPLACE FUNCTION practice.makers_of(p_tenant uuid, p_record uuid, p_requester uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  -- whoever has asked for it or has had a hand in it, and whoever has had one in a service account among them
  RETURN (WITH hands AS MATERIALIZED (
            SELECT p_requester AS id
            UNION
            SELECT e.actor_id FROM audit.entry e WHERE e.tenant_id = p_tenant AND e.record_id = p_record AND e.actor_id IS NOT NULL
          )
          SELECT array_agg(m.id)
            FROM (SELECT h.id FROM hands h
                  UNION ALL
                  SELECT e.actor_id FROM hands h
                    JOIN audit.entry e ON e.tenant_id = p_tenant AND e.record_id = h.id
                                      AND e.table_name = 'identity.service_account' AND e.actor_id IS NOT NULL) AS m);
END $$;

CREATE OR REPLACE FUNCTION practice.sits(p_tenant uuid, p_step uuid, p_escalated boolean, p_account uuid, p_today date) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  sits boolean;
BEGIN
  SELECT a.disabled_at IS NULL AND core.permissions_in(p_account, p_tenant, c.time_zone) @> '{work.approval.decide}' INTO sits
    FROM practice.client c, identity.account a
   WHERE c.tenant_id = p_tenant AND a.id = p_account
     AND EXISTS (SELECT 1 FROM practice.approval_approver w
                  WHERE w.tenant_id = p_tenant AND w.step_id = p_step AND (p_escalated OR NOT w.on_escalation)
                    AND (w.account_id = p_account OR practice.holds_role(w.role_id, p_account, p_today)));
  RETURN coalesce(sits, false);
END $$;

-- Whether somebody may decide on an open step, and in whose seat. Outcomes: 'ok', 'none' (not his), 'maker', 'deputy' (the
-- delegate of a maker), 'decided' (he or whoever he stands for has), 'limit' (more than was delegated to him).
CREATE OR REPLACE FUNCTION practice.seat_for(p_request practice.approval_request, p_step practice.approval_request_step, p_account uuid,
  OUT outcome text, OUT seat uuid, OUT delegation uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  makers uuid[];
  today date;
  escalated boolean := coalesce(p_step.escalate_at <= clock_timestamp(), false);
  limited boolean := false;
  own boolean;
  d practice.approval_delegation;
BEGIN
  outcome := 'none';
  SELECT t.today, practice.sits(p_request.tenant_id, p_step.step_id, escalated, p_account, t.today) INTO today, own
    FROM (SELECT (now() AT TIME ZONE c.time_zone)::date AS today FROM practice.client c WHERE c.tenant_id = p_request.tenant_id OFFSET 0) AS t;
  IF own IS NOT TRUE THEN
    IF NOT EXISTS (SELECT 1 FROM practice.approval_delegation g
                    WHERE g.tenant_id = p_request.tenant_id AND g.delegate_id = p_account AND g.ended_at IS NULL
                      AND g.from_on <= today AND g.until_on > today) THEN
      RETURN;
    END IF;
  END IF;
  makers := practice.makers_of(p_request.tenant_id, p_request.record_id, p_request.requested_by);
  SELECT CASE
      WHEN EXISTS (SELECT 1 FROM unnest(makers) AS m WHERE practice.same_person(m, p_account)) THEN 'maker'
      WHEN EXISTS (SELECT 1 FROM practice.approval_delegation g, unnest(makers) AS m
                    WHERE g.tenant_id = p_request.tenant_id AND g.ended_at IS NULL AND g.from_on <= today AND g.until_on > today
                      AND (g.subject IS NULL OR g.subject = p_request.subject)
                      AND practice.same_person(g.delegate_id, p_account) AND practice.same_person(g.delegator_id, m)) THEN 'deputy'
      WHEN EXISTS (SELECT 1 FROM practice.approval_decision o
                    WHERE o.tenant_id = p_request.tenant_id AND o.request_id = p_request.id
                      AND (practice.same_person(o.decided_by, p_account) OR practice.same_person(o.seat_of, p_account))) THEN 'decided'
      WHEN own THEN 'ok'
    END INTO outcome;
  IF outcome = 'ok' THEN seat := p_account; END IF;
  IF outcome IS NOT NULL THEN RETURN; END IF;
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
END $$;

CREATE OR REPLACE FUNCTION practice.decide_approval(p_id uuid, p_request uuid, p_number integer, p_verdict text, p_comment text,
  OUT outcome text, OUT opened uuid[], OUT closed uuid[], OUT ended boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  actor uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  r practice.approval_request;
  s record;
  rest record;
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
  -- The first open step that is his; what speaks against the last one otherwise.
  SELECT t.id, t.needed, t.work_item_id, p.outcome, p.seat, p.delegation INTO s
    FROM practice.approval_request_step t, practice.seat_for(r, t, actor) p
   WHERE t.tenant_id = tenant AND t.request_id = r.id AND t.state = 'open' AND (p_number IS NULL OR t.number = p_number)
   ORDER BY p.outcome = 'ok' DESC, p.outcome = 'none', CASE WHEN p.outcome = 'ok' THEN t.number ELSE -t.number END
   LIMIT 1;
  outcome := coalesce(s.outcome, 'closed');
  IF outcome <> 'ok' THEN RETURN; END IF;
  INSERT INTO practice.approval_decision (tenant_id, id, request_id, request_step_id, verdict, decided_by, decided_by_name, seat_of, delegation_id, comment)
  VALUES (tenant, p_id, r.id, s.id, p_verdict, actor, coalesce(current_setting('app.actor_name', true), ''), s.seat, s.delegation, p_comment);
  IF p_verdict = 'reject' THEN
    closed := practice.end_approval(tenant, r.id, 'rejected', 'decided');
    ended := true;
    RETURN;
  END IF;
  -- One that needs one has it now.
  IF s.needed > 1 THEN
    IF (SELECT count(*) FROM practice.approval_decision d
         WHERE d.tenant_id = tenant AND d.request_step_id = s.id AND d.verdict = 'approve') < s.needed THEN
      RETURN;
    END IF;
  END IF;
  UPDATE practice.approval_request_step t SET state = 'approved' WHERE t.tenant_id = tenant AND t.id = s.id;
  closed := practice.close_items(tenant, ARRAY[s.work_item_id], 'done');
  SELECT coalesce(bool_or(t.state = 'open'), false) AS open, min(t.stage) FILTER (WHERE t.state = 'waiting') AS next_stage INTO rest
    FROM practice.approval_request_step t WHERE t.tenant_id = tenant AND t.request_id = r.id;
  IF rest.open THEN RETURN; END IF;
  IF rest.next_stage IS NOT NULL THEN
    opened := practice.open_stage(r, rest.next_stage);
  ELSE
    -- No step is open or waits: there is nothing to close but the request.
    UPDATE practice.approval_request q SET state = 'approved', ended_for = 'decided', ended_at = clock_timestamp()
     WHERE q.tenant_id = tenant AND q.id = r.id;
    ended := true;
  END IF;
END $$;
