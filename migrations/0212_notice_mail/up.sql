-- Notices by mail, as each person wants them: at once, once a day, or not at all.
CREATE TABLE practice.notice_preference (
  account_id uuid PRIMARY KEY REFERENCES identity.account,
  mail       text NOT NULL CHECK (mail IN ('at_once', 'daily', 'off')),
  hour       integer NOT NULL CHECK (hour BETWEEN 0 AND 23),
  time_zone  text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
  since      timestamptz NOT NULL,
  next_at    timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((mail = 'daily') = (next_at IS NOT NULL))
);
COMMENT ON TABLE practice.notice_preference IS 'local: which people want mails of what they are told, across all clients; none for who never said so';
COMMENT ON COLUMN practice.notice_preference.hour IS 'of the day in his zone, for one mail a day';
COMMENT ON COLUMN practice.notice_preference.since IS 'since when he wants mails: what he was told before is in none';
COMMENT ON COLUMN practice.notice_preference.next_at IS 'when the next mail of the day is due';
GRANT SELECT ON practice.notice_preference TO backoffice_identity;

-- In which clients somebody was told something of which no mail tells yet.
CREATE TABLE core.notice_waiting (
  account_id uuid NOT NULL,
  client_id  uuid NOT NULL,
  since      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, client_id)
);
COMMENT ON COLUMN core.notice_waiting.since IS 'about when the first of it was told: what lies long before came otherwise, as with an archive';
COMMENT ON TABLE core.notice_waiting IS 'local: who is to be sent a mail of which clients'' notices; reached by functions only';
INSERT INTO core.archive_exception (table_name, reason) VALUES
  ('core.notice_waiting', 'Mails that one server is about to send; the other begins with what happens there.');

CREATE FUNCTION core.wait_for_mail() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM practice.notice_preference p WHERE p.account_id = new.account_id AND p.mail <> 'off') THEN
    LOOP
      INSERT INTO core.notice_waiting (account_id, client_id) VALUES (new.account_id, new.tenant_id) ON CONFLICT DO NOTHING;
      EXIT WHEN FOUND;
      -- Held until this is kept, so that nobody takes the line away and finds no notice behind it.
      PERFORM 1 FROM core.notice_waiting w WHERE w.account_id = new.account_id AND w.client_id = new.tenant_id FOR KEY SHARE;
      EXIT WHEN FOUND;
    END LOOP;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER wait_for_mail AFTER INSERT ON practice.notice FOR EACH ROW EXECUTE FUNCTION core.wait_for_mail();

