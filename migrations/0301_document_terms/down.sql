CREATE OR REPLACE FUNCTION finance.bill_to_approve(p_tenant uuid, p_record uuid, p_lock boolean)
RETURNS TABLE (title text, counterparty_id uuid, counterparty text, amount numeric, currency text, rate numeric, day date, open boolean, fingerprint text)
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF p_lock THEN
    PERFORM 1 FROM finance.bill b WHERE b.tenant_id = p_tenant AND b.id = p_record FOR SHARE;
  END IF;
  RETURN QUERY
    SELECT 'Bill ' || b.number || ' of ' || b.vendor_name, b.vendor_id, b.vendor_name, b.gross, b.currency, b.exchange_rate, b.bill_date,
           b.status = 'draft',
           encode(sha256(convert_to(jsonb_build_array(b.vendor_id, b.number, b.bill_date, b.due_date, b.currency, b.exchange_rate, b.rounding,
             b.net, b.tax, b.gross,
             (SELECT jsonb_agg(jsonb_build_array(l.line_no, l.description, l.quantity, l.unit_price, l.discount_percent, l.account_id,
                                                 l.tax_code_id, l.tax_percent, l.net) ORDER BY l.line_no)
                FROM finance.bill_line l WHERE l.tenant_id = p_tenant AND l.bill_id = b.id))::text, 'UTF8')), 'hex')
      FROM finance.bill b WHERE b.tenant_id = p_tenant AND b.id = p_record;
END $$;
COMMENT ON COLUMN finance.credit_note_line.tax IS NULL;
ALTER TABLE finance.credit_note_line DROP COLUMN second_tax, DROP COLUMN second_tax_percent, DROP COLUMN second_tax_code_id;
ALTER TABLE finance.bill_line DROP COLUMN second_tax_percent, DROP COLUMN second_tax_code_id;
ALTER TABLE finance.invoice_line DROP COLUMN second_tax_percent, DROP COLUMN second_tax_code_id;
ALTER TABLE finance.bill DROP COLUMN prices_include_tax, DROP COLUMN discount_percent;
ALTER TABLE finance.invoice DROP COLUMN prices_include_tax, DROP COLUMN discount_percent;
