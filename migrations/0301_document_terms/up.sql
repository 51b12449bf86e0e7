-- What besides its lines decides the amounts of a document: a discount on all of it, prices that include their taxes, and
-- a second tax of the same net amount on a line.

ALTER TABLE finance.invoice ADD COLUMN discount_percent numeric(7, 4) NOT NULL DEFAULT 0;
ALTER TABLE finance.invoice ADD COLUMN prices_include_tax boolean NOT NULL DEFAULT false;
ALTER TABLE finance.invoice ADD CONSTRAINT invoice_discount CHECK (discount_percent BETWEEN 0 AND 100);
ALTER TABLE finance.bill ADD COLUMN discount_percent numeric(7, 4) NOT NULL DEFAULT 0;
ALTER TABLE finance.bill ADD COLUMN prices_include_tax boolean NOT NULL DEFAULT false;
ALTER TABLE finance.bill ADD CONSTRAINT bill_discount CHECK (discount_percent BETWEEN 0 AND 100);

DO $$
DECLARE line text;
BEGIN
  FOREACH line IN ARRAY ARRAY['invoice_line', 'bill_line', 'credit_note_line'] LOOP
    EXECUTE format('ALTER TABLE finance.%I ADD COLUMN second_tax_code_id uuid', line);
    EXECUTE format('ALTER TABLE finance.%I ADD COLUMN second_tax_percent numeric(7, 4) NOT NULL DEFAULT 0', line);
    EXECUTE format('ALTER TABLE finance.%I ADD CONSTRAINT %I FOREIGN KEY (tenant_id, second_tax_code_id)
                      REFERENCES finance.tax_code (tenant_id, id)', line, line || '_second_tax');
    EXECUTE format('ALTER TABLE finance.%I ADD CONSTRAINT %I CHECK (second_tax_code_id IS NULL OR tax_code_id <> second_tax_code_id)',
                   line, line || '_taxes_differ');
  END LOOP;
END $$;
ALTER TABLE finance.credit_note_line ADD COLUMN second_tax numeric(19, 4) NOT NULL DEFAULT 0;
COMMENT ON COLUMN finance.credit_note_line.tax IS 'the share of the first tax';

-- What is approved of a bill says these, too. A bill without them keeps the fingerprint that it had.
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
                FROM finance.bill_line l WHERE l.tenant_id = p_tenant AND l.bill_id = b.id))::text
             || CASE WHEN b.discount_percent <> 0 OR b.prices_include_tax
                     THEN jsonb_build_array(b.discount_percent, b.prices_include_tax)::text ELSE '' END
             || coalesce((SELECT jsonb_agg(jsonb_build_array(l.line_no, l.second_tax_code_id, l.second_tax_percent) ORDER BY l.line_no)::text
                            FROM finance.bill_line l
                           WHERE l.tenant_id = p_tenant AND l.bill_id = b.id AND l.second_tax_code_id IS NOT NULL), ''), 'UTF8')), 'hex')
      FROM finance.bill b WHERE b.tenant_id = p_tenant AND b.id = p_record;
END $$;