-- The next time at which the clock of a zone shows that hour.
CREATE FUNCTION practice.next_hour(p_hour integer, p_zone text, p_now timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT min(n.at) FROM (
    SELECT ((p_now AT TIME ZONE p_zone)::date + d.days + make_interval(hours => p_hour)) AT TIME ZONE p_zone AS at
      FROM unnest(ARRAY[0, 1, 2]) AS d (days)) n
   WHERE n.at > p_now
$$;
GRANT EXECUTE ON FUNCTION practice.next_hour TO backoffice_identity;

-- Says how somebody wants to be told by mail.
CREATE FUNCTION practice.notice_prefer(p_account uuid, p_mail text, p_hour integer, p_zone text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  due timestamptz := CASE WHEN p_mail = 'daily' THEN practice.next_hour(p_hour, p_zone, now()) END;
BEGIN
  INSERT INTO practice.notice_preference AS p (account_id, mail, hour, time_zone, since, next_at)
  VALUES (p_account, p_mail, p_hour, p_zone, now(), due)
  ON CONFLICT (account_id) DO UPDATE
    SET mail = p_mail, hour = p_hour, time_zone = p_zone, next_at = due, updated_at = clock_timestamp(),
        since = CASE WHEN p.mail = 'off' THEN now() ELSE p.since END;
  IF p_mail = 'off' THEN
    DELETE FROM core.notice_waiting w WHERE w.account_id = p_account;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION practice.notice_prefer TO backoffice_identity;

-- Whose mail is due, and of which clients: each is given once, to whoever asks for the mail in this transaction.
CREATE FUNCTION core.notice_mails_due(p_most integer) RETURNS TABLE (account_id uuid, clients uuid[], since timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  one practice.notice_preference;
BEGIN
  FOR one IN
    SELECT p.* FROM practice.notice_preference p
     WHERE p.next_at <= now()
        OR (p.mail = 'at_once' AND EXISTS (SELECT 1 FROM core.notice_waiting w WHERE w.account_id = p.account_id))
     ORDER BY p.account_id LIMIT p_most FOR UPDATE SKIP LOCKED
  LOOP
    IF one.mail = 'daily' THEN
      UPDATE practice.notice_preference p SET next_at = practice.next_hour(one.hour, one.time_zone, now()) WHERE p.account_id = one.account_id;
    END IF;
    WITH gone AS (DELETE FROM core.notice_waiting w WHERE w.account_id = one.account_id RETURNING w.client_id, w.since AS first)
    SELECT array_agg(g.client_id), min(g.first) INTO clients, since FROM gone g;
    CONTINUE WHEN clients IS NULL;
    account_id := one.account_id;
    RETURN NEXT;
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION core.notice_mails_due TO backoffice_identity;

-- What a mail tells: the notices of these clients that somebody has not read, of which no other mail tells, and whose records
-- he sees now. They are this mail's from then on. Nothing of a client that is closed to the server, and nothing to who wants
-- no mails any more; nothing that lies more than an hour before p_since. Of a comment its beginning, if he sees it now.
CREATE FUNCTION practice.notices_to_mail(p_account uuid, p_clients uuid[], p_job uuid, p_types text[], p_rights text[], p_since timestamptz)
RETURNS TABLE (email text, name text, client_name text, record_type text, cause text, actor_name text, event_kind text, says text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client  uuid;
  person  identity.account;
  wanted  practice.notice_preference;
  zone    text;
  called  text;
  held    text[];
  seen    text[];
BEGIN
  SELECT a.* INTO person FROM identity.account a WHERE a.id = p_account AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT p.* INTO wanted FROM practice.notice_preference p WHERE p.account_id = p_account AND p.mail <> 'off';
  IF NOT FOUND THEN RETURN; END IF;
  FOR client IN SELECT u.id FROM unnest(p_clients) AS u (id) ORDER BY u.id LOOP
    PERFORM core.set_tenant(client);
    SELECT c.time_zone, c.name INTO zone, called FROM practice.client c WHERE c.tenant_id = client;
    CONTINUE WHEN NOT FOUND;
    held := core.permissions_in(p_account, client, zone);
    CONTINUE WHEN held IS NULL OR NOT held @> '{work.notice.read}';
    seen := ARRAY (SELECT t.name FROM unnest(p_types, p_rights) AS t (name, needed) WHERE t.needed = ANY (held));
    UPDATE practice.notice n SET mail_job_id = p_job
     WHERE n.tenant_id = client AND n.account_id = p_account AND n.read_at IS NULL AND n.mail_job_id IS NULL AND n.created_at >= greatest(wanted.since, p_since - interval '1 hour');
    RETURN QUERY
      SELECT person.email, person.name, called, n.record_type, n.cause, n.actor_name, n.event_kind,
             (SELECT left(c.body, 200) FROM practice.comment c
               WHERE c.tenant_id = client AND c.id = n.comment_id AND held @> '{work.comment.read}'
                 AND (c.visible_to_client OR (person.staff AND held @> '{work.internal_comment.read}')))
        FROM practice.notice n
       WHERE n.tenant_id = client AND n.account_id = p_account AND n.read_at IS NULL AND n.mail_job_id = p_job
         AND n.record_type = ANY (seen) AND core.record_shown(client, n.record_type, n.record_id, held, p_account)
       ORDER BY n.id;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION practice.notices_to_mail TO backoffice_identity;
CREATE INDEX notice_unmailed ON practice.notice (tenant_id, account_id, mail_job_id) WHERE read_at IS NULL;
