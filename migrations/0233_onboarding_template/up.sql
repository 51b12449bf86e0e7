-- Onboarding templates: what clients of a kind begin with, as data of the provider's. A client that is taken on by one gets
-- records of its own; nothing of it points back at the template.

CREATE TABLE practice.onboarding_template (
  id         uuid PRIMARY KEY,
  name       text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
  content    jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1
);
COMMENT ON TABLE practice.onboarding_template IS 'local: what clients of the provider begin with';
GRANT SELECT, INSERT, UPDATE, DELETE ON practice.onboarding_template TO backoffice_identity;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON practice.onboarding_template
  FOR EACH ROW EXECUTE FUNCTION identity.note_for_provider();

-- A template for somebody of the staff who takes a client on by it.
CREATE FUNCTION practice.onboarding_template_named(p_id uuid) RETURNS TABLE (name text, content jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT t.name, t.content FROM practice.onboarding_template t
   WHERE t.id = p_id
     AND EXISTS (SELECT 1 FROM identity.account a WHERE a.id = nullif(current_setting('app.actor_id', true), '')::uuid AND a.staff)
$$;
GRANT EXECUTE ON FUNCTION practice.onboarding_template_named TO backoffice_app;

-- Whether the provider has what a template names, for somebody of its staff.
CREATE FUNCTION practice.provider_has(p_kind text, p_name text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = nullif(current_setting('app.actor_id', true), '')::uuid AND a.staff)
     AND CASE WHEN p_kind = 'calendar' THEN EXISTS (SELECT 1 FROM core.provider_calendar c WHERE c.id::text = p_name AND c.deleted_at IS NULL)
              WHEN p_kind = 'service' THEN EXISTS (SELECT 1 FROM practice.service s WHERE s.code = p_name)
              WHEN p_kind = 'work_template' THEN EXISTS (SELECT 1 FROM practice.work_template w WHERE w.code = p_name)
              ELSE false END
$$;
GRANT EXECUTE ON FUNCTION practice.provider_has TO backoffice_app, backoffice_identity;

UPDATE identity.provider_role SET permissions = permissions || '{practice.onboarding_template.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
