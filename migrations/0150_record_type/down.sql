CREATE FUNCTION core.version_of_all_but_work(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'Client' THEN SELECT r.version INTO found FROM practice.client r WHERE r.tenant_id = p_tenant;
    WHEN 'Grant' THEN SELECT r.version INTO found FROM identity.access_grant r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Invitation' THEN SELECT r.version INTO found FROM identity.invitation r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Role' THEN SELECT r.version INTO found FROM identity.role r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'IdentityProvider' THEN SELECT r.version INTO found FROM identity.identity_provider r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'ServiceAccount' THEN SELECT r.version INTO found FROM identity.service_account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Account' THEN SELECT r.version INTO found FROM finance.account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'TaxCode' THEN SELECT r.version INTO found FROM finance.tax_code r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Ledger' THEN SELECT r.version INTO found FROM finance.ledger r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'LockException' THEN SELECT r.version INTO found FROM finance.lock_exception r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Customer' THEN SELECT r.version INTO found FROM finance.customer r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Vendor' THEN SELECT r.version INTO found FROM finance.vendor r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Invoice' THEN SELECT r.version INTO found FROM finance.invoice r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Bill' THEN SELECT r.version INTO found FROM finance.bill r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BankAccount' THEN SELECT r.version INTO found FROM finance.bank_account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BankLine' THEN SELECT r.version INTO found FROM finance.bank_line r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'File' THEN SELECT r.version INTO found FROM core.file r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'WebhookEndpoint' THEN SELECT r.version INTO found FROM core.webhook_endpoint r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'DocumentManifest' THEN SELECT r.version INTO found FROM practice.document_manifest r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BusinessCalendar' THEN SELECT r.version INTO found FROM core.business_calendar r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Clock' THEN SELECT r.version INTO found FROM core.clock r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    ELSE NULL;
  END CASE;
  RETURN found;
END $$;
CREATE OR REPLACE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'WorkItem' THEN SELECT r.version INTO found FROM practice.work_item r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Engagement' THEN SELECT r.version INTO found FROM practice.engagement r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    ELSE found := core.version_of_all_but_work(p_tenant, p_type, p_node);
  END CASE;
  RETURN found;
END $$;
DROP FUNCTION core.know_record_types;
DROP TABLE core.record_type;
