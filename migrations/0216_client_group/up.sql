-- Groups of clients: the provider's own sets, by which it looks at its portfolio. A client can be in several; who sees a group
-- sees of it the clients that he may see anyway.
CREATE TABLE practice.client_group (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.client_group IS 'local: the provider''s groups of clients';

CREATE TABLE practice.client_group_member (
  group_id    uuid NOT NULL REFERENCES practice.client_group,
  client_id   uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_id, client_id)
);
COMMENT ON TABLE practice.client_group_member IS 'local: which clients are in a group of the provider''s';
CREATE INDEX client_group_member_by_client ON practice.client_group_member (client_id, group_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON practice.client_group, practice.client_group_member TO backoffice_identity;
INSERT INTO core.archive_exception (table_name, reason) VALUES
  ('practice.client_group_member', 'How one provider sorts its clients: another one has groups of its own.');

-- The clients of a group, for the portfolio, which shows of them those that the caller may see.
CREATE FUNCTION practice.clients_in_group(p_group uuid) RETURNS TABLE (client_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT m.client_id FROM practice.client_group_member m WHERE m.group_id = p_group
$$;
GRANT EXECUTE ON FUNCTION practice.clients_in_group TO backoffice_portfolio;

-- Whether there is such a client, in the provider's transaction.
CREATE FUNCTION practice.is_client(p_client uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  there  boolean;
  set_to text;
BEGIN
  set_to := core.set_tenant(p_client);
  there := EXISTS (SELECT 1 FROM practice.client c WHERE c.tenant_id = p_client);
  set_to := set_config('app.tenant_id', '', true);
  RETURN there;
END $$;
GRANT EXECUTE ON FUNCTION practice.is_client TO backoffice_identity;

UPDATE identity.provider_role SET permissions = permissions || '{practice.client_group.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
