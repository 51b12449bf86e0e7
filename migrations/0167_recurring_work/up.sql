-- Work that comes again: once for each client, service and period, by a rule in the client's time, from a template of the
-- provider's.

CREATE TABLE practice.work_template (
  code       text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]{0,29}$'),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  steps      jsonb NOT NULL CHECK (jsonb_typeof(steps) = 'array'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.work_template IS 'local: what a service consists of, step by step';
GRANT SELECT, INSERT, UPDATE ON practice.work_template TO backoffice_identity;

-- The template of that code, for work of this transaction's client.
CREATE FUNCTION practice.work_template_named(p_code text) RETURNS TABLE (code text, name text, steps jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT t.code, t.name, t.steps FROM practice.work_template t WHERE t.code = p_code
$$;
GRANT EXECUTE ON FUNCTION practice.work_template_named TO backoffice_app;

CREATE TABLE practice.recurring_work (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  service_code   text NOT NULL REFERENCES practice.service,
  template_code  text NOT NULL REFERENCES practice.work_template,
  rule           text NOT NULL CHECK (length(rule) BETWEEN 1 AND 1000),
  starts_on      date NOT NULL,
  at_minute      integer NOT NULL CHECK (at_minute BETWEEN 0 AND 1439),
  until_on       date,
  period_unit    text NOT NULL CHECK (period_unit IN ('day', 'week', 'month', 'quarter', 'year')),
  period_shift   integer NOT NULL CHECK (period_shift BETWEEN -12 AND 12),
  calendar_id    uuid,
  assignee_id    uuid REFERENCES identity.account,
  team_id        uuid REFERENCES practice.team,
  opened_through timestamptz NOT NULL,
  next_at        timestamptz,
  generation     integer NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, calendar_id) REFERENCES core.business_calendar (tenant_id, id)
);
COMMENT ON COLUMN practice.recurring_work.at_minute IS 'minute of the client''s day';
COMMENT ON COLUMN practice.recurring_work.until_on IS 'the first day on which it does not come any more; null: as long as its rule says';
COMMENT ON COLUMN practice.recurring_work.opened_through IS 'everything that was due up to this instant was opened or passed over';
COMMENT ON COLUMN practice.recurring_work.generation IS 'counts what moves its next time: a job that was asked for before that does nothing';
SELECT core.raise_wall('practice.recurring_work', 'mutable');
CREATE INDEX recurring_work_by_service ON practice.recurring_work (tenant_id, service_code, starts_on);

CREATE TABLE practice.recurring_work_exception (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  work_id    uuid NOT NULL,
  occurs_on  date NOT NULL,
  moved_to   date,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, work_id, occurs_on),
  FOREIGN KEY (tenant_id, work_id) REFERENCES practice.recurring_work (tenant_id, id)
);
COMMENT ON COLUMN practice.recurring_work_exception.moved_to IS 'the day on which it comes instead; null: it is left out';
SELECT core.raise_wall('practice.recurring_work_exception', 'deletable');

CREATE TABLE practice.recurring_work_run (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  work_id      uuid NOT NULL,
  service_code text NOT NULL,
  period       text NOT NULL CHECK (length(period) BETWEEN 1 AND 20),
  occurs_on    date NOT NULL,
  passed_over  boolean NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, work_id) REFERENCES practice.recurring_work (tenant_id, id)
);
COMMENT ON TABLE practice.recurring_work_run IS 'append-only';
COMMENT ON COLUMN practice.recurring_work_run.passed_over IS 'nothing was opened: no live engagement covered the service on that day';
SELECT core.raise_wall('practice.recurring_work_run', 'append_only');
-- One for each client, service and period, whatever runs twice.
CREATE UNIQUE INDEX recurring_work_once ON practice.recurring_work_run (tenant_id, service_code, period) WHERE NOT passed_over;
CREATE INDEX recurring_work_run_by_work ON practice.recurring_work_run (tenant_id, work_id, id);

ALTER TABLE practice.work_item ADD COLUMN run_id uuid;
ALTER TABLE practice.work_item ADD COLUMN gated boolean NOT NULL DEFAULT false;
ALTER TABLE practice.work_item ADD CONSTRAINT work_item_run FOREIGN KEY (tenant_id, run_id) REFERENCES practice.recurring_work_run (tenant_id, id);
ALTER TABLE practice.work_item ADD CONSTRAINT work_item_gated CHECK (NOT gated OR state = 'waiting' OR closed_at IS NOT NULL);
COMMENT ON COLUMN practice.work_item.gated IS 'it waits for the stage before it, and opens when all of that is done or cancelled';
CREATE INDEX work_item_by_run ON practice.work_item (tenant_id, run_id) WHERE run_id IS NOT NULL;

INSERT INTO core.record_type (node_type, home) VALUES ('RecurringWork', 'practice.recurring_work');
SELECT core.know_record_types();
