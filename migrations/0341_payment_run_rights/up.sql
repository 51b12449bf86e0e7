-- The rights to payment runs for the roles that clients were founded with, where they are still what they were. They are told
-- by their names and by a right that they hold from their beginning.
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = r.permissions || ARRAY(SELECT a.name FROM unnest(g.added) WITH ORDINALITY AS a (name, at)
                                                WHERE a.name <> ALL (r.permissions) ORDER BY a.at)
      FROM (VALUES
        ('Accountant', 'finance.bill.post', '{finance.payment_run.read,finance.payment_run.propose,finance.payment_run.approve}'::text[]),
        ('Bookkeeper', 'finance.bill.post', '{finance.payment_run.read,finance.payment_run.propose}'::text[]),
        ('Client administrator', 'finance.bill.read', '{finance.payment_run.read,finance.payment_run.approve}'::text[]),
        ('Auditor', 'finance.bill.read', '{finance.payment_run.read}'::text[])) AS g (name, held, added)
     WHERE r.tenant_id = client AND r.name = g.name AND g.held = ANY (r.permissions) AND NOT r.permissions @> g.added;
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
