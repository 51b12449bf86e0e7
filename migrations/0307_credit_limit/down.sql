DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = ARRAY(SELECT p.name FROM unnest(r.permissions) WITH ORDINALITY AS p (name, at)
                                WHERE p.name <> 'finance.credit.override' ORDER BY p.at)
     WHERE r.tenant_id = client AND 'finance.credit.override' = ANY (r.permissions);
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
DROP TABLE finance.credit_override, finance.credit_limit;
