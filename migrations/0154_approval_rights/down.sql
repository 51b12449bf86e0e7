DO $$
DECLARE
  client uuid;
BEGIN
  PERFORM set_config('app.actor_kind', 'system', true), set_config('app.actor_name', 'Rights of approvals', true);
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = ARRAY (SELECT p FROM unnest(r.permissions) AS p WHERE p NOT LIKE 'work.approval%')
     WHERE r.tenant_id = client AND r.permissions && '{work.approval.read,work.approval.request,work.approval.decide,work.approval_policy.manage}';
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true), set_config('app.actor_kind', '', true), set_config('app.actor_name', '', true);
END $$;
