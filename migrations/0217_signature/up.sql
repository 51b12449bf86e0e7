-- Signatures: a request is about one version of a document and the bytes of its file. It goes out to its signers step by
-- step; those of one step sign beside each other. What happens to it is written by the functions below and by nothing else,
-- each under the lock of the request's row: of two that come together one wins. Every event is a link of a chain of hashes.

CREATE TABLE practice.signature_request (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  document_id       uuid NOT NULL,
  version_id        uuid NOT NULL,
  version_number    integer NOT NULL CHECK (version_number > 0),
  file_id           uuid NOT NULL,
  file_name         text NOT NULL,
  document_sha256   text NOT NULL CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
  rights            text[] NOT NULL DEFAULT '{}',
  title             text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  message           text NOT NULL DEFAULT '' CHECK (length(message) <= 2000),
  state             text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'out', 'signed', 'declined', 'expired', 'withdrawn')),
  step              integer NOT NULL DEFAULT 0 CHECK (step BETWEEN 0 AND 20),
  expires_at        timestamptz NOT NULL,
  remind_after      integer[] NOT NULL DEFAULT '{}' CHECK (cardinality(remind_after) <= 20),
  requested_by      uuid NOT NULL,
  requested_by_name text NOT NULL,
  sent_at           timestamptz,
  ended_at          timestamptz,
  reason            text CHECK (length(reason) BETWEEN 1 AND 2000),
  events            integer NOT NULL DEFAULT 0 CHECK (events BETWEEN 0 AND 5000),
  head              text NOT NULL DEFAULT repeat('0', 64) CHECK (head ~ '^[0-9a-f]{64}$'),
  evidence_file_id  uuid,
  evidence_sha256   text CHECK (evidence_sha256 ~ '^[0-9a-f]{64}$'),
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, evidence_file_id) REFERENCES core.file (tenant_id, id),
  CHECK ((state IN ('draft', 'out')) = (ended_at IS NULL)),
  CHECK (state = 'draft' OR sent_at IS NOT NULL OR state = 'withdrawn'),
  CHECK ((evidence_file_id IS NULL) = (evidence_sha256 IS NULL)),
  CHECK (evidence_file_id IS NULL OR state = 'signed')
);
COMMENT ON TABLE practice.signature_request IS 'written by functions only';
COMMENT ON COLUMN practice.signature_request.version_id IS 'no foreign key, as for the document and the file: when retention takes these away, what was signed stays';
COMMENT ON COLUMN practice.signature_request.rights IS 'those of the document';
COMMENT ON COLUMN practice.signature_request.step IS 'the step whose turn it is; 0 of a draft';
COMMENT ON COLUMN practice.signature_request.head IS 'the hash of its latest event; zeros before there is one';
SELECT core.raise_wall('practice.signature_request', 'mutable');
REVOKE INSERT, UPDATE ON practice.signature_request FROM backoffice_app;
CREATE INDEX signature_request_by_document ON practice.signature_request (tenant_id, document_id, id);
CREATE INDEX signature_request_by_state ON practice.signature_request (tenant_id, state, id);
CREATE INDEX signature_request_by_evidence ON practice.signature_request (tenant_id, evidence_file_id) WHERE evidence_file_id IS NOT NULL;
CREATE INDEX signature_request_out ON practice.signature_request (tenant_id, version_id) WHERE state = 'out';

CREATE TABLE practice.signature_signer (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  request_id  uuid NOT NULL,
  number      integer NOT NULL CHECK (number BETWEEN 1 AND 20),
  step        integer NOT NULL CHECK (step BETWEEN 1 AND 20),
  account_id  uuid REFERENCES identity.account,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email       text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
  state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'asked', 'signed', 'declined')),
  opened_at   timestamptz,
  acted_at    timestamptz,
  typed_name  text CHECK (length(typed_name) BETWEEN 1 AND 200),
  words       text CHECK (length(words) BETWEEN 1 AND 1000),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, request_id, number),
  FOREIGN KEY (tenant_id, request_id) REFERENCES practice.signature_request (tenant_id, id),
  CHECK ((state IN ('signed', 'declined')) = (acted_at IS NOT NULL)),
  CHECK ((state = 'signed') = (typed_name IS NOT NULL)),
  CHECK (acted_at IS NULL OR opened_at IS NOT NULL)
);
COMMENT ON COLUMN practice.signature_signer.account_id IS 'who signs by his account; null: whoever has the mailbox, by a link';
COMMENT ON COLUMN practice.signature_signer.words IS 'what he declared with his signature, or why he declined';
SELECT core.raise_wall('practice.signature_signer', 'deletable');
REVOKE INSERT, UPDATE, DELETE ON practice.signature_signer FROM backoffice_app;
CREATE UNIQUE INDEX signature_signer_once ON practice.signature_signer (tenant_id, request_id, account_id) WHERE account_id IS NOT NULL;
CREATE INDEX signature_signer_by_account ON practice.signature_signer (tenant_id, account_id, request_id) WHERE account_id IS NOT NULL;

