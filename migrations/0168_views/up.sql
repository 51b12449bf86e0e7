-- The queue is narrowed by service and engagement and searched by words of titles; what somebody looks for again and again
-- is kept as a view.

ALTER TABLE practice.work_item ADD COLUMN engagement_id uuid;
ALTER TABLE practice.work_item ADD CONSTRAINT work_item_engagement FOREIGN KEY (tenant_id, engagement_id) REFERENCES practice.engagement (tenant_id, id);
COMMENT ON COLUMN practice.work_item.engagement_id IS 'the engagement that covered its service when it was opened, or was given it';
-- Small letters, compared byte by byte: folding each title anew for each search cost more than the rest of it.
ALTER TABLE practice.work_item ADD COLUMN title_folded text NOT NULL GENERATED ALWAYS AS (lower(title)) STORED;

-- With all that the queue is narrowed by now.
DROP INDEX practice.work_item_open;
CREATE INDEX work_item_open ON practice.work_item (tenant_id, queue_on, id)
  INCLUDE (state, kind, priority, assignee_id, team_id, record_id, service_code, engagement_id, title_folded) WHERE closed_at IS NULL;
DROP INDEX practice.work_item_open_by_assignee;
CREATE INDEX work_item_open_by_assignee ON practice.work_item (tenant_id, assignee_id, queue_on, id)
  INCLUDE (state, kind, priority, team_id, record_id, service_code, engagement_id, title_folded) WHERE closed_at IS NULL;
CREATE INDEX work_item_by_engagement ON practice.work_item (tenant_id, engagement_id) WHERE engagement_id IS NOT NULL;

-- As practice.work_counted of step 0145, by service and engagement as well; what p_text says is folded as titles are.
DO $$
DECLARE
  counted text := $part$
      RETURN QUERY SELECT client, i.state, i.kind, count(*) FROM practice.work_item i
       WHERE i.tenant_id = client AND i.queue_on >= p_from AND i.queue_on < p_before AND %s AND %s
         AND (p_states IS NULL OR i.state = ANY (p_states)) AND (p_kinds IS NULL OR i.kind = ANY (p_kinds))
         AND (p_priorities IS NULL OR i.priority = ANY (p_priorities)) AND (p_teams IS NULL OR i.team_id = ANY (p_teams))
         AND (p_record IS NULL OR i.record_id = p_record) AND (p_text IS NULL OR i.title_folded LIKE p_text)
         AND (p_services IS NULL OR i.service_code = ANY (p_services))
         AND (p_engagements IS NULL OR i.engagement_id = ANY (p_engagements))
       GROUP BY i.state, i.kind;$part$;
  whose text := '(p_person IS NULL OR i.assignee_id = p_person) AND (NOT p_nobodys OR i.assignee_id IS NULL)';
