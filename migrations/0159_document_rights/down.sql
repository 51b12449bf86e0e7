DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = ARRAY(SELECT p FROM unnest(r.permissions) AS p
                                WHERE p NOT IN ('office.document.read', 'office.document.manage', 'office.client_document.read',
                                  'office.document.share', 'office.document_type.manage', 'office.retention.manage',
                                  'office.disposal.propose', 'office.disposal.confirm', 'office.legal_hold.read', 'office.legal_hold.manage'))
     WHERE r.tenant_id = client AND r.permissions && '{office.document.read,office.client_document.read,office.document.manage,office.document.share,office.document_type.manage,office.retention.manage,office.disposal.propose,office.disposal.confirm,office.legal_hold.read,office.legal_hold.manage}';
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
