-- Clients that are there already get what new clients' roles hold from now on, by the names that those roles were founded
-- with. A role that was given another name is its client's own business.
DO $$
DECLARE
  client uuid;
  given record;
BEGIN
  PERFORM set_config('app.actor_kind', 'system', true), set_config('app.actor_name', 'Rights of approvals', true);
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR given IN SELECT * FROM (VALUES
        ('Accountant', '{work.approval.read,work.approval.request,work.approval.decide}'::text[]),
        ('Bookkeeper', '{work.approval.read,work.approval.request}'),
        ('Client administrator', '{work.approval.read,work.approval.decide,work.approval_policy.manage}'),
        ('Auditor', '{work.approval.read}'),
        ('Portal', '{work.approval.read,work.approval.decide}')) AS g (name, rights) LOOP
      UPDATE identity.role r SET permissions = r.permissions || ARRAY (SELECT p FROM unnest(given.rights) AS p WHERE p <> ALL (r.permissions))
       WHERE r.tenant_id = client AND r.name = given.name AND NOT r.permissions @> given.rights;
    END LOOP;
    -- the trail is sealed while its client is still that of the transaction
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true), set_config('app.actor_kind', '', true), set_config('app.actor_name', '', true);
END $$;