BEGIN
  EXECUTE format($function$
CREATE FUNCTION practice.work_counted(p_clients uuid[], p_from date, p_before date, p_person uuid, p_nobodys boolean, p_part text,
  p_states text[], p_kinds text[], p_priorities text[], p_teams uuid[], p_record uuid, p_text text, p_services text[], p_engagements uuid[])
RETURNS TABLE (client_id uuid, state text, kind text, count bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $body$
DECLARE
  here   text := coalesce(current_setting('app.tenant_id', true), '');
  reach  uuid[];
  client uuid;
  set_to text;
BEGIN
  p_text := lower(p_text);
  reach := CASE WHEN here <> '' THEN ARRAY[here::uuid] ELSE nullif(current_setting('app.tenant_ids', true), '')::uuid[] END;
  FOR client IN SELECT u.id FROM unnest(reach) AS u (id) WHERE p_clients IS NULL OR u.id = ANY (p_clients) LOOP
    set_to := set_config('app.tenant_id', client::text, true);
    IF p_part = 'open' AND p_person IS NOT NULL THEN %s
    ELSIF p_part = 'open' THEN %s
    ELSIF p_part = 'closed' THEN %s
    ELSE %s
    END IF;
  END LOOP;
  set_to := set_config('app.tenant_id', here, true);
END $body$ $function$,
    format(counted, 'i.closed_at IS NULL', 'i.assignee_id = p_person'),
    format(counted, 'i.closed_at IS NULL', whose),
    format(counted, 'i.closed_at IS NOT NULL', whose),
    format(counted, 'true', whose));
END $$;
GRANT EXECUTE ON FUNCTION practice.work_counted(uuid[], date, date, uuid, boolean, text, text[], text[], text[], uuid[], uuid, text, text[], uuid[])
  TO backoffice_app, backoffice_portfolio;

-- The first items behind a place in the queue whose titles hold a text, of each client: as practice.work_counted, from client
-- to client, because every title has to be looked at.
DO $$
DECLARE
  found text := $part$
      RETURN QUERY SELECT i.tenant_id, i.queue_on, i.id FROM practice.work_item i
       WHERE i.tenant_id = client AND i.queue_on >= p_from AND i.queue_on < p_before AND %s AND %s
         AND (p_states IS NULL OR i.state = ANY (p_states)) AND (p_kinds IS NULL OR i.kind = ANY (p_kinds))
         AND (p_priorities IS NULL OR i.priority = ANY (p_priorities)) AND (p_teams IS NULL OR i.team_id = ANY (p_teams))
         AND (p_record IS NULL OR i.record_id = p_record) AND i.title_folded LIKE p_text
         AND (p_services IS NULL OR i.service_code = ANY (p_services))
         AND (p_engagements IS NULL OR i.engagement_id = ANY (p_engagements))
         AND (i.queue_on, i.id) > (p_day, p_id) ORDER BY i.queue_on, i.id LIMIT p_limit;$part$;
  whose text := '(p_person IS NULL OR i.assignee_id = p_person) AND (NOT p_nobodys OR i.assignee_id IS NULL)';
BEGIN
  EXECUTE format($function$
CREATE FUNCTION practice.work_found(p_clients uuid[], p_from date, p_before date, p_person uuid, p_nobodys boolean, p_part text,
  p_states text[], p_kinds text[], p_priorities text[], p_teams uuid[], p_record uuid, p_text text, p_services text[], p_engagements uuid[],
  p_day date, p_id uuid, p_limit bigint)
RETURNS TABLE (client_id uuid, queue_on date, id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $body$
DECLARE
  here   text := coalesce(current_setting('app.tenant_id', true), '');
  reach  uuid[];
  client uuid;
  set_to text;
BEGIN
  p_text := lower(p_text);
  reach := CASE WHEN here <> '' THEN ARRAY[here::uuid] ELSE nullif(current_setting('app.tenant_ids', true), '')::uuid[] END;
  FOR client IN SELECT u.id FROM unnest(reach) AS u (id) WHERE p_clients IS NULL OR u.id = ANY (p_clients) LOOP
    set_to := set_config('app.tenant_id', client::text, true);
    IF p_part = 'open' AND p_person IS NOT NULL THEN %s
    ELSIF p_part = 'open' THEN %s
    ELSIF p_part = 'closed' THEN %s
    ELSE %s
    END IF;
  END LOOP;
  set_to := set_config('app.tenant_id', here, true);
END $body$ $function$,
    format(found, 'i.closed_at IS NULL', 'i.assignee_id = p_person'),
    format(found, 'i.closed_at IS NULL', whose),
    format(found, 'i.closed_at IS NOT NULL', whose),
    format(found, 'true', whose));
END $$;
GRANT EXECUTE ON FUNCTION practice.work_found TO backoffice_app, backoffice_portfolio;

--------------------------------------------------------------------------------------------------------------- views
CREATE TABLE practice.work_view (
  id         uuid PRIMARY KEY,
  owner_id   uuid NOT NULL REFERENCES identity.account,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  filter     jsonb NOT NULL CHECK (jsonb_typeof(filter) = 'object'),
  shared     boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  UNIQUE (owner_id, name)
);
COMMENT ON TABLE practice.work_view IS 'local: what people of the provider look for in the queue again and again; it shows nobody more than he may see';
GRANT SELECT, INSERT, UPDATE, DELETE ON practice.work_view TO backoffice_identity;

-- The views that a person may use: his own, and those that others share with all of the staff. p_id: that one alone.
CREATE FUNCTION practice.work_views_of(p_person uuid, p_id uuid)
RETURNS TABLE (id uuid, owner_id uuid, name text, filter jsonb, shared boolean, created_at timestamptz, version integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT v.id, v.owner_id, v.name, v.filter, v.shared, v.created_at, v.version FROM practice.work_view v
   WHERE (p_id IS NULL OR v.id = p_id)
     AND (v.owner_id = p_person
          OR (v.shared AND EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_person AND a.staff AND a.disabled_at IS NULL)))
   ORDER BY v.name, v.id
$$;
GRANT EXECUTE ON FUNCTION practice.work_views_of TO backoffice_app, backoffice_portfolio, backoffice_identity;
