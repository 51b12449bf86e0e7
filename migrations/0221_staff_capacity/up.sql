-- How many hours a week the provider's staff works, from a day on; when somebody is away; and how much of what is open is planned
-- for whom: the estimates of the items that he has, in the weeks in which they are due.
CREATE TABLE practice.staff_hours (
  account_id  uuid NOT NULL REFERENCES identity.account,
  from_on     date NOT NULL,
  hours       numeric(5, 2) NOT NULL CHECK (hours BETWEEN 0 AND 80),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, from_on)
);
COMMENT ON TABLE practice.staff_hours IS 'local: how many hours a week somebody works from that day on, until the next one';

CREATE TABLE practice.staff_absence (
  id          uuid PRIMARY KEY,
  account_id  uuid NOT NULL REFERENCES identity.account,
  from_on     date NOT NULL,
  until_on    date NOT NULL CHECK (until_on > from_on AND until_on <= from_on + 400),
  note        text NOT NULL DEFAULT '' CHECK (length(note) <= 200),
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.staff_absence IS 'local: when somebody does not work, until before a day';
CREATE INDEX staff_absence_by_account ON practice.staff_absence (account_id, from_on);
GRANT SELECT, INSERT, UPDATE, DELETE ON practice.staff_hours, practice.staff_absence TO backoffice_identity;
UPDATE identity.provider_role SET permissions = permissions || '{practice.capacity.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';

ALTER TABLE practice.work_item ADD COLUMN estimate_minutes integer CHECK (estimate_minutes BETWEEN 1 AND 60000);
COMMENT ON COLUMN practice.work_item.estimate_minutes IS 'how long it is thought to take; null: nobody has said';

-- What is open and due before a day, of all clients: by person and the Monday of the week in which it is due. What is overdue is
-- due in the first week. It goes from client to client, as whoever reads one client.
CREATE FUNCTION practice.planned_load(p_accounts uuid[], p_monday date, p_until date)
RETURNS TABLE (account_id uuid, week date, minutes bigint, items bigint, without_estimate bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  set_to text;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    set_to := set_config('app.tenant_id', client::text, true);
    RETURN QUERY
      SELECT i.assignee_id, greatest(date_trunc('week', i.queue_on::timestamp)::date, p_monday), coalesce(sum(i.estimate_minutes), 0),
             count(*), count(*) FILTER (WHERE i.estimate_minutes IS NULL)
        FROM practice.work_item i
       WHERE i.tenant_id = client AND i.closed_at IS NULL AND i.queue_on < p_until AND i.assignee_id = ANY (p_accounts)
       GROUP BY 1, 2;
  END LOOP;
  set_to := set_config('app.tenant_id', '', true);
END $$;

-- What each of these people has and is planned for, week by week from a Monday on. Hours are spread over Monday to Friday.
CREATE FUNCTION practice.staff_weeks(p_accounts uuid[], p_monday date, p_until date)
RETURNS TABLE (account_id uuid, week date, hours numeric, absent_days bigint, available_minutes bigint, planned_minutes bigint,
               items bigint, without_estimate bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  RETURN QUERY
  WITH load AS (
    SELECT l.account_id, l.week, sum(l.minutes)::bigint AS minutes, sum(l.items)::bigint AS items, sum(l.without_estimate)::bigint AS without_estimate
      FROM practice.planned_load(p_accounts, p_monday, p_until) l GROUP BY 1, 2
  ), days AS (
    SELECT a.id, w.monday, d.day,
           coalesce((SELECT h.hours FROM practice.staff_hours h WHERE h.account_id = a.id AND h.from_on <= d.day
                      ORDER BY h.from_on DESC LIMIT 1), 0.00) AS hours,
           EXISTS (SELECT 1 FROM practice.staff_absence o WHERE o.account_id = a.id AND o.from_on <= d.day AND o.until_on > d.day) AS away
      FROM unnest(p_accounts) AS a (id)
      CROSS JOIN LATERAL (SELECT g::date AS monday FROM generate_series(p_monday::timestamp, (p_until - 1)::timestamp, interval '7 days') g) w
      CROSS JOIN LATERAL (SELECT w.monday + n AS day FROM generate_series(0, 4) n) d
  )
  SELECT d.id, d.monday, round(sum(d.hours) / 5, 2), count(*) FILTER (WHERE d.away),
         coalesce(round(sum(d.hours * 12) FILTER (WHERE NOT d.away)), 0)::bigint,
         coalesce(max(l.minutes), 0)::bigint, coalesce(max(l.items), 0)::bigint, coalesce(max(l.without_estimate), 0)::bigint
    FROM days d LEFT JOIN load l ON l.account_id = d.id AND l.week = d.monday
   GROUP BY d.id, d.monday ORDER BY d.id, d.monday;
END $$;
GRANT EXECUTE ON FUNCTION practice.staff_weeks TO backoffice_identity;
