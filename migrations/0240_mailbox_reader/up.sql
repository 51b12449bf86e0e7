-- A mailbox at a mail server is read by one process at a time, whichever has its turn. What a reader does is safe without
-- this: each mail is known by its key. The turn spares the mail server, and keeps how often it has failed for all processes.
CREATE TABLE core.mailbox_turn (
  mailbox      text PRIMARY KEY CHECK (mailbox ~ '^[0-9a-f]{64}$'),
  reader       uuid,
  held_until   timestamptz,
  failures     integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  next_turn_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE core.mailbox_turn IS 'local: which process reads which mailbox; reached by functions only';
COMMENT ON COLUMN core.mailbox_turn.mailbox IS 'a digest of server, user and folder';

-- Takes the turn, or keeps it. No row if another process has it, or if it is not time yet.
CREATE FUNCTION core.take_mailbox_turn(p_mailbox text, p_reader uuid, p_seconds integer) RETURNS TABLE (failures integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  INSERT INTO core.mailbox_turn AS t (mailbox, reader, held_until)
  VALUES (p_mailbox, p_reader, clock_timestamp() + make_interval(secs => p_seconds))
  ON CONFLICT (mailbox) DO UPDATE SET reader = excluded.reader, held_until = excluded.held_until
   WHERE (t.reader = p_reader AND t.held_until IS NOT NULL)
      OR ((t.held_until IS NULL OR t.held_until < clock_timestamp()) AND t.next_turn_at <= clock_timestamp())
  RETURNING t.failures
$$;
GRANT EXECUTE ON FUNCTION core.take_mailbox_turn TO backoffice_identity;

-- Gives it back: how often it has failed by now, and when it is anybody's turn again.
CREATE FUNCTION core.end_mailbox_turn(p_mailbox text, p_reader uuid, p_failures integer, p_seconds integer) RETURNS TABLE (failures integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE core.mailbox_turn t
     SET reader = NULL, held_until = NULL, failures = p_failures,
         next_turn_at = clock_timestamp() + make_interval(secs => p_seconds)
   WHERE t.mailbox = p_mailbox AND t.reader = p_reader
  RETURNING t.failures
$$;
GRANT EXECUTE ON FUNCTION core.end_mailbox_turn TO backoffice_identity;
