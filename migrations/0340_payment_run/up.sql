-- Payments to vendors: what is due is proposed, approved by somebody who has had no hand in it, and goes to the bank as a
-- file. Whoever could do all three alone could send the client's money anywhere.

------------------------------------------------------------------------------------------------------------ holds
CREATE TABLE finance.vendor_hold (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  vendor_id        uuid NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('all', 'bills', 'payments')),
  reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  until_on         date,
  placed_by_name   text NOT NULL,
  released_at      timestamptz,
  released_by_name text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  CHECK ((released_at IS NULL) = (released_by_name IS NULL))
);
COMMENT ON COLUMN finance.vendor_hold.until_on IS 'the first day on which it does not hold any more; null: until it is released';
SELECT core.raise_wall('finance.vendor_hold', 'mutable');
CREATE INDEX vendor_hold_live ON finance.vendor_hold (tenant_id, vendor_id) WHERE released_at IS NULL;
CREATE INDEX vendor_hold_by_vendor ON finance.vendor_hold (tenant_id, vendor_id, id);

-- A bill of a vendor whose bills are held is entered, and not posted.
CREATE FUNCTION finance.keep_bill_on_hold() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM finance.vendor_hold h JOIN practice.client c ON c.tenant_id = h.tenant_id
              WHERE h.tenant_id = new.tenant_id AND h.vendor_id = new.vendor_id AND h.released_at IS NULL AND h.kind IN ('all', 'bills')
                AND (h.until_on IS NULL OR h.until_on > (now() AT TIME ZONE c.time_zone)::date)) THEN
    RAISE EXCEPTION 'bills of this vendor are on hold' USING ERRCODE = 'BO340', CONSTRAINT = 'BO340';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_on_hold AFTER UPDATE ON finance.bill
  FOR EACH ROW WHEN (old.status = 'draft' AND new.status = 'posted') EXECUTE FUNCTION finance.keep_bill_on_hold();

-------------------------------------------------------------------------------------------------------- bank details
ALTER TABLE finance.vendor ADD COLUMN iban_changed_at timestamptz;
COMMENT ON COLUMN finance.vendor.iban_changed_at IS 'when the bank details became others; null: they are what the record began with';
CREATE FUNCTION finance.note_iban_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  new.iban_changed_at := now();
  RETURN new;
END $$;
CREATE TRIGGER note_iban_change BEFORE UPDATE ON finance.vendor
  FOR EACH ROW WHEN (old.iban IS DISTINCT FROM new.iban) EXECUTE FUNCTION finance.note_iban_change();

ALTER TABLE finance.bank_account ADD COLUMN cooling_off_days integer NOT NULL DEFAULT 3 CHECK (cooling_off_days BETWEEN 0 AND 90);
COMMENT ON COLUMN finance.bank_account.cooling_off_days IS 'for how many days nothing is paid from it to bank details that have changed';

