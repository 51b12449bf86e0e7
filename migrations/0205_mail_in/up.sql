-- Mails that come in: the addresses under which a client is written to, what came to them, and what mail servers say of
-- mails that were sent.

----------------------------------------------------------------------------------------------------------- addresses
CREATE TABLE practice.inbound_address (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  token       text NOT NULL CHECK (token ~ '^[a-z2-7]{20}$'),
  revoked_at  timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, token)
);
COMMENT ON COLUMN practice.inbound_address.token IS 'what stands before the @: everybody who writes to the client knows it, and nobody guesses it';
SELECT core.raise_wall('practice.inbound_address', 'mutable');
INSERT INTO core.archive_column (table_name, column_name, goes, reason) VALUES
  ('practice.inbound_address', 'token', true, 'No secret: part of an address that everybody knows who writes to the client.');

-- An address stays what it is; revoked is its end.
CREATE FUNCTION practice.inbound_address_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.token <> old.token OR (old.revoked_at IS NOT NULL AND new.revoked_at IS DISTINCT FROM old.revoked_at) THEN
    RAISE EXCEPTION 'an address stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER inbound_address_stays BEFORE UPDATE ON practice.inbound_address
  FOR EACH ROW EXECUTE FUNCTION practice.inbound_address_stays();

------------------------------------------------------------------------------------------------------- what came in
CREATE TABLE practice.correspondence_received (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  entry_id     uuid NOT NULL,
  address_id   uuid,
  message_key  text NOT NULL CHECK (length(message_key) BETWEEN 3 AND 400),
  message_id   text CHECK (length(message_id) BETWEEN 3 AND 255),
  digest       text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
  sender_name  text NOT NULL DEFAULT '' CHECK (length(sender_name) <= 200),
  written_at   timestamptz,
  automatic    boolean NOT NULL,
  sealing      text NOT NULL CHECK (sealing IN ('none', 'signed', 'encrypted')),
  problem      text CHECK (length(problem) BETWEEN 1 AND 500),
  notes        text[] NOT NULL DEFAULT '{}',
  raw_file_id  uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, entry_id),
  UNIQUE (tenant_id, message_key),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES practice.correspondence (tenant_id, id),
  FOREIGN KEY (tenant_id, address_id) REFERENCES practice.inbound_address (tenant_id, id),
  FOREIGN KEY (tenant_id, raw_file_id) REFERENCES core.file (tenant_id, id)
);
COMMENT ON TABLE practice.correspondence_received IS 'append-only';
COMMENT ON COLUMN practice.correspondence_received.message_key IS 'one mail, one row: its Message-ID, or its digest if it has none, or both if another mail bears its Message-ID';
COMMENT ON COLUMN practice.correspondence_received.address_id IS 'the address that it came to; null of a report, which came to the sender''s own';
SELECT core.raise_wall('practice.correspondence_received', 'append_only');
CREATE INDEX correspondence_received_by_message ON practice.correspondence_received (tenant_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX correspondence_received_by_file ON practice.correspondence_received (tenant_id, raw_file_id);

-- What a sender says that a file is, and whether its name or that is not what its bytes are.
ALTER TABLE practice.correspondence_file ADD COLUMN declared_type text CHECK (length(declared_type) BETWEEN 1 AND 127);
ALTER TABLE practice.correspondence_file ADD COLUMN misleads boolean NOT NULL DEFAULT false;

-- What mail servers say of a mail that was sent: the latest word, but for failed, which is the last one.
ALTER TABLE practice.correspondence_mail ADD COLUMN delivery text NOT NULL DEFAULT 'unknown'
  CHECK (delivery IN ('unknown', 'delivered', 'delayed', 'failed'));
ALTER TABLE practice.correspondence_mail ADD COLUMN delivery_note text CHECK (length(delivery_note) BETWEEN 1 AND 500);
ALTER TABLE practice.correspondence_mail ADD COLUMN delivery_told_at timestamptz;

-- Who has written an entry: of what went out, who said it. Null of what was registered before that was kept.
ALTER TABLE practice.correspondence ADD COLUMN author_name text CHECK (length(author_name) BETWEEN 1 AND 200);
CREATE FUNCTION practice.correspondence_author_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.author_name IS DISTINCT FROM old.author_name THEN
    RAISE EXCEPTION 'an entry of the register stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER correspondence_author_stays BEFORE UPDATE ON practice.correspondence
  FOR EACH ROW EXECUTE FUNCTION practice.correspondence_author_stays();

INSERT INTO core.record_type (node_type, home) VALUES ('InboundMailAddress', 'practice.inbound_address');
SELECT core.know_record_types();

---------------------------------------------------------------------------------------------------------------- doors
-- Whose address that is, for a mail whose client is not known yet. Revoked ones are told as such.
CREATE FUNCTION core.inbound_route(p_token text) RETURNS TABLE (client_id uuid, address_id uuid, revoked boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR client_id, address_id, revoked IN
      SELECT a.tenant_id, a.id, a.revoked_at IS NOT NULL FROM practice.inbound_address a
       WHERE a.tenant_id = client AND a.token = p_token
    LOOP
      RETURN NEXT;
    END LOOP;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.inbound_route TO backoffice_identity;

-- Which client has sent a mail, for a report that came to the sender's own address.
CREATE FUNCTION core.sent_mail_route(p_message_id text) RETURNS TABLE (client_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR client_id IN
      SELECT m.tenant_id FROM practice.correspondence_mail m WHERE m.tenant_id = client AND m.message_id = p_message_id
    LOOP
      RETURN NEXT;
    END LOOP;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.sent_mail_route TO backoffice_identity;

-- The door of a mail that has come: it acts as nobody, for one client, with the rights that registering it takes and no
-- others. 'unknown': there is no such client any more, or its address was revoked.
CREATE FUNCTION core.enter_mail(p_client uuid, p_address uuid, p_run uuid,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  opened_at := now();
  verdict := 'unknown';
  permissions := '{}';
  actor_name := 'Mail';
  PERFORM core.set_tenant(p_client);
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c WHERE c.tenant_id = p_client;
  IF NOT FOUND OR (p_address IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM practice.inbound_address a
        WHERE a.tenant_id = p_client AND a.id = p_address AND a.revoked_at IS NULL)) THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  permissions := '{core.file.read,office.correspondence.read,office.correspondence.manage,finance.customer.read,finance.vendor.read}';
  PERFORM core.set_actor(NULL, 'system', actor_name, p_run);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter_mail TO backoffice_app;
