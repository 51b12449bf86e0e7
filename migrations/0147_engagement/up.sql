-- What the provider does for whom: services are the provider's own list, an engagement says which of them a client has
-- and from when to before when. Work of a service is done inside a live engagement only.

CREATE TABLE practice.service (
  code        text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]{0,29}$'),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.service IS 'local: the services that the provider offers';
GRANT SELECT, INSERT, UPDATE ON practice.service TO backoffice_identity;
UPDATE identity.provider_role SET permissions = permissions || '{practice.service.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';

CREATE TABLE practice.engagement (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  from_on     date NOT NULL,
  until_on    date CHECK (until_on > from_on),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN practice.engagement.until_on IS 'the first day on which it does not hold any more; null: without end';
SELECT core.raise_wall('practice.engagement', 'mutable');

CREATE TABLE practice.engagement_service (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  engagement_id uuid NOT NULL,
  service_code  text NOT NULL REFERENCES practice.service,
  from_on       date NOT NULL,
  until_on      date CHECK (until_on > from_on),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  version       integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, engagement_id) REFERENCES practice.engagement (tenant_id, id)
);
COMMENT ON COLUMN practice.engagement_service.until_on IS 'the first day on which the service is not done any more; null: as long as the engagement holds';
SELECT core.raise_wall('practice.engagement_service', 'mutable');
CREATE INDEX engagement_service_by_engagement ON practice.engagement_service (tenant_id, engagement_id, service_code, from_on);
CREATE INDEX engagement_service_by_service ON practice.engagement_service (tenant_id, service_code);

ALTER TABLE practice.work_item ADD COLUMN service_code text REFERENCES practice.service;

-- The names of services that stand on records that the caller has read, and of those that he names.
CREATE FUNCTION practice.services_named(p_codes text[]) RETURNS TABLE (code text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.code, s.name FROM practice.service s WHERE s.code = ANY (p_codes)
$$;
GRANT EXECUTE ON FUNCTION practice.services_named TO backoffice_app, backoffice_portfolio;

CREATE OR REPLACE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'WorkItem' THEN SELECT r.version INTO found FROM practice.work_item r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Engagement' THEN SELECT r.version INTO found FROM practice.engagement r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    ELSE found := core.version_of_all_but_work(p_tenant, p_type, p_node);
  END CASE;
  RETURN found;
END $$;