------------------------------------------------------------------------------------------------------------- runs
CREATE TABLE finance.payment_run (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  number           text NOT NULL CHECK (length(number) BETWEEN 1 AND 20),
  bank_account_id  uuid NOT NULL,
  pay_on           date NOT NULL,
  due_until        date NOT NULL,
  currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  state            text NOT NULL CHECK (state IN ('draft', 'approved', 'sent', 'cancelled')),
  payments         integer NOT NULL CHECK (payments >= 0),
  amount           numeric(19, 4) NOT NULL CHECK (amount >= 0),
  proposed_by_name text NOT NULL,
  approved_by      uuid,
  approved_by_name text,
  approved_at      timestamptz,
  file_id          uuid,
  sent_at          timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  FOREIGN KEY (tenant_id, bank_account_id) REFERENCES finance.bank_account (tenant_id, id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES core.file (tenant_id, id),
  CHECK ((approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL) = (approved_by_name IS NULL)),
  CHECK ((state = 'sent') = (file_id IS NOT NULL) AND (state = 'sent') = (sent_at IS NOT NULL)),
  CHECK (state NOT IN ('approved', 'sent') OR (approved_at IS NOT NULL AND payments > 0))
);
COMMENT ON COLUMN finance.payment_run.payments IS 'how many payments it holds: bills that were not left out';
COMMENT ON COLUMN finance.payment_run.amount IS 'their sum, in its currency';
SELECT core.raise_wall('finance.payment_run', 'mutable');
REVOKE INSERT, UPDATE ON finance.payment_run FROM backoffice_app;

CREATE TABLE finance.payment_run_item (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  run_id        uuid NOT NULL,
  line_no       integer NOT NULL CHECK (line_no > 0),
  open_item_id  uuid NOT NULL,
  vendor_id     uuid NOT NULL,
  vendor_name   text NOT NULL,
  document      text NOT NULL,
  due_date      date NOT NULL,
  iban          text,
  currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount        numeric(19, 4) NOT NULL CHECK (amount <> 0),
  state         text NOT NULL CHECK (state IN ('planned', 'left_out', 'sent', 'rejected', 'cancelled')),
  left_out_for  text CHECK (left_out_for IN ('credit', 'another_run', 'no_bank_details', 'on_hold', 'bank_details_pending', 'cooling_off', 'dropped')),
  end_to_end_id text NOT NULL CHECK (length(end_to_end_id) BETWEEN 1 AND 35),
  said          text CHECK (length(said) BETWEEN 1 AND 500),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  version       integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, run_id) REFERENCES finance.payment_run (tenant_id, id),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  CHECK ((state = 'left_out') = (left_out_for IS NOT NULL)),
  CHECK (state = 'left_out' OR (amount > 0 AND iban IS NOT NULL))
);
COMMENT ON COLUMN finance.payment_run_item.said IS 'why it was dropped or rejected: what a person or the bank said';
SELECT core.raise_wall('finance.payment_run_item', 'mutable');
REVOKE INSERT, UPDATE ON finance.payment_run_item FROM backoffice_app;
-- What is on its way is not paid a second time.
CREATE UNIQUE INDEX payment_run_item_live ON finance.payment_run_item (tenant_id, open_item_id) WHERE state IN ('planned', 'sent');
-- The latest run first, the bills of each in their order.
CREATE UNIQUE INDEX payment_run_item_in_order ON finance.payment_run_item (tenant_id, run_id DESC, line_no);
CREATE INDEX payment_run_item_by_item ON finance.payment_run_item (tenant_id, open_item_id);
CREATE INDEX payment_run_item_by_vendor ON finance.payment_run_item (tenant_id, vendor_id);

