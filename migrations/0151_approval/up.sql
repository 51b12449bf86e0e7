-- Approvals: policies as data, requests that go through their steps, decisions. Whoever made something never approves it.
-- What counts is written by the functions below and by nothing else: the server's role reads requests, and cannot approve
-- one by any statement of its own. What must not happen without an approval is refused by triggers on the records.

-- Accounts that belong to one person; null: the account stands for a person of its own.
ALTER TABLE identity.account ADD COLUMN person_id uuid;
COMMENT ON COLUMN identity.account.person_id IS 'the same on all accounts of one person; null: this is the only one that is known';
CREATE INDEX account_by_person ON identity.account (person_id) WHERE person_id IS NOT NULL;

-- What can need an approval, and which functions of its department say what it is. A department adds a line for each.
--   facts     (client, record, lock) -> what is to be approved; locked: it stays as it is until the transaction ends
--   together  (client, counterparty, first day, day behind the last) -> records that may count together with it
CREATE TABLE practice.approval_subject (
  subject  text PRIMARY KEY CHECK (subject ~ '^[a-z_]{1,30}$'),
  facts    text NOT NULL CHECK (to_regproc(facts) IS NOT NULL),
  together text CHECK (together IS NULL OR to_regproc(together) IS NOT NULL)
);
COMMENT ON TABLE practice.approval_subject IS 'local: what can need an approval';

---------------------------------------------------------------------------------------------------------- policies
CREATE TABLE practice.approval_policy (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  subject     text NOT NULL REFERENCES practice.approval_subject,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  edition     integer NOT NULL CHECK (edition > 0),
  ended_at    timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN practice.approval_policy.edition IS 'the edition that new requests are started under';
SELECT core.raise_wall('practice.approval_policy', 'mutable');
CREATE UNIQUE INDEX approval_policy_live ON practice.approval_policy (tenant_id, subject) WHERE ended_at IS NULL;

CREATE TABLE practice.approval_edition (
  tenant_id           uuid NOT NULL,
  id                  uuid NOT NULL,
  policy_id           uuid NOT NULL,
  number              integer NOT NULL CHECK (number > 0),
  on_edit             text NOT NULL CHECK (on_edit IN ('void', 'refuse')),
  split_days          integer CHECK (split_days BETWEEN 1 AND 366),
  expires_after_hours integer CHECK (expires_after_hours BETWEEN 1 AND 8784),
  made_by             uuid NOT NULL,
  made_by_name        text NOT NULL,
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, policy_id, number),
  FOREIGN KEY (tenant_id, policy_id) REFERENCES practice.approval_policy (tenant_id, id)
);
COMMENT ON TABLE practice.approval_edition IS 'append-only';
COMMENT ON COLUMN practice.approval_edition.on_edit IS 'what becomes of a change while the record is under review';
SELECT core.raise_wall('practice.approval_edition', 'append_only');

CREATE TABLE practice.approval_band (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  edition_id  uuid NOT NULL,
  number      integer NOT NULL CHECK (number > 0),
  currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  above       numeric(19, 4) CHECK (above >= 0),
  up_to       numeric(19, 4) CHECK (up_to > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, edition_id, number),
  FOREIGN KEY (tenant_id, edition_id) REFERENCES practice.approval_edition (tenant_id, id),
  CHECK (up_to > above)
);
COMMENT ON TABLE practice.approval_band IS 'append-only';
COMMENT ON COLUMN practice.approval_band.above IS 'amounts above this; null: from nothing on';
COMMENT ON COLUMN practice.approval_band.up_to IS 'up to and with this amount; null: without limit';
SELECT core.raise_wall('practice.approval_band', 'append_only');

CREATE TABLE practice.approval_step (
  tenant_id            uuid NOT NULL,
  id                   uuid NOT NULL,
  band_id              uuid NOT NULL,
  number               integer NOT NULL CHECK (number > 0),
  stage                integer NOT NULL CHECK (stage BETWEEN 1 AND 20),
  needed               integer NOT NULL CHECK (needed BETWEEN 1 AND 20),
  escalate_after_hours integer CHECK (escalate_after_hours BETWEEN 1 AND 8784),
  created_at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, band_id, number),
  FOREIGN KEY (tenant_id, band_id) REFERENCES practice.approval_band (tenant_id, id)
);
COMMENT ON TABLE practice.approval_step IS 'append-only';
COMMENT ON COLUMN practice.approval_step.stage IS 'steps of one stage stand beside each other; the next stage begins when they are approved';
SELECT core.raise_wall('practice.approval_step', 'append_only');

CREATE TABLE practice.approval_approver (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  step_id       uuid NOT NULL,
  role_id       uuid,
  account_id    uuid REFERENCES identity.account,
  on_escalation boolean NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, step_id) REFERENCES practice.approval_step (tenant_id, id),
  FOREIGN KEY (tenant_id, role_id) REFERENCES identity.role (tenant_id, id),
  CHECK (num_nonnulls(role_id, account_id) = 1)
);
COMMENT ON TABLE practice.approval_approver IS 'append-only';
COMMENT ON COLUMN practice.approval_approver.on_escalation IS 'only once the step has waited for too long';
SELECT core.raise_wall('practice.approval_approver', 'append_only');
CREATE INDEX approval_approver_by_step ON practice.approval_approver (tenant_id, step_id);

-- The bands of a currency lie side by side, and the last one has no end. Asked when the transaction is committed.
CREATE FUNCTION practice.check_bands() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM (SELECT b.above, b.up_to,
                          lag(b.up_to) OVER (ORDER BY b.above NULLS FIRST, b.number) AS before,
                          row_number() OVER (ORDER BY b.above NULLS FIRST, b.number) AS place,
                          count(*) OVER () AS bands
                     FROM practice.approval_band b
                    WHERE b.tenant_id = new.tenant_id AND b.edition_id = new.edition_id AND b.currency = new.currency) o
     WHERE (o.place > 1 AND o.before IS DISTINCT FROM o.above) OR (o.place = o.bands) <> (o.up_to IS NULL)
  ) THEN
    RAISE EXCEPTION 'bands overlap or leave a gap' USING ERRCODE = 'BO156', CONSTRAINT = 'BO156';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_bands AFTER INSERT ON practice.approval_band
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION practice.check_bands();

