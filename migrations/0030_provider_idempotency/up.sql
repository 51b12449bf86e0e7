-- Answers kept for repeated requests that belong to no client: taking clients on, staff, one's own account. The rows are
-- reached through the functions below only, each for the actor of its transaction.

CREATE TABLE core.provider_idempotency (
  actor_id     uuid NOT NULL REFERENCES identity.account,
  key_hash     bytea NOT NULL,
  request_hash bytea NOT NULL,
  answer       text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (actor_id, key_hash)
);
COMMENT ON TABLE core.provider_idempotency IS 'local: answers kept so that a repeated request of no client is answered, not run, again';
COMMENT ON COLUMN core.provider_idempotency.key_hash IS 'not the key itself: it is mixed into request_hash, so that nobody who reads this table can try out the passwords that such requests hold';
CREATE INDEX provider_idempotency_by_age ON core.provider_idempotency (created_at);

-- The actor of this transaction, as its door has set it.
CREATE FUNCTION core.acting() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  actor uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
BEGIN
  IF actor IS NULL THEN
    RAISE EXCEPTION 'nobody acts in this transaction' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN actor;
END $$;

-- Takes a key for this transaction, or gives what stands under it. A second request with the same key waits here until
-- the first one has committed or rolled back. Neither taken nor a request_hash: the row has gone in between.
CREATE FUNCTION core.claim_provider_key(p_key_hash bytea, p_request_hash bytea,
  OUT taken boolean, OUT request_hash bytea, OUT answer text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor uuid := core.acting();
BEGIN
  INSERT INTO core.provider_idempotency (actor_id, key_hash, request_hash) VALUES (actor, p_key_hash, p_request_hash)
  ON CONFLICT DO NOTHING;
  taken := FOUND;
  IF NOT taken THEN
    SELECT i.request_hash, i.answer INTO request_hash, answer
      FROM core.provider_idempotency i WHERE i.actor_id = actor AND i.key_hash = p_key_hash;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION core.claim_provider_key TO backoffice_app, backoffice_identity;

-- What stands under a key, without taking it.
CREATE FUNCTION core.provider_answer(p_key_hash bytea, OUT taken boolean, OUT request_hash bytea, OUT answer text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  SELECT i.request_hash, i.answer INTO request_hash, answer
    FROM core.provider_idempotency i WHERE i.actor_id = core.acting() AND i.key_hash = p_key_hash;
  taken := NOT FOUND;
END $$;
GRANT EXECUTE ON FUNCTION core.provider_answer TO backoffice_identity;

-- Writes the answer beside the key that this transaction has taken.
CREATE FUNCTION core.keep_provider_answer(p_key_hash bytea, p_answer text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE core.provider_idempotency i SET answer = p_answer
   WHERE i.actor_id = core.acting() AND i.key_hash = p_key_hash AND i.answer IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the key was not taken by this transaction';
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION core.keep_provider_answer TO backoffice_app, backoffice_identity;
