-- A vendor's bank details change in two steps where the client's policy wants an approval: what is to become of them is
-- written down, approved by others, and then done. Whoever could change them alone could have the money sent anywhere.

CREATE TABLE finance.vendor_bank_change (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  vendor_id        uuid NOT NULL,
  vendor_name      text NOT NULL CHECK (length(vendor_name) BETWEEN 1 AND 200),
  iban_before      text,
  iban             text CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$'),
  proposed_by_name text NOT NULL,
  applied_at       timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  CHECK (iban IS DISTINCT FROM iban_before)
);
COMMENT ON COLUMN finance.vendor_bank_change.iban IS 'what it becomes; null: none';
SELECT core.raise_wall('finance.vendor_bank_change', 'mutable');
REVOKE UPDATE ON finance.vendor_bank_change FROM backoffice_app;
CREATE INDEX vendor_bank_change_by_vendor ON finance.vendor_bank_change (tenant_id, vendor_id, id);

CREATE FUNCTION finance.bank_change_to_approve(p_tenant uuid, p_record uuid, p_lock boolean)
RETURNS TABLE (title text, counterparty_id uuid, counterparty text, amount numeric, currency text, rate numeric, day date, open boolean, fingerprint text)
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF p_lock THEN
    PERFORM 1 FROM finance.vendor_bank_change c WHERE c.tenant_id = p_tenant AND c.id = p_record FOR SHARE;
  END IF;
  RETURN QUERY
    SELECT 'Bank details of ' || c.vendor_name || ': ' || coalesce(c.iban_before, 'none') || ' becomes ' || coalesce(c.iban, 'none'),
           c.vendor_id, c.vendor_name, NULL::numeric, NULL::text, NULL::numeric, NULL::date, c.applied_at IS NULL,
           encode(sha256(convert_to(jsonb_build_array(c.vendor_id, c.iban_before, c.iban)::text, 'UTF8')), 'hex')
      FROM finance.vendor_bank_change c WHERE c.tenant_id = p_tenant AND c.id = p_record;
END $$;
INSERT INTO practice.approval_subject (subject, facts) VALUES ('vendor_bank_change', 'finance.bank_change_to_approve');

-- Does what was written down. Outcomes: 'ok', 'unknown', 'done', 'stale': the bank details are not any more what they were.
-- Refuses what needs an approval and has none.
CREATE FUNCTION finance.apply_bank_change(p_change uuid, OUT outcome text, OUT vendor_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  c finance.vendor_bank_change;
  stands text;
BEGIN
  SELECT h.* INTO c FROM finance.vendor_bank_change h WHERE h.tenant_id = tenant AND h.id = p_change FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN c.applied_at IS NOT NULL THEN 'done' END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  SELECT v.iban INTO stands FROM finance.vendor v WHERE v.tenant_id = tenant AND v.id = c.vendor_id FOR NO KEY UPDATE;
  outcome := CASE WHEN stands IS DISTINCT FROM c.iban_before THEN 'stale' ELSE 'ok' END;
  IF outcome <> 'ok' THEN RETURN; END IF;
  PERFORM practice.expect_approval('vendor_bank_change', c.id, 'BO151');
  UPDATE finance.vendor v SET iban = c.iban WHERE v.tenant_id = tenant AND v.id = c.vendor_id;
  UPDATE finance.vendor_bank_change h SET applied_at = now() WHERE h.tenant_id = tenant AND h.id = c.id;
  vendor_id := c.vendor_id;
END $$;
GRANT EXECUTE ON FUNCTION finance.apply_bank_change TO backoffice_app;

-- Where a policy covers them, the server's role changes bank details by the function above, which runs as the owner of the
-- table, and in no other way.
CREATE FUNCTION finance.keep_bank_details() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF current_user = 'backoffice_app'
     AND EXISTS (SELECT 1 FROM practice.approval_policy p
                  WHERE p.tenant_id = new.tenant_id AND p.subject = 'vendor_bank_change' AND p.ended_at IS NULL) THEN
    RAISE EXCEPTION 'bank details change by an approval' USING ERRCODE = 'BO157', CONSTRAINT = 'BO157';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_bank_details BEFORE UPDATE ON finance.vendor
  FOR EACH ROW WHEN (old.iban IS DISTINCT FROM new.iban) EXECUTE FUNCTION finance.keep_bank_details();

INSERT INTO core.record_type (node_type, home) VALUES ('VendorBankChange', 'finance.vendor_bank_change');
SELECT core.know_record_types();