------------------------------------------------------------------------------------------------------- delegations
CREATE TABLE practice.approval_delegation (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  delegator_id uuid NOT NULL REFERENCES identity.account,
  delegate_id  uuid NOT NULL REFERENCES identity.account,
  subject      text REFERENCES practice.approval_subject,
  most         numeric(19, 4) CHECK (most > 0),
  currency     text CHECK (currency ~ '^[A-Z]{3}$'),
  from_on      date NOT NULL,
  until_on     date NOT NULL CHECK (until_on > from_on),
  ended_at     timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK (delegator_id <> delegate_id),
  CHECK ((most IS NULL) = (currency IS NULL))
);
COMMENT ON COLUMN practice.approval_delegation.until_on IS 'the first day on which it does not hold any more, in the client''s time zone';
SELECT core.raise_wall('practice.approval_delegation', 'mutable');
CREATE INDEX approval_delegation_by_delegate ON practice.approval_delegation (tenant_id, delegate_id) WHERE ended_at IS NULL;
CREATE INDEX approval_delegation_by_delegator ON practice.approval_delegation (tenant_id, delegator_id) WHERE ended_at IS NULL;

-- Nobody's decisions come back to himself on any day. Who delegates in one client does so one after the other: of two
-- delegations that close a circle together, the second one is refused.
CREATE FUNCTION practice.no_circle_of_delegates() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(4210152, hashtext(new.tenant_id::text));
  IF EXISTS (
    WITH RECURSIVE goes (account_id, from_on, until_on) AS (
      SELECT new.delegate_id, new.from_on, new.until_on
      UNION
      SELECT d.delegate_id, greatest(g.from_on, d.from_on), least(g.until_on, d.until_on)
        FROM goes g
        JOIN practice.approval_delegation d ON d.tenant_id = new.tenant_id AND d.delegator_id = g.account_id AND d.ended_at IS NULL
                                           AND d.from_on < g.until_on AND d.until_on > g.from_on
       WHERE g.account_id <> new.delegator_id
    )
    SELECT 1 FROM goes g WHERE g.account_id = new.delegator_id
  ) THEN
    RAISE EXCEPTION 'delegations come back to their beginning' USING ERRCODE = 'BO155', CONSTRAINT = 'BO155';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER no_circle BEFORE INSERT ON practice.approval_delegation FOR EACH ROW EXECUTE FUNCTION practice.no_circle_of_delegates();

-- A delegation ends; otherwise it stays as it was given.
CREATE FUNCTION practice.keep_delegation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF (new.delegator_id, new.delegate_id, new.subject, new.most, new.currency, new.from_on, new.until_on)
     IS DISTINCT FROM (old.delegator_id, old.delegate_id, old.subject, old.most, old.currency, old.from_on, old.until_on)
     OR old.ended_at IS NOT NULL THEN
    RAISE EXCEPTION 'a delegation only ends' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_delegation BEFORE UPDATE ON practice.approval_delegation FOR EACH ROW EXECUTE FUNCTION practice.keep_delegation();

---------------------------------------------------------------------------------------------------------- requests
CREATE TABLE practice.approval_request (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  subject           text NOT NULL REFERENCES practice.approval_subject,
  record_id         uuid NOT NULL,
  edition_id        uuid NOT NULL,
  band_id           uuid NOT NULL,
  title             text NOT NULL CHECK (length(title) BETWEEN 1 AND 300),
  counterparty      text,
  amount            numeric(19, 4),
  currency          text CHECK (currency ~ '^[A-Z]{3}$'),
  counted           numeric(19, 4),
  counted_in        text CHECK (counted_in ~ '^[A-Z]{3}$'),
  together          numeric(19, 4)[] NOT NULL,
  fingerprint       text NOT NULL,
  note              text NOT NULL CHECK (length(note) <= 2000),
  state             text NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'withdrawn', 'void', 'expired')),
  ended_for         text CHECK (ended_for IN ('decided', 'withdrawn', 'edited', 'outgrown', 'policy_ended', 'expired')),
  requested_by      uuid NOT NULL,
  requested_by_name text NOT NULL,
  expires_at        timestamptz,
  ended_at          timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, edition_id) REFERENCES practice.approval_edition (tenant_id, id),
  FOREIGN KEY (tenant_id, band_id) REFERENCES practice.approval_band (tenant_id, id),
  CHECK ((state = 'pending') = (ended_at IS NULL)),
  CHECK ((ended_at IS NULL) = (ended_for IS NULL))
);
COMMENT ON COLUMN practice.approval_request.edition_id IS 'the edition of the policy that it was started under, which it keeps';
COMMENT ON COLUMN practice.approval_request.together IS 'the amounts that were counted together, its own among them, in counted_in';
COMMENT ON COLUMN practice.approval_request.fingerprint IS 'of what was asked for; a record that says something else is not approved';
SELECT core.raise_wall('practice.approval_request', 'mutable');
REVOKE INSERT, UPDATE ON practice.approval_request FROM backoffice_app;
CREATE UNIQUE INDEX approval_request_live ON practice.approval_request (tenant_id, record_id) WHERE state IN ('pending', 'approved');
CREATE INDEX approval_request_by_record ON practice.approval_request (tenant_id, record_id, id);
CREATE INDEX approval_request_by_expiry ON practice.approval_request (tenant_id, expires_at) WHERE state = 'pending';

