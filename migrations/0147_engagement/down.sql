CREATE OR REPLACE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'WorkItem' THEN SELECT r.version INTO found FROM practice.work_item r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    ELSE found := core.version_of_all_but_work(p_tenant, p_type, p_node);
  END CASE;
  RETURN found;
END $$;
DROP FUNCTION practice.services_named;
ALTER TABLE practice.work_item DROP COLUMN service_code;
DROP TABLE practice.engagement_service;
DROP TABLE practice.engagement;
UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.service.manage');
DROP TABLE practice.service;
