-- What the provider's staff can do, how well and from when to when; and what a service takes. Whoever lacks what a service
-- insists on is not given its work; of what it merely wishes for the work tells.
CREATE TABLE practice.skill (
  code        text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]{0,29}$'),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.skill IS 'local: what the provider''s staff can do';

CREATE TABLE practice.staff_skill (
  id          uuid PRIMARY KEY,
  account_id  uuid NOT NULL REFERENCES identity.account,
  skill_code  text NOT NULL REFERENCES practice.skill,
  level       integer NOT NULL CHECK (level BETWEEN 1 AND 5),
  from_on     date NOT NULL,
  until_on    date CHECK (until_on > from_on),
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.staff_skill IS 'local: who can what, how well, from when on and until before which day';
CREATE INDEX staff_skill_by_account ON practice.staff_skill (account_id, skill_code, from_on);

CREATE TABLE practice.service_skill (
  service_code text NOT NULL REFERENCES practice.service,
  skill_code   text NOT NULL REFERENCES practice.skill,
  least_level  integer NOT NULL CHECK (least_level BETWEEN 1 AND 5),
  on_missing   text NOT NULL CHECK (on_missing IN ('refuse', 'warn')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (service_code, skill_code)
);
COMMENT ON TABLE practice.service_skill IS 'local: what a service takes, and what becomes of whoever lacks it';
GRANT SELECT, INSERT, UPDATE, DELETE ON practice.skill, practice.staff_skill, practice.service_skill TO backoffice_identity;
UPDATE identity.provider_role SET permissions = permissions || '{practice.skill.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';

-- What a member of the staff lacks today of what a service takes; nothing of anybody else. level: how well he can it, 0 if not.
-- The day is that of the transaction's client, or UTC's where there is none.
CREATE FUNCTION practice.skills_lacking(p_account uuid, p_service text)
RETURNS TABLE (skill_code text, name text, wanted integer, level integer, on_missing text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  today date;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM practice.service_skill w WHERE w.service_code = p_service)
     OR NOT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.staff) THEN
    RETURN;
  END IF;
  SELECT (now() AT TIME ZONE c.time_zone)::date INTO today
    FROM practice.client c WHERE c.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid;
  today := coalesce(today, (now() AT TIME ZONE 'UTC')::date);
  RETURN QUERY
    SELECT w.skill_code, s.name, w.least_level, coalesce(h.level, 0), w.on_missing
      FROM practice.service_skill w
      JOIN practice.skill s ON s.code = w.skill_code
      LEFT JOIN LATERAL (SELECT max(k.level) AS level FROM practice.staff_skill k
                          WHERE k.account_id = p_account AND k.skill_code = w.skill_code
                            AND k.from_on <= today AND (k.until_on IS NULL OR k.until_on > today)) h ON true
     WHERE w.service_code = p_service AND coalesce(h.level, 0) < w.least_level
     ORDER BY w.skill_code;
END $$;
GRANT EXECUTE ON FUNCTION practice.skills_lacking TO backoffice_app, backoffice_portfolio;

-- Work that comes again by itself is opened whoever was to do it: it would be worse if it were not there.
CREATE FUNCTION practice.expect_skills() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM practice.skills_lacking(new.assignee_id, new.service_code) l WHERE l.on_missing = 'refuse') THEN
    RAISE EXCEPTION 'a skill is missing' USING ERRCODE = 'BO220', CONSTRAINT = 'BO220';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER skills_at_first AFTER INSERT ON practice.work_item FOR EACH ROW
  WHEN (new.assignee_id IS NOT NULL AND new.service_code IS NOT NULL AND new.run_id IS NULL)
  EXECUTE FUNCTION practice.expect_skills();
CREATE TRIGGER skills AFTER UPDATE ON practice.work_item FOR EACH ROW
  WHEN (new.assignee_id IS NOT NULL AND new.service_code IS NOT NULL AND new.closed_at IS NULL
        AND (new.assignee_id IS DISTINCT FROM old.assignee_id OR new.service_code IS DISTINCT FROM old.service_code))
  EXECUTE FUNCTION practice.expect_skills();