CREATE TABLE practice.approval_request_step (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  request_id   uuid NOT NULL,
  step_id      uuid NOT NULL,
  number       integer NOT NULL,
  stage        integer NOT NULL,
  needed       integer NOT NULL,
  state        text NOT NULL CHECK (state IN ('waiting', 'open', 'approved', 'closed')),
  work_item_id uuid,
  opened_at    timestamptz,
  escalate_at  timestamptz,
  escalated_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, request_id, number),
  FOREIGN KEY (tenant_id, request_id) REFERENCES practice.approval_request (tenant_id, id),
  FOREIGN KEY (tenant_id, step_id) REFERENCES practice.approval_step (tenant_id, id),
  FOREIGN KEY (tenant_id, work_item_id) REFERENCES practice.work_item (tenant_id, id)
);
SELECT core.raise_wall('practice.approval_request_step', 'mutable');
REVOKE INSERT, UPDATE ON practice.approval_request_step FROM backoffice_app;
CREATE INDEX approval_request_step_open ON practice.approval_request_step (tenant_id, request_id) WHERE state = 'open';
CREATE INDEX approval_request_step_by_item ON practice.approval_request_step (tenant_id, work_item_id) WHERE work_item_id IS NOT NULL;
CREATE INDEX approval_request_step_by_escalation ON practice.approval_request_step (tenant_id, escalate_at)
  WHERE state = 'open' AND escalated_at IS NULL;

CREATE TABLE practice.approval_decision (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  request_id      uuid NOT NULL,
  request_step_id uuid NOT NULL,
  verdict         text NOT NULL CHECK (verdict IN ('approve', 'reject')),
  decided_by      uuid NOT NULL,
  decided_by_name text NOT NULL,
  seat_of         uuid NOT NULL,
  delegation_id   uuid,
  comment         text NOT NULL CHECK (length(comment) <= 2000),
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, request_id, decided_by),
  UNIQUE (tenant_id, request_id, seat_of),
  FOREIGN KEY (tenant_id, request_id) REFERENCES practice.approval_request (tenant_id, id),
  FOREIGN KEY (tenant_id, request_step_id) REFERENCES practice.approval_request_step (tenant_id, id),
  FOREIGN KEY (tenant_id, delegation_id) REFERENCES practice.approval_delegation (tenant_id, id),
  CHECK ((delegation_id IS NULL) = (seat_of = decided_by))
);
COMMENT ON TABLE practice.approval_decision IS 'append-only';
COMMENT ON COLUMN practice.approval_decision.seat_of IS 'in whose place it was decided: one''s own, or that of who has delegated';
SELECT core.raise_wall('practice.approval_decision', 'append_only');
REVOKE INSERT ON practice.approval_decision FROM backoffice_app;
CREATE INDEX approval_decision_by_step ON practice.approval_decision (tenant_id, request_step_id);

------------------------------------------------------------------------------------------------------ who is who
-- Whether two accounts are one person's: the same one, two that were said to be, or two at one mailbox (`a+b@c` is `a@c`).
CREATE FUNCTION practice.same_person(p_one uuid, p_other uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  RETURN p_one = p_other OR EXISTS (
    SELECT 1 FROM identity.account a, identity.account b
     WHERE a.id = p_one AND b.id = p_other
       AND (a.person_id = b.person_id OR regexp_replace(a.email, '\+[^@]*@', '@') = regexp_replace(b.email, '\+[^@]*@', '@')));
END $$;

-- Whether a person holds a role of this transaction's client on that day; whoever denies it wins.
CREATE FUNCTION practice.holds_role(p_role uuid, p_account uuid, p_today date) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  RETURN (SELECT coalesce(bool_and(g.effect = 'allow'), false) FROM identity.access_grant g
           WHERE g.tenant_id = tenant AND g.account_id = p_account AND g.role_id = p_role
             AND g.ended_at IS NULL AND g.valid_from <= p_today AND (g.valid_until IS NULL OR g.valid_until >= p_today));
END $$;

-- Who has had a hand in a record: who asked for its approval, who made or changed it, and, where a program did, who has
-- made that program's account.
CREATE FUNCTION practice.makers_of(p_tenant uuid, p_record uuid, p_requester uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  hands uuid[];
BEGIN
  hands := p_requester || ARRAY (SELECT DISTINCT e.actor_id FROM audit.entry e
                                  WHERE e.tenant_id = p_tenant AND e.record_id = p_record AND e.actor_id IS NOT NULL);
  RETURN hands || ARRAY (SELECT DISTINCT e.actor_id FROM audit.entry e
                          WHERE e.tenant_id = p_tenant AND e.record_id = ANY (hands)
                            AND e.table_name = 'identity.service_account' AND e.actor_id IS NOT NULL);
END $$;

-- Whether a step is this person's to decide in his own right, today.
CREATE FUNCTION practice.sits(p_tenant uuid, p_step uuid, p_escalated boolean, p_account uuid, p_today date) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM practice.approval_approver a
                  WHERE a.tenant_id = p_tenant AND a.step_id = p_step AND (p_escalated OR NOT a.on_escalation)
                    AND (a.account_id = p_account OR practice.holds_role(a.role_id, p_account, p_today)))
     AND practice.holds_here(p_account, 'work.approval.decide');
END $$;

-- In whose place a person can decide an open step of a request, or why he cannot:
--   'ok'       in the place of seat, by that delegation if it is not his own
--   'maker'    he has had a hand in it, by whichever account
--   'deputy'   he is the delegate of somebody who has
--   'decided'  he has decided on this request, or somebody has in his place
--   'limit'    he could only as a delegate, and it is beyond what was delegated to him
--   'none'     the step is not his
CREATE FUNCTION practice.seat_for(p_request practice.approval_request, p_step practice.approval_request_step, p_account uuid,
  OUT outcome text, OUT seat uuid, OUT delegation uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  makers uuid[];
  today date;
  escalated boolean := coalesce(p_step.escalate_at <= clock_timestamp(), false);
  limited boolean := false;
  own boolean;
  d practice.approval_delegation;
BEGIN
  SELECT (now() AT TIME ZONE c.time_zone)::date INTO today FROM practice.client c WHERE c.tenant_id = p_request.tenant_id;
  outcome := 'none';
  own := practice.sits(p_request.tenant_id, p_step.step_id, escalated, p_account, today);
  IF NOT own AND NOT EXISTS (SELECT 1 FROM practice.approval_delegation g
                      WHERE g.tenant_id = p_request.tenant_id AND g.delegate_id = p_account AND g.ended_at IS NULL
                        AND g.from_on <= today AND g.until_on > today) THEN
    RETURN;
  END IF;
  makers := practice.makers_of(p_request.tenant_id, p_request.record_id, p_request.requested_by);
  IF EXISTS (SELECT 1 FROM unnest(makers) AS m WHERE practice.same_person(m, p_account)) THEN
    outcome := 'maker';
    RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM practice.approval_delegation g, unnest(makers) AS m
              WHERE g.tenant_id = p_request.tenant_id AND g.ended_at IS NULL AND g.from_on <= today AND g.until_on > today
                AND (g.subject IS NULL OR g.subject = p_request.subject)
                AND practice.same_person(g.delegate_id, p_account) AND practice.same_person(g.delegator_id, m)) THEN
    outcome := 'deputy';
    RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM practice.approval_decision o
              WHERE o.tenant_id = p_request.tenant_id AND o.request_id = p_request.id
                AND (practice.same_person(o.decided_by, p_account) OR practice.same_person(o.seat_of, p_account))) THEN
    outcome := 'decided';
    RETURN;
  END IF;
  IF own THEN
    outcome := 'ok'; seat := p_account;
    RETURN;
  END IF;
  FOR d IN SELECT g.* FROM practice.approval_delegation g
            WHERE g.tenant_id = p_request.tenant_id AND g.delegate_id = p_account AND g.ended_at IS NULL
              AND g.from_on <= today AND g.until_on > today AND (g.subject IS NULL OR g.subject = p_request.subject)
            ORDER BY g.most DESC NULLS FIRST, g.id LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM practice.approval_decision o
                           WHERE o.tenant_id = p_request.tenant_id AND o.request_id = p_request.id
                             AND (practice.same_person(o.decided_by, d.delegator_id) OR practice.same_person(o.seat_of, d.delegator_id)));
    CONTINUE WHEN NOT practice.sits(p_request.tenant_id, p_step.step_id, escalated, d.delegator_id, today);
    IF d.most IS NOT NULL AND (p_request.counted IS NULL OR d.currency <> p_request.counted_in OR p_request.counted > d.most) THEN
      limited := true;
      CONTINUE;
    END IF;
    outcome := 'ok'; seat := d.delegator_id; delegation := d.id;
    RETURN;
  END LOOP;
  outcome := CASE WHEN limited THEN 'limit' ELSE 'none' END;
