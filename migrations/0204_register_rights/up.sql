-- The rights to registers for the roles that clients were founded with. They are told by their names and by a right that they
-- hold from their beginning; a role that a client has made anew or renamed is the client's own business.
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
        ('Accountant', 'work.item.perform', '{office.register.read,office.register.manage,office.register_record.enter,office.register_record.confirm}'::text[]),
        ('Bookkeeper', 'work.item.perform', '{office.register.read,office.register_record.enter,office.register_record.confirm}'::text[]),
        ('Client administrator', 'work.request.answer', '{office.register.read,office.register.manage,office.register_record.enter,office.register_record.confirm}'::text[]),
        ('Auditor', 'audit.trail.read', '{office.register.read}'::text[])) AS g (name, held, added)
     WHERE r.tenant_id = client AND r.name = g.name AND g.held = ANY (r.permissions) AND NOT r.permissions @> g.added;
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
