-- What every department stands on: schemas, the tenant of a transaction, the wall around a table, the audit trail,
-- gapless numbers, and answers kept for repeated requests.
-- Roles exist already (created by the one who owns the server): backoffice_owner runs this.

CREATE SCHEMA core;
CREATE SCHEMA audit;
CREATE SCHEMA identity;
CREATE SCHEMA practice;
CREATE SCHEMA finance;
GRANT USAGE ON SCHEMA core, audit, identity, practice, finance TO backoffice_app, backoffice_portfolio, backoffice_identity;
-- Functions are nobody's until granted one by one.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- A function in SQL is planned anew in every transaction unless PostgreSQL can put its text into the statement that
-- calls it. It can here, because the function has no settings of its own and gives back what its expression gives.
CREATE FUNCTION core.set_tenant(tenant uuid) RETURNS text
LANGUAGE sql AS $$ SELECT pg_catalog.set_config('app.tenant_id', tenant::text, true) $$;
COMMENT ON FUNCTION core.set_tenant IS 'Sets the client of this transaction, and of this transaction only.';
GRANT EXECUTE ON FUNCTION core.set_tenant TO backoffice_app;

-- Keeps what no update may change, and counts versions for optimistic locking.
CREATE FUNCTION core.touch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.tenant_id <> old.tenant_id OR new.id <> old.id OR new.created_at <> old.created_at THEN
    RAISE EXCEPTION 'identity of a row never changes' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  new.version := old.version + 1;
  new.updated_at := clock_timestamp();
  RETURN new;
END $$;

CREATE FUNCTION core.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'rows of this table are never changed or removed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
END $$;