CREATE TABLE practice.signature_event (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  request_id      uuid NOT NULL,
  number          integer NOT NULL CHECK (number > 0),
  kind            text NOT NULL CHECK (kind IN ('sent', 'asked', 'mailed', 'not_mailed', 'reminded', 'opened', 'signed', 'declined',
                                                'extended', 'link_revoked', 'withdrawn', 'expired', 'completed', 'evidence')),
  signer_number   integer,
  actor_name      text NOT NULL,
  account_id      uuid,
  email           text,
  address         text,
  agent           text,
  document_sha256 text NOT NULL,
  detail          jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object'),
  occurred_at     timestamptz NOT NULL,
  hash            text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, request_id, number),
  FOREIGN KEY (tenant_id, request_id) REFERENCES practice.signature_request (tenant_id, id)
);
COMMENT ON TABLE practice.signature_event IS 'append-only';
COMMENT ON COLUMN practice.signature_event.hash IS 'SHA-256 of the hash before it, a line feed and the event''s line, in hexadecimal';
SELECT core.raise_wall('practice.signature_event', 'append_only');
REVOKE INSERT ON practice.signature_event FROM backoffice_app;

CREATE TABLE practice.signature_link (
  token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
  client_id  uuid NOT NULL,
  request_id uuid NOT NULL,
  signer_id  uuid NOT NULL,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE practice.signature_link IS 'local: the links that went out by mail, as hashes of their secrets; no role reads it';
CREATE INDEX signature_link_by_signer ON practice.signature_link (client_id, signer_id);
INSERT INTO core.archive_exception (table_name, reason) VALUES
  ('practice.signature_link', 'The hashes of secrets that one server has sent out by mail: the other one sends new ones.');

INSERT INTO core.record_type (node_type, home) VALUES ('SignatureRequest', 'practice.signature_request');
SELECT core.know_record_types();
-- Who sees a request beside the right to read requests, and who sees it as what he is asked to sign.
INSERT INTO core.record_sight (node_type, home, condition) VALUES
  ('SignatureRequest', 'practice.signature_request', 'r.rights <@ p_held'),
  ('SignatureTask', 'practice.signature_request', 'EXISTS (SELECT 1 FROM practice.signature_signer s WHERE s.tenant_id = r.tenant_id AND s.request_id = r.id AND s.account_id = p_account AND s.state <> ''waiting'')');
SELECT core.know_record_sights();

-------------------------------------------------------------------------------------------------------------- events
-- An event as the chain signs it and the evidence sheet shows it: everything that stands in it, in one order.
CREATE FUNCTION practice.signature_line(e practice.signature_event) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT pg_catalog.jsonb_build_object('client', e.tenant_id, 'request', e.request_id, 'number', e.number, 'kind', e.kind,
    'at', pg_catalog.to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'signer', e.signer_number,
    'name', e.actor_name, 'account', e.account_id, 'email', e.email, 'address', e.address, 'agent', e.agent,
    'document', e.document_sha256, 'detail', e.detail)::text
$$;
GRANT EXECUTE ON FUNCTION practice.signature_line TO backoffice_app;

-- Writes an event behind the others. Whoever calls it holds the lock of the request.
CREATE FUNCTION practice.note_signature(p_tenant uuid, p_request uuid, p_kind text, p_signer integer, p_name text, p_account uuid,
  p_email text, p_address text, p_agent text, p_detail jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  r practice.signature_request;
  e practice.signature_event;
BEGIN
  SELECT q.* INTO STRICT r FROM practice.signature_request q WHERE q.tenant_id = p_tenant AND q.id = p_request;
  e.tenant_id := p_tenant; e.id := gen_random_uuid(); e.request_id := p_request; e.number := r.events + 1; e.kind := p_kind;
  e.signer_number := p_signer; e.actor_name := p_name; e.account_id := p_account; e.email := p_email;
  e.address := nullif(left(p_address, 100), ''); e.agent := nullif(left(p_agent, 200), '');
  e.document_sha256 := r.document_sha256; e.detail := p_detail; e.occurred_at := clock_timestamp(); e.created_at := now();
  e.hash := encode(sha256(convert_to(r.head || E'\n' || practice.signature_line(e), 'UTF8')), 'hex');
  INSERT INTO practice.signature_event SELECT e.*;
  UPDATE practice.signature_request q SET events = e.number, head = e.hash WHERE q.tenant_id = p_tenant AND q.id = p_request;
END $$;

-- The name of whoever acts in this transaction, and his account if he is a person.
CREATE FUNCTION practice.signature_actor(OUT name text, OUT account uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
  name := coalesce(nullif(current_setting('app.actor_name', true), ''), 'Server');
  account := nullif(current_setting('app.actor_id', true), '')::uuid;
END $$;

-------------------------------------------------------------------------------------------------------------- drafts
-- A mailbox, however it is written: `A+b@c` is `a@c`.
CREATE FUNCTION practice.mailbox(p_email text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.regexp_replace(pg_catalog.lower(p_email), '\+[^@]*@', '@') $$;

-- Lays a request down as a draft, or a draft anew. p_signers: in their order, each with step and either account or name and
-- email. Outcomes: 'ok'; 'unknown' (no such draft); 'conflict' (another edition of it than expected); 'state' (it is none any
-- more); 'version' (no version that can be
-- signed); of a signer: 'account' (nobody who may sign here), 'known' (a mailbox of somebody with an account, who signs by
-- that), 'twice'.
CREATE FUNCTION practice.lay_signature(p_id uuid, p_version uuid, p_title text, p_message text, p_expires_at timestamptz,
  p_remind integer[], p_signers jsonb, p_change boolean, p_expected integer, OUT outcome text, OUT signer integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r    practice.signature_request;
  v    record;
  one  record;
  who  identity.account;
  boxes text[] := '{}';
  box  text;
BEGIN
  IF p_change THEN
    SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_id FOR UPDATE;
    IF NOT FOUND THEN outcome := 'unknown'; RETURN; END IF;
    IF r.version <> p_expected THEN outcome := 'conflict'; RETURN; END IF;
    IF r.state <> 'draft' THEN outcome := 'state'; RETURN; END IF;
  END IF;
  SELECT d.id AS document_id, n.number, f.id AS file_id, f.name, f.sha256, d.rights INTO v
    FROM practice.document_version n
    JOIN practice.document d ON d.tenant_id = n.tenant_id AND d.id = n.document_id AND d.trashed_on IS NULL
    JOIN core.file f ON f.tenant_id = n.tenant_id AND f.id = n.file_id AND f.state = 'ready' AND f.removed_at IS NULL AND f.deleted_at IS NULL
   WHERE n.tenant_id = tenant AND n.id = p_version AND n.deleted_at IS NULL;
  IF NOT FOUND THEN outcome := 'version'; RETURN; END IF;
  IF p_change THEN
    DELETE FROM practice.signature_signer s WHERE s.tenant_id = tenant AND s.request_id = p_id;
    UPDATE practice.signature_request q
       SET document_id = v.document_id, version_id = p_version, version_number = v.number, file_id = v.file_id, file_name = v.name,
           document_sha256 = v.sha256, rights = v.rights, title = p_title, message = p_message, expires_at = p_expires_at, remind_after = p_remind
     WHERE q.tenant_id = tenant AND q.id = p_id;
  ELSE
    INSERT INTO practice.signature_request (tenant_id, id, document_id, version_id, version_number, file_id, file_name, document_sha256,
                                            rights, title, message, expires_at, remind_after, requested_by, requested_by_name)
    SELECT tenant, p_id, v.document_id, p_version, v.number, v.file_id, v.name, v.sha256, v.rights, p_title, p_message, p_expires_at,
           p_remind, a.account, a.name FROM practice.signature_actor() a;
  END IF;
  FOR one IN SELECT s.place::integer AS number, (s.said ->> 'step')::integer AS step, (s.said ->> 'account')::uuid AS account_id,
                    s.said ->> 'name' AS name, s.said ->> 'email' AS email
               FROM jsonb_array_elements(p_signers) WITH ORDINALITY AS s (said, place) LOOP
    signer := one.number;
    IF one.account_id IS NOT NULL THEN
      SELECT a.* INTO who FROM identity.account a WHERE a.id = one.account_id AND a.disabled_at IS NULL;
      IF NOT FOUND OR NOT practice.holds_here(one.account_id, 'office.signature.sign') THEN outcome := 'account'; RETURN; END IF;
      one.name := who.name; one.email := who.email;
    ELSIF EXISTS (SELECT 1 FROM identity.account a
                   WHERE practice.mailbox(a.email) = practice.mailbox(one.email)
                     AND (a.staff OR EXISTS (SELECT 1 FROM identity.access_grant g WHERE g.tenant_id = tenant AND g.account_id = a.id))) THEN
      outcome := 'known'; RETURN;
    END IF;
    box := practice.mailbox(one.email);
    IF box = ANY (boxes) THEN outcome := 'twice'; RETURN; END IF;
    boxes := boxes || box;
    INSERT INTO practice.signature_signer (tenant_id, id, request_id, number, step, account_id, name, email)
    VALUES (tenant, gen_random_uuid(), p_id, one.number, one.step, one.account_id, one.name, one.email);
  END LOOP;
  outcome := 'ok'; signer := NULL;
END $$;
GRANT EXECUTE ON FUNCTION practice.lay_signature TO backoffice_app;

-- Asks those of a step, whose turn it is now; gives their numbers.
CREATE FUNCTION practice.ask_signers(p_tenant uuid, p_request uuid, p_step integer) RETURNS integer[]
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  one   practice.signature_signer;
  asked integer[] := '{}';
BEGIN
  UPDATE practice.signature_request q SET step = p_step WHERE q.tenant_id = p_tenant AND q.id = p_request;
  FOR one IN SELECT s.* FROM practice.signature_signer s
              WHERE s.tenant_id = p_tenant AND s.request_id = p_request AND s.step = p_step ORDER BY s.number LOOP
    UPDATE practice.signature_signer s SET state = 'asked' WHERE s.tenant_id = p_tenant AND s.id = one.id;
    PERFORM practice.note_signature(p_tenant, p_request, 'asked', one.number, one.name, one.account_id, one.email, NULL, NULL,
                                    jsonb_build_object('step', p_step));
    asked := asked || one.number;
  END LOOP;
  RETURN asked;
END $$;

-- Sends a draft out. The document's row is locked first: nobody takes the version back meanwhile. Outcomes: 'ok', 'unknown',
-- 'state', 'version' (it was taken back, another one is current, or the document is in the trash), 'past', 'account' (a
-- signer may not sign any more).
CREATE FUNCTION practice.send_signature(p_request uuid, OUT outcome text, OUT asked integer[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r  practice.signature_request;
  me record;
BEGIN
  asked := '{}';
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN; END IF;
  PERFORM 1 FROM practice.document d WHERE d.tenant_id = tenant AND d.id = r.document_id AND d.trashed_on IS NULL FOR UPDATE;
  IF NOT FOUND THEN outcome := 'version'; RETURN; END IF;
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  IF r.state <> 'draft' THEN outcome := 'state'; RETURN; END IF;
  IF r.expires_at <= clock_timestamp() THEN outcome := 'past'; RETURN; END IF;
  IF r.version_id IS DISTINCT FROM (SELECT n.id FROM practice.document_version n
                                     WHERE n.tenant_id = tenant AND n.document_id = r.document_id AND n.deleted_at IS NULL
                                     ORDER BY n.number DESC LIMIT 1)
     OR NOT EXISTS (SELECT 1 FROM core.file f WHERE f.tenant_id = tenant AND f.id = r.file_id AND f.state = 'ready'
                       AND f.removed_at IS NULL AND f.deleted_at IS NULL AND f.sha256 = r.document_sha256) THEN
    outcome := 'version'; RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM practice.signature_signer s WHERE s.tenant_id = tenant AND s.request_id = p_request
                AND s.account_id IS NOT NULL AND NOT practice.holds_here(s.account_id, 'office.signature.sign')) THEN
    outcome := 'account'; RETURN;
  END IF;
  SELECT a.* INTO me FROM practice.signature_actor() a;
  UPDATE practice.signature_request q
     SET state = 'out', sent_at = clock_timestamp(), requested_by = me.account, requested_by_name = me.name
   WHERE q.tenant_id = tenant AND q.id = p_request;
  PERFORM practice.note_signature(tenant, p_request, 'sent', NULL, me.name, me.account, NULL, NULL, NULL,
            jsonb_build_object('title', r.title, 'file', r.file_name, 'version', r.version_number, 'until',
                               to_char(r.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
  asked := practice.ask_signers(tenant, p_request, 1);
  outcome := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.send_signature TO backoffice_app;

------------------------------------------------------------------------------------------------------------- signing
-- As which signer somebody comes: by the secret of a link, or by the account that acts. Null: as none. Programs sign nothing.
CREATE FUNCTION practice.signer_of(p_request uuid, p_hash bytea) RETURNS practice.signature_signer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  found_one practice.signature_signer;
BEGIN
  IF p_hash IS NOT NULL THEN
    SELECT s.* INTO found_one
      FROM practice.signature_link l JOIN practice.signature_signer s ON s.tenant_id = l.client_id AND s.id = l.signer_id
     WHERE l.token_hash = p_hash AND l.client_id = tenant AND l.revoked_at IS NULL AND s.account_id IS NULL;
  ELSIF current_setting('app.actor_kind', true) = 'user' THEN
    SELECT s.* INTO found_one FROM practice.signature_signer s
     WHERE s.tenant_id = tenant AND s.request_id = p_request AND s.account_id = nullif(current_setting('app.actor_id', true), '')::uuid;
  END IF;
  RETURN found_one;
END $$;

-- Why a signer cannot act on a request any more, or not yet; null: he can.
CREATE FUNCTION practice.signature_closed(r practice.signature_request, s practice.signature_signer) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
  RETURN CASE WHEN s.state = 'waiting' THEN 'unknown'
              WHEN s.state = 'signed' THEN 'signed_before'
              WHEN r.state <> 'out' THEN r.state
              WHEN r.expires_at <= clock_timestamp() THEN 'expired' END;
END $$;

-- Notes that a signer has the document before him, the first time. Whoever has signed can look at it later as well.
CREATE FUNCTION practice.open_signature(p_request uuid, p_hash bytea, p_address text, p_agent text, OUT outcome text, OUT request_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r practice.signature_request;
  s practice.signature_signer := practice.signer_of(p_request, p_hash);
BEGIN
  IF s.id IS NULL THEN outcome := 'unknown'; RETURN; END IF;
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = s.request_id FOR UPDATE;
  SELECT o.* INTO s FROM practice.signature_signer o WHERE o.tenant_id = tenant AND o.id = s.id;
  outcome := practice.signature_closed(r, s);
  IF outcome = 'signed_before' AND r.state IN ('out', 'signed') THEN outcome := NULL; END IF;
  IF outcome IS NOT NULL THEN RETURN; END IF;
  request_id := r.id;
  IF s.opened_at IS NULL THEN
    UPDATE practice.signature_signer o SET opened_at = clock_timestamp() WHERE o.tenant_id = tenant AND o.id = s.id;
    PERFORM practice.note_signature(tenant, r.id, 'opened', s.number, s.name, s.account_id, s.email, p_address, p_agent, '{}');
  END IF;
  outcome := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.open_signature TO backoffice_app;

-- Signs, or declines. Outcomes: 'ok'; 'unknown'; 'unseen' (he has not opened the document); 'other' (not the bytes that he
-- has seen); 'gone' (the file cannot be taken any more); 'signed_before', 'declined', 'expired', 'withdrawn', 'signed'.
-- asked: those whose turn it is now; ended: nobody is left to sign, or he has declined.
CREATE FUNCTION practice.act_on_signature(p_request uuid, p_hash bytea, p_signs boolean, p_sha256 text, p_name text, p_words text,
  p_address text, p_agent text, OUT outcome text, OUT request_id uuid, OUT asked integer[], OUT ended boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r practice.signature_request;
  s practice.signature_signer := practice.signer_of(p_request, p_hash);
BEGIN
  asked := '{}'; ended := false;
  IF s.id IS NULL THEN outcome := 'unknown'; RETURN; END IF;
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = s.request_id FOR UPDATE;
  SELECT o.* INTO s FROM practice.signature_signer o WHERE o.tenant_id = tenant AND o.id = s.id;
  outcome := practice.signature_closed(r, s);
  IF outcome IS NOT NULL THEN RETURN; END IF;
  request_id := r.id;
  IF s.opened_at IS NULL THEN outcome := 'unseen'; RETURN; END IF;
  IF p_signs AND p_sha256 <> r.document_sha256 THEN outcome := 'other'; RETURN; END IF;
  IF p_signs AND NOT EXISTS (SELECT 1 FROM core.file f WHERE f.tenant_id = tenant AND f.id = r.file_id AND f.state = 'ready'
                                AND f.removed_at IS NULL AND f.deleted_at IS NULL AND f.sha256 = r.document_sha256) THEN
    outcome := 'gone'; RETURN;
  END IF;
  UPDATE practice.signature_signer o
     SET state = CASE WHEN p_signs THEN 'signed' ELSE 'declined' END, acted_at = clock_timestamp(),
         typed_name = CASE WHEN p_signs THEN p_name END, words = p_words
   WHERE o.tenant_id = tenant AND o.id = s.id;
  PERFORM practice.note_signature(tenant, r.id, CASE WHEN p_signs THEN 'signed' ELSE 'declined' END, s.number, s.name, s.account_id, s.email,
            p_address, p_agent, jsonb_strip_nulls(jsonb_build_object('typed', CASE WHEN p_signs THEN p_name END, 'words', p_words,
                                  'by', CASE WHEN s.account_id IS NULL THEN 'a link sent to this address' ELSE 'this account' END)));
  outcome := 'ok';
  IF NOT p_signs THEN
    ended := true;
    UPDATE practice.signature_request q SET state = 'declined', ended_at = clock_timestamp(), reason = p_words
     WHERE q.tenant_id = tenant AND q.id = r.id;
  ELSIF NOT EXISTS (SELECT 1 FROM practice.signature_signer o WHERE o.tenant_id = tenant AND o.request_id = r.id
                       AND o.step = r.step AND o.state <> 'signed') THEN
    IF r.step < 20 THEN
      asked := practice.ask_signers(tenant, r.id, r.step + 1);
    END IF;
    IF cardinality(asked) = 0 THEN
      ended := true;
      UPDATE practice.signature_request q SET state = 'signed', step = r.step, ended_at = clock_timestamp()
       WHERE q.tenant_id = tenant AND q.id = r.id;
      PERFORM practice.note_signature(tenant, r.id, 'completed', NULL, 'Server', NULL, NULL, NULL, NULL, '{}');
    END IF;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION practice.act_on_signature TO backoffice_app;

-------------------------------------------------------------------------------------------------- withdraw, extend, expire
-- Takes a draft or a request that is out back. Outcomes: 'ok', 'unknown', 'expired', or the state that ended it.
CREATE FUNCTION practice.withdraw_signature(p_request uuid, p_reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r  practice.signature_request;
  me record;
BEGIN
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF r.state NOT IN ('draft', 'out') THEN RETURN r.state; END IF;
  IF r.state = 'out' AND r.expires_at <= clock_timestamp() THEN RETURN 'expired'; END IF;
  SELECT a.* INTO me FROM practice.signature_actor() a;
  UPDATE practice.signature_request q SET state = 'withdrawn', ended_at = clock_timestamp(), reason = p_reason
   WHERE q.tenant_id = tenant AND q.id = p_request;
  PERFORM practice.note_signature(tenant, p_request, 'withdrawn', NULL, me.name, me.account, NULL, NULL, NULL, jsonb_build_object('reason', p_reason));
  RETURN 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.withdraw_signature TO backoffice_app;

-- Gives a request that is out another end. Outcomes: 'ok', 'unknown', 'draft', 'expired', 'past', or the state that ended it.
CREATE FUNCTION practice.extend_signature(p_request uuid, p_expires_at timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r  practice.signature_request;
  me record;
BEGIN
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF r.state <> 'out' THEN RETURN r.state; END IF;
  IF r.expires_at <= clock_timestamp() THEN RETURN 'expired'; END IF;
  IF p_expires_at <= clock_timestamp() THEN RETURN 'past'; END IF;
  SELECT a.* INTO me FROM practice.signature_actor() a;
  UPDATE practice.signature_request q SET expires_at = p_expires_at WHERE q.tenant_id = tenant AND q.id = p_request;
  PERFORM practice.note_signature(tenant, p_request, 'extended', NULL, me.name, me.account, NULL, NULL, NULL,
            jsonb_build_object('until', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
  RETURN 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.extend_signature TO backoffice_app;

-- Writes down that the time of a request is over, if it is, and if that is still the end for which somebody was told to come.
CREATE FUNCTION practice.expire_signature(p_request uuid, p_expires_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r practice.signature_request;
BEGIN
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  IF NOT FOUND OR r.state <> 'out' OR r.expires_at <> p_expires_at OR r.expires_at > clock_timestamp() THEN RETURN false; END IF;
  UPDATE practice.signature_request q SET state = 'expired', ended_at = r.expires_at WHERE q.tenant_id = tenant AND q.id = p_request;
  PERFORM practice.note_signature(tenant, p_request, 'expired', NULL, 'Server', NULL, NULL, NULL, NULL, '{}');
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION practice.expire_signature TO backoffice_app;

-- A version stays while it is out for signature, and so does its document.
CREATE FUNCTION practice.expect_not_out_for_signature() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM practice.signature_request q
              WHERE q.tenant_id = old.tenant_id AND q.state = 'out' AND q.expires_at > now()
                AND CASE WHEN tg_argv[0] = 'document' THEN q.document_id = old.id ELSE q.version_id = old.id END) THEN
    RAISE EXCEPTION 'it is out for signature' USING ERRCODE = 'BO215', CONSTRAINT = 'BO215';
  END IF;
  RETURN CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
END $$;
CREATE TRIGGER out_for_signature BEFORE DELETE ON practice.document_version
  FOR EACH ROW EXECUTE FUNCTION practice.expect_not_out_for_signature('version');
CREATE TRIGGER out_for_signature_deletion BEFORE UPDATE ON practice.document_version
  FOR EACH ROW WHEN (old.deleted_at IS NULL AND new.deleted_at IS NOT NULL)
  EXECUTE FUNCTION practice.expect_not_out_for_signature('version');
CREATE TRIGGER out_for_signature BEFORE DELETE ON practice.document
  FOR EACH ROW EXECUTE FUNCTION practice.expect_not_out_for_signature('document');
CREATE TRIGGER out_for_signature_trash BEFORE UPDATE ON practice.document
  FOR EACH ROW WHEN (old.trashed_on IS NULL AND new.trashed_on IS NOT NULL)
  EXECUTE FUNCTION practice.expect_not_out_for_signature('document');

-------------------------------------------------------------------------------------------------------- links and mails
-- The door of whoever comes with a link (p_hash), or of a job that does what a request needs (p_request): for one client,
-- without any right. 'unknown': there is no such client, request or link, the link was revoked, or the client is suspended.
CREATE FUNCTION core.enter_signature(p_client uuid, p_hash bytea, p_request uuid, p_run uuid,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  opened_at := now();
  verdict := 'unknown';
  permissions := '{}';
  PERFORM core.set_tenant(p_client);
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c
   WHERE c.tenant_id = p_client AND (p_hash IS NULL OR c.status NOT IN ('suspended', 'ended'));
  IF FOUND AND p_hash IS NOT NULL THEN
    SELECT s.name INTO actor_name FROM practice.signature_link l
      JOIN practice.signature_signer s ON s.tenant_id = l.client_id AND s.id = l.signer_id
     WHERE l.token_hash = p_hash AND l.client_id = p_client AND l.revoked_at IS NULL;
  ELSIF FOUND THEN
    SELECT 'Signatures' INTO actor_name FROM practice.signature_request q WHERE q.tenant_id = p_client AND q.id = p_request;
  END IF;
  IF actor_name IS NULL THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  PERFORM core.set_actor(NULL, 'system', actor_name, p_run);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter_signature TO backoffice_app;

-- What somebody sees who comes with a link: nothing before his turn, and nothing of what was withdrawn, declined or expired.
CREATE FUNCTION practice.signature_by_link(p_hash bytea)
RETURNS TABLE (request_id uuid, title text, message text, client_name text, requested_by_name text, name text, email text, state text,
               file_name text, document_sha256 text, expires_at timestamptz, opened_at timestamptz, acted_at timestamptz,
               object_key text, size bigint, media_type text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  RETURN QUERY
    SELECT q.id, q.title, q.message, c.name, q.requested_by_name, s.name, s.email, s.state, q.file_name, q.document_sha256, q.expires_at,
           s.opened_at, s.acted_at, f.object_key, f.size, f.media_type
      FROM practice.signature_link l
      JOIN practice.signature_signer s ON s.tenant_id = l.client_id AND s.id = l.signer_id
      JOIN practice.signature_request q ON q.tenant_id = s.tenant_id AND q.id = s.request_id
      JOIN practice.client c ON c.tenant_id = q.tenant_id
      JOIN core.file f ON f.tenant_id = q.tenant_id AND f.id = q.file_id AND f.state = 'ready' AND f.removed_at IS NULL AND f.deleted_at IS NULL
     WHERE l.token_hash = p_hash AND l.client_id = tenant AND l.revoked_at IS NULL
       AND ((q.state = 'out' AND q.expires_at > now() AND s.state IN ('asked', 'signed')) OR (q.state = 'signed' AND s.state = 'signed'));
END $$;
GRANT EXECUTE ON FUNCTION practice.signature_by_link TO backoffice_app;

-- Who is to be told what, now: 'asked' that signer, 'reminder' everybody whose turn it is, 'over' whoever has sent it. Nobody
-- if there is nothing to be told any more.
CREATE FUNCTION practice.signature_mails(p_request uuid, p_what text, p_signer integer)
RETURNS TABLE (number integer, signer_id uuid, name text, email text, by_link boolean, client_name text, title text, message text,
               requested_by_name text, expires_at timestamptz, state text, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  RETURN QUERY
    SELECT s.number, s.id, s.name, s.email, s.account_id IS NULL, c.name, q.title, q.message, q.requested_by_name, q.expires_at, q.state, q.reason
      FROM practice.signature_request q
      JOIN practice.client c ON c.tenant_id = q.tenant_id
      JOIN practice.signature_signer s ON s.tenant_id = q.tenant_id AND s.request_id = q.id AND s.state = 'asked'
     WHERE q.tenant_id = tenant AND q.id = p_request AND q.state = 'out' AND q.expires_at > now()
       AND ((p_what = 'asked' AND s.number = p_signer) OR p_what = 'reminder')
    UNION ALL
    SELECT 0, q.requested_by, a.name, a.email, false, c.name, q.title, q.message, q.requested_by_name, q.expires_at, q.state, q.reason
      FROM practice.signature_request q
      JOIN practice.client c ON c.tenant_id = q.tenant_id
      JOIN identity.account a ON a.id = q.requested_by AND a.disabled_at IS NULL
     WHERE q.tenant_id = tenant AND q.id = p_request AND p_what = 'over' AND q.ended_at IS NOT NULL
     ORDER BY 1;
END $$;
GRANT EXECUTE ON FUNCTION practice.signature_mails TO backoffice_app;

-- Lets the secret of that hash lead to a signer without an account whose turn it is. False: there is none.
CREATE FUNCTION practice.make_signature_link(p_request uuid, p_signer integer, p_hash bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  INSERT INTO practice.signature_link (token_hash, client_id, request_id, signer_id)
  SELECT p_hash, tenant, s.request_id, s.id
    FROM practice.signature_signer s JOIN practice.signature_request q ON q.tenant_id = s.tenant_id AND q.id = s.request_id
   WHERE s.tenant_id = tenant AND s.request_id = p_request AND s.number = p_signer AND s.account_id IS NULL AND s.state = 'asked'
     AND q.state = 'out' AND q.expires_at > now();
  RETURN FOUND;
END $$;
GRANT EXECUTE ON FUNCTION practice.make_signature_link TO backoffice_app;

-- Notes that a mail went out, or that the mail server has refused it for good. False: there is nobody to be noted.
CREATE FUNCTION practice.signature_mailed(p_request uuid, p_signer integer, p_what text, p_sent boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  s practice.signature_signer;
BEGIN
  PERFORM 1 FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  SELECT o.* INTO s FROM practice.signature_signer o WHERE o.tenant_id = tenant AND o.request_id = p_request AND o.number = p_signer;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM practice.note_signature(tenant, p_request, CASE WHEN NOT p_sent THEN 'not_mailed' WHEN p_what = 'reminder' THEN 'reminded' ELSE 'mailed' END,
                                  s.number, s.name, s.account_id, s.email, NULL, NULL, '{}');
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION practice.signature_mailed TO backoffice_app;

-- Lets all links of a signer lead nowhere. Outcomes: 'ok', 'unknown' (no such request or signer), 'account' (who signs by that).
CREATE FUNCTION practice.revoke_signature_links(p_request uuid, p_signer integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  s  practice.signature_signer;
  me record;
BEGIN
  PERFORM 1 FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  SELECT o.* INTO s FROM practice.signature_signer o WHERE o.tenant_id = tenant AND o.request_id = p_request AND o.number = p_signer;
  IF NOT FOUND THEN RETURN 'signer'; END IF;
  IF s.account_id IS NOT NULL THEN RETURN 'account'; END IF;
  UPDATE practice.signature_link l SET revoked_at = now() WHERE l.client_id = tenant AND l.signer_id = s.id AND l.revoked_at IS NULL;
  SELECT a.* INTO me FROM practice.signature_actor() a;
  PERFORM practice.note_signature(tenant, p_request, 'link_revoked', s.number, me.name, me.account, s.email, NULL, NULL, '{}');
  RETURN 'ok';
END $$;
GRANT EXECUTE ON FUNCTION practice.revoke_signature_links TO backoffice_app;

-- Binds the evidence sheet to a request that is signed. False: it has one.
CREATE FUNCTION practice.keep_signature_evidence(p_request uuid, p_file uuid, p_sha256 text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r practice.signature_request;
BEGIN
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  IF NOT FOUND OR r.state <> 'signed' OR r.evidence_file_id IS NOT NULL THEN RETURN false; END IF;
  UPDATE practice.signature_request q SET evidence_file_id = p_file, evidence_sha256 = p_sha256 WHERE q.tenant_id = tenant AND q.id = p_request;
  PERFORM practice.note_signature(tenant, p_request, 'evidence', NULL, 'Server', NULL, NULL, NULL, NULL, jsonb_build_object('sha256', p_sha256));
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION practice.keep_signature_evidence TO backoffice_app;