-- Why nothing is paid to this vendor from an account with so many days of cooling off on that day; null: nothing is against it.
CREATE FUNCTION finance.against_payment(p_tenant uuid, p_vendor uuid, p_pay_on date, p_cooling_days integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT CASE
    WHEN EXISTS (SELECT 1 FROM finance.vendor_hold h
                  WHERE h.tenant_id = p_tenant AND h.vendor_id = p_vendor AND h.released_at IS NULL AND h.kind IN ('all', 'payments')
                    AND (h.until_on IS NULL OR h.until_on > p_pay_on)) THEN 'on_hold'
    -- Written down and not done: whoever sent it may be right, and the money would go to the old account.
    WHEN EXISTS (SELECT 1 FROM finance.vendor_bank_change b
                  WHERE b.tenant_id = p_tenant AND b.vendor_id = p_vendor AND b.applied_at IS NULL AND b.iban_before IS NOT DISTINCT FROM v.iban
                    AND coalesce((SELECT r.state FROM practice.approval_request r
                                   WHERE r.tenant_id = p_tenant AND r.record_id = b.id ORDER BY r.id DESC LIMIT 1), 'pending')
                        NOT IN ('rejected', 'withdrawn')) THEN 'bank_details_pending'
    WHEN v.iban IS NULL THEN 'no_bank_details'
    WHEN p_pay_on < (v.iban_changed_at AT TIME ZONE c.time_zone)::date + p_cooling_days THEN 'cooling_off'
  END
  FROM finance.vendor v JOIN practice.client c ON c.tenant_id = v.tenant_id
 WHERE v.tenant_id = p_tenant AND v.id = p_vendor
$$;
GRANT EXECUTE ON FUNCTION finance.against_payment TO backoffice_app;

-- What a run holds, written anew from its items.
CREATE FUNCTION finance.sum_payment_run(p_tenant uuid, p_run uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE finance.payment_run r SET payments = s.payments, amount = s.amount
    FROM (SELECT count(*)::integer AS payments, coalesce(sum(i.amount), 0) AS amount FROM finance.payment_run_item i
           WHERE i.tenant_id = p_tenant AND i.run_id = p_run AND i.state = 'planned') s
   WHERE r.tenant_id = p_tenant AND r.id = p_run
$$;

-- Proposes the payment of everything that is due until a day. One proposal of a client after the other, so that nothing is in
-- two of them. Outcomes: 'ok'; 'unknown', 'inactive': the bank account; 'number': it has no IBAN to pay from;
-- 'currency': SEPA payments are in euros; 'nothing' is due.
CREATE FUNCTION finance.propose_payment_run(p_id uuid, p_bank_account uuid, p_pay_on date, p_due_until date, OUT outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  bank finance.bank_account;
  called text;
BEGIN
  PERFORM pg_advisory_xact_lock(4210340, hashtext(tenant::text));
  SELECT b.* INTO bank FROM finance.bank_account b WHERE b.tenant_id = tenant AND b.id = p_bank_account FOR SHARE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN NOT bank.active THEN 'inactive' WHEN bank.iban IS NULL THEN 'number'
                  WHEN bank.currency <> 'EUR' THEN 'currency' END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  called := core.next_number(tenant, 'payment_run', 'PAY-');
  INSERT INTO finance.payment_run (tenant_id, id, number, bank_account_id, pay_on, due_until, currency, state, payments, amount, proposed_by_name)
  VALUES (tenant, p_id, called, bank.id, p_pay_on, p_due_until, bank.currency, 'draft', 0, 0, coalesce(current_setting('app.actor_name', true), ''));
  INSERT INTO finance.payment_run_item (tenant_id, id, run_id, line_no, open_item_id, vendor_id, vendor_name, document, due_date, iban,
    currency, amount, state, left_out_for, end_to_end_id)
  SELECT tenant, gen_random_uuid(), p_id, d.line_no, d.id, d.vendor_id, d.party_name, d.document, d.due_date, d.iban, d.currency, d.open_amount,
         CASE WHEN d.against IS NULL THEN 'planned' ELSE 'left_out' END, d.against, called || '-' || d.line_no
    FROM (SELECT o.id, o.vendor_id, o.party_name, o.document, o.due_date, v.iban, o.currency, o.open_amount,
                 row_number() OVER (ORDER BY o.due_date, o.party_name, o.id)::integer AS line_no,
                 CASE WHEN o.open_amount < 0 THEN 'credit'
                      WHEN EXISTS (SELECT 1 FROM finance.payment_run_item l
                                    WHERE l.tenant_id = tenant AND l.open_item_id = o.id AND l.state IN ('planned', 'sent')) THEN 'another_run'
                      ELSE w.against END AS against
            FROM finance.open_item o
            JOIN finance.vendor v ON v.tenant_id = o.tenant_id AND v.id = o.vendor_id
            JOIN (SELECT p.id, finance.against_payment(tenant, p.id, p_pay_on, bank.cooling_off_days) AS against
                    FROM finance.vendor p WHERE p.tenant_id = tenant) w ON w.id = o.vendor_id
           WHERE o.tenant_id = tenant AND o.side = 'payable' AND NOT o.settled AND o.due_date <= p_due_until AND o.currency = bank.currency) d;
  outcome := CASE WHEN FOUND THEN 'ok' ELSE 'nothing' END;
  PERFORM finance.sum_payment_run(tenant, p_id);
END $$;
GRANT EXECUTE ON FUNCTION finance.propose_payment_run TO backoffice_app;

-- Takes payments out of a draft. Outcomes: 'ok', 'unknown' run, 'item': one is not a planned payment of it, or its state.
CREATE FUNCTION finance.drop_payments(p_run uuid, p_items uuid[], p_said text, OUT outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  run finance.payment_run;
  dropped integer;
BEGIN
  SELECT r.* INTO run FROM finance.payment_run r WHERE r.tenant_id = tenant AND r.id = p_run FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN run.state <> 'draft' THEN run.state END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  UPDATE finance.payment_run_item i SET state = 'left_out', left_out_for = 'dropped', said = p_said
   WHERE i.tenant_id = tenant AND i.run_id = run.id AND i.id = ANY (p_items) AND i.state = 'planned';
  GET DIAGNOSTICS dropped = ROW_COUNT;
  outcome := CASE WHEN dropped = cardinality(p_items) THEN 'ok' ELSE 'item' END;
  PERFORM finance.sum_payment_run(tenant, run.id);
END $$;
GRANT EXECUTE ON FUNCTION finance.drop_payments TO backoffice_app;

-- The vendor of a payment of the run that would not be made any more as it was proposed; null: all of them would.
CREATE FUNCTION finance.outdated_payment(p_tenant uuid, p_run uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT i.vendor_name
    FROM finance.payment_run r
    JOIN finance.bank_account b ON b.tenant_id = r.tenant_id AND b.id = r.bank_account_id
    JOIN finance.payment_run_item i ON i.tenant_id = r.tenant_id AND i.run_id = r.id AND i.state = 'planned'
    JOIN finance.open_item o ON o.tenant_id = i.tenant_id AND o.id = i.open_item_id
    JOIN (SELECT v.id, v.iban, finance.against_payment(p_tenant, v.id, q.pay_on, k.cooling_off_days) AS against
            FROM finance.payment_run q
            JOIN finance.bank_account k ON k.tenant_id = q.tenant_id AND k.id = q.bank_account_id
            JOIN finance.vendor v ON v.tenant_id = q.tenant_id
           WHERE q.tenant_id = p_tenant AND q.id = p_run) w ON w.id = i.vendor_id
   WHERE r.tenant_id = p_tenant AND r.id = p_run
     AND (o.open_amount <> i.amount OR w.iban IS DISTINCT FROM i.iban OR w.against IS NOT NULL OR NOT b.active)
   ORDER BY i.line_no LIMIT 1
$$;

-- Releases a run, as whoever acts. Outcomes: 'ok'; 'unknown'; its state; 'empty'; 'program': only people do; 'maker': he has had
-- a hand in it, by whichever account; 'outdated': a payment would not be made any more as it was proposed. Refuses what needs an
-- approval by the client's policy and has none.
CREATE FUNCTION finance.approve_payment_run(p_run uuid, OUT outcome text, OUT vendor text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  actor uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  run finance.payment_run;
BEGIN
  SELECT r.* INTO run FROM finance.payment_run r WHERE r.tenant_id = tenant AND r.id = p_run FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown'
                  WHEN actor IS NULL OR current_setting('app.actor_kind', true) IS DISTINCT FROM 'user' THEN 'program'
                  WHEN run.state <> 'draft' THEN run.state
                  WHEN run.payments = 0 THEN 'empty'
                  WHEN EXISTS (SELECT 1 FROM unnest(practice.makers_of(tenant, run.id, NULL)) AS m (id)
                                WHERE practice.same_person(m.id, actor)) THEN 'maker' END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  vendor := finance.outdated_payment(tenant, run.id);
  outcome := CASE WHEN vendor IS NULL THEN 'ok' ELSE 'outdated' END;
  IF outcome <> 'ok' THEN RETURN; END IF;
  PERFORM practice.expect_approval('payment_run', run.id, 'BO151');
  UPDATE finance.payment_run r
     SET state = 'approved', approved_by = actor, approved_by_name = coalesce(current_setting('app.actor_name', true), ''), approved_at = now()
   WHERE r.tenant_id = tenant AND r.id = run.id;
END $$;
GRANT EXECUTE ON FUNCTION finance.approve_payment_run TO backoffice_app;

-- The run goes to the bank as this file. Outcomes: 'ok', 'unknown', its state, 'outdated' as above.
CREATE FUNCTION finance.send_payment_run(p_run uuid, p_file uuid, OUT outcome text, OUT vendor text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  run finance.payment_run;
BEGIN
  SELECT r.* INTO run FROM finance.payment_run r WHERE r.tenant_id = tenant AND r.id = p_run FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN run.state <> 'approved' THEN run.state END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  vendor := finance.outdated_payment(tenant, run.id);
  outcome := CASE WHEN vendor IS NULL THEN 'ok' ELSE 'outdated' END;
  IF outcome <> 'ok' OR p_file IS NULL THEN RETURN; END IF;
  UPDATE finance.payment_run_item i SET state = 'sent' WHERE i.tenant_id = tenant AND i.run_id = run.id AND i.state = 'planned';
  UPDATE finance.payment_run r SET state = 'sent', file_id = p_file, sent_at = now() WHERE r.tenant_id = tenant AND r.id = run.id;
END $$;
COMMENT ON FUNCTION finance.send_payment_run IS 'without a file it looks whether the run can be sent, and locks it';
GRANT EXECUTE ON FUNCTION finance.send_payment_run TO backoffice_app;

-- Gives up a run that has not gone to the bank. Outcomes: 'ok', 'unknown', its state.
CREATE FUNCTION finance.cancel_payment_run(p_run uuid, OUT outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  run finance.payment_run;
BEGIN
  SELECT r.* INTO run FROM finance.payment_run r WHERE r.tenant_id = tenant AND r.id = p_run FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN run.state NOT IN ('draft', 'approved') THEN run.state ELSE 'ok' END;
  IF outcome <> 'ok' THEN RETURN; END IF;
  UPDATE finance.payment_run_item i SET state = 'cancelled' WHERE i.tenant_id = tenant AND i.run_id = run.id AND i.state = 'planned';
  UPDATE finance.payment_run r SET state = 'cancelled' WHERE r.tenant_id = tenant AND r.id = run.id;
END $$;
GRANT EXECUTE ON FUNCTION finance.cancel_payment_run TO backoffice_app;

-- The bank has not made these payments of a run: their bills are free for the next one. Outcomes: 'ok'; 'unknown'; its state;
-- 'item': one is no payment of it that is on its way; 'paid': a bill of one is settled already.
CREATE FUNCTION finance.reject_payments(p_run uuid, p_items uuid[], p_said text[], OUT outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  run finance.payment_run;
  rejected integer;
BEGIN
  SELECT r.* INTO run FROM finance.payment_run r WHERE r.tenant_id = tenant AND r.id = p_run FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN run.state <> 'sent' THEN run.state
                  WHEN EXISTS (SELECT 1 FROM finance.payment_run_item i
                                 JOIN finance.open_item o ON o.tenant_id = i.tenant_id AND o.id = i.open_item_id
                                WHERE i.tenant_id = tenant AND i.run_id = run.id AND i.id = ANY (p_items) AND o.open_amount <> i.amount) THEN 'paid' END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  UPDATE finance.payment_run_item i SET state = 'rejected', said = w.said
    FROM unnest(p_items, p_said) AS w (id, said)
   WHERE i.tenant_id = tenant AND i.run_id = run.id AND i.id = w.id AND i.state = 'sent';
  GET DIAGNOSTICS rejected = ROW_COUNT;
  outcome := CASE WHEN rejected = cardinality(p_items) THEN 'ok' ELSE 'item' END;
END $$;
GRANT EXECUTE ON FUNCTION finance.reject_payments TO backoffice_app;

-------------------------------------------------------------------------------------------------------------- approval
CREATE FUNCTION finance.payment_run_to_approve(p_tenant uuid, p_record uuid, p_lock boolean)
RETURNS TABLE (title text, counterparty_id uuid, counterparty text, amount numeric, currency text, rate numeric, day date, open boolean, fingerprint text)
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF p_lock THEN
    PERFORM 1 FROM finance.payment_run r WHERE r.tenant_id = p_tenant AND r.id = p_record FOR SHARE;
  END IF;
  RETURN QUERY
    SELECT 'Payment run ' || r.number || ': ' || r.payments || ' payments on ' || r.pay_on, NULL::uuid, NULL::text, r.amount, r.currency,
           coalesce(f.rate, 1), r.pay_on, r.state = 'draft', f.fingerprint
      FROM finance.payment_run r
     CROSS JOIN LATERAL (
           SELECT round(sum(o.open_book) / nullif(sum(o.open_amount), 0), 8) AS rate,
                  encode(sha256(convert_to(jsonb_build_array(r.bank_account_id, r.pay_on,
                    jsonb_agg(jsonb_build_array(i.open_item_id, i.iban, i.amount) ORDER BY i.line_no))::text, 'UTF8')), 'hex') AS fingerprint
             FROM finance.payment_run_item i
             JOIN finance.open_item o ON o.tenant_id = i.tenant_id AND o.id = i.open_item_id
            WHERE i.tenant_id = p_tenant AND i.run_id = r.id AND i.state IN ('planned', 'sent')) f
     WHERE r.tenant_id = p_tenant AND r.id = p_record;
END $$;
INSERT INTO practice.approval_subject (subject, facts) VALUES ('payment_run', 'finance.payment_run_to_approve');
CREATE TRIGGER note_edit AFTER UPDATE ON finance.payment_run
  FOR EACH ROW WHEN (new.state = 'draft') EXECUTE FUNCTION practice.note_edit('payment_run');

INSERT INTO core.record_type (node_type, home) VALUES
  ('VendorHold', 'finance.vendor_hold'),
  ('PaymentRun', 'finance.payment_run'),
  ('PaymentRunItem', 'finance.payment_run_item');
SELECT core.know_record_types();