------------------------------------------------------------------------------------------------------------ audit
CREATE TABLE audit.entry (
  tenant_id   uuid NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  change_id   uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  actor_id    uuid,
  actor_kind  text NOT NULL CHECK (actor_kind IN ('user', 'service', 'system', 'database')),
  actor_name  text NOT NULL,
  request_id  uuid,
  table_name  text NOT NULL,
  record_id   uuid NOT NULL,
  action      text NOT NULL CHECK (action IN ('insert', 'update', 'delete')),
  before      jsonb,
  after       jsonb,
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE audit.entry IS 'append-only; unaudited: the trail itself';
CREATE INDEX entry_by_record ON audit.entry (tenant_id, record_id, id);
CREATE INDEX entry_by_change ON audit.entry (tenant_id, change_id, id);

CREATE TABLE audit.link (
  tenant_id   uuid NOT NULL,
  seq         bigint NOT NULL,
  change_id   uuid NOT NULL,
  first_entry bigint NOT NULL,
  last_entry  bigint NOT NULL,
  entries     integer NOT NULL,
  sealed_at   timestamptz NOT NULL,
  hash        bytea NOT NULL,
  PRIMARY KEY (tenant_id, seq)
);
COMMENT ON TABLE audit.link IS 'append-only; unaudited: the chain over the trail';
CREATE INDEX link_by_change ON audit.link (tenant_id, change_id);

CREATE TABLE audit.chain (
  tenant_id uuid NOT NULL,
  seq       bigint NOT NULL,
  hash      bytea NOT NULL,
  PRIMARY KEY (tenant_id)
);
COMMENT ON TABLE audit.chain IS 'derived; unaudited: the newest link of each chain';

-- The text of an entry that the chain signs: everything that stands in it, in one order. It depends on no setting of the
-- session, so it needs none of its own and becomes part of the statement that calls it.
CREATE FUNCTION audit.canonical(e audit.entry) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT pg_catalog.jsonb_build_array(e.tenant_id, e.id, e.change_id, e.occurred_at AT TIME ZONE 'UTC', e.actor_id, e.actor_kind,
                                      e.actor_name, e.request_id, e.table_name, e.record_id, e.action, e.before, e.after)::text
$$;

-- Row trigger of every client table. Arguments: the table's name, then the columns that stay out of the trail (secrets).
CREATE FUNCTION audit.record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
  change    text := nullif(current_setting('audit.change_id', true), '');
  kind      text := coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database');
  old_image jsonb;
  new_image jsonb;
  secret    text;
BEGIN
  IF change IS NULL THEN
    change := set_config('audit.change_id', gen_random_uuid()::text, true);
  END IF;
  IF tg_op <> 'INSERT' THEN old_image := to_jsonb(old); END IF;
  IF tg_op <> 'DELETE' THEN new_image := to_jsonb(new); END IF;
  FOR i IN 1 .. tg_nargs - 1 LOOP
    secret := tg_argv[i];
    old_image := old_image - secret;
    new_image := new_image - secret;
  END LOOP;
  INSERT INTO audit.entry (tenant_id, change_id, occurred_at, actor_id, actor_kind, actor_name, request_id,
                           table_name, record_id, action, before, after)
  VALUES ((coalesce(new_image, old_image) ->> 'tenant_id')::uuid, change::uuid, clock_timestamp(),
          nullif(current_setting('app.actor_id', true), '')::uuid, kind,
          CASE WHEN kind = 'database' THEN session_user::text ELSE coalesce(current_setting('app.actor_name', true), '') END,
          nullif(current_setting('app.request_id', true), '')::uuid,
          tg_argv[0], (coalesce(new_image, old_image) ->> 'id')::uuid, lower(tg_op), old_image, new_image);
  RETURN NULL;
END $$;

-- At commit, the entries of this transaction become one link of the client's chain. The chain's row is locked last and
-- for a moment only, so that writers of one client wait for each other no longer than they must.
CREATE FUNCTION audit.seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
  sealed  text[] := string_to_array(nullif(current_setting('audit.sealed_through', true), ''), ' ');
  through bigint := 0;
  signed  record;
  head    record;
BEGIN
  IF sealed[1] = new.tenant_id::text THEN
    through := sealed[2]::bigint;
    IF through >= new.id THEN RETURN NULL; END IF;
  ELSE
    SELECT coalesce(max(l.last_entry), 0) INTO through FROM audit.link l
     WHERE l.tenant_id = new.tenant_id AND l.change_id = new.change_id;
    IF through >= new.id THEN RETURN NULL; END IF;
  END IF;
  SELECT min(e.id) AS first_entry, max(e.id) AS last_entry, count(*)::integer AS entries,
         sha256(convert_to(string_agg(audit.canonical(e), E'\n' ORDER BY e.id), 'UTF8')) AS digest
    INTO signed
    FROM audit.entry e
   WHERE e.tenant_id = new.tenant_id AND e.change_id = new.change_id AND e.id > through;
  INSERT INTO audit.chain AS c (tenant_id, seq, hash)
  VALUES (new.tenant_id, 1, sha256(signed.digest))
  ON CONFLICT (tenant_id) DO UPDATE SET seq = c.seq + 1, hash = sha256(c.hash || signed.digest)
  RETURNING c.seq, c.hash INTO head;
  INSERT INTO audit.link (tenant_id, seq, change_id, first_entry, last_entry, entries, sealed_at, hash)
  VALUES (new.tenant_id, head.seq, new.change_id, signed.first_entry, signed.last_entry, signed.entries, clock_timestamp(), head.hash);
  PERFORM set_config('audit.sealed_through', new.tenant_id::text || ' ' || signed.last_entry::text, true);
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER seal AFTER INSERT ON audit.entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.seal();

------------------------------------------------------------------------------------------------------------- wall
-- Puts the wall around a client table: row security on and forced, the one literal policy, grants, triggers.
--   nature   'mutable'     select, insert, update for the server; version and updated_at kept
--            'deletable'   the same and delete
--            'append_only' select and insert; changes refused by trigger even to the owner
--            'derived'     select only; written by definer triggers, out of the trail because it can be recomputed
--            'unaudited'   select, insert, update; bookkeeping of the server itself
--   portfolio  readable across the clients that the caller is granted
--   secrets    columns that stay out of the trail
CREATE FUNCTION core.raise_wall(walled regclass, nature text, portfolio boolean DEFAULT false, secrets text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  arguments text;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', walled);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', walled);
  EXECUTE format($policy$CREATE POLICY tenant ON %s USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)$policy$, walled);
  IF portfolio THEN
    -- a sub-select, unlike the policy above: the list is read once a statement instead of once a row
    EXECUTE format($policy$CREATE POLICY portfolio ON %s FOR SELECT TO backoffice_portfolio
      USING (tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[]))$policy$, walled);
    EXECUTE format('GRANT SELECT ON %s TO backoffice_portfolio', walled);
  END IF;
  EXECUTE format('GRANT SELECT ON %s TO backoffice_app', walled);
  CASE nature
    WHEN 'mutable', 'unaudited' THEN
      EXECUTE format('GRANT INSERT, UPDATE ON %s TO backoffice_app', walled);
    WHEN 'deletable' THEN
      EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO backoffice_app', walled);
    WHEN 'append_only' THEN
      EXECUTE format('GRANT INSERT ON %s TO backoffice_app', walled);
      EXECUTE format('CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION core.refuse_change()', walled);
      EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s EXECUTE FUNCTION core.refuse_change()', walled);
    WHEN 'derived' THEN
      NULL;
    ELSE
      RAISE EXCEPTION 'unknown nature %', nature;
  END CASE;
  IF nature IN ('mutable', 'deletable') THEN
    EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION core.touch()', walled);
  END IF;
  IF nature IN ('mutable', 'deletable', 'append_only') THEN
    SELECT string_agg(quote_literal(a), ', ') INTO arguments FROM unnest(array_prepend(walled::text, secrets)) AS a;
    EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.record(%s)', walled, arguments);
  END IF;
