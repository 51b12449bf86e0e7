-- The rights to documents reach the roles that clients began with, where they are still what they were: those who do a client's
-- work, who check it, and the client's own people. A role that was changed is its client's own business.
CREATE FUNCTION practice.add_to_founded_roles(p_name text, p_holds text, p_rights text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = r.permissions || ARRAY(SELECT p FROM unnest(p_rights) AS p WHERE p <> ALL (r.permissions))
     WHERE r.tenant_id = client AND r.name = p_name AND r.permissions @> ARRAY[p_holds] AND NOT r.permissions @> p_rights;
    -- the trail of each client is sealed while it is the transaction's
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
SELECT practice.add_to_founded_roles('Accountant', 'work.item.manage', '{office.document.read,office.document.manage,office.client_document.read,office.document.share,office.document_type.manage,office.retention.manage,office.disposal.propose,office.disposal.confirm,office.legal_hold.read,office.legal_hold.manage}');
SELECT practice.add_to_founded_roles('Bookkeeper', 'work.item.manage', '{office.document.read,office.document.manage,office.client_document.read,office.document.share}');
SELECT practice.add_to_founded_roles('Client administrator', 'work.request.answer', '{office.client_document.read}');
SELECT practice.add_to_founded_roles('Portal', 'work.request.answer', '{office.client_document.read}');
SELECT practice.add_to_founded_roles('Auditor', 'audit.trail.read', '{office.client_document.read}');
-- contract: made above for this step alone
DROP FUNCTION practice.add_to_founded_roles;