END $$;

-------------------------------------------------------------------------------------------------- what is to be approved
-- What a record is, and which band of its client's policy it falls into: of the live edition, or of the one that is
-- named. No title: there is no such record. No edition: nothing says that it needs an approval. No band: by the policy it
-- needs none. What counts together is looked at by one transaction after the other for each counterparty.
CREATE FUNCTION practice.weigh_approval(p_subject text, p_record uuid, p_edition uuid, p_lock boolean,
  OUT title text, OUT counterparty text, OUT amount numeric, OUT currency text, OUT open boolean, OUT fingerprint text,
  OUT edition_id uuid, OUT band_id uuid, OUT band_number integer, OUT counted numeric, OUT counted_in text, OUT together numeric[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  what practice.approval_subject;
  days integer;
  facts record;
  book text;
BEGIN
  SELECT s.* INTO what FROM practice.approval_subject s WHERE s.subject = p_subject;
  SELECT e.id, e.split_days INTO edition_id, days
    FROM practice.approval_edition e
    LEFT JOIN practice.approval_policy p ON p.tenant_id = e.tenant_id AND p.id = e.policy_id
   WHERE e.tenant_id = tenant
     AND CASE WHEN p_edition IS NULL THEN p.subject = p_subject AND p.ended_at IS NULL AND p.edition = e.number ELSE e.id = p_edition END;
  EXECUTE format('SELECT * FROM %s($1, $2, $3)', what.facts) INTO facts USING tenant, p_record, p_lock;
  title := facts.title;
  IF title IS NULL THEN RETURN; END IF;
  counterparty := facts.counterparty; amount := facts.amount; currency := facts.currency;
  open := facts.open; fingerprint := facts.fingerprint; together := '{}';
  IF edition_id IS NULL THEN RETURN; END IF;
  IF amount IS NULL THEN
    SELECT b.id, b.number INTO band_id, band_number FROM practice.approval_band b
     WHERE b.tenant_id = tenant AND b.edition_id = weigh_approval.edition_id AND b.above IS NULL AND b.up_to IS NULL
     ORDER BY b.number LIMIT 1;
    RETURN;
  END IF;
  SELECT c.currency INTO book FROM practice.client c WHERE c.tenant_id = tenant;
  counted_in := CASE WHEN EXISTS (SELECT 1 FROM practice.approval_band b WHERE b.tenant_id = tenant
                                     AND b.edition_id = weigh_approval.edition_id AND b.currency = weigh_approval.currency)
                     THEN currency ELSE book END;
  counted := CASE WHEN counted_in = currency THEN abs(amount) ELSE round(abs(amount) * facts.rate, 4) END;
  together := ARRAY[counted];
  IF days IS NOT NULL AND what.together IS NOT NULL AND facts.counterparty_id IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(4210151, hashtext(tenant::text || facts.counterparty_id::text));
    -- Of all windows of so many days that hold this record the one in which the most comes together. Records count that are
    -- through, and those that have been asked for.
    EXECUTE format($f$
      WITH own (id, day, amount) AS (VALUES ($2, $4, $5)), near AS (
        SELECT o.id, o.day, o.amount FROM own o
        UNION ALL
        SELECT t.id, t.day, CASE WHEN t.currency = $6 THEN abs(t.amount)
                                 WHEN $6 = $7 THEN round(abs(t.amount) * t.rate, 4)
                                 ELSE round(abs(t.amount) * t.rate / $8, 4) END
          FROM %s($1, $3, $4 - ($9 - 1), $4 + $9) t
         WHERE t.id <> $2
           AND (t.done OR EXISTS (SELECT 1 FROM practice.approval_request r
                                   WHERE r.tenant_id = $1 AND r.record_id = t.id AND r.state IN ('pending', 'approved')))
      )
      SELECT array_agg(n.amount ORDER BY n.day, n.id), sum(n.amount)
        FROM (SELECT DISTINCT f.day FROM near f WHERE f.day <= $4 AND f.day > $4 - $9) s
        JOIN near n ON n.day >= s.day AND n.day < s.day + $9
       GROUP BY s.day ORDER BY sum(n.amount) DESC, s.day LIMIT 1 $f$, what.together)
      INTO together, counted
      USING tenant, p_record, facts.counterparty_id, facts.day, counted, counted_in, book, facts.rate, days;
  END IF;
  SELECT b.id, b.number INTO band_id, band_number FROM practice.approval_band b
   WHERE b.tenant_id = tenant AND b.edition_id = weigh_approval.edition_id AND b.currency = counted_in
     AND (b.above IS NULL OR counted > b.above) AND (b.up_to IS NULL OR counted <= b.up_to);
END $$;

--------------------------------------------------------------------------------------------------- how a request goes
-- Opens the steps of a stage, each with its place in the queue. Gives the work items.
CREATE FUNCTION practice.open_stage(p_request practice.approval_request, p_stage integer) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  s record;
  item uuid;
  items uuid[] := '{}';
  zone text;
BEGIN
  SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = p_request.tenant_id;
  FOR s IN SELECT q.id, t.escalate_after_hours,
                  (SELECT (array_agg(a.account_id))[1] FROM practice.approval_approver a
                    WHERE a.tenant_id = t.tenant_id AND a.step_id = t.id AND NOT a.on_escalation
                   HAVING count(*) = 1) AS only_one
             FROM practice.approval_request_step q
             JOIN practice.approval_step t ON t.tenant_id = q.tenant_id AND t.id = q.step_id
            WHERE q.tenant_id = p_request.tenant_id AND q.request_id = p_request.id AND q.stage = p_stage AND q.state = 'waiting'
            ORDER BY q.number LOOP
    item := gen_random_uuid();
    INSERT INTO practice.work_item (tenant_id, id, kind, title, state, priority, due_on, assignee_id, record_prefix, record_id, created_by)
    VALUES (p_request.tenant_id, item, 'approval', left('Approve: ' || p_request.title, 200), 'open', 'normal',
            (p_request.expires_at AT TIME ZONE zone)::date, s.only_one, 'apr', p_request.id,
            coalesce(nullif(current_setting('app.actor_id', true), '')::uuid, p_request.requested_by));
    UPDATE practice.approval_request_step q
       SET state = 'open', work_item_id = item, opened_at = now(), escalate_at = now() + make_interval(hours => s.escalate_after_hours)
     WHERE q.tenant_id = p_request.tenant_id AND q.id = s.id;
    items := items || item;
  END LOOP;
  RETURN items;
END $$;

-- Closes the work items of steps. Gives those that were open.
CREATE FUNCTION practice.close_items(p_tenant uuid, p_items uuid[], p_state text) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  closed uuid[];
BEGIN
  IF p_items IS NULL THEN RETURN '{}'; END IF;
  WITH closed AS (
    UPDATE practice.work_item i
       SET state = p_state, waiting_for = NULL, closed_at = now(),
           closed_by = coalesce(nullif(current_setting('app.actor_id', true), '')::uuid, '00000000-0000-0000-0000-000000000000')
     WHERE i.tenant_id = p_tenant AND i.id = ANY (p_items) AND i.closed_at IS NULL
    RETURNING i.id
  )
  SELECT coalesce(array_agg(c.id), '{}') INTO closed FROM closed c;
  RETURN closed;
END $$;

-- Ends a request that is locked. Gives the work items that were open.
CREATE FUNCTION practice.end_approval(p_tenant uuid, p_request uuid, p_state text, p_for text) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  items uuid[];
BEGIN
  UPDATE practice.approval_request r SET state = p_state, ended_for = p_for, ended_at = clock_timestamp()
   WHERE r.tenant_id = p_tenant AND r.id = p_request;
  WITH closed AS (
    UPDATE practice.approval_request_step s SET state = 'closed'
     WHERE s.tenant_id = p_tenant AND s.request_id = p_request AND s.state IN ('waiting', 'open')
    RETURNING s.work_item_id
  )
  SELECT array_agg(c.work_item_id) INTO items FROM closed c WHERE c.work_item_id IS NOT NULL;
  RETURN practice.close_items(p_tenant, items, CASE WHEN p_state = 'rejected' THEN 'done' ELSE 'cancelled' END);
END $$;

-- Asks for the approval of a record. Outcomes: 'ok'; 'unknown' record; 'done': it is not open any more; 'free': nothing
-- says that it needs an approval; 'pending', 'approved': it is asked for, or approved, already.
CREATE FUNCTION practice.start_approval(p_id uuid, p_subject text, p_record uuid, p_note text,
  OUT outcome text, OUT opened uuid[], OUT replaced uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  w record;
  before practice.approval_request;
  still record;
  made practice.approval_request;
  hours integer;
BEGIN
  w := practice.weigh_approval(p_subject, p_record, NULL, true);
  outcome := CASE WHEN w.title IS NULL THEN 'unknown' WHEN NOT w.open THEN 'done' WHEN w.band_id IS NULL THEN 'free' END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  SELECT r.* INTO before FROM practice.approval_request r
   WHERE r.tenant_id = tenant AND r.record_id = p_record AND r.state IN ('pending', 'approved') FOR UPDATE;
  IF FOUND THEN
    outcome := before.state;
    IF before.state = 'pending' THEN RETURN; END IF;
    still := practice.weigh_approval(p_subject, p_record, before.edition_id, false);
    IF practice.covers(before, still.band_number, still.fingerprint) THEN RETURN; END IF;
    PERFORM practice.end_approval(tenant, before.id, 'void', 'outgrown');
    replaced := before.id;
  END IF;
  SELECT e.expires_after_hours INTO hours FROM practice.approval_edition e WHERE e.tenant_id = tenant AND e.id = w.edition_id;
  INSERT INTO practice.approval_request (tenant_id, id, subject, record_id, edition_id, band_id, title, counterparty, amount, currency,
    counted, counted_in, together, fingerprint, note, state, requested_by, requested_by_name, expires_at)
  VALUES (tenant, p_id, p_subject, p_record, w.edition_id, w.band_id, w.title, w.counterparty, w.amount, w.currency,
    w.counted, w.counted_in, w.together, w.fingerprint, p_note, 'pending', nullif(current_setting('app.actor_id', true), '')::uuid,
    coalesce(current_setting('app.actor_name', true), ''), now() + make_interval(hours => hours))
  RETURNING * INTO made;
  INSERT INTO practice.approval_request_step (tenant_id, id, request_id, step_id, number, stage, needed, state)
  SELECT tenant, gen_random_uuid(), made.id, t.id, t.number, t.stage, t.needed, 'waiting'
    FROM practice.approval_step t WHERE t.tenant_id = tenant AND t.band_id = made.band_id;
  opened := practice.open_stage(made, (SELECT min(t.stage) FROM practice.approval_step t WHERE t.tenant_id = tenant AND t.band_id = made.band_id));
  outcome := 'ok';
END $$;

-- Whether an approved request still is one for a record that says this and falls into that band of its edition.
CREATE FUNCTION practice.covers(p_request practice.approval_request, p_band integer, p_fingerprint text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT p_request.state = 'approved' AND p_request.fingerprint = p_fingerprint
     AND (p_band IS NULL OR p_band <= (SELECT b.number FROM practice.approval_band b
                                        WHERE b.tenant_id = p_request.tenant_id AND b.id = p_request.band_id))
$$;

-- Decides an open step of a request, as whoever acts. p_number: which step; null: the first one that is his. Outcomes:
-- those of practice.seat_for, of which 'ok' has done it; 'again': he had decided so already; 'program': only people decide;
-- 'unknown' request; 'closed': no such step is open; and the states of a request that is not pending any more. Of two who
-- decide in the same moment, the second one finds what the first one did.
CREATE FUNCTION practice.decide_approval(p_id uuid, p_request uuid, p_number integer, p_verdict text, p_comment text,
  OUT outcome text, OUT opened uuid[], OUT closed uuid[], OUT ended boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  actor uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  r practice.approval_request;
  s practice.approval_request_step;
  candidate practice.approval_request_step;
  place record;
  found_seat record;
  next_stage integer;
BEGIN
  ended := false; opened := '{}'; closed := '{}';
  outcome := 'program';
  IF actor IS NULL OR current_setting('app.actor_kind', true) IS DISTINCT FROM 'user' THEN RETURN; END IF;
  SELECT q.* INTO r FROM practice.approval_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  outcome := 'unknown';
  IF NOT FOUND THEN RETURN; END IF;
  SELECT CASE WHEN d.verdict = p_verdict AND (p_number IS NULL OR t.number = p_number) THEN 'again' ELSE 'decided' END INTO outcome
    FROM practice.approval_decision d JOIN practice.approval_request_step t ON t.tenant_id = d.tenant_id AND t.id = d.request_step_id
   WHERE d.tenant_id = tenant AND d.request_id = r.id AND d.decided_by = actor;
  IF FOUND THEN RETURN; END IF;
  outcome := CASE WHEN r.state <> 'pending' THEN r.state WHEN r.expires_at <= clock_timestamp() THEN 'expired' END;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  outcome := 'closed';
  FOR candidate IN SELECT t.* FROM practice.approval_request_step t
                    WHERE t.tenant_id = tenant AND t.request_id = r.id AND t.state = 'open' AND (p_number IS NULL OR t.number = p_number)
                    ORDER BY t.number LOOP
    place := practice.seat_for(r, candidate, actor);
    IF outcome = 'closed' OR place.outcome <> 'none' THEN outcome := place.outcome; END IF;
    IF outcome = 'ok' THEN
      s := candidate; found_seat := place;
      EXIT;
    END IF;
  END LOOP;
  IF outcome <> 'ok' THEN RETURN; END IF;
  INSERT INTO practice.approval_decision (tenant_id, id, request_id, request_step_id, verdict, decided_by, decided_by_name, seat_of, delegation_id, comment)
  VALUES (tenant, p_id, r.id, s.id, p_verdict, actor, coalesce(current_setting('app.actor_name', true), ''), found_seat.seat, found_seat.delegation, p_comment);
  IF p_verdict = 'reject' THEN
    closed := practice.end_approval(tenant, r.id, 'rejected', 'decided');
    ended := true;
    RETURN;
  END IF;
  IF (SELECT count(*) FROM practice.approval_decision d
       WHERE d.tenant_id = tenant AND d.request_step_id = s.id AND d.verdict = 'approve') < s.needed THEN
    RETURN;
  END IF;
  UPDATE practice.approval_request_step t SET state = 'approved' WHERE t.tenant_id = tenant AND t.id = s.id;
  closed := practice.close_items(tenant, ARRAY[s.work_item_id], 'done');
  IF EXISTS (SELECT 1 FROM practice.approval_request_step t WHERE t.tenant_id = tenant AND t.request_id = r.id AND t.state = 'open') THEN
    RETURN;
  END IF;
  SELECT min(t.stage) INTO next_stage FROM practice.approval_request_step t
   WHERE t.tenant_id = tenant AND t.request_id = r.id AND t.state = 'waiting';
  IF next_stage IS NOT NULL THEN
    opened := practice.open_stage(r, next_stage);
  ELSE
    PERFORM practice.end_approval(tenant, r.id, 'approved', 'decided');
    ended := true;
  END IF;
END $$;

-- Takes a request back, as whoever has a hand in the record. Outcomes: 'ok', 'unknown', 'other' (not his), and the states
-- of a request that is not pending any more.
CREATE FUNCTION practice.withdraw_approval(p_request uuid, OUT outcome text, OUT closed uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r practice.approval_request;
BEGIN
  SELECT q.* INTO r FROM practice.approval_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN r.state <> 'pending' THEN r.state
                  WHEN NOT nullif(current_setting('app.actor_id', true), '')::uuid = ANY (practice.makers_of(tenant, r.record_id, r.requested_by))
                  THEN 'other' ELSE 'ok' END;
  IF outcome = 'ok' THEN
    closed := practice.end_approval(tenant, r.id, 'withdrawn', 'withdrawn');
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION practice.start_approval, practice.decide_approval, practice.withdraw_approval TO backoffice_app;

-- A policy that ends takes its open requests with it: what it asked for is not needed any more.
CREATE FUNCTION practice.end_requests_of_policy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  one uuid;
BEGIN
  FOR one IN SELECT r.id FROM practice.approval_request r
               JOIN practice.approval_edition e ON e.tenant_id = r.tenant_id AND e.id = r.edition_id
              WHERE r.tenant_id = new.tenant_id AND e.policy_id = new.id AND r.state = 'pending'
              ORDER BY r.id FOR UPDATE OF r LOOP
    PERFORM practice.end_approval(new.tenant_id, one, 'void', 'policy_ended');
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER end_requests AFTER UPDATE ON practice.approval_policy
  FOR EACH ROW WHEN (old.ended_at IS NULL AND new.ended_at IS NOT NULL) EXECUTE FUNCTION practice.end_requests_of_policy();

------------------------------------------------------------------------------------------------- nothing passes by
-- Refuses what needs an approval and has none.
CREATE FUNCTION practice.expect_approval(p_subject text, p_record uuid, p_code text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  live practice.approval_request;
  w record;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM practice.approval_policy p WHERE p.tenant_id = tenant AND p.subject = p_subject AND p.ended_at IS NULL) THEN
    RETURN;
  END IF;
  SELECT r.* INTO live FROM practice.approval_request r
   WHERE r.tenant_id = tenant AND r.record_id = p_record AND r.state IN ('pending', 'approved') FOR UPDATE;
  IF FOUND AND live.state = 'pending' THEN
    RAISE EXCEPTION 'it is under review' USING ERRCODE = 'BO152', CONSTRAINT = 'BO152';
  END IF;
  IF live.id IS NOT NULL THEN
    w := practice.weigh_approval(p_subject, p_record, live.edition_id, false);
    IF practice.covers(live, w.band_number, w.fingerprint) THEN RETURN; END IF;
  END IF;
  w := practice.weigh_approval(p_subject, p_record, NULL, false);
  IF w.band_id IS NOT NULL THEN
    RAISE EXCEPTION 'it needs an approval' USING ERRCODE = p_code, CONSTRAINT = p_code;
  END IF;
END $$;

-- Behind a change of a record: what says something else is not what was asked for. Argument: the subject.
CREATE FUNCTION practice.note_edit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  live practice.approval_request;
  now_is record;
BEGIN
  SELECT r.* INTO live FROM practice.approval_request r
   WHERE r.tenant_id = new.tenant_id AND r.record_id = new.id AND r.subject = tg_argv[0] AND r.state IN ('pending', 'approved') FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  EXECUTE format('SELECT * FROM %s($1, $2, false)', (SELECT s.facts FROM practice.approval_subject s WHERE s.subject = tg_argv[0]))
    INTO now_is USING new.tenant_id, new.id;
  IF now_is.fingerprint = live.fingerprint THEN RETURN NULL; END IF;
  IF live.state = 'pending' AND (SELECT e.on_edit FROM practice.approval_edition e
                                  WHERE e.tenant_id = live.tenant_id AND e.id = live.edition_id) = 'refuse' THEN
    RAISE EXCEPTION 'it is locked while under review' USING ERRCODE = 'BO153', CONSTRAINT = 'BO153';
  END IF;
  PERFORM practice.end_approval(live.tenant_id, live.id, 'void', 'edited');
  RETURN NULL;
END $$;

-- The work item of a step is closed by what becomes of the step: the functions above run as the owner of the tables.
CREATE FUNCTION practice.keep_approval_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF current_user = 'backoffice_app'
     AND EXISTS (SELECT 1 FROM practice.approval_request_step s WHERE s.tenant_id = new.tenant_id AND s.work_item_id = new.id) THEN
    RAISE EXCEPTION 'an approval is decided, not completed' USING ERRCODE = 'BO154', CONSTRAINT = 'BO154';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_approval_item BEFORE UPDATE ON practice.work_item
  FOR EACH ROW WHEN (old.kind = 'approval' AND (old.closed_at IS DISTINCT FROM new.closed_at OR old.record_id IS DISTINCT FROM new.record_id))
  EXECUTE FUNCTION practice.keep_approval_item();

------------------------------------------------------------------------------------------------------------- inbox
-- The open steps that a person may decide now: in this transaction's client, or in those of the portfolio.
CREATE FUNCTION practice.approvals_to_decide(p_account uuid)
RETURNS TABLE (client_id uuid, client_name text, request_id uuid, step_number integer, work_item_id uuid, title text, amount numeric, currency text,
               requested_by_name text, opened_at timestamptz, expires_at timestamptz, seat_of uuid, step_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  here   text := coalesce(current_setting('app.tenant_id', true), '');
  reach  uuid[];
  client uuid;
  set_to text;
BEGIN
  reach := CASE WHEN here <> '' THEN ARRAY[here::uuid] ELSE nullif(current_setting('app.tenant_ids', true), '')::uuid[] END;
  FOREACH client IN ARRAY coalesce(reach, '{}') LOOP
    set_to := set_config('app.tenant_id', client::text, true);
    RETURN QUERY
      SELECT client, c.name, r.id, s.number, s.work_item_id, r.title, r.amount, r.currency, r.requested_by_name, s.opened_at, r.expires_at, p.seat, s.id
        FROM practice.approval_request r
        JOIN practice.client c ON c.tenant_id = r.tenant_id
        JOIN practice.approval_request_step s ON s.tenant_id = r.tenant_id AND s.request_id = r.id AND s.state = 'open'
       CROSS JOIN LATERAL practice.seat_for(r, s, p_account) p
       WHERE r.tenant_id = client AND r.state = 'pending' AND (r.expires_at IS NULL OR r.expires_at > now()) AND p.outcome = 'ok';
  END LOOP;
  set_to := set_config('app.tenant_id', here, true);
END $$;
GRANT EXECUTE ON FUNCTION practice.approvals_to_decide TO backoffice_app, backoffice_portfolio;

------------------------------------------------------------------------------------------------------- what lapses
-- Ends requests whose time is over and calls for help where a step has waited too long, at most p_most of each in all.
CREATE FUNCTION practice.lapse_approvals(p_most integer, OUT expired integer, OUT escalated integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  one uuid;
  item uuid;
  set_to text;
BEGIN
  expired := 0; escalated := 0;
  set_to := set_config('app.actor_kind', 'system', true);
  set_to := set_config('app.actor_name', 'Approvals', true);
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR one IN SELECT r.id FROM practice.approval_request r
                WHERE r.tenant_id = client AND r.state = 'pending' AND r.expires_at <= now()
                ORDER BY r.expires_at, r.id LIMIT greatest(0, p_most - expired) FOR UPDATE SKIP LOCKED LOOP
      PERFORM practice.end_approval(client, one, 'expired', 'expired');
      PERFORM core.emit(ARRAY[gen_random_uuid()], ARRAY['approval_request.ended'], ARRAY['ApprovalRequest'], ARRAY[one]);
      expired := expired + 1;
    END LOOP;
    FOR one, item IN SELECT s.id, s.work_item_id FROM practice.approval_request_step s
                      WHERE s.tenant_id = client AND s.state = 'open' AND s.escalated_at IS NULL AND s.escalate_at <= now()
                      ORDER BY s.escalate_at, s.id LIMIT greatest(0, p_most - escalated) FOR UPDATE SKIP LOCKED LOOP
      UPDATE practice.approval_request_step s SET escalated_at = now() WHERE s.tenant_id = client AND s.id = one;
      UPDATE practice.work_item i SET priority = 'urgent', assignee_id = NULL WHERE i.tenant_id = client AND i.id = item;
      PERFORM core.emit(ARRAY[gen_random_uuid()], ARRAY['work_item.updated'], ARRAY['WorkItem'], ARRAY[item]);
      escalated := escalated + 1;
    END LOOP;
    -- The trail is sealed while its client is still that of the transaction.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION practice.lapse_approvals TO backoffice_identity;

INSERT INTO core.provider_schedule (id, name, kind, args, cron, time_zone, next_due_at)
VALUES ('00000000-0000-7000-8000-000000000151', 'What lapses of approvals', 'practice.lapse_approvals', '{}', '*/5 * * * *', 'UTC', now() + interval '1 minute');
INSERT INTO core.schedule_queue (schedule_id, due_at) VALUES ('00000000-0000-7000-8000-000000000151', now() + interval '1 minute');

------------------------------------------------------------------------------------------------------------- bills
CREATE FUNCTION finance.bill_to_approve(p_tenant uuid, p_record uuid, p_lock boolean)
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

CREATE INDEX bill_by_vendor_and_day ON finance.bill (tenant_id, vendor_id, bill_date);
CREATE FUNCTION finance.bills_together(p_tenant uuid, p_counterparty uuid, p_from date, p_before date)
RETURNS TABLE (id uuid, day date, amount numeric, currency text, rate numeric, done boolean)
LANGUAGE sql SET search_path = pg_catalog AS $$
  SELECT b.id, b.bill_date, b.gross, b.currency, b.exchange_rate, b.status = 'posted'
    FROM finance.bill b
   WHERE b.tenant_id = p_tenant AND b.vendor_id = p_counterparty AND b.bill_date >= p_from AND b.bill_date < p_before
$$;
INSERT INTO practice.approval_subject (subject, facts, together) VALUES ('bill', 'finance.bill_to_approve', 'finance.bills_together');

CREATE FUNCTION finance.expect_bill_approved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM practice.expect_approval('bill', new.id, 'BO151');
  RETURN NULL;
END $$;
CREATE TRIGGER expect_approval AFTER UPDATE ON finance.bill
  FOR EACH ROW WHEN (old.status = 'draft' AND new.status <> 'draft') EXECUTE FUNCTION finance.expect_bill_approved();
-- A bill is entered as a draft: there is no other way into the books than the one above.
CREATE TRIGGER expect_approval_of_new AFTER INSERT ON finance.bill
  FOR EACH ROW WHEN (new.status <> 'draft') EXECUTE FUNCTION finance.expect_bill_approved();
CREATE TRIGGER note_edit AFTER UPDATE ON finance.bill
  FOR EACH ROW WHEN (new.status = 'draft') EXECUTE FUNCTION practice.note_edit('bill');

INSERT INTO core.record_type (node_type, home) VALUES
  ('ApprovalPolicy', 'practice.approval_policy'),
  ('ApprovalRequest', 'practice.approval_request'),
  ('ApprovalDelegation', 'practice.approval_delegation');
SELECT core.know_record_types();