END $$;

SELECT core.raise_wall('audit.entry', 'derived');
SELECT core.raise_wall('audit.link', 'derived');
SELECT core.raise_wall('audit.chain', 'derived');
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.entry FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.link FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

---------------------------------------------------------------------------------------------------------- numbers
CREATE TABLE core.number_series (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  series      text NOT NULL CHECK (series ~ '^[a-z_]+(:[0-9a-z-]+)?$'),
  prefix      text NOT NULL CHECK (length(prefix) <= 20),
  last_number bigint NOT NULL DEFAULT 0 CHECK (last_number >= 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, series)
);
COMMENT ON TABLE core.number_series IS 'unaudited: the numbers stand on the documents; the integrity check counts them';
SELECT core.raise_wall('core.number_series', 'unaudited');

-- Takes the next number of a series. The row stays locked until the transaction ends, so a number is never lost:
-- the next taker waits for the commit or gets the same number after a rollback.
CREATE FUNCTION core.next_number(p_tenant uuid, p_series text, p_prefix text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  taken text;
BEGIN
  INSERT INTO core.number_series AS s (tenant_id, id, series, prefix, last_number)
  VALUES (p_tenant, gen_random_uuid(), p_series, p_prefix, 1)
  ON CONFLICT (tenant_id, series) DO UPDATE SET last_number = s.last_number + 1, updated_at = clock_timestamp()
  RETURNING s.prefix || lpad(s.last_number::text, greatest(5, length(s.last_number::text)), '0') INTO taken;
  RETURN taken;
END $$;
GRANT EXECUTE ON FUNCTION core.next_number TO backoffice_app;

------------------------------------------------------------------------------------------------------ idempotency
CREATE TABLE core.idempotency (
  tenant_id    uuid NOT NULL,
  actor_id     uuid NOT NULL,
  key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  request_hash bytea NOT NULL,
  answer       text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, actor_id, key)
);
COMMENT ON TABLE core.idempotency IS 'unaudited: answers kept so that a repeated request is answered, not run, again';
SELECT core.raise_wall('core.idempotency', 'unaudited');
CREATE INDEX idempotency_by_age ON core.idempotency (tenant_id, created_at);

---------------------------------------------------------------------------------------------------------- imports
CREATE TABLE core.import (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('chart_of_accounts', 'opening_balances', 'customers', 'vendors', 'bank_statement')),
  file_name  text NOT NULL CHECK (length(file_name) BETWEEN 1 AND 255),
  sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  lines      integer NOT NULL CHECK (lines >= 0),
  created    integer NOT NULL CHECK (created >= 0),
  unchanged  integer NOT NULL CHECK (unchanged >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE core.import IS 'append-only';
SELECT core.raise_wall('core.import', 'append_only');
CREATE INDEX import_by_file ON core.import (tenant_id, kind, sha256);
