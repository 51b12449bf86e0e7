DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = ARRAY(SELECT p FROM unnest(r.permissions) AS p WHERE p <> ALL ('{office.register.read,office.register.manage,office.register_record.enter,office.register_record.confirm}'::text[]))
     WHERE r.tenant_id = client AND r.permissions && '{office.register.read,office.register.manage,office.register_record.enter,office.register_record.confirm}'::text[];
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
